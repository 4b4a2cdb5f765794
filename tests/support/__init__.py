"""What the tests share: running the program, a folder of videos to run it on, and watchers."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import index
from support import media
from videolib.core.files import process_alive
from videolib.storage.artifacts import SIDECAR_KINDS

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"

# The artifact commands of this issue with the files each of them owns, as design.md names them.
FILES = {
    "metadata": ("{}.ffprobe.json",),
    "thumbs": ("{}.jpg",),
    "sprites": ("{}.sprites.jpg", "{}.sprites.json", "{}.sprites.vtt"),
    "phash": ("{}.phash.json",),
    "heatmaps": ("{}.heatmaps.json",),
    "scenes": ("{}.scenes.json",),
}
PATIENCE = 60.0  # seconds for what comes for sure, however much else the machine has to do
FRAME_TASKS = "thumbs,sprites,phash,heatmaps,scenes"
ALL_TASKS = f"metadata,{FRAME_TASKS}"

# The names of finished artifacts, those of `hostile` and `thirdparty` included.
FINAL = re.compile(
    "|".join(
        re.escape(pattern.rstrip("/"))
        .replace(r"\{\}", ".+")
        .replace(r"\*", "[0-9]+")
        .replace("@", "[a-z]{2,3}(-[A-Za-z0-9]{2,4})?")
        + r"(\.corrupt-\d+)?"
        for artifact in SIDECAR_KINDS.values()
        for pattern in artifact.patterns
    )
    + r"|.+\.(hostile\.json|note\.txt)",
    re.DOTALL,
)

# What may stay in the artifact folder of a library beside the artifacts.
LASTING = {".journal", ".trash", ".dupes.ignored.json", ".exports.json", ".searches.json"} | {
    f".faces.{name}" for name in ("index.json", "index.npy", "people.json")
}

# Names that something between the command line and libav tends to take for something else.
ODD_NAMES = (
    "-x.mp4",
    "--help.mp4",
    "http:evil.mp4",
    "pipe:0.mp4",
    "file:a.mp4",
    "50%d off.mp4",
    "%03d.mp4",
    "new\nline.mp4",
    "tab\tand 'quotes\" & $(x).mp4",
    "snö日本🎬.mp4",
    "#1 best?.mp4",
    "[a-z]*.mp4",
    os.fsdecode(b"invalid-\xff\xfe.mp4"),
    "\x1b]0;title\x07.mp4",
    "n" * 251 + ".mp4",
    " .mp4",
    "CAPITALS.MP4",
)


# === Running the program =========================================================================


@dataclass(frozen=True)
class Run:
    """What one invocation left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero, of a single artifact command."""
        return {status: count for status, count in self.json["counts"].items() if count}

    def failure(self, video: str) -> str:
        """Why a video failed; fails where it did not."""
        results = [entry for entry in self.json["results"] if entry["video"] == video]
        assert [entry["status"] for entry in results] == ["failed"], results
        return str(results[0]["error"])


def run_cli(*args: object) -> Run:
    """Runs a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    err.reconfigure(errors="backslashreplace")
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = index.main([str(arg) for arg in args])
    return Run(code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")


def command(*args: object) -> list[str]:
    """The command line that starts the program as a process of its own."""
    return [sys.executable, str(ROOT / "index.py"), *(str(arg) for arg in args)]


def hostile_command(*args: object) -> list[str]:
    """The same with the misbehaving tasks of `hostile` in the table."""
    return [sys.executable, str(TESTS / "support/hostile.py"), *(str(arg) for arg in args)]


def run_process(*args: object, **options: Any) -> Run:
    """Runs a command as a process of its own."""
    done = subprocess.run(command(*args), capture_output=True, timeout=120, check=False, **options)
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


def drop_privileges() -> None:
    """In a child of root before exec: modes of files count for it as for everybody (Linux)."""
    drop_from_bounding_set = 24
    dac_override, dac_read_search = 1, 2
    for capability in (dac_override, dac_read_search):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


def run_unprivileged(*args: object) -> Run:
    """Runs a command for which modes of files count, whoever runs the tests."""
    return run_process(*args, preexec_fn=drop_privileges if os.geteuid() == 0 else None)


def modes_count(folder: Path) -> bool:
    """Whether `run_unprivileged` does what it says: root may be unable to give up its powers."""
    secret = folder / "secret"
    secret.touch(mode=0)
    done = subprocess.run(
        [sys.executable, "-c", "import sys; open(sys.argv[1])", str(secret)],
        preexec_fn=drop_privileges if os.geteuid() == 0 else None,
        capture_output=True,
        check=False,
    )
    secret.unlink()
    return done.returncode != 0


@dataclass
class Started:
    """A running invocation, whose whole family of processes can be found again."""

    process: subprocess.Popen[bytes]
    mark: str
    older: frozenset[str]  # processes that were there before it, which need not be looked at

    def family(self) -> list[int]:
        """Ids of all living processes it started, itself included."""
        return family(self.mark, self.older)

    def wait_for(self, condition: Any) -> None:
        """Waits until a condition holds; fails where the run ends before."""
        assert wait_until(lambda: condition() or self.process.poll() is not None)
        assert condition(), "the run ended too early"

    def kill(self) -> None:
        """Kills the first process outright; fails where another outlives it by three seconds."""
        family = self.family()
        self.process.kill()
        self.process.wait()
        assert wait_until(lambda: not self.family(), 3)
        # The dead keep their numbers until init has taken notice of them.
        wait_until(lambda: not any(map(process_alive, family)), 3)

    def end(self) -> None:
        for pid in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.communicate()


def family(mark: str, older: frozenset[str] = frozenset()) -> list[int]:
    """Ids of all living processes that began with this FAMILY_MARK, none of the `older` ones."""
    wanted = f"FAMILY_MARK={mark}".encode()
    newer = _processes() - older
    return sorted(int(pid) for pid in newer if _carries(Path("/proc", pid), wanted))


def command_of(pid: int) -> bytes:
    """The command line of a process; empty where it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _processes() -> frozenset[str]:
    """The ids of all processes."""
    return frozenset(filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208 - again and again


def _carries(entry: Path, wanted: bytes) -> bool:
    """Whether a folder of /proc is a living process with that variable in its environment."""
    try:
        living = b"\nState:\tZ" not in (entry / "status").read_bytes()
        return living and wanted in (entry / "environ").read_bytes().split(b"\0")
    except OSError:
        return False


@contextlib.contextmanager
def started(args: Sequence[str], **options: Any) -> Iterator[Started]:
    """Starts a command line and makes sure that nothing of it is left in the end."""
    mark = uuid.uuid4().hex
    paths = os.pathsep.join(map(str, (ROOT, TESTS)))
    environment = {**os.environ, "FAMILY_MARK": mark, "PYTHONPATH": paths}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    older = _processes()
    process = subprocess.Popen(args, env=environment, start_new_session=True, **pipes)
    run = Started(process, mark, older)
    try:
        yield run
    finally:
        run.end()


def wait_until(condition: Any, seconds: float = PATIENCE) -> bool:
    """Whether a condition comes true in time; give one only where the program promises it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


# === A folder of videos ==========================================================================


@dataclass
class Library:
    """A folder of videos. What was put in is expected to be untouched when the test is over."""

    root: Path
    clips: Path
    _digests: dict[Path, str] = field(default_factory=dict)

    def add(self, clip: str, name: str | None = None) -> Path:
        """Puts a clip into the folder, or another in the place of one that is there."""
        path = self.root / (name or clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(media.clip(clip, self.clips), path)
        return self.keep(path)

    def add_made(self, name: str, make: Callable[[Library], None]) -> None:
        """Puts a copy of what `make` fills an empty folder with into the folder, artifacts and all;
        under a name that is made once for all tests."""

        def fill(folder: Path) -> None:
            folder.mkdir()
            make(Library(folder, self.clips))

        made = media.make_once(self.clips / name, fill)
        shutil.copytree(made, self.root, dirs_exist_ok=True)
        for path in made.rglob("*"):
            if path.is_file() and ".artifacts" not in path.parts:
                self.keep(self.root / path.relative_to(made))

    def add_bytes(self, name: str, content: bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return self.keep(path)

    def keep(self, path: Path) -> Path:
        """From now on this is what the file holds."""
        self._digests[path] = digest(path)
        return path

    def forget(self, path: Path) -> None:
        """The test itself will take care of this file."""
        del self._digests[path]

    def make_newer(self, video: Path) -> None:
        """Lets the video look changed after everything that was made of it."""
        for path in (video.parent / ".artifacts").iterdir():
            if path.name.removeprefix(".").startswith(video.name):
                os.utime(path, (1_000_000_000, 1_000_000_000))

    def artifact(self, name: str, folder: str = ".") -> Path:
        return self.root / folder / ".artifacts" / name

    def json(self, name: str, folder: str = ".") -> Any:
        return json.loads(self.artifact(name, folder).read_text())

    def artifacts(self, folder: str = ".") -> list[str]:
        """Names of everything in a folder's `.artifacts`."""
        place = self.root / folder / ".artifacts"
        return sorted(entry.name for entry in place.iterdir()) if place.exists() else []

    def check(self) -> None:
        """Fails where a source changed or something was left lying about."""
        changed = [path.name for path, known in self._digests.items() if digest(path) != known]
        assert not changed, f"sources were changed: {changed}"
        assert not leftovers(self.root), f"left lying about: {leftovers(self.root)}"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def leftovers(root: Path) -> list[str]:
    """Files in the artifact folders below a folder that have no final name."""
    names = [path.name for place in root.rglob(".artifacts") for path in place.iterdir()]
    return [name for name in names if not FINAL.fullmatch(name) and name not in LASTING]


def contents(root: Path) -> dict[str, bytes]:
    """Every file below a folder by its path, but for journals and what lies in the trash."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not {".journal", ".trash"} & set(path.parts)
    }


def stamps(root: Path) -> dict[Path, tuple[int, int]]:
    """Every file below a folder with its inode and time of change, to see what was rewritten."""
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def without_dates(document: Mapping[str, Any]) -> dict[str, Any]:
    """An artifact's data without when it was made."""
    return {key: value for key, value in document.items() if key != "generated_at"}


# === Faults ======================================================================================


class Killed(BaseException):
    """What nothing in the program catches: all that happens afterwards is up to the next run."""


class Fault:
    """Lets a journal fail before or after one of its steps; counts every step twice."""

    def __init__(self) -> None:
        self.at, self.count = -1, 0
        self.error: BaseException = Killed()

    def __call__(self, step: str) -> None:
        self.count += 1
        if self.count - 1 == self.at:
            raise self.error

    def set(self, at: int, error: BaseException | None = None) -> None:
        """Fail at that count from now on; never at -1."""
        self.at, self.count, self.error = at, 0, error or Killed()


# === Watchers ====================================================================================


class Opens:
    """Counts how often files are opened, by whichever process (Linux' inotify).

    The kernel tells equal events in a row only once, hence the interest in what closes between.
    """

    _OPEN, _CLOSE = 0x20, 0x10

    def __init__(self, *paths: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.inotify_init1(os.O_NONBLOCK)
        assert self._fd >= 0
        for path in paths:
            assert (
                libc.inotify_add_watch(self._fd, os.fsencode(path), self._OPEN | self._CLOSE) >= 0
            )

    def __enter__(self) -> Opens:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def count(self) -> int:
        """Opens since the last call."""
        events = 0
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._fd, 65536):
                events += sum(1 for mask in _masks(data) if mask & self._OPEN)
        return events


def _masks(data: bytes) -> Iterator[int]:
    """The kind of every inotify event that a read returned."""
    position = 0
    while position < len(data):
        mask, _, length = struct.unpack_from("III", data, position + 4)
        yield mask
        position += 16 + length


class Audit:
    """What Python itself opens and lists in this process while the block runs."""

    _active: list[Audit] = []  # noqa: RUF012 - shared on purpose: hooks cannot be removed
    _hooked = False

    def __init__(self) -> None:
        self.opened: list[Path] = []
        self.listed: list[Path] = []

    def __enter__(self) -> Audit:
        if not Audit._hooked:
            sys.addaudithook(_on_audit)
            Audit._hooked = True
        Audit._active.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        Audit._active.remove(self)

    def note(self, event: str, path: object) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            found = self.opened if event == "open" else self.listed
            found.append(Path(os.fsdecode(path)))


def _on_audit(event: str, args: tuple[object, ...]) -> None:
    if event in {"open", "os.scandir", "os.listdir"}:
        for watcher in Audit._active:
            watcher.note(event, args[0])
