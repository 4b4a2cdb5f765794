"""Fixtures for every test: a cache of its own, a folder of videos, the program."""

from __future__ import annotations

import os
import pkgutil
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import support
from support import Library, Run, hostile, house
from support.served import Served, serving

import index
import videolib
from videolib.core.parameters import Parameters
from videolib.core.runs import Job
from videolib.core.workers import Workers

Cli = Callable[..., Run]


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds the clips of `media`, each made when first asked for, by whichever
    process of xdist: all of them share it."""
    own = tmp_path_factory.getbasetemp()
    place = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "clips"
    place.mkdir(exist_ok=True)
    return place


@pytest.fixture(scope="session", autouse=True)
def _surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the user's own: no configuration, no cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("VIDEORC", raising=False)
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        # Hundreds of processes of the program would compile all of it, each for itself.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_idle_patches() -> Iterator[None]:
    """No test replaces a name in a module of ours that nobody looks up there."""
    setattr_of_pytest: Callable[..., None] = pytest.MonkeyPatch.setattr

    def checked(patch: pytest.MonkeyPatch, target: Any, *rest: Any, **options: Any) -> None:
        place, _, name = target.rpartition(".") if isinstance(target, str) else ("", "", rest[0])
        module = sys.modules.get(place) if place else target
        if isinstance(module, ModuleType) and house.is_ours(module):
            why = f"nobody looks up {name} in {module.__name__}"
            assert house.looks_up(module, name), why
        setattr_of_pytest(patch, target, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytest.MonkeyPatch, "setattr", checked)
        yield


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's cache lies."""
    place = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    return place


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A run in this process leaves the handling of signals as it was."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)
    before = [signal.getsignal(number) for number in numbers]
    yield
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.fixture
def misbehaving(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tasks of `hostile` stand in the table, and in what is derived from it."""
    kept = [vars(Parameters)[name].__func__ for name in ("model", "placeholders")]
    for name, task in hostile.TASKS.items():
        monkeypatch.setitem(index.COMMANDS, name, task)
    for function in kept:
        function.cache_clear()
    yield
    for function in kept:
        function.cache_clear()


@pytest.fixture(scope="session")
def _forkserver(_surroundings: None) -> None:
    """The process that workers are forked from has loaded what any of them needs, not only what the
    first test that starts one needs: the others would load the rest in each of theirs."""
    rooms = {room.name for room in pkgutil.walk_packages(videolib.__path__, "videolib.")}
    tasks = (task for task in index.COMMANDS.values() if issubclass(task, index.VideoTask))
    workers = Workers(1, {*rooms, *index.PERFORM_IMPORTS, *(i for t in tasks for i in t.imports)})
    workers.call(Job(), support.PATIENCE, os.getpid)
    workers.close()


@pytest.fixture(scope="session")
def cli(_forkserver: None) -> Cli:
    return support.run_cli


@pytest.fixture
def library(tmp_path: Path, clips: Path) -> Iterator[Library]:
    """An empty folder. In the end what was put in must be as it was, and no scratch file left."""
    root = tmp_path / "videos"
    root.mkdir()
    library = Library(root, clips)
    yield library
    library.check()


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> support.Fault:
    """Where changes to a library are to fail; as a kill spares what the system has, no syncing."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    fault = support.Fault()
    monkeypatch.setattr("videolib.storage.steps.checkpoint", fault)
    return fault


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "none", str(place)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("nothing may be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.fixture
def real_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests about real metadata, wherever the suite runs."""
    monkeypatch.delenv("FFPROBE_DISABLE", raising=False)


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with neither ffmpeg nor ffprobe on PATH."""
    empty = tmp_path / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", os.fspath(empty))


@pytest.fixture
def served(library: Library, _forkserver: None) -> Iterator[Served]:
    """A server of the folder of videos."""
    with serving(library.root) as running:
        yield running
