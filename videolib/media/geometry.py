"""How the stored picture of a video becomes the one that is shown: its orientation, its cropping.

`orientation_of` reads a frame's display matrix, `container_croppings` what a container cuts off the
pictures of its streams. `FrameFilter` applies the cropping, and puts what is transparent over
black.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.media.probing import container_listing

if TYPE_CHECKING:
    from av.filter import Graph
    from av.video.frame import VideoFrame

    from videolib.core.arrays import Pixels


class FilterCall(NamedTuple):
    """One of libavfilter's filters with its arguments, as also ffmpeg reads them."""

    name: str
    arguments: str

    def __str__(self) -> str:
        return f"{self.name}={self.arguments}"


OVER_BLACK = FilterCall("premultiply", "inplace=1")  # what is transparent is black
NEWEST_SIDE_DATA = 39  # above all of libav's AVFrameSideDataType, of which FFmpeg 8 has 33

# === Orientation =================================================================================


class Orientation(NamedTuple):
    """How a stored picture is made upright: mirrored left to right first where `mirrored`, then
    turned by `turns` quarter turns counter-clockwise (0 to 3)."""

    turns: int = 0
    mirrored: bool = False

    @property
    def swaps_sides(self) -> bool:
        """Whether the upright picture is as wide as the stored one is high."""
        return self.turns % 2 == 1

    def sides(self, width: int, height: int) -> tuple[int, int]:
        """A width and a height, of the stored picture or of the upright one, as those of the
        other."""
        return (height, width) if self.swaps_sides else (width, height)

    def upright(self, pixels: Pixels) -> Pixels:
        """Stored pixels, of shape (height, width, ...), made upright and contiguous."""
        import numpy as np

        return np.ascontiguousarray(
            np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.turns)
        )

    def __str__(self) -> str:
        """Degrees as a number, and whether it is mirrored."""
        return f"{90 * self.turns}{' (mirrored)' if self.mirrored else ''}"


DisplayMatrix = tuple[int, ...]  # nine numbers by rows, as libav's AV_FRAME_DATA_DISPLAYMATRIX has


def display_matrix(raw: VideoFrame) -> DisplayMatrix | None:
    """The display matrix of a decoded frame, from its container or its own data (SEI, EXIF); None
    where it has none."""
    matrix = side_data(raw).get("DISPLAYMATRIX", b"")
    return struct.unpack("=9i", matrix) if len(matrix) == 36 else None


def orientation_of(matrix: DisplayMatrix | None) -> Orientation:
    """The orientation that is nearest to a display matrix.

    The matrix (a b u, c d v, x y w) puts the pixel at (p, q) to (a p + c q, b p + d q), where q
    counts downwards. A negative determinant mirrors; what remains without that is an angle.
    """
    if not matrix:
        return Orientation()
    a, b, _, c, d, *_ = matrix
    mirrored = a * d - b * c < 0
    if mirrored:
        a, b = -a, -b
    return Orientation(round(math.atan2(c - b, a + d) / (math.pi / 2)) % 4, mirrored)


def matrix_rotation(matrix: DisplayMatrix) -> int:
    """Degrees counter-clockwise as libav's av_display_rotation_get has them, and ffprobe shows."""
    a, b, _, c, d, *_ = matrix
    scales = math.hypot(a, c) or 1.0, math.hypot(b, d) or 1.0
    return -int(math.degrees(math.atan2(b / scales[1], a / scales[0])))


def side_data(raw: VideoFrame) -> dict[str, bytes]:
    """The side data of a frame, by the names that PyAV has for their types."""
    from av.sidedata.sidedata import Type

    try:
        entries: Iterable[Any] = list(raw.side_data)
    except ValueError:
        # PyAV refuses all of them where one is of a type that it does not know, such as EXIF.
        unknown_types = range(len(Type), NEWEST_SIDE_DATA + 1)
        deletions = [FilterCall("sidedata", f"mode=delete:type={n}") for n in unknown_types]
        entries = raw_through(filter_graph(raw, deletions), raw).side_data
    return {entry.type.name: bytes(entry) for entry in entries}


# === Cropping ====================================================================================


class Cropping(NamedTuple):
    """Pixels that are cut off the four sides of a stored picture."""

    left: int
    right: int
    top: int
    bottom: int

    def fits(self, width: int, height: int) -> bool:
        """Whether it leaves anything of a picture of this size."""
        return self.left + self.right < width and self.top + self.bottom < height

    def upright(self, orientation: Orientation) -> Cropping:
        """The same cropping of the upright picture."""
        left, right, top, bottom = self
        if orientation.mirrored:
            left, right = right, left
        for _ in range(orientation.turns):
            left, right, top, bottom = top, bottom, right, left
        return Cropping(left, right, top, bottom)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """What it leaves of a width and a height; all where it does not fit."""
        if not self.fits(width, height):
            return width, height
        return width - self.left - self.right, height - self.top - self.bottom

    @property
    def filter(self) -> FilterCall:
        """The filter that applies it."""
        size = f"iw-{self.left + self.right}:ih-{self.top + self.bottom}"
        return FilterCall("crop", f"{size}:{self.left}:{self.top}:exact=1")


def container_croppings(container: Any) -> dict[int, Cropping]:
    """What a container cuts off the pictures of its streams (PixelCrop of Matroska, clap of MP4),
    by the index of the stream.

    Cropping in H.264 and HEVC themselves is not among it: decoders apply it. Of the side data of
    streams PyAV gives only the listing.
    """
    if not {"matroska", "mov"} & set(container.format.name.split(",")):
        return {}
    listing = container_listing(container)
    streams = re.split(r"^ +Stream #0:(\d+)", listing, flags=re.MULTILINE)[1:]
    croppings: dict[int, Cropping] = {}
    for index, text in zip(streams[::2], streams[1::2], strict=True):
        # Whole lines only: a tag of that name has more blanks before its colon.
        if match := re.search(r"^ +Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)$", text, re.MULTILINE):
            croppings[int(index)] = Cropping(*map(int, match.groups()))
    return croppings


# === Filters =====================================================================================


class FrameFilter:
    """Makes decoded frames of one video those that are shown: cuts the container's cropping off,
    and puts what is transparent over black."""

    def __init__(self, cropping: Cropping | None, alpha_is_padding: bool) -> None:
        self.cropping, self.alpha_is_padding = cropping, alpha_is_padding
        self.form: tuple[int, int, str] | None = None  # width, height, pixel format of its frames
        self.graph: Graph | None = None  # None: such frames need no filter

    def apply(self, raw: VideoFrame) -> VideoFrame:
        """The frame after its filters; the frame itself where it needs none."""
        form = (raw.width, raw.height, raw.format.name)
        if form != self.form:
            filters, self.form = self.filters(raw), form
            self.graph = filter_graph(raw, filters) if filters else None
        return raw_through(self.graph, raw) if self.graph else raw

    def filters(self, raw: VideoFrame) -> list[FilterCall]:
        """The filters that frames of this form need."""
        filters = self.blending(raw)
        if self.cropping and self.cropping.fits(raw.width, raw.height):
            filters.insert(0, self.cropping.filter)
        return filters

    def blending(self, raw: VideoFrame) -> list[FilterCall]:
        """The filter that puts frames of this form over black; none where they have no alpha."""
        return [OVER_BLACK] if has_alpha(raw) and not self.alpha_is_padding else []

    def ffmpeg_filters(
        self, raw: VideoFrame, sample_aspect: Any, orientation: Orientation
    ) -> list[str]:
        """The same filters for the ffmpeg program, which makes pictures upright before them; `raw`
        is a frame after its filters.

        The input needs `decoding_flags`. Programs before version 7.1 do not know of the cropping
        when they compute the sample aspect ratio, so it is set.
        """
        filters = [str(call) for call in self.blending(raw)]
        if not self.cropping:
            return filters
        aspect = ":".join(map(str, orientation.sides(*(sample_aspect or 1).as_integer_ratio())))
        return [str(self.cropping.upright(orientation).filter), f"setsar={aspect}", *filters]


def has_alpha(raw: VideoFrame) -> bool:
    """Whether a frame's pixel format has alpha; a palette always has."""
    return raw.format.has_palette or raw.format.components[-1].is_alpha


def filter_graph(raw: VideoFrame, filters: Iterable[FilterCall]) -> Graph:
    """The graph of libavfilter that leads frames of this form through filters."""
    from av.filter import Graph

    graph = Graph()
    node = graph.add_buffer(
        width=raw.width, height=raw.height, format=raw.format, time_base=raw.time_base
    )
    for name, arguments in (*filters, FilterCall("buffersink", "")):
        following = graph.add(name, arguments)
        node.link_to(following)
        node = following
    graph.configure()
    return graph


def raw_through(graph: Graph, raw: VideoFrame) -> Any:
    """The frame that a graph makes of another."""
    graph.push(raw)
    return graph.pull()


# === Size ========================================================================================


def display_size(raw: VideoFrame, sample_aspect: Any, orientation: Orientation) -> tuple[int, int]:
    """(width, height) in square pixels of a frame as it is shown."""
    aspect = float(sample_aspect or 1)
    width = round(raw.width * aspect) if 0.1 < aspect < 10 else raw.width
    return orientation.sides(width, raw.height)
