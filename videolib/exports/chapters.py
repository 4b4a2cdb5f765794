"""Chapters from scenes, beside the video: Matroska XML (RFC 9559), OGM, WebVTT or ffmetadata.

A film has a thousand scenes: they are thinned to chapters of a least length.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple
from xml.etree import ElementTree

from videolib.core.text import clock
from videolib.exports.formats import NothingToExportError, SidecarFormat
from videolib.media.scenes import chapters_file

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource

ChapterForm = Literal["matroska", "ogm", "webvtt", "ffmetadata"]


class Chapter(NamedTuple):
    """A part of a video, in seconds, with its name."""

    start: float
    end: float
    title: str


@dataclasses.dataclass(frozen=True)
class Chapters(SidecarFormat):
    """Scenes as chapters, none shorter than `min_chapter` seconds."""

    min_chapter: float = 300.0
    chapter_form: ChapterForm = "matroska"

    def names(self, source: VideoSource) -> list[str]:
        thinned_chapters(source, self.min_chapter)
        return [source.stem + CHAPTER_FILES[self.chapter_form][0]]

    def content(self, source: VideoSource) -> dict[str, Content]:
        suffix, written = CHAPTER_FILES[self.chapter_form]
        return {source.stem + suffix: written(thinned_chapters(source, self.min_chapter))}


def thinned_chapters(source: VideoSource, shortest: float) -> list[Chapter]:
    """The scenes of a video as chapters of at least so many seconds. Raises NothingToExportError
    where none were detected."""
    if not source.scenes:
        raise NothingToExportError("has no scenes: the command scenes finds them")
    return chapters_of(source.scenes, shortest)


def chapters_of(scenes: Sequence[tuple[float, float]], shortest: float) -> list[Chapter]:
    """Chapters that begin where scenes (start and end in seconds) do, each at least so long but for
    a video that is shorter. The first begins at 0."""
    starts, end = [0.0], max(stop for _, stop in scenes)
    for start, _ in scenes:
        if start - starts[-1] >= shortest and end - start >= shortest:
            starts.append(start)
    spans = zip(starts, [*starts[1:], end], strict=True)
    return [Chapter(start, stop, f"Chapter {n}") for n, (start, stop) in enumerate(spans, 1)]


def matroska_xml(chapters: Sequence[Chapter]) -> bytes:
    """Chapters as mkvmerge and mkvpropedit read them."""
    root = ElementTree.Element("Chapters")
    edition = ElementTree.SubElement(root, "EditionEntry")
    for chapter in chapters:
        atom = ElementTree.SubElement(edition, "ChapterAtom")
        times = {"ChapterTimeStart": chapter.start, "ChapterTimeEnd": chapter.end}
        for name, seconds in times.items():
            ElementTree.SubElement(atom, name).text = clock(seconds, millis=True)
        display = ElementTree.SubElement(atom, "ChapterDisplay")
        ElementTree.SubElement(display, "ChapterString").text = chapter.title
        ElementTree.SubElement(display, "ChapterLanguage").text = "eng"
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def ogm_text(chapters: Sequence[Chapter]) -> bytes:
    """Chapters as ogmtools read them, two lines each; they have no ends."""
    lines = []
    for number, chapter in enumerate(chapters, 1):
        lines.append(f"CHAPTER{number:02}={clock(chapter.start, millis=True)}")
        lines.append(f"CHAPTER{number:02}NAME={chapter.title}")
    return ("\n".join(lines) + "\n").encode()


def webvtt_text(chapters: Sequence[Chapter]) -> bytes:
    """Chapters as a track of `kind="chapters"` on a page."""
    times = [[clock(t, millis=True) for t in chapter[:2]] for chapter in chapters]
    cues = [f"{' --> '.join(t)}\n{c.title}" for t, c in zip(times, chapters, strict=True)]
    return ("\n\n".join(["WEBVTT", *cues]) + "\n").encode()


def ffmetadata_text(chapters: Sequence[Chapter]) -> bytes:
    """Chapters in ffmpeg's metadata format."""
    return chapters_file(chapter._asdict() for chapter in chapters).encode()


# Form -> the end of the name after the stem, and what writes it.
CHAPTER_FILES: dict[ChapterForm, tuple[str, Callable[[Sequence[Chapter]], bytes]]] = {
    "matroska": (".chapters.xml", matroska_xml),
    "ogm": (".chapters.txt", ogm_text),
    "webvtt": (".chapters.vtt", webvtt_text),
    "ffmetadata": (".ffmeta", ffmetadata_text),
}
