"""`tags --from`: what the files of other programs say of videos."""

from __future__ import annotations

import json
import typing
import zipfile
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Library

from videolib.media.choices import TagSource
from videolib.organize.tag_sources import SOURCES

NFO = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<movie><title>Night</title><plot>Long ago.</plot><userrating>7</userrating>
<isuserfavorite>true</isuserfavorite><premiered>2011-02-03</premiered><year>2011</year><tag>night</tag><genre>Drama</genre>
<actor><name>Jane Doe</name><role>Ann</role></actor><actor><name>Joe</name></actor></movie>
"""
XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="3"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:DateTimeOriginal="2020-05-01T12:30:00"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:digiKam="http://www.digikam.org/ns/1.0/"
 xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/">
<digiKam:TagsList><rdf:Seq><rdf:li>places/sea</rdf:li><rdf:li>People/Jane Doe</rdf:li></rdf:Seq>
</digiKam:TagsList><dc:subject><rdf:Bag><rdf:li>sea</rdf:li></rdf:Bag></dc:subject>
<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>
<rdf:li><rdf:Description mwg-rs:Name="Joe" mwg-rs:Type="Face"/></rdf:li>
<rdf:li><rdf:Description mwg-rs:Name="Rex" mwg-rs:Type="Pet"/></rdf:li>
</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions></rdf:Description></rdf:RDF></x:xmpmeta>
"""


def tags_of(cli: Cli, video: Path) -> dict[str, Any]:
    return dict(cli("tags", video, "--json").json)


@pytest.fixture
def videos(library: Library) -> Library:
    library.add_bytes("night.mp4", b"1")
    library.add_bytes("sub/night.mkv", b"2")
    return library


def test_an_nfo_is_planned_applied_and_undone(cli: Cli, videos: Library) -> None:
    (videos.root / "night.nfo").write_text(NFO)
    words = ("tags", videos.root, "--from", "nfo", videos.root, "--json")
    plan = cli(*words)
    assert (plan.code, plan.json["dry_run"], plan.json["changed"]) == (0, True, ["night.mp4"])
    assert tags_of(cli, videos.root / "night.mp4")["tags"] == []
    assert cli(*words, "--force").json["changed"] == ["night.mp4"]
    after = tags_of(cli, videos.root / "night.mp4")
    names = {"tags": ["night", "Drama"], "performers": ["Jane Doe", "Joe"]}
    details = {"rating": 3.5, "favourite": True, "note": "Long ago.", "date": "2011-02-03"}
    assert after == {"video": "night.mp4", **names, **details}
    assert cli(*words, "--force").json["changed"] == []
    assert cli("tags", videos.root, "--undo").code == 0
    assert tags_of(cli, videos.root / "night.mp4")["tags"] == []


def test_xmp_beside_a_video(cli: Cli, videos: Library) -> None:
    (videos.root / "sub" / "night.mkv.xmp").write_text(XMP)
    run = cli("tags", videos.root, "--from", "xmp", videos.root, "--force", "--json")
    assert run.json["changed"] == ["sub/night.mkv"]
    after = tags_of(cli, videos.root / "sub" / "night.mkv")
    assert (after["tags"], after["performers"]) == (["places/sea"], ["Jane Doe", "Joe"])
    assert (after["rating"], after["date"]) == (3, "2020-05-01")


def test_lines_of_hydrus(cli: Cli, videos: Library) -> None:
    text = "blue sky\nperformer:Jane Doe\nseries:night\n\nrating:4\n"
    (videos.root / "night.mp4.txt").write_text(text, encoding="utf-8-sig")
    cli("tags", videos.root, "--from", "hydrus", videos.root / "night.mp4.txt", "--force")
    after = tags_of(cli, videos.root / "night.mp4")
    assert (after["tags"], after["performers"]) == (["blue sky", "series:night"], ["Jane Doe"])
    assert after["rating"] == 4


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_an_export_of_stash_from_another_machine(
    cli: Cli, videos: Library, tmp_path: Path, form: str
) -> None:
    scene = {
        "title": "Night",
        "files": ["/data/films/sub/night.mkv"],
        "tags": ["night"],
        "performers": ["Jane Doe"],
        "rating": 80,
        "date": "2019-09-09",
        "details": "Dark.",
    }
    gone = {"files": ["/data/films/gone.mp4"], "tags": ["x"]}
    export = tmp_path / "export"
    (export / "scenes").mkdir(parents=True)
    for name, document in (("1.json", scene), ("2.json", gone)):
        (export / "scenes" / name).write_text(json.dumps(document))
    if form == "zip":
        with zipfile.ZipFile(export := tmp_path / "export.zip", "w") as archive:
            for path in sorted((tmp_path / "export" / "scenes").iterdir()):
                archive.write(path, f"scenes/{path.name}")
            archive.writestr("tags/night.json", '{"name": "night"}')
    run = cli("tags", videos.root, "--from", "stash", export, "--force", "--json")
    assert run.code == 1 and run.json["changed"] == ["sub/night.mkv"]
    assert run.json["errors"] == [{"video": "/data/films/gone.mp4", "error": "no such video here"}]
    after = tags_of(cli, videos.root / "sub" / "night.mkv")
    assert (after["tags"], after["rating"], after["date"]) == (["night"], 4, "2019-09-09")
    assert (after["performers"], after["note"]) == (["Jane Doe"], "Dark.")


def test_which_of_two_videos_is_not_guessed(cli: Cli, videos: Library, tmp_path: Path) -> None:
    (tmp_path / "night.nfo").write_text(NFO)
    run = cli("tags", videos.root, "--from", "nfo", tmp_path / "night.nfo", "--force", "--json")
    assert run.code == 1 and run.json["changed"] == []
    (error,) = run.json["errors"]
    assert error["error"] == "may mean each of 2 videos: night.mp4, sub/night.mkv"


def test_the_choices_are_those_that_can_be_read() -> None:
    assert typing.get_args(TagSource) == tuple(SOURCES)


ENTITY = '<!DOCTYPE movie [<!ENTITY x SYSTEM "file:///etc/passwd">]><movie><tag>&x;</tag></movie>'


@pytest.mark.parametrize(
    ("source", "name", "content", "reason"),
    [
        ("nfo", "night.nfo", b"<movie><tag>", "is no XML that can be read"),
        ("nfo", "night.nfo", ENTITY.encode(), "is no XML that can be read"),
        ("nfo", "night.nfo", b"<tvshow/>", "is an NFO of a tvshow, not of a video"),
        ("hydrus", "night.mp4.txt", b"\xff\xfe", "is not UTF-8"),
        ("stash", "scene.json", b"{", "is not JSON"),
        ("stash", "scene.json", b"[]", "is no scene of Stash"),
        ("stash", "export.zip", b"PK\x05\x06" + b"\0" * 16, "is not JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_count(
    cli: Cli, videos: Library, source: str, name: str, content: bytes, reason: str
) -> None:
    (videos.root / name).write_bytes(content)
    run = cli("tags", videos.root, "--from", source, videos.root / name, "--force", "--json")
    assert run.code == 1 and run.json["changed"] == []
    (error,) = run.json["errors"]
    assert error["video"].endswith(name) and reason in error["error"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--from", "kodi", "."], "--from takes one of nfo, stash, xmp, hydrus"),
        (["--from", "nfo"], "and a file or folder"),
        (["--from", "nfo", "nothing.nfo"], "there is no such file or folder"),
        (["--from", "nfo", ".", "--set", "x"], "stand alone"),
    ],
)
def test_words_that_make_no_sense(cli: Cli, videos: Library, words: list[str], reason: str) -> None:
    run = cli("tags", videos.root, *words)
    assert run.code == 2 and reason in run.err
