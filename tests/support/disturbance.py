"""Commands that are disturbed while they change a folder: by a disk that fails, or a kill.

`COMMANDS` are those that change a library without opening a video, each with the folder it is run
in. `Trial` judges what one left: nothing is lost, nothing is half, the words and the exit code say
what happened, and the next run or `rename --recover` mends it.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from support import Run, contents, digest, run_cli
from videolib.core.files import SCRATCH
from videolib.exports.nfo import Nfo
from videolib.exports.publishing import ExportRequest
from videolib.exports.sources import VideoSource
from videolib.storage.folders import Library

Words = Callable[[Path], Sequence[object]]
Fill = Callable[[Path], None]
MOVING = ".moving-"  # what a journal names a file that waits for its final name


# === Folders and commands =========================================================================


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


def exported(root: Path) -> None:
    """Videos with an NFO each beside them."""
    two_videos(root)
    for video in Library(root).videos():
        content = f"<movie><title>{video.name}</title></movie>".encode()
        request = ExportRequest("nfo", Nfo())
        request.publish(VideoSource(video), {f"{video.name[0]}.nfo": content}, [])


def exported_orphans(root: Path) -> None:
    exported(root)
    (root / "new").mkdir()
    index_main("tags", root / "c.mp4", "--set", "night")  # a record of where it was
    (root / "c.mp4").rename(root / "new" / "moved.mp4")


def index_main(*words: object) -> None:
    run = run_cli(*words)
    assert run.code == 0, run.err


COMMANDS: dict[str, tuple[Fill, Words]] = {
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
    "take exports back": (exported, lambda root: ["export", root, "--remove"]),
    "rename of exports": (exported, lambda root: ["rename", root / "c.mp4", root / "sub/d.mp4"]),
    "relink of exports": (exported_orphans, lambda root: ["orphans", root, "-r", "--relink"]),
    "trash of exports": (exported, lambda root: ["dupes", root, "--apply", "trash"]),
    "relink": (orphans, lambda root: ["orphans", root, "-r", "--relink"]),
    "delete": (orphans, lambda root: ["orphans", root, "-r", "--delete"]),
}


def run_until_killed(at: int, words: Sequence[str], environment: Mapping[str, str]) -> None:
    """In a process of its own: run a command, killed when it waits for the disk, the Nth time."""
    calls = itertools.count()

    def sync_or_die(fd: object) -> None:
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    os.environ.update(environment)
    os.fsync = sync_or_die
    run_cli(*words)


# === What comes of it =============================================================================

Found = Mapping[str, object]


DATES = re.compile(r'"\d{4}-\d\d-\d\dT[\d:.]+Z"|(?<="mtime_ns": )\d+')


def comparable(name: str, content: bytes) -> object:
    """What two runs write alike: JSON without dates, of an encoded clip the size in bytes. A
    scratch file may be of any content."""
    if SCRATCH in name:
        return content
    if name.endswith(".exports.json"):  # it has times of the files that it records
        exports = json.loads(content)["exports"]
        return {name: [f["path"] for f in exports[name]["files"]] for name in exports}
    if name.endswith(".source.json"):  # a later run that makes up for it records less
        return json.loads(content)["source"]["size"]
    if name.endswith(".json"):
        return json.loads(DATES.sub("0", content.decode()))
    return len(content) if "/.artifacts/" in f"/{name}" and is_clip(name) else content


def is_clip(name: str) -> bool:
    """Whether encoders write it, who number a file by chance."""
    return name.endswith((".webm", ".mp4", ".webp"))


class Trial:
    """A command in copies of one folder, in which something goes wrong.

    `before` and `after` are the files of the folder and of a run that nothing disturbed. With
    `answers` it is a command that changes no file there, and its standard output counts.
    """

    def __init__(
        self,
        cli: Callable[..., Run],
        template: Path,
        place: Path,
        words: Words,
        answers: bool = False,
    ) -> None:
        self.answers = answers
        self.cli, self.template, self.root, self.words = cli, template, place / "root", words
        self.before = self.comparables(contents(template))
        self.videos = self.video_digests(template)
        self.reset()
        run = self.cli(*self.words(self.root))
        assert run.code == 0, run.err
        self.after, self.answer = self.found(), run.out

    @staticmethod
    def video_digests(root: Path) -> set[str]:
        videos = (path for path in root.rglob("*.mp4") if not is_made(path.relative_to(root)))
        return {digest(path) for path in videos}

    @staticmethod
    def comparables(files: Mapping[str, bytes]) -> Found:
        return {name: comparable(name, content) for name, content in files.items()}

    def reset(self) -> None:
        """Make the folder anew."""
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.template, self.root)

    def found(self, lasting: bool = False) -> Found:
        """What is in the folder; a disk that stays read-only keeps the scratch files, which the
        next process removes, and not this one, which is alive."""
        files = contents(self.root)
        return self.comparables({n: c for n, c in files.items() if not (lasting and SCRATCH in n)})

    def judge(self, run: Run, failed: Sequence[str], lasting: bool) -> None:
        """Fails where a run that was not killed left something wrong; `failed`: what it met."""
        what = f"{failed[:3]}: {run.code} {run.err}{run.out}"
        assert run.code in (0, 1), what
        assert "Traceback" not in run.err + run.out and "unexpectedly" not in run.err, what
        found = self.found(lasting)
        self.check_whole(found, what)
        waits = "--recover" in run.err
        assert waits or not [name for name in found if SCRATCH in name or MOVING in name], what
        if run.code == 0:
            assert found == self.after, what
            self.check_answer(run, what)
            return
        lines = run.err + run.out  # what was left of many is told among the results
        assert any(Path(name).name in lines for name in self.names_of(failed)), what
        if "nothing was changed" in run.err:
            assert found == self.before, what
        self.mend(waits, found, lasting, what)

    def check_whole(self, found: Found, what: str) -> None:
        """Fails where a byte of a video is lost, or a file is no whole one of before or after."""
        assert self.video_digests(self.root) == self.videos, what
        whole = [*self.before.values(), *self.after.values()]
        for name, content in found.items():
            if SCRATCH not in name and MOVING not in name:
                assert content in whole, f"{name}: {what}"

    def check_answer(self, run: Run, what: str) -> None:
        """Fails where a command that only answers gave another answer."""
        if self.answers:
            assert run.out == self.answer, what

    def names_of(self, failed: Sequence[str]) -> list[str]:
        names = [*self.before, *self.after, str(self.root)]
        return [*names, ".journal", ".artifacts", *(line.partition(" ")[2] for line in failed)]

    def mend(self, waits: bool, found: Found, lasting: bool, what: str) -> None:
        """Recover where that is told, then run again: all is as if nothing had failed."""
        if waits:
            mended = self.cli("rename", "--recover", "-d", self.root)
            assert mended.code == 0, what + mended.err
        elif found == self.before and not self.answers:
            return  # the next run is a first one
        if self.answers or self.found(lasting) != self.after:
            again = self.cli(*self.words(self.root))
            assert again.code == 0, what + again.err
            assert self.found(lasting) == self.after, what
            self.check_answer(again, what)

    def judge_killed(self, what: str) -> None:
        """Fails where a run that was killed left what recovering and the next run do not mend."""
        self.check_whole(self.found(), what)
        mended = self.cli("rename", "--recover", "-d", self.root)
        assert mended.code == 0, what + mended.err
        done = self.found(lasting=True) == self.after and not self.answers
        if not (done and self.found() == self.after):
            self.run_next(done, what)

    def run_next(self, done: bool, what: str) -> None:
        """Run the command again, which removes scratch files and, unless that is done already,
        does what it is for. Fails where it does not."""
        again = self.cli(*self.words(self.root))
        what += again.err + again.out
        assert "Traceback" not in again.err and not [n for n in self.found() if SCRATCH in n], what
        if not done:
            assert again.code == 0, what
            assert self.found() == self.after, what
            self.check_answer(again, what)


def is_made(path: Path) -> bool:
    """Whether a path in a library is that of an artifact or of an output, and no video's."""
    return (".artifacts" in path.parts[:-1] and ".trash" not in path.parts) or path.parts[
        0
    ] == "dest"
