"""Ratings, notes, dates and further keys in tags files: set, shown, searched, exported, merged."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from conftest import Cli
from support import Library, Run

Listed = Callable[[str], list[str]]


@pytest.fixture
def listed(cli: Cli, library: Library) -> Listed:
    """The names of the videos that match a query."""

    def names(query: str) -> list[str]:
        run = cli("list", library.root, "-q", query, "--json")
        assert run.code == 0, run.err
        return [row["name"] for row in run.json]

    return names


@pytest.fixture
def tag(cli: Cli, library: Library) -> Callable[..., Run]:
    """Changes the tags of a video, which is made where there is none."""

    def change(name: str, *words: object) -> Run:
        if not (library.root / name).exists():
            library.add_bytes(name, name.encode())
        return cli("tags", library.root / name, *words, "--json")

    return change


def test_a_rating_a_favourite_a_note_and_a_date(
    tag: Callable[..., Run], library: Library, cli: Cli
) -> None:
    words = ("--rating", 4, "--note", " Seen\ntwice ", "--date", "2024-01-31")
    run = tag("a.mp4", *words, "--favourite", "yes")
    expected = {"rating": 4, "favourite": True, "note": "Seen\ntwice", "date": "2024-01-31"}
    assert run.json == {"video": "a.mp4", "tags": [], "performers": [], **expected}
    stored = library.json("a.mp4.tags.json")
    assert {key: stored[key] for key in expected} == expected
    text = cli("tags", library.root).out
    details = "rating: 4; favourite: yes; note: Seen\\ntwice; date: 2024-01-31"
    assert text == f"a.mp4: no tags; {details}\n"
    assert tag("a.mp4", "--rating", "3.46").json["rating"] == 3.5
    run = tag("a.mp4", "--rating", "", "--note", "", "--date", "", "--favourite", "no")
    assert run.json == {"video": "a.mp4", "tags": [], "performers": []}
    assert library.artifacts() == []


@pytest.mark.parametrize(
    ("flag", "value", "reason"),
    [
        ("--rating", "7", "rating: 7 is not from 0 to 5"),
        ("--rating", "nan", "rating: nan is not from 0 to 5"),
        ("--rating", "good", "rating: good "),
        ("--favourite", "perhaps", "--favourite"),
        ("--note", "a\x1b[2Jb", "has control characters"),
        ("--note", "n" * 10_001, "has more than 10,000 characters"),
        ("--date", "2023-02-29", "is not a date such as 2024, 2024-01 or 2024-01-31"),
        ("--date", "soon", "is not a date such as"),
    ],
)
def test_what_is_none_is_refused(
    tag: Callable[..., Run], library: Library, flag: str, value: str, reason: str
) -> None:
    run = tag("a.mp4", flag, value)
    assert run.code == 2 and reason in run.err
    assert library.artifacts() == []


def test_queries_of_ratings_favourites_notes_and_dates(
    tag: Callable[..., Run], listed: Listed
) -> None:
    tag("a.mp4", "--rating", 4.5, "--note", "By the SEA", "--date", "2024-03")
    tag("b.mp4", "--rating", 2, "--date", "2023-12-24")
    tag("c.mp4", "--rating", 0, "--favourite", "yes")
    tag("d.mp4")
    assert listed("favourite:") == listed("favourite:yes") == ["c.mp4"]
    assert listed("favourite:no") == listed("-favourite:") == ["a.mp4", "b.mp4", "d.mp4"]
    assert listed("rating:>=4") == ["a.mp4"]
    assert listed("rating:0..2") == ["b.mp4", "c.mp4"]
    assert listed("-rating:>=0") == ["d.mp4"]
    assert listed('note:"the sea"') == ["a.mp4"]
    assert listed("date:2024*") == listed("date:>2023") == ["a.mp4"]
    assert listed("date:..2024") == ["a.mp4", "b.mp4"]
    assert listed("date:2023-12..2024-02") == ["b.mp4"]


def test_a_query_of_no_rating_is_refused(cli: Cli, library: Library) -> None:
    run = cli("list", library.root, "-q", "rating:>6")
    assert (run.code, run.out) == (2, "")
    assert "rating:>6: not 0 to 5; say for example >=4 or 2..3.5" in run.err


def test_the_best_come_first(tag: Callable[..., Run], cli: Cli, library: Library) -> None:
    for name, rating in (("a.mp4", 2), ("b.mp4", 5), ("c.mp4", "")):
        tag(name, "--rating", rating)
    run = cli("list", library.root, "--sort", "rating", "--json")
    assert [row["name"] for row in run.json] == ["b.mp4", "a.mp4", "c.mp4"]


def test_queries_of_keys_that_people_put_there(
    library: Library, listed: Listed, tag: Callable[..., Run]
) -> None:
    tag("a.mp4", "--set", "x")
    path = library.artifact("a.mp4.tags.json")
    record = json.loads(path.read_text())
    keys = {"studio": "Acme Films", "year": 1999, "ids": {"imdb": "tt12"}, "rating": "PG-13"}
    path.write_text(json.dumps(record | keys | {"cast": ["Ann", "Bo"], "seen": True}))
    for query in (
        *('x.studio:"acme films"', "x.studio:acme*", "X.Studio:*", "x.year:1990..2000"),
        *("x.year:>=1999", "x.ids.imdb:tt12", "x.cast:bo", "x.seen:true", "x.rating:pg*"),
    ):
        assert listed(query) == ["a.mp4"], query
    for query in ("x.studio:acme", "x.year:>1999", "x.nothing:*", "-x.seen:true", "rating:>=0"):
        assert listed(query) == [], query
    tag("a.mp4", "--set", "y")
    assert json.loads(path.read_text())["rating"] == "PG-13"


def test_an_export_and_an_import(tag: Callable[..., Run], cli: Cli, library: Library) -> None:
    tag("a.mp4", "--rating", 4, "--note", "Fine")
    tag("b.mp4")
    export = library.root.parent / "tags.json"
    cli("tags", library.root, "--export", export)
    (row,) = json.loads(export.read_text())["videos"]
    assert row == {"video": "a.mp4", "tags": [], "performers": [], "rating": 4, "note": "Fine"}
    tag("a.mp4", "--rating", 1, "--note", "")
    run = cli("tags", library.root, "--import", export, "--force")
    assert run.code == 0, run.err
    assert tag("a.mp4").json == row | {"rating": 1}  # what is there stays, what lacks comes
    cli("tags", library.root, "--import", export, "--force", "--mode", "replace")
    assert tag("a.mp4").json == row
    cli("tags", library.root, "--undo")
    assert tag("a.mp4").json["rating"] == 1
    export.write_text(json.dumps({"videos": [row | {"rating": 9}]}))
    run = cli("tags", library.root, "--import", export, "--force")
    assert run.code == 2 and "rating: 9 is not from 0 to 5" in run.err


def test_the_keeper_of_duplicates_takes_what_it_lacks(cli: Cli, library: Library) -> None:
    records = {
        "a.mp4": {"tags": ["one"], "note": "first", "studio": "Acme"},
        "b.mp4": {"tags": ["two"], "rating": 3, "note": "second", "studio": "Other"},
    }
    for name, record in records.items():
        library.add_bytes(name, b"the same" * 2000)
        library.artifact(f"{name}.tags.json").parent.mkdir(exist_ok=True)
        library.artifact(f"{name}.tags.json").write_text(json.dumps(record))
    (library.root / "b.mp4").rename(library.root / "later.mp4")
    library.artifact("b.mp4.tags.json").rename(library.artifact("later.mp4.tags.json"))
    library.forget(library.root / "b.mp4")
    library.keep(library.root / "later.mp4")
    run = cli("dupes", library.root, "--apply", "trash", "--json")
    assert run.code == 0, run.err
    (kept,) = (path for path in library.root.glob("*.mp4"))
    for name in ("a.mp4", "later.mp4"):
        if name != kept.name:
            library.forget(library.root / name)
    merged = library.json(f"{kept.name}.tags.json")
    assert sorted(merged["tags"]) == ["one", "two"] and merged["rating"] == 3
    assert sorted(merged["note"].split("\n\n")) == ["first", "second"]
    assert merged["studio"] in ("Acme", "Other")
