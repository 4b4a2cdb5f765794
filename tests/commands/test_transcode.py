"""Transcode: what is decided on a source, what the output holds, and what is done only once."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from conftest import Cli
from support import ODD_NAMES, Library, Run, command, digest, media, run_cli, stamps

from videolib.core.errors import VideoError, attempt
from videolib.core.files import file_identity
from videolib.media.codecs import misfits
from videolib.media.encoders import choose_encoder
from videolib.media.targets import TranscodeTarget
from videolib.media.transcode_names import assigned_names
from videolib.media.transcode_plan import plan_stream
from videolib.storage.publishing import OutputFile

QUICK = ("--preset", "ultrafast")
SUBTITLES = "1\n00:00:00,500 --> 00:00:01,000\nHello\n\n2\n00:00:01,200 --> 00:00:01,900\nWorld\n"
CHAPTERS = """;FFMETADATA1
title=The film
artist=Somebody
[CHAPTER]
TIMEBASE=1/1000
START=0
END=1000
title=One
[CHAPTER]
TIMEBASE=1/1000
START=1000
END=2000
title=Two
"""


class Outputs:
    """The folder that transcode writes to, and the command that does."""

    def __init__(self, library: Library, root: Path) -> None:
        self.library, self.root = library, root

    def __call__(self, *flags: object) -> Run:
        place = (self.library.root, self.root)
        return run_cli("transcode", *place, "--json", *QUICK, *flags)

    def names(self) -> list[str]:
        """Everything that stands under a final name, the sidecars left out."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        inside = (path.relative_to(self.root) for path in found)
        return sorted(str(path) for path in inside if ".artifacts" not in path.parts)

    def scratches(self) -> list[str]:
        return [path.name for path in self.root.rglob(".tmp-*")]


@pytest.fixture
def outputs(library: Library, tmp_path: Path) -> Iterator[Outputs]:
    """An output folder; in the end no scratch file is in it and no sidecar among the sources."""
    outputs = Outputs(library, tmp_path / "out")
    yield outputs
    assert outputs.scratches() == []
    assert library.artifacts() == []


def only(run: Run) -> dict[str, Any]:
    """The single action of a run."""
    assert len(run.json["actions"]) == 1, run.json
    action: dict[str, Any] = run.json["actions"][0]
    return action


def statuses(run: Run) -> dict[str, str]:
    return {action["video"]: action["status"] for action in run.json["actions"]}


def streams(path: Path) -> list[tuple[str, str]]:
    """Type and codec of every stream."""
    with av.open(str(path)) as container:
        return [
            (s.type, s.codec_context.name if s.codec_context else "-") for s in container.streams
        ]


def packets(path: Path, kind: str) -> list[bytes]:
    """The compressed data of the first stream of a type."""
    with av.open(str(path)) as container:
        stream = next(s for s in container.streams if s.type == kind)
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def nal_sizes(path: Path) -> list[int]:
    return [len(data) for data in packets(path, "video")]


Make = Callable[..., Path]


@pytest.fixture
def make(library: Library) -> Make:
    """Makes a video in the library with ffmpeg: two seconds of numbered pictures, then options."""

    def build(name: str, *options: object, inputs: tuple[object, ...] = ()) -> Path:
        source = media.clip("short.mp4", library.clips)
        path = library.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        media.ffmpeg("-t", 2, "-i", source, *inputs, *options, path)
        return library.keep(path)

    return build


@pytest.fixture
def rich(make: Make, tmp_path: Path) -> Path:
    """A Matroska file with two languages, subtitles, chapters and tags."""
    (tmp_path / "sub.srt").write_text(SUBTITLES)
    (tmp_path / "chapters.txt").write_text(CHAPTERS)
    sine = ("-f", "lavfi", "-i", "sine=frequency=440:duration=2")
    inputs = (*sine, *sine, "-i", tmp_path / "sub.srt", "-i", tmp_path / "chapters.txt")
    maps = [part for number in range(4) for part in ("-map", number)]
    codecs = ("-c:v", "copy", "-c:a:0", "aac", "-c:a:1", "libopus", "-c:s", "srt")
    tags = ("-metadata:s:a:0", "language=fre", "-metadata:s:a:0", "title=Director")
    more = ("-metadata:s:a:1", "language=en", "-metadata:s:s:0", "language=ger")
    return make("rich.mkv", *maps, "-map_metadata", 4, *codecs, *tags, *more, inputs=inputs)


class TestPlan:
    def test_a_dry_run_tells_all_and_makes_nothing(self, outputs: Outputs, rich: Path) -> None:
        outputs.library.add("short.mp4")
        run = outputs("--dry-run")
        assert run.code == 0
        assert run.json["dry_run"] is True
        assert statuses(run) == {"rich.mkv": "planned", "short.mp4": "skipped"}
        planned = run.json["actions"][0]
        assert planned["reasons"] == ["container is matroska, not mp4", "audio is opus, not aac"]
        assert planned["effort"] > 0
        assert planned["output"] == str(outputs.root / "rich.mp4")
        assert not outputs.root.exists()

    @pytest.mark.parametrize(
        ("clip", "flags", "reasons"),
        [
            ("short.mp4", [], []),
            ("numbered.mp4", [], []),
            ("covered.mp4", [], []),
            ("h264.mkv", [], ["container is matroska, not mp4"]),
            ("mpeg4.avi", [], ["container is avi, not mp4", "video is mpeg4, not h264"]),
            ("short.mp4", ["--target-v", "hevc"], ["video is h264, not hevc"]),
            ("hevc.mp4", ["--target-v", "hevc"], []),
            ("hdr10.mp4", ["--target-v", "hevc"], []),
            ("av1.mp4", ["--target-v", "av1"], []),
            ("numbered.mp4", ["--target-a", "mp3"], ["audio is aac, not mp3"]),
        ],
    )
    def test_reasons(
        self, outputs: Outputs, clip: str, flags: list[str], reasons: list[str]
    ) -> None:
        outputs.library.add(clip)
        action = only(outputs("--dry-run", *flags))
        assert action["reasons"] == (reasons or ["compatible"])
        assert action["status"] == ("planned" if reasons else "skipped")

    def test_misfits_of_nothing_known(self) -> None:
        assert misfits({}) == ["container is unknown, not mp4", "has no video stream"]

    def test_allowed_profiles(self) -> None:
        stream = {"codec_type": "video", "codec_name": "h264", "profile": "High"}
        about = {"format_name": "mov,mp4", "tags": {"major_brand": "isom"}}
        metadata = {"format": about, "streams": [stream]}
        assert misfits(metadata, profiles=["high", "main"]) == []
        assert misfits(metadata, profiles=["Main"]) == ["video profile is High, not Main"]


class TestCommandLine:
    def test_a_single_place_is_the_destination(
        self, cli: Cli, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add("h264.mkv")
        monkeypatch.chdir(library.root)
        assert cli("transcode", "../out").code == 0
        assert (tmp_path / "out" / "h264.mp4").exists()

    def test_flags_may_stand_between_the_places(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        library.add("h264.mkv", "sub/deep.mkv")
        assert cli("transcode", library.root, "-r", tmp_path / "out").code == 0
        assert (tmp_path / "out" / "sub" / "deep.mp4").exists()

    def test_a_destination_is_needed(self, cli: Cli) -> None:
        run = cli("transcode")
        assert run.code == 2
        assert "DEST" in run.err

    @pytest.mark.parametrize("place", ["", "inside/deep", "link", "link/deep", "../videos"])
    def test_among_the_sources_is_refused(self, cli: Cli, library: Library, place: str) -> None:
        library.add("h264.mkv")
        (library.root.parent / "link").symlink_to(library.root)
        dest = library.root.parent / place if place.startswith("link") else library.root / place
        before = sorted(library.root.rglob("*"))
        run = cli("transcode", library.root, dest)
        assert run.code == 2
        assert "inside" in run.err
        assert sorted(library.root.rglob("*")) == before

    def test_a_folder_that_leads_back_is_refused(self, outputs: Outputs) -> None:
        outputs.library.add("h264.mkv", "sub/a.mkv")
        outputs.root.mkdir()
        (outputs.root / "sub").symlink_to(outputs.library.root)
        run = outputs("-r", "--force")
        assert run.code == 2
        assert "leads into" in run.err

    @pytest.mark.parametrize("link", [os.link, os.symlink])
    def test_an_output_that_is_the_source_is_refused(
        self, outputs: Outputs, link: Callable[[Path, Path], None]
    ) -> None:
        source = outputs.library.add("vp9.webm", "a.mp4")
        outputs.root.mkdir()
        link(source, outputs.root / "a.mp4")
        run = outputs("--force")
        assert run.code == 2
        assert "is the source" in run.err

    def test_quality_out_of_range(self, outputs: Outputs) -> None:
        assert outputs("--crf", 60).code == 2
        assert outputs("--crf", 60, "--target-v", "vp9").code == 0

    def test_hardware_that_is_not_there(self, outputs: Outputs) -> None:
        outputs.library.add("h264.mkv")
        run = outputs("--hardware", "nvenc" if sys.platform == "darwin" else "videotoolbox")
        assert run.code == 1
        assert "what works here: --hardware none" in run.err
        assert outputs.names() == []

    def test_an_encoder_that_works_is_tried_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By each file of ffmpeg; one that fails is tried again: a later run may do better."""
        program, tries = tmp_path / "ffmpeg", tmp_path / "tries"
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

        def tries_of_two(end: str) -> int:
            program.write_text(f"#!/bin/sh\necho >> {tries}\n{end}\n")
            program.chmod(0o755)
            tries.write_text("")
            for _ in range(2):
                attempt(choose_encoder, "h264", "aac", "none")
            return len(tries.read_text())

        assert tries_of_two("exit 0") == 1
        assert tries_of_two("exit 0 # another") == 1
        assert tries_of_two("exit 1") > 2

    @pytest.mark.slow
    def test_hardware_auto_takes_what_works(self, outputs: Outputs) -> None:
        outputs.library.add("mpeg4.avi")
        run = outputs("--hardware", "auto")
        assert run.code == 0, run.err
        assert "encoding with" in run.err
        assert outputs.names() == ["mpeg4.mp4"]


class TestOutput:
    def test_everything_survives(self, outputs: Outputs, rich: Path) -> None:
        """Languages, titles, chapters, tags and subtitles; fitting streams are copied."""
        run = outputs()
        assert run.code == 0, run.err
        output = outputs.root / "rich.mp4"
        kinds = [entry for entry in streams(output) if entry[0] != "data"]
        assert kinds == [
            ("video", "h264"),
            ("audio", "aac"),
            ("audio", "aac"),
            ("subtitle", "mov_text"),
        ]
        with av.open(str(output)) as container:
            tags = [s.metadata for s in container.streams]
            assert [t.get("language") for t in tags[1:4]] == ["fre", "eng", "ger"]
            assert tags[1]["handler_name"] == "Director"
            assert container.metadata["title"] == "The film"
            assert container.metadata["artist"] == "Somebody"
            assert [c["metadata"]["title"] for c in container.chapters()] == ["One", "Two"]
        assert nal_sizes(output) == nal_sizes(rich)
        assert packets(output, "audio") == packets(rich, "audio")
        assert list(map(round_pair, numbers(output))) == list(map(round_pair, numbers(rich)))

    def test_remux_when_only_the_container_is_wrong(self, outputs: Outputs) -> None:
        source = outputs.library.add("h264.mkv")
        assert only(outputs())["work"] == "remux"
        assert nal_sizes(outputs.root / "h264.mp4") == nal_sizes(source)

    @pytest.mark.parametrize(
        ("codec", "tag"), [("h264", "avc1"), ("hevc", "hvc1"), ("vp9", "vp09"), ("av1", "av01")]
    )
    def test_encodes_to_each_codec(self, outputs: Outputs, codec: str, tag: str) -> None:
        outputs.library.add("mpeg4.avi")
        run = outputs("--target-v", codec)
        assert run.code == 0, run.err
        output = outputs.root / "mpeg4.mp4"
        with av.open(str(output)) as container:
            assert container.streams.video[0].codec_tag == tag
        assert [number for _, number in numbers(output)] == list(range(75))

    @pytest.mark.parametrize("codec", ["aac", "mp3", "opus", "ac3", "eac3", "alac"])
    def test_encodes_to_each_sound(self, outputs: Outputs, make: Make, codec: str) -> None:
        sine = ("-f", "lavfi", "-i", "sine=duration=2")
        surround = ("-af", "pan=5.1(side)|c0=c0|c1=c0", "-c:a", "pcm_s16le")
        make("sound.mkv", "-map", 0, "-map", 1, "-c:v", "copy", *surround, inputs=sine)
        run = outputs("--target-a", codec)
        assert run.code == 0, run.err
        with av.open(str(outputs.root / "sound.mp4")) as container:
            assert container.streams.audio[0].codec.canonical_name == codec

    @pytest.mark.slow
    def test_uneven_frames_stay_uneven(self, outputs: Outputs) -> None:
        source = outputs.library.add("variable.mp4")
        assert outputs("--target-v", "hevc").code == 0
        was, now = list(numbers(source)), list(numbers(outputs.root / "variable.mp4"))
        assert [number for _, number in now] == [number for _, number in was]
        assert [time for time, _ in now] == pytest.approx([time for time, _ in was], abs=0.002)

    @pytest.mark.parametrize("clip", ["turned_90.mp4", "turned_180.mp4", "turned_270.mp4"])
    @pytest.mark.parametrize("flags", [["--force"], ["--target-v", "hevc"]])
    def test_rotation(self, cli: Cli, outputs: Outputs, clip: str, flags: list[str]) -> None:
        """Copied or encoded, the picture that is seen is the same."""
        source = outputs.library.add(clip)
        assert outputs(*flags).code == 0
        assert seen(cli, outputs.root / clip) == seen(cli, source)

    @pytest.mark.parametrize("clip", ["bt601.mp4", "bt709.mp4", "full_range.mp4"])
    @pytest.mark.parametrize("codec", ["hevc", "vp9"])
    def test_colours(self, cli: Cli, outputs: Outputs, clip: str, codec: str) -> None:
        outputs.library.add(clip)
        assert outputs("--target-v", codec, "--crf", 15).code == 0
        colours = media.patches_of(thumbnail(cli, outputs.root / clip))
        for name, colour in media.PATCHES.items():
            assert colours[name] == pytest.approx(colour, abs=8), name
        tags = ("color_primaries", "color_trc", "colorspace", "color_range")
        was, now = (picture_stream(path / clip) for path in (outputs.library.root, outputs.root))
        assert [now[tag] for tag in tags] == [was[tag] for tag in tags]

    def test_anamorphic(self, outputs: Outputs) -> None:
        outputs.library.add("anamorphic.mp4")
        assert outputs("--target-v", "hevc").code == 0
        with av.open(str(outputs.root / "anamorphic.mp4")) as container:
            assert container.streams.video[0].display_aspect_ratio == Fraction(16, 9)

    def test_interlacing_is_resolved(self, outputs: Outputs) -> None:
        source = outputs.library.add("interlaced.mp4")
        assert outputs("--target-v", "hevc").code == 0
        combed, smooth = (
            media.combing(media.frame_at(path, 0.4))
            for path in (source, outputs.root / "interlaced.mp4")
        )
        assert smooth < combed / 4

    def test_odd_sizes(self, outputs: Outputs, make: Make) -> None:
        make("odd.mkv", "-vf", "scale=319:179:flags=neighbor,format=yuv444p", "-c:v", "ffv1")
        run = outputs("--allow-codecs", "ffv1")
        assert run.code == 0, run.err
        picture = media.frame_at(outputs.root / "odd.mp4", 1.0)
        assert picture.shape == (178, 318, 3)
        assert media.number_of(picture) == 25

    @pytest.mark.parametrize("clip", ["hdr10.mp4", "hlg.mp4"])
    def test_hdr_is_tone_mapped_for_h264(self, cli: Cli, outputs: Outputs, clip: str) -> None:
        outputs.library.add(clip)
        run = outputs("--crf", 10)
        assert run.code == 0, run.err
        stream = picture_stream(outputs.root / clip)
        assert (stream["pix_fmt"], stream["color_trc"]) == ("yuv420p", 1)
        colours = media.patches_of(thumbnail(cli, outputs.root / clip))
        assert min(colours["white"]) > 150
        assert colours["red"][2] > 2 * colours["red"][0]
        assert max(colours["black"]) < 20

    def test_hdr_stays_with_hevc(self, outputs: Outputs, library: Library) -> None:
        media.ffmpeg(
            "-i", media.clip("hdr10.mp4", library.clips), "-c", "copy", library.root / "hdr.mkv"
        )
        assert outputs("--target-v", "hevc", "--no-copy-fitting").code == 0
        stream = picture_stream(outputs.root / "hdr.mp4")
        assert stream["pix_fmt"] == "yuv420p10le"
        assert (stream["color_primaries"], stream["color_trc"], stream["colorspace"]) == (9, 16, 9)
        assert "MASTERING_DISPLAY_METADATA" in stream["side_data"]

    def test_eight_bits_stay_eight_whatever_the_format_is_called(
        self, outputs: Outputs, library: Library
    ) -> None:
        raw = ("-c:v", "rawvideo", "-pix_fmt", "nv12")
        source = ("-f", "lavfi", "-i", "testsrc=duration=0.2:size=64x64:rate=10")
        media.ffmpeg(*source, *raw, library.root / "nv12.avi")
        assert outputs("--target-v", "hevc").code == 0
        assert picture_stream(outputs.root / "nv12.mp4")["pix_fmt"] == "yuv420p"

    def test_hdr_on_demand(self, outputs: Outputs) -> None:
        outputs.library.add("hdr10.mp4")
        assert outputs("--target-v", "hevc", "--hdr", "tonemap").code == 0
        assert picture_stream(outputs.root / "hdr10.mp4")["color_trc"] == 1
        assert outputs("--hdr", "keep", "--force").code == 0
        stream = picture_stream(outputs.root / "hdr10.mp4")
        assert (stream["pix_fmt"], stream["color_trc"]) == ("yuv420p10le", 16)

    def test_subtitles(self, outputs: Outputs, rich: Path) -> None:
        action = only(outputs("--drop-subtitles"))
        assert "subtitles were not wanted" in action["left_out"][0]
        assert "subtitle" not in dict(streams(outputs.root / "rich.mp4"))

    def test_what_mp4_cannot_hold_is_told(self, outputs: Outputs, make: Make, cli: Cli) -> None:
        """Picture subtitles, covers, attachments."""
        canvas = ("-f", "lavfi", "-i", "color=white:s=64x36:d=1:r=1")
        source = media.clip("covered.mp4", outputs.library.clips)
        attach = ("-attach", __file__, "-metadata:s:t", "mimetype=text/plain")
        maps = ("-map", 0, "-map", "1:v:0", "-c", "copy", *attach)
        make("much.mkv", *maps, inputs=("-i", source, *canvas))
        run = cli("transcode", outputs.library.root, outputs.root)
        assert run.code == 0, run.err
        assert "left out: stream" in run.out
        assert "MP4 cannot hold" in run.out

    def test_picture_subtitles_are_named(self) -> None:
        stream = {"index": 3, "codec_type": "subtitle", "codec_name": "hdmv_pgs_subtitle"}
        plan = plan_stream(stream | {"tags": {"language": "jpn"}}, TranscodeTarget())
        assert str(plan) == (
            "stream 3 (hdmv_pgs_subtitle, jpn): picture subtitles, which MP4 cannot hold"
        )

    @pytest.mark.slow
    def test_bit_rates(self, outputs: Outputs) -> None:
        outputs.library.add("bikes.mp4")
        assert outputs("--target-v", "hevc", "--v-bitrate", "100k").code == 0
        assert (outputs.root / "bikes.mp4").stat().st_size * 8 / 10 == pytest.approx(1e5, rel=0.3)

    @pytest.mark.parametrize("name", ODD_NAMES)
    def test_odd_names(self, outputs: Outputs, name: str) -> None:
        outputs.library.add("h264.mkv", name)
        run = outputs()
        assert run.code == 0, run.err
        made = Path(name).with_suffix(".mp4").name
        assert made in [path.name for path in outputs.root.iterdir()]

    @pytest.mark.slow
    def test_a_real_clip_looks_the_same(self, outputs: Outputs) -> None:
        source = outputs.library.add("bikes.mp4")
        assert outputs("--target-v", "hevc", "--crf", 20).code == 0
        for time in (0.5, 4.0, 9.5):
            was, now = (media.frame_at(path, time) for path in (source, outputs.root / "bikes.mp4"))
            assert media.difference(was, now) < 5


class TestOnce:
    def test_a_finished_output_is_recognized(self, outputs: Outputs) -> None:
        outputs.library.add("h264.mkv")
        assert only(outputs())["status"] == "made"
        before = stamps(outputs.root)
        again = only(outputs())
        assert (again["status"], again["reasons"]) == ("skipped", ["done before"])
        assert stamps(outputs.root) == before

    @pytest.mark.slow
    def test_the_next_run_makes_what_is_missing(self, outputs: Outputs) -> None:
        for name in ("a.mkv", "b.mkv"):
            outputs.library.add("h264.mkv", name)
        assert outputs().code == 0
        (outputs.root / "a.mp4").unlink()
        assert statuses(outputs()) == {"a.mkv": "made", "b.mkv": "skipped"}

    def test_a_record_without_output_counts_for_nothing(self, outputs: Outputs) -> None:
        """As it is when the program was killed between the two."""
        outputs.library.add("h264.mkv")
        outputs()
        (outputs.root / "h264.mp4").write_bytes(b"half")
        run = outputs()
        assert only(run)["status"] == "failed"
        assert (outputs.root / "h264.mp4").read_bytes() == b"half"

    def test_a_stranger_is_never_touched(self, outputs: Outputs) -> None:
        outputs.library.add("h264.mkv")
        outputs.root.mkdir()
        stranger = outputs.root / "h264.mp4"
        stranger.write_bytes(b"precious")
        run = outputs()
        assert run.code == 1
        assert "--force replaces it" in run.err
        assert stranger.read_bytes() == b"precious"
        assert outputs("--force").code == 0
        assert stranger.stat().st_size > 1000

    def test_a_stranger_that_comes_meanwhile(self, tmp_path: Path) -> None:
        scratch, target = tmp_path / "scratch", tmp_path / "target"
        scratch.write_bytes(b"ours")
        target.write_bytes(b"precious")
        with pytest.raises(VideoError, match="appeared meanwhile"):
            OutputFile(scratch, target).publish()
        assert target.read_bytes() == b"precious"

    def test_only_the_file_that_was_looked_at_is_replaced(self, tmp_path: Path) -> None:
        scratch, target = tmp_path / "scratch", tmp_path / "target"
        scratch.write_bytes(b"ours")
        target.write_bytes(b"earlier")
        product = OutputFile(scratch, target, replaceable=file_identity(target.stat()))
        target.write_bytes(b"precious")
        with pytest.raises(VideoError, match="appeared meanwhile"):
            product.publish()
        assert target.read_bytes() == b"precious"
        product._replace(replaceable=file_identity(target.stat())).publish()
        assert target.read_bytes() == b"ours"

    @pytest.mark.slow
    def test_other_parameters_make_it_again(self, outputs: Outputs) -> None:
        """What this program made is replaced, and once it was, it is skipped."""
        outputs.library.add("mpeg4.avi")
        outputs()
        before = digest(outputs.root / "mpeg4.mp4")
        assert only(outputs("--crf", 40, "--dry-run"))["status"] == "planned"
        assert digest(outputs.root / "mpeg4.mp4") == before
        assert only(outputs("--crf", 40))["status"] == "made"
        assert digest(outputs.root / "mpeg4.mp4") != before
        assert only(outputs("--crf", 40))["status"] == "skipped"
        assert outputs.names() == ["mpeg4.mp4"]

    @pytest.mark.slow
    def test_another_source_makes_it_again(self, outputs: Outputs) -> None:
        """Also one that is older than the output and than the source before it."""
        source = outputs.library.add("mpeg4.avi", "a.avi")
        outputs()
        outputs.library.forget(source)
        os.utime(outputs.library.add("h264.mkv", "a.avi"), (1_000_000_000, 1_000_000_000))
        assert only(outputs())["work"] == "remux"
        assert (outputs.root / "a.mp4").stat().st_mtime == 1_000_000_000
        assert only(outputs())["status"] == "skipped"

    @pytest.mark.slow
    @pytest.mark.parametrize("change", ["replaced", "edited"])
    def test_what_somebody_put_in_its_place_stays(self, outputs: Outputs, change: str) -> None:
        """Whatever its size: an edit in place may keep that, but not the time of the source."""
        os.utime(outputs.library.add("mpeg4.avi"), (1_000_000_000, 1_000_000_000))
        outputs()
        output = outputs.root / "mpeg4.mp4"
        content = output.read_bytes()
        output.write_bytes(b"precious" if change == "replaced" else content[:-1] + b"!")
        before = stamps(outputs.root)
        run = outputs("--crf", 40)
        assert (run.code, only(run)["status"]) == (1, "failed")
        assert "--force replaces it" in run.err
        assert stamps(outputs.root) == before
        assert only(outputs("--crf", 40, "--force"))["status"] == "made"

    @pytest.mark.slow
    def test_an_output_of_an_earlier_version_is_known(self, outputs: Outputs) -> None:
        """Its record has no time of the output, and that was the time of encoding."""
        outputs.library.add("mpeg4.avi")
        outputs()
        place = outputs.root / ".artifacts" / "mpeg4.avi.transcode.json"
        record = json.loads(place.read_text())
        del record["output_mtime_ns"]
        place.write_text(json.dumps(record))
        os.utime(outputs.root / "mpeg4.mp4")
        assert only(outputs())["status"] == "skipped"
        assert only(outputs("--crf", 40))["status"] == "made"

    @pytest.mark.slow
    def test_what_was_to_be_replaced_is_known_after_an_interruption(self, outputs: Outputs) -> None:
        """Between the new record and the new output the old output is still this program's own."""
        outputs.library.add("mpeg4.avi")
        outputs()
        output = outputs.root / "mpeg4.mp4"
        old = output.read_bytes(), output.stat().st_mtime_ns
        outputs("--crf", 40)
        output.write_bytes(old[0])
        os.utime(output, ns=(old[1], old[1]))
        assert only(outputs("--crf", 40))["status"] == "made"
        assert output.read_bytes() != old[0]

    @pytest.mark.slow
    def test_a_discarded_one_leaves_the_earlier_to_this_program(self, outputs: Outputs) -> None:
        outputs.library.add("mpeg4.avi")
        outputs()
        kept = digest(outputs.root / "mpeg4.mp4")
        assert only(outputs("--crf", 0, "--min-saving", "99%"))["status"] == "discarded"
        assert digest(outputs.root / "mpeg4.mp4") == kept
        assert only(outputs("--crf", 40))["status"] == "made"
        assert digest(outputs.root / "mpeg4.mp4") != kept

    @pytest.mark.slow
    def test_force_copies_what_is_compatible(self, outputs: Outputs) -> None:
        source = outputs.library.add("numbered.mp4")
        assert only(outputs())["status"] == "skipped"
        assert only(outputs("--force"))["work"] == "remux"
        assert nal_sizes(outputs.root / "numbered.mp4") == nal_sizes(source)
        assert only(outputs("--force", "--no-copy-fitting"))["work"] == (
            "encode video, encode audio"
        )

    def test_too_little_saving_is_remembered(self, outputs: Outputs) -> None:
        outputs.library.add("h264.mkv")
        first = only(outputs("--min-saving", "10%"))
        assert first["status"] == "discarded"
        assert outputs.names() == []
        before = stamps(outputs.root)
        again = only(outputs("--min-saving", "10%"))
        assert again["status"] == "skipped"
        assert "discarded before" in again["reasons"][0]
        assert stamps(outputs.root) == before
        assert only(outputs())["status"] == "made"

    @pytest.mark.slow
    def test_enough_saving_is_published(self, outputs: Outputs) -> None:
        outputs.library.add("bikes.mp4")
        action = only(outputs("--target-v", "hevc", "--crf", 40, "--min-saving", "10%"))
        assert action["status"] == "made"
        assert action["saving"] > 0.1

    def test_the_record(self, outputs: Outputs) -> None:
        source = outputs.library.add("h264.mkv", "sub/a.mkv")
        assert outputs("-r").code == 0
        place = outputs.root / "sub" / ".artifacts" / "a.mkv.transcode.json"
        record = json.loads(place.read_text())
        assert record["source"]["size"] == source.stat().st_size
        assert record["output"] == "a.mp4"
        assert record["params"]["target_v"] == "h264"


class TestNames:
    """Videos of a folder that differ only in their extensions."""

    @pytest.fixture
    def twins(self, outputs: Outputs) -> Outputs:
        outputs.library.add("h264.mkv", "a.mkv")
        outputs.library.add("mpeg4.avi", "a.avi")
        return outputs

    def outputs_of(self, run: Run) -> dict[str, str]:
        assert run.code == 0, run.err
        return {a["video"]: Path(a["output"]).name for a in run.json["actions"] if "output" in a}

    @pytest.mark.slow
    def test_each_has_a_name_of_its_own(self, twins: Outputs) -> None:
        twins.library.add("h264.mkv", "b.mkv")
        names = {"a.avi": "a.mp4", "a.mkv": "a.mkv.mp4", "b.mkv": "b.mp4"}
        run = twins()
        assert self.outputs_of(run) == names
        assert set(statuses(run).values()) == {"made"}
        assert twins.names() == sorted(names.values())
        again = twins()
        assert self.outputs_of(again) == names
        assert set(statuses(again).values()) == {"skipped"}

    @pytest.mark.slow
    @pytest.mark.parametrize("flag", ["--only", "--ext"])
    def test_the_order_does_not_matter(self, twins: Outputs, flag: str) -> None:
        """Nor whether the other one is among the videos of the run; `.ext` tells of a record."""
        first, second = ("a.mkv", "a.avi") if flag == "--only" else (".avi", ".mkv")
        names = {"a.avi": "a.mp4", "a.mkv": "a.mkv.mp4"}
        assert self.outputs_of(twins(flag, first)).items() <= names.items()
        assert self.outputs_of(twins(flag, second)).items() <= names.items()
        assert self.outputs_of(twins()) == names

    @pytest.mark.slow
    def test_a_name_stays_when_others_come_and_go(self, twins: Outputs) -> None:
        hidden = twins.library.root / "a.avi"
        content = hidden.read_bytes()
        twins.library.forget(hidden)
        hidden.unlink()
        assert self.outputs_of(twins()) == {"a.mkv": "a.mp4"}
        twins.library.add_bytes("a.avi", content)
        assert self.outputs_of(twins()) == {"a.mkv": "a.mp4", "a.avi": "a.avi.mp4"}
        twins.library.forget(twins.library.root / "a.mkv")
        (twins.library.root / "a.mkv").unlink()
        assert self.outputs_of(twins("--crf", 40)) == {"a.avi": "a.avi.mp4"}
        assert twins.names() == ["a.avi.mp4", "a.mp4"]

    @pytest.mark.slow
    def test_a_video_that_is_called_like_its_output_comes_first(self, twins: Outputs) -> None:
        twins.library.add("numbered.mp4", "a.mp4")
        run = twins("--target-v", "hevc")
        assert self.outputs_of(run) == {
            "a.avi": "a.avi.mp4",
            "a.mkv": "a.mkv.mp4",
            "a.mp4": "a.mp4",
        }

    def test_a_name_that_another_has_already(self, twins: Outputs) -> None:
        """An output's second choice may be what another video is called."""
        twins.library.add("vp9.webm", "a.mkv.mp4")
        assert self.outputs_of(twins()) == {
            "a.avi": "a.mp4",
            "a.mkv": "a.mkv-2.mp4",
            "a.mkv.mp4": "a.mkv.mp4",
        }

    def test_folders_are_apart(self, twins: Outputs) -> None:
        twins.library.add("h264.mkv", "sub/a.mkv")
        run = twins("-r", "--dry-run")
        places = {a["video"]: a["output"] for a in run.json["actions"]}
        assert places["sub/a.mkv"] == str(twins.root / "sub" / "a.mp4")
        assert places["a.mkv"] == str(twins.root / "a.mkv.mp4")

    @pytest.mark.parametrize(
        ("names", "recorded", "expected"),
        [
            ("a.ts a.mkv", {}, {"a.mkv": "a.mp4", "a.ts": "a.ts.mp4"}),
            ("a.ts a.mkv", {"a.ts": "a.mp4"}, {"a.mkv": "a.mkv.mp4", "a.ts": "a.mp4"}),
            ("a.ts", {"gone": "a.mp4"}, {"a.ts": "a.ts.mp4", "gone": "a.mp4"}),
            ("a.b.ts a.b.mkv", {}, {"a.b.mkv": "a.b.mp4", "a.b.ts": "a.b.ts.mp4"}),
        ],
    )
    def test_assigned_names(
        self, names: str, recorded: dict[str, str], expected: dict[str, str]
    ) -> None:
        assert assigned_names(names.split(), recorded) == expected

    def test_very_long_names(self) -> None:
        name = "ü" * 124
        named = assigned_names([f"{name}.mkv", f"{name}.ts"], {}).values()
        assert len(set(named)) == 2
        assert all(len(os.fsencode(output)) <= 255 for output in named)


# What a phone writes: in QuickTime's metadata keys, which ffmpeg's MP4 muxer drops by default.
PHONE = {
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050+034.000/",
    "com.apple.quicktime.creationdate": "2020-01-02T05:04:05+0200",
    "com.android.version": "13",
}
MADE_AT = "2020-01-02T03:04:05"


def options_of(tags: dict[str, str]) -> list[str]:
    return [part for name, value in tags.items() for part in ("-metadata", f"{name}={value}")]


class TestKept:
    """What an output has of its source beside the streams."""

    def tags(self, path: Path) -> dict[str, str]:
        with av.open(str(path)) as container:
            return {name.lower(): value for name, value in container.metadata.items()}

    @pytest.mark.parametrize("flags", [(), ("--target-v", "vp9")])
    def test_the_time_of_the_file(self, outputs: Outputs, flags: tuple[str, ...]) -> None:
        source = outputs.library.add("h264.mkv")
        os.utime(source, ns=(1_100_000_000_123_456_789, 1_000_000_000_123_456_789))
        assert outputs(*flags).code == 0
        assert (outputs.root / "h264.mp4").stat().st_mtime_ns == source.stat().st_mtime_ns
        assert only(outputs(*flags))["status"] == "skipped"

    def test_a_disk_of_coarser_times(self, outputs: Outputs) -> None:
        """A source and an output that were copied to one are still those of the record."""
        source, output = outputs.library.add("h264.mkv"), outputs.root / "h264.mp4"
        os.utime(source, ns=(1_100_000_000_123_456_789, 1_000_000_001_123_456_789))
        outputs()
        for path in (source, output):
            os.utime(path, (1_100_000_000, 1_000_000_000))
        assert only(outputs())["status"] == "skipped"
        assert only(outputs("--no-copy-fitting"))["status"] == "made"

    @pytest.mark.parametrize("name", ["phone.mov", "phone.mkv", "phone.mp4"])
    def test_tags_of_the_maker(self, outputs: Outputs, make: Make, name: str) -> None:
        tags = options_of(PHONE | {"title": "A film", "creation_time": f"{MADE_AT}Z"})
        keys = ("-movflags", "+use_metadata_tags") if name != "phone.mkv" else ()
        make(name, "-c", "copy", *tags, *keys)
        assert outputs("--target-v", "hevc").code == 0
        kept = self.tags(outputs.root / "phone.mp4")
        assert PHONE.items() <= {n: kept.get(n.lower()) for n in PHONE}.items()
        assert kept["title"] == "A film"
        assert kept["creation_time"].startswith(MADE_AT)
        assert kept["major_brand"] == "isom"
        assert only(outputs("--target-v", "hevc"))["status"] == "skipped"
        codecs = run_cli("codecs", outputs.root, "--target-v", "hevc", "--json").json
        assert [row["container"] for row in codecs["results"]] == ["mp4"]

    def test_where_it_was_filmed(self, outputs: Outputs, make: Make) -> None:
        """By the tag of Android, which MP4 has a box for."""
        make("a.mov", "-c", "copy", *options_of({"location": "+52.5200+013.4050/"}))
        assert outputs("--target-v", "hevc").code == 0
        assert self.tags(outputs.root / "a.mp4")["location"] == "+52.5200+013.4050/"

    def test_itunes_tags_where_no_others_are(self, outputs: Outputs, make: Make) -> None:
        """Players know them better than metadata keys."""
        make("a.mkv", "-c", "copy", *options_of({"title": "A film", "genre": "Noir"}))
        assert outputs().code == 0
        content = (outputs.root / "a.mp4").read_bytes()
        assert b"\xa9nam" in content
        assert b"mdta" not in content
        assert self.tags(outputs.root / "a.mp4")["genre"] == "Noir"

    def test_twice(self, cli: Cli, outputs: Outputs, make: Make, tmp_path: Path) -> None:
        """libav may read the creation time of an output twice, as "TIME;TIME"."""
        tags = options_of(PHONE | {"creation_time": f"{MADE_AT}Z"})
        make("a.mov", "-c", "copy", *tags, "-movflags", "+use_metadata_tags")
        assert outputs("--target-v", "hevc").code == 0
        again = ("transcode", outputs.root, tmp_path / "again", *QUICK)
        assert cli(*again).code == 0
        kept = self.tags(tmp_path / "again" / "a.mp4")
        assert kept["creation_time"].startswith(MADE_AT)
        assert kept["com.android.version"] == "13"


class TestProgress:
    @pytest.mark.slow
    def test_a_terminal_shows_percent_speed_and_time_left(
        self, library: Library, tmp_path: Path
    ) -> None:
        library.add("minute.mp4")
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
        line = command("transcode", library.root, tmp_path / "out", "--target-v", "vp9")
        with subprocess.Popen(line, stderr=theirs, stdout=subprocess.DEVNULL) as process:
            os.close(theirs)
            shown = b"".join(iter(lambda: read(ours), b"")).decode()
            assert process.wait() == 0
        os.close(ours)
        assert "minute.mp4" in shown
        assert "% " in shown
        assert "ETA" in shown


def read(descriptor: int) -> bytes:
    """What a terminal shows next; nothing when the other side has gone."""
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def numbers(path: Path) -> Iterator[tuple[float, int]]:
    """Time and number of every picture of a numbered video."""
    return ((time, media.number_of(picture)) for time, picture in media.decode(path))


def round_pair(pair: tuple[float, int]) -> tuple[float, int]:
    return round(pair[0], 2), pair[1]


def thumbnail(cli: Cli, path: Path) -> media.Picture:
    """What the program itself shows of a video."""
    shelf = path.parent.parent / "thumbs"
    run = cli("thumbs", path.parent, "--artifacts-dir", shelf, "--force")
    assert run.code == 0, run.err
    return media.read_picture(shelf / ".artifacts" / f"{path.name}.jpg")


def seen(cli: Cli, path: Path) -> list[int]:
    return media.corners_of(thumbnail(cli, path))


def picture_stream(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        frame = next(container.decode(video=0))
        tags = ("pix_fmt", "color_range", "colorspace", "color_trc", "color_primaries")
        side: Any = frame.side_data
        return {tag: getattr(context, tag) for tag in tags} | {
            "side_data": [data.type.name for data in side]
        }
