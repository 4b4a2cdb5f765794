"""The page where something is missing, late, refused or hostile."""

from __future__ import annotations

import pytest
import support
from playwright.sync_api import Browser, Page, expect
from support import Library
from support import browser as web
from support.page import EVIL, VIEWS, button, card, hold, hover, visit, wait_for
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]

HOSTILE = (
    "<img src=x onerror=alert(document.domain)>.mp4",
    "<script>alert(1)<%2fscript>.mp4",
    "'\"><svg onload=alert(1)>.mp4",
    "snö日本🎬 👩‍👩‍👧.mp4",
    "עברית ‮exe.4pm.mp4",
    "n" * 251 + ".mp4",
    "100% & #1 best? {{7*7}}.mp4",
    "new\nline.mp4",
)


class TestHostile:
    """Names and tags are text and nothing else, wherever they appear."""

    @pytest.fixture
    def hostile(self, library: Library) -> Library:
        for name in HOSTILE:
            library.add("short.mp4", name)
        support.run_cli("thumbs,sprites,phash,metadata", library.root)
        for name in HOSTILE:
            support.run_cli("tags", library.root / name, "--set", f"{EVIL},עברית,🎬")
        return library

    def test_everywhere(self, chromium: Browser, hostile: Library) -> None:
        with (
            serving(hostile.root) as served,
            web.opened(chromium, served.url, web.NARROW) as page,
        ):
            expect(page.locator(".card:not([hidden])")).to_have_count(len(HOSTILE))
            shown = page.locator(".card:not([hidden]) .name").all_text_contents()
            assert sorted(shown) == sorted(name.removesuffix(".mp4") for name in HOSTILE)
            rows = served.get("/videos")["videos"]
            for row in rows:
                visit(page, row["url"].replace("/videos/", "video/", 1))
                title = page.get_by_role("heading", level=1)
                expect(title).to_have_js_property("textContent", row["name"].removesuffix(".mp4"))
                expect(page.locator(".chip a")).to_have_text([EVIL, "עברית", "🎬"])
                assert page.evaluate("document.documentElement.scrollWidth") <= 390
                page.wait_for_function("() => document.querySelector('video')?.readyState > 0")
            visit(page, "duplicates")
            expect(page.locator(".copy").first).to_be_visible()
            visit(page, "library?q=" + "%22%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%22")
            button(page, "Filters").click()
            expect(page.locator(".menu").get_by_text(EVIL)).to_be_visible()
            for view in VIEWS:
                visit(page, view)
                page.wait_for_timeout(100)
            assert not page.locator("img[src='x'], main script").count()


class TestStates:
    """Where there is nothing to show, it says why and what to do."""

    def test_an_empty_library(self, chromium: Browser, library: Library) -> None:
        said = {
            "library": "No videos here yet",
            "people": "No people yet",
            "duplicates": "none has one yet",
            "jobs": "Pick a task to begin",
            "report": "No videos here yet",
            "video/gone.mp4": "There is no such video any more",
        }
        with serving(library.root) as served, web.opened(chromium, served.url) as page:
            for view, text in said.items():
                visit(page, view)
                expect(page.get_by_text(text)).to_be_visible()

    def test_no_artifacts_yet(self, chromium: Browser, library: Library) -> None:
        library.add("short.mp4")
        with serving(library.root) as served, web.opened(chromium, served.url) as page:
            hover(page, card(page, "short").locator(".thumb"), 0.5)
            card(page, "short").locator(".pick input").check()
            expect(card(page, "short").locator("img")).to_be_hidden()
            visit(page, "video/short.mp4")
            button(page, "Make all that is missing").wait_for()
            page.wait_for_function("() => document.querySelector('video')?.readyState > 0")

    @web.in_both_on_request
    def test_the_token(self, browser: Browser, own: Library) -> None:
        secret = "correct horse"
        with (
            serving(own.root, token=secret) as served,
            web.opened(browser, served.url) as page,
        ):
            page.get_by_role("textbox", name="Token").fill("wrong")
            button(page, "Open").click()
            expect(page.get_by_text("That is not the token")).to_be_visible()
            page.get_by_role("textbox", name="Token").fill(secret)
            button(page, "Open").click()
            expect(card(page, "bikes").locator("img")).to_have_js_property("naturalWidth", 384)
            page.evaluate("sessionStorage.clear()")  # as in another tab, where only the cookie is
            visit(page, "video/numbered.mp4")
            field = page.get_by_label("Add tags")
            field.fill("night")
            field.press("Enter")
            page.get_by_role("textbox", name="Token").fill(secret)
            button(page, "Open").click()
            expect(page.locator(".chip a")).to_have_text(["night"])

    def test_the_token_is_asked_for_once(self, chromium: Browser, own: Library) -> None:
        """Not again by what was refused before it was given, and is told so later."""
        with serving(own.root, token="x") as served, web.opened(chromium, "about:blank") as page:
            held = hold(page, "**/config")
            page.goto(served.url)
            page.get_by_role("textbox", name="Token").fill("x")
            late = wait_for(page, held)
            button(page, "Open").click()
            expect(card(page, "bikes")).to_be_visible()
            late.fulfill(status=401, json={"detail": "give the token"})
            wait_for(page, held).continue_()
            expect(page.get_by_role("dialog")).to_have_count(0)

    @web.in_both_on_request
    def test_the_documentation_asks_nobody_else(self, browser: Browser, shared: Served) -> None:
        """A request can be tried on it."""
        asked: list[str] = []
        with web.opened(browser, f"{shared.url}/health") as page:
            page.on("request", lambda request: asked.append(request.url))
            page.goto(f"{shared.url}/docs")
            page.locator("[id$=health_get]").click()
            page.get_by_role("button", name="Try it out").click()
            page.get_by_role("button", name="Execute").click()
            expect(page.locator(".live-responses-table")).to_contain_text('"status": "ok"')
        assert len(asked) > 5
        assert all(url.startswith((shared.url, "data:")) for url in asked), asked

    def test_without_the_token_nothing_is_seen(self, chromium: Browser, own: Library) -> None:
        with serving(own.root, token="x") as served, web.opened(chromium, served.url) as page:
            page.get_by_role("textbox", name="Token").wait_for()
            page.keyboard.press("Escape")
            expect(page.get_by_text("Without its token")).to_be_visible()

    @pytest.mark.parametrize("late", ["**/config", "**/videos?q=progress*"])
    def test_who_gives_no_token_is_not_asked_again(
        self, chromium: Browser, own: Library, late: str
    ) -> None:
        """By an answer that comes after that, or a question; the view says what is missing."""
        with serving(own.root, token="x") as served, web.opened(chromium, "about:blank") as page:
            held = hold(page, late)
            page.goto(served.url)
            page.get_by_role("textbox", name="Token").wait_for()
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
            with page.expect_response(late):
                wait_for(page, held).continue_()
            expect(page.get_by_text("Without its token")).to_be_visible()
            page.wait_for_timeout(500)
            expect(page.get_by_role("dialog")).to_have_count(0)
            assert not held

    @pytest.mark.parametrize("loaded", [True, False])
    def test_a_server_that_is_gone_and_back(self, page: Page, loaded: bool) -> None:
        """Before or after the program of the view is there."""
        card(page, "bikes").wait_for()
        there = "() => performance.getEntries().some(e => e.name.endsWith('/views/report.js'))"
        page.wait_for_function(there)
        if not loaded:
            page.route("**/views/report.js", lambda route: route.abort())
            page.reload()
            card(page, "bikes").wait_for()
        page.context.set_offline(True)
        visit(page, "report")
        expect(page.get_by_text("The server is gone")).to_be_visible()
        expect(page.locator(".offline")).to_be_visible()
        page.unroute_all()
        page.context.set_offline(False)
        expect(page.locator(".coverage")).to_be_visible()
        expect(page.locator(".offline")).to_be_hidden()

    def test_a_failed_job(self, chromium: Browser, library: Library) -> None:
        library.add("short.mp4")
        with serving(library.root) as served:
            served.job("transcode", params={"dest": "inside"})
            with web.opened(chromium, f"{served.url}/#/jobs") as page:
                expect(page.locator(".job .bad")).to_contain_text("name one outside")
