"""Streams and chapters of an open container in the shape of ffprobe's JSON, by libav in here.

The descriptions have ffprobe's keys and formats, so that what is decided of a stream (streams) is
decided alike for files that are open and for metadata that ffprobe made.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.media.messages import libav_messages

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

NO_TIMESTAMP = -(1 << 63)  # libav's AV_NOPTS_VALUE
SHOW_IDS = 0x0008  # libav's AVFMT_SHOW_IDS: a format whose streams have numbers of their own

# ffprobe's names for the code points of ITU-T H.273.
SDR_COLORS = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m"}
COLOR_NAMES: dict[str, dict[int, str]] = {
    "color_range": {1: "tv", 2: "pc"},
    "color_space": SDR_COLORS | {0: "gbr", 4: "fcc", 8: "ycgco", 9: "bt2020nc", 10: "bt2020c"},
    "color_transfer": SDR_COLORS
    | {8: "linear", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12"}
    | {16: "smpte2084", 18: "arib-std-b67"},
    "color_primaries": SDR_COLORS | {9: "bt2020", 11: "smpte431", 12: "smpte432"},
}


def ffprobe_seconds(value: int | None, tick: float) -> str | None:
    """A time, in units of `tick` seconds, as ffprobe writes it."""
    return None if value is None or value == NO_TIMESTAMP else f"{value * tick:.6f}"


def without_unknown(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are known: ffprobe leaves out the others."""
    return {key: value for key, value in values.items() if value not in (None, {}, [])}


def ratio(value: Any, sign: str = "/") -> str | None:
    """A fraction as ffprobe writes it; None for None and for 0."""
    return f"{value.numerator}{sign}{value.denominator}" if value else None


def container_streams(container: InputContainer) -> list[dict[str, Any]]:
    """ffprobe's `streams` of a container, without display matrices, which libav has with frames
    only.

    A stream whose codec libav does not know, or has no decoder for, has no `codec_name`.
    """
    streams = [without_unknown(stream_json(stream)) for stream in container.streams]
    if not container.format.flags & SHOW_IDS:
        streams = [{key: v for key, v in stream.items() if key != "id"} for stream in streams]
    if any("codec_name" not in s and s["codec_type"] in ("video", "audio") for s in streams):
        for stream, tag in zip(streams, listed_tags(container, len(streams)), strict=True):
            stream |= {"codec_tag_string": tag} if tag else {}
    return streams


def container_listing(container: Any) -> str:
    """libav's own description of a container and its streams, as ffmpeg prints it; it has what PyAV
    has no attributes for."""
    with libav_messages("INFO"):  # the level of what makes up the listing
        return str(container.dumps_format())


def listed_tags(container: Any, count: int) -> list[str]:
    """The FourCC of each of `count` streams, also of those without a decoder, by libav's listing;
    empty where it has none."""
    line = r"^  Stream #0:(\d+)\b.*?: \w+: [^\n]*?\(([^()\n]+) / 0x[0-9A-F]+\)"
    matches = re.findall(line, container_listing(container), re.MULTILINE)
    tags = {int(index): tag for index, tag in matches}
    return [tags.get(index, "") for index in range(count)]


def stream_json(stream: Any) -> dict[str, Any]:
    """One of ffprobe's `streams`; values that libav does not know are None."""
    context, tick = stream.codec_context, float(stream.time_base or 0)
    common = {
        "index": stream.index,
        "codec_name": context.codec.canonical_name if context else None,
        "codec_type": stream.type,
        "profile": stream.profile if context else None,
        "codec_tag_string": codec_tag(stream) if context else None,
        "id": f"{stream.id:#x}",
        "time_base": ratio(stream.time_base),
        "start_pts": stream.start_time,
        "start_time": ffprobe_seconds(stream.start_time, tick),
        "duration_ts": stream.duration,
        "duration": ffprobe_seconds(stream.duration, tick),
        "bit_rate": str(context.bit_rate) if context and context.bit_rate else None,
        "nb_frames": str(stream.frames) if stream.frames else None,
        "disposition": disposition_json(stream.disposition),
        "tags": dict(stream.metadata),
    }
    if stream.type == "video":
        return common | _rate_json(stream) | (_picture_json(stream) if context else {})
    return common | (_sound_json(stream) if stream.type == "audio" and context else {})


def disposition_json(flags: Any) -> dict[str, int]:
    """ffprobe's `disposition`: 1 for the flags that are set, 0 for the others."""
    bits = int(flags)
    return {name: int(bool(bits & bit)) for name, bit in _disposition_bits()}


@functools.cache
def _disposition_bits() -> list[tuple[str, int]]:
    """The names and bits of libav's flags."""
    from av.stream import Disposition

    return [(str(flag.name), int(flag)) for flag in Disposition]


def codec_tag(stream: Any) -> str | None:
    """The FourCC of a stream as ffprobe writes it, bytes that are no letters as numbers; None where
    libav's bindings cannot give it, as for most numbers of audio codecs in AVI."""
    try:
        tag = str(stream.codec_tag)
    except UnicodeDecodeError:
        return None
    plain = re.compile(r"[A-Za-z0-9. _-]")
    return "".join(char if plain.match(char) else f"[{ord(char)}]" for char in tag)


def _rate_json(stream: VideoStream) -> dict[str, Any]:
    """The frame rates of a video stream, which libav knows without a decoder."""
    return {"r_frame_rate": ratio(stream.base_rate), "avg_frame_rate": ratio(stream.average_rate)}


def decoder_facts(stream: VideoStream) -> dict[str, Any]:
    """What ffprobe says of a video stream from its opened decoder, which is another than that of
    the stream: options of that can be set no more once it is open. Raises FFmpegError."""
    from av import CodecContext

    context: Any = CodecContext.create(stream.codec_context.codec, "r")
    context.extradata = stream.codec_context.extradata
    context.width, context.height = stream.width, stream.height
    context.open()
    depth = max(context.reorder_depth, stream.codec_context.reorder_depth)
    size = {"coded_width": context.coded_width, "coded_height": context.coded_height}
    return size | {"has_b_frames": depth}


def _picture_json(stream: VideoStream) -> dict[str, Any]:
    """The fields of `streams` that only video streams with a decoder have."""
    context = stream.codec_context
    aspect = stream.sample_aspect_ratio
    colors = {
        "color_range": context.color_range,
        "color_space": context.colorspace,
        "color_transfer": context.color_trc,
        "color_primaries": context.color_primaries,
    }
    return {
        "width": stream.width,
        "height": stream.height,
        "coded_width": context.coded_width or None,  # once a decoder was opened
        "coded_height": context.coded_height or None,
        "has_b_frames": context.reorder_depth,
        "sample_aspect_ratio": ratio(aspect, ":"),
        "display_aspect_ratio": ratio(stream.display_aspect_ratio, ":"),
        "pix_fmt": context.pix_fmt,
    } | {key: COLOR_NAMES[key].get(value) for key, value in colors.items()}


def _sound_json(stream: Any) -> dict[str, Any]:
    """The fields of `streams` that only audio streams with a decoder have."""
    context, name = stream.codec_context, stream.codec_context.layout.name
    return {
        "sample_fmt": context.format.name if context.format else None,
        "sample_rate": str(context.sample_rate),
        "channels": context.channels,
        # Where nothing says which channels these are, libav's name only counts them.
        "channel_layout": None if re.match(r"\d+ channels", name) else name,
    }


def chapter_json(chapter: Any) -> dict[str, Any]:
    """One of ffprobe's `chapters`."""
    tick = float(chapter["time_base"])
    return {
        "id": chapter["id"],
        "time_base": ratio(chapter["time_base"]),
        "start": chapter["start"],
        "start_time": ffprobe_seconds(chapter["start"], tick),
        "end": chapter["end"],
        "end_time": ffprobe_seconds(chapter["end"], tick),
        "tags": dict(chapter["metadata"]),
    }
