"""`tags --performers`: performers from the people that `listing` found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library, faces


@pytest.fixture
def films(cli: Cli, library: Library) -> Library:
    """Ann (#1) for 4 s in a.mp4 and sub/b.mp4; bea (#2) for 3 s in a.mp4 alone."""

    def make(folder: Library) -> None:
        faces.film(folder, "a.mp4", (4, ["ann"]), (3, ["bea"]))
        faces.film(folder, "sub/b.mp4", (4, ["ann"]))
        cli("listing", folder.root, "-r")

    library.add_made("performers", make)
    for number, name in ((1, "Ann"), (2, "Bea")):
        assert cli("people", library.root, "--rename", number, name).code == 0
    return library


def performers(cli: Cli, library: Library, *words: object) -> dict[str, list[str]]:
    run = cli("tags", library.root, "-r", "--json", *words)
    assert run.code == 0, run.err
    return {row["video"]: row["performers"] for row in run.json["results"]}


def stored(library: Library, name: str = "a.mp4") -> Any:
    return library.json(f"{name}.tags.json")


@pytest.mark.slow
def test_from_the_index(cli: Cli, films: Library) -> None:
    told = performers(cli, films, "--performers", "--set", "x")
    assert told == {"a.mp4": ["Ann", "Bea"], "sub/b.mp4": ["Ann"]}
    record = stored(films)
    assert record["performers_inferred"] == ["Ann", "Bea"]
    assert record["tags"] == ["x"]


def test_min_occurrences(cli: Cli, films: Library) -> None:
    told = performers(cli, films, "--performers", "--min-occurrences", 4)
    assert told == {"a.mp4": ["Ann"], "sub/b.mp4": ["Ann"]}
    assert cli("tags", films.root, "--performers", "--min-occurrences", 0).code == 2


def test_one_video_by_the_listing_around_it(cli: Cli, films: Library) -> None:
    run = cli("tags", films.root / "sub/b.mp4", "--performers", "--json")
    assert run.json["performers"] == ["Ann"]
    run = cli("tags", films.root / "sub", "--refresh-performers", "--json")
    assert [row["performers"] for row in run.json["results"]] == [["Ann"]]


def test_names_by_hand_stay(cli: Cli, films: Library) -> None:
    performers(cli, films, "--add-performers", "Zoe, bea")
    told = performers(cli, films, "--performers")
    assert told["a.mp4"] == ["Zoe", "bea", "Ann"]
    assert stored(films)["performers_inferred"] == ["Ann"]
    cli("people", films.root, "--rename", 1, "Anna")
    assert performers(cli, films, "--performers")["a.mp4"] == ["Zoe", "bea", "Ann", "Anna"]
    assert performers(cli, films, "--refresh-performers")["a.mp4"] == ["Zoe", "bea", "Anna"]
    assert performers(cli, films, "--refresh-performers", "--min-occurrences", 99)["a.mp4"] == [
        "Zoe",
        "bea",
    ]


def test_who_was_removed_stays_away(cli: Cli, films: Library) -> None:
    performers(cli, films, "--performers")
    assert performers(cli, films, "--remove-performers", "ann")["a.mp4"] == ["Bea"]
    assert performers(cli, films, "--performers")["a.mp4"] == ["Bea"]
    assert performers(cli, films, "--refresh-performers")["a.mp4"] == ["Ann", "Bea"]
    told = performers(cli, films, "--remove-performers", "Bea", "--refresh-performers")
    assert told["a.mp4"] == ["Ann"]
    assert performers(cli, films, "--clear-performers") == {"a.mp4": [], "sub/b.mp4": []}


def test_hidden_and_nameless_people_are_nobodys_performers(cli: Cli, films: Library) -> None:
    cli("people", films.root, "--hide", 2)
    faces.film(films, "c.mp4", (4, ["dan"]))
    cli("listing", films.root, "-r")
    told = performers(cli, films, "--performers")
    assert told == {"a.mp4": ["Ann"], "c.mp4": [], "sub/b.mp4": ["Ann"]}


def test_when_nobody_is_known_any_more(cli: Cli, films: Library) -> None:
    performers(cli, films, "--performers", "--add-performers", "Zoe")
    films.artifact(".faces.index.json").unlink()
    run = cli("tags", films.root, "-r", "--refresh-performers")
    assert run.code == 2  # there are signatures: to take names away would be rash
    assert "index.py listing" in run.err and len(run.err.splitlines()) == 1
    assert stored(films)["performers"] == ["Zoe", "Ann", "Bea"]
    assert cli("embed", films.root, "-r", "--purge").code == 0
    assert cli("tags", films.root, "-r", "--performers").code == 2
    told = performers(cli, films, "--refresh-performers")
    assert told == {"a.mp4": ["Zoe"], "sub/b.mp4": ["Zoe"]}
    assert "performers_inferred" not in stored(films)
    told = performers(cli, films, "--clear-performers")
    assert told == {"a.mp4": [], "sub/b.mp4": []}


@pytest.mark.slow
def test_a_folder_of_a_gallery_with_a_comma(cli: Cli, library: Library, tmp_path: Path) -> None:
    video = faces.film(library, "a.mp4", (4, ["obama"]))
    (tmp_path / "gallery" / "Obama, Barack").mkdir(parents=True)
    faces.portrait_of("obama", tmp_path / "gallery" / "Obama, Barack" / "one.png")
    assert cli("listing", library.root, "--gallery", tmp_path / "gallery").code == 0
    run = cli("tags", video, "--performers")
    assert run.out == 'a.mp4: no tags; performers: "Obama, Barack"\n'
    run = cli("tags", video, "--remove-performers", '"obama, barack"', "--json")
    assert run.json["performers"] == []


def test_without_a_listing(cli: Cli, library: Library) -> None:
    library.add("short.mp4")
    run = cli("tags", library.root, "--performers")
    assert run.code == 2
    assert "listing" in run.err
    library.artifact("x").parent.mkdir()
    library.artifact(".faces.index.json").write_text("{")
    run = cli("tags", library.root, "--performers")
    assert run.code == 1
    assert "corrupt" in run.err
    assert json.loads(cli("tags", library.root, "--json").out)["total"] == 1
