"""The trash over the API: videos go there with all that is their own, and come back."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Fault, Killed, Library, contents
from support.served import Served, serving

from videolib.core.runs import Job
from videolib.organize.deletion import delete_videos, deletions, restore
from videolib.organize.emptying import TrashContents, empty_trash
from videolib.storage.folders import Library as VideoFolder
from videolib.storage.steps import LibraryPaths


def delete(served: Served, *names: str, status: int = 200, **query: str) -> Any:
    """What a deletion of many answers."""
    response = served.client.post(
        "/trash",
        content=json.dumps({"videos": names}),
        headers={"content-type": "application/json"},
        params=query,
    )
    assert response.status_code == status, response.text
    return response.json()


def undo(served: Served, number: int, status: int = 200) -> Any:
    """What taking a deletion back answers."""
    response = served.client.post(f"/trash/{number}/undo")
    assert response.status_code == status, response.text
    return response.json()


def listed(served: Served) -> list[str]:
    rows = served.get("/videos", params={"recursive": "true", "ext": "*"})["videos"]
    return [row["path"] for row in rows]


@pytest.fixture
def films(library: Library, cli: Cli) -> Library:
    """Two films in one folder that share a subtitle file, and one below; no test keeps them."""
    for name in ("a.mp4", "a.mkv", "sub/b.mp4"):
        library.forget(library.add_bytes(name, name.encode()))
    for name in ("a.srt", "a.mp4.srt", "a.mkv.en.vtt", "a.txt", "sub/b.srt", "sub/b.nfo"):
        path = library.root / name
        path.write_text(name)
    for name in ("a.mp4", "sub/b.mp4"):
        cli("tags", library.root / name, "--set", "night")
    library.artifact("a.mp4.srt").write_text("generated")
    library.artifact("a.mp4.markers.json").write_text('{"markers": []}')
    (library.root / ".artifacts/.a.mp4.previews").mkdir()
    library.artifact(".a.mp4.previews/seg_01.webm").write_bytes(b"clip")
    return library


class TestOne:
    def test_it_goes_with_all_its_own_and_comes_back(self, served: Served, films: Library) -> None:
        before = contents(films.root)
        response = served.client.delete("/videos/a.mp4")
        assert response.status_code == 200, response.text
        reply = response.json()
        assert (reply["videos"], reply["files"], reply["command"]) == (["a.mp4"], 6, "delete")
        assert not reply["interrupted"]
        assert set(before) - set(contents(films.root)) == {
            *("a.mp4", "a.mp4.srt", ".artifacts/a.mp4.tags.json", ".artifacts/a.mp4.srt"),
            *(".artifacts/a.mp4.markers.json", ".artifacts/.a.mp4.previews/seg_01.webm"),
        }  # a.srt is that of a.mkv, too
        served.get("/videos/a.mp4", 404)
        assert listed(served) == ["a.mkv", "sub/b.mp4"]
        assert served.get("/trash") == {"deletions": [reply]}
        assert undo(served, reply["id"]) == {"videos": ["a.mp4"], "files": 6, "problems": []}
        assert contents(films.root) == before
        assert listed(served) == ["a.mkv", "a.mp4", "sub/b.mp4"]
        assert served.get("/trash") == {"deletions": []}
        assert "back already" in undo(served, reply["id"], 404)["detail"]

    def test_another_server_takes_it_back(self, films: Library) -> None:
        before = contents(films.root)
        with serving(films.root) as served:
            reply = served.client.delete("/videos/sub/b.mp4").json()
            assert {"sub/b.srt", "sub/b.nfo"} <= set(before) - set(contents(films.root))
        with serving(films.root) as served:
            assert served.get("/trash")["deletions"] == [reply]
            undo(served, reply["id"])
        assert contents(films.root) == before

    def test_one_that_is_played_goes_and_is_read_to_its_end(
        self, served: Served, library: Library
    ) -> None:
        path = library.root / "long.mp4"
        content = os.urandom(1 << 22)
        path.write_bytes(content)
        with served.client.stream("GET", "/videos/long.mp4/stream") as response:
            blocks = response.iter_bytes()
            first = next(blocks)
            assert served.client.delete("/videos/long.mp4").status_code == 200
            assert not path.exists()
            assert first + b"".join(blocks) == content

    @pytest.mark.parametrize("name", ["no.mp4", "a.txt", "../out.mp4", ".artifacts/a.mp4.srt"])
    def test_what_is_no_video_stays(self, served: Served, films: Library, name: str) -> None:
        before = contents(films.root)
        assert served.client.delete(f"/videos/{name}").status_code in (403, 404)
        assert delete(served, "a.mp4", name, status=403 if ".." in name else 404)
        assert contents(films.root) == before

    def test_an_odd_name(self, served: Served, library: Library) -> None:
        name = os.fsdecode(b"bad-\xff\n.mp4")
        (library.root / name).write_bytes(b"x")
        (row,) = served.get("/videos")["videos"]
        reply = served.client.delete(row["url"]).json()
        assert reply["videos"] == [name]
        undo(served, reply["id"])
        reply = delete(served, name)
        assert not (library.root / name).exists()
        undo(served, reply["id"])
        assert (library.root / name).read_bytes() == b"x"


class TestMany:
    def test_together_and_back(self, served: Served, films: Library) -> None:
        before = contents(films.root)
        reply = delete(served, "a.mp4", "sub/b.mp4", "a.mkv", "a.mp4")
        assert reply["videos"] == ["a.mp4", "sub/b.mp4", "a.mkv"]
        assert set(contents(films.root)) == {"a.txt"}  # a.srt had no other video any more
        undo(served, reply["id"])
        assert contents(films.root) == before

    def test_each_deletion_by_itself_in_any_order(self, served: Served, films: Library) -> None:
        before = contents(films.root)
        numbers = [delete(served, name)["id"] for name in ("a.mp4", "a.mkv", "sub/b.mp4")]
        rows = served.get("/trash")["deletions"]
        assert [row["id"] for row in rows] == numbers[::-1]
        for number in (numbers[1], numbers[0], numbers[2]):
            undo(served, number)
        assert contents(films.root) == before

    @pytest.mark.parametrize("names", [[], ["a.mp4"] * 10_001, "a.mp4", [7]])
    def test_bad_bodies(self, served: Served, films: Library, names: Any) -> None:
        assert served.client.post("/trash", json={"videos": names}).status_code == 422
        assert served.client.post("/trash/0/undo").status_code == 422
        assert undo(served, 99, 404)

    def test_removed_duplicates_can_be_had_back_as_well(
        self, served: Served, library: Library
    ) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add_bytes(name, b"x" * 5000)
        before = contents(library.root)
        job = served.job("dupes", params={"apply": "trash", "keep": ["a.mp4"]})
        assert job["status"] == "done", job
        (row,) = served.get("/trash")["deletions"]
        assert (row["command"], row["videos"]) == ("dupes", ["b.mp4"])
        assert undo(served, row["id"])["videos"] == ["b.mp4"]
        assert contents(library.root) == before


class TestEmptying:
    def test_what_was_looked_at_is_gone_for_good(
        self, served: Served, films: Library, cli: Cli
    ) -> None:
        """And nothing else: neither what somebody put there, nor what came later."""
        number = delete(served, "a.mp4", "sub/b.mp4")["id"]
        trash = films.root / ".artifacts/.trash"
        (trash / "my own").mkdir()
        (trash / "my own/film.mp4").write_bytes(b"x")
        foreign = films.root.parent / "foreign/.artifacts/.trash"
        (foreign / "000001-20260101T000000Z").mkdir(parents=True)
        (foreign / "000001-20260101T000000Z/film.mp4").write_bytes(b"x")
        (films.root / "linked/.artifacts").mkdir(parents=True)
        (films.root / "linked/.artifacts/.trash").symlink_to(foreign)
        assert cli("trash", films.root, "--json").json["videos"] == 2
        seen = served.get("/trash/contents")
        assert (seen["videos"], seen["files"]) == (2, 10) and seen["size"] > 50
        delete(served, "a.mkv")
        empty = {"version": seen["version"]}
        refused = served.client.delete("/trash", params=empty)
        assert refused.status_code == 409 and "look at it again" in refused.json()["detail"]
        assert served.client.delete("/trash").status_code == 422
        assert len(served.get("/trash")["deletions"]) == 2
        empty["version"] = served.get("/trash/contents")["version"]
        emptied = served.client.delete("/trash", params=empty).json()
        assert (emptied["videos"], emptied["problems"]) == (3, [])
        assert served.get("/trash") == {"deletions": []}
        assert served.get("/trash/contents")["files"] == 0
        assert [path.name for path in trash.rglob("*")] == ["my own", "film.mp4"]
        assert undo(served, number)["videos"] == []

    def test_by_the_command_line(self, served: Served, films: Library, cli: Cli) -> None:
        before = contents(films.root)
        number = delete(served, "a.mp4")["id"]
        looked = cli("trash", films.root)
        assert looked.out.startswith(f"{number}: 20") and "1 video, 6 files" in looked.out
        assert cli("trash", films.root, "--restore", number, "--json").json["videos"] == ["a.mp4"]
        assert contents(films.root) == before
        assert cli("trash", films.root, "--restore", number).code == 2
        delete(served, "a.mp4")
        assert cli("trash", films.root, "--empty", "--restore", number).code == 2
        assert "1 video, 6 files" in cli("trash", films.root, "--empty").out
        assert cli("trash", films.root, "--json").json["files"] == 0
        assert "is not there any more" in cli("trash", films.root, "--restore", number + 1).out


class TestInTheWay:
    def test_a_newcomer_of_the_name_is_not_overwritten(
        self, served: Served, films: Library
    ) -> None:
        reply = delete(served, "a.mp4", "sub/b.mp4")
        (films.root / "a.mp4").write_bytes(b"another")
        assert "a.mp4 is there again" in undo(served, reply["id"], 409)["detail"]
        assert (films.root / "a.mp4").read_bytes() == b"another"
        assert not (films.root / "sub/b.mp4").exists()
        (films.root / "a.mp4").rename(films.root / "c.mp4")
        assert undo(served, reply["id"])["videos"] == ["a.mp4", "sub/b.mp4"]

    def test_a_trash_that_somebody_emptied(self, served: Served, films: Library) -> None:
        both, one = delete(served, "a.mp4", "sub/b.mp4"), delete(served, "a.mkv")
        (trashed,) = (films.root / "sub/.artifacts/.trash").iterdir()
        shutil.rmtree(trashed)
        assert [row["videos"] for row in served.get("/trash")["deletions"]] == [
            ["a.mkv"],
            ["a.mp4"],
        ]
        shutil.rmtree(films.root / ".artifacts/.trash")
        assert served.get("/trash") == {"deletions": []}
        assert all(undo(served, row["id"])["problems"] for row in (one, both))

    def test_a_change_that_was_interrupted_has_to_be_ended_first(
        self, served: Served, films: Library
    ) -> None:
        before = contents(films.root)
        with serving(films.root / "sub") as below:
            number = delete(below, "b.mp4")["id"]
        journals = films.root / ".artifacts/.journal"
        journals.mkdir(parents=True, exist_ok=True)
        (done,) = (films.root / "sub/.artifacts/.journal").iterdir()
        shutil.copyfile(done, journals / "000001.rename.forward-1")
        assert "rename --recover" in delete(served, "a.mp4", status=409)["detail"]
        (journals / "000001.rename.forward-1").unlink()
        with serving(films.root / "sub") as below:
            undo(below, number)
        assert contents(films.root) == before

    def test_a_corrupt_journal_is_in_nobodys_way(self, served: Served, films: Library) -> None:
        reply = delete(served, "a.mp4")
        (journal,) = (films.root / ".artifacts/.journal").glob("*.delete.done")
        journal.with_name("000009.delete.done").write_bytes(b"no journal")
        assert served.get("/trash")["deletions"] == [reply]
        assert "no readable journal" in undo(served, 9, 409)["detail"]
        undo(served, reply["id"])


class TestKilled:
    """Whatever moment it ends at: all files are there, and it is finished or taken back."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "library"

    def fill(self, root: Path) -> dict[str, bytes]:
        shutil.rmtree(root, ignore_errors=True)
        for name in ("a.mp4", "a.srt", "sub/b.mp4", ".artifacts/a.mp4.jpg"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(name)
        return contents(root)

    def delete(self, root: Path) -> int:
        folder = VideoFolder(root)
        videos = [folder.video(name) for name in ("a.mp4", "sub/b.mp4")]
        return delete_videos(LibraryPaths.of(root), videos, Job()).number

    @pytest.mark.parametrize("way", ["undo", "again"])
    def test_at_every_step_of_a_deletion(self, root: Path, fault: Fault, way: str) -> None:
        for at in itertools.count():
            before, paths = self.fill(root), LibraryPaths.of(root)
            fault.set(at)
            try:
                self.delete(root)
            except Killed:
                fault.set(-1)
            else:
                break
            for one in deletions(paths):  # there is none yet where no video was moved
                assert one.interrupted and set(one.videos) <= {"a.mp4", "sub/b.mp4"}
            if way == "again":  # the next deletion finishes this one
                (root / "c.mp4").write_text("c")
                delete_videos(paths, [VideoFolder(root).video("c.mp4")], Job())
                assert set(contents(root)) == set()
                assert [one.interrupted for one in deletions(paths)] == [False, False]
                restore(paths, 2)
                (root / "c.mp4").unlink()
            restore(paths, 1)
            assert contents(root) == before
        assert at > 6

    def test_at_every_step_of_taking_it_back(self, root: Path, fault: Fault) -> None:
        for at in itertools.count():
            before, paths = self.fill(root), LibraryPaths.of(root)
            number = self.delete(root)
            fault.set(at)
            try:
                restore(paths, number)
            except Killed:
                fault.set(-1)
                restore(paths, number)
                assert contents(root) == before
            else:
                break
        assert at > 6

    def test_at_every_step_of_an_emptying(self, root: Path, fault: Fault) -> None:
        """The next one ends it; what is beside the trash stays as it was."""
        for at in itertools.count():
            self.fill(root)
            paths, number = LibraryPaths.of(root), self.delete(root)
            left = contents(root)
            fault.set(at)
            try:
                empty_trash(paths, Job())
            except Killed:
                fault.set(-1)
                assert TrashContents.of(paths).videos == 2
                assert empty_trash(paths, Job()).videos == 2
            else:
                break
            assert TrashContents.of(paths).files == 0 and not deletions(paths)
            assert contents(root) == left
            assert restore(paths, number).videos == []
        assert at > 3
