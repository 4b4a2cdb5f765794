"""Worker processes, in which everything decodes that comes from strangers."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.core.errors import CancelledError, VideoError, exit_name

if TYPE_CHECKING:
    from concurrent.futures import Future
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkServerContext
    from multiprocessing.synchronize import RLock

    import pebble

    from videolib.core.errors import Params, Returned
    from videolib.core.runs import Job


WORKER_MEMORY = 6 << 30  # bytes of address space; libraries reserve about 2 GiB of it unused


WORKER_TASKS = 200  # then a fresh process: libav and its users leak a little


_parent: Connection | None = None  # in a worker: where `tell` writes


_work_item: dict[str, str] = {}  # in a worker: what it works on, as `tell` names it


def work_on(video: str, worker_group: str) -> None:
    """In a worker: what `tell` speaks of from now on."""
    _work_item.update(video=video, worker_group=worker_group)


def tell(share: float, note: str) -> None:
    """Report progress to the parent process, in a message short enough for one atomic write."""
    if _parent:
        news = _work_item | {"share": round(share, 4), "note": note}
        _parent.send_bytes(json.dumps(news).encode())


class ProgressReporter:
    """Reports now and then how far the work on a video is, which has `parts` equal parts."""

    PAUSE: ClassVar = 0.5  # seconds between two news

    def __init__(self) -> None:
        self.parts, self.done, self.last = 1, 0, time.monotonic()

    def at(self, done: float, most: float) -> None:
        """Of the current part `done` of `most` is done."""
        if time.monotonic() - self.last >= self.PAUSE and most > 0:
            self.last = time.monotonic()
            whole = min((self.done + min(done / most, 1.0)) / self.parts, 0.99)
            tell(whole, f"{whole:.0%}")


def prepare_worker(memory: int, parent_ear: Connection) -> None:
    """Make a worker process safe to open strangers' files in."""
    global _parent
    import multiprocessing
    import resource

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # where results are printed, not what libraries have to say
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    _parent = parent_ear
    if parent := multiprocessing.parent_process():
        threading.Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    """End this process when its parent has ended, in whatever way."""
    from multiprocessing.connection import wait

    wait([sentinel])
    os._exit(1)


_environment = threading.Lock()


def start_forkserver() -> None:
    """Start the process that workers are forked from, where it is not yet running.

    It must not look for modules in the working directory, which may be a stranger's folder of
    videos: it finds this module's own folder and what is installed. Ctrl-C in a terminal reaches
    every process: this one deals with it, and whatever comes of the other never sees it.
    """
    from multiprocessing import forkserver, resource_tracker

    resource_tracker.ensure_running()  # its own start would let SIGINT through again
    with _environment:
        let_through = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        before = dict(os.environ)
        paths = [str(Path(__file__).resolve().parents[2]), before.get("PYTHONPATH", "")]
        os.environ |= {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        try:
            forkserver.ensure_running()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, let_through)
            for name in ("PYTHONSAFEPATH", "PYTHONPATH"):
                os.environ.pop(name)
                if name in before:
                    os.environ[name] = before[name]


def lasting_locks() -> ForkServerContext:
    """A forkserver context whose locks have their names as long as it lives: a pool that is stopped
    drops its locks before its workers, and one that just begins would not find them."""
    from multiprocessing.context import ForkServerContext

    context, kept = ForkServerContext(), []
    make = context.RLock

    def rlock() -> RLock:
        kept.append(make())
        return kept[-1]

    context.RLock = rlock  # type: ignore[method-assign]
    return context


class Workers:
    """Processes that decode. A crash costs the one call that caused it, which must be picklable, a
    hang is killed at its timeout."""

    def __init__(
        self,
        count: int,
        imports: Iterable[str],
        memory: int = WORKER_MEMORY,
        heard: Callable[[Mapping[str, Any]], None] = lambda news: None,
    ) -> None:
        self.count, self.imports, self.memory, self.heard = count, sorted(imports), memory, heard
        self.lock = threading.Lock()

    @functools.cached_property
    def pool(self) -> pebble.ProcessPool:
        import importlib.machinery

        import pebble

        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, "1")
        main_module = sys.modules["__main__"]
        if main_module.__spec__ is None:
            # Workers need this module only; without a spec each would run the whole script.
            main_module.__spec__ = importlib.machinery.ModuleSpec("__main__", None)
        context = lasting_locks()
        context.set_forkserver_preload(self.imports)
        start_forkserver()
        self.ear, mouth = context.Pipe(duplex=False)
        return pebble.ProcessPool(
            self.count, WORKER_TASKS, prepare_worker, (self.memory, mouth), context
        )

    def listen(self) -> None:
        """Pass on what workers reported meanwhile."""
        with self.lock:
            while self.ear.poll():
                self.heard(json.loads(self.ear.recv_bytes()))

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
                self.listen()  # after the end was seen: nothing is told of this call later
                if ended:
                    return future.result()
            future.cancel()
            raise CancelledError
        except ProcessExpired as death:
            # A signal to the whole group ends workers before this process has heard of it.
            if job.cancelled.wait(0.2):
                raise CancelledError from None
            raise VideoError(f"its decoder crashed ({exit_name(death.exitcode)})") from None
        except TimeoutError:
            raise VideoError(
                f"took longer than {timeout:g} s and was stopped: see --timeout"
            ) from None

    def close(self, kill: bool = False) -> None:
        if "pool" in vars(self):
            self.pool.stop() if kill else self.pool.close()
            self.pool.join()
