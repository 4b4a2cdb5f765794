"""The sidecars of a folder as one scan sees them, and the heads of JSON artifacts."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import SCRATCH, process_alive, reading, remove, this_host
from videolib.core.languages import LANGUAGES
from videolib.storage.names import SUBTITLE_FORMATS

if TYPE_CHECKING:
    from videolib.storage.videos import Video


class FileStat(NamedTuple):
    """A file as a scan saw it, with what callers use of os.DirEntry."""

    path: str
    st_size: int
    st_mtime_ns: int
    folder: bool = False

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    def stat(self) -> FileStat:
        return self

    def is_dir(self) -> bool:
        return self.folder

    def is_file(self) -> bool:
        return not self.folder


class SidecarDir(dict[str, "os.DirEntry[str] | FileStat"]):
    """The sidecars of a folder by name, from one scan; `problem` says why it cannot be read."""

    def __init__(self, sidecar_dir: str, scan: bool = True) -> None:
        super().__init__()
        self.sidecar_dir, self.problem = sidecar_dir, ""
        if scan:
            self.read()

    def read(self) -> None:
        """Look into the folder."""
        try:
            with os.scandir(self.sidecar_dir) as entries:
                self.update((entry.name, entry) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing was made here yet
        except OSError as error:
            self.problem = f"cannot be read: {error.strerror}"

    @functools.cached_property
    def subtitles_by_key(self) -> dict[str, list[tuple[str, str]]]:
        """The subtitles with a language in their names, by the key of their video."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name in self:
            stem, _, suffix = name.rpartition(".")
            key, _, language = stem.rpartition(".")
            if suffix in SUBTITLE_FORMATS and language in LANGUAGES:
                found.setdefault(key, []).append((name, language))
        return found

    def record(self, name: str) -> ArtifactRecord | None:
        """The head of the JSON artifact of that name."""
        return read_record(self[name].path)


def with_sidecars(videos: Iterable[Video]) -> Iterator[tuple[Video, SidecarDir]]:
    """Videos, each with its sidecars; those of a folder are read once for all that follow."""
    for sidecar_dir, group in itertools.groupby(videos, key=lambda video: video.sidecar_dir):
        sidecars = SidecarDir(sidecar_dir)
        yield from ((video, sidecars) for video in group)


class ArtifactRecord(NamedTuple):
    """What a JSON artifact recorded: the source's size and oshash and the files made with it."""

    size: int
    files: list[str]
    oshash: str = ""


def read_record(path: str) -> ArtifactRecord | None:
    """The head of a JSON artifact; None where it is incomplete, or a stub that nobody wants now.

    Only the head and the last bytes are read: a library is asked this for every artifact it has.
    """
    try:
        with reading(path) as descriptor:
            head = os.read(descriptor, 16384)
            end = os.fstat(descriptor).st_size
            last = head[-8:] if end <= len(head) else os.pread(descriptor, 8, end - 8)
    except OSError:
        return None
    size = re.search(rb'"source":\s*\{\s*"size":\s*(\d{1,19})\b', head)
    files = re.search(rb'"files":\s*', head)
    whole = last.rstrip().endswith(b"}")
    if not (size and files and whole) or (b'"stub": true' in head and not ffprobe_disabled()):
        return None
    oshash = re.search(rb'"oshash":\s*"([0-9a-f]{16})"', head)
    names = recorded_files(path, head[files.end() :])
    if names is None:
        return None
    return ArtifactRecord(int(size[1]), names, oshash[1].decode() if oshash else "")


def recorded_files(path: str, head: bytes) -> list[str] | None:
    """The names in the list that `head` begins with; the file is read where that is cut off."""
    if head.startswith(b"[]"):
        return []
    try:
        names, _ = json.JSONDecoder().raw_decode(head.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        names = (read_json(path) or {}).get("files", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return names


def ffprobe_disabled() -> bool:
    """Whether the environment asks that ffprobe is never started and metadata be stubs."""
    return os.environ.get("FFPROBE_DISABLE") == "1"


def abandoned(sidecar_dir: str) -> list[str]:
    """The paths of what dead processes of this machine left half written in a sidecar folder."""
    mark = re.compile(re.escape(f"{SCRATCH}{this_host()}-") + r"(\d+)-\d+")
    marked = ((mark.fullmatch(name), entry) for name, entry in SidecarDir(sidecar_dir).items())
    return [entry.path for match, entry in marked if match and not process_alive(int(match[1]))]


def sweep(sidecar_dir: str) -> None:
    """Remove what dead processes of this machine left half written in a sidecar folder."""
    for path in abandoned(sidecar_dir):
        with contextlib.suppress(OSError):  # in a folder that is read-only by now
            remove(path)
