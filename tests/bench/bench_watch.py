"""`watch` at rest: the CPU time and the memory that waiting for changes takes.

    python tests/bench/bench_watch.py [--videos 100000] [--seconds 60] [--poll 10]

A folder of videos in folders of 500, each with fresh metadata; when all have been looked at, the
process is left alone for a minute, and its CPU time and memory are read from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import HEADER, ROOT, limit_row

PER_FOLDER = 500
QUIET = 30.0  # seconds without CPU time after which it is at rest


def make_videos(root: Path, count: int) -> None:
    """So many files that are no videos, with the records of fresh metadata."""
    for number in range(count):
        folder = root / f"folder {number // PER_FOLDER:03}"
        name = f"video {number:06}.mp4"
        if number % PER_FOLDER == 0:
            (folder / ".artifacts").mkdir(parents=True)
        (folder / name).write_bytes(b"video")
        mtime_ns = (folder / name).stat().st_mtime_ns
        source = {"size": 5, "mtime_ns": mtime_ns, "oshash": f"{number:016x}"}
        record = {"schema": 1, "video": name, "source": source, "params": {}, "files": []}
        (folder / ".artifacts" / f"{name}.ffprobe.json").write_text(json.dumps(record))


def cpu_seconds(pid: int) -> float:
    """What the threads of a process have run, which Linux counts in ns."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text().split()[0]) for path in threads) / 1e9


def resident_mb(pid: int) -> float:
    """Memory of a process in MB of 1,000,000 bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for_rest(pid: int, line: str, log: Path) -> float:
    """Wait until a process has written a line, and hardly any CPU time is spent; returns the CPU
    seconds until then."""
    while line not in log.read_text():
        time.sleep(0.5)
    before = -1.0
    while cpu_seconds(pid) - before > 0.2:
        before = cpu_seconds(pid)
        time.sleep(QUIET)
    return cpu_seconds(pid)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--poll", type=float)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root, log = Path(scratch) / "videos", Path(scratch) / "log"
        make_videos(root, options.videos)
        argv = [sys.executable, str(ROOT / "index.py"), "watch", str(root), "-r", "--tasks", "meta"]
        argv += ["--poll", f"{options.poll:g}"] if options.poll else []
        environment = {**os.environ, "XDG_CACHE_HOME": scratch}
        with log.open("wb") as messages:
            watch = subprocess.Popen(argv, stderr=messages, stdout=messages, env=environment)
        try:
            start = wait_for_rest(watch.pid, "changes", log)
            before, began = cpu_seconds(watch.pid), time.monotonic()
            time.sleep(options.seconds)
            share = (cpu_seconds(watch.pid) - before) / (time.monotonic() - began)
            memory = resident_mb(watch.pid)
        finally:
            watch.terminate()
            watch.wait()
    what = f"watch of {options.videos:,} videos"
    rows = [
        limit_row(f"{what}: until it is at rest", start, "CPU s", 120),
        limit_row(f"{what} at rest: share of a core", share * 100, "%", 0.2),
        limit_row(f"{what} at rest: memory", memory, "MB", 150),
    ]
    print(HEADER)
    print(*rows, sep="\n")
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
