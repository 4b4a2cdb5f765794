"""What people decided on the faces of a folder: names, merges, moves."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.core.documents import compact_json
from videolib.core.errors import VideoError
from videolib.core.files import flush_to_disk, read_optional_file, replace_file
from videolib.faces.face_index import ABSENT, is_signature, need_columns
from videolib.faces.vectors import base64_vector, decoded_bytes, decoded_vector, finite, unit

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.faces.signatures import FaceSignature, SignatureFile


class PeopleDecisions:
    """What people decided on the faces of a folder, in `.artifacts/.faces.people.json` of it.

    Whom a decision touches has an entry: the person's id, name, whether hidden, and the signatures
    that were theirs then, which stay theirs whatever is computed. With each signature goes the
    oshash of its video and its best moment, and with the person a mean vector, by which they are
    found again when `embed` made other signatures of the same video.
    """

    NAME: ClassVar = ".faces.people.json"
    REMEMBERED: ClassVar = 50  # decisions that can be taken back

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        """Raises KeyError, TypeError or ValueError for what was not written here."""
        blank: dict[str, Any]
        blank = {"schema": 1, "serial": 0, "next": 1, "people": [], "history": []}
        self.data: dict[str, Any] = {**blank, **({} if data is None else data)}
        need_columns([self.data], {"serial": {int}, "next": {int}})
        self.entries: dict[int, dict[str, Any]] = {int(e["id"]): e for e in self.data["people"]}
        self.pinned: dict[str, int] = {
            str(face["signature"]): key for key, e in self.entries.items() for face in e["faces"]
        }
        self.serial, self.history = self.data["serial"], list(self.data["history"])
        before = [entry for row in self.history for entry in row["before"]]
        typed: list[tuple[Any, type]] = [(row["action"], str) for row in self.history]
        typed += [(key, int) for row in self.history for key in row["touched"]]
        typed += [(entry["loose"], bool) for entry in before]
        if not all(isinstance(value, kind) for value, kind in typed):
            raise ValueError("what was decided before is unclear")
        for entry in [*self.entries.values(), *before]:
            self.check(entry)

    @staticmethod
    def check(entry: Mapping[str, Any]) -> None:
        """Raises KeyError, TypeError or ValueError for what is no decision on a person."""
        if not isinstance(entry["name"], str | None) or not isinstance(entry["hidden"], bool):
            raise ValueError("a name is no text, or nobody knows who is hidden")
        need_columns([entry], {"id": {int}, "model": {str, ABSENT}})
        for face in entry["faces"]:
            finite(face["time"])
            if not (is_signature(face["signature"]) and isinstance(face["oshash"], str)):
                raise ValueError("a face is none of embed")
        if entry["model"] is not None:
            decoded_bytes(entry["vector"])

    @classmethod
    def read(cls, sidecar_dir: str) -> PeopleDecisions:
        """The decisions in an artifact folder. Raises VideoError for what its owner has to mend."""
        content = read_optional_file(Path(sidecar_dir, cls.NAME))
        try:
            return cls(None if content is None else json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            message = f"{cls.NAME} is corrupt ({error}): mend it or move it away"
            raise VideoError(message) from None

    def write(self, sidecar_dir: str) -> None:
        """Store them; the caller has the lock."""
        head = {"serial": self.serial + 1, "history": self.history[-self.REMEMBERED :]}
        self.data |= head | {"people": [self.entries[key] for key in sorted(self.entries)]}
        replace_file(Path(sidecar_dir, self.NAME), compact_json(self.data))
        flush_to_disk(Path(sidecar_dir))

    def forget(self, gone: set[str], here: set[str]) -> bool:
        """Delete some signatures, and whoever has none of those that are `here` without them; says
        whether there were any.
        """
        before, touched = {**self.entries}, set()
        for key, entry in before.items():
            left = [face for face in entry["faces"] if face["signature"] not in gone]
            if len(left) == len(entry["faces"]):
                continue
            if any(face["signature"] in here for face in left):
                self.entries[key] = entry | {"faces": left, "model": None, "vector": None}
            else:
                del self.entries[key]
                touched.add(key)
        kept = [
            row
            for row in self.history
            if touched.isdisjoint(row["touched"])
            and gone.isdisjoint(f["signature"] for e in row["before"] for f in e["faces"])
        ]
        changed = self.entries != before or len(kept) < len(self.history)
        self.history = kept
        return changed

    def find_again(self, files: Sequence[SignatureFile], present: Set[str], eps: float) -> bool:
        """Let faces whose signatures are gone have those that `embed` made instead of them: the
        ones that it says are the same, else of the same video those that look alike or, where
        another model made them, are seen then. `present`: all signatures there are. Says
        whether any was found.
        """
        lost: dict[str, list[tuple[dict[str, Any], dict[str, Any]]]] = {}
        for entry in self.entries.values():
            for face in entry["faces"]:
                if files and face["signature"] not in present:
                    lost.setdefault(face["oshash"], []).append((entry, face))
        before = dict(self.pinned)
        for file in files if lost else ():
            pairs = sorted(
                (distance, number, signature.id, signature, entry, face)
                for number, (entry, face) in enumerate(lost.get(file.source["oshash"], ()))
                for signature in file.signatures
                if (distance := likeness(entry, face, signature, file)) <= eps
            )
            for _, _, _, signature, entry, face in pairs:
                if signature.id not in self.pinned and face["signature"] not in present:
                    self.pinned.pop(face["signature"], None)
                    face |= {"signature": signature.id, "time": signature.facts["time"]}
                    self.pinned[signature.id] = entry["id"]
        return before != self.pinned

    def renew(self, model: str, sums: Mapping[int, Vector]) -> None:
        """Know people by what they look like to this model."""
        for key, entry in self.entries.items():
            if key in sums:
                entry |= {"model": model, "vector": base64_vector(unit(sums[key]))}


def likeness(
    entry: Mapping[str, Any], face: Mapping[str, Any], signature: FaceSignature, file: SignatureFile
) -> float:
    """How far a signature is from someone who was decided on: -1 for one made of the same face,
    else by vectors of the same model, else 0 for the only one seen at the best moment of then.
    """
    if face["signature"] in signature.was:
        return -1.0
    if entry["model"] == file.source["model"]:
        known = decoded_vector(entry["vector"])
        return (
            1.0 - float(known @ signature.vector)
            if known.shape == signature.vector.shape
            else math.inf
        )
    moment = float(face["time"])
    then = [
        s.id
        for s in file.signatures
        if any(begin - 1 <= moment <= end + 1 for begin, end in s.facts["intervals"])
    ]
    return 0.0 if then == [signature.id] else math.inf


def occurrence_key(seen: Mapping[str, Any]) -> tuple[Any, ...]:
    """The key by which occurrences are sorted."""
    return seen["video"], seen["intervals"]
