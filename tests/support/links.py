"""Links out of a library that somebody swaps for its files and folders while they are used."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

SECRET = b"nobody's business"
# What is swapped: a name in the library, and what stands for it outside.
PLACES = {
    "a folder": ("sub", "."),
    "the sidecar folder": ("sub/.artifacts", ".artifacts"),
    "the video": ("sub/a.mp4", "a.mp4"),
    "a picture": ("sub/.artifacts/a.mp4.jpg", ".artifacts/a.mp4.jpg"),
    "the tags": ("sub/.artifacts/a.mp4.tags.json", ".artifacts/a.mp4.tags.json"),
    "the metadata": ("sub/.artifacts/a.mp4.ffprobe.json", ".artifacts/a.mp4.ffprobe.json"),
}


def make_outside(folder: Path) -> None:
    """Make a folder beside the library that looks like a part of it, all files with the secret."""
    (folder / ".artifacts").mkdir(parents=True)
    for name in ("a.mp4", ".artifacts/a.mp4.jpg", ".artifacts/a.mp4.vtt"):
        (folder / name).write_bytes(SECRET)
    for name in ("ffprobe", "tags"):
        content = f'{{"tags": ["{SECRET.decode()}"], "performers": [], "streams": []}}'
        (folder / f".artifacts/a.mp4.{name}.json").write_text(content)


def exchange(path: Path, other: Path) -> bool:
    """Exchange two names at one moment, with Linux's renameat2; whether both were there."""
    at_cwd, rename_exchange = -100, 2
    names = os.fsencode(path), os.fsencode(other)
    return not ctypes.CDLL(None).renameat2(at_cwd, names[0], at_cwd, names[1], rename_exchange)


@contextlib.contextmanager
def meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """A context in which something is done again and again, as fast as can be."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            work()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def swapped(path: Path, outside: Path) -> Iterator[None]:
    """A context in which a path is, in turns and as fast as can be, itself and a link outside."""
    link = path.with_name(".link")
    link.symlink_to(outside)
    try:
        with meanwhile(lambda: exchange(path, link)):
            yield
    finally:
        if not link.is_symlink() and not exchange(path, link):
            link.rename(path)  # the server renamed the link
        link.unlink(missing_ok=True)
