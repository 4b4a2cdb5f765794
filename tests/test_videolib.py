"""`import videolib`: its functions, and the example in its docstring, word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import Cli
from support import ROOT, Library, media

import videolib
from videolib.core.errors import UsageError, VideoError


@pytest.fixture
def films(library: Library) -> Library:
    os.utime(library.add("numbered.mp4", "a.mp4"), (10**9, 10**9))
    library.add("numbered.mp4", "sub/copy of a.mp4")
    library.add("short.mp4", "sub/b.mp4")
    library.add("text.mp4", "sub/broken.mp4")
    return library


def example() -> str:
    """The indented part of the docstring."""
    lines = re.findall(r"^(?:    .*)?\n", videolib.__doc__ or "", re.MULTILINE)
    return textwrap.dedent("".join(lines))


class TestExample:
    def test_it_runs_as_printed(self, library: Library, tmp_path: Path) -> None:
        os.utime(library.add("numbered.mp4", "a.mp4"), (10**9, 10**9))
        library.add("numbered.mp4", "sub/copy of a.mp4")
        (tmp_path / "films").symlink_to(library.root)
        done = subprocess.run(
            [sys.executable, "-c", example()],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        first, second, keep, copies = done.stdout.splitlines()
        assert re.fullmatch(r"a\.mp4 \(180, 320, 3\) \d+ [0-9a-f]{256}", first)
        assert second == f"copy of {first}"
        assert keep.startswith("keep a.mp4 - oldest: 2001-09-09 ")
        assert copies == "copies: ['copy of a.mp4']"

    def test_importing_loads_no_room(self) -> None:
        code = "import sys, videolib; print(*(m for m in sys.modules if m.startswith('videolib')))"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["videolib"]


class TestVideos:
    def test_they_are_found_in_order(self, films: Library) -> None:
        assert videolib.videos(films.root) == [films.root / "a.mp4"]
        found = videolib.videos(str(films.root), recursive=True)
        names = ["a.mp4", "sub/b.mp4", "sub/broken.mp4", "sub/copy of a.mp4"]
        assert found == [films.root / name for name in names]

    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no such file or directory"):
            videolib.videos(tmp_path / "none")


class TestOneVideo:
    def test_metadata(self, films: Library) -> None:
        facts = videolib.metadata(films.root / "a.mp4")
        assert (facts["width"], facts["height"], facts["vcodec"]) == (320, 180, "h264")
        assert facts["duration"] == pytest.approx(media.seconds_of(films.root / "a.mp4"), abs=0.1)

    def test_frames_come_as_they_were_asked_for(self, films: Library) -> None:
        pictures = videolib.frames(films.root / "a.mp4", [2.0, 0.5, 2.0])
        assert [media.number_of(picture) for picture in pictures] == [50, 12, 50]
        (small,) = videolib.frames(films.root / "a.mp4", [1.0], width=160)
        assert small.shape == (90, 160, 3)

    def test_the_hash_is_that_of_the_command(self, films: Library, cli: Cli) -> None:
        cli("phash", films.root)
        assert videolib.phash(films.root / "a.mp4") == films.json("a.mp4.phash.json")["phash"]

    def test_scenes_are_those_of_the_command(self, library: Library, cli: Cli) -> None:
        path = library.add("cuts.mp4")
        cli("scenes", library.root)
        scenes = library.json("cuts.mp4.scenes.json")["scenes"]
        assert videolib.scenes(path) == [(scene["start"], scene["end"]) for scene in scenes]
        assert len(scenes) > 1

    def test_artifacts(self, films: Library, cli: Cli) -> None:
        cli("thumbs", films.root)
        kinds = videolib.artifacts(films.root / "a.mp4")
        assert [kind for kind, state in kinds.items() if state] == ["thumbs"]

    def test_what_is_no_video(self, films: Library) -> None:
        for function in (videolib.metadata, videolib.phash, videolib.scenes):
            with pytest.raises(VideoError, match="is not a readable video"):
                function(films.root / "sub/broken.mp4")
        with pytest.raises(VideoError, match="vanished"):
            videolib.frames(films.root / "none.mp4", [0.0])


class TestDuplicates:
    def test_they_are_those_of_the_command(self, films: Library, cli: Cli) -> None:
        """And so are the artifacts that are made for it."""
        (group,) = videolib.duplicate_groups(films.root, recursive=True)
        assert group.keep == films.root / "a.mp4"
        assert group.copies == [films.root / "sub/copy of a.mp4"]
        first = films.json("a.mp4.phash.json")
        assert cli("phash", films.root, "--json").counts == {"skipped": 1}
        cli("phash", films.root, "--force")
        forced = films.json("a.mp4.phash.json")
        assert list(first) == list(forced)
        assert first | {"generated_at": ""} == forced | {"generated_at": ""}
        (told,) = cli("dupes", films.root, "-r", "--json").json["groups"]
        assert (told["keeper"], told["reason"]) == ("a.mp4", group.reason)
