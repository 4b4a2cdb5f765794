"""Locks on folders: one process, and one thread of it, changes a library at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from videolib.core.confinement import open_path
from videolib.core.errors import VideoError
from videolib.core.files import make_folder, naming, stat_of
from videolib.core.text import printable

LOCK_TIMEOUT = 60.0  # seconds to wait for another process to be done with a folder


@contextlib.contextmanager
def locked(folder: str | Path, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
    """Hold the only lock, among all processes and threads, for changes in a folder.

    The lock is on the folder itself (flock): it leaves no file and ends with its process, however
    that dies. On a network disk that cannot lock folders it is on a file `.lock` in it. Readers
    take none. A folder that the last owner removed is made again, so that the lock is always on
    the folder that has the name now. Raises VideoError where somebody else holds the lock for
    longer than `timeout` seconds.
    """
    import fcntl

    deadline, folder, name = time.monotonic() + timeout, str(folder), ""
    descriptor = open_lock(folder, name)
    try:
        while True:
            try:
                with naming(folder + name):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if is_named(descriptor, folder + name):
                    break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    message = f"{printable(folder)}: another run keeps it locked: try later"
                    raise VideoError(message) from None
                time.sleep(0.002)
                continue
            except OSError as error:
                if name or error.errno not in (errno.EBADF, errno.EINVAL):
                    raise
                name = "/.lock"
            old, descriptor = descriptor, open_lock(folder, name)
            os.close(old)
        yield
    finally:
        os.close(descriptor)


def open_lock(folder: str, name: str) -> int:
    """A descriptor to lock: of the folder, made again where it is gone, or of the file `name`."""
    flags = os.O_RDWR | os.O_CREAT if name else os.O_RDONLY
    try:
        return open_path(folder + name, flags)
    except FileNotFoundError:
        make_folder(Path(folder))
        return open_path(folder + name, flags)


def is_named(descriptor: int, path: str) -> bool:
    """Whether an open file or folder is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), stat_of(path))
    except FileNotFoundError:
        return False
