"""`phash --algo stash`: the hash that databases made with Stash know a video by."""

from __future__ import annotations

import math
import re
import subprocess

import numpy as np
import pytest
from conftest import Cli
from numpy.typing import NDArray
from support import Library, media

from videolib.core.processes import need_tool
from videolib.media.picture_hashes import hexadecimal
from videolib.media.stash import stash_hash

Y, X = np.mgrid[0:1070, 0:800]
VECTORS = {
    "80010d1d3f5d3d7f": np.stack(
        [(X * X + 3 * Y) % 256, (X * Y // 7) % 256, (X + Y * Y // 5) % 256], -1
    )[:450],
    "d55e31421d3b56b1": np.stack(
        [(X // 3 + Y // 2) % 256, (255 - X // 4) % 256, (X * Y // 900) % 256], -1
    ),
}


@pytest.mark.parametrize("expected", VECTORS)
def test_known_montages(expected: str) -> None:
    assert hexadecimal(stash_hash(VECTORS[expected].astype(np.uint8))) == expected


def test_black_is_nothing() -> None:
    assert not stash_hash(np.zeros((450, 800, 3), np.uint8)).any()


@pytest.mark.slow
@pytest.mark.usefixtures("real_probe")
def test_a_video_as_ffmpeg_shows_it(cli: Cli, library: Library) -> None:
    """Twenty-five accurate seeks of the ffmpeg program and the published recipe give the same."""
    video = library.add("bikes.mp4")
    assert cli("phash", library.root, "--algo", "stash").code == 0
    made = library.json("bikes.mp4.phash.json")
    frames = [frame_at(str(video), 0.5 + i * 9 / 25) for i in range(25)]
    height, width, _ = frames[0].shape
    sheet = np.zeros((height * 5, width * 5, 3), np.uint8)
    for i, frame in enumerate(frames):
        sheet[i // 5 * height :, i % 5 * width :][:height, :width] = frame
    apart = (int(made["phash"], 16) ^ recipe(sheet)).bit_count()
    assert apart <= 1, "versions of swscale differ in the last bit of a pixel, not more"
    assert (made["algorithm"], made["bits"], len(made["frames"])) == ("stash", 64, 25)
    assert made["oshash"] == made["source"]["oshash"]


def test_a_damaged_timestamp_is_no_time(cli: Cli, library: Library) -> None:
    """One frame of 2 s says that it is shown hours later; no frame of the hash is that late."""
    video = library.root / "a.vob"
    sources = ("-f", "lavfi", "-i", "testsrc2=s=96x64:d=2")
    media.ffmpeg(*sources, "-c:v", "mpeg2video", "-g", 12, "-bf", 2, video)
    content = bytearray(video.read_bytes())
    stamped = re.compile(rb"\x00\x00\x01\xe0..[\x80-\xbf][\x80-\xff]", re.DOTALL)
    packets = [match.start() for match in stamped.finditer(content)]
    stamp = packets[len(packets) // 2] + 9
    content[stamp : stamp + 5] = bytes.fromhex("3f00070001")
    library.add_bytes("a.vob", bytes(content))
    assert cli("phash", library.root, "--algo", "stash", "--ext", "vob").code == 0
    times = [frame["time"] for frame in library.json("a.vob.phash.json")["frames"]]
    assert len(times) == 25 and max(times) <= 2


def frame_at(video: str, seconds: float) -> NDArray[np.uint8]:
    argv = ["ffmpeg", "-v", "error", "-ss", str(seconds), "-i", video, "-frames:v", "1"]
    argv += ["-vf", "scale=160:-2", "-c:v", "ppm", "-f", "rawvideo", "-"]
    done = subprocess.run([need_tool("ffmpeg"), *argv[1:]], capture_output=True, check=True)
    _, size, _, pixels = done.stdout.split(b"\n", 3)
    width, height = map(int, size.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


def recipe(sheet: NDArray[np.uint8]) -> int:
    """The published recipe, written down step by step."""
    square = stretch(stretch(sheet.swapaxes(0, 1)).swapaxes(0, 1)).astype(float)
    luma = 0.299 * square[..., 0] + 0.587 * square[..., 1] + 0.114 * square[..., 2]
    rows = [
        [
            sum(luma[y, x] * wave(u, x) * wave(v, y) for y in range(64) for x in range(64))
            for u in range(8)
        ]
        for v in range(8)
    ]
    values = [value for row in rows for value in row]
    middle = sum(sorted(values)[31:33]) / 2
    return int("".join("1" if value > middle else "0" for value in values), 2)


def wave(frequency: int, place: int) -> float:
    return math.cos(math.pi * frequency * (2 * place + 1) / 128)


def stretch(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    source, scale = len(pixels), len(pixels) / 64
    taps, out = 2 * max(math.ceil(scale), 1), []
    for y in range(64):
        center = scale * (y + 0.5) - 0.5
        start = int(center) - taps // 2 + 1
        near = [1 - abs(center - start - k) * min(1 / scale, 1) for k in range(taps)]
        weights = [int(256 * max(0, share)) for share in near]
        rows = [pixels[min(max(start + k, 0), source - 1)].astype(int) for k in range(taps)]
        out.append(sum(w * row for w, row in zip(weights, rows, strict=True)) // sum(weights))
    return np.array(out).astype(np.uint8)


def test_black_videos_have_none(cli: Cli, library: Library) -> None:
    library.add("black.mp4")
    run = cli("phash", library.root, "--algo", "stash", "--json")
    assert run.code == 0
    made = library.json("black.mp4.phash.json")
    assert made["phash"] is None
    assert "flat" in made["reason"]


def test_no_hash_without_every_frame(cli: Cli, library: Library) -> None:
    library.add("cut_index.mp4")
    library.add("short.mp4")
    run = cli("phash", library.root, "--algo", "stash", "--json")
    assert run.code == 1
    assert run.counts == {"made": 1, "failed": 1}
