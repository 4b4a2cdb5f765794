"""Configuration files: where a videorc.json is looked for, and what is in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from videolib.core.documents import parse_json
from videolib.core.errors import UsageError
from videolib.core.files import read_file
from videolib.core.text import printable

NAME = "videorc.json"


def read_configuration(explicit: str | None, folder: Path) -> tuple[Any, str, bool]:
    """The document of the configuration, its path as text, and whether it is the user's own.

    It is the file named with --config (`explicit`), else by $VIDEORC, else the user's own, else the
    one in the folder of videos, which whoever made the folder may have written. {} where there is
    none. Raises UsageError.
    """
    if explicit == "":
        raise UsageError("--config should name a file; got nothing")
    named = explicit or os.environ.get("VIDEORC") or user_configuration()
    path = Path(named) if named else folder / NAME
    if not named and not path.is_file():
        return {}, "", True
    try:
        data = parse_json(path.read_bytes() if named else read_file(path))
    except (OSError, ValueError) as error:
        invalid = f"not valid JSON: {error}"
        reason = error.strerror if isinstance(error, OSError) else invalid
        raise UsageError(f"{printable(str(path))}: {reason}") from None
    return data, printable(str(path)), bool(named)


def user_configuration() -> str:
    """The path of the user's own configuration; empty where there is none.

    That is `~/.config/video-library/videorc.json`, or below $XDG_CONFIG_HOME, which by the XDG
    Base Directory Specification counts only where it is absolute.
    """
    base = os.environ.get("XDG_CONFIG_HOME", "")
    home = os.environ.get("HOME", "")
    folder = Path(base) if base.startswith("/") else Path(home, ".config")
    path = folder / "video-library" / NAME
    return str(path) if path.is_absolute() and path.is_file() else ""
