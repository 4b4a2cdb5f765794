"""A cluster in simulated time: a thousand workers for an hour, in a minute on one core.

What decides is real: the state machine of distributed's scheduler with its work stealing, the
WorkQueue of a run, and the workers that a ClusterPool chooses among for each unit. Simulated are
the clock, the network, which takes no time, and the workers, which are rows in a list of events.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from support.simulated import nothing

from videolib.core.cluster.connection import NO_DASHBOARD, configure
from videolib.core.cluster.pool import ClusterPool, ClusterWorker
from videolib.core.console import Console
from videolib.core.pools import PoolSettings, Unit
from videolib.core.runs import Job, WorkQueue

CLIENT = "run"
NOTICED = 1.0  # seconds after which a run sees that workers have gone
BALANCED = 1.0  # seconds between two rounds of work stealing


class Item(NamedTuple):
    """A unit of one kind, and the seconds that it takes."""

    kinds: tuple[str, ...]
    seconds: float


class Totals(NamedTuple):
    """What came of a simulation.

    `done`: units, some of them `repeated`. `length`: seconds until nothing was left to begin, in
    which that `utilization` of the slots was at work. `pauses`: by kind, the longest seconds in
    which none of its units was begun, until the last was. `processor`: the scheduler's seconds of
    processor time.
    """

    done: int
    repeated: int
    length: float
    utilization: float
    pauses: dict[str, float]
    processor: float


class Stream:
    """What the scheduler sends to a worker or to the run."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send(self, *messages: dict[str, Any]) -> None:
        self.messages += messages


class SimulatedWorker:
    """One slot: the unit that it does, and those that wait there."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.ready = stream, deque[tuple[str, int]]()
        self.current: tuple[str, int] | None = None


class Simulation:
    """Workers of a cluster and one run, with the events that are to come."""

    def __init__(self, scheduler: Any, pool: ClusterPool, items: Sequence[Item]) -> None:
        self.scheduler, self.pool = scheduler, pool
        self.job = Job(Console())
        caps = {kind: sys.maxsize for item in items for kind in item.kinds}
        self.queue = WorkQueue(items, caps, pool.width, self.job.limits)
        self.left = len(items)
        self.workers: dict[str, SimulatedWorker] = {}
        self.events: list[tuple[float, int, str, Any]] = []
        self.numbers = itertools.count()
        self.now, self.processor = 0.0, 0.0
        self.running: dict[str, Item] = {}  # by key, what was submitted and is not done
        self.begun: list[tuple[float, str]] = []
        self.done, self.repeated, self.exhausted = 0, 0, 0.0
        self.spans: list[tuple[float, float]] = []  # in which a slot was at work
        self.slot_seconds, self.changed_at = 0.0, 0.0

    def at(self, seconds: float, what: str, data: Any = None) -> None:
        heapq.heappush(self.events, (seconds, next(self.numbers), what, data))

    def decide(self, function: Any, *args: Any, **named: Any) -> None:
        """Have the scheduler deal with something, and count its time."""
        began = time.process_time()
        function(*args, **named)
        self.processor += time.process_time() - began

    def submit(self) -> None:
        """Give the scheduler units, as many as the run has at a time."""
        from dask._task_spec import Task

        while self.left and len(self.running) < self.pool.width and self.queue.next():
            item = self.queue.take(self.job)
            assert item
            self.left -= 1
            self.exhausted = self.now
            unit = Unit(nothing, (), 0.0, "/video.mp4", item.kinds)
            machines = self.pool._choose(self.job, unit)
            assert isinstance(machines, list)
            key = f"{item.kinds[0]}-{next(self.numbers)}"
            self.running[key] = item
            self.decide(self._submit, key, {m.address for m in machines}, Task(key, int))

    def _submit(self, key: str, addresses: set[str], spec: Any) -> None:
        task = self.scheduler.new_task(key, spec, "released")
        task.priority, task.worker_restrictions = (0, next(self.numbers), 0), addresses
        self.scheduler.client_desires_keys([key], CLIENT)
        self.scheduler.transitions({key: "waiting"}, f"submit-{key}")

    def deliver(self) -> None:
        """Let workers have what was sent to them, until nothing more is sent."""
        while busy := [(a, w) for a, w in self.workers.items() if w.stream.messages]:
            for address, worker in busy:
                messages, worker.stream.messages = worker.stream.messages, []
                for message in messages:
                    self.receive(address, worker, message)

    def receive(self, address: str, worker: SimulatedWorker, message: dict[str, Any]) -> None:
        """Do what the scheduler says."""
        if message["op"] == "compute-task":
            worker.ready.append((message["key"], message["run_id"]))
            self.begin(address, worker)
        elif message["op"] == "steal-request":
            waiting = [unit for unit in worker.ready if unit[0] == message["key"]]
            for unit in waiting:
                worker.ready.remove(unit)
            self.decide(
                self.scheduler.extensions["stealing"].move_task_confirm,
                key=message["key"],
                state="ready" if waiting else "executing",
                stimulus_id=message["stimulus_id"],
            )

    def begin(self, address: str, worker: SimulatedWorker) -> None:
        """Begin the next unit of a worker that does nothing."""
        if worker.current or not worker.ready:
            return
        worker.current = key, _ = worker.ready.popleft()
        item = self.running[key]
        self.begun.append((self.now, item.kinds[0]))
        self.at(self.now + item.seconds, "finish", (address, worker.current, self.now))

    def finish(self, address: str, unit: tuple[str, int], began: float) -> None:
        """End a unit, unless its worker has gone."""
        worker = self.workers.get(address)
        if not worker:
            return
        key, run_id = unit
        worker.current = None
        self.spans.append((began, self.now))
        span = {"action": "compute", "start": began, "stop": self.now}
        self.decide(
            self.scheduler.handle_task_finished,
            key=key,
            worker=address,
            stimulus_id=f"finish-{key}",
            run_id=run_id,
            nbytes=300,
            type=b"",
            typename="bytes",
            thread=1,
            startstops=[span],
            metadata={},
        )
        self.decide(self.scheduler.client_releases_keys, [key], CLIENT, f"release-{key}")
        item = self.running.pop(key)
        self.done += 1
        self.queue.done(item)
        self.begin(address, worker)

    async def vanish(self, addresses: Sequence[str]) -> None:
        """Have workers gone at once, as when a switch fails."""
        for address in addresses:
            worker = self.workers.pop(address)
            self.repeated += bool(worker.current)
            began = time.process_time()
            await self.scheduler.remove_worker(address, stimulus_id="vanish", close=False)
            self.processor += time.process_time() - began
        self.at(self.now + NOTICED, "notice", addresses)

    def notice(self, addresses: Sequence[str]) -> None:
        """Let the run see which workers have gone."""
        gone = set(addresses)
        self.pool.machines = {a: m for a, m in self.pool.machines.items() if a not in gone}

    def count_slots(self) -> None:
        """Add the seconds that the slots were there since the last change."""
        self.slot_seconds += len(self.workers) * (self.now - self.changed_at)
        self.changed_at = self.now

    async def run(self, vanishing: float) -> Totals:
        """Until all is done; a tenth of the workers vanishes after that many seconds."""
        self.at(vanishing, "vanish")
        self.at(BALANCED, "balance")
        self.submit()
        self.deliver()
        while self.running:
            self.now, _, what, data = heapq.heappop(self.events)
            if self.left:
                self.count_slots()
            if what == "finish":
                self.finish(*data)
            elif what == "balance":
                self.decide(self.scheduler.extensions["stealing"].balance)
                self.at(self.now + BALANCED, "balance")
            elif what == "vanish":
                await self.vanish(list(self.workers)[: len(self.workers) // 10])
            else:
                self.notice(data)
            self.submit()
            self.deliver()
        return self.totals()

    def totals(self) -> Totals:
        """What has come of it."""
        busy = sum(max(min(end, self.exhausted) - begin, 0.0) for begin, end in self.spans)
        begun: dict[str, list[float]] = {}
        for seconds, kind in self.begun:
            begun.setdefault(kind, [0.0]).append(seconds)
        pauses = {
            kind: max(later - earlier for earlier, later in itertools.pairwise(times))
            for kind, times in begun.items()
        }
        utilization = busy / self.slot_seconds
        return Totals(self.done, self.repeated, self.exhausted, utilization, pauses, self.processor)


def bare_pool(count: int) -> ClusterPool:
    """The part of a ClusterPool that chooses workers, with these, each of one slot."""
    pool = object.__new__(ClusterPool)
    pool.settings, pool.limits = PoolSettings(sys.maxsize, frozenset()), {}
    pool.changed, pool.failure, pool.closed = threading.Condition(), "", False
    addresses = (f"tcp://10.{n >> 8}.{n & 255}.1:1" for n in range(count))
    pool.machines = {a: ClusterWorker(a, a, 1) for a in addresses}
    return pool


async def simulate(count: int, items: Sequence[Item], vanishing: float) -> Totals:
    """What came of units on that many workers of one slot."""
    from distributed import Scheduler
    from distributed import scheduler as scheduler_module

    configure()
    vars(scheduler_module.version_module)["error_message"] = lambda *args, **named: {}
    pool = bare_pool(count)
    scheduler = Scheduler(dashboard=False, dashboard_address=NO_DASHBOARD, port=0)
    simulation = Simulation(scheduler, pool, items)
    scheduler.client_comms[CLIENT] = Stream()
    for address in pool.machines:
        await add_worker(scheduler, address)
        stream = scheduler.stream_comms[address] = Stream()
        simulation.workers[address] = SimulatedWorker(stream)
    try:
        return await simulation.run(vanishing)
    finally:
        scheduler.stream_comms.clear()
        scheduler.client_comms.clear()
        await scheduler.close()


class Silence:
    """A connection over which nothing comes."""

    async def write(self, message: Any) -> None:
        """Take no notice."""


async def add_worker(scheduler: Any, address: str) -> None:
    """Enter a worker; what the scheduler would hear from it is left out."""

    async def handle_worker(comm: Any, worker: str) -> None:
        """In the place of reading from it until it has gone."""

    scheduler.handle_worker = handle_worker
    bandwidth = {"total": 1e8, "workers": {}, "types": {}}
    spilled = {"memory": 0, "disk": 0}
    metrics = {"memory": 0, "spilled_bytes": spilled, "bandwidth": bandwidth}
    await scheduler.add_worker(
        Silence(),
        address=address,
        status="running",
        server_id=address,
        nthreads=1,
        name=address,
        resolve_address=False,
        now=time.time(),
        resources={"slots": 1},
        memory_limit=0,
        metrics=metrics | {"digests_total_since_heartbeat": {}},
        services={},
        local_directory="",
        versions={},
        nanny="",
        extra={},
        stimulus_id=f"add-{address}",
    )


def simulated(count: int, items: Sequence[Item], vanishing: float) -> Totals:
    """The same, to its end."""
    return asyncio.run(simulate(count, items, vanishing))
