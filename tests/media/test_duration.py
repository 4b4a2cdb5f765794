"""How long a film is: by what its file declares, by its packets, and by a clock that jumps."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from conftest import Cli
from support import Library, media

from videolib.media.audio import choose_audio_stream, mono_samples
from videolib.media.reader import Media
from videolib.storage.videos import Video

SHOWN = "thumbs,previews,scenes,sprites,heatmaps"
LIE = 6.6 * 3600  # seconds that a header claims

# Encoders that a container takes, for pictures and for sound.
H264_AAC = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
MPEG2 = ("-c:v", "mpeg2video", "-c:a", "mp2")
MPEG4_MP3 = ("-c:v", "mpeg4", "-c:a", "libmp3lame")
CODECS = {
    **dict.fromkeys(("mkv", "mp4", "mov", "ts", "flv"), H264_AAC),
    **{"avi": MPEG4_MP3, "mpg": MPEG2, "vob": MPEG2},
    "wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
}


# The last of 100 pictures comes a second late, for which MP4's table of times has an entry.
LATE_LAST = ("-vf", "setpts='if(lt(N,99),PTS,PTS+1/TB)'", "-fps_mode", "vfr")


def make_film(path: Path, pictures: float, sound: float, *options: object) -> Path:
    """A film with so many seconds of pictures and of sound."""
    media.ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc=size=64x36:rate=25:duration={pictures}"),
        *("-f", "lavfi", "-i", f"sine=440:duration={sound}"),
        *("-map", 0, "-map", 1, "-g", 25, *CODECS[path.suffix[1:]], *options, path),
    )
    return path


def duration_of(library: Library, name: str) -> float:
    """The length of a video as its stored metadata has it."""
    return float(library.json(f"{name}.ffprobe.json")["duration"])


def tile_times(library: Library, name: str) -> list[float]:
    return [tile["time"] for tile in library.json(f"{name}.sprites.json")["frames"]]


class TestStreamsOfDifferentLengths:
    @pytest.mark.parametrize("extension", ["mkv", "mp4", "mov", "ts", "flv", "avi", "mpg", "wmv"])
    def test_sound_that_is_longer(self, cli: Cli, library: Library, extension: str) -> None:
        """Nothing is damaged: the last picture stands."""
        name = f"a.{extension}"
        library.keep(make_film(library.root / name, 3, 8))
        run = cli(f"{SHOWN},meta", library.root, "--ext", extension, "--json")
        assert run.code == 0
        results = [result for task in run.json["tasks"] for result in task["results"]]
        assert [result.get("note") for result in results if result.get("note")] == []
        assert duration_of(library, name) == pytest.approx(8, abs=0.5)
        cli("sprites", library.root, "--ext", extension, "--interval", 2, "--force")
        times = tile_times(library, name)
        assert len(times) == 4 or len(times) == 5
        assert times[2:] == pytest.approx([2.96] * len(times[2:]), abs=0.15)
        assert library.json(f"{name}.scenes.json")["scenes"][-1]["end"] == pytest.approx(8, abs=0.5)

    def test_pictures_that_are_longer(self, cli: Cli, library: Library) -> None:
        library.keep(make_film(library.root / "a.mkv", 8, 3))
        assert cli(f"{SHOWN},meta", library.root, "--ext", "mkv").err == ""
        assert duration_of(library, "a.mkv") == pytest.approx(8, abs=0.1)

    def test_a_subtitle_long_after_the_end(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        """Matroska declares its end, and nothing is played there."""
        (tmp_path / "late.srt").write_text("1\n00:01:00,000 --> 00:01:01,000\nlate\n")
        film = make_film(tmp_path / "film.mkv", 4, 4)
        inputs, path = ("-i", film, "-i", tmp_path / "late.srt"), library.root / "a.mkv"
        media.ffmpeg(*inputs, "-c", "copy", "-c:s", "srt", path)
        library.keep(path)
        assert cli(f"{SHOWN},meta", library.root, "--ext", "mkv", "--interval", 2).err == ""
        assert tile_times(library, "a.mkv") == pytest.approx([0, 2], abs=1.1)
        assert duration_of(library, "a.mkv") == pytest.approx(4, abs=0.1)

    @pytest.mark.parametrize("extension", ["mkv", "avi", "flv"])
    def test_a_transcode_of_longer_sound(
        self, cli: Cli, library: Library, tmp_path: Path, extension: str
    ) -> None:
        library.keep(make_film(library.root / f"a.{extension}", 3, 8))
        run = cli("transcode", library.root, tmp_path, "--ext", extension, "--json")
        assert run.json["actions"][0]["status"] == "made"
        assert media.seconds_of(tmp_path / "a.mp4") == pytest.approx(3, abs=0.1)

    @pytest.mark.parametrize("extension", ["mkv", "flv"])
    def test_longer_sound_that_is_cut_off(
        self, cli: Cli, library: Library, tmp_path: Path, extension: str
    ) -> None:
        content = make_film(tmp_path / f"a.{extension}", 3, 30).read_bytes()
        library.add_bytes(f"a.{extension}", content[: len(content) * 6 // 10])
        run = cli("transcode", library.root, tmp_path / "out", "--ext", extension, "--json")
        assert "is cut off after" in run.json["errors"][0]["error"]


class TestHeaders:
    def test_no_duration(
        self, cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """As a browser records: the packets say it, whichever program reads the metadata."""
        source = make_film(tmp_path / "a.mkv", 8, 8)
        live = media.ffmpeg("-i", source, "-c", "copy", "-f", "matroska", "pipe:1")
        library.add_bytes("live.mkv", live)
        for path in (None, str(tmp_path)):  # with the ffprobe of this system, and without one
            if path:
                monkeypatch.setenv("PATH", path)
            assert cli("meta", library.root, "--ext", "mkv", "--force").code == 0
            assert duration_of(library, "live.mkv") == pytest.approx(8, abs=0.1)
            run = cli("list", library.root, "--ext", "mkv", "-q", "duration:>5s", "--json")
            assert [row["name"] for row in run.json] == ["live.mkv"]

    @pytest.mark.parametrize("flags", ["empty_moov+frag_keyframe", "empty_moov+delay_moov"])
    def test_fragments(self, cli: Cli, library: Library, tmp_path: Path, flags: str) -> None:
        source = make_film(tmp_path / "a.mp4", 8, 8)
        target = library.root / "live.mp4"
        media.ffmpeg("-i", source, "-c", "copy", "-movflags", f"{flags}+skip_trailer", target)
        library.keep(target)
        assert cli("meta", library.root).code == 0
        assert duration_of(library, "live.mp4") == pytest.approx(8, abs=0.2)

    @pytest.mark.slow
    def test_hours_of_sound_that_are_not_there(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        content = bytearray(make_film(library.root / "a.avi", 4, 4).read_bytes())
        at = content.index(b"auds")
        scale, rate = struct.unpack_from("<II", content, at + 20)
        struct.pack_into("<I", content, at + 32, 100 * 3600 * rate // scale)
        library.add_bytes("a.avi", bytes(content))
        assert cli(f"{SHOWN},meta", library.root, "--ext", "avi").err == ""
        assert duration_of(library, "a.avi") == pytest.approx(4, abs=0.1)
        assert len(tile_times(library, "a.avi")) == 1
        run = cli("transcode", library.root, tmp_path, "--ext", "avi", "--json")
        assert run.json["actions"][0]["status"] == "made"

    @pytest.mark.parametrize("kind", ["mkv", "mkv without tags", "flv", "mp4", "ts"])
    def test_hours_that_are_not_there(
        self, cli: Cli, library: Library, tmp_path: Path, kind: str
    ) -> None:
        """What is spent on a video grows with what there is to read."""
        extension = kind.split()[0]
        options = LATE_LAST if kind == "mp4" else ()
        content = bytearray(make_film(tmp_path / f"a.{extension}", 4, 4, *options).read_bytes())
        LIES[extension](content)
        if kind != extension:
            content = content.replace(b"DURATION", b"XURATION")
        library.add_bytes(f"a.{extension}", bytes(content))
        with av.open(library.root / f"a.{extension}") as container:
            assert (container.duration or 0) > LIE * 900_000
        assert cli("sprites,meta", library.root, "--ext", extension).code == 0
        assert 3.9 < duration_of(library, f"a.{extension}") < 70
        assert len(tile_times(library, f"a.{extension}")) <= 7

    @pytest.mark.parametrize("extension", ["mkv", "mp4", "ts"])
    def test_pictures_that_begin_hours_after_the_sound(
        self, cli: Cli, library: Library, tmp_path: Path, extension: str
    ) -> None:
        film = make_film(tmp_path / f"a.{extension}", 4, 4)
        path = library.root / film.name
        late = ("-itsoffset", LIE, "-i", film, "-map", "1:v", "-map", "0:a", "-c", "copy")
        media.ffmpeg("-i", film, *late, "-movflags", "frag_keyframe+empty_moov", path)
        library.keep(path)
        assert cli("sprites,meta", library.root, "--ext", extension).code == 0
        assert 3.9 < duration_of(library, path.name) < 70
        assert len(tile_times(library, path.name)) <= 7

    @pytest.mark.parametrize("tag", ["09:00:04", "00:00:01"])
    def test_a_stale_tag(self, cli: Cli, library: Library, tmp_path: Path, tag: str) -> None:
        content = make_film(tmp_path / "a.mkv", 4, 4).read_bytes()
        library.add_bytes("a.mkv", content.replace(b"00:00:04", tag.encode()))
        assert cli(f"{SHOWN},meta", library.root, "--ext", "mkv").err == ""
        assert duration_of(library, "a.mkv") == pytest.approx(4, abs=0.1)

    @pytest.mark.slow
    def test_an_empty_edit_with_a_trim(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        """Nothing for 3 s, then what is after the first 4 s."""
        cut = ("-ss", 4, "-i", media.clip("numbered.mp4", library.clips), "-an", "-c", "copy")
        media.ffmpeg(*cut, "-output_ts_offset", 3, library.root / "a.mp4")
        library.keep(library.root / "a.mp4")
        run = cli("transcode", library.root, tmp_path, "--target-v", "hevc", "--json")
        assert run.json["actions"][0]["status"] == "made", run.err
        numbers = [media.number_of(picture) for _, picture in media.decode(tmp_path / "a.mp4")]
        assert numbers == list(range(100, 250))
        assert cli("meta", library.root).code == 0
        assert duration_of(library, "a.mp4") == pytest.approx(6, abs=0.1)


@pytest.mark.slow
class TestJoinedRecordings:
    """Parts that were put behind each other byte by byte: the clock starts anew."""

    @pytest.fixture
    def joined(self, library: Library, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
        """Of numbered.mp4 the seconds up to 10 and once more those up to `request.param`."""
        extension, *lengths = request.param
        source, content = media.clip("numbered.mp4", library.clips), b""
        for number, length in enumerate(lengths):
            part = tmp_path / f"{number}.{extension}"
            coded = (*CODECS[extension], "-q:v", 2, "-g", 25, "-bf", 2)
            media.ffmpeg("-i", source, "-t", length, *coded, part)
            content += part.read_bytes()
        return library.add_bytes(f"joined.{extension}", content)

    @pytest.mark.parametrize(
        "joined",
        [("ts", 10, 10), ("vob", 10, 10), ("mpg", 3, 10), ("ts", 10, 4), ("ts", 2, 2, 2)],
        indirect=True,
        ids=str,
    )
    def test_one_timeline(
        self, cli: Cli, library: Library, joined: Path, request: pytest.FixtureRequest
    ) -> None:
        extension, *lengths = request.node.callspec.params["joined"]
        whole = sum(lengths)
        assert cli("sprites,meta", library.root, "--ext", extension, "--interval", 1).code == 0
        assert duration_of(library, joined.name) == pytest.approx(whole, abs=0.4)
        times = tile_times(library, joined.name)
        assert times == sorted(times)
        for part, length in enumerate(lengths):
            at = sum(lengths[:part]) + length / 2 + 0.52
            cli("thumbs", library.root, "--ext", extension, "--time", at, "--force")
            picture = media.read_picture(library.artifact(f"{joined.name}.jpg"))
            expected = 25 * (length / 2 + 0.52)
            assert media.number_of(picture) == pytest.approx(expected, abs=5 * (part + 1))
        with Media(Video(str(joined), joined.name, "")) as opened:
            stream = choose_audio_stream(opened, "")
            assert stream
            samples = sum(len(piece) for piece in mono_samples(opened, stream))
        assert samples / 16_000 == pytest.approx(whole, abs=0.5)

    @pytest.mark.parametrize("joined", [("ts", 4, 4), ("vob", 4, 4)], indirect=True, ids=str)
    def test_a_transcode(self, cli: Cli, library: Library, joined: Path, tmp_path: Path) -> None:
        run = cli("transcode", library.root, tmp_path, "--ext", joined.suffix, "--json")
        assert run.json["actions"][0]["status"] == "made", run.err
        assert media.seconds_of(tmp_path / "joined.mp4") == pytest.approx(8, abs=0.2)

    @pytest.mark.parametrize("joined", [("ts", 4, 4)], indirect=True, ids=str)
    def test_every_task_agrees(self, cli: Cli, library: Library, joined: Path) -> None:
        run = cli(f"{SHOWN},phash", library.root, "--ext", "ts")
        assert (run.code, run.err) == (0, "")
        scenes = library.json(f"{joined.name}.scenes.json")["scenes"]
        assert scenes[-1]["end"] == pytest.approx(8, abs=0.4)
        cli("heatmaps", library.root, "--ext", "ts", "--interval", 1, "--force")
        samples = library.json(f"{joined.name}.heatmaps.json")["samples"]
        assert samples[-1]["time"] > 6.5


def test_sound_that_begins_late(cli: Cli, library: Library, tmp_path: Path) -> None:
    """libav has not met it when it opens the file: a transcode looks longer."""
    media.ffmpeg(
        *("-f", "lavfi", "-i", "testsrc=size=64x36:rate=10:duration=34", "-itsoffset", 30),
        *("-f", "lavfi", "-i", "sine=440:duration=4", "-map", 0, "-map", 1),
        *(*H264_AAC, library.root / "late.ts"),
    )
    library.keep(library.root / "late.ts")
    run = cli("transcode", library.root, tmp_path, "--ext", "ts", "--json")
    assert run.json["actions"][0]["status"] == "made", run.err
    with av.open(tmp_path / "late.mp4") as made:
        sound = made.streams.audio[0]
        assert sound.start_time is not None
        assert sound.time_base is not None
        assert float(sound.start_time * sound.time_base) == pytest.approx(30, abs=0.2)


def lie_in_matroska(content: bytearray) -> None:
    struct.pack_into(">d", content, content.index(b"\x44\x89\x88") + 3, LIE * 1000)


def lie_in_flv(content: bytearray) -> None:
    struct.pack_into(">d", content, content.index(b"duration\x00") + 9, LIE)


def lie_in_mp4(content: bytearray) -> None:
    """Lets the last picture stand for hours, as all headers of the video say."""
    film, track = (content.index(name) for name in (b"mvhd", b"mdhd"))
    (scale,), (track_scale,) = (struct.unpack_from(">I", content, at + 16) for at in (film, track))
    times = content.index(b"stts")
    (entries,) = struct.unpack_from(">I", content, times + 8)
    for at, ticks in (
        (film + 20, scale),
        (track + 20, track_scale),
        (times + 8 + 8 * entries, track_scale),
        (content.index(b"tkhd") + 24, scale),
        (content.index(b"elst") + 12, scale),
    ):
        struct.pack_into(">I", content, at, min(int(LIE * ticks), 0xFFFFFFFF))


def lie_in_ts(content: bytearray) -> None:
    """Flips the highest bit of the first picture's timestamp."""
    content[content.index(b"\x00\x00\x01\xe0") + 9] ^= 0x08


LIES: dict[str, Callable[[bytearray], None]] = {
    "mkv": lie_in_matroska,
    "flv": lie_in_flv,
    "mp4": lie_in_mp4,
    "ts": lie_in_ts,
}
