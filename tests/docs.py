"""Writes what is derived from the commands and the API: tables in the documentation,
videorc.sample.json, and the types that the page is checked against.

python tests/docs.py          # rewrite them
python tests/docs.py --check  # exit 1 where they differ from the commands
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api_types import types_of_api  # noqa: E402

import index  # noqa: E402
from videolib.core.command_line import Parser, add_general_flags  # noqa: E402
from videolib.core.manual import EXAMPLES  # noqa: E402
from videolib.core.options import Option, default_text  # noqa: E402


def filled(text: str, mark: str, content: str) -> str:
    """The text of a page with other content between its marks."""
    begin, end = f"<!-- {mark}: from the commands, by tests/docs.py -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def pages() -> dict[Path, str]:
    """Every file that is derived, as it should be."""
    commands = ROOT / "docs/commands.md"
    return {
        commands: filled(filled(commands.read_text(), "commands", overview()), "options", tables()),
        ROOT / "docs/video-library.1": manual_page(),
        ROOT / "videorc.sample.json": sample(),
        ROOT / "web/data/api-types.d.ts": types_of_api(ROOT),
    }


def overview() -> str:
    """Every command in a line, with a link to its options."""
    rows = [
        f"| [{', '.join(f'`{name}`' for name in index.command_names(command))}]"
        f"(#{'-'.join(index.command_names(command))}) | {cell(index.summary_line(command))} |"
        for command in dict.fromkeys(index.COMMANDS.values())
    ]
    return "\n".join(["| command | |", "| --- | --- |", *rows])


def tables() -> str:
    """The options that many commands share, then each command with its own."""
    shared = [
        ("Every command about a folder", index.LibraryCommand, index.Command),
        ("Every command that makes artifacts, also", index.RunCommand, index.LibraryCommand),
        ("Every command that samples frames, also", index.FrameTask, index.RunCommand),
    ]
    parts = [f"**Every command**\n\n{table_of_general_flags()}"]
    parts += [f"**{title}**\n\n{table(c, base)}" for title, c, base in shared]
    for command in dict.fromkeys(index.COMMANDS.values()):
        names = ", ".join(f"`{name}`" for name, c in index.COMMANDS.items() if c is command)
        base = next((c for _, c, _ in reversed(shared) if issubclass(command, c)), index.Command)
        own = [prose(command), examples(command), table(command, base)]
        parts.append("\n\n".join([f"## {names}", *filter(None, own)]))
    return "\n\n".join(parts)


def table_of_general_flags() -> str:
    """The flags that stand before a command or after it."""
    parser = Parser()
    add_general_flags(parser)
    rows = [
        f"| `{action.option_strings[0]}{f' {action.metavar}' if action.metavar else ''}` |  |"
        f" {cell(action.help or '')} |"
        for action in parser._actions
        if action.dest != "help"
    ]
    return "\n".join(["| option | default | |", "| --- | --- | --- |", *rows])


def manual_page() -> str:
    """All commands and their options for man(1), in the macros of man(7)."""
    title = f'.TH VIDEO-LIBRARY 1 "" "video-library {index.__version__}" "User Commands"'
    about = (index.__doc__ or "").splitlines()[0].partition(": ")[2]
    lines = [title, ".SH NAME", f"video-library \\- {roff(about)}"]
    lines += [".SH SYNOPSIS", ".B video-library", "COMMAND[,COMMAND...] [DIR] [options]"]
    lines.append(".SH COMMANDS")
    for command in dict.fromkeys(index.COMMANDS.values()):
        lines.append(f'.SS "{", ".join(index.command_names(command))}"')
        lines.append(roff(prose(command)).replace("\n\n", "\n.PP\n"))
        for name, declared in command.options().items():
            typed = spelled(declared, command.placeholders()[name]).replace("`", "")
            lines += [".TP", f".B {roff(typed)}", roff(meaning(declared))]
    return "\n".join(lines) + "\n"


def roff(text: str) -> str:
    """Text as roff reads it: a backslash, a hyphen to be copied, and a dot that begins a line."""
    escaped = text.replace("\\|", "|").replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"(?m)^(?=[.'])", r"\\&", escaped)


def prose(command: type[index.Command]) -> str:
    """The docstring as paragraphs."""
    return "\n\n".join(
        " ".join(part.split()) for part in re.split(r"\n\s*\n", command.__doc__ or "")
    )


def examples(command: type[index.Command]) -> str:
    """Lines that one might type."""
    name = index.command_names(command)[0]
    lines = [f"index.py {name} {example}".rstrip() for example in EXAMPLES.get(name, ())]
    return "\n".join(["```sh", *lines, "```"]) if lines else ""


def table(command: type[index.Command], base: type[index.Command]) -> str:
    """The options of a command beyond those of its base."""
    rows = [
        f"| {spelled(o, command.placeholders()[name])} | {default(o)} | {cell(meaning(o))} |"
        for name, o in command.options().items()
        if name not in base.options() or o.positional != base.options()[name].positional
    ]
    return "\n".join(["| option | default | |", "| --- | --- | --- |", *rows]) if rows else ""


def spelled(declared: Option, placeholder: str) -> str:
    """An option as one types it."""
    if declared.positional:
        return f"`{declared.spelled}`"
    flags = [declared.short, declared.flag] if declared.short else [declared.flag]
    if isinstance(declared.default, bool):
        flags += [f"--no-{declared.flag[2:]}"] * declared.default
    else:
        flags[-1] += f" {placeholder}"
    return ", ".join(f"`{cell(flag)}`" for flag in flags)


def default(declared: Option) -> str:
    """The value that an option has where none is given, or what holds then."""
    if isinstance(declared.default, bool):
        return "on" if declared.default else ""
    if declared.required:
        return "required"
    shown = default_text(declared.default)
    return f"`{cell(shown)}`" if shown else declared.unset


def meaning(declared: Option) -> str:
    """What an option is, and what 0 stands for where that is not the default."""
    zero = f"; 0: {declared.unset}" if declared.has_zero and declared.default else ""
    return declared.summary + zero


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def sample() -> str:
    """A videorc.json that sets every number and choice to what it is without one."""
    content: dict[str, Any] = {
        "workers": {},
        "thresholds": {"scene": 0.4, "phash_similarity": 0.92},
    }
    for task in [*index.task_classes(), index.Finish]:
        name = next(name for name, c in index.COMMANDS.items() if c is task)
        content["workers"][name] = getattr(task, "batch_limit", None) or 2
    return json.dumps(content, indent=2) + "\n"


def main() -> int:
    """Write the files, or compare them."""
    wanted = pages()
    if "--check" in sys.argv:
        return int(any(path.read_text() != text for path, text in wanted.items()))
    for path, text in wanted.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
