"""A run as its caller sees it: messages, progress, cancelling, limits, and what comes of it."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import typing
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from videolib.core.errors import CancelledError
from videolib.core.processes import cores
from videolib.core.text import printable

if TYPE_CHECKING:
    from types import FrameType


class Exit(IntEnum):
    """The exit codes, all of them."""

    OK = 0
    SOME_FAILED = 1
    USAGE = 2
    INTERRUPTED = 130
    TERMINATED = 143

    @classmethod
    def of(cls, failures: object) -> Exit:
        """SOME_FAILED where there are any, or where that is true."""
        return cls.SOME_FAILED if failures else cls.OK


class Status(StrEnum):
    """What became of one video in one task."""

    MADE = "made"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PLANNED = "planned"
    DISCARDED = "discarded"
    NO_SPEECH = "no speech"
    NO_AUDIO = "no audio"


# With these a record is written, which is fresh from then on: the video is not tried again.
STORED = frozenset({Status.MADE, Status.DISCARDED, Status.NO_SPEECH, Status.NO_AUDIO})


class Result(NamedTuple):
    """What a command answers: `data` for JSON, `text` for a terminal, and the exit code."""

    data: Any
    text: str
    code: Exit = Exit.OK


PROGRESS_LINE = "{percentage:3.0f}%|{bar}| {n:.3g}/{total} videos [{elapsed}<{remaining}{postfix}]"


class Console:
    """Messages and, on a terminal, one progress line, all on standard error."""

    def __init__(self) -> None:
        self.bar: Any = None
        self.notes: dict[str, str] = {}  # what is worked on and how far that is
        self.lock = threading.Lock()

    def say(self, text: str) -> None:
        with self.lock, contextlib.suppress(OSError):  # whoever read it may be gone: work goes on
            if self.bar is not None:
                self.bar.clear()
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    @contextlib.contextmanager
    def progress(self, total: int) -> Iterator[None]:
        """Show files done, rate, time left and the current file while the body runs."""
        if sys.stderr.isatty() and total:
            from tqdm import tqdm

            self.bar = tqdm(
                total=total,
                file=sys.stderr,
                dynamic_ncols=True,
                smoothing=0.1,
                bar_format=PROGRESS_LINE,
            )
        try:
            yield
        finally:
            if self.bar is not None:
                self.bar.close()
            self.bar = None

    def step(self, current: str, done: float, note: str = "") -> None:
        """Move on by `done` videos; `note` says how far the current one is."""
        if self.bar is None:
            return
        with self.lock:
            self.notes.pop(current, None)
            if note:
                self.notes[current] = note
            parts = [f"{printable(name)[-40:]} {note}" for name, note in self.notes.items()]
            self.bar.set_postfix_str("; ".join(parts) or printable(current)[-40:], refresh=False)
            self.bar.update(done)
            if note:
                self.bar.refresh()


class Job:
    """One run as its caller sees it: where its messages go, and the switch that stops it."""

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
    def interruptible(self) -> Iterator[None]:
        """While the body runs, Ctrl-C and SIGTERM cancel this job instead of ending the program."""

        def stop(number: int, _: FrameType | None) -> None:
            self.signal = number
            self.cancelled.set()

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @property
    def exit_code(self) -> Exit:
        return Exit.TERMINATED if self.signal == signal.SIGTERM else Exit.INTERRUPTED


class Reservation(NamedTuple):
    """A call of a worker that is no Unit: the kind it counts as."""

    kinds: tuple[str, ...]


class Scheduled(Protocol):
    """What a WorkQueue gives out: it counts as one of each of these kinds while it runs."""

    @property
    def kinds(self) -> tuple[str, ...]: ...


Item = TypeVar("Item", bound=Scheduled)


class ConcurrencyLimits:
    """What runs now, by kind, over all the runs that share it: caps hold for them together. Of runs
    that wait the one with the least running goes first, so that none starves."""

    def __init__(self) -> None:
        self.running, self.changed = Counter[str](), threading.Condition()
        self.waiting: list[WorkQueue[Any]] = []

    @contextlib.contextmanager
    def reserve(self, job: Job, kind: str, cap: int) -> Iterator[None]:
        """Be one of those that run while the body does. Raises CancelledError."""
        queue = WorkQueue([Reservation((kind,))], {kind: cap}, cap, self)
        reservation = queue.take(job)
        if reservation is None:
            raise CancelledError
        try:
            yield
        finally:
            queue.done(reservation)


class WorkQueue(Generic[Item]):
    """Units waiting, by the tasks they hold; one is given out when every task's cap allows it.

    `most` is how many may run at a time in all; never fewer than there are cores.
    """

    def __init__(
        self, items: Iterable[Item], caps: Mapping[str, int], most: int, limits: ConcurrencyLimits
    ) -> None:
        self.lines: dict[tuple[str, ...], deque[Item]] = {}
        for item in items:
            self.lines.setdefault(item.kinds, deque()).append(item)
        self.caps, self.most, self.limits, self.active = caps, max(most, cores()), limits, 0

    def next(self) -> tuple[str, ...] | None:
        """The line whose first unit may run now."""
        running = self.limits.running
        if running[""] >= self.most:
            return None
        may = (kinds for kinds, line in self.lines.items() if line)
        return next((k for k in may if all(running[kind] < self.caps[kind] for kind in k)), None)

    def take(self, job: Job) -> Item | None:
        """The next unit that may run, once there is one; None when nothing is left to run."""
        limits = self.limits
        with limits.changed:
            limits.waiting.append(self)
            try:
                while any(self.lines.values()) and not job.cancelled.is_set():
                    able = (queue for queue in limits.waiting if queue.next())
                    if min(able, key=lambda queue: queue.active, default=None) is self:
                        return self._give()
                    limits.changed.wait(0.1)
                return None
            finally:
                limits.waiting.remove(self)

    def _give(self) -> Item:
        kinds = typing.cast("tuple[str, ...]", self.next())
        self.active += 1
        self.limits.running.update(("", *kinds))
        self.lines[kinds] = self.lines.pop(kinds)
        return self.lines[kinds].popleft()

    def done(self, item: Item) -> None:
        with self.limits.changed:
            self.active -= 1
            self.limits.running.subtract(("", *item.kinds))
            self.limits.changed.notify_all()
