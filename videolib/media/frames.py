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
from videolib.media.geometry import display_matrix, display_size, orientation_of
from videolib.media.keyframes import KeyframeFinder
from videolib.media.packets import timestamp_of
from videolib.media.pictures import MOST_PIXELS, check_picture_size, rgb_picture

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from videolib.core.arrays import Pixels
    from videolib.media.reader import Media


MOST_LOST = 1.0  # seconds of damage for which the frame before it stands, as in a player


class FrameRequest(NamedTuple):
    """The frame shown at `time` (s), or a keyframe that is at most `tolerance` (s) away from it.

    With `substitute` the nearest frame that can be decoded will do where that one cannot be.
    """

    time: float
    tolerance: float = 0.0
    substitute: bool = False

    @classmethod
    def near(
        cls, time: float, tolerance: float, seek: Seek, *, substitute: bool = False
    ) -> FrameRequest:
        """A request with `tolerance` for auto, an unlimited one for keyframe, none for exact."""
        tolerances = {"auto": tolerance, "keyframe": math.inf, "exact": 0.0}
        return cls(time, tolerances[seek], substitute)


class Frame:
    """A decoded frame as a player would show it, at any size.

    `time` is when it is shown, in seconds of the video; `size` its (width, height) in square
    pixels, upright; `orientation` makes the stored picture upright; `is_substitute`: it stands for
    one that cannot be decoded.
    """

    is_substitute = False

    def __init__(self, media: Media, raw: VideoFrame, pts: int) -> None:
        self.media, self.raw = media, raw
        self.pts, self.time = pts, max(media.seconds(pts), 0.0)
        own_matrix = display_matrix(raw) if media.may_turn(raw) else None
        self.orientation = orientation_of(own_matrix or media.display_matrix)
        self.size = display_size(raw, media.stream.sample_aspect_ratio, self.orientation)
        self._pictures: dict[tuple[int, int], Pixels] = {}

    def ffmpeg_filters(self) -> list[str]:
        """The filters with which the ffmpeg program shows frames of this form, see FrameFilter."""
        aspect = self.media.stream.sample_aspect_ratio
        return self.media.frame_filter.ffmpeg_filters(self.raw, aspect, self.orientation)

    def height_for(self, width: int) -> int:
        """The height that keeps the display aspect ratio, even, at least 2."""
        return max(2 * round(width * self.size[1] / self.size[0] / 2), 2)

    def fitting_size(self, width: int, longest: int) -> tuple[int, int]:
        """A width and the height for it, both even and reduced to where neither side is above
        `longest` pixels and the picture can be made."""
        height = self.height_for(width)
        scale = min(longest / max(width, height), math.sqrt(MOST_PIXELS / (width * height)))
        if scale < 1:
            width = max(int(width * scale) // 2 * 2, 2)
        return width, min(self.height_for(width), longest)

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        """Pixels of shape (height, width, 3), RGB, sRGB-like BT.709 transfer, 8 bits.

        Raises VideoError where that would be too many.
        """
        if width is None:
            width, height = self.size
        size = (width, height or self.height_for(width))
        if size not in self._pictures:
            check_picture_size(*size)
            self._pictures[size] = rgb_picture(self.raw, self.orientation, *size)
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
    finder, substitutes = KeyframeFinder(media), Substitutes(media)
    keyframes: dict[int, list[int]] = {}
    exact: dict[int, list[int]] = {}
    for index, request in enumerate(requests):
        target = media.pts(request.time)
        keyframe = finder.nearest(target) if request.tolerance else None
        if keyframe is not None and is_near(media, keyframe, request):
            keyframes.setdefault(keyframe, []).append(index)
        else:
            exact.setdefault(target, []).append(index)
    reads = [
        (keyframe, indices, read_keyframe(finder, keyframe, {i: requests[i] for i in indices}))
        for keyframe, indices in keyframes.items()
    ]
    # Exact frames behind the same keyframe share one decode.
    for _, group in itertools.groupby(
        sorted(exact), lambda pts: bisect.bisect_right(media.keyframes, pts) or -pts
    ):
        targets = {pts: exact[pts] for pts in group}
        indices = list(itertools.chain.from_iterable(targets.values()))
        reads.append((min(targets), indices, read_exact(media, targets)))
    for _, indices, frames in sorted(reads, key=lambda read: read[0]):
        missing = set(indices)
        for frame, satisfied in frames:
            missing.difference_update(satisfied)
            yield frame, satisfied
        yield from substitutes.read({i: requests[i] for i in sorted(missing)})


def is_near(media: Media, pts: int, request: FrameRequest) -> bool:
    """Whether what is shown at a timestamp is within the tolerance of a request."""
    return abs(pts - media.pts(request.time)) * media.tick <= request.tolerance


def read_keyframe(
    finder: KeyframeFinder, keyframe: int, requests: Mapping[int, FrameRequest]
) -> Iterator[tuple[Frame, list[int]]]:
    """A keyframe from its packet alone, with the indices of the requests that it satisfies; for the
    others the exact frames.

    It satisfies none where its packet is not found, or gives no frame: a recovery point begins a
    part of which only later frames are complete.
    """
    media, satisfied = finder.media, list[int]()
    packet = finder.packet(keyframe)
    raw = packet and keyframe_of(media, packet)
    if packet and raw:
        pts = next((t for t in (raw.pts, timestamp_of(packet)) if t is not None), keyframe)
        satisfied = [i for i, request in requests.items() if is_near(media, pts, request)]
        if satisfied:
            yield Frame(media, raw, pts), satisfied
    others: dict[int, list[int]] = {}
    for index in sorted(requests.keys() - satisfied):
        others.setdefault(media.pts(requests[index].time), []).append(index)
    if others:
        yield from read_exact(media, others)


def keyframe_of(media: Media, packet: Packet[VideoStream]) -> VideoFrame | None:
    """The frame in a keyframe's packet; None where the decoder does not give it."""
    frames = media.decode(packet) + media.decode(None)
    return next((raw for raw in frames if raw.pts in (None, packet.pts)), None)


def first_frame(media: Media) -> Frame | None:
    """The first frame of the stream that can be decoded; None where none can."""
    packet = media.first_keyframe
    raw = packet and keyframe_of(media, packet)
    if packet and raw and raw.pts is not None:
        return Frame(media, raw, raw.pts)
    return next(decoded_frames(media, media.start, math.inf), None)


def read_exact(media: Media, targets: Mapping[int, list[int]]) -> Iterator[tuple[Frame, list[int]]]:
    """The frames shown at the timestamps in `targets`, from one decode that begins before them all.

    Each target, and each frame of the result, comes with the indices of its requests. A target
    before the first keyframe of a recording that begins inside a GOP gets that keyframe. A target
    after the end of a truncated file gets no frame, and `media` notes where that ends.
    """
    begin, timestamps, end, decodable = timestamps_around(media, min(targets), max(targets))
    if not decodable and (first := first_presentation(media)) > min(targets):
        yield from read_exact(media, raised_to(first, targets))
        return
    indices_by_pts: dict[int, list[int]] = {}
    for target, indices in targets.items() if timestamps else ():
        if media.is_cut_off_before(target, end):
            media.note_cut_off(media.seconds(end))
            continue  # a frame from long before would be wrong
        number = bisect.bisect_right(timestamps, target) - 1
        indices_by_pts.setdefault(timestamps[max(number, 0)], []).extend(indices)
    if indices_by_pts:
        yield from decode_shown(media, begin, indices_by_pts)


def decode_shown(
    media: Media, begin: int, indices_by_pts: Mapping[int, list[int]]
) -> Iterator[tuple[Frame, list[int]]]:
    """Frames as `decode_forward` gives them, without those that are later than what was asked for,
    and where something is damaged, without those that are more than MOST_LOST earlier.

    Where a decoder gives nothing though nothing is damaged, a recovery point came too late: some
    encoders refresh the picture bit by bit. Then it begins farther back.
    """
    for back in (0.0, 3.0, 30.0):
        begin, damage = max(begin - round(back / media.tick), media.start), media.damage
        missing = dict(indices_by_pts)
        frames = decode_forward(media, begin, indices_by_pts)
        for (frame, indices), shown in zip(frames, sorted(indices_by_pts), strict=False):
            age = (shown - frame.pts) * media.tick
            is_damaged = media.damage > damage
            if age == 0 or (age > 0 and not back and (age <= MOST_LOST or not is_damaged)):
                del missing[shown]
                yield frame, indices
        indices_by_pts = missing
        if not missing or media.damage > damage:
            break


def first_presentation(media: Media) -> int:
    """The timestamp of the first keyframe; that of the start where there is none."""
    packet = media.first_keyframe
    pts = timestamp_of(packet) if packet else None
    return media.start if pts is None else pts


def raised_to(least: int, targets: Mapping[int, list[int]]) -> dict[int, list[int]]:
    """Targets with those below `least` put there, and their indices of requests."""
    raised: dict[int, list[int]] = {}
    for target, indices in targets.items():
        raised.setdefault(max(target, least), []).extend(indices)
    return raised


class TimestampRange(NamedTuple):
    """Timestamps of the frames in a part of a video, in the stream's time base."""

    begin: int  # where to seek, so that a keyframe precedes the part
    timestamps: list[int]  # sorted, from there to past the end of the part
    end: int  # when the last of these frames ends
    decodable: bool  # whether a keyframe is at or before the first of the part


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
    return TimestampRange(begin, timestamps, end, decodable)


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


class Substitutes:
    """Finds, for requests whose own frame cannot be decoded, the nearest frame that can be.

    What surrounds a gap is found once for all the requests in it.
    """

    def __init__(self, media: Media) -> None:
        self.media = media
        self.before: Frame | None = None  # the last frame before the gap found last
        self.after: Frame | None = None  # the first one after it
        self.gap = range(0)  # timestamps at which no frame can be decoded

    def read(self, requests: Mapping[int, FrameRequest]) -> Iterator[tuple[Frame, list[int]]]:
        """The substitutes of those requests that take one, each with its index."""
        cut_off = math.inf if self.media.cut_off is None else self.media.cut_off
        for index, request in requests.items():
            if request.substitute and request.time < cut_off:
                frame = self.nearest(self.media.pts(request.time))
                if frame:
                    yield frame, [index]

    def nearest(self, target: int) -> Frame | None:
        """The frame nearest to a timestamp; None: no frame of the whole video can be decoded."""
        if target not in self.gap:
            self.measure_gap(target)
        frames = [frame for frame in (self.before, self.after) if frame]
        return min(frames, key=lambda frame: abs(frame.pts - target), default=None)

    def measure_gap(self, target: int) -> None:
        """Find the frames around a timestamp that has none, decoding as little as possible."""
        media, end = self.media, target
        self.before, step = None, max(round(1 / media.tick), 1)
        while self.before is None and end > media.start:
            begin = max(end - step, media.start)
            for frame in decoded_frames(media, begin, end):
                self.before = frame if frame.pts <= target else self.before
            step, end = 2 * step, begin
        later = decoded_frames(media, target, math.inf)
        self.after = next((frame for frame in later if frame.pts > target), None)
        for frame in filter(None, (self.before, self.after)):
            frame.is_substitute = True
        first = self.before.pts + 1 if self.before else media.start
        last = self.after.pts if self.after else media.declared_end
        self.gap = range(min(first, target), max(last, target + 1))


def decoded_frames(media: Media, begin: int, end: float) -> Iterator[Frame]:
    """All frames that can be decoded, from a keyframe at or before one timestamp on, until all up
    to another have come."""
    media.stream.codec_context.skip_frame = "DEFAULT"
    for packet in media.packets(begin):
        if packet.dts is not None and packet.dts > end:
            break
        yield from frames_of(media, packet)
    yield from frames_of(media, None)


def frames_of(media: Media, packet: Packet[VideoStream] | None) -> Iterator[Frame]:
    """What Media.decode gives, as far as it has timestamps."""
    for raw in media.decode(packet):
        if raw.pts is not None:
            yield Frame(media, raw, raw.pts)
