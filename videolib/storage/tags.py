"""Tags and performers of a video, in its tags file."""

from __future__ import annotations

import itertools
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import EDITED_JSON, json_bytes, parse_json
from videolib.core.errors import UsageError, VideoError
from videolib.core.files import (
    flush_names,
    make_folder,
    read_optional_file,
    remove,
    replace_file,
)
from videolib.core.locks import locked
from videolib.core.text import UNPRINTABLE, fold, printable
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.journal import Journal
from videolib.storage.tag_details import details_in, set_details
from videolib.storage.videos import need_video, source_identity

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.videos import Video

NAME_LISTS = ("tags", "performers", "performers_inferred", "performers_rejected")
NAME_LENGTH = 200  # characters of a tag or performer that is added
LIST_LENGTH = 1000  # tags, and as many performers, that a video may get
OWN_KEYS = frozenset({*NAME_LISTS, "video", "source"})  # which say nothing without a name

TagEditor = Callable[[dict[str, Any]], None]  # changes the record of a tags file in place


def clean_names(names: Iterable[str], present: Iterable[str] = ()) -> list[str]:
    """The names of a list after new `names` are added to those that are `present`: trimmed, each
    once whatever its case.

    Raises UsageError for control characters, for a new name that is too long, and for more names
    than LIST_LENGTH. What is present may exceed the limits: another program may have written it.
    """
    by_folded: dict[str, str] = {}
    for name in checked_names(present):
        by_folded.setdefault(fold(name), name)
    limit = max(LIST_LENGTH, len(by_folded))
    for name in checked_names(names):
        if fold(name) not in by_folded and len(name) > NAME_LENGTH:
            start = printable(name[:40])
            raise UsageError(f"{start}...: a name has at most {NAME_LENGTH} characters")
        by_folded.setdefault(fold(name), name)
    if len(by_folded) > limit:
        count = f"{len(by_folded):,}"
        raise UsageError(f"{count} names: a video has at most {LIST_LENGTH:,} tags or performers")
    return list(by_folded.values())


def checked_names(names: Iterable[str]) -> list[str]:
    """Names trimmed, without empty ones. Raises UsageError for control characters."""
    trimmed = list(filter(None, map(str.strip, names)))
    for name in trimmed:
        if re.search(UNPRINTABLE, name):
            start = printable(name[:NAME_LENGTH])
            raise UsageError(f"{start}: a name cannot have control characters")
    return trimmed


def without_names(names: Iterable[str], excluded: Iterable[str]) -> list[str]:
    """The names that are not among the excluded ones, whatever their case."""
    keys = set(map(fold, map(str.strip, excluded)))
    return [name for name in names if fold(name) not in keys]


class TagChange(NamedTuple):
    """A change of a video's tags and performers; its `apply` is a TagEditor.

    Names in `remove` are taken away first, then those in `add` are added; with `replace` only the
    added ones stay. An inferred performer that is removed here is not inferred again. `details` are
    new values as `checked_details` gives them; with `keep_details` only those that lack are set.
    """

    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    replace: bool = False
    performers_add: Sequence[str] = ()
    performers_remove: Sequence[str] = ()
    clear_performers: bool = False
    details: Mapping[str, Any] = {}
    keep_details: bool = False

    def apply(self, record: dict[str, Any]) -> None:
        remaining = [] if self.replace else without_names(record["tags"], self.remove)
        record["tags"] = clean_names(self.add, remaining)
        if self.clear_performers:
            record |= {key: [] for key in NAME_LISTS[1:]}
        inferred = record.get("performers_inferred", [])
        staying = without_names(inferred, self.performers_remove)
        rejected = [*record.get("performers_rejected", []), *without_names(inferred, staying)]
        record["performers_rejected"] = without_names(rejected, self.performers_add)
        record["performers_inferred"] = without_names(staying, self.performers_add)
        remaining = without_names(record["performers"], self.performers_remove)
        record["performers"] = clean_names(self.performers_add, remaining)
        set_details(record, self.details, self.keep_details)


def set_inferred_performers(
    record: dict[str, Any], names: Iterable[str], refresh: bool = False
) -> None:
    """Set a record's performers to those entered by hand and the inferred `names`.

    Without `refresh` those inferred earlier stay, too, and those removed by hand stay away.
    """
    earlier = record.get("performers_inferred", [])
    by_hand = without_names(record["performers"], earlier)
    inferred = without_names(names, by_hand)
    if not refresh:
        inferred = [*earlier, *without_names(inferred, record.get("performers_rejected", []))]
    record["performers_inferred"] = clean_names([], inferred)
    record["performers"] = clean_names([], [*by_hand, *inferred])
    if refresh:
        record["performers_rejected"] = []


def tags_path(video: Video) -> Path:
    return Path(video.sidecar_dir, ARTIFACTS["tags"].record_name(video))


def read_tags(video: Video) -> dict[str, Any]:
    """A video's {video, tags, performers, ...}, with empty lists where it has none.

    Raises VideoError for a file that is not readable as that: only its owner can mend it.
    """
    return parse_tags(video, read_optional_file(tags_path(video)))


def parse_tags(video: Video, content: bytes | None) -> dict[str, Any]:
    """The record in a tags file, unknown keys included. Raises VideoError for a corrupt one."""
    if content is None:
        return {"video": video.rel, "tags": [], "performers": []}

    try:
        record = parse_json(content, EDITED_JSON)
        if not isinstance(record, dict):
            raise ValueError("it is not an object")
        for name in NAME_LISTS:
            names = record.get(name, [])
            if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
                raise ValueError(f'"{name}" is not a list of names')
    except ValueError as error:
        name = printable(tags_path(video).name)
        raise VideoError(f"{name} is corrupt ({error}): mend it or move it away") from None
    record = {"video": video.rel, "tags": [], "performers": []} | record
    if str(record["video"]).rpartition("/")[2] != video.name:
        record["video"] = video.rel
    return typing.cast("dict[str, Any]", record)


def update_tags(video: Video, editor: TagEditor) -> dict[str, Any]:
    """Change a video's tags and give the whole record, which is on the disk then.

    The editor gets the record as it is now, while no other process changes it. Raises VideoError
    where the video is gone or its tags file corrupt, UsageError for a bad name, OSError.
    """
    path = tags_path(video)
    need_video(video)
    if not path.parent.is_dir():
        blank = TagsFileEdit.of(video, None, editor)
        if not blank.changes:
            return blank.record
        make_folder(path.parent)
    with locked(path.parent):
        need_video(video)
        edit = TagsFileEdit.of(video, read_optional_file(path), editor)
        if edit.new is None:
            remove(path)
        elif edit.changes:
            replace_file(path, edit.new)
        if edit.changes:
            outcome = "removed" if edit.new is None else "stored"
            flush_names(path.parent, f"{printable(path.name)} is {outcome}")
    return edit.record


class TagsFileEdit(NamedTuple):
    """A change of a video's tags file: the record after it, and the file's content before and after
    it; None stands for no file."""

    video: Video
    record: dict[str, Any]
    old: bytes | None
    new: bytes | None

    @classmethod
    def of(cls, video: Video, content: bytes | None, editor: TagEditor) -> TagsFileEdit:
        """Raises VideoError where the file is corrupt, UsageError for a bad name."""
        record = parse_tags(video, content)
        editor(record)
        after = typing.cast("dict[str, Any]", json.loads(tags_bytes(record)))
        if not (has_names(record) or record.keys() - OWN_KEYS):
            return cls(video, after, content, None)
        if parse_tags(video, content) == after:
            return cls(video, after, content, content)
        return cls(video, after, content, tags_bytes(record | {"source": source_identity(video)}))

    @property
    def changes(self) -> bool:
        return self.old != self.new

    def add_to(self, journal: Journal) -> None:
        if self.changes:
            journal.replace(str(tags_path(self.video)), self.old, self.new)


def change_tags(paths: LibraryPaths, changes: Sequence[tuple[Video, TagEditor]], job: Job) -> None:
    """Change the tags of many videos: of all or of none. Raises VideoError, UsageError."""
    if not changes:
        return
    sidecar_dirs = (video.sidecar_dir for video, _ in changes)
    with Journal(paths, "tags", sidecar_dirs=sidecar_dirs) as journal:
        for video, editor in changes:
            TagsFileEdit.of(video, read_optional_file(tags_path(video)), editor).add_to(journal)
        journal.commit(job)


def merge_tags(keeper: Video, videos: Sequence[Video], journal: Journal) -> None:
    """Plan to add the tags and performers of other videos to those of the keeper, and what else
    their tags files have; a key that the keeper has stays as it is, but notes are joined."""
    others = [read_tags(video) for video in videos]

    def merge(record: dict[str, Any]) -> None:
        for name, other in itertools.product(NAME_LISTS, others):
            if other.get(name):
                record[name] = clean_names([], [*record.get(name, []), *other[name]])
        rejected = without_names(record.get("performers_rejected", []), record["performers"])
        record["performers_rejected"] = rejected
        notes = (details_in(one).get("note", "") for one in (record, *others))
        joined = "\n\n".join(dict.fromkeys(filter(None, notes)))
        for other in others:
            for key in other.keys() - record.keys() - OWN_KEYS:
                record[key] = other[key]
        if joined and details_in(record).get("note"):
            record["note"] = joined

    TagsFileEdit.of(keeper, read_optional_file(tags_path(keeper)), merge).add_to(journal)


def has_names(record: Mapping[str, Any]) -> bool:
    return any(record.get(name) for name in NAME_LISTS)


def tags_bytes(record: Mapping[str, Any]) -> bytes:
    """The content of a tags file: of inferred performers those that are among the performers, and
    no empty list but those of tags and performers.
    """
    inferred = record.get("performers_inferred", [])
    removed = without_names(inferred, record["performers"])
    tidy = dict(record) | {"performers_inferred": without_names(inferred, removed)}
    return json_bytes({k: v for k, v in tidy.items() if v or k not in NAME_LISTS[2:]})
