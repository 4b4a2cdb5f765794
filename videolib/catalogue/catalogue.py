"""The catalogue of a library: what its sidecars say of every video, in SQLite.

`Catalogue.refresh` scans folders (scan), compares the stamps of videos with the database (store),
and writes what changed; all questions are answered from the database alone.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import time
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.query import (
    SqlClause,
    compile_query,
    order_by,
    place_by_name,
    shuffled,
)
from videolib.catalogue.records import (
    READING,
    SCHEMA,
    SUMMARY,
    TAG_KINDS,
    UPSERT,
    CatalogueEntry,
    VideoRow,
    labels_in,
    playback_values,
)
from videolib.catalogue.scan import SETTLE_TIME, Scan, ScannedVideo
from videolib.catalogue.store import CatalogueStore, stored_path
from videolib.core.documents import json_text
from videolib.core.errors import attempt
from videolib.core.files import stat_if_any
from videolib.core.runs import Job
from videolib.core.text import fold, natural_key, utf8
from videolib.storage.artifacts import ARTIFACTS, artifact_versions
from videolib.storage.failures import failures_by_reason
from videolib.storage.faults import FAULTS, faults_in
from videolib.storage.folders import Library
from videolib.storage.names import SIDECARS, VIDEO_EXTENSIONS, State
from videolib.storage.sidecars import FileStat
from videolib.storage.subtitles import with_external_subtitles
from videolib.storage.tag_details import attributes_in, details_in
from videolib.storage.tags import OWN_KEYS

if TYPE_CHECKING:
    import sqlite3

    from videolib.catalogue.scan import ScannedSidecars
    from videolib.catalogue.store import CatalogueExtension
    from videolib.storage.folders import Folder
    from videolib.storage.videos import Video

BATCH = 500  # videos written in one transaction: no other process is kept waiting for long
FILLED_AT_ONCE = 50  # videos whose files of an extension are stored in one transaction
CACHED_VIEWS = 20  # views (conditions with an order) whose video ids are kept in memory
NO_FILES = "[]"  # the JSON of an extension that no file of the video belongs to


class PendingChanges(NamedTuple):
    """What a refresh has yet to write to the database."""

    changed: list[ScannedVideo]  # whose sidecars are to be read
    removed: list[tuple[bytes]]  # paths (`rel`) of videos that are gone


class Catalogue(CatalogueStore):
    """The database of the videos in a library's folder and below it.

    It is a cache: sidecars and the times of files are the truth. `refresh`, `refresh_changed` and
    `update` read the library; everything else but `fill` answers from the database and touches no
    file of it. A view is a condition on `videos v` in SQL, see `view`.
    """

    def __init__(self, library: Library, extensions: Sequence[CatalogueExtension] = ()) -> None:
        self.root, self.roots = library.root, library.roots
        self.artifacts_dir = library.artifacts_dir
        self.suffixes = VIDEO_EXTENSIONS | library.extensions
        self.extensions = {extension.name: extension for extension in extensions}
        self._scan = Scan(self.artifacts_dir or self.root, self.roots)
        # (name, reason) of folders of videos and of sidecars that the last refresh could not read.
        self.problems, self.sidecar_problems = list[tuple[str, str]](), self._scan.sidecar_problems
        self.files_checked = 0  # by the last refresh of all
        # Whether a CatalogueRefresher keeps it up to date, whether that has not refreshed all of it
        # yet, and whether it, or an earlier run, has done so.
        self.kept_current = self.refreshing = self.complete = False
        self._complete_generation = -1  # generation of the database that was last filled completely
        self._view_ids = functools.lru_cache(CACHED_VIEWS)(self._select_ids)
        self._kept_rows = functools.lru_cache(CACHED_VIEWS)(
            lambda sql, values, _: self.ask(sql, values)  # the last one is the version
        )
        # The times of each folder and its sidecar folder at the last scan; () where they were so
        # recent that a later change may not show in them.
        self._folders: dict[str, tuple[int, ...]] = {}
        artifacts_root = self.artifacts_dir and os.path.realpath(self.artifacts_dir)
        extra, roots = sorted(self.suffixes - VIDEO_EXTENSIONS), self.roots and self.roots.paths
        about = (os.path.realpath(self.root), artifacts_root, extra, roots)
        schema = [SCHEMA, *(extension.schema for extension in extensions)]
        super().__init__(about, schema, (READING, ARTIFACTS, list(self.extensions)))

    def _prepared(self, database: sqlite3.Connection) -> sqlite3.Connection:
        database.create_function("shuffled", 2, shuffled, deterministic=True)
        return super()._prepared(database)

    def failures(self) -> list[dict[str, Any]]:
        """What the last refresh could not read, as {video, error}."""
        problems = self.problems + self.sidecar_problems
        return [{"video": name, "error": reason} for name, reason in problems]

    def video(self, rel: str) -> Video:
        """The video with that path from the folder."""
        return self._library(True).video(rel)

    # --- Asking

    def rows(
        self, view: SqlClause, sort: str = "name", limit: int = -1, labels: bool = True
    ) -> Iterator[VideoRow]:
        """The videos of a view, one at a time.

        `sort` is one of ORDERS, reversed by a leading `-`; `limit` the most rows, -1: all; `labels`
        says whether rows have their tags and performers. Raises UsageError for an unknown order.
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
            stored = sorted(json.loads(rest.pop())) if labels else ()
            names = (tuple(name for k, _, name in stored if k == kind) for kind in TAG_KINDS)
            yield VideoRow(video, stored_path(rel), *rest, *names)

    def cards(
        self, view: SqlClause, sort: str, offset: int, limit: int, detail: bool
    ) -> tuple[int, list[str]]:
        """The number of videos in a view, and a page of their cards in JSON.

        The page begins after `offset` videos and has `limit`; with `detail` cards have their tags
        and artifacts. Cards are stored as JSON when sidecars are read, and the ids of a view are
        cached until the catalogue changes: a page costs no more than reading it.
        """
        ids = self._ordered_ids(view, sort)
        return len(ids), self.cards_of(ids[offset : offset + limit], detail)

    def neighbours(
        self, view: SqlClause, sort: str, rel: str
    ) -> tuple[int | None, int, tuple[str | None, str | None]]:
        """The position of a video in a view, None where that does not have it, the number of videos
        there, and the cards of those before and after it in JSON, None at the ends."""
        ids = self._ordered_ids(view, sort)
        rows = self.ask("SELECT id FROM videos WHERE rel = ?", [os.fsencode(rel)])
        at = next((ids.index(video) for (video,) in rows if video in ids), None)
        if at is None:
            return None, len(ids), (None, None)
        first = max(at - 1, 0)
        cards = [None, *self.cards_of(ids[first : at + 2], detail=False), None]
        here = at - first + 1
        return at, len(ids), (cards[here - 1], cards[here + 1])

    def _ordered_ids(self, view: SqlClause, sort: str) -> array[int]:
        """The ids of the videos in a view, in an order."""
        condition = f"{view.sql} ORDER BY {order_by(sort)}"
        return self._view_ids(condition, view.values, self.revision())

    def cards_of(self, ids: Sequence[int], detail: bool) -> list[str]:
        """The cards of videos in JSON, in the order of their ids."""
        column = "c.card || ', ' || c.detail" if detail else "c.card"
        rows = self.ask(
            f"SELECT {column} FROM json_each(?) j JOIN cards c ON c.video = j.value ORDER BY j.key",
            [json.dumps(list(ids))],
        )
        return [f"{card}}}" for (card,) in rows]

    def revision(self) -> tuple[int, int]:
        """What is another after every change of the catalogue."""
        ((changes,),) = self.ask("SELECT count FROM changes")
        return changes, self._generation

    def other_types(self, library: Library) -> dict[str, int]:
        """How many videos of a library's folder are of other types than it takes."""
        where = "" if library.recursive else "WHERE v.folder = x''"
        rows = self.ask_cached(f"SELECT v.ext, count(*) FROM videos v {where} GROUP BY v.ext")
        taken = library.extensions
        return {e: count for e, count in rows if e in VIDEO_EXTENSIONS and e not in taken}

    def ask_cached(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query in SQL, kept in memory until the catalogue changes."""
        return self._kept_rows(sql, tuple(values), self.revision())

    def _select_ids(self, where: str, values: tuple[Any, ...], _: object) -> array[int]:
        """The ids of the videos for which `where`, a condition with an order, holds. The last
        argument is the version of the catalogue, a key of the cache around this method."""
        rows = self.ask(f"SELECT v.id FROM videos v WHERE {where}", values)
        return array("q", (video for (video,) in rows))

    def find(self, rel: str) -> Video | None:
        """The video with that path, if it is catalogued."""
        name = attempt(os.fsencode, rel)
        rows = isinstance(name, bytes) and self.ask("SELECT 1 FROM videos WHERE rel = ?", [name])
        return self.video(rel) if rows else None

    def browse(
        self,
        job: Job,
        library: Library,
        query: str = "",
        sort: str = "name",
        limit: int = -1,
        labels: bool = False,
    ) -> Iterator[VideoRow]:
        """The rows of a library's videos as they are now, one at a time; see `rows`.

        No database is made where no video has a sidecar and all are wanted in the order of names.
        """
        scanned = self.prepare(job, library, bare=not query and sort == "name")
        if scanned is None:
            view = self.view(library, query)
            return self.rows(view, sort, limit, labels)
        scanned.sort(key=lambda scanned_video: place_by_name(scanned_video.video.rel))
        rows = (
            VideoRow(0, video.rel, numbers[0], numbers[1])
            for video, numbers in scanned
            if video.extension in library.extensions
        )
        return itertools.islice(rows, limit if limit >= 0 else None)

    def tag_counts(self, kind: str, view: SqlClause) -> dict[str, int]:
        """The names of one of TAG_KINDS in a view, each with its number of videos, the most
        frequent first."""
        rows = self.ask(
            "SELECT min(l.name), count(*) FROM labels l JOIN videos v ON v.id = l.video"
            f" WHERE l.kind = ? AND {view.sql} GROUP BY l.key ORDER BY count(*) DESC, l.key",
            [kind, *view.values],
        )
        return dict(rows)

    def completions(self, kind: str, prefix: str, limit: int) -> list[str]:
        """The names of one of TAG_KINDS that begin with a folded prefix, then those in which
        another word begins with it; in both parts the most frequent first."""
        rows = self.ask_cached(
            "SELECT key FROM labels WHERE kind = ? GROUP BY key ORDER BY count(*) DESC, key", [kind]
        )
        keys = [key for (key,) in rows if f" {prefix}" in f" {key}"]
        keys.sort(key=lambda key: not key.startswith(prefix))
        sql = "SELECT name FROM labels WHERE kind = ? AND key = ? LIMIT 1"
        return [name for key in keys[:limit] for (name,) in self.ask(sql, [kind, key])]

    @staticmethod
    def view(library: Library, query: str = "", also: Sequence[SqlClause] = ()) -> SqlClause:
        """The view of a library's videos for which the query and the clauses in `also` hold.

        Raises UsageError for a mistake in the query.
        """
        marks = ", ".join("?" * len(library.extensions))
        extensions = SqlClause(f"v.ext IN ({marks})", tuple(library.extensions))
        clauses = [compile_query(query), *also, extensions]
        if not library.recursive:
            clauses.append(SqlClause("v.folder = x''"))
        if library.only is not None:
            names = json.dumps([os.fsencode(rel).hex().upper() for rel in library.only])
            clauses.append(SqlClause("hex(v.rel) IN (SELECT value FROM json_each(?))", (names,)))
        return SqlClause.joined("AND", clauses)

    # --- Bringing it up to date

    def refresh(
        self, job: Job | None = None, recursive: bool = True, bare: bool = False
    ) -> list[ScannedVideo] | None:
        """Check every file of the library, read the sidecars that changed, forget what is gone.

        Without `recursive` only the folder itself is checked. With `bare`, nothing is stored where
        no video has a sidecar: the videos are returned instead. In every other case the result is
        None.
        """
        return self._with_retry(self._refresh, job or Job(), recursive, bare)

    def prepare(self, job: Job, library: Library, bare: bool = False) -> list[ScannedVideo] | None:
        """`refresh` what a library has, and note in it what it leaves out.

        Where it names its videos only these are refreshed. Nothing is where a CatalogueRefresher
        keeps the catalogue up to date.
        """
        if library.only is not None:
            if not self.kept_current:
                self.update(map(library.video, library.only))
            return None
        scanned = self.refresh_all(job, library.recursive, bare)
        if scanned is None:
            library.note_other_types(self.other_types(library))
        else:
            counts = Counter(scanned_video.video.extension for scanned_video in scanned)
            others = counts.keys() - library.extensions
            library.note_other_types({ext: counts[ext] for ext in others})
        return scanned

    def refresh_all(
        self, job: Job, recursive: bool = True, bare: bool = False
    ) -> list[ScannedVideo] | None:
        """`refresh`, unless a CatalogueRefresher keeps the catalogue up to date."""
        return None if self.kept_current else self.refresh(job, recursive, bare)

    def refresh_changed(self, job: Job | None = None, recursive: bool = True) -> None:
        """Scan only folders in which names came, went or were replaced since the last refresh."""
        self._with_retry(self._refresh_changed, job or Job(), recursive)
        if self._complete_generation != self._generation:
            self.refresh(job, recursive)

    def _library(self, recursive: bool) -> Library:
        return Library(self.root, recursive, self.suffixes, self.artifacts_dir, self.roots)

    def _refresh(self, job: Job, recursive: bool, bare: bool) -> list[ScannedVideo] | None:
        library, started = self._library(recursive), time.time_ns()
        self.problems, self.files_checked = library.problems, 0
        self.sidecar_problems = self._scan.sidecar_problems = []
        self._folders.clear()
        changes, waiting = PendingChanges([], []), dict[str, list[ScannedVideo]]()
        for folder in library.walk():
            job.check()
            waiting[folder.below] = self._scan_folder(folder, started)
            bare = bare and all(scanned_video.bare for scanned_video in waiting[folder.below])
            while waiting and not bare:
                below = next(iter(waiting))
                self._compare(below, waiting.pop(below), changes)
                self._write(changes, job, at_least=BATCH)
        if bare:
            return list(itertools.chain.from_iterable(waiting.values()))
        self._add_removed(recursive, changes)
        self._write(changes, job)
        self._complete_generation = self._generation
        self._note_files(recursive)
        return None

    def _note_files(self, recursive: bool) -> None:
        """Store how many files a refresh of all has checked."""
        if self.stored_files(recursive) != self.files_checked:
            with self._writing() as database:
                row = recursive, self.files_checked
                database.execute("REPLACE INTO refreshed VALUES (?, ?)", row)

    def stored_files(self, recursive: bool) -> int | None:
        """How many files the last refresh of all has checked, of this or an earlier run, with the
        folders below it or without; None where there was none."""
        with self._replacing_on_failure():
            sql = "SELECT files FROM refreshed WHERE recursive = ?"
            rows = self.database.execute(sql, [recursive]).fetchall()
            return rows[0][0] if rows else None
        return None

    def _add_removed(self, recursive: bool, changes: PendingChanges) -> None:
        """Add to `changes` the catalogued videos of folders that a recursive walk did not meet."""
        if recursive:
            rows = self.database.execute("SELECT DISTINCT folder FROM videos")
            for folder in [stored_path(folder) for (folder,) in rows]:
                if folder not in self._folders:
                    self._compare(folder, (), changes)

    def _refresh_changed(self, job: Job, recursive: bool) -> None:
        library, changes, started = self._library(recursive), PendingChanges([], []), time.time_ns()
        pending = [below for below, times in self._folders.items() if times != self._times(below)]
        while pending:
            job.check()
            folder = next(library.walk(pending.pop()))
            self._compare(folder.below, self._scan_folder(folder, started), changes)
            self._write(changes, job, at_least=BATCH)
            pending += [below for below in folder.folders if below not in self._folders]
        self._write(changes, job)

    def update(self, videos: Iterable[Video]) -> None:
        """Refresh only these videos, which were just changed, or whose sidecars were."""
        videos = sorted(videos, key=lambda video: video.sidecar_dir)
        sidecar_dirs = itertools.groupby(videos, key=lambda video: video.sidecar_dir)
        scanned = list[ScannedVideo]()
        for sidecar_dir, group in sidecar_dirs:
            scanned += self._scan.scan_folder(sidecar_dir, with_external_subtitles([*group]))
        existing = {scanned_video.video.rel for scanned_video in scanned}
        removed = [(os.fsencode(video.rel),) for video in videos if video.rel not in existing]
        with self._replacing_on_failure():
            self._write(PendingChanges(scanned, removed), Job())

    def _scan_folder(self, folder: Folder, started: int) -> list[ScannedVideo]:
        """The videos of a folder with their sidecars; records the folder's times. `started` is when
        the refresh began, in ns."""
        times = self._times(folder.below)
        scanned = self._scan.scan_folder(folder.sidecar_dir, list(folder.videos))
        self.files_checked += sum(len(scanned_video.numbers) // 4 + 1 for scanned_video in scanned)
        self._folders[folder.below] = times if max(times) < started - SETTLE_TIME else ()
        if not times[0]:
            del self._folders[folder.below]
        return scanned

    def _times(self, below: str) -> tuple[int, ...]:
        """When names in a folder and in its sidecar folder last changed, in ns; 0: no such folder.

        `below` is the path from the root, empty or ending in /.
        """
        paths = (f"{self.root}/{below}", f"{self.artifacts_dir or self.root}/{below}{SIDECARS}")
        return tuple(status.st_ctime_ns if status else 0 for status in map(stat_if_any, paths))

    def _compare(
        self, below: str, scanned: Sequence[ScannedVideo], changes: PendingChanges
    ) -> None:
        """Add to `changes` what is new, changed or gone in one folder."""
        sql = "SELECT rel, stamp FROM videos WHERE folder = ?"
        rows = self.database.execute(sql, [os.fsencode(below)])
        stored = {stored_path(rel): stamp for rel, stamp in rows}
        for scanned_video in scanned:
            if stored.pop(scanned_video.video.rel, None) != scanned_video.stamp():
                changes.changed.append(scanned_video)
        changes.removed.extend((os.fsencode(rel),) for rel in stored)

    def _write(self, changes: PendingChanges, job: Job, at_least: int = 1) -> None:
        """Read the sidecars of changed videos, store the entries in small transactions, and empty
        `changes`; nothing happens for fewer than `at_least` changes."""
        if len(changes.changed) + len(changes.removed) < at_least:
            return
        for at in range(0, len(changes.changed), BATCH):
            job.check()
            entries = [self._entry(scanned) for scanned in changes.changed[at : at + BATCH]]
            with self._writing() as database:
                for entry in entries:
                    self._store(database, entry)
        with self._writing() as database:
            database.executemany("DELETE FROM videos WHERE rel = ?", changes.removed)
        changes.changed.clear()
        changes.removed.clear()

    def _entry(self, scanned: ScannedVideo) -> CatalogueEntry:
        """What is to be stored of a video, read from its sidecars."""
        video, (size, mtime_ns) = scanned.video, scanned.numbers[:2]
        source, sidecars = FileStat(video.path, size, mtime_ns), self._scan.sidecars(scanned)
        fresh = stale = 0
        for bit, artifact in enumerate(ARTIFACTS.values() if sidecars.by_path else ()):
            state = artifact.state(video, sidecars, source=source)
            fresh |= (state is State.FRESH) << bit
            stale |= (state is State.STALE) << bit
        fresh_kinds = {kind for bit, kind in enumerate(ARTIFACTS) if fresh >> bit & 1}
        summary, faults = dict[str, Any](), dict[str, str]()
        if "metadata" in fresh_kinds:
            summary = sidecars.summary(ARTIFACTS["metadata"].record_name(video))
        if "verify" in fresh_kinds:
            faults = faults_in(sidecars.document(ARTIFACTS["verify"].record_name(video)))
        records = (record for record in sidecars.records.values() if record)
        oshash = next((r.oshash for r in records if r.oshash and r.is_of(source)), "")
        tags_record, problem = sidecars.tags(video)
        labels, details = labels_in(tags_record), details_in(tags_record)
        stamp = scanned.stamp() if scanned.settled(time.time_ns()) else None
        rel, path = os.fsencode(video.rel), fold(utf8(video.rel))
        words = "\n".join([path, *(key for _, key, _ in labels)])
        path_key = natural_key(utf8(video.rel))
        keys = path_key, path_key.rpartition("\x01")[2]
        names = (rel, rel[: rel.rfind(b"/") + 1], stamp, path, fold(utf8(video.name)), words)
        lacking = (kind for kind in ARTIFACTS if kind not in fresh_kinds)
        failures = failures_by_reason(video, sidecars, source, lacking)
        documents = (json_text(part, None) if part else None for part in (failures, details))
        playback = playback_values(sidecars.playback(video))
        versions = artifact_versions(video, sidecars)
        states = (fresh, stale, problem, *documents, *map(faults.get, FAULTS), *playback)
        states = (*states, json_text(versions, None) if versions else None)
        facts = (size, mtime_ns, oshash, *map(summary.get, SUMMARY), *states)
        values = (*names, *keys, video.extension, *facts)
        tags, performers = ([n for k, _, n in labels if k == kind] for kind in TAG_KINDS)
        row = VideoRow._make((0, video.rel, *facts, tags, performers))
        card, detail = (json_text(part, None)[1:-1] for part in (row.card(), row.detail()))
        attributes, extended = attributes_in(tags_record, OWN_KEYS), self._extended(video, sidecars)
        return CatalogueEntry(values, ("{" + card, detail), labels, attributes, extended)

    def _extended(self, video: Video, sidecars: ScannedSidecars) -> dict[str, str]:
        """By extension the files that it reads, as a JSON list of [path, size, mtime in ns]."""
        files = {}
        for name, extension in self.extensions.items():
            paths = sorted(extension.files(video, sidecars))
            stats = [sidecars.by_path[path] for path in paths if path in sidecars.by_path]
            files[name] = json.dumps([stat[:3] for stat in stats])
        return files

    @staticmethod
    def _store(database: sqlite3.Connection, entry: CatalogueEntry) -> None:
        """Replace a video's row, card, labels and attributes, and note the files of extensions."""
        rel = entry.values[0]
        database.execute(UPSERT, entry.values)
        ((video,),) = database.execute("SELECT id FROM videos WHERE rel = ?", [rel])
        database.execute("REPLACE INTO cards VALUES (?, ?, ?)", [video, *entry.card])
        database.execute("DELETE FROM labels WHERE video = ?", [video])
        labels = [(video, *label, place) for place, label in enumerate(entry.labels)]
        database.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?, ?, ?, ?)", labels)
        database.execute("DELETE FROM attributes WHERE video = ?", [video])
        attributes = [(video, *attribute) for attribute in entry.attributes]
        database.executemany("INSERT OR IGNORE INTO attributes VALUES (?, ?, ?, ?)", attributes)
        for name, files in entry.extended.items():
            database.execute(
                "UPDATE extensions SET files = ? WHERE extension = ? AND video = ?"
                if files == NO_FILES
                else "INSERT INTO extensions (files, extension, video) VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET files = excluded.files",
                (files, name, video),
            )

    def fill(self, extension: str, job: Job | None = None) -> None:
        """Bring the tables of an extension up to date with the files seen by the last refresh."""
        with self._replacing_on_failure():
            self._fill(self.extensions[extension], job or Job())
            return
        self.refresh(job)
        self._fill(self.extensions[extension], job or Job())

    def _fill(self, extension: CatalogueExtension, job: Job) -> None:
        """Read again the files of an extension that differ from those it was filled from."""
        waiting = self.ask(
            "SELECT e.video, v.rel, e.files FROM extensions e JOIN videos v ON v.id = e.video"
            " WHERE e.extension = ? AND e.files <> e.done",
            [extension.name],
        )
        for at in range(0, len(waiting), FILLED_AT_ONCE):
            contents = []
            for video, rel, files in waiting[at : at + FILLED_AT_ONCE]:
                job.check()
                paths = [path for path, _, _ in json.loads(files)]
                read = extension.read(self.video(stored_path(rel)), paths)
                contents.append((video, files, read))
            with self._writing(counted=False) as database:
                for video, files, content in contents:
                    extension.store(database, video, content)
                    sql = "UPDATE extensions SET done = ? WHERE extension = ? AND video = ?"
                    database.execute(sql, [files, extension.name, video])
