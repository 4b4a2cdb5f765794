"""How the page looks and weighs: pictures of every view, axe-core, sizes of what it loads."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import support
from playwright.sync_api import Browser, Page, expect
from support import Library
from support import browser as web
from support.page import VIEWS, button, card, follow, visit
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]


def axe() -> str:
    files = importlib.metadata.files("axe-playwright-python") or []
    return next(Path(str(f.locate())) for f in files if f.name == "axe.min.js").read_text()


class TestLooks:
    """Pictures of every view, and what axe-core finds in it."""

    ROUTES = (*VIEWS, "video/trips/cuts.mp4")

    @pytest.mark.parametrize(("size", "theme"), [(web.WIDE, "dark"), (web.NARROW, "light")])
    def test_it_is_accessible(
        self, chromium: Browser, shared: Served, tmp_path: Path, size: tuple[int, int], theme: str
    ) -> None:
        shared.job("thumbs", recursive=True)
        with web.opened(chromium, shared.url, size, theme) as page:
            for route in self.ROUTES:
                visit(page, route)
                expect(page.locator("body")).to_have_attribute("data-view", route.split("/")[0])
                page.wait_for_timeout(400)
                name = f"{route.split('/')[0]}-{size[0]}-{theme}"
                assert web.keep(page, name, tmp_path).stat().st_size > 5000
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= size[0], f"{route} is {wide} pixels wide"
                assert not violations(page), route

    def test_so_is_what_still_waits(self, chromium: Browser, shared: Served) -> None:
        """A slow disk or network: each view is there before what it shows."""
        asked = re.compile(r"//[^/]+/(videos|faces|jobs|tasks|report|phash|tags|search)\b")
        with web.opened(chromium, f"{shared.url}/web/app.css") as page:
            page.route(asked, lambda route: None)  # never answered
            page.goto(shared.url)
            for route in self.ROUTES:
                visit(page, route)
                expect(page.locator("body")).to_have_attribute("data-view", route.split("/")[0])
                assert not violations(page, "serious", "critical"), route

    @pytest.mark.parametrize(("size", "theme"), [(web.WIDE, "light"), (web.NARROW, "dark")])
    def test_so_is_what_opens(
        self, chromium: Browser, shared: Served, size: tuple[int, int], theme: str
    ) -> None:
        with web.opened(chromium, f"{shared.url}/#/jobs", size, theme) as page:
            page.get_by_role("button", name=re.compile("^Scenes")).click()
            page.locator("dialog summary").click()
            assert not violations(page)
            page.keyboard.press("Escape")
            visit(page, "library?q=bikes")
            card(page, "bikes").locator(".pick input").check()
            for name in ("Tag", "Run", "Rename"):
                button(page.locator(".selection"), name).click()
                assert not violations(page), name
                page.keyboard.press("Escape")
            button(page, "Filters").click()
            expect(button(page, "Metadata there")).to_be_visible()
            assert not violations(page)
            button(page, "Saved").click()
            expect(page.get_by_role("textbox", name="Name")).to_be_visible()
            assert not violations(page)
            button(page, "Folders").click()
            expect(page.get_by_role("treeitem", name="All videos")).to_be_visible()
            button(page, "View").click()
            button(page, "List").click()
            expect(page.get_by_role("row", name="bikes")).to_have_count(2)
            assert not violations(page)
            visit(page, "video/numbered.mp4")
            page.wait_for_function("() => document.querySelector('video')?.readyState > 0")
            page.locator("media-playback-rate-menu-button").click()
            expect(page.locator("media-playback-rate-menu")).to_be_visible()
            assert not violations(page)


def violations(page: Page, *impacts: str) -> str:
    """What axe-core finds to shut people out, of these impacts; of all where none is named."""
    page.evaluate(axe())
    found: Any = page.evaluate("axe.run({resultTypes: ['violations']})")
    return "\n".join(
        f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
        for one in found["violations"]
        if not impacts or one["impact"] in impacts
    )


# How many requests began before the last of the pictures of cards had come, these not counted.
REQUESTS_BEFORE_PICTURES = """() => {
    const entries = performance.getEntriesByType("resource");
    const isPicture = ({name}) => new URL(name).pathname.endsWith("/picture");
    const end = Math.max(...entries.filter(isPicture).map(({responseEnd}) => responseEnd));
    const page = 1;
    return page + entries.filter((one) => !isPicture(one) && one.startTime < end).length;
}"""


class TestWeight:
    @pytest.fixture
    def cards(self, library: Library) -> Library:
        """25 films with large pictures."""
        library.add("bikes.mp4", "0.mp4")
        assert support.run_cli("thumbs", library.root).code == 0
        for i in range(1, 25):
            (library.root / f"{i}.mp4").hardlink_to(library.root / "0.mp4")
            shutil.copy2(library.artifact("0.mp4.jpg"), library.artifact(f"{i}.mp4.jpg"))
        return library

    def test_the_first_screen_is_light_and_kept(self, chromium: Browser, cards: Library) -> None:
        shown = (
            "() => [...document.querySelectorAll('.card img')].filter(e => e.naturalWidth).length"
            " === 25"
        )
        with serving(cards.root) as served, web.opened(chromium, "about:blank") as page:
            network = page.context.new_cdp_session(page)
            network.send("Network.enable")
            sizes: list[int] = []
            network.on(
                "Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"])
            )
            comes_last = page.expect_event("requestfinished", lambda r: r.url.endswith("/lasso.js"))
            with page.expect_response("**/events.js"), comes_last:  # after the first screen
                page.goto(served.url)
                page.wait_for_function(shown)
                assert sum(sizes) <= 350_000
            assert page.evaluate(REQUESTS_BEFORE_PICTURES) < 20
            asked, kept = dict[str, str](), set[str]()  # addresses by number, numbers

            def note(event: Any) -> None:
                asked[event["requestId"]] = urlsplit(event["response"]["url"]).path
                if event["response"].get("fromDiskCache"):
                    kept.add(event["requestId"])

            network.on("Network.responseReceived", note)
            network.on("Network.requestServedFromCache", lambda event: kept.add(event["requestId"]))
            page.reload()
            page.wait_for_function(shown)
            again = [path for number, path in asked.items() if number not in kept]
            assert [path for path in again if "/picture" in path or "/web/" in path] == []

    def test_a_job_changes_what_it_touched(self, chromium: Browser, cards: Library) -> None:
        with serving(cards.root) as served, web.opened(chromium, "about:blank") as page:
            with page.expect_response(lambda r: "q=progress" in r.url):  # after the first screen
                follow(page, served.url)
            expect(card(page, "24").locator("img")).to_have_js_property("naturalWidth", 384)
            image = card(page, "3").locator("img")
            before = image.get_attribute("src") or ""
            asked: list[str] = []
            page.on("request", lambda request: asked.append(urlsplit(request.url).path))
            for count in range(1, 4):  # news of the library may come among them, after a start
                asked.clear()
                served.job("report")
                expect(page.get_by_text("report: done")).to_have_count(count)
                page.wait_for_timeout(150)  # a list that is stale is asked for within this
                if not any(path.startswith("/videos") for path in asked):
                    break
            else:
                pytest.fail(f"each report asks for {asked}")
            served.job("thumbs", force=True, params={"only": ["3.mp4"], "time": "2"})
            expect(page.get_by_text("thumbs: done")).to_be_visible()
            expect(image).not_to_have_attribute("src", before)
            expect(image).to_have_js_property("complete", True)
            assert {path for path in asked if "/picture" in path} == {"/videos/3.mp4/picture"}
