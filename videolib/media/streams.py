"""The streams of a file: which one is the film, which can be decoded, and which may be.

Streams are judged by ffprobe's description of them, which open files have as well (probing): so
readers, reports and transcodes agree. `moving_pictures` finds the film, `undecodable` says why a
stream cannot be decoded, and `DecoderLimits` which of libav's demuxers and decoders may be used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from videolib.core.errors import LISTS_OF_FILES, uncommon_codec
from videolib.core.text import parse_clock, to_float, to_frame_rate, to_int
from videolib.storage.names import DEMUXERS

# libav's decoders of common codecs, and those of text, which are a few lines each. Every form of
# PCM is among them: it is copied more than decoded.
PICTURE_DECODERS = (
    "h264,hevc,libdav1d,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg1video,mpeg2video,mpeg4,msmpeg4v1,"
    "msmpeg4v2,msmpeg4,h263,h263p,flv,wmv1,wmv2,wmv3,vc1,mjpeg,prores,dnxhd,theora,cinepak,"
    "rawvideo,svq3,dvvideo,gif"
)
SOUND_DECODERS = (
    "aac,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,flac,alac,dca,truehd,"
    "wmav1,wmav2,wmapro,amrnb,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,adpcm_swf,adpcm_yamaha,"
    "pcm_alaw,pcm_bluray,pcm_dvd,pcm_f16le,pcm_f24le,pcm_f32be,pcm_f32le,pcm_f64be,pcm_f64le,"
    "pcm_lxf,pcm_mulaw,pcm_s16be,pcm_s16be_planar,pcm_s16le,pcm_s16le_planar,pcm_s24be,"
    "pcm_s24daud,pcm_s24le,pcm_s24le_planar,pcm_s32be,pcm_s32le,pcm_s32le_planar,pcm_s64be,"
    "pcm_s64le,pcm_s8,pcm_s8_planar,pcm_sga,pcm_u16be,pcm_u16le,pcm_u24be,pcm_u24le,pcm_u32be,"
    "pcm_u32le,pcm_u8,pcm_vidc"
)
SUBTITLE_DECODERS = "mov_text,srt,subrip,ass,ssa,text,webvtt,dvdsub,dvbsub,pgssub,cc_dec"

MAX_PIXELS = 40_000_000  # of a frame; 8K has 33 million, more is an attack or a mistake

# libav's options for streams that begin late, in bytes and microseconds (its own: 5 MB and 5 s; for
# MPEG streams more). What is read is kept in memory.
LONG_LOOK = {"probesize": str(100_000_000), "analyzeduration": str(600_000_000)}

NO_CODEC = ("", "none", "unknown")  # what stands in place of a codec's name
PHOTOGRAPHS = frozenset({"bmp", "gif", "jpeg2000", "mjpeg", "png", "tiff", "webp"})  # codecs

SUBSTANTIAL = 10.0  # a stream with fewer frames than another by this factor is not the film
MOVES = 1.5  # frames, as estimated: a still has fewer
UNKNOWN_LENGTH = 3600.0  # seconds that a stream counts as where nothing is declared


class DecoderLimits(NamedTuple):
    """Which demuxers and decoders may be used: the common ones and those in `names`, with commas
    between; "any" among them stands for all decoders.

    `long_look`: libav looks for the parameters of streams in LONG_LOOK of the file.
    """

    names: str = ""
    long_look: bool = False

    @property
    def containers(self) -> str:
        """The demuxers that may be used, with commas between."""
        further = [n for n in self.names.split(",") if n and n not in LISTS_OF_FILES]
        return ",".join([*DEMUXERS, *further])

    @property
    def decoders(self) -> str:
        """The decoders that may be used, with commas between; empty: all."""
        if "any" in self.names.split(","):
            return ""
        lists = (PICTURE_DECODERS, SOUND_DECODERS, SUBTITLE_DECODERS, self.names)
        return ",".join(filter(None, lists))

    def refusal(self, decoder: str) -> str:
        """Why a decoder may not be used, or an empty string."""
        decoders = self.decoders
        refused = decoders and decoder not in decoders.split(",")
        return uncommon_codec(decoder) if refused else ""

    @property
    def options(self) -> dict[str, str]:
        """libav's options that keep a hostile file from opening others or taking all memory."""
        options = {"format_whitelist": self.containers, "protocol_whitelist": "file"}
        options |= {"max_pixels": str(MAX_PIXELS)} | (LONG_LOOK if self.long_look else {})
        return options | ({"codec_whitelist": self.decoders} if self.decoders else {})

    @property
    def decoder_options(self) -> dict[str, str]:
        """Those of the options that every decoder has, too."""
        return {k: v for k, v in self.options.items() if k in ("codec_whitelist", "max_pixels")}


def has_disposition(stream: Mapping[str, Any], name: str) -> bool:
    """Whether a flag is set in a stream's `disposition`, whatever its shape."""
    disposition = stream.get("disposition")
    return isinstance(disposition, dict) and bool(disposition.get(name))


def is_cover(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is declared to be a cover picture."""
    return has_disposition(stream, "attached_pic")


def codec_of(stream: Mapping[str, Any]) -> str:
    """The name of a stream's codec; of one that libav does not know its FourCC, or an empty
    string."""
    codec = stream.get("codec_name")
    if isinstance(codec, str) and codec not in NO_CODEC:
        return codec
    tag = str(stream.get("codec_tag_string") or "").strip()
    return "" if tag.startswith("[0]") else tag


def undecodable(stream: Mapping[str, Any]) -> str:
    """Why nothing of a stream can be decoded, whatever is allowed, or an empty string."""
    if scheme := stream.get("encrypted"):
        return f"is encrypted ({scheme}): only a player that has its key can play it"
    if (stream.get("codec_name") or "") in NO_CODEC:
        codec = f"the codec {codec_of(stream)}" if codec_of(stream) else "an unknown codec"
        return f"is in {codec}, which nothing here can decode"
    return ""


def lacks_parameters(stream: Mapping[str, Any]) -> bool:
    """Whether a stream begins so late that libav has met none of its packets, which tell its
    parameters."""
    field = {"audio": "sample_rate", "video": "width"}.get(str(stream.get("codec_type")))
    return field is not None and "codec_name" in stream and not to_int(stream.get(field))


def streams_of_type(metadata: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    """The streams of a type in metadata of any shape, in their order."""
    streams = metadata.get("streams")
    streams = streams if isinstance(streams, list) else []
    return [s for s in streams if isinstance(s, dict) and s.get("codec_type") == kind]


def moving_pictures(streams: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The streams of moving pictures, the film that players should show first.

    Covers are left out, and so are stills beside a stream that moves. What can be decoded comes
    first, then what has at least a tenth of the frames that another stream has, then the larger
    picture, then the default stream, then the first.
    """
    pictures = [s for s in streams if s.get("codec_type") == "video" and not is_cover(s)]
    counts = {id(s): frame_count(s) for s in pictures}
    most = max((counts[id(s)] for s in pictures if not undecodable(s)), default=0.0)

    def rank(stream: Mapping[str, Any]) -> tuple[bool, bool, int, bool]:
        width, height = (to_int(stream.get(side)) or 0 for side in ("width", "height"))
        lasts = counts[id(stream)] * SUBSTANTIAL >= most
        return not undecodable(stream), lasts, width * height, has_disposition(stream, "default")

    moving = [s for s in pictures if counts[id(s)] >= MOVES or most < MOVES or undecodable(s)]
    return sorted(moving, key=rank, reverse=True)


def frame_count(stream: Mapping[str, Any]) -> float:
    """About how many frames a stream has, by what is declared of it.

    The number of frames, else the average rate times the duration; where no duration is declared,
    that of a long film, and for pictures in a codec of photographs one frame. Without a rate it is
    0: of a single frame libav can tell none.
    """
    count = to_float(stream.get("nb_frames")) or to_float(matroska_tag(stream, "NUMBER_OF_FRAMES"))
    if count:
        return count
    rate = to_frame_rate(stream.get("avg_frame_rate")) or 0.0
    if (end := tagged_duration(stream)) is not None:
        return rate * (end - (to_float(stream.get("start_time")) or 0.0))
    if str(stream.get("codec_name")) in PHOTOGRAPHS:
        return 1.0  # libav's own duration of a Matroska stream is a guess
    seconds = to_float(stream.get("duration"))
    return rate * (UNKNOWN_LENGTH if seconds is None else seconds)


def matroska_tag(stream: Mapping[str, Any], name: str) -> Any:
    """The value of a statistics tag, which mkvmerge writes with a language behind its name."""
    tags = stream.get("tags")
    tags = tags if isinstance(tags, dict) else {}
    names = (key for key in tags if key == name or str(key).startswith(f"{name}-"))
    return tags[key] if (key := next(names, None)) else None


def tagged_duration(stream: Mapping[str, Any]) -> float | None:
    """Seconds in the DURATION tag of a Matroska stream, at which it ends on the file's clock; None
    where it has none, or another text."""
    text = str(matroska_tag(stream, "DURATION") or "")
    is_duration = re.fullmatch(r"\d{1,4}:\d\d:\d\d(\.\d{1,9})?", text)
    return parse_clock(text) if is_duration else None


def film_of(streams: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The video stream that players should show; None: there are no moving pictures."""
    return next(iter(moving_pictures(streams)), None)
