"""Failures that are due to a video itself: remembered beside its artifacts until it changes.

Each is in NAME.KIND.failed.json, with the head of every record: what makes the artifact after all
removes it with the other files of an earlier version.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import json_bytes, json_text
from videolib.core.errors import Failure, attempt
from videolib.core.files import make_folder, replace_file
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.publishing import Provenance
from videolib.storage.videos import source_identity

if TYPE_CHECKING:
    import os

    from videolib.storage.artifacts import Artifact
    from videolib.storage.sidecars import FileStat, SidecarDir
    from videolib.storage.videos import Video


class KnownFailure(NamedTuple):
    """Why no artifact of a kind could be made of a video as it still is, and with which params."""

    reason: str
    params: Mapping[str, Any]

    def is_of(self, params: Mapping[str, Any]) -> bool:
        """Whether it was met with these parameters: others may have more luck."""
        same: bool = self.params == json.loads(json_text(params))
        return same


def record_failure(
    artifact: Artifact,
    video: Video,
    before: os.stat_result,
    params: Mapping[str, Any],
    reason: str,
) -> None:
    """Remember a failure that is due to the video, which had the stat `before` when it was opened.

    Nothing is remembered of a video that has changed since, or whose ends cannot be read by now:
    its disk or network may have been why. Raises OSError where nothing can be written.
    """
    source, size, mtime_ns = attempt(source_identity, video), before.st_size, before.st_mtime_ns
    if isinstance(source, Failure) or (source["size"], source["mtime_ns"]) != (size, mtime_ns):
        return
    origin = Provenance(1, video.rel, size, mtime_ns, source.get("oshash", ""), params)
    path = Path(video.sidecar_dir, artifact.failure_record.format(video.key))
    make_folder(path.parent)
    replace_file(path, json_bytes(origin.as_json() | {"files": [], "failed": reason}))


def known_failure(
    artifact: Artifact, video: Video, sidecars: SidecarDir, source: os.stat_result | FileStat
) -> KnownFailure | None:
    """What is remembered of a kind and a video that has the stat `source`; None: nothing that
    holds for the video as it is now."""
    name = artifact.failure_record.format(video.key)
    record = sidecars.record(name) if name in sidecars else None
    if record is None or not record.is_of(source):
        return None
    document = sidecars.document(name)
    reason, params = document.get("failed"), document.get("params")
    if not isinstance(reason, str) or not isinstance(params, dict):
        return None
    return KnownFailure(reason, params)


def failures_by_reason(
    video: Video, sidecars: SidecarDir, source: FileStat, kinds: Iterable[str]
) -> list[dict[str, Any]]:
    """What is remembered of these kinds of a video, as [{reason, kinds}]."""
    by_reason: dict[str, list[str]] = {}
    for kind in kinds:
        if failure := known_failure(ARTIFACTS[kind], video, sidecars, source):
            by_reason.setdefault(failure.reason, []).append(kind)
    return [{"reason": reason, "kinds": kinds} for reason, kinds in by_reason.items()]
