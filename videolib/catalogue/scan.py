"""Looking at folders for videos and their sidecars, and noticing what changed."""

from __future__ import annotations

import contextlib
import os
import stat
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.catalogue.records import LARGEST_RECORD, SETTLING, file_numbers, labels_in
from videolib.core.errors import VideoError
from videolib.core.files import read_optional_file, stat_of
from videolib.core.text import printable, utf8
from videolib.media.metadata import read_metadata, summarize
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.sidecars import FileStat, SidecarDir, ffprobe_disabled
from videolib.storage.subtitles import external_subtitles
from videolib.storage.tags import parse_tags

if TYPE_CHECKING:
    from videolib.storage.folders import Roots
    from videolib.storage.sidecars import ArtifactRecord
    from videolib.storage.videos import Video


class ScannedVideo(NamedTuple):
    """A video as a scan saw it, in few bytes, since a folder may have a million sidecars.

    `numbers` are the video's size and times of writing and of change in ns, then for each of its
    sidecars the number that stands for its tail, and the same three.
    """

    video: Video
    numbers: array[int]

    @property
    def bare(self) -> bool:
        """Whether it has no sidecar."""
        return len(self.numbers) == 3

    def stamp(self) -> bytes:
        """A digest that changes when any file of the video does."""
        from hashlib import blake2b

        person = b"stubs count" if ffprobe_disabled() else b""
        return blake2b(self.numbers, digest_size=12, person=person).digest()

    def settled(self, now: int) -> bool:
        """Whether every later change of a file must show in its times."""
        times = (*self.numbers[1:3], *self.numbers[5::4], *self.numbers[6::4])
        return not any(now - SETTLING < moment < now + SETTLING for moment in times)


class ScannedSidecars(SidecarDir):
    """The sidecars of one video as a scan saw them; the head of each is read once."""

    def __init__(self, sidecar_dir: str, entries: Sequence[FileStat]) -> None:
        super().__init__(sidecar_dir, scan=False)
        self.seen = {entry.path: entry for entry in entries}  # also what lies beside the video
        self.update((e.name, e) for e in entries if e.path.startswith(f"{sidecar_dir}/"))
        self.records: dict[str, ArtifactRecord | None] = {}

    def record(self, name: str) -> ArtifactRecord | None:
        if name not in self.records:
            self.records[name] = super().record(name)
        return self.records[name]

    def labels(self, video: Video) -> tuple[list[tuple[str, str, str]], str | None]:
        """The (kind, key, name) of each tag and performer, and why they can't be read."""
        entry = self.get(ARTIFACTS["tags"].record_name(video))
        if entry is None:
            return [], None
        if entry.stat().st_size > LARGEST_RECORD:
            return [], f"{printable(entry.name)}: is too large to be a tags file"
        try:
            record = parse_tags(video, read_optional_file(Path(entry.path)))
        except VideoError as error:
            return [], utf8(str(error))
        return labels_in(record), None

    def summary(self, name: str) -> dict[str, Any]:
        """The facts of SUMMARY in a metadata file."""
        big = self[name].stat().st_size > LARGEST_RECORD
        return {} if big else summarize(read_metadata(self[name].path) or {})


class PendingChanges(NamedTuple):
    """What a refresh has yet to write: videos to look into, and names of those that are gone."""

    seen: list[ScannedVideo]
    gone: list[tuple[bytes]]


class Scan:
    """Looks at folders for their videos and the files of each; sidecar folders are below
    `artifacts_root`."""

    def __init__(self, artifacts_root: Path, roots: Roots | None) -> None:
        self.artifacts_root, self.roots = artifacts_root, roots
        self.unread: list[tuple[str, str]] = []  # folders of sidecars, and why
        self._tails: dict[int, str] = {}
        self._tail_numbers: dict[str, int] = {}

    def sight(self, sidecar_dir: str, videos: Sequence[Video]) -> list[ScannedVideo]:
        """The videos of one folder, and which of the files in its sidecar folder are theirs."""
        seen: dict[str, ScannedVideo] = {}
        for video in videos:
            with contextlib.suppress(OSError):  # gone meanwhile, or a link to nothing
                found = stat_of(video.path)
                if stat.S_ISREG(found.st_mode):
                    seen[video.key] = ScannedVideo(video, array("q", file_numbers(found)))
                    self._add_subtitles(seen[video.key])
        try:
            with os.scandir(sidecar_dir) as entries:
                for entry in entries:
                    self._assign(entry, seen)
        except (FileNotFoundError, NotADirectoryError):
            pass  # nothing was made here yet
        except OSError as error:
            name = sidecar_dir.removeprefix(f"{self.artifacts_root.absolute()}/")
            self.unread.append((name, f"cannot be read: {error.strerror}"))
        return list(seen.values())

    def _assign(self, entry: os.DirEntry[str], seen: Mapping[str, ScannedVideo]) -> None:
        """Note a sidecar with the video whose key is the longest beginning of its name."""
        name, lead = entry.name, ""
        at = name.rfind(".")
        while at > 0:
            glimpse = seen.get(name[:at])
            if glimpse is None and name[0] == ".":
                glimpse, lead = seen.get(name[1:at]), "."
            if glimpse is not None:
                if self.roots and entry.is_symlink() and not self.roots.contains(entry.path):
                    return
                with contextlib.suppress(OSError):
                    self._add(glimpse, f"{lead}/{name[at:]}", entry.stat())
                return
            at, lead = name.rfind(".", 0, at), ""

    def _add(self, glimpse: ScannedVideo, tail: str, found: os.stat_result) -> None:
        """Note a file or a folder, by what its name has beside the key, for which / stands."""
        if stat.S_ISDIR(found.st_mode):
            tail += "/"
        elif not stat.S_ISREG(found.st_mode):
            return  # a pipe would be waited for without end
        number = self._tail_numbers.get(tail) or self._number(tail)
        glimpse.numbers.extend((number, *file_numbers(found)))

    def _add_subtitles(self, glimpse: ScannedVideo) -> None:
        """Note the subtitle files beside the video, by what their names have after its stem."""
        begin = len(glimpse.video.path.rpartition(".")[0])
        for subtitle in external_subtitles(glimpse.video):
            if self.roots and not self.roots.contains(subtitle.path):
                continue
            with contextlib.suppress(OSError):
                self._add(glimpse, "//" + subtitle.path[begin:], stat_of(subtitle.path))

    def _number(self, tail: str) -> int:
        """A number for a tail, the same in every process."""
        from hashlib import blake2b

        digest = blake2b(os.fsencode(tail), digest_size=7).digest()
        number = self._tail_numbers[tail] = int.from_bytes(digest, "big")
        self._tails[number] = tail
        return number

    def corner(self, glimpse: ScannedVideo) -> ScannedSidecars:
        """The files of a video as they were seen."""
        video, numbers = glimpse.video, glimpse.numbers
        entries, stem = list[FileStat](), video.path.rpartition(".")[0]
        for at in range(3, len(numbers), 4):
            tail, size, mtime_ns = self._tails[numbers[at]], numbers[at + 1], numbers[at + 2]
            path = f"{video.sidecar_dir}/{tail.replace('/', video.key, 1)}"
            if tail.startswith("//"):
                path = stem + tail[2:]
            entries.append(FileStat(path.removesuffix("/"), size, mtime_ns, path.endswith("/")))
        return ScannedSidecars(video.sidecar_dir, entries)
