"""Tags of many videos changed at once, each with the change that takes that back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import Failure, attempt
from videolib.core.files import read_optional_file
from videolib.storage.journal import Journal
from videolib.storage.tags import TagChange, TagsFileEdit, parse_tags, tags_path, without_names

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.videos import Video

NAME_CHANGES = ("add", "remove", "performers_add", "performers_remove")  # fields of a TagChange


class BulkTagging(NamedTuple):
    """What came of a change of many videos.

    `undo`: for each that changed the change that takes this one back; `errors`: {video, error} of
    those whose tags are left as they were.
    """

    undo: list[tuple[Video, TagChange]]
    errors: list[dict[str, str]]

    def as_json(self) -> dict[str, Any]:
        """{changed, undo: [{videos, add, remove, ...}], errors}; videos of the same `undo` stand
        together."""
        by_change: dict[tuple[tuple[str, ...], ...], list[str]] = {}
        for video, change in self.undo:
            key = tuple(tuple(getattr(change, name)) for name in NAME_CHANGES)
            by_change.setdefault(key, []).append(video.rel)
        undo = [
            {"videos": videos} | dict(zip(NAME_CHANGES, map(list, key), strict=True))
            for key, videos in by_change.items()
        ]
        return {"changed": len(self.undo), "undo": undo, "errors": self.errors}


def change_tags_in_bulk(
    paths: LibraryPaths, changes: Sequence[tuple[Video, TagChange]], job: Job
) -> BulkTagging:
    """Change the tags of many videos in one journal: all of those whose tags can be read and take
    the change, or none of them. Raises VideoError, CancelledError."""
    bulk = BulkTagging([], [])
    sidecar_dirs = {video.sidecar_dir for video, _ in changes}
    with Journal(paths, "tags", sidecar_dirs=sidecar_dirs) as journal:
        for video, change in changes:
            edit = attempt(planned_edit, video, change)
            if isinstance(edit, Failure):
                bulk.errors.append({"video": video.rel, "error": edit.reason})
            elif edit.changes:
                edit.add_to(journal)
                bulk.undo.append((video, reverse_change(parse_tags(video, edit.old), edit.record)))
        journal.commit(job)
    return bulk


def planned_edit(video: Video, change: TagChange) -> TagsFileEdit:
    """The change of a video's tags file. Raises VideoError, UsageError for a bad name, OSError."""
    return TagsFileEdit.of(video, read_optional_file(tags_path(video)), change.apply)


def reverse_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> TagChange:
    """The change of names that leads from a record of tags back to an earlier one."""

    def lost_and_new(key: str) -> Iterable[list[str]]:
        return without_names(before[key], after[key]), without_names(after[key], before[key])

    (add, remove), (performers_add, performers_remove) = map(lost_and_new, ("tags", "performers"))
    return TagChange(
        add, remove, performers_add=performers_add, performers_remove=performers_remove
    )
