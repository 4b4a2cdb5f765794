"""How a film is sent to a browser: as it is, copied into segments, or encoded.

`choose` decides that by what the film is and what the browser says it plays, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, NamedTuple

from videoserver.files import MEDIA_TYPES

if TYPE_CHECKING:
    from videoserver.hls.examine import FilmFacts, SoundTrack

Method = Literal["direct", "remux", "encode", "none"]

# The types of files, without `video/`, by libav's names of their formats.
FILE_TYPES = {
    "mov": frozenset({"mp4", "quicktime", "3gpp", "3gpp2"}),
    "matroska": frozenset({"webm", "x-matroska"}),
    "ogg": frozenset({"ogg"}),
}
SEGMENT_SOUND = frozenset({"aac", "mp3", "opus", "flac"})  # that fragmented MP4 has a place for


class Abilities(NamedTuple):
    """What a browser plays: `files` are types of files, without `video/`, and codecs in them;
    `segments` codecs in fragmented MP4 that a script hands over (Media Source Extensions)."""

    files: frozenset[str]
    segments: frozenset[str]


class Choice(NamedTuple):
    """How a film is sent, with which sound, and `reason`: why not as it is, or why not at all.

    `recodes`: the sound beside copied pictures is encoded.
    """

    method: Method
    sound: int | None
    reason: str = ""
    recodes: bool = False


def choose(
    film: FilmFacts,
    extension: str,
    abilities: Abilities,
    sound: int | None = None,
    excluded: Collection[str] = (),
) -> Choice:
    """How a film is sent. `extension` is that of its file's name, `sound` the index of the stream
    to be heard (None: the film's own choice), `excluded` are methods that failed already."""
    track = sound_to_hear(film, sound)
    index = track.stream if track else None
    if film.refusal:
        return Choice("none", index, film.refusal)
    if not film.picture and (not track or track.refusal):
        return Choice("none", index, track.refusal if track else "has no pictures and no sound")
    reason = direct_obstacle(film, extension, abilities, track)
    if not reason and "direct" not in excluded:
        return Choice("direct", index)
    reason = reason or "this browser gave up playing the file itself"
    if "remux" not in excluded and not pictures_obstacle(film, abilities):
        if not sound_obstacle(abilities, track):
            return Choice("remux", index, reason)
        if "aac" in abilities.segments and track and not track.refusal:
            return Choice("remux", index, reason, recodes=True)
    if "encode" not in excluded:
        return Choice("encode", index, reason)
    return Choice("none", index, "this browser plays none of the ways it can be sent")


def sound_to_hear(film: FilmFacts, wanted: int | None) -> SoundTrack | None:
    """The stream of sound of that index; without one the default stream that is no description of
    the pictures, else the first; streams that can be decoded come first."""
    for track in film.sounds:
        if track.stream == wanted:
            return track
    ranks = [(not t.refusal, not t.is_secondary, t.is_default) for t in film.sounds]
    return film.sounds[ranks.index(max(ranks))] if ranks else None


def direct_obstacle(
    film: FilmFacts, extension: str, abilities: Abilities, track: SoundTrack | None
) -> str:
    """Why a browser cannot play the file itself, or an empty string."""
    media_type = MEDIA_TYPES.get(extension, "").rpartition("/")[2].partition(";")[0]
    fitting = (FILE_TYPES.get(name, frozenset()) for name in film.containers)
    if media_type not in abilities.files or not any(media_type in types for types in fitting):
        return f"this browser plays no {extension} files"
    if not film.is_length_declared:
        return "it does not say how long it is, so browsers find no place in it"
    if film.picture:
        if film.picture.codec not in abilities.files:
            return f"this browser does not play {film.picture.codec}"
        if film.picture.is_cropped:
            return "its container crops the picture"
        if film.picture.matrix and "matroska" in film.containers:
            return "its container turns the picture"
        if not film.picture.is_first:
            return "its film is not its first stream of pictures"
    if track and track.codec not in abilities.files:
        return f"this browser does not play {track.codec}"
    if track and track.stream != played_by_browsers(film):
        return "another sound is wanted than a browser takes"
    return ""


def played_by_browsers(film: FilmFacts) -> int | None:
    """The index of the sound that a browser plays: the default stream, else the first."""
    defaults = (track.stream for track in film.sounds if track.is_default)
    return next(defaults, film.sounds[0].stream if film.sounds else None)


def pictures_obstacle(film: FilmFacts, abilities: Abilities) -> str:
    """Why the pictures of a film cannot be copied into segments, or an empty string."""
    picture = film.picture
    if not picture or not picture.cuts:
        return picture.uncut if picture else "it has no pictures"
    if picture.codec not in abilities.segments:
        return f"this browser does not play {picture.codec}"
    if "mpegts" in film.containers and picture.stream.get("interlaced"):
        return "its pictures are interlaced, which no browser undoes"
    return "its container crops the picture" if picture.is_cropped else ""


def sound_obstacle(abilities: Abilities, track: SoundTrack | None) -> str:
    """Why the sound of a film cannot be copied into segments, or an empty string."""
    if track and track.codec not in SEGMENT_SOUND & abilities.segments:
        return f"this browser does not play {track.codec}"
    return "its sound is shorter than the film" if track and not track.is_whole else ""
