"""Option: a parameter declared once for flags, configuration, API and documentation."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

LARGEST_NUMBER = 2**53 - 1  # the largest integer that every reader of JSON takes exactly


class Option:
    """One parameter of a command: from it come its flag, configuration key, API field and
    documentation.

    The type is the annotation beside it; `rules` are pydantic's bounds (ge, le, gt, pattern ...).
    A `positional` one has no flag. `bare` is the value of a flag that stands without one; `many`
    lets a flag take several values; `names` gives the names that a list may hold, for those who
    offer a choice. `local` keeps it out of the API, as for all that name a program
    or a model; `changes_library` marks those that change or delete something, which no
    configuration found in a folder of videos may set.
    """

    def __init__(
        self,
        default: Any,
        doc: str,
        *,
        short: str = "",
        positional: bool = False,
        bare: str = "",
        many: bool = False,
        names: Callable[[], Iterable[str]] | None = None,
        local: bool = False,
        changes_library: bool = False,
        **rules: Any,
    ) -> None:
        self.default, self.doc, self.rules = default, doc, rules
        self.short, self.positional, self.bare, self.many = short, positional, bare, many
        self.names, self.local, self.changes_library = names, local, changes_library

    def __set_name__(self, owner: type, name: str) -> None:
        # As everywhere in Python, a trailing underscore keeps a name clear of another.
        self.attribute, self.name = name, name.rstrip("_")

    @property
    def flag(self) -> str:
        """Its flag on a command line."""
        return "--" + self.name.replace("_", "-")

    def complete_schema(self, schema: dict[str, Any]) -> None:
        """Add to the JSON schema of its values the names that a list may hold."""
        if self.names:
            schema["items"]["enum"] = list(self.names())


def option(default: Any, doc: str, **more: Any) -> Any:
    """An Option as the body of a Command declares it: typed as the values that replace it."""
    return Option(default, doc, **more)


def names_path(hint: Any) -> bool:
    """Whether a parameter of that type names a file or folder."""
    return Path in (hint, *typing.get_args(hint))


def need_path(value: object) -> object:
    """The value, one path or several. Raises ValueError for "", which would be the working folder,
    and for NUL bytes."""
    for path in value if isinstance(value, list | tuple) else [value]:
        if isinstance(path, str) and (not path or "\0" in path):
            raise ValueError("should name a file or folder")
    return value
