"""Changes to a library that are written down first: whole again after a kill at any step."""

from __future__ import annotations

import contextlib
import errno
import gzip
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support import Fault, Killed, contents
from support.faults import CODES, disk_faults

from videolib.core.confinement import confined_to
from videolib.core.errors import CancelledError, VideoError
from videolib.core.files import SCRATCH
from videolib.core.locks import locked
from videolib.core.runs import Job
from videolib.storage.journal import Journal, journal_bytes
from videolib.storage.recovery import recover, undo
from videolib.storage.replay import journals
from videolib.storage.steps import LibraryPaths, is_second_name


def without_exclusive_renames(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system call that never overwrites says that it is not there (ENOSYS)."""
    gone = 38
    monkeypatch.setattr("videolib.core.files.exclusive_rename", lambda: lambda *_: gone)


def trashed(root: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in root.rglob(".trash/*/*") if p.is_file()}


class Scene:
    """A folder where every kind of step has work: a swap, a chain, a folder, contents, trash."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "sub" / ".artifacts").mkdir(parents=True)
        (root / ".artifacts").mkdir()
        for name in ("a", "b", "c", "d", "gone", "sub/e", ".artifacts/a.json", ".artifacts/c.vtt"):
            (root / name).write_text(f"{name} was here")
        (root / "folder").mkdir()
        (root / "folder" / "inside").write_text("inside")
        self.paths = LibraryPaths.of(root)
        self.before = contents(root)
        self.after = {
            "b": b"a was here",
            "a": b"b was here",
            "d": b"c was here",
            "new/f": b"d was here",
            "sub/.artifacts/e": b"sub/e was here",
            "moved/inside": b"inside",
            ".artifacts/b.json": b"rewritten",
            ".artifacts/c.vtt": b"c.vtt was rewritten",
            ".artifacts/born.json": b"new",
        }

    def path(self, name: str) -> str:
        return str(self.root / name)

    def plan(self) -> Journal:
        journal = Journal(self.paths, "test", sidecar_dirs=[self.path(".artifacts")])
        moves = {
            "a": "b",
            "b": "a",
            "c": "d",
            "d": "new/f",
            "sub/e": "sub/.artifacts/e",
            "folder": "moved",
            ".artifacts/a.json": ".artifacts/b.json",
        }
        for source, target in moves.items():
            journal.move(self.path(source), self.path(target))
        old = b".artifacts/a.json was here"
        journal.replace(
            self.path(".artifacts/b.json"), old, b"rewritten", self.path(".artifacts/a.json")
        )
        text = self.path(".artifacts/c.vtt")
        journal.replace(text, b".artifacts/c.vtt was here", b"c.vtt was rewritten")
        journal.replace(self.path(".artifacts/born.json"), None, b"new")
        return journal

    def commit(self) -> None:
        with self.plan() as journal:
            journal.trash(self.path("gone"))
            journal.commit()

    def states(self) -> list[str]:
        return [file.state for file in journals(self.paths)]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "library")


class TestCarryOut:
    def test_all_is_done_and_can_be_undone(self, scene: Scene) -> None:
        stamp = Path(scene.path(".artifacts/a.json")).stat().st_mtime_ns
        scene.commit()
        assert contents(scene.root) == scene.after
        assert trashed(scene.root) == {"gone": b"gone was here"}
        assert Path(scene.path(".artifacts/b.json")).stat().st_mtime_ns == stamp
        assert scene.states() == ["done"]
        done = undo(scene.paths, "test")
        assert done and not done.problems and done.replay.file.state == "undone"
        assert contents(scene.root) == scene.before
        assert not trashed(scene.root) and not (scene.root / "new").exists()
        assert undo(scene.paths, "test") is None

    @pytest.mark.parametrize("seconds", [10**10, 2**33, -(2**31)])
    def test_times_of_any_century_are_kept(self, scene: Scene, seconds: int) -> None:
        """Nanoseconds of 1970 to 2262 are what 64 bits hold; disks have others."""
        source = scene.root / ".artifacts/a.json"
        os.utime(source, (seconds, seconds))
        scene.commit()
        assert source.with_name("b.json").stat().st_mtime == seconds
        undone = undo(scene.paths, "test")
        assert undone
        assert undone.problems == []
        assert contents(scene.root) == scene.before

    def test_nothing_to_do_leaves_nothing(self, scene: Scene) -> None:
        with Journal(scene.paths, "test") as journal:
            journal.commit()
        assert scene.states() == []

    def test_a_stranger_in_the_way_takes_everything_back(self, scene: Scene) -> None:
        (scene.root / "moved").write_text("somebody's")
        with pytest.raises(VideoError, match=r"moved appeared meanwhile; nothing was"):
            scene.commit()
        assert contents(scene.root) == scene.before | {"moved": b"somebody's"}
        assert scene.states() == ["undone"]

    def test_what_vanished_takes_everything_back(self, scene: Scene) -> None:
        with scene.plan() as journal:
            (scene.root / "c").unlink()
            with pytest.raises(VideoError, match="c vanished: nothing was changed"):
                journal.commit()
        assert scene.states() == []

    def test_what_changed_takes_everything_back(self, scene: Scene) -> None:
        (scene.root / ".artifacts" / "c.vtt").write_text("edited")
        with pytest.raises(VideoError, match=r"c\.vtt was changed meanwhile"):
            scene.commit()
        assert contents(scene.root) == scene.before | {".artifacts/c.vtt": b"edited"}

    def test_a_full_disk_at_any_step_takes_everything_back(
        self, scene: Scene, fault: Fault
    ) -> None:
        for at in range(0, 100, 2):
            fault.set(at, OSError(28, "No space left on device", "b"))
            try:
                scene.commit()
            except VideoError as error:
                assert "No space left" in str(error)
                assert contents(scene.root) == scene.before
            else:
                break
        assert at > 20

    @pytest.mark.parametrize("code", CODES)
    def test_a_journal_that_cannot_be_closed_waits(self, scene: Scene, code: int) -> None:
        """All is changed, and the last rename of the journal fails."""
        with disk_faults(scene.root, -1, code) as all_changes:
            scene.commit()
        undo(scene.paths, "test")
        last = all_changes.count - 2  # the rename; after it the folder is synced
        with disk_faults(scene.root, last, code) as faults, pytest.raises(VideoError) as raised:
            scene.commit()
        assert faults.failed[0].startswith("replace ") and "forward-2" in faults.failed[0]
        message = str(raised.value)
        assert message.endswith(
            f"{os.strerror(code)}; all is changed, but the journal is not closed; the run waits to "
            f"be finished: rename --recover -d {scene.root}, or --undo to take it back"
        )
        assert contents(scene.root) == scene.after
        with pytest.raises(VideoError, match="--recover"), Journal(scene.paths, "test"):
            pass
        done = recover(scene.paths)
        assert done and done.finished and not done.problems
        assert contents(scene.root) == scene.after

    def test_a_disk_that_fails_for_good_leaves_it_to_recover(self, scene: Scene) -> None:
        """Wherever it begins: neither finished nor taken back, and nobody says that it was."""
        for at in range(1, 300):
            with disk_faults(scene.root, at, CODES[at % 4], lasting=True) as faults:
                try:
                    scene.commit()
                    break
                except VideoError as error:
                    message = str(error)
                except OSError:  # the folder of journals cannot be made or locked
                    message = "nothing was changed"
            assert faults.failed and "\n" not in message
            for scratch in scene.root.rglob(f"{SCRATCH}*"):
                scratch.unlink()  # as the next process does, when this one is dead
            if "after a power failure" in message:  # its last name is there, for all but the disk
                assert contents(scene.root) == scene.after
                undo(scene.paths, "test")
            elif "--recover" in message:
                done = recover(scene.paths, back=True)
                assert done and not done.problems
            else:
                assert "nothing was changed" in message
            assert contents(scene.root) == scene.before, at
        assert 40 < at < 299

    def test_what_the_disk_keeps_from_being_taken_back_waits(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It would be closed as taken back otherwise, and half of it stay for good."""
        scene.commit()

        def full(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device", scene.path(".artifacts/c.vtt"))

        with monkeypatch.context() as patch:
            patch.setattr("videolib.storage.steps.replace_file", full)
            with pytest.raises(VideoError, match=r"c\.vtt: No space left .* --recover"):
                undo(scene.paths, "test")
        assert scene.states() == ["backward-2"]
        done = recover(scene.paths)
        assert done and not done.problems
        assert contents(scene.root) == scene.before

    def test_an_old_journal_that_stays_is_no_failure(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("videolib.storage.replay.KEPT_JOURNALS", 1)
        for _ in range(2):
            scene.commit()
            undo(scene.paths, "test")

        def failing(path: Path) -> None:
            raise OSError(errno.EIO, "Input/output error", str(path))

        monkeypatch.setattr("videolib.storage.replay.remove", failing)
        scene.commit()
        assert contents(scene.root) == scene.after

    def test_cancelling_takes_everything_back(self, scene: Scene, fault: Fault) -> None:
        fault.set(9, CancelledError())
        with pytest.raises(CancelledError):
            scene.commit()
        assert contents(scene.root) == scene.before

    def test_without_exclusive_renames(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a disk whose driver does not know them: by links, and for folders by a look."""
        without_exclusive_renames(monkeypatch)
        scene.commit()
        assert contents(scene.root) == scene.after
        undo(scene.paths, "test")
        assert contents(scene.root) == scene.before
        (scene.root / "moved").mkdir()
        with pytest.raises(VideoError, match="moved appeared meanwhile"):
            scene.commit()
        assert contents(scene.root) == scene.before

    def test_without_hard_links_either(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on a memory stick: the last look before a rename is the best there is."""

        def no_link(*_: object, **__: object) -> None:
            raise PermissionError(1, "Operation not permitted")

        without_exclusive_renames(monkeypatch)
        monkeypatch.setattr(os, "link", no_link)
        scene.commit()
        assert contents(scene.root) == scene.after
        undo(scene.paths, "test")
        assert contents(scene.root) == scene.before
        for name in ("new/f", "moved"):
            (scene.root / name).parent.mkdir(exist_ok=True)
            (scene.root / name).write_text("somebody's")
            with pytest.raises(VideoError, match=f"{name} appeared meanwhile"):
                scene.commit()
            assert contents(scene.root) == scene.before | {name: b"somebody's"}
            (scene.root / name).unlink()


class TestKilled:
    @pytest.mark.parametrize("linked", [False, True])
    def test_at_every_step_and_finished(
        self, tmp_path: Path, fault: Fault, linked: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if linked:
            without_exclusive_renames(monkeypatch)
        for at in range(100):
            scene = Scene(tmp_path / f"{at}")
            fault.set(at)
            try:
                scene.commit()
            except Killed:
                fault.set(-1)
                with (
                    pytest.raises(VideoError, match="rename --recover"),
                    Journal(scene.paths, "test"),
                ):
                    pass
                done = recover(scene.paths)
                assert done and done.finished and not done.problems
                assert contents(scene.root) == scene.after, at
                assert recover(scene.paths) is None
            else:
                break
        assert at > 20
        assert contents(scene.root) == scene.after

    def test_at_every_step_and_taken_back(self, tmp_path: Path, fault: Fault) -> None:
        for at in range(100):
            scene = Scene(tmp_path / f"{at}")
            fault.set(at)
            try:
                scene.commit()
            except Killed:
                fault.set(-1)
                done = recover(scene.paths, back=True)
                assert done and not done.finished and not done.problems
                assert contents(scene.root) == scene.before, at
                assert not (scene.root / "new").exists()
                scene.commit()
                assert contents(scene.root) == scene.after
            else:
                break
        assert at > 20

    def test_at_every_step_of_taking_back(self, tmp_path: Path, fault: Fault) -> None:
        """A way back that was begun is gone to its end, whichever way is asked for."""
        for at in range(100):
            scene = Scene(tmp_path / f"{at}")
            scene.commit()
            fault.set(at)
            try:
                undo(scene.paths, "test")
            except Killed:
                fault.set(-1)
                done = recover(scene.paths)
                assert done and not done.problems
                assert contents(scene.root) == scene.before, at
            else:
                break
            finally:
                fault.set(-1)
        assert at > 20

    def test_between_the_halves_of_a_rename_by_link(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_exclusive_renames(monkeypatch)
        steps = iter(range(100))

        def unlink(name: str, *, dir_fd: int) -> None:
            if next(steps) == 2:
                raise Killed
            os.rename(name, scene.root.parent / f"unlinked-{next(steps)}", src_dir_fd=dir_fd)

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", unlink)
            with pytest.raises(Killed):
                scene.commit()
        done = recover(scene.paths)
        assert done and done.finished
        assert contents(scene.root) == scene.after

    def test_what_cannot_be_finished_is_taken_back(self, scene: Scene, fault: Fault) -> None:
        fault.set(9)
        with pytest.raises(Killed):
            scene.commit()
        (scene.root / "moved").write_text("somebody's")
        fault.set(-1)
        done = recover(scene.paths)
        assert done and not done.finished
        assert "moved appeared meanwhile" in done.problems[0]
        assert contents(scene.root) == scene.before | {"moved": b"somebody's"}

    def test_a_newcomer_under_an_old_name_is_left_alone(self, scene: Scene, fault: Fault) -> None:
        scene.commit()
        (scene.root / "c").write_text("a new one")
        done = undo(scene.paths, "test")
        assert done and any("c appeared meanwhile" in problem for problem in done.problems)
        found = contents(scene.root)
        assert found.pop("c") == b"a new one"
        assert b"c was here" in found.values()


HEAD = b'{"facts": {}, "folders": []}\n'


class TestHostileJournal:
    def write(self, scene: Scene, *lines: object) -> None:
        place = scene.root / ".artifacts" / ".journal"
        place.mkdir(exist_ok=True)
        content = journal_bytes(lines)  # type: ignore[arg-type]
        (place / "000001.test.forward-0").write_bytes(content)

    @pytest.mark.parametrize(
        "name", ["../outside", "/../outside", "out/x", "", ".", "a/../../x", 3]
    )
    def test_it_cannot_name_what_is_outside(self, scene: Scene, name: object) -> None:
        (scene.root.parent / "outside").write_text("mine")
        (scene.root / "out").symlink_to(scene.root.parent)
        move = {"phase": 0, "from": name, "to": "stolen", "inode": 1}
        self.write(scene, {"facts": {}, "folders": []}, move)
        with pytest.raises(VideoError, match="is no readable journal"):
            recover(scene.paths)
        assert (scene.root.parent / "outside").read_text() == "mine"
        assert not (scene.root / "stolen").exists()

    @pytest.mark.parametrize("line", [3, [], {}, {"facts": 3, "folders": []}, {"facts": {}}])
    def test_it_can_be_any_json(self, scene: Scene, line: object) -> None:
        self.write(scene, line)
        with pytest.raises(VideoError, match="is no readable journal"):
            recover(scene.paths)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\x1f\x8bxx",
            b"\x1f\x8b\x08" + bytes(6) + b"\xff" * 9,
            gzip.compress(HEAD)[:-9],
            gzip.compress(b'{"facts":' + b"[" * 200_000),
            gzip.compress(HEAD + b'{"from": "a", "to": "x", "phase": 1e999}'),
            gzip.compress(HEAD + b'{"from": "a", "to": "x", "phase": 1, "in'),
        ],
        ids=["empty", "short", "damaged", "cut", "deep", "infinite", "half a line"],
    )
    def test_it_can_be_no_journal_at_all(self, scene: Scene, content: bytes) -> None:
        self.write(scene)
        (scene.root / ".artifacts/.journal/000001.test.forward-0").write_bytes(content)
        with pytest.raises(VideoError, match="is no readable journal"):
            recover(scene.paths)
        assert contents(scene.root) == scene.before
        assert recover(scene.paths) is None
        (kept,) = (scene.root / ".artifacts/.journal").iterdir()
        assert kept.name.startswith("000001.test.forward-0.corrupt-")
        assert kept.read_bytes() == content

    @pytest.mark.parametrize("state", ["forward-0", "backward-2", "done"])
    def test_it_is_in_nobodys_way(
        self, scene: Scene, state: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What nobody can read holds up no other change, and whose it was is said."""
        place = scene.root / ".artifacts" / ".journal"
        place.mkdir()
        (place / f"000007.test.{state}").write_bytes(b"no journal")
        with scene.plan() as journal:
            journal.trash(scene.path("gone"))
            journal.commit(Job())
        kept = [path.name for path in place.iterdir() if "corrupt" in path.name]
        assert len(kept) == (state != "done")
        assert all(name in capsys.readouterr().err for name in kept)
        undone = undo(scene.paths, "test")
        assert undone
        assert undone.problems == []
        if state == "done":
            with pytest.raises(VideoError, match="kept as"):
                undo(scene.paths, "test")
        assert undo(scene.paths, "test") is None

    def test_it_can_be_a_pipe(self, scene: Scene) -> None:
        place = scene.root / ".artifacts/.journal"
        place.mkdir()
        os.mkfifo(place / "000001.test.forward-0")
        with pytest.raises(VideoError, match="is no readable journal"):
            recover(scene.paths)
        assert recover(scene.paths) is None

    @pytest.mark.parametrize("state", ["forward-0", "forward-1", "forward-2", "backward-2"])
    @pytest.mark.parametrize(
        "line",
        [
            {"phase": 1, "copy": "a", "to": "x", "scratch": "b"},
            {"phase": 1, "copy": "a", "to": "x", "scratch": ".artifacts"},
            {"phase": 1, "copy": "a", "to": "a", "scratch": ".moving-1-0"},
            {"phase": 1, "copy": "a", "to": "here/a", "scratch": ".moving-1-0"},
            {"phase": 2, "file": "a", "old": "a was here", "new": None, "mtime_ns": 0},
            {"phase": 2, "file": "a", "old": "a was here", "new": "nothing", "mtime_ns": 0},
            {"phase": 2, "file": ".artifacts/x.json", "old": None, "new": "x", "mtime_ns": 1 << 99},
        ],
        ids=str,
    )
    def test_it_cannot_delete_or_rewrite_a_video(
        self, scene: Scene, state: str, line: dict[str, object]
    ) -> None:
        """A scratch name is cleared and a sidecar rewritten: neither may be anything else."""
        (scene.root / "here").symlink_to(".")
        self.write(scene, {"facts": {}, "folders": []}, line)
        journal = scene.root / ".artifacts/.journal/000001.test.forward-0"
        journal.rename(journal.with_name(f"000001.test.{state}"))
        with contextlib.suppress(VideoError):
            recover(scene.paths)
        found = {name: content for name, content in contents(scene.root).items() if name != "x"}
        assert found == scene.before


class TestTogether:
    def test_two_runs_take_turns(self, scene: Scene) -> None:
        order = []

        def second() -> None:
            with Journal(scene.paths, "test"):
                order.append("second")

        with Journal(scene.paths, "test"):
            thread = threading.Thread(target=second)
            thread.start()
            time.sleep(0.1)
            order.append("first")
        thread.join()
        assert order == ["first", "second"]

    def test_who_waits_too_long_is_told(self, scene: Scene) -> None:
        with (
            locked(scene.root),
            pytest.raises(VideoError, match="another run keeps it locked"),
            locked(scene.root, timeout=0.05),
        ):
            pass

    def test_old_journals_go(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("videolib.storage.replay.KEPT_JOURNALS", 3)
        for source, target in [("c", "x"), ("x", "c")] * 3:
            with Journal(scene.paths, "test") as journal:
                journal.move(scene.path(source), scene.path(target))
                journal.commit()
        assert [file.number for file in journals(scene.paths)] == [3, 4, 5, 6]

    def test_an_interrupted_run_above_is_heeded(self, scene: Scene, fault: Fault) -> None:
        fault.set(3)
        with pytest.raises(Killed):
            scene.commit()
        below = LibraryPaths.of(scene.root / "sub")
        with (
            pytest.raises(VideoError, match="rename --recover"),
            Journal(below, "test"),
        ):
            pass


class TestLinks:
    """A folder that is a link out of the library for moments, in a thread that stays in that."""

    @pytest.fixture
    def folder(self, scene: Scene, tmp_path: Path) -> Iterator[Path]:
        """The folder that is exchanged. Outside there is one with a file of a name that a move in
        it leaves."""
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/e").write_text("somebody's")
        with confined_to([scene.paths.root]):
            yield scene.root / "sub"
        assert contents(tmp_path / "outside") == {"e": b"somebody's"}

    @staticmethod
    def put_link(folder: Path) -> None:
        outside = next(p for p in folder.parents if p.name == "library").with_name("outside")
        folder.rename(folder.with_name(".real"))
        folder.symlink_to(outside)

    @staticmethod
    def put_back(folder: Path) -> None:
        folder.unlink()
        folder.with_name(".real").rename(folder)

    def commit(
        self,
        scene: Scene,
        monkeypatch: pytest.MonkeyPatch,
        actions: Mapping[int, Callable[[], Any]],
    ) -> str:
        """The message of a journal that moves a file in the folder, and whose rewrite fails. A
        function is called at each of these checkpoints: 0 and 1 are about the move, 2 and 3 about
        the rewrite, 4 and 5 about taking that back, the others about taking back the move."""
        numbers = itertools.count()

        def checkpoint(moment: str) -> None:
            actions.get(next(numbers), int)()

        monkeypatch.setattr("videolib.storage.steps.checkpoint", checkpoint)
        (scene.root / ".artifacts/a.json").write_text("edited")
        scene.before[".artifacts/a.json"] = b"edited"
        with pytest.raises(VideoError) as raised, Journal(scene.paths, "test") as journal:
            journal.move(scene.path("sub/e"), scene.path("sub/f"))
            journal.replace(scene.path(".artifacts/a.json"), b"not edited", b"new")
            journal.commit()
        return str(raised.value)

    def test_taken_back_once_the_link_is_gone(
        self, scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Outside, too, it looks as if the move had been taken back."""
        put_link, put_back = partial(self.put_link, folder), partial(self.put_back, folder)
        monkeypatch.setattr("videolib.core.confinement.time.sleep", lambda _: put_back())
        message = self.commit(scene, monkeypatch, {5: put_link})
        assert "the rest was taken back" in message
        assert contents(scene.root) == scene.before
        assert scene.states() == ["undone"]

    def test_a_link_that_stays_leaves_it_to_recover(
        self, scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = self.commit(scene, monkeypatch, {5: partial(self.put_link, folder)})
        assert "leads out of the library" in message and "--recover" in message
        self.put_back(folder)
        done = recover(scene.paths)
        assert done and done.replay.file.state == "undone" and not done.problems
        assert contents(scene.root) == scene.before

    def test_a_link_in_the_place_of_a_file_is_not_moved(
        self, scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        message = self.commit(scene, monkeypatch, {0: partial(self.put_link, folder / "e")})
        assert message == f"{folder}/e was exchanged for a link meanwhile; nothing was changed"
        assert (folder / "e").is_symlink() and not (folder / "f").exists()
        self.put_back(folder / "e")
        assert contents(scene.root) == scene.before

    def test_a_link_in_the_place_of_a_rewritten_file_is_left_alone(
        self, scene: Scene, folder: Path
    ) -> None:
        """Nothing waits for it to become a file again."""
        self.put_link(path := scene.root / ".artifacts/c.vtt")
        with pytest.raises(VideoError, match="leads out of the library and is left as it is"):
            scene.commit()
        assert scene.states() == ["undone"] and path.is_symlink()
        path.unlink()
        path.with_name(".real").rename(path)
        assert contents(scene.root) == scene.before

    def test_the_number_of_a_journal_is_no_other_librarys(
        self, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The folder of journals is a link while they are numbered."""
        scene.commit()
        undo(scene.paths, "test")
        (tmp_path / "outside/.journal").mkdir(parents=True)
        artifacts = scene.root / ".artifacts"
        self.put_link(artifacts)
        put_back = partial(self.put_back, artifacts)
        monkeypatch.setattr("videolib.core.confinement.time.sleep", lambda _: put_back())

        with confined_to([scene.paths.root]):
            assert [file.state for file in journals(scene.paths)] == ["undone"]
        assert not artifacts.is_symlink()


def test_a_file_with_one_name_never_loses_it(tmp_path: Path) -> None:
    """Somebody renames it between two looks, so that it seems to have both names."""
    path = tmp_path / "a"
    path.write_text("precious")
    status = path.stat()
    assert not is_second_name(status, path.stat())
    (tmp_path / "b").hardlink_to(path)
    assert is_second_name(path.stat(), (tmp_path / "b").stat())
    assert not is_second_name(tmp_path.stat(), tmp_path.stat())
