"""Subtitle tracks inside a video: which are text, in what language, and what they are for.

Streams are described as ffprobe does, so that those of an opened video and those in its metadata
are judged alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from videolib.core.languages import is_in_language, language_tag, named_form, named_language
from videolib.storage.subtitle_names import Purpose, purpose_in, without_purposes

# Subtitles that are text, as libav calls their codecs.
TEXT_SUBTITLES = frozenset({"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"})

# Dispositions that tell a purpose; the first that is set wins.
DISPOSITION_PURPOSES = {
    "comment": Purpose.COMMENTARY,
    "forced": Purpose.FORCED,
    "hearing_impaired": Purpose.HEARING_IMPAIRED,
    "captions": Purpose.HEARING_IMPAIRED,
}


class SubtitleTrack(NamedTuple):
    """A subtitle stream of text: its index in the container, its language tag, its purpose, and
    whether players show it by default."""

    stream: int
    language: str
    purpose: Purpose
    default: bool


def text_tracks(streams: Iterable[Any]) -> list[SubtitleTrack]:
    """The tracks of text among streams, described as by ffprobe; what is of another shape is left
    out, as somebody may have edited the metadata."""
    return [
        subtitle_track(stream)
        for stream in streams
        if isinstance(stream, dict)
        and stream.get("codec_type") == "subtitle"
        and stream.get("codec_name") in TEXT_SUBTITLES
        and isinstance(stream.get("index"), int)
    ]


def subtitle_track(stream: Mapping[str, Any]) -> SubtitleTrack:
    """What a stream's tags and dispositions tell of it."""
    disposition, tags = (
        part if isinstance(part := stream.get(name), dict) else {}
        for name in ("disposition", "tags")
    )
    texts = {str(key).lower(): str(value) for key, value in tags.items()}
    title = texts.get("title") or texts.get("name") or texts.get("handler_name", "")
    flags = (p for name, p in DISPOSITION_PURPOSES.items() if disposition.get(name))
    purpose = next(flags, None) or purpose_in(title) or Purpose.FULL
    language = track_language(texts.get("language", ""), title)
    return SubtitleTrack(stream["index"], language, purpose, bool(disposition.get("default")))


def track_language(declared: str, title: str) -> str:
    """The tag of a track's language. The title decides where none is declared, and which form of a
    language it is: MP4 and most Matroska files say `por` of Brazilian, too."""
    tag = language_tag(declared)
    if tag:
        return tag if "-" in tag else named_form(tag, title) or tag
    return named_language(without_purposes(title))


def best_tracks(tracks: Iterable[SubtitleTrack], language: str = "") -> dict[str, SubtitleTrack]:
    """By language tag the track that holds all that is said, of those in `language` ("": any).

    A full one is taken before one for the hearing impaired, then the default one, then the first.
    """
    best: dict[str, SubtitleTrack] = {}
    for track in sorted(tracks, key=lambda t: (t.purpose is not Purpose.FULL, not t.default)):
        if track.purpose.is_whole and is_in_language(track.language, language):
            best.setdefault(track.language, track)
    return best


def forced_tracks(tracks: Iterable[SubtitleTrack], language: str = "") -> dict[str, SubtitleTrack]:
    """By language tag the first forced track, of those in `language` ("": any)."""
    forced: dict[str, SubtitleTrack] = {}
    for track in tracks:
        if track.purpose is Purpose.FORCED and is_in_language(track.language, language):
            forced.setdefault(track.language, track)
    return forced
