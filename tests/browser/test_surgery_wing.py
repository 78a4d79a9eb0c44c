"""Break it, and the keyhole, in a real browser: numbers equal Python's, marks tell the truth, the keyhole asks nobody."""

import base64
import json
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from mnist_lab.data import to_model
from mnist_lab.explain import losses, program, run, shown, switched
from mnist_lab.labs import Calibration
from mnist_lab.ui.readings import RECORDED
from mnist_lab.ui.wings import surgery_wing

FRACTIONS = "(rows) => rows.map((row) => +row.style.getPropertyValue('--p'))"
QUIET = """() => { const count = performance.getEntriesByType("resource").length, now = performance.now();
  if (count !== window.before?.count) window.before = { count, now };
  return now - window.before.now > 3000; }"""
COUNTED = "() => document.querySelectorAll('.surgery .cols li').length === 10 && !document.querySelector('.surgery .cols .stale')"


def open_at(page: Page, url: str, network: str, part: str = ".surgery") -> Page:
    """The room with one network, scrolled to a part of it, after its first look at the recorded 4."""
    page.goto(f"{url}?room=classify&network={network}")
    page.wait_for_function("(name) => window.Lab?.last('reading')?.network === name", arg=network)
    page.locator(part).scroll_into_view_if_needed()
    page.wait_for_selector(".surgery .tile" if part == ".surgery" else ".lamp .window:visible")
    return page


def drawing(page: Page) -> torch.Tensor:
    return to_model(torch.from_numpy(pixels(page))[None])


def pixels(page: Page) -> np.ndarray:
    return np.frombuffer(base64.b64decode(page.evaluate("Lab.last('reading').seen")), np.uint8).reshape(28, 28).copy()


def p_of(ops, x, temperature: float = 1.0) -> np.ndarray:
    return (run(ops, x)[-1] / temperature).softmax(1)[0].numpy()


def temperature_of(store, network: str) -> float:
    return Calibration.of(store.load(network)[1].settings).temperature


def bars(page: Page, part: str) -> list[float]:
    return page.locator(f"{part} .rows li").evaluate_all(FRACTIONS)


def tile(page: Page, place: int, channel: int):
    return page.locator(f'.surgery .tile[data-place="{place}"][data-map="{channel}"]')


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_every_filter_has_a_toggle_and_the_bars_equal_python_s(page, url, store, network):
    open_at(page, url, network)
    ops, temperature = program(store[network]), temperature_of(store, network)
    places = [k for k, op in enumerate(ops) if op.kind == "conv"]
    assert page.locator(".surgery .tile").count() == sum(ops[k].shape[0] for k in places)
    expected = p_of(ops, drawing(page), temperature)
    np.testing.assert_allclose(bars(page, ".surgery"), expected, atol=1e-4)
    for factor, state in ((0, "off"), (-1, "inverted")):
        tile(page, places[1], 2).click()
        expect(tile(page, places[1], 2)).to_have_class(re.compile(state))
        np.testing.assert_allclose(bars(page, ".surgery"), p_of(switched(ops, {places[1]: {2: factor}}), drawing(page), temperature), atol=1e-4)
    expect(page.locator(".surgery .result")).to_contain_text("With 1 filter inverted: ")
    tile(page, places[1], 2).click()
    np.testing.assert_allclose(bars(page, ".surgery"), expected, atol=1e-4)
    expect(page.locator(".surgery .result")).to_contain_text("With every filter on: a 4")


def test_the_accuracy_of_each_digit_follows(page, url, store):
    open_at(page, url, "lenet")
    page.wait_for_function(COUNTED)
    place = next(k for k, op in enumerate(program(store["lenet"])) if op.kind == "conv")
    for channel in range(4):
        tile(page, place, channel).click()
    page.wait_for_function("() => document.querySelector('.surgery .cols .stale')")
    page.wait_for_function(COUNTED)
    expected = surgery_wing.accuracy(store, {"network": "lenet", "digits": list(range(10)), "scaled": {str(place): {str(c): 0 for c in range(4)}}})
    found = page.locator(".surgery .cols li").evaluate_all(FRACTIONS)
    np.testing.assert_allclose(found, np.array(expected["after"]) / expected["of"], atol=1e-6)
    assert f"{sum(expected['after'])} of 1,000 {expected['words']}" == page.locator(".surgery .total").text_content()
    expect(page.locator(".surgery .result")).to_contain_text("Without 4 filters: ")
    expect(page.locator(".surgery .result")).to_contain_text("lost")
    page.click(".surgery .mend")
    expect(page.locator(".surgery .tile.off")).to_have_count(0)
    page.wait_for_function(COUNTED)
    np.testing.assert_allclose(page.locator(".surgery .cols li").evaluate_all(FRACTIONS), np.array(expected["before"]) / expected["of"], atol=1e-6)


def test_the_filters_it_finds_do_flip_the_digit(page, url, store):
    """A sample on which LeNet's verdict hangs on single filters: the marks are those, and pressing one flips it."""
    ops = program(store["lenet"])
    samples = [s for s in json.loads(RECORDED.read_text())["samples"] if s["row"]]

    def flips(sample: dict) -> dict[tuple[int, int], int]:
        x = to_model(torch.frombuffer(bytearray(base64.b64decode(sample["pixels"])), dtype=torch.uint8).view(1, 28, 28))
        digit = int(run(ops, x)[-1].argmax())
        return {(one.place, c): int(d) for one in losses(ops, x) for c, d in enumerate(one.digits) if d != digit}

    k, expected = next((k, found) for k, found in enumerate(map(flips, samples)) if found)
    open_at(page, url, "lenet")
    page.locator(".pad .samples button").nth(k).click()
    page.wait_for_function("Lab.last('reading').by === 'sample' && Lab.last('reading').final")
    page.locator(".surgery .find").scroll_into_view_if_needed()
    page.locator(".surgery .find").click()
    expect(page.locator(".surgery .found")).to_contain_text("flips this")
    found = page.locator(".surgery .tile.flips").evaluate_all("(tiles) => tiles.map((t) => [+t.dataset.place, +t.dataset.map, +t.lastChild.textContent])")
    assert {(place, c): digit for place, c, digit in found} == expected
    (place, c), digit = next(iter(expected.items()))
    tile(page, place, c).click()
    expect(page.locator(".surgery .rows li.top b")).to_have_text(str(digit))


def test_where_none_flips_it_takes_away_more_until_one_does(page, url, store):
    open_at(page, url, "resnet")
    page.locator(".surgery .find").click()
    expect(page.locator(".surgery .found")).to_contain_text("No single loss flips this 4")
    most = page.locator(".surgery .tile.most")
    ops, temperature = program(store["resnet"]), temperature_of(store, "resnet")
    place, c = int(most.get_attribute("data-place")), int(most.get_attribute("data-map"))
    least = min((float(p), one.place, k) for one in losses(ops, drawing(page), temperature) for k, p in enumerate(one.p))
    assert least[0] == pytest.approx(p_of(switched(ops, {place: {c: 0}}), drawing(page), temperature)[4], abs=1e-6)
    assert dict(shown(ops))[place] in page.locator(".surgery .found").text_content()
    page.get_by_role("button", name="Take away more").click()
    expect(page.locator(".surgery .found")).to_contain_text("are enough: without them, this 4 is a", timeout=30_000)
    off = page.locator(".surgery .tile.off").evaluate_all("(tiles) => tiles.map((t) => [+t.dataset.place, +t.dataset.map])")
    scaled: dict[int, dict[int, float]] = {}
    for place, c in off:
        scaled.setdefault(place, {})[c] = 0.0
    verdict = int(p_of(switched(ops, scaled), drawing(page)).argmax())
    assert verdict != 4
    expect(page.locator(".surgery .rows li.top b")).to_have_text(str(verdict))


def test_filters_by_keyboard(page, url):
    open_at(page, url, "lenet")
    first = page.locator(".surgery .tile").first
    first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    expect(page.locator(".surgery .tile").nth(1)).to_have_attribute("aria-label", "Convolution 1, filter 2: off")
    page.keyboard.press("Enter")
    expect(page.locator(".surgery .tile").nth(1)).to_have_attribute("aria-label", "Convolution 1, filter 2: inverted")


def through(image: np.ndarray, size: int, left: int, top: int) -> torch.Tensor:
    window = np.zeros_like(image)
    window[top:top + size, left:left + size] = image[top:top + size, left:left + size]
    return to_model(torch.from_numpy(window)[None])


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_the_keyhole_follows_the_pointer_and_asks_nobody(page, url, store, network):
    open_at(page, url, network, ".lamp")
    ops, image = program(store[network]), pixels(page)
    page.locator(".lamp input[value='10']").check(force=True)
    page.evaluate("Promise.all(['lenet', 'resnet'].map(Lab.network)).then(() => true)")
    page.wait_for_function(QUIET)  # the wings around it have what they want
    page.locator(".lamp .box").scroll_into_view_if_needed()  # the filters above have come, and moved it down
    box, asked = page.locator(".lamp .box").bounding_box(), []
    page.on("request", lambda r: asked.append(r.post_data))
    for x, y in ((14, 14), (11, 19)):  # the middle of the window
        page.mouse.move(box["x"] + box["width"] * x / 28, box["y"] + box["height"] * y / 28)
        expect(page.locator(".lamp .box")).to_have_attribute("aria-label", re.compile(f"at {x - 5} across and {y - 5} down"))
        np.testing.assert_allclose(bars(page, ".lamp"), p_of(ops, through(image, 10, x - 5, y - 5), temperature_of(store, network)), atol=1e-4)
    page.locator(".lamp input[value='3']").check(force=True)
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    expect(page.locator(".lamp .result")).to_contain_text("Only paper here")
    assert asked == []


def test_the_keyhole_by_keyboard_and_its_sizes(page, url, store):
    open_at(page, url, "lenet", ".lamp")
    sizes = page.locator(".lamp input").evaluate_all("(inputs) => inputs.map((i) => [+i.value, i.getAttribute('aria-label').split(':')[0]])")
    assert sizes == [[3, "Convolution 1"], [4, "Pool 1"], [8, "Convolution 2"], [10, "Pool 2"], [18, "Convolution 3"], [28, "Average"]]
    place = page.locator(".lamp .window").evaluate("(w) => [parseFloat(w.style.left), parseFloat(w.style.top)].map((v) => Math.round(v * .28))")
    page.focus(".lamp .box")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.locator(".lamp .box")).to_have_attribute("aria-label", re.compile(f"at {place[0] + 1} across and {place[1] - 4} down"))
    page.locator(".lamp input[value='10']").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".lamp .result")).to_contain_text("8 × 8 pixels")
    page.locator(".lamp input[value='28']").check(force=True)
    expect(page.locator(".lamp .result")).to_contain_text("The whole drawing: ")
    np.testing.assert_allclose(bars(page, ".lamp"), p_of(program(store["lenet"]), drawing(page), temperature_of(store, "lenet")), atol=1e-4)


def test_out_of_sight_it_costs_nothing(page, url):
    page.goto(f"{url}?room=classify")
    expect(page.locator(".surgery .result")).to_have_text("With every filter on: a 4")
    assert page.locator(".surgery .tile").count() == 0


def test_a_cleared_pad_leaves_no_verdict(page, url):
    open_at(page, url, "lenet")
    page.click(".pad .clear")
    expect(page.locator(".surgery .result")).to_contain_text("Draw a digit")
    expect(page.locator(".surgery .find")).to_be_disabled()
    page.locator(".lamp").scroll_into_view_if_needed()
    expect(page.locator(".lamp .result")).to_contain_text("Draw a digit")


def test_light_and_dark_repaint(page, url):
    open_at(page, url, "lenet", ".lamp")
    corner = "() => [...document.querySelector('.lamp canvas').getContext('2d').getImageData(0, 0, 1, 1).data.slice(0, 3)].join()"
    for dark in (True, False):
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        page.wait_for_function(f"({corner})() === Lab.rgb('surface').join()")


def test_on_a_phone_with_a_finger(phone, url):
    page = open_at(phone, url, "lenet")
    page.locator(".surgery .tile").nth(1).tap()
    expect(page.locator(".surgery .tile").nth(1)).to_have_class(re.compile("off"))
    size = page.locator(".surgery .tile").nth(1).bounding_box()
    assert min(size["width"], size["height"]) >= 44
    page.locator(".surgery .crowd").scroll_into_view_if_needed()
    page.wait_for_function(COUNTED)
    page.locator(".lamp .box").scroll_into_view_if_needed()
    page.wait_for_selector(".lamp .window:visible")
    box, session = page.locator(".lamp .box").bounding_box(), page.context.new_cdp_session(page)
    before, scrolled = bars(page, ".lamp"), page.evaluate("scrollY")
    for kind, at in (("touchStart", .5), ("touchMove", .4), ("touchMove", .15)):
        point = {"x": box["x"] + box["width"] * at, "y": box["y"] + box["height"] * at}
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_function(f"(before) => ({FRACTIONS})([...document.querySelectorAll('.lamp .rows li')]).some((p, d) => p !== before[d])", arg=before)
    assert page.evaluate("scrollY") == scrolled
    assert page.evaluate("document.documentElement.scrollWidth") == 390
