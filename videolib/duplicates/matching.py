"""Comparing fingerprints, many pairs at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.duplicates.fingerprints import (
    CAPTION,
    COLOURED,
    EQUAL_COLOURS,
    MOVING,
    SAME_COLOURS,
    SIDE,
    SMOOTH,
)
from videolib.media.hashing import FLAT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.duplicates.fingerprints import Fingerprint


class Matcher:
    """Compares fingerprints of one kind, many pairs at a time.

    What is compared is how a picture differs from the others of its video (the median over time
    taken off, the mean over the picture too): a backdrop that never changes, a logo, black bars and
    a change of brightness drop out, and a video that shows a still has nothing left to match. The
    correlation is taken in sixteen fields and averaged, weighted by what moves in them in one of
    the two videos, the one that this favours: where a caption moves in the copy alone it does not
    count. Pairs that do not match so are laid over each other first (see `overlay`). Where both
    have colours, those must agree too.
    """

    BATCH: ClassVar = 128

    def __init__(self, kind: str, threshold: float, quorum: float) -> None:
        self.kind, self.threshold, self.quorum = kind, threshold, quorum
        self.fields = 4 if kind == "signature" or kind.startswith("ahash") else 1

    def similarity(self, correlation: NDArray[Any]) -> NDArray[Any]:
        """Correlations as similarities from 0 to 1, in which copies have 0.92 and more.

        Of hashes it is the share of equal bits; the correlation of small pictures, which is about
        0.65 for the worst copies and 0.56 for the best impostors, is stretched to fit that.
        """
        import numpy as np

        span = 0.08 / 0.35 if self.kind == "signature" else 0.5
        return np.clip(1 - span * (1 - correlation), 0.0, 1.0)

    def similarities(
        self, ones: Sequence[Fingerprint], others: Sequence[Fingerprint], mirrored: bool = False
    ) -> NDArray[Any]:
        """The similarity of each pair, -1 where too few of its frames match."""
        import numpy as np

        a, b = (np.stack([f.luma for f in side]).astype(np.float32) for side in (ones, others))
        if mirrored:
            b = np.ascontiguousarray(b[..., ::-1])
        counted = telling(a) & telling(b)
        found = self.judged(a, b, counted)
        if self.kind == "signature":
            colours = [colour_planes(side) for side in (ones, others)]
            if mirrored:
                colours[1] = colours[1][..., ::-1]
            smooth = np.minimum(detail(a), detail(b)) < SMOOTH
            self.overlay(found, (a, b), colours, counted)
            found[self.other_colours(colours[0], colours[1], counted, smooth)] = -1
        return found

    def judged(self, a: NDArray[Any], b: NDArray[Any], counted: NDArray[Any]) -> NDArray[Any]:
        """Similarities of pictures (pairs, frames, side, side), -1 for what does not match."""
        return self.verdict(self.by_frame(a, b, counted), counted, self.threshold)

    def by_frame(self, a: NDArray[Any], b: NDArray[Any], counted: NDArray[Any]) -> NDArray[Any]:
        """Similarities of each frame, -1 of those that do not count: shape (pairs, frames)."""
        import numpy as np

        return np.where(counted, self.similarity(self.correlations(a, b, counted)), -1.0)

    def verdict(
        self, frames: NDArray[Any], counted: NDArray[Any], threshold: float
    ) -> NDArray[Any]:
        """The mean similarity of the best frames, -1 where too few of them are similar enough."""
        import numpy as np

        best = -np.sort(-frames, axis=1)
        needed = np.ceil(counted.sum(1) * self.quorum - 1e-9).astype(int)
        used = np.arange(frames.shape[1]) < needed[:, None]
        enough = (best >= threshold).sum(1) >= needed
        # One frame of several is no film; a hash of one frame is all that was asked for.
        enough &= needed >= min(2, frames.shape[1])
        mean = (best * used).sum(1) / np.maximum(needed, 1)
        return np.where(enough, mean, -1.0)

    def correlations(self, a: NDArray[Any], b: NDArray[Any], counted: NDArray[Any]) -> NDArray[Any]:
        """How pictures correlate, frame by frame: shape (pairs, frames), -1 to 1."""
        import numpy as np

        noise = 0.3  # variance of rounding and of encoders' noise in such small pictures
        mean = self.kind != "signature" and a.shape[1] > 1
        one, other = (self.in_fields(centered(x, counted, mean)) for x in (a, b))
        energies = [np.square(x).mean(-1) for x in (one, other)]
        # The noise of the two has nothing in common: it is in the energies alone.
        clean = [np.maximum(energy - noise, noise) for energy in energies]
        common = (one * other).mean(-1)
        local = np.clip(common / np.sqrt(clean[0] * clean[1]), -1, 1)
        views = []
        for energy in energies:
            weight = np.sqrt(np.maximum(energy - noise, 0))
            frames = (weight * local).sum(2) / (weight.sum(2) + 1e-3)
            whole = (weight * local).sum((1, 2)) / (weight.sum((1, 2)) + 1e-3)
            still = np.sqrt(energy.mean((1, 2))) < MOVING
            views.append((np.where(still, -1.0, whole), frames))
        favoured = np.where((views[0][0] >= views[1][0])[:, None], views[0][1], views[1][1])
        still = np.minimum(views[0][0], views[1][0]) == -1.0
        return np.where(still[:, None], -1.0, favoured)

    def in_fields(self, x: NDArray[Any]) -> NDArray[Any]:
        """(pairs, frames, side, side) as (pairs, frames, fields, pixels of a field)."""
        pairs, frames, side, _ = x.shape
        parts = x.reshape(pairs, frames, self.fields, side // self.fields, self.fields, -1)
        return parts.swapaxes(3, 4).reshape(pairs, frames, self.fields**2, -1)

    def overlay(
        self,
        found: NDArray[Any],
        pictures: tuple[NDArray[Any], NDArray[Any]],
        colours: Sequence[NDArray[Any]],
        counted: NDArray[Any],
    ) -> None:
        """Find the similarities of those where one shows but a part of the other: cropped, or
        between black bars. Their colours become those of that part.
        """
        import numpy as np

        for guess in (whole_window, content_window):
            for outer, inner in ((0, 1), (1, 0)):
                rest = np.flatnonzero((found < 0) & (counted.sum(1) > 1))
                begin = guess(pictures[outer][rest])
                if guess is content_window:
                    rest, begin = rest[has_bars(begin)], begin[has_bars(begin)]
                if len(rest):
                    parts = pictures[outer][rest], pictures[inner][rest]
                    found[rest], window = self.through(*parts, begin, counted[rest])
                    fits = found[rest] >= 0
                    seen = looked_at(colours[outer][rest[fits]], window[fits])
                    colours[outer][rest[fits]] = seen

    def through(
        self, outer: NDArray[Any], inner: NDArray[Any], begin: NDArray[Any], counted: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Similarities of `outer` as it is seen through the windows that suit it best, and these
        windows; where it nearly matches, they are sought once more on larger pictures.
        """
        import numpy as np

        window = best_windows(outer, inner, begin, 2)
        frames = self.by_frame(looked_at(outer, window), inner, counted)
        found = self.verdict(frames, counted, self.threshold)
        nearly = self.verdict(frames, counted, self.threshold - 0.06) > 0
        close = np.flatnonzero((found < 0) & nearly)
        if len(close):
            outer, inner, counted = outer[close], inner[close], counted[close]
            window[close] = best_windows(outer, inner, window[close], 1)
            found[close] = self.judged(looked_at(outer, window[close]), inner, counted)
        return found, window

    @staticmethod
    def other_colours(
        a: NDArray[Any], b: NDArray[Any], counted: NDArray[Any], smooth: NDArray[Any]
    ) -> NDArray[Any]:
        """Which pairs have colours both, and not the same; smooth ones need to have equal ones."""
        import numpy as np

        use = np.repeat(counted, 2, axis=1)[:, :, None, None]
        products = [(x * y * use).sum((1, 2, 3)) for x, y in ((a, b), (a, a), (b, b))]
        values = np.maximum(counted.sum(1), 1) * 128
        strength = np.sqrt(np.minimum(products[1], products[2]) / values)
        cosine = products[0] / np.sqrt(products[1] * products[2] + 1e-6)
        verdict: NDArray[Any] = (strength > COLOURED) & (cosine < SAME_COLOURS)
        verdict |= smooth & ((strength <= COLOURED) | (cosine < EQUAL_COLOURS))
        return verdict


def colour_planes(prints: Sequence[Fingerprint]) -> NDArray[Any]:
    """The chroma of signatures as pictures (videos, two for each frame, 8, 8)."""
    import numpy as np

    chroma = np.stack([f.chroma for f in prints if f.chroma is not None]).astype(np.float32)
    return np.moveaxis(chroma, -1, 2).reshape(len(chroma), -1, 8, 8)


def detail(x: NDArray[Any]) -> NDArray[Any]:
    """How much there is in pictures beside smooth gradients: the rms of their Laplacian."""
    import numpy as np

    inner = 4 * x[..., 1:-1, 1:-1] - x[..., :-2, 1:-1] - x[..., 2:, 1:-1]
    inner -= x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    rms: NDArray[Any] = np.sqrt(np.square(inner).mean((1, 2, 3)))
    return rms


def telling(x: NDArray[Any]) -> NDArray[Any]:
    """Which pictures (..., side, side) show more than one colour, or a few words on it.

    A caption is a few pixels far from all the others: n of N have a kurtosis of about N / n.
    """
    import numpy as np

    square = np.square(x - x.mean((-2, -1), keepdims=True, dtype=np.float32))
    variance = square.mean((-2, -1))
    tells: NDArray[Any] = (variance >= FLAT**2) & (
        np.square(square).sum((-2, -1)) <= square.shape[-1] ** 4 / CAPTION * np.square(variance)
    )
    return tells


def centered(x: NDArray[Any], counted: NDArray[Any], mean: bool = False) -> NDArray[Any]:
    """Pictures without their own means and, where there are several, without what all have.

    That is the median over time: with the mean, an opening that many episodes have would be in what
    is left of every other picture. Bits have no middle: of those it is the `mean`.
    """
    import numpy as np

    use = counted[:, :, None, None]
    x = (x - x.mean((2, 3), keepdims=True)) * use
    if mean:
        x = (x - x.sum(1, keepdims=True) / np.maximum(use.sum(1, keepdims=True), 1)) * use
    elif x.shape[1] > 1:
        x = (x - median(x, counted)[:, None]) * use
    return x


def median(x: NDArray[Any], counted: NDArray[Any]) -> NDArray[Any]:
    """The median over those of the frames (pairs, frames, side, side) that count; 0 of none."""
    import numpy as np

    if x.shape[1] != 5:
        return sorted_median(x, counted)
    a, b, c, d, e = x.swapaxes(0, 1)  # of five by comparing them: ten times as fast as sorting
    low = np.maximum(np.minimum(a, b), np.minimum(c, d))
    high = np.minimum(np.maximum(a, b), np.maximum(c, d))
    middle: NDArray[Any] = np.clip(e, np.minimum(low, high), np.maximum(low, high))
    rest = np.flatnonzero(~counted.all(1))
    middle[rest] = sorted_median(x[rest], counted[rest])
    return middle


def sorted_median(x: NDArray[Any], counted: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    count, rows = counted.sum(1), np.arange(len(x))
    ordered = np.sort(np.where(counted[:, :, None, None], x, np.float32(np.inf)), axis=1)
    low, high = (ordered[rows, np.maximum(count - k, 0) // 2] for k in (1, 0))
    middle: NDArray[Any] = np.where(count[:, None, None] > 0, (low + high) / 2, np.float32(0))
    return middle


def whole_window(x: NDArray[Any]) -> NDArray[Any]:
    """A first guess at the part that the other shows: nearly all, (scale, start) of each axis."""
    import numpy as np

    return np.tile(np.array([0.97, 0.015, 0.97, 0.015], np.float32), (len(x), 1))


def content_window(x: NDArray[Any]) -> NDArray[Any]:
    """The part between black bars, as shares of the picture: (scale, start) of x, then of y."""
    import numpy as np

    side, windows = x.shape[-1], []
    for axes in ((1, 2), (1, 3)):
        bright = x.max(axes) >= 36
        first = bright.argmax(1)
        last = side - bright[:, ::-1].argmax(1)
        bars = last - first >= side * 0.6
        start, end = np.where(bars, first, 0) / side, np.where(bars, last, side) / side
        windows += [end - start, start]
    return np.stack(windows, 1).astype(np.float32)


def content_share(found: Fingerprint) -> float:
    """How much of the pictures is no black bars, rather too little than too much."""
    if found.kind != "signature":
        return 1.0
    window = content_window(found.luma[None])
    if not has_bars(window)[0]:
        return 1.0
    # A line that is bar in part counts for all of one, on either side.
    across, down = (scale - 2 / SIDE if scale < 1 else scale for scale in window[0, 0::2].tolist())
    return float(across * down)


def has_bars(window: NDArray[Any]) -> NDArray[Any]:
    """Whether content windows leave out so much that it matters."""
    matters: NDArray[Any] = window[:, 0] * window[:, 2] < 0.93
    return matters


def looked_at(x: NDArray[Any], window: NDArray[Any]) -> NDArray[Any]:
    """What is seen through a window on pictures, at their size, by bilinear interpolation."""
    import numpy as np

    side = x.shape[-1]
    lines = []
    for scale, start in (window[:, 0:2].T, window[:, 2:4].T):
        place = (scale[:, None] * (np.arange(side) + 0.5) / side + start[:, None]) * side - 0.5
        place = np.clip(place, 0, side - 1)[:, :, None]
        lines.append(np.maximum(0, 1 - np.abs(place - np.arange(side))).astype(np.float32))
    across, down = lines
    seen: NDArray[Any] = down[:, None] @ x @ across[:, None].swapaxes(2, 3)
    return seen


def best_windows(
    outer: NDArray[Any], inner: NDArray[Any], window: NDArray[Any], shrink: int
) -> NDArray[Any]:
    """The windows on `outer` through which it looks most like `inner`: from 0.7 of a side up.

    Gauss-Newton on normalized pictures, smaller by `shrink`, with a scale and a shift for each axis
    (B. Lucas and T. Kanade, 1981; G. Evangelidis and E. Psarakis, "Parametric Image Alignment Using
    Enhanced Correlation Coefficient Maximization", 2008).
    """
    import numpy as np

    side = outer.shape[-1] // shrink
    some = slice(None, None, 2) if outer.shape[1] > 3 else slice(None)  # frames enough to see it
    outer, target = (
        normalized(x[:, some].reshape(len(x), -1, side, shrink, side, shrink).mean((3, 5)))
        for x in (outer, inner)
    )
    place = ((np.arange(side) + 0.5) / side).astype(np.float32)
    best, found = np.full(len(window), -2.0), window
    for _ in range(6):
        seen = normalized(looked_at(outer, window))
        score = (seen * target).mean((1, 2, 3))
        found = np.where((score > best)[:, None], window, found)
        best = np.maximum(best, score)
        down, across = np.gradient(seen, axis=(2, 3))
        across *= side / window[:, 0, None, None, None]
        down *= side / window[:, 2, None, None, None]
        slopes = [across * place, across, down * place[:, None], down]
        matrix = np.stack(slopes, -1).reshape(len(window), -1, 4)
        matrix -= matrix.mean(1, keepdims=True)
        square = matrix.swapaxes(1, 2) @ matrix + np.eye(4, dtype=np.float32) * 1e-2
        aim = matrix.swapaxes(1, 2) @ (target - seen).reshape(len(window), -1, 1)
        window = within_picture(window + np.linalg.solve(square, aim)[..., 0])
    return found


def within_picture(window: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    scales = np.clip(window[:, 0::2], 0.7, 1.0)
    starts = np.clip(window[:, 1::2], 0.0, 1 - scales)
    return np.stack([scales[:, 0], starts[:, 0], scales[:, 1], starts[:, 1]], 1)


def normalized(x: NDArray[Any]) -> NDArray[Any]:
    """Pictures of pairs with a mean of 0 and a deviation of 1 over all frames."""
    deviation = x.std((1, 2, 3), keepdims=True) + 1e-3
    pictures: NDArray[Any] = (x - x.mean((1, 2, 3), keepdims=True)) / deviation
    return pictures
