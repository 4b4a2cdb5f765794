"""Subtitle files of a video, in its sidecar folder and beside it, and their languages."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.languages import LANGUAGES, language_code
from videolib.storage.names import CAPTION_FORMATS
from videolib.storage.sidecars import SidecarDir

if TYPE_CHECKING:
    from videolib.storage.videos import Video


class SubtitleFile(NamedTuple):
    """A subtitle file of a video: where it is, its format, language ("" unknown), and whether it
    was made here; one beside the video is its owner's."""

    path: str
    format: str
    language: str
    made: bool


def caption_files(video: Video, sidecars: SidecarDir | None = None) -> list[SubtitleFile]:
    """The subtitle files of a video, in .artifacts and beside it."""
    sidecars = SidecarDir(video.sidecar_dir) if sidecars is None else sidecars
    ours = [
        SubtitleFile(sidecars[name].path, name.rpartition(".")[2], language, True)
        for name, language in made_captions(video, sidecars)
        if not name.endswith(".json")
    ]
    return ours + beside(video)


def made_captions(video: Video, sidecars: SidecarDir) -> list[tuple[str, str]]:
    """Names and languages of what was made for a video; "" is the language that it is in."""
    plain = [(f"{video.key}.{suffix}", "") for suffix in CAPTION_FORMATS]
    return [(n, lang) for n, lang in plain if n in sidecars] + sidecars.captions.get(video.key, [])


def beside(video: Video) -> list[SubtitleFile]:
    """Subtitle files that lie beside a video: movie.srt, movie.en.vtt, movie.mp4.en.forced.srt."""
    if video.beside is None:
        (video,) = looked_beside([video])
    folder = video.path.rpartition("/")[0]
    return [
        SubtitleFile(f"{folder}/{file}", file.rpartition(".")[2].lower(), language, False)
        for file, language in video.beside or ()
    ]


def looked_beside(videos: Sequence[Video]) -> list[Video]:
    """Videos of one folder with what lies beside each, from one look at the folder."""
    captions: dict[str, list[tuple[str, str]]] = {}
    folder = videos[0].path.rpartition("/")[0] or "/"
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        captions = captions_among(entry.name for entry in entries)
    return [video._replace(beside=captions_of(video.name, captions)) for video in videos]


def captions_of(
    name: str, known: Mapping[str, list[tuple[str, str]]]
) -> tuple[tuple[str, str], ...]:
    """Those of the subtitle files of a folder that belong to a video of that name."""
    return (*known.get(name.rpartition(".")[0], ()), *known.get(name, ()))


CAPTION_MARKS = frozenset({"forced", "sdh", "cc", "hi", "default", "full", "foreign"})


def captions_among(names: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """The subtitle files among names, by the stem of their video: (name, language) of each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(n for n in names if n[-4:].lower() in (".srt", ".vtt")):
        stem, language = name[:-4], ""
        found.setdefault(stem, []).append((name, language))
        while "." in stem:
            stem, _, mark = stem.rpartition(".")
            code = language_code(mark)
            if mark.lower() not in CAPTION_MARKS:
                if code not in LANGUAGES:
                    break
                language = language or code
            found.setdefault(stem, []).append((name, language))
    return found
