"""Transcoding: what becomes of every stream, the command line, and following the run."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from videolib.core.errors import VideoError, attempt
from videolib.core.processes import need_tool
from videolib.core.text import clock, printable, to_frame_rate
from videolib.core.workers import tell
from videolib.media.codecs import misfits, picture_misfit, sound_misfit
from videolib.media.encoders import PRESETS, picture_options, sound_options, tag_options
from videolib.media.frames import Frame
from videolib.media.metadata import first_frame, is_picture, probe_with_pyav

if TYPE_CHECKING:
    from index import Transcode
    from videolib.media.encoders import Encoder
    from videolib.media.reader import Media


TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})


class StreamPlan(NamedTuple):
    """What becomes of one stream of a source; `why` says why it is not simply copied."""

    stream: Mapping[str, Any]
    action: Literal["copy", "encode", "drop"]
    why: str = ""

    @property
    def type(self) -> str:
        return str(self.stream.get("codec_type"))

    def __str__(self) -> str:
        language = self.stream.get("tags", {}).get("language", "")
        codec = self.stream.get("codec_name") or "unknown codec"
        told = ", ".join(filter(None, (codec, "" if language == "und" else language)))
        return f"stream {self.stream['index']} ({told}): {self.why}"


class TranscodePlan(NamedTuple):
    """What is to be done with one source: why, and the way of every stream."""

    metadata: Mapping[str, Any]
    reasons: list[str]
    routes: list[StreamPlan]
    duration: float

    @property
    def kept(self) -> list[StreamPlan]:
        return [route for route in self.routes if route.action != "drop"]

    @property
    def encodes(self) -> bool:
        return any(r.action == "encode" and r.type == "video" for r in self.routes)

    @property
    def left_out(self) -> list[str]:
        """The streams that the output will not have, each with the reason."""
        return [str(route) for route in self.routes if route.action == "drop"]

    def __str__(self) -> str:
        """The work in a few words."""
        ways = {(r.type, "encode" if r.action == "encode" else "copy") for r in self.kept}
        if not any(way == "encode" for kind, way in ways if kind != "subtitle"):
            return "remux"
        return ", ".join(f"{way} {kind}" for kind, way in sorted(ways, reverse=True))


def plan_streams(media: Media, request: Transcode) -> TranscodePlan:
    """Look at a source and decide on every stream. Raises VideoError where it has no pictures."""
    if not media.container.streams.video:
        raise VideoError("has no video stream")
    metadata = probe_with_pyav(media)
    keep_depth = request.hdr == "keep" or None
    deep = keep_depth if request.target_v == "h264" else True
    reasons = misfits(metadata, request.target_v, request.target_a, (), deep)
    first = attempt(first_frame, media)
    combed = isinstance(first, Frame) and first.raw.interlaced_frame
    routes = []
    for stream in metadata["streams"]:
        if request.tone_maps(stream) and is_picture(stream):
            reasons.append(f"video is HDR ({stream['color_transfer']}), to be tone-mapped")
        marked = {**stream, "interlaced": bool(combed)} if is_picture(stream) else stream
        routes.append(route_of(marked, metadata, request, deep))
    return TranscodePlan(metadata, reasons, routes, media.duration)


def route_of(
    stream: Mapping[str, Any], metadata: Mapping[str, Any], request: Transcode, deep: bool | None
) -> StreamPlan:
    """The way of one stream into the output."""
    kind, codec = stream.get("codec_type"), stream.get("codec_name")
    if is_picture(stream):
        why = picture_misfit(stream, request.target_v, (), deep)
        if "avi" in str(metadata["format"].get("format_name")):
            why = why or "AVI has no display times"
        if request.tone_maps(stream):
            why = why or "to be tone-mapped"
        return StreamPlan(stream, "copy" if not why and request.copy_fitting else "encode", why)
    if kind == "video":
        return StreamPlan(stream, "drop", "a cover picture")
    if kind == "audio":
        why = sound_misfit(stream, request.target_a)
        return StreamPlan(stream, "copy" if not why and request.copy_fitting else "encode", why)
    if kind == "subtitle" and request.drop_subtitles:
        return StreamPlan(stream, "drop", "subtitles were not wanted")
    if kind == "subtitle" and codec in TEXT_SUBTITLES:
        return StreamPlan(stream, "copy" if codec == "mov_text" else "encode", "")
    if kind == "subtitle":
        return StreamPlan(stream, "drop", "picture subtitles, which MP4 cannot hold")
    return StreamPlan(stream, "drop", f"{kind or 'unknown'} stream, which MP4 cannot hold")


def action_line(action: Mapping[str, Any]) -> str:
    """One video's part of the result, for people."""
    facts = [action.get("work", ""), "; ".join(action.get("reasons", []))]
    if "effort" in action:
        facts.append(f"about {clock(action['effort'])}")
    if "saving" in action:
        facts.append(size_change(action["saving"]))
    facts += [f"left out: {told}" for told in action.get("left_out", [])]
    facts.append(action.get("degraded", ""))
    told = " - ".join(printable(fact) for fact in facts if fact)
    return f"{action['status']:9} {printable(action['video'])}: {told}"


def size_change(saving: float) -> str:
    """The share of the source's size that an output saves, in words."""
    return f"{saving:.1%} smaller" if saving >= 0 else f"{-saving:.1%} larger"


def stands_within(path: Path, folder: Path) -> bool:
    """Whether a path, or what is there of it, is a folder or lies inside it, by whatever link."""
    sidecar_dir = path.resolve()
    return any(same_file(place, folder) for place in (sidecar_dir, *sidecar_dir.parents))


def same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (FileNotFoundError, NotADirectoryError):
        return False


def transcode_argv(
    media: Media, plan: TranscodePlan, request: Transcode, encoder: Encoder, scratch: Path
) -> list[str]:
    """The ffmpeg command that makes the output."""
    argv = [need_tool("ffmpeg"), "-v", "error", "-nostdin", "-nostats", "-progress", "pipe:1"]
    argv += [*encoder.device(), *media.input_flags, "-i", media.url]
    argv += ["-map_metadata", "0", "-map_chapters", "0"]
    for number, route in enumerate(plan.kept):
        argv += ["-map", f"0:{route.stream['index']}"]
        options = {"c": "copy"}
        if route.action == "encode" and route.type == "video":
            options = picture_options(route.stream, media, request, encoder)
            options["fps_mode"] = "vfr"
        elif route.action == "encode" and route.type == "audio":
            options = sound_options(route.stream, request)
        elif route.action == "encode":
            options = {"c": "mov_text"}
        if route.type == "video" and request.target_v == "hevc":
            options["tag"] = "hvc1"
        argv += [part for name, value in options.items() for part in (f"-{name}:{number}", value)]
        for tag in tag_options(route.stream):
            argv += [f"-metadata:s:{number}", tag]
    # Sparse subtitles make ffmpeg hold back many packets of the other streams.
    return [
        *argv,
        *("-max_muxing_queue_size", "4096", "-movflags", "+faststart", "-f", "mp4"),
        f"file:{scratch}",
    ]


class FfmpegProgress:
    """Follows an ffmpeg run by what it says: its progress, and complaints of its decoders."""

    DAMAGE = re.compile(
        r"error while decoding|error submitting packet|invalid data found|corrupt|truncat"
        r"|concealing|invalid nal|missing reference|non-existing [ps]ps|damaged|partial file",
        re.IGNORECASE,
    )

    def __init__(self, duration: float) -> None:
        self.duration = max(duration, 0.001)
        self.values: dict[str, str] = {}
        self.last = ""
        self.damage = 0
        self.full = False

    def __call__(self, line: str) -> bool:
        key, equals, value = line.strip().partition("=")
        if not equals or " " in key:
            self.damage += bool(self.DAMAGE.search(line))
            self.full |= "No space left on device" in line
            return False
        self.values[key] = value
        if key != "progress":
            return False
        now = "/".join(self.values.get(k, "") for k in ("frame", "out_time_us", "total_size"))
        moved, self.last = now != self.last, now
        tell(self.share, self.note)
        return moved

    @property
    def share(self) -> float:
        """How much is done, 0 to 1; the checks that follow are the rest."""
        done = self.values.get("out_time_us", "")
        seconds = int(done) / 1e6 if done.lstrip("-").isdigit() else 0.0
        return min(max(seconds / self.duration, 0.0), 0.99)

    @property
    def note(self) -> str:
        speed = self.values.get("speed", "").strip().removesuffix("x")
        told = f"{self.share:.0%}"
        with contextlib.suppress(ValueError):
            left = self.duration * (1 - self.share) / max(float(speed), 1e-3)
            told += f" {float(speed):.3g}x ETA {clock(left)}"
        return told


# CPU seconds per million pixels at the preset medium, measured on a 2020s server core, and how the
# presets differ from it: a rough guess is better than none when a library takes weeks.
PIXEL_COST = {"libx264": 0.045, "libx265": 0.16, "libvpx-vp9": 0.28, "libsvtav1": 0.11}


HARDWARE_COST = 0.004


PRESET_COST = (0.15, 0.25, 0.4, 0.65, 0.85, 1.0, 1.7, 3.0, 6.0)


COPY_SPEED = 200e6  # bytes per second


SOUND_SPEED = 60.0  # seconds of sound per second


def estimated_effort(
    media: Media, plan: TranscodePlan, request: Transcode, encoder: Encoder
) -> float:
    """About how many CPU seconds the work will take."""
    seconds = media.stat.st_size / COPY_SPEED
    for route in plan.kept:
        if route.action == "encode" and route.type == "video":
            frames = plan.duration * (to_frame_rate(route.stream.get("avg_frame_rate")) or 25.0)
            pixels = (route.stream.get("width") or 0) * (route.stream.get("height") or 0) / 1e6
            cost = PIXEL_COST.get(encoder.name, HARDWARE_COST)
            seconds += frames * pixels * cost * PRESET_COST[PRESETS.index(request.preset)]
        elif route.action == "encode" and route.type == "audio":
            seconds += plan.duration / SOUND_SPEED
    return max(round(seconds, 1), 0.1)
