"""The frame around a benchmark script: options, the program under test, the table of results.

A script is a dict of named benchmarks, each a function from `Setup` to rows, and ends with

    if __name__ == "__main__":
        sys.exit(main({"frames": frames, ...}))
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from make_media import Media, MediaError, find_ffmpeg
from measure import MeasureError, Ratio, Run, Usage, measure

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "index-bench"
# Real films for those that say so, with who is in them and what is said in them.
REAL_FILMS = Path(os.environ.get("BENCH_FILMS", CACHE / "real-films"))
# What each task must have left behind: a run that skipped its work would look very fast.
SIDECARS = {
    "meta": ".ffprobe.json",
    "thumbs": ".jpg",
    "sprites": ".sprites.json",
    "phash": ".phash.json",
    "heatmaps": ".heatmaps.json",
    "scenes": ".scenes.json",
}


@dataclass(frozen=True)
class Setup:
    """What the command line asked for, and `scratch`, a folder that lives as long as the run."""

    media: Media
    rounds: int
    scratch: Path


@dataclass(frozen=True)
class Row:
    """One line of the table: a claim and what was measured."""

    what: str
    ours: str
    peer: str
    ratio: str
    target: str
    ok: bool

    def __str__(self) -> str:
        cells = (self.what, self.ours, self.peer, self.ratio, self.target)
        return f"| {' | '.join(cells)} | {'yes' if self.ok else '**no**'} |"


HEADER = "| what | ours | peer | ratio | target | ok |\n| --- | --- | --- | --- | --- | --- |"

Benchmark = Callable[[Setup], Iterator[Row]]


def cpu_row(what: str, ratio: Ratio, at_most: float) -> Row:
    """Our CPU seconds must be at most this multiple of theirs."""
    ours, peer = (f"{side.cpu_seconds:.3g} CPU s" for side in (ratio.ours, ratio.theirs))
    return Row(what, ours, peer, f"{ratio.cpu:.3g}", f"≤ {at_most:.3g}", ratio.cpu <= at_most)


def limit_row(what: str, value: float, unit: str, at_most: float) -> Row:
    """A quantity of ours that has no peer must stay under a limit."""
    return Row(what, f"{value:.3g} {unit}", "", "", f"≤ {at_most:g} {unit}", value <= at_most)


def memory_row(what: str, usage: Usage, at_most: float) -> Row:
    """Peak memory of the process tree must stay under a limit."""
    return limit_row(f"peak memory: {what}", usage.peak_mb, "MB", at_most)


def program(*arguments: str) -> list[str]:
    """The command line of index.py with these arguments."""
    return [sys.executable, str(ROOT / "index.py"), *arguments]


UNSET = frozenset({"FFPROBE_DISABLE", "SANDBOX_DISABLE", "VIDEORC"})  # variables of this user


def environment(setup: Setup, **changes: str) -> dict[str, str]:
    """The environment for index.py: no settings of this user, nor a catalogue of earlier runs."""
    kept = {k: v for k, v in os.environ.items() if k not in UNSET}
    return {**kept, "XDG_CACHE_HOME": str(setup.scratch / "cache"), **changes}


def making(setup: Setup, tasks: str, videos: Sequence[Path], **changes: str) -> Run:
    """A run of a chain such as `meta,thumbs` over these videos, with two workers."""

    def run() -> Usage:
        with workspace(setup, videos) as folder:
            argv = program(tasks, str(folder), "--workers", "2")
            usage = measure(argv, environment(setup, **changes))
            _check_sidecars(folder, tasks)
        return usage

    return run


@contextmanager
def workspace(setup: Setup, videos: Sequence[Path]) -> Iterator[Path]:
    """A new folder with hard links to the videos: nothing in it was made by an earlier run."""
    with tempfile.TemporaryDirectory(dir=setup.media.folder, prefix="run-") as name:
        for i, video in enumerate(videos):
            Path(name, f"{i:03d}_{video.name}").hardlink_to(video)
        yield Path(name)


def _check_sidecars(folder: Path, tasks: str) -> None:
    for task in tasks.split(","):
        for video in folder.glob("*.mp4"):
            sidecar = folder / ".artifacts" / (video.name + SIDECARS[task])
            if not sidecar.is_file():
                raise MeasureError(f"{task} ended with 0 but did not make {sidecar.name}")


def main(benchmarks: Mapping[str, Benchmark]) -> int:
    """Run the chosen benchmarks and print their rows; 1 when a row is not ok."""
    options = _parse(benchmarks)
    options.media.mkdir(parents=True, exist_ok=True)
    print(f"{_machine()}; rounds: {options.rounds}\n\n{HEADER}", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        setup = Setup(Media(options.media, options.clips), options.rounds, Path(scratch))
        rows = [row for name in options.only for row in _printed(name, benchmarks[name], setup)]
    return 0 if all(row.ok for row in rows) else 1


def _parse(benchmarks: Mapping[str, Benchmark]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the program against its peers.")
    parser.add_argument(
        "--only",
        action="append",
        choices=benchmarks,
        metavar="NAME",
        help=f"one of {', '.join(benchmarks)}; may be repeated",
    )
    parser.add_argument(
        "--media",
        type=Path,
        default=CACHE,
        metavar="DIR",
        help="where the videos are, or are to be made (default: %(default)s)",
    )
    parser.add_argument(
        "--clips",
        type=Path,
        metavar="DIR",
        help="folder with the clips that the videos are made from",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        metavar="N",
        help="how often each side runs, taking turns (default: %(default)s)",
    )
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.only = options.only or list(benchmarks)
    options.media = options.media.resolve()  # the peers run in another folder
    return options


def _printed(name: str, benchmark: Benchmark, setup: Setup) -> Iterator[Row]:
    """The rows of a benchmark, each printed at once; a failure is a row and stops only this one."""
    try:
        for row in benchmark(setup):
            print(row, flush=True)
            yield row
    except (MeasureError, MediaError, OSError, subprocess.CalledProcessError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        failed = Row(name, "failed", "", "", "", ok=False)
        print(failed, flush=True)
        yield failed


def _machine() -> str:
    """The line above the table: what the numbers depend on."""
    text = subprocess.check_output([find_ffmpeg(), "-version"], text=True)
    ffmpeg = " ".join(text.split()[:3])
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.platform(terse=True)}, {python}, {ffmpeg}"
