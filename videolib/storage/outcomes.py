"""Outcome: what became of one video in one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.runs import Status
from videolib.core.text import plural

if TYPE_CHECKING:
    from videolib.storage.videos import Video


class Outcome(NamedTuple):
    """What became of one video in one task; `facts` is what the parent process keeps of it."""

    kind: str
    status: Status
    error: str = ""
    note: str = ""
    facts: Mapping[str, Any] = {}

    def as_json(self, video: Video) -> dict[str, Any]:
        remarks = {"error": self.error, "note": self.note}
        row = {"video": video.rel, "status": str(self.status)}
        row |= {"files": self.facts["files"]} if "files" in self.facts else {}
        return row | {key: text for key, text in remarks.items() if text}


def broken_note(outcomes: Iterable[Mapping[str, Outcome]]) -> str:
    """How many videos were not tried as they are known to be broken, as a part of a line; by kind
    the outcomes of each video."""
    pairs = (pair for rows in outcomes for pair in rows.items())
    broken = {rel for rel, outcome in pairs if outcome.status is Status.BROKEN}
    count = plural(len(broken), "broken video")
    return f"; left out {count}: --retry tries again" if broken else ""
