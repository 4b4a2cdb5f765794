"""Frames: the right ones, looking as in a player, read once for everybody who wants them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import FILES, FRAME_TASKS, Library, Opens, media, run_cli, without_dates

from videolib.media.reader import Media
from videolib.storage.videos import Video

SAMPLED = "thumbs,sprites,phash,heatmaps"
FINE = ("--interval", 1, "--width", 80, "--cols", 4, "--rows", 4)


def thumb(library: Library, name: str) -> media.Picture:
    return media.read_picture(library.artifact(f"{name}.jpg"))


def contents(library: Library) -> dict[str, Any]:
    """What every artifact says, dates left out."""
    found: dict[str, Any] = {}
    for name in library.artifacts():
        raw = library.artifact(name).read_bytes()
        found[name] = without_dates(json.loads(raw)) if name.endswith(".json") else raw
    return found


class TestOnePass:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        "clip",
        ["numbered.mp4", "minute.mp4", "sparse.mp4", "trimmed.mp4", "variable.mp4", "bikes.mp4"],
    )
    @pytest.mark.parametrize("seek", ["auto", "exact"])
    def test_alone_is_as_with_others(
        self, cli: Cli, library: Library, clip: str, seek: str
    ) -> None:
        """Keyframes that one task can do with do not change what another gets."""
        library.add(clip)
        tasks: dict[str, dict[str, object]] = {
            "thumbs": {"time": "1.3"},
            "sprites": {"interval": 1.1},
            "phash": {"frames": 7},
            "heatmaps": {"interval": 0.9},
        }
        for task, values in tasks.items():
            flags = [word for key, value in values.items() for word in (f"--{key}", value)]
            assert cli(task, library.root, *flags, "--seek", seek).code == 0
        alone = contents(library)
        shutil.rmtree(library.root / ".artifacts")
        config = library.root.parent / "rc.json"
        config.write_text(json.dumps(tasks))
        together = []
        for order in (list(tasks), list(reversed(tasks))):
            shared = ("--config", config, "--seek", seek, "--force")
            assert cli(",".join(order), library.root, *shared).code == 0
            together.append(contents(library))
        for found in together:
            assert set(found) == set(alone)
            for name, content in alone.items():
                assert found[name] == content, name

    def test_scenes_are_as_with_others(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4")
        cli("scenes", library.root)
        alone = contents(library)
        cli(FRAME_TASKS, library.root, "--force")
        together = contents(library)
        assert together["bikes.mp4.scenes.json"] == alone["bikes.mp4.scenes.json"]

    @pytest.mark.skipif(sys.platform != "linux", reason="counts with inotify")
    def test_a_video_is_opened_once_for_all(self, cli: Cli, library: Library) -> None:
        video = library.add("bikes.mp4")
        with Opens(video) as opens:
            cli("thumbs", library.root)
            alone = opens.count()
            cli(SAMPLED, library.root, "--force")
            together = opens.count()
            cli(FRAME_TASKS, library.root, "--force")
            with_scenes = opens.count()
        assert alone >= 1
        assert together == alone
        assert with_scenes <= alone + 1
        assert cli(SAMPLED, library.root).code == 0

    @pytest.mark.skipif(sys.platform != "linux", reason="counts with inotify")
    def test_what_is_fresh_is_not_opened(self, cli: Cli, library: Library) -> None:
        video = library.add("short.mp4")
        cli(FRAME_TASKS, library.root)
        with Opens(video) as opens:
            assert cli(FRAME_TASKS, library.root).code == 0
            assert opens.count() == 0


# Which frame is on the screen one second after the start.
AFTER_A_SECOND = {
    "numbered.mp4": 25,
    "minute.mp4": 10,
    "sparse.mp4": 10,
    "variable.mp4": 25,
    "offset.mkv": 25,
    "offset.mp4": 25,
    "trimmed.mp4": 51,
    "h264.mkv": 25,
    "stream.ts": 25,
    "sparse.ts": 10,
    "mpeg2.mpg": 25,
    "vp9.webm": 25,
    "prores.mov": 25,
    "mpeg4.avi": 25,
    "hevc.mp4": 25,
    "av1.mp4": 25,
    "covered.mp4": 25,
    "anamorphic.mp4": 25,
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Library:
    """All sorts of containers and codecs, gone over once."""
    root = tmp_path_factory.mktemp("everything")
    library = Library(root, clips)
    for name in (*AFTER_A_SECOND, "one_frame.mp4"):
        library.add(name)
    flags = ("--ext", "*", "--time", 1, *FINE)
    run = run_cli("thumbs,sprites,heatmaps,phash", root, *flags)
    assert run.code == 0, run.err
    library.check()
    return library


class TestTimes:
    @pytest.mark.parametrize("name", AFTER_A_SECOND)
    def test_after_a_second(self, everything: Library, name: str) -> None:
        assert media.number_of(thumb(everything, name)) == AFTER_A_SECOND[name]

    @pytest.mark.parametrize("name", AFTER_A_SECOND)
    def test_every_tile_is_the_frame_of_its_time(self, everything: Library, name: str) -> None:
        video = everything.root / name
        index = everything.json(f"{name}.sprites.json")
        numbers = {time: media.number_of(picture) for time, picture in media.decode(video)}
        length = media.seconds_of(video)
        for i, frame in enumerate(index["frames"]):
            sheet = index["sheets"][frame["sheet"]]
            picture = media.read_picture(everything.artifact(sheet))
            width, height = index["tile"]["width"], index["tile"]["height"]
            tile = picture[frame["y"] : frame["y"] + height, frame["x"] : frame["x"] + width]
            time = min(numbers, key=lambda known: abs(known - frame["time"]))
            assert time == pytest.approx(frame["time"], abs=0.002)
            assert media.number_of(tile) == numbers[time]
            shown = max(known for known in numbers if known <= i + 1e-6)
            assert abs(time - i) <= min(0.5, length / 60) + 1e-6 or time == shown
        assert len(index["frames"]) == pytest.approx(length, abs=1)

    @pytest.mark.parametrize("name", AFTER_A_SECOND)
    def test_heatmaps_and_hashes_stay_within_the_video(
        self, everything: Library, name: str
    ) -> None:
        """A start that is not zero, an edit list or a rate that varies moves no sample away."""
        length = media.seconds_of(everything.root / name)
        samples = everything.json(f"{name}.heatmaps.json")["samples"]
        times = [sample["time"] for sample in samples]
        assert times == sorted(times)
        assert times[0] == pytest.approx(0, abs=0.05)
        assert length - 2.1 <= times[-1] < length
        hashes = everything.json(f"{name}.phash.json")["frames"]
        assert [frame["flat"] for frame in hashes] == [False] * 5
        assert all(0 < frame["time"] < length for frame in hashes)
        middle = hashes[2]["time"]
        assert middle == pytest.approx(length / 2, abs=0.25)

    def test_one_frame_is_enough(self, everything: Library) -> None:
        name = "one_frame.mp4"
        assert media.number_of(thumb(everything, name)) == 5
        assert len(everything.json(f"{name}.sprites.json")["frames"]) == 1
        assert len(everything.json(f"{name}.heatmaps.json")["samples"]) == 1
        assert everything.json(f"{name}.phash.json")["phash"]

    def test_a_rate_that_varies(self, cli: Cli, library: Library) -> None:
        """The frame on the screen at a time, also where each stays for long."""
        video = library.add("variable.mp4")
        for time in (2.97, 3.1, 3.19, 3.21, 7.3):
            cli("thumbs", library.root, "--time", time, "--force")
            shown = media.number_of(thumb(library, "variable.mp4"))
            assert shown == media.number_of(media.frame_at(video, time))

    @pytest.mark.parametrize("name", ["offset.mkv", "offset.mp4"])
    def test_the_middle_of_what_starts_late(self, cli: Cli, library: Library, name: str) -> None:
        library.add(name)
        assert cli("thumbs", library.root, "--ext", "*", "--seek", "exact").code == 0
        assert media.number_of(thumb(library, name)) == pytest.approx(125, abs=1)
        cli("thumbs", library.root, "--ext", "*", "--time", "100%", "--force")
        assert media.number_of(thumb(library, name)) == 249

    @pytest.mark.parametrize("name", ["offset.mkv", "cuts.mp4", "late.mkv"])
    def test_scenes_of_what_starts_late(
        self, cli: Cli, library: Library, name: str, tmp_path: Path
    ) -> None:
        if name == "late.mkv":
            late = tmp_path / name
            source = media.clip("cuts.mp4", library.clips)
            media.ffmpeg("-i", source, "-c", "copy", "-output_ts_offset", 7, late)
            library.add_bytes(name, late.read_bytes())
        else:
            library.add(name)
        assert cli("scenes", library.root, "--ext", "*").code == 0
        made = library.json(f"{name}.scenes.json")
        if name != "offset.mkv":
            times = [marker["time"] for marker in made["markers"]]
            assert times == pytest.approx([1.6, 3.6, 8.0], abs=0.002)
        assert made["scenes"][0]["start"] == pytest.approx(0, abs=0.001)
        assert made["scenes"][-1]["end"] == pytest.approx(10, abs=0.1)

    def test_same_stem_other_container(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        library.add("vp9.webm", "a.webm")
        assert cli("thumbs", library.root, "--ext", ".mp4,.webm").code == 0
        assert library.artifacts() == ["a.mp4.jpg", "a.webm.jpg"]


COLOURED = ("bt601.mp4", "bt709.mp4", "full_range.mp4", "full_range_10bit.mp4")


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Library:
    root = tmp_path_factory.mktemp("looks")
    library = Library(root, clips)
    names = ["corners.mp4", *(f"turned_{degrees}.mp4" for degrees in (90, 180, 270))]
    for name in (*names, "anamorphic.mp4", "interlaced.mp4"):
        library.add(name)
    for name in (*COLOURED, "hdr10.mp4", "hlg.mp4"):
        library.add(name)
    run = run_cli(FRAME_TASKS, root, "--time", 0.48, "--interval", 0.25, "--cols", 2)
    assert run.code == 0, run.err
    return library


class TestLooks:
    """A picture looks as in a player."""

    def tile(self, library: Library, name: str, number: int = 1) -> media.Picture:
        index = library.json(f"{name}.sprites.json")
        frame, tile = index["frames"][number], index["tile"]
        sheet = media.read_picture(library.artifact(index["sheets"][frame["sheet"]]))
        x, y = frame["x"], frame["y"]
        return sheet[y : y + tile["height"], x : x + tile["width"]]

    @pytest.mark.parametrize(
        ("degrees", "expected"), [(90, [1, 2, 3, 0]), (180, [2, 3, 0, 1]), (270, [3, 0, 1, 2])]
    )
    def test_rotation(self, looks: Library, degrees: int, expected: list[int]) -> None:
        """As ffmpeg itself turns them: the matrix says counter-clockwise."""
        name = f"turned_{degrees}.mp4"
        picture = thumb(looks, name)
        assert picture.shape == ((180, 320, 3) if degrees == 180 else (320, 180, 3))
        assert media.corners_of(picture) == expected
        tile = self.tile(looks, name)
        assert media.corners_of(tile) == expected
        height, width, _ = tile.shape
        assert width == 320
        assert height / width == pytest.approx(9 / 16 if degrees == 180 else 16 / 9, abs=0.01)

    def test_no_rotation(self, looks: Library) -> None:
        assert media.corners_of(thumb(looks, "corners.mp4")) == [0, 1, 2, 3]

    def test_a_turned_video_has_the_hash_of_the_picture_seen(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        """Turned by its header or turned by its pixels: seen, it is the same."""
        header, pixels = tmp_path / "header.mp4", tmp_path / "pixels.mp4"
        source = media.clip("numbered.mp4", library.clips)
        media.ffmpeg("-display_rotation", 90, "-i", source, "-c", "copy", "-an", header)
        options = (*media.H264, "-crf", 12, "-an")
        media.ffmpeg("-i", header, *options, pixels)
        for path in (header, pixels):
            library.add_bytes(path.name, path.read_bytes())
        assert cli("phash", library.root, "--combine", "majority").code == 0
        one, other = (library.json(f"{path.name}.phash.json") for path in (header, pixels))
        distance = (int(one["phash"], 16) ^ int(other["phash"], 16)).bit_count()
        assert distance / one["bits"] < 0.05

    def test_anamorphic(self, looks: Library) -> None:
        picture = thumb(looks, "anamorphic.mp4")
        assert picture.shape[1] / picture.shape[0] == pytest.approx(16 / 9, abs=0.02)
        assert media.number_of(picture) == 12
        tile = self.tile(looks, "anamorphic.mp4")
        assert tile.shape[1] / tile.shape[0] == pytest.approx(16 / 9, abs=0.02)

    def test_interlaced(self, looks: Library) -> None:
        """The coded frames show two moments in their odd and even lines; the picture shows one."""
        coded = media.frame_at(looks.root / "interlaced.mp4", 0.48)
        assert media.combing(coded) > 20
        for picture in (thumb(looks, "interlaced.mp4"), self.tile(looks, "interlaced.mp4")):
            assert media.combing(picture) < 3
        picture = thumb(looks, "interlaced.mp4")
        assert picture.shape == (180, 320, 3)
        moments = media.bar_pictures()
        assert min(media.difference(picture, moment) for moment in moments) < 6

    @pytest.mark.parametrize("name", COLOURED)
    def test_colours(self, looks: Library, name: str) -> None:
        for picture in (thumb(looks, name), self.tile(looks, name)):
            for patch, colour in media.patches_of(picture).items():
                assert colour == pytest.approx(media.PATCHES[patch], abs=8), patch

    @pytest.mark.parametrize("name", ["hdr10.mp4", "hlg.mp4"])
    def test_high_dynamic_range(self, looks: Library, name: str) -> None:
        """White is bright and colours are full, where the bare pixels look grey."""
        bare = media.patches_of(media.frame_at(looks.root / name, 0))
        assert bare["red"][1] > 65
        for picture in (thumb(looks, name), self.tile(looks, name)):
            seen = media.patches_of(picture)
            assert min(seen["white"]) > 165
            assert max(seen["white"]) - min(seen["white"]) < 8
            assert max(seen["black"]) < 20
            assert 100 < seen["grey"][1] < min(seen["white"]) - 10
            for patch, channel in (("blue", 0), ("green", 1), ("red", 2)):
                others = [value for i, value in enumerate(seen[patch]) if i != channel]
                assert seen[patch][channel] > 130
                assert max(others) < 45, patch

    def test_brightness_is_that_of_the_picture(self, looks: Library) -> None:
        """Full range is no brighter, limited range no paler."""
        levels = [
            looks.json(f"{name}.heatmaps.json")["samples"][0]["brightness"] for name in COLOURED
        ]
        assert levels == pytest.approx([levels[0]] * len(COLOURED), abs=0.01)
        weights = {"white": 1, "red": 0.299, "green": 0.587, "blue": 0.114, "grey": 200 / 255}
        assert levels[0] == pytest.approx(sum(weights.values()) / 6, abs=0.06)

    def test_every_kind_of_picture_made_every_artifact(self, looks: Library) -> None:
        kinds = [kind for kind in FILES if kind != "metadata"]
        for video in looks.root.glob("*.mp4"):
            for kind in kinds:
                for name in FILES[kind]:
                    assert looks.artifact(name.format(video.name)).stat().st_size > 0


@pytest.mark.parametrize("share", [0.4, 0.75])
def test_keyframes_of_a_truncated_matroska(library: Library, share: float) -> None:
    """They are those of its packets: libav moves its index while a file is read on."""
    import av

    whole = library.add("offset.mkv").read_bytes()
    path = library.add_bytes("cut.mkv", whole[: int(len(whole) * share)])
    with av.open(path) as container:
        packets = [packet for packet in container.demux(video=0) if packet.is_keyframe]
    expected = [packet.pts for packet in packets if packet.pts is not None]
    for _ in range(5):
        with Media(Video(str(path), path.name, "")) as opened:
            assert [pts for pts in opened.keyframes if pts <= expected[-1]] == expected
