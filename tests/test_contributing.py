"""CONTRIBUTING.md: what it shows applies, and works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from support import ROOT

PYTEST = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider")
FILES = ("tests/commands/test_palette.py", "tests/exports/test_cuts.py", "tests/test_house.py")
DIFFS = re.findall(r"^```diff\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program in which every diff was applied."""
    place = tmp_path_factory.mktemp("tree")
    for name in ("videolib", "videoserver", "web", "tests", "docs"):
        shutil.copytree(
            ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "bench")
        )
    for path in ROOT.glob("*.*"):
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, place)
    for diff in DIFFS:
        applied = subprocess.run(
            ["git", "apply", "--recount", "-C1", "-"], input=diff.encode(), cwd=place, check=False
        )
        assert not applied.returncode, f"CONTRIBUTING.md: mend this diff, the code moved:\n{diff}"
    run(place, "tests/docs.py")
    return place


def of_tree(tree: Path) -> dict[str, str]:
    """An environment in which Python finds the modules of the copy."""
    return {**os.environ, "PYTHONPATH": str(tree)}


def run(tree: Path, *args: str) -> str:
    """What a Python program of the copy prints."""
    done = subprocess.run(
        [sys.executable, *args], cwd=tree, env=of_tree(tree), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture(scope="module")
def failures(tree: Path) -> Mapping[str, str]:
    """Of each of these files of tests what pytest reports of the copy, "" where all in it passed:
    in one run, as pytest and the program take longer to start there than the tests."""
    words = [sys.executable, *PYTEST, "-rA", *FILES]
    done = subprocess.run(words, cwd=tree, env=of_tree(tree), stdout=subprocess.PIPE, check=False)
    report = done.stdout.decode()
    outcomes = re.findall(r"^(PASSED|FAILED|ERROR) (\S+?\.py)\b", report, re.M)
    passed = {file for file in FILES if {o for o, of in outcomes if of == file} == {"PASSED"}}
    return {file: "" if file in passed else report for file in FILES}


def test_there_is_one_for_each_thing() -> None:
    assert len(DIFFS) == 4


@pytest.mark.slow
def test_a_kind_of_artifact(tree: Path, failures: Mapping[str, str]) -> None:
    assert "palette" in run(tree, "index.py", "--list-commands").split()
    assert "`palette`" in (tree / "docs/commands.md").read_text()
    assert failures["tests/commands/test_palette.py"] == ""


@pytest.mark.slow
def test_a_format_of_exports(failures: Mapping[str, str]) -> None:
    assert failures["tests/exports/test_cuts.py"] == ""


@pytest.mark.slow
def test_an_option_and_a_query_word(tree: Path, tmp_path: Path) -> None:
    assert "--grey" in run(tree, "index.py", "thumbs", "--help")
    assert run(tree, "index.py", "list", str(tmp_path), "-q", "aspect:>1.7", "--json") == "[]\n"


@pytest.mark.slow
def test_the_house_still_stands(failures: Mapping[str, str]) -> None:
    assert failures["tests/test_house.py"] == ""
