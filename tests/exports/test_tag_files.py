"""Exports of tags: XMP and hydrus, which `tags --from` reads again."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli
from defusedxml.ElementTree import parse
from support import Library

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DETAILS = {"rating": 4, "note": "A <b>\nnote", "date": "2020-05-01"}


@pytest.fixture
def tagged(cli: Cli, library: Library) -> Library:
    """A video with tags, a performer and details, and one without."""
    for name in ("a.mp4", "b.mp4"):
        library.add_bytes(name, name.encode())
    words = [word for key, value in DETAILS.items() for word in (f"--{key}", value)]
    names = ("--set", "places/sea,night & day", "--add-performers", "Jane Doe")
    assert cli("tags", library.root / "a.mp4", *names, *words).code == 0
    return library


def copied(path: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / path.name).write_bytes(path.read_bytes())


@pytest.mark.parametrize(("name", "suffix"), [("xmp", ".xmp"), ("hydrus", ".txt")])
def test_what_was_exported_is_read_again(
    cli: Cli, tagged: Library, tmp_path: Path, name: str, suffix: str
) -> None:
    run = cli("export", tagged.root, "--format", name, "--json")
    assert (run.code, run.counts) == (0, {"made": 1, "nothing to export": 1})
    copied(tagged.root / f"a.mp4{suffix}", tmp_path / "elsewhere")
    before = cli("tags", tagged.root / "a.mp4", "--json").json
    words = ("--rating", "", "--note", "", "--date", "", "--remove", "places/sea,night & day")
    cli("tags", tagged.root / "a.mp4", *words, "--clear-performers")
    assert cli("tags", tagged.root, "--from", name, tmp_path / "elsewhere", "--force").code == 0
    after = cli("tags", tagged.root / "a.mp4", "--json").json
    if name == "hydrus":  # which has no place for what is no tag
        before = {key: value for key, value in before.items() if key not in DETAILS}
    assert after == before
    assert cli("export", tagged.root, "--format", name, "--json").counts["made"] == 1


def test_xmp_as_other_programs_read_it(cli: Cli, tagged: Library) -> None:
    cli("export", tagged.root, "--format", "xmp")
    description = parse(tagged.root / "a.mp4.xmp").getroot().find(f"{RDF}RDF/{RDF}Description")
    assert description.get("{http://ns.adobe.com/xap/1.0/}Rating") == "4"

    def items(name: str) -> list[str]:
        return [item.text for item in description.find(name).iter(f"{RDF}li")]

    assert items("{http://purl.org/dc/elements/1.1/}subject") == ["sea", "night & day"]
    assert items("{http://www.digikam.org/ns/1.0/}TagsList")[0] == "places/sea"
    assert items("{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject")[0] == "places|sea"
    people = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}PersonInImage"
    assert items(people) == ["Jane Doe"]


def test_the_files_of_others_are_left_alone(cli: Cli, tagged: Library) -> None:
    for suffix in (".xmp", ".txt"):
        (tagged.root / f"a.mp4{suffix}").write_text("mine")
    run = cli("export", tagged.root, "--format", "xmp,hydrus", "--json")
    assert run.code == 1
    for suffix in (".xmp", ".txt"):
        assert (tagged.root / f"a.mp4{suffix}").read_text() == "mine"
        assert f"a.mp4{suffix} was not written by this program" in run.err


def test_tags_that_change_make_it_stale(cli: Cli, tagged: Library) -> None:
    words = ("export", tagged.root, "--format", "hydrus", "--json")
    assert cli(*words).counts["made"] == 1
    assert cli(*words).counts["skipped"] == 1
    cli("tags", tagged.root / "a.mp4", "--set", "new")
    assert cli(*words).counts["made"] == 1
    assert "new" in (tagged.root / "a.mp4.txt").read_text().splitlines()
