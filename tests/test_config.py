"""`videorc.json`: three places, one precedence, every mistake told at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, Library


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def scene(threshold: float) -> dict[str, Any]:
    return {"thresholds": {"scene": threshold}}


def threshold_used(library: Library) -> float:
    value: float = library.json("short.mp4.scenes.json")["threshold"]
    return value


class TestPlaces:
    @pytest.fixture(autouse=True)
    def _video(self, library: Library) -> None:
        library.add("short.mp4")

    def test_nowhere(self, cli: Cli, library: Library) -> None:
        assert cli("scenes", library.root).code == 0
        assert threshold_used(library) == 0.4

    def test_in_the_folder(self, cli: Cli, library: Library) -> None:
        write(library.root / "videorc.json", scene(0.31))
        assert cli("scenes", library.root).code == 0
        assert threshold_used(library) == 0.31

    def test_by_the_environment(
        self, cli: Cli, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEORC", str(write(tmp_path / "env.json", scene(0.32))))
        write(library.root / "videorc.json", scene(0.31))
        assert cli("scenes", library.root).code == 0
        assert threshold_used(library) == 0.32

    @pytest.mark.parametrize("position", ["before", "after"])
    def test_by_a_flag(
        self,
        cli: Cli,
        library: Library,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        position: str,
    ) -> None:
        """The readme shows it before the command; after it, it is a flag like any other."""
        flag = ("--config", write(tmp_path / "flag.json", scene(0.33)))
        monkeypatch.setenv("VIDEORC", str(write(tmp_path / "env.json", scene(0.32))))
        write(library.root / "videorc.json", scene(0.31))
        args = ("scenes", library.root)
        run = cli(*flag, *args) if position == "before" else cli(*args, *flag)
        assert run.code == 0, run.err
        assert threshold_used(library) == 0.33

    def test_a_flag_beats_the_file(self, cli: Cli, library: Library) -> None:
        write(library.root / "videorc.json", scene(0.31))
        assert cli("scenes", library.root, "--threshold", 0.5).code == 0
        assert threshold_used(library) == 0.5

    def test_a_batch_of_no_tasks_is_one_of_all(self, cli: Cli, library: Library) -> None:
        path = write(library.root.parent / "elsewhere.json", {"batch": {"tasks": []}})
        run = cli("--config", path, "batch", library.root, "--dry-run", "--json")
        assert run.code == 0, run.err
        assert {report["task"] for report in run.json["tasks"]} >= {"metadata", "faces"}


class TestKeys:
    def test_those_of_the_readme(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4")
        names = ("metadata", "thumbs", "phash", "heatmaps", "scenes", "finish")
        content = {
            "workers": dict.fromkeys(names, 2),
            "thresholds": {"scene": 0.35, "phash_similarity": 0.92},
        }
        config = write(tmp_path / "rc.json", content)
        assert cli("--config", config, "meta,scenes", library.root).code == 0
        assert threshold_used(library) == 0.35

    def test_the_sample_is_accepted(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        sample = ROOT / "videorc.sample.json"
        assert json.loads(sample.read_text())
        run = cli("--config", sample, "list", library.root, "--json")
        assert run.code == 0, run.err
        assert len(run.json) == 1

    def test_extensions(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4", "a.mp4")
        library.add("h264.mkv", "b.mkv")
        config = write(tmp_path / "rc.json", {"extensions": [".mkv"]})
        listed = cli("--config", config, "list", library.root, "--json")
        assert [entry["name"] for entry in listed.json] == ["b.mkv"]
        assert cli("--config", config, "thumbs", library.root).code == 0
        assert library.artifacts() == ["b.mkv.jpg"]
        wider = cli("--config", config, "list", library.root, "--ext", ".mp4", "--json")
        assert [entry["name"] for entry in wider.json] == ["a.mp4"]

    def test_artifacts_elsewhere(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4", "sub/a.mp4")
        place = tmp_path / "elsewhere"
        config = write(tmp_path / "rc.json", {"artifacts_dir": str(place)})
        assert cli("--config", config, "thumbs", library.root, "-r").code == 0
        assert (place / "sub/.artifacts/a.mp4.jpg").is_file()
        assert library.artifacts("sub") == []

    @pytest.mark.parametrize(
        ("key", "value", "code"),
        [("phash_similarity", 0, 0), ("phash_similarity", 2, 2), ("scene", 0, 2)],
    )
    def test_each_threshold_has_the_bounds_of_its_own_option(
        self, cli: Cli, library: Library, tmp_path: Path, key: str, value: int, code: int
    ) -> None:
        config = write(tmp_path / "rc.json", {"thresholds": {key: value}})
        run = cli("--config", config, "list", library.root)
        assert run.code == code
        assert (f"thresholds.{key}: should be" in run.err) == (code == 2)


class TestMistakes:
    def test_all_are_told_at_once(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4")
        content = {
            "workers": {"thumbs": 0, "phash": "many", "nonsense": 2},
            "thresholds": {"scene": 7, "scenery": 0.2},
            "colour": "red",
        }
        config = write(tmp_path / "rc.json", content)
        run = cli("--config", config, "scenes", library.root)
        assert run.code == 2
        assert str(config) in run.err
        for word in ("thumbs", "phash", "nonsense", "scene", "scenery", "colour"):
            assert word in run.err
        assert "Traceback" not in run.err
        assert library.artifacts() == []

    @pytest.mark.parametrize("content", ["{", "[1]", "null", "", '{"workers": 3}', "\x00\xff"])
    def test_not_a_configuration(
        self, cli: Cli, library: Library, tmp_path: Path, content: str
    ) -> None:
        config = write(tmp_path / "rc.json", content)
        run = cli("--config", config, "list", library.root)
        assert run.code == 2
        assert str(config) in run.err
        assert "Traceback" not in run.err

    def test_a_long_wrong_value(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        """The message shows how it begins and ends."""
        (tmp_path / "rc.json").write_text(
            json.dumps({"sprites": {"cols": "a" + "x" * 70_000 + "z"}})
        )
        run = cli("sprites", library.root, "--config", tmp_path / "rc.json")
        assert run.code == 2
        assert "should be a whole number; got ax" in run.err and "xz" in run.err
        assert len(run.err) < 500

    def test_missing(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        run = cli("--config", tmp_path / "nowhere.json", "list", library.root)
        assert run.code == 2
        assert "nowhere.json" in run.err

    def test_a_folder(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        assert cli("--config", tmp_path, "list", library.root).code == 2

    def test_a_bad_one_in_the_folder(self, cli: Cli, library: Library) -> None:
        write(library.root / "videorc.json", scene(40))
        run = cli("scenes", library.root)
        assert run.code == 2
        assert str(library.root / "videorc.json") in run.err

    def test_a_found_one_may_not_send_artifacts_away(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        """A file that came with the videos can set numbers and choices, never places."""
        library.add("short.mp4")
        place = tmp_path / "elsewhere"
        write(library.root / "videorc.json", {"artifacts_dir": str(place)})
        run = cli("thumbs", library.root)
        assert not place.exists()
        assert "artifacts_dir" in run.err

    @pytest.mark.parametrize(
        ("section", "key", "value"),
        [
            ("dupes", "apply", "trash"),
            ("dupes", "html", "x.html"),
            ("tags", "mode", "replace"),
            ("tags", "set", "x"),
            ("rename", "force", True),
            ("orphans", "delete", True),
            ("people", "forget", 1),
            ("people", "hide", 1),
            ("people", "split", 1),
            ("embed", "purge", True),
            ("embed", "models_dir", "."),
            ("thumbs", "allow_codecs", "any"),
            ("thumbs", "force", True),
            ("subtitles", "model", "./model"),
            ("subtitles", "whisper_cpp_bin", "./program"),
            ("serve", "host", "0.0.0.0"),
        ],
    )
    def test_a_found_one_may_not_ask_for_deeds(
        self, cli: Cli, library: Library, tmp_path: Path, section: str, key: str, value: object
    ) -> None:
        """Nor for what opens doors; one that the user names may."""
        library.add("short.mp4")
        write(library.root / "videorc.json", {section: {key: value}})
        run = cli("list", library.root)
        assert run.code == 2
        assert f"{section}.{key}: only a file named with --config or $VIDEORC" in run.err
        named = write(tmp_path / "rc.json", {section: {key: value}})
        assert cli("--config", named, "list", library.root).code == 0
