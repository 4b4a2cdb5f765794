"""Charts of values over the length of a video, drawn as PNG: for heatmaps and for quality.

A caller takes a `blank_chart`, may fill its STRIP, and hands it to `draw_chart` with the curves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.text import clock
from videolib.media.pictures import png

if TYPE_CHECKING:
    from videolib.core.arrays import Pixels

# Colours as OpenCV has them: blue, green, red.
INK, GRID = (235, 235, 235), (70, 70, 70)
AMBER, CORAL, GREEN = (80, 200, 255), (90, 110, 255), (120, 220, 120)  # of the curves
HEIGHT = 172  # pixels of a chart: a strip on top, the curves, and the times of the ticks
STRIP, BASELINE = 28, 148  # rows where the part of the curves begins and ends
TICK_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)


class Curve(NamedTuple):
    """A curve of a chart: its `points` are (seconds, value), and the part of the curves is as high
    as the values from `low` to `high`; `color` is blue, green, red."""

    legend: str
    color: tuple[int, int, int]
    points: Sequence[tuple[float, float]]
    low: float
    high: float


def blank_chart(duration: float) -> Pixels:
    """An empty chart for `duration` seconds: BGR of shape (HEIGHT, width, 3), four pixels to the
    second, at least 480 and at most 2400 wide."""
    import numpy as np

    return np.full((HEIGHT, int(min(max(duration * 4, 480), 2400)), 3), 24, np.uint8)


def draw_chart(canvas: Pixels, curves: Sequence[Curve], duration: float) -> bytes:
    """A chart as PNG, for which ticks, curves and legends are drawn on `canvas`."""
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
    return png(canvas)


def write_text(canvas: Pixels, text: str, at: tuple[int, int], color: tuple[int, int, int]) -> None:
    """Write a small text; `at` is the left end of its baseline."""
    import cv2

    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.4, color, 1, cv2.LINE_AA)


def draw_ticks(canvas: Pixels, duration: float) -> None:
    """Draw upright lines with their times, one of TICK_SECONDS apart and at least 90 pixels where
    the largest allows that."""
    import cv2

    width = canvas.shape[1]
    step = next((t for t in TICK_SECONDS if t * width >= 90 * duration), TICK_SECONDS[-1])
    for tick in range(0, math.floor(duration) + 1, step):
        x = round(tick / max(duration, 1e-9) * (width - 1))
        cv2.line(canvas, (x, STRIP), (x, BASELINE + 4), GRID, 1)
        write_text(canvas, clock(tick), (min(x + 2, width - 44), BASELINE + 16), INK)
