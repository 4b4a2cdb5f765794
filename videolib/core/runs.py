"""A run: its Job (messages, progress, cancelling), its Result, and how much runs at a time.

A WorkQueue gives out items as the ConcurrencyLimits allow, which all runs of a process share.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import typing
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from videolib.core.console import Console
from videolib.core.errors import CancelledError
from videolib.core.processes import cores

if TYPE_CHECKING:
    from types import FrameType


class Exit(IntEnum):
    """The exit codes, all of them."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    HUNG_UP = 129
    INTERRUPTED = 130
    TERMINATED = 143

    @classmethod
    def of(cls, failures: object) -> Exit:
        """SOME_FAILED where there are any, or where that is true."""
        return cls.SOME_FAILED if failures else cls.OK


class Status(StrEnum):
    """The outcome of one task for one video."""

    MADE = "made"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PLANNED = "planned"
    DISCARDED = "discarded"
    BROKEN = "broken"  # not tried: the video is known to be why it failed before
    NO_SPEECH = "no speech"
    NO_AUDIO = "no audio"
    NOTHING = "nothing to export"  # the video lacks what it would be made of
    REMOVED = "removed"
    # Of `verify`, which makes a record in each case.
    CHECKED = "checked"  # the video's bytes are those of the record, which is fine
    DAMAGED = "damaged"
    ROTTEN = "rotten"


# With these a record is written, which is fresh from then on: the video is not tried again.
STORED = frozenset(
    {Status.MADE, Status.DISCARDED, Status.NO_SPEECH, Status.NO_AUDIO}
    | {Status.CHECKED, Status.DAMAGED, Status.ROTTEN}
)
# With these a run ends with SOME_FAILED.
FAULTY = frozenset({Status.FAILED, Status.DAMAGED, Status.ROTTEN})


class Result(NamedTuple):
    """The answer of a command: `data` for JSON, `text` for a terminal, and the exit code.

    `raw` stands in place of the text, byte for byte, for other programs to read.
    """

    data: Any
    text: str
    code: Exit = Exit.OK
    raw: bytes | None = None


def in_one(results: Sequence[Result]) -> Result:
    """Several results as one; a single one as it is."""
    if len(results) == 1:
        return results[0]
    parts = [part for result in results for part in result.data.get("tasks", [result.data])]
    return Result(
        {"tasks": parts}, "\n".join(r.text for r in results), max(r.code for r in results)
    )


def task_report(head: Mapping[str, str], results: list[dict[str, Any]]) -> dict[str, Any]:
    """The JSON about a task: what it is (`head`), and the results of all videos, counted."""
    counts = Counter(result["status"] for result in results)
    statuses = ["made", "skipped", "failed", "cancelled"]
    statuses += [str(s) for s in Status if s not in statuses and counts[s]]
    by_status = {status: counts[status] for status in statuses}
    return {**head, "total": len(results), "counts": by_status, "results": results}


def report_line(kind: str, report: Mapping[str, Any]) -> str:
    """The counts of a task as text."""
    counts = [f"{n:,} {name}" for name, n in report["counts"].items() if n or name == "made"]
    return f"{kind}: {', '.join(counts)}"


class Job:
    """One run as its caller controls it: where its messages go, and the switch that stops it."""

    def __init__(
        self, console: Console | None = None, limits: ConcurrencyLimits | None = None
    ) -> None:
        self.console, self.limits = console or Console(), limits or ConcurrencyLimits()
        self.cancelled = threading.Event()
        self.signal: int | None = None

    def check(self) -> None:
        """Raise CancelledError when the job was asked to stop."""
        if self.cancelled.is_set():
            raise CancelledError

    @contextlib.contextmanager
    def interruptible(
        self, signals: Sequence[signal.Signals] = (signal.SIGINT, signal.SIGTERM)
    ) -> Iterator[None]:
        """While the body runs, these signals cancel this job instead of ending the program."""

        def stop(number: int, _: FrameType | None) -> None:
            self.signal = number
            self.cancelled.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, stop) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def exit_code(self) -> Exit:
        codes = {signal.SIGTERM: Exit.TERMINATED, signal.SIGHUP: Exit.HUNG_UP}
        return codes.get(signal.Signals(self.signal or signal.SIGINT), Exit.INTERRUPTED)


class Reservation(NamedTuple):
    """A call that counts as one item of its kind though no queue of a run gives it out."""

    kinds: tuple[str, ...]


class Scheduled(Protocol):
    """An item of a WorkQueue."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of which it counts as one while it runs."""


Item = TypeVar("Item", bound=Scheduled)


class ConcurrencyLimits:
    """The number of items running, by kind ("" for all), of all runs that share it: caps hold for
    them together. Of several waiting queues the one with the fewest running goes first, so that
    none starves."""

    def __init__(self) -> None:
        self.running, self.changed = Counter[str](), threading.Condition()
        self.waiting: list[WorkQueue[Any]] = []

    @contextlib.contextmanager
    def reserve(self, job: Job, kind: str, cap: int) -> Iterator[None]:
        """Count as one running item while the body runs, once there is room. Raises
        CancelledError."""
        queue = WorkQueue([Reservation((kind,))], {kind: cap}, cap, self)
        reservation = queue.take(job)
        if reservation is None:
            raise CancelledError
        try:
            yield
        finally:
            queue.done(reservation)


class WorkQueue(Generic[Item]):
    """Items that wait, in a line for each combination of kinds; one is given out when the caps of
    all its kinds allow it.

    `most` is how many may run at a time in all; never fewer than there are cores.
    """

    def __init__(
        self, items: Iterable[Item], caps: Mapping[str, int], most: int, limits: ConcurrencyLimits
    ) -> None:
        self.lines: dict[tuple[str, ...], deque[Item]] = {}
        for item in items:
            self.lines.setdefault(item.kinds, deque()).append(item)
        self.caps, self.most, self.limits, self.active = caps, max(most, cores()), limits, 0

    def resize(self, caps: Mapping[str, int], most: int) -> None:
        """Let these caps hold from now on."""
        with self.limits.changed:
            if (caps, max(most, cores())) != (self.caps, self.most):
                self.caps, self.most = caps, max(most, cores())
                self.limits.changed.notify_all()

    def next(self) -> tuple[str, ...] | None:
        """The kinds of the line whose first item may run now: of those with the fewest running, or
        items that take minutes would soon be all that runs, and those of a second would wait."""
        running = self.limits.running
        if running[""] >= self.most:
            return None
        waiting = [kinds for kinds, line in self.lines.items() if line]
        most_running = {kinds: max((running[k] for k in kinds), default=0) for kinds in waiting}
        allowed = (kinds for kinds in waiting if all(running[k] < self.caps[k] for k in kinds))
        return min(allowed, key=most_running.__getitem__, default=None)

    def take(self, job: Job) -> Item | None:
        """The next item that may run, once there is one; None when none is left or the job ends."""
        limits = self.limits
        with limits.changed:
            limits.waiting.append(self)
            try:
                while any(self.lines.values()) and not job.cancelled.is_set():
                    ready = (queue for queue in limits.waiting if queue.next())
                    if min(ready, key=lambda queue: queue.active, default=None) is self:
                        return self._give_out()
                    limits.changed.wait(0.1)
                return None
            finally:
                limits.waiting.remove(self)

    def _give_out(self) -> Item:
        kinds = typing.cast("tuple[str, ...]", self.next())
        self.active += 1
        self.limits.running.update(("", *kinds))
        self.lines[kinds] = self.lines.pop(kinds)  # to the end: the lines take turns
        return self.lines[kinds].popleft()

    def done(self, item: Item) -> None:
        """Count an item that was taken as running no longer."""
        with self.limits.changed:
            self.active -= 1
            self.limits.running.subtract(("", *item.kinds))
            self.limits.changed.notify_all()
