"""Fixtures of the page's tests: the browser, libraries, servers of these, open pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import support
from playwright.sync_api import Browser, Page, Playwright
from support import Library
from support import browser as web
from support.served import Served, serving

TASKS = "metadata,thumbs,sprites,previews,phash,heatmaps,scenes"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in Firefox come before all others: the first of xdist's processes does all of them, and
    the others need not start it, which takes each five seconds of the processor."""
    items.sort(key=lambda item: not item.name.endswith("firefox]"))


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with web.driving() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with web.running(playwright, "chromium") as browser:
        yield browser


@pytest.fixture(scope="package")
def firefox(playwright: Playwright) -> Iterator[Browser]:
    with web.running(playwright, "firefox") as browser:
        yield browser


@pytest.fixture
def browser_name() -> str:
    """Of the browser that a test runs in; those marked `in_both` run in either."""
    return "chromium"


@pytest.fixture
def browser(browser_name: str, request: pytest.FixtureRequest) -> Browser:
    started: Browser = request.getfixturevalue(browser_name)
    return started


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, clips: Path) -> Library:
    """A library with everything made of it, which no test changes."""

    def make(folder: Library) -> None:
        names = {"numbered.mp4": "", "cuts.mp4": "trips/", "bikes.mp4": "trips/", "mpeg4.avi": ""}
        for name, place in names.items():
            folder.add(name, place + name)
        folder.add("small_bikes.mp4", "trips/a copy of bikes.mp4")
        done = support.run_cli(TASKS, folder.root, "-r", "--ext", "*", "--interval", "1")
        assert done.code == 0, done.err

    library = Library(tmp_path_factory.mktemp("web") / "videos", clips)
    library.add_made("web", make)
    return library


@pytest.fixture(scope="module")
def shared(base: Library) -> Iterator[Served]:
    """A server of that library, for tests that only look."""
    with serving(base.root) as served:
        yield served


@pytest.fixture
def own(base: Library, library: Library) -> Library:
    """A copy of that library to change."""
    shutil.copytree(base.root, library.root, dirs_exist_ok=True)
    return library


@pytest.fixture
def page(browser: Browser, shared: Served) -> Iterator[Page]:
    with web.opened(browser, shared.url) as page:
        yield page


@pytest.fixture
def own_page(browser: Browser, own: Library) -> Iterator[Page]:
    """A page on a library that may be changed."""
    with serving(own.root) as served, web.opened(browser, served.url) as page:
        yield page
