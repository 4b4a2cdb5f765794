"""Worker processes: every video, picture and sound of unknown origin is decoded in one of them."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import CancelledError, VideoError, exit_name
from videolib.core.progress import parent_link

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


def prepare_worker(memory: int, to_parent: Connection) -> None:
    """Make a worker process safe to open strangers' files in, with `memory` bytes at most."""
    import multiprocessing
    import resource

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with Path(os.devnull).open("wb") as devnull:
        os.dup2(devnull.fileno(), 1)  # where results are printed, not what libraries have to say
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    parent_link.connection = to_parent
    if parent := multiprocessing.parent_process():
        threading.Thread(target=exit_with_parent, args=(parent.sentinel,), daemon=True).start()


def exit_with_parent(sentinel: int) -> None:
    """End this process when its parent has ended, in whatever way."""
    from multiprocessing.connection import wait

    wait([sentinel])
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


def forkserver_context() -> ForkServerContext:
    """A forkserver context that keeps its locks as long as it lives: a pool that is stopped drops
    them before its workers end, and a worker that just begins would not find them by name."""
    from multiprocessing.context import ForkServerContext

    context, locks = ForkServerContext(), []
    create_rlock = context.RLock

    def rlock() -> RLock:
        locks.append(create_rlock())
        return locks[-1]

    context.RLock = rlock  # type: ignore[method-assign]
    return context


class Workers:
    """A pool of processes that decode; calls and their results must be picklable.

    A crash costs the one call that caused it, a hang is killed at its timeout. `imports` names
    modules that the forkserver loads once for all; `on_progress` gets what workers report of the
    videos they work on: {video, worker_group, share, note}.
    """

    def __init__(
        self,
        count: int,
        imports: Iterable[str],
        memory: int = WORKER_MEMORY,
        on_progress: Callable[[Mapping[str, Any]], None] = lambda message: None,
    ) -> None:
        self.count, self.imports, self.memory = count, sorted(imports), memory
        self.on_progress = on_progress
        self.lock = threading.Lock()

    @functools.cached_property
    def pool(self) -> pebble.ProcessPool:
        import importlib.machinery

        import pebble

        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        main_module = sys.modules["__main__"]
        if main_module.__spec__ is None:
            # Workers import what they need; without a spec each would run the whole script first.
            main_module.__spec__ = importlib.machinery.ModuleSpec("__main__", None)
        context = forkserver_context()
        context.set_forkserver_preload(self.imports)
        start_forkserver()
        self.reports, to_parent = context.Pipe(duplex=False)
        return pebble.ProcessPool(
            self.count, WORKER_TASKS, prepare_worker, (self.memory, to_parent), context
        )

    def listen(self) -> None:
        """Hand on what workers have reported since."""
        with self.lock:
            while self.reports.poll():
                self.on_progress(json.loads(self.reports.recv_bytes()))

    def call(
        self,
        job: Job,
        timeout: float,
        function: Callable[Params, Returned],
        *args: Params.args,
        **named: Params.kwargs,
    ) -> Returned:
        """Run a function in a worker and wait; cancelling the job kills the worker.

        Raises VideoError for a crash or a hang and CancelledError; else what the function raises.
        """
        import concurrent.futures

        from pebble import ProcessExpired

        with self.lock:  # from Python 3.12 on, two threads could make a pool each
            pool = self.pool
        future: Future[Returned] = pool.schedule(function, args, named, timeout=timeout or None)
        try:
            while not job.cancelled.is_set():
                ended = concurrent.futures.wait([future], 0.1).done
                self.listen()  # after the end was seen: nothing is reported of this call later
                if ended:
                    return future.result()
            future.cancel()
            raise CancelledError
        except ProcessExpired as crash:
            # A signal to the whole group ends workers before this process has heard of it.
            if job.cancelled.wait(0.2):
                raise CancelledError from None
            raise VideoError(f"its decoder crashed ({exit_name(crash.exitcode)})") from None
        except TimeoutError:
            raise VideoError(
                f"took longer than {timeout:g} s and was stopped: see --timeout"
            ) from None

    def close(self, kill: bool = False) -> None:
        """Wait for the calls that run, or `kill` them; then end the processes."""
        if "pool" in vars(self):
            self.pool.stop() if kill else self.pool.close()
            self.pool.join()
