"""Markers that a user set in a video: times with titles, in NAME.markers.json beside its tags."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import UsageError
from videolib.core.text import UNPRINTABLE, utf8
from videolib.storage.artifacts import MARKERS_RECORD
from videolib.storage.user_records import (
    journal_user_record,
    moment_of,
    read_user_record,
    update_user_record,
)

if TYPE_CHECKING:
    from videolib.storage.journal import Journal
    from videolib.storage.videos import Video

MOST_MARKERS, TITLE_LENGTH = 1000, 200  # of a video; characters


class Marker(NamedTuple):
    """A time in seconds, to the millisecond, and what is there."""

    time: float
    title: str = ""

    @classmethod
    def checked(cls, time: float, title: str) -> Marker:
        """Raises UsageError for what is no time or no title."""
        title = title.strip()
        if moment_of(time) is None:
            raise UsageError("a marker's time is a number of seconds from the beginning on")
        if len(title) > TITLE_LENGTH or re.search(UNPRINTABLE, title):
            limits = f"at most {TITLE_LENGTH} characters and no control characters"
            raise UsageError(f"a marker's title has {limits}")
        return cls(round(time, 3), title)


class MarkerChange(NamedTuple):
    """Markers that are taken away, and then some that are added; at one time stands one marker."""

    add: Sequence[Marker] = ()
    remove: Sequence[Marker] = ()

    def apply(self, record: dict[str, Any]) -> None:
        """Change a record. Raises UsageError for too many markers."""
        gone = {marker.time for marker in self.remove}
        by_time = {m.time: m for m in markers_in(record) if m.time not in gone}
        by_time |= {marker.time: marker for marker in self.add}
        if len(by_time) > MOST_MARKERS:
            raise UsageError(f"a video has at most {MOST_MARKERS:,} markers")
        rows = [by_time[time]._asdict() for time in sorted(by_time)]
        record.pop("markers", None)
        record |= {"markers": rows} if rows else {}


def markers_in(record: Mapping[str, Any]) -> list[Marker]:
    """The markers in a record by time; what is none is left out."""
    rows = record.get("markers")
    markers = (_marker(row) for row in rows) if isinstance(rows, list) else ()
    return sorted(filter(None, markers))


def _marker(row: object) -> Marker | None:
    time, title = (row.get("time"), row.get("title")) if isinstance(row, dict) else (None, None)
    if (moment := moment_of(time)) is None:
        return None
    words = re.sub(UNPRINTABLE, " ", title).split() if isinstance(title, str) else []
    return Marker(round(moment, 3), utf8(" ".join(words))[:TITLE_LENGTH])


def read_markers(video: Video) -> list[Marker]:
    """The markers of a video by time. Raises VideoError for a file that is corrupt."""
    return markers_in(read_user_record(video, MARKERS_RECORD))


def update_markers(video: Video, change: MarkerChange) -> list[Marker]:
    """Change the markers of a video; gives the new ones. Raises VideoError, UsageError, OSError."""
    return markers_in(update_user_record(video, MARKERS_RECORD, change.apply))


def merge_markers(keeper: Video, videos: Iterable[Video], journal: Journal) -> None:
    """Plan to add the markers of copies that go; where both have one at a time, the keeper's stays.
    Raises VideoError."""
    others = [marker for video in videos for marker in read_markers(video)]
    own = {marker.time for marker in read_markers(keeper)}
    change = MarkerChange([marker for marker in others if marker.time not in own])
    journal_user_record(keeper, MARKERS_RECORD, change.apply, journal)
