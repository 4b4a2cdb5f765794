"""Option: a parameter declared once for flags, configuration, API and documentation."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

LARGEST_NUMBER = 2**53 - 1  # the largest integer that every reader of JSON takes exactly

# Types of parameters, each with what stands for its value in the help.
Seconds = Annotated[float, "SECONDS"]
Pixels = Annotated[int, "PIXELS"]
Percentage = Annotated[str, "NN%"]
Position = Annotated[str, "SECONDS|NN%|middle"]
ThumbnailPosition = Annotated[str, "SECONDS|NN%|middle|auto"]
Tolerance = Annotated[str, "SECONDS|NN%"]
HourSpan = Annotated[str, "HH[:MM]-HH[:MM]"]
BitRate = Annotated[str, "NUMBER[k|M]"]
Folder = Annotated[Path, "DIR"]
CodecNames = Annotated[str, "NAME[,NAME...]"]
Names = Annotated[tuple[str, ...], "NAME[,NAME...]"]
TagNames = Annotated[tuple[str, ...], "TAG[,TAG...]"]
TaskNames = Annotated[tuple[str, ...], "TASK[,TASK...]"]
FormatNames = Annotated[tuple[str, ...], "FORMAT[,FORMAT...]"]
ProfileNames = Annotated[tuple[str, ...], "PROFILE[,PROFILE...]"]
Extensions = Annotated[tuple[str, ...], "EXT[,EXT...]"]
FieldNames = Annotated[tuple[str, ...], "FIELD[,FIELD...]"]
VideoOrder = Literal[
    "name", "title", "size", "duration", "added", "height", "bitrate", "rating", "played", "random"
]
PixelList = Annotated[tuple[int, ...], "PIXELS[,PIXELS...]"]
# Of flags that take several words.
VideoNames = Annotated[tuple[str, ...], "VIDEO ..."]
VideoPair = Annotated[tuple[str, ...], "VIDEO VIDEO"]
TagPair = Annotated[tuple[str, ...], "OLD NEW"]
ForeignTags = Annotated[tuple[str, ...], "nfo|stash|xmp|hydrus FILE|DIR"]
PersonName = Annotated[tuple[str, ...], "N NAME"]
PersonNumbers = Annotated[tuple[int, ...], "N N ..."]
SignatureMove = Annotated[tuple[str, ...], "ID N|new"]
Origins = Annotated[tuple[str, ...], "ORIGIN ..."]


class Option:
    """One parameter of a command: from it come its flag, configuration key, API field and
    documentation.

    The type is the annotation beside it; `rules` are pydantic's bounds (ge, le, gt, pattern ...).
    `metavar` is what the help shows for its value. `unset` says what holds where it has no value:
    None, an empty one, or 0 for numbers. A `positional` one has no flag; `required` are those
    without which the command does nothing. `bare` is the value of a flag that stands without one;
    `many` lets a flag take several values; `names` gives the names that a list may hold, for those
    who offer a choice. `local` keeps it out of the API, as for all that name a program or a model;
    with `by_name` the API takes the names that its server allows. `changes_library` marks those
    that change or delete something, which no configuration found in a folder of videos may set.
    """

    def __init__(
        self,
        default: Any,
        doc: str,
        *,
        metavar: str = "",
        unset: str = "",
        short: str = "",
        positional: bool = False,
        required: bool = False,
        bare: str = "",
        many: bool = False,
        names: Callable[[], Iterable[str]] | None = None,
        local: bool = False,
        by_name: bool = False,
        changes_library: bool = False,
        **rules: Any,
    ) -> None:
        self.default, self.summary, self.rules = default, doc, rules
        self.metavar, self.unset = metavar, unset
        self.short, self.positional, self.required = short, positional, required
        self.bare, self.many, self.names = bare, many, names
        self.local, self.by_name = local, by_name
        self.changes_library = changes_library

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

    @property
    def spelled(self) -> str:
        """Its name in messages: the flag, or what stands for a word without one."""
        return (self.metavar or self.name.upper()) if self.positional else self.flag

    @property
    def has_zero(self) -> bool:
        """Whether 0 stands for no value."""
        is_number = isinstance(self.default, int | float) and not isinstance(self.default, bool)
        return bool(self.unset) and is_number

    @property
    def doc(self) -> str:
        """What it is, with what holds where it has no value."""
        if not self.unset:
            return self.summary
        ending = f"; 0: {self.unset}" if self.has_zero else f" (default: {self.unset})"
        return self.summary + ending

    def help(self, default: Any) -> str:
        """The line of the help, where this is the default that holds."""
        if isinstance(default, bool):
            return f"{self.summary} (default: on)" if default else self.summary
        zero = f"; 0: {self.unset}" if self.has_zero and default else ""
        shown = default_text(default) or self.unset
        if not shown or self.required or "default" in self.summary:
            return self.summary + zero
        return f"{self.summary}{zero} (default: {shown})"

    def placeholder(self, hint: Any) -> str:
        """What stands for the value in the help, for an option of that type."""
        return self.metavar or value_name(hint, self.many)

    def offered_values(self, hint: Any, placeholder: str) -> dict[str, Any]:
        """What shells offer as its values, as the attributes of an argparse action that shtab looks
        at: words to choose from, files or folders. `hint` is the type of the values, and
        `placeholder` what stands for them in the help."""
        import shtab

        if typing.get_origin(hint) is Literal:
            return {"choices": typing.get_args(hint)}
        if self.names:
            return {"choices": list(self.names())}
        if names_path(hint) or any(map(names_path, typing.get_args(hint))):
            only_folders = placeholder.startswith("DIR") and not self.positional
            return {"complete": shtab.DIRECTORY if only_folders else shtab.FILE}
        return {}


def default_text(value: Any) -> str:
    """A default as one would type it; an empty text for none, and for 0."""
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}" if value else ""
    return str(value or "")


def value_name(hint: Any, many: bool) -> str:
    """What stands for a value of that type in the help: `N`, `FILE`, `this|that`, `N[,N...]`."""
    if typing.get_origin(hint) is Annotated:
        return str(hint.__metadata__[0])
    types = [each for each in typing.get_args(hint) if each not in (type(None), ...)]
    if typing.get_origin(hint) is Literal:
        return "|".join(map(str, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        item = value_name(types[0], many)
        return f"{item} ..." if many else f"{item}[,{item}...]"
    if types:
        return value_name(types[0], many)
    return {int: "N", float: "NUMBER", Path: "FILE"}.get(hint, "TEXT")


def option(default: Any, doc: str, **more: Any) -> Any:
    """An Option as the body of a Command declares it: typed as the values that replace it."""
    return Option(default, doc, **more)


def names_path(hint: Any) -> bool:
    """Whether a parameter of that type names a file or folder."""
    return Path in (hint, *typing.get_args(hint))


def is_plain_choice(hint: Any) -> bool:
    """Whether a parameter is a number or one of a few words, which names nothing."""
    parts = [h for h in typing.get_args(hint) if h is not type(None)]
    if typing.get_origin(hint) is Literal:
        return True
    return hint in (int, float) or (bool(parts) and all(h in (int, float) for h in parts))


def need_path(value: object) -> object:
    """The value, one path or several. Raises ValueError for "", which would be the working folder,
    and for NUL bytes."""
    for path in value if isinstance(value, list | tuple) else [value]:
        if isinstance(path, str) and (not path or "\0" in path):
            raise ValueError("should name a file or folder")
    return value
