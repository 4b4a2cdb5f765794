"""What the catalogue stores of a video: the tables in SQL, and a row of them as Python has it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.text import fold, url_quoted, utf8
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.faults import FAULTS
from videolib.storage.tag_details import Attribute

if TYPE_CHECKING:
    from videolib.storage.playback import Playback

TAG_KINDS = {"tag": "tags", "performer": "performers"}  # kinds of labels, and their keys in JSON

# Facts from a video's metadata, as `metadata.summarize` names them: seconds, pixels, pixels, frames
# per second, two names of codecs, bits per second; whether anything in it is encrypted.
SUMMARY = ("duration", "width", "height", "fps", "vcodec", "acodec", "bit_rate", "encrypted")
READING = 2  # a number more where other facts are read from the same files: all are read again

# Of a video's playback: where to resume (s), the share before that, when it was last played, and
# last watched to its end (seconds since 1970); NULL: nothing is known, or never.
PLAYBACK = ("position", "progress", "played", "watched")

# `stamp` is the digest of a video's files when they were read, NULL where they may have changed in
# the same clock tick; `path`, `name` and `words` are folded, `words` being path, tags and
# performers; `path_key` and `name_key` sort as natural_key says; `fresh` and `stale` are bits by
# artifact kind. `details` and `versions` are JSON; `attributes` has the values of all keys of a
# tags file but those of names. `cards` holds the JSON of listings.
# `extensions` has the files that an extension is to read (`files`) and those it has read (`done`).
# `refreshed` has the number of files at the last refresh of all, with the folders below or without.
# `compared` and `alike` are the cache of duplicates; `changes` counts transactions.
SCHEMA = """
CREATE TABLE IF NOT EXISTS videos (id INTEGER PRIMARY KEY, rel BLOB NOT NULL UNIQUE,
  folder BLOB NOT NULL, stamp BLOB, path TEXT, name TEXT, words TEXT, path_key TEXT,
  name_key TEXT, ext TEXT, size INT, mtime_ns INT, oshash TEXT, duration REAL, width INT,
  height INT, fps REAL, vcodec TEXT, acodec TEXT, bit_rate INT, encrypted INT, fresh INT, stale INT,
  tags_problem TEXT, broken TEXT, details TEXT, damaged TEXT, rotten TEXT, position REAL,
  progress REAL, played REAL, watched REAL, versions TEXT);
CREATE INDEX IF NOT EXISTS videos_folder ON videos (folder);
CREATE INDEX IF NOT EXISTS videos_path_key ON videos (path_key, rel);
CREATE INDEX IF NOT EXISTS videos_size ON videos (size);
CREATE INDEX IF NOT EXISTS videos_duration ON videos (duration);
CREATE INDEX IF NOT EXISTS videos_mtime ON videos (mtime_ns);
CREATE TABLE IF NOT EXISTS cards (video INTEGER PRIMARY KEY REFERENCES videos ON DELETE CASCADE,
  card TEXT, detail TEXT);
CREATE TABLE IF NOT EXISTS labels (video INT REFERENCES videos ON DELETE CASCADE, kind TEXT,
  key TEXT, name TEXT, place INT, PRIMARY KEY (video, kind, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_key ON labels (kind, key);
CREATE TABLE IF NOT EXISTS attributes (video INT REFERENCES videos ON DELETE CASCADE, key TEXT,
  text TEXT, number REAL, PRIMARY KEY (key, video, text)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS attributes_video ON attributes (video);
CREATE TABLE IF NOT EXISTS extensions (extension TEXT,
  video INT REFERENCES videos ON DELETE CASCADE, files TEXT, done TEXT DEFAULT '[]',
  PRIMARY KEY (extension, video)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS extensions_video ON extensions (video);
CREATE TABLE IF NOT EXISTS refreshed (recursive INTEGER PRIMARY KEY, files INT);
CREATE TABLE IF NOT EXISTS compared (deep INT, rules TEXT, rel BLOB, stamp TEXT, basis INT,
  PRIMARY KEY (deep, rel)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alike (deep INT, a BLOB, b BLOB, similarity REAL, kind TEXT,
  PRIMARY KEY (deep, a, b)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (count INT);
INSERT INTO changes SELECT random() WHERE NOT EXISTS (SELECT 1 FROM changes);
"""

# The columns of `videos` that are written, in the order of CatalogueEntry.values.
ROW_COLUMNS = (
    *("rel", "folder", "stamp", "path", "name", "words", "path_key", "name_key"),
    *("ext", "size", "mtime_ns", "oshash"),
    *(*SUMMARY, "fresh", "stale", "tags_problem", "broken", "details", *FAULTS),
    *PLAYBACK,
    "versions",
)
UPSERT = (
    f"INSERT INTO videos ({', '.join(ROW_COLUMNS)}) VALUES ({', '.join('?' * len(ROW_COLUMNS))})"
    f" ON CONFLICT (rel) DO UPDATE SET {', '.join(f'{c} = excluded.{c}' for c in ROW_COLUMNS)}"
)


class CatalogueEntry(NamedTuple):
    """What the catalogue stores of a video, ready to be written."""

    values: tuple[Any, ...]  # of ROW_COLUMNS
    card: tuple[str, str]  # VideoRow.card and VideoRow.detail as JSON, without the last brace
    labels: list[tuple[str, str, str]]  # see labels_in
    attributes: list[Attribute]
    extended: dict[str, str]  # by extension the files that it reads, as JSON


class VideoRow(NamedTuple):
    """The catalogue's row of a video; facts that need fresh metadata are None without it.

    `rel` is its path from the folder of the library, `size` in bytes, `mtime_ns` when the file was
    written, which a query takes for when it was added. `fresh` and `stale` are bits in the order of
    ARTIFACTS. `tags_problem` says why its tags cannot be read; None: they can, or there are none.
    `broken` is what failures_by_reason gives for it, `details` what details_in gives, both in JSON;
    None: nothing. `damaged` and `rotten` are what faults_in gives for it; None: nothing is known.
    The last numbers are those of PLAYBACK. `versions` is what artifact_versions gives, in JSON.
    """

    id: int
    rel: str
    size: int
    mtime_ns: int
    oshash: str = ""
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    vcodec: str | None = None
    acodec: str | None = None
    bit_rate: int | None = None
    encrypted: bool | None = None
    fresh: int = 0
    stale: int = 0
    tags_problem: str | None = None
    broken: str | None = None
    details: str | None = None
    damaged: str | None = None
    rotten: str | None = None
    position: float | None = None
    progress: float | None = None
    played: float | None = None
    watched: float | None = None
    versions: str | None = None
    tags: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return self.rel.rpartition("/")[2]

    def presence(self) -> dict[str, bool | str]:
        """By kind of artifact: true, false, or "stale"."""
        return {
            kind: bool(self.fresh >> bit & 1) or ("stale" if self.stale >> bit & 1 else False)
            for bit, kind in enumerate(ARTIFACTS)
        }

    def facts(self) -> dict[str, Any]:
        """The facts of SUMMARY that metadata gives."""
        facts = zip(SUMMARY, self[5:13], strict=True)
        return {name: value for name, value in facts if value is not None} | (
            {"encrypted": True} if self.encrypted else {}
        )

    def card(self) -> dict[str, Any]:
        """The JSON of a video in a page of a listing; its path is relative to the folder."""
        head = {"path": self.rel, "name": self.name, "url": f"/videos/{url_quoted(self.rel)}"}
        return head | {"size": self.size, "mtime": self.mtime_ns / 1e9, **self.facts()}

    def detail(self) -> dict[str, Any]:
        """The further JSON of a card that asks for details."""
        labels = {"tags": self.tags, "performers": self.performers}
        noted = self.noted() | self.failures() | self.faults() | self.playback()
        versions = json.loads(self.versions) if self.versions else {}
        return {"artifacts": self.presence(), "versions": versions, **labels, **noted}

    def noted(self) -> dict[str, Any]:
        """The rating and what else `details_in` gives of its tags file."""
        return dict(json.loads(self.details)) if self.details else {}

    def failures(self) -> dict[str, Any]:
        """Under `broken`, why artifacts of it cannot be made, as [{reason, kinds}]; else empty."""
        return {"broken": json.loads(self.broken)} if self.broken else {}

    def faults(self) -> dict[str, str]:
        """What `verify` found wrong with it, a line of text by kind of fault; else empty."""
        lines = zip(FAULTS, (self.damaged, self.rotten), strict=True)
        return {kind: line for kind, line in lines if line}

    def playback(self) -> dict[str, Any]:
        """Under `playback`, {position, progress, watched}; else empty."""
        if not (self.position or self.watched):
            return {}
        numbers = {"position": self.position or 0.0, "progress": round(self.progress or 0.0, 4)}
        return {"playback": numbers | {"watched": bool(self.watched)}}


def labels_in(record: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The (kind, folded name, name) of each tag and performer of a tags record."""
    return [
        (kind, fold(name), name)
        for kind, field in TAG_KINDS.items()
        for name in map(utf8, filter(None, map(str.strip, record[field])))
    ]


def playback_values(playback: Playback) -> tuple[float | None, ...]:
    """The values of PLAYBACK."""
    moments = playback.played_at, playback.watched_at
    return tuple(value or None for value in (playback.position, playback.progress, *moments))
