"""Embedded subtitles: the text subtitle streams of a container, extracted into subtitle files."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from videolib.core.runs import Status
from videolib.media.audio import stream_language
from videolib.media.codecs import TEXT_SUBTITLES
from videolib.speech.cues import Cue
from videolib.speech.files import refuse_overwriting, subtitle_output
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.media.reader import Media
    from videolib.storage.videos import Video

EVENT_FIELDS = 8  # before the text: order, layer, style, name, three margins, effect
DRAWING = re.compile(r"\\p[1-9]")  # the override after which text is the path of a drawing
# Overrides for italic, bold and underlined, each with 0 to end it, and for the reset of all.
STYLE_OVERRIDE = re.compile(r"\\([ibur])(\d*)(?=[\\}])")


def extract_subtitles(
    media: Media, video: Video, language: str, formats: Collection[str]
) -> ArtifactOutput:
    """The text subtitles of a container, for the sidecar folder of `video`.

    Of each language the first stream is taken; `language`, unless it is "", restricts that to one.
    `formats` are of vtt, srt and json. The status is SKIPPED, with a note, where there is no such
    stream. Raises VideoError where a file would overwrite one of the user's.
    """
    streams = list(media.container.streams.subtitles)
    readable = [s for s in streams if s.codec_context and s.codec_context.name in TEXT_SUBTITLES]
    chosen: dict[str, Any] = {}
    for stream in readable:
        if language in ("", stream_language(stream)):
            chosen.setdefault(stream_language(stream), stream)
    if not chosen:
        reason = why_nothing_extracted(streams, readable, language)
        return ArtifactOutput(status=Status.SKIPPED, note=reason)
    output = ArtifactOutput()
    cues_of_streams = read_streams(media, list(chosen.values()))
    for (code, stream), cues in zip(chosen.items(), cues_of_streams, strict=True):
        segments = [cue._asdict() | {"text": cue.text.replace("\n", " ")} for cue in cues]
        metadata = {"backend": "stream", "stream": stream.index, "language": code}
        extracted = subtitle_output(cues, code, formats, metadata | {"segments": segments})
        output.files |= extracted.files
        output.documents |= extracted.documents
    refuse_overwriting(output, video)
    return output


def why_nothing_extracted(streams: Sequence[Any], readable: Sequence[Any], language: str) -> str:
    """Why there is nothing to extract, and what to do. `readable`: the streams that are text."""
    if readable:
        languages = ", ".join(stream_language(stream) or "no language" for stream in readable)
        return f"has no text subtitles in {language}; there are {languages}"
    codecs = ", ".join(sorted({s.codec_context.name for s in streams if s.codec_context}))
    pictures = f"its subtitles are pictures ({codecs}), not text"
    reason = pictures if streams else "has no subtitle stream"
    return f"{reason}: without --from-stream it is heard"


def read_streams(media: Media, streams: Sequence[Any]) -> list[list[Cue]]:
    """The cues of each stream in order of time, from one pass over the file.

    What is damaged is counted in `media.damage`.
    """
    by_stream: dict[int, list[Cue]] = {stream.index: [] for stream in streams}
    for packet in media.read(*streams):
        if packet.pts is None or not packet.size or not packet.time_base:
            continue
        start = float(packet.pts * packet.time_base) - media.origin
        end = start + float((packet.duration or 0) * packet.time_base)
        texts = media.decoded(packet.stream.decode, packet)
        lines = [event_text(rect.ass) for rect in texts if hasattr(rect, "ass")]
        text = "\n".join(filter(None, lines))
        if text and end > max(start, 0.0):
            by_stream[packet.stream_index].append(Cue(max(start, 0.0), end, text))
    return [sorted(cues, key=lambda cue: cue[:2]) for cues in by_stream.values()]


def event_text(event: bytes) -> str:
    """The text of an ASS event; libav gives the text subtitles of all formats as such.

    Overrides become the tags <i>, <b> and <u>; other styles are dropped, and so are drawings.
    """
    text = event.decode("utf-8", "replace").split(",", EVENT_FIELDS)[-1]
    if DRAWING.search(text):
        return ""
    marked_up, opened = "", list[str]()
    for part in re.split(r"(\{[^}]*\})", text):
        marked_up += apply_overrides(part, opened) if part.startswith("{") else part
    marked_up += closing_tags(opened)
    lines = re.split(r"\\[Nn]|\n", marked_up.replace(r"\h", " "))
    return "\n".join(line.strip() for line in lines if line.strip())


def apply_overrides(block: str, opened: list[str]) -> str:
    """The tags for a block of overrides, such as {\\i1\\b0}.

    `opened`, the names of the tags that are open, is updated.
    """
    tags = ""
    for name, value in STYLE_OVERRIDE.findall(block):
        if name == "r" or value == "0":
            closed = [tag for tag in opened if name in ("r", tag)]
            tags += closing_tags(closed)
            opened[:] = [tag for tag in opened if tag not in closed]
        elif name not in opened:
            tags += f"<{name}>"
            opened.append(name)
    return tags


def closing_tags(opened: Sequence[str]) -> str:
    """The closing tags for these open ones, the last first."""
    return "".join(f"</{tag}>" for tag in reversed(opened))
