"""The files and records of single videos as the API serves them, with their URLs and media types.

Nothing that leads out of the roots, through a link for instance, is served.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.documents import json_text, parse_json
from videolib.core.errors import CorruptError, Failure, NotFoundError, OutsideError, attempt
from videolib.core.files import blocks_of, stat_if_any, stat_of
from videolib.core.text import printable, url_quoted
from videolib.media.metadata import summarize
from videolib.organize.tagging import video_tags
from videolib.storage.artifacts import ARTIFACTS, VERSIONED_KINDS, artifact_version, presence
from videolib.storage.failures import failures_by_reason
from videolib.storage.faults import faults_of
from videolib.storage.folders import LEADS_OUT
from videolib.storage.sidecars import LARGEST_RECORD, FileStat, SidecarDir
from videoserver.subtitles import subtitle_rows

if TYPE_CHECKING:
    from videolib.storage.folders import Roots
    from videolib.storage.videos import Video

MEDIA_TYPES = {  # suffix -> media type; other files are not served
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".vob": "video/mpeg",
    ".ts": "video/mp2t",
    ".m2ts": "video/mp2t",
    ".mts": "video/mp2t",
    ".flv": "video/x-flv",
    ".wmv": "video/x-ms-wmv",
    ".asf": "video/x-ms-asf",
    ".ogv": "video/ogg",
    ".3gp": "video/3gpp",
    ".3g2": "video/3gpp2",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".json": "application/json",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/x-subrip; charset=utf-8",
    ".ffmeta": "text/plain; charset=utf-8",
}


def video_url(name: str) -> str:
    """The URL of a video, by its path from the folder; `?directory=` has to be added."""
    return f"/videos/{url_quoted(name)}"


def file_url(name: str, kind: str, part: str) -> str:
    """The URL of a file of an artifact, by the video's path from the folder, as `video_url`."""
    return f"{video_url(name)}/files/{kind}/{url_quoted(part)}"


class VideoFiles:
    """What the API serves of single videos."""

    def __init__(self, roots: Roots) -> None:
        self.roots = roots

    def artifacts(self, video: Video) -> dict[str, Any]:
        """Which artifacts of a video are present or stale, all their files, and the versions of
        those that are looked at: {video, artifacts, files, versions}, by kind."""
        sidecars = SidecarDir(video.sidecar_dir)
        names = [name for name in sidecars if video.key in name]
        files = {kind: self.file_rows(video, kind, names) for kind in ARTIFACTS}
        states = {"artifacts": presence(video, sidecars), "files": files}
        return {"video": video.rel, **states, "versions": self.versions(video)}

    def file_rows(self, video: Video, kind: str, names: Iterable[str]) -> list[dict[str, str]]:
        """{part, type, url} of each file of an artifact; `names` as in `paths`."""
        return [
            {"part": part, "type": MEDIA_TYPES[path.suffix], "url": file_url(video.rel, kind, part)}
            for part, path in self.paths(video, kind, names).items()
        ]

    def paths(self, video: Video, kind: str, names: Iterable[str]) -> dict[str, Path]:
        """File name -> path of each file of an artifact that may be served.

        `names` are those of the sidecars to look at. Of an artifact that is a folder it is the
        files in that.
        """
        paths: dict[str, Path] = {}
        artifact = ARTIFACTS[kind]
        patterns = (artifact.source_record, artifact.failure_record)
        records = {pattern.format(video.key) for pattern in patterns}
        for name in artifact.owned(video, names):
            if name in records:
                continue
            path = Path(video.sidecar_dir, name)
            if not self.roots.contains(path):
                continue
            parts = sorted(SidecarDir(str(path))) if path.is_dir() else []
            paths |= {part: path / part for part in parts} or {name: path}
        return {part: path for part, path in paths.items() if self.may_be_served(path)}

    def may_be_served(self, path: Path) -> bool:
        """Whether a path is a file of a known type in the roots."""
        return path.suffix in MEDIA_TYPES and path.is_file() and self.roots.contains(path)

    def path(self, video: Video, kind: str, part: str = "") -> Path:
        """The path of the file `part` of an artifact, or of its main file where `part` is "".

        Raises NotFoundError where there is no such kind or file.
        """
        if kind not in ARTIFACTS:
            kinds = ", ".join(ARTIFACTS)
            raise NotFoundError(f"{printable(kind)}: no such kind; there are {kinds}")
        paths = self.paths(video, kind, [*ARTIFACTS[kind].fixed_names(video), part])
        if not paths and not part:  # perhaps a name with a language; listing the folder takes long
            paths = self.paths(video, kind, SidecarDir(video.sidecar_dir))
        main_parts = [name for name in paths if not name.endswith(".json")] or list(paths)
        name = part or next(iter(main_parts), "")
        if name not in paths:
            raise NotFoundError(f"{printable(part or kind)}: not made yet")
        return paths[name]

    def record(self, video: Video, kind: str) -> dict[str, Any]:
        """The record of an artifact. Raises NotFoundError, OutsideError or CorruptError."""
        return read_document(self.record_path(video, kind), self.roots)

    def record_path(self, video: Video, kind: str) -> Path:
        """The path of an artifact's record, whether it is there or not."""
        return Path(video.sidecar_dir, ARTIFACTS[kind].record_name(video))

    def records(self, video: Video) -> dict[str, dict[str, Any] | None]:
        """Kind -> record of a video; None where it is not made, {error} where it is corrupt."""
        records: dict[str, dict[str, Any] | None] = {}
        for kind in record_kinds():
            try:
                records[kind] = self.record(video, kind)
            except (NotFoundError, OutsideError):
                records[kind] = None
            except CorruptError as error:
                records[kind] = {"error": str(error)}
        return records

    def details(self, video: Video) -> dict[str, Any]:
        """Everything about one video: its facts, its artifacts with their files, their records in
        `documents`, its subtitles, and what its tags file says where that can be read."""
        records = self.records(video)
        details = {"path": video.rel, "name": video.name} | video_facts(video, records["metadata"])
        details |= self.artifacts(video) | {"documents": records}
        details["subtitles"] = subtitle_rows(video, self.roots, video_url(video.rel))
        details |= faults_of(video, SidecarDir(video.sidecar_dir))
        tags = video_tags(video)
        details |= {} if "error" in tags else tags
        return details | {"broken": self.broken(video, details["artifacts"])}

    def broken(self, video: Video, presence: Mapping[str, object]) -> list[dict[str, Any]]:
        """Why artifacts that are not fresh cannot be made, as [{reason, kinds}]; `presence`: how
        each kind stands."""
        status = stat_of(video.path)
        source = FileStat(video.path, status.st_size, status.st_mtime_ns)
        kinds = (kind for kind, present in presence.items() if present is not True)
        return failures_by_reason(video, SidecarDir(video.sidecar_dir), source, kinds)

    def card(self, video: Video) -> dict[str, Any]:
        """A video as an entry among others: its facts, and the URL of its thumbnail in `picture`.

        Raises FileNotFoundError where it is gone.
        """
        metadata = attempt(self.record, video, "metadata")
        facts = video_facts(video, None if isinstance(metadata, Failure) else metadata)
        return facts | {"picture": self.thumbnail(video), "versions": self.versions(video)}

    def versions(self, video: Video) -> dict[str, str]:
        """The versions of the artifacts of a video that are looked at, by kind."""
        stats = {k: stat_if_any(str(self.record_path(video, k))) for k in VERSIONED_KINDS}
        return {kind: artifact_version(status) for kind, status in stats.items() if status}

    def thumbnail(self, video: Video) -> str | None:
        """The URL of a video's thumbnail, None where there is none."""
        path = self.record_path(video, "thumbs")
        exists = path.is_file() and self.roots.contains(path)
        return file_url(video.rel, "thumbs", path.name) if exists else None


def record_kinds() -> list[str]:
    """The kinds of artifacts whose records stand in the details of a video."""
    return [
        kind
        for kind, artifact in ARTIFACTS.items()
        if artifact.derived and artifact.record_is_json and not artifact.large_record
    ]


def video_facts(video: Video, metadata: dict[str, Any] | None) -> dict[str, Any]:
    """URL, size in bytes and mtime of a video, and the summary of its metadata.

    Raises FileNotFoundError where it is gone.
    """
    file_stat = stat_of(video.path)
    facts = {"url": video_url(video.rel), "size": file_stat.st_size, "mtime": file_stat.st_mtime}
    return facts | {k: v for k, v in summarize(metadata or {}).items() if v is not None}


def read_document(path: Path, roots: Roots) -> dict[str, Any]:
    """A JSON sidecar. Raises NotFoundError, OutsideError, or CorruptError where it is no object."""
    if not path.is_file():
        raise NotFoundError(f"{printable(path.name)}: not made yet")
    if not roots.contains(path):
        raise OutsideError(f"{printable(path.name)}: {LEADS_OUT}")
    with contextlib.suppress(ValueError, RecursionError):
        content = b"".join(blocks_of(path, LARGEST_RECORD))
        data = parse_json(content.decode())
        json_text([[[[data]]]])  # fails where the data is too deep to be put into an answer
        if isinstance(data, dict):
            return data
    raise CorruptError(f"{printable(path.name)}: is corrupt: make it again")
