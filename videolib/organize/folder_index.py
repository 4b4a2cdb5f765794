"""What belongs to a video on disk: its artifacts, and the subtitles and .nfo files beside it."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from videolib.core.files import names_in
from videolib.core.text import fold
from videolib.storage.artifacts import SIDECAR_KINDS
from videolib.storage.exported import exported_names
from videolib.storage.names import is_video_name, sidecar_key
from videolib.storage.subtitle_names import EXTERNAL_FORMATS, PICTURE_INDEX

if TYPE_CHECKING:
    from videolib.storage.videos import Video

# The end of the names that players look for beside a video: subtitles, perhaps with languages and
# other labels before the extension (`.pt-BR`, `.Chinese (Simplified)`, `.eng.1`), and .nfo.
SIBLING_SUFFIXES = (*EXTERNAL_FORMATS, PICTURE_INDEX, "sup", "sbv", "ttml", "nfo")
SIBLING_SUFFIX = re.compile(
    rf"((?:\.[^\W\d_][^\W_]*(?:[-_ &+()\[\]]+[^\W_]+)*[)\]]?|\.\d{{1,2}}){{0,3}})"
    rf"\.({'|'.join(SIBLING_SUFFIXES)})$",
    re.IGNORECASE,
)


class SiblingFile(NamedTuple):
    """A file beside videos that belongs to some of them.

    `name`: its name. `prefix`: the start of that, which is the name of the videos, with or without
    extension. `owners`: the names of these videos; `a.srt` may belong to `a.mp4` and to `a.mkv`.
    """

    name: str
    prefix: str
    owners: list[str]


class FolderIndex:
    """The names in the folders that a plan touches, and to which video they belong.

    Each folder is read once, so that an index is of one moment and one plan.
    """

    def __init__(self) -> None:
        self.listings: dict[str, list[str]] = {}
        self.by_folded: dict[str, dict[str, list[str]]] = {}
        self.sibling_files: dict[str, dict[str, list[SiblingFile]]] = {}

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none where there is no such folder. Raises OSError."""
        if folder not in self.listings:
            try:
                self.listings[folder] = names_in(folder)
            except (FileNotFoundError, NotADirectoryError):
                self.listings[folder] = []
        return self.listings[folder]

    def equivalents(self, path: str) -> list[str]:
        """The existing paths that are the same as this one on some file systems, which ignore case
        or Unicode normalization."""
        folder, _, name = path.rpartition("/")
        if folder not in self.by_folded:
            by_folded: dict[str, list[str]] = {}
            for existing in self.names(folder):
                by_folded.setdefault(fold(existing), []).append(f"{folder}/{existing}")
            self.by_folded[folder] = by_folded
        return self.by_folded[folder].get(fold(name), [])

    def starting(self, folder: str, prefix: str) -> list[str]:
        """The names in a folder that start with a prefix, sorted."""
        names = self.names(folder)
        first = bisect.bisect_left(names, prefix)
        return list(itertools.takewhile(lambda n: n.startswith(prefix), names[first:]))

    def sidecars(self, video: Video) -> dict[str, str]:
        """The names in a video's sidecar folder that belong to it -> their kinds.

        Those of another video with a longer name, as `a.mp4.mkv` beside `a.mp4`, are left out.
        """
        folder, key = video.path.rpartition("/")[0], video.key
        longer = [n for n in self.starting(folder, f"{video.name}.") if is_video_name(n)]
        foreign = tuple(f"{dot}{sidecar_key(n)}." for n in longer for dot in ("", "."))
        candidates = [
            n for dot in ("", ".") for n in self.starting(video.sidecar_dir, f"{dot}{key}.")
        ]
        bases = {n: without_corrupt_mark(n) for n in candidates if not n.startswith(foreign)}
        kinds: dict[str, str] = {}
        for kind, artifact in SIDECAR_KINDS.items():
            owned = set(artifact.owned(video, bases.values()))
            kinds |= {name: kind for name, base in bases.items() if base in owned}
        return kinds

    def siblings(self, folder: str) -> dict[str, list[SiblingFile]]:
        """Name of a video in a folder -> the subtitles and .nfo files whose first owner it is.

        A file belongs to the videos whose name, with or without extension, is the longest prefix
        of its own.
        """
        if folder in self.sibling_files:
            return self.sibling_files[folder]
        owners: dict[str, list[str]] = {}
        for video in filter(is_video_name, self.names(folder)):
            for prefix in (video, video.rpartition(".")[0]):
                owners.setdefault(prefix, []).append(video)
        siblings = self.sibling_files.setdefault(folder, {})
        for name in self.names(folder):
            prefix = name if SIBLING_SUFFIX.search(name) else ""
            while prefix := prefix.rpartition(".")[0]:
                if prefix in owners and SIBLING_SUFFIX.fullmatch(name, len(prefix)):
                    file = SiblingFile(name, prefix, owners[prefix])
                    siblings.setdefault(file.owners[0], []).append(file)
                    break
        return siblings


def is_exported(video: Video, name: str, owners: Iterable[str]) -> bool:
    """Whether a file beside a video, which is one of its `owners`, was exported of any of them: it
    goes where that goes."""
    folder = video.path.rpartition("/")[0]
    videos = (video._replace(path=f"{folder}/{owner}") for owner in owners)
    return any(name in exported_names(owner) for owner in videos)


def without_corrupt_mark(name: str) -> str:
    """The name that a sidecar had before it was set aside as corrupt."""
    return re.sub(r"\.corrupt-\d+$", "", name)
