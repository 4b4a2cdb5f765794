"""Progress of the work on one video, from a worker process to its parent.

A worker's ProgressReporter, or whatever else knows how far it is, hands a share to `parent_link`;
that writes a message into the pipe that Workers made, and Workers hands it on to who started the
run.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection


LONGEST_MESSAGE = select.PIPE_BUF - 4  # bytes; a Connection puts its length before, in four


class ParentLink:
    """A worker's end of the pipe to its parent process; in any other process it leads nowhere."""

    def __init__(self) -> None:
        self.connection: Connection | None = None
        self.item: dict[str, str] = {}

    def work_on(self, video: str, worker_group: str) -> None:
        """Say which video, and which of its groups of tasks, further reports are about."""
        self.item = {"video": video, "worker_group": worker_group}

    def report(self, share: float, note: str) -> None:
        """Send the share (0 to 1) that is done and a note for people.

        Workers share the pipe, and one that is killed halfway through a message would leave its
        reader waiting for the rest: what is too long for one atomic write is not sent.
        """
        message = json.dumps(self.item | {"share": round(share, 4), "note": note}).encode()
        if self.connection and len(message) <= LONGEST_MESSAGE:
            self.connection.send_bytes(message)


parent_link = ParentLink()  # of this process


class ProgressReport(NamedTuple):
    """What a worker reports: the video, the group of its tasks, the share of it that is done (0 to
    1), and a note for people."""

    video: str
    worker_group: str
    share: float
    note: str

    @classmethod
    def parse(cls, message: bytes) -> ProgressReport | None:
        """A message of ParentLink as a report; None of what is none."""
        try:
            fields: Any = json.loads(message)
            report = cls(**fields)
        except (ValueError, TypeError, RecursionError):
            return None
        texts = (report.video, report.worker_group, report.note)
        is_share = isinstance(report.share, float | int) and 0 <= report.share <= 1
        return report if is_share and all(isinstance(text, str) for text in texts) else None


class ReportReader:
    """The parent's end of that pipe, which never waits.

    Each report comes whole, as it is written at once. What is no report comes from a worker that
    was taken over: then nothing that follows is understood, and all of it is thrown away.
    """

    HEADER: ClassVar = struct.Struct("!i")  # what a Connection puts before a message: its length
    MOST: ClassVar = 1 << 20  # bytes read at a time, more than a pipe holds if nobody changed it

    def __init__(self, connection: Connection) -> None:
        self.connection, self.pending, self.broken = connection, b"", False
        os.set_blocking(connection.fileno(), False)

    def read(self) -> Iterator[ProgressReport]:
        """The reports that have come since."""
        try:
            self.pending += os.read(self.connection.fileno(), self.MOST)
        except BlockingIOError:
            return
        while not self.broken and len(self.pending) >= self.HEADER.size:
            (length,) = self.HEADER.unpack_from(self.pending)
            end = self.HEADER.size + length
            if 0 <= length <= LONGEST_MESSAGE and len(self.pending) < end:
                return
            report = ProgressReport.parse(self.pending[self.HEADER.size : max(end, 0)])
            self.pending, self.broken = self.pending[end:], report is None
            if report:
                yield report
        if self.broken:
            self.pending = b""


class ProgressReporter:
    """Reports now and then how far the work on a video is, which has some equal parts."""

    PAUSE: ClassVar = 0.5  # seconds between two reports

    def __init__(self) -> None:
        self.parts, self.finished, self.reported = 1, 0, time.monotonic()

    def begin(self, parts: int) -> None:
        """The work has that many parts, none of which is done."""
        self.parts, self.finished = parts, 0

    def finish_part(self) -> None:
        """The current part is done: what is reported from now on is of the next."""
        self.finished += 1

    def at(self, done: float, total: float) -> None:
        """Of the current part `done` of `total` is done, whatever the unit."""
        if time.monotonic() - self.reported >= self.PAUSE and total > 0:
            self.reported = time.monotonic()
            share = min((self.finished + min(done / total, 1.0)) / self.parts, 0.99)
            parent_link.report(share, f"{share:.0%}")
