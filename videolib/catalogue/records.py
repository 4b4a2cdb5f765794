"""The catalogue's tables, its row of a video, and the values that are read from sidecars for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from videolib.core.text import LARGEST_INTEGER, clamp_to_64_bits, fold, url_quoted, utf8
from videolib.storage.artifacts import ARTIFACTS

TAG_KINDS = {"tag": "tags", "performer": "performers"}  # kinds of labels, and their keys in JSON


# Of a video's metadata: s, pixels, pixels, frames per second, names, bits per second.
SUMMARY = ("duration", "width", "height", "fps", "vcodec", "acodec", "bit_rate")


LARGEST_RECORD = 64 << 20  # bytes: a larger JSON file is not read as tags or metadata


SETTLE_TIME = 2 * 10**9  # ns: a file changed so recently may change again in the same clock tick


BATCH = 500  # videos written in one transaction: no other process is kept waiting for long


NO_FILES = "[]"  # the JSON of an extension that no file of the video belongs to


CACHED_VIEWS = 20  # views whose video ids are kept in memory


UNUSED_LIFETIME = 90 * 86400  # seconds after which a catalogue that nobody used is removed


SCHEMA = """
CREATE TABLE IF NOT EXISTS videos (id INTEGER PRIMARY KEY, rel BLOB NOT NULL UNIQUE,
  folder BLOB NOT NULL, stamp BLOB, path TEXT, name TEXT, words TEXT, ext TEXT, size INT,
  mtime_ns INT, oshash TEXT, duration REAL, width INT, height INT, fps REAL, vcodec TEXT,
  acodec TEXT, bit_rate INT, fresh INT, stale INT, tags_problem TEXT);
CREATE INDEX IF NOT EXISTS videos_folder ON videos (folder);
CREATE INDEX IF NOT EXISTS videos_size ON videos (size);
CREATE INDEX IF NOT EXISTS videos_duration ON videos (duration);
CREATE INDEX IF NOT EXISTS videos_mtime ON videos (mtime_ns);
CREATE TABLE IF NOT EXISTS cards (video INTEGER PRIMARY KEY REFERENCES videos ON DELETE CASCADE,
  card TEXT, detail TEXT);
CREATE TABLE IF NOT EXISTS labels (video INT REFERENCES videos ON DELETE CASCADE, kind TEXT,
  key TEXT, name TEXT, place INT, PRIMARY KEY (video, kind, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_key ON labels (kind, key);
CREATE TABLE IF NOT EXISTS extensions (extension TEXT,
  video INT REFERENCES videos ON DELETE CASCADE, files TEXT, done TEXT DEFAULT '[]',
  PRIMARY KEY (extension, video)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS extensions_video ON extensions (video);
CREATE TABLE IF NOT EXISTS compared (deep INT, rules TEXT, rel BLOB, stamp TEXT, basis INT,
  PRIMARY KEY (deep, rel)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alike (deep INT, a BLOB, b BLOB, similarity REAL, kind TEXT,
  PRIMARY KEY (deep, a, b)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (count INT);
INSERT INTO changes SELECT random() WHERE NOT EXISTS (SELECT 1 FROM changes);
"""


class CatalogueEntry(NamedTuple):
    """What the catalogue stores of a video: row, card and labels, and the files of extensions."""

    values: tuple[Any, ...]
    card: tuple[str, str]
    labels: list[tuple[str, str, str]]
    extended: dict[str, str]


class VideoRow(NamedTuple):
    """The catalogue's row of a video; facts that no fresh metadata gives are None.

    `fresh` and `stale` are bits in the order of ARTIFACTS. `mtime_ns` is when the file was written,
    which is also when a query takes it for added. `tags_problem` says why its tags can't be read.
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
    fresh: int = 0
    stale: int = 0
    tags_problem: str | None = None
    tags: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.rel.rpartition("/")[2]

    def presence(self) -> dict[str, bool | str]:
        """Per kind: true, false, or "stale"."""
        return {
            kind: bool(self.fresh >> bit & 1) or ("stale" if self.stale >> bit & 1 else False)
            for bit, kind in enumerate(ARTIFACTS)
        }

    def facts(self) -> dict[str, Any]:
        """The facts of SUMMARY that metadata gives."""
        facts = zip(SUMMARY, self[5:12], strict=True)
        return {name: value for name, value in facts if value is not None}

    def card(self) -> dict[str, Any]:
        """The JSON of a video in a page of a listing; its path is relative to the folder."""
        head = {"path": self.rel, "name": self.name, "url": f"/videos/{url_quoted(self.rel)}"}
        return head | {"size": self.size, "mtime": self.mtime_ns / 1e9, **self.facts()}

    def detail(self) -> dict[str, Any]:
        """The further JSON of a card that asks for details."""
        labels = {"tags": self.tags, "performers": self.performers}
        return {"artifacts": self.presence(), **labels}


def file_numbers(status: os.stat_result) -> tuple[int, int, int]:
    """Size, mtime and ctime (ns) of a file, clamped to 64 bits."""
    numbers = status.st_size, status.st_mtime_ns, status.st_ctime_ns
    if max(numbers) > LARGEST_INTEGER or min(numbers) < -LARGEST_INTEGER:
        return (
            clamp_to_64_bits(numbers[0]),
            clamp_to_64_bits(numbers[1]),
            clamp_to_64_bits(numbers[2]),
        )
    return numbers


def labels_in(record: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The (kind, folded name, name) of each tag and performer of a tags record."""
    return [
        (kind, fold(name), name)
        for kind, field in TAG_KINDS.items()
        for name in map(utf8, filter(None, map(str.strip, record[field])))
    ]
