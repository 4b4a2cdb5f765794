"""What the help says: of every command, its options, their values and defaults, and examples."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from conftest import Cli
from support import Library

import index
from videolib.core.manual import EXAMPLES, SECTIONS

NAMES = [index.command_names(command)[0] for command in dict.fromkeys(index.COMMANDS.values())]


@pytest.mark.parametrize("name", NAMES)
class TestEveryCommand:
    def test_its_usage_is_short_and_its_lines_fit(self, cli: Cli, name: str) -> None:
        """In the 80 columns of a terminal, where no example is broken."""
        text = cli(name, "--help").out
        usage, _, rest = text.partition("\n\n")
        assert usage.startswith(f"usage: index.py {name} ")
        assert len(usage.splitlines()) <= 5
        body, _, _ = rest.partition("\nexamples:\n")
        assert [line for line in body.splitlines() if len(line) > 80] == []

    def test_every_value_says_what_it_is(self, cli: Cli, name: str) -> None:
        text = cli(name, "--help").out
        assert not re.search(r"^  .*-\w[\w-]* X\b", text, re.MULTILINE)
        assert not re.search(r"\(default:\s+0(\.0)?\)", text)

    def test_no_is_shown_of_what_is_on_only(self, cli: Cli, name: str) -> None:
        """But all of them are understood, as a configuration may turn any of them on."""
        command = index.COMMANDS[name]
        switches = {o.flag[2:]: o for o in command.options().values() if type(o.default) is bool}
        shown = set(re.findall(r"--no-([\w-]+)", cli(name, "--help").out))
        assert shown == {switch for switch, declared in switches.items() if declared.default}
        parser = index.command_parser(name, [command], index.Config())
        for switch, declared in switches.items():
            assert parser.read([f"--{switch}"]) == {declared.name: True}
            assert parser.read([f"--no-{switch}"]) == {declared.name: False}

    def test_two_examples_that_are_understood(self, cli: Cli, name: str) -> None:
        assert len(EXAMPLES[name]) >= 2
        text = cli(name, "--help").out
        for example in EXAMPLES[name]:
            assert f"  index.py {name} {example}".rstrip() in text.splitlines()
            words = shlex.split(re.split(r" [|>] ", example)[0])  # the rest is the shell's
            requests = index.read_line([name, *words])
            assert isinstance(requests, list)
            assert [type(request) for request in requests] == [index.COMMANDS[name]]

    def test_headings_are_of_options_that_there_are(self, name: str) -> None:
        listed = {
            option for options in SECTIONS.get(name, {}).values() for option in options.split()
        }
        assert listed <= set(index.COMMANDS[name].options())


def test_a_default_is_the_one_that_holds(cli: Cli, tmp_path: Path) -> None:
    config = tmp_path / "videorc.json"
    config.write_text('{"thumbs": {"time": "25%"}, "listing": {"embed": false}}')
    assert "(default: middle)" in cli("thumbs", "--help").out
    assert "(default: 25%)" in cli("--config", config, "thumbs", "--help").out
    assert "--embed, --no-embed" in cli("listing", "--help").out
    assert "--no-embed" not in cli("--config", config, "listing", "--help").out
    assert re.search(r"--max-meta N .*\(default:\s+3\)", cli("batch", "--help").out, re.DOTALL)


def test_options_of_a_chain_stand_below_their_command(cli: Cli) -> None:
    text = cli("thumbs,sprites", "--help").out
    assert text.index("options of thumbs:") < text.index("--time")
    assert text.index("--time") < text.index("options of sprites:") < text.index("--interval")
    assert text.index("--interval") < text.index("which videos:") < text.index("how it runs:")
    assert text.count("--quality") == 1


class TestWaysToAsk:
    def test_help_is_a_word_too(self, cli: Cli) -> None:
        assert cli("help").out == cli("--help").out
        assert cli("help").code == 0
        assert cli("help", "thumbs").out == cli("thumbs", "--help").out
        assert cli("help", "meta,thumbs").out == cli("meta,thumbs", "--help").out

    def test_version(self, cli: Cli) -> None:
        assert cli("-V").out == cli("--version").out == f"{index.__version__}\n"


class TestDidYouMean:
    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["thumb"], "thumb: no such command; did you mean thumbs?"),
            (["help", "sprite"], "sprite: no such command; did you mean sprites?"),
            (["zzz"], "zzz: no such command; index.py --list-commands names them"),
            (["thumbs", "--tiem", "3"], "unrecognized arguments: --tiem; did you mean --time?"),
            (
                ["thumbs", "--qualty=3"],
                "unrecognized arguments: --qualty=3; did you mean --quality?",
            ),
            (["--verson"], "unrecognized arguments: --verson; did you mean --version?"),
            (
                ["list", "-q", "codek:hevc"],
                "query: codek:hevc: no such field; did you mean codec:?",
            ),
        ],
    )
    def test_a_word_that_is_nearly_right(
        self, cli: Cli, library: Library, args: list[str], message: str
    ) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(library.root)
            run = cli(*args)
        assert run.code == 2
        assert run.err.startswith(f"index.py: {message}")

    def test_a_key_of_a_configuration(self, cli: Cli, tmp_path: Path) -> None:
        config = tmp_path / "videorc.json"
        config.write_text('{"thumb": {}, "sprites": {"intervall": 3}}')
        run = cli("--config", config, "list", tmp_path)
        assert "thumb: no such key; did you mean thumbs?" in run.err
        assert "sprites.intervall: no such key; did you mean interval?" in run.err


def test_what_one_types_is_what_one_reads(cli: Cli, library: Library) -> None:
    """In text; JSON has the kind, which others rely on."""
    library.add("short.mp4")
    library.add("text.mp4")
    run = cli("meta,phash", library.root)
    assert [line.partition(":")[0] for line in run.out.splitlines()][:2] == ["meta", "phash"]
    assert run.err.startswith("meta, phash: text.mp4: ")
    assert cli("metadata", library.root).out.startswith("metadata: ")
    assert cli("batch", library.root, "--tasks", "queue").out.startswith("queue: ")
    assert cli("meta", library.root, "--json").json["task"] == "metadata"
