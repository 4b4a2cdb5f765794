"""What a command costs: CPU seconds, wall seconds and memory of its whole process tree.

    usage = measure(["ffmpeg", "-i", "film.mp4", "-f", "null", "-"])
    ratio = compare(command(ours), command(theirs))
    ratio.cpu  # below 1: ours is cheaper

Linux only. `RUSAGE_CHILDREN` of an ordinary parent misses every process whose own parent died
before waiting for it: a forkserver, its workers, daemons. So each measurement runs in a fresh
helper process (this file as a program) that makes itself a subreaper: the kernel hands it every
orphan of the tree, and it waits for the last of them before it reads the counters. A process
that outlives its command by more than `GRACE` seconds fails the measurement.

Memory is the larger of two readings: the greatest sum of PSS over the tree, sampled every
`SAMPLE_SECONDS` (PSS shares out pages that forked workers have in common, so nothing counts
twice), and the peak RSS of the largest single process, which the kernel keeps exactly. The
helper itself is in neither.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import IO

SAMPLE_SECONDS = 0.05
GRACE = 10.0
LONGEST = 3600.0
PR_SET_CHILD_SUBREAPER = 36

Argv = list[str]


class MeasureError(Exception):
    """A command failed or left processes behind, so its cost says nothing."""


@dataclass(frozen=True)
class Usage:
    """The cost of one run: CPU until the last process ended, wall time until the command returned.

    `peak_mb` is in units of 1,000,000 bytes.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_mb: float


Run = Callable[[], Usage]


@dataclass(frozen=True)
class Ratio:
    """Our cost against theirs; each side is the median of its rounds (memory: the maximum)."""

    ours: Usage
    theirs: Usage

    @property
    def cpu(self) -> float:
        """Our CPU seconds divided by theirs."""
        return self.ours.cpu_seconds / self.theirs.cpu_seconds

    @property
    def wall(self) -> float:
        """Our wall seconds divided by theirs."""
        return self.ours.wall_seconds / self.theirs.wall_seconds


def measure(argv: Argv | list[Argv], env: Mapping[str, str] | None = None) -> Usage:
    """Run one command, or several one after another, and return what they cost together.

    `env` replaces the whole environment, as in `subprocess`. Raises `MeasureError` with the end
    of stderr when a command does not exit with 0.
    """
    argvs = [argv] if isinstance(argv[0], str) else argv
    helper = subprocess.run(
        # -I and -S keep the helper small and deaf to the PYTHON* variables of the measured program.
        [sys.executable, "-I", "-S", __file__],
        input=json.dumps(argvs),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if helper.returncode:
        raise MeasureError(helper.stderr.strip())
    return Usage(**json.loads(helper.stdout))


def command(argv: Argv | list[Argv], env: Mapping[str, str] | None = None) -> Run:
    """`measure` with its arguments already given, for `compare` and `alternate`."""
    return partial(measure, argv, env)


def alternate(runs: Sequence[Run], rounds: int = 3) -> list[Usage]:
    """Run A B C, A B C, ... and return the typical usage of each.

    Taking turns spreads whatever else the machine does (other load, heat, a filling page cache)
    over all of them alike.
    """
    table = [[run() for run in runs] for _ in range(rounds)]
    return [_typical(column) for column in zip(*table, strict=True)]


def compare(ours: Run, theirs: Run, rounds: int = 3) -> Ratio:
    """Run A B, A B, ... and set one against the other."""
    return Ratio(*alternate([ours, theirs], rounds))


def _typical(usages: Sequence[Usage]) -> Usage:
    """Median seconds, but the highest memory: a limit has to hold every time."""
    return Usage(
        median(usage.cpu_seconds for usage in usages),
        median(usage.wall_seconds for usage in usages),
        max(usage.peak_mb for usage in usages),
    )


# === The helper process ==========================================================================


class _Watch(threading.Thread):
    """Samples the memory of this process's descendants and kills them past the deadline."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_kb = 0
        self.deadline = time.monotonic() + LONGEST
        self.killed: set[str] = set()
        self._stopped = threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_SECONDS):
            tree = _descendants(os.getpid())
            self.peak_kb = max(self.peak_kb, sum(map(_memory_kb, tree)))
            if time.monotonic() > self.deadline:
                self._kill(tree)

    def stop(self) -> None:
        self._stopped.set()
        self.join()

    def _kill(self, tree: list[int]) -> None:
        for pid in tree:
            with suppress(OSError):
                self.killed.add(_name(pid))
                os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    queue = [pid]
    while queue:
        children = _children(queue.pop())
        found += children
        queue += children
    return found


def _children(pid: int) -> list[int]:
    """The kernel lists a process's children under the thread that started each of them."""
    children: list[int] = []
    with suppress(OSError):  # the process may go while its threads are being listed
        for listing in Path(f"/proc/{pid}/task").glob("*/children"):
            children += map(int, _read(listing).split())
    return children


def _memory_kb(pid: int) -> int:
    """PSS, or RSS where the kernel does not let us see the pages of a hardened process."""
    process = Path(f"/proc/{pid}")
    text = _read(process / "smaps_rollup") or _read(process / "status")
    found = re.search(r"^(?:Pss|VmRSS):\s+(\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0


def _name(pid: int) -> str:
    return _read(Path(f"/proc/{pid}/comm")).strip() or str(pid)


def _read(path: Path) -> str:
    """A file of /proc, empty when its process has just gone."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _become_subreaper() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _run_all(argvs: list[Argv]) -> str:
    """Run the commands in order; return why the first that failed did, or nothing."""
    with tempfile.TemporaryFile() as errors:
        for argv in argvs:
            code = _run(argv, errors)
            if code:
                return f"{code}: {' '.join(argv)}\n{_tail(errors)}".strip()
    return ""


def _run(argv: Argv, errors: IO[bytes]) -> str:
    nothing = subprocess.DEVNULL
    try:
        code = subprocess.call(argv, stdin=nothing, stdout=nothing, stderr=errors)
    except OSError as error:
        return str(error)
    return f"exit code {code}" if code else ""


def _tail(file: IO[bytes], size: int = 2000) -> str:
    file.seek(max(0, file.seek(0, os.SEEK_END) - size))
    return file.read().decode(errors="replace")


def _reap_orphans() -> None:
    with suppress(ChildProcessError):
        while True:
            os.wait()


def _helper() -> None:
    """Measure the commands given as JSON on stdin; print a `Usage` as JSON."""
    _become_subreaper()
    watch = _Watch()
    watch.start()
    start = time.monotonic()
    failure = _run_all(json.load(sys.stdin))
    wall = time.monotonic() - start
    watch.deadline = min(watch.deadline, time.monotonic() + GRACE)
    _reap_orphans()
    watch.stop()
    if failure:
        sys.exit(failure)
    if watch.killed:
        sys.exit(f"still running {GRACE:.0f} s after the command: {', '.join(watch.killed)}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    json.dump(
        {
            "cpu_seconds": spent.ru_utime + spent.ru_stime,
            "wall_seconds": wall,
            "peak_mb": max(watch.peak_kb, spent.ru_maxrss) * 1024 / 1e6,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    _helper()
