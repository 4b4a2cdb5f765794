"""Making and storing decisions on people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import NotFoundError
from videolib.core.locks import locked
from videolib.core.text import iso_time
from videolib.faces.clustering import average_linkage
from videolib.faces.forgetting import forget_in, forget_people, with_trash
from videolib.faces.grouping import read_vectors
from videolib.faces.people import PeopleView
from videolib.faces.vectors import base64_vector, sum_of, unit
from videolib.storage.names import SIDECARS

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.faces.decisions import PeopleDecisions
    from videolib.faces.face_index import Person
    from videolib.storage.folders import Library


def numbers(keys: Iterable[int]) -> str:
    return ", ".join(f"#{key}" for key in keys)


class PeopleEditor:
    """Where decisions on people are made and stored; its user has the lock of the folder."""

    def __init__(self, library: Library, census: PeopleView) -> None:
        self.library, self.census = library, census
        self.touched: list[int] = []

    @property
    def decisions(self) -> PeopleDecisions:
        return self.census.decisions

    def entry(self, key: int, signatures: Iterable[str]) -> dict[str, Any]:
        """Someone with these signatures, and with what else is decided on them."""
        ids, sources = list(signatures), self.census.index.sources
        where = {o["signature"]: o for p in self.census.people.values() for o in p.occurrences}
        faces = [
            {"signature": s, "oshash": sources[o["video"]]["oshash"], "time": o["time"]}
            for s, o in ((s, where[s]) for s in ids)
        ]
        known = self.decisions.entries.get(key, {"name": None, "hidden": False, "faces": []})
        # Those that are not here at the moment stay theirs.
        faces += [face for face in known["faces"] if face["signature"] not in where]
        return {**known, "id": key, "faces": faces} | self.looks(ids)

    def now(self, person: Person) -> dict[str, Any]:
        """Someone as they are."""
        return self.entry(person.id, person.signatures)

    def vectors(self, signatures: Iterable[str]) -> dict[str, Vector]:
        """The vectors of signatures that can be read."""
        wanted = set(signatures)
        everyone = self.census.people.values()
        seen = (o for p in everyone for o in p.occurrences if o["signature"] in wanted)
        return read_vectors(self.library, seen)

    def looks(self, signatures: Iterable[str]) -> dict[str, Any]:
        """What these look like on average, and to which model."""
        vectors = list(self.vectors(signatures).values())
        if not vectors:
            return {"model": None, "vector": None}
        return {"model": self.census.index.model, "vector": base64_vector(unit(sum_of(vectors)))}

    def parts(self, person: Person) -> list[list[str]]:
        """A person's signatures in two groups or more: as they are where the largest distance that
        keeps anyone apart is asked for; the largest group first.
        """
        import numpy as np

        vectors = self.vectors(person.signatures)
        if len(vectors) < 2:
            return [list(vectors)]
        rows = {signature: row for row, signature in enumerate(vectors)}
        apart = [
            (rows[o["signature"]], rows[other])
            for o in person.occurrences
            for other in o.get("apart", ())
            if o["signature"] in rows and other in rows
        ]
        matrix, low, high = np.array([*vectors.values()], np.float32), 0.0, 2.1
        labels = average_linkage(matrix, high, apart)
        halvings = 12 if (labels == labels[0]).all() else 0
        for _ in range(halvings):
            middle = (low + high) / 2
            found = average_linkage(matrix, middle, apart)
            if (found == found[0]).all():
                high = middle
            else:
                low, labels = middle, found
        groups: dict[int, list[str]] = {}
        for signature, label in zip(vectors, labels.tolist(), strict=True):
            groups.setdefault(label, []).append(signature)
        return sorted(groups.values(), key=lambda group: -len(group))

    def decide(self, action: str, entries: Mapping[int, dict[str, Any] | None]) -> None:
        """Put entries in the place of what was decided on these people, None for nothing."""
        before, known = [], self.census.people
        for key in entries:
            if key in known:
                loose = key not in self.decisions.entries
                before.append(self.now(known[key]) | {"loose": loose})
            elif key in self.decisions.entries:
                before.append(self.decisions.entries[key] | {"loose": False})
        row = {"at": iso_time(), "action": action, "touched": list(entries), "before": before}
        self.decisions.history.append(row)
        self.put(entries)

    def put(self, entries: Mapping[int, dict[str, Any] | None]) -> None:
        for key, entry in entries.items():
            if entry is None:
                self.decisions.entries.pop(key, None)
            else:
                self.decisions.entries[key] = entry
        self.decisions.data["next"] = max(self.census.next, *(key + 1 for key in entries))
        self.decisions.write(self.census.sidecar_dir)
        self.touched = list(entries)
        self.census = PeopleView.read(self.library)

    def put_hidden(self, key: int, hidden: bool) -> str:
        """Hide someone, or show them again; says so."""
        person, verb = self.census.find(key), "hide" if hidden else "show"
        self.decide(f"{verb} #{key}", {key: self.now(person) | {"hidden": hidden}})
        return f"{person.display_name} is {'hidden' if hidden else 'shown'} now"

    def undo(self) -> str:
        """Take the last decision back; says which that was. Raises NotFoundError."""
        if not self.decisions.history:
            raise NotFoundError("there is no decision to take back")
        last = self.decisions.history.pop()
        entries: dict[int, dict[str, Any] | None] = dict.fromkeys(last["touched"])
        index = self.census.index.people
        for entry in last["before"]:
            computed = index.get(entry["id"])
            theirs = {face["signature"] for face in entry["faces"]}
            if not (entry["loose"] and computed and set(computed.signatures) == theirs):
                entries[entry["id"]] = {k: v for k, v in entry.items() if k != "loose"}
        self.put(entries)
        return str(last["action"])

    def forget(self, person: Person) -> int:
        """Delete someone's vectors and pictures wherever the program keeps them; how many files
        that concerned.
        """
        gone, sidecar_dir = set(person.signatures), self.census.sidecar_dir
        sidecar_dirs = {
            self.library.video(rel).sidecar_dir for rel in self.census.index.sources
        } | {sidecar_dir}
        around = {
            f"{folder}/{SIDECARS}" for place in sidecar_dirs for folder in Path(place).parents
        }
        if roots := self.library.roots:
            sidecar_dirs, around = (
                set(filter(roots.contains, sidecar_dirs)),
                set(filter(roots.contains, around)),
            )
        changed = sum(
            forget_in(folder, gone) for top in sorted(sidecar_dirs) for folder in with_trash(top)
        )
        for place in sorted(around - {sidecar_dir}):
            if Path(place).is_dir():
                with locked(place):
                    changed += forget_people(place, gone)
        changed += forget_people(sidecar_dir, gone)  # last: until then they can be named again
        self.census = PeopleView.read(self.library)
        return changed
