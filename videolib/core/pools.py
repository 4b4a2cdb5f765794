"""Pools: where units of work are done. A run gives its units to one and knows no more of it.

A unit is done by a worker process of its own; in a LocalPool that is one of this machine.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from videolib.core.confinement import inheriting, real_path
from videolib.core.errors import Failure, attempt
from videolib.core.runs import Status
from videolib.core.sandbox import Access
from videolib.core.workers import WORKER_MEMORY, Workers

if TYPE_CHECKING:
    from videolib.core.progress import ProgressReport
    from videolib.core.runs import Job, WorkQueue


class TaskOutcome(Protocol):
    """What came of one task of a unit; in `facts` is `lacking` where a package or a model is."""

    @property
    def kind(self) -> str: ...

    @property
    def status(self) -> Status: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...


Done = TypeVar("Done", bound=TaskOutcome)


@dataclasses.dataclass(frozen=True)
class Unit(Generic[Done]):
    """A call that looks into one file, the video at `path`, and says what came of each of its
    tasks.

    It may take `timeout` seconds, 0 is no limit. A worker that is `walled` reaches no more than the
    file, the files and folders in `reads`, and the folders in `writes`. `kinds`: of its tasks.
    `tells_paths`: absolute ones stand in what it writes.
    """

    function: Callable[..., list[Done]]
    args: Sequence[Any]
    timeout: float
    path: str
    kinds: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    walled: bool = True
    tells_paths: bool = False


class Pool(Protocol):
    """Where units are done. `failure`: why no more can be done; "" while they can."""

    @property
    def failure(self) -> str: ...

    @property
    def width(self) -> int:
        """How many calls at a time it has a use for, which may change."""

    def room(self, kind: str) -> int:
        """How many units of a kind it does at a time, where the run itself sets no cap."""

    def call(self, job: Job, unit: Unit[Done]) -> list[Done] | Failure:
        """What came of a unit, once it is done. Raises CancelledError when the job is cancelled."""

    def listen(self) -> None:
        """Hand on what workers have reported of their videos since."""

    def close(self) -> None:
        """End what was started for it; calls that still run are cancelled."""


class PoolSettings(NamedTuple):
    """What the workers of a pool are like.

    At most so many `processes` at a time; what they import, whatever the unit; for each task
    whether its workers are walled, with the bytes of address space that it needs; and by kind what
    names the files of its model on the machine that it is called on.
    """

    processes: int
    imports: frozenset[str]
    needs: Sequence[tuple[bool, int]] = ()
    models: Mapping[str, Callable[[], Iterable[Path]]] = {}

    def memory(self, walled: bool) -> int:
        """The bytes that a worker gets which is walled, or one that is not."""
        sizes = (size for is_walled, size in self.needs if is_walled is walled)
        return max(sizes, default=WORKER_MEMORY)


def read_for(unit: Unit[Any], by_folder: bool) -> set[str]:
    """The files and folders that a worker is let read for a unit; `by_folder`: all of the video's
    folder in place of the video."""
    video = str(Path(real_path(unit.path)).parent) if by_folder else unit.path
    return {video, *unit.reads}


def expected_access(units: Iterable[Unit[Any]], by_folder: bool) -> dict[bool, Access]:
    """What workers have to reach for units, of those that are walled and of those that are not."""
    reads: dict[bool, set[str]] = {True: set(), False: set()}
    writes: dict[bool, set[str]] = {True: set(), False: set()}
    for unit in units:
        reads[unit.walled] |= read_for(unit, by_folder)
        writes[unit.walled] |= unit.writes
    return {w: Access(tuple(sorted(reads[w])), tuple(sorted(writes[w]))) for w in (True, False)}


class LocalPool:
    """Worker processes of this machine, started when the first unit needs one.

    They may reach what is `expected`, by whether they are walled: a process that has to reach more
    is replaced. `by_folder`: as in `read_for`; each file takes 10 us of a process's start.
    """

    def __init__(
        self,
        settings: PoolSettings,
        on_progress: Callable[[ProgressReport], None],
        expected: Mapping[bool, Access],
        by_folder: bool,
    ) -> None:
        self.by_folder, self.workers = by_folder, dict[bool, Workers]()
        self.failure, self.width = "", settings.processes
        for walled, access in expected.items():
            memory = settings.memory(walled)
            workers = Workers(settings.processes, settings.imports, memory, on_progress, walled)
            workers.admit(access.reads, access.writes)
            self.workers[walled] = workers

    def room(self, kind: str) -> int:
        return self.width

    def call(self, job: Job, unit: Unit[Done]) -> list[Done] | Failure:
        """What came of a unit in a worker. Raises CancelledError.

        Where the video, or a folder, was replaced after the worker was admitted to it, that finds
        it closed: then it is done once more.
        """
        workers = self.workers[unit.walled]

        def admit() -> bool:
            return workers.admit(sorted(read_for(unit, self.by_folder)), sorted(unit.writes))

        def call() -> list[Done]:
            return workers.call(job, unit.timeout, unit.function, *unit.args)

        admit()
        outcomes = attempt(call)
        if isinstance(outcomes, Failure) or all(o.status is not Status.FAILED for o in outcomes):
            return outcomes
        return attempt(call) if admit() else outcomes

    def listen(self) -> None:
        for workers in self.workers.values():
            workers.listen()

    def close(self) -> None:
        for workers in self.workers.values():
            workers.close()


def work_through(
    queue: WorkQueue[Any],
    pool: Pool,
    most: int,
    caps: Mapping[str, int],
    work: Callable[[WorkQueue[Any], Pool], None],
) -> None:
    """Have threads `work` until nothing is left in a queue: as many as the pool has a use for, and
    `most` of them. `caps`: of the run, by kind; of other kinds the pool decides."""
    threads: list[threading.Thread] = []
    kinds = {kind for line in queue.lines for kind in line}
    while True:
        queue.resize({kind: caps.get(kind) or pool.room(kind) for kind in kinds}, pool.width)
        while len(threads) < min(pool.width, most):
            thread = threading.Thread(target=inheriting(work), args=(queue, pool))
            threads.append(thread)
            thread.start()
        alive = next((thread for thread in threads if thread.is_alive()), None)
        if alive is None:
            return
        alive.join(0.2)
        pool.listen()
