"""People known by name, from photographs and videos in one folder each."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import Failure, MissingDependencyError, VideoError, attempt
from videolib.core.files import need_folder, stat_of
from videolib.core.processes import cores
from videolib.core.workers import Workers
from videolib.faces.models import Face
from videolib.faces.vectors import base64_vector, decoded_vector
from videolib.media.frames import Frame
from videolib.media.pictures import resize
from videolib.media.reader import Media
from videolib.media.sampling import make_from_frames
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import VIDEO_EXTENSIONS
from videolib.storage.tags import clean_names
from videolib.storage.videos import Video, open_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from index import Embed
    from videolib.core.arrays import Pixels, Vector, Vectors
    from videolib.core.runs import Job
    from videolib.storage.folders import Roots


PHOTOGRAPHS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class Photo(Frame):
    """A photograph, in the place of a frame of a video."""

    def __init__(self, whole: Pixels) -> None:
        self.whole, self.time, self.size = whole, 0.0, (whole.shape[1], whole.shape[0])

    @classmethod
    def read(cls, path: str) -> Photo:
        """Raises VideoError for what is no picture; turned upright as its EXIF says."""
        import cv2
        import numpy as np

        descriptor = open_regular(path)
        with os.fdopen(descriptor, "rb") as file:
            content = np.frombuffer(file.read(), np.uint8)
        found = cv2.imdecode(content, cv2.IMREAD_COLOR)
        if found is None:
            raise VideoError("is no readable picture")
        return cls(np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8))

    def rgb(self, width: int | None = None, height: int | None = None) -> Pixels:
        if width is None:
            return self.whole
        return resize(self.whole, width, height or self.height_for(width))


class GalleryFace(NamedTuple):
    """Whom a file of a gallery shows: unit vectors of several views of the face, one in a row, and
    what was out of the ordinary.
    """

    views: Vectors
    note: str = ""


def portrayed(path: str, task: Embed) -> GalleryFace:
    """Whom a photograph or a video of a gallery shows. Runs in a worker; raises VideoError.

    Of several people in a photograph the one with the largest face counts, of those in a video the
    one who is seen most.
    """
    if Path(path).suffix.lower() not in PHOTOGRAPHS:
        return filmed(path, task)
    import numpy as np

    still, model = Photo.read(path), task.settings().load_model()
    faces = model.find(still, task.min_face_area, task.min_score)
    largest = next((face for face in faces if model.look(still, face)), None)
    if largest is None:
        raise VideoError("has no face in it that is large and clear enough")
    looks = [model.look(*view) for view in views(still, largest)]
    clear = "" if largest is faces[0] else " that is clear enough"
    note = f"{len(faces)} faces: the largest{clear} counts" if len(faces) > 1 else ""
    return GalleryFace(np.array([found.vector for found in looks if found]), note)


# By how much the points of a face may be off: a turn in radians, a zoom, a shift to the right and
# down in parts of the face.
NUDGES = (
    (0.0, 1.0, 0.0, 0.0),
    (0.06, 1.05, 0.02, 0.0),
    (-0.06, 0.95, 0.0, 0.02),
    (0.06, 0.95, -0.02, 0.0),
    (-0.06, 1.05, 0.0, -0.02),
)


def views(still: Photo, face: Face) -> Iterator[tuple[Photo, Face]]:
    """A face as a video may show it: as large as it is or as small as it often is there, each also
    mirrored, and each of these with points that are a little off.
    """
    import numpy as np

    for zoom in sorted({min(side / max(face.box[2:]), 1.0) for side in (math.inf, 36, 24)}):
        shape = [max(round(side * zoom), 1) for side in still.size]
        whole = np.array(resize(still.whole, *shape))  # dlib wants one that could be written to
        box, points = np.array(face.box) * zoom, face.points * zoom
        other = np.array([shape[0] - box[0] - box[2], *box[1:]])
        flipped = (points * [-1, 1] + [shape[0] - 1, 0])[[1, 0, 2, 4, 3]]
        mirrored = np.ascontiguousarray(whole[:, ::-1])
        for nudge in NUDGES:
            yield Photo(whole), nudged(box, points, face.score, *nudge)
            yield Photo(mirrored), nudged(other, flipped, face.score, *nudge)


def nudged(box: NDArray[Any], points: NDArray[Any], score: float, *nudge: float) -> Face:
    """The face of a box and points that are off as one of NUDGES says."""
    import numpy as np

    turn, zoom, *shift = nudge
    move, middle = np.array(shift) * box[2:].max(), points.mean(axis=0)
    matrix = zoom * np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    x, y = box[:2] + box[2:] * (1 - zoom) / 2 + move
    width, height = box[2:] * zoom
    moved = (points - middle) @ matrix + middle + move
    return Face((x, y, width, height), moved.astype(np.float32), score)


def filmed(path: str, task: Embed) -> GalleryFace:
    """Whom a video of a gallery shows. Raises VideoError."""
    with Media(Video(path, Path(path).name, ""), task.allow_codecs) as media:
        (made,) = make_from_frames(media, [attempt(task.maker, media)])
    if isinstance(made, Failure):
        raise VideoError(made.reason)
    found = (made.data or {})["signatures"]
    if not found:
        raise VideoError("has no face in it that is large and clear enough")
    most = max(found, key=lambda signature: (signature["frames"], signature["quality"]))
    note = f"{len(found)} people: the one seen most counts" if len(found) > 1 else ""
    return GalleryFace(decoded_vector(most["vector"])[None], note)


def distance_from_views(units: Vectors, views: Vectors) -> NDArray[np.float32]:
    """The cosine distance of each row of `units` from the nearest weighted mean of the `views`.

    No view is quite like a video, something between them may be: the nearest point of their convex
    hull (H. Cevikalp and B. Triggs, 2010), found by sequential coordinate-wise steps (V. Franc,
    V. Hlavac and M. Navara, 2005). It is sought for those alone of whom a view is within 0.7, by
    which nearly everybody else is told apart; for the others it is the nearest view.
    """
    import numpy as np

    every, within = units @ views.T, views @ views.T
    distances: NDArray[np.float32] = 1 - every.max(axis=1)
    near = distances < 0.7
    alike = every[near]
    weights = np.zeros_like(alike)
    for number in [*range(len(views))] * 20:
        step = alike[:, number] - weights @ within[:, number]
        weights[:, number] = np.maximum(weights[:, number] + step, 0.0)
    lengths = np.sqrt(np.maximum((weights @ within * weights).sum(axis=1), 1e-9))
    distances[near] = 1 - (weights * alike).sum(axis=1) / lengths
    return distances


class Gallery:
    """People known by name, from photographs and videos in one folder for each.

    `rows` is what the index keeps of it: person, file, size, mtime_ns and views, so that a file
    is looked at once, and later listings know these people without being given the gallery again.
    """

    MARGIN: ClassVar = 0.05  # two names as near as this are both possible
    ALONE: ClassVar = 5.0  # margins by which others are farther from whom only one name fits
    GUESS: ClassVar = 1.3  # times the limit, within which that name is a guess

    def __init__(self, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self.rows = list(rows)
        self.notes: list[dict[str, str]] = []

    @classmethod
    def of(cls, folder: Path, job: Job, task: Embed, known: Gallery) -> Gallery:
        """The gallery in a folder; files in `known` that did not change are not looked at again."""
        gallery = cls()
        heads = {path: cls.head(name, path) for name, path in gallery.places(folder, task.roots)}
        before = {(r["person"], r["file"]): r for r in known.rows if r["views"]}
        rows = {path: before.get((h["person"], h["file"]), {}) for path, h in heads.items()}
        new = [path for path, head in heads.items() if not head.items() <= rows[path].items()]
        for path, found in zip(new, cls.look(job, task, new) if new else (), strict=True):
            rows[path] = heads[path] | cls.outcome(found)
        gallery.rows = list(rows.values())
        for row in gallery.rows:
            gallery.tell(row["file"], row["note"])
        return gallery

    def tell(self, file: str, note: str) -> None:
        self.notes += [{"file": file, "reason": note}] if note else []

    def places(self, folder: Path, roots: Roots | None) -> list[tuple[str, Path]]:
        """Names of people and their files. Raises UsageError where there is no such folder."""
        need_folder(folder, "--gallery ")
        found: list[tuple[str, Path]] = []
        for place in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
            name = attempt(clean_names, [place.name])
            if not place.is_dir() or isinstance(name, Failure) or not name:
                self.tell(place.name, "is no folder named after a person: left out")
                continue
            files = [p for p in sorted(place.iterdir()) if not p.name.startswith(".")]
            kinds = PHOTOGRAPHS | VIDEO_EXTENSIONS
            for path in files:
                if roots and not roots.contains(path):
                    self.tell(f"{place.name}/{path.name}", LEADS_OUT)
                elif path.suffix.lower() in kinds and path.is_file():
                    found.append((name[0], path))
                else:
                    self.tell(f"{place.name}/{path.name}", "is neither photograph nor video")
            if not files:
                self.tell(f"{place.name}/", "is empty")
        return found

    @staticmethod
    def head(name: str, path: Path) -> dict[str, Any]:
        """What tells whether a file is the one that was looked at."""
        found = stat_of(str(path))
        file = f"{path.parent.name}/{path.name}"
        return {"person": name, "file": file, "size": found.st_size, "mtime_ns": found.st_mtime_ns}

    @staticmethod
    def look(job: Job, task: Embed, paths: Sequence[Path]) -> list[Any]:
        """Portrayals or Failures of files, looked at in workers."""
        from concurrent.futures import ThreadPoolExecutor

        count = min(task.workers or cores(), len(paths))
        workers = Workers(count, task.imports)

        def call(path: Path) -> Any:
            with job.limits.reserve(job, "faces", count):
                return attempt(workers.call, job, task.timeout, portrayed, str(path), task)

        try:
            with ThreadPoolExecutor(count) as threads:
                return list(threads.map(call, paths))
        finally:
            workers.close(kill=job.cancelled.is_set())

    @staticmethod
    def outcome(found: GalleryFace | Failure) -> dict[str, Any]:
        """What a row has beside its head."""
        if isinstance(found, Failure):
            if found.lacking:
                raise MissingDependencyError(found.reason)
            return {"views": None, "note": found.reason}
        return {"views": base64_vector(found.views), "note": found.note}

    def labels(self, vectors: Iterable[Vector], limit: float, margin: float) -> list[GalleryLabel]:
        """Who people are, by their mean vectors: the name with the nearest photograph, if it is
        within `limit` and no other name is within `margin` of it.
        """
        import numpy as np

        rows = list(vectors)
        width = {*map(len, rows)}
        shown = [(r["person"], decoded_vector(r["views"])) for r in self.rows if r["views"]]
        if not shown or len(width) != 1 or any(views.size % min(width) for _, views in shown):
            return [GalleryLabel()] * len(rows)  # nobody is known, or by another model
        means = np.array(rows, np.float32)
        units = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        known: dict[str, NDArray[np.float32]] = {}
        for name, views in shown:
            distances = distance_from_views(units, views.reshape(-1, *width))
            known[name] = np.minimum(known.get(name, distances), distances)
        table = np.stack(list(known.values()), axis=1)
        return [self.label(list(known), row, limit, margin) for row in table]

    @classmethod
    def label(
        cls, names: Sequence[str], distances: NDArray[np.float32], limit: float, margin: float
    ) -> GalleryLabel:
        """The name for distances from all of them. A photograph of another age or camera is
        farther than `limit`: it gives no name, but where all others are much farther, a guess.
        """
        import numpy as np

        first, *others = np.argsort(distances).tolist()
        nearest = float(distances[first])
        near = [names[n] for n in others if distances[n] < nearest + margin]
        if nearest > limit:
            alone = others and distances[others[0]] > nearest + cls.ALONE * margin
            is_guess = alone and nearest <= limit * cls.GUESS
            return GalleryLabel(ambiguous=(names[first],) if is_guess else ())
        if near:
            return GalleryLabel(ambiguous=(names[first], *near))
        return GalleryLabel(names[first], round(nearest, 4))


class GalleryLabel(NamedTuple):
    """What a gallery calls someone, and how far they are from the photograph."""

    name: str | None = None
    distance: float | None = None
    ambiguous: tuple[str, ...] = ()


def nearest_alone(
    labels: Sequence[GalleryLabel], seen: Sequence[Sequence[Mapping[str, Any]]]
) -> list[GalleryLabel]:
    """The labels of people with these occurrences; of several of a name who were seen in one frame
    only the nearest is the one.
    """
    told = list(labels)
    taken: dict[str | None, set[str]] = {}  # by name, who is surely somebody else
    for number in sorted(range(len(told)), key=lambda n: told[n].distance or 0.0):
        name, theirs = told[number].name, seen[number]
        if name is None:
            continue
        if taken.setdefault(name, set()) & {o["signature"] for o in theirs}:
            told[number] = GalleryLabel()
        else:
            taken[name].update(other for o in theirs for other in o.get("apart", ()))
    return told
