"""The catalogue at 100,000 videos with all their sidecars, and the API's pages from it.

    python tests/bench/bench_library.py [--only NAME] [--media DIR] [--rounds N]

The peers are what cannot be avoided: `find` that tells every file's size and time, `cat` of every
JSON file, and a FastAPI route that sends the same bytes. Nine gigabytes are made below --media.
"""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import ROOT, Row, Setup, cpu_row, environment, limit_row, main, memory_row, program
from make_library import make_library
from measure import Argv, Ratio, Usage, command, compare, measure

VIDEOS = 100_000
STEPS = (1_000, 10_000, VIDEOS)
MEMORY_MB = 300
REQUESTS = 400
FIRST_MS = 250  # of a question that was not asked before
BARE = """
import sys, uvicorn
from fastapi import FastAPI, Response
app, body = FastAPI(), open(sys.argv[1], "rb").read()
app.get("/videos")(lambda: Response(body, media_type="application/json"))
uvicorn.run(app, port=int(sys.argv[2]), log_level="warning")
"""


def first(setup: Setup) -> Iterator[Row]:
    """The first look, without a catalogue, against `find` and reading each JSON file once."""
    root = library(setup, VIDEOS)
    ratio = compare(listing(setup, root, anew=True), command([find(root), cat(root)]), setup.rounds)
    yield cpu_row("first `list -r -q tag:rare` / `find` and `cat` of the JSON files", ratio, 4)
    yield memory_row("the same", ratio.ours, MEMORY_MB)


def again(setup: Setup) -> Iterator[Row]:
    """A look at an unchanged library against `find`."""
    root = library(setup, VIDEOS)
    listing(setup, root)()
    ratio = compare(listing(setup, root), command(find(root)), setup.rounds)
    yield cpu_row("`list -r -q tag:rare` again / `find`", ratio, 3)
    yield memory_row("the same", ratio.ours, MEMORY_MB)


def growth(setup: Setup) -> Iterator[Row]:
    """How much more ten times as many videos cost."""
    runs = [(count, library(setup, count)) for count in STEPS]
    for what, anew in (("first look", True), ("unchanged", False)):
        costs = [listing(setup, root, anew)() for _, root in runs]
        for (few, _), (many, _), less, more in zip(runs, runs[1:], costs, costs[1:], strict=False):
            yield cpu_row(f"{what}: {many:,} videos / {few:,}", Ratio(more, less), 12)


def pages(setup: Setup) -> Iterator[Row]:
    """A hundred videos with detail, from anywhere in the library, against a route without work."""
    root = library(setup, VIDEOS)
    cases = {
        "any page by name": "",
        "any page by size": "&sort=size",
        "any page with a tag": "&tags=night",
        "any page of `duration:>1h city`": "&q=duration:%3E1h+city",
    }
    listing(setup, root)()
    with serving(setup, program("serve", "--root", str(root), "--port")) as ask:
        body = ask("/videos?recursive=1&detail=1&limit=100")[1]
        total, file = json.loads(body)["total"], setup.scratch / "body.json"
        file.write_bytes(body)
        with serving(setup, [sys.executable, "-c", BARE, str(file)]) as bare:
            for what, more in cases.items():
                url = f"/videos?recursive=1&detail=1&limit=100{more}&offset="
                yield limit_row(f"the first of {what}", ask(url + "0")[0], "ms", FIRST_MS)
                offsets = [number * 7919 % (total // 4) for number in range(REQUESTS)]
                times = [(ask(f"{url}{offset}")[0], bare("/videos")[0]) for offset in offsets]
                ours, peer = (
                    sorted(side)[REQUESTS * 95 // 100] for side in zip(*times, strict=True)
                )
                told = (f"{ours:.3g} ms", f"{peer:.3g} ms", f"{ours / peer:.3g}")
                yield Row(f"p95: {what} / a bare route", *told, "≤ 4", ours <= 4 * peer)


def library(setup: Setup, count: int) -> Path:
    return make_library(setup.media.folder, count)


def listing(setup: Setup, root: Path, anew: bool = False) -> Callable[[], Usage]:
    """A run of `list` with a query, perhaps without the catalogue of an earlier one."""
    env = environment(setup)

    def run() -> Usage:
        if anew:
            shutil.rmtree(Path(env["XDG_CACHE_HOME"]), ignore_errors=True)
        return measure(program("list", str(root), "-r", "-q", "tag:rare"), env)

    return run


def find(root: Path) -> Argv:
    return ["find", str(root), "-type", "f", "-printf", "%s %T@ %p\\n"]


def cat(root: Path) -> Argv:
    return ["sh", "-c", f"find '{root}' -name '*.json' -print0 | xargs -0 cat > /dev/null"]


Ask = Callable[[str], tuple[float, bytes]]


@contextmanager
def serving(setup: Setup, argv: Argv) -> Iterator[Ask]:
    """A server that is told its port last, and a way to ask it: milliseconds and the answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = environment(setup, PYTHONPATH=str(ROOT))
    server = subprocess.Popen([*argv, str(port)], env=env, stderr=subprocess.DEVNULL)

    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(url: str) -> tuple[float, bytes]:
        began = time.perf_counter()
        connection.request("GET", url)
        body = connection.getresponse().read()
        return (time.perf_counter() - began) * 1e3, body

    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        yield ask
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    sys.exit(main({"first": first, "again": again, "growth": growth, "pages": pages}))
