"""The API against the least that could answer the same: bare FastAPI and Starlette, or no load.

    python tests/bench/bench_api.py [--only NAME] [--media DIR] [--rounds N]

Servers and readers are processes of this machine, all traffic goes over 127.0.0.1, and every
measurement ends by itself.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from harness import ROOT, Row, Setup, environment, limit_row, main
from make_library import make_library
from make_media import find_ffmpeg
from measure import MeasureError

HERE = Path(__file__).resolve().parent
PAGES = 400
READERS, READING = 200, 20.0  # how many, and seconds
PAUSE, KEPT_ALIVE = 4.0, 4.0  # seconds from one request of a reader to the next, on average
LISTENERS, LISTENING = 20, 20.0
JOBS, WARM = 5000, 1000
GIGABYTE = 1 << 30


class Server:
    """A server process on a free port."""

    def __init__(self, argv: Sequence[str], env: dict[str, str]) -> None:
        self.process = subprocess.Popen(argv, env=env, stderr=subprocess.PIPE)
        assert self.process.stderr
        said = self.process.stderr.readline().decode()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        if not found:
            self.process.kill()
            raise MeasureError(f"no server: {said or 'it ended'}")
        self.port = int(found[1])

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of one answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        headers = {"content-type": "application/json"} if body is not None else {}
        connection.request(method, path, body and json.dumps(body), headers)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        if response.status >= 300:
            raise MeasureError(f"{path}: {response.status} {content[:200]!r}")
        return json.loads(content)

    def job(self, task: str, **fields: Any) -> str:
        return str(self.ask("POST", "/jobs", {"task": task, **fields})["id"])

    def cpu_seconds(self) -> float:
        """CPU time that the process, without its children, has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", text)
        return int(found[1]) * 1024 / 1e6 if found else 0.0


@contextmanager
def serving(setup: Setup, *argv: str) -> Iterator[Server]:
    """Ours, or another server that says its address in its first line."""
    kept = str(setup.media.folder / "cache")  # looking at 100,000 videos again takes minutes
    env = environment(setup, PYTHONPATH=str(HERE.parents[1]), XDG_CACHE_HOME=kept)
    server = Server(argv, env)
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.wait(20)


def ours(folder: Path, tree: Path = ROOT) -> list[str]:
    """Our server of a folder, perhaps of another commit that is checked out in `tree`."""
    index = str(tree / "index.py")
    return [sys.executable, index, "serve", "--root", str(folder), "--port", "0"]


def bare(what: str, path: Path) -> list[str]:
    """A server of `bare.py` that sends one file."""
    return [sys.executable, str(HERE / "bare.py"), what, str(path)]


def page(setup: Setup) -> Iterator[Row]:
    """A page of 100 with detail from 100,000 videos."""
    folder = make_library(setup.media.folder, 100_000)
    path, some = "/videos?recursive=1&detail=1&limit=100", setup.scratch / "page.json"
    with serving(setup, *ours(folder)) as server:
        server.ask("GET", path)
        settle(server)
        some.write_bytes(json.dumps(server.ask("GET", f"{path}&offset=50000")).encode())
        with serving(setup, *bare("json", some)) as peer:
            asked = [f"{path}&offset={random.randrange(99_900)}" for _ in range(PAGES)]
            asked += [
                f"{path}&sort={s}&offset={near_offset()}"
                for s in ("size", "added")
                for _ in range(50)
            ]
            asked += [
                f"{path}&q=tag:{t}&offset={near_offset() // 10}"
                for t in ("sea", "work")
                for _ in range(50)
            ]
            for name, those in {"": asked[:PAGES], ", sorted or searched": asked[PAGES:]}.items():
                times: list[list[float]] = [[], []]
                for side in (latencies(server, those), latencies(peer, ["/"] * len(those))):
                    assert side  # both are warm now
                for _ in range(setup.rounds):
                    times[0] += latencies(server, those)
                    times[1] += latencies(peer, ["/"] * len(those))
                one, other = (percentile(side) for side in times)
                what = f"p95 of a page of 100 with detail{name} / bare FastAPI route"
                told = (f"{one * 1000:.3g} ms", f"{other * 1000:.3g} ms", f"{one / other:.3g}")
                yield Row(what, *told, "≤ 4", one / other <= 4)


def settle(server: Server) -> None:
    """Wait until a server that was just started has looked at the whole library."""
    spent = -1.0
    while (now := server.cpu_seconds()) - spent > 0.03:
        spent = now
        time.sleep(5)


def near_offset() -> int:
    return random.randrange(1000)


def latencies(server: Server, paths: Sequence[str]) -> list[float]:
    """Seconds of each request, one after another over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    times = []
    for path in paths:
        began = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        times.append(time.perf_counter() - began)
        if response.status != 200:
            raise MeasureError(f"{path}: {response.status}")
    connection.close()
    return times


def percentile(times: Sequence[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


def start(setup: Setup) -> Iterator[Row]:
    """The first page that a server gives after its start, of 10,000 videos that an earlier one
    knew."""
    path = "/videos?recursive=1&detail=1&limit=100&sort=title"
    yield first_answer_row(setup, "first page of a server that was just started", path, 0.5)


def words(setup: Setup) -> Iterator[Row]:
    """The first search in the subtitles of 10,000 videos after a start: of a word that all have,
    and of one that one video has."""
    for word in ("number", "4711"):
        path = f"/search?recursive=1&limit=20&text={word}"
        yield first_answer_row(setup, f"`{word}` searched in subtitles after the start", path, 0.2)


def first_answer_row(setup: Setup, what: str, path: str, at_most: float) -> Row:
    """The median of the first answers of new servers, and of those of $BENCH_BEFORE, in turns."""
    folder = make_library(setup.media.folder, 10_000)
    before = os.environ.get("BENCH_BEFORE")
    trees = [ROOT, *([Path(before)] if before else [])]
    for tree in trees:
        with serving(setup, *ours(folder, tree)) as server:
            while server.ask("GET", "/search?recursive=1&text=number").get("refreshing"):
                time.sleep(1)  # it stores what it knows, subtitles included
    times = [
        [first_answer(setup, folder, tree, path) for tree in trees] for _ in range(setup.rounds)
    ]
    after, *others = map(statistics.median, zip(*times, strict=True))
    peer, ratio = (f"{others[0]:.3g} s", f"{after / others[0]:.3g}") if others else ("", "")
    return Row(what, f"{after:.3g} s", peer, ratio, f"≤ {at_most:g} s", after <= at_most)


def first_answer(setup: Setup, folder: Path, tree: Path, path: str) -> float:
    """Seconds until a new server of the program in `tree` has given its first answer."""
    with serving(setup, *ours(folder, tree)) as server:
        server.ask("GET", "/health")
        began = time.monotonic()
        server.ask("GET", path)
        return time.monotonic() - began


def readers(setup: Setup) -> Iterator[Row]:
    """Many readers while a batch job runs, and how fast that is without them."""
    folder = make_films(setup.media.folder, 1000)
    alone, read, failed, count = 0.0, 0.0, 0, 0
    with serving(setup, *ours(folder)) as server:
        server.ask("GET", "/videos?detail=1")
        for _ in range(setup.rounds):
            alone += speed(server, READING, None)
            with subprocess.Popen(
                [sys.executable, __file__, "read", str(server.port)], stdout=subprocess.PIPE
            ) as process:
                read += speed(server, READING, process)
                assert process.stdout
                told = json.loads(process.stdout.read())
            failed, count = failed + told["failed"], count + told["count"]
    what = f"videos a second in a batch job while {READERS} read / alone"
    told_ours, told_alone = (f"{v / setup.rounds / READING:.3g} /s" for v in (read, alone))
    ok = read / alone >= 0.9 and not failed
    yield Row(what, told_ours, told_alone, f"{read / alone:.3g}", "≥ 0.9", ok)
    yield limit_row(f"failed of {count:,} requests then", failed, "", 0)


def make_films(folder: Path, count: int) -> Path:
    """Short films, all of which are the same file."""
    root = folder / f"films-{count}"
    if not root.exists():
        root.mkdir(parents=True)
        first = root / "film 0000.mp4"
        words = ["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=1280x720:d=20:r=25"]
        words += ["-f", "lavfi", "-i", "sine=d=20", "-pix_fmt", "yuv420p", "-shortest"]
        subprocess.run([find_ffmpeg(), *words, str(first)], check=True)
        for number in range(1, count):
            (root / f"film {number:04}.mp4").hardlink_to(first)
    return root


def speed(server: Server, seconds: float, process: subprocess.Popen[bytes] | None) -> float:
    """How many videos a batch job finishes in so many seconds, from its first ones on."""
    params = {"tasks": "thumbs,sprites,phash,heatmaps"}
    job = server.job("batch", force=True, params=params)

    def done() -> int:
        return int(server.ask("GET", f"/jobs/{job}")["progress_current"])

    while done() < 4:
        time.sleep(0.1)
    before, began = done(), time.monotonic()
    time.sleep(seconds)
    found = (done() - before) * seconds / (time.monotonic() - began)
    server.ask("DELETE", f"/jobs/{job}")
    while not server.ask("GET", f"/jobs/{job}")["ended_at"]:
        time.sleep(0.1)
    if process:
        process.wait(60)
    return found


async def read_along(port: int) -> dict[str, int]:
    """Readers who look at pages, details and thumbnails, each with a pause between."""
    end = time.monotonic() + READING + 2
    told = await asyncio.gather(*(reader(port, number, end) for number in range(READERS)))
    return {"count": sum(c for c, _ in told), "failed": sum(f for _, f in told)}


async def reader(port: int, number: int, end: float) -> tuple[int, int]:
    """How many requests one of them made, and how many of these failed."""
    rng, count, failed = random.Random(number), 0, 0
    connection = None
    await asyncio.sleep(rng.random() * PAUSE)
    while time.monotonic() < end:
        name = f"/videos/film%20{rng.randrange(1000):04}.mp4"
        path = rng.choice(["/videos?detail=1&limit=100", name, f"{name}/files/thumbs", "/jobs"])
        connection = connection or await asyncio.open_connection("127.0.0.1", port)
        count += 1
        # A thumbnail that is not made yet is no failure.
        failed += await status_of(*connection, path) not in (200, 404)
        pause = rng.random() * 2 * PAUSE
        if pause > KEPT_ALIVE:  # the server lets go of whom it does not hear from
            connection[1].close()
            connection = None
        await asyncio.sleep(pause)
    return count, failed


async def status_of(inward: asyncio.StreamReader, outward: asyncio.StreamWriter, path: str) -> int:
    """The status of an answer that came whole, or 0."""
    outward.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        head = (await asyncio.wait_for(inward.readuntil(b"\r\n\r\n"), 30)).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head)
        await asyncio.wait_for(inward.readexactly(int(length[1]) if length else 0), 30)
    except (OSError, asyncio.IncompleteReadError, TimeoutError):
        return 0
    return int(head.split()[1])


def stream(setup: Setup) -> Iterator[Row]:
    """A large file through /stream and through FileResponse of a bare Starlette app."""
    folder = setup.media.folder / "large"
    folder.mkdir(parents=True, exist_ok=True)
    video = folder / "large.mp4"
    if not video.exists() or video.stat().st_size != GIGABYTE:
        with video.open("wb") as file:
            for _ in range(GIGABYTE >> 20):
                file.write(os.urandom(1 << 20))
    with serving(setup, *ours(folder)) as server, serving(setup, *bare("file", video)) as peer:
        times: list[list[float]] = [[], []]
        for _ in range(max(setup.rounds, 3)):
            times[0].append(download(server, "/videos/large.mp4/stream"))
            times[1].append(download(peer, "/"))
    mine, theirs = (GIGABYTE / statistics.median(side) / 1e6 for side in times)
    told = (f"{mine:.4g} MB/s", f"{theirs:.4g} MB/s", f"{mine / theirs:.3g}")
    yield Row("streaming 1 GiB / bare `FileResponse`", *told, "≥ 0.8", mine / theirs >= 0.8)


def download(server: Server, path: str) -> float:
    """Seconds that the whole of a file takes."""
    buffer, taken, began = bytearray(1 << 20), 0, time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while taken < GIGABYTE:
            size = connection.recv_into(buffer)
            if not size:
                raise MeasureError(f"{path} ended after {taken} bytes")
            taken += size
    return time.perf_counter() - began


def events(setup: Setup) -> Iterator[Row]:
    """What twenty events a second to twenty listeners cost the server."""
    folder = setup.scratch / "empty"
    folder.mkdir()
    ticking = [
        sys.executable,
        str(HERE / "ticking.py"),
        "serve",
        "--root",
        str(folder),
        "--port",
        "0",
    ]
    with serving(setup, *ticking) as server, ExitStack() as stack:
        listeners = []
        for _ in range(LISTENERS):
            connection = socket.create_connection(("127.0.0.1", server.port))
            listeners.append(stack.enter_context(connection))
            connection.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.setblocking(False)
        jobs = [server.job("ticks", params={"timeout": 1 + n}) for n in range(2)]
        time.sleep(2)
        drained(listeners)
        before, began = server.cpu_seconds(), time.monotonic()
        told = 0
        while time.monotonic() < began + LISTENING:
            time.sleep(0.25)
            told += drained(listeners).count(b"event: progress")
        passed = time.monotonic() - began
        share = (server.cpu_seconds() - before) / passed
        for job in jobs:
            server.ask("DELETE", f"/jobs/{job}")
    rate = told / LISTENERS / passed
    if rate < 19:
        raise MeasureError(f"only {rate:.3g} events a second came")
    what = f"one core, for {rate:.3g} events a second to {LISTENERS} listeners"
    yield limit_row(what, share * 100, "%", 5)


def drained(connections: Sequence[socket.socket]) -> bytes:
    """What has come by now."""
    found = []
    for connection in connections:
        while True:
            try:
                chunk = connection.recv(1 << 20)
            except BlockingIOError:
                break
            if not chunk:
                raise MeasureError("a listener was sent away")
            found.append(chunk)
    return b"".join(found)


def memory(setup: Setup) -> Iterator[Row]:
    """Memory after many jobs, some of which fail."""
    folder = make_films(setup.media.folder, 20)
    with serving(setup, *ours(folder)) as server:
        sizes = []
        for number in range(JOBS):
            job = server.job("report", recursive=number % 2 == 0)
            if number % 100 == 0:
                job = server.job("thumbs", force=True)
            while not server.ask("GET", f"/jobs/{job}")["ended_at"]:
                time.sleep(0.002)
            if number in (WARM, JOBS - 1):
                sizes.append(server.memory_mb())
    what = f"memory of the server after {JOBS:,} jobs / after {WARM:,}"
    told = (f"{sizes[1]:.4g} MB", f"{sizes[0]:.4g} MB", f"{sizes[1] / sizes[0]:.3g}")
    yield Row(what, *told, "≤ 1.05", sizes[1] / sizes[0] <= 1.05)


if __name__ == "__main__":
    if sys.argv[1:2] == ["read"]:
        print(json.dumps(asyncio.run(read_along(int(sys.argv[2])))))
        sys.exit()
    chosen = {"page": page, "start": start, "words": words, "readers": readers, "stream": stream}
    sys.exit(main(chosen | {"events": events, "memory": memory}))
