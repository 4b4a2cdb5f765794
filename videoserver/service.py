"""What the API answers, free of HTTP."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from index import (
    Config,
    Dupes,
    ListingRun,
    ListPeople,
    ListVideos,
    People,
    Rename,
    Report,
    SubtitleSearch,
    Tags,
    VideoTask,
    __version__,
    build,
    command_names,
    summary_line,
)
from videolib.catalogue.pool import KEPT_OPEN, LONG_WAIT, CataloguePool
from videolib.catalogue.query import QUERY_FIELDS, QueryTerm, SqlClause, compile_query, label_clause
from videolib.catalogue.records import LARGEST_RECORD
from videolib.catalogue.store import ORDERS
from videolib.core.documents import RawJson, json_text
from videolib.core.errors import (
    ConflictError,
    CorruptError,
    Failure,
    NotFoundError,
    OutsideError,
    ParameterError,
    UsageError,
    VideoError,
    attempt,
    reason_of,
)
from videolib.core.files import file_identity, stat_if_any, stat_of
from videolib.core.runs import Job
from videolib.core.text import fold, printable, url_quoted
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.face_index import FaceIndex
from videolib.faces.people import PeopleView, people_dir
from videolib.media.metadata import summarize
from videolib.organize.rename import RenamePlan, name_fault, rename_videos
from videolib.organize.tagging import TagImport, exported_tags, import_scope, tag_counts, video_tags
from videolib.speech.passages import SUBTITLE_INDEX
from videolib.speech.search import search_expression
from videolib.storage.artifacts import ARTIFACTS, presence
from videolib.storage.folders import LEADS_OUT
from videolib.storage.sidecars import SidecarDir
from videolib.storage.tags import change_tags, clean_names, tags_path
from videoserver.jobs import (
    JOBS_KEPT,
    JOBS_QUEUED,
    JobBoard,
    JobProgress,
    job_command,
    job_parameters,
    job_tasks,
)
from videoserver.settings import MEDIA_TYPES, PAGE_LIMIT

if TYPE_CHECKING:
    from index import Command, CommandType
    from videolib.faces.face_index import Person
    from videolib.organize.tagging import ImportedTags
    from videolib.storage.folders import Library, Roots
    from videolib.storage.tags import TagChange, TagEditor
    from videolib.storage.videos import Video
    from videoserver.jobs import SubmittedJob
    from videoserver.settings import ServerSettings


def read_document(path: Path, roots: Roots) -> dict[str, Any]:
    """A JSON sidecar. Raises NotFoundError, OutsideError, or CorruptError where it is no object."""
    if not path.is_file():
        raise NotFoundError(f"{printable(path.name)}: not made yet")
    if not roots.contains(path):
        raise OutsideError(f"{printable(path.name)}: {LEADS_OUT}")
    with contextlib.suppress(ValueError, RecursionError):
        content = path.read_bytes() if path.stat().st_size <= LARGEST_RECORD else b""
        data = json.loads(content.decode())
        json_text([[[[data]]]])  # as deep as it stands in an answer
        if isinstance(data, dict):
            return data
    raise CorruptError(f"{printable(path.name)}: is corrupt: make it again")


class VideoFilter(NamedTuple):
    """Which videos of a listing are wanted, and whether with everything that cards show."""

    q: str = ""
    tags: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()
    match_any: bool = False
    detail: bool = False
    way: Literal["asc", "desc"] | None = None

    def order(self, sort: str) -> str:
        """One of the catalogue's orders; where no way is asked for, its own."""
        natural = "desc" if "DESC" in ORDERS[sort] else "asc"
        return f"-{sort}" if self.way not in (None, natural) else sort

    def clauses(self) -> list[SqlClause]:
        """The conditions that tags and performers make."""
        names = [("tag", name) for name in self.tags]
        names += [("performer", name) for name in self.performers]
        clauses = [label_clause(QueryTerm(False, kind, name, True)) for kind, name in names]
        if not self.match_any or not clauses:
            return clauses
        return [SqlClause.joined("OR", clauses)]


SUGGESTIONS = 20


def face_rows(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The people in a record of signatures. Raises KeyError and others for what embed wrote not."""
    rows = []
    for told in record["signatures"]:
        row: dict[str, Any] = {"signature": str(told["id"]), "person": None, "label": None}
        row["intervals"] = [[float(begin), float(end)] for begin, end in told["intervals"]]
        row |= {"frames": int(told["frames"]), "time": float(told["time"])}
        row |= {"box": [float(side) for side in told["box"]], "score": float(told["score"])}
        rows.append(row)
    return rows


def checked(function: Callable[[Any], dict[str, Any]], about: Any) -> dict[str, Any]:
    """What a function makes of an index of faces. Raises CorruptError where it makes no sense."""
    told = attempt(function, about)
    if isinstance(told, Failure) or isinstance(attempt(json_text, told), Failure):
        raise CorruptError(FaceIndex.CORRUPT)
    return told


def index_facts(data: Mapping[str, Any]) -> dict[str, Any]:
    """What an index of faces says beside the people. Raises KeyError and others."""
    left = [{str(k): str(v) for k, v in row.items()} for row in data["left_out"]]
    told = {name: str(data[name]) for name in ("generated_at", "model")}
    rest = {"videos": int(data["videos"]), "total_left_out": len(left)}
    return told | rest | {"left_out": left[:PAGE_LIMIT]}


def person_row(person: Person) -> dict[str, Any]:
    """Someone with all appearances and addresses. Raises ValueError and others."""
    told: dict[str, Any] = {"id": person.id, "label": person.label and str(person.label)}
    distance, best = person.label_distance, person.portrait()
    told |= {"label_distance": None if distance is None else float(distance)}
    told |= {"named_by_hand": person.named_by_hand, "hidden": person.hidden}
    told |= {"ambiguous": list(map(str, person.ambiguous))}
    told["picture"] = f"/videos/{url_quoted(best[0])}/files/faces/{best[1]}" if best else None
    return told | {"occurrences": [sighting_row(seen) for seen in person.occurrences]}


def sighting_row(seen: Mapping[str, Any]) -> dict[str, Any]:
    """One appearance of a person."""
    url, part = f"/videos/{url_quoted(seen['video'])}", f"{seen['signature']}.jpg"
    row = {"video": seen["video"], "url": url, "signature": seen["signature"]}
    row |= {"frames": int(seen["frames"])}
    row["intervals"] = [[float(begin), float(end)] for begin, end in seen["intervals"]]
    return row | {"picture": f"{url}/files/faces/{part}" if seen.get("thumbnail") else None}


class PeopleCache:
    """The people of the folders that were asked for last, as a server remembers them."""

    LASTING: ClassVar = 600.0  # seconds that what was computed but not stored is told

    def __init__(self) -> None:
        self.lock, self.computing = threading.Lock(), threading.Lock()
        self.known: dict[tuple[Any, ...], tuple[float, PeopleView]] = {}

    def stored(self, library: Library) -> PeopleView:
        """What `listing` stored. Raises NotFoundError where it did not, CorruptError."""
        return self.remembered(library, ("stored",), lambda: PeopleView.read(library), math.inf)

    def of(self, request: ListPeople, job: Job) -> PeopleView:
        """What `listing` stored or, where it did not, what it would.

        Raises CorruptError, OutsideError, VideoError.
        """
        library = request.library()
        with contextlib.suppress(NotFoundError):
            return self.stored(library)
        sidecar_dir = people_dir(library)

        def computed() -> PeopleView:
            return ListingRun(request, library, sidecar_dir, [], job).census

        key = ("computed", library.recursive, library.extensions)
        with self.computing:
            return self.remembered(library, key, computed, self.LASTING)

    def remembered(
        self, library: Library, how: tuple[Any, ...], make: Callable[[], PeopleView], lasting: float
    ) -> PeopleView:
        """What is known still, or what is made now."""
        places = [
            Path(people_dir(library), name) for name in (FaceIndex.NAME, PeopleDecisions.NAME)
        ]
        key = (library.root, library.artifacts_dir, *how, *map(file_stamp, places))
        with self.lock:
            until, census = self.known.pop(key, (0.0, None))
        if census is None or until < time.monotonic():
            census = make()
            until = time.monotonic() + lasting
        with self.lock:
            self.known[key] = (until, census)
            for old in list(self.known)[:-KEPT_OPEN]:
                del self.known[old]
        return census


def file_stamp(path: Path) -> tuple[int, ...] | None:
    """What differs when a file was written again; None where there is none."""
    found = stat_if_any(str(path))
    return found and file_identity(found)


def without_base(path: str, bases: Iterable[str]) -> str:
    """A path from whichever of the folders it is in."""
    return next((path[len(base) :] for base in bases if path.startswith(base)), path)


class Service:
    """What the API answers, free of HTTP: every method takes what a request says and gives data.

    Methods raise UsageError, which says by its class what kind of wrong it is.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings, self.roots = settings, settings.roots
        self.board, self.catalogue_pool = (
            JobBoard(self.roots.relative),
            CataloguePool([SUBTITLE_INDEX]),
        )
        self.censuses = PeopleCache()

    def close(self) -> None:
        """Stop the jobs and let go of all that is open."""
        self.board.close()
        self.catalogue_pool.close()

    def request(self, command: type[CommandType], directory: str, **given: Any) -> CommandType:
        """A command on a folder as the configuration has it; None and "" are not said."""
        folder = self.roots.folder(directory)
        said = {name: value for name, value in given.items() if value not in (None, "")}
        values: dict[str, Any] = {"directory": folder, **said}
        built = build(command, values, Config.load(None, folder))
        built.roots, built.catalogue_pool = self.roots, self.catalogue_pool
        return built

    def video(self, directory: str, name: str) -> Video:
        """The video that a request names."""
        folder = self.roots.folder(directory)
        artifacts_root = self.request(ListVideos, directory).artifacts_dir
        return self.roots.video(folder, name, artifacts_root)

    def videos(
        self, directory: str, offset: int, limit: int, wanted: VideoFilter, given: Mapping[str, Any]
    ) -> RawJson:
        """A page of a folder's videos. Raises ParameterError for a wrong query."""
        request = self.request(ListVideos, directory, **given)
        library = request.library()
        try:
            compile_query(wanted.q)
        except UsageError as error:
            raise ParameterError([("q", str(error).removeprefix("query: "))]) from None
        catalogue = self.catalogue_pool.catalogue(library, LONG_WAIT)
        view = catalogue.view(library, wanted.q, wanted.clauses())
        sort = wanted.order(request.sort)
        total, cards = catalogue.cards(view, sort, offset, limit, wanted.detail)
        complete = json.dumps(catalogue.complete)
        head = f'"total": {total}, "offset": {offset}, "limit": {limit}, "complete": {complete}'
        return RawJson(f'{{{head}, "videos": [{", ".join(cards)}]}}')

    def tags(self, video: Video) -> dict[str, Any]:
        """The tags and performers of a video. Raises CorruptError, OutsideError."""
        return self.handled_tags(video)

    def change_tags(self, video: Video, change: TagChange) -> dict[str, Any]:
        """Change them; they are on the disk when this returns. Raises UsageError for bad names."""
        clean_names([*change.add, *change.performers_add])
        told = self.handled_tags(video, change.apply)
        self.catalogue_pool.changed(video.path)
        return told

    def handled_tags(self, video: Video, change: TagEditor | None = None) -> dict[str, Any]:
        """Raises CorruptError, or OutsideError where the tags file is a link that leads out."""
        if not self.roots.contains(path := tags_path(video)):
            raise OutsideError(f"{printable(path.name)}: {LEADS_OUT}")
        told = video_tags(video, change)
        if "error" in told:
            raise CorruptError(told["error"])
        return told

    def export_tags(self, directory: str, recursive: bool) -> dict[str, Any]:
        """Every video that has tags or performers, with them."""
        request = self.request(Tags, directory, recursive=recursive, ext="*")
        library = request.library()
        return exported_tags(self.quiet(), self.catalogue_pool.catalogue(library), library)

    def import_tags(
        self, directory: str, entries: Sequence[ImportedTags], replace: bool, dry_run: bool
    ) -> dict[str, Any]:
        """Add tags and performers to many videos, or replace theirs: to all of them or to none.

        Raises UsageError for a bad name, OutsideError for a video outside the library, CorruptError
        where a tags file is or the changes could not be made. Videos that are not there are told.
        """
        request, job = self.request(Tags, directory), self.quiet()
        library = import_scope(request.library())
        catalogue = self.catalogue_pool.catalogue(library)
        try:
            plan = TagImport.plan(job, catalogue, library, entries, replace)
            if not dry_run and plan.changes and not plan.errors:
                change_tags(request.library_paths(), plan.changes, job)
        except (VideoError, OSError) as error:
            raise CorruptError(reason_of(error)) from None
        for row in plan.errors:
            raise CorruptError(f"{printable(row['video'])}: {row['error']}")
        if not dry_run:
            self.catalogue_pool.changed(*(video.path for video, _ in plan.changes))
        return plan.as_json(dry_run)

    def tag_summary(self, directory: str, recursive: bool) -> dict[str, Any]:
        """Every tag and performer with the number of videos, the most frequent first."""
        request = self.request(Tags, directory, recursive=recursive, ext="*")
        library = request.library()
        return tag_counts(self.quiet(), self.catalogue_pool.catalogue(library), library)

    def artifacts(self, video: Video) -> dict[str, Any]:
        """Which artifacts of a video are present or stale, and every file of theirs."""
        sidecars = SidecarDir(video.sidecar_dir)
        near = [name for name in sidecars if video.key in name]
        files = {
            kind: [
                {"part": part, "type": MEDIA_TYPES[path.suffix], "url": self.url(video, kind, part)}
                for part, path in self.files(video, kind, near).items()
            ]
            for kind in ARTIFACTS
        }
        return {"video": video.rel, "artifacts": presence(video, sidecars), "files": files}

    @staticmethod
    def url(video: Video, kind: str, part: str) -> str:
        return f"/videos/{url_quoted(video.rel)}/files/{kind}/{url_quoted(part)}"

    def files(self, video: Video, kind: str, names: Iterable[str]) -> dict[str, Path]:
        """The files of an artifact of a video among these names; those in its folders by theirs."""
        found: dict[str, Path] = {}
        for name in ARTIFACTS[kind].owned(video, names):
            path = Path(video.sidecar_dir, name)
            if not self.roots.contains(path):
                continue
            inside = sorted(SidecarDir(str(path))) if path.is_dir() else []
            found |= {part: path / part for part in inside} or {name: path}
        return {
            part: path
            for part, path in found.items()
            if path.suffix in MEDIA_TYPES and path.is_file() and self.roots.contains(path)
        }

    def file(self, video: Video, kind: str, part: str = "") -> Path:
        """One file of an artifact: by its name, else the first one to look at."""
        if kind not in ARTIFACTS:
            raise NotFoundError(
                f"{printable(kind)}: no such kind; there are {', '.join(ARTIFACTS)}"
            )
        files = self.files(video, kind, [*ARTIFACTS[kind].fixed(video), part])
        if not files and not part:  # a name with a language perhaps; a look at all takes long
            files = self.files(video, kind, SidecarDir(video.sidecar_dir))
        seen = [name for name in files if not name.endswith(".json")] or list(files)
        name = part or next(iter(seen), "")
        if name not in files:
            raise NotFoundError(f"{printable(part or kind)}: not made yet")
        return files[name]

    def document(self, video: Video, kind: str) -> dict[str, Any]:
        """The record of an artifact, a JSON object."""
        artifact = ARTIFACTS[kind]
        name = artifact.record_name(video)
        return read_document(Path(video.sidecar_dir, name), self.roots)

    def details(self, video: Video) -> dict[str, Any]:
        """Everything about one video: size and summary, artifacts, and what their records say."""
        found = stat_of(video.path)
        told = {"path": video.rel, "name": video.name, "url": f"/videos/{url_quoted(video.rel)}"}
        told |= {"size": found.st_size, "mtime": found.st_mtime} | self.artifacts(video)
        documents: dict[str, Any] = {}
        for kind in ("metadata", "sprites", "previews", "phash", "heatmaps", "scenes"):
            try:
                documents[kind] = self.document(video, kind)
            except (NotFoundError, OutsideError):
                documents[kind] = None
            except CorruptError as error:
                documents[kind] = {"error": str(error)}
        known = summarize(documents["metadata"] or {})
        return told | {k: v for k, v in known.items() if v is not None} | {"documents": documents}

    def picture(self, video: Video) -> str | None:
        """The URL of a video's thumbnail, None where there is none."""
        name = ARTIFACTS["thumbs"].record_name(video)
        path = Path(video.sidecar_dir, name)
        there = path.is_file() and self.roots.contains(path)
        return self.url(video, "thumbs", name) if there else None

    def card(self, video: Video) -> dict[str, Any]:
        """A video as it stands beside others: address, picture, size, what metadata tells."""
        found = stat_of(video.path)
        told: dict[str, Any] = {"url": f"/videos/{url_quoted(video.rel)}"}
        told |= {"picture": self.picture(video), "size": found.st_size, "mtime": found.st_mtime}
        metadata = attempt(self.document, video, "metadata")
        known = {} if isinstance(metadata, Failure) else summarize(metadata)
        return told | {k: v for k, v in known.items() if v is not None}

    def rename(self, directory: str, video: Video, to: str, dry_run: bool) -> dict[str, Any]:
        """Give a video another name below the folder, with all that is its own.

        Raises ParameterError for what is no name, ConflictError for one that is taken.
        """
        request = self.request(Rename, directory)
        folder = str(self.roots.folder(directory))
        self.roots.place(to, Path(folder))
        target = request.library().video(to)
        same = "is what it is called already" if target.rel == video.rel else ""
        if wrong := same or name_fault(video, target):
            raise ParameterError([("to", wrong)])
        pairs = [(video, target)]
        plan = RenamePlan(pairs)
        if not (dry_run or plan.errors):
            done = attempt(rename_videos, self.quiet(), request.library_paths(), pairs)
            if isinstance(done, Failure):
                raise ConflictError(done.reason)
            plan = done
            self.catalogue_pool.changed(video.path, target.path)
        if plan.errors:
            raise ConflictError(f"{printable(to)}: {plan.errors[0]['error']}")
        bases = (f"{folder}/", f"{request.artifacts_dir}/")
        moves = [[without_base(p, bases) for p in paths] for m in plan.moves for paths in m.files]
        told = {"video": video.rel, "to": to, "url": f"/videos/{url_quoted(to)}"}
        return told | {"dry_run": dry_run, "moves": moves}

    def duplicates(self, directory: str, given: Mapping[str, Any], job: Job) -> dict[str, Any]:
        """What `dupes` finds; `videos` has the card of each that is named."""
        request = self.request(Dupes, directory, **given)
        told = dict(request.run(job).data)
        names = {pair[side] for pair in told["pairs"] for side in ("a", "b")}
        names |= {name for group in told["groups"] for name in group["details"]}
        told["videos"] = {}
        for name in sorted(names):
            with contextlib.suppress(NotFoundError, OSError):  # gone since they were compared
                video = self.roots.video(request.directory, name, request.artifacts_dir)
                told["videos"][name] = self.card(video)
        return told

    def search(self, directory: str, text: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """The videos in whose subtitles some words are. Raises ParameterError for a wrong text."""
        request = self.request(SubtitleSearch, directory, text=text, **given)
        expression, library = search_expression(text), request.library()
        catalogue = self.catalogue_pool.catalogue(library)
        catalogue.fill(SUBTITLE_INDEX.name, self.catalogue_pool.job)
        told = request.search(catalogue, expression).as_json(request.lines)
        for row in told["results"]:
            row["url"] = f"/videos/{url_quoted(row['video'])}"
        return {"limit": request.limit} | told

    def faces(self, directory: str, video: Video) -> dict[str, Any]:
        """The people of a video, in the order of their first appearance.

        Raises NotFoundError where it was not looked at for faces, CorruptError.
        """
        record = self.document(video, "faces")
        pictures = self.files(video, "faces", ARTIFACTS["faces"].fixed(video))
        found = attempt(face_rows, record)
        if isinstance(found, Failure):
            raise CorruptError(
                f"{printable(video.rel)}: its signatures are corrupt: embed makes them"
            )
        request = self.request(People, directory)
        census = attempt(self.censuses.stored, request.library())
        known = census.by_signature() if isinstance(census, PeopleView) else {}
        for row in found:
            part, person = f"{row['signature']}.jpg", known.get(row["signature"])
            row["picture"] = self.url(video, "faces", part) if part in pictures else None
            row |= {"person": person and person.id, "label": person and person.label}
        return {"video": video.rel, "model": str(record.get("model", "")), "people": found}

    def listing(
        self,
        directory: str,
        offset: int,
        limit: int,
        hidden: bool,
        given: Mapping[str, Any],
        job: Job,
    ) -> dict[str, Any]:
        """A page of the people of a folder, those seen most often first.

        What `listing` stored is told; where it stored nothing yet, what it would.
        """
        request = self.request(ListPeople, directory, embed=False, **given)
        census = self.censuses.of(request, job)
        people = census.listed(request.recursive, hidden)
        told: dict[str, Any] = {"total": len(people), "offset": offset, "limit": limit}
        told |= checked(index_facts, census.index.data)
        rows = people[offset : offset + limit]
        return told | {"people": [checked(person_row, person) for person in rows]}

    def change_people(
        self, directory: str, recursive: bool, change: Mapping[str, Any], whose: int = 0
    ) -> dict[str, Any]:
        """Decide on people, as the options of People have it; where nothing is stored of them what
        `listing` would is stored first. `whose` is who has the face to move.

        Raises NotFoundError where there is no such person, UsageError for what makes no sense.
        """
        request = self.request(People, directory, recursive=recursive, **change)
        library = request.library()
        if not Path(people_dir(library), FaceIndex.NAME).exists():
            self.request(ListPeople, directory, recursive=recursive, embed=False).run(self.quiet())
        if whose and request.move[0] not in PeopleView.read(library).find(whose).signatures:
            raise NotFoundError(f"{request.move[0]}: #{whose} has no such face")
        told = dict(request.run(self.quiet()).data)
        census = self.censuses.stored(library)
        people = [census.people[p["id"]] for p in told["people"] if p["id"] in census.people]
        return told | {"people": [checked(person_row, person) for person in people]}

    def suggest(self, directory: str, prefix: str) -> dict[str, Any]:
        """How a word of a query, or a tag, may go on: the most frequent first."""
        request = self.request(ListVideos, directory, recursive=True)
        field, colon, rest = prefix.removeprefix("-").rpartition(":")
        wanted = fold(rest.removeprefix('"').strip())
        catalogue = self.catalogue_pool.catalogue(request.library())
        told: dict[str, Any] = {"tags": [], "performers": []}
        for kind in ("tag", "performer"):
            if field in ("", kind):
                told[f"{kind}s"] = catalogue.completions(kind, wanted, SUGGESTIONS)
        words = [f"{name}:" for name in QUERY_FIELDS] if not colon else []
        if field in ("has", "missing", "fresh", "stale"):
            words = [f"{field}:{kind}" for kind in ARTIFACTS]
        begin = f"{field}{colon}{wanted}"
        return told | {"words": [word for word in words if word.startswith(begin)]}

    def report(self, directory: str, recursive: bool, ext: str) -> dict[str, Any]:
        """How far a folder's artifacts are made."""
        request = self.request(Report, directory, recursive=recursive, ext=ext)
        return typing.cast("dict[str, Any]", request.run(self.quiet()).data)

    def quiet(self) -> Job:
        """A run that prints nothing."""
        return Job(JobProgress(lambda: None), self.board.limits)

    def tasks(self) -> list[dict[str, Any]]:
        """Every task that can run as a job, with the JSON schema of its parameters."""
        return [self.task(command) for command in dict.fromkeys(job_tasks().values())]

    @staticmethod
    def task(command: type[Command]) -> dict[str, Any]:
        names, schema = command_names(command), command.model().model_json_schema()
        wanted = job_parameters(command)
        schema["properties"] = {n: p for n, p in schema["properties"].items() if n in wanted}
        kind = command.artifact.kind if issubclass(command, VideoTask) else None
        told = {"task": names[0], "aliases": names[1:], "kind": kind}
        told |= {"summary": summary_line(command)}
        takes = [name for name in ("recursive", "force") if name in command.options()]
        return told | {"takes": takes, "params": schema}

    def config(self, directory: str) -> dict[str, Any]:
        """The effective defaults of every task in a folder, and the limits of this server."""
        config = Config.load(None, self.roots.folder(directory))
        defaults = {}
        for name, command in job_tasks().items():
            effective = {n: o.default for n, o in job_parameters(command).items()}
            given = {n: v for n, v in config.settings(command).items() if n in effective}
            defaults[name] = jsonable(effective | given)
        limits = {"page": PAGE_LIMIT, "jobs_queued": JOBS_QUEUED, "jobs_kept": JOBS_KEPT}
        told = {"version": __version__, "roots": self.roots.places, "kinds": list(ARTIFACTS)}
        return told | {"limits": limits, "tasks": defaults}

    def submit(
        self, task: str, directory: str, switches: Mapping[str, bool], params: Mapping[str, Any]
    ) -> tuple[SubmittedJob, bool]:
        """Queue a job; whether it is new."""
        command = job_command(task, directory, switches, params, self.roots)
        told = {"directory": directory, **switches, "params": jsonable(params)}
        return self.board.submit(task, command, told)


def jsonable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON has them."""
    return {n: str(v) if isinstance(v, Path) else v for n, v in values.items()}
