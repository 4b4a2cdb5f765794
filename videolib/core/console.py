"""The console of a run: messages and progress on standard error, and the log of what was done."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
import threading
import time
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Any, TextIO

from videolib.core.confinement import inheriting
from videolib.core.documents import json_pieces, json_text
from videolib.core.errors import UsageError
from videolib.core.text import iso_time, printable

PROGRESS_LINE = "{percentage:3.0f}%|{bar}| {n:.3g}/{total} videos [{elapsed}<{remaining}{postfix}]"
ERASE = "\r\x1b[K"  # to the beginning of the line, and nothing in it (ECMA-48, EL)


GENERAL_FLAGS = ("config", "verbose", "quiet", "log")  # of every command


class Level(IntEnum):
    """How much a message matters."""

    DETAIL = 10  # what was done with each video: only where that is asked for
    INFO = 20
    WARNING = 30  # something is not as one might expect, yet all was done
    ERROR = 40  # something was not done


COLORS = {Level.DETAIL: "2", Level.WARNING: "33", Level.ERROR: "31"}  # SGR codes of ECMA-48


class Console:
    """Messages from `least` level on and, on a terminal, one progress line, all on standard error;
    with `log`, all messages and outcomes as JSON lines in that file."""

    FIRST_PAUSE, PAUSE = 1.0, 0.5  # seconds until the elapsed time is shown, and between updates

    def __init__(self) -> None:
        self.bar: Any = None
        self.notes: dict[str, str] = {}  # how far each video is that is worked on
        self.lock = threading.RLock()
        self.least, self.log = Level.INFO, Path()
        self.elapsed_shown = False
        self.may_ask = False  # whether somebody waits for answers: only of a command line

    def settle(self, *places: dict[str, Any]) -> str | None:
        """Choose what is shown, and the file of the log, by the general flags on a line, of which
        the later places count; they are taken out. The value of --config, which is for others.

        Raises UsageError for what cannot be.
        """
        flags: dict[str, Any] = {}
        for place in places:
            names = [name for name in GENERAL_FLAGS if place.get(name) is not None]
            flags |= {name: place.pop(name) for name in names}
        if flags.get("verbose") and flags.get("quiet"):
            raise UsageError("--verbose and --quiet: one of them")
        self.least = Level.DETAIL if "verbose" in flags else Level.INFO
        self.least = Level.ERROR if "quiet" in flags else self.least
        self.may_ask = self.least < Level.ERROR and sys.stderr.isatty() and is_terminal(sys.stdin)
        if "log" in flags:
            self._open_log(flags["log"])
        return flags.get("config")

    def _open_log(self, name: str) -> None:
        try:
            with Path(name).open("a"):
                self.log = Path(name)
        except OSError as error:
            reason = error.strerror
            raise UsageError(f"--log {printable(name)}: cannot be written: {reason}") from None

    def say(self, text: str, level: Level = Level.ERROR) -> None:
        """Write a line, above the progress line."""
        self._log({"message": text}, level)
        self._show(text, level)

    def ask(self, question: str, stop: threading.Event) -> bool:
        """Whether somebody at the terminal answers yes; no where the run is stopped meanwhile.

        The input is not read before there is a line, as a signal would not end that.
        """
        with self.lock:
            self._erase_elapsed()
            sys.stderr.write(f"{question} [y/N] ")
            sys.stderr.flush()
            while not stop.is_set():
                if select.select([sys.stdin], [], [], self.PAUSE)[0]:
                    return sys.stdin.readline().strip().lower() in ("y", "yes")
        return False

    def _show(self, text: str, level: Level) -> None:
        if level < self.least:
            return
        with self.lock, contextlib.suppress(OSError):
            try:
                if self.bar is not None:
                    self.bar.clear()
                self._erase_elapsed()
                sys.stderr.write(painted(text, level) + "\n")
                sys.stderr.flush()
            except BrokenPipeError:  # the reader is gone: work goes on
                discard(sys.stderr)

    def note_outcome(
        self, video: str, task: str, status: str, seconds: float | None, reason: str, level: Level
    ) -> None:
        """Log what became of a video in a task, and show it as a detail unless it is an error,
        which is said with its reason. `seconds`: of the pass that made it, None where there was
        none; tasks that share a pass share its time."""
        rounded = None if seconds is None else round(seconds, 3)
        row = {"video": video, "task": task, "status": status, "seconds": rounded}
        self._log(row | {"reason": reason}, level)
        if level < Level.ERROR:
            duration = "" if seconds is None else f" in {seconds:.2f} s"
            self._show(f"{task}: {printable(video)}: {status}{duration}", Level.DETAIL)

    def _log(self, fields: dict[str, Any], level: Level) -> None:
        """Append a line to the log, if there is one; it is opened each time, so that it can be
        moved away meanwhile."""
        if self.log.name:
            line = json_text({"time": iso_time(), "level": level.name.lower()} | fields, None)
            with (
                self.lock,
                contextlib.suppress(OSError),
                self.log.open("a", errors="replace") as log,
            ):
                log.write(line + "\n")

    @contextlib.contextmanager
    def progress(self, total: int) -> Iterator[None]:
        """Show videos done, rate, time left and the current video while the body runs."""
        if sys.stderr.isatty() and total and self.least < Level.ERROR:
            from tqdm import tqdm

            self._erase_elapsed()
            self.bar = tqdm(
                total=total,
                file=sys.stderr,
                dynamic_ncols=True,
                smoothing=0.1,
                bar_format=PROGRESS_LINE,
            )
        try:
            yield
        finally:
            if self.bar is not None:
                self.bar.close()
            self.bar = None

    @contextlib.contextmanager
    def elapsed(self, name: str) -> Iterator[None]:
        """Show on a terminal, once the body has run for a second, for how long it does, and the
        notes of `step`; for what has no number of videos to count."""
        if not sys.stderr.isatty() or self.least >= Level.ERROR:
            yield
            return
        ended = threading.Event()
        thread = threading.Thread(target=inheriting(self._show_elapsed), args=(name, ended))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            with self.lock:
                self._erase_elapsed()

    def _show_elapsed(self, name: str, ended: threading.Event) -> None:
        started, pause = time.monotonic(), self.FIRST_PAUSE
        while not ended.wait(pause):
            pause = self.PAUSE
            with self.lock, contextlib.suppress(OSError):
                if self.bar is None:
                    notes = "; ".join(filter(None, self.notes.values()))
                    seconds = f"{time.monotonic() - started:.0f} s"
                    sys.stderr.write(f"{ERASE}{name}: {seconds} {notes}".rstrip())
                    sys.stderr.flush()
                    self.elapsed_shown = True

    def _erase_elapsed(self) -> None:
        if self.elapsed_shown:
            sys.stderr.write(ERASE)
            sys.stderr.flush()
            self.elapsed_shown = False

    def step(self, current: str, done: float, note: str = "") -> None:
        """Advance by `done` videos, which may be a fraction; `note`: how far the current one is."""
        with self.lock:
            self.notes.pop(current, None)
            if note:
                self.notes[current] = note
            if self.bar is None:
                return
            parts = [f"{printable(name)[-40:]} {note}" for name, note in self.notes.items()]
            self.bar.set_postfix_str("; ".join(parts) or printable(current)[-40:], refresh=False)
            # Shares of videos add up to a little more than all of them, which tqdm warns of.
            self.bar.update(min(done, self.bar.total - self.bar.n))
            if note:
                self.bar.refresh()


def is_terminal(stream: Any) -> bool:
    """Whether a standard stream is there, and is a terminal."""
    return stream is not None and not stream.closed and stream.isatty()


def painted(text: str, level: Level) -> str:
    """A message in the colour of its level where standard error is a terminal that has colours, and
    NO_COLOR is not set (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    if plain or level not in COLORS or not sys.stderr.isatty():
        return text
    return f"\x1b[{COLORS[level]}m{text}\x1b[0m"


def discard(stream: TextIO) -> None:
    """Let nothing more come out of a standard stream that cannot be written, whoever writes it.

    The interpreter flushes it when it ends, and would exit by 120 where that fails.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def write_result(data: Any, text: str, as_json: bool, raw: bytes | None = None) -> None:
    """Print a result as JSON, or as text, or in its place as these bytes; a reader that has had
    enough (`| head`) ends it quietly."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        encoding = "utf-8" if as_json else sys.stdout.encoding
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
    try:
        if raw is not None and not as_json:
            sys.stdout.buffer.write(raw)
            sys.stdout.flush()
        elif (as_json or text) and sys.stdout:
            # What a sidecar says of a codec may command a terminal as well as a name may.
            shown = "\n".join(map(printable, text.split("\n")))
            sys.stdout.writelines(json_pieces(data) if as_json else [shown])
            sys.stdout.write("\n")
            sys.stdout.flush()
    except OSError as error:
        discard(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise
