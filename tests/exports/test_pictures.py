"""Exports made of frames: trickplay, BIF, contact sheets, pictures for media servers, Stash."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import webvtt
from conftest import Cli
from support import Library, media

from videolib.storage.videos import oshash

FPS = 10  # of minute.mp4, whose keyframes are two seconds apart


def picture(content: bytes) -> media.Picture:
    """A JPEG as BGR."""
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def tile(sheet: media.Picture, number: int, cols: int, rows: int) -> media.Picture:
    """A tile of a full sheet."""
    height, width = sheet.shape[0] // rows, sheet.shape[1] // cols
    y, x = number // cols * height, number % cols * width
    return sheet[y : y + height, x : x + width]


class TestTrickplay:
    def test_full_sheets_at_the_middle_of_each_interval(self, cli: Cli, library: Library) -> None:
        library.add("minute.mp4", "a.mp4")
        words = ("--interval", 4, "--width", "64,80", "--cols", 4, "--rows", 2, "--seek", "exact")
        run = cli("export", library.root, "--format", "trickplay", *words, "--json")
        assert run.json["results"][0]["files"] == ["a.trickplay"]
        for width in (64, 80):
            folder = library.root / "a.trickplay" / f"{width} - 4x2"
            assert sorted(path.name for path in folder.iterdir()) == ["0.jpg", "1.jpg"]
            sheets = [media.read_picture(folder / f"{number}.jpg") for number in (0, 1)]
            assert sheets[0].shape == sheets[1].shape
            assert sheets[0].shape[1] == 4 * width and sheets[0].shape[0] % 4 == 0
            for number in range(15):
                shown = media.number_of(tile(sheets[number // 8], number % 8, 4, 2))
                # The last frame before the middle of the interval.
                assert shown == round((number + 0.5) * 4 * FPS) - 1
            assert tile(sheets[1], 7, 4, 2).max() < 16  # padded

    def test_a_short_video_has_one_picture_no_wider_than_itself(
        self, cli: Cli, library: Library
    ) -> None:
        library.add("short.mp4", "a.mp4")
        words = ("--width", 640)
        assert cli("export", library.root, "--format", "trickplay", *words).code == 0
        (folder,) = (library.root / "a.trickplay").iterdir()
        width = media.read_picture(folder / "0.jpg").shape[1] // 10
        assert folder.name == f"{width} - 10x10" and width == media.WIDTH

    def test_skipped_stale_and_taken_back(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        words = ("export", library.root, "--format", "trickplay", "--json")
        assert cli(*words).counts == {"made": 1}
        assert cli(*words).counts == {"skipped": 1}
        assert cli(*words, "--interval", 1).counts == {"made": 1}
        library.add("cuts.mp4", "a.mp4")
        assert cli(*words, "--interval", 1).counts == {"made": 1}
        assert cli("export", library.root, "--remove").code == 0
        assert [path.name for path in library.root.iterdir() if path.name != ".artifacts"] == [
            "a.mp4"
        ]

    def test_in_one_pass_with_other_artifacts(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add("minute.mp4", name)
        words = ("--interval", 4, "--format", "trickplay,bif")
        cli("export", library.root, *words, "--only", "a.mp4")
        run = cli("thumbs,export", library.root, *words, "--only", "b.mp4", "--json")
        assert run.code == 0 and len(run.json["tasks"]) == 3
        for name in ("trickplay/320 - 10x10/0.jpg", "-320-4.bif"):
            one, other = (
                library.root / (f"{stem}{name}" if name[0] == "-" else f"{stem}.{name}")
                for stem in "ab"
            )
            if one.exists():  # narrower than 320 pixels, tiles have their own width
                assert one.read_bytes() == other.read_bytes()
        assert (library.root / "b-320-4.bif").exists() and library.artifact("b.mp4.jpg").exists()


def bif_images(content: bytes) -> tuple[int, dict[int, bytes]]:
    """Milliseconds between two images, and the images, by the table of bytes of the format."""
    assert content[:8] == bytes.fromhex("894249460d0a1a0a")
    version, count, interval = struct.unpack_from("<III", content, 8)
    assert version == 0 and not any(content[20:64])
    entries = [struct.unpack_from("<II", content, 64 + 8 * n) for n in range(count + 1)]
    assert entries[-1] == (0xFFFFFFFF, len(content))
    images = {
        number: content[offset : entries[n + 1][1]]
        for n, (number, offset) in enumerate(entries[:-1])
    }
    return interval, images


def test_bif(cli: Cli, library: Library) -> None:
    library.add("minute.mp4", "a.mp4")
    words = ("--interval", 7.5, "--width", 80, "--seek", "exact")
    assert cli("export", library.root, "--format", "bif", *words).code == 0
    interval, images = bif_images((library.root / "a-80-7.5.bif").read_bytes())
    assert interval == 7500 and list(images) == list(range(8))
    for number, image in images.items():
        assert media.number_of(picture(image)) == round(number * 7.5 * FPS)
        assert picture(image).shape[1] == 80


def test_a_contact_sheet(cli: Cli, library: Library) -> None:
    library.add("minute.mp4", "a.mp4")
    words = ("--cols", 3, "--rows", 2, "--width", 600, "--seek", "exact")
    assert cli("export", library.root, "--format", "sheet", *words).code == 0
    sheet = media.read_picture(library.root / "a-sheet.jpg")
    height, width = sheet.shape[:2]
    assert 580 <= width <= 600
    grey = sheet.max(axis=2)
    header = next(y for y in range(height) if (grey[y, width // 2 - 90 : width // 2] > 200).any())
    assert header > 0  # there is ink in it
    assert (grey[: height // 3, : width // 2] > 200).any()
    # A black and white grid of squares begins where the first tile does.
    rows = [y for y in range(height) if np.ptp(grey[y, 4 : width // 3 - 4].astype(int)) > 200]
    assert rows and rows[-1] > height * 0.9


def test_pictures_for_media_servers(cli: Cli, library: Library) -> None:
    library.add("cuts.mp4", "a.mp4")
    words = ("export", library.root, "--format", "images", "--json")
    assert cli(*words).json["results"][0]["files"] == ["a-thumb.jpg", "a-fanart.jpg"]
    fanart = media.read_picture(library.root / "a-fanart.jpg")
    assert media.difference(fanart, media.read_picture(library.root / "a-thumb.jpg")) < 3
    cli("thumbs", library.root, "--time", 9)
    assert cli(*words).counts == {"made": 1}  # of the thumbnail that there is now
    thumb = (library.root / "a-thumb.jpg").read_bytes()
    assert thumb == library.artifact("a.mp4.jpg").read_bytes()


class TestStash:
    def test_by_the_hash_of_the_file(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        video = library.add("minute.mp4", "sub/a.mp4")
        words = ("export", library.root, "-r", "--format", "stash", "--to", tmp_path / "generated")
        assert cli(*words).code == 0
        with video.open("rb") as file:
            digest = oshash(file.fileno())
        folder = tmp_path / "generated" / "vtt"
        sheet = media.read_picture(folder / f"{digest}_sprite.jpg")
        cues = webvtt.read(str(folder / f"{digest}_thumbs.vtt")).captions
        assert len(cues) == 81
        width, height = sheet.shape[1] // 9, sheet.shape[0] // 9
        assert cues[10].text == f"{digest}_sprite.jpg#xywh={width},{height},{width},{height}"
        shown = media.number_of(tile(sheet, 10, 9, 9)) / FPS
        assert cues[10].start_in_seconds - 1.1 <= shown <= cues[10].end_in_seconds + 1.1
        assert cli(*words, "--json").counts == {"skipped": 1}

    def test_previews_are_known_as_its_own(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        """They have the names of videos, which records may have below --to only."""
        library.add("short.mp4", "a.mp4")
        cli("previews", library.root, "--join", "--format", "mp4", "--segments", 1)
        words = ("export", library.root, "--format", "stash", "--to", tmp_path / "generated")
        assert cli(*words, "--json").counts == {"made": 1}
        again = cli(*words, "--json")
        assert again.counts == {"skipped": 1}
        assert [name for name in again.json["results"][0]["files"] if name.endswith(".mp4")]
        assert cli("export", library.root, "--remove", "--to", tmp_path / "generated").code == 0
        assert not [path for path in (tmp_path / "generated").rglob("*") if path.is_file()]

    def test_copies_share_what_is_named_by_their_hash(
        self, cli: Cli, library: Library, tmp_path: Path
    ) -> None:
        for name in ("a.mp4", "b.mp4"):
            library.add("short.mp4", name)
        to = tmp_path / "generated"
        words = ("export", library.root, "--format", "stash", "--to", to)
        run = cli(*words, "--json")
        assert run.code == 0 and run.counts == {"made": 1, "skipped": 1}
        files = sorted(to.rglob("*.*"))
        assert cli(*words, "--json").counts == {"skipped": 2}
        run = cli(*words, "--force", "--json")
        assert run.code == 0 and run.counts == {"made": 1, "skipped": 1}
        assert sorted(to.rglob("*.*")) == files
        assert cli(*words, "--remove").code == 0
        assert not list(to.rglob("*.*"))

    def test_what_stash_made_stays(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        with library.add("short.mp4", "a.mp4").open("rb") as file:
            sprite = tmp_path / "vtt" / f"{oshash(file.fileno())}_sprite.jpg"
        sprite.parent.mkdir()
        sprite.write_bytes(b"of Stash")
        words = ("export", library.root, "--format", "stash", "--to", tmp_path)
        (row,) = cli(*words, "--json").json["results"]
        assert [Path(path).name for path in row["files"]] == [f"{sprite.stem[:16]}_thumbs.vtt"]
        assert cli(*words, "--remove").code == 0
        assert sprite.read_bytes() == b"of Stash" and list(sprite.parent.iterdir()) == [sprite]

    def test_it_needs_a_folder(self, cli: Cli, library: Library) -> None:
        run = cli("export", library.root, "--format", "stash")
        assert run.code == 2 and "--format stash needs --to" in run.err


@pytest.mark.parametrize("name", ["trickplay", "bif", "sheet", "images"])
def test_a_video_that_cannot_be_decoded(cli: Cli, library: Library, name: str) -> None:
    library.add_bytes("a.mp4", b"no video at all" * 100)
    run = cli("export", library.root, "--format", name, "--json")
    assert run.code == 1 and run.failure("a.mp4")
    assert [path.name for path in library.root.iterdir() if path.name != ".artifacts"] == ["a.mp4"]


@pytest.mark.parametrize("words", [("--width", 8), ("--width", "wide"), ("--cols", 0)])
def test_impossible_sizes(cli: Cli, library: Library, words: tuple[object, ...]) -> None:
    library.add("short.mp4", "a.mp4")
    assert cli("export", library.root, "--format", "trickplay", *words).code == 2
