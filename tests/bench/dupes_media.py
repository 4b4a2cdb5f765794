"""A collection to find duplicates in: originals, each in many disguises, and what only looks alike.

    python dupes_media.py FOLDER [--clips DIR] [--shared DIR]

Originals are cut from the clips of `make_media`, of a folder with more of them where that is given,
and drawn from seeds. What only looks alike is no two times the same: scenes of one film, one man
talking before one wall, episodes with the same opening and credits, slides with the same heading,
black clips and countdowns. A file is called `ORIGINAL.VARIANT.EXTENSION`; two show the same when
they have the same ORIGINAL. What is there is kept, so that an interrupted run can be continued.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from make_media import REEL, MediaError, find_clip, find_ffmpeg, replacing
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

FPS, SECONDS, WIDTH, HEIGHT = 25, 10, 320, 180
CUT = 0.18  # share of the longer one that a shifted variant lacks
FIT = f"fps={FPS},scale={WIDTH}:-2,setsar=1,format=yuv420p"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "36", "-b:v", "0")


class Cut(NamedTuple):
    """A part of a film in the folder of further clips, in seconds."""

    film: str
    start: float
    seconds: float


# Film, seconds of each cut, and how many there are one after the other. The rest of the talking
# man, from 100 s on, is for episodes and talks.
FILMS = (
    ("real/franck_talking_face.mp4", 10.0, 10),
    ("real/capman_cap12.mp4", 10.0, 5),
    ("real/vtest.avi", 10.0, 7),
    ("real/trailer_bbb.mp4", 9.0, 6),
    ("real/tree.avi", 9.8, 3),
    ("real/earth.mp4", 10.0, 3),
    ("real/bikes.mp4", 10.0, 1),
    ("real/bigbuckbunny.mp4", 5.2, 1),
    ("real/cup.mp4", 8.0, 1),
    ("real/cityCC0.mpg", 7.5, 1),
    ("real/no_face.mp4", 3.9, 1),
    ("real/single_face.mp4", 2.3, 1),
    ("real/deer_1s_1080p.mp4", 1.0, 1),
    ("real/odd/quicktime.mp4", 4.9, 1),
    ("faces/dev/obama_speech.mp4", 8.6, 1),
    ("faces/dev/dev_faces_1.mp4", 23.0, 1),
    ("faces/dev/dev_faces_2.mp4", 14.0, 1),
)
TALK, COUNTDOWN = "real/franck_talking_face.mp4", "real/odd/10min_1fps.mkv"
SOURCES = {
    "fractal": "mandelbrot=size=320x180:rate=25:start_scale=1.5:end_scale=0.02:end_pts=400",
    "julia": "mandelbrot=size=320x180:rate=25:start_x=-1.25:start_y=.02:start_scale=.4",
    "cells": "life=size=160x90:rate=12:mold=20:ratio=0.3:seed=5:mold_color=#336699,scale=320:180",
    "colonies": "life=size=80x45:rate=8:mold=9:ratio=0.2:seed=8:life_color=#ffcc66,scale=320:180",
    "pattern": "testsrc2=size=320x180:rate=25",
}
PANS, BACKDROPS, ACTORS, SLIDESHOWS, LECTURES, TALKS, EPISODES = 14, 3, 3, 5, 4, 4, 5


class Collection:
    """The folder of the collection; `make` fills it and returns the videos."""

    def __init__(self, folder: Path, clips: Path | None, shared: Path | None) -> None:
        self.folder, self.clips, self.shared = folder, clips, shared
        self.masters, self.videos = folder / "masters", folder / "videos"

    def make(self) -> list[Path]:
        for place in (self.masters, self.videos):
            place.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.disguise, sorted(self.originals())))
            list(pool.map(self.lookalike, sorted(self.lookalikes())))
        return sorted(self.videos.iterdir())

    def originals(self) -> Iterator[Path]:
        """Nearly lossless versions of what is disguised."""
        for cut in self.cuts():
            name = f"{Path(cut.film).stem.replace('.', '_')}-{round(cut.start):03}"
            yield self.master(name, partial(self.cut, cut))
        for name, source in SOURCES.items():
            yield self.master(name, partial(generate, source))
        for seed in range(PANS if self.shared else 3 * PANS + 2):
            yield self.master(f"pan-{seed:03}", partial(encode, pan(seed)))
        for place, actor in product(range(BACKDROPS), range(ACTORS)):
            yield self.master(f"stage-{place}-{actor}", partial(encode, stage(place, actor)))

    def cuts(self) -> Iterator[Cut]:
        if not self.shared:
            for shot in REEL:
                yield Cut(str(find_clip(shot, self.clips)), 0.0, shot.seconds)
            return
        for film, seconds, count in FILMS:
            for number in range(count):
                yield Cut(film, seconds * number, seconds)

    def lookalikes(self) -> Iterator[Path]:
        """What must not be taken for anything else."""
        for number in range(SLIDESHOWS):
            drawn = slideshow(number, self.stills())
            yield self.master(f"slides-{number}", partial(encode, drawn))
        for number in range(LECTURES):
            yield self.master(f"lecture-{number}", partial(encode, lecture(number)))
            yield self.master(f"slate-{number}", partial(encode, slate(number)))
        for name, source in BLANKS.items():
            yield self.master(name, partial(generate, source))
        if self.shared:
            for number in range(TALKS):
                cut = Cut(TALK, 160.0 + 10 * number, SECONDS)
                yield self.master(f"talk-{number}", partial(self.cut, cut))
            for number in range(EPISODES):
                yield self.master(f"episode-{number}", partial(self.episode, number))
            for number in range(4):
                cut = Cut(COUNTDOWN, 140.0 * number, 60.0)
                yield self.master(f"countdown-{number}", partial(self.cut, cut))

    def master(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self.masters / f"{name}.mp4"
        if not path.exists():
            with replacing(path) as scratch:
                make(scratch)
        return path

    def cut(self, cut: Cut, out: Path) -> None:
        film = self.shared / cut.film if self.shared else Path(cut.film)
        run("-ss", cut.start, "-t", cut.seconds, "-i", film, "-an", "-vf", FIT, *X264, 14, out)

    def stills(self) -> list[Picture]:
        """A picture from the middle of each original."""
        return [still(path) for path in sorted(self.originals())]

    def episode(self, number: int, out: Path) -> None:
        """The same opening of 2 s and credits of 1 s around another talk of the same man."""
        opening = "mandelbrot=size=320x256:rate=25:start_scale=3:end_scale=.5:end_pts=60"
        credits_ = "gradients=size=320x256:rate=25:seed=4:speed=0.05"
        graph = (
            f"[0:v]{FIT},scale=320:256,setsar=1[a];[1:v]format=yuv420p,setsar=1[b];"
            "[2:v]format=yuv420p,setsar=1[c];[b][a][c]concat=n=3,"
            "drawbox=260:10:50:24:orange:fill"
        )
        start = 100 + 12 * number
        inputs: list[object] = ["-ss", start, "-t", SECONDS - 3, "-i", self.shared_path(TALK)]
        inputs += ["-f", "lavfi", "-t", 2, "-i", opening, "-f", "lavfi", "-t", 1, "-i", credits_]
        run(*inputs, "-filter_complex", graph, *X264, 14, out)

    def shared_path(self, film: str) -> Path:
        assert self.shared
        return self.shared / film

    def disguise(self, master: Path) -> None:
        """All variants of an original, from one decode."""
        name = master.stem
        missing = {
            variant: how
            for variant, how in variants(master).items()
            if not (self.videos / f"{name}.{variant}").exists()
        }
        options: list[object] = []
        for variant, (filters, codec) in missing.items():
            scratch = self.folder / f"scratch-{name}.{variant}"
            options += ["-map", "0:v", "-vf", filters, *codec, scratch]
        if options:
            run("-i", master, *options)
        for variant in missing:
            scratch = self.folder / f"scratch-{name}.{variant}"
            scratch.rename(self.videos / f"{name}.{variant}")

    def lookalike(self, master: Path) -> None:
        path = self.videos / f"{master.stem}.original.mp4"
        if not path.exists():
            path.hardlink_to(master)


def variants(master: Path) -> dict[str, tuple[str, tuple[object, ...]]]:
    """`VARIANT.EXTENSION` -> (filters, codec); details differ from original to original."""
    with av.open(str(master)) as container:
        stream = container.streams.video[0]
        width, height = stream.width, stream.height
        length = float((container.duration or 0) / 1_000_000)
    odd = sum(map(ord, master.stem))
    crop = ("0:0", "(iw-ow)/2:(ih-oh)/2", "iw-ow:ih-oh", "0:(ih-oh)/2")[odd % 4]
    extra = length * CUT / (1 - CUT)
    cue = f"text='%{{eif\\:1000+{odd}*t\\:d}} and so they said'"
    card = f"tpad=start_duration={extra:.3f}:color=navy,drawtext=text='A FILM':fontcolor=white"
    card += f":fontsize=30:x=40*t:y=60:enable='lt(t,{extra:.3f})'"
    end = f"tpad=stop_duration={extra:.3f}:color=black,drawtext=text='THE END':fontcolor=white"
    end += f":fontsize=30:x=60:y=h-40*(t-{length:.3f}):enable='gt(t,{length:.3f})'"
    begun = f"trim=start={length * CUT:.3f},setpts=PTS-STARTPTS"
    plain = (*X264, 28)
    return {
        "original.mp4": ("null", (*X264, 23)),
        "reencoded.mp4": ("null", (*X264, 38)),
        "rescaled.mp4": ("scale=trunc(iw*0.225)*2:trunc(ih*0.225)*2", plain),
        "container.webm": ("null", VP9),
        "frame_rate.mp4": (f"fps={(12, 15, 30, 10)[odd % 4]}", plain),
        "letterboxed.mp4": (bars(width, height), plain),
        "cropped.mp4": (f"crop=trunc(iw*0.45)*2:trunc(ih*0.45)*2:{crop}", plain),
        "contrast.mp4": (
            f"eq=brightness={(0.12, -0.12)[odd % 2]}:contrast={(1.3, 0.75)[odd % 2]}",
            plain,
        ),
        "gamma.mp4": (f"eq=gamma={(1.6, 0.6)[odd // 2 % 2]}", plain),
        "logo.mp4": (
            "drawbox=iw-70:10:58:26:white:fill,drawtext=text='TV7':fontsize=22:x=w-62:y=14",
            plain,
        ),
        "subtitled.mp4": (
            f"drawtext={cue}:fontsize=14:fontcolor=white:box=1:boxcolor=black@0.6"
            ":x=(w-tw)/2:y=h-24:enable='lt(mod(t,3),2)'",
            plain,
        ),
        "grey.mp4": ("hue=s=0", plain),
        "mirrored.mp4": ("hflip", plain),
        "cut.mp4": (begun if odd % 2 else f"trim=end={length * (1 - CUT):.3f}", plain),
        "added.mp4": (card if odd // 2 % 2 else end, plain),
    }


DEEP = ("mirrored", "cut", "added")


def bars(width: int, height: int) -> str:
    """Black bars as they come about: wide films on 16:9, 16:9 on 4:3, 4:3 on 16:9."""
    aspect = width / height
    if aspect > 2 or 1.2 < aspect < 1.5:
        aspect = 16 / 9
    elif aspect >= 1.5:
        aspect = 4 / 3
    else:
        aspect *= 1.2
    if width / height > aspect:
        return f"pad=iw:{round(width / aspect / 2) * 2}:0:(oh-ih)/2"
    return f"pad={round(height * aspect / 2) * 2}:ih:(ow-iw)/2:0"


# === Drawn pictures ===============================================================================


def blotches(seed: int, width: int, height: int) -> Picture:
    """Clouds of colour in several sizes with some shapes on them, as BGR."""
    random = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for size in (3, 7, 17, 41):
        noise = random.uniform(-1, 1, (size, size * 16 // 9, 3))
        large = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
        picture += large.astype(float) / size**0.5
    picture = 128 + 110 * picture / np.abs(picture).max()
    for _ in range(24):
        middle = tuple(int(v) for v in random.integers(0, (width, height)))
        colour = tuple(int(v) for v in random.integers(0, 256, 3))
        cv2.circle(picture, middle, int(random.integers(height // 40, height // 8)), colour, -1)
    return np.asarray(picture.clip(0, 255), np.uint8)


def pan(seed: int) -> Iterator[Picture]:
    """A camera that moves and zooms over a large picture."""
    random = np.random.default_rng(1000 + seed)
    large = blotches(seed, 1280, 720)
    begin, end = random.uniform(0, 0.6, (2, 2))
    zooms = random.uniform(0.3, 0.4, 2)
    for t in np.linspace(0, 1, FPS * SECONDS):
        zoom = zooms[0] + (zooms[1] - zooms[0]) * t
        x, y = ((begin + (end - begin) * t) * (1280, 720)).astype(int)
        part = large[y : y + int(720 * zoom), x : x + int(1280 * zoom)]
        yield cv2.resize(part, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8)


def stage(place: int, actor: int) -> Iterator[Picture]:
    """The same backdrop for several actors, who move about before it."""
    backdrop = blotches(500 + place, WIDTH, HEIGHT)
    random = np.random.default_rng(100 * place + actor)
    speeds, phases = random.uniform(0.2, 1.5, (4, 2)), random.uniform(0, 6, (4, 2))
    sizes, colours = random.integers(10, 40, 4), random.integers(0, 256, (4, 3))
    for frame in range(FPS * SECONDS):
        picture = backdrop.copy()
        for speed, phase, size, colour in zip(speeds, phases, sizes, colours, strict=True):
            x, y = (0.5 + 0.42 * np.sin(speed * frame / FPS + phase)) * (WIDTH, HEIGHT)
            shade = tuple(int(v) for v in colour)
            cv2.ellipse(
                picture, (int(x), int(y)), (int(size), int(size) * 2 // 3), 0, 0, 360, shade, -1
            )
        yield picture


def slideshow(number: int, stills: list[Picture]) -> Iterator[Picture]:
    """Six stills in a frame; the first two are those of every other slideshow, too."""
    random = np.random.default_rng(number)
    chosen = [*stills[:2], *(stills[i] for i in random.choice(np.arange(2, len(stills)), 4, False))]
    for frame in range(FPS * 9):
        picture = np.full((HEIGHT, WIDTH, 3), 40, np.uint8)
        picture[16:-16, 28:-28] = cv2.resize(chosen[frame // 38], (WIDTH - 56, HEIGHT - 32))
        yield picture


@cache
def still(path: Path) -> Picture:
    """The frame in the middle of a master."""
    raw = output("-i", path, "-vf", "scale=320:180", "-f", "rawvideo", "-pix_fmt", "bgr24", "-")
    frames = np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, WIDTH, 3)
    return np.array(frames[len(frames) // 2])


def lecture(number: int) -> Iterator[Picture]:
    """White pages with a heading that stays and lines of text that change every 2.5 s."""
    random = np.random.default_rng(number)
    for _ in range(4):
        page = np.full((HEIGHT, WIDTH, 3), 245, np.uint8)
        cv2.putText(page, "Introduction to Sets", (20, 30), 0, 0.7, (90, 40, 20), 2)
        for line in range(int(random.integers(3, 6))):
            words = "".join(random.choice(list("aehilmnorst  "), 28))
            cv2.putText(page, words, (24, 62 + 24 * line), 0, 0.45, (30, 30, 30), 1)
        yield from [page] * round(FPS * 2.5)


def slate(number: int) -> Iterator[Picture]:
    """A clapper board that only stands there, with another number."""
    picture = np.full((HEIGHT, WIDTH, 3), 16, np.uint8)
    cv2.rectangle(picture, (40, 20), (280, 160), (230, 230, 230), 3)
    cv2.putText(picture, f"SCENE {7 * number + 3}", (60, 80), 0, 1.0, (240, 240, 240), 2)
    cv2.putText(picture, f"TAKE {number + 1}", (60, 130), 0, 1.0, (240, 240, 240), 2)
    yield from [picture] * (FPS * SECONDS)


BLANKS = {
    "black-1": "color=black:size=320x180:rate=25",
    "black-2": "color=black:size=320x180:rate=25,noise=alls=6:allf=t",
    "black-3": "color=0x050505:size=320x180:rate=25,fade=in:0:20",
    "bars-1": "smptebars=size=320x180:rate=25",
    "bars-2": "smptebars=size=320x180:rate=25,noise=alls=4:allf=t",
    "snow-1": "color=gray:size=320x180:rate=25,noise=alls=80:allf=t:all_seed=1",
    "snow-2": "color=gray:size=320x180:rate=25,noise=alls=80:allf=t:all_seed=2",
    "fade-1": "color=white:size=320x180:rate=25,fade=in:0:100,fade=out:150:100",
    "fade-2": "color=0xb0c0d0:size=320x180:rate=25,fade=in:0:100,fade=out:150:100",
}


# === ffmpeg =======================================================================================


def output(*options: object) -> bytes:
    argv = [find_ffmpeg(), "-v", "error", "-y", "-threads", "1", *map(str, options)]
    return subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL).stdout


def run(*options: object) -> None:
    output(*options)


def generate(source: str, out: Path) -> None:
    run("-f", "lavfi", "-t", SECONDS, "-i", source, "-pix_fmt", "yuv420p", *X264, 14, out)


def encode(pictures: Iterator[Picture], out: Path) -> None:
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}", "-r", FPS, "-i", "-"]
    argv = [find_ffmpeg(), "-v", "error", "-y", *raw, "-pix_fmt", "yuv420p", *X264, 14, out]
    with subprocess.Popen([*map(str, argv)], stdin=subprocess.PIPE) as process:
        assert process.stdin
        for picture in pictures:
            process.stdin.write(picture.tobytes())
    if process.returncode:
        raise MediaError(f"{out.name}: ffmpeg failed")


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the collection of duplicates.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=Path, help="folder with the clips, in place of packages")
    parser.add_argument("--shared", type=Path, help="a folder with more clips to cut from")
    options = parser.parse_args()
    print(len(Collection(options.folder, options.clips, options.shared).make()), "videos")
    return 0


if __name__ == "__main__":
    sys.exit(main())
