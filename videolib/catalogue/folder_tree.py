"""The tree of a library's folders, with how many videos are in each: from the catalogue alone."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.store import stored_path
from videolib.core.text import natural_key, utf8

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.catalogue.query import SqlClause


class FolderCounts(NamedTuple):
    """A folder by its path from that of the library, empty for that itself; how many videos of a
    view are in it, how many in it and below it, and how many folders in it lead to some."""

    path: str
    videos: int
    total: int
    folders: int

    def as_json(self) -> dict[str, Any]:
        return {"name": self.path.rpartition("/")[2], **self._asdict()}


class FolderTree:
    """The folders in which, or below which, a catalogue has videos of a view."""

    def __init__(self, catalogue: Catalogue, view: SqlClause) -> None:
        sql = f"SELECT v.folder, count(*) FROM videos v WHERE {view.sql} GROUP BY v.folder"
        rows = catalogue.ask_cached(sql, view.values)
        self.videos = {stored_path(folder).removesuffix("/"): count for folder, count in rows}
        self.total, self.folders = Counter[str](), Counter[str]()
        for path, count in self.videos.items():
            self._add(path, count)

    def _add(self, path: str, count: int) -> None:
        """Count the videos of a folder in those that it is in."""
        while path:
            is_new, parent = path not in self.total, path.rpartition("/")[0]
            self.total[path] += count
            self.folders[parent] += is_new
            path = parent
        self.total[""] += count

    def counts(self, path: str) -> FolderCounts:
        """The counts of a folder; those of one that is not in the tree are 0."""
        return FolderCounts(path, self.videos.get(path, 0), self.total[path], self.folders[path])

    def below(self, path: str, depth: int) -> list[FolderCounts]:
        """The folders below one, at most so many levels, each followed by those in it; folders of
        one level are sorted as people sort names."""
        prefix = path and f"{path}/"
        level = prefix.count("/") + depth
        paths = [p for p in self.total if p.startswith(prefix) and p and p.count("/") < level]
        return [
            self.counts(p) for p in sorted(paths, key=lambda p: (natural_key(utf8(f"{p}/")), p))
        ]
