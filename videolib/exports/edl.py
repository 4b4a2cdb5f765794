"""Kodi's edit decision lists: STEM.edl, scene markers that skip buttons jump to.

A line has start, end and action; Kodi puts the marker of action 2 at the end (ReadEdl in its
xbmc/cores/EdlEdit), so that both are the time of the marker.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from videolib.exports.chapters import thinned_chapters
from videolib.exports.formats import SidecarFormat

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource

SCENE_MARKER = 2


@dataclasses.dataclass(frozen=True)
class KodiEdl(SidecarFormat):
    """Scene markers, at least `min_chapter` seconds apart."""

    min_chapter: float = 300.0

    def names(self, source: VideoSource) -> list[str]:
        thinned_chapters(source, self.min_chapter)
        return [f"{source.stem}.edl"]

    def content(self, source: VideoSource) -> dict[str, Content]:
        starts = [chapter.start for chapter in thinned_chapters(source, self.min_chapter)]
        lines = [f"{start:.3f}\t{start:.3f}\t{SCENE_MARKER}\n" for start in starts]
        return {f"{source.stem}.edl": "".join(lines).encode()}
