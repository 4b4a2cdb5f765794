"""Exports made of frames, in the pass over a video that all artifacts of a run share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.media.frames import Frame, FrameRequest
    from videolib.media.sampling import FrameMaker


class LateMaker:
    """The maker of a FrameFormat in the pass of a run. It takes its frames then; its files are made
    when they are stored, after what the run makes before them: they may be made of that, too."""

    def __init__(self, maker: FrameMaker, source: VideoSource) -> None:
        self.maker, self.source = maker, source

    def requests(self) -> list[FrameRequest]:
        return self.maker.requests()

    def take(self, frame: Frame, index: int) -> None:
        self.maker.take(frame, index)

    def finish(self) -> ArtifactOutput:
        return ArtifactOutput(facts={"content": self.content})

    def content(self) -> tuple[dict[str, Content], list[dict[str, Any]]]:
        """The files, and the inputs that the source has noted. Raises VideoError."""
        return self.maker.finish().files, self.source.inputs
