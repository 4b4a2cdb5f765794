"""Publishing an artifact: its files get their final names, the record last."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import json_bytes, json_text, set_aside_corrupt
from videolib.core.errors import VideoError, os_error_message
from videolib.core.files import (
    file_identity,
    make_folder,
    remove,
    remove_where_possible,
    rename_new,
    rename_over,
    replace_file,
    replace_folder,
    set_mtime,
    stat_if_any,
    stat_of,
)
from videolib.core.runs import Status
from videolib.core.text import iso_time, printable
from videolib.storage.names import is_sidecar_dir
from videolib.storage.sidecars import LARGEST_PARAMS

if TYPE_CHECKING:
    from videolib.storage.artifacts import Artifact
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


class ArtifactOutput:
    """An artifact of one video before it is published: contents by file pattern (see Artifact).

    A pattern that ends in `/` has a dict of file names for its content. `data` becomes the record,
    in JSON, with the common head, `documents` further JSON files with that head. `facts` go back
    to the parent process; `note` is shown to the user.
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        files: dict[str, bytes | dict[str, bytes]] | None = None,
        *,
        documents: dict[str, dict[str, Any]] | None = None,
        note: str = "",
        facts: dict[str, Any] | None = None,
        status: Status = Status.MADE,
        product: OutputFile | None = None,
    ) -> None:
        self.data, self.files, self.note = data, files or {}, note
        self.documents = documents or {}
        self.facts, self.status, self.product = facts or {}, status, product

    def mark_degraded(self, shortcoming: str) -> None:
        """Note, and record, how the source falls short; an empty text says that it does not."""
        if shortcoming:
            self.note = f"degraded: {shortcoming}"
            if self.data is not None:
                self.data["degraded"] = self.note


class OutputFile(NamedTuple):
    """A finished file too large to hand over as bytes: its scratch file and its final name.

    With `replace` it takes the place of whatever has that name, else only of a file whose
    `file_identity` is `replaceable`.
    """

    scratch: Path
    target: Path
    replace: bool = False
    replaceable: tuple[int, int, int] | None = None

    def publish(self) -> None:
        """Give it its final name. Raises VideoError where another file has that by now."""
        status = stat_if_any(str(self.target)) if self.replaceable else None
        if self.replace or (status and file_identity(status) == self.replaceable):
            rename_over(self.scratch, self.target)
            return
        try:
            rename_new(self.scratch, self.target)
        except FileExistsError:
            raise VideoError(f"{self.target.name} appeared meanwhile: nothing was stored") from None


class Provenance(NamedTuple):
    """How a JSON artifact was made: the version of its format, the video (relative to the listed
    folder) with its size, mtime and oshash at that time, and the parameters."""

    schema: int
    video: str
    size: int
    mtime_ns: int
    oshash: str
    params: Mapping[str, Any]

    @property
    def source(self) -> dict[str, Any]:
        return {"size": self.size, "mtime_ns": self.mtime_ns, "oshash": self.oshash}

    def as_json(self) -> dict[str, Any]:
        head = {"schema": self.schema, "video": self.video, "source": self.source}
        return head | {"params": self.params, "generated_at": iso_time()}


def publish(artifact: Artifact, video: Video, output: ArtifactOutput, origin: Provenance) -> str:
    """Put an output under its final names, remove files of an earlier one, and write the record.

    Only an OutputFile comes after the record, which describes it: a record without its file counts
    for nothing, but a file without its record would be taken for the user's own and never touched.
    Returns a note where an unreadable record was found in its place and set aside, else "".
    """
    sidecar_dir = Path(video.sidecar_dir)
    make_folder(sidecar_dir)
    contents = {pattern.rstrip("/").format(video.key): c for pattern, c in output.files.items()}
    for pattern, data in output.documents.items():
        contents[pattern.format(video.key)] = json_bytes(origin.as_json() | data)
    record, note = "", ""
    if output.data is not None:
        record = artifact.record_name(video)
        note = set_aside_corrupt(sidecar_dir / record)
    else:
        record = source_record_name(artifact, video, contents)
        contents = {name: with_comment(name, content, origin) for name, content in contents.items()}
    with complete_or_void(sidecar_dir, "" if artifact.any_file else record) as stored:
        write_all(sidecar_dir, contents, stored)
        for name in artifact.superseded(video, {*contents, record}):
            remove(sidecar_dir / name)
        if record:
            # Of files that are valid one by one each may go without the others.
            files = [] if artifact.any_file else list(contents)
            document = origin.as_json() | {"files": files} | (output.data or {})
            write_all(sidecar_dir, {record: json_bytes(document)}, stored)
    if origin.mtime_ns > time.time_ns():  # the video was written by a clock ahead of this one
        for name in filter(None, (*contents, record)):
            set_mtime(sidecar_dir / name, origin.mtime_ns)
    if output.product and output.status is Status.MADE:
        output.product.publish()
    return note


@contextlib.contextmanager
def complete_or_void(sidecar_dir: Path, record: str) -> Iterator[list[str]]:
    """A list for the names of the files that are stored while an artifact is put in place.

    Where that fails in between, new files would stand beside the record of earlier ones, which says
    that all is there: it is removed. Raises VideoError then, and OSError where nothing was stored.
    """
    stored: list[str] = []
    try:
        yield stored
    except OSError as error:
        if not stored:
            raise
        if record and record not in stored:
            remove_where_possible([sidecar_dir / record])
        names = printable(", ".join(stored))
        message = f"{os_error_message(error)}: only {names} could be stored: run again"
        raise VideoError(message) from None


def write_all(
    folder: Path, contents: Mapping[str, bytes | dict[str, bytes]], stored: list[str]
) -> None:
    """Put files and folders in a folder in the places of those of the same names, and their names
    in the list `stored`."""
    for name, content in contents.items():
        if isinstance(content, dict):
            replace_folder(folder / name, content)
        else:
            replace_file(folder / name, content)
        stored.append(name)


def source_record_name(artifact: Artifact, video: Video, names: Iterable[str]) -> str:
    """The name of the file that has to record the source of files of these names; "" where each
    does so itself, and in a folder that a user named, where it would be in their way."""
    if not is_sidecar_dir(video.sidecar_dir):
        return ""
    without_source = any(not name.endswith((".json", ".jpg", ".vtt")) for name in names)
    return artifact.source_record.format(video.key) if without_source else ""


def with_comment(
    name: str, content: bytes | dict[str, bytes], origin: Provenance
) -> bytes | dict[str, bytes]:
    """A JPEG or WebVTT file with a comment that records its source and, where they are no longer
    than a comment may be, its parameters; others as they are."""
    if isinstance(content, dict) or not name.endswith((".jpg", ".vtt")):
        return content
    params = {"params": origin.params} if origin.params else {}
    if len(json_text(params, indent=None)) > LARGEST_PARAMS // 2:
        params = {}
    text = json_text({"source": origin.source} | params, indent=None)
    note = text.replace(">", "\\u003e").encode()  # an arrow would begin a cue of WebVTT
    if name.endswith(".vtt"):
        header, _, cues = content.partition(b"\n\n")
        return b"\n\n".join((header.rstrip(), b"NOTE " + note, cues)).rstrip(b"\n") + b"\n"
    # A comment segment (ITU-T T.81, B.2.4.5) behind the marker that begins the file.
    return content[:2] + b"\xff\xfe" + (len(note) + 2).to_bytes(2) + note + content[2:]


def record_source(artifact: Artifact, video: Video, sidecars: SidecarDir) -> None:
    """Record the source of an artifact that an earlier version of the program made and that is
    fresh by its times, so that a replacement of the video by an older file will be noticed."""
    if artifact.lacks_record(video, sidecars):
        status = stat_of(video.path)
        origin = Provenance(1, video.rel, status.st_size, status.st_mtime_ns, "", {})
        path = Path(video.sidecar_dir, artifact.source_record.format(video.key))
        replace_file(path, json_bytes(origin.as_json() | {"files": []}))
