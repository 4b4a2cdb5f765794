"""Ignored pairs: videos that the user declared to be no duplicates of each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.documents import EDITED_JSON, json_bytes, read_json
from videolib.core.errors import OutsideError, UsageError, VideoError
from videolib.core.files import flush_names, make_folder, replace_file
from videolib.core.locks import locked
from videolib.core.text import positive_number, printable
from videolib.duplicates.copies import source_hash
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import SIDECARS
from videolib.storage.sidecars import remove_abandoned
from videolib.storage.videos import source_identity

if TYPE_CHECKING:
    from videolib.duplicates.copies import VideoCopy
    from videolib.storage.folders import Library
    from videolib.storage.videos import Video


class IgnoredChange(NamedTuple):
    """Two videos by name, and whether they are ignored as a pair from now on, or not any more."""

    names: tuple[str, str]
    ignored: bool

    def as_json(self) -> dict[str, Any]:
        return {"ignored" if self.ignored else "unignored": list(self.names)}

    def text(self) -> str:
        both = " and ".join(map(printable, self.names))
        if self.ignored:
            return f"{both}: no match from now on; --unignore takes that back"
        return f"{both}: may match again"


def change_ignored(
    library: Library, ignore: Sequence[str], unignore: Sequence[str]
) -> IgnoredChange:
    """Ignore a pair of videos, or let it match again: one list has two names, the other none.

    Raises UsageError where that is not so, where they do not name two videos of the library, and
    where a pair to unignore was not ignored; VideoError where a list of ignored pairs is corrupt.
    """
    flag, names = ("--ignore", ignore) if ignore else ("--unignore", unignore)
    if len(names) != 2 or (ignore and unignore):
        raise UsageError(f"{flag} takes two videos, and stands alone")
    one, other = (library.find_video(name) for name in names)
    if one.path == other.path:
        raise UsageError(f"{flag} takes two videos: {printable(one.rel)} is one")
    pairs = IgnoredPairs(library)
    if ignore:
        pairs.add(one, other)
    elif not pairs.remove(one, other):
        raise UsageError(f"{printable(one.rel)} and {printable(other.rel)}: were not ignored")
    return IgnoredChange((one.rel, other.rel), bool(ignore))


class IgnoredPairs:
    """The ignored pairs of a folder, kept in its `.artifacts/.dupes.ignored.json`.

    Pairs that were ignored while a folder below it was the library are ignored here, too.

    A pair is recognized by keys: the names of its videos, and their sizes and oshashes, which stay
    when a video is renamed. Exact copies have the same size and oshash: their key has the times of
    change as well and, where these are equal, too, the names are the only key.
    """

    NAME: ClassVar = ".dupes.ignored.json"

    def __init__(self, library: Library, sidecar_dirs: Iterable[str] = ()) -> None:
        """Read the pairs of the folder itself and of the sidecar folders `sidecar_dirs` below it.

        Raises VideoError where a file of them is corrupt.
        """
        self.library = library
        self.keys: set[frozenset[Any]] = set()
        self.sizes: set[frozenset[int]] = set()  # of each pair: only copies of these are hashed
        self.sidecar_dir = library.sidecar_dir()
        root = self.sidecar_dir.removesuffix(SIDECARS)
        for sidecar_dir in dict.fromkeys([self.sidecar_dir, *sidecar_dirs]):
            below = sidecar_dir.removesuffix(SIDECARS).removeprefix(root)
            if self.within_roots(sidecar_dir):
                self.load(self.read(below).get("pairs", ()), below)

    def within_roots(self, sidecar_dir: str) -> bool:
        """Whether the file in a sidecar folder lies within the roots, if there are any."""
        roots = self.library.roots
        return not roots or roots.contains(f"{sidecar_dir}/{self.NAME}")

    def load(self, pairs: Iterable[Any], below: str) -> None:
        """Add the pairs of the file of the folder `below`; malformed ones are left out."""
        for pair in pairs:
            if sides := self.sides(pair):
                self.keys |= self.pair_keys(sides, below)
                self.sizes.add(frozenset(size_of(side) for side in sides))

    @staticmethod
    def sides(pair: Any) -> list[dict[str, Any]]:
        """The entries of the two videos of a pair in a file; none where it is malformed."""
        values = [pair.get(key) for key in ("a", "b")] if isinstance(pair, dict) else []
        sides = [side for side in values if isinstance(side, dict)]
        return sides if len(sides) == 2 else []

    @staticmethod
    def pair_keys(sides: Sequence[Mapping[str, Any]], below: str = "") -> set[frozenset[Any]]:
        """The keys of a pair whose names are relative to the folder `below`."""
        names = frozenset(below + str(side.get("name")) for side in sides)
        contents = {(size_of(side), str(side.get("oshash") or "")) for side in sides}
        times = {str(side.get("mtime_ns")) for side in sides}
        if not all(oshash for _, oshash in contents):
            return {names}
        if len(contents) == 2:
            return {names, frozenset(contents)}
        return {names, frozenset(contents | times)} if len(times) == 2 else {names}

    def contains(self, one: VideoCopy, other: VideoCopy) -> bool:
        """Whether a pair is ignored; hashes only files of the sizes of such a pair."""
        copies = (one, other)
        if frozenset(copy.video.rel for copy in copies) in self.keys:
            return True
        if frozenset(copy.size for copy in copies) not in self.sizes:
            return False
        sides = [
            {
                "name": copy.video.rel,
                "size": copy.size,
                "mtime_ns": copy.mtime_ns,
                "oshash": source_hash(copy.video),
            }
            for copy in copies
        ]
        return not self.keys.isdisjoint(self.pair_keys(sides))

    def add(self, one: Video, other: Video) -> None:
        """Store a pair in the file of this folder. Raises VideoError, OutsideError, OSError."""
        make_folder(Path(self.sidecar_dir))
        a, b = ({"name": video.rel} | source_identity(video) for video in (one, other))
        self.rewrite("", added={"a": a, "b": b})

    def remove(self, one: Video, other: Video) -> bool:
        """Remove a pair from the files of this folder and of those below it that have both videos.

        Returns whether it was in any of them.
        """
        folders = zip(*(video.rel.split("/")[:-1] for video in (one, other)), strict=False)
        common = itertools.takewhile(lambda pair: pair[0] == pair[1], folders)
        changed = False
        for below in itertools.accumulate((f"{name}/" for name, _ in common), initial=""):
            sides = [
                {"name": video.rel.removeprefix(below)} | source_identity(video)
                for video in (one, other)
            ]
            changed |= self.rewrite(below, removed=self.pair_keys(sides))
        return changed

    def rewrite(
        self, below: str, added: Any = None, removed: Set[frozenset[Any]] = frozenset()
    ) -> bool:
        """Change the file of the folder `below`; returns whether that made a difference.

        The pair `added`, if any, is added, and pairs with one of the keys `removed` are removed.
        Raises VideoError where the file is corrupt or the disk does not confirm it, OutsideError,
        OSError.
        """
        sidecar_dir = self.sidecar_dir.removesuffix(SIDECARS) + below + SIDECARS
        if not self.within_roots(sidecar_dir):
            raise OutsideError(f"{self.NAME}: {LEADS_OUT}")
        if not Path(sidecar_dir).is_dir():
            return False
        with locked(sidecar_dir):
            remove_abandoned(sidecar_dir)
            document = self.read(below)
            before = document.get("pairs", [])
            pairs = [p for p in before if removed.isdisjoint(self.pair_keys(self.sides(p)))]
            pairs += [added] if added and added not in pairs else []
            if pairs != before:
                document = {"schema": 1} | document | {"pairs": pairs}
                replace_file(Path(sidecar_dir, self.NAME), json_bytes(document))
                flush_names(Path(sidecar_dir), f"{self.NAME} is stored")
        return bool(pairs != before)

    def read(self, below: str = "") -> dict[str, Any]:
        """The content of the file of the folder `below`; empty where there is none.

        Raises VideoError where it is corrupt: its pairs would be matches again.
        """
        name = f"{below}{SIDECARS}/{self.NAME}"
        path = Path(self.sidecar_dir.removesuffix(SIDECARS), name)
        document = read_json(path, EDITED_JSON) if path.exists() else {}
        if document is None or not isinstance(document.get("pairs", []), list):
            raise VideoError(f"{printable(name)} is corrupt: mend it or move it away")
        return document


def size_of(side: Mapping[str, Any]) -> int:
    """The size of a video in bytes, from its entry in a file of ignored pairs; else 0."""
    return int(positive_number(side.get("size")))
