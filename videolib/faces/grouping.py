"""Putting the signatures of many videos to people."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.errors import Failure, attempt
from videolib.faces.clustering import average_linkage
from videolib.faces.face_index import distinct, signatures_among
from videolib.faces.signatures import SignatureFile, signature_file
from videolib.faces.vectors import sum_of

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.faces.people import PeopleView
    from videolib.storage.folders import Library


class FaceGrouping:
    """Puts the signatures of one model to people: `theirs` are then the occurrences by person and
    `sums` the sums of their vectors, one for each signature.

    Who is known stays who they are: the people of a census, or for a rebuild only those that a
    decision pinned. They are clusters that stay apart from each other, and every other signature
    joins them or founds new people (see `average_linkage`).
    """

    def __init__(
        self,
        census: PeopleView,
        kept: Mapping[str, Any],
        files: Sequence[SignatureFile],
        rebuild: bool,
    ) -> None:
        self.census, self.rebuild = census, rebuild
        gone = census.index.sources.keys() - kept.keys()
        self.theirs: dict[int, Sequence[dict[str, Any]]] = {}
        self.touched = set[int]()  # who has other occurrences than before
        for key, person in ({} if rebuild else census.people).items():
            here = person.occurrences
            if gone and any(seen["video"] in gone for seen in here):
                here = [seen for seen in here if seen["video"] not in gone]
                self.touched.add(key)
            if here:
                self.theirs[key] = here
        self.fresh: dict[str, list[dict[str, Any]]] = {}  # what was read now, by signature
        self.vectors: dict[str, Vector] = {}
        self.former: dict[str, tuple[str, ...]] = {}  # the names of before of these signatures
        self.oshashes = {file.source["oshash"] for file in files}
        for file in files:
            for signature in file.signatures:
                self.former[signature.id] = (signature.id, *signature.was)
                self.fresh.setdefault(signature.id, []).append(signature.facts)
                self.vectors[signature.id] = signature.vector
        self.sums: dict[int, Vector] = {}
        self.counted: dict[int, int] = {}  # how many signatures those have who were counted
        self.ghosts: dict[int, int] = {}  # who is gone, unless they come back, and how many

    @functools.cached_property
    def was(self) -> dict[str, int]:
        """Who the signatures that were read now, and others in their frames, were before; also by
        the names that they had before.
        """
        hashes = {source.get("oshash") for source in self.census.index.sources.values()}
        if hashes.isdisjoint(self.oshashes):
            return {}  # a signature is named after the bytes of its video, too
        seen = (facts for here in self.fresh.values() for facts in here)
        others = (facts.get("apart", ()) for facts in seen)
        wanted = {*itertools.chain(*self.former.values(), *others)}
        everyone = self.census.people.items()
        return {name: key for key, p in everyone for name in p.signatures if name in wanted}

    @property
    def present(self) -> set[str]:
        """All signatures there are."""
        return self.fresh.keys() | {
            n for seen in self.theirs.values() for n in signatures_among(seen)
        }

    def group(self, library: Library, eps: float) -> None:
        """Find out who is who; `eps` is in the measure of the model."""
        pinned = self.census.decisions.pinned
        known = pinned if self.rebuild or not self.fresh else self.was | pinned
        new = {s: facts for s, facts in self.fresh.items() if s not in known}
        for signature in self.fresh.keys() - new.keys():
            self.add(known[signature], self.fresh[signature])
        self.sums = self.known_sums(library)
        if new:
            self.place(new, known, eps)

    def add(self, key: int, occurrences: Iterable[dict[str, Any]]) -> None:
        self.theirs[key] = [*self.theirs.get(key, ()), *occurrences]
        self.touched.add(key)
        self.counted.pop(key, None)

    def sizes(self) -> dict[int, int]:
        """How many signatures each has."""
        for key in self.theirs.keys() - self.counted.keys():
            self.counted[key] = distinct("signature", self.theirs[key])
        return {key: self.counted[key] for key in self.theirs}

    def known_sums(self, library: Library) -> dict[int, Vector]:
        """The sums of the vectors of those who are known already: from the means that are stored,
        or of whom these are not true any more, from their signatures.
        """
        index = self.census.index
        stored = None if self.rebuild else index.means(self.census.sidecar_dir)
        rows = {key: row for row, key in enumerate(index.people)}
        found: dict[int, Vector] = {}
        for key, size in self.sizes().items():
            if stored is not None and self.as_before(key):
                found[key] = stored[rows[key]] * size
        others = [key for key in self.theirs if key not in found]
        wanted = [o for key in others for o in self.theirs[key]]
        missing = (o for o in wanted if o["signature"] not in self.vectors)
        self.vectors |= read_vectors(library, missing)
        for key in others:
            self.counted.pop(key, None)
            here = [o for o in self.theirs.pop(key) if o["signature"] in self.vectors]
            if here:
                self.theirs[key] = here
                found[key] = sum_of([self.vectors[s] for s in {o["signature"]: 0 for o in here}])
        if stored is not None:
            for key in self.gone():
                self.ghosts[key] = len(index.people[key].signatures)
                found[key] = stored[rows[key]] * self.ghosts[key]
        return found

    def as_before(self, key: int) -> bool:
        """Whether someone has the signatures of before."""
        before = self.census.index.people.get(key)
        if before is None:
            return False
        if key not in self.touched and key not in self.census.decisions.entries:
            return len(before.occurrences) == len(self.theirs[key])  # they can only have lost some
        return before.signatures.keys() == {o["signature"] for o in self.theirs[key]}

    def gone(self) -> Iterator[int]:
        """Who had signatures and has none now, since `embed` made others, or the video is gone."""
        for key, person in self.census.index.people.items():
            known = self.census.people.get(key)
            if key not in self.theirs and known and known.occurrences == person.occurrences:
                yield key

    def place(
        self, new: Mapping[str, list[dict[str, Any]]], known: Mapping[str, int], eps: float
    ) -> None:
        """Put new signatures to the people there are, or to new ones."""
        import numpy as np

        keys, sizes = list(self.sums), self.sizes() | self.ghosts
        means = [self.sums[key] / sizes[key] for key in keys]
        rows = {key: row for row, key in enumerate(keys)}
        numbers = {signature: len(keys) + n for n, signature in enumerate(new)}
        apart = []
        for signature, number in numbers.items():
            for other in new[signature][0].get("apart", ()):
                row = numbers.get(other, rows.get(known.get(other, 0)))
                if row is not None:
                    apart.append((number, row))
        vectors = np.array([*means, *(self.vectors[s] for s in new)], np.float32)
        weights = [*(float(sizes[key]) for key in keys), *[1.0] * len(new)]
        labels = average_linkage(vectors, eps, apart, weights, len(keys)).tolist()
        groups: dict[int, list[str]] = {}
        for signature, label in zip(new, labels[len(keys) :], strict=True):
            groups.setdefault(label, []).append(signature)
        for label, signatures in groups.items():
            if label < len(keys):
                self.join(keys[label], signatures)
        self.name([g for label, g in groups.items() if label >= len(keys)])

    def join(self, key: int, signatures: Sequence[str]) -> None:
        """Put signatures to someone, who may be new."""
        added = sum_of([self.vectors[s] for s in signatures])
        self.sums[key] = self.sums[key] + added if key in self.theirs else added
        self.add(key, (seen for s in signatures for seen in self.fresh[s]))

    def name(self, groups: Sequence[list[str]]) -> None:
        """Give ids to groups that are nobody known: in a rebuild those of before, by the most
        signatures in common.
        """
        shared = Counter(
            (self.was[name], number)
            for number, group in enumerate(groups)
            for signature in group
            for name in self.former[signature]
            if name in self.was
        )
        ids: dict[int, int] = {}
        for (key, number), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
            if key not in self.theirs and key not in ids.values():
                ids.setdefault(number, key)
        free = itertools.count(self.next)
        for number, signatures in enumerate(groups):
            self.join(ids[number] if number in ids else next(free), signatures)

    @property
    def next(self) -> int:
        """An id that nobody has or had."""
        return max(self.census.next, 1 + max(self.theirs, default=0))


def read_vectors(library: Library, occurrences: Iterable[Mapping[str, Any]]) -> dict[str, Vector]:
    """The vectors of signatures by id, read from the files of their videos; without those that are
    not there any more.
    """
    wanted: dict[str, set[str]] = {}
    for seen in occurrences:
        wanted.setdefault(seen["video"], set()).add(seen["signature"])
    found: dict[str, Vector] = {}
    for rel, ids in wanted.items():
        video = library.video(rel)
        file = attempt(SignatureFile.read, video, signature_file(video))
        if not isinstance(file, Failure):
            found |= {s.id: s.vector for s in file.signatures if s.id in ids}
    return found
