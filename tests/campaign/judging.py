"""What a user would complain about in a run of the program, whatever files it was given."""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import support

# Words in a reason or a message that no file may cause.
SURPRISES = re.compile(
    "traceback|unexpected|operation not permitted|/proc/self|took longer|ended before it began"
    "|more memory than a worker|cannot write here|crashed|NoneType|object has no"
    "|errno|out of range",
    re.IGNORECASE,
)
LONGEST_MESSAGE = 1000  # characters of a line


class Complaint(NamedTuple):
    """What is wrong, in which video (or file), empty: in the run as a whole."""

    message: str
    name: str = ""

    @property
    def kind(self) -> str:
        """The message without what differs from file to file, to see the same fault again."""
        return re.sub(r"\d+(\.\d+)?|0x[0-9a-f]+", "N", self.message.replace(self.name or "\0", "F"))


class Judged(NamedTuple):
    """A run: its JSON document, where it gave one, and the complaints."""

    document: Any
    complaints: list[Complaint]
    run: support.Run | None = None


def judged_run(words: Sequence[object], names: Sequence[str] = ()) -> Judged:
    """Run a command in this process and judge what it says; `names` of videos that it is about."""
    try:
        run = support.run_cli(*words)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return Judged(None, [Complaint(f"traceback: {type(error).__name__}: {error} ({where})")])
    complaints = list(complaints_of_text(run.err, names))
    document = None
    if "--json" in words and run.code in (0, 1):
        try:
            document = strict_json(run.out)
        except ValueError as error:
            complaints.append(Complaint(f"its JSON: {error}"))
        else:
            complaints += complaints_of_results(document)
    if run.code not in (0, 1, 2):
        complaints.append(Complaint(f"exit code {run.code}"))
    return Judged(document, complaints, run)


def complaints_of_text(text: str, names: Sequence[str]) -> Iterator[Complaint]:
    """What is wrong with messages on standard error."""
    for line in text.splitlines():
        name = next((name for name in names if f" {name}: " in line), "")
        if SURPRISES.search(line.replace(name or "\0", "")):
            yield Complaint(line.split(f"{name}: ", 1)[-1], name)
        elif len(line) > LONGEST_MESSAGE:
            yield Complaint(f"a message of {len(line)} characters: {line[:200]}", name)


def complaints_of_results(document: Any) -> Iterator[Complaint]:
    """What is wrong with the results of tasks: each video once, each failure with a reason."""
    reports = document.get("tasks", [document]) if isinstance(document, dict) else []
    for report in reports:
        rows = report.get("results", []) if isinstance(report, dict) else []
        for name, count in Counter(row.get("video") for row in rows).items():
            if count > 1:
                yield Complaint(f"{report.get('task')}: {count} results of one video", name)
        for row in rows:
            reason = row.get("error", "")
            if row.get("status") == "failed" and not reason:
                yield Complaint(f"{report.get('task')}: failed without a reason", row["video"])
            if SURPRISES.search(reason):
                yield Complaint(reason, row["video"])


def strict_json(text: str | bytes) -> Any:
    """A JSON document. Raises ValueError for anything else, also for NaN and infinity."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no number of JSON")

    return json.loads(text, parse_constant=refuse)


def times_in(document: Any) -> Iterator[float]:
    """Everything in an artifact that is a time in seconds."""
    if isinstance(document, dict):
        for key, value in document.items():
            if key in ("time", "start", "end", "duration") and isinstance(value, int | float):
                yield float(value)
            else:
                yield from times_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from times_in(value)


def complaints_of_artifact(path: Path, name: str, latest: float) -> Iterator[Complaint]:
    """What is wrong with a file in `.artifacts`: one that is no JSON or no picture, or has times
    before 0 or after `latest` seconds."""
    content = path.read_bytes()
    if path.suffix == ".json":
        try:
            times = list(times_in(strict_json(content)))
        except ValueError as error:
            yield Complaint(f"{path.suffixes[-2]} record: {error}", name)
            return
        wrong = [t for t in times if not (math.isfinite(t) and -0.001 <= t <= latest)]
        if wrong:
            yield Complaint(f"{path.suffixes[-2]} record has the time {wrong[0]:g} s", name)
    elif path.suffix == ".jpg" and not (content[:2] == b"\xff\xd8" and content[-2:] == b"\xff\xd9"):
        yield Complaint(f"{path.name}: is no whole JPEG", name)


class MemoryWatch:
    """The most resident memory, in bytes, that any process below this one had (Linux)."""

    INTERVAL = 0.25

    def __init__(self) -> None:
        self.peak = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.ended.wait(self.INTERVAL):
            self.peak = max([self.peak, *map(peak_memory, descendants(os.getpid()))])


def descendants(ancestor: int) -> list[int]:
    """The ids of all processes that began with this one, itself left out."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
    family = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sorted(family - {ancestor})


def peak_memory(process: int) -> int:
    """The most resident memory that a process had, in bytes; 0 of one that is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(match[1]) * 1024 if match else 0


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started
