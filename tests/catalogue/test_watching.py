"""Watching: when a video is given out, with a clock and events that are the test's own."""

from __future__ import annotations

import functools
import os
import subprocess
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from videolib.catalogue.folder_events import (
    ChosenEvents,
    FolderChanges,
    FolderEvents,
    NotificationsError,
    NotifiedFolders,
    PolledFolders,
    network_mount,
)
from videolib.catalogue.settling import LONG_OPEN, is_open_for_writing
from videolib.catalogue.watching import (
    BATCH,
    RETRIES,
    SWEEP,
    LibraryWatcher,
    WatchedBatch,
)
from videolib.core.errors import UsageError
from videolib.core.restraint import Hours
from videolib.storage.folders import Library

SETTLE = 5.0
Action = Callable[[], Iterable[Path] | None]


class Stage:
    """A folder, a clock that only waiting moves, and what happens in the folder at which second.

    An action returns the paths that the system reports of it; None: all in the folder.
    """

    delay = 0.0

    def __init__(self, root: Path) -> None:
        self.root, self.now, self.end = root, 0.0, 0.0
        self.actions: list[tuple[float, Action]] = []
        self.messages: list[str] = []
        self.given: list[tuple[float, WatchedBatch]] = []
        self.written: set[str] = set()
        self.fails: set[str] = set()
        self.changes = self.connections = 0
        self.missed = False
        self.watcher = LibraryWatcher(
            Library(root, recursive=True),
            self.connect,
            SETTLE,
            self.messages.append,
            lambda seconds: self.wait(seconds),
            clock=lambda: self.now,
            is_written=lambda path: Path(path).name in self.written,
            changed=self.count_change,
        )

    def connect(self) -> FolderEvents:
        self.connections += 1
        return self

    def count_change(self) -> None:
        self.changes += 1

    def follow(self, folders: Sequence[str]) -> None:
        assert all(Path(folder).is_dir() for folder in folders)

    def close(self) -> None:
        """There is nothing to end."""

    def wait(self, seconds: float) -> FolderChanges:
        due = min([self.now + max(seconds, 0.001), *(at for at, _ in self.actions)])
        self.now = max(self.now, due)
        paths: set[str] = set()
        for action in [action for at, action in self.actions if at <= self.now]:
            changed = action()
            paths.update(map(str, self.root.iterdir() if changed is None else changed))
        self.actions = [(at, action) for at, action in self.actions if at > self.now]
        missed, self.missed = self.missed, False
        return FolderChanges(frozenset(paths), missed)

    def at(self, second: float, action: Action) -> None:
        self.actions.append((second, action))

    def write(self, second: float, name: str, content: str = "video") -> None:
        """More of a file is written."""

        def action() -> list[Path]:
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            with path.open("a") as file:
                file.write(content)
            return [path, path.parent]

        self.at(second, action)

    def move(self, second: float, old: str, new: str) -> None:
        def action() -> list[Path]:
            (self.root / new).parent.mkdir(exist_ok=True)
            (self.root / old).rename(self.root / new)
            return [self.root / old, self.root / new, (self.root / new).parent]

        self.at(second, action)

    def delete(self, second: float, name: str) -> None:
        def action() -> list[Path]:
            (self.root / name).unlink()
            return [self.root / name]

        self.at(second, action)

    def play(self, until: float) -> list[str]:
        """All the videos that were given out before that second, in their order."""
        before = len(self.given)
        for batch in self.watcher.batches(lambda: self.now >= until):
            self.given.append((self.now, batch))
            self.watcher.finish(batch, self.fails, ())
        return [name for _, batch in self.given[before:] for name in batch.videos]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    root = tmp_path / "videos"
    root.mkdir()
    return Stage(root)


class TestSettled:
    def test_all_at_the_start_and_nothing_twice(self, stage: Stage) -> None:
        for name in ("a.mp4", "sub/b.mp4", "c.txt", ".artifacts/d.mp4", "._e.mp4"):
            path = stage.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("x")
        assert sorted(stage.play(30)) == ["a.mp4", "sub/b.mp4"]
        assert stage.play(3600) == []
        assert stage.given[0][0] >= SETTLE

    def test_a_file_that_is_copied_for_a_minute(self, stage: Stage) -> None:
        for second in range(10, 70, 3):
            stage.write(second, "slow.mp4")
        assert stage.play(300) == ["slow.mp4"]
        assert 67 + SETTLE <= stage.given[0][0] <= 67 + 2 * SETTLE

    def test_a_copy_that_stands_still_while_it_is_open(self, stage: Stage) -> None:
        stage.written = {"stalled.mp4"}
        stage.write(1, "stalled.mp4")
        assert stage.play(LONG_OPEN * 2) == []
        assert len(stage.messages) == 1
        assert "stalled.mp4: is still being written" in stage.messages[0]
        stage.written = set()
        assert stage.play(LONG_OPEN * 3) == ["stalled.mp4"]

    def test_rsync_writes_under_another_name(self, stage: Stage) -> None:
        stage.write(1, ".film.mp4.Xy12Zq")
        stage.move(90, ".film.mp4.Xy12Zq", "film.mp4")
        stage.write(1, ".~tmp~/late.mp4")
        stage.move(90, ".~tmp~/late.mp4", "late.mp4")
        assert sorted(stage.play(200)) == ["film.mp4", "late.mp4"]
        assert min(at for at, _ in stage.given) >= 90 + SETTLE

    @pytest.mark.parametrize("partial", ["film.mp4.part", "film.mp4.crdownload", "Unconfirmed 1"])
    def test_browsers_download_beside_an_empty_file(self, stage: Stage, partial: str) -> None:
        stage.write(1, "film.mp4", "")
        stage.write(2, partial)
        stage.move(60, partial, "film.mp4")
        assert stage.play(200) == ["film.mp4"]
        assert stage.given[0][0] >= 60 + SETTLE

    def test_aria2_allocates_the_whole_file_first(self, stage: Stage) -> None:
        stage.write(1, "film.mp4")
        stage.write(1, "film.mp4.aria2")
        assert stage.play(100) == []
        (stage.root / "film.mp4.aria2").unlink()
        assert stage.play(200) == ["film.mp4"]

    def test_changed_while_it_waits_to_be_given_out(self, stage: Stage) -> None:
        """As within --hours: what was complete begins anew, and is given out once."""
        stage.write(1, "a.mp4")
        stage.write(30, "a.mp4", "more")
        watcher, night = stage.watcher, 60
        batches = watcher.batches(lambda: stage.now > 100, lambda: stage.now >= night)
        assert [batch.videos for batch in batches] == [["a.mp4"]]

    def test_replaced_and_changed_in_place(self, stage: Stage) -> None:
        stage.write(1, "a.mp4")
        assert stage.play(30) == ["a.mp4"]
        stage.write(31, "new.tmp", "another film")
        stage.move(32, "new.tmp", "a.mp4")
        assert stage.play(60) == ["a.mp4"]
        stage.write(61, "a.mp4", "more")
        assert stage.play(90) == ["a.mp4"]

    def test_a_storm(self, stage: Stage) -> None:
        def storm() -> list[Path]:
            (stage.root / "film").write_text("x")
            for number in range(5000):
                os.link(stage.root / "film", f"{stage.root}/{number}.mp4")
            return [stage.root]

        stage.at(1, storm)
        names = stage.play(60)
        assert len(names) == len(set(names)) == 5000
        assert max(len(batch.videos) for _, batch in stage.given) == BATCH

    def test_no_clock_that_is_set(self, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
        """The wall clock may jump: nobody looks at it."""

        def jump() -> float:
            raise AssertionError("the wall clock was asked")

        monkeypatch.setattr(time, "time", jump)
        monkeypatch.setattr(time, "time_ns", jump)
        stage.write(1, "a.mp4")
        os.utime(stage.root, (0, 0))
        assert stage.play(30) == ["a.mp4"]


class TestOpenForWriting:
    def test_whoever_writes(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mp4"
        with path.open("w") as file:
            assert is_open_for_writing(str(path))
            file.write("x")
        assert not is_open_for_writing(str(path))
        with path.open():
            assert not is_open_for_writing(str(path))
        assert not is_open_for_writing(str(tmp_path / "none"))


class TestMoved:
    def test_what_went_comes_with_what_may_have_become_of_it(self, stage: Stage) -> None:
        stage.write(1, "a.mp4", "a film")
        stage.write(1, "b.mp4", "another")
        assert sorted(stage.play(20)) == ["a.mp4", "b.mp4"]
        stage.move(21, "a.mp4", "sub/new.mp4")
        stage.delete(21, "b.mp4")
        assert stage.play(40) == ["sub/new.mp4"]
        assert stage.given[-1][1].gone == ["a.mp4"]
        assert list(stage.watcher.gone) == ["b.mp4"]

    def test_a_folder_that_is_renamed(self, stage: Stage) -> None:
        stage.write(1, "old/a.mp4", "a film")
        stage.write(1, "old/b.mp4", "another film")
        assert len(stage.play(20)) == 2
        stage.move(21, "old", "new")
        assert sorted(stage.play(40)) == ["new/a.mp4", "new/b.mp4"]
        assert sorted(stage.given[-1][1].gone) == ["old/a.mp4", "old/b.mp4"]
        assert "old/" not in stage.watcher.snapshot.folders
        stage.write(41, "new/c.mp4")
        assert stage.play(60) == ["new/c.mp4"]

    def test_deleted_before_it_is_complete(self, stage: Stage) -> None:
        stage.write(1, "a.mp4")
        stage.delete(3, "a.mp4")
        assert stage.play(60) == []
        assert stage.watcher.settling.files == {}


class TestAway:
    def test_a_library_that_goes_and_comes_back(self, stage: Stage, tmp_path: Path) -> None:
        away = tmp_path / "away"

        def come_back() -> None:
            (away / "new.mp4").write_text("came meanwhile")
            away.rename(stage.root)

        stage.write(1, "a.mp4", "a film")
        stage.at(20, lambda: [stage.root.rename(away)])
        stage.at(3600, come_back)
        assert stage.play(3700) == ["a.mp4", "new.mp4"]
        assert stage.messages == ["is not there: waits until it is back", "is there again"]
        assert stage.connections == 2
        assert stage.watcher.gone == {}

    def test_a_disk_under_whose_folder_there_is_another(self, small_disk: Path) -> None:
        """What shows when a share was unmounted is an empty folder: nothing of it is believed."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(small_disk)]
        (small_disk / "a.mp4").write_text("a film")
        stage = Stage(small_disk)

        def unmount() -> list[Path]:
            subprocess.run(["umount", str(small_disk)], check=True)
            return []

        def mount_again() -> None:
            assert stage.watcher.snapshot.knows("a.mp4")
            subprocess.run(mount, check=True)
            (small_disk / "b.mp4").write_text("another film")

        stage.at(20, unmount)
        stage.at(100, mount_again)
        assert stage.play(200) == ["a.mp4", "b.mp4"]
        assert len(stage.messages) == 2

    def test_a_folder_that_cannot_be_listed(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from videolib.core.files import folder_entries

        stage.write(1, "sub/a.mp4", "a film")
        assert stage.play(20) == ["sub/a.mp4"]

        def broken(path: str) -> list[os.DirEntry[str]]:
            if path.rstrip("/").endswith("/sub"):
                raise OSError(5, "Input/output error")
            return folder_entries(path)

        monkeypatch.setattr("videolib.storage.folders.folder_entries", broken)
        assert stage.play(3 * SWEEP) == []
        assert stage.messages == ["sub/: cannot be listed: Input/output error"]
        assert stage.watcher.snapshot.knows("sub/a.mp4")
        monkeypatch.undo()
        assert stage.play(6 * SWEEP) == []


class TestMissed:
    def test_events_that_were_lost(self, stage: Stage) -> None:
        """As when the queue of the system overflows."""
        stage.write(1, "a.mp4")

        def overflow() -> list[Path]:
            (stage.root / "b.mp4").write_text("x")
            stage.missed = True
            return []

        stage.at(21, overflow)
        assert stage.play(40) == ["a.mp4", "b.mp4"]

    def test_what_no_event_told_of_is_found_in_the_end(self, stage: Stage) -> None:
        stage.play(1)
        (stage.root / "silent.mp4").write_text("x")
        assert stage.play(SWEEP + 60) == ["silent.mp4"]


class TestFailed:
    def test_tried_again_a_few_times(self, stage: Stage) -> None:
        stage.fails = {"a.mp4"}
        stage.write(1, "a.mp4")
        assert stage.play(86400) == ["a.mp4"] * (1 + len(RETRIES))
        stage.write(86401, "a.mp4", "more")
        stage.fails = set()
        assert stage.play(2 * 86400) == ["a.mp4"]
        assert stage.watcher.failed == {}

    def test_gone_before_it_is_tried_again(self, stage: Stage) -> None:
        stage.fails = {"a.mp4"}
        stage.write(1, "a.mp4")
        stage.delete(30, "a.mp4")
        assert stage.play(86400) == ["a.mp4"]
        assert stage.watcher.failed == {}


def test_no_memory_for_a_day(stage: Stage) -> None:
    """Every five minutes a film comes, another is renamed, and one goes."""

    def turn(number: int) -> list[Path]:
        new, old, last = (stage.root / f"{name}.mp4" for name in (number, f"r{number}", number - 9))
        new.write_text("x" * (number % 7 + 1))
        gone = stage.root / f"r{number - 50}.mp4"
        gone.unlink(missing_ok=True)
        if last.exists():
            last.rename(old)
        stage.at(300.0 * number + 300, functools.partial(turn, number + 1))
        return [new, old, last, gone]

    stage.at(0, functools.partial(turn, 0))
    used = list[int]()
    for hour in (16, 20, 24):
        names = stage.play(3600.0 * hour)
        assert max(Counter(names).values()) == 1
        assert len(names) >= 2 * 12 * 4 - 10
        stage.given.clear()
        del names
        tracemalloc.start()
        used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    watcher = stage.watcher
    assert len(watcher.snapshot) < 70
    assert (len(watcher.settling.files), len(watcher.ready), len(watcher.failed)) == (0, 0, 0)
    assert used[2] - used[1] < 200_000, "and of these most are videos that went, up to GONE_KEPT"


class TestPolled:
    @pytest.fixture
    def polled(self, tmp_path: Path) -> Iterator[tuple[PolledFolders, Path]]:
        self.now = 0.0

        def sleep(seconds: float) -> None:
            self.now += seconds

        polled = PolledFolders(30.0, sleep, lambda: self.now)
        polled.follow([str(tmp_path)])
        yield polled, tmp_path
        polled.close()

    def test_a_change_is_reported_twice(self, polled: tuple[PolledFolders, Path]) -> None:
        """Its time may be as coarse as two seconds."""
        events, folder = polled
        reports = [bool(events.wait(100).paths) for _ in range(4)]
        assert reports == [True, True, False, False]
        assert self.now == 90.0
        (folder / "a.mp4").touch()
        os.utime(folder, ns=(1, 1))
        assert [events.wait(100).paths for _ in range(3)] == [{str(folder)}, {str(folder)}, set()]

    def test_no_look_before_it_is_due(self, polled: tuple[PolledFolders, Path]) -> None:
        events, _ = polled
        events.wait(1)
        assert events.wait(5) == FolderChanges()
        assert self.now == 5.0

    def test_a_folder_that_went(self, tmp_path: Path, polled: tuple[PolledFolders, Path]) -> None:
        events, _ = polled
        events.follow([str(tmp_path / "none")])
        assert [len(events.wait(100).paths) for _ in range(3)] == [1, 1, 0]


class Refusing:
    """Events that the system has no room for."""

    delay = 1.0

    def follow(self, folders: Sequence[str]) -> None:
        raise NotificationsError("OS file watch limit reached")

    def wait(self, seconds: float) -> FolderChanges:
        raise AssertionError("these events were given up")

    def close(self) -> None:
        """There is nothing to end."""


def test_polls_where_no_more_folders_can_be_watched(tmp_path: Path) -> None:
    messages, slept = list[str](), list[float]()
    polled = PolledFolders(10.0, slept.append, lambda: sum(slept))
    events = ChosenEvents(Refusing(), polled, messages.append)
    events.follow([str(tmp_path)])
    assert "watch limit reached" in messages[0]
    assert "every 10 s" in messages[0]
    assert events.wait(60).paths == {str(tmp_path)}
    events.follow([str(tmp_path)])
    assert len(messages) == 1


def test_what_the_system_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("watchfiles")

    def limited(*_: object) -> None:
        raise OSError("OS file watch limit reached.")

    stop, (sub, other) = threading.Event(), (tmp_path / "sub", tmp_path / ".artifacts")
    sub.mkdir()
    other.mkdir()
    events = NotifiedFolders(str(tmp_path), stop)
    events.follow([str(tmp_path), str(sub), os.fsdecode(os.fsencode(tmp_path) + b"/\xff")])
    (sub / "a.mp4").write_text("x")
    (other / "a.mp4.jpg").write_text("x")
    assert events.wait(5).paths == {str(sub / "a.mp4")}
    Path(os.fsdecode(os.fsencode(sub) + b"/\xff.mp4")).write_text("x")
    assert events.wait(5).missed  # it cannot be named: all is scanned, and followed again
    events.follow([str(tmp_path), str(tmp_path / "gone")])
    stop.set()
    assert events.wait(60) == FolderChanges()
    monkeypatch.setattr("videolib.catalogue.folder_events.can_be_watched", lambda path: True)
    events.follow([str(tmp_path / "gone")])  # as if it had gone a moment ago
    assert events.wait(60).missed
    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", limited)
    with pytest.raises(NotificationsError, match="watch limit reached"):
        events.follow([str(tmp_path)])
    events.close()


MOUNTS = r"""22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
23 22 0:40 / /mnt/nas\040one rw shared:2 - nfs4 nas:/films rw
24 22 0:41 / /mnt/box rw - fuse.sshfs me@box: rw
25 22 0:42 / /mnt/stick rw - fuseblk /dev/sdb1 rw
26 22 0:43 / /srv/films/old rw - cifs //nas/old rw
27 22 0:44 / /mnt/over rw - nfs nas:/x rw
28 22 0:45 / /mnt/over rw - tmpfs none rw
"""


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/home/me/films", ("", "")),
        ("/mnt/nas one/films", ("/mnt/nas one", "nfs4")),
        ("/mnt/nas", ("", "")),
        ("/mnt/box", ("/mnt/box", "fuse.sshfs")),
        ("/mnt/stick/films", ("", "")),
        ("/srv/films", ("/srv/films/old", "cifs")),
        ("/mnt/over", ("", "")),
    ],
)
def test_network_mounts(folder: str, expected: tuple[str, str]) -> None:
    assert network_mount(folder, MOUNTS) == expected


class TestHours:
    @pytest.mark.parametrize(
        ("text", "inside", "outside"),
        [
            ("22-6", (22 * 60, 0, 5 * 60 + 59), (6 * 60, 21 * 60 + 59)),
            ("9:30-17", (9 * 60 + 30, 16 * 60 + 59), (9 * 60 + 29, 17 * 60)),
            ("0-24", (0, 12 * 60, 23 * 60 + 59), ()),
            ("", (0, 12 * 60), ()),
            ("20-24", (20 * 60, 23 * 60 + 59), (0, 19 * 60)),
        ],
    )
    def test_minutes(self, text: str, inside: Iterable[int], outside: Iterable[int]) -> None:
        hours = Hours.parse(text)
        assert all(map(hours.contains, inside))
        assert not any(map(hours.contains, outside))

    @pytest.mark.parametrize("text", ["25-3", "22-6:60", "7-7", "24:01-6"])
    def test_no_time_of_the_day(self, text: str) -> None:
        with pytest.raises(UsageError, match="--hours"):
            Hours.parse(text)
