"""Pictures of a film for media servers: STEM-thumb.jpg, wide, and STEM-fanart.jpg, the backdrop."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from videolib.exports.formats import FrameFormat
from videolib.exports.tiles import TILE_QUALITY
from videolib.media.pictures import jpeg, resize
from videolib.media.thumbs import Thumbnail
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.exports.sources import VideoSource
    from videolib.media.choices import Seek
    from videolib.media.frames import Frame, FrameRequest
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker

FANART_WIDTH, THUMB_WIDTH = 1920, 960  # pixels at most


@dataclasses.dataclass(frozen=True)
class Images(FrameFormat):
    """The best of several frames as backdrop; the thumbnail that there is, or the same frame."""

    seek: Seek = "auto"

    def names(self, source: VideoSource) -> list[str]:
        return [f"{source.stem}-{kind}.jpg" for kind in ("thumb", "fanart")]

    def maker(self, source: VideoSource, media: Media) -> FrameMaker:
        return ImageMaker(self, source, media)


class ImageMaker:
    """Takes the frames of an `auto` thumbnail."""

    def __init__(self, wanted: Images, source: VideoSource, media: Media) -> None:
        self.names, self.source = wanted.names(source), source
        self.best = Thumbnail(media, "auto", TILE_QUALITY, None, wanted.seek)

    def requests(self) -> list[FrameRequest]:
        return self.best.requests()

    def take(self, frame: Frame, index: int) -> None:
        self.best.width = min(frame.size[0], FANART_WIDTH)
        self.best.take(frame, index)

    def finish(self) -> ArtifactOutput:
        (fanart,) = self.best.finish().files.values()
        return ArtifactOutput(files=dict(zip(self.names, (self.thumb(), fanart), strict=True)))

    def thumb(self) -> bytes:
        """The thumbnail in the sidecar folder, else the frame in a smaller size."""
        name = ARTIFACTS["thumbs"].record_name(self.source.video)
        if stored := self.source.file("thumbs", name):
            return stored
        pixels = self.best.best
        assert pixels is not None  # else `finish` of it had raised
        height, width = pixels.shape[:2]
        if width > THUMB_WIDTH:
            height = max(2 * round(THUMB_WIDTH * height / width / 2), 2)
            pixels = resize(pixels, THUMB_WIDTH, height)
        return jpeg(pixels, TILE_QUALITY)
