"""CONTRIBUTING.md: what it shows applies, and works."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

PYTEST = ("-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider")
DIFFS = re.findall(r"^```diff\n(.*?)^```$", (ROOT / "CONTRIBUTING.md").read_text(), re.M | re.S)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program in which every diff was applied."""
    place = tmp_path_factory.mktemp("tree")
    for name in ("videolib", "videoserver", "tests", "docs"):
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


def run(tree: Path, *args: str) -> str:
    """What a Python program of the copy prints."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, *args], cwd=tree, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


def test_there_is_one_for_each_thing() -> None:
    assert len(DIFFS) == 4


def test_a_kind_of_artifact(tree: Path) -> None:
    assert "palette" in run(tree, "index.py", "--list-commands").split()
    assert "`palette`" in (tree / "docs/commands.md").read_text()
    run(
        tree,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        "tests/commands/test_palette.py",
    )


def test_a_format_of_exports(tree: Path) -> None:
    run(tree, *PYTEST, "tests/exports/test_cuts.py")


def test_an_option_and_a_query_word(tree: Path, tmp_path: Path) -> None:
    assert "--grey" in run(tree, "index.py", "thumbs", "--help")
    assert run(tree, "index.py", "list", str(tmp_path), "-q", "aspect:>1.7", "--json") == "[]\n"


def test_the_house_still_stands(tree: Path) -> None:
    run(tree, *PYTEST, "tests/test_house.py")
