"""Subtitles and faces over the API."""

from __future__ import annotations

import faces
import pytest
from conftest import Cli
from served import Served
from support import Library, contents

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
