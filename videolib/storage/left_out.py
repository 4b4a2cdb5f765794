"""What was left out of a walk: videos of other types than a request takes, counted and said."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from videolib.core.console import Level
from videolib.core.text import plural
from videolib.storage.video_types import by_frequency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from videolib.core.runs import Job, Result
    from videolib.storage.folders import Library


def left_out_of(libraries: Iterable[Library]) -> dict[str, int]:
    """The number of videos by extension that were left out; libraries of one folder count once."""
    counts = Counter[str]()
    for library in libraries:
        counts |= Counter(library.left_out)
    return by_frequency(counts)


def left_out_line(left_out: Mapping[str, int]) -> str:
    """The same as text, with the flag that takes them; there is at least one."""
    total = sum(left_out.values())
    types = ", ".join(f"{extension} {count:,}" for extension, count in left_out.items())
    verb, pronoun = ("is", "it") if total == 1 else ("are", "them")
    return f"{plural(total, 'other video')} ({types}) {verb} left out: --ext '*' takes {pronoun}"


def with_left_out(
    result: Result, libraries: Iterable[Library], job: Job, is_said: bool = False
) -> Result:
    """A result with what was left out of the libraries that were walked; a line says so, unless
    that is said already.

    An array stays one. A command that has a field `left_out` of its own keeps it, and these counts
    stand in `left_out_types`.
    """
    left_out = left_out_of(libraries)
    if not left_out:
        return result
    if not is_said:
        job.console.say(left_out_line(left_out), Level.WARNING)
    if not isinstance(result.data, dict):
        return result
    field = "left_out_types" if "left_out" in result.data else "left_out"
    return result._replace(data=result.data | {field: left_out})
