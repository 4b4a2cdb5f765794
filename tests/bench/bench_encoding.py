"""The cost of previews and codecs against the peers.

    python tests/bench/bench_encoding.py [--only NAME] [--media DIR] [--clips DIR] [--rounds N]

Previews are set against ffmpeg decoding the same seconds and throwing them away; codecs against one
ffprobe per file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from bench_core import ffmpeg, seconds_of
from harness import (
    Row,
    Setup,
    cpu_row,
    environment,
    limit_row,
    main,
    memory_row,
    program,
    workspace,
)
from measure import Argv, MeasureError, Usage, compare, measure

SEGMENTS = 9
KBIT_MOST = 400


def previews(setup: Setup) -> Iterator[Row]:
    """Nine clips against decoding the same nine seconds, one ffmpeg per clip."""
    film = setup.media.film()
    sizes: list[int] = []

    def ours() -> Usage:
        with workspace(setup, [film]) as folder:
            usage = measure(program("previews", str(folder)), environment(setup))
            clips = list(folder.glob(".artifacts/.*.previews/*.webm"))
            if len(clips) != SEGMENTS:
                raise MeasureError(f"previews ended with 0 but made {len(clips)} clips")
            sizes.append(sum(clip.stat().st_size for clip in clips))
        return usage

    ratio = compare(ours, lambda: measure(decoding(film)), setup.rounds)
    yield cpu_row("`previews` / decoding the same nine seconds", ratio, 1.35)
    yield memory_row("`previews`", ratio.ours, 400)
    yield limit_row("`previews`: bit rate", max(sizes) * 8 / SEGMENTS / 1000, "kbit/s", KBIT_MOST)


def decoding(film: Path) -> list[Argv]:
    """One ffmpeg per clip that decodes a second and writes nothing."""
    step = seconds_of(film) / (SEGMENTS + 1)
    starts = [step * number for number in range(1, SEGMENTS + 1)]
    return [
        ffmpeg("-ss", f"{start:.3f}", "-t", "1", "-i", str(film), "-f", "null", "-")
        for start in starts
    ]


def codecs(setup: Setup) -> Iterator[Row]:
    """A look into every file against one ffprobe per file."""
    clips = setup.media.shorts()
    show = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams"]

    def ours() -> Usage:
        with workspace(setup, clips) as folder:
            return measure(program("codecs", str(folder)), environment(setup))

    ratio = compare(ours, lambda: measure([[*show, str(c)] for c in clips]), setup.rounds)
    yield cpu_row(f"`codecs` of {len(clips)} files / as many ffprobe runs", ratio, 0.1)


if __name__ == "__main__":
    sys.exit(main({"previews": previews, "codecs": codecs}))
