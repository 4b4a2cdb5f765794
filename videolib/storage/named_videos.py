"""Videos that a user names one by one where a folder of videos is expected."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from videolib.core.confinement import real_path
from videolib.core.errors import UsageError
from videolib.core.text import printable
from videolib.storage.names import VIDEO_EXTENSIONS


class NamedVideos(NamedTuple):
    """The folder that a command line is about, and of its files those that it names.

    `names` are paths from the folder; none: all of the folder.
    """

    folder: str
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, words: str | Sequence[str]) -> NamedVideos:
        """The folder, or the files and the folder that all of them are in.

        A text, and a single word that is no file, is a folder, whether it exists or not. Raises
        UsageError where there are several and one is no file.
        """
        if isinstance(words, str):
            return cls(words)
        paths = [Path(word) for word in words]
        if len(words) == 1 and not is_file(paths[0]):
            return cls(words[0])
        for path in paths:
            if not is_file(path):
                is_folder = path.is_dir()
                reason = "is a folder: name one folder, or files" if is_folder else "no such file"
                raise UsageError(f"{printable(str(path))}: {reason}")
        parents = [real_path(path.parent) for path in paths]
        if len(set(parents)) == 1:
            return cls(str(paths[0].parent), frozenset(path.name for path in paths))
        folder = Path(os.path.commonpath(parents))
        files = (Path(parent, path.name) for parent, path in zip(parents, paths, strict=True))
        return cls(str(folder), frozenset(file.relative_to(folder).as_posix() for file in files))

    def check(self, extensions: frozenset[str], folder_only: str) -> None:
        """Raise UsageError where a file has another extension than a video or one of these, or any
        is named for what is about a whole folder; `folder_only` says what that is, if it is."""
        for name in sorted(self.names):
            if folder_only:
                reason = f"is a file: {folder_only} takes a folder of videos"
            elif Path(name).suffix.lower() in VIDEO_EXTENSIONS | extensions:
                continue
            else:
                reason = "is no name of a video: see --ext"
            raise UsageError(f"{printable(str(Path(self.folder, name)))}: {reason}")


def is_file(path: Path) -> bool:
    """Whether there is something other than a folder, be it a link that leads nowhere."""
    return os.path.lexists(path) and not path.is_dir()
