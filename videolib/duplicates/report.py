"""The duplicates of a library: pairs, and groups around the copy to keep."""

from __future__ import annotations

import functools
import itertools
import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from videolib.duplicates.copies import (
    ComparisonBasis,
    DuplicateGroup,
    DuplicatePair,
    VideoCopy,
    file_digest,
    source_hash,
)
from videolib.duplicates.ignored import IgnoredPairs
from videolib.duplicates.quality import CopyQuality
from videolib.duplicates.search import ComparisonCache, PairFinder
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.sidecars import with_sidecars

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.core.runs import Job
    from videolib.duplicates.copies import DuplicateCriteria
    from videolib.storage.folders import Library


class DuplicateReport:
    """The duplicates of a library: `copies`, `pairs` and `groups`, best first.

    The way of a search: every video is listed as a Copy. Exact copies are told by their bytes, and
    one of each goes on. What earlier runs compared, Memory knows; the others are handed to a
    Seeker. What was Dismissed is left out, and the rest stands around the best videos, by their
    Facts, as Groups, which a Disposal may deal with. Reads sidecars, and of the videos only the
    bytes of those that another has the size of.
    """

    def __init__(
        self, library: Library, catalogue: Catalogue, criteria: DuplicateCriteria, job: Job
    ) -> None:
        """`catalogue`: of that library, which remembers what was compared."""
        self.library, self.catalogue, self.criteria, self.job = library, catalogue, criteria, job
        self.copies = list(self.inventory())
        self.kept = {n for n, copy in enumerate(self.copies) if copy.video.rel in criteria.keep}
        self.facts = functools.lru_cache(None)(lambda n: CopyQuality.of(self.copies[n]))
        self.basis: dict[int, ComparisonBasis] = {}
        dismissed = IgnoredPairs(library, (copy.video.sidecar_dir for copy in self.copies))
        self.twins = self.exact()
        firsts = set(range(len(self.copies))).difference(*(t[1:] for t in self.twins.values()))
        found = self.similar(sorted(firsts))
        self.links: dict[int, list[DuplicatePair]] = {}
        for pair in found:
            if not dismissed.holds(self.copies[pair.a], self.copies[pair.b]):
                self.links.setdefault(pair.a, []).append(pair)
                self.links.setdefault(pair.b, []).append(pair._replace(a=pair.b, b=pair.a))
        self.pairs = [p for p in self.all_pairs(found) if not dismissed.holds(*self.both(p))]
        self.pairs.sort(key=lambda p: (-p.similarity, p.kind, *self.names(p)))
        self.groups = list(self.grouped(dismissed))

    def both(self, pair: DuplicatePair) -> tuple[VideoCopy, VideoCopy]:
        return self.copies[pair.a], self.copies[pair.b]

    def names(self, pair: DuplicatePair) -> tuple[str, str]:
        one, other = self.both(pair)
        return one.video.rel, other.video.rel

    def inventory(self) -> Iterator[VideoCopy]:
        """Every video that is a file of its own: no link, and each inode once."""
        seen, artifact = set(), ARTIFACTS["phash"]
        for video, sidecars in with_sidecars(self.library.videos()):
            self.job.check()
            try:
                found = os.lstat(video.path)
            except OSError:
                continue  # deleted since the folder was read
            inode = (found.st_dev, found.st_ino)
            if not stat.S_ISREG(found.st_mode) or inode in seen:
                continue
            seen.add(inode)
            names = (artifact.files[0], *artifact.extras)
            entry, deep = (sidecars.get(name.format(video.key)) for name in names)
            fresh = entry and entry.is_file() and entry.stat().st_mtime_ns >= found.st_mtime_ns
            record = entry.path if entry and fresh else ""
            seen_by = [found, *(e and e.stat() for e in (entry, deep))]
            stamp = json.dumps([f and (f.st_size, f.st_mtime_ns) for f in seen_by])
            yield VideoCopy(video, found.st_size, found.st_mtime_ns, inode, record, stamp)

    def exact(self) -> dict[int, list[int]]:
        """Videos with the same bytes, by the one to name first: the oldest."""
        sizes: dict[int, list[int]] = {}
        for number, copy in enumerate(self.copies):
            sizes.setdefault(copy.size, []).append(number)
        twins = {}
        for size, same in sizes.items():
            if len(same) > 1 and size:
                for alike in self.split(same, self.short_hash):
                    for twin in self.split(alike, self.full_hash):
                        twin.sort(key=self.age)
                        twins[twin[0]] = twin
        return twins

    def age(self, number: int) -> tuple[bool, int, str]:
        """The order of exact copies: those to keep, then the oldest."""
        copy = self.copies[number]
        return number not in self.kept, copy.mtime_ns, copy.video.rel

    def split(self, numbers: Iterable[int], key: Callable[[int], str]) -> Iterator[list[int]]:
        """Those that have the same key, where there are several."""
        keyed: dict[str, list[int]] = {}
        for number in numbers:
            self.job.check()
            keyed.setdefault(key(number), []).append(number)
        yield from (same for value, same in keyed.items() if value and len(same) > 1)

    def short_hash(self, number: int) -> str:
        return str(source_hash(self.copies[number].video))

    def full_hash(self, number: int) -> str:
        return file_digest(self.copies[number], self.job)

    def similar(self, numbers: Sequence[int]) -> list[DuplicatePair]:
        """Pairs of those videos that look alike, each once; only what no earlier run compared is
        compared.
        """
        memory = ComparisonCache(self.catalogue, self.criteria, self.copies)
        self.basis = memory.known(numbers)
        new = set(numbers) - self.basis.keys()
        pairs = memory.pairs(self.basis)
        if new:
            seeker = PairFinder(self.copies, self.criteria, new, self.job)
            pairs += seeker.pairs(numbers)
            self.basis = seeker.basis
            memory.store(self.basis, pairs)
        return pairs

    def count(self, basis: ComparisonBasis) -> int:
        """How many videos could be compared by that and no more."""
        return sum(found is basis for found in self.basis.values())

    @property
    def untimed(self) -> int:
        """How many videos --deep could not see shifted: they have no timeline."""
        return self.count(ComparisonBasis.HASH) if self.criteria.deep else 0

    def all_pairs(self, found: Sequence[DuplicatePair]) -> Iterator[DuplicatePair]:
        """The pairs with those of exact copies; of very many copies only those with the first."""
        for twins in self.twins.values():
            many = itertools.combinations(twins, 2) if len(twins) <= 20 else None
            for a, b in many or ((twins[0], other) for other in twins[1:]):
                yield DuplicatePair(a, b, 1.0, "exact")
        for pair in found:
            ones, others = (self.twins.get(n, [n]) for n in (pair.a, pair.b))
            if len(ones) * len(others) > 100:
                ones, others = ones[:1], others[:1]
            for a, b in itertools.product(ones, others):
                yield pair._replace(a=a, b=b)

    def grouped(self, dismissed: IgnoredPairs) -> Iterator[DuplicateGroup]:
        """Groups around the best videos first; each has its own matches, never theirs."""
        taken: set[int] = set()
        first = {n: twins[0] for twins in self.twins.values() for n in twins}
        heads = {*self.links, *self.twins}
        for keeper in sorted(heads, key=lambda n: (n in self.kept, self.rank(n)), reverse=True):
            if keeper in taken:
                continue
            near = [DuplicatePair(keeper, b, 1.0, "exact") for b in self.twins.get(keeper, [])[1:]]
            for link in self.links.get(keeper, []):
                if link.b not in taken:
                    near += [link._replace(b=b) for b in self.twins.get(link.b, [link.b])]
            near = [p for p in near if p.b not in self.kept and not dismissed.holds(*self.both(p))]
            if near:
                taken |= {keeper, *(first.get(pair.b, pair.b) for pair in near)}
                near.sort(key=lambda p: (-p.similarity, self.copies[p.b].video.rel))
                yield DuplicateGroup(keeper, self.reason(keeper, [pair.b for pair in near]), near)

    def rank(self, number: int) -> tuple[float, ...]:
        return self.facts(number).rank

    def reason(self, keeper: int, others: Iterable[int]) -> str:
        """Why that one is kept and not the best of the others."""
        if keeper in self.kept:
            return "chosen with --keep"
        mine, best = self.facts(keeper), max(others, key=self.rank)
        if best in self.twins.get(keeper, ()):  # equal bytes, whatever metadata knows of which
            return mine.reason(mine._replace(mtime=self.facts(best).mtime))
        return mine.reason(self.facts(best))
