"""The clock of an MPEG stream (TS, PS, VOB) that does not run through, put on one timeline.

Recordings that were joined byte by byte start their clock anew in the middle, and a flipped bit
makes a timestamp jump by hours. libav seeks by timestamps and gives them as they are. `find_clock`
looks for such jumps at a few places of a file; where there are some, an `MpegClock` is made, for
which all packets are read once. It corrects timestamps and says at which byte a keyframe begins.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from videolib.media.duration import LEAST_BYTE_RATE, container_duration, is_too_small
from videolib.media.packets import demux_played, played_streams

if TYPE_CHECKING:
    from videolib.media.duration import OpenFile

TICKS = 90_000  # per second, in every MPEG stream

# Ticks by which a timestamp may be after the one before, and before it; more is a jump. They are
# ffmpeg's -dts_delta_threshold, and the tenth of a second that ffmpeg.c has for steps back.
LONGEST_STEP, LONGEST_STEP_BACK = 10 * TICKS, TICKS // 10

SMALLEST_PROBED = 8 * 1024  # bytes: a smaller part at the front of a file may not be noticed
PROBED_PACKETS = 16  # read at most at each place


class MpegClock:
    """Corrections of the timestamps in an MPEG file, and the keyframes of its pictures.

    `end` is when its last packet ends, in ticks, corrected.

    A packet that does not follow the one before in its stream, nor those of other streams, begins a
    part, which continues where the part before ended. The streams of a part share its correction,
    so that sound and pictures stay together. Parts are told by the positions of packets, which are
    right also after a seek.
    """

    def __init__(self, file: OpenFile) -> None:
        self.end = 0  # of the last packet, in corrected ticks
        self._shifts: dict[int, list[tuple[int, int]]] = {}  # by stream: byte position, ticks
        # Of streams of pictures: corrected pts, and the byte position to read from.
        self._keyframes: dict[int, list[tuple[int, int]]] = {}
        self._positions: dict[int, int] = {}  # by stream: byte position of the packet before
        self._times: dict[int, int] = {}  # by stream: corrected dts of the packet before
        self._shift = 0  # ticks, of the part that began last
        self._joints: list[int] = []  # corrected ticks at which parts begin
        with file.reopen() as container:
            for packet in demux_played(container):
                if packet.dts is not None:
                    self._follow(packet)

    def keyframes(self, stream: Any) -> list[int]:
        """Corrected presentation timestamps of a stream's keyframes, in order."""
        return [pts for pts, _ in self.places(stream)]

    def places(self, stream: Any) -> list[tuple[int, int]]:
        """The corrected timestamps of a stream's keyframes, in order, each with the byte position
        from which it is read."""
        return self._keyframes.get(stream.index, [])

    def keyframe_before(self, stream: Any, pts: int) -> tuple[int, int]:
        """Corrected timestamp of the last keyframe at or before one, and the byte position from
        which it is read; where there is none, the beginning of the file."""
        keyframes = self.places(stream)
        number = bisect.bisect_right(keyframes, (pts, 1 << 63))
        return keyframes[number - 1] if number else (-(1 << 63), 0)

    def is_at_joint(self, packet: Any) -> bool:
        """Whether a corrected packet is within a second of a joint, where one may be incomplete."""
        return any(abs((packet.dts or 0) - joint) <= TICKS for joint in self._joints)

    @functools.cached_property
    def _all_parts(self) -> list[tuple[int, int]]:
        """The parts of all streams, for streams that are not played, such as subtitles."""
        return sorted(itertools.chain.from_iterable(self._shifts.values()))

    def correct(self, packet: Any) -> Any:
        """The packet, with corrected timestamps."""
        stream, position = packet.stream_index, self._position(packet)
        parts = self._shifts.get(stream) or self._all_parts
        number = bisect.bisect_right(parts, (position, 1 << 63))
        shift = parts[max(number - 1, 0)][1] if parts else 0
        if packet.dts is not None:
            packet.pts = self._presentation_time(packet)
            packet.dts += shift
        if packet.pts is not None:
            packet.pts += shift
        return packet

    @staticmethod
    def _presentation_time(packet: Any) -> int:
        """A packet's pts, or its dts where the pts is missing or far from it."""
        is_damaged = packet.pts is None or abs(packet.pts - packet.dts) > LONGEST_STEP
        return int(packet.dts if is_damaged else packet.pts)

    def _position(self, packet: Any) -> int:
        """Byte position of a packet: of several that begin in one unit only the first has it."""
        if packet.pos is not None:
            self._positions[packet.stream_index] = packet.pos
        return self._positions.get(packet.stream_index, 0)

    def _follow(self, packet: Any) -> None:
        """Take the next packet of the file, which begins a part where its clock jumps."""
        stream, position = packet.stream_index, self._position(packet)
        parts = self._shifts.setdefault(stream, [])
        shift = parts[-1][1] if parts else self._shift
        if not self._continues(stream, packet.dts + shift):
            if not self._continues(stream, packet.dts + self._shift):
                self._shift = self.end - self._presentation_time(packet)
                self._joints.append(self.end)
            shift = self._shift
        if not parts or shift != parts[-1][1]:
            parts.append((position, shift))
        self._times[stream] = packet.dts + shift
        time = self._presentation_time(packet) + shift
        self.end = max(self.end, time + (packet.duration or 0))
        if packet.is_keyframe and packet.stream.type == "video":
            bisect.insort(self._keyframes.setdefault(stream, []), (time, position))

    def _continues(self, stream: int, time: int) -> bool:
        """Whether a corrected dts follows those before, of its stream or of all."""
        before = self._times.get(stream)
        near_others = not self._times or abs(time - self.end) <= LONGEST_STEP
        if before is None:
            return near_others
        return time >= before - LONGEST_STEP_BACK and (near_others or time <= before + LONGEST_STEP)


def find_clock(file: OpenFile) -> MpegClock | None:
    """The clock of an MPEG file that has jumps, or that declares more than its size allows.

    None for all others, whose timestamps are right as they are. To be called before anything of the
    container is read, which is at its beginning afterwards.
    """
    if "mpeg" not in file.container.format.name or not played_streams(file.container):
        return None
    seconds = container_duration(file.container)
    if seconds and not is_too_small(file.size, seconds):
        jumps = _jumps(_probe(file))
        file.container.seek(0, unsupported_byte_offset=True)
        if not jumps:
            return None
    return MpegClock(file)


def _probe(file: OpenFile) -> Iterator[tuple[int, dict[int, float]]]:
    """Byte positions in a file, and the decoding times (s) after each, by stream."""
    count = len(played_streams(file.container))
    for position in _probed_positions(file.size):
        file.container.seek(position, unsupported_byte_offset=True)
        times: dict[int, float] = {}
        for packet in itertools.islice(demux_played(file.container), PROBED_PACKETS):
            if packet.dts is not None:
                times.setdefault(packet.stream_index, packet.dts / TICKS)
            if len(times) == count:
                break
        yield position, times


def _probed_positions(size: int) -> list[int]:
    """Byte positions at which a joint shows in a file of `size` bytes.

    Each is twice the one before: of two parts of one bit rate, whose clocks begin alike, the joint
    is between two of these positions, and the second has the earlier time. Some are near the end,
    for short parts there.
    """
    doubled = (SMALLEST_PROBED << power for power in itertools.count())
    front = itertools.takewhile(lambda position: position < size, doubled)
    return sorted({0, *front, *(max(size - SMALLEST_PROBED * n, 0) for n in (1, 8, 64))})


def _jumps(probes: Iterable[tuple[int, dict[int, float]]]) -> bool:
    """Whether the times of a stream step back, or leap so far that the bytes between cannot hold
    as much."""
    before: dict[int, tuple[int, float]] = {}
    for position, times in probes:
        for stream, time in times.items():
            start, earlier = before.get(stream, (position, time))
            most = (position - start) / LEAST_BYTE_RATE + LONGEST_STEP / TICKS
            if not -LONGEST_STEP_BACK / TICKS <= time - earlier <= most:
                return True
            before[stream] = position, time
    return False
