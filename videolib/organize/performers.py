"""Performers of videos, inferred from the people whom the command `listing` found in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import NotFoundError
from videolib.core.files import stat_if_any
from videolib.faces.face_index import FaceIndex
from videolib.faces.people import PeopleView, people_dir
from videolib.faces.signatures import signature_file
from videolib.storage.folders import Library
from videolib.storage.names import SIDECARS
from videolib.storage.tags import set_inferred_performers, without_names

if TYPE_CHECKING:
    from videolib.storage.tags import TagChange, TagEditor
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
        self.frames: dict[str, Counter[str]] = {}  # video -> name -> frames in which it is seen
        self.unlisted: NotFoundError | None = None  # the error where there is no index
        try:
            people = PeopleView.read(listed).listed()
        except NotFoundError as error:
            if required:
                raise
            people, self.unlisted = [], error
        for person in people:
            for occurrence in person.occurrences if person.label else ():
                frames = self.frames.setdefault(occurrence["video"], Counter())
                frames[str(person.label)] += int(occurrence["frames"])

    def names(self, video: Video, min_frames: int) -> list[str]:
        """Who is seen in at least `min_frames` sampled frames of a video, the most frequent first.

        Raises NotFoundError where the video has signatures and there is no index.
        """
        if self.unlisted and stat_if_any(signature_file(video).path):
            raise self.unlisted
        below = video.sidecar_dir.removesuffix(SIDECARS).removeprefix(self.base)
        frames = self.frames.get(below + video.name, Counter())
        return [name for name, count in frames.most_common() if count >= min_frames]


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


def inferring_editors(
    library: Library, change: TagChange, min_frames: int, refresh: bool
) -> Callable[[Video], TagEditor]:
    """The function that gives for a video the editor which makes a change and infers performers.

    With `refresh` performers that were inferred earlier are removed. Raises CorruptError, and
    NotFoundError where there is no index and no `refresh`; so does the function, see
    `PerformerIndex.names`.
    """
    index = PerformerIndex(library, required=not refresh)

    def editor_of(video: Video) -> TagEditor:
        names = without_names(index.names(video, min_frames), change.performers_remove)

        def edit(record: dict[str, Any]) -> None:
            change.apply(record)
            set_inferred_performers(record, names, refresh)

        return edit

    return editor_of
