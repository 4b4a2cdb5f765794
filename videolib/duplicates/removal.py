"""Removal of duplicates: matches are moved to the trash, or made hard links to their keeper."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from videolib.core.errors import Failure, attempt
from videolib.core.files import (
    SCRATCH,
    hard_link,
    make_folder,
    remove,
    remove_where_possible,
    scratch_name,
)
from videolib.core.text import human_size, plural, printable
from videolib.storage.artifacts import SIDECAR_KINDS
from videolib.storage.exported import exported_names
from videolib.storage.journal import Journal
from videolib.storage.markers import merge_markers
from videolib.storage.names import SIDECARS
from videolib.storage.playback import merge_playback, read_playback
from videolib.storage.sidecars import SidecarDir
from videolib.storage.steps import Move
from videolib.storage.tags import merge_tags, read_tags

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.duplicates.copies import DuplicatePair, VideoCopy
    from videolib.duplicates.groups import DuplicateGroup
    from videolib.duplicates.report import DuplicateReport
    from videolib.storage.recovery import UndoResult
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.videos import Video


class DuplicateRemoval:
    """Moves the matches of groups to the trash, or replaces them by hard links to the keeper.

    All of it is one journal, so it is done as a whole or not at all, and can be undone. A file that
    changed since it was compared is left alone, and so are the matches of such a keeper. `actions`
    has a row for each match: {video, keeper, action, reason?, size}.
    """

    def __init__(
        self, report: DuplicateReport, method: Literal["trash", "hardlink"], paths: LibraryPaths
    ) -> None:
        self.report, self.method, self.paths = report, method, paths
        self.actions: list[dict[str, Any]] = []
        self.failed = False  # whether a match was left for another reason than being unsuitable
        self.scratches: list[Path] = []  # links that are to take the names of copies

    def carry_out(self, groups: Sequence[DuplicateGroup], job: Job) -> None:
        """Deal with all matches of the groups. Raises VideoError where nothing was changed."""
        copies = self.report.copies
        sidecar_dirs = {
            copies[number].video.sidecar_dir for group in groups for number in group.members()
        }
        videos = (copies[pair.b].video for group in groups for pair in group.matches)
        if self.method == "hardlink":
            sidecar_dirs |= {str(link_folder(video)) for video in videos}
        with Journal(self.paths, "dupes", {"how": self.method}, sidecar_dirs) as journal:
            try:
                for group in groups:
                    self.plan(group, journal)
                journal.commit(job)
            finally:
                remove_where_possible(self.scratches)

    def plan(self, group: DuplicateGroup, journal: Journal) -> None:
        """Enter the matches of a group in the journal, or leave them with a reason."""
        keeper = self.report.copies[group.keeper]
        keeper_changed = changed_copy(keeper)
        enter = self.trash if self.method == "trash" else self.link
        removed: list[Video] = []
        for pair in group.matches:
            copy = self.report.copies[pair.b]
            unsuitable = self.unsuitable(pair, keeper, copy)
            reason = keeper_changed or changed_copy(copy) or unsuitable
            reason = reason or enter(keeper, copy, journal)
            self.failed |= bool(reason) and reason != unsuitable
            removed += [] if reason else [copy.video]
            outcome = {"action": f"{self.method}ed"}
            if reason:
                outcome = {"action": "left", "reason": reason}
            names = {"video": copy.video.rel, "keeper": keeper.video.rel}
            self.actions.append(names | outcome | {"size": copy.size})
        if removed and self.method == "trash":
            merge_tags(keeper.video, removed, journal)
            merge_playback(keeper.video, removed, journal)
            merge_markers(keeper.video, removed, journal)

    def unsuitable(self, pair: DuplicatePair, keeper: VideoCopy, copy: VideoCopy) -> str:
        """Why a match must not be removed by this method, or ""."""
        if self.method == "hardlink" and pair.kind != "exact":
            return "is no exact copy: only those can be one file"
        if self.method == "hardlink" and keeper.inode[0] != copy.inode[0]:
            return "lies on another disk: a link cannot lead there"
        keepers = self.report.keepers
        longer = keepers.quality(pair.b).duration > keepers.quality(pair.a).duration
        if pair.kind == "shifted" and longer and pair.a not in keepers.preferred:
            return "is the longer one: say with --keep which one is to stay"
        if sound := self.report.lost_sound(pair):
            return f"{sound}; --keep says which one is to stay"
        return ""

    def trash(self, keeper: VideoCopy, copy: VideoCopy, journal: Journal) -> str:
        """Enter the moves of a video and all its artifacts in the journal.

        Returns "", or why not: tags, playback or markers of it or of the keeper, which are to be
        merged, cannot be read.
        """
        for video, read in itertools.product(
            (copy.video, keeper.video), (read_tags, read_playback)
        ):
            if isinstance(record := attempt(read, video), Failure):
                return f"{printable(video.rel)}: {record.reason}"
        video, sidecars = copy.video, SidecarDir(copy.video.sidecar_dir)
        journal.trash(video.path)
        owned = (name for a in SIDECAR_KINDS.values() for name in a.owned(video, sidecars))
        for name in dict.fromkeys(owned):
            journal.trash(f"{video.sidecar_dir}/{name}")
        for name in exported_names(video, own=True):
            journal.trash(f"{video.path.rpartition('/')[0]}/{name}")
            journal.facts.setdefault("exported", []).append(name)
        return ""

    def link(self, keeper: VideoCopy, copy: VideoCopy, journal: Journal) -> str:
        """Enter in the journal that a link to the keeper takes the place of a file.

        Its artifacts stay. Returns "", or why it cannot be linked.
        """
        folder = link_folder(copy.video)
        scratch = folder / scratch_name()
        try:
            make_folder(folder)
            hard_link(keeper.video.path, scratch)
        except OSError as error:
            return f"cannot be linked: {error.strerror}"
        self.scratches.append(scratch)
        journal.trash(copy.video.path)
        journal.move(str(scratch), copy.video.path)
        return ""

    def text(self) -> str:
        """The matches that were left, each with the reason, and how many were removed."""
        left = [action for action in self.actions if action["action"] == "left"]
        removed = [action for action in self.actions if action["action"] != "left"]
        lines = [f"left {printable(a['video'])}: {printable(a['reason'])}" for a in left]
        if not removed:
            return "\n".join([*lines, "nothing was changed"])
        size, videos = human_size(sum(a["size"] for a in removed)), plural(len(removed), "video")
        return "\n".join([*lines, f"{self.method}ed {videos}, {size}: --undo takes it back"])


def link_folder(video: Video) -> Path:
    """Where a link waits that is to take the name of a video: on the same disk as that."""
    return Path(video.path).parent / SIDECARS


def changed_copy(copy: VideoCopy) -> str:
    """Why a file is not the one that was compared, or ""."""
    try:
        file_stat = os.lstat(copy.video.path)
    except OSError:
        return "is not there any more"
    identity = (file_stat.st_size, file_stat.st_mtime_ns, (file_stat.st_dev, file_stat.st_ino))
    same = identity == (copy.size, copy.mtime_ns, copy.inode)
    return "" if same else f"{printable(copy.video.rel)} changed since it was compared: run again"


class RestoredCopies(NamedTuple):
    """The videos that came back when a removal was undone."""

    videos: list[str]
    files: int  # artifacts included

    def as_json(self) -> dict[str, Any]:
        return {"undone": self.files, "videos": self.videos}

    def lines(self) -> Iterator[str]:
        yield from (printable(f"{name} is back") for name in self.videos)
        yield f"{plural(len(self.videos), 'video')} taken back"


def complete_undo(undone: UndoResult) -> RestoredCopies:
    """What came back when a removal was undone; the links that stood there are deleted."""
    moves = [step for step in undone.replay.steps if isinstance(step, Move)]
    for path in (Path(move.source) for move in moves):
        if path.name.startswith(SCRATCH):
            remove(path)
    videos = [
        undone.replay.paths.relative(move.source)
        for move in moves
        if f"/{SIDECARS}/" not in move.source
        and Path(move.source).name not in undone.replay.facts.get("exported", ())
        and os.path.lexists(move.source)
    ]
    return RestoredCopies(videos, len(moves) - len(undone.problems))
