"""Artifacts whose video is gone."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from videolib.core.documents import read_json
from videolib.organize.naming import is_video_name
from videolib.organize.rename import FolderIndex
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import sidecar_key
from videolib.storage.sidecars import SidecarDir
from videolib.storage.videos import Video


class Orphan(NamedTuple):
    """Artifacts whose video is gone: that video, and their names -> kinds."""

    video: Video
    files: dict[str, str]

    def source(self) -> tuple[int, str, Any] | None:
        """Size in bytes, oshash and time of the video, as one of its records tells; tags first."""
        records = [name for name in self.files if name.endswith(".json")]
        for name in sorted(records, key=lambda name: self.files[name] != "tags"):
            head = (read_json(f"{self.video.sidecar_dir}/{name}") or {}).get("source")
            if isinstance(head, dict):
                size, hashed = head.get("size"), head.get("oshash")
                if isinstance(size, int) and isinstance(hashed, str) and hashed:
                    return size, hashed, head.get("mtime_ns")
        return None

    def as_json(self) -> dict[str, Any]:
        kinds = list(dict.fromkeys(self.files.values()))
        return {"video": self.video.rel, "kinds": kinds, "files": sorted(self.files)}


def orphans_in(folder: str, below: str, sidecar_dir: str) -> list[Orphan]:
    """The orphans in one artifact folder, by the name of their video. Raises OSError."""
    terrain = FolderIndex()
    present = [n for n in terrain.names(folder) if is_video_name(n)]
    owned: set[str] = set()
    for name in present:
        owned.update(terrain.sidecars(Video(f"{folder}/{name}", below + name, sidecar_dir)))
    known = {sidecar_key(name) for name in present}
    found: dict[str, Orphan] = {}
    for name in sorted(SidecarDir(sidecar_dir)):
        if name not in owned and (kin := kin_of(name)) and kin[0] not in known:
            video = Video(f"{folder}/{kin[0]}", below + kin[0], sidecar_dir)
            found.setdefault(kin[0], Orphan(video, {})).files[name] = kin[1]
    return list(found.values())


def kin_of(name: str) -> tuple[str, str] | None:
    """The video, and the kind, that an artifact's name speaks of; the longest name of a video."""
    base = re.sub(r"\.corrupt-\d+$", "", name)
    for text in dict.fromkeys((base, base.removeprefix("."))):
        for dot in reversed([match.start() for match in re.finditer(r"\.", text)]):
            video = Video(text[:dot], text[:dot], "")
            if is_video_name(video.name):
                for kind, artifact in ARTIFACTS.items():
                    if artifact.owned(video, [base]):
                        return video.name, kind
    return None
