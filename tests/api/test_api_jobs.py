"""Jobs over the API: queued, followed, cancelled, and never more at once than the machine takes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import Cli
from support import Library, command_of, leftovers, media, wait_until
from support.served import Served, serving

import index
from videolib.core.errors import CancelledError
from videolib.core.processes import cores
from videolib.core.runs import ConcurrencyLimits, Job, Result
from videoserver.jobs import ENDED, JOBS_AT_ONCE, JOBS_KEPT, JOBS_QUEUED, JobBoard, JobState

pytestmark = pytest.mark.usefixtures("misbehaving")


def children(parent: int) -> set[int]:
    """Every living process below one (Linux)."""
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found = {parent}
    while more := {pid for pid, above in parents.items() if above in found} - found:
        found |= more
    return found - {parent}


def programs(parent: int) -> list[bytes]:
    """The command lines of every ffmpeg below a process (Linux)."""
    found = []
    for pid in children(parent):
        line = command_of(pid)
        found += [line] if b"ffmpeg" in line.partition(b"\0")[0] else []
    return found


def block(served: Served, library: Library) -> list[str]:
    """Keep everything that runs jobs busy."""
    video = library.add("one_frame.mp4", "busy/hang.mp4")
    jobs = [
        served.submit("hang", directory="busy", params={"timeout": 500 + number})
        for number in range(JOBS_AT_ONCE)
    ]
    assert wait_until(lambda: all(served.get(f"/jobs/{job}")["started_at"] for job in jobs))
    assert wait_until(video.with_suffix(".began").exists)
    return jobs


def release(served: Served, blocking: list[str]) -> None:
    for job in blocking:
        served.client.delete(f"/jobs/{job}")
    for job in blocking:
        assert served.wait(job)["status"] == "cancelled"


@contextlib.contextmanager
def watching(limits: ConcurrencyLimits, kind: str) -> Iterator[list[int]]:
    """How many of a kind run, looked at again and again while the body runs."""
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.002):
            with limits.changed:
                seen.append(limits.running[kind])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


class TestAJob:
    def test_from_submission_to_result(self, served: Served, library: Library, cli: Cli) -> None:
        library.add("short.mp4")
        library.add("short.mp4", "sub/b.mp4")
        library.add_bytes("broken.mp4", b"x" * 100)
        body = {"task": "thumbs", "recursive": True, "params": {"quality": 5}}
        response = served.client.post("/jobs", json=body)
        assert response.status_code == 202
        told = response.json()
        assert response.headers["location"] == f"/jobs/{told['id']}"
        assert (told["task"], told["params"], told["recursive"]) == ("thumbs", {"quality": 5}, True)
        job = served.wait(told["id"])
        assert (job["status"], job["error"], job["failed"]) == ("done", None, 1)
        assert (job["progress_current"], job["progress_total"]) == (3, 3)
        assert job["created_at"] <= job["started_at"] <= job["ended_at"]
        assert job["current"] is None
        same = cli("thumbs", library.root, "-r", "--quality", 5, "--json").json
        results = {row["video"]: row for row in job["result"]["results"]}
        assert results["short.mp4"]["status"] == "made"
        assert "broken.mp4" in job["messages"][0]
        (failed,) = [row for row in same["results"] if row["status"] == "failed"]
        assert results["broken.mp4"] == failed
        assert library.artifacts("sub") == ["b.mp4.jpg"]

    def test_the_body_of_the_specification(self, served: Served, library: Library) -> None:
        library.add("short.mp4")
        text = '{"task":"meta","directory":".","recursive":false,"force":false,"params":{}}'
        response = served.client.post(
            "/jobs", content=text, headers={"content-type": "application/json"}
        )
        assert served.wait(response.json()["id"])["result"]["counts"]["made"] == 1
        assert library.artifacts() == ["short.mp4.ffprobe.json"]
        again = served.job("meta")
        assert again["result"]["counts"]["skipped"] == 1
        assert served.job("meta", force=True)["result"]["counts"]["made"] == 1

    @pytest.mark.parametrize("task", ["report", "codecs"])
    def test_commands_about_the_folder(
        self, served: Served, library: Library, cli: Cli, task: str
    ) -> None:
        library.add("short.mp4")
        job = served.job(task)
        assert job["status"] == "done"
        assert job["result"] == cli(task, library.root, "--json").json
        assert job["progress_current"] == job["progress_total"] >= 1

    def test_batch_and_finish_count_videos(self, served: Served, library: Library) -> None:
        library.add("short.mp4")
        job = served.job("batch", params={"tasks": "meta,thumbs,previews", "max_thumbs": 1})
        assert [part["task"] for part in job["result"]["tasks"]][:2] == ["metadata", "thumbs"]
        assert (job["progress_current"], job["progress_total"]) == (1, 1)
        job = served.job("finish", params={"tasks": ["phash", "thumbs"]})
        assert job["result"]["tasks"][0]["counts"]["made"] == 1
        assert "short.mp4.phash.json" in library.artifacts()

    def test_a_model_is_chosen_by_its_name(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that the server was started with, or the default; no other, and none by its path."""
        monkeypatch.setenv("VIDEO_WHISPER_MODEL", "tiny")
        library.add("numbered.mp4")
        with serving(library.root, models=("turbo", "/models/own")) as served:
            (task,) = (t for t in served.get("/tasks")["tasks"] if t["task"] == "subtitles")
            schema = task["params"]["properties"]["model"]
            assert (schema["enum"], schema["default"]) == (["tiny", "turbo", "own"], "tiny")
            assert served.get("/config")["tasks"]["subtitles"]["model"] == "tiny"
            for wrong in ("large-v3", "/models/own", "", None, ["tiny"]):
                body = {"task": "subtitles", "params": {"model": wrong}}
                problem = served.client.post("/jobs", json=body).json()
                assert problem["status"] == 422
                assert problem["errors"][0]["field"] == "params.model"
                assert "tiny or turbo or own" in problem["detail"]
            job = served.job("subtitles", params={"model": "own"})
            (row,) = job["result"]["results"]
            assert "/models/own: no folder and no known name" in row["error"]

    @pytest.mark.slow
    def test_transcode_and_compare(self, served: Served, library: Library) -> None:
        library.add("short.mp4", "in/a.mp4")
        (library.root / "out").mkdir()
        # A relative folder is the root's: in that of the videos outputs may not be.
        params: dict[str, Any] = {"dest": "out", "crf": 20}
        job = served.job("transcode", directory="in", force=True, params=params)
        assert job["status"] == "done", job
        library.keep(library.root / "out/a.mp4")
        params = {"original": "in/a.mp4", "other": "out/a.mp4", "vmaf": False}
        job = served.job("compare", params=params)
        assert job["result"]["ssim_quality"] in ("good", "excellent"), job
        params["other"] = "out/none.mp4"
        job = served.job("compare", params=params)
        assert (job["status"], job["result"]) == ("error", None)
        assert "none.mp4" in job["error"]
        assert str(library.root) not in job["error"]
        shutil.rmtree(library.root / "out/.artifacts")

    def test_a_file_counts_when_it_is_done(self, served: Served, library: Library) -> None:
        for name in ("pace/a.mp4", "pace/b.mp4"):
            library.add("minute.mp4", name)
        job_id = served.submit("scenes", directory="pace", force=True)
        with served.events(f"/jobs/{job_id}/events") as events:
            told = [event["data"] for event in events]
        assert told[-1]["status"] == "done"
        counts = [event["progress_current"] for event in told]
        assert counts == sorted(counts)
        assert counts[-1] == 2
        assert all(event["percent"] is None or event["percent"] < 100 for event in told)

    @pytest.mark.slow
    def test_percent_of_the_current_file(self, served: Served, library: Library) -> None:
        library.add("minute.mp4", "in/a.mp4")
        (library.root / "out").mkdir()
        params = {"dest": str(library.root / "out"), "copy_fitting": False, "preset": "veryslow"}
        job_id = served.submit("transcode", directory="in", force=True, params=params)
        with served.events(f"/jobs/{job_id}/events") as events:
            told = [event["data"] for event in events]
        library.keep(library.root / "out/a.mp4")
        shutil.rmtree(library.root / "out/.artifacts")
        assert told[-1]["status"] == "done"
        shares = [event["percent"] for event in told if event["current"] == "a.mp4"]
        assert shares == sorted(shares)
        assert any(0 < share < 100 for share in shares), told

    @pytest.mark.slow
    def test_percent_of_a_comparison(self, served: Served, library: Library) -> None:
        film = library.root / "minutes.mp4"  # long enough for some of the reports, two a second
        media.ffmpeg("-stream_loop", 3, "-i", library.add("minute.mp4"), "-c", "copy", film)
        library.keep(film)
        params = {"original": film.name, "other": film.name}
        job_id = served.submit("compare", params=params)
        served.wait(job_id)
        told = [json.loads(e.data) for e in served.app.service.board.events if e.job == job_id]
        assert (told[-1]["status"], told[-1]["progress_total"]) == ("done", 1)
        shares = [event["percent"] for event in told if event["current"]]
        assert shares == sorted(shares)
        assert any(0 < share < 100 for share in shares), told


class TestWrongRequests:
    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"task": "nonsense"}, "task"),
            ({"task": "serve"}, "task"),
            ({}, "task"),
            ({"task": 3}, "task"),
            ({"task": "thumbs", "more": 1}, "more"),
            ({"task": "thumbs", "params": {"crf": 1}}, "params.crf"),
            ({"task": "thumbs", "params": {"quality": 99}}, "params.quality"),
            ({"task": "thumbs", "params": {"quality": "high"}}, "params.quality"),
            ({"task": "thumbs", "params": {"time": "late"}}, "params.time"),
            ({"task": "thumbs", "params": {"directory": "/"}}, "params.directory"),
            ({"task": "thumbs", "params": {"force": True}}, "params.force"),
            ({"task": "thumbs", "params": [1]}, "params"),
            ({"task": "thumbs", "recursive": "maybe"}, "recursive"),
            ({"task": "report", "force": True}, "force"),
            ({"task": "compare", "recursive": True}, "recursive"),
            ({"task": "batch", "params": {"max_thumbs": 0}}, "params.max_thumbs"),
            ({"task": "sprites", "params": {"interval": None}}, "params.interval"),
        ],
    )
    def test_the_field_is_named(self, served: Served, body: Any, field: str) -> None:
        response = served.client.post("/jobs", json=body)
        assert response.status_code == 422, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert field in [error["field"] for error in response.json()["errors"]]

    def test_several_are_named_at_once(self, served: Served) -> None:
        body = {"task": "sprites", "params": {"cols": 0, "rows": "x"}}
        errors = served.client.post("/jobs", json=body).json()["errors"]
        assert {error["field"] for error in errors} == {"params.cols", "params.rows"}

    def test_a_folder_that_is_not_there(self, served: Served) -> None:
        response = served.client.post("/jobs", json={"task": "meta", "directory": "none"})
        assert response.status_code == 404

    def test_a_folder_that_vanishes(self, served: Served, library: Library) -> None:
        """Between the request and the run: a job in error, not a broken server."""
        blocking = block(served, library)
        (library.root / "sub").mkdir()
        job_id = served.submit("meta", directory="sub")
        (library.root / "sub").rmdir()
        release(served, blocking)
        job = served.wait(job_id)
        assert job["status"] == "error"
        assert job["error"] == "sub: no such file or directory"

    def test_unknown_ids(self, served: Served) -> None:
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/events")):
            response = served.client.request(method, f"/jobs/none{path}")
            assert (response.status_code, response.json()["title"]) == (404, "Not Found")


class TestBoard:
    def test_identical_queued_jobs_are_one(self, served: Served, library: Library) -> None:
        blocking = block(served, library)
        first = served.submit("meta")
        same = served.client.post("/jobs", json={"task": "meta"})
        assert (same.status_code, same.json()["id"]) == (200, first)
        assert served.submit("meta", force=True) != first
        states = [job["status"] for job in served.get("/jobs")["jobs"]]
        assert states == ["queued"] * 2 + ["running"] * JOBS_AT_ONCE
        release(served, blocking)
        assert served.wait(first)["status"] == "done"

    def test_a_full_queue(self, served: Served, library: Library) -> None:
        blocking = block(served, library)
        queued = [
            served.submit("slow", params={"timeout": 500 + number}) for number in range(JOBS_QUEUED)
        ]
        response = served.client.post("/jobs", json={"task": "meta"})
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) > 0
        for job in queued:
            assert served.client.delete(f"/jobs/{job}").json()["status"] == "cancelled"
        release(served, blocking)
        assert served.job("meta")["status"] == "done"

    def test_the_last_ones_are_kept(self, served: Served, library: Library) -> None:
        ids = [served.job("report")["id"] for _ in range(3)]
        board = served.app.service.board
        (library.root / "sub").mkdir()
        for number in range(JOBS_KEPT):
            served.submit("report", params={"ext": f".{number:03}"})
            wait_until(lambda: all(job.state in ENDED for job in board.newest_first()))
        kept = served.get("/jobs")["jobs"]
        assert len(kept) == JOBS_KEPT
        assert not {job["id"] for job in kept} & set(ids)
        served.get(f"/jobs/{ids[0]}", 404)

    @pytest.mark.parametrize(("workers", "most"), [(None, min(9, cores())), (1, 1)])
    def test_jobs_together_run_no_more_decoders_than_one(
        self, served: Served, library: Library, workers: int | None, most: int
    ) -> None:
        """Three jobs at once: of all their videos only so many are worked on at a moment."""
        for number in range(3):
            library.add("one_frame.mp4", f"slow{number}.mp4")
        params = {} if workers is None else {"workers": workers}
        with watching(served.app.service.board.limits, "slow") as seen:
            jobs = [
                served.submit("slow", params={**params, "timeout": 100 + n}, force=True)
                for n in range(3)
            ]
            assert [served.wait(job)["status"] for job in jobs] == ["done"] * 3
        assert max(seen) == most
        assert not +served.app.service.board.limits.running

    def test_a_small_job_is_not_kept_waiting(self, served: Served, library: Library) -> None:
        """One video among many of another job: it has its turn before that has ended."""
        first = library.add("one_frame.mp4", "slow0.mp4")
        for number in range(1, 100 * cores()):  # half a minute of them
            first.with_name(f"slow{number}.mp4").hardlink_to(first)
        library.add("one_frame.mp4", "sub/short.mp4")
        long = served.submit("slow")
        assert wait_until(lambda: served.get(f"/jobs/{long}")["progress_current"] > 0)
        short = served.job("phash", directory="sub")
        assert short["status"] == "done"
        assert served.get(f"/jobs/{long}")["ended_at"] is None
        served.client.delete(f"/jobs/{long}")
        served.wait(long)


class TestCancel:
    @pytest.mark.parametrize("task", ["hang", "child"])
    def test_a_running_job(self, served: Served, library: Library, task: str) -> None:
        """Its children are dead as soon as it has ended, and nothing is left lying about."""
        video = library.add("short.mp4", f"{task}.mp4")
        library.add("short.mp4", "z.mp4")
        before = children(os.getpid())
        job_id = served.submit(task)
        assert wait_until(video.with_suffix(".began").exists)
        assert served.client.delete(f"/jobs/{job_id}").status_code == 200
        job = served.wait(job_id, 10)
        assert job["status"] == "cancelled"
        assert not leftovers(library.root)
        # The process that workers are forked from stays; what is below it is gone.
        left = children(os.getpid()) - before
        assert not [pid for pid in left if b"sleep" in command_of(pid)]
        assert job["result"]["counts"]["cancelled"] >= 1
        video.with_suffix(".began").unlink()

    @pytest.mark.parametrize(
        ("task", "params"),
        [
            ("transcode", {"dest": "out", "preset": "veryslow", "copy_fitting": False}),
            ("compare", {"original": "in/a.mp4", "other": "in/b.mp4"}),
        ],
    )
    def test_a_program_in_the_midst_of_its_work(
        self, served: Served, library: Library, task: str, params: dict[str, Any]
    ) -> None:
        for name in ("in/a.mp4", "in/b.mp4"):
            library.add("minute.mp4", name)
        (library.root / "out").mkdir()
        switches = {} if task == "compare" else {"directory": "in", "force": True}
        params = {k: str(library.root / v) if k == "dest" else v for k, v in params.items()}
        job_id = served.submit(task, **switches, params=params)
        assert wait_until(lambda: programs(os.getpid())), served.get(f"/jobs/{job_id}")
        served.client.delete(f"/jobs/{job_id}")
        job = served.wait(job_id, 10)
        assert job["status"] == "cancelled"
        assert not programs(os.getpid())
        left = [path for path in library.root.rglob("*") if path.is_file()]
        assert {path.name for path in left} == {"a.mp4", "b.mp4"}, left

    def test_a_queued_one_and_one_that_has_ended(self, served: Served, library: Library) -> None:
        blocking = block(served, library)
        queued = served.submit("meta")
        assert served.client.delete(f"/jobs/{queued}").json()["status"] == "cancelled"
        assert served.get(f"/jobs/{queued}")["started_at"] is None
        release(served, blocking)
        done = served.job("report")["id"]
        assert served.client.delete(f"/jobs/{done}").json()["status"] == "done"

    def test_one_job_s_end_leaves_the_other_alone(self, served: Served, library: Library) -> None:
        library.add("short.mp4", "hang.mp4")
        hanging = served.submit("hang")
        assert wait_until((library.root / "hang.began").exists)
        other = served.submit("slow", force=True)
        served.client.delete(f"/jobs/{hanging}")
        assert served.wait(other)["status"] == "done"
        assert served.wait(hanging)["status"] == "cancelled"
        (library.root / "hang.began").unlink()


class TestEvents:
    def test_one_job(self, served: Served, library: Library) -> None:
        for number in range(3):
            library.add("one_frame.mp4", f"{number}.mp4")
        job_id = served.submit("slow", params={"workers": 1})
        with served.events(f"/jobs/{job_id}/events") as events:
            told = list(events)
        assert [event["event"] for event in told][-1] == "end"
        assert {event["event"] for event in told[:-1]} == {"progress"}
        counted = [event["data"]["progress_current"] for event in told]
        assert counted == sorted(counted)
        assert counted[-1] == 3
        assert {event["data"]["id"] for event in told} == {job_id}
        numbers = [int(event["id"]) for event in told]
        assert numbers == sorted(numbers)
        last = told[-1]["data"]
        assert last == {key: served.get(f"/jobs/{job_id}")[key] for key in last}
        with served.events(f"/jobs/{job_id}/events") as events:
            assert [event["event"] for event in events] == ["end"]

    def test_all_jobs(self, served: Served, library: Library) -> None:
        library.add("one_frame.mp4")
        with served.events("/events") as events:
            jobs = [served.submit("slow"), served.submit("meta")]
            ends: set[str] = set()
            for event in events:
                if event["event"] == "end":
                    assert event["data"]["status"] == "done"
                    ends.add(event["data"]["id"])
                if len(ends) == 2:
                    break
            assert ends == set(jobs)

    def test_resumed_without_a_gap(self, served: Served, library: Library) -> None:
        """Whatever the event a listener had last, it gets all that follow it, once."""
        for number in range(3):
            library.add("one_frame.mp4", f"{number}.mp4")
        with served.events("/events") as events:
            job_id = served.submit("slow", params={"workers": 1})
            whole = list(itertools.takewhile(lambda event: event["event"] != "end", events))
        assert len(whole) > 2
        served.wait(job_id)
        for position in range(len(whole)):
            with served.events(f"/jobs/{job_id}/events", whole[position]["id"]) as events:
                rest = list(events)
            assert rest[:-1] == whole[position + 1 :]
            assert rest[-1]["event"] == "end"

    @pytest.mark.parametrize("last", ["0", "-1", "x", "9" * 30, "99999999999999", "1.5", "٣"])
    def test_an_event_nobody_knows(self, served: Served, last: str) -> None:
        job_id = served.job("report")["id"]
        url = f"{served.url}/jobs/{job_id}/events"
        got = httpx.get(url, headers=[(b"last-event-id", last.encode())])
        assert got.text.count("event: end") == 1

    def test_a_ping_keeps_it_open(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.1)
        with served.client.stream("GET", "/events") as response:
            lines = response.iter_lines()
            assert next(line for line in lines if line) == ": ping"

    def test_slow_readers_slow_nothing(self, served: Served, library: Library) -> None:
        """Fifty that ask and never read, and the job ends; the fifty-first is told all of it."""
        library.add("one_frame.mp4")
        sockets = []
        for _ in range(50):
            reader = socket.create_connection(("127.0.0.1", served.port))
            reader.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            sockets.append(reader)
        assert wait_until(lambda: served.app.event_stream.clients == 50)
        job_id = served.submit("slow")
        with served.events(f"/jobs/{job_id}/events") as events:
            assert list(events)[-1]["data"]["status"] == "done"
        for reader in sockets:
            reader.close()
        assert wait_until(lambda: served.app.event_stream.clients == 0)
        assert not served.app.service.board.listeners

    def test_too_many_listeners(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("videoserver.parameters.CLIENT_LIMIT", 1)
        with served.events("/events"):
            assert wait_until(lambda: served.app.event_stream.clients == 1)
            response = served.client.get("/events")
            assert response.status_code == 429
            assert response.headers["retry-after"]

    def test_many_listeners_at_once(self, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
        """The limit holds for those, too, that are let in before the first of them is answered."""
        monkeypatch.setattr("videoserver.parameters.CLIENT_LIMIT", 5)
        with contextlib.ExitStack() as stack:
            clients = []
            for _ in range(60):
                client = socket.create_connection(("127.0.0.1", served.port), timeout=20)
                clients.append(stack.enter_context(client))
            for client in clients:
                client.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            statuses = sorted(client.recv(12)[-3:] for client in clients)
        assert statuses == [b"200"] * 5 + [b"429"] * 55
        assert wait_until(lambda: served.app.event_stream.clients == 0)

    def test_forgotten_events(self, library: Library) -> None:
        """A board that forgets early says how things stand instead, and misses no end."""
        board = JobBoard()
        board.events = type(board.events)(maxlen=3)
        first = board.number
        for number in range(5):
            board.submit(
                "report",
                index.Report(directory=library.root),
                {"directory": str(number)},
            )
        assert wait_until(lambda: all(job.state in ENDED for job in board.newest_first()))
        last, told = board.events_after(first)
        assert {event.kind for event in told} == {"end"}
        assert {event.job for event in told} == {job.id for job in board.newest_first()}
        assert board.events_after(last) == (last, [])
        board.close()

    def test_one_that_is_stopped_from_below(self, library: Library) -> None:
        """By what it waits for, as when the server ends: it is not done."""

        class Stopped(index.Report):
            def run(self, job: Job) -> Result:
                raise CancelledError

        board = JobBoard()
        given = {"directory": "."}
        job, _ = board.submit("report", Stopped(directory=library.root), given)
        assert wait_until(lambda: job.state in ENDED)
        assert job.state is JobState.CANCELLED
        board.close()
