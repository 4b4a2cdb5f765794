"""How close a video is to its original, frame by frame: SSIM, PSNR, XPSNR and VMAF by ffmpeg.

`compare_in_worker` is the whole of a comparison. `Alignment` (in alignment) says how the two videos
are made comparable; ffmpeg decodes both once and runs every metric on the aligned frames;
`comparison_data` sums up their values for JSON, and `comparison_text` makes a text of that.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from videolib.core.errors import Failure, UsageError, VideoError, attempt
from videolib.core.processes import (
    Tool,
    cores,
    ffmpeg_features,
    installed_tools,
    need_tool,
    run_tool,
)
from videolib.core.progress import parent_link
from videolib.core.text import clock, finite_mean, plural, printable, table
from videolib.core.workers import Workers
from videolib.media.alignment import Alignment, VideoGeometry, measure_geometry
from videolib.media.charts import AMBER, CORAL, GREEN, Curve, blank_chart, draw_chart
from videolib.media.duration import MAX_DURATION
from videolib.media.ffmpeg import decoding_flags
from videolib.media.reader import Media
from videolib.storage.folders import need_output
from videolib.storage.videos import Video

if TYPE_CHECKING:
    from videolib.core.progress import ProgressReport
    from videolib.core.runs import Job

BASIC_FILTERS = ("ssim", "psnr")  # ffmpeg's filters for the metrics that every build has
ALL_FILTERS = (*BASIC_FILTERS, "xpsnr", "libvmaf")

METRICS = ("ssim", "psnr", "xpsnr", "vmaf")  # names in results, in their order

# Names that the filters give to the values of the planes Y, U and V.
PLANES = {
    "ssim": ("ssim.Y", "ssim.U", "ssim.V"),
    "psnr": ("psnr.psnr.y", "psnr.psnr.u", "psnr.psnr.v"),
    "xpsnr": ("xpsnr.xpsnr.y", "xpsnr.xpsnr.u", "xpsnr.xpsnr.v"),
}

# Per metric the least value of each class and its name, the best first.
QUALITY_CLASSES = {
    "ssim": ((0.99, "excellent"), (0.95, "good"), (0.88, "fair"), (0.5, "poor")),
    "psnr": ((37.0, "excellent"), (31.0, "good"), (25.0, "fair"), (20.0, "poor")),
}


def quality_class(metric: str, value: float) -> str:
    """The class of a value over all frames: excellent, good, fair, poor or bad, as mean opinion
    scores from 5 to 1.

    PSNR by the table of EvalVid (J. Klaue et al., TOOLS 2003), SSIM by T. Zinner et al., "Impact of
    Frame Rate and Resolution on Objective QoE Metrics", QoMEX 2010.
    """
    return next((name for least, name in QUALITY_CLASSES[metric] if value >= least), "bad")


class ComparedFiles(NamedTuple):
    """The two files of a comparison, and that of its picture: None for none, the working folder for
    one that is named after the other video."""

    original: Path
    other: Path
    chart: Path | None = None

    @property
    def videos(self) -> tuple[Video, Video]:
        """The two as videos."""
        paths = (self.original, self.other)
        original, other = (Video(str(path.absolute()), str(path), "") for path in paths)
        return original, other

    @property
    def chart_path(self) -> Path | None:
        return Path(f"{self.other.name}.compare.png") if self.chart == Path() else self.chart

    def check(self) -> None:
        """Raise UsageError where a video is missing, or the picture cannot be written."""
        for path in (self.original, self.other):
            if path == Path():
                raise UsageError("compare ORIGINAL OTHER: name two videos")
            if not path.exists():
                raise UsageError(f"{printable(str(path))}: no such file")
        if chart := self.chart_path:
            if chart.suffix.lower() != ".png":
                raise UsageError(f"--png {printable(str(chart))}: the name should end in .png")
            need_output("--png", chart)


class ComparisonOptions(NamedTuple):
    """How two videos are compared.

    `vmaf`: also VMAF and XPSNR, where an ffmpeg here has them. `chart`: draw quality over time.
    `timeout`: seconds, 0: no limit. `allow_codecs`: decoders beside the common ones.
    """

    vmaf: bool = True
    chart: bool = False
    timeout: float = 0.0
    allow_codecs: str = ""


class Comparison(NamedTuple):
    """The result of a comparison: its values as JSON has them, and the chart as PNG, empty where
    none was asked for."""

    data: dict[str, Any]
    chart: bytes


def compare_in_worker(
    job: Job, original: Video, other: Video, options: ComparisonOptions
) -> Comparison:
    """Compare two videos in a worker process; the job shows how far that is. Raises VideoError that
    names the video at fault."""
    ffmpeg, filters = best_ffmpeg(ALL_FILTERS if options.vmaf else BASIC_FILTERS)
    share_done = 0.0

    def show(report: ProgressReport) -> None:
        nonlocal share_done
        job.console.step(other.rel, report.share - share_done, report.note)
        share_done = report.share

    workers = Workers(1, {"av", "numpy"}, on_progress=show)
    workers.admit([original.path, other.path])
    try:
        with job.limits.reserve(job, "compare", cores()), job.console.progress(1):
            job.console.step(other.rel, 0)
            comparison = workers.call(
                job, options.timeout, compare_videos, (original, other), ffmpeg, filters, options
            )
            job.console.step(other.rel, 1 - share_done)
            return comparison
    finally:
        workers.close()


def best_ffmpeg(wanted: Sequence[str]) -> tuple[str, list[str]]:
    """The path of the ffmpeg that has most of these filters, and those that it has.

    Raises VideoError where there is no ffmpeg.
    """
    builds = list(installed_tools("ffmpeg")) or [Tool("ffmpeg", need_tool("ffmpeg"), "")]
    filters = {
        build.path: [name for name in wanted if name in ffmpeg_features(build.path, "filter")]
        for build in builds
    }
    path = max(filters, key=lambda path: len(filters[path]))
    return path, filters[path]


def compare_videos(
    videos: tuple[Video, Video], ffmpeg: str, filters: Sequence[str], options: ComparisonOptions
) -> Comparison:
    """Compare two videos, the original first. Runs in a worker.

    Raises VideoError where one cannot be read, or no frame can be compared.
    """
    parent_link.work_on(videos[1].rel, "compare")
    with contextlib.ExitStack() as stack:
        sides, geometries = list[Media](), list[VideoGeometry]()
        for video in videos:
            result = attempt(open_side, stack, video, options.allow_codecs)
            if isinstance(result, Failure):
                raise VideoError(f"{printable(video.rel)}: {result.reason}")
            sides.append(result[0])
            geometries.append(result[1])
        alignment = Alignment(*geometries)
        frames = measure_frames(sides, alignment, ffmpeg, filters, options.timeout)
    if not frames:
        raise VideoError("no frame of the two could be compared")
    names = {"original": videos[0].rel, "other": videos[1].rel}
    data = names | comparison_data(frames) | {"frames": len(frames)}
    adaptations = list(alignment.adaptations())
    warnings = [*adaptations, *alignment.caveats(len(frames))]
    data |= {"aligned": bool(adaptations), "warnings": warnings}
    return Comparison(data, draw_quality(frames) if options.chart else b"")


def open_side(
    stack: contextlib.ExitStack, video: Video, allow_codecs: str
) -> tuple[Media, VideoGeometry]:
    """A video, open until the stack is closed, and its geometry."""
    media = stack.enter_context(Media(video, allow_codecs))
    return media, measure_geometry(media)


FrameValues = dict[str, float]  # of one frame: time (s), and values by the names filters give them


def measure_frames(
    sides: Sequence[Media],
    alignment: Alignment,
    ffmpeg: str,
    filters: Sequence[str],
    timeout: float,
) -> list[FrameValues]:
    """The values of every frame that both have, from one run of ffmpeg over both videos.

    `timeout` in seconds, 0: none. Raises VideoError where ffmpeg fails.
    """
    end = min(side.duration for side in sides)

    def report(line: str) -> bool:
        if (time := time_of_frame(line)) is not None:
            sides[0].progress.at(time, end)
        return True

    with file_in_memory("vmaf.json") as vmaf_log:
        graph = comparison_graph(alignment, filters, vmaf_log.fileno())
        inputs = [
            part
            for side in sides
            for part in (*side.input_flags, *decoding_flags(side, ffmpeg), "-i", side.url)
        ]
        argv = [ffmpeg, "-v", "error", "-nostdin", *inputs, "-filter_complex", graph]
        descriptors = [*(side.descriptor for side in sides), vmaf_log.fileno()]
        output = run_tool(
            [*argv, "-f", "null", "-"],
            timeout=timeout or MAX_DURATION,
            pass_fds=descriptors,
            on_line=report,
        )
        vmaf_log.seek(0)
        vmaf_scores = json.load(vmaf_log)["frames"] if "libvmaf" in filters else []
    frames = read_frame_values(output.decode())
    for frame, score in zip(frames, vmaf_scores, strict=False):
        frame["vmaf"] = score["metrics"]["vmaf"]
    return frames


def file_in_memory(name: str) -> BinaryIO:
    """A file that is in no folder, which takes no right to write in one; where the system has none,
    a temporary one."""
    import tempfile

    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create(name), "w+b")
    return typing.cast("BinaryIO", tempfile.TemporaryFile())


def read_frame_values(output: str) -> list[FrameValues]:
    """The frames in the output of ffmpeg's filter `metadata=print`: a line `frame:` with the time,
    and a line `lavfi.KEY=VALUE` for each value."""
    frames = list[FrameValues]()
    for line in output.splitlines():
        key, _, value = line.partition("=")
        if (time := time_of_frame(line)) is not None:
            frames.append({"time": time})
        elif key.startswith("lavfi."):
            frames[-1][key.removeprefix("lavfi.")] = float(value)
    return frames


def time_of_frame(line: str) -> float | None:
    """The time (s) in a line `frame:` of that output; None for any other line."""
    return float(line.rpartition("pts_time:")[2]) if line.startswith("frame:") else None


def comparison_graph(alignment: Alignment, filters: Sequence[str], vmaf_log: int) -> str:
    """The filter graph that measures both sides: they are aligned, then the other video goes
    through one metric after another, each with a copy of the original.

    VMAF is logged to the file descriptor `vmaf_log`, the other metrics are printed.
    """
    original, other = alignment
    sync = f"shortest={int(alignment.common_rate is not None)}"
    options = {"libvmaf": f":log_fmt=json:log_path=/dev/fd/{vmaf_log}:n_threads={cores()}"}
    copies = "".join(f"[r{i}]" for i in range(len(filters)))
    chains = [
        f"[0:{original.stream}]{alignment.filters(original)},split={len(filters)}{copies}",
        f"[1:{other.stream}]{alignment.filters(other)}[m0]",
    ]
    for i, name in enumerate(filters):
        end = f"[m{i + 1}]" if i + 1 < len(filters) else ",metadata=print:file=-"
        chains.append(f"[m{i}][r{i}]{name}={sync}{options.get(name, '')}{end}")
    return ";".join(chains)


def overall_psnr(values: Sequence[float]) -> float:
    """The PSNR (dB) of the mean squared error over frames with these PSNRs, as the `average` in the
    summary of ffmpeg's filter."""
    error = sum(10 ** (-value / 10) for value in values) / len(values)
    return -10 * math.log10(error) if error else math.inf


def overall_xpsnr(values: Sequence[float]) -> float:
    """The mean of XPSNR values (dB) as ffmpeg's filter takes it: that of the roots of the weighted
    distortions, as dB."""
    root = sum(10 ** (-value / 20) for value in values) / len(values)
    return -20 * math.log10(root) if root else math.inf


# How a metric's values over frames become one, where that is not their mean.
OVERALL = {"psnr": overall_psnr, "xpsnr": overall_xpsnr}


def comparison_data(frames: Sequence[FrameValues]) -> dict[str, Any]:
    """Values over all frames as ffmpeg's filters sum them up, their classes, minima, values per
    plane and the worst frame, as JSON has them.

    `psnr_mean` is the mean over the frames that differ at all. Metrics that were not measured are
    left out.
    """
    data: dict[str, Any] = {}
    planes: dict[str, Any] = {}
    minimum: dict[str, Any] = {}
    for metric in METRICS:
        values = [frame_value(frame, metric) for frame in frames]
        if math.isnan(values[0]):
            continue
        overall = OVERALL.get(metric, finite_mean)
        by_plane = [overall([frame[key] for frame in frames]) for key in PLANES.get(metric, ())]
        if by_plane:
            planes[metric] = dict(zip("yuv", map(json_value, by_plane), strict=True))
        average = min(by_plane) if metric == "xpsnr" else overall(values)
        data[metric], minimum[metric] = json_value(average), json_value(min(values))
        if metric == "psnr":
            data["psnr_mean"] = json_value(finite_mean(values))
        if metric in QUALITY_CLASSES:
            data[f"{metric}_quality"] = quality_class(metric, average)
    worst = min(frames, key=lambda frame: [frame_value(frame, metric) for metric in BASIC_FILTERS])
    worst_values = {metric: json_value(frame_value(worst, metric)) for metric in BASIC_FILTERS}
    worst_data = {"time": round(worst["time"], 6)} | worst_values
    return data | {"planes": planes, "minimum": minimum, "worst": worst_data}


def frame_value(frame: FrameValues, metric: str) -> float:
    """A frame's value over all planes (for XPSNR the least of them, as in ffmpeg's summary); NaN
    where the metric was not measured."""
    if metric == "xpsnr":
        return min(frame.get(key, math.nan) for key in PLANES["xpsnr"])
    return frame.get({"ssim": "ssim.All", "psnr": "psnr.psnr_avg"}.get(metric, metric), math.nan)


def json_value(value: float) -> float | str:
    """A value with six decimals, or `inf`, which JSON has no number for."""
    return "inf" if math.isinf(value) else round(value, 6)


def text_value(metric: str, value: float | str) -> str:
    """A value of JSON for the table."""
    return value if isinstance(value, str) else f"{value:.{4 if metric == 'ssim' else 2}f}"


def draw_quality(frames: Sequence[FrameValues]) -> bytes:
    """A PNG of SSIM, PSNR and VMAF over time: SSIM from about its minimum to 1, the others from 0
    up to 60 dB and 100."""
    duration = frames[-1]["time"] + (frames[-1]["time"] / max(len(frames) - 1, 1) or 1.0)
    canvas, curves = blank_chart(duration), []
    ranges = (("ssim", 1.0, AMBER), ("psnr", 60.0, CORAL), ("vmaf", 100.0, GREEN))
    for metric, top, color in ranges:
        points = [(f["time"], min(frame_value(f, metric), top)) for f in frames]
        least = min(value for _, value in points)
        bottom = min(math.floor(least * 10) / 10, 0.9) if metric == "ssim" else 0.0
        if not math.isnan(points[0][1]):
            curves.append(Curve(f"{metric} ({bottom:g} to {top:g})", color, points, bottom, top))
    return draw_chart(canvas, curves, duration)


def comparison_text(data: Mapping[str, Any]) -> str:
    """A comparison as text: a table of the metrics, the worst frame, and the warnings."""
    rows = [["metric", "overall", "worst", "quality"]]
    for metric in METRICS:
        if metric in data:
            values = (text_value(metric, part[metric]) for part in (data, data["minimum"]))
            rows.append([metric.upper(), *values, data.get(f"{metric}_quality", "")])
        if metric == "psnr":
            rows.append(["PSNR, mean", text_value(metric, data["psnr_mean"]), "", ""])
    worst = f"worst frame at {clock(data['worst']['time'], millis=True)}"
    lines = [table(rows), f"{plural(data['frames'], 'frame')}, {worst}"]
    return "\n".join([*lines, *(f"note: {warning}" for warning in data["warnings"])])
