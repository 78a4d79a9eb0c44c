"""Ask why, and change its mind, in a real browser: pointing asks nobody, the pictures and bars say what Python says."""

import base64
import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from mnist_lab.ui.wings import why_wing

KEYS = ("occlusion", "gradient", "grad-cam", "integrated")
FILLED = "() => [...document.querySelectorAll('.why .rows span')].every((span) => span.textContent)"
FRACTIONS = "(rows) => rows.map((row) => +row.style.getPropertyValue('--v'))"
FOUND = "() => !document.querySelector('.counter .take').disabled"


def open_at(page: Page, url: str, network: str = "lenet", part: str = ".why .box") -> Page:
    page.goto(f"{url}?room=classify&network={network}&still=1")
    page.wait_for_function("(name) => window.Lab?.last('reading')?.network === name", arg=network)
    page.locator(part).scroll_into_view_if_needed()
    page.wait_for_function(FILLED if part.startswith(".why") else FOUND)
    return page


def reading(page: Page) -> dict:
    return page.evaluate("(({ digit, seen, network }) => ({ digit, seen, network }))(Lab.last('reading'))")


def votes(store, page: Page, method: str) -> np.ndarray:
    now = reading(page)
    answer = why_wing.evidence(store, {"pixels": now["seen"], "network": now["network"], "method": method})
    return np.frombuffer(base64.b64decode(answer["maps"]), np.int8).reshape(10, 28, 28) * answer["unit"]


def bars(page: Page) -> np.ndarray:
    return np.array(page.locator(".why .well i").evaluate_all(FRACTIONS))


def painted(page: Page, canvas: str = ".why canvas") -> str:
    return page.locator(canvas).first.evaluate("(c) => c.toDataURL()")


def asked_of(page: Page) -> list[str]:
    """Calls of this wing's server functions from now on; other parts of the room may still be busy with theirs."""
    asked = []
    page.on("request", lambda r: asked.append(r.post_data) if re.search(r'"fn_name": ?"(evidence|change)"', r.post_data or "") else None)
    return asked


def on_box(page: Page, x: int, y: int) -> tuple[float, float]:
    """The middle of a pixel of the drawing, on the screen."""
    box = page.locator(".why .box").bounding_box()
    return box["x"] + (x + .5) / 28 * box["width"], box["y"] + (y + .5) / 28 * box["height"]


def at_place(maps: np.ndarray, x: int, y: int) -> np.ndarray:
    rows, columns = np.mgrid[:28, :28]
    return maps[:, (columns - x) ** 2 + (rows - y) ** 2 <= 6.25].sum(1)


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_the_bars_are_python_s_votes(page, url, store, network):
    open_at(page, url, network)
    whole = votes(store, page, "occlusion").sum((1, 2))
    np.testing.assert_allclose(bars(page), whole / np.abs(whole).max(), atol=2e-3)
    expect(page.locator(".why .result")).to_have_text("Why a 4?")
    expect(page.locator('.why [aria-pressed="true"]')).to_have_attribute("data-digit", "4")


def test_pointing_at_a_digit_paints_its_evidence_and_asks_nobody(page, url):
    open_at(page, url)
    own, asked = painted(page), asked_of(page)
    page.locator('.why button[data-digit="9"]').hover()
    expect(page.locator(".why .result")).to_have_text("Why not a 9?")
    expect(page.locator(".why .high")).to_have_text("for 9")
    assert painted(page) != own
    page.mouse.move(5, 500)
    expect(page.locator(".why .result")).to_have_text("Why a 4?")
    assert painted(page) == own
    page.locator('.why button[data-digit="8"]').click()
    page.mouse.move(5, 500)
    expect(page.locator(".why .result")).to_have_text("Why not an 8?")
    assert asked == []


def test_why_not_is_the_difference_from_the_winner(page, url, store):
    """Where the picture argues for 9 rather than 4 it is warm, where for 4 it is cold."""
    open_at(page, url)
    maps, top = votes(store, page, "occlusion"), reading(page)["digit"]
    page.locator('.why button[data-digit="9"]').hover()
    expect(page.locator(".why .high")).to_have_text("for 9")
    rgb = np.array(page.evaluate("() => [...document.querySelector('.why canvas').getContext('2d').getImageData(0, 0, 28, 28).data]")).reshape(28, 28, 4)
    warmth, rather = rgb[..., 0].astype(int) - rgb[..., 2], maps[9] - maps[top]
    strong = np.abs(rather) > .25 * np.abs(rather).max()
    assert strong.any() and (np.sign(warmth[strong]) == np.sign(rather[strong])).all()


def test_pointing_at_a_place_shows_its_votes_and_asks_nobody(page, url, store):
    open_at(page, url)
    maps = votes(store, page, "occlusion")
    most = max(np.abs(at_place(maps, x, y)).max() for x in range(28) for y in range(28))
    whole, asked = bars(page), asked_of(page)
    for x, y in ((9, 12), (18, 20)):
        page.mouse.move(*on_box(page, x, y))
        expect(page.locator(".why .whose")).to_contain_text("This place")
        np.testing.assert_allclose(bars(page), at_place(maps, x, y) / most, atol=2e-3)
    page.mouse.move(5, 500)
    expect(page.locator(".why .whose")).to_have_text("Votes of the whole drawing")
    np.testing.assert_array_equal(bars(page), whole)
    assert asked == []


def test_places_and_digits_by_keyboard(page, url):
    open_at(page, url)
    page.locator(".why .box").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".why .spot")).to_be_visible()
    before = bars(page)
    page.keyboard.press("Shift+ArrowDown")
    assert (bars(page) != before).any()
    page.keyboard.press("Tab")
    expect(page.locator(".why .spot")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".why .result")).to_have_text("Why not a 1?")


def test_each_method_loads_once_and_switching_back_is_instant(page, url, store):
    open_at(page, url)
    asked = asked_of(page)
    for method in KEYS[1:]:
        page.locator(f".why input[value={method}]").check(force=True)
        page.wait_for_function(FILLED)
        whole = votes(store, page, method).sum((1, 2))
        np.testing.assert_allclose(bars(page), whole / np.abs(whole).max(), atol=2e-3)
    loaded = len(asked)
    assert loaded == len(KEYS) - 1
    for method in KEYS:
        page.locator(f".why input[value={method}]").check(force=True)
        assert page.evaluate(FILLED)
    assert len(asked) == loaded


def test_a_new_drawing_is_asked_about_anew(page, url):
    open_at(page, url)
    page.locator(".why input[value=gradient]").check(force=True)
    page.wait_for_function(FILLED)
    page.evaluate("document.querySelector('.pad .samples button').click()")
    expect(page.locator(".why .result")).to_have_text("Why a 0?")
    page.wait_for_function(FILLED)
    page.evaluate("document.querySelector('.pad .clear').click()")
    expect(page.locator(".why .result")).to_have_text("Draw a digit to ask why")
    expect(page.locator(".counter .result")).to_contain_text("Draw a digit")
    expect(page.locator(".counter .take")).to_be_disabled()


def test_asking_why_from_elsewhere_scrolls_here(page, url):
    open_at(page, url)
    page.evaluate("scrollTo(0, 0)")
    page.evaluate("Lab.tell('ask-why', { digit: 9 })")
    expect(page.locator(".why .result")).to_have_text("Why not a 9?")
    expect(page.locator(".why .box")).to_be_in_viewport(ratio=.9)
    expect(page.locator('.why button[data-digit="9"]')).to_be_focused()


# ---- change its mind ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_the_strip_moves_the_bars_from_the_winner_to_the_target(page, url, network):
    open_at(page, url, network, ".counter .strip")
    expect(page.locator(".counter .result")).to_have_text(re.compile(r"Changing .* of the ink makes this 4 an? \d"))
    target = page.locator(".counter input:checked").get_attribute("value")
    asked, strip = asked_of(page), page.locator(".counter .strip")
    expect(page.locator(".counter .rows .top b")).to_have_text(target)
    strip.focus()
    page.keyboard.press("Home")
    expect(page.locator(".counter .rows .top b")).to_have_text("4")
    drawn = painted(page, ".counter .after canvas")
    page.keyboard.press("End")
    expect(page.locator(".counter .rows .top b")).to_have_text(target)
    expect(page.locator(".counter .read")).to_contain_text("At strength 1.50")
    assert painted(page, ".counter .after canvas") != drawn
    assert asked == []


def test_another_target(page, url):
    open_at(page, url, part=".counter .strip")
    expect(page.locator('.counter input[value="4"]')).to_be_disabled()
    page.locator('.counter input[value="8"]').check(force=True)
    expect(page.locator(".counter .result")).to_have_text(re.compile("makes this 4 an 8"))
    expect(page.locator(".counter .size")).to_contain_text("L2 norm")
    expect(page.locator(".counter .rows .top b")).to_have_text("8")


def test_taking_the_digit_tells_its_pixels(page, url, store):
    open_at(page, url, part=".counter .strip")
    target = int(page.locator(".counter input:checked").get_attribute("value"))
    page.evaluate("() => { window.taken = []; Lab.hear('take', (digit) => taken.push(digit)); }")
    page.locator(".counter .take").click()
    pixels = base64.b64decode(page.evaluate("taken[0].pixels"))
    assert len(pixels) == 784
    answer = why_wing.change(store, {"pixels": base64.b64encode(pixels).decode(), "network": "lenet", "target": (target + 1) % 10})
    assert np.argmax(answer["p"][0]) == target, "the digit taken is read as what it was changed to"


def test_light_and_dark_repaint(page, url):
    open_at(page, url, part=".counter .strip")
    corner = "(part) => [...document.querySelector(part).getContext('2d').getImageData(0, 0, 1, 1).data.slice(0, 3)].join()"
    for dark in (True, False):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        for part in (".why canvas", ".counter .after canvas"):
            page.wait_for_function(f"(part) => ({corner})(part) === Lab.rgb('surface').join()", arg=part)


def test_on_a_phone_with_a_finger(phone, url):
    page = open_at(phone, url)
    page.locator('.why button[data-digit="9"]').tap()
    expect(page.locator(".why .result")).to_have_text("Why not a 9?")
    for part in (".why .rows button", ".why .segments label", ".counter .chips label", ".counter .take", ".counter .play"):
        assert page.locator(part).first.bounding_box()["height"] >= 44, part
    page.locator(".why .box").scroll_into_view_if_needed()
    session, whole, scrolled = page.context.new_cdp_session(page), bars(page), page.evaluate("scrollY")
    for kind, x, y in (("touchStart", 8, 10), ("touchMove", 10, 13), ("touchMove", 16, 16)):
        point = dict(zip("xy", on_box(page, x, y), strict=True))
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".why .whose")).to_contain_text("This place")
    assert (bars(page) != whole).any() and page.evaluate("scrollY") == scrolled
    assert page.evaluate("document.documentElement.scrollWidth") == 390
