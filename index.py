#!/usr/bin/env python3
"""Video library utility: keeps small, useful files beside every video of a folder.

    python index.py meta,thumbs,sprites ~/videos -r --workers 2

This file is the command line. The algorithms are in the library `videolib`, which takes plain
values and knows neither options nor commands; index.py turns options into its calls and answers
into Results. `api.py` and `videoserver` serve the same commands over HTTP and import this file.

How a run goes: `main` turns the command line into Commands. Those that make one artifact per video
(VideoTask) are handed to one Runner, which walks the folder, leaves out what is fresh and sends
each remaining video, with all the tasks that want it, to a worker process. There `perform` opens
the video once, decodes each requested frame once for all tasks that requested it, checks that the
video did not change meanwhile, and publishes the artifacts by rename. Each task of each video comes
back as an Outcome, and the Runner sums these up in a Result.

The sections from the top (`grep '^# ==='` lists them):

    ffprobe and ffmpeg       metadata of a video, by ffprobe or by PyAV
    Parameters               Command: options declared once, checked by a model derived from them
    One video in a worker    `perform`: all artifacts of one video from one opening
    Runner                   planning, worker threads and the report of a run
    Commands: ...            their base classes, a class for each command, the table COMMANDS
    Configuration            videorc.json
    Command line             argparse, the order of a chain, printing, `main`

Importing code may rely on: probe_metadata, COMMANDS (name -> class), `build` (a command from values
and a Context), a command's options(), model() and run(job) -> Result, and main(argv) -> exit code.
Importing reads and writes no file and starts nothing; only `main` prints results, only a Job's
Console prints progress and messages. Rooms of `videolib` that few commands need are imported in the
functions that use them: `--help` and `list` start without numpy, OpenCV and PyAV.
"""

from __future__ import annotations

import sys

# Pythons before 3.8 cannot read `:=`, and show the line at which they stopped, with its comment.
if (python := sys.version_info) < (3, 11):  # needs Python 3.11 or later: run sh setup.sh
    from videolib.core.old_python import explain

    sys.exit(explain(python, sys.argv[1:], __doc__))

if __name__ == "__main__":
    # Until `main` handles it, Ctrl-C ends the program like any other: with no traceback of imports.
    try:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)
    except KeyboardInterrupt:
        sys.exit(130)

import argparse
import contextlib
import errno
import functools
import itertools
import json
import os
import re
import shutil
import signal
import time
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, TypeVar

from videolib import __version__
from videolib.core.command_line import (
    HelpFormatter,
    Parser,
    add_general_flags,
    add_option,
    asks_for_json,
    join_values,
    split_line,
)
from videolib.core.configuration import read_configuration
from videolib.core.console import Console, Level, painted, write_result
from videolib.core.documents import JsonRows, json_bytes
from videolib.core.errors import (
    UNCOMMON_CODEC,
    BrokenVideoError,
    CancelledError,
    CorruptError,
    Failure,
    OutsideError,
    UsageError,
    VideoError,
    attempt,
    os_error_message,
    reason_of,
    unreadable_video,
)
from videolib.core.files import (
    need_creatable,
    need_folder,
    reading,
    remove,
    stat_if_any,
    write_output,
)
from videolib.core.manual import SHARED_SECTIONS, examples_text, heading
from videolib.core.options import (
    BitRate,
    CodecNames,
    Extensions,
    FieldNames,
    Folder,
    ForeignTags,
    FormatNames,
    HourSpan,
    Names,
    Option,
    Origins,
    Percentage,
    PersonName,
    PersonNumbers,
    PixelList,
    Pixels,
    Position,
    ProfileNames,
    Seconds,
    SignatureMove,
    TagNames,
    TagPair,
    TaskNames,
    ThumbnailPosition,
    Tolerance,
    VideoNames,
    VideoOrder,
    VideoPair,
    is_plain_choice,
    names_path,
    option,
)
from videolib.core.parameters import Parameters
from videolib.core.pools import LocalPool, PoolSettings, Unit, expected_access, work_through
from videolib.core.processes import cores, find_tool, need_tool, run_tool
from videolib.core.program import DISTRIBUTION, program_name
from videolib.core.progress import ProgressReport, parent_link
from videolib.core.restraint import HOURS_PATTERN, Hours, lower_priority
from videolib.core.runs import (
    FAULTY,
    STORED,
    Exit,
    Job,
    Result,
    Status,
    WorkQueue,
    in_one,
    report_line,
    task_report,
)
from videolib.core.text import (
    NAMES_HELP,
    did_you_mean,
    plural,
    printable,
    split_names,
    wrapped,
)
from videolib.core.workers import WORKER_MEMORY
from videolib.media.choices import (
    PHASH_SCHEMA,
    POSITION_PATTERN,
    WIDEST_TILE,
    HashAlgorithm,
    HashCombination,
    HeatmapMode,
    ListingFormat,
    SceneDetector,
    Seek,
)
from videolib.media.targets import (
    BIT_RATE,
    SAVING,
    AudioCodec,
    Hardware,
    HdrPolicy,
    Preset,
    TranscodeTarget,
    VideoCodec,
    parse_bit_rate,
    parse_saving,
)
from videolib.storage.artifacts import ARTIFACTS, EXPORT_RECORD, TRANSCODE_RECORD, Artifact
from videolib.storage.failures import known_failure, record_failure
from videolib.storage.faults import faults_of, is_quick_record
from videolib.storage.folders import LEADS_OUT, Library, Roots, need_output
from videolib.storage.left_out import with_left_out
from videolib.storage.named_videos import NamedVideos
from videolib.storage.names import JOURNALS, SIDECARS, State
from videolib.storage.outcomes import Outcome, broken_note
from videolib.storage.parameters import differing_parameters, note_of, other_parameter_lines
from videolib.storage.publishing import ArtifactOutput, Provenance, publish, record_source
from videolib.storage.run_plan import RunPlan, announce, declined
from videolib.storage.sidecars import SidecarDir, ffprobe_disabled, remove_abandoned
from videolib.storage.tag_details import DETAILS, checked_details
from videolib.storage.timings import Timings, Work
from videolib.storage.video_types import foreign_types, need_no_file_names, parse_extensions
from videolib.storage.videos import Video, decoding_limit

if TYPE_CHECKING:
    from videolib.catalogue.catalogue import Catalogue
    from videolib.catalogue.pool import CataloguePool
    from videolib.catalogue.records import VideoRow
    from videolib.catalogue.store import CatalogueExtension
    from videolib.core.cluster.connection import ClusterSettings
    from videolib.core.pools import Pool
    from videolib.exports.formats import Format, FrameFormat, SidecarFormat
    from videolib.exports.lists import ListExport
    from videolib.exports.publishing import ExportRequest
    from videolib.exports.sources import VideoSource
    from videolib.faces.extraction import FaceExtractor, FaceSettings
    from videolib.faces.listing import ListingSettings
    from videolib.faces.signatures import SignatureScan
    from videolib.media.encoders import Encoder
    from videolib.media.hashing import PerceptualHash
    from videolib.media.heatmaps import Heatmap
    from videolib.media.quality import ComparedFiles
    from videolib.media.reader import Media
    from videolib.media.sampling import FrameMaker
    from videolib.media.sprites import SpriteSheets
    from videolib.media.thumbs import Thumbnail
    from videolib.media.transcode import TranscodeRequest
    from videolib.media.transcode_outputs import OutputFolder
    from videolib.organize.rename import RenameOutcome
    from videolib.organize.tag_sources import TagSource
    from videolib.organize.watch_session import MadeBatch, WatchSession
    from videolib.speech.recognizers import TranscriptionOptions
    from videolib.speech.search import SearchResult
    from videolib.speech.transcription import RecognizerSettings
    from videolib.storage.artifacts import SubtitleArtifact
    from videolib.storage.recovery import UndoResult
    from videolib.storage.steps import LibraryPaths
    from videolib.storage.tags import TagEditor

# Names of the library that importing code may rely on here, beside the commands and `main`.
__all__ = ["ARTIFACTS", "Exit", "Job", "Outcome", "Result", "Status", "WorkQueue", "option"]
__all__ += ["__version__", "find_tool", "need_tool", "run_tool"]

# === ffprobe and ffmpeg ===========================================================================


def probe_metadata(media: Media, ffprobe: str | None, stub: bool = False) -> dict[str, Any]:
    """The metadata to store of a video: read by the ffprobe at that path, or in this process.

    `stub`: only name and size, for where nothing may be probed. Raises VideoError where the video
    has no streams.
    """
    from videolib.media.metadata import add_to_ffprobe, probe_with_pyav

    if stub:
        container = {"filename": media.video.name, "size": str(media.stat.st_size)}
        return {"stub": True, "prober": "none", "format": container, "streams": []}
    metadata = probe_with_ffprobe(ffprobe, media) if ffprobe else probe_with_pyav(media)
    if not metadata.get("streams"):
        raise BrokenVideoError("has no streams: it is truncated or damaged")
    if ffprobe:
        add_to_ffprobe(media, metadata)
    metadata["format"]["filename"] = media.video.name
    return metadata


def probe_with_ffprobe(ffprobe: str, media: Media) -> dict[str, Any]:
    """ffprobe's own JSON: format, streams and chapters. Raises VideoError.

    ffprobe refuses a file for any codec off the list. Where that is not the film's, it is read in
    this process.
    """
    from videolib.media.metadata import probe_with_pyav

    show = ["-show_format", "-show_streams", "-show_chapters", "-print_format", "json"]
    argv = [ffprobe, "-v", "error", *media.input_flags, *show, media.url]
    output = attempt(run_tool, argv, timeout=60, pass_fds=[media.descriptor])
    if isinstance(output, Failure):
        refused = UNCOMMON_CODEC in output.reason
        if refused and not isinstance(attempt(lambda: media.stream), Failure):
            return probe_with_pyav(media)
        _, invalid, rest = output.reason.partition("Invalid data found")
        if invalid:
            raise BrokenVideoError(unreadable_video(invalid + rest))
        raise VideoError(output.reason)
    try:
        return {"prober": "ffprobe", **json.loads(output)}
    except (ValueError, TypeError):
        raise VideoError(f"{ffprobe} does not answer in JSON: is it ffprobe?") from None


# === Parameters ===================================================================================


class Context(NamedTuple):
    """What a request is carried out in: the configuration that completes other commands which it
    needs, the videos of the folder that the command line names, and where a server makes it, the
    roots that confine it and the catalogues that are open.
    """

    config: Config | None = None
    roots: Roots | None = None
    catalogue_pool: CataloguePool | None = None
    videos: frozenset[str] = frozenset()


class Command(Parameters):
    """A request: its docstring is the help, its options are the parameters, `run` does the work."""

    typed_name: str = ""  # the name or alias that it was asked for by
    not_recorded: ClassVar[tuple[str, ...]] = ()  # options that do not shape what is made
    optional: ClassVar[tuple[str, ...]] = ()  # options of further files, which `extras` names
    libraries: Sequence[Library] = ()  # that the request walked
    takes_files: ClassVar[bool] = False  # whether single videos may stand for the folder
    stays: ClassVar[bool] = False  # whether it runs until it is stopped

    def __init__(self, **values: Any) -> None:
        self.said = frozenset(values)  # what was said, by flag, configuration or who builds it
        super().__init__(**values)
        self.context = Context()

    def run(self, job: Job) -> Result:
        """Do the work and say what came of it."""
        raise NotImplementedError

    def answer(self, job: Job) -> Result:
        """`run`, and what the walk left out."""
        return with_left_out(self.run(job), self.libraries, job)

    def need_videos(self, named: NamedVideos) -> None:
        """Raise UsageError where the command line names what can be no video of this request."""
        named.check(frozenset(), "" if self.takes_files else command_names(type(self))[0])

    def parts(self) -> list[Command]:
        """What is done one after the other where it stands in a chain."""
        return [self]

    @classmethod
    def arrange(cls, values: dict[str, Any]) -> None:
        """Correct parsed values whose meaning depends on how many words were on the line."""

    def params(self) -> dict[str, Any]:
        """The effective parameters as they stand in an artifact: those that shape its content."""
        skip = {*RunCommand.options(), *self.not_recorded}
        return {n: getattr(self, o.attribute) for n, o in self.options().items() if n not in skip}


# === One video in a worker ========================================================================


PERFORM_IMPORTS = ("index", "videolib.media.reader", "videolib.media.sampling")


def perform(video: Video, tasks: Sequence[VideoTask]) -> list[Outcome]:
    """Make all the artifacts that `tasks` want of one video, opening it once. Runs in a worker."""
    parent_link.work_on(video.rel, tasks[0].worker_group)
    before = stat_if_any(video.path)
    results = attempt(make_and_publish, video, tasks)
    if isinstance(results, Failure):
        results = [results for _ in tasks]
    outcomes = []
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, Failure) and result.broken and before:
            with contextlib.suppress(OSError):  # in a folder that is read-only
                task.remember(video, before, result.reason)
        outcomes.append(failed(task, result) if isinstance(result, Failure) else result)
    return outcomes


def make_and_publish(video: Video, tasks: Sequence[VideoTask]) -> list[Outcome | Failure]:
    """What came of the tasks. Raises VideoError where the video changed meanwhile."""
    from videolib.media.reader import Media

    with Media(video, tasks[0].allow_codecs) as media:
        outputs = make_all(media, tasks)
        try:
            if change := media.source_change():
                raise VideoError(change)
            return [settle(t, media, output) for t, output in zip(tasks, outputs, strict=True)]
        finally:
            for output in outputs:
                if isinstance(output, ArtifactOutput) and output.product:
                    remove(output.product.scratch)


def make_all(media: Media, tasks: Sequence[VideoTask]) -> list[ArtifactOutput | Failure]:
    """What the tasks made, in their order; those that sample frames share one pass."""
    from videolib.media.sampling import make_from_frames

    sampling = [task for task in tasks if isinstance(task, FrameTask)]
    others = [task for task in tasks if not isinstance(task, FrameTask)]
    media.progress.begin(bool(sampling) + len(others))
    outputs: dict[int, ArtifactOutput | Failure] = {}
    if sampling:
        makers = [attempt(task.maker, media) for task in sampling]
        outputs = dict(zip(map(id, sampling), make_from_frames(media, makers), strict=True))
        media.progress.finish_part()
    for task in others:
        outputs[id(task)] = attempt(task.make, media)
        media.progress.finish_part()
    return [outputs[id(task)] for task in tasks]


def settle(task: VideoTask, media: Media, output: ArtifactOutput | Failure) -> Outcome | Failure:
    """Publish what a task made, and say what came of it."""
    if isinstance(output, Failure):
        return output
    warning = attempt(task.store, media, output) if output.status in STORED else ""
    if isinstance(warning, Failure):
        return warning
    note = "; ".join(filter(None, (output.note, warning)))
    return Outcome(task.artifact.kind, output.status, note=note, facts=output.facts)


def failed(task: VideoTask, failure: Failure) -> Outcome:
    """The outcome of a task that could not make its artifact."""
    facts = {"lacking": True} if failure.lacking else {}
    return Outcome(task.artifact.kind, Status.FAILED, failure.reason, facts=facts)


# === Runner =======================================================================================


class WorkItem(NamedTuple):
    """What is scheduled: one video with the tasks that one worker does on it in one go."""

    video: Video
    tasks: tuple[VideoTask, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(task.artifact.kind for task in self.tasks)

    @property
    def walled(self) -> bool:
        return all(task.walled for task in self.tasks)

    @property
    def work(self) -> Work:
        """The kinds and the video's size, by which it is expected how long it takes."""
        status = stat_if_any(self.video.path)
        return Work(self.kinds, status.st_size if status else 0)

    def without(self, tasks: Sequence[VideoTask]) -> WorkItem:
        return self._replace(tasks=tuple(task for task in self.tasks if task not in tasks))


def catalogue_extensions() -> list[CatalogueExtension]:
    """The tables that commands keep in a catalogue; their schemas are part of its file's name, so
    whoever opens one hands it all of them."""
    from videolib.speech.passages import SUBTITLE_INDEX

    return [SUBTITLE_INDEX]


def open_catalogue(library: Library) -> Catalogue:
    """The catalogue of a library, with the tables that commands keep in it."""
    from videolib.catalogue.catalogue import Catalogue

    return Catalogue(library, catalogue_extensions())


class Runner:
    """Finds videos, leaves out what is fresh, runs the rest in workers, and gathers the outcomes.

    One task or several, for one command, a chain, `batch` or `finish`: this is the only way any
    video task runs. Threads take items from the queue and wait for the workers.
    """

    def __init__(
        self, job: Job, request: RunCommand, tasks: Sequence[VideoTask], caps: Mapping[str, int]
    ) -> None:
        self.job, self.request, self.tasks = job, request, tasks
        self.library = request.library()
        # What the user named is tried whatever is known of it.
        self.tries_broken = request.retry or request.force or bool(self.library.only)
        self.asked = caps
        # A batch says it for all its tasks, of which some take their time one by one.
        sizing = tasks if request in tasks else [request]
        self.processes = max(task.workers or cores() for task in sizing)
        # Asked for by itself, some tasks look again at what is fresh.
        self.rechecks = request in tasks and len(tasks) == 1
        self.caps = {
            t.artifact.kind: caps.get(t.artifact.kind) or t.workers or self.processes for t in tasks
        }
        self.titles = {task.artifact.kind: task.title for task in tasks}
        self.outcomes: dict[str, dict[str, Outcome]] = {task.artifact.kind: {} for task in tasks}
        self.videos: dict[str, Video] = {}
        self.lacking: dict[str, Failure] = {}  # by kind, why no video can have it in this run
        # How much of an item is done, 0 to 1, where its worker reports it; by video and group.
        self.shares_done: dict[tuple[str, str], float] = {}
        self.parts = Counter[str]()  # items of each video
        # Folders in which a worker was stopped while it may have been writing.
        self.interrupted = set[str]()
        self.lost = ""  # why no more can be done, where that is
        self.timings = Timings({})
        # By kind, with which parameters, other than these, what is skipped was made.
        self.differences: dict[str, Counter[str]] = {kind: Counter() for kind in self.outcomes}

    MOST_FILES: ClassVar = 2000  # that a worker is admitted to one by one: each costs 10 us

    def run(self, items: list[WorkItem] | None = None) -> Result:
        """Run what was planned, or plan and run everything, and sum it up."""
        started, self.timings = time.monotonic(), Timings.load()
        items = self.plan() if items is None else items
        if self.request.dry_run:
            items = [item for item in items if all(task.plans_itself for task in item.tasks)]
        pool = self._pool(items)
        queue = WorkQueue(items, self.caps, pool.width, self.job.limits)
        self.parts = Counter(item.video.rel for item in items)
        try:
            with self.job.console.progress(len(self.parts)):
                work_through(queue, pool, len(items), self.caps, self._work)
        finally:
            pool.close()
            self.timings.save()
            for folder in self.interrupted:
                remove_abandoned(folder)
        self.lost = pool.failure
        if self.lost:
            self.job.console.say(self.lost)
        for item in items:
            for kind in item.kinds:
                self.outcomes[kind].setdefault(item.video.rel, Outcome(kind, Status.CANCELLED))
        self._update_catalogue()
        return self._result(time.monotonic() - started)

    def _pool(self, items: Sequence[WorkItem]) -> Pool:
        """Where the items are done; its processes start when they are called."""
        imports = {*PERFORM_IMPORTS, *(module for task in self.tasks for module in task.imports)}
        needs = [(task.walled, task.memory) for task in self.tasks]
        models = {t.artifact.kind: files for t in self.tasks if (files := t.model_files)}
        settings = PoolSettings(min(self.processes, len(items)), frozenset(imports), needs, models)
        cluster = self.request.cluster_settings() if items else None
        by_folder = bool(cluster) or len(items) > self.MOST_FILES
        expected = expected_access(map(self._unit, items), by_folder)
        if not cluster:
            return LocalPool(settings, self._show_progress, expected, by_folder)
        from videolib.core.cluster.pool import ClusterPool

        self.caps, limits, most = self._cluster_caps()
        settings, show = settings._replace(processes=most), self._show_progress
        videos = [item.video.path for item in items]
        return ClusterPool(self.job, cluster, settings, show, expected, videos, limits)

    def _cluster_caps(self) -> tuple[dict[str, int], dict[str, int], int]:
        """Caps by kind: what was asked for, which a whole cluster keeps, and the defaults, which
        each machine keeps; and how many items at a time were asked for."""
        said = {*self.request.said, *(name for task in self.tasks for name in task.said)}
        caps, limits = dict[str, int](), dict[str, int]()
        for task in self.tasks:
            kind = task.artifact.kind
            name = cap_name(type(task)) if kind in self.asked else "workers"
            cap = self.asked.get(kind) or task.workers or self.request.workers or 0
            if cap and name in said:
                caps[kind] = cap
            elif cap == 1 or kind in self.asked:  # else its slots say what a machine may do
                limits[kind] = cap
        return caps, limits, self.processes if "workers" in said else sys.maxsize

    def _unit(self, item: WorkItem) -> Unit[Outcome]:
        """An item as a pool takes it."""
        video, tasks = item
        timeouts = [task.time_limit(video) for task in tasks]
        timeout = 0.0 if 0.0 in timeouts else max(timeouts)
        reads = frozenset().union(*(task.reads(video) for task in tasks))
        writes = frozenset().union(*(task.folders(video) for task in tasks))
        if self.request.dry_run:
            reads, writes = reads | writes, frozenset()
        tells_paths = any(task.tells_paths for task in tasks)
        places = (video.path, item.kinds, reads, writes)
        return Unit(perform, item, timeout, *places, item.walled, tells_paths)

    def _show_progress(self, report: ProgressReport) -> None:
        """Show how far a worker is with its video, as it reports itself."""
        rel, worker_group, share = report.video, report.worker_group, report.share
        if rel not in self.parts:
            return
        progress = (share - self.shares_done.get((rel, worker_group), 0.0)) / self.parts[rel]
        self.job.console.step(rel, progress, report.note)
        self.shares_done[rel, worker_group] = share

    def plan(self) -> list[WorkItem]:
        """What is to be done, video by video; what is fresh is recorded as skipped."""
        items: list[WorkItem] = []
        sidecars = SidecarDir("")
        for video in self.library.videos():
            self.job.check()
            if video.sidecar_dir != sidecars.sidecar_dir:
                for folder in {f for task in self.tasks for f in task.folders(video)}:
                    remove_abandoned(folder)
                sidecars = SidecarDir(video.sidecar_dir)
            self.videos[video.rel] = video
            missing = [task for task in self.tasks if self._is_due(task, video, sidecars)]
            missing.sort(key=lambda task: task.worker_group)
            worker_groups = itertools.groupby(missing, lambda task: task.worker_group)
            items += [WorkItem(video, tuple(tasks)) for _, tasks in worker_groups]
        for name, reason in self.library.problems:
            self.fail([task.artifact.kind for task in self.tasks], name, reason)
        return items

    def _is_due(self, task: VideoTask, video: Video, sidecars: SidecarDir) -> bool:
        """Whether a task is to be done on a video. Where not, and in a dry run, its outcome is
        recorded here."""
        kind = task.artifact.kind
        try:
            state = task.state(video, sidecars)
        except OSError:
            state = State.MISSING  # the video cannot be looked at: opening it will say why
        again = self.request.force or (task.rechecks and self.rechecks)
        skips = state is State.FRESH and not again
        differences = task.differences(video, sidecars) if skips else ""
        if skips and not (self.request.changed and differences):
            self.differences[kind].update([differences] if differences else [])
            if not self.request.dry_run:
                with contextlib.suppress(OSError):  # in a folder that is read-only by now
                    record_source(task.artifact, video, sidecars)
            skipped = task.expected(Status.SKIPPED, video, sidecars, note_of(differences))
            self._note(skipped, video.rel)
            if skipped.status in FAULTY:
                self._say([kind], video.rel, skipped.note)
            return False
        if not self.tries_broken and (reason := task.known_failure(video, sidecars)):
            self._note(Outcome(kind, Status.BROKEN, reason), video.rel)
            return False
        if outcome := task.refusal(video, sidecars):
            self._note(outcome, video.rel)
            if outcome.status is Status.FAILED:
                self._say([kind], video.rel, outcome.error)
            return False
        if self.request.dry_run and not task.plans_itself:
            note = note_of(differences) or ("again" if state is State.FRESH else str(state))
            self.outcomes[kind][video.rel] = task.expected(Status.PLANNED, video, sidecars, note)
        return True

    def _note_missing(self, outcome: Outcome) -> None:
        """Report a missing dependency once: the other videos will fail for the same reason."""
        if outcome.kind not in self.lacking:
            self.lacking[outcome.kind] = Failure(outcome.error, lacking=True)
            self._say([outcome.kind], outcome.error)

    def fail(self, kinds: Sequence[str], name: str, reason: str) -> None:
        for kind in kinds:
            self._note(Outcome(kind, Status.FAILED, reason), name)
        self.videos.setdefault(name, Video(name, name, ""))
        self._say(kinds, name, reason)

    def _note(self, outcome: Outcome, rel: str, seconds: float | None = None) -> None:
        """Keep and log what became of a video; `seconds`: how long it took a worker."""
        kind, status, error, note, _ = outcome
        self.outcomes[kind][rel] = outcome
        level = Level.ERROR if status in FAULTY else Level.INFO
        self.job.console.note_outcome(rel, kind, str(status), seconds, error or note, level)

    def _say(self, kinds: Iterable[str], *remarks: str, level: Level = Level.ERROR) -> None:
        titles = ", ".join(self.titles[kind] for kind in kinds)
        self.job.console.say(": ".join([titles, *map(printable, remarks)]), level)

    def may_begin(self) -> bool:
        """Whether another item may be begun; those that are not count as cancelled."""
        return True

    def _work(self, queue: WorkQueue[WorkItem], pool: Pool) -> None:
        """One thread: take an item, have it done, record it, until nothing is left."""
        while self.may_begin() and not pool.failure and (item := queue.take(self.job)):
            try:
                started = time.monotonic()
                outcomes = self._run_item(item, pool)
                self._record(item, outcomes, time.monotonic() - started)
            finally:
                queue.done(item)

    def _run_item(self, item: WorkItem, pool: Pool) -> list[Outcome]:
        """Have a worker do an item, but for kinds that are known to lack what they need."""
        self.job.console.step(item.video.rel, 0)
        lacking = [task for task in item.tasks if task.artifact.kind in self.lacking]
        tasks = [task for task in item.tasks if task not in lacking]
        outcomes = [failed(task, self.lacking[task.artifact.kind]) for task in lacking]
        if not tasks:
            return outcomes
        unit = self._unit(item._replace(tasks=tuple(tasks)))
        try:
            results = pool.call(self.job, unit)
        except CancelledError:
            self.interrupted |= unit.writes
            return [*outcomes, *(Outcome(task.artifact.kind, Status.CANCELLED) for task in tasks)]
        if isinstance(results, Failure):
            self.interrupted |= unit.writes
            return [*outcomes, *(failed(task, results) for task in tasks)]
        return [*outcomes, *results]

    def _record(self, item: WorkItem, outcomes: Iterable[Outcome], seconds: float) -> None:
        """Keep and report what came of an item; the same remark on several kinds once."""
        rel, outcomes = item.video.rel, list(outcomes)
        is_here = self.request.cluster_settings() is None
        if is_here and all(outcome.status in STORED for outcome in outcomes):
            self.timings.note(item.work, seconds)
        kinds_by_remark: dict[tuple[str, Level], list[str]] = {}
        for outcome in outcomes:
            self._note(outcome, rel, seconds)
            if outcome.facts.get("lacking"):
                self._note_missing(outcome)
            elif remark := outcome.error if outcome.status is Status.FAILED else outcome.note:
                level = Level.ERROR if outcome.status in FAULTY else Level.WARNING
                kinds_by_remark.setdefault((remark, level), []).append(outcome.kind)
        for (remark, level), kinds in kinds_by_remark.items():
            self._say(kinds, rel, remark, level=level)
        rest = 1 - self.shares_done.pop((rel, item.tasks[0].worker_group), 0.0)
        self.job.console.step(rel, rest / self.parts[rel])

    def _update_catalogue(self) -> None:
        """Enter new metadata into the catalogue before anyone asks for a listing."""
        metadata = self.outcomes.get("metadata", {})
        new = [self.videos[rel] for rel, o in metadata.items() if o.status is Status.MADE]
        if new:
            catalogue = open_catalogue(self.library)
            catalogue.update(new)
            catalogue.close()

    def _result(self, seconds: float) -> Result:
        if not self.videos and not self.job.cancelled.is_set():
            self.job.console.say(self.library.nothing_found, Level.WARNING)
        for line in other_parameter_lines(self.differences):
            self.job.console.say(line, Level.WARNING)
        reports = [self._report(task) for task in self.tasks]
        faults = (report["counts"].get(s) for report in reports for s in FAULTY)
        code = Exit.of(self.lost or any(faults))
        if self.job.cancelled.is_set():
            code = self.job.exit_code
        rows = zip(self.tasks, reports, strict=True)
        text = "\n".join(report_line(task.title, report) for task, report in rows)
        summary = f"{plural(len(self.videos), 'video')} in {seconds:.1f} s"
        summary += broken_note(self.outcomes.values())
        alone = len(reports) == 1 and not isinstance(self.request, Batch)
        data = reports[0] if alone else {"tasks": reports}
        return Result(data, f"{text}\n{summary}", code)

    def _report(self, task: VideoTask) -> dict[str, Any]:
        outcomes = self.outcomes[task.artifact.kind]
        rows = [(v, outcomes[rel]) for rel, v in self.videos.items() if rel in outcomes]
        return task_report(task.head(), [outcome.as_json(video) for video, outcome in rows])


# === Commands: bases ==============================================================================

CommandType = TypeVar("CommandType", bound="Command")
QUERY_HELP = (
    "only videos that match all terms, such as tag:night -codec:hevc duration:>10m size:<1GB"
    ' missing:subtitles added:<7d performer:"Jane Doe" beach; see docs/queries.md'
)


TLS_HELP = "certificates for tls://, made as docs/cluster.md shows"


class LibraryCommand(Command):
    """A command about the videos of one folder."""

    takes_files = True
    folder_options: ClassVar[tuple[str, ...]] = ()  # those that are about all of a folder

    directory: Path = option(
        Path(),
        "the folder of videos, or some of its videos",
        metavar="DIR|VIDEO...",
        positional=True,
    )
    recursive: bool = option(False, "also the videos in the folders below", short="-r")
    ext: Extensions = option((".mp4",), "file extensions, or all for every video type")
    artifacts_dir: Folder | None = option(
        None, "keep all artifacts below this folder, in the same subfolders as the videos"
    )
    output_format: Literal["text", "json"] = option("text", "how to print the result")

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.libraries: list[Library] = []

    def library(self) -> Library:
        """The folder to walk. Raises UsageError where there is none."""
        need_folder(self.directory)
        if self.artifacts_dir:
            need_creatable("--artifacts-dir", self.artifacts_dir)
        recursive = self.recursive or any("/" in name for name in self.context.videos)
        extensions = self.extensions()
        library = Library(
            self.directory, recursive, extensions, self.artifacts_dir, self.context.roots
        )
        library.only = self.context.videos or None
        self.libraries.append(library)
        return library

    def extensions(self) -> frozenset[str]:
        """The suffixes of the videos that are meant. Raises UsageError for what can be none."""
        return parse_extensions(self.ext) | {Path(v).suffix.lower() for v in self.context.videos}

    def need_videos(self, named: NamedVideos) -> None:
        chosen = (o for o in self.options().values() if getattr(self, o.attribute))
        flags = [o.flag for o in chosen if o.attribute in self.folder_options]
        folder_only = " ".join([command_names(type(self))[0], *flags])
        whole = bool(flags) or not self.takes_files
        named.check(parse_extensions(self.ext), folder_only if whole else "")

    def __getstate__(self) -> dict[str, Any]:
        """What a worker gets: it needs nothing of what was walked."""
        return vars(self) | {"libraries": []}

    def companion(self, kind: type[CommandType], **values: Any) -> CommandType:
        """Another command on the same folder: these values before the configured ones."""
        shared = {name: getattr(self, name) for name in LibraryCommand.options()}
        command = kind(**(self.context.config or Config()).settings(kind) | shared | values)
        command.context = self.context
        return command

    def say_problems(self, job: Job, problems: Iterable[tuple[str, str]]) -> None:
        """Say what could not be read, each with its name and the reason."""
        for name, reason in problems:
            job.console.say(
                f"{command_names(type(self))[0]}: {printable(name)}: {printable(reason)}"
            )

    @contextlib.contextmanager
    def catalogue(self, library: Library) -> Iterator[Catalogue]:
        """The catalogue of a folder; `prepare` or `browse` brings it up to date."""
        if self.context.catalogue_pool:
            yield self.context.catalogue_pool.catalogue(library)
            return
        catalogue = open_catalogue(library)
        try:
            yield catalogue
        finally:
            catalogue.close()

    def library_paths(self, root: Path | None = None) -> LibraryPaths:
        """The folders that a journal of this folder, or of another, may change.

        Raises UsageError where there is no such folder, OutsideError where the journal would be
        outside the roots.
        """
        from videolib.storage.steps import LibraryPaths

        paths = LibraryPaths.of(root or self.library().root, self.artifacts_dir)
        if self.context.roots and not self.context.roots.contains(paths.sidecar_dir / JOURNALS):
            raise OutsideError(f"{SIDECARS}: {LEADS_OUT}")
        return paths

    def undo_last(self, command: str, what: str) -> UndoResult:
        """Take back what a command did last; `what` names its flags. Raises UsageError where it
        did nothing.
        """
        from videolib.storage.recovery import nothing_to_undo, undo

        undone = undo(paths := self.library_paths(), command)
        if undone is None:
            raise UsageError(nothing_to_undo(paths, what))
        return undone

    @staticmethod
    def undo_result(undone: UndoResult, data: Mapping[str, Any], *lines: str) -> Result:
        """The result of taking something back, with the problems first."""
        text = "\n".join([*map(printable, undone.problems), *lines])
        return Result({**data, "problems": undone.problems}, text, Exit.of(undone.problems))


class RunCommand(LibraryCommand):
    """A command that makes artifacts."""

    retry: bool = True  # whether to try also what is known to be broken
    force: bool = option(False, "make everything again, also what is up to date")
    changed: bool = option(False, "make again what was made with other parameters")
    workers: int | None = option(
        None, "how many videos to work on at a time", unset="one per processor core", ge=1, le=256
    )
    timeout: Seconds = option(3600.0, "give up on a video after this long", unset="no limit", ge=0)
    allow_codecs: CodecNames = option(
        "", "also decode these uncommon codecs and containers, or any"
    )
    dry_run: bool = option(False, "show what would be made, make nothing")
    only: VideoNames = option((), "only these videos, named as list shows them", many=True)
    cluster: str = option(
        "",
        "use the workers of this scheduler: tcp://HOST:8786 or tls://",
        metavar="URL",
        local=True,
    )
    tls_files: tuple[str, ...] = option((), TLS_HELP, metavar="CA,CERT,KEY", local=True)
    insecure: bool = option(False, "use a scheduler without tls:// on another machine", local=True)

    def library(self) -> Library:
        library = super().library()
        if self.only:
            library.only = frozenset(self.only) & (library.only or frozenset(self.only))
        return library

    @property
    def joins_runs(self) -> bool:
        """Whether its tasks are done video by video together with those of the commands beside it
        in a chain."""
        return False

    def planned(self) -> list[VideoTask]:
        """The tasks to run on every video."""
        raise NotImplementedError

    def caps(self) -> dict[str, int]:
        """How many videos at a time, by kind; the tasks' own limits where nothing is said here."""
        return {}

    def run(self, job: Job) -> Result:
        return Runner(job, self, self.planned(), self.caps()).run()

    def cluster_settings(self) -> ClusterSettings | None:
        """The scheduler whose workers are to do it; None: this machine's do."""
        from videolib.core.cluster.connection import ClusterSettings

        return ClusterSettings.of(self.cluster, self.tls_files, self.insecure)

    def shared(self) -> dict[str, Any]:
        """The options that this request passes on to its tasks."""
        return {name: getattr(self, name) for name in RunCommand.options() if name != "workers"}


class VideoTask(RunCommand):
    """A command that makes one artifact per video: `make` says how, the runner does the rest."""

    artifact: Artifact
    schema: ClassVar[int] = 1
    # Tasks of one group share a worker and one opening of the video, and run one after the other.
    # One of its own is for what decodes by itself and takes longer than all the others.
    worker_group: ClassVar[str] = "decode"
    batch_limit: ClassVar[int | None] = None  # at a time in a batch; None: as many as cores
    imports: tuple[str, ...] = ("av", "numpy")
    memory: ClassVar[int] = WORKER_MEMORY
    walled: bool = True  # whether its workers reach no more than the videos of the run
    tells_paths: ClassVar[bool] = False  # whether absolute ones stand in what it makes
    plans_itself: ClassVar[bool] = False  # whether `make` heeds dry_run: the plan needs a look
    by_default: ClassVar[bool] = True  # whether `finish` makes it without being told to
    asks_first: bool = False  # whether it asks before, where somebody is at a terminal
    rechecks: ClassVar[bool] = False  # whether `make` looks again at what is fresh, asked for alone
    remembers_failures: bool = False  # whether a video that is at fault is left out from then on
    purge: bool = False  # whether this request only deletes: then it runs by itself
    # What gives the files of its model on the machine that calls it, where it has one.
    model_files: Callable[[], Iterable[Path]] | None = None

    @property
    def joins_runs(self) -> bool:
        return not self.purge

    def planned(self) -> list[VideoTask]:
        return [self]

    @property
    def title(self) -> str:
        """What text calls it: the name it was asked for by, else the command's own."""
        return self.typed_name or next(iter(command_names(type(self))), self.artifact.kind)

    def placed(self, video: Video) -> Video:
        """The video with the folder where this task's files go as its sidecar folder."""
        return video

    def folders(self, video: Video) -> set[str]:
        """The folders in which a worker writes; scratch files may be left behind there."""
        return {video.sidecar_dir, self.placed(video).sidecar_dir}

    def reads(self, video: Video) -> set[str]:
        """Files and folders that a worker reads beside the video and those folders."""
        return set()

    def head(self) -> dict[str, str]:
        """What a report on this task begins with."""
        return {"task": self.artifact.kind}

    def refusal(self, video: Video, sidecars: SidecarDir) -> Outcome | None:
        """What becomes of a video for which this request cannot be carried out, where that shows
        without opening it; else None."""
        return None

    def expected(
        self, status: Status, video: Video, sidecars: SidecarDir, note: str = ""
    ) -> Outcome:
        """The outcome of a video that is skipped or, in a dry run, planned."""
        return Outcome(self.artifact.kind, status, note=note)

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        """How what this request wants stands on disk."""
        return self.artifact.state(video, sidecars, self.extras())

    def extras(self) -> list[str]:
        """Files beyond the artifact's own that these parameters ask for, as patterns."""
        return []

    def differences(self, video: Video, sidecars: SidecarDir) -> str:
        """The parameters, other than these, with which what is fresh was made; else empty."""
        recorded = self.artifact.recorded_params(video, sidecars)
        return differing_parameters(recorded, self.params(), self.optional)

    def time_limit(self, video: Video) -> float:
        """Seconds that this video may take; 0: no limit."""
        return self.timeout

    def remember(self, video: Video, before: os.stat_result, reason: str) -> None:
        """Record that a video is itself why it failed; see storage/failures. Raises OSError."""
        if self.remembers_failures and self.placed(video) == video:
            record_failure(self.artifact, video, before, self.params(), reason)

    def known_failure(self, video: Video, sidecars: SidecarDir) -> str:
        """Why this request failed before, for a reason that still holds; else an empty string."""
        source = stat_if_any(video.path)
        failure = known_failure(self.artifact, video, sidecars, source) if source else None
        return failure.reason if failure and failure.is_of(self.params()) else ""

    def missing(self) -> str:
        """What it needs that is not here, as far as that shows beforehand; else an empty text."""
        return ""

    def make(self, media: Media) -> ArtifactOutput:
        """Make the artifact of one video, in a worker. Raises VideoError where it can't be made."""
        raise NotImplementedError

    def store(self, media: Media, output: ArtifactOutput) -> str:
        """Publish what was made of a video, with its provenance; a warning, or an empty text."""
        size, mtime_ns = media.stat.st_size, media.stat.st_mtime_ns
        params, name = self.params(), media.video.rel
        origin = Provenance(self.schema, name, size, mtime_ns, media.oshash, params)
        return publish(self.artifact, self.placed(media.video), output, origin)


class FrameTask(VideoTask):
    """An artifact made from sampled frames; several such tasks share one decode of a video."""

    seek: Seek = option(
        "auto",
        "exact: the frame shown at that time; keyframe: one nearby; auto: that if near enough",
    )

    def maker(self, media: Media) -> FrameMaker:
        """What makes the artifact of one video of the frames that it asks for, in a worker."""
        raise NotImplementedError


# === Commands: metadata ===========================================================================


class Metadata(VideoTask):
    """Store what ffprobe knows of each video, .artifacts/NAME.ffprobe.json."""

    artifact = ARTIFACTS["metadata"]
    imports = ("av", "numpy", "videolib.media.metadata")
    batch_limit = 3
    not_recorded = ("prober",)  # both say the same

    prober: Literal["ffprobe", "libav"] = option(
        "ffprobe", "libav: read in this process, which is faster, as where there is no ffprobe"
    )

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        # Looked up here: the workers' environment is that of the first run of this process.
        self.stub = ffprobe_disabled()
        tool = None if self.stub or self.prober == "libav" else find_tool("ffprobe")
        self.ffprobe = tool.path if tool else None

    def make(self, media: Media) -> ArtifactOutput:
        return ArtifactOutput(probe_metadata(media, self.ffprobe, self.stub))


# === Commands: pictures ===========================================================================


class Thumbs(FrameTask):
    """Make a JPEG thumbnail of each video, .artifacts/NAME.jpg."""

    artifact = ARTIFACTS["thumbs"]
    batch_limit = 4

    time: ThumbnailPosition = option(
        "middle",
        "where to take it; auto picks the best of ten frames",
        pattern=r"^(auto|middle|\d+(\.\d+)?%?)$",
    )
    quality: int = option(2, "JPEG quality on ffmpeg's scale: 2 is best, 31 is worst", ge=2, le=31)
    width: Pixels | None = option(
        None, "width of the picture", unset="that of the video", ge=16, le=16384
    )

    def maker(self, media: Media) -> Thumbnail:
        from videolib.media.thumbs import Thumbnail

        return Thumbnail(media, self.time, self.quality, self.width, self.seek)


class Sprites(FrameTask):
    """Make sprite sheets for hover scrubbing, with a JSON index and a WebVTT track."""

    artifact = ARTIFACTS["sprites"]
    batch_limit = 2

    interval: Seconds = option(10.0, "time between two tiles", gt=0)
    width: Pixels = option(320, "width of a tile", ge=16, le=4096)
    cols: int = option(10, "tiles in a row", ge=1, le=100)
    rows: int = option(10, "rows in a sheet", ge=1, le=100)
    quality: int = option(4, "JPEG quality on ffmpeg's scale: 2 is best, 31 is worst", ge=2, le=31)
    max_frames: int = option(0, "at most this many tiles", unset="as many as the video needs", ge=0)

    def maker(self, media: Media) -> SpriteSheets:
        from videolib.media.sprites import SpriteGrid, SpriteSheets

        grid = SpriteGrid(
            self.interval, self.width, self.cols, self.rows, self.quality, self.max_frames
        )
        return SpriteSheets(media, grid, self.seek)


# === Commands: fingerprints and timelines =========================================================


class Phash(FrameTask):
    """Compute a perceptual hash of each video, .artifacts/NAME.phash.json.

    Frames are those shown at exact times. Bits are row-major, the most significant first; compare
    them by Hamming distance. Frames of a single colour say nothing: they are marked as flat and
    left out of the combination. --algo stash gives the hash and the oshash by which Stash databases
    know a video, from frames that it chooses itself.
    """

    artifact = ARTIFACTS["phash"]
    schema = PHASH_SCHEMA
    optional = ("deep",)

    time: Position = option(
        "middle", "with --frames 1: where to take the frame", pattern=POSITION_PATTERN
    )
    frames: int = option(5, "how many frames to hash, evenly spaced", ge=1, le=1000)
    algo: HashAlgorithm = option(
        "ahash",
        "ahash: 32x32 average, 1024 bits; dct: 8x8 DCT, 64 bits; stash: Stash's hash of 25 frames",
    )
    combine: HashCombination = option("xor", "how the hashes of the frames are combined into one")
    deep: bool = option(False, "also store small pictures of the whole video, for dupes --deep")
    workers: int | None = option(2, "how many videos to work on at a time", ge=1, le=256)

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        """As for any artifact; but a record of schema 1, which has no signature, is stale."""
        state = super().state(video, sidecars)
        if state is State.FRESH:
            with reading(sidecars[self.artifact.record_name(video)].path) as descriptor:
                if re.match(rb'\{\s*"schema": *1\b', os.read(descriptor, 40)):
                    return State.STALE
        return state

    def extras(self) -> list[str]:
        return ["{}.phash.deep.json"] if self.deep else []

    def maker(self, media: Media) -> PerceptualHash:
        from videolib.media.hashing import HashSettings, PerceptualHash

        settings = HashSettings(self.algo, self.combine, self.frames, self.time, self.deep)
        return PerceptualHash(media, settings, self.seek)


class Heatmaps(FrameTask):
    """Measure brightness and motion over time, .artifacts/NAME.heatmaps.json.

    Brightness is the mean luma, motion the mean absolute change of luma since the sample before;
    both go from 0 to 1, and the first sample's motion is 0. A keyframe that serves two samples is
    listed once.
    """

    artifact = ARTIFACTS["heatmaps"]
    optional = ("png",)

    interval: Seconds = option(5.0, "time between two samples", gt=0)
    mode: HeatmapMode = option("both", "what to measure")
    png: bool = option(False, "also draw the timeline: .artifacts/NAME.heatmaps.png")
    workers: int | None = Phash.workers

    def extras(self) -> list[str]:
        return ["{}.heatmaps.png"] if self.png else []

    def maker(self, media: Media) -> Heatmap:
        from videolib.media.heatmaps import Heatmap

        return Heatmap(media, self.interval, self.mode, self.png, self.seek)


# === Commands: scenes =============================================================================


class Scenes(VideoTask):
    """Find the cuts of each video by PySceneDetect, .artifacts/NAME.scenes.json.

    A marker is the first frame of a new scene. Scores and --threshold have the same scale, 0 to 1:
    0.4 is the content detector's own default, 27 on its scale of 255.
    """

    artifact = ARTIFACTS["scenes"]
    optional = ("thumbs", "clips", "clip_duration", "thumbs_width", "chapters")
    imports = ("av", "numpy", "cv2", "videolib.media.preloaded")

    threshold: float = option(
        0.4, "smallest change that is a cut, 0 to 1: lower finds more", gt=0, le=1
    )
    detector: SceneDetector = option(
        "content", "content: change between frames; adaptive: compared with the motion around"
    )
    limit: int = option(0, "keep only the N strongest markers", unset="all", ge=0)
    thumbs: bool = option(False, "also make a JPEG of each scene, taken after a fade into it")
    clips: bool = option(False, "also make a short MP4 of the beginning of each scene")
    clip_duration: Seconds = option(2.0, "length of these clips", gt=0, le=60)
    thumbs_width: Pixels = option(320, "width of these pictures and clips", ge=16, le=4096)
    chapters: bool = option(False, "also write the scenes as chapters in ffmpeg's metadata format")
    workers: int | None = Phash.workers

    def extras(self) -> list[str]:
        return [".{}.scenes/"] * (self.thumbs or self.clips) + ["{}.scenes.ffmeta"] * self.chapters

    def make(self, media: Media) -> ArtifactOutput:
        from videolib.media.scenes import SceneIllustration, detect_scenes

        illustration = SceneIllustration(
            self.thumbs_width, self.thumbs, self.clip_duration if self.clips else 0.0
        )
        return detect_scenes(
            media, self.detector, self.threshold, self.limit, illustration, self.chapters
        )


# === Commands: faces ==============================================================================


class Embed(FrameTask):
    """Find the people of each video by face, .artifacts/NAME.faces.signatures.json.

    All distances are cosine distances (1 - cosine similarity) on the scale of the SFace model;
    those of other models are converted to it. Faces are tracked from sample to sample, then the
    tracks are clustered into people. Two faces in one frame are always two people.
    """

    folder_options = ("purge",)

    artifact = ARTIFACTS["faces"]
    asks_first = True
    imports = ("av", "numpy", "cv2", "videolib.faces.preloaded")
    not_recorded = ("models_dir", "purge")
    optional = ("thumbnails", "backend")

    sample_rate: float = option(1.0, "frames to look at per second of video", gt=0, le=100)
    min_face_area: float = option(1600.0, "ignore faces of fewer square pixels of the video", ge=64)
    min_score: float = option(0.8, "how sure the detector must be of a face, 0 to 1", ge=0.5, lt=1)
    blur_threshold: float = option(
        30.0, "ignore faces less sharp than this (variance of the Laplacian)", ge=0
    )
    max_gap: Seconds = option(
        0.75, "how much longer than the sampling interval a face may be out of sight", ge=0
    )
    min_track_frames: int = option(
        3, "ignore people in fewer sampled frames (short videos: a third of the samples)", ge=1
    )
    match_distance: float = option(
        0.55, "largest distance of one face from sample to sample", gt=0, le=2
    )
    cluster_eps: float = option(
        0.40, "largest mean distance between one person's faces", gt=0, le=2
    )
    cluster_min_samples: int = option(1, "ignore people with fewer tracks", ge=1)
    thumbnails: bool = option(False, "also make a JPEG of each person, in .artifacts/.NAME.faces/")
    backend: Literal["auto", "opencv", "deepface", "dlib"] = option(
        "auto", "which library computes the vectors; auto is opencv"
    )
    face_model: str = option("", "which model of the backend", unset="its usual one")
    models_dir: Folder | None = option(
        None, "load the models from this folder instead of the installed package", local=True
    )
    purge: bool = option(
        False, "delete all signatures, face pictures, the index of people and decisions on them"
    )

    def __init__(self, **values: Any) -> None:
        from videolib.faces.models import BACKENDS, FACE_MODELS, loose_weights

        super().__init__(**values)
        self.wanted_model = FACE_MODELS[BACKENDS[self.backend]].named(self.face_model)
        self.model_files = functools.partial(loose_weights, self.backend)

    def extras(self) -> list[str]:
        return [".{}.faces/"] if self.thumbnails else []

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        """Also stale is what another model made: it cannot be compared."""
        from videolib.faces.signatures import recorded_model

        state = super().state(video, sidecars)
        is_comparable = recorded_model(sidecars, video) == self.wanted_model
        return State.STALE if state is State.FRESH and not is_comparable else state

    def missing(self) -> str:
        from videolib.faces.installation import missing_model

        return missing_model(self.backend, self.models_dir)

    def settings(self) -> FaceSettings:
        from videolib.faces.extraction import FaceSettings

        return FaceSettings(*(getattr(self, name) for name in FaceSettings._fields))

    def reads(self, video: Video) -> set[str]:
        return self.settings().model_folders

    def maker(self, media: Media) -> FaceExtractor:
        from videolib.faces.extraction import FaceExtractor

        return FaceExtractor(media, self.settings())

    def run(self, job: Job) -> Result:
        from videolib.faces.forgetting import purge_faces

        if not self.purge:
            return super().run(job)
        purge = purge_faces(self.library(), job)
        return Result(purge.as_json(), purge.text, Exit.of(purge.errors))


# === Commands: people =============================================================================


class ListPeople(LibraryCommand):
    """Find out who is who in all videos of a folder, from the signatures of embed.

    Missing signatures are made first. Signatures are clustered by average linkage: a person is a
    group that is similar on average, so siblings are not joined by a chain of lookalikes, and two
    people seen in one frame are never joined. People keep their numbers from run to run, and a run
    only places new and changed signatures, unless --rebuild groups all of them again. What was
    decided with `people` always holds. The result is stored in .artifacts/.faces.index.json.
    """

    takes_files = False

    sample_rate: float = option(
        1.0, "for missing signatures: frames to look at per second", gt=0, le=100
    )
    embed: bool = option(True, "make missing and outdated signatures first")
    cluster_eps: float = option(
        0.45, "largest mean distance between one person's faces", gt=0, le=2
    )
    cluster_min_samples: int = option(1, "list people with at least this many signatures", ge=1)
    gallery: Folder | None = option(
        None, "name people by the pictures and videos in DIR/THEIR NAME/"
    )
    gallery_sample_rate: float = option(
        1.0, "for videos in the gallery: frames to look at per second", gt=0, le=100
    )
    label_threshold: float = option(
        0.40, "largest distance at which a person gets a gallery's name", gt=0, le=2
    )
    rebuild: bool = option(
        False, "group all signatures again; people keep their numbers where possible"
    )
    html: Path | None = option(None, "also write a web page with the faces of all", local=True)

    def run(self, job: Job) -> Result:
        from videolib.faces.listing import list_people, scan_signatures
        from videolib.faces.reports import PeopleReport, people_page

        library = self.library()
        if self.gallery:
            need_folder(self.gallery, "--gallery ")
        if self.html:
            need_output("--html", self.html)
        scan, failures = scan_signatures(library, job), []
        if self.embed and scan.missing:
            failures = self.embed_missing(scan, job)
            scan = scan_signatures(library, job)
        listing = list_people(scan, self.settings(scan.model), failures, job)
        listing.say_left_out(job)
        report = PeopleReport(listing.view, self.recursive)
        if self.html:
            task = self.embed_task(scan.model, self.sample_rate)
            limits = (task.allow_codecs, task.timeout, job)
            write_output(self.html, people_page(library, report, listing.left_out, *limits))
        return Result(report.as_json(), report.text, Exit.of(listing.failures))

    def settings(self, model: str) -> ListingSettings:
        """How people are listed; the gallery is read with the model of the signatures."""
        from videolib.faces.gallery_files import GalleryReader
        from videolib.faces.listing import ListingSettings

        reader = None
        if self.gallery:
            task = self.embed_task(model, self.gallery_sample_rate)
            limits = (task.allow_codecs, task.timeout, task.workers)
            reader = GalleryReader(self.gallery, task.settings(), *limits)
        thresholds = (self.cluster_eps, self.cluster_min_samples, self.label_threshold)
        return ListingSettings(*thresholds, self.rebuild, reader)

    def embed_task(self, model: str, sample_rate: float) -> Embed:
        """The command that makes signatures by that model, or by the configured one."""
        from videolib.faces.models import model_options

        return self.companion(Embed, sample_rate=sample_rate, **model_options(model))

    def embed_missing(self, scan: SignatureScan, job: Job) -> list[dict[str, Any]]:
        """Make missing signatures with the model of the others; the videos that failed."""
        task = self.embed_task(scan.model, self.sample_rate)
        task.thumbnails |= self.html is not None
        task.only = tuple(video.rel for video in scan.missing)
        result = task.run(job)
        job.console.say(result.text.partition("\n")[0], Level.INFO)
        rows = [row for row in result.data["results"] if row["status"] == Status.FAILED]
        return [{"video": row["video"], "reason": row["error"]} for row in rows]


class People(LibraryCommand):
    """Show who is who in a folder, or correct it.

    Decisions are stored apart from what listing computes, in .artifacts/.faces.people.json, and no
    later run changes them: whoever was named, merged, split, moved or hidden stays so, and new
    faces are added to them. People are given by their number, as listing shows it.
    """

    takes_files = False

    rename: PersonName = option((), "give person N this name", many=True)
    merge: PersonNumbers = option((), "these are one person, who keeps the first number", many=True)
    split: int = option(0, "person N is several people: split them", ge=1, changes_library=True)
    move: SignatureMove = option(
        (), "this signature (an id in --json) shows person N, or someone new", many=True
    )
    hide: int = option(
        0, "neither show person N nor add them as a performer", ge=1, changes_library=True
    )
    show: int = option(0, "show person N again, who was hidden", ge=1, changes_library=True)
    undo: bool = option(False, "take back the last change; again: the change before it")
    forget: int = option(
        0, "delete the vectors and pictures of person N for good", ge=1, changes_library=True
    )

    def run(self, job: Job) -> Result:
        from videolib.core.locks import locked
        from videolib.faces.editing import ACTIONS, PeopleEditor
        from videolib.faces.people import PeopleView
        from videolib.faces.reports import PeopleReport, person_line

        library = self.library()
        chosen = [name for name in ACTIONS if getattr(self, name)]
        if len(chosen) > 1:
            raise UsageError(f"--{chosen[0]} and --{chosen[1]}: one at a time")
        view = PeopleView.read(library)
        if not chosen:
            report = PeopleReport(view, recursive=True)
            return Result(report.as_json(), report.text)
        with locked(view.sidecar_dir):
            editor = PeopleEditor(library)  # reads the people as they are by then
            message = editor.act(chosen[0], getattr(self, chosen[0]))
        people = [person.as_json() for person in editor.changed_people]
        data: dict[str, Any] = {"action": chosen[0], "told": message, "warning": editor.warning}
        data |= {"change": editor.change, "people": people}
        return Result(data, "\n".join([message, *map(person_line, editor.changed_people)]))


# === Commands: previews ===========================================================================


class Previews(VideoTask):
    """Make short preview clips, spread evenly over each video, in .artifacts/.NAME.previews/.

    Clips never overlap: a video too short for all of them gets fewer. They are upright, 8-bit
    BT.709 with square pixels, without sound, at most 30 frames a second.
    """

    artifact = ARTIFACTS["previews"]
    optional = ("index", "join", "image")
    worker_group = "previews"
    batch_limit = 2

    segments: int = option(9, "how many clips; 9 are taken at 10%, 20% ... 90%", ge=1, le=100)
    duration: Seconds = option(1.0, "length of a clip", gt=0, le=60)
    width: Pixels = option(320, "width of a clip, rounded to an even number", ge=16, le=4096)
    format: Literal["webm", "mp4"] = option("webm", "webm is VP9, mp4 is H.264")
    crf: int = option(
        30, "constant quality on VP9's scale, lower is better; converted for mp4", ge=0, le=63
    )
    bitrate: BitRate = option("300k", "largest bit rate", pattern=r"^[1-9]\d{0,6}[kM]?$")
    index: bool = option(True, "write times and sizes to .artifacts/NAME.previews.json")
    join: bool = option(False, "also join the clips: .artifacts/NAME.previews.webm or .mp4")
    image: Literal["none", "webp"] = option(
        "none", "webp: also an animated picture, .artifacts/NAME.previews.webp"
    )
    workers: int | None = Phash.workers

    def extras(self) -> list[str]:
        optional = {"json": self.index, self.format: self.join, "webp": self.image == "webp"}
        return [f"{{}}.previews.{suffix}" for suffix, is_wanted in optional.items() if is_wanted]

    def make(self, media: Media) -> ArtifactOutput:
        from videolib.media.previews import Previewer, preview_format

        clip_format = preview_format(self.format, self.crf, self.bitrate)
        previews = Previewer(media, clip_format, self.segments, self.duration, self.width)
        return previews.make(index=self.index, join=self.join, animate=self.image == "webp")


# === Commands: codecs =============================================================================


class Codecs(LibraryCommand):
    """List containers and codecs, and what keeps each video from being a common MP4.

    Videos that transcode would leave as they are count as compatible. Up-to-date metadata artifacts
    are used; other videos are probed. Nothing is written.
    """

    ext: Extensions = option(
        (".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v"),
        "file extensions, or * for every video type",
    )
    target_v: VideoCodec = option("h264", "the wanted video codec")
    target_a: AudioCodec = option("aac", "the wanted audio codec")
    allowed_profiles: ProfileNames = option(
        (), "wanted profiles of the video codec, such as High,Main", unset="any"
    )
    workers: int = option(4, "how many files to read at a time", ge=1, le=256)
    timeout: Seconds = option(60.0, "give up on a file after this long", unset="no limit", ge=0)
    allow_codecs: str = RunCommand.allow_codecs

    def run(self, job: Job) -> Result:
        from videolib.media.codec_report import CodecCriteria, CodecScan, ProbeLimits, codec_text

        criteria = CodecCriteria(self.target_v, self.target_a, self.allowed_profiles)
        limits = ProbeLimits(self.workers, self.timeout, self.allow_codecs)
        scan = CodecScan(job, criteria, limits)
        report = scan.report(self.library())
        return Result(report, codec_text(report), Exit.of(scan.failures))


# === Commands: compare ============================================================================


class Compare(Command):
    """Measure how close a video is to its original: SSIM, PSNR, XPSNR and VMAF.

    The other video is first scaled, aligned in time and rotated like the original; the result says
    what was done. Each is decoded once. Values over all frames are those of ffmpeg's summaries:
    PSNR is that of the mean squared error, psnr_mean the mean over the frames that differ, and inf
    means no difference. SSIM from 0.99 is excellent, 0.95 good, 0.88 fair, 0.5 poor, else bad; PSNR
    from 37, 31, 25 and 20 dB.
    """

    original: Path = option(Path(), "the video to compare with", required=True, positional=True)
    other: Path = option(Path(), "the video to measure", required=True, positional=True)
    vmaf: bool = option(True, "also measure VMAF and XPSNR, if the installed ffmpeg can")
    png: Path | None = option(
        None, "also draw quality over time; without a name: OTHER.compare.png", bare="."
    )
    timeout: float | None = option(
        None, "seconds it may take; 0: no limit (default: an hour, and another for 180 MB)", ge=0
    )
    allow_codecs: str = RunCommand.allow_codecs
    output_format: Literal["text", "json"] = LibraryCommand.output_format

    def run(self, job: Job) -> Result:
        from videolib.media.quality import comparison_text

        self.files.check()
        data = attempt(self.compare, job)
        if isinstance(data, Failure):
            job.console.say(f"compare: {data.reason}")
            return Result({"error": data.reason}, "", Exit.SOME_FAILED)
        return Result(data, comparison_text(data))

    def compare(self, job: Job) -> dict[str, Any]:
        """The values of the comparison; the picture is written. Raises VideoError."""
        from videolib.media.quality import ComparisonOptions, compare_in_worker

        growing = decoding_limit(self.original, self.other)
        timeout = growing if self.timeout is None else self.timeout
        options = ComparisonOptions(self.vmaf, bool(self.png), timeout, self.allow_codecs)
        data, chart = compare_in_worker(job, *self.files.videos, options)
        if path := self.files.chart_path:
            write_output(path, chart)
            data["png"] = str(path)
        return data

    @property
    def files(self) -> ComparedFiles:
        """The two videos, and where the picture goes."""
        from videolib.media.quality import ComparedFiles

        return ComparedFiles(self.original, self.other, self.png)


# === Commands: transcode ==========================================================================


class Transcode(RunCommand):
    """Make MP4 files of the target codecs in another folder, for videos that are not yet so.

    DEST gets the same subfolders and names, ending in .mp4; if a.mkv and a.ts both exist, they
    become a.mp4 and a.ts.mp4. Streams that have the target codec are copied; tags and file times
    are kept. An output appears only after it was checked to be complete. DEST/.artifacts records
    it, so the next run skips it, or replaces it if the options or the video changed; other files in
    DEST are replaced only with --force. Nothing is written to the folder of the videos.
    """

    dest: Path | None = option(
        None, "the folder for the outputs, outside DIR", required=True, positional=True
    )
    target_v: VideoCodec = option("h264", "video codec of the outputs")
    target_a: AudioCodec = option("aac", "audio codec of the outputs")
    crf: int = option(28, "constant quality: lower is better and larger", ge=0, le=63)
    v_bitrate: BitRate = option(
        "", "video bit rate to use instead of --crf, such as 3000k", pattern=BIT_RATE
    )
    a_bitrate: BitRate = option(
        "128k", "audio bit rate of mono and stereo; more channels get more", pattern=BIT_RATE
    )
    preset: Preset = option("medium", "speed of the encoder: slower makes smaller files")
    hardware: Hardware = option("none", "encode with this hardware; auto: what works here")
    hdr: HdrPolicy = option(
        "auto", "auto keeps HDR and 10 bits, except in h264; tonemap converts to SDR"
    )
    drop_subtitles: bool = option(False, "leave out subtitles")
    copy_fitting: bool = option(True, "copy streams that have the target codec, do not encode them")
    min_saving: Percentage = option(
        "", "discard outputs that save less than this, do not try again", pattern=SAVING
    )
    accept_degraded: bool = option(False, "also keep what could be read of damaged sources")
    workers: int | None = option(1, "how many videos to encode at a time", ge=1, le=256)
    timeout: Seconds = option(
        0.0, "give up on a video after this long", unset="while it makes progress", ge=0
    )
    ext: tuple[str, ...] = Codecs.ext

    # Where an output goes, and whether it is wanted.
    not_recorded = ("dest", "min_saving", "accept_degraded")

    @classmethod
    def arrange(cls, values: dict[str, Any]) -> None:
        """The last positional word is DEST."""
        if "dest" not in values and (words := values.pop("directory", [])):
            *directory, values["dest"] = words
            values |= {"directory": directory} if directory else {}

    @property
    def outputs(self) -> OutputFolder:
        """The folder of the outputs. Raises UsageError where none was named."""
        from videolib.media.transcode_outputs import OutputFolder

        if self.dest is None:
            raise UsageError("transcode needs a folder for its outputs: transcode [DIR] DEST")
        return OutputFolder(self.dest, self.directory, {})

    def library(self) -> Library:
        """The folder to walk; sidecars stand with the outputs, for a source may be read-only."""
        library = super().library()
        library.artifacts_dir = self.outputs.root
        return library

    def request(self, encoder: Encoder) -> TranscodeRequest:
        """What is to be done with every video, by that encoder."""
        from videolib.media.encoders import EncoderSettings
        from videolib.media.transcode import TranscodeRequest

        target = TranscodeTarget(
            self.target_v, self.target_a, self.hdr, self.copy_fitting, self.drop_subtitles
        )
        bit_rates = map(parse_bit_rate, (self.v_bitrate, self.a_bitrate))
        return TranscodeRequest(
            target,
            EncoderSettings(encoder, self.crf, self.preset, *bit_rates),
            parse_saving(self.min_saving),
            self.accept_degraded,
            self.force,
            self.dry_run,
            self.timeout,
        )

    def run(self, job: Job) -> Result:
        from videolib.media.encoders import choose_encoder

        self.library()
        self.outputs.check(is_lone="directory" not in self.said)
        if self.crf > 51 and self.target_v in ("h264", "hevc"):
            raise UsageError(f"--crf goes up to 51 with {self.target_v}, got {self.crf}")
        encoder = choose_encoder(self.target_v, self.target_a, self.hardware)
        if self.hardware == "auto":
            job.console.say(f"transcode: encoding with {encoder.name}", Level.INFO)
        task = TranscodeTask(self, encoder)
        runner = Runner(job, self, [task], {})
        items = runner.plan()
        videos = [item.video for item in items]
        task.outputs.name_outputs(videos, self.library())
        task.outputs.check_outputs(videos)
        summary = runner.run(items)
        data, text = task.outputs.report(runner.videos, runner.outcomes["transcode"], self.dry_run)
        return Result(data, "\n".join([*text, summary.text]), summary.code)


class TranscodeTask(VideoTask):
    """The part of a Transcode that is done for one video, in a worker."""

    artifact = TRANSCODE_RECORD
    imports = ("av", "videolib.media.transcode")
    memory = 24 << 30  # of address space: encoders reserve much on machines of many cores
    plans_itself = True

    def __init__(self, command: Transcode, encoder: Encoder) -> None:
        super().__init__(**command.shared())
        self.outputs, self.request = command.outputs, command.request(encoder)
        # It is the encoder that shapes an output, not the way it was chosen.
        self.recorded = command.params() | {"hardware": encoder.name}

    def params(self) -> dict[str, Any]:
        return self.recorded

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        """Fresh where the record is of this source and these parameters and its output is there."""
        return self.outputs.state(video, sidecars, self.recorded, self.request.min_saving)

    def folders(self, video: Video) -> set[str]:
        return {*super().folders(video), str(self.outputs.output(video).parent)}

    def make(self, media: Media) -> ArtifactOutput:
        from videolib.media.transcode import VideoTranscode

        return VideoTranscode(media, self.request, self.outputs.output(media.video)).make()


# === Commands: export =============================================================================


def export_formats() -> Iterable[str]:
    """The names of all formats."""
    from videolib.exports.table import FORMATS

    return FORMATS


class Export(RunCommand):
    """Write what is known of videos where media servers, players and editors find it.

    Files are written beside the videos, or to the same subfolders of --to. Only files that this
    command wrote and nobody changed are replaced or removed: .artifacts/NAME.exports.json records
    them, and they are renamed along with their video. docs/exports.md describes the formats.
    """

    format: FormatNames = option(
        (), "what to write; docs/exports.md lists the formats", names=export_formats
    )
    export_format: FormatNames = option(
        (), "the same, in a chain with another command that has --format", local=True
    )
    to: Folder | None = option(
        None, "write below this folder, not beside the videos", changes_library=True
    )
    query: str = option("", QUERY_HELP, metavar="QUERY", short="-q")
    merge: bool = option(
        False,
        "add to files (nfo) of other programs what they lack, change nothing in them",
        changes_library=True,
    )
    remove: bool = option(
        False,
        "delete exported files, of --format or all, unless somebody changed them",
        changes_library=True,
    )
    name_: str = option(
        "", "name of a file about all videos, without suffix", unset="that of the folder"
    )
    subtitle_format: Literal["srt", "vtt", "ass"] = option("srt", "format of exported subtitles")
    min_chapter: Seconds = option(300.0, "shortest chapter", gt=0)
    chapter_form: Literal["matroska", "ogm", "webvtt", "ffmetadata"] = option(
        "matroska", "format of chapters: Matroska's XML, or text"
    )
    interval: Seconds = option(
        10.0, "time between pictures of trickplay and bif; the media server has to expect it", gt=0
    )
    width: PixelList = option(
        (), "widths of trickplay or bif tiles, or of a sheet", unset="320; sheet 1600"
    )
    cols: int | None = option(None, "columns", unset="trickplay 10, sheet 4", ge=1, le=100)
    rows: int | None = option(None, "rows", unset="trickplay 10, sheet 5", ge=1, le=100)
    seek: Seek = FrameTask.seek

    matches: frozenset[str] | None = None  # the videos that the query finds

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the formats."""
        return self.export_format or self.format

    @property
    def kinds(self) -> dict[str, type[Format]]:
        """The formats by name. Raises UsageError where one is not known, or none is named."""
        from videolib.exports.table import formats_named

        return formats_named(self.chosen)

    @property
    def joins_runs(self) -> bool:
        """Others than those of frames wait for what the commands before them in a chain make."""
        return not (self.remove or self.query) and len(self.frame_formats) == len(self.kinds)

    @property
    def frame_formats(self) -> list[str]:
        """The formats that are made of frames."""
        from videolib.exports.formats import FrameFormat

        return [name for name, kind in self.kinds.items() if issubclass(kind, FrameFormat)]

    def parts(self) -> list[Command]:
        frames = () if self.remove or self.query else self.frame_formats
        others = tuple(name for name in self.chosen if name not in frames)
        if not (frames and others):
            return [self]
        import copy

        first, second = copy.copy(self), copy.copy(self)
        first.export_format, second.export_format = tuple(frames), others
        return [first, second]

    def library(self) -> Library:
        library = super().library()
        if self.to:
            need_creatable("--to", self.to)
        if self.matches is not None:
            library.only = self.matches & (library.only or self.matches)
        return library

    def planned(self) -> list[VideoTask]:
        from videolib.exports.formats import ExportFormat, FrameFormat
        from videolib.exports.publishing import ExportRequest

        tasks: list[VideoTask] = []
        for name, made in self.formats():
            if made.subfolders and not self.to:
                raise UsageError(f"--format {name} needs --to, the folder of that program")
            if isinstance(made, ExportFormat):
                request = ExportRequest(name, made, self.to, self.merge, self.extensions())
                task = FrameExportTask if isinstance(made, FrameFormat) else ExportTask
                tasks.append(task(self, request))
        return tasks

    def formats(self) -> list[tuple[str, Format]]:
        """The formats by name, with those options that they know. Raises UsageError."""
        if not all(16 <= width <= WIDEST_TILE for width in self.width):
            raise UsageError(f"--width takes 16 to {WIDEST_TILE:,} pixels")
        settings = {name: getattr(self, o.attribute) for name, o in self.options().items()}
        return [(name, kind.of(settings)) for name, kind in self.kinds.items()]

    def run(self, job: Job) -> Result:
        library = self.library()
        if self.query:
            with self.catalogue(library) as catalogue:
                self.matches = frozenset(r.rel for r in catalogue.browse(job, library, self.query))
            self.say_problems(job, catalogue.problems + catalogue.sidecar_problems)
            library = self.library()
        if self.remove:
            return self.take_back(job, library)
        tasks = self.planned()
        results = [Runner(job, self, tasks, {}).run()] if tasks else []
        return in_one([*results, *(self.write_list(job, library, e) for e in self.lists())])

    def lists(self) -> list[ListExport]:
        """The files to write for all videos."""
        from videolib.exports.formats import ListFormat
        from videolib.exports.lists import ListExport

        formats = [(name, made) for name, made in self.formats() if isinstance(made, ListFormat)]
        return [ListExport(name, made, self.name_, self.to) for name, made in formats]

    def write_list(self, job: Job, library: Library, export: ListExport) -> Result:
        """Write a file for all videos; its report looks like that of any format."""
        data = export.report(library, self.query, self.dry_run)
        (row,) = data["results"]
        problems = [(export.name, row["error"])] if "error" in row else []
        self.say_problems(job, [*problems, *library.problems])
        text = f"export {export.name}: {row['status']} {', '.join(row['files'])}".rstrip()
        return Result(data, text, Exit.of(problems or library.problems))

    def take_back(self, job: Job, library: Library) -> Result:
        from videolib.exports.removal import remove_exports
        from videolib.exports.table import FORMATS

        formats = self.kinds if self.chosen else FORMATS
        removal = remove_exports(job, library, formats, self.to, self.dry_run)
        self.say_problems(job, removal.failures)
        return Result(removal.as_json(), removal.text, Exit.of(removal.failures))


class ExportTask(VideoTask):
    """One format of an Export, done for one video in a worker."""

    imports: tuple[str, ...] = ()
    tells_paths = True

    def __init__(self, command: Export, request: ExportRequest) -> None:
        super().__init__(**command.shared())
        self.workers, self.request, self.roots = command.workers, request, command.context.roots
        self.people_dir: str | None = None  # once it was looked for: the same for all videos
        self.artifact = EXPORT_RECORD._replace(kind=f"export {request.name}")

    def source(
        self, video: Video, media: Media | None = None, sidecars: SidecarDir | None = None
    ) -> VideoSource:
        from videolib.exports.sources import VideoSource

        return VideoSource(video, media, self.roots, sidecars)

    def head(self) -> dict[str, str]:
        return {"task": "export", "format": self.request.name}

    def folders(self, video: Video) -> set[str]:
        return {video.sidecar_dir, *self.request.folders(video)}

    def reads(self, video: Video) -> set[str]:
        if self.people_dir is None:
            self.people_dir = self.source(video).people_dir
        return {video.path.rpartition("/")[0], self.people_dir}

    def known_failure(self, video: Video, sidecars: SidecarDir) -> str:
        return ""

    def differences(self, video: Video, sidecars: SidecarDir) -> str:
        return ""  # with other parameters an export is stale

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        return self.request.state(self.source(video, sidecars=sidecars))

    def refusal(self, video: Video, sidecars: SidecarDir) -> Outcome | None:
        verdict = self.request.verdict(self.source(video, sidecars=sidecars))
        if verdict is None:
            return None
        status, reason = verdict
        error, note = (reason, "") if status is Status.FAILED else ("", reason)
        return Outcome(self.artifact.kind, status, error, note)

    def expected(
        self, status: Status, video: Video, sidecars: SidecarDir, note: str = ""
    ) -> Outcome:
        files = self.request.paths(self.source(video, sidecars=sidecars))
        return Outcome(self.artifact.kind, status, note=note, facts={"files": files})

    def make(self, media: Media) -> ArtifactOutput:
        source = self.source(media.video, media)
        files = typing.cast("SidecarFormat", self.request.format).content(source)
        return ArtifactOutput(files=files, facts={"inputs": source.inputs})

    def store(self, media: Media, output: ArtifactOutput) -> str:
        return self.request.store(self.source(media.video, media), output)


class FrameExportTask(ExportTask, FrameTask):
    """One format that is made of frames."""

    imports = ("av", "numpy", "cv2")

    def maker(self, media: Media) -> FrameMaker:
        from videolib.exports.frames import LateMaker

        source, made = self.source(media.video, media), self.request.format
        return LateMaker(typing.cast("FrameFormat", made).maker(source, media), source)

    def store(self, media: Media, output: ArtifactOutput) -> str:
        output.files, output.facts["inputs"] = output.facts.pop("content")()
        return super().store(media, output)


# === Commands: tags ===============================================================================


class Tags(LibraryCommand):
    """Show or change tags, performers, ratings and notes of one video or of all in a folder.

    They are stored in .artifacts/NAME.tags.json, which may be edited by hand. Upper and lower case
    make no difference: a name stays as it was first written. --rename-tag, --import and --from
    change all videos or none; --undo takes back the last of them.
    """

    folder_options = ("import_", "from_", "undo")

    query: str = option("", QUERY_HELP, metavar="QUERY", short="-q")
    set: TagNames = option((), f"tags to add, {NAMES_HELP}")
    remove: TagNames = option((), "tags to remove; this happens before --set adds")
    mode: Literal["add", "replace"] = option(
        "add",
        "replace: the tags of --set, --import or --from replace all others",
        changes_library=True,
    )
    add_performers: Names = option((), "performers to add")
    remove_performers: Names = option((), "performers to remove")
    clear_performers: bool = option(False, "remove all performers")
    rating: str | None = option(None, "a rating from 0 to 5; '' removes it")
    favourite: Literal["yes", "no"] | None = option(None, "whether it is a favourite")
    note: str | None = option(None, "a note; '' removes it")
    date: str | None = option(None, "a date such as 2024-01-31, 2024-01 or 2024; '' removes it")
    performers: bool = option(False, "add the people whom listing found and who have a name")
    min_occurrences: int = option(
        2, "for --performers: people in at least this many sampled frames", ge=1
    )
    refresh_performers: bool = option(
        False, "infer performers anew: forgets those inferred or removed before"
    )
    list_: bool = option(False, "list all tags and performers, and how many videos have them")
    rename_tag: TagPair = option((), "rename a tag; if NEW exists, the two become one", many=True)
    export: Path | None = option(
        None, "write all tags and performers to this file, as JSON", local=True
    )
    import_: Path | None = option(
        None, "show what importing such a file changes; --force imports it", local=True
    )
    from_: ForeignTags = option(
        (), "the same for the files of another program", many=True, local=True
    )
    force: bool = option(False, "carry out --import or --from, do not just show it")
    undo: bool = option(False, "take back the last --rename-tag, --import or --from")

    def run(self, job: Job) -> Result:
        if self.mode == "replace" and not (self.set or self.import_ or self.from_):
            raise UsageError("--mode replace needs --set; --set '' takes all tags away")
        modes = (
            (self.list_, self.count_names),
            (self.rename_tag, self.rename_everywhere),
            (self.export, self.export_all),
            (self.import_, self.import_all),
            (self.from_, self.import_foreign),
            (self.undo, self.take_back),
        )
        chosen = [mode for flag, mode in modes if flag]
        infers = self.performers or self.refresh_performers
        names = (self.set, self.remove, self.add_performers, self.remove_performers)
        changes = any(names) or self.clear_performers or infers or bool(self.details())
        if len(chosen) + changes > 1:
            alone = "--list, --rename-tag, --export, --import, --from and --undo"
            raise UsageError(f"{alone} stand alone")
        if chosen:
            return chosen[0](job)
        return self.show(job, self.editors(infers) if changes else None)

    def details(self) -> dict[str, str]:
        """The rating, favourite, note and date that are given."""
        return {key: value for key in DETAILS if (value := getattr(self, key)) is not None}

    def editors(self, infers: bool) -> Callable[[Video], TagEditor]:
        """Gives the change of each video. Raises UsageError for a bad name or rating,
        NotFoundError."""
        from videolib.organize.performers import inferring_editors
        from videolib.storage.tags import TagChange, clean_names

        added, performers = clean_names(self.set), clean_names(self.add_performers)
        names = (added, self.remove, self.mode == "replace", performers, self.remove_performers)
        details = checked_details(self.details())
        change = TagChange(*names, clear_performers=self.clear_performers, details=details)
        if not infers:
            return lambda video: change.apply
        library = Library(
            self.directory, True, artifacts_dir=self.artifacts_dir, roots=self.context.roots
        )
        return inferring_editors(library, change, self.min_occurrences, self.refresh_performers)

    def show(self, job: Job, editor_of: Callable[[Video], TagEditor] | None) -> Result:
        """The tags of the video or of the folder's videos, changed before where that is asked."""
        from videolib.organize import tagging

        if len(self.context.videos) == 1:
            video = self.named_video()
            if editor_of:
                remove_abandoned(video.sidecar_dir)
            row = tagging.video_tags(video, editor_of and editor_of(video))
            listing = tagging.TagListing([row], list_all=editor_of is not None)
            data = listing.as_json() if "error" in row else row
        else:
            library = self.library()
            with self.catalogue(library) as catalogue:
                request = (job, catalogue, library, self.query)
                listing = tagging.TagListing.of(*request, editor_of)
            data = listing.as_json()
            if not listing.lines and not listing.errors:
                why = "no video is like that" if self.query else library.nothing_found
                job.console.say(listing.without_lines or why, Level.WARNING)
        return self.result(job, data, "\n".join(listing.lines), listing.errors)

    def named_video(self) -> Video:
        """The one video that is named. Raises UsageError where a query stands beside it."""
        if self.query:
            raise UsageError("-q is for a folder of videos")
        (name,) = self.context.videos
        return self.library().video(name)

    def result(self, job: Job, data: Any, text: str, errors: Sequence[Mapping[str, str]]) -> Result:
        """The result; the videos whose tags cannot be read are told at once."""
        self.say_problems(job, ((error["video"], error["error"]) for error in errors))
        return Result(data, text, Exit.of(errors))

    def count_names(self, job: Job) -> Result:
        """`--list`."""
        from videolib.organize import tagging

        library = self.library()
        with self.catalogue(library) as catalogue:
            counts = tagging.tag_counts(job, catalogue, library, self.query)
        return self.result(job, counts, tagging.counts_text(counts), counts["errors"])

    def export_all(self, job: Job) -> Result:
        """`--export FILE`."""
        from videolib.organize.tagging import exported_tags

        path, library = typing.cast("Path", self.export), self.library()
        need_output("--export", path)
        with self.catalogue(library) as catalogue:
            data = exported_tags(job, catalogue, library, self.query)
        count = plural(len(data["videos"]), "video")
        text = f"tags of {count} written to {printable(str(path))}"
        result = self.result(job, data, text, data["errors"])
        write_output(path, json_bytes(data))
        return result

    def rename_everywhere(self, job: Job) -> Result:
        """`--rename-tag OLD NEW`."""
        from videolib.organize.tagging import TagRename
        from videolib.storage.tags import change_tags

        if len(self.rename_tag) != 2 or not all(map(str.strip, self.rename_tag)):
            raise UsageError("--rename-tag takes a tag and its new name; the folder stands before")
        library = self.library()
        with self.catalogue(library) as catalogue:
            plan = TagRename.plan(job, catalogue, library, self.query, *self.rename_tag)
        result = self.result(job, plan.as_json(), plan.text(), plan.errors)
        change_tags(self.library_paths(), plan.changes, job)
        return result

    def import_all(self, job: Job) -> Result:
        """`--import FILE`."""
        from videolib.organize.tag_sources import TagSource
        from videolib.organize.tagging import ImportedTags, import_scope

        source = TagSource(ImportedTags.read(typing.cast("Path", self.import_)), [])
        library = import_scope(self.library())
        with self.catalogue(library) as catalogue:
            return self.import_entries(job, library, catalogue, source)

    def import_foreign(self, job: Job) -> Result:
        """`--from FORMAT FILE_OR_DIR`."""
        from videolib.organize.tag_sources import SOURCES, read_source
        from videolib.organize.tagging import import_scope

        if len(self.from_) != 2 or self.from_[0] not in SOURCES:
            raise UsageError(f"--from takes one of {', '.join(SOURCES)}, and a file or folder")
        library = import_scope(self.library())
        with self.catalogue(library) as catalogue:
            catalogue.refresh_all(job)
            rels = [row.rel for row in catalogue.rows(catalogue.view(library), labels=False)]
            source = read_source(self.from_[0], Path(self.from_[1]), library.root, rels)
            return self.import_entries(job, library, catalogue, source)

    def import_entries(
        self, job: Job, library: Library, catalogue: Catalogue, source: TagSource
    ) -> Result:
        """What an import would change or, with `force`, what it has changed."""
        from videolib.organize.tagging import TagImport, import_changes
        from videolib.storage.tags import change_tags

        (entries, errors), replace = source, self.mode == "replace"
        plan = TagImport.plan(job, catalogue, import_changes(library, entries, replace), replace)
        if self.force and not plan.errors:
            change_tags(self.library_paths(), plan.changes, job)
        unknown = [{"video": name, "error": "no such video here"} for name in plan.unknown]
        data, text = plan.as_json(dry_run=not self.force), plan.text(dry_run=not self.force)
        data["errors"] = [*plan.errors, *errors]
        return self.result(job, data, text, [*plan.errors, *errors, *unknown])

    def take_back(self, job: Job) -> Result:
        """`--undo`."""
        undone = self.undo_last("tags", "tags --rename-tag, --import or --from")
        count = len(undone.replay.steps) - len(undone.problems)
        text = f"{plural(count, 'video')} tagged as before"
        return self.undo_result(undone, {"undone": count}, text)


# === Commands: subtitles ==========================================================================


class Subtitles(VideoTask):
    """Transcribe what is said in each video by a Whisper model, .artifacts/NAME.vtt.

    Cues have at most two lines of 42 letters, last 1 to 7 s, and end when nobody speaks. A video
    that has subtitles, beside it or as text inside it, is skipped, and those subtitles are never
    changed. Forced subtitles, which translate only foreign speech, do not count.
    """

    model_: str = option(
        "small",
        "name or folder of the Whisper model; $VIDEO_WHISPER_MODEL sets the default",
        local=True,
        by_name=True,
    )
    backend: Literal["auto", "whisper", "faster-whisper", "whisper.cpp"] = option(
        "auto", "what runs the model; auto: faster-whisper, else whisper, else whisper.cpp"
    )
    language: str = option("", "the spoken language, such as en or de", unset="detected")
    translate: bool = option(False, "translate to English")
    format: tuple[Literal["vtt", "srt", "json"], ...] = option(
        ("vtt",), "which files to write; json also has words and probabilities"
    )
    output_dir: Folder | None = option(None, "write here, not to .artifacts", local=True)
    initial_prompt: str = option(
        "", "text that the model continues, with its spelling, names and style"
    )
    hotwords: str = option("", "names and terms that are likely to occur")
    audio_stream: str = option(
        "", "which audio track: number from 0, or language", unset="the default one"
    )
    vad: bool = option(True, "leave out what has no voice in it, where a model would invent words")
    from_stream: bool = option(
        False, "do not transcribe: extract the text subtitles inside the video"
    )
    whisper_cpp_bin: Path | None = option(
        None, "the whisper.cpp program", unset="on PATH", local=True
    )
    whisper_cpp_model: Path | None = option(None, "the whisper.cpp model, a ggml file", local=True)
    workers: int | None = option(1, "how many videos to work on at a time", ge=1, le=256)
    timeout: Seconds = option(0.0, "give up on a video after this long", unset="no limit", ge=0)

    artifact = ARTIFACTS["subtitles"]
    asks_first = True
    not_recorded = ("output_dir", "whisper_cpp_bin", "whisper_cpp_model")
    optional = ("format", "language", "from_stream")
    worker_group = "speech"
    batch_limit = 1
    memory = 1 << 40  # of address space: drivers of graphics cards map all memory there is

    def __init__(self, **values: Any) -> None:
        from videolib.core.languages import checked_language
        from videolib.speech.model_files import SpeechModel

        values.setdefault("model", os.environ.get("VIDEO_WHISPER_MODEL") or "small")
        super().__init__(**values)
        if not self.from_stream:
            self.model_files = SpeechModel(self.model_, self.whisper_cpp_model).files
        self.language = checked_language("--language", self.language)
        # Models may have to be fetched, and drivers of graphics cards load modules, make devices.
        self.walled = self.from_stream

    def params(self) -> dict[str, Any]:
        """What shapes the text; a model by its name, wherever it lies."""
        return super().params() | {"model": Path(self.model_).name}

    def library(self) -> Library:
        if self.output_dir:
            need_creatable("--output-dir", self.output_dir)
        return super().library()

    def placed(self, video: Video) -> Video:
        """The video with the folder where its subtitles go."""
        if not self.output_dir:
            return video
        below = video.rel.rpartition("/")[0]
        return video._replace(sidecar_dir=str(self.output_dir.absolute() / below))

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        """Fresh where there are subtitles in that language: in every format, or beside the video or
        inside it."""
        video = self.placed(video)
        sidecars = SidecarDir(video.sidecar_dir) if self.output_dir else sidecars
        return typing.cast("SubtitleArtifact", self.artifact).subtitle_state(
            video,
            sidecars,
            self.format,
            self.transcription_options().target_language,
            extract=self.from_stream,
        )

    def differences(self, video: Video, sidecars: SidecarDir) -> str:
        """As for any artifact, of those in that language; what somebody else wrote has none."""
        if self.output_dir or self.from_stream:
            return ""
        language = self.transcription_options().target_language
        artifact = typing.cast("SubtitleArtifact", self.artifact)
        recorded = artifact.transcription_params(video, sidecars, language)
        return differing_parameters(recorded, self.params(), self.optional)

    def make(self, media: Media) -> ArtifactOutput:
        from videolib.speech.embedded import extract_subtitles, subtitles_inside
        from videolib.speech.transcription import Transcription

        video = self.placed(media.video)
        if self.from_stream:
            return extract_subtitles(media, video, self.language, self.format)
        options = self.transcription_options()
        if not self.force and (note := subtitles_inside(media, options.target_language)):
            return ArtifactOutput(status=Status.SKIPPED, note=note)
        return Transcription(media, video, self.recognizer_settings(), options).output(self.format)

    def missing(self) -> str:
        from videolib.speech.models import missing_model

        return "" if self.from_stream else missing_model(self.recognizer_settings())

    def recognizer_settings(self) -> RecognizerSettings:
        """The model that hears, and what runs it."""
        from videolib.speech.transcription import RecognizerSettings

        threads = max(cores() // (self.workers or 1), 1)
        places = self.whisper_cpp_bin, self.whisper_cpp_model
        return RecognizerSettings(self.backend, self.model_, threads, *places)

    def transcription_options(self) -> TranscriptionOptions:
        """What is asked of the transcription of each video."""
        from videolib.core.languages import language_code
        from videolib.speech.recognizers import TranscriptionOptions

        return TranscriptionOptions(
            language_code(self.language),
            self.translate,
            self.initial_prompt,
            self.hotwords,
            self.audio_stream,
            self.vad,
        )


# === Commands: verify =============================================================================


class Verify(VideoTask):
    """Decode each video completely and store checksums of its bytes, .artifacts/NAME.verify.json.

    A later run compares the bytes with these checksums. Damaged videos do not decode; rotten videos
    have other bytes although their size and time are the same: then the exit code is 1. A video
    that was changed is verified again. Verifying reads every byte, so finish leaves it out unless
    --tasks names it; finish, batch and chains skip what is up to date.
    """

    artifact = ARTIFACTS["verify"]
    worker_group = "verify"
    imports = ("av", "numpy", "blake3", "videolib.media.integrity")
    batch_limit = 1
    by_default = False
    rechecks = True
    not_recorded = ("quick", "accept")

    quick: bool = option(False, "only read the bytes, decode nothing")
    accept: bool = option(False, "accept the present bytes of rotten videos as correct")
    workers: int | None = option(1, "how many videos at a time; they share the cores", ge=1, le=256)
    timeout: Seconds = option(
        0.0, "give up on a video after this long", unset="1 h, and 1 h per 180 MB", ge=0
    )

    def state(self, video: Video, sidecars: SidecarDir) -> State:
        """As for any artifact; but a record without decoding is missing where that is asked for."""
        state = super().state(video, sidecars)
        record = self.artifact.record_name(video)
        if state is State.FRESH and not self.quick and is_quick_record(sidecars[record].path):
            return State.MISSING
        return state

    def expected(
        self, status: Status, video: Video, sidecars: SidecarDir, note: str = ""
    ) -> Outcome:
        """Skipped is only what is fine: of other videos their record tells again what is wrong."""
        faults = faults_of(video, sidecars) if status is Status.SKIPPED else {}
        status = Status(list(faults)[-1]) if faults else status
        return super().expected(status, video, sidecars, "; ".join(faults.values()) or note)

    def time_limit(self, video: Video) -> float:
        return self.timeout or decoding_limit(video.path)

    def make(self, media: Media) -> ArtifactOutput:
        from videolib.media.integrity import VerifySettings, verify_video

        threads = -(-cores() // self.workers) if self.workers and self.workers > 1 else 0
        return verify_video(media, VerifySettings(self.quick, self.force, self.accept, threads))


# === Commands: duplicates =========================================================================

PREFER_HELP = (
    "which copy to keep: query terms, and fields alone for the larger value, in order, such as"
    " 'path:/films codec:hevc -size:'; see docs/duplicates.md"
)


class Dupes(LibraryCommand):
    """Find videos that show the same, from their phash artifacts; say which copy to keep.

    Two videos match if enough of their frames match in order and their durations are similar; black
    frames, title cards and stills match nothing. Each group is a video to keep, with the reason,
    and its matches. Of the videos themselves, only those of equal size are read, to find exact
    copies. Nothing is changed without --apply.
    """

    folder_options = ("undo",)

    threshold: float = option(
        0.92, "smallest similarity of two frames, 0 to 1; copies have 0.92 and more", ge=0, le=1
    )
    limit: int = option(25, "show and change at most this many pairs and groups", unset="all", ge=0)
    quorum: float = option(
        0.8, "share of the frames that must match; flat ones do not count", gt=0, le=1
    )
    duration_tolerance: Tolerance = option(
        "5%", "how far the durations of copies may differ", pattern=r"^\d+(\.\d+)?%?$"
    )
    deep: bool = option(False, "also find copies that are mirrored, or begin or end elsewhere")
    compute: bool = option(False, "make missing phash artifacts first, with --deep the larger ones")
    html: Path | None = option(None, "also write a page with the pictures side by side", local=True)
    apply: Literal["report", "trash", "hardlink"] = option(
        "report",
        "trash: move matches to the trash; hardlink: make exact copies one file",
        changes_library=True,
    )
    only: VideoNames = option((), "deal with these matches only, named as in the groups", many=True)
    keep: VideoNames = option((), "keep these videos, whatever their groups suggest", many=True)
    prefer: str = option("", PREFER_HELP, metavar="TERMS")
    undo: bool = option(False, "take back the last --apply")
    ignore: VideoPair = option((), "remember that these two are no duplicates", many=True)
    unignore: VideoPair = option((), "forget that these two were ignored", many=True)

    def run(self, job: Job) -> Result:
        from videolib.duplicates.ignored import change_ignored
        from videolib.duplicates.preferences import parse_preferences
        from videolib.duplicates.removal import complete_undo

        library = self.library()
        parse_preferences(self.prefer)  # a mistake in it is reported before all the work
        if self.undo:
            undone = self.undo_last("dupes", "dupes --apply")
            restored = complete_undo(undone)
            return self.undo_result(undone, restored.as_json(), *restored.lines())
        if self.ignore or self.unignore:
            change = change_ignored(library, self.ignore, self.unignore)
            return Result(change.as_json(), change.text())
        if self.html:
            need_output("--html", self.html)
        hashing = self.companion(Phash, deep=self.deep).run(job) if self.compute else None
        if hashing:
            job.console.say(hashing.text.partition("\n")[0], Level.INFO)
        return hashing if hashing and job.cancelled.is_set() else self.search(library, job, hashing)

    def search(self, library: Library, job: Job, hashing: Result | None) -> Result:
        """Find duplicates and deal with them; `hashing` is what came of --compute."""
        from videolib.duplicates.fingerprints import DurationTolerance
        from videolib.duplicates.removal import DuplicateRemoval
        from videolib.duplicates.rendering import RenderedReport
        from videolib.duplicates.report import find_duplicates
        from videolib.duplicates.search import DuplicateCriteria

        only = {library.find_video(name).rel for name in self.only}
        keep = frozenset(library.find_video(name).rel for name in self.keep)
        tolerance = DurationTolerance.of(self.duration_tolerance)
        criteria = DuplicateCriteria(
            self.threshold, self.quorum, tolerance, self.deep, keep, self.prefer
        )
        report = find_duplicates(library, open_catalogue(library), criteria, job)
        selection = report.selection(self.limit, only)
        problems = library.problems + selection.problems
        self.say_problems(job, problems)
        rendered = RenderedReport(report, selection, self.compute)
        data, text = rendered.as_json(), rendered.text()
        if self.html:
            write_output(self.html, rendered.page())
        failed = bool(problems or (hashing and hashing.code))
        if self.apply != "report" and selection.groups:
            removal = DuplicateRemoval(report, self.apply, self.library_paths())
            removal.carry_out(selection.groups, job)
            data, text = data | {"applied": removal.actions}, f"{text}\n{removal.text()}"
            failed |= removal.failed
        return Result(data, text, Exit.of(failed))


# === Commands: rename =============================================================================


class Rename(LibraryCommand):
    """Rename a video, or many with --batch, and everything that belongs to them.

    Artifacts, tags, subtitles and .nfo files are renamed along, and the names inside them. No file
    is overwritten: if a name is taken, nothing is renamed; swaps and cycles work. With --batch,
    --source is searched in each name without its extension first. --target may be a path, and may
    have the fields {stem} {duration} (in seconds) {width} {height} {vcodec} and {n}, which counts
    the matching names, with zeros as {n:03}.
    """

    directory: Path = option(Path(), "the folder of videos", metavar="DIR", short="-d")
    src: Path | None = option(None, "the video to rename", positional=True)
    dst: Path | None = option(None, "its new name, or a folder to move it to", positional=True)
    batch: bool = option(False, "rename all videos of the folder whose name contains --source")
    source: str = option("", "the text to replace")
    target: str = option("", "the text that replaces it")
    regex: bool = option(False, "--source is a regular expression; --target may use \\1")
    limit: int = option(0, "rename at most this many videos", unset="all", ge=0)
    force: bool = option(False, "carry out --batch instead of showing what it would rename")
    show_all: bool = option(False, "show every new name, not only the first")
    undo: bool = option(False, "take back the last or an interrupted renaming")
    recover: bool = option(False, "finish an interrupted renaming, or take it back")

    def run(self, job: Job) -> Result:
        if self.recover or self.undo:
            return self.recovered() or self.undone(job)
        return self.many(job) if self.batch else self.one(job)

    def recovered(self) -> Result | None:
        """Finish what was interrupted or take it back; None where undoing finds nothing of that."""
        from videolib.storage.recovery import recover

        recovered = recover(self.library_paths(), back=self.undo)
        if not recovered:
            return None if self.undo else Result({"recovered": None}, "nothing was interrupted")
        outcome = "finished" if recovered.finished else "taken back"
        command = recovered.replay.file.command
        data = {"recovered": command, "outcome": outcome}
        text = f"{command}: what was interrupted is {outcome}"
        return self.undo_result(recovered, data, text)

    def undone(self, job: Job) -> Result:
        from videolib.organize.rename import undo_renames

        return self.result(job, undo_renames(job, self.library_paths(), self.artifacts_dir))

    def one(self, job: Job) -> Result:
        """`rename SRC DST`."""
        from videolib.organize.rename import RenameOutcome, RenamePlan, rename_videos, single_pair

        if not self.src or not self.dst:
            raise UsageError("rename SRC DST, or rename --batch -d DIR --source TEXT --target TEXT")
        root, pair = single_pair(self.src, self.dst, self.directory, self.artifacts_dir)
        if errors := RenamePlan([pair]).errors:  # before a journal is begun for it
            return self.result(job, RenameOutcome([], errors, 1))
        paths = self.library_paths(root)
        plan = rename_videos(job, paths, [pair])
        return self.result(job, RenameOutcome(plan.moves, plan.errors, 1, undo_root=paths.root))

    def many(self, job: Job) -> Result:
        """`rename --batch`."""
        from videolib.organize.naming import Substitution
        from videolib.organize.rename import rename_matching

        library, paths = self.library(), self.library_paths()
        if self.src or self.dst:
            raise UsageError("--batch takes its folder with -d DIR")
        substitution = Substitution(self.source, self.target, self.regex)
        outcome = rename_matching(job, library, paths, substitution, self.limit, self.force)
        return self.result(job, outcome)

    def result(self, job: Job, outcome: RenameOutcome) -> Result:
        self.say_problems(job, outcome.messages())
        data, text = outcome.as_json(self.show_all), outcome.text(self.show_all)
        return Result(data, text, Exit.of(outcome.errors))


# === Commands: orphans ============================================================================


class Orphans(LibraryCommand):
    """Find artifacts whose video is gone, and temporary files of interrupted runs.

    A moved or renamed video is recognized by its size and oshash.
    """

    takes_files = False

    relink: bool = option(False, "put artifacts beside their video if it was moved or renamed")
    delete: bool = option(False, "move orphans to .artifacts/.trash/ and remove temporary files")
    undo: bool = option(False, "take back the last --relink or --delete")

    def run(self, job: Job) -> Result:
        from videolib.organize.orphans import resolve_orphans

        library, paths = self.library(), self.library_paths()
        if self.undo:
            return self.taken_back()
        report = resolve_orphans(job, library, paths, self.relink, self.delete)
        self.say_problems(job, [*report.unmatched, *report.problems])
        return Result(report.as_json(), report.text(), Exit.of(report.failed))

    def taken_back(self) -> Result:
        undone = self.undo_last("orphans", "orphans --relink or --delete")
        counts = undone.replay.facts
        text = ", ".join(f"{count:,} {action}" for action, count in counts.items() if count)
        return self.undo_result(undone, {"undone": counts}, f"taken back: {text}")


# === Commands: trash ==============================================================================


class Trash(LibraryCommand):
    """Show what lies in the trash of a folder and of those below, bring it back, or empty it.

    Videos that were deleted on the page lie there with all that is their own, and what dupes and
    orphans moved there.
    """

    takes_files = False

    restore: int = option(0, "bring back what was deleted under this number", ge=1)
    empty: bool = option(False, "delete all that lies there for good")

    def run(self, job: Job) -> Result:
        from videolib.organize.emptying import trash_outcome

        if self.restore and self.empty:
            raise UsageError("--restore and --empty: one at a time")
        outcome = trash_outcome(self.library_paths(), job, self.restore, self.empty)
        return Result(outcome.as_json(), outcome.text(), Exit.of(outcome.problems))


# === Commands: the library ========================================================================


class ListVideos(LibraryCommand):
    """List the videos of a folder and what their metadata says; opens no video."""

    query: str = option("", QUERY_HELP, metavar="QUERY", short="-q")
    show_size: bool = option(False, "also show the sizes")
    sort: VideoOrder = option("name", "in which order; random is another one each time")
    limit: int | None = option(None, "list at most this many", ge=1)
    long: bool = option(False, "on a terminal: show more columns", short="-l")
    format: ListingFormat = option(
        "auto", "auto is a table on a terminal; paths0 is paths that end in NUL, for xargs -0"
    )
    fields: FieldNames = option((), "which columns to show, of the table, csv and jsonl")

    def run(self, job: Job) -> Result:
        from videolib.catalogue.listing_formats import ListingStyle, checked_fields
        from videolib.catalogue.listings import listing_entry
        from videolib.catalogue.query import compile_query

        library = self.library()
        compile_query(self.query)  # a mistake in it is reported before the library is scanned
        checked_fields(self.fields)
        if self.format != "auto" and self.output_format == "json":
            raise UsageError(f"--format {self.format} and --json: only one of them")
        folder, listing = f"{library.root.absolute()}/", list[tuple[str, dict[str, Any]]]()

        def listed(row: VideoRow) -> dict[str, Any]:
            entry = listing_entry(row, folder)
            if self.output_format == "text":
                listing.append((row.rel, entry))
            return entry

        with self.catalogue(library) as catalogue:
            videos = catalogue.browse(job, library, self.query, self.sort, self.limit or -1)
            rows = JsonRows(map(listed, videos))
        # Unreadable sidecars leave the list of videos complete, but not the answer to a query.
        problems = catalogue.problems + (catalogue.sidecar_problems if self.query else [])
        self.say_problems(job, problems)
        if not rows:
            reason = "no video is like that" if self.query else library.nothing_found
            job.console.say(reason, Level.WARNING)
        style = ListingStyle(self.format, self.fields, self.long, self.show_size)
        return Result(rows, style.text(listing), Exit.of(problems), style.file(listing))


class SubtitleSearch(LibraryCommand):
    """Find words in the subtitles of all videos, made here or found beside them.

    All words must occur in one sentence; upper and lower case and accents make no difference. You
    can use "a phrase", begin*, OR, NOT and NEAR(a b, 5). Changed subtitles are read again first;
    videos are not opened.
    """

    text: str = option("", "the words to find", metavar="TEXT", required=True, positional=True)
    limit: int | None = option(None, "show at most this many videos", ge=1)
    offset: int = option(0, "skip this many videos first", ge=0)
    lines: int | None = option(None, "show at most this many lines of each video", ge=1)

    @classmethod
    def options(cls) -> dict[str, Option]:
        """The text stands before the folder."""
        return {"text": vars(SubtitleSearch)["text"]} | super().options()

    def run(self, job: Job) -> Result:
        from videolib.speech.passages import SUBTITLE_INDEX
        from videolib.speech.search import search_expression

        expression, library = search_expression(self.text), self.library()
        with self.catalogue(library) as catalogue:
            catalogue.prepare(job, library)
            catalogue.fill(SUBTITLE_INDEX.name, job)
            result = self.search(catalogue, expression)
        problems = catalogue.problems + catalogue.sidecar_problems
        problems += [(file.video, file.error) for file in result.unreadable]
        self.say_problems(job, problems)
        if not result.total:
            what = f"nothing found in {plural(result.searched, 'video')} with subtitles"
            job.console.say(f"search: {what}", Level.WARNING)
        return Result(result.as_json(self.lines), result.text(self.lines), Exit.of(problems))

    def search(self, catalogue: Catalogue, expression: str) -> SearchResult:
        """The page of matching videos that is asked for."""
        from videolib.speech.search import search_subtitles

        view = catalogue.view(self.library())
        return search_subtitles(catalogue, expression, view, self.offset, self.limit)


class Report(LibraryCommand):
    """Show which artifacts each video has: fresh, stale or missing; opens no video."""

    def run(self, job: Job) -> Result:
        from videolib.catalogue.listings import CoverageReport, coverage_text

        library, report = self.library(), CoverageReport()
        with self.catalogue(library) as catalogue:
            rows = JsonRows(map(report.entry, catalogue.browse(job, library)))
        problems = catalogue.problems + catalogue.sidecar_problems
        self.say_problems(job, problems)
        if not rows:
            job.console.say(library.nothing_found, Level.WARNING)
        data = report.as_json(rows)
        return Result(data, coverage_text(data), Exit.of(problems))


class Batch(RunCommand):
    """Make several kinds of artifacts at once, each with its own limit of videos at a time.

    A video that failed before is left out until it changes.
    """

    tasks: TaskNames = option(("meta", "thumbs"), "which artifacts to make, by command")
    retry: bool = option(False, "also try videos that failed before and have not changed since")

    @classmethod
    def options(cls) -> dict[str, Option]:
        """The declared ones, and a cap for every kind of task there is."""
        caps = {}
        for task in task_classes():
            cap = Option(
                task.batch_limit,
                f"how many videos at a time for {task.artifact.kind}",
                unset="" if task.batch_limit else "one per processor core",
                ge=1,
                le=256,
            )
            cap.name = cap.attribute = cap_name(task)
            caps[cap.name] = cap
        return super().options() | caps

    @classmethod
    def hints(cls) -> dict[str, Any]:
        """The declared types, and those of the caps."""
        declared = typing.get_type_hints(cls)
        return {name: declared.get(name, int | None) for name in cls.options()}

    def run(self, job: Job) -> Result:
        runner = Runner(job, self, self.planned(), self.caps())
        items, name = runner.plan(), command_names(type(self))[0]
        if not (self.tasks or self.dry_run):
            unwanted = declined(name, (task for item in items for task in item.tasks), job)
            items = [kept for item in items if (kept := item.without(unwanted)).tasks]
        limits = None if self.cluster_settings() else (runner.caps, runner.processes)
        announce(name, RunPlan.of(items, limits), job)
        return runner.run(items)

    def planned(self) -> list[VideoTask]:
        names = {task_named(name): name for name in reversed(self.tasks)}
        chosen = map(task_named, self.tasks)
        every = (task for task in task_classes() if task.by_default)
        tasks = dict.fromkeys(chosen if self.tasks else every)
        return [self.build(task, names.get(task, "")) for task in tasks]

    def build(self, task: type[VideoTask], name: str) -> VideoTask:
        """A task with its configured parameters and what this request shares with all of them."""
        shared = self.shared()
        if self.timeout == self.options()["timeout"].default:
            del shared["timeout"]  # nothing was said: the task's own holds
        configured = (self.context.config or Config()).settings(task)
        built = task(**{k: v for k, v in configured.items() if k != "workers"} | shared)
        built.remembers_failures, built.typed_name = True, name
        built.workers = getattr(self, cap_name(task))
        return built

    def caps(self) -> dict[str, int]:
        caps = {task.artifact.kind: getattr(self, cap_name(task)) for task in task_classes()}
        return {kind: cap for kind, cap in caps.items() if cap}


class Finish(Batch):
    """Make everything that is missing or stale, of every kind; says first what that is.

    A video that failed before is left out until it changes.
    """

    tasks: TaskNames = option((), "make only these artifacts", unset="all but verify")


def task_classes() -> list[type[VideoTask]]:
    """Every artifact command, once, in the order of the table."""
    return [c for c in dict.fromkeys(COMMANDS.values()) if issubclass(c, VideoTask)]


def task_named(name: str) -> type[VideoTask]:
    """The artifact command of that name. Raises UsageError where there is none."""
    command = COMMANDS.get(name)
    if command and issubclass(command, VideoTask):
        return command
    names = ", ".join(n for n, c in COMMANDS.items() if issubclass(c, VideoTask))
    raise UsageError(f"--tasks: {printable(name)} makes no artifact; there are {names}")


def cap_name(task: type[VideoTask]) -> str:
    """The option that caps a task: max_ and its shortest name."""
    return "max_" + min(command_names(task), key=len)


# === Commands: watch ==============================================================================


class WatchRunner(Runner):
    """A Runner for videos that a watch noticed: what is known to be broken is left out, a line says
    what was made of each, and none is begun outside of the hours."""

    def __init__(
        self,
        job: Job,
        batch: Batch,
        tasks: Sequence[VideoTask],
        videos: Iterable[str],
        hours: Hours,
    ) -> None:
        super().__init__(job, batch, tasks, batch.caps())
        self.library.only, self.hours = frozenset(videos), hours

    def may_begin(self) -> bool:
        return self.hours.now()

    def _record(self, item: WorkItem, outcomes: Iterable[Outcome], seconds: float) -> None:
        outcomes = list(outcomes)
        super()._record(item, outcomes, seconds)
        if made := [outcome.kind for outcome in outcomes if outcome.status in STORED]:
            self._say(made, item.video.rel, "made", level=Level.INFO)

    def having(self, status: Status) -> set[str]:
        """The videos with that outcome in any task, but for those that lack a program or package:
        no other time would be better."""
        kinds = self.outcomes.keys() - self.lacking.keys()
        rows = (row for kind in kinds for row in self.outcomes[kind].items())
        return {rel for rel, outcome in rows if outcome.status is status}


class Watch(LibraryCommand):
    """Make what is missing, then stay and do the same for every new, changed or moved video.

    A video is read when it is complete: unchanged for some seconds and no longer open for writing.
    Artifacts follow a video that was moved or renamed; those of a deleted one stay until
    `orphans --delete`. What failed is tried again later, a broken video when it changes.
    """

    stays = True
    takes_files = False

    tasks: TaskNames = option(("meta", "thumbs", "sprites"), "which artifacts to make, by command")
    export: FormatNames = option((), "also export these formats; docs/exports.md lists them")
    settle: Seconds = option(
        5.0, "begin with a video when it is unchanged for this long", ge=0, le=86400
    )
    poll: Seconds | None = option(
        None, "look for changes this often", unset="depends on the disk", ge=1, le=86400
    )
    hours: HourSpan = option(
        "", "work at these hours only, such as 22-6 or 22:30-6:15", pattern=HOURS_PATTERN
    )
    idle: bool = option(False, "run with the lowest priority for processor and disk")
    workers: int | None = RunCommand.workers
    timeout: float = RunCommand.timeout
    allow_codecs: str = RunCommand.allow_codecs
    cluster: str = RunCommand.cluster
    tls_files: tuple[str, ...] = RunCommand.tls_files
    insecure: bool = RunCommand.insecure
    PASSED = ("workers", "timeout", "allow_codecs", "cluster", "tls_files", "insecure")

    def run(self, job: Job) -> Result:
        from videolib.catalogue.watching import only_watcher

        session, hours = self.session(job), Hours.parse(self.hours)
        if self.idle:
            lower_priority()
        nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        hangup = job.interruptible(() if nohup else (signal.SIGHUP,))
        with only_watcher(session.library.root), hangup:
            for batch in session.batches(job, hours.now):
                handled = attempt(session.handle, job, batch)
                if isinstance(handled, Failure):
                    session.say(handled.reason, Level.ERROR)
        return session.result(job)

    def session(self, job: Job, changed: Callable[[], None] = lambda: None) -> WatchSession:
        """The watch, not yet begun; `changed` is called when videos came, changed or went. Raises
        UsageError for what is wrong with the request."""
        from videolib.catalogue.folder_events import choose_events
        from videolib.catalogue.watching import LibraryWatcher
        from videolib.organize.watch_session import WatchSession

        library, stop = self.library(), job.cancelled

        def say(text: str, level: Level = Level.INFO) -> None:
            job.console.say(f"watch: {printable(str(self.directory))}: {text}", level)

        self.runs()
        root = str(library.root.absolute())
        connect = functools.partial(choose_events, root, self.poll, stop, say)
        watcher = LibraryWatcher(library, connect, self.settle, say, stop.wait, changed=changed)
        return WatchSession(self.library(), self.library_paths(), watcher, self.make, say)

    def make(self, job: Job, videos: Sequence[str]) -> MadeBatch:
        """Make what videos lack. Raises UsageError where the folder is gone."""
        from videolib.organize.watch_session import MadeBatch

        made, hours = MadeBatch([], set(), set()), Hours.parse(self.hours)
        for batch, tasks in self.runs():
            runner = WatchRunner(job, batch, tasks, videos, hours)
            reports = [*made.reports, *runner.run().data["tasks"]]
            failed, unbegun = runner.having(Status.FAILED), runner.having(Status.CANCELLED)
            made = MadeBatch(reports, {*made.failed, *failed}, {*made.unbegun, *unbegun})
        return made

    def runs(self) -> list[tuple[Batch, list[VideoTask]]]:
        """The tasks by run: exports that need no frames are written when the artifacts are there.

        Raises UsageError for names of tasks and formats that are not known or not of one video.
        """
        passed = {name: getattr(self, name) for name in self.PASSED}
        fixed = {"force": False, "dry_run": False, "only": ()}
        batch = self.companion(Batch, tasks=self.tasks, retry=False, **passed, **fixed)
        if not self.export:
            return [(batch, batch.planned())]
        export = self.companion(
            Export, format=self.export, remove=False, query="", **fixed, **passed
        )
        if lists := [made.name for made in export.lists()]:
            raise UsageError(f"--export {','.join(lists)}: one file for all videos: use export")
        exports = export.planned()
        shared = [task for task in exports if isinstance(task, FrameTask)]
        later = [task for task in exports if task not in shared]
        runs = [(batch, [*batch.planned(), *shared]), (batch, later)]
        return [(batch, tasks) for batch, tasks in runs if tasks]


# === Commands: doctor =============================================================================


class Doctor(Command):
    """Show which programs, encoders, packages and models are installed, and what is missing."""

    output_format: Literal["text", "json"] = LibraryCommand.output_format

    def run(self, job: Job) -> Result:
        from videolib.core.installation import check_dependencies
        from videolib.faces import installation as faces
        from videolib.speech import models as speech

        subtitles = build(Subtitles, {}, self.context)
        checks = [*check_dependencies(), *faces.model_checks()]
        checks += speech.model_checks(subtitles.recognizer_settings())
        ok = all(check.passed for check in checks)
        data = {"ok": ok, "checks": [check._asdict() for check in checks]}
        return Result(data, "\n".join(check.line for check in checks), Exit.of(not ok))


# === Commands: completion =========================================================================


class Completion(Command):
    """Print the script by which a shell completes commands, flags and values of video-library.

    `eval "$(video-library completion bash)"` in ~/.bashrc, the same with zsh in ~/.zshrc, and
    `video-library completion fish | source` in ~/.config/fish/config.fish.
    """

    shell: Literal["bash", "zsh", "fish"] = option("bash", "the shell", positional=True)
    output_format: Literal["text", "json"] = LibraryCommand.output_format

    def run(self, job: Job) -> Result:
        import shtab

        script = shtab.complete(whole_parser(), self.shell)
        return Result({"shell": self.shell, "script": script}, script)


# === Commands: serve ==============================================================================


class Serve(Command):
    """Serve the library to browsers and programs on this machine: the page and the API."""

    stays = True

    directory: Path | None = option(
        None, "the folder to serve", metavar="DIR", unset=".", positional=True
    )
    root: tuple[Folder, ...] = option(
        (), "more folders to serve: nothing outside them is seen or changed", many=True
    )
    host: str = option(
        "127.0.0.1", "the address to listen on; others than this machine's need --token"
    )
    port: int = option(8000, "the port to listen on", unset="any free one", ge=0, le=65535)
    token: str = option("", "a secret that every request must send")
    cors_origin: Origins = option(
        (), "other pages that may use the API, such as http://localhost:5173", many=True
    )
    watch: TaskNames = option(
        (),
        "make these artifacts for new and changed videos; alone: meta,thumbs,sprites",
        bare="meta,thumbs,sprites",
    )
    models: Names = option(
        (), "Whisper models, by name or folder, that jobs may choose beside the default"
    )
    output_format: Literal["text", "json"] = LibraryCommand.output_format

    GRACE: ClassVar = 2  # seconds that open requests get to end

    def run(self, job: Job) -> Result:
        from videolib.core.processes import environment
        from videolib.core.sockets import http_server, listening_socket

        local = self.host in ("localhost", "::1") or self.host.startswith("127.")
        if not local and not self.token:
            raise UsageError(f"--host {printable(self.host)} lets other machines in: set a --token")
        for name in self.watch:
            task_named(name)
        roots = self.roots()
        listening = listening_socket(self.host, self.port)
        with environment(self.settings(roots)):
            server = http_server("api:create_app", self.GRACE)
        folders, port = ", ".join(map(printable, roots.paths)), listening.getsockname()[1]
        about = f"serving {folders} at http://{self.host}:{port}/ - Ctrl-C ends it"
        job.console.say(about, Level.INFO)
        server.run(sockets=[listening])
        return Result({"ended": True}, "", job.exit_code if job.cancelled.is_set() else Exit.OK)

    def roots(self) -> Roots:
        """The folders that may be seen and changed; the working folder where none is named."""
        folders = [self.directory, *self.root] if self.directory else self.root
        return Roots(folders or [Path()])

    def settings(self, roots: Roots) -> dict[str, str]:
        """These options as the environment variables that `api` reads."""
        return {
            "VIDEO_ROOTS": json.dumps(roots.paths),
            "VIDEO_TOKEN": self.token,
            "VIDEO_HOSTS": f"{self.host},{os.environ.get('VIDEO_HOSTS', '')}",
            "VIDEO_CORS_ORIGINS": ",".join(self.cors_origin),
            "VIDEO_WATCH": ",".join(self.watch),
            "VIDEO_MODELS": json.dumps(self.models),
        }


# === Commands: a cluster ==========================================================================


class Scheduler(Command):
    """Run the scheduler of a cluster, which workers join and --cluster uses."""

    stays = True

    host: str = option("127.0.0.1", "the address to listen on; others than this machine's need TLS")
    port: int = option(8786, "the port to listen on", unset="any free one", ge=0, le=65535)
    tls_files: tuple[str, ...] = RunCommand.tls_files
    insecure: bool = option(False, "listen without TLS where other machines may connect")
    output_format: Literal["text", "json"] = LibraryCommand.output_format

    def run(self, job: Job) -> Result:
        from videolib.core.cluster.service import serve_scheduler

        serve_scheduler(job, self.host, self.port, self.tls_files, self.insecure)
        return Result({"ended": True}, "", job.exit_code)


class Worker(Command):
    """Join a cluster: make artifacts for the runs that use its scheduler, until Ctrl-C."""

    stays = True

    address: str = option(
        "", "of the scheduler, as tcp://HOST:8786", metavar="URL", required=True, positional=True
    )
    slots: int | None = option(
        None, "how many videos at a time", unset="one per processor core", ge=1, le=256
    )
    nthreads: int | None = option(
        None, "units to have here, waiting ones too", unset="as many as slots", ge=1, le=1024
    )
    only: TaskNames = option((), "do only these tasks, as transcode,subtitles")
    map_: tuple[str, ...] = option(
        (), "where this machine has the folders of runs", metavar="THERE=HERE[,THERE=HERE...]"
    )
    tls_files: tuple[str, ...] = RunCommand.tls_files
    insecure: bool = RunCommand.insecure
    output_format: Literal["text", "json"] = LibraryCommand.output_format

    def run(self, job: Job) -> Result:
        from videolib.core.cluster.service import Offer, serve_worker

        own = {"transcode": "transcode", "export": "export"}  # of which not all are one task
        kinds = [own.get(name) or task_named(name).artifact.kind for name in self.only]
        offer = Offer.of(self.slots, self.nthreads, kinds, self.map_)
        serve_worker(job, self.address, self.tls_files, self.insecure, offer)
        return Result({"ended": True}, "", job.exit_code)


# === Commands: the table ==========================================================================

# The commands that the API runs as jobs beside those that make artifacts.
JOB_COMMANDS = frozenset(
    {"codecs", "compare", "dupes", "phash-dupes", "listing", "orphans", "rename", "report"}
)

COMMANDS: dict[str, type[Command]] = {
    "list": ListVideos,
    "search": SubtitleSearch,
    "metadata": Metadata,
    "meta": Metadata,
    "queue": Metadata,
    "thumbs": Thumbs,
    "sprites": Sprites,
    "phash": Phash,
    "heatmaps": Heatmaps,
    "scenes": Scenes,
    "previews": Previews,
    "embed": Embed,
    "listing": ListPeople,
    "people": People,
    "subtitles": Subtitles,
    "verify": Verify,
    "codecs": Codecs,
    "transcode": Transcode,
    "compare": Compare,
    "export": Export,
    "tags": Tags,
    "dupes": Dupes,
    "phash-dupes": Dupes,
    "rename": Rename,
    "orphans": Orphans,
    "trash": Trash,
    "report": Report,
    "batch": Batch,
    "finish": Finish,
    "watch": Watch,
    "serve": Serve,
    "scheduler": Scheduler,
    "worker": Worker,
    "doctor": Doctor,
    "completion": Completion,
}


def command_names(command: type[Command]) -> list[str]:
    """What a command is called, its own name before the aliases."""
    return [name for name, other in COMMANDS.items() if other is command]


def summary_line(command: type[Command]) -> str:
    """What a command does, in a line."""
    return (command.__doc__ or "").splitlines()[0]


# === Configuration ================================================================================

# Keys of the section `thresholds` -> the command and the option that each of them sets.
THRESHOLDS = {"scene": ("scenes", "threshold"), "phash_similarity": ("dupes", "threshold")}
# Top-level keys -> the option that each of them sets, of every command on a library ...
LIBRARY_KEYS = {"extensions": "ext", "artifacts_dir": "artifacts_dir"}
# ... and of every one that makes artifacts.
LIBRARY_KEYS |= {"cluster": "cluster", "tls_files": "tls_files", "insecure": "insecure"}
FOLDER_KEYS = frozenset({"extensions"})  # that a file found in the folder may set beside numbers


class Config(NamedTuple):
    """The values of a videorc.json.

    A file that was not named but found in the folder of videos is not `trusted`: it may set only
    numbers and choices that change nothing, as whoever made the folder may have written it.
    """

    data: Mapping[str, Any] = {}
    origin: str = ""
    trusted: bool = True

    @classmethod
    def load(cls, explicit: str | None, directory: Path | None) -> Config:
        """From --config, else $VIDEORC, else the user's own file, else the folder. Raises
        UsageError naming every mistake."""
        data, origin, trusted = read_configuration(explicit, directory or Path())
        config = cls(data if isinstance(data, dict) else {}, origin, trusted)
        mistakes = list(config.mistakes()) if isinstance(data, dict) else ["not a JSON object"]
        if mistakes:
            raise UsageError("\n".join(f"{config.origin}: {mistake}" for mistake in mistakes))
        return config

    def settings(self, command: type[Command]) -> dict[str, Any]:
        """The values for the parameters of a command."""
        names = command_names(command)
        values = {name: self.data[key] for key, name in LIBRARY_KEYS.items() if key in self.data}
        for option_key, (owner, key) in THRESHOLDS.items():
            if owner in names and option_key in self.data.get("thresholds", {}):
                values[key] = self.data["thresholds"][option_key]
        for name in names:
            if name in self.data.get("workers", {}):
                values["workers"] = self.data["workers"][name]
            values |= self.data.get(name, {})
        if isinstance(values.get("artifacts_dir"), str):
            values["artifacts_dir"] = Path(values["artifacts_dir"]).expanduser()
        return {key: value for key, value in values.items() if key in command.options()}

    def mistakes(self) -> Iterator[str]:
        """Every unknown key, wrong value and value this file may not set, each with its path."""
        for name, value in self.data.items():
            if name in LIBRARY_KEYS:
                yield from self.value_mistakes(name, RunCommand, LIBRARY_KEYS[name], value)
            elif name not in {"workers", "thresholds", *COMMANDS}:
                names = ("workers", "thresholds", *LIBRARY_KEYS, *COMMANDS)
                yield f"{name}: no such key{did_you_mean(name, names)}"
            elif not isinstance(value, dict):
                yield f"{name}: should be an object"
            else:
                for key, item in value.items():
                    yield from self.item_mistakes(name, key, item)

    def item_mistakes(self, section: str, key: str, item: Any) -> Iterator[str]:
        """What is wrong with one key of a section: a command, `workers` or `thresholds`."""
        path, command = f"{section}.{key}", COMMANDS.get(section)
        if section == "workers" and (key in COMMANDS or key in ARTIFACTS):
            yield from self.value_mistakes(path, RunCommand, "workers", item)
        elif section == "thresholds" and key in THRESHOLDS:
            owner, name = THRESHOLDS[key]
            yield from self.value_mistakes(path, COMMANDS[owner], name, item)
        elif command and key in command.options():
            yield from self.value_mistakes(path, command, key, item)
        else:
            names = command.options() if command else THRESHOLDS
            yield f"{path}: no such key{did_you_mean(key, names)}"

    def value_mistakes(
        self, path: str, command: type[Command], key: str, value: Any
    ) -> Iterator[str]:
        """What is wrong with the value of a command's option, named by its path in the file."""
        harmless = (
            is_plain_choice(command.hints()[key]) and not command.options()[key].changes_library
        )
        foreign = foreign_types(value) if path in FOLDER_KEYS else []
        if not self.trusted and (foreign or not (harmless or path in FOLDER_KEYS)):
            strange = f"{printable(foreign[0])} is no type of video, and " if foreign else ""
            yield f"{path}: {strange}only a file named with --config or $VIDEORC may set this"
            return
        try:
            command.check({key: value})
        except UsageError as error:
            yield f"{path}: {str(error).partition(' ')[2]}"


# === Command line =================================================================================


def help_rows(classes: Sequence[type[Command]]) -> list[tuple[str, str, type[Command]]]:
    """Heading, name and command of every option that a line may have, in the order of the help."""
    rows: dict[str, tuple[str, str, type[Command]]] = {}
    for command in classes:
        title = command_names(command)[0]
        own = f"options of {title}" if len(classes) > 1 else "options"
        for name, declared in command.options().items():
            section = "arguments" if declared.positional else heading(title, name) or own
            rows.setdefault(name, (section, name, command))
    ranks = {"arguments": -1} | {section: rank for rank, section in enumerate(SHARED_SECTIONS, 1)}
    return sorted(rows.values(), key=lambda row: ranks.get(row[0], 0))


def command_parser(names: str, classes: Sequence[type[Command]], config: Config) -> Parser:
    """The parser of one command or a chain; it tells words apart, the commands check values."""
    rows = help_rows(classes)
    words = [command.options()[name] for section, name, command in rows if section == "arguments"]
    usage = [o.spelled if o.required else f"[{o.spelled}]" for o in words]
    typed = {COMMANDS[name]: f"{program_name()} {name}" for name in reversed(names.split(","))}
    examples = [examples_text(command_names(c)[0], typed[c]) for c in classes]
    width = shutil.get_terminal_size().columns - 2
    parser = Parser(
        usage=" ".join([program_name(), names, *usage, "[options]"]),
        description="\n\n".join(wrapped(command.__doc__ or "", width) for command in classes),
        epilog="\n".join(["examples:", *examples]) if any(examples) else "",
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=HelpFormatter,
    )
    groups = {section: parser.add_argument_group(section) for section, _, _ in rows}
    for section, name, command in rows:
        declared = command.options()[name]
        default = config.settings(command).get(name, declared.default)
        add_option(groups[section], declared, command.placeholders()[name], default)
    add_general_flags(groups["output"])
    groups["output"].add_argument("-h", "--help", action="help", help="show this help and exit")
    return parser


def whole_parser() -> Parser:
    """All commands in one parser, which says of every value what it may be: for shells and the
    manual. No command line is read by it, since it knows no chains."""
    parser = Parser(prog=DISTRIBUTION, description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--version", action="store_true", help="show the version")
    commands = parser.add_subparsers(metavar="COMMAND")
    for command in dict.fromkeys(COMMANDS.values()):
        name, *aliases = command_names(command)
        same = [command_parser(name, [command], Config())]
        part = commands.add_parser(
            name, aliases=aliases, help=summary_line(command), parents=same, add_help=False
        )
        for action in part._actions:
            if declared := command.options().get(action.dest):
                placeholder = command.placeholders()[action.dest]
                hint = command.hints()[action.dest]
                vars(action).update(declared.offered_values(hint, placeholder))
    return parser


def with_dashes(words: Sequence[str], classes: Sequence[type[Command]]) -> list[str]:
    """Words in which what follows a flag is its value though it begins with a dash: `-q -tag:x`."""
    options = [(o, c.hints()[name]) for c in classes for name, o in c.options().items()]
    single = [o for o, hint in options if not (hint is bool or o.positional or o.many or o.bare)]
    valued = {flag for o in single for flag in (o.short, o.flag) if flag}
    return join_values(words, valued, {"-h", *(o.short for o, _ in options)})


def read_line(words: Sequence[str], console: Console | None = None) -> list[Command] | Result:
    """The commands that a command line asks for, or the answer to --help and the like."""
    before, chain, rest = split_line(words)
    if chain == "help":  # `help thumbs` is `thumbs --help`
        chain, rest = rest[0] if rest else "", ["--help"]
        before += [] if chain else rest
    names = chain.split(",") if chain else []
    top = Parser(add_help=False, allow_abbrev=False)
    add_general_flags(top)
    for flag in ("-h --help", "--list-commands", "-V --version"):
        top.add_argument(*flag.split(), action="store_true")
    flags = argparse.Namespace(**top.read(before))
    if flags.list_commands:
        return Result(list(COMMANDS), "\n".join(COMMANDS))
    if flags.version:
        return Result({"version": __version__}, __version__)
    if flags.help or not names:
        return Result(
            {"commands": list(COMMANDS)}, overview(), Exit.OK if flags.help else Exit.USAGE
        )
    unknown = [name for name in names if name not in COMMANDS]
    if unknown:
        hint = did_you_mean(unknown[0], COMMANDS)
        hint = hint or f"; {program_name()} --list-commands names them"
        raise UsageError(f"{printable(unknown[0])}: no such command{hint}")
    classes = list(dict.fromkeys(COMMANDS[name] for name in names))
    if {"-h", "--help"} & set(rest):
        config = Config.load(flags.config, None)
        return Result({"commands": names}, command_parser(chain, classes, config).format_help())
    need_no_file_names(rest)
    values = command_parser(chain, classes, Config()).read(with_dashes(rest, classes))
    config_path = (console or Console()).settle(vars(flags), values)
    for command in classes:
        command.arrange(values)
    named = NamedVideos.of(values.get("directory", "."))
    values |= {"directory": named.folder} if "directory" in values else {}
    context = Context(Config.load(config_path, Path(named.folder)), videos=named.names)
    requests = [build(command, values, context) for command in classes]
    for request, command in zip(requests, classes, strict=True):
        request.typed_name = next(name for name in names if COMMANDS[name] is command)
        request.need_videos(named)
    return requests


def build(command: type[CommandType], line: Mapping[str, Any], context: Context) -> CommandType:
    """A command from the values on the line that are its own: flag, else configuration, else
    default."""
    values = (context.config or Config()).settings(command)
    for name, hint in command.hints().items():
        if name in line:
            value = line[name]
            if value and isinstance(value, str) and names_path(hint):
                value = Path(value)
            elif hint == tuple[str, ...] and isinstance(value, str) and '"' not in value:
                value = tuple(split_names(value))
            values[name] = value
    request = command(**values)
    request.context = context
    return request


def overview() -> str:
    """The help of the whole program: its commands with a line on each."""
    rows = [
        f"  {', '.join(command_names(c)):24} {summary_line(c)}"
        for c in dict.fromkeys(COMMANDS.values())
    ]
    name = program_name()
    lines = [
        f"usage: {name} COMMAND[,COMMAND...] [DIR] [options]",
        f"\n{(__doc__ or '').splitlines()[0]}\n",
        *rows,
        f"\n{name} help COMMAND shows the options of a command, with examples.",
        f"{name} doctor shows what is installed, and what is missing.",
    ]
    return "\n".join(lines)


def run_commands(commands: Sequence[Command], job: Job) -> Result:
    """Run commands in their order; artifact commands that follow each other are one run."""
    results: list[Result] = []
    if len(commands) > 1:
        commands = [part for command in commands for part in command.parts()]
    for _, group in itertools.groupby(commands, shares_a_run):
        members = list(group)
        requests = [command for command in members if shares_a_run(command)]
        if requests:
            tasks = [task for request in requests for task in request.planned()]
            with showing_elapsed(requests[0], job):
                results.append(Runner(job, requests[0], tasks, {}).run())
        for command in [] if requests else members:
            with showing_elapsed(command, job):
                result = command.run(job)
            results.append(named(command, result) if len(commands) > 1 else result)
        if job.cancelled.is_set():
            break
    result = in_one(results)
    if job.console.least is Level.ERROR and all(isinstance(c, RunCommand) for c in commands):
        result = result._replace(text="")
    libraries = [library for command in commands for library in command.libraries]
    return with_left_out(result, libraries, job, any(command.stays for command in commands))


def showing_elapsed(command: Command, job: Job) -> contextlib.AbstractContextManager[None]:
    """While a command runs, a terminal shows for how long; not of one that is to stay."""
    name = command_names(type(command))[0]
    return contextlib.nullcontext() if command.stays else job.console.elapsed(name)


def shares_a_run(command: Command) -> typing.TypeGuard[RunCommand]:
    """Whether a command is done video by video, together with others of its kind."""
    return isinstance(command, RunCommand) and command.joins_runs


def named(command: Command, result: Result) -> Result:
    """A result that stands among others: an object that says which command it is from."""
    name = command_names(type(command))[0]
    data = {"results": result.data} if isinstance(result.data, list | JsonRows) else result.data
    return Result({"task": name} | data, result.text, result.code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and give its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    job = Job()
    try:
        with job.interruptible():
            request = read_line(words, job.console)
            result = request if isinstance(request, Result) else run_commands(request, job)
    except (CorruptError, ModuleNotFoundError, VideoError) as error:
        result = complaint(reason_of(error), Exit.SOME_FAILED)
    except UsageError as error:
        result = complaint(error, Exit.USAGE)
    except OSError as error:
        invalid = error.errno == errno.ENAMETOOLONG
        result = complaint(os_error_message(error), Exit.USAGE if invalid else Exit.SOME_FAILED)
    except CancelledError:
        result = complaint("interrupted", job.exit_code)
    try:
        write_result(result.data, result.text, asks_for_json(words), result.raw)
    except OSError as error:
        result = complaint(f"standard output: {error.strerror}", Exit.SOME_FAILED)
    return int(result.code)


def complaint(error: object, code: Exit) -> Result:
    """A request that came to nothing: a line on standard error, and the same in JSON."""
    with contextlib.suppress(OSError):  # nobody listens any more
        lines = (f"{program_name()}: {line}" for line in str(error).splitlines())
        sys.stderr.write("".join(f"{painted(line, Level.ERROR)}\n" for line in lines))
    return Result({"error": str(error)}, "", code)


if __name__ == "__main__":
    # Worker processes know this code as the module `index`: be that one, which is compiled once.
    from index import main as main_of_module

    sys.exit(main_of_module())
