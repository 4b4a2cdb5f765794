"""People on the page: named, merged, split, hidden, forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import support
from playwright.sync_api import Browser, Page, expect
from support import Library, faces
from support import browser as web
from support.page import EVIL, button, visit, write
from support.served import serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]


class TestPeople:
    @pytest.fixture
    def people(self, browser: Browser, library: Library) -> Iterator[Page]:
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
            web.opened(browser, f"{served.url}/#/people") as page,
        ):
            expect(page.locator(".person")).to_have_count(3)
            yield page

    @web.in_both
    def test_two_are_merged_and_taken_apart_again(self, people: Page) -> None:
        for i in (1, 2):
            people.locator(".person").nth(i).locator("input[type=checkbox]").check()
        button(people, "Merge").click()
        expect(people.locator(".person")).to_have_count(2)
        button(people.locator(".toast").last, "Undo").click()
        expect(people.locator(".person")).to_have_count(3)

    @web.in_both_on_request
    def test_a_name_is_given_in_place_and_stays(self, people: Page) -> None:
        field = people.locator(".person").first.get_by_label("Name", exact=True)
        write(field, EVIL)
        field.press("Enter")
        expect(people.get_by_text(" named")).to_be_visible()
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

    def test_a_guess_of_the_gallery_is_decided_and_names_complete(
        self, people: Page, library: Library
    ) -> None:
        index = library.artifact(".faces.index.json")
        data = json.loads(index.read_text())
        data["people"][-1]["ambiguous"] = ["Bea", "Bess"]
        index.write_text(json.dumps(data))
        people.reload()
        guess = people.locator(".person", has_text="Perhaps")
        expect(people.get_by_text("1 guess to decide")).to_be_visible()
        button(guess, "This is Bess").click()
        expect(guess).to_have_count(0)
        expect(people.get_by_text("to decide")).to_have_count(0)
        button(people.locator(".toast"), "Undo").click()
        button(guess, "This is Bea").click()
        expect(guess).to_have_count(0)
        field = people.locator(".person").first.get_by_label("Name", exact=True)
        field.press_sequentially("be")
        option = people.get_by_role("option", name="Bea")
        expect(option).to_be_visible()
        option.click()
        expect(people.get_by_text("There is another Bea")).to_be_visible()
        expect(field).to_have_value("Bea")

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
        button(people, "Last changes").click()
        button(people.locator(".changes li", has_text="Somebody unnamed hidden"), "Undo").click()
        expect(people.get_by_text("Nothing to take back")).to_be_visible()
        people.keyboard.press("Escape")
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
