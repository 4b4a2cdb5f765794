"""Steps of a journal: a file is moved, copied to another disk, or gets other content.

A step can be applied, applied again after a kill, and reverted. None overwrites or deletes what it
did not put there itself. `as_json` gives its line in a journal, `step_from_json` reads that.
"""

from __future__ import annotations

import errno
import itertools
import os
import shlex
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from videolib.core.confinement import DivertedError, open_path, opened_parent, real_path
from videolib.core.errors import CancelledError, VideoError
from videolib.core.files import (
    NEW_FILE,
    blocks_of,
    flush_to_disk,
    is_folder,
    lstat_if_any,
    lstat_of,
    make_folder,
    naming,
    read_file,
    reading,
    remove,
    rename_new,
    replace_file,
    set_mtime,
)
from videolib.core.runs import Job
from videolib.core.text import printable
from videolib.storage.names import SIDECARS

LATEST_MTIME = (1 << 63) * 10**9  # ns; systems count seconds in 64 bits
SCRATCH_PREFIX = ".moving-"  # of the temporary names of files that are being moved or copied


class LibraryPaths(NamedTuple):
    """The folders that a journal may change: the library's root, and the root of its sidecars."""

    root: str
    artifacts_root: str

    @classmethod
    def of(cls, root: Path, artifacts_dir: Path | None = None) -> LibraryPaths:
        return cls(real_path(root), real_path(artifacts_dir or root))

    @property
    def sidecar_dir(self) -> Path:
        return Path(self.artifacts_root, SIDECARS)

    @property
    def recovery(self) -> str:
        """The command that finishes an interrupted change, in words for the user."""
        folder, artifacts = (shlex.quote(printable(path)) for path in self)
        flag = "" if folder == artifacts else f" --artifacts-dir {artifacts}"
        return f"rename --recover -d {folder}{flag}, or --undo to take it back"

    def relative(self, path: str) -> str:
        """A path as a journal names it: from the library's root, or with a slash before it from
        the root of the sidecars. Raises VideoError for one that is below neither.
        """
        for base, mark in ((self.root, ""), (self.artifacts_root, "/")):
            if path.startswith(base.rstrip("/") + "/"):
                return mark + path[len(base.rstrip("/")) + 1 :]
        raise VideoError(f"{printable(path)}: is outside of {printable(self.root)}")

    def absolute(self, name: Any) -> str:
        """The path that a journal names. Raises ValueError for one that leads elsewhere."""
        if not isinstance(name, str) or {"", ".", ".."} & set(name.removeprefix("/").split("/")):
            raise ValueError(f"names {name!r}")
        base = (self.artifacts_root if name.startswith("/") else self.root).rstrip("/") + "/"
        path = base + name.removeprefix("/")
        if not (real_path(path.rpartition("/")[0] or "/") + "/").startswith(base):
            raise ValueError(f"names {name!r}, which leads elsewhere")
        return path


class Move(NamedTuple):
    """A rename of a file or folder, never over another; `inode` identifies what is moved.

    Phase 0 moves files to scratch names where the names of a plan are both left and taken, phase 1
    makes all other moves. So within a phase each path is used once, and whether it exists tells
    whether its step was made.
    """

    phase: int
    source: str
    target: str
    inode: int

    def as_json(self, paths: LibraryPaths) -> dict[str, Any]:
        names = {"from": paths.relative(self.source), "to": paths.relative(self.target)}
        return {"phase": self.phase, **names, "inode": self.inode}

    def apply(self, *, back: bool = False, again: bool = False, job: Job | None = None) -> str:
        """Make the step, or with `back` revert it; `again`: it may have been made before.

        Returns why it is impossible, or "". Raises OSError, FileExistsError where another file has
        the name.
        """
        source, target = (self.target, self.source) if back else (self.source, self.target)
        status, other = lstat_if_any(source), lstat_if_any(target)
        if again and other:
            if not status or other.st_ino == self.inode != status.st_ino:
                return ""
            if status.st_ino == self.inode and is_second_name(status, other):
                remove(source)  # killed between the two halves of a rename
                return ""
        if not status:
            return f"{printable(source)} is not there any more"
        if again or back:
            rename_new(Path(source), Path(target))
            return ""
        return self.rename_planned(status)

    def rename_planned(self, status: os.stat_result) -> str:
        """Rename what was planned to be, not a link that somebody put in its place meanwhile.
        `status`: of the source. Returns and raises what `apply` does."""
        source, target = Path(self.source), Path(self.target)
        if not self.is_strange_link(status):
            rename_new(source, target)
            if not self.is_strange_link(lstat_of(target)):
                return ""
            rename_new(target, source)
        return f"{printable(self.source)} was exchanged for a link meanwhile"

    def is_strange_link(self, status: os.stat_result) -> bool:
        """Whether what has this stat is a link, and not the one that is to be moved."""
        return stat.S_ISLNK(status.st_mode) and status.st_ino != self.inode


def is_second_name(status: os.stat_result, other: os.stat_result) -> bool:
    """Whether two names with these stats are of one file, which stays where one is removed.

    The number of its names decides: two looks at one name may see the same file, too, where folders
    fold case, and where somebody renames it between them.
    """
    is_folder_or_single = stat.S_ISDIR(status.st_mode) or status.st_nlink < 2
    return os.path.samestat(status, other) and not is_folder_or_single


class Transfer(NamedTuple):
    """A copy of a file or folder on another disk, never over another, compared with its source.

    It is filled under the name `scratch` in the folder of its target. A later Move takes the source
    to the trash.
    """

    phase: int
    source: str
    target: str
    scratch: str

    def as_json(self, paths: LibraryPaths) -> dict[str, Any]:
        names = {"copy": self.source, "to": self.target, "scratch": self.scratch}
        return {"phase": self.phase} | {key: paths.relative(path) for key, path in names.items()}

    def apply(self, *, back: bool = False, again: bool = False, job: Job | None = None) -> str:
        """Make the step, or with `back` revert it as long as the source exists; `again`: it may
        have been begun before, and what a killed run left under the scratch name is removed.

        Returns why it is impossible, or "". Raises OSError and CancelledError.
        """
        source, target, scratch = map(Path, (self.source, self.target, self.scratch))
        job = job or Job()
        if again:
            remove(scratch)
        if not (status := lstat_if_any(source)):
            return f"{printable(self.source)} is not there any more"
        if again and (other := lstat_if_any(target)):
            one_file = os.path.samestat(status, other)
            if one_file or not same_content(source, target, job):
                return f"{printable(self.target)} is another by now and is left as it is"
            if back:
                remove(target)
        elif not back:
            try:
                copy_to_disk(source, scratch, job)
                if not same_content(source, scratch, job):
                    raise OSError(errno.EIO, "the copy differs", str(scratch))
                checkpoint("copied")
                rename_new(scratch, target)
            except (OSError, CancelledError):
                remove(scratch)
                raise
        return ""


class Rewrite(NamedTuple):
    """Other content for a small file; None stands for no file. `mtime_ns` becomes the file's time
    of change unless it is 0."""

    phase: int
    path: str
    old: bytes | None
    new: bytes | None
    mtime_ns: int

    def as_json(self, paths: LibraryPaths) -> dict[str, Any]:
        old, new = (c and c.decode("utf-8", "surrogateescape") for c in (self.old, self.new))
        name = paths.relative(self.path)
        return {"phase": self.phase, "file": name, "old": old, "new": new} | {
            "mtime_ns": self.mtime_ns
        }

    def apply(self, *, back: bool = False, again: bool = False, job: Job | None = None) -> str:
        """Make the step, or with `back` revert it. Returns why it is impossible, or "": a file that
        has neither content was changed by somebody else and is left alone.
        """
        before, after = (self.new, self.old) if back else (self.old, self.new)
        try:
            current: bytes | None = read_file(self.path)
        except FileNotFoundError:
            current = None
        except DivertedError:
            if not (status := lstat_if_any(self.path)) or not stat.S_ISLNK(status.st_mode):
                raise  # a folder around it is diverted, and the file may be as it was
            return f"{printable(self.path)} leads out of the library and is left as it is"
        if current == after:
            return ""
        if current != before:
            return f"{printable(self.path)} was changed meanwhile and is left as it is"
        if after is None:
            remove(self.path)
            return ""
        replace_file(Path(self.path), after)
        if self.mtime_ns:
            set_mtime(self.path, self.mtime_ns)
        return ""


Step = Move | Transfer | Rewrite


def apply_step(
    step: Step, *, back: bool = False, again: bool = False, job: Job | None = None
) -> str:
    """Apply a step between two checkpoints; what its `apply` returns and raises."""
    checkpoint("before")
    problem = step.apply(back=back, again=again, job=job)
    checkpoint("after")
    return problem


def checkpoint(moment: str) -> None:
    """Nothing: tests put a function in its place that fails at one of these moments."""


def step_from_json(line: Mapping[str, Any], paths: LibraryPaths) -> Step:
    """The step in a line of a journal.

    Raises ValueError, KeyError or TypeError for what is none, and for one that could remove or
    rewrite a video: whoever wrote the journal, it cannot do that.
    """
    if "copy" in line:
        transfer = Transfer(1, *(paths.absolute(line[key]) for key in ("copy", "to", "scratch")))
        if not transfer.scratch.rpartition("/")[2].startswith(SCRATCH_PREFIX):
            raise ValueError(f"takes {line['scratch']!r} for a scratch name")
        return transfer
    if "from" in line:
        source, target = paths.absolute(line["from"]), paths.absolute(line["to"])
        return Move(int(line["phase"]), source, target, int(line["inode"]))
    contents = [line["old"], line["new"]]
    old, new = (c if c is None else c.encode("utf-8", "surrogateescape") for c in contents)
    path, mtime_ns = paths.absolute(line["file"]), int(line["mtime_ns"])
    if not path.endswith((".json", ".vtt")) or abs(mtime_ns) >= LATEST_MTIME:
        raise ValueError(f"would rewrite {line['file']!r}")
    return Rewrite(2, path, old, new, mtime_ns)


def step_error_message(error: OSError | VideoError) -> str:
    """Why a step could not be made, with the name of the file."""
    if isinstance(error, VideoError):
        return str(error)
    names = [printable(str(name)) for name in (error.filename, error.filename2) if name]
    if isinstance(error, FileExistsError):
        return f"{''.join(names[-1:])} appeared meanwhile"
    return ": ".join(filter(None, (" -> ".join(names), error.strerror or str(error))))


def missing_folders(steps: Iterable[Step]) -> list[str]:
    """The folders that steps need and that do not exist yet, outer ones first."""
    missing: dict[str, None] = {}
    targets = [step.path if isinstance(step, Rewrite) else step.target for step in steps]
    for parent in dict.fromkeys(target.rpartition("/")[0] for target in targets):
        chain = []
        while not is_folder(parent or "/"):
            chain.append(parent)
            parent = parent.rpartition("/")[0]
        missing |= dict.fromkeys(reversed(chain))
    return list(missing)


def device_of(folder: str) -> int:
    """The file system of a folder, or of the nearest existing one around it, as `st_dev`."""
    existing = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
    return existing.stat().st_dev


def copy_to_disk(source: Path, target: Path, job: Job) -> None:
    """Copy a file, folder or link with its times; on return it is on the disk.

    Raises OSError, also for what is none of these, and CancelledError.
    """
    import shutil

    if source.is_symlink():
        with opened_parent(target) as (name, folder):
            os.symlink(source.readlink(), name, dir_fd=folder)
        return
    if source.is_dir():
        make_folder(target)
        for path in source.iterdir():
            copy_to_disk(path, target / path.name, job)
    else:
        with os.fdopen(open_path(target, NEW_FILE), "wb") as file:
            for block in blocks_of(source):
                job.check()
                with naming(target):
                    file.write(block)
    with reading(source) as old, reading(target) as new:
        shutil.copystat(f"/dev/fd/{old}", f"/dev/fd/{new}")
    flush_to_disk(target)


def same_content(one: Path, other: Path, job: Job) -> bool:
    """Whether two files, folders or links have the same content. Raises OSError, CancelledError."""
    if not os.path.lexists(other) or one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    if one.is_dir() or other.is_dir():
        names, other_names = ({path.name for path in folder.iterdir()} for folder in (one, other))
        return names == other_names and all(same_content(one / n, other / n, job) for n in names)
    for blocks in itertools.zip_longest(blocks_of(one), blocks_of(other)):
        job.check()
        if blocks[0] != blocks[1]:
            return False
    return True
