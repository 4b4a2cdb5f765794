"""Seeks: the frame given is the keyframe nearest to a time, or the exact frame, in every container.

Films are numbered, so that a picture itself says which frame it is, and not only its timestamp.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
from support import media

from videolib.media.frames import Frame, FrameRequest, read_frames
from videolib.media.reader import Media
from videolib.storage.videos import Video

FRAMES = 400  # of a film, at 25 a second
CONTAINERS = ("mp4", "mov", "mkv", "ts")


class Gops(NamedTuple):
    """How a film is divided: frames of a GOP, B-frames in a row, whether GOPs are open."""

    length: int
    b_frames: int
    is_open: bool

    def film(self, clips: Path) -> Path:
        name = f"gops-{self.length}-{self.b_frames}-{self.is_open:d}.mkv"
        return media.make_once(clips / name, self.encode)

    def encode(self, path: Path) -> None:
        keyframes = f"keyint={self.length}:min-keyint={self.length}:scenecut=0"
        references = f"bframes={self.b_frames}:b-adapt=0:open-gop={self.is_open:d}"
        # A transport stream can begin anywhere only where the headers are repeated.
        parameters = f"{keyframes}:{references}:repeat-headers=1"
        options = (*media.H264, "-x264-params", parameters)
        media.encode(path, media.numbers(FRAMES, width=80, height=64), *options)


ENCODED = (*media.H264, *media.REGULAR, "-g", 50, "-bf", 2)
COPIED = ("-c", "copy")


class Reference:
    """What a plain decode of a file gives: the numbers of its pictures and its keyframes."""

    def __init__(self, path: Path) -> None:
        self.numbers: dict[int, int] = {}  # by timestamp
        self.keyframes: list[int] = []
        with av.open(str(path)) as container:
            for packet in container.demux(video=0):
                if packet.is_keyframe and not packet.is_discard and packet.pts is not None:
                    self.keyframes.append(packet.pts)
                for frame in self.decoded(packet):
                    if frame.pts is not None:
                        luma = frame.to_ndarray()[: frame.height].astype(np.uint8)  # of YUV 4:2:0
                        self.numbers[frame.pts] = media.number_of(luma)

    @staticmethod
    def decoded(packet: av.Packet[av.VideoStream]) -> list[av.VideoFrame]:
        """A cut in a transport stream may begin with a packet that belongs to nothing."""
        try:
            return packet.decode()
        except av.InvalidDataError:
            return []

    def exact(self, target: int) -> int:
        """The frame that is shown at a timestamp; the first that can be decoded before it."""
        return max((pts for pts in self.numbers if pts <= target), default=min(self.numbers))

    def nearest(self, target: int, tick: float) -> set[int]:
        """The keyframes nearest to a timestamp: two where a millisecond decides."""
        distances = {pts: abs(pts - target) * tick for pts in self.keyframes if pts in self.numbers}
        least = min(distances.values())
        return {pts for pts, distance in distances.items() if distance < least + 0.001}

    def check(self, opened: Media, request: FrameRequest, frame: Frame) -> None:
        """Fail unless a frame is one that the request may get."""
        target, tick = opened.pts(request.time), opened.tick
        near = {
            pts
            for pts in self.nearest(target, tick)
            if abs(pts - target) * tick <= request.tolerance
        }
        if not opened.keyframes or not near:
            allowed = {self.exact(target)}
        else:
            allowed = near if request.tolerance == math.inf else near | {self.exact(target)}
        where = f"{opened.video.name} at {request}"
        assert frame.pts in allowed, f"{where}: {frame.pts} is none of {allowed}"
        number = media.number_of(frame.rgb())
        assert number == self.numbers[frame.pts], f"{where}: shows {number}"


def check_file(path: Path, places: random.Random) -> None:
    """Request frames at random times, each exactly, near, and the nearest keyframe."""
    reference = Reference(path)
    with Media(Video(str(path), path.name, "")) as opened:
        times = [places.uniform(0, opened.duration - 0.1) for _ in range(6)]
        tolerances = (0.0, 1.0, math.inf)
        requests = [FrameRequest(*pair) for pair in itertools.product([0.0, *times], tolerances)]
        frames = {i: frame for frame, found in read_frames(opened, requests) for i in found}
        assert sorted(frames) == list(range(len(requests)))
        for index, request in enumerate(requests):
            reference.check(opened, request, frames[index])


def cuts(
    source: Path,
    folder: Path,
    places: random.Random,
    how: tuple[object, ...],
    containers: Sequence[str] = CONTAINERS,
) -> Iterator[Path]:
    """A piece of a film, from another place on in each container."""
    for container in containers:
        path = folder / f"{source.stem}.{container}"
        start = round(places.uniform(0.3, 9.0), 2)
        kind = ("-f", "mpegts") if container == "ts" else ()
        media.ffmpeg("-ss", start, "-i", source, *how, *kind, path)
        yield path


@pytest.mark.parametrize("gops", [Gops(50, 2, False), Gops(25, 3, True), Gops(250, 1, False)])
def test_the_frame_of_a_cut(clips: Path, tmp_path: Path, gops: Gops) -> None:
    """A cut without encoding begins inside a GOP, which MP4 hides with an edit list."""
    places = random.Random(repr(gops))
    for path in cuts(gops.film(clips), tmp_path, places, COPIED):
        check_file(path, places)


@pytest.mark.slow
@pytest.mark.parametrize("length", [10, 25, 60, 120, 250])
def test_the_frame_of_any_cut(clips: Path, tmp_path: Path, length: int) -> None:
    """GOPs of every kind: whole, cut at 70 places without encoding, and at 20 with it."""
    for b_frames, is_open in itertools.product(range(4), (False, True)):
        if is_open and not b_frames:
            continue  # no frame refers to a later GOP
        gops = Gops(length, b_frames, is_open)
        film, places = gops.film(clips), random.Random(repr(gops))
        check_file(film, places)
        for path in cuts(film, tmp_path, places, COPIED, places.sample(CONTAINERS, 2)):
            check_file(path, places)
    for path in cuts(film, tmp_path, places, ENCODED):
        check_file(path, places)


DASH = "+frag_keyframe+empty_moov+default_base_moof+global_sidx"


@pytest.mark.parametrize(
    "options",
    [
        ("-f", "flv"),
        ("-live", 1, "-f", "matroska"),
        ("-movflags", DASH, "-f", "mp4"),
        ("-movflags", "+frag_keyframe+empty_moov", "-f", "mp4"),
    ],
    ids=str,
)
def test_a_file_without_an_index(clips: Path, tmp_path: Path, options: tuple[object, ...]) -> None:
    """libav makes an index of what it has read, which is not the whole file at first."""
    film, places = Gops(50, 2, False).film(clips), random.Random(7)
    media.ffmpeg("-i", film, *COPIED, *options, tmp_path / "film")
    for _ in range(2):
        check_file(tmp_path / "film", places)


def test_an_avi_without_its_index(clips: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    encoded = ("-c:v", "mpeg4", "-g", 50, "-q:v", 2)
    media.ffmpeg("-i", Gops(50, 2, False).film(clips), *encoded, path)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"idx1")])
    check_file(path, random.Random(7))
