"""Subtitle files: WebVTT, SubRip and JSON, written and read."""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.errors import Failure, attempt
from videolib.core.files import read_file, stat_of
from videolib.core.text import UNPRINTABLE, clock, human_size, parse_clock, to_float
from videolib.speech.cues import Cue

if TYPE_CHECKING:
    from videolib.media.reader import Media


def vtt_file(cues: Iterable[Cue]) -> bytes:
    """Cues as WebVTT (W3C)."""
    parts = ["WEBVTT"]
    for cue in cues:
        text = html_tags_kept(cue.text)
        parts.append(f"{clock(cue.start, millis=True)} --> {clock(cue.end, millis=True)}\n{text}")
    return ("\n\n".join(parts) + "\n").encode()


def html_tags_kept(text: str) -> str:
    """Text with &, < and > escaped but for the few tags that both formats know."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"&lt;(/?[biu])&gt;", r"<\1>", escaped)


def srt_file(cues: Iterable[Cue]) -> bytes:
    """Cues as SubRip; without any, a file of one empty line, for an empty one looks broken."""
    parts = []
    for number, cue in enumerate(cues, 1):
        times = " --> ".join(clock(t, millis=True).replace(".", ",") for t in cue[:2])
        parts.append(f"{number}\n{times}\n{cue.text.replace('-->', '→')}\n")
    return ("\n".join(parts) or "\n").encode()


MAX_SUBTITLE_BYTES = 32 << 20  # bytes: what is larger is no subtitle file


LONGEST_CAPTION = 2000  # letters of one cue that are kept


STAMP = r"((?:\d{1,4}:)?\d{1,2}:\d{1,2}[.,]\d{1,3})"


CUE_TIMES = re.compile(rf"^[ \t]*{STAMP}[ \t]*-->[ \t]*{STAMP}.*$", re.MULTILINE)


CUE_STYLE = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}")


# What must not be in a text that is searched: it is not seen, or stands for something there.
UNSEEN = re.compile(rf"(?!\s)(?:{UNPRINTABLE}|[\u200b\ufeff])")


def read_cues(path: str) -> list[Cue]:
    """The cues in a subtitle file in order of time, as plain text in one line each.

    Raises OSError or ValueError where there is none to read; what is odd in it is left out.
    """
    text = read_captions_text(path)
    cues = list(cues_of_json(text) if path.endswith(".json") else cues_of_text(text))
    if not cues and text.strip() and not re.match(r"\s*(WEBVTT|\{)", text):
        raise ValueError("has no subtitles in it")
    plain = [cue._replace(text=plain_caption(cue.text)) for cue in cues]
    return sorted((cue for cue in plain if cue.text), key=lambda cue: cue[:2])


def read_captions_text(path: str) -> str:
    """A file of moderate size in UTF-8, in UTF-16 with its mark, else in the code of Windows."""
    if stat_of(path).st_size > MAX_SUBTITLE_BYTES:
        raise ValueError(f"is larger than {human_size(MAX_SUBTITLE_BYTES)}")
    raw = read_file(path)
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", "replace")
    else:
        decoded = attempt(raw.decode, "utf-8-sig")
        text = raw.decode("cp1252", "replace") if isinstance(decoded, Failure) else decoded
    if "\0" in text:
        raise ValueError("is no text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def cues_of_text(text: str) -> Iterator[Cue]:
    """The cues of WebVTT or SubRip, however carelessly written."""
    found = list(CUE_TIMES.finditer(text))
    for here, after in itertools.zip_longest(found, found[1:]):
        body = text[here.end() + 1 : after.start() if after else None]
        lines = list(itertools.takewhile(str.strip, body.split("\n")))
        if after and len(lines) == body.count("\n") and lines[-1:] and lines[-1].strip().isdigit():
            lines.pop()  # no empty line before it: the number of the next cue
        start, end = (parse_clock(stamp) for stamp in here.groups())
        yield Cue(start, max(end, start), "\n".join(lines))


def cues_of_json(text: str) -> Iterator[Cue]:
    """The cues in a subtitle artifact in JSON."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is no valid JSON") from None
    listed = data.get("cues") if isinstance(data, dict) else None
    for cue in listed if isinstance(listed, list) else ():
        given = cue if isinstance(cue, dict) else {}
        start, end, said = (
            to_float(given.get("start")),
            to_float(given.get("end")),
            given.get("text"),
        )
        if start is not None and end is not None and isinstance(said, str):
            yield Cue(start, max(end, start), said)


def plain_caption(text: str) -> str:
    """A cue's text in one line, composed, without tags, overrides and what cannot be seen."""
    import html

    said = html.unescape(CUE_STYLE.sub("", text[:LONGEST_CAPTION]))
    return unicodedata.normalize("NFC", " ".join(UNSEEN.sub("", said).split()))


def embedded_subtitles(media: Media, streams: Sequence[Any]) -> list[list[Cue]]:
    """The cues of text subtitle streams, in one pass over the file, in the order of their times."""
    import av

    found: dict[int, list[Cue]] = {stream.index: [] for stream in streams}
    try:
        for packet in media.container.demux(*streams):
            if packet.pts is None or not packet.size or not packet.time_base:
                continue
            begin = float(packet.pts * packet.time_base) - media.origin
            end = begin + float((packet.duration or 0) * packet.time_base)
            lines = [plain_ass(rect.ass) for rect in packet.decode() if hasattr(rect, "ass")]
            text = "\n".join(filter(None, lines))
            if text and end > max(begin, 0.0):
                found[packet.stream_index].append(Cue(max(begin, 0.0), end, text))
    except (av.FFmpegError, OSError, ValueError):
        media.note_damage()
    return [sorted(cues, key=lambda cue: cue[:2]) for cues in found.values()]


def plain_ass(event: bytes) -> str:
    """The text of an ASS event as libav gives it, with <i>, <b> and <u> for what it has of them.

    Fields before the text: order, layer, style, name, three margins, effect. Drawings are no text.
    """
    text = event.decode("utf-8", "replace").split(",", 8)[-1]
    if re.search(r"\\p[1-9]", text):
        return ""
    out, opened = "", list[str]()
    for part in re.split(r"(\{[^}]*\})", text):
        if not part.startswith("{"):
            out += part
            continue
        for name, value in re.findall(r"\\([ibur])(\d*)(?=[\\}])", part):
            closing = opened[::-1] if name == "r" else [name] if name in opened else []
            if name == "r" or value == "0":
                out += "".join(f"</{tag}>" for tag in closing)
                opened = [tag for tag in opened if tag not in closing]
            elif name not in opened:
                out += f"<{name}>"
                opened.append(name)
    out += "".join(f"</{tag}>" for tag in reversed(opened))
    lines = re.split(r"\\[Nn]|\n", out.replace(r"\h", " "))
    return "\n".join(line.strip() for line in lines if line.strip())
