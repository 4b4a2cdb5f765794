"""How a parameter is declared, once for flags, configuration, API and documentation."""

from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

LARGEST_NUMBER = 2**53 - 1  # of those that every reader of JSON, and every database, can count


class Option:
    """One parameter of a command: from it come its flag, configuration key, API field and
    documentation.

    The type is the annotation beside it; `rules` are pydantic's bounds (ge, le, gt, pattern ...).
    `place` makes it positional; `bare` is what its flag means without a value; `many` lets the flag
    take several values; `local` keeps it out of the API, as what names a program or a model must;
    `changes_library` marks what changes something that is there, which no configuration found in a
    folder may ask for.
    """

    def __init__(
        self,
        default: Any,
        doc: str,
        *,
        short: str = "",
        place: bool = False,
        bare: str = "",
        many: bool = False,
        local: bool = False,
        changes_library: bool = False,
        **rules: Any,
    ) -> None:
        self.default, self.doc, self.rules = default, doc, rules
        self.short, self.place, self.bare, self.many = short, place, bare, many
        self.local, self.changes_library = local, changes_library

    def __set_name__(self, owner: type, name: str) -> None:
        # As everywhere in Python, a trailing underscore keeps a name clear of another.
        self.attribute, self.name = name, name.rstrip("_")

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")


def option(default: Any, doc: str, **more: Any) -> Any:
    """Declare a parameter in the body of a Command: an Option, in the place of its values."""
    return Option(default, doc, **more)


def names_path(hint: Any) -> bool:
    """Whether a parameter of that type names a file or folder."""
    return Path in (hint, *typing.get_args(hint))


def need_path(value: object) -> object:
    """One path or several; an empty text would mean the working folder. Raises ValueError."""
    for text in value if isinstance(value, list | tuple) else [value]:
        if isinstance(text, str) and (not text or "\0" in text):
            raise ValueError("should name a file or folder")
    return value
