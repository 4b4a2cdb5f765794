"""Measure how well `embed` and `listing` tell people apart, and what that costs.

    python tests/bench/bench_faces.py [--only NAME]

`quality`, `nobody` and `cost` need films with known people, in the folder that
BENCH_FILMS names; `held-out` needs photographs (`heldout_faces.py`).
`scale` makes what it needs.
"""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import heldout_faces
import numpy as np
from harness import REAL_FILMS, Row, Setup, environment, limit_row, main, program, workspace
from measure import MeasureError, compare, measure

FILMS = REAL_FILMS / "faces/dev"
STEP = 0.05  # by which thresholds are moved to see whether they sit on a cliff
EMBED = (("--cluster-eps", 0.40), ("--match-distance", 0.55))
LISTING = (("--cluster-eps", 0.45), ("--label-threshold", 0.40))
SIGNATURES, VIDEOS, PEOPLE = 100_000, 10_000, 3_000


# === Quality =====================================================================================


@dataclass(frozen=True)
class Shot:
    """Some seconds of a film and who is in them."""

    video: str
    begin: float
    end: float
    people: tuple[str, ...]


@dataclass(frozen=True)
class Score:
    """How a listing stands to the truth: shots found of all, pairs, labels right of all, wrong."""

    shots: tuple[int, int]
    precision: float
    recall: float
    labels: tuple[int, int]
    wrong_labels: int
    invented: int

    @property
    def perfect(self) -> bool:
        return (
            self.shots[0] == self.shots[1]
            and self.precision == 1
            and self.recall >= 0.95
            and self.labels[0] == self.labels[1]
            and not (self.wrong_labels or self.invented)
        )

    def __str__(self) -> str:
        return (
            f"shots {self.shots[0]}/{self.shots[1]}, precision {self.precision:.3g}, "
            f"recall {self.recall:.3g}, labels {self.labels[0]}/{self.labels[1]}, "
            f"{self.wrong_labels} wrong, {self.invented} invented"
        )


def quality(setup: Setup) -> Iterator[Row]:
    """Everything at the defaults, and with every threshold a step lower and higher."""
    need(FILMS)
    films = [path for path in sorted(FILMS.iterdir()) if path.suffix in {".mp4", ".mkv"}]
    with workspace(setup, films) as folder:
        yield score_row("people of four films", score(setup, folder, [], []))
        for flag, default in LISTING:
            for value in (default - STEP, default + STEP):
                words = [flag, f"{value:.2f}"]
                what = f"the same with `listing {' '.join(words)}`"
                yield score_row(what, score(setup, folder, [], [*words, "--rebuild"]))
        for flag, default in EMBED:
            for value in (default - STEP, default + STEP):
                words = [flag, f"{value:.2f}"]
                what = f"the same with `embed {' '.join(words)}`"
                yield score_row(what, score(setup, folder, [*words, "--force"], ["--rebuild"]))


def score_row(what: str, found: Score) -> Row:
    return Row(what, str(found), "", "", "all; 1; ≥ 0.95; all; 0; 0", found.perfect)


def held_out(setup: Setup) -> Iterator[Row]:
    """The same on people whom nothing was tuned on, once and with the defaults."""
    folder, gallery = setup.scratch / "films", setup.scratch / "gallery"
    folder.mkdir(parents=True)
    films = heldout_faces.make(folder, gallery)
    shots = [Shot(f["video"], a, b, tuple(who)) for f in films for a, b, who in f["shots"]]
    run(setup, "embed", str(folder), "--ext", "*")
    told = run(setup, "listing", str(folder), "--ext", "*", "--json", "--gallery", str(gallery))
    names = {path.name: path.name for path in folder.iterdir()}
    what = f"people of {len(films)} other films"
    yield score_row(what, compared(told["people"], names, shots))
    for kind in [*heldout_faces.DISGUISES, *heldout_faces.REAL]:
        some = [shot for shot in shots if shot.video.startswith(kind)]
        here = [
            person | {"occurrences": seen}
            for person in told["people"]
            if (seen := [o for o in person["occurrences"] if o["video"].startswith(kind)])
        ]
        yield score_row(f"of these, {kind}", compared(here, names, some))


def score(setup: Setup, folder: Path, embed: Sequence[str], listing: Sequence[str]) -> Score:
    """Run both commands on the films and compare what they tell with the truth."""
    names = {path.name: path.name.partition("_")[2] for path in folder.iterdir() if path.is_file()}
    run(setup, "embed", str(folder), "--ext", "*", *embed)
    gallery = ["--gallery", str(FILMS / "gallery")]
    told = run(setup, "listing", str(folder), "--ext", "*", "--json", *gallery, *listing)
    return compared(told["people"], names, truth())


def truth() -> list[Shot]:
    """The shots of two seconds and more."""
    told = json.loads((FILMS.parent / "ground_truth.json").read_text())
    shots = [
        Shot(film["video"], shot["from"], shot["to"], tuple(shot["people"]))
        for film in told["dev"]
        for shot in film["shots"]
    ]
    return [shot for shot in shots if shot.end - shot.begin >= 2]


def compared(
    people: Sequence[Mapping[str, Any]], names: Mapping[str, str], shots: Sequence[Shot]
) -> Score:
    """Who was found in each shot, and which of those belong together."""
    seen = [
        (person["id"], person["label"], names[o["video"]], o["intervals"])
        for person in people
        for o in person["occurrences"]
    ]
    found = assigned(seen, shots)
    same = [(a, b) for a, b in combinations(found, 2)]
    alike = [found[a] == found[b] for a, b in same]
    right = [a[2] == b[2] for a, b in same]
    both = sum(x and y for x, y in zip(alike, right, strict=True))
    labels = {person["id"]: person["label"] for person in people}
    known = {key: who for key, who in found.items() if not key[2].startswith("unknown:")}
    wrong = [labels[who] not in (None, key[2]) for key, who in found.items()]
    wanted = sum(len(shot.people) for shot in shots)
    return Score(
        (len(found), wanted),
        both / max(sum(alike), 1),
        both / max(sum(right), 1),
        (sum(labels[who] == key[2] for key, who in known.items()), len(known)),
        sum(wrong),
        len({who for who, *_ in seen} - set(found.values())),
    )


def assigned(
    seen: Sequence[tuple[int, str | None, str, Sequence[Sequence[float]]]], shots: Sequence[Shot]
) -> dict[tuple[str, float, str], int]:
    """Who of the listing is whom of each shot: in company the label decides, else the order."""
    found: dict[tuple[str, float, str], int] = {}
    for shot in shots:
        here = {
            who: label
            for who, label, video, runs in seen
            if video == shot.video
            and any(begin < shot.end - 0.2 and end > shot.begin + 0.2 for begin, end in runs)
        }
        names = list(shot.people)
        for who, label in sorted(here.items(), key=lambda item: item[1] is None):
            name = label if label in names else next(iter(names), None)
            if name is not None:
                names.remove(name)
                found[shot.video, shot.begin, name] = who
    return found


def nobody(setup: Setup) -> Iterator[Row]:
    """People found where there are none: cartoons, an animal, landscapes, a city, things."""
    need(REAL_FILMS / "real")
    for name in (
        "no_face.mp4",
        "bigbuckbunny.mp4",
        "trailer_bbb.mp4",
        "deer_1s_1080p.mp4",
        "earth.mp4",
        "cityCC0.mpg",
        "tree.avi",
        "cup.mp4",
        "vtest.avi",
        "park.mp4",
    ):
        with workspace(setup, [REAL_FILMS / "real" / name]) as folder:
            run(setup, "embed", str(folder), "--ext", "*")
            (artifact,) = folder.rglob("*.faces.signatures.json")
            found = json.loads(artifact.read_text())["signatures"]
        yield Row(f"people in {name}", str(len(found)), "", "", "0", not found)


# === Cost ========================================================================================


def cost(setup: Setup) -> Iterator[Row]:
    """`embed` against the bare models on the same frames."""
    for name in ("franck_talking_face.mp4", "capman_cap12.mp4"):
        film = REAL_FILMS / "real" / name
        need(film)
        with workspace(setup, [film]) as folder:
            (video,) = folder.iterdir()
            words = program("embed", str(folder), "--force", "--workers", "1")
            bare = [sys.executable, str(Path(__file__).with_name("bare_faces.py")), str(video)]
            ratio = compare(
                lambda words=words: measure(words, environment(setup)),  # type: ignore[misc]
                lambda bare=bare: measure(bare, environment(setup)),  # type: ignore[misc]
                setup.rounds,
            )
        ours, peer = (f"{side.cpu_seconds:.3g} CPU s" for side in (ratio.ours, ratio.theirs))
        what = f"`embed` of {name} / YuNet and SFace once on the same frames"
        yield Row(what, ours, peer, f"{ratio.cpu:.3g}", "≤ 1.5", ratio.cpu <= 1.5)


# === Scale =======================================================================================


def scale(setup: Setup) -> Iterator[Row]:
    """All anew, and one new video, in a library of many signatures."""
    folder = signed_library(setup)
    words = program("listing", str(folder), "-r", "--no-embed")
    usage = measure(words, environment(setup))
    what = f"`listing` of {SIGNATURES:,} signatures in {VIDEOS:,} videos"
    yield limit_row(what, usage.wall_seconds, "s", 60)
    yield limit_row(f"peak memory: {what}", usage.peak_mb, "MB", 1500)
    start, rounds = [sys.executable, "-c", "import numpy"], []
    for number in range(max(setup.rounds, 3)):
        write_signatures(folder, VIDEOS + number)
        rounds.append(
            [measure(argv, environment(setup)) for argv in (words, program("--help"), start)]
        )
    for what, unit in (("cpu_seconds", "CPU s"), ("wall_seconds", "s")):
        ours, bare, numpy = (
            min(getattr(u, what) for u in runs) for runs in zip(*rounds, strict=True)
        )
        peer = f"{bare + numpy:.3g} {unit}"
        told = "one new video in it / `index.py --help` and `import numpy`"
        ratio = f"{ours / (bare + numpy):.3g}"
        yield Row(told, f"{ours:.3g} {unit}", peer, ratio, f"≤ 1 {unit}", ours <= 1)


def signed_library(setup: Setup) -> Path:
    """The library, made once, as if it had not been listed yet."""
    folder = setup.media.folder / f"signatures-{SIGNATURES}"
    if not folder.exists():
        scratch = folder.with_suffix(".part")
        shutil.rmtree(scratch, ignore_errors=True)
        for video in range(VIDEOS):
            write_signatures(scratch, video)
        scratch.rename(folder)
    for name in (".artifacts", f"{VIDEOS // 500:03}"):  # the index, and what was new
        shutil.rmtree(folder / name, ignore_errors=True)
    return folder


def write_signatures(folder: Path, video: int) -> None:
    """A file in the place of a video, with signatures of ten people as `embed` writes them."""
    draw, each = np.random.default_rng(video), SIGNATURES // VIDEOS
    popularity = 1 / np.arange(1, PEOPLE + 1) ** 0.7
    who = draw.choice(PEOPLE, each, replace=False, p=popularity / popularity.sum())
    faces = everybody()[who]
    faces += draw.standard_normal(faces.shape) * 0.045  # distances of 0.2 within a person
    faces /= np.linalg.norm(faces, axis=1, keepdims=True)
    ids = [f"{video:08x}{n:08x}" for n in range(each)]
    path = folder / f"{video // 500:03}" / f"v{video:06}.mp4"
    home = path.parent / ".artifacts"
    home.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"no video")
    common = {"intervals": [[1.0, 6.0]], "frames": 6, "time": 2.0, "box": [9.0, 9.0, 99.0, 99.0]}
    common |= {"score": 0.9, "quality": 0.8, "spread": 0.05}
    signatures = [
        common | {"id": name, "apart": [o for o in ids[:3] if o != name], "vector": packed(face)}
        for name, face in zip(ids, faces, strict=True)
    ]
    head = {"schema": 1, "video": path.name, "source": {"size": 8, "oshash": f"{video:016x}"}}
    head |= {"files": [], "backend": "opencv", "model": "sface_2021dec_int8bq", "scale": 1.0}
    record = head | {"dimension": 128, "signatures": signatures}
    (home / f"{path.name}.faces.signatures.json").write_text(json.dumps(record, indent=2))


@cache
def everybody() -> Any:
    """A face for each person: unit vectors in all directions."""
    faces = np.random.default_rng(7).standard_normal((PEOPLE, 128))
    return faces / np.linalg.norm(faces, axis=1, keepdims=True)


def packed(vector: Any) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


# === Both ========================================================================================


def need(path: Path) -> None:
    if not path.exists():
        raise MeasureError(f"{path} is not there: name the folder of real films with BENCH_FILMS")


def run(setup: Setup, *words: str) -> Any:
    """What a command tells as JSON, if it was asked to."""
    done = subprocess.run(
        program(*words), env=environment(setup), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise MeasureError(f"{' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout) if "--json" in words else None


GROUPS = {
    "quality": quality,
    "held-out": held_out,
    "nobody": nobody,
    "cost": cost,
    "scale": scale,
}

if __name__ == "__main__":
    sys.exit(main(GROUPS))
