"""How far a video was watched: where to resume it, and when it was watched to its end.

NAME.playback.json holds it, beside the tags, and like these it goes wherever its video goes.
"""

from __future__ import annotations

import datetime
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import EDITED_JSON, json_bytes, parse_json
from videolib.core.errors import VideoError
from videolib.core.files import make_folder, read_optional_file, remove, replace_file
from videolib.core.locks import locked
from videolib.core.text import iso_time, printable
from videolib.storage.artifacts import PLAYBACK_RECORD
from videolib.storage.journal import Journal
from videolib.storage.videos import need_video, source_identity

if TYPE_CHECKING:
    from videolib.storage.videos import Video

# Shares of a video: who stopped earlier has not begun it, who came further has seen it.
BEGUN, FINISHED = 0.02, 0.95
LONGEST = 10.0**9  # seconds that a position may have
OWN_KEYS = frozenset({"video", "source", "position", "duration", "played_at", "watched_at"})


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
        numbers = (_number(record.get(name)) for name in ("position", "duration"))
        return cls(*numbers, *(_moment(record.get(n)) for n in ("played_at", "watched_at")))

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


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 < value <= LONGEST else 0.0


def _moment(value: object) -> float:
    try:
        moment = datetime.datetime.fromisoformat(value if isinstance(value, str) else "")
        return max(moment.timestamp(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


def playback_path(video: Video) -> Path:
    return Path(video.sidecar_dir, PLAYBACK_RECORD.record_name(video))


def read_playback(video: Video) -> Playback:
    """The playback of a video. Raises VideoError for a file that is corrupt."""
    return Playback.of(parse_playback(video, read_optional_file(playback_path(video))))


def parse_playback(video: Video, content: bytes | None) -> dict[str, Any]:
    """The record in a file, unknown keys included. Raises VideoError for a corrupt one."""
    try:
        record = {} if content is None else parse_json(content, EDITED_JSON)
        if not isinstance(record, dict):
            raise ValueError("it is not an object")
    except ValueError as error:
        name = printable(playback_path(video).name)
        raise VideoError(f"{name} is corrupt ({error}): mend it or move it away") from None
    return record


class PlaybackEdit(NamedTuple):
    """A change of a video's playback file: what it says after it, and its content before and after
    it; None stands for no file."""

    playback: Playback
    old: bytes | None
    new: bytes | None

    @classmethod
    def of(cls, video: Video, change: PlaybackChange) -> PlaybackEdit:
        """The edit that makes a change. Raises VideoError where the file is corrupt."""
        old = read_optional_file(playback_path(video))
        record = parse_playback(video, old)
        playback = change(Playback.of(record))
        others = {key: value for key, value in record.items() if key not in OWN_KEYS}
        facts = others | playback.as_json()
        if not facts:
            return cls(playback, old, None)
        head = {"video": video.rel, "source": source_identity(video)}
        return cls(playback, old, json_bytes(head | facts))


def update_playback(video: Video, change: PlaybackChange) -> Playback:
    """Change the playback of a video; gives the new one.

    `change` gets it as it is now, while no other process changes it. Raises VideoError where the
    video is gone or the file corrupt, OSError.
    """
    path = playback_path(video)
    need_video(video)
    make_folder(path.parent)
    with locked(path.parent):
        edit = PlaybackEdit.of(video, change)
        if edit.new is not None:
            replace_file(path, edit.new)
        elif edit.old is not None:
            remove(path)
    return edit.playback


def merge_playback(keeper: Video, videos: Sequence[Video], journal: Journal) -> None:
    """Plan to give the keeper the playback of copies that go. Raises VideoError."""
    others = [read_playback(video) for video in videos]
    edit = PlaybackEdit.of(keeper, lambda own: functools.reduce(Playback.merged, others, own))
    if any(map(any, others)) and edit.new is not None:
        journal.replace(str(playback_path(keeper)), edit.old, edit.new)
