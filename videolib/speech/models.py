"""The Whisper models on this machine, and what a transcription needs that is not here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from videolib.core.errors import Failure, attempt
from videolib.core.installation import DependencyCheck
from videolib.core.text import human_size, printable
from videolib.speech.model_files import cache_folder, hub_folder
from videolib.speech.transcription import chosen_backend
from videolib.speech.whisper import local_model

if TYPE_CHECKING:
    from videolib.speech.transcription import RecognizerSettings


def installed_models() -> Iterator[tuple[str, Path]]:
    """Name and file of each model in the caches of faster-whisper and openai-whisper that is
    complete."""
    for folder in sorted(hub_folder().glob("models--*--*/snapshots/*")):
        # The files of an interrupted download lie elsewhere, or are links to nothing.
        if all((folder / name).is_file() for name in ("model.bin", "config.json")):
            owner, _, name = folder.parents[1].name.removeprefix("models--").partition("--")
            yield f"{owner}/{name}", folder / "model.bin"
    for file in sorted((cache_folder() / "whisper").glob("*.pt")):
        yield file.stem, file


def model_checks(settings: RecognizerSettings) -> list[DependencyCheck]:
    """Checks of the models in the caches, and of the one that these settings take."""
    checks = [
        DependencyCheck(printable(name), True, f"speech model, {human_size(file.stat().st_size)}")
        for name, file in installed_models()
    ]
    missing = missing_model(settings)
    detail = missing or "the speech model that subtitles takes"
    name = printable(Path(settings.model).name)
    return [*checks, DependencyCheck(f"speech model {name}", not missing, detail)]


def missing_model(settings: RecognizerSettings) -> str:
    """What a transcription needs that is not on this machine, and how it comes here; else an empty
    text."""
    backend = attempt(chosen_backend, settings)
    if isinstance(backend, Failure):
        return backend.reason
    name = printable(settings.model)
    fetched = f"the model {name} is not on this machine: it is fetched first"
    if backend == "faster-whisper":
        folder = attempt(local_model, settings.model)
        if isinstance(folder, Failure):
            return folder.reason
        offline = ", but HF_HUB_OFFLINE forbids that" if os.environ.get("HF_HUB_OFFLINE") else ""
        return "" if folder else f"{fetched}{offline}"
    if backend == "whisper":
        places = (Path(settings.model), cache_folder() / "whisper" / f"{settings.model}.pt")
        return "" if any(place.is_file() for place in places) else fetched
    model = settings.ggml_model
    is_here = model and model.expanduser().is_file()
    return "" if is_here else "whisper.cpp needs --whisper-cpp-model ggml-small.bin"
