"""`dupes`: what shows the same, which copy to keep, and getting rid of the others safely."""

from __future__ import annotations

import base64
import errno
import functools
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Cli
from numpy.typing import NDArray
from support import ROOT, Audit, Fault, Killed, Library, Run, contents, media, stamps
from support.faults import disk_faults
from support.served import Served

from videolib.core.processes import need_tool
from videolib.duplicates.removal import DuplicateRemoval
from videolib.duplicates.search import MATCHER_VERSION

SIZE = "fps=25,scale=320:136,setsar=1"
DISGUISES = {
    "small.mp4": "scale=160:68",
    "slower.mp4": "fps=12",
    "boxed.mp4": "pad=iw:ih*1.2:0:(oh-ih)/2",
    "cropped.mp4": "crop=iw*0.9:ih*0.9:iw*0.08:0",
    "bright.mp4": "eq=brightness=0.12:contrast=1.3",
    "gamma.mp4": "eq=gamma=1.6",
    "grey.mp4": "hue=s=0",
    "logo.mp4": "drawbox=8:8:48:24:red:fill",
    "subtitled.mp4": "drawbox=60:112:200:16:white:fill:enable='between(mod(t,3),0.5,2)'",
}
DEEP = {
    "original.mp4": "null",
    "mirrored.mp4": "hflip",
    "tail.mp4": "trim=start=1.55,setpts=PTS-STARTPTS",
    "intro.mp4": "tpad=start_duration=1.3:color=navy",
}


def encode(source: Path, wanted: dict[str, str], folder: Path) -> None:
    """Several versions of the first 9 s of a film from one run of ffmpeg."""
    folder.mkdir()
    ends = "".join(f"[s{i}]" for i in range(len(wanted)))
    chains = [f"[0:v]{SIZE},split={len(wanted)}{ends}"]
    chains += [f"[s{i}]{how}[o{i}]" for i, how in enumerate(wanted.values())]
    argv = [need_tool("ffmpeg"), "-v", "error", "-t", "9", "-i", str(source)]
    argv += ["-filter_complex", ";".join(chains)]
    for i, name in enumerate(wanted):
        argv += ["-map", f"[o{i}]", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "28"]
        argv += [str(folder / name)]
    subprocess.run(argv, check=True)


@pytest.fixture(scope="session")
def disguised(clips: Path) -> Path:
    source = media.clip("bikes.mp4", clips)
    return media.make_once(clips / "disguised", functools.partial(encode, source, DISGUISES))


@pytest.fixture(scope="session")
def deep(clips: Path) -> Path:
    source = media.clip("bikes.mp4", clips)
    return media.make_once(clips / "deep", functools.partial(encode, source, DEEP))


def put(library: Library, folder: Path) -> None:
    for path in folder.iterdir():
        shutil.copyfile(path, library.root / path.name)
        library.keep(library.root / path.name)


def matched(run: Run) -> set[frozenset[str]]:
    assert run.code == 0, run.err
    return {frozenset((pair["a"], pair["b"])) for pair in run.json["pairs"]}


def hashes(*seeds: int, noise: float = 0.0, salt: int = 0) -> list[str]:
    """Hashes of frames of as many scenes, with some of the bits turned over."""
    found = []
    for seed in seeds:
        bits = random.Random(seed).getrandbits(1024)
        turn = random.Random(seed * 1000 + salt).sample(range(1024), round(noise * 1024))
        for place in turn:
            bits ^= 1 << place
        found.append(f"{bits:0256x}")
    return found


def plant(
    library: Library, name: str, frames: list[str], duration: float = 100.0, **more: Any
) -> Path:
    """A file with a phash artifact written by hand, no more than what is promised of one."""
    video = library.add_bytes(name, name.encode() * 50)
    home = video.parent / ".artifacts"
    home.mkdir(exist_ok=True)
    count = len(frames)
    times = [duration * (i + 0.5) / count for i in range(count)]
    told = [{"time": t, "hash": h, "flat": False} for t, h in zip(times, frames, strict=True)]
    record = {"phash": "0" * 256, "algorithm": "ahash", "combine": "xor", "bits": 1024}
    source = {"size": video.stat().st_size, "mtime_ns": video.stat().st_mtime_ns}
    record |= {"schema": 1, "video": name, "source": source, "frames": told} | more
    (home / f"{video.name}.phash.json").write_text(json.dumps(record))
    return video


def film(seed: int, opening: int = 0, noise: float = 0.0) -> NDArray[Any]:
    """Five small pictures of somebody who moves before a wall, the first one of an opening."""
    walls, actor = np.random.default_rng(1), np.random.default_rng(seed)
    wall = cv2.resize(walls.uniform(40, 220, (8, 8)), (32, 32), interpolation=cv2.INTER_CUBIC)
    pictures = np.stack([wall] * 5)
    for picture in pictures:
        for _ in range(3):
            x, y = actor.integers(2, 26, 2)
            picture[y : y + 5, x : x + 5] = actor.integers(0, 255)
    if opening:
        pictures[0] = np.random.default_rng(opening).uniform(0, 255, (32, 32))
    return pictures + np.random.default_rng(seed + 99).normal(0, noise, pictures.shape)


def plant_film(
    library: Library,
    name: str,
    pictures: NDArray[Any],
    colours: NDArray[Any] | None = None,
    duration: float = 100.0,
) -> None:
    """A file with a phash artifact that holds those pictures, in those colours (8, 8, 2)."""
    luma = [p.clip(0, 255).round().astype(np.uint8) for p in pictures]
    colours = np.zeros((8, 8, 2)) if colours is None else colours
    chroma = base64.b64encode(colours.round().astype(np.int8).tobytes()).decode()
    signature = [{"luma": base64.b64encode(p.tobytes()).decode(), "chroma": chroma} for p in luma]
    plant(library, name, hashes(1, 2, 3, 4, 5), duration=duration, signature=signature)


class TestFinding:
    @pytest.mark.slow
    def test_disguises(self, cli: Cli, library: Library, disguised: Path) -> None:
        put(library, disguised)
        library.add("bikes.mp4")
        library.add("bigbuckbunny.mp4")
        run = cli("dupes", library.root, "--compute", "--duration-tolerance", "15%", "--json")
        assert run.code == 0, run.err
        by_original = {
            pair["a"] if pair["b"] == "bikes.mp4" else pair["b"]
            for pair in cli("dupes", library.root, "--json", "--limit", 0).json["pairs"]
            if "boxed.mp4" in (pair["a"], pair["b"])
        }
        assert by_original >= set(DISGUISES) - {"boxed.mp4"}
        (group,) = run.json["groups"]
        assert "bigbuckbunny.mp4" not in group["matches"]
        assert run.json["threshold"] == 0.92
        for pair in run.json["pairs"]:
            assert pair["kind"] == "similar"
            assert 0.92 <= pair["similarity"] <= 1

    @pytest.mark.slow
    def test_a_smaller_copy_and_the_reason_to_keep_the_other(
        self, cli: Cli, library: Library
    ) -> None:
        library.add("bikes.mp4", "z.mp4")
        library.add("small_bikes.mp4", "a.mp4")
        library.add("bigbuckbunny.mp4")
        cli("phash,meta", library.root)
        before = stamps(library.root)
        run = cli("dupes", library.root, "--json")
        assert matched(run) == {frozenset(("a.mp4", "z.mp4"))}
        (group,) = run.json["groups"]
        assert (group["keeper"], group["matches"]) == ("z.mp4", ["a.mp4"])
        assert "resolution" in group["reason"]
        assert group["details"]["z.mp4"]["width"] == 640
        text = cli("dupes", library.root).out
        assert "keep z.mp4" in text
        assert "highest resolution" in text
        assert stamps(library.root) == before

    def test_two_columns_more_are_no_higher_resolution(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4", "z.mp4")
        library.add("wider_bikes.mp4", "a.mp4")
        cli("phash,meta", library.root)
        (group,) = cli("dupes", library.root, "--json").json["groups"]
        assert group["keeper"] == "z.mp4"
        assert "bits per second and pixel" in group["reason"]

    @pytest.mark.slow
    def test_neither_bars_nor_fewer_frames_make_the_better_copy(
        self, cli: Cli, library: Library, disguised: Path
    ) -> None:
        """Bars that end within a line of the small pictures; fewer frames of more bits each."""
        for clip, name in (("boxed.mp4", "a.mp4"), ("slower.mp4", "b.mp4")):
            shutil.copyfile(disguised / clip, library.root / name)
            library.keep(library.root / name)
        encode(library.add("bikes.mp4"), {"z.mp4": "null"}, library.root / "made")
        (library.root / "made/z.mp4").rename(library.root / "z.mp4")
        library.forget(library.root / "bikes.mp4")
        cli("phash,meta", library.root)
        groups = cli("dupes", library.root, "--duration-tolerance", "15%", "--json").json["groups"]
        assert [group["keeper"] for group in groups] == ["z.mp4"]
        assert "12 fps" in cli("dupes", library.root, "--duration-tolerance", "15%").out

    def test_what_could_not_be_computed_counts(self, cli: Cli, library: Library) -> None:
        library.add_bytes("broken.mp4", b"no video")
        run = cli("dupes", library.root, "--compute", "--json")
        assert run.code == 1 and "phash: broken.mp4: " in run.err
        assert run.json["without_hash"] == 1
        told = cli("dupes", library.root, "--compute").out
        assert "1 video without a fresh hash: none could be made" in told

    @pytest.mark.slow
    def test_mirrored_and_shifted(self, cli: Cli, library: Library, deep: Path) -> None:
        put(library, deep)
        library.add("bigbuckbunny.mp4")
        assert matched(cli("dupes", library.root, "--compute", "--json")) == set()
        assert cli("dupes", library.root, "--deep", "--json").json["without_timeline"] == 5
        assert "--deep --compute" in cli("dupes", library.root, "--deep").out
        run = cli("dupes", library.root, "--compute", "--deep", "--json")
        assert run.json["without_timeline"] == 0
        kinds = {frozenset((p["a"], p["b"])): p["kind"] for p in run.json["pairs"]}
        assert kinds[frozenset(("original.mp4", "mirrored.mp4"))] == "mirrored"
        assert kinds[frozenset(("original.mp4", "intro.mp4"))] == "shifted"
        assert kinds[frozenset(("original.mp4", "tail.mp4"))] == "shifted"
        assert not any("bigbuckbunny.mp4" in pair for pair in kinds)

    def test_the_longer_one_stays(self, cli: Cli, library: Library, deep: Path) -> None:
        """However good the picture of one is that lacks the beginning."""
        for name in ("original.mp4", "tail.mp4"):
            shutil.copyfile(deep / name, library.root / name)
        with (library.root / "tail.mp4").open("ab") as file:
            file.write((3_000_000).to_bytes(4, "big") + b"free" + bytes(2_999_992))
        args = ("dupes", library.root, "--deep", "--apply", "trash", "--json")
        run = cli(*args, "--compute")
        assert run.json["groups"][0]["keeper"] == "tail.mp4"
        assert "longer" in run.json["applied"][0]["reason"]
        assert (library.root / "original.mp4").exists()
        run = cli(*args, "--keep", "original.mp4")
        assert [action["video"] for action in run.json["applied"]] == ["tail.mp4"]

    def test_nothing_to_see(self, cli: Cli, library: Library) -> None:
        """Black films and stills are nobody's duplicates."""
        for name in ("a.mp4", "b.mp4"):
            library.add("black.mp4", name)
        os.utime(library.root / "a.mp4")
        with (library.root / "b.mp4").open("ab") as file:
            file.write(b"\0\0\0\x08free")
        library.keep(library.root / "b.mp4")
        assert matched(cli("dupes", library.root, "--compute", "--json")) == set()
        still = hashes(7, 7, 7, 7, 7)
        plant(library, "slate1.mp4", still)
        plant(library, "slate2.mp4", still)
        assert matched(cli("dupes", library.root, "--json")) == set()

    def test_the_same_opening(self, cli: Cli, library: Library) -> None:
        """Episodes that begin alike and are filmed before the same wall are no copies."""
        for episode in range(4):
            plant_film(library, f"{episode}.mp4", film(10 + episode, opening=5))
        plant_film(library, "copy.mp4", film(12, opening=5, noise=2.0))
        plant_film(library, "cut.mp4", film(12, noise=2.0))
        found = matched(cli("dupes", library.root, "--json"))
        same = itertools.combinations(("2.mp4", "copy.mp4", "cut.mp4"), 2)
        assert found == set(map(frozenset, same))

    def test_a_logo_in_the_dark(self, cli: Cli, library: Library) -> None:
        """It is brighter than all that moves in the film, and no film of its own."""
        dark = [16 + (film(seed) - 40) / 4 for seed in (20, 21)]
        for name, pictures in zip(("a.mp4", "b.mp4"), dark, strict=True):
            plant_film(library, name, pictures)
            marked = pictures.copy()
            marked[:, 1:5, 25:31] = 255
            plant_film(library, f"logo on {name}", marked)
        found = matched(cli("dupes", library.root, "--json"))
        assert found == {frozenset((name, f"logo on {name}")) for name in ("a.mp4", "b.mp4")}

    def test_colours_between_bars(self, cli: Cli, library: Library) -> None:
        """They are compared where they belong, and tell other films apart there too."""
        blocks = np.random.default_rng(3).choice([-40.0, 40.0], (4, 4, 2))
        colours, pictures = np.kron(blocks, np.ones((2, 2, 1))), film(30)
        plant_film(library, "a.mp4", pictures, colours)
        plant_film(library, "red.mp4", pictures, -colours)
        boxed, bars = np.full((5, 32, 32), 16.0), np.zeros((8, 8, 2))
        for picture, whole in zip(boxed, pictures, strict=True):
            picture[4:28, 4:28] = cv2.resize(whole, (24, 24), interpolation=cv2.INTER_AREA)
        bars[1:7, 1:7] = cv2.resize(colours, (6, 6), interpolation=cv2.INTER_AREA)
        plant_film(library, "boxed.mp4", boxed, bars)
        assert matched(cli("dupes", library.root, "--json")) == {frozenset(("a.mp4", "boxed.mp4"))}

    def test_narrow_bars_around_a_pale_film(self, cli: Cli, library: Library) -> None:
        """However narrow: they are darker than all there is in it."""
        pale, blue = 170 + film(40) / 9, np.full((8, 8, 2), 40.0)
        plant_film(library, "a.mp4", pale, blue)
        boxed = np.full((5, 32, 32), 16.0)
        for picture, whole in zip(boxed, pale, strict=True):
            picture[1:31] = cv2.resize(whole, (32, 30), interpolation=cv2.INTER_AREA)
        plant_film(library, "boxed.mp4", boxed, blue)
        assert matched(cli("dupes", library.root, "--json")) == {frozenset(("a.mp4", "boxed.mp4"))}

    def test_the_same_subtitles_shifted(self, cli: Cli, library: Library) -> None:
        """Over two films that hardly move, the same words make no copy; over one film they do."""
        words = np.random.default_rng(9).uniform(16, 235, (60, 2, 10))

        def timeline(name: str, wall: int, begin: int) -> None:
            picture = np.random.default_rng(wall).uniform(40, 220, (16, 16))
            luma = np.stack([picture] * 48)
            for number, frame in enumerate(luma, begin):
                if number % 6:
                    frame[12:14, 3:13] = words[number // 6]
            plant_film(library, name, film(10 * wall + begin), duration=24.0)
            luma = luma.round().astype(np.uint8)
            record = {
                "interval": 0.5,
                "side": 16,
                "luma": base64.b64encode(luma.tobytes()).decode(),
            }
            library.artifact(f"{name}.phash.deep.json").write_text(json.dumps(record))

        timeline("a.mp4", 1, 0)
        timeline("b.mp4", 2, 5)
        assert matched(cli("dupes", library.root, "--deep", "--json")) == set()
        timeline("later.mp4", 1, 5)
        found = cli("dupes", library.root, "--deep", "--json").json["pairs"]
        assert {(pair["a"], pair["b"], pair["kind"]) for pair in found} == {
            ("a.mp4", "later.mp4", "shifted")
        }

    def test_a_countdown(self, cli: Cli, library: Library) -> None:
        """A few digits on black are not enough to tell a film by."""
        for name in ("a.mp4", "b.mp4"):
            digits = np.full((5, 32, 32), 16.0)
            digits[:, 15:17, 13:18] = np.random.default_rng(3).uniform(16, 235, (5, 2, 5))
            plant_film(library, name, digits)
        assert matched(cli("dupes", library.root, "--json")) == set()

    def test_hashes_alone(self, cli: Cli, library: Library) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        plant(library, "b.mp4", hashes(1, 2, 3, 4, 5, noise=0.04))
        plant(library, "c.mp4", hashes(1, 2, 13, 14, 15))
        plant(library, "d.mp4", hashes(5, 4, 3, 2, 1))
        plant(library, "long.mp4", hashes(1, 2, 3, 4, 5), duration=130.0)
        run = cli("dupes", library.root, "--json")
        assert matched(run) == {frozenset(("a.mp4", "b.mp4"))}
        assert run.json["pairs"][0]["similarity"] == pytest.approx(0.96, abs=0.02)
        wide = cli("dupes", library.root, "--duration-tolerance", "40", "--json")
        assert frozenset(("a.mp4", "long.mp4")) in matched(wide)
        assert matched(cli("dupes", library.root, "--threshold", 0.99, "--json")) == set()

    def test_groups_are_not_chained(self, cli: Cli, library: Library) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        plant(library, "b.mp4", hashes(1, 2, 3, 4, 5, noise=0.05, salt=1))
        record = json.loads(library.artifact("b.mp4.phash.json").read_text())
        further = []
        for frame in record["frames"]:
            bits = int(frame["hash"], 16)
            for place in random.Random(frame["time"]).sample(range(1024), 51):
                bits ^= 1 << place
            further.append(f"{bits:0256x}")
        plant(library, "c.mp4", further)
        run = cli("dupes", library.root, "--json")
        assert matched(run) == {frozenset(("a.mp4", "b.mp4")), frozenset(("b.mp4", "c.mp4"))}
        for group in run.json["groups"]:
            for match in group["matches"]:
                assert frozenset((group["keeper"], match)) in matched(run)

    def test_folders_are_looked_at_once(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "sub/b.mp4"):
            plant(library, name, hashes(1, 2, 3, 4, 5))
        with Audit() as audit:
            run = cli("dupes", library.root, "-r", "--json")
        assert matched(run) == {frozenset(("a.mp4", "sub/b.mp4"))}
        listed = [path for path in audit.listed if path.is_relative_to(library.root)]
        assert len(listed) == len(set(listed)) == 4

    def test_flat_frames_do_not_count(self, cli: Cli, library: Library) -> None:
        for name, seeds in (("a.mp4", (1, 2, 3, 4)), ("b.mp4", (21, 22, 23, 24))):
            video = plant(library, name, [*hashes(*seeds), "0" * 256])
            path = library.artifact(f"{video.name}.phash.json")
            record = json.loads(path.read_text())
            record["frames"][4]["flat"] = True
            path.write_text(json.dumps(record))
        assert matched(cli("dupes", library.root, "--json")) == set()

    def test_exact_copies_need_no_hash(self, cli: Cli, library: Library) -> None:
        library.add_bytes("a.mp4", b"x" * 100_000)
        library.add_bytes("b.mp4", b"x" * 100_000)
        library.add_bytes("c.mp4", b"y" * 100_000)
        swapped = bytearray(b"x" * 300_000)
        library.add_bytes("d.mp4", bytes(swapped))
        swapped[150_000] = 0  # in the middle, where oshash does not look
        library.add_bytes("e.mp4", bytes(swapped))
        os.link(library.root / "a.mp4", library.root / "linked.mp4")
        (library.root / "pointer.mp4").symlink_to("a.mp4")
        os.utime(library.root / "a.mp4", (1e9 + 60, 1e9 + 60))
        os.utime(library.root / "b.mp4", (1e9, 1e9))
        run = cli("dupes", library.root, "--json")
        assert matched(run) == {frozenset(("a.mp4", "b.mp4"))}
        (pair,) = run.json["pairs"]
        assert (pair["kind"], pair["similarity"]) == ("exact", 1.0)
        (group,) = run.json["groups"]
        assert group["keeper"] == "b.mp4"
        assert group["reason"] == "oldest: 2001-09-09 01:46:40, the next 2001-09-09 01:47:40"

    def test_exact_copies_are_no_better_for_having_metadata(
        self, cli: Cli, library: Library
    ) -> None:
        for name, moment in (("old.mp4", 1e9), ("new.mp4", 1e9 + 60)):
            os.utime(library.add("short.mp4", name), (moment, moment))
        assert cli("meta", library.root, "--only", "new.mp4").code == 0
        (group,) = cli("dupes", library.root, "--json").json["groups"]
        assert group["keeper"] == "old.mp4"
        assert group["reason"].startswith("oldest: ")

    def test_what_is_stale_is_not_believed(self, cli: Cli, library: Library) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        video = plant(library, "b.mp4", hashes(1, 2, 3, 4, 5))
        video.write_bytes(b"something else")
        library.keep(video)
        run = cli("dupes", library.root, "--json")
        assert matched(run) == set()
        assert run.json["without_hash"] == 1
        assert "--compute" in cli("dupes", library.root).out

    @pytest.mark.parametrize(
        "record",
        [
            "[]",
            "{",
            '{"frames": 3}',
            '{"frames": [], "algorithm": "ahash"}',
            '{"frames": [{"time": "x", "hash": "zz", "flat": 0}], "algorithm": "ahash"}',
            '{"frames": [{"time": 1e999, "hash": "00"}], "algorithm": "dct"}',
            '{"duration": 5, "signature": [1, 2, 3, 4, 5]}',
            '{"duration": 5, "signature": {"luma": []}}',
            '{"duration": null, "frames": [null], "algorithm": ["x"], "source": 5}',
            '{"duration": -1, "frames": [], "algorithm": "dct", "source": {"size": "x"}}',
        ],
    )
    def test_hostile_artifacts(self, cli: Cli, library: Library, record: str) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        plant(library, "b.mp4", hashes(1, 2, 3, 4, 5, noise=0.02))
        plant(library, "bad.mp4", hashes(1, 2, 3, 4, 5))
        library.artifact("bad.mp4.phash.json").write_text(record)
        library.artifact("bad.mp4.phash.deep.json").write_text(record)
        library.artifact("a.mp4.ffprobe.json").write_text(record)
        library.artifact(".dupes.ignored.json").write_text('{"pairs": [1, {"a": 2}, {"a": {}}]}')
        found = matched(cli("dupes", library.root, "--deep", "--json"))
        assert found == {frozenset(("a.mp4", "b.mp4"))}

    @pytest.mark.parametrize(
        "more",
        [
            {"frames": [], "duration": 5},
            {"signature": [{"luma": "", "chroma": ""}] * 5},
            {"width": 1e308, "height": 1e308},
            {"duration": 1e308},
        ],
    )
    def test_absurd_numbers(self, cli: Cli, library: Library, more: dict[str, Any]) -> None:
        """In artifacts that are as fresh as any, and in metadata."""
        for name, own in (("a.mp4", {}), ("b.mp4", more), ("c.mp4", {})):
            plant(library, name, **{"frames": hashes(1, 2, 3, 4, 5), **own})
        source = json.loads(library.artifact("c.mp4.phash.json").read_text())["source"]
        picture = {"codec_type": "video", "width": 9**99, "height": 2, "avg_frame_rate": "9/1e-300"}
        record = {
            "source": source,
            "files": [],
            "streams": [picture],
            "format": {"duration": "1e308"},
        }
        library.artifact("c.mp4.ffprobe.json").write_text(json.dumps(record))
        for words in ((), ("--deep",)):
            run = cli("dupes", library.root, *words, "--json")
            assert frozenset(("a.mp4", "c.mp4")) in matched(run)
            assert cli("dupes", library.root, *words).code == 0

    def test_the_first_ones_only(self, cli: Cli, library: Library) -> None:
        for name in "abcdef":
            plant(library, f"{name}.mp4", hashes(1, 2, 3, 4, 5, noise=0.01, salt=ord(name)))
        run = cli("dupes", library.root, "--limit", 4, "--json")
        assert len(run.json["pairs"]) == 4
        assert run.json["total_pairs"] == 15
        for name in "gh":
            plant(library, f"{name}.mp4", hashes(6, 7, 8, 9, 10, noise=0.01, salt=ord(name)))
        told = cli("dupes", library.root, "--limit", 1).out
        assert "2 groups among" in told and "the first 1 of them are dealt with" in told

    @pytest.mark.parametrize(
        "args",
        [
            ("--threshold", "2"),
            ("--limit", "-1"),
            ("--duration-tolerance", "long"),
            ("--quorum", "0"),
            ("--apply", "delete"),
            ("--ignore", "a.mp4"),
            ("--html", "nowhere/at/all.html"),
            ("--undo",),
        ],
    )
    def test_bad_requests(self, cli: Cli, library: Library, args: tuple[str, ...]) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        run = cli("phash-dupes", library.root, *args)
        assert run.code == 2
        assert args[0].lstrip("-")[:6] in run.err or "take back" in run.err


@pytest.fixture
def twins(library: Library) -> Library:
    """Two copies of one film, the larger one tagged, and a third film."""
    plant(library, "keep.mp4", hashes(1, 2, 3, 4, 5), width=1920, height=1080, sound=[])
    plant(library, "go.mp4", hashes(1, 2, 3, 4, 5, noise=0.02), width=640, height=360, sound=[])
    plant(library, "other.mp4", hashes(11, 12, 13, 14, 15))
    library.artifact("go.mp4.jpg").write_bytes(b"picture")
    tags = {"video": "go.mp4", "tags": ["Night", "rain"], "performers": ["Jane Doe"]}
    library.artifact("go.mp4.tags.json").write_text(json.dumps(tags))
    kept = {"video": "keep.mp4", "tags": ["night"], "performers": [], "mine": 1}
    library.artifact("keep.mp4.tags.json").write_text(json.dumps(kept))
    return library


def tree(root: Path) -> dict[str, bytes]:
    """Every file below a folder that is not in a journal."""
    paths = [path for path in root.rglob("*") if path.is_file() and ".journal" not in path.parts]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


class TestApply:
    def test_trash_and_undo(self, cli: Cli, twins: Library) -> None:
        before = tree(twins.root)
        assert cli("dupes", twins.root, "--apply", "report").code == 0
        assert tree(twins.root) == before
        run = cli("dupes", twins.root, "--apply", "trash", "--json")
        assert run.code == 0, run.err
        (action,) = run.json["applied"]
        assert (action["video"], action["keeper"]) == ("go.mp4", "keep.mp4")
        assert action["action"] == "trashed"
        assert not (twins.root / "go.mp4").exists()
        assert (twins.root / "keep.mp4").exists()
        assert not [name for name in twins.artifacts() if name.startswith("go.mp4")]
        kept = twins.json("keep.mp4.tags.json")
        assert kept["tags"] == ["night", "rain"]
        assert kept["performers"] == ["Jane Doe"]
        assert kept["mine"] == 1
        trashed = [p.name for p in (twins.root / ".artifacts/.trash").rglob("*") if p.is_file()]
        assert sorted(trashed) == ["go.mp4", "go.mp4.jpg", "go.mp4.phash.json", "go.mp4.tags.json"]
        assert matched(cli("dupes", twins.root, "--json")) == set()
        undone = cli("dupes", twins.root, "--undo", "--json")
        assert undone.code == 0, undone.err
        assert undone.json["videos"] == ["go.mp4"]
        assert tree(twins.root) == before
        again = cli("dupes", twins.root, "--undo")
        assert again.code == 2 and "left to take back" in again.err

    def test_hard_links_and_undo(self, cli: Cli, library: Library) -> None:
        library.add_bytes("a.mp4", b"x" * 100_000)
        copy = library.add_bytes("b.mp4", b"x" * 100_000)
        plant(library, "c.mp4", hashes(1, 2, 3, 4, 5))
        plant(library, "d.mp4", hashes(1, 2, 3, 4, 5, noise=0.02))
        inode = copy.stat().st_ino
        run = cli("dupes", library.root, "--apply", "hardlink", "--json")
        assert run.code == 0, run.err
        actions = {action["action"]: action for action in run.json["applied"]}
        assert "exact" in actions["left"]["reason"]
        assert (library.root / "a.mp4").samefile(copy)
        assert matched(cli("dupes", library.root, "--json")) == {frozenset(("c.mp4", "d.mp4"))}
        assert cli("dupes", library.root, "--undo").code == 0
        assert copy.stat().st_ino == inode
        assert not (library.root / "a.mp4").samefile(copy)

    def test_what_changed_is_left_alone(
        self, cli: Cli, twins: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between comparing and moving somebody writes to the copy, or to the one to keep."""
        for name in ("go.mp4", "keep.mp4"):
            original = DuplicateRemoval.carry_out

            def meddle(self: Any, *args: Any, name: str = name, original: Any = original) -> Any:
                os.utime(twins.root / name, (time.time(), time.time() - 3))
                return original(self, *args)

            with monkeypatch.context() as patch:
                patch.setattr(DuplicateRemoval, "carry_out", meddle)
                run = cli("dupes", twins.root, "--apply", "trash", "--json")
            (action,) = run.json["applied"]
            assert action["action"] == "left" and run.code == 1
            assert "changed" in action["reason"]
            assert (twins.root / "go.mp4").exists()

    def test_two_runs_of_two_minds_leave_one_copy(
        self, cli: Cli, twins: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While one run has yet to begin, another throws away what that one means to keep."""
        before, original = tree(twins.root), DuplicateRemoval.carry_out

        def late(self: Any, *args: Any) -> Any:
            monkeypatch.setattr(DuplicateRemoval, "carry_out", original)
            other = cli("dupes", twins.root, "--apply", "trash", "--keep", "go.mp4", "--json")
            assert [action["video"] for action in other.json["applied"]] == ["keep.mp4"]
            return original(self, *args)

        monkeypatch.setattr(DuplicateRemoval, "carry_out", late)
        run = cli("dupes", twins.root, "--apply", "trash", "--json")
        assert [action["action"] for action in run.json["applied"]] == ["left"]
        assert (twins.root / "go.mp4").exists() and not (twins.root / "keep.mp4").exists()
        assert cli("dupes", twins.root, "--undo").code == 0
        assert tree(twins.root) == before

    @pytest.mark.parametrize("name", ["go.mp4", "keep.mp4"])
    def test_a_corrupt_tags_file_keeps_its_video(self, cli: Cli, twins: Library, name: str) -> None:
        twins.artifact(f"{name}.tags.json").write_text("{")
        run = cli("dupes", twins.root, "--apply", "trash", "--json")
        (action,) = run.json["applied"]
        assert action["action"] == "left" and run.code == 1
        assert f"{name}.tags.json is corrupt" in action["reason"]
        assert (twins.root / "go.mp4").exists()

    def test_all_or_nothing_at_every_step(
        self, cli: Cli, twins: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = tree(twins.root)
        for failing in range(12):
            steps = iter(range(100))

            def watch(step: str, steps: Iterator[int] = steps, failing: int = failing) -> None:
                if next(steps) == failing:
                    raise OSError(28, "No space left on device", "somewhere")

            monkeypatch.setattr("videolib.storage.steps.checkpoint", watch)
            run = cli("dupes", twins.root, "--apply", "trash")
            monkeypatch.setattr("videolib.storage.steps.checkpoint", lambda step: None)
            if run.code == 0:
                break
            assert "nothing was changed" in run.err
            assert tree(twins.root) == before
        assert failing > 5
        twins.forget(twins.root / "go.mp4")
        assert not (twins.root / "go.mp4").exists()


class TestKilled:
    """Whatever moment it ends at: all files are there, and it is finished or taken back."""

    @pytest.fixture
    def copies(self, tmp_path: Path) -> Library:
        library = Library(tmp_path / "copies", tmp_path)
        library.root.mkdir()
        return library

    def fill(self, library: Library) -> dict[str, bytes]:
        shutil.rmtree(library.root)
        plant(library, "keep.mp4", hashes(1, 2, 3, 4, 5), width=1920, height=1080, sound=[])
        plant(library, "go.mp4", hashes(1, 2, 3, 4, 5, noise=0.02), width=640, height=360, sound=[])
        record = {"video": "go.mp4", "tags": ["night"], "performers": []}
        library.artifact("go.mp4.tags.json").write_text(json.dumps(record))
        return tree(library.root)

    @pytest.mark.parametrize("way", ["--recover", "--undo"])
    def test_trash_at_every_step(self, cli: Cli, copies: Library, fault: Fault, way: str) -> None:
        for at in itertools.count():
            before = self.fill(copies)
            fault.set(at)
            try:
                cli("dupes", copies.root, "--apply", "trash")
            except Killed:
                fault.set(-1)
                assert cli("dupes", copies.root, "--apply", "trash").code in (0, 1)
                assert cli("rename", way, "-d", copies.root).code == 0
            else:
                break
            if way == "--recover":
                assert copies.json("keep.mp4.tags.json")["tags"] == ["night"]
                assert not (copies.root / "go.mp4").exists()
                assert cli("dupes", copies.root, "--undo").code == 0
            assert tree(copies.root) == before
        assert at > 6

    @pytest.mark.slow
    @pytest.mark.parametrize("at", range(9))
    def test_hard_links_for_real(self, cli: Cli, copies: Library, at: int) -> None:
        for name in ("a.mp4", "b.mp4"):
            copies.add_bytes(name, b"x" * 100_000)
        code = (
            "import index, itertools, os, sys\n"
            "from videolib.storage import steps\n"
            "moments = itertools.count()\n"
            f"steps.checkpoint = lambda moment: next(moments) == {at} and os.kill(os.getpid(), 9)\n"
            "index.main(sys.argv[1:])\n"
        )
        words = ["dupes", str(copies.root), "--apply", "hardlink"]
        paths = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", code, *words], env=paths, check=False)
        assert done.returncode == (-9 if at < 8 else 0)
        if at < 8:
            assert cli("rename", "--recover", "-d", copies.root).code == 0
        copies.check()
        assert cli("dupes", copies.root, "--undo").code in (0, 2)
        copies.check()
        assert not (copies.root / "a.mp4").samefile(copies.root / "b.mp4")


class TestPicking:
    """A person picks what goes, and may know better which one stays."""

    @pytest.fixture
    def three(self, library: Library) -> Library:
        for number, name in enumerate(("best.mp4", "b.mp4", "c.mp4")):
            frames = hashes(1, 2, 3, 4, 5, noise=0.01 * number)
            plant(library, name, frames, width=1920 >> number, height=1080 >> number, sound=[])
        plant(library, "x.mp4", hashes(11, 12, 13, 14, 15), sound=[])
        plant(library, "y.mp4", hashes(11, 12, 13, 14, 15, noise=0.02), sound=[])
        return library

    def test_what_is_no_exact_copy_is_no_link(self, cli: Cli, three: Library) -> None:
        run = cli("dupes", three.root, "--apply", "hardlink")
        assert run.code == 0 and "left b.mp4: is no exact copy" in run.out
        assert run.out.endswith("\nnothing was changed\n")

    def test_only_those_picked(self, cli: Cli, three: Library) -> None:
        before = tree(three.root)
        args = ("dupes", three.root, "--only", "c.mp4", "--limit", 1)
        run = cli(*args, "--json")
        (group,) = run.json["groups"]
        assert (group["keeper"], group["matches"]) == ("best.mp4", ["c.mp4"])
        assert tree(three.root) == before
        run = cli(*args, "--apply", "trash", "--json")
        assert run.code == 0, run.err
        assert [action["video"] for action in run.json["applied"]] == ["c.mp4"]
        left = before.keys() - {"c.mp4", ".artifacts/c.mp4.phash.json"}
        assert contents(three.root).keys() == left
        assert cli("dupes", three.root, "--undo").code == 0
        assert tree(three.root) == before

    def test_what_is_no_match(self, cli: Cli, three: Library) -> None:
        """Neither the one to keep goes, nor what is alone; the others that were picked do."""
        before = tree(three.root)
        run = cli("dupes", three.root, "--apply", "trash", "--only", "best.mp4", "y.mp4", "--json")
        assert run.code == 1
        assert "best.mp4: is no match" in run.err
        (action,) = run.json["applied"]
        assert action["video"] in ("x.mp4", "y.mp4")
        assert cli("dupes", three.root, "--undo").code == 0
        run = cli("dupes", three.root, "--apply", "trash", "--only", "gone.mp4")
        assert run.code == 2
        assert "gone.mp4" in run.err
        assert tree(three.root) == before

    def test_another_to_keep(self, cli: Cli, three: Library) -> None:
        args = ("dupes", three.root, "--keep", "c.mp4", "--only", "best.mp4")
        run = cli(*args, "--apply", "trash", "--json")
        assert run.code == 0, run.err
        (group,) = run.json["groups"]
        assert (group["keeper"], group["reason"]) == ("c.mp4", "chosen with --keep")
        three.forget(three.root / "best.mp4")
        assert not (three.root / "best.mp4").exists()
        assert (three.root / "b.mp4").exists()

    def test_several_to_keep(self, cli: Cli, three: Library) -> None:
        shutil.copyfile(three.root / "best.mp4", three.root / "copy.mp4")
        three.keep(three.root / "copy.mp4")
        keep = ("best.mp4", "copy.mp4", "c.mp4", "x.mp4")
        run = cli("dupes", three.root, "--keep", *keep, "--json")
        assert run.code == 0, run.err
        matches = [match for group in run.json["groups"] for match in group["matches"]]
        assert sorted(matches) == ["b.mp4", "y.mp4"]
        run = cli("dupes", three.root, "--keep", "lost.mp4", "--apply", "trash")
        assert (run.code, "lost.mp4" in run.err) == (2, True)

    def test_as_jobs(self, served: Served, library: Library, cli: Cli) -> None:
        for number, name in enumerate(("sub/best.mp4", "sub/b.mp4", "sub/c.mp4")):
            frames = hashes(1, 2, 3, 4, 5, noise=0.01 * number)
            plant(library, name, frames, width=1920 >> number, height=1080 >> number, sound=[])
        before = tree(library.root)
        job = served.job("dupes", directory="sub", params={"apply": "trash", "only": ["b.mp4"]})
        assert (job["status"], job["error"]) == ("done", None)
        assert job["result"]["applied"][0]["action"] == "trashed"
        assert not (library.root / "sub/b.mp4").exists()
        job = served.job("dupes", directory="sub", params={"undo": True})
        assert (job["status"], tree(library.root)) == ("done", before)
        job = served.job("dupes", directory="sub", params={"undo": True})
        assert (job["status"], "take back" in job["error"]) == ("error", True)
        job = served.job("dupes", directory="sub", params={"ignore": ["b.mp4", "best.mp4"]})
        assert job["result"] == {"ignored": ["b.mp4", "best.mp4"]}
        (group,) = served.job("dupes", directory="sub")["result"]["groups"]
        assert group["matches"] == ["c.mp4"]
        for name in ("../../x.mp4", "/etc/passwd", "gone.mp4"):
            job = served.job("dupes", directory="sub", params={"ignore": [name, "b.mp4"]})
            assert (job["status"], "no such video" in job["error"]) == ("error", True)

    @pytest.mark.slow
    def test_facts_to_pick_by(self, cli: Cli, three: Library) -> None:
        library = three
        library.add("bikes.mp4", "z.mp4")
        library.add("small_bikes.mp4", "a.mp4")
        cli("phash,meta", library.root)
        groups = {g["keeper"]: g for g in cli("dupes", library.root, "--json").json["groups"]}
        facts = groups["z.mp4"]["details"]["a.mp4"]
        assert (facts["width"], facts["vcodec"]) == (320, "h264")
        assert facts["bit_rate"] == pytest.approx(facts["size"] * 8 / facts["duration"], abs=1)
        assert facts["kind"] == "similar"
        unknown = groups["best.mp4"]["details"]["b.mp4"]
        assert (unknown["duration"], unknown["bit_rate"]) == (0, 0)


class TestIgnore:
    def test_it_is_remembered(self, cli: Cli, library: Library) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        plant(library, "b.mp4", hashes(1, 2, 3, 4, 5, noise=0.02))
        plant(library, "c.mp4", hashes(1, 2, 3, 4, 5, noise=0.03))
        assert len(matched(cli("dupes", library.root, "--json"))) == 3
        run = cli("dupes", library.root, "--ignore", "a.mp4", library.root / "b.mp4", "--json")
        assert run.code == 0, run.err
        assert run.json == {"ignored": ["a.mp4", "b.mp4"]}
        pair = frozenset(("a.mp4", "b.mp4"))
        run = cli("dupes", library.root, "--json")
        assert len(matched(run)) == 2
        assert pair not in matched(run)
        for group in run.json["groups"]:
            for match in group["matches"]:
                assert frozenset((group["keeper"], match)) != pair
        (library.root / "a.mp4").rename(library.root / "new.mp4")
        library.forget(library.root / "a.mp4")
        home = library.root / ".artifacts"
        (home / "a.mp4.phash.json").rename(home / "new.mp4.phash.json")
        assert frozenset(("new.mp4", "b.mp4")) not in matched(cli("dupes", library.root, "--json"))

    def test_of_exact_copies_the_others_stay_matches(self, cli: Cli, library: Library) -> None:
        for number, name in enumerate("abc"):
            path = library.add_bytes(f"{name}.mp4", b"x" * 100_000)
            os.utime(path, (number + 1e9, number + 1e9))
        assert cli("dupes", library.root, "--ignore", "a.mp4", "c.mp4").code == 0
        (group,) = cli("dupes", library.root, "--json").json["groups"]
        assert (group["keeper"], group["matches"]) == ("a.mp4", ["b.mp4"])
        path.rename(path.with_name("d.mp4"))
        library.forget(path)
        assert cli("dupes", library.root, "--json").json["groups"] == [group]
        assert cli("dupes", library.root, "--unignore", "d.mp4", "a.mp4").code == 0
        (group,) = cli("dupes", library.root, "--json").json["groups"]
        assert group["matches"] == ["b.mp4", "d.mp4"]
        assert cli("dupes", library.root, "--unignore", "d.mp4", "a.mp4").code == 2

    def test_a_disk_that_does_not_confirm_it(self, cli: Cli, library: Library) -> None:
        """As with tags: the pair is stored, and a power failure could still undo that."""
        for name in ("a.mp4", "b.mp4"):
            library.add_bytes(name, b"x" * 1000)
        words = ("dupes", library.root, "--ignore", "a.mp4", "b.mp4")
        with disk_faults(library.root, 5, errno.EIO) as faults:
            run = cli(*words)
        assert faults.failed == [f"fsync {library.root}/.artifacts/."]
        assert run.code == 1
        assert ".dupes.ignored.json is stored, but the disk has not confirmed it" in run.err
        assert len(library.json(".dupes.ignored.json")["pairs"]) == 1

    def test_from_the_folder_above(self, cli: Cli, library: Library) -> None:
        plant(library, "sub/a.mp4", hashes(1, 2, 3, 4, 5))
        plant(library, "sub/b.mp4", hashes(1, 2, 3, 4, 5, noise=0.02))
        assert cli("dupes", library.root / "sub", "--ignore", "a.mp4", "b.mp4").code == 0
        assert matched(cli("dupes", library.root, "-r", "--json")) == set()
        words = ("--unignore", "sub/a.mp4", "sub/b.mp4")
        assert cli("dupes", library.root, *words, "--json").json == {"unignored": [*words[1:]]}
        assert len(matched(cli("dupes", library.root, "-r", "--json"))) == 1

    def test_no_such_video(self, cli: Cli, library: Library) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
        assert cli("dupes", library.root, "--ignore", "a.mp4", "a.mp4").code == 2
        run = cli("dupes", library.root, "--ignore", "a.mp4", "gone.mp4")
        assert run.code == 2
        assert "gone.mp4" in run.err

    @pytest.mark.parametrize("content", ["{", '{"pairs": [{"a": {"size": 1e999}, "b": {}}]}'])
    def test_a_corrupt_list_is_kept(self, cli: Cli, twins: Library, content: str) -> None:
        place = twins.artifact(".dupes.ignored.json")
        place.write_text(content)
        run = cli("dupes", twins.root, "--ignore", "keep.mp4", "go.mp4")
        assert run.code == 1
        assert "corrupt" in run.err
        assert place.read_text() == content

    @pytest.mark.parametrize("content", ["{", "[]", '{"pairs": 3}'])
    def test_nothing_is_thrown_away_without_the_list(
        self, cli: Cli, twins: Library, content: str
    ) -> None:
        """What was said to be no match must not go because a file cannot be read."""
        cli("dupes", twins.root, "--ignore", "keep.mp4", "go.mp4")
        twins.artifact(".dupes.ignored.json").write_text(content)
        before = contents(twins.root)
        run = cli("dupes", twins.root, "--apply", "trash", "--json")
        assert run.code == 1
        assert run.json == {
            "error": ".artifacts/.dupes.ignored.json is corrupt: mend it or move it away"
        }
        assert contents(twins.root) == before


def test_the_page(cli: Cli, library: Library, tmp_path: Path) -> None:
    name = '<script>alert(1)</script>&".mp4'
    plant(library, "a.mp4", hashes(1, 2, 3, 4, 5))
    library.add("bikes.mp4", name.replace("/", "_"))
    library.add("small_bikes.mp4", "b.mp4")
    cli("phash,thumbs", library.root)
    page = tmp_path / "page.html"
    assert cli("dupes", library.root, "--html", page).code == 0
    text = page.read_text()
    assert "<script" not in text
    assert "&lt;script&gt;alert" in text
    assert text.count("data:image/png;base64,") == 2
    assert text.count("data:image/jpeg;base64,") == 2
    assert "http" not in text


class TestAgain:
    """What was compared once is remembered in the catalogue for as long as it stays the same."""

    @pytest.fixture
    def compared(self, cli: Cli, library: Library) -> Library:
        for name in ("a.mp4", "b.mp4"):
            plant(library, name, hashes(1, 2, 3, 4, 5))
        plant(library, "other.mp4", hashes(9, 8, 7, 6, 11))
        run = cli("dupes", library.root, "--json")
        assert matched(run) == {frozenset(("a.mp4", "b.mp4"))}
        return library

    @staticmethod
    def spoil(library: Library, name: str) -> None:
        """Makes a hash unreadable, with the size and the time that it had."""
        record = library.root / f".artifacts/{name}.phash.json"
        seen = record.stat()
        record.write_bytes(b" " * seen.st_size)
        os.utime(record, ns=(seen.st_atime_ns, seen.st_mtime_ns))

    def test_nothing_is_read_that_did_not_change(self, cli: Cli, compared: Library) -> None:
        before = cli("dupes", compared.root, "--json")
        for name in ("a.mp4", "b.mp4", "other.mp4"):
            self.spoil(compared, name)
        assert cli("dupes", compared.root, "--json").json == before.json

    def test_other_rules_compare_anew(self, cli: Cli, compared: Library) -> None:
        self.spoil(compared, "a.mp4")
        run = cli("dupes", compared.root, "--threshold", 0.9, "--json")
        assert (matched(run), run.json["without_hash"]) == (set(), 1)

    def test_another_matcher_compares_anew(
        self, cli: Cli, compared: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.spoil(compared, "a.mp4")
        assert cli("dupes", compared.root, "--json").json["without_hash"] == 0
        monkeypatch.setattr("videolib.duplicates.search.MATCHER_VERSION", MATCHER_VERSION + 1)
        run = cli("dupes", compared.root, "--json")
        assert (matched(run), run.json["without_hash"]) == (set(), 1)

    @pytest.mark.slow
    def test_an_update_of_the_program_forgets_nothing(
        self, cli: Cli, compared: Library, tmp_path: Path
    ) -> None:
        """Files of other sizes and times, in another place, with the same matcher."""
        before = cli("dupes", compared.root, "--json")
        self.spoil(compared, "a.mp4")
        updated = tmp_path / "updated"
        shutil.copytree(ROOT / "videolib", updated / "videolib", copy_function=shutil.copyfile)
        shutil.copyfile(ROOT / "index.py", updated / "index.py")
        for path in updated.rglob("*.py"):
            path.write_text(path.read_text() + "# updated\n")
        words = [sys.executable, "index.py", "dupes", str(compared.root), "--json"]
        answer = subprocess.run(words, cwd=updated, capture_output=True, check=True).stdout
        assert json.loads(answer) == before.json

    def test_a_new_one_is_compared_with_all(self, cli: Cli, compared: Library) -> None:
        plant(compared, "new.mp4", hashes(9, 8, 7, 6, 11))
        run = cli("dupes", compared.root, "--json")
        pairs = {frozenset(("a.mp4", "b.mp4")), frozenset(("new.mp4", "other.mp4"))}
        assert matched(run) == pairs
        (compared.root / "b.mp4").unlink()
        compared.forget(compared.root / "b.mp4")
        run = cli("dupes", compared.root, "--json")
        assert matched(run) == {frozenset(("new.mp4", "other.mp4"))}

    def test_one_that_changed_is_compared_again(self, cli: Cli, compared: Library) -> None:
        plant(compared, "b.mp4", hashes(9, 8, 7, 6, 11))
        run = cli("dupes", compared.root, "--json")
        assert matched(run) == {frozenset(("b.mp4", "other.mp4"))}

    def test_a_pair_that_left_and_came_back(self, cli: Cli, compared: Library) -> None:
        before = cli("dupes", compared.root, "--json")
        assert cli("dupes", compared.root, "--apply", "trash", "--keep", "a.mp4").code == 0
        assert matched(cli("dupes", compared.root, "--json")) == set()
        assert cli("dupes", compared.root, "--undo").code == 0
        assert cli("dupes", compared.root, "--json").json["pairs"] == before.json["pairs"]


def speak(library: Library, name: str, *languages: str, scale: int = 1) -> Path:
    """A copy of one clip, that many times as large, with an audio track in each language."""
    path = library.root / name
    source = media.clip("bikes.mp4", library.clips)

    def encode_silent(film: Path) -> None:
        media.ffmpeg("-t", 3, "-i", source, "-an", "-vf", f"scale=iw*{scale}:-2", *media.H264, film)

    silent = media.make_once(library.clips / f"bikes-times-{scale}.mp4", encode_silent)
    argv: list[object] = ["-i", silent]
    for n in range(len(languages)):
        argv += ["-f", "lavfi", "-t", 3, "-i", f"sine={300 + 100 * n}"]
    argv += ["-map", "0:v", *(p for n in range(len(languages)) for p in ("-map", n + 1))]
    for n, language in enumerate(languages):
        argv += [f"-metadata:s:a:{n}", f"language={language}"]
    media.ffmpeg(*argv, "-c:v", "copy", path)
    return path


class TestSound:
    """What is heard is not thrown away for what lacks it."""

    @pytest.fixture
    def dupes(self, cli: Cli, library: Library) -> Callable[..., Run]:
        def run(*flags: object, made_by: str = "phash", ext: str = "mp4,mkv") -> Run:
            assert cli(made_by, library.root, "--ext", ext).code == 0
            return cli("dupes", library.root, "--ext", ext, "--json", *flags)

        return run

    @pytest.mark.slow
    @pytest.mark.parametrize("made_by", ["phash", "meta,phash"])
    def test_the_keeper_has_sound(
        self, library: Library, dupes: Callable[..., Run], made_by: str
    ) -> None:
        speak(library, "en.mp4", "eng")
        speak(library, "enlarged.mp4", scale=2)
        run = dupes("--apply", "trash", made_by=made_by)
        (group,) = run.json["groups"]
        assert (group["keeper"], group["matches"]) == ("en.mp4", ["enlarged.mp4"])
        assert group["reason"] == "with sound: audio en against no sound"
        assert group["details"]["en.mp4"]["languages"] == ["en"]
        assert group["details"]["enlarged.mp4"]["languages"] == []
        assert [a["action"] for a in run.json["applied"]] == ["trashed"]
        assert (library.root / "en.mp4").exists()

    @pytest.mark.parametrize("apply", ["trash", "hardlink"])
    def test_the_only_one_with_sound_stays(
        self, library: Library, dupes: Callable[..., Run], apply: str
    ) -> None:
        """Also where another order of what counts keeps the other."""
        speak(library, "en.mp4", "eng")
        speak(library, "enlarged.mp4", scale=2)
        run = dupes("--apply", apply, "--prefer", "height:")
        (group,) = run.json["groups"]
        assert (group["keeper"], run.code) == ("enlarged.mp4", 0)
        assert group["details"]["en.mp4"]["sound_note"] == (
            "has sound, and the one to keep has none"
        )
        (action,) = run.json["applied"]
        assert action["action"] == "left"
        assert (library.root / "en.mp4").exists()
        run = dupes("--apply", "trash", "--keep", "enlarged.mp4")
        assert [a["action"] for a in run.json["applied"]] == ["trashed"]
        assert not (library.root / "en.mp4").exists()

    @pytest.mark.parametrize(
        ("smaller", "larger", "note"),
        [
            (("eng",), ("ger",), "has sound in en, and the one to keep only in de"),
            (("eng", "ger"), ("ger",), "has sound in en, and the one to keep only in de"),
            (("ger",), ("eng", "ger"), ""),
            (("eng",), ("eng",), ""),
            (("eng",), ("und",), ""),
            (("und",), ("eng",), ""),
            (("eng", "ger"), ("und",), "has sound in de, en, and the one to keep only in und"),
            ((), ("eng",), ""),
        ],
    )
    def test_another_language(
        self,
        library: Library,
        dupes: Callable[..., Run],
        smaller: tuple[str, ...],
        larger: tuple[str, ...],
        note: str,
    ) -> None:
        speak(library, "small.mkv", *smaller)
        speak(library, "large.mp4", *larger, scale=2)
        run = dupes("--apply", "trash")
        (group,) = run.json["groups"]
        assert group["keeper"] == "large.mp4"
        assert group["details"]["small.mkv"]["sound_note"] == note
        (action,) = run.json["applied"]
        assert action["action"] == ("left" if note else "trashed")

    def test_it_is_shown(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5), width=640, height=360, sound=["en"])
        frames = hashes(1, 2, 3, 4, 5, noise=0.02)
        plant(library, "b.mp4", frames, width=320, height=180, sound=["de", "fr"])
        page = tmp_path / "page.html"
        run = cli("dupes", library.root, "--apply", "trash", "--html", page)
        note = "has sound in de, fr, and the one to keep only in en"
        assert f"           {note}\n" in run.out
        assert f"left b.mp4: {note}; --keep says which one is to stay\n" in run.out
        assert note in page.read_text()

    @pytest.mark.parametrize(
        ("one", "other"), [(None, None), (None, ["en"]), ([], None), (["en"], None), ("x", [1])]
    )
    def test_what_is_not_known_may_be_the_only_one(
        self, cli: Cli, library: Library, one: Any, other: Any
    ) -> None:
        """A phash artifact of an earlier version, or a spoilt one, and no metadata."""
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5), width=640, height=360, sound=one)
        frames = hashes(1, 2, 3, 4, 5, noise=0.02)
        plant(library, "b.mp4", frames, width=320, height=180, sound=other)
        run = cli("dupes", library.root, "--apply", "trash", "--json")
        (action,) = run.json["applied"]
        assert (run.code, action["action"]) == (0, "left")
        assert "not known: run meta first" in action["reason"]

    def test_exact_copies_need_not_be_known(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add_bytes(name, b"x" * 1000)
        run = cli("dupes", library.root, "--apply", "hardlink", "--json")
        assert [a["action"] for a in run.json["applied"]] == ["hardlinked"]

    def test_in_the_api(self, served: Served, library: Library) -> None:
        plant(library, "a.mp4", hashes(1, 2, 3, 4, 5), width=640, height=360, sound=["en"])
        frames = hashes(1, 2, 3, 4, 5, noise=0.02)
        plant(library, "b.mp4", frames, width=320, height=180, sound=["de"])
        (group,) = served.get("/phash/duplicates")["groups"]
        assert "resolution" in group["reason"]
        assert "has sound in de" in group["details"]["b.mp4"]["sound_note"]
        (group,) = served.get("/phash/duplicates?prefer=-height:")["groups"]
        assert (group["keeper"], group["reason"]) == ("b.mp4", "lowest: 180 against 360")
        job = served.job("dupes", params={"prefer": "ext:mp4 -height:"})
        assert job["result"]["groups"][0]["keeper"] == "b.mp4"
        assert "no such word" in served.get("/phash/duplicates?prefer=x", status=400)["detail"]


class TestPreferences:
    """The order of what counts, in words of queries."""

    @pytest.fixture
    def films(self, library: Library) -> Library:
        for number, name in enumerate(("films/a.mp4", "old films/a.mp4", "z.mp4")):
            frames = hashes(1, 2, 3, 4, 5, noise=0.01 * number)
            width, height = 1920 >> number, 1080 >> number
            plant(library, name, frames, width=width, height=height, sound=["en"])
            os.utime(library.root / name, (1e9 + number, 1e9 + number))
        return library

    @pytest.mark.parametrize(
        ("prefer", "keeper", "reason"),
        [
            ("", "films/a.mp4", "highest resolution: 1920x1080 against 960x540"),
            ("path:/films", "films/a.mp4", "preferred by path:/films"),
            ("path:old*", "old films/a.mp4", "preferred by path:old*"),
            ('path:"old films/"', "old films/a.mp4", "preferred by path:old films/"),
            ("-path:films", "z.mp4", "preferred by -path:films"),
            ("name:z -height:", "z.mp4", "preferred by name:z"),
            ("ext:mkv path:films -height:", "old films/a.mp4", "lowest: 540 against 1080"),
            ("codec:hevc height:", "films/a.mp4", "highest: 1080 against 540"),
            ("added:", "z.mp4", "newest: 2001-09-09 01:46:42, the next 2001-09-09 01:46:41"),
            ("-added:", "films/a.mp4", "oldest: 2001-09-09 01:46:40, the next 2001-09-09 01:46:41"),
            ("-resolution:", "z.mp4", "lowest resolution: 480x270 against 960x540"),
            ("tag:best", "z.mp4", "preferred by tag:best"),
        ],
    )
    def test_the_first_that_differs_decides(
        self, cli: Cli, films: Library, prefer: str, keeper: str, reason: str
    ) -> None:
        tags = {"video": "z.mp4", "tags": ["best"], "performers": []}
        films.artifact("z.mp4.tags.json").write_text(json.dumps(tags))
        run = cli("dupes", films.root, "-r", "--prefer", prefer, "--json")
        (group,) = run.json["groups"]
        assert (group["keeper"], group["reason"]) == (keeper, reason)

    def test_exact_copies(self, cli: Cli, library: Library) -> None:
        for number, name in enumerate(("old/a.mp4", "films/a.mp4")):
            library.add_bytes(name, b"x" * 1000)
            os.utime(library.root / name, (1e9 + number, 1e9 + number))
        (group,) = cli("dupes", library.root, "-r", "--json").json["groups"]
        assert group["keeper"] == "old/a.mp4"
        run = cli("dupes", library.root, "-r", "--prefer", "height: path:/films", "--json")
        (group,) = run.json["groups"]
        assert (group["keeper"], group["reason"]) == ("films/a.mp4", "preferred by path:/films")

    @pytest.mark.parametrize(
        ("prefer", "message"),
        [
            ("heigth:", "--prefer heigth:: no such word; there are sound:, resolution:"),
            ("height", "--prefer height: no such word"),
            ("codec:", "--prefer codec:: no such word"),
            ("sound:en", "--prefer sound:en: no such word"),
            ("a OR b", "no such word"),
            ("codek:hevc", "and with a value tag, performer, name, path"),
            ("height:tall", "height:tall: not a number"),
            ('path:"films', "quote is not closed"),
        ],
    )
    def test_words_that_are_none(self, cli: Cli, films: Library, prefer: str, message: str) -> None:
        run = cli("dupes", films.root, "--compute", "--prefer", prefer)
        assert (run.code, run.out) == (2, "")
        assert message in run.err

    def test_in_the_configuration(self, cli: Cli, films: Library, tmp_path: Path) -> None:
        config = tmp_path / "rc.json"
        config.write_text(json.dumps({"dupes": {"prefer": "-height:"}}))
        run = cli("--config", config, "dupes", films.root, "-r", "--json")
        assert run.json["groups"][0]["keeper"] == "z.mp4"
        run = cli("--config", config, "dupes", films.root, "-r", "--prefer", "height:", "--json")
        assert run.json["groups"][0]["keeper"] == "films/a.mp4"
