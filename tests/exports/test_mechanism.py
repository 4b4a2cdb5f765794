"""`export`: whose files they are, what is fresh, and that they go where their video goes.

Shown with NFO files, which every video has something for.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import Cli
from support import Library, Opens, contents, run_unprivileged

from videolib.exports.table import FORMATS

RECORD = ".artifacts/a.mp4.exports.json"


def beside(library: Library) -> list[str]:
    """The names in the folder of videos that are no videos."""
    names = (path.name for path in library.root.iterdir())
    return sorted(n for n in names if not n.endswith((".mp4", ".mkv", ".artifacts")))


@pytest.fixture
def exported(cli: Cli, library: Library) -> Library:
    """A folder with one video, of which an NFO was exported."""
    library.add("short.mp4", "a.mp4")
    cli("tags", library.root, "--set", "sea")
    assert cli("export", library.root, "--format", "nfo").code == 0
    return library


class TestReports:
    def test_made_then_skipped_then_forced(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        run = cli("export", library.root, "--format", "nfo", "--json")
        assert (run.code, run.counts) == (0, {"made": 1})
        assert (run.json["task"], run.json["format"]) == ("export", "nfo")
        assert run.json["results"] == [{"video": "a.mp4", "status": "made", "files": ["a.nfo"]}]
        again = cli("export", library.root, "--format", "nfo", "--json")
        assert (again.counts, again.json["results"][0]["files"]) == ({"skipped": 1}, ["a.nfo"])
        assert cli("export", library.root, "--format", "nfo", "--force", "--json").counts == {
            "made": 1
        }

    def test_several_formats_are_reports_of_their_own(self, cli: Cli, exported: Library) -> None:
        run = cli("export", exported.root, "--format", "nfo,chapters", "--json")
        assert [(t["format"], t["results"][0]["status"]) for t in run.json["tasks"]] == [
            ("nfo", "skipped"),
            ("chapters", "nothing to export"),
        ]
        assert "scenes" in run.json["tasks"][1]["results"][0]["note"]
        assert run.code == 0

    def test_a_dry_run_writes_nothing(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        run = cli("export", library.root, "--format", "nfo", "--dry-run", "--json")
        assert run.json["results"] == [
            {"video": "a.mp4", "status": "planned", "note": "missing", "files": ["a.nfo"]}
        ]
        assert beside(library) == [] and library.artifacts() == []

    def test_in_a_chain_it_has_what_was_made_before(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4", "a.mp4")
        run = cli("scenes,export", library.root, "--format", "chapters", "--min-chapter", 1)
        assert run.code == 0 and "export chapters: 1 made" in run.out
        assert beside(library) == ["a.chapters.xml"]

    def test_in_a_chain_with_a_command_that_has_formats_of_its_own(
        self, cli: Cli, library: Library
    ) -> None:
        library.add("cuts.mp4", "a.mp4")
        words = ("--format", "mp4", "--export-format", "nfo,bif")
        run = cli("previews,export", library.root, *words, "--json")
        tasks = [(task["task"], task.get("format")) for task in run.json["tasks"]]
        assert run.code == 0
        assert tasks == [("previews", None), ("export", "bif"), ("export", "nfo")]
        assert beside(library) == ["a-320-10.bif", "a.nfo"]
        assert run.json["tasks"][0]["results"][0]["status"] == "made"

    def test_in_a_chain_frames_are_taken_in_the_same_pass(self, cli: Cli, library: Library) -> None:
        video = library.add("cuts.mp4", "a.mp4")
        with Opens(video) as opens:
            cli("export", library.root, "--format", "nfo")
            once = opens.count()
            words = ("--format", "trickplay,nfo", "--force", "--json")
            run = cli("thumbs,export", library.root, *words)
            assert opens.count() == 2 * once, "once for the frames, once for the NFO"
        tasks = [(task["task"], task.get("format")) for task in run.json["tasks"]]
        assert tasks == [("thumbs", None), ("export", "trickplay"), ("export", "nfo")]
        assert beside(library) == ["a.nfo", "a.trickplay"] and run.code == 0

    def test_in_a_chain_files_of_frames_are_made_of_what_it_makes(
        self, cli: Cli, library: Library
    ) -> None:
        library.add("cuts.mp4", "a.mp4")
        words = ("--format", "images,sheet", "--json")
        run = cli("meta,thumbs,export", library.root, "--time", "9", *words)
        assert run.code == 0
        thumb = (library.root / "a-thumb.jpg").read_bytes()
        assert thumb == library.artifact("a.mp4.jpg").read_bytes()
        again = cli("export", library.root, *words).json["tasks"]
        assert [task["counts"]["skipped"] for task in again] == [1, 1]

    def test_only_what_a_query_finds(self, cli: Cli, exported: Library) -> None:
        exported.add("short.mp4", "b.mp4")
        cli("export", exported.root, "--remove")
        run = cli("export", exported.root, "--format", "nfo", "-q", "-tag:sea", "--json")
        assert [row["video"] for row in run.json["results"]] == ["b.mp4"]
        assert beside(exported) == ["b.nfo"]

    def test_formats_are_named(self, cli: Cli, exported: Library) -> None:
        for words in ((), ("--format", "nfo,vhs")):
            run = cli("export", exported.root, *words)
            assert run.code == 2 and ", ".join(FORMATS) in run.err

    def test_below_another_folder(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4", "sub/a.mp4")
        words = ("export", library.root, "-r", "--format", "nfo", "--to", tmp_path / "out")
        run = cli(*words, "--json")
        path = tmp_path / "out/sub/a.nfo"
        assert run.json["results"][0]["files"] == [str(path)] and path.is_file()
        assert cli(*words, "--json").counts == {"skipped": 1}
        kept = cli("export", library.root, "-r", "--remove")
        assert kept.code == 1 and "--to" in kept.err and path.is_file()
        assert cli("export", library.root, "-r", "--remove", "--to", tmp_path / "out").code == 0
        assert not path.exists() and not library.artifacts("sub")


class TestFreshness:
    def test_stale_after_the_tags_changed(self, cli: Cli, exported: Library) -> None:
        cli("tags", exported.root, "--set", "night")
        assert cli("export", exported.root, "--format", "nfo", "--json").counts == {"made": 1}
        assert "<tag>night</tag>" in (exported.root / "a.nfo").read_text()

    def test_stale_after_the_video_changed(self, cli: Cli, exported: Library) -> None:
        os.utime(exported.root / "a.mp4", (1_700_000_000, 1_700_000_000))
        assert cli("export", exported.root, "--format", "nfo", "--json").counts == {"made": 1}

    def test_stale_with_other_parameters(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4", "a.mp4")
        words = ("export", library.root, "--format", "chapters", "--json")
        cli("scenes", library.root)
        assert cli(*words).counts == {"made": 1}
        assert cli(*words, "--min-chapter", 2).counts == {"made": 1}
        assert cli(*words, "--min-chapter", 2, "--chapter-form", "ogm").counts == {"made": 1}
        assert beside(library) == ["a.chapters.txt"], "the former file goes"

    def test_made_again_where_it_is_gone(self, cli: Cli, exported: Library) -> None:
        (exported.root / "a.nfo").unlink()
        assert cli("export", exported.root, "--format", "nfo", "--json").counts == {"made": 1}


class TestOwnership:
    def test_a_strangers_file_is_left_alone(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        (library.root / "a.nfo").write_text("<movie/>")
        for more in ((), ("--force",), ("--dry-run",)):
            run = cli("export", library.root, "--format", "nfo", *more, "--json")
            assert run.code == 1
            reason = "a.nfo was not written by this program: --merge completes it"
            assert run.failure("a.mp4") == reason and reason in run.err
        assert (library.root / "a.nfo").read_text() == "<movie/>"

    def test_what_was_changed_since_is_left_alone(self, cli: Cli, exported: Library) -> None:
        (exported.root / "a.nfo").write_text("<movie>mine</movie>")
        run = cli("export", exported.root, "--format", "nfo", "--json")
        assert run.code == 1 and "a.nfo was changed since" in run.failure("a.mp4")
        assert "--merge completes it" in run.failure("a.mp4")
        removal = cli("export", exported.root, "--remove")
        assert removal.code == 1 and "a.nfo was changed since" in removal.err
        assert (exported.root / "a.nfo").read_text() == "<movie>mine</movie>"

    def test_the_same_bytes_with_another_time_are_still_ours(
        self, cli: Cli, exported: Library
    ) -> None:
        os.utime(exported.root / "a.nfo", (1_700_000_000, 1_700_000_000))
        assert cli("export", exported.root, "--format", "nfo").code == 0

    @pytest.mark.parametrize("kind", ["folder", "link", "dangling"])
    def test_what_is_no_file(self, cli: Cli, library: Library, kind: str) -> None:
        library.add("short.mp4", "a.mp4")
        place = library.root / "a.nfo"
        place.mkdir() if kind == "folder" else place.symlink_to(
            library.root / ("a.mp4" if kind == "link" else "nowhere")
        )
        run = cli("export", library.root, "--format", "nfo", "--merge", "--json")
        expected = "is a folder" if kind == "folder" else "is a link"
        assert run.failure("a.mp4").startswith(f"a.nfo {expected}")

    def test_the_videos_own_folder_by_its_name(self, cli: Cli, exported: Library) -> None:
        """`--to` the library is beside the videos, and what is there is the same files."""
        run = cli("export", exported.root, "--format", "nfo", "--to", exported.root, "--json")
        assert run.json["results"][0] == {
            "video": "a.mp4",
            "status": "skipped",
            "files": ["a.nfo"],
        }

    def test_stems_that_collide(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mkv")
        library.add("short.mp4", "a.mp4")
        words = ("export", library.root, "--format", "nfo", "--ext", ".mp4,.mkv", "--json")
        for _ in range(2):
            run = cli(*words)
            assert run.code == 1 and "a.mkv" in run.failure("a.mp4")
            assert [row["video"] for row in run.json["results"] if "error" in row] == ["a.mp4"]

    def test_whose_it_is_already_stays_its_owner(self, cli: Cli, exported: Library) -> None:
        exported.add("short.mp4", "A.mkv")
        run = cli("export", exported.root, "--format", "nfo", "--ext", ".mp4,.mkv", "--json")
        assert "is that of a.mp4" in run.failure("A.mkv") and beside(exported) == ["a.nfo"]

    def test_the_same_name_in_other_letters(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        (library.root / "A.NFO").write_text("<movie/>")
        run = cli("export", library.root, "--format", "nfo", "--json")
        assert "A.NFO" in run.failure("a.mp4") and beside(library) == ["A.NFO"]

    def test_a_name_that_is_too_long(self, cli: Cli, library: Library) -> None:
        """The video's has 254 bytes, that of its chapters would have ten more."""
        stem = "n" * 250
        library.add("cuts.mp4", f"{stem}.mp4")
        cli("scenes", library.root)
        run = cli("export", library.root, "--format", "chapters,nfo", "--json")
        chapters, nfo = (task["results"][0] for task in run.json["tasks"])
        assert nfo["files"] == [f"{stem}.nfo"] and run.code == 1
        assert "is longer than the 255 bytes" in chapters["error"]

    def test_a_folder_that_is_read_only(self, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        (library.root / ".artifacts").mkdir()
        library.root.chmod(0o555)
        run = run_unprivileged("export", library.root, "--format", "nfo")
        library.root.chmod(0o755)
        assert run.code == 1 and "cannot be written to" in run.err and "--to" in run.err
        assert beside(library) == [] and library.artifacts() == []

    def test_a_record_reaches_no_other_file(self, cli: Cli, exported: Library) -> None:
        """Somebody who may write records cannot have other files removed or trashed by them."""
        victim = exported.root.parent / "victim.txt"
        victim.write_text("precious")
        document = exported.json("a.mp4.exports.json")
        (row,) = document["exports"]["nfo"]["files"]
        for path in ("../victim.txt", str(victim), "a.mp4", ".artifacts"):
            row["path"] = path
            exported.artifact("a.mp4.exports.json").write_text(json.dumps(document))
            cli("export", exported.root, "--remove")
            cli("rename", exported.root / "a.mp4", exported.root / "b.mp4")
            cli("rename", exported.root / "b.mp4", exported.root / "a.mp4")
        assert victim.read_text() == "precious" and (exported.root / "a.mp4").exists()


class TestCompany:
    """Exported files go where their video goes."""

    def test_rename_and_undo(self, cli: Cli, exported: Library) -> None:
        exported.forget(exported.root / "a.mp4")
        before = contents(exported.root)
        assert cli("rename", exported.root / "a.mp4", exported.root / "sub/b.mp4").code == 0
        assert (exported.root / "sub/b.nfo").is_file() and not (exported.root / "a.nfo").exists()
        files = exported.json("b.mp4.exports.json", "sub")["exports"]["nfo"]["files"]
        assert [file["path"] for file in files] == ["b.nfo"]
        assert cli("export", exported.root / "sub", "--format", "nfo", "--json").code == 0
        assert "<title>b</title>" in (exported.root / "sub/b.nfo").read_text()
        cli("rename", "--undo", "-d", exported.root)
        assert contents(exported.root).keys() == before.keys()

    def test_rename_beside_a_video_of_the_same_stem(self, cli: Cli, exported: Library) -> None:
        exported.forget(exported.root / "a.mp4")
        exported.add("short.mp4", "a.mkv")
        assert cli("rename", exported.root / "a.mp4", exported.root / "b.mp4").code == 0
        assert beside(exported) == ["b.nfo"]

    def test_orphans_are_put_with_their_video(self, cli: Cli, exported: Library) -> None:
        exported.forget(exported.root / "a.mp4")
        (exported.root / "a.mp4").rename(exported.root / "b.mp4")
        assert cli("orphans", exported.root, "--relink").code == 0
        assert beside(exported) == ["b.nfo"]
        assert cli("export", exported.root, "--remove").code == 0
        assert beside(exported) == []

    def test_what_cannot_follow_since_its_place_is_taken(self, cli: Cli, exported: Library) -> None:
        exported.forget(exported.root / "a.mp4")
        (exported.root / "a.mp4").rename(exported.root / "b.mp4")
        (exported.root / "b.nfo").write_text("<movie/>")
        run = cli("orphans", exported.root, "--relink", "--json")
        assert run.code == 1 and run.json["orphans"][0]["left"] == ["a.nfo"]
        assert beside(exported) == ["a.nfo", "b.nfo"]
        cli("orphans", exported.root, "--undo")
        assert cli("orphans", exported.root, "--relink", "--delete").code == 0
        assert beside(exported) == ["b.nfo"]
        assert (exported.root / "b.nfo").read_text() == "<movie/>"

    def test_orphans_are_deleted_with_them(self, cli: Cli, exported: Library) -> None:
        exported.forget(exported.root / "a.mp4")
        (exported.root / "a.mp4").unlink()
        assert cli("orphans", exported.root, "--delete").code == 0
        assert beside(exported) == []

    def test_another_folder_takes_their_place(
        self, cli: Cli, exported: Library, tmp_path: Path
    ) -> None:
        beside, below = exported.root / "a.nfo", tmp_path / "out" / "a.nfo"
        for words, there in ((("--to", below.parent), below), ((), beside)):
            assert cli("export", exported.root, "--format", "nfo", *words).code == 0
            assert [path for path in (beside, below) if path.exists()] == [there]

    def test_duplicates_go_to_the_trash_with_them(self, cli: Cli, exported: Library) -> None:
        exported.add("short.mp4", "b.mp4")
        cli("export", exported.root, "--format", "nfo")
        exported.forget(exported.root / "b.mp4")
        (exported.root / "b.nfo").chmod(0o644)
        assert cli("dupes", exported.root, "--apply", "trash").code == 0
        assert beside(exported) == ["a.nfo"]
        undone = cli("dupes", exported.root, "--undo", "--json")
        assert undone.json["videos"] == ["b.mp4"] and beside(exported) == ["a.nfo", "b.nfo"]

    def test_removal_takes_all_back(self, cli: Cli, exported: Library) -> None:
        planned = cli("export", exported.root, "--remove", "--dry-run", "--json")
        assert planned.json["results"][0]["files"] == ["a.nfo"] and beside(exported) == ["a.nfo"]
        run = cli("export", exported.root, "--remove", "--json")
        assert run.json["counts"] == {"removed": 1} and beside(exported) == []
        assert not (exported.root / RECORD).exists()
        assert cli("export", exported.root, "--remove", "--json").json["total"] == 0

    def test_only_of_what_a_query_finds(self, cli: Cli, exported: Library) -> None:
        exported.add("short.mp4", "b.mp4")
        cli("export", exported.root, "--format", "nfo,m3u8", "--name", "all")
        run = cli("export", exported.root, "--remove", "-q", "-tag:sea", "--json")
        assert [row["video"] for row in run.json["results"]] == ["b.mp4"]
        assert beside(exported) == ["a.nfo", "all.m3u8"]

    def test_other_formats_stay(self, cli: Cli, exported: Library) -> None:
        cli("export", exported.root, "--remove", "--format", "chapters")
        assert beside(exported) == ["a.nfo"]


def test_a_record_of_any_shape_is_no_reason_to_fail(cli: Cli, exported: Library) -> None:
    for content in ("[]", "{", '{"exports": 1}', '{"exports": {"nfo": {"files": [1, {}]}}}'):
        exported.artifact("a.mp4.exports.json").write_text(content)
        run = cli("export", exported.root, "--format", "nfo", "--json")
        assert "was not written by this program" in run.failure("a.mp4")
