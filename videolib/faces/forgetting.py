"""Deleting what is stored of faces: of some people, or everything."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import compact_json, json_bytes, read_json
from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.files import read_file, remove, replace_file
from videolib.core.text import plural, printable
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.extraction import face_place
from videolib.faces.face_index import FaceIndex
from videolib.storage.folders import folders_below
from videolib.storage.names import JOURNALS, SIDECARS, TRASH
from videolib.storage.sidecars import SidecarDir, remove_abandoned

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.folders import Library


class FacePurge(NamedTuple):
    """What was deleted, relative to the top of the library, and what could not be read."""

    removed: list[str]
    errors: list[str]

    @property
    def text(self) -> str:
        return f"{plural(len(self.removed), 'file')} about faces deleted"

    def as_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"task": "embed", "purged": self.removed}
        return data | ({"errors": self.errors} if self.errors else {})


def purge_faces(library: Library, job: Job) -> FacePurge:
    """Delete every file about faces in the sidecar folders of a library, also of videos that are
    gone or in the trash, and journals that contain vectors.
    """
    top, errors = library.artifacts_dir or library.root, set[str]()
    unreadable = "{0.filename}: cannot be read: {0.strerror}"
    walk = folders_below(str(top), lambda error: errors.add(printable(unreadable.format(error))))
    sidecar_dirs = [Path(folder) / SIDECARS for folder in walk] if library.recursive else []
    names = r".+\.faces(\.signatures\.json(\.corrupt-\d+)?)?|\.faces\.(index|people)\..+"
    face_file, removed = re.compile(names, re.DOTALL), []
    for sidecar_dir in sidecar_dirs or [top / SIDECARS]:
        job.check()
        folders = attempt(with_trash, str(sidecar_dir))
        if isinstance(folders, Failure):
            errors.add(folders.reason)
            continue
        remove_abandoned(str(sidecar_dir))
        for entry in (entry for folder in folders for entry in SidecarDir(folder).values()):
            if face_file.fullmatch(entry.name):
                remove(entry.path)
                removed.append(os.path.relpath(entry.path, top))
        # A journal holds the former text of a JSON file as one string, its quotes escaped.
        journals = delete_journals(f"{sidecar_dir}/{JOURNALS}", re.compile(rb'vector\\": '))
        removed += [os.path.relpath(path, top) for path in journals]
    for reason in sorted(errors):
        job.console.say(f"embed: {reason}")
    return FacePurge(sorted(removed), sorted(errors))


def with_trash(sidecar_dir: str) -> list[str]:
    """A sidecar folder and the folders of its trash.

    Raises VideoError where one cannot be read: faces may be in it.
    """
    trashed = [e.path for e in SidecarDir(f"{sidecar_dir}/{TRASH}").values() if e.is_dir()]
    for sidecars in map(SidecarDir, (sidecar_dir, f"{sidecar_dir}/{TRASH}", *trashed)):
        if sidecars.problem:
            raise VideoError(f"{printable(sidecars.sidecar_dir)}: {sidecars.problem}")
    return [sidecar_dir, *sorted(trashed)]


def delete_signatures(folder: str, deleted: set[str]) -> int:
    """Delete signatures and their thumbnails from the files in a folder; the number of files.

    Journals that contain them are deleted, so that those changes can no longer be undone, and so
    are scratch files that killed runs left.
    """
    remove_abandoned(folder)
    any_id = re.compile("|".join(sorted(deleted)).encode())
    signature_name = re.compile(r"(.+)\.faces\.signatures\.json(\.corrupt-\d+)?", re.DOTALL)
    count = len(delete_journals(f"{folder}/{JOURNALS}", any_id))
    for entry in list(SidecarDir(folder).values()):
        match = signature_name.fullmatch(entry.name)
        if not match or not entry.is_file() or not any_id.search(read_file(entry.path)):
            continue
        count += 1
        for signature in deleted:  # before the record: by it a repeated run finds them
            remove(Path(folder, f".{match[1]}.faces", f"{signature}.jpg"))
        data = None if match[2] else read_json(entry.path)
        record = attempt(record_without, data, deleted) if data else None
        if record is None or isinstance(record, Failure):  # a corrupt one: `embed` makes another
            remove(entry.path)
        else:
            replace_file(Path(entry.path), json_bytes(record))
    return count


def record_without(data: dict[str, Any], deleted: set[str]) -> dict[str, Any]:
    """A record of `embed` without some signatures. The place of each best moment stays, by which
    `embed` leaves these people out from then on.
    """
    signatures = [s for s in data["signatures"] if s["id"] not in deleted]
    for signature in signatures:
        signature["apart"] = [other for other in signature["apart"] if other not in deleted]
    places = [attempt(face_place, s) for s in data["signatures"] if s["id"] in deleted]
    valid = [place for place in places if not isinstance(place, Failure)]
    return data | {"signatures": signatures, "forgotten": [*data.get("forgotten", ()), *valid]}


def delete_from_index(sidecar_dir: str, deleted: set[str]) -> int:
    """Delete people with these signatures from the index and the decisions in a folder, whose lock
    the caller holds; the number of files that were rewritten or deleted.
    """
    remove_abandoned(sidecar_dir)
    index = attempt(FaceIndex.read, sidecar_dir)
    decisions = PeopleDecisions.read(sidecar_dir)
    # What cannot be read may contain them, and `listing` makes it again.
    corrupt = list(Path(sidecar_dir).glob(f"{FaceIndex.NAME}.corrupt-*"))
    if isinstance(index, Failure):
        corrupt.append(Path(sidecar_dir, FaceIndex.NAME))
    for path in corrupt:
        remove(path)
    if isinstance(index, Failure) or index is None:
        index = FaceIndex()
    index_changed = remove_people(index, deleted)
    remaining = {o["signature"] for row in index.data["people"] for o in row["occurrences"]}
    decisions_changed = decisions.forget(deleted, remaining)
    if decisions_changed:
        decisions.write(sidecar_dir)
    if index_changed:  # last: by the index a repeated run finds the signatures
        remove(Path(sidecar_dir, FaceIndex.MEANS))
        replace_file(Path(sidecar_dir, FaceIndex.NAME), compact_json(index.data))
    return len(corrupt) + index_changed + decisions_changed


def remove_people(index: FaceIndex, deleted: set[str]) -> bool:
    """Remove signatures from an index, and from its gallery the people whose names they had.
    Whether there were any.
    """
    people = [p for p in index.people.values() if not deleted.isdisjoint(p.signatures)]
    if not people:
        return False
    names = {name for person in people for name in (person.label, *person.ambiguous)}
    rows = [
        row | {"occurrences": occurrences_without(row, deleted)} for row in index.data["people"]
    ]
    gallery = [row for row in index.data.get("gallery", ()) if row["person"] not in names]
    index.data |= {"people": [row for row in rows if row["occurrences"]]}
    index.data |= {"gallery": gallery, "means": None}
    return True


def occurrences_without(person: Mapping[str, Any], deleted: set[str]) -> list[dict[str, Any]]:
    """The occurrences of a person of an index without some signatures."""
    occurrences = []
    for row in (row for row in person["occurrences"] if row["signature"] not in deleted):
        apart = [other for other in row.get("apart", ()) if other not in deleted]
        rest = {key: value for key, value in row.items() if key != "apart"}
        occurrences.append(rest | ({"apart": apart} if apart else {}))
    return occurrences


def delete_journals(folder: str, pattern: re.Pattern[bytes]) -> list[str]:
    """Delete the finished journals in a folder whose content matches; their paths."""
    import gzip

    deleted = []
    for entry in SidecarDir(folder).values():
        if entry.name.endswith((".done", ".undone")) and entry.is_file():
            content = attempt(gzip.decompress, read_file(entry.path))
            if isinstance(content, Failure) or pattern.search(content):
                remove(entry.path)
                deleted.append(entry.path)
    return deleted
