"""Videos of other types than a command takes: never left out in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library
from support.served import Served

LINE = "3 other videos (.mkv 2, .avi 1) are left out: --ext '*' takes them"
COUNTS = {".mkv": 2, ".avi": 1}


@pytest.fixture
def films(library: Library) -> Path:
    """A folder with one .mp4, and one below it; others that no command may open: they are empty."""
    (library.root / "below").mkdir()
    library.add("short.mp4")
    for name in ("a.mkv", "B.MKV", "c.avi", "below/d.webm", "._e.mkv", "f.txt", "mkv"):
        (library.root / name).touch()
    (library.root / "folder.mkv").mkdir()
    return library.root


COMMANDS = ["meta", "list", "list -q ext:mkv", "list --sort size", "report", "tags", "tags --list"]
COMMANDS += ["dupes", "search moon", "verify", "listing", "finish --tasks meta", "meta,list"]
COMMANDS += ["export --format nfo --dry-run", "batch --dry-run", "meta,report", "tags --set x"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_walk_says_it_once(cli: Cli, films: Path, command: str) -> None:
    name, *words = command.split()
    text, flags = (words[:1], words[1:]) if name == "search" else ([], words)
    run = cli(name, *text, films, *flags, "--json")
    assert run.code == 0, run.err
    assert run.err.count("left out") == 1 and LINE in run.err.splitlines()
    if isinstance(run.json, list):
        assert command.startswith("list")
    else:
        assert run.json["left_out_types" if command == "listing" else "left_out"] == COUNTS
    assert cli(name, *text, films, *flags).err.count(LINE) == 1  # the same again, from the cache


def test_folders_below_count_where_they_are_walked(cli: Cli, films: Path) -> None:
    below = "4 other videos (.mkv 2, .avi 1, .webm 1) are left out: --ext '*' takes them"
    for command in ("meta", "list", "report", "list"):
        assert below in cli(command, films, "-r").err
        assert LINE in cli(command, films).err
    (films / "c.avi").unlink()
    assert "2 other videos (.mkv 2) are left out" in cli("list", films).err


@pytest.mark.parametrize("flags", [("--ext", "*"), ("--ext", "all"), ("--ext", "ALL,.mp4")])
def test_all_types_leave_nothing_out(cli: Cli, films: Path, flags: tuple[str, ...]) -> None:
    run = cli("list", films, *flags, "--json")
    assert run.err == "" and len(run.json) == 4


def test_types_that_were_chosen_leave_out_the_others(cli: Cli, films: Path) -> None:
    run = cli("list", films, "--ext", "mkv,avi")
    assert "1 other video (.mp4 1) is left out: --ext '*' takes it\n" in run.err


@pytest.mark.parametrize("words", [("B.MKV", "a.mkv", "c.avi"), ("clip.mp4",), ("below", "mkv")])
def test_a_star_that_the_shell_has_taken(
    cli: Cli, films: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(films)
    run = cli("list", "--ext", *words)
    assert run.code == 2 and not run.out
    assert f"--ext {words[0]}: is the name of a file" in run.err and "--ext all" in run.err


def test_the_api(films: Path, served: Served) -> None:
    def left_out(path: str) -> Any:
        return served.get(path)["left_out"]

    assert left_out("/videos") == left_out("/videos") == COUNTS
    assert left_out("/videos?ext=all") == {}
    assert left_out("/videos?recursive=1") == {**COUNTS, ".webm": 1}
    assert left_out("/report") == left_out("/phash/duplicates") == COUNTS
    assert left_out("/search?text=moon") == COUNTS
    job = served.job("meta")
    assert job["result"]["left_out"] == COUNTS


class TestConfiguration:
    def test_the_folders_own_file_may_name_types(self, cli: Cli, films: Path) -> None:
        (films / "videorc.json").write_text(json.dumps({"extensions": [".mp4", "mkv"]}))
        run = cli("list", films, "--json")
        assert len(run.json) == 3 and "1 other video (.avi 1) is left out" in run.err
        assert len(cli("list", films, "--ext", "avi", "--json").json) == 1

    def test_but_none_that_is_no_video(self, cli: Cli, films: Path) -> None:
        (films / "videorc.json").write_text(json.dumps({"extensions": ".mp4,.txt"}))
        run = cli("list", films)
        assert run.code == 2 and "extensions: .txt is no type of video" in run.err
        named = cli("--config", films / "videorc.json", "list", films, "--json")
        assert len(named.json) == 2

    def test_the_users_own_stands_between(
        self, cli: Cli, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own = tmp_path / "video-library" / "videorc.json"
        own.parent.mkdir()
        own.write_text(json.dumps({"extensions": "all", "artifacts_dir": str(tmp_path / "kept")}))
        monkeypatch.setenv("XDG_CONFIG_HOME", "relative")  # which the specification has ignored
        monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
        assert len(cli("list", films, "--json").json) == 1
        (tmp_path / "nobody" / ".config").mkdir(parents=True)
        (tmp_path / "nobody" / ".config" / "video-library").symlink_to(own.parent)
        (films / "videorc.json").write_text(json.dumps({"extensions": ".avi"}))
        assert len(cli("list", films, "--json").json) == 4
        monkeypatch.setenv("VIDEORC", str(films / "videorc.json"))
        assert len(cli("list", films, "--json").json) == 1
        own.write_text("{")
        monkeypatch.delenv("VIDEORC")
        run = cli("list", films)
        assert run.code == 2 and "videorc.json: not valid JSON" in run.err
