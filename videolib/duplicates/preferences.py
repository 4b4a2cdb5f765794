"""Preferences: by what one copy is better to keep than another, in the words of `--prefer`.

`height:` prefers the larger value of one of CRITERIA, `codec:hevc` what a query with that term
finds; with a minus sign it is the other way round. The order of the terms is the order of what
counts. DEFAULT_ORDER, in the same words, decides between what the given terms do not tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Set
from typing import TYPE_CHECKING, NamedTuple

from videolib.catalogue.query import QUERY_FIELDS, query_terms, term_clause
from videolib.core.errors import UsageError
from videolib.core.text import clock, human_date, human_size
from videolib.duplicates.sound import sound_text

if TYPE_CHECKING:
    from videolib.catalogue.query import QueryTerm
    from videolib.duplicates.quality import CopyQuality

DEFAULT_ORDER = "sound: resolution: density: depth: duration: tracks: -added:"


class Criterion(NamedTuple):
    """A quality by which copies are compared: its value, its text, what a copy is called that has
    the largest or the smallest value, and what stands before the text of its best rival."""

    value: Callable[[CopyQuality], float]
    text: Callable[[CopyQuality], str]
    largest: str
    smallest: str
    rival: str = " against "

    def reason(self, quality: CopyQuality, rival: CopyQuality, reverse: bool) -> str:
        """Why a copy is kept and not its best rival."""
        name = self.smallest if reverse else self.largest
        return f"{name}: {self.text(quality)}{self.rival}{self.text(rival)}"


def resolution_rank(quality: CopyQuality) -> int:
    """Pixels without black bars; differences of up to 3 % count as none."""
    return round(math.log2(max(quality.width * quality.height * quality.content, 1)) * 20)


def density_rank(quality: CopyQuality) -> int:
    """Bits per second and pixel; differences of up to 18 % count as none."""
    return round(math.log2(max(quality.density, 1e-9)) * 4)


def duration_rank(quality: CopyQuality) -> int:
    """Seconds; differences of up to 3 % count as none."""
    return round(math.log2(max(quality.duration, 1e-3)) * 20)


def density_text(quality: CopyQuality) -> str:
    """Its figure; where the duration is not known, and it is the size that was compared, that."""
    return f"{quality.density:.3g}" if quality.duration else human_size(quality.size)


# What is not known counts as 0; but a copy that may have sound is not behind one that has.
CRITERIA: dict[str, Criterion] = {
    "sound": Criterion(
        lambda q: q.languages != (),
        lambda q: sound_text(q.languages) or "audio",
        "with sound",
        "without sound",
    ),
    "resolution": Criterion(
        resolution_rank, lambda q: q.resolution(), "highest resolution", "lowest resolution"
    ),
    "density": Criterion(
        density_rank,
        density_text,
        "most bits per second and pixel for its codec",
        "fewest bits per second and pixel for its codec",
    ),
    "depth": Criterion(
        lambda q: q.depth,
        lambda q: str(q.depth or "unknown"),
        "highest bit depth",
        "lowest bit depth",
    ),
    "duration": Criterion(duration_rank, lambda q: clock(q.duration), "longest", "shortest"),
    "tracks": Criterion(
        lambda q: q.sounds, lambda q: str(q.sounds), "most audio tracks", "fewest audio tracks"
    ),
    "added": Criterion(
        lambda q: round(q.mtime),
        lambda q: human_date(q.mtime, True),
        "newest",
        "oldest",
        ", the next ",
    ),
    "height": Criterion(lambda q: q.height, lambda q: str(q.height), "highest", "lowest"),
    "width": Criterion(lambda q: q.width, lambda q: str(q.width), "widest", "narrowest"),
    "size": Criterion(lambda q: q.size, lambda q: human_size(q.size), "largest", "smallest"),
    "fps": Criterion(
        lambda q: q.rate,
        lambda q: f"{q.rate:.4g}",
        "most frames a second",
        "fewest frames a second",
    ),
    "bitrate": Criterion(
        lambda q: q.bit_rate, lambda q: f"{q.bit_rate:,}", "highest bit rate", "lowest bit rate"
    ),
}


def parse_preferences(text: str) -> list[QueryTerm]:
    """The terms of an order of preferences. Raises UsageError that names the words there are."""
    terms = list(query_terms(text, bare_fields=True))
    for term in terms:
        if term.value and term.field in QUERY_FIELDS:
            term_clause(term)  # which raises UsageError for a value that is none
        elif term.value or term.field not in CRITERIA:
            bare, fields = ", ".join(f"{name}:" for name in CRITERIA), ", ".join(QUERY_FIELDS)
            raise UsageError(
                f"--prefer {term}: no such word; there are {bare}, and with a value {fields}"
            )
    return terms


class Preference(NamedTuple):
    """One term of an order: the value of each copy by its number, the larger the better, and the
    reason to keep one copy and not another, by their numbers.

    `of_file`: whether it may tell exact copies apart; others are about what these have in common.
    """

    value: Callable[[int], float]
    reason: Callable[[int, int], str]
    of_file: bool


def preferences_of(
    terms: Iterable[QueryTerm],
    quality: Callable[[int], CopyQuality],
    matching: Callable[[QueryTerm], Set[int]],
) -> list[Preference]:
    """The preferences for terms: `quality` gives that of a copy by its number, `matching` the
    numbers of the copies that a term of a query finds."""
    return [
        by_query(term, matching(term)) if term.value else by_criterion(term, quality)
        for term in terms
    ]


def by_query(term: QueryTerm, matching: Set[int]) -> Preference:
    """The preference for copies that a term of a query finds."""
    return Preference(
        lambda number: number in matching, lambda number, rival: f"preferred by {term}", True
    )


def by_criterion(term: QueryTerm, quality: Callable[[int], CopyQuality]) -> Preference:
    """The preference for the larger values of a criterion, or the smaller ones."""
    criterion, sign = CRITERIA[term.field], -1 if term.negated else 1
    return Preference(
        lambda number: sign * criterion.value(quality(number)),
        lambda number, rival: criterion.reason(quality(number), quality(rival), term.negated),
        term.field == "added",
    )
