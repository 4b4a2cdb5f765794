"""The server as a process, and a real browser that listens to it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page
from support import (
    ROOT,
    Library,
    Started,
    command_of,
    drop_privileges,
    hostile_command,
    leftovers,
    modes_count,
    started,
    wait_until,
)
from support import browser as web
from support.served import Served

import index
from videolib.core.processes import environment
from videolib.storage.folders import Roots
from videoserver.settings import ServerSettings


@contextlib.contextmanager
def server(library: Library, **options: Any) -> Iterator[tuple[Started, httpx.Client]]:
    """The program as it serves a folder, with the tasks of `hostile` in its table."""
    words = hostile_command("serve", "--root", library.root, "--port", 0)
    with started(words, **options) as run:
        assert run.process.stderr
        said = run.process.stderr.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:\d+/", said)
        assert found, said
        with httpx.Client(base_url=found[0], timeout=20) as client:
            yield run, client


def begin(client: httpx.Client, library: Library, task: str) -> str:
    """A job that will not end by itself, and is in the midst of it."""
    video = library.add("short.mp4", f"{task}.mp4")
    job = client.post("/jobs", json={"task": task, "params": {"only": [video.name]}}).json()
    assert wait_until(video.with_suffix(".began").exists)
    return str(job["id"])


def no_resource_is_left(messages: bytes) -> None:
    """What Python's resource tracker has to clean up after a process, it complains about, in the
    midst of the standard error of that."""
    assert b"resource_tracker" not in messages, messages


class TestTheEnd:
    @pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
    def test_everything_ends_whoever_listens(self, library: Library, name: str, code: int) -> None:
        """Within five seconds, with jobs, open events and downloads that nobody reads."""
        library.add_bytes("large.mp4", b"x" * (64 << 20))
        with server(library) as (run, client), contextlib.ExitStack() as stack:
            begin(client, library, "hang")
            begin(client, library, "child")
            address = client.base_url
            sockets = []
            for path in ("/events", "/videos/large.mp4/stream"):
                reader = socket.create_connection((address.host, address.port))
                stack.enter_context(reader)
                reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert reader.recv(100).startswith(b"HTTP/1.1 200")
                sockets.append(reader)
            run.process.send_signal(getattr(signal, name))
            assert run.process.wait(30) == code
            assert wait_until(lambda: not run.family(), 1)
            assert run.process.stderr
            no_resource_is_left(run.process.stderr.read())
            told = b"".join(iter(lambda: sockets[0].recv(65536), b""))
            assert told.count(b"event: end") == 2
            assert told.count(b'"status": "cancelled"') == 2
        assert not leftovers(library.root)
        for place in library.root.glob("*.began"):
            place.unlink()

    def test_it_goes_by_the_names_of_its_environment(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEO_HOSTS", "nas.example,192.0.2.2")
        with server(library) as (_, client):
            asked = (("nas.example", 200), ("192.0.2.2:80", 200), ("other.example", 421))
            for host, status in asked:
                assert client.get("/videos", headers={"Host": host}).status_code == status

    def test_killed_outright(self, library: Library) -> None:
        with server(library) as (run, client):
            begin(client, library, "child")
            run.kill()
        (library.root / "child.began").unlink()

    def test_cancelled_again_and_again(self, library: Library) -> None:
        """A server goes on as before after jobs were cancelled in the midst."""
        with server(library) as (run, client):
            for _ in range(3):
                job_id = begin(client, library, "child")
                client.delete(f"/jobs/{job_id}")
                assert wait_until(lambda j=job_id: client.get(f"/jobs/{j}").json()["ended_at"])
                assert client.get(f"/jobs/{job_id}").json()["status"] == "cancelled"
                assert not [pid for pid in run.family() if b"sleep" in command_of(pid)]
                (library.root / "child.began").unlink()
            job = client.post("/jobs", json={"task": "slow"}).json()
            assert wait_until(lambda: client.get(f"/jobs/{job['id']}").json()["ended_at"])
            assert client.get(f"/jobs/{job['id']}").json()["status"] == "done"
            run.process.terminate()
            no_resource_is_left(run.process.communicate(timeout=20)[1])


class TestAFolderThatMayOnlyBeRead:
    def test_it_is_shown_and_not_changed(self, library: Library, tmp_path: Path) -> None:
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its powers here")
        library.add("short.mp4", "a.mp4")
        library.root.chmod(0o555)
        powers = {"preexec_fn": drop_privileges} if os.geteuid() == 0 else {}
        try:
            with server(library, **powers) as (_, client):
                assert client.get("/videos").json()["total"] == 1
                for path, body in (("tags", {"add": ["x"]}), ("rename", {"to": "b.mp4"})):
                    got = client.post(f"/videos/a.mp4/{path}", json=body)
                    assert got.status_code == 409, got.text
                    assert str(library.root) not in got.text
                job = client.post("/jobs", json={"task": "meta"}).json()["id"]
                assert wait_until(lambda: client.get(f"/jobs/{job}").json()["ended_at"])
                (row,) = client.get(f"/jobs/{job}").json()["result"]["results"]
                assert "cannot write here" in row["error"]
        finally:
            library.root.chmod(0o755)


class TestSettings:
    def test_what_serve_puts_into_the_environment(self, library: Library) -> None:
        """It is what `uvicorn api:app` reads, and gone when the application is made."""
        roots = [library.root / "a:b, c", library.root / "d"]
        for root in roots:
            root.mkdir()
        origins = ("http://a.example", "http://b.example")
        words = {"host": "::1", "token": "secret", "watch": "meta,thumbs"}
        serve = index.Serve(root=tuple(roots), cors_origin=origins, **words)
        before = dict(os.environ)
        with environment(serve.settings(Roots(roots))):
            settings = ServerSettings.from_environment()
        assert dict(os.environ) == before
        assert settings.roots.paths == [str(root) for root in roots]
        assert settings[1:5] == ("secret", ("::1",), origins, ("meta", "thumbs"))

    def test_roots_separated_like_path(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEO_ROOTS", f"{library.root}::/tmp:")
        assert ServerSettings.from_environment().roots.paths == [str(library.root), "/tmp"]


class TestUvicorn:
    def test_from_the_environment(self, library: Library) -> None:
        """`uvicorn api:app`, as the README has it; it ends by a signal, after a job."""
        library.add("short.mp4")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        env = {"VIDEO_ROOTS": str(library.root), "VIDEO_TOKEN": "secret", "PATH": "/usr/bin:/bin"}
        words = [sys.executable, "-m", "uvicorn", "api:app", "--port", str(port)]
        with subprocess.Popen(
            words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            url = f"http://127.0.0.1:{port}"

            def answers() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return httpx.get(f"{url}/health").is_success
                return False

            assert wait_until(answers)
            assert httpx.get(f"{url}/videos").status_code == 401
            bearer = {"authorization": "Bearer secret"}
            assert httpx.get(f"{url}/videos", headers=bearer).json()["total"] == 1
            job = httpx.post(f"{url}/jobs", headers=bearer, json={"task": "phash"}).json()
            assert wait_until(
                lambda: httpx.get(f"{url}/jobs/{job['id']}", headers=bearer).json()["ended_at"]
            )
            process.terminate()
            no_resource_is_left(process.communicate(timeout=20)[1])
            assert process.returncode == -signal.SIGTERM


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """A page of Debian's chromium."""
    with web.browsing() as browser:
        yield browser.new_page()


# What a page does to follow jobs: it notes every event, and whether the browser gave up.
LISTEN = """url => {
  window.told = [];
  window.source = new EventSource(url);
  for (const kind of ["progress", "end"])
    source.addEventListener(kind, event => told.push([kind, event.lastEventId, event.data]));
}"""


class Cable:
    """A connection to the server that can be cut: a port whose traffic is handed on."""

    def __init__(self, port: int) -> None:
        self.port, self.sockets = port, list[socket.socket]()
        self.entry = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.entry.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.entry.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                self.sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        sockets, self.sockets = self.sockets, []
        for end in sockets:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self.entry.close()
        self.cut()


@pytest.mark.page
@pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH")
class TestEventSource:
    @pytest.fixture
    def cable(self, served: Served) -> Iterator[Cable]:
        cable = Cable(served.port)
        yield cable
        cable.close()

    @pytest.fixture(autouse=True)
    def _slow(self, monkeypatch: pytest.MonkeyPatch, library: Library) -> None:
        from support import hostile

        monkeypatch.setitem(index.COMMANDS, "slow", hostile.Slow)
        for number in range(12):
            library.add("one_frame.mp4", f"slow{number}.mp4")

    def told(self, page: Page) -> list[Any]:
        return page.evaluate("told")  # type: ignore[no-any-return]

    def test_until_the_end(self, page: Page, cable: Cable, served: Served) -> None:
        """The browser resumes by itself where it was cut off, and asks no more after the end."""
        page.goto(f"{cable.url}/health")
        job_id = served.submit("slow", params={"workers": 1})
        page.evaluate(LISTEN, f"/jobs/{job_id}/events")
        assert wait_until(lambda: len(self.told(page)) >= 3)
        cable.cut()
        assert served.wait(job_id)["status"] == "done"
        assert wait_until(lambda: self.told(page)[-1][0] == "end")
        numbers = [int(number) for _, number, _ in self.told(page)]
        assert numbers == sorted(set(numbers))
        every = [e for e in served.app.service.board.events if e.job == job_id]
        every = [e for e in every if e.number >= numbers[0]]
        assert numbers == [e.number for e in every]
        # The first is how the job stood then, which may be newer than the event of that number.
        assert [e.data for e in every[1:]] == [data for *_, data in self.told(page)[1:]]
        assert wait_until(lambda: page.evaluate("source.readyState") == 2)
        assert wait_until(lambda: served.app.event_stream.clients == 0)

    def test_all_jobs(self, page: Page, cable: Cable, served: Served) -> None:
        page.goto(f"{cable.url}/health")
        page.evaluate(LISTEN, "/events")
        assert wait_until(lambda: served.app.event_stream.clients == 1)
        jobs = {served.submit("report"), served.submit("codecs")}
        ended = {served.wait(job)["id"] for job in jobs}
        assert wait_until(lambda: sum(e[0] == "end" for e in self.told(page)) == 2)
        assert ended == jobs
        page.goto("about:blank")
