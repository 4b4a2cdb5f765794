"""Links that somebody swaps for files and folders while the server uses them: nothing outside its
folders is sent, read or written."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from support import Library
from support.links import PLACES, SECRET, make_outside, swapped
from support.served import Served

from videolib.core import confinement
from videolib.storage.replay import journals
from videolib.storage.steps import LibraryPaths

TRIES = int(os.environ.get("LINK_TRIES", "10"))  # of each kind; by hand 1,500


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside the library that looks like a part of it, all files with the secret."""
    folder = tmp_path / "outside"
    make_outside(folder)
    return folder


@pytest.fixture(params=["openat2", "in steps"])
def opening(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to open a path without links."""
    if request.param == "in steps":
        monkeypatch.setattr(confinement, "openat2", lambda: None)
    elif not confinement.openat2():
        pytest.skip("this kernel has no openat2")
    return str(request.param)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file and folder below a folder, with the contents of files."""
    return {str(p): p.read_bytes() if p.is_file() else b"" for p in folder.rglob("*")}


@pytest.fixture
def film(library: Library, served: Served) -> Library:
    """A library with a video in a folder, and artifacts of it."""
    library.add("short.mp4", "sub/a.mp4")
    assert served.job("meta", directory="sub")["failed"] == 0
    assert served.job("thumbs", directory="sub")["failed"] == 0
    change = {"add": ["mine"]}
    served.client.post("/videos/a.mp4/tags?directory=sub", json=change).raise_for_status()
    return library


@contextlib.contextmanager
def attack(library: Library, outside: Path, place: str) -> Iterator[None]:
    """A context in which one of the PLACES is swapped, and after which nothing outside changed."""
    name, other = PLACES[place]
    before = contents(outside)
    with swapped(library.root / name, outside / other):
        yield
    assert contents(outside) == before


def answers(ask: Callable[[int], httpx.Response]) -> int:
    """Ask again and again: no answer may have the secret, or be a failure of the server. Returns
    how many were what was asked for."""
    fine = 0
    for number in range(TRIES):
        response = ask(number)
        assert SECRET not in response.content
        assert response.status_code < 500, response.text
        fine += response.is_success
    return fine


def get(served: Served, url: str, number: int) -> httpx.Response:
    return served.client.get(url)


@pytest.mark.slow
def test_reading(served: Served, film: Library, outside: Path, opening: str) -> None:
    paths = ("/stream", "/files/thumbs", "/metadata", "/tags", "")
    urls = [f"/videos/a.mp4{path}?directory=sub" for path in paths]
    urls += ["/tags/export?directory=sub", "/videos?directory=sub&detail=1"]
    for place in PLACES:
        with attack(film, outside, place):
            assert sum(answers(functools.partial(get, served, url)) for url in urls)


@pytest.mark.slow
def test_changing_tags(served: Served, film: Library, outside: Path, opening: str) -> None:
    url = "/videos/a.mp4/tags?directory=sub"
    for place in PLACES:
        with attack(film, outside, place):
            answers(lambda number: served.client.post(url, json={"add": [f"tag {number}"]}))


def sizes(folder: Path) -> dict[str, int]:
    """The files of a folder and of its sidecar folder, but for journals, with their sizes."""
    paths = [*folder.iterdir(), *(folder / ".artifacts").iterdir()]
    return {str(path): path.stat().st_size for path in paths if path.is_file()}


def put_back_links(folder: Path) -> None:
    """Let each link that the server renamed, as it was in the place of a file, be that file."""
    for path in [*folder.iterdir(), *(folder / ".artifacts").iterdir()]:
        if path.is_symlink():
            path.with_name(path.name.replace("b.mp4", "a.mp4")).rename(path)


@pytest.mark.slow
def test_renaming(served: Served, film: Library, outside: Path, opening: str) -> None:
    def rename(number: int) -> httpx.Response:
        names = ("a.mp4", "b.mp4")
        url = f"/videos/{names[number % 2]}/rename?directory=sub"
        return served.client.post(url, json={"to": names[1 - number % 2]})

    folder = film.root / "sub"
    before = sizes(folder)
    for place in PLACES:
        with attack(film, outside, place):
            answers(rename)
        assert not [file for file in journals(LibraryPaths.of(folder)) if file.pending]
        put_back_links(folder)
        if not (folder / "a.mp4").exists():
            response = rename(1)
            assert response.is_success, response.text
        assert sizes(folder) == before


@pytest.mark.slow
def test_jobs(served: Served, film: Library, outside: Path) -> None:
    for place in PLACES:
        with attack(film, outside, place):
            for task in ("meta", "thumbs") * max(TRIES // 20, 1):
                body = {"task": task, "directory": "sub", "force": True}
                response = served.client.post("/jobs", json=body)
                if response.is_success:  # else the folder was the link at that moment
                    assert SECRET.decode() not in str(served.wait(response.json()["id"]))
    files = [path for path in film.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert not any(SECRET in path.read_bytes() for path in files)
