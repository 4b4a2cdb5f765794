"""The package: what pyproject.toml promises, and a wheel of it in an environment of its own."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from support import ROOT, Library

import videolib
from videolib.core import old_python
from videolib.core.program import DEFAULT_EXTRAS, DISTRIBUTION, EXTRAS, install_command

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_requirements_are_those_of_the_package() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(line for name in DEFAULT_EXTRAS for line in extras[name])]
    assert sorted(wanted) == sorted(line for line in lines if not line.startswith("#"))


def test_every_extra_is_named_where_its_package_is_missing() -> None:
    extras = PROJECT["optional-dependencies"]
    assert {*EXTRAS, "all"} == set(extras)
    assert extras["all"] == [f"{DISTRIBUTION}[{','.join(EXTRAS)}]"]
    for name, packages in EXTRAS.items():
        for package in packages:
            assert any(line.startswith(package) for line in extras[name])


def test_its_version(cli: Cli) -> None:
    assert cli("--version").out == f"{videolib.__version__}\n"


class TestHowToInstallMore:
    """The command that an installation names for an extra, which others would do nothing for."""

    @pytest.fixture(autouse=True)
    def _installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A package that was installed from the folder `my films`."""
        record = tmp_path / f"video_library-{videolib.__version__}.dist-info"
        record.mkdir()
        (record / "METADATA").write_text("Metadata-Version: 2.1\nName: video-library\n")
        origin = {"dir_info": {}, "url": "file:///home/me/my%20films"}
        (record / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr("videolib.core.program.SOURCE", tmp_path)
        monkeypatch.setattr(sys, "prefix", str(tmp_path))
        monkeypatch.delenv("VIRTUAL_ENV", raising=False)

    @pytest.mark.parametrize(
        ("mark", "command"),
        [
            ("pipx_metadata.json", "pipx runpip video-library install"),
            ("uv-receipt.toml", f"uv pip install --python {sys.executable}"),
            ("pyvenv.cfg", "bin/pip install"),
        ],
    )
    def test_of_an_installed_package(self, tmp_path: Path, mark: str, command: str) -> None:
        (tmp_path / mark).touch()
        assert install_command("deepface") == f"{command} '/home/me/my films[deepface]'"

    def test_of_a_clone(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "pyproject.toml").touch()
        monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
        assert install_command("watchfiles") == ".venv/bin/pip install -e '.[watch]'"
        assert install_command() == ".venv/bin/pip install -r requirements.txt"
        monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
        assert install_command() == "pip install -r requirements.txt"


def install_wheel(folder: Path) -> Path:
    """A virtual environment with a wheel of this tree and nothing else."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    wheels, venv = folder / "wheels", folder / "venv"
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels), str(ROOT)]
    subprocess.run(pip + build, check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    install = ["--python", str(venv), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, *install, *map(str, wheels.iterdir())], check=True)
    return venv


def run_outside(*words: object) -> str:
    """What a program says that is run where nothing of this tree is found."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    argv = list(map(str, words))
    done = subprocess.run(argv, env=environment, cwd="/", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# What index.py loads before it knows that its Python is too old.
READ_BY_OLD_PYTHONS = ("index.py", *(f"videolib/{n}.py" for n in ("__init__", "core/__init__")))


@pytest.mark.parametrize("name", [*READ_BY_OLD_PYTHONS, "videolib/core/old_python.py"])
def test_old_pythons_can_read(name: str) -> None:
    ast.parse((ROOT / name).read_text(), feature_version=(3, 8))


def test_a_python_that_cannot_read_it_shows_what_is_needed() -> None:
    """What is before 3.8 stops at the first thing that it does not know, and shows that line."""
    source = (ROOT / "index.py").read_text()
    with pytest.raises(SyntaxError) as stop:
        ast.parse(source, feature_version=(3, 7))
    assert stop.value.lineno
    assert "needs Python 3.11 or later" in source.splitlines()[stop.value.lineno - 1]


def old_pythons() -> list[str]:
    """Interpreters of this machine that are too old: the system's, and those of pyenv."""
    names = ["bin/python2.7", *(f"bin/python3.{minor}" for minor in range(6, 11))]
    places = [Path("/usr"), *sorted(Path.home().glob(".pyenv/versions/*"))]
    return [str(place / name) for name in names for place in places if (place / name).exists()]


def test_an_old_python_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """By the function alone, since few machines have such an interpreter."""
    version = (3, 9, 18, "final", 0)
    assert old_python.explain(version, ["thumbs", "films"], "Video library") == 1
    message = capsys.readouterr()
    assert message.out == ""
    assert "needs Python 3.11 or later, this is 3.9.18: sh setup.sh" in message.err
    assert message.err.count("\n") == 1
    assert old_python.explain(version, ["thumbs", "--help"], "Video library") == 0
    assert "usage: index.py" in capsys.readouterr().out


@pytest.mark.parametrize("python", old_pythons())
def test_a_real_old_python(python: str) -> None:
    done = subprocess.run([python, ROOT / "index.py", "list"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "needs Python 3.11 or later" in done.stderr
    assert "Traceback" not in done.stderr
    minor = int(python.rpartition(".")[2])
    if minor >= 8:  # those before cannot read the file
        assert done.stderr.count("\n") == 1
        help_text = run_outside(python, ROOT / "index.py", "--help")
        assert help_text.startswith("usage: index.py")


@pytest.mark.parametrize("python", ["/nowhere/python3", *old_pythons()])
def test_setup_makes_nothing_with_an_old_python(python: str, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    environment = {**os.environ, "PYTHON": python, "VENV": str(venv)}
    setup = ["sh", str(ROOT / "setup.sh")]
    done = subprocess.run(setup, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    state = "not there" if python.startswith("/nowhere") else "Python "
    assert f"Python 3.11 or later is needed; {python} is {state}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not venv.exists()


@contextlib.contextmanager
def served_page(program: Path, library: Library) -> Iterator[str]:
    """The address of the page while the installed program serves a folder."""
    words = [str(program), "serve", "--root", str(library.root), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd="/") as server:
        try:
            assert server.stderr
            line = server.stderr.readline()
            assert "serving" in line
            yield line.split(" at ")[1].split()[0]
        finally:
            server.terminate()


@pytest.mark.slow
def test_an_installed_wheel(tmp_path: Path, library: Library) -> None:
    """Beside the packages of this environment, and used from another folder."""
    venv = install_wheel(tmp_path)
    program, (packages,) = venv / "bin" / DISTRIBUTION, venv.glob("lib/python3*/site-packages")
    names = {path.name for path in packages.iterdir()} - {"__pycache__"}
    metadata = f"video_library-{videolib.__version__}.dist-info"
    assert names == {"index.py", "api.py", "videolib", "videoserver", metadata}

    assert (venv / "share/man/man1/video-library.1").is_file()

    (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    assert run_outside(program, "--version") == f"{videolib.__version__}\n"
    assert f"usage: {DISTRIBUTION} " in run_outside(program, "--help")
    library.add("short.mp4")
    made = json.loads(run_outside(program, "meta,thumbs", library.root, "--json"))
    assert [task["counts"]["made"] for task in made["tasks"]] == [1, 1]
    code = "from videolib.core.program import install_command; print(install_command('deepface'))"
    message = run_outside(venv / "bin/python", "-c", code)
    assert message == f"{venv}/bin/pip install '{DISTRIBUTION}[deepface]'\n"
    with served_page(program, library) as address:
        with urllib.request.urlopen(address, timeout=20) as answer:
            page = answer.read().decode()
        for script in re.findall(r'src="/(web/[^"]+\.js)"', page):
            with urllib.request.urlopen(address + script, timeout=20) as answer:
                source = re.sub("^web/@[^/]+/", "web/", script)
                assert answer.read() == (ROOT / source).read_bytes()
        assert page.count("/app.js") == 1
