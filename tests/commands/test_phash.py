"""`phash`: fingerprints that survive re-encoding, and everything needed to compare them well."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from conftest import Cli
from support import Library


def document(library: Library, name: str) -> dict[str, Any]:
    found: dict[str, Any] = library.json(f"{name}.phash.json")
    return found


def bits(hexadecimal: str) -> list[int]:
    width = len(hexadecimal) * 4
    return [int(bit) for bit in f"{int(hexadecimal, 16):0{width}b}"]


def distance(one: str, other: str) -> float:
    """Share of the bits that differ."""
    assert len(one) == len(other)
    return (int(one, 16) ^ int(other, 16)).bit_count() / (4 * len(one))


def test_five_frames_of_an_average_hash(cli: Cli, library: Library) -> None:
    library.add("bikes.mp4")
    run = cli("phash", library.root, "--json")
    assert run.code == 0
    assert run.counts == {"made": 1}
    made = document(library, "bikes.mp4")
    assert (made["algorithm"], made["combine"], made["bits"]) == ("ahash", "xor", 1024)
    assert len(made["phash"]) == 256
    times = [frame["time"] for frame in made["frames"]]
    assert len(times) == 5
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) - min(gaps) <= 0.081
    assert 0 <= times[0] < 3
    assert 7 < times[-1] < 10
    for frame in made["frames"]:
        assert len(frame["hash"]) == 256
        assert frame["flat"] is False
        assert 0.2 < sum(bits(frame["hash"])) / 1024 < 0.8


@pytest.mark.parametrize(("algorithm", "width"), [("ahash", 1024), ("dct", 64)])
@pytest.mark.parametrize("combine", ["xor", "majority", "avg"])
def test_the_combined_hash_follows_from_the_frames(
    cli: Cli, library: Library, algorithm: str, combine: str, width: int
) -> None:
    library.add("bikes.mp4")
    run = cli("phash", library.root, "--algo", algorithm, "--combine", combine)
    assert run.code == 0
    made = document(library, "bikes.mp4")
    assert made["bits"] == width
    assert made["algorithm"] == algorithm
    columns = list(zip(*(bits(frame["hash"]) for frame in made["frames"]), strict=True))
    assert len(columns) == width
    if combine == "xor":
        expected = [sum(column) % 2 for column in columns]
    else:
        expected = [int(sum(column) > len(column) / 2) for column in columns]
    assert bits(made["phash"]) == expected


def test_an_even_number_of_votes_needs_more_than_half(cli: Cli, library: Library) -> None:
    library.add("bikes.mp4")
    cli("phash", library.root, "--frames", 4, "--combine", "majority", "--algo", "dct")
    made = document(library, "bikes.mp4")
    columns = zip(*(bits(frame["hash"]) for frame in made["frames"]), strict=True)
    assert bits(made["phash"]) == [int(sum(column) > 2) for column in columns]


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["ahash", "dct"])
def test_one_frame_is_its_own_hash_at_the_exact_time(
    cli: Cli, library: Library, algorithm: str
) -> None:
    library.add("bikes.mp4")
    cli("phash", library.root, "--algo", algorithm)
    several = document(library, "bikes.mp4")["frames"]
    for frame in several[1:4]:
        time = frame["time"] + 0.01
        args = ("--frames", 1, "--time", time, "--algo", algorithm, "--force")
        assert cli("phash", library.root, *args).code == 0
        made = document(library, "bikes.mp4")
        assert made["phash"] == made["frames"][0]["hash"] == frame["hash"]
        assert made["frames"][0]["time"] == pytest.approx(frame["time"], abs=0.001)


@pytest.mark.parametrize(("time", "expected"), [("middle", 5.0), ("25%", 2.5), ("7", 7.0)])
def test_where_a_single_frame_is_taken(
    cli: Cli, library: Library, time: str, expected: float
) -> None:
    library.add("numbered.mp4")
    assert cli("phash", library.root, "--frames", 1, "--time", time).code == 0
    (frame,) = document(library, "numbered.mp4")["frames"]
    assert 0 <= expected - frame["time"] < 0.041


@pytest.mark.parametrize("algorithm", ["ahash", "dct"])
def test_near_and_far(cli: Cli, library: Library, algorithm: str) -> None:
    """Scaled to half and badly encoded it is the same film; another film is not."""
    for clip in ("bikes.mp4", "small_bikes.mp4", "bigbuckbunny.mp4"):
        library.add(clip)
    args = ("--algo", algorithm, "--combine", "majority")
    assert cli("phash", library.root, *args).code == 0
    one, copy, other = (
        document(library, f"{name}.mp4") for name in ("bikes", "small_bikes", "bigbuckbunny")
    )
    for mine, theirs in zip(one["frames"], copy["frames"], strict=True):
        assert mine["time"] == pytest.approx(theirs["time"], abs=0.001)
        assert distance(mine["hash"], theirs["hash"]) < 0.08
    assert distance(one["phash"], copy["phash"]) < 0.08
    assert distance(one["phash"], other["phash"]) > 0.25


def test_the_same_bytes_have_the_same_hash(cli: Cli, library: Library) -> None:
    library.add("bikes.mp4", "a.mp4")
    library.add("bikes.mp4", "b.mp4")
    cli("phash", library.root, "--workers", 2)
    assert document(library, "a.mp4")["phash"] == document(library, "b.mp4")["phash"]
    assert document(library, "a.mp4")["frames"] == document(library, "b.mp4")["frames"]


def test_flat_frames_have_no_hash(cli: Cli, library: Library) -> None:
    library.add("black.mp4")
    run = cli("phash", library.root, "--json")
    assert run.code == 0
    made = document(library, "black.mp4")
    assert made["phash"] is None
    assert "flat" in made["reason"]
    assert [frame["flat"] for frame in made["frames"]] == [True] * len(made["frames"])
    assert cli("phash", library.root, "--json").counts == {"skipped": 1}


def test_some_flat_frames(cli: Cli, library: Library) -> None:
    library.add("late_start.mp4")
    assert cli("phash", library.root, "--frames", 9).code == 0
    made = document(library, "late_start.mp4")
    assert made["phash"] is not None
    for frame in made["frames"]:
        assert frame["flat"] is (frame["time"] < 7.95)


@pytest.mark.parametrize("clip", ["one_frame.mp4", "short.mp4"])
def test_short_ones(cli: Cli, library: Library, clip: str) -> None:
    library.add(clip)
    assert cli("phash", library.root).code == 0
    made = document(library, clip)
    assert len(made["phash"]) == 256
    assert 1 <= len(made["frames"]) <= 5


def test_bad_videos(cli: Cli, library: Library) -> None:
    for clip in ("sound_only.mp4", "empty.mp4", "cut_index.mp4", "short.mp4"):
        library.add(clip)
    run = cli("phash", library.root, "--json")
    assert run.code == 1
    assert run.counts == {"made": 1, "failed": 3}
    assert library.artifacts() == ["short.mp4.phash.json"]
