"""`codecs`: what each video holds, and why it does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library, Run, media, stamps

from videolib.media.codec_report import CodecScan


def row(run: Run, video: str) -> dict[str, Any]:
    (found,) = [entry for entry in run.json["results"] if entry["video"] == video]
    return dict(found)


def add(library: Library, name: str, *arguments: object) -> Path:
    """A video that ffmpeg makes of short.mp4 (input 0) and a second of sound (input 1)."""
    path = library.root / name
    sound = ("-f", "lavfi", "-i", "sine=duration=1")
    media.ffmpeg("-i", media.clip("short.mp4", library.clips), *sound, *arguments, path)
    return library.keep(path)


class TestFacts:
    def test_every_container(self, cli: Cli, library: Library) -> None:
        clips = ("numbered.mp4", "h264.mkv", "prores.mov", "mpeg4.avi", "vp9.webm")
        for clip in clips:
            library.add(clip)
        library.add("short.mp4", "short.m4v")
        run = cli("codecs", library.root, "--json")
        assert run.code == 0, run.err
        found = {
            e["video"]: (e["container"], e["vcodec"], e["acodecs"]) for e in run.json["results"]
        }
        assert found == {
            "numbered.mp4": ("mp4", "h264", ["aac"]),
            "h264.mkv": ("mkv", "h264", []),
            "prores.mov": ("mov", "prores", []),
            "mpeg4.avi": ("avi", "mpeg4", []),
            "vp9.webm": ("webm", "vp9", []),
            "short.m4v": ("mp4", "h264", []),
        }
        numbered = row(run, "numbered.mp4")
        assert numbered["compatible"] is True
        assert "why" not in numbered
        assert numbered["vprofile"] == "High"
        assert numbered["duration"] == pytest.approx(10, abs=0.1)
        assert numbered["size"] == (library.root / "numbered.mp4").stat().st_size
        assert {k: run.json[k] for k in ("total", "compatible", "incompatible", "unknown")} == {
            "total": 6,
            "compatible": 2,
            "incompatible": 4,
            "unknown": 0,
        }
        assert library.artifacts() == []

    def test_several_audio_streams(self, cli: Cli, library: Library) -> None:
        maps = ("-map", 0, "-map", 1, "-map", 1, "-c:v", "copy")
        languages = ("-metadata:s:a:0", "language=eng", "-metadata:s:a:1", "language=deu")
        add(library, "two.mkv", *maps, "-c:a:0", "aac", "-c:a:1", "ac3", *languages)
        found = row(cli("codecs", library.root, "--json"), "two.mkv")
        assert found["acodecs"] == ["aac", "ac3"]
        assert found["languages"] == ["eng", "deu"]
        assert "audio is ac3, not aac" in found["why"]

    def test_covers_and_data_are_no_video(self, cli: Cli, library: Library) -> None:
        library.add("covered.mp4")
        add(library, "clock.mov", "-map", 0, "-c", "copy", "-timecode", "01:00:00:00")
        library.add("sound_only.mp4")
        run = cli("codecs", library.root, "--json")
        covered = row(run, "covered.mp4")
        assert (covered["vcodec"], covered["compatible"]) == ("h264", True)
        assert covered["streams"] == {"picture": 1, "video": 1}
        assert row(run, "clock.mov")["streams"] == {"video": 1, "data": 1}
        sound = row(run, "sound_only.mp4")
        assert (sound["vcodec"], sound["acodecs"]) == (None, ["aac"])
        assert sound["why"] == ["has no video stream"]

    def test_text(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        library.add("mpeg4.avi")
        out = cli("codecs", library.root).out
        assert "mpeg4.avi: container is avi, not mp4; video is mpeg4, not h264" in out
        assert "2 videos: 1 compatible, 1 incompatible, 0 unknown" in out


class TestTargets:
    @pytest.mark.parametrize(
        ("clip", "codec"), [("hevc.mp4", "hevc"), ("av1.mp4", "av1"), ("short.mp4", "h264")]
    )
    def test_video(self, cli: Cli, library: Library, clip: str, codec: str) -> None:
        library.add(clip)
        for target in ("h264", "hevc", "vp9", "av1"):
            run = cli("codecs", library.root, "--target-v", target, "--json")
            assert row(run, clip)["compatible"] is (target == codec)
            assert run.json["target_v"] == target

    def test_audio(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        found = row(cli("codecs", library.root, "--target-a", "opus", "--json"), "numbered.mp4")
        assert found["why"] == ["audio is aac, not opus"]

    def test_profiles(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        for profiles, fits in (("high", True), ("Main,High", True), ("Main", False)):
            run = cli("codecs", library.root, "--allowed-profiles", profiles, "--json")
            assert row(run, "short.mp4")["compatible"] is fits

    def test_a_named_profile_of_ten_bits(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        deep = tmp_path / "deep.mp4"
        source = media.clip("one_frame.mp4", library.clips)
        media.ffmpeg("-i", source, "-c:v", "libx264", "-pix_fmt", "yuv420p10le", deep)
        library.add_bytes("deep.mp4", deep.read_bytes())
        for profiles, fits in (("High,High 10", True), ("High", False), ("", False)):
            run = cli("codecs", library.root, "--allowed-profiles", profiles, "--json")
            assert row(run, "deep.mp4")["compatible"] is fits

    def test_wrong_ones(self, cli: Cli, library: Library) -> None:
        assert cli("codecs", library.root, "--target-v", "cinepak").code == 2
        assert cli("codecs", library.root / "nowhere").code == 2


class TestSources:
    def test_fresh_metadata_is_believed(self, cli: Cli, library: Library, real_probe: None) -> None:
        library.add("short.mp4")
        cli("metadata", library.root)
        probed = cli("codecs", library.root, "--json").json
        path = library.artifact("short.mp4.ffprobe.json")
        path.write_text(path.read_text().replace('"h264"', '"h265x"'))
        assert row(cli("codecs", library.root, "--json"), "short.mp4")["vcodec"] == "h265x"
        library.make_newer(library.root / "short.mp4")
        assert cli("codecs", library.root, "--json").json == probed

    def test_a_stub_is_unknown(
        self, cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add("short.mp4")
        monkeypatch.setenv("FFPROBE_DISABLE", "1")
        cli("metadata", library.root)
        run = cli("codecs", library.root, "--json")
        assert run.code == 0
        assert row(run, "short.mp4")["compatible"] is None
        assert run.json["unknown"] == 1

    def test_a_probe_needs_no_program_and_writes_nothing(
        self, cli: Cli, library: Library, no_tools: None
    ) -> None:
        library.add("short.mp4")
        before = stamps(library.root)
        assert row(cli("codecs", library.root, "--json"), "short.mp4")["compatible"] is True
        assert stamps(library.root) == before

    def test_what_cannot_be_read(self, cli: Cli, library: Library) -> None:
        for clip in ("text.mp4", "empty.mp4", "cut_index.mp4", "short.mp4"):
            library.add(clip)
        run = cli("codecs", library.root, "--json")
        assert run.code == 1
        assert [bool(entry.get("error")) for entry in run.json["results"]] == [1, 1, 0, 1]
        assert len(run.err.splitlines()) == 3

    def test_more_than_a_batch(self, cli: Cli, library: Library) -> None:
        for number in range(CodecScan.BATCH + 3):
            library.add("one_frame.mp4", f"{number:03}.mp4")
        run = cli("codecs", library.root, "--json")
        names = [entry["video"] for entry in run.json["results"]]
        assert names == sorted(names)
        assert run.json["compatible"] == CodecScan.BATCH + 3
