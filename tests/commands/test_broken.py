"""Files that are at fault themselves: remembered, named, and left out by `finish` and `batch`."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import av.error
import pytest
from conftest import Cli
from support import Library, Run
from support.media import encode, number_picture
from support.served import Served

from videolib.core.errors import (
    BrokenVideoError,
    Failure,
    MissingDependencyError,
    VideoError,
    attempt,
    uncommon_codec,
)
from videolib.core.files import stat_of
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.failures import record_failure
from videolib.storage.videos import Video

TASKS = ("--tasks", "meta,thumbs")
DAMAGED = "is not a readable video, or damaged (invalid data found when processing input)"
# File -> what a run says of it.
FAULTS = {
    "cut.mp4": f"{DAMAGED}: copy it again or move it away",
    "empty.mp4": "is empty (0 bytes): copy it again or delete it",
    "sound.mp4": "has no video stream",
}


def statuses(run: Run) -> dict[str, set[str]]:
    """The statuses of each video in a batch."""
    by_video: dict[str, set[str]] = {}
    for report in run.json["tasks"]:
        for row in report["results"]:
            by_video.setdefault(row["video"], set()).add(row["status"])
    return by_video


@pytest.fixture
def tried(library: Library, cli: Cli) -> Library:
    """A good video, and three that cannot be what was asked, after a first batch."""
    library.add("short.mp4", "good.mp4")
    library.add("cut_index.mp4", "cut.mp4")
    library.add("empty.mp4")
    library.add("sound_only.mp4", "sound.mp4")
    run = cli("batch", library.root, *TASKS, "--json")
    assert run.code == 1
    assert statuses(run) == {
        "good.mp4": {"made"},
        "cut.mp4": {"failed"},
        "empty.mp4": {"failed"},
        "sound.mp4": {"made", "failed"},
    }
    return library


def test_are_left_out_from_then_on(cli: Cli, tried: Library) -> None:
    before = tried.artifacts()
    run = cli("batch", tried.root, *TASKS, "--json")
    assert run.code == 0
    assert statuses(run) == {
        "good.mp4": {"skipped"},
        "cut.mp4": {"broken"},
        "empty.mp4": {"broken"},
        "sound.mp4": {"skipped", "broken"},
    }
    thumbs = {row["video"]: row.get("error") for row in run.json["tasks"][1]["results"]}
    assert thumbs == {"good.mp4": None, **FAULTS}
    finished = cli("finish", tried.root, *TASKS)
    assert finished.code == 0
    assert "finish: to make: nothing" in finished.err
    assert finished.out.endswith("; left out 3 broken videos: --retry tries again\n")
    assert tried.artifacts() == before


def test_report_and_list_name_them(cli: Cli, tried: Library) -> None:
    reasons = {(row["video"], row["reason"]) for row in report(cli, tried)}
    assert reasons == set(FAULTS.items())
    kinds = {row["video"]: row["kinds"] for row in report(cli, tried)}
    assert kinds == {name: ["metadata", "thumbs"] for name in FAULTS} | {"sound.mp4": ["thumbs"]}
    text = cli("report", tried.root).out
    assert "broken: empty.mp4: is empty (0 bytes): copy it again or delete it (meta" in text
    for query, names in (
        ("broken:", list(FAULTS)),
        ("-broken:", ["good.mp4"]),
        ("broken:EMPTY", ["empty.mp4"]),
        ('broken:"no video stream"', ["sound.mp4"]),
        ("broken:metadata size:>1", ["cut.mp4"]),
        ("broken:encrypted", []),
    ):
        run = cli("list", tried.root, "-q", query, "--json")
        assert [row["name"] for row in run.json] == names, query
    assert f"empty.mp4  broken: {FAULTS['empty.mp4']}\n" in cli("list", tried.root).out


def test_what_libav_cannot_parse_is_damage_not_a_lack_of_rights(cli: Cli, library: Library) -> None:
    """Its older demuxers, such as that of ASF, return -1 then, which is EPERM's number."""
    encode(library.root / "bad.wmv", [number_picture(0)], "-c:v", "wmv2")
    content = (library.root / "bad.wmv").read_bytes()
    stream_type = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")  # ASF_Video_Media
    assert stream_type in content
    library.add_bytes("bad.wmv", content.replace(stream_type, b"\xff" * 16))
    for command in ("thumbs", "batch"):
        words = TASKS if command == "batch" else ()
        run = cli(command, library.root, "--ext", "*", *words)
        assert run.code == 1
        assert f"bad.wmv: {FAULTS['cut.mp4']}" in run.err
    row = cli("report", library.root, "--ext", "*", "--json").json["broken"][0]
    assert row["reason"] == FAULTS["cut.mp4"]


def report(cli: Cli, library: Library) -> list[dict[str, Any]]:
    broken = cli("report", library.root, "--json").json["broken"]
    assert isinstance(broken, list)
    return broken


@pytest.mark.parametrize(
    "words",
    [
        ("batch", "--retry", *TASKS),
        ("finish", "--retry", *TASKS),
        ("batch", "--force", *TASKS),
        ("batch", *TASKS, "--only", "empty.mp4"),
        ("thumbs",),
        ("meta,thumbs",),
    ],
    ids=" ".join,
)
def test_who_asks_for_it_has_them_tried(cli: Cli, tried: Library, words: tuple[str, ...]) -> None:
    run = cli(words[0], tried.root, *words[1:])
    assert run.code == 1
    assert FAULTS["empty.mp4"] in run.err


def test_a_command_for_one_kind_remembers_nothing(cli: Cli, library: Library) -> None:
    library.add("empty.mp4")
    for _ in range(2):
        assert cli("thumbs", library.root, "--json").counts == {"failed": 1}
    assert library.artifacts() == []


def test_another_file_is_tried_by_itself(cli: Cli, tried: Library) -> None:
    os.utime(tried.root / "cut.mp4", (1_500_000_000, 1_500_000_000))
    tried.add("short.mp4", "empty.mp4")
    assert {row["video"] for row in report(cli, tried)} == {"sound.mp4"}
    run = cli("batch", tried.root, *TASKS, "--json")
    assert run.code == 1
    assert statuses(run) == {
        "good.mp4": {"skipped"},
        "cut.mp4": {"failed"},
        "empty.mp4": {"made"},
        "sound.mp4": {"skipped", "broken"},
    }
    left = [name for name in tried.artifacts() if "failed" in name]
    assert left == [
        *("cut.mp4.metadata.failed.json", "cut.mp4.thumbs.failed.json"),
        "sound.mp4.thumbs.failed.json",
    ]


def test_other_parameters_are_tried(cli: Cli, tried: Library, tmp_path: Path) -> None:
    config = tmp_path / "rc.json"
    config.write_text('{"thumbs": {"time": "25%"}}')
    run = cli("batch", tried.root, *TASKS, "--json", "--config", config)
    assert statuses(run)["sound.mp4"] == {"skipped", "failed"}


def test_what_is_remembered_goes_along(cli: Cli, tried: Library) -> None:
    tried.forget(tried.root / "cut.mp4")
    assert cli("rename", tried.root / "cut.mp4", tried.root / "sub.mp4").code == 0
    assert {row["video"] for row in report(cli, tried)} == {"sub.mp4", "empty.mp4", "sound.mp4"}
    (tried.root / "sub.mp4").unlink()
    gone = cli("orphans", tried.root, "--json").json["orphans"]
    assert [(row["video"], row["kinds"]) for row in gone] == [("sub.mp4", ["metadata", "thumbs"])]


@pytest.mark.parametrize("content", [b"", b"{", b'{"failed": 3}', b'{"failed": "x", "params": 1}'])
def test_a_record_that_cannot_be_read_is_none(cli: Cli, tried: Library, content: bytes) -> None:
    record = tried.artifact("sound.mp4.thumbs.failed.json")
    head, _, _ = record.read_bytes().partition(b'  "params"')
    record.write_bytes(head + b'"files": [],' + content[1:] if b"failed" in content else content)
    assert {row["video"] for row in report(cli, tried)} == {"cut.mp4", "empty.mp4"}
    assert statuses(cli("batch", tried.root, *TASKS, "--json"))["sound.mp4"] == {
        *("skipped", "failed")
    }


def test_the_server_tells(served: Served, tried: Library) -> None:
    details = served.get("/videos/sound.mp4")
    assert details["broken"] == [{"reason": FAULTS["sound.mp4"], "kinds": ["thumbs"]}]
    assert details["files"]["thumbs"] == []
    assert served.get("/videos/good.mp4")["broken"] == []
    rows = served.get("/videos", params={"q": "broken:", "detail": 1})["videos"]
    assert {row["name"]: row["broken"][0]["reason"] for row in rows} == FAULTS
    report = served.get("/report")
    assert {row["video"] for row in report["broken"]} == set(FAULTS)
    missing = report["total"] - report["counts"]["thumbs"]
    assert (missing, report["to_make"]["thumbs"]) == (3, 0)
    assert report["to_make"]["scenes"] == 4  # which was not tried yet
    assert "tags" not in report["to_make"]


def test_what_would_be_made_and_how_long_that_takes(served: Served, tried: Library) -> None:
    tried.add("short.mp4", "new.mp4")
    plan = served.get("/forecast", params={"tasks": "meta,thumbs"})
    assert (plan["videos"], plan["counts"]) == (1, {"meta": 1, "thumbs": 1})
    assert plan["time"].startswith("about ") and plan["seconds"] > 0 and not plan["unknown"]
    run = served.job("finish", params={"tasks": ["meta", "thumbs"]})
    assert any(plan["time"] in line for line in run["messages"]), run["messages"]
    assert served.get("/forecast", params={"tasks": "thumbs"}) == {
        **{"videos": 0, "counts": {}, "seconds": 0.0, "unknown": [], "time": "", "missing": {}}
    }
    scenes = served.get("/forecast", params={"tasks": "scenes"})
    assert (scenes["videos"], scenes["unknown"]) == (5, ["scenes"])
    assert served.get("/forecast", 400, params={"tasks": "nothing"})


class TestNotTheFile:
    """What another day, another machine or another flag could make good is tried again."""

    @pytest.mark.usefixtures("misbehaving")
    def test_crashes_and_time_limits(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "crash.mp4")
        for _ in range(2):
            run = cli("batch", library.root, "--tasks", "crash,hang", "--timeout", 1, "--json")
            assert run.code == 1
            assert statuses(run) == {"crash.mp4": {"failed"}}
        assert not [name for name in library.artifacts() if "failed" in name]

    @pytest.mark.parametrize(
        ("error", "is_broken"),
        [
            (BrokenVideoError("has no video stream"), True),
            (av.error.InvalidDataError(errno.EINVAL, "Invalid data found"), True),
            (av.error.EOFError(errno.EINVAL, "End of file"), True),
            (av.error.OSError(errno.EIO, "Input/output error"), False),
            (av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory"), False),
            (av.error.ArgumentError(errno.EINVAL, "Invalid argument"), False),
            (VideoError(uncommon_codec("ffv1")), False),
            (VideoError("vanished: it was there when the folder was listed"), False),
            (MissingDependencyError("no whisper here"), False),
            (ModuleNotFoundError("cv2"), False),
            (OSError(errno.ENOSPC, "No space left on device"), False),
            (PermissionError(errno.EACCES, "Permission denied"), False),
            (MemoryError(), False),
            (ZeroDivisionError(), False),
        ],
        ids=repr,
    )
    def test_the_type_of_an_error_decides(self, error: Exception, is_broken: bool) -> None:
        def fail() -> None:
            raise error

        failure = attempt(fail)
        assert isinstance(failure, Failure)
        assert failure.broken is is_broken

    def test_a_file_that_changed_meanwhile(self, library: Library) -> None:
        path = library.add("empty.mp4")
        before = stat_of(str(path))
        library.add("short.mp4", "empty.mp4")
        video = Video(str(path), path.name, str(library.root / ".artifacts"))
        record_failure(ARTIFACTS["thumbs"], video, before, {}, "is empty")
        assert library.artifacts() == []
