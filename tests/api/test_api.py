"""The API's answers about a library, over real sockets."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from conftest import Cli
from support import ODD_NAMES, Library, hostile
from support.served import Served, serving

import index
from videolib.catalogue.query import ORDERS
from videolib.storage.artifacts import ARTIFACTS
from videoserver.page import swagger_folder


def listed(served: Served, **query: object) -> list[str]:
    """The paths of a listing."""
    response = served.get("/videos", params={k: str(v) for k, v in query.items()})
    return [row["path"] for row in response["videos"]]


class TestListing:
    def test_health(self, served: Served) -> None:
        assert served.get("/health") == {"status": "ok", "version": index.__version__}

    def test_what_the_command_lists(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("short.mp4")
        library.add_bytes("sub/b.mp4", b"x" * 20)
        library.add_bytes("c.mkv", b"x")
        cli("meta", library.root, "-r")
        assert listed(served) == ["short.mp4"]
        assert listed(served, recursive=1) == ["short.mp4", "sub/b.mp4"]
        assert listed(served, recursive=1, ext="*") == ["c.mkv", "short.mp4", "sub/b.mp4"]
        assert listed(served, directory="sub") == ["b.mp4"]
        assert listed(served, directory=library.root / "sub") == ["b.mp4"]
        (row,) = served.get("/videos")["videos"]
        (same,) = cli("list", library.root, "--json").json
        del same["path"]
        assert row == {**same, "path": "short.mp4", "url": "/videos/short.mp4"}
        assert row["width"] == 320

    def test_pages(self, served: Served, library: Library) -> None:
        for number in range(7):
            library.add_bytes(f"{number}.mp4", b"x" * (number + 1))
        page = served.get("/videos", params={"offset": 2, "limit": 3})
        assert [row["path"] for row in page["videos"]] == ["2.mp4", "3.mp4", "4.mp4"]
        assert (page["total"], page["offset"], page["limit"]) == (7, 2, 3)
        assert listed(served, offset=6) == ["6.mp4"]
        assert listed(served, offset=70) == []
        assert listed(served, sort="size", limit=1) == ["6.mp4"]
        assert listed(served, sort="size", order="asc", limit=1) == ["0.mp4"]
        assert listed(served, order="desc", limit=2) == ["6.mp4", "5.mp4"]
        library.add_bytes("sub/0.mp4", b"")
        assert listed(served, sort="title", recursive=1)[:3] == ["0.mp4", "sub/0.mp4", "1.mp4"]
        os.utime(library.root / "3.mp4", (2e9, 2e9))
        assert listed(served, sort="added", limit=1) == ["3.mp4"]
        assert listed(served, sort="added", order="asc")[-1] == "3.mp4"
        for order in ORDERS:  # those of the page are among them
            assert len(listed(served, sort=order)) == 7, order
        bad: list[dict[str, object]] = [
            {"limit": 501},
            {"limit": 0},
            {"offset": -1},
            {"sort": "colour"},
            {"order": "up"},
        ]
        for wrong in bad:
            problem = served.get("/videos", 422, params=wrong)
            assert problem["errors"][0]["field"] == next(iter(wrong))

    def test_words(self, served: Served, library: Library) -> None:
        library.add_bytes("Summer in Rome.mp4", b"x")
        library.add_bytes("winter.mp4", b"x")
        assert listed(served, q="rome SUMMER") == ["Summer in Rome.mp4"]
        assert listed(served, q="paris") == []
        assert listed(served, q="name:wint* size:<2 missing:thumbs") == ["winter.mp4"]
        assert listed(served, q="-winter OR paris") == ["Summer in Rome.mp4"]

    @pytest.mark.parametrize("wrong", ["tga:night", 'tag:"open', "size:big", "OR"])
    def test_a_wrong_query_is_named(self, served: Served, wrong: str) -> None:
        problem = served.get("/videos", 422, params={"q": wrong})
        (error,) = problem["errors"]
        assert error["field"] == "q"
        assert wrong in error["message"] or wrong == "OR"
        assert problem["detail"].startswith("q: ")

    def test_what_changes_shows_at_once(self, served: Served, library: Library) -> None:
        """A small folder is looked at for every answer, whoever changed it."""
        library.add_bytes("a.mp4", b"x")
        assert listed(served, recursive=1) == ["a.mp4"]
        library.add_bytes("new/b.mp4", b"x")
        assert listed(served, recursive=1) == ["a.mp4", "new/b.mp4"]
        library.artifact("b.mp4.tags.json", "new").parent.mkdir()
        library.artifact("b.mp4.tags.json", "new").write_text('{"tags": ["one"]}')
        assert listed(served, recursive=1, q="tag:one") == ["new/b.mp4"]
        library.artifact("b.mp4.tags.json", "new").write_text('{"tags": ["two"]}')
        assert listed(served, recursive=1, q="tag:one") == []
        (library.root / "new/b.mp4").rename(library.root / "c.mp4")
        library.forget(library.root / "new/b.mp4")
        assert listed(served, recursive=1) == ["a.mp4", "c.mp4"]

    def test_detail(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("short.mp4")
        assert "artifacts" not in served.get("/videos")["videos"][0]
        cli("thumbs", library.root)
        library.make_newer(library.root / "short.mp4")
        cli("phash", library.root)
        (row,) = served.get("/videos", params={"detail": 1})["videos"]
        assert {k: v for k, v in row["artifacts"].items() if v} == {
            "thumbs": "stale",
            "phash": True,
        }
        assert served.get("/videos/short.mp4/artifacts")["artifacts"] == row["artifacts"]

    def test_report_is_the_command_s(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("short.mp4")
        library.add_bytes("sub/b.mp4", b"x")
        cli("thumbs", library.root)
        told = served.get("/report", params={"recursive": 1})
        assert told == cli("report", library.root, "-r", "--json").json
        assert told["total"] == 2

    def test_an_empty_and_a_missing_folder(self, served: Served) -> None:
        assert served.get("/videos")["videos"] == []
        assert served.get("/videos", 404, params={"directory": "nowhere"})["status"] == 404
        assert served.get("/report", 404, params={"directory": "nowhere"})["status"] == 404


class TestOneVideo:
    def test_everything_in_one_call(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("numbered.mp4", "sub/a.mp4")
        cli("meta,thumbs,sprites,previews", library.root, "-r", "--segments", 2)
        told = served.get("/videos/sub/a.mp4")
        assert (told["path"], told["name"], told["width"]) == ("sub/a.mp4", "a.mp4", 320)
        assert told["duration"] == pytest.approx(10, abs=0.1)
        assert told["documents"]["sprites"] == library.json("a.mp4.sprites.json", "sub")
        assert told["documents"]["scenes"] is None
        assert served.get("/videos/sub/a.mp4/metadata") == library.json("a.mp4.ffprobe.json", "sub")
        files = [file for files in told["files"].values() for file in files]
        assert {"seg_01.webm", "seg_02.webm"} <= {file["part"] for file in files}
        for file in files:
            got = served.client.get(file["url"])
            (place,) = (library.root / "sub/.artifacts").rglob(file["part"])
            assert got.content == place.read_bytes()
            assert got.headers["content-type"] == file["type"]

    def test_the_first_file_of_a_kind(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("short.mp4")
        cli("thumbs,sprites,heatmaps", library.root)
        for kind, suffix in {"thumbs": "jpg", "sprites": "sprites.jpg"}.items():
            got = served.client.get(f"/videos/short.mp4/files/{kind}")
            assert got.content == library.artifact(f"short.mp4.{suffix}").read_bytes()
            assert got.headers["content-type"] == "image/jpeg"
        assert served.get("/videos/short.mp4/files/heatmaps")["interval"]

    def test_what_is_not_there(self, served: Served, library: Library) -> None:
        library.add("short.mp4")
        library.add_bytes("notes.txt", b"secret")
        for path in (
            "/videos/none.mp4",
            "/videos/notes.txt/stream",
            "/videos/short.mp4/metadata",
            "/videos/short.mp4/files/thumbs",
            "/videos/short.mp4/files/thumbs/none.jpg",
            "/videos/short.mp4/files/nonsense",
            "/nowhere",
        ):
            assert served.get(path, 404)["title"] == "Not Found"

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[1]",
            b'{"a": NaN}',
            b'{"a": 1e999}',
            b'{"a": "\xff"}',
            b"{}" * 3,
            b'{"a":' * 2000 + b"1" + b"}" * 2000,
            b'{"a": ' + b"9" * 5000 + b"}",
        ],
    )
    def test_a_corrupt_sidecar_is_told(
        self, served: Served, library: Library, content: bytes
    ) -> None:
        library.add("short.mp4")
        place = library.artifact("short.mp4.ffprobe.json")
        place.parent.mkdir()
        place.write_bytes(content)
        problem = served.get("/videos/short.mp4/metadata", 409)
        assert "short.mp4.ffprobe.json" in problem["detail"]
        told = served.get("/videos/short.mp4")
        assert "corrupt" in told["documents"]["metadata"]["error"]
        assert served.get("/videos", params={"detail": 1})["total"] == 1

    @pytest.mark.parametrize("depth", range(930, 1000, 7))
    def test_a_sidecar_at_the_edge_of_what_can_be_read(
        self, served: Served, library: Library, depth: int
    ) -> None:
        library.add("short.mp4")
        place = library.artifact("short.mp4.ffprobe.json")
        place.parent.mkdir()
        place.write_text('{"a":' + "[" * depth + "]" * depth + "}")
        assert served.client.get("/videos/short.mp4/metadata").status_code in (200, 409)
        assert served.client.get("/videos/short.mp4").status_code == 200

    @pytest.mark.parametrize(
        "content",
        [
            {"streams": 3, "format": []},
            {"streams": [{"codec_type": "video", "width": "x"}, 4]},
            {"streams": [{"codec_type": "video", "disposition": 1}], "format": {"duration": "x"}},
            {"streams": None, "format": None},
            {"format": {"duration": [1]}},
            {},
        ],
    )
    def test_a_sidecar_of_another_shape(
        self, served: Served, library: Library, content: dict[str, Any]
    ) -> None:
        video = library.add("short.mp4")
        place = library.artifact("short.mp4.ffprobe.json")
        place.parent.mkdir()
        head = {"source": {"size": video.stat().st_size}, "files": []}
        place.write_text(json.dumps(head | content))
        assert served.get("/videos/short.mp4")["documents"]["metadata"] == head | content
        assert served.get("/videos", params={"detail": 1})["total"] == 1

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names(self, served: Served, library: Library, name: str) -> None:
        """Each is listed, found by the URL the listing gives, and streamed."""
        path = library.add("short.mp4", f"snö/{name}")
        (row,) = served.get("/videos", params={"recursive": 1, "detail": 1})["videos"]
        assert row["name"] == name
        assert row["url"] == f"/videos/{quote('snö')}/{quote(os.fsencode(name))}"
        assert served.get(row["url"])["name"] == name
        assert served.client.get(f"{row['url']}/stream").content == path.read_bytes()

    def test_a_folder_whose_name_is_not_text(self, served: Served, library: Library) -> None:
        path = library.add("short.mp4", os.fsdecode(b"\xff dir/a.mp4"))
        assert served.get("/videos?directory=%FF%20dir")["videos"][0]["path"] == "a.mp4"
        got = served.client.get("/videos/a.mp4/stream?directory=%FF%20dir")
        assert got.content == path.read_bytes()


class TestStream:
    @pytest.fixture
    def video(self, library: Library) -> Path:
        return library.add_bytes("a.mp4", bytes(range(256)) * 400)

    def get(self, served: Served, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return served.client.get("/videos/a.mp4/stream", headers=named)

    def test_the_whole(self, served: Served, video: Path) -> None:
        got = self.get(served)
        assert (got.status_code, got.content) == (200, video.read_bytes())
        assert got.headers["content-type"] == "video/mp4"
        assert got.headers["accept-ranges"] == "bytes"
        head = served.client.head("/videos/a.mp4/stream")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(video.stat().st_size)

    @pytest.mark.parametrize(
        ("asked", "begin", "end"),
        [
            ("bytes=0-9", 0, 10),
            ("bytes=100-", 100, 102400),
            ("bytes=-5", 102395, 102400),
            ("bytes=102399-999999999", 102399, 102400),
            ("bytes = 7-7", 7, 8),
        ],
    )
    def test_ranges(self, served: Served, video: Path, asked: str, begin: int, end: int) -> None:
        got = self.get(served, range=asked)
        assert got.status_code == 206
        assert got.content == video.read_bytes()[begin:end]
        assert got.headers["content-range"] == f"bytes {begin}-{end - 1}/102400"

    @pytest.mark.parametrize(
        "asked",
        [
            *("bytes=", "bytes=9-3", "bytes=a-b", "lines=1-2", "bytes=--5", "x", "bytes=1-2-3"),
            "bytes=" + ",".join(f"{n}-{n}" for n in range(200)),
            "bytes=" + "9" * 5000 + "-",
        ],
    )
    def test_ranges_that_make_no_sense_are_left_out(
        self, served: Served, video: Path, asked: str
    ) -> None:
        got = self.get(served, range=asked)
        assert (got.status_code, len(got.content)) == (200, video.stat().st_size)

    @pytest.mark.parametrize("asked", ["bytes=102400-", "bytes=999999-1000000", "bytes=-0"])
    def test_ranges_beyond_the_end(self, served: Served, video: Path, asked: str) -> None:
        got = self.get(served, range=asked)
        assert got.status_code == 416
        assert got.headers["content-range"] == f"bytes */{video.stat().st_size}"
        assert got.json()["status"] == 416

    def test_several_ranges(self, served: Served, video: Path) -> None:
        got = self.get(served, range="bytes=0-1,300-301")
        assert got.status_code == 206
        assert b"\x00\x01" in got.content
        assert b"\x2c\x2d" in got.content

    def test_what_the_client_has(self, served: Served, video: Path, library: Library) -> None:
        first = self.get(served)
        etag, modified = first.headers["etag"], first.headers["last-modified"]
        for headers in (
            {"if_none_match": etag},
            {"if_none_match": f'"other", W/{etag}'},
            {"if_none_match": "*"},
            {"if_modified_since": modified},
        ):
            got = self.get(served, **headers)
            assert (got.status_code, got.content) == (304, b"")
            assert got.headers["etag"] == etag
        assert self.get(served, if_none_match='"x"', if_modified_since=modified).status_code == 200
        assert self.get(served, if_modified_since="yesterday").status_code == 200
        assert self.get(served, range="bytes=0-1", if_range=etag).status_code == 206
        library.add_bytes("a.mp4", b"another")
        assert self.get(served, if_none_match=etag).status_code == 200
        assert self.get(served, range="bytes=0-1", if_range=etag).content == b"another"

    def test_curl(self, served: Served, video: Path, tmp_path: Path) -> None:
        """A download that stopped in the middle is resumed."""
        target = tmp_path / "got.mp4"
        target.write_bytes(video.read_bytes()[:1000])
        url = f"{served.url}/videos/a.mp4/stream"
        subprocess.run(["curl", "-sf", "-C", "-", "-o", target, url], check=True, timeout=20)
        assert target.read_bytes() == video.read_bytes()
        done = subprocess.run(
            ["curl", "-sf", "-r", "5-9", url], check=True, timeout=20, capture_output=True
        )
        assert done.stdout == video.read_bytes()[5:10]

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("a.mkv", "video/x-matroska"), ("a.WEBM", "video/webm"), ("a.mov", "video/quicktime")],
    )
    def test_types(self, served: Served, library: Library, name: str, kind: str) -> None:
        library.add_bytes(name, b"x")
        assert served.client.get(f"/videos/{name}/stream").headers["content-type"] == kind


class TestAbout:
    def test_tasks_have_schemas(self, served: Served) -> None:
        tasks: dict[str, Any] = {task["task"]: task for task in served.get("/tasks")["tasks"]}
        wanted = {"metadata", "thumbs", "sprites", "previews", "phash", "heatmaps", "scenes"}
        assert wanted | {"codecs", "transcode", "report", "finish", "batch"} <= set(tasks)
        assert tasks["metadata"]["aliases"] == ["meta", "queue"]
        quality = tasks["thumbs"]["params"]["properties"]["quality"]
        assert quality["default"] == 2
        assert quality["description"]
        formats = tasks["export"]["params"]["properties"]["format"]
        assert {"trickplay", "nfo", "hydrus"} < set(formats["items"]["enum"])
        for task in tasks.values():
            assert not {"directory", "recursive", "force"} & set(task["params"]["properties"])

    def test_config_is_what_is_effective(self, served: Served, library: Library) -> None:
        (library.root / "videorc.json").write_text('{"sprites": {"interval": 8}}')
        told = served.get("/config")
        assert told["tasks"]["sprites"]["interval"] == 8
        assert told["tasks"]["sprites"]["cols"] == 10
        assert told["roots"] == [str(library.root)]
        (library.root / "videorc.json").write_text('{"sprites": {"nonsense": 8}}')
        problem = served.get("/config", 400)
        assert "sprites.nonsense" in problem["detail"]
        assert str(library.root) not in problem["detail"]

    def test_a_kind_that_is_added_to_the_tables(
        self, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing else lists the kinds: details, tasks, and what the page runs follow."""
        monkeypatch.setitem(ARTIFACTS, "slow", hostile.Slow.artifact)
        monkeypatch.setitem(index.COMMANDS, "crawl", hostile.Slow)
        library.add("short.mp4")
        details = served.get("/videos/short.mp4")
        assert details["documents"]["slow"] is None
        assert details["artifacts"]["slow"] is False
        assert served.job("crawl")["status"] == "done"
        details = served.get("/videos/short.mp4")
        assert details["documents"]["slow"]["began"]
        assert details["artifacts"]["slow"] is True
        assert [file["part"] for file in details["files"]["slow"]] == [
            "short.mp4.slow.hostile.json"
        ]
        tasks = {task["task"]: task["kind"] for task in served.get("/tasks")["tasks"]}
        assert tasks["crawl"] == "slow"
        config = served.get("/config")
        assert config["kinds"][-1] == "slow"
        assert config["task_by_kind"]["slow"] == config["kind_details"]["slow"]["task"] == "crawl"
        assert config["kind_details"]["slow"]["label"] == "Slow"

    def test_which_task_makes_a_kind(self, served: Served) -> None:
        config = served.get("/config")
        assert config["task_by_kind"]["metadata"] == "metadata"
        assert config["task_by_kind"]["faces"] == "embed"
        assert set(config["kinds"]) - set(config["task_by_kind"]) == {"tags"}
        details = config["kind_details"]
        assert list(details) == config["kinds"]
        assert details["tags"]["task"] is None and details["faces"]["task"] == "embed"
        assert details["sprites"]["entries"] == {"list": "frames", "word": "tile"}
        assert [kind for kind in details if details[kind]["on_request"]] == ["verify"]
        assert [kind for kind in details if details[kind]["slow"]] == ["subtitles", "verify"]
        assert [kind for kind in details if details[kind]["finds_faults"]] == ["verify"]

    def test_which_records_are_in_the_details(self, served: Served, library: Library) -> None:
        """Neither vectors of faces nor what has an endpoint of its own."""
        library.add("short.mp4")
        kinds = list(served.get("/videos/short.mp4")["documents"])
        assert set(kinds) >= {"metadata", "sprites", "previews", "phash", "heatmaps", "scenes"}
        assert not {"thumbs", "subtitles", "faces", "tags"} & set(kinds)

    def test_several_roots(self, library: Library, tmp_path: Path) -> None:
        other = tmp_path / "more"
        other.mkdir()
        (other / "b.mp4").write_bytes(b"x")
        library.add_bytes("a.mp4", b"x")
        with serving(library.root, other) as served:
            assert listed(served) == ["a.mp4"]
            assert listed(served, directory=other) == ["b.mp4"]
            assert served.get("/config")["roots"] == [str(library.root), str(other)]

    def test_the_document_has_a_page(self, served: Served) -> None:
        """All that it loads is here; a file that is none of the package's is not."""
        page = served.client.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(addresses) == 4
        for address in addresses:
            assert served.client.get(address).status_code == 200, address
        served.get("/docs/../core.py", 404)
        served.get("/docs/..%2fcore.py", 404)
        served.get("/docs/favicon", 404)

    def test_what_shows_the_document_is_missing(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        swagger_folder.cache_clear()
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        for path in ("/docs", "/docs/swagger-ui.css"):
            assert "pip install -r requirements.txt" in served.get(path, 404)["detail"]

    def test_the_document_is_complete(self, served: Served) -> None:
        """Every operation says what it does, takes and gives, and what it refuses."""
        document = served.get("/openapi.json")
        operations = {
            f"{method} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        assert len(operations) > 30
        for name, operation in operations.items():
            assert operation["summary"], name
            known = {int(status) for status in operation["responses"]}
            assert {400, 401, 403, 404, 413, 421, 422, 500} <= known, name
            assert [status for status in known if 200 <= status < 300], name
            for status, told in operation["responses"].items():
                if int(status) >= 400:
                    (kind,) = told["content"]
                    assert kind == "application/problem+json", (name, status)
                for kind, content in told.get("content", {}).items():
                    if kind == "application/json":
                        assert content["schema"].get("$ref"), (name, status)
            if body := operation.get("requestBody"):
                schema = body["content"]["application/json"]["schema"]
                assert {"$ref", "oneOf"} & set(schema), name
            for parameter in operation.get("parameters", []):
                assert parameter["schema"] or parameter["content"], (name, parameter)
        schemas = document["components"]["schemas"]
        for name in ("JobIn", "TagUpdateIn", "TagEntryIn", "RenameIn", "RenamePersonIn"):
            fields = schemas[name]["properties"].values()
            assert any("examples" in field for field in fields), name
        assert not [
            name
            for name, schema in schemas.items()
            if not schema.get("properties")
            and name not in ("MetadataOut",)
            and "enum" not in schema
        ]
