"""Locks on folders: one process, and one thread of it, changes a library at a time."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

from videolib.core.errors import VideoError
from videolib.core.files import stat_of
from videolib.core.text import shown

LOCK_PATIENCE = 60.0  # seconds to wait for another process to be done with a folder


@contextlib.contextmanager
def locked(folder: str | Path, patience: float = LOCK_PATIENCE) -> Iterator[None]:
    """Be the only one, among all processes and threads, who changes what is in a folder.

    The lock is on the folder itself: it leaves no file and ends with its owner, however that comes.
    Only where a network disk cannot lock folders it is on a file `.lock` in it. Readers need none.
    Where its last owner removed the folder it is made again: the lock is on what has that name now.
    Raises VideoError when another keeps it for longer than `patience` seconds.
    """
    import fcntl

    deadline, folder, name = time.monotonic() + patience, str(folder), ""
    descriptor = open_lock(folder, name)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if is_still(descriptor, folder + name):
                    break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    told = f"{shown(folder)}: another run keeps it locked: try later"
                    raise VideoError(told) from None
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
    """A descriptor to lock: of a folder, which is made again where it went, or of a file in it."""
    flags = (os.O_RDWR | os.O_CREAT if name else os.O_RDONLY) | os.O_CLOEXEC
    try:
        return os.open(folder + name, flags)
    except FileNotFoundError:
        Path(folder).mkdir(exist_ok=True)
        return os.open(folder + name, flags)


def is_still(descriptor: int, path: str) -> bool:
    """Whether an open file or folder still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), stat_of(path))
    except FileNotFoundError:
        return False
