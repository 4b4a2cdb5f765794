"""Jobs of the API: waiting, running and ended, with their events."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from index import COMMANDS, JOB_COMMANDS, Config, RunCommand, build
from videolib.core.documents import json_text
from videolib.core.errors import (
    BusyError,
    CancelledError,
    Failure,
    NotFoundError,
    ParameterError,
    attempt,
)
from videolib.core.options import names_path
from videolib.core.runs import ConcurrencyLimits, Console, Job
from videolib.core.text import iso_time, printable

if TYPE_CHECKING:
    from index import Command
    from videolib.core.options import Option
    from videolib.storage.folders import Roots


JOBS_QUEUED, JOBS_KEPT, JOBS_AT_ONCE, EVENTS_KEPT = 64, 200, 4, 2000


PACE = 0.1  # seconds between two events of one job


class JobState(StrEnum):
    """How a submitted job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.ERROR, JobState.CANCELLED})


class JobEvent(NamedTuple):
    """Something that happened to a job: a number that only grows, and the job at that moment.

    `kind` is `progress`, or `end` for the last event of a job; `data` is one JSON document.
    """

    number: int
    job: str
    kind: Literal["progress", "end"]
    data: str


class JobProgress(Console):
    """How far a run is, for the API; nothing is printed."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self.changed = changed
        self.total, self.done = 0, 0.0
        self.parts: dict[str, float] = {}  # what is worked on, and which part of it is done
        self.messages = deque[str](maxlen=50)

    def say(self, text: str) -> None:
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
        """Files done and to do, and of one that is worked on its name and how many percent."""
        with self.lock:
            current = next(iter(self.parts), None)
            percent = round(100 * self.parts[current], 1) if current is not None else None
            whole = self.done - sum(self.parts.values())
            files = {"progress_current": int(whole + 1e-6), "progress_total": self.total}
            return files | {"current": current, "percent": percent}

    def complete(self) -> None:
        """Count a command that reported no files as one thing that is done."""
        self.total = self.total or 1
        self.done = self.done if self.done > 0 else self.total
        self.parts.clear()


class SubmittedJob(Job):
    """A command on a JobBoard, from its submission to long after its end."""

    def __init__(self, task: str, command: Command, told: dict[str, Any], board: JobBoard) -> None:
        import secrets

        self.progress = JobProgress(lambda: board.changed(self))
        super().__init__(self.progress, board.limits)
        self.id, self.task, self.command, self.told = secrets.token_hex(8), task, command, told
        self.state, self.error, self.packed = JobState.QUEUED, "", b""
        self.created: float = time.time()
        self.started: float | None = None
        self.ended: float | None = None
        self.failed, self.number = 0, 0  # the number is that of its last event

    def as_json(self, whole: bool = False) -> dict[str, Any]:
        """The job as it stands; `whole` adds its parameters, its messages and its result."""
        head = {"id": self.id, "task": self.task, "directory": self.told["directory"]}
        head |= {"status": str(self.state), "failed": self.failed} | self.progress.as_json()
        times = {"created": self.created, "started": self.started, "ended": self.ended}
        head |= {
            f"{name}_at": None if seconds is None else iso_time(seconds, millis=True)
            for name, seconds in times.items()
        }
        head["error"] = self.error or None
        if not whole:
            return head
        result = json.loads(zlib.decompress(self.packed)) if self.packed else None
        return head | self.told | {"messages": list(self.progress.messages), "result": result}

    def keep(self, data: Any) -> None:
        """Keep the result, packed: that of a large library is a line per video."""
        self.packed = zlib.compress(json_text(data, None).encode(), 1)
        reports = data.get("tasks", [data]) if isinstance(data, dict) else []
        self.failed = sum(report.get("counts", {}).get("failed", 0) for report in reports)

    def perform(self, relative: Callable[[str], str]) -> JobState:
        """Run the command to whatever end; its state, error and result say which."""
        try:
            failed = attempt(self.work)
        except CancelledError:
            return JobState.CANCELLED
        if isinstance(failed, Failure):
            self.error = failed.reason
        self.error = relative(self.error)
        if self.cancelled.is_set():
            return JobState.CANCELLED
        self.progress.complete()
        return JobState.ERROR if self.error else JobState.DONE

    def work(self) -> None:
        outcome = self.command.run(self)
        self.keep(outcome.data)
        if isinstance(outcome.data, dict):
            self.error = str(outcome.data.get("error") or "")


class JobBoard:
    """Jobs waiting, running and ended, and what happened to them as events.

    A few run at a time, all within the same Slots. Memory is bounded: the queue, the jobs that are
    kept after their end, and the events that late listeners can still have.
    """

    def __init__(self, relative: Callable[[str], str] = str) -> None:
        self.relative, self.limits = relative, ConcurrencyLimits()
        self.jobs: dict[str, SubmittedJob] = {}
        self.events = deque[JobEvent](maxlen=EVENTS_KEPT)
        self.number = time.time_ns() // 1_000_000  # above that of any board before this one
        self.listeners: set[Callable[[], None]] = set()
        self.moved = threading.Condition(threading.RLock())
        self.dirty: dict[str, SubmittedJob] = {}
        self.closed = False
        self.threads: list[threading.Thread] = []

    def submit(
        self, task: str, command: Command, told: dict[str, Any]
    ) -> tuple[SubmittedJob, bool]:
        """Queue a command; the same one that still waits is not queued twice.

        Returns the job and whether it is new. Raises BusyError when the queue is full.
        """
        with self.moved:
            waiting = [job for job in self.jobs.values() if job.state is JobState.QUEUED]
            for job in waiting:
                if (job.task, job.told) == (task, told):
                    return job, False
            if self.closed or len(waiting) >= JOBS_QUEUED:
                raise BusyError(f"{len(waiting)} jobs wait already: try again when some are done")
            job = SubmittedJob(task, command, told, self)
            self.jobs[job.id] = job
            self._start_threads()
            self._publish(job)
            self.moved.notify_all()
            return job, True

    def find(self, job_id: str) -> SubmittedJob:
        """The job of that id. Raises NotFoundError."""
        with self.moved:
            if job_id not in self.jobs:
                raise NotFoundError("no such job; only the last ones are kept")
            return self.jobs[job_id]

    def every(self) -> list[SubmittedJob]:
        """All jobs there are, the newest first."""
        with self.moved:
            return list(self.jobs.values())[::-1]

    def cancel(self, job_id: str) -> SubmittedJob:
        """Ask a job to stop: a waiting one ends at once, a running one when it has cleaned up."""
        with self.moved:
            job = self.find(job_id)
            job.cancelled.set()
            if job.state is JobState.QUEUED:
                self._end(job, JobState.CANCELLED)
            return job

    def stop(self) -> None:
        """Take no more jobs and cancel all there are; `events_after` tells it to listeners."""
        with self.moved:
            self.closed = True
            for job in [job for job in self.jobs.values() if job.state not in ENDED]:
                self.cancel(job.id)
            self.moved.notify_all()
            self._wake()

    @property
    def over(self) -> bool:
        """Whether nothing will happen any more."""
        with self.moved:
            return self.closed and all(job.state in ENDED for job in self.jobs.values())

    def close(self, seconds: float = 4.0) -> None:
        """Stop, and wait until what ran is tidied up."""
        self.stop()
        deadline = time.monotonic() + seconds
        for thread in self.threads:
            thread.join(max(deadline - time.monotonic(), 0.0))

    def changed(self, job: SubmittedJob) -> None:
        """Note that a running job got on: those who listen are told soon."""
        with self.moved:
            if not self.dirty:
                self.moved.notify_all()
            self.dirty[job.id] = job

    def events_after(self, number: int | None, job_id: str = "") -> tuple[int, list[JobEvent]]:
        """The events after that number, of one job or of all; and the number to go on from.

        For None it is how the jobs that have not ended stand now; where events were dropped since
        that number, how all do.
        """
        with self.moved:
            first = self.events[0].number if self.events else self.number + 1
            if number is None or not first - 1 <= number <= self.number:
                found = self._standing(job_id, whole=number is not None)
            else:
                late = itertools.islice(reversed(self.events), self.number - number)
                found = [e for e in late if job_id in ("", e.job)][::-1]
            return self.number, found

    def is_told(self, job_id: str, number: int | None) -> bool:
        """Whether a client that had that event knows of a job's end. Raises NotFoundError."""
        with self.moved:
            job = self.find(job_id)
            return job.state in ENDED and job.number <= (number or 0) <= self.number

    def _standing(self, job_id: str, whole: bool) -> list[JobEvent]:
        jobs = [self.find(job_id)] if job_id else list(self.jobs.values())
        wanted = [job for job in jobs if job_id or whole or job.state not in ENDED]
        return [self._event(job, self.number) for job in wanted]

    def _event(self, job: SubmittedJob, number: int) -> JobEvent:
        kind: Literal["progress", "end"] = "end" if job.state in ENDED else "progress"
        return JobEvent(number, job.id, kind, json_text(job.as_json(), indent=None))

    def _publish(self, job: SubmittedJob) -> None:
        self.number += 1
        job.number = self.number
        self.events.append(self._event(job, self.number))
        self._wake()

    def _wake(self) -> None:
        for listener in tuple(self.listeners):
            listener()

    def _end(self, job: SubmittedJob, state: JobState) -> None:
        with self.moved:
            job.state, job.ended = state, time.time()
            self.dirty.pop(job.id, None)
            self._publish(job)
            ended = [j for j in self.jobs.values() if j.state in ENDED]
            for old in sorted(ended, key=lambda j: j.ended or 0.0)[:-JOBS_KEPT]:
                del self.jobs[old.id]

    def _start_threads(self) -> None:
        if not self.threads:
            works = [self._tell, *[self._work] * JOBS_AT_ONCE]
            self.threads = [threading.Thread(target=work, daemon=True) for work in works]
            for thread in self.threads:
                thread.start()

    def _work(self) -> None:
        """One thread: run jobs in the order they came."""
        while job := self._next():
            self._end(job, job.perform(self.relative))

    def _next(self) -> SubmittedJob | None:
        with self.moved:
            while not self.closed:
                for job in self.jobs.values():
                    if job.state is JobState.QUEUED:
                        job.state, job.started = JobState.RUNNING, time.time()
                        self._publish(job)
                        return job
                self.moved.wait()
            return None

    def _tell(self) -> None:
        """One thread: publish what changed, at a bounded pace whatever the jobs do."""
        while not self.closed:
            with self.moved:
                while not (self.dirty or self.closed):
                    self.moved.wait()
                changed, self.dirty = self.dirty, {}
                for job in changed.values():
                    if job.state is JobState.RUNNING:
                        self._publish(job)
            time.sleep(PACE)


def job_tasks() -> dict[str, type[Command]]:
    """What may run as a job, by every name it has."""
    return {
        name: command
        for name, command in COMMANDS.items()
        if issubclass(command, RunCommand) or name in JOB_COMMANDS
    }


def job_parameters(command: type[Command]) -> dict[str, Option]:
    """The parameters of a job beside those that stand in the request itself."""
    apart = ("directory", "recursive", "force", "output_format")
    return {n: o for n, o in command.options().items() if n not in apart and not o.local}


def job_command(
    task: str, directory: str, switches: Mapping[str, bool], params: Mapping[str, Any], roots: Roots
) -> Command:
    """The command that a request asks for, confined to the roots.

    Raises ParameterError, which names the field, OutsideError, NotFoundError or UsageError.
    """
    command = job_tasks().get(task)
    if command is None:
        raise ParameterError([("task", f"no such task; there are {', '.join(job_tasks())}")])
    folder = roots.folder(directory)
    known = job_parameters(command)
    wrong = [
        (f"params.{printable(name)}", "no such parameter") for name in params if name not in known
    ]
    wrong += [
        (name, f"{task} has no such parameter")
        for name, value in switches.items()
        if value and name not in command.options()
    ]
    if wrong:
        raise ParameterError(wrong)
    given: dict[str, Any]
    given = {name: value for name, value in switches.items() if name in command.options()}
    given |= {name: confined(command, name, v, folder, roots) for name, v in params.items()}
    if "directory" in command.options():
        given["directory"] = folder
    try:
        built = build(command, given, Config.load(None, folder))
    except ParameterError as error:
        raise ParameterError([(f"params.{name}", said) for name, said in error.fields]) from None
    built.roots = roots
    return built


def confined(command: type[Command], name: str, value: Any, folder: Path, roots: Roots) -> Any:
    """A parameter's value; a path in it is taken from the folder and must lie in a root."""
    hint = command.hints()[name]
    if names_path(hint) and value and isinstance(value, str):
        return str(roots.place(value, folder))
    return value
