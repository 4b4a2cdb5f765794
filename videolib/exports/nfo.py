"""NFO files, which Kodi, Jellyfin, Emby and Plex read: STEM.nfo, XML with the root `movie`.

An NFO that somebody else wrote is only completed, and only where that is asked for: what it lacks
is put in before the end of its root, and everything else stays as it is, byte for byte.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from videolib.core.errors import VideoError
from videolib.core.files import stat_of
from videolib.core.text import fold, printable, to_int
from videolib.core.xml import xml_root, xml_text
from videolib.exports.formats import SidecarFormat
from videolib.media.metadata import summarize
from videolib.media.streams import streams_of_type
from videolib.storage.tag_details import BEST_RATING, details_in
from videolib.storage.tags import without_names

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource

YEAR_IN_NAME = re.compile(r"^(.+?)[ ._]*\(((?:18|19|20|21)\d\d)\)$")
DATE = re.compile(r"\s*(\d{4})(?:-(\d\d)-(\d\d))?")
RELEASE_DATES = ("date", "com.apple.quicktime.creationdate", "creation_time")  # of a container
ROOTS = ("movie", "musicvideo", "episodedetails")  # of NFO files about one video
ROOT_END = re.compile(rf"</({'|'.join(ROOTS)})\s*>")
# Elements of which there may be several, each known by its own text or by that of its child.
SEVERAL = {"tag": "", "actor": "name"}
HDR_TYPES = {"smpte2084": "hdr10", "arib-std-b67": "hlg"}  # color_transfer -> Kodi's name


@dataclasses.dataclass(frozen=True)
class Nfo(SidecarFormat):
    """What is known of a video: title, length, date, tags, performers, streams."""

    merges = True

    def names(self, source: VideoSource) -> list[str]:
        return [f"{source.stem}.nfo"]

    def content(self, source: VideoSource) -> dict[str, Content]:
        root = ElementTree.Element("movie")
        root.extend(list(elements(source)))
        ElementTree.indent(root)
        text = ElementTree.tostring(root, encoding="unicode")
        head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        return {f"{source.stem}.nfo": f"{head}{text}\n".encode()}

    def merged(self, existing: bytes, content: bytes) -> bytes:
        return completed(existing.decode(), ElementTree.fromstring(content)).encode()


# === Content ======================================================================================


def elements(source: VideoSource) -> Iterator[Element]:
    """The elements of an NFO, in Kodi's order."""
    summary, details = summarize(source.metadata), details_in(source.tags)
    title, year = named_title(source.title)
    yield element("title", title)
    if details.get("rating"):
        yield element("userrating", round(details["rating"] * 10 / BEST_RATING))
    yield from [element("plot", details["note"])] if details.get("note") else ()
    if summary.get("duration"):
        yield element("runtime", max(round(summary["duration"] / 60), 1))
    premiered = str(details.get("date") or release_date(source.metadata))
    year = year or premiered[:4]
    yield from [element("year", year)] if year else ()
    yield from [element("premiered", premiered)] if len(premiered) == len("2010-07-16") else ()
    added = time.localtime(stat_of(source.video.path).st_mtime)
    yield element("dateadded", time.strftime("%Y-%m-%d %H:%M:%S", added))
    yield from (element("tag", tag) for tag in source.tags["tags"])
    for order, name in enumerate(performers(source)):
        actor = element("actor")
        actor.extend([element("name", name), element("order", order)])
        yield actor
    yield from file_info(source.metadata, summary)
    if "favourite" in details:
        yield element("isuserfavorite", "true")  # as Jellyfin and Emby name it


def element(name: str, value: object = None) -> Element:
    """An element with a text of characters that XML can hold."""
    new = ElementTree.Element(name)
    new.text = None if value is None else xml_text(str(value))
    return new


def named_title(title: str) -> tuple[str, str]:
    """Title and year of `Film (2010)`; the year is "" where none stands at the end."""
    match = YEAR_IN_NAME.match(title)
    return (match[1], match[2]) if match else (title, "")


def release_date(metadata: Mapping[str, Any]) -> str:
    """The date in the tags of a container, as `2010-07-16` or `2010`; "" where there is none."""
    tags = metadata.get("format", {}).get("tags", {})
    for name in RELEASE_DATES:
        match = DATE.match(str(tags.get(name, "")))
        if match and int(match[1]) > 1904:  # where clocks of QuickTime that were not set begin
            return "-".join(filter(None, match.groups()))
    return ""


def performers(source: VideoSource) -> list[str]:
    """The performers of a video, those who are seen longest first, then the others as entered."""
    rejected = source.tags.get("performers_rejected", [])
    frames = {fold(name): count for name, count in source.screen_frames.items()}
    inferred = without_names(source.screen_frames, [*source.tags["performers"], *rejected])
    names = [*source.tags["performers"], *inferred]
    return sorted(names, key=lambda name: -frames.get(fold(name), 0))


def file_info(metadata: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[Element]:
    """The element about the streams, if any is known."""
    details = element("streamdetails")
    details.extend(list(stream_details(metadata, summary)))
    if len(details):
        info = element("fileinfo")
        info.append(details)
        yield info


def stream_details(metadata: Mapping[str, Any], summary: Mapping[str, Any]) -> Iterator[Element]:
    """The streams as Kodi and Jellyfin know them: the film, then sound and subtitles."""
    if summary.get("vcodec"):
        width, height = summary["width"] or 0, summary["height"] or 0
        films = streams_of_type(metadata, "video")
        transfer = next((f["color_transfer"] for f in films if f.get("color_transfer")), "")
        yield details_of(
            "video",
            codec=summary["vcodec"],
            aspect=f"{width / height:.3f}" if height else None,
            width=width or None,
            height=height or None,
            durationinseconds=round(summary["duration"]) if summary["duration"] else None,
            hdrtype=HDR_TYPES.get(transfer),
        )
    for stream in streams_of_type(metadata, "audio"):
        yield details_of(
            "audio",
            codec=stream.get("codec_name"),
            language=language_of(stream),
            channels=to_int(stream.get("channels")),
        )
    for stream in streams_of_type(metadata, "subtitle"):
        yield details_of("subtitle", language=language_of(stream))


def details_of(name: str, **values: object) -> Element:
    details = element(name)
    details.extend([element(key, value) for key, value in values.items() if value is not None])
    return details


def language_of(stream: Mapping[str, Any]) -> str | None:
    """The language that a stream is tagged with; None for none."""
    language = stream.get("tags", {}).get("language")
    return language if isinstance(language, str) and language != "und" else None


# === Somebody else's NFO ==========================================================================


def completed(text: str, ours: Element) -> str:
    """An NFO with what it lacks of ours before the end of its root. Raises VideoError where it is
    none that can be completed."""
    declared = re.match(r"\ufeff?\s*<\?xml[^>]*encoding=[\"']([^\"']+)", text)
    if declared and declared[1].lower() not in ("utf-8", "utf8"):
        raise VideoError(f"is in {printable(declared[1])}, not in UTF-8: save it as UTF-8")
    *_, end = (None, *ROOT_END.finditer(text))
    # Kodi takes the address of a page after the root, which XML does not.
    document, rest = (text[: end.end()], text[end.end() :]) if end else (text, "")
    root = root_of(document)
    if root.tag not in ROOTS:
        raise VideoError(f"is no NFO of a film: its root is {printable(str(root.tag))}")
    if end is None:
        raise VideoError(f"has an empty <{root.tag}>: move it away")
    new = [child for child in ours if lacks(root, child)]
    pieces = "".join(f"  {text_of(child)}\n" for child in new)
    head = document[: end.start()].rstrip(" \t")
    separator = "" if head.endswith("\n") else "\n"
    result = f"{head}{separator}{pieces}{document[end.start() :]}"
    if [c.tag for c in root_of(result)] != [c.tag for c in (*root, *new)]:
        raise VideoError("is written in a way that cannot be completed: move it away")
    return result + rest if new else text


def root_of(text: str) -> Element:
    """The root of an NFO. Raises VideoError."""
    return xml_root(text.removeprefix("\ufeff").encode())


def lacks(root: Element, child: Element) -> bool:
    """Whether an NFO has nothing that stands for an element of ours."""
    if child.tag not in SEVERAL:
        return root.find(child.tag) is None
    inner = SEVERAL[child.tag]
    name = fold(child.findtext(inner) or "" if inner else child.text or "")
    present = (other.findtext(inner) if inner else other.text for other in root.iterfind(child.tag))
    return name not in {fold((text or "").strip()) for text in present}


def text_of(child: Element) -> str:
    ElementTree.indent(child, level=1)
    return ElementTree.tostring(child, encoding="unicode").strip()
