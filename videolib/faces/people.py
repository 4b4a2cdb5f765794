"""The people of a folder as users see them: the index that `listing` computed, and over it the
decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.errors import CorruptError, Failure, NotFoundError, OutsideError, attempt
from videolib.core.program import program_name
from videolib.core.text import printable
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.face_index import FaceIndex, Person
from videolib.faces.gallery import Gallery, GalleryLabel, resolve_label_conflicts
from videolib.faces.vectors import decoded_vector
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import SIDECARS

if TYPE_CHECKING:
    from videolib.storage.folders import Library


class PeopleView:
    """The people of a folder by id in `people`, the hidden ones too; `listed` selects and sorts.

    Occurrences are moved to whom a decision pinned their signature to; names that were decided on
    replace labels of the gallery.
    """

    def __init__(self, sidecar_dir: str, index: FaceIndex, decisions: PeopleDecisions) -> None:
        self.sidecar_dir, self.index, self.decisions = sidecar_dir, index, decisions
        pinned = decisions.pinned
        occurrences: dict[int, Sequence[dict[str, Any]]] = {}  # by person
        moved: dict[int, list[dict[str, Any]]] = {}  # of those who lose or gain some
        for key, person in index.people.items():
            if pinned and any(pinned.get(s, key) != key for s in person.signatures):
                for occurrence in person.occurrences:
                    target = pinned.get(occurrence["signature"], key)
                    moved.setdefault(target, []).append(occurrence)
            else:
                occurrences[key] = person.occurrences
        occurrences |= {key: [*occurrences.get(key, ()), *rows] for key, rows in moved.items()}
        self.people = {key: self.decided(key, occurrences[key]) for key in sorted(occurrences)}
        self.relabel([key for key in moved if not self.people[key].named_by_hand])

    @classmethod
    def read(cls, library: Library) -> PeopleView:
        """The people of a folder. Raises CorruptError, OutsideError, and NotFoundError where they
        are not listed yet.
        """
        sidecar_dir = people_dir(library)
        index = attempt(FaceIndex.read, sidecar_dir)
        decisions = attempt(PeopleDecisions.read, sidecar_dir)
        if isinstance(index, Failure):
            raise CorruptError(index.reason)
        if isinstance(decisions, Failure):
            raise CorruptError(decisions.reason)
        if index is None:
            place = printable(str(library.root))
            raise NotFoundError(
                f"{place}: its people are not listed yet: {program_name()} listing {place}"
            )
        return cls(sidecar_dir, index, decisions)

    def decided(self, key: int, occurrences: Sequence[dict[str, Any]]) -> Person:
        """A person of the index with these occurrences, named and hidden as decided."""
        person = self.index.people.get(key, Person(key, []))._replace(occurrences=occurrences)
        entry = self.decisions.entries.get(key)
        if entry is None:
            return person
        person = person._replace(
            occurrences=sorted(occurrences, key=occurrence_key), hidden=bool(entry["hidden"])
        )
        if not entry["name"]:
            return person
        return person._replace(
            label=entry["name"], label_distance=None, named_by_hand=True, ambiguous=()
        )

    def relabel(self, keys: Iterable[int]) -> None:
        """Give people whose occurrences were moved since the listing the label of the gallery that
        fits their mean vector now.
        """
        rows, data = self.index.data.get("gallery", ()), self.index.data
        entries = (self.decisions.entries.get(key, {"model": None}) for key in keys if rows)
        comparable = [e for e in entries if e["model"] and e["model"] == self.index.model]
        if not comparable:
            return
        scale = float(data["scale"])
        vectors = [decoded_vector(entry["vector"]) for entry in comparable]
        limit, margin = data["params"]["label_threshold"] * scale, Gallery.MARGIN * scale
        nearest = Gallery(rows).labels(vectors, limit, margin)
        labels = {entry["id"]: label for entry, label in zip(comparable, nearest, strict=True)}
        names = {label.name for label in labels.values()}
        for key, person in self.people.items():
            if person.label in names and not person.named_by_hand:
                labels.setdefault(key, GalleryLabel(person.label, person.label_distance))
        occurrences = [self.people[key].occurrences for key in labels]
        resolved = resolve_label_conflicts(list(labels.values()), occurrences)
        for key, (name, distance, ambiguous) in zip(labels, resolved, strict=True):
            self.people[key] = self.people[key]._replace(
                label=name, label_distance=distance, ambiguous=ambiguous
            )

    def listed(self, recursive: bool = True, hidden: bool = False) -> list[Person]:
        """The people to show, those with the most occurrences first.

        `recursive`: with occurrences in folders below; `hidden`: also who was hidden. Left out are
        people with fewer signatures than --cluster-min-samples and no name given by a user.
        """
        least = int(self.index.data["params"].get("cluster_min_samples", 1))
        people = []
        for person in self.people.values():
            occurrences = person.occurrences
            if not recursive:
                occurrences = [o for o in occurrences if "/" not in o["video"]]
            enough = person.named_by_hand or len(occurrences) >= least
            if occurrences and enough and (hidden or not person.hidden):
                people.append(person._replace(occurrences=occurrences))
        return sorted(people, key=lambda p: (-len(p.occurrences), p.id))

    @property
    def next_id(self) -> int:
        """An id that nobody has or had."""
        used = [self.index.next_id, int(self.decisions.data["next"])]
        return max(*used, 1 + max(self.people, default=0))

    def by_signature(self) -> dict[str, Person]:
        """The person of each signature."""
        return {s: person for person in self.people.values() for s in person.signatures}

    def find(self, key: int) -> Person:
        """The person of an id. Raises NotFoundError."""
        if key not in self.people:
            raise NotFoundError(f"#{key}: no such person here")
        return self.people[key]


def occurrence_key(occurrence: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key by which occurrences are sorted."""
    return occurrence["video"], occurrence["intervals"]


def people_dir(library: Library) -> str:
    """The sidecar folder in which the people of a library are kept. Raises OutsideError."""
    sidecar_dir = library.sidecar_dir()
    for name in (FaceIndex.NAME, FaceIndex.MEANS, PeopleDecisions.NAME):
        if library.roots and not library.roots.contains(f"{sidecar_dir}/{name}"):
            raise OutsideError(f"{SIDECARS}/{name}: {LEADS_OUT}")
    return sidecar_dir
