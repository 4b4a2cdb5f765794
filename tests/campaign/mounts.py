"""File systems for the campaign: memory disks of any size, and images where folders fold case."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

AMPLE = "size=256m,nr_inodes=20k"


class MemoryDisk:
    """A tmpfs, mounted at a folder; what it holds may be bounded again at any time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def limit(self, options: str) -> bool:
        """Mount it anew with other options; False where the system refuses, as it does read-only
        while a file is open for writing."""
        return not tool("mount", "-o", f"remount,{options}", self.folder)

    def used(self) -> tuple[int, int]:
        """Bytes and inodes that are taken."""
        status = os.statvfs(self.folder)
        taken = (status.f_blocks - status.f_bfree) * status.f_frsize
        return taken, status.f_files - status.f_ffree

    def fill(self) -> None:
        """Write a file until there is no room."""
        with contextlib.suppress(OSError), (self.folder / "filler").open("wb", 0) as file:
            while True:
                file.write(bytes(1 << 16))

    def empty(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


def tool(*words: object) -> str:
    """Run a program; what it complains of, "" where it succeeds."""
    if not shutil.which(str(words[0])):
        return f"{words[0]} is not here"
    done = subprocess.run(list(map(str, words)), capture_output=True, check=False)
    complaint = done.stderr.decode(errors="replace").strip().partition("\n")[0]
    return complaint or "failed" if done.returncode else ""


@contextlib.contextmanager
def memory_disk(folder: Path) -> Iterator[MemoryDisk]:
    """A tmpfs while the body runs. Raises OSError where nothing may be mounted."""
    folder.mkdir()
    if problem := tool("mount", "-t", "tmpfs", "-o", AMPLE, "none", folder):
        raise OSError(problem)
    try:
        yield MemoryDisk(folder)
    finally:
        tool("umount", "-l", folder)


@contextlib.contextmanager
def image(place: Path, kind: str) -> Iterator[Path]:
    """A folder on a disk of one of two kinds: `vfat`, whose times have two seconds and whose names
    fold case, and `casefold`, an ext4 with a folder that does. Raises OSError where that cannot
    be."""
    file, folder = place / f"{kind}.img", place / kind
    folder.mkdir()
    with file.open("wb") as disk:
        disk.truncate(64 << 20)
    make = ("mkfs.vfat",) if kind == "vfat" else ("mkfs.ext4", "-q", "-O", "casefold")
    if problem := tool(*make, file) or tool("mount", "-o", "loop", file, folder):
        raise OSError(problem)
    try:
        root = folder / "folding"
        root.mkdir()
        if kind == "casefold" and (problem := tool("chattr", "+F", root)):
            raise OSError(problem)
        yield root
    finally:
        tool("umount", "-l", folder)
