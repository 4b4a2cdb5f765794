"""Publishing of exports on a disk that fails at any moment: whole files, and it is known whose."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.faults import CODES, disk_faults

from videolib.core.errors import Failure, attempt
from videolib.core.files import SCRATCH
from videolib.exports.formats import Content, FrameFormat
from videolib.exports.publishing import ExportRequest
from videolib.exports.sources import VideoSource
from videolib.storage.exported import ExportRecord
from videolib.storage.folders import Library

Contents = dict[str, Content]
OLD: Contents = {"a.one": b"old", "a.two/": {"320/0.jpg": b"old", "320/1.jpg": b"old"}}
NEW: Contents = {"a.one": b"new", "a.two/": {"320/0.jpg": b"new"}}


class Exports:
    """A video with exports of two files, one of them a folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir()
        (root / "a.mp4").write_bytes(b"video")
        self.root, (self.video,) = root, Library(root).videos()

    def publish(self, contents: Contents) -> list[str] | Failure:
        request = ExportRequest("two", FrameFormat())
        return attempt(request.publish, VideoSource(self.video), contents, [])

    def found(self) -> list[dict[str, bytes]]:
        """The content of both, by the path below them."""
        places = [self.root / "a.one", self.root / "a.two"]
        return [
            {str(path.relative_to(place)): path.read_bytes() for path in files}
            for place in places
            if (files := [p for p in (place, *place.rglob("*")) if p.is_file()])
        ]

    def scratch(self) -> list[Path]:
        return [path for path in self.root.rglob("*") if path.name.startswith(SCRATCH)]


def parts(contents: Contents) -> list[dict[str, bytes]]:
    return [c if isinstance(c, dict) else {".": c} for c in contents.values()]


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("first", [None, OLD], ids=["new", "again"])
def test_each_change_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: Contents | None, lasting: bool
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # it is counted all the same
    for at in range(lasting, 80, 2):
        exports = Exports(tmp_path / str(at))
        if first:
            assert exports.publish(first) == ["a.one", "a.two"]
        before = exports.found()
        code = CODES[at % len(CODES)]
        with disk_faults(exports.root, at, code, lasting=lasting) as faults:
            outcome = exports.publish(NEW)
        if not faults.failed:
            break
        for content in exports.found():
            assert content in [*before, *parts(NEW)], "a file is whole, of before or after"
        assert lasting or SCRATCH in faults.failed[0] or not exports.scratch()
        if isinstance(outcome, list):
            assert exports.found() == parts(NEW)
        assert exports.publish(NEW) == ["a.one", "a.two"], "it is still known whose it is"
        assert exports.found() == parts(NEW)
        assert all(f.is_own(exports.video) for f in ExportRecord.read(exports.video).files())
    assert 5 < at < 78


def test_what_appears_meanwhile_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports = Exports(tmp_path / "videos")
    (exports.root / "a.two").mkdir()
    monkeypatch.setattr("videolib.exports.publishing.check_targets", lambda *_: None)
    outcome = exports.publish(NEW)
    assert isinstance(outcome, Failure) and "a.two appeared meanwhile" in outcome.reason
    assert list((exports.root / "a.two").iterdir()) == []
