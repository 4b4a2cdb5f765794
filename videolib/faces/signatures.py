"""Signature files of videos (`NAME.faces.signatures.json`, made by `embed`): finding out which of
a library are new or changed, and reading them.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import parse_json
from videolib.core.errors import Failure, VideoError, attempt, os_error_message
from videolib.core.files import read_file, reading, stat_of
from videolib.faces.validation import finite, is_signature
from videolib.faces.vectors import decoded_vector
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State
from videolib.storage.sidecars import FileStat, with_sidecars

if TYPE_CHECKING:
    from videolib.core.arrays import Vector
    from videolib.core.runs import Job
    from videolib.faces.face_index import FaceIndex
    from videolib.storage.folders import Library
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


class FaceSignature(NamedTuple):
    """A person of one video as `embed` found them: the occurrence as the index stores it, the
    vector of the face, and the ids that `embed` gave the same person before.
    """

    occurrence: dict[str, Any]
    vector: Vector
    former_ids: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return str(self.occurrence["signature"])


class SignatureFile(NamedTuple):
    """The signatures of one video.

    `source` is the row of the index for it: video, size and mtime_ns of this file, oshash of the
    video, and model. `scale` is the scale of distances of the model, see `FaceModel`.
    """

    video: Video
    source: dict[str, Any]
    scale: float
    signatures: list[FaceSignature]

    @classmethod
    def read(cls, video: Video, entry: os.DirEntry[str] | FileStat) -> SignatureFile:
        """Raises VideoError for a file that `embed` did not write."""
        try:
            stat = entry.stat()
            data = parse_json(read_file(entry.path))
            source = {"video": video.rel, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
            source |= {"oshash": str(data["source"]["oshash"]), "model": str(data["model"])}
            if not f"{source['oshash']}{source['model']}".isprintable():
                raise ValueError("it is not told what made them")
            rows = data["signatures"]
            vectors = [signature_vector(row, int(data["dimension"])) for row in rows]
            occurrences = [occurrence_of(video, row) for row in rows]
            former_ids = [tuple(map(str, row.get("was", ()))) for row in rows]
            signatures = list(map(FaceSignature, occurrences, vectors, former_ids))
            return cls(video, source, finite(data["scale"]), signatures)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"its signatures are corrupt ({error}): embed --force makes them again"
            raise VideoError(message) from None


def occurrence_of(video: Video, row: Mapping[str, Any]) -> dict[str, Any]:
    """The occurrence that a row of a signature file describes, as the index stores it. Raises
    KeyError, TypeError or ValueError for what `embed` did not write.
    """
    intervals = [[finite(begin), finite(end)] for begin, end in row["intervals"]]
    if not is_signature(row["id"]) or not intervals:
        raise ValueError("a signature has no id or is never seen")
    occurrence = {"video": video.rel, "signature": row["id"], "intervals": intervals}
    occurrence |= {"frames": int(row["frames"]), "time": finite(row["time"])}
    occurrence |= {"quality": finite(row["quality"])}
    occurrence |= {"thumbnail": True} if "thumbnail" in row else {}
    apart = [str(other) for other in row["apart"]]
    return occurrence | ({"apart": apart} if apart else {})


def signature_vector(row: Mapping[str, Any], dimension: int) -> Vector:
    """The unit vector in a row of a signature file. Raises KeyError, TypeError or ValueError for
    what `embed` did not write.
    """
    import numpy as np

    vector = decoded_vector(row["vector"])
    if len(vector) != dimension or not 0.99 < float(np.linalg.norm(vector)) < 1.01:
        raise ValueError("a vector is none of a face")
    return vector


class SignatureScan:
    """The signature files of a library compared with an index of it.

    `unchanged` are the sources, by video, whose file is as the index knows it; `changed` the files
    to read; `missing` the videos whose signatures are not there or stale; `left_out` what could
    not be read, with reasons. Videos outside of this walk (a folder below without -r, another
    extension) count as unchanged: what the index has of them stays.
    """

    def __init__(self, library: Library, index: FaceIndex, job: Job) -> None:
        self.library, self.index = library, index
        self.unchanged: dict[str, dict[str, Any]] = {}
        self.changed: list[tuple[Video, os.DirEntry[str] | FileStat]] = []
        self.model_counts = Counter[str]()  # in how many videos a model made the signatures
        self.missing: list[Video] = []
        self.left_out: list[dict[str, Any]] = []
        self.walked: set[str] = set()
        for number, (video, sidecars) in enumerate(with_sidecars(library.videos())):
            if number % 100 == 0:
                job.check()
            self.walked.add(video.rel)
            self.classify(video, sidecars)
        self.unchanged |= {v: s for v, s in index.sources.items() if not self.covers(v)}
        self.model_counts.update(source["model"] for source in self.unchanged.values())
        self.left_out += [{"video": n, "reason": reason} for n, reason in library.problems]
        library.problems.clear()

    def covers(self, rel: str) -> bool:
        """Whether this walk finds a video of that name if there is one."""
        if rel in self.walked:
            return True
        folder, _, name = rel.rpartition("/")
        inside = self.library.recursive or not folder
        return inside and Path(name).suffix.lower() in self.library.extensions

    def classify(self, video: Video, sidecars: SidecarDir) -> None:
        """Put a video to the unchanged, the changed, the missing or what is left out."""
        artifact = ARTIFACTS["faces"]
        entry = sidecars.get(artifact.record_name(video))
        if entry is None:
            self.missing.append(video)
            return
        try:
            stat, video_stat = entry.stat(), stat_of(video.path)
            source = self.index.sources.get(video.rel, {})
            same = (stat.st_size, stat.st_mtime_ns) == (source.get("size"), source.get("mtime_ns"))
            if same and stat.st_mtime_ns >= video_stat.st_mtime_ns:
                self.unchanged[video.rel] = source
            elif artifact.state(video, sidecars) is State.FRESH:
                self.changed.append((video, entry))
                self.model_counts[recorded_model(sidecars, video)] += 1
            else:
                self.missing.append(video)
        except OSError as error:
            self.left_out.append({"video": video.rel, "reason": os_error_message(error)})

    @property
    def model(self) -> str:
        """The model of most signature files; of equally frequent ones that of the index."""
        models = [model for model in self.model_counts if model]
        return max(models, key=lambda m: (self.model_counts[m], m == self.index.model), default="")

    def read(self, job: Job, everything: bool) -> list[SignatureFile]:
        """The changed files, or all; one that cannot be read is added to `left_out`."""
        entries = list(self.changed)
        if everything:
            videos = map(self.library.video, self.unchanged)
            entries += [(video, signature_file(video)) for video in videos]
        files = []
        for video, entry in entries:
            job.check()
            file = attempt(SignatureFile.read, video, entry)
            if isinstance(file, Failure):
                self.left_out.append({"video": video.rel, "reason": file.reason})
            else:
                files.append(file)
        return files


def signature_file(video: Video) -> FileStat:
    """The signature file of a video, looked up without a scan of its folder; of size 0 where there
    is none.
    """
    path = f"{video.sidecar_dir}/{ARTIFACTS['faces'].record_name(video)}"
    stat = attempt(stat_of, path)
    if isinstance(stat, Failure):
        return FileStat(path, 0, 0)
    return FileStat(path, stat.st_size, stat.st_mtime_ns)


def recorded_model(sidecars: SidecarDir, video: Video) -> str:
    """The model that made the signatures of a video, from the head of the file; "" if unknown."""
    try:
        with reading(sidecars[ARTIFACTS["faces"].record_name(video)].path) as descriptor:
            match = re.search(rb'"model":\s*"([^"]*)"', os.read(descriptor, 16384))
    except (OSError, KeyError):
        return ""
    return match[1].decode("utf-8", "replace") if match else ""


def read_vectors(library: Library, occurrences: Iterable[Mapping[str, Any]]) -> dict[str, Vector]:
    """The vectors of occurrences by signature, from the signature files of their videos; without
    signatures that are not there any more.
    """
    wanted: dict[str, set[str]] = {}  # signatures by video
    for occurrence in occurrences:
        wanted.setdefault(occurrence["video"], set()).add(occurrence["signature"])
    vectors: dict[str, Vector] = {}
    for rel, ids in wanted.items():
        video = library.video(rel)
        file = attempt(SignatureFile.read, video, signature_file(video))
        if not isinstance(file, Failure):
            vectors |= {s.id: s.vector for s in file.signatures if s.id in ids}
    return vectors
