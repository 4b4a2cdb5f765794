"""`thumbs`: one picture per video, the right one."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from support import Library, media, stamps


def thumb(library: Library, name: str) -> media.Picture:
    return media.read_picture(library.artifact(f"{name}.jpg"))


def printable(library: Library, name: str = "numbered.mp4") -> int:
    return media.number_of(thumb(library, name))


def test_the_middle_in_the_size_of_the_video(cli: Cli, library: Library) -> None:
    library.add("numbered.mp4")
    run = cli("thumbs", library.root, "--json")
    assert run.code == 0
    assert run.json["task"] == "thumbs"
    assert run.counts == {"made": 1}
    assert library.artifacts() == ["numbered.mp4.jpg"]
    assert library.artifact("numbered.mp4.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert thumb(library, "numbered.mp4").shape == (180, 320, 3)
    assert 100 <= printable(library) <= 150


@pytest.mark.parametrize(
    ("time", "frame"),
    [("0", 0), ("1", 25), ("2.52", 63), ("2.539", 63), ("3.30", 82), ("9.96", 249), ("9.99", 249)],
)
def test_seconds_are_exact(cli: Cli, library: Library, time: str, frame: int) -> None:
    library.add("numbered.mp4")
    assert cli("thumbs", library.root, "--time", time).code == 0
    assert printable(library) == frame


@pytest.mark.parametrize(
    ("time", "frame"), [("0%", 0), ("25%", 150), ("middle", 300), ("90%", 540)]
)
def test_shares_of_the_duration(cli: Cli, library: Library, time: str, frame: int) -> None:
    """A keyframe up to two percent of the duration away will do, unless exactness is asked for."""
    library.add("minute.mp4")
    assert cli("thumbs", library.root, "--time", time).code == 0
    assert abs(printable(library, "minute.mp4") - frame) <= 12
    assert cli("thumbs", library.root, "--time", time, "--seek", "exact", "--force").code == 0
    assert printable(library, "minute.mp4") == frame


def test_keyframes_only(cli: Cli, library: Library) -> None:
    library.add("minute.mp4")
    assert cli("thumbs", library.root, "--time", "31", "--seek", "keyframe").code == 0
    assert printable(library, "minute.mp4") % 20 == 0
    assert abs(printable(library, "minute.mp4") - 310) <= 20


@pytest.mark.parametrize("time", ["100%", "10", "10.5", "55", "101%", "9" * 30])
def test_past_the_end_is_the_last_frame_with_a_note(cli: Cli, library: Library, time: str) -> None:
    library.add("numbered.mp4")
    run = cli("thumbs", library.root, "--time", time, "--seek", "exact", "--json")
    assert run.code == 0
    assert printable(library) == 249
    if time in {"10.5", "55", "101%"}:
        assert run.json["results"][0]["note"]


def test_the_best_of_some(cli: Cli, library: Library) -> None:
    """`auto` leaves out black and flat frames, even where they are most of the video."""
    library.add("late_start.mp4")
    assert cli("thumbs", library.root, "--time", "auto").code == 0
    assert printable(library, "late_start.mp4") >= 700


def test_the_best_where_nothing_is_good(cli: Cli, library: Library) -> None:
    library.add("black.mp4")
    assert cli("thumbs", library.root, "--time", "auto").code == 0
    assert thumb(library, "black.mp4").max() < 10


def test_a_real_film(cli: Cli, library: Library) -> None:
    video = library.add("bikes.mp4")
    assert cli("thumbs", library.root, "--time", "6.3").code == 0
    picture = thumb(library, "bikes.mp4")
    assert picture.shape == (272, 640, 3)
    assert media.difference(picture, media.frame_at(video, 6.3)) < 3
    assert media.difference(picture, media.frame_at(video, 2)) > 20


def test_quality_is_that_of_ffmpeg(cli: Cli, library: Library) -> None:
    library.add("bikes.mp4")
    sizes = []
    for quality in (2, 10, 31):
        assert cli("thumbs", library.root, "--quality", quality, "--force").code == 0
        sizes.append(library.artifact("bikes.mp4.jpg").stat().st_size)
    assert sizes[0] > 1.5 * sizes[1] > 2 * sizes[2]


@pytest.mark.parametrize("width", [100, 160, 640])
def test_width_keeps_the_shape(cli: Cli, library: Library, width: int) -> None:
    library.add("numbered.mp4")
    assert cli("thumbs", library.root, "--width", width).code == 0
    height, made, _ = thumb(library, "numbered.mp4").shape
    assert made == width
    assert height == pytest.approx(width * 9 / 16, abs=1)


def test_done_once_and_again_by_force_or_change(cli: Cli, library: Library) -> None:
    library.add("numbered.mp4", "a.mp4")
    assert cli("thumbs", library.root, "--time", 1, "--json").counts == {"made": 1}
    before = stamps(library.root)
    assert cli("thumbs", library.root, "--time", 2, "--json").counts == {"skipped": 1}
    assert stamps(library.root) == before
    assert cli("thumbs", library.root, "--time", 2, "--force", "--json").counts == {"made": 1}
    assert printable(library, "a.mp4") == 50
    library.make_newer(library.add("sparse.mp4", "a.mp4"))
    assert cli("thumbs", library.root, "--time", 2, "--json").counts == {"made": 1}
    assert printable(library, "a.mp4") == 20


def test_an_empty_file_is_not_an_artifact(cli: Cli, library: Library) -> None:
    library.add("short.mp4")
    cli("thumbs", library.root)
    library.artifact("short.mp4.jpg").write_bytes(b"")
    assert cli("thumbs", library.root, "--json").counts == {"made": 1}
    assert thumb(library, "short.mp4").shape == (180, 320, 3)


def test_recursion_keeps_artifacts_beside_their_videos(cli: Cli, library: Library) -> None:
    library.add("short.mp4", "sub/deep/a.mp4")
    library.add("short.mp4", "b.mp4")
    run = cli("thumbs", library.root, "-r", "--json")
    assert {entry["video"] for entry in run.json["results"]} == {"b.mp4", "sub/deep/a.mp4"}
    assert library.artifacts() == ["b.mp4.jpg"]
    assert library.artifacts("sub/deep") == ["a.mp4.jpg"]


@pytest.mark.parametrize(
    ("clip", "reason"),
    [("sound_only.mp4", "video"), ("empty.mp4", ""), ("text.mp4", ""), ("cut_index.mp4", "")],
)
def test_bad_videos(cli: Cli, library: Library, clip: str, reason: str) -> None:
    library.add(clip)
    library.add("short.mp4")
    run = cli("thumbs", library.root, "--json")
    assert run.code == 1
    assert run.counts == {"made": 1, "failed": 1}
    assert reason in run.failure(clip)
    assert library.artifacts() == ["short.mp4.jpg"]


def test_only_the_wanted_frame_is_said_to_be_lost(cli: Cli, library: Library) -> None:
    library.add("cut_data.mp4")
    assert cli("thumbs", library.root, "--time", "0").code == 0
    run = cli("thumbs", library.root, "--time", "90%", "--seek", "keyframe", "--force", "--json")
    assert "before any frame that is wanted" in run.failure("cut_data.mp4")


def test_a_picture_that_cannot_be_named_here(cli: Cli, library: Library) -> None:
    """A folder stands where the picture should go: one line, nothing else suffers."""
    library.add("short.mp4", "a.mp4")
    library.add("short.mp4", "b.mp4")
    (library.artifact("a.mp4.jpg") / "x").mkdir(parents=True)
    run = cli("thumbs", library.root, "--json")
    assert run.code == 1
    assert run.failure("a.mp4")
    assert library.artifacts() == ["a.mp4.jpg", "b.mp4.jpg"]


def test_metadata_decides_nothing_it_does_not_know(
    cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Metadata of another video under this one's name does not lead the thumbnail astray."""
    monkeypatch.delenv("FFPROBE_DISABLE", raising=False)
    library.add("minute.mp4", "a.mp4")
    cli("meta", library.root)
    stale: Path = library.add("short.mp4", "a.mp4")
    library.make_newer(stale)
    assert cli("thumbs", library.root, "--seek", "exact").code == 0
    assert printable(library, "a.mp4") in {37, 38}
