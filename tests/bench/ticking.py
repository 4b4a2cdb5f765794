"""The program with one more task: it gets on ten times a second and does nothing else."""

from __future__ import annotations

import sys
import time

import index
from videolib.core.runs import Job, Result


class Ticks(index.RunCommand):
    """Get on."""

    def run(self, job: Job) -> Result:
        while True:
            job.check()
            job.console.step("film.mp4", 1e-5)
            time.sleep(0.05)


if __name__ == "__main__":
    index.COMMANDS["ticks"] = Ticks
    sys.exit(index.main(sys.argv[1:]))
