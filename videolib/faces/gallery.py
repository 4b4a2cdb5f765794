"""People known by name, from photographs and videos in one folder for each, and the names that
this gallery gives to the people of a library.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from videolib.core.errors import Failure, MissingDependencyError, attempt
from videolib.core.files import need_folder, stat_of
from videolib.faces.gallery_files import PHOTOGRAPHS
from videolib.faces.vectors import base64_vector, decoded_vector
from videolib.storage.folders import LEADS_OUT
from videolib.storage.names import VIDEO_EXTENSIONS
from videolib.storage.tags import clean_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from videolib.core.arrays import Vector, Vectors
    from videolib.core.runs import Job
    from videolib.faces.gallery_files import GalleryFace, GalleryReader
    from videolib.storage.folders import Roots


class GalleryLabel(NamedTuple):
    """What a gallery calls someone: the name and its cosine distance, or the names that are
    possible but not sure.
    """

    name: str | None = None
    distance: float | None = None
    ambiguous: tuple[str, ...] = ()


class Gallery:
    """A gallery as the index stores it, so that each file is looked at once, and later listings
    know these people without being given the gallery again.

    `rows` has a dict for every file: person, file, size, mtime_ns, views (base64 of unit vectors,
    or None where nobody was found) and note. `notes` are the remarks to show, as {file, reason}.
    """

    # Cosine distances in SFace's measure.
    MARGIN: ClassVar = 0.05  # two names that differ by less are both possible
    GUESS_LEAD: ClassVar = 5.0  # margins by which the next name is farther than a guess
    GUESS_LIMIT: ClassVar = 1.3  # times the limit of a label, within which a name is a guess

    def __init__(self, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self.rows = list(rows)
        self.notes: list[dict[str, str]] = []

    @classmethod
    def read(
        cls, reader: GalleryReader, roots: Roots | None, previous: Gallery, job: Job
    ) -> Gallery:
        """The gallery in the reader's folder. Files that did not change keep the row of the
        previous gallery; files that lead out of the roots are left out. Raises UsageError where
        there is no such folder, and MissingDependencyError.
        """
        gallery = cls()
        files = gallery.find_files(reader.folder, roots)
        identities = {path: identity_fields(name, path) for name, path in files}
        old = {(row["person"], row["file"]): row for row in previous.rows if row["views"]}
        rows = {path: old.get((i["person"], i["file"]), {}) for path, i in identities.items()}
        new = [path for path, i in identities.items() if not i.items() <= rows[path].items()]
        for path, face in zip(new, reader.read(new, job), strict=True):
            rows[path] = identities[path] | face_fields(face)
        gallery.rows = list(rows.values())
        for row in gallery.rows:
            gallery.add_note(row["file"], row["note"])
        return gallery

    def add_note(self, file: str, note: str) -> None:
        self.notes += [{"file": file, "reason": note}] if note else []

    def find_files(self, folder: Path, roots: Roots | None) -> list[tuple[str, Path]]:
        """Names of people and their files; what is neither gets a note."""
        need_folder(folder, "--gallery ")
        files: list[tuple[str, Path]] = []
        for entry in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
            names = attempt(clean_names, [entry.name])
            if not entry.is_dir() or isinstance(names, Failure) or not names:
                self.add_note(entry.name, "is no folder named after a person: left out")
                continue
            paths = [path for path in sorted(entry.iterdir()) if not path.name.startswith(".")]
            for path in paths:
                if roots and not roots.contains(path):
                    self.add_note(f"{entry.name}/{path.name}", LEADS_OUT)
                elif path.suffix.lower() in PHOTOGRAPHS | VIDEO_EXTENSIONS and path.is_file():
                    files.append((names[0], path))
                else:
                    self.add_note(f"{entry.name}/{path.name}", "is neither photograph nor video")
            if not paths:
                self.add_note(f"{entry.name}/", "is empty")
        return files

    def labels(self, means: Iterable[Vector], limit: float, margin: float) -> list[GalleryLabel]:
        """Labels for people by their mean vectors: the nearest name, if it is within `limit` and
        no other name is within `margin` of it (see `label`).
        """
        import numpy as np

        rows = list(means)
        dimensions = {*map(len, rows)}
        files = [(r["person"], decoded_vector(r["views"])) for r in self.rows if r["views"]]
        if (
            not files
            or len(dimensions) != 1
            or any(views.size % min(dimensions) for _, views in files)
        ):
            return [GalleryLabel()] * len(rows)  # nobody on either side, or another model
        matrix = np.array(rows, np.float32)
        units = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
        nearest: dict[str, NDArray[np.float32]] = {}  # by name, a distance for each row
        for name, views in files:
            distances = distance_from_views(units, views.reshape(-1, *dimensions))
            nearest[name] = np.minimum(nearest.get(name, distances), distances)
        table = np.stack(list(nearest.values()), axis=1)
        return [self.label(list(nearest), row, limit, margin) for row in table]

    @classmethod
    def label(
        cls, names: Sequence[str], distances: NDArray[np.float32], limit: float, margin: float
    ) -> GalleryLabel:
        """The label for distances from all the names.

        A photograph of another age or camera may be farther than `limit`: it gives no name, but
        where all the others are much farther, a guess.
        """
        import numpy as np

        first, *others = np.argsort(distances).tolist()
        distance = float(distances[first])
        if distance > limit:
            lead = distance + cls.GUESS_LEAD * margin
            alone = others and distances[others[0]] > lead
            is_guess = alone and distance <= limit * cls.GUESS_LIMIT
            return GalleryLabel(ambiguous=(names[first],) if is_guess else ())
        rivals = [names[n] for n in others if distances[n] < distance + margin]
        if rivals:
            return GalleryLabel(ambiguous=(names[first], *rivals))
        return GalleryLabel(names[first], round(distance, 4))


def identity_fields(name: str, path: Path) -> dict[str, Any]:
    """The fields of a gallery's row by which a changed file is noticed."""
    stat = stat_of(str(path))
    file = f"{path.parent.name}/{path.name}"
    return {"person": name, "file": file, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def face_fields(face: GalleryFace | Failure) -> dict[str, Any]:
    """The other fields of a gallery's row. Raises MissingDependencyError where the face could not
    be looked for at all.
    """
    if isinstance(face, Failure):
        if face.lacking:
            raise MissingDependencyError(face.reason)
        return {"views": None, "note": face.reason}
    return {"views": base64_vector(face.views), "note": face.note}


def distance_from_views(units: Vectors, views: Vectors) -> NDArray[np.float32]:
    """The cosine distance of each row of `units` from the nearest weighted mean of the `views`.

    A video shows a face somewhere between the views: the nearest point of their convex hull
    (H. Cevikalp and B. Triggs, 2010), found by sequential coordinate-wise steps (V. Franc,
    V. Hlavac and M. Navara, 2005). It is computed only for rows of which a view is within 0.7, by
    which nearly everybody else is told apart; for the others it is the nearest view.
    """
    import numpy as np

    similarity, within = units @ views.T, views @ views.T
    distances: NDArray[np.float32] = 1 - similarity.max(axis=1)
    near = distances < 0.7
    similarity = similarity[near]
    weights = np.zeros_like(similarity)
    for number in [*range(len(views))] * 20:
        step = similarity[:, number] - weights @ within[:, number]
        weights[:, number] = np.maximum(weights[:, number] + step, 0.0)
    lengths = np.sqrt(np.maximum((weights @ within * weights).sum(axis=1), 1e-9))
    distances[near] = 1 - (weights * similarity).sum(axis=1) / lengths
    return distances


def resolve_label_conflicts(
    labels: Sequence[GalleryLabel], occurrences: Sequence[Sequence[Mapping[str, Any]]]
) -> list[GalleryLabel]:
    """The labels of people, whose occurrences are given in the same order: of several people of
    one name who were seen in one frame, only the nearest keeps it.
    """
    resolved = list(labels)
    others: dict[str | None, set[str]] = {}  # by name, signatures that are other people for sure
    for number in sorted(range(len(labels)), key=lambda n: labels[n].distance or 0.0):
        name, rows = labels[number].name, occurrences[number]
        if name is None:
            continue
        if others.setdefault(name, set()) & {row["signature"] for row in rows}:
            resolved[number] = GalleryLabel()
        else:
            others[name].update(other for row in rows for other in row.get("apart", ()))
    return resolved
