"""What is said while commands run: how much of it, in which colour, and the log."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, Library

from videolib.core.console import Console
from videolib.core.errors import VideoError


def log_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def films(library: Library) -> Path:
    """A video, one that is none, and one of another type."""
    library.add("short.mp4")
    library.add_bytes("bad.mp4", b"x" * 100)
    library.add_bytes("other.mkv", b"x")
    return library.root


def test_verbose_has_a_line_for_each_video(cli: Cli, films: Path) -> None:
    run = cli("thumbs,meta", films, "--verbose")
    made = [line for line in run.err.splitlines() if "short.mp4: made in " in line]
    assert [line.partition(":")[0] for line in made] == ["thumbs", "metadata"]
    assert all(0 < float(line.split()[-2]) < 600 for line in made)
    assert run.err.count("bad.mp4") == 1  # a failure is said once, with its reason
    again = cli("--verbose", "thumbs", films / "short.mp4")
    assert again.err == "thumbs: short.mp4: skipped\n"
    assert "skipped" not in cli("thumbs", films / "short.mp4").err


def test_quiet_says_errors_only(cli: Cli, films: Path) -> None:
    run = cli("--quiet", "thumbs", films)
    assert run.code == 1 and run.out == ""
    assert len(run.err.splitlines()) == 1 and "bad.mp4" in run.err
    assert cli("thumbs", films / "short.mp4", "--quiet").out == ""
    assert cli("thumbs", films / "short.mp4", "--quiet", "--json").counts == {"skipped": 1}
    listed = cli("list", films, "--quiet")
    assert "short.mp4" in listed.out and listed.err == ""  # an answer is no message
    assert "no such file" in cli("list", films / "gone", "--quiet").err
    assert cli("search", "hello", films, "--quiet").err == ""


def test_the_log(cli: Cli, films: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    assert cli("--log", log, "thumbs", films, "--quiet").code == 1
    rows = log_rows(log)
    by_video = {row["video"]: row for row in rows if "video" in row}
    keys = {"time", "level", "video", "task", "status", "seconds", "reason"}
    assert all(set(row) == keys for row in by_video.values())
    good, bad = by_video["short.mp4"], by_video["bad.mp4"]
    assert (good["level"], good["task"], good["status"]) == ("info", "thumbs", "made")
    assert good["seconds"] > 0 and good["reason"] == ""
    assert (bad["level"], bad["status"]) == ("error", "failed") and bad["reason"]
    messages = [row["message"] for row in rows if row["level"] == "warning"]
    assert len(messages) == 1 and "left out" in messages[0]
    cli("thumbs", films / "short.mp4", "--log", log)
    assert log_rows(log)[: len(rows)] == rows  # it is added to
    assert log_rows(log)[-1]["status"] == "skipped" and log_rows(log)[-1]["seconds"] is None


BAD = [
    (("--verbose", "--quiet"), "--verbose and --quiet: one of them"),
    (("--log", "gone/log"), "--log gone/log: cannot be written: No such file or directory"),
    (("--log", ""), "--log : cannot be written"),
]


@pytest.mark.parametrize(("flags", "message"), BAD)
def test_what_cannot_be(cli: Cli, films: Path, flags: tuple[str, ...], message: str) -> None:
    run = cli("list", films, *flags)
    assert run.code == 2 and message in run.err and run.err.count("\n") == 1


def on_a_terminal(words: list[str], environment: dict[str, str]) -> str:
    """What the program writes on a terminal."""
    terminal, end = pty.openpty()
    program = [sys.executable, str(ROOT / "index.py"), *words]
    subprocess.run(program, stdin=end, stderr=end, stdout=-3, env={**os.environ, **environment})
    os.close(end)
    try:
        return os.read(terminal, 10_000).decode()
    finally:
        os.close(terminal)


def test_colour_where_a_terminal_has_it(films: Path) -> None:
    words, message = ["list", str(films / "gone")], "gone: no such file or directory"
    colour = on_a_terminal(words, {"TERM": "xterm", "NO_COLOR": ""})
    assert colour.startswith("\x1b[31m") and message in colour
    assert "\x1b" not in on_a_terminal(words, {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b" not in on_a_terminal(words, {"TERM": "dumb"})


def test_how_long_it_takes_is_shown_after_a_while(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console()
    with console.elapsed("dupes"):
        time.sleep(0.02)
    assert capsys.readouterr().err == ""  # no terminal
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with console.elapsed("dupes"):
        pass
    assert capsys.readouterr().err == ""  # too soon
    monkeypatch.setattr(Console, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(Console, "PAUSE", 0.01)
    with console.elapsed("dupes"):
        time.sleep(0.1)
        console.say("a message")
    lines = capsys.readouterr().err
    assert "\r\x1b[Kdupes: 0 s" in lines and "\r\x1b[Ka message\n" in lines
    assert lines.endswith("\r\x1b[K") or lines.endswith("a message\n")


def test_shares_that_add_up_to_more_than_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shares = [0.1, 0.2, 0.7, 1e-9]
    assert sum(shares) > 1
    console = Console()
    with console.progress(1):
        for share in shares:
            console.step("a.mp4", share, note="1 %")
    lines = capsys.readouterr().err
    assert "100%" in lines and "1/1 videos" in lines and "-0" not in lines


def test_the_limit_of_compare_grows(cli: Cli, films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = []

    class NoWorkers:
        def __init__(self, *settings: object, **callbacks: object) -> None:
            pass

        def admit(self, paths: object) -> None:
            pass

        def call(self, job: object, timeout: float, *task: object) -> None:
            limits.append(timeout)
            raise VideoError("none here")

        def close(self) -> None:
            pass

    monkeypatch.setattr("videolib.media.quality.Workers", NoWorkers)
    pair = films / "short.mp4", films / "bad.mp4"
    for flags in ((), ("--timeout", 5), ("--timeout", 0)):
        cli("compare", *pair, *flags)
    size = sum(path.stat().st_size for path in pair)
    assert limits == [pytest.approx(3600 + size / 50_000), 5, 0]
