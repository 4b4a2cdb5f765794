"""`watch`: makes what is missing, stays, and looks after what comes, changes and moves."""

from __future__ import annotations

import contextlib
import json
import os
import plistlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, Library, command, started, wait_until

from videolib.catalogue.folder_events import FolderChanges
from videolib.catalogue.watching import only_watcher


class Played:
    """Events of a run in this process: each wait plays the next act, and after the last one the
    run is told to stop."""

    delay = 0.0

    def __init__(self, root: Path, acts: Sequence[Callable[[], None]]) -> None:
        self.root, self.acts = root, list(acts)
        self.stop = threading.Event()

    def begin(self, root: str, stop: threading.Event) -> Played:
        self.stop = stop
        return self

    def follow(self, folders: Sequence[str]) -> None:
        """Everything is reported."""

    def wait(self, seconds: float) -> FolderChanges:
        if not self.acts:
            self.stop.set()
            return FolderChanges()
        self.acts.pop(0)()
        return FolderChanges(frozenset(str(path) for path in self.root.rglob("*")))

    def close(self) -> None:
        """There is nothing to end."""


@pytest.fixture
def play(cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `watch` on the library until these acts are over."""
    pytest.importorskip("watchfiles")  # whose events are played

    def run(*acts: Callable[[], None], flags: Sequence[str] = ()) -> Any:
        played = Played(library.root, [*acts, lambda: None, lambda: None])
        monkeypatch.setattr("videolib.catalogue.folder_events.NotifiedFolders", played.begin)
        words = ("watch", library.root, "-r", "--tasks", "meta,thumbs", "--settle", "0", "--json")
        return cli(*words, *flags)

    return run


def counts_of(run: Any) -> dict[str, dict[str, int]]:
    """The counts that are not zero, by task."""
    assert run.code == 130
    tasks = run.json["tasks"]
    return {task["task"]: {s: n for s, n in task["counts"].items() if n} for task in tasks}


def test_from_copying_to_moving(
    library: Library, play: Callable[..., Any], real_probe: None
) -> None:
    library.add("short.mp4", "a.mp4")

    def copy() -> None:
        library.add("short.mp4", "sub/b.mp4")

    def move() -> None:
        library.forget(library.root / "sub/b.mp4")
        (library.root / "new").mkdir()
        library.keep((library.root / "sub/b.mp4").rename(library.root / "new/c.mp4"))

    run = play(copy, move)
    expected = {"made": 2, "skipped": 1}
    assert counts_of(run) == {"metadata": expected, "thumbs": expected}
    assert run.json["moved"] == 1
    lines = run.err.splitlines()
    assert "meta, thumbs: a.mp4: made" in lines
    assert "meta, thumbs: sub/b.mp4: made" in lines
    assert any("sub/b.mp4 is now new/c.mp4: its artifacts follow" in line for line in lines)
    assert (library.root / "new/.artifacts/c.mp4.jpg").exists()
    assert not (library.root / "sub/.artifacts/b.mp4.jpg").exists()


def test_what_is_not_watched_is_said_once(library: Library, play: Callable[..., Any]) -> None:
    """At the beginning: the end of a watch may be a year later."""
    library.add("one_frame.mp4")
    for name in ("a.mkv", "sub/b.avi"):
        library.add_bytes(name, b"x")
    run = play(lambda: None)
    line = "2 other videos (.avi 1, .mkv 1) are left out: --ext '*' takes them"
    assert run.err.count("left out") == 1
    assert f"watch: {library.root}: {line}" in run.err.splitlines()[:2]
    assert run.json["left_out"] == {".avi": 1, ".mkv": 1}


def test_moved_while_nobody_watched(library: Library, play: Callable[..., Any]) -> None:
    library.add("short.mp4", "a.mp4")
    assert counts_of(play())["thumbs"] == {"made": 1}
    library.forget(library.root / "a.mp4")
    library.keep((library.root / "a.mp4").rename(library.root / "b.mp4"))
    run = play()
    assert run.json["moved"] == 1
    assert counts_of(run)["thumbs"] == {"skipped": 1}


def test_what_is_deleted_leaves_its_artifacts(library: Library, play: Callable[..., Any]) -> None:
    library.add("short.mp4", "a.mp4")

    def delete() -> None:
        library.forget(library.root / "a.mp4")
        (library.root / "a.mp4").unlink()

    assert counts_of(play(delete))["thumbs"] == {"made": 1}
    assert library.artifact("a.mp4.jpg").exists()


def test_a_broken_video_is_tried_once_until_it_changes(
    library: Library, play: Callable[..., Any]
) -> None:
    library.add_bytes("a.mp4", b"no video")
    run = play()
    assert counts_of(run)["thumbs"] == {"failed": 1}
    assert "a.mp4: is not a readable video" in run.err
    run = play()
    assert counts_of(run)["thumbs"] == {"broken": 1}
    assert "a.mp4" not in run.err

    def mend() -> None:
        library.add("short.mp4", "a.mp4")

    assert counts_of(play(mend))["thumbs"] == {"broken": 1, "made": 1}


def test_exports_are_written_when_the_artifacts_are_there(
    library: Library, play: Callable[..., Any], real_probe: None
) -> None:
    library.add("short.mp4", "a.mp4")
    counts = counts_of(play(flags=["--export", "nfo"]))
    assert counts["export nfo"] == {"made": 1}
    assert "<duration" in (library.root / "a.nfo").read_text()


def test_outside_of_the_hours_nothing_is_made(library: Library, play: Callable[..., Any]) -> None:
    library.add("short.mp4", "a.mp4")
    hour = time.localtime().tm_hour
    run = play(flags=["--hours", f"{(hour + 2) % 24}-{(hour + 3) % 24}"])
    assert counts_of(run) == {}
    assert library.artifacts() == []


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--hours", "25-3"], "25 is no time of the day"),
        (["--hours", "night"], "--hours"),
        (["--tasks", "meta,nope"], "nope makes no artifact"),
        (["--poll", "0"], "--poll"),
        (["--export", "nope"], "nope"),
    ],
)
def test_what_is_wrong_is_said_at_once(
    cli: Cli, library: Library, flags: list[str], said: str
) -> None:
    run = cli("watch", library.root, *flags)
    assert run.code == 2
    assert said in run.err


def test_one_watcher_at_a_time(cli: Cli, library: Library) -> None:
    with only_watcher(library.root):
        run = cli("watch", library.root)
    assert run.code == 1
    assert "is being watched by another process" in run.err


def policy_of(pid: int) -> tuple[int, int] | None:
    """How a process is scheduled, and its niceness; None where it has ended."""
    with contextlib.suppress(ProcessLookupError):
        return os.sched_getscheduler(pid), os.getpriority(os.PRIO_PROCESS, pid)
    return None


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_as_a_program(library: Library, number: signal.Signals, code: int) -> None:
    """With real events or, for the second, without any."""
    library.add("short.mp4", "a.mp4")
    flags = ["--poll", "1"] if number is signal.SIGHUP else []
    words = ("watch", library.root, "--tasks", "thumbs", "--settle", "1", "--json")
    # These tests themselves may run under nohup, which a watch heeds.
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)}
    with started(command(*words, *flags), **heard) as run:
        run.wait_for(library.artifact("a.mp4.jpg").exists)
        library.add("short.mp4", "b.mp4")
        run.wait_for(library.artifact("b.mp4.jpg").exists)
        run.process.send_signal(number)
        out, err = run.process.communicate(timeout=30)
        assert wait_until(lambda: not run.family(), 5)
    assert run.process.returncode == code
    assert json.loads(out)["tasks"][0]["counts"]["made"] == 2
    assert err.decode().count("thumbs: b.mp4: made") == 1
    assert sorted(library.artifacts()) == ["a.mp4.jpg", "b.mp4.jpg"]


@pytest.mark.slow
def test_the_lowest_priority(library: Library) -> None:
    """That of all processes of the run; on a busy machine they hardly get on."""
    library.add("short.mp4", "a.mp4")
    with started(command("watch", library.root, "--tasks", "thumbs", "--idle")) as run:

        def idle() -> bool:
            return policy_of(run.process.pid) == (os.SCHED_IDLE, 19)

        run.wait_for(idle)
        run.wait_for(lambda: len(run.family()) >= 2)
        policies = {policy_of(pid) for pid in run.family()} - {None}
        assert policies == {(os.SCHED_IDLE, 19)}


class TestServices:
    """The files in docs/watching.md are taken by what is to read them."""

    @staticmethod
    def block(language: str) -> str:
        page = (ROOT / "docs/watching.md").read_text()
        (text,) = re.findall(rf"^```{language}\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
        return str(text)

    def arguments_are_known(self, cli: Cli, words: Sequence[str]) -> None:
        help_text = cli("watch", "--help").out
        assert words[:2][-1].endswith("index.py")
        assert words[2] == "watch"
        assert all(word in help_text for word in words[3:] if word.startswith("-"))

    def test_systemd(self, cli: Cli, tmp_path: Path) -> None:
        text = self.block("ini")
        (line,) = re.findall("^ExecStart=(.*)$", text, re.MULTILINE)
        self.arguments_are_known(cli, shlex.split(line))
        unit = tmp_path / "video-watch.service"
        unit.write_text(text.replace("/usr/bin/python3", sys.executable))
        if not shutil.which("systemd-analyze"):
            pytest.skip("systemd is not here")
        argv = ["systemd-analyze", "--user", "verify", "--man=no", str(unit)]
        environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert "video-watch" not in done.stderr
        assert done.returncode == 0, done.stderr

    def test_launchd(self, cli: Cli) -> None:
        job = plistlib.loads(self.block("xml").encode())
        self.arguments_are_known(cli, job["ProgramArguments"])
        assert job["Label"] == "video-watch"
        assert job["KeepAlive"] == {"SuccessfulExit": False}
