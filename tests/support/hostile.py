"""Tasks that misbehave in ways no sane video makes libav do on demand.

Run as a script, this is the program with those tasks in its table.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import index
from videolib.core.errors import Failure, MissingDependencyError, attempt
from videolib.core.processes import need_tool, run_tool
from videolib.media.reader import Media
from videolib.storage.artifacts import Artifact
from videolib.storage.publishing import ArtifactOutput


class Hostile(index.VideoTask):
    """Behave, unless the name of the video asks for more."""

    walled = False  # they also play the part of others, who change files beside the worker

    def make(self, media: Media) -> ArtifactOutput:
        began = time.monotonic()
        if self.artifact.kind in media.video.name:
            self.misbehave(media)
        return ArtifactOutput({"began": began, "ended": time.monotonic()})

    def misbehave(self, media: Media) -> None:
        raise NotImplementedError


def record(kind: str) -> Artifact:
    return Artifact(kind, (f"{{}}.{kind}.hostile.json",))


class Crash(Hostile):
    """Die as a decoder does that writes where it must not."""

    artifact = record("crash")

    def misbehave(self, media: Media) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Hang(Hostile):
    """Never come back; a file beside the video says when it began."""

    artifact = record("hang")

    def misbehave(self, media: Media) -> None:
        Path(media.video.path).with_suffix(".began").touch()
        time.sleep(600)


class Child(Hostile):
    """Wait for a program that never ends."""

    artifact = record("child")

    def misbehave(self, media: Media) -> None:
        Path(media.video.path).with_suffix(".began").touch()
        run_tool(["/bin/sleep", "600"], timeout=900)


class Slow(Hostile):
    """Take a moment."""

    artifact = record("slow")

    def misbehave(self, media: Media) -> None:
        time.sleep(0.3)


class Vanish(Hostile):
    """See the video deleted while it is looked at."""

    artifact = record("vanish")

    def misbehave(self, media: Media) -> None:
        Path(media.video.path).unlink()


class Grow(Hostile):
    """See the video grow while it is looked at, as a download does."""

    artifact = record("grow")

    def misbehave(self, media: Media) -> None:
        with Path(media.video.path).open("ab") as file:
            file.write(b"more")


class Swap(Hostile):
    """See another file of the same size put in the video's place."""

    artifact = record("swap")

    def misbehave(self, media: Media) -> None:
        path = Path(media.video.path)
        other = path.with_suffix(".other")
        other.write_bytes(path.read_bytes())
        other.replace(path)


class Torn(Hostile):
    """Die in the middle of writing the artifact."""

    artifact = record("torn")

    def misbehave(self, media: Media) -> None:
        os.fsync = lambda fd: os.kill(os.getpid(), signal.SIGKILL)


class Greedy(Hostile):
    """Ask for more memory than one video can need."""

    artifact = record("greedy")

    def misbehave(self, media: Media) -> None:
        import numpy as np

        np.zeros(8 << 30, np.uint8)


class Surprise(Hostile):
    """Fail in a way nobody thought of."""

    artifact = record("surprise")

    def misbehave(self, media: Media) -> None:
        raise ZeroDivisionError("what nobody\nthought of")


class Lack(Hostile):
    """Miss something that other machines have."""

    artifact = record("lack")

    def misbehave(self, media: Media) -> None:
        if os.environ.get("LACKS"):
            raise MissingDependencyError("what others have is not installed here")


def own_model() -> list[Path]:
    """The file of this machine's model."""
    return [Path(os.environ["MODEL"])]


class Model(Hostile):
    """Have a model, which each machine finds where $MODEL says."""

    artifact = record("model")
    model_files = staticmethod(own_model)


class Escape(Hostile):
    """Reach for what is no decoder's business; the record has what became of each attempt."""

    artifact = record("escape")
    walled = True

    port: int = index.option(1, "where somebody listens on this machine", ge=1, le=65535)

    def make(self, media: Media) -> ArtifactOutput:
        video = Path(media.video.path)
        attempts = {**file_attempts(video), **process_attempts(), **net_attempts(self.port)}
        results = {name: attempt(function) for name, function in attempts.items()}
        refused = {name: isinstance(result, Failure) for name, result in results.items()}
        return ArtifactOutput({"refused": refused})


def file_attempts(video: Path) -> dict[str, Callable[[], object]]:
    """Attempts at files other than the video and its sidecars, and at changing these."""
    neighbour, secret = video.with_name("neighbour.mkv"), video.parent.parent / "secret.txt"
    sidecar_dir = video.parent / ".artifacts"
    hear_it = [need_tool("ffmpeg"), "-f", "u8", "-i", str(secret), "-f", "null", "-"]
    return {
        "read a file outside": secret.read_bytes,
        "have ffmpeg read it": lambda: run_tool(hear_it, timeout=60),
        "read another video": neighbour.read_bytes,
        "read what another process was started with": Path("/proc/1/environ").read_bytes,
        "list a home": lambda: list(Path.home().iterdir()),
        "list the folder of videos": lambda: list(video.parent.iterdir()),
        "write the video": lambda: video.open("r+b"),
        "cut the video": lambda: os.truncate(video, 0),
        "rename the video": lambda: video.rename(sidecar_dir / "stolen"),
        "delete the video": video.unlink,
        "change its mode": lambda: video.chmod(0),
        "delete another video": neighbour.unlink,
        "put a file beside it": lambda: video.with_suffix(".exe").touch(),
        "make a folder beside it": lambda: video.with_suffix(".d").mkdir(),
        "put a link among the sidecars": lambda: (sidecar_dir / "link").symlink_to(secret),
        "write to /tmp": lambda: tempfile.TemporaryFile(),
    }


def process_attempts() -> dict[str, Callable[[], object]]:
    """Attempts at other processes."""
    parent = os.getppid()
    return {
        "start a program": lambda: subprocess.run(["/bin/true"]),
        "signal another process": lambda: os.kill(parent, signal.SIGCONT),
        "read its memory": Path(f"/proc/{parent}/mem").open,
        "trace it": lambda: need_success(libc.ptrace(16, parent, None, None)),  # PTRACE_ATTACH
    }


def net_attempts(port: int) -> dict[str, Callable[[], object]]:
    """Attempts at the network and at sockets of this machine."""
    return {
        "connect": lambda: socket.create_connection(("127.0.0.1", port), 5),
        "send a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
        "see the packets of others": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "ask another process": lambda: socket.socket(socket.AF_UNIX),
    }


libc = ctypes.CDLL(None, use_errno=True)


def need_success(result: int) -> None:
    """Raise OSError where a function of the C library has failed."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


class Bomb:
    """What makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.path),)


TASKS: dict[str, type[Hostile]] = {
    task.artifact.kind: task
    for task in (
        *(Crash, Hang, Child, Slow, Vanish, Grow, Swap, Torn, Greedy, Surprise, Lack, Model),
        Escape,
    )
}


if __name__ == "__main__":
    from support import hostile
    from videolib.core.cluster import admission, remote

    if seconds := os.environ.get("CHECK_TIME"):  # in which a share has to answer
        admission.CHECK_TIME = remote.WATCH_PAUSE = float(seconds)
    index.COMMANDS.update(hostile.TASKS)
    sys.exit(index.main(sys.argv[1:]))
