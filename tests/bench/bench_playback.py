"""Playing 1080p films that Chromium cannot play as they are: first picture, seeks, CPU.

    python tests/bench/bench_playback.py [--only copied] [--only encoded]

Each film is 30 s of real clips in 1920x1080. The server is a process of its own; times are from the
address of the film's page, in a new page, to a picture with the data to go on.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from harness import ROOT, Row, Setup, environment, limit_row, main, program

sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "tests"))


from playwright.sync_api import Page
from support import media
from support.browser import browsing, opened

FIRST, SEEK = 2.0, 3.0  # seconds that are promised
LENGTH = 30  # seconds of a film
PLACES = (0.8, 0.1, 0.55, 0.95, 0.3)  # of a film, in the order they are gone to
SHOWN = """() => {
    const video = document.querySelector("video");
    return video && video.readyState >= 3 && !video.seeking && video.videoWidth > 0;
}"""
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", 20, "-g", 125, "-c:a", "aac")
AC3 = ("-c:a", "ac3", "-b:a", "384k")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-crf", 24, "-x265-params", "log-level=error")
HDR = (
    *("-c:v", "libx265", "-preset", "ultrafast", "-crf", 24, "-pix_fmt", "yuv420p10le"),
    *("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"),
    *("-x265-params", "log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"),
)
MPEG2 = ("-c:v", "mpeg2video", "-q:v", 4, "-g", 15, "-bf", 2, "-c:a", "mp2")
MPEG4 = ("-c:v", "mpeg4", "-q:v", 3, "-g", 250, "-c:a", "libmp3lame")


def film(setup: Setup, name: str, options: tuple[object, ...]) -> Path:
    """A film in a folder of films, made once."""
    path = setup.media.folder / "playback" / name
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        clip = ("-stream_loop", -1, "-t", LENGTH, "-i", media.real_clip("bigbuckbunny.mp4"))
        scaled = ("-vf", "scale=1920:1080", "-fps_mode", "cfr", "-r", 25)
        unfinished = path.with_name(f"new-{name}")
        media.ffmpeg(*clip, *scaled, *options, unfinished)
        unfinished.rename(path)
    return path


def shown(page: Page) -> None:
    page.wait_for_function(SHOWN, polling="raf", timeout=60_000)


def played(setup: Setup, path: Path, what: str) -> Iterator[Row]:
    """The rows of one film: a few pages that open it, each with its seeks."""
    argv = program("serve", "--root", str(path.parent), "--port", "0")
    process = subprocess.Popen(argv, stderr=subprocess.PIPE, env=environment(setup), text=True)
    first, seeks = list[float](), list[float]()
    try:
        assert process.stderr
        address = re.search(r"http://\S+/", process.stderr.readline())
        assert address
        with browsing() as browser:
            for _ in range(max(setup.rounds, 3)):
                with opened(browser, address[0]) as page:
                    begin = time.monotonic()
                    page.goto(f"{address[0]}#/video/{path.name}")
                    shown(page)
                    first.append(time.monotonic() - begin)
                    seeks += [seek(page, place * LENGTH) for place in PLACES]
    finally:
        process.terminate()
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
    yield limit_row(f"{what}: first picture, the first time", first[0], "s", FIRST)
    yield limit_row(f"{what}: first picture, later", statistics.median(first[1:]), "s", FIRST)
    yield limit_row(f"{what}: seek, median", statistics.median(seeks), "s", SEEK)
    yield limit_row(f"{what}: seek, slowest", max(seeks), "s", SEEK)
    spent = usage.ru_utime + usage.ru_stime
    yield Row(f"{what}: CPU of the server", f"{spent:.3g} s", "", "", "", True)


def seek(page: Page, moment: float) -> float:
    """Seconds until the picture of a moment is shown."""
    begin = time.monotonic()
    page.evaluate("time => { document.querySelector('video').currentTime = time; }", moment)
    shown(page)
    return time.monotonic() - begin


def copied(setup: Setup) -> Iterator[Row]:
    """H.264 in FLV and MPEG-TS, and beside AC-3 in Matroska."""
    yield from played(setup, film(setup, "h264.flv", H264), "H.264/AAC in FLV")
    yield from played(setup, film(setup, "h264.ts", H264), "H.264/AAC in TS")
    yield from played(setup, film(setup, "ac3.mkv", (*H264, *AC3)), "H.264/AC-3 in MKV")


def encoded(setup: Setup) -> Iterator[Row]:
    """HEVC in Matroska, also in HDR, MPEG-4 in AVI, and MPEG-2 in MPEG-TS."""
    yield from played(setup, film(setup, "hevc.mkv", (*HEVC, *AC3)), "HEVC/AC-3 in MKV")
    yield from played(setup, film(setup, "hdr.mkv", (*HDR, *AC3)), "HDR10 in MKV")
    yield from played(setup, film(setup, "mpeg4.avi", MPEG4), "MPEG-4/MP3 in AVI")
    yield from played(setup, film(setup, "mpeg2.ts", MPEG2), "MPEG-2/MP2 in TS")


if __name__ == "__main__":
    sys.exit(main({"copied": copied, "encoded": encoded}))
