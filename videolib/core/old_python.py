"""What the program says to a Python that is too old for it; Python 3.8 can read this file."""

from __future__ import annotations

import sys


def explain(version: tuple[int | str, ...], words: list[str], about: str) -> int:
    """Say on standard error that another Python is needed, and return the exit code.

    Where the words of the command line ask for help, it is what can be said without the commands:
    the usage and the first line of `about`, on standard output, as a success.
    """
    needed = f"needs Python 3.11 or later, this is {'.'.join(map(str, version[:3]))}"
    if "--help" not in words and "-h" not in words:
        sys.stderr.write(f"index.py: {needed}: sh setup.sh finds a newer one, or says how\n")
        return 1
    usage = "usage: index.py [--config FILE] COMMAND[,COMMAND...] [DIR] [flags]"
    where = "docs/commands.md lists the commands and their flags."
    lines = [usage, "", about.splitlines()[0], "", f"It {needed}: sh setup.sh sets it up.", where]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
