"""Small pictures for the page, and answers that clients may keep or get compressed."""

from __future__ import annotations

import cv2
import httpx
import numpy as np
import pytest
from conftest import Cli
from support import Library, media
from support.media import Picture
from support.served import Served

import videoserver.stills
from videoserver.compression import takes_gzip
from videoserver.stills import Still, StillCache


def decoded(response: httpx.Response) -> Picture:
    """The picture in an answer."""
    assert response.status_code == 200, response.text
    picture = cv2.imdecode(np.frombuffer(response.content, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture, np.uint8)


class TestPictures:
    def test_a_thumbnail_in_the_size_of_a_card(
        self, served: Served, library: Library, cli: Cli
    ) -> None:
        library.add("bikes.mp4")
        cli("thumbs", library.root)
        url = "/videos/bikes.mp4/picture"
        small = served.client.get(url, headers={"accept": "image/avif,image/webp,*/*"})
        assert small.headers["content-type"] == "image/webp"
        assert decoded(small).shape[1] == 384 and len(small.content) < 15_000
        plain = served.client.get(url, params={"width": 100})
        assert plain.headers["content-type"] == "image/jpeg" and decoded(plain).shape[1] == 192
        assert plain.headers["cache-control"] == "private, no-cache"
        (row,) = served.get("/videos", params={"detail": 1})["videos"]
        details = served.get("/videos/bikes.mp4")
        assert row["versions"] == details["versions"] and set(row["versions"]) == {"thumbs"}
        kept = served.client.get(url, params={"v": row["versions"]["thumbs"]})
        assert "immutable" in kept.headers["cache-control"]
        cli("thumbs", library.root, "--force", "--time", 1)
        (after,) = served.get("/videos", params={"detail": 1})["videos"]
        assert after["versions"]["thumbs"] != row["versions"]["thumbs"]
        assert served.client.get(url, params={"width": 100}).content != plain.content

    def test_a_moment_is_of_that_time(self, served: Served, library: Library) -> None:
        """The numbered film tells which of its 25 frames a second is seen."""
        library.add("numbered.mp4")
        for time in (0, 3.3, 9.9):
            asked = {"time": time, "width": 384}
            picture = decoded(served.client.get("/videos/numbered.mp4/picture", params=asked))
            assert media.number_of(picture) == int(time * 25 + 1e-6)

    def test_what_cannot_be_shown(
        self, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add_bytes("a.mp4", b"no video")
        served.get("/videos/a.mp4/picture", 404)
        library.artifact("a.mp4.jpg").parent.mkdir()
        library.artifact("a.mp4.jpg").write_text("no picture")
        assert "no readable JPEG" in served.get("/videos/a.mp4/picture", 409)["detail"]
        served.get("/videos/a.mp4/picture", 409, params={"time": 1})
        served.get("/videos/a.mp4/picture", 422, params={"time": -1})
        for _ in range(videoserver.stills.WAITING):
            assert served.app.service.stills.places.acquire(blocking=False)
        served.get("/videos/a.mp4/picture", 429)

    def test_the_cache_keeps_what_is_used(self) -> None:
        cache = StillCache(10)
        for name in "abc":
            cache.put(name, Still(b"1234", ""))
            cache.get("a")
        assert [name for name in "abc" if cache.get(name)] == ["a", "c"]
        assert cache.size == 8


def test_a_file_that_is_no_jpeg_is_made_again(library: Library, cli: Cli) -> None:
    library.add("short.mp4")
    cli("thumbs", library.root)
    library.artifact("short.mp4.jpg").write_text("<html>404</html>")
    assert cli("report", library.root, "--json").json["stale"]["thumbs"] == 1
    assert cli("thumbs", library.root, "--json").counts == {"made": 1}


class TestCompression:
    @pytest.mark.parametrize(
        ("accepted", "taken"),
        [
            ("gzip, br", True),
            ("br;q=1, GZIP;q=0.5", True),
            ("gzip;q=0", False),
            ("gzip;q=0.000", False),
            ("br", False),
            ("", False),
        ],
    )
    def test_who_takes_it(self, accepted: str, taken: bool) -> None:
        assert takes_gzip({"accept-encoding": accepted}) is taken

    def test_text_is_compressed_and_nothing_else(
        self, served: Served, library: Library, cli: Cli
    ) -> None:
        library.add("short.mp4")
        cli("phash,thumbs", library.root)

        def get(path: str, **headers: str) -> httpx.Response:
            response = served.client.get(path, headers={"accept-encoding": "gzip", **headers})
            response.raise_for_status()
            return response

        for path in ("/tasks", "/web/app.css", "/videos/short.mp4/files/phash"):
            whole, small = get(path, **{"accept-encoding": "identity"}), get(path)
            assert small.headers["content-encoding"] == "gzip" and small.content == whole.content
            assert int(small.headers["content-length"]) < len(whole.content) / 2
            assert small.headers["vary"] == whole.headers["vary"] == "Accept-Encoding"
        assert get("/web/app.css").headers["etag"].startswith('W/"')
        for path in ("/health", "/videos/short.mp4/files/thumbs", "/videos/short.mp4/stream"):
            assert "content-encoding" not in get(path).headers
        part = get("/web/app.css", range="bytes=0-4999")
        assert "content-encoding" not in part.headers and len(part.content) == 5000
        head = served.client.head("/videos/short.mp4/files/phash")
        assert "content-encoding" not in head.headers

    def test_the_page_has_its_version_in_every_address(self, served: Served) -> None:
        html = served.client.get("/").text
        address = html.split('rel="stylesheet" href="')[1].split('"')[0]
        assert "immutable" in served.client.get(address).headers["cache-control"]
        old = served.client.get("/web/@0123/app.css")
        assert old.status_code == 200 and "immutable" not in old.headers["cache-control"]


def test_the_end_of_a_job_names_what_it_touched(served: Served, library: Library) -> None:
    library.add("short.mp4")
    library.add("one_frame.mp4", "sub/b.mp4")
    made = served.job("thumbs", recursive=True)
    assert made["touched"] == {"videos": ["short.mp4", "sub/b.mp4"], "kinds": ["thumbs"]}
    library.artifact("short.mp4.jpg").unlink()
    both = served.job("batch", recursive=True, params={"tasks": ["thumbs", "phash"]})
    assert both["touched"] == {"videos": ["short.mp4", "sub/b.mp4"], "kinds": ["phash", "thumbs"]}
    assert served.job("thumbs")["touched"] == {"videos": [], "kinds": []}
    assert served.job("report")["touched"] == {"videos": [], "kinds": []}
    for task in ("orphans", "dupes"):  # which only look
        assert served.job(task)["touched"] == {"videos": [], "kinds": []}
    assert served.job("orphans", params={"delete": True})["touched"] is None
