"""The command line: help, usage, output that is safe to read and to pipe."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from conftest import Cli
from support import Library, Run, command, run_process, started

import index
from videolib.core.options import names_path

# The flags that the usage lines promise, by command.
FLAGS = {
    "list": "-r --output-format --json --show-size --sort --ext",
    "metadata": "-r --force --workers --ext",
    "meta": "-r --force --workers",
    "queue": "-r --force --workers",
    "thumbs": "-r --force --workers --time --quality --width --seek",
    "sprites": "-r --interval --width --cols --rows --quality --max-frames --force --seek",
    "batch": "-r --tasks --max-meta --max-thumbs --max-sprites --force",
    "phash": "-r --time --frames --algo --combine --workers --force --output-format",
    "heatmaps": "-r --interval --mode --png --workers --force --output-format",
    "scenes": "-r --threshold --limit --thumbs --clips --clip-duration --thumbs-width --workers"
    " --force --output-format --detector --chapters",
    "report": "-r --output-format --json",
    "finish": "-r --workers --dry-run",
    "doctor": "--output-format",
    "completion": "--output-format shell",
}

# Every parameter that is a path, with nothing for its value.
EMPTY_PATHS = [["--config=", "list"], ["list", "--config", ""], ["search", "words", ""]] + [
    [name, "" if option.positional else f"{option.flag}="]
    for name, command in index.COMMANDS.items()
    for parameter, option in command.options().items()
    if names_path(command.hints()[parameter]) and (name, parameter) != ("search", "directory")
]


class TestHelp:
    def test_overview(self, cli: Cli) -> None:
        run = cli("--help")
        assert run.code == 0
        assert run.err == ""
        assert all(re.search(rf"\b{name}\b", run.out) for name in FLAGS)
        assert cli("-h").out == run.out

    @pytest.mark.parametrize("name", FLAGS)
    def test_of_a_command(self, cli: Cli, name: str) -> None:
        run = cli(name, "--help")
        assert run.code == 0
        assert run.err == ""
        missing = [flag for flag in FLAGS[name].split() if not re.search(rf"{flag}\b", run.out)]
        assert not missing

    def test_of_a_chain(self, cli: Cli) -> None:
        run = cli("meta,thumbs,sprites", "--help")
        assert run.code == 0
        assert "--time" in run.out
        assert "--cols" in run.out

    def test_commands(self, cli: Cli) -> None:
        run = cli("--list-commands")
        assert run.code == 0
        assert set(FLAGS) <= set(re.findall(r"[\w-]+", run.out))

    def test_as_a_program(self) -> None:
        for args in (["--list-commands"], ["list", "--help"]):
            run = run_process(*args)
            assert run.code == 0
            assert "list" in run.out
            assert run.err == ""

    def test_it_starts_without_heavy_libraries(self) -> None:
        """Only what help and a listing need is imported."""
        heavy = ("av", "cv2", "numpy", "scenedetect", "pebble", "multiprocessing", "sqlite3")
        code = (
            "import sys, index; index.main(['--help']);"
            f"print(*(name for name in {heavy} if name in sys.modules), file=sys.stderr)"
        )
        root = Path(command()[1]).parent
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, check=True, timeout=60
        )
        assert done.stderr.decode().split() == []


class TestUsage:
    @pytest.mark.parametrize(
        "args",
        [
            ("nonsense",),
            ("meta,nonsense", "."),
            ("list", ".", "--nonsense"),
            ("list", ".", "extra"),
            ("thumbs", ".", "--quality"),
            ("thumbs", ".", "--quality", "best"),
            ("--nonsense",),
            (",", "."),
        ],
    )
    def test_mistakes(self, cli: Cli, tmp_path: Path, args: tuple[str, ...]) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            run = cli(*args)
        assert run.code == 2
        assert run.out == ""
        assert run.err
        assert "Traceback" not in run.err

    @pytest.mark.parametrize("args", EMPTY_PATHS)
    def test_an_empty_path(self, cli: Cli, tmp_path: Path, args: list[str]) -> None:
        """It would mean the folder one happens to be in."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path)
            run = cli(*args)
        assert run.code == 2
        assert len(run.err.splitlines()) == 1
        assert "should name a file" in run.err and run.err.endswith("; got nothing\n")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("args", "told"),
        [
            (("list", "LIB", "--ext", ""), "--ext"),
            (("list", "LIB", "--ext", "\udcff"), "--ext"),
            (("list", "LIB", "--ext", ".mp4,a/b"), "--ext"),
            (("list", "LIB", "--limit", "9" * 30), "--limit"),
            (("list", "LIB", "--artifacts-dir", "LIB/notes.txt"), "notes.txt is not a directory"),
            (("thumbs", "LIB", "--artifacts-dir", "LIB/notes.txt/x"), "notes.txt is not a direct"),
            (("subtitles", "LIB", "--output-dir", "LIB/notes.txt"), "notes.txt is not a directory"),
            (("transcode", "LIB", "LIB/notes.txt"), "notes.txt is not a directory"),
            (("tags", "LIB/notes.txt", "--set", "x"), "is no name of a video"),
            (("tags", "LIB", "--export", "-"), "--export -: name a file"),
            (("tags", "LIB", "--export", "LIB/short.mp4"), "none is ever written over"),
            (("dupes", "LIB", "--html", "LIB"), "name a file"),
            (("serve", "--root", "LIB", "--token", "x", "--host", "\udcff"), "cannot listen at"),
            (("listing", "LIB", "--html", "LIB/nowhere/x.html"), "there is no such folder"),
        ],
        ids=str,
    )
    def test_values_that_name_nothing_of_use(
        self, cli: Cli, library: Library, args: tuple[str, ...], told: str
    ) -> None:
        library.add("short.mp4")
        (library.root / "notes.txt").touch()
        run = cli(*(word.replace("LIB", str(library.root)) for word in args))
        assert run.code == 2 and run.out == ""
        (line,) = run.err.splitlines()
        assert told in line
        assert library.artifacts() == []

    def test_several_mistakes_are_told_together(self, cli: Cli, library: Library) -> None:
        run = cli("sprites", library.root, "--cols", 0, "--quality", 77, "--interval", "x")
        assert run.code == 2
        assert all(flag in run.err for flag in ("cols", "quality", "interval"))

    @pytest.mark.parametrize("args", [(), ("", ".")])
    def test_nothing_at_all(self, cli: Cli, args: tuple[str, ...]) -> None:
        run = cli(*args)
        assert run.code == 2
        assert "usage" in (run.out + run.err).lower()

    @pytest.mark.parametrize("name", [name for name in FLAGS if name != "doctor"])
    def test_not_a_directory(self, cli: Cli, tmp_path: Path, name: str) -> None:
        place = tmp_path / "nowhere"
        run = cli(name, place)
        assert run.code == 2
        assert run.out == ""
        assert len(run.err.splitlines()) == 1
        assert str(place) in run.err
        file = tmp_path / "file"
        file.touch()
        assert cli(name, file).code == 2

    def test_as_a_program(self, tmp_path: Path) -> None:
        run = run_process("thumbs", tmp_path / "nowhere")
        assert run.code == 2
        assert len(run.err.splitlines()) == 1


class TestOutput:
    def test_results_and_messages_go_apart(self, cli: Cli, library: Library) -> None:
        for clip in ("short.mp4", "text.mp4"):
            library.add(clip)
        run = cli("thumbs", library.root, "--json")
        assert run.json["counts"]["failed"] == 1
        assert "text.mp4" in run.err
        assert "\r" not in run.err
        assert cli("thumbs", library.root, "--output-format", "json").json == dict(
            run.json,
            counts=run.json["counts"] | {"made": 0, "skipped": 1},
            results=[
                entry | {"status": "skipped"} if entry["status"] == "made" else entry
                for entry in run.json["results"]
            ],
        )

    def test_a_summary_to_read(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("thumbs", library.root)
        assert run.code == 0
        assert re.search(r"\b1\b.*made|made.*\b1\b", run.out)

    @pytest.mark.parametrize("task", ["list", "thumbs", "report"])
    def test_names_cannot_command_a_terminal(self, library: Library, task: str) -> None:
        for name in ("\x1b]0;owned\x07.mp4", "two\nlines.mp4", "\x9b31m.mp4", "back\rward.mp4"):
            library.add_bytes(name, b"no video")
        out = on_a_terminal(task, library.root)
        assert b"\x1b]0;owned" not in out
        assert b"\x9b" not in out
        assert b"\xc2\x9b" not in out
        assert b"two\r\nlines" not in out
        assert b"back\rward" not in out
        if task != "report":
            assert b"owned" in out

    @pytest.mark.usefixtures("real_probe")
    def test_sidecars_cannot_command_one_either(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        cli("meta", library.root)
        metadata = library.artifact("short.mp4.ffprobe.json")
        metadata.write_text(metadata.read_text().replace('"h264"', '"\\u001b]0;x\\u0007"'))
        out = cli("codecs", library.root).out
        assert "\\x1b]0;x" in out and "\x1b" not in out

    def test_progress_on_a_terminal(self, library: Library) -> None:
        for number in range(3):
            library.add("short.mp4", f"{number}.mp4")
        out = on_a_terminal("thumbs", library.root)
        assert b"3/3" in out
        assert b"3 made" in out

    def test_a_reader_that_has_enough(self, library: Library) -> None:
        for number in range(4000):
            (library.root / f"{number:05} {'x' * 80}.mp4").touch()
        with started(command("list", library.root)) as run:
            assert run.process.stdout is not None
            assert run.process.stderr is not None
            first = run.process.stdout.readline()
            run.process.stdout.close()
            assert first.startswith(b"00000 ")
            assert run.process.stderr.read() == b""
            assert run.process.wait(20) == 0
            run.process.stdout = None

    def test_an_encoding_that_knows_few_letters(self, library: Library) -> None:
        """Names that the terminal's encoding lacks are written somehow, not stumbled over."""
        library.add_bytes("snö日本🎬.mp4", b"x")
        environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
        for args in (("list", library.root), ("list", library.root, "--json")):
            done = subprocess.run(
                command(*args), env=environment, capture_output=True, check=False, timeout=60
            )
            assert done.returncode == 0, done.stderr
            assert b".mp4" in done.stdout


def on_a_terminal(*args: object, typed: bytes = b"") -> bytes:
    """Everything a command shows when both its outputs are a terminal, at which something is typed
    ahead."""
    ours, theirs = os.openpty()
    os.write(ours, typed)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    with started(command(*args), stdin=theirs, stdout=theirs, stderr=theirs) as run:
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                part = os.read(ours, 65536)
            except OSError as error:
                assert error.errno == errno.EIO
                break
            if not part:
                break
            shown += part
        run.process.wait(20)
    os.close(ours)
    return shown


class TestQuestions:
    def test_what_takes_long_is_made_where_one_says_so(self, library: Library) -> None:
        """`finish` asks before it makes face signatures and subtitles, unless they are named."""
        library.add("one_frame.mp4")
        shown = on_a_terminal("finish", library.root, typed=b"n\n").decode()
        assert "finish: also embed and subtitles, which take long?" in shown
        assert "finish: left out: --tasks embed,subtitles makes them" in shown
        assert "one_frame.mp4.faces.signatures.json" not in library.artifacts()
        assert "one_frame.mp4.phash.json" in library.artifacts()
        shown = on_a_terminal("finish", library.root, typed=b"y\n").decode()
        assert "left out" not in shown
        assert "one_frame.mp4.faces.signatures.json" in library.artifacts()
        shown = on_a_terminal("finish", library.root, "--force", "--tasks", "embed").decode()
        assert "which take long?" not in shown and "embed: 1 made" in shown


class TestDoctor:
    def test_models(self, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Those that are there and can be loaded: of speech by the caches, of faces by their
        packages."""
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
        for name, file in (("tiny", "model.bin"), ("base", "config.json")):  # the second in part
            snapshot = tmp_path / f"models--Systran--faster-whisper-{name}/snapshots/1"
            snapshot.mkdir(parents=True)
            for each in {file, "config.json"}:
                (snapshot / each).write_bytes(b"12")
        monkeypatch.setenv("VIDEO_WHISPER_MODEL", str(tmp_path / "none"))
        checks = {check["name"]: check for check in cli("doctor", "--json").json["checks"]}
        assert checks["Systran/faster-whisper-tiny"]["found"]
        assert "Systran/faster-whisper-base" not in checks
        assert not checks["speech model none"]["found"]
        assert checks["face models: opencv"]["found"]
        assert "face_recognition_sface_2021dec" in checks["face models: opencv"]["detail"]
        assert {"face models: dlib", "face models: deepface"} <= checks.keys()

    def test_what_it_found(self, cli: Cli) -> None:
        run = cli("doctor")
        assert run.code == 0
        for word in ("ffmpeg", "ffprobe", "libx264", "av", "numpy"):
            assert any(word in line for line in run.out.splitlines())

    def test_json(self, cli: Cli) -> None:
        told = cli("doctor", "--output-format", "json")
        assert told.code == 0
        assert "ffmpeg" in told.out
        assert isinstance(told.json, dict)

    @pytest.mark.usefixtures("no_tools")
    def test_on_a_bare_machine(self) -> None:
        """The ffmpeg that came with a package will do, and no ffprobe is needed."""
        run: Run = run_process("doctor")
        assert run.code == 0, run.out
        (line,) = [line for line in run.out.splitlines() if "imageio" in line and "ffmpeg" in line][
            :1
        ]
        assert "MISSING" not in line


BAD_VALUES = {
    "thumbs": [
        "--time later",
        "--time -1",
        "--time nan",
        "--time inf",
        "--quality 1",
        "--quality 32",
        "--quality good",
        "--width 0",
        "--workers 0",
        "--seek fast",
    ],
    "sprites": [
        "--interval 0",
        "--interval -3",
        "--interval nan",
        "--interval inf",
        "--cols 0",
        "--rows 0",
        "--width 0",
        "--max-frames -1",
        "--quality 99",
    ],
    "phash": ["--algo md5", "--combine sum", "--frames 0", "--frames -2", "--time soon"],
    "heatmaps": ["--interval 0", "--interval often", "--mode sound", "--workers -1"],
    "scenes": [
        "--threshold 1.5",
        "--threshold -0.1",
        "--threshold low",
        "--detector eye",
        "--limit -1",
        "--clip-duration 0",
        "--thumbs-width 0",
    ],
}


@pytest.mark.parametrize(
    ("task", "flag"), [(task, flag) for task, flags in BAD_VALUES.items() for flag in flags]
)
def test_values_that_make_no_sense(cli: Cli, library: Library, task: str, flag: str) -> None:
    library.add("short.mp4")
    run = cli(task, library.root, *flag.split())
    assert run.code == 2
    assert flag.split()[0].lstrip("-") in run.err
    assert "Traceback" not in run.err
    assert library.artifacts() == []
