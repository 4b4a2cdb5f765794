"""Connections of a server: how long they may keep it waiting, how many there may be, and how often
the same is logged.

A connection is a `Visitor` until the head of its first request has come, which costs next to
nothing, so that thousands may come at once. Then it waits until few requests of its kind are being
prepared, and becomes a `PatientConnection`, which has uvicorn's parser and the application.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import re
import socket
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from videolib.core.limits import connection_limit, raise_descriptor_limit, visitor_limit
from videolib.core.sockets import QUEUED
from videoserver.http import problem_response

Awaited = Literal["head", "body", "reader"]  # what a client owes: a request's parts, or reading
RequestKind = tuple[str, bytes, bytes]  # the client's address, first and last part of the path

# Seconds that a client may take: for the head of a request in all, counted from the connection or
# the last answer; for PROGRESS bytes of a body, or of an answer.
TIMEOUTS: dict[Awaited, float] = {"head": 10, "body": 20, "reader": 60}
PROGRESS = 16 << 10
HEAD_SIZE = 64 << 10  # bytes of a head, at most; what is longer the parser refuses
ACCEPTED_AT_ONCE = 128  # connections, before what else is to do
AT_ONCE = 8  # requests of a kind that are prepared at a time, of connections that are new
BEGUN = "videoserver.begun"  # the extension in a scope that is called when an answer begins
BLANK_LINE = re.compile(rb"\n\r?\n")
LOGGERS = ("uvicorn.error", "asyncio")
NO_REQUEST = "Invalid HTTP request received."  # as uvicorn logs it


@functools.cache
def refusal() -> bytes:
    """The whole answer to what cannot be parsed, after which the connection is closed."""
    detail = f"that is no HTTP request, or its head has more than {HEAD_SIZE:,} bytes"
    response = problem_response(400, detail, {"connection": "close"})
    lines = [b"HTTP/1.1 400 Bad Request", *map(b": ".join, response.raw_headers), b"", b""]
    return b"\r\n".join(lines) + bytes(response.body)


class Patience:
    """What a connection has for which the server waits, and how it ends where that takes too long.

    Where too many of a class are open, the one that has been waited for longest makes room for the
    next, so that no number of silent clients keeps others out.
    """

    # Those of a class that make room, of this process, which has the descriptors; the one that
    # began to wait first, or made progress first, comes first.
    waiting: ClassVar[OrderedDict[Patience, None]]
    connections: set[Any]  # of the server, uvicorn's
    loop: asyncio.AbstractEventLoop
    timer: asyncio.TimerHandle | None = None

    def wait(self, seconds: float | None) -> None:
        """Be one of those that make room, from now on; `on_timeout` is called after so long."""
        self.stop_waiting()
        self.waiting[self] = None
        if seconds is not None:
            self.timer = self.loop.call_later(seconds, self.on_timeout)

    def stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def on_timeout(self) -> None:
        self.drop()

    @classmethod
    def make_room(cls) -> None:
        """Close the connection that has been waited for longest."""
        logging.getLogger("uvicorn.error").warning(
            "too many connections are open: those that have waited longest are closed"
        )
        next(iter(cls.waiting)).drop()

    def drop(self) -> None:
        """Close the connection, whatever was not sent yet."""
        self.connections.discard(self)
        self.stop_waiting()
        self.close()

    def close(self) -> None:
        raise NotImplementedError


# === Before the first request =====================================================================


class Visitor(Patience):
    """A connection until the head of its first request has come: a socket and what it received."""

    waiting: ClassVar[OrderedDict[Patience, None]] = OrderedDict()

    def __init__(self, client: socket.socket, address: str, reception: Reception) -> None:
        self.socket, self.address, self.reception = client, address, reception
        self.descriptor = client.fileno()  # what asyncio takes less time to look up
        self.loop = reception.loop
        self.connections = reception.open
        self.head = bytearray()
        client.setblocking(False)
        self.connections.add(self)
        self.wait(TIMEOUTS["head"])
        self.receive()
        if self.waits_for_head():
            self.loop.add_reader(self.descriptor, self.receive)

    def waits_for_head(self) -> bool:
        return self.timer is not None

    def receive(self) -> None:
        """Take what has come; with the whole head it waits for its turn. What begins like no
        request, or has too long a head, is refused at once, which costs no parser."""
        try:
            data = self.socket.recv(HEAD_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop()
            return
        checked = max(len(self.head) - 2, 0)
        self.head += data
        if len(self.head) > HEAD_SIZE or self.head[0] < ord("!"):
            self.refuse()
        elif BLANK_LINE.search(self.head, checked):
            self.loop.remove_reader(self.descriptor)
            self.wait(None)
            self.reception.enter(self)

    def refuse(self) -> None:
        logging.getLogger("uvicorn.error").warning(NO_REQUEST)
        with contextlib.suppress(OSError):  # it has gone
            self.socket.send(refusal())
        self.drop()

    def request_kind(self) -> RequestKind:
        """What requests have in common that delay each other; those without a path are a kind, too,
        which is not that of the page."""
        target = bytes(self.head).split(b"\n", 1)[0].split(b" ", 2)[1:2] or [b"*"]
        parts = target[0].partition(b"?")[0].split(b"/")
        return self.address, b"".join(parts[1:2]), parts[-1]

    def close(self) -> None:
        self.loop.remove_reader(self.descriptor)
        self.socket.close()

    def shutdown(self) -> None:
        """Called by uvicorn when it ends."""
        self.drop()


class Reception:
    """Where the connections of a server come in.

    Of each kind of request AT_ONCE are prepared at a time, others of that kind wait. So a thousand
    requests for one thing delay each other, and not a request for another.
    """

    def __init__(self, config: Config, state: ServerState, app_state: dict[str, Any]) -> None:
        self.config, self.state, self.app_state = config, state, app_state
        self.open: set[Any] = state.connections
        self.loop = asyncio.get_running_loop()
        self.preparing: Counter[RequestKind] = Counter()
        self.queues: dict[RequestKind, deque[Visitor]] = {}

    def accept(self, listening: socket.socket) -> None:
        """Take in the connections that have come, some of them where there are many."""
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                client, address = listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptors are left
                logging.getLogger("uvicorn.error").warning("no connection is accepted: %s", error)
                self.loop.remove_reader(listening)
                self.loop.call_later(1, self.listen, listening)
                return
            Visitor(client, address[0] if isinstance(address, tuple) else "", self)
            if len(Visitor.waiting) > visitor_limit():
                Visitor.make_room()

    def listen(self, listening: socket.socket) -> None:
        """Call `accept` where connections come, until the socket is closed."""
        if listening.fileno() >= 0:
            self.loop.add_reader(listening, self.accept, listening)

    def enter(self, visitor: Visitor) -> None:
        """Let a visitor in whose request has come, or let it wait for its turn."""
        kind = visitor.request_kind()
        if self.preparing[kind] < AT_ONCE and kind not in self.queues:
            self.admit(visitor, kind)
        else:
            self.queues.setdefault(kind, deque()).append(visitor)

    def admit(self, visitor: Visitor, kind: RequestKind) -> None:
        """Make a visitor a connection whose request is answered."""
        self.preparing[kind] += 1
        visitor.stop_waiting()
        self.open.discard(visitor)
        connection = PatientConnection(self.config, self.state, self.app_state)
        connection.first_data = bytes(visitor.head)
        connection.on_begun = functools.partial(self.leave, kind)
        self.open.add(connection)
        too_many = len(self.open) - len(Visitor.waiting) - connection_limit()
        for _ in range(min(too_many, len(PatientConnection.waiting))):
            PatientConnection.make_room()
        start = self.loop.connect_accepted_socket(lambda: connection, visitor.socket)
        task: asyncio.Task[Any] = self.loop.create_task(start)
        self.state.tasks.add(task)
        task.add_done_callback(self.state.tasks.discard)

    def leave(self, kind: RequestKind) -> None:
        """One request of a kind is prepared: the next one's turn comes."""
        self.preparing[kind] -= 1
        if not self.preparing[kind]:
            del self.preparing[kind]
        if kind in self.queues:
            self.loop.call_soon(self.admit_next, kind)

    def admit_next(self, kind: RequestKind) -> None:
        queue = self.queues.get(kind, deque())
        while queue and self.preparing[kind] < AT_ONCE:
            visitor = queue.popleft()
            if visitor in Visitor.waiting:
                self.admit(visitor, kind)
        if not queue:
            self.queues.pop(kind, None)


@contextlib.contextmanager
def limited_connections() -> Iterator[None]:
    """A context in which servers that uvicorn starts in this event loop have these limits, however
    it was started, and as many descriptors as the system allows."""
    raise_descriptor_limit()
    loop, sockets = asyncio.get_running_loop(), contextlib.ExitStack()
    create_server = loop.create_server

    async def create_limited_server(
        factory: Callable[[], asyncio.Protocol], *args: Any, **options: Any
    ) -> asyncio.Server:
        protocol: Any = factory()
        if not isinstance(getattr(protocol, "config", None), Config):
            return await create_server(factory, *args, **options)
        config: Config = protocol.config
        config.http_protocol_class = PatientConnection
        if not isinstance(loop, asyncio.SelectorEventLoop) or options.get("ssl"):
            return await create_server(factory, *args, **options)
        reception = Reception(config, protocol.server_state, protocol.app_state)
        server = await create_server(factory, *args, **options, start_serving=False)
        for one in server.sockets:
            # The server closes it, and ends its reading.
            listening = socket.socket(fileno=one.fileno())
            sockets.callback(listening.detach)
            listening.listen(QUEUED)
            reception.listen(listening)
        return server

    loop.create_server = create_limited_server  # type: ignore[method-assign,assignment]  # of this loop only
    try:
        with sockets:
            yield
    finally:
        loop.create_server = create_server  # type: ignore[method-assign]


# === From the first request on ====================================================================


class PatientConnection(Patience, H11Protocol):
    """A connection that ends where its client keeps the server waiting for too long."""

    waiting: ClassVar[OrderedDict[Patience, None]] = OrderedDict()
    awaited: Awaited | None = None
    received = 0  # bytes in all
    progress_made = 0  # `progress` when the timer began
    first_data = b""  # what was received before it was made
    on_begun: Callable[[], None] | None = None  # called once, when the first request is prepared

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self.update()
        if self.first_data:
            self.data_received(self.first_data)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.stop_waiting()
        self.begun()

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        super().data_received(data)
        self.update()
        if self.on_begun and self.cycle:
            self.cycle.scope["extensions"] = {BEGUN: {"call": self.begun}}

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.update()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.update()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.update()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, where no answer has begun yet; none to what came before it."""
        if self.cycle and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.write(refusal())
        self.transport.close()

    def begun(self) -> None:
        """The first request is prepared: its answer begins, or the server waits for its client."""
        on_begun, self.on_begun = self.on_begun, None
        if on_begun:
            on_begun()

    def update(self) -> None:
        """Begin to count the time where the server waits for something else now."""
        awaited = self.awaited_now()
        if awaited and self.received:
            self.begun()
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
        self.stop_waiting()
        self.progress_made = self.progress()
        if self.awaited:
            self.wait(TIMEOUTS[self.awaited])

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

    def close(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        if self.transport:  # it has begun
            super().shutdown()


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
