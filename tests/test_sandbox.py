"""What a worker whose decoder was taken over can reach: the videos of its run, their sidecars."""

from __future__ import annotations

import functools
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library, hostile

from index import Runner
from videolib.core import sandbox
from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.processes import need_tool, run_tool
from videolib.core.runs import Job
from videolib.core.workers import Workers

walled = pytest.mark.skipif(bool(sandbox.obstacle()), reason=sandbox.obstacle() or "has a wall")


@pytest.fixture
def listener() -> Iterator[int]:
    """The port at which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def workers() -> Iterator[Workers]:
    """One worker, which is admitted to nothing yet."""
    workers = Workers(1, ())
    yield workers
    workers.close()


@walled
@pytest.mark.usefixtures("misbehaving")
def test_nothing_else_can_be_reached(
    cli: Cli, library: Library, tmp_path: Path, listener: int
) -> None:
    library.add("short.mp4")
    library.add("short.mp4", "neighbour.mkv")
    (tmp_path / "secret.txt").write_text("secret")
    run = cli("escape,thumbs,meta", library.root, "--port", listener, "--json")
    assert run.code == 0, run.err
    refused = library.json("short.mp4.escape.hostile.json")["refused"]
    assert len(refused) > 20
    assert [name for name, was in refused.items() if not was] == []
    assert library.artifacts()[1:] == ["short.mp4.ffprobe.json", "short.mp4.jpg"]


def test_a_result_is_not_run(workers: Workers, tmp_path: Path) -> None:
    """What a worker sends names a function, which the program would call to unpickle it."""
    with pytest.raises(VideoError, match="mkdir"):
        workers.call(Job(), 60, hostile.Bomb, tmp_path / "made")
    assert not (tmp_path / "made").exists()
    assert workers.call(Job(), 60, int, "7") == 7


@walled
class TestAdmission:
    def test_what_was_not_admitted(self, workers: Workers, tmp_path: Path) -> None:
        path = tmp_path / "file"
        path.write_bytes(b"old")
        with pytest.raises(PermissionError):
            workers.call(Job(), 60, Path.read_bytes, path)
        workers.admit([str(path)])
        assert workers.call(Job(), 60, Path.read_bytes, path) == b"old"
        with pytest.raises(PermissionError):
            workers.call(Job(), 60, Path.write_bytes, path, b"")

    def test_a_file_in_the_place_of_an_earlier_one(self, workers: Workers, tmp_path: Path) -> None:
        path, other = tmp_path / "file", tmp_path / "other"
        for content in (b"old", b"new"):
            other.write_bytes(content)
            other.replace(path)
            workers.admit([str(path)])
            assert workers.call(Job(), 60, Path.read_bytes, path) == content

    def test_folders_to_write_in(self, workers: Workers, tmp_path: Path) -> None:
        """Those that were made and stay empty are gone in the end, with those around them."""
        used, unused = tmp_path / "used", tmp_path / "around/unused"
        for _ in range(2):
            workers.admit([], [str(used), str(unused)])
            assert workers.call(Job(), 60, Path.write_bytes, used / "file", b"12") == 2
            (used / "file").unlink()
            used.rmdir()  # as another run does that finds it empty
        workers.admit([], [str(used)])
        workers.call(Job(), 60, Path.touch, used / "file")
        workers.close()
        assert [path.name for path in tmp_path.rglob("*")] == ["used", "file"]

    @pytest.mark.parametrize("most", [2000, 1])
    def test_videos_that_are_links(
        self,
        cli: Cli,
        library: Library,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        most: int,
    ) -> None:
        """Few videos are admitted themselves, of many their folders."""
        monkeypatch.setattr(Runner, "MOST_FILES", most)
        elsewhere, link = tmp_path / "elsewhere.mp4", library.root / "link.mp4"
        elsewhere.write_bytes(library.add("one_frame.mp4").read_bytes())
        link.symlink_to(elsewhere)
        assert cli("thumbs,meta", library.root, "--json").code == 0
        assert "link.mp4.jpg" in library.artifacts()
        link.unlink()

    def test_a_video_that_is_replaced_when_a_worker_was_admitted(
        self, cli: Cli, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        video, call = library.add("one_frame.mp4"), Workers.call

        def replace_and_call(workers: Workers, *args: Any) -> Any:
            if workers.walled and not library.artifacts():
                other = tmp_path / "other.mp4"
                shutil.copy2(video, other)
                other.replace(video)
                monkeypatch.undo()
            return call(workers, *args)

        monkeypatch.setattr(Workers, "call", replace_and_call)
        run = cli("thumbs", library.root, "--json")
        assert run.counts == {"made": 1} and not run.err

    def test_a_refusal_says_how_to_go_on(self, workers: Workers, tmp_path: Path) -> None:
        """That of a file, and that which ffmpeg had."""
        path = tmp_path / "file"
        path.write_bytes(b"x")
        hear_it = [need_tool("ffmpeg"), "-f", "u8", "-i", str(path), "-f", "null", "-"]
        refused: list[Callable[[], object]] = [
            functools.partial(Path.read_bytes, path),
            functools.partial(Path.mkdir, tmp_path / "folder"),
            functools.partial(run_tool, hear_it, timeout=60),
        ]
        for function in refused:
            failure = workers.call(Job(), 60, attempt, function)
            assert isinstance(failure, Failure)
            assert f"{tmp_path}" in failure.reason and f"{sandbox.DISABLE}=1" in failure.reason

    def test_a_video_that_fails_leaves_no_folder(self, cli: Cli, library: Library) -> None:
        library.add_bytes("broken.mp4", b"no video")
        assert cli("thumbs", library.root, "--json").counts == {"failed": 1}
        assert not library.artifact("x").parent.exists()


@pytest.mark.parametrize("version", [0, 2])
def test_kernels_without_it(
    cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """All goes on as before, and `doctor` says what is missing."""
    monkeypatch.setattr(sandbox, "landlock_version", lambda: version)
    library.add("short.mp4")
    assert cli("thumbs", library.root, "--json").counts == {"made": 1}
    run = cli("doctor")
    assert run.code == 0
    (line,) = [line for line in run.out.splitlines() if "sandbox" in line]
    assert line.startswith("absent") and "Landlock" in line


def test_turned_off(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sandbox.DISABLE, "1")
    assert f"turned off by {sandbox.DISABLE}=1" in cli("doctor").out
    assert Workers(1, ()).walled is False


@walled
def test_doctor(cli: Cli) -> None:
    checks = cli("doctor", "--output-format", "json").json["checks"]
    (check,) = [check for check in checks if check["name"] == "sandbox"]
    assert check["found"] and not check["needed"]
