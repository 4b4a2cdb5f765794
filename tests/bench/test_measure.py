"""The measuring tool must not miss a process, or every ratio would flatter whoever hides one."""

from __future__ import annotations

import sys

import pytest
from measure import MeasureError, Usage, alternate, compare, measure

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
LONG_BURN = BURN.replace("0.3", "2")
ORPHAN = f"""
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", {LONG_BURN!r}], start_new_session=True)
os._exit(0)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_counts_a_process_whose_parent_did_not_wait() -> None:
    usage = measure(python(ORPHAN))
    assert usage.cpu_seconds >= 2
    assert usage.wall_seconds < usage.cpu_seconds


def test_adds_up_several_commands() -> None:
    assert measure([python(BURN), python(BURN)]).cpu_seconds >= 0.6


def test_sees_memory_of_two_processes_at_once() -> None:
    hold = "import time; held = b'x' * 60_000_000; time.sleep(0.5)"
    both = "import subprocess, sys\nfor child in [subprocess.Popen([sys.executable, '-c', "
    usage = measure(python(f"{both}{hold!r}]) for _ in range(2)]: child.wait()"))
    assert 120 < usage.peak_mb < 200


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (python("raise SystemExit('no such film')"), "exit code 1: .*\nno such film"),
        (["no-such-program"], "No such file"),
    ],
)
def test_a_failed_command_is_no_measurement(argv: list[str], reason: str) -> None:
    with pytest.raises(MeasureError, match=reason):
        measure(argv)


def test_compare_takes_turns_and_reports_medians() -> None:
    order: list[str] = []

    def side(name: str, seconds: list[float]) -> Usage:
        order.append(name)
        return Usage(cpu_seconds=seconds.pop(), wall_seconds=1.0, peak_mb=1.0)

    ours, theirs = [9.0, 1.0, 2.0], [4.0, 4.0, 4.0]
    ratio = compare(lambda: side("ours", ours), lambda: side("theirs", theirs))
    assert ratio.cpu == 0.5
    assert order == ["ours", "theirs"] * 3


def test_memory_is_the_highest_of_the_rounds() -> None:
    peaks = [10.0, 70.0, 20.0]
    (usage,) = alternate([lambda: Usage(1.0, 1.0, peaks.pop())])
    assert usage.peak_mb == 70.0
