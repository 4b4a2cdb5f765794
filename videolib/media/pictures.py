"""Pixels of decoded frames as a player would show them, and as JPEG or PNG.

`rgb_picture` applies colour matrix and range, deinterlacing, tone mapping of HDR and orientation;
the functions after it are its steps.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from videolib.core.errors import VideoError

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from av.video.reformatter import VideoReformatter
    from numpy.typing import NDArray

    from videolib.core.arrays import Pixels
    from videolib.media.geometry import Orientation


LONGEST_SIDE = 65_500  # pixels of a picture; JPEG ends at 65,535
MOST_PIXELS = 250_000_000  # of a picture; libav ends a little above


def check_picture_size(width: int, height: int) -> None:
    """Raise VideoError for a picture too large to be made."""
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        size = f"{width} by {height} pixels"
        raise VideoError(f"a picture of {size} is too large: choose a smaller --width")


def rgb_picture(raw: VideoFrame, orientation: Orientation, width: int, height: int) -> Pixels:
    """A frame as upright 8-bit RGB of shape (height, width, 3), BT.709 where it was HDR."""
    pixels: Pixels
    width, height = orientation.sides(width, height)
    if raw.color_trc in HDR_EOTFS:
        pixels = tone_map(convert_frame(raw, "rgb48le", width, height), raw.color_trc)
    elif raw.interlaced_frame:
        # One of the two fields: together they comb where something moves.
        field_rows = convert_frame(raw, "rgb24", raw.width, raw.height)[::2]
        pixels = resize(field_rows, width, height)
    else:
        pixels = convert_frame(raw, "rgb24", width, height)
    return orientation.upright(pixels)


# AVColorSpace -> swscale's SWS_CS_*. Undeclared, it is BT.709 for HD, else BT.601, as in players.
SWSCALE_MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
RANGE_LIMITED, RANGE_FULL = 1, 2  # AVColorRange


@functools.cache
def reformatter() -> VideoReformatter:
    """The one reformatter of a process: its cached tables cost more than a small picture does."""
    from av.video.reformatter import VideoReformatter

    return VideoReformatter()


def convert_frame(raw: VideoFrame, pixel_format: str, width: int, height: int) -> Any:
    """A frame as an array of shape (height, width, 3) in an RGB pixel format, converted by the
    colour matrix and range that it declares."""
    hd = raw.width >= 1280 or raw.height > 576
    full = raw.color_range == RANGE_FULL or raw.format.name.startswith("yuvj")
    return (
        reformatter()
        .reformat(
            raw,
            width,
            height,
            pixel_format,
            src_colorspace=SWSCALE_MATRICES.get(raw.colorspace, 1 if hd else 5),
            src_color_range=RANGE_FULL if full else RANGE_LIMITED,
            interpolation="AREA" if width < raw.width else "BICUBIC",
        )
        .to_ndarray()
    )


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """RGB pixels at another size, averaged by area to shrink, bicubic to grow."""
    from av.video.frame import VideoFrame

    if pixels.shape[:2] == (height, width):
        return pixels
    method = "AREA" if width < pixels.shape[1] else "BICUBIC"
    frame = VideoFrame.from_ndarray(pixels, format="rgb24")
    scaled: Any = frame.reformat(width, height, "rgb24", interpolation=method).to_ndarray()
    return typing.cast("Pixels", scaled)


def pq_to_linear(level: Any) -> Any:
    """The PQ EOTF (SMPTE ST 2084): linear light in units of 100 cd/m2."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = level ** (1 / m2)
    return 100 * ((root - c1).clip(0) / (c2 - c3 * root)) ** (1 / m1)


def hlg_to_linear(level: Any) -> Any:
    """HLG (ITU-R BT.2100): inverse OETF, then the system gamma of a 1000 cd/m2 display, by channel.

    The result is linear light in units of 100 cd/m2.
    """
    import numpy as np

    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
    return 10 * scene**1.2


# AVColorTransferCharacteristic of HDR -> from signal (0 to 1) to linear light, 1 = 100 cd/m2.
HDR_EOTFS: dict[int, Callable[[Any], Any]] = {16: pq_to_linear, 18: hlg_to_linear}


# Matrix for linear RGB: that of ITU-R BT.2087, inverted.
BT2020_TO_BT709 = (
    (1.6605, -0.5876, -0.0728),
    (-0.1246, 1.1329, -0.0083),
    (-0.0182, -0.1006, 1.1187),
)
HDR_PEAK = 10.0  # in units of 100 cd/m2: what HDR10 and HLG are commonly mastered for


def hable(value: Any) -> Any:
    """John Hable's filmic curve (Uncharted 2, GDC 2010), as in libavfilter's tonemap."""
    a, b, c, d, e, f = 0.15, 0.50, 0.10, 0.20, 0.02, 0.30
    return (value * (a * value + c * b) + d * e) / (value * (a * value + b) + d * f) - e / f


def tone_map(pixels: NDArray[np.uint16], transfer: int) -> Pixels:
    """16-bit HDR RGB in BT.2020 as 8-bit BT.709 RGB.

    The Hable curve of the brightest channel gives one gain for all three, which keeps the hue.
    """
    import numpy as np

    levels = np.linspace(0, 1, 65536, dtype=np.float32)
    linear = HDR_EOTFS[transfer](levels).astype(np.float32)[pixels]
    linear = (linear @ np.array(BT2020_TO_BT709, np.float32).T).clip(0)
    brightest = linear.max(axis=-1, keepdims=True).clip(1e-6)
    mapped = (linear * (hable(brightest) / hable(HDR_PEAK) / brightest)).clip(0, 1)
    gamma = np.where(levels < 0.018, 4.5 * levels, 1.099 * levels**0.45 - 0.099)
    table_8bit = (gamma * 255 + 0.5).astype(np.uint8)
    return typing.cast("Pixels", table_8bit[(mapped * 65535).astype(np.uint16)])


def png(pixels: Pixels) -> bytes:
    """BGR pixels, OpenCV's order, as PNG."""
    import cv2

    return bytes(cv2.imencode(".png", pixels)[1])


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """RGB pixels as JPEG; `quality` on ffmpeg's scale, from 2 (best) to 31."""
    from fractions import Fraction

    import av

    height, width = pixels.shape[:2]
    encoder: Any = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base, encoder.qmin, encoder.qmax = Fraction(1, 25), quality, quality
    encoder.thread_count = 1
    encoder.options = {"strict": "unofficial"}
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
        format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG"
    )
    return b"".join(bytes(packet) for packet in encoder.encode(frame) + encoder.encode(None))
