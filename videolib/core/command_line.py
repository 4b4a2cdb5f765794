"""Reading a command line: its words, and the arguments of argparse that options become.

Which commands there are, and which options each has, is for the caller.
"""

from __future__ import annotations

import argparse
import itertools
import re
import typing
from collections.abc import Collection, Sequence
from typing import Any

from videolib.core.errors import UsageError
from videolib.core.options import Option
from videolib.core.text import did_you_mean, printable

VALUED_FLAGS = ("--config", "--log")  # those with a value that may stand before the command


def split_line(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """The flags before the command, the command, and what follows it."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in VALUED_FLAGS else 1
    command = words[index] if index < len(words) else ""
    return list(words[:index]), command, list(words[index + 1 :])


def join_values(
    words: Sequence[str], valued: Collection[str], switches: Collection[str]
) -> list[str]:
    """Words in which a flag of `valued` is joined, by =, with a value that begins with a dash and
    is no switch."""
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in valued and re.match("-[^-]", word) and word not in switches:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def asks_for_json(words: Sequence[str]) -> bool:
    """Whether a command line, even one that is refused, is to be answered in JSON."""
    return (
        "--json" in words
        or "--output-format=json" in words
        or ("--output-format", "json") in itertools.pairwise(words)
    )


# === The parser ===================================================================================


class Parser(argparse.ArgumentParser):
    """An argument parser that raises UsageError where argparse would end the program."""

    def error(self, message: str) -> typing.NoReturn:
        raise UsageError(message)

    def read(self, words: Sequence[str]) -> dict[str, Any]:
        """The values of the flags and words on a line. Raises UsageError."""
        # Only the intermixed way lets flags stand between two positional words; it knows no `--`.
        one_pass = "--" in words
        parse = self.parse_known_args if one_pass else self.parse_known_intermixed_args
        values, unknown = parse(words)
        if unknown:
            flag = unknown[0].partition("=")[0]
            hint = did_you_mean(flag, self._option_string_actions)
            raise UsageError(f"unrecognized arguments: {printable(' '.join(unknown))}{hint}")
        return vars(values)


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help in which a flag's value stands once, after its last name."""

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return str(action.metavar)
        value = "" if action.nargs == 0 else f" {self._format_args(action, '')}"
        return ", ".join(action.option_strings) + value

    def _format_args(self, action: argparse.Action, default_metavar: str) -> str:
        if action.nargs == "+":
            return str(action.metavar)  # says itself how many there may be
        return super()._format_args(action, default_metavar)


class Switch(argparse.Action):
    """A flag that is on, or off where it begins with --no-."""

    def __init__(self, option_strings: Sequence[str], dest: str, **more: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **more)

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, not (option_string or "").startswith("--no-"))


def add_option(
    group: argparse._ActionsContainer, declared: Option, placeholder: str, default: Any
) -> None:
    """One parameter as argparse's argument; its default is shown, never applied."""
    doc = declared.help(default).replace("%", "%%")
    if declared.positional:
        count = "*" if declared.name == "directory" else "?"
        group.add_argument(declared.name, nargs=count, metavar=declared.spelled, help=doc)
        return
    flags = [declared.short, declared.flag] if declared.short else [declared.flag]
    dest = declared.name
    if isinstance(declared.default, bool):
        # What is off has no need of its opposite, unless a configuration turned it on.
        negative = f"--no-{declared.flag.removeprefix('--')}"
        shown = [*flags, negative] if default else flags
        group.add_argument(*shown, dest=dest, action=Switch, help=doc)
        if not default:
            group.add_argument(negative, dest=dest, action=Switch, help=argparse.SUPPRESS)
        return
    arity: dict[str, Any] = {"nargs": "?", "const": declared.bare} if declared.bare else {}
    if declared.many:
        arity = {"nargs": "+", "action": "extend"}
    group.add_argument(*flags, dest=dest, metavar=placeholder, help=doc, **arity)
    if dest == "output_format":
        constant: dict[str, Any] = {"action": "store_const", "const": "json"}
        group.add_argument("--json", dest=dest, help="short for --output-format json", **constant)


def add_general_flags(group: argparse._ActionsContainer) -> None:
    """The flags that stand before a command or after it, whatever that is."""
    group.add_argument("--config", metavar="FILE", help="a videorc.json to take defaults from")
    verbose, quiet = "say what is done with each video, and how long it took", "say errors only"
    group.add_argument("--verbose", action="store_true", help=verbose, default=argparse.SUPPRESS)
    group.add_argument("--quiet", action="store_true", help=quiet, default=argparse.SUPPRESS)
    group.add_argument("--log", metavar="FILE", help="append what is done to FILE, as JSON lines")
