"""Segments of encoded films on disk: of at most so many bytes, the newest, and gone with the
process."""

from __future__ import annotations

import os
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import IO

from videolib.core.errors import VideoError

Key = tuple[object, ...]  # of a segment: of which film, how encoded, its number


class SegmentCache:
    """Segments by their keys in one file that is filled from its begin again when it is full.

    The file has no name, so that nothing is left of it however the process ends.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit  # bytes
        self.lock = threading.Lock()
        self.file: IO[bytes] | None = None  # made when it is first needed
        self.end = 0  # where the next segment goes
        self.places: dict[Key, tuple[int, int]] = {}  # begin and size in the file
        self.order: deque[Key] = deque()  # of the segments, the oldest first

    def get(self, key: Key) -> bytes | None:
        """A segment; None where it is not there, or no more."""
        with self.lock:
            if self.file is None or key not in self.places:
                return None
            begin, size = self.places[key]
            return os.pread(self.file.fileno(), size, begin)

    def put(self, key: Key, content: bytes) -> None:
        """Keep a segment in the place of the oldest. Raises VideoError where the disk is full."""
        with self.lock:
            self.file = self.file or nameless_file()
            if key in self.places or len(content) > self.limit:
                return
            begin = self.end if self.end + len(content) <= self.limit else 0
            self._make_room(begin, begin + len(content))
            write_at(self.file.fileno(), content, begin)
            self.places[key] = (begin, len(content))
            self.order.append(key)
            self.end = begin + len(content)

    def _make_room(self, begin: int, end: int) -> None:
        """Forget the segments that have any of these bytes, which are among the oldest."""
        while self.order:
            start, size = self.places[self.order[0]]
            overlaps = start < end and begin < start + size
            is_skipped = begin == 0 and start >= self.end  # too little room before the file's end
            if not (overlaps or is_skipped):
                return
            del self.places[self.order.popleft()]

    def close(self) -> None:
        """Give the disk its room back."""
        with self.lock:
            if self.file:
                self.file.close()
            self.file, self.end = None, 0
            self.places.clear()
            self.order.clear()


def write_at(descriptor: int, content: bytes, begin: int) -> None:
    """Write bytes to a place in the file of the cache. Raises VideoError."""
    try:
        while content:
            written = os.pwrite(descriptor, content, begin)
            content, begin = content[written:], begin + written
    except OSError as error:
        folder = cache_folder()
        raise VideoError(f"segments cannot be kept in {folder}: {error.strerror}") from None


def nameless_file() -> IO[bytes]:
    """A new file without a name in the cache folder. Raises VideoError."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise VideoError(f"segments cannot be kept in {folder}: {error.strerror}") from None


def cache_folder() -> Path:
    """The user's folder for caches (XDG base directories)."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    return Path(home) if home.startswith("/") else Path.home() / ".cache"
