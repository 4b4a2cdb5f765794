"""How signatures are grouped: against a plain implementation, and where chains would mislead."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from videolib.faces.clustering import average_linkage

Vectors = np.ndarray[Any, np.dtype[np.float32]]


def units(seed: int, count: int, dimension: int = 6) -> Vectors:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def plain(vectors: Vectors, eps: float, apart: list[tuple[int, int]]) -> set[frozenset[int]]:
    """Average linkage as the textbook has it: the nearest two that may be joined, one by one."""
    clusters = [frozenset([n]) for n in range(len(vectors))]
    barred = {frozenset(pair) for pair in apart}

    def distance(a: frozenset[int], b: frozenset[int]) -> float:
        pairs = list(itertools.product(a, b))
        if any(frozenset(pair) in barred for pair in pairs):
            return 9.0
        return sum(1 - float(vectors[i] @ vectors[j]) for i, j in pairs) / len(pairs)

    while len(clusters) > 1:
        a, b = min(itertools.combinations(clusters, 2), key=lambda pair: distance(*pair))
        if distance(a, b) >= eps:
            break
        clusters = [c for c in clusters if c not in (a, b)] + [a | b]
    return set(clusters)


def groups(labels: Any) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for row, label in enumerate(labels.tolist()):
        found.setdefault(label, set()).add(row)
    return set(map(frozenset, found.values()))


@pytest.mark.parametrize("seed", range(12))
def test_the_same_as_one_by_one(seed: int) -> None:
    vectors = units(seed, 30)
    draw = np.random.default_rng(seed)
    apart = [(int(a), int(b)) for a, b in draw.integers(0, 30, (8, 2)) if a != b]
    for constraints in ([], apart):
        labels = average_linkage(vectors, 0.5, constraints)
        assert groups(labels) == plain(vectors, 0.5, constraints)


def test_no_chains() -> None:
    """Each is near the next, as faces of a family may be; the ends are not joined."""
    angles = np.radians(np.arange(0, 180, 10))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    labels = average_linkage(vectors, 0.3)
    assert 1 - float(vectors[0] @ vectors[1]) < 0.02
    for group in groups(labels):
        members = sorted(group)
        assert 1 - float(vectors[members[0]] @ vectors[members[-1]]) < 0.9
    assert len(groups(labels)) > 1


def test_crowds_and_copies() -> None:
    """More of one person than neighbours are kept, and many that are equal."""
    centre = units(1, 3, 64)
    vectors = np.repeat(centre, [300, 5, 1], axis=0)
    vectors[:150] += np.random.default_rng(2).standard_normal((150, 64)).astype(np.float32) * 0.03
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = average_linkage(vectors, 0.45)
    assert sorted(map(len, groups(labels))) == [1, 5, 300]


def test_who_is_settled_stays() -> None:
    """Equal ones that are settled are not joined; others come to the nearest, by weight or not."""
    base = units(5, 2, 64)
    vectors = np.concatenate([base[[0, 0, 1]], base[[0, 1]]])
    labels = average_linkage(vectors, 0.45, [(3, 0)], [5, 1, 9, 1, 1], settled=3)
    assert labels.tolist() == [0, 1, 2, 1, 2]


def test_nobody() -> None:
    assert average_linkage(units(0, 1), 0.4).tolist() == [0]
