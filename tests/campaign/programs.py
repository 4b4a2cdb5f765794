"""The program as others run it: processes on a library, a server, and what these leave behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from support import Started, command, media, started, wait_until

from videolib.core.processes import environment

CLIPS = ("short.mp4", "numbered.mp4", "cuts.mp4")
TROUBLE = re.compile(r"Traceback|failed unexpectedly|Exception in ASGI|database is locked")
PATIENCE = 180.0  # seconds for one command, on a machine that has much to do


def make_library(scratch: Path, name: str, count: int) -> Path:
    """A folder of that many videos below `scratch`, v0.mp4 and so on, which are three clips."""
    root = scratch / name
    root.mkdir(parents=True)
    (scratch / "clips").mkdir(exist_ok=True)
    for number in range(count):
        clip = media.clip(CLIPS[number % len(CLIPS)], scratch / "clips")
        shutil.copyfile(clip, root / f"v{number}.mp4")
    return root


class Ended(NamedTuple):
    """A command that has ended: its words, exit code and what it printed, JSON or messages."""

    words: tuple[str, ...]
    code: int | None  # None where it had to be killed
    output: str
    messages: str

    def trouble(self, codes: Sequence[int] = (0,)) -> str:
        """What is wrong with how it ended; "" where nothing is."""
        line = " ".join(self.words)
        if self.code is None:
            return f"{line}: did not end in {PATIENCE:.0f} s"
        if TROUBLE.search(self.messages) or TROUBLE.search(self.output):
            return f"{line}: {self.messages[-400:] or self.output[-400:]}"
        if self.code not in codes:
            return f"{line}: exit code {self.code}: {self.messages[-300:]}"
        return ""


def run_together(lines: Sequence[Sequence[object]], cache: Path) -> list[Ended]:
    """Run commands as processes of their own, all at once; `cache` is where catalogues are."""
    variables = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    processes = [
        subprocess.Popen(
            command(*line), env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for line in lines
    ]
    deadline = time.monotonic() + PATIENCE
    return [
        _ended(tuple(map(str, line)), process, deadline)
        for line, process in zip(lines, processes, strict=True)
    ]


def _ended(words: tuple[str, ...], process: subprocess.Popen[bytes], deadline: float) -> Ended:
    try:
        output, messages = process.communicate(timeout=max(deadline - time.monotonic(), 1))
        code: int | None = process.returncode
    except subprocess.TimeoutExpired:
        process.kill()
        output, messages = process.communicate()
        code = None
    return Ended(
        words, code, output.decode("utf-8", "replace"), messages.decode("utf-8", "replace")
    )


def broken_catalogues(cache: Path) -> list[str]:
    """The catalogues below a cache folder that SQLite finds damaged, with what it says."""
    broken = []
    for path in cache.rglob("*.sqlite"):
        with contextlib.closing(sqlite3.connect(path)) as database:
            verdict = database.execute("PRAGMA integrity_check").fetchone()[0]
        if verdict != "ok":
            broken.append(f"{path}: {verdict}")
    return broken


# === A server =====================================================================================


class ServerProcess:
    """A server in a process of its own, with its log in a file."""

    def __init__(self, run: Started, log: Path) -> None:
        self.run, self.log = run, log
        pattern = re.compile(r"http://127\.0\.0\.1:(\d+)/")
        assert wait_until(lambda: pattern.search(log.read_text())), log.read_text()
        match = pattern.search(log.read_text())
        assert match
        self.port, self.url = int(match[1]), match[0].rstrip("/")

    def trouble(self) -> str:
        """The first traceback or failure in its log; "" where none is."""
        text = self.log.read_text(errors="replace")
        match = TROUBLE.search(text)
        return text[match.start() : match.start() + 1500] if match else ""

    def memory(self) -> int:
        """Bytes that it has in memory, without its workers, which come and go."""
        pages = Path(f"/proc/{self.run.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.run.process.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.run.process.pid}/task").iterdir()))

    def children(self) -> int:
        return len(self.run.family()) - 1

    def cpu(self) -> float:
        """Seconds of a processor that its own threads, those that live, have used."""
        total = 0
        for task in Path(f"/proc/{self.run.process.pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def stop(self) -> int:
        """Ask it to end; the exit code. Raises TimeoutExpired where it does not."""
        self.run.process.terminate()
        return self.run.process.wait(30)


@contextlib.contextmanager
def server(root: Path, cache: Path, *options: object) -> Iterator[ServerProcess]:
    """A server of a folder; its temporary files are in the folder `tmp` beside it."""
    log = root.parent / f"{root.name}.log"
    scratch = root.parent / "tmp"
    scratch.mkdir(exist_ok=True)
    variables = {"XDG_CACHE_HOME": str(cache), "TMPDIR": str(scratch)}
    with log.open("wb") as stream, environment(variables):
        words = command("serve", "--root", root, "--port", 0, *options)
        with started(words, stdout=subprocess.DEVNULL, stderr=stream) as run:
            yield ServerProcess(run, log)
