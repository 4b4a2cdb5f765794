"""Exports with one file for all videos that a query finds, in the folder of the library.

They are recorded like those of a video, in .artifacts/.exports.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, UsageError, VideoError, attempt
from videolib.core.runs import Status
from videolib.core.text import printable
from videolib.exports.publishing import ExportRequest
from videolib.exports.sources import VideoSource
from videolib.exports.targets import ExportFolder
from videolib.storage.exported import ExportRecord, content_digest
from videolib.storage.videos import Video

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videolib.exports.formats import ListFormat
    from videolib.storage.folders import Library


class ListExport(NamedTuple):
    """A file for all videos that a query finds: its format and the format's name, the name of the
    file without suffix ("": that of the library's folder), and where it goes (None: the library's
    folder)."""

    name: str
    format: ListFormat
    stem: str = ""
    to: Path | None = None

    def file_name(self, library: Library) -> str:
        """Raises UsageError for what is no name."""
        stem = self.stem or library.root.absolute().name or "videos"
        if "/" in stem or "\0" in stem or stem in (".", ".."):
            raise UsageError(f"--name {printable(stem)}: is no name for a file")
        return f"{stem}{self.format.suffix}"

    def report(self, library: Library, query: str, dry_run: bool) -> dict[str, Any]:
        """Write the file; what came of it looks like the report on any format."""
        videos = list(library.videos())
        row = attempt(self.write, library, videos, query, dry_run)
        if isinstance(row, Failure):
            row = {"status": str(Status.FAILED), "files": [], "error": row.reason}
        data = {"task": "export", "format": self.name, "total": 1, "videos": len(videos)}
        return data | {"counts": {row["status"]: 1}, "results": [row]}

    def write(
        self, library: Library, videos: Sequence[Video], query: str, dry_run: bool
    ) -> dict[str, Any]:
        """Write the file and say what became of it: {status, files, error?}. Raises OSError,
        VideoError, UsageError."""
        owner = library_owner(library)
        name, source = self.file_name(library), VideoSource(owner)
        request = ExportRequest(f"{self.name}:{name}", self.format, self.to)
        folder = request.folder(owner)
        record = ExportRecord.read(owner)
        if reason := folder.refusals([name], record, merge=False, merges=False):
            raise VideoError(reason)
        path = folder.recorded_path(name)
        if dry_run:
            return {"status": str(Status.PLANNED), "files": [path]}
        sources = [VideoSource(video, roots=library.roots) for video in videos]
        content = self.format.content(sources, folder.path, query)
        if is_same(record, folder, name, content):
            return {"status": str(Status.SKIPPED), "files": [path]}
        files = request.publish(source, {name: content}, [])
        return {"status": str(Status.MADE), "files": files}


def is_same(record: ExportRecord, folder: ExportFolder, name: str, content: bytes) -> bool:
    """Whether the file is there, written by this program, with that content. Raises OSError."""
    recorded = record.file(folder.video, folder.location(name))
    if recorded is None or recorded.digest != content_digest(content):
        return False
    try:
        return recorded.is_own(folder.video)
    except FileNotFoundError:
        return False


def library_owner(library: Library) -> Video:
    """What the record of a library's own exports belongs to: its folder, in the place of a video
    without a name."""
    return Video(f"{str(library.root.absolute()).rstrip('/')}/", "", library.sidecar_dir())
