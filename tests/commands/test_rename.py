"""Renaming: all that belongs to a video goes with it, nothing else does, nothing is lost."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import (
    ALL_TASKS,
    ROOT,
    Fault,
    Killed,
    Library,
    Run,
    command,
    contents,
    leftovers,
    modes_count,
    run_unprivileged,
    stamps,
    started,
)

from videolib.core.documents import json_bytes
from videolib.core.runs import Job
from videolib.core.text import fold
from videolib.organize.rename import RenamePlan, rename_videos
from videolib.storage import folders as storage
from videolib.storage.recovery import recover
from videolib.storage.steps import LibraryPaths
from videolib.storage.videos import Video, source_identity


class Folder:
    """A folder of tiny files that count as videos, and of what could belong to them."""

    def __init__(self, root: Path, *names: str) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        for name in names:
            self.write(name)

    def write(self, name: str, content: str | None = None) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if content is not None else f"this is {name}")
        return path

    def tag(self, name: str, *tags: str) -> None:
        """Gives a video tags and a picture."""
        folder, _, file = name.rpartition("/")
        record = {"video": name, "tags": tags or [f"tag of {name}"], "performers": []}
        self.write(f"{folder}/.artifacts/{file}.tags.json".lstrip("/"), json_bytes(record).decode())
        self.write(f"{folder}/.artifacts/{file}.jpg".lstrip("/"), f"picture of {name}")
        self.write(f"{folder}/.artifacts/.{file}.previews/seg_01.webm".lstrip("/"), f"clip {name}")

    @property
    def files(self) -> dict[str, str]:
        return {name: data.decode() for name, data in contents(self.root).items()}

    def names(self, folder: str = ".") -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir() if path.is_file())

    def tags(self, name: str) -> Any:
        path = self.root / name
        return json.loads((path.parent / ".artifacts" / f"{path.name}.tags.json").read_text())


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "folder")


class Batch:
    """`rename --batch` in a folder."""

    def __init__(self, cli: Cli, root: Path) -> None:
        self.cli, self.root = cli, root

    def __call__(self, source: str, target: str, *more: str) -> Run:
        words = ["--batch", "-d", self.root, "--source", source, "--target", target, "--json"]
        return self.cli("rename", *words, *more)


@pytest.fixture
def batch(cli: Cli, folder: Folder) -> Batch:
    return Batch(cli, folder.root)


def reasons(run: Run) -> dict[str, str]:
    """Why videos were refused."""
    return {error["video"]: error["error"] for error in run.json["errors"]}


@pytest.fixture(scope="module")
def made(cli: Cli, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library with artifacts of every kind, made once."""

    def make(folder: Library) -> None:
        folder.add("numbered.mp4", "sub/old.mp4")
        words = ["--interval", "2", "--thumbs", "--clips", "--png", "--max-frames", "7"]
        run = cli(f"{ALL_TASKS},previews", folder.root, "-r", *words, "--cols", "2", "--rows", "2")
        assert run.code == 0, run.err

    root = tmp_path_factory.mktemp("made")
    library = Library(root, clips)
    library.add_made("rename", make)
    cli("tags", root, "-r", "--set", "sub/old.mp4,old.mp4.jpg,x")
    shelf = root / "sub" / ".artifacts"
    (shelf / "old.mp4.phash.json.corrupt-17").write_text("{")
    (shelf / "old.mp4.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\nold.mp4 he said\n")
    (shelf / "old.mp4.faces.signatures.json").write_text(
        json.dumps({"video": "sub/old.mp4", "signatures": [{"thumb": ".old.mp4.faces/1.jpg"}]})
    )
    (shelf / ".old.mp4.faces").mkdir()
    (shelf / ".old.mp4.faces" / "1.jpg").write_text("a face")
    return library


class TestWhatGoesAlong:
    def test_everything_and_back(self, cli: Cli, made: Library) -> None:
        before = contents(made.root)
        report = cli("report", made.root, "-r", "--json").json
        times = {path.name: stamp for path, (_, stamp) in stamps(made.root).items()}
        run = cli(
            "rename", made.root / "sub/old.mp4", made.root / "sub/né w#1.mp4", "-d", made.root
        )
        assert run.code == 0, run.err
        after = contents(made.root)
        old_names = {name.replace("old.mp4", "né w#1.mp4") for name in before}
        assert set(after) == old_names
        for name, content in after.items():
            expected = before[name.replace("né w#1.mp4", "old.mp4")]
            if name.endswith(".json") and b"{\n" in content:
                continue
            text = expected.replace(b"old.mp4.sprites", b"n%C3%A9%20w%231.mp4.sprites")
            assert content == (text if name.endswith(".sprites.vtt") else expected), name
        for path, (_, stamp) in stamps(made.root).items():
            if ".journal" in path.parts:
                continue
            assert times[path.name.replace("né w#1.mp4", "old.mp4")] == stamp, path
        told = cli("report", made.root, "-r", "--json").json
        assert told["counts"] == report["counts"] and told["stale"] == report["stale"]
        tags = made.json("né w#1.mp4.tags.json", "sub")
        assert tags["video"] == "sub/né w#1.mp4"
        assert tags["tags"] == ["sub/old.mp4", "old.mp4.jpg", "x"]
        left = [n for n, c in after.items() if b"old.mp4" in c]
        assert sorted(Path(name).suffix for name in left) == [".json", ".vtt"]
        faces = made.json("né w#1.mp4.faces.signatures.json", "sub")
        assert faces["signatures"] == [{"thumb": ".né w#1.mp4.faces/1.jpg"}]
        again = cli("thumbs,sprites,previews", made.root, "-r", "--interval", "2", "--json")
        assert all(task["counts"]["made"] == 0 for task in again.json["tasks"])
        run = cli("rename", "--undo", "-d", made.root)
        assert run.code == 0, run.err
        assert contents(made.root).keys() == before.keys()
        assert {n for n, c in contents(made.root).items() if c != before[n]} <= {
            "sub/.artifacts/old.mp4.faces.signatures.json"  # was written with another indent
        }
        assert not [name for name in leftovers(made.root) if name.startswith(".tmp-")]

    def test_a_sibling_keeps_its_own(self, cli: Cli, folder: Folder) -> None:
        siblings = ["a.mp4", "a.mkv", "a.mp4.mkv", "ab.mp4", "a.mp4.mp4", "A.mkv", "xa.mp4"]
        for name in siblings:
            folder.write(name)
            folder.tag(name)
        before = folder.files
        assert cli("rename", folder.root / "a.mp4", folder.root / "b.mp4").code == 0
        after = folder.files
        for name, content in before.items():
            parts = Path(name).parts
            mine = any(
                p.removeprefix(".") in ("a.mp4", "a.mp4.tags.json", "a.mp4.jpg") for p in parts
            )
            mine = mine or ".a.mp4.previews" in parts
            assert (after.get(name) == content) is not mine, name
        assert folder.tags("b.mp4")["tags"] == ["tag of a.mp4"]

    @pytest.mark.parametrize(
        ("others", "going", "staying"),
        [
            (
                [],
                "a.srt a.en.srt a.pt-BR.forced.srt a.2.ass a.NFO a.mp4.vtt",
                "a.jpg a.txt a",
            ),
            ([], "a.English.vtt", "ab.srt a-en.srt b.a.srt a.en.uk.de.fr.srt a.very long.srt"),
            (["a.mkv"], "a.mp4.srt", "a.srt a.en.srt a.nfo a.mkv.srt"),
            (["a.en.mp4"], "a.srt a.de.srt", "a.en.srt a.en.de.srt"),
            (["a.mp4.mkv"], "a.srt", "a.mp4.srt a.mp4.mkv.srt"),
        ],
    )
    def test_what_stands_beside(
        self, cli: Cli, folder: Folder, others: list[str], going: str, staying: str
    ) -> None:
        """Only what no sibling may claim as well."""
        for name in ["a.mp4", *others]:
            folder.write(name)
        beside = f"{going} {staying}".split()
        for name in beside:
            folder.write(name)
        assert cli("rename", folder.root / "a.mp4", folder.root / "new.mp4").code == 0
        expected = {name.replace("a", "new", 1): f"this is {name}" for name in going.split()}
        stay = [*others, *(n for n in beside if n not in going.split())]
        expected |= {name: f"this is {name}" for name in stay}
        assert folder.files == expected | {"new.mp4": "this is a.mp4"}

    def test_siblings_that_go_together_take_what_is_theirs(
        self, batch: Batch, folder: Folder
    ) -> None:
        for name in ("a.mp4", "a.mkv", "a.srt", "a.en.srt"):
            folder.write(name)
        run = batch("a", "b", "--ext", "*", "--force")
        assert run.json["applied"] == 2
        assert folder.names() == ["b.en.srt", "b.mkv", "b.mp4", "b.srt"]

    def test_to_another_folder(self, cli: Cli, folder: Folder) -> None:
        for name in ("one/a.mp4", "one/a.srt", "one/b.mp4"):
            folder.write(name)
        folder.tag("one/a.mp4")
        run = cli("rename", "one/a.mp4", "two/three/c.mp4", "-d", folder.root)
        assert run.code == 2
        run = cli("rename", folder.root / "one/a.mp4", folder.root / "two/three/c.mp4")
        assert run.code == 0, run.err
        assert run.out.endswith(f"1 renamed: rename --undo -d {folder.root} takes it back\n")
        assert folder.names("two/three") == ["c.mp4", "c.srt"]
        assert folder.tags("two/three/c.mp4")["video"] == "two/three/c.mp4"
        assert not (folder.root / "one/.artifacts").exists()
        (folder.root / "one/sub").mkdir()
        assert cli("rename", folder.root / "one/b.mp4", folder.root / "one/sub").code == 0
        assert folder.names("one/sub") == ["b.mp4"]
        batch = Batch(cli, folder.root)
        run = batch("c", "../four/{stem}-{n:02}", "--force", "-r")
        assert reasons(run) == {"two/three/c.mp4": "is no name for a file"}
        assert batch("c", "four/{stem}-{n:02}", "--force", "-r").json["applied"] == 1
        assert folder.names("two/three/four") == ["c-01.mp4", "c-01.srt"]
        assert cli("rename", "--undo", "-d", folder.root).code == 0
        assert folder.names("two/three") == ["c.mp4", "c.srt"]
        assert not (folder.root / "two/three/four").exists()

    def test_the_index_of_people(self, cli: Cli, folder: Folder) -> None:
        folder.write("sub/a.mp4")
        record = {"people": [{"id": 1, "occurrences": [{"video": "{}", "frames": 3}]}], "videos": 1}
        for home, name in ((".artifacts", "sub/a.mp4"), ("sub/.artifacts", "a.mp4")):
            text = json.dumps(record).replace("{}", name)
            folder.write(f"{home}/.faces.index.json", text)
        run = cli("rename", folder.root / "sub/a.mp4", folder.root / "sub/b.mp4", "-d", folder.root)
        assert run.code == 0, run.err
        for home, name in ((".artifacts", "sub/b.mp4"), ("sub/.artifacts", "b.mp4")):
            told = json.loads((folder.root / home / ".faces.index.json").read_text())
            assert told == json.loads(json.dumps(record).replace("{}", name))

    def test_artifacts_in_another_tree(self, cli: Cli, folder: Folder, tmp_path: Path) -> None:
        folder.write("sub/a.mp4")
        shelves = tmp_path / "shelves"
        words = ["--artifacts-dir", shelves]
        cli("tags", folder.root, "-r", "--set", "x", *words)
        place = ["-d", folder.root, *words]
        run = cli("rename", folder.root / "sub/a.mp4", folder.root / "sub/b.mp4", *place)
        assert run.code == 0, run.err
        told = json.loads((shelves / "sub/.artifacts/b.mp4.tags.json").read_text())
        assert told["video"] == "sub/b.mp4" and told["tags"] == ["x"]
        assert not list(folder.root.rglob(".artifacts"))
        assert cli("rename", "--undo", *place).code == 0
        assert (shelves / "sub/.artifacts/a.mp4.tags.json").exists()

    def test_very_long_names(self, cli: Cli, folder: Folder) -> None:
        folder.write("a.mp4")
        folder.tag("a.mp4")
        long = "n" * 251 + ".mp4"
        assert cli("rename", folder.root / "a.mp4", folder.root / long).code == 0
        run = cli("tags", folder.root / long, "--json")
        assert run.json["tags"] == ["tag of a.mp4"]
        assert cli("rename", "--undo", "-d", folder.root).code == 0
        assert folder.tags("a.mp4")["tags"] == ["tag of a.mp4"]
        run = cli("rename", folder.root / "a.mp4", folder.root / f"n{long}")
        assert run.code == 1 and "255 bytes" in run.err

    @pytest.mark.parametrize("content", ["", "{", "[]", "3", "null", '{"video": 3}', "[" * 99999])
    def test_hand_edited_artifacts_go_as_they_are(
        self, cli: Cli, folder: Folder, content: str
    ) -> None:
        folder.write("a.mp4")
        kinds = [".phash.json", ".tags.json", ".json", ".sprites.vtt"]
        for kind in kinds:
            folder.write(f".artifacts/a.mp4{kind}", content)
        folder.write(".artifacts/.faces.index.json", content)
        assert cli("rename", folder.root / "a.mp4", folder.root / "b.mp4").code == 0
        for kind in kinds:
            assert folder.files[f".artifacts/b.mp4{kind}"] == content

    def test_odd_names(self, cli: Cli, folder: Folder) -> None:
        names = ["-x.mp4", "new\nline.mp4", os.fsdecode(b"bad-\xff.mp4"), "[a]*.mp4", "50%d.mp4"]
        for number, name in enumerate(names):
            folder.write(name, "")
            cli("tags", folder.root / name, "--set", "x")
            run = cli("rename", folder.root / name, folder.root / f"fine{number}.mp4")
            assert run.code == 0, run.err
            assert folder.tags(f"fine{number}.mp4")["video"] == f"fine{number}.mp4"
            run = cli("rename", "--undo", "-d", folder.root)
            assert run.code == 0, run.err
            assert cli("tags", folder.root / name, "--json").json["tags"] == ["x"]


class TestPowers:
    def test_a_folder_of_both_that_cannot_be_written(
        self, library: Library, tmp_path: Path
    ) -> None:
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its power over files here")
        library.add("short.mp4", "one/a.mp4")
        (library.root / "two").mkdir()
        library.root.chmod(0o555)
        ends = [library.root / "one/a.mp4", library.root / "two"]
        run = run_unprivileged("rename", *ends)
        library.root.chmod(0o755)
        assert run.code == 1
        assert run.err.startswith(f"index.py: {library.root}: no journal can be kept")
        assert ends[0].exists()

    @pytest.mark.parametrize("sealed", ["one", "two"])
    def test_one_of_the_folders_cannot_be_written(
        self, library: Library, tmp_path: Path, sealed: str
    ) -> None:
        """Then moving it by hand would not help either."""
        if not modes_count(tmp_path):
            pytest.skip("root cannot give up its power over files here")
        library.add("short.mp4", "one/a.mp4")
        (library.root / "two").mkdir()
        ends = [library.root / "one/a.mp4", library.root / "two/b.mp4"]
        library.root.chmod(0o777)
        (library.root / sealed).chmod(0o555)
        (library.root / ({"one", "two"} - {sealed}).pop()).chmod(0o777)
        run = run_unprivileged("rename", *ends, "--json")
        (library.root / sealed).chmod(0o755)
        assert run.code == 1
        assert run.err.startswith(f"index.py: {library.root / sealed}: cannot be written to")
        assert run.json == {"error": run.err.removeprefix("index.py: ").rstrip()}
        assert ends[0].exists() and not (library.root / ".artifacts").exists()


class TestBatch:
    def test_a_dry_run_tells_and_changes_nothing(self, batch: Batch, folder: Folder) -> None:
        for name in ("temp_a.mp4", "temp_b.mp4", "c.mp4", "temp_d.mkv", "sub/temp_e.mp4"):
            folder.write(name)
        before = folder.files
        run = batch("temp_", "final_", "--show-all")
        renames = [
            {"source": "temp_a.mp4", "target": "final_a.mp4"},
            {"source": "temp_b.mp4", "target": "final_b.mp4"},
        ]
        assert run.code == 0 and run.json == {
            "total_matches": 2,
            "applied": 0,
            "dry_run": True,
            "first": renames[0],
            "errors": [],
            "renames": renames,
            "left_out": {".mkv": 1},
        }
        assert folder.files == before and not (folder.root / ".artifacts").exists()
        assert "renames" not in batch("temp_", "final_").json
        assert batch("temp_", "final_", "--ext", "*", "-r").json["total_matches"] == 4

    def test_the_documented_example(self, batch: Batch, folder: Folder) -> None:
        """Its backslashes are doubled, within quotes that keep them so."""
        for number in range(12):
            folder.write(f"Scene{number}_x.mp4")
        example = [r"Scene(\\d+)_", r"Clip\\1_", "--regex", "--limit", "10", "--force"]
        run = batch(*example)
        assert (run.json["total_matches"], run.json["applied"]) == (12, 10)
        assert sum(name.startswith("Clip") for name in folder.names()) == 10
        assert batch(r"Scene(\d+)_", r"Clip\1_", "--regex", "--force").json["applied"] == 2

    @pytest.mark.parametrize(
        ("source", "target", "regex", "expected"),
        [
            ("4", "5", False, "a5.mp4 b.mp4"),
            (".", "-", False, "a4.mp4 b.mp4"),
            ("(a", "x", False, "a4.mp4 b.mp4"),
            (r"\.mp4$", ".m4v", True, "a4.m4v b.m4v"),
            ("mp4", "txt", False, "a4.mp4 b.mp4"),
            (r"^(\w)", r"\1\1", True, "aa4.mp4 bb.mp4"),
            (r"(?P<x>[ab])", r"<\g<x>>", True, "<a>4.mp4 <b>.mp4"),
            (r"^.+$", "{n:03} {stem} {{n}} {n}", True, "001 a4 {n} 1.mp4 002 b {n} 2.mp4"),
            ("4", "{{{n}}} {{so}} {imdb-tt1} { }", False, "a{1} {so} {imdb-tt1} { }.mp4 b.mp4"),
            (r"^.+$", r"{n}\\n", True, ""),
        ],
    )
    def test_what_is_replaced(
        self, batch: Batch, folder: Folder, source: str, target: str, regex: bool, expected: str
    ) -> None:
        folder.write("a4.mp4")
        folder.write("b.mp4")
        run = batch(source, target, "--force", *["--regex"] * regex)
        if expected:
            assert " ".join(folder.names()) == expected
            changed = expected != "a4.mp4 b.mp4"
            assert (
                bool(run.json["applied"]) is changed and (run.json["first"] is None) is not changed
            )
        else:
            assert set(reasons(run).values()) == {"has control characters"}
            assert folder.names() == ["a4.mp4", "b.mp4"]

    @pytest.mark.parametrize("field", ["{foo}", "{N}", "{n:x}", "{n:0003}", "{height:1.5}"])
    @pytest.mark.parametrize("more", [(), ("--regex", "--force")])
    def test_a_field_that_is_none(
        self, batch: Batch, folder: Folder, field: str, more: tuple[str, ...]
    ) -> None:
        folder.write("a.mp4")
        run = batch("a", f"{{stem}} {field}", *more)
        assert run.code == 2 and folder.names() == ["a.mp4"]
        assert run.json["error"].startswith(f"--target: {field} is no field: there are {{stem}} ")

    def test_fields_from_the_metadata(
        self, cli: Cli, batch: Batch, library: Library, folder: Folder, real_probe: None
    ) -> None:
        clip = library.add("numbered.mp4")
        clip.rename(folder.root / "a.mp4")
        library.forget(clip)
        (folder.root / "b.mp4").write_text("none of it is known")
        cli("meta", folder.root)
        run = batch("^", "{width}x{height} {vcodec} {duration:04} ", "--regex", "--force")
        metadata = json.loads(
            (folder.root / ".artifacts").glob("*.ffprobe.json").__next__().read_text()
        )
        stream = metadata["streams"][0]
        size = f"{stream['width']}x{stream['height']}"
        assert f"{size} {stream['codec_name']} 0010 a.mp4" in folder.names()
        assert list(reasons(run)) == ["b.mp4"] and "metadata" in reasons(run)["b.mp4"]

    def test_fields_of_a_hostile_sidecar(self, batch: Batch, folder: Folder) -> None:
        path = folder.write("a.mp4")
        stream = {"codec_type": "video", "codec_name": "../../x\n", "width": 1}
        record = {"source": {"size": path.stat().st_size}, "files": [], "streams": [stream]}
        record["format"] = {}
        folder.write(".artifacts/a.mp4.ffprobe.json", json.dumps(record))
        batch("a", "{vcodec}", "--force")
        assert folder.names() == [".._.._x_.mp4"]
        assert "height" in next(iter(reasons(batch("x", "{height}", "--force")).values()))

    def test_a_pattern_without_end_is_stopped(self, batch: Batch, folder: Folder) -> None:
        folder.write("a" * 60 + "b.mp4")
        run = batch("(a|a|aa)+$", "x", "--regex")
        assert run.code == 2 and "takes too long" in run.err

    @pytest.mark.parametrize(
        ("source", "target"),
        [
            *(("(", "x"), ("(a)", r"\2"), ("(a)", r"\g<no>"), ("", "x"), ("[", "")),
            ("a{1000000000}", "x"),
            ("(?:(?:(?:a{1000}){1000}){1000})", "x"),
            ("(?:" * 25 + "a" + "){2}" * 25, "x"),
            ("(" * 5000 + ")" * 5000, "x"),
            ("(?R)", "x"),
        ],
        ids=itertools.count(),
    )
    def test_bad_patterns(self, batch: Batch, folder: Folder, source: str, target: str) -> None:
        folder.write("a.mp4")
        run = batch(source, target, "--regex")
        assert run.code == 2 and len(run.err.splitlines()) == 1
        assert "error" in run.json

    def test_counted_repeats(self, batch: Batch, folder: Folder) -> None:
        folder.write("2024-01-02T03-04 1a2b3c4d-0000-4000-8000-1234567890ab.mp4")
        date = r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2} "
        for source in (f"^{date}", "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$", ".{50}"):
            assert batch(source, "x", "--regex").json["total_matches"] == 1

    @pytest.mark.parametrize("source", ["-1080p", "-"])
    def test_texts_that_begin_with_a_dash(self, batch: Batch, folder: Folder, source: str) -> None:
        folder.write("film-1080p.mp4")
        assert batch(source, "-x-", "--force").json["applied"] == 1
        assert folder.names() == [f"film{'-1080p'.replace(source, '-x-')}.mp4"]

    def test_bad_requests(self, cli: Cli, folder: Folder) -> None:
        path = folder.write("a.mp4")
        for words in ([], [path], [path, path], [folder.root / "nope", path]):
            assert cli("rename", *words).code == 2
        assert cli("rename", "--batch", folder.root, "--source", "a", "--target", "b").code == 2
        assert cli("rename", "--batch", "-d", folder.root / "nope", "--source", "a").code == 2
        assert cli("rename", "--undo", "-d", folder.root).code == 2


class TestCollisions:
    @pytest.mark.parametrize("there", ["b.mp4", "B.MP4", ".artifacts/b.mp4.jpg"])
    def test_a_taken_name_is_refused(self, cli: Cli, folder: Folder, there: str) -> None:
        folder.write("a.mp4")
        folder.tag("a.mp4")
        folder.write(there)
        before = folder.files
        run = cli("rename", folder.root / "a.mp4", folder.root / "b.mp4", "--json")
        assert run.code == 1 and run.json["applied"] == 0
        assert "is there" in reasons(run)["a.mp4"]
        assert folder.files == before

    def test_what_is_refused_leaves_nothing(self, cli: Cli, folder: Folder) -> None:
        """Not even a folder for a journal, by which later renames would be undone elsewhere."""
        one, other = folder.write("one/a.mp4"), folder.write("two/a.mp4")
        assert cli("rename", one, other).code == 1
        assert {path.name for path in folder.root.rglob("*")} == {"one", "two", "a.mp4"}

    def test_names_that_normalize_alike(self, cli: Cli, folder: Folder) -> None:
        folder.write("caf\u00e9.mp4")
        folder.write("a.mp4")
        run = cli("rename", folder.root / "a.mp4", folder.root / "cafe\u0301.mp4")
        assert run.code == 1 and "is there already" in run.err

    @pytest.mark.parametrize("new", ["MOVIE.mp4", "Movie.MP4"])
    def test_only_the_case_changes(self, cli: Cli, folder: Folder, new: str) -> None:
        folder.write("Movie.mp4")
        folder.tag("Movie.mp4")
        assert cli("rename", folder.root / "Movie.mp4", folder.root / new).code == 0
        assert folder.names() == [new] and folder.tags(new)["video"] == new

    def test_only_the_normalization_changes(self, cli: Cli, folder: Folder) -> None:
        folder.write("caf\u00e9.mp4")
        run = cli("rename", folder.root / "caf\u00e9.mp4", folder.root / "cafe\u0301.mp4")
        assert run.code == 0 and folder.names() == ["cafe\u0301.mp4"]

    def test_many_to_one(self, batch: Batch, folder: Folder) -> None:
        for name in ("a1.mp4", "a2.mp4", "b3.mp4"):
            folder.write(name)
        run = batch(r"\d", "", "--regex", "--force")
        assert run.code == 1 and run.json["applied"] == 1
        assert set(reasons(run)) == {"a1.mp4", "a2.mp4"}
        assert folder.names() == ["a1.mp4", "a2.mp4", "b.mp4"]

    def test_who_waits_for_a_refused_name_is_refused(self, batch: Batch, folder: Folder) -> None:
        for name in ("a.mp4", "xa.mp4", "xxa.mp4", "xxxa.mkv", "c.mp4"):
            folder.write(name)
        folder.write(".artifacts/a.mp4.jpg")
        folder.write(".artifacts/xxxa.mp4.jpg")
        run = batch(r"^(x*)a", r"x\1a", "--regex", "--force")
        assert set(reasons(run)) == {"a.mp4", "xa.mp4", "xxa.mp4"}
        assert run.json["applied"] == 0

    def test_one_great_cycle(self, batch: Batch, folder: Folder) -> None:
        """1, 10, 11, 12, 2 ... numbered anew in the order of their letters."""
        names = sorted(f"{number}.mp4" for number in range(1, 13))
        for name in names:
            folder.write(name)
            folder.tag(name)
        run = batch(r"^\d+$", "{n}", "--regex", "--force")
        assert run.code == 0 and run.json["applied"] == 11, run.err
        for number, name in enumerate(names, 1):
            assert folder.files[f"{number}.mp4"] == f"this is {name}"
            assert folder.tags(f"{number}.mp4")["tags"] == [f"tag of {name}"]
            assert folder.tags(f"{number}.mp4")["video"] == f"{number}.mp4"
        assert not leftovers(folder.root)

    @pytest.mark.parametrize(
        "new", ["b.txt", "b", ".mp4", "._b.mp4", ".artifacts/b.mp4", "b\x07.mp4"]
    )
    def test_what_would_be_no_video(self, cli: Cli, folder: Folder, new: str) -> None:
        path = folder.write("a.mp4")
        run = cli("rename", path, folder.root / new)
        assert run.code == 1 and folder.names() == ["a.mp4"]

    def test_a_race_overwrites_nothing(self, cli: Cli, folder: Folder, fault: Fault) -> None:
        path = folder.write("a.mp4")
        folder.tag("a.mp4")
        before = folder.files

        class Late(Fault):
            def __call__(self, step: str) -> None:
                folder.write("b.mp4", "late")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("videolib.storage.steps.checkpoint", Late())
            run = cli("rename", path, folder.root / "b.mp4", "--json")
        assert run.code == 1 and "b.mp4 appeared meanwhile; nothing was changed" in run.err
        assert "error" in run.json
        assert folder.files == before | {"b.mp4": "late"}

    def test_two_runs_at_once(self, cli: Cli, folder: Folder) -> None:
        """Of two that want the same videos one has them all, and all goes along, tags too."""
        for number in range(40):
            folder.write(f"a{number}.mp4")
            folder.tag(f"a{number}.mp4")
        before = folder.files
        words = ("rename", "--batch", "-d", folder.root, "--source", "a", "--force", "--target")
        with started(command(*words, "b")) as one, started(command(*words, "c")) as other:
            for run in (one, other):
                _, err = run.process.communicate(timeout=60)
                assert run.process.returncode in (0, 1), err
                assert b"Traceback" not in err
        (first,) = {name[0] for name in folder.names()}
        assert first in "bc"
        for number in range(40):
            name = f"{first}{number}.mp4"
            assert folder.files[name] == f"this is a{number}.mp4"
            assert folder.tags(name)["tags"] == [f"tag of a{number}.mp4"]
        assert len(folder.files) == len(before)
        assert cli("rename", "--undo", "-d", folder.root).code == 0
        assert folder.files == before


class TestUndoAndRecover:
    def test_artifacts_made_since_go_back_too(self, cli: Cli, folder: Folder) -> None:
        path = folder.write("a.mp4")
        folder.tag("a.mp4", "x")
        cli("rename", path, folder.root / "b.mp4")
        cli("tags", folder.root / "b.mp4", "--set", "since")
        folder.write(".artifacts/b.mp4.phash.json", '{"video": "b.mp4"}')
        assert cli("rename", "--undo", "-d", folder.root).code == 0
        assert folder.tags("a.mp4")["tags"] == ["x", "since"]
        assert folder.files[".artifacts/a.mp4.phash.json"] == '{\n  "video": "a.mp4"\n}\n'
        assert not [name for name in folder.files if "b.mp4" in name]

    def test_several_batches_one_after_the_other(self, batch: Batch, folder: Folder) -> None:
        folder.write("a.mp4")
        for source, target in itertools.pairwise("abcd"):
            assert batch(source, target, "--force").json["applied"] == 1
        for name in "cba":
            assert batch.cli("rename", "--undo", "-d", folder.root).code == 0
            assert folder.names() == [f"{name}.mp4"]
        assert batch.cli("rename", "--undo", "-d", folder.root).code == 2

    def test_what_cannot_go_back_is_named(self, batch: Batch, folder: Folder) -> None:
        for name in ("a1.mp4", "a2.mp4", "a3.mp4"):
            folder.write(name)
        batch("a", "b", "--force")
        (folder.root / "b1.mp4").unlink()
        folder.write("a2.mp4", "a new one")
        run = batch.cli("rename", "--undo", "-d", folder.root, "--json")
        assert run.code == 1 and set(reasons(run)) == {"b1.mp4", "b2.mp4"}
        assert folder.files["a2.mp4"] == "a new one" and folder.names() == [
            "a2.mp4",
            "a3.mp4",
            "b2.mp4",
        ]

    def test_what_is_gone_does_not_keep_the_batch_before(
        self, batch: Batch, folder: Folder
    ) -> None:
        folder.write("a1.mp4")
        folder.write("b1.mp4")
        batch("a", "c", "--force")
        batch("b", "d", "--force")
        (folder.root / "d1.mp4").unlink()
        undo = ("rename", "--undo", "-d", folder.root, "--json")
        run = batch.cli(*undo)
        assert run.code == 1 and set(reasons(run)) == {"d1.mp4"}
        assert batch.cli(*undo).code == 0
        assert folder.names() == ["a1.mp4"]

    def test_the_rest_goes_back_once_it_can(self, batch: Batch, folder: Folder) -> None:
        """Another --undo does not take back the batch before, while one is not done with."""
        for name in ("x1.mp4", "x2.mp4"):
            folder.write(name)
        batch("x", "a", "--force")
        batch("a", "b", "--force")
        folder.write("a2.mp4", "a new one")
        undo = ("rename", "--undo", "-d", folder.root, "--json")
        for names in (["a1.mp4", "a2.mp4", "b2.mp4"],) * 2:
            assert batch.cli(*undo).code == 1
            assert folder.names() == names
        (folder.root / "a2.mp4").unlink()
        for names in (["a1.mp4", "a2.mp4"], ["x1.mp4", "x2.mp4"]):
            assert batch.cli(*undo).code == 0
            assert folder.names() == names

    @pytest.mark.parametrize("way", ["--recover", "--undo"])
    def test_killed_at_every_step(self, cli: Cli, tmp_path: Path, fault: Fault, way: str) -> None:
        """A cycle with artifacts; finished or taken back, nothing is missing or half done."""
        for at in itertools.count():
            folder = Folder(tmp_path / f"{at}")
            for name in ("1.mp4", "10.mp4", "2.mp4", "2.srt"):
                folder.write(name)
            folder.tag("10.mp4")
            folder.tag("2.mp4")
            before = folder.files
            fault.set(at)
            try:
                Batch(cli, folder.root)(r"^\d+$", "{n}", "--regex", "--force")
            except Killed:
                fault.set(-1)
                assert Batch(cli, folder.root)("1", "9", "--force").code == 1
                run = cli("rename", way, "-d", folder.root, "--json")
                assert run.code == 0, run.err
                assert run.json["outcome"] == ("finished" if way == "--recover" else "taken back")
            else:
                break
            if way == "--undo":
                assert folder.files == before
            else:
                self.check_cycle(folder)
                assert cli("rename", "--undo", "-d", folder.root).code == 0
                assert folder.files == before
        assert at > 20
        self.check_cycle(folder)

    def check_cycle(self, folder: Folder) -> None:
        files = folder.files
        assert [files[f"{n}.mp4"] for n in (1, 2, 3)] == [
            "this is 1.mp4",
            "this is 10.mp4",
            "this is 2.mp4",
        ]
        assert files["3.srt"] == "this is 2.srt"
        assert folder.tags("2.mp4")["tags"] == ["tag of 10.mp4"]
        assert folder.tags("3.mp4")["tags"] == ["tag of 2.mp4"]
        assert files[".artifacts/3.mp4.jpg"] == "picture of 2.mp4"
        assert len(files) == 10

    def test_a_real_kill(self, cli: Cli, folder: Folder) -> None:
        for number in range(20):
            folder.write(f"temp_{number}.mp4")
            folder.tag(f"temp_{number}.mp4", "x")
        code = (
            "import index, itertools, os, sys\n"
            "from videolib.storage import steps\n"
            "moments = itertools.count()\n"
            "steps.checkpoint = lambda moment: next(moments) == 71 and os.kill(os.getpid(), 9)\n"
            "index.main(sys.argv[1:])\n"
        )
        words = ["rename", "--batch", "--force", "--source", "temp_", "--target", "final_", "-d"]
        done = subprocess.run(
            [sys.executable, "-c", code, *words, str(folder.root)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        assert done.returncode == -9
        assert 0 < sum(name.startswith("temp_") for name in folder.names()) < 20
        run = cli("tags", folder.root, "--set", "y")
        assert run.code == 0
        run = cli("rename", "--recover", "-d", folder.root)
        assert "finished" in run.out and "tags.json was changed meanwhile" in run.out
        assert len(folder.names()) == 20
        assert all(name.startswith("final_") for name in folder.names())

    def test_one_that_was_killed_is_no_missing_video(
        self, cli: Cli, folder: Folder, fault: Fault
    ) -> None:
        """The same words again say how to go on, though the video has its new name by now."""
        folder.write("a.mp4")
        words = ("rename", folder.root / "a.mp4", folder.root / "b.mp4")
        fault.set(1)
        with pytest.raises(Killed):
            cli(*words)
        fault.set(-1)
        assert folder.names() == ["b.mp4"]
        run = cli(*words)
        assert run.code == 1 and f"rename --recover -d {folder.root}" in run.err
        assert cli("rename", "--recover", "-d", folder.root).code == 0
        run = cli(*words)
        assert run.code == 2 and run.err.endswith("a.mp4: no such file\n")

    def test_where_one_stands_does_not_matter(
        self, cli: Cli, folder: Folder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The folder of the videos has the journal, not the one around it that has no artifacts."""
        folder.write("a.mp4")
        monkeypatch.chdir(folder.root.parent)
        before = folder.files
        assert cli("rename", folder.root / "a.mp4", folder.root / "sub" / "b.mp4").code == 0
        assert not (folder.root.parent / ".artifacts").exists()
        assert cli("rename", "--undo", "-d", folder.root).code == 0
        assert folder.files == before

    def test_an_interrupted_one_within(self, cli: Cli, folder: Folder, fault: Fault) -> None:
        """What was interrupted in a folder is dealt with before one around it is changed."""
        for name in ("a.mp4", "sub/a1.mp4", "sub/a2.mp4", "sub/deep/a3.mp4"):
            folder.write(name)
            folder.tag(name)
        tags = ("tags", folder.root, "-r", "--rename-tag")
        assert cli(*tags, "tag of sub/a1.mp4", "x").code == 0
        fault.set(7)
        with pytest.raises(Killed):
            Batch(cli, folder.root / "sub")("a", "b", "--force", "-r")
        fault.set(-1)
        before = folder.files
        waiting = f"rename --recover -d {folder.root / 'sub'}"
        for words in ((*tags, "x", "y"), ("tags", folder.root, "--undo")):
            run = cli(*words)
            assert run.code == 1 and waiting in run.err
        for more in ("-r", "--recursive"):
            run = Batch(cli, folder.root)("a", "c", "--force", more)
            assert run.code == 1 and waiting in run.err
        assert {n: c for n, c in folder.files.items() if n in before} == before
        assert cli("rename", "--recover", "-d", folder.root / "sub").code == 0
        assert Batch(cli, folder.root)("b", "c", "--force", "-r").json["applied"] == 3
        assert folder.tags("sub/c1.mp4")["tags"] == ["x"]

    def test_nothing_to_recover(self, cli: Cli, folder: Folder) -> None:
        run = cli("rename", "--recover", "-d", folder.root)
        assert run.code == 0 and run.out == "nothing was interrupted\n"


class TestAnotherDisk:
    """What goes to another disk is copied and compared; its original goes to the trash at last."""

    @pytest.fixture(autouse=True)
    def two_disks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for place in ("videolib.storage.journal", "videolib.organize.rename"):
            monkeypatch.setattr(f"{place}.device_of", lambda folder: "/disk" in folder)

    @pytest.fixture
    def video(self, folder: Folder) -> Path:
        path = folder.write("a.mp4", "x" * 3_000_000)
        folder.write("a.srt")
        folder.write("a.mp4.vtt")
        folder.tag("a.mp4", "x")
        folder.write(".artifacts/a.mp4.vtt", "made")
        (folder.root / ".artifacts/a.mp4.scenes.json").symlink_to("nowhere")
        os.utime(path, ns=(10**18, 10**18 + 1))
        return path

    def test_everything_goes_along_and_back(self, cli: Cli, folder: Folder, video: Path) -> None:
        before = folder.files
        target = folder.root / "disk/b.mp4"
        run = cli("rename", video, target)
        assert run.code == 0 and "the original is in .artifacts/.trash" in run.err
        assert target.stat().st_mtime_ns == 10**18 + 1
        assert folder.tags("disk/b.mp4")["video"].endswith("b.mp4")
        assert (target.parent / ".artifacts/b.mp4.scenes.json").readlink() == Path("nowhere")
        assert folder.files["disk/.artifacts/.b.mp4.previews/seg_01.webm"] == "clip a.mp4"
        assert len(folder.files) == len(before)
        assert all(name.startswith("disk/") for name in folder.files)
        (trash,) = (folder.root / ".artifacts/.trash").iterdir()
        assert (trash / "a.mp4").read_text() == before["a.mp4"]
        both = {(trash / name).read_text() for name in ("a.mp4.vtt", "a.mp4.vtt~")}
        assert both == {"this is a.mp4.vtt", "made"}
        assert cli("rename", "--undo", "-d", folder.root).code == 0
        assert folder.files == before

    @pytest.mark.parametrize("way", ["--recover", "--undo"])
    def test_killed_at_every_step(self, cli: Cli, tmp_path: Path, fault: Fault, way: str) -> None:
        """Two videos of two disks get each other's names."""
        for at in itertools.count():
            folder = Folder(tmp_path / f"{at}")
            for name in ("a.mp4", "disk/a.mp4"):
                folder.write(name)
                folder.tag(name)
            before, paths = folder.files, LibraryPaths.of(folder.root)
            one, other = map(storage.Library(folder.root).video, ("a.mp4", "disk/a.mp4"))
            fault.set(at)
            try:
                rename_videos(Job(), paths, [(one, other), (other, one)])
            except Killed:
                fault.set(-1)
                assert set(folder.files.values()) >= {"this is a.mp4", "this is disk/a.mp4"}
                assert cli("rename", way, "-d", folder.root).code == 0
            else:
                break
            if way == "--recover":
                assert folder.files["a.mp4"] == "this is disk/a.mp4"
                assert folder.tags("disk/a.mp4")["tags"] == ["tag of a.mp4"]
                assert cli("rename", "--undo", "-d", folder.root).code == 0
            assert folder.files == before
            assert not list(folder.root.rglob(".moving*"))
        assert at > 20

    def test_a_full_disk_at_every_step(
        self, cli: Cli, folder: Folder, video: Path, fault: Fault
    ) -> None:
        before = folder.files
        for at in range(0, 60, 3):
            fault.set(at, OSError(28, "No space left on device", "b.mp4"))
            run = cli("rename", video, folder.root / "disk/b.mp4")
            fault.set(-1)
            if run.code == 0:
                break
            assert "No space left on device; nothing was changed" in run.err
            assert folder.files == before
            assert not list(folder.root.rglob(".moving*"))
        assert 20 < at < 57

    def test_a_copy_that_differs_is_none(
        self, cli: Cli, folder: Folder, video: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = folder.files
        monkeypatch.setattr("videolib.storage.steps.same_content", lambda one, other, job: False)
        run = cli("rename", video, folder.root / "disk/b.mp4")
        assert run.code == 1 and "the copy differs; nothing was changed" in run.err
        assert folder.files == before

    def test_a_real_one(self, folder: Folder, video: Path) -> None:
        """In a name space of its own, where one may mount something."""
        inside = ["unshare", "-rm", "sh", "-ec"]
        mounted = subprocess.run([*inside, "mount -t tmpfs none /mnt"], check=False)
        if mounted.returncode:
            pytest.skip("nothing can be mounted here")
        seen = Video(str(video), video.name, "")
        tags = json_bytes({"tags": ["x"], "source": source_identity(seen)})
        folder.write(".artifacts/a.mp4.tags.json", tags.decode())
        (folder.root / "disk").mkdir()
        script = """
            index() { "$PYTHON" "$INDEX" "$@"; }
            mount -t tmpfs none disk
            index rename a.mp4 disk/b.mp4 -d .
            cmp disk/b.mp4 .artifacts/.trash/*/a.mp4
            index rename --undo -d .
            mv a.mp4 disk/c.mp4
            index orphans . -r --relink
            cat disk/.artifacts/c.mp4.tags.json
        """
        env = {**os.environ, "PYTHON": sys.executable, "INDEX": str(ROOT / "index.py")}
        done = subprocess.run(
            [*inside, script],
            cwd=folder.root,
            env=env,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert json.loads("{" + done.stdout.partition("{")[2])["tags"] == ["x"]


NAMES = ["a", "b", "c", "A", "\u00e9", "e\u0301", "sub/a", "sub/b", "new/x"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    there=st.sets(st.sampled_from(NAMES[:8]), min_size=1),
    goals=st.lists(st.sampled_from(NAMES), min_size=8, max_size=8),
    at=st.integers(-1, 60),
    back=st.booleans(),
    far=st.booleans(),
)
def test_any_plan_keeps_everything(
    tmp_path_factory: pytest.TempPathFactory,
    fault: Fault,
    there: set[str],
    goals: list[str],
    at: int,
    back: bool,
    far: bool,
) -> None:
    """Whatever is to get which name, and wherever that ends: all or nothing, none is lost."""
    folder = Folder(tmp_path_factory.mktemp("plan"))
    for name in sorted(there):
        folder.write(f"{name}.mp4")
        folder.tag(f"{name}.mp4")
    before = folder.files
    paths, video = LibraryPaths.of(folder.root), storage.Library(folder.root).video
    wanted = [(name, goal) for name, goal in zip(NAMES, goals, strict=False) if name in there]
    pairs = [(video(f"{name}.mp4"), video(f"{goal}.mp4")) for name, goal in wanted if name != goal]
    plan = RenamePlan(pairs)
    refused = {error["video"] for error in plan.errors}
    went = {v.rel: t.rel for v, t in pairs if v.rel not in refused}
    fault.set(at)
    with pytest.MonkeyPatch.context() as patch:
        for place in ("videolib.storage.journal", "videolib.organize.rename"):
            patch.setattr(f"{place}.device_of", lambda place: far and "/sub" in place)
        try:
            rename_videos(Job(), paths, pairs)
        except Killed:
            fault.set(-1)
            recover(paths, back=back)
            went = {} if back else went
        finally:
            fault.set(-1)
    after = folder.files
    assert len(after) == len(before)
    for name in (f"{name}.mp4" for name in there):
        new = went.get(name, name)
        assert after[new] == f"this is {name}"
        assert folder.tags(new) == json.loads(before_tags(before, name)) | {"video": new}
    goals_of_others = set(went.values())
    assert len({fold(new) for new in goals_of_others}) == len(goals_of_others)


def before_tags(before: dict[str, str], name: str) -> str:
    folder, _, file = name.rpartition("/")
    return before[f"{folder}/.artifacts/{file}.tags.json".lstrip("/")]


def test_a_tags_file_with_a_key_twice_moves_as_it_is(cli: Cli, library: Library) -> None:
    """Written again it would have one of the two values."""
    library.add_bytes("a.mp4", b"a" * 1000)
    tags = library.artifact("a.mp4.tags.json")
    tags.parent.mkdir()
    tags.write_text(content := '{"video": "a.mp4", "tags": ["one"], "tags": ["two"]}')
    library.forget(library.root / "a.mp4")
    assert cli("rename", library.root / "a.mp4", library.root / "b.mp4").code == 0
    assert library.artifact("b.mp4.tags.json").read_text() == content
