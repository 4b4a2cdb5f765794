"""The cost of the frame artifacts, of metadata, of starting and of listing, against the peers.

    python tests/bench/bench_core.py [--only NAME] [--media DIR] [--clips DIR] [--rounds N]

The peers are the programs that people run for the same pictures: `ffmpeg` and `ffprobe` once per
picture, and `scenedetect`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import (
    ROOT,
    Row,
    Setup,
    cpu_row,
    environment,
    limit_row,
    main,
    making,
    memory_row,
    program,
    workspace,
)
from make_media import find_ffmpeg
from measure import Argv, Ratio, Usage, alternate, command, compare, measure

FRAMES = "thumbs,sprites,phash,heatmaps"
SPRITE_INTERVAL = 10
PHASH_FRAMES = 5
HEATMAP_INTERVAL = 5
STARTUP_ROUNDS = 20
MEMORY_MB = 400
MEMORY_UHD_MB = 700
LIBRARY_SECONDS = 2


def frames(setup: Setup) -> Iterator[Row]:
    """Four artifacts in one run against one full decode, and against a process per picture."""
    film = setup.media.film()
    runs = [
        making(setup, FRAMES, [film]),
        command(ffmpeg("-i", str(film), "-f", "null", "-")),
        command(one_process_per_picture(film, setup.scratch)),
    ]
    ours, decode, processes = alternate(runs, setup.rounds)
    yield cpu_row(f"`{FRAMES}` / one full decode", Ratio(ours, decode), 0.07)
    yield cpu_row(f"`{FRAMES}` / a process per picture", Ratio(ours, processes), 0.10)


def scenes(setup: Setup) -> Iterator[Row]:
    """The four artifacts and the scenes in one run against the `scenedetect` program."""
    film = setup.media.film()
    tasks = f"{FRAMES},scenes"
    detect = [sys.executable, "-m", "scenedetect", "-i", str(film), "detect-content"]
    peer = command([*detect, "list-scenes", "-n"])
    ratio = compare(making(setup, tasks, [film]), peer, setup.rounds)
    yield cpu_row(f"`{tasks}` / `scenedetect`", ratio, 0.65)


def exports(setup: Setup) -> Iterator[Row]:
    """Scrub pictures for two media servers in the pass for `thumbs` and `sprites`."""
    film = setup.media.film()

    def with_exports() -> Usage:
        words = ("--format", "trickplay,bif")
        with workspace(setup, [film]) as folder:
            argv = program("thumbs,sprites,export", str(folder), *words)
            return measure(argv, environment(setup))

    ratio = compare(with_exports, making(setup, "thumbs,sprites", [film]), setup.rounds)
    yield cpu_row("`thumbs,sprites`, trickplay and BIF / `thumbs,sprites`", ratio, 1.4)


def shorts(setup: Setup) -> Iterator[Row]:
    """Metadata and a thumbnail of many short clips against the usual shell loop."""
    clips = setup.media.shorts()
    runs = [
        making(setup, "meta,thumbs", clips),
        making(setup, "meta,thumbs", clips, PATH=path_without_ffprobe(setup)),
        command(shell_loop(clips[0].parent, setup.scratch)),
    ]
    ours, unaided, loop = alternate(runs, setup.rounds)
    what = f"`meta,thumbs` of {len(clips)} clips"
    yield cpu_row(f"{what} / shell loop", Ratio(ours, loop), 0.45)
    yield cpu_row(f"{what}, no ffprobe on PATH / shell loop", Ratio(unaided, loop), 1 / 6)
    yield memory_row(what, ours, MEMORY_MB)
    yield memory_row(f"{what}, no ffprobe on PATH", unaided, MEMORY_MB)


def sandbox(setup: Setup) -> Iterator[Row]:
    """What the wall around workers adds to the metadata and thumbnails of many short clips."""
    clips, path = setup.media.shorts(), path_without_ffprobe(setup)
    runs = [
        making(setup, "meta,thumbs", clips, PATH=path),
        making(setup, "meta,thumbs", clips, PATH=path, SANDBOX_DISABLE="1"),
    ]
    ratio = Ratio(*alternate(runs, setup.rounds))
    yield cpu_row(f"`meta,thumbs` of {len(clips)} clips / without the wall", ratio, 1.03)


def startup(setup: Setup) -> Iterator[Row]:
    """What `--help` and a short listing cost beside the imports they cannot do without.

    A script is compiled at every start; a module, as `python -m` starts it, only once.
    """
    env = environment(setup)
    kept = environment(
        setup, PYTHONPATH=str(ROOT), PYTHONPYCACHEPREFIX=str(setup.scratch / "compiled")
    )
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    module = [sys.executable, "-m", "index"]
    measure([*module, "--help"], kept)
    with workspace(setup, setup.media.shorts()[:10]) as folder:
        runs = [
            command(program("--help"), env),
            command(program("list", str(folder)), env),
            command([*module, "--help"], kept),
            command([*module, "list", str(folder)], kept),
            command([sys.executable, "-c", "import argparse, pydantic"], env),
        ]
        *ours, imports = alternate(runs, STARTUP_ROUNDS)
    names = ("`--help`", "`list` of 10 files", "`-m index --help`", "`-m index list` of 10 files")
    for name, usage in zip(names, ours, strict=True):
        yield cpu_row(f"{name} / `import argparse, pydantic`", Ratio(usage, imports), 2)


def library(setup: Setup) -> Iterator[Row]:
    """Listing and reporting on 100,000 videos."""
    folder = str(setup.media.library())
    env = environment(setup)
    names = ("list", "report")
    runs = [command(program(name, folder, "-r"), env) for name in names]
    for name, usage in zip(names, alternate(runs, setup.rounds), strict=True):
        what = f"`{name} -r` of 100,000 videos"
        yield limit_row(what, usage.wall_seconds, "s", LIBRARY_SECONDS)
        yield memory_row(what, usage, MEMORY_MB)


def memory(setup: Setup) -> Iterator[Row]:
    """Peak memory while two workers are busy, with a film each."""
    film, uhd = setup.media.film(), setup.media.uhd()
    cases = [
        ("two films", film, FRAMES, MEMORY_MB),
        ("two films", film, f"{FRAMES},scenes", MEMORY_MB),
        ("two 4K films", uhd, f"{FRAMES},scenes", MEMORY_UHD_MB),
    ]
    for what, video, tasks, limit in cases:
        yield memory_row(f"`{tasks}` of {what}", making(setup, tasks, [video, video])(), limit)


def ffmpeg(*arguments: str) -> Argv:
    """An ffmpeg command line that overwrites and says nothing but errors."""
    return [find_ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments]


def one_process_per_picture(film: Path, folder: Path) -> list[Argv]:
    """The usual commands for what our one run makes: ffmpeg seeks, scales and writes one frame."""
    duration = seconds_of(film)
    phash_step = duration / PHASH_FRAMES
    pictures = [
        *((t, "scale=320:-2", "tile.jpg") for t in every(SPRITE_INTERVAL, duration)),
        *((t + phash_step / 2, "scale=32:32", "hash.png") for t in every(phash_step, duration)),
        *((t, "scale=160:-2", "heat.png") for t in every(HEATMAP_INTERVAL, duration)),
        (duration / 2, "null", "thumb.jpg"),
    ]
    return [
        ffmpeg(
            "-ss", f"{time:.3f}", "-i", str(film), "-frames:v", "1", "-vf", look, str(folder / name)
        )
        for time, look, name in pictures
    ]


def every(step: float, end: float) -> list[float]:
    """The times 0, step, 2 * step, ... before the end (rounding does not add one)."""
    return [i * step for i in range(int(end / step + 1 - 1e-6))]


def seconds_of(film: Path) -> float:
    """The duration that ffprobe finds."""
    argv = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"]
    return float(subprocess.check_output([*argv, str(film)], text=True))


def shell_loop(clips: Path, folder: Path) -> Argv:
    """What a careful person types: metadata as JSON and the middle frame of every clip."""
    script = f"""
        set -e
        for clip in {shlex.quote(str(clips))}/*.mp4; do
            ffprobe -v error -of json -show_format -show_streams "$clip" > meta.json
            {find_ffmpeg()} -v error -nostdin -y -ss 2.5 -i "$clip" -frames:v 1 -q:v 2 thumb.jpg
        done
    """
    return ["sh", "-c", f"cd {shlex.quote(str(folder))}\n{script}"]


def path_without_ffprobe(setup: Setup) -> str:
    """A PATH with everything that is on the real one except ffprobe."""
    folder = setup.scratch / "bin"
    folder.mkdir()
    # From the last folder to the first, so that of two programs with one name the first wins.
    found = {
        entry.name: entry
        for place in reversed(os.get_exec_path())
        if Path(place).is_dir()
        for entry in Path(place).iterdir()
    }
    found.pop("ffprobe", None)
    for name, entry in found.items():
        (folder / name).symlink_to(entry)
    return str(folder)


if __name__ == "__main__":
    sys.exit(
        main(
            {
                "frames": frames,
                "scenes": scenes,
                "exports": exports,
                "shorts": shorts,
                "sandbox": sandbox,
                "startup": startup,
                "library": library,
                "memory": memory,
            }
        )
    )
