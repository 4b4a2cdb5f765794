"""Taking exports back: the files that are recorded and as they were written are removed."""

from __future__ import annotations

from collections.abc import Container
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, attempt
from videolib.core.files import flush_to_disk
from videolib.core.locks import locked
from videolib.core.runs import Status
from videolib.core.text import plural, printable
from videolib.exports.lists import library_owner
from videolib.exports.publishing import take_back
from videolib.storage.exported import ExportedFile, ExportRecord, record_path

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.folders import Library
    from videolib.storage.videos import Video


class ExportRemoval(NamedTuple):
    """What was taken back, or with `dry_run` would be: a row {video, status, files, error?} of each
    video that had exports, and what could not be read."""

    rows: list[dict[str, Any]]
    problems: list[tuple[str, str]]
    dry_run: bool

    @property
    def failures(self) -> list[tuple[str, str]]:
        left = [(row["video"], row["error"]) for row in self.rows if "error" in row]
        return left + self.problems

    def as_json(self) -> dict[str, Any]:
        statuses = [row["status"] for row in self.rows]
        counts = {status: statuses.count(status) for status in dict.fromkeys(statuses)}
        errors = [{"video": name, "error": reason} for name, reason in self.problems]
        data = {"task": "export", "dry_run": self.dry_run, "total": len(self.rows)}
        return data | {"counts": counts, "results": self.rows, "errors": errors}

    @property
    def text(self) -> str:
        files = sum(len(row["files"]) for row in self.rows)
        what = "would be removed" if self.dry_run else "removed"
        return f"export: {plural(files, 'file')} of {plural(len(self.rows), 'video')} {what}"


def remove_exports(
    job: Job, library: Library, formats: Container[str], to: Path | None, dry_run: bool
) -> ExportRemoval:
    """Take back what was exported of the videos of a library in these formats.

    Only files beside the videos, and with `to` those below that folder: a record that somebody else
    wrote reaches no other. Files for all videos go where all are meant. Raises CancelledError.
    """
    rows, owners = [], [library_owner(library)] if library.only is None else []
    for video in (*owners, *library.videos()):
        job.check()
        if record_path(video).is_file():
            outcome = attempt(remove_of_video, video, formats, to, dry_run)
            if isinstance(outcome, Failure):
                outcome = {"status": str(Status.FAILED), "files": [], "error": outcome.reason}
            rows += [{"video": video.rel} | outcome] if outcome else []
    return ExportRemoval(rows, library.problems, dry_run)


def remove_of_video(
    video: Video, formats: Container[str], to: Path | None, dry_run: bool
) -> dict[str, Any]:
    """{status, files, error?} of one video; empty where nothing was exported of it. Raises OSError,
    VideoError."""
    with locked(video.sidecar_dir):
        record, removed, left = ExportRecord.read(video), list[str](), list[str]()
        gone = set[str]()
        for name in [name for name in record if name.partition(":")[0] in formats]:
            kept = []
            for file in record[name].files:
                reason = why_left(video, file, to, dry_run)
                (left if reason else removed).append(reason or file.path)
                kept += [file] if reason else []
                gone |= set() if reason else {file.location(video)}
            record[name] = record[name]._replace(files=kept)
            if not kept:
                del record[name]
        if not dry_run:
            # A file that came back without its record would be taken for somebody else's.
            for folder in {Path(path).parent for path in gone}:
                flush_to_disk(folder)
            record.write(video)
    if not (removed or left):
        return {}
    status = Status.FAILED if left else Status.PLANNED if dry_run else Status.REMOVED
    return {"status": str(status), "files": removed} | ({"error": "; ".join(left)} if left else {})


def why_left(video: Video, file: ExportedFile, to: Path | None, dry_run: bool) -> str:
    """Remove a file; why it was left, or ""."""
    name = printable(file.path)
    if not (file.is_beside or (to and Path(file.path).is_relative_to(to.absolute()))):
        return f"{name} is elsewhere: --to {printable(str(Path(file.path).parent))} removes it"
    is_gone = lacks_or_owns(video, file) if dry_run else take_back(video, file)
    return "" if is_gone else f"{name} was changed since it was exported: it is left alone"


def lacks_or_owns(video: Video, file: ExportedFile) -> bool:
    """Whether `take_back` would leave nothing."""
    try:
        return file.is_own(video)
    except FileNotFoundError:
        return True
