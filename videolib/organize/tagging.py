"""Tags from elsewhere, and performers from faces."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.query import SqlClause
from videolib.catalogue.records import TAG_KINDS
from videolib.core.errors import NotFoundError, UsageError
from videolib.core.files import stat_if_any
from videolib.core.text import printable
from videolib.faces.face_index import FaceIndex
from videolib.faces.people import PeopleView, people_dir
from videolib.faces.signatures import signature_file
from videolib.storage.folders import Library
from videolib.storage.names import SIDECARS
from videolib.storage.tags import joined_names

if TYPE_CHECKING:
    from videolib.catalogue.records import VideoRow
    from videolib.storage.tags import TagChange, TagEditor
    from videolib.storage.videos import Video


class ImportedTags(NamedTuple):
    """What an import says of a video, named from the folder."""

    video: str
    tags: Sequence[str]
    performers: Sequence[str]

    @classmethod
    def all_in(cls, path: Path) -> list[ImportedTags]:
        """The entries of a file that --export or the API wrote. Raises UsageError for another."""
        try:
            videos = json.loads(path.read_bytes())["videos"]
            if not isinstance(videos, list):
                raise TypeError
            return [cls.of(entry) for entry in videos]
        except OSError as error:
            why = f"cannot be read: {error.strerror}"
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            why = f"is not JSON: {error}"
        except (ValueError, KeyError, TypeError, RecursionError):
            example = {"videos": [{"video": "a.mp4", "tags": ["x"], "performers": []}]}
            why = f"is no export of tags: it should be like {json.dumps(example)}"
        raise UsageError(f"{printable(str(path))}: {why}")

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> ImportedTags:
        """Raises KeyError, TypeError or ValueError where it is not of that shape."""
        video, lists = entry["video"], [entry.get(kind, []) for kind in TAG_KINDS.values()]
        for names in ([video], *lists):
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise ValueError
        return cls(video, *lists)


CORRUPT_TAGS = SqlClause("v.tags_problem NOT NULL")


class PerformerIndex:
    """Who of the people with a name is seen in which video, by the nearest listing around them.

    Where there is no listing nobody is known, and where there are no signatures either nobody can
    be: that is an answer unless one is `needed`.
    """

    def __init__(self, library: Library, needed: bool) -> None:
        """Raises NotFoundError where one is needed and neither the folder nor one around it was
        listed, CorruptError.
        """
        own = library.root.absolute()
        for root in (own, *(() if library.artifacts_dir else own.parents)):
            around = Library(root, True, artifacts_dir=library.artifacts_dir, roots=library.roots)
            inside = library.roots is None or library.roots.contains(root)
            if inside and Path(people_dir(around), FaceIndex.NAME).exists():
                break
        else:
            around = library
        self.sidecar_dir = people_dir(around).removesuffix(SIDECARS)
        self.frames: dict[str, Counter[str]] = {}  # in how many someone is seen, by video
        self.unlisted: NotFoundError | None = None
        try:
            people = PeopleView.read(around).listed()
        except NotFoundError as error:
            if needed:
                raise
            people, self.unlisted = [], error
        for person in people:
            for seen in person.occurrences if person.label else ():
                frames = self.frames.setdefault(seen["video"], Counter())
                frames[str(person.label)] += int(seen["frames"])

    def of(self, video: Video, least: int) -> list[str]:
        """Who is seen in a video in so many sampled frames, the most frequent first. Raises
        NotFoundError where that is not known yet.
        """
        if self.unlisted and stat_if_any(signature_file(video).path):
            raise self.unlisted
        below = video.sidecar_dir.removesuffix(SIDECARS).removeprefix(self.sidecar_dir)
        frames = self.frames.get(below + video.name, Counter())
        return [name for name, count in frames.most_common() if count >= least]


def in_turn(changes: Sequence[TagChange]) -> TagEditor:
    """Several changes as one."""

    def change(record: dict[str, Any]) -> None:
        for one in changes:
            one.apply(record)

    return change


def tags_of(row: VideoRow) -> dict[str, Any]:
    """What the catalogue knows of a video's tags."""
    if row.tags_problem:
        return {"video": row.rel, "error": row.tags_problem}
    return {"video": row.rel, "tags": list(row.tags), "performers": list(row.performers)}


def tag_line(row: Mapping[str, Any]) -> str:
    """A video's tags as text."""
    told = [joined_names(row["tags"]) or "no tags"]
    if row["performers"]:
        told.append("performers: " + joined_names(row["performers"]))
    return printable(f"{row['video']}: {'; '.join(told)}")
