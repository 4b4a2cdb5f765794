"""Sprite sheets: tiles of a video at equal intervals, an index of them, and a WebVTT track."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.text import clock
from videolib.media.choices import Seek
from videolib.media.frames import FrameRequest
from videolib.media.pictures import LONGEST_SIDE, MOST_PIXELS, jpeg
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from videolib.core.arrays import Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media

MOST_TILES = 50_000  # of a video
NARROWEST_TILE = 16  # pixels


class SpriteGrid(NamedTuple):
    """How tiles are chosen and laid out on sheets."""

    interval: float  # seconds between two tiles
    width: int  # of a tile, in pixels
    cols: int
    rows: int
    quality: int  # of the JPEG, see pictures.jpeg
    max_frames: int  # tiles at most; 0: as many as the video needs

    @property
    def per_sheet(self) -> int:
        """Tiles on a full sheet."""
        return self.cols * self.rows

    def fitted(self, tile: tuple[int, int], count: int) -> SpriteGrid:
        """This grid, with fewer columns and rows where `count` tiles of this width and height would
        make a sheet that is too large for JPEG."""
        width, height = tile
        cols = min(self.cols, LONGEST_SIDE // width, MOST_PIXELS // (width * height))
        rows = min(LONGEST_SIDE // height, MOST_PIXELS // (cols * width * height))
        used_rows = min(self.rows, math.ceil(count / cols))
        return self._replace(cols=cols, rows=self.rows if used_rows <= rows else rows)


class SpriteSheets:
    """The tiles of one video on sheets, and where each is.

    A sheet is encoded when its last tile has come, so that hardly more than one is held as pixels.
    The track is a WebVTT thumbnail track, which web players read: a cue for each tile, whose text
    is the sheet's URL with a media fragment (#xywh).
    """

    def __init__(self, media: Media, grid: SpriteGrid, seek: Seek) -> None:
        self.media, self.grid, self.seek = media, grid, seek
        count = media.sample_count(grid.interval)
        self.count = min(count, grid.max_frames or count)
        if self.count > MOST_TILES:
            raise VideoError(
                f"would need {self.count:,} tiles: choose a longer --interval or --max-frames"
            )
        self.tile = (0, 0)  # width and height in pixels, known from the first frame on
        self.times: dict[int, float] = {}  # of the frames that were taken, by tile
        self.open_sheets: dict[int, Pixels] = {}  # by number, from 0
        self.sheets: dict[int, bytes] = {}  # the JPEG of each sheet that is closed, by number

    def requests(self) -> list[FrameRequest]:
        interval = self.grid.interval
        tolerance = min(interval / 2, self.media.duration / 60)
        times = (number * interval for number in range(self.count))
        return [
            FrameRequest.near(seconds, tolerance, self.seek, substitute=True) for seconds in times
        ]

    def take(self, frame: Frame, index: int) -> None:
        if not self.times:
            self.tile = self.tile_size(frame)
            self.grid = self.grid.fitted(self.tile, self.count)
        number, (x, y) = index // self.grid.per_sheet, self.corner(index)
        if number not in self.open_sheets:
            self.open_sheets[number] = self.blank_sheet(number)
        width, height = self.tile
        self.open_sheets[number][y : y + height, x : x + width] = frame.rgb(width, height)
        self.times[index] = frame.time
        if index + 1 == min((number + 1) * self.grid.per_sheet, self.count):
            self.close_sheets()

    def tile_size(self, frame: Frame) -> tuple[int, int]:
        """Width and height of every tile, in pixels, in the aspect ratio of a frame: narrower than
        wanted where it would be too tall for JPEG."""
        width, height = frame.fitting_size(self.grid.width, LONGEST_SIDE)
        if width < NARROWEST_TILE:
            raise VideoError(
                f"its picture is too tall for tiles: {frame.size[0]} by {frame.size[1]} pixels"
            )
        return width, height

    def corner(self, index: int) -> tuple[int, int]:
        """The left and upper edge of a tile in its sheet, in pixels."""
        row, column = divmod(index % self.grid.per_sheet, self.grid.cols)
        return column * self.tile[0], row * self.tile[1]

    def blank_sheet(self, number: int) -> Pixels:
        """A black sheet, cropped to the rows that its tiles need."""
        import numpy as np

        tiles = min(self.count - number * self.grid.per_sheet, self.grid.per_sheet)
        height = math.ceil(tiles / self.grid.cols) * self.tile[1]
        return np.zeros((height, self.grid.cols * self.tile[0], 3), np.uint8)

    def close_sheets(self) -> None:
        """Encode the sheets that are begun."""
        for number in list(self.open_sheets):
            self.sheets[number] = jpeg(self.open_sheets.pop(number), self.grid.quality)

    def finish(self) -> ArtifactOutput:
        self.close_sheets()
        further = range(2, max(self.sheets) + 2)
        patterns = ["{}.sprites.jpg", *(f"{{}}.sprites-{number}.jpg" for number in further)]
        names = [pattern.format(self.media.video.key) for pattern in patterns]
        tiles = self.tiles()
        files: dict[str, Any] = {patterns[n]: content for n, content in self.sheets.items()}
        files["{}.sprites.vtt"] = self.track(names, tiles).encode()
        grid = {"interval": self.grid.interval, "cols": self.grid.cols, "rows": self.grid.rows}
        size = {"tile": {"width": self.tile[0], "height": self.tile[1]}}
        return ArtifactOutput(grid | size | {"sheets": names, "frames": tiles}, files)

    def tiles(self) -> list[dict[str, Any]]:
        """Every tile as the index has it: the time of its frame (s), its sheet, and its left and
        upper edge in it."""
        rows = []
        for index, seconds in sorted(self.times.items()):
            x, y = self.corner(index)
            sheet = index // self.grid.per_sheet
            rows.append({"time": round(seconds, 6), "sheet": sheet, "x": x, "y": y})
        return rows

    def track(self, names: Sequence[str], tiles: Sequence[Mapping[str, Any]]) -> str:
        """The WebVTT thumbnail track: one cue per tile, the last up to the end of the video."""
        from urllib.parse import quote_from_bytes

        cues, (width, height) = [], self.tile
        starts = [index * self.grid.interval for index in sorted(self.times)]
        ends = [*starts[1:], max(self.media.duration, starts[-1] + 0.001)]
        for tile, start, end in zip(tiles, [0.0, *starts[1:]], ends, strict=True):
            url = quote_from_bytes(os.fsencode(names[tile["sheet"]]))
            fragment = f"{url}#xywh={tile['x']},{tile['y']},{width},{height}"
            cues.append(f"{clock(start, millis=True)} --> {clock(end, millis=True)}\n{fragment}\n")
        return "WEBVTT\n\n" + "\n".join(cues)
