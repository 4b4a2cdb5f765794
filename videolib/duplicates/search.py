"""Seeking pairs that look alike, and remembering what was compared."""

from __future__ import annotations

import functools
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from videolib.duplicates.candidates import CandidateIndex
from videolib.duplicates.copies import ComparisonBasis, DuplicatePair
from videolib.duplicates.matching import Matcher
from videolib.duplicates.timelines import MOST_CUT

if TYPE_CHECKING:
    import sqlite3

    from numpy.typing import NDArray

    from videolib.catalogue.catalogue import Catalogue
    from videolib.core.runs import Job
    from videolib.duplicates.copies import DuplicateCriteria, VideoCopy


# Another number forgets what was compared before: raise it with every change of what is alike.
MATCHER_VERSION = 1


class ComparisonCache:
    """What the catalogue remembers of earlier runs: the videos that were compared, all with all, by
    the same rules, and which of them are alike. Who changed since is not known any more.
    """

    def __init__(
        self, catalogue: Catalogue, criteria: DuplicateCriteria, copies: Sequence[VideoCopy]
    ) -> None:
        self.catalogue, self.copies = catalogue, copies
        rules = (criteria.threshold, criteria.quorum, criteria.tolerance, MATCHER_VERSION)
        self.deep, self.rules = criteria.deep, json.dumps(rules)
        told = self.catalogue.ask(  # one statement: both of the same moment
            "SELECT rel, stamp, basis, NULL FROM compared WHERE deep = ? AND rules = ?"
            " UNION ALL SELECT a, b, similarity, kind FROM alike WHERE deep = ?",
            [self.deep, self.rules, self.deep],
        )
        self.catalogue.close()  # comparing may take long and be cancelled
        self.stamps = {
            rel: (stamp, ComparisonBasis(basis)) for rel, stamp, basis, kind in told if not kind
        }
        self.alike = [row for row in told if row[-1]]

    def rel(self, number: int) -> bytes:
        return os.fsencode(self.copies[number].video.rel)

    def known(self, numbers: Iterable[int]) -> dict[int, ComparisonBasis]:
        """Those of these videos that were compared as they are, with what they were compared by."""
        found = {n: self.stamps.get(self.rel(n), ("", ComparisonBasis.NOTHING)) for n in numbers}
        return {n: basis for n, (stamp, basis) in found.items() if stamp == self.copies[n].stamp}

    def pairs(self, numbers: Iterable[int]) -> list[DuplicatePair]:
        """Those of these videos that were found alike."""
        places = {self.rel(number): number for number in numbers}
        return [
            DuplicatePair(places[a], places[b], similarity, kind)
            for a, b, similarity, kind in self.alike
            if a in places and b in places
        ]

    def store(
        self, compared: Mapping[int, ComparisonBasis], pairs: Iterable[DuplicatePair]
    ) -> None:
        """Remember that all of these were compared, in the place of what is known."""
        videos = [
            (self.deep, self.rules, self.rel(number), self.copies[number].stamp, basis)
            for number, basis in compared.items()
        ]
        alike = [(self.deep, self.rel(p.a), self.rel(p.b), p.similarity, p.kind) for p in pairs]

        def write(database: sqlite3.Connection) -> None:
            for name, rows in (("compared", videos), ("alike", alike)):
                database.execute(f"DELETE FROM {name} WHERE deep = ?", [self.deep])
                database.executemany(f"INSERT INTO {name} VALUES (?, ?, ?, ?, ?)", rows)

        self.catalogue.write(write)
        self.catalogue.close()


class PairFinder:
    """Seeks among some videos the pairs that look alike, at least one of the two being new.

    Candidates of one kind of fingerprint are judged by a Matcher, films that one of the others may
    be a part of by their own pictures. `basis` is what each video could be compared by.
    """

    def __init__(
        self, copies: Sequence[VideoCopy], criteria: DuplicateCriteria, new: Set[int], job: Job
    ) -> None:
        self.copies, self.criteria, self.new, self.job = copies, criteria, new, job
        self.fingerprint = functools.lru_cache(8192)(lambda n: copies[n].fingerprint())
        self.film = functools.lru_cache(256)(lambda n: copies[n].film())
        self.basis: dict[int, ComparisonBasis] = {}

    def pairs(self, numbers: Sequence[int]) -> Iterator[DuplicatePair]:
        """Those that look alike, each once."""
        artifacts_root: dict[str, CandidateIndex] = {}
        for number in numbers:
            self.job.check()
            found = self.copies[number].fingerprint()
            self.basis[number] = ComparisonBasis.HASH if found else ComparisonBasis.NOTHING
            if found:
                artifacts_root.setdefault(found.kind, CandidateIndex()).add(number, found)
        ways = []
        for kind, candidates in artifacts_root.items():
            candidates.close()
            ways.append(self.matched(kind, candidates, "similar"))
            if self.criteria.deep and kind == "signature":
                ways.append(self.matched(kind, candidates, "mirrored"))
        if self.criteria.deep:
            ways.append(self.shifted(numbers))
        seen: set[tuple[int, int]] = set()
        for pair in itertools.chain.from_iterable(ways):
            key = (min(pair.a, pair.b), max(pair.a, pair.b))
            if key not in seen:
                seen.add(key)
                yield pair

    def matched(self, kind: str, candidates: CandidateIndex, how: str) -> Iterator[DuplicatePair]:
        """The candidates that a matcher takes for the same."""
        matcher = Matcher(kind, self.criteria.threshold, self.criteria.quorum)
        done: set[tuple[int, int]] = set()
        pairs = self.promising(candidates, how == "mirrored")
        while batch := list(itertools.islice(pairs, matcher.BATCH)):
            self.job.check()
            batch = [pair for pair in dict.fromkeys(batch) if pair not in done]
            done.update(batch)
            prints = [(self.fingerprint(a), self.fingerprint(b)) for a, b in batch]
            known = [n for n, (x, y) in enumerate(prints) if x and y and x.kind == y.kind == kind]
            if known:
                ones, others = zip(*(prints[n] for n in known), strict=True)
                found = matcher.similarities(ones, others, how == "mirrored")
                for n, similarity in zip(known, found.tolist(), strict=True):
                    if similarity >= self.criteria.threshold:
                        yield DuplicatePair(*batch[n], similarity, how)

    def promising(self, candidates: CandidateIndex, mirrored: bool) -> Iterator[tuple[int, int]]:
        """Candidates one by one, the smaller number first; a pair may come several times."""
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
        lengths = {n: film.duration for n in numbers if (film := self.film(n))}
        self.basis |= {
            n: ComparisonBasis.TIMELINE for n in lengths if self.basis[n] is ComparisonBasis.HASH
        }
        matcher = Matcher("signature", self.criteria.threshold, self.criteria.quorum)
        films: list[int] = []
        probes: list[NDArray[Any]] = []
        first = 0
        for number in sorted(lengths, key=lambda n: lengths[n]):
            self.job.check()
            longer = self.film(number)
            if not longer:  # its timeline was there a moment ago
                continue
            films.append(number)
            while lengths[films[first]] < lengths[number] * (1 - 2 * MOST_CUT):
                first += 1
            for place in longer.may_hold(probes[first:]):
                one = films[first + place]
                if one not in self.new and number not in self.new:
                    continue
                shorter = self.film(one)
                similarity = shorter.shifted_similarity(longer, matcher) if shorter else -1.0
                if similarity >= self.criteria.threshold:
                    yield DuplicatePair(one, number, similarity, "shifted")
            probes.append(longer.probes()[1])
