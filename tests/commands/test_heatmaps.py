"""`heatmaps`: how bright a video is and how much it moves, along its time."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from conftest import Cli
from support import Library, media


def samples(library: Library, name: str) -> list[dict[str, float]]:
    found: list[dict[str, float]] = library.json(f"{name}.heatmaps.json")["samples"]
    return found


def luma(time: float, video: Path) -> float:
    """Mean luma of the frame at a time, 0..1, straight from its limited-range Y plane."""
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            assert frame.time is not None
            if frame.time >= time - 1e-3:
                plane = frame.planes[0]
                lines = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
                return (float(lines[:, : frame.width].mean()) - 16) / 219
    raise AssertionError(f"no frame at {time}")


class TestValues:
    def test_brightness(self, cli: Cli, library: Library) -> None:
        library.add("levels.mp4")
        run = cli("heatmaps", library.root, "--interval", 2, "--json")
        assert run.code == 0
        assert run.counts == {"made": 1}
        assert library.json("levels.mp4.heatmaps.json")["interval"] == 2
        found = samples(library, "levels.mp4")
        expected = [level for level in media.LEVELS for _ in range(2)]
        assert [sample["brightness"] for sample in found] == pytest.approx(expected, abs=0.02)
        assert [sample["time"] for sample in found] == pytest.approx(range(0, 16, 2), abs=0.27)

    def test_motion(self, cli: Cli, library: Library) -> None:
        """The mean absolute difference of one sample and the next."""
        library.add("levels.mp4")
        cli("heatmaps", library.root, "--interval", 4)
        steps = [0.0] + [
            abs(after - before)
            for before, after in zip(media.LEVELS, media.LEVELS[1:], strict=False)
        ]
        found = [sample["motion"] for sample in samples(library, "levels.mp4")]
        assert found == pytest.approx(steps, abs=0.02)

    def test_a_still_does_not_move(self, cli: Cli, library: Library) -> None:
        library.add("still.mp4")
        cli("heatmaps", library.root, "--interval", 0.5)
        found = samples(library, "still.mp4")
        assert len(found) == 6
        assert found[0]["motion"] == 0.0
        assert max(sample["motion"] for sample in found) < 0.01

    def test_a_real_film(self, cli: Cli, library: Library) -> None:
        video = library.add("bikes.mp4")
        cli("heatmaps", library.root, "--interval", 1)
        found = samples(library, "bikes.mp4")
        assert len(found) == 10
        for sample in found[::3]:
            assert sample["brightness"] == pytest.approx(luma(sample["time"], video), abs=0.02)
        assert all(0.01 < sample["motion"] < 0.6 for sample in found[1:])

    @pytest.mark.parametrize("seek", ["auto", "exact"])
    def test_times_are_those_of_the_frames_seen(
        self, cli: Cli, library: Library, seek: str
    ) -> None:
        library.add("minute.mp4")
        cli("heatmaps", library.root, "--seek", seek)
        times = [sample["time"] for sample in samples(library, "minute.mp4")]
        expected = [5.0 * i for i in range(12)]
        assert times == pytest.approx(expected, abs=1.01 if seek == "auto" else 0.001)

    def test_the_usual_interval(self, cli: Cli, library: Library) -> None:
        library.add("minute.mp4")
        cli("heatmaps", library.root)
        assert library.json("minute.mp4.heatmaps.json")["interval"] == 5
        assert len(samples(library, "minute.mp4")) == 12

    @pytest.mark.parametrize(
        ("mode", "keys"),
        [
            ("brightness", {"time", "brightness"}),
            ("motion", {"time", "motion"}),
            ("both", {"time", "brightness", "motion"}),
        ],
    )
    def test_modes(self, cli: Cli, library: Library, mode: str, keys: set[str]) -> None:
        library.add("levels.mp4")
        assert cli("heatmaps", library.root, "--mode", mode).code == 0
        assert all(set(sample) == keys for sample in samples(library, "levels.mp4"))

    def test_one_frame(self, cli: Cli, library: Library) -> None:
        library.add("one_frame.mp4")
        assert cli("heatmaps", library.root).code == 0
        (sample,) = samples(library, "one_frame.mp4")
        assert sample["motion"] == 0.0
        assert sample["brightness"] == pytest.approx(0.5, abs=0.02)


class TestStripe:
    @pytest.mark.slow
    def test_a_picture_as_long_as_the_video(self, cli: Cli, library: Library) -> None:
        for clip in ("minutes.mp4", "levels.mp4"):
            library.add(clip)
        assert cli("heatmaps", library.root, "--png", "--interval", 2).code == 0
        widths = {}
        for clip in ("minutes.mp4", "levels.mp4"):
            file = library.artifact(f"{clip}.heatmaps.png")
            assert file.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
            picture = media.read_picture(file)
            widths[clip] = picture.shape[1]
            assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 3
        assert widths["minutes.mp4"] > widths["levels.mp4"]

    def test_it_shows_what_was_measured(self, cli: Cli, library: Library) -> None:
        """Dark and bright parts can be told apart where they are."""
        library.add("levels.mp4")
        cli("heatmaps", library.root, "--png", "--interval", 1)
        picture = media.read_picture(library.artifact("levels.mp4.heatmaps.png"))
        quarter = picture.shape[1] // 4
        dark, bright = picture[:, quarter // 2], picture[:, quarter * 5 // 2]
        assert np.abs(dark.astype(float) - bright.astype(float)).mean() > 5

    def test_only_when_asked_for(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        cli("heatmaps", library.root)
        assert library.artifacts() == ["short.mp4.heatmaps.json"]
        assert cli("heatmaps", library.root, "--png", "--json").counts == {"made": 1}
        both = ["short.mp4.heatmaps.json", "short.mp4.heatmaps.png"]
        assert library.artifacts() == both
        assert cli("heatmaps", library.root, "--json").counts == {"skipped": 1}
        assert cli("heatmaps", library.root, "--png", "--json").counts == {"skipped": 1}
        assert library.artifacts() == both


def test_bad_videos(cli: Cli, library: Library) -> None:
    for clip in ("sound_only.mp4", "empty.mp4", "cut_index.mp4", "short.mp4"):
        library.add(clip)
    run = cli("heatmaps", library.root, "--png", "--json")
    assert run.code == 1
    assert run.counts == {"made": 1, "failed": 3}
    assert {name.split(".heatmaps")[0] for name in library.artifacts()} == {"short.mp4"}


def test_more_samples_than_anybody_wants(cli: Cli, library: Library) -> None:
    library.add("short.mp4")
    run = cli("heatmaps", library.root, "--interval", "1e-309")
    assert run.code == 1
    assert "choose a longer --interval" in run.err
