"""The page with ten thousand videos, in headless chromium: first paint, scrolling, memory, leaks,
and what Lighthouse says of it.

    python tests/bench/bench_web.py [--only paint] [--only scroll] [--only memory]
                                    [--only navigation] [--only lighthouse]

The videos are links to one short clip; their sidecars are generated, their thumbnails are frames of
real clips. The server is a process of its own and has looked at the library once before.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import ROOT, Row, Setup, environment, limit_row, main, program

sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))


from playwright.sync_api import CDPSession, Page
from support import media
from support.browser import CHROMIUM, browsing, opened

VIDEOS = 10_000
SCREEN = "[...document.querySelectorAll('.card:not([hidden]) img:not([hidden])')]"
FULL = f"() => {SCREEN}.filter(i => i.complete && i.getBoundingClientRect().top < innerHeight)[14]"
# Every view, by a part of it that is there when it shows what it is for.
ROUND = {
    "video/video%2000042.mp4": ".artifacts li",
    "people": "main",
    "duplicates": "main h1",
    "jobs": "main [aria-label=Tasks] li",
    "report": ".coverage li",
    "library": ".card:not([hidden]) img",
}
# In the page itself: a locator of Playwright keeps alive what it pointed at.
GO_THROUGH = """async ([views, rounds]) => {
    const frame = () => new Promise(requestAnimationFrame);
    for (let round = 0; round < rounds; round++)
        for (const [route, content] of Object.entries(views)) {
            location.hash = `#/${route}`;
            const view = route.split("/")[0];
            while (document.body.dataset.view !== view || !document.querySelector(content))
                await frame();
        }
}"""
CATEGORIES = {"performance": 95, "accessibility": 100, "best-practices": 100}
SPEED, FLING = 1500, 8000  # pixels a second: nearly two screens, and nine


def library(setup: Setup) -> Path:
    """A folder of ten thousand videos with metadata, tags and thumbnails, made once."""
    folder = setup.media.folder / "web-10000"
    if (folder / ".complete").exists():
        return folder
    shelf = folder / ".artifacts"
    shelf.mkdir(parents=True, exist_ok=True)
    first = folder / "video 00000.mp4"
    first.write_bytes(media.real_clip("bikes.mp4").read_bytes())
    subprocess.run(program("meta", str(folder)), check=True, env=environment(setup))
    record = json.loads((shelf / f"{first.name}.ffprobe.json").read_text())
    pictures = thumbnails(folder)
    for i in range(VIDEOS):
        path = folder / f"video {i:05}.mp4"
        if not path.exists():
            path.hardlink_to(first)
        (shelf / f"{path.name}.ffprobe.json").write_text(json.dumps(record | {"video": path.name}))
        (shelf / f"{path.name}.jpg").unlink(missing_ok=True)
        (shelf / f"{path.name}.jpg").hardlink_to(pictures[i * 7 % len(pictures)])
        tags = {"video": path.name, "tags": [f"tag {i % 50}", f"year {i % 12}"], "performers": []}
        (shelf / f"{path.name}.tags.json").write_text(json.dumps(tags))
    (folder / ".complete").touch()
    return folder


def thumbnails(folder: Path) -> list[Path]:
    """Every third frame of two real clips, 640 pixels wide."""
    for name in ("bikes", "bigbuckbunny"):
        pattern = folder / f".{name}-%03d.jpg"
        how = ("-vf", "select=not(mod(n\\,3)),scale=640:-2", "-fps_mode", "vfr", "-q:v", "4")
        media.ffmpeg("-i", media.real_clip(f"{name}.mp4"), *how, pattern)
    return sorted(folder.glob(".b*.jpg"))


@contextmanager
def served(setup: Setup) -> Iterator[str]:
    """The address of a server of that library, which has looked at it once."""
    argv = program("serve", "--root", str(library(setup)), "--port", "0")
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, env=environment(setup), text=True)
    try:
        assert process.stderr
        found = re.search(r"http://\S+/", process.stderr.readline())
        assert found
        with browsing() as browser, opened(browser, found[0]) as page:
            page.wait_for_function(FULL, timeout=120_000)
        yield found[0]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def library_page(setup: Setup) -> Iterator[Page]:
    with served(setup) as url, browsing() as browser, opened(browser, url) as page:
        page.wait_for_function(FULL, timeout=60_000)
        yield page


def paint(setup: Setup) -> Iterator[Row]:
    """From the address to a screen full of thumbnails, with an empty browser cache."""
    first, whole = [], []
    with served(setup) as url, browsing() as browser:
        for _ in range(max(setup.rounds, 3)):
            with opened(browser, "about:blank") as page:
                page.goto(url, wait_until="commit")
                page.wait_for_function(FULL, polling="raf")
                now = page.evaluate("performance.now()")
                paints = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
                first.append(page.evaluate(paints) / 1000)
                whole.append(now / 1000)
    yield limit_row("first contentful paint", statistics.median(first), "s", 1)
    yield limit_row("a screen of thumbnails", statistics.median(whole), "s", 1)


def scroll(setup: Setup) -> Iterator[Row]:
    """Ten seconds of a steady gesture and of a fling, seen by the browser's own trace."""
    with library_page(setup) as page:
        session = page.context.new_cdp_session(page)
        gesture(session, 2, SPEED)  # what is compiled once is no part of scrolling
        for what, speed in (("scrolling", SPEED), ("flinging", FLING)):
            yield from smoothness(what, traced(session, partial(gesture, session, 10, speed)))


def smoothness(what: str, events: list[dict[str, Any]]) -> Iterator[Row]:
    """Frames and tasks of a trace."""
    frames = sorted(e["ts"] for e in events if e["name"] == "DrawFrame")
    spans = sorted((b - a) / 1000 for a, b in pairwise(frames))
    tasks = [e for e in events if e["name"] == "RunTask" and "dur" in e]
    longest, busiest = (max(e.get(key, 0) for e in tasks) / 1000 for key in ("dur", "tdur"))
    rate = 1000 / statistics.mean(spans)
    yield Row(f"frames per second while {what}", f"{rate:.1f}", "", "", "≥ 55", rate >= 55)
    slow = spans[int(len(spans) * 0.99)]
    yield limit_row(f"{what}: 99th percentile of the time between frames", slow, "ms", 50)
    yield limit_row(f"{what}: longest task of the page", longest, "ms", 100)
    yield limit_row(f"{what}: the same in its own CPU time", busiest, "ms", 50)


def gesture(session: CDPSession, seconds: int, speed: int) -> None:
    """Scrolls down for so long."""
    how = {"x": 700, "y": 600, "yDistance": -seconds * speed, "gestureSourceType": "mouse"}
    session.send("Input.synthesizeScrollGesture", {**how, "speed": speed})


def traced(session: CDPSession, work: Any) -> list[dict[str, Any]]:
    """The events of the page's main thread and of drawing while something is done."""
    events: list[dict[str, Any]] = []
    ended: list[bool] = []
    session.on("Tracing.dataCollected", lambda data: events.extend(data["value"]))
    session.on("Tracing.tracingComplete", lambda _: ended.append(True))
    timeline = "devtools.timeline,disabled-by-default-devtools.timeline"
    wanted = f"{timeline},{timeline}.frame,__metadata"
    session.send("Tracing.start", {"categories": wanted, "transferMode": "ReportEvents"})
    work()
    session.send("Tracing.end")
    while not ended:
        session.send("Runtime.evaluate", {"expression": "0"})  # lets events come in
        time.sleep(0.05)
    mains = {
        (e["pid"], e["tid"])
        for e in events
        if e["name"] == "thread_name" and e["args"]["name"] == "CrRendererMain"
    }
    return [e for e in events if e["name"] == "DrawFrame" or (e["pid"], e["tid"]) in mains]


def memory(setup: Setup) -> Iterator[Row]:
    """Five minutes up and down: what is held after the first minute and at the end."""
    minutes = float(os.environ.get("MINUTES", "5"))
    with library_page(setup) as page:
        session = page.context.new_cdp_session(page)
        begin, way = time.monotonic(), 1
        early: tuple[float, int] | None = None
        while time.monotonic() - begin < minutes * 60:
            page.mouse.wheel(0, way * 1800)
            page.wait_for_timeout(60)
            y, end = page.evaluate("[scrollY, document.documentElement.scrollHeight - innerHeight]")
            way = -1 if y >= end - 10 else 1 if y <= 10 else way
            if early is None and time.monotonic() - begin > 60:
                early = held(session)
        late = held(session)
    early = early or late
    yield limit_row("JavaScript memory after a minute", early[0], "MB", 30)
    yield limit_row(f"growth in the {minutes - 1:g} minutes after", late[0] - early[0], "MB", 3)
    yield limit_row("elements in the page", late[1], "", 3000)


def held(session: CDPSession) -> tuple[float, int]:
    """Megabytes and nodes that are in use."""
    values = in_use(session)
    return values["JSHeapUsedSize"] / 1e6, int(values["Nodes"])


def in_use(session: CDPSession) -> dict[str, float]:
    """The browser's counts by name, after its garbage was collected."""
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return {metric["name"]: metric["value"] for metric in metrics}


def navigation(setup: Setup) -> Iterator[Row]:
    """300 rounds through every view: what is in use grows by no more than chance does.

    The first tenth of the rounds fills caches that are bounded, and is no part of it.
    """
    rounds = int(os.environ.get("NAVIGATIONS", "300"))
    with library_page(setup) as page:
        session = page.context.new_cdp_session(page)
        page.evaluate(GO_THROUGH, [ROUND, rounds // 10])
        before = in_use(session)
        page.evaluate(GO_THROUGH, [ROUND, rounds - rounds // 10])
        after = in_use(session)
    growth = {name: after[name] - before[name] for name in after}
    what = f"growth in {rounds} rounds of navigation"
    yield limit_row(f"{what}: memory", growth["JSHeapUsedSize"] / 1e6, "MB", 1)
    yield limit_row(f"{what}: nodes", growth["Nodes"], "", 200)
    yield limit_row(f"{what}: listeners", growth["JSEventListeners"], "", 50)


def lighthouse(setup: Setup) -> Iterator[Row]:
    """Scores of Lighthouse (npm), of a phone on a slow line and of a desktop."""
    with served(setup) as url:
        for device in ("mobile", "desktop"):
            runs = [scores(url, device) for _ in range(max(setup.rounds, 3))]
            for category, least in CATEGORIES.items():
                score = statistics.median(run[category] for run in runs)
                what = f"Lighthouse, {device}: {category.replace('-', ' ')}"
                yield Row(what, f"{score:g}", "", "", f"≥ {least}", score >= least)


def scores(url: str, device: str) -> dict[str, float]:
    """Points of 100 by category; $LIGHTHOUSE_REPORTS is a folder for what costs points."""
    flags = ("--quiet", "--output=json", "--chrome-flags=--headless=new --no-sandbox")
    preset = ("--preset=desktop",) if device == "desktop" else ()
    argv = ("npx", "--yes", "lighthouse@13", url, *flags, *preset)
    chromium = {"CHROME_PATH": str(CHROMIUM), **os.environ}
    done = subprocess.run(
        [*argv, f"--only-categories={','.join(CATEGORIES)}"],
        env=chromium,
        stdout=subprocess.PIPE,
        check=True,
    )
    if reports := os.environ.get("LIGHTHOUSE_REPORTS"):
        Path(reports, f"{device}.json").write_bytes(done.stdout)
    categories = json.loads(done.stdout)["categories"]
    return {name: 100 * category["score"] for name, category in categories.items()}


if __name__ == "__main__":
    benchmarks = {
        "paint": paint,
        "scroll": scroll,
        "memory": memory,
        "navigation": navigation,
        "lighthouse": lighthouse,
    }
    sys.exit(main(benchmarks))
