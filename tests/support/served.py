"""A real server on a free port for the tests, and what they ask of it again and again."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import httpx
import uvicorn

import api
import support
from videolib.storage.folders import Roots
from videoserver.app import App
from videoserver.settings import ServerSettings


class Served:
    """A running server: `client` talks to it, `app` is what it runs, `connections` are open."""

    def __init__(self, app: App, port: int, connections: Collection[object]) -> None:
        self.app, self.port, self.connections = app, port, connections
        self.url = f"http://127.0.0.1:{port}"
        # Nothing is encrypted here; reading the system's certificates costs more than the server.
        self.client = httpx.Client(base_url=self.url, timeout=support.PATIENCE, verify=False)

    def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """What a GET answers in JSON; fails where its status is another."""
        response = self.client.get(path, **options)
        assert response.status_code == status, response.text
        return response.json()

    def submit(self, task: str, **fields: Any) -> str:
        """The id of a new job."""
        response = self.client.post("/jobs", json={"task": task, **fields})
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def job(self, task: str, **fields: Any) -> Any:
        """A job that has ended."""
        return self.wait(self.submit(task, **fields))

    def wait(self, job_id: str, seconds: float = support.PATIENCE) -> Any:
        """A job once it has ended. The board is looked at meanwhile: fifty requests a second would
        take a fifth of a processor from the job."""
        find = self.app.service.board.find
        assert support.wait_until(lambda: find(job_id).ended, seconds)
        job = self.get(f"/jobs/{job_id}")
        assert job["ended_at"]
        return job

    @contextlib.contextmanager
    def events(self, path: str, last: str = "") -> Iterator[Iterator[dict[str, Any]]]:
        """The events of a stream, as they come."""
        headers = {"last-event-id": last} if last else {}
        with self.client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"].startswith("text/event-stream")
            yield parse_events(response.iter_lines())


def parse_events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Server-sent events as {event, id, data}, comments left out; fails where none comes for long,
    which the comments of an idle stream would hide."""
    event: dict[str, Any] = {}
    deadline = time.monotonic() + support.PATIENCE
    for line in lines:
        assert time.monotonic() < deadline, "no event came"
        name, _, value = line.partition(": ")
        if name in ("event", "id", "data"):
            event[name] = json.loads(value) if name == "data" else value
        elif not line and event:
            yield event
            event, deadline = {}, time.monotonic() + support.PATIENCE


@contextlib.contextmanager
def serving(*roots: Path, **settings: Any) -> Iterator[Served]:
    """A server of these folders."""
    app = api.create_app(ServerSettings(Roots(roots), **settings))
    config = uvicorn.Config(
        app,
        port=0,
        log_level="error",
        ws="none",
        timeout_graceful_shutdown=2,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert support.wait_until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        served = Served(app, port, server.server_state.connections)
        with served.client:
            yield served
    finally:
        server.should_exit = True
        app.service.board.stop()
        thread.join(support.PATIENCE)
        assert not thread.is_alive()
