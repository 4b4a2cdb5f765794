"""Renaming videos with all that belongs to them: planned as a whole, journalled, and undone.

Pairs of a video and its target (`single_pair`, `matching_pairs`, `former_pairs`) -> RenamePlan,
which refuses those that cannot be made -> `rename_videos`, which carries it out -> RenameOutcome.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import UsageError, VideoError
from videolib.core.files import is_folder, remove_empty_folder
from videolib.core.text import UNPRINTABLE, fold, printable
from videolib.organize.folder_index import FolderIndex, is_exported
from videolib.organize.naming import FieldValues
from videolib.organize.rewriting import VideoMove, add_moves, exported_moves, moved_name
from videolib.storage.folders import Library
from videolib.storage.journal import Journal
from videolib.storage.names import SIDECARS, TRASH, is_video_name
from videolib.storage.recovery import last_finished, locked_journals, nothing_to_undo
from videolib.storage.replay import refuse_interrupted
from videolib.storage.sidecars import with_sidecars
from videolib.storage.steps import LibraryPaths, device_of
from videolib.storage.videos import Video

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.organize.naming import Substitution
    from videolib.storage.replay import JournalReplay

RenamePair = tuple[Video, Video]  # a video as it is, and its target: the video as it is to be


class RenamePlan:
    """Renames of videos, worked out as a whole before anything is moved.

    `errors` has the refused ones as {video, target, error}: those whose target is no name, is taken
    by a file that stays, or is wanted by two videos. `moves` has all others, which can be made
    together, in cycles too.
    """

    def __init__(self, pairs: Iterable[RenamePair], back: bool = False) -> None:
        """`back`: the targets are former names, whatever characters they have. Raises OSError."""
        self.folders = FolderIndex()
        self.errors: list[dict[str, str]] = []
        possible = []
        for video, target in pairs:
            if reason := name_fault(video, target, back):
                self.refuse(video, target, reason)
            else:
                possible.append((video, target))
        targets = {video.path: target for video, target in possible}
        self.moves = [VideoMove(v, target, self.files(v, targets)) for v, target in possible]
        self.refuse_conflicts()

    def refuse(self, video: Video, target: Video, reason: str) -> None:
        self.errors.append({"video": video.rel, "target": target.rel, "error": reason})

    def files(self, video: Video, targets: Mapping[str, Video]) -> list[tuple[str, str]]:
        """The (old, new) paths of a video, of its files beside it and of its artifacts.

        `targets`: path -> target of every video of the plan. A file beside several videos moves
        only where all of them give it the same name.
        """
        folder, target = video.path.rpartition("/")[0], targets[video.path]
        files = [(video.path, target.path), *exported_moves(video, target)]
        for name, prefix, owners in self.folders.siblings(folder).get(video.name, []):
            if is_exported(video, name, owners):
                continue
            prefixes = {new_prefix(folder, owner, prefix, targets) for owner in owners}
            if len(prefixes) == 1 and None not in prefixes:
                files.append((f"{folder}/{name}", f"{prefixes.pop()}{name[len(prefix) :]}"))
        for name in self.folders.sidecars(video):
            new_name = moved_name(name, video, target)
            files.append((f"{video.sidecar_dir}/{name}", f"{target.sidecar_dir}/{new_name}"))
        return files

    def refuse_conflicts(self) -> None:
        """Refuse moves whose targets are taken, again and again until all others fit together: what
        a refused move would have left stays taken."""
        while True:
            sources = {source for move in self.moves for source, _ in move.files}
            target_counts = Counter(fold(target) for move in self.moves for _, target in move.files)
            reasons = [self.obstacle(move, sources, target_counts) for move in self.moves]
            if not any(reasons):
                return
            for move, reason in zip(self.moves, reasons, strict=True):
                if reason:
                    self.refuse(move.video, move.target, reason)
            self.moves = [m for m, reason in zip(self.moves, reasons, strict=True) if not reason]

    def obstacle(
        self, move: VideoMove, sources: Container[str], target_counts: Mapping[str, int]
    ) -> str:
        """Why a move cannot be made together with the others, or "".

        `sources`: the paths that all moves leave. `target_counts`: folded path -> how many moves
        have it as a target.
        """
        for _, target in move.files:
            name = printable(target.rpartition("/")[2])
            if target_counts[fold(target)] > 1:
                return f"{name} is what another would be called as well"
            for existing in self.folders.equivalents(target):
                if existing not in sources:
                    return f"{printable(existing.rpartition('/')[2])} is there already"
        for name in self.folders.sidecars(move.target):
            if f"{move.target.sidecar_dir}/{name}" not in sources:
                return f"{printable(name)} is there from an earlier video: see orphans"
        return ""


def name_fault(video: Video, target: Video, back: bool = False) -> str:
    """Why a video cannot have the name of a target, whatever files exist, or "".

    `back`: it had that name before, so that control characters in it are allowed.
    """
    parts = target.rel.split("/")
    if {"", ".", "..", SIDECARS} & set(parts) or "\0" in target.rel:
        return "is no name for a file"
    if len(os.fsencode(target.name)) > 255:
        return "is longer than the 255 bytes that a file system takes"
    if re.search(UNPRINTABLE, target.rel) and not re.search(UNPRINTABLE, video.rel) and not back:
        return "has control characters"
    if not is_video_name(target.name) or target.name.startswith("._"):
        return "is no name of a video: it needs one's extension"
    folders = [path.rpartition("/")[0] for path in (video.path, target.path)]
    if folders[0] != folders[1] and Path(video.path).is_symlink():
        return "is a link, which may lead nowhere from another folder"
    return ""


def new_prefix(folder: str, owner: str, prefix: str, targets: Mapping[str, Video]) -> str | None:
    """The start of the new path of a file beside the video `owner`; None where that video stays.

    `prefix`, with which the file begins, is the owner's name with or without extension.
    """
    if not (target := targets.get(f"{folder}/{owner}")):
        return None
    return target.path if prefix == owner else target.path.rpartition(".")[0]


# === Pairs ========================================================================================


def single_pair(
    source: Path, target: Path, folder: Path, artifacts_dir: Path | None
) -> tuple[Path, RenamePair]:
    """The folder whose journal has the rename of one video, and the video with its target there.

    `target` is a path, or an existing folder to move to; `folder` and `artifacts_dir` are those of
    the library. Raises UsageError where there is nothing to rename, VideoError where a folder
    cannot be written to, or where the video is gone and an interrupted run may be why.
    """
    new = target / source.name if is_folder(str(target)) else target
    # Not Path.resolve, which would go where links lead, nor Path.absolute, which leaves `..`.
    paths = [os.path.abspath(path) for path in (source, new)]  # noqa: PTH100
    root = journal_folder(paths, folder)
    if not source.is_file():
        library_paths = LibraryPaths.of(Path(root), artifacts_dir)
        with locked_journals(library_paths):  # a killed run may have moved it
            refuse_interrupted(library_paths)
        raise UsageError(f"{printable(str(source))}: no such file")
    if paths[0] == paths[1]:
        raise UsageError(f"{printable(str(new))}: is what it is called already")
    check_writable(source, paths, root)
    library = Library(Path(root), artifacts_dir=artifacts_dir)
    video, renamed = (library.video(path[len(root.rstrip("/")) + 1 :]) for path in paths)
    return library.root, (video, renamed)


def check_writable(source: Path, paths: Sequence[str], root: str) -> None:
    """Raise VideoError where one of the folders of two paths, or that of the journal (`root`),
    cannot be written to."""
    for folder in (Path(path).parent for path in paths):
        if folder.is_dir() and not os.access(folder, os.W_OK):
            why = "cannot be written to: no permission, or a disk that is only read"
            raise VideoError(f"{printable(str(folder))}: {why}")
    if not any(os.access(path, os.W_OK) for path in (f"{root}/{SIDECARS}", root)):
        instead = f"move {printable(str(source))} and its files in {SIDECARS} by hand"
        raise VideoError(
            f"{printable(root)}: no journal can be kept in the folder of both: {instead}"
        )


def journal_folder(paths: Sequence[str], folder: Path) -> str:
    """The folder whose journal has the rename of one path to the other.

    That is `folder`, the library's, if both are in it; the working directory, which is the default,
    counts only if it has artifacts. Else it is the nearest folder that has both.
    """
    root = folder.absolute()
    is_library = folder != Path() or Path(root, SIDECARS).is_dir()
    if is_library and all(Path(path).is_relative_to(root) for path in paths):
        return str(root)
    return os.path.commonpath([path.rpartition("/")[0] for path in paths]) or "/"


def matching_pairs(
    job: Job, library: Library, substitution: Substitution
) -> tuple[list[RenamePair], list[dict[str, str]]]:
    """The videos whose name changes, with their targets, and errors as {video, error}.

    An error is a video with a field whose value is not known, or a folder that cannot be read.
    """
    pairs: list[RenamePair] = []
    errors, number = [], 1
    for video, sidecars in with_sidecars(library.videos()):
        job.check()
        try:
            name = substitution.new_name(video.name, FieldValues(video, sidecars, number))
        except VideoError as error:
            errors.append({"video": video.rel, "error": str(error)})
            continue
        number += name is not None
        if name not in (None, video.name):
            pairs.append((video, library.video(f"{video.rel.removesuffix(video.name)}{name}")))
    errors += [{"video": name, "error": reason} for name, reason in library.problems]
    return pairs, errors


def former_pairs(
    replay: JournalReplay, library: Library
) -> tuple[list[RenamePair], list[dict[str, str]]]:
    """The videos that a journal renamed, with their former names as targets, and as {video, error}
    those that are gone."""
    pairs, errors = [], []
    base = replay.paths.root.rstrip("/") + "/"
    for old, new in replay.renamed_videos():
        video, former = (library.video(path.removeprefix(base)) for path in (new, old))
        if os.path.lexists(new):
            pairs.append((video, former))
        elif not os.path.lexists(old):
            errors.append({"video": video.rel, "error": "is not there any more"})
    return pairs, errors


# === Renaming =====================================================================================


def rename_videos(
    job: Job, paths: LibraryPaths, pairs: Sequence[RenamePair], undoes: int | None = None
) -> RenamePlan:
    """Plan renames and make them, while the sidecar folders of the videos are locked.

    Returns the plan, whose `moves` were made. `undoes`: the number of the journal whose renames are
    undone by these. Raises VideoError where nothing could be renamed, OSError, CancelledError.
    """
    sidecar_dirs = {video.sidecar_dir for pair in pairs for video in pair}
    command = "rename" if undoes is None else "rename-undo"
    with Journal(paths, command, {"undoes": undoes}, sidecar_dirs) as journal:
        plan = RenamePlan(pairs, back=undoes is not None)
        if plan.errors:
            journal.facts["undoes"] = None  # what could not go back yet may another time
        add_moves(journal, plan.moves)
        journal.facts["videos"] = [
            [paths.relative(journal.real(video.path)) for video in (move.video, move.target)]
            for move in plan.moves
        ]
        journal.commit(job)
        for sidecar_dir in sidecar_dirs:
            with contextlib.suppress(OSError):
                remove_empty_folder(sidecar_dir)
    return plan


def rename_matching(
    job: Job,
    library: Library,
    paths: LibraryPaths,
    substitution: Substitution,
    limit: int,
    force: bool,
) -> RenameOutcome:
    """Rename the videos whose names a substitution changes, at most `limit` of them (0: all), or
    without `force` say how. Raises what `rename_videos` raises."""
    matching, errors = matching_pairs(job, library, substitution)
    if not matching and not errors:
        name = printable(substitution.source)
        job.console.say(library.nothing_matches(f'has "{name}" in its name'))
    pairs = matching[: limit or None]
    plan = rename_videos(job, paths, pairs) if force else RenamePlan(pairs)
    return RenameOutcome(plan.moves, errors + plan.errors, len(matching), not force, paths.root)


def undo_renames(job: Job, paths: LibraryPaths, artifacts_dir: Path | None) -> RenameOutcome:
    """Undo the last renames: the videos get their former names, with all that belongs to them now.

    Raises UsageError where there is nothing to undo, and what `rename_videos` raises.
    """
    library = Library(Path(paths.root), artifacts_dir=artifacts_dir)
    with locked_journals(paths) as (files, _):
        if not (replay := last_finished(paths, files, "rename")):
            raise UsageError(nothing_to_undo(paths, "rename"))
        pairs, errors = former_pairs(replay, library)
        if not pairs:
            replay.set_state("undone")  # nothing is left to undo: the journal before is next
    plan = rename_videos(job, paths, pairs, undoes=replay.file.number)
    replay.remove_made_folders()
    return RenameOutcome(plan.moves, errors + plan.errors, len(pairs))


class RenameOutcome(NamedTuple):
    """What was renamed or, with `dry_run`, would be.

    `errors` are {video, target?, error}. `total` is the number of videos that match. `undo_root` is
    the folder in which the renames can be undone; "" where that need not be said.
    """

    moves: Sequence[VideoMove]
    errors: Sequence[Mapping[str, str]]
    total: int
    dry_run: bool = False
    undo_root: str = ""

    @property
    def applied(self) -> int:
        return 0 if self.dry_run else len(self.moves)

    def as_json(self, show_all: bool) -> dict[str, Any]:
        renames = [move.as_json() for move in self.moves]
        data: dict[str, Any] = {"total_matches": self.total, "applied": self.applied}
        data |= {"dry_run": self.dry_run, "first": renames[0] if renames else None}
        data |= {"errors": list(self.errors)}
        return data | ({"renames": renames} if show_all else {})

    def text(self, show_all: bool) -> str:
        """The new names, or only the first of them, and how many there are."""
        import shlex

        listed = self.moves if show_all else self.moves[:1]
        lines = [printable(f"{move.video.rel} -> {move.target.rel}") for move in listed]
        counts = f"{self.total:,} match{'' if self.total == 1 else 'es'}, "
        hint = ": --force does it" if self.moves else ""
        if self.dry_run:
            counts += f"{len(self.moves):,} would be renamed{hint}"
        else:
            counts += f"{self.applied:,} renamed"
        if self.applied and self.undo_root:
            counts += f": rename --undo -d {shlex.quote(printable(self.undo_root))} takes it back"
        return "\n".join([*lines, counts])

    def messages(self) -> list[tuple[str, str]]:
        """(name, message) of each video that was copied to another disk, and of each error."""
        copied = f"copied to another disk; the original is in {SIDECARS}/{TRASH}"
        messages = [
            (move.video.rel, copied)
            for move in (() if self.dry_run else self.moves)
            if device_of(move.target.path) != device_of(move.video.sidecar_dir)
        ]
        for error in self.errors:
            target = f" -> {error['target']}" if "target" in error else ""
            messages.append((error["video"] + target, error["error"]))
        return messages
