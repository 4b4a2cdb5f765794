"""The files of the pages: where they are, their addresses with a version, answers with them."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
from pathlib import Path

from fastapi import HTTPException, Response

from videolib.core.confinement import confined_to
from videolib.core.errors import NotFoundError
from videolib.core.program import install_command
from videolib.storage.folders import Roots
from videoserver.downloads import FileDownload
from videoserver.http import POLICY

WEB_TYPES = {  # suffix -> media type; other files are not served
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
VERSION_MARK = "@"  # before the version in an address: no folder of the page is called so


@functools.cache
def web_folder() -> Path:
    """The folder of the page. pyproject.toml puts web/ of the source tree in this package, where
    an installation has it; in the tree itself it stands beside the package."""
    package = Path(__file__).resolve().parent
    installed = package / "web"
    return installed if installed.is_dir() else package.parent / "web"


@functools.cache
def swagger_folder() -> Path:
    """The folder of Swagger UI, which shows the documentation of the API: that of the package
    fastapi-offline, of which nothing else is used. Raises NotFoundError where it is missing."""
    package = importlib.util.find_spec("fastapi_offline")
    if not package or not package.origin:
        raise NotFoundError(f"what shows it is missing: {install_command('fastapi-offline')}")
    return Path(package.origin).parent / "static"


def page_policy(policy: str) -> str:
    """A Content-Security-Policy that lets the styles pass, too, which the player's controls have in
    their shadow roots: those with these hashes. Raises OSError."""
    hashes = (web_folder() / "vendor/media-chrome/styles.txt").read_text(encoding="utf-8").split()
    return " ".join([f"{policy}; style-src 'self'", *(f"'{name}'" for name in hashes)])


def page_version() -> str:
    """The version of all files of the page: another one as soon as one of them is written."""
    digest = hashlib.blake2b(digest_size=6)
    for folder, _, names in sorted(os.walk(web_folder())):
        for name in sorted(names):
            status = Path(folder, name).stat()
            digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()


def page_html(name: str) -> str:
    """A page with the version in the addresses of its files. Raises OSError.

    The modules import each other by relative addresses, which so have the version as well.
    """
    text = (web_folder() / name).read_text(encoding="utf-8")
    return text.replace('"/web/', f'"/web/{VERSION_MARK}{page_version()}/')


def versioned(name: str) -> tuple[str, bool]:
    """The name of a file of the page without the version in its address, and whether that is the
    present one."""
    if not name.startswith(VERSION_MARK):
        return name, False
    version, _, rest = name.removeprefix(VERSION_MARK).partition("/")
    return rest, version == page_version()


def page_response(name: str, policy: str = "") -> Response:
    """The answer with a page; `policy`: a Content-Security-Policy of its own. Raises OSError."""
    headers = {"cache-control": "no-cache"} | ({POLICY: policy} if policy else {})
    return Response(page_html(name), 200, headers, WEB_TYPES[".html"])


def page_file_response(folder: Path, name: str, fixed: bool = False) -> Response:
    """The answer with a file of a page; `fixed`: its address has its version. Raises HTTPException
    404 where there is none such."""
    path = folder / name
    media_type = WEB_TYPES.get(path.suffix)
    roots = Roots([folder])
    if "\0" in name or not media_type or not roots.contains(path) or not path.is_file():
        raise HTTPException(404, "there is no such file of the page")
    with confined_to(roots.paths):
        return FileDownload(path, media_type, fixed=fixed)
