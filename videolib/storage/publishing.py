"""Giving what was made its final names, the record last."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import json_bytes, set_aside_corrupt
from videolib.core.errors import VideoError
from videolib.core.files import remove, rename_new, replace_file, replace_folder
from videolib.core.runs import Status
from videolib.core.text import iso_time

if TYPE_CHECKING:
    from videolib.storage.artifacts import Artifact
    from videolib.storage.videos import Video


class ArtifactOutput:
    """What a task made of one video: contents by file pattern (see Artifact), nothing on disk yet.

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
    """A finished file too large to hand over as bytes: its scratch file and its final name."""

    scratch: Path
    target: Path
    replace: bool = False

    def publish(self) -> None:
        """Give it its final name. Raises VideoError where another file has that by now."""
        if self.replace:
            self.scratch.replace(self.target)
            return
        try:
            rename_new(self.scratch, self.target)
        except FileExistsError:
            raise VideoError(f"{self.target.name} appeared meanwhile: nothing was stored") from None


class Provenance(NamedTuple):
    """What every JSON artifact records of how it was made: the version of its own format, the
    video (as the listed folder calls it) as it was then, and the parameters."""

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


def publish(artifact: Artifact, video: Video, made: ArtifactOutput, origin: Provenance) -> str:
    """Put what was made under its final names, the record last, and drop what was made earlier.

    Only a Product comes after the record, which describes it: without its file the record counts
    for nothing, whereas a file without its record would be a stranger's that must never be touched.
    Returns a note where an unreadable record was found in its place and set aside.
    """
    sidecar_dir = Path(video.sidecar_dir)
    sidecar_dir.mkdir(parents=True, exist_ok=True)
    contents = {pattern.rstrip("/").format(video.key): c for pattern, c in made.files.items()}
    for pattern, data in made.documents.items():
        contents[pattern.format(video.key)] = json_bytes(origin.as_json() | data)
    note = ""
    if made.data is not None:
        record = artifact.record_name(video)
        note = set_aside_corrupt(sidecar_dir / record)
        contents[record] = json_bytes(origin.as_json() | {"files": list(contents)} | made.data)
    for name, content in contents.items():
        if isinstance(content, dict):
            replace_folder(sidecar_dir / name, content)
        else:
            replace_file(sidecar_dir / name, content)
    if origin.mtime_ns > time.time_ns():  # made by a clock that is ahead of this one
        for name in contents:
            os.utime(sidecar_dir / name, ns=(origin.mtime_ns, origin.mtime_ns))
    for name in artifact.superseded(video, contents):
        remove(sidecar_dir / name)
    if made.product and made.status is Status.MADE:
        made.product.publish()
    return note
