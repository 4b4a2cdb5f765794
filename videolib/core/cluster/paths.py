"""Paths that mean the same file on machines that have a share in different places.

What travels is pickled with every absolute path marked, by the persistent ids of pickle. A machine
that has the share elsewhere puts its own path in the place of each when it reads them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from videolib.core.errors import UsageError
from videolib.core.text import printable
from videolib.core.unpickling import MessageUnpickler


class PathMap(NamedTuple):
    """Pairs of folders: where runs have one, and where this machine has it."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> PathMap:
        """Of `/mnt/videos=/srv/films`. Raises UsageError."""
        pairs = []
        for text in texts:
            there, _, here = text.partition("=")
            if not (there.startswith("/") and here.startswith("/")):
                reason = "should be like /mnt/videos=/srv/films: of the runs, then of this machine"
                raise UsageError(f"--map {printable(text)}: {reason}")
            pairs.append((there.rstrip("/"), here.rstrip("/")))
        return cls(tuple(pairs))

    @property
    def inverse(self) -> PathMap:
        """From this machine's paths to those of runs."""
        return PathMap(tuple((here, there) for there, here in self.pairs))

    def apply(self, path: str) -> str:
        """The path on this machine; the longest folder that it is in decides."""
        fitting = [pair for pair in self.pairs if f"{path}/".startswith(f"{pair[0]}/")]
        if not fitting:
            return path
        there, here = max(fitting, key=lambda pair: len(pair[0]))
        return here + path[len(there) :] or "/"


# What a persistent id begins with: that of a Path, and that of text which begins like one.
PATH, TEXT = "path:", "text:"


class PathPickler(pickle.Pickler):
    """Pickles values whose absolute paths, as text or as Path, are marked; a relative Path becomes
    absolute, as another machine has another working folder."""

    def __init__(self, buffer: io.BytesIO, paths: PathMap) -> None:
        super().__init__(buffer, pickle.HIGHEST_PROTOCOL)
        self.paths = paths

    def persistent_id(self, value: Any) -> str | None:
        if type(value) is str and value.startswith("/"):
            return TEXT + self.paths.apply(value)
        if isinstance(value, PurePath):
            return PATH + self.paths.apply(str(Path(value).absolute()))
        return None


SAME = PathMap()  # of a machine that has everything where runs have it


def dumps(value: object, paths: PathMap = SAME) -> bytes:
    """A value as bytes that `loads` and `load_result` read on any machine."""
    buffer = io.BytesIO()
    PathPickler(buffer, paths).dump(value)
    return buffer.getvalue()


def unmarked(persistent_id: object, paths: PathMap) -> str | Path:
    """What a marked path is on this machine. Raises UnpicklingError."""
    text = persistent_id if isinstance(persistent_id, str) else ""
    if text.startswith(PATH):
        return Path(paths.apply(text.removeprefix(PATH)))
    if text.startswith(TEXT):
        return paths.apply(text.removeprefix(TEXT))
    raise pickle.UnpicklingError("no path where one is marked")


class PathUnpickler(pickle.Unpickler):
    """Unpickles what a run sends to a worker, with the paths of this machine."""

    def __init__(self, content: bytes, paths: PathMap) -> None:
        super().__init__(io.BytesIO(content))
        self.paths = paths

    def persistent_load(self, persistent_id: Any) -> str | Path:
        return unmarked(persistent_id, self.paths)


class ResultUnpickler(MessageUnpickler):
    """Unpickles what a worker sends to a run, without running what it names."""

    def persistent_load(self, persistent_id: Any) -> str | Path:
        return unmarked(persistent_id, SAME)


def loads(content: bytes, paths: PathMap) -> Any:
    """What a run sent, with its paths as this machine has them."""
    return PathUnpickler(content, paths).load()


def load_result(content: bytes) -> Any:
    """What a worker sent: plain values, named tuples and enumerations. Raises UnpicklingError."""
    return ResultUnpickler(io.BytesIO(content)).load()
