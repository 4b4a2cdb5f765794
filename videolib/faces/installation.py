"""Which models of faces are installed and usable, and what a backend needs that is not here."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from videolib.core.errors import Failure, attempt
from videolib.core.installation import DependencyCheck
from videolib.core.program import install_command
from videolib.core.text import printable
from videolib.faces.models import (
    BACKENDS,
    DLIB_POINTS,
    DLIB_RESNET,
    SFACE,
    YUNET,
    ModelFile,
    loose_weights,
)

# By backend the files that it loads; every one detects faces with YuNet.
MODEL_FILES: dict[str, tuple[ModelFile, ...]] = {
    "opencv": (YUNET, SFACE),
    "dlib": (YUNET, DLIB_POINTS, DLIB_RESNET),
    "deepface": (YUNET,),
}
# The package that runs a backend's model -> its name in the index.
RUNNERS = {"dlib": ("dlib", "dlib-bin"), "deepface": ("deepface", "deepface")}


def missing_model(backend: str, folder: Path | None = None) -> str:
    """What a backend needs that is not on this machine, and how it comes here; else an empty text.
    `folder`: of models of the user's own."""
    name = BACKENDS[backend]
    module, package = RUNNERS.get(name, ("cv2", "opencv-python-headless"))
    if not find_spec(module):
        return f"{package} is not installed: {install_command(package)}"
    for file in MODEL_FILES[name]:
        content = attempt(file.read, folder)
        if isinstance(content, Failure):
            return content.reason
    return ""


def model_checks() -> list[DependencyCheck]:
    """For each backend whether its models are there, as they were published."""
    checks = [backend_check(backend) for backend in ("opencv", "dlib")]
    weights = [printable(path.name) for path in loose_weights("deepface")]
    missing = missing_model("deepface") or ("" if weights else "no weights in ~/.deepface/weights")
    detail = missing or f"weights: {', '.join(sorted(weights))}"
    return [*checks, DependencyCheck("face models: deepface", not missing, detail)]


def backend_check(backend: str) -> DependencyCheck:
    """The check of a backend whose models come with packages."""
    missing = missing_model(backend)
    files = ", ".join(file.name for file in MODEL_FILES[backend])
    return DependencyCheck(f"face models: {backend}", not missing, missing or files)
