"""Where to resume a video, and what was watched: kept beside the video, found by queries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Cli
from support import Library
from support.served import Served

URL = "/videos/a.mp4/playback"


def play(served: Served, status: int = 200, **body: Any) -> Any:
    response = served.client.patch(URL, json=body)
    assert response.status_code == status, response.text
    return response.json()


def found(served: Served, query: str, **params: str) -> list[str]:
    page = served.get("/videos", params={"q": query, "detail": 1, **params})
    return [video["name"] for video in page["videos"]]


@pytest.fixture
def films(library: Library) -> Library:
    library.add("short.mp4", "a.mp4")
    library.add("minute.mp4", "b.mp4")
    return library


def test_resumed_where_it_was_left(served: Served, films: Library) -> None:
    assert served.get(URL) == {"video": "a.mp4", "position": 0, "progress": 0, "watched": False}
    assert films.artifacts() == [], "who only looks writes nothing"
    left = play(served, position=30.5, duration=120)
    assert left["position"] == 30.5 and left["progress"] == pytest.approx(0.254, abs=0.001)
    assert not left["watched"] and left["played_at"]
    assert served.get(URL) == left
    card = served.get("/videos", params={"detail": 1})["videos"][0]
    assert card["playback"] == {"position": 30.5, "progress": 0.2542, "watched": False}
    assert found(served, "progress:") == ["a.mp4"] == found(served, "progress:>25%")
    assert found(served, "progress:>50") == [] == found(served, "watched:")
    assert found(served, "-progress:") == ["b.mp4"]
    assert found(served, "", sort="played") == ["a.mp4", "b.mp4"]


@pytest.mark.parametrize(
    ("position", "resumed", "watched"),
    [(1.0, 0, False), (3.0, 3.0, False), (94.0, 94.0, False), (96.0, 0, True), (100.0, 0, True)],
)
def test_the_ends_count_as_not_begun_and_as_watched(
    served: Served, films: Library, position: float, resumed: float, watched: bool
) -> None:
    after = play(served, position=position, duration=100)
    assert (after["position"], after["watched"]) == (resumed, watched)
    assert found(served, "watched:<1d") == (["a.mp4"] if watched else [])


def test_marked_and_taken_back(served: Served, films: Library) -> None:
    play(served, position=30, duration=100)
    assert play(served, watched=True)["position"] == 0
    assert found(served, "watched:") == ["a.mp4"]
    undone = play(served, watched=False, position=30)
    assert (undone["watched"], undone["position"], undone["progress"]) == (False, 30, 0.3)
    play(served, position=0)
    assert not play(served, watched=False)["watched"]


@pytest.mark.parametrize(
    "body",
    [{"position": -1}, {"position": "x"}, {"watched": 3}, {"seen": True}, {"position": 1e99}],
)
def test_wrong_bodies(served: Served, films: Library, body: dict[str, Any]) -> None:
    assert served.client.patch(URL, json=body).status_code == 422
    assert films.artifacts() == []


def test_a_video_that_is_not_there(served: Served, films: Library) -> None:
    assert served.client.patch("/videos/c.mp4/playback", json={"position": 1}).status_code == 404


def test_a_file_that_cannot_be_read_is_left_to_its_owner(served: Served, films: Library) -> None:
    path = films.artifact("a.mp4.playback.json")
    path.parent.mkdir()
    path.write_text('{"position": 30, "position": 40}')
    assert "is corrupt" in play(served, 409, position=1)["detail"]
    assert path.read_text() == '{"position": 30, "position": 40}'
    path.write_text('{"position": "x", "watched_at": [], "mood": "good"}')
    assert served.get(URL)["position"] == 0
    play(served, position=50, duration=100)
    assert json.loads(path.read_text())["mood"] == "good"


def test_it_goes_with_its_video(served: Served, films: Library, cli: Cli) -> None:
    play(served, position=30, duration=100)
    films.forget(films.root / "a.mp4")
    assert cli("rename", films.root / "a.mp4", films.root / "c.mp4").code == 0
    assert films.json("c.mp4.playback.json")["position"] == 30
    (films.root / "c.mp4").rename(films.root / "d.mp4")
    assert cli("orphans", films.root, "--relink").code == 0
    assert films.json("d.mp4.playback.json")["position"] == 30
    assert found(served, "progress:") == ["d.mp4"]


def test_copies_share_it_when_one_goes(served: Served, library: Library, cli: Cli) -> None:
    for name in ("a.mp4", "copy of a.mp4"):
        library.add("short.mp4", name)
        library.forget(library.root / name)
    url = "/videos/copy of a.mp4/playback"
    served.client.patch(url, json={"watched": True})
    served.client.patch(url, json={"position": 30, "duration": 100})
    assert cli("dupes", library.root, "--apply", "trash", "--keep", "a.mp4").code == 0
    kept = served.get(URL)
    assert kept["watched"] and kept["position"] == 30
