"""The structure of the program: floors, sizes, names, and what starts light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter

import pytest
from support import house

import index

LONGEST_FILE, LONGEST_INDEX = 900, 3500
HEAVY = (
    *(
        "av",
        "cv2",
        "numpy",
        "pydantic",
        "scenedetect",
        "faster_whisper",
        "ctranslate2",
        "pebble",
        "distributed",
    ),
    *("multiprocessing", "sqlite3", "fastapi", "starlette", "uvicorn", "tqdm", "imageio_ffmpeg"),
    *("dask", "distributed"),
)
# What speaks HTTP, the models of its requests and answers, and what workers are forked with.
MAY_BE_HEAVY = (
    *("videolib.faces.preloaded", "videolib.media.preloaded"),
    *("api", "videoserver.app", "videoserver.compression", "videoserver.connections"),
    *("videoserver.downloads", "videoserver.http", "videoserver.models", "videoserver.page"),
    *("videoserver.finding_models", "videoserver.task_models", "videoserver.trash_models"),
    *("videoserver.parameters", "videoserver.hls.parameters"),
)


def test_imports_point_down() -> None:
    wrong = [
        f"{module}:{line} -> {target}"
        for module, line, target in house.imports()
        if house.room_of(module) != house.room_of(target)
        and house.floor_of(target) >= house.floor_of(module)
    ]
    assert wrong == []


def test_no_imports_in_a_circle() -> None:
    edges: dict[str, set[str]] = {}
    for module, _, target in house.imports():
        edges.setdefault(module, set()).add(target)
    assert house.circles(edges) == []


def test_imports_of_the_page_point_down() -> None:
    edges: dict[str, set[str]] = {}
    for module, target in house.page_imports():
        assert (house.ROOT / "web" / target).is_file(), f"{module} imports {target}"
        edges.setdefault(module, set()).add(target)
    wrong = [
        f"{module} -> {target}"
        for module, targets in edges.items()
        for target in targets
        if house.page_floor(target) > house.page_floor(module)
    ]
    assert wrong == []
    assert house.circles(edges) == []


def test_the_library_knows_no_commands() -> None:
    """Options are declared with the commands and checked there; the library takes plain values."""
    declaring = {f"videolib.core.{room}" for room in ("options", "parameters", "command_line")}
    users = {module for module, _, target in house.imports() if target in declaring}
    assert {user for user in users - declaring if user.startswith("videolib")} == set()


def test_no_file_is_too_long() -> None:
    lengths = {name: path.read_text().count("\n") for name, path in house.modules().items()}
    limits = {name: LONGEST_INDEX if name == "index" else LONGEST_FILE for name in lengths}
    assert {name: n for name, n in lengths.items() if n > limits[name]} == {}


def test_no_two_classes_share_a_name() -> None:
    names = Counter(
        node.name
        for path in house.modules().values()
        for node in ast.walk(house.tree_of(path))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_folder_says_what_it_is_for() -> None:
    packages = [path for path in house.modules().values() if path.name == "__init__.py"]
    assert [str(path) for path in packages if not ast.get_docstring(house.tree_of(path))] == []


def test_nothing_heavy_is_imported_at_the_start() -> None:
    """Whichever module a program goes through: what is heavy is imported where it is used."""
    light = [name for name in house.modules() if name not in MAY_BE_HEAVY]
    code = (
        "import importlib, sys\n"
        f"for name in {light}:\n"
        "    importlib.import_module(name)\n"
        f"    heavy = [one for one in {HEAVY} if one in sys.modules]\n"
        "    if heavy:\n"
        "        sys.exit(f'{name} imports {heavy}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=house.ROOT, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_what_importing_code_may_rely_on() -> None:
    """The commands, the tables, main, the scheduler and the wrappers, from one module."""
    promised = {*index.__all__, "COMMANDS", "Runner", "main", "probe_with_ffprobe"}
    promised |= {command.__name__ for command in index.COMMANDS.values()}
    assert {name for name in promised if not hasattr(index, name)} == set()


# Functions that threads are given as they are, for they open nothing or confine themselves.
UNCONFINED = {
    ("videolib.catalogue.pool", "old.catalogue.close"),
    ("videolib.core.workers", "exit_with_parents"),
    ("videolib.media.checksums", "block_sums, self.descriptor"),
    ("videolib.speech.whisper", "lambda batch: self.decode(batch, options)"),
    ("videoserver.app", "service.close"),
    ("videoserver.downloads", "self.open"),
    ("videoserver.downloads", "os.pread"),
    ("videoserver.jobs", "loop"),
    ("videoserver.watching", "self._run"),
}


def test_threads_are_as_confined_as_who_starts_them() -> None:
    """A thread of its own may go anywhere, unless its function is wrapped in `inheriting`."""
    calls = list(house.thread_calls())
    free = {
        (module, call)
        for module, call in calls
        if "inheriting(" not in call
        and not any(module == other and function in call for other, function in UNCONFINED)
    }
    assert free == set()
    assert len(calls) > len(UNCONFINED)


class TestPatching:
    """A test that replaces a name where nobody looks it up would test nothing."""

    def test_where_it_is_looked_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("videolib.storage.folders.need_folder", lambda *_: None)
        with pytest.raises(AssertionError, match="nobody looks up"):
            monkeypatch.setattr("videolib.storage.folders.SIDECAR_KEY_OF_NOBODY", 1, raising=False)
        with pytest.raises(AssertionError, match="nobody looks up"):
            monkeypatch.setattr("videolib.storage.folders.annotations", None)
