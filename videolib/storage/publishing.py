"""Publishing an artifact: its files get their final names, the record last."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import json_bytes, set_aside_corrupt
from videolib.core.errors import VideoError
from videolib.core.files import (
    file_identity,
    remove,
    rename_new,
    replace_file,
    replace_folder,
    stat_if_any,
)
from videolib.core.runs import Status
from videolib.core.text import iso_time

if TYPE_CHECKING:
    from videolib.storage.artifacts import Artifact
    from videolib.storage.videos import Video


class ArtifactOutput:
    """An artifact of one video before it is published: contents by file pattern (see Artifact).

    A pattern that ends in `/` has a dict of file names for its content. `data` becomes the record,
    in JSON, with the common head, `documents` further JSON files with that head. `facts` go back
    to the parent process; `note` is told to the user.
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

    It replaces whatever has that name with `replace`, else only a file whose `file_identity` is
    `replaceable`.
    """

    scratch: Path
    target: Path
    replace: bool = False
    replaceable: tuple[int, int, int] | None = None

    def publish(self) -> None:
        """Give it its final name. Raises VideoError where another file has that by now."""
        status = stat_if_any(str(self.target)) if self.replaceable else None
        if self.replace or (status and file_identity(status) == self.replaceable):
            self.scratch.replace(self.target)
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

    def as_json(self) -> dict[str, Any]:
        source = {"size": self.size, "mtime_ns": self.mtime_ns, "oshash": self.oshash}
        head = {"schema": self.schema, "video": self.video, "source": source}
        return head | {"params": self.params, "generated_at": iso_time()}


def publish(artifact: Artifact, video: Video, output: ArtifactOutput, origin: Provenance) -> str:
    """Put an output under its final names, the record last, and remove files of an earlier one.

    Only an OutputFile comes after the record, which describes it: a record without its file counts
    for nothing, but a file without its record would be taken for the user's own and never touched.
    Returns a note where an unreadable record was found in its place and set aside, else "".
    """
    sidecar_dir = Path(video.sidecar_dir)
    sidecar_dir.mkdir(parents=True, exist_ok=True)
    contents = {pattern.rstrip("/").format(video.key): c for pattern, c in output.files.items()}
    for pattern, data in output.documents.items():
        contents[pattern.format(video.key)] = json_bytes(origin.as_json() | data)
    note = ""
    if output.data is not None:
        record = artifact.record_name(video)
        note = set_aside_corrupt(sidecar_dir / record)
        contents[record] = json_bytes(origin.as_json() | {"files": list(contents)} | output.data)
    for name, content in contents.items():
        if isinstance(content, dict):
            replace_folder(sidecar_dir / name, content)
        else:
            replace_file(sidecar_dir / name, content)
    if origin.mtime_ns > time.time_ns():  # the video was written by a clock ahead of this one
        for name in contents:
            os.utime(sidecar_dir / name, ns=(origin.mtime_ns, origin.mtime_ns))
    for name in artifact.superseded(video, contents):
        remove(sidecar_dir / name)
    if output.product and output.status is Status.MADE:
        output.product.publish()
    return note
