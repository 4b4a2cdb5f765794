"""What stands around the videos may be damaged, hostile or gone: no run ends in a traceback."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Cli
from support import (
    Library,
    Run,
    command,
    contents,
    faces,
    media,
    modes_count,
    run_process,
    run_unprivileged,
)

from videolib.core.documents import parse_json
from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.files import SCRATCH, remove, replace_folder, this_host
from videolib.core.processes import need_tool, run_tool
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State
from videolib.storage.sidecars import SidecarDir
from videolib.storage.videos import Video


class TestSidecars:
    """JSON that someone else wrote."""

    @pytest.mark.parametrize("files", ["5", "null", "[{}]", "[[1]]", "[" + "[" * 30 + "]" * 31])
    def test_a_record_of_odd_files_is_stale(self, cli: Cli, library: Library, files: str) -> None:
        video = library.add("one_frame.mp4")
        cli("phash", library.root)
        head = f'{{"source": {{"size": {video.stat().st_size}}}, "files": {files}}}'
        library.artifact("one_frame.mp4.phash.json").write_text(head)
        assert cli("report", library.root, "--json").json["stale"]["phash"] == 1
        assert cli("phash", library.root, "--json").counts == {"made": 1}

    def test_nesting_has_a_limit_with_every_python(self) -> None:
        row = '[{"a": [' + "[0], " * 999 + "[]]}]"  # many brackets are not deep
        for shallow in ("[" * 500 + "]" * 500, row):
            assert parse_json(shallow) == json.loads(shallow)
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            with pytest.raises(ValueError, match=r"nested deeper than|recursion"):
                parse_json(opening * 1100 + "0" + closing * 1100)

    def test_a_size_of_thousands_of_digits(self, cli: Cli, library: Library) -> None:
        library.add("one_frame.mp4")
        cli("phash", library.root)
        head = f'{{"source": {{"size": {"9" * 5000}}}, "files": []}}'
        library.artifact("one_frame.mp4.phash.json").write_text(head)
        assert cli("report", library.root, "--json").json["stale"]["phash"] == 1

    @pytest.mark.parametrize(
        "odd",
        [
            {"streams": 5},
            {"streams": [5]},
            {"format": 7},
            {"format": {"duration": "nan"}},
            {"format": {"duration": "1e999"}},
            {"format": {"duration": [1]}},
            {"streams": [{"codec_type": "video", "width": "a", "height": {}}]},
            {"streams": [{"codec_type": "video", "width": 1 << 70, "height": 1}]},
            {"streams": [{"codec_type": "video", "disposition": 3}]},
            {"streams": [{"codec_type": "audio", "codec_name": {"a": 1}, "tags": []}]},
        ],
        ids=str,
    )
    def test_metadata_of_another_shape(
        self, cli: Cli, library: Library, odd: dict[str, object], real_probe: None
    ) -> None:
        library.add("short.mp4")
        cli("meta", library.root)
        path = library.artifact("short.mp4.ffprobe.json")
        path.write_text(json.dumps(json.loads(path.read_text()) | odd))
        for arguments in ((), ("--sort", "duration")):
            (row,) = cli("list", library.root, "--json", *arguments).json
            assert "width" not in row
        (found,) = cli("codecs", library.root, "--json").json["results"]
        assert (found["vcodec"], found["compatible"]) == ("h264", True)

    @pytest.mark.parametrize(
        "odd",
        [{"source": [1]}, {"discarded": True, "saving": "much"}],
        ids=str,
    )
    def test_a_record_of_transcode(
        self, cli: Cli, library: Library, tmp_path: Path, odd: dict[str, object]
    ) -> None:
        library.add("mpeg4.avi")
        dest = tmp_path / "out"
        arguments = ("transcode", library.root, dest, "--preset", "ultrafast", "--json")
        assert cli(*arguments).code == 0
        record = dest / ".artifacts" / "mpeg4.avi.transcode.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | odd))
        again = cli(*arguments, "--min-saving", "1%", "--force", "--dry-run")
        assert again.json["actions"][0]["status"] == "planned"

    def test_a_star_in_a_name_is_no_wildcard(self, cli: Cli, library: Library) -> None:
        """What belongs to `a*.mp4` is its own, and not what `a1.mp4` has."""
        for name in ("a*.mp4", "a1.mp4"):
            library.add("one_frame.mp4", name)
        cli("previews", library.root, "--join")
        library.forget(library.root / "a1.mp4")
        (library.root / "a1.mp4").unlink()
        cli("previews", library.root, "--force")
        assert [name for name in library.artifacts() if name.endswith(".webm")] == [
            "a1.mp4.previews.webm"
        ]

    def test_a_video_from_the_future(self, cli: Cli, library: Library) -> None:
        """What a camera with a wrong clock recorded is not made again at every run."""
        video = library.add("one_frame.mp4")
        os.utime(video, (time.time() + 90_000, time.time() + 90_000))
        tasks = ("meta,thumbs,sprites,previews", library.root, "--json")
        assert cli(*tasks).code == 0
        again = cli(*tasks).json["tasks"]
        assert [report["counts"]["skipped"] for report in again] == [1, 1, 1, 1]

    def test_folders_whose_size_is_unknown(self, cli: Cli, library: Library) -> None:
        """Network file systems say that a folder has 0 bytes."""
        video = library.add("one_frame.mp4")
        cli("previews", library.root)

        shelf: Any = SidecarDir(str(library.root / ".artifacts"))
        folder = f".{video.name}.previews"
        seen = SimpleNamespace(st_size=0, st_mtime_ns=time.time_ns())
        shelf[folder] = SimpleNamespace(stat=lambda: seen, is_dir=lambda: True)
        one = Video(str(video), video.name, shelf.sidecar_dir)
        assert ARTIFACTS["previews"].state(one, shelf) is State.FRESH

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("a.mp4.tags.json", "tags DIR --set x"),
            ("a.mp4.tags.json", "tags DIR --rename-tag x y"),
            ("a.mp4.phash.json", "phash DIR"),
            ("a.mp4.heatmaps.json", "rename --batch -d DIR --source a --target b --force"),
            (".dupes.ignored.json", "dupes DIR"),
            (".faces.people.json", "people DIR"),
            (".faces.index.json", "people DIR"),
            ("../videorc.json", "list DIR"),
        ],
    )
    def test_one_of_a_terabyte(self, cli: Cli, library: Library, name: str, words: str) -> None:
        """An archive can hold such a file in a few bytes: nobody tries to read it."""
        library.add("one_frame.mp4", "a.mp4")
        library.artifact("x").parent.mkdir()
        with library.artifact(name).open("wb") as file:
            file.truncate(1 << 40)
        before = library.artifact(name).stat()
        run = cli(*(library.root if word == "DIR" else word for word in words.split()))
        if words == "phash DIR":
            assert run.code == 0 and "is kept as a.mp4.phash.json.corrupt-" in run.err
        else:
            assert run.code in (1, 2) and len(run.err.splitlines()) == 1
            assert "larger" in run.err or "too large" in run.err or "corrupt" in run.err
            assert library.artifact(name).stat().st_ino == before.st_ino


class TestInTheWay:
    """A folder in the place of a file: it is somebody's, so it is named and left alone."""

    def block(self, library: Library, *names: str) -> None:
        for name in names:
            remove(library.artifact(name))
            library.artifact(name).mkdir(parents=True)
            (library.artifact(name) / "mine.txt").touch()

    def failures(self, cli: Cli, library: Library, *words: object) -> dict[str, str]:
        """Why the tasks of a chain failed."""
        run = cli(",".join(KINDS), library.root, "--json", *words)
        assert run.code == 1
        results = {task["task"]: task["results"][0] for task in run.json["tasks"]}
        return {kind: row["error"] for kind, row in results.items() if row["status"] == "failed"}

    def test_of_what_a_task_makes(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        self.block(library, *KINDS.values())
        told = self.failures(cli, library)
        for (task, name), reason in zip(KINDS.items(), told.values(), strict=True):
            assert f"/{name}: " in reason and "move away what is in its place" in reason, task
        library.artifact(KINDS["meta"]).rename(library.root / "elsewhere")
        assert cli("meta", library.root).code == 0

    def test_of_what_goes_with_it(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        names = ("a.mp4.sprites.vtt", "a.mp4.phash.deep.json", "a.mp4.heatmaps.png")
        self.block(library, *names)
        told = self.failures(cli, library, "--deep", "--png")
        for name, reason in zip(names, told.values(), strict=True):
            assert f"/{name}: " in reason

    @pytest.mark.parametrize(
        ("name", "command"),
        [
            ("a.mp4.tags.json", ("tags", "--set", "x")),
            ("a.mp4.tags.json", ("tags",)),
            (".faces.index.json", ("listing", "--no-embed")),
            (".faces.index.json", ("people",)),
            (".faces.people.json", ("people",)),
            (".dupes.ignored.json", ("dupes", "--ignore", "a.mp4", "b.mp4")),
            (".journal/000001.tags.done", ("tags", "--undo")),
        ],
        ids=str,
    )
    def test_of_what_is_kept(
        self, cli: Cli, library: Library, name: str, command: tuple[str, ...]
    ) -> None:
        for video in ("a.mp4", "b.mp4"):
            library.add_bytes(video, video.encode())
        self.block(library, name)
        run = cli(command[0], library.root, *command[1:])
        assert run.code in (1, 2)
        (line,) = run.err.splitlines()
        assert Path(name).name in line and "unexpected" not in line and "Errno" not in line
        (kept,) = (library.root / ".artifacts").rglob("mine.txt")
        assert kept.parent.name.startswith(Path(name).name)  # a journal is set aside
        remove(library.root / ".artifacts")

    @pytest.mark.parametrize("name", ["a.mp4.faces.signatures.json", ".faces.index.npy"])
    def test_a_pipe_is_not_waited_for(self, cli: Cli, library: Library, name: str) -> None:
        faces.film(library, "a.mp4", (4, ["ann"]))
        assert cli("listing", library.root).code == 0
        library.artifact(name).unlink()
        os.mkfifo(library.artifact(name))
        for words in (("listing", "--no-embed", "--rebuild"), ("people", "--hide", 1)):
            run = cli(words[0], library.root, *words[1:])
            assert "unexpected" not in run.err
        assert cli("embed", library.root, "--purge").code == 0

    def test_of_the_cache(self, cli: Cli, library: Library, cache: Path) -> None:
        library.add("short.mp4")
        assert cli("list", library.root).code == 0
        for database in cache.glob("**/*.sqlite*"):
            database.unlink()
            database.mkdir()
        assert [row["name"] for row in cli("list", library.root, "--json").json] == ["short.mp4"]


KINDS = {
    "meta": "a.mp4.ffprobe.json",
    "thumbs": "a.mp4.jpg",
    "sprites": "a.mp4.sprites.jpg",
    "phash": "a.mp4.phash.json",
    "heatmaps": "a.mp4.heatmaps.json",
    "scenes": "a.mp4.scenes.json",
    "previews": "a.mp4.previews.json",
    "embed": "a.mp4.faces.signatures.json",
}


class TestFolders:
    def test_links_that_lead_nowhere(self, cli: Cli, library: Library) -> None:
        library.add("one_frame.mp4")
        (library.root / "loop.mp4").symlink_to("loop.mp4")
        assert [row["name"] for row in cli("list", library.root, "--json").json] == [
            "one_frame.mp4"
        ]
        run = cli("thumbs", library.root, "--json")
        assert run.counts == {"made": 1, "failed": 1}
        assert "symbolic links" in run.failure("loop.mp4")

    @pytest.mark.parametrize("kind", ["file", "loop"])
    def test_no_folder_for_the_sidecars(self, cli: Cli, library: Library, kind: str) -> None:
        library.add("one_frame.mp4")
        home = library.root / ".artifacts"
        if kind == "file":
            home.write_text("")
        else:
            home.symlink_to(home.name)
        reason = cli("thumbs", library.root, "--json").failure("one_frame.mp4")
        assert reason.startswith(f"{home}: ") and reason.endswith("move away what is in its place")
        report = cli("report", library.root)
        assert report.code == (0 if kind == "file" else 1)
        for question in ("list", "codecs"):
            assert cli(question, library.root).code == 0
        home.unlink()

    def test_sidecars_that_cannot_be_read(self, library: Library, tmp_path: Path) -> None:
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its power over files here")
        library.add("one_frame.mp4")
        home = library.root / ".artifacts"
        home.mkdir(mode=0)
        try:
            for arguments in (("thumbs",), ("report",), ("list",), ("codecs",), ("finish",)):
                run = run_unprivileged(*arguments, library.root)
                assert "Traceback" not in run.err
                assert run.code == (0 if arguments[0] in ("list", "codecs") else 1)
                assert ("Permission denied" in run.err) is (run.code == 1)
        finally:
            home.chmod(0o755)

    def test_scratch_files_that_cannot_be_removed(self, library: Library, tmp_path: Path) -> None:
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its power over files here")
        library.add("one_frame.mp4")
        home = library.root / ".artifacts"
        scratch = home / f"{SCRATCH}{this_host()}-{1 << 22}-0"
        scratch.mkdir(parents=True)
        home.chmod(0o555)
        run = run_unprivileged("thumbs", library.root, "--json")
        home.chmod(0o755)
        scratch.rmdir()
        assert "cannot write here" in run.failure("one_frame.mp4")

    def test_folders_in_folders_without_end(
        self, cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What lies deeper than any path can name is told; no stack overflows."""
        with monkeypatch.context() as patch:
            patch.chdir(library.root)
            for _ in range(1500):
                Path("dir").mkdir()
                patch.chdir("dir")
        try:
            for task in ("list", "thumbs", "report", "tags", "orphans", "dupes"):
                run = cli(task, library.root, "-r")
                assert run.code == 1, (task, run.err)
                assert "File name too long" in run.err
            run = cli("embed", library.root, "-r", "--purge")
            assert run.code == 1 and "File name too long" in run.err
        finally:
            subprocess.run(["rm", "-r", library.root / "dir"], check=True)

    @pytest.mark.parametrize("task", ["list", "thumbs", "report"])
    def test_a_name_that_is_too_long(self, cli: Cli, task: str) -> None:
        run = cli(task, "n" * 300)
        assert run.code == 2
        (line,) = run.err.splitlines()
        assert line.endswith("File name too long")

    def test_two_runs_put_the_same_folder(self, tmp_path: Path) -> None:
        """Whoever comes second replaces what the first one put there."""
        errors: list[OSError] = []

        def put(letter: bytes) -> None:
            for _ in range(150):
                try:
                    replace_folder(tmp_path / "folder", {"a": letter, "b": letter})
                except OSError as error:
                    errors.append(error)

        threads = [threading.Thread(target=put, args=(bytes([65 + i]),)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not [error for error in errors if error.errno != errno.ENOENT], errors
        assert not errors
        assert [path.name for path in tmp_path.glob("f*")] == ["folder"]
        assert len({path.read_bytes() for path in (tmp_path / "folder").iterdir()}) == 1


# What changes a library of a.mp4, its copy b.mp4 and the artifacts of a gone.mp4.
CHANGES = (
    ("meta", "--force"),
    ("thumbs,sprites,phash,heatmaps", "--force"),
    ("scenes", "--thumbs", "--clips", "--force"),
    ("previews",),
    ("tags", "--set", "new"),
    ("tags", "--rename-tag", "old", "new"),
    ("tags", "--export", "out.json"),
    ("rename", "a.mp4", "c.mp4"),
    ("rename", "--batch", "--source", "a", "--target", "c", "--force"),
    ("dupes", "--apply", "trash"),
    ("dupes", "--ignore", "a.mp4", "b.mp4"),
    ("dupes", "--html", "out.html"),
    ("orphans", "--delete"),
    ("compare", "a.mp4", "b.mp4", "--png", "out.png"),
)


class TestNothingCanBeWritten:
    """One line that says why, nothing half written, and all as it was."""

    def filled(self, cli: Cli, clips: Path, root: Path) -> dict[str, bytes]:
        """Fill a folder with what the changes are made to."""
        for name in ("a.mp4", "b.mp4"):
            shutil.copyfile(media.clip("one_frame.mp4", clips), root / name)
        assert cli("meta,phash,thumbs", root).code == 0
        for name in ("a.mp4", "b.mp4"):
            assert cli("tags", root / name, "--set", "old").code == 0
        (root / ".artifacts/gone.mp4.jpg").write_text("a picture")
        return contents(root)

    def check(self, run: Run, words: Sequence[str], reasons: str) -> None:
        assert run.code in (1, 2), (words, run.err)
        assert re.search(reasons, run.err), (words, run.err)
        assert not re.search("Traceback|unexpected|tmp-", run.err), (words, run.err)

    def test_a_full_disk(
        self, cli: Cli, clips: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = self.filled(cli, clips, small_disk)
        with (
            contextlib.suppress(OSError),
            (small_disk / "full").open("wb", buffering=0) as full,
        ):
            while True:
                full.write(bytes(4096))
        for words in CHANGES:
            place = () if words[0] in ("rename", "compare") else (".",)
            with monkeypatch.context() as patch:
                patch.chdir(small_disk)
                run = cli(words[0], *place, *words[1:])
            self.check(run, words, "disk is full|No space left on device")
            assert contents(small_disk) | {"full": b""} == before | {"full": b""}, words

    def test_a_disk_that_is_read_only(self, cli: Cli, clips: Path, tmp_path: Path) -> None:
        root = tmp_path / "videos"
        root.mkdir()
        before = self.filled(cli, clips, root)
        mounted = ["unshare", "-rm", "sh", "-ec"]
        mount = 'mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; cd "$0"; exec "$@"'
        if subprocess.run([*mounted, mount, root, "true"], check=False).returncode:
            pytest.skip("nothing may be mounted here")
        for words in CHANGES[::3]:
            place = () if words[0] in ("rename", "compare") else (".",)
            line = command(words[0], *place, *words[1:])
            done = subprocess.run(
                [*mounted, mount, root, *line], capture_output=True, text=True, check=False
            )
            run = Run(done.returncode, done.stdout, done.stderr)
            self.check(run, words, "Read-only file system|no journal can be kept")
        assert contents(root) == before


class TestOutput:
    def test_nobody_hears_the_messages(self, library: Library) -> None:
        """A reader of the messages that goes away does not end the work."""
        for number in range(12):
            library.add_bytes(f"a{number:02}.mp4", b"no video")
            library.add("one_frame.mp4", f"b{number:02}.mp4")
        with subprocess.Popen(
            command("thumbs", library.root, "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child:
            assert child.stdout and child.stderr
            child.stderr.close()
            told = json.loads(child.stdout.read())
        assert child.returncode == 1
        assert told["counts"] == {"made": 12, "skipped": 0, "failed": 12, "cancelled": 0}

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
    def test_no_room_for_the_results(self, library: Library) -> None:
        library.add("one_frame.mp4")
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                command("list", library.root), stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == 1
        assert done.stderr.decode() == "index.py: standard output: No space left on device\n"

    def test_no_output_at_all(self, library: Library) -> None:
        library.add("one_frame.mp4")
        done = subprocess.run(
            ["sh", "-c", '"$@" >&-', "sh", *command("list", library.root)],
            stderr=subprocess.PIPE,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")


class TestPrograms:
    """Programs of the right name that are something else."""

    def put(self, folder: Path, name: str, content: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)

    @pytest.mark.parametrize("content", ["#!/bin/sh\nexit 3\n", "garbage", "#!/bin/sh\necho hi\n"])
    def test_doctor(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
        for name in ("ffmpeg", "ffprobe"):
            self.put(tmp_path / "bin", name, content)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        run = run_process("doctor", "--output-format", "json")
        found = {check["name"]: check["found"] for check in run.json["checks"]}
        assert "Traceback" not in run.err
        assert found["ffmpeg"] is ("echo" in content)
        assert not found["libx264"]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ("#!/bin/sh\necho hello\n", "does not answer in JSON"),
            ("#!/bin/sh\necho '[1]'\n", "does not answer in JSON"),
            ("garbage", "cannot be started: Exec format error"),
        ],
    )
    def test_ffprobe(
        self,
        cli: Cli,
        library: Library,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        real_probe: None,
        content: str,
        reason: str,
    ) -> None:
        self.put(tmp_path / "bin", "ffprobe", content)
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        library.add("one_frame.mp4")
        assert reason in cli("meta", library.root, "--json").failure("one_frame.mp4")

    def test_a_complaint_names_no_descriptor(
        self, cli: Cli, library: Library, real_probe: None
    ) -> None:
        library.add("text.mp4")
        assert "/dev/fd" not in cli("meta", library.root, "--json").failure("text.mp4")

    def test_a_repeated_complaint_is_given_itself(self) -> None:
        """ffmpeg writes equal lines once, and below them how often they came again."""
        script = 'echo "in.mp4: no such stream" >&2; echo "    Last message repeated 1 times" >&2'
        with pytest.raises(VideoError, match=r"^sh: in\.mp4: no such stream$"):
            run_tool(["/bin/sh", "-c", f"{script}; exit 1"], timeout=10)

    def test_a_missing_one_is_missing_for_every_video(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The scheduler says that once and tries no further video."""
        monkeypatch.setattr("videolib.core.processes.installed_tools", lambda name: iter(()))
        failure = attempt(need_tool, "ffmpeg")
        assert isinstance(failure, Failure)
        assert failure.lacking
        assert "pip install -r requirements.txt" in failure.reason
