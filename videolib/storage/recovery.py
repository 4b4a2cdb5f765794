"""Journals of earlier runs: finishing or reverting interrupted ones, undoing finished ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.locks import locked
from videolib.core.text import printable
from videolib.storage.names import JOURNALS
from videolib.storage.replay import (
    JournalReplay,
    UnclosedJournalError,
    journals,
    refuse_interrupted,
)
from videolib.storage.sidecars import remove_abandoned
from videolib.storage.steps import step_error_message

if TYPE_CHECKING:
    from videolib.storage.replay import JournalFile
    from videolib.storage.steps import LibraryPaths


class UndoResult(NamedTuple):
    """A journal that was finished or reverted, and the problems: steps that could not be reverted,
    or why the journal could not be finished.
    """

    replay: JournalReplay
    problems: list[str]

    @property
    def finished(self) -> bool:
        return self.replay.file.state == "done"


def recover(paths: LibraryPaths, *, back: bool = False) -> UndoResult | None:
    """Finish what was interrupted; take it back with `back`, or where it cannot be finished.

    None where nothing was interrupted. Raises UnclosedJournalError where the disk allows neither.
    """
    with locked_journals(paths) as (files, stack):
        if not (pending := [file for file in files if file.pending]):
            return None
        replay = JournalReplay.read(paths, pending[0])
        replay.lock(stack)
        problems = roll(replay, back or replay.file.state.startswith("backward"))
        for folder in {str(paths.sidecar_dir), *replay.changed_folders}:
            remove_abandoned(folder)  # not before: a hard link that waits for its name is one
        return UndoResult(replay, problems)


def roll(replay: JournalReplay, back: bool) -> list[str]:
    """Roll a journal forward or, with `back` or where that fails, back; the problems."""
    problems: list[str] = []
    if not back:
        try:
            return replay.roll_forward(again=True)
        except UnclosedJournalError:
            raise
        except (OSError, VideoError) as error:
            problems = [step_error_message(error)]
    return problems + replay.roll_back()


def undo(paths: LibraryPaths, command: str, number: int | None = None) -> UndoResult | None:
    """Take back the last thing that a command did and that was not taken back yet, or what the
    journal of that number did.

    None where there is nothing.
    """
    with locked_journals(paths) as (files, stack):
        wanted = (file for file in files if number in (None, file.number))
        replay = last_finished(paths, wanted, command)
        refuse_interrupted(paths, replay.changed_folders if replay else ())
        if not replay:
            return None
        replay.lock(stack)
        return UndoResult(replay, replay.roll_back())


def nothing_to_undo(paths: LibraryPaths, what: str) -> str:
    """The message where `undo` finds nothing; `what` names the commands that it looks for."""
    around = "; what was done in another folder is taken back there"
    return f"{printable(paths.root)}: nothing that {what} did is left to take back{around}"


def last_finished(
    paths: LibraryPaths, files: Iterable[JournalFile], command: str
) -> JournalReplay | None:
    """The last finished journal of a command that was not taken back."""
    finished = [file for file in files if file.command == command and file.state == "done"]
    return JournalReplay.read(paths, finished[-1]) if finished else None


@contextlib.contextmanager
def locked_journals(
    paths: LibraryPaths,
) -> Iterator[tuple[list[JournalFile], contextlib.ExitStack]]:
    """The journals of a library, locked, and the stack that holds the lock and may take others."""
    folder = paths.sidecar_dir / JOURNALS
    with contextlib.ExitStack() as stack:
        if folder.is_dir():
            stack.enter_context(locked(folder))
        yield journals(paths), stack
