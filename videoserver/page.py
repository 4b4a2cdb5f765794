"""The page's files: where they are in a clone, and where in an installation."""

from __future__ import annotations

from pathlib import Path


def web_folder() -> Path:
    """The folder of the page. pyproject.toml puts web/ of the source tree in this package, where
    an installation has it; in the tree itself it stands beside the package."""
    package = Path(__file__).resolve().parent
    installed = package / "web"
    return installed if installed.is_dir() else package.parent / "web"
