"""Video and audio encoders of the ffmpeg at hand, and their options."""

from __future__ import annotations

import re
import struct
import sys
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.languages import LANGUAGES
from videolib.core.processes import need_tool, run_tool
from videolib.media.frames import Frame
from videolib.media.metadata import bit_depth, first_frame

if TYPE_CHECKING:
    from index import Transcode
    from videolib.core.runs import Console
    from videolib.media.reader import Media


Hardware = Literal["none", "auto", "videotoolbox", "nvenc", "qsv", "vaapi"]


Preset = Literal[
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"
]


ACCELERATORS = ("videotoolbox", "nvenc", "qsv", "vaapi")


RATE = r"^(\d+(\.\d+)?[kKmM]?)?$"


HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})


def is_hdr(stream: Mapping[str, Any]) -> bool:
    return stream.get("color_transfer") in HDR_TRANSFERS


SOFTWARE = {"h264": "libx264", "hevc": "libx265", "vp9": "libvpx-vp9", "av1": "libsvtav1"}


class Encoder(NamedTuple):
    """A video encoder of the ffmpeg at hand: its name there, and the hardware it runs on."""

    name: str
    hardware: str

    @classmethod
    def of(cls, codec: str, hardware: str) -> Encoder:
        if hardware == "none":
            return cls(SOFTWARE[codec], hardware)
        return cls(f"{codec}_{hardware}", hardware)

    def device(self) -> list[str]:
        """What ffmpeg must be told before the input."""
        return ["-vaapi_device", "/dev/dri/renderD128"] if self.hardware == "vaapi" else []

    def upload(self, deep: bool) -> list[str]:
        """The filters that hand pictures over: their pixel format, and where they go."""
        if self.hardware == "none":
            return ["format=yuv420p10le" if deep else "format=yuv420p"]
        pixels = "format=p010le" if deep else "format=nv12"
        return [pixels, "hwupload"] if self.hardware == "vaapi" else [pixels]

    def trial(self, sound: str) -> None:
        """Encode one black frame and a moment of silence. Raises VideoError where that fails."""
        run_tool(
            [
                *(need_tool("ffmpeg"), "-v", "error", "-nostdin", *self.device()),
                *("-f", "lavfi", "-i", "color=black:size=256x256:rate=25"),
                *("-f", "lavfi", "-i", "anullsrc=sample_rate=48000"),
                *("-map", "0:v", "-map", "1:a", "-vf", ",".join(self.upload(deep=False))),
                *("-c:v", self.name, "-frames:v", "1", "-c:a", sound, "-frames:a", "1"),
                *("-f", "null", "-"),
            ],
            timeout=60,
        )


SOUND_ENCODERS = {"mp3": "libmp3lame", "opus": "libopus"}


def choose_encoder(request: Transcode, console: Console) -> Encoder:
    """The encoder that a request asks for, or with `auto` the first that works on this machine.

    Raises VideoError that lists what works where the wanted one does not.
    """
    sound = SOUND_ENCODERS.get(request.target_a, request.target_a)
    if request.hardware == "auto":
        for hardware in (*ACCELERATORS, "none"):
            encoder = Encoder.of(request.target_v, hardware)
            if not isinstance(attempt(encoder.trial, sound), Failure):
                console.say(f"transcode: encoding with {encoder.name}")
                return encoder
    wanted = Encoder.of(request.target_v, request.hardware.replace("auto", "none"))
    failed = attempt(wanted.trial, sound)
    if not isinstance(failed, Failure):
        return wanted
    there = [
        f"--hardware {hardware}"
        for hardware in ("none", *ACCELERATORS)
        if not isinstance(attempt(Encoder.of(request.target_v, hardware).trial, sound), Failure)
    ]
    raise VideoError(
        f"{need_tool('ffmpeg')} cannot encode {request.target_v} with {wanted.name} and {sound}"
        f" ({failed.reason}); what works here: {', '.join(there) or 'nothing'}"
    )


PRESETS: tuple[str, ...] = typing.get_args(Preset)


VP9_CPU_USED = (5, 5, 5, 4, 4, 3, 2, 1, 0)


SVT_PRESETS = (12, 11, 10, 10, 9, 8, 6, 4, 2)


NVENC_PRESETS = (1, 1, 2, 3, 3, 4, 5, 6, 7)


def effort_options(encoder: Encoder, preset: str) -> dict[str, str]:
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


def quality_options(encoder: Encoder, request: Transcode) -> dict[str, str]:
    """An encoder's own options for the bit rate or the constant quality that is asked for."""
    if request.v_bitrate:
        rate = bits(request.v_bitrate)
        return {"b": str(rate), "maxrate": str(rate * 3 // 2), "bufsize": str(rate * 3)}
    crf = str(request.crf)
    ways = {
        "videotoolbox": {"q": str(max(round(100 - request.crf * 1.6), 1))},
        "nvenc": {"rc": "vbr", "cq": crf, "b": "0"},
        "qsv": {"global_quality": crf},
        "vaapi": {"rc_mode": "CQP", "qp": crf},
        "none": {"crf": crf, "b": "0"} if encoder.name == "libvpx-vp9" else {"crf": crf},
    }
    return ways[encoder.hardware]


def bits(rate: str) -> int:
    """Bits per second of `3000k` or `3M`."""
    units = {"k": 1000, "m": 1_000_000}
    unit = units.get(rate[-1:].lower())
    return round(float(rate[:-1]) * unit) if unit else round(float(rate))


# The same way from high dynamic range as for pictures, in ffmpeg's filters.
TO_STANDARD_RANGE = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)


BT709_TAGS = {"color_range": "tv"} | dict.fromkeys(
    ("colorspace", "color_trc", "color_primaries"), "bt709"
)


COLOR_KEYS = {
    "color_range": "color_range",
    "colorspace": "color_space",
    "color_trc": "color_transfer",
    "color_primaries": "color_primaries",
}


def picture_options(
    stream: Mapping[str, Any], media: Media, request: Transcode, encoder: Encoder
) -> dict[str, str]:
    """ffmpeg's options, without the number of the stream, that encode one stream of pictures."""
    to_standard = request.tone_maps(stream)
    rgb = bool(re.match(r"(gbr|rgb|bgr|[0a]rgb|[0a]bgr|pal8)", stream.get("pix_fmt") or ""))
    keeps_depth = request.target_v != "h264" or request.hdr == "keep"
    deep = bit_depth(stream) > 8 and keeps_depth and not to_standard
    full = stream.get("color_range") == "pc" or "yuvj" in (stream.get("pix_fmt") or "")
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if stream.get("interlaced") else []
    if to_standard:
        filters.append(TO_STANDARD_RANGE)
    elif rgb:
        filters.append("scale=out_color_matrix=bt709:out_range=tv")
    elif full:
        filters.append("scale=in_range=full:out_range=full")
    if (stream.get("width") or 0) % 2 or (stream.get("height") or 0) % 2:
        filters.append("crop=trunc(iw/2)*2:trunc(ih/2)*2")
    colors = BT709_TAGS
    if not (to_standard or rgb):
        colors = {name: stream[key] for name, key in COLOR_KEYS.items() if stream.get(key)}
    mastering = mastering_options(media, encoder) if is_hdr(stream) and not to_standard else {}
    return {
        "c": encoder.name,
        "filter": ",".join([*filters, *encoder.upload(deep)]),
        **effort_options(encoder, request.preset),
        **quality_options(encoder, request),
        **colors,
        **({"x265-params": "log-level=error"} if encoder.name == "libx265" else {}),
        **mastering,
    }


def mastering_options(media: Media, encoder: Encoder) -> dict[str, str]:
    """What an HDR10 film says of its mastering display, which older ffmpegs do not pass on."""
    first = attempt(first_frame, media)
    if not isinstance(first, Frame) or encoder.name not in ("libx265", "libsvtav1"):
        return {}
    side_data: Any = first.raw.side_data
    side = {data.type.name: bytes(data) for data in side_data}
    display = mastering_display(side.get("MASTERING_DISPLAY_METADATA", b""))
    light = side.get("CONTENT_LIGHT_LEVEL", b"")
    peaks = [int.from_bytes(light[i : i + 4], sys.byteorder) for i in (0, 4)] if light else []
    svt = encoder.name == "libsvtav1"
    params = [] if svt else ["log-level=error", "hdr10=1", "repeat-headers=1"]
    if display:
        units = [1.0] * 10 if svt else [50_000.0] * 8 + [10_000.0] * 2
        red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y, dark, bright = (
            f"{value * unit:.{4 * svt}f}" for value, unit in zip(display, units, strict=True)
        )
        points = f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})"
        key = "mastering-display" if svt else "master-display"
        params.append(f"{key}={points}WP({white_x},{white_y})L({bright},{dark})")
    if peaks:
        key = "content-light=" if svt else "max-cll="
        params.append(f"{key}{peaks[0]},{peaks[1]}")
    return {"svtav1-params" if svt else "x265-params": ":".join(params)} if params else {}


def mastering_display(raw: bytes) -> list[float]:
    """Red, green, blue and white (x, y), least and most light, of libav's own structure."""
    if len(raw) < struct.calcsize("20i2i"):
        return []
    *ratios, has_primaries, has_luminance = struct.unpack_from("20i2i", raw)
    if not (has_primaries and has_luminance) or not all(ratios[1::2]):
        return []
    return [above / below for above, below in zip(ratios[::2], ratios[1::2], strict=True)]


def sound_options(stream: Mapping[str, Any], request: Transcode) -> dict[str, str]:
    """ffmpeg's options that encode one stream of sound."""
    options = {"c": SOUND_ENCODERS.get(request.target_a, request.target_a)}
    channels = stream.get("channels") or 2
    if request.target_a == "mp3":
        channels = min(channels, 2)
    if request.target_a != "alac" and request.a_bitrate:
        options["b"] = str(bits(request.a_bitrate) * max(channels, 2) // 2)
    if request.target_a == "opus":
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
