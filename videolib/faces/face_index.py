"""The index of people of a folder: what `listing` computed, as it lies on disk."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import operator
import re
import typing
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from videolib.core.documents import compact_json
from videolib.core.errors import VideoError
from videolib.core.files import read_file, read_optional_file, replace_file
from videolib.core.text import LARGEST_INTEGER
from videolib.faces.vectors import decoded_bytes
from videolib.storage.names import SIDECARS

if TYPE_CHECKING:
    from videolib.core.arrays import Vectors


class Person(NamedTuple):
    """Someone in the videos of a folder.

    `occurrences` has a dict for every signature: video, signature, intervals, frames, time and
    quality of the best moment, `thumbnail` where there is a picture, `apart` with the signatures
    that are other people for sure. `ambiguous` are the names of a gallery that fit too equally, or
    the only one that might fit and is too far to be a label.
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
        """The ids of their signatures, each once: exact copies of a video have the same ones."""
        return dict.fromkeys(signatures_among(self.occurrences))

    @property
    def display_name(self) -> str:
        return f"#{self.id} {self.label}" if self.label else f"#{self.id}"

    def portrait(self) -> tuple[str, str] | None:
        """Video and file of the best picture of them in that video's artifacts."""
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


SIGNATURE_NAME = "[0-9a-f]{1,64}"


SIGNATURE_NAMES = re.compile(f"({SIGNATURE_NAME}\n)*")


def is_below(rel: Any) -> bool:
    """Whether something is the name of a video as a listed folder has it."""
    return isinstance(rel, str) and not {"", ".", "..", SIDECARS} & set(rel.split("/"))


def is_signature(name: Any) -> bool:
    """Whether something is the name of a signature as `embed` gives it."""
    return isinstance(name, str) and re.fullmatch(SIGNATURE_NAME, name) is not None


class Occurrences(Sequence[dict[str, Any]]):
    """A person's occurrences in the text of the index, one in a line, which is read where they are
    wanted: a new video concerns few people. Raises VideoError then for what `listing` did not
    write.
    """

    def __init__(self, text: bytes, about: dict[str, Any]) -> None:
        """`text`: a person as `FaceIndex.text_of` gives it, `about`: what its first line says."""
        self.text, self.length = text, text.count(b"\n")
        counts = int(about.pop("signatures")), int(about.pop("videos"))
        self.counts = dict(zip(("signature", "video"), counts, strict=True))
        self.about = {**about}

    def __len__(self) -> int:
        return self.length

    @typing.overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...

    @typing.overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...

    def __getitem__(self, at: int | slice) -> Any:
        lines = self.text.split(b"\n")[1:]
        if isinstance(at, slice) and (at.stop or 0) > 0:
            lines = lines[: at.stop]  # no more is read than is wanted
        try:
            found = parsed(b"[%b]" % b"".join(lines).removesuffix(b","))
            check_occurrences(found)
        except (ValueError, LookupError, TypeError):
            raise VideoError(FaceIndex.CORRUPT) from None
        return found[at]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self[:])

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Sequence) and list(self) == list(other))

    @property
    def signatures(self) -> list[str]:
        """Their signatures, found without reading the rest."""
        return [name.decode() for name in re.findall(rb'"signature": "([^"]*)"', self.text)]


def signatures_among(seen: Sequence[dict[str, Any]]) -> Iterable[str]:
    if isinstance(seen, Occurrences):
        return seen.signatures
    return map(operator.itemgetter("signature"), seen)


def distinct(name: Literal["signature", "video"], seen: Sequence[dict[str, Any]]) -> int:
    """How many signatures or videos there are among occurrences."""
    if isinstance(seen, Occurrences):
        return seen.counts[name]
    return len({*map(operator.itemgetter(name), seen)})


def check_occurrences(seen: Sequence[dict[str, Any]]) -> None:
    """Raises KeyError, TypeError or ValueError for what `listing` did not write. They lie in the
    library, whoever made that: no name among them may lead elsewhere.
    """

    def column(name: str) -> Iterator[Any]:
        return map(operator.itemgetter(name), seen)

    need_columns(seen, {"intervals": {list}, "quality": NUMBER, "time": NUMBER, "frames": {int}})
    names = "\n".join([*column("signature"), ""])
    runs = list(itertools.chain.from_iterable(column("intervals")))
    apart = itertools.chain.from_iterable(o["apart"] for o in seen if "apart" in o)
    if not (
        {*map(len, runs)} <= {2}
        and {*map(type, itertools.chain.from_iterable(runs))} <= NUMBER
        and {*map(type, apart)} <= {str}
        and all(map(is_below, {*column("video")}))
        and SIGNATURE_NAMES.fullmatch(names)
    ):
        raise ValueError("it was not written by listing")


NUMBER = frozenset({int, float})


ABSENT = type(None)


def need_columns(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, Set[type]]) -> None:
    """Raise KeyError, TypeError or ValueError where rows of a file have values of other kinds, or
    numbers beyond all sense.
    """
    for name, types in kinds.items():
        values = list(map(operator.itemgetter(name), rows))
        found = {*map(type, values)}
        numbers = filter(None, values) if found & NUMBER else ()
        if not found <= types or not max(map(abs, numbers), default=0) <= LARGEST_INTEGER:
            raise ValueError(f'"{name}" is no such thing')


class FaceIndex:
    """What `listing` computed of the faces of a folder, in `.artifacts/.faces.index.json` of it.

    The mean vectors of its people are beside it in `.faces.index.npy`, float32, one row for each in
    the order of the index. Both can be deleted: `listing` makes them again from the signatures.
    """

    NAME: ClassVar = ".faces.index.json"
    MEANS: ClassVar = ".faces.index.npy"
    BETWEEN: ClassVar = b"\n]},\n"  # after the occurrences of someone, and of the last one
    END: ClassVar = b"\n]}\n]}\n"
    CORRUPT: ClassVar = f"{NAME} is corrupt: listing --rebuild makes it again"
    # What is in the rows of its lists.
    KINDS: ClassVar[Mapping[str, Mapping[str, Set[type]]]] = {
        "people": {"id": {int}, "label": {str, ABSENT}, "label_distance": NUMBER | {ABSENT}},
        "sources": {"video": {str}, "oshash": {str}, "model": {str}},
        "left_out": {"reason": {str}},
        "gallery": {"person": {str}, "file": {str}, "views": {str, ABSENT}, "note": {str}},
    }

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        """Raises KeyError, TypeError or ValueError for what `listing` did not write."""
        blank: dict[str, Any] = {"people": [], "sources": [], "left_out": [], "params": {}}
        self.data = dict(blank if data is None else data)
        self.people = {p["id"]: self.person(p) for p in self.data["people"]}
        self.sources = {s["video"]: s for s in self.data["sources"]}
        self.model, self.next = self.data.get("model", ""), int(self.data.get("next", 1))

    @staticmethod
    def person(data: Mapping[str, Any]) -> Person:
        names = tuple(data.get("ambiguous", ()))
        label, distance = data["label"], data["label_distance"]
        return Person(data["id"], data["occurrences"], label, distance, ambiguous=names)

    def check(self) -> None:
        """Raises KeyError, TypeError or ValueError for what `listing` did not write."""
        for name, kinds in self.KINDS.items():
            need_columns(self.data[name], kinds)
        kinds = {"model": {str}, "dimension": {int}, "scale": NUMBER, "videos": {int}}
        need_columns([self.data], kinds)
        names = ("cluster_eps", "cluster_min_samples", "label_threshold")
        need_columns([self.data["params"]], dict.fromkeys(names, NUMBER))
        everyone = [person.occurrences for person in self.people.values()]
        check_occurrences([o for seen in everyone if isinstance(seen, list) for o in seen])
        guesses = itertools.chain.from_iterable(p.ambiguous for p in self.people.values())
        shown = [decoded_bytes(row["views"] or "") for row in self.data["gallery"]]
        if not (
            {*map(type, guesses)} <= {str}
            and not any(len(views) % (4 * max(self.data["dimension"], 1)) for views in shown)
            and all(map(is_below, self.sources))
        ):
            raise ValueError("it was not written by listing")

    @classmethod
    def read(cls, sidecar_dir: str, whole: bool = True) -> FaceIndex | None:
        """The index in an artifact folder; None where none was made. Raises VideoError.

        What people have as occurrences may be read later, if not all is wanted as a whole.
        """
        content = read_optional_file(Path(sidecar_dir, cls.NAME))
        if content is None:
            return None
        try:
            data = None if whole else cls.unread(content)
            data = data or parsed(content)
            for person in data["people"]:
                for name in ("signatures", "videos"):
                    person.pop(name, None)
            index = cls(data)
            index.check()
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise VideoError(cls.CORRUPT) from None
        return index

    @classmethod
    def unread(cls, content: bytes) -> dict[str, Any] | None:
        """An index without its occurrences read; None where it is not as `write` left it, but as
        `rename` or `people --forget` did.
        """
        begin = content.find(b"\n") + 1
        try:
            data: dict[str, Any] = parsed(content[:begin] + b"]}")
        except ValueError:
            return None
        if zlib.crc32(memoryview(content)[begin:]) != data.get("check"):
            return None
        texts = list(filter(None, content[begin : -len(cls.END)].split(cls.BETWEEN)))
        abouts = b",".join(text[: text.find(b"\n")] + b"]}" for text in texts)
        data["people"] = parsed(b"[%b]" % abouts)
        for person, text in zip(data["people"], texts, strict=True):
            del person["occurrences"]
            person["occurrences"] = Occurrences(text, person)
        return data

    def means(self, sidecar_dir: str) -> Vectors | None:
        """The mean vectors of the people in their order; None where they do not belong to this."""
        import numpy as np

        with contextlib.suppress(OSError, ValueError):
            content = read_file(Path(sidecar_dir, self.MEANS))
            if zlib.crc32(content) == self.data.get("means"):
                means: Vectors = np.load(io.BytesIO(content), allow_pickle=False)
                return means if len(means) == len(self.people) else None
        return None

    def write(self, sidecar_dir: str, means: Vectors) -> None:
        """Put it, with the means, in the place of an older one; caller has the lock."""
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, means.astype("<f4"), allow_pickle=False)
        self.data["means"] = zlib.crc32(buffer.getvalue())
        replace_file(Path(sidecar_dir, self.MEANS), buffer.getvalue())
        texts = map(self.text_of, self.data["people"])
        rest = self.BETWEEN.join(texts) + (self.END if self.people else b"]}\n")
        self.data["check"] = zlib.crc32(rest)
        replace_file(Path(sidecar_dir, self.NAME), b"%b\n%b" % (opened(self.data, "people"), rest))

    @staticmethod
    def text_of(person: Mapping[str, Any]) -> bytes:
        """Someone as in the file: what is known of them, and each occurrence in a line."""
        seen = person["occurrences"]
        about = {key: value for key, value in person.items() if key != "occurrences"}
        if isinstance(seen, Occurrences) and seen.about == about:
            return seen.text
        about |= {"signatures": distinct("signature", seen), "videos": distinct("video", seen)}
        return b"%b\n%b" % (opened(about, "occurrences"), b",\n".join(map(compact_json, seen)))


def parsed(content: bytes) -> Any:
    """JSON in half the time that json takes, as there may be 100,000 signatures; except with names
    that are not UTF-8, which only json reads. Raises ValueError or RecursionError.
    """
    import pydantic_core

    if rb"\udc" in content:
        return json.loads(content)
    return pydantic_core.from_json(content, allow_inf_nan=False, cache_strings="keys")


def opened(data: Mapping[str, Any], name: str) -> bytes:
    """An object in one line, up to where the list of that name begins, which comes last."""
    rest = {key: value for key, value in data.items() if key != name}
    return compact_json(rest | {name: []}).removesuffix(b"]}")
