"""The files of models: where a machine has others than the run, it would make something else."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from videolib.core.confinement import confined_to
from videolib.core.files import reading

ModelFiles = Callable[[], Iterable[Path]]  # the files of a model on the machine that calls it
SAMPLE = 65536  # bytes at either end by which a file is known; models have up to 3 GB


def file_mark(path: Path) -> str:
    """What tells a file from another of its name: its size, and how it begins and ends. Raises
    OSError."""
    with reading(path) as descriptor:
        size = os.fstat(descriptor).st_size
        ends = os.pread(descriptor, SAMPLE, 0), os.pread(descriptor, SAMPLE, max(size - SAMPLE, 0))
        return f"{size}-{hashlib.sha256(b''.join(ends)).hexdigest()[:16]}"


def model_marks(models: Mapping[str, ModelFiles]) -> dict[str, dict[str, str]]:
    """By kind and file name, the marks of the models on this machine."""
    marks: dict[str, dict[str, str]] = {}
    with confined_to(()):  # its owner named them
        for kind, files in models.items():
            marks[kind] = {}
            for path in files():
                with contextlib.suppress(OSError):  # what needs it will say why
                    marks[kind][path.name] = file_mark(path)
    return marks


def other_model(
    kind: str, own: Mapping[str, Mapping[str, str]], others: Mapping[str, Mapping[str, str]]
) -> str:
    """The first file of a kind's model that two machines have, but not the same; "" where there is
    none. What is only on one of them is fetched, or missed, when it is needed."""
    marks, other_marks = own.get(kind, {}), others.get(kind, {})
    names = sorted(marks.keys() & other_marks.keys())
    return next((name for name in names if marks[name] != other_marks[name]), "")
