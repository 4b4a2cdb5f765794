"""Containers and codecs: what a file has, and what keeps it from being an MP4 of a target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.media.metadata import is_cover, is_picture, summarize

if TYPE_CHECKING:
    from videolib.storage.videos import Video

# Subtitles that are text, as libav calls their codecs.
TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})

# Pixel formats that players commonly show.
EIGHT_BIT_PIXELS = frozenset({"yuv420p", "yuvj420p"})
TEN_BIT_PIXELS = EIGHT_BIT_PIXELS | {"yuv420p10le"}


def misfits(
    metadata: Mapping[str, Any],
    video_codec: str = "h264",
    audio_codec: str = "aac",
    profiles: Sequence[str] = (),
    ten_bits: bool | None = None,
) -> list[str]:
    """Why a video, by its ffprobe-shaped metadata, is no MP4 of these codecs; empty where it is.

    `profiles`, where given, are the only profiles its pictures may have. `ten_bits`: whether ten
    bits per sample are accepted; None: with every codec but H.264, which few players decode so.
    """
    streams = metadata.get("streams", [])
    reasons = [container_misfit(metadata)]
    if not any(is_picture(stream) for stream in streams):
        reasons.append("has no video stream")
    for stream in streams:
        if is_picture(stream):
            reasons.append(picture_misfit(stream, video_codec, profiles, ten_bits))
        elif stream.get("codec_type") == "audio":
            reasons.append(sound_misfit(stream, audio_codec))
    return list(dict.fromkeys(filter(None, reasons)))


def container_misfit(metadata: Mapping[str, Any]) -> str:
    """Why the container is not MP4, or an empty string. QuickTime differs by its brand only."""
    container = metadata.get("format", {})
    names = str(container.get("format_name", "unknown")).split(",")
    if "mp4" not in names:
        return f"container is {names[0]}, not mp4"
    return "container is QuickTime, not mp4" if major_brand(container) in ("", "qt") else ""


def major_brand(container: Mapping[str, Any]) -> str:
    """The brand of an MP4 or QuickTime file (`qt`), by ffprobe's `format`; empty: none."""
    return str(container.get("tags", {}).get("major_brand", "")).strip()


def picture_misfit(
    stream: Mapping[str, Any],
    target: str,
    profiles: Sequence[str] = (),
    ten_bits: bool | None = None,
) -> str:
    """Why a stream of pictures is not of the target codec, one of the profiles (where any are
    named) and a common pixel format, or an empty string."""
    codec, profile = stream.get("codec_name") or "unknown", stream.get("profile")
    if codec != target:
        return f"video is {codec}, not {target}"
    if profiles:  # whoever names a profile wants its pixels too
        fits = str(profile).lower() in map(str.lower, profiles)
        return "" if fits else f"video profile is {profile}, not {' or '.join(profiles)}"
    if ten_bits is None:
        ten_bits = target != "h264"
    pixels = stream.get("pix_fmt")
    if pixels and pixels not in (TEN_BIT_PIXELS if ten_bits else EIGHT_BIT_PIXELS):
        return f"video is {codec} {profile or ''} in {pixels}, which few players show"
    return ""


def sound_misfit(stream: Mapping[str, Any], target: str) -> str:
    """Why an audio stream is not of the target codec, or an empty string."""
    codec = stream.get("codec_name") or "unknown"
    return "" if codec == target else f"audio is {codec}, not {target}"


# Short names of containers by the first of libav's, where the two differ.
CONTAINERS = {"matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "asf": "wmv"}


def codec_facts(video: Video, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Container, codecs, duration and streams: of the pictures that a player shows and all audio
    streams."""
    streams, summary = metadata.get("streams", []), summarize(metadata)
    pictures: Mapping[str, Any] = next(
        (s for s in streams if is_picture(s) and s.get("width") == summary["width"]), {}
    )
    audio = [stream for stream in streams if stream.get("codec_type") == "audio"]
    kinds = Counter("picture" if is_cover(s) else s.get("codec_type") for s in streams)
    return {
        "container": container_name(video, metadata.get("format", {})),
        "vcodec": pictures.get("codec_name"),
        "vprofile": pictures.get("profile"),
        "acodecs": [stream.get("codec_name") or "unknown" for stream in audio],
        "languages": [stream.get("tags", {}).get("language", "und") for stream in audio],
        "duration": summary["duration"],
        "streams": dict(kinds),
    }


def container_name(video: Video, container: Mapping[str, Any]) -> str:
    """The short name of a container; where libav's stands for several, that of the file's
    extension."""
    names = str(container.get("format_name", "unknown")).split(",")
    extension = video.name.rpartition(".")[2].lower().replace("m4v", "mp4")
    if major_brand(container) == "qt":
        return "mov"
    return extension if extension in names else CONTAINERS.get(names[0], names[0])
