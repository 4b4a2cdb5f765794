"""Benchmarks of --cluster, each a table row; without --only all of them.

    python tests/bench/bench_cluster.py --only clips       # two workers against the local pool
    python tests/bench/bench_cluster.py --only memory      # 100,000 units that do nothing
    python tests/bench/bench_cluster.py --only simulation  # 1,000 workers in simulated time
    python tests/bench/bench_cluster.py --only bytes       # what each artifact reads and computes

What decides is real in all of them. The workers of `memory` are workers of distributed whose units
do nothing; the simulation (cluster_simulation.py) has no network, and its units take times that are
drawn from SECONDS.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from cluster_simulation import Item, simulated  # noqa: E402
from measure import Usage, measure  # noqa: E402
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
    """That many clips of 5 s in 640x360."""
    folder.mkdir()
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=5"]
    argv = ["ffmpeg", "-v", "error", *source, "-preset", "fast", str(folder / "0.mp4")]
    subprocess.run(argv, check=True)
    for number in range(1, count):
        shutil.copy(folder / "0.mp4", folder / f"{number}.mp4")


def cluster_time() -> float:
    """Seconds of processor time of all processes that this one has begun and that live, with those
    of their own that have ended."""
    parents, times = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents[int(stat.parent.name)] = int(fields[1])
            times[int(stat.parent.name)] = sum(map(int, fields[11:15]))
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(times[pid] for pid in family - {os.getpid()}) / os.sysconf("SC_CLK_TCK")


def usage_of(*args: object) -> Usage:
    """What a command costs, and the cluster that works for it."""
    before = cluster_time()
    usage = measure(command(*args))
    time.sleep(2)  # in which workers give up what they had for it
    return replace(usage, cpu_seconds=usage.cpu_seconds + cluster_time() - before)


def clips(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """Two workers of one slot against the local pool with two processes, in turns."""
    make_clips(scratch / "clips", options.clips)
    make_clips(scratch / "one", 1)
    usages: dict[str, list[Usage]] = {"here": [], "there": []}
    where: dict[str, tuple[object, ...]] = {"here": ("--workers", 2)}
    for turn in range(options.rounds):
        artifacts = ("--artifacts-dir", scratch / f"here{turn}")
        usages["here"].append(usage_of(TASKS, scratch / "clips", *artifacts, *where["here"]))
    with running_cluster(scratch / "logs", 2) as cluster:
        where["there"] = ("--cluster", cluster.address)
        for turn in range(options.rounds):
            artifacts = ("--artifacts-dir", scratch / f"there{turn}")
            usages["there"].append(usage_of(TASKS, scratch / "clips", *artifacts, *where["there"]))
        one = {n: usage_of("thumbs", scratch / "one", "--force", *m) for n, m in where.items()}
    rows: list[Row] = []
    for what, name in (("CPU s", "cpu_seconds"), ("s by the clock", "wall_seconds")):
        here, there = (statistics.median(getattr(u, name) for u in us) for us in usages.values())
        compared = f"{there:.1f} {what}, local {here:.1f}: {there / here:.2f}"
        holds = there / here <= 1.10
        rows.append((f"{options.clips} clips, two workers", compared, "<= 1.10", holds))
    start = one["there"].wall_seconds - one["here"].wall_seconds
    return [*rows, ("start, beyond that of a local run", f"{start:.1f} s", "<= 3 s", start <= 3)]


# === Workers that do nothing ======================================================================


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


def run_items(job: Job, made: pool.ClusterPool, items: list[Item]) -> None:
    """Have a pool do items as a run does."""

    def work(queue: WorkQueue[Any], given: Pool) -> None:
        while item := queue.take(job):
            try:
                unit = Unit(nothing, (item.seconds,), 0.0, "/video.mp4", item.kinds)
                outcomes = given.call(job, unit)
                if isinstance(outcomes, Failure):
                    job.cancelled.set()
                    raise RuntimeError(outcomes.reason)
            finally:
                queue.done(item)

    queue = WorkQueue(items, {}, made.width, job.limits)
    work_through(queue, made, len(items), {}, work)


def memory(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """Units that do nothing: what 100,000 of them cost the run and the scheduler."""
    items = [Item(("frames",), 0.0) for _ in range(options.units)]
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


def drawn_items(count: int) -> list[Item]:
    """Items of mixed kinds, of which few take most of the time."""
    chance = random.Random(1)
    kinds = list(SECONDS)
    shares = [SECONDS[kind][0] for kind in kinds]
    drawn = chance.choices(kinds, shares, k=count)
    return [Item((k,), SECONDS[k][1] * chance.lognormvariate(0, SIGMA)) for k in drawn]


def simulation(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """Many workers for a while, in simulated time; a tenth of them vanishes at once."""
    count = options.workers
    items = drawn_items(count * options.each)
    hours = sum(item.seconds for item in items) / count / 3600
    totals = simulated(count, items, 0.4 * hours * 3600)
    longest = max(item.seconds for item in items)
    waited = max(totals.pauses.values()) <= longest
    cost = f"{1000 * totals.processor / len(items):.1f} s for 1,000 units"
    what = f"utilization of {count:,} workers, {len(items):,} units in {totals.length / 3600:.1f} h"
    vanished = f"units done, {totals.repeated} of them twice: a tenth of the workers vanished"
    pauses = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in totals.pauses.items())
    return [
        (what, f"{totals.utilization:.1%}", "> 95 %", totals.utilization > 0.95),
        (vanished, f"{totals.done:,}", "all", totals.done == len(items)),
        ("longest time without a unit begun", pauses, f"<= longest unit, {longest:.0f} s", waited),
        ("processor time of what decides in the scheduler", cost, "", True),
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
    parser.add_argument("--each", type=int, default=12, help="units for each simulated worker")
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
