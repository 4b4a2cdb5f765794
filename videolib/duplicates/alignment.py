"""Alignment: where a cropped picture, or one without black bars, lies on the whole one.

A window is a part of a picture, as shares of its sides: (scale, start) of x, then of y. Arrays of
windows are (pairs, 4), arrays of pictures (pairs, frames, side, side).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videolib.duplicates.fingerprints import SIGNATURE_SIDE
from videolib.duplicates.luma import block_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.duplicates.fingerprints import Fingerprint

BLACK = 36  # luma of 255: lines that are darker throughout are bars
MIN_CONTENT_SIDE = 0.6  # share of a side: with less between dark lines, they are no bars
MAX_CONTENT_AREA = 0.93  # share of a picture: with more than that, bars make no difference
MIN_SCALE = 0.7  # share of a side that a cropped copy shows at least
ITERATIONS = 6  # of Gauss-Newton


def initial_windows(pictures: NDArray[Any]) -> NDArray[Any]:
    """A first guess at the part that a cropped copy shows: nearly all of it."""
    import numpy as np

    return np.tile(np.array([0.97, 0.015, 0.97, 0.015], np.float32), (len(pictures), 1))


def content_windows(pictures: NDArray[Any]) -> NDArray[Any]:
    """The windows between the black bars; the whole picture where it has none."""
    import numpy as np

    side, windows = pictures.shape[-1], []
    for axes in ((1, 2), (1, 3)):
        bright = pictures.max(axes) >= BLACK
        first = bright.argmax(1)
        last = side - bright[:, ::-1].argmax(1)
        has_content = last - first >= side * MIN_CONTENT_SIDE
        start, end = (
            np.where(has_content, first, 0) / side,
            np.where(has_content, last, side) / side,
        )
        windows += [end - start, start]
    return np.stack(windows, 1).astype(np.float32)


def has_bars(windows: NDArray[Any]) -> NDArray[Any]:
    """Which content windows leave out so much that it makes a difference: (pairs,)."""
    bars: NDArray[Any] = windows[:, 0] * windows[:, 2] < MAX_CONTENT_AREA
    return bars


def content_share(fingerprint: Fingerprint) -> float:
    """The share of the pictures that is not black bars, 0 to 1; in doubt too low."""
    if fingerprint.kind != "signature":
        return 1.0
    window = content_windows(fingerprint.luma[None])
    if not has_bars(window)[0]:
        return 1.0
    # A line that is bar in part counts as all bar, on either side.
    two_lines = 2 / SIGNATURE_SIDE
    width, height = (s - two_lines if s < 1 else s for s in window[0, 0::2].tolist())
    return float(width * height)


def crop_pictures(pictures: NDArray[Any], windows: NDArray[Any]) -> NDArray[Any]:
    """The part of the pictures in the window of each pair, scaled to their size (bilinear)."""
    import numpy as np

    side = pictures.shape[-1]
    weights = []  # of the pixels of a picture in those of the crop: (pairs, side, side)
    for scale, start in (windows[:, 0:2].T, windows[:, 2:4].T):
        position = (scale[:, None] * (np.arange(side) + 0.5) / side + start[:, None]) * side - 0.5
        position = np.clip(position, 0, side - 1)[:, :, None]
        weights.append(np.maximum(0, 1 - np.abs(position - np.arange(side))).astype(np.float32))
    across, down = weights
    crops: NDArray[Any] = down[:, None] @ pictures @ across[:, None].swapaxes(2, 3)
    return crops


def align_windows(
    outer: NDArray[Any], inner: NDArray[Any], windows: NDArray[Any], shrink: int
) -> NDArray[Any]:
    """The windows in which `outer` looks most like `inner`; the search starts from `windows`.

    Gauss-Newton on standardized pictures, reduced by the factor `shrink`, with a scale and a shift
    for each axis (B. Lucas and T. Kanade, 1981; G. Evangelidis and E. Psarakis, "Parametric Image
    Alignment Using Enhanced Correlation Coefficient Maximization", 2008).
    """
    import numpy as np

    side = outer.shape[-1] // shrink
    frames = slice(None, None, 2) if outer.shape[1] > 3 else slice(None)  # three are enough
    outer, target = (
        standardized(block_means(pictures[:, frames], side)) for pictures in (outer, inner)
    )
    best_score, best_windows = np.full(len(windows), -2.0), windows
    for _ in range(ITERATIONS):
        crops = standardized(crop_pictures(outer, windows))
        score = (crops * target).mean((1, 2, 3))
        best_windows = np.where((score > best_score)[:, None], windows, best_windows)
        best_score = np.maximum(best_score, score)
        jacobian = window_jacobian(crops, windows)
        normal = jacobian.swapaxes(1, 2) @ jacobian + np.eye(4, dtype=np.float32) * 1e-2
        residual = (target - crops).reshape(len(windows), -1, 1)
        step = np.linalg.solve(normal, jacobian.swapaxes(1, 2) @ residual)[..., 0]
        windows = clip_windows(windows + step)
    return best_windows


def window_jacobian(crops: NDArray[Any], windows: NDArray[Any]) -> NDArray[Any]:
    """The derivatives of crops by the numbers of their windows: (pairs, pixels, 4)."""
    import numpy as np

    side = crops.shape[-1]
    position = ((np.arange(side) + 0.5) / side).astype(np.float32)
    down, across = np.gradient(crops, axis=(2, 3))
    across *= side / windows[:, 0, None, None, None]
    down *= side / windows[:, 2, None, None, None]
    slopes = np.stack([across * position, across, down * position[:, None], down], -1)
    jacobian: NDArray[Any] = slopes.reshape(len(windows), -1, 4)
    jacobian -= jacobian.mean(1, keepdims=True)
    return jacobian


def clip_windows(windows: NDArray[Any]) -> NDArray[Any]:
    """The nearest windows that lie within the picture and are not too small."""
    import numpy as np

    scales = np.clip(windows[:, 0::2], MIN_SCALE, 1.0)
    starts = np.clip(windows[:, 1::2], 0.0, 1 - scales)
    return np.stack([scales[:, 0], starts[:, 0], scales[:, 1], starts[:, 1]], 1)


def standardized(pictures: NDArray[Any]) -> NDArray[Any]:
    """Pictures with a mean of 0 and a deviation of 1 over all frames of each pair."""
    deviation = pictures.std((1, 2, 3), keepdims=True) + 1e-3
    result: NDArray[Any] = (pictures - pictures.mean((1, 2, 3), keepdims=True)) / deviation
    return result
