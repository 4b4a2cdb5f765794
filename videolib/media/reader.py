"""Opening one video file safely, and reading its packets."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from videolib.core.errors import VideoError, uncommon
from videolib.core.files import stat_of, version_of
from videolib.core.text import plural
from videolib.core.workers import ProgressReporter
from videolib.storage.videos import open_regular, oshash

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from videolib.storage.videos import Video


ALLOWED_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegts,flv,asf,ogg"


ALLOWED_CODECS = (
    "h264,hevc,libdav1d,av1,vp8,vp9,libvpx,libvpx-vp9,mpeg1video,mpeg2video,mpeg4,msmpeg4v1,msmpeg4v2,"
    "msmpeg4,h263,h263p,flv,wmv1,wmv2,wmv3,vc1,mjpeg,prores,dnxhd,theora,cinepak,rawvideo,svq3,dvvideo,"
    "aac,aac_latm,mp3,mp3float,mp2,mp2float,ac3,eac3,opus,libopus,vorbis,flac,alac,dca,truehd,wmav1,"
    "wmav2,wmapro,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_mulaw,pcm_alaw,adpcm_ms,"
    "adpcm_ima_wav,adpcm_ima_qt,amrnb,mov_text,srt,subrip,ass,ssa,webvtt,dvdsub,dvbsub,pgssub,cc_dec"
)


NO_TIMESTAMP = -(1 << 63)


MAX_PIXELS = 40_000_000  # an 8K frame has 33 million; more is a bomb or a mistake


MAX_DURATION = 30 * 86400.0  # seconds a video may claim to last


class Media:
    """One video file opened for reading, in a worker process only.

    It is opened through a descriptor, so that no name means anything to libav and nobody can swap
    the file meanwhile. Opening the container waits until something asks for it. Times are seconds
    from the start of the container, as players count them.
    """

    def __init__(self, video: Video, allow_codecs: str = "", *, draft: bool = False) -> None:
        self.video, self.allow_codecs, self.draft = video, allow_codecs, draft
        self.progress = ProgressReporter()
        self.descriptor = open_regular(video.path)
        self.stat = os.fstat(self.descriptor)
        self.damage = 0  # packets that could not be read or decoded
        self.rotation: int | None = None  # degrees, as the first decoded frame tells
        self.cut_off: float | None = None  # seconds after which a truncated file has no more data
        self.end = NO_TIMESTAMP  # where the last packet read so far ends, in the stream's time base

    def __enter__(self) -> Media:
        return self

    def __exit__(self, *_: object) -> None:
        if "container" in vars(self):
            self.container.close()
        os.close(self.descriptor)

    @functools.cached_property
    def oshash(self) -> str:
        return oshash(self.descriptor)

    @property
    def url(self) -> str:
        return f"file:/dev/fd/{self.descriptor}"

    @property
    def limits(self) -> dict[str, str]:
        """libav's options that keep a hostile file from reaching others or taking all memory."""
        limits = {
            "format_whitelist": ALLOWED_FORMATS,
            "protocol_whitelist": "file",
            "max_pixels": str(MAX_PIXELS),
        }
        return limits if self.allow_codecs == "any" else limits | {"codec_whitelist": self.codecs}

    @property
    def codecs(self) -> str:
        """The decoders that may be used, with commas between."""
        return ",".join(filter(None, (ALLOWED_CODECS, self.allow_codecs)))

    @property
    def input_flags(self) -> list[str]:
        """The limits as ffmpeg and ffprobe take them before an input."""
        return [part for name, value in self.limits.items() for part in (f"-{name}", value)]

    def source_change(self) -> str:
        """What happened to the file since it was opened, or an empty string."""
        try:
            now = stat_of(self.video.path)
        except FileNotFoundError:
            return "vanished during the run: nothing was stored"
        if version_of(now) == version_of(self.stat):
            return ""
        return "unstable: it changed during the run, nothing was stored; run again later"

    @functools.cached_property
    def container(self) -> InputContainer:
        import av

        av.logging.set_level(None)
        opened = av.open(self.url, container_options=self.limits, metadata_errors="replace")
        own = {k: v for k, v in self.limits.items() if k in ("codec_whitelist", "max_pixels")}
        for stream in opened.streams:
            if stream.codec_context:  # a data stream, such as a camera's time code, has none
                stream.codec_context.options = own
        return opened

    @functools.cached_property
    def stream(self) -> VideoStream:
        """The stream a player shows: the largest but for cover pictures, default ones first."""
        from av.stream import Disposition

        streams = [
            s for s in self.container.streams.video if not s.disposition & Disposition.attached_pic
        ]
        if not streams:
            raise VideoError("has no video stream")
        best = max(
            streams, key=lambda s: (bool(s.disposition & Disposition.default), s.width * s.height)
        )
        if not best.width:
            raise VideoError("has no readable picture size: it is damaged, or its codec is unknown")
        context = best.codec_context
        context.thread_count = 1
        if self.draft:
            context.options = context.options | {"skip_loop_filter": "all"}
        return best

    @functools.cached_property
    def start(self) -> int:
        """The presentation timestamp, in the stream's time base, that a player calls 0."""
        if self.container.start_time is None or self.container.start_time == NO_TIMESTAMP:
            return self.stream.start_time or 0
        return round(self.container.start_time / 1_000_000 / self.tick)

    @functools.cached_property
    def origin(self) -> float:
        """The moment of the container's own clock that players call 0, in seconds, at least 0."""
        return max(self.container.start_time or 0, 0) / 1_000_000

    @functools.cached_property
    def tick(self) -> float:
        """Seconds per unit of the stream's time base."""
        if not self.stream.time_base:
            raise VideoError("has no time base: it is damaged")
        return float(self.stream.time_base)

    @functools.cached_property
    def duration(self) -> float:
        """Seconds; of the container, else of the stream, else up to its last packet."""
        container, stream = self.container, self.stream
        if container.duration and container.duration > 0:
            seconds = container.duration / 1_000_000
            if "matroska" in container.format.name:
                # Matroska tells when the last frame ends, from where its clock began.
                seconds -= self.origin
        elif stream.duration:
            seconds = stream.duration * self.tick
        else:
            seconds = max(
                (self.seconds(p.pts) for p in self.packets(self.start) if p.pts is not None),
                default=0.0,
            )
        if seconds > MAX_DURATION:
            raise VideoError(
                f"says it lasts {seconds / 86400:,.0f} days, which cannot be: it is damaged"
            )
        return seconds

    def sample_count(self, interval: float) -> int:
        """The number of moments every `interval` seconds before the end, from 1 to a billion."""
        count = min(self.duration / interval, 1e9)
        return max(math.ceil(count - 1e-6), 1)  # containers round durations

    def seconds(self, pts: int) -> float:
        return (pts - self.start) * self.tick

    @property
    def damage_note(self) -> str:
        """How much could not be read or decoded, or an empty string."""
        return f"{plural(self.damage, 'packet')} could not be decoded" if self.damage else ""

    def lacks(self, pts: int, end: int) -> bool:
        """Whether a time inside the promised length lies past `end`, the last data found."""
        return pts < self.promised and (pts - end) * self.tick > 1.0

    @property
    def promised(self) -> int:
        """The timestamp up to which the file says that it has pictures."""
        stream, end = self.stream, self.pts(self.duration)
        return min(end, (stream.start_time or 0) + stream.duration) if stream.duration else end

    def pts(self, seconds: float) -> int:
        """The presentation timestamp at a time, with half a microsecond of grace for rounding."""
        return self.start + math.floor((seconds + 5e-7) / self.tick)

    def read(self, *streams: Any) -> Iterator[Any]:
        """Packets of these streams (none: all), to the end or to damage that stops the demuxer."""
        import av

        try:
            yield from self.container.demux(*streams)
        except (av.FFmpegError, OSError, ValueError):
            self.damage += 1

    def packets(self, pts: int) -> Iterator[Packet[VideoStream]]:
        """Compressed frames of the stream from a keyframe at or before `pts`."""
        self._seek(pts)
        for packet in self.read(self.stream):
            if packet.size:
                if packet.pts is not None:
                    self.end = max(self.end, packet.pts + (packet.duration or 0))
                yield packet

    def _seek(self, pts: int) -> None:
        import av

        if pts <= self.start and "mpeg" in self.container.format.name:
            # MPEG streams are searched by decoding times, and the first is before the start.
            pts -= round(10 / self.tick)
        try:
            self.container.seek(pts, stream=self.stream, backward=True)
        except (av.FFmpegError, OSError, ValueError):
            # Some demuxers find nothing beyond the first or the last entry: begin again.
            self.container.seek(self.start, stream=self.stream, backward=True)

    def decode(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        """The frames that come out for a packet; for None those held back, and a reset decoder."""
        import av

        context = self.stream.codec_context
        try:
            frames = context.decode(packet)
        except (av.FFmpegError, OSError, ValueError):
            if not context.is_open and context.name not in self.codecs.split(","):
                raise VideoError(uncommon(context.name)) from None
            self.damage += 1
            frames = []
        if packet is None:
            context.flush_buffers()
        return frames

    @functools.cached_property
    def keyframes(self) -> list[int]:
        """Presentation timestamps of the keyframes that the container's index lists, in order.

        Empty without an index. MP4's index has decoding timestamps: the first keyframe tells how
        far presentation comes after them. What libav keeps of an MPEG stream as it reads is no
        index: it calls every frame a keyframe.
        """
        if "mpeg" in self.container.format.name:
            return []
        if "matroska" in self.container.format.name:
            # Matroska's cues are read at the first seek that needs them.
            end = (self.container.duration or 0) / 1_000_000
            self._seek(self.pts(end))
        entries = [entry for entry in self.stream.index_entries if entry.is_keyframe]
        first = next((p for p in self.packets(self.start) if p.is_keyframe), None)
        delay = 0
        if first and first.pts is not None and first.dts in {e.timestamp for e in entries}:
            delay = first.pts - first.dts
        return sorted(entry.timestamp + delay for entry in entries if not entry.is_discard)


def timestamp_of(packet: Packet[Any]) -> int | None:
    """When a packet is shown, else, where the file does not say, when it is decoded."""
    return packet.pts if packet.pts is not None else packet.dts
