"""Jobs and the report: started, followed to their end, and what they change."""

from __future__ import annotations

import re

import pytest
import support
from playwright.sync_api import Browser, Page, expect
from support import Library
from support import browser as web
from support.page import EVIL, button, card, follow, hold, visit, wait_for, write
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]

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


class TestJobs:
    @web.in_both_on_request
    def test_a_task_is_started_by_its_form_and_seen_to_its_end(
        self, own_page: Page, own: Library
    ) -> None:
        visit(own_page, "jobs")
        own_page.get_by_role("button", name=re.compile("^Thumbs")).click()
        write(own_page.get_by_label("Quality"), "99")
        button(own_page, "Start").click()
        expect(own_page.get_by_text("less than or equal to 31")).to_be_visible()
        write(own_page.get_by_label("Quality"), "5")
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

    @web.in_both_on_request
    def test_events_come_again_after_a_break(self, browser: Browser, own: Library) -> None:
        with serving(own.root) as served, web.opened(browser, "about:blank") as page:
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
    @web.in_both_on_request
    def test_it_counts_and_leads_to_what_is_missing(self, page: Page) -> None:
        visit(page, "report")
        row = page.locator(".coverage li", has_text="Scrub sprites")
        expect(row.locator(".share")).to_have_text("100%")
        page.locator(".coverage li", has_text="Subtitles").get_by_text("5 missing").click()
        expect(page).to_have_url(re.compile("q=missing%3Asubtitles"))
        expect(page.locator(".card:not([hidden])")).to_have_count(5)

    @web.in_both_on_request
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
