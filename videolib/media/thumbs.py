"""Thumbnails: one picture that stands for a video."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videolib.core.errors import BrokenVideoError
from videolib.media.choices import Seek
from videolib.media.duration import position_within
from videolib.media.frames import FrameRequest
from videolib.media.pictures import jpeg
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media

CANDIDATES = 10  # frames among which `auto` chooses


class Thumbnail:
    """The thumbnail of one video, a JPEG in its size or of a given width in pixels.

    `time` is a position as `position_within` reads it, or `auto`: of CANDIDATES frames the one
    with the highest `appeal`. A time past the end gives the last frame, and a note that says so.
    """

    def __init__(
        self, media: Media, time: str, quality: int, width: int | None, seek: Seek
    ) -> None:
        self.media, self.time, self.seek = media, time, seek
        self.quality, self.width = quality, width
        self.best: Pixels | None = None  # RGB, of the frame with the highest appeal so far
        self.best_appeal, self.note = -1.0, ""

    def requests(self) -> list[FrameRequest]:
        duration = self.media.duration
        if self.time == "auto":
            step = duration / CANDIDATES
            times = [step * (i + 0.5) for i in range(CANDIDATES)]
            return [self.request(seconds, step / 2) for seconds in times]
        seconds, self.note = position_within(self.time, duration)
        relative = self.time == "middle" or self.time.endswith("%")
        tolerance = min(max(1.0, duration / 50), 5.0) if relative and duration > 10 else 0.0
        return [self.request(seconds, tolerance)]

    def request(self, seconds: float, tolerance: float) -> FrameRequest:
        """A frame near a time, or the nearest one that can be decoded."""
        return FrameRequest.near(seconds, tolerance, self.seek, substitute=True)

    def take(self, frame: Frame, index: int) -> None:
        score = appeal(frame.luma(320)) if self.time == "auto" else 0.0
        if score > self.best_appeal:
            self.best, self.best_appeal = frame.rgb(self.width), score

    def finish(self) -> ArtifactOutput:
        if self.best is None:
            raise BrokenVideoError("no picture in it could be decoded")
        return ArtifactOutput(files={"{}.jpg": jpeg(self.best, self.quality)}, note=self.note)


def appeal(luma: Pixels) -> float:
    """A score of how well a picture stands for its video: contrast times sharpness.

    Contrast is the standard deviation of luma; sharpness the mean absolute Laplacian, taken as
    logarithm, which keeps noise and text from always winning. Dark, bright and flat pictures score
    next to 0.
    """
    import numpy as np

    grey = luma.astype(np.float32)
    if not 16 < grey.mean() < 240 or grey.std() < 8:
        return float(grey.std()) / 1000
    inner = grey[1:-1, 1:-1]
    laplacian = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    return float(grey.std() * np.log1p(np.abs(laplacian).mean()))
