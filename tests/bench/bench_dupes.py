"""Measure how well and how fast `dupes` finds duplicates.

    python tests/bench/bench_dupes.py --only quality
    python tests/bench/bench_dupes.py --only held-out
    python tests/bench/bench_dupes.py --only scale

`quality` looks at the collection that the rules were tuned on, `held-out` at one that they never
were. The former needs `pip install videohash` for that peer's rows, `scale` needs `faiss-cpu`. The
peers' rules are Stash's (one 64-bit hash of a video, distance 8, durations within a second) and
that of the videohash package (64 bits, distance 10). Hashes are kept with the collection, so that
the next run only compares.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from importlib.util import find_spec
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from dupes_media import DEEP, EDITIONS, Collection
from harness import REAL_FILMS, Row, Setup, environment, limit_row, main, program
from make_media import replacing
from measure import MeasureError, measure
from numpy.typing import NDArray

Pair = frozenset[str]
RECALL = 0.97


def quality(setup: Setup, edition: str = "tuned") -> Iterator[Row]:
    """Recall of each disguise and false pairs, by our rule and by those of two peers."""
    films = REAL_FILMS if REAL_FILMS.is_dir() else None
    folder = setup.media.folder / ("dupes" if edition == "tuned" else f"dupes-{edition}")
    videos = Collection(folder, EDITIONS[edition], setup.media.clips, films).make()
    names = [path.name for path in videos]
    ours = {
        "": found(setup, videos[0].parent, ()),
        "deep": found(setup, videos[0].parent, ("--deep",)),
    }
    peers = {"Stash": by_stash(setup, folder, names)}
    if edition == "tuned":
        peers["videohash"] = by_videohash(folder, videos)
    hashed = sum(value >= 0 for value in videohashes(folder).values())
    print(f"videohash: {hashed:,} of {len(names):,} videos", file=sys.stderr)
    disguises = dict.fromkeys(name.split(".")[1] for name in names)
    del disguises["original"]
    for disguise in (*disguises, "default settings", "--deep"):
        kinds = {"default settings": set(disguises) - set(DEEP), "--deep": set(DEEP)}
        wanted = wanted_pairs(names, kinds.get(disguise, {disguise}))
        mine = ours["deep" if disguise in (*DEEP, "--deep") else ""]
        known = {p for p in wanted if all(n in videohashes(folder) for n in p)}
        told = f"Stash {share(wanted, peers['Stash']):.3f}"
        told += f", videohash {share(known, peers['videohash']):.3f}" if known else ""
        recall = share(wanted, mine)
        for name in sorted(min(pair) for pair in wanted - mine if disguise not in kinds):
            print("missed:", name.replace(".original.", "."), disguise, file=sys.stderr)
        what = f"recall: {disguise} ({len(wanted)})"
        yield Row(what, f"{recall:.3f}", told, "", f"≥ {RECALL}", recall >= RECALL)
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


def videohashes(folder: Path) -> dict[str, int]:
    """The hashes that were made so far, by name."""
    cache = folder / "videohash.json"
    return dict(json.loads(cache.read_text())) if cache.exists() else {}


def by_videohash(folder: Path, videos: list[Path]) -> set[Pair]:
    """The videohash package's own hashes and rule, for a third of the originals.

    It takes seconds for each of these short clips. Empty where it is not installed.
    """
    hashes = videohashes(folder)
    originals = sorted({original(path.name) for path in videos})[::3]
    missing = [p for p in videos if original(p.name) in originals and p.name not in hashes]
    if missing and not find_spec("videohash"):
        print("videohash is not installed: its figures are no figures", file=sys.stderr)
        missing = []
    for number, path in enumerate(missing):
        hashes[path.name] = videohash(path)
        if number % 20 == 19 or path is missing[-1]:
            (folder / "videohash.json").write_text(json.dumps(hashes))
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

SIZES = (1_000, 10_000, 100_000)
SAMPLE = 0.05  # of the frames, that brute force seeks before ours and, another one, after it


def scale(setup: Setup) -> Iterator[Row]:
    """Time and memory of `dupes` for libraries of three sizes, against brute force over frames."""
    folders = {size: planted(setup.media.folder / f"dupes-{size}", size) for size in SIZES}
    most, seconds, brute = SIZES[-1], {}, BruteForce(folders[SIZES[-1]])
    passes = []
    for size, folder in folders.items():
        if size == most:
            passes.append(brute.search())
        usage = measure(program("dupes", str(folder), "--json"), environment(setup))
        seconds[size] = usage.cpu_seconds
        told = f"{size:,} videos"
        yield limit_row(f"peak memory: dupes of {told}", usage.peak_mb, "MB", 1500)
        yield limit_row(f"dupes of {told}", usage.cpu_seconds, "CPU s", LIMITS[size])
    passes.append(brute.search())
    for fewer, more in pairwise(SIZES):
        growth = np.log10(seconds[more] / seconds[fewer]) / np.log10(more / fewer)
        yield limit_row(f"growth from {fewer:,} to {more:,}: exponent", growth, "", 1.7)
    taken = " and ".join(f"{part:.4g}" for part in passes)
    print(f"brute force: {taken} CPU s for {SAMPLE:.0%} each", file=sys.stderr)
    whole = float(np.mean(passes)) / SAMPLE
    ratio = seconds[most] / whole
    cells = (f"{seconds[most]:.3g} CPU s", f"{whole:.4g} CPU s", f"{ratio:.3g}", "≤ 0.125")
    what = f"dupes of {most:,} / faiss IndexBinaryFlat, {len(brute.frames):,} frames"
    yield Row(f"{what}, from {2 * SAMPLE:.0%} of them", *cells, ratio <= 0.125)


LIMITS = {1_000: 10, 10_000: 60, 100_000: 600}


def planted(folder: Path, size: int) -> Path:
    if not folder.exists():
        with replacing(folder) as scratch:
            plant(scratch, size)
    return folder


def plant(folder: Path, size: int) -> None:
    """A library of empty files with phash artifacts as they are made.

    Lengths are spread as those of films, a tenth are series of 25 with one backdrop, one opening
    and about one length, a fiftieth are copies of others.
    """
    random = np.random.default_rng(size)
    home = folder / ".artifacts"
    home.mkdir(parents=True)
    pictures, length, colours = textures(random, 5), 600.0, np.zeros((8, 8, 2), np.int8)
    opening, backdrop = pictures[0], pictures[1]
    for number in range(size):
        of_ten = number % 250
        if number % 50 == 49:
            pictures = (pictures + random.normal(0, 3, pictures.shape)).clip(0, 255)
        else:
            pictures = textures(random, 5)
            length = float(random.lognormal(6.4, 1.2))
            colours = random.integers(-20, 20, (8, 8, 2), dtype=np.int8)
        if of_ten == 0:
            (opening, backdrop), usual = textures(random, 2), length
        if of_ten < 25 and number % 50 != 49:
            pictures = 0.75 * backdrop + 0.25 * pictures
            pictures[0], length = opening, usual * float(random.uniform(0.98, 1.02))
        write_video(folder, number, pictures.astype(np.uint8), length, colours)


def textures(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Smooth random pictures of 32x32."""
    small = random.uniform(0, 255, (count, 12, 12))
    places = np.linspace(0, 11, 32)
    lines = np.maximum(0, 1 - np.abs(places[:, None] - np.arange(12)))
    return np.asarray(lines @ small @ lines.T)


def write_video(
    folder: Path, number: int, pictures: NDArray[np.uint8], length: float, colours: NDArray[np.int8]
) -> None:
    """A sparse file of a size of its own with its phash artifact."""
    name = f"{number:06}.mp4"
    with (folder / name).open("wb") as file:
        file.truncate(1_000_000 + number)
    bits = pictures > pictures.mean((1, 2), keepdims=True)
    hashes = [np.packbits(frame).tobytes().hex() for frame in bits]
    record = {
        "schema": 2,
        "video": name,
        "source": {"size": 1_000_000 + number},
        "phash": hashes[0],
        "algorithm": "ahash",
        "combine": "xor",
        "bits": 1024,
        "frames": [
            {"time": length * (i + 0.5) / 5, "hash": h, "flat": False} for i, h in enumerate(hashes)
        ],
        "duration": length,
        "width": 1280,
        "height": 720,
        "signature": [
            {"luma": text(p.tobytes()), "chroma": text(colours.tobytes())} for p in pictures
        ],
    }
    (folder / ".artifacts" / f"{name}.phash.json").write_text(json.dumps(record))


def text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


class BruteForce:
    """The nearest frames of frames, by a comparison with every one of a library."""

    def __init__(self, folder: Path) -> None:
        import faiss

        found = []
        for path in sorted((folder / ".artifacts").iterdir()):
            record = json.loads(path.read_text())
            found += [bytes.fromhex(frame["hash"]) for frame in record["frames"]]
        self.frames = np.frombuffer(b"".join(found), np.uint8).reshape(-1, 128)
        self.random = np.random.default_rng(1)
        self.index = faiss.IndexBinaryFlat(1024)
        self.index.add(self.frames)

    def search(self) -> float:
        """CPU seconds for a sample of the frames, taken at random."""
        count = round(len(self.frames) * SAMPLE)
        asked = self.frames[self.random.choice(len(self.frames), count, replace=False)]
        begin = time.process_time()
        self.index.search(asked, 5)
        return time.process_time() - begin


if __name__ == "__main__":
    held_out = partial(quality, edition="held-out")
    sys.exit(main({"quality": quality, "held-out": held_out, "scale": scale}))
