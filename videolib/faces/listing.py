"""Listing the people of a folder.

Signature files are compared with the index (`SignatureScan`), new signatures are assigned to people
(`FaceGrouping`), people get names from a gallery (`Gallery`), and the new index is stored.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import set_aside
from videolib.core.errors import VideoError
from videolib.core.files import make_folder
from videolib.core.locks import locked
from videolib.core.text import iso_time, printable
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.face_index import FaceIndex
from videolib.faces.gallery import Gallery, resolve_label_conflicts
from videolib.faces.grouping import FaceGrouping
from videolib.faces.people import PeopleView, occurrence_key, people_dir
from videolib.faces.signatures import SignatureScan
from videolib.storage.sidecars import remove_abandoned

if TYPE_CHECKING:
    from videolib.core.arrays import Vectors
    from videolib.core.runs import Job
    from videolib.faces.gallery import GalleryLabel
    from videolib.faces.gallery_files import GalleryReader
    from videolib.faces.signatures import SignatureFile
    from videolib.storage.folders import Library


class ListingSettings(NamedTuple):
    """How people are listed; see the options of `listing`. `gallery` is None for the one of before.
    Distances are cosine distances in SFace's measure.
    """

    cluster_eps: float
    cluster_min_samples: int
    label_threshold: float
    rebuild: bool
    gallery: GalleryReader | None

    def recorded(self) -> dict[str, Any]:
        """The settings that the index records."""
        names = ("cluster_eps", "cluster_min_samples", "label_threshold")
        return {name: getattr(self, name) for name in names}


@contextlib.contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Collect no garbage while large tables without cycles are built: it would take as long as all
    the rest.
    """
    import gc

    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # moves what was built to the oldest generation, which is rarely searched
        if enabled:
            gc.enable()


@garbage_collection_paused()
def scan_signatures(library: Library, job: Job) -> SignatureScan:
    """The signature files of a library compared with its index; a corrupt index is set aside."""
    return SignatureScan(library, read_index(people_dir(library), job), job)


def read_index(sidecar_dir: str, job: Job) -> FaceIndex:
    """The index in a sidecar folder, or an empty one; a corrupt one is set aside, with a message
    on the console.
    """
    try:
        return FaceIndex.read(sidecar_dir) or FaceIndex()
    except VideoError as error:
        if str(error) != FaceIndex.CORRUPT:
            raise
        name = set_aside(Path(sidecar_dir, FaceIndex.NAME))
        job.console.say(f"listing: {error}; the old one is kept as {name}")
        return FaceIndex()


@garbage_collection_paused()
def list_people(
    scan: SignatureScan,
    settings: ListingSettings,
    failures: Sequence[dict[str, Any]],
    job: Job,
) -> ListingRun:
    """List the people of the scanned library and store the index; begins anew where decisions were
    made meanwhile. `failures` are the videos of which `embed` could not make signatures, as
    {video, reason}. Raises VideoError, and MissingDependencyError where the gallery needs a model
    that is not installed.
    """
    while not (listing := ListingRun(scan, settings, failures, job)).store():
        job.check()
        scan = scan_signatures(scan.library, job)
    return listing


class ListingRun:
    """One listing of a folder, which `store` writes.

    `view` has the people; `left_out` the videos and files that they are not from, as
    {video or file, reason}, and `failures` those among them that count as errors.
    """

    def __init__(
        self,
        scan: SignatureScan,
        settings: ListingSettings,
        failures: Sequence[dict[str, Any]],
        job: Job,
    ) -> None:
        self.scan, self.settings, self.model = scan, settings, scan.model
        self.sidecar_dir = people_dir(scan.library)
        self.decisions = PeopleDecisions.read(self.sidecar_dir)
        rebuild = (
            settings.rebuild
            or self.model != scan.index.model
            or scan.index.data["params"].get("cluster_eps") != settings.cluster_eps
        )
        files = scan.read(job, rebuild)
        comparable = [file for file in files if file.source["model"] == self.model]
        unchanged = {} if rebuild else scan.unchanged
        self.sources = unchanged | {file.video.rel: file.source for file in files}
        self.scale = next((f.scale for f in comparable), float(scan.index.data.get("scale", 1.0)))
        view = PeopleView(self.sidecar_dir, scan.index, self.decisions)
        grouping = self.group(FaceGrouping(view, unchanged, comparable, rebuild), comparable)
        self.gallery = self.read_gallery(job)
        self.embed_failures = {row["video"] for row in failures}
        self.failures = [*scan.left_out, *failures]
        self.left_out = [*self.failures, *self.without_signatures(), *self.gallery.notes]
        self.left_out += self.lost_people(grouping)
        self.index, self.means = self.new_index(grouping)
        self.view = PeopleView(self.sidecar_dir, self.index, self.decisions)

    def group(self, grouping: FaceGrouping, files: Sequence[SignatureFile]) -> FaceGrouping:
        """Assign the signatures to people, after decisions were bound to the new ones."""
        eps = self.settings.cluster_eps * self.scale
        present = grouping.present if self.decisions.entries and files else set()
        self.rebound = self.decisions.rebind(files, present, eps)
        grouping.group(self.scan.library, eps)
        if self.rebound:
            self.decisions.update_vectors(self.model, grouping.sums)
        return grouping

    def read_gallery(self, job: Job) -> Gallery:
        """The gallery of the settings, else the stored one if its vectors are comparable."""
        index = self.scan.index
        stored = Gallery(index.data.get("gallery", ()) if self.model == index.model else ())
        if self.settings.gallery is None or not self.model:
            return stored
        reader = self.settings.gallery.for_model(self.model)
        return Gallery.read(reader, self.scan.library.roots, stored, job)

    def without_signatures(self) -> Iterator[dict[str, Any]]:
        """Videos without signatures, or with those of another model, though nothing failed."""
        for video in self.scan.missing:
            if video.rel not in self.embed_failures:
                yield {"video": video.rel, "reason": "has no fresh signatures: embed makes them"}
        for rel, source in self.sources.items():
            if source["model"] != self.model:
                reason = f"its signatures are of {source['model']}, most of {self.model}: "
                yield {"video": rel, "reason": reason + "embed makes them again"}

    def lost_people(self, grouping: FaceGrouping) -> Iterator[dict[str, Any]]:
        """People with decisions who have no occurrences now, each with one video of theirs."""
        entries = list(self.decisions.lost_entries(grouping.occurrences.keys()))
        videos = {s["oshash"]: rel for rel, s in self.sources.items()} if entries else {}
        for entry in entries:
            name = f"#{entry['id']} {entry['name'] or ''}".strip()
            rels = [videos[f["oshash"]] for f in entry["faces"] if f["oshash"] in videos]
            reason = f"{name} is not among its signatures now; what was decided is kept"
            yield from ({"video": rel, "reason": reason} for rel in rels[:1])

    def new_index(self, grouping: FaceGrouping) -> tuple[FaceIndex, Vectors]:
        """The index of the grouped people, and their mean vectors, one in a row."""
        import numpy as np

        keys, sizes = sorted(grouping.occurrences), grouping.sizes()
        means = [grouping.sums[key] / sizes[key] for key in keys]
        matrix = np.array(means, np.float32).reshape(len(keys), len(means[0]) if means else 0)
        people: list[dict[str, Any]] = []
        for key in keys:
            occurrences = grouping.occurrences[key]
            if key in grouping.changed:
                occurrences = sorted(occurrences, key=occurrence_key)
            people.append({"id": key, "occurrences": occurrences})
        for person, label in zip(people, self.labels(people, matrix), strict=True):
            person |= {"label": label.name, "label_distance": label.distance}
            person |= {"ambiguous": list(label.ambiguous)} if label.ambiguous else {}
        data = {
            "schema": 1,
            "generated_at": iso_time(),
            "params": self.settings.recorded(),
            "model": self.model,
            "dimension": matrix.shape[1],
            "scale": self.scale,
            "next": grouping.next_id,
            "videos": sum(s["model"] == self.model for s in self.sources.values()),
            "left_out": self.left_out,
            "gallery": self.gallery.rows,
            "sources": [self.sources[rel] for rel in sorted(self.sources)],
            "people": people,
        }
        return FaceIndex(data), matrix

    def labels(self, people: Sequence[dict[str, Any]], means: Vectors) -> list[GalleryLabel]:
        """The labels of the gallery for people by their mean vectors."""
        limit, margin = self.settings.label_threshold * self.scale, Gallery.MARGIN * self.scale
        labels = self.gallery.labels(means, limit, margin)
        return resolve_label_conflicts(labels, [person["occurrences"] for person in people])

    def store(self) -> bool:
        """Write the index if it differs from the stored one; False where decisions were made since
        they were read.
        """
        if not self.sources and not self.scan.index.sources:
            return True
        make_folder(Path(self.sidecar_dir))
        with locked(self.sidecar_dir):
            remove_abandoned(self.sidecar_dir)
            if PeopleDecisions.read(self.sidecar_dir).serial != self.decisions.serial:
                return False
            if self.rebound:
                self.decisions.write(self.sidecar_dir)
            old, new = self.scan.index.data, self.index.data
            if any(old.get(key) != new[key] for key in new if key != "generated_at"):
                self.index.write(self.sidecar_dir, self.means)
            else:
                self.index = self.view.index = self.scan.index
        return True

    def say_left_out(self, job: Job) -> None:
        """Say on the console what was left out, except what `embed` said already."""
        for row in self.left_out:
            if row.get("video") not in self.embed_failures:
                name = printable(row.get("video") or row["file"])
                job.console.say(f"listing: {name}: {row['reason']}")
