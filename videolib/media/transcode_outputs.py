"""The outputs of a transcode: where each goes, whether it is up to date, and the report on them.

The record of an output, or of the decision against one, is in the .artifacts of the output folder
under the name of the source. An output without such a record is never touched.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from videolib.core.documents import read_json
from videolib.core.errors import UsageError
from videolib.core.files import names_in, need_creatable
from videolib.core.runs import Status
from videolib.core.text import clock, printable
from videolib.media.transcode_names import (
    FileStamp,
    assigned_names,
    plain_name,
    recorded_name,
    recorded_names,
)
from videolib.storage.artifacts import TRANSCODE_RECORD
from videolib.storage.names import SIDECARS, VIDEO_EXTENSIONS, State

if TYPE_CHECKING:
    from videolib.storage.folders import Library
    from videolib.storage.sidecars import SidecarDir
    from videolib.storage.videos import Video


class TranscodeOutcome(Protocol):
    """What became of one video; `facts` are those of the ArtifactOutput of a VideoTranscode."""

    @property
    def status(self) -> Status: ...
    @property
    def error(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...


class OutputFolder(NamedTuple):
    """The folder of a run's outputs, in which they have the relative paths of their sources.

    `names`: of outputs, by the paths of their videos; see transcode_names.
    """

    dest: Path
    sources: Path
    names: dict[str, str]

    @property
    def root(self) -> Path:
        """The absolute path of the folder of outputs."""
        return self.dest.absolute()

    def output(self, video: Video) -> Path:
        """Where the output for a video goes."""
        name = self.names.get(video.rel) or plain_name(video.name)
        return self.root / Path(video.rel).with_name(name)

    def check(self, is_lone: bool) -> None:
        """Raise UsageError where the folder cannot be created or is among the sources; `is_lone`:
        it was the only folder of the request, and may have been meant as that of the videos."""
        need_creatable("DEST", self.root)
        is_inside = is_within(self.root, self.sources)
        if is_lone and (is_inside or self.has_others()):
            raise UsageError(
                "transcode: DEST is missing, the folder for the outputs:"
                f" transcode {printable(str(self.dest))} DEST"
            )
        if is_inside:
            reason = "is the folder of the videos or inside it; name one outside"
            raise UsageError(f"{printable(str(self.dest))}: {reason}")

    def has_others(self) -> bool:
        """Whether there are videos in it, and no record of any output."""
        names = names_in(str(self.root)) if self.root.is_dir() else []
        has_videos = any(Path(name).suffix.lower() in VIDEO_EXTENSIONS for name in names)
        (record,) = TRANSCODE_RECORD.files
        return has_videos and not any((self.root / SIDECARS).glob(record.format("*")))

    def name_outputs(self, videos: Iterable[Video], library: Library) -> None:
        """Choose the names of the outputs for videos of a library, in the order of folders.

        Other videos beside them count, whether they are among `videos` or not.
        """
        for below, group in itertools.groupby(videos, key=lambda video: folder_of(video.rel)):
            paths = {video.name: video.rel for video in group}
            in_folder = paths.keys() | {v.name for v in next(library.walk(below)).videos}
            recorded = recorded_names(self.root / below, library.sidecar_dir(below), in_folder)
            outputs = assigned_names(in_folder, recorded)
            self.names.update((rel, outputs[name]) for name, rel in paths.items())

    def check_outputs(self, videos: Iterable[Video]) -> None:
        """Raise UsageError where the output for a video would be that video or be among the
        sources, also by way of links."""
        outputs = {video.rel: self.output(video) for video in videos}
        for name, output in outputs.items():
            if is_same_file(output, self.sources / name):
                raise UsageError(f"{printable(str(output))}: is the source {printable(name)}")
        for folder in dict.fromkeys(output.parent for output in outputs.values()):
            if is_within(folder, self.sources):
                raise UsageError(f"{printable(str(folder))}: leads into the folder of the videos")

    def state(
        self,
        video: Video,
        sidecars: SidecarDir,
        params: Mapping[str, Any],
        min_saving: float | None,
    ) -> State:
        """The state of the output for a video, under its recorded name; see `recorded_state`."""
        entry = sidecars.get(TRANSCODE_RECORD.record_name(video))
        record = read_json(entry.path) if entry else None
        if name := recorded_name(record):
            self.names[video.rel] = name
        return recorded_state(record, video, self.output(video), params, min_saving)

    def report(
        self,
        videos: Mapping[str, Video],
        outcomes: Mapping[str, TranscodeOutcome],
        dry_run: bool,
    ) -> tuple[dict[str, Any], list[str]]:
        """The result for all videos, by name: as JSON, and as lines of text."""
        actions = [
            action_row(video, outcomes[name], self.output(video))
            for name, video in videos.items()
            if name in outcomes
        ]
        errors = [
            {"video": name, "error": outcome.error}
            for name, outcome in outcomes.items()
            if outcome.status is Status.FAILED
        ]
        data: dict[str, Any] = {"dry_run": dry_run, "total": len(actions)}
        return data | {"actions": actions, "errors": errors}, action_lines(actions, dry_run)


def folder_of(rel: str) -> str:
    """The folder in a relative path, with a slash at its end; empty for the library's own."""
    return rel[: rel.rfind("/") + 1]


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or inside it once links are resolved; it need not exist."""
    resolved = path.resolve()
    return any(is_same_file(ancestor, folder) for ancestor in (resolved, *resolved.parents))


def is_same_file(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file or folder; False where one of them does not exist."""
    try:
        return path.samefile(other)
    except (FileNotFoundError, NotADirectoryError):
        return False


def recorded_state(
    record: Mapping[str, Any] | None,
    video: Video,
    output: Path,
    params: Mapping[str, Any],
    min_saving: float | None,
) -> State:
    """The state of an output by its record.

    FRESH: made of this source with these parameters, and there, or discarded for saving less than
    `min_saving`. STALE: made of another source, with other parameters, or discarded though it would
    now be kept. MISSING: no record or no output. Raises OSError where the source is gone.
    """
    if record is None:
        return State.MISSING
    source, status = record.get("source"), Path(video.path).stat()
    source = source if isinstance(source, dict) else {}
    stamp = FileStamp.read(source.get("size"), source.get("mtime_ns"))
    if stamp is None or not stamp.fits(status) or record.get("params") != params:
        return State.STALE
    if record.get("discarded"):
        saving = record.get("saving")
        if min_saving is None or not isinstance(saving, float):
            return State.STALE
        return State.FRESH if saving < min_saving else State.STALE
    exists = output.is_file() and output.stat().st_size == record.get("output_size")
    return State.FRESH if exists else State.MISSING


def action_row(video: Video, outcome: TranscodeOutcome, output: Path) -> dict[str, Any]:
    """What became of one video, as a row of the result."""
    status, facts = outcome.status, outcome.facts
    row: dict[str, Any] = {"video": video.rel, "status": str(status)}
    if status is Status.SKIPPED and not facts:  # by its record: it was not even opened
        if output.exists():
            return row | {"output": str(output), "reasons": ["done before"]}
        return row | {"reasons": ["discarded before: it does not save enough"]}
    if outcome.error:
        row["reasons"] = [outcome.error]
    return row | dict(facts)


def action_line(action: Mapping[str, Any]) -> str:
    """One video's row of the result as a line of text."""
    facts = [action.get("work", ""), "; ".join(action.get("reasons", []))]
    if "effort" in action:
        facts.append(f"about {clock(action['effort'])}")
    if "saving" in action:
        facts.append(size_change(action["saving"]))
    facts += [f"left out: {stream}" for stream in action.get("left_out", [])]
    facts.append(action.get("degraded", ""))
    text = " - ".join(printable(fact) for fact in facts if fact)
    return f"{action['status']:9} {printable(action['video'])}: {text}"


def action_lines(actions: Sequence[Mapping[str, Any]], dry_run: bool) -> list[str]:
    """The rows of the result as lines of text, without videos that had nothing to be done."""
    # A skipped video is left out, unless its row has more than video, status, output and reasons.
    lines = [action_line(a) for a in actions if a["status"] != Status.SKIPPED or len(a) > 4]
    if dry_run:
        effort = sum(action.get("effort", 0.0) for action in actions)
        lines.append(f"estimated effort: {clock(effort)} on one core")
    return lines


def size_change(saving: float) -> str:
    """The share of the source's size (1: all) that an output saves, in words."""
    return f"{saving:.1%} smaller" if saving >= 0 else f"{-saving:.1%} larger"
