"""The videos of a library as copies to compare: listing them, those with equal bytes, pairs."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.files import reading
from videolib.core.text import printable
from videolib.duplicates.fingerprints import read_fingerprint
from videolib.duplicates.timelines import read_timeline
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.sidecars import with_sidecars
from videolib.storage.videos import source_identity

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.duplicates.fingerprints import Fingerprint
    from videolib.duplicates.timelines import VideoTimeline
    from videolib.storage.folders import Library
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


class VideoCopy(NamedTuple):
    """A video to compare: the identity of its file, and where its phash artifact is."""

    video: Video
    size: int  # bytes
    mtime_ns: int
    inode: tuple[int, int]  # number of the device, number of the inode on it
    hash_path: str  # of a fresh phash artifact; "" where there is none
    stamp: str  # sizes and mtimes of the video and its phash artifacts, as JSON

    @classmethod
    def of(cls, video: Video, file_stat: os.stat_result, sidecars: SidecarDir) -> VideoCopy:
        """A video as a copy; a phash artifact that is older than it is not fresh, and left out."""
        artifact = ARTIFACTS["phash"]
        names = (artifact.files[0], *artifact.extras)
        entry, deep_entry = (sidecars.get(name.format(video.key)) for name in names)
        fresh = entry and entry.is_file() and entry.stat().st_mtime_ns >= file_stat.st_mtime_ns
        stats = [file_stat, *(e and e.stat() for e in (entry, deep_entry))]
        return cls(
            video,
            file_stat.st_size,
            file_stat.st_mtime_ns,
            (file_stat.st_dev, file_stat.st_ino),
            entry.path if entry and fresh else "",
            json.dumps([s and (s.st_size, s.st_mtime_ns) for s in stats]),
        )

    def hash_record(self) -> dict[str, Any]:
        """The content of its phash artifact; empty where that is missing, unreadable, or made from
        a file of another size."""
        record = (read_json(self.hash_path) if self.hash_path else None) or {}
        source = record.get("source", {})
        size = source.get("size", self.size) if isinstance(source, dict) else self.size
        return record if size == self.size else {}

    def fingerprint(self) -> Fingerprint | None:
        """Its fingerprint; None where its phash artifact is missing or not readable."""
        return read_fingerprint(self.hash_record())

    def timeline(self) -> VideoTimeline | None:
        """Its timeline, from the artifact of `phash --deep`; None where that is missing or not
        readable."""
        path = self.hash_path.removesuffix(".json") + ".deep.json"
        record = read_json(path) if self.hash_record() else None
        return read_timeline(record) if record else None


class DuplicatePair(NamedTuple):
    """Two videos that show the same, by their numbers in a list of copies.

    `kind` is exact, similar, mirrored or shifted; `similarity` is from 0 to 1.
    """

    a: int
    b: int
    similarity: float
    kind: str

    def as_json(self, copies: Sequence[VideoCopy]) -> dict[str, Any]:
        names = {"a": copies[self.a].video.rel, "b": copies[self.b].video.rel}
        return names | {"similarity": round(self.similarity, 4), "kind": self.kind}


def list_copies(library: Library, job: Job) -> Iterator[VideoCopy]:
    """Every video that is a file of its own: no link, and each inode once."""
    inodes: set[tuple[int, int]] = set()
    for video, sidecars in with_sidecars(library.videos()):
        job.check()
        try:
            file_stat = os.lstat(video.path)
        except OSError:
            continue  # deleted since the folder was read
        copy = VideoCopy.of(video, file_stat, sidecars)
        if stat.S_ISREG(file_stat.st_mode) and copy.inode not in inodes:
            inodes.add(copy.inode)
            yield copy


def exact_copies(
    copies: Sequence[VideoCopy], rank: Callable[[int], tuple[float, ...]], job: Job
) -> dict[int, list[int]]:
    """Number of a copy -> the numbers of all copies with the same bytes, itself first.

    The first is the one of the highest rank, of equal ones the oldest. Only files that have the
    size of another are read: their ends for oshash, then those with the same oshash as a whole for
    SHA-256.
    """
    by_size: dict[int, list[int]] = {}
    for number, copy in enumerate(copies):
        by_size.setdefault(copy.size, []).append(number)

    def precedence(number: int) -> tuple[Any, ...]:
        descending = (-value for value in rank(number))
        return (*descending, copies[number].mtime_ns, copies[number].video.rel)

    exact = {}
    for size, numbers in by_size.items():
        if len(numbers) > 1 and size:
            for likely in equal_sets(numbers, lambda n: source_hash(copies[n].video), job):
                for equal in equal_sets(likely, lambda n: file_digest(copies[n], job), job):
                    equal.sort(key=precedence)
                    exact[equal[0]] = equal
    return exact


def equal_sets(numbers: Iterable[int], key: Callable[[int], str], job: Job) -> Iterator[list[int]]:
    """The sets of two or more numbers with the same key; an empty key is equal to none."""
    by_key: dict[str, list[int]] = {}
    for number in numbers:
        job.check()
        by_key.setdefault(key(number), []).append(number)
    yield from (equal for value, equal in by_key.items() if value and len(equal) > 1)


def source_hash(video: Video) -> str:
    """The oshash of a video; "" where it cannot be read."""
    source = attempt(source_identity, video)
    return "" if isinstance(source, Failure) else str(source.get("oshash", ""))


def file_digest(copy: VideoCopy, job: Job) -> str:
    """SHA-256 of a file in hexadecimal; "" where it cannot be read or changed since it was listed.

    What cannot be read is reported on the console.
    """
    import hashlib

    digest = hashlib.sha256()
    try:
        with reading(copy.video.path) as descriptor:
            while chunk := os.read(descriptor, 1 << 22):
                job.check()
                digest.update(chunk)
            file_stat = os.fstat(descriptor)
    except OSError as error:
        job.console.say(f"dupes: {printable(copy.video.rel)}: cannot be read: {error.strerror}")
        return ""
    unchanged = (file_stat.st_size, file_stat.st_mtime_ns) == (copy.size, copy.mtime_ns)
    return digest.hexdigest() if unchanged else ""
