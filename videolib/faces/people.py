"""The people of a folder: the index together with the decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.errors import CorruptError, Failure, NotFoundError, OutsideError, attempt
from videolib.core.text import printable
from videolib.faces.decisions import PeopleDecisions, occurrence_key
from videolib.faces.face_index import FaceIndex, Person
from videolib.faces.gallery import Gallery, GalleryLabel, nearest_alone
from videolib.faces.vectors import decoded_vector
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import SIDECARS

if TYPE_CHECKING:
    from videolib.storage.folders import Library


class PeopleView:
    """The people of a folder: what `listing` found and what people decided, which wins.

    `people` has everybody by id, the hidden ones too; `listed` those that one wants to see.
    """

    def __init__(self, sidecar_dir: str, index: FaceIndex, decisions: PeopleDecisions) -> None:
        self.sidecar_dir, self.index, self.decisions = sidecar_dir, index, decisions
        pinned = decisions.pinned
        theirs: dict[int, Sequence[dict[str, Any]]] = {}
        moved: dict[int, list[dict[str, Any]]] = {}
        for key, person in index.people.items():
            if pinned and any(pinned.get(name, key) != key for name in person.signatures):
                for seen in person.occurrences:
                    moved.setdefault(pinned.get(seen["signature"], key), []).append(seen)
            else:
                theirs[key] = person.occurrences
        theirs |= {key: [*theirs.get(key, ()), *seen] for key, seen in moved.items()}
        self.people = {key: self.person(key, theirs[key]) for key in sorted(theirs)}
        self.call_anew([key for key in moved if not self.people[key].named_by_hand])

    def call_anew(self, keys: Iterable[int]) -> None:
        """Let those whose signatures were decided on since the listing, and have no name by hand,
        be called what the gallery calls whom they look like now.
        """
        rows, data = self.index.data.get("gallery", ()), self.index.data
        entries = (self.decisions.entries.get(key, {"model": None}) for key in keys if rows)
        known = [e for e in entries if e["model"] and e["model"] == self.index.model]
        if not known:
            return
        scale = float(data["scale"])
        vectors = [decoded_vector(entry["vector"]) for entry in known]
        limit, margin = data["params"]["label_threshold"] * scale, Gallery.MARGIN * scale
        labels = Gallery(rows).labels(vectors, limit, margin)
        found = {entry["id"]: label for entry, label in zip(known, labels, strict=True)}
        names = {label.name for label in found.values()}
        for key, person in self.people.items():
            if person.label in names and not person.named_by_hand:
                found.setdefault(key, GalleryLabel(person.label, person.label_distance))
        labels = nearest_alone(list(found.values()), [self.people[k].occurrences for k in found])
        for key, (name, distance, ambiguous) in zip(found, labels, strict=True):
            self.people[key] = self.people[key]._replace(
                label=name, label_distance=distance, ambiguous=ambiguous
            )

    @classmethod
    def read(cls, library: Library) -> PeopleView:
        """The people of a folder. Raises CorruptError, NotFoundError where none are listed yet."""
        sidecar_dir = people_dir(library)
        found = attempt(FaceIndex.read, sidecar_dir)
        decisions = attempt(PeopleDecisions.read, sidecar_dir)
        if isinstance(found, Failure):
            raise CorruptError(found.reason)
        if isinstance(decisions, Failure):
            raise CorruptError(decisions.reason)
        if found is None:
            place = printable(str(library.root))
            raise NotFoundError(f"{place}: its people are not listed yet: index.py listing {place}")
        return cls(sidecar_dir, found, decisions)

    def person(self, key: int, occurrences: Sequence[dict[str, Any]]) -> Person:
        computed = self.index.people.get(key, Person(key, []))._replace(occurrences=occurrences)
        entry = self.decisions.entries.get(key)
        if entry is None:
            return computed
        computed = computed._replace(occurrences=sorted(occurrences, key=occurrence_key))
        if entry["name"]:
            computed = computed._replace(
                label=entry["name"], label_distance=None, named_by_hand=True, ambiguous=()
            )
        return computed._replace(hidden=bool(entry["hidden"]))

    def listed(self, recursive: bool = True, hidden: bool = False) -> list[Person]:
        """Those seen most often first; `recursive`: also in folders below. Left out are the hidden
        ones, and who has fewer signatures than --cluster-min-samples and no name by hand.
        """
        least = int(self.index.data["params"].get("cluster_min_samples", 1))
        found = []
        for person in self.people.values():
            here = person.occurrences
            if not recursive:
                here = [o for o in here if "/" not in o["video"]]
            enough = person.named_by_hand or len(here) >= least
            if here and enough and (hidden or not person.hidden):
                found.append(person._replace(occurrences=here))
        return sorted(found, key=lambda p: (-len(p.occurrences), p.id))

    @property
    def next(self) -> int:
        """An id that nobody has or had."""
        used = [self.index.next, int(self.decisions.data["next"])]
        return max(*used, 1 + max(self.people, default=0))

    def by_signature(self) -> dict[str, Person]:
        """Who a signature is."""
        return {s: person for person in self.people.values() for s in person.signatures}

    def find(self, key: int) -> Person:
        """The person of an id. Raises NotFoundError."""
        if key not in self.people:
            raise NotFoundError(f"#{key}: no such person here")
        return self.people[key]


def people_dir(library: Library) -> str:
    """The artifact folder in which the people of a folder are kept. Raises OutsideError."""
    sidecar_dir = library.sidecar_dir()
    for name in (FaceIndex.NAME, FaceIndex.MEANS, PeopleDecisions.NAME):
        if library.roots and not library.roots.contains(f"{sidecar_dir}/{name}"):
            raise OutsideError(f"{SIDECARS}/{name}: {LEADS_OUT}")
    return sidecar_dir
