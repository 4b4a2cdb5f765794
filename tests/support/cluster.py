"""Real schedulers and workers on this machine, each a process of its own."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from support import PATIENCE, Started, hostile_command, started, wait_until


class Log:
    """A process of a cluster, and what it has said so far."""

    def __init__(self, run: Started, path: Path) -> None:
        self.run, self.path = run, path

    @property
    def pid(self) -> int:
        return self.run.process.pid

    def wait_for(self, pattern: str) -> re.Match[str]:
        """The first match in what it says; fails where it ends before."""
        self.run.wait_for(lambda: re.search(pattern, self.path.read_text()))
        match = re.search(pattern, self.path.read_text())
        assert match
        return match

    def ended(self, code: int, seconds: float = PATIENCE) -> str:
        """What it said, once it has ended with that exit code."""
        assert wait_until(lambda: self.run.process.poll() is not None, seconds)
        assert self.run.process.returncode == code, self.path.read_text()
        return self.path.read_text()


class Cluster:
    """A scheduler with workers, which all end with the block that made it."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        self.stack, self.folder, self.count = stack, folder, 0
        self.scheduler: Log | None = None
        self.address = ""

    def start(self, args: Sequence[str], **options: Any) -> Log:
        """Another process of it."""
        self.count += 1
        path = self.folder / f"{self.count}.log"
        with path.open("wb") as log:
            streams = {"stdout": subprocess.DEVNULL, "stderr": log}
            return Log(self.stack.enter_context(started(args, **streams, **options)), path)

    def begin(self, *options: object) -> None:
        """Start the scheduler."""
        self.scheduler = self.start(hostile_command("scheduler", "--port", 0, *options))
        self.address = self.scheduler.wait_for(r"scheduler at (t\S+:\d+):")[1]

    def join(self, *options: object, slots: int = 1, **more: Any) -> Log:
        """Start a worker; `joined` waits until it is there."""
        return self.start(
            hostile_command("worker", self.address, "--slots", slots, *options), **more
        )


def joined(*workers: Log) -> None:
    """Wait until workers have said what they serve."""
    for worker in workers:
        worker.wait_for(r"worker \S+ of t\S+: \d+ slot")


@contextlib.contextmanager
def running_cluster(folder: Path, workers: int = 0, *options: object) -> Iterator[Cluster]:
    """A cluster on loopback; `options` of its scheduler and its workers."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        cluster = Cluster(stack, folder)
        cluster.begin(*options)
        joined(*[cluster.join(*options) for _ in range(workers)])
        yield cluster


ClusterMaker = Callable[..., Cluster]
