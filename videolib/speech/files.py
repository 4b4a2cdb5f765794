"""Subtitle files: WebVTT, SubRip and the JSON artifact, written and read.

`subtitle_output` writes cues; their text keeps the tags <b>, <i> and <u>. `read_cues` reads the
cues of any subtitle file, also of a malformed one; their text has no tags and no line breaks.
`read_shown_cues` reads them as a player shows them, with both.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.documents import parse_json
from videolib.core.errors import VideoError
from videolib.core.files import read_file, stat_of
from videolib.core.runs import Status
from videolib.core.text import UNPRINTABLE, clock, human_size, parse_clock, to_float
from videolib.speech.cues import Cue
from videolib.speech.encodings import declared_language, decode_by_language, decode_unicode
from videolib.speech.foreign_formats import as_subrip, foreign_cues, foreign_format
from videolib.storage.publishing import ArtifactOutput
from videolib.storage.subtitle_names import language_in

if TYPE_CHECKING:
    from videolib.storage.videos import Video


def subtitle_output(
    cues: Sequence[Cue],
    language: str,
    formats: Collection[str],
    metadata: Mapping[str, Any],
    label: str = "",
) -> ArtifactOutput:
    """The content of subtitle files in some of the formats vtt, srt and json; nothing is written.

    `language` becomes part of their names unless it is "", and so does `label` after it. `metadata`
    goes into the JSON file.
    """
    stem = f"{{}}.{language}{label}" if language else f"{{}}{label}"
    status = Status.MADE if cues else Status.NO_SPEECH
    files: dict[str, bytes | dict[str, bytes]] = {}
    for suffix, writer in (("vtt", vtt_file), ("srt", srt_file)):
        if suffix in formats:
            files[f"{stem}.{suffix}"] = writer(cues)
    documents: dict[str, dict[str, Any]] = {}
    if "json" in formats:
        head = {"files": [], "status": str(status)}
        documents[f"{stem}.json"] = {**head, **metadata, "cues": [cue._asdict() for cue in cues]}
    return ArtifactOutput(files=files, documents=documents, status=status)


def refuse_overwriting(output: ArtifactOutput, video: Video) -> None:
    """Raise VideoError where a file of the output would replace one in the video's own folder."""
    if Path(video.sidecar_dir) != Path(video.path).parent:
        return
    for pattern in (*output.files, *output.documents):
        name = pattern.format(video.key)
        if Path(video.sidecar_dir, name).exists():
            raise VideoError(f"{name} lies beside it and is never overwritten: move it away")


def vtt_file(cues: Iterable[Cue]) -> bytes:
    """Cues as a WebVTT file (W3C)."""
    parts = ["WEBVTT"]
    for cue in cues:
        text = escape_markup(cue.text)
        parts.append(f"{clock(cue.start, millis=True)} --> {clock(cue.end, millis=True)}\n{text}")
    return ("\n\n".join(parts) + "\n").encode()


def escape_markup(text: str) -> str:
    """Text with &, < and > escaped, but for the tags <b>, <i> and <u>."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"&lt;(/?[biu])&gt;", r"<\1>", escaped)


def srt_file(cues: Iterable[Cue]) -> bytes:
    """Cues as a SubRip file. Without cues it has one empty line, since an empty file counts as
    damaged."""
    parts = []
    for number, cue in enumerate(cues, 1):
        times = " --> ".join(clock(t, millis=True).replace(".", ",") for t in cue[:2])
        parts.append(f"{number}\n{times}\n{cue.text.replace('-->', '→')}\n")
    return ("\n".join(parts) or "\n").encode()


MAX_SUBTITLE_BYTES = 32 << 20  # a larger file is no subtitle file
VOBSUB_SIGNATURE = b"\0\0\x01\xba"  # of an MPEG program stream, which holds the pictures
MAX_CUE_CHARACTERS = 2000  # the rest of a longer cue is ignored
TIMESTAMP = r"((?:\d{1,4}:)?\d{1,2}:\d{1,2}[.,]\d{1,3})"
CUE_TIMES = re.compile(rf"^[ \t]*{TIMESTAMP}[ \t]*-->[ \t]*{TIMESTAMP}.*$", re.MULTILINE)
STYLING = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}")  # tags of WebVTT and SubRip, overrides of ASS
SHOWN_TAGS = frozenset({"<b>", "</b>", "<i>", "</i>", "<u>", "</u>"})
# Invisible characters. No text of a cue keeps them, so that the search can use some as its marks.
INVISIBLE = re.compile(rf"(?!\s)(?:{UNPRINTABLE}|[\u200b\ufeff])")


def read_cues(path: str, frame_rate: float | None = None) -> list[Cue]:
    """The cues of a subtitle file in order of time, as plain text in one line each.

    `frame_rate`: of the video, for a file that counts frames and does not tell how many there are
    in a second. Malformed cues are skipped. Raises OSError, and ValueError where it is no subtitle
    file.
    """
    return cleaned_cues(path, frame_rate, plain_text)


def read_shown_cues(path: str, frame_rate: float | None = None) -> list[Cue]:
    """The same with the line breaks and the tags <b>, <i> and <u> of their text."""
    return cleaned_cues(path, frame_rate, shown_text)


def cleaned_cues(path: str, frame_rate: float | None, clean: Callable[[str], str]) -> list[Cue]:
    """The cues of a file in order of time, each with what `clean` makes of its text; those without
    any left out. Otherwise as read_cues."""
    text = read_text(path)
    if path.endswith(".json"):
        cues = list(cues_of_json(text))
    elif name := foreign_format(text):
        cues = list(foreign_cues(text, name, frame_rate))
    else:
        cues = list(parse_cues(as_subrip(text)))
    if not cues and text.strip() and not re.match(r"\s*(WEBVTT|\{|\[Script Info|<SAMI)", text):
        raise ValueError("has no subtitles in it")
    cleaned = [cue._replace(text=clean(cue.text)) for cue in cues]
    return sorted((cue for cue in cleaned if cue.text), key=lambda cue: cue[:2])


def read_text(path: str) -> str:
    """A text file in Unicode, or in a code page of the language that its name tells or, for SAMI,
    the file itself.

    Raises OSError, and ValueError for a file that is too large or binary.
    """
    if stat_of(path).st_size > MAX_SUBTITLE_BYTES:
        raise ValueError(f"is larger than {human_size(MAX_SUBTITLE_BYTES)}")
    content = read_file(path)
    if content.startswith(VOBSUB_SIGNATURE):
        raise ValueError("has pictures of text (VobSub), which cannot be searched")
    text = decode_unicode(content)
    if text is None:
        language = language_in(path.rpartition("/")[2]) or declared_language(content)
        text = decode_by_language(content, language)
    if "\0" in text:
        raise ValueError("is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse_cues(text: str) -> Iterator[Cue]:
    """The cues of a WebVTT or SubRip file, in its order."""
    headers = list(CUE_TIMES.finditer(text))
    for header, following in itertools.zip_longest(headers, headers[1:]):
        body = text[header.end() + 1 : following.start() if following else None]
        lines = list(itertools.takewhile(str.strip, body.split("\n")))
        is_whole = len(lines) == body.count("\n")  # no empty line ends it
        if following and is_whole and lines[-1:] and lines[-1].strip().isdigit():
            lines.pop()  # the number of the next cue
        start, end = (parse_clock(stamp) for stamp in header.groups())
        yield Cue(start, max(end, start), "\n".join(lines))


def cues_of_json(text: str) -> Iterator[Cue]:
    """The cues of a JSON artifact, in its order; malformed ones are skipped.

    Raises ValueError where it is not valid JSON.
    """
    try:
        document = parse_json(text)
    except ValueError:
        raise ValueError("is no valid JSON") from None
    entries = document.get("cues") if isinstance(document, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        fields = entry if isinstance(entry, dict) else {}
        start, end = to_float(fields.get("start")), to_float(fields.get("end"))
        content = fields.get("text")
        if start is not None and end is not None and isinstance(content, str):
            yield Cue(start, max(end, start), content)


def plain_text(text: str) -> str:
    """The text of a cue in one line, in NFC, without styling and invisible characters."""
    return " ".join(readable(STYLING.sub("", text[:MAX_CUE_CHARACTERS])).split())


def shown_text(text: str) -> str:
    """The text of a cue line by line, in NFC, without invisible characters and all styling but the
    tags <b>, <i> and <u>."""

    def kept(styling: re.Match[str]) -> str:
        return tag if (tag := styling[0].lower()) in SHOWN_TAGS else ""

    lines = readable(STYLING.sub(kept, text[:MAX_CUE_CHARACTERS])).split("\n")
    return "\n".join(line for line in (" ".join(words.split()) for words in lines) if line)


def readable(text: str) -> str:
    """Text in NFC with characters in place of HTML's references, without invisible ones."""
    import html

    return unicodedata.normalize("NFC", INVISIBLE.sub("", html.unescape(text)))
