"""Where the files of a speech model lie, without loading what runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# Sizes whose model is called otherwise, as faster_whisper.utils says it.
OTHER_NAMES = {"large": "large-v3", "turbo": "large-v3-turbo"}
SHAPING_SUFFIXES = frozenset({".bin", ".json", ".txt", ".pt"})


class SpeechModel(NamedTuple):
    """A model by its name or path, and one of whisper.cpp."""

    model: str
    ggml_model: Path | None = None

    def files(self) -> list[Path]:
        """Their files on this machine; a model of a hub that is not on it has none."""
        files = list(model_files(self.model))
        if self.ggml_model:
            files.append(self.ggml_model.expanduser())
        return [path for path in files if path.is_file()]


def model_files(model: str) -> Iterator[Path]:
    """The files of faster-whisper's model in a folder or in the hub's cache, and that of
    openai-whisper, whether or not they are there."""
    path = Path(model).expanduser()
    for folder in [path] if path.is_dir() else hub_snapshots(model):
        yield from (file for file in sorted(folder.iterdir()) if file.suffix in SHAPING_SUFFIXES)
    if path.is_file():
        yield path
    elif not path.is_dir():
        yield cache_folder() / "whisper" / f"{path.name}.pt"


def cache_folder() -> Path:
    """Where programs of this user keep what they fetched."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def hub_folder() -> Path:
    """The cache of the Hugging Face hub, as huggingface_hub.constants finds it."""
    home = os.environ.get("HF_HOME") or str(cache_folder() / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or f"{home}/hub").expanduser()


def hub_snapshots(model: str) -> Iterator[Path]:
    """The folders of the newest fetched versions of a model, by its size or its hub's name."""
    name = OTHER_NAMES.get(model, model)
    repositories = [name.replace("/", "--")]
    if "/" not in name:
        plain = name.removeprefix("distil-")
        kind = "faster-whisper" if plain == name else "faster-distil-whisper"
        repositories = [f"*--{kind}-{plain}", f"*--{name}-ct2"]
    for pattern in repositories:
        for reference in sorted(hub_folder().glob(f"models--{pattern}/refs/main")):
            snapshot = reference.parents[1] / "snapshots" / reference.read_text().strip()
            if snapshot.is_dir():
                yield snapshot
