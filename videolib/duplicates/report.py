"""The report of duplicates of a library: all steps of the search, and what they give."""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from videolib.duplicates.copies import exact_copies, list_copies
from videolib.duplicates.groups import Grouping
from videolib.duplicates.ignored import IgnoredPairs
from videolib.duplicates.keepers import Keepers
from videolib.duplicates.preferences import parse_preferences
from videolib.duplicates.search import ComparisonBasis, find_similar
from videolib.duplicates.sound import lost_sound

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.core.runs import Job
    from videolib.duplicates.copies import DuplicatePair, VideoCopy
    from videolib.duplicates.groups import DuplicateGroup
    from videolib.duplicates.search import DuplicateCriteria
    from videolib.storage.folders import Library


class DuplicateReport(NamedTuple):
    """The duplicates of a library; pairs and groups refer to `copies` by number."""

    root: Path
    criteria: DuplicateCriteria
    copies: list[VideoCopy]
    basis: dict[int, ComparisonBasis]  # of one copy of each set of exact ones
    keepers: Keepers
    pairs: list[DuplicatePair]  # the most similar first
    groups: list[DuplicateGroup]  # those around the best copies first

    @property
    def without_hash(self) -> int:
        """How many videos have no fresh phash artifact."""
        return sum(basis is ComparisonBasis.NOTHING for basis in self.basis.values())

    @property
    def without_timeline(self) -> int:
        """How many videos lack a timeline, so that no shifted copies are found; 0 unless deep."""
        hashed = sum(basis is ComparisonBasis.HASH for basis in self.basis.values())
        return hashed if self.criteria.deep else 0

    def lost_sound(self, pair: DuplicatePair) -> str:
        """What of its sound would be lost with the match of a pair; empty: nothing, or the user
        named the one to keep."""
        if pair.kind == "exact" or pair.a in self.keepers.preferred:
            return ""
        keeper, copy = (self.keepers.quality(number).languages for number in (pair.a, pair.b))
        return lost_sound(copy, keeper)

    def selection(self, limit: int = 0, only: Set[str] = frozenset()) -> DuplicateSelection:
        """The first `limit` pairs and groups; 0: all of them.

        `only`: names of matches; other matches, and groups without any of these, are left out.
        """
        groups, missing = self.groups_of(only) if only else (self.groups, [])
        most = limit or None
        return DuplicateSelection(self.pairs[:most], groups[:most], bool(only), missing)

    def groups_of(self, names: Set[str]) -> tuple[list[DuplicateGroup], list[str]]:
        """The groups reduced to the matches with these names, and the names that are no match."""
        missing, groups = set(names), []
        for group in self.groups:
            rels = {pair: self.copies[pair.b].video.rel for pair in group.matches}
            if matches := [pair for pair, rel in rels.items() if rel in names]:
                missing.difference_update(rels[pair] for pair in matches)
                groups.append(group._replace(matches=matches))
        return groups, sorted(missing)


class DuplicateSelection(NamedTuple):
    """The pairs and groups of a report that are shown, and dealt with where that is asked for."""

    pairs: list[DuplicatePair]
    groups: list[DuplicateGroup]
    named: bool  # whether matches were selected by name
    missing: list[str]  # the names that are no match

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The missing names, each with what is wrong with it."""
        return [(name, "is no match of a video that is better to keep") for name in self.missing]


def find_duplicates(
    library: Library, catalogue: Catalogue, criteria: DuplicateCriteria, job: Job
) -> DuplicateReport:
    """The duplicates of a library.

    Every video is listed as a copy. Exact copies are found by their bytes, and one of each set is
    compared with the other videos, unless `catalogue`, that of the library, has the result of an
    earlier run. Ignored pairs are left out; the rest are grouped around the copies to keep. Reads
    sidecars, and the bytes of those videos that have the size of another. Raises VideoError where
    a list of ignored pairs is corrupt, UsageError for wrong preferences, CancelledError.
    """
    if any(term.value for term in parse_preferences(criteria.prefer)):
        catalogue.prepare(job, library)
    copies = list(list_copies(library, job))
    keepers = Keepers(copies, criteria.keep, criteria.prefer, catalogue)
    ignored = IgnoredPairs(library, (copy.video.sidecar_dir for copy in copies))
    exact = exact_copies(copies, keepers.exact_rank, job)
    repeated = {number for equal in exact.values() for number in equal[1:]}
    distinct = [number for number in range(len(copies)) if number not in repeated]
    similar, basis = find_similar(copies, distinct, criteria, catalogue, job)
    grouping = Grouping(copies, exact, similar, ignored)
    pairs, groups = grouping.pairs(), list(grouping.groups(keepers))
    return DuplicateReport(library.root, criteria, copies, basis, keepers, pairs, groups)
