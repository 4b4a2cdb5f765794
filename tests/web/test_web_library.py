"""The library of the page: cards, search, order, selection."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from support import Library, media
from support import browser as web
from support.page import EVIL, back, button, card, follow, hold, hover, visit, wait_for
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]

PURE = (Path(__file__).parent / "pure.js").read_text().replace("export ", "")
WRONG_IN_BROWSER = f"""async () => {{
  {PURE}
  const cases = await pureCases((name) => import(`/web/${{name}}.js`));
  return cases.filter(([, value, wanted]) => JSON.stringify(value) !== JSON.stringify(wanted));
}}"""


class TestLibrary:
    @web.in_both_on_request
    def test_cards_tell_what_there_is(self, page: Page) -> None:
        expect(page.locator(".card:not([hidden])")).to_have_count(5)
        one = card(page, "bikes")
        expect(one.locator(".time")).to_have_text("0:10")
        expect(one.locator(".facts")).to_contain_text("272")
        expect(one.locator("img")).to_have_js_property("naturalWidth", 384)
        one.get_by_text("trips").click()
        expect(page).to_have_url(re.compile("q=folder%3Atrips"))
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

    @web.in_both_on_request
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

    @web.in_both
    def test_search_completes_and_the_address_holds_it(self, page: Page) -> None:
        box = page.get_by_role("combobox", name="Search")
        box.press_sequentially("missing:subt")
        expect(page.get_by_role("option")).to_have_text(["missing:subtitles5 videos"])
        box.press("ArrowDown")
        box.press("Enter")
        expect(page).to_have_url(re.compile("q=missing%3Asubtitles"))
        box.fill("bikes -copy")
        box.press("Enter")
        expect(page.locator(".card:not([hidden])")).to_have_count(1)
        page.reload()
        expect(page.locator(".card:not([hidden])")).to_have_count(1)
        back(page)
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
        back(page)
        expect(box).to_have_value("bikes")

    def test_what_is_missing_waits_for_the_kinds(self, chromium: Browser, shared: Served) -> None:
        with web.opened(chromium, "about:blank") as page:
            held = hold(page, "**/config")
            page.goto(shared.url)
            button(page, "Filters").click()
            expect(page.get_by_role("group", name="Length")).to_be_visible()
            expect(button(page, "Preview clips missing")).to_have_count(0)
            wait_for(page, held).continue_()
            expect(button(page, "Preview clips missing")).to_be_visible()

    def test_what_is_typed_is_found_at_once(self, page: Page) -> None:
        box = page.get_by_role("combobox", name="Search")
        box.press_sequentially("bikes")
        expect(page.locator(".card:not([hidden])")).to_have_count(2)
        card(page, "bikes").locator(".open").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("bikes")
        back(page)
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

    @web.in_both_on_request
    def test_filters_and_order(self, page: Page) -> None:
        button(page, "Filters").click()
        button(page, "Preview clips missing").click()
        expect(page.get_by_text("Nothing is like that")).to_be_visible()
        page.keyboard.press("Escape")
        button(page, "Show all").click()
        button(page, "Name").click()
        button(page, "Largest").click()
        expect(page).to_have_url(re.compile("sort=size&order=desc"))
        first = page.locator(".card[aria-posinset='1']:not([hidden]) .name")
        expect(first).to_have_text("bikes")

    @web.in_both_on_request
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
        button(page, "Clear the selection").press("Enter")
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
        back(page)
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
            opened_card = page.locator(".card:not([hidden], .blank)").nth(20)
            index, box = opened_card.get_attribute("data-index"), opened_card.bounding_box()
            assert box
            opened_card.locator(".open").dispatch_event("click")
            page.locator(".player").wait_for()
            back(page)
            same = f"document.querySelector('.card[data-index=\"{index}\"]')"
            top = f"{same}?.getBoundingClientRect().top"
            page.wait_for_function(f"() => Math.abs({top} - {box['y']}) < 1")

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
            back(page)
            expect(card(page, "other")).to_be_visible()
            back(page)
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
            served.job("orphans", params={"delete": True})  # which may change anything
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
    @web.in_both
    def test_tags_are_given_to_all_selected(self, own_page: Page, own: Library) -> None:
        for name in ("bikes", "cuts"):
            card(own_page, name).locator(".pick input").check()
        button(own_page, "Tag").click()
        own_page.get_by_label("Add tags").fill("street, two words")
        button(own_page, "Save").click()
        expect(own_page.get_by_text("2 videos tagged")).to_be_visible()
        for width in (390, 1280):
            own_page.set_viewport_size({"width": width, "height": 800})
            own_page.wait_for_function(
                """() => document.querySelector(".toast").getBoundingClientRect().bottom
                    < document.querySelector(".selection").getBoundingClientRect().top"""
            )
        for name in ("bikes.mp4", "cuts.mp4"):
            assert own.json(f"{name}.tags.json", "trips")["tags"] == ["street", "two words"]
        expect(card(own_page, "cuts").locator(".tags a")).to_have_text(["street", "two words"])
        card(own_page, "cuts").get_by_text("two words").click()
        expect(own_page.locator(".card:not([hidden])")).to_have_count(2)

    @web.in_both_on_request
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
