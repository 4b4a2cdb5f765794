"""Of which video a file is a transcode, by the record that a transcode leaves beside its output."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import names_in
from videolib.media.transcode_names import FileStamp, own_output, plain_name
from videolib.storage.artifacts import TRANSCODE_RECORD
from videolib.storage.names import SIDECARS

SUFFIX = TRANSCODE_RECORD.files[0].removeprefix("{}")


class CopiedSource(NamedTuple):
    """The video that a transcode was made of: its path from the folder that was transcoded then,
    and its stamp."""

    rel: str
    stamp: FileStamp


class CopyRecords:
    """The records of the outputs in folders, each of which is listed once."""

    def __init__(self) -> None:
        self.keys = dict[Path, list[str]]()  # of the videos that have records, by folder

    def source_of(self, copy: Path) -> CopiedSource | None:
        """What a file is a transcode of; None where no record says so."""
        for path in self._paths(copy):
            record = read_json(path)
            if not record or record.get("discarded") or not own_output(record, copy):
                continue
            source = record.get("source")
            stamp = isinstance(source, dict) and FileStamp.read(
                source.get("size"), source.get("mtime_ns")
            )
            return CopiedSource(str(record.get("video", "")), stamp) if stamp else None
        return None

    def _paths(self, copy: Path) -> Iterator[Path]:
        """The records in the folder of a file, those first that are its own unless it has been
        renamed."""
        sidecar_dir = copy.parent / SIDECARS
        if sidecar_dir not in self.keys:
            names = names_in(str(sidecar_dir)) if sidecar_dir.is_dir() else []
            keys = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
            self.keys[sidecar_dir] = sorted(keys)

        def is_unlikely(key: str) -> bool:
            return copy.name != plain_name(key) and not copy.name.startswith(key)

        for key in sorted(self.keys[sidecar_dir], key=is_unlikely):
            yield sidecar_dir / f"{key}{SUFFIX}"
