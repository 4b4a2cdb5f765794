"""Exports for editors and players: OpenTimelineIO, FCPXML, Kodi's EDL, playlists, mpv's EDL."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from defusedxml.ElementTree import parse
from support import Library, faces


@pytest.fixture
def cuts(cli: Cli, library: Library) -> Library:
    """A video with its metadata and scenes, which begin at 0, 1.6, 3.6 and 8 s."""
    library.add("cuts.mp4", "a b.mp4")
    assert cli("meta,scenes", library.root).code == 0
    return library


def scenes(library: Library) -> list[dict[str, Any]]:
    return list(library.json("a b.mp4.scenes.json")["scenes"])


@pytest.mark.slow
def test_otio_is_what_its_own_reader_reads(cli: Cli, cuts: Library) -> None:
    import opentimelineio

    assert cli("export", cuts.root, "--format", "otio").code == 0
    timeline = opentimelineio.adapters.read_from_file(str(cuts.root / "a b.otio"))
    (video,) = timeline.video_tracks()
    clips = list(video)
    assert [c.source_range.start_time.to_seconds() for c in clips] == [
        pytest.approx(scene["start"], abs=0.02) for scene in scenes(cuts)
    ]
    path = (cuts.root / "a b.mp4").as_uri()
    assert {clip.media_reference.target_url for clip in clips} == {path}
    whole = clips[0].media_reference.available_range.duration
    assert timeline.duration().to_seconds() == pytest.approx(whole.to_seconds(), abs=0.05)


def test_fcpxml_has_whole_frames_one_after_the_other(cli: Cli, cuts: Library) -> None:
    assert cli("export", cuts.root, "--format", "fcpxml").code == 0
    root = parse(cuts.root / "a b.fcpxml").getroot()

    def time(element: Any, name: str) -> Fraction:
        return Fraction(element.get(name).removesuffix("s"))

    frame = time(root.find("resources/format"), "frameDuration")
    clips = root.findall(".//spine/asset-clip")
    assert len(clips) == len(scenes(cuts))
    offset = Fraction(0)
    for clip, scene in zip(clips, scenes(cuts), strict=True):
        start, duration = time(clip, "start"), time(clip, "duration")
        assert start == pytest.approx(scene["start"], abs=0.02)
        assert (start / frame).denominator == (duration / frame).denominator == 1
        assert time(clip, "offset") == offset
        offset += duration
    source = root.find("resources/asset/media-rep").get("src")
    assert source == (cuts.root / "a b.mp4").as_uri()


def test_a_renamed_video_is_named_anew(cli: Cli, cuts: Library) -> None:
    cli("export", cuts.root, "--format", "otio")
    cuts.forget(cuts.root / "a b.mp4")
    assert cli("rename", cuts.root / "a b.mp4", cuts.root / "c.mp4").code == 0
    run = cli("export", cuts.root, "--format", "otio", "--json")
    assert run.counts == {"made": 1}
    assert (cuts.root / "c.mp4").as_uri() in (cuts.root / "c.otio").read_text()


def test_markers_for_kodi_are_thinned(cli: Cli, cuts: Library) -> None:
    assert cli("export", cuts.root, "--format", "edl", "--min-chapter", 1.8).code == 0
    rows = [line.split("\t") for line in (cuts.root / "a b.edl").read_text().splitlines()]
    assert all(start == end and action == "2" for start, end, action in rows)
    starts = [float(start) for start, _, _ in rows]
    assert starts[0] == 0 and 1 < len(starts) < len(scenes(cuts))
    assert all(b - a >= 1.8 for a, b in itertools.pairwise(starts))


@pytest.mark.parametrize("name", ["otio", "fcpxml", "edl"])
def test_without_scenes_there_is_nothing_to_export(cli: Cli, library: Library, name: str) -> None:
    library.add("short.mp4", "a.mp4")
    run = cli("export", library.root, "--format", name, "--json")
    assert (run.code, run.counts) == (0, {"nothing to export": 1})
    assert "has no scenes: the command scenes finds them" in run.json["results"][0]["note"]


def mpv(path: Path) -> str:
    """What mpv says of a file that it plays; fails where it cannot."""
    program = shutil.which("mpv")
    if program is None:
        pytest.skip("mpv is not installed")
    words = [program, "--no-config", "--vo=null", "--ao=null", "--frames=1", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_playlist_of_what_a_query_finds(cli: Cli, library: Library) -> None:
    for name in ("a.mp4", "sub/#b, %c.mp4", "other.mp4", "two\nlines.mp4"):
        library.add("short.mp4", name)
    cli("meta", library.root, "-r")
    run = cli("export", library.root, "-r", "--format", "m3u8", "-q", "-name:other")
    assert run.code == 0, run.err
    playlist = library.root / f"{library.root.name}.m3u8"
    lines = playlist.read_text().splitlines()
    assert lines[0] == "#EXTM3U"
    paths = [line for line in lines if not line.startswith("#")]
    uri = (library.root / "two\nlines.mp4").as_uri()
    assert paths == ["./a.mp4", uri, "./sub/#b, %c.mp4"]
    assert lines[1].startswith("#EXTINF:") and lines[1].endswith(",a")
    output = mpv(playlist)
    assert output.count("Playing: ") >= 3


@pytest.mark.slow
def test_every_scene_with_a_performer(cli: Cli, library: Library) -> None:
    faces.film(library, "a, 1.mp4", (4, ["ann"]), (3, ["bea"]), (3, ["ann"]))
    library.add("short.mp4", "b.mp4")
    cli("meta", library.root)
    cli("listing", library.root)
    for number, name in ((1, "Ann"), (2, "Bea")):
        assert cli("people", library.root, "--rename", number, name).code == 0
    cli("tags", library.root, "--performers")
    words = ("export", library.root, "--format", "mpv-edl", "--name")
    assert cli(*words, "bea", "-q", "performer:bea").code == 0
    head, *lines = (library.root / "bea.mpv.edl").read_text().splitlines()
    assert head == "# mpv EDL v0" and len(lines) == 1
    name, start, length = lines[0].rsplit(",", 2)
    assert name == "%8%a, 1.mp4"
    assert 1 < float(start) < 4.5 and 3 < float(length) < 8
    mpv(library.root / "bea.mpv.edl")
    assert cli(*words, "all").code == 0
    lines = (library.root / "all.mpv.edl").read_text().splitlines()[1:]
    assert [line.rpartition("%")[2].rsplit(",", 2)[:2] for line in lines] == [
        ["a, 1.mp4", "0.000"],
        ["b.mp4", "0.000"],
    ]


def test_a_query_that_finds_nothing_to_play(cli: Cli, library: Library) -> None:
    library.add("short.mp4", "a.mp4")
    run = cli("export", library.root, "--format", "mpv-edl")
    assert run.code == 1 and "nothing to play: no video has metadata" in run.err
    run = cli("export", library.root, "--format", "mpv-edl", "-q", "performer:jane")
    assert run.code == 1 and "finds no video: tags --performers" in run.err
    assert not list(library.root.glob("*.edl"))
