"""A video and the transcodes that were made of it, found by the records beside these."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import support
from support import Library, media
from support.served import Served, serving


def copies_of(served: Served, name: str, **params: Any) -> tuple[str | None, list[str]]:
    """The original of a video, and its copies."""
    answer = served.client.get(f"/videos/{name}/copies", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["original"], answer.json()["copies"]


@pytest.fixture
def films(library: Library, tmp_path: Path) -> Path:
    """A folder of films, which tests move."""
    (folder := tmp_path / "films" / "in").mkdir(parents=True)
    for name, clip in (("a.mp4", "short.mp4"), ("b.mp4", "cuts.mp4")):
        shutil.copy2(media.clip(clip, library.clips), folder / name)
    os.utime(folder / "b.mp4", ns=(0, (folder / "a.mp4").stat().st_mtime_ns))
    return folder.parent


@pytest.fixture
def outputs(films: Path, tmp_path: Path) -> Path:
    """A folder with transcodes of them, made on the command line."""
    words = ("-r", films, tmp_path / "outputs", "--force")
    run = support.run_cli("transcode", *words)
    assert run.code == 0, run.err
    return tmp_path / "outputs"


def test_a_copy_and_its_original_show_each_other(films: Path, outputs: Path) -> None:
    original, copy = films / "in/a.mp4", outputs / "in/a.mp4"
    with serving(films, outputs) as served:
        assert copies_of(served, "in/a.mp4") == (None, [str(copy)])
        assert copies_of(served, "in/a.mp4", directory=str(outputs)) == (str(original), [])
        assert copies_of(served, "in/b.mp4") == (None, [str(outputs / "in/b.mp4")])
        # Under other names, too, but no longer where the original is another film.
        moved, renamed = original.with_name("moved.mp4"), copy.with_name("renamed.mp4")
        original.rename(moved)
        copy.rename(renamed)
        assert copies_of(served, "in/moved.mp4") == (None, [str(renamed)])
        assert copies_of(served, "in/renamed.mp4", directory=str(outputs)) == (str(moved), [])
        original.with_name("b.mp4").replace(moved)
        assert copies_of(served, "in/moved.mp4") == (None, [str(outputs / "in/b.mp4")])
        assert served.get("/videos/none.mp4/copies", 404)["title"] == "Not Found"


def test_records_that_lead_out_or_are_broken(films: Path, outputs: Path, tmp_path: Path) -> None:
    records = outputs / "in/.artifacts"
    with serving(films, outputs) as served:
        (record,) = records.glob("a.mp4.transcode.json")
        content = record.read_text()
        for wrong in ("{", "[]", '{"source": 1, "output_size": "x"}'):
            record.write_text(wrong)
            assert copies_of(served, "in/a.mp4") == (None, [])
        record.write_text(content)
        records.rename(tmp_path / "elsewhere")
        records.symlink_to(tmp_path / "elsewhere")
        assert copies_of(served, "in/a.mp4") == (None, [])
