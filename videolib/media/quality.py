"""How close a video is to its original: SSIM, PSNR, XPSNR and VMAF by ffmpeg."""

from __future__ import annotations

import contextlib
import json
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.processes import cores, run_tool
from videolib.core.text import finite_mean, printable
from videolib.media.duration import MAX_DURATION
from videolib.media.heatmaps import BRIGHTNESS, MOTION, THIRD, Curve, blank_timeline, drawn
from videolib.media.metadata import first_frame
from videolib.media.pictures import HDR_EOTFS
from videolib.media.reader import Media

if TYPE_CHECKING:
    from index import Compare
    from videolib.storage.videos import Video


class VideoGeometry(NamedTuple):
    """What must be alike in two videos before their pixels can be compared.

    `size` is upright; `frames` are those shown, over `span` seconds from `start` on; `rate` is how
    many a second, `regular` whether they keep to it; `promised` is the length in seconds that the
    file claims.
    """

    name: str
    stream: int
    size: tuple[int, int]
    turns: int
    rate: float
    regular: bool
    start: float
    span: float
    promised: float
    frames: int
    pixels: str
    transfer: int

    @property
    def hdr(self) -> bool:
        return self.transfer in HDR_EOTFS


def look_at(media: Media) -> VideoGeometry:
    """Look at the first picture and the timestamps of all."""
    first = first_frame(media)
    if not first:
        raise VideoError("no picture in it could be decoded: it is truncated or damaged")
    raw, stream = first.raw, media.stream
    packets = (p for p in media.packets(media.start) if not p.is_discard)
    shown_at = sorted(p.pts * media.tick for p in packets if p.pts is not None)
    span = shown_at[-1] - shown_at[0]
    rate = (len(shown_at) - 1) / span if span else float(stream.average_rate or 25)
    off = [abs((at - shown_at[0]) * rate - number) for number, at in enumerate(shown_at)]
    return VideoGeometry(
        name=media.video.name,
        stream=stream.index,
        size=(raw.height, raw.width) if first.turns % 2 else (raw.width, raw.height),
        turns=first.turns,
        rate=rate,
        regular=max(off) < 0.5,
        start=shown_at[0],
        span=span + 1 / rate,
        promised=media.duration,
        frames=len(shown_at),
        pixels=raw.format.name,
        transfer=raw.color_trc,
    )


ROUNDING = 0.0015  # seconds by which containers may disagree on a frame's time


COMPARABLE_PIXELS = r"yuv4(20|22|44)p(10le|12le)?$"


class Alignment(NamedTuple):
    """How two videos are brought together before they are compared, and what is said of it."""

    original: VideoGeometry
    other: VideoGeometry

    @property
    def pixels(self) -> str:
        """The pixel format of the comparison: the original's, where the metrics know it."""
        name = self.original.pixels.replace("yuvj", "yuv")
        return name if re.match(COMPARABLE_PIXELS, name) else "yuv420p"

    @property
    def same_rate(self) -> bool:
        return abs(self.original.rate / self.other.rate - 1) < 0.002

    @property
    def grid(self) -> float | None:
        """Frames per second that both are brought to, since containers round time differently.

        None where both are irregular at one rate: their frames are paired by time.
        """
        regular = [sight.rate for sight in (self.original, self.other) if sight.regular]
        if self.same_rate and len(regular) < 2:
            return None
        return regular[0] if regular else self.original.rate

    def chain(self, sight: VideoGeometry) -> str:
        """The filters that every frame of a side goes through first."""
        length = min(self.original.span, self.other.span)
        width, height = self.original.size
        if self.grid:
            timing = f"fps={self.grid:.9f}:start_time=0,trim=end_frame={round(length * self.grid)}"
        else:
            # A frame is paired with the original's latest: what rounding moved shall not be later.
            early = ROUNDING if sight is self.original else 0.0
            timing = f"trim=duration={length:.6f},setpts=PTS-{early}/TB"
        scale = f"scale={width}:{height}:flags=bicubic," if sight.size != (width, height) else ""
        return f"setpts=PTS-STARTPTS,{timing},settb=AVTB,{scale}format={self.pixels}"

    def adaptations(self) -> Iterator[str]:
        """What was adapted, in words."""
        a, b = self.original, self.other
        if a.size != b.size:
            yield f"size: scaled from {b.size[0]}x{b.size[1]} to {a.size[0]}x{a.size[1]}"
        if a.turns != b.turns:
            yield f"rotation: {90 * a.turns} and {90 * b.turns} degrees; both compared upright"
        if not self.same_rate:
            rates = f"{a.rate:.3f} and {b.rate:.3f} frames a second"
            yield f"frame rate: {rates}, compared at {self.grid:.3f}"
        if abs(a.start - b.start) > 0.001:
            yield f"start: {a.start:.3f} and {b.start:.3f} s; both begin at their first frame"
        if abs(a.span - b.span) > 1.5 / min(a.rate, b.rate):
            shorter = min(a.span, b.span)
            yield f"length: {a.span:.2f} and {b.span:.2f} s; the first {shorter:.2f} s compared"
        if {a.pixels, b.pixels} != {self.pixels}:
            yield f"pixel format: {a.pixels} and {b.pixels}, compared as {self.pixels}"

    def doubts(self, compared: int) -> Iterator[str]:
        """What makes the values say less than they seem to."""
        a, b = self.original, self.other
        if abs(a.frames - b.frames) > 0.01 * a.frames:
            yield f"frame count: {a.frames:,} and {b.frames:,} differ by more than 1%"
        expected = round(min(a.span, b.span) * (self.grid or b.rate))
        if compared < 0.99 * expected:
            yield f"only {compared:,} of {expected:,} frames could be decoded and compared"
        if abs(a.size[0] * b.size[1] / (b.size[0] * a.size[1]) - 1) > 0.02:
            yield "shape: width to height differs, so that scaling distorts"
        if a.hdr != b.hdr:
            yield "one of them is HDR and the other is not: the values say little"
        for sight in (a, b):
            if sight.promised - sight.span > max(1.0, 0.01 * sight.promised):
                promised = f"promises {sight.promised:.1f} s and holds {sight.span:.1f} s"
                yield f"{printable(sight.name)} {promised} of pictures"


QUALITY = {
    "ssim": ((0.99, "excellent"), (0.95, "good"), (0.88, "fair"), (0.5, "poor")),
    "psnr": ((37.0, "excellent"), (31.0, "good"), (25.0, "fair"), (20.0, "poor")),
}


def quality(metric: str, value: float) -> str:
    """The class of a mean: excellent, good, fair, poor or bad, as mean opinion scores from 5 to 1.

    PSNR by the table of EvalVid (J. Klaue et al., TOOLS 2003), SSIM by T. Zinner et al., "Impact of
    Frame Rate and Resolution on Objective QoE Metrics", QoMEX 2010.
    """
    return next((word for least, word in QUALITY[metric] if value >= least), "bad")


def compare_videos(
    videos: Sequence[Video], ffmpeg: str, metrics: Sequence[str], request: Compare
) -> tuple[dict[str, Any], bytes]:
    """The values of a comparison and, where it is wanted, their picture. Runs in a worker."""
    with contextlib.ExitStack() as stack:
        sides, sights = [], []
        for video in videos:
            seen = attempt(open_to_look, stack, video, request.allow_codecs)
            if isinstance(seen, Failure):
                raise VideoError(f"{printable(video.rel)}: {seen.reason}")
            sides.append(seen[0])
            sights.append(seen[1])
        alignment = Alignment(*sights)
        frames = measured_frames(sides, alignment, ffmpeg, metrics, request.timeout)
    if not frames:
        raise VideoError("no frame of the two could be compared")
    names = {"original": videos[0].rel, "other": videos[1].rel}
    data = names | summary_of(frames) | {"frames": len(frames)}
    done = list(alignment.adaptations())
    data |= {"aligned": bool(done), "warnings": done + list(alignment.doubts(len(frames)))}
    return data, draw_quality(frames) if request.png else b""


def open_to_look(
    stack: contextlib.ExitStack, video: Video, allowed: str
) -> tuple[Media, VideoGeometry]:
    media = stack.enter_context(Media(video, allowed))
    return media, look_at(media)


FrameValues = dict[str, float]  # of one frame: time, and values by the names that filters give them


def measured_frames(
    sides: Sequence[Media],
    alignment: Alignment,
    ffmpeg: str,
    metrics: Sequence[str],
    timeout: float,
) -> list[FrameValues]:
    """Run ffmpeg once over both videos and read what its filters say of every frame."""
    import tempfile

    with tempfile.TemporaryFile() as log:
        graph = comparison_graph(alignment, metrics, log.fileno())
        inputs = [part for side in sides for part in (*side.input_flags, "-i", side.url)]
        argv = [ffmpeg, "-v", "error", "-nostdin", *inputs, "-filter_complex", graph]
        descriptors = [*(side.descriptor for side in sides), log.fileno()]
        out = run_tool(
            [*argv, "-f", "null", "-"], timeout=timeout or MAX_DURATION, pass_fds=descriptors
        )
        log.seek(0)
        scored = json.load(log)["frames"] if "libvmaf" in metrics else []
    frames: list[FrameValues] = []
    for line in out.decode().splitlines():
        key, _, value = line.partition("=")
        if key.startswith("frame:"):
            frames.append({"time": float(line.rpartition("pts_time:")[2])})
        elif key.startswith("lavfi."):
            frames[-1][key.removeprefix("lavfi.")] = float(value)
    for frame, score in zip(frames, scored, strict=False):
        frame["vmaf"] = score["metrics"]["vmaf"]
    return frames


def comparison_graph(alignment: Alignment, metrics: Sequence[str], log: int) -> str:
    """The filters: both sides aligned, then the other through one metric after the other."""
    a, b = alignment.original, alignment.other
    sync = f"shortest={int(alignment.grid is not None)}"
    options = {"libvmaf": f":log_fmt=json:log_path=/dev/fd/{log}:n_threads={cores()}"}
    copies = "".join(f"[r{i}]" for i in range(len(metrics)))
    chains = [
        f"[0:{a.stream}]{alignment.chain(a)},split={len(metrics)}{copies}",
        f"[1:{b.stream}]{alignment.chain(b)}[m0]",
    ]
    for i, metric in enumerate(metrics):
        end = f"[m{i + 1}]" if i + 1 < len(metrics) else ",metadata=print:file=-"
        chains.append(f"[m{i}][r{i}]{metric}={sync}{options.get(metric, '')}{end}")
    return ";".join(chains)


PLANES = {
    "ssim": ("ssim.Y", "ssim.U", "ssim.V"),
    "psnr": ("psnr.psnr.y", "psnr.psnr.u", "psnr.psnr.v"),
    "xpsnr": ("xpsnr.xpsnr.y", "xpsnr.xpsnr.u", "xpsnr.xpsnr.v"),
}


def summary_of(frames: Sequence[FrameValues]) -> dict[str, Any]:
    """Means, minima and values per plane, as JSON has them."""
    data: dict[str, Any] = {}
    planes: dict[str, Any] = {}
    minimum: dict[str, Any] = {}
    for metric in ("ssim", "psnr", "xpsnr", "vmaf"):
        values = [overall(frame, metric) for frame in frames]
        if math.isnan(values[0]):
            continue
        pool = mean_xpsnr if metric == "xpsnr" else finite_mean
        by_plane = [pool([frame[key] for frame in frames]) for key in PLANES.get(metric, ())]
        if by_plane:
            planes[metric] = dict(zip("yuv", map(json_value, by_plane), strict=True))
        average = min(by_plane) if metric == "xpsnr" else finite_mean(values)
        data[metric], minimum[metric] = json_value(average), json_value(min(values))
        if metric in QUALITY:
            data[f"{metric}_quality"] = quality(metric, average)
    worst = min(frames, key=lambda frame: (overall(frame, "ssim"), overall(frame, "psnr")))
    of_worst: dict[str, Any] = {"time": round(worst["time"], 6)}
    of_worst |= {metric: json_value(overall(worst, metric)) for metric in ("ssim", "psnr")}
    return data | {"planes": planes, "minimum": minimum, "worst": of_worst}


def overall(frame: FrameValues, metric: str) -> float:
    """A frame's value over all planes: for XPSNR that of the worst one, as ffmpeg sums it up.

    Not a number where the metric was not measured.
    """
    if metric == "xpsnr":
        return min(frame.get(key, math.nan) for key in PLANES["xpsnr"])
    return frame.get({"ssim": "ssim.All", "psnr": "psnr.psnr_avg"}.get(metric, metric), math.nan)


def mean_xpsnr(values: Sequence[float]) -> float:
    """The mean of XPSNR as ffmpeg takes it: over the roots of the weighted distortions."""
    root = sum(10 ** (-value / 20) for value in values) / len(values)
    return -20 * math.log10(root) if root else math.inf


def json_value(value: float) -> float | str:
    """A value as JSON can have it."""
    return "inf" if math.isinf(value) else round(value, 6)


def draw_quality(frames: Sequence[FrameValues]) -> bytes:
    """A PNG of SSIM, PSNR and VMAF over time: SSIM from its minimum to 1, the others from 0."""
    duration = frames[-1]["time"] + (frames[-1]["time"] / max(len(frames) - 1, 1) or 1.0)
    canvas, curves = blank_timeline(duration), []
    ranges = (("ssim", 1.0, BRIGHTNESS), ("psnr", 60.0, MOTION), ("vmaf", 100.0, THIRD))
    for metric, top, color in ranges:
        points = [(f["time"], min(overall(f, metric), top)) for f in frames]
        least = min(value for _, value in points)
        bottom = min(math.floor(least * 10) / 10, 0.9) if metric == "ssim" else 0.0
        if not math.isnan(points[0][1]):
            curves.append(Curve(f"{metric} ({bottom:g} to {top:g})", color, points, bottom, top))
    return drawn(canvas, curves, duration)
