"""README.md and docs/: their command lines run as they stand, their flags and links exist."""

from __future__ import annotations

import functools
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from conftest import Cli
from support import ROOT, Library, faces
from support.served import serving

import index
from videolib.core.command_line import Parser, add_general_flags

README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
LINKING = [*PAGES, *(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY"))]
PEOPLE = {"listing", "people"}  # commands that the films with people are there for
# Commands whose lines are read and not carried out: why.
READ_ONLY = {
    **dict.fromkeys(("serve", "watch", "scheduler", "worker"), "goes on until it is stopped"),
    "completion": "takes long: tests/test_completion.py gives the scripts to shells",
}
# By what stands first in a line that no test of this file runs: why, and where else it is tried.
NOT_RUN = {
    "sh": "setup.sh installs packages: .ci/run begins with it",
    ".venv/bin/python": "pytest, which runs this test",
    "pip": "installs packages: tests/test_package.py installs the wheel",
    ".venv/bin/pip": "installs packages: tests/test_package.py installs the wheel",
    "pipx": "installs packages: tests/test_package.py installs the wheel",
    "uv": "installs packages: tests/test_package.py installs the wheel",
    "uvicorn": "stays until it is stopped: tests/api starts it",
    "dask": "stays until it is stopped: tests/test_cluster.py starts it",
}
FLAGS_OF_OTHERS = {"--help", "--version", "--json", "--tests"}
FLAGS_OF_OTHERS |= {"--resources", "--reinstall", "--upgrade"}  # of dask, uv and pip
CERTIFICATES = "openssl "  # in a block of docs/cluster.md; tests/test_cluster.py makes the like


def blocks(page: Path) -> list[str]:
    """The blocks of a page that are for a shell, without those that make certificates."""
    found = re.findall(r"^```sh\n(.*?)^```$", page.read_text(), re.M | re.S)
    return [block for block in found if CERTIFICATES not in block]


def commands(block: str) -> Iterator[list[str]]:
    """The words of each command in a block, without variables that are set before it; of a pipe
    those of its first command."""
    for line in block.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words = [*lexer]
        while words:
            end = next((i for i, word in enumerate(words) if word == "&&"), len(words))
            one = words[:end]
            words = words[end + 1 :]
            one = one[: next((i for i, word in enumerate(one) if word in ("|", ">")), len(one))]
            while one and re.match(r"\w+=", one[0]):
                one = one[1:]
            if one:
                yield one


def ours(words: list[str]) -> list[str] | None:
    """What a command gives to this program; none where it starts another."""
    program = words[1:] if words[0].endswith("python") else words
    return program[1:] if program[:1] in (["index.py"], ["video-library"]) else None


def lines_of(page: Path) -> list[list[str]]:
    """The command lines of this program in a page."""
    return [line for block in blocks(page) for words in commands(block) if (line := ours(words))]


def test_every_line_of_another_program_is_accounted_for() -> None:
    others = {
        words[0]
        for page in PAGES
        for block in blocks(page)
        for words in commands(block)
        if ours(words) is None
    }
    assert others == {*NOT_RUN, "curl"}
    for page in PAGES:
        for kind, block in re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.M | re.S):
            assert kind == "sh" or "index.py " not in block or kind in ("ini", "xml"), block


KINDS = "metadata,thumbs,sprites,phash,heatmaps,scenes,previews,embed,subtitles,verify"


def make_films(cli: Cli, videos: Library) -> None:
    """Fills a folder with films of one frame and nearly all that can be made of them."""
    for name in ("movie.mp4", "old.mp4", "original.mp4", "smaller.mp4"):
        videos.add("one_frame.mp4", name)
    done = cli(KINDS, videos.root)
    assert done.code == 0, done.err
    tags = {"video": "movie.mp4", "tags": ["night", "temp"], "performers": ["Jane Doe"]}
    videos.artifact("movie.mp4.tags.json").write_text(json.dumps(tags))


@pytest.fixture
def home(cli: Cli, tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with films in ~/videos, the folder where the shell is, and shares below the home."""
    videos = Library(tmp_path / "videos", clips)
    videos.add_made("documented", functools.partial(make_films, cli))
    for folder in ("videos/films", "videos/movies", "mnt/nas", "srv/films"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(videos.root)
    return tmp_path


@pytest.fixture
def home_of_people(tmp_path: Path, clips: Path) -> Path:
    """A home where the films in ~/videos have people."""
    place = tmp_path / "people"
    Library(place / "videos", clips).add_made("people", faces.add_folk)
    (place / "portraits/Dan").mkdir(parents=True)
    return place


def furnish(videos: Path, lines: list[list[str]]) -> None:
    """Puts in what else some lines name: copies of a film, and what other programs know of it."""
    named = {word for line in lines for word in line}
    for name in named & {"a.mp4", "b.mp4"}:
        shutil.copy2(videos / "movie.mp4", videos / name)
    if "nfo" in named:
        (videos / "movie.nfo").write_text("<movie><tag>night</tag></movie>")
    if "export.zip" in named:
        with ZipFile(videos / "export.zip", "w") as archive:
            scene = {"title": "a film", "files": ["/data/movie.mp4"], "tags": ["night"]}
            archive.writestr("scenes/a film.json", json.dumps(scene))


def as_typed(word: str, home: Path) -> str:
    """A word as a shell hands it over."""
    if word == "~" or word.startswith("~/"):
        return f"{home}{word[1:]}"
    return f"{home}{word}" if word.startswith(("/mnt/", "/srv/")) else word


@pytest.mark.parametrize("page", [*filter(lines_of, PAGES)], ids=lambda page: page.stem)
def test_lines_run(cli: Cli, home: Path, home_of_people: Path, page: Path) -> None:
    lines = lines_of(page)
    furnish(home / "videos", lines)
    if page.stem == "faces":  # looking at a photograph takes long: once is enough
        faces.portrait_of("dan", home_of_people / "portraits/Dan/one.png")
    for line in lines:
        about_people = line[0] in PEOPLE or page.stem == "faces"
        words = [as_typed(word, home_of_people if about_people else home) for word in line]
        if words[0] in READ_ONLY or "--cluster" in words:
            index.read_line(words)
            continue
        run = cli(*words, *["--dry-run"] * (words[0] == "transcode"))  # encoding takes long
        assert run.code == 0, f"{shlex.join(line)}: {run.err}"


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_requests_are_answered(home: Path, home_of_people: Path) -> None:
    videos = home_of_people / "videos"
    (videos / "trips").mkdir()
    for name in ("copy.mp4", "film.mkv", "trips/rome.mp4"):
        shutil.copy2(home / "videos/movie.mp4", videos / name)
    lines = [words for page in PAGES for block in blocks(page) for words in commands(block)]
    with serving(videos) as served:
        for words in (words for words in lines if words[0] == "curl" and "-N" not in words):
            program = [word.replace("localhost:8000", served.url) for word in words]
            done = subprocess.run(
                [*program, "-sS", "--fail-with-body"], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{shlex.join(words)}: {done.stdout}{done.stderr}"
            answer = json.loads(done.stdout)
            if answer.get("ended_at", "") is None:  # a job
                served.wait(answer["id"])


def spans(page: Path) -> list[str]:
    """What stands between backticks in the text of a page, without its blocks."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    return [span.replace("\\|", "|").replace("\n", " ") for span in re.findall(r"`([^`]+)`", text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_within_sentences_are_understood(page: Path) -> None:
    """`thumbs films/bikes.mp4`, `embed DIR -r --purge`; not `tags --import`, which names a flag."""
    for span in spans(page):
        words = shlex.split(span.removeprefix("python ").removeprefix("index.py "))
        is_name = len(words) == 1 or (len(words) == 2 and words[1].startswith("-"))
        if not is_name and {*words[0].split(",")} <= {*index.COMMANDS}:
            index.read_line(words)


def flags_of_all() -> set[str]:
    """Every flag that any command has."""
    general = Parser()
    add_general_flags(general)
    flags = {flag for action in general._actions for flag in action.option_strings}
    options = [o for command in index.COMMANDS.values() for o in command.options().values()]
    return {*flags, *(o.flag for o in options), *(f"--no-{o.flag[2:]}" for o in options)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_flags_exist(page: Path) -> None:
    known = flags_of_all() | FLAGS_OF_OTHERS
    for span in spans(page):
        if span.startswith("--") or span.split(" ")[0].split(",")[0] in index.COMMANDS:
            assert {*re.findall(r"(?<!\S)--[a-z][\w-]*", span)} <= known, span


def anchors(page: Path) -> set[str]:
    """What links can name in a page: its headings as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_found_from_the_readme() -> None:
    linked = {*re.findall(r"\(docs/([\w-]+\.md)[)#]", README.read_text())}
    assert linked == {page.name for page in PAGES if page != README}


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= 12_000
