"""The perceptual hash of Stash, bit for bit: 25 frames on one sheet, hashed by its DCT.

`stash_times` says which frames these are, `picture_for_stash` scales each, `montage` puts them on
the sheet, and `stash_hash` hashes it. Every step does exactly what the programs do that Stash uses
(ffmpeg, nfnt/resize, goimagehash), so that hashes can be compared with those in its database.
"""

from __future__ import annotations

import bisect
import math
import typing
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videolib.media.frames import timestamps_around
from videolib.media.picture_hashes import dct_hash
from videolib.media.pictures import SWSCALE_MATRICES, reformatter

if TYPE_CHECKING:
    from videolib.core.arrays import Bits, Pixels
    from videolib.media.frames import Frame
    from videolib.media.reader import Media

STASH_FRAMES = 25  # on the sheet, five in a row
STASH_WIDTH = 160  # pixels of each


def stash_times(media: Media) -> list[float]:
    """When the frames of Stash's hash are shown, in seconds: each is the first one at or after a
    multiple of 3.6% of the video's length, from 5% on."""
    length = round(media.container_duration or media.duration, 2)
    moments = [0.05 * length + i * 0.9 * length / STASH_FRAMES for i in range(STASH_FRAMES)]
    return [first_frame_from(media, moment) for moment in moments]


def first_frame_from(media: Media, moment: float) -> float:
    """When the first frame at or after a moment (s) is shown, as `ffmpeg -ss` finds it; the moment
    itself where the video has none. A timestamp after the end of the video is damaged."""
    target = media.start + round(moment / media.tick)
    timestamps = timestamps_around(media, target, target + round(1 / media.tick)).timestamps
    later = bisect.bisect_left(timestamps, target)
    seconds = media.seconds(timestamps[later]) if later < len(timestamps) else math.inf
    return seconds if seconds <= media.duration else moment


def picture_for_stash(frame: Frame) -> Pixels:
    """RGB of 160 pixels' width and an even height: stored aspect, no deinterlacing, no tone map."""
    raw, orientation = frame.raw, frame.orientation
    width, height = orientation.sides(raw.width, raw.height)
    size = (STASH_WIDTH, 2 * ((STASH_WIDTH * height + width) // (2 * width)))
    scaled = reformatter().reformat(
        raw,
        *orientation.sides(*size),
        "rgb24",
        src_colorspace=SWSCALE_MATRICES.get(raw.colorspace, 5),
        interpolation="BICUBIC",
    )
    return orientation.upright(typing.cast("Pixels", scaled.to_ndarray()))


def montage(pictures: Sequence[Pixels]) -> Pixels:
    """25 pictures on one sheet, five in a row, each in a field of the first one's size."""
    import numpy as np

    height, width, _ = pictures[0].shape
    sheet = np.zeros((height * 5, width * 5, 3), np.uint8)
    for number, picture in enumerate(pictures):
        y, x = number // 5 * height, number % 5 * width
        part = picture[:height, :width]
        sheet[y : y + part.shape[0], x : x + part.shape[1]] = part
    return sheet


def stash_hash(pixels: Pixels) -> Bits:
    """64 bits of an RGB picture, bit by bit as goimagehash 1.1.0 has them after nfnt/resize."""
    import numpy as np

    square = shrink_like_nfnt(shrink_like_nfnt(pixels.swapaxes(0, 1)).swapaxes(0, 1))
    return dct_hash(square.astype(np.float64) @ np.array([0.299, 0.587, 0.114]))


def shrink_like_nfnt(pixels: Pixels, size: int = 64) -> Pixels:
    """An array (n, ...) resized to `size` along its first axis: nfnt/resize's integer bilinear.

    The weights are a triangle as wide as the scale, in steps of 1/256; both the weights and the
    weighted mean are rounded down.
    """
    import numpy as np

    scale = len(pixels) / size
    taps = np.arange(2 * max(math.ceil(scale), 1))
    center = scale * (np.arange(size) + 0.5) - 0.5
    start = np.trunc(center).astype(int) - len(taps) // 2 + 1
    distance = np.abs((center - start)[:, None] - taps) * min(1 / scale, 1.0)
    weights = np.trunc(256 * np.maximum(0.0, 1 - distance)).astype(np.int64)
    indices = np.clip(start[:, None] + taps, 0, len(pixels) - 1)
    sums = np.einsum("yk,yk...->y...", weights, pixels[indices].astype(np.int64))
    total = weights.sum(axis=1).reshape(-1, *[1] * (pixels.ndim - 1))
    return typing.cast("Pixels", (sums // total).astype(np.uint8))
