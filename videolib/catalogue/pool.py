"""Catalogues that a server keeps open and up to date while it answers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
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
SHORT_WAIT, LONG_WAIT = 0.2, 10.0  # seconds that an answer waits for a refresh
KEPT_OPEN = 8  # catalogues


class CatalogueRefresher:
    """A catalogue that a server keeps open, refreshed on request where a refresh is due.

    A library of up to SMALL_LIBRARY files is refreshed for every request. Of a larger one, the
    times of folders are checked every FOLDER_INTERVAL, which shows files that came, went or were
    replaced; the times of all files are checked after REST_FACTOR times the duration of such a
    check, which shows files that were edited in place. A request waits for a refresh, LONG_WAIT for
    a small library and SHORT_WAIT for a larger one, then is answered by the last refresh. The
    catalogue is `complete` once the first refresh has ended.
    """

    def __init__(self, catalogue: Catalogue, recursive: bool, job: Job) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.catalogue, self.recursive, self.job = catalogue, recursive, job
        catalogue.kept_current = True
        self.thread, self.lock = ThreadPoolExecutor(1, "refresh"), threading.Lock()
        self.scheduled: Future[None] | None = None
        self.small = False
        self.folders_due = self.files_due = 0.0  # when the next checks are, on the monotonic clock

    def current(self, first_wait: float | None = None) -> Catalogue:
        """The catalogue, as up to date as the class says.

        `first_wait`: seconds to wait for the first refresh; None: until it has ended.
        """
        with self.lock:
            # A refresh under way may have missed the latest changes; one still queued will not.
            begun = not self.scheduled or self.scheduled.running() or self.scheduled.done()
            if begun and self.folders_due <= time.monotonic():
                self.scheduled = self.thread.submit(inheriting(self.refresh))
            scheduled = self.scheduled
        wait = LONG_WAIT if self.small else SHORT_WAIT
        with contextlib.suppress(TimeoutError):
            if scheduled:
                scheduled.result(wait if self.catalogue.complete else first_wait)
        return self.catalogue

    def refresh(self) -> None:
        """Check all files where that is due, else the folders; nothing where neither is."""
        began = time.monotonic()
        if began < self.folders_due:
            return  # another refresh has just ended
        complete = self.files_due <= began
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
        self.catalogue.complete = True


class CataloguePool:
    """The catalogues that a server has open: the KEPT_OPEN that were used last."""

    def __init__(self, extensions: Sequence[CatalogueExtension] = ()) -> None:
        self.extensions, self.job, self.lock = extensions, Job(), threading.Lock()
        self.open: dict[tuple[Any, ...], CatalogueRefresher] = {}

    def catalogue(self, library: Library, first_wait: float | None = None) -> Catalogue:
        """The catalogue of a library, as up to date as CatalogueRefresher says; see its `current`
        for `first_wait`."""
        extra = library.extensions - VIDEO_EXTENSIONS
        key = (library.root, library.artifacts_dir, library.recursive, extra)
        with self.lock:
            refresher = self.open.pop(key, None) or self._refresher(library)
            self.open[key] = refresher
            surplus = [self.open.pop(old) for old in list(self.open)[:-KEPT_OPEN]]
        for old in surplus:
            old.thread.submit(old.catalogue.close)  # after its refresh has ended
        return refresher.current(first_wait)

    def _refresher(self, library: Library) -> CatalogueRefresher:
        catalogue = Catalogue(library, self.extensions)
        return CatalogueRefresher(catalogue, library.recursive, self.job)

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
            refresher.thread.shutdown()
            refresher.catalogue.close()
