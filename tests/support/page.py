"""What a user does on the page, for the tests of it: visits, presses, hovers; answers held back."""

from __future__ import annotations

import time

from playwright.sync_api import Locator, Page, Route

from support import browser as web

VIEWS = ("library", "people", "duplicates", "jobs", "report")
EVIL = '<img src=x onerror=alert(1)>"&amp;'


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


def wait_for_list(page: Page) -> None:
    """Returns when the library's list shows what its address asks for."""
    page.wait_for_function("() => document.querySelector('.videos > [aria-busy=false]')")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def back(page: Page) -> None:
    """Goes back in the history. Page.go_back would wait for a load that Firefox has none of."""
    page.evaluate("history.back()")


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


def write(field: Locator, text: str) -> None:
    """Replaces what is in a field, key by key. Locator.fill does as a program does: in Firefox
    no "change" follows when the field is left."""
    field.press("ControlOrMeta+a")
    field.press_sequentially(text)
