"""`people`: what is decided on faces, and that it lasts."""

from __future__ import annotations

import gzip
import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import Killed, Library, Run, faces, run_process
from support.faults import CODES, disk_faults

import index
from videolib.core.files import remove, replace_file, this_host
from videolib.core.runs import Job
from videolib.storage.folders import Library as StorageLibrary


class Folk:
    """A listed folder, and the people in it as data."""

    def __init__(self, cli: Cli, library: Library) -> None:
        self.cli, self.library, self.root = cli, library, library.root

    def __call__(self, *words: object) -> Run:
        return self.cli("people", self.root, "-r", "--json", *words)

    def do(self, *words: object) -> Any:
        run = self(*words)
        assert run.code == 0, run.err
        return run.json

    def relist(self, *words: object) -> Run:
        run = self.cli("listing", self.root, "-r", *words)
        assert run.code == 0, run.err
        return run

    @property
    def people(self) -> dict[int, dict[str, Any]]:
        return {person["id"]: person for person in self.do()["people"]}

    @property
    def videos(self) -> dict[int, list[str]]:
        """Who is in which videos."""
        return {key: [o["video"] for o in p["occurrences"]] for key, p in self.people.items()}

    def signature(self, person: int, video: str) -> str:
        seen = self.people[person]["occurrences"]
        return str(next(o["signature"] for o in seen if o["video"] == video))

    def stored(self) -> str:
        """Everything in the artifact folders, as one text."""
        files = [path for path in self.root.rglob(".artifacts/**/*") if path.is_file()]
        contents = [path.read_bytes() for path in files]
        texts = [gzip.decompress(c) if c[:2] == b"\x1f\x8b" else c for c in contents]
        return b"\n".join(texts).decode("utf-8", "replace")


@pytest.fixture
def folk(cli: Cli, library: Library) -> Folk:
    """Ann is #1, in a.mp4 and b.mp4; bea #2 in a.mp4; obama #3 in b.mp4; dan #4 in sub/c.mp4."""

    library.add_made("people", faces.add_folk)
    folk = Folk(cli, library)
    assert folk.videos == PLAIN
    return folk


PLAIN = {1: ["a.mp4", "b.mp4"], 2: ["a.mp4"], 3: ["b.mp4"], 4: ["sub/c.mp4"]}


class TestDecisions:
    @pytest.mark.slow
    def test_a_name(self, folk: Folk) -> None:
        done = folk.do("--rename", 3, "Barack", "Obama")
        assert done["people"][0]["label"] == "Barack Obama"
        assert folk.people[3]["named_by_hand"] is True
        assert "#3 Barack Obama (named by hand)" in folk.cli("people", folk.root).out
        folk.relist("--rebuild")
        assert folk.people[3]["label"] == "Barack Obama"
        assert folk.videos == PLAIN

    def test_two_in_one_picture_are_merged_with_a_doubt(self, folk: Folk) -> None:
        told = folk.cli("people", folk.root, "--merge", 2, 1).out.splitlines()[0]
        assert told.endswith("but both are in one picture of a.mp4: --undo takes it back")
        assert "but" not in folk.cli("people", folk.root, "--merge", 2, 3).out

    @pytest.mark.slow
    def test_a_name_wins_over_a_gallery(self, folk: Folk, tmp_path: Path) -> None:
        faces.portrait_of("obama", tmp_path / "gallery" / "mistake" / "one.png")
        folk.do("--rename", 3, "Obama")
        folk.relist("--gallery", tmp_path / "gallery")
        assert folk.people[3]["label"] == "Obama"
        assert folk.people[3]["label_distance"] is None
        folk.do("--undo")
        assert folk.people[3]["label"] == "mistake"

    @pytest.mark.slow
    def test_the_gallery_calls_them_anew_at_once(self, folk: Folk, tmp_path: Path) -> None:
        for who, name in (("obama", "Barack"), ("ann", "Ann")):
            faces.portrait_of(who, tmp_path / "gallery" / name / "one.png")
        folk.relist("--gallery", tmp_path / "gallery")
        apart = folk.signature(1, "b.mp4")

        def called() -> tuple[list[Any], list[Any]]:
            """Names and distances, by number."""
            everyone = [p for _, p in sorted(folk.people.items())]
            return [p["label"] for p in everyone], [p["label_distance"] or 0 for p in everyone]

        plain = called()
        assert plain[0] == ["Ann", None, "Barack", None]
        for words in (("--merge", 2, 3), ("--split", 2), ("--move", apart, "new"), ("--undo",)):
            folk.do(*words)
            names, distances = called()
            folk.relist()
            assert called()[0] == names, words
            assert called()[1] == pytest.approx(distances, abs=0.001), words
        assert sorted(called()[1]) == pytest.approx(sorted(plain[1]), abs=0.001)

    @pytest.mark.slow
    def test_new_faces_come_to_who_is_known(self, folk: Folk) -> None:
        folk.do("--rename", "#4", "Dan")
        faces.film(folk.library, "d.mp4", (4, ["dan"]))
        folk.relist()
        assert folk.videos[4] == ["d.mp4", "sub/c.mp4"]
        assert folk.people[4]["label"] == "Dan"

    def test_merging(self, folk: Folk) -> None:
        folk.do("--rename", 2, "Bea")
        folk.do("--merge", 4, 2)
        merged = {1: ["a.mp4", "b.mp4"], 3: ["b.mp4"], 4: ["a.mp4", "sub/c.mp4"]}
        assert folk.videos == merged
        assert folk.people[4]["label"] == "Bea"
        for flag in ("--rebuild", "--embed"):
            folk.relist(flag)
            assert folk.videos == merged
        folk.do("--undo")
        assert folk.videos == PLAIN
        assert folk.people[2]["label"] == "Bea"
        folk.relist("--rebuild")
        assert folk.videos == PLAIN

    def test_splitting(self, folk: Folk) -> None:
        folk.do("--rename", 1, "Ann")
        done = folk.do("--split", 1)
        assert [person["id"] for person in done["people"]] == [1, 5]
        assert sorted([*folk.videos[1], *folk.videos[5]]) == ["a.mp4", "b.mp4"]
        assert folk.people[5]["label"] is None
        folk.relist("--rebuild")
        assert len(folk.videos) == 5
        folk.do("--undo")
        assert folk.videos == PLAIN
        assert folk("--split", 2).code == 2

    def test_splitting_what_was_merged(self, folk: Folk) -> None:
        """Falls apart where the faces do."""
        folk.do("--merge", 1, 3)
        folk.do("--split", 1)
        assert sorted(map(len, folk.videos.values())) == [1, 1, 1, 2]

    def test_moving(self, folk: Folk) -> None:
        signature = folk.signature(1, "b.mp4")
        folk.do("--move", signature, 2)
        moved = PLAIN | {1: ["a.mp4"], 2: ["a.mp4", "b.mp4"]}
        assert folk.videos == moved
        folk.relist("--rebuild")
        assert folk.videos == moved
        folk.do("--move", signature, "new")
        assert folk.videos == PLAIN | {1: ["a.mp4"], 5: ["b.mp4"]}
        folk.do("--undo")
        assert folk.videos == moved
        folk.do("--undo")
        assert folk.videos == PLAIN

    def test_hiding(self, folk: Folk) -> None:
        folk.do("--hide", 1)
        assert list(folk.videos) == [2, 3, 4]
        folk.relist("--rebuild")
        assert list(folk.videos) == [2, 3, 4]
        assert "1 hidden" in folk.cli("people", folk.root, "-r").out
        folk.do("--show", 1)
        assert folk.videos == PLAIN

    @pytest.mark.slow
    def test_they_survive_other_signatures(self, folk: Folk) -> None:
        """Of another sampling, with other ids; and of a video that was moved by other means."""
        folk.do("--rename", 1, "Ann")
        folk.do("--merge", 2, 4)
        before = folk.signature(1, "a.mp4")
        folk.cli("embed", folk.root, "-r", "--force", "--sample-rate", 3, "--seek", "exact")
        folk.relist()
        assert folk.signature(1, "a.mp4") != before
        expected = {1: ["a.mp4", "b.mp4"], 2: ["a.mp4", "sub/c.mp4"], 3: ["b.mp4"]}
        assert folk.videos == expected
        folk.relist("--rebuild")
        assert folk.videos == expected
        folk.library.forget(folk.root / "sub/c.mp4")
        folk.library.keep((folk.root / "sub/c.mp4").rename(folk.root / "d.mp4"))
        folk.relist("--sample-rate", 3)
        assert folk.videos == expected | {2: ["a.mp4", "d.mp4"]}
        assert folk.people[1]["label"] == "Ann"

    @pytest.mark.slow
    def test_they_survive_another_model(self, folk: Folk, tmp_path: Path) -> None:
        """Whose vectors can be compared with nothing: by where faces were seen, there and back."""
        flags, env = faces.another_model(tmp_path)
        folk.do("--rename", 1, "Ann")
        folk.do("--hide", 2)
        folk.do("--merge", 4, 3)
        expected = {1: ["a.mp4", "b.mp4"], 4: ["b.mp4", "sub/c.mp4"]}
        assert folk.videos == expected
        before = folk.signature(1, "a.mp4")
        for words in (flags, flags, []):
            done = run_process("embed", folk.root, "-r", "--force", *words, env=env)
            assert done.code == 0, done.err
            assert "decided" not in folk.relist().err
            assert folk.videos == expected
            assert folk.people[1]["label"] == "Ann"
        assert folk.signature(1, "a.mp4") == before
        folk.do("--show", 2)
        assert folk.videos[2] == ["a.mp4"]

    @pytest.mark.slow
    def test_who_is_not_found_any_more_is_told(self, folk: Folk) -> None:
        """And comes back with the signatures."""
        folk.do("--rename", 2, "Bea")
        bea = folk.signature(2, "a.mp4")
        path = folk.library.artifact("a.mp4.faces.signatures.json")
        left = [s for s in faces.signatures(folk.library, "a.mp4") if s["id"] != bea]
        faces.rewrite(path, signatures=left)
        told = folk.relist().err
        assert "a.mp4: #2 Bea is not among its signatures now; what was decided is kept" in told
        assert 2 not in folk.videos
        folk.cli("embed", folk.root, "-r", "--force")
        assert "decided" not in folk.relist().err
        assert folk.people[2]["label"] == "Bea"

    @pytest.mark.parametrize(
        "words", [("rename", "a.mp4", "z.mp4"), ("people", ".", "--forget", 2)]
    )
    def test_the_others_keep_their_numbers(self, folk: Folk, words: tuple[str, ...]) -> None:
        """Whoever wrote the index last: what listing reads is not corrupt, nor begun anew."""
        folk.library.forget(folk.root / "a.mp4")
        command, *names = words
        paths = [folk.root / n if "." in str(n) else n for n in names]
        assert folk.cli(command, *paths, "-r" if command == "people" else "--json").code == 0
        folk.library.keep(next(folk.root.glob("[az].mp4")))
        before = folk.people
        assert folk.relist("--no-rebuild").err == ""
        assert folk.people == before

    def test_they_survive_a_rename(self, folk: Folk) -> None:
        folk.do("--rename", 1, "Ann")
        folk.library.forget(folk.root / "a.mp4")
        assert folk.cli("rename", folk.root / "a.mp4", folk.root / "z.mp4").code == 0
        folk.library.keep(folk.root / "z.mp4")
        assert folk.videos == {1: ["b.mp4", "z.mp4"], 2: ["z.mp4"], 3: ["b.mp4"], 4: ["sub/c.mp4"]}
        folk.relist()
        assert folk.videos[1] == ["b.mp4", "z.mp4"]
        assert folk.people[1]["label"] == "Ann"

    def test_they_survive_a_lost_index(self, folk: Folk) -> None:
        folk.do("--rename", 3, "Obama")
        folk.do("--hide", 2)
        for name in (".faces.index.json", ".faces.index.npy"):
            folk.library.artifact(name).unlink()
        folk.relist()
        assert folk.people[3]["label"] == "Obama"
        assert 2 not in folk.people

    def test_two_who_decide_at_a_time(self, folk: Folk) -> None:
        from concurrent.futures import ThreadPoolExecutor

        library = StorageLibrary(folk.root, recursive=True)

        def name(key: int) -> None:
            index.People(directory=library.root, rename=(str(key), f"N{key}")).run(Job())

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(name, [1, 2, 3, 4]))
        assert [p["label"] for _, p in sorted(folk.people.items())] == ["N1", "N2", "N3", "N4"]

    @pytest.mark.parametrize(
        ("words", "complaint"),
        [
            (("--rename", "9", "X"), "no such person"),
            (("--rename", "x", "X"), "number"),
            (("--rename", "1"), "a number and a name"),
            (("--rename", "1", " "), "a number and a name"),
            (("--rename", "1", "a\nb"), "control"),
            (("--merge", "1"), "two numbers"),
            (("--merge", "1", "9"), "no such person"),
            (("--move", "ffff", "1"), "no such signature"),
            (("--move", "ffff"), "--move"),
            (("--split", "9"), "no such person"),
            (("--hide", "9"), "no such person"),
            (("--forget", "9"), "no such person"),
            (("--undo",), "no decision"),
            (("--hide", "1", "--undo"), "one at a time"),
            (("--hide", "0"), "greater than or equal to 1"),
        ],
    )
    def test_bad_requests_change_nothing(
        self, cli: Cli, library: Library, words: tuple[str, ...], complaint: str
    ) -> None:
        def make(folder: Library) -> None:
            faces.film(folder, "a.mp4", (4, ["ann"]))
            cli("listing", folder.root)

        library.add_made("people: one", make)
        run = cli("people", library.root, *words)
        assert run.code == 2
        assert complaint in run.err
        assert ".faces.people.json" not in library.artifacts()

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            '{"people": [{"id": 1}]}',
            '{"serial": "x"}',
            '{"next": null}',
            '{"people": [{"id": 1, "name": "x", "hidden": false, "faces": [{"signature": "a"}]}]}',
            '{"history": [{"action": "hide #1"}]}',
            '{"people": [{"id": "1", "name": "x", "hidden": false, "faces": [], "model": null}]}',
            '{"people": [{"id": 1, "name": "x", "hidden": false, "faces": [], "model": 5}]}',
            '{"people": [{"id": 1e999, "name": "x", "hidden": false, "faces": [], "model": null}]}',
        ],
    )
    def test_a_corrupt_file_is_left_to_its_owner(self, folk: Folk, content: str) -> None:
        path = folk.library.artifact(".faces.people.json")
        path.write_text(content)
        for run in (folk("--rename", 1, "Ann"), folk(), folk.cli("listing", folk.root, "-r")):
            assert run.code == 1
            assert "mend it or move it away" in run.err
        assert path.read_text() == content


@pytest.mark.slow
class TestForgetting:
    def test_one_person(self, cli: Cli, folk: Folk) -> None:
        """Vectors, pictures and decisions are nowhere any more; nor do they come back."""
        cli("embed", folk.root, "-r", "--force", "--thumbnails")
        folk.relist()
        folk.do("--rename", 1, "Ann")
        folk.library.forget(folk.root / "a.mp4")
        cli("rename", folk.root / "a.mp4", folk.root / "z.mp4")
        folk.library.keep(folk.root / "z.mp4")
        ids = {o["signature"] for o in folk.people[1]["occurrences"]}
        vectors = [
            s["vector"]
            for name in ("z.mp4", "b.mp4")
            for s in faces.signatures(folk.library, name)
            if s["id"] in ids
        ]
        assert len(vectors) == 2
        assert all(vector[:40] in folk.stored() for vector in vectors)
        folk.do("--forget", 1)
        stored = folk.stored()
        assert not any(vector[:40] in stored for vector in vectors)
        assert "Ann" not in stored
        assert len(list(folk.root.rglob(".*.faces/*.jpg"))) == 3
        assert list(folk.videos) == [2, 3, 4]
        for _ in range(2):
            folk.relist("--rebuild")
            assert list(folk.videos) == [2, 3, 4]
            cli("embed", folk.root, "-r", "--force", "--thumbnails")

    def test_a_record_that_cannot_be_written_again(self, folk: Folk) -> None:
        """It goes with the person: what is left of it could not be told from the rest."""
        path = folk.root / ".artifacts/a.mp4.faces.signatures.json"
        person = next(
            o["signature"] for o in folk.people[1]["occurrences"] if o["video"] == "a.mp4"
        )
        record = json.loads(path.read_text())
        path.write_text(json.dumps(record | {"interval": 0.5}).replace("0.5", "1e999"))
        assert folk("--forget", 1).code == 0
        assert person not in folk.stored()

    @pytest.mark.parametrize("wrong", [{"id": [1, 2]}, {"apart": 3}, {"id": {}}])
    def test_a_record_that_is_corrupt(self, folk: Folk, wrong: dict[str, Any]) -> None:
        """It is deleted as a whole: `embed` makes another."""
        path = folk.root / ".artifacts/a.mp4.faces.signatures.json"
        record = json.loads(path.read_text())
        record["signatures"].append(record["signatures"][0] | {"id": "f" * 16} | wrong)
        path.write_text(json.dumps(record))
        run = folk("--forget", 1)
        assert run.code == 0 and "unexpectedly" not in run.err
        assert not path.exists()

    def test_killed_at_every_step(
        self, cli: Cli, folk: Folk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whenever it ends, asking again deletes the rest: no vector, picture or name stays."""
        cli("embed", folk.root, "-r", "--force", "--thumbnails")
        folk.relist()
        folk.do("--rename", 1, "Ann")
        ids = {o["signature"] for o in folk.people[1]["occurrences"]}
        shutil.copytree(folk.root, tmp_path / "saved")
        for at in itertools.count():
            shutil.rmtree(folk.root)
            shutil.copytree(tmp_path / "saved", folk.root)
            steps = itertools.count()

            def watched(step: Any, at: int = at, steps: Iterator[int] = steps) -> Any:
                def do(*given: Any) -> Any:
                    if next(steps) == at:
                        raise Killed
                    return step(*given)

                return do

            with monkeypatch.context() as patch:
                patch.setattr("videolib.faces.forgetting.replace_file", watched(replace_file))
                patch.setattr("videolib.faces.forgetting.remove", watched(remove))
                try:
                    folk("--forget", 1)
                    break
                except Killed:
                    pass
            folk("--forget", 1)
            stored = folk.stored()
            assert not [key for key in ids if key in stored], at
            assert "Ann" not in stored, at
            assert len(list(folk.root.rglob(".*.faces/*.jpg"))) == 3
        assert at > 4

    def test_a_disk_that_fails_at_any_change(self, folk: Folk, tmp_path: Path) -> None:
        """The error names the file; whoever is to be forgotten is, after all."""
        folk.do("--rename", 2, "Bea")
        shutil.copytree(folk.root, tmp_path / "saved")
        for words in (("--rename", 1, "Ann"), ("--forget", 1)):
            for at in itertools.count():
                shutil.rmtree(folk.root)
                shutil.copytree(tmp_path / "saved", folk.root)
                with disk_faults(folk.root, at, CODES[at % len(CODES)]) as faults:
                    run = folk(*words)
                if not faults.failed:
                    break
                (failed,) = faults.failed
                if run.code == 0:
                    assert failed.startswith("unlink") and "/.tmp-" in failed
                    continue
                assert run.code == 1 and len(run.err.splitlines()) == 1, run.err
                names = {"faces.people.json", "faces.index.json", "signatures.json", ".artifacts"}
                assert any(name in run.err for name in names), f"{failed}: {run.err}"
                assert "Traceback" not in run.err and "unexpectedly" not in run.err
                folk(*words)
                assert folk.people[2]["label"] == "Bea"
                assert 1 not in folk.people or folk.people[1]["label"] == "Ann"
            assert at > 4

    def test_a_disk_that_fails_at_any_change_of_a_listing(self, folk: Folk) -> None:
        """The error names the folder; what was decided stays, and the next listing is complete."""
        folk.do("--rename", 1, "Ann")
        for at in itertools.count():
            folk.library.artifact(".faces.index.json").unlink()
            with disk_faults(folk.root, at, CODES[at % len(CODES)]) as faults:
                run = folk.cli("listing", folk.root, "-r")
            assert "Traceback" not in run.err and "unexpectedly" not in run.err
            assert run.code == 0 or (run.code == 1 and ".artifacts" in run.err), run.err
            folk.relist()
            assert folk.people[1]["label"] == "Ann" and len(folk.people) == 4
            if not faults.failed:
                break
        assert at > 4

    def test_a_scratch_file_of_a_killed_run_is_swept(self, folk: Folk) -> None:
        dead = subprocess.Popen(["true"])
        dead.wait()
        lost = folk.library.artifact(f".tmp-{this_host()}-{dead.pid}-0")
        for words in (("people", folk.root, "--rename", 1, "Ann"), ("listing", folk.root, "-r")):
            lost.write_text("half")
            assert folk.cli(*words).code == 0
            assert not lost.exists()

    def test_in_the_folders_around_too(self, cli: Cli, folk: Folk, tmp_path: Path) -> None:
        """Each folder that was listed has an index, means, decisions and a gallery of its own."""
        below, above = folk.root / "sub", folk.root.parent
        faces.portrait_of("dan", tmp_path / "gallery/Daniel/one.png")
        for place in (above, folk.root, below):
            cli("listing", place, "-r", "--gallery", tmp_path / "gallery")
        cli("people", below, "--rename", 1, "Danny")
        (below / ".artifacts/.faces.index.json.corrupt-1").write_text("Daniel")
        assert {"Daniel", "Danny"} <= set(re.findall(r"\w+", folk.stored()))
        folk.do("--forget", 4)
        places = [place / ".artifacts" for place in (above, folk.root, below)]
        kept = b"".join(f.read_bytes() for p in places for f in p.iterdir() if f.is_file())
        assert not re.search(rb"Dann?y|Daniel", kept)
        assert not list(folk.root.rglob(".faces.index.npy"))
        assert cli("people", below, "--json").json["people"] == []
        assert list(folk.videos) == [1, 2, 3]

    def test_whom_the_gallery_calls_otherwise(self, folk: Folk, tmp_path: Path) -> None:
        """The gallery's vectors of someone go with them, whatever name they were given."""
        faces.portrait_of("dan", tmp_path / "gallery/Daniel/one.png")
        folk.relist("--gallery", tmp_path / "gallery")
        folk.do("--rename", 4, "Somebody")
        folk.do("--forget", 4)
        assert "Daniel" not in folk.stored()

    def test_who_was_forgotten_stays_so(self, cli: Cli, folk: Folk) -> None:
        """However the video is looked at again, also under another name; the others are found."""
        folk.do("--forget", 1)
        root = folk.root
        for words in (
            ("--sample-rate", 2.3),
            ("--sample-rate", 0.7, "--min-track-frames", 1, "--seek", "keyframe"),
            ("--min-face-area", 200, "--min-score", 0.5, "--blur-threshold", 0),
            ("--match-distance", 0.3, "--cluster-eps", 0.2),
        ):
            cli("embed", root, "--force", *words)
            found = [len(faces.signatures(folk.library, name)) for name in ("a.mp4", "b.mp4")]
            assert found == [1, 1], words
        folk.library.forget(root / "a.mp4")
        cli("rename", root / "a.mp4", root / "z.mp4")
        folk.library.keep(root / "z.mp4")
        cli("embed", root, "--force", "--sample-rate", 3)
        folk.relist("--rebuild")
        assert sorted(folk.videos.values()) == [["b.mp4"], ["sub/c.mp4"], ["z.mp4"]]

    def test_what_is_remembered(self, cli: Cli, folk: Folk) -> None:
        """A moment and a box in the picture: nothing that tells one person from another."""
        gone = next(s for s in faces.signatures(folk.library, "b.mp4") if s["time"] < 4)
        folk.do("--forget", 1)
        record = folk.library.json("b.mp4.faces.signatures.json")
        assert record["forgotten"] == [{"time": gone["time"], "box": gone["box"]}]
        assert gone["id"] not in folk.stored()
        cli("embed", folk.root, "--force", "--sample-rate", 2)
        again = folk.library.json("b.mp4.faces.signatures.json")
        assert again["forgotten"] == record["forgotten"]

    def test_another_film_of_that_name(self, cli: Cli, folk: Folk) -> None:
        """Where someone was in one file says nothing about another."""
        folk.do("--forget", 1)
        folk.library.forget(folk.root / "b.mp4")
        faces.film(folk.library, "b.mp4", (4, ["dan"]), (3, ["obama"]))
        cli("embed", folk.root)
        record = folk.library.json("b.mp4.faces.signatures.json")
        assert len(record["signatures"]) == 2 and "forgotten" not in record

    @pytest.mark.parametrize("box", [[0, 0, 5, 5], [1e300] * 4, "box", None])
    def test_places_that_say_nothing(self, cli: Cli, library: Library, box: Any) -> None:
        """Where nobody is found any more, whoever is seen then is left out, and no one else."""

        def make(folder: Library) -> None:
            faces.film(folder, "b.mp4", (4, ["ann"]), (3, ["obama"]))
            cli("embed", folder.root)

        library.add_made("people: two", make)
        place = library.artifact("b.mp4.faces.signatures.json")
        faces.rewrite(place, forgotten=[{"time": 1.0, "box": box}])
        assert cli("embed", library.root, "--force").code == 0
        assert len(faces.signatures(library, "b.mp4")) == (1 if box == [0, 0, 5, 5] else 2)

    def test_everybody(self, cli: Cli, folk: Folk) -> None:
        folk.do("--rename", 1, "Ann")
        cli("dupes", folk.root, "--compute")
        assert cli("embed", folk.root, "-r", "--purge").code == 0
        stored = folk.stored()
        assert "Ann" not in stored and "vector" not in stored
        assert folk().code == 2
        folk.relist()
        assert folk.videos == PLAIN

    def test_what_is_in_the_trash_goes_too(self, cli: Cli, folk: Folk) -> None:
        whole = (folk.root / "b.mp4").read_bytes()
        folk.library.add_bytes("copy.mp4", whole)
        cli("phash,embed", folk.root)
        folk.relist()
        folk.library.forget(folk.root / "copy.mp4")
        assert cli("dupes", folk.root, "--apply", "trash").code == 0
        assert not (folk.root / "copy.mp4").exists()
        ids = {o["signature"] for o in folk.people[3]["occurrences"]}
        folk.do("--forget", 3)
        (trashed,) = folk.root.rglob(".trash/*/copy.mp4.faces.signatures.json")
        assert ids.isdisjoint(s["id"] for s in json.loads(trashed.read_text())["signatures"])
        cli("embed", folk.root, "-r", "--purge")
        assert not trashed.exists()
