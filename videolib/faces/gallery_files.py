"""Photographs and videos of a gallery: finding the face that each of them shows, in workers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.confinement import inheriting
from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.processes import cores
from videolib.core.workers import Workers
from videolib.faces.extraction import FaceExtractor
from videolib.faces.models import FINDER_IMPORTS, Face
from videolib.faces.vectors import decoded_vector
from videolib.media.frames import Frame
from videolib.media.pictures import resize
from videolib.media.reader import Media
from videolib.media.sampling import make_from_frames
from videolib.storage.videos import Video, open_regular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from videolib.core.arrays import Pixels, Vectors
    from videolib.core.runs import Job
    from videolib.faces.extraction import FaceSettings


PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class GalleryFace(NamedTuple):
    """The person whom a file of a gallery shows: unit vectors of several views of the face, one in
    a row, and a remark where other people are in the file too.
    """

    views: Vectors
    note: str = ""


class GalleryReader(NamedTuple):
    """A gallery's folder and how its files are read: the settings that faces are looked for with,
    names of decoders to allow beside the common ones, seconds for one file (0: no limit), and the
    number of worker processes (None: one for each core).
    """

    folder: Path
    settings: FaceSettings
    allow_codecs: str
    timeout: float
    workers: int | None

    def for_model(self, model: str) -> GalleryReader:
        """The same with the model that signatures call so; see `FaceSettings.for_model`."""
        return self._replace(settings=self.settings.for_model(model))

    def read(self, paths: Sequence[Path], job: Job) -> list[GalleryFace | Failure]:
        """The face in each file, or why there is none."""
        from concurrent.futures import ThreadPoolExecutor

        if not paths:
            return []
        count = min(self.workers or cores(), len(paths))
        workers, shared = Workers(count, FINDER_IMPORTS), (self.settings, self.allow_codecs)

        workers.admit([*map(str, paths), *self.settings.model_folders])

        def read_file(path: Path) -> GalleryFace:
            return workers.call(job, self.timeout, read_gallery_file, str(path), *shared)

        def call(path: Path) -> GalleryFace | Failure:
            with job.limits.reserve(job, "faces", count):
                return attempt(read_file, path)

        try:
            with ThreadPoolExecutor(count) as threads:
                return list(threads.map(inheriting(call), paths))
        finally:
            workers.close()


def read_gallery_file(path: str, settings: FaceSettings, allow_codecs: str) -> GalleryFace:
    """The person whom a photograph or a video shows. Runs in a worker; raises VideoError."""
    if Path(path).suffix.lower() in PHOTOGRAPHS:
        return face_of_photo(Photo.read(path), settings)
    return face_of_video(Video(path, Path(path).name, ""), settings, allow_codecs)


class Photo(Frame):
    """A photograph in the role of a frame of a video."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels, self.time, self.size = pixels, 0.0, (pixels.shape[1], pixels.shape[0])

    @classmethod
    def read(cls, path: str) -> Photo:
        """The picture in a file, turned upright as its EXIF says. Raises VideoError."""
        import cv2
        import numpy as np

        descriptor = open_regular(path)
        with os.fdopen(descriptor, "rb") as file:
            content = np.frombuffer(file.read(), np.uint8)
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
        if picture is None:
            raise VideoError("is no readable picture")
        return cls(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8))

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        if width is None:
            return self.pixels
        return resize(self.pixels, width, height or self.height_for(width))


def face_of_photo(photo: Photo, settings: FaceSettings) -> GalleryFace:
    """The person with the largest face that is clear enough. Raises VideoError for nobody."""
    import numpy as np

    model = settings.load_model()
    faces = model.find(photo, settings.min_face_area, settings.min_score)
    largest = next((face for face in faces if model.embed(photo, face)), None)
    if largest is None:
        raise VideoError("has no face in it that is large and clear enough")
    embeddings = [model.embed(*view) for view in augmented_views(photo, largest)]
    clear = "" if largest is faces[0] else " that is clear enough"
    note = f"{len(faces)} faces: the largest{clear} counts" if len(faces) > 1 else ""
    return GalleryFace(np.array([e.vector for e in embeddings if e]), note)


def face_of_video(video: Video, settings: FaceSettings, allow_codecs: str) -> GalleryFace:
    """The person who is seen in most sampled frames. Raises VideoError."""
    with Media(video, allow_codecs) as media:
        (output,) = make_from_frames(media, [attempt(FaceExtractor, media, settings)])
    if isinstance(output, Failure):
        raise VideoError(output.reason)
    signatures = (output.data or {})["signatures"]
    if not signatures:
        raise VideoError("has no face in it that is large and clear enough")
    most = max(signatures, key=lambda signature: (signature["frames"], signature["quality"]))
    note = f"{len(signatures)} people: the one seen most counts" if len(signatures) > 1 else ""
    return GalleryFace(decoded_vector(most["vector"])[None], note)


class Perturbation(NamedTuple):
    """An error of the landmarks of a face: a turn in radians, a zoom, and a shift to the right and
    down in parts of the face's side.
    """

    turn: float
    zoom: float
    right: float
    down: float


PERTURBATIONS = (
    Perturbation(0.0, 1.0, 0.0, 0.0),
    Perturbation(0.06, 1.05, 0.02, 0.0),
    Perturbation(-0.06, 0.95, 0.0, 0.02),
    Perturbation(0.06, 0.95, -0.02, 0.0),
    Perturbation(-0.06, 1.05, 0.0, -0.02),
)
VIDEO_FACE_SIDES = (math.inf, 36, 24)  # pixels: faces as large as they are, or as often in videos


def augmented_views(photo: Photo, face: Face) -> Iterator[tuple[Photo, Face]]:
    """A face as videos may show it: at each of VIDEO_FACE_SIDES, each also mirrored, and each of
    these with each of PERTURBATIONS.
    """
    import numpy as np

    side = max(face.box[2:])
    for zoom in sorted({min(target / side, 1.0) for target in VIDEO_FACE_SIDES}):
        width, height = (max(round(length * zoom), 1) for length in photo.size)
        pixels = np.array(resize(photo.pixels, width, height))  # dlib wants writable memory
        mirrored = np.ascontiguousarray(pixels[:, ::-1])
        box, landmarks = np.array(face.box) * zoom, face.points * zoom
        mirrored_box = np.array([width - box[0] - box[2], *box[1:]])
        # The right eye is the left one then, and so are the corners of the mouth.
        mirrored_landmarks = (landmarks * [-1, 1] + [width - 1, 0])[[1, 0, 2, 4, 3]]
        for error in PERTURBATIONS:
            yield Photo(pixels), perturbed(box, landmarks, face.score, error)
            yield Photo(mirrored), perturbed(mirrored_box, mirrored_landmarks, face.score, error)


def perturbed(
    box: NDArray[Any], landmarks: NDArray[Any], score: float, error: Perturbation
) -> Face:
    """A face whose box and landmarks are off by an error."""
    import numpy as np

    turn, zoom = error.turn, error.zoom
    shift = np.array([error.right, error.down]) * box[2:].max()
    middle = landmarks.mean(axis=0)
    matrix = zoom * np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    x, y = box[:2] + box[2:] * (1 - zoom) / 2 + shift
    width, height = box[2:] * zoom
    moved = (landmarks - middle) @ matrix + middle + shift
    return Face((x, y, width, height), moved.astype(np.float32), score)
