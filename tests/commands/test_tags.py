"""Tags and performers: what is kept, who may change it at the same time, what is refused."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import (
    ROOT,
    Audit,
    Fault,
    Killed,
    Library,
    contents,
    modes_count,
    run_unprivileged,
)
from support.faults import disk_faults
from support.served import serving

from videolib.core.errors import VideoError
from videolib.core.locks import locked
from videolib.storage.tags import TagChange, read_tags, set_inferred_performers, update_tags
from videolib.storage.videos import Video, oshash


@pytest.fixture
def video(library: Library) -> Path:
    return library.add_bytes("movie.mp4", b"this is a test" * 1000)


def known(path: Path) -> Video:
    return Video(str(path), path.name, str(path.parent / ".artifacts"))


class TestChange:
    def test_tags_are_added_and_kept_in_a_plain_file(self, cli: Cli, video: Path) -> None:
        run = cli("tags", video, "--set", "action, night ", "--json")
        assert run.code == 0, run.err
        assert run.json == {"video": "movie.mp4", "tags": ["action", "night"], "performers": []}
        stored = json.loads((video.parent / ".artifacts/movie.mp4.tags.json").read_text())
        assert stored["tags"] == ["action", "night"] and stored["performers"] == []
        with video.open("rb") as file:
            assert stored["source"]["oshash"] == oshash(file.fileno())
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

    def test_a_name_with_a_comma_stands_in_quotes(self, cli: Cli, video: Path) -> None:
        words = ("--set", '6" nails, """so""","a, b"', "--add-performers", '"Doe, Jane",Roe')
        run = cli("tags", video, *words, "--json")
        assert run.json["tags"] == ['6" nails', '"so"', "a, b"]
        assert run.json["performers"] == ["Doe, Jane", "Roe"]
        told = cli("tags", video).out
        assert told == 'movie.mp4: 6" nails, """so""", "a, b"; performers: "Doe, Jane", Roe\n'
        again = told.removeprefix("movie.mp4: ").partition(";")[0]
        run = cli("tags", video, "--set", again, "--mode", "replace", "--json")
        assert run.json["tags"] == ['6" nails', '"so"', "a, b"]
        found = cli("list", video.parent, "-q", 'performer:"doe, jane" tag:"a, b"', "--json")
        assert [row["name"] for row in found.json] == ["movie.mp4"]
        gone = ("--remove", '"A, B"', "--remove-performers", '"Doe, Jane"')
        run = cli("tags", video, *gone, "--json")
        assert (run.json["tags"], run.json["performers"]) == (['6" nails', '"so"'], ["Roe"])

    @pytest.mark.parametrize("text", ['"Doe, Jane', '"Doe" Jane,x', 'x,"'])
    def test_quotes_that_do_not_end(self, cli: Cli, video: Path, text: str) -> None:
        run = cli("tags", video, "--add-performers", text)
        assert run.code == 2
        assert len(run.err.splitlines()) == 1 and "--add-performers" in run.err
        assert not (video.parent / ".artifacts").exists()

    def test_no_file_is_left_without_tags(self, cli: Cli, library: Library) -> None:
        """So that missing:tags finds whatever has none, and report counts it so."""
        for name in ("a.mp4", "b.mp4"):
            library.add_bytes(name, b"some bytes of it")
        cli("tags", library.root, "--set", "x")
        noted = library.artifact("b.mp4.tags.json")
        noted.write_text(json.dumps(library.json("b.mp4.tags.json") | {"note": "mine"}))
        assert cli("tags", library.root, "--remove", "X").code == 0
        assert library.artifacts() == ["b.mp4.tags.json"]
        assert library.json("b.mp4.tags.json")["note"] == "mine"
        told = cli("list", library.root, "-q", "missing:tags", "--json").json
        assert [row["name"] for row in told] == ["a.mp4"]

    def test_what_is_no_video(self, cli: Cli, library: Library) -> None:
        srt = library.add_bytes("a.srt", b"some text")
        run = cli("tags", srt, "--set", "x")
        assert run.code == 2 and "a.srt: is no name of a video" in run.err
        assert library.artifacts() == []

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
            '{"tags": [], "x": 1e999}',
            '{"tags": ["mine"], "performers": [], "tags": ["yours"]}',
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

    def test_limits(self, cli: Cli, video: Path, tmp_path: Path) -> None:
        imported = tmp_path / "import.json"
        imported.write_text(json.dumps({"videos": [{"video": video.name, "tags": ["t" * 201]}]}))
        for words in (
            *(("--set", "t" * 201), ("--add-performers", "t" * 201)),
            *(("--rename-tag", "a", "t" * 201), ("--import", imported, "--force")),
        ):
            run = cli("tags", video.parent, *words)
            assert run.code == 2 and "a name has at most 200 characters" in run.err
            assert len(run.err) < 200
        assert cli("tags", video, "--set", "t" * 200).code == 0
        many = ",".join(map(str, range(1001)))
        run = cli("tags", video, "--set", many)
        assert run.code == 2 and "a video has at most 1,000 tags" in run.err
        assert cli("tags", video, "--set", many[:-5]).code == 1  # 1,000, and the one of before

    def test_beyond_the_limits_by_hand(self, cli: Cli, video: Path) -> None:
        """What is there already stays and may be taken away; only what is new is refused."""
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        stored.parent.mkdir()
        names = [f"{number} " + "t" * 300 for number in range(1100)]
        stored.write_text(json.dumps({"tags": names}))
        assert cli("tags", video, "--remove", names[0]).code == 0
        assert json.loads(stored.read_bytes())["tags"] == names[1:]
        assert cli("tags", video, "--set", "new").code == 1
        assert cli("tags", video.parent, "--rename-tag", names[1], "short").code == 0
        assert json.loads(stored.read_bytes())["tags"] == ["short", *names[2:]]

    def test_control_characters_by_hand(self, cli: Cli, video: Path) -> None:
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        stored.parent.mkdir()
        stored.write_text(content := r'{"tags": ["a\u0000b"]}')
        run = cli("tags", video, "--set", "x")
        assert run.code == 1
        assert run.err == "tags: movie.mp4: a\\x00b: a name cannot have control characters\n"
        assert stored.read_text() == content

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
            "import sys\n"
            "from videolib.storage.tags import TagChange, update_tags\n"
            "from videolib.storage.videos import Video\n"
            "path, home, who = sys.argv[1:]\n"
            "video = Video(path, 'movie.mp4', home)\n"
            "for n in range(50):\n"
            "    update_tags(video, TagChange([f'{who}-{n}']).apply)\n"
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

    def test_a_folder_that_went_while_one_waited(self, video: Path) -> None:
        """Who had the lock removed the empty folder: all must lock what has its name now."""
        home = video.parent / ".artifacts"
        home.mkdir()
        going = threading.Event()

        def add(name: str) -> None:
            def change(record: dict[str, Any]) -> None:
                going.wait(0.2)  # long enough for another to read the same
                record["tags"].append(name)

            update_tags(known(video), change)

        threads = [threading.Thread(target=add, args=[name]) for name in "abc"]
        with locked(home):
            threads[0].start()
            time.sleep(0.3)
            home.rmdir()
            threads[1].start()
            threads[2].start()
            time.sleep(0.3)
        for thread in threads:
            thread.join()
        assert sorted(read_tags(known(video))["tags"]) == ["a", "b", "c"]

    def test_where_folders_cannot_be_locked(
        self, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On some network disks it is a file in the folder that is."""
        flock, tries = fcntl.flock, list[int]()

        def of_files(descriptor: int, how: int) -> None:
            tries.append(how)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError(errno.EBADF, "Bad file descriptor")
            flock(descriptor, how)

        monkeypatch.setattr(fcntl, "flock", of_files)
        add = [
            threading.Thread(target=update_tags, args=(known(video), TagChange([n]).apply))
            for n in "abcdefgh"
        ]
        for thread in add:
            thread.start()
        for thread in add:
            thread.join()
        assert sorted(read_tags(known(video))["tags"]) == list("abcdefgh") and tries
        with (
            locked(video.parent / ".artifacts"),
            pytest.raises(VideoError, match="another run keeps it locked"),
            locked(video.parent / ".artifacts", timeout=0.05),
        ):
            pass
        (video.parent / ".artifacts/.lock").unlink()

    def test_a_failed_write_leaves_the_old_file(
        self, cli: Cli, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cli("tags", video, "--set", "old")

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            run = cli("tags", video, "--set", "new")
            out = video.parent / "out.json"
            told = cli("tags", video.parent, "--export", out)
        assert run.code == 1 and "the disk is full" in run.err
        assert told.code == 1 and told.err == f"index.py: {out}: No space left on device\n"
        assert cli("tags", video, "--json").json["tags"] == ["old"]

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
    def test_what_is_stored_is_not_denied(self, cli: Cli, video: Path, code: int) -> None:
        """Only the new name is not confirmed by the disk: the tags are there."""
        cli("tags", video, "--set", "old")
        for words, count, outcome in (
            (("--set", "new"), 4, "stored"),
            (("--remove", "old,new"), 1, "removed"),
        ):
            with disk_faults(video.parent, count, code) as faults:
                run = cli("tags", video, *words)
            assert faults.failed == [f"fsync {video.parent}/.artifacts/."]
            reason = f"{os.strerror(code)}): check the disk and run again"
            name = f"{video.name}.tags.json"
            message = f"{name} is {outcome}, but the disk has not confirmed it ({reason}"
            assert run.code == 1 and run.err == f"tags: {video.name}: {message}\n"
            stored = cli("tags", video, "--json").json["tags"]
            assert stored == (["old", "new"] if outcome == "stored" else [])

    def test_a_quota_is_told_like_a_full_disk(self, cli: Cli, video: Path) -> None:
        cli("tags", video, "--set", "old")
        with disk_faults(video.parent, 1, errno.EDQUOT):
            run = cli("tags", video, "--set", "new")
        assert run.err == f"tags: {video.name}: the disk quota is used up: nothing was stored\n"

    def test_told_when_the_disk_has_it(
        self, cli: Cli, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also after a power failure: first the file goes to the disk, then its new name."""
        steps, fsync, replace = list[str](), os.fsync, os.replace

        def synced(descriptor: int) -> None:
            path = Path(f"/dev/fd/{descriptor}").resolve()
            steps.append("names" if path.is_dir() else path.read_text())
            fsync(descriptor)

        def renamed(source: str, target: str, **folders: int) -> None:
            steps.append(target)
            replace(source, target, **folders)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", synced)
            patch.setattr(os, "replace", renamed)
            cli("tags", video, "--set", "x")
        stored = video.parent / ".artifacts/movie.mp4.tags.json"
        assert steps == [stored.read_text(), stored.name, "names"]

    def test_tags_of_a_video_that_went_away_are_not_made(self, video: Path) -> None:
        update_tags(known(video), TagChange(["x"]).apply)
        gone = Video(str(video) + "x.mp4", "x.mp4", str(video.parent / ".artifacts"))
        with pytest.raises(VideoError, match="vanished"):
            update_tags(gone, TagChange(["x"]).apply)

    def test_a_link_to_nothing_is_no_video(self, cli: Cli, video: Path) -> None:
        link = video.parent / "link.mp4"
        link.symlink_to("gone.mp4")
        run = cli("tags", link, "--set", "x")
        assert run.code == 1 and "link.mp4: is a link that leads nowhere" in run.err


@pytest.fixture
def tagged(library: Library, cli: Cli) -> Library:
    """Four videos, three of them with tags."""
    for name in ("a.mp4", "b.mp4", "sub/c.mp4", "sub/d.mp4"):
        library.add_bytes(name, b"some bytes of it")
    cli("tags", library.root / "a.mp4", "--set", "Night,city", "--add-performers", "Jane Doe")
    cli("tags", library.root / "b.mp4", "--set", "night")
    cli("tags", library.root / "sub/c.mp4", "--set", "day,late")
    return library


def everything(cli: Cli, library: Library) -> dict[str, Any]:
    """The tags of every video."""
    rows = cli("tags", library.root, "-r", "--json").json["results"]
    return {row["video"]: row["tags"] for row in rows}


class TestFolder:
    def test_from_the_catalogue(
        self, cli: Cli, tagged: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for place in ("videolib.catalogue.scan", "videolib.catalogue.catalogue"):
            monkeypatch.setattr(f"{place}.SETTLE_TIME", 0)
        run = cli("tags", tagged.root, "-r", "--json")
        assert run.json["total"] == 4
        with Audit() as audit:
            assert cli("tags", tagged.root, "-r", "--json").json == run.json
        assert not [path for path in audit.opened if path.is_relative_to(tagged.root)]

    def test_only_what_a_query_finds(self, cli: Cli, tagged: Library) -> None:
        assert cli("tags", tagged.root, "-r", "-q", "tag:night").out == (
            "a.mp4: Night, city; performers: Jane Doe\nb.mp4: night\n"
        )
        run = cli("tags", tagged.root, "-r", "--query=-tag:night", "--set", "rest")
        assert run.out == "sub/c.mp4: day, late, rest\nsub/d.mp4: rest\n"
        run = cli("tags", tagged.root, "-q", "tga:night", "--set", "x")
        assert (run.code, "did you mean tag:" in run.err) == (2, True)
        assert cli("tags", tagged.root / "a.mp4", "-q", "x").code == 2

    def test_counts(self, cli: Cli, tagged: Library) -> None:
        assert cli("tags", tagged.root, "-r", "--list", "--json").json == {
            "tags": [
                {"name": "Night", "count": 2},
                {"name": "city", "count": 1},
                {"name": "day", "count": 1},
                {"name": "late", "count": 1},
            ],
            "performers": [{"name": "Jane Doe", "count": 1}],
            "errors": [],
        }
        text = cli("tags", tagged.root, "--list").out
        lines = ["tags   videos", "Night       2", "city        1", ""]
        assert text.splitlines() == [*lines, "performers  videos", "Jane Doe         1"]
        assert cli("tags", tagged.root, "--list", "-q", "tag:late").out == "no tags\n"

    def test_one_thing_at_a_time(self, cli: Cli, tagged: Library) -> None:
        for words in (["--undo"], ["--set", "x"], ["--performers"]):
            run = cli("tags", tagged.root, "--list", *words)
            assert run.code == 2 and "stand alone" in run.err

    def test_a_corrupt_file_is_named(self, cli: Cli, tagged: Library) -> None:
        tagged.artifact("b.mp4.tags.json").write_text("{")
        for words in (["--list"], ["--export", tagged.root.parent / "out.json"]):
            run = cli("tags", tagged.root, *words, "--json")
            assert run.code == 1
            assert "b.mp4.tags.json is corrupt" in run.err
            assert [error["video"] for error in run.json["errors"]] == ["b.mp4"]
        assert tagged.artifact("b.mp4.tags.json").read_text() == "{"


class TestRenameTag:
    def test_everywhere(self, cli: Cli, tagged: Library) -> None:
        before = contents(tagged.root)
        run = cli("tags", tagged.root, "-r", "--rename-tag", "NIGHT", "Evening", "--json")
        told = {"from": "NIGHT", "to": "Evening", "videos": ["a.mp4", "b.mp4"], "errors": []}
        assert run.json == told
        expected = {"a.mp4": ["Evening", "city"], "b.mp4": ["Evening"]}
        assert everything(cli, tagged) == {
            **expected,
            "sub/c.mp4": ["day", "late"],
            "sub/d.mp4": [],
        }
        assert cli("tags", tagged.root, "--undo").out == "2 videos tagged as before\n"
        assert contents(tagged.root) == before
        assert cli("tags", tagged.root, "--undo").code == 2

    def test_into_one_that_is_there(self, cli: Cli, tagged: Library) -> None:
        cli("tags", tagged.root, "-r", "--rename-tag", "late", "day")
        cli("tags", tagged.root, "-r", "--rename-tag", "city", "NIGHT")
        assert everything(cli, tagged) == {
            "a.mp4": ["Night"],
            "b.mp4": ["night"],
            "sub/c.mp4": ["day"],
            "sub/d.mp4": [],
        }

    def test_another_case(self, cli: Cli, tagged: Library) -> None:
        cli("tags", tagged.root, "-r", "--rename-tag", "night", "NIGHT")
        assert everything(cli, tagged)["a.mp4"] == ["NIGHT", "city"]
        assert everything(cli, tagged)["b.mp4"] == ["NIGHT"]

    @pytest.mark.parametrize("names", [["a"], ["a", " "], ["a", "b", "c"], ["a", "b\x07"]])
    def test_what_makes_no_sense(self, cli: Cli, tagged: Library, names: list[str]) -> None:
        before = contents(tagged.root)
        assert cli("tags", tagged.root, "--rename-tag", *names).code == 2
        assert contents(tagged.root) == before

    def test_a_corrupt_file_might_have_it_too(self, cli: Cli, tagged: Library) -> None:
        tagged.artifact("b.mp4.tags.json").write_text("{")
        before = contents(tagged.root)
        run = cli("tags", tagged.root, "-r", "--rename-tag", "night", "x", "--json")
        assert run.code == 1 and "tags: b.mp4: b.mp4.tags.json is corrupt" in run.err
        assert [error["video"] for error in run.json["errors"]] == ["b.mp4"]
        assert run.json["videos"] == [] and contents(tagged.root) == before

    def test_one_that_nothing_has(self, cli: Cli, tagged: Library) -> None:
        run = cli("tags", tagged.root, "-r", "--rename-tag", "nope", "x")
        assert run.out == "no video has the tag nope\n"
        assert not tagged.artifact(".journal").exists()

    def test_all_or_none(self, cli: Cli, tagged: Library, fault: Fault) -> None:
        """An error at whichever step takes back what was done before it."""
        before, number = contents(tagged.root), 0
        while True:
            fault.set(number, OSError(28, "No space left on device", "x"))
            run = cli("tags", tagged.root, "-r", "--rename-tag", "night", "x")
            fault.set(-1)
            if run.code == 0:
                break
            assert run.code == 1 and "nothing was changed" in run.err
            assert contents(tagged.root) == before
            number += 1
        assert number == 4

    def test_killed_at_any_step(self, cli: Cli, tagged: Library, fault: Fault) -> None:
        """What a kill interrupted is finished or taken back, and nothing else goes on before."""
        for number, way in itertools.product(range(4), ("--recover", "--undo")):
            before = contents(tagged.root)
            fault.set(number)
            with pytest.raises(Killed):
                cli("tags", tagged.root, "-r", "--rename-tag", "night", "x")
            fault.set(-1)
            again = cli("tags", tagged.root, "-r", "--rename-tag", "city", "y")
            assert again.code == 1 and "rename --recover" in again.err
            assert cli("rename", way, "-d", tagged.root).code == 0
            found = [tags[0] for tags in everything(cli, tagged).values() if tags]
            assert found[:2] == (["x", "x"] if way == "--recover" else ["Night", "night"])
            if way == "--recover":
                assert cli("tags", tagged.root, "--undo").code == 0
            assert contents(tagged.root) == before

    def test_while_others_change_tags(self, cli: Cli, tagged: Library) -> None:
        """No update of another process is lost to it."""
        code = (
            "import sys\n"
            "from videolib.storage.tags import TagChange, update_tags\n"
            "from videolib.storage.videos import Video\n"
            "video = Video(sys.argv[1], 'b.mp4', sys.argv[2])\n"
            "for n in range(60):\n"
            "    update_tags(video, TagChange([f'n{n}']).apply)\n"
        )
        place = [str(tagged.root / "b.mp4"), str(tagged.root / ".artifacts")]
        other = subprocess.Popen(
            [sys.executable, "-c", code, *place], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        names = ["night", "x"]
        while other.poll() is None:
            assert cli("tags", tagged.root, "--rename-tag", *names).code == 0
            names.reverse()
        assert other.wait(60) == 0
        assert len(everything(cli, tagged)["b.mp4"]) == 61


class TestTransfer:
    @pytest.fixture
    def file(self, cli: Cli, tagged: Library) -> Path:
        path = tagged.root.parent / "tags of all.json"
        assert cli("tags", tagged.root, "-r", "--export", path).code == 0
        return path

    def write(self, file: Path, *entries: object) -> Path:
        file.write_text(json.dumps({"videos": entries}))
        return file

    def test_out_and_in_again(self, cli: Cli, tagged: Library, file: Path) -> None:
        told = json.loads(file.read_text())
        assert [entry["video"] for entry in told["videos"]] == ["a.mp4", "b.mp4", "sub/c.mp4"]
        assert told["videos"][0]["performers"] == ["Jane Doe"]
        before = everything(cli, tagged)
        for place in tagged.root.rglob("*.tags.json"):
            place.unlink()
        run = cli("tags", tagged.root, "--import", file, "--json")
        assert run.json["dry_run"] and run.json["changed"] == ["a.mp4", "b.mp4", "sub/c.mp4"]
        assert not any(everything(cli, tagged).values())
        run = cli("tags", tagged.root, "--import", file, "--force")
        assert run.out == "3 videos changed; 0 as before\n"
        assert everything(cli, tagged) == before
        run = cli("tags", tagged.root, "--import", file, "--force")
        assert run.out == "0 videos changed; 3 as before\n"
        cli("tags", tagged.root, "--undo")
        assert not any(everything(cli, tagged).values())

    def test_what_the_api_exports(self, cli: Cli, tagged: Library, file: Path) -> None:
        with serving(tagged.root) as served:
            assert served.get("/tags/export?recursive=1") == json.loads(file.read_text())

    def test_modes(self, cli: Cli, tagged: Library, file: Path) -> None:
        entry = {"video": "a.mp4", "tags": ["NIGHT", "x"], "performers": ["P"]}
        self.write(file, entry, {"video": "a.mp4", "tags": ["y"]})
        cli("tags", tagged.root, "--import", file, "--force")
        told = cli("tags", tagged.root / "a.mp4", "--json").json
        assert (told["tags"], told["performers"]) == (
            ["Night", "city", "x", "y"],
            ["Jane Doe", "P"],
        )
        self.write(file, entry)
        cli("tags", tagged.root, "--import", file, "--mode", "replace", "--force")
        told = cli("tags", tagged.root / "a.mp4", "--json").json
        assert (told["tags"], told["performers"]) == (["NIGHT", "x"], ["P"])

    def test_unknown_videos(self, cli: Cli, tagged: Library, file: Path) -> None:
        odd = ["gone.mp4", "../x.mp4", "/etc/passwd", "", "a\x00.mp4", "\ud800.mp4", "sub"]
        self.write(file, {"video": "b.mp4", "tags": ["x"]}, *({"video": n} for n in odd))
        run = cli("tags", tagged.root, "--import", file, "--force", "--json")
        assert run.code == 1 and run.json["unknown"] == odd
        assert run.err.count("no such video here") == len(odd)
        assert everything(cli, tagged)["b.mp4"] == ["night", "x"]

    @pytest.mark.parametrize("wrong", [{"video": "b.mp4", "tags": ["x\x1b"]}, None])
    def test_nothing_is_half_imported(
        self, cli: Cli, tagged: Library, file: Path, wrong: object
    ) -> None:
        """A bad name or a corrupt file refuses all of it."""
        if not wrong:
            tagged.artifact("b.mp4.tags.json").write_text("{")
        self.write(
            file, {"video": "a.mp4", "tags": ["x"]}, wrong or {"video": "b.mp4", "tags": ["x"]}
        )
        before = contents(tagged.root)
        run = cli("tags", tagged.root, "--import", file, "--force")
        assert run.code == (2 if wrong else 1) and run.err
        assert contents(tagged.root) == before

    def test_an_error_on_the_way(self, cli: Cli, tagged: Library, file: Path, fault: Fault) -> None:
        self.write(file, *({"video": n, "tags": ["x"]} for n in ("a.mp4", "sub/d.mp4")))
        before = contents(tagged.root)
        for number in range(4):
            fault.set(number, OSError(13, "Permission denied", "x"))
            run = cli("tags", tagged.root, "--import", file, "--force")
            assert run.code == 1 and "nothing was changed" in run.err
            assert contents(tagged.root) == before

    @pytest.mark.parametrize(
        "content",
        [
            *(
                "",
                "[",
                "[]",
                "3",
                '{"videos": 3}',
                '{"videos": {}}',
                '{"videos": [3]}',
                '{"videos": [{"video": 3}]}',
            ),
            *('{"videos": [{"video": "a.mp4", "tags": "x"}]}', '{"videos": [{"tags": []}]}'),
            *("[" * 100_000, "\udcff"),
        ],
    )
    def test_what_is_no_export(self, cli: Cli, tagged: Library, file: Path, content: str) -> None:
        file.write_bytes(os.fsencode(content))
        before = contents(tagged.root)
        run = cli("tags", tagged.root, "--import", file, "--force")
        assert run.code == 2 and file.name in run.err and len(run.err.splitlines()) == 1
        assert contents(tagged.root) == before

    def test_what_cannot_be_read_is_named(
        self, library: Library, tagged: Library, file: Path
    ) -> None:
        """An export that lacks a folder's tags must not look like a whole one."""
        if not modes_count(library.root.parent):
            pytest.skip("modes do not count for who runs this")
        home = tagged.root / "sub/.artifacts"
        home.chmod(0)
        try:
            for words in (["--export", file], ["--list"], [], ["--rename-tag", "night", "x"]):
                run = run_unprivileged("tags", tagged.root, "-r", *words)
                assert run.code == 1 and "sub/.artifacts: cannot be read" in run.err
            run = run_unprivileged("list", tagged.root, "-r", "-q", "tag:day")
            assert run.code == 1 and "sub/.artifacts: cannot be read" in run.err
        finally:
            home.chmod(0o755)
        assert {video["video"] for video in json.loads(file.read_text())["videos"]} == {
            "a.mp4",
            "b.mp4",
        }

    def test_a_folder_is_no_file(self, cli: Cli, tagged: Library) -> None:
        run = cli("tags", tagged.root, "--export", tagged.root / "sub")
        assert run.code == 2 and f"{tagged.root / 'sub'}: " in run.err

    def test_out_to_a_link_or_a_pipe(self, cli: Cli, tagged: Library, tmp_path: Path) -> None:
        """What was named stays what it is, and gets the content."""
        real, link, pipe = (tmp_path / name for name in ("real.json", "link.json", "pipe"))
        link.symlink_to(real)
        assert cli("tags", tagged.root, "--export", link).code == 0
        assert link.is_symlink() and json.loads(real.read_text())["videos"]
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        assert cli("tags", tagged.root, "--export", pipe).code == 0
        assert os.read(reader, 1 << 20) == real.read_bytes()
        os.close(reader)
        assert pipe.is_fifo()

    def test_files_that_are_not_there(self, cli: Cli, tagged: Library) -> None:
        nowhere = tagged.root / "nowhere" / "x.json"
        run = cli("tags", tagged.root, "--import", nowhere)
        assert run.code == 2 and "x.json: cannot be read" in run.err
        run = cli("tags", tagged.root, "--export", nowhere)
        assert run.code == 2 and f"{nowhere}: there is no such folder" in run.err


class TestInferred:
    """Performers that a program found among those that people entered."""

    def infer(self, video: Path, *names: str, refresh: bool = False) -> dict[str, Any]:
        return update_tags(
            known(video), lambda record: set_inferred_performers(record, names, refresh)
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
