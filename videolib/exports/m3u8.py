"""Playlists: extended M3U in UTF-8, with the length and title of each video."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from videolib.core.text import printable
from videolib.exports.formats import ListFormat
from videolib.media.metadata import summarize

if TYPE_CHECKING:
    from videolib.exports.sources import VideoSource

UNKNOWN_LENGTH = -1  # in place of seconds


@dataclasses.dataclass(frozen=True)
class Playlist(ListFormat):
    """The videos that a query finds, in the order of names, by paths from the playlist on."""

    suffix = ".m3u8"

    def content(self, sources: Sequence[VideoSource], folder: str, query: str) -> bytes:
        lines = ["#EXTM3U"]
        for source in sources:
            seconds = summarize(source.stored_metadata).get("duration")
            length = UNKNOWN_LENGTH if seconds is None else round(seconds)
            lines += [f"#EXTINF:{length},{printable(source.title)}", line_of(source, folder)]
        return os.fsencode("\n".join(lines) + "\n")


def line_of(source: VideoSource, folder: str) -> str:
    """The path of a video from a folder, which does not look like a comment or a protocol; its URI
    where the path has more than one line."""
    path = os.path.relpath(source.video.path, folder)
    if {"\n", "\r"} & set(path):
        return source.uri
    return path if path.startswith("../") else f"./{path}"
