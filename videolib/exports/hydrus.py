"""Text files that the hydrus network imports beside a file: NAME.EXT.txt, a tag in each line."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from videolib.exports.formats import NothingToExportError, SidecarFormat

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource


@dataclasses.dataclass(frozen=True)
class Hydrus(SidecarFormat):
    """Tags, and performers in the namespace `performer`."""

    def names(self, source: VideoSource) -> list[str]:
        if not (source.tags["tags"] or source.tags["performers"]):
            raise NothingToExportError("has no tags: the command tags gives it some")
        return [f"{source.video.name}.txt"]

    def content(self, source: VideoSource) -> dict[str, Content]:
        lines = [*source.tags["tags"], *(f"performer:{name}" for name in source.tags["performers"])]
        return {f"{source.video.name}.txt": "".join(f"{line}\n" for line in lines).encode()}
