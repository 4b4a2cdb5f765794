"""Candidates: the pairs of fingerprints that are worth comparing, out of all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.duplicates.alignment import content_windows, crop_pictures
from videolib.duplicates.luma import block_means, informative, without_backdrop

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.duplicates.fingerprints import DurationTolerance, Fingerprint

MIN_PICTURE_COSINE, MIN_MOTION_COSINE = 0.45, 0.15  # of the vectors of a candidate pair
FRAMES, SIDE = 5, 8  # of the pictures that a vector is made of


class CandidateIndex:
    """All fingerprints of one kind as vectors, in the order of duration.

    Each is two unit vectors of 320 numbers (five pictures of 8x8): one of the pictures themselves,
    one of what changes between them. A fingerprint with black bars has a second row without them.
    Candidates are pairs of compatible duration with similar vectors. First all fingerprints are
    added, then `sort` is called, then `pairs`.
    """

    BLOCK_ROWS: ClassVar = 1024  # rows and columns of one product of matrices
    BLOCK_COLUMNS: ClassVar = 4096
    MAX_PAIRS: ClassVar = 1 << 16  # candidates handed out at a time

    def __init__(self) -> None:
        self.added_numbers: list[int] = []
        self.added_durations: list[float] = []
        self.pending: list[NDArray[np.uint8]] = []
        self.blocks: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def add(self, number: int, fingerprint: Fingerprint) -> None:
        import numpy as np

        rows = np.linspace(0, len(fingerprint.luma) - 1, FRAMES).round().astype(int)
        pictures = fingerprint.luma[rows]
        views = [pictures]
        window = content_windows(pictures[None])
        # However narrow the bars are: on pictures with little contrast they count, too.
        if window[0, 0] * window[0, 2] < 1:
            cropped = crop_pictures(pictures[None].astype(np.float32), window)[0]
            views.append(cropped.astype(np.uint8))
        for view in views:
            self.added_numbers.append(number)
            self.added_durations.append(fingerprint.duration)
            self.pending.append(view)
        if len(self.pending) >= self.BLOCK_ROWS:
            self.reduce_pending()

    def reduce_pending(self) -> None:
        """Make vectors of the pictures added last, in half precision, which is accurate enough."""
        import numpy as np

        if self.pending:
            pictures, motion = coarse_vectors(np.stack(self.pending).astype(np.float32))
            self.blocks.append((pictures.astype(np.float16), motion.astype(np.float16)))
            self.pending.clear()

    def sort(self) -> None:
        """Put the rows in the order of duration, once all are added and before `pairs`."""
        import numpy as np

        self.reduce_pending()
        durations = np.array(self.added_durations)
        order = np.argsort(durations, kind="stable")
        self.numbers, self.durations = np.array(self.added_numbers)[order], durations[order]
        pictures, motion = zip(*self.blocks, strict=True)
        self.picture_vectors = np.concatenate(pictures)[order]
        self.motion_vectors = np.concatenate(motion)[order]
        self.blocks.clear()

    def pairs(
        self, tolerance: DurationTolerance, mirrored: bool = False
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Candidates as two arrays of numbers, block by block; a pair may come several times.

        A block may have none. What makes 100,000 videos a matter of a minute or two: rows are in
        the order of duration, so that the compatible ones of a block of rows are a window of
        columns that slides along; a product of matrices compares all of them at once, and only
        those with similar pictures are compared by their motion (tests/bench/README.md: `dupes` of
        100,000 videos).
        """
        import numpy as np

        ends = np.searchsorted(self.durations, tolerance.longest(self.durations), "right")
        pixels = np.arange(FRAMES * SIDE * SIDE).reshape(FRAMES, SIDE, SIDE)
        pixel_order = (pixels[:, :, ::-1] if mirrored else pixels).ravel()
        for first in range(0, len(self.numbers), self.BLOCK_ROWS):
            rows = slice(first, min(first + self.BLOCK_ROWS, len(self.numbers)))
            for begin in range(first, int(ends[rows][-1]), self.BLOCK_COLUMNS):
                columns = slice(begin, min(begin + self.BLOCK_COLUMNS, int(ends[rows][-1])))
                i, j = self.similar_pictures(rows, columns, pixel_order)
                compatible = (j > i) & (j < ends[i])
                i, j = i[compatible], j[compatible]
                for start in range(0, max(len(i), 1), self.MAX_PAIRS):
                    part = slice(start, start + self.MAX_PAIRS)
                    yield self.similar_motion(i[part], j[part], pixel_order)

    def similar_pictures(
        self, rows: slice, columns: slice, pixel_order: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The pairs of a row and a column of two blocks whose picture vectors are similar."""
        import numpy as np

        others = self.picture_vectors[columns].astype(np.float32)[:, pixel_order]
        cosines = self.picture_vectors[rows].astype(np.float32) @ others.T
        i, j = np.nonzero(cosines > MIN_PICTURE_COSINE)
        return i + rows.start, j + columns.start

    def similar_motion(
        self, i: NDArray[Any], j: NDArray[Any], pixel_order: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The pairs (i, j) whose motion vectors are similar, too, as numbers of fingerprints."""
        import numpy as np

        ones = self.motion_vectors[i].astype(np.float32)
        others = self.motion_vectors[j].astype(np.float32)[:, pixel_order]
        similar = np.einsum("ij,ij->i", ones, others) > MIN_MOTION_COSINE
        similar &= self.numbers[i] != self.numbers[j]
        return self.numbers[i[similar]], self.numbers[j[similar]]


def coarse_vectors(luma: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two arrays of unit vectors of 320 numbers from pictures (videos, 5, side, side): what they
    show, and what changes between them.

    What is far brighter than all else, or changes far more, such as a logo in the dark or subtitles
    over a landscape, is damped, so that the rest still counts.
    """
    import numpy as np

    usable = informative(luma)
    pictures = block_means(luma, SIDE)
    pictures = (pictures - pictures.mean((2, 3), keepdims=True)) * usable[:, :, None, None]
    motion = without_backdrop(pictures, usable).reshape(len(luma), -1)
    motion = np.sign(motion) * np.sqrt(np.abs(motion))
    motion /= np.linalg.norm(motion, axis=1, keepdims=True) + 1e-3
    limit = 2 * np.abs(pictures).mean((2, 3), keepdims=True)
    pictures = np.clip(pictures, -limit, limit)
    lengths = np.sqrt(np.square(pictures).sum((2, 3), keepdims=True)) + 1e-3
    vectors = (pictures / lengths).reshape(len(luma), -1)
    vectors /= np.sqrt(np.maximum(usable.sum(1), 1))[:, None]
    return vectors, motion
