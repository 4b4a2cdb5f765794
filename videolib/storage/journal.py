"""The journal: changes of a library that are written down before the first of them is made.

A command plans its changes with a Journal. `commit` turns them into steps, writes these to a file
and replays it; recovery.py finishes or takes back what a killed run left, and undoes what was done.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from videolib.core.confinement import insistent, real_path
from videolib.core.errors import CancelledError, VideoError
from videolib.core.files import (
    flush_to_disk,
    lstat_of,
    make_folder,
    remove,
    replace_file,
    stat_of,
)
from videolib.core.limits import RESERVED_DESCRIPTORS, raise_descriptor_limit
from videolib.core.locks import locked
from videolib.core.runs import Job
from videolib.core.text import fold, iso_time, printable
from videolib.storage.names import JOURNALS, SIDECARS, TRASH
from videolib.storage.replay import (
    READ_ERRORS,
    JournalFile,
    JournalReplay,
    UnclosedJournalError,
    journals,
    refuse_interrupted,
)
from videolib.storage.sidecars import remove_abandoned
from videolib.storage.steps import (
    SCRATCH_PREFIX,
    LibraryPaths,
    Move,
    Rewrite,
    Step,
    Transfer,
    device_of,
    missing_folders,
    step_error_message,
)

UNCHANGED = "nothing was changed"


class Journal:
    """The changes of one command to a library, written down before the first of them is made.

    Whatever ends the run, `recover` finishes the changes or takes them back, and `undo` takes back
    finished ones. Nothing is ever overwritten or deleted: deleting is moving to the trash. As a
    context it holds locks: other journals of the library, and changes of tags in the folders
    `sidecar_dirs`, wait until it ends.

        with Journal(paths, "dupes", {"how": "trash"}, sidecar_dirs) as journal:
            journal.trash(path)
            journal.replace(tags_path, old_bytes, new_bytes)
            journal.commit(job)
    """

    def __init__(
        self,
        paths: LibraryPaths,
        command: str,
        facts: Mapping[str, Any] | None = None,
        sidecar_dirs: Iterable[str] = (),
    ) -> None:
        self.paths, self.command, self.facts = paths, command, dict(facts or {})
        self.sidecar_dirs = sorted(set(map(real_path, sidecar_dirs)))
        self.moves: list[tuple[str, str]] = []
        self.rewrites: list[Rewrite] = []
        self.trashed: set[str] = set()  # folded paths in the trash that are planned already
        self.real_folders: dict[str, str] = {}
        self.stack = contextlib.ExitStack()
        self.messages: list[str] = []  # about journals of earlier runs that could not be read
        self.number, self.stamp = 0, re.sub("[-:]", "", iso_time())

    def __enter__(self) -> Journal:
        """Raises VideoError where an earlier change was interrupted or a lock is not to be had."""
        folder = self.paths.sidecar_dir / JOURNALS
        with self.stack:
            make_folder(folder)
            raise_descriptor_limit(len(self.sidecar_dirs) + RESERVED_DESCRIPTORS)
            for sidecar_dir in (str(folder), *filter(os.path.isdir, self.sidecar_dirs)):
                self.stack.enter_context(locked(sidecar_dir))
            self.messages = refuse_interrupted(self.paths, self.sidecar_dirs)
            for sidecar_dir in (str(self.paths.sidecar_dir), *self.sidecar_dirs):
                remove_abandoned(sidecar_dir)
            self.number = max((file.number for file in journals(self.paths)), default=0) + 1
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()

    def real(self, path: str) -> str:
        """An absolute path with the links in its folder followed."""
        folder, _, name = path.rpartition("/")
        if folder not in self.real_folders:
            self.real_folders[folder] = real_path(folder or "/")
        return f"{self.real_folders[folder].rstrip('/')}/{name}"

    def move(self, source: str, target: str) -> None:
        """Plan to rename a file or folder; both paths are absolute.

        To another disk it is copied, and the source goes to the trash.
        """
        self.moves.append((self.real(source), self.real(target)))

    def trash(self, path: str) -> str:
        """Plan to move a file or folder to the trash; returns its path there."""
        target = self.trash_path(path)
        self.move(path, target)
        return target

    def trash_path(self, path: str) -> str:
        """Where a file goes: the trash in the sidecar folder of its own folder, under a name that
        no other of this journal gets."""
        folder, _, name = path.rpartition("/")
        sidecar_dir = folder if folder.endswith(f"/{SIDECARS}") else f"{folder}/{SIDECARS}"
        target = f"{sidecar_dir}/{TRASH}/{self.number:06}-{self.stamp}/{name}"
        while fold(target) in self.trashed:  # beside a video and among its sidecars may be equals
            target += "~"
        self.trashed.add(fold(target))
        return target

    def replace(self, path: str, old: bytes | None, new: bytes | None, keep_time: str = "") -> None:
        """Plan other content for a small file, `old` -> `new`; it may be one that is moved there.

        `keep_time` is the present path of the file whose time of change it is to have.
        """
        mtime_ns = stat_of(keep_time).st_mtime_ns if keep_time else 0
        self.rewrites.append(Rewrite(2, self.real(path), old, new, mtime_ns))

    def steps(self) -> list[Step]:
        """All steps in the order in which they are made. Raises OSError where a file vanished."""
        sources = {fold(source) for source, _ in self.moves}
        targets = {fold(target) for _, target in self.moves}
        device = functools.cache(device_of)
        aside, moves, originals = list[Step](), list[Step](), list[Step]()
        for number, (source, target) in enumerate(self.moves):
            inode, original = lstat_of(source).st_ino, source
            folders = [path.rpartition("/")[0] for path in (source, target)]
            same_device = device(folders[0]) == device(folders[1])
            scratch, copy = (f"{f}/{SCRATCH_PREFIX}{self.number}-{number}" for f in folders)
            if fold(source) in targets or fold(target) in sources:
                aside.append(Move(0, source, scratch, inode))
                source = scratch
            if same_device:
                moves.append(Move(1, source, target, inode))
                continue
            moves.append(Transfer(1, source, target, copy))
            originals.append(Move(2, source, self.trash_path(original), inode))
        return [*aside, *moves, *self.rewrites, *originals]

    def commit(self, job: Job | None = None) -> None:
        """Make all the changes, or none: where one fails, those made before are reverted.

        Raises VideoError that says what failed, CancelledError where the job is stopped.
        """
        if not self.moves and not self.rewrites:
            return
        if job:
            for message in self.messages:
                job.console.say(message)
        replay = self.write()
        try:
            replay.roll_forward(job)
        except UnclosedJournalError:
            raise
        except (OSError, VideoError, CancelledError) as error:
            outcome = taken_back(replay)
            if not isinstance(error, CancelledError):
                raise VideoError(f"{step_error_message(error)}; {outcome}") from None
            if job and outcome != UNCHANGED:
                job.console.say(outcome)
            raise

    def write(self) -> JournalReplay:
        """The replay of the journal, whose file is on the disk on return. Raises VideoError where
        something that is to be moved vanished, or where the file cannot be written.
        """
        try:
            steps = self.steps()
        except FileNotFoundError as error:
            name = printable(str(error.filename))
            raise VideoError(f"{name} vanished: {UNCHANGED}") from None
        head = {"schema": 1, "command": self.command, "facts": self.facts}
        head["folders"] = list(map(self.paths.relative, missing_folders(steps)))
        lines = [head, *(step.as_json(self.paths) for step in steps)]
        path = self.paths.sidecar_dir / JOURNALS / f"{self.number:06}.{self.command}.forward-0"
        file = JournalFile(self.number, self.command, "forward-0", path)
        try:
            replay = JournalReplay(self.paths, file, lines)  # before: what cannot be read again
        except READ_ERRORS as error:  # must not be written
            raise VideoError(f"{printable(path.name)}: {error}; {UNCHANGED}") from None
        try:
            replace_file(path, journal_bytes(lines))
            flush_to_disk(path.parent)
        except OSError as error:
            self.discard(path, f"{step_error_message(error)}; {UNCHANGED}")
        return replay

    @insistent()
    def discard(self, path: Path, reason: str) -> NoReturn:
        """Remove the journal's file, of which no step was made, and raise VideoError."""
        try:
            remove(path)
        except OSError:
            raise UnclosedJournalError(self.paths, reason) from None
        raise VideoError(reason)


def taken_back(replay: JournalReplay) -> str:
    """Roll a journal back; what came of it, in words for the user."""
    try:
        problems = replay.roll_back()
    except UnclosedJournalError as error:
        return str(error)
    return "; ".join(["the rest was taken back", *problems]) if problems else UNCHANGED


def journal_bytes(lines: Iterable[Mapping[str, Any]]) -> bytes:
    """The content of a journal's file: a JSON object per line, the head first, compressed by gzip
    because it has the former content of files.
    """
    import gzip

    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), 1)
