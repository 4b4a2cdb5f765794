"""An artifact is fresh only for the video that it was made of, whatever their times say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Cli
from support import Library, media

from videolib.storage.artifacts import ARTIFACTS

MADE_OF_FRAMES = "metadata,thumbs,sprites,phash,heatmaps,scenes,previews,verify"
DERIVED = {kind for kind, artifact in ARTIFACTS.items() if artifact.derived}
LONG_AGO = 1_000_000_000_123_456_789  # ns, before anything that a test makes
HOUR = 3600 * 10**9

SPOKEN = "1\n00:00:00,000 --> 00:00:01,000\n{}\n"


def film(path: Path, words: str, size: int = 0) -> None:
    """A film of 2 s with subtitles in it, made as long as `size` bytes by what players ignore."""
    text = path.with_suffix(".words")
    text.write_text(SPOKEN.format(words))
    streams = ("-map", 0, "-map", 1, "-c:v", "libx264", "-c:s", "mov_text")
    source = f"testsrc2=s=128x72:r=10:d=2,hue=h={len(words) * 40}"
    media.ffmpeg("-f", "lavfi", "-i", source, "-f", "srt", "-i", text, *streams, path)
    text.unlink()
    if size:
        rest = size - path.stat().st_size
        assert rest >= 8
        with path.open("ab") as file:
            file.write(rest.to_bytes(4) + b"free" + bytes(rest - 8))


def make_all(cli: Cli, library: Library) -> dict[str, str]:
    """Every kind, of the only video as it is; what became of each."""
    chain = cli(MADE_OF_FRAMES, library.root, "--json")
    faces = cli("embed", library.root, "--json")
    words = cli("subtitles", library.root, "--from-stream", "--json")
    assert (chain.code, faces.code, words.code) == (0, 0, 0), chain.err + faces.err + words.err
    reports = [*chain.json["tasks"], faces.json, words.json]
    return {report["task"]: report["results"][0]["status"] for report in reports}


def states(cli: Cli, library: Library) -> dict[str, object]:
    """How each derived kind stands to the only video."""
    (row,) = cli("report", library.root, "--json").json["videos"]
    return {kind: row[kind] for kind in DERIVED}


def set_time(path: Path, mtime_ns: int) -> None:
    os.utime(path, ns=(mtime_ns, mtime_ns))


@pytest.fixture
def video(library: Library, cli: Cli) -> Path:
    """A film of which everything was made."""

    def make(folder: Library) -> None:
        path = folder.root / "film.mp4"
        film(path, "first words", 60_000)
        set_time(path, LONG_AGO)
        folder.keep(path)
        assert make_all(cli, folder) == dict.fromkeys(DERIVED, "made")

    library.add_made("freshness", make)
    assert states(cli, library) == dict.fromkeys(DERIVED, True)
    return library.root / "film.mp4"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "mtime_ns"),
    [
        pytest.param(60_100, LONG_AGO - HOUR, id="older"),
        pytest.param(60_000, LONG_AGO - HOUR, id="older, of the same size"),
        pytest.param(60_000, LONG_AGO + 1, id="hardly newer, of the same size"),
        pytest.param(60_100, LONG_AGO, id="of the same time"),
    ],
)
def test_another_video_in_its_place(
    cli: Cli, library: Library, video: Path, size: int, mtime_ns: int
) -> None:
    picture, words = (library.artifact(f"film.mp4.{suffix}") for suffix in ("jpg", "en.vtt"))
    words = words if words.exists() else library.artifact("film.mp4.vtt")
    before, other = picture.read_bytes(), library.root / "other.film"
    film(other.with_suffix(".mp4"), "other words!", size)
    other.with_suffix(".mp4").rename(other)
    set_time(other, mtime_ns)
    other.replace(video)
    library.keep(video)
    assert states(cli, library) == dict.fromkeys(DERIVED, "stale")
    assert make_all(cli, library) == dict.fromkeys(DERIVED, "made")
    assert states(cli, library) == dict.fromkeys(DERIVED, True)
    assert make_all(cli, library) == dict.fromkeys(DERIVED, "skipped")
    assert "other words!" in words.read_text()
    assert picture.read_bytes() != before


def test_a_touched_video(cli: Cli, library: Library, video: Path) -> None:
    """Times are all there is to tell the same bytes from others without reading them."""
    set_time(video, LONG_AGO + HOUR)
    assert states(cli, library) == dict.fromkeys(DERIVED, "stale")


def test_a_renamed_video(cli: Cli, library: Library, video: Path) -> None:
    library.forget(video)
    assert cli("rename", video, library.root / "new.mp4").code == 0
    assert states(cli, library) == dict.fromkeys(DERIVED, True)
    assert not [name for name in library.artifacts() if "film.mp4" in name]


def test_a_copied_library(cli: Cli, library: Library, video: Path, tmp_path: Path) -> None:
    copy = Library(tmp_path / "copy", library.clips)
    shutil.copytree(library.root, copy.root)  # keeps times, as rsync -a and cp -a do
    assert states(cli, copy) == dict.fromkeys(DERIVED, True)
    assert make_all(cli, copy) == dict.fromkeys(DERIVED, "skipped")


def test_a_library_on_a_disk_of_coarser_times(cli: Cli, library: Library, video: Path) -> None:
    """What NTFS, archives, exFAT, HFS+ and FAT keep of a time."""
    for unit in (100, 1000, 10**7, 10**9, 2 * 10**9):
        set_time(video, LONG_AGO // unit * unit)
        assert states(cli, library) == dict.fromkeys(DERIVED, True), unit
    set_time(video, LONG_AGO - 10**9)
    assert states(cli, library) == dict.fromkeys(DERIVED, "stale")


def test_what_cannot_carry_its_source_has_it_beside(cli: Cli, library: Library) -> None:
    """Clips without an index, and SubRip, which knows no comments."""
    path = library.root / "film.mp4"
    film(path, "first words", 60_000)
    set_time(path, LONG_AGO)
    cli("previews", library.root, "--no-index")
    cli("subtitles", library.root, "--from-stream", "--format", "srt")
    records = ["film.mp4.previews.source.json", "film.mp4.subtitles.source.json"]
    assert [name for name in library.artifacts() if "source" in name] == records
    set_time(path, LONG_AGO - HOUR)
    stale = {kind for kind, state in states(cli, library).items() if state == "stale"}
    assert stale == {"previews", "subtitles"}
    cli("previews", library.root)
    cli("subtitles", library.root, "--from-stream")
    assert not [name for name in library.artifacts() if "source" in name or ".srt" in name]


def test_comments_leave_files_what_they_are(video: Path, library: Library) -> None:
    picture = library.artifact("film.mp4.jpg")
    assert picture.read_bytes()[:4] == b"\xff\xd8\xff\xfe"
    assert media.read_picture(picture).shape == (72, 128, 3)
    probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"]
    if shutil.which("ffprobe"):
        answer = subprocess.run([*probe, picture], capture_output=True, text=True, check=True)
        assert (answer.stdout.strip(), answer.stderr) == ("mjpeg", "")
    (words,) = (
        name for name in library.artifacts() if name.endswith(".vtt") and "spri" not in name
    )
    blocks = library.artifact(words).read_text().rstrip("\n").split("\n\n")
    assert blocks[0] == "WEBVTT"
    source = json.loads(blocks[1].removeprefix("NOTE "))["source"]
    assert (source["size"], source["mtime_ns"]) == (60_000, LONG_AGO)
    assert blocks[2:] == ["00:00:00.000 --> 00:00:01.000\nfirst words"]


class TestEarlierVersions:
    """Artifacts whose source nothing recorded."""

    @pytest.fixture
    def earlier(self, library: Library, cli: Cli) -> Path:
        """A film with a picture, clips and subtitles as they were written before."""
        path = library.root / "film.mp4"
        film(path, "first words", 60_000)
        set_time(path, LONG_AGO)
        cli("previews", library.root, "--no-index")
        library.artifact("film.mp4.previews.source.json").unlink()
        library.artifact("film.mp4.jpg").write_bytes(
            media.ffmpeg("-i", path, "-frames:v", 1, "-f", "mjpeg", "-")
        )
        library.artifact("film.mp4.en.vtt").write_text(
            "WEBVTT\n\n00:00.000 --> 00:01.000\nbefore\n"
        )
        return path

    KINDS = ("thumbs", "previews", "subtitles")

    def run_all(self, cli: Cli, library: Library, *flags: object) -> set[str]:
        """What became of the kinds."""
        flags += ("--json",)
        runs = [cli(kind, library.root, *flags) for kind in ("thumbs", "subtitles")]
        runs.append(cli("previews", library.root, "--no-index", *flags))
        return {row["status"] for run in runs for row in run.json["results"]}

    def test_are_kept_and_recorded_when_they_are_looked_at(
        self, cli: Cli, library: Library, earlier: Path
    ) -> None:
        before = library.artifacts()
        assert {states(cli, library)[kind] for kind in self.KINDS} == {True}
        assert self.run_all(cli, library, "--dry-run") == {"skipped"}
        assert library.artifacts() == before  # neither of these writes
        assert self.run_all(cli, library) == {"skipped"}
        added = sorted(set(library.artifacts()) - set(before))
        assert added == [f"film.mp4.{kind}.source.json" for kind in sorted(self.KINDS)]
        assert {states(cli, library)[kind] for kind in self.KINDS} == {True}
        set_time(earlier, LONG_AGO - HOUR)
        assert {states(cli, library)[kind] for kind in self.KINDS} == {"stale"}

    def test_are_judged_by_their_times_until_then(
        self, cli: Cli, library: Library, earlier: Path
    ) -> None:
        library.make_newer(earlier)
        set_time(earlier, LONG_AGO + HOUR)
        assert {states(cli, library)[kind] for kind in self.KINDS} == {"stale"}

    def test_of_a_folder_that_cannot_be_written(
        self, cli: Cli, library: Library, earlier: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("videolib.storage.publishing.replace_file", refuse)
        assert self.run_all(cli, library) == {"skipped"}
