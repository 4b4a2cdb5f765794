"""Damage: what can be seen of a video that is damaged, or that begins in the middle, is seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import pytest
from conftest import Cli
from support import FRAME_TASKS, Library, media

FLV_HEADER = 13  # bytes
SAMPLED = "thumbs,sprites,phash,heatmaps"


def blanked(source: Path, start: float, end: float) -> bytes:
    """A video whose pictures between two times are all zeros."""
    content = bytearray(source.read_bytes())
    with av.open(str(source)) as container:
        for packet in container.demux(video=0):
            if packet.pts is None or packet.pos is None or packet.time_base is None:
                continue
            if start <= packet.pts * packet.time_base < end:
                content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    return bytes(content)


def tiles(library: Library, name: str) -> list[int]:
    """The numbers on the tiles of the first sheet."""
    index = library.json(f"{name}.sprites.json")
    sheet = media.read_picture(library.artifact(index["sheets"][0]))
    width, height = index["tile"]["width"], index["tile"]["height"]
    corners = [(frame["x"], frame["y"]) for frame in index["frames"]]
    return [media.number_of(sheet[y : y + height, x : x + width]) for x, y in corners]


class TestDamagedMiddle:
    """Nothing of the 15 s around the middle of a minute can be decoded."""

    @pytest.fixture
    def video(self, library: Library) -> str:
        damaged = blanked(media.clip("minute.mp4", library.clips), 22, 37)
        return library.add_bytes("a.mp4", damaged).name

    @pytest.mark.parametrize("seek", ["auto", "exact", "keyframe"])
    def test_the_nearest_picture_is_taken(
        self, cli: Cli, library: Library, video: str, seek: str
    ) -> None:
        run = cli("thumbs", library.root, "--seek", seek, "--json")
        assert run.counts == {"made": 1}
        note = run.json["results"][0]["note"]
        assert note.startswith("degraded: the picture at 00:00:30.000 could not be decoded: that")
        number = media.number_of(media.read_picture(library.artifact(f"{video}.jpg")))
        assert number in (219, 380)  # the last one before the damage, the first one after it

    def test_the_nearer_one_of_two(self, cli: Cli, library: Library, video: str) -> None:
        assert cli("thumbs", library.root, "--time", 36, "--seek", "keyframe").code == 0
        assert media.number_of(media.read_picture(library.artifact(f"{video}.jpg"))) == 380

    def test_sprites_have_no_holes(self, cli: Cli, library: Library, video: str) -> None:
        run = cli("sprites", library.root, "--interval", 5, "--seek", "exact", "--json")
        assert "3 of 12 frames could not be decoded" in run.json["results"][0]["note"]
        assert "nearest" in library.json(f"{video}.sprites.json")["degraded"]
        numbers = tiles(library, video)
        assert numbers[:5] == [0, 50, 100, 150, 200] and numbers[8:] == [400, 450, 500, 550]
        assert set(numbers[5:8]) <= {219, 380}

    def test_what_measures_a_moment_says_what_it_lacks(
        self, cli: Cli, library: Library, video: str
    ) -> None:
        run = cli("phash,heatmaps", library.root, "--interval", 5, "--json")
        for task in run.json["tasks"]:
            assert "could not be decoded" in task["results"][0]["note"]
        times = [sample["time"] for sample in library.json(f"{video}.heatmaps.json")["samples"]]
        assert times == sorted(set(times))

    def test_alone_is_as_with_others(self, cli: Cli, library: Library, video: str) -> None:
        names = (f"{video}.jpg", f"{video}.sprites.jpg")
        cli("thumbs", library.root)
        cli("sprites", library.root, "--interval", 5)
        alone = [library.artifact(name).read_bytes() for name in names]
        cli(SAMPLED, library.root, "--interval", 5, "--force")
        assert [library.artifact(name).read_bytes() for name in names] == alone


def test_nothing_can_be_decoded(cli: Cli, library: Library) -> None:
    library.add_bytes("a.mp4", blanked(media.clip("minute.mp4", library.clips), 0, 60))
    run = cli("thumbs", library.root, "--json")
    assert run.failure("a.mp4") == (
        "no frame that is wanted could be decoded: it is truncated or damaged"
    )
    for detector in ("content", "adaptive"):
        run = cli("scenes", library.root, "--detector", detector, "--json")
        assert "no picture in it could be decoded" in run.failure("a.mp4")


MPEG2 = ("-c:v", "mpeg2video", "-q:v", 2, "-bf", 2, "-sc_threshold", 1_000_000_000)
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:scenecut=0")


@pytest.mark.parametrize(
    ("name", "codec", "unit"),
    [
        ("h264.ts", (*media.H264, *media.REGULAR), 188),
        ("hevc.ts", HEVC, 188),
        ("mpeg2.ts", MPEG2, 188),
        ("mpeg2.vob", MPEG2, 2048),
    ],
)
def test_a_broadcast_that_begins_inside_a_gop(
    cli: Cli, library: Library, tmp_path: Path, name: str, codec: tuple[object, ...], unit: int
) -> None:
    """Its first picture that can be decoded stands for what is before, and nothing is damaged."""
    whole = tmp_path / name
    media.encode(whole, media.numbers(150), *codec, "-g", 50)
    content = whole.read_bytes()
    library.add_bytes(name, content[len(content) // 8 // unit * unit :])
    flags = ("--ext", "*", "--interval", 1, "--time", 0, "--json")
    run = cli("thumbs,sprites", library.root, *flags)
    assert run.code == 0
    assert not any("note" in task["results"][0] for task in run.json["tasks"])
    first = media.number_of(media.read_picture(library.artifact(f"{name}.jpg")))
    assert first in (50, 51)  # MPEG-2's GOP begins with a frame that is shown later
    numbers = tiles(library, name)
    assert numbers[:2] == [first, first]
    assert numbers == sorted(numbers) and numbers[-1] > 125


@pytest.fixture
def flash_video(tmp_path: Path) -> Path:
    path = tmp_path / "silent.flv"
    media.encode(path, media.numbers(75), "-c:v", "flv1", "-g", 25, "-q:v", 3)
    return path


@pytest.mark.parametrize("delay", [0.05, 1.5])
def test_sound_that_comes_first(
    cli: Cli, library: Library, flash_video: Path, delay: float
) -> None:
    """In Flash video nothing is before the first picture, where the container begins."""
    path = library.root / "a.flv"
    sound = ("-f", "lavfi", "-i", "sine=duration=3", "-c:a", "libmp3lame", "-ar", 44100)
    media.ffmpeg("-itsoffset", delay, "-i", flash_video, *sound, "-c:v", "copy", path)
    library.keep(path)
    flags = ("--ext", "flv", "--time", 0, "--interval", 1)
    assert cli(FRAME_TASKS, library.root, *flags).code == 0
    assert media.number_of(media.read_picture(library.artifact("a.flv.jpg"))) == 0


def late_stream(tmp_path: Path) -> bytes:
    """Flash video whose sound is behind all its pictures: libav finds it while it reads."""
    pictures, sound = tmp_path / "pictures.flv", tmp_path / "sound.flv"
    media.encode(pictures, media.numbers(120), "-c:v", "flv1", "-g", 10, fps=1)
    media.ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-ar", 44100, sound)
    return pictures.read_bytes() + sound.read_bytes()[FLV_HEADER:]


def repeated_piece(tmp_path: Path) -> bytes:
    """Matroska in which a third of the pictures comes twice."""
    path = tmp_path / "whole.mkv"
    limits = ("-g", 25, "-cluster_time_limit", 200)
    media.encode(path, media.numbers(75), *media.H264, *media.REGULAR, *limits)
    content = path.read_bytes()
    third = len(content) // 3
    return content[: 2 * third] + content[third:]


@pytest.mark.parametrize(
    ("name", "make"), [("late.flv", late_stream), ("repeated.mkv", repeated_piece)]
)
def test_no_damage_is_unexpected(
    cli: Cli, library: Library, tmp_path: Path, name: str, make: Callable[[Path], bytes]
) -> None:
    library.add_bytes(name, make(tmp_path))
    run = cli(FRAME_TASKS, library.root, "--ext", "*", "--json")
    assert run.code == 0, run.err


def test_a_hole_in_a_transport_stream(cli: Cli, library: Library, tmp_path: Path) -> None:
    """Of a hole libav skips 64 kB at a time: what follows is there all the same."""
    whole = tmp_path / "whole.ts"
    media.encode(whole, media.numbers(250), *media.H264, *media.REGULAR, "-g", 25, "-qp", 1)
    content = whole.read_bytes()
    middle = len(content) // 2 // 188 * 188
    library.add_bytes("a.ts", content[:middle] + bytes(400_000) + content[middle:])
    assert (
        cli("thumbs,sprites", library.root, "--ext", "ts", "--interval", 1, "--time", 8).code == 0
    )
    assert media.number_of(media.read_picture(library.artifact("a.ts.jpg"))) == 200
    errors = [number - 25 * second for second, number in enumerate(tiles(library, "a.ts"))]
    assert len(errors) == 10 and errors.count(0) >= 9 and set(errors) <= {0, -1}
