"""`previews`: short clips of the right moments, all of them or none."""

from __future__ import annotations

import io
import itertools
import resource
from pathlib import Path
from typing import Any

import av
import pytest
from conftest import Cli
from support import ODD_NAMES, Library, media, run_process, stamps

from videolib.core.errors import VideoError
from videolib.media.clips import ClipEncoder, ClipFormat
from videolib.media.previews import clip_starts


def document(library: Library, name: str) -> dict[str, Any]:
    found: dict[str, Any] = library.json(f"{name}.previews.json")
    return found


def clip_files(library: Library, name: str) -> list[Path]:
    return sorted(library.artifact(f".{name}.previews").iterdir())


def stream_of(path: Path) -> dict[str, Any]:
    """What a decoder finds in a clip."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return {
            "codec": stream.codec_context.name,
            "pixels": stream.pix_fmt,
            "size": (stream.width, stream.height),
            "frames": len(frames),
            "matrix": frames[0].colorspace,
            "seconds": (container.duration or 0) / 1_000_000,
            "streams": len(container.streams),
        }


def two_seconds(library: Library) -> None:
    path = library.root / "two.mp4"
    media.encode(path, media.numbers(50), *media.H264)
    library.keep(path)


class TestClips:
    def test_nine_of_a_second_by_default(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        run = cli("previews", library.root, "--json")
        assert run.code == 0, run.err
        assert run.counts == {"made": 1}
        names = [path.name for path in clip_files(library, "numbered.mp4")]
        assert names == [f"seg_{number:02}.webm" for number in range(1, 10)]
        assert library.artifacts() == [".numbered.mp4.previews", "numbered.mp4.previews.json"]
        for place, segment in enumerate(document(library, "numbered.mp4")["segments"], 1):
            path = library.artifact(segment["file"])
            assert segment["start"] == pytest.approx(place, abs=1e-6)
            assert segment["duration"] == pytest.approx(1)
            assert segment["size"] == path.stat().st_size
            pictures = [picture for _, picture in media.decode(path)]
            assert media.number_of(pictures[0]) == place * 25
            assert media.number_of(pictures[-1]) == place * 25 + 24

    def test_what_players_need(self, cli: Cli, library: Library) -> None:
        library.add("bigbuckbunny.mp4")
        assert cli("previews", library.root, "--segments", 2).code == 0
        found = stream_of(clip_files(library, "bigbuckbunny.mp4")[0])
        assert found | {"seconds": 1} == {
            "codec": "libvpx-vp9" if found["codec"] == "libvpx-vp9" else "vp9",
            "pixels": "yuv420p",
            "size": (320, 180),
            "frames": 25,
            "matrix": 1,
            "seconds": 1,
            "streams": 1,
        }
        assert found["seconds"] == pytest.approx(1, abs=0.05)

    def test_mp4_has_its_index_in_front(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4")
        run = cli("previews", library.root, "--format", "mp4", "--width", 241, "--duration", 0.5)
        assert run.code == 0, run.err
        for path in clip_files(library, "bikes.mp4"):
            found = stream_of(path)
            assert (found["codec"], found["pixels"]) == ("h264", "yuv420p")
            assert found["size"][0] == 240
            content = path.read_bytes()
            assert 0 < content.index(b"moov") < content.index(b"mdat")

    @pytest.mark.slow
    def test_about_the_bitrate(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4")
        for rate, at_most in (("300k", 380), ("100k", 240)):
            cli("previews", library.root, "--bitrate", rate, "--force")
            size = sum(path.stat().st_size for path in clip_files(library, "bikes.mp4"))
            assert size * 8 / 9000 < at_most

    @pytest.mark.slow
    def test_crf(self, cli: Cli, library: Library) -> None:
        library.add("bikes.mp4")
        sizes = []
        for crf in (20, 60):
            cli("previews", library.root, "--crf", crf, "--bitrate", "3M", "--force")
            sizes.append(sum(path.stat().st_size for path in clip_files(library, "bikes.mp4")))
        assert sizes[0] > 2 * sizes[1]

    @pytest.mark.parametrize("duration", [0.03, 0.5, 1, 1.5, 2, 3, 5.5, 8.9, 9, 9.5, 10, 60, 7200])
    def test_clips_never_overlap(self, duration: float) -> None:
        starts = clip_starts(duration, 9, 1.0)
        assert 1 <= len(starts) <= 9
        assert starts == sorted(starts)
        assert all(b - a >= 1 - 1e-9 for a, b in itertools.pairwise(starts))
        assert starts[0] >= 0
        assert starts[-1] + min(1.0, duration) <= duration + 1e-9
        assert (len(starts) == 9) == (duration >= 9)

    def test_deciles(self) -> None:
        assert clip_starts(100, 9, 1.0) == pytest.approx([10 * n for n in range(1, 10)])

    def test_two_seconds_give_one(self, cli: Cli, library: Library) -> None:
        two_seconds(library)
        assert cli("previews", library.root).code == 0
        assert len(clip_files(library, "two.mp4")) == 1

    def test_one_frame(self, cli: Cli, library: Library) -> None:
        library.add("one_frame.mp4")
        assert cli("previews", library.root).code == 0
        (segment,) = document(library, "one_frame.mp4")["segments"]
        assert (segment["start"], segment["duration"]) == (0, pytest.approx(0.04, abs=0.01))

    def test_a_high_frame_rate_is_thinned(self, cli: Cli, library: Library) -> None:
        path = library.root / "fast.mp4"
        media.encode(path, media.numbers(240), *media.H264, fps=60)
        library.keep(path)
        cli("previews", library.root, "--segments", 2)
        assert [stream_of(path)["frames"] for path in clip_files(library, "fast.mp4")] == [30, 30]

    @pytest.mark.parametrize("clip", ["variable.mp4", "offset.mkv", "trimmed.mp4", "sparse.mp4"])
    def test_odd_timing(self, cli: Cli, library: Library, clip: str) -> None:
        video = library.add(clip)
        assert cli("previews", library.root, "--ext", "*", "--segments", 3).code == 0
        for segment in document(library, clip)["segments"]:
            path = library.artifact(segment["file"])
            first = next(picture for _, picture in media.decode(path))
            truth = media.frame_at(video, segment["start"])
            assert media.number_of(first) == media.number_of(truth)


class TestPictures:
    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_upright(self, cli: Cli, library: Library, degrees: int) -> None:
        library.add(f"turned_{degrees}.mp4")
        cli("thumbs,previews", library.root)
        (clip,) = clip_files(library, f"turned_{degrees}.mp4")
        shown = media.corners_of(next(picture for _, picture in media.decode(clip)))
        thumb = media.read_picture(library.artifact(f"turned_{degrees}.mp4.jpg"))
        assert shown == media.corners_of(thumb)
        assert stream_of(clip)["size"] == ((320, 568) if degrees != 180 else (320, 180))

    def test_square_pixels(self, cli: Cli, library: Library) -> None:
        library.add("anamorphic.mp4")
        cli("previews", library.root)
        assert stream_of(clip_files(library, "anamorphic.mp4")[0])["size"] == (320, 180)

    @pytest.mark.parametrize("clip", ["hdr10.mp4", "hlg.mp4", "full_range.mp4", "bt601.mp4"])
    def test_colours_are_the_thumbnail_s(self, cli: Cli, library: Library, clip: str) -> None:
        library.add(clip)
        cli("thumbs,previews", library.root, "--crf", 10, "--bitrate", "3M")
        thumb = media.patches_of(media.read_picture(library.artifact(f"{clip}.jpg")))
        with av.open(str(clip_files(library, clip)[0])) as container:
            frame = next(container.decode(video=0))
            picture = frame.to_ndarray(format="bgr24").astype("uint8")
        assert frame.color_trc == 1
        for name, colour in media.patches_of(picture).items():
            assert colour == pytest.approx(thumb[name], abs=14), name


class TestExtras:
    @pytest.mark.parametrize("kind", ["webm", "mp4"])
    def test_joined(self, cli: Cli, library: Library, kind: str) -> None:
        library.add("numbered.mp4")
        run = cli("previews", library.root, "--join", "--format", kind)
        assert run.code == 0, run.err
        joined = library.artifact(f"numbered.mp4.previews.{kind}")
        numbers = [media.number_of(picture) for _, picture in media.decode(joined)]
        assert numbers == list(range(25, 250))
        times = [time for time, _ in media.decode(joined)]
        assert times == pytest.approx([number / 25 for number in range(225)], abs=0.002)
        content = joined.read_bytes()
        assert kind == "webm" or content.index(b"moov") < content.index(b"mdat")

    def test_animated_picture(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        assert cli("previews", library.root, "--image", "webp").code == 0
        content = library.artifact("numbered.mp4.previews.webp").read_bytes()
        assert content[:4] + content[8:12] == b"RIFFWEBP"
        at = content.index(b"ANIM")
        assert content[at + 12 : at + 14] == b"\0\0"  # played for ever
        assert 60 <= content.count(b"ANMF") <= 90

    def test_no_index(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        assert cli("previews", library.root, "--no-index", "--json").counts == {"made": 1}
        assert library.artifacts() == [".short.mp4.previews", "short.mp4.previews.source.json"]
        assert cli("previews", library.root, "--no-index", "--json").counts == {"skipped": 1}
        assert cli("previews", library.root, "--json").counts == {"made": 1}
        assert library.artifacts() == [".short.mp4.previews", "short.mp4.previews.json"]

    def test_what_is_asked_for_later_is_made_later(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        cli("previews", library.root)
        assert cli("previews", library.root, "--json").counts == {"skipped": 1}
        assert cli("previews", library.root, "--join", "--json").counts == {"made": 1}
        assert cli("previews", library.root, "--json").counts == {"skipped": 1}

    def test_fewer_clips_leave_no_old_ones(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        cli("previews", library.root, "--duration", 0.2, "--join", "--format", "mp4")
        assert len(clip_files(library, "short.mp4")) == 9
        cli("previews", library.root, "--segments", 1, "--force")
        assert [path.name for path in clip_files(library, "short.mp4")] == ["seg_01.webm"]
        assert library.artifacts() == [".short.mp4.previews", "short.mp4.previews.json"]

    def test_another_video_under_the_name(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        cli("previews", library.root)
        library.add("still.mp4", "a.mp4")
        assert cli("report", library.root, "--json").json["stale"]["previews"] == 1
        assert cli("previews", library.root, "--json").counts == {"made": 1}

    def test_in_a_batch_with_its_cap(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("batch", library.root, "--tasks", "previews,thumbs", "--max-previews", 1)
        assert run.code == 0, run.err
        assert cli("report", library.root, "--json").json["counts"]["previews"] == 1


class TestBadInput:
    @pytest.mark.parametrize(
        ("clip", "reason"),
        [
            ("cut_data.mp4", "cut off"),
            ("cut_index.mp4", "not a readable video"),
            ("sound_only.mp4", "no video stream"),
            ("empty.mp4", "empty"),
            ("text.mp4", "not a readable video"),
        ],
    )
    def test_all_or_nothing(self, cli: Cli, library: Library, clip: str, reason: str) -> None:
        library.add(clip)
        library.add("short.mp4")
        run = cli("previews", library.root, "--join", "--json")
        assert run.code == 1
        assert reason in run.failure(clip)
        assert run.counts == {"made": 1, "failed": 1}
        assert not [name for name in library.artifacts() if clip in name]

    def test_a_failure_keeps_the_old_ones(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4", "a.mp4")
        cli("previews", library.root)
        before = stamps(library.root / ".artifacts")
        library.add("cut_data.mp4", "a.mp4")
        assert cli("previews", library.root).code == 1
        assert stamps(library.root / ".artifacts") == before

    @pytest.mark.slow
    def test_a_disk_that_takes_no_more(self, library: Library) -> None:
        library.add("numbered.mp4")
        run_process("previews", library.root)
        before = stamps(library.root)
        limit = (1024, 1024)
        run = run_process(
            "previews",
            library.root,
            "--force",
            "--json",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        )
        assert run.code == 1, run.err
        assert "Traceback" not in run.err
        assert stamps(library.root) == before

    def test_a_cover_is_no_video(self, cli: Cli, library: Library) -> None:
        library.add("covered.mp4")
        cli("previews", library.root, "--segments", 1)
        (clip,) = clip_files(library, "covered.mp4")
        assert media.number_of(next(picture for _, picture in media.decode(clip))) >= 0

    def test_names(self, cli: Cli, library: Library) -> None:
        for name in ODD_NAMES:
            library.add("one_frame.mp4", name)
        run = cli("previews", library.root, "--json")
        assert run.code == 0, run.err
        assert run.counts == {"made": len(ODD_NAMES)}

    def test_a_missing_encoder_is_told(self) -> None:
        with pytest.raises(VideoError, match=r"libnothing.*pip install"):
            ClipEncoder(ClipFormat("mp4", "libnothing", {}), (64, 64), 25)

    def test_no_ffmpeg_needed(self, cli: Cli, library: Library, no_tools: None) -> None:
        library.add("short.mp4")
        assert cli("previews", library.root).code == 0

    @pytest.mark.parametrize(
        ("flag", "value"),
        [
            ("--segments", "0"),
            ("--duration", "0"),
            ("--width", "8"),
            ("--format", "avi"),
            ("--crf", "64"),
            ("--bitrate", "much"),
            ("--bitrate", "0k"),
            ("--image", "gif"),
        ],
    )
    def test_wrong_values(self, cli: Cli, library: Library, flag: str, value: str) -> None:
        run = cli("previews", library.root, flag, value)
        assert run.code == 2
        assert flag in run.err


def test_a_clip_starts_with_a_keyframe(cli: Cli, library: Library) -> None:
    library.add("short.mp4")
    cli("previews", library.root, "--join", "--format", "mp4")
    content = library.artifact("short.mp4.previews.mp4").read_bytes()
    with av.open(io.BytesIO(content), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert packets[0].is_keyframe
    decoding = [packet.dts for packet in packets if packet.dts is not None]
    assert all(a < b for a, b in itertools.pairwise(decoding))
