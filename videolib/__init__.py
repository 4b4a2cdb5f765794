"""A library about folders of videos: their frames, facts, hashes, scenes, artifacts and duplicates.

    import videolib

    for path in videolib.videos("films", recursive=True):
        early, later = videolib.frames(path, [1.0, 2.5])
        print(path.name, early.shape, f"{later.mean():.0f}", videolib.phash(path))

    for group in videolib.duplicate_groups("films", recursive=True):
        print("keep", group.keep.name, "-", group.reason)
        print("copies:", [copy.name for copy in group.copies])

These functions are the usual entry points. They take paths and return plain values; they raise
`videolib.core.errors.VideoError` for a video that cannot be read and UsageError for a path that is
no folder. They decode in the caller's process: index.py opens videos of unknown origin in worker
processes only (`videolib.core.workers`), where one that crashes or hangs a decoder does no harm.

Importing this package loads none of its rooms; a function loads those that it uses. Imports point
down: core, storage, media, catalogue, then speech, faces and duplicates, then organize.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

__version__ = "1.0.0"

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from videolib.core.arrays import Pixels
    from videolib.media.reader import Media
    from videolib.storage.folders import Library
    from videolib.storage.publishing import ArtifactOutput
    from videolib.storage.videos import Video


def videos(folder: str | Path, recursive: bool = False) -> list[Path]:
    """The videos of a folder, of every type and in the order of names; opens none of them."""
    return [Path(video.path) for video in _library(folder, recursive).videos()]


def metadata(path: str | Path) -> dict[str, Any]:
    """What a video's header says, as far as it does: duration (s), width, height (pixels), fps,
    vcodec, acodec and bit_rate (bits per second)."""
    from videolib.media.metadata import probe_with_pyav, summarize

    with _open(path) as media:
        facts = summarize(probe_with_pyav(media))
    return {name: value for name, value in facts.items() if value is not None}


def frames(path: str | Path, times: Sequence[float], width: int | None = None) -> list[Pixels]:
    """The frames that a player shows at these times (s), from one decode: upright RGB of shape
    (height, width, 3), 8 bits. `width` scales them, with the aspect ratio kept."""
    from videolib.core.errors import VideoError
    from videolib.media.frames import FrameRequest, read_frames

    pictures: dict[int, Pixels] = {}
    with _open(path) as media:
        for frame, indices in read_frames(media, [FrameRequest(time) for time in times]):
            pictures |= dict.fromkeys(indices, frame.rgb(width))
    for index, time in enumerate(times):
        if index not in pictures:
            raise VideoError(f"has no frame that can be decoded at {time:g} s")
    return [pictures[index] for index in range(len(times))]


def phash(path: str | Path) -> str | None:
    """The perceptual hash of a video, 1024 bits in hexadecimal, to be compared by the number of
    bits that differ; None where every frame is of one colour."""
    with _open(path) as media:
        data = _hash(media).data or {}
    text: str | None = data["phash"]
    return text


def scenes(path: str | Path, threshold: float = 0.4) -> list[tuple[float, float]]:
    """Beginning and end (s) of each scene, by PySceneDetect's content detector; a lower
    `threshold`, from 0 to 1, finds more of them."""
    from videolib.media.scenes import SceneIllustration, detect_scenes

    nothing = SceneIllustration(0, thumbs=False, clip_duration=0.0)
    with _open(path) as media:
        output = detect_scenes(media, "content", threshold, 0, nothing, chapters=False)
    return [(scene["start"], scene["end"]) for scene in (output.data or {})["scenes"]]


def artifacts(path: str | Path) -> dict[str, bool | str]:
    """Which kinds of artifact lie beside a video: True, False, or "stale" for one that was made of
    an earlier state of the video."""
    from videolib.storage.artifacts import presence
    from videolib.storage.sidecars import SidecarDir

    video = _video(path)
    return presence(video, SidecarDir(video.sidecar_dir))


class SameVideos(NamedTuple):
    """Videos that show the same: the one to keep, why that one, and the others."""

    keep: Path
    reason: str
    copies: list[Path]


def duplicate_groups(
    folder: str | Path, recursive: bool = False, threshold: float = 0.92
) -> list[SameVideos]:
    """The videos of a folder that show the same, also where they were encoded again or cropped.

    `threshold` is the least similarity of a frame, 0 to 1. Videos are compared by their phash
    artifacts; those that have none get one, `.artifacts/NAME.phash.json`, unless they cannot be
    read. Nothing else is written but a cache in the user's cache folder.
    """
    from videolib.catalogue.catalogue import Catalogue
    from videolib.core.runs import Job
    from videolib.duplicates.report import find_duplicates
    from videolib.duplicates.search import DuplicateCriteria
    from videolib.speech.passages import SUBTITLE_INDEX

    library = _library(folder, recursive)
    _store_missing_hashes(library)
    catalogue = Catalogue(library, [SUBTITLE_INDEX])  # the same database as index.py's
    try:
        report = find_duplicates(library, catalogue, DuplicateCriteria(threshold), Job())
    finally:
        catalogue.close()
    paths = [Path(copy.video.path) for copy in report.copies]
    return [
        SameVideos(paths[group.keeper], group.reason, [paths[pair.b] for pair in group.matches])
        for group in report.groups
    ]


def _store_missing_hashes(library: Library) -> None:
    """Make the phash artifacts that are missing or stale, as `index.py phash` does."""
    from videolib.core.errors import attempt
    from videolib.storage.artifacts import ARTIFACTS
    from videolib.storage.names import State
    from videolib.storage.sidecars import with_sidecars

    for video, sidecars in with_sidecars(library.videos()):
        state = attempt(ARTIFACTS["phash"].state, video, sidecars)
        if state is not State.FRESH:
            attempt(_store_hash, video)  # exact copies are found of those that fail, too


def _store_hash(video: Video) -> None:
    from videolib.core.errors import VideoError
    from videolib.media.choices import PHASH_SCHEMA
    from videolib.media.reader import Media
    from videolib.storage.artifacts import ARTIFACTS
    from videolib.storage.publishing import Provenance, publish

    with Media(video) as media:
        output, stat = _hash(media), media.stat
        if change := media.source_change():
            raise VideoError(change)
        parameters = {"seek": "auto", "time": "middle", "frames": 5, "algo": "ahash"}
        parameters |= {"combine": "xor", "deep": False}
        origin = Provenance(
            PHASH_SCHEMA, video.rel, stat.st_size, stat.st_mtime_ns, media.oshash, parameters
        )
        publish(ARTIFACTS["phash"], video, output, origin)


def _hash(media: Media) -> ArtifactOutput:
    """The phash artifact of a video with the defaults of `index.py phash`. Raises VideoError."""
    from videolib.core.errors import Failure, VideoError
    from videolib.media.hashing import HashSettings, PerceptualHash
    from videolib.media.sampling import make_from_frames

    maker = PerceptualHash(media, HashSettings("ahash", "xor", 5, "middle", False), "auto")
    (output,) = make_from_frames(media, [maker])
    if isinstance(output, Failure):
        raise VideoError(output.reason)
    return output


def _library(folder: str | Path, recursive: bool) -> Library:
    from videolib.core.files import need_folder
    from videolib.storage.folders import Library
    from videolib.storage.names import VIDEO_EXTENSIONS

    need_folder(Path(folder))
    return Library(Path(folder), recursive, VIDEO_EXTENSIONS)


def _video(path: str | Path) -> Video:
    from videolib.storage.folders import Library

    return Library(Path(path).parent).video(Path(path).name)


@contextlib.contextmanager
def _open(path: str | Path) -> Iterator[Media]:
    """A video opened in this process; what libav raises about it becomes a VideoError."""
    from av.error import FFmpegError

    from videolib.core.errors import VideoError, reason_of
    from videolib.media.reader import Media

    try:
        with Media(_video(path)) as media:
            yield media
    except FFmpegError as error:
        raise VideoError(reason_of(error)) from error
