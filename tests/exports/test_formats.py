"""Subtitles, NFO files and chapters, read back by readers that are not ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pysubs2
import pytest
import webvtt
from conftest import Cli
from defusedxml.ElementTree import parse
from support import Library
from support.media import ffmpeg

TRACK = "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<i>Tea</i> &amp; cake\nfor you\n"

# Of Kodi's wiki, "NFO files/Movies": what a movie's NFO may have.
KODI = """
title originaltitle sorttitle ratings userrating top250 outline plot tagline runtime thumb fanart
mpaa playcount lastplayed id uniqueid genre country set tag credits director premiered year status
code aired studio trailer fileinfo actor showlink resume dateadded
"""


def person(number: int, name: str, frames: int) -> dict[str, Any]:
    place: dict[str, Any] = {"video": "a.mp4", "intervals": [[0, 1]], "apart": []}
    face = {"signature": f"{number:016x}", "frames": frames, "time": 0.5, "quality": 1.0}
    occurrence = place | face
    return {"id": number, "label": name, "label_distance": 0.1, "occurrences": [occurrence]}


def people(*rows: dict[str, Any]) -> str:
    """What `listing` stores of people with names of a gallery."""
    data = {"sources": [], "left_out": [], "gallery": [], "model": "", "dimension": 128}
    params = {"cluster_eps": 0.4, "cluster_min_samples": 1, "label_threshold": 0.4}
    data |= {"scale": 1.0, "params": params, "videos": 1, "next": 9}
    return json.dumps(data | {"people": rows})


def write(library: Library, name: str, content: str) -> None:
    path = library.artifact(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)


def export(cli: Cli, library: Library, *words: object) -> dict[str, Any]:
    """The row of the only video, after an export."""
    run = cli("export", library.root, *words, "--json")
    (row,) = run.json["results"]
    assert run.code == (1 if row["status"] == "failed" else 0)
    return dict(row)


def nfo(library: Library, name: str = "a.nfo") -> Element:
    root: Element = parse(library.root / name, forbid_dtd=True).getroot()
    return root


class TestSubtitles:
    @pytest.fixture
    def titled(self, library: Library) -> Library:
        library.add("short.mp4", "a.mp4")
        write(library, "a.mp4.vtt", TRACK)
        return library

    def test_in_the_language_that_is_spoken(self, cli: Cli, titled: Library) -> None:
        row = export(cli, titled, "--format", "subtitles")
        assert row["files"] == ["a.und.srt"], "nobody knows the language"
        (event,) = pysubs2.load(str(titled.root / "a.und.srt"))
        assert (event.start, event.end) == (1000, 2500)
        assert event.text == r"{\i1}Tea{\i0} & cake\Nfor you"
        write(titled, "a.mp4.json", json.dumps({"language": "de", "cues": []}))
        row = export(cli, titled, "--format", "subtitles")
        assert row["files"] == ["a.de.srt"] and not (titled.root / "a.und.srt").exists()

    def test_languages_purposes_and_formats(self, cli: Cli, titled: Library) -> None:
        for label in ("en", "pt-BR", "de.forced"):
            write(titled, f"a.mp4.{label}.vtt", TRACK)
        titled.artifact("a.mp4.vtt").unlink()
        row = export(cli, titled, "--format", "subtitles", "--subtitle-format", "vtt")
        assert sorted(row["files"]) == ["a.de.forced.vtt", "a.en.vtt", "a.pt-BR.vtt"]
        (caption,) = webvtt.read(str(titled.root / "a.pt-BR.vtt")).captions
        assert caption.text == "Tea &amp; cake\nfor you", "this reader leaves them escaped"
        row = export(cli, titled, "--format", "subtitles", "--subtitle-format", "ass")
        assert sorted(row["files"]) == ["a.de.forced.ass", "a.en.ass", "a.pt-BR.ass"]
        (event,) = pysubs2.load(str(titled.root / "a.en.ass"))
        assert event.text == r"{\i1}Tea{\i0} & cake\Nfor you"
        assert not (titled.root / "a.en.vtt").exists(), "the former format goes"

    def test_somebody_elses_count_as_there(self, cli: Cli, titled: Library) -> None:
        write(titled, "a.mp4.en.vtt", TRACK)
        titled.artifact("a.mp4.vtt").unlink()
        (titled.root / "a.eng.srt").write_text("1\n00:00:01,000 --> 00:00:02,000\nmine\n")
        row = export(cli, titled, "--format", "subtitles")
        assert row["status"] == "skipped" and "a.eng.srt" in row["note"]
        write(titled, "a.mp4.fr.vtt", TRACK)
        assert export(cli, titled, "--format", "subtitles")["files"] == ["a.fr.srt"]

    def test_what_was_exported_is_not_taken_for_somebody_elses(
        self, cli: Cli, titled: Library
    ) -> None:
        """Else generated subtitles would never be made again, and all that is said found twice."""
        export(cli, titled, "--format", "subtitles")
        found = cli("search", "cake", titled.root, "--json").json["results"]
        assert [video["count"] for video in found] == [1]
        titled.artifact("a.mp4.vtt").unlink()
        report = cli("report", titled.root, "--json").json
        assert report["videos"][0]["subtitles"] is False

    def test_nothing_to_export(self, cli: Cli, titled: Library) -> None:
        write(titled, "a.mp4.vtt", "WEBVTT\n")
        row = export(cli, titled, "--format", "subtitles")
        assert row["status"] == "nothing to export" and "subtitles" in row["note"]


class TestNfo:
    @pytest.mark.slow
    def test_what_is_known(self, cli: Cli, library: Library) -> None:
        film = library.root / "Some Film (2010).mp4"
        picture = ("-f", "lavfi", "-i", "testsrc=s=64x36:r=5:d=100")
        sound = ("-f", "lavfi", "-i", "sine=d=100", "-c:a", "aac", "-metadata:s:a", "language=eng")
        ffmpeg(*picture, *sound, "-shortest", film)
        library.keep(film)
        cli("metadata", library.root)
        tags = ("--set", "sea & sky", "--add-performers", "Zoe,Jane Doe")
        cli("tags", library.root, *tags)
        assert export(cli, library, "--format", "nfo")["files"] == ["Some Film (2010).nfo"]
        root = nfo(library, "Some Film (2010).nfo")
        assert root.tag == "movie" and {child.tag for child in root} <= set(KODI.split())
        texts = {child.tag: child.text for child in root}
        assert (texts["title"], texts["year"], texts["runtime"]) == ("Some Film", "2010", "2")
        assert texts["tag"] == "sea & sky"
        assert [name.text for name in root.iterfind("actor/name")] == ["Zoe", "Jane Doe"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(texts["dateadded"]))
        streams = root.find("fileinfo/streamdetails")
        assert streams is not None
        video = {child.tag: child.text for child in streams.iterfind("video/*")}
        assert video == {
            "codec": "h264",
            "aspect": "1.778",
            "width": "64",
            "height": "36",
            "durationinseconds": "100",
        }
        assert streams.findtext("audio/language") == "eng"

    def test_performers_by_their_time_on_screen(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        tags = ("--add-performers", "Ann,Bea,Eve", "--remove-performers", "Zoe")
        cli("tags", library.root, *tags)
        seen = people(person(1, "Ann", 3), person(2, "Bea", 30), person(3, "Dan", 9))
        write(library, ".faces.index.json", seen)
        export(cli, library, "--format", "nfo")
        actors = {a.findtext("order"): a.findtext("name") for a in nfo(library).iter("actor")}
        assert actors == {"0": "Bea", "1": "Dan", "2": "Ann", "3": "Eve"}
        assert export(cli, library, "--format", "nfo")["status"] == "skipped"
        write(library, ".faces.index.json", people(person(1, "Ann", 90), person(2, "Bea", 30)))
        export(cli, library, "--format", "nfo")
        assert nfo(library).findtext("actor/name") == "Ann"
        write(library, ".faces.index.json", "{")
        row = export(cli, library, "--format", "nfo", "--force")
        assert ".faces.index.json is corrupt" in row["error"]

    def test_without_metadata_the_video_is_asked(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        export(cli, library, "--format", "nfo")
        assert nfo(library).findtext("fileinfo/streamdetails/video/codec") == "h264"

    def test_details_come_back_by_import(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        details = {"rating": 4.5, "favourite": True, "note": "two\nlines", "date": "2012-03-04"}
        write(library, "a.mp4.tags.json", json.dumps({"tags": ["x"], **details}))
        export(cli, library, "--format", "nfo")
        library.artifact("a.mp4.tags.json").unlink()
        assert cli("tags", library.root, "--from", "nfo", library.root, "--force").code == 0
        record = library.json("a.mp4.tags.json")
        assert {key: record[key] for key in details} == details and record["tags"] == ["x"]

    def test_names_and_tags_that_xml_cannot_hold(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a<b>&.mp4")
        tags = {"tags": ["bell\u0007", "]]>", "\U0001f3ac"], "performers": []}
        write(library, "a<b>&.mp4.tags.json", json.dumps(tags))
        export(cli, library, "--format", "nfo")
        root = nfo(library, "a<b>&.nfo")
        assert root.findtext("title") == "a<b>&"
        assert [tag.text for tag in root.iterfind("tag")] == ["bell", "]]>", "\U0001f3ac"]

    def test_corrupt_tags_are_named(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        write(library, "a.mp4.tags.json", "{")
        row = export(cli, library, "--format", "nfo")
        assert row["status"] == "failed" and "a.mp4.tags.json is corrupt" in row["error"]


class TestMerge:
    THEIRS = """\ufeff<?xml version="1.0" encoding="utf-8"?>
<!-- mine -->
<movie>
\t<title>The Real Title</title>
\t<custom a='1'>kept</custom>  <!-- and this -->
\t<tag>SEA</tag>
\t<actor><name>Jane Doe</name><role>Herself</role></actor>
</movie>
http://www.imdb.com/title/tt0000001/
"""

    @pytest.fixture
    def tagged(self, cli: Cli, library: Library) -> Library:
        library.add("short.mp4", "a.mp4")
        cli("tags", library.root, "--set", "sea,night", "--add-performers", "jane doe,Zoe")
        (library.root / "a.nfo").write_text(self.THEIRS)
        return library

    def test_completes_and_keeps_all(self, cli: Cli, tagged: Library) -> None:
        assert export(cli, tagged, "--format", "nfo", "--merge")["status"] == "made"
        text = (tagged.root / "a.nfo").read_text()
        head, tail = self.THEIRS.split("</movie>")
        assert text.startswith(head) and text.endswith(f"</movie>{tail}")
        (tagged.root / "a.nfo").write_text(text.removeprefix("\ufeff").removesuffix(tail))
        root = nfo(tagged)
        assert [tag.text for tag in root.iterfind("tag")] == ["SEA", "night"]
        assert [name.text for name in root.iterfind("actor/name")] == ["Jane Doe", "Zoe"]
        assert len(root.findall("title")) == 1 and len(root.findall("runtime")) == 1

    def test_again_from_what_it_was(self, cli: Cli, tagged: Library) -> None:
        export(cli, tagged, "--format", "nfo", "--merge")
        assert export(cli, tagged, "--format", "nfo", "--merge")["status"] == "skipped"
        cli("tags", tagged.root, "--remove", "night")
        assert export(cli, tagged, "--format", "nfo")["status"] == "made"
        text = (tagged.root / "a.nfo").read_text()
        assert "night" not in text and text.count("<runtime>") == 1 and "custom" in text

    def test_taking_it_back(self, cli: Cli, tagged: Library) -> None:
        export(cli, tagged, "--format", "nfo", "--merge")
        assert cli("export", tagged.root, "--remove").code == 0
        assert (tagged.root / "a.nfo").read_text() == self.THEIRS

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"<movie><title>a</movie>", "is no XML"),
            (b"\xff\xfe<\0m\0/\0>\0", "is not in UTF-8"),
            (b'<?xml version="1.0" encoding="latin-1"?><movie>\n</movie>', "not in UTF-8"),
            (b"<!DOCTYPE a [<!ENTITY b 'c'>]><movie>&b;</movie>", "is no XML"),
            (b"<tvshow></tvshow>", "its root is tvshow"),
            (b"<movie/>", "empty"),
            (b"http://www.imdb.com/title/tt0000001/", "is no XML"),
            (b"", "is no XML"),
        ],
    )
    def test_refused_by_name(self, cli: Cli, tagged: Library, content: bytes, reason: str) -> None:
        (tagged.root / "a.nfo").write_bytes(content)
        row = export(cli, tagged, "--format", "nfo", "--merge")
        assert row["error"].startswith("a.nfo ") and reason in row["error"]
        assert (tagged.root / "a.nfo").read_bytes() == content


class TestChapters:
    @pytest.fixture
    def cut(self, library: Library) -> Library:
        """A film of 100 s with scenes that begin every 4 s, but for one of 30 s."""
        library.add("short.mp4", "a.mp4")
        starts = [float(s) for s in (*range(0, 40, 4), *range(70, 100, 4))]
        ends = [*starts[1:], 100.0]
        scenes = [{"start": s, "end": e} for s, e in zip(starts, ends, strict=True)]
        stat = (library.root / "a.mp4").stat()
        source = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        record = {"source": source, "files": [], "scenes": scenes}
        write(library, "a.mp4.scenes.json", json.dumps(record))
        return library

    def test_thinned(self, cli: Cli, cut: Library) -> None:
        export(cli, cut, "--format", "chapters", "--min-chapter", 15)
        root = parse(cut.root / "a.chapters.xml").getroot()
        starts = [time.text for time in root.iter("ChapterTimeStart")]
        assert starts == ["00:00:00.000", "00:00:16.000", "00:00:32.000", "00:01:10.000"]
        assert [t.text for t in root.iter("ChapterTimeEnd")] == [*starts[1:], "00:01:40.000"]

    def test_mkvmerge_takes_them(self, cli: Cli, cut: Library, tmp_path: Path) -> None:
        if not (mkvmerge := shutil.which("mkvmerge")):
            pytest.skip("mkvmerge is not installed here: apt-get install mkvtoolnix")
        for form, name in (("matroska", "a.chapters.xml"), ("ogm", "a.chapters.txt")):
            export(cli, cut, "--format", "chapters", "--min-chapter", 15, "--chapter-form", form)
            made = tmp_path / f"{form}.mkv"
            chapters = ("--chapters", cut.root / name)
            subprocess.run([mkvmerge, "-q", "-o", made, *chapters, cut.root / "a.mp4"], check=True)
            told = subprocess.run([mkvmerge, "-J", made], check=True, capture_output=True).stdout
            assert [c["num_entries"] for c in json.loads(told)["chapters"]] == [4]

    def test_fresh_as_before_under_another_name(self, cli: Cli, cut: Library) -> None:
        """What was made of frames for hours is not to be made again for a rename."""
        record = cut.json("a.mp4.scenes.json")
        write(cut, "a.mp4.scenes.json", json.dumps({"video": "a.mp4"} | record))
        export(cli, cut, "--format", "chapters")
        cut.forget(cut.root / "a.mp4")
        assert cli("rename", cut.root / "a.mp4", cut.root / "another name.mp4").code == 0
        row = export(cli, cut, "--format", "chapters")
        assert row == {
            "video": "another name.mp4",
            "status": "skipped",
            "files": ["another name.chapters.xml"],
        }

    def test_text_forms(self, cli: Cli, cut: Library) -> None:
        words = ("--format", "chapters", "--min-chapter", 30, "--chapter-form")
        assert export(cli, cut, *words, "webvtt")["files"] == ["a.chapters.vtt"]
        captions = webvtt.read(str(cut.root / "a.chapters.vtt")).captions
        assert [(c.start, c.end, c.text) for c in captions] == [
            ("00:00:00.000", "00:00:32.000", "Chapter 1"),
            ("00:00:32.000", "00:01:10.000", "Chapter 2"),
            ("00:01:10.000", "00:01:40.000", "Chapter 3"),
        ]
        assert export(cli, cut, *words, "ffmetadata")["files"] == ["a.ffmeta"]
        text = (cut.root / "a.ffmeta").read_text()
        assert text.startswith(";FFMETADATA1\n") and "title=Chapter 1" in text

    def test_scenes_of_any_shape(self, cli: Cli, cut: Library) -> None:
        record = cut.json("a.mp4.scenes.json")
        times: list[Any] = [{}, 1, {"start": "x", "end": None}, {"start": 9, "end": -1}]
        shapes: list[object] = [times, "x", {}]
        for shape in shapes:
            write(cut, "a.mp4.scenes.json", json.dumps(record | {"scenes": shape}))
            assert export(cli, cut, "--format", "chapters")["status"] == "nothing to export"
