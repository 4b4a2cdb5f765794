"""Watching a library: which videos came, changed, moved or went, in batches that are complete.

FolderEvents tell a LibraryWatcher where to look. It compares folders with its LibrarySnapshot, and
SettlingFiles decide when a video may be touched. It knows nothing of what is then made. What it
remembers is what is on disk, and a bounded number of videos that went.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from videolib.catalogue.folder_events import FolderChanges, FolderEvents, Pause
from videolib.catalogue.settling import (
    FileVersion,
    SettlingFiles,
    is_open_for_writing,
    version_of,
)
from videolib.core.confinement import real_path
from videolib.core.errors import VideoError
from videolib.core.files import is_folder, stat_if_any
from videolib.core.locks import locked
from videolib.core.text import printable
from videolib.storage.left_out import left_out_line

if TYPE_CHECKING:
    from videolib.storage.folders import Library

BATCH = 64  # videos that are handed out at a time: what comes meanwhile waits for so many
GONE_KEPT = 10_000  # videos that went, in case they turn up elsewhere
SWEEP = 600.0  # seconds, at least, from one look at every file to the next
ROOT_INTERVAL = 15.0  # seconds, at most, from one look whether the library is there to the next
# Seconds until a video that failed is tried again, each time; then only when it changes.
RETRIES = (60.0, 300.0, 1200.0, 3600.0, 14400.0)


class WatchedBatch(NamedTuple):
    """Videos to look after, by their paths from the root: new or changed ones, which are complete;
    and of those that went the ones of the same sizes, which may have become one of these."""

    videos: list[str]
    gone: list[str]


# === What is there ================================================================================


class FolderChange(NamedTuple):
    """What differs in a folder from when it was last scanned: videos by path, with their present or
    last version, and the folders in it that are new."""

    changed: dict[str, FileVersion]
    gone: dict[str, FileVersion]
    folders: list[str]


class FolderState(NamedTuple):
    """A folder as it was last scanned: its videos by name, and the paths of the folders in it."""

    videos: dict[str, FileVersion]
    folders: list[str]


class LibrarySnapshot:
    """The videos of a library as they were when their folders were last scanned.

    A folder is its path from the root, "" or ending in a slash. `unreadable`: the reasons why some
    cannot be listed; their last state is kept.
    """

    def __init__(self, library: Library) -> None:
        self.library, self.top = library, f"{str(library.root.absolute()).rstrip('/')}/"
        self.folders: dict[str, FolderState] = {}
        self.unreadable: dict[str, str] = {}

    def __len__(self) -> int:
        return sum(len(folder.videos) for folder in self.folders.values())

    def paths(self) -> list[str]:
        """The absolute paths of all folders."""
        return [f"{self.top}{below}".rstrip("/") or "/" for below in self.folders]

    def scan(self, below: str) -> FolderChange:
        """Scan a folder again; one that is gone is forgotten, with all that were in it."""
        if not stat_if_any(self.top + below):
            return FolderChange({}, self._forget(below), [])
        before = self.folders.get(below, FolderState({}, []))
        folder = next(self.library.walk(below))
        versions = ((video.name, version_of(video.path)) for video in folder.videos)
        present = {name: version for name, version in versions if version}
        if self._is_unreadable(below):
            return FolderChange({}, {}, [])
        self.folders[below] = FolderState(present, folder.folders)
        gone = {below + n: v for n, v in before.videos.items() if n not in present}
        for inner in {*before.folders} - {*folder.folders}:
            gone |= self._forget(inner)
        changed = {below + n: v for n, v in present.items() if before.videos.get(n) != v}
        return FolderChange(changed, gone, [n for n in folder.folders if n not in self.folders])

    def _is_unreadable(self, below: str) -> bool:
        """Whether the walk that just ended could not list a folder; notes why."""
        problems = [reason for name, reason in self.library.problems if name == (below or "./")]
        self.library.problems.clear()
        self.unreadable.pop(below, None)
        if problems:
            self.unreadable[below] = problems[0]
        return bool(problems)

    def _forget(self, below: str) -> dict[str, FileVersion]:
        """Forget a folder and those in it; returns the videos that were there."""
        gone: dict[str, FileVersion] = {}
        pending = [below]
        while pending:
            inner = pending.pop()
            if state := self.folders.pop(inner, None):
                gone |= {inner + name: version for name, version in state.videos.items()}
                pending += state.folders
            self.unreadable.pop(inner, None)
        return gone

    def update(self, rel: str) -> FileVersion | None:
        """The version of a video that is known, where it changed; None where it did not."""
        below, _, name = rel.rpartition("/")
        videos = self.folders[f"{below}/" if below else ""].videos
        version = version_of(self.top + rel)
        if version is None or version == videos[name]:
            return None
        videos[name] = version
        return version

    def knows(self, rel: str) -> bool:
        """Whether there was a video at a path."""
        below, _, name = rel.rpartition("/")
        state = self.folders.get(f"{below}/" if below else "")
        return state is not None and name in state.videos

    def places(self, path: str) -> Iterator[str]:
        """The folders to scan because of an event at an absolute path."""
        rel = f"{path}/"[len(self.top) :].rstrip("/")
        below = rel[: rel.rfind("/") + 1]
        if not f"{path}/".startswith(self.top):
            return
        if not rel or f"{rel}/" in self.folders:
            yield f"{rel}/" if rel else ""
        elif below in self.folders and (self._may_be_video(rel) or is_folder(path)):
            yield below

    def _may_be_video(self, rel: str) -> bool:
        return f".{rel.rpartition('.')[2].lower()}" in self.library.extensions


class LibraryRoot:
    """The folder of a library on a disk that may go and come back, as network shares do.

    A folder of the same name, on the disk where another was mounted, is not taken for it.
    """

    def __init__(self, root: Path) -> None:
        self.path = real_path(root)
        self.mount_point = mount_point_of(self.path)
        self.last: tuple[int, int] | None = None

    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the folder; None while it is not there."""
        status = stat_if_any(self.path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            return None
        identity = status.st_dev, status.st_ino
        if identity != self.last:
            if not os.path.ismount(self.mount_point):
                return None
            self.last, self.mount_point = identity, mount_point_of(self.path)
        return identity


def mount_point_of(path: str) -> str:
    """The folder where the file system is mounted that an absolute path without links is on."""
    folders = (path, *map(str, Path(path).parents))
    return next((folder for folder in folders if os.path.ismount(folder)), "/")


# === The watcher ==================================================================================


class LibraryWatcher:
    """Gives out the videos of a library that are new or changed, the first time all of them.

    `connect` makes the events, anew whenever the library comes back. `settle`: seconds for which a
    video has to be still. `say` gets messages. `sleep` waits where there are no events. `clock` is
    one that nobody sets. `changed` is called when videos came, changed or went, complete or not.
    """

    def __init__(
        self,
        library: Library,
        connect: Callable[[], FolderEvents],
        settle: float,
        say: Callable[[str], None],
        sleep: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
        is_written: Callable[[str], bool] = is_open_for_writing,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.connect, self.settle, self.say = connect, settle, say
        self.sleep, self.clock, self.changed = sleep, clock, changed
        self.snapshot, self.root = LibrarySnapshot(library), LibraryRoot(library.root)
        self.settling = SettlingFiles(settle, self._say_of, is_written)
        self.events: FolderEvents | None = None  # None: the library is not there
        self.identity: tuple[int, int] | None = None  # of the root that is watched
        self.away, self.unfollowed, self.is_first_scan = False, True, True
        self.pending = set[str]()  # folders to scan
        self.ready: dict[str, None] = {}  # paths of complete videos, in the order they came
        self.gone: dict[str, int] = {}  # paths and sizes of videos that went
        self.failed: dict[str, tuple[int, float]] = {}  # how often a video was, and when it is due
        self.sweep = Pause(SWEEP, clock)
        self.waited = clock()  # when events were last waited for

    def batches(
        self, stop: Callable[[], bool], may_work: Callable[[], bool] = lambda: True
    ) -> Iterator[WatchedBatch]:
        """Batches until `stop`, which ends waits, too; none while `may_work` forbids it."""
        try:
            while not stop():
                if self._is_there():
                    self._scan()
                    self._collect()
                    if self.ready and may_work():
                        yield self._batch()
                        if self.clock() - self.waited < ROOT_INTERVAL:
                            continue
                self._wait()
        finally:
            self._disconnect()

    def finish(self, batch: WatchedBatch, failed: Collection[str], unbegun: Iterable[str]) -> None:
        """Take note of what came of a batch: videos that failed are tried again later, those that
        were not begun with the next batch."""
        for rel in batch.videos:
            count, _ = self.failed.pop(rel, (0, 0.0))
            if rel in failed and count < len(RETRIES) and self.snapshot.knows(rel):
                self.failed[rel] = count + 1, self.clock() + RETRIES[count]
        self.ready = dict.fromkeys([*unbegun, *self.ready])

    def _say_of(self, path: str, message: str) -> None:
        self.say(f"{printable(path.removeprefix(self.snapshot.top))}: {message}")

    # --- The root and its events

    def _is_there(self) -> bool:
        """Whether the library is there; what changes about that is said, and events connected."""
        identity = self.root.identity()
        if identity is None:
            self._disconnect()
            if not self.away:
                self.say("is not there: waits until it is back")
            self.away = True
        elif identity != self.identity:
            self._disconnect()
            if self.away:
                self.say("is there again")
            self.events, self.identity, self.away = self.connect(), identity, False
            self.unfollowed, self.sweep.due = True, self.clock()
        return not self.away

    def _disconnect(self) -> None:
        if self.events:
            self.events.close()
        self.events, self.identity = None, None

    def _wait(self) -> None:
        """Wait for events, but no longer than until something else is due."""
        if self.events is None:
            self.sleep(ROOT_INTERVAL / 3)
            return
        due = min([self.settling.due(), *(due for _, due in self.failed.values())])
        seconds = min(due - self.clock(), self.sweep.left, ROOT_INTERVAL)
        self._note(self.events.wait(max(seconds, 0.0)))
        self.waited = self.clock()

    def _note(self, changes: FolderChanges) -> None:
        """Take note of events: they only say where to look."""
        if changes.missed:
            self.unfollowed = True
            self.sweep.hasten()
        for path in changes.paths:
            rel = path.removeprefix(self.snapshot.top)
            if self.snapshot.knows(rel) and stat_if_any(path):
                if version := self.snapshot.update(rel):
                    self._begin(rel, version)
            else:
                self.pending.update(self.snapshot.places(path))

    def _follow(self) -> None:
        """Have the events of all folders that are known reported."""
        if self.events and self.snapshot.folders:
            self.unfollowed = False
            self.events.follow(self.snapshot.paths())

    # --- What changed

    def _scan(self) -> None:
        """Scan the folders in which something changed, and all of them now and then."""
        if self.sweep.left <= 0:
            with self.sweep:
                if self.unfollowed:
                    self._follow()
                self._scan_folders({"", *self.snapshot.folders})
            self._say_left_out()
        if self.pending:
            self._scan_folders(self.pending)

    def _say_left_out(self) -> None:
        """Say once what is not watched."""
        if self.is_first_scan and (left_out := self.snapshot.library.left_out):
            self.say(left_out_line(left_out))
        self.is_first_scan = False

    def _scan_folders(self, pending: set[str]) -> None:
        """Scan folders, and those that turn up in them; the latter once more when their events are
        followed, as something may have come in between."""
        self.pending = set()
        unreadable, any_change = set(self.snapshot.unreadable), False
        while pending:
            new = set[str]()
            while pending:
                below = pending.pop()
                if below not in self.snapshot.folders:
                    new.add(below)
                change = self.snapshot.scan(below)
                pending.update(change.folders)
                self._take(change)
                any_change = any_change or bool(change.changed or change.gone)
            if new:
                self._follow()
                pending = new & self.snapshot.folders.keys()
        if any_change:
            self.changed()
        for below in self.snapshot.unreadable.keys() - unreadable:
            self.say(f"{printable(below or './')}: {self.snapshot.unreadable[below]}")

    def _take(self, change: FolderChange) -> None:
        """Let what changed in a folder settle, and remember what went."""
        for rel, version in change.gone.items():
            self.settling.discard(self.snapshot.top + rel)
            self.ready.pop(rel, None)
            self.failed.pop(rel, None)
            self.gone.pop(rel, None)
            self.gone[rel] = version.size
        for rel in list(itertools.islice(self.gone, max(len(self.gone) - GONE_KEPT, 0))):
            del self.gone[rel]
        for rel, version in change.changed.items():
            self._begin(rel, version)

    def _begin(self, rel: str, version: FileVersion) -> None:
        """Let a video settle that is new or changed."""
        self.ready.pop(rel, None)
        self.failed.pop(rel, None)
        self.gone.pop(rel, None)
        self.settling.add(self.snapshot.top + rel, version, self.clock())

    def _collect(self) -> None:
        """Move what has settled, and what is to be tried again, to what is ready."""
        if self.events:
            self.settling.seconds = max(self.settle, self.events.delay)
        now, top = self.clock(), len(self.snapshot.top)
        settled = [path[top:] for path in self.settling.settled(now)]
        again = [rel for rel, (_, due) in self.failed.items() if due <= now]
        for rel in again:
            self.failed[rel] = self.failed[rel][0], math.inf
        self.ready.update(dict.fromkeys([*settled, *again]))

    def _batch(self) -> WatchedBatch:
        """The videos that have been ready for the longest time."""
        videos = list(itertools.islice(self.ready, BATCH))
        for rel in videos:
            del self.ready[rel]
        sizes = {size for rel in videos if (size := self._size(rel))} if self.gone else set()
        gone = [rel for rel, size in self.gone.items() if size in sizes]
        for rel in gone:
            del self.gone[rel]
        return WatchedBatch(videos, gone)

    def _size(self, rel: str) -> int:
        status = stat_if_any(self.snapshot.top + rel)
        return status.st_size if status else 0


# === One watcher of a library =====================================================================


@contextlib.contextmanager
def only_watcher(root: Path) -> Iterator[None]:
    """Hold the lock of those who watch a folder, on this machine and for this user.

    It is in the cache folder: an open file in the library would keep its disk from being
    unmounted. Raises VideoError where another process has it.
    """
    import hashlib

    import platformdirs

    digest = hashlib.sha256(os.fsencode(real_path(root))).hexdigest()[:16]
    folder = Path(platformdirs.user_cache_dir("video-library")) / "watched" / digest
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, timeout=0.0))
        except VideoError:
            named = printable(str(root))
            raise VideoError(f"{named}: is being watched by another process: end that") from None
        yield
