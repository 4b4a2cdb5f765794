"""How long a film is, when its streams end, whether a file was cut off; positions in a video.

A file may declare more than it holds, because it was cut off or because its header is wrong, or
less, or nothing at all. `film_duration` decides by the evidence that there is, `declared_end` says
when one stream ends. The functions take containers and streams as libav opens them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import BrokenVideoError
from videolib.media.packets import (
    damage_errors,
    demux_played,
    packet_end,
    played_streams,
    timestamp_of,
)
from videolib.media.probing import NO_TIMESTAMP
from videolib.media.streams import tagged_duration

if TYPE_CHECKING:
    from av.container import InputContainer


MAX_DURATION = 30 * 86400.0  # seconds a video may claim to last

# Seconds by which the data of a complete file may end before the declared end, and its sound.
CUT_OFF_TOLERANCE, SOUND_TOLERANCE = 1.0, 2.0

# What a film of more than NEVER_DOUBTED seconds has at least, in bytes per second: speech takes
# 700 in Opus, a still picture 25 times a second about 500 in H.264.
LEAST_BYTE_RATE, NEVER_DOUBTED = 250, 600.0

LONGEST_LAST_PICTURE = 60.0  # seconds, in a doubtful file, unless a picture before it is longer
# Seconds before the first picture of it, and between two; more is a damaged timestamp.
LONGEST_GAP = 3600.0


class OpenFile(NamedTuple):
    """A file that is open: its container, its size in bytes, and a function that opens it once
    more, so that `container` stays where it is being read."""

    container: InputContainer
    size: int
    reopen: Callable[[], InputContainer]

    @property
    def start(self) -> float:
        """When the container begins, in seconds on its own clock, maybe below 0; 0: unknown."""
        return container_start(self.container) or 0.0


def container_start(container: InputContainer) -> float | None:
    """When a container begins, in seconds on its own clock, maybe below 0; None: unknown."""
    microseconds = container.start_time
    if microseconds is None or microseconds == NO_TIMESTAMP:
        return None
    return microseconds / 1_000_000


def film_duration(file: OpenFile) -> float:
    """Seconds from the time that players call 0 to the end of the longest stream that is played.

    The evidence, the first that there is:

    1. the end that the container declares; in Matroska it is on the container's own clock;
    2. the declared end of the longest stream;
    3. the end of the last packet, for which all are read: where nothing is declared, and where what
       is declared cannot be believed, see `is_doubtful`.

    Sound that lasts longer than the pictures counts: the last picture stands. Raises VideoError
    where the result is above MAX_DURATION.
    """
    seconds = declared_duration(file)
    if seconds is None or is_doubtful(file, seconds):
        seconds = max(packet_ends(file).values(), default=0.0)
    if seconds > MAX_DURATION:
        raise BrokenVideoError(
            f"says it lasts {seconds / 86400:,.0f} days, which cannot be: it is damaged"
        )
    return seconds


def declared_duration(file: OpenFile) -> float | None:
    """Seconds from the start to the end that a file declares; None: it declares none."""
    container = file.container
    seconds = container_duration(container)
    if seconds is not None and "matroska" in container.format.name:
        return seconds - max(file.start, 0.0)
    ends = [declared_end(file, stream) for stream in played_streams(container)]
    declared = [end for end in ends if end is not None]
    late = "mov" in container.format.name and file.start > 0
    if declared and (seconds is None or late):  # an edit list may count what is before the start
        return max(declared)
    return seconds


def is_doubtful(file: OpenFile, seconds: float) -> bool:
    """Whether a file that declares `seconds` is too small for them, or declares sound that lasts
    much longer than the pictures, or an end long after both: some headers count sound wrongly,
    and Matroska's has the last subtitle."""
    if is_too_small(file.size, seconds):
        return True
    ends: dict[str, list[float]] = {"video": [], "audio": []}
    for stream in played_streams(file.container):
        ends[stream.type].append(declared_end(file, stream) or 0.0)
    pictures, sound = (max(ends[kind], default=0.0) for kind in ("video", "audio"))
    if not pictures:
        return False
    return is_much_longer(sound, pictures) or is_much_longer(seconds, max(pictures, sound))


def is_much_longer(seconds: float, others: float) -> bool:
    """Whether a duration is so much longer than another that one of them must be wrong."""
    return seconds > 1.1 * others + 10


def is_too_small(size: int, seconds: float) -> bool:
    """Whether a file of `size` bytes is too small for a film of `seconds`."""
    return seconds > NEVER_DOUBTED and size < seconds * LEAST_BYTE_RATE


def packet_ends(file: OpenFile) -> dict[int, float]:
    """When each played stream ends by its packets, by index, in seconds from the start.

    The last packet of a stream lasts as long as the longest step before it, if it claims more.
    """
    ends, times, steps = dict[int, float](), dict[int, float](), dict[int, float]()
    with file.reopen() as container:
        for packet in demux_played(container):
            stamp, tick = timestamp_of(packet), float(packet.time_base or 0)
            if stamp is None or packet.is_discard:
                continue
            index, time = packet.stream_index, stamp * tick - file.start
            step = time - times.get(index, time)
            if abs(step if index in times else time) > LONGEST_GAP:
                continue
            steps[index] = max(steps.get(index, LONGEST_LAST_PICTURE), step)
            times[index] = max(time, times.get(index, time))
            end = time + min((packet.duration or 0) * tick, steps[index])
            ends[index] = max(ends.get(index, 0.0), end)
    return ends


def container_duration(container: InputContainer) -> float | None:
    """Seconds that a container declares for itself; None where it declares nothing.

    Matroska counts them from zero of its own clock, not from its first frame.
    """
    microseconds = container.duration
    return microseconds / 1_000_000 if microseconds and microseconds > 0 else None


def declared_end(file: OpenFile, stream: Any) -> float | None:
    """When a stream ends by its header, in seconds from the start; None: it is not declared.

    It is at most the end of the container, since an edit list may end the video before its tracks
    end, and a tag may be older than the file. For AVI's video there is no such limit: libav
    shortens the duration of a cut-off AVI's container, too.
    """
    container, names = file.container, file.container.format.name
    if "mpeg" in names or names == "asf":
        return None  # libav derives it from the last timestamps, or gives each the container's
    if "matroska" in names:
        end = tagged_duration({"tags": dict(stream.metadata)})
    elif "mov" in names and (stream.start_time or 0) > 0:
        end = _late_end(stream)
    else:
        end = _header_end(stream, count_frames=names == "avi" and stream.type == "video")
    limit = container_duration(container)
    if end is None or limit is None or (names == "avi" and stream.type == "video"):
        return None if end is None else end - file.start
    return min(end, limit) - file.start if "matroska" in names else min(end - file.start, limit)


def _header_end(stream: Any, *, count_frames: bool) -> float | None:
    """When a stream ends by the start and duration in its header (s); None: it has no duration.

    `count_frames`: by its number of frames where that is larger. This is for AVI's video, whose
    time base is one frame: libav shortens the duration of a cut-off AVI to the data that exist, but
    leaves the number of its frames.
    """
    if not stream.duration or not stream.time_base:
        return None
    duration = max(stream.duration, stream.frames) if count_frames else stream.duration
    return float(((stream.start_time or 0) + duration) * stream.time_base)


def _late_end(stream: Any) -> float | None:
    """When a stream of MP4 that begins late ends (s); None: it has no duration.

    Whether libav's duration includes the time before depends on how the edit list trims the stream.
    The index, of which a fragmented file shows only the beginning, is nearer to what is right; its
    entries have decoding times.
    """
    if not stream.duration or not stream.time_base:
        return None
    ends = [stream.start_time + stream.duration, stream.duration]
    times = [entry.timestamp for entry in stream.index_entries if not entry.is_discard]
    if times:
        by_index = stream.start_time + times[-1] - times[0]
        ends.sort(key=lambda end: abs(end - by_index))
    return float(ends[0] * stream.time_base)


def may_end_early(file: OpenFile, stream: Any) -> bool:
    """Whether a stream that ends before the film may be complete nevertheless.

    It may not where its own end is declared; else it may where another stream has data up to the
    declared end, and in MPEG files, which declare nothing.
    """
    seconds = declared_duration(file)
    if "mpeg" in file.container.format.name or seconds is None:
        return True
    if declared_end(file, stream) is not None:
        return False
    return not is_cut_off(seconds - last_packet_end(file, seconds))


def last_packet_end(file: OpenFile, seconds: float) -> float:
    """When the last packet ends (s), by the packets from a keyframe before the time `seconds` on,
    or by all where libav finds none there."""
    end = 0.0
    for place in (seconds, 0.0):
        with file.reopen() as container:
            with contextlib.suppress(*damage_errors()):
                container.seek(round((file.start + place) * 1_000_000))
            for packet in demux_played(container):
                if (last := packet_end(packet)) is not None:
                    end = max(end, last - file.start)
        if end:
            break
    return end


def is_cut_off(missing: float, tolerance: float = CUT_OFF_TOLERANCE) -> bool:
    """Whether a file was truncated: its data end `missing` seconds before the declared end."""
    return missing > tolerance


def cut_off_message(end: float, declared: float | None = None) -> str:
    """Message for a file whose data end after `end` seconds; with the `declared` ones, if not
    None."""
    whole = "" if declared is None else f" of {declared:.1f}"
    return f"cut off after {end:.1f}{whole} s"


def position_within(text: str, duration: float) -> tuple[float, str]:
    """The time in a video that `middle`, a percentage (`25%`) or a number of seconds names.

    One past the end is the end, with a note that says so.
    """
    if text == "middle":
        return duration / 2, ""
    seconds = duration * float(text[:-1]) / 100 if text.endswith("%") else float(text)
    if seconds > duration + 1e-6:
        return duration, f"{text} is past the end ({duration:.2f} s): the last frame was taken"
    return seconds, ""
