"""`scenes`: cuts on the very frame, with a score one can set the threshold by."""

from __future__ import annotations

import shutil
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Cli
from support import Library, media

# The content detector's own scale is 0..255; 0.4 of the program's is the detector's default of 27.
SCALE = 67.5


def document(library: Library, name: str) -> dict[str, Any]:
    found: dict[str, Any] = library.json(f"{name}.scenes.json")
    return found


def cuts(library: Library, name: str, fps: float = 25) -> list[int]:
    """Frame numbers of the markers."""
    frames = [marker["time"] * fps for marker in document(library, name)["markers"]]
    assert frames == pytest.approx([round(frame) for frame in frames], abs=0.02)
    return [round(frame) for frame in frames]


def reference(video: Path, threshold: float, fps: float = 25) -> list[int]:
    """What PySceneDetect's detector finds when shown every frame in full."""
    from scenedetect import FrameTimecode
    from scenedetect.detectors import ContentDetector

    detector = ContentDetector(threshold=threshold * SCALE)
    found: list[FrameTimecode] = []
    for number, (_, picture) in enumerate(media.decode(video)):
        found += detector.process_frame(FrameTimecode(number, float(fps)), picture)
    return [cut.frame_num for cut in found]


def chapters(library: Library) -> str:
    """The ffmetadata file among the artifacts."""
    files = [library.artifact(name) for name in library.artifacts()]
    texts = [file.read_text(errors="replace") for file in files if file.is_file()]
    (text,) = [text for text in texts if text.startswith(";FFMETADATA1")]
    return text


def made_file(library: Library, name: str, told: str) -> Path:
    """A file of a marker, which is told relative to `.artifacts` or to the scenes' own folder."""
    places = [library.artifact(told), library.artifact(f".{name}.scenes") / told]
    (found,) = [place for place in places if place.is_file()]
    assert found.parent.name == f".{name}.scenes"
    return found


class TestCuts:
    def test_known_cuts(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        run = cli("scenes", library.root, "--json")
        assert run.code == 0
        assert run.counts == {"made": 1}
        strong = [cut for cut in media.CUTS if cut != media.WEAK_CUT]
        assert cuts(library, "cuts.mp4") == strong
        made = document(library, "cuts.mp4")
        assert made["threshold"] == 0.4
        assert made["detector"] == "content"
        assert all(0.4 <= marker["score"] <= 3.8 for marker in made["markers"])
        bounds = [0, *(cut / 25 for cut in strong), 10]
        assert [scene["start"] for scene in made["scenes"]] == pytest.approx(bounds[:-1], abs=1e-3)
        assert [scene["end"] for scene in made["scenes"]] == pytest.approx(bounds[1:], abs=0.05)
        assert library.artifacts() == ["cuts.mp4.scenes.json"]

    def test_lower_means_more(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        cli("scenes", library.root, "--threshold", 0.15)
        assert cuts(library, "cuts.mp4") == list(media.CUTS)

    def test_a_score_is_the_threshold_it_takes(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        cli("scenes", library.root, "--threshold", 0.15)
        weak = next(
            marker["score"]
            for marker in document(library, "cuts.mp4")["markers"]
            if round(marker["time"] * 25) == media.WEAK_CUT
        )
        for threshold, found in ((weak - 0.005, True), (weak + 0.005, False)):
            cli("scenes", library.root, "--threshold", threshold, "--force")
            assert (media.WEAK_CUT in cuts(library, "cuts.mp4")) is found

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("clip", "threshold"),
        [
            ("bikes.mp4", 0.4),
            ("bikes.mp4", 0.275),
            ("bikes.mp4", 0.2),
            ("bigbuckbunny.mp4", 0.2),
            ("cuts.mp4", 0.05),
        ],
    )
    def test_it_finds_what_a_full_decode_finds(
        self, cli: Cli, library: Library, clip: str, threshold: float
    ) -> None:
        video = library.add(clip)
        cli("scenes", library.root, "--threshold", threshold)
        assert cuts(library, clip) == reference(video, threshold)

    def test_the_real_film_has_five(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4")
        cli("scenes", library.root)
        assert cuts(library, "bikes.mp4") == [30, 76, 137, 187, 242]

    def test_adaptive(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        assert cli("scenes", library.root, "--detector", "adaptive").code == 0
        made = document(library, "cuts.mp4")
        assert made["detector"] == "adaptive"
        assert set(cuts(library, "cuts.mp4")) >= {40, 90, 200}
        assert set(cuts(library, "cuts.mp4")) <= set(media.CUTS)

    @pytest.mark.parametrize("clip", ["still.mp4", "one_frame.mp4", "black.mp4"])
    def test_without_cuts(self, cli: Cli, library: Library, clip: str) -> None:
        video = library.add(clip)
        assert cli("scenes", library.root).code == 0
        made = document(library, clip)
        assert made["markers"] == []
        (scene,) = made["scenes"]
        assert scene["start"] == pytest.approx(0, abs=1e-3)
        assert scene["end"] == pytest.approx(media.seconds_of(video), abs=0.05)

    def test_a_limit(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        assert cli("scenes", library.root, "--limit", 2).code == 0
        assert len(cuts(library, "cuts.mp4")) == 2
        assert set(cuts(library, "cuts.mp4")) < set(media.CUTS)

    def test_a_cut_off_film(self, cli: Cli, library: Library) -> None:
        """Its scenes end with the data, and it is said that there should be more."""
        library.add("cut_data.mp4")
        run = cli("scenes", library.root, "--json")
        assert "degraded: cut off after" in run.json["results"][0]["note"]
        made = library.json("cut_data.mp4.scenes.json")
        assert made["degraded"].startswith("degraded: cut off after")
        assert 2 < made["scenes"][-1]["end"] < 5

    def test_a_header_that_promises_too_little(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        """Cuts past the promised end have their scenes, too."""
        film = tmp_path / "short.mkv"
        media.ffmpeg("-i", media.clip("cuts.mp4", library.clips), "-c", "copy", film)
        content = film.read_bytes()
        duration = content.index(b"\x44\x89\x88") + 3
        lie = content[:duration] + struct.pack(">d", 4000.0) + content[duration + 8 :]
        library.add_bytes("short.mkv", lie)
        run = cli("scenes", library.root, "--ext", "mkv", "--thumbs", "--json")
        assert run.code == 0, run.err
        made = library.json("short.mkv.scenes.json")
        assert made["scenes"][-1]["start"] == pytest.approx(8.0, abs=0.002)
        assert made["scenes"][-1]["end"] == pytest.approx(10.0, abs=0.1)


class TestExtras:
    def test_a_picture_of_every_scene(self, cli: Cli, library: Library) -> None:
        video = library.add("cuts.mp4")
        assert cli("scenes", library.root, "--thumbs", "--thumbs-width", 160).code == 0
        frames = dict(media.decode(video))
        for marker in document(library, "cuts.mp4")["markers"]:
            picture = media.read_picture(made_file(library, "cuts.mp4", marker["thumb"]))
            assert picture.shape == (90, 160, 3)
            number = round(marker["time"] * 25)
            assert media.difference(picture, frames[number / 25]) < 6
            assert media.difference(picture, frames[(number - 1) / 25]) > 20

    def test_the_picture_of_a_scene_is_none_of_a_fade(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        """A film that begins black; then a dissolve, a fade through black and a cut to a flash."""
        tints = ((40, 60, 250), (250, 200, 30), (50, 250, 60), (230, 40, 240))
        one, two, three, four = (
            media.texture(seed, tint).astype(float) for seed, tint in enumerate(tints)
        )
        black, white = np.zeros_like(one), np.full_like(one, 255)

        def blended(before: Any, after: Any, count: int) -> list[Any]:
            return [before + (after - before) * (i + 1) / count for i in range(count)]

        frames = [*[black] * 10, *blended(black, one, 10), *[one] * 30, *blended(one, two, 4)]
        frames += [*[two] * 30, *blended(two, black, 8), *[black] * 12, *blended(black, three, 15)]
        frames += [*[three] * 30, *[white] * 3, *[four] * 25]
        film = tmp_path / "faded.mp4"
        media.encode(film, [frame.astype(np.uint8) for frame in frames], *media.H264, "-crf", 18)
        library.add_bytes("faded.mp4", film.read_bytes())
        cli("scenes", library.root, "--threshold", 0.2)
        markers = document(library, "faded.mp4")["markers"]
        assert cli("scenes", library.root, "--threshold", 0.2, "--thumbs").code == 0
        made = document(library, "faded.mp4")
        times = [marker["time"] for marker in made["markers"]]
        assert times == [marker["time"] for marker in markers]
        for scene, shown in zip(made["scenes"], (one, two, three, four), strict=True):
            picture = media.read_picture(made_file(library, "faded.mp4", scene["thumb"]))
            assert media.difference(shown.astype(np.uint8), picture) < 8, scene

    def test_a_clip_of_every_scene(self, cli: Cli, library: Library) -> None:
        video = library.add("cuts.mp4")
        assert cli("scenes", library.root, "--clips", "--clip-duration", 1).code == 0
        frames = dict(media.decode(video))
        for marker in document(library, "cuts.mp4")["markers"]:
            shown = list(media.decode(made_file(library, "cuts.mp4", marker["clip"])))
            assert len(shown) == pytest.approx(25, abs=2)
            start = round(marker["time"] * 25) / 25
            assert media.difference(frames[start], shown[0][1]) < 12

    @pytest.mark.usefixtures("no_tools")
    def test_clips_need_no_ffmpeg_on_path(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        assert cli("scenes", library.root, "--clips").code == 0
        first = document(library, "cuts.mp4")["markers"][0]
        assert media.seconds_of(made_file(library, "cuts.mp4", first["clip"])) == pytest.approx(
            2, abs=0.1
        )

    def test_chapters(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        video = library.add("cuts.mp4")
        assert cli("scenes", library.root, "--chapters").code == 0
        text = chapters(library)
        assert text.count("[CHAPTER]") == 4
        meta, chaptered = tmp_path / "chapters.txt", tmp_path / "chaptered.mkv"
        meta.write_text(text)
        media.ffmpeg("-i", video, "-i", meta, "-map_chapters", 1, "-c", "copy", chaptered)
        told = media.ffmpeg("-i", chaptered, "-f", "ffmetadata", "-").decode()
        starts = [line for line in told.splitlines() if line.startswith("START=")]
        scale = 1e9 if "TIMEBASE=1/1000000000" in told else 1e3
        seconds = [int(line[6:]) / scale for line in starts]
        assert seconds == pytest.approx([0, 1.6, 3.6, 8.0], abs=0.002)

    def test_asking_for_more_later(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        cli("scenes", library.root)
        assert cli("scenes", library.root, "--thumbs", "--json").counts == {"made": 1}
        assert cli("scenes", library.root, "--thumbs", "--json").counts == {"skipped": 1}
        shutil.rmtree(library.artifact(".cuts.mp4.scenes"))
        assert cli("scenes", library.root, "--thumbs", "--json").counts == {"made": 1}
        assert library.artifact(".cuts.mp4.scenes").is_dir()

    def test_fewer_markers_leave_no_pictures_behind(self, cli: Cli, library: Library) -> None:
        library.add("cuts.mp4")
        cli("scenes", library.root, "--thumbs", "--threshold", 0.15)
        folder = library.artifact(".cuts.mp4.scenes")
        before = len(list(folder.iterdir()))
        cli("scenes", library.root, "--thumbs", "--force")
        assert len(list(folder.iterdir())) == before - 1


def test_bad_videos(cli: Cli, library: Library) -> None:
    for clip in ("sound_only.mp4", "empty.mp4", "cut_index.mp4", "still.mp4"):
        library.add(clip)
    run = cli("scenes", library.root, "--thumbs", "--clips", "--json")
    assert run.code == 1
    assert run.counts == {"made": 1, "failed": 3}
    assert not [name for name in library.artifacts() if "still.mp4" not in name]


def test_moviepy_is_not_loaded_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """It starts programs when it is imported; PySceneDetect does that where it can."""
    from videolib.media.preloaded import import_without

    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "starter.py").write_text("print('started')\n")
    user = "try:\n    import starter\nexcept ImportError:\n    print('without')\n"
    (tmp_path / "user.py").write_text(user)
    import_without("starter", "user")
    import_without("starter", "user_that_is_not_installed")
    import starter  # type: ignore[import-not-found]  # from here on it can be imported

    assert capfd.readouterr().out == "without\nstarted\n"
    del sys.modules["user"], sys.modules[starter.__name__]
