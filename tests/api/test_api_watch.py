"""`serve --watch`: new videos become jobs by themselves, and who follows the jobs hears of it."""

from __future__ import annotations

import itertools

import pytest
from conftest import Cli
from support import Library, wait_until
from support.served import Served, serving

from videolib.catalogue.watching import only_watcher
from videolib.storage.folders import Roots
from videoserver.service import Service
from videoserver.settings import ServerSettings


def thumbs_of(served: Served) -> dict[str, bool]:
    """Each video in the listing, and whether it has a thumbnail."""
    videos = served.get("/videos", params={"recursive": True, "detail": True})["videos"]
    return {video["path"]: bool(video["artifacts"]["thumbs"]) for video in videos}


def test_a_video_that_comes_while_the_server_runs(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = library.root.parent / "videorc.json"
    quick.write_text('{"watch": {"settle": 0.5}}')
    monkeypatch.setenv("VIDEORC", str(quick))
    library.add("short.mp4", "a.mp4")
    with serving(library.root, watch=("thumbs",)) as served:
        # With the jobs that have ended: the first one may be quicker than this request.
        with served.events("/events", last="1") as events:
            assert wait_until(library.artifact("a.mp4.jpg").exists)
            library.add("short.mp4", "sub/b.mp4")
            ends = (
                e["data"] for e in events if e["event"] == "end" and e["data"]["task"] == "watch"
            )
            assert [end["status"] for end in itertools.islice(ends, 2)] == ["done", "done"]
        news = [e for e in served.app.service.board.events if e.kind == "library"]
        assert len(news) >= 2
        assert str(library.root) in news[0].data
        jobs = [job for job in served.get("/jobs")["jobs"] if job["task"] == "watch"]
        assert [job["progress_total"] for job in jobs] == [1, 1]
        assert thumbs_of(served) == {"a.mp4": True, "sub/b.mp4": True}
    assert wait_until(lambda: not served.app.service.watchers[0].thread.is_alive(), 5)


def test_a_root_that_another_process_watches(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    library.add("short.mp4", "a.mp4")
    with only_watcher(library.root), serving(library.root, watch=("thumbs",)) as served:
        assert wait_until(lambda: not served.app.service.watchers[0].thread.is_alive())
        assert served.get("/videos")["total"] == 1
    assert "is being watched by another process" in capsys.readouterr().err
    assert library.artifacts() == []


def test_a_root_in_another_is_watched_with_it(library: Library) -> None:
    inner = library.root / "inner"
    inner.mkdir()
    roots = Roots([library.root, inner, library.root])
    service = Service(ServerSettings(roots, watch=("thumbs",)))
    assert [watcher.root for watcher in service.watchers] == [str(library.root)]
    service.close()


def test_a_task_that_is_none(cli: Cli, library: Library) -> None:
    run = cli("serve", "--root", library.root, "--port", "0", "--watch", "meta,nope")
    assert run.code == 2
    assert "nope makes no artifact" in run.err
