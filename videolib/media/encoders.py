"""Video and audio encoders of the ffmpeg at hand, and the options they are given."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.languages import LANGUAGES
from videolib.core.processes import need_tool, run_tool
from videolib.media.frames import Frame
from videolib.media.metadata import bit_depth, first_frame
from videolib.media.targets import ACCELERATORS, PRESETS, is_hdr

if TYPE_CHECKING:
    from videolib.media.reader import Media
    from videolib.media.targets import AudioCodec, Hardware, Preset, TranscodeTarget, VideoCodec


SOFTWARE_ENCODERS = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}
AUDIO_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}  # the others are called as their codec


def audio_encoder_for(codec: str) -> str:
    """The name of ffmpeg's encoder for an audio codec."""
    return AUDIO_ENCODERS.get(codec, codec)


class Encoder(NamedTuple):
    """A video encoder of the ffmpeg at hand: its name there, and the hardware it runs on."""

    name: str
    hardware: str

    @classmethod
    def of(cls, codec: str, hardware: str) -> Encoder:
        """The encoder for a codec on that hardware; `none` stands for software."""
        if hardware == "none":
            return cls(SOFTWARE_ENCODERS[codec], hardware)
        return cls(f"{codec}_{hardware}", hardware)

    def device(self) -> list[str]:
        """ffmpeg's options before the input: the device, where it must be named."""
        return ["-vaapi_device", "/dev/dri/renderD128"] if self.hardware == "vaapi" else []

    def upload(self, ten_bits: bool) -> list[str]:
        """The last filters: a pixel format that it takes and, for VAAPI, the way to the device."""
        if self.hardware == "none":
            return ["format=yuv420p10le" if ten_bits else "format=yuv420p"]
        pixels = "format=p010le" if ten_bits else "format=nv12"
        return [pixels, "hwupload"] if self.hardware == "vaapi" else [pixels]

    def try_out(self, audio_encoder: str) -> None:
        """Encode one black frame and a moment of silence. Raises VideoError where that fails."""
        run_tool(
            [
                *(need_tool("ffmpeg"), "-v", "error", "-nostdin", *self.device()),
                *("-f", "lavfi", "-i", "color=black:size=256x256:rate=25"),
                *("-f", "lavfi", "-i", "anullsrc=sample_rate=48000"),
                *("-map", "0:v", "-map", "1:a", "-vf", ",".join(self.upload(ten_bits=False))),
                *("-c:v", self.name, "-frames:v", "1", "-c:a", audio_encoder, "-frames:a", "1"),
                *("-f", "null", "-"),
            ],
            timeout=60,
        )


def choose_encoder(video_codec: VideoCodec, audio_codec: AudioCodec, hardware: Hardware) -> Encoder:
    """The encoder for that hardware, or with `auto` the first that works on this machine.

    Raises VideoError that lists what works where the wanted one does not.
    """
    audio_encoder = audio_encoder_for(audio_codec)
    encoders = {name: Encoder.of(video_codec, name) for name in (*ACCELERATORS, "none")}
    candidates = [*encoders.values()] if hardware == "auto" else [encoders[hardware]]
    reasons = list[str]()
    for encoder in candidates:
        result = attempt(encoder.try_out, audio_encoder)
        if not isinstance(result, Failure):
            return encoder
        reasons.append(result.reason)
    working = [
        f"--hardware {name}"
        for name in ("none", *ACCELERATORS)
        if not isinstance(attempt(encoders[name].try_out, audio_encoder), Failure)
    ]
    codecs = f"{video_codec} with {candidates[-1].name} and {audio_encoder}"
    raise VideoError(
        f"{need_tool('ffmpeg')} cannot encode {codecs} ({reasons[-1]}); "
        f"what works here: {', '.join(working) or 'nothing'}"
    )


class EncoderSettings(NamedTuple):
    """How the streams of an output are encoded.

    Bit rates are bits per second: that of the video replaces the constant quality `crf`, that of
    the audio is for up to two channels, more get in proportion. None leaves them to the encoder.
    """

    encoder: Encoder
    crf: int
    preset: Preset
    video_bit_rate: int | None = None
    audio_bit_rate: int | None = None


# Levels of effort of other encoders that correspond to PRESETS, in the same order.
VP9_CPU_USED = (5, 5, 5, 4, 4, 3, 2, 1, 0)
SVT_PRESETS = (12, 11, 10, 10, 9, 8, 6, 4, 2)
NVENC_PRESETS = (1, 1, 2, 3, 3, 4, 5, 6, 7)


def effort_options(encoder: Encoder, preset: Preset) -> dict[str, str]:
    """An encoder's own options for one of x264's presets."""
    level = PRESETS.index(preset)
    if encoder.hardware in ("vaapi", "videotoolbox"):
        return {}
    if encoder.hardware == "nvenc":
        return {"preset": f"p{NVENC_PRESETS[level]}"}
    if encoder.name == "libvpx-vp9":
        return {"deadline": "good", "cpu-used": str(VP9_CPU_USED[level]), "row-mt": "1"}
    if encoder.name == "libsvtav1":
        return {"preset": str(SVT_PRESETS[level])}
    return {"preset": preset if encoder.hardware == "none" else PRESETS[max(level, 2)]}


def quality_options(settings: EncoderSettings) -> dict[str, str]:
    """An encoder's own options for the bit rate or, without one, the constant quality."""
    if (bit_rate := settings.video_bit_rate) is not None:
        return {"b": str(bit_rate), "maxrate": str(bit_rate * 3 // 2), "bufsize": str(bit_rate * 3)}
    encoder, crf = settings.encoder, str(settings.crf)
    by_hardware = {
        "videotoolbox": {"q": str(max(round(100 - settings.crf * 1.6), 1))},
        "nvenc": {"rc": "vbr", "cq": crf, "b": "0"},
        "qsv": {"global_quality": crf},
        "vaapi": {"rc_mode": "CQP", "qp": crf},
        "none": {"crf": crf, "b": "0"} if encoder.name == "libvpx-vp9" else {"crf": crf},
    }
    return by_hardware[encoder.hardware]


# HDR to SDR with the operators of `pictures.tone_map`, as ffmpeg's filters.
HDR_TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)

BT709_TAGS = {"color_range": "tv"} | dict.fromkeys(
    ("colorspace", "color_trc", "color_primaries"), "bt709"
)

# ffmpeg's options for colours, and the keys of ffprobe that hold their values.
COLOR_KEYS = {
    "color_range": "color_range",
    "colorspace": "color_space",
    "color_trc": "color_transfer",
    "color_primaries": "color_primaries",
}


def picture_options(
    stream: Mapping[str, Any], media: Media, target: TranscodeTarget, settings: EncoderSettings
) -> dict[str, str]:
    """ffmpeg's options, without the number of the stream, that encode one stream of pictures."""
    encoder, tone_mapped = settings.encoder, target.tone_maps(stream)
    ten_bits = bit_depth(stream) > 8 and target.allows_10_bits and not tone_mapped
    filters = [*picture_filters(stream, tone_mapped), *encoder.upload(ten_bits)]
    keeps_hdr = is_hdr(stream) and not tone_mapped
    return {
        "c": encoder.name,
        "filter": ",".join(filters),
        **effort_options(encoder, settings.preset),
        **quality_options(settings),
        **color_options(stream, tone_mapped),
        **({"x265-params": "log-level=error"} if encoder.name == "libx265" else {}),
        **(mastering_options(media, encoder) if keeps_hdr else {}),
    }


def is_rgb(stream: Mapping[str, Any]) -> bool:
    pixel_format = stream.get("pix_fmt") or ""
    return bool(re.match(r"(gbr|rgb|bgr|[0a]rgb|[0a]bgr|pal8)", pixel_format))


def picture_filters(stream: Mapping[str, Any], tone_mapped: bool) -> list[str]:
    """The filters before the encoder: deinterlacing, colours, and an even size."""
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if stream.get("interlaced") else []
    if tone_mapped:
        filters.append(HDR_TO_SDR)
    elif is_rgb(stream):
        filters.append("scale=out_color_matrix=bt709:out_range=tv")
    elif stream.get("color_range") == "pc" or "yuvj" in (stream.get("pix_fmt") or ""):
        filters.append("scale=in_range=full:out_range=full")
    if (stream.get("width") or 0) % 2 or (stream.get("height") or 0) % 2:
        filters.append("crop=trunc(iw/2)*2:trunc(ih/2)*2")
    return filters


def color_options(stream: Mapping[str, Any], tone_mapped: bool) -> dict[str, str]:
    """The colour tags of the output: the source's, where its colours are not converted."""
    if tone_mapped or is_rgb(stream):
        return BT709_TAGS
    return {name: stream[key] for name, key in COLOR_KEYS.items() if stream.get(key)}


def mastering_options(media: Media, encoder: Encoder) -> dict[str, str]:
    """HDR10 metadata of the first frame as x265 and SVT-AV1 take it: the mastering display and the
    light levels, which older ffmpegs do not pass on."""
    frame = attempt(first_frame, media)
    if not isinstance(frame, Frame) or encoder.name not in ("libx265", "libsvtav1"):
        return {}
    frame_side_data: Any = frame.raw.side_data
    side_data = {data.type.name: bytes(data) for data in frame_side_data}
    display = mastering_display(side_data.get("MASTERING_DISPLAY_METADATA", b""))
    light = side_data.get("CONTENT_LIGHT_LEVEL", b"")
    svt = encoder.name == "libsvtav1"
    params = [] if svt else ["log-level=error", "hdr10=1", "repeat-headers=1"]
    if display:
        key = "mastering-display" if svt else "master-display"
        params.append(f"{key}={display_text(display, in_units=svt)}")
    if light:
        # MaxCLL and MaxFALL, in cd/m2
        levels = [int.from_bytes(light[i : i + 4], sys.byteorder) for i in (0, 4)]
        key = "content-light" if svt else "max-cll"
        params.append(f"{key}={levels[0]},{levels[1]}")
    return {"svtav1-params" if svt else "x265-params": ":".join(params)} if params else {}


def display_text(display: list[float], in_units: bool) -> str:
    """A mastering display for an encoder: in CIE xy and cd/m2, or in the steps of SMPTE ST 2086,
    which are 0.00002 and 0.0001 cd/m2."""
    steps = [1.0] * 10 if in_units else [50_000.0] * 8 + [10_000.0] * 2
    digits = 4 if in_units else 0
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y, dark, bright = (
        f"{value * step:.{digits}f}" for value, step in zip(display, steps, strict=True)
    )
    primaries = f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})"
    return f"{primaries}WP({white_x},{white_y})L({bright},{dark})"


def mastering_display(raw: bytes) -> list[float]:
    """Red, green, blue and white point (CIE x, y), least and most light (cd/m2) of libav's
    AVMasteringDisplayMetadata; empty where it does not have them all."""
    layout = struct.Struct("20i2i")  # ten rational numbers and two flags
    if len(raw) < layout.size:
        return []
    *rationals, has_primaries, has_luminance = layout.unpack_from(raw)
    numerators, denominators = rationals[::2], rationals[1::2]
    if not (has_primaries and has_luminance) or not all(denominators):
        return []
    return [above / below for above, below in zip(numerators, denominators, strict=True)]


def sound_options(
    stream: Mapping[str, Any], codec: AudioCodec, bit_rate: int | None
) -> dict[str, str]:
    """ffmpeg's options that encode one audio stream; `bit_rate` is for up to two channels."""
    options = {"c": audio_encoder_for(codec)}
    channels = stream.get("channels") or 2
    if codec == "mp3":
        channels = min(channels, 2)
    if codec != "alac" and bit_rate is not None:
        options["b"] = str(bit_rate * max(channels, 2) // 2)
    if codec == "opus":
        # libopus does not know the surround layouts with side speakers.
        options["filter"] = "aformat=channel_layouts=7.1|6.1|5.1|5.0|quad|3.0|stereo|mono"
    return options


def tag_options(stream: Mapping[str, Any]) -> list[str]:
    """A stream's tags in the form that MP4 has for them."""
    tags = stream.get("tags", {})
    options = []
    if tags.get("title"):
        # MP4 has no title of a track: its handler's name is what players show.
        options.append(f"handler_name={tags['title']}")
    language = str(tags.get("language", "")).partition("-")[0].lower()
    if language in LANGUAGES:  # MP4 wants three letters, Matroska often has two
        options.append(f"language={LANGUAGES[language][0]}")
    return options
