"""Which pairs of fingerprints are worth comparing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.duplicates.fingerprints import COARSE_MOVING, COARSE_STILL
from videolib.duplicates.matching import centered, content_window, looked_at, telling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.duplicates.fingerprints import DurationTolerance, Fingerprint


class CandidateIndex:
    """All fingerprints of one kind in short, in the order of duration, to find candidates in.

    Each is two vectors of five 8x8 pictures, one as they are and one without what all have;
    what has black bars stands there a second time without them. Candidates are pairs of compatible
    duration whose vectors point the same way: products of matrices over a window of durations that
    slides along.
    """

    ROWS: ClassVar = 1024

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.lengths: list[float] = []
        self.waiting: list[NDArray[np.uint8]] = []
        self.blocks: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def add(self, number: int, found: Fingerprint) -> None:
        import numpy as np

        chosen = found.luma[np.linspace(0, len(found.luma) - 1, 5).round().astype(int)]
        views = [chosen]
        window = content_window(chosen[None])
        # Without has_bars: on pictures that lack contrast the narrowest weigh, too.
        if window[0, 0] * window[0, 2] < 1:
            views.append(looked_at(chosen[None].astype(np.float32), window)[0].astype(np.uint8))
        for view in views:
            self.numbers.append(number)
            self.lengths.append(found.duration)
            self.waiting.append(view)
        if len(self.waiting) >= self.ROWS:
            self.reduce()

    def reduce(self) -> None:
        """Make vectors of the pictures that wait; half precision is plenty."""
        import numpy as np

        if self.waiting:
            vectors = coarse_vectors(np.stack(self.waiting).astype(np.float32))
            self.blocks.append((vectors[0].astype(np.float16), vectors[1].astype(np.float16)))
            self.waiting.clear()

    def close(self) -> None:
        """Put everything in order, when all is added."""
        import numpy as np

        self.reduce()
        durations = np.array(self.lengths)
        sorting = np.argsort(durations, kind="stable")
        self.order, self.durations = np.array(self.numbers)[sorting], durations[sorting]
        sides = zip(*self.blocks, strict=True)
        self.stills, self.moves = (np.concatenate(side)[sorting] for side in sides)
        self.blocks.clear()

    def pairs(
        self, tolerance: DurationTolerance, mirrored: bool = False
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Pairs as two arrays of numbers of fingerprints, block by block, whether any or none."""
        import numpy as np

        ends = np.searchsorted(self.durations, tolerance.longest(self.durations), "right")
        places = np.arange(320).reshape(5, 8, 8)
        flip = (places[:, :, ::-1] if mirrored else places).ravel()
        for first in range(0, len(self.order), self.ROWS):
            rows = slice(first, min(first + self.ROWS, len(self.order)))
            for begin in range(first, int(ends[rows][-1]), 4 * self.ROWS):
                columns = slice(begin, min(begin + 4 * self.ROWS, int(ends[rows][-1])))
                others = self.stills[columns].astype(np.float32)[:, flip]
                near = self.stills[rows].astype(np.float32) @ others.T
                i, j = np.nonzero(near > COARSE_STILL)
                i, j = i + first, j + begin
                keep = (j > i) & (j < ends[i])
                i, j = i[keep], j[keep]
                for part in range(0, max(len(i), 1), 1 << 16):
                    some = slice(part, part + (1 << 16))
                    yield self.near(i[some], j[some], flip)

    def near(
        self, i: NDArray[Any], j: NDArray[Any], flip: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Those pairs of rows that also move alike."""
        import numpy as np

        ones, others = self.moves[i].astype(np.float32), self.moves[j].astype(np.float32)
        moving = np.einsum("ij,ij->i", ones, others[:, flip]) > COARSE_MOVING
        keep = moving & (self.order[i] != self.order[j])
        return self.order[i[keep]], self.order[j[keep]]


def coarse_vectors(chosen: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Pictures (videos, 5, side, side) as two arrays of unit vectors of 320 numbers.

    What is far brighter than all else, or moves far more, such as a logo in the dark or subtitles
    over a landscape, counts for less than it would: the rest must be seen beside it.
    """
    import numpy as np

    count, side = len(chosen), chosen.shape[-1] // 8
    small = chosen.reshape(count, 5, 8, side, 8, side).mean((3, 5))
    counted = telling(chosen)
    small = (small - small.mean((2, 3), keepdims=True)) * counted[:, :, None, None]
    moving = centered(small, counted).reshape(count, -1)
    moving = np.sign(moving) * np.sqrt(np.abs(moving))
    most = 2 * np.abs(small).mean((2, 3), keepdims=True)
    small = np.clip(small, -most, most)
    lengths = np.sqrt(np.square(small).sum((2, 3), keepdims=True)) + 1e-3
    still = (small / lengths).reshape(count, -1)
    still /= np.sqrt(np.maximum(counted.sum(1), 1))[:, None]
    moving /= np.linalg.norm(moving, axis=1, keepdims=True) + 1e-3
    return still, moving
