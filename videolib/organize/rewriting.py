"""Moves of videos in a journal, together with the new content of the files that name them.

The names of videos and of their files stand in the JSON and WebVTT artifacts that move along, and
in the people indexes of the folders above.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from videolib.core.documents import EDITED_JSON, compact_json, json_bytes, parse_json
from videolib.core.errors import attempt
from videolib.core.files import read_file
from videolib.storage.exported import exported_names, record_path
from videolib.storage.names import SIDECARS
from videolib.storage.tags import tags_path

if TYPE_CHECKING:
    from videolib.storage.journal import Journal
    from videolib.storage.videos import Video


class VideoMove(NamedTuple):
    """A video, its target, and the (old, new) paths of all files that move.

    The video comes first, then the files beside it that are its own, then its artifacts.
    """

    video: Video
    target: Video
    files: list[tuple[str, str]]

    def as_json(self) -> dict[str, str]:
        return {"source": self.video.rel, "target": self.target.rel}

    def add_to(self, journal: Journal) -> None:
        """Plan the moves, and the new content of the artifacts in which a moved name stands."""
        for source, target in self.files:
            journal.move(source, target)
        sidecar_dir = f"{self.video.sidecar_dir}/"
        sidecars = [(old, new) for old, new in self.files if old.startswith(sidecar_dir)]
        names = {name_of(old): name_of(new) for old, new in sidecars}
        all_names = {name_of(old): name_of(new) for old, new in self.files}
        record = str(record_path(self.video))  # of the files beside the video that were exported
        sizes = dict[str, int]()  # new name -> bytes of what is rewritten
        for source, target in sorted(sidecars, key=lambda move: move[0] == record):
            if source == record:
                self.rewrite(journal, source, target, all_names, sizes)
            elif size := self.rewrite(journal, source, target, names):
                sizes[name_of(target)] = size

    def rewrite(
        self,
        journal: Journal,
        source: str,
        target: str,
        names: Mapping[str, str],
        sizes: Mapping[str, int] | None = None,
    ) -> int:
        """Plan the new content of a JSON or WebVTT artifact; returns its size in bytes, 0 where it
        stays as it is, as links and files that are no readable JSON do.

        `names`: old -> new name of each artifact of the video. `sizes`: of a record of exports, the
        new sizes of what they were made of.
        """
        path = Path(source)
        if path.suffix not in (".json", ".vtt") or path.is_symlink() or not path.is_file():
            return 0
        old = read_file(path)
        if source.endswith(".vtt"):
            new: Any = renamed_track(old, names)
        else:
            # In a tags file the video's name is the only one on disk: a tag may look like another.
            is_tags = path == tags_path(self.video)
            new = attempt(renamed_json, old, self, {} if is_tags else names)
        if isinstance(new, bytes) and sizes:
            new = attempt(with_input_sizes, new, sizes)
        if not isinstance(new, bytes) or new == old:
            return 0
        journal.replace(target, old, new, keep_time=source)
        return len(new)


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


def exported_moves(video: Video, target: Video) -> list[tuple[str, str]]:
    """The (old, new) paths of what was exported of a video to its own folder, when that has become
    `target`; without what is not called after it."""
    folder, new_folder = (v.path.rpartition("/")[0] for v in (video, target))
    moves = []
    for name in exported_names(video):
        prefix = video.name if name.startswith(video.name) else video.name.rpartition(".")[0]
        new = target.name if prefix == video.name else target.name.rpartition(".")[0]
        if name.startswith(prefix):
            moves.append((f"{folder}/{name}", f"{new_folder}/{new}{name[len(prefix) :]}"))
    return [(old, new) for old, new in moves if old != new]


def add_moves(journal: Journal, moves: Iterable[VideoMove]) -> None:
    """Plan moves of videos, with the new content of all files in which a moved name stands."""
    moves = list(moves)
    for move in moves:
        move.add_to(journal)
    for path, rels in people_indexes(moves).items():
        old = read_file(path)
        new = attempt(renamed_index, old, rels)
        if isinstance(new, bytes) and new != old:
            journal.replace(path, old, new, keep_time=path)


def people_indexes(moves: Iterable[VideoMove]) -> dict[str, dict[str, str]]:
    """Path of a people index in a folder above a moved video -> old -> new names of videos in it.

    The index of a folder that a video leaves keeps the old name of that video.
    """
    indexes: dict[str, dict[str, str]] = {}
    for video, target, _ in moves:
        below = video.rel.removesuffix(video.name)
        artifacts_root = video.sidecar_dir.removesuffix(below + SIDECARS)
        for end in [0, *(i + 1 for i, letter in enumerate(below) if letter == "/")]:
            path = f"{artifacts_root}{below[:end]}{SIDECARS}/.faces.index.json"
            if target.rel.startswith(below[:end]) and Path(path).is_file():
                indexes.setdefault(path, {})[video.rel[end:]] = target.rel[end:]
    return indexes


def moved_name(name: str, video: Video, target: Video) -> str:
    """The name that an artifact of a video has when that has become `target`."""
    dot = "." if name.startswith(f".{video.key}.") else ""
    return dot + target.key + name[len(dot) + len(video.key) :]


def renamed_track(content: bytes, names: Mapping[str, str]) -> bytes:
    """A WebVTT thumbnail track with the new names of its pictures, on lines NAME#xywh=...

    Subtitles, which have no such lines, stay the same. `names` are old -> new.
    """
    from urllib.parse import quote_from_bytes

    quoted = {
        quote_from_bytes(os.fsencode(old)).encode(): quote_from_bytes(os.fsencode(new)).encode()
        for old, new in names.items()
    }
    lines = [line.partition(b"#xywh=") for line in content.split(b"\n")]
    return b"\n".join(quoted.get(n, n) + mark + rest if mark else n for n, mark, rest in lines)


def renamed_json(content: bytes, move: VideoMove, names: Mapping[str, str]) -> bytes:
    """A JSON artifact with the new names of its video and of its files, otherwise unchanged.

    Raises ValueError or RecursionError for what is no readable JSON.
    """

    def renamed(key: str, text: str) -> str:
        if key in ("video", "filename"):
            return renamed_rel(text, move)
        first, slash, rest = text.partition("/")
        return f"{names[first]}{slash}{rest}" if first in names else text

    return with_strings(content, renamed)


def with_input_sizes(content: bytes, sizes: Mapping[str, int]) -> bytes:
    """A record of exports in which inputs have other sizes: they were only renamed, what was made
    of them is as fresh as before. Raises ValueError or the like for what is no record."""
    document = parse_json(content)
    for exported in document["exports"].values():
        for noted in exported["inputs"]:
            noted["size"] = sizes.get(noted.get("file"), noted.get("size"))
    return json_bytes(document)


def renamed_rel(rel: str, move: VideoMove) -> str:
    """The new value of a video's name in a record; other values stay the same.

    That is a path from whichever folder the command was run on that made the record.
    """
    old, new = move.video, move.target
    if rel.rpartition("/")[2] != old.name:
        return rel
    if rel == old.rel:
        return new.rel
    base = old.path.removesuffix(rel)
    return new.path.removeprefix(base) if new.path.startswith(base) else new.name


def renamed_index(content: bytes, rels: Mapping[str, str]) -> bytes:
    """A people index with new names of videos; `rels`: old -> new.

    Raises ValueError or RecursionError for what is no readable JSON.
    """

    def renamed(key: str, text: str) -> str:
        return rels.get(text, text) if key.startswith("video") else text

    return with_strings(content, renamed, compact_json)


def with_strings(
    content: bytes,
    replace: Callable[[str, str], str],
    to_bytes: Callable[[Any], bytes] = json_bytes,
) -> bytes:
    """A JSON document with each string replaced by `replace(key, string)`.

    `key` is the nearest one around the string, "" where there is none. The result is the same bytes
    where nothing changed. Raises ValueError for what is no readable JSON, or would lose something
    when it is written again.
    """

    def replaced(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {k: replaced(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [replaced(item, key) for item in value]
        return replace(key, value) if isinstance(value, str) else value

    before = parse_json(content, EDITED_JSON)
    after = replaced(before, "")
    return content if after == before else to_bytes(after)
