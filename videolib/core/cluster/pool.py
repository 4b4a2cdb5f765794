"""ClusterPool: units of work done by the workers of a scheduler."""

from __future__ import annotations

import contextlib
import itertools
import random
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.cluster import remote
from videolib.core.cluster.admission import marked_places, refusal
from videolib.core.cluster.connection import SILENCE, ClusterSettings, connect, need_program
from videolib.core.cluster.models import model_marks, other_model
from videolib.core.cluster.paths import dumps, load_result
from videolib.core.cluster.remote import Order, Terms
from videolib.core.confinement import inheriting
from videolib.core.console import Level
from videolib.core.errors import CancelledError, Failure, VideoError, reason_of
from videolib.core.pools import Done, PoolSettings, Unit
from videolib.core.program import program_name
from videolib.core.progress import ProgressReport
from videolib.core.sandbox import Access
from videolib.core.text import plural, printable

if TYPE_CHECKING:
    from distributed import Future

    from videolib.core.runs import Job

WINDOW = 2  # units for each slot that a scheduler has at a time: one at work, one that is near
CHOICES = 16  # workers among which the scheduler may choose for a unit
MOST_FOLDERS = 2000  # that workers are told of beforehand: of others each unit tells
LOOKS = 1.0  # seconds between two looks at which workers there are
FIRST_WORKER = 10.0  # seconds to wait for a worker before the run begins
NEXT_WORKER = 60.0  # seconds to wait for another where the last one has gone
FAREWELL = 1.0  # seconds that workers get to end what they do for a run


class ClusterWorker(NamedTuple):
    """A worker that was admitted. `kinds`: the only ones that it does, by the first word of each;
    empty: all. `is_mapped`: it has folders at other paths than the run."""

    address: str
    name: str
    slots: int
    kinds: frozenset[str] = frozenset()
    is_mapped: bool = False
    lacks: frozenset[str] = frozenset()  # kinds for which something is missing there

    def does(self, kinds: Iterable[str]) -> bool:
        """Whether it does units of these kinds."""
        kinds = frozenset(kinds)
        served = not self.kinds or self.kinds.issuperset(kind.split()[0] for kind in kinds)
        return served and self.lacks.isdisjoint(kinds)


class Ticket:
    """A unit that was submitted, and the workers that may do it; `woken` when there is news."""

    def __init__(self, number: int, machines: Sequence[ClusterWorker]) -> None:
        self.number = number
        self.addresses = [machine.address for machine in machines]
        self.woken = threading.Event()
        self.stranded = False  # none of the workers is left
        self.done_by = ""
        self.content = b""  # its result, as soon as it was sent
        self.future: Future[bytes] | None = None


class ClusterPool:
    """The workers of a scheduler as a Pool: those that are there, and those that join later.

    A worker gets work once it was admitted: until then it is not among those from which the
    scheduler may choose. Where one dies, the scheduler gives what it had to another.
    """

    def __init__(
        self,
        job: Job,
        cluster: ClusterSettings,
        settings: PoolSettings,
        on_progress: Callable[[ProgressReport], None],
        expected: Mapping[bool, Access],
        videos: Sequence[str],
        limits: Mapping[str, int],
    ) -> None:
        """Connect, and wait for the first worker. `limits`: units of a kind that one machine does
        at a time. Raises VideoError and UsageError."""
        cluster.check()
        self.job, self.cluster, self.settings = job, cluster, settings
        self.on_progress, self.limits = on_progress, limits
        self.run = f"videos-{uuid.uuid4().hex[:12]}"
        self.changed = threading.Condition()
        self.machines: dict[str, ClusterWorker] = {}
        self.refused: set[str] = set()
        self.tickets: dict[int, Ticket] = {}  # by their numbers
        self.reports: list[list[Any]] = []
        self.failure = ""
        self.closed = False
        self.numbers = itertools.count()
        self.resources = contextlib.ExitStack()
        with contextlib.ExitStack() as opened:
            folders = sorted(set().union(*(access.writes for access in expected.values())))
            places = opened.enter_context(marked_places(videos, folders))
            if sum(len(access.reads) for access in expected.values()) > MOST_FOLDERS:
                expected = {walled: Access() for walled in expected}
            models, settings = settings.models, settings._replace(models={})
            self.models = model_marks(models)
            terms = Terms(self.run, settings, expected, places, dict(limits), dumps(models))
            self.terms = dumps(terms)
            self.client = connect(cluster)
            opened.callback(self.client.close, timeout=2)
            need_program(self.client, cluster.address)
            self.scheduler = self.client.scheduler
            self.client.subscribe_topic(self.run, self._hear)
            self._wait_for_workers()
            self.resources = opened.pop_all()
        threading.Thread(target=inheriting(self._follow_job), daemon=True).start()
        threading.Thread(target=inheriting(self._follow_workers), daemon=True).start()

    # --- what there is ----------------------------------------------------------------------------

    @property
    def slots(self) -> int:
        """How many units the workers do at a time."""
        return sum(machine.slots for machine in self.machines.values())

    @property
    def width(self) -> int:
        """How many units may be called at a time: a few more than are done."""
        return min(self.slots * WINDOW, self.settings.processes)

    def room(self, kind: str) -> int:
        """How many units of a kind all the workers do at a time."""
        limit = self.limits.get(kind)
        machines = [machine for machine in self.machines.values() if machine.does([kind])]
        return sum(min(limit, m.slots) for m in machines) if limit else sys.maxsize

    def _say(self, text: str, level: Level = Level.WARNING) -> None:
        self.job.console.say(f"cluster: {printable(text)}", level)

    def _wait_for_workers(self) -> None:
        """Admit the workers that are there. Raises VideoError where none can be used."""
        deadline = time.monotonic() + FIRST_WORKER
        while not self.machines:
            self._look()
            self.job.check()
            if self.refused and not self.machines:
                raise VideoError(f"{self.cluster.address}: no worker there can be used")
            if not self.machines and time.monotonic() > deadline:
                advice = (
                    f"start one on each machine: {program_name()} worker {self.cluster.address}"
                )
                raise VideoError(f"{self.cluster.address}: no worker has joined it: {advice}")
            if not self.machines:
                time.sleep(0.1)

    def _look(self) -> None:
        """See which workers have come and gone. Raises OSError where the scheduler is gone."""
        present = self.client.sync(self.scheduler.ncores, callback_timeout=SILENCE)
        gone = self.machines.keys() - present.keys()
        new = present.keys() - self.machines.keys() - self.refused
        self.refused &= present.keys()
        names = [machine.name for a, machine in self.machines.items() if a in gone]
        admitted = self._admit(sorted(new)) if new else {}
        if not (gone or admitted):
            return
        with self.changed:
            self.machines = {a: m for a, m in self.machines.items() if a not in gone} | admitted
            for ticket in self.tickets.values():
                if self.machines.keys().isdisjoint(ticket.addresses):
                    ticket.stranded = True
                    ticket.woken.set()
            self.changed.notify_all()
        left = f"{', '.join(sorted(set(names)))} left: " if names else ""
        workers = f"{plural(len(self.machines), 'worker')}, {plural(self.slots, 'slot')}"
        self._say(f"{left}{workers}", Level.WARNING if names else Level.INFO)

    def _admit(self, addresses: Sequence[str]) -> dict[str, ClusterWorker]:
        """Check workers that are new; those that may be used, by their addresses."""
        asked = time.time()
        answers = self.client.run(
            remote.admit, self.terms, workers=list(addresses), on_error="return"
        )
        answered = time.time()
        machines = {}
        for address, answer in answers.items():
            if isinstance(answer, OSError):  # it has gone meanwhile
                continue
            problem = (
                reason_of(answer)
                if isinstance(answer, BaseException)
                else refusal(answer, asked, answered)
            )
            if problem:
                name = answer["name"] if isinstance(answer, dict) else address
                self.refused.add(address)
                self._say(f"{name} is left out: it {problem}")
            else:
                machines[address] = self._admitted(address, answer)
        return machines

    def _admitted(self, address: str, answer: Mapping[str, Any]) -> ClusterWorker:
        """A worker that may be used, without the kinds for which it has another model."""
        name, models = answer["name"], answer["models"]
        others = {kind: file for kind in models if (file := other_model(kind, self.models, models))}
        for kind, file in others.items():
            self._say(f"{name} makes no {kind}: its {file} is another model's; put the run's there")
        self.models = {kind: models[kind] | self.models[kind] for kind in models}
        kinds, is_mapped = frozenset(answer["kinds"]), answer["is_mapped"]
        return ClusterWorker(address, name, answer["slots"], kinds, is_mapped, frozenset(others))

    # --- threads ----------------------------------------------------------------------------------

    def _follow_job(self) -> None:
        """Until the pool is closed: end all calls when the job is cancelled, or the connection is
        lost."""
        while not self.closed:
            if self.job.cancelled.wait(0.1):
                self._end_calls()
                return
            if self.client.status != "running":
                self._fail("the connection to it was lost")

    def _follow_workers(self) -> None:
        """Until the pool is closed: see which workers come and go."""
        while not (self.closed or self.failure or self.job.cancelled.wait(LOOKS)):
            try:
                self._look()
            except TimeoutError:
                self._fail("it does not answer")
            except (OSError, RuntimeError):  # the latter once the client is closed
                self._fail("the connection to it was lost")

    def _fail(self, reason: str) -> None:
        """Let no unit be done any more: the scheduler is gone."""
        if not (self.failure or self.closed or self.job.cancelled.is_set()):
            self.failure = (
                f"{self.cluster.address}: {reason}: what was made stays; run again for the rest"
            )
            self._end_calls()

    def _end_calls(self) -> None:
        """Wake all calls, which will find that they are over, and have their units stopped."""
        with self.changed:
            tickets = list(self.tickets.values())
            self.changed.notify_all()
        futures = [ticket.future for ticket in tickets if ticket.future]
        if futures and not self.failure:
            with contextlib.suppress(OSError, TimeoutError):
                self.client.cancel(futures)
        for ticket in tickets:
            ticket.woken.set()

    def _hear(self, event: tuple[float, Any]) -> None:
        """What a worker tells the run: progress, what came of a unit, or why it leaves."""
        message = event[1]
        if isinstance(message, str):
            self._say(message)
        elif isinstance(message, dict):
            if ticket := self.tickets.get(message["unit"]):
                ticket.content = message["content"]
        else:
            self.reports += message

    # --- a unit -----------------------------------------------------------------------------------

    def call(self, job: Job, unit: Unit[Done]) -> list[Done] | Failure:
        """What came of a unit on one of the workers. Raises CancelledError."""
        order = Order(
            unit.kinds,
            dumps((inheriting(unit.function), tuple(unit.args))),
            unit.timeout,
            unit.path,
            tuple(unit.reads),
            tuple(unit.writes),
            unit.walled,
        )
        while True:
            machines = self._choose(job, unit)
            if isinstance(machines, Failure):
                return machines
            ticket = Ticket(next(self.numbers), machines)
            with self.changed:
                self.tickets[ticket.number] = ticket
            try:
                outcomes = self._done(job, ticket, order)
            finally:
                with self.changed:
                    del self.tickets[ticket.number]
            if outcomes is not None and not (
                self._note_lack(outcomes, ticket) and self._able(unit)
            ):
                return outcomes

    def _note_lack(self, outcomes: list[Any] | Failure, ticket: Ticket) -> bool:
        """Whether a worker lacks what units need; it gets no more of these kinds."""
        failed = () if isinstance(outcomes, Failure) else outcomes
        lacks = frozenset(o.kind for o in failed if o.facts.get("lacking"))
        with self.changed:
            if machine := self.machines.get(ticket.done_by):
                machine = machine._replace(lacks=machine.lacks | lacks)
                self.machines[ticket.done_by] = machine
        return bool(lacks)

    def _check(self, job: Job) -> None:
        """Raise CancelledError where no unit is done any more."""
        job.check()
        if self.closed or self.failure:
            raise CancelledError

    def _able(self, unit: Unit[Any]) -> list[ClusterWorker]:
        """The workers that may do a unit."""
        able = (machine for machine in self.machines.values() if machine.does(unit.kinds))
        return [machine for machine in able if not (machine.is_mapped and unit.tells_paths)]

    def _choose(self, job: Job, unit: Unit[Any]) -> list[ClusterWorker] | Failure:
        """Workers among which the scheduler may choose for a unit, once there are some. Raises
        CancelledError."""
        deadline = time.monotonic() + NEXT_WORKER
        with self.changed:
            while True:
                self._check(job)
                able = self._able(unit)
                if able:
                    return random.sample(able, CHOICES) if len(able) > CHOICES else able
                if time.monotonic() > deadline:
                    return Failure(f"no worker of the cluster does {' and '.join(unit.kinds)}")
                self.changed.wait(0.5)

    def _done(self, job: Job, ticket: Ticket, order: Order) -> list[Any] | Failure | None:
        """What came of a unit; None where another worker has to do it. Raises CancelledError."""
        future = ticket.future = self.client.submit(
            remote.do_unit,
            self.run,
            ticket.number,
            tuple(order),
            key=f"{'+'.join(order.kinds) or 'unit'}-{self.run}-{ticket.number}",
            workers=ticket.addresses,
            pure=False,
        )
        future.add_done_callback(lambda _: ticket.woken.set())
        try:
            ticket.woken.wait()
            while not ticket.stranded:
                self._check(job)
                with contextlib.suppress(TimeoutError):  # it may be done again: its worker died
                    return self._result(future, ticket)
            return None
        finally:
            if not future.done() and not self.failure:
                self.client.cancel([future])
            future.release()
            self.listen()

    def _result(self, future: Future[bytes], ticket: Ticket) -> list[Any] | Failure | None:
        """The result of a future that is done. Raises TimeoutError."""
        from concurrent.futures import CancelledError as FutureCancelled

        from distributed import KilledWorker
        from distributed.comm import CommClosedError

        try:
            content = ticket.content or future.result(timeout=1.0)
        except TimeoutError:
            raise
        except KilledWorker:
            return Failure("the workers that had it died, one after the other: see their logs")
        except (FutureCancelled, CommClosedError):  # the latter where the result was on its way
            time.sleep(0.1)  # the connection was lost, which is about to be noticed
            return None
        except Exception as error:  # noqa: BLE001 - whatever another machine raises
            return Failure(reason_of(error))
        if content:
            outcomes: list[Any] | Failure
            ticket.done_by, outcomes = load_result(content)
            return outcomes
        with self.changed:  # a worker that was started again does not know the run
            for address in ticket.addresses:
                self.machines.pop(address, None)
        return None

    def listen(self) -> None:
        """Hand on what was reported of videos."""
        with self.changed:
            rows, self.reports = self.reports, []
            for row in rows:
                self.on_progress(ProgressReport(*row))

    def close(self) -> None:
        """Let the workers forget the run, and leave."""
        self.closed = True
        self._end_calls()
        if not self.failure:
            farewell = threading.Thread(target=inheriting(self._end_run), daemon=True)
            farewell.start()
            farewell.join(FAREWELL)
        self.resources.close()

    def _end_run(self) -> None:
        """Have the workers give up what they keep for the run."""
        with contextlib.suppress(OSError):  # some have gone
            self.client.run(remote.end, self.run, workers=list(self.machines), on_error="ignore")
