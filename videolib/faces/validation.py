"""Checks of what is read from files about faces, which lie in the library, whoever wrote them."""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from videolib.core.text import LARGEST_INTEGER
from videolib.storage.names import SIDECARS

NUMBER = frozenset({int, float})
ABSENT = type(None)
SIGNATURE_ID = "[0-9a-f]{1,64}"
SIGNATURE_ID_LINES = re.compile(f"({SIGNATURE_ID}\n)*")


def finite(value: Any) -> float:
    """A finite number. Raises ValueError or TypeError for anything else."""
    try:
        number = float(value)
    except OverflowError as error:  # of an integer
        raise ValueError(str(error)) from None
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


def is_signature(value: Any) -> bool:
    """Whether a value is a signature's id as `embed` makes them."""
    return isinstance(value, str) and re.fullmatch(SIGNATURE_ID, value) is not None


def is_video_name(value: Any) -> bool:
    """Whether a value is the name of a video relative to the listed folder, and leads nowhere
    else.
    """
    return isinstance(value, str) and not {"", ".", "..", SIDECARS} & set(value.split("/"))


def need_columns(rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, Set[type]]) -> None:
    """Check that the named values of all rows are of the given types, and that no number among
    them is beyond 64 bits. Raises KeyError, TypeError or ValueError.
    """
    for name, types in kinds.items():
        values = list(map(operator.itemgetter(name), rows))
        value_types = {*map(type, values)}
        numbers = filter(None, values) if value_types & NUMBER else ()
        if not value_types <= types or not max(map(abs, numbers), default=0) <= LARGEST_INTEGER:
            raise ValueError(f'"{name}" is no such thing')


def need_occurrences(occurrences: Sequence[Mapping[str, Any]]) -> None:
    """Check occurrences column by column, as there may be 100,000 of them.

    Raises KeyError, TypeError or ValueError.
    """

    def column(name: str) -> Iterator[Any]:
        return map(operator.itemgetter(name), occurrences)

    kinds = {"intervals": {list}, "quality": NUMBER, "time": NUMBER, "frames": {int}}
    need_columns(occurrences, kinds)
    ids = "\n".join([*column("signature"), ""])
    intervals = list(itertools.chain.from_iterable(column("intervals")))
    apart = itertools.chain.from_iterable(o["apart"] for o in occurrences if "apart" in o)
    if not (
        {*map(len, intervals)} <= {2}
        and {*map(type, itertools.chain.from_iterable(intervals))} <= NUMBER
        and {*map(type, apart)} <= {str}
        and all(map(is_video_name, {*column("video")}))
        and SIGNATURE_ID_LINES.fullmatch(ids)
    ):
        raise ValueError("it was not written by listing")
