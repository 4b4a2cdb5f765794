"""A task as somebody else would write it. Run as a script, this is the program with that task."""

from __future__ import annotations

import sys

import index
from videolib.core.options import option
from videolib.media.frames import Frame, FrameRequest
from videolib.media.reader import Media
from videolib.storage.artifacts import ARTIFACTS, Artifact
from videolib.storage.publishing import ArtifactOutput


class NoteMaker:
    """Counts the frames of one video that it is given."""

    def __init__(self, media: Media, word: str) -> None:
        self.media, self.word, self.frames = media, word, 0

    def requests(self) -> list[FrameRequest]:
        return [FrameRequest(self.media.duration * share) for share in (0.0, 0.3, 0.6)]

    def take(self, frame: Frame, index: int) -> None:
        self.frames += 1

    def finish(self) -> ArtifactOutput:
        sys.stdout.write("libraries say things\n")
        sys.stdout.flush()
        line = f"{self.word}, {self.media.duration:.0f} s, {self.frames} frames\n"
        return ArtifactOutput(files={"{}.note.txt": line.encode()})


class Note(index.FrameTask):
    """Write a line about each video."""

    artifact = Artifact("note", ("{}.note.txt",))

    word: str = option("note", "how the line begins", max_length=20)

    def maker(self, media: Media) -> NoteMaker:
        return NoteMaker(media, self.word)


if __name__ == "__main__":
    from support import thirdparty

    ARTIFACTS["note"] = thirdparty.Note.artifact
    index.COMMANDS["note"] = thirdparty.Note
    sys.exit(index.main(sys.argv[1:]))
