"""Deleting videos: they go to the trash with all that is their own, and come back as they were.

What goes is worked out by a FolderIndex, as for a renaming, and `delete_videos` carries it out as
one journal. `deletions` lists what can be had back, removed duplicates too; `restore` does that.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import ConflictError, NotFoundError, attempt
from videolib.core.files import lstat_if_any, lstat_of
from videolib.core.text import human_size, iso_time, printable
from videolib.organize.folder_index import FolderIndex
from videolib.storage.exported import exported_names
from videolib.storage.journal import Journal
from videolib.storage.names import SIDECARS, TRASH, is_video_name
from videolib.storage.recovery import recover, undo
from videolib.storage.replay import JournalReplay, journals
from videolib.storage.steps import Move

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.recovery import UndoResult
    from videolib.storage.replay import JournalFile
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.videos import Video

DELETE = "delete"  # the name of its journals
EMPTY = "empty"  # and of those that empty the trash, see emptying.py
TRASHING = (DELETE, "dupes")  # the commands whose journals move videos to the trash


class Deletion(NamedTuple):
    """Videos that went to the trash together.

    `number`: of the journal. `videos`: those that are still there, from the library's root;
    `files`: how many with their artifacts, `size`: of all in bytes, folders not counted. `made_at`:
    ISO 8601. `interrupted`: a part of them was not moved yet when the run ended.
    """

    number: int
    command: str
    videos: list[str]
    files: int
    size: int
    made_at: str
    interrupted: bool

    def as_json(self) -> dict[str, Any]:
        values = self._asdict()
        return {"id": values.pop("number")} | values

    def text(self) -> str:
        """A line: number, time, and what was deleted."""
        names = ", ".join(self.videos[:3])
        more = f" and {len(self.videos) - 3:,} more" if len(self.videos) > 3 else ""
        return printable(f"{self.number}: {self.made_at} {names}{more} ({human_size(self.size)})")


class Restored(NamedTuple):
    """What came back from the trash: videos, from the library's root, and how many files with their
    artifacts; `problems` are about those that did not."""

    videos: list[str]
    files: int
    problems: list[str]

    def as_json(self) -> dict[str, Any]:
        return self._asdict()

    def text(self) -> str:
        names = [f"{name} is back" for name in self.videos]
        return "\n".join(map(printable, [*self.problems, *names]))


def delete_videos(paths: LibraryPaths, videos: Sequence[Video], job: Job) -> Deletion:
    """Move videos to the trash with all that is their own, all of them or none.

    A deletion that was interrupted is finished first. Raises VideoError, CancelledError.
    """
    finish_interrupted(paths)
    with Journal(paths, DELETE, sidecar_dirs=(video.sidecar_dir for video in videos)) as journal:
        for path in dict.fromkeys(own_files(videos)):
            journal.trash(path)
        journal.commit(job)
        file = next(file for file in journals(paths) if file.number == journal.number)
        return deletion(paths, file)


def own_files(videos: Sequence[Video]) -> Iterator[str]:
    """The paths of videos and of all that goes with them: artifacts, tags, exported files, and what
    is beside them unless it is of a video that stays, too."""
    index = FolderIndex()
    going = {video.path for video in videos}
    for video in videos:
        folder = video.path.rpartition("/")[0]
        yield video.path
        for name in exported_names(video, own=True):
            yield f"{folder}/{name}"
        yield from (f"{video.sidecar_dir}/{name}" for name in index.sidecars(video))
    for folder in dict.fromkeys(path.rpartition("/")[0] for path in going):
        for files in index.siblings(folder).values():
            for file in files:
                if going.issuperset(f"{folder}/{owner}" for owner in file.owners):
                    yield f"{folder}/{file.name}"


def finish_interrupted(paths: LibraryPaths) -> None:
    """Finish a deletion, or an emptying of the trash, that was interrupted; what another command
    began stays for its user to decide on. Raises VideoError."""
    if any(file.pending and file.command in (DELETE, EMPTY) for file in journals(paths)):
        recover(paths)


def deletions(paths: LibraryPaths) -> list[Deletion]:
    """The deletions of which videos are in the trash, the last one first."""
    files = (file for file in journals(paths) if may_be_restored(file))
    return [one for file in files if (one := attempt_deletion(paths, file)) and one.videos][::-1]


def may_be_restored(file: JournalFile) -> bool:
    """Whether a journal is of a command that moves videos to the trash, and was not taken back."""
    return file.command in TRASHING and (file.state == "done" or is_interrupted(file))


def is_interrupted(file: JournalFile) -> bool:
    """Whether a journal is of a deletion, or of taking one back, that was interrupted."""
    return file.command == DELETE and file.pending


def attempt_deletion(paths: LibraryPaths, file: JournalFile) -> Deletion | None:
    """The deletion of a journal; None where that cannot be read, which the next change reports."""
    result = attempt(deletion, paths, file)
    return result if isinstance(result, Deletion) else None


def deletion(paths: LibraryPaths, file: JournalFile) -> Deletion:
    """The deletion of a journal. Raises one of READ_ERRORS where it cannot be read."""
    moves = moves_to_trash(JournalReplay(paths, file, file.lines()))
    in_trash = [(m, status) for m in moves if (status := lstat_if_any(m.target))]
    videos = [paths.relative(move.source) for move, _ in in_trash if is_video(move.source)]
    size = sum(status.st_size for _, status in in_trash if stat.S_ISREG(status.st_mode))
    made_at = iso_time(lstat_of(file.path).st_mtime)
    return Deletion(
        file.number, file.command, videos, len(in_trash), size, made_at, is_interrupted(file)
    )


def moves_to_trash(replay: JournalReplay) -> list[Move]:
    """The steps of a journal that move something to the trash of its folder."""
    moves = (step for step in replay.steps if isinstance(step, Move))
    return [move for move in moves if f"/{SIDECARS}/{TRASH}/" in move.target]


def is_video(path: str) -> bool:
    """Whether a path is of a video, and not of a sidecar that is called like one."""
    return is_video_name(path.rpartition("/")[2]) and f"/{SIDECARS}/" not in path


def restore(paths: LibraryPaths, number: int) -> Restored:
    """Take a deletion back, by the number of its journal; nothing is overwritten.

    Raises NotFoundError where there is none to take back, ConflictError where a video has the name
    of one of them by now, VideoError.
    """
    files = (f for f in journals(paths) if f.number == number and may_be_restored(f))
    if not (file := next(files, None)):
        raise NotFoundError("nothing of that number is in the trash: it may be back already")
    replay = JournalReplay.read(paths, file)
    for move in moves_to_trash(replay):
        if is_video(move.source) and lstat_if_any(move.source) and lstat_if_any(move.target):
            name = printable(paths.relative(move.source))
            raise ConflictError(f"{name} is there again: give that another name first")
    undone = recover(paths, back=True) if file.pending else undo(paths, file.command, number)
    if not undone:
        raise NotFoundError("it was taken back by somebody else meanwhile")
    return restored(undone)


def restored(undone: UndoResult) -> Restored:
    """What came back with a journal."""
    moves = moves_to_trash(undone.replay)
    back = [move.source for move in moves if lstat_if_any(move.source)]
    videos = [undone.replay.paths.relative(source) for source in back if is_video(source)]
    return Restored(videos, len(back), undone.problems)
