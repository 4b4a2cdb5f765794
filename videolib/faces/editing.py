"""Making decisions on people and storing them: what `people` and the API can change."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import (
    ConflictError,
    NotFoundError,
    UsageError,
    VideoError,
    os_error_message,
)
from videolib.core.locks import locked
from videolib.core.text import iso_time, plural, printable
from videolib.faces.clustering import average_linkage
from videolib.faces.forgetting import delete_from_index, delete_signatures, with_trash
from videolib.faces.people import PeopleView
from videolib.faces.signatures import read_vectors
from videolib.faces.vectors import base64_vector, sum_of, unit
from videolib.storage.names import SIDECARS
from videolib.storage.sidecars import remove_abandoned
from videolib.storage.tags import clean_names

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.faces.decisions import PeopleDecisions
    from videolib.faces.face_index import Person
    from videolib.storage.folders import Library


# What can be done with people, as `PeopleEditor.act` takes it.
ACTIONS = ("rename", "merge", "split", "move", "hide", "show", "undo", "forget")
BISECTIONS = 12  # of the range of cosine distances, when a person is split


class PeopleEditor:
    """Changes of the people of a library; the caller holds the lock of `view.sidecar_dir`.

    Every change stores its decision, so that `undo` can take it back, except `forget`. It returns
    a sentence for the user, and leaves the people as they are then in `view`, and the ids of those
    that it concerned in `changed`. Raises NotFoundError for ids that nobody has.
    """

    def __init__(self, library: Library) -> None:
        """Raises what `PeopleView.read` raises; removes scratch files of killed runs."""
        self.library, self.view = library, PeopleView.read(library)
        self.changed: list[int] = []
        self.warning = ""  # what speaks against the last change
        self.change = 0  # the number of the decision that was made last, for `undo`
        remove_abandoned(self.view.sidecar_dir)

    @property
    def decisions(self) -> PeopleDecisions:
        return self.view.decisions

    @property
    def changed_people(self) -> list[Person]:
        """The people concerned by the last change who still exist."""
        return [self.view.people[key] for key in self.changed if key in self.view.people]

    def act(self, action: str, value: Any) -> str:
        """Do one of ACTIONS: `value` is the number of a person, or the words that were given."""
        match action:
            case "rename":
                return self.rename(*parse_rename(value))
            case "merge":
                return self.merge(value)
            case "split":
                return self.split(value)
            case "move":
                return self.move(*parse_move(value))
            case "hide" | "show":
                return self.set_hidden(value, action == "hide")
            case "undo":
                return self.undo()
            case "forget":
                return self.forget(value)
        raise ValueError(action)

    def rename(self, key: int, name: str) -> str:
        """Give a person a name."""
        person = self.view.find(key)
        entry = self.current_entry(person) | {"name": name}
        self.decide(f"rename #{person.id}", {person.id: entry})
        others = (p for p in self.view.people.values() if p.label == name and p.id != person.id)
        if other := next(others, None):
            same = f", as #{other.id} is: --merge makes them one"
            return f"#{person.id} is {printable(name)} now{same}"
        return f"#{person.id} is {printable(name)} now"

    def merge(self, ids: Sequence[int]) -> str:
        """Make several people one, the first. Raises UsageError for a single one."""
        keys = list(dict.fromkeys(ids))
        if len(keys) < 2:
            raise UsageError("--merge takes two numbers or more")
        people = [self.view.find(key) for key in keys]
        signatures = [s for person in people for s in person.signatures]
        entries = [self.current_entry(person) for person in people]
        merged = entries[0] | {"faces": [face for entry in entries for face in entry["faces"]]}
        merged["name"] = next(filter(None, (entry["name"] for entry in entries)), None)
        if len(labels := dict.fromkeys(person.label for person in people if person.label)) > 1:
            merged["name"] = merged["name"] or next(iter(labels))  # not one that is unclear again
        merged |= self.mean_vector(signatures)
        conflict = first_conflict(people)
        self.decide(f"merge {numbers(keys)}", {keys[0]: merged, **dict.fromkeys(keys[1:])})
        name = self.view.people[keys[0]].display_name
        sentence = f"{numbers(keys)} are one person now: {name}"
        if not conflict:
            return sentence
        self.warning = f"both are in one picture of {printable(conflict)}"
        return f"{sentence}; but {self.warning}: --undo takes it back"

    def split(self, key: int) -> str:
        """Make several people of one. Raises UsageError where there is one signature."""
        person = self.view.find(key)
        parts = self.split_signatures(person)
        if len(parts) < 2:
            message = f"{person.display_name} has one signature: there is nothing to split"
            raise UsageError(message)
        new_ids = itertools.count(self.view.next_id)
        keys = [person.id, *itertools.islice(new_ids, len(parts) - 1)]
        entries = {k: self.entry(k, part) for k, part in zip(keys, parts, strict=True)}
        self.decide(f"split #{person.id}", entries)
        return f"#{person.id} is {numbers(keys)} now"

    def move(self, signature: str, target: int | None) -> str:
        """Move a signature to another person, or to a new one (None). Raises UsageError where it
        is there already.
        """
        source = self.view.by_signature().get(signature)
        if source is None:
            message = f"{printable(signature)}: no such signature here: --json tells them"
            raise NotFoundError(message)
        key = self.view.next_id if target is None else self.view.find(target).id
        if key == source.id:
            raise UsageError(f"{signature} is {source.display_name} already")
        rest = [s for s in source.signatures if s != signature]
        previous = self.view.people[key].signatures if key in self.view.people else ()
        entries = {source.id: self.entry(source.id, rest) if rest else None}
        entries[key] = self.entry(key, [*previous, signature])
        self.decide(f"move {signature} to #{key}", entries)
        return f"{signature} is {self.view.people[key].display_name} now"

    def set_hidden(self, key: int, hidden: bool) -> str:
        """Hide a person, or show them again."""
        person, verb = self.view.find(key), "hide" if hidden else "show"
        self.decide(f"{verb} #{key}", {key: self.current_entry(person) | {"hidden": hidden}})
        return f"{person.display_name} is {'hidden' if hidden else 'shown'} now"

    def undo(self, change: int = 0) -> str:
        """Take a decision back by its number, the last one where that is 0.

        Raises NotFoundError where there is none, ConflictError where one that was made later
        concerns the same people.
        """
        last = self.decision_to_undo(change)
        self.decisions.history.remove(last)
        entries: dict[int, dict[str, Any] | None] = dict.fromkeys(last["touched"])
        for entry in last["before"]:
            computed = self.view.index.people.get(entry["id"])
            signatures = {face["signature"] for face in entry["faces"]}
            if not (entry["loose"] and computed and set(computed.signatures) == signatures):
                entries[entry["id"]] = {k: v for k, v in entry.items() if k != "loose"}
        self.store(entries)
        return f"taken back: {last['action']}"

    def decision_to_undo(self, change: int) -> dict[str, Any]:
        """The decision that `undo` takes back."""
        rows: list[dict[str, Any]] = self.decisions.history
        numbers = [row.get("number", 0) for row in rows]
        if not rows or (change and change not in numbers):
            raise NotFoundError("there is no decision to take back: it may be taken back already")
        at = numbers.index(change) if change else len(rows) - 1
        for later in rows[at + 1 :]:
            if not set(later["touched"]).isdisjoint(rows[at]["touched"]):
                message = f"{later['action']} came later, and is about the same people"
                raise ConflictError(f"{message}: take that back first")
        return rows[at]

    def forget(self, key: int) -> str:
        """Delete a person's vectors and pictures from all files of the program, for good."""
        person = self.view.find(key)
        deleted, sidecar_dir = set(person.signatures), self.view.sidecar_dir
        rels = self.view.index.sources
        sidecar_dirs = {self.library.video(rel).sidecar_dir for rel in rels} | {sidecar_dir}
        # Folders around them may have been listed, too.
        outer = {f"{folder}/{SIDECARS}" for path in sidecar_dirs for folder in Path(path).parents}
        if roots := self.library.roots:
            sidecar_dirs = set(filter(roots.contains, sidecar_dirs))
            outer = set(filter(roots.contains, outer))
        folders = [folder for path in sorted(sidecar_dirs) for folder in with_trash(path)]
        try:
            files = sum(delete_signatures(folder, deleted) for folder in folders)
            for path in sorted(outer - {sidecar_dir}):
                if Path(path).is_dir():
                    with locked(path):
                        files += delete_from_index(path, deleted)
            # Last: until here a killed run can be repeated, as the person is found by the number.
            files += delete_from_index(sidecar_dir, deleted)
        except OSError as error:
            message = f"{os_error_message(error)}: #{key} is forgotten in part: run again"
            raise VideoError(message) from None
        self.view = PeopleView.read(self.library)
        sentence = f"#{person.id} is forgotten: {plural(files, 'file')} rewritten or deleted"
        stays = "; the name stays where tags --performers wrote it, until --remove-performers"
        return sentence + (stays if person.label else "")

    def current_entry(self, person: Person) -> dict[str, Any]:
        """The entry of the decisions that describes a person as they are."""
        return self.entry(person.id, person.signatures)

    def entry(self, key: int, signatures: Iterable[str]) -> dict[str, Any]:
        """The entry of the decisions for a person with these signatures; what else was decided on
        them stays.
        """
        ids, sources = list(signatures), self.view.index.sources
        people = self.view.people.values()
        occurrences = {o["signature"]: o for person in people for o in person.occurrences}
        faces = [
            {"signature": s, "oshash": sources[o["video"]]["oshash"], "time": o["time"]}
            for s, o in ((s, occurrences[s]) for s in ids)
        ]
        entry = self.decisions.entries.get(key, {"name": None, "hidden": False, "faces": []})
        # Faces that are not found at the moment stay the person's.
        faces += [face for face in entry["faces"] if face["signature"] not in occurrences]
        return {**entry, "id": key, "faces": faces} | self.mean_vector(ids)

    def mean_vector(self, signatures: Iterable[str]) -> dict[str, Any]:
        """The fields of an entry for the mean of the signatures' vectors: model and vector."""
        vectors = list(self.vectors(signatures).values())
        if not vectors:
            return {"model": None, "vector": None}
        return {"model": self.view.index.model, "vector": base64_vector(unit(sum_of(vectors)))}

    def vectors(self, signatures: Iterable[str]) -> dict[str, Vector]:
        """The vectors of signatures, without those that cannot be read."""
        wanted = set(signatures)
        people = self.view.people.values()
        rows = (o for person in people for o in person.occurrences if o["signature"] in wanted)
        return read_vectors(self.library, rows)

    def split_signatures(self, person: Person) -> list[list[str]]:
        """A person's signatures in two groups or more, the largest first: by the largest clustering
        distance, found by bisection, that does not put all of them together.
        """
        import numpy as np

        vectors = self.vectors(person.signatures)
        if len(vectors) < 2:
            return [list(vectors)]
        rows = {signature: row for row, signature in enumerate(vectors)}
        apart = [
            (rows[occurrence["signature"]], rows[other])
            for occurrence in person.occurrences
            for other in occurrence.get("apart", ())
            if occurrence["signature"] in rows and other in rows
        ]
        matrix, low, high = np.array([*vectors.values()], np.float32), 0.0, 2.1
        labels = average_linkage(matrix, high, apart)
        together = (labels == labels[0]).all()
        for _ in range(BISECTIONS if together else 0):
            middle = (low + high) / 2
            candidate = average_linkage(matrix, middle, apart)
            if (candidate == candidate[0]).all():
                high = middle
            else:
                low, labels = middle, candidate
        groups: dict[int, list[str]] = {}
        for signature, label in zip(vectors, labels.tolist(), strict=True):
            groups.setdefault(label, []).append(signature)
        return sorted(groups.values(), key=lambda group: -len(group))

    def decide(self, action: str, entries: Mapping[int, dict[str, Any] | None]) -> None:
        """Store entries by id, None to delete one, and the previous ones for `undo`. An entry that
        was `loose` stood for no decision: it describes what `listing` computed.
        """
        previous, people = [], self.view.people
        for key in entries:
            if key in people:
                loose = key not in self.decisions.entries
                previous.append(self.current_entry(people[key]) | {"loose": loose})
            elif key in self.decisions.entries:
                previous.append(self.decisions.entries[key] | {"loose": False})
        self.change = self.decisions.serial + 1  # what `write` makes of it: no two have the same
        row = {"at": iso_time(), "action": action, "number": self.change}
        row |= {"touched": list(entries), "before": previous}
        self.decisions.history.append(row)
        self.store(entries)

    def store(self, entries: Mapping[int, dict[str, Any] | None]) -> None:
        """Put entries in place, write the decisions and read the people again."""
        for key, entry in entries.items():
            if entry is None:
                self.decisions.entries.pop(key, None)
            else:
                self.decisions.entries[key] = entry
        self.decisions.data["next"] = max(self.view.next_id, *(key + 1 for key in entries))
        self.decisions.write(self.view.sidecar_dir)
        self.changed = list(entries)
        self.view = PeopleView.read(self.library)


def numbers(keys: Iterable[int]) -> str:
    """Ids of people for the user."""
    return ", ".join(f"#{key}" for key in keys)


def first_conflict(people: Sequence[Person]) -> str:
    """A video with one frame that shows two of these people; "" where there is none."""
    signatures = {signature for person in people for signature in person.signatures}
    for person in people:
        others = signatures - person.signatures.keys()
        for occurrence in person.occurrences:
            if not others.isdisjoint(occurrence.get("apart", ())):
                return str(occurrence["video"])
    return ""


def parse_rename(words: Sequence[str]) -> tuple[int, str]:
    """The number of a person and a name. Raises UsageError."""
    names = clean_names([" ".join(words[1:])])
    if not names:
        raise UsageError("--rename takes a number and a name")
    return person_number("--rename", words[0]), names[0]


def parse_move(words: Sequence[str]) -> tuple[str, int | None]:
    """A signature and the number of the person who gets it; None for a new one. Raises
    UsageError."""
    if len(words) != 2:
        raise UsageError("--move takes a signature, and a number or new")
    signature, target = words
    return signature, None if target == "new" else person_number("--move", target)


def person_number(flag: str, text: str) -> int:
    """The number of a person as a user writes it. Raises UsageError."""
    if not re.fullmatch("#?[0-9]{1,9}", text):
        raise UsageError(f"{flag} {printable(text)}: should be the number of a person")
    return int(text.removeprefix("#"))
