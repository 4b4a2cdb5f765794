"""Soak: mixed work for as long as there is time, through a server and by commands, while files come
and go. Memory, descriptors, threads and children stay flat; nothing is left in the end."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from support import leftovers, wait_until

from campaign.programs import (
    ServerProcess,
    broken_catalogues,
    make_library,
    run_together,
    server,
)
from campaign.trials import Trials

VIDEOS = 6
WARM_UP = 0.3  # of the time: caches fill, pools start
JOBS = ("meta", "thumbs", "phash", "sprites", "heatmaps", "report", "dupes", "orphans")
COMMANDS = (("report",), ("list", "-q", "duration:>1s"), ("meta",), ("thumbs", "--force"))


class Sample(NamedTuple):
    """What the server holds, `seconds` after its start; memory without that of its children."""

    seconds: float
    memory: int
    descriptors: int
    threads: int
    children: int


# How much more there may be at the end of the time than after the warm-up, by the line that fits
# the samples best: allocators and caches waver, a leak goes on.
BOUNDS = {"memory": 64 << 20, "descriptors": 8, "threads": 4, "children": 2}


def run(trials: Trials) -> None:
    root = make_library(trials.folder, "library", VIDEOS)
    cache = trials.folder / "cache"
    with server(root, cache) as running:
        samples = work(trials, running, root, cache)
        family = running.run.family()
        code = running.stop()
        if code != 143 or running.trouble():
            message = f"the server ends with {code}: {running.trouble()}"
            trials.fail(message, again(trials), running.log)
        if not wait_until(lambda: not running.run.family(), 5):
            trials.fail(f"of {family} are left: {running.run.family()}", again(trials))
    check_flat(trials, samples)
    check_nothing_left(trials, root)
    for broken in broken_catalogues(cache):
        trials.fail(f"a catalogue is damaged: {broken}", again(trials))


def again(trials: Trials) -> str:
    return f"python -m tests.campaign soak --seconds {trials.seconds:.0f} --seed {trials.seed}"


# === Work =========================================================================================


def work(trials: Trials, running: ServerProcess, root: Path, cache: Path) -> list[Sample]:
    """Do one thing after another until the time is over; what the server held after each."""
    began = time.monotonic()
    samples = []
    with httpx.Client(base_url=running.url, timeout=120) as client:
        actions: tuple[Callable[[], None], ...] = (
            lambda: job(trials, client),
            lambda: cancelled_job(trials, client),
            lambda: tags(trials, client),
            lambda: listings(trials, client),
            lambda: downloads(trials, client),
            lambda: events(trials, client),
            lambda: rename(trials, client),
            lambda: come_and_go(trials, root),
            lambda: commands(trials, root, cache),
        )
        while trials.go_on():
            action = trials.rng.choice(actions)
            action()
            seconds = time.monotonic() - began
            counts = running.descriptors(), running.threads(), running.children()
            samples.append(Sample(seconds, running.memory(), *counts))
    return samples


def expect(trials: Trials, response: httpx.Response, *statuses: int) -> bool:
    """Whether an answer is a success, or has one of these statuses; any other is a failure."""
    if response.is_success or response.status_code in statuses:
        return response.is_success
    message = f"{response.request.method} {response.url}: {response.status_code}"
    trials.fail(f"{message} {response.text[:300]}", again(trials))
    return False


def any_video(trials: Trials, client: httpx.Client) -> str:
    """The URL of a video that is listed, which may go at any moment; "" where there is none."""
    videos = client.get("/videos").json()["videos"]
    return str(trials.rng.choice(videos)["url"]) if videos else ""


def job(trials: Trials, client: httpx.Client) -> None:
    trials.count("jobs")
    force = trials.rng.random() < 0.5
    task = trials.rng.choice(JOBS)
    body: dict[str, Any] = {"task": task, "directory": "."}
    body |= {"force": True} if force and task in JOBS[:5] else {}
    response = client.post("/jobs", json=body)
    if expect(trials, response, 429):
        url = f"/jobs/{response.json()['id']}"
        with client.stream("GET", f"{url}/events") as stream:
            for _ in stream.iter_lines():
                continue
        document = client.get(url).json()
        if document["status"] != "done":
            trials.fail(f"a job: {json.dumps(document)[:500]}", again(trials))


def cancelled_job(trials: Trials, client: httpx.Client) -> None:
    trials.count("jobs cancelled")
    response = client.post("/jobs", json={"task": "heatmaps", "directory": ".", "force": True})
    if expect(trials, response, 429):
        expect(trials, client.delete(f"/jobs/{response.json()['id']}"))


def tags(trials: Trials, client: httpx.Client) -> None:
    trials.count("tags")
    if url := any_video(trials, client):
        names = [f"tag {trials.rng.randint(0, 50)}"]
        change = {trials.rng.choice(("add", "remove")): names}
        expect(trials, client.post(f"{url}/tags", json=change), 404)


def listings(trials: Trials, client: httpx.Client) -> None:
    trials.count("listings")
    for query in ("detail=1", "q=tag:tag&sort=size", "recursive=1&limit=2"):
        expect(trials, client.get(f"/videos?{query}"))
    for path in ("/report", "/tags/export", "/tags/summary", "/search?text=moon", "/openapi.json"):
        expect(trials, client.get(path))


def downloads(trials: Trials, client: httpx.Client) -> None:
    """Whole files, parts, and those whose reader goes in the midst of it."""
    trials.count("downloads")
    if url := any_video(trials, client):
        expect(trials, client.get(f"{url}/stream"), 404)
        expect(trials, client.get(f"{url}/stream", headers={"range": "bytes=5-99,200-"}), 404)
        with client.stream("GET", f"{url}/stream") as response:
            if response.status_code == 200:
                with contextlib.suppress(StopIteration):
                    next(response.iter_raw(1000))


def events(trials: Trials, client: httpx.Client) -> None:
    """Clients that follow events for a moment."""
    trials.count("event streams", 20)
    for _ in range(20):
        with client.stream("GET", "/events") as response:
            if response.status_code not in (200, 429):
                trials.fail(f"GET /events: {response.status_code}", again(trials))


def rename(trials: Trials, client: httpx.Client) -> None:
    trials.count("renames")
    if url := any_video(trials, client):
        name = f"r{trials.rng.randint(0, 20)}.mp4"
        own = (422,) if url.endswith(f"/{name}") else ()  # its own name is no other
        expect(trials, client.post(f"{url}/rename", json={"to": name}), 400, 404, 409, *own)


def come_and_go(trials: Trials, root: Path) -> None:
    """A video comes; another goes, and its artifacts stay as orphans."""
    trials.count("files that come or go")
    videos = sorted(root.glob("*.mp4"))
    if len(videos) > VIDEOS // 2 and trials.rng.random() < 0.5:
        trials.rng.choice(videos).unlink(missing_ok=True)
    elif videos and len(videos) < 2 * VIDEOS:
        name = f"n{trials.rng.randint(0, 20)}.mp4"
        shutil.copyfile(trials.rng.choice(videos), root.parent / name)
        (root.parent / name).replace(root / name)


def commands(trials: Trials, root: Path, cache: Path) -> None:
    words = trials.rng.choice(COMMANDS)
    trials.count("commands", 2)
    lines = [(words[0], root, *words[1:]), ("orphans", root, "--delete")]
    for ended in run_together(lines, cache):
        # A video may go, or get another name, while a command is at it.
        if trouble := ended.trouble((0, 1)):
            trials.fail(trouble, again(trials))


# === What is held, and what is left ===============================================================


def check_flat(trials: Trials, samples: list[Sample]) -> None:
    """Note how the server's figures went after the warm-up; a rise beyond BOUNDS fails."""
    later = [sample for sample in samples if sample.seconds > WARM_UP * trials.seconds]
    if len(later) < 10:
        trials.skip("flatness", f"only {len(later)} samples after the warm-up")
        return
    seconds = [sample.seconds for sample in later]
    for name, bound in BOUNDS.items():
        values = [float(getattr(sample, name)) for sample in later]
        rise = slope(seconds, values) * (seconds[-1] - seconds[0])
        figures = {"first": values[0], "last": values[-1], "most": max(values), "rise": rise}
        trials.measure(name, {key: round(value, 1) for key, value in figures.items()})
        if rise > bound:
            trials.fail(f"{name} rises by {rise:,.0f} in {seconds[-1]:.0f} s", again(trials))


def slope(xs: list[float], ys: list[float]) -> float:
    """The slope of the line that fits best, by least squares."""
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread


def check_nothing_left(trials: Trials, root: Path) -> None:
    """Fails where a temporary, a lock or a socket stays when all processes have ended."""
    names = [*leftovers(root), *(path.name for path in (root.parent / "tmp").iterdir())]
    odd = [path.name for path in root.iterdir() if path.suffix != ".mp4"]
    names += [name for name in odd if name != ".artifacts"]
    names += [str(path) for path in root.rglob("*") if path.is_socket() or path.is_fifo()]
    if names:
        trials.fail(f"left lying about: {names}", again(trials), root)
