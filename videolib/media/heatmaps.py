"""Brightness and motion of a video over time, and the chart of curves over its length."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.text import clock
from videolib.media.frames import Frame, FrameRequest, Seek
from videolib.media.reader import Media
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.core.arrays import Pixels


HeatmapMode = Literal["brightness", "motion", "both"]
SAMPLE_WIDTH = 160  # pixels of the pictures that are measured
MOST_SAMPLES = 200_000


class Heatmap:
    """Brightness and motion of one video, every `interval` seconds.

    Brightness is the mean luma, motion the mean absolute difference of luma from the sample before,
    both from 0 to 1; the first sample's motion is 0. A keyframe that serves two samples counts
    once.
    """

    def __init__(
        self, media: Media, interval: float, mode: HeatmapMode, png: bool, seek: Seek
    ) -> None:
        self.media, self.interval, self.mode = media, interval, mode
        self.png, self.seek = png, seek
        self.pictures: dict[float, Pixels] = {}  # luma by time in seconds
        self.height: int | None = None  # of the first picture, for all
        self.count = media.sample_count(interval)
        if self.count > MOST_SAMPLES:
            raise VideoError(f"would need {self.count:,} samples: choose a longer --interval")

    def requests(self) -> list[FrameRequest]:
        tolerance = min(self.interval, self.media.duration / 60)
        times = (number * self.interval for number in range(self.count))
        return [FrameRequest.near(seconds, tolerance, self.seek) for seconds in times]

    def take(self, frame: Frame, index: int) -> None:
        self.height = self.height or frame.height_for(SAMPLE_WIDTH)
        self.pictures[frame.time] = frame.luma(SAMPLE_WIDTH, self.height)

    def finish(self) -> ArtifactOutput:
        samples = self.samples()
        output = ArtifactOutput({"interval": self.interval, "samples": samples})
        if self.png:
            output.files["{}.heatmaps.png"] = draw_timeline(samples, self.media.duration)
        return output

    def samples(self) -> list[dict[str, float]]:
        """Every sample with its time in seconds and what `mode` asks for."""
        import numpy as np

        rows: list[dict[str, float]] = []
        before: NDArray[np.int16] | None = None
        for seconds, picture in sorted(self.pictures.items()):
            luma = picture.astype(np.int16)
            motion = 0.0 if before is None else float(np.abs(luma - before).mean() / 255)
            values = {"brightness": round(float(luma.mean() / 255), 4), "motion": round(motion, 4)}
            wanted = values if self.mode == "both" else {self.mode: values[self.mode]}
            rows.append({"time": round(seconds, 6)} | wanted)
            before = luma
        return rows


INK, GRID = (235, 235, 235), (70, 70, 70)  # BGR


BRIGHTNESS, MOTION, THIRD = (80, 200, 255), (90, 110, 255), (120, 220, 120)


def draw_timeline(samples: Sequence[Mapping[str, float]], duration: float) -> bytes:
    """A PNG of the samples: a strip as bright as the video and the curves below it."""
    canvas, curves = blank_timeline(duration), []
    width, ends = canvas.shape[1], [*(sample["time"] for sample in samples[1:]), duration]
    for sample, end in zip(samples, ends, strict=True):
        left, right = (round(t / max(duration, 1e-9) * width) for t in (sample["time"], end))
        canvas[:STRIP, left:right] = round(255 * sample.get("brightness", 0.1))
    for name, color in (("brightness", BRIGHTNESS), ("motion", MOTION)):
        points = [(sample["time"], sample[name]) for sample in samples if name in sample]
        if points:
            # Motion is small in most films: its curve is scaled to its own maximum.
            top = 1.0 if name == "brightness" else max(0.01, *(value for _, value in points))
            curves.append(Curve(f"{name} (top {top:.2f})", color, points, 0.0, top))
    return drawn(canvas, curves, duration)


class Curve(NamedTuple):
    """Values over time, in seconds, with the range that is drawn."""

    legend: str
    color: tuple[int, int, int]
    points: Sequence[tuple[float, float]]
    low: float
    high: float


STRIP, BASELINE = 28, 148  # rows of a timeline: where the curves' part begins and where it ends


def blank_timeline(duration: float) -> Pixels:
    """Four pixels per second, from 480 to 2400 wide: long videos give long pictures."""
    import numpy as np

    return np.full((172, int(min(max(duration * 4, 480), 2400)), 3), 24, np.uint8)


def drawn(canvas: Pixels, curves: Sequence[Curve], duration: float) -> bytes:
    """A timeline with its ticks, curves and legends, as PNG."""
    import cv2
    import numpy as np

    draw_ticks(canvas, duration)
    for number, curve in enumerate(curves):
        seconds, values = np.array(curve.points).T
        xs = seconds / max(duration, 1e-9) * (canvas.shape[1] - 1)
        share = (values - curve.low) / (curve.high - curve.low)
        ys = BASELINE - share * (BASELINE - STRIP - 8)
        last = [(canvas.shape[1] - 1, ys[-1])]
        points = np.array([*zip(xs, ys, strict=True), *last]).round().astype(np.int32)
        cv2.polylines(canvas, [points], False, curve.color, 1, cv2.LINE_AA)
        write_text(canvas, curve.legend, (8 + 170 * number, STRIP + 14), curve.color)
    return bytes(cv2.imencode(".png", canvas)[1])


def write_text(canvas: Pixels, text: str, at: tuple[int, int], color: tuple[int, int, int]) -> None:
    import cv2

    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, color, 1, cv2.LINE_AA)


TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)


def draw_ticks(canvas: Pixels, duration: float) -> None:
    """Upright lines with their times, about every 90 pixels, at round numbers of seconds."""
    import cv2

    width = canvas.shape[1]
    step = next((t for t in TICKS if t * width >= 90 * duration), TICKS[-1])
    for tick in range(0, math.floor(duration) + 1, step):
        x = round(tick / max(duration, 1e-9) * (width - 1))
        cv2.line(canvas, (x, STRIP), (x, BASELINE + 4), GRID, 1)
        write_text(canvas, clock(tick), (min(x + 2, width - 44), BASELINE + 16), INK)
