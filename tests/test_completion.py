"""Completion in shells, by a real bash; and the manual, which is made of the same."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Cli
from support import ROOT

import index

# What bash does on Tab: the words of the line, and where among them one stands.
COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
complete -p "$1" >/dev/null
_shtab_video_library "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory, cli: Cli) -> Path:
    """What `completion bash` prints, as a file."""
    path = tmp_path_factory.mktemp("completion") / "script"
    path.write_text(cli("completion", "bash").out)
    return path


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sub", "subtitles"),
        ("phash-d", "phash-dupes"),
        ("thumbs --tim", "--timeout --time"),
        ("meta --artifacts", "--artifacts-dir"),
        ("scenes --detector ", "content adaptive"),
        ("export --format tr", "trickplay"),
        ("completion ", "bash zsh fish"),
        ("list f", "films film.mp4"),
        ("tags --import f", "films film.mp4"),
        ("embed --models-dir f", "films"),
    ],
)
def test_what_bash_offers(script: Path, tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "films").mkdir()
    (tmp_path / "film.mp4").touch()
    argv = ["bash", "-c", COMPLETE, "bash", str(script), "video-library", *line.split(" ")]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.stderr == ""
    assert sorted(done.stdout.split()) == sorted(words.split())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells(cli: Cli, tmp_path: Path, shell: str) -> None:
    run = cli("completion", shell, "--json")
    text = run.json["script"]
    assert all(name in text for name in index.COMMANDS)
    assert cli("completion", shell).out == f"{text}\n"
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        assert not subprocess.run([shell, "-n", tmp_path / "script"], stderr=-1).stderr


def test_a_shell_that_is_not_known(cli: Cli) -> None:
    run = cli("completion", "tcsh")
    assert (run.code, run.out) == (2, "")
    assert run.err == "index.py: SHELL should be 'bash', 'zsh' or 'fish'; got tcsh\n"


def test_the_manual() -> None:
    """As man(1) shows it, where that is: every command with its flags, and no complaint."""
    page = ROOT / "docs/video-library.1"
    if not shutil.which("man"):
        pytest.skip("man is not installed here")
    argv = ["man", "--warnings", "-l", str(page)]
    environment = os.environ | {"MANWIDTH": "100", "LC_ALL": "C.UTF-8", "MANPAGER": "cat"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    text = re.sub(r".\x08", "", done.stdout)
    assert all(", ".join(index.command_names(c)) in text for c in index.COMMANDS.values())
    assert "--interval SECONDS" in text
