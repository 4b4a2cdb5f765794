"""What was interrupted is finished or taken back; what was done is undone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.locks import locked
from videolib.core.runs import Exit, Result
from videolib.core.text import shown
from videolib.storage.journal import (
    JOURNALS,
    JournalReplay,
    failed_step,
    journals,
    refuse_interrupted,
)

if TYPE_CHECKING:
    from videolib.storage.journal import JournalFile, LibraryPaths


class UndoResult(NamedTuple):
    """What became of a journal, and what could not be taken back of it or why that was needed."""

    account: JournalReplay
    problems: list[str]

    @property
    def finished(self) -> bool:
        return self.account.entry.state == "done"

    def result(self, data: Mapping[str, Any], *lines: str) -> Result:
        """What a command answers that brought this about."""
        text = "\n".join([*map(shown, self.problems), *lines])
        return Result({**data, "problems": self.problems}, text, Exit.of(self.problems))


def recover(places: LibraryPaths, *, back: bool = False) -> UndoResult | None:
    """Finish what was interrupted, or take it back where it can't be or `back` asks for it.

    None where nothing was interrupted.
    """
    with owned_journals(places) as (entries, stack):
        if not (pending := [entry for entry in entries if entry.pending]):
            return None
        account = JournalReplay(places, pending[0])
        account.lock(stack)
        problems = []
        if not back and account.entry.state.startswith("forward"):
            try:
                return UndoResult(account, account.go_on(again=True))
            except (OSError, VideoError) as error:
                problems = [failed_step(error)]
        return UndoResult(account, problems + account.go_back())


def undo(places: LibraryPaths, command: str) -> UndoResult | None:
    """Take back what a command did last that was not taken back yet; None where it did nothing."""
    with owned_journals(places) as (entries, stack):
        account = last_of(places, entries, command)
        refuse_interrupted(places, account.sidecar_dirs if account else ())
        if not account:
            return None
        account.lock(stack)
        return UndoResult(account, account.go_back())


def nothing_known(places: LibraryPaths, what: str) -> str:
    """What to say where `undo` finds nothing."""
    around = "; what was done in another folder is taken back there"
    return f"{shown(places.root)}: nothing that {what} did is left to take back{around}"


def last_of(
    places: LibraryPaths, entries: Iterable[JournalFile], command: str
) -> JournalReplay | None:
    """The last finished journal of a command that was not taken back."""
    done = [e for e in entries if e.command == command and e.state == "done"]
    return JournalReplay(places, done[-1]) if done else None


@contextlib.contextmanager
def owned_journals(
    places: LibraryPaths,
) -> Iterator[tuple[list[JournalFile], contextlib.ExitStack]]:
    """The journals of a library while nobody else can touch them, and what further locks go on."""
    folder = places.sidecar_dir / JOURNALS
    with contextlib.ExitStack() as stack:
        if folder.is_dir():
            stack.enter_context(locked(folder))
        yield journals(places), stack
