"""A collection to find duplicates in: originals, each in many disguises, and what only looks alike.

    python dupes_media.py FOLDER [--set tuned|held-out] [--clips DIR] [--films DIR]

There are two sets, which have no cut, no seed and no disguise in common: the rules were chosen by
looking at the first, so that only the second says what they are worth. Originals are cut from the
clips of `make_media`, of a folder with more of them where that is given, and drawn from seeds. What
only looks alike is no two times the same: scenes of one film, one man talking before one wall,
episodes with the same opening and credits, slides with the same heading, black clips and
countdowns. A file is called `ORIGINAL.VARIANT.EXTENSION`; two show the same when they have the same
ORIGINAL. What is there is kept, so that an interrupted run can be continued.
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
FIT = f"fps={FPS},scale={WIDTH}:-2,setsar=1,format=yuv420p"
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-crf", "36", "-b:v", "0")


class Cut(NamedTuple):
    """A part of a film in the folder of further clips, in seconds."""

    film: str
    start: float
    seconds: float


Cuts = tuple[Cut, ...]


class Disguise(NamedTuple):
    """What the variants are made with; of several values an original gets one.

    `shrink` and `crop` are half of what is left of a side, `corners` where a crop begins.
    """

    crf: int = 38
    shrink: float = 0.225
    webm: tuple[object, ...] = VP9
    rates: tuple[int, ...] = (12, 15, 30, 10)
    bars: tuple[float, ...] = ()  # of the height or width at each side; none: as formats have them
    crop: float = 0.45
    corners: tuple[str, ...] = ("0:0", "(iw-ow)/2:(ih-oh)/2", "iw-ow:ih-oh", "0:(ih-oh)/2")
    brightness: tuple[float, ...] = (0.12, -0.12)
    contrast: tuple[float, ...] = (1.3, 0.75)
    gamma: tuple[float, ...] = (1.6, 0.6)
    logos: tuple[str, ...] = (
        "drawbox=iw-70:10:58:26:white:fill,drawtext=text='TV7':fontsize=22:x=w-62:y=14",
    )
    cue: str = (
        "text='%{{eif\\:1000+{odd}*t\\:d}} and so they said':fontsize=14:fontcolor=white"
        ":box=1:boxcolor=black@0.6:x=(w-tw)/2:y=h-24:enable='lt(mod(t,3),2)'"
    )
    card: str = "navy,drawtext=text='A FILM':fontcolor=white:fontsize=30:x=40*t:y=60"
    end: str = (
        "black,drawtext=text='THE END':fontcolor=white:fontsize=30:x=60:y=h-40*(t-{length:.3f})"
    )
    cut: float = 0.18  # share of the longer one that a shifted variant lacks


class Edition(NamedTuple):
    """What a set is made of: cuts, drawn pictures by seeds, what only looks alike, disguises."""

    cuts: tuple[Cut, ...]
    talks: tuple[Cut, ...]
    episodes: tuple[Cut, ...]
    opening: str
    credits: str
    countdowns: tuple[Cut, ...]
    seed: int  # is added to that of everything drawn
    sources: dict[str, str]
    blanks: dict[str, str]
    heading: str
    disguise: Disguise
    pans: int = 14
    backdrops: int = 3
    actors: int = 3
    slideshows: int = 5
    lectures: int = 4


def row(film: str, seconds: float, count: int = 1, start: float = 0.0, step: float = 0.0) -> Cuts:
    """Cuts of one film, one after the other or `step` seconds apart."""
    return tuple(Cut(film, start + (step or seconds) * i, seconds) for i in range(count))


MAN, WEBCAM = "real/franck_talking_face.mp4", "real/capman_cap12.mp4"
COUNTDOWN = "real/odd/10min_1fps.mkv"

TUNED = Edition(
    cuts=(
        *row(MAN, 10.0, 10),  # the rest of the man, from 100 s on, is for episodes and talks
        *row(WEBCAM, 10.0, 5),
        *row("real/vtest.avi", 10.0, 7),
        *row("real/trailer_bbb.mp4", 9.0, 6),
        *row("real/tree.avi", 9.8, 3),
        *row("real/earth.mp4", 10.0, 3),
        *row("real/bikes.mp4", 10.0),
        *row("real/bigbuckbunny.mp4", 5.2),
        *row("real/cup.mp4", 8.0),
        *row("real/cityCC0.mpg", 7.5),
        *row("real/no_face.mp4", 3.9),
        *row("real/single_face.mp4", 2.3),
        *row("real/deer_1s_1080p.mp4", 1.0),
        *row("real/odd/quicktime.mp4", 4.9),
        *row("faces/dev/obama_speech.mp4", 8.6),
        *row("faces/dev/dev_faces_1.mp4", 23.0),
        *row("faces/dev/dev_faces_2.mp4", 14.0),
    ),
    talks=row(MAN, 10.0, 4, start=160.0),
    episodes=row(MAN, 7.0, 5, start=100.0, step=12.0),
    opening="mandelbrot=size=320x256:rate=25:start_scale=3:end_scale=.5:end_pts=60",
    credits="gradients=size=320x256:rate=25:seed=4:speed=0.05",
    countdowns=row(COUNTDOWN, 60.0, 4, step=140.0),
    seed=0,
    sources={
        "fractal": "mandelbrot=size=320x180:rate=25:start_scale=1.5:end_scale=0.02:end_pts=400",
        "julia": "mandelbrot=size=320x180:rate=25:start_x=-1.25:start_y=.02:start_scale=.4",
        "cells": "life=size=160x90:rate=12:mold=20:ratio=0.3:seed=5:mold_color=#336699"
        ",scale=320:180",
        "colonies": "life=size=80x45:rate=8:mold=9:ratio=0.2:seed=8:life_color=#ffcc66"
        ",scale=320:180",
        "pattern": "testsrc2=size=320x180:rate=25",
    },
    blanks={
        "black-1": "color=black:size=320x180:rate=25",
        "black-2": "color=black:size=320x180:rate=25,noise=alls=6:allf=t",
        "black-3": "color=0x050505:size=320x180:rate=25,fade=in:0:20",
        "bars-1": "smptebars=size=320x180:rate=25",
        "bars-2": "smptebars=size=320x180:rate=25,noise=alls=4:allf=t",
        "snow-1": "color=gray:size=320x180:rate=25,noise=alls=80:allf=t:all_seed=1",
        "snow-2": "color=gray:size=320x180:rate=25,noise=alls=80:allf=t:all_seed=2",
        "fade-1": "color=white:size=320x180:rate=25,fade=in:0:100,fade=out:150:100",
        "fade-2": "color=0xb0c0d0:size=320x180:rate=25,fade=in:0:100,fade=out:150:100",
    },
    heading="Introduction to Sets",
    disguise=Disguise(),
)

HELD_OUT = Edition(
    cuts=(
        *row(MAN, 8.0, 10, start=101.5, step=9.5),
        *row(WEBCAM, 7.0, 4, start=0.7, step=7.5),
        *row("real/vtest.avi", 8.0, 8, start=5.3, step=9.0),
        *row("real/trailer_bbb.mp4", 7.0, 7, start=4.4, step=7.2),
        *row("real/tree.avi", 6.5, 4, start=2.5),
        *row("real/earth.mp4", 7.0, 4, start=1.5),
        *row("real/bikes.mp4", 6.0, start=2.2),  # no bigbuckbunny.mp4: the trailer shows that shot
        *row("real/cup.mp4", 6.0, start=1.4),
        *row("real/cityCC0.mpg", 5.5, start=1.2),
        *row("real/no_face.mp4", 3.0, start=0.6),
        *row("real/single_face.mp4", 1.8, start=0.4),
        *row("real/odd/quicktime.mp4", 3.6, start=0.8),
        *row("faces/dev/obama_speech.mp4", 6.5, start=1.6),
        *row("faces/dev/dev_faces_1.mp4", 12.0, start=6.0),
        *row("faces/dev/dev_faces_2.mp4", 9.0, start=3.0),
        *row("faces/dev/dev_faces_3.mkv", 11.0, 2, start=2.0, step=12.0),
    ),
    talks=row(MAN, 9.0, 6, start=3.0, step=15.0),
    episodes=row(WEBCAM, 5.5, 4, start=31.0),
    opening="cellauto=size=320x240:rate=25:rule=110:seed=11",
    credits="gradients=size=320x240:rate=25:seed=31:speed=0.08",
    countdowns=row(COUNTDOWN, 48.0, 5, start=65.0, step=97.0),
    seed=60,
    sources={
        "deep": "mandelbrot=size=320x180:rate=25:start_x=-.7436:start_y=.1318:start_scale=.3"
        ":end_scale=0.004:end_pts=350",
        "spiral": "mandelbrot=size=320x180:rate=25:start_x=.28:start_y=.53:start_scale=.8",
        "moulds": "life=size=128x72:rate=10:mold=14:ratio=0.25:seed=77:mold_color=#884422"
        ",scale=320:180",
        "ants": "life=size=64x36:rate=7:mold=6:ratio=0.3:seed=21:life_color=#66ffcc,scale=320:180",
        "carpet": "sierpinski=size=320x180:rate=25:seed=5:jump=40",
    },
    blanks={
        "black-4": "color=0x0a0a0a:size=320x240:rate=25",
        "black-5": "color=black:size=320x240:rate=25,noise=alls=9:allf=t",
        "black-6": "color=black:size=320x180:rate=25,fade=out:200:40",
        "bars-3": "pal75bars=size=320x180:rate=25",
        "bars-4": "pal75bars=size=320x180:rate=25,noise=alls=7:allf=t",
        "snow-3": "color=gray:size=320x180:rate=25,noise=alls=50:allf=t:all_seed=31",
        "snow-4": "color=gray:size=320x180:rate=25,noise=alls=50:allf=t:all_seed=32",
        "fade-3": "color=0xd08030:size=320x180:rate=25,fade=in:0:70,fade=out:170:70",
        "fade-4": "color=0x60d080:size=320x180:rate=25,fade=in:0:70,fade=out:170:70",
    },
    heading="Lines and Planes",
    disguise=Disguise(
        crf=35,
        shrink=0.3,
        webm=("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "250k"),
        rates=(20, 8, 24, 14),
        bars=(0.06, 0.1),
        crop=0.46,
        corners=("iw-ow:0", "(iw-ow)/2:0", "0:ih-oh", "(iw-ow)/3:(ih-oh)/2"),
        brightness=(0.09, -0.1),
        contrast=(0.8, 1.25),
        gamma=(1.45, 0.7),
        logos=(
            "drawbox=12:ih-40:52:28:orange:fill,drawtext=text='K+':fontsize=24:x=20:y=h-37",
            "drawbox=12:10:44:30:navy@0.8:fill,drawtext=text='ONE':fontcolor=white:x=16:y=16",
        ),
        cue="text='No. %{{eif\\:77+{odd}*t\\:d}}, she wrote.':fontsize=16:fontcolor=yellow"
        ":borderw=2:x=(w-tw)/2:y=h-30:enable='gt(mod(t,4),1.5)'",
        card="maroon,drawtext=text='Part One':fontcolor=yellow:fontsize=26:x=w-50*t:y=40",
        end="black,drawtext=text='Fin':fontcolor=white:fontsize=44:x=40+25*(t-{length:.3f}):y=70",
        cut=0.15,
    ),
    pans=10,
    backdrops=2,
    actors=4,
    slideshows=6,
    lectures=5,
)
EDITIONS = {"tuned": TUNED, "held-out": HELD_OUT}


class Collection:
    """The folder of the collection; `make` fills it and returns the videos."""

    def __init__(
        self, folder: Path, edition: Edition, clips: Path | None, films: Path | None
    ) -> None:
        self.folder, self.edition, self.clips, self.films = folder, edition, clips, films
        self.masters, self.videos = folder / "masters", folder / "videos"

    def make(self) -> list[Path]:
        for place in (self.masters, self.videos):
            place.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.disguise, sorted(self.originals())))
            list(pool.map(self.lookalike, sorted(self.lookalikes())))
        return sorted(path for path in self.videos.iterdir() if path.is_file())

    def originals(self) -> Iterator[Path]:
        """Nearly lossless versions of what is disguised."""
        for cut in self.cuts():
            name = f"{Path(cut.film).stem.replace('.', '_')}-{round(cut.start):03}"
            yield self.master(name, partial(self.cut, cut))
        own = self.edition
        for name, source in own.sources.items():
            yield self.master(name, partial(generate, source))
        for seed in range(own.pans if self.films else 3 * own.pans + 2):
            yield self.master(f"pan-{seed:03}", partial(encode, pan(own.seed + seed)))
        for place, actor in product(range(own.backdrops), range(own.actors)):
            drawn = stage(own.seed + place, actor)
            yield self.master(f"stage-{place}-{actor}", partial(encode, drawn))

    def cuts(self) -> Iterator[Cut]:
        if self.films:
            yield from self.edition.cuts
        else:
            for shot in REEL:
                yield Cut(str(find_clip(shot, self.clips)), 0.0, shot.seconds)

    def lookalikes(self) -> Iterator[Path]:
        """What must not be taken for anything else."""
        own = self.edition
        for number in range(own.slideshows):
            drawn = slideshow(own.seed + number, self.stills())
            yield self.master(f"slides-{number}", partial(encode, drawn))
        for number in range(own.lectures):
            drawn = lecture(own.seed + number, own.heading)
            yield self.master(f"lecture-{number}", partial(encode, drawn))
            yield self.master(f"slate-{number}", partial(encode, slate(own.seed + number)))
        for name, source in own.blanks.items():
            yield self.master(name, partial(generate, source))
        if self.films:
            for number, cut in enumerate(own.talks):
                yield self.master(f"talk-{number}", partial(self.cut, cut))
            for number, cut in enumerate(own.episodes):
                yield self.master(f"episode-{number}", partial(self.episode, cut))
            for number, cut in enumerate(own.countdowns):
                yield self.master(f"countdown-{number}", partial(self.cut, cut))

    def master(self, name: str, make: Callable[[Path], None]) -> Path:
        path = self.masters / f"{name}.mp4"
        if not path.exists():
            with replacing(path) as scratch:
                make(scratch)
        return path

    def cut(self, cut: Cut, out: Path) -> None:
        film = self.films / cut.film if self.films else Path(cut.film)
        run("-ss", cut.start, "-t", cut.seconds, "-i", film, "-an", "-vf", FIT, *X264, 14, out)

    def stills(self) -> list[Picture]:
        """A picture from the middle of each original."""
        return [still(path) for path in sorted(self.originals())]

    def episode(self, cut: Cut, out: Path) -> None:
        """The same opening of 2 s and credits of 1 s around another talk of the same man."""
        size = self.edition.opening.partition("size=")[2].partition(":")[0].replace("x", ":")
        graph = (
            f"[0:v]{FIT},scale={size},setsar=1[a];[1:v]format=yuv420p,setsar=1[b];"
            "[2:v]format=yuv420p,setsar=1[c];[b][a][c]concat=n=3,"
            "drawbox=260:10:50:24:orange:fill"
        )
        assert self.films
        inputs: list[object] = ["-ss", cut.start, "-t", cut.seconds, "-i", self.films / cut.film]
        inputs += ["-f", "lavfi", "-t", 2, "-i", self.edition.opening]
        inputs += ["-f", "lavfi", "-t", 1, "-i", self.edition.credits]
        run(*inputs, "-filter_complex", graph, *X264, 14, out)

    def disguise(self, master: Path) -> None:
        """All variants of an original, from one decode."""
        name = master.stem
        missing = {
            variant: how
            for variant, how in variants(master, self.edition.disguise).items()
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


def variants(master: Path, how: Disguise) -> dict[str, tuple[str, tuple[object, ...]]]:
    """`VARIANT.EXTENSION` -> (filters, codec); details differ from original to original."""
    with av.open(str(master)) as container:
        stream = container.streams.video[0]
        width, height = stream.width, stream.height
        length = float((container.duration or 0) / 1_000_000)
    odd = sum(map(ord, master.stem))
    extra = length * how.cut / (1 - how.cut)
    card = f"tpad=start_duration={extra:.3f}:color={how.card}:enable='lt(t,{extra:.3f})'"
    end = f"tpad=stop_duration={extra:.3f}:color={how.end.format(length=length)}"
    end += f":enable='gt(t,{length:.3f})'"
    begun = f"trim=start={length * how.cut:.3f},setpts=PTS-STARTPTS"
    bright, contrast = how.brightness[odd % 2], how.contrast[odd % 2]
    boxed = padded(how.bars[odd % 2], odd // 2 % 2) if how.bars else bars(width, height)
    side, crop = f"trunc(iw*{how.shrink})*2:trunc(ih*{how.shrink})*2", f"trunc(iw*{how.crop})*2"
    crop += f":trunc(ih*{how.crop})*2:{how.corners[odd % 4]}"
    plain = (*X264, 28)
    return {
        "original.mp4": ("null", (*X264, 23)),
        "reencoded.mp4": ("null", (*X264, how.crf)),
        "rescaled.mp4": (f"scale={side}", plain),
        "container.webm": ("null", how.webm),
        "frame_rate.mp4": (f"fps={how.rates[odd % 4]}", plain),
        "letterboxed.mp4": (boxed, plain),
        "cropped.mp4": (f"crop={crop}", plain),
        "contrast.mp4": (f"eq=brightness={bright}:contrast={contrast}", plain),
        "gamma.mp4": (f"eq=gamma={how.gamma[odd // 2 % 2]}", plain),
        "logo.mp4": (how.logos[odd % len(how.logos)], plain),
        "subtitled.mp4": (f"drawtext={how.cue.format(odd=odd)}", plain),
        "grey.mp4": ("hue=s=0", plain),
        "mirrored.mp4": ("hflip", plain),
        "cut.mp4": (begun if odd % 2 else f"trim=end={length * (1 - how.cut):.3f}", plain),
        "added.mp4": (card if odd // 2 % 2 else end, plain),
    }


DEEP = ("mirrored", "cut", "added")


def padded(share: float, upright: int) -> str:
    """Black bars above and below or, upright, at the sides, each a share of the picture."""
    if upright:
        return f"pad=trunc(iw*{0.5 + share})*2:ih:(ow-iw)/2"
    return f"pad=iw:trunc(ih*{0.5 + share})*2:0:(oh-ih)/2"


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


def lecture(number: int, heading: str) -> Iterator[Picture]:
    """White pages with a heading that stays and lines of text that change every 2.5 s."""
    random = np.random.default_rng(number)
    for _ in range(4):
        page = np.full((HEIGHT, WIDTH, 3), 245, np.uint8)
        cv2.putText(page, heading, (20, 30), 0, 0.7, (90, 40, 20), 2)
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
    parser.add_argument("--set", choices=EDITIONS, default="tuned")
    parser.add_argument("--clips", type=Path, help="folder with the clips, in place of packages")
    parser.add_argument("--films", type=Path, help="a folder with more clips to cut from")
    options = parser.parse_args()
    edition = EDITIONS[options.set]
    collection = Collection(options.folder, edition, options.clips, options.films)
    print(len(collection.make()), "videos")
    return 0


if __name__ == "__main__":
    sys.exit(main())
