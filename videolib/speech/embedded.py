"""Embedded subtitles: the text subtitle streams of a container, extracted into subtitle files."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from videolib.core.runs import Status
from videolib.speech.cues import Cue
from videolib.speech.files import refuse_overwriting, subtitle_output
from videolib.storage.names import FORCED_LABEL
from videolib.storage.publishing import ArtifactOutput
from videolib.storage.subtitle_names import Purpose
from videolib.storage.subtitle_tracks import best_tracks, forced_tracks, text_tracks

if TYPE_CHECKING:
    from videolib.media.reader import Media
    from videolib.storage.subtitle_tracks import SubtitleTrack
    from videolib.storage.videos import Video

EVENT_FIELDS = 8  # before the text: order, layer, style, name, three margins, effect
DRAWING = re.compile(r"\\p[1-9]")  # the override after which text is the path of a drawing
# Overrides for italic, bold and underlined, each with 0 to end it, and for the reset of all.
STYLE_OVERRIDE = re.compile(r"\\([ibur])(\d*)(?=[\\}])")


def extract_subtitles(
    media: Media, video: Video, language: str, formats: Collection[str]
) -> ArtifactOutput:
    """The text subtitles of a container, for the sidecar folder of `video`.

    Of each language the track that holds all that is said is taken, and the forced one into files
    of their own; `language`, unless it is "", restricts that to one. `formats` are of vtt, srt and
    json. The status is SKIPPED, with a note, where there is no such track. Raises VideoError where
    a file would overwrite one of the user's.
    """
    tracks = container_tracks(media)
    whole, forced = best_tracks(tracks, language), forced_tracks(tracks, language)
    chosen = [*whole.values(), *forced.values()]
    if not chosen:
        return ArtifactOutput(status=Status.SKIPPED, note=why_nothing_extracted(media, language))
    output = ArtifactOutput()
    for track, cues in zip(chosen, read_tracks(media, chosen), strict=True):
        segments = [cue._asdict() | {"text": cue.text.replace("\n", " ")} for cue in cues]
        metadata = {"backend": "stream", "stream": track.stream, "language": track.language}
        metadata |= {"purpose": str(track.purpose), "segments": segments}
        suffix = FORCED_LABEL if track.purpose is Purpose.FORCED else ""
        extracted = subtitle_output(cues, track.language, formats, metadata, suffix)
        output.files |= extracted.files
        output.documents |= extracted.documents
    if not whole:
        output.note = "has forced subtitles only: without --from-stream it is heard"
    refuse_overwriting(output, video)
    return output


def container_tracks(media: Media) -> list[SubtitleTrack]:
    """The tracks of text in an opened video."""
    return text_tracks(media.stream_facts)


def subtitles_inside(media: Media, language: str) -> str:
    """A note on the subtitles inside a video that make transcribing it needless, in a language
    ("": any); "" where there are none."""
    languages = ", ".join(
        tag or "no language" for tag in best_tracks(container_tracks(media), language)
    )
    if not languages:
        return ""
    return f"has subtitles inside ({languages}): --from-stream extracts them, --force hears it"


def why_nothing_extracted(media: Media, language: str) -> str:
    """Why there is nothing to extract, and what to do."""
    tracks = container_tracks(media)
    if whole := best_tracks(tracks):
        languages = ", ".join(tag or "no language" for tag in whole)
        return f"has no text subtitles in {language}; there are {languages}"
    streams = [s for s in media.stream_facts if s.get("codec_type") == "subtitle"]
    codecs = ", ".join(sorted({str(s["codec_name"]) for s in streams if s.get("codec_name")}))
    if tracks:
        reason = "has no subtitles of what is said, only of forced or commentary tracks"
    elif streams:
        reason = f"its subtitles are pictures ({codecs}), not text"
    else:
        reason = "has no subtitle stream"
    return f"{reason}: without --from-stream it is heard"


def read_tracks(media: Media, tracks: Sequence[SubtitleTrack]) -> list[list[Cue]]:
    """The cues of each track in order of time, from one pass over the file.

    What is damaged is counted in `media.damage`.
    """
    by_stream: dict[int, list[Cue]] = {track.stream: [] for track in tracks}
    for packet in media.read(*by_stream):
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
