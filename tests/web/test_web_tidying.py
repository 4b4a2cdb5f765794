"""Tidying up with the page: deleting with a way back, selecting with keys and mouse, the last
changes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect
from support import Library, contents
from support import browser as web
from support.page import button, card, visit
from support.served import serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]


@pytest.fixture
def many(library: Library) -> Library:
    """A library of 700 films that are none."""
    for number in range(700):
        library.add_bytes(f"{number % 3}/film {number:03}.mp4", b"x")
    return library


class TestDeleting:
    def test_from_the_card_and_back_after_a_reload(self, own_page: Page, own: Library) -> None:
        before = contents(own.root)
        card(own_page, "cuts").hover()
        button(own_page, "More for cuts.mp4").click()
        expect(own_page.get_by_role("menuitem", name="Open")).to_be_focused()
        own_page.keyboard.press("ArrowUp")  # from the first choice to the last one
        own_page.keyboard.press("Enter")
        expect(own_page.get_by_role("dialog")).to_contain_text("trips/cuts.mp4")
        button(own_page, "Cancel").click()
        assert contents(own.root) == before
        for words in ("Mark as watched", "Mark as not watched"):
            card(own_page, "cuts").click(button="right")
            own_page.get_by_role("menuitem", name=words).click()
            seen = card(own_page, "cuts").locator(".watched")
            expect(seen).to_be_visible(visible=words == "Mark as watched")
        before = contents(own.root)
        card(own_page, "cuts").click(button="right")
        own_page.get_by_role("menuitem", name="Delete").click()
        own_page.keyboard.press("Enter")
        expect(own_page.get_by_text("cuts deleted")).to_be_visible()
        expect(own_page.locator(".card:not([hidden])")).to_have_count(4)
        gone = set(before) - set(contents(own.root))
        assert {"trips/cuts.mp4", "trips/.artifacts/cuts.mp4.jpg"} <= gone
        assert all("/cuts.mp4" in name or "/.cuts.mp4" in name for name in gone)
        own_page.reload()
        button(own_page, "Last changes").click()
        button(own_page.locator(".changes li", has_text="trips/cuts.mp4 deleted"), "Undo").click()
        expect(own_page.get_by_text("Nothing to take back")).to_be_visible()
        assert contents(own.root) == before
        own_page.keyboard.press("Escape")
        expect(card(own_page, "cuts")).to_be_visible()

    def test_the_trash_is_emptied_after_a_question(self, own_page: Page, own: Library) -> None:
        """Which names how much goes; what is told of it stands above the dialog."""
        card(own_page, "cuts").locator(".open").focus()
        own_page.keyboard.press("Delete")
        expect(button(own_page, "Delete")).to_be_focused()
        own_page.keyboard.press("Enter")
        expect(own_page.get_by_text("cuts deleted")).to_be_visible()
        trash = own.root / "trips/.artifacts/.trash"
        gone = [path for path in trash.rglob("*") if path.is_file()]
        button(own_page, "Last changes").click()
        button(own_page, "Empty the trash").click()
        amount = own_page.get_by_text(f"its folders goes: 1 video, {len(gone)} files, ")
        expect(amount).to_be_visible()
        expect(button(own_page, "Cancel")).to_be_focused()
        own_page.keyboard.press("Enter")
        expect(amount).to_be_hidden()
        assert all(path.exists() for path in gone)
        button(own_page, "Empty the trash").click()
        button(own_page, "Delete for good").click()
        note = own_page.locator(".toast", has_text="The trash was emptied: 1 video")
        button(note, "Close").click()
        expect(own_page.get_by_text("Nothing to take back")).to_be_visible()
        expect(button(own_page, "Empty the trash")).to_be_hidden()
        assert list(trash.iterdir()) == []
        own_page.keyboard.press("Escape")
        expect(own_page.locator("body > .toasts")).to_have_count(1)

    def test_a_film_and_a_selection_by_the_key(self, own_page: Page, own: Library) -> None:
        before = contents(own.root)
        visit(own_page, "video/numbered.mp4")
        expect(button(own_page, "Delete")).to_be_enabled()
        own_page.keyboard.press("Delete")
        button(own_page.get_by_role("dialog"), "Delete").click()
        expect(own_page.locator(".card:not([hidden])")).to_have_count(4)
        for name in ("bikes", "mpeg4"):
            card(own_page, name).locator(".pick input").check()
        own_page.locator(".card .open").first.focus()
        own_page.keyboard.press("Delete")
        expect(own_page.get_by_role("heading", name="Delete 2 videos?")).to_be_visible()
        own_page.keyboard.press("Enter")
        expect(own_page.locator(".card:not([hidden])")).to_have_count(2)
        expect(own_page.get_by_role("region", name="Selected videos")).to_be_hidden()
        button(own_page.locator(".toast", has_text="2 videos deleted"), "Undo").click()
        expect(card(own_page, "bikes")).to_be_visible()
        own_page.keyboard.press("Control+z")  # the one before, of which the note goes as well
        expect(card(own_page, "numbered")).to_be_visible()
        expect(own_page.locator(".toast", has_text="Undo")).to_have_count(0)
        assert contents(own.root) == before

    def test_a_name_that_is_taken_by_now(self, own_page: Page, own: Library) -> None:
        card(own_page, "numbered").locator(".open").focus()
        own_page.keyboard.press("Delete")
        expect(button(own_page.get_by_role("dialog"), "Delete")).to_be_focused()
        own_page.keyboard.press("Enter")
        expect(own_page.get_by_text("numbered deleted")).to_be_visible()
        (own.root / "numbered.mp4").write_bytes(b"another")
        button(own_page.locator(".toast"), "Undo").click()
        expect(own_page.locator(".toast.bad")).to_contain_text("numbered.mp4 is there again")
        assert (own.root / "numbered.mp4").read_bytes() == b"another"


class TestSelecting:
    def test_all_and_ranges_beyond_the_screen(self, chromium: Browser, many: Library) -> None:
        with serving(many.root) as served, web.opened(chromium, served.url) as page:
            selected = page.get_by_role("region", name="Selected videos").get_by_role("status")
            card(page, "film 001").locator(".pick input").check()
            expect(selected).to_have_text("1 selected")
            card(page, "film 001").locator(".open").focus()
            page.keyboard.press("End")
            last = card(page, "film 699").locator(".pick input")
            last.click(modifiers=["Shift"])
            expect(selected).to_have_text("699 selected")
            page.keyboard.press("Escape")
            expect(selected).to_be_hidden()
            page.keyboard.press("Control+a")
            expect(selected).to_have_text("700 selected")
            button(page, "Tag").click()
            page.get_by_label("Add tags").fill("seen")
            with page.expect_response("**/tags/change") as first:
                button(page, "Save").click()
            assert first.value.json()["changed"] == 500
            expect(page.get_by_text("700 videos tagged: seen added")).to_be_visible()
            tags = served.get("/tags/summary", params={"recursive": True})["tags"]
            assert tags == [{"name": "seen", "count": 700}]
            page.reload()
            button(page, "Last changes").click()
            button(page.locator(".changes li", has_text="700 videos tagged"), "Undo").click()
            expect(page.get_by_text("Nothing to take back")).to_be_visible()
            assert served.get("/tags/summary", params={"recursive": True})["tags"] == []

    @web.in_both
    def test_a_lasso_selects_scrolls_and_is_taken_back(
        self, browser: Browser, many: Library
    ) -> None:
        with serving(many.root) as served, web.opened(browser, served.url) as page:
            selected = page.get_by_role("region", name="Selected videos").get_by_role("status")
            button(page, "Not now").click()  # which would come between
            cards = page.locator(".card:not([hidden])")
            boxes = [cards.nth(i).bounding_box() for i in (0, 1)]
            assert boxes[0] and boxes[1]
            begin = (boxes[0]["x"] + 90, boxes[0]["y"] + 60)
            page.mouse.move(*begin)
            page.mouse.down()
            page.mouse.move(boxes[1]["x"] + 60, begin[1] + 20, steps=4)
            expect(page.locator(".lasso")).to_be_visible()
            page.mouse.up()
            expect(selected).to_have_text("2 selected")
            expect(page.locator(".card.chosen")).to_have_count(2)
            assert "video" not in page.url  # what is under the mouse was not opened
            page.mouse.move(*begin)
            page.mouse.down()
            page.mouse.move(boxes[1]["x"] + 60, web.WIDE[1] - 2, steps=4)
            page.wait_for_function("() => scrollY > 3000")
            page.keyboard.press("Escape")
            page.mouse.up()
            expect(selected).to_have_text("2 selected")
            page.evaluate("scrollTo(0, 0)")
            page.mouse.move(*begin)
            page.mouse.down()
            page.keyboard.down("Control")
            page.mouse.move(begin[0] + 12, begin[1] + 12, steps=3)
            page.mouse.up()
            page.keyboard.up("Control")
            expect(selected).to_have_text("1 selected")


class TestFailures:
    def test_a_first_run_and_what_it_could_not_make(
        self, chromium: Browser, library: Library
    ) -> None:
        library.add("short.mp4", "good.mp4")
        library.add_bytes("bad.mp4", b"no video")
        with serving(library.root) as served, web.opened(chromium, served.url) as page:
            offer = page.get_by_role("region", name="First steps")
            expect(offer).to_contain_text("2 videos without pictures yet")
            expect(offer).to_contain_text("none was made on this machine yet")
            place = offer.bounding_box()
            expect(card(page, "good").locator("img")).to_be_hidden()
            button(offer, "Make them").click()
            expect(card(page, "good").locator("img")).to_be_visible()
            expect(offer).to_contain_text("2 artifacts could not be made")
            assert offer.bounding_box() == place, "what stands below was moved"
            button(offer, "Close").click()
            expect(offer).to_be_hidden()
            expect(card(page, "bad")).to_contain_text("Failed, because it is not a readable video")
            page.reload()
            expect(card(page, "good").locator("img")).to_be_visible()
            expect(offer).to_be_hidden()
            visit(page, "video/bad.mp4")
            made = page.get_by_role("region", name="Artifacts")
            expect(made).to_contain_text("(Metadata, Thumbnail)")
            expect(
                made.locator(".artifacts li", has_text="failed").get_by_role("button")
            ).to_have_count(0)
            with page.expect_request("**/jobs") as request:
                button(made, "Try again").click()
            assert '"tasks":["metadata","thumbs"]' in (request.value.post_data or "")
            visit(page, "report")
            failure = page.locator(".faults li")
            expect(failure).to_contain_text("1 video failed, because it is not a readable video")
            thumbnails = page.locator(".coverage li", has_text="Thumbnail")
            expect(thumbnails.get_by_role("button")).to_have_count(0)
            button(page, "Finish").click()
            expect(page.get_by_role("dialog")).to_contain_text("How long it takes is not known")
            page.keyboard.press("Escape")
            failure.get_by_role("link", name="1 video").click()
            expect(page.locator(".card:not([hidden])")).to_have_count(1)
