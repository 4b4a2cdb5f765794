"""The sidecar folder as one scan lists it, what artifacts in it record of their sources, and its
leftovers."""

from __future__ import annotations

import functools
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import (
    abandoned_in,
    entries_in,
    is_same_time,
    reading,
    remove_where_possible,
)
from videolib.core.languages import LANGUAGE_TAGS
from videolib.core.text import clamp_to_64_bits
from videolib.storage.names import FORCED_LABEL, JOURNALS, SUBTITLE_FORMATS
from videolib.storage.subtitle_names import Purpose

if TYPE_CHECKING:
    from videolib.storage.videos import Video


LARGEST_RECORD = 64 << 20  # bytes: a larger JSON file is not read as tags or metadata

# Size and mtime in the head of a JSON artifact, or in the comment of another.
SOURCE = re.compile(
    rb'"source":\s*\{\s*"size":\s*(\d{1,19})\b(?:\s*,\s*"mtime_ns":\s*(-?\d{1,25})\b)?'
)
# Comments as publishing.with_comment writes them: a JPEG segment, a block of WebVTT.
SIGNATURES = {".jpg": (b"\xff\xd8",), ".vtt": (b"WEBVTT", b"\xef\xbb\xbfWEBVTT")}  # of whole files
COMMENT = re.compile(rb'(?:\xff\xfe..|\nNOTE )(\{"source": \{[^{}]*\})[,}]', re.DOTALL)
PARAMS = re.compile(rb'"params":\s*(?=\{)')
LARGEST_PARAMS = 2048  # bytes of recorded parameters that are read, and put into a comment


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


class ArtifactRecord(NamedTuple):
    """What an artifact records in its head or comment: size (bytes), mtime (ns; None: not recorded)
    and oshash ("": not recorded) of its source, the names of files made with it, and the text that
    begins with its parameters."""

    size: int
    mtime_ns: int | None
    files: list[str]
    oshash: str = ""
    params_text: bytes = b""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that it was made with; empty where none are recorded."""
        try:
            params, _ = json.JSONDecoder().raw_decode(self.params_text.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return {}
        return params if isinstance(params, dict) else {}

    def is_of(self, video: os.stat_result | FileStat) -> bool:
        """Whether its source was the video that has this stat."""
        if self.size != video.st_size or self.mtime_ns is None:
            return self.size == video.st_size
        # The catalogue's columns have 64 bits.
        return is_same_time(*map(clamp_to_64_bits, (self.mtime_ns, video.st_mtime_ns)))


UNREADABLE = ArtifactRecord(-1, None, [])  # its size is that of no video: never fresh


class SidecarDir(dict[str, "os.DirEntry[str] | FileStat"]):
    """The entries of a sidecar folder by name, from one scan; `problem` is the reason where it
    cannot be read, else ""."""

    def __init__(self, sidecar_dir: str, scan: bool = True) -> None:
        super().__init__()
        self.sidecar_dir, self.problem = sidecar_dir, ""
        # The record that was read last, with its name: it is asked for its source, then its params.
        self.last_record: tuple[str, ArtifactRecord | None] = ("", None)
        if scan:
            self.read()

    def read(self) -> None:
        """Scan the folder."""
        entries, problem = entries_in(self.sidecar_dir)
        self.update((entry.name, entry) for entry in entries)
        self.problem = problem or self.problem

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
        """The record of the file of that name: JSON has it in its head, other files in a comment;
        None where they have no comment, UNREADABLE for a file of another format than its name."""
        if name != self.last_record[0]:
            is_json, path = name.endswith(".json"), self[name].path
            record = read_record(path) or UNREADABLE if is_json else read_comment(path)
            self.last_record = (name, record)
        return self.last_record[1]

    def document(self, name: str) -> dict[str, Any]:
        """The JSON sidecar of that name; empty where it is too large or cannot be read."""
        too_large = self[name].stat().st_size > LARGEST_RECORD
        return {} if too_large else read_json(self[name].path) or {}


def with_sidecars(videos: Iterable[Video]) -> Iterator[tuple[Video, SidecarDir]]:
    """Videos, each with its sidecar folder, which is scanned once for videos in a row."""
    for sidecar_dir, group in itertools.groupby(videos, key=lambda video: video.sidecar_dir):
        sidecars = SidecarDir(sidecar_dir)
        yield from ((video, sidecars) for video in group)


def read_comment(path: str) -> ArtifactRecord | None:
    """The record in the comment of a JPEG or WebVTT file; None where it has none, UNREADABLE where
    it does not begin as such a file does."""
    try:
        with reading(path) as descriptor:
            head = os.read(descriptor, 4096)
    except OSError:
        return None  # a folder, or gone meanwhile
    if not head.startswith(SIGNATURES.get(path[path.rfind(".") :], (b"",))):
        return UNREADABLE
    comment = COMMENT.search(head)
    return recorded_source(head[comment.start(1) :], []) if comment else None


def recorded_source(text: bytes, files: list[str]) -> ArtifactRecord | None:
    """The record of the source in the beginning of some JSON, with the names of `files`; None
    without one."""
    params = PARAMS.search(text)
    params_text = text[params.end() : params.end() + LARGEST_PARAMS] if params else b""
    source, oshash = SOURCE.search(text), re.search(rb'"oshash":\s*"([0-9a-f]{16})"', text)
    if source is None:
        return None
    mtime_ns = int(source[2]) if source[2] else None
    hash_text = oshash[1].decode() if oshash else ""
    return ArtifactRecord(int(source[1]), mtime_ns, files, hash_text, params_text)


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
    files = re.search(rb'"files":\s*', head)
    complete = tail.rstrip().endswith(b"}")
    if not (files and complete) or (b'"stub": true' in head and not ffprobe_disabled()):
        return None
    names = recorded_files(path, head[files.end() :])
    return None if names is None else recorded_source(head, names)


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
    """The scratch files that killed runs left in a sidecar folder and among its journals."""
    folders = (sidecar_dir, f"{sidecar_dir}/{JOURNALS}")
    return [path for folder in folders for path in abandoned_in(folder)]


def remove_abandoned(sidecar_dir: str) -> None:
    """Remove the scratch files that killed runs left in a sidecar folder and among its journals:
    whatever makes or changes something there does so first."""
    remove_where_possible(abandoned_paths(sidecar_dir))
