"""Assigning the signatures of many videos to people."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.faces.clustering import average_linkage
from videolib.faces.signatures import read_vectors
from videolib.faces.vectors import sum_of

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.faces.people import PeopleView
    from videolib.faces.signatures import SignatureFile
    from videolib.storage.folders import Library


class FaceGrouping:
    """Assigns the signatures of one model to people.

    People keep their ids: those of `view`, or for a rebuild only those with decisions. They are
    clusters that stay apart from each other; every other signature joins one of them or founds a
    new person (see `average_linkage`). `group` does the work. Then `occurrences` has those of each
    person, `changed` the ids of people whose occurrences are others than before, and `sums` the
    sum of the vectors of each person's signatures.
    """

    def __init__(
        self,
        view: PeopleView,
        unchanged: Mapping[str, Any],
        files: Sequence[SignatureFile],
        rebuild: bool,
    ) -> None:
        """`unchanged` are the sources, by video, whose occurrences in the view are still true;
        `files` have all other signatures."""
        self.view, self.rebuild = view, rebuild
        outdated = view.index.sources.keys() - unchanged.keys()
        self.occurrences: dict[int, Sequence[dict[str, Any]]] = {}
        self.changed = set[int]()
        for key, person in ({} if rebuild else view.people).items():
            rows = person.occurrences
            if outdated and any(row["video"] in outdated for row in rows):
                rows = [row for row in rows if row["video"] not in outdated]
                self.changed.add(key)
            if rows:
                self.occurrences[key] = rows
        # By signature, of the files:
        self.new_occurrences: dict[str, list[dict[str, Any]]] = {}
        self.vectors: dict[str, Vector] = {}
        self.all_ids: dict[str, tuple[str, ...]] = {}  # its own id and its former ones
        self.oshashes = {file.source["oshash"] for file in files}
        for file in files:
            for signature in file.signatures:
                self.all_ids[signature.id] = (signature.id, *signature.former_ids)
                self.new_occurrences.setdefault(signature.id, []).append(signature.occurrence)
                self.vectors[signature.id] = signature.vector
        self.sums: dict[int, Vector] = {}
        self.absent: dict[int, int] = {}  # people of the index without occurrences now: their sizes

    @functools.cached_property
    def previous_people(self) -> dict[str, int]:
        """The person in the view of each signature that matters here: signatures of the files,
        their former ids, and others in the same frames.
        """
        oshashes = {source.get("oshash") for source in self.view.index.sources.values()}
        if oshashes.isdisjoint(self.oshashes):
            return {}  # an id is derived from the oshash, too
        rows = itertools.chain.from_iterable(self.new_occurrences.values())
        apart = (row.get("apart", ()) for row in rows)
        wanted = {*itertools.chain(*self.all_ids.values(), *apart)}
        people = self.view.people.items()
        return {s: key for key, person in people for s in person.signatures if s in wanted}

    @property
    def present(self) -> set[str]:
        """All signatures that exist now."""
        old = itertools.chain.from_iterable(self.occurrences.values())
        return self.new_occurrences.keys() | {row["signature"] for row in old}

    def group(self, library: Library, eps: float) -> None:
        """Find out who is who. `eps` is the largest mean cosine distance within a person, in the
        model's own scale.
        """
        pinned = self.view.decisions.pinned
        previous = {} if self.rebuild or not self.new_occurrences else self.previous_people
        assigned = previous | pinned
        unassigned = {s: rows for s, rows in self.new_occurrences.items() if s not in assigned}
        for signature in self.new_occurrences.keys() - unassigned.keys():
            self.add(assigned[signature], self.new_occurrences[signature])
        self.sums = self.known_sums(library)
        if unassigned:
            self.cluster(unassigned, assigned, eps)

    def add(self, key: int, occurrences: Iterable[dict[str, Any]]) -> None:
        self.occurrences[key] = [*self.occurrences.get(key, ()), *occurrences]
        self.changed.add(key)

    def sizes(self) -> dict[int, int]:
        """The number of signatures of each person."""
        return {
            key: len({row["signature"] for row in rows}) for key, rows in self.occurrences.items()
        }

    def known_sums(self, library: Library) -> dict[int, Vector]:
        """The sums of the vectors of people who are known before clustering.

        From the stored means; where a person's signatures changed, from the signature files.
        Occurrences whose vectors cannot be read are dropped.
        """
        index = self.view.index
        means = None if self.rebuild else index.means(self.view.sidecar_dir)
        mean_rows = {key: row for row, key in enumerate(index.people)}
        sums: dict[int, Vector] = {}
        for key, size in self.sizes().items():
            if means is not None and self.has_same_signatures(key):
                sums[key] = means[mean_rows[key]] * size
        others = [key for key in self.occurrences if key not in sums]
        rows = itertools.chain.from_iterable(self.occurrences[key] for key in others)
        unread = [row for row in rows if row["signature"] not in self.vectors]
        self.vectors |= read_vectors(library, unread)
        for key in others:
            readable = [o for o in self.occurrences.pop(key) if o["signature"] in self.vectors]
            if readable:
                self.occurrences[key] = readable
                signatures = dict.fromkeys(row["signature"] for row in readable)
                sums[key] = sum_of([self.vectors[s] for s in signatures])
        if means is not None:
            for key in self.absent_people():
                self.absent[key] = len(index.people[key].signatures)
                sums[key] = means[mean_rows[key]] * self.absent[key]
        return sums

    def has_same_signatures(self, key: int) -> bool:
        """Whether a person has exactly the signatures of the index."""
        person = self.view.index.people.get(key)
        if person is None:
            return False
        if key not in self.changed and key not in self.view.decisions.entries:
            # Nothing was added, so that it is enough to count.
            return len(person.occurrences) == len(self.occurrences[key])
        return person.signatures.keys() == {row["signature"] for row in self.occurrences[key]}

    def absent_people(self) -> Iterator[int]:
        """People of the index who have no occurrences now, because `embed` made other signatures
        or videos are gone: new signatures may join them.
        """
        for key, person in self.view.index.people.items():
            viewed = self.view.people.get(key)
            if key not in self.occurrences and viewed and viewed.occurrences == person.occurrences:
                yield key

    def cluster(
        self,
        unassigned: Mapping[str, list[dict[str, Any]]],
        assigned: Mapping[str, int],
        eps: float,
    ) -> None:
        """Put new signatures to the people there are, or to new ones. The first rows of the
        clustering are people, the others signatures.
        """
        import numpy as np

        keys, sizes = list(self.sums), self.sizes() | self.absent
        means = [self.sums[key] / sizes[key] for key in keys]
        person_rows = {key: row for row, key in enumerate(keys)}
        signature_rows = {s: row for row, s in enumerate(unassigned, len(keys))}
        apart = []
        for signature, row in signature_rows.items():
            for other in unassigned[signature][0].get("apart", ()):
                other_row = signature_rows.get(other, person_rows.get(assigned.get(other, 0)))
                if other_row is not None:
                    apart.append((row, other_row))
        vectors = np.array([*means, *(self.vectors[s] for s in unassigned)], np.float32)
        weights = [*(float(sizes[key]) for key in keys), *[1.0] * len(unassigned)]
        labels = average_linkage(vectors, eps, apart, weights, len(keys)).tolist()
        groups: dict[int, list[str]] = {}
        for signature, label in zip(unassigned, labels[len(keys) :], strict=True):
            groups.setdefault(label, []).append(signature)
        for label, signatures in groups.items():
            if label < len(keys):
                self.join(keys[label], signatures)
        self.found_people([g for label, g in groups.items() if label >= len(keys)])

    def join(self, key: int, signatures: Sequence[str]) -> None:
        """Put signatures to a person, who may be new."""
        added = sum_of([self.vectors[s] for s in signatures])
        self.sums[key] = self.sums[key] + added if key in self.occurrences else added
        self.add(key, (row for s in signatures for row in self.new_occurrences[s]))

    def found_people(self, groups: Sequence[list[str]]) -> None:
        """Make a person of each group of signatures, in a rebuild with the id of the person who
        had most of them before.
        """
        shared = Counter(
            (self.previous_people[former], number)
            for number, group in enumerate(groups)
            for signature in group
            for former in self.all_ids[signature]
            if former in self.previous_people
        )
        ids: dict[int, int] = {}
        for (key, number), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
            if key not in self.occurrences and key not in ids.values():
                ids.setdefault(number, key)
        free_ids = itertools.count(self.next_id)
        for number, signatures in enumerate(groups):
            self.join(ids[number] if number in ids else next(free_ids), signatures)

    @property
    def next_id(self) -> int:
        """An id that nobody has or had."""
        return max(self.view.next_id, 1 + max(self.occurrences, default=0))
