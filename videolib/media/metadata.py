"""Metadata of videos in the shape of ffprobe's JSON.

`probe_with_pyav` makes it with libav in this process; `read_metadata` reads it from an artifact;
`summarize`, and for a stream `is_picture`, `is_cover` and `bit_depth`, interpret it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.text import short_text, to_float, to_frame_rate, to_int
from videolib.media.frames import first_frame
from videolib.media.reader import NO_TIMESTAMP
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from videolib.media.reader import Media
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


# The types that fields of a stream, or of the format, must have where they exist.
FIELD_TYPES: dict[str, type] = {
    "disposition": dict,
    "tags": dict,
    "width": int,
    "height": int,
} | dict.fromkeys(("codec_name", "codec_type", "profile", "pix_fmt"), str)


def read_metadata(path: str) -> dict[str, Any] | None:
    """The metadata in an artifact; None where the file cannot be read or is not of ffprobe's shape,
    as somebody may have edited it."""
    metadata = read_json(path) or {}
    container, streams = metadata.get("format"), metadata.get("streams")
    if not isinstance(container, dict) or not isinstance(streams, list):
        return None
    if not all(isinstance(part, dict) and _is_well_formed(part) for part in (container, *streams)):
        return None
    seconds = str(container.get("duration", "N/A"))
    return metadata if re.fullmatch(r"\d{1,12}(\.\d*)?|N/A", seconds) else None


def _is_well_formed(part: Mapping[str, Any]) -> bool:
    """Whether the fields of a stream, or of the format, have the types of FIELD_TYPES, and its
    width and height 31 bits."""
    if not all(isinstance(part.get(key, kind()), kind) for key, kind in FIELD_TYPES.items()):
        return False
    return all(part.get(key, 0) < 1 << 31 for key in ("width", "height"))


def fresh_metadata(video: Video, sidecars: SidecarDir) -> dict[str, Any] | None:
    """The metadata artifact of a video; None where it is not fresh or cannot be read."""
    artifact = ARTIFACTS["metadata"]
    try:
        if not sidecars or artifact.state(video, sidecars) is not State.FRESH:
            return None
    except OSError:  # the video is gone or unreadable: opening it will say why
        return None
    return read_metadata(sidecars[artifact.record_name(video)].path)


def summarize(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Duration (s), width and height (pixels), frames per second, codecs and bit rate (bits per
    second) of a video; None for values that are unknown.

    `metadata` may be of any shape. Empty for a stub.
    """
    if metadata.get("stub"):
        return {}
    streams = metadata.get("streams")
    streams = [s for s in streams if isinstance(s, dict)] if isinstance(streams, list) else []
    video = max(
        filter(is_picture, streams),
        key=lambda s: (to_int(s.get("width")) or 0) * (to_int(s.get("height")) or 0),
        default=dict[str, Any](),
    )
    audio = next((s for s in streams if s.get("codec_type") == "audio"), dict[str, Any]())
    container = metadata.get("format")
    container = container if isinstance(container, dict) else {}
    average_rate, real_rate = video.get("avg_frame_rate"), video.get("r_frame_rate")
    return {
        "duration": to_float(container.get("duration")),
        "width": to_int(video.get("width")),
        "height": to_int(video.get("height")),
        "fps": to_frame_rate(average_rate) or to_frame_rate(real_rate),
        "vcodec": short_text(video.get("codec_name")),
        "acodec": short_text(audio.get("codec_name")),
        "bit_rate": to_int(container.get("bit_rate")),
    }


def is_cover(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is a cover picture."""
    disposition = stream.get("disposition")
    return isinstance(disposition, dict) and bool(disposition.get("attached_pic"))


def is_picture(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is of moving pictures, not a cover."""
    return stream.get("codec_type") == "video" and not is_cover(stream)


def bit_depth(stream: Mapping[str, Any]) -> int:
    """Bits per sample, by the name of a stream's pixel format: yuv420p10le, p010le, gray12."""
    match = re.search(r"(?<!nv)(9|1[0246])(le|be)?$", str(stream.get("pix_fmt") or ""))
    return int(match[1]) if match else 8


def probe_with_pyav(media: Media, decode: bool = True) -> dict[str, Any]:
    """Metadata of a video by libav in this process, with ffprobe's keys and formats.

    `decode`: also decode the first picture, without which the rotation is unknown.
    """
    container = media.container
    format_json = {
        "nb_streams": len(container.streams),
        "format_name": container.format.name,
        "format_long_name": container.format.long_name,
        "start_time": _ffprobe_seconds(container.start_time, 1e-6),
        "duration": _ffprobe_seconds(container.duration, 1e-6),
        "size": str(media.stat.st_size),
        "bit_rate": str(container.bit_rate) if container.bit_rate else None,
        "tags": dict(container.metadata),
    }
    streams = [_present(_stream_json(media, stream)) for stream in container.streams]
    for stream in streams if decode else ():
        stream |= _present({"side_data_list": _rotation_json(media, stream["index"])})
    chapters = [_chapter_json(chapter) for chapter in container.chapters()]
    fields = {"streams": streams, "chapters": chapters, "format": _present(format_json)}
    return {"prober": "pyav"} | fields


def _ffprobe_seconds(value: int | None, tick: float) -> str | None:
    """A time, in units of `tick` seconds, as ffprobe writes it."""
    return None if value is None or value == NO_TIMESTAMP else f"{value * tick:.6f}"


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are known: ffprobe leaves out the others."""
    return {key: value for key, value in values.items() if value not in (None, {}, [])}


def _ratio(value: Any, sign: str = "/") -> str | None:
    """A fraction as ffprobe writes it; None for None and for 0."""
    return f"{value.numerator}{sign}{value.denominator}" if value else None


def _stream_json(media: Media, stream: Any) -> dict[str, Any]:
    """One of ffprobe's `streams`; values that libav does not know are None."""
    context, tick = stream.codec_context, float(stream.time_base or 0)
    common = {
        "index": stream.index,
        "codec_name": context.codec.canonical_name if context else None,
        "codec_type": stream.type,
        "profile": stream.profile if context else None,
        "codec_tag_string": codec_tag(stream) if context else None,
        "time_base": _ratio(stream.time_base),
        "start_pts": stream.start_time,
        "start_time": _ffprobe_seconds(stream.start_time, tick),
        "duration_ts": stream.duration,
        "duration": _ffprobe_seconds(stream.duration, tick),
        "bit_rate": str(context.bit_rate) if context and context.bit_rate else None,
        "nb_frames": str(stream.frames) if stream.frames else None,
        "disposition": {f.name: int(f in stream.disposition) for f in type(stream.disposition)},
        "tags": dict(stream.metadata),
    }
    if stream.type == "video":
        return common | _picture_json(stream)
    if stream.type == "audio":
        return common | {
            "sample_fmt": context.format.name if context.format else None,
            "sample_rate": str(context.sample_rate),
            "channels": context.channels,
            "channel_layout": context.layout.name,
        }
    return common


def codec_tag(stream: Any) -> str | None:
    """The FourCC of a stream; None where the tag is a number, as those of audio in AVI are."""
    try:
        return str(stream.codec_tag)
    except UnicodeDecodeError:
        return None


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


def _picture_json(stream: VideoStream) -> dict[str, Any]:
    """The fields of `streams` that only video streams have."""
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
        "coded_width": context.coded_width,
        "coded_height": context.coded_height,
        "has_b_frames": int(context.has_b_frames),
        "sample_aspect_ratio": _ratio(aspect, ":"),
        "display_aspect_ratio": _ratio(stream.display_aspect_ratio, ":"),
        "pix_fmt": context.pix_fmt,
        "r_frame_rate": _ratio(stream.base_rate),
        "avg_frame_rate": _ratio(stream.average_rate),
    } | {key: COLOR_NAMES[key].get(value) for key, value in colors.items()}


def _rotation_json(media: Media, index: int) -> list[dict[str, Any]]:
    """The display matrix of a stream, as ffprobe's `side_data_list`; empty without a rotation and
    for streams that are not shown. libav has it with frames only."""
    shown_stream = attempt(lambda: media.stream)
    if isinstance(shown_stream, Failure) or shown_stream.index != index:
        return []
    if media.rotation is None:
        attempt(first_frame, media)
    if not media.rotation:
        return []
    return [{"side_data_type": "Display Matrix", "rotation": media.rotation}]


def _chapter_json(chapter: Any) -> dict[str, Any]:
    """One of ffprobe's `chapters`."""
    tick = float(chapter["time_base"])
    return {
        "id": chapter["id"],
        "time_base": _ratio(chapter["time_base"]),
        "start": chapter["start"],
        "start_time": _ffprobe_seconds(chapter["start"], tick),
        "end": chapter["end"],
        "end_time": _ffprobe_seconds(chapter["end"], tick),
        "tags": dict(chapter["metadata"]),
    }
