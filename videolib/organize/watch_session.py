"""A watch that goes on: what is done with each batch of a LibraryWatcher, and the sums of it.

Artifacts follow videos that were moved; then `make`, which the caller gives, makes what is missing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.console import Level
from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.runs import Result
from videolib.core.text import clock, printable
from videolib.organize.orphans import find_orphans, follow_moves, relink_moved

if TYPE_CHECKING:
    from videolib.catalogue.watching import LibraryWatcher, WatchedBatch
    from videolib.core.runs import Job
    from videolib.storage.folders import Library
    from videolib.storage.steps import LibraryPaths


class MadeBatch(NamedTuple):
    """What came of the videos of a batch: a report of each task, {task, format?, counts, ...}, the
    videos that are to be tried again, and those that have not been begun."""

    reports: Sequence[Mapping[str, Any]]
    failed: Collection[str]
    unbegun: Collection[str]


class WatchSession:
    """Handles the batches of a watcher. `make` is called with a job and paths of videos from the
    root of the library, `say` with messages and their levels."""

    def __init__(
        self,
        library: Library,
        paths: LibraryPaths,
        watcher: LibraryWatcher,
        make: Callable[[Job, Sequence[str]], MadeBatch],
        say: Callable[[str, Level], None],
    ) -> None:
        self.library, self.paths, self.watcher = library, paths, watcher
        self.make, self.say = make, say
        self.counts: dict[str, Counter[str]] = {}
        self.moved, self.started = 0, time.monotonic()

    def batches(self, job: Job, may_work: Callable[[], bool]) -> Iterator[WatchedBatch]:
        """The batches to handle, until the job is cancelled; see LibraryWatcher. What was moved
        while nobody watched is put right before."""
        orphans, _ = find_orphans(job, self.library)
        self._follow(attempt(relink_moved, job, self.paths, orphans, self.library.videos()))
        yield from self.watcher.batches(job.cancelled.is_set, may_work)

    def handle(self, job: Job, batch: WatchedBatch) -> list[Mapping[str, Any]]:
        """Do what is to be done for a batch; returns the reports of the tasks. Raises
        CancelledError, and VideoError where the library is gone."""
        if batch.gone:
            videos = map(self.library.video, batch.videos)
            arguments = (job, self.library, self.paths, batch.gone, videos)
            self._follow(attempt(follow_moves, *arguments))
        made = attempt(self.make, job, batch.videos)
        if isinstance(made, Failure):
            self.watcher.finish(batch, batch.videos, ())
            raise VideoError(made.reason)
        # Who cancelled the job of a batch does not want it to begin anew at once.
        self.watcher.finish(batch, made.failed, () if job.cancelled.is_set() else made.unbegun)
        for report in made.reports:
            task = f"{report['task']} {report.get('format', '')}".rstrip()
            self.counts.setdefault(task, Counter()).update(report["counts"])
        return list(made.reports)

    def _follow(self, moved: list[tuple[str, str]] | Failure) -> None:
        """Say which artifacts followed their videos, or why none did."""
        if isinstance(moved, Failure):
            reason = printable(moved.reason)
            self.say(f"artifacts of moved videos stay where they are: {reason}", Level.ERROR)
            return
        self.moved += len(moved)
        for old, new in moved:
            self.say(f"{printable(old)} is now {printable(new)}: its artifacts follow", Level.INFO)

    def result(self, job: Job) -> Result:
        """What was done in all: {task, seconds, moved, tasks: [{task, counts}]}."""
        seconds = time.monotonic() - self.started
        data = {"task": "watch", "seconds": round(seconds, 1), "moved": self.moved}
        reports = [{"task": task, "counts": dict(n)} for task, n in self.counts.items()]
        lines = [
            f"{task}: {n['made']:,} made, {n['failed']:,} failed" for task, n in self.counts.items()
        ]
        lines.append(f"watched for {clock(seconds)}; {self.moved:,} moved")
        return Result({**data, "tasks": reports}, "\n".join(lines), job.exit_code)
