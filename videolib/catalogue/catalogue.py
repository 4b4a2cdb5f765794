"""The catalogue: what is known of every video of a library, without touching its files."""

from __future__ import annotations

import functools
import itertools
import json
import os
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from videolib.catalogue.query import SqlClause, compile_query
from videolib.catalogue.records import (
    ANSWERS_KEPT,
    BATCH,
    NO_FILES,
    SCHEMA,
    SETTLING,
    SUMMARY,
    TAG_KINDS,
    CatalogueEntry,
    VideoRow,
)
from videolib.catalogue.scan import PendingChanges, Scan, ScannedVideo
from videolib.catalogue.store import UPSERT, CatalogueStore, order_by
from videolib.core.documents import json_text
from videolib.core.errors import attempt
from videolib.core.files import stat_if_any
from videolib.core.runs import Job
from videolib.core.text import fold, utf8
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.folders import Library
from videolib.storage.names import SIDECARS, VIDEO_EXTENSIONS, State
from videolib.storage.sidecars import FileStat
from videolib.storage.subtitles import with_external_subtitles

if TYPE_CHECKING:
    import sqlite3

    from videolib.catalogue.scan import ScannedSidecars
    from videolib.catalogue.store import CatalogueExtension
    from videolib.storage.folders import Folder
    from videolib.storage.videos import Video


class Catalogue(CatalogueStore):
    """What is known of every video in a library's folder and below it.

    It is a cache: sidecars and the times of files are the truth. `refresh` brings it up to date;
    everything else answers from it and touches no file of the library.
    """

    def __init__(self, library: Library, extensions: Sequence[CatalogueExtension] = ()) -> None:
        self.root, self.roots = library.root, library.roots
        self.artifacts_dir = library.artifacts_dir
        self.suffixes = VIDEO_EXTENSIONS | library.extensions
        self.extensions = {extension.name: extension for extension in extensions}
        self._scan = Scan(self.artifacts_dir or self.root, self.roots)
        # What the last refresh could not read, as Library has it: folders of videos, of sidecars.
        self.problems, self.unread = list[tuple[str, str]](), self._scan.unread
        self.files_checked = 0  # by the last refresh of all
        self.kept_current = False  # whether a CatalogueRefresher keeps it up to date ...
        self.complete = False  # ... and has refreshed all of it once
        self._filled = -1  # the generation of the database that a look at everything filled
        self._found = functools.lru_cache(ANSWERS_KEPT)(self._find)
        # Of each folder at the last look: the times of it and its sidecars, if these say enough.
        self._folders: dict[str, tuple[int, ...]] = {}
        artifacts_root = self.artifacts_dir and os.path.realpath(self.artifacts_dir)
        extra, places = sorted(self.suffixes - VIDEO_EXTENSIONS), self.roots and self.roots.places
        about = (os.path.realpath(self.root), artifacts_root, extra, places)
        schema = [SCHEMA, *(extension.schema for extension in extensions)]
        super().__init__(about, schema, (ARTIFACTS, list(self.extensions)))

    def failures(self) -> list[dict[str, Any]]:
        """What the last refresh could not read, as {video, error}."""
        return [{"video": name, "error": why} for name, why in self.problems + self.unread]

    def video(self, rel: str) -> Video:
        """Where a catalogued video and its sidecars are."""
        return self._library(True).video(rel)

    # --- Asking

    def rows(
        self, view: SqlClause, sort: str = "name", limit: int = -1, labels: bool = True
    ) -> Iterator[VideoRow]:
        """The videos of a view, one at a time, in one of ORDERS, `-` reverses it; -1: all.

        `labels` says whether rows have their tags. Raises UsageError for an order there is not.
        """
        columns = [f"v.{name}" for name in VideoRow._fields[: -len(TAG_KINDS)]]
        if labels:
            columns.append(
                "(SELECT json_group_array(json_array(l.kind, l.place, l.name))"
                " FROM labels l WHERE l.video = v.id)"
            )
        sql = f"SELECT {', '.join(columns)} FROM videos v WHERE {view.sql}"
        sql += f" ORDER BY {order_by(sort)} LIMIT ?"
        for video, rel, *rest in self.each(sql, [*view.values, limit]):
            named = sorted(json.loads(rest.pop())) if labels else ()
            names = (tuple(n for k, _, n in named if k == kind) for kind in TAG_KINDS)
            yield VideoRow(video, os.fsdecode(rel), *rest, *names)

    def cards(
        self, view: SqlClause, sort: str, offset: int, limit: int, detail: bool
    ) -> tuple[int, list[str]]:
        """How many videos a view has, and a page of their cards in JSON.

        Cards were written down when the videos were looked at, and which videos a view has is
        remembered until something changes: a page costs no more than to read it.
        """
        ((changes,),) = self.ask("SELECT count FROM changes")
        version = (changes, self._generation)
        found = self._found(f"{view.sql} ORDER BY {order_by(sort)}", view.values, version)
        asked = "c.card || ', ' || c.detail" if detail else "c.card"
        rows = self.ask(
            f"SELECT {asked} FROM json_each(?) j JOIN cards c ON c.video = j.value ORDER BY j.key",
            [json.dumps(found[offset : offset + limit].tolist())],
        )
        return len(found), [f"{card}}}" for (card,) in rows]

    def _find(self, where: str, values: tuple[Any, ...], _: object) -> array[int]:
        """The ids of the videos for which a condition holds, in its order."""
        rows = self.ask(f"SELECT v.id FROM videos v WHERE {where}", values)
        return array("q", (video for (video,) in rows))

    def find(self, rel: str) -> Video | None:
        """The video with that path, if it is catalogued."""
        name = attempt(os.fsencode, rel)
        there = isinstance(name, bytes) and self.ask("SELECT 1 FROM videos WHERE rel = ?", [name])
        return self.video(rel) if there else None

    def browse(
        self,
        job: Job,
        library: Library,
        query: str = "",
        sort: str = "name",
        limit: int = -1,
        labels: bool = False,
    ) -> Iterator[VideoRow]:
        """The videos of a request, as they are now, one at a time."""
        bare = self.prepare(job, library.recursive, bare=not query and sort == "name")
        if bare is None:
            view = self.view(library, query)
            return self.rows(view, sort, limit, labels)
        bare.sort(key=lambda glimpse: glimpse.video.rel)
        rows = (
            VideoRow(0, video.rel, numbers[0], numbers[1])
            for video, numbers in bare
            if video.extension in library.extensions
        )
        return itertools.islice(rows, limit if limit >= 0 else None)

    def tag_counts(self, kind: str, view: SqlClause) -> dict[str, int]:
        """The names of one of TAG_KINDS and on how many videos each is, the most frequent first."""
        found = self.ask(
            "SELECT min(l.name), count(*) FROM labels l JOIN videos v ON v.id = l.video"
            f" WHERE l.kind = ? AND {view.sql} GROUP BY l.key ORDER BY count(*) DESC, l.key",
            [kind, *view.values],
        )
        return dict(found)

    def completions(self, kind: str, begin: str, most: int) -> list[str]:
        """The names of one of TAG_KINDS that begin so, then those of which another word does; each
        time the most frequent first."""
        counted = self.ask(
            "SELECT key FROM labels WHERE kind = ? GROUP BY key ORDER BY count(*) DESC, key", [kind]
        )
        keys = [key for (key,) in counted if f" {begin}" in f" {key}"]
        keys.sort(key=lambda key: not key.startswith(begin))
        one = "SELECT name FROM labels WHERE kind = ? AND key = ? LIMIT 1"
        return [name for key in keys[:most] for (name,) in self.ask(one, [kind, key])]

    @staticmethod
    def view(library: Library, query: str = "", also: Sequence[SqlClause] = ()) -> SqlClause:
        """The videos that a library is asked for, of those in its folder."""
        marks = ", ".join("?" * len(library.extensions))
        wanted = SqlClause(f"v.ext IN ({marks})", tuple(library.extensions))
        clauses = [compile_query(query), *also, wanted]
        if not library.recursive:
            clauses.append(SqlClause("v.folder = x''"))
        return SqlClause.joined("AND", clauses)

    # --- Bringing it up to date

    def refresh(
        self, job: Job | None = None, recursive: bool = True, bare: bool = False
    ) -> list[ScannedVideo] | None:
        """Look at every file of the library, read those that changed, forget those that are gone.

        Without `recursive` only the folder itself is looked at. With `bare`, a library in which
        nothing was made so far is not worth a database: its videos are returned, nothing is stored.
        """
        return self._insist(self._refresh, job or Job(), recursive, bare)

    def prepare(self, job: Job, recursive: bool, bare: bool = False) -> list[ScannedVideo] | None:
        """`refresh`, unless a CatalogueRefresher sees to that."""
        return None if self.kept_current else self.refresh(job, recursive, bare)

    def refresh_changed(self, job: Job | None = None, recursive: bool = True) -> None:
        """Look only into folders in which names came, went or changed files since the last look."""
        self._insist(self._refresh_changed, job or Job(), recursive)
        if self._filled != self._generation:
            self.refresh(job, recursive)

    def _library(self, recursive: bool) -> Library:
        return Library(self.root, recursive, self.suffixes, self.artifacts_dir, self.roots)

    def _refresh(self, job: Job, recursive: bool, bare: bool) -> list[ScannedVideo] | None:
        library, began = self._library(recursive), time.time_ns()
        self.problems, self.files_checked = library.problems, 0
        self.unread = self._scan.unread = []
        self._folders.clear()
        changes, waiting = PendingChanges([], []), dict[str, list[ScannedVideo]]()
        for folder in library.walk():
            job.check()
            waiting[folder.below] = self._look(folder, began)
            bare = bare and all(glimpse.bare for glimpse in waiting[folder.below])
            while waiting and not bare:
                below = next(iter(waiting))
                self._compare(below, waiting.pop(below), changes)
                self._write(changes, job, at_least=BATCH)
        if bare:
            return list(itertools.chain.from_iterable(waiting.values()))
        self._miss(recursive, changes)
        self._write(changes, job)
        self._filled = self._generation
        return None

    def _miss(self, recursive: bool, changes: PendingChanges) -> None:
        """Add to `changes` the videos of folders that are catalogued but are there no more."""
        if recursive:
            for (folder,) in self.database.execute("SELECT DISTINCT folder FROM videos"):
                if os.fsdecode(folder) not in self._folders:
                    self._compare(os.fsdecode(folder), (), changes)

    def _refresh_changed(self, job: Job, recursive: bool) -> None:
        library, changes, began = self._library(recursive), PendingChanges([], []), time.time_ns()
        pending = [below for below, times in self._folders.items() if times != self._times(below)]
        while pending:
            job.check()
            folder = next(library.walk(pending.pop()))
            self._compare(folder.below, self._look(folder, began), changes)
            self._write(changes, job, at_least=BATCH)
            pending += [below for below in folder.folders if below not in self._folders]
        self._write(changes, job)

    def update(self, videos: Iterable[Video]) -> None:
        """Look again at these videos alone, of which something was just made or changed."""
        asked = sorted(videos, key=lambda video: video.sidecar_dir)
        sidecar_dirs = itertools.groupby(asked, key=lambda video: video.sidecar_dir)
        seen = [
            s
            for sidecar_dir, group in sidecar_dirs
            for s in self._scan.sight(sidecar_dir, with_external_subtitles([*group]))
        ]
        there = {glimpse.video.rel for glimpse in seen}
        gone = [(os.fsencode(video.rel),) for video in asked if video.rel not in there]
        with self._surviving():
            self._write(PendingChanges(seen, gone), Job())

    def _look(self, folder: Folder, began: int) -> list[ScannedVideo]:
        """The videos of a folder with their sidecars, and a note of when it was as they were."""
        times = self._times(folder.below)
        glimpses = self._scan.sight(folder.sidecar_dir, list(folder.videos))
        self.files_checked += sum(len(glimpse.numbers) // 4 + 1 for glimpse in glimpses)
        self._folders[folder.below] = times if max(times) < began - SETTLING else ()
        if not times[0]:
            del self._folders[folder.below]
        return glimpses

    def _times(self, below: str) -> tuple[int, ...]:
        """When a folder and its folder of sidecars last got or lost a name; 0: it is not there."""
        places = (f"{self.root}/{below}", f"{self.artifacts_dir or self.root}/{below}{SIDECARS}")
        return tuple(found.st_ctime_ns if found else 0 for found in map(stat_if_any, places))

    def _compare(
        self, below: str, glimpses: Sequence[ScannedVideo], changes: PendingChanges
    ) -> None:
        """Add to `changes` what is new, changed or gone in one folder."""
        sql = "SELECT rel, stamp FROM videos WHERE folder = ?"
        known = dict(self.database.execute(sql, [os.fsencode(below)]))
        for glimpse in glimpses:
            if known.pop(os.fsencode(glimpse.video.rel), None) != glimpse.stamp():
                changes.seen.append(glimpse)
        changes.gone.extend((rel,) for rel in known)

    def _write(self, changes: PendingChanges, job: Job, at_least: int = 1) -> None:
        """Read the sidecars of what changed and write it down, in small transactions."""
        if len(changes.seen) + len(changes.gone) < at_least:
            return
        for at in range(0, len(changes.seen), BATCH):
            job.check()
            found = [self._describe(glimpse) for glimpse in changes.seen[at : at + BATCH]]
            with self._writing() as database:
                for description in found:
                    self._store(database, description)
        with self._writing() as database:
            database.executemany("DELETE FROM videos WHERE rel = ?", changes.gone)
        changes.seen.clear()
        changes.gone.clear()

    def _describe(self, glimpse: ScannedVideo) -> CatalogueEntry:
        """What the sidecars say of a video."""
        video, (size, mtime_ns) = glimpse.video, glimpse.numbers[:2]
        source, corner = FileStat(video.path, size, mtime_ns), self._scan.corner(glimpse)
        fresh = stale = 0
        for bit, artifact in enumerate(ARTIFACTS.values() if corner.seen else ()):
            state = artifact.state(video, corner, source=source)
            fresh |= (state is State.FRESH) << bit
            stale |= (state is State.STALE) << bit
        summary = {}
        if fresh >> list(ARTIFACTS).index("metadata") & 1:
            summary = corner.summary(ARTIFACTS["metadata"].record_name(video))
        records = (record for record in corner.records.values() if record)
        oshash = next((r.oshash for r in records if r.size == size and r.oshash), "")
        labels, problem = corner.labels(video)
        stamp = glimpse.stamp() if glimpse.settled(time.time_ns()) else None
        rel, path = os.fsencode(video.rel), fold(utf8(video.rel))
        words = "\n".join([path, *(key for _, key, _ in labels)])
        names = (rel, rel[: rel.rfind(b"/") + 1], stamp, path, fold(utf8(video.name)), words)
        known = (size, mtime_ns, oshash, *map(summary.get, SUMMARY), fresh, stale, problem)
        values = (*names, video.extension, *known)
        tags, performers = ([n for k, _, n in labels if k == kind] for kind in TAG_KINDS)
        row = VideoRow._make((0, video.rel, *known, tags, performers))
        card, detail = (json_text(part, None)[1:-1] for part in (row.card(), row.detail()))
        return CatalogueEntry(values, ("{" + card, detail), labels, self._extended(video, corner))

    def _extended(self, video: Video, corner: ScannedSidecars) -> dict[str, str]:
        """Per extension the files it is made of, with their sizes and times, as JSON."""
        files = {}
        for name, extension in self.extensions.items():
            found = [corner.seen.get(path) for path in sorted(extension.files(video, corner))]
            files[name] = json.dumps([seen[:3] for seen in found if seen])
        return files

    @staticmethod
    def _store(database: sqlite3.Connection, description: CatalogueEntry) -> None:
        rel = description.values[0]
        database.execute(UPSERT, description.values)
        ((video,),) = database.execute("SELECT id FROM videos WHERE rel = ?", [rel])
        database.execute("REPLACE INTO cards VALUES (?, ?, ?)", [video, *description.card])
        database.execute("DELETE FROM labels WHERE video = ?", [video])
        labels = [(video, *label, place) for place, label in enumerate(description.labels)]
        database.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?, ?)", labels)
        for name, files in description.extended.items():
            database.execute(
                "UPDATE extensions SET files = ? WHERE extension = ? AND video = ?"
                if files == NO_FILES
                else "INSERT INTO extensions (files, extension, video) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET files = excluded.files",
                (files, name, video),
            )

    def fill(self, extension: str, job: Job | None = None) -> None:
        """Bring the tables of an extension up to date with the videos as last refreshed."""
        with self._surviving():
            self._fill(self.extensions[extension], job or Job())
            return
        self.refresh(job)
        self._fill(self.extensions[extension], job or Job())

    def _fill(self, extension: CatalogueExtension, job: Job) -> None:
        waiting = self.ask(
            "SELECT e.video, v.rel, e.files FROM extensions e JOIN videos v ON v.id = e.video"
            " WHERE e.extension = ? AND e.files <> e.done",
            [extension.name],
        )
        for video, rel, files in waiting:
            job.check()
            paths = [path for path, _, _ in json.loads(files)]
            content = extension.read(self.video(os.fsdecode(rel)), paths)
            with self._writing() as database:
                extension.store(database, video, content)
                database.execute(
                    "UPDATE extensions SET done = ? WHERE extension = ? AND video = ?",
                    [files, extension.name, video],
                )
