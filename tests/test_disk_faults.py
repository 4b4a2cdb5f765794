"""A disk that is full, failing or read-only at any moment of any command that changes something:
nothing is lost, nothing is half, it is told, and the next run or `rename --recover` mends it."""

from __future__ import annotations

import os
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import pytest
from conftest import Cli
from support.disturbance import COMMANDS, Trial, run_until_killed
from support.faults import CODES, disk_faults

from videolib.core.files import SCRATCH

STRIDE = int(os.environ.get("STRIDE_OF_FAULTS", "3"))  # 1: each change of every command fails


class FailingTrial(Trial):
    """A command of which the Nth change of the file system fails, in this process."""

    def fail(self, at: int, code: int, lasting: bool = False) -> bool:
        """Let a change fail, and look at what comes of it; False where there are not so many."""
        self.reset()
        with disk_faults(self.root, at, code, lasting=lasting) as faults:
            run = self.cli(*self.words(self.root))
        if not faults.failed:
            return False
        self.judge(run, faults.failed, lasting)
        return True


@pytest.fixture
def trial(cli: Cli, tmp_path: Path) -> Callable[[str], FailingTrial]:
    def of(name: str) -> FailingTrial:
        fill, words = COMMANDS[name]
        template = tmp_path / "template"
        template.mkdir()
        fill(template)
        return FailingTrial(cli, template, tmp_path, words)

    return of


@pytest.mark.parametrize("name", COMMANDS)
def test_every_change_fails_once(trial: Callable[[str], FailingTrial], name: str) -> None:
    attempt = trial(name)
    for at in range(sorted(COMMANDS).index(name) % STRIDE, 200, STRIDE):
        if not attempt.fail(at, CODES[at // STRIDE % len(CODES)]):
            break
    assert 1 < at < 199


@pytest.mark.parametrize("name", COMMANDS)
def test_every_change_fails_from_one_on(trial: Callable[[str], FailingTrial], name: str) -> None:
    """As on a disk that stays full, or that was mounted read-only in the middle."""
    attempt = trial(name)
    for at in range(sorted(COMMANDS).index(name) % STRIDE, 200, STRIDE):
        if not attempt.fail(at, CODES[at // STRIDE % len(CODES)], lasting=True):
            break
    assert 1 < at < 199


@pytest.mark.parametrize("at", [0, 4], ids=["first", "later"])
@pytest.mark.parametrize("name", COMMANDS)
def test_scratch_files_of_a_killed_run_are_gone_after_the_next(
    trial: Callable[[str], FailingTrial], cli: Cli, name: str, at: int
) -> None:
    """Killed while it waits for the disk, with a scratch file there or a journal begun."""
    attempt = trial(name)
    attempt.reset()
    words = list(map(str, attempt.words(attempt.root)))
    # Forked from the process that workers are, where the program is loaded.
    process = get_context("forkserver").Process
    killed = process(target=run_until_killed, args=(at, words, dict(os.environ)))
    killed.start()
    killed.join()
    assert killed.exitcode == -9 or at
    assert cli("rename", "--recover", "-d", attempt.root).code == 0
    run = cli(*attempt.words(attempt.root))
    assert not [path for path in attempt.root.rglob("*") if path.name.startswith(SCRATCH)]
    if killed.exitcode:
        assert attempt.found() == attempt.after, run.err
