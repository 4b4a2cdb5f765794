"""Container and codecs of a file by its metadata, and what keeps it from fitting a target.

`misfits` lists the reasons, `codec_facts` names what the file has. The report on a library made of
them is in codec_report, what can be a target in targets, how one is reached in transcode_plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.media.metadata import is_cover, is_picture, summarize

if TYPE_CHECKING:
    from videolib.storage.videos import Video

# Subtitles that are text, as libav calls their codecs.
TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})

# Pixel formats that players commonly show; the second list is for targets that may have ten bits.
EIGHT_BIT_PIXELS = frozenset({"yuv420p", "yuvj420p"})
TEN_BIT_PIXELS = EIGHT_BIT_PIXELS | {"yuv420p10le"}


def misfits(
    metadata: Mapping[str, Any],
    video_codec: str = "h264",
    audio_codec: str = "aac",
    profiles: Sequence[str] = (),
    ten_bits: bool | None = None,
) -> list[str]:
    """The reasons why a video, by its ffprobe-shaped metadata, is no MP4 of these codecs.

    Empty where it is one. `profiles`: the only profiles its pictures may have; empty: any.
    `ten_bits`: whether ten bits per sample are accepted; None: for every codec but H.264, which
    few players decode at that depth.
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
    """Why the container is not MP4, or an empty string.

    libav calls QuickTime mp4, too; only the brand tells them apart.
    """
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
    """A row of the report: the container, codec and profile of the pictures that a player shows,
    codecs and languages of all audio streams, duration (s), and the number of streams by type."""
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
    """The short name of a container; where libav has one name for several formats, the file's
    extension chooses among them."""
    names = str(container.get("format_name", "unknown")).split(",")
    extension = video.name.rpartition(".")[2].lower().replace("m4v", "mp4")
    if major_brand(container) == "qt":
        return "mov"
    return extension if extension in names else CONTAINERS.get(names[0], names[0])
