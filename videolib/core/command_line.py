"""The words of a command line, before a parser tells flags and values apart."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

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
