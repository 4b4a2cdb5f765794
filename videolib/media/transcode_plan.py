"""The plan of a transcode: what becomes of every stream of a source, why, and at what effort.

`plan_transcode` decides by the target (targets) and what keeps the source from fitting it (codecs);
transcode carries the plan out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from videolib.core.errors import VideoError, attempt
from videolib.core.text import to_frame_rate
from videolib.media.codecs import misfits, picture_misfit, sound_misfit
from videolib.media.frames import Frame, first_frame
from videolib.media.metadata import probe_with_pyav
from videolib.media.streams import (
    codec_of,
    is_cover,
    lacks_parameters,
    moving_pictures,
    undecodable,
)
from videolib.media.targets import PRESETS
from videolib.storage.subtitle_tracks import TEXT_SUBTITLES

if TYPE_CHECKING:
    from videolib.media.encoders import EncoderSettings
    from videolib.media.reader import Media
    from videolib.media.targets import TranscodeTarget


class StreamPlan(NamedTuple):
    """What becomes of one stream of a source; `reason` says why it is not simply copied.

    `stream` is ffprobe's description of it, for pictures with `interlaced`, and as `shown_by` the
    filters that ffmpeg needs to show them (see `Frame.ffmpeg_filters`).
    """

    stream: Mapping[str, Any]
    action: Literal["copy", "encode", "drop"]
    reason: str = ""

    @property
    def type(self) -> str:
        return str(self.stream.get("codec_type"))

    def encodes(self, kind: str) -> bool:
        """Whether this is a stream of that type, to be encoded."""
        return self.action == "encode" and self.type == kind

    def __str__(self) -> str:
        language = self.stream.get("tags", {}).get("language", "")
        codec = codec_of(self.stream) or "unknown codec"
        facts = ", ".join(filter(None, (codec, "" if language == "und" else language)))
        return f"stream {self.stream['index']} ({facts}): {self.reason}"


class TranscodePlan(NamedTuple):
    """What is to be done with one source of `duration` seconds, and what becomes of each stream.

    `reasons`: why it has to be transcoded; empty where it fits the target as it is.
    """

    reasons: list[str]
    streams: list[StreamPlan]
    duration: float

    @property
    def kept(self) -> list[StreamPlan]:
        """The streams that the output will have, in its order."""
        return [stream for stream in self.streams if stream.action != "drop"]

    @property
    def left_out(self) -> list[str]:
        """The streams that the output will not have, each with the reason."""
        return [str(stream) for stream in self.streams if stream.action == "drop"]

    def __str__(self) -> str:
        """The work in a few words."""
        actions = {(s.type, s.action) for s in self.kept}
        if not any(stream.encodes("video") or stream.encodes("audio") for stream in self.kept):
            return "remux"
        return ", ".join(f"{action} {kind}" for kind, action in sorted(actions, reverse=True))


def plan_transcode(media: Media, target: TranscodeTarget) -> TranscodePlan:
    """Look at a source and decide on every stream, the film first where there are several pictures.

    Raises VideoError where it has no pictures, and where pictures or sound are lost unless a
    decoder is allowed.
    """
    film = media.stream  # raises where there is none
    metadata = probe_with_pyav(media)
    if any(map(lacks_parameters, metadata["streams"])):
        for stream, facts in zip(metadata["streams"], media.look_longer(), strict=False):
            stream |= facts
    reasons = misfits(
        metadata, target.video_codec, target.audio_codec, ten_bits=target.allows_10_bits
    )
    frame = attempt(first_frame, media)
    interlaced = isinstance(frame, Frame) and bool(frame.raw.interlaced_frame)
    shown_by = frame.ffmpeg_filters() if isinstance(frame, Frame) else []
    is_avi = "avi" in str(metadata["format"].get("format_name"))
    pictures, plans = moving_pictures(metadata["streams"]), list[StreamPlan]()
    for stream in metadata["streams"]:
        if stream in pictures:
            stream["interlaced"] = interlaced
            stream["shown_by"] = shown_by if stream["index"] == media.stream.index else []
            if target.tone_maps(stream):
                reasons.append(f"video is HDR ({stream['color_transfer']}), to be tone-mapped")
        elif stream.get("codec_type") == "video":
            plans.append(StreamPlan(stream, "drop", "a cover picture"))
            continue
        plans.append(decodable_plan(media, plan_stream(stream, target, is_avi)))
    if sum(plan.type == "video" and plan.action != "drop" for plan in plans) > 1:
        plans.sort(key=lambda plan: plan.stream["index"] != film.index)
    return TranscodePlan(reasons, plans, media.duration)


def decodable_plan(media: Media, plan: StreamPlan) -> StreamPlan:
    """A plan as it is, unless it would have to decode what cannot be decoded, or may not: then the
    stream is left out.

    Raises VideoError for sound that is lost unless its decoder is allowed.
    """
    if plan.type not in ("video", "audio") or plan.action == "drop":
        return plan
    reason = undecodable(plan.stream)
    if not reason and lacks_parameters(plan.stream):
        reason = "nothing of it is in the first 100 MB"
    if reason:
        return StreamPlan(plan.stream, "drop", reason)
    refusal = media.refusal(media.container.streams[plan.stream["index"]])
    if not refusal or plan.action == "copy":
        return plan
    if plan.type == "audio":
        raise VideoError(f"its sound cannot be transcoded: {refusal}")
    return StreamPlan(plan.stream, "drop", refusal)


def plan_stream(
    stream: Mapping[str, Any], target: TranscodeTarget, is_avi: bool = False
) -> StreamPlan:
    """What becomes of one stream; `is_avi`: the source is an AVI file."""
    kind = stream.get("codec_type")
    if is_cover(stream):
        return StreamPlan(stream, "drop", "a cover picture")
    if kind == "video":
        return copied_or_encoded(stream, encoding_reason(stream, target, is_avi), target)
    if kind == "audio":
        return copied_or_encoded(stream, sound_misfit(stream, target.audio_codec), target)
    if kind != "subtitle":
        return StreamPlan(stream, "drop", f"{kind or 'unknown'} stream, which MP4 cannot hold")
    if target.drop_subtitles:
        return StreamPlan(stream, "drop", "subtitles were not wanted")
    if stream.get("codec_name") not in TEXT_SUBTITLES:
        return StreamPlan(stream, "drop", "picture subtitles, which MP4 cannot hold")
    return StreamPlan(stream, "copy" if stream.get("codec_name") == "mov_text" else "encode")


def copied_or_encoded(
    stream: Mapping[str, Any], reason: str, target: TranscodeTarget
) -> StreamPlan:
    """A stream that is copied where there is no reason to encode it, and copying is wanted."""
    copies = target.copy_fitting and not reason
    return StreamPlan(stream, "copy" if copies else "encode", reason)


def encoding_reason(stream: Mapping[str, Any], target: TranscodeTarget, is_avi: bool) -> str:
    """Why a stream of pictures has to be encoded, or an empty string."""
    reason = picture_misfit(stream, target.video_codec, ten_bits=target.allows_10_bits)
    if not reason and stream.get("shown_by"):
        return "only some players crop it, or show it over black, as its container says"
    if not reason and is_avi:
        return "AVI has no display times"
    if not reason and target.tone_maps(stream):
        return "to be tone-mapped"
    return reason


# CPU seconds per million pixels at the preset medium, measured on a server core of 2020, and the
# factor of each of PRESETS. They are rough, which is enough to tell hours from weeks.
PIXEL_COST = {"libx264": 0.045, "libx265": 0.16, "libvpx-vp9": 0.28, "libsvtav1": 0.11}
HARDWARE_PIXEL_COST = 0.004
PRESET_FACTORS = (0.15, 0.25, 0.4, 0.65, 0.85, 1.0, 1.7, 3.0, 6.0)

COPY_SPEED = 200e6  # bytes per second
AUDIO_SPEED = 60.0  # seconds of audio encoded per second


def estimated_effort(source_size: int, plan: TranscodePlan, settings: EncoderSettings) -> float:
    """CPU seconds that the work will roughly take; `source_size` in bytes."""
    seconds = source_size / COPY_SPEED
    for stream_plan in plan.kept:
        if stream_plan.encodes("video"):
            stream = stream_plan.stream
            frames = plan.duration * (to_frame_rate(stream.get("avg_frame_rate")) or 25.0)
            pixels = (stream.get("width") or 0) * (stream.get("height") or 0) / 1e6
            cost = PIXEL_COST.get(settings.encoder.name, HARDWARE_PIXEL_COST)
            seconds += frames * pixels * cost * PRESET_FACTORS[PRESETS.index(settings.preset)]
        elif stream_plan.encodes("audio"):
            seconds += plan.duration / AUDIO_SPEED
    return max(round(seconds, 1), 0.1)
