"""Jellyfin's trickplay: STEM.trickplay/WIDTH - COLSxROWS/N.jpg, pictures shown while one seeks.

Nothing on disk tells the interval, so pictures are taken at that of the server, by default 10 s;
picture k shows the last frame before (k + 0.5) intervals. Sheets have their full size.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from videolib.core.errors import VideoError
from videolib.exports.formats import FrameFormat
from videolib.exports.tiles import SampledFrames, TileSheets
from videolib.media.sprites import MOST_TILES

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.media.choices import Seek
    from videolib.media.frames import Frame
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker

DEFAULT_WIDTH, DEFAULT_GRID = 320, 10  # of the server: pixels of a tile; columns and rows
BEFORE = 0.001  # seconds, to get the frame before a time and not the one that begins at it


@dataclasses.dataclass(frozen=True)
class Trickplay(FrameFormat):
    """Sheets of tiles every `interval` seconds, in each of the widths."""

    interval: float = 10.0
    width: tuple[int, ...] = ()
    cols: int | None = None
    rows: int | None = None
    seek: Seek = "auto"

    def names(self, source: VideoSource) -> list[str]:
        return [f"{source.stem}.trickplay/"]

    def maker(self, source: VideoSource, media: Media) -> FrameMaker:
        count = trickplay_count(media.duration, self.interval)
        cols, rows = self.cols or DEFAULT_GRID, self.rows or DEFAULT_GRID
        sets = [TileSheets(count, width, cols, rows) for width in self.width or (DEFAULT_WIDTH,)]
        middles = ((number + 0.5) * self.interval - BEFORE for number in range(count))
        times = [min(seconds, media.duration) for seconds in middles]

        def take(frame: Frame, index: int) -> None:
            for sheets in sets:
                sheets.take(frame, index)

        def finish() -> dict[str, Content]:
            folder = {
                f"{sheets.tile[0]} - {cols}x{rows}/{number}.jpg": content
                for sheets in sets
                for number, content in sheets.finish().items()
            }
            return {f"{source.stem}.trickplay/": folder}

        return SampledFrames(media, times, self.seek, take, finish)


def trickplay_count(duration: float, interval: float) -> int:
    """The pictures that the server expects. Raises VideoError for too many."""
    count = max(round(duration / interval), 1)
    if count > MOST_TILES:
        raise VideoError(f"would need {count:,} pictures: choose a longer --interval")
    return count
