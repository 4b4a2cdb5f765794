"""What a viewer sees of stored pictures: turned, mirrored, cropped, over black; everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from conftest import Cli
from support import Library, media

MATRICES = media.DISPLAY_MATRICES
CORNERS_SIZE = (96, 64)  # of the pictures in this file
CROPPED = (33, 37, 21, 29)  # pixels cut off on the left, right, top and bottom


def first_picture(video: Path) -> media.Picture:
    """The first picture as ffmpeg itself shows it."""
    png = media.ffmpeg("-i", video, "-frames:v", 1, "-c:v", "png", "-f", "image2pipe", "-")
    path = video.with_suffix(".png")
    path.write_bytes(png)
    return media.read_picture(path)


def looks_like(picture: media.Picture, expected: media.Picture) -> None:
    """Fails where the shapes or the corners of two pictures differ."""
    assert picture.shape == expected.shape
    assert media.corners_of(picture) == media.corners_of(expected)


def thumbnail(library: Library, name: str) -> media.Picture:
    return media.read_picture(library.artifact(f"{name}.jpg"))


def tile(library: Library, name: str, number: int = 0) -> media.Picture:
    index = library.json(f"{name}.sprites.json")
    frame, size = index["frames"][number], index["tile"]
    sheet = media.read_picture(library.artifact(index["sheets"][frame["sheet"]]))
    x, y = frame["x"], frame["y"]
    return sheet[y : y + size["height"], x : x + size["width"]]


@pytest.fixture(scope="module")
def corners(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corners") / "corners.mp4"
    media.encode(path, [media.corners_picture(*CORNERS_SIZE)] * 10, *media.H264, "-crf", 12)
    return path


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory, corners: Path, clips: Path) -> Library:
    """All eight display matrices, and every kind of picture of them."""
    library = Library(tmp_path_factory.mktemp("turned"), clips)
    for name, matrix in MATRICES.items():
        path = library.root / f"{name}.mp4"
        media.remux(corners, path, matrix)
        library.keep(path)
    return library


class TestOrientation:
    @pytest.mark.parametrize("name", MATRICES)
    def test_thumbnails_and_tiles_are_as_ffmpeg_shows_them(
        self, cli: Cli, turned: Library, name: str
    ) -> None:
        cli("thumbs,sprites", turned.root, "--cols", 1)
        expected = first_picture(turned.root / f"{name}.mp4")
        looks_like(thumbnail(turned, f"{name}.mp4"), expected)
        assert media.corners_of(tile(turned, f"{name}.mp4")) == media.corners_of(expected)

    def test_scenes_and_previews(self, cli: Cli, turned: Library) -> None:
        cli("scenes", turned.root, "--thumbs", "--clips", "--thumbs-width", 96)
        cli("previews", turned.root, "--segments", 1, "--duration", 0.2, "--width", 96)
        for name in MATRICES:
            expected = media.corners_of(first_picture(turned.root / f"{name}.mp4"))
            scenes = turned.artifact(f".{name}.mp4.scenes")
            preview = turned.artifact(f".{name}.mp4.previews/seg_01.webm")
            assert media.corners_of(media.read_picture(scenes / "scene_001.jpg")) == expected
            for clip in (scenes / "scene_001.mp4", preview):
                assert media.corners_of(media.frame_at(clip, 0)) == expected, (name, clip)

    @pytest.mark.slow
    def test_a_mirrored_video_has_the_hash_of_the_picture_seen(
        self, cli: Cli, library: Library
    ) -> None:
        source = media.clip("numbered.mp4", library.clips)
        mirrored, pixels = library.root / "mirrored.mp4", library.root / "pixels.mp4"
        media.remux(source, mirrored, MATRICES["mirrored right"])
        media.ffmpeg("-i", mirrored, *media.H264, "-crf", 12, pixels)
        for path in (mirrored, pixels):
            library.keep(path)
        for algorithm in ("ahash", "stash"):
            assert cli("phash", library.root, "--algo", algorithm, "--force").code == 0
            one, other = (
                int(library.json(f"{path.name}.phash.json")["phash"], 16)
                for path in (mirrored, pixels)
            )
            assert (one ^ other).bit_count() <= 4, algorithm

    def test_compare_says_how_they_lie(self, cli: Cli, turned: Library) -> None:
        names = ("mirrored down.mp4", "left.mp4", "upright.mp4")
        mirrored, left, upright = (turned.root / name for name in names)
        for name, other, text in (
            ("mirrored", mirrored, "rotation: 180 (mirrored) and 0 degrees; both compared upright"),
            ("left", left, "rotation: 90 and 0 degrees; both compared upright"),
        ):
            pixels = turned.root / f"pixels of {name}.mp4"
            media.ffmpeg("-i", other, *media.H264, "-crf", 12, pixels)
            run = cli("compare", other, pixels, "--no-vmaf", "--json")
            assert run.json["ssim"] > 0.98
            assert text in run.json["warnings"]
            pixels.unlink()
        assert cli("compare", upright, mirrored, "--no-vmaf", "--json").json["ssim"] < 0.8

    @pytest.mark.parametrize(
        ("degrees", "nearest"), [(-10, "upright"), (80, "left"), (130, "left"), (200, "down")]
    )
    def test_any_angle_is_the_nearest_quarter_turn(
        self, cli: Cli, library: Library, corners: Path, degrees: int, nearest: str
    ) -> None:
        for name, before in (("angle.mp4", degrees), ("quarter.mp4", None)):
            path = library.root / name
            if before is None:
                media.remux(corners, path, MATRICES[nearest])
            else:
                media.ffmpeg("-display_rotation", before, "-i", corners, "-c", "copy", path)
            library.keep(path)
        assert cli("thumbs", library.root).code == 0
        looks_like(thumbnail(library, "angle.mp4"), thumbnail(library, "quarter.mp4"))

    def test_a_matrix_of_zeros_turns_nothing(
        self, cli: Cli, library: Library, corners: Path
    ) -> None:
        path = library.root / "zeros.mov"
        media.remux(corners, path, (0, 0, 0, 0))
        library.keep(path)
        assert cli("thumbs", library.root, "--ext", "mov").code == 0
        assert media.corners_of(thumbnail(library, "zeros.mov")) == [0, 1, 2, 3]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_exif_of_jpeg_frames(
        self, cli: Cli, library: Library, corners: Path, orientation: int
    ) -> None:
        plain, path = library.root / "plain.avi", library.root / "exif.mov"
        media.ffmpeg("-i", corners, "-c:v", "mjpeg", "-q:v", 2, plain)
        media.remux(plain, path, prefix=media.exif_orientation(orientation))
        plain.unlink()
        library.keep(path)
        assert cli("thumbs", library.root, "--ext", "mov").code == 0
        looks_like(thumbnail(library, "exif.mov"), first_picture(path))

    def test_h264_that_says_it_with_keyframes_only(
        self, cli: Cli, library: Library, corners: Path
    ) -> None:
        path = library.root / "sei.ts"
        message = "h264_metadata=display_orientation=insert:flip=horizontal:rotate=90"
        media.ffmpeg("-i", corners, "-c", "copy", "-bsf:v", message, path)
        library.keep(path)
        expected = first_picture(path)
        assert expected.shape[:2] == CORNERS_SIZE
        for time in (0, 0.2):
            args = ("--ext", "ts", "--time", time, "--force")
            assert cli("thumbs", library.root, *args).code == 0
            looks_like(thumbnail(library, "sei.ts"), expected)

    @pytest.mark.slow
    def test_metadata_has_the_matrix_as_ffprobe_writes_it(
        self, cli: Cli, turned: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not shutil.which("ffprobe"):
            pytest.skip("no ffprobe here to compare with")
        expected = {name: side_data(turned.root / f"{name}.mp4") for name in MATRICES}
        monkeypatch.setenv("PATH", "")
        cli("meta", turned.root)
        for name in MATRICES:
            (stream,) = turned.json(f"{name}.mp4.ffprobe.json")["streams"]
            assert stream.get("side_data_list", []) == expected[name], name


def side_data(video: Path) -> list[dict[str, object]]:
    """The side data of the first stream, by the ffprobe on PATH."""
    args = ("-v", "error", "-of", "json", "-show_streams", str(video))
    output = subprocess.run(["ffprobe", *args], capture_output=True, check=True).stdout
    entries: list[dict[str, object]] = json.loads(output)["streams"][0].get("side_data_list", [])
    return entries


@pytest.fixture(scope="module")
def cropped(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Library:
    """Numbers within red bars that the container cuts off, in three containers and on its side."""
    library = Library(tmp_path_factory.mktemp("cropped"), clips)
    matroska = library.root / "crop.mkv"
    tags = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")
    pictures = [media.framed(picture, *CROPPED) for picture in media.numbers(25, 40, 250, 130)]
    exact = ("-fflags", "+bitexact")  # no ids by chance, which may look like elements
    media.encode(matroska, pictures, *media.H264, "-g", 5, "-crf", 12, *tags, *exact)
    media.crop_matroska(matroska, *CROPPED)
    for name, matrix in (("crop.mp4", ()), ("crop.mov", ()), ("side.mp4", MATRICES["left"])):
        media.remux(matroska, library.root / name, matrix)
    for path in [*library.root.iterdir()]:
        library.keep(path)
    return library


CROPPED_SIZES = {"crop.mkv": (250, 130), "crop.mp4": (250, 130), "crop.mov": (250, 130)}


@pytest.fixture(params=["PATH", "imageio-ffmpeg"])
def any_ffmpeg(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """ffmpeg as this machine has it, which may not know of cropping, and the one of the wheel."""
    if request.param == "imageio-ffmpeg":
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        assert imageio_ffmpeg.get_ffmpeg_exe()
    elif not shutil.which("ffmpeg"):
        pytest.skip("no other ffmpeg here")
    yield


def transcoded(cli: Cli, video: Path, folder: Path) -> Path:
    """A transcode of a video, in a new folder below this one."""
    source, out = folder / "in", folder / "out"
    source.mkdir()
    shutil.copy(video, source)
    run = cli("transcode", source, out, "--force", "--crf", 15)
    assert run.code == 0, run.err
    (output,) = out.glob("*.mp4")
    return output


class TestCropping:
    @pytest.mark.parametrize("name", CROPPED_SIZES)
    def test_pictures_are_without_the_bars(self, cli: Cli, cropped: Library, name: str) -> None:
        cli("thumbs,sprites,scenes", cropped.root, "--ext", "*", "--interval", 0.4, "--thumbs")
        picture = thumbnail(cropped, name)
        assert picture.shape[1::-1] == CROPPED_SIZES[name]
        assert media.number_of(picture) == 480
        assert not red_edges(picture)
        assert [media.number_of(tile(cropped, name, number)) for number in (0, 1)] == [0, 400]
        scene = media.read_picture(cropped.artifact(f".{name}.scenes/scene_001.jpg"))
        assert media.number_of(scene) == 0

    def test_cropped_and_turned(self, cli: Cli, cropped: Library) -> None:
        cli("thumbs", cropped.root, "--ext", "*")
        picture = thumbnail(cropped, "side.mp4")
        assert picture.shape[1::-1] == (130, 250)
        upright = np.rot90(picture, -1)
        assert media.number_of(upright) == 480
        assert not red_edges(upright)

    def test_the_size_in_lists(self, cli: Cli, cropped: Library, any_ffmpeg: None) -> None:
        """ffprobe's own width and height stay: only some versions know of the cropping."""
        cli("meta", cropped.root, "--ext", "*", "--force")
        (stream,) = cropped.json("crop.mkv.ffprobe.json")["streams"]
        assert (stream["width"], stream["height"]) == (320, 180)
        rows = {row["name"]: row for row in cli("list", cropped.root, "--ext", "*", "--json").json}
        for name, (width, height) in CROPPED_SIZES.items():
            assert (rows[name]["width"], rows[name]["height"]) == (width, height)

    @pytest.mark.parametrize("name", ["crop.mkv", "side.mp4"])
    def test_transcode_and_compare(
        self, cli: Cli, cropped: Library, tmp_path: Path, any_ffmpeg: None, name: str
    ) -> None:
        output = transcoded(cli, cropped.root / name, tmp_path)
        picture = first_picture(output)
        assert picture.shape[1::-1] == ((130, 250) if name == "side.mp4" else (250, 130))
        assert not red_edges(picture)
        run = cli("compare", cropped.root / name, output, "--no-vmaf", "--json")
        assert run.json["ssim"] > 0.98, run.err
        assert not any("size" in text for text in run.json["warnings"])


def red_edges(picture: media.Picture) -> bool:
    """Whether a line at an edge shows the bars; the outermost may be blurred into them."""
    edges = (picture[1], picture[-2], picture[:, 1], picture[:, -2])
    colours = [edge.reshape(-1, 3).mean(axis=0) for edge in edges]
    return any(red > 150 and max(blue, green) < 60 for blue, green, red in colours)


ALPHA = {
    "vp9.webm": ("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-auto-alt-ref", 0),
    "vp8.webm": ("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", 0),
    "prores.mov": ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le", "-profile:v", 4),
    "qtrle.mov": ("-c:v", "qtrle", "-pix_fmt", "argb"),
    "png.mov": ("-c:v", "png", "-pix_fmt", "rgba"),
}


@pytest.fixture(scope="module")
def transparent(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Library:
    """Blue, of which the right half is transparent."""
    library = Library(tmp_path_factory.mktemp("transparent"), clips)
    graph = "format=rgba,geq=r=0:g=0:b=255:a='if(lt(X,48),255,0)'"
    for name, options in ALPHA.items():
        path = library.root / name
        source = ("-f", "lavfi", "-i", "color=blue:size=96x64:rate=5:duration=1", "-vf", graph)
        media.ffmpeg(*source, *options, path)
        library.keep(path)
    return library


class TestAlpha:
    @pytest.mark.parametrize("name", ALPHA)
    def test_what_is_transparent_is_black(self, cli: Cli, transparent: Library, name: str) -> None:
        args = ("--ext", "*", "--allow-codecs", "qtrle,png")
        cli("thumbs,sprites,previews", transparent.root, *args)
        preview = transparent.artifact(f".{name}.previews/seg_01.webm")
        for picture in (
            thumbnail(transparent, name),
            tile(transparent, name),
            media.frame_at(preview, 0),
        ):
            half = picture.shape[1] // 2
            left, right = picture[:, : half - 8], picture[:, half + 8 :]
            assert media.mean_colour(left) == pytest.approx((255, 0, 0), abs=16)
            assert media.mean_colour(right) == pytest.approx((0, 0, 0), abs=6)

    @pytest.mark.parametrize("name", ["vp9.webm", "prores.mov"])
    def test_transcode_and_compare(
        self, cli: Cli, transparent: Library, tmp_path: Path, any_ffmpeg: None, name: str
    ) -> None:
        output = transcoded(cli, transparent.root / name, tmp_path)
        picture = first_picture(output)
        assert media.mean_colour(picture[:, 56:]) == pytest.approx((0, 0, 0), abs=6)
        run = cli("compare", transparent.root / name, output, "--no-vmaf", "--json")
        assert run.json["ssim"] > 0.98, run.err

    def test_padding_of_uncompressed_rgb_in_avi_is_no_alpha(
        self, cli: Cli, library: Library
    ) -> None:
        path = library.root / "padded.avi"
        picture = media.corners_picture(*CORNERS_SIZE)
        padded = np.dstack([picture, np.zeros(picture.shape[:2], np.uint8)])
        raw = ("-f", "rawvideo", "-pix_fmt", "bgra", "-s", "96x64", "-r", 5, "-i", "-")
        options = ("-c:v", "rawvideo", "-pix_fmt", "bgra")
        media.ffmpeg(*raw, *options, path, stdin=padded.tobytes() * 3)
        library.keep(path)
        assert cli("thumbs", library.root, "--ext", "avi").code == 0
        assert media.corners_of(thumbnail(library, "padded.avi")) == [0, 1, 2, 3]
