"""What is done with duplicates: moved to the trash, or made one file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import Failure, attempt
from videolib.core.files import remove, scratch_name
from videolib.core.text import printable
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.journal import Journal
from videolib.storage.names import SIDECARS
from videolib.storage.sidecars import SidecarDir
from videolib.storage.tags import merge_tags, read_tags

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.duplicates.copies import DuplicateGroup, DuplicatePair, VideoCopy
    from videolib.duplicates.report import DuplicateReport
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.videos import Video


class DuplicateRemoval:
    """What is done with the matches of groups: moved to the trash, or made links of the keeper.

    All of it is one journal, so it is done as a whole or not, and can be taken back. A file that is
    not what it was when it was compared is left alone, and so are the matches of such a keeper.
    """

    def __init__(self, findings: DuplicateReport, how: str, paths: LibraryPaths) -> None:
        self.findings, self.how, self.paths = findings, how, paths
        self.actions: list[dict[str, Any]] = []
        self.failed = False  # whether anything was left that should have been dealt with
        self.scratches: list[Path] = []

    def carry_out(self, groups: Sequence[DuplicateGroup], job: Job) -> list[dict[str, Any]]:
        """Do it; what became of each match is returned. Raises VideoError where nothing was."""
        copies = self.findings.copies
        sidecar_dirs = {
            copies[number].video.sidecar_dir for group in groups for number in group.members()
        }
        with Journal(self.paths, "dupes", {"how": self.how}, sidecar_dirs) as journal:
            try:
                for group in groups:
                    self.plan(group, journal)
                journal.commit(job)
            finally:
                for scratch in self.scratches:
                    remove(scratch)
        return self.actions

    def plan(self, group: DuplicateGroup, journal: Journal) -> None:
        keeper = self.findings.copies[group.keeper]
        trouble = changed_copy(keeper)
        put = self.trash if self.how == "trash" else self.link
        gone: list[Video] = []
        for pair in group.matches:
            copy = self.findings.copies[pair.b]
            unfit = self.unfit(pair, keeper, copy)
            why = trouble or changed_copy(copy) or unfit or put(keeper, copy, journal)
            self.failed |= bool(why) and why != unfit
            gone += [] if why else [copy.video]
            told = {"video": copy.video.rel, "keeper": keeper.video.rel}
            told |= {"action": "left", "reason": why} if why else {"action": f"{self.how}ed"}
            self.actions.append(told | {"size": copy.size})
        if gone and self.how == "trash":
            merge_tags(keeper.video, gone, journal)

    def unfit(self, pair: DuplicatePair, keeper: VideoCopy, copy: VideoCopy) -> str:
        """Why a pair is not dealt with in this way, or an empty string."""
        if self.how == "hardlink" and pair.kind != "exact":
            return "is no exact copy: only those can be one file"
        if self.how == "hardlink" and keeper.inode[0] != copy.inode[0]:
            return "lies on another disk: a link cannot lead there"
        one, other = map(self.findings.facts, (pair.a, pair.b))
        chosen = pair.a in self.findings.kept
        if pair.kind == "shifted" and other.duration > one.duration and not chosen:
            return "is the longer one: say with --keep which one is to stay"
        return ""

    def trash(self, keeper: VideoCopy, copy: VideoCopy, journal: Journal) -> str:
        """The video and all its artifacts are to go, as the keeper is to have its tags."""
        for video in (copy.video, keeper.video):
            if isinstance(tags := attempt(read_tags, video), Failure):
                return f"{printable(video.rel)}: {tags.reason}"
        video, sidecars = copy.video, SidecarDir(copy.video.sidecar_dir)
        journal.trash(video.path)
        owned = (name for a in ARTIFACTS.values() for name in a.owned(video, sidecars))
        for name in dict.fromkeys(owned):
            journal.trash(f"{video.sidecar_dir}/{name}")
        return ""

    def link(self, keeper: VideoCopy, copy: VideoCopy, journal: Journal) -> str:
        """The file is to go, and a link to the keeper to take its name; its artifacts stay."""
        folder = Path(copy.video.path).parent / SIDECARS
        scratch = folder / scratch_name()
        try:
            folder.mkdir(exist_ok=True)
            scratch.hardlink_to(keeper.video.path)
        except OSError as error:
            return f"cannot be linked: {error.strerror}"
        self.scratches.append(scratch)
        journal.trash(copy.video.path)
        journal.move(str(scratch), copy.video.path)
        return ""


def changed_copy(copy: VideoCopy) -> str:
    """Why a file is not what was compared, or an empty string."""
    try:
        found = os.lstat(copy.video.path)
    except OSError:
        return "is not there any more"
    now = (found.st_size, found.st_mtime_ns, (found.st_dev, found.st_ino))
    same = now == (copy.size, copy.mtime_ns, copy.inode)
    return "" if same else f"{printable(copy.video.rel)} changed since it was compared: run again"
