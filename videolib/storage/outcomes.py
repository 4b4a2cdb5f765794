"""Outcome: what became of one video in one task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.runs import Status

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
