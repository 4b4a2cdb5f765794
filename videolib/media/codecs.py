"""Containers and codecs: what a file has, and what keeps it from being an MP4 of a target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from videolib.core.errors import attempt
from videolib.media.metadata import is_cover, is_picture, probe_with_pyav, read_metadata, summarize
from videolib.media.reader import Media
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State

if TYPE_CHECKING:
    from videolib.core.errors import Failure
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


VideoCodec = Literal["h264", "hevc", "vp9", "av1"]


AudioCodec = Literal["aac", "mp3", "opus", "ac3", "eac3", "alac"]


PLAIN_PIXELS = frozenset({"yuv420p", "yuvj420p"})


DEEP_PIXELS = PLAIN_PIXELS | {"yuv420p10le"}


def misfits(
    metadata: Mapping[str, Any],
    target_v: str = "h264",
    target_a: str = "aac",
    profiles: Sequence[str] = (),
    deep: bool | None = None,
) -> list[str]:
    """Why a video, told by ffprobe-shaped metadata, is no MP4 of the target codecs; empty: it is.

    `profiles`, where given, are the only profiles its pictures may have. `deep` says whether ten
    bits a sample are welcome; left out, they are with every codec but H.264, which few players
    decode so.
    """
    streams = metadata.get("streams", [])
    container = container_misfit(metadata)
    reasons = [container] if container else []
    if not any(is_picture(stream) for stream in streams):
        reasons.append("has no video stream")
    for stream in streams:
        if is_picture(stream):
            reasons.append(picture_misfit(stream, target_v, profiles, deep))
        elif stream.get("codec_type") == "audio":
            reasons.append(sound_misfit(stream, target_a))
    return list(dict.fromkeys(filter(None, reasons)))


def container_misfit(metadata: Mapping[str, Any]) -> str:
    """Why the container is not MP4, or an empty string. QuickTime differs by its brand only."""
    about = metadata.get("format", {})
    names = str(about.get("format_name", "unknown")).split(",")
    if "mp4" not in names:
        return f"container is {names[0]}, not mp4"
    brand = str(about.get("tags", {}).get("major_brand", "")).strip()
    return "container is QuickTime, not mp4" if brand in ("", "qt") else ""


def picture_misfit(
    stream: Mapping[str, Any], target: str, profiles: Sequence[str] = (), deep: bool | None = None
) -> str:
    codec, profile = stream.get("codec_name") or "unknown", stream.get("profile")
    if codec != target:
        return f"video is {codec}, not {target}"
    if profiles:  # whoever names a profile wants its pixels too
        fits = str(profile).lower() in map(str.lower, profiles)
        return "" if fits else f"video profile is {profile}, not {' or '.join(profiles)}"
    pixels = stream.get("pix_fmt")
    fitting = DEEP_PIXELS if (target != "h264" if deep is None else deep) else PLAIN_PIXELS
    if pixels and pixels not in fitting:
        return f"video is {codec} {profile or ''} in {pixels}, which few players show"
    return ""


def sound_misfit(stream: Mapping[str, Any], target: str) -> str:
    codec = stream.get("codec_name") or "unknown"
    return "" if codec == target else f"audio is {codec}, not {target}"


CONTAINERS = {"matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "asf": "wmv"}


def fresh_metadata(video: Video, sidecars: SidecarDir) -> dict[str, Any] | None:
    """The metadata artifact of a video, where it is fresh and can be read."""
    artifact = ARTIFACTS["metadata"]
    try:
        if not sidecars or artifact.state(video, sidecars) is not State.FRESH:
            return None
    except OSError:  # the video cannot be looked at: opening it will say why
        return None
    return read_metadata(sidecars[artifact.record_name(video)].path)


def probe_all(videos: Sequence[Video], allow_codecs: str) -> list[dict[str, Any] | Failure]:
    """ffprobe-shaped metadata of videos, or why there is none. Runs in a worker."""

    def probe(video: Video) -> dict[str, Any]:
        with Media(video, allow_codecs) as media:
            return probe_with_pyav(media, look=False)

    return [attempt(probe, video) for video in videos]


def codec_facts(video: Video, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Container, codecs, duration and streams, of the film a player shows and all its sound."""
    streams, summary = metadata.get("streams", []), summarize(metadata)
    shown_one: Mapping[str, Any] = next(
        (s for s in streams if is_picture(s) and s.get("width") == summary["width"]), {}
    )
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
    kinds = Counter("picture" if is_cover(s) else s.get("codec_type") for s in streams)
    return {
        "container": container_name(video, metadata.get("format", {})),
        "vcodec": shown_one.get("codec_name"),
        "vprofile": shown_one.get("profile"),
        "acodecs": [sound.get("codec_name") or "unknown" for sound in sounds],
        "languages": [sound.get("tags", {}).get("language", "und") for sound in sounds],
        "duration": summary["duration"],
        "streams": dict(kinds),
    }


def container_name(video: Video, about: Mapping[str, Any]) -> str:
    """What people call a container, where libav's name stands for several: as the file is named."""
    names = str(about.get("format_name", "unknown")).split(",")
    extension = video.name.rpartition(".")[2].lower().replace("m4v", "mp4")
    if str(about.get("tags", {}).get("major_brand", "")).strip() == "qt":
        return "mov"
    return extension if extension in names else CONTAINERS.get(names[0], names[0])
