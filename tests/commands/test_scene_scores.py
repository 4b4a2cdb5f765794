"""`scenes` beside PySceneDetect's own run: on noisy films each marker is where it has one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pytest
from conftest import Cli
from support import Library, media

# What is 1 on the program's scale of thresholds, in the unit of each detector.
UNITS = {"content": 67.5, "adaptive": 7.5}
# Content scores of keyframes this many times the threshold decide nothing: a fast decode's will do.
CLEAR = 1.25
# Grain takes seconds to encode and to decode. B-frames and the loop filter, which the program's
# draft leaves out, are in it; arithmetic coding, which is most of the work, is not.
QUICK_H264 = (
    *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
    *("-x264-params", "bframes=3:deblock=1,0,0"),
)
SPARE = 64  # rows and columns of grain beyond those of a frame


class Shot(NamedTuple):
    """Frames between two changes: how much of the picture the change replaces, over how many
    frames, how strong the grain is, and whether one frame in the middle is a flash."""

    frames: int
    share: float
    fade: int
    grain: float
    flash: bool


def shots(seed: int) -> Iterator[Shot]:
    rng = np.random.default_rng(seed)
    while True:
        kind = rng.choice(["cut", "cut", "dissolve", "flash"])
        yield Shot(
            frames=int(rng.integers(4, 24)),
            share=rng.uniform(0.1, 0.7),
            fade=3 if kind == "dissolve" else 1,
            grain=rng.uniform(2, 30),
            flash=kind == "flash",
        )


def noisy_pictures(width: int, height: int, count: int, seed: int) -> Iterator[media.Picture]:
    """Coloured clouds under grain; most changes are about as strong as a detector's threshold."""
    rng = np.random.default_rng(seed)

    def clouds() -> np.ndarray:
        grid = rng.integers(0, 256, (max(height // 60, 3), max(width // 60, 3), 3)).astype(np.uint8)
        return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)

    # One picture of grain, larger than a frame, of which each shows another part: to draw it anew
    # for each would take all the time.
    tall, wide = height + SPARE, width + SPARE
    grain = rng.standard_normal((tall, wide, 3), np.float32) / 3
    grain += rng.standard_normal((tall, wide, 1), np.float32)
    white = np.full((height, width, 3), 255, np.float32)
    scene = clouds()
    for shot in shots(seed):
        following = cv2.addWeighted(scene, 1 - shot.share, clouds(), shot.share, 0)
        for number in range(shot.frames):
            if count <= 0:
                return
            count -= 1
            share = min((number + 1) / shot.fade, 1)
            picture = cv2.addWeighted(scene, 1 - share, following, share, 0)
            if shot.flash and number == shot.frames // 2:
                picture = cv2.addWeighted(picture, 1 - shot.share, white, shot.share, 0)
            top, left = rng.integers(0, SPARE, 2)
            part = grain[top : top + height, left : left + width]
            noisy = cv2.addWeighted(picture, 1, part, shot.grain, 0, dtype=cv2.CV_8U)
            yield np.asarray(noisy, np.uint8)
        scene = following


class Peer:
    """PySceneDetect, which reads a video once and whose detectors take all that it read.

    Importing it takes a second, which only the process that runs these tests is to wait for.
    """

    def __init__(self, video: Path) -> None:
        from scenedetect import ContentDetector, SceneManager, open_video

        self.frames: list[tuple[Any, media.Picture]] = []  # in the size that its detectors get
        reader = ContentDetector()
        reader.process_frame = self.keep
        manager = SceneManager()
        manager.add_detector(reader)
        manager.detect_scenes(open_video(str(video)))

    def keep(self, timecode: Any, picture: media.Picture) -> list[Any]:
        self.frames.append((timecode, picture))
        return []

    def markers(self, detector: str, threshold: float) -> list[tuple[float, float]]:
        """(seconds, score) of the cuts that a detector finds."""
        from scenedetect import AdaptiveDetector, ContentDetector, StatsManager

        own: ContentDetector | AdaptiveDetector
        unit = UNITS[detector]
        if detector == "content":
            own = ContentDetector(threshold=threshold * unit, min_scene_len=0.6)
        else:
            own = AdaptiveDetector(adaptive_threshold=threshold * unit, min_scene_len=0.6)
        own.stats_manager = stats = StatsManager()
        cuts = [cut for frame in self.frames for cut in own.process_frame(*frame)]
        cuts += own.post_process(self.frames[-1][0])
        metric = "content_val" if detector == "content" else own.get_metrics()[-1]
        return [(cut.seconds, stats.get_metrics(cut, [metric])[0] / unit) for cut in sorted(cuts)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "count", "crf"),
    [
        (384, 288, 120, 23),
        (384, 288, 120, 34),
        (200, 150, 150, 23),
        (640, 360, 100, 23),
        (360, 640, 100, 34),
        (720, 576, 100, 23),
        (854, 480, 100, 34),
        (1280, 720, 60, 23),
        (1920, 1080, 40, 34),
        (1080, 1920, 40, 23),
    ],
)
def test_markers_are_those_of_the_peer(
    cli: Cli, library: Library, width: int, height: int, count: int, crf: int
) -> None:
    film = library.root / "noisy.mp4"
    pictures = noisy_pictures(width, height, count, width + crf)
    media.encode(film, pictures, *QUICK_H264, "-crf", crf)
    library.keep(film)
    peer, total = Peer(film), 0
    for detector, threshold in [
        ("content", 0.2),
        ("content", 0.3),
        ("content", 0.4),
        ("adaptive", 0.25),
        ("adaptive", 0.4),
    ]:
        options = ("--detector", detector, "--threshold", threshold, "--force")
        assert cli("scenes", library.root, *options).code == 0
        markers = library.json("noisy.mp4.scenes.json")["markers"]
        cuts = peer.markers(detector, threshold)
        assert [marker["time"] for marker in markers] == pytest.approx(
            [seconds for seconds, _ in cuts], abs=1e-3
        )
        for marker, (_, score) in zip(markers, cuts, strict=True):
            clear = detector == "content" and marker["score"] > CLEAR * threshold
            assert marker["score"] == pytest.approx(score, abs=0.05 if clear else 6e-5)
        total += len(cuts)
    assert total
