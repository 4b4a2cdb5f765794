"""Which videos and kinds of artifacts a job has touched: clients ask again for those only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from index import (
    COMMANDS,
    Codecs,
    Compare,
    Dupes,
    ListVideos,
    Orphans,
    Report,
    SubtitleSearch,
    VideoTask,
)
from videolib.core.runs import Status

if TYPE_CHECKING:
    from index import Command

MOST_VIDEOS = 500  # that are named: with more of them clients ask for everything they show
READING = (Codecs, Compare, ListVideos, Report, SubtitleSearch)  # commands that change nothing
UNTOUCHED = frozenset({str(Status.SKIPPED), str(Status.CANCELLED)})  # statuses in a result


def touched_by(command: Command, data: Any) -> dict[str, list[str] | None] | None:
    """{videos, kinds} that a command has touched, by its result; `videos` is None where they are
    too many to name. None: not known, so anything may be another."""
    if only_looks(command):
        return {"videos": [], "kinds": []}
    reports = data.get("tasks", [data]) if isinstance(data, dict) else []
    if not reports or not all(is_artifact_report(report) for report in reports):
        return None
    rows = [(report["task"], row) for report in reports for row in report["results"]]
    changed = [(task, row["video"]) for task, row in rows if row["status"] not in UNTOUCHED]
    videos = sorted({video for _, video in changed})
    kinds = sorted(kinds_of(task for task, _ in changed))
    return {"videos": videos if len(videos) <= MOST_VIDEOS else None, "kinds": kinds}


def only_looks(command: Command) -> bool:
    """Whether a command changes nothing, as its options stand."""
    if isinstance(command, Dupes):
        acts = command.apply != "report" or command.undo or command.compute
        return not (acts or command.ignore or command.unignore)
    if isinstance(command, Orphans):
        return not (command.relink or command.delete or command.undo)
    return isinstance(command, READING)


def is_artifact_report(report: Any) -> bool:
    """Whether a part of a result is what became of the artifacts of videos."""
    if not isinstance(report, Mapping) or "results" not in report:
        return False
    return bool(kinds_of([str(report.get("task"))]))


def kinds_of(tasks: Iterable[str]) -> set[str]:
    """The kinds of the artifacts that these tasks make."""
    commands = (COMMANDS.get(task) for task in tasks)
    return {c.artifact.kind for c in commands if c and issubclass(c, VideoTask)}
