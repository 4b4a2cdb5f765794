"""The reliability campaign's own bookkeeping; its parts are run by .ci/run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import support
from campaign import __main__ as campaign
from campaign.trials import Trials, smallest
from campaign.warm import WarmProgram
from support import house


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """Two parts in the table: what they drew by chance. The second fails, with an input."""
    drawn: dict[str, list[float]] = {}

    def fine(trials: Trials) -> None:
        drawn["fine"] = [trials.rng.random() for _ in range(3)]
        trials.count("draws", 3)
        trials.skip("links", "this file system has none")

    def failing(trials: Trials) -> None:
        drawn["failing"] = [trials.rng.random()]
        trials.count("files")
        path = trials.folder / "a.mp4"
        path.write_bytes(b"bad")
        trials.fail("thumbs a.mp4:\nfailed unexpectedly", "thumbs a.mp4", path)

    for name, run in (("fine", fine), ("failing", failing)):
        module = ModuleType(f"campaign.{name}")
        vars(module)["run"] = run
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(campaign.PARTS, name, 1)
    return drawn


def test_a_report_of_what_was_tried_and_what_failed(
    parts: dict[str, list[float]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    words = [
        "--seed",
        "7",
        "--seconds",
        "1",
        "--report",
        str(report),
        "--kept",
        str(tmp_path / "k"),
    ]
    assert campaign.main(["fine", "failing", *words]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("fine: 3 tried in ") and lines[0].endswith("0 failed")
    assert lines[1] == "  left out: links: this file system has none"
    assert lines[3] == "  thumbs a.mp4: failed unexpectedly"
    document = json.loads(report.read_text())
    assert document["seed"] == 7 and document["failures"] == 1
    failure = document["parts"][1]["failures"][0]
    assert Path(failure["inputs"][0]).read_bytes() == b"bad"
    assert campaign.main(["fine", *words]) == 0


def test_a_part_that_ends_early_is_a_failure(
    parts: dict[str, list[float]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(trials: Trials) -> None:
        raise TimeoutError("no answer")

    monkeypatch.setitem(vars(sys.modules["campaign.fine"]), "run", broken)
    report = tmp_path / "report.json"
    words = ["fine", "failing", "--seconds", "1", "--report", str(report)]
    assert campaign.main([*words, "--kept", str(tmp_path / "kept")]) == 1
    first, second = json.loads(report.read_text())["parts"]
    assert "the part ended early: " in first["failures"][0]["message"] and second["tried"]


def test_a_seed_tries_the_same_again(parts: dict[str, list[float]], tmp_path: Path) -> None:
    words = ["fine", "--kept", str(tmp_path), "--seconds", "1", "--seed"]
    drawn = []
    for seed in "778":
        campaign.main([*words, seed])
        drawn.append(parts["fine"])
    assert drawn[0] == drawn[1] != drawn[2]


def test_processes_share_a_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares: list[int] = []
    module = ModuleType("campaign.listed")
    vars(module)["run"] = lambda trials: shares.extend(trials.share_of(range(7)))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(campaign.PARTS, "listed", 1)
    words = ["listed", "--seconds", "1", "--kept", str(tmp_path)]
    for number in (2, 1):
        assert campaign.main([*words, "--share", f"{number}/2"]) == 0
    assert shares == [1, 3, 5, 0, 2, 4, 6]
    capsys.readouterr()
    for share in ("0/2", "3/2", "half"):
        with pytest.raises(SystemExit):
            campaign.main([*words, "--share", share])
        assert "--share" in capsys.readouterr().err


def test_a_loaded_program_runs_as_a_process_does(tmp_path: Path) -> None:
    """Each with its own variables, which the next one does not have."""
    program = WarmProgram(tmp_path, {})
    try:
        for words in (["--version"], ["list", str(tmp_path), "--json"], ["nonsense"]):
            assert program.run({"NO_COLOR": "1"}, *words) == support.run_process(*words)
        assert program.run({"VIDEORC": str(tmp_path / "none.json")}, "list", tmp_path).code == 2
        assert program.run({}, "list", tmp_path).code == 0
    finally:
        program.close()


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        campaign.main(["weather"])
    assert "no such part: weather" in capsys.readouterr().err


def test_an_input_is_made_as_small_as_it_fails() -> None:
    content = bytes(range(256)) * 8
    assert smallest(content, lambda part: part.count(7) >= 2 and 200 in part, 2000) in (
        b"\x07\x07\xc8",
        b"\x07\xc8\x07",
        b"\xc8\x07\x07",
    )
    assert smallest(b"", lambda part: True) == b""


def test_a_campaign_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    """Its folders, and the disks that are mounted in them, are gone."""
    words = [sys.executable, "-m", "tests.campaign", "crowds", "--seconds", "60"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(words, cwd=house.ROOT, env=environment) as campaign_run:
        assert support.wait_until(lambda: list(tmp_path.glob("campaign-crowds-*/*")))
        campaign_run.terminate()
        assert campaign_run.wait(support.PATIENCE) == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("campaign-*"))
