"""The kinds of artifacts, the files each of them owns, and how these stand to their video."""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.documents import read_json
from videolib.core.files import stat_of
from videolib.core.languages import LANGUAGES
from videolib.core.runs import Status
from videolib.storage.names import SUBTITLE_FORMATS, State
from videolib.storage.sidecars import SidecarDir
from videolib.storage.subtitles import external_subtitles, generated_subtitles

if TYPE_CHECKING:
    from videolib.storage.sidecars import FileStat
    from videolib.storage.videos import Video


class Artifact(NamedTuple):
    """One kind of artifact and the files it owns; `{}` stands for the video's key, `*` for a
    number, `@` for a language.

    All of `files` must be there for the artifact to be present, unless `any_file` is enough. The
    first is its record, unless `record` names another: where it is JSON, it remembers the size of
    the source. A name that ends in `/` is a folder. Files in `extras` belong to it too, but only
    some parameters make them. `aliases` are other names of the kind in commands and queries. A
    `large_record` is left out where the records of a video are sent together.
    """

    kind: str
    files: tuple[str, ...]
    extras: tuple[str, ...] = ()
    record: str = ""
    any_file: bool = False
    derived: bool = True
    aliases: tuple[str, ...] = ()
    large_record: bool = False

    def state(
        self,
        video: Video,
        sidecars: SidecarDir,
        also: Iterable[str] = (),
        source: FileStat | None = None,
    ) -> State:
        """How the artifact stands; `also` names extras that must be there too. `source` is the
        video's stat where the caller has it."""
        required = [pattern.format(video.key) for pattern in (*self.files, *also)]
        there = [name for name in required if name.rstrip("/") in sidecars]
        if not there or (len(there) < len(required) and not self.any_file):
            return State.MISSING
        fresh = not self.derived or self._fresh(video, sidecars, there, source)
        return State.FRESH if fresh else State.STALE

    def _fresh(
        self,
        video: Video,
        sidecars: SidecarDir,
        names: Sequence[str],
        source: FileStat | None = None,
    ) -> bool:
        """Whether files that are there were made of the video as it is now, and none is lost."""
        now = source or stat_of(video.path)
        for name in names:
            entry = sidecars[name.rstrip("/")]
            made = entry.stat()
            folder = name.endswith("/")  # whose size network file systems say is 0
            if made.st_mtime_ns < now.st_mtime_ns or entry.is_dir() != folder:
                return False
            if not (made.st_size or folder):
                return False
        name = self.record.format(video.key) or names[0]
        if not name.endswith(".json") or name not in sidecars:
            return True
        record = sidecars.record(name)
        if record is None or record.size != now.st_size:
            return False
        return all(name in sidecars for name in record.files)

    @property
    def record_is_json(self) -> bool:
        """Whether its record is a JSON document, and not the picture or text itself."""
        return (self.record or self.files[0]).endswith(".json")

    def record_name(self, video: Video) -> str:
        """The name of its record, which for some kinds is all there is of them."""
        return (self.record or self.files[0]).format(video.key)

    def owned(self, video: Video, names: Iterable[str]) -> list[str]:
        """Those of `names` that belong to this artifact of this video."""
        ours, key = name_pattern(self.files + self.extras), video.key
        return [n for n in names if key in n and ours.fullmatch(n.replace(key, "/", 1))]

    def fixed(self, video: Video) -> list[str]:
        """Its possible names as far as they do not vary by a number or a language."""
        patterns = [p for p in self.files + self.extras if not {"*", "@"} & set(p)]
        return [pattern.format(video.key).rstrip("/") for pattern in patterns]

    def superseded(self, video: Video, made: Container[str]) -> list[str]:
        """What may be there of an earlier making when the files in `made` were made anew.

        Only names that vary need a look into the folder, in which there may be many thousands.
        """
        vary = {"*", "@"} & set("".join(self.files + self.extras))
        names = self.owned(video, SidecarDir(video.sidecar_dir)) if vary else self.fixed(video)
        return [name for name in names if name not in made]


@functools.cache
def name_pattern(patterns: Sequence[str]) -> re.Pattern[str]:
    """What the names of an artifact's files look like with a slash in the place of the key."""
    ours = "|".join(re.escape(pattern.rstrip("/")) for pattern in patterns)
    languages = f"({'|'.join(LANGUAGES)})"
    return re.compile(ours.replace(r"\*", "[0-9]+").replace("@", languages).replace(r"\{\}", "/"))


class SubtitleArtifact(Artifact):
    """Subtitles: any one file of them is enough, in whatever format and language, and so is one
    that lies beside the video, or a record that there is no sound in it."""

    def state(
        self,
        video: Video,
        sidecars: SidecarDir,
        also: Iterable[str] = (),
        source: FileStat | None = None,
    ) -> State:
        return self.standing(video, sidecars, source=source)

    def standing(
        self,
        video: Video,
        sidecars: SidecarDir,
        formats: Iterable[str] = (),
        language: str = "",
        source: FileStat | None = None,
    ) -> State:
        """How the subtitles stand in all these formats (none: any), in a language ("": any)."""
        made = [n for n, code in generated_subtitles(video, sidecars) if language in ("", code)]
        fresh = [name for name in made if self._fresh(video, sidecars, [name], source)]
        there = {name.rpartition(".")[2] for name in fresh}
        if (fresh and there.issuperset(formats)) or self._heard_nothing(video, sidecars, source):
            return State.FRESH
        if any(
            not language or subtitle.language in ("", language)
            for subtitle in external_subtitles(video)
        ):
            return State.FRESH
        return State.STALE if made else State.MISSING

    def _heard_nothing(self, video: Video, sidecars: SidecarDir, source: FileStat | None) -> bool:
        name = f"{video.key}.json"
        if name not in sidecars or not self._fresh(video, sidecars, [name], source):
            return False
        return (read_json(sidecars[name].path) or {}).get("status") == Status.NO_AUDIO

    def superseded(self, video: Video, made: Container[str]) -> list[str]:
        """Each file stands for itself: only those go that are older than the video."""
        sidecars = SidecarDir(video.sidecar_dir)
        others = (name for name in self.owned(video, sidecars) if name not in made)
        return [name for name in others if not self._fresh(video, sidecars, [name])]


ARTIFACTS: dict[str, Artifact] = {
    artifact.kind: artifact
    for artifact in (
        Artifact("metadata", ("{}.ffprobe.json",), aliases=("meta", "queue")),
        Artifact("thumbs", ("{}.jpg",)),
        Artifact(
            "sprites",
            ("{}.sprites.json", "{}.sprites.jpg", "{}.sprites.vtt"),
            extras=("{}.sprites-*.jpg",),
        ),
        Artifact(
            "previews",
            (".{}.previews/",),
            extras=tuple(f"{{}}.previews.{suffix}" for suffix in ("json", "webm", "mp4", "webp")),
            record="{}.previews.json",
        ),
        SubtitleArtifact(
            "subtitles",
            tuple(f"{{}}.{suffix}" for suffix in SUBTITLE_FORMATS),
            extras=tuple(f"{{}}.@.{suffix}" for suffix in SUBTITLE_FORMATS),
            any_file=True,
        ),
        Artifact("phash", ("{}.phash.json",), extras=("{}.phash.deep.json",)),
        Artifact("heatmaps", ("{}.heatmaps.json",), extras=("{}.heatmaps.png",)),
        Artifact("scenes", ("{}.scenes.json",), extras=(".{}.scenes/", "{}.scenes.ffmeta")),
        Artifact(
            "faces",
            ("{}.faces.signatures.json",),
            extras=(".{}.faces/",),
            aliases=("embed",),
            large_record=True,  # a vector per signature
        ),
        Artifact("tags", ("{}.tags.json",), derived=False),
    )
}

# Beside the outputs of a transcode, not beside the videos: no kind of the table.
TRANSCODE_RECORD = Artifact("transcode", ("{}.transcode.json",))


def presence(video: Video, sidecars: SidecarDir) -> dict[str, bool | str]:
    """Per kind of artifact: true, false, or "stale"."""
    if not sidecars:
        return {kind: kind == "subtitles" and bool(external_subtitles(video)) for kind in ARTIFACTS}
    words: dict[State, bool | str]
    words = {State.FRESH: True, State.MISSING: False, State.STALE: "stale"}
    try:
        return {
            kind: words[artifact.state(video, sidecars)] for kind, artifact in ARTIFACTS.items()
        }
    except FileNotFoundError:  # the video went away while the library was read
        return dict.fromkeys(ARTIFACTS, False)
