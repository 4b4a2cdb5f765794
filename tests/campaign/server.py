"""Server: hostile requests, floods, links that are swapped, files that change while they are sent.

Nothing outside the library is sent or written, no answer is a failure of the server or an error of
more than 64 kB, its log has no traceback, and others are served meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
from support import TESTS, run_process
from support.links import PLACES, SECRET, make_outside, meanwhile, swapped

from campaign.programs import ServerProcess, make_library, server
from campaign.server_floods import FLOODS, LARGE, Answer, Watcher, percentile, start_flood
from campaign.server_requests import REQUESTS, request
from campaign.trials import Trials

ERROR_LIMIT = 64 << 10  # bytes of the body of an error
SERVED_WITHIN = 0.5  # seconds
SLOW_CLIENTS, STREAMS = 2000, 1000
REQUESTS_AT_A_TIME = 100


def run(trials: Trials) -> None:
    root = make_library(trials.folder, "library", 3)
    (root / "large.mp4").write_bytes(bytes(LARGE))
    make_links(root)
    cache = trials.folder / "cache"
    answers: dict[str, list[Answer]] = {}
    with server(root, cache) as running:
        before = contents(trials.folder / "outside")
        schema(trials, running)
        parts: list[Callable[[Trials, ServerProcess, Path], None]] = [requests, links, changing]
        kinds = list(FLOODS)
        trials.rng.shuffle(kinds)
        while trials.go_on():
            for part in parts:
                part(trials, running, root)
            if kinds and trials.go_on():
                flooded(trials, running, kinds.pop(), answers)
            kinds = kinds or list(FLOODS)
            if contents(trials.folder / "outside") != before:
                trials.fail("files outside the library changed", again(trials))
        end(trials, running)
    with server(root, cache, "--token", "secret") as running:
        for _ in range(3):
            requests(trials, running, root)
        end(trials, running)
    measure(trials, answers)


def again(trials: Trials) -> str:
    return f"python -m tests.campaign server --seconds {trials.seconds:.0f} --seed {trials.seed}"


def make_links(root: Path) -> None:
    """Make a folder beside the library that looks like a part of it, and links there."""
    outside = root.parent / "outside"
    make_outside(outside)
    (root / "sub").mkdir()
    shutil.copyfile(root / "v0.mp4", root / "sub/a.mp4")
    assert run_process("meta,thumbs", root / "sub").code == 0
    (root / "link").symlink_to(outside)
    (root / "link.mp4").symlink_to(outside / "a.mp4")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def end(trials: Trials, running: ServerProcess) -> None:
    """Stop the server: its log has nothing that it should not, and it ends in time."""
    try:
        code = running.stop()
    except subprocess.TimeoutExpired:
        trials.fail("the server does not end", again(trials), running.log)
        return
    if code != 143:
        trials.fail(f"the server ends with {code}", again(trials), running.log)
    if trouble := running.trouble():
        trials.fail(f"in the log: {trouble}", again(trials), running.log)


# === Requests =====================================================================================


def requests(trials: Trials, running: ServerProcess, root: Path) -> None:
    """Requests of every kind, one after the other."""
    for _ in range(REQUESTS_AT_A_TIME):
        kind = trials.rng.choice(list(REQUESTS))
        sent = request(kind, trials.rng)
        trials.count(f"requests: {kind}")
        if wrong := verdict(answer_to(running.port, sent)):
            path = trials.folder / "request.bin"
            path.write_bytes(sent)
            trials.fail(f"{kind}: {wrong}: {sent[:200]!r}", again(trials), path)


def answer_to(port: int, sent: bytes) -> bytes:
    """All that a server answers to these bytes until it closes the connection; the client closes
    its half where the server might wait for more."""
    answer = b""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    with contextlib.suppress(OSError), client:
        try:
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            while chunk := client.recv(1 << 20):
                answer += chunk
        except TimeoutError:
            return b"HTTP/1.1 599 no answer in 60 s\r\n\r\n"
    return answer


def verdict(answer: bytes) -> str:
    """What is wrong with an answer; "" where nothing is."""
    if SECRET in answer or b"root:x:0" in answer:
        return "what is outside the library was sent"
    if not answer:
        return ""  # refused without a word, or cut off with the client's half
    status, _, body = answer[9:12], *answer.partition(b"\r\n\r\n")[1:]
    if not answer.startswith(b"HTTP/1.1 ") or not status.isdigit():
        return f"the answer is no HTTP: {answer[:100]!r}"
    if status >= b"500":
        return f"answered {answer[:300]!r}"
    if status >= b"400" and len(body) > ERROR_LIMIT:
        return f"an error of {len(body):,} bytes"
    return ""


# === Floods =======================================================================================


def flooded(
    trials: Trials, running: ServerProcess, kind: str, answers: dict[str, list[Answer]]
) -> None:
    """One kind of flood, while somebody asks for the page."""
    count = STREAMS if kind == "event streams" else SLOW_CLIENTS
    watcher = Watcher(running)
    with watcher.watching():
        process = start_flood(running.port, kind, count, 2)
        try:
            process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            trials.fail(f"{kind}: the connections are not accepted in 120 s", again(trials))
    trials.count(f"floods: {kind}", count)
    answers.setdefault(kind, []).extend(watcher.answers)
    for answer in watcher.answers:
        if answer.failure:
            trials.fail(f"a page among {kind}: {answer.failure}", again(trials), running.log)
        elif answer.cpu > SERVED_WITHIN:
            message = f"a page among {kind} took {answer.cpu:.2f} s of a processor"
            trials.fail(f"{message}, {answer.seconds:.2f} s in all", again(trials))


def measure(trials: Trials, answers: dict[str, list[Answer]]) -> None:
    """Note how fast pages were served while connections came and hung, in seconds."""
    for kind, measured in answers.items():
        for what, values in (
            ("seconds", [answer.seconds for answer in measured]),
            ("seconds of a processor", [answer.cpu for answer in measured]),
        ):
            figures = {"worst": max(values), "99 %": percentile(values, 0.99)}
            figures |= {"median": percentile(values, 0.5), "pages": len(values)}
            rounded = {name: round(value, 3) for name, value in figures.items()}
            trials.measure(f"{kind}: {what}", rounded)


# === Links and files that change ==================================================================

PATHS = ("/stream", "/files/thumbs", "/metadata", "/tags", "/artifacts")


def links(trials: Trials, running: ServerProcess, root: Path) -> None:
    """A file or folder is, in turns, itself and a link outside, while it is read and tagged."""
    place, outside = PLACES[trials.rng.choice(list(PLACES))]
    swaps = swapped(root / place, root.parent / "outside" / outside)
    with swaps, httpx.Client(base_url=running.url, timeout=60) as client:
        for number in range(60):
            if number % 3:
                url = f"/videos/a.mp4{trials.rng.choice(PATHS)}?directory=sub"
                response = client.get(url)
            else:
                url = "/videos/a.mp4/tags?directory=sub"
                response = client.post(url, json={"add": [f"tag {number}"]})
            trials.count("links swapped")
            if SECRET in response.content or response.status_code >= 500:
                message = f"{place} was swapped: {url} gives {response.status_code}"
                trials.fail(f"{message} {response.content[:200]!r}", again(trials))


def changing(trials: Trials, running: ServerProcess, root: Path) -> None:
    """A video that comes and goes, grows and shrinks while it is sent: the answer is what its
    headers say, or is cut off."""
    path = root / "changing.mp4"
    sizes, chance = (0, 1, 100_000, 3 << 20), random.Random(trials.rng.random())

    def change() -> None:
        size = chance.choice(sizes)
        if chance.random() < 0.3:
            path.unlink(missing_ok=True)
        elif path.exists() and chance.random() < 0.5:
            os.truncate(path, size)
        else:
            path.write_bytes(bytes(size))

    with meanwhile(change), httpx.Client(base_url=running.url, timeout=60) as client:
        for number in range(40):
            trials.count("files that change")
            headers = {"range": "bytes=10-"} if number % 2 else {}
            try:
                with client.stream("GET", "/videos/changing.mp4/stream", headers=headers) as answer:
                    length = sum(map(len, answer.iter_raw()))
            except httpx.RemoteProtocolError:
                continue  # cut off, which the client sees
            if answer.status_code >= 500 or length != int(answer.headers["content-length"]):
                message = f"{answer.status_code} with {length} bytes: {answer.headers}"
                trials.fail(f"a changing file: {message}", again(trials))
    path.unlink(missing_ok=True)


# === OpenAPI ======================================================================================


def schema(trials: Trials, running: ServerProcess) -> None:
    """What /openapi.json says, by schemathesis, for a quarter of the time."""
    program = Path(sys.executable).with_name("st")
    if not program.exists():
        trials.skip("schemathesis", "not installed: pip install 'schemathesis>=4,<5'")
        return
    seconds = max(int(trials.seconds / 4), 10)
    words = [sys.executable, TESTS / "bench/check_openapi.py", "--max-time", seconds]
    words += ["--seed", trials.seed, "--no-color"]
    done = subprocess.run(list(map(str, words)), capture_output=True, check=False)
    trials.count("runs of schemathesis")
    if done.returncode:
        path = trials.folder / "schemathesis.txt"
        path.write_bytes(done.stdout + done.stderr)
        trials.fail("schemathesis found something", " ".join(map(str, words)), path)
