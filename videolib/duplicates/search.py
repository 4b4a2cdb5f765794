"""The search for pairs of videos that look alike, and the catalogue's record of earlier ones."""

from __future__ import annotations

import functools
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from videolib.duplicates.candidates import CandidateIndex
from videolib.duplicates.copies import DuplicatePair
from videolib.duplicates.fingerprints import DurationTolerance
from videolib.duplicates.matching import Matcher
from videolib.duplicates.timelines import ShiftIndex

if TYPE_CHECKING:
    import sqlite3

    from videolib.catalogue.catalogue import Catalogue
    from videolib.core.runs import Job
    from videolib.duplicates.copies import VideoCopy

# Raise it with every change of what counts as alike: earlier comparisons are forgotten then.
MATCHER_VERSION = 1


class DuplicateCriteria(NamedTuple):
    """What counts as a duplicate, and which copies the user wants to keep."""

    threshold: float = 0.92  # least similarity of a frame, 0 to 1
    quorum: float = 0.8  # share of the frames that must reach it
    tolerance: DurationTolerance = DurationTolerance(0.05, 0.1)
    deep: bool = False  # also mirrored and shifted copies
    keep: frozenset[str] = frozenset()  # names of videos, relative to the library
    prefer: str = ""  # what else decides which copy is kept, see preferences

    @property
    def matching_rules(self) -> str:
        """What the result of a comparison depends on beside the two files, as JSON."""
        return json.dumps((self.threshold, self.quorum, self.tolerance, MATCHER_VERSION))


class ComparisonBasis(IntEnum):
    """What a video could be compared by, see VideoCopy; TIMELINE implies HASH."""

    NOTHING = 0
    HASH = 1
    TIMELINE = 2


def find_similar(
    copies: Sequence[VideoCopy],
    numbers: Sequence[int],
    criteria: DuplicateCriteria,
    catalogue: Catalogue,
    job: Job,
) -> tuple[list[DuplicatePair], dict[int, ComparisonBasis]]:
    """Pairs of the copies `numbers` that look alike, each once, and what each copy was compared by.

    Only copies that no earlier run compared are compared, each with all others.
    """
    cache = ComparisonCache(catalogue, criteria, copies)
    basis = cache.compared(numbers)
    pairs = cache.pairs(basis)
    if new := set(numbers) - basis.keys():
        finder = PairFinder(copies, criteria, new, job)
        pairs += finder.pairs(numbers)
        basis = finder.basis
        cache.store(basis, pairs)
    return pairs, basis


class ComparisonCache:
    """What the catalogue remembers of earlier searches by the same rules: the videos that were
    compared, all with all, and the pairs that were alike. A video that changed since is unknown."""

    def __init__(
        self, catalogue: Catalogue, criteria: DuplicateCriteria, copies: Sequence[VideoCopy]
    ) -> None:
        self.catalogue, self.copies = catalogue, copies
        self.deep, self.rules = criteria.deep, criteria.matching_rules
        rows = self.catalogue.ask(  # one statement: both of the same moment
            "SELECT rel, stamp, basis, NULL FROM compared WHERE deep = ? AND rules = ?"
            " UNION ALL SELECT a, b, similarity, kind FROM alike WHERE deep = ?",
            [self.deep, self.rules, self.deep],
        )
        self.catalogue.close()  # comparing may take long and be cancelled
        self.compared_stamps = {
            rel: (stamp, ComparisonBasis(basis)) for rel, stamp, basis, kind in rows if not kind
        }
        self.alike_rows = [row for row in rows if row[-1]]

    def rel(self, number: int) -> bytes:
        return os.fsencode(self.copies[number].video.rel)

    def compared(self, numbers: Iterable[int]) -> dict[int, ComparisonBasis]:
        """The videos that were compared as they are now -> what they were compared by."""
        basis: dict[int, ComparisonBasis] = {}
        for number in numbers:
            stamp, compared_by = self.compared_stamps.get(self.rel(number), ("", None))
            if compared_by is not None and stamp == self.copies[number].stamp:
                basis[number] = compared_by
        return basis

    def pairs(self, numbers: Iterable[int]) -> list[DuplicatePair]:
        """The pairs of these videos that were alike."""
        numbers_by_rel = {self.rel(number): number for number in numbers}
        return [
            DuplicatePair(numbers_by_rel[a], numbers_by_rel[b], similarity, kind)
            for a, b, similarity, kind in self.alike_rows
            if a in numbers_by_rel and b in numbers_by_rel
        ]

    def store(
        self, compared: Mapping[int, ComparisonBasis], pairs: Iterable[DuplicatePair]
    ) -> None:
        """Replace the record: all videos of `compared` were compared, and `pairs` are alike."""
        compared_rows = [
            (self.deep, self.rules, self.rel(number), self.copies[number].stamp, basis)
            for number, basis in compared.items()
        ]
        alike_rows = [
            (self.deep, self.rel(p.a), self.rel(p.b), p.similarity, p.kind) for p in pairs
        ]

        def write(database: sqlite3.Connection) -> None:
            for table, rows in (("compared", compared_rows), ("alike", alike_rows)):
                database.execute(f"DELETE FROM {table} WHERE deep = ?", [self.deep])
                database.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?)", rows)

        self.catalogue.write(write)
        self.catalogue.close()


class PairFinder:
    """Finds the pairs of videos that look alike, at least one of the two being new.

    A CandidateIndex for each kind of fingerprint gives candidates, a Matcher judges them. In a deep
    search a ShiftIndex gives those of which one may be a part of the other, and their timelines
    are compared. After `pairs`, `basis` is what each video could be compared by.
    """

    def __init__(
        self, copies: Sequence[VideoCopy], criteria: DuplicateCriteria, new: Set[int], job: Job
    ) -> None:
        self.copies, self.criteria, self.new, self.job = copies, criteria, new, job
        self.fingerprint = functools.lru_cache(8192)(lambda n: copies[n].fingerprint())
        self.timeline = functools.lru_cache(256)(lambda n: copies[n].timeline())
        self.basis: dict[int, ComparisonBasis] = {}

    def pairs(self, numbers: Sequence[int]) -> Iterator[DuplicatePair]:
        """Pairs of the copies `numbers` that look alike, each once, as the first kind that fits."""
        searches = []
        for kind, candidates in self.indexed(numbers).items():
            searches.append(self.matches(kind, candidates, "similar"))
            if self.criteria.deep and kind == "signature":
                searches.append(self.matches(kind, candidates, "mirrored"))
        if self.criteria.deep:
            searches.append(self.shifted(numbers))
        paired: set[tuple[int, int]] = set()
        for pair in itertools.chain.from_iterable(searches):
            key = (min(pair.a, pair.b), max(pair.a, pair.b))
            if key not in paired:
                paired.add(key)
                yield pair

    def indexed(self, numbers: Iterable[int]) -> dict[str, CandidateIndex]:
        """An index of the copies' fingerprints for each kind of these; sets `basis`."""
        indexes: dict[str, CandidateIndex] = {}
        for number in numbers:
            self.job.check()
            fingerprint = self.copies[number].fingerprint()
            self.basis[number] = ComparisonBasis.HASH if fingerprint else ComparisonBasis.NOTHING
            if fingerprint:
                indexes.setdefault(fingerprint.kind, CandidateIndex()).add(number, fingerprint)
        for index in indexes.values():
            index.sort()
        return indexes

    def matches(
        self, kind: str, candidates: CandidateIndex, pair_kind: str
    ) -> Iterator[DuplicatePair]:
        """The candidates that reach the threshold, as pairs of the kind `pair_kind`."""
        matcher = Matcher(kind, self.criteria.threshold, self.criteria.quorum)
        compared: set[tuple[int, int]] = set()
        pairs = self.candidate_pairs(candidates, pair_kind == "mirrored")
        while batch := list(itertools.islice(pairs, matcher.BATCH)):
            self.job.check()
            batch = [pair for pair in dict.fromkeys(batch) if pair not in compared]
            compared.update(batch)
            fingerprints = [(self.fingerprint(a), self.fingerprint(b)) for a, b in batch]
            readable = [  # a file may have changed since it was indexed
                n for n, (a, b) in enumerate(fingerprints) if a and b and a.kind == b.kind == kind
            ]
            if readable:
                ones, others = zip(*(fingerprints[n] for n in readable), strict=True)
                similarities = matcher.similarities(ones, others, pair_kind == "mirrored")
                for n, similarity in zip(readable, similarities.tolist(), strict=True):
                    if similarity >= self.criteria.threshold:
                        yield DuplicatePair(*batch[n], similarity, pair_kind)

    def candidate_pairs(
        self, candidates: CandidateIndex, mirrored: bool
    ) -> Iterator[tuple[int, int]]:
        """Candidates with a new video, the smaller number first; a pair may come several times."""
        for ones, others in candidates.pairs(self.criteria.tolerance, mirrored):
            self.job.check()
            for a, b in zip(ones.tolist(), others.tolist(), strict=True):
                if a in self.new or b in self.new:
                    yield min(a, b), max(a, b)

    def shifted(self, numbers: Sequence[int]) -> Iterator[DuplicatePair]:
        """Pairs one of which lacks a part of the beginning or the end of the other.

        Each is compared with each whose duration allows that, which suits folders more than whole
        libraries: some thousand videos.
        """
        durations = {n: timeline.duration for n in numbers if (timeline := self.timeline(n))}
        for number in durations:
            if self.basis[number] is ComparisonBasis.HASH:
                self.basis[number] = ComparisonBasis.TIMELINE
        matcher = Matcher("signature", self.criteria.threshold, self.criteria.quorum)
        index = ShiftIndex()
        for number in sorted(durations, key=lambda n: durations[n]):
            self.job.check()
            longer = self.timeline(number)
            if not longer:  # its file changed a moment ago
                continue
            for other in index.parts_of(longer):
                shorter = self.timeline(other) if {other, number} & self.new else None
                similarity = shorter.similarity(longer, matcher) if shorter else -1.0
                if similarity >= self.criteria.threshold:
                    yield DuplicatePair(other, number, similarity, "shifted")
            index.add(number, longer)
