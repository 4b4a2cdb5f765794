"""Films that the browser cannot play as they are, played by the page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from support import Library, media
from support import browser as web
from support.served import Served

pytestmark = [
    pytest.mark.page,
    pytest.mark.skipif(not web.CHROMIUM, reason="needs chromium on PATH"),
]

SHOWN = """() => {
    const video = document.querySelector("video");
    return video && video.readyState >= 2 && !video.seeking && video.videoWidth > 0;
}"""

HAS_SOUND = """() => {
    const video = document.querySelector("video");
    return video.mozHasAudio ?? video.webkitAudioDecodedByteCount > 0;
}"""


@pytest.fixture
def page(browser: Browser, served: Served) -> Iterator[Page]:
    with web.opened(browser, served.url) as page:
        yield page


def number_shown(page: Page) -> int:
    """The number in the picture that the film shows."""
    page.wait_for_function(SHOWN)
    page.evaluate(
        """() => {  // takes away what lies above the picture
            const others = document.querySelectorAll(".screen > :not(video)");
            for (const part of others) part.style.display = "none";
        }"""
    )
    return media.number_of(web.picture_of(page.locator("video")))


def seek(page: Page, time: float) -> None:
    page.evaluate("time => { document.querySelector('video').currentTime = time; }", time)


def play_to_the_end(page: Page) -> None:
    """Plays what is left, without a noise; fails where no sound came with it."""
    page.evaluate("() => { const v = document.querySelector('video'); v.muted = true; v.play(); }")
    page.wait_for_function("() => document.querySelector('video').ended")
    assert page.evaluate(HAS_SOUND)


@web.in_both
@pytest.mark.parametrize(
    ("name", "options", "method"),
    [
        ("film.flv", ("-c", "copy"), "remux"),
        ("film.avi", ("-c:v", "mpeg4", "-q:v", 4, "-bf", 0, "-c:a", "ac3"), "encode"),
    ],
)
def test_a_film_is_played_from_any_place_to_its_end(
    page: Page, library: Library, name: str, options: tuple[object, ...], method: str
) -> None:
    path = library.root / name
    media.ffmpeg("-i", media.clip("numbered.mp4", library.clips), *options, path)
    library.keep(path)
    shown = [(time, media.number_of(picture)) for time, picture in media.decode(path)]
    with page.expect_request(f"**/hls/index.m3u8?*method={method}*"):
        page.goto(f"{page.url}#/video/{name}")
    assert number_shown(page) == 0
    assert abs(page.evaluate("() => document.querySelector('video').duration") - 10) < 0.1
    for moment in (8.02, 3.02):
        seek(page, moment)
        number = number_shown(page)
        near = [n for time, n in shown if abs(time - moment) < 0.1]
        assert number in near
    seek(page, 9.5)
    play_to_the_end(page)
    expect(page.locator(".cannot")).to_be_hidden()


@web.in_both
def test_another_sound_is_chosen(page: Page, library: Library) -> None:
    path = library.root / "two.mp4"
    sound = ("-f", "lavfi", "-i", "sine=880:duration=10", "-map", 0, "-map", 1, "-c:v", "copy")
    language = ("-metadata:s:a:1", "language=ger")
    clip = media.clip("numbered.mp4", library.clips)
    media.ffmpeg("-i", clip, *sound, "-c:a", "aac", *language, path)
    library.keep(path)
    page.goto(f"{page.url}#/video/two.mp4")
    page.wait_for_function(SHOWN)
    page.keyboard.press(">")
    with page.expect_request("**/hls/0.m4s?*sound=2*"):
        page.locator("media-audio-track-menu-button").click()
        page.get_by_role("menuitemradio", name="German, mono").click()
    assert number_shown(page) == 0
    expect(page.locator("video")).to_have_js_property("playbackRate", 1.25)


@web.in_both_on_request
def test_a_film_waits_for_a_server_that_is_gone(page: Page, library: Library) -> None:
    """It goes on by itself, from the place that was wanted."""
    path = library.root / "film.flv"
    media.ffmpeg("-i", media.clip("numbered.mp4", library.clips), "-c", "copy", path)
    library.keep(path)
    page.route("**/hls?*", lambda route: route.abort())
    with page.expect_request("**/hls?*"):
        page.goto(f"{page.url}#/video/film.flv?t=8.02")
    with page.expect_request("**/hls?*"):
        pass
    page.unroute_all()
    assert abs(number_shown(page) - 200) <= 1
    expect(page.locator(".cannot")).to_be_hidden()
