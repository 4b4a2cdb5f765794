"""Performers: the people in each video who have a name, from the people that `listing` found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import NotFoundError
from videolib.core.files import stat_if_any
from videolib.faces.face_index import FaceIndex
from videolib.faces.people import PeopleView, people_dir
from videolib.faces.signatures import signature_file
from videolib.storage.folders import Library
from videolib.storage.names import SIDECARS

if TYPE_CHECKING:
    from videolib.storage.videos import Video


class PerformerIndex:
    """The named people in each video of a library, from the index that `listing` stored.

    It is that of the library's folder or of the nearest folder above it. Where there is none, a
    video without signatures of faces has no people; for one with signatures that is an error.
    """

    def __init__(self, library: Library, required: bool) -> None:
        """Read the index. Raises CorruptError, and NotFoundError where there is none though it is
        `required`."""
        listed = nearest_listed(library)
        self.base = people_dir(listed).removesuffix(SIDECARS)
        # Video -> name -> the occurrences of that person, see FaceIndex.
        self.occurrences: dict[str, dict[str, list[dict[str, Any]]]] = {}
        self.unlisted: NotFoundError | None = None  # the error where there is no index
        try:
            people = PeopleView.read(listed).listed()
        except NotFoundError as error:
            if required:
                raise
            people, self.unlisted = [], error
        for person in people:
            for occurrence in person.occurrences if person.label else ():
                by_name = self.occurrences.setdefault(occurrence["video"], {})
                by_name.setdefault(str(person.label), []).append(occurrence)

    def names(self, video: Video, min_frames: int) -> list[str]:
        """Who is seen in at least `min_frames` sampled frames of a video, the most frequent first.

        Raises NotFoundError where the video has signatures and there is no index.
        """
        if self.unlisted and stat_if_any(signature_file(video).path):
            raise self.unlisted
        return [name for name, count in self.frames_of(video).items() if count >= min_frames]

    def frames_of(self, video: Video) -> dict[str, int]:
        """Who is seen in a video, in how many sampled frames, the most frequent first."""
        frames = Counter[str]()
        for name, occurrences in self._occurrences_in(video).items():
            frames[name] = sum(int(occurrence["frames"]) for occurrence in occurrences)
        return dict(frames.most_common())

    def intervals_of(self, video: Video) -> dict[str, list[list[float]]]:
        """Who is seen in a video, and when: intervals in seconds, in their order."""
        return {
            name: sorted(span for occurrence in occurrences for span in occurrence["intervals"])
            for name, occurrences in self._occurrences_in(video).items()
        }

    def _occurrences_in(self, video: Video) -> dict[str, list[dict[str, Any]]]:
        below = video.sidecar_dir.removesuffix(SIDECARS).removeprefix(self.base)
        return self.occurrences.get(below + video.name, {})


def nearest_listed(library: Library) -> Library:
    """The nearest folder with an index of people, from the library's own upwards, as a library.

    It lies within the roots. The library itself where no folder has an index; with artifacts
    elsewhere no other is looked at.
    """
    folder = library.root.absolute()
    for root in (folder, *(() if library.artifacts_dir else folder.parents)):
        around = Library(root, True, artifacts_dir=library.artifacts_dir, roots=library.roots)
        inside = library.roots is None or library.roots.contains(root)
        if inside and Path(people_dir(around), FaceIndex.NAME).exists():
            return around
    return library
