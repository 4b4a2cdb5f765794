"""Single videos where a folder of videos is expected."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from support import Library


@pytest.fixture
def films(library: Library) -> Path:
    """Two videos, one of another type below, and one that is never named."""
    (library.root / "below").mkdir()
    library.add("short.mp4")
    for name in ("other.mp4", "below/deep.mkv", "unnamed.mp4"):
        (library.root / name).hardlink_to(library.root / "short.mp4")
    return library.root


def test_one_and_several(cli: Cli, films: Path) -> None:
    one = cli("thumbs", films / "short.mp4", "--json")
    assert one.counts == {"made": 1} and one.err == ""
    names = [films / "short.mp4", films / "below/deep.mkv"]
    several = cli("thumbs", *names, "--json")
    assert several.counts == {"made": 1, "skipped": 1}
    assert [row["video"] for row in several.json["results"]] == ["short.mp4", "below/deep.mkv"]
    assert (films / "below/.artifacts/deep.mkv.jpg").is_file()
    assert not (films / ".artifacts/other.mp4.jpg").exists()
    again = cli("meta,thumbs", "--force", *names, "-r", "--json")
    assert [report["counts"]["made"] for report in again.json["tasks"]] == [2, 2]


COMMANDS = ["list", "report", "tags", "tags --set x", "dupes", "verify", "codecs", "search moon"]
COMMANDS += ["finish --tasks thumbs", "export --format nfo", "export --format nfo --remove"]
COMMANDS += ["list -q missing:thumbs", "list --sort size", "meta,list", "export --format m3u8"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_takes_a_folder(cli: Cli, films: Path, command: str) -> None:
    name, *words = command.split()
    text, flags = (words[:1], words[1:]) if name == "search" else ([], words)
    run = cli(name, *text, films / "short.mp4", films / "other.mp4", *flags)
    assert run.code == 0, run.err
    assert "unnamed" not in run.out and "left out" not in run.err
    assert not [p for p in films.rglob("*") if p.name.startswith("unnamed.mp4.")]
    if command in ("list", "tags --set x", "codecs", "list -q missing:thumbs"):
        assert run.out.count("short.mp4") == run.out.count("other.mp4") == 1
    if command == "dupes":
        assert cli(name, films / "short.mp4", "--json").json["total"] == 1


def test_what_a_catalogue_knows_of_the_others_stays(cli: Cli, films: Path) -> None:
    cli("tags", films, "--set", "all", "-r", "--ext", "all")
    one = cli("tags", films / "other.mp4", "--set", "one", "--json").json
    assert one == {"video": "other.mp4", "tags": ["all", "one"], "performers": []}
    both = cli("tags", films / "short.mp4", films / "other.mp4", "--json").json
    assert [row["tags"] for row in both["results"]] == [["all", "one"], ["all"]]
    assert cli("list", films, "-q", "tag:all", "--json", "-r", "--ext", "all").out.count("rel") == 0
    assert len(cli("list", films, "-q", "tag:all", "--json").json) == 3


def test_a_transcode_has_its_folder_last(cli: Cli, films: Path, tmp_path: Path) -> None:
    dest = tmp_path / "out"
    names = [films / "short.mp4", films / "below/deep.mkv"]
    run = cli("transcode", *names, dest, "--dry-run", "--json")
    assert {row["video"] for row in run.json["actions"]} == {"short.mp4", "below/deep.mkv"}
    assert cli("transcode", films, dest, "--dry-run", "--json").json["total"] == 3


def test_a_link_that_leads_nowhere_fails_alone(cli: Cli, films: Path) -> None:
    (films / "link.mp4").symlink_to("nowhere.mp4")
    run = cli("thumbs", films / "link.mp4", films / "short.mp4", "--json")
    assert run.code == 1 and run.counts == {"made": 1, "failed": 1}
    (films / "link.mp4").unlink()


BAD = [
    ("thumbs below short.mp4", "below: is a folder: name one folder, or files"),
    ("thumbs short.mp4 gone.mp4", "gone.mp4: no such file"),
    ("thumbs gone.mp4", "gone.mp4: no such file or directory"),
    ("thumbs notes.txt", "notes.txt: is no name of a video: see --ext"),
    ("list short.mp4 notes.txt", "notes.txt: is no name of a video: see --ext"),
    ("listing short.mp4", "short.mp4: is a file: listing takes a folder of videos"),
    ("people short.mp4", "short.mp4: is a file: people takes a folder of videos"),
    ("orphans short.mp4", "short.mp4: is a file: orphans takes a folder of videos"),
    ("watch short.mp4", "short.mp4: is a file: watch takes a folder of videos"),
    ("embed short.mp4 --purge", "short.mp4: is a file: embed --purge takes a folder of videos"),
    ("tags short.mp4 --undo", "short.mp4: is a file: tags --undo takes a folder of videos"),
    ("dupes short.mp4 --undo", "short.mp4: is a file: dupes --undo takes a folder of videos"),
    ("rename --batch -d short.mp4 --source a", "short.mp4: not a directory"),
    ("serve --root short.mp4", "short.mp4: not a directory"),
]


@pytest.mark.parametrize(("line", "message"), BAD)
def test_what_makes_no_sense(
    cli: Cli, films: Path, monkeypatch: pytest.MonkeyPatch, line: str, message: str
) -> None:
    (films / "notes.txt").touch()
    monkeypatch.chdir(films)
    run = cli(*line.split())
    assert run.code == 2 and message in run.err and run.err.count("\n") == 1


def test_another_type_where_it_was_allowed(cli: Cli, films: Path) -> None:
    (films / "recording.dat").hardlink_to(films / "short.mp4")
    assert cli("list", films / "recording.dat").code == 2
    run = cli("list", films / "recording.dat", "--ext", "dat", "--json")
    assert [row["name"] for row in run.json] == ["recording.dat"]
    (films / "recording.dat").unlink()
