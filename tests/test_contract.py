"""What is declared once shows everywhere: readme, sample configuration, a newcomer's task."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, TESTS, Library, Run
from support.thirdparty import Note

import docs
import index
from videolib.storage.artifacts import ARTIFACTS


def options_in_help(cli: Cli, name: str) -> set[str]:
    """The long flags a command has."""
    run = cli(name, "--help")
    assert run.code == 0
    heads = re.findall(r"^  (-.*?)(?:   |$)", run.out, flags=re.MULTILINE)
    flags = {flag for head in heads for flag in re.findall(r"--[a-z][a-z-]*", head)}
    return {flag for flag in flags if not flag.startswith("--no-")} - {"--help"}


def name_pattern(command: type[index.Command]) -> list[str]:
    return [name for name, known in index.COMMANDS.items() if known is command]


@pytest.mark.parametrize("command", dict.fromkeys(index.COMMANDS.values()))
class TestReadme:
    def test_every_option_is_told(self, cli: Cli, command: type[index.Command]) -> None:
        """In the command's own table or in those of what many share; and no table tells of more."""
        names = name_pattern(command)
        sections = sections_of_commands()
        (own,) = [text for title, text in sections if f"`{names[0]}`" in title]
        (shared,) = [text for title, text in sections if title == "# Commands"]
        options = options_in_help(cli, names[0])
        assert options - {"--config", "--json"} <= flags_told(own) | flags_told(shared)
        assert flags_told(own) <= options

    def test_every_name_is_told(self, command: type[index.Command]) -> None:
        names = name_pattern(command)
        titles = [title for title, _ in sections_of_commands()]
        assert [title for title in titles if all(f"`{name}`" in title for name in names)]


def sections_of_commands() -> list[tuple[str, str]]:
    """Heading and text of every section of the page about commands."""
    page = (ROOT / "docs/commands.md").read_text()
    parts = re.split(r"^(#+ .*)$", page, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def flags_told(text: str) -> set[str]:
    """The flags in the first cells of a section's tables."""
    cells = re.findall(r"^\| (`-.*?`) \|", text, flags=re.MULTILINE)
    flags = {flag for cell in cells for flag in re.findall(r"--[a-z][a-z-]*", cell)}
    return {flag for flag in flags if not flag.startswith("--no-")}


def test_what_is_derived_is_up_to_date() -> None:
    """`python tests/docs.py` was run after the last change of a command."""
    assert {path: path.read_text() for path in docs.pages()} == docs.pages()


class TestSample:
    @pytest.fixture
    def sample(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((ROOT / "videorc.sample.json").read_text())
        return content

    def test_it_has_the_promised_keys(self, sample: dict[str, Any]) -> None:
        promised = {"metadata", "thumbs", "phash", "heatmaps", "scenes", "finish"}
        assert promised <= set(sample["workers"])
        assert set(sample["thresholds"]) >= {"scene"}

    def test_it_names_every_artifact_command(self, sample: dict[str, Any]) -> None:
        tasks = [c for c in index.COMMANDS.values() if issubclass(c, index.VideoTask)]
        assert all(set(name_pattern(task)) & set(sample["workers"]) for task in tasks)

    def test_every_key_in_it_is_known(self, cli: Cli, library: Library) -> None:
        run = cli("--config", ROOT / "videorc.sample.json", "list", library.root)
        assert run.code == 0, run.err


class TestTable:
    def test_every_command_says_what_it_does(self, cli: Cli) -> None:
        overview = cli("--help").out
        for name, command in index.COMMANDS.items():
            assert command.__doc__
            assert command.__doc__.splitlines()[0] in overview
            assert name in cli("--list-commands").out.split()

    def test_every_option_says_what_it_is(self) -> None:
        for command in index.COMMANDS.values():
            for name, option in command.options().items():
                assert option.doc, f"{command.__name__}.{name}"

    def test_every_command_has_a_schema(self) -> None:
        for command in index.COMMANDS.values():
            schema = command.model().model_json_schema()
            assert set(schema.get("properties", {})) == set(command.options())

    def test_every_kind_belongs_to_one_command(self) -> None:
        tasks = [c for c in index.COMMANDS.values() if issubclass(c, index.VideoTask)]
        for task in tasks:
            assert ARTIFACTS[task.artifact.kind] is task.artifact


def as_newcomer(*args: object) -> Run:
    """Runs the program with that task as a process of its own."""
    words = [sys.executable, str(TESTS / "support/thirdparty.py"), *(str(arg) for arg in args)]
    done = subprocess.run(
        words,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(TESTS)])},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode())


class TestNewcomer:
    """A task of a third party: one class, one line in each table, and everything knows it."""

    @pytest.fixture
    def newcomer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The task stands in both tables of this process."""
        monkeypatch.setitem(ARTIFACTS, "note", Note.artifact)
        monkeypatch.setitem(index.COMMANDS, "note", Note)

    @pytest.mark.usefixtures("newcomer")
    def test_it_runs(self, cli: Cli, library: Library) -> None:
        library.add("numbered.mp4")
        run = cli("note", library.root, "--word", "hello", "--json")
        assert run.code == 0, run.err
        assert run.counts == {"made": 1}
        assert library.artifact("numbered.mp4.note.txt").read_text() == "hello, 10 s, 3 frames\n"
        assert cli("note", library.root, "--json").counts == {"skipped": 1}
        chain = cli("thumbs,note,phash", library.root, "--json")
        assert [entry["task"] for entry in chain.json["tasks"]] == ["thumbs", "note", "phash"]
        assert cli("report", library.root, "--json").json["counts"]["note"] == 1

    @pytest.mark.usefixtures("newcomer")
    def test_its_parameters_are_checked_and_explained(self, cli: Cli, library: Library) -> None:
        assert "note" in cli("--list-commands").out.split()
        assert "--word" in cli("note", "--help").out
        run = cli("note", library.root, "--word", "x" * 99)
        assert run.code == 2
        assert "--word" in run.err

    @pytest.mark.parametrize("command", ["batch", "finish"])
    def test_the_others_take_it(self, library: Library, command: str) -> None:
        """In a process of its own: the options of others are derived once, when first asked for."""
        library.add("short.mp4")
        run = as_newcomer(
            command, library.root, "--tasks", "note,thumbs", "--max-note", 1, "--json"
        )
        assert run.code == 0, run.err
        files = [f"short.mp4.{name}" for name in ("jpg", "note.source.json", "note.txt")]
        assert library.artifacts() == files
