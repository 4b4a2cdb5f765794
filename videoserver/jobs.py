"""Jobs of the API, in memory: those that wait, run or have ended, and the events of their progress.

Requests submit commands to the JobBoard, whose threads run them; each change of a job becomes a
JobEvent, which listeners fetch by `events_after`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from videolib.core.confinement import confined_to
from videolib.core.console import Console, Level
from videolib.core.documents import json_text
from videolib.core.errors import (
    BusyError,
    CancelledError,
    Failure,
    NotFoundError,
    attempt,
)
from videolib.core.runs import FAULTY, ConcurrencyLimits, Job
from videolib.core.text import iso_time
from videoserver.touched import touched_by

if TYPE_CHECKING:
    from index import Command

JOBS_QUEUED = 64  # jobs that may wait
JOBS_KEPT = 200  # jobs that are kept after their end
JOBS_AT_ONCE = 4  # jobs that run at a time
EVENTS_KEPT = 2000  # events that a client which was away can still have
EVENT_INTERVAL = 0.1  # seconds from one event of a job's progress to the next


class JobState(StrEnum):
    """The state of a submitted job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.ERROR, JobState.CANCELLED})


class JobEvent(NamedTuple):
    """A change of a job: a number that only grows, and the job as JSON at that moment.

    `kind` is `progress`, or `end` for the last event of a job. An event of no job, of the kind
    `library`, has a folder in which videos came, changed or went: {directory, changed}.
    """

    number: int
    job: str
    kind: Literal["progress", "end", "library"]
    data: str


class JobProgress(Console):
    """The progress of a run, for the API; nothing is printed.

    `changed` is called after every change, by whichever thread made it.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.changed = changed
        self.total, self.done = 0, 0.0
        self.parts: dict[str, float] = {}  # file in work -> the share of it that is done, 0 to 1
        self.messages = deque[str](maxlen=50)

    def say(self, text: str, level: Level = Level.ERROR) -> None:
        with self.lock:
            self.messages.append(text)
        self.changed()

    @contextlib.contextmanager
    def progress(self, total: int) -> Iterator[None]:
        with self.lock:
            self.total += total
        self.changed()
        yield

    def step(self, current: str, done: float, note: str = "") -> None:
        with self.lock:
            self.done += done
            self.parts[current] = self.parts.get(current, 0.0) + done
            if self.parts[current] > 1 - 1e-6:
                del self.parts[current]
        self.changed()

    def as_json(self) -> dict[str, Any]:
        """{progress_current, progress_total, current, percent}: files done, files in all, the name
        of a file in work, and how far that is."""
        with self.lock:
            current = next(iter(self.parts), None)
            percent = round(100 * self.parts[current], 1) if current is not None else None
            complete = self.done - sum(self.parts.values())
            files = {"progress_current": int(complete + 1e-6), "progress_total": self.total}
            return files | {"current": current, "percent": percent}

    def complete(self) -> None:
        """Count all files as done; a command that reported none counts as one file."""
        self.total = self.total or 1
        self.done = self.done if self.done > 0 else self.total
        self.parts.clear()


class SubmittedJob(Job):
    """A command on a JobBoard, from its submission to long after its end.

    `request` holds what it was submitted with: directory, recursive, force and params. `last_event`
    is the number of its last event.
    """

    def __init__(
        self, task: str, command: Command, request: dict[str, Any], board: JobBoard
    ) -> None:
        import secrets

        self.progress = JobProgress(lambda: board.changed(self))
        super().__init__(self.progress, board.limits)
        self.id, self.task = secrets.token_hex(8), task
        self.command, self.request = command, request
        self.state, self.error = JobState.QUEUED, ""
        self.packed_result = b""
        self.touched: dict[str, list[str] | None] | None = None  # see touched_by
        self.created: float = time.time()
        self.started: float | None = None
        self.ended: float | None = None
        self.failed, self.last_event = 0, 0

    def as_json(self, whole: bool = False) -> dict[str, Any]:
        """The job as it is now; `whole` adds its request, its messages and its result."""
        head = {"id": self.id, "task": self.task, "directory": self.request["directory"]}
        head |= {"status": str(self.state), "failed": self.failed} | self.progress.as_json()
        times = {"created": self.created, "started": self.started, "ended": self.ended}
        head |= {
            f"{name}_at": None if seconds is None else iso_time(seconds, millis=True)
            for name, seconds in times.items()
        }
        head |= {"error": self.error or None, "touched": self.touched}
        if not whole:
            return head
        result = json.loads(zlib.decompress(self.packed_result)) if self.packed_result else None
        return head | self.request | {"messages": list(self.progress.messages), "result": result}

    def keep_result(self, data: Any) -> None:
        """Keep the result, and count the failed files in it.

        It is compressed: that of a large library has a row per video.
        """
        self.packed_result = zlib.compress(json_text(data, None).encode(), 1)
        reports = data.get("tasks", [data]) if isinstance(data, dict) else []
        counts = [report.get("counts", {}) for report in reports]
        self.failed = sum(count.get(status, 0) for count in counts for status in FAULTY)

    def perform(self, relative: Callable[[str], str]) -> JobState:
        """Run the command and keep its result or error; returns the state in which it ended.

        `relative` makes the absolute paths in a message relative.
        """
        try:
            failure = attempt(self.work)
        except CancelledError:
            return JobState.CANCELLED
        if isinstance(failure, Failure):
            self.error = failure.reason
        self.error = relative(self.error)
        if self.cancelled.is_set():
            return JobState.CANCELLED
        self.progress.complete()
        return JobState.ERROR if self.error else JobState.DONE

    def work(self) -> None:
        """Run the command, and keep its result and the error in that, if any."""
        data = self.command.answer(self).data
        self.keep_result(data)
        self.touched = touched_by(self.command, data)
        if isinstance(data, dict):
            self.error = str(data.get("error") or "")


class JobBoard:
    """The jobs of a server and their events.

    A few jobs run at a time, all within the same ConcurrencyLimits. Memory is bounded: there are
    limits for the queue, the ended jobs and the events that are kept. `listeners` are called after
    every event, by any thread. `relative` makes the absolute paths in a message relative. Jobs are
    confined to `folders`.
    """

    def __init__(self, relative: Callable[[str], str] = str, folders: Sequence[str] = ()) -> None:
        self.relative, self.folders, self.limits = relative, folders, ConcurrencyLimits()
        self.jobs: dict[str, SubmittedJob] = {}
        self.events = deque[JobEvent](maxlen=EVENTS_KEPT)
        # Number of the last event. It starts above the numbers of any earlier server, so that a
        # client that comes back with one of these is given the present state, see `events_after`.
        self.number = time.time_ns() // 1_000_000
        self.listeners: set[Callable[[], None]] = set()
        self.condition = threading.Condition(threading.RLock())
        self.unpublished: dict[str, SubmittedJob] = {}  # those with progress since their last event
        self.closed = False
        self.threads: list[threading.Thread] = []

    def quiet_job(self) -> Job:
        """A run beside the queue, within the same limits, that prints nothing and has no events."""
        return Job(JobProgress(lambda: None), self.limits)

    def submit(
        self, task: str, command: Command, request: dict[str, Any]
    ) -> tuple[SubmittedJob, bool]:
        """Queue a command, unless the same one is in the queue already.

        Returns the job, and whether it is new. Raises BusyError when the queue is full.
        """
        with self.condition:
            waiting = [job for job in self.jobs.values() if job.state is JobState.QUEUED]
            for job in waiting:
                if (job.task, job.request) == (task, request):
                    return job, False
            if self.closed or len(waiting) >= JOBS_QUEUED:
                raise BusyError(f"{len(waiting)} jobs wait already: try again when some are done")
            job = SubmittedJob(task, command, request, self)
            self.jobs[job.id] = job
            self._start_threads()
            self._publish(job)
            self.condition.notify_all()
            return job, True

    def find(self, job_id: str) -> SubmittedJob:
        """The job of that id. Raises NotFoundError."""
        with self.condition:
            if job_id not in self.jobs:
                raise NotFoundError("no such job; only the last ones are kept")
            return self.jobs[job_id]

    def newest_first(self) -> list[SubmittedJob]:
        """All jobs that are kept, the one submitted last first."""
        with self.condition:
            return list(self.jobs.values())[::-1]

    def cancel(self, job_id: str) -> SubmittedJob:
        """Ask a job to stop: a waiting one ends at once, a running one when it has cleaned up."""
        with self.condition:
            job = self.find(job_id)
            job.cancelled.set()
            if job.state is JobState.QUEUED:
                self._end(job, JobState.CANCELLED)
            return job

    def stop(self) -> None:
        """Take no more jobs and cancel those that have not ended."""
        with self.condition:
            self.closed = True
            for job in [job for job in self.jobs.values() if job.state not in ENDED]:
                self.cancel(job.id)
            self.condition.notify_all()
            self._notify()

    @property
    def over(self) -> bool:
        """Whether the board is closed and every job has ended, so that no more events will come."""
        with self.condition:
            return self.closed and all(job.state in ENDED for job in self.jobs.values())

    def close(self, seconds: float = 4.0) -> None:
        """Stop, and wait until running jobs have cleaned up, at most so many seconds."""
        self.stop()
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def changed(self, job: SubmittedJob) -> None:
        """Note progress of a running job: an event will tell it, at most EVENT_INTERVAL later."""
        with self.condition:
            if not self.unpublished:
                self.condition.notify_all()
            self.unpublished[job.id] = job

    def announce_library(self, directory: str, changed: bool = True) -> None:
        """Tell all who follow the jobs that videos came, changed or went in a folder; without
        `changed`, that all of it was looked at and is as it was listed before."""
        with self.condition:
            self.number += 1
            data = json_text({"directory": directory, "changed": changed}, indent=None)
            self.events.append(JobEvent(self.number, "", "library", data))
            self._notify()

    def events_after(self, number: int | None, job_id: str = "") -> tuple[int, list[JobEvent]]:
        """The events after `number`, of one job or of all, and the number to pass the next time.

        For None, and where not all events after that number are kept, there is one event for each
        job with its present state; for None the jobs that have ended are left out.
        """
        with self.condition:
            first = self.events[0].number if self.events else self.number + 1
            if number is None or not first - 1 <= number <= self.number:
                events = self._current_events(job_id, with_ended=number is not None)
            else:
                newer = itertools.islice(reversed(self.events), self.number - number)
                events = [e for e in newer if job_id in ("", e.job)][::-1]
            return self.number, events

    def knows_end(self, job_id: str, number: int | None) -> bool:
        """Whether a client that had the event of that number knows of a job's end.

        Raises NotFoundError where there is no such job.
        """
        with self.condition:
            job = self.find(job_id)
            return job.state in ENDED and job.last_event <= (number or 0) <= self.number

    def _current_events(self, job_id: str, with_ended: bool) -> list[JobEvent]:
        jobs = [self.find(job_id)] if job_id else list(self.jobs.values())
        chosen = [job for job in jobs if job_id or with_ended or job.state not in ENDED]
        return [self._event(job, self.number) for job in chosen]

    def _event(self, job: SubmittedJob, number: int) -> JobEvent:
        kind: Literal["progress", "end"] = "end" if job.state in ENDED else "progress"
        return JobEvent(number, job.id, kind, json_text(job.as_json(), indent=None))

    def _publish(self, job: SubmittedJob) -> None:
        self.number += 1
        job.last_event = self.number
        self.events.append(self._event(job, self.number))
        self._notify()

    def _notify(self) -> None:
        for listener in tuple(self.listeners):
            listener()

    def _end(self, job: SubmittedJob, state: JobState) -> None:
        with self.condition:
            job.state, job.ended = state, time.time()
            self.unpublished.pop(job.id, None)
            self._publish(job)
            ended = [j for j in self.jobs.values() if j.state in ENDED]
            for old in sorted(ended, key=lambda j: j.ended or 0.0)[:-JOBS_KEPT]:
                del self.jobs[old.id]

    def _start_threads(self) -> None:
        if not self.threads:
            loops = [self._publish_progress, *[self._run_jobs] * JOBS_AT_ONCE]
            self.threads = [threading.Thread(target=loop, daemon=True) for loop in loops]
            for thread in self.threads:
                thread.start()

    def _run_jobs(self) -> None:
        """A thread: run jobs in the order they came, until the board is closed."""
        with confined_to(self.folders):
            while job := self._next_job():
                self._end(job, job.perform(self.relative))

    def _next_job(self) -> SubmittedJob | None:
        with self.condition:
            while not self.closed:
                for job in self.jobs.values():
                    if job.state is JobState.QUEUED:
                        job.state, job.started = JobState.RUNNING, time.time()
                        self._publish(job)
                        return job
                self.condition.wait()
            return None

    def _publish_progress(self) -> None:
        """A thread: publish progress, at most once per EVENT_INTERVAL for each job."""
        while not self.closed:
            with self.condition:
                while not (self.unpublished or self.closed):
                    self.condition.wait()
                changed, self.unpublished = self.unpublished, {}
                for job in changed.values():
                    if job.state is JobState.RUNNING:
                        self._publish(job)
            time.sleep(EVENT_INTERVAL)
