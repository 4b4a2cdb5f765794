"""`list -q`: what every word of the query language finds, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import Cli
from support import Library, Run, run_cli

BIKES, BUNNY, OLD = "bikes.mp4", "sub/Big Bunny.mkv", "old 100%_.mp4"
ALL = {BIKES, BUNNY, OLD}


@pytest.fixture(scope="module")
def shelf(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """10 s of 640x272 at 25 a second with tags, 5 s of 1280x720 with sound, and a stranger."""
    library = Library(tmp_path_factory.mktemp("query"), clips)
    library.add("bikes.mp4", BIKES)
    library.add("bigbuckbunny.mp4", BUNNY)
    stranger = library.add_bytes(OLD, b"this is a test" * 100)
    assert run_cli("meta", library.root, "-r", "--ext", ".mkv").code == 0
    assert run_cli("meta,thumbs", library.root, "--only", BIKES).code == 0
    words = ("--set", "Night,sci fi", "--add-performers", "Jane Doe")
    assert run_cli("tags", library.root / BIKES, *words).code == 0
    assert run_cli("tags", stranger, "--set", "nightly").code == 0
    os.utime(stranger, (1_583_366_400, 1_583_366_400))  # the 5th of March 2020
    return library


def asked(cli: Cli, shelf: Library, query: str) -> Run:
    return cli("list", shelf.root, "-r", "--ext", "*", "-q", query, "--json")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ALL),
        ("tag:night", {BIKES}),
        ("tag:NI*", {BIKES, OLD}),
        ('tag:"sci fi"', {BIKES}),
        ('performer:"jane doe"', {BIKES}),
        ("performer:jane", set()),
        ("bunny", {BUNNY}),
        ('"big bunny"', {BUNNY}),
        ("jane", {BIKES}),
        ("100%", {OLD}),
        ("_", {OLD}),
        ("name:ike", {BIKES}),
        ("name:bi*", {BIKES, BUNNY}),
        ("path:sub/*", {BUNNY}),
        ("folder:SUB", {BUNNY}),
        ("folder:/sub/", {BUNNY}),
        ("folder:s*", {BUNNY}),
        ("folder:su", set()),
        ("-folder:sub", {BIKES, OLD}),
        ("ext:mkv", {BUNNY}),
        ("codec:H264", {BIKES, BUNNY}),
        ("vcodec:hevc", set()),
        ("acodec:aac", {BUNNY}),
        ("duration:10", {BIKES}),
        ("duration:<=0:10", {BIKES, BUNNY}),
        ("duration:4..6s", {BUNNY}),
        ("duration:>10m", set()),
        ("-duration:<10m", {OLD}),
        ("size:<2KiB", {OLD}),
        ("size:1400", {OLD}),
        ("size:2kb..1GB", {BIKES, BUNNY}),
        ("width:1280", {BUNNY}),
        ("height:<300", {BIKES}),
        ("resolution:720p", {BUNNY}),
        ("resolution:hd", {BUNNY}),
        ("resolution:360p", {BIKES}),
        ("resolution:<720", {BIKES}),
        ("resolution:480p..4k", {BUNNY}),
        ("-resolution:>=144p", {OLD}),
        ("fps:24..30", {BIKES, BUNNY}),
        ("bitrate:>1M", {BUNNY}),
        ("added:<7d", {BIKES, BUNNY}),
        ("added:>1y", {OLD}),
        ("added:2020", {OLD}),
        ("added:2020-03-05..2020-04", {OLD}),
        ("added:<2020-03-05", set()),
        ("added:<99999y", ALL),
        ("added:2020..3000", ALL),
        ("added:>3000", set()),
        ("has:metadata", {BIKES, BUNNY}),
        ("fresh:thumbs", {BIKES}),
        ("missing:meta", {OLD}),
        ("stale:thumbs", set()),
        ("oshash:0000000000000000", set()),
        ("tag:night OR ext:mkv", {BIKES, BUNNY}),
        ("-tag:night ext:mp4", {OLD}),
        ('"OR"', set()),
        ("tag:night performer:'Jane Doe'", set()),
        ('tag:night performer:"Jane Doe" codec:h264 size:<1GB missing:subtitles bikes', {BIKES}),
    ],
)
def test_what_is_found(cli: Cli, shelf: Library, query: str, expected: set[str]) -> None:
    run = asked(cli, shelf, query)
    assert run.code == 0, run.err
    prefix = f"{shelf.root}/"
    assert {row["path"].removeprefix(prefix) for row in run.json} == expected


def test_by_hash(cli: Cli, shelf: Library) -> None:
    mark = shelf.json(f"{BIKES}.tags.json")["source"]["oshash"]
    assert [row["name"] for row in asked(cli, shelf, f"oshash:{mark}").json] == [BIKES]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("colour:red", "colour:red: no such field; there are tag, performer"),
        ("http://x", "Put text with a colon into quotes"),
        ("durations:5", "did you mean duration:?"),
        ("duration:long", "not a length of time; say for example"),
        ("duration:nan", "not a length of time"),
        ("duration:20..10", "duration:20..10: ends before it begins"),
        ("size:<1XB", "not a size; say for example"),
        ("size:-5", "not a size"),
        ("size:1GB..1MB", "ends before it begins"),
        ("fps:x", "not a number"),
        ("resolution:big", "not a resolution; say for example 1080p"),
        ("bitrate:fast", "not a bit rate"),
        ("added:<7q", "not an age or a day"),
        ("added:2020-13", "not an age or a day"),
        ("added:7d..1d", "ends before it begins"),
        ("missing:foo", "no such kind of artifact; there are metadata"),
        ("tag:", "says nothing to look for"),
        ('"open', "the quote is not closed"),
        ("OR", "OR stands between two conditions"),
        ("(beach OR night)", "(beach: parentheses do not group words"),
        ("a OR", "OR stands between two conditions"),
        ("a " * 300, "more than 200 words"),
    ],
)
def test_what_is_wrong(cli: Cli, shelf: Library, query: str, told: str) -> None:
    run = asked(cli, shelf, query)
    assert run.code == 2 and told in run.json["error"]
    assert len(run.err.splitlines()) == 1 and "Traceback" not in run.err
