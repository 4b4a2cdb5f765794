"""The words of a command line, before a parser tells flags and values apart."""

from __future__ import annotations

from collections.abc import Sequence

VALUED_FLAGS = ("--config", "--log")  # those with a value that may stand before the command


def split_line(words: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """The flags before the command, the command, and what follows it."""
    index = 0
    while index < len(words) and words[index].startswith("-"):
        index += 2 if words[index] in VALUED_FLAGS else 1
    command = words[index] if index < len(words) else ""
    return list(words[:index]), command, list(words[index + 1 :])
