"""Subtitle files of a video: those generated in its sidecar folder, and external ones.

External subtitles are the user's own files in the folder of the video, recognized by name (see
subtitle_names) and never overwritten. Languages are tags of core/languages.py.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.languages import is_in_language
from videolib.storage.exported import exported_names
from videolib.storage.names import SUBTITLE_FORMATS
from videolib.storage.sidecars import SidecarDir
from videolib.storage.subtitle_names import ExternalSubtitle, Purpose, subtitles_by_stem

if TYPE_CHECKING:
    from videolib.storage.videos import Video


class SubtitleFile(NamedTuple):
    """Path, format (its suffix in lower case) and language tag of a subtitle file, its purpose, and
    whether this program generated it."""

    path: str
    format: str
    language: str
    purpose: Purpose
    generated: bool


def subtitle_files(video: Video, sidecars: SidecarDir | None = None) -> list[SubtitleFile]:
    """The generated subtitle files of a video but for JSON, then the external ones."""
    sidecars = SidecarDir(video.sidecar_dir) if sidecars is None else sidecars
    generated = [
        SubtitleFile(sidecars[name].path, name.rpartition(".")[2], language, purpose, True)
        for name, language, purpose in generated_subtitles(video, sidecars)
        if not name.endswith(".json")
    ]
    return generated + external_subtitles(video)


def generated_subtitles(video: Video, sidecars: SidecarDir) -> list[tuple[str, str, Purpose]]:
    """Name, language and purpose (full or forced) of each generated subtitle file, JSON included.

    The language is "" where none is in the name: such a file is in the language that is spoken.
    """
    plain = [f"{video.key}.{suffix}" for suffix in SUBTITLE_FORMATS]
    existing = [(name, "", Purpose.FULL) for name in plain if name in sidecars]
    return existing + sidecars.subtitles_by_key.get(video.key, [])


def external_subtitles(video: Video) -> list[SubtitleFile]:
    """The external subtitle files of a video, without those that this program exported from the
    generated ones. Its folder is read unless the video holds them."""
    if video.external_subtitles is None:
        (video,) = with_external_subtitles([video])
    if not video.external_subtitles:
        return []
    folder, exported = video.path.rpartition("/")[0], exported_names(video)
    return [
        SubtitleFile(f"{folder}/{name}", name[-3:].lower(), language, purpose, False)
        for name, language, purpose in video.external_subtitles
        if name not in exported
    ]


def has_external_subtitles(video: Video, language: str = "") -> bool:
    """Whether external subtitles hold all that is said, in a language ("": any); a file without a
    language in its name is taken for one in it."""
    return any(
        subtitle.purpose.is_whole
        and (not subtitle.language or is_in_language(subtitle.language, language))
        for subtitle in external_subtitles(video)
    )


def with_external_subtitles(videos: Sequence[Video]) -> list[Video]:
    """Videos of one folder, each with `external_subtitles` set. The folder is read once."""
    by_stem: dict[str, list[ExternalSubtitle]] = {}
    folder = videos[0].path.rpartition("/")[0] or "/"
    # Sorting the whole folder, as folder_entries does, would be half of the work.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        by_stem = subtitles_by_stem(entry.name for entry in entries)
    return [
        video._replace(external_subtitles=matching_subtitles(video.name, by_stem))
        for video in videos
    ]


def matching_subtitles(
    name: str, by_stem: Mapping[str, list[ExternalSubtitle]]
) -> tuple[ExternalSubtitle, ...]:
    """The subtitle files that belong to the video called `name`.

    `by_stem`: what `subtitles_by_stem` gives for the folder.
    """
    return (*by_stem.get(name.rpartition(".")[0], ()), *by_stem.get(name, ()))
