"""Subtitle files of a video: those generated in its sidecar folder, and external ones.

External subtitles are the user's own .srt and .vtt files in the folder of the video. They are
recognized by name (movie.srt, movie.en.vtt, movie.mp4.en.forced.srt) and never overwritten.
Language codes are those of core/languages.py; "" stands for an unknown language.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.languages import LANGUAGES, language_code
from videolib.storage.names import SUBTITLE_FORMATS
from videolib.storage.sidecars import SidecarDir

if TYPE_CHECKING:
    from videolib.storage.videos import Video

# Words in names of subtitle files that say what they are for, not their language.
SUBTITLE_FLAGS = frozenset({"forced", "sdh", "cc", "hi", "default", "full", "foreign"})


class SubtitleFile(NamedTuple):
    """Path, format ("vtt", "srt") and language of a subtitle file, and whether this program
    generated it."""

    path: str
    format: str
    language: str
    generated: bool


def subtitle_files(video: Video, sidecars: SidecarDir | None = None) -> list[SubtitleFile]:
    """The generated subtitle files of a video but for JSON, then the external ones."""
    sidecars = SidecarDir(video.sidecar_dir) if sidecars is None else sidecars
    generated = [
        SubtitleFile(sidecars[name].path, name.rpartition(".")[2], language, True)
        for name, language in generated_subtitles(video, sidecars)
        if not name.endswith(".json")
    ]
    return generated + external_subtitles(video)


def generated_subtitles(video: Video, sidecars: SidecarDir) -> list[tuple[str, str]]:
    """Name and language of each generated subtitle file, JSON included.

    The language is "" where none is in the name: such a file is in the language that is spoken.
    """
    plain = [f"{video.key}.{suffix}" for suffix in SUBTITLE_FORMATS]
    existing = [(name, "") for name in plain if name in sidecars]
    return existing + sidecars.subtitles_by_key.get(video.key, [])


def external_subtitles(video: Video) -> list[SubtitleFile]:
    """The external subtitle files of a video. Its folder is read unless the video holds them."""
    if video.external_subtitles is None:
        (video,) = with_external_subtitles([video])
    folder = video.path.rpartition("/")[0]
    return [
        SubtitleFile(f"{folder}/{name}", name.rpartition(".")[2].lower(), language, False)
        for name, language in video.external_subtitles or ()
    ]


def with_external_subtitles(videos: Sequence[Video]) -> list[Video]:
    """Videos of one folder, each with `external_subtitles` set. The folder is read once."""
    by_stem: dict[str, list[tuple[str, str]]] = {}
    folder = videos[0].path.rpartition("/")[0] or "/"
    # Sorting the whole folder, as folder_entries does, would be half of the work.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        by_stem = subtitles_by_stem(entry.name for entry in entries)
    return [
        video._replace(external_subtitles=matching_subtitles(video.name, by_stem))
        for video in videos
    ]


def matching_subtitles(
    name: str, by_stem: Mapping[str, list[tuple[str, str]]]
) -> tuple[tuple[str, str], ...]:
    """Name and language of the subtitle files that belong to the video called `name`.

    `by_stem`: what `subtitles_by_stem` gives for the folder.
    """
    return (*by_stem.get(name.rpartition(".")[0], ()), *by_stem.get(name, ()))


def subtitles_by_stem(names: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Name and language of the subtitle files among `names`, by every stem a video may have.

    `movie.en.forced.srt` is listed under `movie.en.forced`, `movie.en` and `movie`: languages and
    flags are taken off from the end, up to a part that is neither.
    """
    by_stem: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(n for n in names if n[-4:].lower() in (".srt", ".vtt")):
        stem, language = name[:-4], ""
        by_stem.setdefault(stem, []).append((name, language))
        while "." in stem:
            stem, _, part = stem.rpartition(".")
            code = language_code(part)
            if part.lower() not in SUBTITLE_FLAGS:
                if code not in LANGUAGES:
                    break
                language = language or code
            by_stem.setdefault(stem, []).append((name, language))
    return by_stem
