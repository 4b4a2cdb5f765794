"""Benchmarks of --cluster, each a table row; without --only all of them.

    python tests/bench/bench_cluster.py --only clips       # two workers against the local pool
    python tests/bench/bench_cluster.py --only memory      # 100,000 units that do nothing
    python tests/bench/bench_cluster.py --only simulation  # 1,000 workers whose units only wait
    python tests/bench/bench_cluster.py --only bytes       # what each artifact reads and computes

The scheduler, the window and what decides are the real ones in all of them. Simulated workers are
workers of distributed, many in a process, whose units sleep for a time drawn from SECONDS.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import command  # noqa: E402
from support.cluster import Log, running_cluster  # noqa: E402
from support.simulated import nothing, simulated_admission, simulated_unit  # noqa: E402

import index  # noqa: E402
from videolib.core.cluster import pool, remote  # noqa: E402
from videolib.core.cluster.connection import ClusterSettings  # noqa: E402
from videolib.core.console import Console  # noqa: E402
from videolib.core.errors import Failure  # noqa: E402
from videolib.core.pools import Pool, PoolSettings, Unit, work_through  # noqa: E402
from videolib.core.runs import Job, Status, WorkQueue  # noqa: E402
from videolib.core.sandbox import Access  # noqa: E402

Row = tuple[str, str, str, bool]  # what was measured, the value, the target, whether it holds
MB = 1_000_000
TASKS = "meta,thumbs,sprites,phash"
# Kinds of units with their shares, and the median seconds that one takes on one core: of films of
# 90 minutes, by bench_core.py. Times vary by a log-normal factor with this sigma: the largest of
# a thousand takes ten times the median.
SECONDS = {"frames": (0.80, 5.0), "scenes": (0.15, 60.0), "transcode": (0.05, 300.0)}
SIGMA = 0.75


def peak_memory(pid: int) -> float:
    """The peak resident memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / MB


def processor_time(pid: int) -> float:
    """Seconds of processor time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


# === Real clips ===================================================================================


def make_clips(folder: Path, count: int) -> None:
    """That many clips of 4 s in 320x180."""
    folder.mkdir()
    source = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=4"]
    argv = ["ffmpeg", "-v", "error", *source, "-preset", "fast", str(folder / "0.mp4")]
    subprocess.run(argv, check=True)
    for number in range(1, count):
        shutil.copy(folder / "0.mp4", folder / f"{number}.mp4")


def seconds_of(*args: object) -> float:
    """How long a command takes."""
    began = time.monotonic()
    subprocess.run(command(*args), check=True, capture_output=True)
    return time.monotonic() - began


def clips(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """Two workers of one slot against the local pool with two processes, in turns."""
    make_clips(scratch / "clips", options.clips)
    make_clips(scratch / "one", 1)
    times: dict[str, list[float]] = {"here": [], "there": []}
    with running_cluster(scratch / "logs", 2) as cluster:
        where = {"here": ("--workers", 2), "there": ("--cluster", cluster.address)}
        for turn in range(options.rounds):
            for name, more in where.items():
                artifacts = ("--artifacts-dir", scratch / f"{name}{turn}")
                times[name].append(seconds_of(TASKS, scratch / "clips", *artifacts, *more))
        one = {n: seconds_of("thumbs", scratch / "one", "--force", *m) for n, m in where.items()}
    here, there = statistics.median(times["here"]), statistics.median(times["there"])
    ratio, start = there / here, one["there"] - one["here"]
    compared = f"{there:.1f} s, local {here:.1f} s: {ratio:.2f}"
    return [
        (f"{options.clips} clips, two workers", compared, "<= 1.10", ratio <= 1.10),
        ("start, beyond that of a local run", f"{start:.1f} s", "<= 3 s", start <= 3),
    ]


# === Simulated workers ============================================================================


@contextmanager
def simulated_pool(
    options: argparse.Namespace, scratch: Path, workers: int, processes: int
) -> Iterator[tuple[Job, pool.ClusterPool, Log, list[Log]]]:
    """A run's pool on a real scheduler with simulated workers, some in each process."""
    vars(remote).update(do_unit=simulated_unit, admit=simulated_admission)
    with ExitStack() as stack:
        cluster = stack.enter_context(running_cluster(scratch / "logs"))
        each = workers // processes
        argv = [sys.executable, "-m", "support.simulated", cluster.address, str(each)]
        served = [cluster.start(argv) for _ in range(processes)]
        for log in served:
            log.wait_for("1 slot")
        job = Job(Console())
        settings = PoolSettings(sys.maxsize, frozenset())
        expected = {True: Access(), False: Access()}
        made = pool.ClusterPool(
            job, ClusterSettings(cluster.address), settings, print, expected, [], {}
        )
        stack.callback(made.close)
        assert cluster.scheduler
        yield job, made, cluster.scheduler, served


class SimulatedItem:
    """An item of a queue that takes that many seconds."""

    __slots__ = ("kinds", "seconds")

    def __init__(self, kind: str, seconds: float) -> None:
        self.kinds, self.seconds = (kind,), seconds


class Times(NamedTuple):
    """When each item was done, with the seconds that it took; and when the last one was taken."""

    done: list[tuple[float, float]]
    exhausted: float

    def busy(self, began: float) -> float:
        """Seconds for which workers were busy until nothing was left to take."""
        spans = ((max(end - taken, began), min(end, self.exhausted)) for end, taken in self.done)
        return sum(max(end - begin, 0.0) for begin, end in spans)


def run_items(job: Job, made: pool.ClusterPool, items: list[SimulatedItem]) -> Times:
    """Have a pool do items as a run does."""
    done: list[tuple[float, float]] = []
    taken: list[float] = []

    def work(queue: WorkQueue[Any], given: Pool) -> None:
        while item := queue.take(job):
            taken.append(time.monotonic())
            try:
                unit = Unit(nothing, (item.seconds,), 0.0, "/video.mp4", item.kinds)
                outcomes = given.call(job, unit)
                if isinstance(outcomes, Failure):
                    job.cancelled.set()
                    raise RuntimeError(outcomes.reason)
                done.append((time.monotonic(), item.seconds))
            finally:
                queue.done(item)

    queue = WorkQueue(items, {}, made.width, job.limits)
    work_through(queue, made, len(items), {}, work)
    return Times(done, max(taken))


def memory(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """Units that do nothing: what 100,000 of them cost the run and the scheduler."""
    items = [SimulatedItem("frames", 0.0) for _ in range(options.units)]
    with simulated_pool(options, scratch, 2, 1) as (job, made, scheduler, _):
        before, began = processor_time(scheduler.pid), time.monotonic()
        run_items(job, made, items)
        seconds = time.monotonic() - began
        of_scheduler = processor_time(scheduler.pid) - before
        peaks = peak_memory(os.getpid()), peak_memory(scheduler.pid)
    each = f"{1000 * seconds / options.units:.1f} ms a unit"
    cost = f"{1000 * of_scheduler / options.units:.1f} s for 1,000 units"
    what = (f"peak of the run, {options.units:,} units, {each}", "peak of the scheduler")
    rows = [
        (w, f"{peak:.0f} MB", "< 300 MB", peak < 300) for w, peak in zip(what, peaks, strict=True)
    ]
    return [*rows, ("processor time of the scheduler", cost, "", True)]


def drawn_items(count: int, scale: float) -> list[SimulatedItem]:
    """Items of mixed kinds, of which few take most of the time."""
    chance = random.Random(1)
    kinds = list(SECONDS)
    shares = [SECONDS[kind][0] for kind in kinds]
    drawn = chance.choices(kinds, shares, k=count)
    return [
        SimulatedItem(k, SECONDS[k][1] * chance.lognormvariate(0, SIGMA) * scale) for k in drawn
    ]


def simulation(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """Many workers for a while; in the middle a tenth of them vanishes at once."""
    count = options.workers
    items = drawn_items(count * options.each, options.scale)
    work = sum(item.seconds for item in items)
    with simulated_pool(options, scratch, count, 10) as (job, made, scheduler, served):
        before, began = processor_time(scheduler.pid), time.monotonic()
        until = 0.4 * work / count
        killer = threading.Timer(until, os.kill, (served[0].pid, signal.SIGKILL))
        killer.start()
        times = run_items(job, made, items)
        of_scheduler = processor_time(scheduler.pid) - before
        left = made.slots
    length = times.exhausted - began
    used = times.busy(began) / (left * length + (count - left) * until)
    kinds = Counter(item.kinds[0] for item in items)
    cost = f"{1000 * of_scheduler / len(items):.1f} s for 1,000 units"
    what = f"utilization of {count:,} workers, {len(items):,} units"
    vanished = f"units done, though {count - left} workers vanished"
    return [
        (what, f"{used:.0%}", "> 95 %", used > 0.95),
        (vanished, f"{len(times.done):,}", "all", len(times.done) == len(items)),
        ("kinds", ", ".join(f"{n:,} {kind}" for kind, n in kinds.items()), "", True),
        ("processor time of the scheduler", cost, "", True),
    ]


# === What an artifact reads and computes ==========================================================


def read_bytes() -> int:
    """Bytes that this process and its ended children have read from files and pipes."""
    return int(Path("/proc/self/io").read_text().partition("rchar:")[2].split()[0])


def bytes_read(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """What each artifact of a film reads and computes, in this process."""
    film = Path(options.film) if options.film else scratch / "film.mp4"
    if not options.film:
        source = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=25:duration=120"]
        noise = ["-vf", "noise=alls=12:allf=t", "-preset", "ultrafast", "-crf", "23"]
        subprocess.run(["ffmpeg", "-v", "error", *source, *noise, str(film)], check=True)
    folder = scratch / "film"
    folder.mkdir()
    (folder / film.name).symlink_to(film)
    rows: list[Row] = []
    for task in (*index.task_classes(),):
        if task.artifact.kind in ("subtitles", "faces"):
            continue  # which need models
        request = task(directory=folder)
        (video,) = request.library().videos()
        read, used = read_bytes(), time.process_time()
        outcomes = index.perform(video, [request])
        megabytes, seconds = (read_bytes() - read) / MB, time.process_time() - used
        share = megabytes * MB / film.stat().st_size
        text = f"{megabytes:.1f} MB ({share:.0%} of the film), {seconds:.2f} s"
        rows.append((task.artifact.kind, text, "", outcomes[0].status is Status.MADE))
    return rows


BENCHMARKS: dict[str, Callable[[argparse.Namespace, Path], list[Row]]] = {
    "clips": clips,
    "memory": memory,
    "simulation": simulation,
    "bytes": bytes_read,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, action="append")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--units", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--each", type=int, default=20, help="units for each simulated worker")
    parser.add_argument("--scale", type=float, default=1.0, help="of the simulated seconds")
    parser.add_argument("--film", default="", help="a film to read (default: one is made)")
    options = parser.parse_args()
    print("| what | measured | target | holds |\n| --- | --- | --- | --- |")
    failed = False
    for name in options.only or BENCHMARKS:
        with tempfile.TemporaryDirectory() as scratch:
            for what, value, target, holds in BENCHMARKS[name](options, Path(scratch)):
                print(
                    f"| {what} | {value} | {target} | {'yes' if holds else '**no**'} |", flush=True
                )
                failed |= not holds
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
