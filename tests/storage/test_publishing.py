"""Publishing an artifact of several files on a disk that fails between them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.faults import CODES, disk_faults

from videolib.core.errors import VideoError
from videolib.storage.artifacts import ARTIFACTS
from videolib.storage.names import State
from videolib.storage.publishing import ArtifactOutput, Provenance, publish
from videolib.storage.sidecars import SidecarDir
from videolib.storage.videos import Video

HEATMAPS = ARTIFACTS["heatmaps"]


def put(video: Video, number: int) -> None:
    """Publish a heatmap that says in its record, and in its picture, of which number it is."""
    status = Path(video.path).stat()
    origin = Provenance(1, video.rel, status.st_size, status.st_mtime_ns, "0" * 16, {})
    files: dict[str, bytes | dict[str, bytes]] = {"{}.heatmaps.png": b"%d" % number}
    publish(HEATMAPS, video, ArtifactOutput({"number": number}, files), origin)


def numbers(video: Video) -> tuple[int, int | None]:
    """The numbers in the picture and in the record of a video, None where it has no record."""
    folder = Path(video.sidecar_dir)
    record = folder / f"{video.name}.heatmaps.json"
    picture = int((folder / f"{video.name}.heatmaps.png").read_bytes())
    return picture, json.loads(record.read_bytes())["number"] if record.exists() else None


def test_a_record_never_stands_beside_files_of_another_run(tmp_path: Path) -> None:
    """A disk that fails once at any change: all is old, all is new, or it counts for nothing."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    video, outcomes = Video(str(path), "a.mp4", str(tmp_path / ".artifacts")), set()
    for at in range(50):
        put(video, 1)
        with disk_faults(tmp_path, at, CODES[at % len(CODES)]) as faults:
            try:
                put(video, 2)
            except VideoError as error:
                assert numbers(video) == (2, None)
                stored = "only a.mp4.heatmaps.png could be stored: run again"
                assert "a.mp4.heatmaps.json: " in str(error) and stored in str(error)
            except OSError as error:
                assert numbers(video) == (1, 1)
                assert error.filename is not None
        outcomes.add(numbers(video))
        put(video, 2)
        assert numbers(video) == (2, 2)
        if not faults.failed:
            break
    assert not faults.failed
    assert outcomes == {(1, 1), (2, None), (2, 2)}


def test_a_picture_without_record_is_made_again(tmp_path: Path) -> None:
    """What the failure above leaves counts as missing."""
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    video = Video(str(path), "a.mp4", str(tmp_path / ".artifacts"))
    put(video, 1)
    assert HEATMAPS.state(video, SidecarDir(video.sidecar_dir)) is State.FRESH
    with disk_faults(tmp_path, 5, CODES[0]) as faults, pytest.raises(VideoError):
        put(video, 2)
    assert "heatmaps" not in faults.failed[0]
    assert HEATMAPS.state(video, SidecarDir(video.sidecar_dir)) is State.MISSING
