"""Tags of a transcode's output: those of the container, and title and language of each stream.

ffmpeg copies a container's tags, but its MP4 muxer writes only those that iTunes has a name for,
the creation time, and the location. What phones and cameras add (com.apple.quicktime.make,
com.android.version, model) it keeps where it writes QuickTime's metadata keys in place of iTunes'
tags, with `-movflags use_metadata_tags`. Players know iTunes' names better, so these keys are
written only for sources that have other tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from videolib.core.languages import LANGUAGES

# Tags that ffmpeg's MP4 muxer writes without metadata keys (mov_write_ilst_tag in movenc.c).
ITUNES_TAGS = frozenset(
    {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"}
    | {"copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"}
    | {"network", "keywords", "episode_sort", "season_number", "media_type", "hd_video"}
    | {"gapless_playback", "compilation", "track", "disc", "encoding_tool"}
)
# What describes the file and not the film: the muxer writes its own.
FILE_TAGS = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder"})


def needs_metadata_keys(tags: Mapping[str, str]) -> bool:
    """Whether a container has tags that the MP4 muxer keeps as metadata keys only."""
    written = ITUNES_TAGS | FILE_TAGS | {"creation_time", "location"}
    names = (name.lower() for name in tags)
    return any(name not in written and not name.startswith("location-") for name in names)


def container_tag_options(tags: Mapping[str, str]) -> list[str]:
    """ffmpeg's options that give an MP4 the tags and chapters of its source, whose container has
    the tags `tags`."""
    options = ["-map_metadata", "0", "-map_chapters", "0"]
    for name, value in sorted(tags.items()):
        if name.lower() in FILE_TAGS:  # as keys they would contradict the file itself
            options += ["-metadata", f"{name}="]
        elif name.lower() == "creation_time":
            # Where a file has it in its header and as a key, libav reads "TIME;TIME".
            options += ["-metadata", f"{name}={value.partition(';')[0]}"]
    keys = "+use_metadata_tags" if needs_metadata_keys(tags) else ""
    return [*options, "-movflags", f"+faststart{keys}"]


def stream_tag_options(stream: Mapping[str, Any]) -> list[str]:
    """A stream's title and language as MP4's tags, each as KEY=VALUE."""
    tags = stream.get("tags", {})
    options = []
    if tags.get("title"):
        # MP4 has no title of a track: its handler's name is what players show.
        options.append(f"handler_name={tags['title']}")
    language = str(tags.get("language", "")).partition("-")[0].lower()
    if language in LANGUAGES:  # MP4 wants three letters, Matroska often has two
        options.append(f"language={LANGUAGES[language][0]}")
    return options
