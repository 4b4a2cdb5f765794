"""Faults that `verify` found in a video, as its record has them: a line of text for each kind.

*Damaged* is what did not decode when the record was made, *rotten* what differs since then, though
the file has the same size and time. How they are found is in media/integrity.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from videolib.core.files import reading
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State

if TYPE_CHECKING:
    from videolib.storage.sidecars import FileStat, SidecarDir
    from videolib.storage.videos import Video

FAULTS = ("damaged", "rotten")  # the fields of a record, where there is such a fault


def is_quick_record(path: str) -> bool:
    """Whether a record of `verify` has checksums alone; its head is enough. Raises OSError."""
    with reading(path) as descriptor:
        return b'"quick": true' in os.read(descriptor, 16384)


def faults_in(record: Mapping[str, Any]) -> dict[str, str]:
    """The faults in a record of `verify` by their kind."""
    return {kind: text for kind in FAULTS if isinstance(text := record.get(kind), str)}


def faults_of(video: Video, sidecars: SidecarDir, source: FileStat | None = None) -> dict[str, str]:
    """The faults of a video as it is now, by their kind; none where it was not verified, or was
    changed since. `source`: the stat of the video where the caller has it. Raises OSError where the
    video is gone."""
    artifact = ARTIFACTS["verify"]
    if artifact.state(video, sidecars, source=source) is not State.FRESH:
        return {}
    return faults_in(sidecars.document(artifact.record_name(video)))
