"""Makes large libraries whose videos have every sidecar, from one video's real ones.

    python make_library.py FOLDER COUNT

One clip of five seconds is given all its artifacts by the program. Every other video is as large
as any file, has no content, and gets copies of the sidecars that say its own name, size, time,
duration and tags; thumbnails are no more than their comment, and further pictures, which nothing
here looks into, links to those of the first.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from make_media import find_ffmpeg

ROOT = Path(__file__).resolve().parents[2]
TASKS = "meta,thumbs,sprites,previews,phash,heatmaps,scenes,embed"
PER_FOLDER = 500
PER_PICTURE = 1000  # links to one file: file systems have a limit
CUES = "WEBVTT\n\nNOTE {}\n\n00:00:00.500 --> 00:00:02.000\nWhat was said in video number {}.\n"
TAGS = ("night", "city", "sea", "snow", "friends", "to keep", "holiday", "work")


def make_library(folder: Path, count: int) -> Path:
    """A library of so many videos below a folder; what is there already is kept."""
    root = folder / f"shelves-{count}"
    if not (root / "complete").exists():
        for unfinished in sorted(root.glob("folder *"))[-1:]:  # an earlier run was interrupted
            shutil.rmtree(unfinished)
        there = PER_FOLDER * len(list(root.glob("folder *")))
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            seed = make_seed(Path(scratch))
            for number in range(there, count):
                add_video(root, seed, number)
        (root / "complete").touch()
    return root


def make_seed(folder: Path) -> dict[str, str | Path]:
    """The sidecars of one video by the tail of their names: text of JSON, paths of all else."""
    video = folder / "seed.mp4"
    subprocess.run(
        [
            *(find_ffmpeg(), "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:d=5"),
            *("-f", "lavfi", "-i", "sine=d=5", "-pix_fmt", "yuv420p", "-shortest", str(video)),
        ],
        check=True,
    )
    program = [sys.executable, str(ROOT / "index.py"), TASKS, str(folder), "--interval", "1"]
    subprocess.run(program, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, str | Path] = {}
    for path in (folder / ".artifacts").iterdir():
        if path.is_dir():
            found |= {f"{path.name}/{inner.name}": inner for inner in path.iterdir()}
        else:
            found[path.name] = path.read_text() if path.suffix == ".json" else path
    return found


def add_video(root: Path, seed: dict[str, str | Path], number: int) -> None:
    """One more video with its sidecars."""
    folder = root / f"folder {number // PER_FOLDER:03}"
    name, size = f"Video {number:06}.mp4", 1_000_000 + number * 7919 % 99_000_000
    home = folder / ".artifacts"
    home.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("wb") as file:
        file.truncate(size)
    moment = time.time_ns() - (86400 + number * 601) * 10**9
    os.utime(folder / name, ns=(moment, moment))
    source = {"size": size, "mtime_ns": moment, "oshash": f"{number:016x}"}
    for told, content in own(seed, name, source, number):
        path = home / told
        if isinstance(content, str):
            path.write_text(content)
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.parent.mkdir(exist_ok=True)
            path.hardlink_to(linked(content, number))


def linked(picture: Path, number: int) -> Path:
    """A file with that content that has room for further links."""
    copy = picture.with_name(f"{number // PER_PICTURE}-{picture.name}")
    if not copy.exists():
        copy.write_bytes(picture.read_bytes())
    return copy


def own(
    seed: dict[str, str | Path], name: str, source: dict[str, object], number: int
) -> Iterator[tuple[str, str | bytes | Path]]:
    """The sidecars of a video, by name."""
    duration = f"{5 + number * 7 % 7000}.{number % 1000:03}"
    note = json.dumps({"source": source})
    yield f"{name}.jpg", b"\xff\xd8\xff\xfe" + (len(note) + 2).to_bytes(2) + note.encode()
    for tail, content in seed.items():
        if tail == "seed.mp4.jpg":
            continue
        if isinstance(content, str):
            content = content.replace("seed.mp4", name)
            content = re.sub(r'"source": \{[^}]*\}', note[1:-1], content)
            content = re.sub(r'("duration": )"5\.0\d*"', rf'\g<1>"{duration}"', content)
        yield tail.replace("seed.mp4", name), content
    yield f"{name}.vtt", CUES.format(note, number)
    tags = [tag for bit, tag in enumerate(TAGS) if number * 2654435761 >> bit + 8 & 1]
    tags += [f"series {number // 40}"] + ["rare"] * (number % 1000 == 0)
    record = {"video": name, "tags": tags, "performers": [f"Person {number % 317}"]}
    yield f"{name}.tags.json", json.dumps(record | {"source": source}, indent=2)


if __name__ == "__main__":
    print(make_library(Path(sys.argv[1]), int(sys.argv[2])))
