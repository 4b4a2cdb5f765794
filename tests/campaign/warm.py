"""The program, loaded once: each run of a command is a fork of the process that has it.

Python needs a third of a second to start and to load index.py, more than most commands take; the
part `faults` runs them thousands of times. From there on a fork is as a process of its own: it
ends as one, and begins its workers as one.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Mapping
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple, NoReturn

from support import ROOT, TESTS, Run, family, wait_until

import videolib

# The rooms whose modules commands load when they need them, and that start no thread.
ROOMS = ("core", "storage", "catalogue", "organize", "exports")
LONGEST = 120.0  # seconds that a run may take
SERVE = "from campaign.warm import serve; serve()"


class WarmProgram:
    """The process that is forked. What its runs print goes through files in a folder."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.out, self.err = folder / "warm.out", folder / "warm.err"
        self.connection, theirs = Pipe()
        paths = os.pathsep.join(map(str, (ROOT, TESTS)))
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(theirs.fileno())],
            env={**os.environ, **variables, "PYTHONPATH": paths},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()

    def run(self, variables: Mapping[str, str], *words: object) -> Run:
        """Run a command with these variables beside the process's own; where it is killed, wait
        until what it started has ended, too.

        Raises subprocess.TimeoutExpired where it does not end, AssertionError where what a killed
        one started lives on, EOFError where the process is gone.
        """
        mark = uuid.uuid4().hex
        variables = {**variables, "FAMILY_MARK": mark}
        request = Request([str(word) for word in words], variables, self.out, self.err)
        self.connection.send(request)
        pid = self.connection.recv()
        ended = self.connection.poll(LONGEST)
        if not ended:
            os.kill(pid, signal.SIGKILL)
        code = self.connection.recv()
        run = Run(code, self.out.read_text("utf-8"), self.err.read_text("utf-8"))
        self.out.unlink()
        self.err.unlink()
        assert code >= 0 or wait_until(lambda: not family(mark), 3), "still alive after 3 s"
        if not ended:
            raise subprocess.TimeoutExpired(request.words, LONGEST, run.out, run.err)
        return run

    def close(self) -> None:
        self.connection.close()
        self.process.wait()


class Request(NamedTuple):
    """A command line, variables of its environment, and files for what it prints."""

    words: list[str]
    variables: dict[str, str]
    out: Path
    err: Path


def load() -> None:
    """Import the program and what its commands load later, and make the models of their values."""
    import index

    for command in set(index.COMMANDS.values()):
        command.model()
    for room in ROOMS:
        module = importlib.import_module(f"{videolib.__name__}.{room}")
        for found in pkgutil.walk_packages(module.__path__, f"{module.__name__}."):
            importlib.import_module(found.name)


def serve() -> None:
    """In the process that is forked: run what is asked for until nobody asks any more."""
    load()
    gc.freeze()  # objects that are never looked at again stay shared with the forks
    connection = Connection(int(sys.argv[1]))
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            request = connection.recv()
            if not (pid := os.fork()):
                connection.close()
                become(request)
            connection.send(pid)
            connection.send(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def become(request: Request) -> NoReturn:
    """In a fork: be `python index.py` with these words."""
    import index

    for number, path in ((1, request.out), (2, request.err)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.environ.update(request.variables)
    sys.argv = [str(ROOT / "index.py"), *request.words]
    sys.exit(index.main())
