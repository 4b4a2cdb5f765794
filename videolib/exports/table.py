"""The formats of exports by name: a new one is a file beside this one and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from videolib.core.errors import UsageError
from videolib.core.text import printable
from videolib.exports.bif import Bif
from videolib.exports.chapters import Chapters
from videolib.exports.edl import KodiEdl
from videolib.exports.fcpxml import Fcpxml
from videolib.exports.hydrus import Hydrus
from videolib.exports.images import Images
from videolib.exports.m3u8 import Playlist
from videolib.exports.mpv_edl import MpvEdl
from videolib.exports.nfo import Nfo
from videolib.exports.otio import Otio
from videolib.exports.sheet import ContactSheet
from videolib.exports.stash import StashFiles
from videolib.exports.subtitles import ExportedSubtitles
from videolib.exports.trickplay import Trickplay
from videolib.exports.xmp import Xmp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from videolib.exports.formats import Format

FORMATS: dict[str, type[Format]] = {
    "subtitles": ExportedSubtitles,
    "trickplay": Trickplay,
    "nfo": Nfo,
    "images": Images,
    "chapters": Chapters,
    "edl": KodiEdl,
    "bif": Bif,
    "sheet": ContactSheet,
    "otio": Otio,
    "fcpxml": Fcpxml,
    "m3u8": Playlist,
    "mpv-edl": MpvEdl,
    "stash": StashFiles,
    "xmp": Xmp,
    "hydrus": Hydrus,
}


def formats_named(names: Sequence[str]) -> dict[str, type[Format]]:
    """Formats by name. Raises UsageError where one is not known, or none is named."""
    if not names:
        raise UsageError(f"export needs --format: {', '.join(FORMATS)}")
    return {name: format_named(name) for name in names}


def format_named(name: str) -> type[Format]:
    """The format of that name. Raises UsageError where there is none."""
    if name not in FORMATS:
        names = ", ".join(FORMATS)
        raise UsageError(f"--format {printable(name)}: no such format; there are {names}")
    return FORMATS[name]
