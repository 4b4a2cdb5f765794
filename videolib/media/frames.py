"""Frames at given times, from keyframes where these are near enough, decoded once."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from videolib.media.pictures import display_size, rgb_picture
from videolib.media.reader import timestamp_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from videolib.core.arrays import Pixels
    from videolib.media.reader import Media


Seek = Literal["auto", "keyframe", "exact"]


class FrameRequest(NamedTuple):
    """A frame to take: the one shown at `time` (s), or a keyframe at most `tolerance` (s) away."""

    time: float
    tolerance: float = 0.0

    @classmethod
    def near(cls, time: float, tolerance: float, seek: Seek) -> FrameRequest:
        """A request with the tolerance that `seek` allows: this one for auto, else any or none."""
        return cls(time, {"auto": tolerance, "keyframe": math.inf, "exact": 0.0}[seek])


class Frame:
    """A decoded frame as a player would show it: its `time` (s), and pixels at any size."""

    def __init__(self, media: Media, raw: VideoFrame, pts: int) -> None:
        self.raw, self.pts, self.time = raw, pts, max(media.seconds(pts), 0.0)
        self.turns = round(raw.rotation / 90) % 4
        media.note_rotation(raw.rotation)
        self.size = display_size(raw, media.stream.sample_aspect_ratio, self.turns)
        self._pictures: dict[tuple[int, int], Pixels] = {}

    def height_for(self, width: int) -> int:
        """The height that keeps the display aspect ratio, even, at least 2."""
        return max(2 * round(width * self.size[1] / self.size[0] / 2), 2)

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """Pixels of shape (height, width, 3), RGB, sRGB-like BT.709 transfer, 8 bits."""
        if width is None:
            width, height = self.size
        size = (width, height or self.height_for(width))
        if size not in self._pictures:
            self._pictures[size] = rgb_picture(self.raw, self.turns, *size)
        return self._pictures[size]

    def luma(self, width: int, height: int | None = None) -> Pixels:
        """Full-range luma (BT.601 weights) of shape (height, width), 8 bits."""
        import numpy as np

        red, green, blue = np.moveaxis(self.rgb(width, height).astype(np.uint32), -1, 0)
        luma: Pixels = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
        return luma


def read_frames(media: Media, wants: Sequence[FrameRequest]) -> Iterator[tuple[Frame, list[int]]]:
    """The wanted frames about in the order of time, each decoded once, with the indices of their
    wants.

    A want that a keyframe satisfies costs one packet and a flush of the decoder; the others are
    decoded from the keyframe before them, leaving out frames that no other frame refers to. Which
    frame a want gets depends on that want alone, never on its company.
    """
    keys: dict[int, list[int]] = {}
    exact: dict[int, list[int]] = {}
    for index, want in enumerate(wants):
        key = nearest_keyframe(media, want)
        place, pts = (exact, media.pts(want.time)) if key is None else (keys, key)
        place.setdefault(pts, []).append(index)
    reads = [(pts, read_keyframe(media, pts, indices)) for pts, indices in keys.items()]
    # Exact frames behind the same keyframe share one decode.
    for _, group in itertools.groupby(
        sorted(exact), lambda pts: bisect.bisect_right(media.keyframes, pts) or -pts
    ):
        members = {pts: exact[pts] for pts in group}
        reads.append((min(members), read_exact(media, members)))
    for _, frames in sorted(reads, key=lambda read: read[0]):
        yield from frames


def nearest_keyframe(media: Media, want: FrameRequest) -> int | None:
    """The timestamp of the keyframe that will do for a want; None: it must be decoded exactly."""
    if not want.tolerance:
        return None
    target, keyframes = media.pts(want.time), media.keyframes
    at = bisect.bisect_left(keyframes, target)
    near = min(keyframes[max(at - 1, 0) : at + 1], key=lambda pts: abs(pts - target), default=None)
    return near if near is not None and abs(near - target) * media.tick <= want.tolerance else None


def read_keyframe(media: Media, pts: int, indices: list[int]) -> Iterator[tuple[Frame, list[int]]]:
    """The keyframe that a seek to `pts` finds, from one packet where the decoder gives it.

    With edit lists or recovery points nothing may come out of a flush; then decoding goes on
    forward.
    """
    first: int | None = None
    for packet in itertools.chain(media.packets(pts), [None]):
        if packet and first is None and not packet.is_keyframe:
            continue
        frames = media.decode(packet)
        if packet and first is None:
            first = timestamp_of(packet)
            frames += media.decode(None)
        if frames:
            shown_pts = frames[0].pts if frames[0].pts is not None else first
            yield Frame(media, frames[0], pts if shown_pts is None else shown_pts), indices
            break
    media.decode(None)


def read_exact(media: Media, wanted: Mapping[int, list[int]]) -> Iterator[tuple[Frame, list[int]]]:
    """The frames shown at the wanted timestamps, from one decode that begins before them all."""
    begin, timestamps, end = timestamps_around(media, min(wanted), max(wanted))
    shown_at: dict[int, list[int]] = {}
    for target, indices in wanted.items() if timestamps else ():
        if media.is_cut_off_before(target, end):
            media.note_cut_off(media.seconds(end))
            continue  # a frame from long before would be a lie
        place = bisect.bisect_right(timestamps, target) - 1
        shown_at.setdefault(timestamps[max(place, 0)], []).extend(indices)
    if shown_at:
        yield from decode_forward(media, begin, shown_at)


def timestamps_around(media: Media, first: int, last: int) -> tuple[int, list[int], int]:
    """Where to seek so that a keyframe precedes `first`, the sorted timestamps from there to past
    `last`, their end.

    Demuxers seek by decoding timestamps, those of MPEG streams to any frame: they may land after
    the frame one wants, or after the keyframe it needs. Step back until not.
    """
    for back in (0.0, 0.5, 3.0, 30.0, math.inf):
        begin = round(max(first - back / media.tick, media.start))
        timestamps, end, decodable = [], media.start, False
        for packet in media.packets(begin):
            pts = timestamp_of(packet)
            if pts is not None:
                timestamps.append(pts)
                end = max(end, pts + (packet.duration or 0))
                decodable |= packet.is_keyframe and pts <= first
            if packet.dts is not None and packet.dts > last:
                break
        timestamps.sort()
        if decodable or begin == media.start:
            break
    return begin, timestamps, end


def decode_forward(
    media: Media, begin: int, shown_at: dict[int, list[int]]
) -> Iterator[tuple[Frame, list[int]]]:
    """Decode from `begin` and give the frames whose timestamps are asked for.

    Other frames are decoded only where later ones refer to them. A frame that the decoder dropped
    is stood in for by the one before it, which is what a player goes on showing.
    """
    pending, before = deque(sorted(shown_at)), None
    for pts, frame in _decode_until(media, begin, shown_at):
        while pending and pts >= pending[0]:
            stand_in = before if before is not None and pts > pending[0] else (pts, frame)
            yield Frame(media, stand_in[1], stand_in[0]), shown_at[pending.popleft()]
        before = (pts, frame)
        if not pending:
            break
    if before:
        for target in pending:
            yield Frame(media, before[1], before[0]), shown_at[target]
    media.stream.codec_context.skip_frame = "DEFAULT"
    media.decode(None)


def _decode_until(
    media: Media, begin: int, shown_at: Mapping[int, Any]
) -> Iterator[tuple[int, VideoFrame]]:
    """Timestamped frames from `begin` until the decoder has let out all that were asked for."""
    missing, last, context = set(shown_at), max(shown_at), media.stream.codec_context
    for packet in media.packets(begin):
        if not missing or (packet.dts is not None and packet.dts > last):
            break
        context.skip_frame = "DEFAULT" if packet.pts is None or packet.pts in missing else "NONREF"
        missing.discard(packet.pts)
        yield from ((frame.pts, frame) for frame in media.decode(packet) if frame.pts is not None)
    yield from ((frame.pts, frame) for frame in media.decode(None) if frame.pts is not None)
