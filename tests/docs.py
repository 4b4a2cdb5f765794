"""Writes what is derived from the commands: tables in the documentation and videorc.sample.json.

python tests/docs.py          # rewrite them
python tests/docs.py --check  # exit 1 where they differ from the commands
"""

from __future__ import annotations

import json
import re
import sys
import typing
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import index  # noqa: E402
from videolib.core.options import Option  # noqa: E402


def filled(name: str, mark: str, content: str) -> str:
    """A page with other content between its marks."""
    text = (ROOT / name).read_text()
    begin, end = f"<!-- {mark}: from the commands, by tests/docs.py -->", f"<!-- end of {mark} -->"
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def pages() -> dict[Path, str]:
    """Every file that is derived, as it should be."""
    return {
        ROOT / "README.md": filled("README.md", "commands", overview()),
        ROOT / "docs/commands.md": filled("docs/commands.md", "options", tables()),
        ROOT / "videorc.sample.json": sample(),
    }


def overview() -> str:
    """Every command in a line."""
    rows = [
        f"| {', '.join(f'`{name}`' for name in index.command_names(command))}"
        f" | {cell(index.summary_line(command))} |"
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
    parts = [f"**{title}**\n\n{table(c, base)}" for title, c, base in shared]
    for command in dict.fromkeys(index.COMMANDS.values()):
        names = ", ".join(f"`{name}`" for name, c in index.COMMANDS.items() if c is command)
        base = next((c for _, c, _ in reversed(shared) if issubclass(command, c)), index.Command)
        parts.append(f"## {names}\n\n{prose(command)}\n\n{table(command, base)}".rstrip())
    return "\n\n".join(parts)


def prose(command: type[index.Command]) -> str:
    """The docstring as paragraphs."""
    return "\n\n".join(
        " ".join(part.split()) for part in re.split(r"\n\s*\n", command.__doc__ or "")
    )


def table(command: type[index.Command], base: type[index.Command]) -> str:
    """The options of a command beyond those of its base."""
    rows = [
        f"| {spelled(o, command.hints()[name])} | {default(o)} | {cell(o.doc)} |"
        for name, o in command.options().items()
        if name not in base.options() or o.positional != base.options()[name].positional
    ]
    return "\n".join(["| option | default | |", "| --- | --- | --- |", *rows]) if rows else ""


def spelled(declared: Option, hint: Any) -> str:
    """An option as one types it."""
    if declared.positional:
        return f"`{declared.name}`"
    flags = [declared.short, declared.flag] if declared.short else [declared.flag]
    choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
    value = "" if hint is bool else " " + ("\\|".join(map(str, choices)) or "X")
    return ", ".join(f"`{flag}{value}`" for flag in flags)


def default(declared: Option) -> str:
    value = declared.default
    if isinstance(value, tuple):
        value = ",".join(value)
    if value is None or value == "":
        return ""
    return f"`{'on' if value is True else 'off' if value is False else value}`"


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
