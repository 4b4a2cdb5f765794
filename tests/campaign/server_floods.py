"""Floods: thousands of connections at once that owe a server something, or want the same of it.

As a program it is a flood: PORT KIND COUNT SECONDS, how long the connections are held when all of
them are open. It prints how many of the answers that came are what they should be.
"""

from __future__ import annotations

import contextlib
import http.client
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from campaign.programs import ServerProcess

HOST = b"Host: localhost\r\n"
FLOODS = {  # what each connection sends
    "silent clients": b"",
    "half a head": b"GET / HTTP/1.1\r\nHost: loc",
    "trickling heads": b"GET / HTTP/1.1\r\n",
    "half a body": b"POST /jobs HTTP/1.1\r\n" + HOST + b"Content-Length: 1000\r\n\r\n{",
    "slow readers": b"GET /videos/large.mp4/stream HTTP/1.1\r\n" + HOST + b"\r\n",
    "event streams": b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n",
    "listings": b"GET /videos HTTP/1.1\r\n" + HOST + b"\r\n",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}
LARGE = 16 << 20  # bytes of large.mp4, more than socket buffers take


class Answer(NamedTuple):
    """How one page was served: seconds until it was there, and seconds of a processor that the
    server had meanwhile, which is how long it would take on a machine with nothing else to do."""

    seconds: float
    cpu: float
    failure: str


class Watcher:
    """Asks a server for its page, by a connection of its own, again and again."""

    def __init__(self, running: ServerProcess, pause: float = 0.02) -> None:
        self.running, self.pause = running, pause
        self.answers: list[Answer] = []
        self.over = threading.Event()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        thread = threading.Thread(target=self.watch)
        self.over.clear()
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()

    def watch(self) -> None:
        while not self.over.wait(self.pause):
            self.answers.append(self.ask())

    def ask(self) -> Answer:
        began, cpu = time.monotonic(), self.running.cpu()
        failure = ""
        connection = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=60)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            response.read()
            failure = "" if response.status == 200 else f"status {response.status}"
        except (OSError, http.client.HTTPException) as error:
            failure = repr(error)
        finally:
            connection.close()
        return Answer(time.monotonic() - began, self.running.cpu() - cpu, failure)


def start_flood(port: int, kind: str, count: int, seconds: float) -> subprocess.Popen[bytes]:
    """A flood as a process of its own, so that it does not slow down who watches."""
    words = [sys.executable, str(Path(__file__)), str(port), kind, str(count), str(seconds)]
    return subprocess.Popen(words, stdout=subprocess.PIPE)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values is not above."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def flood(port: int, kind: str, count: int, seconds: float) -> int:
    """Open the connections and hold them; how many got an answer that is no failure of the
    server."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    clients = []
    for _ in range(count):
        with contextlib.suppress(OSError):
            client = socket.create_connection(("127.0.0.1", port), timeout=30)
            clients.append(client)
            client.sendall(FLOODS[kind])
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if kind == "trickling heads":
            for client in clients:
                with contextlib.suppress(OSError):
                    client.send(b"X")
        time.sleep(min(left, 0.2))
    return sum(map(is_answered, clients))


def is_answered(client: socket.socket) -> bool:
    """Whether an answer came that is no failure of the server."""
    client.setblocking(False)
    with contextlib.suppress(OSError), client:
        start = client.recv(12)
        return start.startswith(b"HTTP/1.1 ") and not start.startswith(b"HTTP/1.1 5")
    return False


if __name__ == "__main__":
    sys.stdout.write(
        str(flood(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
    )
