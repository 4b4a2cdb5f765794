"""Emptying the trash: what lies there is deleted for good.

`TrashContents.of` finds the folders that journals made in the trash of a library, those of deleted
videos as well as of orphans and duplicates; what somebody else put there stays. `empty_trash`
renames all of them by one journal, after which nothing of them can be had back, and then deletes
them. What a run that was killed leaves is found again, and goes with the next emptying.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import ConflictError, os_error_message
from videolib.core.files import lstat_if_any, names_in, remove
from videolib.core.text import human_size, plural, printable
from videolib.organize.deletion import EMPTY, deletions, finish_interrupted, restore
from videolib.storage.folders import folders_below
from videolib.storage.journal import Journal
from videolib.storage.names import SIDECARS, TRASH, is_video_name

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.organize.deletion import Deletion, Restored
    from videolib.storage.folders import Roots
    from videolib.storage.steps import LibraryPaths

CONDEMNED = ".gone-"  # begins the names of folders that are being deleted
# The names of folders in the trash: number and time of a journal, behind those of an emptying.
TRASH_FOLDER = re.compile(rf"({re.escape(CONDEMNED)}\d{{6,}}-)?\d{{6,}}-\d{{8}}T\d{{6}}Z")


class TrashContents(NamedTuple):
    """What lies in the trash of a library.

    `folders`: the paths of the journals' folders in it, sorted. `videos` and `files`: how many
    there are in them, the latter with the artifacts; `size`: of all in bytes. `version`: another
    one as soon as anything comes or goes.
    """

    folders: list[str]
    videos: int
    files: int
    size: int
    version: str

    @classmethod
    def of(cls, paths: LibraryPaths, roots: Roots | None = None) -> TrashContents:
        """What is there now; with `roots` nothing of a trash that is outside of them."""
        folders = sorted(trash_folders(paths, roots))
        files = [file for folder in folders for file in files_below(folder)]
        version = hashlib.sha256("\0".join(folders).encode("utf-8", "surrogateescape"))
        return cls(
            folders,
            sum(is_video for is_video, _ in files),
            len(files),
            sum(size for _, size in files),
            version.hexdigest()[:16],
        )

    def as_json(self) -> dict[str, Any]:
        values = self._asdict()
        del values["folders"]
        return values

    def text(self) -> str:
        return f"{amount_text(self)} in the trash"


def trash_folders(paths: LibraryPaths, roots: Roots | None) -> Iterator[str]:
    """The folders of journals in the trash of a library's folders."""
    for top in dict.fromkeys((paths.root, paths.artifacts_root)):
        for folder in folders_below(top, lambda _: None):  # what cannot be read is not emptied
            trash = f"{folder}/{SIDECARS}/{TRASH}"
            if is_real_folder(trash) and (roots is None or roots.contains(trash)):
                names = filter(TRASH_FOLDER.fullmatch, names_in(trash))
                yield from filter(is_real_folder, (f"{trash}/{name}" for name in names))


def is_real_folder(path: str) -> bool:
    """Whether a folder is at a path, and no link to one."""
    status = lstat_if_any(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def files_below(folder: str) -> Iterator[tuple[bool, int]]:
    """For each file in a folder of the trash: whether it is a video, and its size in bytes."""
    for below, _, names in os.walk(folder):
        for name in names:
            if status := lstat_if_any(f"{below}/{name}"):
                is_video = below == folder and is_video_name(name.rstrip("~"))
                yield is_video, status.st_size if stat.S_ISREG(status.st_mode) else 0


class EmptiedTrash(NamedTuple):
    """What was deleted for good; `problems` are about what could not be."""

    videos: int
    files: int
    size: int
    problems: list[str]

    def as_json(self) -> dict[str, Any]:
        return self._asdict()

    def text(self) -> str:
        problems = map(printable, self.problems)
        return "\n".join([*problems, f"{amount_text(self)} deleted for good"])


def amount_text(amount: TrashContents | EmptiedTrash) -> str:
    """How much that is: `2 videos, 14 files, 1.2 GB`."""
    videos, files = plural(amount.videos, "video"), plural(amount.files, "file")
    return f"{videos}, {files}, {human_size(amount.size)}"


def empty_trash(
    paths: LibraryPaths, job: Job, roots: Roots | None = None, version: str = ""
) -> EmptiedTrash:
    """Delete all that lies in the trash of a library for good; with `version` only what had that.

    A deletion or an emptying that was interrupted is finished first. Raises ConflictError where
    something came or went since, VideoError where the folders cannot be renamed: nothing is deleted
    then.
    """
    finish_interrupted(paths)
    with Journal(paths, EMPTY) as journal:
        contents = TrashContents.of(paths, roots)
        if version not in ("", contents.version):
            raise ConflictError("the trash has changed meanwhile: look at it again")
        condemned = [condemned_path(path, journal.number) for path in contents.folders]
        for folder, target in zip(contents.folders, condemned, strict=True):
            if folder != target:
                journal.move(folder, target)
        journal.commit(job)
        problems = [problem for path in condemned if (problem := deletion_problem(path))]
    left = [file for path in condemned for file in files_below(path)]
    return EmptiedTrash(
        contents.videos - sum(is_video for is_video, _ in left),
        contents.files - len(left),
        contents.size - sum(size for _, size in left),
        problems,
    )


def condemned_path(folder: str, number: int) -> str:
    """The path under which a folder of the trash waits for its deletion by a journal."""
    trash, _, name = folder.rpartition("/")
    return folder if name.startswith(CONDEMNED) else f"{trash}/{CONDEMNED}{number:06}-{name}"


def deletion_problem(path: str) -> str:
    """Delete a folder for good; why that is impossible, or ""."""
    try:
        remove(path)
    except OSError as error:
        return os_error_message(error)
    return ""


class TrashReport(NamedTuple):
    """What can be brought back from the trash, the last deletion first, and all that lies there."""

    deletions: list[Deletion]
    contents: TrashContents
    problems: tuple[()] = ()

    def as_json(self) -> dict[str, Any]:
        rows = [deletion.as_json() for deletion in self.deletions]
        return self.contents.as_json() | {"deletions": rows}

    def text(self) -> str:
        return "\n".join([*(row.text() for row in self.deletions), self.contents.text()])


def trash_outcome(
    paths: LibraryPaths, job: Job, number: int = 0, empty: bool = False
) -> TrashReport | Restored | EmptiedTrash:
    """What the command `trash` does: it brings back the deletion of a number, or deletes all for
    good, or only looks. Raises what these raise."""
    if number:
        return restore(paths, number)
    if empty:
        return empty_trash(paths, job)
    return TrashReport(deletions(paths), TrashContents.of(paths))
