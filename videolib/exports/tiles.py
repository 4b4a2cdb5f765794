"""Tiles of a video at equal intervals, as pixels or as JPEGs: what trickplay, BIF and others share.

The times differ by format, the makers do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from videolib.media.frames import FrameRequest
from videolib.media.pictures import LONGEST_SIDE, jpeg
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels
    from videolib.exports.formats import Content
    from videolib.media.choices import Seek
    from videolib.media.frames import Frame
    from videolib.media.reader import Media

TILE_QUALITY = 4  # of JPEG on ffmpeg's scale, about 90 of 100


class SampledFrames:
    """What the frames at `times` (s) give, each handed to `take` with its number; `finish` makes
    the files. The tolerance is that of sprites of this interval: keyframes are shared."""

    def __init__(
        self,
        media: Media,
        times: Sequence[float],
        seek: Seek,
        take: Callable[[Frame, int], None],
        finish: Callable[[], Mapping[str, Content]],
    ) -> None:
        self.media, self.times, self.seek = media, times, seek
        self.take, self._finish = take, finish

    def requests(self) -> list[FrameRequest]:
        interval = self.times[1] - self.times[0] if len(self.times) > 1 else 0.0
        tolerance = min(interval / 2, self.media.duration / 60)
        return [FrameRequest.near(t, tolerance, self.seek, substitute=True) for t in self.times]

    def finish(self) -> ArtifactOutput:
        return ArtifactOutput(files=dict(self._finish()))


class TileSheets:
    """Tiles of one width on full sheets of `cols` by `rows`, row by row; the last is padded with
    black. A sheet is encoded when its last tile has come."""

    def __init__(self, count: int, width: int, cols: int, rows: int) -> None:
        self.count, self.width, self.cols, self.rows = count, width, cols, rows
        self.tile = (0, 0)  # width and height in pixels, even, known from the first frame on
        self.open_sheets: dict[int, Pixels] = {}
        self.sheets: dict[int, bytes] = {}

    def take(self, frame: Frame, index: int) -> None:
        """Put a frame into the tile of that number."""
        import numpy as np

        if self.tile == (0, 0):
            widest = min(self.width, frame.size[0], LONGEST_SIDE // self.cols)
            self.tile = frame.fitting_size(max(widest // 2 * 2, 2), LONGEST_SIDE // self.rows)
        width, height = self.tile
        number, place = divmod(index, self.cols * self.rows)
        if number not in self.open_sheets:
            shape = (self.rows * height, self.cols * width, 3)
            self.open_sheets[number] = np.zeros(shape, np.uint8)
        row, column = divmod(place, self.cols)
        y, x = row * height, column * width
        self.open_sheets[number][y : y + height, x : x + width] = frame.rgb(width, height)
        if index + 1 == min((number + 1) * self.cols * self.rows, self.count):
            self.close(number)

    def close(self, number: int) -> None:
        """Encode a sheet that is begun."""
        self.sheets[number] = jpeg(self.open_sheets.pop(number), TILE_QUALITY)

    def finish(self) -> dict[int, bytes]:
        """The JPEG of each sheet by its number, from 0."""
        for number in list(self.open_sheets):
            self.close(number)
        return self.sheets
