"""Publishing exports: files get their final names whole, never in the place of somebody else's.

The record is written twice: before the files, with the digests that they will have, and after them.
So a file is known as this program's own whenever a run ends.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError, reason_of
from videolib.core.files import (
    is_folder,
    make_folder,
    read_file,
    remove,
    remove_where_possible,
    rename_new,
    rename_over,
    scratch_name,
    stat_of,
    write_through,
)
from videolib.core.locks import locked
from videolib.core.runs import Status
from videolib.core.sandbox import wall
from videolib.core.text import iso_time, printable
from videolib.exports.formats import (
    AlreadyThereError,
    Format,
    NothingToExportError,
)
from videolib.exports.targets import ExportFolder, check_targets
from videolib.storage.exported import (
    ExportedFile,
    ExportedFormat,
    ExportRecord,
    content_digest,
    digest_of,
    is_there,
    size_and_time,
)
from videolib.storage.names import State

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.storage.publishing import ArtifactOutput
    from videolib.storage.videos import Video


class ExportRequest(NamedTuple):
    """One format that is wanted of videos: its name and parameters, the folder where the files go
    (None: beside the videos), and whether somebody else's files are to be completed."""

    name: str
    format: Format
    to: Path | None = None
    merge: bool = False
    extensions: frozenset[str] = frozenset()

    def folder(self, video: Video) -> ExportFolder:
        """Where the files of a video go."""
        return ExportFolder(video, self.to, self.extensions, self.format.subfolders)

    def folders(self, video: Video) -> set[str]:
        """The folders in which files of a video are put, or from which those of an earlier export
        are taken back.

        A record may be that of a worker that was taken over: another folder is believed where the
        file is there as it was written.
        """
        folders = set(self.folder(video).paths)
        exported = ExportRecord.read(video).get(self.name)
        for file in exported.files if exported else ():
            folder = file.location(video).rpartition("/")[0]
            if folder not in folders and is_there(file, video, own=True):
                folders.add(folder)
        return folders

    def state(self, source: VideoSource) -> State:
        """How the files of a video stand: FRESH where all are there as they were written, of this
        video, of the same inputs and with these parameters. Raises OSError."""
        exported = ExportRecord.read(source.video).get(self.name)
        if exported is None:
            return State.MISSING
        try:
            unchanged = all(file.looks_unchanged(source.video) for file in exported.files)
        except FileNotFoundError:
            return State.MISSING
        return State.FRESH if unchanged and self._is_current(exported, source) else State.STALE

    def _is_current(self, exported: ExportedFormat, source: VideoSource) -> bool:
        """Whether what was exported would be the same now."""
        names = self.names(source)
        places = sorted(map(self.folder(source.video).location, names))
        return (
            exported.source == video_identity(source)
            and exported.params == self.format.params
            and sorted(file.location(source.video) for file in exported.files) == places
            and source.has_same(exported.inputs)
        )

    def names(self, source: VideoSource) -> list[str]:
        """The names of what will be made; empty where there is nothing to make."""
        try:
            return self.wanted_names(source, ExportRecord.read(source.video))
        except VideoError:
            return []

    def wanted_names(self, source: VideoSource, record: ExportRecord) -> list[str]:
        """The names of what will be made. Raises NothingToExportError, and AlreadyThereError where
        others made all of it; VideoError where it cannot be made."""
        names = self.format.names(source)
        if not self.format.named_by_hash:
            return names
        unclaimed = self.folder(source.video).unclaimed(names, record)
        if not unclaimed:
            raise AlreadyThereError(f"{names[0]} is there, of a copy or by the program it is for")
        return unclaimed

    def paths(self, source: VideoSource) -> list[str]:
        """The same as a record has them."""
        return list(map(self.folder(source.video).recorded_path, self.names(source)))

    def verdict(self, source: VideoSource) -> tuple[Status, str] | None:
        """What becomes of a video whose files cannot be made or put in their places, and why; None
        where they can."""
        try:
            record = ExportRecord.read(source.video)
            names = self.wanted_names(source, record)
            folder, merges = self.folder(source.video), self.format.merges
            reason = folder.refusals(names, record, self.merge, merges)
        except AlreadyThereError as error:
            return Status.SKIPPED, str(error)
        except NothingToExportError as error:
            return Status.NOTHING, str(error)
        except (OSError, VideoError) as error:
            return Status.FAILED, reason_of(error)
        return (Status.FAILED, reason) if reason else None

    def store(self, source: VideoSource, output: ArtifactOutput) -> str:
        """Publish what was made of a video; a note, or "". Raises VideoError, OSError."""
        inputs = output.facts.pop("inputs")
        try:
            output.facts["files"] = self.publish(source, output.files, inputs)
        except AlreadyThereError as error:
            output.status = Status.SKIPPED
            return str(error)
        return ""

    def publish(
        self,
        source: VideoSource,
        contents: Mapping[str, Content],
        inputs: list[dict[str, Any]],
    ) -> list[str]:
        """Put the files of a video in their places; returns their paths as recorded.

        Files of an earlier export that are not among them go, unless they were changed. Raises
        VideoError, OSError.
        """
        video, folder = source.video, self.folder(source.video)
        make_folder(Path(video.sidecar_dir))
        with locked(video.sidecar_dir):
            record = ExportRecord.read(video)
            merge = self.merge and self.format.merges
            if self.format.named_by_hash:
                names = self.wanted_names(source, record)
                contents = {name: contents[name] for name in names}
            check_targets(folder, contents, record, merge)
            planned = [self._planned(folder, record, *item) for item in contents.items()]
            written = {file.path: content for file, content in planned}
            earlier = record.get(self.name)
            superseded = [f for f in earlier.files if f.path not in written] if earlier else []
            files = [file for file, _ in planned] + superseded
            identity, params = video_identity(source), self.format.params
            exported = ExportedFormat(files, params, identity, inputs, iso_time())
            record[self.name] = exported
            record.write(video)
            try:
                stored = self._store_all(folder, planned)
            except (OSError, VideoError):
                self._give_up(record, exported, video)
                raise
            kept = [file for file in superseded if not take_back(video, file)]
            record[self.name] = exported._replace(files=stored + kept)
            record.write(video)
        return [file.path for file in stored]

    def _planned(
        self, folder: ExportFolder, record: ExportRecord, name: str, content: Content
    ) -> tuple[ExportedFile, Content]:
        """A file as it is to be recorded, with its content: the user's own, completed, where one is
        there."""
        path, location = folder.recorded_path(name), folder.location(name)
        recorded = record.file(folder.video, location)
        former, original = "", None
        if os.path.lexists(location):
            is_own = recorded is not None and recorded.is_own(folder.video)
            former = recorded.digest if recorded and is_own else ""
            original = recorded.original if recorded and is_own else None
            if not is_own and isinstance(content, bytes):
                existing = read_file(location)
                former, original = content_digest(existing), decoded(name, existing)
        if original is not None and isinstance(content, bytes):
            try:
                content = self.format.merged(original.encode(), content)
            except VideoError as error:
                raise VideoError(f"{printable(name)} {error}") from None
        file = ExportedFile(path, content_digest(content), 0, 0, former, original)
        return file, content

    def _store_all(
        self, folder: ExportFolder, planned: Sequence[tuple[ExportedFile, Content]]
    ) -> list[ExportedFile]:
        """Put files in their places; as they are to be recorded. Raises OSError, VideoError."""
        for path in folder.paths:
            if not is_folder(path):
                make_folder(Path(path))
        return [self._store(folder, file, content) for file, content in planned]

    def _store(self, folder: ExportFolder, file: ExportedFile, content: Content) -> ExportedFile:
        """Put one file in its place; its record with size and time. Raises OSError, VideoError."""
        location = Path(file.location(folder.video))
        try:
            write_new(location, content, replace=bool(file.former))
        except FileExistsError:
            if self.format.named_by_hash and digest_of(str(location)) == file.digest:
                return self._stored(file, location)  # of a copy that another worker had
            raise VideoError(f"{printable(location.name)} appeared meanwhile: run again") from None
        except OSError as error:
            refusals = (errno.EACCES, errno.EPERM, errno.EROFS)
            if error.errno not in refusals or wall.refused(error):
                raise
            place, how = printable(folder.path), "--to DIR puts the files elsewhere"
            raise VideoError(f"{place}: cannot be written to ({error.strerror}): {how}") from None
        return self._stored(file, location)

    def _stored(self, file: ExportedFile, location: Path) -> ExportedFile:
        """The record of a file that is in its place. Raises OSError."""
        size, mtime_ns = size_and_time(str(location))
        return file._replace(size=size, mtime_ns=mtime_ns, former="")

    def _give_up(self, record: ExportRecord, exported: ExportedFormat, video: Video) -> None:
        """Let the record name those files only that are there, after others could not be stored."""
        with contextlib.suppress(OSError):  # a disk that is full or read-only by now
            there = [f for f in exported.files if os.path.lexists(f.location(video))]
            record[self.name] = exported._replace(files=there)
            if not there:
                del record[self.name]
            record.write(video)


def decoded(name: str, content: bytes) -> str:
    """The text of somebody else's file. Raises VideoError where it is not in UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise VideoError(f"{printable(name)} is not in UTF-8: it is left alone") from None


def video_identity(source: VideoSource) -> dict[str, int]:
    """Size and mtime of the video. Raises OSError."""
    status = source.media.stat if source.media else stat_of(source.video.path)
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def write_new(target: Path, content: Content, *, replace: bool) -> None:
    """Publish a file, or a folder, whole. Raises FileExistsError where something has the name,
    unless it is to be replaced."""
    scratch, former = target.parent / scratch_name(), target.parent / scratch_name()
    try:
        if isinstance(content, bytes):
            write_through(scratch, content)
        else:
            write_folder(scratch, content)
        if replace and not isinstance(content, bytes):
            rename_over(target, former)
        if replace and isinstance(content, bytes):
            rename_over(scratch, target)
        else:
            rename_new(scratch, target)
    except OSError as error:
        with contextlib.suppress(OSError):  # there was none, or the disk is read-only by now
            rename_new(former, target)
        if error.filename is not None and not isinstance(error, FileExistsError):
            error.filename, error.filename2 = str(target), None  # nobody knows the scratch name
        raise
    finally:
        remove_where_possible([scratch, former])


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a new folder of files, whose names may have folders of its own before them."""
    make_folder(folder)
    for name, content in files.items():
        make_folder((folder / name).parent)
        write_through(folder / name, content)


def take_back(video: Video, file: ExportedFile) -> bool:
    """Remove an exported file, or put the user's own back that it completes. Returns whether it is
    gone: one that was changed stays."""
    location = file.location(video)
    if not os.path.lexists(location):
        return True
    if not file.is_own(video):
        return False
    if file.original is None:
        remove(location)
    else:
        write_new(Path(location), file.original.encode(), replace=True)
    return True
