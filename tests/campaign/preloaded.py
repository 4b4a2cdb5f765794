"""A command of the table, run as a process in a folder of its own with the library of preload.c."""

from __future__ import annotations

import shutil
import subprocess
import traceback
from pathlib import Path
from typing import Any

from support import Run, run_process
from support.disturbance import Trial

from campaign.commands import COMMANDS
from campaign.preload import NOTHING, Preload
from campaign.trials import Trials
from campaign.warm import WarmProgram
from videolib.core.processes import environment

# What a judge raises: a rule that is broken, JSON that is none, a run that does not end.
BROKEN = (AssertionError, ValueError, subprocess.TimeoutExpired)


class PreloadedTrial(Trial):
    """A command in `place`/root, with its cache beside that. `changes`: those that it makes there,
    of all its processes together, each OTHER, INTERRUPTED or WRITTEN. With a `program` that is
    loaded its runs are forks of that."""

    def __init__(
        self, preload: Preload, place: Path, name: str, program: WarmProgram | None = None
    ) -> None:
        self.preload, self.place, self.name, self.program = preload, place, name, program
        self.variables = {**preload.variables, "XDG_CACHE_HOME": str(place / "cache")}
        self.options: dict[str, Any] = {}  # of the process, as those of subprocess.run
        command, template = COMMANDS[name], place / "template"
        template.mkdir(parents=True)
        preload.disarm()
        with environment(self.variables):
            command.fill(template)
        preload.arm(place, -1, NOTHING)
        super().__init__(self.run_here, template, place, command.words, command.answers)
        self.changes = bytes(preload.state.calls)[: preload.state.count]

    def run_here(self, *words: object) -> Run:
        if self.program:
            return self.program.run(self.variables, *words)
        with environment(self.variables):
            return run_process(*words, **self.options)

    def reset(self) -> None:
        """Make the folder anew, and forget the cache."""
        shutil.rmtree(self.place / "cache", ignore_errors=True)
        super().reset()

    def run_faulty(self, at: int, action: int, code: int = 0, *, lasting: bool = False) -> Run:
        """Run the command while a change fails; `preload.state` has what came of it."""
        self.reset()
        self.preload.arm(self.place, at, action, code, lasting=lasting)
        run = self.run_here(*self.words(self.root))
        self.preload.state.at = -1
        return run


def build(trials: Trials) -> Preload | None:
    """The library, built; None where it cannot be, which is noted."""
    try:
        return Preload(trials.folder)
    except OSError as error:
        trials.skip(trials.part, str(error))
        return None


def readied(
    trials: Trials, preload: Preload, name: str, program: WarmProgram | None = None
) -> PreloadedTrial:
    """A command that is ready to be disturbed."""
    return PreloadedTrial(preload, trials.folder / name.replace(" ", "-"), name, program)


def same_way_again(trials: Trials, what: object) -> str:
    """How a trial is repeated."""
    return f"python -m tests.campaign {trials.part} --seed {trials.seed} ({what})"


def broken_rule(problem: Exception) -> str:
    """The line of the judge that a run failed at, and what it says."""
    line = traceback.extract_tb(problem.__traceback__)[-1].line
    return f"{line}: {problem}"
