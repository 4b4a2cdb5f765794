"""Workers whose units only wait: many in a process, on a real scheduler.

python -m support.simulated tcp://127.0.0.1:8786 100
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from typing import Any

from index import Outcome
from videolib.core.cluster.connection import configure
from videolib.core.cluster.facts import machine_facts
from videolib.core.cluster.paths import SAME, dumps, loads
from videolib.core.cluster.remote import Order, send_result
from videolib.core.runs import Status


def nothing(seconds: float) -> list[Outcome]:
    """What a simulated unit names, and nobody calls."""
    raise NotImplementedError(seconds)


async def simulated_unit(run: str, number: int, order: tuple[Any, ...]) -> bytes:
    """In the place of remote.do_unit: take the seconds that the unit says, and do nothing."""
    from distributed import get_worker

    (seconds,) = loads(Order(*order).call, SAME)[1]
    await asyncio.sleep(seconds)
    outcomes = [Outcome(kind, Status.MADE) for kind in Order(*order).kinds]
    content = dumps(("", outcomes))
    send_result(get_worker(), run, number, content)
    return content


async def simulated_admission(content: bytes, dask_worker: Any) -> dict[str, Any]:
    """In the place of remote.admit."""
    facts = dict(machine_facts())
    answer = {
        "name": dask_worker.name,
        "time": time.time(),
        "facts": facts,
        "models": {},
        "problem": "",
    }
    return answer | {"slots": dask_worker.state.nthreads, "kinds": [], "is_mapped": False}


async def serve_simulated(address: str, count: int) -> None:
    """Be that many workers, until the process is killed."""
    from distributed import Worker

    configure()
    names = (f"{os.getpid()}-{number}" for number in range(count))
    folder = tempfile.mkdtemp()
    made = [
        Worker(address, nthreads=1, name=name, memory_limit=0, dashboard=False,
               local_directory=folder, heartbeat_interval="20s")
        for name in names
    ]  # fmt: skip
    for begin in range(0, count, 25):
        await asyncio.gather(*made[begin : begin + 25])
    sys.stderr.write("worker simulated of tcp: 1 slot\n")
    await asyncio.gather(*(worker.finished() for worker in made))


if __name__ == "__main__":
    asyncio.run(serve_simulated(sys.argv[1], int(sys.argv[2])))
