"""What there is and what is missing, and the ways to make several kinds in one go."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ALL_TASKS, FILES, Audit, Library, stamps

KINDS = set(FILES)


def tasks(run_json: dict[str, Any]) -> dict[str, dict[str, int]]:
    """The counts that are not zero, by task."""
    return {
        entry["task"]: {status: count for status, count in entry["counts"].items() if count}
        for entry in run_json["tasks"]
    }


class TestReport:
    def test_an_empty_library(self, cli: Cli, library: Library) -> None:
        run = cli("report", library.root, "--json")
        assert run.code == 0
        assert run.json["total"] == 0
        assert run.json["videos"] == []
        assert cli("report", library.root).code == 0

    def test_counts_and_matrix(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4", "sub/c.mp4", "sub/d.mp4"):
            library.add("short.mp4", name)
        cli("thumbs", library.root, "-r")
        cli("meta,phash", library.root)
        run = cli("report", library.root, "-r", "--output-format", "json")
        assert run.code == 0
        told = run.json
        assert told["total"] == 4
        assert set(told["counts"]) >= KINDS
        expected = {"thumbs": 4, "metadata": 2, "phash": 2, "sprites": 0, "scenes": 0}
        assert {kind: told["counts"][kind] for kind in expected} == expected
        assert told["coverage"]["thumbs"] == 1
        assert told["coverage"]["phash"] == 0.5
        assert told["coverage"]["sprites"] == 0
        assert not any(told["stale"].values())
        rows = {row["video"]: row for row in told["videos"]}
        assert set(rows) == {"a.mp4", "b.mp4", "sub/c.mp4", "sub/d.mp4"}
        assert rows["a.mp4"]["metadata"] is True
        assert rows["sub/c.mp4"]["metadata"] is False
        assert rows["sub/c.mp4"]["thumbs"] is True

    def test_stale_is_not_fresh(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add("short.mp4", name)
        cli("thumbs,phash", library.root)
        library.make_newer(library.add("one_frame.mp4", "a.mp4"))
        told = cli("report", library.root, "--json").json
        assert told["counts"]["thumbs"] == 1
        assert told["stale"]["thumbs"] == told["stale"]["phash"] == 1
        assert told["stale"]["sprites"] == 0
        assert told["coverage"]["phash"] == 0.5
        rows = {row["video"]: row for row in told["videos"]}
        assert rows["a.mp4"]["thumbs"] == "stale"
        assert rows["b.mp4"]["thumbs"] is True

    def test_a_table_to_read(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add("short.mp4", name)
        cli("thumbs", library.root)
        library.artifact("b.mp4.jpg").unlink()
        text = cli("report", library.root).out
        (line,) = [line for line in text.splitlines() if line.lstrip().startswith("thumbs")]
        assert "50" in line
        assert "%" in line
        assert all(kind in text for kind in KINDS)

    def test_each_folder_once_and_no_video_opened(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4", "sub/c.mp4"):
            library.add("short.mp4", name)
        cli("thumbs", library.root, "-r")
        with Audit() as audit:
            assert cli("report", library.root, "-r").code == 0
        inside = [path for path in audit.listed if path.is_relative_to(library.root)]
        assert len(inside) == len(set(inside)) == 4
        assert not [path for path in audit.opened if path.suffix == ".mp4"]

    def test_two_videos_of_one_stem_do_not_meet(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        library.add("h264.mkv", "a.mkv")
        cli("thumbs", library.root)
        told = cli("report", library.root, "--ext", "*", "--json").json
        rows = {row["video"]: row["thumbs"] for row in told["videos"]}
        assert rows == {"a.mp4": True, "a.mkv": False}

    def test_not_a_directory(self, cli: Cli, tmp_path: Path) -> None:
        run = cli("report", tmp_path / "nowhere", "--json")
        assert run.code == 2
        assert len(run.err.splitlines()) == 1
        assert "nowhere" in run.json["error"]


@pytest.mark.slow
class TestFinish:
    def test_only_what_is_missing(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add("short.mp4", name)
        cli("thumbs", library.root)
        library.artifact("b.mp4.jpg").unlink()
        kept = stamps(library.root)
        run = cli("finish", library.root, "--workers", 2, "--json")
        assert run.code == 0, run.err
        counts = tasks(run.json)
        assert counts["thumbs"]["made"] == 1
        assert counts["metadata"] == counts["scenes"] == {"made": 2}
        after = stamps(library.root)
        assert all(after[path] == stamp for path, stamp in kept.items())
        told = cli("report", library.root, "--json").json
        assert all(told["counts"][kind] == 2 for kind in KINDS)

    def test_nothing_left_to_do(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        assert cli("finish", library.root).code == 0
        before = stamps(library.root)
        run = cli("finish", library.root, "--json")
        assert run.code == 0
        assert not any(entry["counts"]["made"] for entry in run.json["tasks"])
        assert stamps(library.root) == before

    def test_stale_ones_too(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        cli("finish", library.root)
        library.make_newer(library.add("one_frame.mp4", "a.mp4"))
        run = cli("finish", library.root, "--json")
        assert run.code == 0, run.err
        assert all(tasks(run.json)[kind] == {"made": 1} for kind in KINDS)
        assert not any(cli("report", library.root, "--json").json["stale"].values())

    def test_a_dry_run_says_it_and_does_nothing(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add("short.mp4", name)
        cli("thumbs", library.root)
        before = stamps(library.root)
        run = cli("finish", library.root, "--dry-run")
        assert run.code == 0
        text = run.out + run.err
        assert all(kind in text for kind in KINDS - {"thumbs"})
        assert stamps(library.root) == before
        assert cli("finish", library.root, "--dry-run", "--json").code == 0
        assert stamps(library.root) == before

    def test_says_what_it_will_make_and_how_long_that_takes(
        self, cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By what took how long here; what was never made is named."""
        for name in ("a.mp4", "b.mp4"):
            library.add("one_frame.mp4", name)
        run = cli("batch", library.root, "--tasks", "meta,thumbs")
        plan = "batch: to make: 2 meta, 2 thumbs; 2 videos, "
        assert plan + "how long is not known: none was made here yet" in run.err
        library.add("one_frame.mp4", "c.mp4")
        monkeypatch.setenv("VIDEO_WHISPER_MODEL", "/models/none")
        run = cli("finish", library.root, "--dry-run")
        (plan, *_) = run.err.splitlines()
        assert "3 sprites, 3 phash, " in plan and "1 metadata, 1 thumbs; 3 videos, about " in plan
        assert re.search(r", about \d+ seconds?, not counting sprites, .*, subtitles, never", plan)
        assert "finish: subtitles: --model /models/none: no folder and no known name" in run.err
        assert "finish: embed: " not in run.err
        assert (
            "finish: to make: nothing\n"
            in cli("finish", library.root, "--tasks", "meta", "--only", "a.mp4").err
        )

    def test_failures_do_not_stop_it(self, cli: Cli, library: Library) -> None:
        for clip in ("short.mp4", "text.mp4"):
            library.add(clip)
        run = cli("finish", library.root, "--json")
        assert run.code == 1
        counts = tasks(run.json)
        assert counts["thumbs"] == counts["sprites"] == {"made": 1, "failed": 1}


class TestBatch:
    def test_chosen_tasks(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4", "sub/c.mp4"):
            library.add("short.mp4", name)
        caps = ("--max-meta", 3, "--max-thumbs", 4, "--max-sprites", 2)
        run = cli("batch", library.root, "-r", "--tasks", "meta,thumbs", *caps, "--json")
        assert run.code == 0
        assert tasks(run.json) == {"metadata": {"made": 3}, "thumbs": {"made": 3}}
        again = cli("batch", library.root, "-r", "--tasks", "meta,thumbs", "--json")
        assert tasks(again.json) == {"metadata": {"skipped": 3}, "thumbs": {"skipped": 3}}
        forced = cli("batch", library.root, "-r", "--tasks", "thumbs", "--force", "--json")
        assert tasks(forced.json) == {"thumbs": {"made": 3}}

    def test_every_kind(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("batch", library.root, "--tasks", ALL_TASKS, "--json")
        assert run.code == 0, run.err
        assert set(tasks(run.json)) == KINDS
        names = [name.format("short.mp4") for files in FILES.values() for name in files]
        assert library.artifacts() == sorted(names)

    @pytest.mark.parametrize(
        "args", [("--tasks", "meta,nonsense"), ("--max-thumbs", "0"), ("--max-meta", "many")]
    )
    def test_bad_flags(self, cli: Cli, library: Library, args: tuple[str, str]) -> None:
        library.add("short.mp4")
        run = cli("batch", library.root, *args)
        assert run.code == 2
        assert run.err
        assert library.artifacts() == []

    def test_a_failure_is_counted_per_task(self, cli: Cli, library: Library) -> None:
        for clip in ("short.mp4", "sound_only.mp4"):
            library.add(clip)
        run = cli("batch", library.root, "--tasks", "meta,thumbs", "--json")
        assert run.code == 1
        assert tasks(run.json) == {"metadata": {"made": 2}, "thumbs": {"made": 1, "failed": 1}}


class TestChains:
    def test_several_in_their_order(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("meta,thumbs,sprites", library.root, "-r", "--workers", 2, "--json")
        assert run.code == 0
        assert [entry["task"] for entry in run.json["tasks"]] == ["metadata", "thumbs", "sprites"]
        assert library.artifacts() == sorted(
            name.format("short.mp4")
            for kind in ("metadata", "thumbs", "sprites")
            for name in FILES[kind]
        )

    def test_flags_go_to_those_that_know_them(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        flags = ("--time", 0, "--interval", 2, "--png", "--cols", 3)
        assert cli("thumbs,sprites,heatmaps", library.root, *flags).code == 0
        assert library.json("numbered.mp4.sprites.json")["cols"] == 3
        assert library.json("numbered.mp4.sprites.json")["interval"] == 2
        assert library.json("numbered.mp4.heatmaps.json")["interval"] == 2
        assert library.artifact("numbered.mp4.heatmaps.png").exists()

    @pytest.mark.parametrize(
        "args", [("meta,thumbs", "--cols", "3"), ("meta,nonsense",), ("thumbs,", "--cols", "3")]
    )
    def test_what_none_of_them_knows(
        self, cli: Cli, library: Library, args: tuple[str, ...]
    ) -> None:
        library.add("short.mp4")
        run = cli(args[0], library.root, *args[1:])
        assert run.code == 2
        assert run.err
        assert library.artifacts() == []

    def test_a_bad_value_stops_all_of_them(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        assert cli("meta,thumbs", library.root, "--quality", 99).code == 2
        assert library.artifacts() == []

    def test_twice_the_same(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("meta,metadata,queue", library.root, "--json")
        assert run.code == 0
        assert library.artifacts() == ["short.mp4.ffprobe.json"]

    def test_questions_may_be_chained_too(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("thumbs,report,list", library.root, "--json")
        assert run.code == 0
        assert run.json
        assert '"thumbs": 1' in run.out.replace('":1', '": 1')

    def test_a_failure_shows_in_the_exit_code(self, cli: Cli, library: Library) -> None:
        for clip in ("short.mp4", "sound_only.mp4"):
            library.add(clip)
        run = cli("meta,thumbs", library.root)
        assert run.code == 1
        assert "sound_only.mp4" in run.out + run.err
        assert "short.mp4.jpg" in library.artifacts()
