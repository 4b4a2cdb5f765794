"""OpenTimelineIO: STEM.otio, the scenes of a video as clips of one timeline.

Written here, since scenedetect's writer gives every file 1,980 frames and an audio track.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from videolib.core.documents import json_bytes
from videolib.exports.formats import SidecarFormat
from videolib.exports.timelines import timeline_of

if TYPE_CHECKING:
    from videolib.exports.formats import Content
    from videolib.exports.sources import VideoSource
    from videolib.exports.timelines import Timeline


@dataclasses.dataclass(frozen=True)
class Otio(SidecarFormat):
    """Scenes for editors that read OpenTimelineIO, such as DaVinci Resolve."""

    def names(self, source: VideoSource) -> list[str]:
        timeline_of(source)
        return [f"{source.stem}.otio"]

    def content(self, source: VideoSource) -> dict[str, Content]:
        document = otio_timeline(timeline_of(source), source.title, source.video.name)
        return {f"{source.stem}.otio": json_bytes(document)}


def otio_timeline(timeline: Timeline, title: str, file_name: str) -> dict[str, Any]:
    """A document of the schema Timeline.1."""
    rate = float(timeline.rate)

    def time_range(start: int, frames: int) -> dict[str, Any]:
        times = {"start_time": start, "duration": frames}
        rational = {
            name: {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(value)}
            for name, value in times.items()
        }
        return {"OTIO_SCHEMA": "TimeRange.1", **rational}

    reference = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "name": file_name,
        "target_url": timeline.uri,
        "available_range": time_range(0, timeline.frames),
    }
    clips = [
        {
            "OTIO_SCHEMA": "Clip.2",
            "name": f"Scene {number}",
            "source_range": time_range(shot.start, shot.frames),
            "media_references": {"DEFAULT_MEDIA": reference},
            "active_media_reference_key": "DEFAULT_MEDIA",
        }
        for number, shot in enumerate(timeline.shots, 1)
    ]
    kinds = ["Video", "Audio"] if timeline.sound else ["Video"]
    tracks = [
        {"OTIO_SCHEMA": "Track.1", "name": kind, "kind": kind, "children": clips} for kind in kinds
    ]
    stack = {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": tracks}
    return {"OTIO_SCHEMA": "Timeline.1", "name": title, "tracks": stack}
