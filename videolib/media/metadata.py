"""Metadata of videos in the shape of ffprobe's JSON.

`probe_with_pyav` makes it with libav in this process; `read_metadata` reads it from an artifact;
`summarize`, and for a stream `shown_size` and `bit_depth`, interpret it. Which stream is the film
is decided in streams.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.text import short_text, to_float, to_frame_rate, to_int
from videolib.media.encryption import mark_encrypted
from videolib.media.frames import first_frame
from videolib.media.geometry import Cropping, container_croppings, matrix_rotation
from videolib.media.probing import chapter_json, decoder_facts, ffprobe_seconds, without_unknown
from videolib.media.streams import codec_of, film_of, streams_of_type, undecodable
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State

if TYPE_CHECKING:
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
    return checked_metadata(read_json(path) or {})


def checked_metadata(metadata: dict[str, Any]) -> dict[str, Any] | None:
    """The metadata themselves; None where they are not of ffprobe's shape."""
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
    second) of a video, None where unknown; `encrypted`: True where a stream is, else None.

    `metadata` may be of any shape. Empty for a stub.
    """
    if metadata.get("stub"):
        return {}
    pictures, sounds = (streams_of_type(metadata, kind) for kind in ("video", "audio"))
    video = film_of(pictures) or {}
    audio = next(itertools.chain((s for s in sounds if not undecodable(s)), sounds), {})
    encrypted = any(stream.get("encrypted") for stream in (*pictures, *sounds))
    container = metadata.get("format")
    container = container if isinstance(container, dict) else {}
    width, height = shown_size(metadata, video)
    average_rate, real_rate = video.get("avg_frame_rate"), video.get("r_frame_rate")
    return {
        "duration": to_float(metadata.get("duration")) or to_float(container.get("duration")),
        "width": width,
        "height": height,
        "fps": to_frame_rate(average_rate) or to_frame_rate(real_rate),
        "vcodec": short_text(codec_of(video)) or None,
        "acodec": short_text(codec_of(audio)) or None,
        "bit_rate": to_int(container.get("bit_rate")),
        "encrypted": encrypted or None,
    }


def shown_size(
    metadata: Mapping[str, Any], stream: Mapping[str, Any]
) -> tuple[int | None, int | None]:
    """Width and height of a stream's upright picture, without what its container crops; None for
    one that is unknown."""
    width, height = to_int(stream.get("width")), to_int(stream.get("height"))
    croppings = metadata.get("cropping")
    entries = [c for c in croppings if isinstance(c, dict)] if isinstance(croppings, list) else []
    sides = next((e for e in entries if e.get("index") == stream.get("index")), None)
    if sides is not None and width and height:
        cropping = Cropping(*(to_int(sides.get(side)) or 0 for side in Cropping._fields))
        width, height = cropping.size(width, height)
    return (height, width) if is_turned(stream) else (width, height)


def is_turned(stream: Mapping[str, Any]) -> bool:
    """Whether a stream's pictures are shown after a quarter turn."""
    entries = stream.get("side_data_list")
    entries = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []
    degrees = next((e["rotation"] for e in entries if "rotation" in e), 0)
    return round((to_float(degrees) or 0) / 90) % 2 == 1


def cropping_json(media: Media) -> dict[str, Any]:
    """The field `cropping` of metadata: per stream that its container crops the index, and the
    pixels that are cut off each side; empty where there is none."""
    croppings = container_croppings(media.container)
    rows = [{"index": index} | cropping._asdict() for index, cropping in croppings.items()]
    return {"cropping": rows} if rows else {}


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
        "start_time": ffprobe_seconds(container.start_time, 1e-6),
        "duration": ffprobe_seconds(container.duration, 1e-6),
        "size": str(media.stat.st_size),
        "bit_rate": str(container.bit_rate) if container.bit_rate else None,
        "tags": dict(container.metadata),
    }
    streams = [dict(stream) for stream in media.stream_facts]
    for stream in streams if decode else ():
        stream |= _decoder_json(media, stream)
        stream |= without_unknown({"side_data_list": _matrix_json(media, stream["index"])})
    chapters = [chapter_json(chapter) for chapter in container.chapters()]
    fields = {"streams": streams, "chapters": chapters, "format": without_unknown(format_json)}
    return {"prober": "pyav"} | duration_json(media) | cropping_json(media) | fields


def add_to_ffprobe(media: Media, metadata: dict[str, Any]) -> None:
    """Add to ffprobe's metadata what it does not say: the streams that are `encrypted`, the
    `duration` of the film, and the `cropping`, which versions before 7.1 do not know."""
    names = str(metadata["format"].get("format_name"))
    mark_encrypted(media.descriptor, names, metadata["streams"])
    metadata |= duration_json(media) | cropping_json(media)


def duration_json(media: Media) -> dict[str, float]:
    """How long the film is (s), by `Media.duration`, as the key `duration` that is not ffprobe's.

    Empty where that cannot be said.
    """
    seconds = attempt(lambda: media.duration)
    return {} if isinstance(seconds, Failure) or seconds <= 0 else {"duration": round(seconds, 6)}


def _decoder_json(media: Media, stream: Mapping[str, Any]) -> dict[str, Any]:
    """What only an opened decoder says of a stream; empty for what is no video, or is not to be
    decoded here."""
    opened: Any = media.container.streams[stream["index"]]
    if stream["codec_type"] != "video" or media.refusal(opened):
        return {}
    facts = attempt(decoder_facts, opened)
    return {} if isinstance(facts, Failure) else facts


def _matrix_json(media: Media, index: int) -> list[dict[str, Any]]:
    """The display matrix of a stream, as ffprobe's `side_data_list`; empty without one and for
    streams that are not shown. PyAV has it with frames only."""
    shown_stream = attempt(lambda: media.stream)
    if isinstance(shown_stream, Failure) or shown_stream.index != index:
        return []
    if not media.has_keyframe:
        attempt(first_frame, media)
    matrix = media.display_matrix
    if not matrix:
        return []
    rows = ["".join(f" {value:11d}" for value in matrix[i : i + 3]) for i in (0, 3, 6)]
    text = "".join(f"\n{number:08x}: {row}" for number, row in enumerate(rows)) + "\n"
    rotation = matrix_rotation(matrix)
    return [{"side_data_type": "Display Matrix", "displaymatrix": text, "rotation": rotation}]
