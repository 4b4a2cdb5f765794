"""Names on disk: sidecar folders, keys of sidecars, suffixes, the extensions of videos; and State,
how an artifact stands."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

SIDECARS = ".artifacts"  # the folder of sidecars in a folder of videos
JOURNALS, TRASH = ".journal", ".trash"  # folders in a folder of sidecars
SUBTITLE_FORMATS = ("vtt", "srt", "json")  # of generated subtitles, and their suffixes
FORCED_LABEL = ".forced"  # in their names, where they translate only what is foreign in a film
EXPORTS_RECORD = "{}.exports.json"  # pattern of the record of what was exported of a video
LONGEST_KEY = 210  # bytes: what a file system's 255 leave for the dot and the longest suffix
# libav's demuxers that may open a file, by the first of their names, and the extensions of files
# that they are meant for.
DEMUXERS: dict[str, tuple[str, ...]] = {
    "mov": (".mp4", ".m4v", ".mov", ".qt", ".f4v", ".insv", ".3gp", ".3g2"),
    "matroska": (".mkv", ".webm"),
    "avi": (".avi", ".divx"),
    "mpeg": (".mpg", ".mpeg", ".vob", ".vro", ".mod"),
    "mpegts": (".ts", ".m2ts", ".mts"),
    "flv": (".flv",),
    "asf": (".wmv", ".asf"),
    "ogg": (".ogv", ".ogm"),
    "mxf": (".mxf",),
    "dv": (".dv",),
    "gif": (".gif",),
}
VIDEO_EXTENSIONS = frozenset(extension for group in DEMUXERS.values() for extension in group)


class State(StrEnum):
    """How an artifact on disk stands to its video."""

    MISSING = "missing"
    STALE = "stale"
    FRESH = "fresh"


def is_video_name(name: str) -> bool:
    """Whether a file's name has a stem and the extension of a video."""
    stem, _, extension = name.rpartition(".")
    return bool(stem) and f".{extension.lower()}" in VIDEO_EXTENSIONS


def is_sidecar_dir(path: str) -> bool:
    """Whether a folder is one of sidecars, and not one that a user named for their files."""
    return path.endswith(f"/{SIDECARS}")


def sidecar_key(name: str) -> str:
    """The stem of a video's sidecars: its file name, or of a very long one a part and a digest."""
    if len(name) <= LONGEST_KEY // 4 or len(raw := os.fsencode(name)) <= LONGEST_KEY:
        return name  # a letter has four bytes at most
    import hashlib

    digest = hashlib.sha256(raw).hexdigest()[:12]
    return raw[: LONGEST_KEY - 20].decode("utf-8", "ignore") + "~" + digest + Path(name).suffix[:6]
