"""Exports made of frames, in the pass over a video that all artifacts of a run share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videolib.exports.sources import VideoSource
    from videolib.media.frames import Frame, FrameRequest
    from videolib.media.sampling import FrameMaker
    from videolib.storage.publishing import ArtifactOutput


class NotedMaker:
    """The maker of a FrameFormat; its output gets the inputs that the source has noted."""

    def __init__(self, maker: FrameMaker, source: VideoSource) -> None:
        self.maker, self.source = maker, source

    def requests(self) -> list[FrameRequest]:
        return self.maker.requests()

    def take(self, frame: Frame, index: int) -> None:
        self.maker.take(frame, index)

    def finish(self) -> ArtifactOutput:
        output = self.maker.finish()
        output.facts["inputs"] = self.source.inputs
        return output
