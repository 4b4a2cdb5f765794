"""Journals on disk: where they are, and replaying one forward or backward.

The name of a journal's file tells its number, its command and its state: how far the replay came.
While steps are made that name is all that changes; the content is written once.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from videolib.core.confinement import DivertedError, confined_to, insistent, may_reach
from videolib.core.documents import set_aside
from videolib.core.errors import FULL, VideoError
from videolib.core.files import (
    flush_to_disk,
    make_folder,
    names_in,
    read_file,
    remove,
    remove_empty_folder,
    rename_over,
)
from videolib.core.limits import RESERVED_DESCRIPTORS, raise_descriptor_limit
from videolib.core.locks import locked
from videolib.core.runs import Job
from videolib.core.text import printable
from videolib.storage.names import JOURNALS
from videolib.storage.steps import (
    LibraryPaths,
    Rewrite,
    Step,
    apply_step,
    step_error_message,
    step_from_json,
)

KEPT_JOURNALS = 50  # finished ones, for `--undo`

# What reading a file raises that is no journal of this program.
READ_ERRORS = (
    *(OSError, EOFError, ValueError, KeyError, TypeError, AttributeError),
    *(OverflowError, RecursionError, zlib.error),
)

# What a disk that is full, failing or read-only answers; once it is mended, the step may succeed.
DISK_ERRORS = (*FULL, errno.EIO, errno.EROFS)


class UnclosedJournalError(VideoError):
    """A change of the library is made or taken back in part, or its journal could not be closed:
    `recover` goes on from there. `closed`: it was, but the disk has not confirmed that."""

    def __init__(self, paths: LibraryPaths, reason: str, closed: bool = False) -> None:
        state = "after a power failure the run may wait" if closed else "the run waits"
        super().__init__(f"{reason}; {state} to be finished: {paths.recovery}")


class JournalFile(NamedTuple):
    """A journal's file; its name is NUMBER.COMMAND.STATE."""

    number: int
    command: str
    state: str  # forward-N or backward-N while phase N is under way; done or undone
    path: Path

    @property
    def pending(self) -> bool:
        return "-" in self.state

    def lines(self) -> list[dict[str, Any]]:
        """The objects in the file. Raises one of READ_ERRORS for what is no journal."""
        import gzip

        with gzip.open(io.BytesIO(read_file(self.path))) as lines:
            return [dict(json.loads(line)) for line in lines]

    def set_aside(self, error: Exception) -> str:
        """Set aside a file that `error` kept from being read: it cannot be finished or taken back
        any more, and nothing has to wait for it. Returns the message about that.

        Raises VideoError where the file is there but cannot be opened, or cannot be renamed.
        """
        problem = f"{printable(str(self.path))}: is no readable journal "
        problem += f"({getattr(error, 'strerror', None) or error})"
        # OSError has no number where a file is no gzip, and EINVAL where it is no regular file.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise VideoError(f"{problem}: move it away") from None
        try:
            new = set_aside(self.path)
        except OSError:
            raise VideoError(f"{problem}: move it away") from None
        return f"{problem}: it is kept as {printable(new)}, and what it was about stays as it is"

    def with_state(self, state: str) -> JournalFile:
        """The file after a rename to another state, which the disk may not have yet."""
        target = self.path.with_name(f"{self.number:06}.{self.command}.{state}")
        rename_over(self.path, target)
        return self._replace(state=state, path=target)


@insistent()
def journals(paths: LibraryPaths) -> list[JournalFile]:
    """The journals of a library, oldest first; none where their folder cannot be read.

    Those of a library around this thread's folders are named, too: no link that leads there is in
    the reach of whoever may write in them.
    """
    form = re.compile(r"(\d{6,})\.([a-z-]+)\.(forward-[012]|backward-[012]|done|undone)")
    folder = paths.sidecar_dir / JOURNALS
    names: list[str] = []
    with (
        contextlib.nullcontext() if may_reach(str(folder)) else confined_to(()),
        contextlib.suppress(OSError),
    ):
        names = names_in(str(folder))
    matches = map(form.fullmatch, names)
    return sorted(JournalFile(int(m[1]), m[2], m[3], folder / m[0]) for m in matches if m)


def refuse_interrupted(paths: LibraryPaths, sidecar_dirs: Iterable[str] = ()) -> list[str]:
    """Raise VideoError where a change of the library, of one around it, or of one in or around the
    folders `sidecar_dirs` was interrupted.

    A journal of one that cannot be read is set aside instead; the messages about that are returned.
    """
    starts = [Path(folder) for folder in (paths.artifacts_root, *sidecar_dirs)]
    messages = []
    for folder in dict.fromkeys(f for start in starts for f in (start, *start.parents)):
        for file in journals(LibraryPaths(str(folder), str(folder))):
            if not file.pending:
                continue
            if fault := lasting_fault(file):
                messages.append(file.set_aside(fault))
                continue
            interrupted = paths
            if str(folder) != paths.artifacts_root:
                interrupted = LibraryPaths(str(folder), str(folder))
            name = printable(str(folder))
            raise VideoError(
                f"{name}: an interrupted run waits to be finished: {interrupted.recovery}"
            )
    return messages


@insistent()
def lasting_fault(file: JournalFile) -> Exception | None:
    """Why a journal's file cannot be read, unless that is because it is out of this thread's
    folders; None where it can be."""
    try:
        file.lines()
    except READ_ERRORS as error:
        return None if isinstance(error, DivertedError) else error
    return None


class JournalReplay:
    """A journal by the lines of its file, to be rolled forward or back; its caller holds the locks.

    `facts` are what its command noted, `steps` all its steps in order, `made_folders` the folders
    that did not exist before, outer ones first.
    """

    def __init__(
        self, paths: LibraryPaths, file: JournalFile, lines: Iterable[Mapping[str, Any]]
    ) -> None:
        """Raises one of READ_ERRORS for lines that are those of no journal."""
        self.paths, self.file = paths, file
        head, *steps = lines
        self.facts: dict[str, Any] = dict(head["facts"])
        self.made_folders = [paths.absolute(name) for name in head["folders"]]
        self.steps = [step_from_json(line, paths) for line in steps]

    @classmethod
    def read(cls, paths: LibraryPaths, file: JournalFile) -> JournalReplay:
        """The replay of a file. Raises VideoError where that is no readable journal; it is set
        aside then."""
        try:
            return cls(paths, file, file.lines())
        except READ_ERRORS as error:
            raise VideoError(file.set_aside(error)) from None

    def renamed_videos(self) -> list[tuple[str, str]]:
        """The (old, new) paths of the videos that it renamed. Raises VideoError."""
        absolute = self.paths.absolute
        try:
            return [(absolute(old), absolute(new)) for old, new in self.facts["videos"]]
        except (KeyError, TypeError, ValueError) as error:
            raise VideoError(f"{printable(str(self.file.path))}: {error}") from None

    @property
    def changed_folders(self) -> list[str]:
        """The existing folders in which it moves or rewrites something."""
        paths = [s.path if isinstance(s, Rewrite) else s.source for s in self.steps]
        folders = {path.rpartition("/")[0] for path in paths}
        return sorted(folder for folder in folders if Path(folder).is_dir())

    def lock(self, stack: contextlib.ExitStack) -> None:
        """Lock these folders until the stack is closed."""
        raise_descriptor_limit(len(self.changed_folders) + RESERVED_DESCRIPTORS)
        for folder in self.changed_folders:
            stack.enter_context(locked(folder))

    @insistent()
    def set_state(self, state: str) -> None:
        """Give the file the name of another state, which is on the disk on return."""
        self.file = self.file.with_state(state)
        flush_to_disk(self.file.path.parent)

    def roll_forward(self, job: Job | None = None, again: bool = False) -> list[str]:
        """Make the steps, from the phase on that was begun. Raises OSError, VideoError and, where
        the job is stopped, CancelledError; UnclosedJournalError where all steps are made.

        `again`: the phase may have been made in part. Files that somebody changed since are left
        as they are then, and reported in the list that is returned.
        """
        begun = int(self.file.state[-1])
        problems = []
        for folder in self.made_folders:
            make_folder(Path(folder))
        for phase in range(begun, 3):
            if phase > begun:
                self.set_state(f"forward-{phase}")
            for step in self.phase(phase):
                if job:
                    job.check()
                if problem := apply_step(step, again=again and phase == begun, job=job):
                    if not again or not isinstance(step, Rewrite):
                        raise VideoError(problem)
                    problems.append(problem)
            self.flush(phase)
        self.finish("done")
        return problems

    @insistent()
    def roll_back(self) -> list[str]:
        """Revert the steps that were made; the reasons of those that could not be are returned.

        Raises UnclosedJournalError where the disk, or a link that stays, keeps it from being done.
        """
        state = self.file.state
        begun = 2 if state == "done" else int(state[-1])
        problems: list[str] = []
        try:
            for phase in range(begun, -1, -1):
                self.set_state(f"backward-{phase}")
                problems += [p for p in map(self.revert, reversed(self.phase(phase))) if p]
                self.flush(phase)
        except OSError as error:
            reason = f"{step_error_message(error)}; not everything is taken back"
            raise UnclosedJournalError(self.paths, reason) from None
        self.remove_made_folders()
        self.finish("undone")
        return problems

    def phase(self, phase: int) -> list[Step]:
        """The steps of a phase, in order."""
        return [step for step in self.steps if step.phase == phase]

    @staticmethod
    def revert(step: Step) -> str:
        """Revert a step; returns why that is impossible, or "". Raises OSError where it may be
        possible later: of DISK_ERRORS, and DivertedError."""
        try:
            return apply_step(step, back=True, again=True)
        except OSError as error:
            if error.errno in DISK_ERRORS or isinstance(error, DivertedError):
                raise
            return f"{step_error_message(error)}: left as it is"

    def remove_made_folders(self) -> None:
        """Remove the folders that it made, unless they are in use."""
        for folder in reversed(self.made_folders):
            with contextlib.suppress(OSError):
                remove_empty_folder(folder)

    def flush(self, phase: int) -> None:
        """Wait until a phase's renames are on the disk, before the file's name says so."""
        paths: set[str] = set()
        for step in self.phase(phase):
            paths |= {step.path} if isinstance(step, Rewrite) else {step.source, step.target}
        for folder in {path.rpartition("/")[0] for path in paths}:
            if Path(folder).is_dir():
                flush_to_disk(Path(folder))

    @insistent()
    def finish(self, state: str) -> None:
        """Note the last state, and in a journal that this one takes back that it is undone; remove
        the oldest finished journals.

        Raises UnclosedJournalError where it cannot be noted.
        """
        files = journals(self.paths)
        try:
            for file in files:
                if file.number == self.facts.get("undoes") and state == "done":
                    file.with_state("undone")
            self.set_state(state)
        except OSError as error:
            closed = not self.file.pending
            outcome = "all is changed" if state == "done" else "all is taken back"
            problem = "the disk has not confirmed it" if closed else "the journal is not closed"
            reason = f"{step_error_message(error)}; {outcome}, but {problem}"
            raise UnclosedJournalError(self.paths, reason, closed) from None
        for file in [file for file in files if not file.pending][:-KEPT_JOURNALS]:
            with contextlib.suppress(OSError):  # the next change removes it
                remove(file.path)
