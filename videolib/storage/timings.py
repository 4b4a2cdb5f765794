"""How long artifacts took on this machine, and how long others will take by that.

A file in the user's cache folder has sums for each set of kinds that workers made in one opening of
a video: enough for a straight line from the size of a video to the seconds it takes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from videolib.core.confinement import confined_to
from videolib.core.documents import compact_json, read_json
from videolib.core.files import replace_file
from videolib.core.text import to_float

REMEMBERED = 500  # videos of a set of kinds; of older ones only every other counts


class Sums(NamedTuple):
    """Sums over the videos of which a set of kinds was made: their number, sizes (bytes), seconds,
    squares of the sizes, and sizes times seconds."""

    videos: float = 0.0
    size: float = 0.0
    seconds: float = 0.0
    squares: float = 0.0
    products: float = 0.0

    def plus(self, size: float, seconds: float) -> Sums:
        """The sums with one more video."""
        kept = 0.5 if self.videos >= REMEMBERED else 1.0
        more = (1.0, size, seconds, size * size, size * seconds)
        return Sums(*(kept * old + new for old, new in zip(self, more, strict=True)))

    def expected(self, size: float) -> float:
        """Seconds that a video of that size takes, by the least squares of all; larger ones take no
        less."""
        mean_size, mean = self.size / self.videos, self.seconds / self.videos
        variance = self.squares / self.videos - mean_size**2
        covariance = self.products / self.videos - mean_size * mean
        # Sizes of nearly the same say nothing of others.
        slope = max(covariance / variance, 0.0) if variance > (0.01 * mean_size) ** 2 else 0.0
        if mean < slope * mean_size:  # what is nothing at no size is in proportion
            return size * mean / mean_size
        return mean + slope * (size - mean_size)


class Work(NamedTuple):
    """What a worker is to do in one opening of a video: the kinds, and the video's size (bytes)."""

    kinds: tuple[str, ...]
    size: int


class Timings:
    """The sums by set of kinds."""

    def __init__(self, sums: Mapping[frozenset[str], Sums]) -> None:
        self.sums, self.changed = dict(sums), False

    @classmethod
    def load(cls) -> Timings:
        """What is remembered; nothing where the file is missing or damaged."""
        with confined_to(()), contextlib.suppress(OSError):  # no library's file
            rows = read_json(timings_file()) or {}
            numbers = {
                kinds: [to_float(value) for value in row]
                for kinds, row in rows.items()
                if isinstance(row, list)
            }
            sums = {
                frozenset(kinds.split(",")): Sums(*(value or 0.0 for value in row))
                for kinds, row in numbers.items()
                if len(row) == len(Sums._fields) and row[0] and row[1]
            }
            return cls(sums)
        return cls({})

    def note(self, work: Work, seconds: float) -> None:
        """Remember how long some work took."""
        key = frozenset(work.kinds)
        self.sums[key] = self.sums.get(key, Sums()).plus(work.size, seconds)
        self.changed = True

    def save(self) -> None:
        """Write what is new; where that cannot be written, nothing is remembered."""
        if self.changed:
            rows = {",".join(sorted(kinds)): list(sums) for kinds, sums in self.sums.items()}
            with confined_to(()), contextlib.suppress(OSError):
                timings_file().parent.mkdir(parents=True, exist_ok=True)
                replace_file(timings_file(), compact_json(rows))

    def expected(self, work: Work) -> tuple[float, frozenset[str]]:
        """Seconds that some work will take, and the kinds that were never made here, which are not
        in them.

        Kinds that were made apart are added up, though they may share an opening now.
        """
        seconds, missing = 0.0, frozenset(work.kinds)
        for kinds in sorted(self.sums, key=lambda kinds: (-len(kinds), sorted(kinds))):
            if kinds <= missing:
                seconds += self.sums[kinds].expected(work.size)
                missing -= kinds
        together = [kinds for kinds in self.sums if missing and missing <= kinds]
        if together:
            seconds += self.sums[min(together, key=len)].expected(work.size)
            missing = frozenset()
        return seconds, missing


def timings_file() -> Path:
    """The file in the user's cache folder."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("video-library")) / "timings.json"


class Forecast(NamedTuple):
    """How many seconds some work will take, and the titles of what is not in them: none of that was
    made here yet."""

    seconds: float
    unknown: list[str]

    @property
    def text(self) -> str:
        return forecast_text(self.seconds, self.unknown)


def forecast(
    works: Iterable[Work], caps: Mapping[str, int], processes: int, titles: Mapping[str, str]
) -> Forecast:
    """How long some work will take by what was measured here; `caps`: videos at a time by kind,
    `processes`: at all; `titles`: what the kinds are called."""
    timings, total = Timings.load(), 0.0
    by_kind, unknown = dict.fromkeys(caps, 0.0), set[str]()
    for work in works:
        seconds, missing = timings.expected(work)
        unknown |= missing
        total += seconds
        for kind in work.kinds:
            by_kind[kind] += seconds
    longest = max((by_kind[kind] / cap for kind, cap in caps.items()), default=0.0)
    names = [titles[kind] for kind in titles if kind in unknown]
    return Forecast(max(total / processes, longest), names)


def forecast_text(seconds: float, unknown: Collection[str]) -> str:
    """An expected time in words; `unknown`: what it leaves out."""
    if not seconds:
        return "how long is not known: none was made here yet"
    units = (("second", 1, 90), ("minute", 60, 90 * 60), ("hour", 3600, 36 * 3600))
    noun, unit = next(((n, u) for n, u, limit in units if seconds < limit), ("day", 86400))
    count = max(round(seconds / unit), 1)
    text = f"about {count} {noun}{'s' if count > 1 else ''}"
    never = f", not counting {', '.join(unknown)}, never made here yet" if unknown else ""
    return text + never
