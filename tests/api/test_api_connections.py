"""Clients that keep the server waiting: with their requests, or by not reading its answers."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import logging
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

import httpx
import pytest
from support import Library, hostile_command, started, wait_until
from support.served import Served

from videoserver import connections
from videoserver.jobs import EVENTS_KEPT

HEAD = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for awaited in ("head", "body", "reader"):
        monkeypatch.setitem(connections.TIMEOUTS, awaited, 0.5)


@contextlib.contextmanager
def connected(port: int, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that have sent something each."""
    with contextlib.ExitStack() as stack:
        clients = []
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
            with contextlib.suppress(ConnectionError):  # closed already
                client.sendall(sent)
            clients.append(client)
        yield clients


def is_closed(client: socket.socket) -> bool:
    """Whether the server has closed a connection; what it sent before is dropped."""
    client.setblocking(False)
    try:
        while client.recv(1 << 20):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.usefixtures("impatient")
class TestPatience:
    @pytest.mark.parametrize(
        "sent",
        [b"", b"GET / HT", HEAD, POST + b"Content-Length: 99\r\n\r\n{", HEAD + b"\r\n" + HEAD],
    )
    def test_a_request_that_does_not_end(self, served: Served, sent: bytes) -> None:
        with connected(served.port, 1, sent) as (client,):
            assert wait_until(lambda: is_closed(client), 10)
        assert served.get("/health")

    @pytest.mark.parametrize("sent", [HEAD, POST + b"Content-Length: 999\r\n\r\n{"])
    def test_one_that_trickles_in(self, served: Served, sent: bytes) -> None:
        def trickle(client: socket.socket) -> bool:
            with contextlib.suppress(ConnectionError):
                client.sendall(b"x")
            return is_closed(client)

        with connected(served.port, 1, sent) as (client,):
            assert wait_until(lambda: trickle(client), 10)

    def test_a_slow_one_that_goes_on(self, served: Served) -> None:
        """A body that takes longer than one timeout, but comes."""
        body = b'{"token": "' + b"x" * 200_000 + b'"}'
        head = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        with connected(served.port, 1, head) as (client,):
            for start in range(0, len(body), 20_000):
                client.sendall(body[start : start + 20_000])
                time.sleep(0.1)
            assert client.recv(100).startswith(b"HTTP/1.1 422")

    def test_a_client_that_does_not_read(self, served: Served, library: Library) -> None:
        library.add_bytes("large.mp4", b"x" * (32 << 20))
        request = b"GET /videos/large.mp4/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with connected(served.port, 1, request) as (client,):
            assert wait_until(lambda: len(served.app.requests) == 1)
            assert wait_until(lambda: not served.app.requests)
            size = 0
            with contextlib.suppress(ConnectionError):
                while chunk := client.recv(1 << 20):
                    size += len(chunk)
            assert size < 32 << 20

    def test_a_slow_reader_gets_all(self, served: Served, library: Library) -> None:
        library.add_bytes("large.mp4", b"x" * (16 << 20))
        size = 0
        with served.client.stream("GET", "/videos/large.mp4/stream") as response:
            for chunk in response.iter_raw(1 << 20):
                size += len(chunk)
                time.sleep(0.1)
        assert size == 16 << 20

    def test_events_may_be_waited_for(self, served: Served) -> None:
        with served.events("/events") as events:
            time.sleep(1.5)
            served.submit("report")
            assert next(events)["event"] == "progress"


class TestRoom:
    def test_who_waits_longest_makes_room(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "visitor_limit", lambda: 8)
        with served.events("/events"), connected(served.port, 20, HEAD) as silent:
            assert served.client.get("/health").is_success
            assert wait_until(lambda: sum(map(is_closed, silent)) >= 12)
            assert all(map(is_closed, silent[:12]))
            assert not any(map(is_closed, silent[13:]))
            assert served.app.event_stream.clients == 1

    def test_who_reads_nothing_makes_room(
        self, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "connection_limit", lambda: 8)
        library.add_bytes("large.mp4", b"x" * (16 << 20))
        request = HEAD.replace(b"/health", b"/videos/large.mp4/stream") + b"\r\n"

        def is_answered() -> bool:
            return httpx.get(f"{served.url}/health", timeout=20).is_success

        with connected(served.port, 20, request):
            assert wait_until(lambda: is_answered() and len(served.connections) <= 8)

    def test_many_requests_for_one_thing_delay_only_each_other(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, go_on = list[str](), threading.Event()

        def report(directory: str, *_: object) -> dict[str, object]:
            asked.append(directory)
            assert go_on.wait(20)
            return {}

        monkeypatch.setattr(served.app.service, "report", report)
        count = connections.AT_ONCE + 20
        with connected(
            served.port, count, b"GET /report" + HEAD.removeprefix(b"GET /health") + b"\r\n"
        ) as clients:
            assert wait_until(lambda: len(asked) == connections.AT_ONCE)
            assert served.get("/videos")["videos"] == []
            assert len(asked) == connections.AT_ONCE
            go_on.set()
            for client in clients:
                assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert len(asked) == count

    def test_who_goes_while_waiting_for_a_turn(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "AT_ONCE", 1)
        with connected(served.port, 50, HEAD + b"\r\n"):
            pass
        assert served.client.get("/health").is_success
        assert wait_until(lambda: len(served.connections) == 1)

    @pytest.mark.parametrize("program", ["serve", "uvicorn"])
    def test_half_open_connections_beyond_the_descriptors(
        self, library: Library, program: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A server that may have 600 descriptors is asked by a thousand, and answers one more."""

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 600))

        words = hostile_command("serve", "--root", library.root, "--port", 0)
        if program == "uvicorn":
            words = [sys.executable, "-m", "uvicorn", "api:app", "--port", "0"]
            monkeypatch.setenv("VIDEO_ROOTS", str(library.root))
        with started(words, preexec_fn=limit) as run:
            assert run.process.stderr
            lines = iter(run.process.stderr.readline, b"")
            found = (re.search(r"http://127.0.0.1:(\d+)", line.decode()) for line in lines)
            address = next(filter(None, found))
            with connected(int(address[1]), 1000, HEAD):
                began = time.monotonic()
                assert httpx.get(f"{address[0]}/health", timeout=20).is_success
                assert time.monotonic() - began < 5
            run.process.terminate()
            assert run.process.wait(20) == (143 if program == "serve" else -signal.SIGTERM)
            assert len(run.process.stderr.read().splitlines()) < 30

    @pytest.mark.parametrize("target", [b"/session", b"/videos", b"/nothing", b"/events"])
    def test_a_body_that_is_no_http(
        self, served: Served, caplog: pytest.LogCaptureFixture, target: bytes
    ) -> None:
        head = b"POST %s HTTP/1.1\r\nHost: %%s\r\nTransfer-Encoding: chunked\r\n\r\n" % target
        if target == b"/events":
            head = head.replace(b"POST", b"GET")
        requests = [head % host + b"zz\r\n{}\r\n" for host in (b"localhost", b"a.example")]
        requests.append(HEAD + b"\r\n\0\r\n\r\n")
        for request in requests:
            with connected(served.port, 1, request) as (client,):
                assert wait_until(functools.partial(is_closed, client))
        assert served.get("/health")
        assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []

    def test_who_follows_and_leaves_without_having_read(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        """More events are on the way than the system keeps for a client."""
        board = served.app.service.board
        with connected(served.port, 1, b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            assert wait_until(lambda: served.app.requests)
            for _ in range(EVENTS_KEPT):
                board.announce_library("x" * 10_000)
            time.sleep(0.3)  # in which as many leave as can
        assert wait_until(lambda: not served.app.requests)
        assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []

    @pytest.mark.parametrize(
        "sent",
        [
            b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
            b"hello\r\n\r\n",
            b"GET /search?text=" + b"x" * (64 << 10),
            b"GET / HTTP/1.1\r\nhost localhost\r\n\r\n",
        ],
        ids=["TLS", "no words", "a long address", "a header without a colon"],
    )
    def test_what_is_no_request(self, served: Served, sent: bytes) -> None:
        with connected(served.port, 1, sent) as (client,):
            answer = http.client.HTTPResponse(client)
            answer.begin()
            problem = json.loads(answer.read())
        assert (answer.status, problem["status"]) == (400, 400)
        assert answer.getheader("content-type") == "application/problem+json"
        assert "no HTTP request, or its head has more than 65,536 bytes" in problem["detail"]

    def test_the_same_is_logged_once_a_second(
        self, served: Served, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.WARNING, "uvicorn.error")
        began = time.monotonic()
        with connected(served.port, 200, b"\0\r\n\r\n") as clients:
            assert wait_until(lambda: all(map(is_closed, clients)))
        lines = [record for record in caplog.records if "Invalid HTTP" in record.message]
        assert 1 <= len(lines) <= time.monotonic() - began + 1
