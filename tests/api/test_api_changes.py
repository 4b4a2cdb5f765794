"""Renaming, duplicates and suggestions over the API."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ODD_NAMES, Library, contents
from support.served import Served


def json_body(**fields: object) -> dict[str, Any]:
    """A body in ASCII, whatever the names in it."""
    headers = {"content-type": "application/json"}
    return {"content": json.dumps(fields).encode(), "headers": headers}


def rename(served: Served, name: str, to: str, status: int = 200, **more: object) -> Any:
    """What a renaming answers."""
    url = f"/videos/{name}/rename"
    response = served.client.post(url, json={"to": to, **more})
    assert response.status_code == status, response.text
    return response.json()


class TestRename:
    def test_a_video_and_all_its_own(self, served: Served, library: Library, cli: Cli) -> None:
        video = library.add("short.mp4", "sub/a.mp4")
        library.add_bytes("sub/a.en.srt", b"words")
        cli("meta,thumbs", library.root, "-r")
        cli("tags", video, "--set", "night")
        before = contents(library.root)
        planned = rename(served, "sub/a.mp4", "new/b.mp4", dry_run=True)
        assert contents(library.root) == before
        library.forget(video)
        library.forget(library.root / "sub/a.en.srt")
        told = rename(served, "sub/a.mp4", "new/b.mp4")
        assert told == planned | {"dry_run": False}
        assert (told["video"], told["to"], told["url"]) == (
            "sub/a.mp4",
            "new/b.mp4",
            "/videos/new/b.mp4",
        )
        assert told["moves"][0] == ["sub/a.mp4", "new/b.mp4"]
        assert ["sub/a.en.srt", "new/b.en.srt"] in told["moves"]
        assert ["sub/.artifacts/a.mp4.jpg", "new/.artifacts/b.mp4.jpg"] in told["moves"]
        served.get("/videos/sub/a.mp4", 404)
        assert served.get(told["url"])["artifacts"]["thumbs"] is True
        assert served.get(f"{told['url']}/tags")["tags"] == ["night"]
        assert not (library.root / "sub/.artifacts").exists()
        job = served.job("rename", params={"undo": True})
        assert job["result"]["applied"] == 1
        assert {k: v for k, v in contents(library.root).items() if "sub" in k} == before

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names(self, served: Served, library: Library, name: str) -> None:
        video = library.add_bytes("a.mp4", b"x")
        url = served.get("/videos")["videos"][0]["url"]
        response = served.client.post(f"{url}/rename", **json_body(to=name))
        if response.status_code == 200:
            library.forget(video)
            assert (library.root / name).read_bytes() == b"x"
            assert served.get(response.json()["url"])["name"] == name
        else:
            assert response.status_code in (403, 422)

    def test_from_an_odd_name(self, served: Served, library: Library) -> None:
        name = os.fsdecode(b"bad-\xff\n.mp4")
        library.forget(library.add_bytes(name, b"x"))
        (row,) = served.get("/videos")["videos"]
        told = served.client.post(f"{row['url']}/rename", json={"to": "good.mp4"}).json()
        assert told["video"] == name
        assert (library.root / "good.mp4").read_bytes() == b"x"

    def test_names_that_are_taken(self, served: Served, library: Library, cli: Cli) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add_bytes(name, name.encode())
        problem = rename(served, "a.mp4", "b.mp4", 409)
        assert "b.mp4 is there already" in problem["detail"]
        (library.root / ".artifacts").mkdir()
        library.artifact("c.mp4.jpg").write_bytes(b"x")
        assert "orphans" in rename(served, "a.mp4", "c.mp4", 409)["detail"]
        assert "orphans" in rename(served, "a.mp4", "c.mp4", 409, dry_run=True)["detail"]

    @pytest.mark.parametrize(
        ("to", "status"),
        [
            ("", 422),
            ("a.mp4", 422),
            ("b.txt", 422),
            ("sub", 422),
            ("sub/", 422),
            (".mp4", 422),
            ("._b.mp4", 422),
            ("./b.mp4", 422),
            (".artifacts/b.mp4", 422),
            ("new\nline.mp4", 422),
            ("n" * 300 + ".mp4", 403),
            ("n/" * 3000 + "b.mp4", 403),
            ("\ud800.mp4", 403),
            ("\0.mp4", 403),
            ("../b.mp4", 403),
            ("/tmp/b.mp4", 403),
            ("out/b.mp4", 403),
            ("sub/../../b.mp4", 403),
        ],
    )
    def test_names_that_are_none(
        self, served: Served, library: Library, tmp_path: Path, to: str, status: int
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        (library.root / "out").symlink_to(tmp_path)
        (library.root / "sub").mkdir()
        before = contents(tmp_path)
        for dry_run in (False, True):
            body = json_body(to=to, dry_run=dry_run)
            response = served.client.post("/videos/a.mp4/rename", **body)
            assert response.status_code == status, response.text
            assert str(tmp_path) not in response.text
        assert contents(tmp_path) == before

    def test_what_is_not_there(self, served: Served, library: Library) -> None:
        rename(served, "none.mp4", "b.mp4", 404)
        library.add_bytes("a.mp4", b"x")
        assert rename(served, "a.mp4", "b.mp4", 422, more=1)["errors"][0]["field"] == "more"

    def test_a_journal_s_folder_that_leads_out(
        self, served: Served, library: Library, tmp_path: Path
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        outside = tmp_path / "outside"
        outside.mkdir()
        for link in (library.root / ".artifacts", library.root / ".artifacts/.journal"):
            link.parent.mkdir(exist_ok=True)
            link.symlink_to(outside)
            rename(served, "a.mp4", "b.mp4", 403)
            for task, params in (
                ("rename", {"undo": True}),
                ("rename", {"recover": True}),
                ("rename", {"src": "a.mp4", "dst": "b.mp4"}),
                ("dupes", {"undo": True}),
                ("orphans", {"delete": True}),
            ):
                job = served.job(task, params=params)
                assert job["status"] == "error", job
                assert "leads out" in job["error"]
            assert not list(outside.iterdir())
            link.unlink()

    def test_an_interrupted_change_comes_first(self, served: Served, library: Library) -> None:
        library.add_bytes("a.mp4", b"x")
        journal = library.artifact(".journal")
        journal.mkdir(parents=True)
        (journal / "000001.rename.forward-1").write_bytes(b"")
        problem = rename(served, "a.mp4", "b.mp4", 409)
        assert "--recover" in problem["detail"]
        assert str(library.root) not in problem["detail"]
        job = served.job("rename", params={"recover": True})
        assert (job["status"], job["result"]) == ("error", None)
        assert "no readable journal" in job["error"]
        assert str(library.root) not in job["error"]

    def test_jobs_rename_many(self, served: Served, library: Library) -> None:
        for name in ("aaa_1.mp4", "aaa_2.mp4"):
            library.forget(library.add_bytes(name, b"x"))
        params = {"batch": True, "source": "aaa_", "target": "bbb_", "show_all": True}
        planned = served.job("rename", params=params)
        assert (planned["result"]["total_matches"], planned["result"]["applied"]) == (2, 0)
        done = served.job("rename", force=True, params=params)
        assert done["result"]["renames"] == planned["result"]["renames"]
        assert sorted(p.name for p in library.root.glob("*.mp4")) == ["bbb_1.mp4", "bbb_2.mp4"]


class TestDuplicates:
    @pytest.fixture
    def copies(self, library: Library, cli: Cli) -> Library:
        library.add("numbered.mp4", "a.mp4")
        library.add("numbered.mp4", "sub/b b.mp4")
        library.add("short.mp4", "c.mp4")
        cli("meta,phash", library.root, "-r")
        cli("thumbs", library.root)
        return library

    def test_what_the_command_finds(self, served: Served, copies: Library, cli: Cli) -> None:
        told = served.get("/phash/duplicates", params={"recursive": 1})
        same = cli("dupes", copies.root, "-r", "--json").json
        videos = told.pop("videos")
        assert told == same
        assert [(pair["a"], pair["b"], pair["kind"]) for pair in told["pairs"]] == [
            ("a.mp4", "sub/b b.mp4", "exact")
        ]
        assert set(videos) == {"a.mp4", "sub/b b.mp4"}
        assert videos["sub/b b.mp4"]["url"] == "/videos/sub/b%20b.mp4"
        assert videos["sub/b b.mp4"]["picture"] is None
        assert served.client.get(videos["a.mp4"]["picture"]).headers["content-type"] == "image/jpeg"
        assert (videos["a.mp4"]["width"], videos["a.mp4"]["vcodec"]) == (320, "h264")
        assert videos["a.mp4"]["size"] == (copies.root / "a.mp4").stat().st_size
        assert videos["a.mp4"]["bit_rate"] > 0

    def test_parameters(self, served: Served, copies: Library) -> None:
        assert served.get("/phash/duplicates")["total"] == 2
        told = served.get("/phash/duplicates", params={"threshold": 0.5, "deep": 1, "limit": 1})
        assert told["threshold"] == 0.5
        for name, value in (("threshold", 2), ("threshold", "nan"), ("limit", 0), ("limit", 501)):
            problem = served.get("/phash/duplicates", 422, params={name: value})
            assert problem["errors"][0]["field"] == name

    def test_copies_are_dealt_with_by_jobs(self, served: Served, copies: Library) -> None:
        for name in ("a.mp4", "sub/b b.mp4"):
            copies.forget(copies.root / name)
        before = contents(copies.root)
        job = served.job("dupes", recursive=True, params={"apply": "trash"})
        (action,) = job["result"]["applied"]
        assert action["action"] == "trashed"
        assert not (copies.root / action["video"]).exists()
        assert served.get("/phash/duplicates", params={"recursive": 1})["pairs"] == []
        assert served.job("dupes", params={"undo": True})["status"] == "done"
        assert contents(copies.root) == before
        job = served.job("dupes", params={"ignore": ["a.mp4", "sub/b b.mp4"]})
        assert job["result"]["ignored"] == ["a.mp4", "sub/b b.mp4"]
        assert served.get("/phash/duplicates", params={"recursive": 1})["pairs"] == []
        job = served.job("dupes", params={"undo": True})
        assert job["status"] == "error"

    def test_nothing_outside_is_looked_at(
        self, served: Served, copies: Library, tmp_path: Path
    ) -> None:
        (tmp_path / "private.mp4").write_bytes((copies.root / "a.mp4").read_bytes())
        (copies.root / "link.mp4").symlink_to(tmp_path / "private.mp4")
        told = served.get("/phash/duplicates", params={"recursive": 1})
        assert "link.mp4" not in str(told)
        job = served.job("dupes", params={"ignore": ["a.mp4", "link.mp4"]})
        assert job["status"] == "error"


class TestSuggestions:
    @pytest.fixture(autouse=True)
    def _tagged(self, library: Library, cli: Cli) -> None:
        for number, tags in enumerate(("night,city", "night,Nile", "late night", "ÄRGER")):
            video = library.add_bytes(f"sub/{number}.mp4", b"x")
            cli("tags", video, "--set", tags, "--add-performers", f"Nina {number},Jane Nimble")

    @pytest.mark.parametrize(
        ("prefix", "tags", "performers", "words"),
        [
            ("ni", ["night", "Nile", "late night"], 5, []),
            ("NIG", ["night", "late night"], 0, []),
            ("tag:ni", ["night", "Nile", "late night"], 0, []),
            ("-performer:ja", [], 1, []),
            ('performer:"jane n', [], 1, []),
            ("du", [], 0, ["duration:"]),
            ("missing:th", [], 0, ["missing:thumbs"]),
            ("ärg", ["ÄRGER"], 0, []),
            ("\\%_*", [], 0, []),
        ],
    )
    def test_what_may_follow(
        self, served: Served, prefix: str, tags: list[str], performers: int, words: list[str]
    ) -> None:
        told = served.get("/videos/suggest", params={"prefix": prefix})
        assert told["tags"] == tags
        assert len(told["performers"]) == performers
        assert told["words"] == words

    def test_nothing_said_yet(self, served: Served) -> None:
        told = served.get("/videos/suggest")
        assert told["tags"][0] == "night"
        assert told["performers"][0] == "Jane Nimble"
        assert "tag:" in told["words"]
        served.get("/videos/suggest", 422, params={"prefix": "x" * 300})
