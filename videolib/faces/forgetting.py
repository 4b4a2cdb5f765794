"""Deleting what is known of faces: of some people, or everything."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.documents import compact_json, json_bytes, read_json
from videolib.core.errors import Failure, VideoError, attempt
from videolib.core.files import read_file, remove, replace_file
from videolib.core.runs import Exit, Result
from videolib.core.text import plural, printable
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.extraction import place_of
from videolib.faces.face_index import FaceIndex
from videolib.storage.folders import folders_below
from videolib.storage.names import JOURNALS, SIDECARS, TRASH
from videolib.storage.sidecars import SidecarDir, sweep

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.storage.folders import Library


def purge_faces(library: Library, job: Job) -> Result:
    """Delete every file about faces in the artifact folders of a library, also of videos that are
    gone or in the trash, and journals that hold vectors.
    """
    top, unread = library.artifacts_dir or library.root, set[str]()
    closed = "{0.filename}: cannot be read: {0.strerror}"
    walk = folders_below(str(top), lambda error: unread.add(printable(closed.format(error))))
    sidecar_dirs = [Path(folder) / SIDECARS for folder in walk] if library.recursive else []
    known = r".+\.faces(\.signatures\.json(\.corrupt-\d+)?)?|\.faces\.(index|people)\..+"
    ours, removed = re.compile(known, re.DOTALL), []
    for sidecar_dir in sidecar_dirs or [top / SIDECARS]:
        job.check()
        folders = attempt(with_trash, str(sidecar_dir))
        if isinstance(folders, Failure):
            unread.add(folders.reason)
            continue
        sweep(str(sidecar_dir))
        for entry in (entry for folder in folders for entry in SidecarDir(folder).values()):
            if ours.fullmatch(entry.name):
                remove(entry.path)
                removed.append(os.path.relpath(entry.path, top))
        # A journal has what a JSON file said before as one text, its quotes escaped.
        gone = forget_journals(f"{sidecar_dir}/{JOURNALS}", re.compile(rb'vector\\": '))
        removed += [os.path.relpath(path, top) for path in gone]
    for reason in sorted(unread):
        job.console.say(f"embed: {reason}")
    text = f"{plural(len(removed), 'file')} about faces deleted"
    data = {"task": "embed", "purged": sorted(removed)}
    data |= {"errors": sorted(unread)} if unread else {}
    return Result(data, text, Exit.of(unread))


def with_trash(sidecar_dir: str) -> list[str]:
    """An artifact folder, and the folders of its trash. Raises VideoError for one that cannot be
    read: nobody knows whose faces are in it.
    """
    trashed = [e.path for e in SidecarDir(f"{sidecar_dir}/{TRASH}").values() if e.is_dir()]
    for sidecars in map(SidecarDir, (sidecar_dir, f"{sidecar_dir}/{TRASH}", *trashed)):
        if sidecars.problem:
            raise VideoError(f"{printable(sidecars.sidecar_dir)}: {sidecars.problem}")
    return [sidecar_dir, *sorted(trashed)]


def forget_in(folder: str, gone: set[str]) -> int:
    """Delete signatures, and their pictures, from the files in a folder; how many that concerned.

    Journals that hold them go: what these did cannot be taken back any more. So does what killed
    runs left half written.
    """
    sweep(folder)
    mark = re.compile("|".join(sorted(gone)).encode())
    form = re.compile(r"(.+)\.faces\.signatures\.json(\.corrupt-\d+)?", re.DOTALL)
    changed = len(forget_journals(f"{folder}/{JOURNALS}", mark))
    for entry in list(SidecarDir(folder).values()):
        if not (match := form.fullmatch(entry.name)) or not entry.is_file():
            continue
        content = read_file(entry.path)
        if not mark.search(content):
            continue
        changed += 1
        for name in gone:  # before the record, by which whoever was killed here finds them again
            remove(Path(folder, f".{match[1]}.faces", f"{name}.jpg"))
        data = read_json(entry.path)
        if match[2] or data is None:
            remove(entry.path)
        else:
            replace_file(Path(entry.path), json_bytes(without_signatures(data, gone)))
    return changed


def forget_people(sidecar_dir: str, gone: set[str]) -> int:
    """Delete whose signatures these are from the index and the decisions in a folder, which its
    user has the lock of; how many files that concerned.
    """
    found = attempt(FaceIndex.read, sidecar_dir)
    index = FaceIndex() if isinstance(found, Failure) or found is None else found
    decisions = PeopleDecisions.read(sidecar_dir)
    unread = [Path(sidecar_dir, FaceIndex.NAME)] if isinstance(found, Failure) else []
    unread += Path(sidecar_dir).glob(f"{FaceIndex.NAME}.corrupt-*")  # these can be made again
    for path in unread:
        remove(path)
    theirs = [p for p in index.people.values() if not gone.isdisjoint(p.signatures)]
    if theirs:
        called = {name for p in theirs for name in (p.label, *p.ambiguous)}
        people = [told | {"occurrences": without(told, gone)} for told in index.data["people"]]
        rows = [row for row in index.data.get("gallery", ()) if row["person"] not in called]
        index.data |= {"people": [told for told in people if told["occurrences"]]}
        index.data |= {"gallery": rows, "means": None}
    here = {o["signature"] for told in index.data["people"] for o in told["occurrences"]}
    decided = decisions.forget(gone, here)
    if decided:
        decisions.write(sidecar_dir)
    if theirs:  # last: in the index whoever was killed here finds them again
        remove(Path(sidecar_dir, FaceIndex.MEANS))
        replace_file(Path(sidecar_dir, FaceIndex.NAME), compact_json(index.data))
    return len(unread) + bool(theirs) + decided


def without(told: Mapping[str, Any], gone: set[str]) -> list[dict[str, Any]]:
    """The occurrences of someone in an index without some signatures."""
    left = []
    for seen in (seen for seen in told["occurrences"] if seen["signature"] not in gone):
        apart = [other for other in seen.get("apart", ()) if other not in gone]
        rest = {key: value for key, value in seen.items() if key != "apart"}
        left.append(rest | ({"apart": apart} if apart else {}))
    return left


def without_signatures(data: dict[str, Any], gone: set[str]) -> dict[str, Any]:
    """A record of embed without some people; where they are seen best stays, so that they can be
    left out again.
    """
    kept = [s for s in data["signatures"] if s["id"] not in gone]
    for signature in kept:
        signature["apart"] = [other for other in signature["apart"] if other not in gone]
    went = [attempt(place_of, s) for s in data["signatures"] if s["id"] in gone]
    places = [place for place in went if not isinstance(place, Failure)]
    return data | {"signatures": kept, "forgotten": [*data.get("forgotten", ()), *places]}


def forget_journals(folder: str, mark: re.Pattern[bytes]) -> list[str]:
    """Remove the finished journals in a folder that hold what matches; their paths."""
    import gzip

    gone = []
    for entry in SidecarDir(folder).values():
        if entry.name.endswith((".done", ".undone")) and entry.is_file():
            content = attempt(gzip.decompress, read_file(entry.path))
            if isinstance(content, Failure) or mark.search(content):
                remove(entry.path)
                gone.append(entry.path)
    return gone
