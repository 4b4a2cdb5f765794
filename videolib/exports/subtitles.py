"""Subtitles beside the video, where players look: STEM.LANGUAGE[.forced].srt, .vtt or .ass.

They are the generated ones of .artifacts. Languages that somebody else's file beside the video has
count as there.
"""

from __future__ import annotations

import dataclasses
import html
import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.languages import language_tag
from videolib.exports.formats import AlreadyThereError, NothingToExportError, SidecarFormat
from videolib.media.streams import streams_of_type
from videolib.speech.cues import Cue
from videolib.speech.files import cues_of_json, parse_cues, read_text, srt_file, vtt_file
from videolib.storage.names import FORCED_LABEL
from videolib.storage.subtitle_names import Purpose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource

SubtitleSuffix = Literal["srt", "vtt", "ass"]
WITHOUT_CUES = 1024  # bytes: a larger file has a cue


class SubtitleText(NamedTuple):
    """A text to export: its file in the sidecar folder, its language tag, or `und`, and whether it
    translates only what is foreign."""

    path: str
    language: str
    forced: bool


@dataclasses.dataclass(frozen=True)
class ExportedSubtitles(SidecarFormat):
    """Generated subtitles with the names that Jellyfin, Kodi, Plex, Stash, mpv and VLC read."""

    subtitle_format: SubtitleSuffix = "srt"

    def names(self, source: VideoSource) -> list[str]:
        return list(self._texts(source))

    def content(self, source: VideoSource) -> dict[str, Content]:
        texts = self._texts(source).items()
        return {name: subtitle_file(text.path, self.subtitle_format) for name, text in texts}

    def _texts(self, source: VideoSource) -> dict[str, SubtitleText]:
        """Name beside the video -> the text. Raises NothingToExportError."""
        texts = {(t.language, t.forced): t for t in generated_texts(source, self.subtitle_format)}
        if not texts:
            raise NothingToExportError("has no generated subtitles: the command subtitles does it")
        present = {
            (subtitle.language or "und", subtitle.purpose is Purpose.FORCED): subtitle.path
            for subtitle in source.external_subtitles
        }
        new = [text for kind, text in texts.items() if kind not in present]
        if not new:
            names = sorted(present[kind].rpartition("/")[2] for kind in texts)
            raise AlreadyThereError(f"has {', '.join(names)} beside it")
        return {self._name(source.stem, text): text for text in new}

    def _name(self, stem: str, text: SubtitleText) -> str:
        label = FORCED_LABEL if text.forced else ""
        return f"{stem}.{text.language}{label}.{self.subtitle_format}"


def generated_texts(source: VideoSource, suffix: str) -> Iterator[SubtitleText]:
    """The generated subtitles that have cues, those in the wanted format last: of several in one
    language the last counts."""
    order = sorted(("json", "srt", "vtt"), key=lambda s: s == suffix)
    files = sorted(source.generated_subtitles, key=lambda file: order.index(suffix_of(file[0])))
    for name, language, purpose in files:
        entry = source.sidecars[name]
        if entry.stat().st_size >= WITHOUT_CUES or cues_of(entry.path):
            language = language or spoken_language(source) or "und"
            yield SubtitleText(entry.path, language, purpose is Purpose.FORCED)


def suffix_of(name: str) -> str:
    return name.rpartition(".")[2]


def spoken_language(source: VideoSource) -> str:
    """The tag of the language that is spoken: as it was heard, if JSON of the subtitles has that,
    else as the metadata have it of the first audio stream; "" where neither is known."""
    name = f"{source.video.key}.json"
    heard = source.sidecars.document(name).get("language") if name in source.sidecars else None
    if isinstance(heard, str) and heard:
        return language_tag(heard)
    for stream in streams_of_type(source.stored_metadata, "audio"):
        return language_tag(str(stream.get("tags", {}).get("language", "")))
    return ""


def cues_of(path: str) -> list[Cue]:
    """The cues of a generated subtitle file, with their line breaks and the tags <b>, <i>, <u>.

    Raises VideoError.
    """
    try:
        text = read_text(path)
        cues = list(cues_of_json(text) if path.endswith(".json") else parse_cues(text))
    except ValueError as error:
        raise VideoError(f"{path.rpartition('/')[2]} {error}: make the subtitles again") from None
    is_escaped = path.endswith(".vtt")
    return [c._replace(text=html.unescape(c.text)) if is_escaped else c for c in cues]


def subtitle_file(path: str, suffix: SubtitleSuffix) -> bytes:
    """A generated subtitle file in another format."""
    cues = cues_of(path)
    if suffix == "vtt":
        return vtt_file(cues)
    if suffix == "srt":
        return srt_file(cues)
    return ass_file(cues)


def ass_file(cues: list[Cue]) -> bytes:
    """Cues as an Advanced SubStation Alpha file."""
    import pysubs2

    subtitles = pysubs2.SSAFile()
    for cue in cues:
        start, end = (round(seconds * 1000) for seconds in cue[:2])
        # Braces would begin a command.
        text = cue.text.replace("{", "(").replace("}", ")").replace("\n", r"\N")
        text = re.sub(r"<(/?)([biu])>", lambda m: rf"{{\{m[2]}{0 if m[1] else 1}}}", text)
        subtitles.append(pysubs2.SSAEvent(start=start, end=end, text=text))
    return subtitles.to_string("ass").encode()
