"""Which videos of the roots are transcodes of which others.

Nobody notes that at the source, where a transcode writes nothing. The record of an output tells of
which file it was made, and an output has the time of its source, by which the catalogues find both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index import ListVideos
from videolib.catalogue.pool import LONG_WAIT
from videolib.catalogue.query import SqlClause
from videolib.core.files import stat_if_any, stat_of
from videolib.media.transcode_copies import CopyRecords
from videolib.storage.names import SIDECARS

if TYPE_CHECKING:
    import os

    from videolib.catalogue.pool import CataloguePool
    from videolib.media.transcode_copies import CopiedSource
    from videolib.storage.folders import Roots
    from videolib.storage.videos import Video
    from videoserver.commands import CommandBuilder

COARSEST_TIME = 2_000_000_000  # ns: FAT counts two seconds
MOST_CANDIDATES = 1000  # videos of one time, each of which may be a copy


class CopyFinder:
    """Finds the transcodes of a video in the roots, and what a video is a transcode of."""

    def __init__(self, commands: CommandBuilder, pool: CataloguePool, roots: Roots) -> None:
        self.commands, self.pool, self.roots = commands, pool, roots

    def links(self, video: Video) -> dict[str, Any]:
        """The absolute paths of both: {video, original, copies}. Raises FileNotFoundError where the
        video is gone."""
        path, status, records = Path(video.path), stat_of(video.path), CopyRecords()
        source = self._source(path, records)
        original = self._original(path, source) if source else None
        copies = self._copies(path, status, records)
        return {"video": video.rel, "original": original, "copies": copies}

    def _source(self, path: Path, records: CopyRecords) -> CopiedSource | None:
        """What a file was made of, where its record is in the roots."""
        return records.source_of(path) if self.roots.contains(path.parent / SIDECARS) else None

    def _original(self, path: Path, source: CopiedSource) -> str | None:
        """The path of the file that a copy was made of; of several that one which lies as it did
        then."""
        condition = self._of_time(source.stamp.mtime_ns)
        same_size = SqlClause("v.size = ?", (source.stamp.size,))
        candidates = [
            other
            for other in self._videos(condition, same_size)
            if other != path and (status := stat_if_any(str(other))) and source.stamp.fits(status)
        ]
        unmoved = (other for other in candidates if str(other).endswith(f"/{source.rel}"))
        best = next(unmoved, candidates[0] if candidates else None)
        return str(best) if best else None

    def _copies(self, path: Path, status: os.stat_result, records: CopyRecords) -> list[str]:
        """The paths of the copies of a file, sorted."""
        condition = self._of_time(status.st_mtime_ns)
        is_output = SqlClause("v.ext = '.mp4'")
        sources = (
            (other, self._source(other, records))
            for other in self._videos(condition, is_output)
            if other != path
        )
        copies = (str(other) for other, source in sources if source and source.stamp.fits(status))
        return sorted(set(copies))

    def _of_time(self, mtime_ns: int | None) -> SqlClause:
        """Videos of that time, but for what a coarser file system does not keep; None: of any."""
        if mtime_ns is None:
            return SqlClause("1")
        return SqlClause("abs(v.mtime_ns - ?) < ?", (mtime_ns, COARSEST_TIME))

    def _videos(self, *conditions: SqlClause) -> Iterator[Path]:
        """The videos of the roots that meet the conditions."""
        for root in self.roots.paths:
            command = self.commands.build(ListVideos, str(root), recursive=True, ext="*")
            library = command.library()
            catalogue = self.pool.catalogue(library, LONG_WAIT)
            view = catalogue.view(library, "", conditions)
            for row in catalogue.rows(view, limit=MOST_CANDIDATES, labels=False):
                yield Path(root, row.rel)
