"""Library, the videos of a folder as one request sees them; Roots, the folders a server may use."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from videolib.core.confinement import enclosing_folder, real_path
from videolib.core.errors import NotFoundError, OutsideError, UsageError
from videolib.core.files import folder_entries, is_possible_path, need_folder
from videolib.core.text import printable
from videolib.storage.names import SIDECARS, VIDEO_EXTENSIONS, sidecar_key
from videolib.storage.subtitle_names import subtitles_by_stem
from videolib.storage.subtitles import matching_subtitles
from videolib.storage.video_types import by_frequency
from videolib.storage.videos import Video

LEADS_OUT = "is a link that leads out of the library: left alone"


class Folder(NamedTuple):
    """One folder of a library: its path from the root ("" or ending in a slash), its sidecar
    folder, an iterator of its videos, and the paths of its subfolders."""

    below: str
    sidecar_dir: str
    videos: Iterator[Video]
    folders: list[str]


class Library:
    """A folder of videos as one request sees it, and where its sidecars are kept.

    `problems` gathers (name, reason) of folders that could not be read while walking, `left_out`
    how many videos of other types it met.
    """

    def __init__(
        self,
        root: Path,
        recursive: bool = False,
        extensions: frozenset[str] = frozenset({".mp4"}),
        artifacts_dir: Path | None = None,
        roots: Roots | None = None,
    ) -> None:
        self.root, self.recursive, self.extensions = root, recursive, extensions
        self.artifacts_dir, self.roots = artifacts_dir, roots
        self.only: frozenset[str] | None = None
        self.problems: list[tuple[str, str]] = []
        self._other_types: dict[str, Mapping[str, int]] = {}  # by the folder that was walked

    @property
    def left_out(self) -> dict[str, int]:
        """The number of videos that a walk left out for their type, by extension, the most
        frequent first; none where the videos were named."""
        counts = Counter[str]()
        for folder in self._other_types.values() if self.only is None else ():
            counts.update(folder)
        return by_frequency(counts)

    def note_other_types(self, counts: Mapping[str, int]) -> None:
        """Take these for what a walk of all of it left out."""
        self._other_types = {"": counts}

    @property
    def nothing_found(self) -> str:
        """The message where there is no video, with what could find some."""
        return self.nothing_matches()

    def nothing_matches(self, condition: str = "") -> str:
        """The message where no video has something, as `is long`, with what could find some."""
        all_types = self.extensions >= VIDEO_EXTENSIONS
        kinds = "video" if all_types else " or ".join(sorted(self.extensions))
        advice = [] if self.recursive else ["-r looks into the folders below"]
        advice += [] if all_types else ["--ext '*' takes every type of video"]
        what = f"no {kinds} here {condition}".rstrip()
        return what + (": " if advice else "") + ", ".join(advice)

    def sidecar_dir(self, below: str = "") -> str:
        """The sidecar folder of the library's folder, or of the one at `below`, as in Folder."""
        return f"{str((self.artifacts_dir or self.root).absolute()).rstrip('/')}/{below}{SIDECARS}"

    def video(self, rel: str) -> Video:
        """The video at a path relative to the folder, whether it exists or not."""
        path = f"{str(self.root.absolute()).rstrip('/')}/{rel}"
        return Video(path, rel, self.sidecar_dir(rel[: rel.rfind("/") + 1]))

    def find_video(self, name: str) -> Video:
        """The video that a user names: a path from the library's folder, or from the current one.

        Raises UsageError where it is no file of the library.
        """
        root = self.root.absolute()
        for path in (root / name, Path(name).absolute()):
            inside = path.is_relative_to(root) and ".." not in path.parts
            if inside and path.is_file() and (not self.roots or self.roots.contains(path)):
                return self.video(path.relative_to(root).as_posix())
        raise UsageError(f"{printable(name)}: no such video in {printable(str(self.root))}")

    def videos(self) -> Iterator[Video]:
        """Every video, or those named in `only`; a name that is no video's becomes a problem."""
        if self.only is None:
            yield from self.all_videos()
            return
        missing = set(self.only)
        for video in self.all_videos():
            if video.rel in self.only:
                missing.discard(video.rel)
                yield video
        self.problems += [(name, "no such video here") for name in sorted(missing)]

    def all_videos(self) -> Iterator[Video]:
        """Every video, folder by folder in the order of names; one scan per folder, no stat."""
        for folder in self.walk():
            yield from folder.videos

    def walk(self, start: str = "") -> Iterator[Folder]:
        """The folder, or the one at `start`, then those below if `recursive`, in order of names;
        with `only` those that lead to its videos."""
        top, pending = str(self.root.absolute()), [start]
        wanted = folders_of(self.only or ())
        while pending:
            below = pending.pop()
            entries = self._entries(f"{top}/{below}", below)
            sidecar_dir = self.sidecar_dir(below)
            outward = self.roots.links_out_of(sidecar_dir) if self.roots else []
            if "" in outward:
                self.problems.append((f"{below}{SIDECARS}", LEADS_OUT))
                entries = []
            folders = []
            if self.recursive:
                names = (e.name for e in entries if e.is_dir(follow_symlinks=False))
                folders = [f"{below}{name}/" for name in names if name != SIDECARS]
                if self.only is not None:
                    folders = [name for name in folders if name in wanted]
            yield Folder(
                below, sidecar_dir, self._videos(entries, below, sidecar_dir, outward), folders
            )
            pending += reversed(folders)

    def _videos(
        self,
        entries: Sequence[os.DirEntry[str]],
        below: str,
        sidecar_dir: str,
        outward: Sequence[str],
    ) -> Iterator[Video]:
        """The videos among a folder's entries; `outward`: as Roots.links_out_of its sidecars."""
        by_stem = subtitles_by_stem(entry.name for entry in entries)
        other_types = Counter[str]()
        for entry in entries:
            extension = self._video_extension(entry)
            if extension in self.extensions:
                if self._stays_inside(entry, below, outward):
                    external = matching_subtitles(entry.name, by_stem) if by_stem else ()
                    yield Video(entry.path, below + entry.name, sidecar_dir, external)
            elif extension and not self._leads_out(entry):
                other_types[extension] += 1
        self._other_types[below] = other_types

    def _entries(self, folder: str, below: str) -> list[os.DirEntry[str]]:
        try:
            return folder_entries(folder)
        except OSError as error:
            self.problems.append((below or "./", f"cannot be listed: {error.strerror}"))
            return []

    def _stays_inside(self, entry: os.DirEntry[str], below: str, outward: Sequence[str]) -> bool:
        """Whether neither the video nor a sidecar of it is a link that leads out of the roots."""
        if not self.roots:
            return True
        if self._leads_out(entry):
            self.problems.append((below + entry.name, LEADS_OUT))
            return False
        key = sidecar_key(entry.name)
        leading = [name[1:] for name in outward if name.startswith((f"/{key}.", f"/.{key}."))]
        if leading:
            self.problems.append((below + entry.name, f"{leading[0]} {LEADS_OUT}"))
        return not leading

    def _leads_out(self, entry: os.DirEntry[str]) -> bool:
        """Whether an entry is a link that leads out of the roots."""
        return bool(self.roots and entry.is_symlink() and not self.roots.contains(entry.path))

    def _video_extension(self, entry: os.DirEntry[str]) -> str:
        """The extension of an entry that is a video of any type; of all else an empty text."""
        stem, _, suffix = entry.name.rpartition(".")
        extension = f".{suffix.lower()}"
        if not stem or (extension not in self.extensions and extension not in VIDEO_EXTENSIONS):
            return ""
        try:
            # `._name` files are what macOS leaves on foreign disks: resource forks, never videos.
            return "" if stem.startswith("._") or entry.is_dir() else extension
        except OSError:  # a link that leads nowhere: opening it will say why
            return extension


def folders_of(names: Iterable[str]) -> set[str]:
    """The folders on the way to files named from a root, each with a slash at its end."""
    folders: set[str] = set()
    for name in names:
        folder = name[: name.rfind("/") + 1]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder[: folder.rfind("/", 0, -1) + 1]
    return folders


def folders_below(top: str, unread: Callable[[OSError], None]) -> Iterator[str]:
    """A folder and all below it in the order of names, without sidecar folders and links; `unread`
    is called for what cannot be listed."""
    pending = [top.rstrip("/")]
    while pending:
        folder = pending.pop()
        try:
            entries = folder_entries(folder or "/")
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            unread(error)
            continue
        yield folder
        pending += [f"{folder}/{name}" for name in reversed(names) if name != SIDECARS]


class Roots:
    """The folders that a server may use: nothing outside them is read or written, wherever a
    request, a link or a sidecar points."""

    def __init__(self, folders: Sequence[str | Path]) -> None:
        """Raises UsageError for what is no folder."""
        self.paths = [real_path(folder) for folder in folders]
        for path in self.paths:
            need_folder(Path(path))

    def contains(self, path: str | Path) -> bool:
        """Whether a path, all links followed, lies in one of the folders."""
        return enclosing_folder(real_path(path), self.paths) is not None

    def root_of(self, folder: Path) -> Path:
        """The folder of these that a folder, all links followed, is or is in."""
        return Path(enclosing_folder(real_path(folder), self.paths) or self.paths[0])

    def links_out_of(self, folder: str) -> list[str]:
        """The links in a folder that lead out of the roots, as /NAME; "" for the folder itself."""
        if not self.contains(folder):
            return [""]
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            links = [entry for entry in entries if entry.is_symlink()]
            return [f"/{link.name}" for link in links if not self.contains(link.path)]
        return []

    def resolve(self, text: str, base: Path | None = None) -> Path:
        """The path that a request names, from `base` or the first folder. Raises OutsideError."""
        path = Path(base or self.paths[0], text)
        if not is_possible_path(path):
            raise OutsideError(f"{printable(text[:300])}: is no name that a file here can have")
        if not self.contains(path):
            raise OutsideError(f"{printable(Path(text).name)}: is outside the library")
        return path

    def folder(self, text: str) -> Path:
        """The folder that a request names. Raises OutsideError or NotFoundError."""
        path = self.resolve(text)
        if not path.is_dir():
            raise NotFoundError(f"{printable(self.relative(text))}: no such folder")
        return path

    def video(self, folder: Path, name: str, artifacts_dir: Path | None = None) -> Video:
        """The video of that name in or below a folder. Raises OutsideError or NotFoundError."""
        path = self.resolve(name, folder)
        video, parts = Library(folder, artifacts_dir=artifacts_dir).video(name), name.split("/")
        named = path.suffix.lower() in VIDEO_EXTENSIONS and "" not in parts
        if not named or {".", SIDECARS} & set(parts) or not path.is_file():
            raise NotFoundError(f"{printable(name)}: no such video")
        if not self.contains(video.sidecar_dir):
            raise OutsideError(f"{printable(name.removesuffix(video.name))}{SIDECARS}: {LEADS_OUT}")
        return video

    def relative(self, text: str) -> str:
        """A message without absolute paths: relative to a root, or else only the last name."""
        for root in sorted(self.paths, key=len, reverse=True):
            text = text.replace(f"{root}/", "").replace(root, ".")
        return re.sub(r"(?<![\w.:/<])/(?:[^\s'\",:;/]+/)+([^\s'\",:;/]*)", r"\1", text)


def need_output(flag: str, path: Path) -> None:
    """Raise UsageError where a file that a user named cannot be written, before all the work."""
    named = f"{flag} {printable(str(path))}"
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{named}: there is no such folder")
    if path.is_dir() or path == Path("-"):
        raise UsageError(f"{named}: name a file")
    if path.suffix.lower() in VIDEO_EXTENSIONS:
        raise UsageError(f"{named}: is what a video is called, and none is ever written over")
