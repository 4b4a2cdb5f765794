"""The places of exported files: whether a name is free, this program's own, or somebody else's.

`refusal` says, before a video is opened, why a file may not be put there. It is asked again, for
what changes meanwhile, when the file is published.
"""

from __future__ import annotations

import functools
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.errors import VideoError
from videolib.core.files import stat_if_any
from videolib.core.text import fold, printable
from videolib.storage.exported import ExportedFile, ExportRecord
from videolib.storage.names import VIDEO_EXTENSIONS, is_video_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from videolib.storage.videos import Video

LONGEST_NAME = 255  # bytes


class ExportFolder(NamedTuple):
    """Where the files of one video go: beside it, or below `to` in the folders that the library
    has, unless the format has `subfolders` of its own there. `extensions` are those of the videos
    of the run, by which stems are compared."""

    video: Video
    to: Path | None
    extensions: frozenset[str] = VIDEO_EXTENSIONS
    subfolders: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        if self.to is None:
            return self.video.path.rpartition("/")[0]
        below = "" if self.subfolders else self.video.rel.rpartition("/")[0]
        return f"{str(self.to.absolute()).rstrip('/')}/{below}".rstrip("/")

    @property
    def paths(self) -> list[str]:
        """The folders in which files of the format stand."""
        return [f"{self.path}/{name}" for name in self.subfolders] or [self.path]

    def location(self, name: str) -> str:
        """The absolute path of a file of that name."""
        return f"{self.path}/{name.rstrip('/')}"

    def recorded_path(self, name: str) -> str:
        """How a record names it, see ExportedFile."""
        location = self.location(name)
        folder, _, last = location.rpartition("/")
        return last if folder == self.video.path.rpartition("/")[0] else location

    def unclaimed(self, names: Iterable[str], record: ExportRecord) -> list[str]:
        """The names without those that somebody else's file has."""
        locations = {name: self.location(name) for name in names}
        return [
            name
            for name, path in locations.items()
            if record.file(self.video, path) or not os.path.lexists(path)
        ]

    def refusals(
        self, names: Iterable[str], record: ExportRecord, merge: bool, merges: bool
    ) -> str:
        """Why one of the names cannot be used for this video, or "": what `refusal` says, or that
        another video has it.

        `merge`: somebody else's file is to be completed; `merges`: whether the format can.
        """
        for name in names:
            recorded = record.file(self.video, self.location(name))
            reason = self.rival(name) if recorded is None else ""
            reason = reason or self.refusal(name, recorded, merge and merges)
            reason = reason or self.other_case(name)
            if reason:
                hints = ": it is left alone, move it away", ": --merge completes it"
                hint = hints[merges] if reason in (STRANGER, CHANGED) else ""
                return f"{printable(name)} {reason}{hint}"
        return ""

    def refusal(self, name: str, recorded: ExportedFile | None, merge: bool) -> str:
        """Why a file or folder may not be put there, or ""."""
        if len(os.fsencode(name.rstrip("/"))) > LONGEST_NAME:
            return f"is longer than the {LONGEST_NAME} bytes of a name: shorten that of the video"
        try:
            status = os.lstat(self.location(name))
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"cannot be looked at: {error.strerror}"
        if stat.S_ISLNK(status.st_mode):
            return "is a link: it is left alone, move it away"
        is_folder = stat.S_ISDIR(status.st_mode)
        if is_folder != name.endswith("/") or not (is_folder or stat.S_ISREG(status.st_mode)):
            return f"is {'a folder' if is_folder else 'no folder'}: move it away"
        if recorded is not None and recorded.is_own(self.video):
            return ""
        if merge and not is_folder:
            return ""
        return STRANGER if recorded is None else CHANGED

    def other_case(self, name: str) -> str:
        """That there is the same name in other letters, which some file systems do not tell apart;
        or ""."""
        existing = folded_names(self.path).get(fold(name.rstrip("/")), ())
        others = [other for other in existing if other != name.rstrip("/")]
        return f"is there already, written {printable(others[0])}" if others else ""

    def rival(self, name: str) -> str:
        """That another video of the folder has the name, or ""; `a.nfo` of a.mkv and a.mp4.

        It is that of the video that it was exported of, else of the first in the order of names.
        """
        stem = self.video.name.rpartition(".")[0]
        if not fold(name).startswith(fold(stem)) or name.startswith(f"{self.video.name}."):
            return ""
        folder = self.video.path.rpartition("/")[0]
        names = [n for n in videos_by_stem(folder).get(fold(stem), ()) if n != self.video.name]
        for other in names:
            video = self.video._replace(
                path=f"{folder}/{other}",
                rel=f"{self.video.rel.removesuffix(self.video.name)}{other}",
            )
            tail = name[len(stem) :]
            theirs = ExportFolder(video, self.to).location(other.rpartition(".")[0] + tail)
            if ExportRecord.read(video).file(video, theirs):
                return f"is that of {printable(other)}: give one of them another name"
        first = min((n for n in names if f".{suffix_of(n)}" in self.extensions), default="")
        if first and first < self.video.name:
            return f"would be that of {printable(first)} too: give one of them another name"
        return ""


STRANGER = "was not written by this program"
CHANGED = "was changed since this program wrote it"


def check_targets(
    folder: ExportFolder, names: Iterable[str], record: ExportRecord, merge: bool
) -> None:
    """Raise VideoError where one of the names may not be used (any more)."""
    for name in names:
        recorded = record.file(folder.video, folder.location(name))
        if reason := folder.refusal(name, recorded, merge):
            raise VideoError(f"{printable(name)} {reason}")


def suffix_of(name: str) -> str:
    return name.rpartition(".")[2].lower()


def folded_names(folder: str) -> dict[str, list[str]]:
    """Folded name -> the names in a folder that are the same but for the case of letters."""
    status = stat_if_any(folder)
    return names_at(folder, status.st_mtime_ns) if status else {}


def videos_by_stem(folder: str) -> dict[str, list[str]]:
    """Folded stem -> the names of the videos in a folder with that stem."""
    status = stat_if_any(folder)
    return stems_at(folder, status.st_mtime_ns) if status else {}


@functools.lru_cache(maxsize=4)
def names_at(folder: str, _mtime_ns: int) -> dict[str, list[str]]:
    """The names of a folder that was changed last at a time: read once for all of its videos."""
    by_folded: dict[str, list[str]] = {}
    for name in os.listdir(folder):  # noqa: PTH208 - a Path per name would be half of the work
        by_folded.setdefault(fold(name), []).append(name)
    return by_folded


@functools.lru_cache(maxsize=4)
def stems_at(folder: str, mtime_ns: int) -> dict[str, list[str]]:
    by_stem: dict[str, list[str]] = {}
    for names in names_at(folder, mtime_ns).values():
        for name in filter(is_video_name, names):
            if not name.startswith("._"):
                by_stem.setdefault(fold(name.rpartition(".")[0]), []).append(name)
    return by_stem
