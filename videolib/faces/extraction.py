"""From the faces in frames to the signatures of one video."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.documents import read_json
from videolib.faces.models import overlap
from videolib.faces.signatures import signatures_of
from videolib.faces.vectors import sum_of, unit
from videolib.media.pictures import jpeg, resize

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.media.frames import Frame
    from videolib.media.reader import Media


class DetectedFace(NamedTuple):
    """A face seen in one sampled frame; its time is in seconds, its quality about 0 to 1."""

    time: float
    box: tuple[float, float, float, float]
    score: float
    quality: float
    vector: Vector


class FaceTrack:
    """One face followed from sample to sample: when it was seen, and its best few sightings."""

    BEST: ClassVar = 10

    def __init__(self) -> None:
        self.times: list[float] = []
        self.boxes: list[tuple[float, float, float, float]] = []  # where it was at those times
        self.best: list[DetectedFace] = []
        self.apart: set[FaceTrack] = set()  # tracks seen in the same frame: other people
        self.picture: Callable[[], bytes] | bytes = b""

    def add(self, seen: DetectedFace, picture: Callable[[], bytes]) -> None:
        """Go on with a sighting; `picture` makes a JPEG of it, and is called for the best."""
        self.last = seen
        self.times.append(seen.time)
        self.boxes.append(seen.box)
        if not self.best or seen.quality > self.best[0].quality:
            self.picture = picture()
        self.best = sorted([*self.best, seen], key=lambda s: -s.quality)[: self.BEST]
        self.vector = weighted_mean(self.best)


def weighted_mean(sightings: Sequence[DetectedFace]) -> Vector:
    """The mean of their vectors, weighted by quality, of unit length."""
    return unit(sum_of([s.quality * s.vector for s in sightings]))


def paired(
    tracks: Sequence[FaceTrack], seen: Sequence[DetectedFace], limit: float
) -> dict[int, int]:
    """Which sighting (by number) goes on which track: the nearest pairs first, one to one.

    The distance is that of the vectors; where boxes overlap it may be a tenth above the limit.
    """
    pairs = []
    for number, sighting in enumerate(seen):
        for place, track in enumerate(tracks):
            distance = 1.0 - float(sighting.vector @ track.vector)
            distance -= 0.1 * limit * overlap(sighting.box, track.last.box)
            if distance <= limit:
                pairs.append((distance, number, place))
    chosen: dict[int, int] = {}
    for _, number, place in sorted(pairs):
        if number not in chosen and place not in chosen.values():
            chosen[number] = place
    return chosen


def record_before(media: Media) -> dict[str, Any]:
    """What embed recorded of this very file, whatever its name was; nothing of another one."""
    data = read_json(signatures_of(media.video).path) or {}
    with contextlib.suppress(KeyError, TypeError):
        if data["source"]["oshash"] == media.oshash:
            return data
    return {}


def forgotten_places(media: Media) -> list[dict[str, Any]]:
    """Where people are seen best who were forgotten, as `place_of` has it."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return [place_of(told) for told in record_before(media).get("forgotten", ())]
    return []


def place_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Where someone is seen best in a video: the time and the box of a signature.
    Raises KeyError, TypeError or ValueError for what is none.
    """
    left, top, width, height = map(float, told["box"])
    numbers = (float(told["time"]), left, top, width, height)
    if not all(abs(number) < 1e7 for number in numbers):
        raise ValueError("a place is nowhere")
    return {"time": numbers[0], "box": list(numbers[1:])}


def finest_of(person: Sequence[FaceTrack]) -> list[DetectedFace]:
    """The sightings of someone that their vector is made of."""
    return sorted((s for t in person for s in t.best), key=lambda s: -s.quality)[:20]


def mean_of(person: Sequence[FaceTrack]) -> Vector:
    return weighted_mean(finest_of(person))


def best_track(person: Sequence[FaceTrack]) -> FaceTrack:
    return max(person, key=lambda track: track.best[0].quality)


def best_of(person: Sequence[FaceTrack]) -> DetectedFace:
    return best_track(person).best[0]


def signature_id(oshash_: str, model: str, best: DetectedFace) -> str:
    """A name for a person of a video: the same whenever the same is found in the same file."""
    import hashlib

    about = [oshash_, model, round(best.time * 1000), *map(round, best.box)]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def intervals(times: Sequence[float], gap: float) -> list[list[float]]:
    """Sorted times as [first, last] of runs without a larger gap."""
    runs: list[list[float]] = []
    for seconds in times:
        if runs and seconds - runs[-1][1] <= gap:
            runs[-1][1] = round(seconds, 3)
        else:
            runs.append([round(seconds, 3)] * 2)
    return runs


PORTRAIT_SIDE = 160  # pixels


def portrait(frame: Frame, box: Sequence[float]) -> bytes:
    """A square JPEG of a face with some room around it."""
    import numpy as np

    x, y, w, h = box
    half = min(0.8 * max(w, h), min(frame.size) / 2)
    left = round(min(max(x + w / 2 - half, 0), frame.size[0] - 2 * half))
    top = round(min(max(y + h / 2 - half, 0), frame.size[1] - 2 * half))
    size = max(round(2 * half), 2)
    pixels = np.ascontiguousarray(frame.rgb()[top : top + size, left : left + size])
    return jpeg(resize(pixels, PORTRAIT_SIDE, PORTRAIT_SIDE), 4)
