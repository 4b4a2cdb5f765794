"""Finding videos on the page: search, filters, saved searches, folders, orders and views."""

from __future__ import annotations

import re

import pytest
import support
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support import Library
from support import browser as web
from support.page import button, card, visit, wait_for_list
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]


def cards(page: Page) -> Locator:
    return page.locator(".card:not([hidden])")


def search_box(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Search")


def test_what_is_typed_is_looked_for_and_films_are_suggested(page: Page) -> None:
    """The history has one entry for what was typed, and Escape leaves step by step."""
    box = search_box(page)
    entries = page.evaluate("history.length")
    box.press_sequentially("bik")
    expect(cards(page)).to_have_count(2)
    box.press_sequentially("es")
    expect(page).to_have_url(re.compile("q=bikes$"))
    assert page.evaluate("history.length") == entries + 1
    expect(page.get_by_role("option", name="a copy of bikes")).to_contain_text("trips")
    page.keyboard.press("Escape")
    expect(page.get_by_role("option")).to_have_count(0)
    expect(box).to_have_value("bikes")
    page.keyboard.press("Escape")
    expect(box).to_have_value("")
    expect(cards(page)).to_have_count(5)
    page.keyboard.press("Escape")
    expect(box).not_to_be_focused()
    page.keyboard.press("/")
    box.press_sequentially("numb")
    expect(cards(page)).to_have_count(1)
    expect(page.get_by_role("option", name="numbered")).to_be_visible()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("numbered")
    page.go_back()
    expect(cards(page)).to_have_count(1)


def test_filters_are_written_into_the_query(page: Page) -> None:
    visit(page, "library?q=bikes+OR+cuts")
    expect(cards(page)).to_have_count(3)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    button(page, "Filters").click()
    panel = page.locator(".filter-panel")
    expect(button(panel, "Clear all")).to_be_focused()
    under = panel.get_by_role("button", name="Under 1 min")
    expect(under).to_contain_text("5")
    assert sum("/videos/suggest" in url for url in asked) == 1, asked
    under.press("Enter")
    box = search_box(page)
    expect(box).to_have_value("bikes duration:<1m OR cuts duration:<1m")
    expect(under).to_have_attribute("aria-pressed", "true")
    expect(panel.get_by_role("status")).to_have_text("3 videos")
    panel.get_by_role("button", name="1 to 10 min").click()
    expect(box).to_have_value("bikes duration:1m..10m OR cuts duration:1m..10m")
    expect(panel.get_by_role("status")).to_have_text("0 videos")
    button(panel, "Clear all").click()
    expect(panel.get_by_role("group", name="Codec").get_by_role("button")).to_have_count(2)
    panel.get_by_role("button", name="MPEG-4 part 2").click()
    expect(cards(page)).to_have_count(1)
    button(panel, "Scrub sprites there").click()
    button(panel, "Scrub sprites missing").click()
    expect(box).to_have_value("vcodec:mpeg4 missing:sprites")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    button(page, "Remove missing:sprites").click()
    button(page, "Remove vcodec:mpeg4").click()
    expect(cards(page)).to_have_count(5)


def test_the_tree_of_folders(page: Page) -> None:
    """By keyboard, then as a drawer on a phone."""
    button(page, "Folders").click()
    tree = page.get_by_role("tree", name="Folders")
    expect(tree.get_by_role("treeitem", name="All videos, 5")).to_be_focused()
    page.keyboard.press("ArrowDown")
    trips = tree.get_by_role("treeitem", name="trips, 3")
    expect(trips).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=folder%3Atrips$"))
    expect(cards(page)).to_have_count(3)
    expect(trips).to_have_attribute("aria-selected", "true")
    page.reload()
    expect(trips).to_have_attribute("aria-selected", "true")
    page.get_by_role("link", name="All", exact=True).click()
    expect(cards(page)).to_have_count(5)
    page.set_viewport_size({"width": 360, "height": 740})
    expect(tree).to_be_hidden()
    button(page, "Folders").click()
    trips.click()
    expect(tree).to_be_hidden()
    expect(cards(page)).to_have_count(3)
    button(page, "Remove folder:trips").click()
    expect(cards(page)).to_have_count(5)


def test_searches_are_saved_renamed_and_taken_away(own_page: Page) -> None:
    page = own_page
    visit(page, "library?q=bikes&sort=size&order=desc")
    expect(cards(page)).to_have_count(2)
    button(page, "Saved").click()
    name = page.get_by_role("textbox", name="Name")
    expect(name).to_have_value("bikes")
    expect(name).to_be_focused()
    name.fill("On wheels")
    name.press("Enter")
    expect(page.get_by_text("Saved as “On wheels”")).to_be_visible()
    visit(page, "library")
    expect(cards(page)).to_have_count(5)
    page.keyboard.press("/")
    expect(page.get_by_role("option")).to_have_text(["On wheelssaved search"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("q=bikes&sort=size&order=desc"))
    button(page, "Saved").click()
    button(page, "Rename On wheels").click()
    page.get_by_role("textbox", name="New name of On wheels").fill("Bicycles")
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name="Bicycles")
    expect(link).to_have_attribute("aria-current", "true")
    button(page, "Delete Bicycles").click()
    expect(link).to_be_hidden()
    page.get_by_text("“Bicycles” is gone").locator("..").get_by_role("button", name="Undo").click()
    page.keyboard.press("Escape")
    button(page, "Saved").click()
    expect(link).to_be_visible()


def test_a_shuffle_stays_until_one_shuffles_again(page: Page) -> None:
    def order() -> list[str]:
        wait_for_list(page)
        shown = "els => els.sort((a, b) => a.dataset.index - b.dataset.index).map(e => e.innerText)"
        return list(page.locator(".card:not([hidden])").evaluate_all(shown))

    visit(page, "library?sort=random&seed=1")
    first = order()
    page.reload()
    assert order() == first
    assert len(set(first)) == 5
    with page.expect_response("**/videos?*sort=random*") as answer:
        button(page, "Shuffle again").click()
    assert "seed=1&" not in answer.value.url
    button(page, "Random").click()
    with page.expect_response("**/videos?*sort=random*"):
        page.locator(".menu").get_by_role("button", name="Shuffle again").click()


def test_a_server_that_looks_for_changes_is_asked_again(page: Page) -> None:
    answers = [{"total": 7, "refreshing": True}]

    def answer(route: Route) -> None:
        route.fulfill(json=route.fetch().json() | answers[-1])

    page.route("**/videos?*sort=title*", answer)
    page.reload()
    total = page.get_by_title("Looking for changes")
    expect(total).to_have_text("7")
    answers.append({"total": 5, "refreshing": False})
    expect(page.locator(".search .total")).to_have_text("5")
    expect(total).to_have_count(0)


def test_sizes_and_a_list_that_stay(page: Page) -> None:
    wide = "() => document.querySelector('.card').offsetWidth"
    expect(card(page, "bikes")).to_be_visible()
    medium = page.evaluate(wide)
    button(page, "View").click()
    button(page, "Large pictures").click()
    page.wait_for_function(f"width => ({wide})() > width", arg=medium)
    page.reload()
    page.wait_for_function(f"width => ({wide})() > width", arg=medium)
    button(page, "View").click()
    button(page, "List").click()
    table = page.get_by_role("table", name="Videos")
    rows = table.locator(".video-row:not([hidden])")
    expect(rows).to_have_count(5)
    expect(table).to_have_attribute("aria-rowcount", "6")
    expect(table.get_by_role("row", name="numbered")).to_contain_text("0:10")
    button(table, "Size").click()
    heading = table.get_by_role("columnheader", name="Size")
    expect(heading).to_have_attribute("aria-sort", "descending")
    button(table, "Size").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile("sort=size$"))
    first = table.locator("[aria-rowindex='2']:not([hidden])")
    expect(first).to_contain_text("cuts")
    first.locator(".open").focus()
    page.keyboard.press("ArrowDown")
    second = table.locator("[aria-rowindex='3']:not([hidden]) .open")
    expect(second).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.keyboard.press("Escape")
    name = second.locator(".name").inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    page.go_back()
    expect(second).to_be_focused()
    page.reload()
    expect(second).to_be_focused()


def top_of(card: Locator) -> int:
    """Where a card begins in the window, in pixels."""
    box = card.bounding_box()
    assert box
    return round(box["y"])


def test_the_place_survives_a_reload_of_the_film(chromium: Browser, library: Library) -> None:
    library.add("one_frame.mp4", "0.mp4")
    for i in range(1, 300):
        (library.root / f"{i}.mp4").hardlink_to(library.root / "0.mp4")
    assert support.run_cli("meta", library.root / "0.mp4").code == 0  # no offer above the videos
    with serving(library.root) as served, web.opened(chromium, served.url) as page:
        expect(page.locator(".search .total")).to_have_text("300")
        page.evaluate("scrollTo(0, 5000)")
        wanted = card(page, "120")
        wanted.locator(".open").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("120")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("120")
        page.go_back()
        expect(wanted.locator(".open")).to_be_focused()
        place = top_of(wanted)
        assert page.evaluate("scrollY") > 3000
        page.reload()
        expect(wanted.locator(".open")).to_be_focused()
        assert top_of(wanted) == place
        visit(page, "library?q=29")
        expect(page.locator(".search .total")).to_have_text("13")
        assert page.evaluate("scrollY") == 0
        page.go_back()
        expect(wanted.locator(".open")).to_be_focused()
        assert top_of(wanted) == place
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("120")
        page.reload()
        page.get_by_role("link", name="Library", exact=True).click()
        expect(wanted).to_be_visible()


def test_all_of_it_fits_on_a_phone(chromium: Browser, shared: Served) -> None:
    address = f"{shared.url}#/library?q=folder:trips&sort=random&seed=1"
    with web.opened(chromium, address, (360, 740)) as page:
        expect(cards(page)).to_have_count(3)
        for name in ("Folders", "Filters", "Saved", "Random", "View"):
            box = button(page, name).bounding_box()
            assert box and box["x"] >= 0 and box["x"] + box["width"] <= 360, name
        hidden_part = "element => element.scrollWidth - element.clientWidth"
        assert page.locator(".sorted span").evaluate(hidden_part) == 0
        button(page, "Filters").click()
        box = page.locator(".filter-panel").bounding_box()
        assert box and box["width"] == 360 and box["y"] + box["height"] == 740
        assert page.evaluate("document.documentElement.scrollWidth") == 360
