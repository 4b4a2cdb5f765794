"""Names of a transcode's outputs: which video of a folder gets which, and which file is whose.

An output is called like its source, but ends in .mp4. Where several videos of a folder differ only
in their extensions, one of them gets that name, and the others keep their extensions before it: of
a.mkv and a.ts they are a.mp4 and a.ts.mp4. A name that was recorded once stays, whatever comes and
goes beside its source; the other names depend on the folder's listing alone.
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import attempt
from videolib.core.files import is_same_time
from videolib.storage.artifacts import TRANSCODE_RECORD
from videolib.storage.names import sidecar_key
from videolib.storage.sidecars import SidecarDir


def plain_name(name: str) -> str:
    """The name of the output for a video of that name which shares it with no other."""
    return Path(name).with_suffix(".mp4").name


def possible_names(name: str) -> Iterator[str]:
    """The names that the output for a video of that name may have, the preferred ones first."""
    yield plain_name(name)
    key = sidecar_key(name)  # which is the name, unless that is too long to be lengthened
    yield f"{key}.mp4"
    yield from (f"{key}-{number}.mp4" for number in itertools.count(2))


def assigned_names(names: Iterable[str], recorded: Mapping[str, str]) -> dict[str, str]:
    """The name of its output for each video of a folder, by the names of the videos.

    `recorded`: the names of outputs that exist or were begun, by the names of their videos, which
    may be gone. Of videos without a record, one that is an MP4 itself comes before the others.
    """
    assigned, taken = dict[str, str](), set(recorded.values())
    new = sorted(set(names) - recorded.keys(), key=lambda name: (plain_name(name) != name, name))
    for name in new:
        if (plain := plain_name(name)) not in taken:
            assigned[name] = plain
            taken.add(plain)
    for name in new:
        if name not in assigned:
            assigned[name] = next(free for free in possible_names(name) if free not in taken)
            taken.add(assigned[name])
    return assigned | dict(recorded)


class FileStamp(NamedTuple):
    """Size in bytes and mtime in ns of a file, by which it is recognized; the mtime is None in
    records of earlier versions."""

    size: int
    mtime_ns: int | None = None

    @classmethod
    def read(cls, size: Any, mtime_ns: Any) -> FileStamp | None:
        """The stamp of these values from a record; None where there is no size."""
        if not isinstance(size, int):
            return None
        return cls(size, mtime_ns if isinstance(mtime_ns, int) else None)

    def fits(self, status: os.stat_result) -> bool:
        """Whether a file has this stamp, but for what a coarser file system does not keep."""
        if self.size != status.st_size or self.mtime_ns is None:
            return self.size == status.st_size
        return is_same_time(self.mtime_ns, status.st_mtime_ns)


def output_stat(output: Path) -> os.stat_result | None:
    """The stat of an output; None where there is none, or a link or a folder in its place."""
    status = attempt(output.lstat)
    return status if isinstance(status, os.stat_result) and stat.S_ISREG(status.st_mode) else None


def own_output(record: Mapping[str, Any] | None, output: Path) -> os.stat_result | None:
    """The stat of an output that is the file of the record, or the earlier file that this was to
    replace when the program was killed; None where it is neither, and so somebody else's."""
    status = output_stat(output)
    if not record or not status:
        return None
    stamps, replaces = list[FileStamp | None](), record.get("replaces")
    if not record.get("discarded"):
        stamps.append(FileStamp.read(record.get("output_size"), record.get("output_mtime_ns")))
    if isinstance(replaces, dict):
        stamps.append(FileStamp.read(replaces.get("size"), replaces.get("mtime_ns")))
    return status if any(stamp and stamp.fits(status) for stamp in stamps) else None


def recorded_name(record: Mapping[str, Any] | None) -> str:
    """The name of the output that a record is about; empty where there is none."""
    name = record.get("output") if record else None
    return name if isinstance(name, str) and name and Path(name).name == name else ""


def recorded_names(folder: Path, sidecar_dir: str, names: Iterable[str]) -> dict[str, str]:
    """The names of the outputs in a folder that have records, by the names of their videos.

    For a video that is not among `names`, as it is gone or was not listed, the name of the record
    stands for its own. A record does not count whose file is somebody else's by now.
    """
    videos = {TRANSCODE_RECORD.files[0].format(sidecar_key(name)): name for name in names}
    suffix = TRANSCODE_RECORD.files[0].removeprefix("{}")
    by_output = dict[str, str]()
    for record_name, entry in sorted(SidecarDir(sidecar_dir).items()):
        record = read_json(entry.path) if record_name.endswith(suffix) else None
        if output := recorded_name(record):
            path = folder / output
            if not output_stat(path) or own_output(record, path):
                by_output.setdefault(output, videos.get(record_name, record_name))
    return {name: output for output, name in by_output.items()}
