"""Square pictures of faces: cut out of frames, and found for people who are shown on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from videolib.core.documents import read_json
from videolib.core.errors import Failure, attempt
from videolib.core.files import read_file
from videolib.core.text import printable
from videolib.core.workers import Workers
from videolib.faces.models import WORKER_IMPORTS
from videolib.faces.signatures import signature_file
from videolib.media.frames import FrameRequest, read_frames
from videolib.media.pictures import jpeg, resize
from videolib.media.reader import Media

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from videolib.core.runs import Job
    from videolib.media.frames import Frame
    from videolib.storage.folders import Library
    from videolib.storage.videos import Video


PORTRAIT_SIDE = 160  # pixels
PORTRAIT_MARGIN = 0.8  # half the side of the cut, in longer sides of the face's box


def portrait(frame: Frame, box: Sequence[float]) -> bytes:
    """A square JPEG of a face with some room around it. `box`: left, top, width, height."""
    import numpy as np

    x, y, w, h = box
    half = min(PORTRAIT_MARGIN * max(w, h), min(frame.size) / 2)
    left = round(min(max(x + w / 2 - half, 0), frame.size[0] - 2 * half))
    top = round(min(max(y + h / 2 - half, 0), frame.size[1] - 2 * half))
    size = max(round(2 * half), 2)
    pixels = np.ascontiguousarray(frame.rgb()[top : top + size, left : left + size])
    return jpeg(resize(pixels, PORTRAIT_SIDE, PORTRAIT_SIDE), 4)


def read_portraits(
    library: Library,
    occurrences: Iterable[Mapping[str, Any]],
    allow_codecs: str,
    timeout: float,
    job: Job,
) -> dict[str, bytes]:
    """JPEGs of faces by signature: thumbnails, or cut out of the videos in a worker process, which
    may take `timeout` seconds for one (0: no limit). What fails is said on the console.
    """
    portraits: dict[str, bytes] = {}
    wanted: dict[str, list[str]] = {}  # signatures by video
    for occurrence in occurrences:
        wanted.setdefault(occurrence["video"], []).append(occurrence["signature"])
    workers = Workers(1, WORKER_IMPORTS)
    try:
        for rel, signatures in wanted.items():
            video = library.video(rel)
            portraits |= read_thumbnails(video, signatures)
            rest = [s for s in signatures if s not in portraits]
            if not rest:
                continue
            workers.admit([video.path, signature_file(video).path])
            cut = attempt(workers.call, job, timeout, cut_portraits, video, rest, allow_codecs)
            if isinstance(cut, Failure):
                job.console.say(f"listing: {printable(rel)}: no faces for the page: {cut.reason}")
            else:
                portraits |= cut
    finally:
        workers.close()
    return portraits


def read_thumbnails(video: Video, signatures: Iterable[str]) -> dict[str, bytes]:
    """The thumbnails that `embed --thumbnails` made of a video, by signature."""
    folder = Path(video.sidecar_dir, f".{video.key}.faces")
    contents = {s: attempt(read_file, folder / f"{s}.jpg") for s in signatures}
    return {s: content for s, content in contents.items() if isinstance(content, bytes)}


def cut_portraits(video: Video, signatures: Sequence[str], allow_codecs: str) -> dict[str, bytes]:
    """JPEGs of people at their best moments, by signature. Runs in a worker; raises VideoError."""
    record = read_json(signature_file(video).path) or {}
    rows = {row["id"]: row for row in record.get("signatures", ())}
    selected = [rows[s] for s in signatures if s in rows]
    portraits: dict[str, bytes] = {}
    with Media(video, allow_codecs) as media:
        requests = [FrameRequest(float(row["time"])) for row in selected]
        for frame, indices in read_frames(media, requests):
            portraits |= {selected[i]["id"]: portrait(frame, selected[i]["box"]) for i in indices}
    return portraits
