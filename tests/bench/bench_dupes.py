"""Measure how well and how fast `dupes` finds duplicates.

    python tests/bench/bench_dupes.py --only quality [--shared DIR]
    python tests/bench/bench_dupes.py --only scale

`quality` needs `pip install videohash` for that peer's rows, `scale` needs `faiss-cpu`. The peers'
rules are Stash's (one 64-bit hash of a video, distance 8, durations within a second) and that of
the videohash package (64 bits, distance 10). Hashes are kept with the collection, so that the next
run only compares.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from dupes_media import DEEP, Collection
from harness import Row, Setup, environment, main, program
from measure import MeasureError

Pair = frozenset[str]
SHARED = Path(os.environ.get("BENCH_SHARED", Path(__file__).resolve().parents[3] / "shared/media"))
RECALL = 0.97


def quality(setup: Setup) -> Iterator[Row]:
    """Recall of each disguise and false pairs, by our rule and by those of two peers."""
    shared = SHARED if SHARED.is_dir() else None
    folder = setup.media.folder / "dupes"
    videos = Collection(folder, setup.media.clips, shared).make()
    names = [path.name for path in videos]
    ours = {
        "": found(setup, videos[0].parent, ()),
        "deep": found(setup, videos[0].parent, ("--deep",)),
    }
    peers = {"Stash": by_stash(setup, folder, names), "videohash": by_videohash(folder, videos)}
    disguises = dict.fromkeys(name.split(".")[1] for name in names)
    del disguises["original"]
    for disguise in (*disguises, "default settings", "--deep"):
        kinds = {"default settings": set(disguises) - set(DEEP), "--deep": set(DEEP)}
        wanted = wanted_pairs(names, kinds.get(disguise, {disguise}))
        mine = ours["deep" if disguise in (*DEEP, "--deep") else ""]
        told = ", ".join(f"{peer} {share(wanted, pairs):.3f}" for peer, pairs in peers.items())
        recall = share(wanted, mine)
        summary = disguise in kinds
        target = f"≥ {RECALL}" if summary else ""
        what = f"recall: {disguise}" + f" ({len(wanted)})" * summary
        yield Row(what, f"{recall:.3f}", told, "", target, not summary or recall >= RECALL)
    for way, pairs in ours.items():
        told = ", ".join(f"{peer} {len(false_pairs(p))}" for peer, p in peers.items())
        wrong = false_pairs(pairs)
        for pair in wrong[:10]:
            print("false:", *pair, file=sys.stderr)
        what = f"false pairs among {len(names):,} videos" + f", --{way}" * bool(way)
        yield Row(what, str(len(wrong)), told, "", "0", not wrong)


def original(name: str) -> str:
    return name.split(".")[0]


def wanted_pairs(names: Iterable[str], disguises: set[str]) -> set[Pair]:
    """Each disguised video with its original."""
    return {
        frozenset((name, f"{original(name)}.original.mp4"))
        for name in names
        if name.split(".")[1] in disguises
    }


def share(wanted: set[Pair], pairs: set[Pair]) -> float:
    return len(wanted & pairs) / len(wanted)


def false_pairs(pairs: set[Pair]) -> list[list[str]]:
    return sorted(sorted(pair) for pair in pairs if len(set(map(original, pair))) > 1)


def run(setup: Setup, *arguments: str) -> Any:
    done = subprocess.run(
        program(*arguments, "--json"), env=environment(setup), capture_output=True, check=False
    )
    if not done.stdout:
        raise MeasureError(done.stderr.decode(errors="replace"))
    return json.loads(done.stdout)


def found(setup: Setup, folder: Path, options: tuple[str, ...]) -> set[Pair]:
    """What `dupes` finds."""
    run(setup, "phash", str(folder), "--ext", "*", "--deep")
    data = run(setup, "dupes", str(folder), "--ext", "*", "--limit", "0", *options)
    return {frozenset((pair["a"], pair["b"])) for pair in data["pairs"]}


def by_stash(setup: Setup, folder: Path, names: list[str]) -> set[Pair]:
    """Stash's rule, with the hash that `phash --algo stash` makes bit by bit as Stash does."""
    home = folder / "stash"
    options = ("--ext", "*", "--algo", "stash", "--artifacts-dir", str(home))
    run(setup, "phash", str(folder / "videos"), *options)
    hashes, durations = {}, {}
    for name in names:
        path = home / ".artifacts" / f"{name}.phash.json"
        record = json.loads(path.read_text()) if path.exists() else {}
        if record.get("phash"):
            hashes[name] = int(record["phash"], 16)
            durations[name] = record["duration"]
    near = near_pairs(hashes, 8)
    return {pair for pair in near if abs(np.subtract(*(durations[n] for n in pair))) <= 1}


def by_videohash(folder: Path, videos: list[Path]) -> set[Pair]:
    """The videohash package's own hashes and rule; empty where it is not installed."""
    cache = folder / "videohash.json"
    hashes: dict[str, int] = json.loads(cache.read_text()) if cache.exists() else {}
    missing = [path for path in videos if path.name not in hashes]
    if missing and not find_spec("videohash"):
        print("videohash is not installed: its figures are no figures", file=sys.stderr)
        missing = []
    for number, path in enumerate(missing):
        hashes[path.name] = videohash(path)
        if number % 20 == 19 or path is missing[-1]:
            cache.write_text(json.dumps(hashes))
    return near_pairs({name: value for name, value in hashes.items() if value >= 0}, 10)


def videohash(path: Path) -> int:
    """The hash of one video, -1 where the package fails on it."""
    from PIL import Image
    from videohash import VideoHash, framesextractor

    vars(Image).setdefault("ANTIALIAS", Image.Resampling.LANCZOS)  # it was written for Pillow 9
    framesextractor.FramesExtractor.detect_crop = staticmethod(detect_crop)
    try:
        made = VideoHash(path=str(path))
        made.delete_storage_path()
        return int(made.hash, 2)
    except Exception as error:  # noqa: BLE001 - it raises whatever it likes
        print(f"videohash: {path.name}: {error}", file=sys.stderr)
        return -1


def detect_crop(video_path: str, frames: int, ffmpeg_path: str) -> str:
    """As the package's own, but at 2 and 5 s alone: it looks at ten moments after the end, too."""
    found: list[str] = []
    for start in ("2", "5"):
        argv = [ffmpeg_path, "-ss", start, "-i", shlex.split(video_path)[0]]
        argv += ["-vframes", str(frames), "-vf", "cropdetect", "-f", "null", "-"]
        told = subprocess.run(argv, capture_output=True, check=False).stderr.decode(
            errors="replace"
        )
        found += re.findall(r"crop=[0-9]+:[0-9]+:[0-9]+:[0-9]+", told)
    return f" -vf {max(found, key=found.count)} " if found else " "


def near_pairs(hashes: dict[str, int], distance: int) -> set[Pair]:
    return {
        frozenset((a, b))
        for a, b in combinations(hashes, 2)
        if (hashes[a] ^ hashes[b]).bit_count() <= distance
    }


# === Scale ========================================================================================

if __name__ == "__main__":
    sys.exit(main({"quality": quality}))
