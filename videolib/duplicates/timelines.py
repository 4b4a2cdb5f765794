"""Small pictures all along a video, by which shifted copies are found."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.duplicates.fingerprints import COARSE_STILL
from videolib.duplicates.matching import centered, telling
from videolib.media.duration import MAX_DURATION

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.duplicates.matching import Matcher


MOST_CUT = 0.2  # share of the longer one that may be missing at either end


LEAST_FIT = 0.35  # mean cosine of pictures at which a closer look pays


class VideoTimeline(NamedTuple):
    """Small pictures all along a video (frames, side, side), one every `interval` seconds."""

    interval: float
    luma: NDArray[np.uint8]

    @property
    def duration(self) -> float:
        return self.interval * len(self.luma)

    def at(self, seconds: NDArray[Any]) -> NDArray[Any]:
        """The pictures shown at those times."""
        import numpy as np

        rows = np.floor(seconds / self.interval + 1e-6).astype(int)
        pictures: NDArray[Any] = self.luma[np.clip(rows, 0, len(self.luma) - 1)]
        return pictures

    def directions(self) -> NDArray[Any]:
        """Each picture as a unit vector of 64 numbers, without what all have in common."""
        import numpy as np

        side = self.luma.shape[1] // 8
        small = self.luma.reshape(-1, 8, side, 8, side).astype(np.float32).mean((2, 4))
        counted = telling(self.luma)
        rows = centered(small[None], counted[None])[0].reshape(len(small), -1)
        unit: NDArray[Any] = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1.0)
        return unit

    def probes(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Moments from the middle of it, and the directions of what is shown then."""
        import numpy as np

        rows = np.floor(np.linspace(0.22, 0.78, 12) * len(self.luma)).astype(int)
        return self.moments(rows), self.directions()[rows]

    def moments(self, rows: NDArray[Any]) -> NDArray[Any]:
        """When pictures were taken."""
        return self.interval * (rows + 0.5)

    def may_hold(self, probes: Sequence[NDArray[Any]]) -> list[int]:
        """Which of others fit somewhere, if each of their pictures had its place for itself."""
        import numpy as np

        mine, found = self.directions().T, []
        block = max((1 << 24) // (12 * mine.shape[1]), 1)
        for begin in range(0, len(probes), block):
            alike = np.stack(probes[begin : begin + block]) @ mine
            fits = alike.max(2).mean(1) >= LEAST_FIT
            found += (begin + np.flatnonzero(fits)).tolist()
        return found

    def shift(self, longer: VideoTimeline) -> tuple[float, float]:
        """When this one begins in the longer one, in seconds, and how well it fits there."""
        import numpy as np

        moments, mine = self.probes()
        alike = mine @ longer.directions().T
        step, most = min(self.interval, longer.interval) / 2, MOST_CUT * longer.duration + 0.5
        shifts = np.arange(-most, most + longer.duration - self.duration, step)
        rows = np.floor((moments[:, None] + shifts) / longer.interval).astype(int)
        fits = np.take_along_axis(alike, np.clip(rows, 0, len(longer.luma) - 1), 1).mean(0)
        best = int(fits.argmax())
        return float(shifts[best]), float(fits[best])

    def shifted_similarity(self, longer: VideoTimeline, matcher: Matcher) -> float:
        """How similar the two are where they overlap, or -1: too short an overlap, or no match."""
        import numpy as np

        shift, fit = self.shift(longer)
        begin, end = max(0.0, -shift), min(self.duration, longer.duration - shift)
        if fit < LEAST_FIT or end - begin < (1 - 2 * MOST_CUT) * longer.duration:
            return -1.0
        ends = np.array([begin, end]) / self.interval - 0.5
        times = self.moments(np.linspace(math.ceil(ends[0]), math.floor(ends[1]), 24).round())
        a, half = self.at(times), longer.interval / 2
        return max(
            self.alike(a, longer.at(times + shift + late), matcher) for late in (-half, 0, half)
        )

    @staticmethod
    def alike(a: NDArray[Any], b: NDArray[Any], matcher: Matcher) -> float:
        """How similar pictures are one by one; -1 where too few tell anything, or where they only
        move alike: so do subtitles over two films that hardly move.
        """
        import numpy as np

        a, b = (x[None].astype(np.float32) for x in (a, b))
        counted = telling(a) & telling(b)
        ones, others = (
            (x - x.mean((1, 2), keepdims=True)).reshape(len(x), -1)
            for x in (a[counted], b[counted])
        )
        lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
        if counted.sum() < 8 or ((ones * others).sum(1) / lengths).mean() < COARSE_STILL:
            return -1.0
        return float(matcher.judged(a, b, counted)[0])


def read_film(record: Mapping[str, Any]) -> VideoTimeline | None:
    """The timeline of a deep phash artifact; None where that is not readable as one."""
    import numpy as np

    try:
        interval, side = float(record["interval"]), int(record["side"])
        pictures = np.frombuffer(base64.b64decode(record["luma"]), np.uint8)
        film = VideoTimeline(interval, pictures.reshape(-1, side, side))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    return film if side in (8, 16, 32) and 0 < film.duration < MAX_DURATION else None
