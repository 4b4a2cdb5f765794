"""What a hostile page, link, file or client gets from the API: nothing."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Cli
from support import ROOT, Audit, Library, leftovers
from support.served import Served, serving

from videolib.storage.folders import LEADS_OUT, Roots
from videoserver.settings import ServerSettings

SECRET = "correct horse"
OUTSIDE = ["..", "../", "sub/../..", "/", "/etc", "/etc/passwd", "//etc", "~root/..", "a/../../b"]
OUTSIDE += ["n" * 300, "n/" * 3000]


@pytest.fixture
def walled(library: Library, tmp_path: Path) -> Library:
    """A library beside which there is something that is nobody's business, and links to it."""
    library.add("short.mp4", "a.mp4")
    beside = tmp_path / "videos2"
    (beside / ".artifacts").mkdir(parents=True)
    (beside / "private.mp4").write_bytes((library.root / "a.mp4").read_bytes())
    (beside / ".artifacts/private.mp4.jpg").write_bytes(b"private")
    (library.root / "link.mp4").symlink_to(beside / "private.mp4")
    (library.root / "folder").symlink_to(beside)
    (library.root / "inside.mp4").symlink_to(library.root / "a.mp4")
    return library


@pytest.fixture
def locked(library: Library) -> Iterator[Served]:
    """A server that has a token."""
    with serving(library.root, token=SECRET) as running:
        yield running


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return {str(path): path.read_bytes() for path in found}


def raw(served: Served, request: bytes) -> bytes:
    """What the server answers to bytes that no client library would send."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


class TestRoots:
    @pytest.mark.parametrize("place", OUTSIDE)
    def test_folders(self, served: Served, walled: Library, place: str) -> None:
        beside = str(walled.root.parent / "videos2")
        for directory in (place, beside, "folder", f"{walled.root}/../videos2"):
            for path in ("/videos", "/report", "/config", "/tags/export", "/tags/summary"):
                got = served.client.get(path, params={"directory": directory})
                assert got.status_code in (403, 404), (path, directory)
            got = served.client.get("/videos/a.mp4/stream", params={"directory": directory})
            assert got.status_code in (403, 404)
            got = served.client.post("/jobs", json={"task": "meta", "directory": directory})
            assert got.status_code in (403, 404)

    @pytest.mark.parametrize(
        "name",
        [
            "..%2F..%2Fetc%2Fpasswd",
            "../videos2/private.mp4",
            "..%2fvideos2%2fprivate.mp4",
            "%2e%2e/videos2/private.mp4",
            "%2Fetc%2Fpasswd",
            "link.mp4",
            "folder/private.mp4",
            "a.mp4%00.jpg",
            "%00",
            ".artifacts%2Fa.mp4",
            "./a.mp4",
            "a.mp4/",
            "sub//a.mp4",
            "n" * 300 + ".mp4",
            "n/" * 3000 + "a.mp4",
        ],
    )
    def test_names(self, served: Served, walled: Library, name: str) -> None:
        for rest in ("", "/stream", "/metadata", "/artifacts", "/tags", "/files/thumbs"):
            line = f"GET /videos/{name}{rest} HTTP/1.1\r\nHost: localhost\r\n\r\n"
            answer = raw(served, line.encode())
            assert answer.split()[1] in (b"403", b"404"), answer[:300]
            assert b"private.mp4.jpg" not in answer
        body = b'{"add": ["x"]}'
        head = f"POST /videos/{name}/tags HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
        head += f"application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        before = snapshot(walled.root.parent / "videos2")
        assert raw(served, head.encode() + body).split()[1] in (b"403", b"404")
        assert snapshot(walled.root.parent / "videos2") == before

    def test_parts(self, served: Served, walled: Library) -> None:
        served.job("thumbs")
        secret = walled.root / ".artifacts/secret.json"
        secret.write_text("{}")
        for part in ("..%2Fsecret.json", "secret.json", "..%2F..%2Fa.mp4", ".", "..", "%2Fetc"):
            for kind in ("thumbs", "metadata", "..", "%2e%2e"):
                path = f"/videos/a.mp4/files/{kind}/{part}"
                answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert answer.split()[1] in (b"403", b"404"), (path, answer[:200])
        secret.unlink()

    def test_links_among_the_sidecars(self, served: Served, walled: Library) -> None:
        """A sidecar that is a link is served when it stays inside, as everything else."""
        home = walled.root / ".artifacts"
        home.mkdir(exist_ok=True)
        outside = walled.root.parent / "videos2/.artifacts"
        (outside / "doc.json").write_text('{"streams": "private"}')
        (home / "a.mp4.jpg").symlink_to(outside / "private.mp4.jpg")
        (home / "a.mp4.ffprobe.json").symlink_to(outside / "doc.json")
        (home / ".a.mp4.previews").symlink_to(outside)
        (outside / "tags.json").write_text('{"tags": ["private"], "performers": []}')
        (home / "a.mp4.tags.json").symlink_to(outside / "tags.json")
        served.get("/videos/a.mp4/tags", 403)
        change = {"add": ["x"]}
        assert served.client.post("/videos/a.mp4/tags", json=change).status_code == 403
        assert "private" not in served.client.get("/tags/export").text
        assert "private" not in served.client.get("/tags/summary").text
        served.get("/videos/a.mp4/files/thumbs", 404)
        served.get("/videos/a.mp4/metadata", 403)
        told = served.client.get("/videos/a.mp4").text
        assert "private" not in told
        for path in home.iterdir():
            path.unlink()

    @pytest.mark.parametrize("name", ["ffprobe.json", "phash.json", "tags.json"])
    def test_jobs_read_no_sidecar_that_leads_out(
        self, served: Served, walled: Library, name: str
    ) -> None:
        """Its video is left alone, whatever the job would do with it; all others are done."""
        outside = walled.root.parent / "videos2/private.json"
        outside.write_text('{"streams": [], "format": {}, "tags": ["private"], "performers": []}')
        link = walled.artifact(f"a.mp4.{name}")
        link.parent.mkdir()
        link.symlink_to(outside)
        rename = {"batch": True, "source": "a", "target": "b"}
        with Audit() as audit:
            for task, params in (
                *(("dupes", {}), ("codecs", {}), ("listing", {"embed": False}), ("rename", rename)),
                *(("orphans", {"relink": True}), ("transcode", {"dest": str(walled.root / "out")})),
            ):
                force = {"force": True} if task == "rename" else {}
                job = served.job(task, params=params, **force)
                assert "private" not in json.dumps(job["result"]), task
                if task in ("dupes", "orphans"):
                    assert LEADS_OUT in str(job["messages"])
            entry = {"video": "a.mp4", "tags": ["new"], "performers": []}
            told = served.client.post("/tags/import", json={"videos": [entry]}).json()
            assert told["unknown"] == ["a.mp4"]
            for path in ("/report", "/phash/duplicates", "/search?text=private", "/faces/listing"):
                assert "private" not in served.client.get(path).text, path
            told = served.job("meta", force=True)["result"]["results"]
        assert {link, outside}.isdisjoint(audit.opened)
        errors = {row["video"]: row.get("error", "") for row in told}
        assert errors["a.mp4"].startswith(f"{link.name} is a link that leads out")
        assert errors["inside.mp4"] == ""
        assert link.is_symlink()
        assert "private" in outside.read_text()
        link.unlink()

    def test_pipes_among_the_sidecars(self, served: Served, walled: Library) -> None:
        """They are read as files that are none: nobody waits for them."""
        home = walled.root / ".artifacts"
        home.mkdir()
        for name in ("jpg", "ffprobe.json", "phash.json", "tags.json", "scenes.json", "vtt"):
            os.mkfifo(home / f"a.mp4.{name}")
        libraries = (".faces.index.json", ".faces.people.json", ".dupes.ignored.json")
        for name in (*libraries, ".searches.json"):
            os.mkfifo(home / name)
        for path in (
            *("/videos?detail=1", "/report", "/tags/export", "/tags/summary", "/videos/a.mp4"),
            *("/videos/a.mp4/tags", "/videos/a.mp4/metadata", "/videos/a.mp4/files/thumbs"),
            *("/faces/listing", "/phash/duplicates", "/search?text=x", "/videos/suggest"),
            *("/searches", "/folders"),
        ):
            assert served.client.get(path, timeout=10).status_code in (200, 404, 409), path
        body = {"add": ["x"]}
        assert served.client.post("/videos/a.mp4/tags", json=body, timeout=10).status_code == 409
        for pipe in home.iterdir():
            pipe.unlink()

    def test_jobs_leave_links_that_lead_out_alone(self, served: Served, walled: Library) -> None:
        before = snapshot(walled.root.parent / "videos2")
        job = served.job("meta", recursive=True)
        told = {row["video"]: row for row in job["result"]["results"]}
        assert told["a.mp4"]["status"] == told["inside.mp4"]["status"] == "made"
        assert told["link.mp4"]["status"] == "failed"
        assert "leads out" in told["link.mp4"]["error"]
        assert "private" not in str(walled.artifacts())
        assert snapshot(walled.root.parent / "videos2") == before
        assert "link.mp4" not in [row["path"] for row in served.get("/videos")["videos"]]

    def test_a_sidecar_folder_that_leads_out(self, served: Served, walled: Library) -> None:
        """Nothing is written through it, and the command line, which trusts its user, may."""
        outside = walled.root.parent / "videos2"
        before = snapshot(outside)
        (walled.root / ".artifacts").symlink_to(outside / ".artifacts")
        assert served.job("meta")["result"]["counts"]["made"] == 0
        served.client.post("/videos/a.mp4/tags", json={"add": ["x"]})
        assert snapshot(outside) == before
        (walled.root / ".artifacts").unlink()

    def test_nothing_is_written_through_links(
        self, served: Served, library: Library, tmp_path: Path
    ) -> None:
        """Folders that lead out among the outputs, the shelves, the artifacts and the new names."""
        library.add("short.mp4", "in/sub/a.mp4")
        outside = tmp_path / "outside"
        outside.mkdir()
        for name in ("out/sub", "shelves/sub", "in/sub/.artifacts/.a.mp4.previews", "in/link"):
            (library.root / name).parent.mkdir(parents=True, exist_ok=True)
            (library.root / name).symlink_to(outside)
        places = {name: str(library.root / name) for name in ("out", "shelves")}
        for task, params in (
            ("transcode", {"dest": places["out"]}),
            ("thumbs", {"artifacts_dir": places["shelves"]}),
            ("previews", {"segments": 2}),
            ("rename", {"batch": True, "source": "a", "target": "../link/a"}),
            ("rename", {"batch": True, "source": "a", "target": "../../../a"}),
        ):
            served.job(task, directory="in", recursive=True, force=True, params=params)
            assert not list(outside.iterdir()), (task, params)
            assert list(tmp_path.rglob("a.mp4")) == [library.root / "in/sub/a.mp4"]
        shutil.rmtree(library.root / "in/sub/.artifacts")

    @pytest.mark.parametrize("place", ["..", "/tmp", "../videos2", "folder", "folder/sub"])
    @pytest.mark.parametrize(
        ("task", "name"),
        [
            ("transcode", "dest"),
            ("thumbs", "artifacts_dir"),
            ("compare", "original"),
            ("compare", "png"),
        ],
    )
    def test_paths_in_parameters(
        self, served: Served, walled: Library, task: str, name: str, place: str
    ) -> None:
        response = served.client.post("/jobs", json={"task": task, "params": {name: place}})
        assert response.status_code == 403, response.text

    @pytest.mark.parametrize("name", ["../videos2/private.mp4", "/etc/x.mp4", "link.mp4", "\0.mp4"])
    def test_imported_names(self, served: Served, walled: Library, name: str) -> None:
        before = snapshot(walled.root.parent)
        entries = [{"video": "a.mp4", "tags": ["x"]}, {"video": name, "tags": ["x"]}]
        response = served.client.post("/tags/import", json={"videos": entries})
        assert response.status_code == 403
        assert snapshot(walled.root.parent) == before

    def test_only_what_is_a_video_is_streamed(self, served: Served, library: Library) -> None:
        for name in ("notes.txt", "key", ".env", "page.html", "short.mp4.jpg"):
            library.add_bytes(name, b"secret")
            served.get(f"/videos/{name}/stream", 404)
        (library.root / "dir.mp4").mkdir()
        served.get("/videos/dir.mp4/stream", 404)
        os.mkfifo(library.root / "pipe.mp4")
        served.get("/videos/pipe.mp4/stream", 404)

    def test_a_configuration_in_the_folder_has_no_say(
        self, served: Served, library: Library
    ) -> None:
        library.add_bytes("a.mp4", b"x")
        for config in ({"artifacts_dir": "/tmp/x"}, {"transcode": {"dest": "/tmp/x"}}):
            (library.root / "videorc.json").write_text(json.dumps(config))
            got = served.client.post("/jobs", json={"task": "meta"})
            assert got.status_code == 400
            assert "only a file named with" in got.json()["detail"]

    def test_what_names_a_program_or_a_model_stays_out(self, served: Served) -> None:
        for task in served.get("/tasks")["tasks"]:
            for name in task["params"]["properties"]:
                assert not name.endswith(("_bin", "_cpp_model", "models_dir")), (task, name)


class TestWho:
    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "",
            "[::2]",
            "10.0.0.1",
            "localhost:99999999",
        ],
    )
    def test_strange_names_of_this_server(self, served: Served, host: str) -> None:
        """DNS rebinding: a page of evil.example made that name point here."""
        for path in ("/health", "/", "/videos", "/nowhere"):
            answer = raw(served, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert answer.split()[1] in (b"421", b"400"), answer[:200]

    @pytest.mark.parametrize(
        "host",
        [
            *("localhost", "localhost:1", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000"),
            "LOCALHOST",
        ],
    )
    def test_its_own_names(self, served: Served, host: str) -> None:
        assert served.client.get("/health", headers={"host": host}).status_code == 200

    def test_names_it_was_told(self, library: Library) -> None:
        with serving(library.root, hosts=("nas.local",)) as served:
            assert served.client.get("/health", headers={"host": "nas.local:80"}).is_success

    @pytest.mark.parametrize(
        "headers",
        [
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"sec-fetch-site": "nonsense"},
            {"origin": "https://evil.example"},
            {"origin": "null"},
            {"origin": "http://localhost:1"},
            {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
            {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1"},
        ],
    )
    def test_other_sites(self, served: Served, library: Library, headers: dict[str, str]) -> None:
        library.add_bytes("a.mp4", b"x")
        requests: list[tuple[str, str, Any]] = [
            ("POST", "/jobs", {"task": "meta"}),
            ("POST", "/videos/a.mp4/tags", {"add": ["x"]}),
            ("DELETE", "/jobs/none", None),
            ("GET", "/videos", None),
            ("GET", "/videos/a.mp4/stream", None),
            ("OPTIONS", "/jobs", None),
        ]
        for method, path, body in requests:
            got = served.client.request(method, path, json=body, headers=headers)
            assert got.status_code == 403, (method, path)
            assert "access-control-allow-origin" not in got.headers
        assert served.get("/jobs")["jobs"] == []
        assert not library.artifacts()

    def test_the_own_page_a_link_and_programs(self, served: Served) -> None:
        own = {"sec-fetch-site": "same-origin"}
        typed = {"sec-fetch-site": "none"}
        older = {"origin": served.url}
        link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
        for headers in ({}, own, typed, older):
            got = served.client.post("/jobs", json={"task": "report"}, headers=headers)
            assert got.status_code in (200, 202)
        got = served.client.get("/", headers=link | {"sec-fetch-dest": "document"})
        assert got.status_code == 200

    def test_no_form_of_another_site_is_read(self, served: Served) -> None:
        """What a form can send without asking first is no JSON."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            got = served.client.post(
                "/jobs", content=b'{"task": "meta"}', headers={"content-type": kind}
            )
            assert got.status_code == 422
        assert served.get("/jobs")["jobs"] == []

    def test_cors_is_asked_for(self, library: Library) -> None:
        origin = "http://localhost:5173"
        ask = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
            "sec-fetch-site": "same-site",
        }
        with serving(library.root) as served:
            assert served.client.options("/jobs", headers=ask).status_code == 403
        with serving(library.root, cors_origins=(origin,), token=SECRET) as served:
            got = served.client.options("/jobs", headers=ask)
            assert got.status_code == 200
            assert got.headers["access-control-allow-origin"] == origin
            bearer = {"authorization": f"Bearer {SECRET}"}
            got = served.client.get("/jobs", headers={"origin": origin} | bearer)
            assert got.headers["access-control-allow-origin"] == origin
            evil = {"origin": "https://evil.example"} | bearer
            assert served.client.get("/jobs", headers=evil).status_code == 403
            got = served.client.options("/jobs", headers=ask | {"origin": "https://evil.example"})
            assert "access-control-allow-origin" not in got.headers


class TestToken:
    def test_nothing_without_it(self, locked: Served, library: Library) -> None:
        library.add("short.mp4")
        for path in ("/videos", "/videos/short.mp4/stream", "/events", "/tasks", "/nowhere"):
            got = locked.client.get(path)
            assert got.status_code == 401, path
            assert got.headers["www-authenticate"] == "Bearer"
        assert locked.client.post("/jobs", json={"task": "meta"}).status_code == 401
        assert locked.get("/health")["status"] == "ok"
        assert locked.client.get("/").status_code == 200
        assert locked.get("/session") == {"required": True, "authenticated": False}

    @pytest.mark.parametrize(
        "value", ["", "Bearer", "Bearer wrong", f"Basic {SECRET}", SECRET, "Bearer é"]
    )
    def test_wrong_ones(self, locked: Served, value: str) -> None:
        got = locked.client.get("/videos", headers=[(b"authorization", value.encode())])
        assert got.status_code == 401

    def test_the_header_does_everything(self, locked: Served, library: Library) -> None:
        library.add("short.mp4")
        locked.client.headers["authorization"] = f"Bearer {SECRET}"
        assert locked.get("/videos")["total"] == 1
        assert locked.job("meta")["status"] == "done"

    def test_the_cookie_reads(self, locked: Served, library: Library) -> None:
        """Media elements and EventSource send no header; a cookie may do nothing else."""
        video = library.add("short.mp4")
        assert locked.client.post("/session", json={"token": "wrong"}).status_code == 401
        assert not locked.client.cookies
        got = locked.client.post("/session", json={"token": SECRET})
        assert got.status_code == 204
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(
            got.headers["set-cookie"].split("; ")
        )
        assert SECRET not in got.headers["set-cookie"]
        assert locked.get("/session")["authenticated"]
        assert locked.client.get("/videos/short.mp4/stream").content == video.read_bytes()
        with locked.events("/events"):
            pass
        assert locked.client.post("/jobs", json={"task": "meta"}).status_code == 401
        assert locked.client.post("/videos/short.mp4/tags", json={"add": ["x"]}).status_code == 401
        locked.client.delete("/session", headers={"authorization": f"Bearer {SECRET}"})
        assert locked.client.get("/videos").status_code == 401

    @pytest.mark.parametrize("token", ["pässwörd", "voilà", "密码", "\udce9t\udce9"])
    def test_any_text_may_be_a_token(self, library: Library, token: str) -> None:
        """Its bytes are compared, which are UTF-8 where its text is."""
        with serving(library.root, token=token) as served:
            for value, status in ((os.fsencode(token), 200), (b"p\xc3\xa4", 401), (b"\xff", 401)):
                headers = [(b"authorization", b"Bearer " + value)]
                assert served.client.get("/videos", headers=headers).status_code == status
            wrong = served.client.post(
                "/session",
                content=b'{"token": "\\ud800"}',
                headers={"content-type": "application/json"},
            )
            assert wrong.status_code in (401, 422)
            if token.isprintable():
                assert served.client.post("/session", json={"token": token}).status_code == 204
                assert served.client.get("/videos").status_code == 200

    def test_where_there_is_none(self, served: Served) -> None:
        assert served.get("/session") == {"required": False, "authenticated": True}
        assert served.client.post("/session", json={"token": "any"}).status_code == 204

    def test_other_addresses_need_one(self) -> None:
        done = subprocess.run(
            [sys.executable, ROOT / "index.py", "serve", "--host", "0.0.0.0", "--port", "0"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 2
        assert b"--token" in done.stderr

    @pytest.mark.parametrize("client", ["192.168.1.5", "::ffff:10.0.0.1", "8.8.8.8"])
    def test_other_machines_need_one_however_it_was_started(
        self, library: Library, client: str
    ) -> None:
        import anyio

        import api

        async def ask(token: str) -> int:
            app = api.create_app(ServerSettings(Roots([library.root]), token))
            transport = httpx.ASGITransport(app, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as to:
                bearer = {"authorization": f"Bearer {token}"} if token else {}
                return (await to.get("/videos", headers=bearer)).status_code

        assert anyio.run(ask, "") == 403
        assert anyio.run(ask, SECRET) == 200


class TestBodies:
    def test_too_large(self, served: Served, library: Library) -> None:
        body = b'{"task": "' + b"x" * (50 << 20) + b'"}'
        for headers in ({}, {"content-type": "application/json"}):
            with served.client.stream("POST", "/jobs", content=body, headers=headers) as got:
                assert got.status_code == 413

    def test_too_large_and_nothing_said_of_the_length(self, served: Served) -> None:
        def chunks() -> Iterator[bytes]:
            for _ in range(64):
                yield b"x" * (1 << 15)

        headers = {"content-type": "application/json"}
        got = served.client.post("/jobs", content=chunks(), headers=headers)
        assert got.status_code == 413
        assert got.headers["content-type"] == "application/problem+json"

    def test_an_import_may_be_larger(self, served: Served, library: Library) -> None:
        """Ten thousand lines of it, most of which name no video."""
        library.add("short.mp4")
        entries = [
            {"video": f"{n}.mp4", "tags": [f"tag {n}", "t" * 100], "performers": ["P"]}
            for n in range(10_000)
        ]
        body = {"videos": [*entries, {"video": "short.mp4", "tags": ["night"]}]}
        assert len(json.dumps(body)) > 1 << 20
        got = served.client.post("/tags/import", json=body).json()
        assert (got["matched"], len(got["unknown"])) == (1, 10_000)
        assert served.get("/videos/short.mp4/tags")["tags"] == ["night"]
        assert served.client.post("/jobs", json=body).status_code == 413

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b'{"task": NaN}',
            b'{"task": "thumbs", "params": {"quality": NaN}}',
            b'{"task": "sprites", "params": {"interval": Infinity}}',
            b'{"task": "sprites", "params": {"interval": 1e999}}',
            b'{"task": "meta", "params": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
            b"[" * 200_000,
            b'{"task": "meta", "directory": "\\ud800"}',
            b'{"task": "\\u0000"}',
            b'{"task": "meta", "directory": 5}',
            b'{"task": "meta", "params": {"workers": ' + b"9" * 5000 + b"}}",
        ],
    )
    def test_broken_ones(self, served: Served, body: bytes) -> None:
        headers = {"content-type": "application/json"}
        for path in ("/jobs", "/tags/import", "/session"):
            got = served.client.post(path, content=body, headers=headers)
            assert 400 <= got.status_code < 500, (path, body[:50], got.text[:200])
            assert got.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "params",
        [
            {f"key{number}": 1 for number in range(60_000)},
            {"k" * 900_000: 1},
            {"quality": "\N{PILE OF POO}" * 50_000, "width": "s" * 100_000},
        ],
    )
    def test_errors_are_short(self, served: Served, params: dict[str, Any]) -> None:
        word = next(iter(params)) * 5
        bodies: list[dict[str, Any]] = [{"task": "thumbs", "params": params}, {"task": word}]
        bodies += [{"task": "thumbs"} | params, {"task": "thumbs", "directory": word}]
        for body in bodies:
            got = served.client.post("/jobs", json=body)
            assert 400 <= got.status_code < 500
            assert len(got.content) <= 64_000
            assert got.json()["detail"]
            assert got.status_code != 422 or got.json()["errors"]

    @pytest.mark.parametrize("length", ["-1", "abc", "1" * 30, "+5"])
    def test_lengths_that_are_none(self, served: Served, length: str) -> None:
        head = f"POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{{}}"
        assert raw(served, head.encode()).split()[1] in (b"400", b"413")


class TestAnswers:
    def test_headers(self, served: Served, library: Library) -> None:
        library.add("short.mp4")
        pages = ("/", "/docs", "/docs/swagger-ui-bundle.js")
        for path in (*pages, "/videos", "/videos/short.mp4/stream", "/nowhere", "/openapi.json"):
            headers = served.client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'self'" in headers["content-security-policy"]
            assert "frame-ancestors 'none'" in headers["content-security-policy"]
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert "access-control-allow-origin" not in headers

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/nowhere", 404),
            ("PUT", "/videos", 405),
            ("POST", "/health", 405),
            ("GET", "/videos?limit=x", 422),
            ("GET", "/videos?directory=none", 404),
            ("POST", "/jobs", 422),
        ],
    )
    def test_problems(self, served: Served, method: str, path: str, status: int) -> None:
        got = served.client.request(method, path)
        assert got.status_code == status
        assert got.headers["content-type"] == "application/problem+json"
        assert got.json()["status"] == status
        assert {"type", "title", "detail"} <= set(got.json())

    def test_a_surprise_tells_nothing(
        self, served: Served, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("in /home/user/secret.py")

        monkeypatch.setattr(served.app.service, "tasks", fail)
        got = served.client.get("/tasks")
        assert got.status_code == 500
        assert got.headers["content-type"] == "application/problem+json"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "secret" not in got.text

    def test_no_absolute_paths_in_errors(self, served: Served, library: Library) -> None:
        root = str(library.root)
        library.add_bytes("a.mp4", b"x")
        (library.root / "file").write_text("x")
        for directory in ("none", f"{root}/none", "file", f"{root}/file", f"{root}/sub/none"):
            for path in ("/videos", "/report"):
                got = served.client.get(path, params={"directory": directory})
                assert got.status_code == 404
                assert root not in got.text
        job = served.job("meta", directory=root)
        assert root not in json.dumps([job["messages"], job["error"], job["result"]])

    def test_reading_changes_nothing(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("short.mp4")
        cli("meta,thumbs,sprites", library.root)
        before = snapshot(library.root)
        paths = served.get("/openapi.json")["paths"]
        for path, methods in paths.items():
            if "get" in methods and "events" not in path:
                url = path.replace("{name}", "short.mp4").replace("{kind}", "thumbs")
                served.client.get(url.replace("{part}", "short.mp4.jpg"))
        assert snapshot(library.root) == before
        assert not leftovers(library.root)
        assert served.get("/jobs")["jobs"] == []
