"""The runner: what it leaves out, what it survives, how it stops, what it leaves behind."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from multiprocessing import Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from support import (
    ALL_TASKS,
    FILES,
    ODD_NAMES,
    PATIENCE,
    ROOT,
    Library,
    Started,
    command,
    command_of,
    hostile_command,
    leftovers,
    media,
    modes_count,
    run_cli,
    run_process,
    run_unprivileged,
    stamps,
    started,
    wait_until,
)

import index
from videolib.core.files import scratch_name
from videolib.core.processes import die_with_parent
from videolib.core.progress import (
    ParentLink,
    ProgressReport,
    ProgressReporter,
    ReportReader,
    parent_link,
)
from videolib.core.runs import Job, Reservation, WorkQueue
from videolib.core.workers import Workers
from videolib.storage.videos import Video

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def mere_user(tmp_path: Path) -> None:
    """For tests in which the modes of files count."""
    if not modes_count(tmp_path):
        pytest.skip("root cannot give up its power over files here")


def counts(run_json: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {
        entry["task"]: {status: count for status, count in entry["counts"].items() if count}
        for entry in run_json["tasks"]
    }


class TestFresh:
    def test_all_kinds_together(self, cli: Cli, library: Library) -> None:
        """Made, then left alone, made again by force, and when the video changed."""
        video = library.add("short.mp4")
        expected = sorted(name.format("short.mp4") for names in FILES.values() for name in names)
        made = cli(ALL_TASKS, library.root, "--json")
        assert made.code == 0, made.err
        assert counts(made.json) == {kind: {"made": 1} for kind in FILES}
        assert library.artifacts() == expected
        before = stamps(library.root)
        again = cli(ALL_TASKS, library.root, "--json")
        assert counts(again.json) == {kind: {"skipped": 1} for kind in FILES}
        assert stamps(library.root) == before
        forced = cli(ALL_TASKS, library.root, "--force", "--json")
        assert counts(forced.json) == {kind: {"made": 1} for kind in FILES}
        after = stamps(library.root)
        assert not [path for path in after if path != video and after[path] == before[path]]
        library.make_newer(video)
        stale = cli(ALL_TASKS, library.root, "--json")
        assert counts(stale.json) == {kind: {"made": 1} for kind in FILES}
        assert library.artifacts() == expected

    @pytest.mark.parametrize("task", ["meta", "phash", "heatmaps", "scenes"])
    def test_one_kind(self, cli: Cli, library: Library, task: str) -> None:
        video = library.add("short.mp4")
        assert cli(task, library.root, "--json").counts == {"made": 1}
        before = stamps(library.root)
        assert cli(task, library.root, "--json").counts == {"skipped": 1}
        assert stamps(library.root) == before
        assert cli(task, library.root, "--force", "--json").counts == {"made": 1}
        library.make_newer(video)
        assert cli(task, library.root, "--json").counts == {"made": 1}

    def test_the_old_file_is_replaced_and_not_written_over(
        self, cli: Cli, library: Library
    ) -> None:
        """Who has it open goes on reading the old one: a new file took its name."""
        library.add("numbered.mp4")
        cli("thumbs,phash", library.root, "--time", 1)
        places = [library.artifact(f"numbered.mp4.{suffix}") for suffix in ("jpg", "phash.json")]
        before = [place.read_bytes() for place in places]
        with places[0].open("rb") as picture, places[1].open("rb") as record:
            cli("thumbs,phash", library.root, "--time", 3, "--force")
            assert [picture.read(), record.read()] == before
        assert not {place.read_bytes() for place in places} & set(before)

    @pytest.mark.parametrize("suffix", ["jpg", "sprites.vtt", "phash.json", "heatmaps.json"])
    @pytest.mark.parametrize("damage", ["gone", "empty"])
    def test_only_the_damaged_one(
        self, cli: Cli, library: Library, suffix: str, damage: str
    ) -> None:
        library.add("short.mp4")
        cli("thumbs,sprites,phash,heatmaps", library.root)
        place = library.artifact(f"short.mp4.{suffix}")
        place.unlink() if damage == "gone" else place.write_bytes(b"")
        run = cli("thumbs,sprites,phash,heatmaps", library.root, "--json")
        made = [kind for kind, count in counts(run.json).items() if count == {"made": 1}]
        assert len(made) == 1
        assert place.stat().st_size > 0

    def test_the_recorded_size_decides_for_json(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        cli("phash,heatmaps", library.root)
        os.utime(library.add("one_frame.mp4", "a.mp4"), (1_000_000_000, 1_000_000_000))
        run = cli("phash,heatmaps", library.root, "--json")
        assert counts(run.json) == {"phash": {"made": 1}, "heatmaps": {"made": 1}}

    def test_a_dry_run(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        run = cli("thumbs", library.root, "--dry-run")
        assert run.code == 0
        assert library.artifacts() == []


class TestElsewhere:
    """`--artifacts-dir`: a mirrored tree, for libraries one may not write to."""

    def test_a_mirrored_tree(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        place = tmp_path / "elsewhere"
        library.add("short.mp4", "a.mp4")
        library.add("short.mp4", "sub/b.mp4")
        flags = ("-r", "--artifacts-dir", place)
        assert cli("thumbs,phash", library.root, *flags).code == 0
        made = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
        assert made == {
            ".artifacts/a.mp4.jpg",
            ".artifacts/a.mp4.phash.json",
            "sub/.artifacts/b.mp4.jpg",
            "sub/.artifacts/b.mp4.phash.json",
        }
        assert {path.name for path in library.root.rglob("*")} == {"a.mp4", "b.mp4", "sub"}
        again = cli("thumbs,phash", library.root, *flags, "--json")
        assert counts(again.json) == {"thumbs": {"skipped": 2}, "phash": {"skipped": 2}}
        told = cli("report", library.root, *flags, "--json").json
        assert told["counts"]["thumbs"] == 2
        assert cli("report", library.root, "-r", "--json").json["counts"]["thumbs"] == 0
        finish = cli("finish", library.root, *flags, "--json")
        assert finish.code == 0, finish.err
        assert library.artifacts() == []

    @pytest.mark.usefixtures("mere_user")
    def test_a_library_that_cannot_be_written(self, library: Library, tmp_path: Path) -> None:
        library.add("short.mp4")
        library.root.chmod(0o555)
        place = tmp_path / "elsewhere"
        run = run_unprivileged(ALL_TASKS, library.root, "--artifacts-dir", place)
        library.root.chmod(0o755)
        assert run.code == 0, run.err
        assert (place / ".artifacts/short.mp4.jpg").is_file()


class TestWorkers:
    @pytest.mark.usefixtures("misbehaving")
    @pytest.mark.parametrize(("workers", "most"), [(1, 1), (3, 3)])
    def test_no_more_at_a_time_than_allowed(
        self, cli: Cli, library: Library, workers: int, most: int
    ) -> None:
        for number in range(4):
            library.add("one_frame.mp4", f"slow{number}.mp4")
        assert cli("slow", library.root, "--workers", workers).code == 0
        spans = [library.json(name) for name in library.artifacts()]
        overlaps = [
            sum(one["began"] <= other["began"] < one["ended"] for one in spans) for other in spans
        ]
        assert max(overlaps) == most

    def test_short_items_are_not_left_waiting_for_long_ones(self) -> None:
        """As many of each kind run at any time, though only short ones end."""
        job, items = Job(), [Reservation((kind,)) for kind in ["long"] * 40 + ["short"] * 40]
        queue = WorkQueue(items, {"long": 40, "short": 40}, 8, job.limits)
        for _ in range(8):
            queue.take(job)
        for _ in range(20):
            queue.done(Reservation(("short",)))
            queue.take(job)
        assert (job.limits.running["long"], job.limits.running["short"]) == (4, 4)

    def test_a_batch_keeps_the_caps_of_its_tasks(self, library: Library) -> None:
        for number in range(3):
            library.add("one_frame.mp4", f"slow{number}.mp4")
        args = ("--tasks", "slow,thumbs", "--max-slow", 1, "--workers", 3)
        with started(hostile_command("batch", library.root, *args)) as run:
            _, err = run.process.communicate(timeout=30)
            assert run.process.returncode == 0, err
        spans = [
            library.json(name) for name in library.artifacts() if name.endswith("hostile.json")
        ]
        spans.sort(key=lambda span: span["began"])
        assert len(spans) == 3
        assert all(one["ended"] <= other["began"] for one, other in itertools.pairwise(spans))

    @pytest.mark.parametrize(
        ("words", "processes", "caps"),
        [
            (["thumbs"], 8, {"thumbs": 8}),
            (["phash"], 2, {"phash": 2}),
            (["phash", "--workers", "5"], 5, {"phash": 5}),
            (["subtitles"], 1, {"subtitles": 1}),
            (["finish"], 8, {"metadata": 3, "phash": 8, "scenes": 8, "subtitles": 1}),
            (["finish", "--workers", "3"], 3, {"metadata": 3, "phash": 3, "subtitles": 1}),
            (["batch", "--tasks", "subtitles,scenes"], 8, {"subtitles": 1, "scenes": 8}),
        ],
    )
    def test_what_takes_its_time_holds_up_no_others(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        words: list[str],
        processes: int,
        caps: dict[str, int],
    ) -> None:
        """On a machine of eight cores."""
        monkeypatch.setattr("index.cores", lambda: 8)
        (request,) = index.read_line([words[0], str(tmp_path), *words[1:]])  # type: ignore[misc] # no Result
        assert isinstance(request, index.RunCommand)
        runner = index.Runner(Job(), request, request.planned(), request.caps())
        assert runner.processes == processes
        assert caps.items() <= runner.caps.items()

    def test_the_same_result_however_many(self, cli: Cli, library: Library) -> None:
        names = [f"{number}.mp4" for number in range(4)]
        for name in names:
            library.add("short.mp4", name)
        found = []
        for workers in (1, 4):
            cli("phash", library.root, "--workers", workers, "--force")
            found.append([library.json(f"{name}.phash.json")["phash"] for name in names])
        assert found[0] == found[1]


class TestPace:
    """How far a worker is with a video, as it tells while it works."""

    @pytest.mark.parametrize("names", [["heatmaps"], ["scenes"], ["thumbs", "scenes"]])
    def test_shares_of_one_video(
        self, library: Library, monkeypatch: pytest.MonkeyPatch, names: list[str]
    ) -> None:
        path = library.add("minute.mp4")
        told: list[tuple[float, str]] = []
        monkeypatch.setattr(ProgressReporter, "PAUSE", 0.0)
        monkeypatch.setattr(parent_link, "report", lambda *news: told.append(news))
        tasks = [index.task_named(name)(directory=library.root) for name in names]
        video = Video(str(path), path.name, str(library.root / ".artifacts"))
        outcomes = index.perform(video, tasks)
        assert [outcome.status for outcome in outcomes] == ["made"] * len(names)
        shares = [share for share, _ in told]
        assert shares == sorted(shares)
        assert 0 <= shares[0] < 0.6
        assert 0.9 < shares[-1] < 1
        assert told[-1][1] == f"{shares[-1]:.0%}"

    def test_the_last_news_come_before_the_end(self) -> None:
        """Also where a worker tells them, and ends, just after its pipe was looked into."""
        ended: Future[None] = Future()

        news = ProgressReport("a.mp4", "decode", 0.99, "99%")

        class Reader:
            def read(self) -> Iterator[ProgressReport]:
                if ended.done():
                    yield news
                else:
                    ended.set_result(None)

        heard: list[ProgressReport] = []
        workers = Workers(1, (), on_progress=heard.append)
        pool = SimpleNamespace(schedule=lambda *_, **__: ended, active=True)
        vars(workers).update(idle=[pool], reports=Reader())
        workers.call(Job(), 60.0, int)
        assert heard == [news]

    def test_what_is_no_report_stops_nobody(self) -> None:
        """A worker that was taken over writes what it likes into the pipe that all share."""
        good = {"video": "a.mp4", "worker_group": "decode", "share": 0.5, "note": "50%"}
        bad: list[dict[str, object]] = [{}, good | {"share": "all"}, good | {"video": None}]
        link, (from_workers, link.connection) = ParentLink(), Pipe(duplex=False)
        link.work_on("a.mp4", "decode")
        for message in (*(json.dumps(fields).encode() for fields in bad), b"[" * 4000):
            reader = ReportReader(from_workers)
            for _ in range(2):
                link.report(0.5, "50%")
            assert list(reader.read()) == [ProgressReport(**good)] * 2  # type: ignore[arg-type]
            link.connection.send_bytes(message)
            link.report(0.5, "50%")
            assert list(reader.read()) == list(reader.read()) == []
        for half in (b"\0\0\0", b"\0\0\0\x7fhalf of it", b"\xff\xff\xff\xff"):
            reader = ReportReader(from_workers)
            os.write(link.connection.fileno(), half)
            for _ in range(2000):  # more than the pipe holds: nobody waits
                link.report(0.5, "50%")
                assert list(reader.read()) == []


@pytest.mark.usefixtures("misbehaving")
class TestSurviving:
    """One bad video costs one line; everything else is done."""

    @pytest.mark.parametrize(
        ("task", "reason"),
        [
            ("crash", "crash"),
            ("greedy", "memory"),
            ("surprise", "ZeroDivisionError"),
            ("torn", ""),
        ],
    )
    def test_one_bad_video(self, cli: Cli, library: Library, task: str, reason: str) -> None:
        for name in ("a.mp4", "b.mp4", f"{task}.mp4", "y.mp4", "z.mp4"):
            library.add("one_frame.mp4", name)
        run = cli(task, library.root, "--workers", 2, "--json")
        assert run.code == 1
        assert run.counts == {"made": 4, "failed": 1}
        assert reason in run.failure(f"{task}.mp4")
        assert len(library.artifacts()) == 4
        told = [line for line in run.err.splitlines() if f"{task}.mp4" in line]
        assert len(told) == 1
        assert "Traceback" not in run.err

    def test_many_crashes(self, cli: Cli, library: Library) -> None:
        for number in range(6):
            library.add("one_frame.mp4", f"crash{number}.mp4")
            library.add("one_frame.mp4", f"fine{number}.mp4")
        run = cli("crash", library.root, "--workers", 2, "--json")
        assert run.counts == {"made": 6, "failed": 6}, run.out

    def test_a_hang_ends_at_its_time(self, cli: Cli, library: Library) -> None:
        for name in ("a.mp4", "z.mp4"):
            library.add("one_frame.mp4", name)
        assert cli("hang", library.root, "--json").counts == {"made": 2}
        library.add("one_frame.mp4", "hang.mp4")
        run = cli("hang", library.root, "--timeout", 1, "--json")
        assert run.code == 1
        assert run.counts == {"skipped": 2, "failed": 1}
        assert "1 s" in run.failure("hang.mp4")
        (library.root / "hang.began").unlink(missing_ok=True)  # a busy machine may not get there

    @linux
    @pytest.mark.parametrize(("victim", "kills"), [("worker", 3), ("forkserver", 1)])
    @pytest.mark.parametrize("delay", [0, 0.004, 0.03])
    def test_killed_before_they_take_a_task(
        self, library: Library, victim: str, kills: int, delay: float
    ) -> None:
        """A call is lost that one kill met at work, or two before it began; nothing waits for ever.

        How far a worker is after the delay depends on what else the machine has to do."""
        for number in range(8):
            library.add("one_frame.mp4", f"{number}.mp4")
        met = set[int]()
        with started(command("thumbs", library.root, "--workers", 2, "--json")) as run:
            while len(met) < kills and run.process.poll() is None:
                time.sleep(0.001)
                for forkserver in filter(loads_workers, child_processes(run.process.pid)):
                    for worker in child_processes(forkserver):
                        if worker in met or len(met) == kills:
                            continue
                        met.add(worker)
                        time.sleep(delay)
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(worker if victim == "worker" else forkserver, signal.SIGKILL)
            out, err = run.process.communicate(timeout=PATIENCE)
        assert len(met) == kills
        failed = [row for row in json.loads(out)["results"] if row["status"] == "failed"]
        at_work = [row for row in failed if "crashed (SIGKILL" in row["error"]]
        assert not at_work or victim == "worker"
        assert len(at_work) + 2 * (len(failed) - len(at_work)) <= kills, failed
        assert run_process("thumbs", library.root).code == 0  # and sweeps what the killed one left
        assert b"Traceback" not in err

    @pytest.mark.parametrize(
        ("task", "word"), [("vanish", "vanished"), ("grow", "unstable"), ("swap", "unstable")]
    )
    def test_a_video_that_does_not_hold_still(
        self, cli: Cli, library: Library, task: str, word: str
    ) -> None:
        """What was made of something else than what is there now is not stored."""
        library.add("short.mp4", "a.mp4")
        library.forget(library.add("short.mp4", f"{task}.mp4"))
        run = cli(f"{task},thumbs", library.root, "--json")
        assert run.code == 1
        assert counts(run.json) == {
            task: {"made": 1, "failed": 1},
            "thumbs": {"made": 1, "failed": 1},
        }
        for entry in run.json["tasks"]:
            (failed,) = [result for result in entry["results"] if result["status"] == "failed"]
            assert word in failed["error"]
        assert library.artifacts() == [f"a.mp4.{task}.hostile.json", "a.mp4.jpg"] or (
            library.artifacts() == ["a.mp4.jpg", f"a.mp4.{task}.hostile.json"]
        )

    def test_a_failure_in_one_task_leaves_the_others_alone(
        self, cli: Cli, library: Library
    ) -> None:
        library.add("short.mp4", "surprise.mp4")
        run = cli("thumbs,surprise,phash", library.root, "--json")
        assert run.code == 1
        assert counts(run.json) == {
            "thumbs": {"made": 1},
            "surprise": {"failed": 1},
            "phash": {"made": 1},
        }


class TestBadFiles:
    def test_what_is_no_regular_file(self, cli: Cli, library: Library) -> None:
        """A FIFO would wait for ever for someone to write."""
        library.add("short.mp4")
        os.mkfifo(library.root / "fifo.mp4")
        (library.root / "dangling.mp4").symlink_to(library.root / "nowhere")
        (library.root / "folder.mp4").mkdir()
        run = cli("meta,thumbs", library.root, "--timeout", 20, "--json")
        assert run.code == 1
        assert "20 s" not in run.err
        for entry in run.json["tasks"]:
            status = {result["video"]: result["status"] for result in entry["results"]}
            assert status["short.mp4"] == "made"
            assert status["fifo.mp4"] == status["dangling.mp4"] == "failed"
            assert "folder.mp4" not in status

    @pytest.mark.usefixtures("real_probe")
    @pytest.mark.parametrize("tasks", ["meta", "thumbs,sprites,phash,heatmaps", "scenes"])
    def test_broken_ones_are_named(self, cli: Cli, library: Library, tasks: str) -> None:
        bad = ("empty.mp4", "text.mp4", "cut_index.mp4")
        for clip in (*bad, "short.mp4"):
            library.add(clip)
        run = cli(f"{tasks},{tasks}", library.root, "--json")
        assert run.code == 1
        entries = run.json.get("tasks", [run.json])
        assert len(entries) == len(tasks.split(","))
        for entry in entries:
            failed = {
                result["video"]: result["error"]
                for result in entry["results"]
                if result["status"] == "failed"
            }
            assert set(failed) == set(bad)
            assert "0 bytes" in failed["empty.mp4"] or "empty" in failed["empty.mp4"]
            assert not [reason for reason in failed.values() if "\n" in reason]

    def test_cut_off_in_the_middle(self, cli: Cli, library: Library) -> None:
        """Says ten seconds and has less than half: an error or marked as degraded, never a lie."""
        video = library.add("cut_data.mp4")
        there = media.seconds_of(video)
        run = cli("thumbs,sprites,heatmaps", library.root, "--interval", 1, "--json")
        for entry in run.json["tasks"]:
            (result,) = entry["results"]
            assert result["status"] == "failed" or "degraded" in result.get("note", ""), result
        for kind in ("sprites", "heatmaps"):
            place = library.artifact(f"cut_data.mp4.{kind}.json")
            if place.exists():
                document = json.loads(place.read_text())
                rows = document.get("frames") or document.get("samples")
                assert document["degraded"]
                assert all(row["time"] <= there for row in rows)

    def test_a_picture_of_gigabytes(self, cli: Cli, library: Library) -> None:
        library.add("huge.mov")
        library.add("short.mp4")
        run = cli("thumbs,scenes", library.root, "--ext", "*", "--json")
        assert run.code == 1
        assert counts(run.json) == {
            "thumbs": {"made": 1, "failed": 1},
            "scenes": {"made": 1, "failed": 1},
        }

    @pytest.mark.parametrize("field", ["mvhd", "mdhd", "mvhd mdhd tkhd"])
    def test_an_absurd_duration(self, cli: Cli, library: Library, field: str) -> None:
        """A header that speaks of years neither hangs the run nor fills the disk."""
        content = bytearray(media.clip("short.mp4", library.clips).read_bytes())
        for name in field.split():
            at = content.index(name.encode())
            offset = at + (24 if name == "tkhd" else 20)
            content[offset : offset + 4] = b"\x7f\xff\xff\xf0"
        library.add_bytes("years.mp4", bytes(content))
        run = cli(ALL_TASKS, library.root, "--timeout", 30, "--json")
        assert run.code in {0, 1}
        assert "Traceback" not in run.err
        assert sum(path.stat().st_size for path in library.root.rglob("*")) < 5_000_000

    @pytest.mark.parametrize(
        ("scale", "step"), [(1, 0), (1, 1 << 30), (0, (1 << 32) - 1), ((1 << 32) - 1, 1)]
    )
    def test_an_absurd_frame_rate(self, cli: Cli, library: Library, scale: int, step: int) -> None:
        """From billions of frames in a second to one in a century: a result, or one line."""
        content = bytearray(media.clip("short.mp4", library.clips).read_bytes())
        at = content.index(b"mdhd") + 16
        content[at : at + 4] = scale.to_bytes(4, "big")
        at = content.index(b"stts") + 8
        for number in range(int.from_bytes(content[at : at + 4], "big")):
            content[at + 8 + number * 8 : at + 12 + number * 8] = step.to_bytes(4, "big")
        library.add_bytes("odd.mp4", bytes(content))
        run = cli(f"{ALL_TASKS},previews", library.root, "--timeout", 30, "--json")
        for entry in run.json["tasks"]:
            (result,) = entry["results"]
            assert result["status"] == "made" or "damaged" in result["error"], result
            assert "cannot write here" not in result.get("error", "")
        assert sum(path.stat().st_size for path in library.root.rglob("*")) < 5_000_000

    @pytest.mark.usefixtures("real_probe")
    def test_what_is_no_video_is_one_line(self, cli: Cli, library: Library) -> None:
        """Whichever program finds that out, and however many commands fail at it."""
        library.add_bytes("text.mp4", b"no video at all")
        run = cli("meta,thumbs,scenes", library.root)
        (line,) = run.err.splitlines()
        assert line.startswith("meta, thumbs, scenes: text.mp4: is not a readable video")
        assert line.endswith(": copy it again or move it away")

    def test_a_size_that_changes(self, cli: Cli, library: Library) -> None:
        """As in broadcasts and calls: nothing fails, and clips that are joined have one size."""
        video = library.add("resized.ts")
        tasks = "thumbs,sprites,phash,heatmaps,scenes,previews,embed"
        flags = ("--ext", ".ts", "--interval", "0.5", "--segments", "3", "--duration", "0.5")
        run = cli(tasks, library.root, *flags, "--join", "--image", "webp", "--json")
        assert run.code == 0, run.err
        assert counts(run.json) == {task["task"]: {"made": 1} for task in run.json["tasks"]}
        cut = library.json("resized.ts.scenes.json")["markers"]
        assert [round(marker["time"], 2) for marker in cut] == [2.0]
        joined = library.artifact(f"{video.name}.previews.webm")
        assert {picture.shape for _, picture in media.decode(joined)} == {(180, 320, 3)}
        again = cli("scenes", library.root, "--ext", ".ts", "--detector", "adaptive", "--force")
        assert again.code == 0, again.err

    @pytest.mark.usefixtures("real_probe")
    def test_a_rare_codec(self, cli: Cli, library: Library) -> None:
        """Decoders that hardly anybody looks after are used when asked for, not before."""
        path = library.root / "rare.mkv"
        media.ffmpeg("-f", "lavfi", "-i", "testsrc=s=64x48:r=5:d=2", "-c:v", "magicyuv", path)
        library.keep(path)
        words = ("meta,thumbs,scenes,previews", library.root, "--ext", "*", "--json")
        for entry in cli(*words).json["tasks"]:
            (result,) = entry["results"]
            assert "--allow-codecs magicyuv" in result["error"]
            assert len(result["error"]) < 100
        assert library.artifacts() == []
        for allowed in ("magicyuv", "any"):
            assert cli(*words, "--allow-codecs", allowed, "--force").code == 0

    @pytest.mark.usefixtures("mere_user")
    def test_unreadable(self, library: Library) -> None:
        video = library.add("short.mp4", "locked.mp4")
        library.add("short.mp4", "open.mp4")
        video.chmod(0)
        run = run_unprivileged("thumbs", library.root, "--json")
        video.chmod(0o644)
        assert run.code == 1, run.err
        assert run.counts == {"made": 1, "failed": 1}
        assert "ermission" in run.failure("locked.mp4")

    @pytest.mark.usefixtures("mere_user")
    def test_a_folder_that_cannot_be_entered(self, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        secret = library.root / "secret"
        secret.mkdir(mode=0)
        run = run_unprivileged("thumbs", library.root, "-r", "--json")
        secret.chmod(0o755)
        assert run.code == 1, run.err
        assert "secret" in run.err
        assert "Traceback" not in run.err
        assert library.artifacts() == ["a.mp4.jpg"]

    @pytest.mark.slow
    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(seed=st.integers(0, 2**32), share=st.sampled_from([0.0005, 0.005, 0.05]))
    def test_mutated_bytes(
        self, tmp_path_factory: pytest.TempPathFactory, clips: Path, seed: int, share: float
    ) -> None:
        """Whatever the bytes say: an exit code, a line for each failure, finished files only."""
        folder = tmp_path_factory.mktemp("mutated")
        for clip in ("short.mp4", "h264.mkv", "mpeg4.avi", "hevc.mp4"):
            content = bytearray(media.clip(clip, clips).read_bytes())
            dice = random.Random(seed)
            for _ in range(int(len(content) * share) + 1):
                content[dice.randrange(len(content))] = dice.randrange(256)
            (folder / clip).write_bytes(content)
        run = run_cli("meta,thumbs,phash,scenes", folder, "--ext", "*", "--timeout", 30, "--json")
        assert run.code in {0, 1}, run.err
        assert "Traceback" not in run.err
        for entry in run.json["tasks"]:
            assert entry["total"] == 4
            assert "cancelled" not in {result["status"] for result in entry["results"]}
            for result in entry["results"]:
                assert result["status"] == "made" or result["error"]
        assert not leftovers(folder)
        shutil.rmtree(folder)


class TestNames:
    def test_odd_names(self, cli: Cli, library: Library) -> None:
        for name in ODD_NAMES:
            library.add("short.mp4", name)
        run = cli("meta,thumbs,sprites,phash", library.root, "--json")
        assert run.code == 0, run.err
        for entry in run.json["tasks"]:
            assert entry["counts"]["made"] == len(ODD_NAMES)
            assert {result["video"] for result in entry["results"]} == set(ODD_NAMES)
        for name in ODD_NAMES:
            if len(os.fsencode(name)) < 200:
                assert library.artifact(f"{name}.jpg").is_file()
                assert library.json(f"{name}.sprites.json")["sheets"] == [f"{name}.sprites.jpg"]
        again = cli("meta,thumbs,sprites,phash", library.root, "--json")
        assert all(entry["counts"]["skipped"] == len(ODD_NAMES) for entry in again.json["tasks"])
        told = cli("report", library.root, "--json").json
        assert told["counts"]["thumbs"] == len(ODD_NAMES)

    def test_clips_of_odd_names(self, cli: Cli, library: Library) -> None:
        """These go through an ffmpeg process."""
        names = ("-x.mp4", "http:evil.mp4", "50%d off.mp4", "new\nline.mp4", ODD_NAMES[12])
        for name in names:
            library.add("cuts.mp4", name)
        run = cli("scenes", library.root, "--clips", "--clip-duration", 0.2, "--json")
        assert run.code == 0, run.err
        assert run.counts == {"made": len(names)}
        for name in names:
            assert len(list(library.artifact(f".{name}.scenes").iterdir())) >= 3

    def test_long_names_do_not_meet(self, cli: Cli, library: Library) -> None:
        """Where a suffix does not fit any more, two long names still have their own artifacts."""
        names = ["n" * 250 + ".mp4", "n" * 249 + "x.mp4"]
        library.add("numbered.mp4", names[0])
        library.add("sparse.mp4", names[1])
        assert cli("sprites,meta", library.root).code == 0
        assert len(library.artifacts()) == 8
        os.unlink(library.root / names[0])  # noqa: PTH108 - the name is too long for nothing else
        library.forget(library.root / names[0])
        told = cli("report", library.root, "--json").json
        assert told["counts"]["sprites"] == 1


class TestFolders:
    def test_one_without_videos_tells_where_they_could_be(self, cli: Cli, library: Library) -> None:
        library.add_bytes("sub/a.mkv", b"no video")
        hints = "no .mp4 here: -r looks into the folders below, --ext '*' takes every type of video"
        for words in ("meta,thumbs", "list", "report"):
            run = cli(words, library.root)
            assert (run.code, run.err) == (0, f"{hints}\n")
        run = cli("list", library.root, "-r", "--ext", "*", "-q", "x")
        assert (run.out, run.err) == ("", "no video is like that\n")
        assert cli("list", library.root, "-r", "--ext", "*").err == ""

    @pytest.mark.usefixtures("mere_user")
    def test_one_that_cannot_be_written(self, library: Library) -> None:
        library.add("short.mp4", "a.mp4")
        library.add("short.mp4", "sub/b.mp4")
        (library.root / "sub").chmod(0o555)
        run = run_unprivileged("thumbs,phash", library.root, "-r", "--json")
        (library.root / "sub").chmod(0o755)
        assert run.code == 1
        assert counts(run.json) == {
            "thumbs": {"made": 1, "failed": 1},
            "phash": {"made": 1, "failed": 1},
        }
        (told,) = [line for line in run.err.splitlines() if "b.mp4" in line]
        assert told.startswith("thumbs, phash: sub/b.mp4: ")
        assert "ermi" in told or "read-only" in told
        assert "Traceback" not in run.err
        assert library.artifacts("sub") == []

    @pytest.mark.usefixtures("mere_user")
    def test_what_was_there_stays_when_writing_fails(self, cli: Cli, library: Library) -> None:
        library.add("short.mp4")
        cli("thumbs", library.root)
        before = stamps(library.root)
        (library.root / ".artifacts").chmod(0o555)
        assert run_unprivileged("thumbs", library.root, "--force").code == 1
        (library.root / ".artifacts").chmod(0o755)
        assert stamps(library.root) == before

    @linux
    def test_a_disk_that_takes_no_more(self, library: Library) -> None:
        """No file may grow beyond a kilobyte: one line, no temporary, the old file intact."""
        import resource

        library.add("bikes.mp4")
        run_process("thumbs", library.root)
        before = stamps(library.root)
        run = run_process(
            "thumbs",
            library.root,
            "--force",
            "--json",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),
        )
        assert run.code == 1, run.err
        assert run.counts == {"failed": 1}
        assert "Traceback" not in run.err
        assert stamps(library.root) == before


@linux
class TestStopping:
    @pytest.fixture
    def hanging(self, library: Library) -> Path:
        for name in ("a.mp4", "hang.mp4", "hang2.mp4", "z.mp4"):
            library.add("one_frame.mp4", name)
        return library.root

    def started_hanging(self, run: Started, root: Path, count: int = 2) -> None:
        run.wait_for(lambda: len(list(root.glob("*.began"))) >= count)

    @pytest.mark.parametrize(
        ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["int", "term"]
    )
    @pytest.mark.parametrize("everyone", [False, True], ids=["one", "group"])
    def test_signals(
        self, hanging: Path, library: Library, number: int, code: int, everyone: bool
    ) -> None:
        """Within seconds it is over and nobody left; a terminal tells the whole group."""
        args = hostile_command("thumbs,hang", hanging, "--workers", 2, "--json")
        with started(args) as run:
            self.started_hanging(run, hanging)
            send: Callable[[int, int], None] = os.killpg if everyone else os.kill
            send(run.process.pid, number)
            out, err = run.process.communicate(timeout=5)
            assert run.process.returncode == code, err
            assert wait_until(lambda: not run.family(), 2)
        told = counts(json.loads(out))
        assert told["hang"]["cancelled"] >= 2, out
        assert b"Traceback" not in err
        assert not leftovers(hanging)

    @pytest.mark.parametrize(
        ("module", "code"),
        [("signal", 130), ("enum", 130), ("videolib.core.errors", -signal.SIGINT)],
    )
    def test_while_it_loads(self, module: str, code: int, tmp_path: Path) -> None:
        """Ctrl-C right after the start, before the program could say anything."""
        (tmp_path / "sitecustomize.py").write_text(
            "import os, sys\n"
            "class Finder:\n"
            "    def find_spec(self, name, *_):\n"
            f"        if name == {module!r}:\n"
            "            os.kill(os.getpid(), 2)\n"
            "sys.meta_path.insert(0, Finder())\n"
            "for name in ('signal', 'enum'):\n"  # what is installed here may have them imported
            "    sys.modules.pop(name, None)\n"
        )
        run = run_process("list", tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)})
        assert (run.code, run.out, run.err) == (code, "", "")

    def test_before_its_workers_have_begun(self, library: Library) -> None:
        """A terminal tells also the process that is about to load what workers need."""
        library.add("one_frame.mp4")
        with started(command("thumbs", library.root)) as run:
            run.wait_for(lambda: any(map(loads_workers, run.family())))
            os.killpg(run.process.pid, signal.SIGINT)
            _, err = run.process.communicate(timeout=20)
            assert run.process.returncode == 130
            assert wait_until(lambda: not run.family(), 2)
        assert b"KeyboardInterrupt" not in err

    def test_while_its_workers_begin(self) -> None:
        """Those that are stopped before they have read what they are to do say nothing of it."""
        code = """
import threading
import time
from videolib.core.errors import CancelledError
from videolib.core.runs import Job
from videolib.core.workers import Workers

def call(workers):
    try:
        workers.call(Job(), 60, time.sleep, 1)
    except CancelledError:
        cancelled.append(workers)

cancelled = []
for delay in range(6):
    workers = Workers(6, [])
    threads = [threading.Thread(target=call, args=[workers]) for _ in range(6)]
    for thread in threads:
        thread.start()
    time.sleep(delay / 100)
    workers.close()
    for thread in threads:
        thread.join()
assert len(cancelled) == 36
"""
        ended = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=PATIENCE
        )
        assert (ended.returncode, ended.stderr) == (0, b"")

    def test_a_program_it_waits_for_ends_too(self, library: Library) -> None:
        library.add("one_frame.mp4", "child.mp4")
        with started(hostile_command("child", library.root)) as run:
            self.started_hanging(run, library.root, 1)
            assert wait_until(lambda: sleepers(run))
            run.process.send_signal(signal.SIGTERM)
            run.process.communicate(timeout=5)
            assert run.process.returncode == 143
            assert wait_until(lambda: not run.family(), 2)

    @pytest.mark.parametrize("task", ["hang", "child"])
    def test_killed_outright(self, library: Library, task: str) -> None:
        """Nobody survives the run by more than two seconds."""
        library.add("one_frame.mp4", f"{task}.mp4")
        with started(hostile_command(task, library.root)) as run:
            self.started_hanging(run, library.root, 1)
            assert len(run.family()) > 1
            run.process.kill()
            assert wait_until(lambda: not run.family(), 3)

    def test_a_child_whose_parent_is_killed_before_it_asks_to_die_with_it(self) -> None:
        begin = functools.partial(die_with_parent, 1)  # which did not start it
        with subprocess.Popen(["/bin/sleep", "60"], preexec_fn=begin) as child:
            assert child.wait(10) == -signal.SIGKILL

    def test_killed_while_writing(self, library: Library, cli: Cli) -> None:
        """Whenever it dies, what has a final name is whole; the next run cleans up and goes on."""
        names = [f"{number}.mp4" for number in range(4)]
        for name in names:
            library.add("bikes.mp4", name)
        dice = random.Random(4)
        for _ in range(3):
            with started(command("thumbs,sprites,phash,heatmaps", library.root, "--force")) as run:
                run.wait_for(library.artifacts)
                time.sleep(dice.uniform(0, 0.4))
                run.kill()
            for path in (library.root / ".artifacts").iterdir():
                if path.suffix == ".json":
                    assert json.loads(path.read_bytes())["source"]
                if path.suffix == ".jpg":
                    assert path.read_bytes().endswith(b"\xff\xd9")
        assert cli("thumbs,sprites,phash,heatmaps", library.root).code == 0
        assert not leftovers(library.root)
        assert len(library.artifacts()) == 4 * 6

    def test_scratch_files_of_the_living_are_left_alone(self, cli: Cli, library: Library) -> None:
        """Only what dead processes left is swept."""
        library.add("short.mp4")
        library.artifact("x").parent.mkdir()
        living = library.artifact(scratch_name())
        dead = library.artifact(living.name.replace(f"-{os.getpid()}-", f"-{2**22 - 1}-"))
        assert living != dead
        for path in (living, dead):
            path.write_bytes(b"half")
        assert cli("thumbs", library.root).code == 0
        assert library.artifacts() == sorted([living.name, "short.mp4.jpg"])
        living.unlink()

    def test_two_at_once(self, library: Library, cli: Cli) -> None:
        """Two runs on one library: no corruption, at most work done twice."""
        names = [f"{number}.mp4" for number in range(4)]
        for name in names:
            library.add("short.mp4", name)
        args = command("meta,thumbs,sprites,scenes", library.root, "--thumbs", "--json")
        with started(args) as one, started(args) as other:
            for run in (one, other):
                out, err = run.process.communicate(timeout=60)
                assert run.process.returncode == 0, err
                assert json.loads(out)["tasks"]
        for name in names:
            assert media.read_picture(library.artifact(f"{name}.jpg")).shape == (180, 320, 3)
            assert library.json(f"{name}.sprites.json")["frames"]
        told = cli("report", library.root, "--json").json
        assert told["counts"]["sprites"] == told["counts"]["metadata"] == 4


def child_processes(pid: int) -> list[int]:
    """Ids of the processes that one has started, in whichever of its threads."""
    with contextlib.suppress(OSError):
        threads = Path(f"/proc/{pid}/task").glob("*/children")
        return [int(child) for thread in threads for child in thread.read_text().split()]
    return []


def loads_workers(pid: int) -> bool:
    """Whether a process is the one that workers are forked from."""
    with contextlib.suppress(OSError):
        return b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def sleepers(run: Started) -> list[int]:
    """The sleeping programs that a run has started."""
    return [pid for pid in run.family() if b"sleep" in command_of(pid).partition(b"\0")[0]]


def test_modules_in_the_folder_of_videos_are_never_run(library: Library) -> None:
    """Started inside a folder that holds modules of the same names, it uses its own."""
    library.add("one_frame.mp4")
    for name in ("index", "av", "numpy"):
        (library.root / f"{name}.py").write_text("raise SystemExit('a stranger was run')\n")
    run = run_process("thumbs", ".", "--json", cwd=library.root)
    assert run.code == 0, run.err
    assert run.counts == {"made": 1}


def test_only_some_videos(cli: Cli, library: Library) -> None:
    for name in ("a.mp4", "b.mp4", "below/c.mp4"):
        library.add("short.mp4", name)
    run = cli("meta", library.root, "-r", "--only", "a.mp4", "below/c.mp4", "--json")
    assert (run.code, run.counts) == (0, {"made": 2})
    assert [entry["video"] for entry in run.json["results"]] == ["a.mp4", "below/c.mp4"]
    assert library.artifacts() == ["a.mp4.ffprobe.json"]


def test_only_a_video_that_is_not_there(cli: Cli, library: Library) -> None:
    library.add("short.mp4", "a.mp4")
    run = cli("meta", library.root, "--only", "a.mp4", "gone.mp4", "--json")
    assert run.code == 1
    assert run.failure("gone.mp4") == "no such video here"
    assert library.artifacts() == ["a.mp4.ffprobe.json"]
