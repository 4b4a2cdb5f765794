"""Artifacts that were made with other parameters: skipped, but not in silence."""

from __future__ import annotations

import json
import re

import pytest
from conftest import Cli
from support import Library

from videolib.storage.parameters import differing_parameters

# Each kind, with a parameter that differs, and how the parameter it was made with is shown.
KINDS = [
    ("thumbs", ("--time", "25%"), "time middle"),
    ("sprites", ("--interval", 3), "interval 10"),
    ("phash", ("--algo", "dct", "--frames", 3), "frames 5, algo ahash"),
    ("heatmaps", ("--mode", "motion"), "mode both"),
    ("scenes", ("--threshold", 0.3), "threshold 0.4"),
    ("previews", ("--segments", 2), "segments 1"),
]
ADVICE = "--force makes them again, --changed them alone"


def line(kind: str, count: int, parameters: str) -> str:
    return f"{kind}: {count} are made with other parameters ({parameters}): {ADVICE}"


@pytest.fixture
def made(cli: Cli, library: Library) -> Library:
    """Two videos with every kind of picture."""

    def make(made: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            made.add("short.mp4", name)
        chain = ",".join(kind for kind, _, _ in KINDS)
        assert cli(chain, made.root, "--segments", 1).code == 0

    library.add_made("other-parameters", make)
    return library


@pytest.mark.parametrize(("kind", "flags", "parameters"), KINDS)
def test_every_kind(
    cli: Cli, made: Library, kind: str, flags: tuple[str | float, ...], parameters: str
) -> None:
    skipped = cli(kind, made.root, *flags, "--json")
    assert skipped.code == 0 and skipped.counts == {"skipped": 2}
    assert line(kind, 2, parameters) in skipped.err.splitlines()
    notes = {row["note"] for row in skipped.json["results"]}
    assert notes == {f"made with other parameters ({parameters})"}
    made.add("short.mp4", "c.mp4")
    assert cli(kind, made.root, *flags, "--changed", "--json").counts == {"made": 3}
    again = cli(kind, made.root, *flags, "--changed", "--json")
    assert again.counts == {"skipped": 3} and again.err == ""


def test_a_chain_a_batch_and_finish_alike(cli: Cli, made: Library) -> None:
    sprites, thumbs = line("sprites", 2, "interval 10"), line("thumbs", 2, "time middle")
    flags = ("--interval", 3, "--time", "25%")
    run = cli("thumbs,sprites", made.root, *flags)
    assert sprites in run.err and thumbs in run.err
    (made.root / "videorc.json").write_text(json.dumps({"sprites": {"interval": 3}}))
    for command in ("batch", "finish"):
        run = cli(command, made.root, "--tasks", "sprites,heatmaps", "--json")
        assert sprites in run.err and run.err.count("other parameters") == 1
        assert [report["counts"]["skipped"] for report in run.json["tasks"]] == [2, 2]
    planned = cli("batch", made.root, "--tasks", "sprites", "--changed", "--dry-run", "--json")
    (report,) = planned.json["tasks"]
    assert report["counts"]["planned"] == 2 and "interval 10" in report["results"][0]["note"]
    run = cli("finish", made.root, "--tasks", "sprites,heatmaps", "--changed", "--json")
    assert [report["counts"]["made"] for report in run.json["tasks"]] == [2, 0]


def test_further_files_are_no_other_parameters(cli: Cli, made: Library) -> None:
    """What somebody made beside an artifact does not make it another."""
    assert cli("heatmaps", made.root, "--png", "--json").counts == {"made": 2}
    assert cli("heatmaps", made.root).err == ""
    assert cli("phash", made.root, "--deep", "--json").counts == {"made": 2}
    assert cli("phash", made.root, "--changed", "--json").counts == {"skipped": 2}


def test_several_sorts_of_them(cli: Cli, made: Library) -> None:
    cli("sprites", made.root, "--only", "b.mp4", "--interval", 5, "--force")
    made.add("short.mp4", "c.mp4")
    cli("sprites", made.root)
    run = cli("sprites", made.root, "--interval", 3)
    assert line("sprites", 3, "most of them interval 10") in run.err
    run = cli("sprites", made.root, "--interval", 5)
    assert line("sprites", 2, "interval 10") in run.err


def test_what_records_no_parameters_is_taken_as_it_is(cli: Cli, made: Library) -> None:
    """Thumbnails of an earlier version name only their source; damaged records nothing."""
    picture = made.root / ".artifacts/a.mp4.jpg"
    data = picture.read_bytes()
    comment = re.search(rb"\xff\xfe(..)(\{.*?\}\})", data, re.DOTALL)
    assert comment
    source = re.sub(rb', "params": .*', b"}", comment[2])
    segment = b"\xff\xfe" + (len(source) + 2).to_bytes(2) + source
    picture.write_bytes(data[: comment.start()] + segment + data[comment.end() :])
    run = cli("thumbs", made.root, "--time", "25%", "--json")
    assert run.counts == {"skipped": 2}
    assert "thumbs: 1 is made with other parameters (time middle)" in run.err


def test_parameters_compared() -> None:
    recorded = {"a": 1.0, "b": [1, 2], "gone": 1, "flag": True, "text": "", "c": 2}
    assert differing_parameters(recorded, {"a": 1, "b": (1, 2), "new": 5, "c": 2}) == ""
    wanted = {"a": 2.5, "b": (), "flag": False, "text": "x", "c": 3}
    assert differing_parameters(recorded, wanted, ("c",)) == "a 1, b 1,2, flag on, text none"
