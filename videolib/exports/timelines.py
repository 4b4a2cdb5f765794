"""The scenes of a video on the clock of its frames, as editors count them."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.text import to_frame_rate
from videolib.exports.formats import NothingToExportError
from videolib.media.metadata import summarize
from videolib.media.streams import film_of, streams_of_type

if TYPE_CHECKING:
    from videolib.exports.sources import VideoSource

COMMON_RATES = tuple(
    Fraction(rate * 1000, base) for base in (1000, 1001) for rate in (24, 25, 30, 48, 50, 60, 120)
)


class Shot(NamedTuple):
    """A scene: its first frame, and how many it has."""

    start: int
    frames: int


class Timeline(NamedTuple):
    """The scenes of a video, its frame rate and size, all its frames, and whether it has sound."""

    uri: str
    rate: Fraction
    width: int
    height: int
    frames: int
    sound: bool
    shots: list[Shot]


def timeline_of(source: VideoSource) -> Timeline:
    """Raises NothingToExportError where no scenes were detected, VideoError where metadata lack."""
    if not source.scenes:
        raise NothingToExportError("has no scenes: the command scenes finds them")
    streams = source.stored_metadata.get("streams", [])
    film, summary = film_of(streams), summarize(source.stored_metadata)
    rate = film and frame_rate(film.get("avg_frame_rate") or film.get("r_frame_rate"))
    if not (rate and summary.get("duration") and summary.get("width")):
        raise NothingToExportError("has no metadata: the command meta makes them")
    frames = max(round(summary["duration"] * rate), 1)
    shots = [shot_of(start, end, rate, frames) for start, end in source.scenes]
    return Timeline(
        source.uri,
        rate,
        summary["width"],
        summary["height"],
        frames,
        bool(streams_of_type(source.stored_metadata, "audio")),
        [shot for shot in shots if shot.frames],
    )


def shot_of(start: float, end: float, rate: Fraction, frames: int) -> Shot:
    """A scene between two times in seconds."""
    first, last = round(start * rate), min(round(end * rate), frames)
    return Shot(first, max(last - first, 0))


def frame_rate(text: object) -> Fraction | None:
    """A rate such as 30000/1001; one that was measured is that of video which it is nearest to."""
    measured = to_frame_rate(text)
    if not measured:
        return None
    nearest = min(COMMON_RATES, key=lambda rate: abs(rate - measured))
    if abs(nearest - measured) < measured / 1000:
        return nearest
    return Fraction(measured).limit_denominator(1001)
