"""--cluster: artifacts made by the workers of a scheduler, and what may befall these."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import (
    PATIENCE,
    Library,
    command_of,
    contents,
    drop_privileges,
    hostile,
    hostile_command,
    leftovers,
    modes_count,
    started,
    wait_until,
)
from support.cluster import Cluster, Log, joined, running_cluster
from support.served import serving

import index
from videolib.core.cluster import admission, pool
from videolib.core.cluster.facts import difference, machine_facts
from videolib.core.cluster.models import file_mark, model_marks
from videolib.core.cluster.paths import PathMap, dumps, load_result, loads
from videolib.core.errors import UsageError
from videolib.core.runs import Job
from videolib.speech.model_files import SpeechModel

pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers need forkserver")


# As docs/cluster.md says it.
PLAIN_DASK = [
    *("env", "DASK_DISTRIBUTED__WORKER__DAEMON=False"),
    *(sys.executable, "-m", "dask", "worker"),
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with two workers of one slot, for tests that leave it as it is."""
    with running_cluster(tmp_path_factory.mktemp("cluster") / "logs", 2) as cluster:
        yield cluster


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster without workers, which a test may do with what it likes."""
    with running_cluster(tmp_path / "logs") as cluster:
        yield cluster


def made_of(root: Path) -> dict[str, Any]:
    """Every artifact below a folder, but for when it was made or checked."""
    times = {"generated_at": "", "checked_at": ""}
    return {
        path: json.loads(content) | times if path.endswith(".json") else content
        for path, content in contents(root).items()
    }


@pytest.fixture
def hanging(library: Library) -> Path:
    """A folder of which one video is never done with, and nine are at once."""
    for name in ("hang.mp4", *(f"{number}.mp4" for number in range(9))):
        library.add("one_frame.mp4", name)
    return library.root


def began(root: Path) -> bool:
    """Whether the video that is never done with is worked on."""
    return (root / "hang.began").exists()


class TestMaking:
    def test_the_same_as_on_one_machine(
        self, cli: Cli, library: Library, shared: Cluster, tmp_path: Path
    ) -> None:
        """Byte for byte, but for the time. Previews never are: ffmpeg gives WebM random numbers."""
        tasks = "meta,thumbs,sprites,phash,heatmaps,scenes,verify"
        for clip in ("cuts.mp4", "one_frame.mp4"):
            library.add(clip)
        library.add("cuts.mp4", "b.mp4")
        here, there = tmp_path / "here", tmp_path / "there"
        dirs = {place: ("--artifacts-dir", place / "artifacts") for place in (here, there)}
        where = ("--cluster", shared.address)
        cli("batch", library.root, "--tasks", tasks, *dirs[here])
        run = cli("batch", library.root, "--tasks", tasks, *dirs[there], *where)
        assert run.code == 0, run.err
        assert "cluster: 2 workers, 2 slots" in run.err
        options = ("--preset", "ultrafast", "--no-copy-fitting", "--json")
        cli("transcode", library.root, here / "out", *options)
        assert cli("transcode", library.root, there / "out", *options, *where).code == 0
        assert len(made_of(here)) > 20
        assert made_of(there) == made_of(here)

    def test_a_chain_that_is_fresh_asks_nobody(self, cli: Cli, library: Library) -> None:
        """What is fresh is decided where the run was started."""
        library.add("one_frame.mp4")
        cli("thumbs,meta", library.root)
        nobody = ("--cluster", "tcp://127.0.0.1:1")
        assert cli("thumbs,meta", library.root, *nobody, "--json").code == 0

    def test_by_configuration_and_environment(
        self, cli: Cli, library: Library, shared: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add("one_frame.mp4")
        config = library.root.parent / "rc.json"
        config.write_text(json.dumps({"cluster": shared.address}))
        assert "2 slots" in cli("thumbs", library.root, "--config", config).err
        monkeypatch.setenv("VIDEO_CLUSTER", shared.address)
        assert "2 slots" in cli("meta", library.root).err
        assert "slots" not in cli("phash", library.root, "--cluster", "none").err
        finish = ("finish", library.root, "--tasks", "heatmaps")
        assert "1 video\n" in cli(*finish).err  # how long others take says nothing here
        assert "1 video, how long" in cli(*finish, "--force", "--cluster", "none").err
        shutil.copy(config, library.root / "videorc.json")
        assert "cluster: only a file named with --config" in cli("phash", library.root).err

    def test_a_machine_that_has_the_share_elsewhere(
        self, cli: Cli, library: Library, own: Cluster, tmp_path: Path
    ) -> None:
        """Nothing shows it; where paths stand in files, machines make these that have the same."""
        library.add("cuts.mp4")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        if subprocess.run(["mount", "--bind", library.root, elsewhere]).returncode:
            pytest.skip("nothing may be mounted here")
        try:
            worker = own.join("--map", f"{library.root}={elsewhere}")
            worker.wait_for(f"{library.root} is {elsewhere}")
            where = ("--cluster", own.address, "--json")
            run = cli("thumbs,meta", library.root, *where)
            assert [report["counts"]["made"] for report in run.json["tasks"]] == [1, 1], run.err
            assert str(elsewhere) not in json.dumps(library.json("cuts.mp4.ffprobe.json"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(pool, "NEXT_WORKER", 0.0)
                run = cli("export", library.root, "--format", "nfo", *where)
            assert run.failure("cuts.mp4") == "no worker of the cluster does export nfo"
        finally:
            worker.run.end()
            subprocess.run(["umount", "--lazy", elsewhere], check=True)

    def test_a_job_of_the_server(
        self, library: Library, shared: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Confined to its folders on every machine; nobody names a cluster over HTTP."""
        library.add("one_frame.mp4")
        monkeypatch.setenv("VIDEO_CLUSTER", shared.address)
        with serving(library.root) as server:
            job = server.job("thumbs", directory=".")
            assert job["result"]["counts"]["made"] == 1, job
            wrong = {"task": "thumbs", "directory": ".", "params": {"cluster": "tcp://evil:1"}}
            assert server.client.post("/jobs", json=wrong).status_code == 422

    def test_without_it_dask_is_not_imported(self, library: Library) -> None:
        library.add("one_frame.mp4")
        code = (
            "import sys, index\n"
            f"assert index.main(['thumbs', {str(library.root)!r}]) == 0\n"
            "sys.exit(bool({'dask', 'distributed'} & set(sys.modules)))\n"
        )
        assert subprocess.run([sys.executable, "-c", code], cwd=index_folder()).returncode == 0


def index_folder() -> Path:
    return Path(index.__file__).parent


class TestFaults:
    def test_a_crash_and_a_hang_of_a_decoder(
        self, misbehaving: None, cli: Cli, library: Library, shared: Cluster
    ) -> None:
        """Each costs one video, and no worker."""
        for name in ("a.mp4", "crash.mp4", "hang.mp4", "z.mp4"):
            library.add("one_frame.mp4", name)
        where = ("--cluster", shared.address)
        run = cli("crash,hang", library.root, *where, "--timeout", 5, "--json")
        crashed, hung = run.json["tasks"]
        assert crashed["counts"]["failed"] == hung["counts"]["failed"] == 2
        errors = {row["video"]: row["error"] for row in hung["results"] if "error" in row}
        assert "crashed (SIGSEGV)" in errors["crash.mp4"]
        assert "longer than 5 s" in errors["hang.mp4"]
        assert cli("thumbs", library.root, *where, "--json").counts == {"made": 4}

    def test_a_machine_that_lacks_something(
        self, misbehaving: None, cli: Cli, library: Library, own: Cluster
    ) -> None:
        """What it cannot make others do; that all lack it is said once they have tried."""
        for number in range(6):
            library.add("one_frame.mp4", f"lack{number}.mp4")
        lacking = own.start(["env", "LACKS=1", *hostile_command("worker", own.address)])
        joined(lacking)
        where = ("--cluster", own.address, "--json")
        run = cli("lack", library.root, *where)
        assert (run.counts, run.err.count("is not installed here")) == ({"failed": 6}, 1)
        joined(own.join())
        assert cli("lack", library.root, *where).counts == {"made": 6}

    def test_the_wall_stands_there_too(
        self, misbehaving: None, cli: Cli, library: Library, shared: Cluster
    ) -> None:
        """Of what a decoder tries that was taken over, only reading videos of the folder works."""
        if index.Thumbs.walled and not hostile_wall():
            pytest.skip("no sandbox here")
        video = library.add("one_frame.mp4")
        library.add("cuts.mp4", "neighbour.mkv")
        secret = video.parent.parent / "secret.txt"
        secret.write_text("secret")
        cli("escape", library.root, "--cluster", shared.address)
        refused = library.json("one_frame.mp4.escape.hostile.json")["refused"]
        inside = {"read another video", "list the folder of videos"}
        assert {name for name, is_refused in refused.items() if not is_refused} <= inside

    def test_a_worker_that_is_killed(self, hanging: Path, library: Library, own: Cluster) -> None:
        """What it had is done by one that joined later."""
        first = own.join()
        joined(first)
        args = hostile_command("hang,thumbs", hanging, "--cluster", own.address, "--json")
        with started(args) as run:
            run.wait_for(lambda: began(hanging))
            second = own.join(slots=2)
            joined(second)
            (hanging / "hang.began").unlink()
            os.kill(first.pid, signal.SIGKILL)
            run.wait_for(lambda: began(hanging))
            run.process.send_signal(signal.SIGINT)
            out, err = run.process.communicate(timeout=10)
        counts = {report["task"]: report["counts"] for report in json.loads(out)["tasks"]}
        assert counts["hang"]["failed"] == counts["thumbs"]["failed"] == 0
        assert b"left: 1 worker, 2 slots" in err

    def test_whatever_else_is_killed(self, hanging: Path, own: Cluster) -> None:
        """The process that decoders are forked from: done again there. A nanny, and a machine with
        all that runs on it: done elsewhere."""
        options = ["--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
        first = own.start([*PLAIN_DASK, own.address, *options])
        first.wait_for("Registered to")
        args = hostile_command("hang", hanging, "--cluster", own.address, "--json")
        with started(args) as run:
            run.wait_for(lambda: began(hanging))
            (hanging / "hang.began").unlink()
            os.kill(forkserver(first), signal.SIGKILL)
            run.wait_for(lambda: began(hanging))
            second = own.join()
            joined(second)
            (hanging / "hang.began").unlink()
            os.kill(first.pid, signal.SIGKILL)
            run.wait_for(lambda: began(hanging))
            joined(own.join())
            (hanging / "hang.began").unlink()
            for pid in second.run.family():
                os.kill(pid, signal.SIGKILL)
            run.wait_for(lambda: began(hanging))
            run.process.send_signal(signal.SIGINT)
            out, err = run.process.communicate(timeout=PATIENCE)
        counts = json.loads(out)["counts"]
        assert (counts["failed"], counts["made"] + counts["cancelled"]) == (0, 10), err

    def test_a_scheduler_that_is_killed(
        self, hanging: Path, library: Library, own: Cluster, cli: Cli
    ) -> None:
        """The run ends within ten seconds, nothing half; the next run goes on."""
        joined(own.join(slots=2))
        log = hanging.parent / "log.jsonl"
        args = hostile_command("hang", hanging, "--cluster", own.address, "--json", "--log", log)
        with started(args) as run:
            run.wait_for(lambda: began(hanging) and log.read_text().count('"status": "made"') == 9)
            assert own.scheduler
            os.kill(own.scheduler.pid, signal.SIGKILL)
            out, err = run.process.communicate(timeout=10)
            assert run.process.returncode == 1
        counts = json.loads(out)["counts"]
        assert (counts["made"], counts["cancelled"]) == (9, 1)
        assert b"the connection to it was lost: what was made stays; run again" in err
        assert b"Traceback" not in err
        assert wait_until(lambda: leftovers(hanging) == []), leftovers(hanging)

    def test_ctrl_c(self, hanging: Path, library: Library, shared: Cluster) -> None:
        """130 within two seconds, and the slots are free for the next run."""
        log = hanging.parent / "log.jsonl"
        args = hostile_command("hang", hanging, "--cluster", shared.address, "--json", "--log", log)
        with started(args) as run:
            run.wait_for(lambda: began(hanging) and log.read_text().count('"status": "made"') == 9)
            asked = time.monotonic()
            run.process.send_signal(signal.SIGINT)
            out, err = run.process.communicate(timeout=20)
            assert run.process.returncode == 130, err
            assert time.monotonic() - asked < 2
        counts = json.loads(out)["counts"]
        assert (counts["made"], counts["cancelled"]) == (9, 1)
        assert wait_until(lambda: not decoders_of(hanging))

    def test_a_run_that_is_killed(self, hanging: Path, shared: Cluster, cli: Cli) -> None:
        """Workers do not go on for nobody; what it left is removed by the next."""
        with started(hostile_command("hang", hanging, "--cluster", shared.address)) as run:
            run.wait_for(lambda: began(hanging))
            run.kill()
        assert wait_until(lambda: not decoders_of(hanging))
        assert cli("thumbs", hanging, "--cluster", shared.address).code == 0
        assert list(hanging.glob(".tmp-*")) == []

    def test_workers_that_come_and_go(self, hanging: Path, library: Library, own: Cluster) -> None:
        """One that joins late gets work; one that leaves ends what it does first."""
        for number in range(15):
            library.add("one_frame.mp4", f"slow{number}.mp4")
        first = own.join()
        joined(first)
        run = own.start(hostile_command("slow", hanging, "--cluster", own.address))
        run.wait_for("1 worker, 1 slot")
        second = own.join()
        run.wait_for("2 workers, 2 slots")
        first.run.process.send_signal(signal.SIGTERM)
        first.ended(143)
        run.ended(0)
        assert len(library.artifacts()) == 25
        assert second.run.process.poll() is None

    def test_a_share_that_vanishes_on_one_machine(
        self, hanging: Path, library: Library, own: Cluster, tmp_path: Path
    ) -> None:
        """That worker leaves; the others make what it could not."""
        for number in range(15):
            library.add("one_frame.mp4", f"slow{number}.mp4")
        share = tmp_path / "share"
        share.symlink_to(hanging)
        here, there = own.join(), own.join("--map", f"{hanging}={share}")
        joined(here, there)
        args = hostile_command("slow", hanging, "--cluster", own.address, "--json")
        with started(args) as run:
            run.wait_for(lambda: library.artifacts())
            share.unlink()
            out, err = run.process.communicate(timeout=PATIENCE)
        assert json.loads(out)["counts"]["made"] == 25, err
        assert "the share was lost" in there.ended(1)
        assert b"has at" in err

    def test_a_share_that_hangs_on_one_machine(
        self, hanging: Path, own: Cluster, tmp_path: Path
    ) -> None:
        """As a hard mount does: opening what is there waits for ever. That worker leaves."""
        share, stalled = tmp_path / "share", tmp_path / "stalled"
        share.symlink_to(hanging)
        options = ("--slots", 1, "--map", f"{hanging}={share}")
        worker = own.start(
            ["env", "CHECK_TIME=2", *hostile_command("worker", own.address, *options)]
        )
        joined(worker)
        args = hostile_command("hang", hanging, "--cluster", own.address, "--json")
        with started(args) as run:
            run.wait_for(lambda: began(hanging))
            for token in hanging.rglob(".tmp-*"):
                pipe = stalled / token.relative_to(hanging)
                pipe.parent.mkdir(parents=True, exist_ok=True)
                os.mkfifo(pipe)
            (tmp_path / "new").symlink_to(stalled)
            (tmp_path / "new").replace(share)
            assert "the share was lost" in worker.ended(1)
            (hanging / "hang.began").unlink()
            joined(own.join())
            run.wait_for(lambda: began(hanging))
            run.process.send_signal(signal.SIGINT)
            out, err = run.process.communicate(timeout=PATIENCE)
        assert f"has had no answer from {share}".encode() in err
        assert json.loads(out)["counts"]["failed"] == 0, err


def forkserver(worker: Log) -> int:
    """The process from which the decoders of a worker are forked, which are called like it."""
    alike = [pid for pid in worker.run.family() if b"forkserver" in command_of(pid)]
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().split()[3]) for pid in alike}
    return next(pid for pid, parent in parents.items() if parent not in alike)


def hostile_wall() -> bool:
    """Whether workers are shut in on this machine."""
    from videolib.core.sandbox import obstacle

    return not obstacle()


def decoders_of(root: Path) -> list[str]:
    """Processes that have a file of a folder open."""
    opened = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            target = str(link.readlink())
            opened += [target] if target.startswith(f"{root}/") else []
    return opened


class TestRefusals:
    def test_addresses(self, cli: Cli, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before anything is connected; exit code 2 for what is wrong with the request."""
        library.add("one_frame.mp4")
        for address, code, reason in (
            ("nowhere", 2, "is no scheduler's address"),
            ("tcp://192.0.2.1:8786", 2, "is not encrypted, and whoever reaches it"),
            ("tcp://127.0.0.1:1", 1, "no scheduler answers there: Connection refused"),
        ):
            run = cli("thumbs", library.root, "--cluster", address)
            assert (run.code, reason in run.err, run.err.count("\n")) == (code, True, 1), run.err
        run = cli("thumbs", library.root, "--cluster", "tls://127.0.0.1:1", "--tls-files", "a,b")
        assert (run.code, "should name three" in run.err) == (2, True)
        assert cli("scheduler", "--host", "0.0.0.0").code == 2
        assert cli("worker", "tcp://127.0.0.1:1", "--map", "here").code == 2
        assert "needs the address" in cli("worker").err
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        run = cli("thumbs", library.root, "--cluster", "tcp://127.0.0.1:1")
        assert (run.code, "[cluster]'" in run.err, run.err.count("\n")) == (1, True, 1)

    def test_nobody_has_joined(
        self, cli: Cli, library: Library, own: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        library.add("one_frame.mp4")
        monkeypatch.setattr(pool, "FIRST_WORKER", 0.0)
        run = cli("thumbs", library.root, "--cluster", own.address)
        assert run.code == 1
        assert (
            f"no worker has joined it: start one on each machine: index.py worker {own.address}"
            in run.err
        )

    def test_machines(self, cli: Cli, library: Library, own: Cluster, tmp_path: Path) -> None:
        """Each is left out with a line that names it; nothing was begun."""
        library.add("one_frame.mp4")
        other = tmp_path / "other"
        other.mkdir()
        program = copied_program(tmp_path / "program")
        workers = [own.join("--map", f"{library.root}={other}")]
        workers.append(own.start([sys.executable, str(program), "worker", own.address]))
        reasons = [f"has at {other} another folder than the run", "has the program "]
        if modes_count(tmp_path):
            library.root.chmod(0o555)
            preexec = drop_privileges if os.geteuid() == 0 else None
            workers.append(own.join(preexec_fn=preexec))
            reasons.append(f"cannot write in {library.root} (Permission denied)")
        joined(*workers)
        run = cli("thumbs", library.root, "--cluster", own.address)
        library.root.chmod(0o755)
        assert run.code == 1
        for reason in reasons:
            lines = [line for line in run.err.splitlines() if reason in line]
            assert len(lines) == 1, run.err
            assert lines[0].startswith(f"cluster: {os.uname().nodename} is left out: it "), lines
        assert "no worker there can be used" in run.err
        assert library.artifacts() == []

    def test_clocks_and_versions(self) -> None:
        """What a machine says of itself, against what this one is."""
        answer = {"facts": machine_facts(), "time": 100.0, "problem": ""}
        assert admission.refusal(answer, 101.5, 102.0) == ""
        assert "has a clock that is 4 s off" in admission.refusal(answer, 104.0, 105.0)
        assert "has a clock that is 5 s off" in admission.refusal(answer, 94.0, 95.0)
        own = {"Python": "3.11", "av": "18.1", "deepface": ""}
        assert difference(own, {"Python": "3.11", "av": "18.1", "deepface": "1"}) == ""
        assert difference(own, {**own, "Python": "3.12"}) == "has Python 3.12, this machine 3.11"
        assert difference(own, {"Python": "3.11"}) == "has no av, this machine 18.1"

    def test_another_model(
        self, misbehaving: None, cli: Cli, library: Library, own: Cluster, tmp_path: Path
    ) -> None:
        """Only of what the model makes is a machine left out that has another one of the name."""
        library.add("one_frame.mp4")
        for name in ("own", "other"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "model.bin").write_text(name)
        models = [f"MODEL={tmp_path / name}/model.bin" for name in ("own", "other")]
        joined(own.start(["env", models[1], *hostile_command("worker", own.address)]))
        where = ("--cluster", own.address, "--json")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(*models[0].split("="))
            patch.setattr(pool, "NEXT_WORKER", 0.0)
            run = cli("model", library.root, *where)
            assert run.failure("one_frame.mp4") == "no worker of the cluster does model"
            name = os.uname().nodename
            reason = f"{name} makes no model: its model.bin is another model's; put the run's there"
            assert run.err.count(reason) == 1, run.err
            assert cli("thumbs", library.root, *where).counts == {"made": 1}
            joined(own.start(["env", models[0], *hostile_command("worker", own.address)]))
            assert cli("model", library.root, *where).counts == {"made": 1}

    def test_files_of_speech_models(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """In a folder, in the hub's cache, and in a program's own."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        for variable in ("HF_HOME", "HF_HUB_CACHE"):
            monkeypatch.delenv(variable, raising=False)
        for name in ("faster-whisper-small", "faster-whisper-small.en", "faster-whisper-large-v3"):
            repository = tmp_path / f"huggingface/hub/models--Systran--{name}"
            (repository / "refs").mkdir(parents=True)
            (repository / "refs/main").write_text("c0ffee")
            (repository / "snapshots/c0ffee").mkdir(parents=True)
            (repository / "snapshots/c0ffee/model.bin").write_text(name)
            (repository / "snapshots/c0ffee/README.md").touch()
        ggml = tmp_path / "ggml.bin"
        ggml.write_text("ggml")
        (tmp_path / "whisper").mkdir()
        (tmp_path / "whisper/small.pt").write_text("pt")
        for model, contents_ in (
            (SpeechModel("small"), ["faster-whisper-small", "pt"]),
            (SpeechModel("Systran/faster-whisper-small.en"), ["faster-whisper-small.en"]),
            (SpeechModel("large", ggml), ["faster-whisper-large-v3", "ggml"]),
            (SpeechModel(str(repository / "snapshots/c0ffee")), ["faster-whisper-large-v3"]),
            (SpeechModel("tiny"), []),
        ):
            assert [path.read_text() for path in model.files()] == contents_
        assert model_marks({"a": SpeechModel("tiny", ggml).files, "b": lambda: [tmp_path]}) == {
            "a": {"ggml.bin": file_mark(ggml)},
            "b": {},
        }

    def test_only(self, cli: Cli, library: Library, own: Cluster) -> None:
        """A worker of some kinds gets these; of others the reason is said, and no video waits."""
        library.add("one_frame.mp4")
        joined(own.join("--only", "thumbs,transcode"))
        where = ("--cluster", own.address, "--json")
        assert cli("thumbs", library.root, *where).counts == {"made": 1}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pool, "NEXT_WORKER", 0.0)
            run = cli("meta", library.root, *where)
        assert run.failure("one_frame.mp4") == "no worker of the cluster does metadata"


def copied_program(folder: Path) -> Path:
    """Another version of the program."""
    shutil.copytree(index_folder() / "videolib", folder / "videolib")
    shutil.copy(index_folder() / "index.py", folder)
    with (folder / "videolib/core/text.py").open("a") as file:
        file.write("# changed\n")
    return folder / "index.py"


class TestEncryption:
    def test_tls(self, cli: Cli, library: Library, tmp_path: Path) -> None:
        """With certificates as docs/cluster.md makes them; without one nobody gets in."""
        library.add("one_frame.mp4")
        files = ",".join(map(str, certificates(tmp_path / "tls")))
        with running_cluster(tmp_path / "logs", 1, "--tls-files", files) as cluster:
            assert cluster.address.startswith("tls://")
            where = ("--cluster", cluster.address)
            run = cli("thumbs", library.root, *where, "--tls-files", files, "--json")
            assert run.counts == {"made": 1}
            others = ",".join(map(str, certificates(tmp_path / "others")))
            run = cli("meta", library.root, *where, "--tls-files", others)
            assert run.code == 1
            assert "no scheduler answers there" in run.err


def certificates(folder: Path) -> list[Path]:
    """An authority's certificate, one that it signed, and the key of that."""
    folder.mkdir()
    authority, key, certificate = folder / "ca.pem", folder / "key.pem", folder / "cert.pem"
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    made = ["openssl", "req", "-x509", *new_key, "-days", "2", "-subj", "/CN=videos"]
    openssl([*made, "-keyout", folder / "ca-key.pem", "-out", authority])
    signed = ["openssl", "req", *new_key, "-subj", "/CN=machine", "-keyout", key]
    openssl([*signed, "-out", folder / "request.pem"])
    sign = ["openssl", "x509", "-req", "-in", folder / "request.pem", "-CA", authority]
    openssl([*sign, "-CAkey", folder / "ca-key.pem", "-days", "2", "-out", certificate])
    return [authority, certificate, key]


def openssl(args: list[Any]) -> None:
    subprocess.run(args, check=True, capture_output=True)


class TestPaths:
    def test_maps(self) -> None:
        """The longest folder decides; names that only begin alike are others."""
        paths = PathMap.parse(["/mnt/videos=/srv/films", "/mnt/videos/new=/fast/"])
        assert paths.apply("/mnt/videos/a.mp4") == "/srv/films/a.mp4"
        assert paths.apply("/mnt/videos/new/a.mp4") == "/fast/a.mp4"
        assert paths.apply("/mnt/videos2/a.mp4") == "/mnt/videos2/a.mp4"
        assert paths.apply("/mnt/videos") == "/srv/films"
        for wrong in ("/mnt/videos", "mnt=/srv", "/mnt=srv"):
            with pytest.raises(UsageError):
                PathMap.parse([wrong])

    def test_what_travels(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """Paths as they are there, relative ones made absolute here; all else as it is."""
        monkeypatch.chdir("/tmp")
        sent = dumps(["/mnt/a", Path("/mnt/b"), Path("c"), "mnt", {"/mnt/d": 1}])
        there = loads(sent, PathMap.parse(["/mnt=/srv"]))
        assert there == ["/srv/a", Path("/srv/b"), Path("/tmp/c"), "mnt", {"/srv/d": 1}]

    def test_what_comes_back_runs_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(pickle.UnpicklingError):
            load_result(dumps(hostile.Bomb(tmp_path / "made")))
        assert not (tmp_path / "made").exists()
        assert load_result(dumps([index.Outcome("thumbs", index.Status.MADE)]))


class TestCaps:
    def test_what_was_said_and_what_is_usual(self, tmp_path: Path) -> None:
        """A cap that was asked for holds over the cluster, a default on each machine."""
        for words, expected in (
            (["batch", "--tasks", "meta,subtitles"], ({}, {"metadata": 3, "subtitles": 1}, False)),
            (["batch", "--tasks", "meta", "--max-meta", "3"], ({"metadata": 3}, {}, False)),
            (["verify", "--workers", "1"], ({"verify": 1}, {}, True)),
            (["verify"], ({}, {"verify": 1}, False)),
            (["thumbs", "--workers", "5"], ({"thumbs": 5}, {}, True)),
            (["thumbs"], ({}, {}, False)),
        ):
            (request,) = index.read_line([words[0], str(tmp_path), *words[1:]])  # type: ignore[misc] # no Result
            assert isinstance(request, index.RunCommand)
            runner = index.Runner(Job(), request, request.planned(), request.caps())
            caps, limits, most = runner._cluster_caps()
            assert (caps, limits, most < sys.maxsize) == expected


class TestPlainDask:
    def test_its_own_scheduler_and_worker(
        self, misbehaving: None, cli: Cli, library: Library, own: Cluster
    ) -> None:
        """With the options of docs/cluster.md; of more threads than slots the rest wait."""
        for name in ("a.mp4", "b.mp4", "c.mp4", "slow.mp4"):
            library.add("one_frame.mp4", name)
        options = ["--nthreads", "3", "--no-dashboard", "--memory-limit", "0"]
        kinds = ["--resources", "slots=1 thumbs=1 slow=1"]
        worker = own.start([*PLAIN_DASK, own.address, *options, *kinds])
        worker.wait_for("Registered to")
        where = ("--cluster", own.address, "--json")
        run = cli("slow", library.root, *where)
        assert (run.counts, "1 worker, 1 slot" in run.err) == ({"made": 4}, True)
        records = [library.json(name) for name in library.artifacts()]
        spans = sorted((record["began"], record["ended"]) for record in records)
        assert all(ended <= began for (_, ended), (began, _) in itertools.pairwise(spans))
        assert cli("worker", own.address, "--slots", "2", "--nthreads", "1").code == 2
