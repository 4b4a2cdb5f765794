"""Streams: which one is the film, which can be decoded, which may be, and what is encrypted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from campaign.structure import repair_checksums
from conftest import Cli
from support import FRAME_TASKS, Library, media

from videolib.media.metadata import probe_with_pyav, summarize
from videolib.media.reader import Media
from videolib.storage.videos import Video

SOUND = ("-f", "lavfi", "-i", "sine=duration=3")
RED = ("-f", "lavfi", "-i")  # and a size, see `red`
KEY = "76a6c65c5ea762046bd749a2e632ccbb"
ENCRYPTION: tuple[str, ...] = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY)
ENCRYPTION += ("-encryption_kid", "a7e61c373e219033c21091fa607bf3b8")
FRAGMENTS = ("-movflags", "frag_keyframe+empty_moov")


def film(library: Library, name: str, *arguments: object) -> Path:
    """A video that ffmpeg makes of short.mp4 (input 0, three seconds of numbers, 320x180)."""
    path = library.root / name
    media.ffmpeg("-i", media.clip("short.mp4", library.clips), *arguments, path)
    return library.keep(path)


def red(size: str, seconds: float, rate: int = 25) -> tuple[str, ...]:
    """An input of red pictures."""
    return (*RED, f"color=red:size={size}:rate={rate}:duration={seconds}")


def patch(library: Library, path: Path, old: bytes, new: bytes, *, last: bool = False) -> None:
    """Replace bytes of a file, of several places all of them or the `last`."""
    content = path.read_bytes()
    assert old in content
    head, _, tail = content.rpartition(old)
    path.write_bytes(head + new + tail if last else content.replace(old, new))
    library.keep(path)


def facts(path: Path) -> dict[str, Any]:
    """The summary of a video as libav reads it in this process."""
    with Media(Video(str(path), path.name, "")) as opened:
        return summarize(probe_with_pyav(opened))


def shows_numbers(cli: Cli, library: Library, name: str) -> bool:
    """Whether the thumbnail of a video is a picture of short.mp4."""
    run = cli("thumbs", library.root, "--ext", "*", "--force", "--json")
    assert run.counts == {"made": 1}, run.err
    picture = media.read_picture(library.artifact(f"{name}.jpg"))
    return picture.shape == (180, 320, 3) and media.number_of(picture) < 75


def row(cli: Cli, library: Library) -> dict[str, Any]:
    """The only row of the report on codecs."""
    (only,) = cli("codecs", library.root, "--ext", "*", "--json").json["results"]
    return dict(only)


class TestUnknownCodecs:
    """Streams of a codec that libav does not know."""

    @pytest.fixture
    def apac(self, library: Library) -> Path:
        """A second sound as phones write it for spatial audio, the default one."""
        maps = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:v", "copy", "-shortest")
        codecs = ("-c:a:0", "alac", "-c:a:1", "aac", "-disposition:a:0", "default")
        path = film(library, "apac.mp4", *SOUND, *maps, *codecs)
        patch(library, path, b"alac", b"apac")
        return path

    @pytest.mark.usefixtures("no_tools")
    def test_metadata_without_ffprobe(self, cli: Cli, library: Library, apac: Path) -> None:
        assert cli("meta", library.root, "--json").counts == {"made": 1}
        picture, unknown, known = library.json(f"{apac.name}.ffprobe.json")["streams"]
        assert picture["codec_name"] == "h264"
        assert (unknown["codec_type"], unknown["codec_tag_string"]) == ("audio", "apac")
        assert "codec_name" not in unknown
        assert known["codec_name"] == "aac"

    @pytest.mark.usefixtures("real_probe")
    @pytest.mark.parametrize("probed", [False, True])
    def test_a_sound_is_named(self, cli: Cli, library: Library, apac: Path, probed: bool) -> None:
        if probed:
            assert cli("meta", library.root).code == 0
        only = row(cli, library)
        assert only["acodecs"] == ["apac", "aac"]
        assert only["why"] == ["audio is apac, not aac"]
        assert facts(apac)["acodec"] == "aac"

    def test_a_transcode_leaves_it_out(self, cli: Cli, library: Library, apac: Path) -> None:
        outputs = library.root.parent / "outputs"
        run = cli("transcode", library.root, outputs, "--json")
        assert run.code == 0, run.err
        (action,) = run.json["actions"]
        (left_out,) = action["left_out"]
        assert left_out.startswith("stream 1 (apac): is in the codec apac")
        assert facts(outputs / apac.name)["acodec"] == "aac"

    @pytest.mark.slow
    def test_a_second_video(self, cli: Cli, library: Library) -> None:
        maps = ("-map", "1", "-map", "0", "-c:v:0", "libx264", "-c:v:1", "copy")
        path = film(library, "two.mp4", *red("640x360", 3), *maps)
        content = path.read_bytes()
        entry = content.index(b"avc1", content.index(b"stsd"))
        path.write_bytes(content[:entry] + b"xxxx" + content[entry + 4 :])
        library.keep(path)
        run = cli(FRAME_TASKS + ",previews,embed", library.root, "--json")
        assert run.code == 0, run.err
        assert shows_numbers(cli, library, path.name)
        assert row(cli, library)["why"] == ["video is xxxx, not h264"]

    def test_nothing_else(self, cli: Cli, library: Library) -> None:
        path = film(library, "alone.mp4", "-c", "copy")
        content = path.read_bytes()
        entry = content.index(b"avc1", content.index(b"stsd"))
        path.write_bytes(content[:entry] + b"xxxx" + content[entry + 4 :])
        library.keep(path)
        for words in (("thumbs", library.root), ("scenes", library.root)):
            error = cli(*words, "--json").failure(path.name)
            assert error == "is in the codec xxxx, which nothing here can decode"

    def test_nothing_else_in_avi(self, cli: Cli, library: Library) -> None:
        path = film(library, "alone.avi", "-c:v", "mpeg4")
        patch(library, path, b"FMP4", b"XXXX")
        error = cli("thumbs", library.root, "--ext", "avi", "--json").failure(path.name)
        assert error == "is in the codec XXXX, which nothing here can decode"

    def test_only_such_sound(self, cli: Cli, library: Library) -> None:
        path = film(library, "sound.mp4", *SOUND, "-c:v", "copy", "-c:a", "alac")
        patch(library, path, b"alac", b"apac")
        run = cli("subtitles", library.root, "--model", library.root, "--json")
        expected = "its sound is in the codec apac, which nothing here can decode"
        assert run.failure(path.name) == expected


class TestEncryption:
    """Nothing is made of what is encrypted, and everything says why."""

    def check(self, cli: Cli, library: Library, path: Path, scheme: str) -> None:
        error = f"is encrypted ({scheme}): only a player that has its key can play it"
        for task in ("thumbs", "scenes", "previews", "embed"):
            assert cli(task, library.root, "--ext", "*", "--json").failure(path.name) == error
        assert library.artifacts() == []
        assert "video is encrypted" in row(cli, library)["why"]
        outputs = library.root.parent / "outputs"
        run = cli("transcode", library.root, outputs, "--ext", "*", "--json")
        assert [entry["error"] for entry in run.json["errors"]] == [error]
        assert cli("meta", library.root, "--ext", "*").code == 0
        words = ("list", library.root, "--ext", "*")
        (listed,) = cli(*words, "-q", "encrypted:yes", "--json").json
        assert listed["encrypted"] is True
        assert "encrypted" in cli(*words).out
        assert cli(*words, "-q", "encrypted:no", "--json").json == []

    @pytest.mark.slow
    @pytest.mark.usefixtures("real_probe")
    @pytest.mark.parametrize("fragments", [(), FRAGMENTS])
    def test_common_encryption(
        self, cli: Cli, library: Library, fragments: tuple[str, ...]
    ) -> None:
        path = film(library, "cenc.mp4", *SOUND, "-c:a", "aac", *ENCRYPTION, *fragments)
        self.check(cli, library, path, "cenc")
        error = cli("subtitles", library.root, "--model", library.root, "--json").failure(path.name)
        assert error.startswith("its sound is encrypted (cenc)")

    @pytest.mark.slow
    @pytest.mark.usefixtures("real_probe")
    def test_in_a_later_fragment(self, cli: Cli, library: Library) -> None:
        """The first second is clear, and the header says nothing."""
        clear = media_boxes(film(library, "later.mp4", "-c", "copy", *FRAGMENTS))
        path = film(library, "later.mp4", "-c", "copy", *ENCRYPTION, *FRAGMENTS)
        hidden = media_boxes(path)
        assert [kind for kind, _ in clear] == [kind for kind, _ in hidden]
        later = [kind for kind, _ in clear].index(b"mdat") + 1
        path.write_bytes(b"".join(box for _, box in clear[:later] + hidden[later:]))
        library.keep(path)
        self.check(cli, library, path, "cenc")

    @pytest.mark.slow
    @pytest.mark.usefixtures("real_probe")
    def test_fairplay(self, cli: Cli, library: Library) -> None:
        path = film(library, "drm.mp4", "-c", "copy", *ENCRYPTION)
        patch(library, path, b"encv", b"drmi")
        self.check(cli, library, path, "FairPlay")

    @pytest.mark.usefixtures("real_probe")
    def test_a_scrambled_broadcast(self, cli: Cli, library: Library) -> None:
        path = film(library, "pay.ts", "-c", "copy")
        packets = bytearray(path.read_bytes())
        for start in range(0, len(packets), 188):
            if packets[start + 1] & 0x1F == 1:  # of the streams, not of the tables
                packets[start + 3] |= 0x80
        path.write_bytes(packets)
        library.keep(path)
        self.check(cli, library, path, "scrambled")

    def test_encrypted_sound_beside_a_clear_picture(self, cli: Cli, library: Library) -> None:
        path = film(library, "half.mp4", *SOUND, "-c:v", "copy", "-c:a", "aac")
        patch(library, path, b"mp4a", b"enca", last=True)
        assert shows_numbers(cli, library, path.name)
        assert row(cli, library)["why"] == ["audio is encrypted"]

    def test_what_is_clear_is_not_called_encrypted(self, cli: Cli, library: Library) -> None:
        film(library, "plain.mp4", "-c", "copy", *FRAGMENTS)
        film(library, "plain.ts", "-c", "copy")
        film(library, "plain.vob", "-c:v", "mpeg2video")
        film(library, "plain.wmv", "-c:v", "wmv2")
        run = cli("thumbs", library.root, "--ext", "*", "--json")
        assert run.counts == {"made": 4}, run.err


def media_boxes(path: Path) -> list[tuple[bytes, bytes]]:
    """The boxes at the top of an MP4 file: their types, and all their bytes."""
    content, boxes = path.read_bytes(), []
    while content:
        size = int.from_bytes(content[:4], "big")
        boxes.append((content[4:8], content[:size]))
        content = content[size:]
    return boxes


class TestWhichIsTheFilm:
    """The film is what moves, and among that what is larger; flags come last."""

    @pytest.mark.usefixtures("real_probe")
    @pytest.mark.parametrize(
        ("name", "first", "codec"),
        [
            ("cover.mkv", red("600x900", 0.04), "mjpeg"),
            ("cover.mp4", red("600x900", 0.04), "mjpeg"),
            ("cover.mov", red("600x900", 0.04), "png"),
            ("cover.avi", red("600x900", 0.04), "mjpeg"),
            ("cover.ts", red("600x900", 0.04), "mpeg2video"),
            ("still.mkv", red("600x900", 0.04), "libx264"),
            ("thumbs.mp4", red("32x32", 3, 1), "mjpeg"),
            ("small.mp4", red("160x90", 3), "libx264"),
            ("small.ts", red("160x90", 3), "libx264"),
            ("intro.mkv", red("640x360", 0.2), "libx264"),
            ("slow.mp4", red("640x360", 3, 1), "mjpeg"),
        ],
    )
    @pytest.mark.parametrize("last", [False, True])
    def test_beside_another(
        self, cli: Cli, library: Library, name: str, first: tuple[str, ...], codec: str, last: bool
    ) -> None:
        """First or last, and by ffprobe's metadata as by our own reading."""
        other, own = ("1", "0") if last else ("0", "1")
        maps = ("-map", "0", "-map", "1") if last else ("-map", "1", "-map", "0")
        flags = (f"-disposition:v:{other}", "default", f"-disposition:v:{own}", "0")
        codecs = (f"-c:v:{other}", codec, f"-c:v:{own}", "mpeg4" if ".avi" in name else "copy")
        path = film(library, name, *first, *maps, *codecs, *flags)
        assert shows_numbers(cli, library, name)
        assert facts(path)["width"] == 320
        assert cli("meta", library.root, "--ext", "*").code == 0
        (listed,) = cli("list", library.root, "--ext", "*", "--json").json
        assert (listed["width"], listed["height"]) == (320, 180)

    def test_of_two_alike_the_default(self, cli: Cli, library: Library) -> None:
        flags = ("-disposition:v:0", "0", "-disposition:v:1", "default")
        maps = ("-map", "1", "-map", "0", "-c:v:1", "copy")
        film(library, "angles.mkv", *red("320x180", 3), *maps, *flags)
        assert shows_numbers(cli, library, "angles.mkv")

    def test_a_transcode_puts_it_first(self, cli: Cli, library: Library) -> None:
        maps = ("-map", "1", "-map", "0", "-c:v:0", "libx264", "-c:v:1", "copy")
        flags = ("-disposition:v:0", "default", "-disposition:v:1", "0")
        path = film(library, "two.mkv", *red("64x36", 3), *maps, *flags)
        outputs = library.root.parent / "outputs"
        assert cli("transcode", library.root, outputs, "--ext", "mkv").code == 0
        with Media(Video(str(outputs / "two.mp4"), path.name, "")) as opened:
            main, extra = opened.stream_facts
        assert [(s["width"], s["disposition"]["default"]) for s in (main, extra)] == [
            (320, 1),
            (64, 0),
        ]

    @pytest.mark.parametrize("start", [0, 1])
    def test_a_transcode_takes_no_still_for_an_angle(
        self, cli: Cli, library: Library, start: int
    ) -> None:
        """Also where all begins later than the file's clock, in which Matroska's tags count."""
        maps = ("-map", "1", "-map", "0", "-c:v:0", "mjpeg", "-c:v:1", "copy")
        film(library, "cover.mkv", *red("600x900", 0.04), *maps, "-output_ts_offset", start)
        outputs = library.root.parent / "outputs"
        run = cli("transcode", library.root, outputs, "--ext", "mkv", "--json")
        assert run.json["actions"][0]["left_out"] == ["stream 0 (mjpeg): a cover picture"]


class TestDecoders:
    @pytest.mark.parametrize(
        ("name", "codec"),
        [(f"{codec}.mov", codec) for codec in ("pcm_s8", "pcm_s24be", "pcm_s32be", "pcm_f64be")]
        + [("pcm.mkv", "pcm_f64le"), ("disc.m2ts", "pcm_bluray"), ("disc.vob", "pcm_dvd")],
    )
    def test_all_forms_of_pcm_are_heard(self, library: Library, name: str, codec: str) -> None:
        from videolib.media.audio import choose_audio_stream, mono_samples

        video = "mpeg2video" if name.endswith("vob") else "copy"
        codecs = ("-c:v", video, "-c:a", codec, "-ar", 48000, "-ac", 2)
        path = film(library, name, *SOUND, *codecs)
        with Media(Video(str(path), name, "")) as opened:
            stream = choose_audio_stream(opened, "")
            assert stream is not None
            samples = sum(len(piece) for piece in mono_samples(opened, stream))
        assert samples == pytest.approx(3 * 16000, abs=1600)

    @pytest.mark.parametrize(
        ("name", "codec"), [("rare.mkv", "wavpack"), ("rare.flv", "nellymoser")]
    )
    def test_a_rare_one_is_named(self, cli: Cli, library: Library, name: str, codec: str) -> None:
        """Nobody takes for silence what was not heard."""
        video = "flv1" if name.endswith("flv") else "copy"
        film(library, name, *SOUND, "-c:v", video, "-c:a", codec, "-ar", 22050)
        words = ("--ext", "*", "--json")
        run = cli("subtitles", library.root, "--model", library.root, *words)
        assert f"--allow-codecs {codec} allows it" in run.failure(name)
        outputs = library.root.parent / "outputs"
        run = cli("transcode", library.root, outputs, *words)
        (error,) = run.json["errors"]
        assert f"--allow-codecs {codec} allows it" in error["error"]
        assert cli("transcode", library.root, outputs, *words, "--allow-codecs", codec).code == 0

    @pytest.mark.usefixtures("real_probe")
    def test_a_stream_that_is_not_wanted_decides_nothing(self, cli: Cli, library: Library) -> None:
        """ffprobe refuses the whole file for it."""
        film(library, "rare.mkv", *SOUND, "-c:v", "copy", "-c:a", "wavpack")
        run = cli(f"meta,{FRAME_TASKS}", library.root, "--ext", "mkv", "--json")
        assert run.code == 0, run.err
        streams = library.json("rare.mkv.ffprobe.json")["streams"]
        assert [stream["codec_name"] for stream in streams] == ["h264", "wavpack"]

    @pytest.mark.usefixtures("real_probe")
    def test_an_flv_with_texts(self, cli: Cli, library: Library) -> None:
        path = film(library, "text.flv", "-c:v", "flv1")
        path.write_bytes(with_texts(path.read_bytes()))
        library.keep(path)
        run = cli(f"meta,{FRAME_TASKS}", library.root, "--ext", "flv", "--json")
        assert run.code == 0, run.err
        outputs = library.root.parent / "outputs"
        run = cli("transcode", library.root, outputs, "--ext", "flv")
        assert run.code == 0, run.err


def with_texts(content: bytes) -> bytes:
    """An FLV file with a script tag onTextData behind every tenth tag."""
    text = b"\x02\0\x0aonTextData\x08\0\0\0\1\0\4text\x02\0\5hello\0\0\x09"
    mixed, start, number = content[:13], 13, 0
    while start < len(content):
        end = start + 15 + int.from_bytes(content[start + 1 : start + 4], "big")
        time = content[start + 4 : start + 8]
        tag = b"\x12" + len(text).to_bytes(3, "big") + time + b"\0\0\0" + text
        mixed += content[start:end]
        if number % 10 == 3:
            mixed += tag + len(tag).to_bytes(4, "big")
        start, number = end, number + 1
    return mixed


class TestContainers:
    @pytest.mark.parametrize(
        ("extension", "options"),
        [
            (".mod", ("-c:v", "mpeg2video", "-f", "vob")),
            (".vro", ("-c:v", "mpeg2video", "-f", "vob")),
            (".divx", ("-c:v", "mpeg4", "-f", "avi")),
            (".f4v", ("-c", "copy", "-f", "mp4")),
            (".insv", ("-c", "copy", "-f", "mp4")),
            (".qt", ("-c", "copy", "-f", "mov")),
            (".ogm", ("-c:v", "libtheora", "-q:v", 10, "-f", "ogg")),
            (".mxf", ("-c:v", "mpeg2video")),
            (".gif", ()),
        ],
    )
    def test_by_extension(
        self, cli: Cli, library: Library, extension: str, options: tuple[object, ...]
    ) -> None:
        film(library, f"film{extension}", *options)
        assert shows_numbers(cli, library, f"film{extension}")

    def test_digital_video(self, cli: Cli, library: Library) -> None:
        film(library, "tape.dv", *SOUND, "-target", "pal-dv", "-shortest")
        run = cli("thumbs", library.root, "--ext", "*", "--json")
        assert run.counts == {"made": 1}, run.err

    @pytest.mark.usefixtures("real_probe")
    def test_off_the_list(self, cli: Cli, library: Library) -> None:
        film(library, "odd.mkv", "-c", "copy", "-f", "nut")
        words = ("thumbs,meta", library.root, "--ext", "mkv")
        run = cli(*words, "--json")
        for task in run.json["tasks"]:
            assert "its container nut is not among the common ones" in task["results"][0]["error"]
            assert "--allow-codecs nut allows it" in task["results"][0]["error"]
        assert cli(*words, "--allow-codecs", "nut").code == 0

    @pytest.mark.slow
    def test_many_off_the_list(self, cli: Cli, library: Library) -> None:
        """Each names its own, also where several tasks and threads refuse files."""
        formats = {"a.mkv": "nut", "b.mkv": "ivf", "c.mkv": "nut", "d.mkv": "h264"}
        for name, kind in formats.items():
            codec = "libvpx" if kind == "ivf" else "libx264"
            film(library, name, "-c:v", codec, "-f", kind)
        run = cli("thumbs,scenes", library.root, "--ext", "mkv", "--workers", 2, "--json")
        for task in run.json["tasks"]:
            for result in task["results"]:
                assert f"its container {formats[result['video']]} is not" in result["error"]

    def test_any_decoder_and_one_container(self, cli: Cli, library: Library) -> None:
        film(library, "odd.mkv", "-c:v", "ffv1", "-f", "nut")
        run = cli("thumbs", library.root, "--ext", "mkv", "--allow-codecs", "any,nut")
        assert run.code == 0, run.err

    def test_a_list_of_files_is_never_opened(self, cli: Cli, library: Library) -> None:
        film(library, "secret.mkv", "-c", "copy")
        library.add_bytes("list.mp4", b"ffconcat version 1.0\nfile secret.mkv\n")
        for allowed in ("", "concat", "any"):
            run = cli("thumbs", library.root, "--allow-codecs", allowed, "--json")
            error = run.failure("list.mp4")
            assert error == "is a list of other files (concat), no video: it is not opened"


def test_a_later_table_does_not_make_the_film_sound(library: Library) -> None:
    """As in a damaged recording: its last table of streams calls the pictures AAC."""
    path = library.add("stream.ts")
    entry, other = (bytes([kind]) + bytes.fromhex("e100f000") for kind in (0x1B, 0x0F))
    head, _, tail = path.read_bytes().rpartition(entry)
    path.write_bytes(repair_checksums(head + other + tail))
    library.keep(path)
    with Media(Video(str(path), path.name, "")) as opened:
        assert len(list(opened.container.demux())) > 200
        assert [stream.type for stream in opened.container.streams] == ["audio"]
        assert [facts["codec_type"] for facts in opened.stream_facts] == ["video"]
        assert opened.stream.width == 320
