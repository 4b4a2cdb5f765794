"""What was exported of a video for other programs, as its sidecar NAME.exports.json records it.

By the record the program knows its own files again among those of the user: only a file with the
recorded digest is replaced or removed, and what is recorded goes where its video goes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import json_bytes, read_json, set_aside_corrupt
from videolib.core.files import blocks_of, folder_entries, make_folder, remove, replace_file
from videolib.core.text import iso_time
from videolib.storage.names import EXPORTS_RECORD, SIDECARS, is_video_name
from videolib.storage.videos import source_identity

if TYPE_CHECKING:
    from videolib.storage.videos import Video

SCHEMA = 1


class ExportedFile(NamedTuple):
    """A file or folder that was exported.

    `path`: its name in the folder of the video, or an absolute path. `digest` is that of
    `digest_of`, `size` (bytes) and `mtime_ns` are those of `size_and_time`. While it is replaced,
    `former` is the digest of what it replaces. `original`: the text of the user's own file that was
    completed, None where there was none.
    """

    path: str
    digest: str
    size: int
    mtime_ns: int
    former: str = ""
    original: str | None = None

    @classmethod
    def from_json(cls, row: Any) -> ExportedFile | None:
        """Raises no error: None for what is no row of a record."""
        if not isinstance(row, dict):
            return None
        values: list[Any] = [row.get(name, cls._field_defaults.get(name)) for name in cls._fields]
        if list(map(type, values[:5])) != [str, str, int, int, str]:
            return None
        file = cls(*values)
        if not isinstance(file.original, str | None):
            return None
        return file if is_export_path(file.path) else None

    def as_json(self) -> dict[str, Any]:
        defaults = self._field_defaults
        return {k: v for k, v in self._asdict().items() if k not in defaults or v != defaults[k]}

    @property
    def is_beside(self) -> bool:
        """Whether it stands in the folder of its video."""
        return not self.path.startswith("/")

    def location(self, video: Video) -> str:
        """The absolute path of the file."""
        return f"{video.path.rpartition('/')[0]}/{self.path}" if self.is_beside else self.path

    def looks_unchanged(self, video: Video) -> bool:
        """Whether the file is there with the recorded size and time. Raises OSError."""
        return size_and_time(self.location(video)) == (self.size, self.mtime_ns)

    def is_own(self, video: Video) -> bool:
        """Whether the file is there as it was written. Raises OSError."""
        return digest_of(self.location(video)) in {self.digest, self.former or self.digest}


class ExportedFormat(NamedTuple):
    """The files of one format, and what they were made of: `source` (size and mtime_ns of the
    video), `inputs` (as a VideoSource notes them) and the parameters."""

    files: list[ExportedFile]
    params: Mapping[str, Any]
    source: Mapping[str, int]
    inputs: list[dict[str, Any]]
    generated_at: str = ""

    @classmethod
    def from_json(cls, row: Any) -> ExportedFormat | None:
        """None for what is no entry of a record."""
        if not isinstance(row, dict) or not isinstance(row.get("files"), list):
            return None
        files = [file for f in row["files"] if (file := ExportedFile.from_json(f))]
        params, source, inputs = (row.get(name) for name in ("params", "source", "inputs"))
        if not (isinstance(params, dict) and isinstance(source, dict) and isinstance(inputs, list)):
            return None
        return cls(files, params, source, inputs, str(row.get("generated_at", "")))

    def as_json(self) -> dict[str, Any]:
        files = [file.as_json() for file in self.files]
        row = {"params": self.params, "source": self.source, "inputs": self.inputs}
        return row | {"generated_at": self.generated_at or iso_time(), "files": files}


class ExportRecord(dict[str, ExportedFormat]):
    """What was exported of a video, by format. A record that cannot be read counts as empty: the
    files are then the user's own."""

    @classmethod
    def read(cls, video: Video) -> ExportRecord:
        document = read_json(record_path(video)) or {}
        formats = document.get("exports")
        rows = formats.items() if isinstance(formats, dict) else ()
        return cls({name: f for name, row in rows if (f := ExportedFormat.from_json(row))})

    def write(self, video: Video) -> None:
        """Store the record, or remove it where it is empty. Raises OSError."""
        path = record_path(video)
        if not self:
            remove(path)
            return
        make_folder(path.parent)
        set_aside_corrupt(path)
        head = {"schema": SCHEMA, "video": video.rel, "source": source_identity(video)}
        head |= {"params": {}, "generated_at": iso_time(), "files": []}
        exports = {name: exported.as_json() for name, exported in sorted(self.items())}
        replace_file(path, json_bytes(head | {"exports": exports}))

    def files(self) -> Iterator[ExportedFile]:
        for exported in self.values():
            yield from exported.files

    def file(self, video: Video, path: str) -> ExportedFile | None:
        """The recorded file of an absolute path."""
        return next((file for file in self.files() if file.location(video) == path), None)


def record_path(video: Video) -> Path:
    return Path(video.sidecar_dir, EXPORTS_RECORD.format(video.key))


def is_export_path(path: str) -> bool:
    """Whether a record may name this: one name in the folder of the video, which is no video's and
    no sidecar folder's, or an absolute path without steps upwards."""
    parts = path.removeprefix("/").split("/")
    if "\0" in path or {"", ".", "..", SIDECARS} & set(parts):
        return False
    return path.startswith("/") or (len(parts) == 1 and not is_video_name(path))


def exported_names(video: Video, own: bool = False) -> list[str]:
    """The names in the folder of a video of what was exported of it and is there; `own`: only what
    is there as it was written."""
    files = [file for file in ExportRecord.read(video).files() if file.is_beside]
    there = dict.fromkeys(f.path for f in files if is_there(f, video, own))
    return list(there)


def is_there(file: ExportedFile, video: Video, own: bool) -> bool:
    """Whether an exported file is there; `own`: as it was written."""
    if not os.path.lexists(file.location(video)):
        return False
    try:
        return not own or file.is_own(video)
    except OSError:  # it cannot be read: nobody knows whose it is
        return False


# === What is on disk ==============================================================================


def files_below(path: str) -> Iterator[tuple[str, os.stat_result]]:
    """A file, or all that is in a folder: its path from there, and its lstat. Raises OSError."""
    status = os.lstat(path)
    yield "", status
    for entry in folder_entries(path) if stat.S_ISDIR(status.st_mode) else ():
        for below, inner in files_below(entry.path):
            yield f"{entry.name}/{below}".rstrip("/"), inner


def size_and_time(path: str) -> tuple[int, int]:
    """Size in bytes and mtime in ns of a file; of a folder the sum and the latest of its files.

    Raises OSError.
    """
    regular = [s for _, s in files_below(path) if not stat.S_ISDIR(s.st_mode)]
    latest = max((status.st_mtime_ns for status in regular), default=0)
    return sum(status.st_size for status in regular), latest


def digest_of(path: str) -> str:
    """The digest of a file's content, or of the names and contents in a folder; "" where anything
    else is among them, as a link. Raises OSError."""
    parts: list[tuple[str, str]] = []
    for below, status in files_below(path):
        if stat.S_ISREG(status.st_mode):
            parts.append((below, blocks_digest(blocks_of(f"{path}/{below}".rstrip("/")))))
        elif not stat.S_ISDIR(status.st_mode):
            return ""
    return digest_of_parts(parts)


def content_digest(content: bytes | Mapping[str, bytes]) -> str:
    """What `digest_of` will give for a file or folder of this content."""
    files = {"": content} if isinstance(content, bytes) else content
    return digest_of_parts([(name, blocks_digest([data])) for name, data in files.items()])


def digest_of_parts(parts: list[tuple[str, str]]) -> str:
    """The digest of one file, or one for the sorted names and digests of the files of a folder."""
    if [name for name, _ in parts] == [""]:
        return parts[0][1]
    return blocks_digest(os.fsencode(f"{name}\0{digest}\n") for name, digest in sorted(parts))


def blocks_digest(blocks: Iterable[bytes]) -> str:
    import hashlib

    digest = hashlib.blake2b(digest_size=20)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
