"""Metadata in ffprobe's shape: read by ffprobe or by libav, and what it says in short."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.core.documents import read_json
from videolib.core.errors import Failure, VideoError, attempt, unreadable_video
from videolib.core.processes import run_tool
from videolib.core.text import short_text, to_float, to_frame_rate, to_int
from videolib.media.frames import read_keyframe
from videolib.media.reader import NO_TIMESTAMP

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from videolib.media.frames import Frame
    from videolib.media.reader import Media


STREAM_SHAPE: dict[str, type] = {
    "disposition": dict,
    "tags": dict,
    "width": int,
    "height": int,
} | dict.fromkeys(("codec_name", "codec_type", "profile", "pix_fmt"), str)


def read_metadata(path: str) -> dict[str, Any] | None:
    """The metadata in an artifact; None where it is not of ffprobe's shape, whoever changed it."""
    metadata = read_json(path) or {}
    about, streams = metadata.get("format"), metadata.get("streams")
    if not isinstance(about, dict) or not isinstance(streams, list):
        return None
    for part in (about, *streams):
        if not isinstance(part, dict):
            return None
        if not all(isinstance(part.get(key, kind()), kind) for key, kind in STREAM_SHAPE.items()):
            return None
        if max(part.get("width", 0), part.get("height", 0)) >= 1 << 31:
            return None
    seconds = str(about.get("duration", "N/A"))
    return metadata if re.fullmatch(r"\d{1,12}(\.\d*)?|N/A", seconds) else None


def summarize(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The facts of SUMMARY from ffprobe-shaped metadata; None where it tells nothing sensible.

    Empty for a stub.
    """
    if metadata.get("stub"):
        return {}
    listed = metadata.get("streams")
    streams = [s for s in listed if isinstance(s, dict)] if isinstance(listed, list) else []
    video = max(
        filter(is_picture, streams),
        key=lambda s: (to_int(s.get("width")) or 0) * (to_int(s.get("height")) or 0),
        default=dict[str, Any](),
    )
    audio = next((s for s in streams if s.get("codec_type") == "audio"), dict[str, Any]())
    about = metadata.get("format")
    about = about if isinstance(about, dict) else {}
    return {
        "duration": to_float(about.get("duration")),
        "width": to_int(video.get("width")),
        "height": to_int(video.get("height")),
        "fps": to_frame_rate(video.get("avg_frame_rate"))
        or to_frame_rate(video.get("r_frame_rate")),
        "vcodec": short_text(video.get("codec_name")),
        "acodec": short_text(audio.get("codec_name")),
        "bit_rate": to_int(about.get("bit_rate")),
    }


def is_cover(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is a picture that goes with the file."""
    disposition = stream.get("disposition")
    return isinstance(disposition, dict) and bool(disposition.get("attached_pic"))


def is_picture(stream: Mapping[str, Any]) -> bool:
    """Whether a stream is moving pictures and not a cover."""
    return stream.get("codec_type") == "video" and not is_cover(stream)


def bit_depth(stream: Mapping[str, Any]) -> int:
    """Bits a sample, as the name of a stream's pixel format tells: yuv420p10le, p010le, gray12."""
    found = re.search(r"(?<!nv)(9|1[0246])(le|be)?$", str(stream.get("pix_fmt") or ""))
    return int(found[1]) if found else 8


def probe_with_ffprobe(ffprobe: str, media: Media) -> dict[str, Any]:
    """ffprobe's own JSON: format, streams and chapters."""
    show = ["-show_format", "-show_streams", "-show_chapters", "-print_format", "json"]
    argv = [ffprobe, "-v", "error", *media.input_flags, *show, media.url]
    told = attempt(run_tool, argv, timeout=60, pass_fds=[media.descriptor])
    if isinstance(told, Failure):
        invalid = told.reason.partition("Invalid data found")
        raise VideoError(unreadable_video("".join(invalid[1:])) if invalid[1] else told.reason)
    try:
        return {"prober": "ffprobe", **json.loads(told)}
    except (ValueError, TypeError):
        raise VideoError(f"{ffprobe} does not answer in JSON: is it ffprobe?") from None


def probe_with_pyav(media: Media, look: bool = True) -> dict[str, Any]:
    """The same as far as libav in this process tells, with ffprobe's keys and formats.

    `look`: decode a picture too, which alone tells the rotation.
    """
    container = media.container
    about = {
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
    for stream in streams if look else ():
        stream |= _present({"side_data_list": _rotation_json(media, stream["index"])})
    chapters = [_chapter_json(chapter) for chapter in container.chapters()]
    return {"prober": "pyav", "streams": streams, "chapters": chapters, "format": _present(about)}


def _ffprobe_seconds(value: int | None, tick: float) -> str | None:
    return None if value is None or value == NO_TIMESTAMP else f"{value * tick:.6f}"


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, {}, [])}


def _ratio(value: Any, sign: str = "/") -> str | None:
    return f"{value.numerator}{sign}{value.denominator}" if value else None


def _stream_json(media: Media, stream: Any) -> dict[str, Any]:
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
    """The four letters of a codec, or None where its tag is a number, as AVI's are for sound."""
    try:
        return str(stream.codec_tag)
    except UnicodeDecodeError:
        return None


# ffprobe's names for the numbers of ITU-T H.273.
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
    """The display matrix of the stream that is shown, which libav hangs on its frames."""
    shown_one = attempt(lambda: media.stream)
    if isinstance(shown_one, Failure) or shown_one.index != index:
        return []
    if media.rotation is None:
        attempt(first_frame, media)
    if not media.rotation:
        return []
    return [{"side_data_type": "Display Matrix", "rotation": media.rotation}]


def first_frame(media: Media) -> Frame | None:
    return next((frame for frame, _ in read_keyframe(media, media.start, [])), None)


def _chapter_json(chapter: Any) -> dict[str, Any]:
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
