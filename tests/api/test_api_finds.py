"""Subtitles, faces and neighbours over the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library, contents, faces
from support.served import Served

SRT = "1\n00:00:01,000 --> 00:00:02,500\nBread & butter\n\n2\n00:00:03,000 --> 00:00:04,000\n{}\n"


class TestSearch:
    @pytest.fixture(autouse=True)
    def _films(self, library: Library) -> None:
        for number in range(3):
            library.add_bytes(f"sub dir/{number}.mp4", b"x")
            library.add_bytes(f"sub dir/{number}.srt", SRT.format(f"word{number}").encode())
        library.add_bytes("silent.mp4", b"x")

    def test_what_the_command_finds(self, served: Served, library: Library, cli: Cli) -> None:
        before = contents(library.root)
        told = served.get("/search", params={"text": "bread", "recursive": 1})
        same = cli("search", "bread", library.root, "-r", "--json").json
        for row in told["results"]:
            assert row.pop("url") == f"/videos/{row['video'].replace(' ', '%20')}"
            assert served.get(f"/videos/{row['video']}")["path"] == row["video"]
        assert told["results"] == same["results"]
        assert (told["total"], told["searched"], told["offset"], told["limit"]) == (3, 3, 0, 100)
        (line,) = told["results"][0]["matches"]
        assert line["text"][slice(*line["offsets"][0])] == "Bread"
        assert contents(library.root) == before

    def test_pages_and_folders(self, served: Served) -> None:
        query = {"text": "bread", "recursive": 1, "offset": 1, "limit": 1}
        told = served.get("/search", params=query)
        assert (told["total"], told["offset"], told["limit"]) == (3, 1, 1)
        assert [row["video"] for row in told["results"]] == ["sub dir/1.mp4"]
        assert served.get("/search", params={"text": "bread"})["total"] == 0
        query = {"text": "word2", "directory": "sub dir"}
        assert [row["video"] for row in served.get("/search", params=query)["results"]] == ["2.mp4"]
        query = {"text": "bread OR word*", "recursive": 1, "lines": 1}
        row = served.get("/search", params=query)["results"][0]
        assert (row["count"], len(row["matches"])) == (2, 1)

    def test_what_changed_is_known(self, served: Served, library: Library) -> None:
        assert served.get("/search", params={"text": "new", "recursive": 1})["total"] == 0
        library.add_bytes("silent.srt", SRT.format("brand new").encode())
        (row,) = served.get("/search", params={"text": "new", "recursive": 1})["results"]
        assert row["video"] == "silent.mp4"

    @pytest.mark.parametrize(
        "text", ["", '"', "(", "NEAR(", "a AND", "\0", "*", "'; --", "x" * 10001]
    )
    def test_a_text_that_makes_no_sense(self, served: Served, text: str) -> None:
        response = served.client.get("/search", params={"text": text})
        assert response.status_code == 422, response.text
        assert response.json()["errors"][0]["field"] == "text"
        served.get("/search", 422)

    def test_subtitles_that_are_none(self, served: Served, library: Library) -> None:
        library.add_bytes("silent.vtt", b"no subtitles")
        told = served.get("/search", params={"text": "bread", "recursive": 1})
        assert told["total"] == 3
        assert [row["video"] for row in told["errors"]] == ["silent.mp4"]


class TestFaces:
    @pytest.mark.slow
    def test_who_is_seen_when(self, served: Served, library: Library) -> None:
        faces.film(library, "sub/film.mp4", (4, ["ann"]), (3, ["obama"]), (3, []), (4, ["ann"]))
        served.get("/videos/sub/film.mp4/faces", 404)
        assert served.job("embed", recursive=True, params={"thumbnails": True})["failed"] == 0
        told = served.get("/videos/sub/film.mp4/faces")
        assert (told["video"], "sface" in told["model"]) == ("sub/film.mp4", True)
        ann, obama = told["people"]
        assert ann["intervals"] == [[0, 3], [10, 13]]
        assert obama["intervals"] == [[4, 6]]
        assert (ann["person"], ann["label"]) == (None, None)
        assert len(ann["box"]) == 4
        served.job("listing", recursive=True)
        (known, _) = served.get("/videos/sub/film.mp4/faces")["people"]
        assert isinstance(known["person"], int)
        assert known == ann | {"person": known["person"]}
        for one in (ann, obama):
            assert served.client.get(one["picture"]).headers["content-type"] == "image/jpeg"

    @pytest.mark.parametrize(
        ("content", "status"),
        [
            ("", 409),
            ("[]", 409),
            ("{}", 409),
            ('{"signatures": 3}', 409),
            ('{"signatures": [3]}', 409),
            ('{"signatures": [{"id": "a", "intervals": [[1]]}]}', 409),
            ('{"signatures": []}', 200),
        ],
    )
    def test_a_corrupt_artifact(
        self, served: Served, library: Library, content: str, status: int
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        place = library.artifact("a.mp4.faces.signatures.json")
        place.parent.mkdir()
        place.write_text(content)
        served.get("/videos/a.mp4/faces", status)
        assert place.read_text() == content


LISTED = {"recursive": 1}


class TestPeople:
    @pytest.fixture
    def films(self, cli: Cli, library: Library) -> Library:
        def make(folder: Library) -> None:
            faces.film(folder, "a.mp4", (4, ["ann"]), (3, ["obama"]))
            faces.film(folder, "sub/b.mp4", (3, ["obama"]))
            assert cli("embed", folder.root, "-r", "--thumbnails").code == 0

        library.add_made("finds", make)
        return library

    def listing(self, served: Served, **query: object) -> Any:
        params = {key: str(value) for key, value in {**LISTED, **query}.items()}
        return served.get("/faces/listing", params=params)

    def change(self, served: Served, person: int, status: int = 200, **body: object) -> Any:
        url = f"/faces/people/{person}"
        response = served.client.post(url, json=body, params=LISTED)
        assert response.status_code == status, response.text
        return response.json()

    @pytest.mark.slow
    def test_what_listing_would_find(self, served: Served, films: Library, cli: Cli) -> None:
        """Computed once for ten minutes, and nothing is stored."""
        before = contents(films.root)
        told = self.listing(served)
        assert self.listing(served)["generated_at"] == told["generated_at"]
        assert contents(films.root) == before
        obama, ann = told["people"]
        assert [seen["video"] for seen in obama["occurrences"]] == ["a.mp4", "sub/b.mp4"]
        assert obama["occurrences"][1]["url"] == "/videos/sub/b.mp4"
        for url in (obama["picture"], *(seen["picture"] for seen in obama["occurrences"])):
            assert served.client.get(url).headers["content-type"] == "image/jpeg"
        assert ann["occurrences"][0]["intervals"] == [[0, 3]]
        same = cli("listing", films.root, "-r", "--no-embed", "--json").json
        assert [person["id"] for person in same["people"]] == [obama["id"], ann["id"]]
        stored = self.listing(served)
        assert stored["people"] == told["people"]
        assert (stored["total"], stored["videos"]) == (2, 2)

    def test_pages(self, served: Served, films: Library) -> None:
        told = self.listing(served, offset=1, limit=1)
        assert (told["total"], told["offset"], told["limit"], len(told["people"])) == (2, 1, 1, 1)
        assert self.listing(served, offset=9)["people"] == []
        assert len(served.get("/faces/listing")["people"]) == 2
        assert served.get("/faces/listing", params={"directory": "sub"})["total"] == 1
        served.get("/faces/listing", 422, params={"limit": 0})

    def test_videos_without_signatures_are_told(self, served: Served, films: Library) -> None:
        films.add("short.mp4")
        told = self.listing(served)
        assert told["total_left_out"] == 1
        assert told["left_out"][0]["video"] == "short.mp4"
        assert served.get("/faces/listing", params={"ext": ".mkv"})["people"] == []

    def test_decisions(self, served: Served, films: Library, cli: Cli) -> None:
        """On what was only computed before, too; each can be taken back."""
        obama, ann = (person["id"] for person in self.listing(served)["people"])
        told = self.change(served, ann, action="rename", name=" Ann Bea ")
        assert (told["people"][0]["label"], told["people"][0]["named_by_hand"]) == ("Ann Bea", True)
        assert {p["label"] for p in self.listing(served)["people"]} == {"Ann Bea", None}
        (first, _) = served.get("/videos/a.mp4/faces")["people"]
        assert (first["person"], first["label"]) == (ann, "Ann Bea")
        told = self.change(served, ann, action="merge", ids=[obama])
        assert [p["id"] for p in told["people"]] == [ann]
        assert self.listing(served)["total"] == 1
        assert served.client.post("/faces/undo", params=LISTED).json()["action"] == "undo"
        assert self.listing(served)["total"] == 2
        assert len(self.change(served, obama, action="split")["people"]) == 2
        served.client.post("/faces/undo", params=LISTED)
        seen = self.listing(served)["people"][0]["occurrences"][0]["signature"]
        self.change(served, ann, 404, action="reassign", signature=seen, to="new")
        told = self.change(served, obama, action="reassign", signature=seen, to="new")
        assert self.listing(served)["total"] == 3
        self.change(served, told["people"][1]["id"], action="reassign", signature=seen, to=obama)
        self.change(served, obama, action="hide")
        assert [p["id"] for p in self.listing(served)["people"]] == [ann]
        (hidden,) = (p for p in self.listing(served, hidden=1)["people"] if p["hidden"])
        assert self.change(served, obama, action="show")["people"][0]["id"] == hidden["id"]
        assert cli("people", films.root, "-r", "--json").json["people"][0]["id"] == obama

    def test_decisions_are_taken_back_one_by_one(self, served: Served, films: Library) -> None:
        """By their numbers, in any order where they concern other people."""

        def undo(change: int, status: int = 200) -> Any:
            body = {"change": change}
            answer = served.client.post("/faces/undo", params=LISTED, json=body)
            assert answer.status_code == status, answer.text
            return answer.json()

        obama, ann = (person["id"] for person in self.listing(served)["people"])
        named = self.change(served, ann, action="rename", name="Ann")["change"]
        hidden = self.change(served, obama, action="hide")["change"]
        assert undo(named)["people"][0]["label"] is None
        undo(named, 404)
        named = self.change(served, obama, action="rename", name="Barack")["change"]
        assert "rename #" in undo(hidden, 409)["detail"]
        undo(named)
        undo(hidden)
        assert [p["label"] for p in self.listing(served)["people"]] == [None, None]
        undo(0, 404)

    def test_forgotten(self, served: Served, films: Library) -> None:
        obama, ann = self.listing(served)["people"]
        response = served.client.delete(f"/faces/people/{obama['id']}", params=LISTED)
        assert response.status_code == 200, response.text
        assert [p["id"] for p in self.listing(served)["people"]] == [ann["id"]]
        signatures = [seen["signature"].encode() for seen in obama["occurrences"]]
        kept = [c for p, c in contents(films.root).items() if p.endswith(".jpg")]
        assert len(kept) == 1
        assert served.client.get(obama["picture"]).status_code == 404
        assert len(signatures) == 2
        served.client.delete(f"/faces/people/{obama['id']}", params=LISTED)
        assert served.client.delete("/faces/people/999", params=LISTED).status_code == 404
        assert served.client.post("/faces/undo", params=LISTED).status_code == 404

    @pytest.mark.parametrize(
        ("person", "body", "status"),
        [
            (999, {"action": "hide"}, 404),
            (0, {"action": "hide"}, 422),
            ("x", {"action": "hide"}, 422),
            (10**12, {"action": "hide"}, 422),
            (1, {}, 422),
            (1, {"action": "explode"}, 422),
            (1, {"action": "hide", "more": 1}, 422),
            (1, {"action": "rename"}, 422),
            (1, {"action": "rename", "name": ""}, 422),
            (1, {"action": "rename", "name": "  "}, 400),
            (1, {"action": "rename", "name": "x" * 201}, 422),
            (1, {"action": "merge", "ids": []}, 422),
            (1, {"action": "merge", "ids": [1]}, 400),
            (1, {"action": "merge", "ids": [999]}, 404),
            (1, {"action": "merge", "ids": [-1]}, 422),
            (1, {"action": "merge", "ids": ["x"]}, 422),
            (1, {"action": "split"}, 400),
            (1, {"action": "reassign", "signature": ".*", "to": "new"}, 422),
            (1, {"action": "reassign", "signature": "abcd", "to": "new"}, 404),
            (1, {"action": "reassign", "signature": "abc", "to": "old"}, 422),
        ],
    )
    def test_decisions_that_make_no_sense(
        self, served: Served, library: Library, person: object, body: dict[str, Any], status: int
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        put_people(library, {"id": 1, "label": None, "label_distance": None, "occurrences": [SEEN]})
        before = contents(library.root)
        response = served.client.post(f"/faces/people/{person}", json=body)
        assert response.status_code == status, response.text
        assert contents(library.root) == before

    @pytest.mark.parametrize(
        "change",
        [
            {"video": "../private.mp4"},
            {"video": "/etc/x.mp4"},
            {"video": 3},
            {"video": ".artifacts/x.mp4"},
            {"signature": ".*"},
            {"signature": None},
            {"intervals": 3},
            {"intervals": [["a", "b"]]},
            {"intervals": [[float("nan"), 1]]},
            {"frames": "x"},
            {"quality": "x"},
        ],
    )
    def test_an_index_of_a_stranger(
        self, served: Served, library: Library, change: dict[str, Any]
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        seen = SEEN | change
        put_people(library, {"id": 1, "label": "x", "label_distance": 0.1, "occurrences": [seen]})
        before = contents(library.root)
        response = served.client.get("/faces/listing")
        assert response.status_code == 409, response.text
        if {"video", "signature"} & set(change):
            assert served.client.delete("/faces/people/1").status_code == 409
            assert served.client.post("/faces/people/1", json={"action": "hide"}).status_code == 409
            assert contents(library.root) == before

    def test_records_that_lead_out(self, served: Served, library: Library, tmp_path: Path) -> None:
        outside = tmp_path / "private.json"
        outside.write_text('{"people": [], "sources": [], "left_out": [], "params": {}}')
        library.add_bytes("a.mp4", b"x")
        for name in (".faces.index.json", ".faces.people.json"):
            put_people(library)
            place = library.artifact(name)
            place.unlink(missing_ok=True)
            place.symlink_to(outside)
            served.get("/faces/listing", 403)
            for method, path, body in (
                ("POST", "/faces/people/1", {"action": "hide"}),
                ("DELETE", "/faces/people/1", None),
                ("POST", "/faces/undo", None),
            ):
                assert served.client.request(method, path, json=body).status_code == 403
            assert served.job("listing", params={"embed": False})["status"] == "error"
            place.unlink()

    def test_forgetting_stays_inside(
        self, served: Served, library: Library, tmp_path: Path
    ) -> None:
        """An index names a video in a folder that is a link to elsewhere."""
        outside = tmp_path / "other/.artifacts"
        outside.mkdir(parents=True)
        (outside / "b.mp4.faces.signatures.json").write_text('{"signatures": [{"id": "abc"}]}')
        (library.root / "link").symlink_to(tmp_path / "other")
        seen = SEEN | {"video": "link/b.mp4"}
        put_people(library, {"id": 1, "label": "x", "label_distance": 0.1, "occurrences": [seen]})
        before = contents(tmp_path / "other")
        assert served.client.delete("/faces/people/1").status_code == 200
        assert contents(tmp_path / "other") == before

    def test_a_gallery_stays_inside(self, served: Served, films: Library, tmp_path: Path) -> None:
        faces.portrait_of("ann", tmp_path / "private.png")
        (films.root / "known/ann").mkdir(parents=True)
        (films.root / "known/ann/1.png").symlink_to(tmp_path / "private.png")
        job = served.job("listing", recursive=True, params={"gallery": "known"})
        assert {person["label"] for person in job["result"]["people"]} == {None}
        assert "leads out" in str(job["result"]["left_out"])
        for place in ("..", "/tmp", str(tmp_path)):
            body = {"task": "listing", "params": {"gallery": place}}
            assert served.client.post("/jobs", json=body).status_code == 403


SEEN = {"video": "a.mp4", "signature": "abc", "intervals": [[0, 1]], "frames": 2, "time": 0.5}
SEEN |= {"quality": 0.5}


def put_people(library: Library, *people: dict[str, Any]) -> None:
    """An index of faces as it may come with a folder."""
    names = {seen["video"] for person in people for seen in person["occurrences"]}
    source = {"size": 1, "mtime_ns": 1, "oshash": "0" * 16, "model": "m"}
    document: dict[str, Any] = {
        "people": people,
        "sources": [source | {"video": name} for name in names],
    }
    params = {"cluster_eps": 0.45, "cluster_min_samples": 1, "label_threshold": 0.4}
    document |= {"left_out": [], "params": params, "model": "m", "dimension": 128, "scale": 1.0}
    document |= {"next": 2, "videos": 1}
    document |= {"generated_at": "2024-01-01T00:00:00Z", "gallery": []}
    place = library.artifact(".faces.index.json")
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(document))


def test_neighbours_are_those_of_a_query(served: Served, library: Library) -> None:
    sizes = {"a.mp4": 30, "b.mkv": 10, "sub/c d.mp4": 20, "sub/d.mp4": 40}
    for name, size in sizes.items():
        library.add_bytes(name, b"x" * size)

    def beside(name: str, **params: Any) -> list[Any]:
        query = {"recursive": 1, "ext": "*", "sort": "size", "order": "asc"} | params
        answer = served.get(f"/videos/{name}/neighbours", params=query)
        names = [row and row["path"] for row in (answer["previous"], answer["next"])]
        return [answer["position"], answer["total"], *names]

    assert beside("b.mkv") == [0, 4, None, "sub/c d.mp4"]
    assert beside("sub/c%20d.mp4") == [1, 4, "b.mkv", "a.mp4"]
    assert beside("sub/d.mp4", order="desc") == [0, 4, None, "a.mp4"]
    assert beside("sub/d.mp4", q="path:sub/") == [1, 2, "sub/c d.mp4", None]
    assert beside("a.mp4", q="path:sub/") == [None, 2, None, None]
    assert beside("a.mp4", recursive=0, ext="mp4") == [0, 1, None, None]
    wrong = served.get("/videos/a.mp4/neighbours", 422, params={"q": "durtion:>5"})
    assert wrong["errors"][0]["field"] == "q"
    served.get("/videos/gone.mp4/neighbours", 404)
