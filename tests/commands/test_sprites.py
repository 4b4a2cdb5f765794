"""`sprites`: sheets of tiles over the whole video, and the two indexes into them."""

from __future__ import annotations

import io
import os
import re
import urllib.parse
from typing import Any

import pytest
import webvtt
from conftest import Cli
from support import Library, media, stamps

CUE = re.compile(
    r"(\d\d:\d\d:\d\d\.\d{3}) --> (\d\d:\d\d:\d\d\.\d{3})\n([^\s#]+)#xywh=(\d+),(\d+),(\d+),(\d+)"
)


def seconds(stamp: str) -> float:
    hours, minutes, rest = stamp.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def tiles(library: Library, name: str) -> list[tuple[float, media.Picture]]:
    """Every tile with its time, cut out of the sheets as the JSON says."""
    index = library.json(f"{name}.sprites.json")
    sheets = {file: media.read_picture(library.artifact(file)) for file in index["sheets"]}
    width, height = index["tile"]["width"], index["tile"]["height"]
    found = []
    for frame in index["frames"]:
        x, y = frame["x"], frame["y"]
        tile = sheets[sheet_of(index, frame)][y : y + height, x : x + width]
        assert tile.shape == (height, width, 3)
        found.append((frame["time"], tile))
    return found


def sheet_of(index: dict[str, Any], frame: dict[str, Any]) -> str:
    """The file a tile is in, which the JSON may name or number."""
    sheet = frame["sheet"]
    return str(sheet if isinstance(sheet, str) else index["sheets"][sheet])


def check_numbers(library: Library, name: str, fps: float, interval: float, length: float) -> None:
    """Each tile is the frame its time says, and near enough to where it should be."""
    near = min(interval / 2, length / 60) + 1 / fps
    found = tiles(library, name)
    for i, (time, tile) in enumerate(found):
        assert media.number_of(tile) == round(time * fps)
        assert abs(time - i * interval) <= near
    assert len(found) == pytest.approx(length / interval, abs=1)


class TestSheets:
    def test_as_many_as_the_video_needs(self, cli: Cli, library: Library) -> None:
        library.add("minute.mp4")
        grid = ("--interval", 2, "--cols", 4, "--rows", 3, "--width", 80)
        run = cli("sprites", library.root, *grid, "--json")
        assert run.code == 0
        assert run.counts == {"made": 1}
        index = library.json("minute.mp4.sprites.json")
        names = ["minute.mp4.sprites.jpg", "minute.mp4.sprites-2.jpg", "minute.mp4.sprites-3.jpg"]
        assert index["sheets"] == names
        assert (index["interval"], index["cols"], index["rows"]) == (2, 4, 3)
        assert index["tile"] == {"width": 80, "height": 45} or index["tile"]["height"] in {44, 46}
        assert len(index["frames"]) == 30
        check_numbers(library, "minute.mp4", 10, 2, 60)
        high = index["tile"]["height"]
        shapes = [media.read_picture(library.artifact(name)).shape[:2] for name in names]
        assert shapes == [(3 * high, 320), (3 * high, 320), (2 * high, 320)]
        places = [(sheet_of(index, tile), tile["x"], tile["y"]) for tile in index["frames"][:13]]
        assert places[0] == (names[0], 0, 0)
        assert places[5] == (names[0], 80, high)
        assert places[12] == (names[1], 0, 0)

    def test_the_usual_grid(self, cli: Cli, library: Library) -> None:
        library.add("minute.mp4")
        assert cli("sprites", library.root).code == 0
        index = library.json("minute.mp4.sprites.json")
        assert (index["interval"], index["cols"], index["rows"]) == (10, 10, 10)
        assert index["tile"] == {"width": 320, "height": 180}
        assert index["sheets"] == ["minute.mp4.sprites.jpg"]
        assert len(index["frames"]) == 6
        check_numbers(library, "minute.mp4", 10, 10, 60)
        assert library.artifacts() == [
            "minute.mp4.sprites.jpg",
            "minute.mp4.sprites.json",
            "minute.mp4.sprites.vtt",
        ]

    @pytest.mark.parametrize("seek", ["auto", "keyframe", "exact"])
    def test_ways_to_seek(self, cli: Cli, library: Library, seek: str) -> None:
        library.add("sparse.mp4")
        run = cli("sprites", library.root, "--interval", 4, "--width", 80, "--seek", seek)
        assert run.code == 0
        found = tiles(library, "sparse.mp4")
        shown = [media.number_of(tile) for _, tile in found]
        assert shown == [round(time * 10) for time, _ in found]
        if seek == "exact":
            assert shown == list(range(0, 400, 40))
        elif seek == "auto":
            check_numbers(library, "sparse.mp4", 10, 4, 40)
        else:
            assert set(shown) == {0, 300}

    def test_a_limit(self, cli: Cli, library: Library) -> None:
        library.add("minute.mp4")
        args = ("--interval", 5, "--max-frames", 5, "--cols", 3, "--rows", 1, "--width", 64)
        assert cli("sprites", library.root, *args).code == 0
        index = library.json("minute.mp4.sprites.json")
        assert len(index["frames"]) == 5
        assert len(index["sheets"]) == 2
        assert index["frames"][-1]["time"] <= 21

    @pytest.mark.parametrize("clip", ["one_frame.mp4", "short.mp4"])
    def test_shorter_than_the_interval(self, cli: Cli, library: Library, clip: str) -> None:
        library.add(clip)
        assert cli("sprites", library.root).code == 0
        ((time, tile),) = tiles(library, clip)
        assert time == pytest.approx(0, abs=0.05)
        assert media.number_of(tile) == (5 if clip == "one_frame.mp4" else 0)
        sheet = media.read_picture(library.artifact(f"{clip}.sprites.jpg"))
        assert sheet.shape[0] == tile.shape[0]

    def test_a_real_film(self, cli: Cli, library: Library) -> None:
        video = library.add("bikes.mp4")
        assert cli("sprites", library.root, "--interval", 1, "--width", 160).code == 0
        frames = dict(media.decode(video))
        found = tiles(library, "bikes.mp4")
        assert len(found) == 10
        for time, tile in found:
            nearest = min(frames, key=lambda known: abs(known - time))
            assert abs(nearest - time) < 0.002
            assert media.difference(tile, frames[nearest]) < 6

    def test_quality(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4")
        sizes = []
        for quality in (2, 20):
            args = ("--interval", 2, "--quality", quality, "--force")
            assert cli("sprites", library.root, *args).code == 0
            sizes.append(library.artifact("bikes.mp4.sprites.jpg").stat().st_size)
        assert sizes[0] > 1.5 * sizes[1]


class TestTrack:
    """The .vtt is what the players' strict parsers take."""

    @pytest.mark.parametrize("name", ["minute.mp4", "a b#1 50% snö日本.mp4"])
    def test_cues(self, cli: Cli, library: Library, name: str) -> None:
        library.add("minute.mp4", name)
        grid = ("--interval", 4, "--cols", 3, "--rows", 2, "--width", 80)
        assert cli("sprites", library.root, *grid).code == 0
        index = library.json(f"{name}.sprites.json")
        raw = library.artifact(f"{name}.sprites.vtt").read_bytes()
        assert b"\r" not in raw
        assert not raw.startswith(b"\xef\xbb\xbf")
        head, *cues = raw.decode("utf-8").rstrip("\n").split("\n\n")
        assert head == "WEBVTT"
        found = [CUE.fullmatch(cue) for cue in cues]
        assert all(found), cues
        end = 0.0
        for cue, frame in zip(found, index["frames"], strict=True):
            assert cue is not None
            assert seconds(cue[1]) == end
            end = seconds(cue[2])
            assert end > seconds(cue[1])
            assert urllib.parse.unquote(cue[3]) == sheet_of(index, frame)
            assert cue[3].isascii()
            size = (index["tile"]["width"], index["tile"]["height"])
            assert tuple(map(int, cue.group(4, 5, 6, 7))) == (frame["x"], frame["y"], *size)
        assert end >= 60

    def test_an_independent_reader(self, cli: Cli, library: Library) -> None:
        library.add("minute.mp4")
        cli("sprites", library.root)
        text = library.artifact("minute.mp4.sprites.vtt").read_text()
        captions = webvtt.from_buffer(io.StringIO(text)).captions
        starts = [caption.start_in_seconds for caption in captions]
        assert starts == [0, 10, 20, 30, 40, 50]
        assert captions[1].text == "minute.mp4.sprites.jpg#xywh=320,0,320,180"


class TestAgain:
    GRID = ("--interval", 1, "--cols", 4, "--rows", 2, "--width", 64)

    def test_done_once_and_again_by_force_or_change(self, cli: Cli, library: Library) -> None:
        video = library.add("numbered.mp4")
        assert cli("sprites", library.root, *self.GRID, "--json").counts == {"made": 1}
        before = stamps(library.root)
        assert cli("sprites", library.root, "--json").counts == {"skipped": 1}
        assert stamps(library.root) == before
        assert cli("sprites", library.root, *self.GRID, "--force", "--json").counts == {"made": 1}
        library.make_newer(video)
        assert cli("sprites", library.root, *self.GRID, "--json").counts == {"made": 1}

    @pytest.mark.parametrize("suffix", [".jpg", "-2.jpg", ".vtt", ".json"])
    def test_a_missing_file_is_noticed(self, cli: Cli, library: Library, suffix: str) -> None:
        library.add("numbered.mp4")
        cli("sprites", library.root, *self.GRID)
        complete = library.artifacts()
        library.artifact(f"numbered.mp4.sprites{suffix}").unlink()
        assert cli("sprites", library.root, *self.GRID, "--json").counts == {"made": 1}
        assert library.artifacts() == complete

    def test_fewer_sheets_leave_none_behind(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        cli("sprites", library.root, *self.GRID)
        assert "numbered.mp4.sprites-2.jpg" in library.artifacts()
        cli("sprites", library.root, "--force")
        assert library.artifacts() == [
            "numbered.mp4.sprites.jpg",
            "numbered.mp4.sprites.json",
            "numbered.mp4.sprites.vtt",
        ]

    def test_the_size_of_the_source_counts_too(self, cli: Cli, library: Library) -> None:
        """A video replaced by an older one of another size is another video."""
        library.add("numbered.mp4", "a.mp4")
        cli("sprites", library.root)
        os.utime(library.add("sparse.mp4", "a.mp4"), (1_000_000_000, 1_000_000_000))
        assert cli("sprites", library.root, "--json").counts == {"made": 1}
        assert len(library.json("a.mp4.sprites.json")["frames"]) == 4


def test_bad_videos(cli: Cli, library: Library) -> None:
    for clip in ("sound_only.mp4", "empty.mp4", "text.mp4", "short.mp4"):
        library.add(clip)
    run = cli("sprites", library.root, "--json")
    assert run.code == 1
    assert run.counts == {"made": 1, "failed": 3}
    assert {name.split(".sprites")[0] for name in library.artifacts()} == {"short.mp4"}


def test_a_sheet_too_large_for_a_jpeg(cli: Cli, library: Library) -> None:
    """65,535 pixels is what JPEG can do: more is refused or split, never written broken."""
    library.add("minute.mp4")
    args = ("--cols", 300, "--rows", 1, "--width", 320, "--interval", 0.2)
    run = cli("sprites", library.root, *args)
    if run.code == 0:
        assert len(tiles(library, "minute.mp4")) == 300
    else:
        assert library.artifacts() == []
        assert "Traceback" not in run.err


def narrow_film(library: Library, name: str, width: int, height: int, seconds: int) -> None:
    """A film of one numbered frame a second; MJPEG, which takes any size."""
    path = library.root / name
    options = ("-c:v", "mjpeg", "-q:v", 3, "-pix_fmt", "yuvj444p")
    media.encode(path, media.numbers(seconds, width=width, height=height), *options, fps=1)
    library.keep(path)


class TestTallAndWide:
    """What does not fit a JPEG is laid out otherwise, or narrower; empty rows do not count."""

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("size", "args", "tile", "grid", "sheets"),
        [
            ((16, 1000), (), (320, 20000), (10, 10), 1),
            ((16, 1000), ("--cols", 1, "--width", 160, "--interval", 2), (160, 10000), (1, 10), 1),
            ((16, 1000), ("--cols", 1, "--width", 160, "--interval", 1), (160, 10000), (1, 6), 2),
            ((16, 4000), ("--cols", 1), (262, 65500), (1, 1), 2),
            (
                (320, 16),
                ("--cols", 100, "--width", 4096, "--interval", 0.5),
                (4096, 204),
                (15, 10),
                1,
            ),
        ],
    )
    def test_layout(
        self,
        cli: Cli,
        library: Library,
        size: tuple[int, int],
        args: tuple[object, ...],
        tile: tuple[int, int],
        grid: tuple[int, int],
        sheets: int,
    ) -> None:
        narrow_film(library, "narrow.mov", *size, 12)
        run = cli("sprites", library.root, "--ext", "mov", "--seek", "exact", *args)
        assert run.code == 0, run.err
        index = library.json("narrow.mov.sprites.json")
        assert index["tile"] == {"width": tile[0], "height": tile[1]}
        assert (index["cols"], index["rows"], len(index["sheets"])) == (*grid, sheets)
        found = tiles(library, "narrow.mov")
        assert [media.number_of(picture) for _, picture in found] == [
            int(time) for time, _ in found
        ]

    def test_what_no_tile_can_show(self, cli: Cli, library: Library) -> None:
        narrow_film(library, "needle.mov", 5, 30000, 2)
        library.add("short.mp4")
        run = cli("sprites", library.root, "--ext", "mov,mp4", "--json")
        assert (run.code, run.counts) == (1, {"made": 1, "failed": 1})
        assert "needle.mov: its picture is too tall for tiles: 5 by 30000 pixels" in run.err

    def test_a_thumbnail_that_is_too_large(self, cli: Cli, library: Library) -> None:
        narrow_film(library, "narrow.mov", 16, 1000, 2)
        run = cli("thumbs", library.root, "--ext", "mov", "--width", 2000)
        assert run.code == 1
        assert (
            "a picture of 2000 by 125000 pixels is too large: choose a smaller --width" in run.err
        )
