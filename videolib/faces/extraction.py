"""The faces of one video: found in sampled frames, followed, clustered into people, and stored as
signatures.
"""

from __future__ import annotations

import contextlib
import functools
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.errors import VideoError
from videolib.faces.models import (
    FaceModel,
    deepface_folder,
    load_face_model,
    model_options,
    overlap,
)
from videolib.faces.portraits import portrait
from videolib.faces.signatures import signature_file
from videolib.faces.tracking import (
    DetectedFace,
    FaceTrack,
    TrackedPerson,
    cluster_tracks,
    intervals,
    match_tracks,
)
from videolib.faces.validation import is_signature
from videolib.faces.vectors import base64_vector
from videolib.media.choices import Seek
from videolib.media.frames import FrameRequest
from videolib.media.scenes import content_score, picked_hsv
from videolib.storage.publishing import ArtifactOutput

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.media.frames import Frame
    from videolib.media.reader import Media


MAX_SAMPLES = 200_000
CUT_SCORE = 35.0  # content score of two samples from which a cut lies between them
SAME_PERSON = 0.55  # cosine distance, in SFace's measure, up to which a face is a forgotten one
MAX_FORMER_IDS = 8
TIME_SLACK = 1e-3  # seconds by which rounded times may differ


class FaceSettings(NamedTuple):
    """How faces are looked for; see the options of `embed` for each value."""

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
    face_model: str
    models_dir: Path | None
    seek: Seek

    def load_model(self) -> FaceModel:
        """The model, loaded once in a process. Raises MissingDependencyError."""
        return load_face_model(self.backend, self.face_model, self.models_dir)

    @property
    def model_folders(self) -> set[str]:
        """The folders outside the Python installation from which that reads."""
        folders = [self.models_dir] if self.models_dir else []
        if self.backend == "deepface":
            folders += [deepface_folder(), Path.home() / ".keras"]
        return set(map(str, folders))

    def for_model(self, model: str) -> FaceSettings:
        """The same with the model that signatures call so, if it is one of this program."""
        return self._replace(**model_options(model))


class FaceExtractor:
    """Makes the signatures of one video from sampled frames (a `FrameMaker`)."""

    def __init__(self, media: Media, settings: FaceSettings) -> None:
        """Raises MissingDependencyError, and VideoError where there would be too many samples."""
        self.media, self.settings = media, settings
        self.model = settings.load_model()
        self.interval = 1.0 / settings.sample_rate
        self.sample_count, self.last_time = 0, -1.0
        self.last_hsv: Any = None
        self.open_tracks: list[FaceTrack] = []
        self.tracks: list[FaceTrack] = []
        self.dropped = Counter[str]()  # faces and people that were left out, by reason
        self.request_count = media.sample_count(self.interval)
        if self.request_count > MAX_SAMPLES:
            message = f"would need {self.request_count:,} samples: choose a lower --sample-rate"
            raise VideoError(message)
        self.forgotten = ForgottenPeople(media, self.model, self.interval)

    def requests(self) -> list[FrameRequest]:
        """The samples, then a frame for each forgotten person."""
        seek, tolerance = self.settings.seek, self.interval / 10
        times = (number * self.interval for number in range(self.request_count))
        samples = [FrameRequest.near(time, tolerance, seek) for time in times]
        return samples + self.forgotten.requests()

    def take(self, frame: Frame, index: int) -> None:
        if index >= self.request_count:
            self.forgotten.take(frame, index - self.request_count)
            return
        if frame.time <= self.last_time:
            return  # this frame serves two samples
        self.sample_count, self.last_time = self.sample_count + 1, frame.time
        hsv = picked_hsv(frame.raw)
        is_cut = self.last_hsv is None or content_score(self.last_hsv, hsv) > CUT_SCORE
        self.last_hsv = hsv
        oldest = frame.time - self.max_interruption
        self.open_tracks = [
            track for track in self.open_tracks if not is_cut and track.last.time >= oldest
        ]
        self.extend_tracks(frame)

    @property
    def max_interruption(self) -> float:
        """Seconds between two samples that still belong to one appearance."""
        return self.interval + self.settings.max_gap + TIME_SLACK

    def extend_tracks(self, frame: Frame) -> None:
        """Put the faces of a frame on the tracks that they continue, or on new ones."""
        faces = self.detect(frame)
        limit = self.settings.match_distance * self.model.scale
        matches = match_tracks(self.open_tracks, faces, limit)
        tracks = [
            self.open_tracks[matches[number]] if number in matches else FaceTrack()
            for number in range(len(faces))
        ]
        for track, face in zip(tracks, faces, strict=True):
            if not track.times:
                self.open_tracks.append(track)
                self.tracks.append(track)
            track.add(face, functools.partial(self.thumbnail, frame, face))
        for track in tracks:
            track.apart.update(other for other in tracks if other is not track)

    def detect(self, frame: Frame) -> list[DetectedFace]:
        """The faces of a frame that are large, sharp and sure enough."""
        model, detected = self.model, []
        faces = model.find(frame, self.settings.min_face_area, self.settings.min_score)
        self.dropped["crowd"] += len(faces[model.MAX_FACES :])
        for face in faces[: model.MAX_FACES]:
            embedding = model.embed(frame, face)
            if embedding is None or embedding.sharpness < self.settings.blur_threshold:
                self.dropped["blurred" if embedding else "no face"] += 1
                continue
            size = min(face.area / model.ALIGNED_SIDE**2, 1.0) ** 0.5
            quality = face.score * min(embedding.confidence, 1.0) * (0.5 + 0.5 * size)
            detected.append(
                DetectedFace(frame.time, face.box, face.score, quality, embedding.vector)
            )
        return detected

    def thumbnail(self, frame: Frame, face: DetectedFace) -> bytes:
        """A JPEG of a face; nothing where no thumbnails are wanted."""
        return portrait(frame, face.box) if self.settings.thumbnails else b""

    def finish(self) -> ArtifactOutput:
        people = self.people()
        ids = [signature_id(self.media.oshash, self.model.model, p.best) for p in people]
        signatures = [self.signature(n, ids, people) for n in range(len(people))]
        for number, former_ids in self.former_signatures(people).items():
            others = [former for former in former_ids if former != ids[number]]
            signatures[number] |= {"was": others[:MAX_FORMER_IDS]} if others else {}
        data = {
            "backend": self.model.backend,
            "model": self.model.model,
            "dimension": self.model.dimension,
            "scale": round(self.model.scale, 6),
            "samples": self.sample_count,
            "left_out": dict(+self.dropped),
            "signatures": signatures,
        } | ({"forgotten": self.forgotten.places} if self.forgotten.places else {})
        thumbnails = {f"{i}.jpg": p.best_track.picture for i, p in zip(ids, people, strict=True)}
        files: dict[str, Any] = {".{}.faces/": thumbnails} if self.settings.thumbnails else {}
        return ArtifactOutput(data, files, note=self.crowd_note())

    def people(self) -> list[TrackedPerson]:
        """The people to store: those seen long enough, without the forgotten ones."""
        everyone = cluster_tracks(self.tracks, self.settings.cluster_eps * self.model.scale)
        lasting = [person for person in everyone if self.lasts(person)]
        self.dropped["brief"] = len(everyone) - len(lasting)
        return [person for person in lasting if not self.forgotten.includes(person)]

    def lasts(self, person: TrackedPerson) -> bool:
        """Whether a person was seen in enough samples and tracks."""
        frames = min(self.settings.min_track_frames, max(self.sample_count // 3, 1))
        tracks = self.settings.cluster_min_samples
        return len(person.times) >= frames and len(person.tracks) >= tracks

    def crowd_note(self) -> str:
        if not self.dropped["crowd"]:
            return ""
        faces = f"{self.dropped['crowd']:,} faces beyond the {self.model.MAX_FACES} largest"
        return f"a crowd: {faces} of a frame were left out"

    def signature(
        self, number: int, ids: Sequence[str], people: Sequence[TrackedPerson]
    ) -> dict[str, Any]:
        """The record of one of the people, who have these ids."""
        signature, person = ids[number], people[number]
        row: dict[str, Any] = {
            "id": signature,
            "intervals": intervals(person.times, self.max_interruption),
            "frames": len(person.times),
            "time": round(person.best.time, 3),
            "box": [round(value, 1) for value in person.best.box],
            "score": round(person.best.score, 4),
            "quality": round(person.best.quality, 4),
            "spread": round(person.spread, 4),
            "apart": [i for i, p in zip(ids, people, strict=True) if person.is_apart(p)],
            "vector": base64_vector(person.vector),
        }
        if self.settings.thumbnails:
            row["thumbnail"] = f".{self.media.video.key}.faces/{signature}.jpg"
        return row

    def former_signatures(self, people: Sequence[TrackedPerson]) -> dict[int, list[str]]:
        """By number of a person, the ids that earlier runs gave them, also with other models: of
        signatures whose best moment is at a place where the person was detected now.
        """
        former: dict[int, list[str]] = {}
        for row in previous_record(self.media).get("signatures", ()):
            with contextlib.suppress(KeyError, TypeError, ValueError):
                place, ids = face_place(row), [row["id"], *row.get("was", ())]
                distance, number = min(time_distances(people, place))
                if distance <= self.interval:
                    former.setdefault(number, []).extend(filter(is_signature, ids))
        return former


class ForgottenPeople:
    """People of a video whose signatures were deleted for good, and who are left out from then on.

    `places` has the time and box of the best moment of each: nothing else of them is stored. Their
    faces are embedded again at these places for the time of one run.
    """

    def __init__(self, media: Media, model: FaceModel, interval: float) -> None:
        """`interval`: seconds from sample to sample."""
        self.model, self.interval = model, interval
        self.places: list[dict[str, Any]] = []
        self.vectors: dict[int, Vector] = {}  # by number of the place
        with contextlib.suppress(KeyError, TypeError, ValueError):
            self.places = [face_place(row) for row in previous_record(media).get("forgotten", ())]

    def requests(self) -> list[FrameRequest]:
        """The frames of the places. Times were rounded to milliseconds: a little later the same
        frame is shown.
        """
        return [FrameRequest(place["time"] + 6e-4) for place in self.places]

    def take(self, frame: Frame, number: int) -> None:
        """Embed the face at the place of that number, if there is one."""
        box = self.places[number]["box"]
        faces = self.model.find(frame, max(box[2] * box[3] / 2, 1.0), 0.5)
        face = max(faces, key=lambda face: overlap(face.box, box), default=None)
        if face is None or overlap(face.box, box) <= 0.3:
            return
        if embedding := self.model.embed(frame, face):
            self.vectors[number] = embedding.vector

    def includes(self, person: TrackedPerson) -> bool:
        """Whether someone is forgotten: the vector is near that of a place or, where no face could
        be embedded there, the person is seen at that time.
        """
        for number, place in enumerate(self.places):
            vector = self.vectors.get(number)
            if vector is None:
                if min(abs(time - place["time"]) for time in person.times) <= self.interval:
                    return True
            elif 1.0 - float(person.vector @ vector) <= SAME_PERSON * self.model.scale:
                return True
        return False


def previous_record(media: Media) -> dict[str, Any]:
    """The record that `embed` made of the same content (oshash) before; else an empty one."""
    record = read_json(signature_file(media.video).path) or {}
    with contextlib.suppress(KeyError, TypeError):
        if record["source"]["oshash"] == media.oshash:
            return record
    return {}


def face_place(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where someone is seen best in a video: `time` and `box` of a signature's record.
    Raises KeyError, TypeError or ValueError for what is no place.
    """
    left, top, width, height = map(float, row["box"])
    values = (float(row["time"]), left, top, width, height)
    if not all(abs(value) < 1e7 for value in values):
        raise ValueError("a place is nowhere")
    return {"time": values[0], "box": list(values[1:])}


def time_distances(
    people: Sequence[TrackedPerson], place: Mapping[str, Any]
) -> Iterator[tuple[float, int]]:
    """Seconds from a place to each detection that overlaps its box, with the person's number."""
    for number, person in enumerate(people):
        for track in person.tracks:
            for seconds, box in zip(track.times, track.boxes, strict=True):
                if overlap(box, place["box"]) > 0.5:
                    yield abs(seconds - place["time"]), number


def signature_id(oshash_: str, model: str, best: DetectedFace) -> str:
    """The id of a person of a video: the same whenever the same best moment is found in the same
    content by the same model.
    """
    import hashlib

    facts = [oshash_, model, round(best.time * 1000), *map(round, best.box)]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
