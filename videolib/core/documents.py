"""JSON documents: parsing, reading and writing them, long lists of rows piece by piece."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import sys
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from videolib.core.files import read_file, rename_new
from videolib.core.sandbox import wall
from videolib.core.text import utf8


def finite_number(text: str) -> float:
    """The number in a JSON document. Raises ValueError for NaN, Infinity and what is as large as
    that to a float: nothing can be computed with it, and JSON cannot hold it again."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is not JSON")
    return number


def distinct_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members. Raises ValueError where a key is there twice: one of the values
    would be lost when it is written again."""
    members = dict(pairs)
    if len(members) < len(pairs):
        key = next(key for number, (key, _) in enumerate(pairs) if key in dict(pairs[:number]))
        raise ValueError(f'"{key[:20]}" is there twice')
    return members


# How documents are read: where nothing else is said, such as can be written again; such as users
# edit have no key twice, too.
_numbers: dict[str, Any] = {"parse_float": finite_number, "parse_constant": finite_number}
LASTING_JSON = json.JSONDecoder(**_numbers)
EDITED_JSON = json.JSONDecoder(**_numbers, object_pairs_hook=distinct_keys)
DEEPEST = 900  # levels of objects and arrays in a document; more are nobody's, but an attack
# Python 3.11 decodes as deeply as its stack goes, 1,000 levels; 3.12 some 1,500 and 3.13 10,000.
DECODES_DEEP = sys.version_info >= (3, 12)


def parse_json(content: str | bytes, decoder: json.JSONDecoder = LASTING_JSON) -> Any:
    """The value of a JSON document. Raises ValueError, also where it is nested too deeply."""
    if isinstance(content, bytes):
        content = content.decode(json.detect_encoding(content), "surrogatepass")
    try:
        value = decoder.decode(content)
    except RecursionError as error:
        raise ValueError(str(error)) from None
    may_be_deep = DECODES_DEEP and content.count("[") + content.count("{") > DEEPEST
    if may_be_deep and is_nested_deeper(value, DEEPEST):
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    return value


def is_nested_deeper(value: Any, levels: int) -> bool:
    """Whether a value of JSON has more objects and arrays in each other than that."""
    containers = [value]
    for _ in range(levels):
        parts = [part.values() if type(part) is dict else part for part in containers]
        children = itertools.chain.from_iterable(parts)
        containers = [child for child in children if type(child) in (dict, list)]
    return bool(containers)


def read_json(path: str | Path, decoder: json.JSONDecoder = LASTING_JSON) -> dict[str, Any] | None:
    """The object in a JSON file, or None where there is no readable one.

    Raises PermissionError where the sandbox refuses it, which does not say whether there is one.
    """
    try:
        data = parse_json(read_file(path), decoder)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and wall.refused(error):
            raise
        return None
    return data if isinstance(data, dict) else None


def set_aside_corrupt(target: Path) -> str:
    """Set aside a JSON file that read_json cannot read; the note about that, or ""."""
    if not target.is_file() or read_json(target) is not None:
        return ""
    return f"the old one was corrupt and is kept as {set_aside(target)}"


def set_aside(path: Path) -> str:
    """Rename a corrupt file, never over another; its new name ends in .corrupt- and the time."""
    for seconds in itertools.count(time.time_ns() // 10**9):
        new = path.with_name(f"{path.name[:225]}.corrupt-{seconds}")
        with contextlib.suppress(FileExistsError):
            rename_new(path, new)
            break
    return new.name


class RawJson(str):
    """A JSON document that is text already."""

    __slots__ = ()


class JsonRows(Collection[Any]):
    """Rows for a JSON document, kept as compressed JSON: those of 100,000 videos take 3 MB, not
    100. Iterating gives copies. Making one raises ValueError or TypeError for what JSON cannot
    hold.
    """

    BLOCK: ClassVar = 1000  # rows that are compressed together

    def __init__(self, rows: Iterable[Any]) -> None:
        self.packed, self.count, iterator = list[bytes](), 0, iter(rows)
        while block := list(itertools.islice(iterator, self.BLOCK)):
            text = json.dumps(block, allow_nan=False)
            self.packed.append(zlib.compress(text.encode(), 1))
            self.count += len(block)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.blocks())

    def __contains__(self, row: object) -> bool:
        return any(row == other for other in self)

    def blocks(self) -> Iterator[list[Any]]:
        """The rows, BLOCK at a time."""
        return (json.loads(zlib.decompress(packed)) for packed in self.packed)


def json_pieces(data: Any, indent: int | None = 2) -> Iterator[str]:
    """One JSON document in valid UTF-8, that of a long JsonRows in many pieces.

    Undecodable bytes of names are escaped as surrogates. Raises ValueError or TypeError, before the
    first piece, for what JSON cannot hold.
    """
    streamed = []

    def convert(value: Any) -> list[Any]:
        if isinstance(value, JsonRows) and indent is not None:
            streamed.append(value)
            return []
        if isinstance(value, JsonRows | Sequence):
            return list(value)
        raise TypeError(f"{type(value).__name__} is nothing for JSON")

    encoder = json.JSONEncoder(ensure_ascii=False, indent=indent, allow_nan=False, default=convert)
    text = encoder.encode(data)
    pieces = container_pieces(data, encoder.encode, "\n") if streamed else [text]
    return map(utf8, pieces)


def container_pieces(data: Any, encode: Callable[[Any], str], newline: str) -> Iterator[str]:
    """JSON of a small document around JsonRows; `newline` is a line break and the indentation."""
    if isinstance(data, JsonRows):
        yield from row_pieces(data, encode, newline)
        return
    items: list[tuple[str, Any]] = []
    if isinstance(data, dict):
        items, brackets = [(f"{encode(name)}: ", value) for name, value in data.items()], "{}"
    elif isinstance(data, list | tuple):
        items, brackets = [("", value) for value in data], "[]"
    if not items:
        yield encode(data)
        return
    separator = brackets[0]
    for label, value in items:
        yield f"{separator}{newline}  {label}"
        yield from container_pieces(value, encode, f"{newline}  ")
        separator = ","
    yield newline + brackets[1]


def row_pieces(rows: JsonRows, encode: Callable[[Any], str], newline: str) -> Iterator[str]:
    """JSON of rows, a block at a time."""
    separator = "["
    for block in rows.blocks():
        text = encode(block).replace("\n", newline)
        yield separator + text.removeprefix("[").removesuffix(f"{newline}]")
        separator = ","
    yield f"{newline}]" if rows else "[]"


def json_text(data: Any, indent: int | None = 2) -> str:
    """One JSON document as `json_pieces` gives it, in one piece; RawJson as it is."""
    return data if isinstance(data, RawJson) else "".join(json_pieces(data, indent))


def json_bytes(data: Any) -> bytes:
    """The content of a JSON file: indented, in UTF-8, with a line break at its end."""
    return (json_text(data) + "\n").encode()


def compact_json(data: Any) -> bytes:
    """JSON in one line, for large documents: indenting them takes longer than writing them."""
    return json_text(data, indent=None).encode()
