"""Frames at given times, each decoded once, from keyframes where these are near enough.

`read_frames` sorts requests into keyframes, which cost one packet each, and exact frames, which are
decoded forward from the keyframe before them. Both ways give a `Frame`, whose pixels are made when
asked for.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.media.choices import Seek
from videolib.media.pictures import display_size, rgb_picture
from videolib.media.reader import timestamp_of

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from videolib.core.arrays import Pixels
    from videolib.media.reader import Media


class FrameRequest(NamedTuple):
    """The frame shown at `time` (s), or a keyframe that is at most `tolerance` (s) away from it."""

    time: float
    tolerance: float = 0.0

    @classmethod
    def near(cls, time: float, tolerance: float, seek: Seek) -> FrameRequest:
        """A request with `tolerance` for auto, an unlimited one for keyframe, none for exact."""
        return cls(time, {"auto": tolerance, "keyframe": math.inf, "exact": 0.0}[seek])


class Frame:
    """A decoded frame as a player would show it, at any size.

    `time` is when it is shown, in seconds of the video; `size` its (width, height) in square
    pixels, upright; `turns` the quarter turns counter-clockwise that make the stored picture so.
    """

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


def read_frames(
    media: Media, requests: Sequence[FrameRequest]
) -> Iterator[tuple[Frame, list[int]]]:
    """Requested frames, nearly in the order of time, each with the indices of its requests.

    A request that a keyframe satisfies costs one packet and a flush of the decoder; the others are
    decoded from the keyframe before them, leaving out frames that no other frame refers to. Which
    frame a request gets depends on that request alone, never on the others.
    """
    keyframes: dict[int, list[int]] = {}
    exact: dict[int, list[int]] = {}
    for index, request in enumerate(requests):
        keyframe = nearest_keyframe(media, request)
        if keyframe is not None:
            keyframes.setdefault(keyframe, []).append(index)
        else:
            exact.setdefault(media.pts(request.time), []).append(index)
    reads = [(pts, read_keyframe(media, pts, indices)) for pts, indices in keyframes.items()]
    # Exact frames behind the same keyframe share one decode.
    for _, group in itertools.groupby(
        sorted(exact), lambda pts: bisect.bisect_right(media.keyframes, pts) or -pts
    ):
        targets = {pts: exact[pts] for pts in group}
        reads.append((min(targets), read_exact(media, targets)))
    for _, frames in sorted(reads, key=lambda read: read[0]):
        yield from frames


def nearest_keyframe(media: Media, request: FrameRequest) -> int | None:
    """Timestamp of the keyframe nearest to a request; None: none is within its tolerance."""
    if not request.tolerance:
        return None
    target, keyframes = media.pts(request.time), media.keyframes
    at = bisect.bisect_left(keyframes, target)
    neighbours = keyframes[max(at - 1, 0) : at + 1]
    nearest = min(neighbours, key=lambda pts: abs(pts - target), default=None)
    if nearest is None or abs(nearest - target) * media.tick > request.tolerance:
        return None
    return nearest


def read_keyframe(media: Media, pts: int, indices: list[int]) -> Iterator[tuple[Frame, list[int]]]:
    """The keyframe that a seek to `pts` finds, from one packet; nothing where none can be decoded.

    With edit lists or recovery points a flush may give no frame; then the packets after it are
    decoded until one comes out.
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
            frame_pts = frames[0].pts if frames[0].pts is not None else first
            yield Frame(media, frames[0], pts if frame_pts is None else frame_pts), indices
            break
    media.decode(None)


def read_exact(media: Media, targets: Mapping[int, list[int]]) -> Iterator[tuple[Frame, list[int]]]:
    """The frames shown at the timestamps in `targets`, from one decode that begins before them all.

    `targets` and the result have the indices of requests beside. A target after the end of a
    truncated file gets no frame, and `media` notes where that ends.
    """
    begin, timestamps, end = timestamps_around(media, min(targets), max(targets))
    indices_by_pts: dict[int, list[int]] = {}
    for target, indices in targets.items() if timestamps else ():
        if media.is_cut_off_before(target, end):
            media.note_cut_off(media.seconds(end))
            continue  # a frame from long before would be wrong
        number = bisect.bisect_right(timestamps, target) - 1
        indices_by_pts.setdefault(timestamps[max(number, 0)], []).extend(indices)
    if indices_by_pts:
        yield from decode_forward(media, begin, indices_by_pts)


class TimestampRange(NamedTuple):
    """Timestamps of the frames in a part of a video, in the stream's time base."""

    begin: int  # where to seek, so that a keyframe precedes the part
    timestamps: list[int]  # sorted, from there to past the end of the part
    end: int  # when the last of these frames ends


def timestamps_around(media: Media, first: int, last: int) -> TimestampRange:
    """Timestamps from a keyframe at or before `first` to past `last`, read without decoding.

    Demuxers seek by decoding timestamps, those of MPEG streams to any frame: they may land after
    the frame, or after the keyframe that it needs. So the seek steps back until that is not so.
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
    return TimestampRange(begin, timestamps, end)


def decode_forward(
    media: Media, begin: int, indices_by_pts: Mapping[int, list[int]]
) -> Iterator[tuple[Frame, list[int]]]:
    """Decode from `begin` on: the frames with these timestamps, in order, with their indices.

    Other frames are decoded only where later ones refer to them. In place of a frame that the
    decoder dropped comes the one before it, which is what a player goes on showing.
    """
    pending, before = deque(sorted(indices_by_pts)), None
    for pts, frame in _decode_until(media, begin, indices_by_pts):
        while pending and pts >= pending[0]:
            shown = before if before is not None and pts > pending[0] else (pts, frame)
            yield Frame(media, shown[1], shown[0]), indices_by_pts[pending.popleft()]
        before = (pts, frame)
        if not pending:
            break
    if before:
        for target in pending:
            yield Frame(media, before[1], before[0]), indices_by_pts[target]
    media.stream.codec_context.skip_frame = "DEFAULT"
    media.decode(None)


def _decode_until(
    media: Media, begin: int, targets: Collection[int]
) -> Iterator[tuple[int, VideoFrame]]:
    """Decoded frames with their timestamps, from `begin` until every target may have come out."""
    missing, last, context = set(targets), max(targets), media.stream.codec_context
    for packet in media.packets(begin):
        if not missing or (packet.dts is not None and packet.dts > last):
            break
        context.skip_frame = "DEFAULT" if packet.pts is None or packet.pts in missing else "NONREF"
        missing.discard(packet.pts)
        yield from ((frame.pts, frame) for frame in media.decode(packet) if frame.pts is not None)
    yield from ((frame.pts, frame) for frame in media.decode(None) if frame.pts is not None)
