"""`export` as a job of the server: the same parameters, and nothing outside its folders."""

from __future__ import annotations

from pathlib import Path

from support import Library
from support.served import Served


def test_a_job(served: Served, library: Library) -> None:
    library.add("short.mp4", "a.mp4")
    job = served.job("export", params={"format": ["nfo"], "to": "out"})
    (row,) = job["result"]["results"]
    assert row["files"] == [str(library.root / "out/a.nfo")] and Path(row["files"][0]).is_file()
    job = served.job("export", params={"remove": True, "to": "out"})
    assert job["result"]["counts"] == {"removed": 1}
    job = served.job("export", params={"format": ["nfo"]})
    assert job["result"]["counts"]["made"] == 1, str(job)
    assert (library.root / "a.nfo").is_file()


def test_nothing_leaves_the_folders(served: Served, library: Library, tmp_path: Path) -> None:
    library.add("short.mp4", "a.mp4")
    outside = tmp_path / "outside"
    outside.mkdir()
    (library.root / "link").symlink_to(outside)
    for to in (str(outside), "link", "../outside", "link/below"):
        request = {"task": "export", "directory": ".", "params": {"format": ["nfo"], "to": to}}
        answer = served.client.post("/jobs", json=request)
        assert answer.status_code in (400, 403, 422), answer.text
    assert list(outside.iterdir()) == []
