"""Faults of a disk: a change of the file system that this process makes fails, the Nth of a run."""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CODES = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT)
# The errors of `utime` name no file.
PATH_CALLS = ("rename", "replace", "link", "symlink", "unlink", "rmdir", "mkdir", "utime")


class DiskFaults:
    """Counts the changes below a folder; the one of the number `at` fails with an errno, and with
    `lasting` all that follow. `failed` names those that did."""

    def __init__(self, root: Path, at: int, code: int, lasting: bool = False) -> None:
        self.root, self.at, self.code, self.lasting = os.path.realpath(root), at, code, lasting
        self.count, self.failed = 0, list[str]()

    def is_due(self, call: str, path: str | bytes | os.PathLike[str]) -> bool:
        """Whether this call is to fail; it is counted."""
        name = os.path.realpath(os.path.dirname(os.fsdecode(path)) or ".")  # noqa: PTH120
        if not f"{name}/".startswith(f"{self.root}/"):
            return False
        self.count += 1
        if self.count - 1 != self.at and not (self.lasting and self.count > self.at):
            return False
        self.failed.append(f"{call} {os.fsdecode(path)}")
        return True

    def error(self, *names: Any) -> OSError:
        return OSError(self.code, os.strerror(self.code), *names)


class CountedFile(io.FileIO):
    """A file whose writes are counted; the error of one names no file, as those of the system."""

    faults: DiskFaults

    def write(self, content: Any) -> int:
        path = self.name if isinstance(self.name, str) else path_of(self.name)
        if self.faults.is_due("write", path):
            raise self.faults.error()
        return super().write(content)


@contextmanager
def disk_faults(root: Path, at: int, code: int, *, lasting: bool = False) -> Iterator[DiskFaults]:
    """Lets a change of the file system below `root` fail, see DiskFaults."""
    faults = DiskFaults(root, at, code, lasting)
    with pytest.MonkeyPatch.context() as patch:
        for name in PATH_CALLS:
            patch.setattr(os, name, failing_call(faults, name, getattr(os, name)))
        for module in (io, builtins):
            patch.setattr(module, "open", failing_open(faults, io.open))
        patch.setattr(os, "fsync", failing_fsync(faults, os.fsync))
        patch.setattr(os, "open", failing_descriptor(faults, os.open))
        rename = failing_exclusive_rename(faults)
        patch.setattr("videolib.core.files.exclusive_rename", lambda: rename)
        yield faults


def full_path(path: Any, folder: int | None) -> str:
    """The path that a system call is given, which may be relative to an open folder."""
    if folder is None:
        return os.fsdecode(path)
    return f"{path_of(folder)}/{os.fsdecode(path)}"


def path_of(descriptor: int) -> str:
    """The path of an open file or folder."""
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def failing_call(faults: DiskFaults, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any, *args: Any, **named: Any) -> Any:
        folder = named.get("dir_fd", named.get("src_dir_fd"))
        if faults.is_due(name, full_path(path, folder)):
            others = [None, str(args[0])] if args and name in PATH_CALLS[:4] else []
            raise faults.error(*([] if name == "utime" else [str(path), *others]))
        return real(path, *args, **named)

    return call


def failing_open(faults: DiskFaults, real: Callable[..., Any]) -> Callable[..., Any]:
    def call(file: Any, mode: str = "r", *args: Any, **named: Any) -> Any:
        if not set(mode) & set("wxa+") or "b" not in mode:
            return real(file, mode, *args, **named)
        if not isinstance(file, int) and faults.is_due("open", file):
            raise faults.error(str(file))
        counted = CountedFile(file, mode.replace("b", ""))
        counted.faults = faults
        return io.BufferedWriter(counted)

    return call


def failing_descriptor(faults: DiskFaults, real: Callable[..., int]) -> Callable[..., int]:
    changing = os.O_CREAT | os.O_WRONLY | os.O_RDWR

    def call(path: Any, flags: int, *args: Any, **named: Any) -> int:
        if flags & changing and faults.is_due("open", full_path(path, named.get("dir_fd"))):
            raise faults.error(str(path))
        return real(path, flags, *args, **named)

    return call


def failing_fsync(faults: DiskFaults, real: Callable[[int], None]) -> Callable[[int], None]:
    def call(descriptor: int) -> None:
        if faults.is_due("fsync", f"{path_of(descriptor)}/."):
            raise faults.error()
        real(descriptor)

    return call


def failing_exclusive_rename(faults: DiskFaults) -> Callable[..., int]:
    from videolib.core.files import exclusive_rename

    real = exclusive_rename()

    def call(folder: int, source: bytes, *target: Any) -> int:
        path = full_path(source, folder)
        return faults.code if faults.is_due("renameat2", path) else real(folder, source, *target)

    return call
