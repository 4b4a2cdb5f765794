"""Types of video: the file extensions that a request means."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping, Sequence

from videolib.core.errors import UsageError
from videolib.core.text import printable
from videolib.storage.names import VIDEO_EXTENSIONS, is_video_name

ALL_TYPES = frozenset({".*", ".all"})  # what stands for every type of video; a shell takes the star


def parse_extensions(words: Sequence[str]) -> frozenset[str]:
    """The extensions that --ext names, with their dots. Raises UsageError for what can be none."""
    dotted = frozenset("." + word.lower().lstrip(".") for word in words if word)
    if not dotted or not all(re.fullmatch(r"\.[^\s./\ud800-\udfff]+", ext) for ext in dotted):
        raise UsageError(f"--ext {printable(','.join(words))}: should be like .mp4,.mkv or *")
    return VIDEO_EXTENSIONS if ALL_TYPES & dotted else dotted


def foreign_types(words: object) -> list[str]:
    """Those of the extensions in a configuration that are of no video, as they are written."""
    named = words.split(",") if isinstance(words, str) else words
    if not isinstance(named, list):
        return []
    allowed = VIDEO_EXTENSIONS | ALL_TYPES
    return [str(word) for word in named if f".{str(word).lower().lstrip('.')}" not in allowed]


def need_no_file_names(words: Sequence[str]) -> None:
    """Raise UsageError where a shell has put the names of files in place of the star of `--ext *`.

    It shows in a value that is the name of a video, or of something in the working folder.
    """
    for flag, value in itertools.pairwise(words):
        if flag == "--ext" and is_file_name(value):
            raise UsageError(
                f"--ext {printable(value)}: is the name of a file, as the shell puts names in place"
                " of a star: write --ext all, or --ext '*'"
            )


def is_file_name(value: str) -> bool:
    """Whether a value of --ext is no extension of a video but the name of a file."""
    if not value or f".{value.lower().lstrip('.')}" in VIDEO_EXTENSIONS | ALL_TYPES:
        return False
    lists = "*" in value or "," in value
    return not lists and (is_video_name(value) or os.path.lexists(value))


def by_frequency(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts by extension, the largest first."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
