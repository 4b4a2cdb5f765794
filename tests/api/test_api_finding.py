"""Finding one's way in a library over the API: orders, the tree of folders, suggestions, searches
that are kept."""

from __future__ import annotations

import functools
import itertools
import json
import os
import threading
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
from conftest import Cli
from support import Library, wait_until
from support.served import Served, serving

from videolib.catalogue.catalogue import Catalogue

# In the order of names as people sort them, whatever the folder.
FILMS = ("Éclair.mp4", "Film.mp4", "film 1.mp4", "Film 02.mp4", "film 10.mp4", "zoo.mp4")


def names(served: Served, **params: Any) -> list[str]:
    page = served.get("/videos", params={"recursive": 1, **params})
    return [video["path"] for video in page["videos"]]


class TestOrders:
    def test_names_sort_as_people_sort_them(
        self, served: Served, library: Library, cli: Cli
    ) -> None:
        """Numbers by value, without case and accents, folder by folder."""
        for number, name in enumerate(FILMS[::-1]):
            library.add_bytes(f"{('Season 9', 'season 10')[number % 2]}/{name}", b"x")
        titles = [path.rpartition("/")[2] for path in names(served, sort="title")]
        assert titles == list(FILMS)
        paths = [f"{season}/{name}" for season in ("Season 9", "season 10") for name in FILMS]
        there = [path for path in paths if (library.root / path).exists()]
        assert names(served, sort="name") == there
        assert names(served, sort="name", order="desc") == there[::-1]
        bare = [row["path"] for row in cli("list", library.root, "-r", "--json").json]
        assert bare == [str(library.root / path) for path in there], "also without a database"

    def test_a_shuffle_is_the_same_on_every_page(
        self, served: Served, library: Library, cli: Cli
    ) -> None:
        for number in range(12):
            library.add_bytes(f"{number}.mp4", b"x")
        shuffled = names(served, sort="random", seed=7)
        pages = [names(served, sort="random", seed=7, offset=at, limit=5) for at in (0, 5, 10)]
        assert [*itertools.chain(*pages)] == shuffled != names(served, sort="title")
        assert names(served, sort="random", seed=7, order="desc") == shuffled[::-1]
        assert names(served, sort="random", seed=8) != shuffled
        assert names(served, sort="random") == names(served, sort="random", seed=0)
        params = {"recursive": 1, "sort": "random", "seed": 7}
        beside = served.get(f"/videos/{shuffled[4]}/neighbours", params=params)
        assert beside["position"] == 4
        assert [beside[side]["path"] for side in ("previous", "next")] == shuffled[3:6:2]
        library.forget(library.root / shuffled[0])
        (library.root / shuffled[0]).unlink()
        assert names(served, sort="random", seed=7) == shuffled[1:], "who goes moves no other"
        served.get("/videos", 422, params={"sort": "random", "seed": -1})
        taken = cli("list", library.root, "--sort", "random", "--limit", 3, "--json").json
        assert len({row["name"] for row in taken}) == 3


class TestSuggestedFilters:
    """Terms that find something come with how many videos, titles after them."""

    def suggested(self, served: Served, prefix: str) -> dict[str, int]:
        answer = served.get("/videos/suggest", params={"prefix": prefix, "ext": "*"})
        return {row["text"]: row["videos"] for row in answer["filters"]}

    def test_values_that_are_there(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("bigbuckbunny.mp4", "Films/the sea.mp4")
        library.add("bikes.mp4", "Films/old & new/the-Bikes.mp4")
        library.add_bytes("stranger.mkv", b"x")
        assert cli("meta", library.root, "-r").code == 0
        for part, change in (("tags", {"rating": 4}), ("playback", {"watched": True})):
            response = served.client.patch(f"/videos/Films/the sea.mp4/{part}", json=change)
            assert response.status_code == 200, response.text
        assert self.suggested(served, "codec:") == {"codec:h264": 2, "codec:aac": 1}
        assert self.suggested(served, "-vcodec:H") == {"vcodec:h264": 2}
        assert self.suggested(served, "duration:") == {"duration:<1m": 2}
        sizes = {"resolution:720p": 1, "resolution:<720p": 1, "resolution:<480p": 1}
        assert self.suggested(served, "resolution:") == sizes
        assert self.suggested(served, "rating:") == {"rating:>=4": 1, "rating:>=3": 1}
        assert self.suggested(served, "watched:") == {
            f"watched:{age}": 1 for age in ("", "<1d", "<7d", "<30d")
        }
        assert self.suggested(served, "has:m") == {"has:metadata": 2}
        assert self.suggested(served, "missing:m") == {"missing:metadata": 1}
        fields = {"fields": "duration, VCODEC,nothing", "ext": "*"}
        answer = served.get("/videos/suggest", params=fields)
        counted = [{"text": t, "videos": 2} for t in ("duration:<1m", "vcodec:h264")]
        assert answer.pop("filters") == counted and not any(answer.values())
        assert self.suggested(served, "ext:") == {"ext:mp4": 2, "ext:mkv": 1}
        folders = {"folder:Films": 2, 'folder:"Films/old & new"': 1}
        assert self.suggested(served, "folder:") == folders == self.suggested(served, "folder:f")
        assert self.suggested(served, "OLD") == {'folder:"Films/old & new"': 1}
        for query, videos in {**folders, "resolution:<480p": 1, "-watched:": 2}.items():
            assert len(names(served, q=query, ext="*")) == videos

    def test_titles_follow_the_filters(self, served: Served, library: Library) -> None:
        for name in ("a sea.mp4", "Sea 10.mp4", "sub/sea 2.mp4", "the_sea.mp4", "oversea.mkv"):
            library.add_bytes(name, b"x")
        answer = served.get("/videos/suggest", params={"prefix": "SEA"})
        titles = [video["name"] for video in answer["titles"]]
        assert titles[:2] == ["sea 2.mp4", "Sea 10.mp4"], "who begins with it comes first"
        assert set(titles[2:4]) == {"a sea.mp4", "the_sea.mp4"}, "then who has it as a word"
        for video in answer["titles"]:
            assert served.get(video["url"])["path"] == video["path"]
        for prefix in ("mp4", "tag:sea", ""):
            reply = served.get("/videos/suggest", params={"prefix": prefix})
            assert reply["titles"] == [], prefix


class TestFolders:
    @pytest.fixture(autouse=True)
    def _films(self, library: Library) -> None:
        for path in ("a.mp4", "Season 10/b.mp4", "Season 9/c.mp4", "Season 9/x.y/deep/d.mp4"):
            library.add_bytes(path, b"x")
        library.add_bytes("Season 9/e.mkv", b"x")
        (library.root / "empty").mkdir()

    def tree(self, served: Served, **params: Any) -> list[tuple[str, int, int, int]]:
        answer = served.get("/folders", params=params)
        assert answer["count"] == len(answer["tree"]) and answer["complete"]
        keys = ("path", "videos", "total", "folders")
        return [tuple(folder[key] for key in keys) for folder in answer["tree"]]

    def test_a_level_at_a_time_or_all(self, served: Served) -> None:
        seasons = [("Season 9", 1, 2, 1), ("Season 10", 1, 1, 0)]
        assert self.tree(served) == seasons
        inner = [("Season 9/x.y", 0, 1, 1), ("Season 9/x.y/deep", 1, 1, 0)]
        assert self.tree(served, below="Season 9") == inner[:1]
        assert self.tree(served, depth=9) == [seasons[0], *inner, seasons[1]]
        root = served.get("/folders")
        assert [root[key] for key in ("path", "name", "videos", "total", "folders")] == [
            *("", "", 1, 4, 2)
        ]
        assert self.tree(served, directory="Season 9", depth=2)[1] == ("x.y/deep", 1, 1, 0)
        assert self.tree(served, ext="*")[0] == ("Season 9", 2, 3, 1)
        assert self.tree(served, q="name:b.mp4") == [("Season 10", 1, 1, 0)]
        page = served.get("/folders", params={"depth": 9, "offset": 1, "limit": 1})
        assert (page["count"], [folder["name"] for folder in page["tree"]]) == (4, ["x.y"])

    def test_no_folder_but_those_of_the_library(self, served: Served, library: Library) -> None:
        for below in ("..", "/etc", "Season 9/..", "nowhere", "\0"):
            answer = served.get("/folders", params={"below": below})
            assert (answer["total"], answer["tree"]) == (0, []), below
        served.get("/folders", 403, params={"directory": ".."})
        served.get("/folders", 422, params={"q": "colour:red"})
        (library.root / "Season 10/b.mp4").rename(library.root / "b.mp4")
        assert self.tree(served) == [("Season 9", 1, 2, 1)]
        library.forget(library.root / "Season 10/b.mp4")

    def test_names_that_are_no_text(self, served: Served, library: Library) -> None:
        name = os.fsdecode(b"odd \xff")
        library.add_bytes(f"{name}/in/f.mp4", b"x")
        below = "/folders?below=odd%20%FF"
        assert [folder["name"] for folder in served.get(below)["tree"]] == ["in"]


class TestSavedSearches:
    SEARCH: ClassVar = {"q": "tag:night", "sort": "random", "order": "", "seed": 7, "view": "list"}

    def put(self, served: Served, name: str, status: int = 200, **change: Any) -> Any:
        url = f"/searches/{urllib.parse.quote(name)}"
        response = served.client.put(url, json={**self.SEARCH, **change})
        assert response.status_code == status, response.text
        return response.json()

    def saved(self, served: Served) -> list[str]:
        return [search["name"] for search in served.get("/searches")["searches"]]

    def test_kept_replaced_and_put_back(self, served: Served, library: Library) -> None:
        assert served.get("/searches") == {"searches": []}
        assert served.client.delete("/searches/none").status_code == 404
        assert library.artifacts() == [], "who only looks writes nothing"
        night = {"name": "Night 10/a", **self.SEARCH}
        assert self.put(served, "Night 10/a") == {"search": night, "previous": None}
        assert served.get("/searches") == {"searches": [night]}
        changed = self.put(served, "night 10/A", q="sea")
        assert changed["previous"] == night, "case makes no other search"
        self.put(served, "Night 9")
        assert self.saved(served) == ["Night 9", "night 10/A"]
        gone = served.client.delete("/searches/NIGHT 10/a").json()
        assert gone == {"search": None, "previous": changed["search"]}
        assert served.client.delete("/searches/NIGHT 10/a").status_code == 404
        name = gone["previous"].pop("name")
        assert self.put(served, name, **gone["previous"])["search"] == changed["search"]
        stored = library.json(".searches.json")
        assert [entry["name"] for entry in stored["searches"]] == ["Night 9", "night 10/A"]
        for name in self.saved(served):
            served.client.delete(f"/searches/{name}").raise_for_status()
        assert library.artifacts() == []

    @pytest.mark.parametrize(
        ("name", "change", "field"),
        [
            (" ", {}, "name"),
            ("two\nlines", {}, "name"),
            ("n" * 101, {}, "name"),
            ("a", {"q": "colour:red"}, "q"),
            ("a", {"q": "x" * 10_001}, "q"),
            ("a", {"sort": "colour"}, "sort"),
            ("a", {"view": "v" * 41}, "view"),
            ("a", {"more": 1}, "more"),
        ],
    )
    def test_what_is_none(
        self, served: Served, library: Library, name: str, change: dict[str, Any], field: str
    ) -> None:
        assert self.put(served, name, 422, **change)["errors"][0]["field"] == field
        assert library.artifacts() == []

    def test_a_file_of_others(self, served: Served, library: Library) -> None:
        """What is no search stays where it is; a corrupt file is not written over."""
        library.artifact(".").mkdir()
        entries = [3, {"q": "nameless"}, {"name": "odd", "q": 5, "colour": "red"}]
        path = library.artifact(".searches.json")
        path.write_text(json.dumps({"searches": entries, "by": "hand"}))
        (odd,) = served.get("/searches")["searches"]
        assert (odd["name"], odd["q"]) == ("odd", "")
        self.put(served, "odd", q="sea")
        served.client.delete("/searches/odd").raise_for_status()
        assert library.json(".searches.json")["searches"] == entries[:2]
        assert library.json(".searches.json")["by"] == "hand"
        path.write_text("{")
        served.get("/searches", 409)
        assert "mend it" in self.put(served, "a", 409)["detail"]
        assert served.client.delete("/searches/a").status_code == 409
        assert path.read_text() == "{"

    def test_as_many_as_are_kept(
        self, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Several write at a time; each of them is kept, up to a limit."""
        monkeypatch.setattr("videolib.catalogue.saved_searches.MOST_SEARCHES", 8)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: self.put(served, f"s{number}"), range(8)))
        assert self.saved(served) == [f"s{number}" for number in range(8)]
        problem = self.put(served, "one more", 422)
        assert "8 searches are kept already" in problem["errors"][0]["message"]
        self.put(served, "s3", q="sea")

    def test_a_folder_that_leads_out(
        self, served: Served, library: Library, tmp_path: Path
    ) -> None:
        (tmp_path / "outside").mkdir()
        (library.root / ".artifacts").symlink_to(tmp_path / "outside")
        served.get("/searches", 403)
        self.put(served, "a", 403)
        assert not list((tmp_path / "outside").iterdir())


class TestJustStarted:
    """A server lists what an earlier one knew, while it looks at all files again."""

    def test_listed_and_searched_at_once(
        self, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videolib.catalogue.pool.SMALL_LIBRARY", 0)
        for name in ("a", "b"):
            library.add_bytes(f"{name}.mp4", b"x")
            library.add_bytes(f"{name}.srt", b"1\n00:00:01,000 --> 00:00:02,500\nBread\n")
        assert names(served) == ["a.mp4", "b.mp4"]
        bread = {"text": "bread", "recursive": 1}
        assert wait_until(lambda: served.get("/search", params=bread)["total"] == 2)
        library.forget(library.root / "a.mp4")
        (library.root / "a.mp4").unlink()
        library.add_bytes("b.srt", b"1\n00:00:01,000 --> 00:00:02,500\nButter\n")
        monkeypatch.setattr("videolib.catalogue.pool.HEAD_START", 0)
        go_on, look = threading.Event(), Catalogue.refresh
        monkeypatch.setattr(Catalogue, "refresh", lambda *args: (go_on.wait(), look(*args))[1])
        with serving(library.root) as later:
            page = later.get("/videos", params={"recursive": 1})
            assert (page["total"], page["complete"], page["refreshing"]) == (2, True, True)
            assert later.get("/folders")["refreshing"]
            search = later.get("/search", params=bread)
            assert (search["total"], search["refreshing"]) == (2, True)
            later.get("/videos/a.mp4", 404)  # for that the file itself is looked at
            assert later.client.get("/videos/a.mp4/stream").status_code == 404
            with later.events("/events", last="0") as events:
                go_on.set()
                event = next(event for event in events if event["event"] == "library")
            assert event["data"] == {"directory": str(library.root), "changed": True}
            page = later.get("/videos", params={"recursive": 1})
            assert (page["total"], page["refreshing"]) == (1, False)
            found = functools.partial(later.get, "/search", params=bread)
            assert wait_until(lambda: (found()["total"], found()["refreshing"]) == (0, False))
