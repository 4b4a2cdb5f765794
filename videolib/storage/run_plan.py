"""What a run of several kinds is about to make: asked about where nobody named kinds that take
long, and said before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

from videolib.core.console import Level
from videolib.core.text import plural
from videolib.storage.timings import Forecast, Work, forecast

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.videos import Video


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


class PlannedItem(Protocol):
    """Tasks that are to be done in one opening of a video."""

    @property
    def video(self) -> Video: ...

    @property
    def tasks(self) -> Sequence[PlannedTask]: ...

    @property
    def work(self) -> Work: ...


class RunPlan(NamedTuple):
    """What a run is about to make: how often each task is done, of how many videos, and how long
    that will take; `forecast` is None where nothing is known of that."""

    counts: Mapping[PlannedTask, int]
    videos: int
    forecast: Forecast | None

    @classmethod
    def of(
        cls, items: Sequence[PlannedItem], limits: tuple[Mapping[str, int], int] | None
    ) -> RunPlan:
        """The plan of items; `limits`: the caps and processes of `forecast`, None where the work
        is done elsewhere."""
        expected = None
        if limits and items:
            works = [item.work for item in items]
            titles: dict[str, str] = {}
            for item, work in zip(items, works, strict=True):
                names = (task.title for task in item.tasks)
                titles |= zip(work.kinds, names, strict=True)
            expected = forecast(works, *limits, titles)
        counts = Counter(task for item in items for task in item.tasks)
        return cls(counts, len({item.video.rel for item in items}), expected)

    @property
    def text(self) -> str:
        """The plan in a line."""
        counts = ", ".join(f"{count:,} {task.title}" for task, count in self.counts.items())
        if not counts:
            return "nothing"
        time = f", {self.forecast.text}" if self.forecast else ""
        return f"{counts}; {plural(self.videos, 'video')}{time}"

    def as_json(self) -> dict[str, Any]:
        """{videos, counts: {task: n}, seconds, unknown, text, missing: {task: what it needs}}."""
        seconds, unknown = self.forecast or (0.0, [])
        return {
            "videos": self.videos,
            "counts": {task.title: count for task, count in self.counts.items()},
            "seconds": round(seconds, 1),
            "unknown": unknown,
            "time": self.forecast.text if self.forecast else "",
            "missing": {task.title: need for task in self.counts if (need := task.missing())},
        }


def announce(command: str, plan: RunPlan, job: Job) -> None:
    """Say what is to be made and how long that takes, and what is missing for it."""
    job.console.say(f"{command}: to make: {plan.text}", Level.INFO)
    for task in plan.counts:
        if missing := task.missing():
            job.console.say(f"{command}: {task.title}: {missing}", Level.WARNING)
