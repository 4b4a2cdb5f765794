"""Average-linkage clustering by cosine distance, with pairs that must stay apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import RowNumbers, Vectors


NEIGHBOURS = 16  # pairs of a row that are looked at first
BLOCK_VALUES = 2**25  # products that are in memory at a time
BLOCK_PAIRS = 2**18  # pairs whose distances are computed at a time


def average_linkage(
    vectors: Vectors,
    eps: float,
    apart: Sequence[tuple[int, int]] = (),
    weights: Sequence[float] | None = None,
    settled: int = 0,
) -> RowNumbers:
    """Cluster unit vectors (rows) by cosine distance; labels each row with the lowest row of its
    cluster.

    Agglomerative clustering with average linkage (UPGMA; Sokal and Michener, 1958) under
    cannot-link constraints: the two nearest clusters are joined as long as the mean distance of
    their members is below `eps` and no pair of `apart` rows would come together. Unlike DBSCAN or
    connected components it does not join two people by a chain of in-betweens, such as siblings.

    It is exact without a matrix of all distances: the mean distance of clusters of unit vectors is
    1 - sum(A).sum(B) / (|A| |B|), and only pairs below `eps` matter, since a joined cluster is
    nowhere nearer than its nearer half. The pairs come from blocks of matrix products; then all
    mutually nearest clusters are joined at once, which gives the same tree (F. Murtagh, 1983). To
    bound memory, a row with more than 16 neighbours first keeps the nearest ones, and the search is
    repeated with the joined clusters; only then may the order of joining differ.

    `weights`: a row counts as that many vectors. The first `settled` rows are clusters that are not
    joined with each other.
    """
    import numpy as np

    count = len(vectors)
    sizes = np.ones(count) if weights is None else np.asarray(weights, float)
    sums = np.asarray(vectors, np.float32) * sizes[:, None].astype(np.float32)
    labels, most = np.arange(count), NEIGHBOURS
    apart_rows = np.array(apart, np.int64).reshape(-1, 2)
    while True:
        clusters = np.unique(labels)
        means: Any = sums[clusters] / sizes[clusters, None].astype(np.float32)
        first, second, more = near_pairs(means, eps, int((clusters < settled).sum()), most)
        previous = labels
        pairs = (clusters[first], clusters[second])
        labels = join_nearest(sums, sizes, labels, pairs, eps, apart_rows, settled)
        if not more:
            return labels
        most = most * 4 if (previous == labels).all() else NEIGHBOURS


def near_pairs(
    means: Vectors, eps: float, settled: int, most: int
) -> tuple[RowNumbers, RowNumbers, bool]:
    """Pairs (lower row, higher row) with a cosine distance below `eps`, not both below `settled`;
    of each higher row at most `most`, the nearest, and whether there were more.
    """
    import numpy as np

    rows, columns, more = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], False
    step = max(min(BLOCK_VALUES // max(len(means), 1), 1024), 16)
    for top in range(settled, len(means), step):
        end = min(top + step, len(means))
        products = means[top:end] @ means[:end].T
        products[:, top:end][np.triu_indices(end - top)] = -2.0  # only lower rows
        near = np.flatnonzero(products > 1.0 - eps)
        row, column = np.divmod(near, end)
        counts = np.bincount(row, minlength=end - top)
        if counts.max(initial=0) > most:
            more = True
            order = np.lexsort((-products.ravel()[near], row))
            first = np.concatenate([[0], np.cumsum(counts)[:-1]])
            nearest = order[np.arange(len(order)) - first[row] < most]
            row, column = row[nearest], column[nearest]
        rows.append(row + top)
        columns.append(column)
    return np.concatenate(columns), np.concatenate(rows), more


def join_nearest(
    sums: Vectors,
    sizes: NDArray[np.float64],
    labels: RowNumbers,
    pairs: tuple[RowNumbers, RowNumbers],
    eps: float,
    apart: RowNumbers,
    settled: int,
) -> RowNumbers:
    """Join mutually nearest clusters along the pairs (lower, higher), round by round; the new
    labels. `sums` and `sizes` of the clusters are updated in place.
    """
    import numpy as np

    count = len(labels)
    root, apart = np.arange(count), labels[apart]
    codes = np.sort(pairs[0] * count + pairs[1])  # a pair as one number
    while len(codes):
        apart = np.sort(root[apart], axis=1)
        codes = codes[~contained(codes, np.sort(apart @ np.array([count, 1])))]
        low, high = np.divmod(codes, count)
        distance = mean_distances(sums, sizes, low, high)
        joinable = (distance < eps) & (high >= settled)
        low, high, distance = low[joinable], high[joinable], distance[joinable]
        target, joined = mutually_nearest(low, high, distance, count)
        sums[target] += sums[joined]
        sizes[target] += sizes[joined]
        root[joined] = target
        low, high = root[low], root[high]
        ordered = np.minimum(low, high) * count + np.maximum(low, high)
        codes = np.unique(ordered[low != high])
        root = root[root]
        active = np.zeros(count, np.bool_)  # clusters that may still be joined
        active[low] = active[high] = True
        apart = apart[active[root[apart]].all(axis=1)]
    return root[labels]


def mean_distances(
    sums: Vectors, sizes: NDArray[np.float64], low: RowNumbers, high: RowNumbers
) -> NDArray[np.float64]:
    """Mean cosine distance of the members of pairs of clusters, a block of pairs at a time."""
    import numpy as np

    distances = np.empty(len(low))
    for start in range(0, len(low), BLOCK_PAIRS):
        block = slice(start, start + BLOCK_PAIRS)
        a, b = low[block], high[block]
        products = np.einsum("ij,ij->i", sums[a], sums[b])
        distances[block] = 1.0 - products / (sizes[a] * sizes[b])
    return distances


def mutually_nearest(
    low: RowNumbers, high: RowNumbers, distance: NDArray[np.float64], count: int
) -> tuple[RowNumbers, RowNumbers]:
    """The pairs both of whose ends are in no nearer pair; of equally near ones the first."""
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
    """Which values are among the sorted ones in `ordered`."""
    import numpy as np

    if not len(ordered):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(ordered, values), len(ordered) - 1)
    return np.asarray(ordered[at] == values)
