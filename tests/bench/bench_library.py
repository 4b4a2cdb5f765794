"""The catalogue at 100,000 videos with all their sidecars.

    python tests/bench/bench_library.py [--only NAME] [--media DIR] [--rounds N]

The peers are what cannot be avoided: `find` that tells every file's size and time, and `cat` of
every JSON file. Six gigabytes are made below --media, once: who runs this again keeps them there.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median

from harness import ROOT, Row, Setup, cpu_row, environment, limit_row, main, memory_row, program
from make_library import make_library
from measure import Argv, Ratio, Usage, alternate, command, compare, measure

VIDEOS = 100_000
STEPS = (1_000, 10_000, VIDEOS)
MEMORY_MB = 300
PAGE_MS = 100
LOOK_MS = {True: 2000, False: 1000}  # CPU for a thousand videos, what is new; starting included
QUERIES = (
    "",
    "tag:night -tag:city",
    "duration:>1h size:<50MB codec:h264",
    "missing:subtitles OR stale:thumbs OR tag:rare",
    "series 77",
    'added:<30d performer:"Person 5"',
)
ALL_TOLD = ("list --json", "list", "report --json", "tags --json", "codecs --json", "orphans")
ASKING = f"""
import json, sys, time
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from statistics import median
import index
from videolib.storage.folders import Library

def milliseconds(query):
    began = time.process_time()
    catalogue._view_ids.cache_clear()
    catalogue.cards(catalogue.view(library, query), "duration", 0, 100, True)
    return (time.process_time() - began) * 1000

library = Library(Path(sys.argv[1]), recursive=True)
catalogue = index.open_catalogue(library)
print(json.dumps([[milliseconds(query) for _ in range(5)] for query in sys.argv[2:]]))
"""


def first(setup: Setup) -> Iterator[Row]:
    """The first look, without a catalogue, against `find` and reading each JSON file once."""
    root = library(setup, VIDEOS)
    measure([find(root), cat(root)])  # so that no side alone has to wait for the disk
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
    """How much more ten times as many videos cost; all were read just before, too."""
    roots = [library(setup, count) for count in STEPS]
    measure([cat(root) for root in roots])
    for what, anew in (("first look", True), ("unchanged", False)):
        for root in roots:  # a first look begins with no catalogue of any of them
            listing(setup, root)()
        costs = alternate([listing(setup, root, anew) for root in roots], setup.rounds)
        pairs = list(zip(STEPS, costs, strict=True))
        for count, cost in pairs:
            told = f"{what}: a thousand of {count:,} videos"
            yield limit_row(told, cost.cpu_seconds / count * 1e6, "CPU ms", LOOK_MS[anew])
        for (few, less), (many, more) in pairwise(pairs):
            yield cpu_row(f"{what}: {many:,} videos / {few:,}", Ratio(more, less), 12)


def memory(setup: Setup) -> Iterator[Row]:
    """What it takes to tell of every video."""
    root, env = library(setup, VIDEOS), environment(setup)
    for words in ALL_TOLD:
        name, *flags = words.split()
        usage = measure(program(name, str(root), "-r", *flags), env)
        yield memory_row(f"`{name} {' '.join(['-r', *flags])}`", usage, MEMORY_MB)


def pages(setup: Setup) -> Iterator[Row]:
    """A hundred rows that answer a question, each asked for the first time."""
    root = library(setup, VIDEOS)
    env = environment(setup)
    listing(setup, root)()
    told = subprocess.check_output([sys.executable, "-c", ASKING, str(root), *QUERIES], env=env)
    for query, times in zip(QUERIES, json.loads(told), strict=True):
        yield limit_row(f"page of `{query}`", median(times), "CPU ms", PAGE_MS)


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


if __name__ == "__main__":
    groups = {"first": first, "again": again, "growth": growth, "memory": memory, "pages": pages}
    sys.exit(main(groups))
