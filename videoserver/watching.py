"""Watched roots of a server: what is noticed becomes jobs on its board, and news for its page."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from index import Command, Watch
from videolib.catalogue.watching import only_watcher
from videolib.core.confinement import confined_to, enclosing_folder
from videolib.core.console import Console
from videolib.core.errors import BusyError, Failure, attempt
from videolib.core.restraint import Hours
from videolib.core.runs import Job, Result
from videoserver.jobs import ENDED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videolib.catalogue.watching import WatchedBatch
    from videolib.organize.watch_session import WatchSession
    from videoserver.commands import CommandBuilder
    from videoserver.jobs import JobBoard, SubmittedJob
    from videoserver.settings import ServerSettings

BUSY_PAUSE = 5.0  # seconds until a batch is offered again to a board that is full
END_INTERVAL = 0.2  # seconds from one look whether a job has ended to the next


class BatchJob(Command):
    """What is made for a batch of a watch, as a job of the board."""

    def __init__(self, session: WatchSession, batch: WatchedBatch) -> None:
        super().__init__()
        self.session, self.batch = session, batch

    def run(self, job: Job) -> Result:
        """Raises VideoError where the root is gone."""
        return Result({"tasks": self.session.handle(job, self.batch)}, "")


def root_watchers(
    settings: ServerSettings, commands: CommandBuilder, board: JobBoard
) -> list[RootWatcher]:
    """A watcher for each root that is in no other; none where the settings name no tasks. Raises
    UsageError for a task that is not known."""
    paths = settings.roots.paths if settings.watch else []
    outer = [p for p in paths if not enclosing_folder(p, [other for other in paths if other != p])]
    return [RootWatcher(root, settings.watch, commands, board) for root in dict.fromkeys(outer)]


class RootWatcher:
    """Watches one root, with the folders below, in a thread of its own until it is stopped.

    Each batch of videos is one job of the board, which the next one waits for; that something came,
    changed or went is announced there. Messages go to standard error.
    """

    def __init__(
        self, root: str, tasks: Sequence[str], commands: CommandBuilder, board: JobBoard
    ) -> None:
        """Raises UsageError for a task that is not known."""
        self.root, self.folders, self.board = root, commands.roots.paths, board
        self.job = Job(Console(), board.limits)
        command = commands.build(Watch, root, recursive=True, tasks=list(tasks))
        self.hours = Hours.parse(command.hours)
        self.request: dict[str, Any] = {"directory": root, "recursive": True, "force": False}
        self.request |= {"params": {"tasks": list(tasks)}}
        self.session = command.session(self.job, lambda: board.announce_library(root))
        self.thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self.thread.start()

    def stop(self) -> None:
        """Watch no longer; the job of a batch is the board's to cancel."""
        self.job.cancelled.set()

    def _run(self) -> None:
        failure = attempt(self._watch)
        if isinstance(failure, Failure):
            self.job.console.say(f"serve --watch: {failure.reason}")

    def _watch(self) -> None:
        """Raises VideoError where another process watches the root."""
        # The lock is in the cache folder, so it is taken first.
        with only_watcher(self.session.library.root), confined_to(self.folders):
            for batch in self.session.batches(self.job, self.hours.now):
                submitted = self._submit(BatchJob(self.session, batch))
                while submitted and submitted.state not in ENDED:
                    self.job.cancelled.wait(END_INTERVAL)

    def _submit(self, command: BatchJob) -> SubmittedJob | None:
        """The job of a batch, once the board has room; None where the server ends before."""
        while not self.job.cancelled.is_set():
            with contextlib.suppress(BusyError):
                return self.board.submit("watch", command, self.request)[0]
            self.job.cancelled.wait(BUSY_PAUSE)
        return None
