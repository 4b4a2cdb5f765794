"""Groups of duplicates, each around the copy to keep."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.duplicates.copies import DuplicatePair

if TYPE_CHECKING:
    from videolib.duplicates.copies import VideoCopy
    from videolib.duplicates.ignored import IgnoredPairs
    from videolib.duplicates.keepers import Keepers

MAX_PAIRED_COPIES = 20  # exact copies that are paired all with all
MAX_PAIRED_PRODUCT = 100  # pairs of the exact copies of one video with those of another


class DuplicateGroup(NamedTuple):
    """A copy to keep, why that one, and its matches; a copy is in one group at most."""

    keeper: int
    reason: str
    matches: list[DuplicatePair]  # `a` is the keeper

    def members(self) -> list[int]:
        return [self.keeper, *(pair.b for pair in self.matches)]


class Grouping:
    """Makes the pairs and groups of a library, without the ignored pairs.

    Of a set of exact copies one was compared with other videos; its matches are those of all.
    """

    def __init__(
        self,
        copies: Sequence[VideoCopy],
        exact: Mapping[int, list[int]],
        similar: Sequence[DuplicatePair],
        ignored: IgnoredPairs,
    ) -> None:
        """`exact`: as `exact_copies` gives them; `similar`: pairs of one member of each set."""
        self.copies, self.exact, self.similar, self.ignored = copies, exact, similar, ignored

    def is_ignored(self, pair: DuplicatePair) -> bool:
        return self.ignored.contains(self.copies[pair.a], self.copies[pair.b])

    def pairs(self) -> list[DuplicatePair]:
        """All pairs, the most similar first."""
        pairs = [pair for pair in self.expanded_pairs() if not self.is_ignored(pair)]
        names = [copy.video.rel for copy in self.copies]
        return sorted(pairs, key=lambda p: (-p.similarity, p.kind, names[p.a], names[p.b]))

    def expanded_pairs(self) -> Iterator[DuplicatePair]:
        """The pairs of exact copies, and the similar pairs with each of their exact copies.

        Where these are very many, only the first of them is paired with the others.
        """
        for equal in self.exact.values():
            many = len(equal) > MAX_PAIRED_COPIES
            all_pairs = itertools.combinations(equal, 2)
            for a, b in itertools.product(equal[:1], equal[1:]) if many else all_pairs:
                yield DuplicatePair(a, b, 1.0, "exact")
        for pair in self.similar:
            ones, others = (self.exact.get(number, [number]) for number in (pair.a, pair.b))
            if len(ones) * len(others) > MAX_PAIRED_PRODUCT:
                ones, others = ones[:1], others[:1]
            for a, b in itertools.product(ones, others):
                yield pair._replace(a=a, b=b)

    def groups(self, keepers: Keepers) -> Iterator[DuplicateGroup]:
        """The groups, those around the best copies first.

        A group has the matches of its keeper, never the matches of these. A copy that the user
        wants to keep is no match of another.
        """
        neighbours = self.neighbours()
        first = {number: equal[0] for equal in self.exact.values() for number in equal}
        grouped: set[int] = set()
        for keeper in sorted({*neighbours, *self.exact}, key=keepers.rank, reverse=True):
            if keeper in grouped:
                continue
            similar = [pair for pair in neighbours.get(keeper, ()) if pair.b not in grouped]
            matches = [
                pair
                for pair in self.matches(keeper, similar)
                if pair.b not in keepers.preferred and not self.is_ignored(pair)
            ]
            if matches:
                grouped |= {keeper, *(first.get(pair.b, pair.b) for pair in matches)}
                others = [pair.b for pair in matches]
                reason = keepers.reason(keeper, others, self.exact.get(keeper, ()))
                yield DuplicateGroup(keeper, reason, matches)

    def neighbours(self) -> dict[int, list[DuplicatePair]]:
        """Number of a copy -> its similar pairs, as `a` of which it stands."""
        neighbours: dict[int, list[DuplicatePair]] = {}
        for pair in self.similar:
            if not self.is_ignored(pair):
                neighbours.setdefault(pair.a, []).append(pair)
                neighbours.setdefault(pair.b, []).append(pair._replace(a=pair.b, b=pair.a))
        return neighbours

    def matches(self, keeper: int, similar: Iterable[DuplicatePair]) -> list[DuplicatePair]:
        """The exact copies of a keeper, and its similar ones with theirs; most similar first."""
        matches = [DuplicatePair(keeper, b, 1.0, "exact") for b in self.exact.get(keeper, [])[1:]]
        for pair in similar:
            matches += [pair._replace(b=b) for b in self.exact.get(pair.b, [pair.b])]
        return sorted(matches, key=lambda p: (-p.similarity, self.copies[p.b].video.rel))
