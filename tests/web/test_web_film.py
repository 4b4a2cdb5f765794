"""The page of a film: what is known of it, tags, watching, markers."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import support
from playwright.sync_api import Browser, Page, expect
from support import Library, media
from support import browser as web
from support.page import (
    EVIL,
    button,
    card,
    follow,
    hold,
    hover,
    visit,
    wait_for,
    wait_for_list,
    write,
)
from support.served import Served, serving

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]


class TestVideo:
    @web.in_both_on_request
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

    @web.in_both
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

    @web.in_both_on_request
    def test_a_rating_and_a_note_are_in_the_sidecar(self, own_page: Page, own: Library) -> None:
        visit(own_page, "video/numbered.mp4")
        note = own_page.get_by_label("Note")
        note.wait_for()
        button(own_page, "Rate 4 of 5").click()
        expect(own_page.get_by_text("4 of 5", exact=True)).to_be_visible()
        held = hold(own_page, "**/videos/numbered.mp4/tags")
        heart = button(own_page.locator(".title"), "Favourite: numbered")
        heart.click()
        without_note = wait_for(own_page, held)
        answer = without_note.fetch()
        write(note, EVIL)
        note.blur()
        expect(own_page.get_by_text("Note saved")).to_be_visible()
        without_note.fulfill(response=answer)
        with_note = wait_for(own_page, held)
        expect(note).to_have_value(EVIL)
        with_note.continue_()
        own_page.unroute("**/videos/numbered.mp4/tags")
        expect(note).to_have_value(EVIL)
        record = own.json("numbered.mp4.tags.json")
        assert (record["rating"], record["note"]) == (4, EVIL)
        button(own_page.locator(".toast", has_text="Note saved"), "Undo").click()
        expect(note).to_have_value("")
        assert "note" not in own.json("numbered.mp4.tags.json")
        button(own_page, "Rate 2 of 5").click()
        button(own_page.locator(".toast", has_text="Rated 2 of 5"), "Undo").click()
        expect(own_page.get_by_text("4 of 5", exact=True)).to_be_visible()
        button(own_page, "Take the rating away").click()
        expect(own_page.get_by_text("Not rated")).to_be_visible()
        heart.click()
        own_page.get_by_text("numbered is no favourite any more").wait_for()
        assert "numbered.mp4.tags.json" not in own.artifacts()

    def test_a_heart_on_the_card_and_the_film(self, own_page: Page, own: Library) -> None:
        card(own_page, "numbered").hover()
        button(card(own_page, "numbered"), "Favourite: numbered").click()
        own_page.get_by_text("numbered is a favourite").wait_for()
        assert own.json("numbered.mp4.tags.json")["favourite"] is True
        visit(own_page, "video/numbered.mp4")
        heart = button(own_page.locator(".title"), "Favourite: numbered")
        expect(heart).to_have_attribute("aria-pressed", "true")
        own_page.keyboard.press("h")
        expect(heart).to_have_attribute("aria-pressed", "false")
        gone = own_page.locator(".toast", has_text="numbered is no favourite any more")
        button(gone, "Undo").click()
        expect(heart).to_have_attribute("aria-pressed", "true")
        visit(own_page, "library?q=favourite:")
        expect(own_page.locator(".grid .card:not([hidden])")).to_have_count(1)
        own_page.locator(".grid .open").first.focus()
        own_page.keyboard.press("h")
        expect(own_page.locator(".grid .card:not([hidden])")).to_have_count(0)
        assert "numbered.mp4.tags.json" not in own.artifacts()

    def test_news_take_away_nothing_that_is_being_written(
        self, chromium: Browser, shared: Served
    ) -> None:
        with web.opened(chromium, "about:blank") as page:
            follow(page, f"{shared.url}/#/video/numbered.mp4")
            field = page.get_by_label("Add tags")
            field.wait_for()
            held = hold(page, "**/videos/numbered.mp4/tags")
            shared.job("orphans", params={"delete": True})  # which may change anything
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

        path = own.add("short.mp4", os.fsdecode(b"caf\xe9.mp4"))  # Latin-1
        visit(own_page, f"video/{quote(os.fsencode(path.name))}")
        expect(own_page.locator("main h1")).to_contain_text("caf")
        expect(own_page.locator("video")).to_have_js_property("readyState", 4)

    def test_a_film_that_stands_upright_fills_a_phone(self, own_page: Page, own: Library) -> None:
        own.add("turned_90.mp4")
        support.run_cli("meta", own.root)
        own_page.set_viewport_size({"width": 360, "height": 740})
        for name, height in (("turned_90.mp4", 0.66 * 740), ("numbered.mp4", 220)):
            visit(own_page, f"video/{name}")
            own_page.wait_for_function("() => document.querySelector('video')?.readyState > 0")
            box = own_page.locator(".screen").bounding_box()
            assert box and box["height"] == pytest.approx(height, abs=2)

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
        expect(card(own_page, "numbered").get_by_text("Rotten", exact=True)).to_be_visible()
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
            button(page, "Try again").click()
            expect(page.get_by_text(f"{words}.", exact=True)).to_be_visible()
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

    @web.in_both_on_request
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
        expect(default).to_have_attribute("label", "Brazilian Portuguese")
        expect(default).to_have_attribute("srclang", "pt-BR")
        forced = own_page.locator("track[srclang=en]")
        expect(forced).to_have_attribute("label", "English, forced")

    @web.in_both_on_request
    def test_subtitles_beside_a_film_are_shown_as_they_were_chosen(
        self, own_page: Page, own: Library
    ) -> None:
        for language, words in {"de": "Guten Tag", "en": "Good day"}.items():
            text = f"1\n00:00:00,000 --> 00:00:09,000\n<i>{words}</i>\n"
            (own.root / f"numbered.{language}.srt").write_text(text)
        visit(own_page, "video/numbered.mp4?t=2")
        shown = own_page.locator(".transcript li")
        expect(shown).to_contain_text("Good day")
        menu = own_page.locator("media-captions-menu-button")
        menu.click()
        own_page.get_by_role("menuitemradio", name="German").click()
        expect(shown).to_contain_text("Guten Tag")
        own_page.reload()
        expect(shown).to_contain_text("Guten Tag")
        own_page.wait_for_function(  # above the controls, which stay while it does not play
            "() => document.querySelector('track[default]').track.activeCues?.[0]?.line < -2"
        )
        expect(menu).to_have_attribute("data-captions-enabled", "true")
        own_page.keyboard.press("c")
        expect(menu).to_have_attribute("data-captions-enabled", "false")
        own_page.reload()
        expect(own_page.locator("track")).to_have_count(2)
        expect(own_page.locator("track[default]")).to_have_count(0)


class TestWatching:
    @web.in_both_on_request
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

    @web.in_both
    def test_keys_work_wherever_the_focus_is(self, page: Page, browser_name: str) -> None:
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
        page.get_by_label("Watched", exact=True).press("m")
        expect(film).to_have_js_property("muted", False)
        if browser_name == "chromium":  # by Firefox's driver these are two single clicks
            film.dblclick(position={"x": 9, "y": 9})
            expect(page.locator("media-controller[mediaisfullscreen]")).to_be_visible()
            expect(film).to_have_js_property("paused", True)

    @web.in_both_on_request
    def test_one_film_follows_another_as_the_library_has_them(self, page: Page) -> None:
        """In the query and order last looked at, also after a reload; by itself where wanted."""
        visit(page, "library?q=folder%3Atrips&sort=size&order=desc")
        wait_for_list(page)
        card(page, "bikes").locator(".open").click()
        next_one = button(page, "Next video")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("bikes")
        expect(button(page, "Previous video")).to_be_disabled()
        page.reload()
        next_one.click()
        expect(heading).to_have_text("a copy of bikes")
        expect(button(page, "Previous video")).to_be_enabled()
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

    @web.in_both_on_request
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
        own_page.keyboard.type(EVIL)
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
