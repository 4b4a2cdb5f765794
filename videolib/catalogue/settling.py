"""Settling: whether a file that came or changed is complete, as far as that can be seen.

It is when its size and time have been still for some seconds, nobody has it open for writing, and
nothing says that a download of it goes on. All times are of a clock that nobody sets.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from videolib.core.confinement import open_path
from videolib.core.files import stat_if_any

LONG_OPEN = 600.0  # seconds a still file may be open for writing before somebody is told
# Folders in which rsync gathers whole files under their final names, and the file with which aria2
# notes what is still missing of the one beside it. Other programs write under names that no video
# has (.part, .crdownload, .name.mp4.XXXXXX) and rename the complete file.
PARTIAL_FOLDERS = (".~tmp~", ".rsync-partial")
PARTIAL_MARK = ".aria2"


class FileVersion(NamedTuple):
    """Size (bytes) and mtime (ns) of a file: what artifacts are fresh or stale by."""

    size: int
    mtime_ns: int


def version_of(path: str) -> FileVersion | None:
    """The version of a file as it is now; None where there is none."""
    status = stat_if_any(path)
    return FileVersion(status.st_size, status.st_mtime_ns) if status else None


def is_open_for_writing(path: str) -> bool:
    """Whether any process has a file open for writing; False where the system does not say.

    Linux grants a lease for reading only on a file that nobody can write to, whoever that would be,
    to the owner of the file and to root. The lease is given back at once; a writer who comes in
    between waits for that, and the signal that tells us so is one that does nothing.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        descriptor = open_path(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False  # not our file, or a file system without leases
    finally:
        os.close(descriptor)
    return False


def is_partial(path: str) -> bool:
    """Whether its name, or a file beside it, says that a file is still being brought."""
    folder = os.path.basename(os.path.dirname(path))  # noqa: PTH119, PTH120 - a Path is slower
    return folder in PARTIAL_FOLDERS or os.path.lexists(path + PARTIAL_MARK)


class UnsettledFile(NamedTuple):
    """A file that has had this version since a moment, when to look at it again, and whether it has
    been said that it takes long."""

    version: FileVersion
    since: float
    due: float
    reported: bool = False


class SettlingFiles:
    """Files that came or changed, by absolute path, until they are complete.

    `seconds`: how long their size and time have to be still. `say` gets a path and a message about
    it, where that file is open for writing for long.
    """

    def __init__(
        self,
        seconds: float,
        say: Callable[[str, str], None],
        is_written: Callable[[str], bool] = is_open_for_writing,
    ) -> None:
        self.seconds, self.say, self.is_written = seconds, say, is_written
        self.files: dict[str, UnsettledFile] = {}

    def add(self, path: str, version: FileVersion, now: float) -> None:
        """Begin anew with a file. An empty one, as browsers put in the place of a download, is
        complete only when it has a content."""
        if version.size:
            self.files[path] = UnsettledFile(version, now, now + self.seconds)
        else:
            self.discard(path)

    def discard(self, path: str) -> None:
        """Forget a file."""
        self.files.pop(path, None)

    def due(self) -> float:
        """When the next file is to be looked at; infinite where there is none."""
        return min((file.due for file in self.files.values()), default=math.inf)

    def settled(self, now: float) -> Iterator[str]:
        """The files that are complete, which are forgotten. One that cannot be found stays: whoever
        sees that it went, and not the disk that it is on, discards it."""
        for path, file in [(p, f) for p, f in self.files.items() if f.due <= now]:
            version = version_of(path)
            if version is None:
                self.files[path] = file._replace(due=now + self.seconds)
            elif version != file.version:
                self.add(path, version, now)
            elif is_partial(path) or self.is_written(path):
                self._wait_longer(path, file, now)
            else:
                self.discard(path)
                yield path

    def _wait_longer(self, path: str, file: UnsettledFile, now: float) -> None:
        """Look at a still file again later, and ever less often: it may never be closed."""
        still = now - file.since
        is_news = still >= LONG_OPEN and not file.reported
        if is_news:
            self.say(path, "is still being written, or open for it: waits until that ends")
        due = now + max(self.seconds, still / 10)
        self.files[path] = file._replace(due=due, reported=file.reported or is_news)
