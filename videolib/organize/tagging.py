"""Tags and performers of many videos: shown, changed, counted, exported, imported, renamed.

What is shown comes from the catalogue. `changed_tags` changes one video after the other; a
TagRename or a TagImport is a plan, which `change_tags` of storage/tags.py carries out for all
videos or for none.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.query import QueryTerm, SqlClause, label_clause
from videolib.catalogue.records import TAG_KINDS
from videolib.core.documents import JsonRows, parse_json
from videolib.core.errors import Failure, UsageError, attempt
from videolib.core.files import read_optional_file
from videolib.core.text import fold, joined_names, plural, printable, table
from videolib.storage.names import VIDEO_EXTENSIONS
from videolib.storage.sidecars import remove_abandoned
from videolib.storage.tag_details import DETAILS, checked_details, details_in
from videolib.storage.tags import (
    TagChange,
    TagEditor,
    TagsFileEdit,
    clean_names,
    read_tags,
    tags_path,
    update_tags,
)
from videolib.storage.videos import Video

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.catalogue.records import VideoRow
    from videolib.core.runs import Job
    from videolib.storage.folders import Library

# {video, tags, performers, rating?, favourite?, note?, date?}, or {video, error}.
TagRow = dict[str, Any]
TagChanges = list[tuple[Video, TagEditor]]  # what `change_tags` takes


def row_tags(row: VideoRow) -> TagRow:
    """The tags of a video as the catalogue has them."""
    if row.tags_problem:
        return {"video": row.rel, "error": row.tags_problem}
    names = {"tags": list(row.tags), "performers": list(row.performers)}
    return {"video": row.rel, **names, **row.noted()}


def video_tags(video: Video, editor: TagEditor | None = None) -> TagRow:
    """The tags of a video, after an edit of its file where an editor is given; or the error.

    Scratch files of killed runs are for the caller to remove.
    """
    record = attempt(update_tags, video, editor) if editor else attempt(read_tags, video)
    if isinstance(record, Failure):
        return {"video": video.rel, "error": record.reason}
    names = {key: record[key] for key in TAG_KINDS.values()}
    return {"video": video.rel, **names, **details_in(record)}


def tag_line(row: Mapping[str, Any]) -> str:
    """The tags of a video as text."""
    parts = [joined_names(row["tags"]) or "no tags"]
    if row["performers"]:
        parts.append("performers: " + joined_names(row["performers"]))
    details = [(key, row[key]) for key in DETAILS if key in row]
    parts += [f"{key}: {'yes' if value is True else value}" for key, value in details]
    return printable(f"{row['video']}: {'; '.join(parts)}")


# === Video by video ===============================================================================


class TagListing:
    """The tags of videos: `rows` for JSON, `lines` of text, and the `errors` among them.

    With `list_all` videos that have neither tags nor performers have a line, too.
    """

    def __init__(self, rows: Iterable[TagRow], list_all: bool) -> None:
        self.errors, self.lines, self.list_all = list[TagRow](), list[str](), list_all
        self.rows = JsonRows(self.readable(rows))

    @classmethod
    def of(
        cls,
        job: Job,
        catalogue: Catalogue,
        library: Library,
        query: str,
        editor_of: Callable[[Video], TagEditor] | None,
    ) -> TagListing:
        """The tags of the videos that match a query, changed before where there is an editor."""
        if not editor_of:
            return cls(listed_tags(job, catalogue, library, query), list_all=False)
        return cls(changed_tags(job, catalogue, library, query, editor_of), list_all=True)

    def readable(self, rows: Iterable[TagRow]) -> Iterator[TagRow]:
        """The rows that are no errors; each adds to `lines`, an error to `errors`."""
        for row in rows:
            if "error" in row:
                self.errors.append(row)
                continue
            if self.list_all or row["tags"] or row["performers"] or row.keys() & DETAILS:
                self.lines.append(tag_line(row))
            yield row

    @property
    def without_lines(self) -> str:
        """How many videos were looked at that have no line; an empty text where none was."""
        count = len(self.rows)
        return f"{plural(count, 'video')}, none with tags, performers or ratings" if count else ""

    def as_json(self) -> dict[str, Any]:
        total = len(self.rows) + len(self.errors)
        return {"total": total, "results": self.rows, "errors": self.errors}


def listed_tags(job: Job, catalogue: Catalogue, library: Library, query: str) -> Iterator[TagRow]:
    """The tags of the videos that match a query, then what cannot be read, as errors."""
    rows = catalogue.browse(job, library, query, labels=True)
    return itertools.chain(map(row_tags, rows), catalogue.failures())


def changed_tags(
    job: Job,
    catalogue: Catalogue,
    library: Library,
    query: str,
    editor_of: Callable[[Video], TagEditor],
) -> Iterator[TagRow]:
    """The tags of the videos that match a query after a change, then errors of what is unreadable.

    Each video is changed when the iterator reaches it. What `editor_of` raises is raised before any
    is changed.
    """
    videos = [catalogue.video(row.rel) for row in catalogue.browse(job, library, query)]
    failures = catalogue.failures()
    editors = list(map(editor_of, videos))

    def changed() -> Iterator[TagRow]:
        sidecar_dir = ""
        for video, editor in zip(videos, editors, strict=True):
            job.check()
            if video.sidecar_dir != sidecar_dir:
                remove_abandoned(sidecar_dir := video.sidecar_dir)
            yield video_tags(video, editor)

    return itertools.chain(changed(), failures)


# === Counts and exports ===========================================================================


def tagged_videos(
    catalogue: Catalogue, library: Library, query: str, condition: SqlClause
) -> list[TagRow]:
    """The tags of the videos that match a query and a condition."""
    view = catalogue.view(library, query, [condition])
    return [row_tags(row) for row in catalogue.rows(view)]


def corrupt_tags(catalogue: Catalogue, library: Library, query: str) -> list[TagRow]:
    """The videos that match a query and whose tags cannot be read, as errors."""
    return tagged_videos(catalogue, library, query, SqlClause("v.tags_problem NOT NULL"))


def tag_counts(
    job: Job, catalogue: Catalogue, library: Library, query: str = ""
) -> dict[str, list[dict[str, Any]]]:
    """How many videos have each tag and performer, the most frequent first: {tags: [{name, count}],
    performers: [{name, count}], errors: [{video, error}]}."""
    catalogue.prepare(job, library)
    view = catalogue.view(library, query)
    data = {
        field: [{"name": n, "count": c} for n, c in catalogue.tag_counts(kind, view).items()]
        for kind, field in TAG_KINDS.items()
    }
    errors = corrupt_tags(catalogue, library, query) + catalogue.failures()
    return data | {"errors": errors}


def counts_text(counts: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What `tag_counts` gives, as tables."""
    tables = []
    for field in filter(counts.get, TAG_KINDS.values()):
        lines = [[printable(row["name"]), f"{row['count']:,}"] for row in counts[field]]
        tables.append(table([[field, "videos"], *lines]))
    return "\n\n".join(tables) or "no tags"


def exported_tags(
    job: Job, catalogue: Catalogue, library: Library, query: str = ""
) -> dict[str, list[TagRow]]:
    """The tags of the videos that have any tag, performer or detail: {videos: [TagRow], errors:
    [{video, error}]}."""
    catalogue.prepare(job, library)
    labelled = SqlClause("v.id IN (SELECT video FROM labels) OR v.details NOT NULL")
    videos = tagged_videos(catalogue, library, query, labelled)
    return {
        "videos": videos,
        "errors": corrupt_tags(catalogue, library, query) + catalogue.failures(),
    }


# === All videos or none ===========================================================================


class TagRename(NamedTuple):
    """The plan to give a tag of many videos another name.

    `corrupt`: the videos whose tags cannot be read; where there are any, nothing is changed.
    `unread`: what else cannot be read, folders for instance.
    """

    old: str
    new: str
    changes: TagChanges
    corrupt: list[TagRow]
    unread: list[TagRow]

    @classmethod
    def plan(
        cls, job: Job, catalogue: Catalogue, library: Library, query: str, old: str, new: str
    ) -> TagRename:
        """The plan for the videos that match a query. Raises UsageError for a bad name."""
        names = clean_names([new], [old])
        old, new = names[0], names[-1] if len(names) > 1 else new.strip()
        catalogue.prepare(job, library)
        condition = label_clause(QueryTerm(False, "tag", old, True))
        rows = tagged_videos(catalogue, library, query, condition)
        corrupt = corrupt_tags(catalogue, library, query)

        def rename(record: dict[str, Any]) -> None:
            tags = [new if fold(tag) == fold(old) else tag for tag in record["tags"]]
            record["tags"] = clean_names([], tags)

        changes: TagChanges = [(library.video(row["video"]), rename) for row in rows if not corrupt]
        return cls(old, new, changes, corrupt, catalogue.failures())

    @property
    def errors(self) -> list[TagRow]:
        return self.corrupt + self.unread

    def as_json(self) -> dict[str, Any]:
        videos = [video.rel for video, _ in self.changes]
        return {"from": self.old, "to": self.new, "videos": videos, "errors": self.errors}

    def text(self) -> str:
        if self.corrupt:
            return "nothing was changed: mend what is corrupt first"
        if not self.changes:
            return f"no video has the tag {printable(self.old)}"
        count = plural(len(self.changes), "video")
        return f"{printable(self.old)} is {printable(self.new)} now in {count}"


class ImportedTags(NamedTuple):
    """The tags and performers of a video in an import, and those of DETAILS that are given;
    `video` is its path from the folder."""

    video: str
    tags: Sequence[str]
    performers: Sequence[str]
    details: Mapping[str, Any] = {}

    @classmethod
    def read(cls, path: Path) -> list[ImportedTags]:
        """The videos in a file that --export or the API wrote. Raises UsageError for others."""
        try:
            videos = parse_json(path.read_bytes())["videos"]
            if not isinstance(videos, list):
                raise TypeError
            return [cls.from_json(video) for video in videos]
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            why = f"is not JSON: {error}"
        except (ValueError, KeyError, TypeError, RecursionError):
            example = {"videos": [{"video": "a.mp4", "tags": ["x"], "performers": []}]}
            why = f"is no export of tags: it should be like {json.dumps(example)}"
        raise UsageError(f"{printable(str(path))}: {why}")

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> ImportedTags:
        """From a TagRow, of which only `video` has to be there. Raises KeyError, TypeError or
        ValueError for others."""
        video, lists = row["video"], [row.get(field, []) for field in TAG_KINDS.values()]
        for names in ([video], *lists):
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError
        tags, performers = lists
        return cls(video, tags, performers, {key: row[key] for key in DETAILS if key in row})


class TagImport(NamedTuple):
    """The plan of an import.

    `matched`: the number of its videos that are in the library. `unknown`: the names of those that
    are not. `errors`: those whose tags cannot be read; where there are any, nothing is changed.
    """

    replace: bool
    changes: TagChanges
    matched: int
    unknown: list[str]
    errors: list[TagRow]

    @classmethod
    def plan(
        cls,
        job: Job,
        catalogue: Catalogue,
        by_video: Mapping[str, Sequence[TagChange]],
        replace: bool,
    ) -> TagImport:
        """The plan for the changes that `import_changes` gives."""
        catalogue.refresh_all(job)
        videos = {name: catalogue.find(name) for name in by_video}
        unknown = [name for name, video in videos.items() if not video]
        changes, errors = TagChanges(), list[TagRow]()
        for name, video in videos.items():
            if not video:
                continue
            editor = apply_all(by_video[name])
            edit = attempt(TagsFileEdit.of, video, read_optional_file(tags_path(video)), editor)
            if isinstance(edit, Failure):
                errors.append({"video": video.rel, "error": edit.reason})
            elif edit.changes:
                changes.append((video, editor))
        return cls(replace, changes, len(videos) - len(unknown), unknown, errors)

    def as_json(self, dry_run: bool) -> dict[str, Any]:
        return {
            "dry_run": dry_run,
            "mode": "replace" if self.replace else "add",
            "matched": self.matched,
            "changed": [video.rel for video, _ in self.changes],
            "unknown": self.unknown,
            "errors": self.errors,
        }

    def text(self, dry_run: bool) -> str:
        count = len(self.changes)
        outcome = "changed"
        if dry_run:
            outcome = "would change" + ": --force changes them" * bool(count)
        if self.errors:
            outcome = "would change; nothing was changed: mend what is corrupt first"
        return f"{plural(count, 'video')} {outcome}; {self.matched - count:,} as before"


def import_changes(
    library: Library, entries: Iterable[ImportedTags], replace: bool
) -> dict[str, list[TagChange]]:
    """Name of a video -> the changes that an import makes to it.

    What its entries have is added or, with `replace`, takes the place of what is there. Raises
    UsageError for a bad name or rating, OutsideError for a video outside the roots.
    """
    by_video: dict[str, list[TagChange]] = {}
    for entry in entries:
        for names in (entry.tags, entry.performers):
            clean_names(names)
        if library.roots:
            library.roots.resolve(entry.video, library.root)
        tags = (entry.tags, (), replace, entry.performers, (), replace)
        details = checked_details(entry.details)
        change = TagChange(*tags, details=details, keep_details=not replace)
        by_video.setdefault(entry.video, []).append(change)
    return by_video


def import_scope(library: Library) -> Library:
    """The same library, changed so that an import finds its videos: in all folders below, with any
    extension of videos."""
    library.recursive, library.extensions = True, library.extensions | VIDEO_EXTENSIONS
    return library


def apply_all(changes: Sequence[TagChange]) -> TagEditor:
    """The editor that makes several changes one after the other."""

    def edit(record: dict[str, Any]) -> None:
        for change in changes:
            change.apply(record)

    return edit
