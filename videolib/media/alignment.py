"""How two videos are made alike before their frames are compared: size, timing, pixel format.

`measure_geometry` reads what matters of each; `Alignment` gives ffmpeg's filters for both, and says
what these adapt and what makes the comparison doubtful. quality runs the comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.text import printable
from videolib.media.frames import first_frame
from videolib.media.pictures import HDR_EOTFS

if TYPE_CHECKING:
    from videolib.media.geometry import Orientation
    from videolib.media.reader import Media


class VideoGeometry(NamedTuple):
    """Size, timing and pixel format of a video; times are in seconds."""

    name: str
    stream: int  # index of the stream that is compared
    size: tuple[int, int]  # width and height as stored, upright
    orientation: Orientation
    shown_by: list[str]  # ffmpeg's filters that make its stored pictures those that are shown
    rate: float  # frames per second, on average
    is_regular: bool  # whether every frame is within half a frame of that rate
    start: float  # of the first frame
    span: float  # from the start to the end of the last frame
    declared: float  # the duration by the headers
    frames: int
    pixel_format: str
    transfer: int  # transfer function by ITU-T H.273

    @property
    def is_hdr(self) -> bool:
        return self.transfer in HDR_EOTFS

    @property
    def size_text(self) -> str:
        return f"{self.size[0]}x{self.size[1]}"


def measure_geometry(media: Media) -> VideoGeometry:
    """The geometry of a video, by its first picture and the timestamps of all its packets.

    Raises VideoError where no picture can be decoded.
    """
    frame = first_frame(media)
    if not frame:
        raise VideoError("no picture in it could be decoded: it is truncated or damaged")
    raw, stream = frame.raw, media.stream
    packets = (p for p in media.packets(media.start) if not p.is_discard)
    times = sorted(p.pts * media.tick for p in packets if p.pts is not None)
    span = times[-1] - times[0]
    rate = (len(times) - 1) / span if span else float(stream.average_rate or 25)
    deviations = [abs((time - times[0]) * rate - number) for number, time in enumerate(times)]
    return VideoGeometry(
        name=media.video.name,
        stream=stream.index,
        size=frame.orientation.sides(raw.width, raw.height),
        orientation=frame.orientation,
        shown_by=frame.ffmpeg_filters(),
        rate=rate,
        is_regular=max(deviations) < 0.5,
        start=times[0],
        span=span + 1 / rate,
        declared=media.duration,
        frames=len(times),
        pixel_format=raw.format.name,
        transfer=raw.color_trc,
    )


ROUNDING = 0.0015  # seconds by which containers may disagree on a frame's time
# Formats that all metrics take.
COMPARABLE_PIXELS = r"(?P<planes>yuv4(20|22|44)p)(?P<depth>10le|12le)?$"


class Alignment(NamedTuple):
    """How two videos are made comparable, and the warnings about it."""

    original: VideoGeometry
    other: VideoGeometry

    @property
    def pixel_format(self) -> str:
        """The pixel format of the comparison: the original's, where the metrics take it, in the
        depth of the deeper of both: swscale dithers what it makes shallower."""
        names = [side.pixel_format.replace("yuvj", "yuv") for side in self]
        original, other = (re.match(COMPARABLE_PIXELS, name) for name in names)
        depths = [match["depth"] or "" for match in (original, other) if match]
        return (original["planes"] if original else "yuv420p") + max(depths, default="")

    @property
    def is_same_rate(self) -> bool:
        """Whether the average frame rates agree to 0.2%, as containers round them."""
        return abs(self.original.rate / self.other.rate - 1) < 0.002

    @property
    def common_rate(self) -> float | None:
        """Frames per second to which both are converted, since containers round times differently.

        None where the rates are the same and one of the two is irregular: their frames are then
        paired by time.
        """
        regular_rates = [side.rate for side in self if side.is_regular]
        if self.is_same_rate and len(regular_rates) < 2:
            return None
        return regular_rates[0] if regular_rates else self.original.rate

    @property
    def span(self) -> float:
        """Seconds that both last."""
        return min(side.span for side in self)

    def filters(self, side: VideoGeometry) -> str:
        """ffmpeg's filters that align one of the two videos."""
        rate, (width, height) = self.common_rate, self.original.size
        if rate:
            timing = f"fps={rate:.9f}:start_time=0,trim=end_frame={round(self.span * rate)}"
        else:
            # ffmpeg pairs a frame with the original's latest one up to its time. The original is
            # shifted, so that rounding cannot put the frame's counterpart after it.
            early = ROUNDING if side is self.original else 0.0
            timing = f"trim=duration={self.span:.6f},setpts=PTS-{early}/TB"
        scale = f"scale={width}:{height}:flags=bicubic," if side.size != (width, height) else ""
        shown = "".join(f"{name}," for name in side.shown_by)
        return f"setpts=PTS-STARTPTS,{timing},settb=AVTB,{shown}{scale}format={self.pixel_format}"

    def adaptations(self) -> Iterator[str]:
        """Messages about what the filters adapt."""
        a, b = self
        if a.size != b.size:
            yield f"size: scaled from {b.size_text} to {a.size_text}"
        if a.orientation != b.orientation:
            turns = f"{a.orientation} and {b.orientation} degrees"
            yield f"rotation: {turns}; both compared upright"
        if not self.is_same_rate:
            rates = f"{a.rate:.3f} and {b.rate:.3f} frames a second"
            yield f"frame rate: {rates}, compared at {self.common_rate:.3f}"
        if abs(a.start - b.start) > 0.001:
            yield f"start: {a.start:.3f} and {b.start:.3f} s; both begin at their first frame"
        if abs(a.span - b.span) > 1.5 / min(a.rate, b.rate):
            yield f"length: {a.span:.2f} and {b.span:.2f} s; the first {self.span:.2f} s compared"
        if {a.pixel_format, b.pixel_format} != {self.pixel_format}:
            formats = f"{a.pixel_format} and {b.pixel_format}"
            yield f"pixel format: {formats}, compared as {self.pixel_format}"

    def caveats(self, compared: int) -> Iterator[str]:
        """Messages about what makes the values less reliable; `compared`: how many frames were."""
        a, b = self
        if abs(a.frames - b.frames) > 0.01 * a.frames:
            yield f"frame count: {a.frames:,} and {b.frames:,} differ by more than 1%"
        expected = round(self.span * (self.common_rate or b.rate))
        if compared < 0.99 * expected:
            yield f"only {compared:,} of {expected:,} frames could be decoded and compared"
        if abs(a.size[0] * b.size[1] / (b.size[0] * a.size[1]) - 1) > 0.02:
            yield "shape: width to height differs, so that scaling distorts"
        if a.is_hdr != b.is_hdr:
            yield "one of them is HDR and the other is not: the values say little"
        for side in self:
            if side.declared - side.span > max(1.0, 0.01 * side.declared):
                lengths = f"promises {side.declared:.1f} s and holds {side.span:.1f} s"
                yield f"{printable(side.name)} {lengths} of pictures"
