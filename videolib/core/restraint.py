"""Restraint: the hours of the day in which a long run works, and the lowest priority."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import NamedTuple

from videolib.core.errors import UsageError

HOURS_PATTERN = r"^\d{1,2}(:\d{2})?-\d{1,2}(:\d{2})?$"
DAY = 24 * 60


class Hours(NamedTuple):
    """A part of the day, from `begin` until before `end`, in minutes since midnight; it may go over
    midnight, and is the whole day where both are the same."""

    begin: int = 0
    end: int = 0

    @classmethod
    def parse(cls, text: str) -> Hours:
        """Of `22-6` or `22:30-6:15`; "" is the whole day. Raises UsageError."""
        if not text:
            return cls()
        begin, end = (minute_of_day(part, text) for part in text.split("-"))
        if begin == end:
            raise UsageError(f"--hours {text}: begins when it ends")
        return cls(begin % DAY, end % DAY)

    def contains(self, minute: int) -> bool:
        """Whether a minute of the day is in it."""
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end

    def now(self) -> bool:
        """Whether this moment is in it, by the clock on the wall, which may be set at any time."""
        local = time.localtime()
        return self.contains(local.tm_hour * 60 + local.tm_min)


def minute_of_day(text: str, hours: str) -> int:
    """Minutes since midnight of `6` or `6:15`, up to `24`. Raises UsageError."""
    hour, _, minute = text.partition(":")
    minutes = int(hour) * 60 + int(minute or 0)
    if int(minute or 0) > 59 or minutes > DAY:
        raise UsageError(f"--hours {hours}: {text} is no time of the day")
    return minutes


# Numbers of the system call ioprio_set by machine, which no library of C has a function for.
IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30, "armv7l": 314, "ppc64le": 273}
IOPRIO_SET |= {"i686": 289, "s390x": 282}
THIS_PROCESS, IDLE_CLASS = 1, 3 << 13  # IOPRIO_WHO_PROCESS, and IOPRIO_CLASS_IDLE in its place


def lower_priority() -> None:
    """Give this thread, and all threads and processes that it will start, the lowest priority for
    the processor and, on Linux, for disks: they get what nobody else wants."""
    with contextlib.suppress(OSError):  # lower than that already, and may not be raised
        os.nice(19)
    if sys.platform == "linux":
        import ctypes

        with contextlib.suppress(OSError):  # where a container forbids it, the above has to do
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        if number := IOPRIO_SET.get(os.uname().machine):
            ctypes.CDLL(None).syscall(number, THIS_PROCESS, 0, IDLE_CLASS)
