"""`list`: which videos there are, from one look at each folder and what `meta` found out before."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from support import ODD_NAMES, Audit, Library, run_cli

from videolib.catalogue.query import place_by_name
from videolib.core.documents import JsonRows, json_pieces, json_text
from videolib.core.text import display_width, shortened


def names(run_json: list[dict[str, object]]) -> list[object]:
    return [entry["name"] for entry in run_json]


@pytest.fixture
def listed(library: Library) -> Library:
    """A few files of different sizes, in and below the folder."""
    for name, size in {
        "b.mp4": 3000,
        "a.mp4": 20,
        "c.MP4": 100,
        "other.mkv": 5,
        "notes.txt": 5,
        "sub/d.mp4": 7,
        "sub/deep/e.webm": 8,
    }.items():
        library.add_bytes(name, b"x" * size)
    (library.root / "folder.mp4").mkdir()
    return library


def test_mp4_files_of_the_folder_by_name(cli: Cli, listed: Library) -> None:
    run = cli("list", listed.root)
    assert run.code == 0
    found = re.findall(r"\w+\.\w+", run.out.replace(str(listed.root), ""))
    assert [name for name in found if name.lower().endswith("mp4")] == ["a.mp4", "b.mp4", "c.MP4"]
    assert "mkv" not in run.out
    assert "d.mp4" not in run.out
    assert run.err == "1 other video (.mkv 1) is left out: --ext '*' takes it\n"


def test_json_shape(cli: Cli, listed: Library) -> None:
    run = cli("list", listed.root, "--output-format", "json")
    assert names(run.json) == ["a.mp4", "b.mp4", "c.MP4"]
    first, path = run.json[0], listed.root / "a.mp4"
    assert Path(first["path"]) == path
    assert first["size"] == 20
    assert first["mtime"] == pytest.approx(path.stat().st_mtime, abs=0.01)
    assert cli("list", listed.root, "--json").out == run.out


def test_recursion_goes_everywhere_but_into_artifacts(cli: Cli, listed: Library) -> None:
    hidden = listed.root / "sub/.artifacts/hidden.mp4"
    hidden.parent.mkdir()
    hidden.write_bytes(b"x")
    found = {Path(entry["path"]) for entry in cli("list", listed.root, "-r", "--json").json}
    assert found == {listed.root / name for name in ("a.mp4", "b.mp4", "c.MP4", "sub/d.mp4")}
    assert cli("list", listed.root, "--recursive", "--json").json
    hidden.unlink()


@pytest.mark.parametrize(
    ("ext", "expected"),
    [
        (".mkv", {"other.mkv"}),
        (".mp4,.mkv", {"a.mp4", "b.mp4", "c.MP4", "d.mp4", "other.mkv"}),
        ("mkv, .WEBM", {"other.mkv", "e.webm"}),
        ("*", {"a.mp4", "b.mp4", "c.MP4", "d.mp4", "other.mkv", "e.webm"}),
    ],
)
def test_extensions(cli: Cli, listed: Library, ext: str, expected: set[str]) -> None:
    run = cli("list", listed.root, "-r", "--json", "--ext", ext)
    assert set(names(run.json)) == expected


def test_sorted_by_size(cli: Cli, listed: Library) -> None:
    sizes = [entry["size"] for entry in cli("list", listed.root, "--sort", "size", "--json").json]
    assert sizes in ([20, 100, 3000], [3000, 100, 20])


def test_human_sizes(cli: Cli, listed: Library) -> None:
    plain, sized = cli("list", listed.root).out, cli("list", listed.root, "--show-size").out
    size = re.compile(r"\d(\.\d+)?\s?(B|KB|KiB|K|kB)\b")
    assert not size.search(plain)
    lines = {line: size.search(line) for line in sized.splitlines() if "mp4" in line.lower()}
    assert len(lines) == 3
    assert all(lines.values()), sized


def test_an_empty_folder(cli: Cli, library: Library) -> None:
    assert cli("list", library.root, "--json").json == []
    assert cli("list", library.root).code == 0


def test_the_working_directory_is_the_default(
    cli: Cli, listed: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(listed.root)
    assert names(cli("list", "--json").json) == ["a.mp4", "b.mp4", "c.MP4"]


def test_a_circle_of_links_ends(cli: Cli, library: Library) -> None:
    library.add_bytes("sub/a.mp4", b"x")
    (library.root / "sub/up").symlink_to(library.root, target_is_directory=True)
    (library.root / "dangling.mp4").symlink_to(library.root / "nowhere.mp4")
    run = cli("list", library.root, "-r", "--json")
    assert run.code == 0
    assert names(run.json).count("a.mp4") == 1


def test_each_folder_is_listed_once_and_no_video_opened(cli: Cli, listed: Library) -> None:
    with Audit() as audit:
        assert cli("list", listed.root, "-r").code == 0
    walked = [path for path in audit.listed if path.is_relative_to(listed.root)]
    folders = [listed.root, listed.root / "folder.mp4", listed.root / "sub"]
    for folder in [*folders, listed.root / "sub/deep"]:
        assert walked.count(folder) == 1
    assert not [path for path in audit.opened if path.suffix.lower() == ".mp4"]


class TestManyVideos:
    """A long list is kept packed until it is printed: nobody can tell."""

    COUNT = 2 * JsonRows.BLOCK + 1

    def test_the_document_is_the_same(self, cli: Cli, library: Library) -> None:
        odd = [name for name in ODD_NAMES if name.endswith(".mp4") and len(name) < 100]
        plain = [f"{number:05}.mp4" for number in range(self.COUNT - len(odd))]
        for name in (*odd, *plain):
            library.add_bytes(name, b"x")
        run = cli("list", library.root, "--json")
        assert names(run.json) == sorted((*odd, *plain), key=place_by_name)
        text = json.dumps(run.json, ensure_ascii=False, indent=2)
        assert run.out == text.encode("utf-8", "backslashreplace").decode() + "\n"
        listed, report = cli("list,report", library.root, "--json").json["tasks"]
        assert listed == {"task": "list", "results": run.json}
        assert [row["video"] for row in report["videos"]] == names(run.json)
        assert report["total"] == self.COUNT
        assert len(cli("list", library.root).out.splitlines()) == self.COUNT
        cli("tags", library.root / plain[0], "--set", "x")
        told = cli("tags", library.root, "--json").json["results"]
        assert [row["video"] for row in told] == names(run.json)
        assert [row["video"] for row in told if row["tags"]] == plain[:1]

    @pytest.mark.parametrize("count", [0, 1, 1000, 1001])
    @pytest.mark.parametrize("indent", [None, 2])
    def test_anywhere_in_a_document(self, count: int, indent: int | None) -> None:
        rows = [{"name": f"é\n{number}", "inner": [{}, [number, "]"]]} for number in range(count)]

        def document(many: object) -> object:
            return {"a": many, "b": {"c": [1, many, {"d": many}]}, "e": [], "f": '"\\'}

        packed = JsonRows(rows)
        told = json_text(document(packed), indent)
        assert told == json_text(document(rows), indent)
        assert json_text(packed, indent) == json_text(rows, indent)
        assert list(packed) == rows
        assert len(packed) == count

    def test_what_is_wrong_is_raised_before_anything_is_told(self) -> None:
        with pytest.raises(ValueError, match="JSON"):
            JsonRows([{"x": 1.0}, {"x": float("nan")}])
        with pytest.raises(TypeError):
            next(json_pieces({"a": JsonRows([1]), "b": {1, 2}}))


@pytest.mark.usefixtures("real_probe")
class TestSummaries:
    """What `meta` found out makes later listings richer, without touching the videos."""

    def test_fields_from_metadata(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        library.add("short.mp4", "sub/short.mp4")
        before = cli("list", library.root, "-r", "--json").json
        assert not any("duration" in entry for entry in before)
        assert cli("meta", library.root, "-r").code == 0
        with Audit() as audit:
            numbered, short = cli("list", library.root, "-r", "--json").json
        assert not [path for path in audit.opened if path.suffix == ".mp4"]
        assert numbered["duration"] == pytest.approx(10, abs=0.05)
        assert (numbered["width"], numbered["height"]) == (320, 180)
        assert (numbered["vcodec"], numbered["acodec"]) == ("h264", "aac")
        assert short["duration"] == pytest.approx(3, abs=0.05)
        assert short.get("acodec") is None

    def test_sides_are_those_of_the_upright_picture(self, cli: Cli, library: Library) -> None:
        for degrees in (90, 180, 270):
            library.add(f"turned_{degrees}.mp4")
        assert cli("meta", library.root).code == 0
        listed = cli("list", library.root, "--json").json
        sides = [(row["width"], row["height"]) for row in listed]
        assert sides == [(180, 320), (320, 180), (180, 320)]
        upright = cli("list", library.root, "-q", "width:<200", "--json").json
        assert [row["name"] for row in upright] == ["turned_90.mp4", "turned_270.mp4"]

    @pytest.mark.parametrize(
        "side_data", ["none", [3], [{"rotation": "a lot"}], [{"rotation": None}], [{"x": 90}]]
    )
    def test_absurd_rotations(self, cli: Cli, library: Library, side_data: object) -> None:
        size = library.add_bytes("a.mp4", b"x" * 99).stat().st_size
        stream = {"codec_type": "video", "width": 320, "height": 180, "side_data_list": side_data}
        record = {"source": {"size": size}, "files": [], "streams": [stream], "format": {}}
        library.artifact("a.mp4.ffprobe.json").parent.mkdir()
        library.artifact("a.mp4.ffprobe.json").write_text(json.dumps(record))
        (row,) = cli("list", library.root, "--json").json
        assert (row["width"], row["height"]) == (320, 180)

    def test_absurd_metadata(self, cli: Cli, library: Library) -> None:
        size = library.add_bytes("a.mp4", b"x" * 99).stat().st_size
        streams = [{"codec_type": "video", "width": 320}]
        record = {"source": {"size": size}, "files": [], "streams": streams}
        record["format"] = {"duration": "999999999999"}
        library.artifact("a.mp4.ffprobe.json").parent.mkdir()
        library.artifact("a.mp4.ffprobe.json").write_text(json.dumps(record))
        assert cli("list", library.root).out == "a.mp4  277777:46:40\n"
        assert cli("list", library.root, "--json").json[0]["width"] == 320

    def test_sorted_by_duration(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        library.add("sparse.mp4", "b.mp4")
        library.add("bikes.mp4", "c.mp4")
        cli("meta", library.root)
        run = cli("list", library.root, "--sort", "duration", "--json")
        order = names(run.json)
        assert order in (["a.mp4", "c.mp4", "b.mp4"], ["b.mp4", "c.mp4", "a.mp4"])

    def test_a_changed_video_loses_its_old_summary(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4", "a.mp4")
        cli("meta", library.root)
        library.make_newer(library.add("short.mp4", "a.mp4"))
        (entry,) = cli("list", library.root, "--json").json
        assert entry.get("duration") != pytest.approx(10, abs=0.1)
        cli("meta", library.root)
        (entry,) = cli("list", library.root, "--json").json
        assert entry["duration"] == pytest.approx(3, abs=0.05)

    @pytest.mark.parametrize("damage", ["deleted", "garbage"])
    def test_the_cache_can_be_lost(
        self, cli: Cli, library: Library, cache: Path, damage: str
    ) -> None:
        library.add("short.mp4")
        cli("meta", library.root)
        for file in [path for path in cache.rglob("*") if path.is_file()]:
            file.unlink() if damage == "deleted" else file.write_bytes(b"garbage" * 400)
        assert cli("meta", library.root).code == 0
        run = cli("list", library.root, "--json")
        assert run.code == 0
        assert run.json[0]["duration"] == pytest.approx(3, abs=0.05)

    def test_the_cache_lies_outside_the_library(
        self, cli: Cli, library: Library, cache: Path
    ) -> None:
        library.add("short.mp4")
        cli("meta", library.root)
        cli("list", library.root)
        inside = [path.relative_to(library.root) for path in library.root.rglob("*")]
        assert {str(path.parts[0]) for path in inside} == {"short.mp4", ".artifacts"}
        assert library.artifacts() == ["short.mp4.ffprobe.json"]


def test_a_stub_is_not_taken_for_metadata(
    cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FFPROBE_DISABLE", "1")
    library.add("short.mp4")
    assert cli("meta", library.root).code == 0
    (entry,) = cli("list", library.root, "--json").json
    assert "duration" not in entry
    assert "vcodec" not in entry


@pytest.mark.parametrize("target", ["missing", "a.txt"])
def test_not_a_directory(cli: Cli, library: Library, target: str) -> None:
    library.add_bytes("a.txt", b"x")
    run = cli("list", library.root / target)
    assert run.code == 2
    assert run.out == ""
    assert len(run.err.splitlines()) == 1
    assert target in run.err


@pytest.mark.parametrize(
    "args", [("--sort", "colour"), ("--output-format", "xml"), ("--nonsense",)]
)
def test_bad_flags(cli: Cli, library: Library, args: tuple[str, ...]) -> None:
    run = cli("list", library.root, *args)
    assert run.code == 2
    assert args[-1].lstrip("-") in run.err


@pytest.mark.parametrize("words", [["-q", "-name:a"], ["--query", "-a"], ["-q=-name:a"]])
def test_a_query_may_begin_with_a_dash(cli: Cli, library: Library, words: list[str]) -> None:
    library.add_bytes("a.mp4", b"x")
    library.add_bytes("b.mp4", b"x")
    assert cli("list", *words, library.root, "-r").out == "b.mp4\n"
    assert cli("list", library.root, "-q", "-r").code == 2


def test_odd_names_come_back_as_they_are(cli: Cli, library: Library) -> None:
    for name in ODD_NAMES:
        library.add_bytes(name, b"x")
    run = cli("list", library.root, "--json")
    assert run.code == 0
    assert set(names(run.json)) == set(ODD_NAMES)
    assert {Path(entry["path"]) for entry in run.json} == set(library.root.iterdir())
    text = cli("list", library.root)
    assert text.code == 0
    assert "\x1b" not in text.out or "日本" in text.out


file_stems = st.binary(min_size=1, max_size=60).filter(lambda stem: not {0, 0x2F} & set(stem))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(stems=st.sets(file_stems, min_size=1, max_size=6))
def test_any_name(tmp_path_factory: pytest.TempPathFactory, stems: set[bytes]) -> None:
    folder = tmp_path_factory.mktemp("any")
    expected = {os.fsdecode(stem + b".mp4") for stem in stems}
    for name in expected:
        (folder / name).touch()
    run = run_cli("list", folder, "--json")
    assert run.code == 0
    assert set(names(run.json)) == expected
    assert run_cli("list", folder).code == 0


class TestFormats:
    @pytest.fixture
    def films(self, cli: Cli, library: Library, real_probe: None) -> Library:
        library.add("short.mp4", "a.mp4")
        library.add("short.mp4", "日本の映画.mp4")
        library.add_bytes("odd\nname.mp4", b"x")
        cli("meta", library.root)
        return library

    def test_csv(self, cli: Cli, films: Library) -> None:
        rows = list(csv.DictReader(io.StringIO(cli("list", films.root, "--format", "csv").out)))
        assert {Path(row["path"]).name for row in rows} >= {"a.mp4", "日本の映画.mp4"}
        assert all(row["vcodec"] == "h264" for row in rows if row["path"].endswith("/a.mp4"))
        named = cli("list", films.root, "--format", "csv", "--fields", "name,size").out
        assert named.splitlines()[0] == "name,size"

    def test_json_lines(self, cli: Cli, films: Library) -> None:
        rows = map(json.loads, cli("list", films.root, "--format", "jsonl").out.splitlines())
        assert {Path(row["path"]).name for row in rows} == {
            *("a.mp4", "日本の映画.mp4", "odd\nname.mp4")
        }

    def test_playlist(self, cli: Cli, films: Library) -> None:
        lines = cli("list", films.root, "--format", "m3u8").out.splitlines()
        assert lines[0] == "#EXTM3U" and len(lines) == 7
        assert any(
            line.startswith("file:///") and line.endswith("odd%0Aname.mp4") for line in lines
        )
        assert str(films.root / "a.mp4") in lines

    def test_paths_that_end_in_nul(self, cli: Cli, films: Library) -> None:
        paths = cli("list", films.root, "--format", "paths0").out.split("\0")
        assert paths.pop() == ""
        assert all(Path(path).is_file() for path in paths) and len(paths) == 3

    def test_a_table(self, cli: Cli, films: Library) -> None:
        """As on a terminal: columns are aligned by what letters take there."""
        head, *rows, total = cli("list", films.root, "--fields", "name,duration").out.splitlines()
        assert head.split() == ["name", "duration"]
        assert len({display_width(row) for row in (head, *rows) if "mp4  " in row}) == 1
        assert any(re.fullmatch(r"日本の映画\.mp4 +0:0\d\.\d", row) for row in rows)
        assert total.startswith("3 videos, ")
        long = cli("list", films.root, "--long").out
        assert long.split()[:3] == ["name", "size", "mtime"]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--fields", "durtion"), "--fields durtion: no such field; did you mean duration?"),
            (("--format", "csv", "--json"), "--format csv and --json: only one of them"),
        ],
    )
    def test_mistakes(
        self, cli: Cli, library: Library, words: tuple[str, ...], message: str
    ) -> None:
        run = cli("list", library.root, *words)
        assert (run.code, run.err) == (2, f"index.py: {message}\n")


def test_a_name_is_shortened_in_the_middle() -> None:
    assert shortened("short", 20) == "short"
    assert shortened("a very long name of a film.mp4", 16) == "a very l…ilm.mp4"
    assert all(display_width(shortened("日本の映画の長い名前.mp4", n)) <= n for n in range(4, 24))
    assert (display_width("e\u0301"), display_width("日本")) == (1, 4)
