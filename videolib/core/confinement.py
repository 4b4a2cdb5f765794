"""Confinement: the folders that a server and its jobs never leave, whatever somebody swaps for a
link at any moment.

A path that was checked may lead elsewhere when it is used. So a confined thread opens only what has
no link in its path: links are followed first, by name, the result has to lie in the folders, and
the system opens that without following any link. Where one was put into it meanwhile, it begins
again. A file is made, renamed or removed by its name in a folder that was opened so and stays open.

The command line is not confined: links in a library are its user's own, and are followed.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from pathlib import Path

from videolib.core.errors import Params, Returned

LEFT_ALONE = "leads out of the library: left alone"
ATTEMPTS = 20  # at a path in which links come and go
INSISTENT_ATTEMPTS, PAUSE = 100, 0.002  # at what must not stay half done; seconds between them
PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY)  # enough to reach what is in a folder

_folders: ContextVar[tuple[str, ...]] = ContextVar("folders", default=())
_insistent: ContextVar[bool] = ContextVar("insistent", default=False)


class DivertedError(PermissionError):
    """A path leads out of the folders of its thread, or links in it come and go."""


@contextlib.contextmanager
def confined_to(folders: Iterable[str]) -> Iterator[None]:
    """A context in which this thread stays in these folders, which are paths without links; in none
    of them: it may go anywhere."""
    token = _folders.set(tuple(folders))
    try:
        yield
    finally:
        _folders.reset(token)


def run_confined(
    folders: tuple[str, ...],
    function: Callable[Params, Returned],
    *args: Params.args,
    **named: Params.kwargs,
) -> Returned:
    """Call a function in these folders."""
    with confined_to(folders):
        return function(*args, **named)


def inheriting(function: Callable[Params, Returned]) -> Callable[Params, Returned]:
    """A function for another thread or process, which is confined there as the caller is here."""
    return functools.partial(run_confined, _folders.get(), function)


def enclosing_folder(path: str, folders: Iterable[str]) -> str | None:
    """The first of these folders that an absolute path is, or is in, by its name."""
    return next((f for f in folders if path == f or path.startswith(f"{f.rstrip('/')}/")), None)


def may_reach(path: str) -> bool:
    """Whether an absolute path is in this thread's folders by its name, or there are none."""
    folders = _folders.get()
    return not folders or enclosing_folder(path, folders) is not None


def real_path(path: str | os.PathLike[str]) -> str:
    """An absolute path, all links in it followed. Raises OSError where they come and go."""
    for _ in range(ATTEMPTS):
        try:
            return os.path.realpath(path)
        except OSError as error:  # what was a link when it was looked at is none when it is read
            error.filename, failure = os.fspath(path), error
    raise DivertedError(failure.errno, failure.strerror, failure.filename)


def open_path(path: str | os.PathLike[str], flags: int, mode: int = 0o666) -> int:
    """A descriptor, as os.open gives it, of a path that does not lead out of this thread's folders.

    Raises OSError, DivertedError where it does.
    """
    folders, name = _folders.get(), os.fspath(path)
    if not folders:
        return os.open(name, flags | os.O_CLOEXEC, mode)
    for _ in range(1, INSISTENT_ATTEMPTS if _insistent.get() else 1):
        with contextlib.suppress(DivertedError):
            return open_confined(folders, name, flags, mode)
        time.sleep(PAUSE)
    return open_confined(folders, name, flags, mode)


def open_confined(folders: tuple[str, ...], path: str, flags: int, mode: int) -> int:
    """The same in these folders."""
    target = os.path.abspath(path)  # noqa: PTH100 - a Path per file takes longer than opening it
    for _ in range(ATTEMPTS):
        folder = enclosing_folder(target, folders)
        try:
            if folder:
                return open_without_links(folder, target, flags | os.O_CLOEXEC, mode)
        except OSError as error:
            error.filename = path
            if error.errno != errno.ELOOP:
                raise
        target = real_path(path)
        if not enclosing_folder(target, folders):
            raise DivertedError(errno.EXDEV, LEFT_ALONE, path)
    raise DivertedError(errno.ELOOP, os.strerror(errno.ELOOP), path)


@contextlib.contextmanager
def insistent() -> Iterator[None]:
    """A context in which this thread opens a diverted path again and again for 0.2 s, as somebody
    may put a link into it for moments only: for what must not stay half done."""
    token = _insistent.set(True)
    try:
        yield
    finally:
        _insistent.reset(token)


@contextlib.contextmanager
def opened_parent(path: str | os.PathLike[str]) -> Iterator[tuple[str, int]]:
    """The name of a file and a descriptor of the folder it is in, as functions of `os` take them
    with `dir_fd`. Raises OSError as `open_path`; that of the body, which may name no file, as
    `os.utime`'s, gets the whole path."""
    folder, name = os.path.split(path)
    descriptor = open_path(folder or ".", PATH_ONLY | os.O_DIRECTORY)
    try:
        yield name, descriptor
    except OSError as error:
        if error.filename in (name, None):
            error.filename = os.fspath(path)
        raise
    finally:
        os.close(descriptor)


def path_for_child(path: str | os.PathLike[str], folder: int) -> str:
    """The path of a file for a program that inherits the descriptor of the folder it is in, where
    the system has paths from a descriptor on."""
    return f"/dev/fd/{folder}/{Path(path).name}" if sys.platform == "linux" else str(path)


def open_without_links(folder: str, path: str, flags: int, mode: int) -> int:
    """A descriptor of a path in or below `folder`, which has no link in it.

    Raises OSError, with ELOOP where there is one in the path.
    """
    sys.audit("open", path, None, flags)
    if system_call := openat2():
        return system_call(path, flags, mode)
    return open_in_steps(folder, path, flags, mode)


@functools.cache
def openat2() -> Callable[[str, int, int], int] | None:
    """Linux's system call that opens a path without links (since 5.6); None where there is none."""
    import ctypes

    number, at_cwd, no_links = 437, -100, 0x02 | 0x04  # RESOLVE_NO_MAGICLINKS | _NO_SYMLINKS
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.argtypes = [ctypes.c_long, ctypes.c_int, *[ctypes.c_char_p] * 2, ctypes.c_size_t]
    libc.syscall.restype = ctypes.c_long

    def call(path: str, flags: int, mode: int) -> int:
        how = struct.pack("QQQ", flags, mode if flags & os.O_CREAT else 0, no_links)
        while True:
            descriptor = int(libc.syscall(number, at_cwd, os.fsencode(path), how, len(how)))
            if descriptor >= 0:
                return descriptor
            if (code := ctypes.get_errno()) != errno.EINTR:
                raise OSError(code, os.strerror(code), path)

    try:
        os.close(call("/", PATH_ONLY | os.O_CLOEXEC, 0))
    except OSError:  # an older kernel, or a container that forbids it
        return None
    return call


def open_in_steps(folder: str, path: str, flags: int, mode: int) -> int:
    """The same where the system has no call for it: folder by folder, from the first on."""
    names = [name for name in path[len(folder) :].split("/") if name]
    opened = os.open(folder, PATH_ONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for name in names[:-1]:
        with closing(opened):
            opened = open_step(name, PATH_ONLY | os.O_DIRECTORY | os.O_CLOEXEC, 0, opened)
    with closing(opened):
        return open_step(names[-1] if names else ".", flags, mode, opened)


@contextlib.contextmanager
def closing(descriptor: int) -> Iterator[None]:
    """A context that closes a descriptor at its end."""
    try:
        yield
    finally:
        os.close(descriptor)


def open_step(name: str, flags: int, mode: int, folder: int) -> int:
    """A descriptor of what has a name in an open folder. Raises OSError, with ELOOP for a link."""
    try:
        return os.open(name, flags | os.O_NOFOLLOW, mode, dir_fd=folder)
    except NotADirectoryError:  # what Linux says of a link where a folder is wanted
        if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name) from None
        raise
