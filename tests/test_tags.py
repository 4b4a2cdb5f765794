"""Tags and performers: what is kept, who may change it at the same time, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, Library, modes_count, run_unprivileged

import index


@pytest.fixture
def video(library: Library) -> Path:
    return library.add_bytes("movie.mp4", b"this is a test" * 1000)


def known(path: Path) -> index.Video:
    return index.Video(str(path), path.name, str(path.parent / ".artifacts"))


class TestChange:
    def test_tags_are_added_and_kept_in_a_plain_file(self, cli: Cli, video: Path) -> None:
        run = cli("tags", video, "--set", "action, night ", "--json")
        assert run.code == 0, run.err
        assert run.json == {"video": "movie.mp4", "tags": ["action", "night"], "performers": []}
        stored = json.loads((video.parent / ".artifacts/movie.mp4.tags.json").read_text())
        assert stored["tags"] == ["action", "night"] and stored["performers"] == []
        with video.open("rb") as file:
            assert stored["source"]["oshash"] == index.oshash(file.fileno())
        assert stored["source"]["size"] == 14000
        assert cli("tags", video).out == "movie.mp4: action, night\n"

    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["--set", "b,c"], ["Action", "b", "c"]),
            (["--set", "ACTION,new"], ["Action", "b", "new"]),
            (["--set", "x,X, x ,", "--mode", "replace"], ["x"]),
            (["--set", "", "--mode", "replace"], []),
            (["--remove", "ACTION"], ["b"]),
            (["--remove", "b,nope", "--set", "final", "--mode", "add"], ["Action", "final"]),
            (["--remove", "b", "--set", "b"], ["Action", "b"]),
            (["--set", "STRASSE,straße,caf\u00e9,cafe\u0301"], ["Action", "b", "STRASSE", "café"]),
        ],
    )
    def test_modes(self, cli: Cli, video: Path, words: list[str], expected: list[str]) -> None:
        cli("tags", video, "--set", "Action,b")
        run = cli("tags", video, *words, "--json")
        assert run.code == 0, run.err
        assert run.json["tags"] == expected
        assert cli("tags", video, "--json").json["tags"] == expected

    def test_performers(self, cli: Cli, video: Path) -> None:
        cli("tags", video, "--add-performers", "Jane Doe,John Roe", "--set", "t")
        run = cli("tags", video, "--remove-performers", "jane doe", "--json")
        assert run.json == {"video": "movie.mp4", "tags": ["t"], "performers": ["John Roe"]}
        assert cli("tags", video).out == "movie.mp4: t; performers: John Roe\n"
        assert cli("tags", video, "--clear-performers", "--json").json["performers"] == []

    def test_a_folder(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "sub/b.mp4", "c.txt"):
            library.add_bytes(name, b"some bytes of it")
        run = cli("tags", library.root, "-r", "--set", "x", "--json")
        assert run.json["total"] == 2 and not run.json["errors"]
        assert [row["video"] for row in run.json["results"]] == ["a.mp4", "sub/b.mp4"]
        assert library.json("b.mp4.tags.json", "sub")["video"] == "sub/b.mp4"
        assert cli("tags", library.root).out == "a.mp4: x\n"
        assert cli("report", library.root, "-r", "--json").json["counts"]["tags"] == 2

    def test_what_changes_nothing_writes_nothing(self, cli: Cli, video: Path) -> None:
        assert cli("tags", video, "--remove", "x").code == 0
        assert not (video.parent / ".artifacts").exists()
        cli("tags", video, "--set", "x")
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        before = stored.stat()
        cli("tags", video, "--set", "X", "--remove", "y")
        assert stored.stat().st_ino == before.st_ino

    def test_a_file_edited_by_hand_keeps_what_it_says(self, cli: Cli, video: Path) -> None:
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        stored.parent.mkdir()
        stored.write_text('{"tags": ["mine"], "rating": 5}')
        cli("tags", video, "--set", "new")
        told = json.loads(stored.read_text())
        assert told["tags"] == ["mine", "new"] and told["rating"] == 5
        assert told["video"] == "movie.mp4"

    def test_odd_names(self, cli: Cli, library: Library) -> None:
        for name in (os.fsdecode(b"bad-\xff.mp4"), "new\nline.mp4", "n" * 251 + ".mp4"):
            path = library.add_bytes(name, b"some bytes of it")
            run = cli("tags", path, "--set", "x", "--json")
            assert run.code == 0 and run.json["tags"] == ["x"], run.err
        assert cli("tags", library.root, "--json").json["total"] == 3


class TestRefused:
    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            "3",
            '{"tags": 3}',
            '{"tags": "a"}',
            '{"tags": [1]}',
            '{"tags": [], "performers": {}}',
            '{"tags": [], "x": NaN}',
            "[" * 100_000,
            '{"tags": ["half',
        ],
    )
    def test_a_corrupt_file_is_named_and_kept(self, cli: Cli, video: Path, content: str) -> None:
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        stored.parent.mkdir()
        stored.write_text(content)
        for words in (["--set", "x"], ["--clear-performers"], []):
            run = cli("tags", video, *words)
            assert run.code == 1
            assert "movie.mp4.tags.json is corrupt" in run.err and "mend it" in run.err
            assert len(run.err.splitlines()) == 1
        assert stored.read_text() == content

    def test_the_others_of_the_folder_are_done(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add_bytes(name, b"some bytes of it")
        library.artifact("x").parent.mkdir()
        library.artifact("a.mp4.tags.json").write_text("{")
        run = cli("tags", library.root, "--set", "x", "--json")
        assert run.code == 1
        assert [row["video"] for row in run.json["results"]] == ["b.mp4"]
        assert [row["video"] for row in run.json["errors"]] == ["a.mp4"]

    @pytest.mark.parametrize("name", ["a\nb", "a\x00b", "\x1b[31m", "a\u202eb", "\udcff"])
    def test_control_characters(self, cli: Cli, video: Path, name: str) -> None:
        for flag in ("--set", "--add-performers"):
            run = cli("tags", video, flag, f"fine,{name}")
            assert run.code == 2 and "control characters" in run.err
        assert not (video.parent / ".artifacts").exists()

    def test_bad_requests(self, cli: Cli, video: Path) -> None:
        assert cli("tags", video.parent / "nope").code == 2
        run = cli("tags", video, "--mode", "replace")
        assert run.code == 2 and "--set ''" in run.err
        assert cli("tags", video, "--mode", "bogus").code == 2

    def test_a_folder_without_write_permission(self, library: Library, video: Path) -> None:
        if not modes_count(library.root.parent):
            pytest.skip("modes do not count for who runs this")
        library.root.chmod(0o555)
        try:
            run = run_unprivileged("tags", video, "--set", "x")
        finally:
            library.root.chmod(0o755)
        assert run.code == 1 and "cannot write here" in run.err


class TestTogether:
    def test_none_of_200_updates_is_lost(self, video: Path) -> None:
        code = (
            "import index, sys\n"
            "path, home, who = sys.argv[1:]\n"
            "video = index.Video(path, 'movie.mp4', home)\n"
            "for n in range(50):\n"
            "    index.update_tags(video, index.TagChange([f'{who}-{n}']).apply)\n"
        )
        home = str(video.parent / ".artifacts")
        runs = [
            subprocess.Popen(
                [sys.executable, "-c", code, str(video), home, str(who)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            for who in range(4)
        ]
        assert [run.wait(60) for run in runs] == [0, 0, 0, 0]
        stored = json.loads(Path(home, "movie.mp4.tags.json").read_text())
        assert sorted(stored["tags"]) == sorted(f"{w}-{n}" for w in range(4) for n in range(50))

    def test_a_failed_write_leaves_the_old_file(
        self, cli: Cli, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cli("tags", video, "--set", "old")

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            run = cli("tags", video, "--set", "new")
        assert run.code == 1 and "the disk is full" in run.err
        assert cli("tags", video, "--json").json["tags"] == ["old"]

    def test_tags_of_a_video_that_went_away_are_not_made(self, video: Path) -> None:
        index.update_tags(known(video), index.TagChange(["x"]).apply)
        gone = index.Video(str(video) + "x.mp4", "x.mp4", str(video.parent / ".artifacts"))
        with pytest.raises(index.VideoError, match="vanished"):
            index.update_tags(gone, index.TagChange(["x"]).apply)


class TestInferred:
    """Performers that a program found among those that people entered."""

    def infer(self, video: Path, *names: str, refresh: bool = False) -> dict[str, Any]:
        return index.update_tags(
            known(video), lambda record: index.put_inferred(record, names, refresh)
        )

    def test_names_entered_by_hand_stay(self, cli: Cli, video: Path) -> None:
        cli("tags", video, "--add-performers", "Jane Doe")
        assert self.infer(video, "jane doe", "A")["performers"] == ["Jane Doe", "A"]
        found = self.infer(video, "B", refresh=True)
        assert found["performers"] == ["Jane Doe", "B"]
        assert found["performers_inferred"] == ["B"]

    def test_without_refresh_earlier_ones_stay(self, video: Path) -> None:
        self.infer(video, "A")
        assert self.infer(video, "B")["performers"] == ["A", "B"]
        assert self.infer(video, refresh=True)["performers"] == []

    def test_who_was_removed_by_hand_does_not_come_back(self, cli: Cli, video: Path) -> None:
        self.infer(video, "A", "B")
        cli("tags", video, "--remove-performers", "a")
        assert self.infer(video, "A", "B")["performers"] == ["B"]
        cli("tags", video, "--add-performers", "A")
        found = self.infer(video, "B", refresh=True)
        assert found["performers"] == ["A", "B"]
        assert found["performers_inferred"] == ["B"] and "performers_rejected" not in found

    def test_cleared_ones_may_come_back(self, cli: Cli, video: Path) -> None:
        self.infer(video, "A")
        cli("tags", video, "--clear-performers")
        assert self.infer(video, "A")["performers"] == ["A"]

    def test_an_edit_of_the_file_counts_as_by_hand(self, video: Path) -> None:
        self.infer(video, "A")
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        told = json.loads(stored.read_text())
        stored.write_text(json.dumps(told | {"performers": ["By hand"]}))
        assert self.infer(video, "B", refresh=True)["performers"] == ["By hand", "B"]
