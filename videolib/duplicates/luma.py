"""Arithmetic on small luma pictures: which of them tell videos apart, and what differs in them.

Arrays of pictures are (videos, frames, side, side) in float32, 0 to 255; `usable` is a boolean
array (videos, frames) of the pictures that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videolib.media.picture_hashes import FLAT

if TYPE_CHECKING:
    from numpy.typing import NDArray

CAPTION_PIXELS = 13  # with fewer that differ from one colour, a picture is a caption on it


def informative(pictures: NDArray[Any]) -> NDArray[Any]:
    """Which pictures (..., side, side) show more than one colour, perhaps with a caption on it.

    A caption is a few pixels far from all the others: n of N give a kurtosis of about N / n.
    """
    import numpy as np

    squares = np.square(pictures - pictures.mean((-2, -1), keepdims=True, dtype=np.float32))
    variance = squares.mean((-2, -1))
    fourth_moment_limit = squares.shape[-1] ** 4 / CAPTION_PIXELS * np.square(variance)
    usable: NDArray[Any] = (variance >= FLAT**2) & (
        np.square(squares).sum((-2, -1)) <= fourth_moment_limit
    )
    return usable


def without_backdrop(
    pictures: NDArray[Any], usable: NDArray[Any], mean: bool = False
) -> NDArray[Any]:
    """Pictures minus their own means and, where there are several, minus their median over time.

    The mean over time would carry an opening that many episodes share into every other picture. It
    is subtracted instead with `mean`, for the bits of hashes, whose median says nothing.
    """
    import numpy as np

    mask = usable[:, :, None, None]
    pictures = (pictures - pictures.mean((2, 3), keepdims=True)) * mask
    if mean:
        frames = np.maximum(mask.sum(1, keepdims=True), 1)
        pictures = (pictures - pictures.sum(1, keepdims=True) / frames) * mask
    elif pictures.shape[1] > 1:
        pictures = (pictures - median_over_time(pictures, usable)[:, None]) * mask
    return pictures


def median_over_time(pictures: NDArray[Any], usable: NDArray[Any]) -> NDArray[Any]:
    """The median of each pixel over the usable frames, (videos, side, side); 0 where none is.

    For five frames, all of them usable, it is computed by a network of minima and maxima instead of
    by sorting: ten times as fast, and nearly every fingerprint and candidate pair is such a case.
    """
    import numpy as np

    if pictures.shape[1] != 5:
        return sorted_median(pictures, usable)
    a, b, c, d, e = pictures.swapaxes(0, 1)
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    median: NDArray[Any] = np.clip(e, np.minimum(low, high), np.maximum(low, high))
    partial = np.flatnonzero(~usable.all(1))
    median[partial] = sorted_median(pictures[partial], usable[partial])
    return median


def sorted_median(pictures: NDArray[Any], usable: NDArray[Any]) -> NDArray[Any]:
    """What `median_over_time` gives, for any number of frames."""
    import numpy as np

    count, rows = usable.sum(1), np.arange(len(pictures))
    ordered = np.sort(np.where(usable[:, :, None, None], pictures, np.float32(np.inf)), axis=1)
    low, high = (ordered[rows, np.maximum(count - k, 0) // 2] for k in (1, 0))
    median: NDArray[Any] = np.where(count[:, None, None] > 0, (low + high) / 2, np.float32(0))
    return median


def laplacian_rms(pictures: NDArray[Any]) -> NDArray[Any]:
    """The root mean square of the Laplacian over the pictures of each video, (videos,): how much
    detail they have beside smooth gradients."""
    import numpy as np

    laplacian = 4 * pictures[..., 1:-1, 1:-1] - pictures[..., :-2, 1:-1] - pictures[..., 2:, 1:-1]
    laplacian -= pictures[..., 1:-1, :-2] + pictures[..., 1:-1, 2:]
    rms: NDArray[Any] = np.sqrt(np.square(laplacian).mean((1, 2, 3)))
    return rms


def block_means(pictures: NDArray[Any], side: int) -> NDArray[Any]:
    """Pictures (..., n, n) reduced to (..., side, side) by the mean of whole blocks of pixels."""
    block = pictures.shape[-1] // side
    blocks = pictures.reshape(*pictures.shape[:-2], side, block, side, block)
    means: NDArray[Any] = blocks.mean((-3, -1))
    return means
