"""The cost of `verify`: decoding all of a film, and looking at its bytes only.

    python tests/bench/bench_verify.py [--only NAME] [--media DIR] [--clips DIR] [--rounds N]

The peers: `ffmpeg -v error -i FILE -f null -`, which takes as many threads as `verify` does, and a
program that reads a file from first to last byte and hashes it with one BLAKE3.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench_core import ffmpeg
from harness import Row, Setup, cpu_row, environment, main, program, workspace
from measure import Ratio, Usage, command, compare, measure

COPIES_BYTES = 4 << 30  # of the file whose bytes are looked at: starting is little beside them
READ_AND_HASH = """
import blake3, sys
digest = blake3.blake3()
with open(sys.argv[1], "rb", buffering=0) as file:
    buffer = memoryview(bytearray(1 << 20))
    while count := file.readinto(buffer):
        digest.update(buffer[:count])
"""


def decode(setup: Setup) -> Iterator[Row]:
    """All of a film, in CPU time and by the clock."""
    film = setup.media.film()

    def ours() -> Usage:
        with workspace(setup, [film]) as folder:
            return measure(program("verify", str(folder)), environment(setup))

    peer = command(ffmpeg("-v", "error", "-i", str(film), "-f", "null", "-"))
    ratio = compare(ours, peer, setup.rounds)
    yield cpu_row("`verify` / `ffmpeg -v error -f null -`", ratio, 1.15)
    yield wall_row("the same by the clock", ratio, 1.15)


def quick(setup: Setup) -> Iterator[Row]:
    """The bytes of a file of 4 GiB, which the system has in memory, against their record."""
    content = setup.media.film().read_bytes()
    with tempfile.TemporaryDirectory(dir=setup.media.folder) as name:
        path = Path(name, "film.mp4")
        with path.open("wb") as file:
            while file.tell() < COPIES_BYTES:
                file.write(content)
        argv = program("verify", name, "--quick")
        measure(argv, environment(setup))  # makes the record
        ours = command(argv, environment(setup))
        peer = command([sys.executable, "-c", READ_AND_HASH, str(path)])
        ratio = compare(ours, peer, setup.rounds)
    yield cpu_row("`verify --quick` of 4 GiB / reading and hashing them", ratio, 1.1)
    yield wall_row("the same by the clock", ratio, 1.1)


def wall_row(what: str, ratio: Ratio, at_most: float) -> Row:
    """Our seconds by the clock must be at most this multiple of theirs."""
    ours, peer = (f"{side.wall_seconds:.3g} s" for side in (ratio.ours, ratio.theirs))
    return Row(what, ours, peer, f"{ratio.wall:.3g}", f"≤ {at_most:.3g}", ratio.wall <= at_most)


if __name__ == "__main__":
    sys.exit(main({"decode": decode, "quick": quick}))
