"""Faces followed from one sampled frame to the next, and the people that these tracks show."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from videolib.faces.clustering import average_linkage
from videolib.faces.models import overlap
from videolib.faces.vectors import sum_of, unit

if TYPE_CHECKING:
    from videolib.core.arrays import Vector


Box = tuple[float, float, float, float]  # left, top, width and height in pixels


class DetectedFace(NamedTuple):
    """A face in one sampled frame: the frame's time in seconds, the face's box, the detector's
    score and the quality of the picture, both about 0 to 1, and the unit vector.
    """

    time: float
    box: Box
    score: float
    quality: float
    vector: Vector


class FaceTrack:
    """One face followed through consecutive samples.

    `best` has the detections of the highest quality, the best first, and `vector` their weighted
    mean; `apart` are tracks with a face in a frame of this one, which are other people. `picture`
    is a JPEG of the best detection.
    """

    BEST_COUNT: ClassVar = 10

    def __init__(self) -> None:
        self.times: list[float] = []
        self.boxes: list[Box] = []  # one for each time
        self.best: list[DetectedFace] = []
        self.apart: set[FaceTrack] = set()
        self.picture = b""

    def add(self, face: DetectedFace, picture: Callable[[], bytes]) -> None:
        """Continue the track; `picture` makes a JPEG and is called if the face is the best."""
        self.last = face
        self.times.append(face.time)
        self.boxes.append(face.box)
        if not self.best or face.quality > self.best[0].quality:
            self.picture = picture()
        self.best = sorted([*self.best, face], key=lambda f: -f.quality)[: self.BEST_COUNT]
        self.vector = weighted_mean(self.best)


class TrackedPerson:
    """Someone in a video, as one track or several."""

    BEST_COUNT: ClassVar = 20

    def __init__(self, tracks: Sequence[FaceTrack]) -> None:
        self.tracks = tracks

    @functools.cached_property
    def times(self) -> list[float]:
        """The times of the sampled frames that show the person, in order, in seconds."""
        return sorted({seconds for track in self.tracks for seconds in track.times})

    @functools.cached_property
    def best_track(self) -> FaceTrack:
        """The track with the best detection."""
        return max(self.tracks, key=lambda track: track.best[0].quality)

    @property
    def best(self) -> DetectedFace:
        """The detection of the highest quality."""
        return self.best_track.best[0]

    @functools.cached_property
    def best_detections(self) -> list[DetectedFace]:
        """The detections that `vector` is the mean of, the best first."""
        detections = (face for track in self.tracks for face in track.best)
        return sorted(detections, key=lambda face: -face.quality)[: self.BEST_COUNT]

    @functools.cached_property
    def vector(self) -> Vector:
        return weighted_mean(self.best_detections)

    @property
    def spread(self) -> float:
        """The mean cosine distance of the best detections from the vector."""
        distances = [1 - float(face.vector @ self.vector) for face in self.best_detections]
        return sum(distances) / len(distances)

    def is_apart(self, other: TrackedPerson) -> bool:
        """Whether a frame shows both."""
        return any(not track.apart.isdisjoint(other.tracks) for track in self.tracks)


def weighted_mean(faces: Sequence[DetectedFace]) -> Vector:
    """The mean of the vectors, weighted by quality, of unit length."""
    return unit(sum_of([face.quality * face.vector for face in faces]))


def match_tracks(
    tracks: Sequence[FaceTrack], faces: Sequence[DetectedFace], limit: float
) -> dict[int, int]:
    """The number of the track that each face (by number) continues: greedily the nearest pairs
    first, one to one.

    The cosine distance of the vectors is at most `limit`; where boxes overlap up to a tenth more.
    """
    pairs = []
    for face_number, face in enumerate(faces):
        for track_number, track in enumerate(tracks):
            distance = 1.0 - float(face.vector @ track.vector)
            distance -= 0.1 * limit * overlap(face.box, track.last.box)
            if distance <= limit:
                pairs.append((distance, face_number, track_number))
    matches: dict[int, int] = {}
    for _, face_number, track_number in sorted(pairs):
        if face_number not in matches and track_number not in matches.values():
            matches[face_number] = track_number
    return matches


def cluster_tracks(tracks: Sequence[FaceTrack], eps: float) -> list[TrackedPerson]:
    """The people of a video in the order of their first appearance, by average linkage with at
    most `eps` as the mean cosine distance.
    """
    import numpy as np

    if not tracks:
        return []
    rows = {track: row for row, track in enumerate(tracks)}
    apart = [(rows[track], rows[other]) for track in tracks for other in track.apart]
    vectors = np.array([track.vector for track in tracks])
    weights = [float(len(track.best)) for track in tracks]
    labels = average_linkage(vectors, eps, apart, weights)
    people: dict[int, list[FaceTrack]] = {}
    for track, label in zip(tracks, labels.tolist(), strict=True):
        people.setdefault(label, []).append(track)
    return list(map(TrackedPerson, people.values()))


def intervals(times: Sequence[float], max_gap: float) -> list[list[float]]:
    """Sorted times as [first, last] of runs without a larger gap, in seconds."""
    runs: list[list[float]] = []
    for seconds in times:
        if runs and seconds - runs[-1][1] <= max_gap:
            runs[-1][1] = round(seconds, 3)
        else:
            runs.append([round(seconds, 3)] * 2)
    return runs
