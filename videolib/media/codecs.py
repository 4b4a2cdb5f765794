"""Container and codecs of a file by its metadata, and what keeps it from fitting a target.

`misfits` lists the reasons, `codec_facts` names what the file has. The report on a library made of
them is in codec_report, what can be a target in targets, how one is reached in transcode_plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from videolib.media.metadata import summarize
from videolib.media.streams import codec_of, film_of, is_cover, moving_pictures, streams_of_type

if TYPE_CHECKING:
    from videolib.storage.videos import Video

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
    reasons = [container_misfit(metadata)]
    pictures = moving_pictures(metadata.get("streams", []))
    if not pictures:
        reasons.append("has no video stream")
    reasons += [picture_misfit(s, video_codec, profiles, ten_bits) for s in pictures]
    reasons += [sound_misfit(s, audio_codec) for s in streams_of_type(metadata, "audio")]
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
    codec, profile = codec_of(stream) or "unknown", stream.get("profile")
    if stream.get("encrypted"):
        return "video is encrypted"
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
    if stream.get("encrypted"):
        return "audio is encrypted"
    codec = codec_of(stream) or "unknown"
    return "" if codec == target else f"audio is {codec}, not {target}"


# Short names of containers by the first of libav's, where the two differ.
CONTAINERS = {"matroska": "mkv", "mpegts": "ts", "mpeg": "mpg", "asf": "wmv"}


def codec_facts(video: Video, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the report: the container, codec and profile of the pictures that a player shows,
    codecs and languages of all audio streams, duration (s), and the number of streams by type."""
    streams, summary = metadata.get("streams", []), summarize(metadata)
    film = film_of(streams) or {}
    audio = streams_of_type(metadata, "audio")
    kinds = Counter("picture" if is_cover(s) else s.get("codec_type") for s in streams)
    return {
        "container": container_name(video, metadata.get("format", {})),
        "vcodec": codec_of(film) or None,
        "vprofile": film.get("profile"),
        "acodecs": [codec_of(stream) or "unknown" for stream in audio],
        "languages": [stream.get("tags", {}).get("language", "und") for stream in audio],
        "duration": summary["duration"],
        "streams": dict(kinds),
    } | ({"encrypted": True} if summary["encrypted"] else {})


def container_name(video: Video, container: Mapping[str, Any]) -> str:
    """The short name of a container; where libav has one name for several formats, the file's
    extension chooses among them."""
    names = str(container.get("format_name", "unknown")).split(",")
    extension = video.name.rpartition(".")[2].lower().replace("m4v", "mp4")
    if major_brand(container) == "qt":
        return "mov"
    return extension if extension in names else CONTAINERS.get(names[0], names[0])
