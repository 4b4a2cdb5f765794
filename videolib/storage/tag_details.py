"""What a tags file says of a video beside its names: a rating, whether it is a favourite, a note, a
date, and keys of others.

`details_in` gives what this program shows and changes, `attributes_in` all that queries ask for.
"""

from __future__ import annotations

import datetime
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from videolib.core.errors import UsageError
from videolib.core.text import UNPRINTABLE, fold, printable, utf8

BEST_RATING = 5
NOTE_LENGTH = 10_000  # characters of a note
YES_OR_NO = {"yes": True, "true": True, "no": False, "false": False}  # as texts, in lower case
ATTRIBUTES, ATTRIBUTE_LENGTH = 200, 1000  # values of a video, and characters of each, for queries


class Attribute(NamedTuple):
    """A value of a key in a tags file: its folded text, and its number where it is one."""

    key: str
    text: str
    number: float | None


def checked_rating(value: object) -> float:
    """A rating from 0 to BEST_RATING, rounded to tenths. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("is not a number")
    number = float(value)
    if not 0 <= number <= BEST_RATING:  # which NaN is not
        raise ValueError(f"is not from 0 to {BEST_RATING}")
    number = round(number, 1)
    return int(number) if number.is_integer() else number


def checked_favourite(value: object) -> Literal[True, ""]:
    """Whether a video is a favourite; an empty text where it is not, for then nothing is stored.
    Raises ValueError."""
    text = str(value).strip().lower() if isinstance(value, bool | str) else ""
    if text not in YES_OR_NO:
        raise ValueError("is not yes or no")
    return True if YES_OR_NO[text] else ""


def checked_note(value: object) -> str:
    """A note without white space around it. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError("is not a text")
    note = value.replace("\r\n", "\n").strip()
    if len(note) > NOTE_LENGTH:
        raise ValueError(f"has more than {NOTE_LENGTH:,} characters")
    if re.search(UNPRINTABLE, re.sub(r"[\n\t]", "", note)):
        raise ValueError("has control characters")
    return note


def checked_date(value: object) -> str:
    """A year, month or day such as 2024, 2024-01 or 2024-01-31. Raises ValueError."""
    text = value if isinstance(value, str) else ""
    match = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", text)
    try:
        year, month, day = (int(part or 1) for part in match.groups()) if match else (0, 0, 0)
        datetime.date(year, month, day)
    except ValueError:
        raise ValueError("is not a date such as 2024, 2024-01 or 2024-01-31") from None
    return text


DETAILS: dict[str, Callable[[object], Any]] = {
    "rating": checked_rating,
    "favourite": checked_favourite,
    "note": checked_note,
    "date": checked_date,
}


def checked_details(values: Mapping[str, Any]) -> dict[str, Any]:
    """New values of DETAILS; None, an empty text, and that it is no favourite take one away. Raises
    UsageError."""
    checked: dict[str, Any] = {}
    for key, value in values.items():
        try:
            new = "" if value in (None, "") else DETAILS[key](value)
            checked[key] = None if new == "" else new
        except ValueError as error:
            raise UsageError(f"{key}: {printable(str(value)[:40])} {error}") from None
    return checked


def details_in(record: Mapping[str, Any]) -> dict[str, Any]:
    """Those of DETAILS that a record has, but for empty ones. What somebody else wrote there and is
    none stays where it is, and counts as another key."""
    details = {}
    for key, check in DETAILS.items():
        try:
            value = check(record.get(key))
        except ValueError:
            continue
        if value != "":
            details[key] = value
    return details


def set_details(record: dict[str, Any], values: Mapping[str, Any], keep: bool = False) -> None:
    """Set checked values in a record; with `keep` those that it has stay as they are."""
    present = details_in(record) if keep else {}
    for key, value in values.items():
        if key in present:
            continue
        if value is None:
            record.pop(key, None)
        else:
            record[key] = value


def attributes_in(record: Mapping[str, Any], own_keys: frozenset[str]) -> list[Attribute]:
    """The values of all keys of a record but `own_keys`; those of nested objects have a dotted key.
    A list gives a value for each item."""
    values = (
        attribute
        for key, value in record.items()
        if key not in own_keys
        for attribute in _flattened(key, value, depth=4)
    )
    return list(dict.fromkeys(itertools.islice(values, ATTRIBUTES)))


def _flattened(key: str, value: object, depth: int) -> Iterator[Attribute]:
    if isinstance(value, Mapping) and depth:
        for name, inner in value.items():
            yield from _flattened(f"{key}.{name}", inner, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _flattened(key, item, depth - 1)
    elif isinstance(value, str | int | float):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        number = _number_in(text)
        yield Attribute(fold(utf8(key)), fold(utf8(text.strip()))[:ATTRIBUTE_LENGTH], number)


def _number_in(text: str) -> float | None:
    """The number that a text is, if it is one."""
    if not re.fullmatch(r"\s*-?\d{1,18}(\.\d{1,18})?\s*", text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None
