"""Matching: how similar two fingerprints are, computed for many pairs at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.duplicates.alignment import (
    align_windows,
    content_windows,
    crop_pictures,
    has_bars,
    initial_windows,
)
from videolib.duplicates.luma import informative, laplacian_rms, without_backdrop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.duplicates.fingerprints import Fingerprint

MIN_MOTION_RMS = 0.5  # of what changes between frames, 0 to 255: a video with less shows a still
NOISE_VARIANCE = 0.3  # of rounding and of encoders' noise in such small pictures
MIN_CHROMA_RMS = 6.0  # of a video with colours
MIN_CHROMA_COSINE = 0.6  # of two videos with the same colours
MIN_LAPLACIAN_RMS = 8.0  # with less, pictures are so smooth that their colours must be nearly equal
SMOOTH_CHROMA_COSINE = 0.9  # of two such videos
NEARLY = 0.06  # how far below the threshold a similarity may be for a finer alignment to pay


class Matcher:
    """Compares fingerprints of one kind, many pairs at a time.

    A picture is compared by how it differs from the others of its video (see `without_backdrop`): a
    backdrop that never changes, a logo, black bars and a change of brightness drop out, and a video
    that shows a still has nothing left to match. The correlation is computed in each of the sixteen
    cells of a grid and averaged, weighted by what moves in them in one of the two videos, whichever
    gives the higher value: a caption that moves in the copy alone does not count. Pairs that do not
    match that way are aligned and compared again (see `align_cropped`). Where both have colours,
    these must agree, too.

    Arrays of pictures are (pairs, frames, side, side); `usable` is a boolean array (pairs, frames)
    of the frames that are informative in both videos.
    """

    BATCH: ClassVar = 128  # pairs to compare at a time

    def __init__(self, kind: str, threshold: float, quorum: float) -> None:
        self.kind, self.threshold, self.quorum = kind, threshold, quorum
        self.grid = 4 if kind == "signature" or kind.startswith("ahash") else 1  # cells of a side

    def similarities(
        self, ones: Sequence[Fingerprint], others: Sequence[Fingerprint], mirrored: bool = False
    ) -> NDArray[Any]:
        """The similarity of each pair, (pairs,), 0 to 1; -1 where too few frames or the colours do
        not match.

        `mirrored`: the others are mirrored first.
        """
        import numpy as np

        a, b = (np.stack([f.luma for f in side]).astype(np.float32) for side in (ones, others))
        if mirrored:
            b = np.ascontiguousarray(b[..., ::-1])
        usable = informative(a) & informative(b)
        similarities = self.picture_similarities(a, b, usable)
        if self.kind == "signature":
            chroma = [chroma_planes(side) for side in (ones, others)]
            if mirrored:
                chroma[1] = chroma[1][..., ::-1]
            smooth = np.minimum(laplacian_rms(a), laplacian_rms(b)) < MIN_LAPLACIAN_RMS
            self.align_cropped(similarities, (a, b), chroma, usable)
            similarities[colours_differ(chroma[0], chroma[1], usable, smooth)] = -1
        return similarities

    def picture_similarities(
        self, a: NDArray[Any], b: NDArray[Any], usable: NDArray[Any]
    ) -> NDArray[Any]:
        """The similarity of each pair without alignment, -1 where too few frames match."""
        frames = self.frame_similarities(a, b, usable)
        return self.quorum_mean(frames, usable, self.threshold)

    def frame_similarities(
        self, a: NDArray[Any], b: NDArray[Any], usable: NDArray[Any]
    ) -> NDArray[Any]:
        """Similarities of each frame, -1 of those that are not usable: shape (pairs, frames)."""
        import numpy as np

        return np.where(usable, self.rescaled(self.correlations(a, b, usable)), -1.0)

    def rescaled(self, correlations: NDArray[Any]) -> NDArray[Any]:
        """Correlations as similarities from 0 to 1, on a scale where copies have 0.92 and more.

        For hashes that is the share of equal bits. The correlation of small pictures, about 0.65
        for the worst copies and 0.56 for the most similar other videos, is stretched to that scale.
        """
        import numpy as np

        span = 0.08 / 0.35 if self.kind == "signature" else 0.5
        return np.clip(1 - span * (1 - correlations), 0.0, 1.0)

    def quorum_mean(
        self, frames: NDArray[Any], usable: NDArray[Any], threshold: float
    ) -> NDArray[Any]:
        """The mean similarity of the best frames, as many as the quorum needs.

        It is -1 where one of these is below the threshold.
        """
        import numpy as np

        best = -np.sort(-frames, axis=1)
        needed = np.ceil(usable.sum(1) * self.quorum - 1e-9).astype(int)
        counted = np.arange(frames.shape[1]) < needed[:, None]
        enough = (best >= threshold).sum(1) >= needed
        # A single frame in common is not enough, unless the fingerprints have only one.
        enough &= needed >= min(2, frames.shape[1])
        mean = (best * counted).sum(1) / np.maximum(needed, 1)
        return np.where(enough, mean, -1.0)

    def correlations(self, a: NDArray[Any], b: NDArray[Any], usable: NDArray[Any]) -> NDArray[Any]:
        """The correlation of the two pictures of each frame: shape (pairs, frames), -1 to 1."""
        import numpy as np

        mean = self.kind != "signature" and a.shape[1] > 1
        cells = [self.in_cells(without_backdrop(x, usable, mean)) for x in (a, b)]
        energies = [np.square(x).mean(-1) for x in cells]
        # The noise of the two is independent: it is in their energies, not in their product.
        clean = [np.maximum(energy - NOISE_VARIANCE, NOISE_VARIANCE) for energy in energies]
        product = (cells[0] * cells[1]).mean(-1)
        local = np.clip(product / np.sqrt(clean[0] * clean[1]), -1, 1)
        (whole_a, frames_a), (whole_b, frames_b) = (
            weighted_correlations(local, energy) for energy in energies
        )
        favoured = np.where((whole_a >= whole_b)[:, None], frames_a, frames_b)
        still = np.minimum(whole_a, whole_b) == -1.0
        return np.where(still[:, None], -1.0, favoured)

    def in_cells(self, pictures: NDArray[Any]) -> NDArray[Any]:
        """(pairs, frames, side, side) as (pairs, frames, cells, pixels of a cell)."""
        pairs, frames, side, _ = pictures.shape
        parts = pictures.reshape(pairs, frames, self.grid, side // self.grid, self.grid, -1)
        return parts.swapaxes(3, 4).reshape(pairs, frames, self.grid**2, -1)

    def align_cropped(
        self,
        similarities: NDArray[Any],
        pictures: tuple[NDArray[Any], NDArray[Any]],
        chroma: Sequence[NDArray[Any]],
        usable: NDArray[Any],
    ) -> None:
        """Set the similarities of pairs one of which shows only a part of the other: it is cropped,
        or the other has black bars. Their chroma is replaced by that of the part."""
        import numpy as np

        for guess in (initial_windows, content_windows):
            for outer, inner in ((0, 1), (1, 0)):
                rows = np.flatnonzero((similarities < 0) & (usable.sum(1) > 1))
                windows = guess(pictures[outer][rows])
                if guess is content_windows:
                    rows, windows = rows[has_bars(windows)], windows[has_bars(windows)]
                if len(rows):
                    similarities[rows], windows = self.aligned_similarities(
                        pictures[outer][rows], pictures[inner][rows], windows, usable[rows]
                    )
                    matches = similarities[rows] >= 0
                    cropped = crop_pictures(chroma[outer][rows[matches]], windows[matches])
                    chroma[outer][rows[matches]] = cropped

    def aligned_similarities(
        self,
        outer: NDArray[Any],
        inner: NDArray[Any],
        windows: NDArray[Any],
        usable: NDArray[Any],
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The similarities of `inner` to the best windows of `outer`, and these windows.

        The search starts from `windows`, in pictures of half the size; where the two nearly match
        it goes on in those of full size.
        """
        import numpy as np

        windows = align_windows(outer, inner, windows, 2)
        frames = self.frame_similarities(crop_pictures(outer, windows), inner, usable)
        similarities = self.quorum_mean(frames, usable, self.threshold)
        nearly = self.quorum_mean(frames, usable, self.threshold - NEARLY) > 0
        rows = np.flatnonzero((similarities < 0) & nearly)
        if len(rows):
            outer, inner, usable = outer[rows], inner[rows], usable[rows]
            windows[rows] = align_windows(outer, inner, windows[rows], 1)
            cropped = crop_pictures(outer, windows[rows])
            similarities[rows] = self.picture_similarities(cropped, inner, usable)
        return similarities, windows


def weighted_correlations(
    local: NDArray[Any], energy: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The correlations of cells averaged over whole videos, (pairs,), and over frames, (pairs,
    frames), each weighted by what moves in the cells of one of the two videos.

    `local` and `energy` are (pairs, frames, cells). -1 for a video in which nothing moves.
    """
    import numpy as np

    weight = np.sqrt(np.maximum(energy - NOISE_VARIANCE, 0))
    frames = (weight * local).sum(2) / (weight.sum(2) + 1e-3)
    whole = (weight * local).sum((1, 2)) / (weight.sum((1, 2)) + 1e-3)
    still = np.sqrt(energy.mean((1, 2))) < MIN_MOTION_RMS
    return np.where(still, -1.0, whole), frames


def chroma_planes(fingerprints: Sequence[Fingerprint]) -> NDArray[Any]:
    """The chroma of signatures as pictures, two for each frame: (videos, 2 * frames, 8, 8)."""
    import numpy as np

    planes = [f.chroma for f in fingerprints if f.chroma is not None]
    chroma = np.stack(planes).astype(np.float32)
    return np.moveaxis(chroma, -1, 2).reshape(len(chroma), -1, 8, 8)


def colours_differ(
    a: NDArray[Any], b: NDArray[Any], usable: NDArray[Any], smooth: NDArray[Any]
) -> NDArray[Any]:
    """Which pairs of chroma planes both have colours, but not the same: (pairs,).

    Pairs that are `smooth` have little else to compare: they must have colours, and nearly equal.
    """
    import numpy as np

    mask = np.repeat(usable, 2, axis=1)[:, :, None, None]
    product, energy_a, energy_b = (
        (x * y * mask).sum((1, 2, 3)) for x, y in ((a, b), (a, a), (b, b))
    )
    values = np.maximum(usable.sum(1), 1) * 128
    rms = np.sqrt(np.minimum(energy_a, energy_b) / values)
    cosine = product / np.sqrt(energy_a * energy_b + 1e-6)
    differ: NDArray[Any] = (rms > MIN_CHROMA_RMS) & (cosine < MIN_CHROMA_COSINE)
    differ |= smooth & ((rms <= MIN_CHROMA_RMS) | (cosine < SMOOTH_CHROMA_COSINE))
    return differ
