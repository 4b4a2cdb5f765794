"""Files and folders: stat, reading, atomic writes, and renames that never overwrite.

A write goes to a scratch file in the same folder, which gets the final name once the disk has it:
a file under its final name is complete.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import itertools
import math
import os
import re
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from videolib.core.confinement import open_path, opened_parent
from videolib.core.errors import Failure, UsageError, VideoError, attempt
from videolib.core.text import human_size, printable

SCRATCH = ".tmp-"  # what names of scratch files and folders begin with
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
ABSENT = (FileNotFoundError, NotADirectoryError)  # where there is no such folder
LARGEST_FILE = 512 << 20  # bytes that are read at once: no sidecar or journal has as many


def stat_of(path: str) -> os.stat_result:
    """The stat of what a path leads to. Raises OSError."""
    return os.stat(path)  # noqa: PTH116 - a Path per video makes listings half as fast


def stat_if_any(path: str) -> os.stat_result | None:
    """The stat of what a path leads to; None where there is nothing or it cannot be looked at."""
    with contextlib.suppress(OSError):
        return stat_of(path)
    return None


def lstat_of(path: str | Path) -> os.stat_result:
    """The stat of what has a name, a link too, in a folder that is opened as `open_path` does.
    Raises OSError."""
    with opened_parent(path) as (name, folder):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)


def lstat_if_any(path: str | Path) -> os.stat_result | None:
    """The same; None where nothing has the name. Raises OSError where that cannot be looked up."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return lstat_of(path)
    return None


def is_folder(path: str) -> bool:
    """Whether there is a folder, or a link to one; False where the file system refuses to say."""
    status = stat_if_any(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def folder_entries(path: str) -> list[os.DirEntry[str]]:
    """What is in a folder, in the order of names. Raises OSError."""
    with os.scandir(path) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def names_in(folder: str) -> list[str]:
    """The names in a folder that is opened as `open_path` does, sorted. Raises OSError."""
    descriptor = open_path(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with naming(folder):
            return sorted(os.listdir(descriptor))  # noqa: PTH208 - a Path has no descriptor
    finally:
        os.close(descriptor)


def file_identity(status: os.stat_result) -> tuple[int, int, int]:
    """Identity of a file's content: inode, size in bytes, mtime in ns."""
    return status.st_ino, status.st_size, status.st_mtime_ns


# ns: to what file systems and archives round times. FAT; HFS+, ext3 and tar; exFAT; pax; NTFS.
COARSE_TIMES = (2 * 10**9, 10**9, 10**7, 1000, 100)


def is_same_time(recorded: int, current: int) -> bool:
    """Whether an mtime can be the recorded one of a file that was copied, in ns: the same, but for
    the digits of its second that a coarser file system does not keep."""
    if recorded == current:
        return True
    unit = next((unit for unit in COARSE_TIMES if current % unit == 0), 1)
    return recorded % 10**9 != 0 and abs(recorded - current) < unit


def is_possible_path(path: Path) -> bool:
    """Whether a file system can have such a path, and none of its parts is `..`."""
    raw = attempt(os.fsencode, path)
    if isinstance(raw, Failure) or b"\0" in raw or len(raw) > 4000:
        return False
    return all(part != b".." and len(part) <= 255 for part in raw.split(b"/"))


def need_folder(path: Path, prefix: str = "") -> None:
    """Raise UsageError where a path is no folder; `prefix`: the flag that named it, and a space."""
    if not path.is_dir():
        exists = os.path.lexists(path)
        reason = "not a directory: name the one it is in" if exists else "no such file or directory"
        raise UsageError(f"{prefix}{printable(str(path))}: {reason}")


@functools.cache
def this_host() -> str:
    """Eight hexadecimal digits for this machine, as several may write into a library on a NAS."""
    return f"{zlib.crc32(os.uname().nodename.encode()):08x}"


_scratch_numbers = itertools.count()


def scratch_name() -> str:
    """A new name for a scratch file or folder, with the machine and the process that owns it."""
    return f"{SCRATCH}{this_host()}-{os.getpid()}-{next(_scratch_numbers)}"


def process_alive(pid: int) -> bool:
    """Whether a process of this machine is running; True where that cannot be seen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return True  # no /proc here: it takes signals, so it lives
    return state != b"Z"  # a zombie has ended


def remove(path: str | Path) -> None:
    """Remove a file, or a folder with all that is in it; nothing happens where there is none."""
    with contextlib.suppress(FileNotFoundError), opened_parent(path) as (name, folder):
        if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            import shutil

            shutil.rmtree(name, dir_fd=folder)
        else:
            os.unlink(name, dir_fd=folder)


def make_folder(path: Path) -> None:
    """Make a folder and those around it, where they are not there. Raises OSError."""
    try:
        with opened_parent(path) as (name, folder):
            os.mkdir(name, dir_fd=folder)
    except FileNotFoundError:
        make_folder(path.parent)
        make_folder(path)
    except FileExistsError:
        if not path.is_dir():
            raise


def remove_empty_folder(path: str) -> None:
    """Remove a folder. Raises OSError where something is in it."""
    with opened_parent(path) as (name, folder):
        os.rmdir(name, dir_fd=folder)


def set_mtime(path: str | Path, mtime_ns: int, atime_ns: int | None = None) -> None:
    """Set the times (ns) of a file that is no link; that of the last access is the other, too,
    unless it is given."""
    with opened_parent(path) as (name, folder):
        times = (mtime_ns if atime_ns is None else atime_ns, mtime_ns)
        os.utime(name, ns=times, dir_fd=folder, follow_symlinks=False)


def entries_in(folder: str) -> tuple[list[os.DirEntry[str]], str]:
    """What is in a folder, nothing where there is none, and why it cannot be read, or ""."""
    entries: list[os.DirEntry[str]] = []
    try:
        with (
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(folder) as found,
        ):
            entries.extend(found)
    except OSError as error:
        return entries, f"cannot be read: {error.strerror}"
    return entries, ""


def abandoned_in(folder: str) -> list[str]:
    """The paths of the scratch files that ended processes of this machine left in a folder."""
    pattern = re.compile(re.escape(f"{SCRATCH}{this_host()}-") + r"(\d+)-\d+")
    entries, _ = entries_in(folder)  # of what is not to be read, nothing can be removed
    scratch = [(m, e.path) for e in entries if (m := pattern.fullmatch(e.name))]
    return [path for match, path in scratch if not process_alive(int(match[1]))]


def remove_where_possible(paths: Iterable[str | Path]) -> None:
    """Remove scratch files; those in a folder that is read-only by now stay."""
    for path in paths:
        with contextlib.suppress(OSError):
            remove(path)


def write_through(path: Path, content: bytes) -> None:
    """Write a new file and wait until the disk has it. Raises FileExistsError."""
    write_and_flush(open_path(path, NEW_FILE), content)


def write_and_flush(descriptor: int, content: bytes) -> None:
    """Write to a descriptor, wait until the disk has it, and close it."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def flush_to_disk(path: Path) -> None:
    """Wait until the disk has a file's content, or a folder's names. Raises OSError."""
    with reading(path) as descriptor, naming(path):
        os.fsync(descriptor)


def flush_names(folder: Path, outcome: str) -> None:
    """Wait until the disk has the names in a folder, after a change of them that was made.

    Raises VideoError that begins with `outcome`, which says what was changed.
    """
    try:
        flush_to_disk(folder)
    except OSError as error:
        why = f"but the disk has not confirmed it ({error.strerror}): check the disk and run again"
        raise VideoError(f"{outcome}, {why}") from None


@contextlib.contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Errors of calls on an open file, which name none, get the name of this one."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


@functools.cache
def exclusive_rename() -> Callable[[int, bytes, int, bytes], int]:
    """The system call that renames and never overwrites, each name after the descriptor of its
    folder; it returns an errno, 0 for success."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    noreplace, exclusive = 1, 4

    def rename(folder: int, source: bytes, target_folder: int, target: bytes) -> int:
        if hasattr(libc, "renameat2"):  # Linux
            failed = libc.renameat2(folder, source, target_folder, target, noreplace)
        elif hasattr(libc, "renameatx_np"):  # macOS
            failed = libc.renameatx_np(folder, source, target_folder, target, exclusive)
        else:
            return errno.ENOSYS
        return ctypes.get_errno() if failed else 0

    return rename


def rename_new(source: Path, target: Path) -> None:
    """Rename a file or folder, never over another. Raises FileExistsError where there is one."""
    with opened_parent(source) as (old, folder), opened_parent(target) as (new, new_folder):
        rename = exclusive_rename()
        code = rename(folder, os.fsencode(old), new_folder, os.fsencode(new))
    if code in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
        rename_in_steps(source, target)
    elif code:
        raise OSError(code, os.strerror(code), str(source), None, str(target))


def rename_in_steps(source: Path, target: Path) -> None:
    """Rename where the disk has no call for it: by a hard link, which is never put over a file."""
    try:
        hard_link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # A folder, or no hard links here (FAT, some network disks): the best there is.
        if target.exists() or target.is_symlink():
            raise FileExistsError(errno.EEXIST, "File exists", source, None, target) from None
        rename_over(source, target)
    else:
        remove(source)


def hard_link(source: str | Path, target: Path) -> None:
    """Give a file a second name. Raises OSError, FileExistsError where there is one of that."""
    with opened_parent(source) as (old, folder), opened_parent(target) as (new, new_folder):
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=new_folder, follow_symlinks=False)


def rename_over(source: Path, target: Path) -> None:
    """Rename a file, in the place of one that has the name, or a folder. Raises OSError."""
    with opened_parent(source) as (old, folder), opened_parent(target) as (new, new_folder):
        os.replace(old, new, src_dir_fd=folder, dst_dir_fd=new_folder)


def replace_file(target: Path, content: bytes) -> None:
    """Publish a file whole: temporary in the same folder, fsync, rename over the old one."""
    with opened_parent(target) as (name, folder):
        scratch = scratch_name()
        try:
            write_and_flush(os.open(scratch, NEW_FILE, 0o666, dir_fd=folder), content)
            os.replace(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException as error:
            with contextlib.suppress(OSError):  # on a disk that is read-only by now
                os.unlink(scratch, dir_fd=folder)
            if isinstance(error, OSError):
                # The scratch file's name says nothing to anybody.
                error.filename, error.filename2 = str(target), None
            raise


def need_creatable(flag: str, path: Path) -> None:
    """Raise UsageError where a folder that a user named is not there and cannot be made."""
    nearest = next(p for p in (path, *path.absolute().parents) if os.path.lexists(p))
    if not nearest.is_dir():
        named = f"{flag} {printable(str(path))}"
        raise UsageError(f"{named}: {printable(str(nearest))} is not a directory")


def write_output(path: Path, content: bytes) -> None:
    """Write a file that a user named, atomically and where a link leads; a device or pipe is
    written to."""
    if not path.exists() or path.is_file():
        target = Path(os.path.realpath(path))
        remove_where_possible(abandoned_in(str(target.parent)))
        replace_file(target, content)
        return
    with naming(path), os.fdopen(open_path(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)


def replace_folder(target: Path, files: Mapping[str, bytes]) -> None:
    """Put a folder of these files, by name, in the place of the one of that name, as one change."""
    scratch, old = target.parent / scratch_name(), target.parent / scratch_name()
    try:
        make_folder(scratch)
        for name, content in files.items():
            write_through(scratch / name, content)
        while True:
            with contextlib.suppress(FileNotFoundError):
                rename_over(target, old)
            try:
                rename_over(scratch, target)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                remove(old)  # another run was faster: its folder is replaced too
    finally:
        remove(scratch)
        remove(old)


def read_file(path: str | Path) -> bytes:
    """The content of a file. Raises OSError, also for a pipe and for more than LARGEST_FILE."""
    return b"".join(blocks_of(path, LARGEST_FILE))


def blocks_of(path: str | Path, largest: float = math.inf) -> Iterator[bytes]:
    """The content of a file by the megabyte. Raises OSError, also for a pipe, which could be
    waited for without end, and for a file of more than `largest` bytes."""
    with reading(path) as descriptor, naming(path):
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "is no file", str(path))
        if status.st_size > largest:
            raise OSError(errno.EFBIG, f"is larger than {human_size(int(largest))}", str(path))
        yield from iter(lambda: os.read(descriptor, 1 << 20), b"")


@contextlib.contextmanager
def reading(path: str | Path) -> Iterator[int]:
    """A read-only descriptor of a path; opening a pipe waits for no writer."""
    descriptor = open_path(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_optional_file(path: Path) -> bytes | None:
    """The content of a file, or None where there is none. Raises VideoError where that cannot be
    read."""
    try:
        return read_file(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = f"cannot be read: {error.strerror}: mend it or move it away"
        raise VideoError(f"{printable(path.name)}: {reason}") from None
