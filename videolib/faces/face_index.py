"""The index of the people of a folder: what `listing` computed, as it is stored on disk."""

from __future__ import annotations

import contextlib
import io
import itertools
import zlib
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.documents import compact_json, parse_json
from videolib.core.errors import VideoError
from videolib.core.files import read_file, read_optional_file, replace_file
from videolib.faces.validation import (
    ABSENT,
    NUMBER,
    is_video_name,
    need_columns,
    need_occurrences,
)
from videolib.faces.vectors import decoded_bytes

if TYPE_CHECKING:
    from videolib.core.arrays import Vectors


class Person(NamedTuple):
    """Someone in the videos of a folder.

    `occurrences` has a dict for every signature: video, signature, intervals in seconds, frames,
    time and quality of the best moment, `thumbnail` where there is a picture, and `apart`, the
    signatures seen in the same frame, which are other people. `ambiguous` has the names of a
    gallery that fit about equally well, or the only one that might fit and is too far for a label.
    """

    id: int
    occurrences: Sequence[dict[str, Any]]
    label: str | None = None
    label_distance: float | None = None
    named_by_hand: bool = False
    hidden: bool = False
    ambiguous: tuple[str, ...] = ()

    @property
    def signatures(self) -> dict[str, None]:
        """The ids of the signatures in order, each once: exact copies of a video share them."""
        return dict.fromkeys(occurrence["signature"] for occurrence in self.occurrences)

    @property
    def display_name(self) -> str:
        return f"#{self.id} {self.label}" if self.label else f"#{self.id}"

    def portrait(self) -> tuple[str, str] | None:
        """The video, and the name of the thumbnail of the best moment among that video's."""
        pictured = [o for o in self.occurrences if o.get("thumbnail")]
        if not pictured:
            return None
        best = max(pictured, key=lambda o: float(o["quality"]))
        return best["video"], f"{best['signature']}.jpg"

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"id": self.id, "label": self.label}
        data |= {"label_distance": self.label_distance, "named_by_hand": self.named_by_hand}
        data |= {"ambiguous": list(self.ambiguous)} if self.ambiguous else {}
        data |= {"hidden": True} if self.hidden else {}
        return data | {"occurrences": self.occurrences}


class FaceIndex:
    """What `listing` computed of the faces of a folder: `.artifacts/.faces.index.json`.

    The mean vectors of the people are beside it in `.faces.index.npy`: float32, one row for each
    person in the order of the index. Both are a cache of the signatures of the videos.
    """

    NAME: ClassVar = ".faces.index.json"
    MEANS: ClassVar = ".faces.index.npy"
    CORRUPT: ClassVar = f"{NAME} is corrupt: listing --rebuild makes it again"
    # Types of values in the rows of each list.
    KINDS: ClassVar[Mapping[str, Mapping[str, Set[type]]]] = {
        "people": {"id": {int}, "label": {str, ABSENT}, "label_distance": NUMBER | {ABSENT}},
        "sources": {"video": {str}, "oshash": {str}, "model": {str}},
        "left_out": {"reason": {str}},
        "gallery": {"person": {str}, "file": {str}, "views": {str, ABSENT}, "note": {str}},
    }

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        """Raises KeyError, TypeError or ValueError for data that `listing` did not write."""
        blank: dict[str, Any] = {"people": [], "sources": [], "left_out": [], "params": {}}
        self.data = dict(blank if data is None else data)
        self.people = {row["id"]: self.person(row) for row in self.data["people"]}
        self.sources = {row["video"]: row for row in self.data["sources"]}
        self.model, self.next_id = self.data.get("model", ""), int(self.data.get("next", 1))

    @staticmethod
    def person(row: Mapping[str, Any]) -> Person:
        names = tuple(row.get("ambiguous", ()))
        label, distance = row["label"], row["label_distance"]
        return Person(row["id"], row["occurrences"], label, distance, ambiguous=names)

    def check(self) -> None:
        """Raise KeyError, TypeError or ValueError for content that `listing` did not write."""
        for name, kinds in self.KINDS.items():
            need_columns(self.data[name], kinds)
        kinds = {"model": {str}, "dimension": {int}, "scale": NUMBER, "videos": {int}}
        need_columns([self.data], kinds)
        names = ("cluster_eps", "cluster_min_samples", "label_threshold")
        need_columns([self.data["params"]], dict.fromkeys(names, NUMBER))
        people = self.people.values()
        if not {type(person.occurrences) for person in people} <= {list}:
            raise TypeError("occurrences are no list")
        need_occurrences(list(itertools.chain.from_iterable(p.occurrences for p in people)))
        ambiguous = itertools.chain.from_iterable(person.ambiguous for person in people)
        views = [decoded_bytes(row["views"] or "") for row in self.data["gallery"]]
        row_size = 4 * max(self.data["dimension"], 1)
        if not (
            {*map(type, ambiguous)} <= {str}
            and not any(len(rows) % row_size for rows in views)
            and all(map(is_video_name, self.sources))
        ):
            raise ValueError("it was not written by listing")

    @classmethod
    def read(cls, sidecar_dir: str) -> FaceIndex | None:
        """The index in a sidecar folder; None where there is none. Raises VideoError."""
        content = read_optional_file(Path(sidecar_dir, cls.NAME))
        if content is None:
            return None
        try:
            index = cls({**parse_json(content)})
            index.check()
        except (ValueError, LookupError, TypeError, AttributeError):
            raise VideoError(cls.CORRUPT) from None
        return index

    def means(self, sidecar_dir: str) -> Vectors | None:
        """The mean vectors of the people, a row for each; None where they are not of this index."""
        import numpy as np

        with contextlib.suppress(OSError, ValueError):
            content = read_file(Path(sidecar_dir, self.MEANS))
            if zlib.crc32(content) == self.data.get("means"):
                means: Vectors = np.load(io.BytesIO(content), allow_pickle=False)
                return means if len(means) == len(self.people) else None
        return None

    def write(self, sidecar_dir: str, means: Vectors) -> None:
        """Store the index and the mean vectors; the caller holds the lock of the folder."""
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, means.astype("<f4"), allow_pickle=False)
        self.data["means"] = zlib.crc32(buffer.getvalue())
        replace_file(Path(sidecar_dir, self.MEANS), buffer.getvalue())
        replace_file(Path(sidecar_dir, self.NAME), compact_json(self.data))
