"""The face signatures of videos as they lie on disk."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, VideoError, attempt, os_error_message
from videolib.core.files import read_file, stat_of
from videolib.faces.face_index import is_signature
from videolib.faces.vectors import decoded_vector, finite
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
    """A person of one video as `embed` found them: what the index keeps of that, and a vector."""

    facts: dict[str, Any]
    vector: Vector
    was: tuple[str, ...] = ()  # signatures that embed made of the same person before

    @property
    def id(self) -> str:
        return str(self.facts["signature"])


class SignatureFile(NamedTuple):
    """The signatures of one video, the model that made them, and of which bytes they are."""

    video: Video
    source: dict[str, Any]  # video, size and mtime_ns of this file, oshash of the video, model
    scale: float
    signatures: list[FaceSignature]

    @classmethod
    def read(cls, video: Video, seen: os.DirEntry[str] | FileStat) -> SignatureFile:
        """Raises VideoError for what `embed` did not write."""
        try:
            found = seen.stat()
            data = json.loads(read_file(seen.path))
            head = {"video": video.rel, "size": found.st_size, "mtime_ns": found.st_mtime_ns}
            head |= {"oshash": str(data["source"]["oshash"]), "model": str(data["model"])}
            if not f"{head['oshash']}{head['model']}".isprintable():
                raise ValueError("it is not told what made them")
            vectors = [signature_vector(s, int(data["dimension"])) for s in data["signatures"]]
            facts = [signature_facts(video, s) for s in data["signatures"]]
            was = [tuple(map(str, s.get("was", ()))) for s in data["signatures"]]
            signatures = list(map(FaceSignature, facts, vectors, was))
            return cls(video, head, finite(data["scale"]), signatures)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            message = f"its signatures are corrupt ({error}): embed --force makes them again"
            raise VideoError(message) from None


def signature_facts(video: Video, signature: Mapping[str, Any]) -> dict[str, Any]:
    """What the index keeps of a signature. Raises ValueError and others for what is none."""
    runs = [[finite(begin), finite(end)] for begin, end in signature["intervals"]]
    if not is_signature(signature["id"]) or not runs:
        raise ValueError("a signature has no id or is never seen")
    facts = {"video": video.rel, "signature": signature["id"], "intervals": runs}
    facts |= {"frames": int(signature["frames"]), "time": finite(signature["time"])}
    facts |= {"quality": finite(signature["quality"])}
    facts |= {"thumbnail": True} if "thumbnail" in signature else {}
    apart = [str(other) for other in signature["apart"]]
    return facts | ({"apart": apart} if apart else {})


def signature_vector(signature: Mapping[str, Any], dimension: int) -> Vector:
    """The unit vector of a signature. Raises ValueError and others for what is none."""
    import numpy as np

    vector = decoded_vector(signature["vector"])
    if len(vector) != dimension or not 0.99 < float(np.linalg.norm(vector)) < 1.01:
        raise ValueError("a vector is none of a face")
    return vector


class SignatureScan:
    """How the signatures of a folder stand to an index of it.

    `same` are the sources that did not change since, `changed` what is to be read, `unmade` the
    videos that have none, or old ones. Nothing is said of videos outside of what is walked now:
    what the index knows of those stays.
    """

    def __init__(self, library: Library, index: FaceIndex, job: Job) -> None:
        self.library, self.index = library, index
        self.same: dict[str, dict[str, Any]] = {}
        self.changed: list[tuple[Video, os.DirEntry[str] | FileStat]] = []
        self.votes = Counter[str]()  # how many videos have signatures of a model
        self.unmade: list[Video] = []
        self.left_out: list[dict[str, Any]] = []
        self.seen: set[str] = set()
        for number, (video, sidecars) in enumerate(with_sidecars(library.videos())):
            if number % 100 == 0:
                job.check()
            self.seen.add(video.rel)
            self.look(video, sidecars)
        self.same |= {rel: s for rel, s in index.sources.items() if not self.walked(rel)}
        self.votes.update(source["model"] for source in self.same.values())
        self.left_out += [{"video": n, "reason": reason} for n, reason in library.problems]
        library.problems.clear()

    def walked(self, rel: str) -> bool:
        """Whether a video of that name would have been found if it were still there."""
        below, _, name = rel.rpartition("/")
        inside = self.library.recursive or not below
        return rel in self.seen or (inside and Path(name).suffix.lower() in self.library.extensions)

    def look(self, video: Video, sidecars: SidecarDir) -> None:
        artifact = ARTIFACTS["faces"]
        entry = sidecars.get(artifact.record_name(video))
        if entry is None:
            self.unmade.append(video)
            return
        try:
            found, source = entry.stat(), stat_of(video.path)
            known = self.index.sources.get(video.rel, {})
            same = found.st_size == known.get("size") and found.st_mtime_ns == known.get("mtime_ns")
            if same and found.st_mtime_ns >= source.st_mtime_ns:
                self.same[video.rel] = known
            elif artifact.state(video, sidecars) is State.FRESH:
                self.changed.append((video, entry))
                self.votes[recorded_model(sidecars, video)] += 1
            else:
                self.unmade.append(video)
        except OSError as error:
            self.left_out.append({"video": video.rel, "reason": os_error_message(error)})

    @property
    def model(self) -> str:
        """The model that made most signatures; of equal ones that of the index."""
        known = [model for model in self.votes if model]
        return max(known, key=lambda m: (self.votes[m], m == self.index.model), default="")

    def read(self, job: Job, everything: bool) -> list[SignatureFile]:
        """What changed, or all there is; what cannot be read is left out and told."""
        wanted = list(self.changed)
        if everything:
            videos = list(map(self.library.video, self.same))
            wanted += [(video, signature_file(video)) for video in videos]
        files = []
        for video, entry in wanted:
            job.check()
            found = attempt(SignatureFile.read, video, entry)
            if isinstance(found, Failure):
                self.left_out.append({"video": video.rel, "reason": found.reason})
            else:
                files.append(found)
        return files


def signature_file(video: Video) -> FileStat:
    """The signature file of a video, as one that is read without having been seen."""
    path = f"{video.sidecar_dir}/{ARTIFACTS['faces'].record_name(video)}"
    found = attempt(stat_of, path)
    if isinstance(found, Failure):
        return FileStat(path, 0, 0)
    return FileStat(path, found.st_size, found.st_mtime_ns)


def recorded_model(sidecars: SidecarDir, video: Video) -> str:
    """Which model made the signatures of a video, as the head of the artifact says."""
    try:
        with Path(sidecars[ARTIFACTS["faces"].record_name(video)].path).open("rb") as file:
            found = re.search(rb'"model":\s*"([^"]*)"', file.read(16384))
    except (OSError, KeyError):
        return ""
    return found[1].decode("utf-8", "replace") if found else ""
