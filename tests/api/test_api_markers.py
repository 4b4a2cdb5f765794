"""Markers that a user sets in a video: kept beside it, and its chapters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Cli
from support import Library
from support.media import ffmpeg
from support.served import Served

URL = "/videos/a.mp4/markers"
GOAL = {"time": 0.8, "title": "Goal"}
ODD = {"time": 0.4, "title": 'a = b; "c" <d> #1 \\ é & --> 日本'}


def mark(served: Served, status: int = 200, **body: Any) -> Any:
    response = served.client.patch(URL, json=body)
    assert response.status_code == status, response.text
    return response.json()


@pytest.fixture
def film(library: Library) -> Library:
    library.add("short.mp4", "a.mp4")
    return library


def test_set_and_taken_away(served: Served, film: Library) -> None:
    assert served.get(URL) == {"video": "a.mp4", "markers": []}
    assert film.artifacts() == []
    assert mark(served, add=[GOAL, ODD])["markers"] == [ODD, GOAL]
    assert mark(served, add=[{"time": 0.8, "title": " Save "}])["markers"][1]["title"] == "Save"
    assert mark(served, remove=[ODD], add=[GOAL])["markers"] == [GOAL] == served.get(URL)["markers"]
    assert film.json("a.mp4.markers.json")["markers"] == [GOAL]
    assert mark(served, remove=[GOAL])["markers"] == []
    assert film.artifacts() == []


@pytest.mark.parametrize(
    "row",
    [
        {"time": -1},
        {"time": "x"},
        {"title": "no time"},
        {"time": 1, "title": "x" * 201},
        {"time": 1e12},
    ],
)
def test_what_is_no_marker(served: Served, film: Library, row: dict[str, Any]) -> None:
    assert served.client.patch(URL, json={"add": [row]}).status_code == 422
    assert film.artifacts() == []


def test_too_many(served: Served, film: Library) -> None:
    mark(served, add=[{"time": number} for number in range(1000)])
    assert "at most 1,000" in mark(served, 400, add=[{"time": 0.5}])["detail"]
    assert len(served.get(URL)["markers"]) == 1000


def test_a_file_of_somebody_else(served: Served, film: Library) -> None:
    path = film.artifact("a.mp4.markers.json")
    path.parent.mkdir()
    path.write_text("[1")
    assert "is corrupt" in mark(served, 409, add=[GOAL])["detail"]
    assert path.read_text() == "[1"
    rows = [{"time": "x"}, 3, {"time": 0.8, "title": "two\nlines \x00"}, {"time": 0.1, "title": []}]
    path.write_text(json.dumps({"markers": rows, "by": "hand"}))
    read = [{"time": 0.1, "title": ""}, {"time": 0.8, "title": "two lines"}]
    assert served.get(URL)["markers"] == read
    mark(served, add=[ODD])
    assert film.json("a.mp4.markers.json")["by"] == "hand"


def test_they_are_its_chapters(served: Served, film: Library, cli: Cli) -> None:
    cli("meta,scenes", film.root)
    mark(served, add=[GOAL, ODD])
    words = ("--format", "chapters,edl", "--chapter-form", "ffmetadata")
    assert cli("export", film.root, *words).code == 0
    text = ffmpeg("-i", film.root / "a.ffmeta", "-f", "ffmetadata", "-").decode()
    assert text.count("[CHAPTER]") == 3 and "title=Chapter 1" in text and "title=Goal" in text
    assert 'title=a \\= b\\; "c" <d> \\#1 \\\\ é & --> 日本' in text
    assert (film.root / "a.edl").read_text().splitlines()[1].startswith("0.400\t")
    for form, name in (("matroska", "a.chapters.xml"), ("webvtt", "a.chapters.vtt")):
        assert cli("export", film.root, "--format", "chapters", "--chapter-form", form).code == 0
        assert '"c" &lt;d&gt; #1' in (film.root / name).read_text()
    mark(served, remove=[ODD])
    run = cli("export", film.root, *words, "--json")
    assert [task["counts"]["made"] for task in run.json["tasks"]] == [1, 1]


def test_they_go_with_their_video(served: Served, film: Library, cli: Cli) -> None:
    mark(served, add=[GOAL])
    film.forget(film.root / "a.mp4")
    assert cli("rename", film.root / "a.mp4", film.root / "b.mp4").code == 0
    assert film.json("b.mp4.markers.json")["markers"] == [GOAL]
    film.add("short.mp4", "c.mp4")
    film.forget(film.root / "c.mp4")
    served.client.patch("/videos/c.mp4/markers", json={"add": [ODD]})
    assert cli("dupes", film.root, "--apply", "trash", "--keep", "b.mp4").code == 0
    assert film.json("b.mp4.markers.json")["markers"] == [ODD, GOAL]
