"""Declared durations of containers and streams, files cut off before them, positions in a video.

A file may declare more than it holds, because it was cut off, or less, or nothing at all. These
functions read what is declared, from containers and streams as libav opens them. The duration of a
video that everything else uses is `Media.duration`, which reads packets where nothing is declared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from videolib.core.text import parse_clock

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer


MAX_DURATION = 30 * 86400.0  # seconds a video may claim to last

# Seconds by which the data may end before the declared end in a file that is complete, and in its
# sound.
CUT_OFF_TOLERANCE, SOUND_TOLERANCE = 1.0, 2.0


def container_duration(container: InputContainer) -> float | None:
    """Seconds that a container declares for itself; None where it declares nothing.

    Matroska counts them from zero of its own clock, not from its first frame.
    """
    microseconds = container.duration
    return microseconds / 1_000_000 if microseconds and microseconds > 0 else None


def declared_duration(stream: Any, *, count_frames: bool = False) -> int | None:
    """The duration that a header declares for a stream, in its time base; None: none is declared.

    With `count_frames` it is the declared number of frames where that is larger. This is for AVI's
    video, whose time base is one frame: libav shortens the duration of a cut-off AVI to the data
    that exist, but leaves the number of its frames.
    """
    if not stream.duration or not stream.time_base:
        return None
    return max(stream.duration, stream.frames) if count_frames else int(stream.duration)


def declared_end(container: InputContainer, stream: Any, start: float) -> float | None:
    """When a stream ends by its header, in seconds from the container's `start`; None: unknown.

    It is at most the end of the container, since an edit list may end the video before its tracks
    end. For AVI's video there is no such limit: libav shortens the duration of a cut-off AVI's
    container, too.
    """
    avi_video = container.format.name == "avi" and stream.type == "video"
    duration = declared_duration(stream, count_frames=avi_video)
    if duration is None:
        return None
    end = ((stream.start_time or 0) + duration) * float(stream.time_base) - start
    limit = None if avi_video else container_duration(container)
    return end if limit is None else min(end, limit)


def declared_sound(stream: AudioStream) -> float:
    """Seconds of sound that a stream is declared to have; 0 where nothing is declared.

    The header decides, else Matroska's DURATION tag, as Matroska has no durations of streams.
    Unlike in `declared_end`, the start of the stream is not added.
    """
    duration = declared_duration(stream)
    if duration is not None and stream.time_base:
        return float(duration * stream.time_base)
    tag = stream.metadata.get("DURATION", "")
    return parse_clock(tag) if re.fullmatch(r"\d{1,4}:\d\d:\d\d\.\d{1,9}", tag) else 0.0


def is_cut_off(missing: float, tolerance: float = CUT_OFF_TOLERANCE) -> bool:
    """Whether a file was truncated: its data end `missing` seconds before the declared end."""
    return missing > tolerance


def cut_off_message(end: float, declared: float | None = None) -> str:
    """Message for a file whose data end after `end` seconds; with the `declared` ones, if not
    None."""
    whole = "" if declared is None else f" of {declared:.1f}"
    return f"cut off after {end:.1f}{whole} s"


def position_seconds(text: str, duration: float) -> float:
    """The time in a video that `middle`, a percentage (`25%`) or a number of seconds names."""
    if text == "middle":
        return duration / 2
    if text.endswith("%"):
        return duration * float(text[:-1]) / 100
    return float(text)
