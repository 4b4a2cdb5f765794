"""What the API answers, free of HTTP: methods take what a request says and give plain data.

Most answers go the same way: a command of index.py is built for the folder of the request, which
confines it to the roots and applies the folder's configuration. Its options say which videos are
meant (`command.library()`), and the catalogue of that library or the command's own `run` gives the
data. Changes tell the catalogues which videos changed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from index import (
    Dupes,
    Finish,
    ListVideos,
    Rename,
    Report,
    Runner,
    Tags,
    __version__,
    catalogue_extensions,
)
from videolib.catalogue.pool import LONG_WAIT, CataloguePool
from videolib.catalogue.query import (
    ORDERS,
    QueryTerm,
    SqlClause,
    label_clause,
)
from videolib.core.documents import RawJson
from videolib.core.errors import (
    ConflictError,
    CorruptError,
    Failure,
    NotFoundError,
    OutsideError,
    ParameterError,
    VideoError,
    attempt,
    reason_of,
)
from videolib.core.text import printable
from videolib.organize.bulk_tagging import change_tags_in_bulk
from videolib.organize.rename import RenamePlan, name_fault, rename_videos
from videolib.organize.tagging import (
    TagImport,
    exported_tags,
    import_changes,
    import_scope,
    tag_counts,
    video_tags,
)
from videolib.storage.artifacts import ARTIFACTS, MARKERS_RECORD, PLAYBACK_RECORD
from videolib.storage.folders import LEADS_OUT
from videolib.storage.markers import read_markers, update_markers
from videolib.storage.playback import read_playback, update_playback
from videolib.storage.run_plan import RunPlan
from videolib.storage.tag_details import checked_details
from videolib.storage.tags import change_tags, clean_names, tags_path
from videolib.storage.user_records import user_record_path
from videoserver.commands import (
    CommandBuilder,
    job_command,
    job_tasks,
    jsonable,
    kind_details,
    model_names,
    task_defaults,
    task_json,
)
from videoserver.copies import CopyFinder
from videoserver.files import VideoFiles, video_url
from videoserver.finding import FindingService, check_query
from videoserver.hls.hls_service import HlsService
from videoserver.jobs import JOBS_KEPT, JOBS_QUEUED, JobBoard
from videoserver.people import PeopleService
from videoserver.settings import PAGE_LIMIT
from videoserver.stills import StillMaker
from videoserver.trash import TrashService
from videoserver.watching import root_watchers

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.core.runs import Job
    from videolib.organize.tagging import ImportedTags
    from videolib.storage.folders import Library
    from videolib.storage.markers import MarkerChange
    from videolib.storage.playback import PlaybackChange
    from videolib.storage.tags import TagChange, TagEditor
    from videolib.storage.videos import Video
    from videoserver.jobs import SubmittedJob
    from videoserver.settings import ServerSettings


class VideoFilter(NamedTuple):
    """Which videos of a folder a listing has, in which direction, and how much of each.

    `q`: a query. `tags` and `performers`: names that a video must have, all of them or, with
    `match_any`, one. `detail`: also artifacts, tags and performers. `direction`: None for what is
    natural for the sorted field. `seed` numbers the shuffle of the order `random`.
    """

    q: str = ""
    tags: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()
    match_any: bool = False
    detail: bool = False
    direction: Literal["asc", "desc"] | None = None
    seed: int = 0

    def order(self, sort: str) -> str:
        """The order for `Catalogue.cards`, see order_by."""
        natural = "desc" if "DESC" in ORDERS[sort] else "asc"
        order = f"{sort}:{self.seed}" if sort == "random" else sort
        return f"-{order}" if self.direction not in (None, natural) else order

    def clauses(self) -> list[SqlClause]:
        """The conditions of tags and performers, all of which must hold."""
        names = [("tag", name) for name in self.tags]
        names += [("performer", name) for name in self.performers]
        clauses = [label_clause(QueryTerm(False, kind, name, True)) for kind, name in names]
        if not self.match_any or not clauses:
            return clauses
        return [SqlClause.joined("OR", clauses)]


class Service:
    """The answers of a server about its folders, and the changes it makes.

    `directory` is a folder as a request names it: absolute, or from the first root. `options` are
    those of the command that answers; None and "" stand for the configured value. Every method
    raises OutsideError or NotFoundError for a folder outside the roots or that is not there, and
    UsageError for anything else that is wrong with a request; app.py turns its class into a status.
    """

    def __init__(self, settings: ServerSettings) -> None:
        self.settings, self.roots = settings, settings.roots
        self.board = JobBoard(self.roots.relative, self.roots.paths)
        self.catalogue_pool = CataloguePool(catalogue_extensions(), self.board.announce_library)
        self.commands = CommandBuilder(self.roots, self.catalogue_pool)
        self.files = VideoFiles(self.roots)
        self.watchers = root_watchers(settings, self.commands, self.board)
        self.copies = CopyFinder(self.commands, self.catalogue_pool, self.roots)
        self.people = PeopleService(self.commands, self.board, self.files)
        self.finding = FindingService(self.commands)
        self.stills = StillMaker(self.files, self.board)
        self.hls = HlsService(settings)
        self.trash = TrashService(self.commands, self.board, self.roots)

    def watch(self) -> None:
        """Begin to watch the roots, where the settings say so."""
        for watcher in self.watchers:
            watcher.start()

    def close(self) -> None:
        """Stop watching and the jobs, and close the catalogues."""
        for watcher in self.watchers:
            watcher.stop()
        self.hls.close()
        self.board.close()
        self.stills.close()
        self.catalogue_pool.close()

    def video(self, directory: str, name: str) -> Video:
        """The video that a request names. Raises NotFoundError or OutsideError."""
        folder = self.roots.folder(directory)
        artifacts_root = self.commands.build(ListVideos, directory).artifacts_dir
        return self.roots.video(folder, name, artifacts_root)

    def videos(
        self,
        directory: str,
        offset: int,
        limit: int,
        video_filter: VideoFilter,
        options: Mapping[str, Any],
    ) -> RawJson:
        """A page of a folder's videos: {total, offset, limit, complete, refreshing, left_out,
        videos}.

        Raises ParameterError for a wrong query.
        """
        library, catalogue, view, order = self._listing(directory, video_filter, options)
        refreshing = json.dumps(catalogue.refreshing)  # while its rows are older than that says
        total, cards = catalogue.cards(view, order, offset, limit, video_filter.detail)
        complete = json.dumps(catalogue.complete)
        left_out = json.dumps(catalogue.other_types(library))
        # The catalogue gives each video as JSON text, which is not parsed to be written again.
        head = f'"total": {total}, "offset": {offset}, "limit": {limit}, "complete": {complete}'
        head += f', "refreshing": {refreshing}, "left_out": {left_out}'
        return RawJson(f'{{{head}, "videos": [{", ".join(cards)}]}}')

    def _listing(
        self, directory: str, video_filter: VideoFilter, options: Mapping[str, Any]
    ) -> tuple[Library, Catalogue, SqlClause, str]:
        """The library and catalogue of a folder, with the view and the order of a listing of it.

        Raises ParameterError for a wrong query.
        """
        command = self.commands.build(ListVideos, directory, **options)
        library = command.library()
        check_query(video_filter.q)
        catalogue = self.catalogue_pool.catalogue(library, LONG_WAIT)
        view = catalogue.view(library, video_filter.q, video_filter.clauses())
        return library, catalogue, view, video_filter.order(command.sort)

    def neighbours(
        self, directory: str, video: Video, video_filter: VideoFilter, options: Mapping[str, Any]
    ) -> RawJson:
        """The videos beside one in a listing of a folder: {position, total, previous, next}.

        Raises ParameterError for a wrong query.
        """
        _, catalogue, view, order = self._listing(directory, video_filter, options)
        position, total, beside = catalogue.neighbours(view, order, video.rel)
        previous, following = (card or "null" for card in beside)
        place = f'"position": {json.dumps(position)}, "total": {total}'
        return RawJson(f'{{{place}, "previous": {previous}, "next": {following}}}')

    def tags(self, video: Video) -> dict[str, Any]:
        """The tags of a video, see TagRow. Raises CorruptError, OutsideError."""
        return self.edited_tags(video)

    def change_tags(self, video: Video, change: TagChange) -> dict[str, Any]:
        """Change the tags of a video on disk; gives them as `tags` does.

        Raises UsageError for bad names or details, CorruptError, OutsideError.
        """
        for names in (change.add, change.performers_add):
            clean_names(names)
        change = change._replace(details=checked_details(change.details))
        tags = self.edited_tags(video, change.apply)
        self.catalogue_pool.changed(video.path)
        return tags

    def change_tags_of_many(
        self, directory: str, changes: Iterable[tuple[Iterable[str], TagChange]]
    ) -> dict[str, Any]:
        """Change the tags of many videos of a folder on disk; gives {changed, undo, errors}.

        `changes`: names of videos, each once, with the change of those. Raises UsageError for bad
        names, ParameterError where a video is named twice, ConflictError.
        """
        command, folder = self.commands.build(Tags, directory), self.roots.folder(directory)
        pairs: dict[str, tuple[Video, TagChange]] = {}
        errors: list[dict[str, str]] = []
        for names, change in changes:
            clean_names([*change.add, *change.performers_add])
            for name in names:
                video = attempt(self.roots.video, folder, name, command.artifacts_dir)
                if isinstance(video, Failure):
                    errors.append({"video": name, "error": video.reason})
                    continue
                if name in pairs:
                    raise ParameterError([("changes", f"{printable(name)} stands there twice")])
                pairs[name] = video, change
        job = self.board.quiet_job()
        try:
            done = change_tags_in_bulk(command.library_paths(), list(pairs.values()), job)
        except VideoError as error:
            raise ConflictError(str(error)) from None
        self.catalogue_pool.changed(*(video.path for video, _ in done.undo))
        return done._replace(errors=[*errors, *done.errors]).as_json()

    def edited_tags(self, video: Video, edit: TagEditor | None = None) -> dict[str, Any]:
        """The tags of a video after an edit, if any. Raises CorruptError, OutsideError."""
        self.need_inside(tags_path(video))
        tags = video_tags(video, edit)
        if "error" in tags:
            raise CorruptError(tags["error"])
        return tags

    def need_inside(self, path: Path) -> None:
        """Raise OutsideError where a sidecar leads out of the roots."""
        if not self.roots.contains(path):
            raise OutsideError(f"{printable(path.name)}: {LEADS_OUT}")

    def playback(self, video: Video, change: PlaybackChange | None = None) -> dict[str, Any]:
        """How far a video was watched, after a change on disk where one is given: {video, position,
        progress, watched, played_at?, watched_at?}. Raises CorruptError, OutsideError."""
        self.need_inside(user_record_path(video, PLAYBACK_RECORD))
        if change:
            playback = attempt(update_playback, video, change)
            self.catalogue_pool.changed(video.path)
        else:
            playback = attempt(read_playback, video)
        if isinstance(playback, Failure):
            raise CorruptError(playback.reason)
        times = {k: v for k, v in playback.as_json().items() if k.endswith("_at")}
        facts = {"position": playback.position, "progress": playback.progress}
        return {"video": video.rel, **facts, "watched": bool(playback.watched_at), **times}

    def markers(self, video: Video, change: MarkerChange | None = None) -> dict[str, Any]:
        """The markers that a user set, after a change on disk where one is given: {video, markers:
        [{time, title}]}. Raises UsageError for a wrong one, CorruptError, OutsideError."""
        self.need_inside(user_record_path(video, MARKERS_RECORD))
        try:
            markers = update_markers(video, change) if change else read_markers(video)
        except (VideoError, OSError) as error:
            raise CorruptError(reason_of(error)) from None
        return {"video": video.rel, "markers": [marker._asdict() for marker in markers]}

    def export_tags(self, directory: str, recursive: bool) -> dict[str, Any]:
        """The tags of all videos that have any: {videos: [TagRow], errors}."""
        library = self.commands.build(Tags, directory, recursive=recursive, ext="*").library()
        catalogue = self.catalogue_pool.catalogue(library)
        return exported_tags(self.board.quiet_job(), catalogue, library)

    def import_tags(
        self, directory: str, entries: Sequence[ImportedTags], replace: bool, dry_run: bool
    ) -> dict[str, Any]:
        """Add tags and performers to many videos, or replace theirs; for all of them or for none.

        Gives {dry_run, mode, matched, changed, unknown, errors}; `unknown` are videos that are not
        there. Raises UsageError for a bad name, OutsideError for a video outside the roots,
        CorruptError where a tags file is corrupt or cannot be written.
        """
        command, job = self.commands.build(Tags, directory), self.board.quiet_job()
        library = import_scope(command.library())
        try:
            by_video = import_changes(library, entries, replace)
            catalogue = self.catalogue_pool.catalogue(library)
            plan = TagImport.plan(job, catalogue, by_video, replace)
            if not dry_run and plan.changes and not plan.errors:
                change_tags(command.library_paths(), plan.changes, job)
        except (VideoError, OSError) as error:
            raise CorruptError(reason_of(error)) from None
        if plan.errors:
            first = plan.errors[0]
            raise CorruptError(f"{printable(first['video'])}: {first['error']}")
        if not dry_run:
            self.catalogue_pool.changed(*(video.path for video, _ in plan.changes))
        return plan.as_json(dry_run)

    def tag_summary(self, directory: str, recursive: bool) -> dict[str, Any]:
        """How many videos have each tag and performer, the most frequent first: {tags: [{name,
        count}], performers: [...], errors}."""
        library = self.commands.build(Tags, directory, recursive=recursive, ext="*").library()
        catalogue = self.catalogue_pool.catalogue(library)
        return tag_counts(self.board.quiet_job(), catalogue, library)

    def rename(self, directory: str, video: Video, to: str, dry_run: bool) -> dict[str, Any]:
        """Rename a video with its sidecars and subtitles to `to`, a path from the folder.

        Gives {video, to, url, dry_run, moves: [[old, new]]}; with `dry_run` nothing is moved.
        Raises ParameterError for what is no name, OutsideError for one outside the roots,
        ConflictError for one that is taken.
        """
        command = self.commands.build(Rename, directory)
        folder = self.roots.folder(directory)
        self.roots.resolve(to, folder)
        target = command.library().video(to)
        same = "is what it is called already" if target.rel == video.rel else ""
        if fault := same or name_fault(video, target):
            raise ParameterError([("to", fault)])
        plan = self.apply_rename(command, video, target, dry_run)
        bases = (f"{folder}/", f"{command.artifacts_dir}/")
        moves = [[without_base(p, bases) for p in paths] for m in plan.moves for paths in m.files]
        names = {"video": video.rel, "to": to, "url": video_url(to)}
        return names | {"dry_run": dry_run, "moves": moves}

    def apply_rename(
        self, command: Rename, video: Video, target: Video, dry_run: bool
    ) -> RenamePlan:
        """Carry out the rename of one video, or only plan it. Raises ConflictError."""
        plan = RenamePlan([(video, target)])
        if not (dry_run or plan.errors):
            job, paths = self.board.quiet_job(), command.library_paths()
            applied = attempt(rename_videos, job, paths, [(video, target)])
            if isinstance(applied, Failure):
                raise ConflictError(applied.reason)
            self.catalogue_pool.changed(video.path, target.path)
            plan = applied
        if plan.errors:
            raise ConflictError(f"{printable(target.rel)}: {plan.errors[0]['error']}")
        return plan

    def duplicates(self, directory: str, options: Mapping[str, Any], job: Job) -> dict[str, Any]:
        """What the command `dupes` finds, and in `videos` the card of every video in that, by name.

        `job` is checked for cancellation. Raises CancelledError.
        """
        command = self.commands.build(Dupes, directory, **options)
        result = dict(command.answer(job).data)
        names = {pair[side] for pair in result["pairs"] for side in ("a", "b")}
        names |= {name for group in result["groups"] for name in group["details"]}
        cards = {}
        for name in sorted(names):
            with contextlib.suppress(NotFoundError, OSError):  # gone since they were compared
                video = self.roots.video(command.directory, name, command.artifacts_dir)
                cards[name] = self.files.card(video)
        return result | {"videos": cards}

    def report(self, directory: str, recursive: bool, ext: str) -> dict[str, Any]:
        """How far a folder's artifacts are made, as the command `report` gives it."""
        command = self.commands.build(Report, directory, recursive=recursive, ext=ext)
        return dict(command.answer(self.board.quiet_job()).data)

    def forecast(
        self, directory: str, tasks: Sequence[str], options: Mapping[str, Any], job: Job
    ) -> dict[str, Any]:
        """What the command `finish` would make in a folder, and how long that takes.

        `job` is checked for cancellation. Raises UsageError for unknown tasks, CancelledError.
        """
        command = self.commands.build(Finish, directory, tasks=tasks, **options)
        runner = Runner(job, command, command.planned(), command.caps())
        return RunPlan.of(runner.plan(), (runner.caps, runner.processes)).as_json()

    def tasks(self) -> list[dict[str, Any]]:
        """Every task that can run as a job, with the JSON schema of its parameters."""
        models = list(model_names(self.settings.models, Path(self.roots.paths[0])))
        return [task_json(command, models) for command in dict.fromkeys(job_tasks().values())]

    def config(self, directory: str) -> dict[str, Any]:
        """The effective defaults of every task in a folder, and the limits of this server."""
        folder = self.roots.folder(directory)
        models = list(model_names(self.settings.models, folder))
        kinds = kind_details()
        return {
            "version": __version__,
            "roots": self.roots.paths,
            "kinds": list(ARTIFACTS),
            "kind_details": kinds,
            "task_by_kind": {kind: kinds[kind]["task"] for kind in kinds if kinds[kind]["task"]},
            "kinds_on_request": [kind for kind in kinds if kinds[kind]["on_request"]],
            "limits": {"page": PAGE_LIMIT, "jobs_queued": JOBS_QUEUED, "jobs_kept": JOBS_KEPT},
            "tasks": task_defaults(folder, models),
        }

    def submit(
        self, task: str, directory: str, switches: Mapping[str, bool], params: Mapping[str, Any]
    ) -> tuple[SubmittedJob, bool]:
        """Queue a job; gives it, and whether it is new or one that waits already.

        `switches` are `recursive` and `force`, `params` the options of the task. Raises
        ParameterError for wrong ones, BusyError when too many jobs wait.
        """
        command = job_command(task, directory, switches, params, self.settings)
        request = {"directory": directory, **switches, "params": jsonable(params)}
        return self.board.submit(task, command, request)


def without_base(path: str, bases: Iterable[str]) -> str:
    """A path relative to the first of these folders that it is in; `bases` end in a slash."""
    return next((path[len(base) :] for base in bases if path.startswith(base)), path)
