"""The part `faults`: every change of a file that a command makes fails once, or is its end.

For each command the changes are counted: those of the program, its workers, ffmpeg and SQLite
together, below a folder that has the library and the cache. Then one of them fails as disks do,
alone or with all that follow, or is cut short, or the process is killed there. The seed decides
which and in what order. Where processes work at a time, the Nth change may be another in another
run.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
from collections.abc import Iterable
from typing import NamedTuple

from campaign.commands import COMMANDS
from campaign.preload import ERROR, KILL, OTHER, SHORT, WRITTEN
from campaign.preloaded import BROKEN, PreloadedTrial, broken_rule, build, readied, same_way_again
from campaign.trials import Trials
from campaign.warm import WarmProgram

SINGLE = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EINTR)
LASTING = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS)
PREPARING = 0.4  # the share of the time, at most, in which commands are run that nothing disturbs


class Point(NamedTuple):
    """A change of a command, by its number, and what happens to it."""

    trial: PreloadedTrial
    at: int
    action: int
    code: int = 0
    lasting: bool = False

    @property
    def kind(self) -> str:
        return {KILL: "kill", SHORT: "short write"}.get(self.action) or errno.errorcode[self.code]

    def __str__(self) -> str:
        lasting = " and after" if self.lasting else ""
        return f"{self.trial.name}: {self.kind} at change {self.at}{lasting}"

    def check(self) -> bool:
        """Run the command with this fault, and judge what it left; False where it did not come to
        that. Raises AssertionError."""
        trial = self.trial
        run = trial.run_faulty(self.at, self.action, self.code, lasting=self.lasting)
        hits, what = trial.preload.state.hits, f"{self}, {trial.preload.first}"
        if run.code == -9:
            trial.judge_killed(f"{what}: ")
        elif hits:
            trial.judge(run, [what], self.lasting)
            if self.lasting and trial.found(lasting=True) != trial.found():
                trial.run_next(False, f"{what}, then again: ")
        return bool(hits)


def points_of(trials: Trials, trial: PreloadedTrial) -> list[Point]:
    """For each change of a command a fault that passes, one that lasts, a kill and, where it is a
    write, a short one, in an order of chance."""
    points = []
    for at, call in enumerate(trial.changes):
        points += [
            Point(trial, at, ERROR, trials.rng.choice(LASTING if call == OTHER else SINGLE)),
            Point(trial, at, ERROR, trials.rng.choice(LASTING), lasting=True),
            Point(trial, at, KILL),
        ]
        if call == WRITTEN:
            points.append(Point(trial, at, SHORT, lasting=trials.rng.random() < 0.5))
    trials.rng.shuffle(points)
    return points


def in_turn(lines: Iterable[list[Point]]) -> list[Point]:
    """The points of all commands, which take turns."""
    return [point for points in itertools.zip_longest(*lines) for point in points if point]


def try_point(trials: Trials, point: Point) -> None:
    """Try one, count it, and note it where something is wrong."""
    try:
        if point.check():
            trials.count(point.kind)
    except BROKEN as problem:
        trials.fail(broken_rule(problem), same_way_again(trials, point), point.trial.root)


def run(trials: Trials) -> None:
    preload = build(trials)
    if preload is None:
        return
    names, commands = list(COMMANDS), list[PreloadedTrial]()
    trials.rng.shuffle(names)
    with contextlib.closing(WarmProgram(trials.folder, preload.variables)) as program:
        for name in names:
            if trials.remaining() < trials.seconds * (1 - PREPARING):
                break
            commands.append(readied(trials, preload, name, program))
        points = trials.share_of(in_turn([points_of(trials, trial) for trial in commands]))
        trials.measure("commands", len(commands))
        trials.measure("points", len(points))
        for point in points:
            if not trials.go_on():
                break
            try_point(trials, point)
