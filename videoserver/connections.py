"""Connections of a server: how long they may keep it waiting, how many there may be, and how often
the same is logged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import ClassVar, Literal

from uvicorn.protocols.http.h11_impl import H11Protocol

from videolib.core.limits import connection_limit

Awaited = Literal["head", "body", "reader"]  # what a client owes: a request's parts, or reading

# Seconds that a client may take: for the head of a request in all, counted from the connection or
# the last answer; for PROGRESS bytes of a body, or of an answer.
TIMEOUTS: dict[Awaited, float] = {"head": 10, "body": 20, "reader": 60}
PROGRESS = 16 << 10
LOGGERS = ("uvicorn.error", "asyncio")


class PatientConnection(H11Protocol):
    """A connection that ends where its client keeps the server waiting for too long.

    Where too many are open, the one whose client has been waited for longest makes room for the
    next, so that no number of silent clients keeps others out. Twice as many may be open while
    their requests are worked on; any more are closed at once.
    """

    # Those that wait for their clients, of this process, which has the descriptors; the one that
    # began first, or made progress first, comes first.
    waiting: ClassVar[OrderedDict[PatientConnection, None]] = OrderedDict()
    awaited: Awaited | None = None
    timer: asyncio.TimerHandle | None = None
    received = 0  # bytes in all
    progress_made = 0  # `progress` when the timer began

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.update()
        if len(self.connections) > connection_limit():
            self.make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.stop_timer()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)
        self.update()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.update()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.update()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.update()

    def update(self) -> None:
        """Begin to count the time where the server waits for something else now."""
        awaited = self.awaited_now()
        if awaited != self.awaited:
            self.awaited = awaited
            self.start_timer()

    def awaited_now(self) -> Awaited | None:
        """What the server waits for; None while an answer is being made."""
        if self.flow.write_paused:
            return "reader"
        if self.cycle is None or self.cycle.response_complete:
            return "head"
        return "body" if self.cycle.more_body else None

    def start_timer(self) -> None:
        self.stop_timer()
        self.progress_made = self.progress()
        if self.awaited:
            self.waiting[self] = None
            self.timer = self.loop.call_later(TIMEOUTS[self.awaited], self.on_timeout)

    def stop_timer(self) -> None:
        self.waiting.pop(self, None)
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def progress(self) -> int:
        """A number that grows by each byte of a body that came, or of an answer that went. It is
        compared while nothing new is written."""
        return (self.received if self.awaited == "body" else 0) - (
            self.transport.get_write_buffer_size()
        )

    def on_timeout(self) -> None:
        """Close the connection, unless its client has made progress."""
        if self.progress() - self.progress_made >= PROGRESS:
            self.start_timer()
        else:
            self.drop()

    def make_room(self) -> None:
        """Close the connection whose client has been waited for longest."""
        longest = next(iter(self.waiting))
        if longest is self and len(self.connections) <= 2 * connection_limit():
            return
        self.logger.warning(
            "%d connections are open: those that have waited longest are closed",
            len(self.connections),
        )
        longest.drop()

    def drop(self) -> None:
        """Close the connection, whatever was not sent yet."""
        self.connections.discard(self)
        self.stop_timer()
        self.transport.abort()


# === Logging ======================================================================================


@contextlib.contextmanager
def logged_once_per_second() -> Iterator[None]:
    """While it lasts, uvicorn and asyncio log the same message once a second at most."""
    loggers, once_per_second = list(map(logging.getLogger, LOGGERS)), OncePerSecond()
    for logger in loggers:
        logger.addFilter(once_per_second)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(once_per_second)


class OncePerSecond(logging.Filter):
    """Lets the same message pass once a second: strangers cause as many as they like."""

    KEPT = 100  # messages that are remembered

    def __init__(self) -> None:
        super().__init__()
        self.last_times: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        message, now = f"{record.msg} {error!r}", time.monotonic()
        if now - self.last_times.get(message, -1.0) < 1:
            return False
        if len(self.last_times) >= self.KEPT:
            self.last_times.clear()
        self.last_times[message] = now
        return True
