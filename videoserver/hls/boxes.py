"""Boxes of fragmented MP4 (ISO/IEC 14496-12): written, and cut out of what ffmpeg writes."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from videolib.core.errors import VideoError

LARGEST_BOX = 256 << 20  # bytes; a fragment of a second has a few million
CONTAINERS = frozenset({b"moov", b"trak", b"mdia", b"moof", b"traf"})

DEFAULT_BASE_IS_MOOF = 0x020000  # flag of tfhd: offsets count from the moof
RUN_FLAGS = 0x000001 | 0x000100 | 0x000200 | 0x000400 | 0x000800
# Flags of trun: the offset of the data, and of each sample duration, size, flags and time offset.
SYNC_SAMPLE, OTHER_SAMPLE = 0x02000000, 0x01010000  # depends on no other; does, and is no sync


class CodedSample(NamedTuple):
    """One coded picture or frame of sound: its bytes, how long it lasts, how much later than it is
    decoded it is shown (both in its track's time scale), and whether decoding may begin with it."""

    content: bytes
    duration: int
    offset: int = 0
    is_sync: bool = True


class TrackRun(NamedTuple):
    """Samples of one track that follow each other; `time`: when the first is decoded."""

    track: int
    time: int
    samples: Sequence[CodedSample]


def box(name: bytes, *parts: bytes) -> bytes:
    """A box with this content."""
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def full_box(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box whose content begins with a version and flags."""
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def fragment(number: int, runs: Sequence[TrackRun]) -> bytes:
    """The moof and mdat with these samples; `number` counts fragments, from 0 on."""
    head = full_box(b"mfhd", 0, 0, struct.pack(">I", number + 1))
    length = len(box(b"moof", head, *(track_fragment(run, 0) for run in runs)))
    fragments, offset = list[bytes](), length + 8
    for run in runs:
        fragments.append(track_fragment(run, offset))
        offset += sum(len(sample.content) for sample in run.samples)
    data = (sample.content for run in runs for sample in run.samples)
    return box(b"moof", head, *fragments) + box(b"mdat", *data)


def track_fragment(run: TrackRun, offset: int) -> bytes:
    """The traf of a run whose data begin `offset` bytes after the start of the moof."""
    entries = b"".join(
        struct.pack(">IIIi", s.duration, len(s.content), SAMPLE_FLAGS[s.is_sync], s.offset)
        for s in run.samples
    )
    return box(
        b"traf",
        full_box(b"tfhd", 0, DEFAULT_BASE_IS_MOOF, struct.pack(">I", run.track)),
        full_box(b"tfdt", 1, 0, struct.pack(">Q", run.time)),
        full_box(b"trun", 1, RUN_FLAGS, struct.pack(">Ii", len(run.samples), offset), entries),
    )


SAMPLE_FLAGS = {True: SYNC_SAMPLE, False: OTHER_SAMPLE}


class Mp4Box(NamedTuple):
    """A box in bytes: its name, and where its content begins and ends."""

    name: bytes
    start: int
    end: int


def boxes(data: bytes | bytearray, start: int = 0, end: int | None = None) -> Iterator[Mp4Box]:
    """The boxes in a part of bytes, without those in them. Raises VideoError for a broken one."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, name = struct.unpack_from(">I4s", data, start)
        if size < 8 or start + size > end:
            raise VideoError("the segment that was made of it is broken")
        yield Mp4Box(name, start + 8, start + size)
        start += size


def nested_boxes(data: bytes | bytearray) -> Iterator[Mp4Box]:
    """All boxes of a moov or moof, also those in others, in their order."""
    waiting = list(boxes(data))[::-1]
    while waiting:
        current = waiting.pop()
        yield current
        if current.name in CONTAINERS:
            waiting += list(boxes(data, current.start, current.end))[::-1]


def timescales(init: bytes) -> dict[int, int]:
    """The units per second of each track of an initialization segment, by the track's number."""
    scales, track = dict[int, int](), 0
    for current in nested_boxes(init):
        if current.name in (b"tkhd", b"mdhd"):
            # Times of creation and modification come first, in 64 bits from version 1 on.
            (number,) = struct.unpack_from(
                ">I", init, current.start + (20 if init[current.start] else 12)
            )
            track = number if current.name == b"tkhd" else track
            if current.name == b"mdhd":
                scales[track] = number
    return scales


def decode_times(data: bytes | bytearray) -> dict[int, tuple[int, int]]:
    """Of each track of a fragment, by its number: where in it its decode time stands, as 64 bits,
    and that time."""
    times, track = dict[int, tuple[int, int]](), 0
    for current in nested_boxes(data):
        if current.name == b"tfhd":
            (track,) = struct.unpack_from(">I", data, current.start + 4)
        elif current.name == b"tfdt" and data[current.start] == 1:
            times[track] = (current.start + 4, struct.unpack_from(">Q", data, current.start + 4)[0])
    return times


def run_durations(data: bytes | bytearray) -> dict[int, int]:
    """How long the samples of each track of a fragment last together, by the track's number.

    A duration that a run does not have is the default of its track fragment.
    """
    sums, track, default = dict[int, int](), 0, 0
    for current in nested_boxes(data):
        if current.name not in (b"tfhd", b"trun"):
            continue
        flags, number = struct.unpack_from(">II", data, current.start)
        flags &= 0xFFFFFF
        at = current.start + 8
        if current.name == b"tfhd":
            track, default = number, 0
            at += 8 * bool(flags & 0x01) + 4 * bool(flags & 0x02)  # what stands before it
            if flags & 0x08:
                (default,) = struct.unpack_from(">I", data, at)
            continue
        at += 4 * bool(flags & 0x01) + 4 * bool(flags & 0x04)
        own = number * default
        if flags & 0x100:
            fields = sum(bool(flags & bit) for bit in (0x100, 0x200, 0x400, 0x800))
            entries = struct.unpack_from(f">{number * fields}I", data, at)
            own = sum(entries[::fields])
        sums[track] = sums.get(track, 0) + own
    return sums


def shifted(fragment_data: bytes, seconds: float, scales: dict[int, int]) -> bytes:
    """A fragment whose samples are decoded so much later, at 0 at the earliest."""
    moved = bytearray(fragment_data)
    for track, (place, time) in decode_times(moved).items():
        later = time + round(seconds * scales.get(track, 1))
        struct.pack_into(">Q", moved, place, max(later, 0))
    return bytes(moved)


class FragmentReader:
    """Cuts what ffmpeg writes to a pipe into the initialization segment and fragments."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.parts = list[bytes]()  # the boxes of the segment that is not complete yet

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The segments that this chunk completes: the first is ftyp and moov, each other one a moof
        and its mdat. Raises VideoError where it is no MP4."""
        self.buffer += chunk
        while len(self.buffer) >= 8:
            size, name = struct.unpack_from(">I4s", self.buffer)
            if not 8 <= size <= LARGEST_BOX:
                raise VideoError("ffmpeg wrote what is no fragmented MP4")
            if len(self.buffer) < size:
                return
            content = bytes(self.buffer[:size])
            del self.buffer[:size]
            if name in (b"ftyp", b"moov", b"moof", b"mdat"):
                self.parts.append(content)
            if name in (b"moov", b"mdat"):
                segment, self.parts = b"".join(self.parts), []
                yield segment
