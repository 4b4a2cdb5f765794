"""What is heard in copies: the languages of their audio tracks, and what would be lost with one.

A language is a two-letter code where there is one, `und` where the container says none. A video
without sound has no languages; of one whose languages are None it is not known whether it has any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videolib.core.languages import language_code
from videolib.media.streams import streams_of_type

UNDETERMINED = "und"


def languages_of(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The languages of the audio tracks in ffprobe-shaped metadata; None where it has no streams,
    as a stub or one that somebody edited."""
    if not metadata.get("streams"):
        return None
    tags = (stream.get("tags") for stream in streams_of_type(metadata, "audio"))
    declared = (tag.get("language") if isinstance(tag, dict) else None for tag in tags)
    return tuple(language_code(str(language or "")) or UNDETERMINED for language in declared)


def recorded_languages(hash_record: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The languages that a phash artifact has; None where it has none, as those of earlier
    versions, or is malformed."""
    sound = hash_record.get("sound")
    if not isinstance(sound, list) or not all(isinstance(language, str) for language in sound):
        return None
    return tuple(sound)


def sound_text(languages: tuple[str, ...] | None) -> str:
    """The sound of a copy in words: `no sound`, `audio en, de`, `2 audio`; empty where there is
    nothing to say."""
    if not languages:
        return "" if languages is None else "no sound"
    if set(languages) != {UNDETERMINED}:
        return f"audio {', '.join(dict.fromkeys(languages))}"
    return f"{len(languages)} audio" if len(languages) > 1 else ""


def lost_sound(copy: tuple[str, ...] | None, keeper: tuple[str, ...] | None) -> str:
    """What of its sound would be lost with a copy, by the languages of it and of the one that is
    kept; empty: nothing.

    A track without a language counts as one in any language that the other copy has, since many
    containers and tools drop the tag.
    """
    if copy is None or keeper is None:
        whose = "its sound" if copy is None else "the sound of the one to keep"
        return f"{whose} is not known: run meta first"
    if copy and not keeper:
        return "has sound, and the one to keep has none"
    lacking = sorted({*copy} - {*keeper, UNDETERMINED})
    if len(lacking) <= keeper.count(UNDETERMINED):
        return ""
    return f"has sound in {', '.join(lacking)}, and the one to keep only in {', '.join(keeper)}"
