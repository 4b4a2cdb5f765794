"""Timelines: small pictures all along a video, by which shifted copies are found.

Read from the artifacts of `phash --deep`, which `TimelineRecorder` in media/hashing makes.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.duplicates.candidates import MIN_PICTURE_COSINE
from videolib.duplicates.luma import block_means, informative, without_backdrop
from videolib.media.duration import MAX_DURATION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.duplicates.matching import Matcher

MAX_CUT = 0.2  # share of the longer video that may be missing at either end
MIN_FIT = 0.35  # mean cosine of the pictures of two videos at which a closer comparison pays
PROBES = 12  # pictures that are sought in another timeline
COMPARED_PICTURES = 24  # of each of two timelines
MIN_COMPARED = 8  # of these that must be usable in both


class VideoTimeline(NamedTuple):
    """Small pictures all along a video (frames, side, side), one every `interval` seconds."""

    interval: float
    luma: NDArray[np.uint8]

    @property
    def duration(self) -> float:
        return self.interval * len(self.luma)

    def pictures_at(self, times: NDArray[Any]) -> NDArray[Any]:
        """The pictures shown at those times, in seconds."""
        import numpy as np

        rows = np.floor(times / self.interval + 1e-6).astype(int)
        pictures: NDArray[Any] = self.luma[np.clip(rows, 0, len(self.luma) - 1)]
        return pictures

    def times_of(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The times in seconds at which pictures were taken: the middles of their intervals."""
        return self.interval * (rows + 0.5)

    def unit_vectors(self) -> NDArray[Any]:
        """Each picture as a unit vector of 64 numbers, without the backdrop: (frames, 64)."""
        import numpy as np

        pictures = block_means(self.luma.astype(np.float32), 8)
        usable = informative(self.luma)
        rows = without_backdrop(pictures[None], usable[None])[0].reshape(len(pictures), -1)
        vectors: NDArray[Any] = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1.0)
        return vectors

    def probes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Times in the middle part of the video, and the unit vectors of the pictures there."""
        import numpy as np

        rows = np.floor(np.linspace(0.22, 0.78, PROBES) * len(self.luma)).astype(int)
        return self.times_of(rows), self.unit_vectors()[rows]

    def best_offset(self, longer: VideoTimeline) -> tuple[float, float]:
        """The time at which this one begins in the longer one, and the mean cosine of the probes.

        The time is in seconds, and may be negative.
        """
        import numpy as np

        times, vectors = self.probes()
        cosines = vectors @ longer.unit_vectors().T
        step, most = min(self.interval, longer.interval) / 2, MAX_CUT * longer.duration + 0.5
        offsets = np.arange(-most, most + longer.duration - self.duration, step)
        rows = np.floor((times[:, None] + offsets) / longer.interval).astype(int)
        rows = np.clip(rows, 0, len(longer.luma) - 1)
        fits = np.take_along_axis(cosines, rows, 1).mean(0)
        best = int(fits.argmax())
        return float(offsets[best]), float(fits[best])

    def similarity(self, longer: VideoTimeline, matcher: Matcher) -> float:
        """The similarity of the two where they overlap; -1 where that is too short, or no match."""
        import numpy as np

        offset, fit = self.best_offset(longer)
        begin, end = max(0.0, -offset), min(self.duration, longer.duration - offset)
        if fit < MIN_FIT or end - begin < (1 - 2 * MAX_CUT) * longer.duration:
            return -1.0
        first, last = np.array([begin, end]) / self.interval - 0.5
        rows = np.linspace(math.ceil(first), math.floor(last), COMPARED_PICTURES).round()
        times = self.times_of(rows)
        pictures, half = self.pictures_at(times), longer.interval / 2
        return max(
            picture_similarity(pictures, longer.pictures_at(times + offset + late), matcher)
            for late in (-half, 0, half)
        )


class ShiftIndex:
    """Timelines in the order of duration, to find those that may be a part of a longer one."""

    MAX_COSINES: ClassVar = 1 << 24  # computed at a time

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.durations: list[float] = []
        self.vectors: list[NDArray[Any]] = []  # of the probes of each
        self.first = 0  # the first that is long enough to be a part of what is asked for next

    def add(self, number: int, timeline: VideoTimeline) -> None:
        """Add a timeline, which must not be shorter than those added before."""
        self.numbers.append(number)
        self.durations.append(timeline.duration)
        self.vectors.append(timeline.probes()[1])

    def parts_of(self, longer: VideoTimeline) -> list[int]:
        """The numbers of the timelines that may be a part of this one: for each of their probes it
        has a similar picture, at whatever time.

        It must not be shorter than those added, nor than those asked for before.
        """
        import numpy as np

        shortest = longer.duration * (1 - 2 * MAX_CUT)
        while self.first < len(self.durations) and self.durations[self.first] < shortest:
            self.first += 1
        vectors, parts = longer.unit_vectors().T, []
        block = max(self.MAX_COSINES // (PROBES * vectors.shape[1]), 1)
        for begin in range(self.first, len(self.vectors), block):
            cosines = np.stack(self.vectors[begin : begin + block]) @ vectors
            fits = cosines.max(2).mean(1) >= MIN_FIT
            parts += [self.numbers[begin + row] for row in np.flatnonzero(fits).tolist()]
        return parts


def picture_similarity(a: NDArray[Any], b: NDArray[Any], matcher: Matcher) -> float:
    """The similarity of two rows of pictures (frames, side, side), compared one by one.

    -1 where too few are usable, and where only what changes in them is similar, as in two videos in
    which little moves but the same subtitles.
    """
    import numpy as np

    a, b = (pictures[None].astype(np.float32) for pictures in (a, b))
    usable = informative(a) & informative(b)
    ones, others = (
        (x - x.mean((1, 2), keepdims=True)).reshape(len(x), -1) for x in (a[usable], b[usable])
    )
    lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
    cosines = (ones * others).sum(1) / lengths
    if usable.sum() < MIN_COMPARED or cosines.mean() < MIN_PICTURE_COSINE:
        return -1.0
    return float(matcher.picture_similarities(a, b, usable)[0])


def read_timeline(record: Mapping[str, Any]) -> VideoTimeline | None:
    """The timeline of a deep phash artifact; None where that is not readable as one."""
    import numpy as np

    try:
        interval, side = float(record["interval"]), int(record["side"])
        pictures = np.frombuffer(base64.b64decode(record["luma"]), np.uint8)
        timeline = VideoTimeline(interval, pictures.reshape(-1, side, side))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return timeline if side in (8, 16, 32) and 0 < timeline.duration < MAX_DURATION else None
