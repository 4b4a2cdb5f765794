"""`metadata`: what ffprobe says about every video, with or without an ffprobe."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library, digest, run_process

from videolib.core.documents import set_aside_corrupt
from videolib.storage.videos import oshash

needs_ffprobe = pytest.mark.skipif(
    shutil.which("ffprobe") is None, reason="there is no ffprobe on PATH to compare with"
)


def streams(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [stream for stream in document["streams"] if stream["codec_type"] == kind]


@pytest.mark.usefixtures("real_probe")
class TestReal:
    def test_what_it_says(self, cli: Cli, library: Library) -> None:
        video = library.add("numbered.mp4")
        run = cli("metadata", library.root, "--json")
        assert run.code == 0
        assert run.json["task"] == "metadata"
        assert run.json["total"] == 1
        assert run.json["counts"] == {"made": 1, "skipped": 0, "failed": 0, "cancelled": 0}
        assert run.json["results"][0]["video"] == "numbered.mp4"
        document = library.json("numbered.mp4.ffprobe.json")
        (picture,), (sound,) = streams(document, "video"), streams(document, "audio")
        assert (picture["codec_name"], picture["width"], picture["height"]) == ("h264", 320, 180)
        assert picture["avg_frame_rate"] == "25/1"
        assert sound["codec_name"] == "aac"
        assert float(document["format"]["duration"]) == pytest.approx(10, abs=0.03)
        assert int(document["format"]["size"]) == video.stat().st_size
        assert not document.get("stub")

    def test_what_every_artifact_says_about_itself(self, cli: Cli, library: Library) -> None:
        video = library.add("short.mp4", "sub/short.mp4")
        assert cli("meta", library.root, "-r").code == 0
        document = library.json("short.mp4.ffprobe.json", "sub")
        assert isinstance(document["schema"], int)
        assert Path(document["video"]).name == "short.mp4"
        status = video.stat()
        about = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
        assert document["source"] == about | {"oshash": document["source"]["oshash"]}
        assert isinstance(document["params"], dict)
        made = datetime.datetime.fromisoformat(document["generated_at"])
        assert made.utcoffset() == datetime.timedelta(0)
        now = datetime.datetime.now(datetime.UTC)
        assert abs(now - made) < datetime.timedelta(minutes=5)

    @pytest.mark.parametrize("name", ["meta", "metadata", "queue"])
    def test_by_all_its_names(self, cli: Cli, library: Library, name: str) -> None:
        library.add("short.mp4")
        assert cli(name, library.root, "--workers", 2).code == 0
        assert library.artifacts() == ["short.mp4.ffprobe.json"]

    def test_sound_without_a_picture(self, cli: Cli, library: Library) -> None:
        library.add("sound_only.mp4")
        assert cli("meta", library.root, "--json").counts == {"made": 1}
        document = library.json("sound_only.mp4.ffprobe.json")
        assert [stream["codec_type"] for stream in document["streams"]] == ["audio"]

    @needs_ffprobe
    @pytest.mark.parametrize(
        "name", ["numbered.mp4", "turned_90.mp4", "anamorphic.mp4", "hdr10.mp4"]
    )
    def test_it_is_what_ffprobe_says(self, cli: Cli, library: Library, name: str) -> None:
        video = library.add(name)
        cli("meta", library.root)
        document = library.json(f"{name}.ffprobe.json")
        if document.get("prober") == "pyav":
            pytest.skip("the program takes no ffprobe here")
        told = ffprobe(video)
        assert document["streams"] == told["streams"]
        assert document["format"]["duration"] == told["format"]["duration"]

    @pytest.mark.slow
    @needs_ffprobe
    @pytest.mark.parametrize(
        "name", ["numbered.mp4", "turned_90.mp4", "anamorphic.mp4", "hdr10.mp4", "bikes.mp4"]
    )
    def test_without_ffprobe_it_says_the_same(
        self, library: Library, name: str, tmp_path: Path
    ) -> None:
        video = library.add(name)
        told = ffprobe(video)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", str(tmp_path))
            assert run_process("meta", library.root).code == 0
        document = library.json(f"{name}.ffprobe.json")
        assert document["prober"] == "pyav"
        assert float(document["format"]["duration"]) == pytest.approx(
            float(told["format"]["duration"]), abs=0.01
        )
        same = ("index", "codec_type", "codec_name", "width", "height", "pix_fmt", "profile")
        more = ("sample_aspect_ratio", "sample_rate", "channels", "time_base")
        colour = ("color_space", "color_transfer", "color_primaries", "color_range")
        for ours, theirs in zip(document["streams"], told["streams"], strict=True):
            for key in (*same, *more, *colour):
                assert ours.get(key) == theirs.get(key), key
            assert rotation(ours) == rotation(theirs)
            if ours["codec_type"] == "video":
                assert ours["avg_frame_rate"] == theirs["avg_frame_rate"]

    @pytest.mark.slow
    def test_without_any_tool(self, library: Library, no_tools: None) -> None:
        library.add("numbered.mp4")
        run = run_process("meta", library.root)
        assert run.code == 0, run.err
        document = library.json("numbered.mp4.ffprobe.json")
        (picture,) = streams(document, "video")
        assert (picture["codec_name"], picture["width"], picture["height"]) == ("h264", 320, 180)
        assert float(document["format"]["duration"]) == pytest.approx(10, abs=0.03)

    def test_bad_videos_are_named_and_the_others_done(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "good.mp4")
        for name in ("empty.mp4", "text.mp4", "cut_index.mp4"):
            library.add(name)
        run = cli("meta", library.root, "--json")
        assert run.code == 1
        assert run.counts == {"made": 1, "failed": 3}
        assert run.json["total"] == 4
        for name in ("empty.mp4", "text.mp4", "cut_index.mp4"):
            assert run.failure(name)
        assert library.artifacts() == ["good.mp4.ffprobe.json"]
        text = cli("meta", library.root)
        for name in ("empty.mp4", "text.mp4", "cut_index.mp4"):
            assert name in text.out + text.err
        assert "Traceback" not in text.err

    @pytest.mark.parametrize(
        "playlist",
        [
            "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n",
            "ffconcat version 1.0\nfile '{}'\n",
        ],
    )
    def test_a_playlist_does_not_lead_to_another_file(
        self, cli: Cli, library: Library, tmp_path: Path, playlist: str
    ) -> None:
        secret = tmp_path / "secret.mp4"
        shutil.copyfile(library.add("short.mp4"), secret)
        library.add_bytes("list.mp4", playlist.format(secret).encode())
        run = cli("meta,thumbs", library.root, "--json")
        assert run.code == 1
        for task in run.json["tasks"]:
            assert task["counts"]["failed"] == 1
            assert task["counts"]["made"] == 1

    def test_a_stub_is_replaced_by_the_real_thing(
        self, cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add("short.mp4")
        monkeypatch.setenv("FFPROBE_DISABLE", "1")
        cli("meta", library.root)
        monkeypatch.delenv("FFPROBE_DISABLE")
        assert cli("meta", library.root, "--json").counts == {"made": 1}
        assert library.json("short.mp4.ffprobe.json")["streams"][0]["codec_name"] == "h264"


def ffprobe(video: Path) -> dict[str, Any]:
    args = ("-v", "error", "-of", "json", "-show_format", "-show_streams", str(video))
    told = subprocess.run(["ffprobe", *args], capture_output=True, check=True).stdout
    document: dict[str, Any] = json.loads(told)
    return document


def rotation(stream: dict[str, Any]) -> float:
    """Degrees the picture is to be turned, wherever a stream says so."""
    for entry in stream.get("side_data_list", []):
        if "rotation" in entry:
            return float(entry["rotation"]) % 360
    return 0.0


class TestDisabled:
    """`FFPROBE_DISABLE=1`: metadata is a stub and says so."""

    @pytest.fixture(autouse=True)
    def _disabled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FFPROBE_DISABLE", "1")

    def test_a_stub(self, cli: Cli, library: Library) -> None:
        video = library.add("short.mp4")
        assert cli("meta", library.root, "--json").counts == {"made": 1}
        document = library.json("short.mp4.ffprobe.json")
        assert document["stub"] is True
        assert document["source"]["size"] == video.stat().st_size
        assert cli("meta", library.root, "--json").counts == {"skipped": 1}

    def test_thumbs_do_without(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        run = cli("meta,thumbs", library.root)
        assert run.code == 0
        assert library.artifact("numbered.mp4.jpg").stat().st_size > 0


def test_a_corrupt_sidecar_is_kept_aside_and_made_again(cli: Cli, library: Library) -> None:
    library.add("short.mp4")
    cli("meta", library.root)
    place = library.artifact("short.mp4.ffprobe.json")
    place.write_bytes(b'{"schema": 1, "vid')
    damaged = digest(place)
    run = cli("meta", library.root, "--json")
    assert run.code == 0
    assert run.counts == {"made": 1}
    assert json.loads(place.read_text())["video"]
    kept = [name for name in library.artifacts() if ".corrupt-" in name]
    assert [digest(library.artifact(name)) for name in kept] == [damaged]
    assert "corrupt" in run.err


def test_corrupt_sidecars_of_one_second_are_all_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the clock went back since the last one."""
    place = tmp_path / "a.mp4.phash.json"
    for moment, content in ((9, "{one"), (9, "{two"), (8, "{three"), (8, "{four")):
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment * 10**9)
        place.write_text(content)
        assert "kept as a.mp4.phash.json.corrupt-" in set_aside_corrupt(place)
    kept = {path.read_text() for path in tmp_path.iterdir()}
    assert kept == {"{one", "{two", "{three", "{four"}


class TestOshash:
    """The vectors are those that media catalogues publish; a record carries the hash."""

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"this is a test" * 2**15, "6a0eba04654d0b9b"),
            (bytes(range(256)) * 1024, "a0601fdf9f630000"),
            (b"8 bytes!", ""),
            (b"\x01" + bytes(8), "000000000000000a"),
        ],
    )
    def test_vectors(self, tmp_path: Path, content: bytes, expected: str) -> None:
        file = tmp_path / "content"
        file.write_bytes(content)
        with file.open("rb") as opened:
            assert oshash(opened.fileno()) == expected

    def test_a_record_names_its_source_by_it(self, library: Library, cli: Cli) -> None:
        video = library.add("short.mp4")
        assert cli("meta", library.root).code == 0
        recorded = library.json("short.mp4.ffprobe.json")["source"]["oshash"]
        with video.open("rb") as opened:
            assert recorded == oshash(opened.fileno())
