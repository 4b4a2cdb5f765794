"""`orphans`: artifacts without a video are found, put with their video again, or moved away."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Fault, Killed, Library, contents

from videolib.core.files import this_host

ALL = "meta,thumbs,sprites,phash,heatmaps,scenes"


def orphans(cli: Cli, root: Path, *more: str) -> Any:
    run = cli("orphans", root, "-r", "--json", *more)
    assert run.code == 0, run.err
    return run.json


class TestFound:
    def test_none_while_every_video_is_there(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        library.add("short.mp4", "a.mp4.mkv")
        assert cli("meta,thumbs", library.root, "--ext", "*").code == 0
        cli("tags", library.root / "a.mp4", "--set", "x")
        assert orphans(cli, library.root)["total"] == 0

    def test_of_a_video_that_is_gone(self, cli: Cli, library: Library) -> None:
        """Only its own artifacts; not those of a sibling with a longer or shorter name."""
        for name in ("a.mp4", "a.mp4.mkv", "ab.mp4"):
            library.add("short.mp4", f"sub/{name}")
        assert cli("meta,thumbs", library.root, "-r", "--ext", "*").code == 0
        (library.root / "sub/a.mp4.mkv").unlink()
        library.forget(library.root / "sub/a.mp4.mkv")
        before = contents(library.root)
        told = orphans(cli, library.root)
        (row,) = told["orphans"]
        assert row["video"] == "sub/a.mp4.mkv"
        assert row["kinds"] == ["metadata", "thumbs"]
        assert row["files"] == ["a.mp4.mkv.ffprobe.json", "a.mp4.mkv.jpg"]
        assert contents(library.root) == before

    def test_in_a_folder_without_videos_and_of_an_odd_name(self, cli: Cli, tmp_path: Path) -> None:
        root = tmp_path / "root"
        home = root / "empty" / ".artifacts"
        home.mkdir(parents=True)
        odd = os.fsdecode(b"bad-\xff\n.mp4")
        for name in ("gone.mp4.en.vtt", f"{odd}.jpg", "notes.txt", ".faces.index.json"):
            (home / name).write_text("x")
        told = orphans(cli, root)
        assert [row["files"] for row in told["orphans"]] == [[f"{odd}.jpg"], ["gone.mp4.en.vtt"]]
        run = cli("orphans", root, "-r")
        assert run.code == 0
        assert "gone.mp4" in run.out
        assert cli("orphans", root, "--json").json["total"] == 0

    def test_no_folder(self, cli: Cli, tmp_path: Path) -> None:
        assert cli("orphans", tmp_path / "none").code == 2


class TestDeleted:
    def test_to_the_trash_and_back(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        assert cli("meta,thumbs", library.root).code == 0
        (library.root / "a.mp4").unlink()
        library.forget(library.root / "a.mp4")
        before = contents(library.root)
        told = orphans(cli, library.root, "--delete")
        assert told["counts"] == {"deleted": 1}
        assert contents(library.root) == {}
        trashed = sorted(p.name for p in (library.root / ".artifacts/.trash").rglob("a.mp4.*"))
        assert trashed == ["a.mp4.ffprobe.json", "a.mp4.jpg"]
        assert cli("orphans", library.root, "--undo").code == 0
        assert contents(library.root) == before

    def test_temporaries_of_the_dead_only(self, cli: Cli, library: Library) -> None:
        home = library.root / ".artifacts"
        home.mkdir()
        dead = subprocess.Popen(["true"])
        dead.wait()
        lost = home / f".tmp-{this_host()}-{dead.pid}-0"
        live = home / f".tmp-{this_host()}-{os.getppid()}-0"
        for path in (lost, live):
            path.write_text("half")
        assert orphans(cli, library.root)["temporaries"] == 1
        assert lost.exists()
        orphans(cli, library.root, "--delete")
        assert not lost.exists()
        assert live.exists()
        live.unlink()


class TestRelinked:
    @pytest.fixture
    def moved(self, cli: Cli, library: Library) -> Path:
        """A video with artifacts that somebody moved to another folder under another name."""
        library.add("numbered.mp4", "old.mp4")
        assert cli(ALL, library.root, "--interval", "2").code == 0
        assert cli("tags", library.root / "old.mp4", "--set", "night,sea").code == 0
        target = library.root / "new" / "né w.mp4"
        target.parent.mkdir()
        (library.root / "old.mp4").rename(target)
        library.forget(library.root / "old.mp4")
        return target

    def test_all_goes_along_and_is_fresh(self, cli: Cli, library: Library, moved: Path) -> None:
        told = orphans(cli, library.root, "--relink")
        (row,) = told["orphans"]
        assert (row["action"], row["target"]) == ("relinked", "new/né w.mp4")
        assert cli("tags", moved, "--json").json["tags"] == ["night", "sea"]
        again = cli(ALL, library.root, "-r", "--interval", "2", "--json").json
        assert all(task["counts"]["made"] == 0 for task in again["tasks"])
        sprites = json.loads((moved.parent / ".artifacts" / "né w.mp4.sprites.json").read_text())
        assert sprites["sheets"] == ["né w.mp4.sprites.jpg"]
        assert orphans(cli, library.root)["total"] == 0
        assert cli("orphans", library.root, "--undo").code == 0
        assert orphans(cli, library.root)["total"] == 1

    def test_tags_are_merged_and_nothing_overwritten(
        self, cli: Cli, library: Library, moved: Path
    ) -> None:
        cli("tags", moved, "--set", "Night,own")
        cli("thumbs", library.root, "-r", "--time", "1")
        picture = moved.parent / ".artifacts" / f"{moved.name}.jpg"
        before = picture.read_bytes()
        run = cli("orphans", library.root, "-r", "--relink", "--json")
        assert run.code == 1
        assert run.json["orphans"][0]["left"] == ["old.mp4.jpg"]
        assert picture.read_bytes() == before
        assert cli("tags", moved, "--json").json["tags"] == ["Night", "own", "sea"]

    def test_what_cannot_go_along_is_moved_away(
        self, cli: Cli, library: Library, moved: Path
    ) -> None:
        cli("tags", moved, "--set", "own")
        cli("thumbs", library.root, "-r", "--time", "1")
        before = contents(library.root)
        told = cli("orphans", library.root, "-r", "--relink")
        assert "old.mp4.jpg: --delete moves these to the trash" in told.out
        assert cli("orphans", library.root, "--undo").code == 0
        orphans(cli, library.root, "--relink", "--delete")
        assert orphans(cli, library.root)["total"] == 0
        assert len(list((library.root / ".artifacts/.trash").rglob("old.mp4.jpg"))) == 1
        assert sorted(cli("tags", moved, "--json").json["tags"]) == ["night", "own", "sea"]
        assert cli("orphans", library.root, "--undo").code == 0
        assert contents(library.root) == before

    def test_killed_at_every_step(
        self, cli: Cli, library: Library, moved: Path, fault: Fault
    ) -> None:
        """Finished afterwards and taken back, or taken back at once, nothing is missing."""
        cli("tags", moved, "--set", "own")
        before = contents(library.root)
        for at in itertools.count():
            fault.set(at)
            try:
                cli("orphans", library.root, "-r", "--relink")
            except Killed:
                fault.set(-1)
                assert cli("orphans", library.root, "-r", "--delete").code in (0, 1)
                way = ("--recover", "--undo")[at % 4 < 2]  # before and after each step both ways
                assert cli("rename", way, "-d", library.root).code == 0
            else:
                fault.set(-1)
                way = "done"
            if way != "--undo":
                tags = cli("tags", moved, "--json").json["tags"]
                assert sorted(tags) == ["night", "own", "sea"]
                assert cli("orphans", library.root, "--undo").code == 0
            assert contents(library.root) == before
            if way == "done":
                break
        assert at > 20

    def test_two_that_it_could_be_are_refused(
        self, cli: Cli, library: Library, moved: Path
    ) -> None:
        copy = library.add("numbered.mp4", "copy.mp4")
        shutil.copystat(moved, copy)
        before = contents(library.root)
        run = cli("orphans", library.root, "-r", "--relink", "--json")
        assert run.json["counts"] == {"found": 1}
        assert "could be any of copy.mp4, new/né w.mp4: give the right one that name" in run.err
        assert contents(library.root) == before
        os.utime(copy, (1e9, 1e9))  # a move keeps the time of a file, a copy has its own
        rows = cli("orphans", library.root, "-r", "--relink", "--json").json["orphans"]
        assert [row["target"] for row in rows] == [str(moved.relative_to(library.root))]

    def test_of_several_the_one_without_artifacts(
        self, cli: Cli, library: Library, moved: Path
    ) -> None:
        """An exact copy that has its own was there before."""
        copy = library.add("numbered.mp4", "copy.mp4")
        for path in (copy, moved):
            os.utime(path, (1e9, 1e9))
        assert cli("tags", copy, "--set", "own").code == 0
        run = cli("orphans", library.root, "-r", "--relink", "--json")
        assert run.json["orphans"][0]["target"] == "new/né w.mp4"
        assert cli("tags", copy, "--json").json["tags"] == ["own"]

    def test_of_several_the_one_of_its_name(self, cli: Cli, library: Library, moved: Path) -> None:
        namesake = library.add("numbered.mp4", "else/old.mp4")
        for path in (namesake, moved):
            os.utime(path, (1e9, 1e9))
        run = cli("orphans", library.root, "-r", "--relink", "--json")
        assert run.json["orphans"][0]["target"] == "else/old.mp4"

    def test_a_hostile_record(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        home = library.root / ".artifacts"
        home.mkdir()
        for source in ("[]", '{"size": NaN}', '{"size": "1", "oshash": 5}', "{"):
            (home / "gone.mp4.ffprobe.json").write_text('{"source": ' + source + "}")
            assert orphans(cli, library.root, "--relink")["counts"] == {"found": 1}
