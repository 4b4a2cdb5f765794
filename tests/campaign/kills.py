"""The part `kills`: processes of a run end at any moment, by kill -9 or by a signal.

A victim is a kind of process of a command; it gets its signal so long after its birth, from within
(preload.c), so that the grid is as fine as a clock. The whole group gets one from outside, as by
Ctrl-C. The seed decides what is tried; at which of its instructions a process is hit, it does not.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from support import ROOT, Run, Started, command, command_of, run_process, started, wait_until

from campaign.preload import Preload
from campaign.preloaded import BROKEN, PreloadedTrial, broken_rule, build, readied, same_way_again
from campaign.trials import Trials
from campaign.warm import WarmProgram
from videolib.core.processes import environment

GROUP = "group"  # all processes of the session, as a terminal signals them
# The kinds of processes that a command has, the most telling commands first.
VICTIMS = {
    "batch": ("program", "worker", "forkserver", "tracker", "ffprobe", GROUP),
    "transcode": ("program", "worker", "ffmpeg", GROUP),
    "subtitles": ("program", "worker", "whisper-cli", GROUP),
    "swap": ("program", GROUP),
    "scenes": ("program", "worker", "forkserver", GROUP),
    "rename-tag": ("program",),
    "listing": ("program", "worker", GROUP),
    "hardlink": ("program",),
    "list": ("program",),
    "import": ("program",),
    "previews": ("program", "worker"),
    "undo of trash": ("program",),
    "relink": ("program",),
    "people": ("program",),
}
CALLERS = frozenset({"program", GROUP})  # where the run itself is ended
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GRID = 0.0005  # seconds between two delays
LATEST = 60.0  # seconds after which a run counts as hung, on a machine that does more than this
PREPARING = 0.3  # the share of the time, at most, in which commands are run that nothing disturbs


class Kill(NamedTuple):
    """Which process of a command gets which signal, in seconds after its birth."""

    trial: PreloadedTrial
    kind: str
    birth: int
    delay: float
    signal: signal.Signals

    def __str__(self) -> str:
        victim = f"{self.kind} {self.birth}"
        moment = f"{self.delay * 1000:.1f} ms after its birth"
        return f"{self.trial.name}: {self.signal.name} to {victim} {moment}"

    def check(self) -> bool:
        """Run the command with it, and judge; False where it came too late. Raises
        AssertionError."""
        self.trial.reset()
        arm(self.trial.preload, self)
        with (
            environment(self.trial.variables),
            started(command(*self.trial.words(self.trial.root))) as process,
        ):
            sent = self.kind == GROUP and signal_group(process, self)
            ended = end_of(process)
            orphans = not wait_until(lambda: not process.family(), 3)
            left = [command_of(pid)[-80:] for pid in process.family()]
        sent = sent or bool(self.trial.preload.state.sent)
        self.trial.preload.disarm()
        assert ended, f"{self}: hung"
        assert not orphans, f"{self}: still alive after 3 s: {left}"
        if sent:
            self.judge(ended)
        return sent

    def judge(self, run: Run) -> None:
        """Fails where it left, or said, what it must not."""
        what = f"{self}: {run.code} {run.err}{run.out}"
        # Python itself complains of its tracker's end, in so many words.
        if self.kind != "tracker" and not ended_as_python_began(run):
            assert "Traceback" not in run.err and "unexpectedly" not in run.err + run.out, what
        assert run.code in self.codes(), what
        if run.code == 0:
            assert self.trial.found() == self.trial.after, what
            self.trial.check_answer(run, what)
        self.trial.judge_killed(what)

    def codes(self) -> tuple[int, ...]:
        """The exit codes that the run may have."""
        if self.kind not in CALLERS:
            return 0, 1
        handled = {signal.SIGTERM: 143, signal.SIGINT: 130}.get(self.signal)
        return (0, 1, -self.signal) if handled is None else (0, 1, -self.signal, handled)


def ended_as_python_began(run: Run) -> bool:
    """Whether a Ctrl-C came before the program's first statement: while it starts, and reads and
    compiles index.py, Python answers with a traceback that no program can prevent."""
    frames = re.findall(r'File "(.+)", line (-?\d+), in', run.err)
    own = [int(line) for path, line in frames if Path(path).is_relative_to(ROOT)]
    lines = (ROOT / "index.py").read_text().splitlines()
    handled = next(number for number, line in enumerate(lines, 1) if "signal.SIG_DFL" in line)
    by_it = run.code in (0, 1, -signal.SIGINT) and "KeyboardInterrupt" in run.err
    return by_it and all(line < handled for line in own)


def arm(preload: Preload, kill: Kill) -> None:
    if kill.kind == GROUP:
        preload.disarm()
    else:
        preload.arm_signal(kill.kind, kill.birth, kill.delay, kill.signal)


def signal_group(process: Started, kill: Kill) -> bool:
    """Send the signal to all processes of the session when its time has come."""
    time.sleep(kill.delay)
    if process.process.poll() is not None:
        return False
    os.killpg(process.process.pid, kill.signal)
    return True


def end_of(process: Started) -> Run | None:
    """What the run said and its exit code; None where it does not end."""
    try:
        out, err = process.process.communicate(timeout=LATEST)
    except subprocess.TimeoutExpired:
        return None
    return Run(process.process.returncode, out.decode(), err.decode())


def kills_of(trials: Trials, trial: PreloadedTrial, seconds: float) -> Iterator[Kill]:
    """Kills of a command without end: half of them in the first moments of a process."""
    grid = 0
    while True:
        for kind in VICTIMS[trial.name]:
            number = signal.SIGKILL
            if kind in CALLERS and trials.rng.random() < 0.5:
                number = trials.rng.choice(SIGNALS)
            birth = trials.rng.randrange(2) if kind in ("worker", "ffprobe") else 0
            if kind not in CALLERS and trials.rng.random() < 0.7:
                delay = grid * GRID
                grid = (grid + trials.rng.randrange(1, 8)) % 240
            else:
                delay = trials.rng.uniform(0, seconds)
            yield Kill(trial, kind, birth, delay, number)


def try_kill(trials: Trials, kill: Kill) -> None:
    """Try one, count it, and note it where something is wrong."""
    try:
        if kill.check():
            trials.count(f"{kill.kind} {kill.signal.name}")
        else:
            trials.count("too late")
    except BROKEN as problem:
        trials.fail(broken_rule(problem), same_way_again(trials, kill), kill.trial.root)


def run(trials: Trials) -> None:
    preload = build(trials)
    if preload is None:
        return
    names, lines = list(VICTIMS), list[Iterator[Kill]]()
    trials.rng.shuffle(names)
    # What is killed is a process of its own, what comes before and after a fork.
    with contextlib.closing(WarmProgram(trials.folder, preload.variables)) as program:
        for name in names:
            if trials.remaining() < trials.seconds * (1 - PREPARING):
                break
            trial = readied(trials, preload, name, program)
            lines.append(kills_of(trials, trial, seconds_of(trial)))
        while lines and trials.go_on():
            for line in lines:
                if trials.go_on():
                    try_kill(trials, next(line))


def seconds_of(trial: PreloadedTrial) -> float:
    """How long the command takes as a process of its own."""
    trial.reset()
    begun = time.monotonic()
    with environment(trial.variables):
        run_process(*trial.words(trial.root))
    return time.monotonic() - begun
