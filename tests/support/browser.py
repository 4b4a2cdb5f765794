"""Real browsers for tests of the page, Debian's Chromium and Firefox; what they must never say."""

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
import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Playwright, expect, sync_playwright

from support.media import Picture

# The headless shell has no windows and takes half as long for what a test does.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser")
CHROMIUM = next(filter(None, map(shutil.which, CHROMIUMS)), None)
FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
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
# Firefox as it is released has no emulation of media features: the page is dark and still in all of
# its contexts. Nothing is asked of the network at its start, and films may play without a click.
PREFERENCES: dict[str, Any] = {
    "layout.css.prefers-color-scheme.content-override": 0,
    "ui.prefersReducedMotion": 1,
    "media.autoplay.default": 0,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "app.normandy.enabled": False,
    "browser.safebrowsing.update.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
}
PATIENCE = 30_000  # ms: what is expected comes sooner, unless the machine has much else to do
in_firefox = pytest.param(
    "firefox", marks=pytest.mark.skipif(not FIREFOX, reason="needs firefox-esr")
)
in_both = pytest.mark.parametrize("browser_name", ["chromium", in_firefox])
# The same, in Firefox where ALL_BROWSERS is set: each test there takes seconds of the processor.
in_both_on_request = pytest.mark.parametrize(
    "browser_name", ["chromium", *([in_firefox] if os.environ.get("ALL_BROWSERS") else [])]
)
WIDE, NARROW = (1440, 900), (390, 844)
# Errors in the console that are no fault of the page: those about answers that are errors, or about
# a server that is gone; and the hash of "body {}", a style that Playwright puts into the page for
# a moment to take a picture in Firefox, where the page's policy holds for that as well.
HARMLESS = (
    "^(threw: )?(Failed to load resource|Firefox can.t establish a connection)"
    "|sha256-YjaKGiklmzC6wjXA513HAMmzus8VE61XCOT[+]SmwNZWA="
)
WATCH = """
// Firefox reports these as errors itself.
if (!navigator.userAgent.includes("Firefox")) addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
// Notes stay: for how long people can read them says nothing of how busy the machine is.
const wait = setTimeout;
setTimeout = (work, after, ...given) =>
  wait(work, work.name === "close" ? 1e6 : after, ...given);
"""


@contextlib.contextmanager
def driving() -> Iterator[Playwright]:
    """What starts browsers, and ends all of them with the block; one at a time in a thread."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        yield playwright


@contextlib.contextmanager
def running(playwright: Playwright, name: str) -> Iterator[Browser]:
    """A browser, for as long as the block runs."""
    browser = start_chromium(playwright) if name == "chromium" else start_firefox(playwright)
    try:
        yield browser
    finally:
        browser.close()


def start_chromium(playwright: Playwright) -> Browser:
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


def start_firefox(playwright: Playwright) -> Browser:
    """Firefox as it is released, by WebDriver BiDi: Playwright's own is a patched one."""
    return playwright.firefox.launch(
        executable_path=FIREFOX, channel="moz-firefox", firefox_user_prefs=PREFERENCES
    )


@contextlib.contextmanager
def browsing(name: str = "chromium") -> Iterator[Browser]:
    """A browser and what starts it, for as long as the block runs."""
    with driving() as playwright, running(playwright, name) as browser:
        yield browser


@contextlib.contextmanager
def opened(
    browser: Browser, url: str, size: tuple[int, int] = WIDE, theme: Any = "dark", **options: Any
) -> Iterator[Page]:
    """A page in a session of its own; fails where it threw, asked, or broke its own policy."""
    said: list[str] = []
    viewport: Any = {"width": size[0], "height": size[1]}
    phone: dict[str, Any] = {"has_touch": True, "is_mobile": True} if size == NARROW else {}
    context = browser.new_context(
        viewport=viewport, color_scheme=theme, reduced_motion="reduce", **phone, **options
    )
    context.add_init_script(WATCH)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.on("pageerror", lambda error: note(said, "error", f"threw: {error}"))
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
    if kind == "error" and not re.search(HARMLESS, text):
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
