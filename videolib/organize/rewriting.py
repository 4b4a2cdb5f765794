"""What moved artifacts say: their video's new name in JSON and WebVTT."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from videolib.core.documents import compact_json, json_bytes
from videolib.core.errors import attempt
from videolib.core.files import read_file
from videolib.storage.tags import tags_path

if TYPE_CHECKING:
    from videolib.organize.naming import VideoMove
    from videolib.storage.journal import Journal
    from videolib.storage.videos import Video


def moved_name(name: str, video: Video, target: Video) -> str:
    """What an artifact's file is called when its video has another name."""
    dot = "." if name.startswith(f".{video.key}.") else ""
    return dot + target.key + name[len(dot) + len(video.key) :]


def rewrite_names(
    journal: Journal, source: str, target: str, shift: VideoMove, names: Mapping[str, str]
) -> None:
    """Let a moved JSON or WebVTT artifact say the new names; what is unreadable, or a link, stays
    as it is.
    """
    path = Path(source)
    if path.suffix not in (".json", ".vtt") or path.is_symlink() or not path.is_file():
        return
    old = read_file(path)
    if source.endswith(".vtt"):
        new: Any = renamed_track(old, names)
    else:
        # Of the words in a tags file only that one is a name on disk.
        is_tags = path == tags_path(shift.video)
        new = attempt(renamed_json, old, shift, {} if is_tags else names)
    if isinstance(new, bytes) and new != old:
        journal.replace(target, old, new, keep_time=source)


def renamed_track(content: bytes, names: Mapping[str, str]) -> bytes:
    """A WebVTT thumbnail track with other names of pictures; subtitles have no such lines."""
    from urllib.parse import quote_from_bytes

    quoted = {
        quote_from_bytes(os.fsencode(old)).encode(): quote_from_bytes(os.fsencode(new)).encode()
        for old, new in names.items()
    }
    lines = [line.partition(b"#xywh=") for line in content.split(b"\n")]
    return b"\n".join(quoted.get(n, n) + mark + rest if mark else n for n, mark, rest in lines)


def renamed_json(content: bytes, shift: VideoMove, names: Mapping[str, str]) -> bytes:
    """A JSON artifact with other names of its video and files, nothing else; any JSON will do.

    Raises ValueError or RecursionError for what is not readable.
    """

    def put(key: str, text: str) -> str:
        if key in ("video", "filename"):
            return new_rel(text, shift)
        first, slash, rest = text.partition("/")
        return f"{names[first]}{slash}{rest}" if first in names else text

    return with_strings(content, put)


def renamed_index(content: bytes, rels: Mapping[str, str]) -> bytes:
    """An index of a library with other names of videos."""

    def put(key: str, text: str) -> str:
        return rels.get(text, text) if key.startswith("video") else text

    return with_strings(content, put, compact_json)


def with_strings(
    content: bytes, put: Callable[[str, str], str], write: Callable[[Any], bytes] = json_bytes
) -> bytes:
    """A JSON document with every text replaced, given the nearest key; itself if none differs."""

    def replaced(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {k: replaced(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [replaced(item, key) for item in value]
        return put(key, value) if isinstance(value, str) else value

    before = json.loads(content)
    after = replaced(before, "")
    return content if after == before else write(after)


def new_rel(value: str, shift: VideoMove) -> str:
    """What a record calls its video, which some folder around it is the base of."""
    old, new = shift.video, shift.target
    if value.rpartition("/")[2] != old.name:
        return value
    if value == old.rel:
        return new.rel
    base = old.path.removesuffix(value)
    return new.path.removeprefix(base) if new.path.startswith(base) else new.name
