"""A task as somebody else would write it. Run as a script, this is the program with that task."""

from __future__ import annotations

import sys

import index
from videolib.core.options import option
from videolib.media.frames import Frame, FrameRequest
from videolib.media.reader import Media
from videolib.storage.artifacts import ARTIFACTS, Artifact
from videolib.storage.publishing import ArtifactOutput


class Note(index.FrameTask):
    """Write a line about each video."""

    artifact = Artifact("note", ("{}.note.txt",))

    word: str = option("note", "how the line begins", max_length=20)

    def wants(self, media: Media) -> list[FrameRequest]:
        self.seen = 0
        return [self.want(media.duration * share, 0.0) for share in (0.0, 0.3, 0.6)]

    def take(self, frame: Frame, number: int) -> None:
        self.seen += 1

    def finish(self, media: Media) -> ArtifactOutput:
        sys.stdout.write("libraries say things\n")
        sys.stdout.flush()
        line = f"{self.word}, {media.duration:.0f} s, {self.seen} frames\n"
        return ArtifactOutput(files={"{}.note.txt": line.encode()})


if __name__ == "__main__":
    import thirdparty

    ARTIFACTS["note"] = thirdparty.Note.artifact
    index.COMMANDS["note"] = thirdparty.Note
    sys.exit(index.main(sys.argv[1:]))
