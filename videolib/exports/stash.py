"""Stash's generated files, by the oshash of a video, which it does not make again: --to names its
folder `generated`.

vtt/HASH_sprite.jpg and HASH_thumbs.vtt are one sheet of 9 by 9 tiles and the track of them;
screenshots/HASH.mp4 and .webp are the preview that `previews --join` and `--image webp` made.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from videolib.core.errors import VideoError
from videolib.core.text import clock
from videolib.exports.formats import FrameFormat
from videolib.exports.tiles import SampledFrames, TileSheets
from videolib.storage.videos import oshash

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.media.choices import Seek
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker

GRID, TILE_WIDTH = 9, 160  # columns and rows of the sheet; pixels


@dataclasses.dataclass(frozen=True)
class StashFiles(FrameFormat):
    """The sprite of a video with its track, and its previews where there are any."""

    subfolders = ("vtt", "screenshots")
    named_by_hash = True

    seek: Seek = "auto"

    def names(self, source: VideoSource) -> list[str]:
        digest = stash_hash(source)
        previews = [f"screenshots/{digest}{suffix}" for suffix, _ in stored_previews(source)]
        return [f"vtt/{digest}_sprite.jpg", f"vtt/{digest}_thumbs.vtt", *previews]

    def maker(self, source: VideoSource, media: Media) -> FrameMaker:
        count = GRID * GRID
        sheets = TileSheets(count, TILE_WIDTH, GRID, GRID)
        times = [number * media.duration / count for number in range(count)]

        def finish() -> dict[str, Content]:
            sprite, track, *previews = self.names(source)
            (sheet,) = sheets.finish().values()
            text = thumbnail_track(Path(sprite).name, sheets, times, media.duration)
            contents = [sheet, text.encode(), *(content for _, content in stored_previews(source))]
            return dict(zip([sprite, track, *previews], contents, strict=True))

        return SampledFrames(media, times, self.seek, sheets.take, finish)


def stash_hash(source: VideoSource) -> str:
    """The hash by which Stash knows the file. Raises OSError, VideoError for one that is too
    short."""
    if source.media:
        return source.media.oshash
    descriptor = os.open(source.video.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        digest = oshash(descriptor)
    finally:
        os.close(descriptor)
    if not digest:
        raise VideoError("is too short to have an oshash")
    return digest


def stored_previews(source: VideoSource) -> Iterator[tuple[str, bytes]]:
    """The suffix and content of the joined preview and of the animated one, of those that there
    are."""
    for suffix in (".mp4", ".webp"):
        name = f"{source.video.key}.previews{suffix}"
        if content := source.file("previews", name):
            yield suffix, content


def thumbnail_track(sprite: str, sheets: TileSheets, times: list[float], duration: float) -> str:
    """The WebVTT track of the tiles on one sheet."""
    width, height = sheets.tile
    cues = []
    for number, (start, end) in enumerate(zip(times, [*times[1:], duration], strict=True)):
        row, column = divmod(number, sheets.cols)
        span = f"{clock(start, millis=True)} --> {clock(end, millis=True)}"
        cues.append(f"{span}\n{sprite}#xywh={column * width},{row * height},{width},{height}\n")
    return "WEBVTT\n\n" + "\n".join(cues)
