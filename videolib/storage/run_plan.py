"""What a run of several kinds is about to make: asked about where nobody named kinds that take
long, and said before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar

from videolib.core.console import Level
from videolib.core.text import plural
from videolib.storage.timings import Work, forecast

if TYPE_CHECKING:
    from videolib.core.runs import Job


class PlannedTask(Protocol):
    """A kind of artifact to make. `asks_first`: whether somebody at a terminal is asked before."""

    asks_first: bool

    @property
    def title(self) -> str:
        """What it was asked for as."""

    def missing(self) -> str:
        """What it needs that is not here; else an empty text."""


TaskType = TypeVar("TaskType", bound=PlannedTask)


def declined(command: str, tasks: Iterable[TaskType], job: Job) -> list[TaskType]:
    """Those of the tasks that somebody at the terminal does not want; none where nobody can be
    asked. Raises CancelledError."""
    asked = [task for task in dict.fromkeys(tasks) if task.asks_first]
    if not asked or not job.console.may_ask:
        return []
    titles = [task.title for task in asked]
    needs = "".join(f"\n  {task.title}: {task.missing()}" for task in asked if task.missing())
    question = f"{command}: also {' and '.join(titles)}, which take long?{needs}"
    if job.console.ask(question, job.cancelled):
        return []
    job.check()
    job.console.say(f"{command}: left out: --tasks {','.join(titles)} makes them", Level.INFO)
    return asked


def announce(
    command: str,
    items: Sequence[tuple[Sequence[PlannedTask], Work]],
    videos: int,
    limits: tuple[Mapping[str, int], int] | None,
    job: Job,
) -> None:
    """Say what is to be made, of how many videos, how long that takes, and what is missing for it.

    `items`: the tasks of each opening of a video; `limits`: the caps and processes of `forecast`,
    None where nothing is known of them.
    """
    counts = Counter(task for tasks, _ in items for task in tasks)
    plan = ", ".join(f"{count:,} {task.title}" for task, count in counts.items()) or "nothing"
    if items:
        plan += f"; {plural(videos, 'video')}"
    if items and limits:
        pairs = (pair for tasks, work in items for pair in zip(tasks, work.kinds, strict=True))
        titles = {kind: task.title for task, kind in pairs}
        plan += f", {forecast((work for _, work in items), *limits, titles)}"
    job.console.say(f"{command}: to make: {plan}", Level.INFO)
    for task in counts:
        if missing := task.missing():
            job.console.say(f"{command}: {task.title}: {missing}", Level.WARNING)
