"""Messages: what was wrong or not found, why, and what to do about it, in one line."""

from __future__ import annotations

import pytest
from conftest import Cli
from support import Library


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["transcode", "films"], "transcode: DEST is missing, the folder for the outputs: "),
        (["transcode", "films", "films/mp4"], "films/mp4: is the folder of the videos or inside"),
        (["search"], "search: no word is in it: name one, as in search TEXT [DIR]"),
        (["search", " "], "search: no word is in it: name one, as in search TEXT [DIR]"),
        (["thumbs", "films", "--quality", "x"], "--quality should be a whole number; got x"),
        (["thumbs", "films", "--quality", "2.5"], "--quality should be a whole number; got 2.5"),
        (["sprites", "films", "--interval", "x"], "--interval should be a number; got x"),
        (
            ["thumbs", "films", "--time", "soon"],
            "--time should be SECONDS|NN%|middle|auto; got soon",
        ),
        (
            ["dupes", "films", "--duration-tolerance", "x"],
            "--duration-tolerance should be SECONDS|NN%; got x",
        ),
        (
            ["watch", "films", "--hours", "night"],
            "--hours should be HH[:MM]-HH[:MM]; got night",
        ),
    ],
    ids=str,
)
def test_a_mistake(cli: Cli, library: Library, args: list[str], message: str) -> None:
    (library.root / "films").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(library.root)
        run = cli(*args)
    assert (run.code, run.out) == (2, "")
    (line,) = run.err.splitlines()
    assert line.startswith(f"index.py: {message}")


def test_a_folder_of_videos_is_no_folder_for_outputs(
    cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it has outputs already, or it is said of which folder they are to be."""
    library.add_bytes("films/a.mp4", b"x")
    (library.root / "here").mkdir()
    monkeypatch.chdir(library.root / "here")
    run = cli("transcode", "../films")
    assert run.code == 2 and "DEST is missing" in run.err
    assert cli("transcode", ".", "../films").code == 0
    library.artifact("a.mp4.transcode.json", "films").parent.mkdir(exist_ok=True)
    library.artifact("a.mp4.transcode.json", "films").write_text("{}")
    assert cli("transcode", "../films").code == 0


ADVICE = "-r looks into the folders below, --ext '*' takes every type of video\n"


class TestNothingMatches:
    def test_rename(self, cli: Cli, library: Library) -> None:
        library.add_bytes("a.mp4", b"x")
        words = ("--source", "zzz", "--target", "y")
        run = cli("rename", "--batch", "-d", library.root, *words)
        assert run.code == 0
        assert run.err == f'no .mp4 here has "zzz" in its name: {ADVICE}'
        everywhere = cli("rename", "--batch", "-d", library.root, *words, "-r", "--ext", "*")
        assert everywhere.err == 'no video here has "zzz" in its name\n'

    def test_tags(self, cli: Cli, library: Library) -> None:
        assert cli("tags", library.root).err == f"no .mp4 here: {ADVICE}"
        library.add_bytes("a.mp4", b"x")
        assert cli("tags", library.root).err == "1 video, none with tags, performers or ratings\n"
        assert cli("tags", library.root, "-q", "tag:x").err == "no video is like that\n"
        assert cli("tags", library.root, "--json").json["total"] == 1
        cli("tags", library.root / "a.mp4", "--set", "x")
        assert cli("tags", library.root).err == ""


@pytest.mark.parametrize("command", [["thumbs"], ["phash", "--frames", "1"]], ids=str)
def test_a_time_past_the_end(cli: Cli, library: Library, command: list[str]) -> None:
    library.add("short.mp4")
    run = cli(*command, library.root, "--time", "99", "--json")
    assert run.code == 0
    (row,) = run.json["results"]
    assert row["note"].startswith("99 is past the end (")
    assert row["note"].endswith("s): the last frame was taken")
    assert cli(*command, library.root, "--time", "100%", "--force").err == ""


def test_serve_takes_its_folder_like_every_command(cli: Cli, library: Library) -> None:
    run = cli("serve", library.root / "nowhere")
    assert run.code == 2
    assert "nowhere: no such file or directory" in run.err
