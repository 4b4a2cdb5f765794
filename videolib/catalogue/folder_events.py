"""Folder events: what changed in folders, as the system notifies of it or as their times show.

`NotifiedFolders` is told by the system (watchfiles: inotify, FSEvents), at once and for nothing.
`PolledFolders` looks at the times of folders, where nothing notifies: on network mounts, of what
other machines write. `ChosenEvents` begins with the first and falls back to the second.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from videolib.core.confinement import real_path
from videolib.core.files import stat_if_any
from videolib.core.program import install_command

if TYPE_CHECKING:
    import threading

MANY_CHANGES = 4096  # in one report: so many may have overrun the queue of the system
# How many times as long as a look lasted the next one is put off; also where changes were missed.
WALL_FACTOR, CPU_FACTOR, HASTE_FACTOR = 30, 1000, 10


class FolderChanges(NamedTuple):
    """The absolute paths of files and folders that changed; with `missed` there may be others, and
    everything has to be looked at."""

    paths: frozenset[str] = frozenset()
    missed: bool = False


class FolderEvents(Protocol):
    """A source of events. `delay`: the seconds after which a change has been reported."""

    @property
    def delay(self) -> float: ...

    def follow(self, folders: Sequence[str]) -> None:
        """Report from now on what changes in these folders, and no longer in others."""

    def wait(self, seconds: float) -> FolderChanges:
        """What changed since the last call, once there is something or that time is over."""

    def close(self) -> None:
        """End it."""


class NotificationsError(Exception):
    """The system does not notify of changes; the message is the reason."""


class NotifiedFolders:
    """Events as the system reports them. `stop` ends a wait.

    On Linux each folder is watched by itself: sidecar folders, and what links lead to, would cost
    watches and report what this program writes.
    """

    delay = 1.0
    STEP: ClassVar = 400  # ms from one look for reports to the next
    GATHERED: ClassVar = 1600  # ms for which reports are gathered, where they do not end

    def __init__(self, root: str, stop: threading.Event) -> None:
        self.root, self.stop, self.failed = root, stop, False
        self.real_root = real_path(root)  # by which a Mac names what is in it
        self.watcher: Any = None

    def follow(self, folders: Sequence[str]) -> None:
        """Raises NotificationsError, for instance when there are more folders than the system
        watches for one user."""
        # The documented interface below the loops of the package.
        from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

        by_folder = sys.platform == "linux"
        paths = list(filter(can_be_watched, folders)) if by_folder else [self.root]
        former = self.watcher
        try:
            self.watcher = RustNotify(paths, False, False, 0, not by_folder, False)
            self.failed = False
        except FileNotFoundError:
            self.failed = True  # a folder went meanwhile: all is scanned, and these are followed
        except (OSError, WatchfilesRustInternalError) as error:
            self.watcher = None
            raise NotificationsError(str(error).strip(". ")) from None
        finally:
            if former is not None and former is not self.watcher:
                former.close()

    def wait(self, seconds: float) -> FolderChanges:
        from watchfiles._rust_notify import WatchfilesRustInternalError

        if self.failed or self.watcher is None:
            self.stop.wait(min(seconds, self.delay))
            return FolderChanges(missed=True)
        milliseconds = max(int(seconds * 1000), 1)
        try:
            reports = self.watcher.watch(self.GATHERED, self.STEP, milliseconds, self.stop)
        except WatchfilesRustInternalError:  # of a name that is no text, and then for ever
            self.failed = True
            return FolderChanges(missed=True)
        if isinstance(reports, str):  # why there are none
            return FolderChanges()
        paths = frozenset(self._named(path) for _, path in reports)
        return FolderChanges(paths, len(paths) >= MANY_CHANGES)

    def _named(self, path: str) -> str:
        """The path below the root as the caller names that."""
        if self.real_root != self.root and path.startswith(f"{self.real_root}/"):
            return self.root + path[len(self.real_root) :]
        return path

    def close(self) -> None:
        if self.watcher is not None:
            self.watcher.close()
        self.watcher = None


def can_be_watched(path: str) -> bool:
    """Whether a folder is readable and its path has no undecodable bytes, which notifications
    cannot name: a look at all files finds what changes there."""
    with contextlib.suppress(UnicodeEncodeError):
        path.encode()
        return os.access(path, os.R_OK)
    return False


class Pause:
    """When to look again: `interval` seconds later, and later where the look took long, so that
    looking costs a thousandth of a core and a thirtieth of the time of a disk."""

    def __init__(self, interval: float, clock: Callable[[], float]) -> None:
        self.interval, self.clock, self.due = interval, clock, clock()
        self.began = self.cpu_began = 0.0
        self.earliest = self.due

    def __enter__(self) -> None:
        self.began, self.cpu_began = self.clock(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        now = self.clock()
        wall, cpu = now - self.began, time.thread_time() - self.cpu_began
        self.due = now + max(self.interval, WALL_FACTOR * wall, CPU_FACTOR * cpu)
        self.earliest = now + HASTE_FACTOR * wall

    def hasten(self) -> None:
        """Look again as soon as the cost of the last look allows, without the interval."""
        self.due = min(self.due, self.earliest)

    @property
    def left(self) -> float:
        """Seconds until the next look; none or fewer: now."""
        return self.due - self.clock()


class PolledFolders:
    """Events by looking at the times of folders every `interval` seconds or more.

    They show names that came, went or were replaced, not what is written into a file. A folder that
    changed is reported again by the next look: its time may have been too coarse to show another
    change right after it.
    """

    def __init__(
        self,
        interval: float,
        sleep: Callable[[float], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sleep, self.pause = sleep, Pause(interval, clock)
        self.times: dict[str, tuple[int, bool]] = {}  # mtime in ns, and whether seen twice

    @property
    def delay(self) -> float:
        return self.pause.interval

    def follow(self, folders: Sequence[str]) -> None:
        self.times = {folder: self.times.get(folder, (-1, False)) for folder in folders}

    def wait(self, seconds: float) -> FolderChanges:
        self.sleep(max(min(seconds, self.pause.left), 0.0))
        if self.pause.left > 0:
            return FolderChanges()
        with self.pause:
            return FolderChanges(frozenset(filter(self._has_changed, self.times)))

    def _has_changed(self, folder: str) -> bool:
        status = stat_if_any(folder)
        mtime_ns, (known_ns, twice) = status.st_mtime_ns if status else 0, self.times[folder]
        if mtime_ns == known_ns and twice:
            return False
        self.times[folder] = mtime_ns, mtime_ns == known_ns
        return True

    def close(self) -> None:
        self.times.clear()


class ChosenEvents:
    """Notifications while the system gives them, then polling; `say` gets the reason."""

    def __init__(
        self,
        notified: FolderEvents | None,
        polled: FolderEvents,
        say: Callable[[str], None],
    ) -> None:
        self.notified, self.polled, self.say = notified, polled, say

    @property
    def current(self) -> FolderEvents:
        return self.notified or self.polled

    @property
    def delay(self) -> float:
        return self.current.delay

    def follow(self, folders: Sequence[str]) -> None:
        try:
            self.current.follow(folders)
        except NotificationsError as error:
            self.notified = None
            self.say(
                f"no notifications of changes ({error}): looks every {self.polled.delay:g} s;"
                " sysctl fs.inotify.max_user_watches is what Linux watches at most"
            )
            self.polled.follow(folders)

    def wait(self, seconds: float) -> FolderChanges:
        return self.current.wait(seconds)

    def close(self) -> None:
        for events in filter(None, (self.notified, self.polled)):
            events.close()


# === What to choose ===============================================================================

POLL_LOCAL, POLL_NETWORK = 10.0, 30.0  # seconds from look to look where nobody says
# Types of file systems of which other machines, or the host of a virtual one, write a part that
# this system is not notified of; and all of FUSE (sshfs, rclone, mergerfs), except block devices.
NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "9p", "afs", "afpfs", "ceph", "coda", "davfs"}
    | {"glusterfs", "lustre", "beegfs", "gfs2", "ocfs2", "ncpfs", "virtiofs", "vboxsf", "prl_fs"}
    | {"drvfs", "fuse", "fakeowner", "webdav"}
)


def network_mount(folder: str, mountinfo: str) -> tuple[str, str]:
    """Mount point and type of the network file system that an absolute path without links is on, or
    that is mounted below it; ("", "") where there is none. `mountinfo` is Linux's file of it."""
    mounts = dict(mounts_in(mountinfo.splitlines()))
    parents = [folder, *map(str, Path(folder).parents)]
    own = next((path for path in parents if path in mounts), "")
    below = [path for path in mounts if path.startswith(f"{folder.rstrip('/')}/")]
    for path in filter(None, [own, *below]):
        kind = mounts[path]
        if kind in NETWORK_TYPES or kind.startswith("fuse."):
            return path, kind
    return "", ""


def mounts_in(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Mount point and type of each line; of two at one place the later one is seen."""
    for line in lines:
        head, dash, rest = line.partition(" - ")
        fields = head.split(" ")
        if dash and len(fields) > 4 and rest:
            yield re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[4]), rest.split(" ")[0]


def choose_events(
    root: str, poll: float | None, stop: threading.Event, say: Callable[[str], None]
) -> ChosenEvents:
    """The events of the folders of a library, whose root is an absolute path; `say` is told what
    they are. `poll`: the seconds from look to look, where the user wants no notifications."""
    from importlib.util import find_spec

    try:
        mountinfo = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        mountinfo = ""  # another system
    place, kind = network_mount(real_path(root), mountinfo)
    interval = poll or (POLL_NETWORK if kind else POLL_LOCAL)
    polled = PolledFolders(interval, stop.wait)
    looks = f"looks for changes every {interval:g} s"
    notified = None
    if poll:
        say(looks)
    elif kind:
        say(f"{looks}: {place} is {kind}, where nothing tells what other machines write")
    elif find_spec("watchfiles") is None:
        say(f"{looks}: {install_command('watchfiles')} makes it notice at once")
    else:
        say("notices changes at once")
        notified = NotifiedFolders(root, stop)
    return ChosenEvents(notified, polled, say)
