"""Average-linkage clustering by cosine distance, with pairs that must stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import RowNumbers, Vectors


def average_linkage(
    vectors: Vectors,
    eps: float,
    apart: Sequence[tuple[int, int]] = (),
    weights: Sequence[float] | None = None,
    settled: int = 0,
) -> RowNumbers:
    """Cluster unit vectors (rows) by cosine distance; gives each row the lowest row of its cluster.

    Agglomerative clustering with average linkage (UPGMA; Sokal and Michener, 1958) under
    cannot-link constraints: the two nearest clusters are joined as long as the mean distance of
    their members is below `eps` and no pair of `apart` rows would come together. Unlike DBSCAN or
    connected components it joins no two people by a chain of in-betweens, such as siblings' faces.

    It is exact and keeps no matrix of distances: the mean distance of clusters of unit vectors is
    1 - sum(A).sum(B) / (|A| |B|), and only pairs below `eps` matter, since a joined cluster is
    nowhere nearer than its nearer half. They come from blocks of matrix products; then all mutually
    nearest clusters are joined at once, which gives the same tree (F. Murtagh, 1983). A row with
    more than 16 neighbours keeps the nearest at first, and the search is repeated with what was
    joined, so that memory is bounded; only then may the order of joining differ.

    `weights` count rows as several; the first `settled` rows are clusters that stay apart.
    """
    import numpy as np

    count = len(vectors)
    sizes = np.ones(count) if weights is None else np.asarray(weights, float)
    sums = np.asarray(vectors, np.float32) * sizes[:, None].astype(np.float32)
    labels, most = np.arange(count), 16
    barred = np.array(apart, np.int64).reshape(-1, 2)
    while True:
        alive = np.unique(labels)
        means: Any = sums[alive] / sizes[alive, None].astype(np.float32)
        first, second, more = near_pairs(means, eps, int((alive < settled).sum()), most)
        before = labels
        pairs = (alive[first], alive[second])
        labels = join_nearest(sums, sizes, labels, pairs, eps, barred, settled)
        if not more:
            return labels
        most = most * 4 if (before == labels).all() else 16


def near_pairs(
    means: Vectors, eps: float, settled: int, most: int
) -> tuple[RowNumbers, RowNumbers, bool]:
    """Pairs (lower, higher row) with a product above 1 - eps, not both below `settled`; at most
    `most` lower rows for each higher one, the nearest, and whether there were more.
    """
    import numpy as np

    rows, columns, more = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], False
    step = max(min(2**25 // max(len(means), 1), 1024), 16)
    for top in range(settled, len(means), step):
        end = min(top + step, len(means))
        products = means[top:end] @ means[:end].T
        products[:, top:end][np.triu_indices(end - top)] = -2.0
        near = np.flatnonzero(products > 1.0 - eps)
        row, column = np.divmod(near, end)
        counts = np.bincount(row, minlength=end - top)
        if counts.max(initial=0) > most:
            more = True
            order = np.lexsort((-products.ravel()[near], row))
            first = np.concatenate([[0], np.cumsum(counts)[:-1]])
            kept = order[np.arange(len(order)) - first[row] < most]
            row, column = row[kept], column[kept]
        rows.append(row + top)
        columns.append(column)
    return np.concatenate(columns), np.concatenate(rows), more


def join_nearest(
    sums: Vectors,
    sizes: NDArray[np.float64],
    labels: RowNumbers,
    pairs: tuple[RowNumbers, RowNumbers],
    eps: float,
    barred: RowNumbers,
    settled: int,
) -> RowNumbers:
    """Join mutually nearest clusters, round by round, along the pairs; gives the new labels.

    `sums` and `sizes` are brought up to date in place.
    """
    import numpy as np

    count = len(labels)
    root, barred = np.arange(count), labels[barred]
    codes = np.sort(pairs[0] * count + pairs[1])
    while len(codes):
        barred = np.sort(root[barred], axis=1)
        codes = codes[~contained(codes, np.sort(barred @ np.array([count, 1])))]
        low, high = np.divmod(codes, count)
        distance = mean_distances(sums, sizes, low, high)
        kept = (distance < eps) & (high >= settled)
        low, high, distance = low[kept], high[kept], distance[kept]
        one, other = mutually_nearest(low, high, distance, count)
        sums[one] += sums[other]
        sizes[one] += sizes[other]
        root[other] = one
        low, high = root[low], root[high]
        ordered = np.minimum(low, high) * count + np.maximum(low, high)
        codes = np.unique(ordered[low != high])
        root = root[root]
        moving = np.zeros(count, np.bool_)  # the others cannot be joined any more
        moving[low] = moving[high] = True
        barred = barred[moving[root[barred]].all(axis=1)]
    return root[labels]


def mean_distances(
    sums: Vectors, sizes: NDArray[np.float64], low: RowNumbers, high: RowNumbers
) -> NDArray[np.float64]:
    """Mean cosine distance of the members of pairs of clusters, a block at a time."""
    import numpy as np

    distances = np.empty(len(low))
    for at in range(0, len(low), 1 << 18):
        a, b = low[at : at + (1 << 18)], high[at : at + (1 << 18)]
        products = np.einsum("ij,ij->i", sums[a], sums[b])
        distances[at : at + (1 << 18)] = 1.0 - products / (sizes[a] * sizes[b])
    return distances


def mutually_nearest(
    low: RowNumbers, high: RowNumbers, distance: NDArray[np.float64], count: int
) -> tuple[RowNumbers, RowNumbers]:
    """Of pairs with distances, those whose ends have no nearer one; of equal ones the first."""
    import numpy as np

    nearest = np.full(count, np.inf)
    np.minimum.at(nearest, low, distance)
    np.minimum.at(nearest, high, distance)
    both = np.flatnonzero((distance == nearest[low]) & (distance == nearest[high]))
    low, high = low[both], high[both]
    first = np.full(count, len(both))
    np.minimum.at(first, low, np.arange(len(both)))
    np.minimum.at(first, high, np.arange(len(both)))
    chosen = (first[low] == np.arange(len(both))) & (first[high] == np.arange(len(both)))
    return low[chosen], high[chosen]


def contained(values: RowNumbers, ordered: RowNumbers) -> NDArray[np.bool_]:
    """Which values are among the ordered ones."""
    import numpy as np

    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values)
