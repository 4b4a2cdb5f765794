"""Finding one's way in a library over the API: orders, the tree of folders, suggestions, searches
that are kept."""

from __future__ import annotations

import itertools
from typing import Any

from conftest import Cli
from support import Library
from support.served import Served

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
