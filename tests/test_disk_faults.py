"""A disk that is full, failing or read-only at any moment of any command that changes something:
nothing is lost, nothing is half, it is told, and the next run or `rename --recover` mends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Cli
from support import ROOT, Run, contents, digest
from support.faults import CODES, disk_faults

from videolib.core.files import SCRATCH

STRIDE = int(os.environ.get("STRIDE_OF_FAULTS", "3"))  # 1: each change of every command fails

Words = Callable[[Path], Sequence[object]]


def artifact(video: Path, suffix: str, text: str) -> None:
    path = video.parent / ".artifacts" / f"{video.name}{suffix}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def two_videos(root: Path) -> None:
    """Two copies of one video and another, with tags and an artifact that names its video."""
    for name, content in (("a.mp4", b"a" * 9000), ("b.mp4", b"a" * 9000), ("c.mp4", b"c" * 9000)):
        (root / name).write_bytes(content)
        record = {"video": name, "tags": ["sea"], "performers": []}
        artifact(root / name, ".tags.json", json.dumps(record))
        artifact(root / name, ".vtt", "WEBVTT\n")
    rows = [{"video": "a.mp4", "tags": ["new"]}, {"video": "c.mp4", "tags": ["newer"]}]
    (root.parent / "import.json").write_text(json.dumps({"videos": rows}))


def orphans(root: Path) -> None:
    """A video that was moved without its artifacts, and artifacts of one that is gone."""
    two_videos(root)
    (root / "c.mp4").unlink()
    index_main("tags", root / "a.mp4", "--set", "night")
    (root / "new").mkdir()
    (root / "b.mp4").unlink()
    (root / "a.mp4").rename(root / "new" / "moved.mp4")


def removed_copy(root: Path) -> None:
    two_videos(root)
    index_main("dupes", root, "--apply", "trash")


def renamed_video(root: Path) -> None:
    two_videos(root)
    index_main("rename", root / "c.mp4", root / "sub" / "d.mp4")


def index_main(*words: object) -> None:
    from support import run_cli

    run = run_cli(*words)
    assert run.code == 0, run.err


COMMANDS: dict[str, tuple[Callable[[Path], None], Words]] = {
    "tags": (two_videos, lambda root: ["tags", root, "--set", "new"]),
    "tags of one": (two_videos, lambda root: ["tags", root / "a.mp4", "--remove", "sea"]),
    "rename-tag": (two_videos, lambda root: ["tags", root, "--rename-tag", "sea", "lake"]),
    "import": (
        two_videos,
        lambda root: ["tags", root, "--import", root.parent / "import.json", "--force"],
    ),
    "export": (two_videos, lambda root: ["tags", root, "--export", root / "tags.txt"]),
    "ignore": (two_videos, lambda root: ["dupes", root, "--ignore", "a.mp4", "b.mp4"]),
    "trash": (two_videos, lambda root: ["dupes", root, "--apply", "trash"]),
    "hardlink": (two_videos, lambda root: ["dupes", root, "--apply", "hardlink"]),
    "undo of trash": (removed_copy, lambda root: ["dupes", root, "--undo"]),
    "rename": (two_videos, lambda root: ["rename", root / "c.mp4", root / "sub" / "d.mp4"]),
    "swap": (
        two_videos,
        lambda root: [
            *("rename", "--batch", "--force", "-d", root, "--regex"),
            *("--source", "^(a|c)$", "--target", "{n}"),
        ],
    ),
    "undo of rename": (renamed_video, lambda root: ["rename", "--undo", "-d", root]),
    "relink": (orphans, lambda root: ["orphans", root, "-r", "--relink"]),
    "delete": (orphans, lambda root: ["orphans", root, "-r", "--delete"]),
}


class Trial:
    """A command in copies of one folder, in which the Nth change of the file system fails."""

    def __init__(self, cli: Cli, template: Path, place: Path, words: Words) -> None:
        self.cli, self.template, self.root, self.words = cli, template, place / "root", words
        self.before = contents(template)
        self.videos = self.video_digests(template)
        run = self.fresh_run()
        assert run.code == 0, run.err
        self.after = contents(self.root)

    @staticmethod
    def video_digests(root: Path) -> set[str]:
        return {digest(path) for path in root.rglob("*.mp4")}

    def fresh_run(self) -> Run:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.template, self.root)
        return self.cli(*self.words(self.root))

    def fail(self, at: int, code: int, lasting: bool = False) -> bool:
        """Let a change fail, and look at what comes of it; False where there are not so many."""
        shutil.rmtree(self.root)
        shutil.copytree(self.template, self.root)
        with disk_faults(self.root, at, code, lasting=lasting) as faults:
            run = self.cli(*self.words(self.root))
        if not faults.failed:
            return False
        self.judge(run, faults.failed, lasting)
        return True

    def judge(self, run: Run, failed: Sequence[str], lasting: bool) -> None:
        what = f"{failed[:3]}: {run.code} {run.err}{run.out}"
        assert run.code in (0, 1), what
        assert "Traceback" not in run.err + run.out and "unexpectedly" not in run.err, what
        assert self.video_digests(self.root) == self.videos, what
        found = self.found(lasting)
        waits = "--recover" in run.err
        assert waits or not [name for name in found if SCRATCH in name or ".moving-" in name], what
        for name, content in found.items():
            if name.endswith(".json"):
                json.loads(content)
        if run.code == 0:
            assert found == self.after, what
            return
        lines = run.err + run.out  # what was left of many is told among the results
        assert any(Path(name).name in lines for name in self.names_of(failed)), what
        if "nothing was changed" in run.err:
            assert found == self.before, what
        self.mend(waits, found, lasting, what)

    def found(self, lasting: bool) -> dict[str, bytes]:
        """What is in the folder; a disk that stays read-only keeps the scratch files, which the
        next process removes, and not this one, which is alive."""
        return {
            name: content
            for name, content in contents(self.root).items()
            if not (lasting and SCRATCH in name)
        }

    def names_of(self, failed: Sequence[str]) -> list[str]:
        names = [*self.before, *self.after, str(self.root)]
        return [*names, ".journal", ".artifacts", *(line.partition(" ")[2] for line in failed)]

    def mend(self, waits: bool, found: dict[str, bytes], lasting: bool, what: str) -> None:
        """Recover where that is told, then run again: all is as if nothing had failed."""
        if waits:
            mended = self.cli("rename", "--recover", "-d", self.root)
            assert mended.code == 0, what + mended.err
        elif found == self.before:
            return  # the next run is a first one
        if self.found(lasting) != self.after:
            again = self.cli(*self.words(self.root))
            assert again.code == 0, what + again.err
            assert self.found(lasting) == self.after, what


@pytest.fixture
def trial(cli: Cli, tmp_path: Path) -> Callable[[str], Trial]:
    def of(name: str) -> Trial:
        fill, words = COMMANDS[name]
        template = tmp_path / "template"
        template.mkdir()
        fill(template)
        return Trial(cli, template, tmp_path, words)

    return of


@pytest.mark.parametrize("name", COMMANDS)
def test_every_change_fails_once(trial: Callable[[str], Trial], name: str) -> None:
    attempt = trial(name)
    for at in range(sorted(COMMANDS).index(name) % STRIDE, 200, STRIDE):
        if not attempt.fail(at, CODES[at // STRIDE % len(CODES)]):
            break
    assert 1 < at < 199


@pytest.mark.parametrize("name", COMMANDS)
def test_every_change_fails_from_one_on(trial: Callable[[str], Trial], name: str) -> None:
    """As on a disk that stays full, or that was mounted read-only in the middle."""
    attempt = trial(name)
    for at in range(sorted(COMMANDS).index(name) % STRIDE, 200, STRIDE):
        if not attempt.fail(at, CODES[at // STRIDE % len(CODES)], lasting=True):
            break
    assert 1 < at < 199


KILLED = """
import itertools, os, sys
import index
calls, at = itertools.count(), int(sys.argv[1])
os.fsync = lambda descriptor: os.kill(os.getpid(), 9) if next(calls) == at else None
index.main(sys.argv[2:])
"""


@pytest.mark.parametrize("at", [0, 4], ids=["first", "later"])
@pytest.mark.parametrize("name", COMMANDS)
def test_scratch_files_of_a_killed_run_are_gone_after_the_next(
    trial: Callable[[str], Trial], cli: Cli, name: str, at: int
) -> None:
    """Killed while it waits for the disk, with a scratch file there or a journal begun."""
    attempt = trial(name)
    shutil.rmtree(attempt.root)
    shutil.copytree(attempt.template, attempt.root)
    words = [sys.executable, "-c", KILLED, at, *attempt.words(attempt.root)]
    paths = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run(list(map(str, words)), env=paths, check=False, capture_output=True)
    assert killed.returncode == -9 or at
    assert cli("rename", "--recover", "-d", attempt.root).code == 0
    run = cli(*attempt.words(attempt.root))
    assert not [path for path in attempt.root.rglob("*") if path.name.startswith(SCRATCH)]
    if killed.returncode:
        assert contents(attempt.root) == attempt.after, run.err
