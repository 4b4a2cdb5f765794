"""Scanning folders for videos and the files that belong to each; a stamp shows what changed.

`Scan.scan_folder` gives a `ScannedVideo` for each video, without opening a file. Only of those
whose stamp is not that of the catalogue `Scan.sidecars` makes `ScannedSidecars`, which are read.
"""

from __future__ import annotations

import contextlib
import os
import stat
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.files import entries_in, read_optional_file, stat_of
from videolib.core.text import LARGEST_INTEGER, clamp_to_64_bits, printable, utf8
from videolib.media.metadata import checked_metadata, summarize
from videolib.storage.artifacts import ARTIFACTS, PLAYBACK_RECORD
from videolib.storage.playback import Playback
from videolib.storage.sidecars import LARGEST_RECORD, FileStat, SidecarDir, ffprobe_disabled
from videolib.storage.subtitles import external_subtitles
from videolib.storage.tags import parse_tags

if TYPE_CHECKING:
    from videolib.storage.folders import Roots
    from videolib.storage.sidecars import ArtifactRecord
    from videolib.storage.videos import Video

SETTLE_TIME = 2 * 10**9  # ns: a file changed so recently may change again in the same clock tick


class ScannedVideo(NamedTuple):
    """A video as it was scanned, in few bytes, since a folder may have a million sidecars.

    `numbers` are the video's size (bytes), mtime and ctime (ns), then for each of its sidecars the
    number of its tail (see Scan) and the same three.
    """

    video: Video
    numbers: array[int]

    @property
    def bare(self) -> bool:
        """Whether it has no sidecar."""
        return len(self.numbers) == 3

    def stamp(self) -> bytes:
        """A digest of 12 bytes that changes when any file of the video does."""
        from hashlib import blake2b

        person = b"stubs count" if ffprobe_disabled() else b""
        return blake2b(self.numbers, digest_size=12, person=person).digest()

    def settled(self, now: int) -> bool:
        """Whether every later change of a file will show in its times, as none was changed within
        SETTLE_TIME of `now` (ns)."""
        times = (*self.numbers[1:3], *self.numbers[5::4], *self.numbers[6::4])
        return not any(now - SETTLE_TIME < changed < now + SETTLE_TIME for changed in times)


class ScannedSidecars(SidecarDir):
    """The sidecars of one video as they were scanned; each is read once."""

    def __init__(self, sidecar_dir: str, entries: Sequence[FileStat]) -> None:
        super().__init__(sidecar_dir, scan=False)
        # Of every file by its path, also of subtitle files beside the video.
        self.by_path = {entry.path: entry for entry in entries}
        self.update((e.name, e) for e in entries if e.path.startswith(f"{sidecar_dir}/"))
        self.records: dict[str, ArtifactRecord | None] = {}
        self.documents: dict[str, dict[str, Any]] = {}

    def record(self, name: str) -> ArtifactRecord | None:
        """The record in a sidecar, as SidecarDir reads it; None where there is none."""
        if name not in self.records:
            self.records[name] = super().record(name)
        return self.records[name]

    def document(self, name: str) -> dict[str, Any]:
        """The JSON sidecar of that name, as SidecarDir reads it."""
        if name not in self.documents:
            self.documents[name] = super().document(name)
        return self.documents[name]

    def tags(self, video: Video) -> tuple[dict[str, Any], str | None]:
        """The record of tags, and why it cannot be read; None: it can, or there is none."""
        blank = parse_tags(video, None)
        entry = self.get(ARTIFACTS["tags"].record_name(video))
        if entry is None:
            return blank, None
        if entry.stat().st_size > LARGEST_RECORD:
            return blank, f"{printable(entry.name)}: is too large to be a tags file"
        try:
            return parse_tags(video, read_optional_file(Path(entry.path))), None
        except VideoError as error:
            return blank, utf8(str(error))

    def playback(self, video: Video) -> Playback:
        """How far the video was watched; nothing where there is no readable record of it."""
        name = PLAYBACK_RECORD.record_name(video)
        return Playback.of(self.document(name) if name in self else {})

    def summary(self, name: str) -> dict[str, Any]:
        """The facts of SUMMARY in the metadata file `name`; empty where it cannot be read."""
        return summarize(checked_metadata(self.document(name)) or {})


def file_numbers(status: os.stat_result) -> tuple[int, int, int]:
    """Size, mtime and ctime (ns) of a file, clamped to 64 bits."""
    numbers = status.st_size, status.st_mtime_ns, status.st_ctime_ns
    if max(numbers) > LARGEST_INTEGER or min(numbers) < -LARGEST_INTEGER:
        return (
            clamp_to_64_bits(numbers[0]),
            clamp_to_64_bits(numbers[1]),
            clamp_to_64_bits(numbers[2]),
        )
    return numbers


class Scan:
    """Scans folders for their videos and the files of each; sidecar folders are below
    `artifacts_root`.

    The tail of a file is its name without what it shares with its video, such as `/.jpg` for
    `movie.mp4.jpg`. Tails are few, so each is kept once and numbered.
    """

    def __init__(self, artifacts_root: Path, roots: Roots | None) -> None:
        self.artifacts_root, self.roots = artifacts_root, roots
        self.sidecar_problems: list[tuple[str, str]] = []  # (folder, reason) of unreadable ones
        self._tails: dict[int, str] = {}
        self._tail_numbers: dict[str, int] = {}

    def scan_folder(self, sidecar_dir: str, videos: Sequence[Video]) -> list[ScannedVideo]:
        """The videos of one folder, each with the files of the sidecar folder that belong to it."""
        by_key: dict[str, ScannedVideo] = {}
        for video in videos:
            with contextlib.suppress(OSError):  # gone meanwhile, or a link to nothing
                status = stat_of(video.path)
                if stat.S_ISREG(status.st_mode):
                    by_key[video.key] = ScannedVideo(video, array("q", file_numbers(status)))
                    self._add_subtitles(by_key[video.key])
        entries, problem = entries_in(sidecar_dir)
        for entry in entries:
            self._assign(entry, by_key)
        if problem:
            name = sidecar_dir.removeprefix(f"{self.artifacts_root.absolute()}/")
            self.sidecar_problems.append((name, problem))
        return list(by_key.values())

    def _assign(self, entry: os.DirEntry[str], by_key: Mapping[str, ScannedVideo]) -> None:
        """Add a sidecar to the video whose key is the longest prefix of its name."""
        name, dot = entry.name, ""
        at = name.rfind(".")
        while at > 0:
            scanned = by_key.get(name[:at])
            if scanned is None and name[0] == ".":
                scanned, dot = by_key.get(name[1:at]), "."
            if scanned is not None:
                if self.roots and entry.is_symlink() and not self.roots.contains(entry.path):
                    return
                with contextlib.suppress(OSError):
                    self._add(scanned, f"{dot}/{name[at:]}", entry.stat())
                return
            at, dot = name.rfind(".", 0, at), ""

    def _add(self, scanned: ScannedVideo, tail: str, status: os.stat_result) -> None:
        """Add a file, or a folder, whose tail gets a / at its end. `tail` is the name with / in the
        place of the video's key, or // in that of the stem for a file beside the video."""
        if stat.S_ISDIR(status.st_mode):
            tail += "/"
        elif not stat.S_ISREG(status.st_mode):
            return  # a pipe would be waited for without end
        number = self._tail_numbers.get(tail) or self._number(tail)
        scanned.numbers.extend((number, *file_numbers(status)))

    def _add_subtitles(self, scanned: ScannedVideo) -> None:
        """Add the subtitle files beside the video."""
        begin = len(scanned.video.path.rpartition(".")[0])
        for subtitle in external_subtitles(scanned.video):
            if self.roots and not self.roots.contains(subtitle.path):
                continue
            with contextlib.suppress(OSError):
                self._add(scanned, "//" + subtitle.path[begin:], stat_of(subtitle.path))

    def _number(self, tail: str) -> int:
        """The number of a tail, the same in every process, since stamps are made of it."""
        from hashlib import blake2b

        digest = blake2b(os.fsencode(tail), digest_size=7).digest()
        number = self._tail_numbers[tail] = int.from_bytes(digest, "big")
        self._tails[number] = tail
        return number

    def sidecars(self, scanned: ScannedVideo) -> ScannedSidecars:
        """The files of a video by path, with the sizes and times that were scanned."""
        video, numbers = scanned.video, scanned.numbers
        entries, stem = list[FileStat](), video.path.rpartition(".")[0]
        for at in range(3, len(numbers), 4):
            tail, size, mtime_ns = self._tails[numbers[at]], numbers[at + 1], numbers[at + 2]
            path = f"{video.sidecar_dir}/{tail.replace('/', video.key, 1)}"
            if tail.startswith("//"):
                path = stem + tail[2:]
            entries.append(FileStat(path.removesuffix("/"), size, mtime_ns, path.endswith("/")))
        return ScannedSidecars(video.sidecar_dir, entries)
