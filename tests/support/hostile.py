"""Tasks that misbehave in ways no sane video makes libav do on demand.

Run as a script, this is the program with those tasks in its table.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import index
from videolib.core.processes import run_tool
from videolib.media.reader import Media
from videolib.storage.artifacts import Artifact
from videolib.storage.publishing import ArtifactOutput


class Hostile(index.VideoTask):
    """Behave, unless the name of the video asks for more."""

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


TASKS: dict[str, type[Hostile]] = {
    task.artifact.kind: task
    for task in (Crash, Hang, Child, Slow, Vanish, Grow, Swap, Torn, Greedy, Surprise)
}


if __name__ == "__main__":
    from support import hostile

    index.COMMANDS.update(hostile.TASKS)
    sys.exit(index.main(sys.argv[1:]))
