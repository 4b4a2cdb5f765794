"""How far a video was watched: where to resume it, and when it was watched to its end.

NAME.playback.json holds it, beside the tags, and like these it goes wherever its video goes.
"""

from __future__ import annotations

import datetime
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.text import iso_time
from videolib.storage.artifacts import PLAYBACK_RECORD
from videolib.storage.user_records import (
    journal_user_record,
    moment_of,
    read_user_record,
    update_user_record,
)

if TYPE_CHECKING:
    from videolib.storage.journal import Journal
    from videolib.storage.user_records import RecordEditor
    from videolib.storage.videos import Video

# Shares of a video: who stopped earlier has not begun it, who came further has seen it.
BEGUN, FINISHED = 0.02, 0.95


class Playback(NamedTuple):
    """What is known of a video's playback.

    `position` is where to resume, in seconds, 0: at the beginning; `duration` how long the video
    was for the player, 0: not known. `played_at` and `watched_at` are when it was last played, and
    last watched to its end or marked so, in seconds since 1970; 0: never.
    """

    position: float = 0.0
    duration: float = 0.0
    played_at: float = 0.0
    watched_at: float = 0.0

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Playback:
        """The playback in a record; values that are none count as not known."""
        moments = (moment_of(record.get(name)) or 0.0 for name in ("position", "duration"))
        return cls(*moments, *(_date(record.get(name)) for name in ("played_at", "watched_at")))

    @property
    def progress(self) -> float:
        """The share of the video before the position, from 0 to 1."""
        return min(self.position / self.duration, 1.0) if self.duration else 0.0

    def played(self, position: float, duration: float) -> Playback:
        """The playback after a player was at a position (s), of a video as long as `duration`."""
        now = self._replace(position=position, duration=duration, played_at=time.time())
        if duration and position >= duration * FINISHED:
            return now._replace(position=0.0, watched_at=now.played_at)
        return now._replace(position=0.0) if now.progress < BEGUN else now

    def marked(self, watched: bool, position: float = 0.0) -> Playback:
        """The playback after somebody said whether the video was watched."""
        return self._replace(watched_at=time.time() if watched else 0.0, position=position)

    def merged(self, other: Playback) -> Playback:
        """The playback of two copies of one video: where the later one was, and watched if one
        was."""
        later = max(self, other, key=lambda playback: playback.played_at)
        return later._replace(watched_at=max(self.watched_at, other.watched_at))

    def as_json(self) -> dict[str, Any]:
        """The fields that say something; times in ISO 8601."""
        times = {"played_at": self.played_at, "watched_at": self.watched_at}
        numbers = {"position": round(self.position, 3), "duration": round(self.duration, 3)}
        facts = numbers | {name: moment and iso_time(moment) for name, moment in times.items()}
        return {name: value for name, value in facts.items() if value}


PlaybackChange = Callable[[Playback], Playback]


def _date(value: object) -> float:
    """A time in ISO 8601 in seconds since 1970; 0 for what is none."""
    try:
        date = datetime.datetime.fromisoformat(value if isinstance(value, str) else "")
        return max(date.timestamp(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


def read_playback(video: Video) -> Playback:
    """The playback of a video. Raises VideoError for a file that is corrupt."""
    return Playback.of(read_user_record(video, PLAYBACK_RECORD))


def playback_editor(change: PlaybackChange) -> RecordEditor:
    """The editor of records that makes a change of playback."""

    def edit(record: dict[str, Any]) -> None:
        facts = change(Playback.of(record)).as_json()
        for key in Playback._fields:
            record.pop(key, None)
        record |= facts

    return edit


def update_playback(video: Video, change: PlaybackChange) -> Playback:
    """Change the playback of a video; gives the new one. Raises VideoError, OSError."""
    return Playback.of(update_user_record(video, PLAYBACK_RECORD, playback_editor(change)))


def merge_playback(keeper: Video, videos: Sequence[Video], journal: Journal) -> None:
    """Plan to give the keeper the playback of copies that go. Raises VideoError."""
    others = [read_playback(video) for video in videos]
    if any(map(any, others)):
        editor = playback_editor(lambda own: functools.reduce(Playback.merged, others, own))
        journal_user_record(keeper, PLAYBACK_RECORD, editor, journal)
