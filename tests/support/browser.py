"""A real browser for the tests of the page: Debian's chromium, and what it must never say."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Dialog, Locator, Page, expect, sync_playwright

from support.media import Picture

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]
PATIENCE = 30_000  # ms: what is expected comes sooner, unless the machine has much else to do
WIDE, NARROW = (1440, 900), (390, 844)
WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
// Notes stay: for how long people can read them says nothing of how busy the machine is.
const wait = setTimeout;
setTimeout = (work, after, ...given) =>
  wait(work, work.name === "close" ? 1e6 : after, ...given);
"""


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """The browser, for as long as the block runs."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(
    browser: Browser, url: str, size: tuple[int, int] = WIDE, theme: Any = "dark", **options: Any
) -> Iterator[Page]:
    """A page in a session of its own; fails where it threw, asked, or broke its own policy.

    Answers that are errors are written to the console by the browser itself: they may be.
    """
    said: list[str] = []
    viewport: Any = {"width": size[0], "height": size[1]}
    phone: dict[str, Any] = {"has_touch": True, "is_mobile": True} if size == NARROW else {}
    context = browser.new_context(
        viewport=viewport, color_scheme=theme, reduced_motion="reduce", **phone, **options
    )
    context.add_init_script(WATCH)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: said.append(f"threw: {error}"))
    page.on("dialog", lambda dialog: refuse(said, dialog))
    page.on("console", lambda message: note(said, message.type, message.text))
    try:
        page.goto(url)
        yield page
        assert not said, said
    finally:
        context.close()


def refuse(said: list[str], dialog: Dialog) -> None:
    said.append(f"asked: {dialog.message}")
    dialog.dismiss()


def note(said: list[str], kind: str, text: str) -> None:
    if kind == "error" and not re.match("Failed to load resource", text):
        said.append(text)


def picture_of(element: Locator) -> Picture:
    """What an element looks like, as BGR."""
    decoded = cv2.imdecode(np.frombuffer(element.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return np.asarray(decoded, np.uint8)


def keep(page: Page, name: str, fallback: Path) -> Path:
    """A picture of the page among those to look at: $SCREENSHOTS, else the test's own folder."""
    folder = Path(os.environ.get("SCREENSHOTS", fallback))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    return path
