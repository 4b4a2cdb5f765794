"""Parameters that fresh artifacts were made with, where they are others than those asked for.

Such an artifact is fresh: it is skipped, and a line says how many there are. `--changed` has just
these made again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from videolib.core.documents import json_text

OTHER = "made with other parameters"


def differing_parameters(
    recorded: Mapping[str, Any], wanted: Mapping[str, Any], optional: Collection[str] = ()
) -> str:
    """The recorded parameters that differ from the wanted ones, as `interval 10, width 320`.

    Those that an earlier version of the program did not have, or that only one side has, say
    nothing; nor do `optional` ones. An empty text: there are none.
    """
    comparable = json.loads(json_text(wanted, None))  # tuples are lists in a record
    names = [n for n in comparable if n in recorded and n not in optional]
    different = [name for name in names if recorded[name] != comparable[name]]
    return ", ".join(f"{name} {shown(recorded[name])}" for name in different)


def shown(value: Any) -> str:
    """The value of a parameter as a line has it."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ",".join(map(str, value)) or "none"
    return str(value) if value not in ("", None) else "none"


def note_of(differences: str) -> str:
    """What is said of one video whose artifact was made with such parameters, if there are any."""
    return f"{OTHER} ({differences})" if differences else ""


def other_parameter_lines(notes: Mapping[str, Counter[str]]) -> Iterator[str]:
    """A line for each kind of artifact; `notes` counts the differences of its videos."""
    for kind, counts in notes.items():
        if not counts:
            continue
        total, (most, most_count) = counts.total(), counts.most_common(1)[0]
        which = most if most_count == total else f"most of them {most}"
        verb, pronoun = ("is", "it") if total == 1 else ("are", "them")
        advice = f"--force makes {pronoun} again, --changed {pronoun} alone"
        yield f"{kind}: {total:,} {verb} {OTHER} ({which}): {advice}"
