"""The nouns of the search for duplicates: copies, pairs, groups, criteria."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.text import printable
from videolib.duplicates.fingerprints import DurationTolerance, read_fingerprint
from videolib.duplicates.timelines import read_film
from videolib.storage.videos import source_identity

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.duplicates.fingerprints import Fingerprint
    from videolib.duplicates.timelines import VideoTimeline
    from videolib.storage.videos import Video


class VideoCopy(NamedTuple):
    """A video as duplicates are sought: what the file system says of it, and its phash artifact."""

    video: Video
    size: int
    mtime_ns: int
    inode: tuple[int, int]
    record: str  # path of a fresh phash artifact, or empty
    stamp: str  # sizes and times of the files that it is compared by

    def marks(self) -> dict[str, Any]:
        """Its phash artifact; empty where there is none of this very file."""
        marks = (read_json(self.record) if self.record else None) or {}
        source = marks.get("source", {})
        size = source.get("size", self.size) if isinstance(source, dict) else self.size
        return marks if size == self.size else {}

    def fingerprint(self) -> Fingerprint | None:
        return read_fingerprint(self.marks())

    def film(self) -> VideoTimeline | None:
        """The pictures all along it; None where there are none of this very file."""
        path = self.record.removesuffix(".json") + ".deep.json"
        made = read_json(path) if self.marks() else None
        return read_film(made) if made else None


class DuplicatePair(NamedTuple):
    """Two videos that show the same; `kind` is exact, similar, mirrored or shifted."""

    a: int
    b: int
    similarity: float
    kind: str

    def as_json(self, copies: Sequence[VideoCopy]) -> dict[str, Any]:
        names = {"a": copies[self.a].video.rel, "b": copies[self.b].video.rel}
        return names | {"similarity": round(self.similarity, 4), "kind": self.kind}


class DuplicateGroup(NamedTuple):
    """A video to keep, why that one, and its own matches; a video is in one group at most."""

    keeper: int
    reason: str
    matches: list[DuplicatePair]  # `a` is the keeper

    def members(self) -> list[int]:
        return [self.keeper, *(pair.b for pair in self.matches)]


class DuplicateCriteria(NamedTuple):
    """What to take for duplicates."""

    threshold: float = 0.92
    quorum: float = 0.8
    tolerance: DurationTolerance = DurationTolerance(0.05, 0.1)
    deep: bool = False
    keep: frozenset[str] = frozenset()  # names of videos that no other is better than


class ComparisonBasis(IntEnum):
    """What a video could be compared by."""

    NOTHING = 0
    HASH = 1
    TIMELINE = 2


def source_hash(video: Video) -> str:
    """The oshash of a video; empty where it cannot be read."""
    found = attempt(source_identity, video)
    return "" if isinstance(found, Failure) else str(found.get("oshash", ""))


def file_digest(copy: VideoCopy, job: Job) -> str:
    """SHA-256 of a file as it was listed; empty where it is not that any more or not readable."""
    import hashlib

    digest = hashlib.sha256()
    try:
        with Path(copy.video.path).open("rb") as file:
            while chunk := file.read(1 << 22):
                job.check()
                digest.update(chunk)
            found = os.fstat(file.fileno())
    except OSError as error:
        job.console.say(f"dupes: {printable(copy.video.rel)}: cannot be read: {error.strerror}")
        return ""
    same = (found.st_size, found.st_mtime_ns) == (copy.size, copy.mtime_ns)
    return digest.hexdigest() if same else ""
