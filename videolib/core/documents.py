"""JSON documents: reading them, and writing long ones piece by piece."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from videolib.core.files import content_of, rename_new
from videolib.core.text import utf8


def keep_corrupt(target: Path) -> str:
    """Set aside a JSON file that cannot be read, and say so."""
    if not target.is_file() or read_json(target) is not None:
        return ""
    return f"the old one was corrupt and is kept as {set_aside(target)}"


def set_aside(path: Path) -> str:
    """Rename a corrupt file to one with .corrupt- and the time at its end, never over another."""
    for moment in itertools.count(time.time_ns() // 10**9):
        kept = path.with_name(f"{path.name[:225]}.corrupt-{moment}")
        with contextlib.suppress(FileExistsError):
            rename_new(path, kept)
            break
    return kept.name


def read_json(path: str | Path) -> dict[str, Any] | None:
    """The object in a JSON file, or None where there is no readable one."""
    try:
        data = json.loads(content_of(path))
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


class RawJson(str):
    """A JSON document that is text already."""

    __slots__ = ()


class JsonRows(Collection[Any]):
    """A long list for a JSON document, kept as compressed text: that of 100,000 videos takes 3 MB,
    not 100. What JSON cannot hold is refused when it is made; reading it gives copies."""

    PACK: ClassVar = 1000  # rows

    def __init__(self, rows: Iterable[Any]) -> None:
        self.packs, self.count, rest = list[bytes](), 0, iter(rows)
        while some := list(itertools.islice(rest, self.PACK)):
            self.packs.append(zlib.compress(json_text(some)[1:-2].encode(), 1))
            self.count += len(some)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        for text in self.texts():
            yield from json.loads(f"[{text}]")

    def __contains__(self, row: object) -> bool:
        return any(row == own for own in self)

    def texts(self) -> Iterator[str]:
        """The rows in JSON, many at a time, indented as in a list."""
        return (zlib.decompress(pack).decode() for pack in self.packs)

    def pieces(self, margin: str) -> Iterator[str]:
        """The list in JSON, as it stands below a line that begins with `margin`."""
        lead = "["
        for text in self.texts():
            yield lead + text.replace("\n", f"\n{margin}")
            lead = ","
        yield f"\n{margin}]" if self.packs else "[]"


def json_pieces(data: Any, indent: int | None = 2) -> Iterator[str]:
    """One JSON document in valid UTF-8, piece by piece: undecodable bytes of names are escaped as
    surrogates. What JSON cannot hold raises before the first piece."""
    long, mark = list[JsonRows](), os.urandom(16).hex()

    def put(value: Any) -> Any:
        if not isinstance(value, JsonRows):
            if isinstance(value, Sequence):
                return list(value)
            raise TypeError(f"{type(value).__name__} is nothing for JSON")
        if indent is None:
            return list(value)
        long.append(value)
        return mark

    text = json.dumps(data, ensure_ascii=False, indent=indent, allow_nan=False, default=put)
    if not text.isascii():  # of 100,000 videos, a copy would be large
        text = utf8(text)
    first, *others = text.split(f'"{mark}"') if long else [text]
    yield first
    for rows, before, after in zip(long, [first, *others], others, strict=False):
        line = before.rpartition("\n")[2]
        yield from rows.pieces(line[: len(line) - len(line.lstrip())])
        yield after


def json_text(data: Any, indent: int | None = 2) -> str:
    """One JSON document as `json_pieces` gives it, in one piece."""
    return data if isinstance(data, RawJson) else "".join(json_pieces(data, indent))


def json_bytes(data: Any) -> bytes:
    return (json_text(data) + "\n").encode()
