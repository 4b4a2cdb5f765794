"""A video file: where it is, what it is called, and by what it is known again."""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.confinement import open_path
from videolib.core.errors import BrokenVideoError, VideoError
from videolib.core.files import stat_if_any, stat_of
from videolib.storage.names import sidecar_key

if TYPE_CHECKING:
    from videolib.storage.subtitle_names import ExternalSubtitle


class Video(NamedTuple):
    """One video file: where it is, what the listed folder calls it, and where its sidecars live.

    `external_subtitles`: the subtitle files in the video's own folder, as `matching_subtitles`
    gives them; None where that folder has not been read.
    """

    path: str
    rel: str
    sidecar_dir: str
    external_subtitles: tuple[ExternalSubtitle, ...] | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def extension(self) -> str:
        return "." + self.name.rpartition(".")[2].lower()

    @property
    def key(self) -> str:
        return sidecar_key(self.name)


def need_video(video: Video) -> None:
    """Raise VideoError where a video is gone, or a link that leads nowhere."""
    if not stat_if_any(video.path):
        raise VideoError(missing_video(video.path))


def decoding_limit(*paths: str | Path) -> float:
    """The seconds that decoding videos whole may take: an hour, and another for each 180 MB."""
    sizes = (status.st_size for path in paths if (status := stat_if_any(str(path))))
    return 3600.0 + sum(sizes) / 50_000


def missing_video(path: str) -> str:
    """The reason for a video that was listed and cannot be found."""
    if Path(path).is_symlink():
        return "is a link that leads nowhere: mend it or delete it"
    return "vanished: it was there when the folder was listed"


def source_identity(video: Video) -> dict[str, Any]:
    """Size, mtime_ns and oshash of a video, by which it is recognized when it was moved."""
    with contextlib.suppress(VideoError):
        descriptor = open_regular(video.path)
        try:
            status = os.fstat(descriptor)
            head = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
            return head | {"oshash": oshash(descriptor)}
        finally:
            os.close(descriptor)
    status = stat_of(video.path)
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def open_regular(path: str) -> int:
    """A descriptor of a regular file. Raises VideoError, without waiting, for a FIFO, a folder, a
    device, an empty file and one that cannot be opened."""
    try:
        descriptor = open_path(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        raise VideoError(missing_video(path)) from None
    except OSError as error:
        raise VideoError(f"cannot be opened: {error.strerror}") from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size:
        return descriptor
    os.close(descriptor)
    if stat.S_ISREG(status.st_mode):
        raise BrokenVideoError("is empty (0 bytes): copy it again or delete it")
    raise BrokenVideoError("is not a regular file: nothing can be read from it")


def oshash(descriptor: int) -> str:
    """The 64-bit hash by which media catalogues know a file, in hexadecimal; "" below 9 bytes.

    It is the size plus the first and the last 64 KiB as little-endian words, modulo 2^64, as
    OpenSubtitles defined it. Being a sum, it tells likely copies, and never proves identity.
    """
    size = os.fstat(descriptor).st_size
    if size <= 8:
        return ""
    length = min(size // 8 * 8, 65536)
    words = struct.Struct(f"<{length // 8}Q")
    parts = (os.pread(descriptor, length, start) for start in (0, size - length))
    total = size + sum(sum(words.unpack(part)) for part in parts)
    return f"{total % 2**64:016x}"
