"""From the faces in frames to the signatures of one video."""

from __future__ import annotations

import contextlib
import functools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import VideoError
from videolib.faces.clustering import average_linkage
from videolib.faces.face_index import is_signature
from videolib.faces.models import Face, FaceModel, face_model, overlap
from videolib.faces.signatures import signature_file
from videolib.faces.vectors import base64_vector, sum_of, unit
from videolib.media.frames import FrameRequest, Seek
from videolib.media.pictures import jpeg, resize
from videolib.media.scenes import content_score, small_hsv
from videolib.storage.publishing import ArtifactOutput

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
    data = read_json(signature_file(media.video).path) or {}
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


MOST_SAMPLES = 200_000
CUT_SCORE = 35.0  # content score of two samples from which a cut lies between them
SAME_PERSON = 0.55  # up to which distance someone is taken for who was forgotten


class FaceSettings(NamedTuple):
    """What faces are looked for with; see the options of `embed` for each value."""

    sample_rate: float
    min_face_area: float
    min_score: float
    blur_threshold: float
    max_gap: float
    min_track_frames: int
    match_distance: float
    cluster_eps: float
    cluster_min_samples: int
    thumbnails: bool
    backend: str
    model_name: str
    models_dir: Path | None
    seek: Seek

    def load_model(self) -> FaceModel:
        """The model, once in a process. Raises MissingDependencyError."""
        return face_model(self.backend, self.model_name, self.models_dir)


class FaceExtractor:
    """Finds the people of one video: follows faces from sample to sample, clusters what was
    followed into people, and gives a signature for each."""

    def __init__(self, media: Media, settings: FaceSettings) -> None:
        self.media, self.settings = media, settings
        self.model = settings.load_model()  # says what is missing before anything is decoded
        self.interval = 1.0 / self.settings.sample_rate
        self.samples, self.last, self.before = 0, -1.0, None
        self.open: list[FaceTrack] = []
        self.tracks: list[FaceTrack] = []
        self.dropped = Counter[str]()
        self.count = media.sample_count(self.interval)
        if self.count > MOST_SAMPLES:
            raise VideoError(f"would need {self.count:,} samples: choose a lower --sample-rate")
        self.forgotten = forgotten_places(media)
        self.recalled: dict[int, Vector] = {}

    def requests(self) -> list[FrameRequest]:
        samples = [
            FrameRequest.near(i * self.interval, self.interval / 10, self.settings.seek)
            for i in range(self.count)
        ]
        # Times were rounded to milliseconds: a little later the same frame is shown.
        return samples + [FrameRequest(place["time"] + 6e-4) for place in self.forgotten]

    def take(self, frame: Frame, index: int) -> None:
        if index >= self.count:
            self.recall(frame, index - self.count)
            return
        if frame.time <= self.last:
            return  # a frame that serves two samples was seen once
        self.samples, self.last = self.samples + 1, frame.time
        small = small_hsv(frame.raw)
        cut = self.before is None or content_score(self.before, small) > CUT_SCORE
        self.before = small
        reach = frame.time - self.interval - self.settings.max_gap - 1e-3
        self.open = [t for t in self.open if not cut and t.last.time >= reach]
        self.follow(frame)

    def follow(self, frame: Frame) -> None:
        """Put the faces of a frame on the tracks they go on with, or on new ones."""
        faces, seen = self.sightings(frame)
        chosen = paired(self.open, seen, self.settings.match_distance * self.model.scale)
        here = [self.open[chosen[n]] if n in chosen else FaceTrack() for n in range(len(seen))]
        for track, sighting, face in zip(here, seen, faces, strict=True):
            if not track.times:
                self.open.append(track)
                self.tracks.append(track)
            track.add(sighting, functools.partial(self.portrait, frame, face))
        for track in here:
            track.apart.update(other for other in here if other is not track)

    def sightings(self, frame: Frame) -> tuple[list[Face], list[DetectedFace]]:
        """The faces of a frame that are large, sharp and sure enough, and what they look like."""
        model, kept, seen = self.model, [], []
        faces = model.find(frame, self.settings.min_face_area, self.settings.min_score)
        self.dropped["crowd"] += len(faces[model.MOST :])
        for face in faces[: model.MOST]:
            looks = model.look(frame, face)
            if looks is None or looks.sharpness < self.settings.blur_threshold:
                self.dropped["blurred" if looks else "no face"] += 1
                continue
            kept.append(face)
            size = min(face.area / 112**2, 1.0) ** 0.5
            quality = face.score * min(looks.sure, 1.0) * (0.5 + 0.5 * size)
            seen.append(DetectedFace(frame.time, face.box, face.score, quality, looks.vector))
        return kept, seen

    def recall(self, frame: Frame, number: int) -> None:
        """Look at someone who was forgotten, to leave them out of this run: of what they look like
        nothing is stored.
        """
        box, model = self.forgotten[number]["box"], self.model
        faces = model.find(frame, max(box[2] * box[3] / 2, 1.0), 0.5)
        face = max(faces, key=lambda face: overlap(face.box, box), default=None)
        if face and overlap(face.box, box) > 0.3 and (looks := model.look(frame, face)):
            self.recalled[number] = looks.vector

    def is_forgotten(self, person: Sequence[FaceTrack]) -> bool:
        """Whether this is someone forgotten: by looks or, where nobody is found in their place any
        more, whoever is seen then.
        """
        vector = mean_of(person)
        for number, place in enumerate(self.forgotten):
            known = self.recalled.get(number)
            if known is None:
                near = (abs(seconds - place["time"]) for t in person for seconds in t.times)
                if min(near) <= self.interval:
                    return True
            elif 1.0 - float(vector @ known) <= SAME_PERSON * self.model.scale:
                return True
        return False

    def predecessors(self, people: Sequence[Sequence[FaceTrack]]) -> dict[int, list[str]]:
        """Which signatures of before show whom of these people (by number), and what those were
        before in their turn: whoever is in the place of a signature's best moment is the same,
        whichever model looks.
        """
        found: dict[int, list[str]] = {}
        for told in record_before(self.media).get("signatures", ()):
            with contextlib.suppress(KeyError, TypeError, ValueError):
                place, names = place_of(told), [told["id"], *told.get("was", ())]
                nearest = min(
                    (abs(seconds - place["time"]), number)
                    for number, person in enumerate(people)
                    for track in person
                    for seconds, box in zip(track.times, track.boxes, strict=True)
                    if overlap(box, place["box"]) > 0.5
                )
                if nearest[0] <= self.interval:
                    found.setdefault(nearest[1], []).extend(filter(is_signature, names))
        return found

    def portrait(self, frame: Frame, face: Face) -> bytes:
        """A small JPEG of a face with some room around it; nothing without --thumbnails."""
        return portrait(frame, face.box) if self.settings.thumbnails else b""

    def finish(self) -> ArtifactOutput:
        everyone = self.people()
        lasting = [person for person in everyone if self.lasts(person)]
        self.dropped["brief"] = len(everyone) - len(lasting)
        people = [person for person in lasting if not self.is_forgotten(person)]
        ids = [signature_id(self.media.oshash, self.model.model, best_of(p)) for p in people]
        signatures = [self.signature(n, ids, people) for n in range(len(people))]
        for number, names in self.predecessors(people).items():
            others = [name for name in names if name != ids[number]]
            signatures[number] |= {"was": others[:8]} if others else {}
        model, note = self.model, ""
        if self.dropped["crowd"]:
            note = f"a crowd: {self.dropped['crowd']:,} faces beyond the {model.MOST} largest of a "
            note += "frame were left out"
        data = {
            "backend": model.backend,
            "model": model.model,
            "dimension": model.dimension,
            "scale": round(model.scale, 6),
            "samples": self.samples,
            "left_out": dict(+self.dropped),
            "signatures": signatures,
        } | ({"forgotten": self.forgotten} if self.forgotten else {})
        pictures = {f"{i}.jpg": best_track(p).picture for i, p in zip(ids, people, strict=True)}
        files: dict[str, Any] = {".{}.faces/": pictures} if self.settings.thumbnails else {}
        return ArtifactOutput(data, files, note=note)

    def people(self) -> list[list[FaceTrack]]:
        """The tracks by person, in the order of their first appearance."""
        import numpy as np

        if not self.tracks:
            return []
        number = {id(track): n for n, track in enumerate(self.tracks)}
        apart = [(number[id(t)], number[id(o)]) for t in self.tracks for o in t.apart]
        vectors = np.array([track.vector for track in self.tracks])
        weights = [float(len(track.best)) for track in self.tracks]
        eps = self.settings.cluster_eps * self.model.scale
        people: dict[int, list[FaceTrack]] = {}
        labels = average_linkage(vectors, eps, apart, weights)
        for track, label in zip(self.tracks, labels.tolist(), strict=True):
            people.setdefault(label, []).append(track)
        return list(people.values())

    def lasts(self, person: Sequence[FaceTrack]) -> bool:
        """Whether a person was seen often enough to be one."""
        frames = len({seconds for track in person for seconds in track.times})
        least = min(self.settings.min_track_frames, max(self.samples // 3, 1))
        return frames >= least and len(person) >= self.settings.cluster_min_samples

    def signature(
        self, number: int, ids: Sequence[str], people: Sequence[Sequence[FaceTrack]]
    ) -> dict[str, Any]:
        """One of the people of this video, who have these ids, as the artifact has them."""
        name, person = ids[number], people[number]
        times = sorted({seconds for track in person for seconds in track.times})
        best, finest, vector = best_of(person), finest_of(person), mean_of(person)
        others = {id(other) for track in person for other in track.apart}
        told: dict[str, Any] = {
            "id": name,
            "intervals": intervals(times, self.interval + self.settings.max_gap + 1e-3),
            "frames": len(times),
            "time": round(best.time, 3),
            "box": [round(value, 1) for value in best.box],
            "score": round(best.score, 4),
            "quality": round(best.quality, 4),
            "spread": round(sum(1 - float(s.vector @ vector) for s in finest) / len(finest), 4),
            "apart": [
                i for i, p in zip(ids, people, strict=True) if any(id(t) in others for t in p)
            ],
            "vector": base64_vector(vector),
        }
        if self.settings.thumbnails:
            told["thumbnail"] = f".{self.media.video.key}.faces/{name}.jpg"
        return told
