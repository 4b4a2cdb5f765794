"""Performers of videos, inferred from the people whom the command `listing` found in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from videolib.faces.performers import PerformerIndex
from videolib.storage.tags import set_inferred_performers, without_names

if TYPE_CHECKING:
    from videolib.storage.folders import Library
    from videolib.storage.tags import TagChange, TagEditor
    from videolib.storage.videos import Video


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
