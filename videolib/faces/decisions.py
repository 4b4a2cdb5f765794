"""Decisions that users made on the people of a folder: names, merges, splits, moves, hiding.

They are kept in `.artifacts/.faces.people.json`, apart from the index that `listing` computes, and
win over it. A decision pins signatures to a person; when `embed` gives a face another signature,
`PeopleDecisions.rebind` pins that one instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.core.documents import EDITED_JSON, compact_json, parse_json
from videolib.core.errors import VideoError
from videolib.core.files import flush_names, read_optional_file, replace_file
from videolib.faces.validation import ABSENT, finite, is_signature, need_columns
from videolib.faces.vectors import base64_vector, decoded_bytes, decoded_vector, unit

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.faces.signatures import FaceSignature, SignatureFile


class PeopleDecisions:
    """The decisions of one folder.

    `entries` has one dict for each person whom a decision concerned: id, name, hidden, and `faces`,
    the signatures that were the person's at that time and stay so whatever is computed. Each face
    has its signature, the oshash of its video and the time of its best moment in seconds. The
    entry also has a mean vector and the model that made it. By these the faces are recognized when
    `embed` made other signatures of the same video. `pinned` maps signatures to ids of people.
    """

    NAME: ClassVar = ".faces.people.json"
    UNDO_LIMIT: ClassVar = 50  # decisions that can be taken back

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        """Raises KeyError, TypeError or ValueError for data that this class did not write."""
        blank: dict[str, Any]
        blank = {"schema": 1, "serial": 0, "next": 1, "people": [], "history": []}
        self.data: dict[str, Any] = {**blank, **({} if data is None else data)}
        need_columns([self.data], {"serial": {int}, "next": {int}})
        self.entries: dict[int, dict[str, Any]] = {int(e["id"]): e for e in self.data["people"]}
        self.pinned: dict[str, int] = {
            str(face["signature"]): key for key, e in self.entries.items() for face in e["faces"]
        }
        self.serial, self.history = self.data["serial"], list(self.data["history"])
        previous = [entry for row in self.history for entry in row["before"]]
        typed: list[tuple[Any, type]] = [(row["action"], str) for row in self.history]
        typed += [(key, int) for row in self.history for key in row["touched"]]
        typed += [(entry["loose"], bool) for entry in previous]
        if not all(isinstance(value, kind) for value, kind in typed):
            raise ValueError("what was decided before is unclear")
        for entry in [*self.entries.values(), *previous]:
            check_entry(entry)

    @classmethod
    def read(cls, sidecar_dir: str) -> PeopleDecisions:
        """The decisions in a sidecar folder, none where there is no file.

        Raises VideoError for a corrupt file: it holds work of the user, who has to mend it.
        """
        content = read_optional_file(Path(sidecar_dir, cls.NAME))
        try:
            return cls(None if content is None else parse_json(content, EDITED_JSON))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"{cls.NAME} is corrupt ({error}): mend it or move it away"
            raise VideoError(message) from None

    def write(self, sidecar_dir: str) -> None:
        """Store them; the caller holds the lock of the folder."""
        head = {"serial": self.serial + 1, "history": self.history[-self.UNDO_LIMIT :]}
        self.data |= head | {"people": [self.entries[key] for key in sorted(self.entries)]}
        replace_file(Path(sidecar_dir, self.NAME), compact_json(self.data))
        flush_names(Path(sidecar_dir), f"{self.NAME} is stored")

    def forget(self, deleted: set[str], remaining: set[str]) -> bool:
        """Remove deleted signatures, and the entries of people who then have none of the
        `remaining` signatures of the index. Whether anything changed.
        """
        previous, removed = {**self.entries}, set()
        for key, entry in previous.items():
            faces = [face for face in entry["faces"] if face["signature"] not in deleted]
            if len(faces) == len(entry["faces"]):
                continue
            if any(face["signature"] in remaining for face in faces):
                self.entries[key] = entry | {"faces": faces, "model": None, "vector": None}
            else:
                del self.entries[key]
                removed.add(key)
        history = [
            row
            for row in self.history
            if removed.isdisjoint(row["touched"])
            and deleted.isdisjoint(f["signature"] for e in row["before"] for f in e["faces"])
        ]
        changed = self.entries != previous or len(history) < len(self.history)
        self.history = history
        return changed

    def rebind(self, files: Sequence[SignatureFile], present: Set[str], eps: float) -> bool:
        """Pin the signatures that `embed` made in place of others that are gone.

        The new signature is of the same video, and is the nearest within `eps` by `face_distance`.
        `present` are all signatures that exist now. Whether any was pinned.
        """
        lost: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}  # by oshash
        for entry in self.entries.values():
            for face in entry["faces"]:
                if files and face["signature"] not in present:
                    lost.setdefault(face["oshash"], []).append((entry, face))
        previous = dict(self.pinned)
        for file in files if lost else ():
            pairs = sorted(
                (distance, number, signature.id, signature, entry, face)
                for number, (entry, face) in enumerate(lost.get(file.source["oshash"], ()))
                for signature in file.signatures
                if (distance := face_distance(entry, face, signature, file)) <= eps
            )
            for _, _, _, signature, entry, face in pairs:
                if signature.id not in self.pinned and face["signature"] not in present:
                    self.pinned.pop(face["signature"], None)
                    face |= {"signature": signature.id, "time": signature.occurrence["time"]}
                    self.pinned[signature.id] = entry["id"]
        return previous != self.pinned

    def update_vectors(self, model: str, sums: Mapping[int, Vector]) -> None:
        """Store mean vectors of this model, from the sums of the vectors of each person."""
        for key, entry in self.entries.items():
            if key in sums:
                entry |= {"model": model, "vector": base64_vector(unit(sums[key]))}

    def lost_entries(self, listed: Set[int]) -> Iterator[dict[str, Any]]:
        """The entries of people who are not among those with the `listed` ids."""
        return (entry for key, entry in self.entries.items() if key not in listed)


def check_entry(entry: Mapping[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError for what is no decision on a person."""
    if not isinstance(entry["name"], str | None) or not isinstance(entry["hidden"], bool):
        raise ValueError("a name is no text, or nobody knows who is hidden")
    need_columns([entry], {"id": {int}, "model": {str, ABSENT}})
    for face in entry["faces"]:
        finite(face["time"])
        if not (is_signature(face["signature"]) and isinstance(face["oshash"], str)):
            raise ValueError("a face is none of embed")
    if entry["model"] is not None:
        decoded_bytes(entry["vector"])


def face_distance(
    entry: Mapping[str, Any], face: Mapping[str, Any], signature: FaceSignature, file: SignatureFile
) -> float:
    """How far a signature is from a face that a decision pinned.

    -1 where `embed` recorded that it replaces the face's signature; the cosine distance from the
    person's mean vector where one model made both; else 0 for the only signature that is seen at
    the face's best moment (within a second), and infinity for the others.
    """
    if face["signature"] in signature.former_ids:
        return -1.0
    if entry["model"] == file.source["model"]:
        mean = decoded_vector(entry["vector"])
        comparable = mean.shape == signature.vector.shape
        return 1.0 - float(mean @ signature.vector) if comparable else math.inf
    moment = float(face["time"])
    visible = [
        other.id
        for other in file.signatures
        if any(begin - 1 <= moment <= end + 1 for begin, end in other.occurrence["intervals"])
    ]
    return 0.0 if visible == [signature.id] else math.inf
