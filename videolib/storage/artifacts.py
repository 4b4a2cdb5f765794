"""The kinds of artifacts, the files each of them owns, and how these stand to their video."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import stat_of
from videolib.core.languages import LANGUAGE_TAGS, is_in_language
from videolib.core.runs import Status
from videolib.storage.names import (
    EXPORTS_RECORD,
    FORCED_LABEL,
    SUBTITLE_FORMATS,
    State,
    is_sidecar_dir,
)
from videolib.storage.sidecars import SidecarDir
from videolib.storage.subtitle_names import Purpose
from videolib.storage.subtitle_tracks import best_tracks, text_tracks
from videolib.storage.subtitles import generated_subtitles, has_external_subtitles

if TYPE_CHECKING:
    import os

    from videolib.storage.sidecars import ArtifactRecord, FileStat
    from videolib.storage.videos import Video


class Artifact(NamedTuple):
    """One kind of artifact and the files it owns; `{}` stands for the video's key, `*` for a
    number, `@` for a language.

    All of `files` must be there for the artifact to be present, unless `any_file` is enough. The
    first is its record, unless `record` names another. It holds size and mtime of the source: JSON
    in its head, a JPEG or WebVTT file in a comment; for other formats `source_record` holds them. A
    name that ends in `/` is a folder. Files in `extras` belong to it too, but only some parameters
    make them. `aliases` are other names of the kind in commands and queries. A `large_record` is
    left out where the records of a video are sent together.

    `title` is what people call it, where that is not its name. `entries` are the list in its record
    that tells how much there is, and what one of them is called. A kind that `finds_faults` says
    what is wrong with the video.
    """

    kind: str
    files: tuple[str, ...]
    extras: tuple[str, ...] = ()
    record: str = ""
    any_file: bool = False
    derived: bool = True
    aliases: tuple[str, ...] = ()
    large_record: bool = False
    title: str = ""
    entries: tuple[str, str] | None = None
    finds_faults: bool = False

    @property
    def label(self) -> str:
        """What people call it."""
        return self.title or self.kind.capitalize()

    def state(
        self,
        video: Video,
        sidecars: SidecarDir,
        also: Iterable[str] = (),
        source: FileStat | None = None,
    ) -> State:
        """The state of the artifact. `also` are patterns of extras that must exist too, `source` is
        the stat of the video where the caller has it. Raises OSError where the video is gone."""
        required = [pattern.format(video.key) for pattern in (*self.files, *also)]
        existing = [name for name in required if name.rstrip("/") in sidecars]
        if not existing or (len(existing) < len(required) and not self.any_file):
            return State.MISSING
        fresh = not self.derived or self._fresh(video, sidecars, existing, source)
        return State.FRESH if fresh else State.STALE

    def _fresh(
        self,
        video: Video,
        sidecars: SidecarDir,
        names: Sequence[str],
        source: FileStat | None = None,
    ) -> bool:
        """Whether existing files were made of the video as it is now, and none is missing."""
        current = source or stat_of(video.path)
        for name in names:
            entry = sidecars[name.rstrip("/")]
            status = entry.stat()
            folder = name.endswith("/")  # some network file systems give folders the size 0
            if status.st_mtime_ns < current.st_mtime_ns or entry.is_dir() != folder:
                return False
            if not (status.st_size or folder):
                return False
        record = self._record_of(video, sidecars, names[0])
        if record is None:
            return True  # a version made it that recorded no source: its times must do
        return record.is_of(current) and all(name in sidecars for name in record.files)

    def _record_of(self, video: Video, sidecars: SidecarDir, name: str) -> ArtifactRecord | None:
        """What is recorded of the source of the file `name`; None where nothing is."""
        patterns = (self.record, name, self.source_record)
        names = (pattern.format(video.key) for pattern in patterns)
        records = (sidecars.record(n) for n in names if n in sidecars)
        return next(filter(None, records), None)

    def recorded_params(self, video: Video, sidecars: SidecarDir) -> dict[str, Any]:
        """The parameters that an existing artifact was made with; empty where none are recorded."""
        names = self.main_files(video, sidecars)
        record = self._record_of(video, sidecars, names[0]) if names else None
        return record.params if record else {}

    @property
    def source_record(self) -> str:
        """The pattern of the file that records the source of files that cannot do so themselves;
        "" for kinds whose record is always JSON."""
        always_json = self.files[0].endswith(".json")
        return "" if always_json else f"{{}}.{self.kind}.source.json"

    @property
    def failure_record(self) -> str:
        """The pattern of the file that remembers why none could be made, see storage/failures."""
        return f"{{}}.{self.kind}.failed.json"

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of all names that belong to it."""
        records = [self.source_record, self.failure_record] if self.derived else []
        return (*self.files, *self.extras, *filter(None, records))

    def lacks_record(self, video: Video, sidecars: SidecarDir) -> bool:
        """Whether a file of it is fresh by its times alone, for want of a record of its source."""
        if not self.source_record or not is_sidecar_dir(sidecars.sidecar_dir):
            return False
        return any(
            self._record_of(video, sidecars, name) is None and self._fresh(video, sidecars, [name])
            for name in self.main_files(video, sidecars)
        )

    def main_files(self, video: Video, sidecars: SidecarDir) -> list[str]:
        """Those of `files` that exist; folders end in a slash."""
        names = [pattern.format(video.key) for pattern in self.files]
        return [name for name in names if name.rstrip("/") in sidecars]

    @property
    def record_is_json(self) -> bool:
        """Whether its record is a JSON document, and not the picture or text itself."""
        return (self.record or self.files[0]).endswith(".json")

    def record_name(self, video: Video) -> str:
        """The name of its record, which for some kinds is the artifact itself."""
        return (self.record or self.files[0]).format(video.key)

    def owned(self, video: Video, names: Iterable[str]) -> list[str]:
        """Those of `names` that belong to this artifact of this video."""
        pattern, key = name_pattern(self.patterns), video.key
        return [n for n in names if key in n and pattern.fullmatch(n.replace(key, "/", 1))]

    def fixed_names(self, video: Video) -> list[str]:
        """The names that its files can have, without those that have a number or a language."""
        patterns = [p for p in self.patterns if not {"*", "@"} & set(p)]
        return [pattern.format(video.key).rstrip("/") for pattern in patterns]

    def superseded(self, video: Video, made: Container[str]) -> list[str]:
        """The names of an earlier version's files that may exist beside the new ones in `made`,
        whose record is still the old one.

        Only names that vary need a scan of the folder, which may have many thousands.
        """
        names_vary = {"*", "@"} & set("".join(self.patterns))
        names = self.fixed_names(video)
        if names_vary:
            names = self.owned(video, SidecarDir(video.sidecar_dir))
        return [name for name in names if name not in made]


@functools.cache
def name_pattern(patterns: Sequence[str]) -> re.Pattern[str]:
    """A regular expression for the files' names of these patterns, with / in place of the key."""
    names = "|".join(re.escape(pattern.rstrip("/")) for pattern in patterns)
    languages = f"({'|'.join(sorted(LANGUAGE_TAGS))})"
    return re.compile(names.replace(r"\*", "[0-9]+").replace("@", languages).replace(r"\{\}", "/"))


class SubtitleArtifact(Artifact):
    """Subtitles: any one file is enough, in whatever format and language, also an external one
    beside the video, or text inside it by its metadata, or a record that the video has no audio.
    Forced ones are not enough."""

    def state(
        self,
        video: Video,
        sidecars: SidecarDir,
        also: Iterable[str] = (),
        source: FileStat | None = None,
    ) -> State:
        return self.subtitle_state(video, sidecars, source=source)

    def subtitle_state(
        self,
        video: Video,
        sidecars: SidecarDir,
        formats: Iterable[str] = (),
        language: str = "",
        source: FileStat | None = None,
        extract: bool = False,
    ) -> State:
        """The state of the subtitles in all of `formats` (none: any), in a language ("": any).

        With `extract` those inside the video do not count, and forced files count where there are
        no others: the video may have no others to extract.
        """
        generated = [
            (name, purpose)
            for name, tag, purpose in generated_subtitles(video, sidecars)
            if is_in_language(tag, language)
        ]
        purposes = {purpose for _, purpose in generated}
        counted = Purpose.FORCED if extract and Purpose.FULL not in purposes else Purpose.FULL
        whole = [name for name, purpose in generated if purpose is counted]
        fresh = [name for name in whole if self._fresh(video, sidecars, [name], source)]
        fresh_formats = {name.rpartition(".")[2] for name in fresh}
        if (
            (fresh and fresh_formats.issuperset(formats))
            or self._has_no_audio(video, sidecars, source)
            or has_external_subtitles(video, language)
            or (not extract and self._has_tracks(video, sidecars, language, source))
        ):
            return State.FRESH
        return State.STALE if whole else State.MISSING

    @staticmethod
    def _has_tracks(
        video: Video, sidecars: SidecarDir, language: str, source: FileStat | None
    ) -> bool:
        """Whether the video has subtitles of text inside, by its fresh metadata."""
        metadata = ARTIFACTS["metadata"]
        if metadata.state(video, sidecars, source=source) is not State.FRESH:
            return False
        streams = sidecars.document(metadata.record_name(video)).get("streams")
        return isinstance(streams, list) and bool(best_tracks(text_tracks(streams), language))

    def _has_no_audio(self, video: Video, sidecars: SidecarDir, source: FileStat | None) -> bool:
        """Whether a fresh record says that there was no audio to transcribe."""
        name = f"{video.key}.json"
        if name not in sidecars or not self._fresh(video, sidecars, [name], source):
            return False
        return (read_json(sidecars[name].path) or {}).get("status") == Status.NO_AUDIO

    def fresh_files(self, video: Video, sidecars: SidecarDir) -> list[tuple[str, str, Purpose]]:
        """Name, language and purpose of the generated files that are of the video as it is now.
        Raises OSError where the video is gone."""
        files = generated_subtitles(video, sidecars)
        return [file for file in files if self._fresh(video, sidecars, [file[0]])]

    def transcription_params(
        self, video: Video, sidecars: SidecarDir, language: str
    ) -> dict[str, Any]:
        """The parameters with which the fresh files in a language ("": any) were transcribed; empty
        where none are recorded, or one was extracted from the video."""
        files = self.fresh_files(video, sidecars)
        names = (name for name, tag, _ in files if is_in_language(tag, language))
        records = (self._record_of(video, sidecars, name) for name in names)
        params = next((record.params for record in records if record and record.params), {})
        return {} if params.get("from_stream") else params

    def main_files(self, video: Video, sidecars: SidecarDir) -> list[str]:
        """Subtitles in any language and format."""
        return [name for name, _, _ in generated_subtitles(video, sidecars)]

    def superseded(self, video: Video, made: Container[str]) -> list[str]:
        """Only files that were made of another video: each of the others is valid by itself."""
        sidecars = SidecarDir(video.sidecar_dir)
        others = (name for name in self.owned(video, sidecars) if name not in made)
        failure = self.failure_record.format(video.key)
        return [n for n in others if n == failure or not self._fresh(video, sidecars, [n])]


ARTIFACTS: dict[str, Artifact] = {
    artifact.kind: artifact
    for artifact in (
        Artifact("metadata", ("{}.ffprobe.json",), aliases=("meta", "queue")),
        Artifact("thumbs", ("{}.jpg",), title="Thumbnail"),
        Artifact(
            "sprites",
            ("{}.sprites.json", "{}.sprites.jpg", "{}.sprites.vtt"),
            extras=("{}.sprites-*.jpg",),
            title="Scrub sprites",
            entries=("frames", "tile"),
        ),
        Artifact(
            "previews",
            (".{}.previews/",),
            extras=tuple(f"{{}}.previews.{suffix}" for suffix in ("json", "webm", "mp4", "webp")),
            record="{}.previews.json",
            title="Preview clips",
            entries=("segments", "clip"),
        ),
        SubtitleArtifact(
            "subtitles",
            tuple(f"{{}}.{suffix}" for suffix in SUBTITLE_FORMATS),
            extras=tuple(
                f"{{}}{label}.{suffix}"
                for label in (".@", FORCED_LABEL, f".@{FORCED_LABEL}")
                for suffix in SUBTITLE_FORMATS
            ),
            any_file=True,
        ),
        Artifact(
            "phash",
            ("{}.phash.json",),
            extras=("{}.phash.deep.json",),
            title="Fingerprint",
        ),
        Artifact(
            "heatmaps",
            ("{}.heatmaps.json",),
            extras=("{}.heatmaps.png",),
            title="Heatmap",
            entries=("samples", "sample"),
        ),
        Artifact(
            "scenes",
            ("{}.scenes.json",),
            extras=(".{}.scenes/", "{}.scenes.ffmeta"),
            entries=("scenes", "scene"),
        ),
        Artifact(
            "faces",
            ("{}.faces.signatures.json",),
            extras=(".{}.faces/",),
            aliases=("embed",),
            large_record=True,  # a vector per signature
        ),
        Artifact(
            "verify",
            ("{}.verify.json",),
            large_record=True,  # a checksum per block
            finds_faults=True,
        ),
        Artifact("tags", ("{}.tags.json",), derived=False),
    )
}

# Beside the outputs of a transcode, not beside the videos: no kind of the table.
TRANSCODE_RECORD = Artifact("transcode", ("{}.transcode.json",))
# What was exported for other programs: no kind of the table, which no video has to have.
EXPORT_RECORD = Artifact("exports", (EXPORTS_RECORD,), derived=False)
# How far somebody has watched it, and the markers that somebody set: no kinds either.
PLAYBACK_RECORD = Artifact("playback", ("{}.playback.json",), derived=False)
MARKERS_RECORD = Artifact("markers", ("{}.markers.json",), derived=False)
# All that goes where its video goes.
SIDECAR_KINDS = ARTIFACTS | {
    record.kind: record for record in (EXPORT_RECORD, PLAYBACK_RECORD, MARKERS_RECORD)
}


# The kinds with pictures and clips, whose addresses change when they are made anew.
VERSIONED_KINDS = ("thumbs", "sprites", "previews", "scenes")


def artifact_versions(video: Video, sidecars: SidecarDir) -> dict[str, str]:
    """The `artifact_version` of each of VERSIONED_KINDS that there is, fresh or not."""
    names = ((kind, ARTIFACTS[kind].record_name(video)) for kind in VERSIONED_KINDS)
    entries = ((kind, sidecars[name]) for kind, name in names if name in sidecars)
    return {kind: artifact_version(entry.stat()) for kind, entry in entries}


def artifact_version(status: os.stat_result | FileStat) -> str:
    """A short text that is another one once an artifact was made anew, from its record's stat."""
    return f"{zlib.crc32(f'{status.st_mtime_ns} {status.st_size}'.encode()):08x}"


def presence(video: Video, sidecars: SidecarDir) -> dict[str, bool | str]:
    """For each kind of artifact: True, False, or "stale"."""
    if not sidecars:
        return {kind: kind == "subtitles" and has_external_subtitles(video) for kind in ARTIFACTS}
    values: dict[State, bool | str]
    values = {State.FRESH: True, State.MISSING: False, State.STALE: "stale"}
    try:
        return {
            kind: values[artifact.state(video, sidecars)] for kind, artifact in ARTIFACTS.items()
        }
    except FileNotFoundError:  # the video went away while the library was read
        return dict.fromkeys(ARTIFACTS, False)
