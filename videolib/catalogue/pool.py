"""Catalogues that a server keeps open and up to date while it answers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from videolib.catalogue.catalogue import Catalogue
from videolib.core.confinement import inheriting
from videolib.core.runs import Job
from videolib.storage.names import VIDEO_EXTENSIONS

if TYPE_CHECKING:
    from concurrent.futures import Future

    from videolib.catalogue.store import CatalogueExtension
    from videolib.storage.folders import Library


SMALL_LIBRARY = 1000  # files: up to so many are all checked before every answer
FOLDER_INTERVAL = 1.0  # seconds from one check of a larger library's folders to the next
REST_FACTOR = 30  # a larger library is left alone for this many times the duration of its check
# Seconds that an answer waits for a refresh, and for words of a larger library to be indexed.
SHORT_WAIT, LONG_WAIT, WORDS_WAIT = 0.2, 10.0, 0.1
HEAD_START = 0.5  # seconds that the first answers have before a large library is looked at again
KEPT_OPEN = 8  # catalogues


class BackgroundWork:
    """Work that a thread of its own does again whenever it is asked for."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.thread, self.work, self.lock = ThreadPoolExecutor(1, name), work, threading.Lock()
        self.scheduled: Future[None] | None = None

    def ask(self, is_due: bool = True) -> Future[None] | None:
        """Have it done, where it is due; gives what it will have been done by. Work under way may
        have missed the latest changes, so it is done once more; work still queued will not."""
        with self.lock:
            begun = not self.scheduled or self.scheduled.running() or self.scheduled.done()
            if begun and is_due:
                self.scheduled = self.thread.submit(inheriting(self.work))
            return self.scheduled

    def close(self) -> None:
        """Wait until nothing is under way, and take no more."""
        self.thread.shutdown()


class CatalogueRefresher:
    """A catalogue that a server keeps open, refreshed on request where a refresh is due.

    A library of up to SMALL_LIBRARY files is refreshed for every request. Of a larger one, the
    times of folders are checked every FOLDER_INTERVAL, which shows files that came, went or were
    replaced; the times of all files are checked after REST_FACTOR times the duration of such a
    check, which shows files that were edited in place. A request waits for a refresh, LONG_WAIT for
    a small library and SHORT_WAIT for a larger one, then is answered by the last refresh.

    Until the first refresh has ended the catalogue is `refreshing`; it is `complete` then, or
    before where an earlier run completed it. `announce` is called with the root and whether
    anything changed, when a first refresh ends during which somebody was answered.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        recursive: bool,
        job: Job,
        announce: Callable[[str, bool], None] | None = None,
    ) -> None:
        self.catalogue, self.recursive, self.job = catalogue, recursive, job
        self.announce, self.answered_early = announce, False
        catalogue.kept_current = catalogue.refreshing = True
        self.checking = BackgroundWork("refresh", self.refresh)
        self.indexing = BackgroundWork("index", self.index)
        self.small, self.delay = False, 0.0  # seconds until a refresh that is asked for begins
        self.folders_due = self.files_due = 0.0  # when the next checks are, on the monotonic clock

    def current(self, first_wait: float | None = None) -> Catalogue:
        """The catalogue, as up to date as the class says.

        `first_wait`: seconds to wait for the first refresh, none where an earlier run completed the
        catalogue of a large library; None: until it has ended.
        """
        catalogue, wait = self.catalogue, first_wait
        if not catalogue.refreshing:
            wait = LONG_WAIT if self.small else SHORT_WAIT
        elif first_wait is not None and (files := catalogue.stored_files(self.recursive)):
            catalogue.complete = True
            wait = LONG_WAIT if files <= SMALL_LIBRARY else 0.0
            self.delay = 0.0 if wait or self.checking.scheduled else HEAD_START
        scheduled = self.checking.ask(self.folders_due <= time.monotonic())
        with contextlib.suppress(TimeoutError):
            if scheduled:
                scheduled.result(wait)
        self.answered_early |= catalogue.refreshing
        return catalogue

    def refresh(self) -> None:
        """Check all files where that is due, else the folders; nothing where neither is."""
        self.job.cancelled.wait(self.delay)
        self.delay, began = 0.0, time.monotonic()
        if began < self.folders_due:
            return  # another refresh has just ended
        complete, before = self.files_due <= began, self.catalogue.revision()
        if complete:
            self.catalogue.refresh(self.job, self.recursive)
            self.small = self.catalogue.files_checked <= SMALL_LIBRARY
        else:
            self.catalogue.refresh_changed(self.job, self.recursive)
        now = time.monotonic()
        pause = 0.0 if self.small else max(FOLDER_INTERVAL, REST_FACTOR * (now - began))
        if complete:
            self.files_due, pause = now + pause, min(pause, FOLDER_INTERVAL)
        self.folders_due = now + pause
        self._note_refreshed(self.catalogue.revision() != before)

    def _note_refreshed(self, changed: bool) -> None:
        """The catalogue is up to date; tell those who were answered before it was so first."""
        was_first, self.catalogue.refreshing = self.catalogue.refreshing, False
        self.catalogue.complete = True
        if was_first and self.answered_early and self.announce:
            self.announce(str(self.catalogue.root), changed)
        if not self.small:
            self.indexing.ask()  # the next search need not wait for it

    def index(self) -> None:
        """Read what changed of the files of extensions, as subtitles."""
        for extension in self.catalogue.extensions:
            self.catalogue.fill(extension, self.job)

    def indexed(self) -> bool:
        """Whether the tables of extensions are as new as the catalogue; waits for that LONG_WAIT
        for a small library and WORDS_WAIT for a larger one."""
        if self.catalogue.refreshing:
            return False  # they are brought up to date at its end
        indexing = self.indexing.ask()
        with contextlib.suppress(TimeoutError):
            if indexing:
                indexing.result(LONG_WAIT if self.small else WORDS_WAIT)
                return True
        return False

    def retire(self) -> None:
        """Close the catalogue when what is under way has ended, without waiting for that."""
        self.checking.thread.submit(inheriting(self._close_when_indexed))

    def _close_when_indexed(self) -> None:
        self.indexing.thread.submit(inheriting(self.catalogue.close))

    def close(self) -> None:
        """Close the catalogue, once nothing is under way."""
        self.checking.close()
        self.indexing.close()
        self.catalogue.close()


class CataloguePool:
    """The catalogues that a server has open: the KEPT_OPEN that were used last. For `announce` see
    CatalogueRefresher."""

    def __init__(
        self,
        extensions: Sequence[CatalogueExtension] = (),
        announce: Callable[[str, bool], None] | None = None,
    ) -> None:
        self.extensions, self.announce, self.job = extensions, announce, Job()
        self.lock, self.open = threading.Lock(), dict[tuple[Any, ...], CatalogueRefresher]()

    def catalogue(self, library: Library, first_wait: float | None = None) -> Catalogue:
        """The catalogue of a library, as up to date as CatalogueRefresher says; see its `current`
        for `first_wait`."""
        return self._refresher(library).current(first_wait)

    def indexed(self, library: Library) -> bool:
        """Whether the tables of extensions in the catalogue of a library are up to date, see
        CatalogueRefresher."""
        return self._refresher(library).indexed()

    def _refresher(self, library: Library) -> CatalogueRefresher:
        """What refreshes the catalogue of a library, which is opened where it is not."""
        extra = library.extensions - VIDEO_EXTENSIONS
        key = (library.root, library.artifacts_dir, library.recursive, extra)
        with self.lock:
            refresher = self.open.pop(key, None)
            if refresher is None:
                catalogue = Catalogue(library, self.extensions)
                refresher = CatalogueRefresher(
                    catalogue, library.recursive, self.job, self.announce
                )
            self.open[key] = refresher
            surplus = [self.open.pop(old) for old in list(self.open)[:-KEPT_OPEN]]
        for old in surplus:
            old.retire()
        return refresher

    def changed(self, *paths: str) -> None:
        """Refresh, at once, the videos at these absolute paths, which this process just changed, or
        whose sidecars it changed."""
        for refresher in list(self.open.values()):
            catalogue = refresher.catalogue
            top = f"{catalogue.root}/"
            rels = [path.removeprefix(top) for path in paths if path.startswith(top)]
            if not refresher.recursive:
                rels = [rel for rel in rels if "/" not in rel]
            catalogue.update(map(catalogue.video, rels))

    def close(self) -> None:
        """Cancel what runs and close every catalogue."""
        self.job.cancelled.set()
        for refresher in self.open.values():
            refresher.close()
