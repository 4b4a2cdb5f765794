"""Planning which videos get which names, as a whole, before anything is done."""

from __future__ import annotations

import bisect
import itertools
import os
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import attempt
from videolib.core.files import read_file
from videolib.core.text import UNPRINTABLE, fold, printable
from videolib.organize.naming import VideoMove, is_video_name
from videolib.organize.rewriting import moved_name, renamed_index, rewrite_names
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import SIDECARS, sidecar_key

if TYPE_CHECKING:
    from videolib.organize.naming import Naming
    from videolib.storage.journal import Journal
    from videolib.storage.videos import Video


# What players look for beside a video: subtitles, perhaps with languages and marks, and its .nfo.
BESIDE = re.compile(
    r"((?:\.[A-Za-z]{2,12}(?:-[A-Za-z0-9]{2,8})?|\.\d{1,2}){0,3})"
    r"\.(srt|vtt|ass|ssa|sub|idx|sup|smi|sbv|ttml|nfo)$",
    re.IGNORECASE,
)


class SiblingFile(NamedTuple):
    """A file beside a video: its name, how much of that is the video's, and whose it may be."""

    name: str
    prefix: str
    owners: list[str]


class FolderIndex:
    """The folders that a plan touches, each read once."""

    def __init__(self) -> None:
        self.listings: dict[str, list[str]] = {}
        self.by_folded: dict[str, dict[str, list[str]]] = {}
        self.companions: dict[str, dict[str, list[SiblingFile]]] = {}

    def names(self, folder: str) -> list[str]:
        """What is in a folder, in order; nothing where there is none."""
        if folder not in self.listings:
            try:
                with os.scandir(folder) as entries:
                    self.listings[folder] = sorted(entry.name for entry in entries)
            except (FileNotFoundError, NotADirectoryError):
                self.listings[folder] = []
        return self.listings[folder]

    def alike(self, path: str) -> list[str]:
        """The paths there are that some file systems take for this one."""
        folder, _, name = path.rpartition("/")
        if folder not in self.by_folded:
            known: dict[str, list[str]] = {}
            for other in self.names(folder):
                known.setdefault(fold(other), []).append(f"{folder}/{other}")
            self.by_folded[folder] = known
        return self.by_folded[folder].get(fold(name), [])

    def starting(self, folder: str, prefix: str) -> list[str]:
        """The names in a folder that start so."""
        names = self.names(folder)
        first = bisect.bisect_left(names, prefix)
        return list(itertools.takewhile(lambda n: n.startswith(prefix), names[first:]))

    def sidecars(self, video: Video) -> dict[str, str]:
        """The names in a video's artifact folder that belong to it -> their kinds.

        A longer name of another video there, such as `a.mp4.mkv` beside `a.mp4`, has its own.
        """
        folder, key = video.path.rpartition("/")[0], video.key
        siblings = [n for n in self.starting(folder, f"{video.name}.") if is_video_name(n)]
        others = tuple(f"{dot}{sidecar_key(n)}." for n in siblings for dot in ("", "."))
        near = [n for dot in ("", ".") for n in self.starting(video.sidecar_dir, f"{dot}{key}.")]
        bases = {n: re.sub(r"\.corrupt-\d+$", "", n) for n in near if not n.startswith(others)}
        found: dict[str, str] = {}
        for kind, artifact in ARTIFACTS.items():
            mine = set(artifact.owned(video, bases.values()))
            found |= {name: kind for name, base in bases.items() if base in mine}
        return found

    def beside(self, folder: str) -> dict[str, list[SiblingFile]]:
        """The subtitles and .nfo files in a folder, by the first of the videos that claim them.

        The longest prefix that is a video's name, with or without its extension, counts.
        """
        if folder in self.companions:
            return self.companions[folder]
        claims: dict[str, list[str]] = {}
        for name in filter(is_video_name, self.names(folder)):
            for prefix in (name, name.rpartition(".")[0]):
                claims.setdefault(prefix, []).append(name)
        found = self.companions.setdefault(folder, {})
        for name in self.names(folder):
            prefix = name if BESIDE.search(name) else ""
            while prefix := prefix.rpartition(".")[0]:
                if prefix in claims and BESIDE.fullmatch(name, len(prefix)):
                    owners = claims[prefix]
                    found.setdefault(owners[0], []).append(SiblingFile(name, prefix, owners))
                    break
        return found


def name_fault(video: Video, target: Video, back: bool = False) -> str:
    """Why a video cannot have a name, whatever else is there; `back` to one that was good once."""
    parts = target.rel.split("/")
    if {"", ".", "..", SIDECARS} & set(parts) or "\0" in target.rel:
        return "is no name for a file"
    if len(os.fsencode(target.name)) > 255:
        return "is longer than the 255 bytes that a file system takes"
    odd = [re.search(UNPRINTABLE, rel) for rel in (target.rel, video.rel)]
    if odd[0] and not odd[1] and not back:
        return "has control characters"
    if not is_video_name(target.name) or target.name.startswith("._"):
        return "is no name of a video: it needs one's extension"
    folders = [path.rpartition("/")[0] for path in (video.path, target.path)]
    if folders[0] != folders[1] and Path(video.path).is_symlink():
        return "is a link, which may lead nowhere from another folder"
    return ""


class RenamePlan:
    """Which videos get which names, worked out as a whole before anything is moved.

    Who would take a name that stays with another, or that two want, is refused with a reason, and
    so is who waits for a name that thereby stays; all others can be renamed, in cycles too.
    """

    def __init__(self, pairs: Iterable[Naming], back: bool = False) -> None:
        self.terrain = FolderIndex()
        self.errors: list[dict[str, str]] = []
        possible = []
        for video, target in pairs:
            if reason := name_fault(video, target, back):
                self.refuse(video, target, reason)
            else:
                possible.append((video, target))
        goals = {video.path: target for video, target in possible}
        self.shifts = [VideoMove(v, goal, self.moves(v, goal, goals)) for v, goal in possible]
        self.settle()

    def refuse(self, video: Video, target: Video, reason: str) -> None:
        self.errors.append({"video": video.rel, "target": target.rel, "error": reason})

    def moves(
        self, video: Video, target: Video, goals: Mapping[str, Video]
    ) -> list[tuple[str, str]]:
        """Everything that goes with a video: itself, what stands beside it, its artifacts."""
        folder = video.path.rpartition("/")[0]
        found = [(video.path, target.path)]
        for name, prefix, owners in self.terrain.beside(folder).get(video.name, []):
            wanted = {self.new_prefix(folder, owner, prefix, goals) for owner in owners}
            if len(wanted) == 1 and None not in wanted:
                found.append((f"{folder}/{name}", f"{wanted.pop()}{name[len(prefix) :]}"))
        return found + [
            (
                f"{video.sidecar_dir}/{name}",
                f"{target.sidecar_dir}/{moved_name(name, video, target)}",
            )
            for name in self.terrain.sidecars(video)
        ]

    @staticmethod
    def new_prefix(folder: str, owner: str, prefix: str, goals: Mapping[str, Video]) -> str | None:
        """What a file beside a video is to begin with; None where the video stays."""
        if not (goal := goals.get(f"{folder}/{owner}")):
            return None
        return goal.path if prefix == owner else goal.path.rpartition(".")[0]

    def settle(self) -> None:
        """Refuse who cannot have what they want, until the rest fits together."""
        while True:
            leaving = {source for shift in self.shifts for source, _ in shift.moves}
            wanted = Counter(fold(target) for shift in self.shifts for _, target in shift.moves)
            reasons = [self.obstacle(shift, leaving, wanted) for shift in self.shifts]
            if not any(reasons):
                return
            for shift, reason in zip(self.shifts, reasons, strict=True):
                if reason:
                    self.refuse(shift.video, shift.target, reason)
            self.shifts = [s for s, reason in zip(self.shifts, reasons, strict=True) if not reason]

    def obstacle(self, shift: VideoMove, leaving: Container[str], wanted: Mapping[str, int]) -> str:
        """What is in a shift's way."""
        for _, target in shift.moves:
            name = printable(target.rpartition("/")[2])
            if wanted[fold(target)] > 1:
                return f"{name} is what another would be called as well"
            for other in self.terrain.alike(target):
                if other not in leaving:
                    there = printable(other.rpartition("/")[2])
                    return f"{there} is there already"
        for name in self.terrain.sidecars(shift.target):
            if f"{shift.target.sidecar_dir}/{name}" not in leaving:
                return f"{printable(name)} is there from an earlier video: see orphans"
        return ""

    def enter(self, journal: Journal) -> None:
        """Give the journal every move, and every file whose content names what is moved."""
        for shift in self.shifts:
            for source, target in shift.moves:
                journal.move(source, target)
            sidecar_dir = f"{shift.video.sidecar_dir}/"
            kept = [(s, t) for s, t in shift.moves if s.startswith(sidecar_dir)]
            names = {s.rpartition("/")[2]: t.rpartition("/")[2] for s, t in kept}
            for source, target in kept:
                rewrite_names(journal, source, target, shift, names)
        for path, rels in self.indexes().items():
            old = read_file(path)
            new = attempt(renamed_index, old, rels)
            if isinstance(new, bytes) and new != old:
                journal.replace(path, old, new, keep_time=path)

    def indexes(self) -> dict[str, dict[str, str]]:
        """The people indexes of the folders around the videos -> what becomes of their names."""
        found: dict[str, dict[str, str]] = {}
        for video, target, _ in self.shifts:
            below = video.rel.removesuffix(video.name)
            artifacts_root = video.sidecar_dir.removesuffix(below + SIDECARS)
            for end in [0, *(i + 1 for i, letter in enumerate(below) if letter == "/")]:
                path = f"{artifacts_root}{below[:end]}{SIDECARS}/.faces.index.json"
                if target.rel.startswith(below[:end]) and Path(path).is_file():
                    found.setdefault(path, {})[video.rel[end:]] = target.rel[end:]
        return found
