"""VideoSource: what is known of a video, for the formats that are exported of it."""

from __future__ import annotations

import functools
import os
import stat
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.errors import OutsideError, UsageError, VideoError
from videolib.core.files import file_identity, stat_if_any
from videolib.core.text import to_float
from videolib.faces.decisions import PeopleDecisions
from videolib.faces.face_index import FaceIndex
from videolib.faces.people import people_dir
from videolib.faces.performers import PerformerIndex, nearest_listed
from videolib.media.metadata import checked_metadata, probe_with_pyav
from videolib.storage.artifacts import ARTIFACTS, MARKERS_RECORD
from videolib.storage.folders import Library
from videolib.storage.markers import Marker, read_markers
from videolib.storage.names import SIDECARS, State
from videolib.storage.sidecars import FileStat, SidecarDir
from videolib.storage.subtitles import SubtitleFile, external_subtitles
from videolib.storage.tags import read_tags

if TYPE_CHECKING:
    from videolib.media.reader import Media
    from videolib.storage.artifacts import Artifact, SubtitleArtifact
    from videolib.storage.folders import Roots
    from videolib.storage.subtitle_names import Purpose
    from videolib.storage.videos import Video


class VideoSource:
    """What is known of a video, each part read when it is first used.

    `inputs` notes what was read, so that a format need not say what it was made of: an export is
    stale when one of its inputs is another by now. `media` is the opened video in a worker; None
    where only names are wanted.
    """

    # Parts that are noted by value, not by their file.
    VALUES = ("title", "uri", "screen_frames", "appearances")

    def __init__(
        self,
        video: Video,
        media: Media | None = None,
        roots: Roots | None = None,
        sidecars: SidecarDir | None = None,
    ) -> None:
        self.video, self.media, self.roots = video, media, roots
        self.scanned = sidecars
        self.inputs: list[dict[str, Any]] = []

    @property
    def stem(self) -> str:
        """The name of the video without its extension."""
        return self.video.name.rpartition(".")[0]

    @functools.cached_property
    def sidecars(self) -> SidecarDir:
        """The sidecar folder, scanned if it was not before: it may have many thousand entries."""
        return SidecarDir(self.video.sidecar_dir) if self.scanned is None else self.scanned

    # --- Parts -------------------------------------------------------------------------------

    @functools.cached_property
    def title(self) -> str:
        """The stem, in words: what has dots or underscores in place of spaces gets spaces."""
        title = self.stem if " " in self.stem else self.stem.replace(".", " ").replace("_", " ")
        self._note_value("title", title)
        return title

    @functools.cached_property
    def uri(self) -> str:
        """The video as a file: URI."""
        uri = Path(self.video.path).as_uri()
        self._note_value("uri", uri)
        return uri

    @functools.cached_property
    def stored_metadata(self) -> dict[str, Any]:
        """What ffprobe knows, from the sidecar; empty where there is none."""
        metadata = checked_metadata(self.document("metadata"))
        return {} if metadata is None or metadata.get("stub") else metadata

    @functools.cached_property
    def metadata(self) -> dict[str, Any]:
        """The same, by a look at the opened video where there is no sidecar."""
        return self.stored_metadata or (probe_with_pyav(self.media) if self.media else {})

    @functools.cached_property
    def tags(self) -> dict[str, Any]:
        """{tags, performers, ...} as storage/tags reads them. Raises VideoError where that file is
        corrupt."""
        self._note_file(ARTIFACTS["tags"].record_name(self.video))
        return read_tags(self.video)

    @functools.cached_property
    def scenes(self) -> list[tuple[float, float]]:
        """Start and end of each scene in seconds, in order; empty where none were detected."""
        scenes = self.document("scenes").get("scenes")
        rows = [s for s in scenes if isinstance(s, dict)] if isinstance(scenes, list) else []
        spans = ((to_float(row.get("start")), to_float(row.get("end"))) for row in rows)
        return sorted((a, b) for a, b in spans if a is not None and b and 0 <= a < b < 1e9)

    @functools.cached_property
    def markers(self) -> list[Marker]:
        """The markers that a user set, by time. Raises VideoError where that file is corrupt."""
        self._note_file(MARKERS_RECORD.record_name(self.video))
        return read_markers(self.video)

    @functools.cached_property
    def screen_frames(self) -> dict[str, int]:
        """Name of each person whom `listing` found -> the sampled frames in which they are seen,
        the most frequent first."""
        people = people_in(self.library)
        frames = people.frames_of(self.video) if people else {}
        self._note_value("screen_frames", frames)
        return frames

    @functools.cached_property
    def appearances(self) -> dict[str, list[list[float]]]:
        """Name of each person whom `listing` found -> when they are seen, as [start, end] in
        seconds."""
        people = people_in(self.library)
        appearances = people.intervals_of(self.video) if people else {}
        self._note_value("appearances", appearances)
        return appearances

    @functools.cached_property
    def generated_subtitles(self) -> list[tuple[str, str, Purpose]]:
        """Name, language tag ("": that which is spoken) and purpose of the subtitle files in the
        sidecar folder, JSON included, which are of the video as it is."""
        artifact = typing.cast("SubtitleArtifact", ARTIFACTS["subtitles"])
        files = artifact.fresh_files(self.video, self.sidecars)
        for name, _, _ in files:
            self._note_file(name)
        return files

    @functools.cached_property
    def external_subtitles(self) -> list[SubtitleFile]:
        """The user's own subtitle files beside the video."""
        return external_subtitles(self.video)

    def document(self, kind: str) -> dict[str, Any]:
        """The record of an artifact of that kind, if it is JSON and fresh; else empty."""
        name = ARTIFACTS[kind].record_name(self.video)
        sidecars = self._fresh_files(kind, name)
        return sidecars.document(name) if name in sidecars else {}

    def file(self, kind: str, name: str) -> bytes:
        """The content of a file of an artifact of that kind, if it is there and fresh; else
        empty."""
        sidecars = self._fresh_files(kind, name)
        return Path(sidecars[name].path).read_bytes() if name in sidecars else b""

    def _fresh_files(self, kind: str, name: str) -> SidecarDir:
        """The files of an artifact of that kind, none where it is not fresh; the one of that name
        is noted."""
        artifact = ARTIFACTS[kind]
        self._note_file(name)
        sidecars = own_sidecars(self.video, artifact) if self.scanned is None else self.scanned
        is_fresh = artifact.state(self.video, sidecars) is State.FRESH
        return sidecars if is_fresh else SidecarDir(self.video.sidecar_dir, scan=False)

    @property
    def library(self) -> Library:
        """The folder that the video was listed from."""
        below = self.video.rel[: self.video.rel.rfind("/") + 1]
        root = Path(self.video.path.removesuffix(self.video.rel))
        artifacts_root = Path(self.video.sidecar_dir.removesuffix(below + SIDECARS))
        elsewhere = None if root == artifacts_root else artifacts_root
        return Library(root, True, artifacts_dir=elsewhere, roots=self.roots)

    @property
    def people_dir(self) -> str:
        """The folder in which the nearest index of people is, or would be; "" where it leads out of
        the roots."""
        try:
            return people_dir(nearest_listed(self.library))
        except OutsideError:
            return ""

    # --- What was read -----------------------------------------------------------------------

    def _note_file(self, name: str) -> None:
        note = file_note(self.video, name)
        if note not in self.inputs:
            self.inputs.append(note)

    def _note_value(self, name: str, value: Any) -> None:
        self.inputs.append({"part": name, "value": value})

    def has_same(self, inputs: list[dict[str, Any]]) -> bool:
        """Whether these inputs, of an earlier export, are the same now."""
        try:
            return all(map(self._is_same, inputs))
        except (UsageError, VideoError):  # it cannot be read: making the export will say why
            return False

    def _is_same(self, noted: Any) -> bool:
        if not isinstance(noted, dict):
            return False
        if noted.get("part") in self.VALUES:
            return bool(getattr(self, noted["part"]) == noted.get("value"))
        name = noted.get("file")
        return isinstance(name, str) and file_note(self.video, name) == noted


def own_sidecars(video: Video, artifact: Artifact) -> SidecarDir:
    """The files of an artifact in the sidecar folder; where names have no numbers and languages,
    without a scan."""
    if {"*", "@"} & set("".join(artifact.patterns)):
        return SidecarDir(video.sidecar_dir)
    sidecars = SidecarDir(video.sidecar_dir, scan=False)
    for name in artifact.fixed_names(video):
        path = f"{video.sidecar_dir}/{name}"
        if status := stat_if_any(path):
            folder = stat.S_ISDIR(status.st_mode)
            sidecars[name] = FileStat(path, status.st_size, status.st_mtime_ns, folder)
    return sidecars


def file_note(video: Video, name: str) -> dict[str, Any]:
    """A sidecar as an input: its name with size and mtime, null where there is none."""
    status = stat_if_any(os.path.join(video.sidecar_dir, name))  # noqa: PTH118 - as with Video.path
    size, mtime_ns = (status.st_size, status.st_mtime_ns) if status else (None, None)
    return {"file": name, "size": size, "mtime_ns": mtime_ns}


def people_in(library: Library) -> PerformerIndex | None:
    """The people of the nearest index of people; None where there is none."""
    listed = nearest_listed(library)
    paths = (f"{people_dir(listed)}/{name}" for name in (FaceIndex.NAME, PeopleDecisions.NAME))
    index, decisions = map(stat_if_any, paths)
    if index is None:
        return None
    stamp = (file_identity(index), file_identity(decisions) if decisions else None)
    return performer_index(listed.root, listed.artifacts_dir, stamp)


@functools.lru_cache(maxsize=2)
def performer_index(root: Path, artifacts_dir: Path | None, _stamp: object) -> PerformerIndex:
    """The performers of the library in a folder whose index of people has these times: it is large
    and read once for many videos."""
    return PerformerIndex(Library(root, True, artifacts_dir=artifacts_dir), required=False)
