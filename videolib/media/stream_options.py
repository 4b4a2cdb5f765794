"""ffmpeg's options for each stream that a transcode writes: encoder, filters, colours, HDR, sound.

`stream_options` gives them for a stream as planned (transcode_plan), and `output_arguments` in
transcode makes a command of those of all streams.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.core.errors import attempt
from videolib.media.encoders import audio_encoder_for, effort_options, quality_options
from videolib.media.frames import Frame, first_frame
from videolib.media.geometry import side_data
from videolib.media.metadata import bit_depth
from videolib.media.targets import is_hdr

if TYPE_CHECKING:
    from videolib.media.encoders import Encoder, EncoderSettings
    from videolib.media.reader import Media
    from videolib.media.targets import AudioCodec, TranscodeTarget
    from videolib.media.transcode_plan import StreamPlan


def stream_options(
    stream_plan: StreamPlan, media: Media, target: TranscodeTarget, settings: EncoderSettings
) -> dict[str, str]:
    """ffmpeg's options for one stream of the output, without the stream's number."""
    stream = stream_plan.stream
    options = {"c": "copy"}
    if stream_plan.encodes("video"):
        options = picture_options(stream, media, target, settings) | {"fps_mode": "vfr"}
    elif stream_plan.encodes("audio"):
        options = sound_options(stream, target.audio_codec, settings.audio_bit_rate)
    elif stream_plan.action == "encode":
        options = {"c": "mov_text"}
    if stream_plan.type == "video" and target.video_codec == "hevc":
        options["tag"] = "hvc1"
    return options


def picture_options(
    stream: Mapping[str, Any], media: Media, target: TranscodeTarget, settings: EncoderSettings
) -> dict[str, str]:
    """ffmpeg's options that encode one stream of pictures."""
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
    """Whether a stream stores RGB, by the name of its pixel format."""
    pixel_format = stream.get("pix_fmt") or ""
    return bool(re.match(r"(gbr|rgb|bgr|[0a]rgb|[0a]bgr|pal8)", pixel_format))


# HDR to SDR with the operators of `pictures.tone_map`, as ffmpeg's filters.
HDR_TO_SDR = (
    "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,"
    "tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv"
)


def picture_filters(
    stream: Mapping[str, Any], tone_mapped: bool, size: tuple[int, int] | None = None
) -> list[str]:
    """The filters before the encoder: deinterlacing, cropping, scaling, colours, and an even size.

    `size`: width and height in square pixels, both even; None: as the source has them.
    """
    filters = ["bwdif=mode=send_frame:deint=interlaced"] if stream.get("interlaced") else []
    filters += stream.get("shown_by", [])
    scaling = [] if size is None else [f"{size[0]}:{size[1]}"]
    if not tone_mapped and is_rgb(stream):
        scaling.append("out_color_matrix=bt709:out_range=tv")
    elif not tone_mapped and is_full_range(stream):
        scaling.append("in_range=full:out_range=full")
    filters += [f"scale={':'.join(scaling)}"] if scaling else []
    filters += ["setsar=1"] if size else []
    filters += [HDR_TO_SDR] if tone_mapped else []  # after scaling: it takes long
    is_odd = (stream.get("width") or 0) % 2 or (stream.get("height") or 0) % 2
    if not size and (is_odd or stream.get("shown_by")):
        filters.append("crop=trunc(iw/2)*2:trunc(ih/2)*2")
    return filters


def is_full_range(stream: Mapping[str, Any]) -> bool:
    """Whether the values of a stream's pixels take up all eight bits, as those of photographs."""
    return stream.get("color_range") == "pc" or "yuvj" in (stream.get("pix_fmt") or "")


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


def color_options(stream: Mapping[str, Any], tone_mapped: bool) -> dict[str, str]:
    """The colour tags of the output: the source's, where its colours are not converted."""
    if tone_mapped or is_rgb(stream):
        return BT709_TAGS
    return {name: stream[key] for name, key in COLOR_KEYS.items() if stream.get(key)}


def mastering_options(media: Media, encoder: Encoder) -> dict[str, str]:
    """The first frame's HDR10 metadata (mastering display, light levels) as an option of x265 or
    SVT-AV1, since older ffmpegs do not pass them on; empty for other encoders."""
    frame = attempt(first_frame, media)
    if not isinstance(frame, Frame) or encoder.name not in ("libx265", "libsvtav1"):
        return {}
    entries = side_data(frame.raw)
    display = mastering_display(entries.get("MASTERING_DISPLAY_METADATA", b""))
    light = entries.get("CONTENT_LIGHT_LEVEL", b"")
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
    """A mastering display as encoders read it: with `in_units` in CIE xy and cd/m2, else in the
    steps of SMPTE ST 2086, which are 0.00002 for CIE xy and 0.0001 cd/m2."""
    steps = [1.0] * 10 if in_units else [50_000.0] * 8 + [10_000.0] * 2
    digits = 4 if in_units else 0
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y, dark, bright = (
        f"{value * step:.{digits}f}" for value, step in zip(display, steps, strict=True)
    )
    primaries = f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})"
    return f"{primaries}WP({white_x},{white_y})L({bright},{dark})"


def mastering_display(raw: bytes) -> list[float]:
    """The ten numbers of libav's AVMasteringDisplayMetadata: red, green, blue and white point (CIE
    x, y each), least and most light (cd/m2); empty where it does not have them all."""
    layout = struct.Struct("20i2i")  # ten rational numbers and two flags
    if len(raw) < layout.size:
        return []
    *rationals, has_primaries, has_luminance = layout.unpack_from(raw)
    numerators, denominators = rationals[::2], rationals[1::2]
    if not (has_primaries and has_luminance) or not all(denominators):
        return []
    return [top / bottom for top, bottom in zip(numerators, denominators, strict=True)]


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
