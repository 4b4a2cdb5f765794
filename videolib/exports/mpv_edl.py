"""mpv's edit lists: one cut, played without a pause, of what a query finds in many videos.

The header is `# mpv EDL v0`; a line has file, start and length in seconds (mpv's DOCS/edl-mpv.rst).
"""

from __future__ import annotations

import dataclasses
import fnmatch
import math
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from videolib.catalogue.query import query_terms
from videolib.core.errors import VideoError
from videolib.core.text import fold
from videolib.exports.formats import ListFormat
from videolib.media.metadata import summarize

if TYPE_CHECKING:
    from videolib.exports.sources import VideoSource

Span = tuple[float, float]  # start and end in seconds

AROUND = 2.0  # seconds before and after an appearance, where no scenes are known
NEAR = 1.0  # spans with less between them, in seconds, are joined


@dataclasses.dataclass(frozen=True)
class MpvEdl(ListFormat):
    """The videos that a query finds, one after the other; of performers in the query only the
    scenes in which they are seen, by the people that `listing` found."""

    suffix = ".mpv.edl"

    def content(self, sources: Sequence[VideoSource], folder: str, query: str) -> bytes:
        patterns = performer_patterns(query)
        lines = [
            line_of(os.path.relpath(source.video.path, folder), span)
            for source in sources
            for span in spans_of(source, patterns)
        ]
        if not lines:
            raise VideoError(f"nothing to play: {why_nothing(bool(sources), bool(patterns))}")
        return os.fsencode("\n".join(["# mpv EDL v0", *lines]) + "\n")


def why_nothing(has_videos: bool, names_performers: bool) -> str:
    """The reason why there is nothing to play, and what to do."""
    if has_videos:
        return "no video has metadata: the command meta makes them"
    if names_performers:
        return "the query finds no video: tags --performers adds the people whom listing found"
    return "the query finds no video"


def performer_patterns(query: str) -> list[str]:
    """The folded names, or patterns of names, that a query wants among the performers."""
    terms = query_terms(query)
    return [fold(t.value) for t in terms if t.field == "performer" and not t.negated]


def spans_of(source: VideoSource, patterns: Sequence[str]) -> list[Span]:
    """What to play of a video: the scenes with one of these performers, else all of it; nothing of
    a video whose length is not known."""
    duration = summarize(source.stored_metadata).get("duration")
    if duration is None:
        return []
    appearances = [
        (start, end)
        for name, intervals in source.appearances.items()
        if any(fnmatch.fnmatchcase(fold(name), pattern) for pattern in patterns)
        for start, end in intervals
    ]
    if not appearances:
        return [(0.0, float(duration))]
    around = [(max(start - AROUND, 0.0), min(end + AROUND, duration)) for start, end in appearances]
    played = [s for s in source.scenes if any(overlap(s, appearance) for appearance in appearances)]
    return joined_spans(played or around)


def overlap(one: Span, other: Span) -> bool:
    return one[0] <= other[1] and other[0] < one[1]


def joined_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans in their order, those that overlap or nearly touch as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] < NEAR:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def line_of(path: str, span: Span) -> str:
    """A part of a video, which does not end behind it by rounding. The length in bytes in front of
    the path lets it have any characters."""
    start, end = (math.floor(seconds * 1000) / 1000 for seconds in span)
    return f"%{len(os.fsencode(path))}%{path},{start:.3f},{end - start:.3f}"
