"""The page's files: where they are, and their addresses, which have a version."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

VERSION_MARK = "@"  # before the version in an address: no folder of the page is called so


@functools.cache
def web_folder() -> Path:
    """The folder of the page. pyproject.toml puts web/ of the source tree in this package, where
    an installation has it; in the tree itself it stands beside the package."""
    package = Path(__file__).resolve().parent
    installed = package / "web"
    return installed if installed.is_dir() else package.parent / "web"


def page_version() -> str:
    """The version of all files of the page: another one as soon as one of them is written."""
    digest = hashlib.blake2b(digest_size=6)
    for folder, _, names in sorted(os.walk(web_folder())):
        for name in sorted(names):
            status = Path(folder, name).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def page_html() -> str:
    """The page with the version in the addresses of its files. Raises OSError.

    The modules import each other by relative addresses, which so have the version as well.
    """
    text = (web_folder() / "index.html").read_text(encoding="utf-8")
    return text.replace('"/web/', f'"/web/{VERSION_MARK}{page_version()}/')


def versioned(name: str) -> tuple[str, bool]:
    """The name of a file of the page without the version in its address, and whether that is the
    present one."""
    if not name.startswith(VERSION_MARK):
        return name, False
    version, _, rest = name.removeprefix(VERSION_MARK).partition("/")
    return rest, version == page_version()
