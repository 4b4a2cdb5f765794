"""The people of folders and videos as the API gives them, and the decisions on them that it takes.

They are read from the index of a folder, which the task `listing` makes, and the signatures of a
video, which `embed` makes. Both are files that may be corrupt, so every row is checked and
converted before it is sent.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from index import ListPeople, People
from videolib.catalogue.pool import KEPT_OPEN
from videolib.core.documents import json_text
from videolib.core.errors import CorruptError, Failure, NotFoundError, attempt
from videolib.core.files import file_identity, stat_if_any
from videolib.core.locks import locked
from videolib.core.text import printable
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.editing import PeopleEditor
from videolib.faces.face_index import FaceIndex
from videolib.faces.listing import ListingRun, scan_signatures
from videolib.faces.people import PeopleView, people_dir
from videolib.storage.artifacts import ARTIFACTS
from videoserver.files import file_url, video_url
from videoserver.settings import PAGE_LIMIT

if TYPE_CHECKING:
    from videolib.core.runs import Job
    from videolib.faces.face_index import Person
    from videolib.storage.folders import Library
    from videolib.storage.videos import Video
    from videoserver.commands import CommandBuilder
    from videoserver.files import VideoFiles
    from videoserver.jobs import JobBoard


class PeopleCache:
    """The people of the folders that were asked for last, at most KEPT_OPEN of them."""

    LIFETIME: ClassVar = 600.0  # seconds for which computed people, who are not stored, are kept

    def __init__(self) -> None:
        self.lock, self.computing = threading.Lock(), threading.Lock()
        # Key of `_cached` -> when the view expires, in seconds of time.monotonic, and the view.
        self.views: dict[tuple[Any, ...], tuple[float, PeopleView]] = {}

    def stored(self, library: Library) -> PeopleView:
        """The people that `listing` stored. Raises NotFoundError where it did not, CorruptError."""
        return self._cached(library, ("stored",), lambda: PeopleView.read(library), math.inf)

    def stored_or_computed(self, command: ListPeople, job: Job) -> PeopleView:
        """The people that `listing` stored or, where it did not, those that it would store.

        Raises CorruptError, OutsideError, VideoError.
        """
        library = command.library()
        with contextlib.suppress(NotFoundError):
            return self.stored(library)

        def compute() -> PeopleView:
            scan = scan_signatures(library, job)
            return ListingRun(scan, command.settings(scan.model), [], job).view

        origin = ("computed", library.recursive, library.extensions)
        with self.computing:
            return self._cached(library, origin, compute, self.LIFETIME)

    def _cached(
        self,
        library: Library,
        origin: tuple[Any, ...],
        make: Callable[[], PeopleView],
        lifetime: float,
    ) -> PeopleView:
        """The people from the cache, else from `make`, which are kept for `lifetime` seconds.

        `origin` says how they are made. They are made again when the files of the index or of the
        decisions have changed.
        """
        sidecar_dir = people_dir(library)
        versions = [path_identity(Path(sidecar_dir, FaceIndex.NAME))]
        versions.append(path_identity(Path(sidecar_dir, PeopleDecisions.NAME)))
        key = (library.root, library.artifacts_dir, *origin, *versions)
        with self.lock:
            expiry, view = self.views.pop(key, (0.0, None))
        if view is None or expiry < time.monotonic():
            view = make()
            expiry = time.monotonic() + lifetime
        with self.lock:
            self.views[key] = (expiry, view)
            for old in list(self.views)[:-KEPT_OPEN]:
                del self.views[old]
        return view


def path_identity(path: Path) -> tuple[int, ...] | None:
    """The identity of a file's content, see `file_identity`; None where there is no file."""
    file_stat = stat_if_any(str(path))
    return file_stat and file_identity(file_stat)


class PeopleService:
    """The answers of the API about people, and the changes of who is who that it makes."""

    def __init__(self, commands: CommandBuilder, board: JobBoard, files: VideoFiles) -> None:
        self.commands, self.board, self.files = commands, board, files
        self.cache = PeopleCache()

    def of_video(self, directory: str, video: Video) -> dict[str, Any]:
        """The people of a video, in the order of their first appearance: {video, model, people}.

        Raises NotFoundError where no faces were looked for in it yet, CorruptError.
        """
        record = self.files.record(video, "faces")
        pictures = self.files.paths(video, "faces", ARTIFACTS["faces"].fixed_names(video))
        rows = attempt(signature_rows, record)
        if isinstance(rows, Failure):
            name = printable(video.rel)
            raise CorruptError(f"{name}: its signatures are corrupt: embed makes them")
        library = self.commands.build(People, directory).library()
        view = attempt(self.cache.stored, library)
        people = view.by_signature() if isinstance(view, PeopleView) else {}
        for row in rows:
            part, person = f"{row['signature']}.jpg", people.get(row["signature"])
            row["picture"] = file_url(video.rel, "faces", part) if part in pictures else None
            row |= {"person": person and person.id, "label": person and person.label}
        return {"video": video.rel, "model": str(record.get("model", "")), "people": rows}

    def of_folder(
        self,
        directory: str,
        offset: int,
        limit: int,
        hidden: bool,
        options: Mapping[str, Any],
        job: Job,
    ) -> dict[str, Any]:
        """A page of the people of a folder, those seen most often first, as `stored_or_computed`
        gives them. `hidden`: also those that were hidden. Raises CorruptError."""
        command = self.commands.build(ListPeople, directory, embed=False, **options)
        view = self.cache.stored_or_computed(command, job)
        people = view.listed(command.recursive, hidden)
        page: dict[str, Any] = {"total": len(people), "offset": offset, "limit": limit}
        page |= converted(index_facts, view.index.data)
        rows = [converted(person_row, person) for person in people[offset : offset + limit]]
        return page | {"people": rows}

    def change(
        self, directory: str, recursive: bool, options: Mapping[str, Any], owner: int = 0
    ) -> dict[str, Any]:
        """Change who is who; gives what the command `people` does, and the changed people.

        `options` are those of `people`. Where no listing is stored yet, one is made first. `owner`:
        the id of the person who must have the face that is moved; 0: anybody. Raises NotFoundError
        where there is no such person or face, UsageError for a change that makes no sense.
        """
        command = self.commands.build(People, directory, recursive=recursive, **options)
        library, job = command.library(), self.board.quiet_job()
        if not Path(people_dir(library), FaceIndex.NAME).exists():
            self.commands.build(ListPeople, directory, recursive=recursive, embed=False).run(job)
        if owner and command.move[0] not in PeopleView.read(library).find(owner).signatures:
            raise NotFoundError(f"{command.move[0]}: #{owner} has no such face")
        result = dict(command.run(job).data)
        people = self.cache.stored(library).people
        changed = [people[row["id"]] for row in result["people"] if row["id"] in people]
        return result | {"people": [converted(person_row, person) for person in changed]}

    def undo(self, directory: str, recursive: bool, change: int) -> dict[str, Any]:
        """Take the decision of that number back, 0 stands for the last one; the same as `change`.

        Raises NotFoundError where there is none, ConflictError where one that was made later
        concerns the same people.
        """
        library = self.commands.build(People, directory, recursive=recursive).library()
        with locked(people_dir(library)):
            editor = PeopleEditor(library)
            sentence = editor.undo(change)
        people = [converted(person_row, person) for person in editor.changed_people]
        return {"action": "undo", "told": sentence, "warning": "", "change": 0, "people": people}


def converted(function: Callable[[Any], dict[str, Any]], source: Any) -> dict[str, Any]:
    """The row that a function below makes from a part of a FaceIndex.

    Raises CorruptError where that fails, or the row cannot be sent as JSON.
    """
    row = attempt(function, source)
    if isinstance(row, Failure) or isinstance(attempt(json_text, row), Failure):
        raise CorruptError(FaceIndex.CORRUPT)
    return row


def index_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an index of faces has beside the people. Raises KeyError, TypeError or ValueError."""
    left_out = [{str(k): str(v) for k, v in row.items()} for row in data["left_out"]]
    return {
        "generated_at": str(data["generated_at"]),
        "model": str(data["model"]),
        "videos": int(data["videos"]),
        "total_left_out": len(left_out),
        "left_out": left_out[:PAGE_LIMIT],
    }


def person_row(person: Person) -> dict[str, Any]:
    """A person with all occurrences and URLs. Raises KeyError, TypeError or ValueError."""
    distance, portrait = person.label_distance, person.portrait()
    return {
        "id": person.id,
        "label": person.label and str(person.label),
        "label_distance": None if distance is None else float(distance),
        "named_by_hand": person.named_by_hand,
        "hidden": person.hidden,
        "ambiguous": list(map(str, person.ambiguous)),
        "picture": file_url(portrait[0], "faces", portrait[1]) if portrait else None,
        "occurrences": [occurrence_row(occurrence) for occurrence in person.occurrences],
    }


def occurrence_row(occurrence: Mapping[str, Any]) -> dict[str, Any]:
    """A video that a person is in, with URLs. Raises KeyError, TypeError or ValueError."""
    video, signature = occurrence["video"], occurrence["signature"]
    has_picture = bool(occurrence.get("thumbnail"))
    return {
        "video": video,
        "url": video_url(video),
        "signature": signature,
        "frames": int(occurrence["frames"]),
        "intervals": [[float(begin), float(end)] for begin, end in occurrence["intervals"]],
        "picture": file_url(video, "faces", f"{signature}.jpg") if has_picture else None,
    }


def signature_rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The people in a video's record of signatures; `person` and `label` are left None.

    Raises KeyError, TypeError or ValueError for what `embed` would not write.
    """
    return [
        {
            "signature": str(signature["id"]),
            "person": None,
            "label": None,
            "intervals": [[float(begin), float(end)] for begin, end in signature["intervals"]],
            "frames": int(signature["frames"]),
            "time": float(signature["time"]),
            "box": [float(side) for side in signature["box"]],
            "score": float(signature["score"]),
        }
        for signature in record["signatures"]
    ]
