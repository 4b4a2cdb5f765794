"""Heatmaps: brightness and motion of a video over time, as samples and as a PNG (see charts)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from videolib.core.errors import VideoError
from videolib.media.charts import AMBER, CORAL, STRIP, Curve, blank_chart, draw_chart
from videolib.media.choices import HeatmapMode, Seek
from videolib.media.frames import Frame, FrameRequest
from videolib.media.reader import Media
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.core.arrays import Pixels


SAMPLE_WIDTH = 160  # pixels of the pictures that are measured
MOST_SAMPLES = 200_000


class Heatmap:
    """Brightness and motion of one video, every `interval` seconds.

    Brightness is the mean luma, motion the mean absolute difference of luma from the sample before,
    both from 0 to 1; the first sample's motion is 0. A keyframe that serves two samples counts
    once. `mode` says which of the two samples have; `png`: also the picture. Raises VideoError
    where the interval would give more than MOST_SAMPLES.
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
            output.files["{}.heatmaps.png"] = draw_heatmap(samples, self.media.duration)
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


def draw_heatmap(samples: Sequence[Mapping[str, float]], duration: float) -> bytes:
    """A PNG of the samples, `duration` in seconds: a strip as bright as the video (dark where
    brightness was not measured), and the curves below it."""
    canvas, curves = blank_chart(duration), []
    width, ends = canvas.shape[1], [*(sample["time"] for sample in samples[1:]), duration]
    for sample, end in zip(samples, ends, strict=True):
        left, right = (round(t / max(duration, 1e-9) * width) for t in (sample["time"], end))
        canvas[:STRIP, left:right] = round(255 * sample.get("brightness", 0.1))
    for name, color in (("brightness", AMBER), ("motion", CORAL)):
        points = [(sample["time"], sample[name]) for sample in samples if name in sample]
        if points:
            # Motion is small in most films: its curve is scaled to its own maximum.
            top = 1.0 if name == "brightness" else max(0.01, *(value for _, value in points))
            curves.append(Curve(f"{name} (top {top:.2f})", color, points, 0.0, top))
    return draw_chart(canvas, curves, duration)
