"""The page in a real browser, on a real server of real videos."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import support
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support import Library, faces, media
from support import browser as web
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]

TASKS = "metadata,thumbs,sprites,previews,phash,heatmaps,scenes"
VIEWS = ("library", "people", "duplicates", "jobs", "report")
EVIL = '<img src=x onerror=alert(1)>"&amp;'
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

JOB = {
    "directory": ".",
    "failed": 0,
    "progress_current": 0,
    "current": None,
    "percent": None,
    "created_at": "2026-01-01T00:00:00.000Z",
    "started_at": "2026-01-01T00:00:00.000Z",
    "ended_at": None,
    "error": None,
}


PURE = (Path(__file__).parent / "pure.js").read_text().replace("export ", "")
WRONG_IN_BROWSER = f"""async () => {{
  {PURE}
  const cases = await pureCases((name) => import(`/web/${{name}}.js`));
  return cases.filter(([, value, wanted]) => JSON.stringify(value) !== JSON.stringify(wanted));
}}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with web.browsing() as browser:
        yield browser


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
def page(chromium: Browser, shared: Served) -> Iterator[Page]:
    with web.opened(chromium, shared.url) as page:
        yield page


@pytest.fixture
def own_page(chromium: Browser, own: Library) -> Iterator[Page]:
    """A page on a library that may be changed."""
    with serving(own.root) as served, web.opened(chromium, served.url) as page:
        yield page


def card(page: Page, name: str) -> Locator:
    """The card of a video, by its name without the extension."""
    return page.locator(".card:not([hidden])", has=page.locator(f".name:text-is('{name}')"))


def visit(page: Page, route: str) -> None:
    """Goes there; the page has noticed when this returns."""
    page.evaluate(
        """route => location.hash === route || new Promise(done => {
            addEventListener("hashchange", done, {once: true});
            location.hash = route;
        })""",
        f"#/{route}",
    )


def follow(page: Page, url: str) -> None:
    """Opens the page; from now on it is told of every job."""
    with page.expect_response("**/events"):
        page.goto(url)


def hold(page: Page, pattern: str, method: str = "GET") -> list[Route]:
    """From now on such questions are not answered: they lie in the list that is given."""
    held: list[Route] = []

    def take(route: Route) -> None:
        if route.request.method == method:
            held.append(route)
        else:
            route.fallback()

    page.route(pattern, take)
    return held


def wait_for(page: Page, held: list[Route]) -> Route:
    """The next question that is held."""
    deadline = time.monotonic() + web.PATIENCE / 1000
    while not held and time.monotonic() < deadline:
        page.wait_for_timeout(20)  # lets what the browser asks come in
    return held.pop(0)


def button(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def hover(page: Page, element: Locator, share: float) -> None:
    """Puts the mouse at a share of an element's width."""
    box = element.bounding_box()
    assert box
    page.mouse.move(box["x"] + 1, box["y"] + box["height"] / 2)
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)


class TestLibrary:
    def test_cards_tell_what_there_is(self, page: Page) -> None:
        expect(page.locator(".card:not([hidden])")).to_have_count(5)
        one = card(page, "bikes")
        expect(one.locator(".time")).to_have_text("0:10")
        expect(one.locator(".facts")).to_contain_text("272")
        expect(one.locator("img")).to_have_js_property("naturalWidth", 384)
        one.get_by_text("trips").click()
        expect(page).to_have_url(re.compile("q=path%3Atrips%2F"))
        expect(page.locator(".card:not([hidden])")).to_have_count(3)

    @pytest.mark.parametrize("share", [0.05, 0.48, 0.97])
    def test_scrubbing_shows_the_tile_of_that_time(
        self, page: Page, base: Library, share: float
    ) -> None:
        """The numbered film tells which of its 25 frames a second is seen."""
        thumb = card(page, "numbered").locator(".thumb")
        hover(page, thumb, share)
        sprite = thumb.locator(".sprite")
        expect(sprite).to_be_visible()
        frames = base.json("numbered.mp4.sprites.json")["frames"]
        wanted = [frame["time"] for frame in frames if frame["time"] <= share * 10][-1]
        expect(sprite).to_have_attribute("data-time", f"{wanted:g}")
        page.evaluate(
            "names => document.querySelectorAll(names).forEach(e => { e.style.display = 'none' })",
            ".time, .badge, .line, .pick",  # what lies above the picture
        )
        assert media.number_of(web.picture_of(thumb)) == round(wanted * 25)
        page.mouse.move(0, 0)
        expect(sprite).to_be_hidden()

    def test_a_finger_scrubs_or_holds_and_does_not_open(
        self, chromium: Browser, shared: Served
    ) -> None:
        with web.opened(chromium, shared.url, web.NARROW) as page:
            thumb = card(page, "numbered").locator(".thumb")
            box = thumb.bounding_box()
            assert box
            touch = page.context.new_cdp_session(page)
            x, y = box["x"] + 20, box["y"] + 50
            for kind, dx in [("Start", 0), ("Move", 20), ("Move", 90), ("Move", 110)]:
                points = [{"x": x + dx, "y": y}]
                touch.send(
                    "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
                )
            expect(thumb.locator(".sprite")).to_be_visible()
            lifted = {"type": "touchEnd", "touchPoints": []}
            touch.send("Input.dispatchTouchEvent", lifted)
            expect(thumb.locator(".sprite")).to_be_hidden()
            points = [{"x": x, "y": y}]
            touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
            expect(thumb.locator("video")).to_have_js_property("videoWidth", 320)
            touch.send("Input.dispatchTouchEvent", lifted)
            expect(thumb.locator("video")).to_have_count(0)
            page.wait_for_timeout(300)
            expect(card(page, "numbered")).to_be_visible()
            assert "video/" not in page.url

    def test_a_finger_that_was_held_still_scrubs(self, chromium: Browser, shared: Served) -> None:
        """As one does that moved in time on a machine that had much else to do."""
        with web.opened(chromium, shared.url, web.NARROW) as page:
            thumb = card(page, "numbered").locator(".thumb")
            box = thumb.bounding_box()
            assert box
            touch = page.context.new_cdp_session(page)
            for kind, dx in [("Start", 0), ("Move", 20), ("Move", 90)]:
                points = [{"x": box["x"] + 20 + dx, "y": box["y"] + 50}]
                touch.send(
                    "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points}
                )
                expect(thumb.locator("video")).to_have_count(int(dx < 32))
            expect(thumb.locator(".sprite")).to_be_visible()

    def test_holding_plays_the_preview(self, page: Page) -> None:
        thumb = card(page, "numbered").locator(".thumb")
        hover(page, thumb, 0.5)
        with page.expect_request("**/numbered.mp4/files/previews/seg_01.webm?*"):
            page.mouse.down()
        film = thumb.locator("video")
        expect(film).to_have_js_property("videoWidth", 320)
        page.wait_for_function("() => document.querySelector('.thumb video').currentTime > 0.1")
        page.mouse.up()
        expect(film).to_have_count(0)
        assert "video/" not in page.url

    def test_search_completes_and_the_address_holds_it(self, page: Page) -> None:
        box = page.get_by_role("combobox", name="Search")
        box.press_sequentially("missing:subt")
        expect(page.get_by_role("option")).to_have_text(["missing:subtitles"])
        box.press("ArrowDown")
        box.press("Enter")
        expect(page).to_have_url(re.compile("q=missing%3Asubtitles"))
        box.fill("bikes -copy")
        box.press("Enter")
        expect(page.locator(".card:not([hidden])")).to_have_count(1)
        page.reload()
        expect(page.locator(".card:not([hidden])")).to_have_count(1)
        page.go_back()
        expect(box).to_have_value("missing:subtitles")
        button(page, "Remove missing:subtitles").click()
        expect(page.locator(".card:not([hidden])")).to_have_count(5)

    @pytest.fixture
    def spoken(self, own: Library) -> None:
        """Subtitles that were there before the page."""
        text = f"🎬 the moon {EVIL}".replace("&", "&amp;").replace("<", "&lt;")
        own.artifact("numbered.mp4.vtt").write_text(f"WEBVTT\n\n00:02.000 --> 00:04.000\n{text}\n")

    @pytest.mark.usefixtures("spoken")
    def test_what_is_said_is_found_as_well(self, own_page: Page) -> None:
        visit(own_page, "library?q=moon")
        expect(own_page.get_by_text("Said in 1 video")).to_be_visible()
        expect(own_page.get_by_text("Nothing is like that")).to_be_hidden()
        expect(own_page.locator(".subtitle-hits mark")).to_have_text("moon")
        own_page.locator(".subtitle-hits a").click()
        expect(own_page.get_by_role("slider", name="Time")).to_have_attribute(
            "aria-valuetext", "0:02 of 0:10"
        )

    def test_an_address_that_comes_late_takes_no_words_away(self, page: Page) -> None:
        """Who searches and writes on keeps that; who goes elsewhere sees what is there."""
        box = page.get_by_role("combobox", name="Search")
        box.fill("bikes")
        page.evaluate("""() => {
            const box = document.querySelector("input[name=q]");
            box.form.requestSubmit();
            box.value = "cuts";
            box.dispatchEvent(new Event("input"));
        }""")
        expect(box).to_have_value("cuts")
        expect(page).to_have_url(re.compile("q=cuts"))
        page.go_back()
        expect(box).to_have_value("bikes")

    def test_what_is_missing_waits_for_the_kinds(self, chromium: Browser, shared: Served) -> None:
        with web.opened(chromium, "about:blank") as page:
            held = hold(page, "**/config")
            page.goto(shared.url)
            button(page, "Missing").click()
            expect(page.get_by_text("Reading")).to_be_visible()
            wait_for(page, held).continue_()
            expect(page.get_by_role("button", name="Preview clips")).to_be_visible()

    def test_what_is_typed_is_found_at_once(self, page: Page) -> None:
        box = page.get_by_role("combobox", name="Search")
        box.press_sequentially("bikes")
        expect(page.locator(".card:not([hidden])")).to_have_count(2)
        card(page, "bikes").locator(".open").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("bikes")
        page.go_back()
        expect(card(page, "bikes").locator(".open")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("bikes")
        page.get_by_role("link", name="Library", exact=True).click()
        expect(page.locator(".card:not([hidden])")).to_have_count(2)
        page.keyboard.press("Control+a")
        expect(page.get_by_text("2 selected")).to_be_visible()
        page.keyboard.press("Escape")
        button(page, "Clear the search").click()
        expect(page.locator(".card:not([hidden])")).to_have_count(5)
        expect(box).to_be_focused()

    def test_nothing_is_cut_off_on_a_phone_or_at_200_percent(self, page: Page) -> None:
        card(page, "bikes").wait_for()
        page.set_viewport_size({"width": 390, "height": 844})
        for part in (".search input", ".sorted"):
            box = page.locator(part).bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390, part
        page.set_viewport_size({"width": 720, "height": 450})
        page.wait_for_function(  # two rows of cards and more, whatever the number of columns
            """() => {
                const {top, height} = document.querySelector(".grid .card").getBoundingClientRect();
                return innerHeight - 38 - top >= 2 * height;
            }"""
        )

    def test_pure_parts(self, page: Page) -> None:
        """Functions without the page, by what they give."""
        assert page.evaluate(WRONG_IN_BROWSER) == []

    def test_a_wrong_query_says_what_is_wrong(self, page: Page) -> None:
        box = page.get_by_role("combobox", name="Search")
        box.fill("durtion:>5")
        box.press("Enter")
        expect(page.get_by_role("alert").filter(has_text="did you mean duration:?")).to_be_visible()

    def test_filters_and_order(self, page: Page) -> None:
        button(page, "Missing").click()
        page.get_by_role("button", name="Preview clips").click()
        expect(page.get_by_text("Nothing is like that")).to_be_visible()
        button(page, "Show all").click()
        button(page, "Name").click()
        button(page, "Largest").click()
        expect(page).to_have_url(re.compile("sort=size&order=desc"))
        first = page.locator(".card[aria-posinset='1']:not([hidden]) .name")
        expect(first).to_have_text("bikes")

    def test_the_keyboard_is_enough(self, page: Page, base: Library) -> None:
        card(page, "numbered").wait_for()
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.keyboard.press("/")
        expect(page.get_by_role("combobox", name="Search")).to_be_focused()
        page.locator(".card:not([hidden]) .open").first.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Space")
        expect(page.get_by_text("1 selected")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.get_by_text("1 selected")).to_be_hidden()
        page.keyboard.press("Home")
        page.keyboard.press(".")
        page.keyboard.press(".")
        focused = page.locator(".card:focus-within")
        expect(focused.locator(".sprite")).to_be_visible()
        page.keyboard.down("p")
        expect(focused.locator("video")).to_have_count(1)
        page.keyboard.up("p")
        expect(focused.locator("video")).to_have_count(0)
        name = focused.locator(".name").inner_text()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        page.go_back()
        expect(card(page, name)).to_be_visible()

    def test_back_leads_to_where_one_was(self, chromium: Browser, library: Library) -> None:
        library.add("one_frame.mp4", "0.mp4")
        for i in range(1, 400):
            (library.root / f"{i}.mp4").hardlink_to(library.root / "0.mp4")
        with serving(library.root) as served, web.opened(chromium, served.url) as page:
            expect(page.locator(".search .total")).to_have_text("400")
            page.evaluate("scrollTo(0, 9000)")
            first = (
                "[...document.querySelectorAll('.card:not([hidden])')].map(e => +e.dataset.index)"
            )
            page.wait_for_function(f"() => Math.min(...{first}) >= 150")
            page.set_viewport_size({"width": 800, "height": 900})
            page.wait_for_function(f"() => scrollY > 12000 && Math.min(...{first}) >= 150")
            page.set_viewport_size({"width": 1440, "height": 900})
            page.wait_for_function("() => scrollY < 10000")
            page.evaluate("scrollTo(0, 9000)")
            page.wait_for_function("() => history.state?.y === 9000")
            assert page.locator(".card").count() < 80
            page.locator(".card:not([hidden], .blank) .open").nth(20).dispatch_event("click")
            page.locator(".player").wait_for()
            page.go_back()
            page.wait_for_function("() => scrollY === 9000")

    def test_a_hundred_thousand_are_no_more_than_a_screen(self, page: Page, shared: Served) -> None:
        """The server's part is made up: rows by number."""

        def rows(route: Route) -> None:
            asked = parse_qs(urlsplit(route.request.url).query)
            if "q" in asked:  # films that were begun: none
                route.fulfill(json={"total": 0, "offset": 0, "limit": 12, "videos": []})
                return
            first, count = int(asked["offset"][0]), int(asked["limit"][0])
            names = [f"{i}.mp4" for i in range(first, min(100_000, first + count))]
            made = [
                {"path": n, "name": n, "url": f"/videos/{n}", "size": 1, "mtime": 1} for n in names
            ]
            route.fulfill(json={"total": 100_000, "offset": first, "limit": count, "videos": made})

        page.route("**/videos?*", rows)
        page.reload()
        expect(card(page, "0")).to_be_visible()
        page.locator(".card:not([hidden]) .open").first.focus()
        page.keyboard.press("End")
        expect(card(page, "99999").locator(".open")).to_be_focused()
        expect(card(page, "99998")).to_be_visible()
        assert page.locator(".card").count() < 90
        page.keyboard.press("Home")
        expect(card(page, "0").locator(".open")).to_be_focused()

    def test_several_folders_are_looked_at_one_by_one(
        self, chromium: Browser, base: Library, library: Library
    ) -> None:
        library.add("numbered.mp4", "other.mp4")
        with serving(base.root, library.root) as served, web.opened(chromium, served.url) as page:
            card(page, "bikes").wait_for()
            page.get_by_label("Folder").select_option(str(library.root))
            expect(page.locator(".card:not([hidden])")).to_have_count(1)
            card(page, "other").locator(".open").click()
            page.wait_for_function("() => document.querySelector('video')?.readyState > 0")
            page.reload()
            expect(page.get_by_role("heading", level=1)).to_have_text("other")
            page.go_back()
            page.go_back()
            expect(card(page, "bikes")).to_be_visible()

    @pytest.mark.parametrize("view", ["library", "report"])
    def test_an_older_answer_that_comes_late_is_not_the_last(
        self, chromium: Browser, library: Library, view: str
    ) -> None:
        """What is shown in the end is as the library is after all of two jobs."""
        asked = {"library": "**/videos?*", "report": "**/report?*"}[view]
        library.add("one_frame.mp4", "a.mp4")
        with serving(library.root) as served, web.opened(chromium, "about:blank") as page:
            total = page.locator({"library": ".search .total", "report": ".summary .dim"}[view])
            follow(page, f"{served.url}/#/{view}")
            expect(total).to_contain_text("1")
            held = hold(page, asked)
            served.job("orphans")
            late = wait_for(page, held)
            answer = late.fetch()
            page.route(asked, lambda route: route.continue_())
            library.add("one_frame.mp4", "b.mp4")
            served.job("metadata")
            expect(page.get_by_text("metadata: done")).to_be_visible()
            page.wait_for_timeout(300)
            late.fulfill(response=answer)
            expect(total).to_contain_text("2")
            page.wait_for_timeout(300)
            expect(total).to_contain_text("2")


class TestSelection:
    def test_tags_are_given_to_all_selected(self, own_page: Page, own: Library) -> None:
        for name in ("bikes", "cuts"):
            card(own_page, name).locator(".pick input").check()
        button(own_page, "Tag").click()
        own_page.get_by_label("Add tags").fill("street, two words")
        button(own_page, "Save").click()
        expect(own_page.get_by_text("2 videos tagged")).to_be_visible()
        for name in ("bikes.mp4", "cuts.mp4"):
            assert own.json(f"{name}.tags.json", "trips")["tags"] == ["street", "two words"]
        expect(card(own_page, "cuts").locator(".tags a")).to_have_text(["street", "two words"])
        card(own_page, "cuts").get_by_text("two words").click()
        expect(own_page.locator(".card:not([hidden])")).to_have_count(2)

    def test_names_are_shown_before_they_change(self, own_page: Page, own: Library) -> None:
        for name in ("bikes", "a copy of bikes"):
            card(own_page, name).locator(".pick input").check()
        button(own_page, "Rename").click()
        own_page.get_by_label("Find in the name").fill("bikes")
        own_page.get_by_label("Replace with").fill("cycles $1")
        expect(own_page.locator(".renames ins")).to_have_text(
            ["trips/cycles $1.mp4", "trips/a copy of cycles $1.mp4"]
        )
        button(own_page.locator("dialog"), "Rename").click()
        expect(own_page.get_by_text("2 videos renamed")).to_be_visible()
        assert (own.root / "trips/cycles $1.mp4").exists()
        assert "cycles $1.mp4.sprites.json" in own.artifacts("trips")
        expect(card(own_page, "cycles $1")).to_be_visible()
        button(own_page.locator(".toast"), "Undo").click()
        expect(own_page.get_by_text("Taken back")).to_be_visible()
        expect(card(own_page, "a copy of bikes")).to_be_visible()
        assert "bikes.mp4.sprites.json" in own.artifacts("trips")

    def test_a_name_that_is_taken_is_refused_beforehand(self, page: Page) -> None:
        card(page, "bikes").locator(".pick input").check()
        button(page, "Rename").click()
        page.get_by_label("Find in the name").fill("bikes")
        page.get_by_label("Replace with").fill("cuts")
        expect(page.get_by_text("1 name cannot be had.")).to_be_visible()
        expect(button(page.locator("dialog"), "Rename")).to_be_disabled()

    def test_tasks_run_on_the_selected_alone(self, own_page: Page, own: Library) -> None:
        for path in (own.root / "trips/.artifacts").glob("*.phash.json"):
            path.unlink()
        own_page.reload()
        card(own_page, "cuts").locator(".pick input").check()
        button(own_page, "Run").click()
        button(own_page.locator("dialog"), "Run").click()
        expect(own_page.get_by_text("batch: done")).to_be_visible()
        assert [n for n in own.artifacts("trips") if "phash" in n] == ["cuts.mp4.phash.json"]


class TestVideo:
    def test_a_click_on_a_scene_jumps_there(self, page: Page, base: Library) -> None:
        visit(page, "video/trips/cuts.mp4")
        markers = [m["time"] for m in base.json("cuts.mp4.scenes.json", "trips")["markers"]]
        marks = page.locator(".marks span")
        expect(marks).to_have_count(len(markers))
        page.wait_for_function("() => document.querySelector('video')?.readyState > 0")
        mark = marks.nth(1).bounding_box()
        assert mark
        page.mouse.click(mark["x"], mark["y"] + 20)
        film = page.locator(".player video")
        expect(film).to_have_js_property("currentTime", markers[1])
        film.evaluate("film => { film.play = async () => {} }")  # it stays where it jumps to
        page.get_by_role("button", name=re.compile("^Scene at")).nth(1).click()
        expect(film).to_have_js_property("currentTime", markers[0])

    def test_the_timeline_shows_the_tile_of_a_moment(self, page: Page) -> None:
        visit(page, "video/numbered.mp4")
        expect(page.locator(".heat path")).to_have_count(1)
        hover(page, page.locator(".track"), 0.55)
        expect(page.locator(".tip")).to_contain_text("0:05")
        tile = page.locator(".tip .sprite")
        expect(tile).to_have_attribute("data-time", "5")
        assert media.number_of(web.picture_of(tile)) == 125

    def test_the_time_line_is_a_slider(self, page: Page) -> None:
        visit(page, "video/numbered.mp4?t=2")
        slider = page.get_by_role("slider", name="Time")
        expect(slider).to_have_attribute("aria-valuetext", "0:02 of 0:10")
        slider.focus()
        page.keyboard.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", "0:07 of 0:10")

    def test_tags_edited_in_place_are_in_the_sidecar(self, own_page: Page, own: Library) -> None:
        visit(own_page, "video/numbered.mp4")
        field = own_page.get_by_label("Add tags")
        for text in ("night", EVIL):
            field.fill(text)
            field.press("Enter")
            expect(field).to_have_value("")
        expect(own_page.locator(".chip a")).to_have_text(["night", EVIL])
        assert own.json("numbered.mp4.tags.json")["tags"] == ["night", EVIL]
        button(own_page, "Remove night").click()
        expect(own_page.locator(".chip a")).to_have_text([EVIL])
        button(own_page.locator(".toast").last, "Undo").click()
        expect(own_page.locator(".chip a")).to_have_text([EVIL, "night"])
        field.focus()
        for _ in range(5):  # held: all but the first of these are repeats
            own_page.keyboard.down("Backspace")
        expect(own_page.locator(".chip.marked")).to_have_text("night")
        own_page.keyboard.up("Backspace")
        assert own.json("numbered.mp4.tags.json")["tags"] == [EVIL, "night"]
        own_page.keyboard.press("Backspace")
        expect(own_page.locator(".chip a")).to_have_text([EVIL])
        assert own.json("numbered.mp4.tags.json")["tags"] == [EVIL]
        visit(own_page, "video/trips/cuts.mp4")
        field.press_sequentially("<im")
        own_page.get_by_role("option", name=EVIL).click()
        expect(own_page.locator(".chip a")).to_have_text([EVIL])

    def test_a_rating_and_a_note_are_in_the_sidecar(self, own_page: Page, own: Library) -> None:
        visit(own_page, "video/numbered.mp4")
        button(own_page, "Rate 4 of 5").click()
        expect(own_page.get_by_text("4 of 5", exact=True)).to_be_visible()
        own_page.get_by_label("Note").fill(EVIL)
        own_page.get_by_label("Note").blur()
        expect(own_page.get_by_text("Note saved")).to_be_visible()
        record = own.json("numbered.mp4.tags.json")
        assert (record["rating"], record["note"]) == (4, EVIL)
        button(own_page.locator(".toast", has_text="Note saved"), "Undo").click()
        expect(own_page.get_by_label("Note")).to_have_value("")
        assert "note" not in own.json("numbered.mp4.tags.json")
        button(own_page, "Rate 2 of 5").click()
        button(own_page.locator(".toast", has_text="Rated 2 of 5"), "Undo").click()
        expect(own_page.get_by_text("4 of 5", exact=True)).to_be_visible()
        button(own_page, "Take the rating away").click()
        expect(own_page.get_by_text("Not rated")).to_be_visible()
        assert "numbered.mp4.tags.json" not in own.artifacts()

    def test_news_take_away_nothing_that_is_being_written(
        self, chromium: Browser, shared: Served
    ) -> None:
        with web.opened(chromium, "about:blank") as page:
            follow(page, f"{shared.url}/#/video/numbered.mp4")
            field = page.get_by_label("Add tags")
            field.wait_for()
            held = hold(page, "**/videos/numbered.mp4/tags")
            shared.job("orphans")
            late = wait_for(page, held)
            field.fill("half a w")
            with page.expect_response("**/videos/numbered.mp4/tags"):
                late.continue_()
            page.wait_for_timeout(100)
            expect(field).to_have_value("half a w")

    def test_a_name_with_a_comma(self, own_page: Page, own: Library) -> None:
        """It is written in quotes; one that is suggested is taken as it is."""
        visit(own_page, "video/numbered.mp4")
        field = own_page.get_by_label("Add performers")
        field.fill('"Doe, Jane", Roe')
        field.press("Enter")
        expect(field).to_have_value("")
        assert own.json("numbered.mp4.tags.json")["performers"] == ["Doe, Jane", "Roe"]
        visit(own_page, "video/trips/cuts.mp4")
        field.press_sequentially("doe")
        own_page.get_by_role("option", name="Doe, Jane").click()
        expect(own_page.locator(".chip a")).to_have_text(["Doe, Jane"])

    def test_another_name_is_another_address(self, own_page: Page, own: Library) -> None:
        visit(own_page, "video/trips/cuts.mp4")
        button(own_page, "Rename").click()
        field = own_page.get_by_label("Path in the library")
        field.fill("trips/bikes.mp4")
        button(own_page.locator("dialog"), "Rename").click()
        expect(own_page.get_by_role("alert").filter(has_text="bikes.mp4")).to_be_visible()
        field.fill("100% other?.mp4")
        button(own_page.locator("dialog"), "Rename").click()
        expect(own_page.get_by_role("heading", level=1)).to_have_text("100% other?")
        expect(own_page).to_have_url(re.compile("#/video/100%25%20other%3F.mp4$"))
        assert "100% other?.mp4.sprites.json" in own.artifacts()
        button(own_page.locator(".toast"), "Undo").click()
        expect(own_page.get_by_role("heading", level=1)).to_have_text("cuts")
        expect(own_page).to_have_url(re.compile("#/video/trips/cuts.mp4$"))
        assert "cuts.mp4.sprites.json" in own.artifacts("trips")

    def test_what_is_missing_can_be_made(self, own_page: Page, own: Library) -> None:
        own.artifact("numbered.mp4.heatmaps.json").unlink()
        visit(own_page, "video/numbered.mp4")
        row = own_page.locator(".artifacts li", has_text="Heatmap")
        expect(row).to_have_attribute("data-state", "missing")
        button(row, "Make").click()
        expect(row).to_have_attribute("data-state", "fresh")
        assert own.artifact("numbered.mp4.heatmaps.json").exists()
        expect(own_page.locator(".heat path")).to_have_count(1)

    def test_rot_is_shown_on_the_card_and_on_its_page(self, own_page: Page, own: Library) -> None:
        video = own.root / "numbered.mp4"
        times, content = video.stat(), bytearray(video.read_bytes())
        assert support.run_cli("verify", own.root).code == 0
        content[len(content) // 2] ^= 1
        video.write_bytes(content)
        os.utime(video, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert support.run_cli("verify", own.root).code == 1
        own_page.reload()
        expect(card(own_page, "numbered").get_by_text("Rotten")).to_be_visible()
        visit(own_page, "video/numbered.mp4")
        expect(own_page.locator(".faults")).to_contain_text("rotten at 0:0")
        row = own_page.locator(".artifacts li", has_text="Verify")
        expect(row).to_have_attribute("data-state", "faulty")

    def test_what_does_not_play_says_why_and_can_be_copied(
        self, chromium: Browser, own: Library, tmp_path: Path
    ) -> None:
        copies = tmp_path / "copies"
        copies.mkdir()
        words = "mpeg4.avi: cannot be encoded: Unknown encoder 'libx264'"
        with serving(own.root, copies) as served, web.opened(chromium, served.url) as page:
            page.route("**/hls/init.mp4?*", lambda r: r.fulfill(status=409, json={"detail": words}))
            visit(page, "video/mpeg4.avi")
            expect(page.get_by_text(words)).to_be_visible()
            button(page, "Make a copy that plays").click()
            expect(page.get_by_label("Folder for the copy")).to_have_value(str(copies))
            button(page, "Transcode").click()
            expect(page.get_by_text("transcode: done")).to_be_visible()
            assert (copies / "mpeg4.mp4").exists()
            heading = page.get_by_role("heading", level=1)
            page.get_by_role("link", name="mpeg4.mp4").click()
            expect(heading).to_have_text("mpeg4")
            expect(page).to_have_url(re.compile(r"#/video/mpeg4\.mp4\?in="))
            page.get_by_role("link", name="mpeg4.avi").click()
            expect(page).to_have_url(re.compile(r"#/video/mpeg4\.avi$"))

    def test_subtitles_are_shown_and_lead_to_their_time(self, own_page: Page, own: Library) -> None:
        evil = EVIL.replace("&", "&amp;").replace("<", "&lt;")
        own.artifact("numbered.mp4.vtt").write_text(
            f"WEBVTT\n\n00:01.000 --> 00:02.000\nfirst\n\n00:06.500 --> 00:08.000\n{evil}\n"
        )
        visit(own_page, "video/numbered.mp4")
        expect(own_page.locator("track")).to_have_attribute("srclang", "en")
        lines = own_page.locator(".transcript a")
        expect(lines.nth(1)).to_have_attribute("href", re.compile(r"numbered\.mp4\?t=6\.5$"))
        find = own_page.get_by_label("Find in what is said")
        find.fill("FÍRST")
        expect(lines).to_have_count(1)
        expect(lines.locator("mark")).to_have_text("first")
        find.press("Enter")
        film = own_page.locator("video")
        expect(own_page.locator(".transcript [aria-current] mark")).to_have_text("first")
        film.evaluate("film => film.pause()")
        find.fill("")
        lines.nth(1).click()
        expect(own_page.locator(".transcript [aria-current] a")).to_contain_text(EVIL)
        own_page.get_by_role("button", name="Link to this moment").click()
        expect(own_page.get_by_text(re.compile("^Link to 0:0[67]"))).to_be_visible()

    def test_forced_subtitles_are_not_the_default(self, own_page: Page, own: Library) -> None:
        for labels in ("en.forced", "pt-BR"):
            text = "WEBVTT\n\n00:01.000 --> 00:02.000\nwords\n"
            own.artifact(f"numbered.mp4.{labels}.vtt").write_text(text)
        visit(own_page, "video/numbered.mp4")
        default = own_page.locator("track[default]")
        expect(default).to_have_attribute("label", "pt-BR")
        expect(default).to_have_attribute("srclang", "pt-BR")
        expect(own_page.locator("track[srclang=en]")).to_have_attribute("label", "en, forced")


class TestWatching:
    def test_a_film_goes_on_where_it_was_left(self, own_page: Page, own: Library) -> None:
        row = own_page.get_by_role("list", name="Films that were begun")
        expect(row).to_be_hidden()
        visit(own_page, "video/trips/bikes.mp4")
        film = own_page.locator("video")
        expect(film).to_have_js_property("readyState", 4)  # all that playing needs is there
        film.evaluate("film => film.play()")
        film.evaluate("film => { film.currentTime = 4; film.pause(); }")
        record = own.root / "trips/.artifacts/bikes.mp4.playback.json"
        assert support.wait_until(record.exists)
        visit(own_page, "library")
        begun = row.locator(".card", has_text="bikes")
        expect(begun).to_be_visible()
        share = begun.locator("progress").evaluate("bar => bar.value")
        expect(card(own_page, "bikes").last.locator("progress")).to_be_visible()
        assert share == pytest.approx(4 / media.seconds_of(own.root / "trips/bikes.mp4"), abs=0.05)
        begun.locator("a.open").click()
        expect(own_page.locator(".toast")).to_contain_text("It goes on at 0:04")
        assert support.wait_until(
            lambda: abs(own_page.locator("video").evaluate("film => film.currentTime") - 4) < 0.5
        )
        button(own_page, "From the beginning").click()
        watched = own_page.get_by_label("Watched", exact=True)
        watched.check()
        expect(own_page.locator(".toast", has_text="Marked as watched")).to_be_visible()
        assert json.loads(record.read_text())["watched_at"]
        button(own_page, "Undo").click()
        expect(watched).not_to_be_checked()
        watched.check()
        own_page.locator("video").evaluate("film => film.pause()")
        visit(own_page, "library?q=watched%3A")
        expect(row).to_be_hidden()
        expect(card(own_page, "bikes").last.locator(".watched")).to_be_visible()

    def test_keys_work_wherever_the_focus_is(self, page: Page) -> None:
        visit(page, "video/numbered.mp4?t=2")
        slider = page.get_by_role("slider", name="Time")
        at = "aria-valuetext"
        expect(slider).to_have_attribute(at, "0:02 of 0:10")
        film = page.locator(".player video")
        expect(film).to_have_js_property("readyState", 4)
        film.focus()
        for key, place in {
            "ArrowRight": 7,
            "j": 0,
            "6": 6,
            "ArrowLeft": 1,
            "l": 10,
            "0": 0,
        }.items():
            page.keyboard.press(key)
            expect(slider).to_have_attribute(at, f"0:{place:02} of 0:10")
        page.locator("body").evaluate("() => document.activeElement.blur()")
        page.keyboard.press(".")
        page.keyboard.press(".")
        assert film.evaluate("film => Math.floor(film.currentTime * 25)") == 2
        page.keyboard.press(",")
        assert film.evaluate("film => Math.floor(film.currentTime * 25)") == 1
        for key, name, value in [
            ("m", "muted", True),
            (">", "playbackRate", 1.25),
            ("k", "paused", False),
            ("Space", "paused", True),
        ]:
            page.keyboard.press(key)
            expect(film).to_have_js_property(name, value)
        page.keyboard.press("t")
        wide = page.locator(".player").bounding_box()
        assert wide and wide["width"] > web.WIDE[0] - 40
        page.keyboard.press("t")
        page.keyboard.press("f")
        expect(page.locator("media-controller[mediaisfullscreen]")).to_be_visible()
        page.keyboard.press("f")
        expect(page.locator("media-controller[mediaisfullscreen]")).to_have_count(0)
        page.get_by_label("Note").press_sequentially("k7m")
        expect(page.get_by_label("Note")).to_have_value("k7m")
        expect(film).to_have_js_property("paused", True)
        page.get_by_label("Note").fill("")

    def test_one_film_follows_another_as_the_library_has_them(self, page: Page) -> None:
        """In the query and order last looked at, also after a reload; by itself where wanted."""
        visit(page, "library?q=path%3Atrips%2F&sort=size&order=desc")
        card(page, "bikes").locator(".open").click()
        next_one = button(page, "Next video")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("bikes")
        expect(button(page, "Previous video")).to_be_disabled()
        page.reload()
        next_one.click()
        expect(heading).to_have_text("a copy of bikes")
        page.keyboard.press("Shift+P")
        expect(heading).to_have_text("bikes")
        page.get_by_label("Play the next by itself").check()
        film = page.locator("video")
        expect(film).to_have_js_property("readyState", 4)
        film.evaluate("film => { film.currentTime = film.duration - 0.05; film.play(); }")
        expect(page.get_by_text("a copy of bikes plays in")).to_be_visible()
        button(page, "Stay").click()
        expect(page.get_by_text("a copy of bikes plays in")).to_be_hidden()
        film.evaluate("film => { film.currentTime = film.duration - 0.05; film.play(); }")
        button(page, "Play now").click()
        expect(heading).to_have_text("a copy of bikes")
        page.keyboard.press("Escape")
        expect(page).to_have_url(re.compile("sort=size"))

    def test_own_markers_are_set_named_and_taken_back(self, own_page: Page, own: Library) -> None:
        def stored() -> list[Any]:
            names = own.artifacts()
            record = "numbered.mp4.markers.json"
            return own.json(record)["markers"] if record in names else []

        visit(own_page, "video/numbered.mp4?t=4")
        expect(own_page.get_by_role("slider", name="Time")).to_have_attribute(
            "aria-valuetext", "0:04 of 0:10"
        )
        button(own_page, "Add a marker here").click()
        field = own_page.get_by_label("Title of the marker at 0:04")
        expect(field).to_be_focused()
        own_page.keyboard.insert_text(EVIL)
        own_page.keyboard.press("Enter")
        expect(own_page.get_by_text("Marker renamed")).to_be_visible()
        assert stored() == [{"time": 4, "title": EVIL}]
        hover(own_page, own_page.locator(".track"), 0.4)
        expect(own_page.locator(".tip")).to_contain_text(EVIL)
        undo = own_page.locator(".toast").last.get_by_role("button", name="Undo")
        undo.click()
        expect(field).to_have_value("Marker")
        button(own_page, "Remove the marker at 0:04").click()
        expect(own_page.locator(".flags span")).to_have_count(0)
        assert stored() == []
        undo.click()
        expect(field).to_have_value("Marker")
        assert stored() == [{"time": 4, "title": "Marker"}]

    def test_every_scene_has_a_picture_of_its_own(self, own_page: Page, own: Library) -> None:
        """Also where no tile lies inside it: the server takes one out of the film."""
        place = own.artifact("cuts.mp4.sprites.json", "trips")
        record = json.loads(place.read_text())
        record["frames"] = record["frames"][:1]
        place.write_text(json.dumps(record))
        visit(own_page, "video/trips/cuts.mp4")
        expect(own_page.locator(".strip canvas")).to_have_count(1)
        expect(own_page.locator(".strip img")).to_have_count(3)
        own_page.wait_for_function(
            "() => [...document.querySelectorAll('.strip img')].every(e => e.naturalWidth > 0)"
        )
        shots = own_page.locator(".strip .shot")
        colours = [web.picture_of(shots.nth(i)).mean(axis=(0, 1)) for i in range(4)]
        strongest = [{c for c in range(3) if colour[c] > 0.6 * max(colour)} for colour in colours]
        assert strongest == [{2}, {0, 1}, {1}, {0, 2}]  # red, cyan, green, magenta, as BGR


class TestJobs:
    def test_a_task_is_started_by_its_form_and_seen_to_its_end(
        self, own_page: Page, own: Library
    ) -> None:
        visit(own_page, "jobs")
        own_page.get_by_role("button", name=re.compile("^Thumbs")).click()
        own_page.get_by_label("Quality").fill("99")
        button(own_page, "Start").click()
        expect(own_page.get_by_text("less than or equal to 31")).to_be_visible()
        own_page.get_by_label("Quality").fill("5")
        own_page.get_by_label("Make again what is there").check()
        before = own.artifact("numbered.mp4.jpg").stat().st_ino
        button(own_page, "Start").click()
        item = own_page.locator(".job").first
        expect(item).to_have_attribute("data-status", "done")
        assert own.artifact("numbered.mp4.jpg").stat().st_ino != before
        button(item, "Details").click()
        expect(own_page.get_by_text("5 made")).to_be_visible()

    def test_names_of_a_list_are_chosen_from_those_there_are(
        self, own_page: Page, own: Library
    ) -> None:
        visit(own_page, "jobs")
        own_page.get_by_role("button", name=re.compile("^Export")).click()
        for name in ("nfo", "chapters"):
            own_page.get_by_role("group", name="Format").get_by_label(name, exact=True).check()
        button(own_page, "Start").click()
        expect(own_page.locator(".job").first).to_have_attribute("data-status", "done")
        assert (own.root / "numbered.nfo").exists()

    def test_failures_have_reasons(self, chromium: Browser, library: Library) -> None:
        library.add("text.mp4", f"{EVIL}.mp4".replace("/", ""))
        with serving(library.root) as served:
            served.job("thumbs")
            with web.opened(chromium, f"{served.url}/#/jobs") as page:
                expect(page.get_by_text("1 video failed")).to_be_visible()
                button(page, "Details").click()
                expect(page.locator(".failures a")).to_have_text(f"{EVIL}.mp4")
                expect(page.locator(".failures")).to_contain_text("is not a readable video")
                expect(page.locator(".toast")).to_have_count(0)  # it ended before

    def test_one_that_runs_is_told_everywhere_and_can_be_cancelled(
        self, chromium: Browser, library: Library
    ) -> None:
        for i in range(4):
            library.add("minute.mp4", f"{i}.mp4")
        with serving(library.root) as served, web.opened(chromium, served.url) as page:
            params = {"format": "webm", "segments": 40, "workers": 1}
            job_id = served.submit("previews", params=params)
            expect(page.locator(".indicator")).to_contain_text("1 job")
            page.locator(".indicator").click()
            button(page, "Details").click()
            expect(page.get_by_role("dialog", name="Previews: runs")).to_be_visible()
            served.client.delete(f"/jobs/{job_id}")
            expect(page.get_by_role("dialog", name="Previews: cancelled")).to_be_visible()
            page.keyboard.press("Escape")
            expect(page.locator(".job")).to_have_attribute("data-status", "cancelled")
            expect(page.locator(".indicator")).to_be_hidden()

    def test_events_come_again_after_a_break(self, chromium: Browser, own: Library) -> None:
        with serving(own.root) as served, web.opened(chromium, "about:blank") as page:
            page.route("**/events", lambda route: route.abort())
            page.goto(f"{served.url}/#/jobs")
            expect(page.get_by_text("Pick a task to begin")).to_be_visible()
            served.job("report")
            with page.expect_response("**/events"):
                page.unroute("**/events")
            expect(page.locator(".job")).to_have_attribute("data-status", "done")
            served.submit("codecs")
            expect(page.get_by_text("codecs: done")).to_be_visible()

    def test_what_began_and_ended_in_a_break_is_news(self, page: Page, shared: Served) -> None:
        shared.job("report")
        visit(page, "jobs")
        page.route("**/events", lambda route: route.abort())
        page.reload()
        expect(page.locator(".job").first).to_be_visible()
        held = hold(page, "**/jobs")
        late = wait_for(page, held)
        shared.job("codecs")
        late.continue_()
        expect(page.get_by_text("codecs: done")).to_be_visible()

    def test_a_list_that_comes_late_takes_no_job_away(
        self, chromium: Browser, own: Library
    ) -> None:
        with serving(own.root) as served, web.opened(chromium, "about:blank") as page:
            held = hold(page, "**/jobs")
            page.goto(f"{served.url}/#/jobs")
            wait_for(page, held).fulfill(json={"jobs": []})
            late = wait_for(page, held)
            page.get_by_role("button", name=re.compile("^Report")).click()
            button(page, "Start").click()
            expect(page.locator(".job")).to_have_attribute("data-status", "done")
            with page.expect_response("**/jobs"):
                late.fulfill(json={"jobs": []})
            button(page, "Details").click()
            expect(page.get_by_role("dialog", name="Report: done")).to_be_visible()

    def test_an_end_between_list_and_events_is_not_missed(self, page: Page, shared: Served) -> None:
        ended = shared.job("report")
        before = JOB | {"id": ended["id"], "task": "report", "status": "running"}
        before["progress_total"] = None
        told = {"jobs": [before]}
        page.route("**/jobs", lambda route: route.fulfill(json=told), times=1)
        page.goto(f"{shared.url}/#/jobs")
        page.reload()
        expect(page.locator(".job").first).to_have_attribute("data-status", "done")

    def test_what_a_server_lost_is_no_longer_shown(self, page: Page, shared: Served) -> None:
        lost = {"id": "1", "task": "lost", "status": "running", "progress_total": 9}
        page.route("**/jobs", lambda route: route.fulfill(json={"jobs": [JOB | lost]}))
        page.goto(f"{shared.url}/#/jobs")
        page.reload()
        expect(page.locator(".job", has_text="Lost")).to_be_visible()
        page.unroute("**/jobs")
        page.evaluate("dispatchEvent(new Event('online'))")
        expect(page.locator(".job", has_text="Lost")).to_be_hidden()


class TestReport:
    def test_it_counts_and_leads_to_what_is_missing(self, page: Page) -> None:
        visit(page, "report")
        row = page.locator(".coverage li", has_text="Scrub sprites")
        expect(row.locator(".share")).to_have_text("100%")
        page.locator(".coverage li", has_text="Subtitles").get_by_text("5 missing").click()
        expect(page).to_have_url(re.compile("q=missing%3Asubtitles"))
        expect(page.locator(".card:not([hidden])")).to_have_count(5)

    def test_one_button_finishes(self, own_page: Page, own: Library) -> None:
        own.artifact("numbered.mp4.jpg").unlink()
        visit(own_page, "report")
        button(own_page, "Finish").click()
        for name in ("Subtitles", "Faces"):
            own_page.locator("dialog").get_by_text(name, exact=True).click()
        button(own_page.locator("dialog"), "Finish").click()
        expect(own_page.get_by_text("finish: done")).to_be_visible()
        row = own_page.locator(".coverage li", has_text="Thumbnail")
        expect(row.locator(".share")).to_have_text("100%")
        assert own.artifact("numbered.mp4.jpg").exists()


class TestDuplicates:
    def test_one_goes_to_the_trash_and_comes_back(self, own_page: Page, own: Library) -> None:
        copy = own.root / "trips/a copy of bikes.mp4"
        visit(own_page, "duplicates")
        group = own_page.locator(".group")
        expect(group).to_have_count(1)
        expect(group).to_contain_text("highest resolution: 640x272 against 320x136")
        expect(group.locator(".kept a")).to_have_text("trips/bikes.mp4")
        expect(group.locator(".worse dd").first).to_have_text(re.compile("^320 . 136$"))
        button(group, "Trash the other").click()
        expect(own_page.get_by_text("No duplicates")).to_be_visible()
        assert not copy.exists()
        button(own_page.locator(".toast"), "Undo").click()
        expect(group).to_have_count(1)
        assert copy.exists()

    def test_another_can_be_kept(self, own_page: Page, own: Library) -> None:
        visit(own_page, "duplicates")
        button(own_page, "Keep this").click()
        expect(own_page.locator(".group .kept a")).to_have_text("trips/a copy of bikes.mp4")
        button(own_page, "Trash the other").click()
        expect(own_page.get_by_text("No duplicates")).to_be_visible()
        assert not (own.root / "trips/bikes.mp4").exists()
        button(own_page, "Undo the last").click()
        expect(own_page.locator(".group")).to_have_count(1)
        assert (own.root / "trips/bikes.mp4").exists()

    def test_what_has_sound_goes_by_itself_only(self, own_page: Page, own: Library) -> None:
        """A copy with sound that the one to keep lacks says so, and stays with all the others."""
        for name, languages in (("bikes.mp4", ["en"]), ("a copy of bikes.mp4", ["de"])):
            place = own.artifact(f"{name}.phash.json", "trips")
            place.write_text(json.dumps(json.loads(place.read_text()) | {"sound": languages}))
            own.artifact(f"{name}.ffprobe.json", "trips").unlink(missing_ok=True)
        visit(own_page, "duplicates")
        group = own_page.locator(".group")
        expect(group.locator(".warning:visible")).to_have_text(re.compile("has sound in de, and"))
        expect(button(group, "Trash the other")).to_be_hidden()
        expect(group.locator(".differs", has_text="Sound").first).to_contain_text("1 track, de")
        button(group, "Trash anyway").click()
        expect(own_page.get_by_text("No duplicates")).to_be_visible()
        assert not (own.root / "trips/a copy of bikes.mp4").exists()
        assert (own.root / "trips/bikes.mp4").exists()

    def test_nothing_to_undo_is_said_once(self, page: Page) -> None:
        visit(page, "duplicates")
        button(page, "Undo the last").click()
        expect(page.locator(".toast.bad")).to_have_count(1)
        page.wait_for_timeout(200)
        expect(page.locator(".toast")).to_have_count(1)

    def test_what_is_no_match_stays_none(self, own_page: Page) -> None:
        visit(own_page, "duplicates")
        button(own_page, "Not a match").click()
        expect(own_page.get_by_text("No duplicates")).to_be_visible()
        button(own_page, "Undo").click()
        button(own_page, "Not a match").click()
        expect(own_page.get_by_text("No duplicates")).to_be_visible()
        own_page.reload()
        expect(own_page.get_by_text("No duplicates")).to_be_visible()


class TestPeople:
    @pytest.fixture
    def people(self, chromium: Browser, library: Library) -> Iterator[Page]:
        """Films of three people: Ann is in both."""

        def make(folder: Library) -> None:
            faces.film(folder, "first.mp4", (4, ["ann"]), (4, ["obama"]))
            faces.film(folder, "second.mp4", (4, ["bea"]), (4, ["ann"]))
            for task in ("embed", "listing"):
                given = ["--thumbnails"] if task == "embed" else []
                done = support.run_cli(task, folder.root, *given)
                assert done.code == 0, done.err

        library.add_made("web: people", make)
        with (
            serving(library.root) as served,
            web.opened(chromium, f"{served.url}/#/people") as page,
        ):
            expect(page.locator(".person")).to_have_count(3)
            yield page

    def test_two_are_merged_and_taken_apart_again(self, people: Page) -> None:
        for i in (1, 2):
            people.locator(".person").nth(i).locator("input[type=checkbox]").check()
        button(people, "Merge").click()
        expect(people.locator(".person")).to_have_count(2)
        button(people.locator(".toast").last, "Undo").click()
        expect(people.locator(".person")).to_have_count(3)

    def test_a_name_is_given_in_place_and_stays(self, people: Page) -> None:
        field = people.locator(".person").first.get_by_label("Name", exact=True)
        field.fill(EVIL)
        field.press("Enter")
        expect(people.get_by_text("Saved")).to_be_visible()
        people.reload()
        expect(field).to_have_value(EVIL)
        visit(people, "video/first.mp4")
        who = people.locator(".people-here li", has_text=EVIL)
        expect(who.get_by_role("button")).to_have_text("1 time")
        expect(people.locator(".presence span")).to_have_count(2)
        who.get_by_role("link").click()
        expect(people.locator(".times li")).to_have_count(2)
        people.locator(".times .film").nth(1).click()
        expect(people.get_by_role("slider", name="Time")).to_have_attribute(
            "aria-valuetext", re.compile("0:04 of")
        )

    def test_a_wrong_face_becomes_somebody_else(self, people: Page) -> None:
        people.locator(".person a").first.click()
        expect(people.locator(".times li")).to_have_count(2)
        button(people.locator(".times li").first, "Not this person").click()
        button(people, "Somebody else").click()
        expect(people.locator(".times li")).to_have_count(1)
        button(people, "Undo the last").click()
        expect(people.locator(".times li")).to_have_count(2)

    def test_one_is_split_into_those_of_each_video(self, people: Page) -> None:
        people.locator(".person a").first.click()
        button(people, "Split").click()
        expect(people.locator(".times li")).to_have_count(1)
        button(people, "Undo the last").click()
        expect(people.locator(".times li")).to_have_count(2)
        button(people, "Split").click()
        expect(people.locator(".times li")).to_have_count(1)
        people.get_by_role("link", name="All people").click()
        expect(people.locator(".person")).to_have_count(4)

    def test_a_hidden_one_is_seen_again_when_that_is_taken_back(self, people: Page) -> None:
        people.locator(".person a").first.click()
        button(people, "Hide").click()
        expect(people.locator(".person")).to_have_count(2)
        button(people, "Undo the last").click()
        expect(people.locator(".person")).to_have_count(3)
        people.locator(".person a").first.click()
        button(people, "Hide").click()
        button(people, "Show the hidden").click()
        expect(people.locator(".person")).to_have_count(3)
        people.locator(".person", has_text="hidden").locator("a").click()
        button(people, "Show again").click()
        expect(people.locator(".person", has_text="hidden")).to_have_count(0)

    def test_one_is_forgotten_for_good(self, people: Page, library: Library) -> None:
        people.locator(".person a").first.click()
        button(people, "Forget").click()
        people.keyboard.press("Escape")
        expect(people.locator(".times li")).to_have_count(2)
        button(people, "Forget").click()
        button(people.locator("dialog"), "Forget").click()
        expect(people.locator(".person")).to_have_count(2)
        kept = [library.json(f"{name}.mp4.faces.signatures.json") for name in ("first", "second")]
        assert [len(told["signatures"]) for told in kept] == [1, 1]


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
            button(page, "Tags").click()
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

    def test_the_token(self, chromium: Browser, own: Library) -> None:
        secret = "correct horse"
        with (
            serving(own.root, token=secret) as served,
            web.opened(chromium, served.url) as page,
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

    def test_the_documentation_asks_nobody_else(self, chromium: Browser, shared: Served) -> None:
        """A request can be tried on it."""
        asked: list[str] = []
        with web.opened(chromium, f"{shared.url}/health") as page:
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

    @pytest.mark.parametrize("late", ["**/config", "**/videos?sort=title*"])
    def test_who_gives_no_token_is_not_asked_again(
        self, chromium: Browser, own: Library, late: str
    ) -> None:
        """By an answer that comes after that; the view says what is missing."""
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
                assert not grave(page), route

    def test_so_is_what_still_waits(self, chromium: Browser, shared: Served) -> None:
        """A slow disk or network: every view is there before what it shows."""
        asked = re.compile(r"//[^/]+/(videos|faces|jobs|tasks|report|phash|tags|search)\b")
        with web.opened(chromium, f"{shared.url}/web/app.css") as page:
            page.route(asked, lambda route: None)  # never answered
            page.goto(shared.url)
            for route in self.ROUTES:
                visit(page, route)
                expect(page.locator("body")).to_have_attribute("data-view", route.split("/")[0])
                assert not grave(page), route

    def test_so_is_what_opens(self, chromium: Browser, shared: Served) -> None:
        with web.opened(chromium, f"{shared.url}/#/jobs") as page:
            page.get_by_role("button", name=re.compile("^Scenes")).click()
            page.locator("dialog summary").click()
            assert not grave(page)
            page.keyboard.press("Escape")
            visit(page, "library?q=bikes")
            card(page, "bikes").locator(".pick input").check()
            for name in ("Tag", "Run", "Rename"):
                button(page.locator(".selection"), name).click()
                assert not grave(page), name
                page.keyboard.press("Escape")
            button(page, "Missing").click()
            assert not grave(page)


def grave(page: Page) -> str:
    """What axe-core finds to be serious or worse."""
    page.evaluate(axe())
    found: Any = page.evaluate("axe.run({resultTypes: ['violations']})")
    return "\n".join(
        f"{one['id']}: {[node['html'][:200] for node in one['nodes'][:3]]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    )


def test_a_video_that_a_watch_noticed_is_shown_by_itself(
    chromium: Browser, library: Library
) -> None:
    library.add("short.mp4", "first.mp4")
    with serving(library.root) as served, web.opened(chromium, served.url) as page:
        board = served.app.service.board
        others = len(board.listeners)
        follow(page, served.url)
        expect(card(page, "first")).to_be_visible()
        assert support.wait_until(lambda: len(board.listeners) > others)
        library.add("short.mp4", "second.mp4")
        board.announce_library(str(library.root))
        expect(card(page, "second")).to_be_visible()


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
            with page.expect_response("**/events.js"):  # which comes after the first screen
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
            follow(page, served.url)
            expect(card(page, "24").locator("img")).to_have_js_property("naturalWidth", 384)
            image = card(page, "3").locator("img")
            before = image.get_attribute("src") or ""
            asked: list[str] = []
            page.on("request", lambda request: asked.append(urlsplit(request.url).path))
            served.job("report")
            expect(page.get_by_text("report: done")).to_be_visible()
            assert not [path for path in asked if path.startswith("/videos")]
            served.job("thumbs", force=True, params={"only": ["3.mp4"], "time": "2"})
            expect(page.get_by_text("thumbs: done")).to_be_visible()
            expect(image).not_to_have_attribute("src", before)
            expect(image).to_have_js_property("complete", True)
            assert {path for path in asked if "/picture" in path} == {"/videos/3.mp4/picture"}
