"""`compare`: how close a video is to its original, measured against ffmpeg's own sums."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from conftest import Cli
from support import Library, media

from videolib.media.quality import quality_class


def worse(library: Library, *options: object, name: str = "worse.mp4") -> tuple[Path, Path]:
    """A real clip and a bad copy of it."""
    original = library.add("small_bikes.mp4")
    other = library.root / name
    media.ffmpeg("-i", original, *(options or (*media.H264, "-crf", 40)), other)
    return original, library.keep(other)


def values(cli: Cli, *arguments: object) -> dict[str, Any]:
    run = cli("compare", *arguments, "--json")
    assert run.code == 0, run.err
    found: dict[str, Any] = run.json
    return found


def reported(metric: str, original: Path, other: Path) -> dict[str, float]:
    """What ffmpeg itself says at the end."""
    words = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-i", other, "-i", original]
    words += ["-lavfi", f"[0:v][1:v]{metric}", "-f", "null", "-"]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stderr
    line = next(line for line in said.splitlines() if f"Parsed_{metric}" in line)
    return {key: float(value) for key, value in re.findall(r"(\w+): ?([\d.]+)", line)}


class TestValues:
    @pytest.mark.slow
    def test_they_are_ffmpeg_s(self, cli: Cli, library: Library) -> None:
        pair = worse(library)
        found = values(cli, *pair)
        ssim, xpsnr = (reported(metric, *pair) for metric in ("ssim", "xpsnr"))
        assert found["ssim"] == pytest.approx(ssim["All"], abs=0.0005)
        for plane in "yuv":
            assert found["planes"]["ssim"][plane] == pytest.approx(ssim[plane.upper()], abs=5e-4)
            assert found["planes"]["xpsnr"][plane] == pytest.approx(xpsnr[plane], abs=0.01)
        assert found["xpsnr"] == pytest.approx(xpsnr["minimum"], abs=0.01)
        lowest = reported("psnr", *pair)["min"]
        assert found["minimum"]["psnr"] == pytest.approx(lowest, abs=0.01)
        assert 0 < found["minimum"]["vmaf"] <= found["vmaf"] < 100
        assert found["frames"] == 250
        assert (found["aligned"], found["warnings"]) == (False, [])

    @pytest.mark.parametrize("pixels", ["yuv420p", "yuv444p", "yuv420p10le"])
    def test_psnr_is_that_of_ffmpeg_s_summary(
        self, cli: Cli, library: Library, tmp_path: Path, pixels: str
    ) -> None:
        """Frames of very different quality: the mean over frames would be some dB above it."""
        original, other = library.root / "original.mkv", library.root / "other.mkv"
        source = ("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=10:duration=3")
        lossless = ("-c:v", "libx264", "-qp", 0, "-pix_fmt", pixels)
        noise = ("-vf", "noise=alls=60:allf=t:enable='gt(t,2)'")
        media.ffmpeg(*source, *lossless, original)
        media.ffmpeg("-i", original, *noise, *lossless[:2], "-crf", 12, *lossless[4:], other)
        log = tmp_path / "psnr.txt"
        graph = f"[0:v][1:v]psnr=stats_file={log}"
        media.ffmpeg("-i", other, "-i", original, "-lavfi", graph, "-f", "null", "-")
        frames = [float(value) for value in re.findall(r"psnr_avg:([\d.]+)", log.read_text())]
        summary, data = reported("psnr", original, other), values(cli, original, other)
        assert data["psnr"] == pytest.approx(summary["average"], abs=0.01)
        for plane in "yuv":
            assert data["planes"]["psnr"][plane] == pytest.approx(summary[plane], abs=0.01)
        assert data["psnr_mean"] == pytest.approx(sum(frames) / len(frames), abs=0.01)
        assert data["psnr_mean"] > data["psnr"] + 3
        assert data["psnr_quality"] == quality_class("psnr", summary["average"])

    def test_psnr_where_some_frames_are_the_same(self, cli: Cli, library: Library) -> None:
        """Those have no error and count; the mean over frames leaves them out."""
        original, other = library.root / "original.mkv", library.root / "other.mkv"
        source = ("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=10:duration=3")
        lossless = ("-c:v", "libx264", "-qp", 0, "-pix_fmt", "yuv420p")
        media.ffmpeg(*source, *lossless, original)
        noise = ("-vf", "noise=alls=20:allf=t:enable='lt(t,1)'")
        media.ffmpeg("-i", original, *noise, *lossless, other)
        average = reported("psnr", original, other)["average"]
        data = values(cli, original, other)
        assert data["psnr"] == pytest.approx(average, abs=0.01)
        assert data["psnr_mean"] == pytest.approx(average - 4.77, abs=0.1)  # a third of the frames

    def test_identical(self, cli: Cli, library: Library) -> None:
        video = library.add("short.mp4")
        found = values(cli, video, video)
        assert (found["ssim"], found["psnr"], found["xpsnr"]) == (1.0, "inf", "inf")
        assert found["psnr_mean"] == "inf"
        assert found["planes"]["psnr"] == {"y": "inf", "u": "inf", "v": "inf"}
        assert found["ssim_quality"] == found["psnr_quality"] == "excellent"
        assert found["worst"] == {"time": 0.0, "ssim": 1.0, "psnr": "inf"}

    @pytest.mark.slow
    def test_the_worst_frame(self, cli: Cli, library: Library) -> None:
        original = library.add("numbered.mp4")
        pictures = media.numbers(250)
        pictures[137] = media.number_picture(1000)
        other = library.root / "other.mp4"
        media.encode(other, pictures, *media.H264)
        library.keep(other)
        assert values(cli, original, other)["worst"]["time"] == pytest.approx(137 / 25, abs=0.001)

    @pytest.mark.parametrize(
        ("metric", "value", "word"),
        [
            ("ssim", 0.99, "excellent"),
            ("ssim", 0.95, "good"),
            ("ssim", 0.9, "fair"),
            ("ssim", 0.6, "poor"),
            ("ssim", 0.2, "bad"),
            ("psnr", float("inf"), "excellent"),
            ("psnr", 36.9, "good"),
            ("psnr", 30.9, "fair"),
            ("psnr", 24.9, "poor"),
            ("psnr", 19.9, "bad"),
        ],
    )
    def test_classes(self, metric: str, value: float, word: str) -> None:
        assert quality_class(metric, value) == word

    @pytest.mark.slow
    def test_text_and_without_vmaf(self, cli: Cli, library: Library) -> None:
        pair = worse(library)
        out = cli("compare", *pair).out
        assert re.search(r"SSIM +0\.\d{4} +0\.\d{4} +\w+", out)
        assert re.search(r"PSNR +\d\d\.\d\d +\d\d\.\d\d +\w+\nPSNR, mean +\d\d\.\d\d", out)
        assert "VMAF" in out
        assert "VMAF" not in cli("compare", *pair, "--no-vmaf").out


class TestAlignment:
    @pytest.mark.slow
    def test_size(self, cli: Cli, library: Library) -> None:
        found = values(cli, *worse(library, *media.H264, "-vf", "scale=160:-2"))
        assert found["aligned"] is True
        assert any(
            text.startswith("size: scaled from 160x68 to 320x136") for text in found["warnings"]
        )

    @pytest.mark.parametrize("deeper", ["original", "other"])
    def test_depth(self, cli: Cli, library: Library, deeper: str) -> None:
        """The same pictures in 8 and in 10 bits: nothing is lost by comparing them in 10."""
        paths = {name: library.root / f"{name}.mkv" for name in ("original", "other")}
        source = ("-f", "lavfi", "-i", "testsrc2=size=160x96:rate=10:duration=1")
        for name, path in paths.items():
            depth = "10le" if name == deeper else ""
            pixels = ("-vf", f"format=yuv420p,format=yuv420p{depth}")
            media.ffmpeg(*source, *pixels, "-c:v", "libx264", "-qp", 0, path)
            library.keep(path)
        found = values(cli, paths["original"], paths["other"])
        assert (found["psnr"], found["ssim"]) == ("inf", 1.0)
        assert any("compared as yuv420p10le" in text for text in found["warnings"])

    @pytest.mark.parametrize("name", ["late.mkv", "late.mp4"])
    def test_start_and_time_base(self, cli: Cli, library: Library, name: str) -> None:
        found = values(cli, *worse(library, "-c", "copy", "-output_ts_offset", 5, name=name))
        assert (found["ssim"], found["psnr"]) == (1.0, "inf")
        assert found["frames"] == 250

    @pytest.mark.slow
    def test_frame_rate(self, cli: Cli, library: Library) -> None:
        found = values(cli, *worse(library, *media.H264, "-crf", 20, "-r", 50))
        assert found["ssim"] > 0.97
        assert found["frames"] == 250
        assert any("frame rate" in text for text in found["warnings"])
        assert any("more than 1%" in text for text in found["warnings"])

    def test_rotation(self, cli: Cli, library: Library) -> None:
        turned = library.add("turned_90.mp4")
        upright = library.root / "upright.mp4"
        media.ffmpeg("-i", turned, *media.H264, upright)
        library.keep(upright)
        found = values(cli, turned, upright)
        assert found["ssim"] > 0.98
        assert any("rotation" in text for text in found["warnings"])

    def test_length(self, cli: Cli, library: Library) -> None:
        found = values(cli, *worse(library, *media.H264, "-crf", 20, "-t", 4))
        assert found["frames"] == 100
        assert found["ssim"] > 0.97
        assert any("first 4.00 s" in text for text in found["warnings"])

    def test_variable_rate(self, cli: Cli, library: Library) -> None:
        original = library.add("variable.mp4")
        other = library.root / "other.mkv"
        media.ffmpeg("-i", original, "-c", "copy", other)
        library.keep(other)
        found = values(cli, original, other)
        assert (found["ssim"], found["psnr"]) == (1.0, "inf")


@pytest.mark.slow
class TestPng:
    def test_where_it_is_asked_for(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        target = tmp_path / "out.png"
        found = values(cli, *worse(library), "--png", target)
        assert found["png"] == str(target)
        assert media.read_picture(target).shape == (172, 480, 3)

    def test_by_default(
        self, cli: Cli, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        values(cli, *worse(library), "--png")
        assert media.read_picture(tmp_path / "worse.mp4.compare.png").std() > 5

    def test_never_over_a_video(self, cli: Cli, library: Library) -> None:
        pair = worse(library)
        assert cli("compare", *pair, "--png", pair[1]).code == 2


class TestBadInput:
    @pytest.mark.parametrize("clip", ["text.mp4", "empty.mp4", "sound_only.mp4", "cut_index.mp4"])
    @pytest.mark.parametrize("first", [True, False])
    def test_no_video(self, cli: Cli, library: Library, clip: str, first: bool) -> None:
        pair = [library.add(clip), library.add("short.mp4")]
        run = cli("compare", *(pair if first else pair[::-1]), "--json")
        assert run.code == 1
        assert len(run.err.splitlines()) == 1
        assert clip in run.json["error"]

    def test_usage(self, cli: Cli, library: Library) -> None:
        assert cli("compare").code == 2
        assert cli("compare", library.add("short.mp4")).code == 2
        assert cli("compare", library.root / "short.mp4", library.root / "none.mp4").code == 2

    def test_odd_names(self, cli: Cli, library: Library) -> None:
        names = ("50%d off.mp4", "new\nline.mp4", "[a-z]*.mp4", "it's:a,b;c.mp4")
        for name in names:
            video = library.add("one_frame.mp4", name)
            assert values(cli, video, video)["ssim"] == 1.0

    def test_the_bundled_ffmpeg_will_do(self, cli: Cli, library: Library, no_tools: None) -> None:
        video = library.add("one_frame.mp4")
        assert "vmaf" in values(cli, video, video)
