"""Duplicates on the page: what goes, what stays, and what comes back."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect
from support import Library
from support import browser as web
from support.page import button, visit

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]


class TestDuplicates:
    @web.in_both_on_request
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
