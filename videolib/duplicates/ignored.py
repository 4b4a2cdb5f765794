"""Pairs that somebody said are no duplicates."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from videolib.core.documents import json_bytes, read_json
from videolib.core.errors import OutsideError, VideoError
from videolib.core.files import replace_file
from videolib.core.locks import locked
from videolib.core.text import printable
from videolib.duplicates.copies import source_hash
from videolib.duplicates.quality import number_in
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import SIDECARS
from videolib.storage.videos import source_identity

if TYPE_CHECKING:
    from videolib.duplicates.copies import VideoCopy
    from videolib.storage.folders import Library
    from videolib.storage.videos import Video


class IgnoredPairs:
    """The pairs that were said to be no match, kept in `.artifacts/.dupes.ignored.json` of the
    folder that was listed then.

    A video is known by its size and oshash or, as long as it stays there, by its name. Exact copies
    have these in common: they are told from further ones by their times, and where these are the
    same only by name. Below the listed folder those files are heeded too.
    """

    NAME: ClassVar = ".dupes.ignored.json"

    def __init__(self, library: Library, sidecar_dirs: Iterable[str] = ()) -> None:
        """Those of the folder itself, and what the artifact folders `sidecar_dirs` in it have."""
        self.library = library
        self.known: set[frozenset[Any]] = set()
        self.by_size: set[frozenset[int]] = set()  # of those, to hash no others
        self.sidecar_dir = library.sidecar_dir()
        for sidecar_dir in dict.fromkeys([self.sidecar_dir, *sidecar_dirs]):
            below = sidecar_dir.removesuffix(SIDECARS).removeprefix(
                self.sidecar_dir.removesuffix(SIDECARS)
            )
            if self.reachable(sidecar_dir):
                self.take(self.kept(below).get("pairs", ()), below)

    def reachable(self, sidecar_dir: str) -> bool:
        """Whether the file of an artifact folder is no link that leads out of a server's roots."""
        roots = self.library.roots
        return not roots or roots.contains(f"{sidecar_dir}/{self.NAME}")

    def take(self, pairs: Iterable[Any], below: str) -> None:
        """Take what a file says in; what is none of ours is left out."""
        for pair in pairs:
            if sides := self.sides(pair):
                self.known |= self.marks(sides, below)
                self.by_size.add(frozenset(int(number_in(side.get("size"))) for side in sides))

    @staticmethod
    def sides(pair: Any) -> list[dict[str, Any]]:
        """The two videos of a pair as a file has it, or nothing."""
        both = [pair.get(key) for key in ("a", "b")] if isinstance(pair, dict) else []
        sides = [side for side in both if isinstance(side, dict)]
        return sides if len(sides) == 2 else []

    @staticmethod
    def marks(sides: Sequence[Mapping[str, Any]], below: str = "") -> set[frozenset[Any]]:
        """By what a pair is known: its names, and what its files have whatever they are called."""
        names = frozenset(below + str(side.get("name")) for side in sides)
        marks = {(int(number_in(s.get("size"))), str(s.get("oshash") or "")) for s in sides}
        times = {str(side.get("mtime_ns")) for side in sides}
        if not all(mark for _, mark in marks) or (len(marks) == 1 and len(times) == 1):
            return {names}
        return {names, frozenset(marks) if len(marks) == 2 else frozenset(marks | times)}

    def holds(self, one: VideoCopy, other: VideoCopy) -> bool:
        both = (one, other)
        if frozenset(copy.video.rel for copy in both) in self.known:
            return True
        if frozenset(copy.size for copy in both) not in self.by_size:
            return False
        sides = [{"name": c.video.rel, "size": c.size, "mtime_ns": c.mtime_ns} for c in both]
        hashes = [{"oshash": source_hash(copy.video)} for copy in both]
        told = [side | mark for side, mark in zip(sides, hashes, strict=True)]
        return not self.known.isdisjoint(self.marks(told))

    def add(self, one: Video, other: Video) -> None:
        """Remember a pair, for all who list this folder from now on. Raises VideoError, OSError."""
        Path(self.sidecar_dir).mkdir(parents=True, exist_ok=True)
        sides = [{"name": v.rel} | source_identity(v) for v in (one, other)]
        self.rewrite("", {"a": sides[0], "b": sides[1]})

    def drop(self, one: Video, other: Video) -> bool:
        """Forget a pair, in whichever folder around both it was said; whether there was any."""
        folders = zip(*(video.rel.split("/")[:-1] for video in (one, other)), strict=False)
        around = itertools.takewhile(lambda pair: pair[0] == pair[1], folders)
        places = itertools.accumulate((f"{name}/" for name, _ in around), initial="")
        changed = False
        for below in places:
            sides = [{"name": v.rel.removeprefix(below)} | source_identity(v) for v in (one, other)]
            changed |= self.rewrite(below, gone=self.marks(sides))
        return changed

    def rewrite(
        self, below: str, pair: Any = None, gone: Set[frozenset[Any]] = frozenset()
    ) -> bool:
        """Let a folder's file have a pair, and none that is known by `gone`; whether it changed."""
        sidecar_dir = self.sidecar_dir.removesuffix(SIDECARS) + below + SIDECARS
        if not self.reachable(sidecar_dir):
            raise OutsideError(f"{self.NAME}: {LEADS_OUT}")
        if not Path(sidecar_dir).is_dir():
            return False
        with locked(Path(sidecar_dir)):
            kept = self.kept(below)
            before = kept.get("pairs", [])
            pairs = [p for p in before if gone.isdisjoint(self.marks(self.sides(p)))]
            pairs += [pair] if pair and pair not in pairs else []
            if pairs != before:
                told = {"schema": 1} | kept | {"pairs": pairs}
                replace_file(Path(sidecar_dir, self.NAME), json_bytes(told))
        return bool(pairs != before)

    def kept(self, below: str = "") -> dict[str, Any]:
        """What the file of a folder says.

        Raises VideoError where it is corrupt: its pairs would be matches again.
        """
        name = f"{below}{SIDECARS}/{self.NAME}"
        path = Path(self.sidecar_dir.removesuffix(SIDECARS), name)
        kept = read_json(path) if path.exists() else {}
        if kept is None or not isinstance(kept.get("pairs", []), list):
            raise VideoError(f"{printable(name)} is corrupt: mend it or move it away")
        return kept
