"""The sidecar folder as one scan lists it, the heads of JSON artifacts, and leftovers in it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import SCRATCH, process_alive, reading, remove, this_host
from videolib.core.languages import LANGUAGE_TAGS
from videolib.storage.names import FORCED_LABEL, SUBTITLE_FORMATS
from videolib.storage.subtitle_names import Purpose

if TYPE_CHECKING:
    from videolib.storage.videos import Video


LARGEST_RECORD = 64 << 20  # bytes: a larger JSON file is not read as tags or metadata


class FileStat(NamedTuple):
    """A file as it was scanned, with those attributes of os.DirEntry that callers use."""

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
    """The entries of a sidecar folder by name, from one scan; `problem` is the reason where it
    cannot be read, else ""."""

    def __init__(self, sidecar_dir: str, scan: bool = True) -> None:
        super().__init__()
        self.sidecar_dir, self.problem = sidecar_dir, ""
        if scan:
            self.read()

    def read(self) -> None:
        """Scan the folder."""
        try:
            with os.scandir(self.sidecar_dir) as entries:
                self.update((entry.name, entry) for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing was made here yet
        except OSError as error:
            self.problem = f"cannot be read: {error.strerror}"

    @functools.cached_property
    def subtitles_by_key(self) -> dict[str, list[tuple[str, str, Purpose]]]:
        """Name, language and purpose of the subtitles that have a language in their names or are
        forced, by the key of their video."""
        by_key: dict[str, list[tuple[str, str, Purpose]]] = {}
        for name in self:
            stem, _, suffix = name.rpartition(".")
            if suffix not in SUBTITLE_FORMATS:
                continue
            whole = stem.removesuffix(FORCED_LABEL)
            purpose = Purpose.FULL if whole == stem else Purpose.FORCED
            key, _, language = whole.rpartition(".")
            if language in LANGUAGE_TAGS:
                by_key.setdefault(key, []).append((name, language, purpose))
            elif purpose is Purpose.FORCED:
                by_key.setdefault(whole, []).append((name, "", purpose))
        return by_key

    def record(self, name: str) -> ArtifactRecord | None:
        """The head of the JSON artifact of that name."""
        return read_record(self[name].path)

    def document(self, name: str) -> dict[str, Any]:
        """The JSON sidecar of that name; empty where it is too large or cannot be read."""
        too_large = self[name].stat().st_size > LARGEST_RECORD
        return {} if too_large else read_json(self[name].path) or {}


def with_sidecars(videos: Iterable[Video]) -> Iterator[tuple[Video, SidecarDir]]:
    """Videos, each with its sidecar folder, which is scanned once for videos in a row."""
    for sidecar_dir, group in itertools.groupby(videos, key=lambda video: video.sidecar_dir):
        sidecars = SidecarDir(sidecar_dir)
        yield from ((video, sidecars) for video in group)


class ArtifactRecord(NamedTuple):
    """The head of a JSON artifact: size and oshash of its source, names of files made with it."""

    size: int
    files: list[str]
    oshash: str = ""


def read_record(path: str) -> ArtifactRecord | None:
    """The head of a JSON artifact; None where the file is incomplete, or a stub while ffprobe is
    not disabled. Only its first 16 KiB and last bytes are read: this is asked of every artifact.
    """
    try:
        with reading(path) as descriptor:
            head = os.read(descriptor, 16384)
            length = os.fstat(descriptor).st_size
            tail = head[-8:] if length <= len(head) else os.pread(descriptor, 8, length - 8)
    except OSError:
        return None
    size = re.search(rb'"source":\s*\{\s*"size":\s*(\d{1,19})\b', head)
    files = re.search(rb'"files":\s*', head)
    complete = tail.rstrip().endswith(b"}")
    if not (size and files and complete) or (b'"stub": true' in head and not ffprobe_disabled()):
        return None
    oshash = re.search(rb'"oshash":\s*"([0-9a-f]{16})"', head)
    names = recorded_files(path, head[files.end() :])
    if names is None:
        return None
    return ArtifactRecord(int(size[1]), names, oshash[1].decode() if oshash else "")


def recorded_files(path: str, head: bytes) -> list[str] | None:
    """The names in the list that `head` begins with; the file is parsed where that is cut off."""
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
    """Whether FFPROBE_DISABLE=1: ffprobe is never started, and metadata are stubs."""
    return os.environ.get("FFPROBE_DISABLE") == "1"


def abandoned_paths(sidecar_dir: str) -> list[str]:
    """The scratch files that ended processes of this machine left in a sidecar folder."""
    pattern = re.compile(re.escape(f"{SCRATCH}{this_host()}-") + r"(\d+)-\d+")
    entries = SidecarDir(sidecar_dir).items()
    scratch = ((pattern.fullmatch(name), entry.path) for name, entry in entries)
    return [path for match, path in scratch if match and not process_alive(int(match[1]))]


def remove_abandoned(sidecar_dir: str) -> None:
    """Remove the scratch files that ended processes of this machine left in a sidecar folder."""
    for path in abandoned_paths(sidecar_dir):
        with contextlib.suppress(OSError):  # in a folder that is read-only by now
            remove(path)
