"""What one part of the campaign tries: chance, time, counts, and the failures with their inputs."""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class Failure(NamedTuple):
    """Something that went wrong, in a line, how to see it again, and the inputs that were kept."""

    message: str
    reproduce: str
    inputs: tuple[str, ...]


class Share(NamedTuple):
    """One of several processes, from 1, that try the same list together."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """Raises ValueError for what is no "1/2"."""
        number, of = map(int, text.split("/"))
        if not 1 <= number <= of:
            raise ValueError(text)
        return cls(number, of)


ALL = Share(1, 1)


class Trials:
    """The trials of one part.

    `rng` is the only source of chance, and depends on the seed and the part alone. `folder` is
    empty at first and removed in the end; inputs of failures are copied into `kept`.
    """

    def __init__(
        self, part: str, seed: int, seconds: float, folder: Path, kept: Path, share: Share = ALL
    ) -> None:
        self.part, self.seed, self.seconds, self.share = part, seed, seconds, share
        self.folder, self.kept = folder, kept
        self.rng = random.Random(f"{part} {seed}")
        self.started = time.monotonic()
        self.tried: Counter[str] = Counter()
        self.measured: dict[str, Any] = {}
        self.skipped: dict[str, str] = {}
        self.failures: list[Failure] = []

    def remaining(self) -> float:
        """Seconds of the part's time that are left; below 0 where it is over."""
        return self.started + self.seconds - time.monotonic()

    def go_on(self) -> bool:
        """Whether there is time for another trial."""
        return self.remaining() > 0

    def share_of(self, trials: Sequence[T]) -> Sequence[T]:
        """Of trials that are listed beforehand those that this process has to try."""
        return trials[self.share.number - 1 :: self.share.of]

    def count(self, kind: str, number: int = 1) -> None:
        """Note that so many things of a kind were tried."""
        self.tried[kind] += number

    def measure(self, name: str, value: object) -> None:
        """Note a figure for the report, such as the longest answer in seconds."""
        self.measured[name] = value

    def skip(self, kind: str, why: str) -> None:
        """Note what cannot be tried on this machine, and why."""
        self.skipped[kind] = why

    def fail(self, message: str, reproduce: str, *inputs: Path) -> None:
        """Note a failure, and say it; files and folders of `inputs` are kept."""
        target = self.kept / f"{self.part}-{self.seed}-{len(self.failures)}"
        copies = []
        for path in inputs:
            target.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, target / path.name, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(path, target / path.name)
            copies.append(str(target / path.name))
        failure = Failure(" ".join(message.split()), reproduce, tuple(copies))
        self.failures.append(failure)
        sys.stderr.write(f"{self.part}: {failure.message}\n")

    def report(self) -> dict[str, Any]:
        """All of it, for the JSON report."""
        return {
            "part": self.part,
            "seconds": round(time.monotonic() - self.started, 1),
            "total": self.tried.total(),
            "tried": dict(sorted(self.tried.items())),
            "measured": self.measured,
            "skipped": self.skipped,
            "failures": [failure._asdict() for failure in self.failures],
        }

    def summary(self) -> str:
        """The same in a line, and one line for each failure and each thing that was left out."""
        seconds = time.monotonic() - self.started
        lines = [
            f"{self.part}: {self.tried.total():,} tried in {seconds:.0f} s, "
            f"{len(self.failures)} failed"
        ]
        lines += [f"  left out: {kind}: {why}" for kind, why in self.skipped.items()]
        for failure in self.failures:
            lines += [f"  {failure.message}", f"    again: {failure.reproduce}"]
            lines += [f"    input: {path}" for path in failure.inputs]
        return "\n".join(lines)


def smallest(content: bytes, fails: Callable[[bytes], bool], tries: int = 200) -> bytes:
    """The shortest content found, in so many tries, that still fails: pieces are left out, halves
    first, then ever smaller ones (ddmin of A. Zeller and R. Hildebrandt, 2002, without its tests
    of single pieces)."""
    pieces = 2
    while tries > 0 and len(content) >= pieces:
        length = -(-len(content) // pieces)
        for start in range(0, len(content), length):
            shorter = content[:start] + content[start + length :]
            tries -= 1
            if fails(shorter):
                content, pieces = shorter, max(pieces - 1, 2)
                break
            if tries <= 0:
                break
        else:
            if length == 1:
                break
            pieces *= 2
    return content
