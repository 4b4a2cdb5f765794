"""What a worker of a cluster does for runs: it has their units done by a LocalPool of its machine.

These functions are what is called on workers, by name; what they take and give is bytes and plain
values. The process of the worker opens no video and unpickles nothing of a unit: that is left to
the processes of the pool, behind their wall.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.cluster.admission import (
    Places,
    call_timely,
    credentials,
    hanging_problem,
    place_problem,
)
from videolib.core.cluster.paths import PathMap, dumps, loads
from videolib.core.confinement import inheriting
from videolib.core.errors import CancelledError, Failure
from videolib.core.files import abandoned_in, remove_where_possible
from videolib.core.pools import LocalPool, PoolSettings, Unit
from videolib.core.runs import Job, Status
from videolib.core.sandbox import Access

if TYPE_CHECKING:
    from distributed import Worker

    from videolib.core.progress import ProgressReport

MAP_VARIABLE = "VIDEO_CLUSTER_MAP"  # pairs for PathMap in the environment, comma-separated
SLOTS = "slots"  # the resource by which a worker says how many units it does at a time
REPORT_PAUSE = 1.0  # seconds between two messages about progress
WATCH_PAUSE = 10.0  # seconds between two looks at whether a share answers, while units are done
IDLE = 3600.0  # seconds after which what is kept for a run is given up, as its end was not heard


class Terms(NamedTuple):
    """What a run says to each worker: its name, how its units are done, which folders they reach,
    by whether that is behind the wall, how many of a kind one machine does at a time, and what
    names the files of their models, pickled with its paths marked."""

    run: str
    settings: PoolSettings
    expected: Mapping[bool, Access]
    places: Places
    limits: Mapping[str, int]
    models: bytes


class Order(NamedTuple):
    """A Unit as it travels: `call` is the pickled function with its arguments."""

    kinds: tuple[str, ...]
    call: bytes
    timeout: float
    path: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    walled: bool


def machine_map() -> PathMap:
    """Where this machine has what runs have elsewhere."""
    return PathMap.parse(filter(None, os.environ.get(MAP_VARIABLE, "").split(",")))


def run_pickled(call: bytes, paths: PathMap) -> Any:
    """Call what was pickled. Runs in a process of the pool."""
    function, args = loads(call, paths)
    return function(*args)


class UnitEnd(threading.Event):
    """Set once nobody waits for a unit any more: the run cancelled it, or has ended.

    The worker knows when its scheduler has taken back what it is doing; asking that costs nothing,
    while an Event of distributed is asked for over the network.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.worker, self.key = worker, worker.get_current_task()

    def is_set(self) -> bool:
        task = self.worker.state.tasks.get(self.key)
        return super().is_set() or task is None or task.state == "cancelled"


class UnitJob(Job):
    """The job of one unit on a worker."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.cancelled = UnitEnd(worker)


class RemoteRun:
    """What a worker keeps of one run: the pool that does its units, and what that reports."""

    def __init__(self, terms: Terms, worker: Worker) -> None:
        self.terms, self.worker, self.paths = terms, worker, machine_map()
        settings = terms.settings._replace(processes=slots_of(worker))
        expected = {walled: self._here(access) for walled, access in terms.expected.items()}
        self.pool = LocalPool(settings, self._note, expected, by_folder=True)
        self.limits = {
            kind: threading.BoundedSemaphore(most) for kind, most in terms.limits.items()
        }
        self.at_work: list[Unit[Any]] = []
        self.ended = threading.Event()
        self.reports: dict[tuple[str, str], ProgressReport] = {}
        self.reported = self.used = time.monotonic()

    def _here(self, access: Access) -> Access:
        """What may be reached, as this machine has it."""
        reads, writes = (tuple(map(self.paths.apply, names)) for names in access[:2])
        return Access(reads, writes)

    def watch(self) -> None:
        """Until the run has ended: leave where its places do not answer while units are done."""
        while not self.ended.wait(WATCH_PAUSE):
            if not self.at_work:
                continue
            if problem := hanging_problem(self.terms.places, self.paths):
                leave(self.worker, self.terms.run, problem)
                return

    def close(self) -> None:
        """End what is kept for the run."""
        self.ended.set()
        self.pool.close()

    def _note(self, report: ProgressReport) -> None:
        """Keep what was reported of a video, and send all that is new now and then."""
        self.reports[report.video, report.worker_group] = report
        if time.monotonic() - self.reported >= REPORT_PAUSE:
            self.reported = time.monotonic()
            self.worker.log_event(self.terms.run, [list(r) for r in self.reports.values()])
            self.reports.clear()

    def do(self, order: Order) -> list[Any] | Failure:
        """What came of a unit. Raises CancelledError, and Reschedule where this machine has lost
        the places of the run."""
        from distributed import Reschedule

        self.used = time.monotonic()
        reads, writes = (
            frozenset(map(self.paths.apply, names)) for names in (order.reads, order.writes)
        )
        path, args = self.paths.apply(order.path), (order.call, self.paths)
        unit = Unit[Any](
            run_pickled, args, order.timeout, path, order.kinds, reads, writes, order.walled
        )
        outcomes = self._call(unit)
        if failed(outcomes) and (problem := place_problem(self.terms.places, self.paths, 0.0)):
            leave(self.worker, self.terms.run, problem)
            raise Reschedule
        return outcomes

    def _call(self, unit: Unit[Any]) -> list[Any] | Failure:
        """What came of a unit here; scratch files of a process that was ended go."""
        outcomes: list[Any] | Failure | None = None
        job = UnitJob(self.worker)
        try:
            with self._counted(unit.kinds, job):
                self.at_work.append(unit)
                outcomes = self.pool.call(job, unit)
                return outcomes
        finally:
            if unit in self.at_work:
                self.at_work.remove(unit)
            if not isinstance(outcomes, list):
                for folder in unit.writes:
                    remove_where_possible(abandoned_in(folder))

    @contextlib.contextmanager
    def _counted(self, kinds: tuple[str, ...], job: Job) -> Iterator[None]:
        """Count as one unit of each of its kinds, and of the worker, once there is room for it."""
        limits = [self.limits[kind] for kind in sorted(kinds) if kind in self.limits]
        with contextlib.ExitStack() as stack:
            for limit in (*limits, worker_room(slots_of(self.worker))):
                while not limit.acquire(timeout=0.1):
                    job.check()
                stack.callback(limit.release)
            yield


def failed(outcomes: list[Any] | Failure) -> bool:
    """Whether a unit failed, in any of its tasks."""
    return isinstance(outcomes, Failure) or any(o.status is Status.FAILED for o in outcomes)


def slots_of(worker: Worker) -> int:
    """How many units a worker does at a time; threads that it has beyond that wait."""
    nthreads: int = worker.state.nthreads
    return min(nthreads, int(worker.state.total_resources.get(SLOTS, nthreads)))


@functools.cache
def worker_room(slots: int) -> threading.BoundedSemaphore:
    """What the units of all runs take of a worker while they are done."""
    return threading.BoundedSemaphore(slots)


_runs: dict[str, RemoteRun] = {}
_runs_lock = threading.Lock()


def leave(worker: Worker, run: str, problem: str) -> None:
    """Take this worker out of its cluster, as it cannot do what it is given."""
    worker.log_event(run, problem)
    worker.loop.add_callback(functools.partial(worker.close, executor_wait=False, reason=problem))


async def admit(content: bytes, dask_worker: Worker) -> dict[str, Any]:
    """Make ready for a run, given its pickled Terms; what this machine says of itself.

    The worker is handed in by `Client.run`, for this name of the parameter.
    """
    terms: Terms = loads(content, PathMap())
    paths = machine_map()
    models = loads(terms.models, paths)
    checking = functools.partial(credentials, terms.places, paths, models)
    answer = await asyncio.to_thread(inheriting(checking))
    if not answer["problem"]:
        beginning = functools.partial(call_timely, terms.places, paths, begin, terms, dask_worker)
        await asyncio.to_thread(inheriting(beginning))
    offered = dask_worker.state.total_resources.keys() - {SLOTS}
    return answer | {
        "slots": slots_of(dask_worker),
        "kinds": sorted(offered),
        "is_mapped": bool(paths.pairs),
    }


def begin(terms: Terms, worker: Worker) -> None:
    """Keep what a run needs; what other runs needed that have not been heard of goes."""
    run = RemoteRun(terms, worker)
    threading.Thread(target=inheriting(run.watch), daemon=True).start()
    with _runs_lock:
        idle = [name for name, r in _runs.items() if time.monotonic() - r.used > IDLE]
        ended = [_runs.pop(name) for name in (*idle, terms.run) if name in _runs]
        _runs[terms.run] = run
    for other in ended:
        other.close()


def do_unit(run: str, number: int, order: tuple[Any, ...]) -> bytes:
    """The address of this worker, and what came of a unit of a run, pickled; nothing where it was
    cancelled, or the worker was not admitted to that run."""
    remote = _runs.get(run)
    if remote is None:
        return b""
    try:
        outcomes = remote.do(Order(*order))
    except CancelledError:
        return b""
    content = dumps((remote.worker.address, outcomes), remote.paths.inverse)
    send_result(remote.worker, run, number, content)
    return content


def send_result(worker: Worker, run: str, number: int, content: bytes) -> None:
    """Send what came of a unit to its run, ahead of the message that it is done: then the run need
    not ask the scheduler for it, nor the scheduler this worker."""
    worker.log_event(run, {"unit": number, "content": content})


async def end(run: str) -> None:
    """Give up what is kept for a run, and end its processes."""
    remote = _runs.pop(run, None)
    if remote:
        await asyncio.to_thread(inheriting(remote.close))


def describe() -> dict[str, str]:
    """What a scheduler says of its machine."""
    from videolib.core.cluster.facts import machine_name, package_version

    return {"name": machine_name(), "distributed": package_version("distributed")}
