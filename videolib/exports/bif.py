"""BIF, Roku's base index frames: STEM-WIDTH-SECONDS.bif, which Emby reads beside a video and Plex
in its own folders.

The format (Roku's developer documentation, "Trick mode"): 8 magic bytes; version, number of images
and milliseconds between two as 32-bit little-endian numbers; zeros up to byte 64; for each image
its number and the offset of its JPEG; 0xFFFFFFFF and the offset of the end; the JPEGs.
"""

from __future__ import annotations

import dataclasses
import itertools
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING

from videolib.core.errors import VideoError
from videolib.exports.formats import FrameFormat
from videolib.exports.tiles import TILE_QUALITY, SampledFrames
from videolib.exports.trickplay import DEFAULT_WIDTH
from videolib.media.pictures import LONGEST_SIDE, jpeg
from videolib.media.sprites import MOST_TILES

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.media.choices import Seek
    from videolib.media.frames import Frame
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker

MAGIC = bytes.fromhex("894249460d0a1a0a")
HEADER = struct.Struct("<8sIII44x")
ENTRY = struct.Struct("<II")
END = 0xFFFFFFFF
LARGEST = 0xFFFFFFFF  # bytes of a file


@dataclasses.dataclass(frozen=True)
class Bif(FrameFormat):
    """A picture every `interval` seconds, in a file for each of the widths."""

    interval: float = 10.0
    width: tuple[int, ...] = ()
    seek: Seek = "auto"

    @property
    def widths(self) -> tuple[int, ...]:
        return self.width or (DEFAULT_WIDTH,)

    def names(self, source: VideoSource) -> list[str]:
        return [self.name(source, width) for width in self.widths]

    def name(self, source: VideoSource, width: int) -> str:
        return f"{source.stem}-{width}-{self.interval:g}.bif"

    def maker(self, source: VideoSource, media: Media) -> FrameMaker:
        count = media.sample_count(self.interval)
        if count > MOST_TILES:
            raise VideoError(f"would need {count:,} pictures: choose a longer --interval")
        pictures: dict[int, dict[int, bytes]] = {width: {} for width in self.widths}

        def take(frame: Frame, index: int) -> None:
            for width, by_number in pictures.items():
                size = frame.fitting_size(max(min(width, frame.size[0]) // 2 * 2, 2), LONGEST_SIDE)
                by_number[index] = jpeg(frame.rgb(*size), TILE_QUALITY)

        def finish() -> dict[str, Content]:
            return {
                self.name(source, width): bif_file(by_number, self.interval)
                for width, by_number in pictures.items()
            }

        times = [number * self.interval for number in range(count)]
        return SampledFrames(media, times, self.seek, take, finish)


def bif_file(pictures: Mapping[int, bytes], interval: float) -> bytes:
    """The file of JPEGs by their number. Raises VideoError where that is too large for one."""
    numbers = sorted(pictures)
    start = HEADER.size + ENTRY.size * (len(numbers) + 1)
    lengths = (len(pictures[number]) for number in numbers)
    offsets = list(itertools.accumulate(lengths, initial=start))
    if offsets[-1] > LARGEST:
        raise VideoError("its BIF would be larger than 4 GB: choose a longer --interval")
    index = zip([*numbers, END], offsets, strict=True)
    header = HEADER.pack(MAGIC, 0, len(numbers), round(interval * 1000))
    return b"".join([header, *(ENTRY.pack(*e) for e in index), *(pictures[n] for n in numbers)])
