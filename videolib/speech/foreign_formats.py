"""Subtitles in the formats of others: ASS and SSA, MicroDVD, SubViewer, SAMI.

pysubs2 reads them, but for SubViewer, which it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from videolib.core.errors import Failure, attempt
from videolib.speech.cues import Cue

if TYPE_CHECKING:
    from pysubs2 import SSAFile

# Frames per second of a MicroDVD file that does not tell, where the video's are unknown: what
# libav's demuxer takes.
DEFAULT_FRAME_RATE = 24000 / 1001
# What begins a file, or one of its lines, by pysubs2's names of the formats.
SIGNATURES = {
    "ass": re.compile(r"^\s*\[(script info|v4\+? styles|events)\]", re.IGNORECASE | re.MULTILINE),
    "microdvd": re.compile(r"^ *\{ *\d+ *\} *\{ *\d+ *\}", re.MULTILINE),
    "sami": re.compile(r"<sami\b|<sync\b", re.IGNORECASE),
}
SUBVIEWER_TIMES = re.compile(
    r"^\s*(\d{1,2}:\d\d:\d\d\.\d{1,3})\s*,\s*(\d{1,2}:\d\d:\d\d\.\d{1,3})\s*$", re.MULTILINE
)


def foreign_format(text: str) -> str:
    """pysubs2's name of the format of a text, by its content; "" where it is none of these."""
    return next((name for name, signature in SIGNATURES.items() if signature.search(text)), "")


def foreign_cues(text: str, name: str, frame_rate: float | None = None) -> Iterator[Cue]:
    """The cues of a text in a format that pysubs2 knows by this name, in its order; comments and
    drawings of ASS are none. Raises ValueError where it is malformed.

    `frame_rate`: of the video, which counts where a MicroDVD file does not tell its own.
    """
    subtitles = attempt(parse, text, name, frame_rate)
    if isinstance(subtitles, Failure):
        raise ValueError(f"is malformed: no {name.upper()} can be read from it")
    for event in subtitles:
        if not (event.is_comment or event.is_drawing):
            start, end = event.start / 1000, event.end / 1000
            yield Cue(start, max(start, end), event.plaintext)


def parse(text: str, name: str, frame_rate: float | None) -> SSAFile:
    """What pysubs2 reads from a text; its own exceptions are of many classes."""
    from pysubs2 import SSAFile
    from pysubs2.exceptions import UnknownFPSError

    try:
        return SSAFile.from_string(text, format_=name)
    except UnknownFPSError:
        return SSAFile.from_string(text, format_=name, fps=frame_rate or DEFAULT_FRAME_RATE)


def as_subrip(text: str) -> str:
    """A text in SubViewer's format in that of SubRip."""
    return SUBVIEWER_TIMES.sub(r"\1 --> \2", text).replace("[br]", "\n")
