"""Catalogues that a server keeps open and up to date while it answers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from videolib.catalogue.catalogue import Catalogue
from videolib.core.runs import Job
from videolib.storage.names import VIDEO_EXTENSIONS

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from videolib.catalogue.store import CatalogueExtension
    from videolib.storage.folders import Library


LOOKED_EACH_TIME = 1000  # files that are looked at before every answer


GLANCES = 1.0  # s from one to the next, at least ...


LEISURE = 30  # ... and so many times as long as the last took; the same for looks


PATIENCE, LONG_PATIENCE = 0.2, 10.0  # s that an answer waits for a look; see Lookout


KEPT_OPEN = 8


class CatalogueRefresher:
    """A catalogue that a server keeps open and up to date while it answers.

    With at most LOOKED_EACH_TIME files, every answer is about the folder as it was after the
    request. With more, the times of folders are checked once a second, which shows what came, went
    or was replaced; those of files as often as this takes 1/LEISURE of the time, which shows what
    was edited in place. An answer waits PATIENCE for such a look (LONG_PATIENCE with few files),
    then goes by the last one. A page waits LONG_PATIENCE for the very first look, and says that it
    is not `complete` when that is not enough.
    """

    def __init__(
        self, catalogue: Catalogue, recursive: bool, pool: ThreadPoolExecutor, job: Job
    ) -> None:
        self.catalogue, self.recursive = catalogue, recursive
        self.catalogue.tended = True
        self.pool, self.job, self.lock, self.turn = pool, job, threading.Lock(), threading.Lock()
        self.glance_due = self.look_due = 0.0
        self.small = False
        self.looking: Future[None] | None = None  # the last look that was ordered, and ...
        self.begun = False  # ... whether it has begun: then it may have missed what came since

    def ready(self, first: float | None = None) -> Catalogue:
        """The catalogue, up to date as far as that is promised.

        For the end of the `first` look no more than so many seconds are waited; see `complete`.
        """
        with self.lock:
            looking = self.looking
            if not looking or (self.begun and self.due()):
                self.begun = False
                looking = self.looking = self.pool.submit(self.look)
        patience = LONG_PATIENCE if self.small else PATIENCE
        with contextlib.suppress(TimeoutError):
            looking.result(patience if self.catalogue.complete else first)
        return self.catalogue

    def due(self) -> bool:
        return min(self.glance_due, self.look_due) <= time.monotonic()

    def look(self) -> None:
        """Look at the folder in the way that is due, after the look that is under way."""
        with self.turn:
            with self.lock:
                self.begun = True
            if self.due():
                self.look_now()

    def look_now(self) -> None:
        began = time.monotonic()
        whole = self.look_due <= began
        if whole:
            self.catalogue.refresh(self.job, self.recursive)
        else:
            self.catalogue.refresh_changed(self.job, self.recursive)
        now = time.monotonic()
        self.glance_due = now + max(GLANCES, LEISURE * (now - began))
        if whole:
            self.small = self.catalogue.looked_at <= LOOKED_EACH_TIME
            self.look_due = now if self.small else self.glance_due
        self.catalogue.complete = True


class CataloguePool:
    """The catalogues that a server has open, the last few that were asked for."""

    def __init__(self, extensions: Sequence[CatalogueExtension] = ()) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self.extensions = extensions
        # For each catalogue a look and the next: a large folder keeps no small one waiting.
        self.pool, self.job = ThreadPoolExecutor(2 * KEPT_OPEN, "look"), Job()
        self.lock = threading.Lock()
        self.open: dict[tuple[Any, ...], CatalogueRefresher] = {}

    def catalogue(self, library: Library, first: float | None = None) -> Catalogue:
        """The catalogue of a folder, up to date as Lookout says."""
        extra = library.extensions - VIDEO_EXTENSIONS
        key = (library.root, library.artifacts_dir, library.recursive, extra)
        with self.lock:
            refresher = self.open.pop(key, None) or self._refresher(library)
            self.open[key] = refresher
            gone = [self.open.pop(old) for old in list(self.open)[:-KEPT_OPEN]]
        for old in gone:
            self.pool.submit(old.catalogue.close)  # which waits for the end of its look
        return refresher.ready(first)

    def _refresher(self, library: Library) -> CatalogueRefresher:
        catalogue = Catalogue(library, self.extensions)
        return CatalogueRefresher(catalogue, library.recursive, self.pool, self.job)

    def changed(self, *paths: str) -> None:
        """Videos, or what belongs to them, were just changed here or are gone: all know at once."""
        for refresher in list(self.open.values()):
            catalogue = refresher.catalogue
            top = f"{catalogue.root}/"
            rels = [path[len(top) :] for path in paths if path.startswith(top)]
            theirs = [rel for rel in rels if refresher.recursive or "/" not in rel]
            catalogue.update(map(catalogue.video, theirs))

    def close(self) -> None:
        self.job.cancelled.set()
        self.pool.shutdown()
        for refresher in self.open.values():
            refresher.catalogue.close()
