"""Worker processes: every video, picture and sound of unknown origin is decoded in one of them."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core import sandbox
from videolib.core.confinement import inheriting
from videolib.core.errors import CancelledError, VideoError, exit_name
from videolib.core.files import make_folder, remove_empty_folder, stat_if_any
from videolib.core.processes import limit_memory
from videolib.core.progress import ProgressReport, ReportReader, parent_link
from videolib.core.sandbox import Access

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext
    from multiprocessing.synchronize import RLock

    import pebble

    from videolib.core.errors import Params, Returned
    from videolib.core.runs import Job

WORKER_MEMORY = 6 << 30  # bytes of address space; libraries reserve about 2 GiB of it unused
WORKER_TASKS = 200  # calls, then a fresh process: libav and its users leak a little


def prepare_worker(
    memory: int, to_parent: Connection, access: Access | None, search_path: str
) -> None:
    """Make a worker process safe to open strangers' files in, with `memory` bytes at most, and
    behind the wall that leaves it `access`; None: without. It looks for programs where the program
    does now, `search_path`, not where that did when the forkserver began.

    It ends with the program and with the forkserver: without that, its parent cannot know whether
    it is alive, takes it for ended and gives its call to another.
    """
    import multiprocessing

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with Path(os.devnull).open("wb") as devnull:
        os.dup2(devnull.fileno(), 1)  # where results are printed, not what libraries have to say
    limit_memory(memory)
    parent_link.connection = to_parent
    os.environ["PATH"] = search_path
    if access is not None:
        sandbox.enter(access)
    if parent := multiprocessing.parent_process():
        threading.Thread(
            target=exit_with_parents, args=(parent.sentinel, os.getppid()), daemon=True
        ).start()


def exit_with_parents(sentinel: int, forkserver: int) -> None:
    """End this process when the program or the forkserver has ended, in whatever way."""
    from multiprocessing.connection import wait

    while os.getppid() == forkserver and not wait([sentinel], 1.0):
        continue
    os._exit(1)


_environment_lock = threading.Lock()


def start_forkserver() -> None:
    """Start the process that workers are forked from, where it is not yet running.

    It must not look for modules in the working directory, which may be a stranger's folder of
    videos: it finds this program's own folder and what is installed. Ctrl-C in a terminal reaches
    every process: this one deals with it, and the forkserver and its workers block it.
    """
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # its own start would let SIGINT through again
    with _environment_lock:
        signal_mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        before = dict(os.environ)
        paths = [str(Path(__file__).resolve().parents[2]), before.get("PYTHONPATH", "")]
        os.environ |= {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, signal_mask)
            for name in ("PYTHONSAFEPATH", "PYTHONPATH"):
                os.environ.pop(name)
                if name in before:
                    os.environ[name] = before[name]


def forkserver_context(locks: list[RLock]) -> ForkServerContext:
    """A forkserver context for one pool, whose locks are in `locks`, too.

    They are to stay there until the pool has ended: it drops them before its workers end, and a
    worker that just begins would not find them by name. Then `locks` is to be cleared, which takes
    the names out of the system. Left to the garbage collector, that would never be done in a
    process which a signal ends, or at a time when the resource tracker cannot be called.

    What comes through the context's pipes is checked when it is unpickled in this process.
    """
    from multiprocessing.context import ForkServerContext

    from videolib.core.unpickling import receive

    context = ForkServerContext()
    create_rlock, create_pipe = context.RLock, context.Pipe

    def rlock() -> RLock:
        locks.append(create_rlock())
        return locks[-1]

    def pipe(duplex: bool = True) -> tuple[Any, Any]:
        reader, writer = create_pipe(duplex)
        vars(reader)["recv"] = functools.partial(receive, reader)  # a copy in a worker has it not
        return reader, writer

    context.RLock = rlock  # type: ignore[method-assign]
    context.Pipe = pipe  # type: ignore[method-assign]
    return context


UNKNOWN_EXIT = 255  # what multiprocessing tells of a process whose forkserver has ended


class WorkerLostError(Exception):
    """A worker process ended before it had begun with its call."""


def scheduled(
    pool: pebble.ProcessPool,
    timeout: float,
    function: Callable[..., Returned],
    args: Sequence[Any],
    named: Mapping[str, Any],
) -> Future[Returned]:
    """The call, given to a pool. Raises WorkerLostError where that has no process."""
    try:
        return pool.schedule(function, args, named, timeout=timeout or None)
    except RuntimeError:  # which includes BrokenProcessPool
        raise WorkerLostError from None


def inodes(paths: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Device and inode of those of the paths that lead to something, by path."""
    stats = ((path, stat_if_any(path)) for path in paths)
    return {path: (status.st_dev, status.st_ino) for path, status in stats if status}


class Workers:
    """At most `count` processes that decode; calls and their results must be picklable.

    A crash costs the one call that caused it, a hang is killed at its timeout. `imports` names
    modules that the forkserver loads once for all; `on_progress` gets what workers report of the
    videos they work on: {video, worker_group, share, note}. Where the system has it they are
    `walled`: what they may reach has to be admitted first.

    Each process is the only one of a pool of its own. Processes of one pool share a channel, and
    one that is killed at the wrong moment takes the channel's lock or a call with it: the others
    would wait for ever.
    """

    def __init__(
        self,
        count: int,
        imports: Iterable[str],
        memory: int = WORKER_MEMORY,
        on_progress: Callable[[ProgressReport], None] = lambda report: None,
        walled: bool = True,
    ) -> None:
        self.count, self.imports, self.memory = count, sorted(imports), memory
        self.on_progress = on_progress
        self.walled = walled and not sandbox.obstacle()
        self.readable: dict[str, tuple[int, int]] = {}  # see `inodes`
        self.writable: dict[str, tuple[int, int]] = {}
        self.reports: ReportReader | None = None  # once there are processes
        self.made: list[Path] = []  # folders that were made to be written in
        self.lock = threading.Lock()
        self.vacancies = threading.BoundedSemaphore(max(count, 1))
        self.pools: dict[pebble.ProcessPool, list[RLock]] = {}  # and the locks of each
        self.locks_of_lost: list[RLock] = []  # see _discard
        self.idle: list[pebble.ProcessPool] = []
        self.outdated: list[pebble.ProcessPool] = []  # of processes that may not reach enough
        self.closed = False

    def _prepare(self) -> None:
        """Make what the processes of all pools share, among it the pipe into which they report."""
        import importlib.machinery
        import multiprocessing

        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        main_module = sys.modules["__main__"]
        if main_module.__spec__ is None:
            # Workers import what they need; without a spec each would run the whole script first.
            main_module.__spec__ = importlib.machinery.ModuleSpec("__main__", None)
        multiprocessing.set_forkserver_preload(["pebble", *self.imports])
        from_workers, self.to_parent = multiprocessing.Pipe(duplex=False)
        self.reports = ReportReader(from_workers)

    def listen(self) -> None:
        """Hand on what workers have reported since."""
        with self.lock:
            for report in self.reports.read() if self.reports else ():
                self.on_progress(report)

    def admit(self, reads: Iterable[str], writes: Iterable[str] = ()) -> bool:
        """Let calls from now on read these files and folders, and write in these folders; whether
        they could not before.

        A folder to write in is made, where it can be: the wall stands on what is there. One that
        stays empty goes again. Processes that may not reach all of it, or an earlier file of that
        name, are replaced before they get another call.
        """
        if not self.walled:
            return False
        writes, is_new = list(writes), False
        for folder in map(Path, writes):
            self._make_folder(folder)
        with self.lock:
            for admitted, current in (
                (self.readable, inodes(reads)),
                (self.writable, inodes(writes)),
            ):
                if not current.items() <= admitted.items():
                    admitted |= current
                    self.outdated, is_new = list(self.pools), True
        return is_new

    def _make_folder(self, folder: Path) -> None:
        """Make a folder where it is not there; what needs it will say why where it cannot be."""
        with contextlib.suppress(OSError):
            around = (folder, *folder.parents)
            missing = list(itertools.takewhile(lambda path: not path.exists(), around))
            if missing:
                make_folder(folder)
                self.made += reversed(missing)

    def _access(self) -> Access | None:
        """What processes that start now may reach; None: everything."""
        if not self.walled:
            return None
        programs = tuple(sandbox.media_programs())
        return Access(tuple(self.readable), tuple(self.writable), programs)

    def call(
        self,
        job: Job,
        timeout: float,
        function: Callable[Params, Returned],
        *args: Params.args,
        **named: Params.kwargs,
    ) -> Returned:
        """Run a function in a worker and wait; cancelling the job kills the worker.

        A call that had not begun when its process ended is tried again, once. Raises VideoError
        for a crash or a hang and CancelledError; else what the function raises.
        """
        function = inheriting(function)
        while not self.vacancies.acquire(timeout=0.1):
            job.check()
        try:
            try:
                return self._call_once(job, timeout, self._take_pool(), function, args, named)
            except WorkerLostError:
                return self._call_once(job, timeout, self._new_pool(), function, args, named)
        except WorkerLostError:
            advice = "is the machine out of memory? Run again"
            raise VideoError(f"its worker process ended before it began, twice: {advice}") from None
        finally:
            self.vacancies.release()

    def _call_once(
        self,
        job: Job,
        timeout: float,
        pool: pebble.ProcessPool,
        function: Callable[..., Returned],
        args: Sequence[Any],
        named: Mapping[str, Any],
    ) -> Returned:
        """The same in this pool, tried once. Raises also WorkerLostError."""
        from concurrent.futures.process import BrokenProcessPool

        from pebble import ProcessExpired

        from videolib.core.unpickling import UnreadableMessageError

        try:
            result = self._wait(job, pool, scheduled(pool, timeout, function, args, named))
        except (ProcessExpired, BrokenProcessPool, WorkerLostError, CancelledError) as end:
            self._discard(pool)
            # A signal to the whole group ends workers before this process has heard of it.
            if isinstance(end, CancelledError) or job.cancelled.wait(0.2):
                raise CancelledError from None
            if isinstance(end, ProcessExpired) and end.exitcode != UNKNOWN_EXIT:
                raise VideoError(f"its decoder crashed ({exit_name(end.exitcode)})") from None
            if isinstance(end.__cause__, UnreadableMessageError):
                raise VideoError(f"its decoder gave no result: {end.__cause__}") from None
            raise WorkerLostError from None
        except TimeoutError:
            self._discard(pool)
            raise VideoError(
                f"took longer than {timeout:g} s and was stopped: see --timeout"
            ) from None
        except BaseException:
            self._give_back(pool)
            raise
        self._give_back(pool)
        return result

    def _wait(self, job: Job, pool: pebble.ProcessPool, future: Future[Returned]) -> Returned:
        """The result of a call, while its pool lives and the job is not cancelled."""
        import concurrent.futures

        while not job.cancelled.is_set():
            active = pool.active  # before the look at the call, which may end with its pool
            ended = concurrent.futures.wait([future], 0.1).done
            self.listen()  # after the end was seen: nothing is reported of this call later
            if ended:
                return future.result()
            if not active:
                raise CancelledError if self.closed else WorkerLostError
        future.cancel()
        raise CancelledError

    def _take_pool(self) -> pebble.ProcessPool:
        """A pool that no other call uses. Raises CancelledError after `close`."""
        while True:
            with self.lock:
                if not self.idle:
                    break
                pool = self.idle.pop()
                if pool not in self.outdated:
                    return pool
            self._discard(pool)
        return self._new_pool()

    def _new_pool(self) -> pebble.ProcessPool:
        """A pool whose process has yet to be started. Raises CancelledError after `close`."""
        import pebble

        with self.lock:
            if self.closed:
                raise CancelledError
            if not self.reports:
                self._prepare()
            start_forkserver()
            search_path = os.environ.get("PATH", os.defpath)
            arguments = (self.memory, self.to_parent, self._access(), search_path)
            locks: list[RLock] = []
            context = forkserver_context(locks)
            pool = pebble.ProcessPool(1, WORKER_TASKS, prepare_worker, arguments, context)
            self.pools[pool] = locks
            return pool

    def _give_back(self, pool: pebble.ProcessPool) -> None:
        """Keep a pool, and its process, for the next call."""
        with self.lock:
            self.idle.append(pool)

    def _discard(self, pool: pebble.ProcessPool) -> None:
        """End a pool and its process, unless `close` does: a pool is to be ended once.

        Its locks keep their names until `close`: where the forkserver was killed nobody can wait
        for the process, which may just begin.
        """
        with self.lock:
            if self.closed:
                return
            self.locks_of_lost += self.pools.pop(pool)
            if pool in self.outdated:
                self.outdated.remove(pool)
        pool.stop()
        pool.join()

    def close(self) -> None:
        """End the processes; calls that still run are cancelled."""
        with self.lock:
            self.closed, pools = True, dict(self.pools)
        for pool in pools:
            pool.stop()
        for pool, locks in pools.items():
            pool.join()
            locks.clear()
        self.locks_of_lost.clear()
        for folder in reversed(self.made):
            with contextlib.suppress(OSError):  # something is in it
                remove_empty_folder(str(folder))
