"""Tags over the API: one video's, a library's, and listings by them."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from conftest import Cli
from support import Library, contents
from support.served import Served


def names(served: Served, **query: object) -> list[str]:
    response = served.get("/videos", params={k: str(v) for k, v in query.items()})
    return [row["path"] for row in response["videos"]]


@pytest.fixture
def tagged(library: Library, cli: Cli) -> Library:
    """Three videos with tags, one without."""
    for name in ("a.mp4", "b.mp4", "sub/c.mp4", "d.mp4"):
        library.add_bytes(name, b"x")
    cli("tags", library.root / "a.mp4", "--set", "Night,city", "--add-performers", "Jane Doe")
    cli("tags", library.root / "b.mp4", "--set", "night")
    cli("tags", library.root / "sub/c.mp4", "--set", "day")
    return library


class TestOne:
    def test_none(self, served: Served, library: Library) -> None:
        library.add_bytes("a.mp4", b"x")
        expected = {"video": "a.mp4", "tags": [], "performers": []}
        assert served.get("/videos/a.mp4/tags") == expected
        assert library.artifacts() == []

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    def test_the_body_of_the_specification(
        self, served: Served, library: Library, cli: Cli, method: str
    ) -> None:
        video = library.add_bytes("sub/a.mp4", b"x")
        cli("tags", video, "--set", "tag2,kept", "--add-performers", "OldActor")
        body = {
            "add": ["tag1"],
            "remove": ["tag2"],
            "performers_add": ["Actor"],
            "performers_remove": ["OldActor"],
            "replace": False,
        }
        reply = served.client.request(method, "/videos/sub/a.mp4/tags", json=body).json()
        assert reply == {"video": "sub/a.mp4", "tags": ["kept", "tag1"], "performers": ["Actor"]}
        assert served.get("/videos/sub/a.mp4/tags") == reply
        stored = library.json("a.mp4.tags.json", "sub")
        assert (stored["tags"], stored["performers"]) == (["kept", "tag1"], ["Actor"])

    def test_limits(self, served: Served, library: Library) -> None:
        library.add_bytes("a.mp4", b"x")
        url = "/videos/a.mp4/tags"
        for field in ("add", "performers_add"):
            got = served.client.post(url, json={field: ["t" * 900_000]})
            assert got.status_code == 400
            assert "a name has at most 200 characters" in got.json()["detail"]
            many = [f"t{number}" for number in range(1000)]
            assert served.client.post(url, json={field: many}).is_success
            got = served.client.post(url, json={field: ["one more"]})
            assert got.status_code == 409
            assert "a video has at most 1,000 tags or performers" in got.json()["detail"]
        entry = {"video": "a.mp4", "tags": ["t" * 201]}
        got = served.client.post("/tags/import", json={"videos": [entry]})
        assert (got.status_code, "200 characters" in got.json()["detail"]) == (400, True)

    def test_replace(self, served: Served, tagged: Library) -> None:
        url = "/videos/a.mp4/tags"
        reply = served.client.post(url, json={"add": ["x"], "replace": True}).json()
        assert (reply["tags"], reply["performers"]) == (["x"], ["Jane Doe"])
        body = {"performers_add": ["New"], "replace": True}
        reply = served.client.post(url, json=body).json()
        assert (reply["tags"], reply["performers"]) == ([], ["New"])

    def test_bad_ones_change_nothing(self, served: Served, tagged: Library) -> None:
        before = served.get("/videos/a.mp4/tags")
        bodies: list[tuple[Any, int]] = [
            ({"add": ["good", "bad\x07"]}, 400),
            ({"add": "night"}, 422),
            ({"add": [1]}, 422),
            ({"more": []}, 422),
            ({"add": ["x"] * 1001}, 422),
        ]
        for body, status in bodies:
            assert served.client.post("/videos/a.mp4/tags", json=body).status_code == status
        assert served.get("/videos/a.mp4/tags") == before
        assert served.client.post("/videos/none.mp4/tags", json={}).status_code == 404

    def test_a_rating_a_favourite_a_note_and_a_date(self, served: Served, tagged: Library) -> None:
        url = "/videos/a.mp4/tags"
        body = {"rating": 4.5, "favourite": True, "note": "Fine.", "date": "2024-01"}
        row = served.client.post(url, json=body).json()
        assert row == {"video": "a.mp4", "tags": ["Night", "city"], **body} | {
            "performers": ["Jane Doe"]
        }
        (card,) = served.get("/videos?q=rating:>4+favourite:&detail=1")["videos"]
        assert {key: card[key] for key in body} == body
        assert served.get("/tags/export")["videos"][0]["note"] == "Fine."
        row = served.client.post(url, json={"rating": None, "favourite": False}).json()
        assert not row.keys() & {"rating", "favourite"} and row["note"] == "Fine."
        for wrong, status in (
            ({"favourite": "x"}, 422),
            ({"rating": 6}, 422),
            ({"note": "\x1b"}, 400),
            ({"date": "x"}, 400),
        ):
            assert served.client.post(url, json=wrong).status_code == status
        entry = {"video": "b.mp4", "rating": 2, "favourite": True, "note": None}
        assert served.client.post("/tags/import", json={"videos": [entry]}).is_success
        after = served.get("/videos/b.mp4/tags")
        assert (after["rating"], after["favourite"]) == (2, True)

    def test_a_corrupt_file_is_refused_and_kept(self, served: Served, tagged: Library) -> None:
        place = tagged.artifact("a.mp4.tags.json")
        place.write_text("{broken")
        assert served.get("/videos/a.mp4/tags", 409)["title"] == "Conflict"
        assert served.client.post("/videos/a.mp4/tags", json={"add": ["x"]}).status_code == 409
        body = {"videos": [{"video": "b.mp4", "tags": ["y"]}, {"video": "a.mp4", "tags": ["y"]}]}
        assert served.client.post("/tags/import", json=body).status_code == 409
        assert "y" not in served.get("/videos/b.mp4/tags")["tags"]
        assert place.read_text() == "{broken"
        assert served.get("/videos?detail=1")["total"] == 3
        assert served.get("/tags/export")["errors"][0]["video"] == "a.mp4"

    def test_many_at_once_lose_none(self, served: Served, library: Library) -> None:
        library.add_bytes("a.mp4", b"x")

        def add(number: int) -> None:
            body = {"add": [f"tag {number}"]}
            assert served.client.post("/videos/a.mp4/tags", json=body).status_code == 200

        threads = [threading.Thread(target=add, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(served.get("/videos/a.mp4/tags")["tags"]) == 30


class TestListings:
    def test_by_tags(self, served: Served, tagged: Library) -> None:
        assert names(served, tags="night") == ["a.mp4", "b.mp4"]
        assert names(served, tags="NIGHT, City") == ["a.mp4"]
        assert names(served, tags="city,day", match_any=1, recursive=1) == ["a.mp4", "sub/c.mp4"]
        assert names(served, performers="jane doe") == ["a.mp4"]
        assert names(served, tags="night", performers="Jane Doe") == ["a.mp4"]
        assert names(served, tags="day", performers="Jane Doe", recursive=1) == []
        assert names(served, tags="none") == []

    def test_by_a_name_with_a_comma(self, served: Served, tagged: Library) -> None:
        body = {"performers_add": ["Doe, Jane"]}
        assert served.client.post("/videos/b.mp4/tags", json=body).status_code == 200
        assert names(served, performers='"doe, jane"') == ["b.mp4"]
        assert names(served, performers="doe, jane") == []
        wrong = served.client.get("/videos", params={"performers": '"doe, jane'})
        assert wrong.status_code == 422
        assert "performers" in wrong.text

    def test_detail_has_them(self, served: Served, tagged: Library) -> None:
        rows = {row["path"]: row for row in served.get("/videos?detail=1")["videos"]}
        assert rows["a.mp4"]["tags"] == ["Night", "city"]
        assert rows["a.mp4"]["performers"] == ["Jane Doe"]
        assert rows["d.mp4"]["tags"] == []

    def test_summary(self, served: Served, tagged: Library) -> None:
        reply = served.get("/tags/summary", params={"recursive": 1})
        counts = {entry["name"].lower(): entry["count"] for entry in reply["tags"]}
        assert counts == {"night": 2, "city": 1, "day": 1}
        assert reply["tags"][0]["count"] == 2
        assert reply["performers"] == [{"name": "Jane Doe", "count": 1}]


class TestTransfer:
    def test_out_and_in_again(self, served: Served, tagged: Library) -> None:
        exported = served.get("/tags/export", params={"recursive": 1})
        assert [entry["video"] for entry in exported["videos"]] == ["a.mp4", "b.mp4", "sub/c.mp4"]
        for place in tagged.root.rglob("*.tags.json"):
            place.unlink()
        dry = served.client.post("/tags/import", json={**exported, "dry_run": True}).json()
        assert (dry["dry_run"], dry["matched"]) == (True, 3)
        assert served.get("/tags/export", params={"recursive": 1})["videos"] == []
        assert served.client.post("/tags/import", json=exported).json()["matched"] == 3
        assert served.get("/tags/export", params={"recursive": 1}) == exported

    def test_merge_and_replace(self, served: Served, tagged: Library) -> None:
        body: dict[str, Any] = {"videos": [{"video": "b.mp4", "tags": ["x"], "performers": ["P"]}]}
        served.client.post("/tags/import", json=body)
        assert served.get("/videos/b.mp4/tags")["tags"] == ["night", "x"]
        served.client.post("/tags/import", json={**body, "mode": "replace"})
        reply = served.get("/videos/b.mp4/tags")
        assert (reply["tags"], reply["performers"]) == (["x"], ["P"])

    def test_unknown_videos_are_told(self, served: Served, tagged: Library) -> None:
        entries = [{"video": "gone.mp4", "tags": ["x"]}, {"video": "b.mp4", "tags": ["x"]}]
        reply = served.client.post("/tags/import", json={"videos": entries}).json()
        assert (reply["matched"], reply["unknown"]) == (1, ["gone.mp4"])


class TestMany:
    def change(self, served: Served, *changes: object, status: int = 200) -> Any:
        response = served.client.post("/tags/change", json={"changes": changes})
        assert response.status_code == status, response.text
        return response.json()

    def test_one_request_and_the_one_that_takes_it_back(
        self, served: Served, tagged: Library
    ) -> None:
        def tags() -> list[Any]:
            return list(served.get("/tags/export", params={"recursive": True})["videos"])

        before = tags()
        videos = ["a.mp4", "b.mp4", "sub/c.mp4", "d.mp4", "no.mp4"]
        change = {"videos": videos, "add": ["NIGHT", "seen"], "remove": ["day"]}
        reply = self.change(served, change | {"performers_remove": ["jane doe"]})
        assert reply["changed"] == 4
        assert [row["video"] for row in reply["errors"]] == ["no.mp4"]
        assert served.get("/videos/a.mp4/tags")["tags"] == ["Night", "city", "seen"]
        assert served.get("/videos/a.mp4/tags")["performers"] == []
        assert names(served, q="tag:seen", recursive=True) == [
            "a.mp4",
            "b.mp4",
            "d.mp4",
            "sub/c.mp4",
        ]
        again = self.change(served, change | {"videos": videos[:4]})
        assert (again["changed"], again["undo"]) == (0, [])
        undone = self.change(served, *reply["undo"])
        assert (undone["changed"], tags()) == (4, before)
        assert self.change(served, *undone["undo"])["changed"] == 4

    def test_undo_keeps_what_came_since(self, served: Served, tagged: Library) -> None:
        reply = self.change(served, {"videos": ["a.mp4", "b.mp4"], "add": ["seen"]})
        assert [row["videos"] for row in reply["undo"]] == [["a.mp4", "b.mp4"]]
        self.change(served, {"videos": ["b.mp4"], "add": ["later"]})
        self.change(served, *reply["undo"])
        assert served.get("/videos/b.mp4/tags")["tags"] == ["night", "later"]

    def test_a_corrupt_file_keeps_the_others_from_nothing(
        self, served: Served, tagged: Library
    ) -> None:
        tagged.artifact("b.mp4.tags.json").write_text("{")
        reply = self.change(served, {"videos": ["a.mp4", "b.mp4"], "add": ["seen"]})
        assert (reply["changed"], reply["errors"][0]["video"]) == (1, "b.mp4")
        assert "is corrupt" in reply["errors"][0]["error"]
        assert tagged.artifact("b.mp4.tags.json").read_text() == "{"

    def test_bad_ones_change_nothing(self, served: Served, tagged: Library) -> None:
        before = contents(tagged.root)
        long = {"videos": ["a.mp4"], "add": ["x" * 201]}
        assert "200 characters" in self.change(served, long, status=400)["detail"]
        twice = {"videos": ["a.mp4", "b.mp4"], "add": ["x"]}
        assert "twice" in self.change(served, twice, twice, status=422)["detail"]
        self.change(served, {"videos": ["a.mp4"], "rating": 3}, status=422)
        assert contents(tagged.root) == before

    def test_a_thousand_in_one_request(self, served: Served, library: Library) -> None:
        videos = [f"{number % 10}/{number:04}.mp4" for number in range(1000)]
        for name in videos:
            (library.root / name).parent.mkdir(exist_ok=True)
            (library.root / name).write_bytes(b"x")
        reply = self.change(served, {"videos": videos, "add": ["seen"]})
        assert (reply["changed"], len(reply["undo"]), reply["errors"]) == (1000, 1, [])
        assert self.change(served, *reply["undo"])["changed"] == 1000
        assert served.get("/tags/summary", params={"recursive": True})["tags"] == []
