"""Fingers on a phone: one draws and the others change nothing, and a page scrolls whatever lies under the finger."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def fingers(phone):
    """fingers(kind, *points): what the browser is told of every finger that is down, (x, y) in the window."""
    session = phone.context.new_cdp_session(phone)

    def tell(kind: str, *points: tuple[float, float]) -> None:
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": k} for k, (x, y) in enumerate(points)]})

    return tell


def middle(locator) -> tuple[float, float]:
    locator.evaluate("e => e.scrollIntoView({ block: 'center', behavior: 'instant' })")
    locator.page.wait_for_timeout(400)
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def swipe_up(fingers, x: float, y: float, far: int = 160) -> None:
    fingers("touchStart", (x, y))
    for k in range(1, 11):
        fingers("touchMove", (x, y - far * k / 10))
    fingers("touchEnd")


def test_a_palm_beside_the_pen_draws_nothing(phone, url, fingers):
    phone.goto(f"{url}?still=1")
    phone.wait_for_function("window.Lab?.last('reading')")
    x, y = middle(phone.locator(".pad .ink"))
    pen = [(x - 40 + 8 * k, y) for k in range(11)]
    phone.evaluate("Lab.hear('reading', (r) => { window.drawn = r; })")
    fingers("touchStart", pen[0])
    fingers("touchMove", pen[3])
    fingers("touchStart", pen[3], (x, y + 80))
    for k, place in enumerate(pen[4:]):
        fingers("touchMove", place, (x + 5 * k, y + 80))
    fingers("touchEnd", pen[-1])  # the palm lifts first
    fingers("touchEnd")
    phone.wait_for_function("window.drawn?.final")
    ink = phone.evaluate("[...Lab.bytes(window.drawn.seen)]")
    rows = {k // 28 for k, v in enumerate(ink) if v}
    assert max(rows) - min(rows) < 6, "a level line, and no zigzag to the palm"


def test_a_second_finger_leaves_the_handle_where_the_first_one_holds_it(phone, url, fingers):
    phone.goto(f"{url}?room=gan&still=1")
    handle = phone.locator(".plane .handle")
    expect(handle).to_be_visible()
    x, y = middle(phone.locator(".plane .square .sheet"))
    fingers("touchStart", (x, y))
    fingers("touchStart", (x, y), (x + 100, y + 100))
    fingers("touchMove", (x, y), (x + 110, y + 100))
    box = handle.bounding_box()
    assert abs(box["x"] + box["width"] / 2 - x) < 4 and abs(box["y"] + box["height"] / 2 - y) < 4
    fingers("touchEnd", (x, y))
    fingers("touchEnd")


def test_scrolling_over_a_slider_leaves_it_alone(phone, url, fingers):
    phone.goto(f"{url}?room=diffusion&still=1")
    steps, number = phone.locator("#steps input[type=range]"), phone.locator("#steps input[type=number]")
    expect(steps).to_be_visible()
    before, (x, y) = number.input_value(), middle(steps)
    at = phone.evaluate("scrollY")
    swipe_up(fingers, x + 40, y)
    phone.wait_for_function("(at) => scrollY > at + 50", arg=at)
    phone.wait_for_timeout(500)
    assert number.input_value() == before


def test_a_page_scrolls_over_a_film_and_a_tap_still_seeks(phone, url, fingers):
    phone.goto(f"{url}?room=gan&still=1")
    strip = phone.locator(".plane .strip")
    expect(strip).to_be_visible()
    (x, y), at, before = middle(strip), phone.evaluate("scrollY"), strip.get_attribute("aria-valuenow")
    swipe_up(fingers, x + 60, y)
    phone.wait_for_function("(at) => scrollY > at + 50", arg=at)
    assert strip.get_attribute("aria-valuenow") == before
    x, y = middle(strip)
    fingers("touchStart", (x + 60, y))
    fingers("touchEnd")
    phone.wait_for_function("(before) => document.querySelector('.plane .strip').getAttribute('aria-valuenow') !== before", arg=before)


def test_a_finger_pulls_the_schedule_and_another_does_not(phone, url, fingers):
    phone.goto(f"{url}?room=diffusion&still=1&steps=10")
    phone.locator("#diffusion-drawer .label-wrap").tap()
    plot, grip = phone.locator("#schedule .signal"), phone.locator("#schedule .grip")
    expect(plot).to_be_visible()
    middle(plot)
    phone.wait_for_function("document.querySelector('#schedule [data-levels], #schedule[data-levels]')")
    heights = "() => [...document.querySelectorAll('#schedule .signal .dot')].map((dot) => +dot.getAttribute('cy'))"
    box = phone.locator("#schedule .signal .dot").nth(5).bounding_box()
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = phone.evaluate(heights)
    assert grip.count() > 0
    fingers("touchStart", start)
    fingers("touchMove", (start[0], start[1] - 20))
    pulled = phone.evaluate(heights)
    assert pulled[5] < before[5] - 10
    fingers("touchStart", (start[0], start[1] - 20), (start[0] + 60, start[1] + 30))
    fingers("touchMove", (start[0], start[1] - 20), (start[0] + 60, start[1] + 40))
    assert phone.evaluate(heights) == pulled
    fingers("touchEnd", (start[0], start[1] - 20))
    fingers("touchEnd")
