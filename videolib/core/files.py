"""Files: atomic writes, renames that never overwrite, reading, and looking into folders."""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import math
import os
import stat
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from videolib.core.errors import Failure, UsageError, VideoError, attempt
from videolib.core.text import human_size, printable


def stat_of(path: str) -> os.stat_result:
    """What the file system says of a file."""
    return os.stat(path)  # noqa: PTH116 - a Path per video makes listings half as fast


def stat_if_any(path: str) -> os.stat_result | None:
    """What the file system says of a file; None where there is none, or nothing to be seen."""
    with contextlib.suppress(OSError):
        return stat_of(path)
    return None


def is_folder(path: str) -> bool:
    """Whether there is a folder, or a link to one; not where the file system refuses to say."""
    found = stat_if_any(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def file_identity(found: os.stat_result) -> tuple[int, int, int]:
    """What differs when a file was written again or another is in its place."""
    return found.st_ino, found.st_size, found.st_mtime_ns


def is_possible_path(path: Path) -> bool:
    """Whether a file system can have such a path; one that climbs with `..` is not wanted."""
    raw = attempt(os.fsencode, path)
    if isinstance(raw, Failure) or b"\0" in raw or len(raw) > 4000:
        return False
    return all(part != b".." and len(part) <= 255 for part in raw.split(b"/"))


def need_folder(place: Path, named: str = "") -> None:
    """Raise UsageError where a path is no folder; `named` is the flag that gave it."""
    if not place.is_dir():
        there = os.path.lexists(place)
        why = "not a directory: name the one it is in" if there else "no such file or directory"
        raise UsageError(f"{named}{printable(str(place))}: {why}")


SCRATCH = ".tmp-"


LARGEST_FILE = 512 << 20  # bytes that are read at once: no sidecar or journal has as many


@functools.cache
def this_host() -> str:
    """A short mark of this machine, since a library on a NAS may have writers on several."""
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


_scratch_numbers = itertools.count()


def scratch_name() -> str:
    """A new name for a temporary, from which anyone can tell whether its owner still lives."""
    return f"{SCRATCH}{this_host()}-{os.getpid()}-{next(_scratch_numbers)}"


def process_alive(pid: int) -> bool:
    """Whether a process of this machine lives; where that can't be seen, it does."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no such folder here: it takes signals, so it lives
    return state != b"Z"  # one that only waits to be counted is dead


def remove(path: str | Path) -> None:
    """Remove a file or a folder of ours; nothing happens where there is none."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_through(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_to_disk(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    with reading(path) as descriptor:
        os.fsync(descriptor)


@functools.cache
def exclusive_rename() -> Callable[[bytes, bytes], int]:
    """The system's call that renames and never overwrites; what it returns is an error number."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd, noreplace, exclusive = -100, 1, 4

    def rename(source: bytes, target: bytes) -> int:
        if hasattr(libc, "renameat2"):  # Linux
            failed = libc.renameat2(at_cwd, source, at_cwd, target, noreplace)
        elif hasattr(libc, "renamex_np"):  # macOS
            failed = libc.renamex_np(source, target, exclusive)
        else:
            return errno.ENOSYS
        return ctypes.get_errno() if failed else 0

    return rename


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or folder, never over another. Raises FileExistsError where there is one."""
    code = exclusive_rename()(os.fsencode(source), os.fsencode(target))
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        rename_in_steps(source, target)
    elif code:
        raise OSError(code, os.strerror(code), str(source), None, str(target))


def rename_in_steps(source: Path, target: Path) -> None:
    """Rename where the disk has no call for it: by a hard link, which is never put over a file."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        # A folder, or no hard links here (FAT, some network disks): the best there is.
        if target.exists() or target.is_symlink():
            raise FileExistsError(errno.EEXIST, "File exists", source, None, target) from None
        source.rename(target)
    else:
        source.unlink()


def replace_file(target: Path, content: bytes) -> None:
    """Publish a file whole: temporary in the same folder, fsync, rename over the old one."""
    scratch = target.parent / scratch_name()
    try:
        write_through(scratch, content)
        scratch.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):  # on a disk that is read-only by now
            remove(scratch)
        if isinstance(error, OSError):
            error.filename = str(target)  # the other name says nothing to anybody
        raise


def need_creatable(flag: str, path: Path) -> None:
    """Raise UsageError where a folder that a user named is not there and cannot be made."""
    there = next(place for place in (path, *path.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise UsageError(
            f"{flag} {printable(str(path))}: {printable(str(there))} is not a directory"
        )


def write_output(path: Path, content: bytes) -> None:
    """Write a file that a user named, whole, where a link leads; a device or pipe is written to."""
    if not path.exists() or path.is_file():
        replace_file(Path(os.path.realpath(path)), content)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        error.filename = str(path)  # what is said of a full device has no name
        raise


def replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Publish a folder whole, in place of an old one of the same name."""
    scratch, old = target.parent / scratch_name(), target.parent / scratch_name()
    try:
        scratch.mkdir()
        for name, content in files.items():
            write_through(scratch / name, content)
        while True:
            with contextlib.suppress(FileNotFoundError):
                target.rename(old)
            try:
                scratch.rename(target)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                remove(old)  # another run was faster: its folder makes way too
    finally:
        remove(scratch)
        remove(old)


def read_file(path: str | Path) -> bytes:
    """The content of a file. Raises OSError, also for a pipe and for more than LARGEST_FILE."""
    return b"".join(blocks_of(path, LARGEST_FILE))


def blocks_of(path: str | Path, most: float = math.inf) -> Iterator[bytes]:
    """The content of a file by the megabyte. Raises OSError, also for a pipe, which could be
    waited for without end, and for more than `most` bytes."""
    with reading(path) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "is no file", str(path))
        if found.st_size > most:
            raise OSError(errno.EFBIG, f"is larger than {human_size(int(most))}", str(path))
        yield from iter(lambda: os.read(descriptor, 1 << 20), b"")


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[int]:
    """A read-only descriptor; opening a pipe waits for no writer."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_optional_file(path: Path) -> bytes | None:
    """What is in a file, or None where there is none. Raises VideoError."""
    try:
        return read_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = f"cannot be read: {error.strerror}: mend it or move it away"
        raise VideoError(f"{printable(path.name)}: {why}") from None
