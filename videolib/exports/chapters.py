"""Chapters beside the video: Matroska XML (RFC 9559), OGM, WebVTT or ffmetadata.

They lie between the markers that a user set, or are made of scenes. A film has a thousand of these:
they are thinned to chapters of a least length.
"""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple
from xml.etree import ElementTree

from videolib.core.text import clock
from videolib.core.xml import xml_text
from videolib.exports.formats import NothingToExportError, SidecarFormat
from videolib.media.metadata import summarize
from videolib.media.scenes import chapters_file
from videolib.storage.markers import Marker

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
    """Markers as chapters, or scenes, none of these shorter than `min_chapter` seconds."""

    min_chapter: float = 300.0
    chapter_form: ChapterForm = "matroska"

    def names(self, source: VideoSource) -> list[str]:
        thinned_chapters(source, self.min_chapter)
        return [source.stem + CHAPTER_FILES[self.chapter_form][0]]

    def content(self, source: VideoSource) -> dict[str, Content]:
        suffix, written = CHAPTER_FILES[self.chapter_form]
        return {source.stem + suffix: written(thinned_chapters(source, self.min_chapter))}


def thinned_chapters(source: VideoSource, shortest: float) -> list[Chapter]:
    """The chapters of a video: from one of the user's markers to the next, or where there are none
    its scenes, of at least so many seconds. Raises NothingToExportError where there is neither."""
    if source.markers:
        return chapters_between(source.markers, film_end(source))
    if not source.scenes:
        raise NothingToExportError(
            "has no markers, and has no scenes: the command scenes finds them"
        )
    return chapters_of(source.scenes, shortest)


def film_end(source: VideoSource) -> float:
    """How long a video is, in seconds, by its metadata or else its scenes; 0: not known."""
    duration = summarize(source.stored_metadata).get("duration") or 0.0
    return duration or max((stop for _, stop in source.scenes), default=0.0)


def chapters_between(markers: Sequence[Marker], end: float) -> list[Chapter]:
    """A chapter from each marker to the next, and one before the first; `end` in seconds."""
    marks = [*([] if markers[0].time == 0 else [Marker(0.0)]), *markers]
    ends = [*(marker.time for marker in marks[1:]), max(end, marks[-1].time)]
    return [
        Chapter(marker.time, stop, marker.title or f"Chapter {number}")
        for number, (marker, stop) in enumerate(zip(marks, ends, strict=True), 1)
    ]


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
        ElementTree.SubElement(display, "ChapterString").text = xml_text(chapter.title)
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
    titles = [html.escape(chapter.title, quote=False) for chapter in chapters]
    cues = [f"{' --> '.join(t)}\n{title}" for t, title in zip(times, titles, strict=True)]
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
