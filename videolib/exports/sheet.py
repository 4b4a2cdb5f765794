"""Contact sheets: STEM-sheet.jpg, one picture of a film with the time on each of its frames, under
a header that says what the file is."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import TYPE_CHECKING, Any

from videolib.core.files import stat_of
from videolib.core.text import clock, human_size, printable
from videolib.exports.formats import FrameFormat
from videolib.exports.tiles import TILE_QUALITY, SampledFrames
from videolib.media.metadata import summarize
from videolib.media.pictures import LONGEST_SIDE, jpeg
from videolib.media.streams import streams_of_type

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont, ImageFont

    from videolib.core.arrays import Pixels
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.media.choices import Seek
    from videolib.media.frames import Frame
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker

DEFAULT_WIDTH, DEFAULT_COLS, DEFAULT_ROWS = 1600, 4, 5  # pixels of the sheet; frames
SKIPPED = 0.02  # of the film at both ends, where titles and black are
GAP = 0.004  # of the width, between frames
PAPER, INK, SHADE = (24, 25, 28), (236, 236, 238), (12, 12, 14)  # RGB
# Fonts with many scripts, as systems have them; the first that is there is taken.
FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSans-Regular.ttf", "DejaVuSans.ttf", "Arial Unicode.ttf"),
    *("Arial.ttf", "LiberationSans-Regular.ttf"),
)


@dataclasses.dataclass(frozen=True)
class ContactSheet(FrameFormat):
    """`cols` by `rows` frames at equal intervals on a sheet that is `width` pixels wide."""

    imports = ("av", "numpy", "cv2", "PIL.ImageDraw")

    width: tuple[int, ...] = ()
    cols: int | None = None
    rows: int | None = None
    seek: Seek = "auto"

    def names(self, source: VideoSource) -> list[str]:
        return [f"{source.stem}-sheet.jpg"]

    def maker(self, source: VideoSource, media: Media) -> FrameMaker:
        cols, rows = self.cols or DEFAULT_COLS, self.rows or DEFAULT_ROWS
        width = max(self.width, default=DEFAULT_WIDTH)
        drawn = SheetDrawing(source, width, cols, rows)
        (name,) = self.names(source)

        def finish() -> dict[str, Content]:
            return {name: jpeg(drawn.picture(), TILE_QUALITY)}

        times = sheet_times(media.duration, cols * rows)
        return SampledFrames(media, times, self.seek, drawn.take, finish)


def sheet_times(duration: float, count: int) -> list[float]:
    """Times (s) at equal intervals, each in the middle of its part of the film."""
    first, part = SKIPPED * duration, (1 - 2 * SKIPPED) * duration / count
    return [first + (number + 0.5) * part for number in range(count)]


class SheetDrawing:
    """The picture of one sheet."""

    def __init__(self, source: VideoSource, width: int, cols: int, rows: int) -> None:
        self.source, self.cols, self.rows = source, cols, rows
        self.gap = max(round(width * GAP), 1)
        self.tile_width = max((width - (cols + 1) * self.gap) // cols // 2 * 2, 16)
        self.width = cols * self.tile_width + (cols + 1) * self.gap
        self.tiles: dict[int, tuple[Pixels, float]] = {}  # by number: pixels, time (s)

    def take(self, frame: Frame, index: int) -> None:
        tallest = (LONGEST_SIDE // 2) // self.rows
        size = frame.fitting_size(self.tile_width, tallest)
        self.tiles[index] = (frame.rgb(*size), frame.time)

    def picture(self) -> Pixels:
        """RGB pixels of the whole sheet."""
        import numpy as np
        from PIL import Image, ImageDraw

        text_height = max(round(self.width / 60), 11)
        font, small = font_of(text_height), font_of(max(round(self.tile_width / 16), 9))
        lines = header_lines(self.source)
        top = 2 * self.gap + round(text_height * 1.4) * len(lines) + self.gap
        tile_height = max(pixels.shape[0] for pixels, _ in self.tiles.values())
        height = top + self.rows * (tile_height + self.gap)
        sheet = Image.new("RGB", (self.width, height + height % 2), PAPER)
        draw = ImageDraw.Draw(sheet)
        for number, line in enumerate(lines):
            place = (2 * self.gap, 2 * self.gap + round(number * text_height * 1.4))
            draw.text(place, shortened(line, font, self.width - 4 * self.gap), INK, font)
        for index, (pixels, seconds) in self.tiles.items():
            row, column = divmod(index, self.cols)
            x = self.gap + column * (self.tile_width + self.gap)
            x += (self.tile_width - pixels.shape[1]) // 2
            y = top + row * (tile_height + self.gap)
            sheet.paste(Image.fromarray(pixels), (x, y))
            corner = (x + pixels.shape[1] - self.gap, y + tile_height - self.gap)
            draw.text(
                corner, self.label(seconds), INK, small, "rd", stroke_width=2, stroke_fill=SHADE
            )
        return np.asarray(sheet)

    def label(self, seconds: float) -> str:
        """A time, with tenths where frames are less than two seconds apart."""
        times = [time for _, time in self.tiles.values()]
        is_dense = max(times) - min(times) < 2 * len(times)
        return clock(seconds, millis=True)[:-2] if is_dense else clock(seconds)


def header_lines(source: VideoSource) -> list[str]:
    """What is said of a file: its name; size, length, picture; codecs."""
    metadata = source.metadata
    summary = summarize(metadata)
    facts = [human_size(stat_of(source.video.path).st_size)]
    if summary.get("duration"):
        facts.append(clock(summary["duration"]))
    if summary.get("width"):
        facts.append(f"{summary['width']}\N{MULTIPLICATION SIGN}{summary['height']}")
    if summary.get("fps"):
        facts.append(f"{summary['fps']:g} fps")
    if summary.get("bit_rate"):
        facts.append(f"{summary['bit_rate'] / 1e6:.1f} Mbit/s")
    kinds = ("video", "audio", "subtitle")
    streams = [", ".join(map(stream_text, streams_of_type(metadata, kind))) for kind in kinds]
    separator = " \N{MIDDLE DOT} "
    lines = [source.video.name, separator.join(facts), separator.join(filter(None, streams))]
    return [printable(line) for line in lines if line]


def stream_text(stream: dict[str, Any]) -> str:
    """A stream's codec, with its channels and language where it has these."""
    language = str(stream.get("tags", {}).get("language", "und"))
    channels = f"{stream['channels']} ch" if stream.get("channels") else ""
    parts = [str(stream.get("codec_name", "?")), channels, language if language != "und" else ""]
    return " ".join(filter(None, parts))


@functools.lru_cache(8)
def font_of(height: int) -> FreeTypeFont | ImageFont:
    """The first of FONTS that is installed, else the one that is part of Pillow."""
    from PIL import ImageFont

    for name in FONTS:
        try:
            return ImageFont.truetype(name, height)
        except OSError:  # not installed
            continue
    return ImageFont.load_default(height)


def shortened(text: str, font: Any, width: int) -> str:
    """A text that is not wider than so many pixels, its end left out where it would be."""
    if font.getlength(text) <= width:
        return text
    length = math.floor(len(text) * width / font.getlength(text))
    while length > 1 and font.getlength(text[:length] + "\N{HORIZONTAL ELLIPSIS}") > width:
        length -= 1
    return text[:length] + "\N{HORIZONTAL ELLIPSIS}"
