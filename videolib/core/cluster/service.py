"""The processes of a cluster: a scheduler, and workers that join it, until they are told to end.

Plain `dask scheduler` and `dask worker` do as well, with the options of docs/cluster.md.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.cluster.connection import (
    NO_DASHBOARD,
    ClusterSettings,
    check_tls_files,
    configure,
    is_loopback,
    need_distributed,
    security,
)
from videolib.core.cluster.facts import machine_name
from videolib.core.cluster.paths import PathMap
from videolib.core.cluster.remote import MAP_VARIABLE
from videolib.core.console import Level
from videolib.core.errors import UsageError, VideoError
from videolib.core.processes import cores
from videolib.core.program import program_name
from videolib.core.text import plural, printable

if TYPE_CHECKING:
    from distributed import Worker

    from videolib.core.runs import Job

LOOK = 0.1  # seconds between two looks at whether to end


def serve_scheduler(
    job: Job, host: str, port: int, tls_files: Sequence[str], insecure: bool
) -> None:
    """Be the scheduler of a cluster until the job is cancelled. Raises UsageError and OSError."""
    need_distributed()
    check_tls_files(tls_files)
    if not (tls_files or insecure or is_loopback(host)):
        reason = "lets whoever reaches it run programs on every machine: name --tls-files"
        raise UsageError(f"--host {printable(host)} {reason}, or say --insecure")
    asyncio.run(_scheduler(job, host, port, tls_files))


async def _scheduler(job: Job, host: str, port: int, tls_files: Sequence[str]) -> None:
    from distributed import Scheduler

    configure()
    protocol = "tls" if tls_files else "tcp"
    address = f"[{host}]" if ":" in host else host
    scheduler = Scheduler(
        host=f"{protocol}://{address}",
        port=port,
        security=security(tls_files),
        dashboard=False,
        dashboard_address=NO_DASHBOARD,
    )
    async with scheduler:
        job.console.say(
            f"scheduler at {scheduler.address}: each machine joins it by"
            f" {program_name()} worker {scheduler.address}; --cluster {scheduler.address} uses it",
            Level.INFO,
        )
        while not job.cancelled.is_set():
            await asyncio.sleep(LOOK)


class Offer(NamedTuple):
    """What a worker offers: units that it does at a time, and that it has at a time, those that
    wait for a slot included; the kinds that it does (none: all), and where it has the folders of
    runs, each as A=B."""

    slots: int
    nthreads: int
    kinds: Sequence[str] = ()
    folders: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        slots: int | None,
        nthreads: int | None,
        kinds: Sequence[str] = (),
        folders: Sequence[str] = (),
    ) -> Offer:
        """As options say; else a slot for each core, but no more than threads, and as many of
        these. Raises UsageError."""
        slots = slots or min(nthreads or cores(), cores())
        if (nthreads or slots) < slots:
            reason = f"gets a thread: should be at least --slots {slots}"
            raise UsageError(f"--nthreads {nthreads}: each unit {reason}")
        PathMap.parse(folders)
        return cls(slots, nthreads or slots, kinds, folders)

    @property
    def resources(self) -> dict[str, float]:
        """The same as dask's resources say it."""
        return {"slots": self.slots, **dict.fromkeys(self.kinds, self.slots)}

    def __str__(self) -> str:
        kinds = f"{', '.join(self.kinds)} only" if self.kinds else "every kind"
        folders = [f"{there} is {here}" for there, here in PathMap.parse(self.folders).pairs]
        return "; ".join([f"{plural(self.slots, 'slot')} for {kinds}", *map(printable, folders)])


def serve_worker(
    job: Job, address: str, tls_files: Sequence[str], insecure: bool, offer: Offer
) -> None:
    """Be a worker of a cluster until the job is cancelled.

    SIGTERM lets it end what it does, SIGINT does not. Raises UsageError, and VideoError where the
    scheduler does not answer, or ended.
    """
    cluster = ClusterSettings.of(address, tls_files, insecure)
    if cluster is None:
        raise UsageError("worker needs the address of a scheduler: worker tcp://HOST:8786")
    need_distributed()
    cluster.check()
    os.environ[MAP_VARIABLE] = ",".join(offer.folders)
    with tempfile.TemporaryDirectory(prefix="video-worker-") as folder:
        asyncio.run(_worker(job, cluster, offer, folder))


async def _worker(job: Job, cluster: ClusterSettings, offer: Offer, folder: str) -> None:
    from distributed import Worker

    configure()
    worker = Worker(
        cluster.address,
        nthreads=offer.nthreads,
        resources=offer.resources,
        security=security(cluster.tls_files),
        memory_limit=0,  # what decodes has limits of its own
        dashboard=False,
        dashboard_address=NO_DASHBOARD,
        local_directory=folder,
        death_timeout=10,
    )
    try:
        await worker
    except (OSError, RuntimeError) as error:  # the one raised, or what it is caused by
        reason = str(error.__cause__ or error) or type(error).__name__
        raise VideoError(f"{cluster.address}: no scheduler answers there: {reason}") from None
    job.console.say(f"worker {machine_name()} of {cluster.address}: {offer}", Level.INFO)
    ended = asyncio.create_task(worker.finished())
    while not (job.cancelled.is_set() or ended.done()):
        await asyncio.sleep(LOOK)
    if ended.done():
        raise VideoError(f"{cluster.address}: the scheduler ended, or the share was lost")
    await leave(job, worker)


async def leave(job: Job, worker: Worker) -> None:
    """Take a worker out of its cluster, after what it does now unless that is not waited for."""
    from distributed.core import Status

    if job.signal == signal.SIGTERM and worker.state.executing:
        worker.status = Status.paused
        text = f"worker {machine_name()}: leaves when it has done what it does"
        job.console.say(text, Level.INFO)
    while job.signal == signal.SIGTERM and worker.state.executing:
        await asyncio.sleep(LOOK)
    await worker.close(executor_wait=False, timeout=1)
