"""The Classify room in a real browser: drawing with mouse and finger, the layers, samples, uploads, links."""

import time

import pytest
from playwright.sync_api import Page, expect

SEVEN = [(.28 + .014 * i, .22) for i in range(31)] + [(.70 - .0065 * i, .22 + .015 * i) for i in range(41)]


@pytest.fixture
def room(page: Page, url: str) -> Page:
    page.set_viewport_size({"width": 1440, "height": 1100})
    page.goto(url + "?room=classify")
    page.wait_for_selector(".layers .tile")
    return page


def on_pad(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator(".pad .ink").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    page.mouse.move(*on_pad(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*on_pad(page, *point))
    page.mouse.up()


def watch_readings(page: Page) -> None:
    page.evaluate("() => { window.readings = []; document.addEventListener('lab:reading', (e) => readings.push(e.detail)); }")


def test_opens_on_a_recorded_drawing_without_asking_the_server(page, url):
    asked = []
    page.on("request", lambda r: asked.append(r.url) if "component_server" in r.url else None)
    page.goto(url + "?room=classify")
    expect(page.locator(".seen .recorded")).to_be_visible()
    expect(page.locator(".bars li.top")).to_have_count(1)
    assert page.locator(".layers .tile").count() > 20
    assert asked == []


def test_a_stroke_is_read_while_it_is_drawn(room):
    watch_readings(room)
    draw(room, SEVEN)
    expect(room.locator(".bars li.top .ask")).to_have_text("7")
    expect(room.locator(".seen .recorded")).to_be_hidden()
    room.wait_for_function("readings.at(-1)?.final")
    assert room.evaluate("readings.length") > 3, "the bars follow the pen, not only its end"
    assert room.evaluate("readings.at(-1).digit") == 7
    assert room.evaluate("readings.at(-1).lifted") and room.evaluate("readings.at(-1).layers.length") > 5


def test_clear_gives_a_hint_and_no_verdict(room):
    draw(room, SEVEN)
    room.click(".pad .clear")
    expect(room.locator(".bars .says")).to_have_text("Waiting for your pen")
    expect(room.locator(".bars li.top")).to_have_count(0)
    room.focus(".pad .ink")
    room.keyboard.press("5")
    expect(room.locator(".bars li.top .ask")).to_have_text("5")
    room.keyboard.press("Delete")
    expect(room.locator(".bars .says")).to_have_text("Waiting for your pen")


def test_what_a_hand_drew_comes_back(room):
    undo, strokes = room.locator(".pad .undo"), "document.querySelector('.pad .ink').toDataURL()"
    expect(undo).to_be_hidden()
    draw(room, SEVEN)
    expect(room.locator(".bars .announce")).to_contain_text("7")  # the end of the stroke is read, so it is painted
    drawn = room.evaluate(strokes)
    for way in (lambda: room.click(".pad .clear"), lambda: room.locator(".pad .samples button").first.click()):
        way()
        room.wait_for_function(f"(drawn) => {strokes} !== drawn", arg=drawn)
        undo.click()
        room.wait_for_function(f"(drawn) => {strokes} === drawn", arg=drawn)
        expect(undo).to_be_hidden()
    room.keyboard.press("Delete")
    expect(undo).to_be_visible()
    room.keyboard.press("Control+z")
    room.wait_for_function(f"(drawn) => {strokes} === drawn", arg=drawn)
    expect(room.locator(".bars li.top .ask")).to_have_text("7")


def test_a_bar_asks_why(room):
    draw(room, SEVEN)
    room.get_by_role("button", name="Why, or why not a 1?").click()
    room.wait_for_function("() => document.activeElement.closest('.why') && window.scrollY > 400")


QUIET = """() => { const asked = performance.getEntriesByType("resource").length, now = performance.now();
  if (window.asked !== asked) { window.asked = asked; window.since = now; }
  return now - window.since > 1500; }"""


def test_pointing_at_a_map_asks_nothing(room):
    asked, tile = [], room.locator(".layers .tile").nth(3)
    tile.scroll_into_view_if_needed()
    room.mouse.move(5, 5)  # the first sign of a hand fetches the networks, and the wings below come near
    room.wait_for_function(QUIET)
    room.on("request", lambda r: asked.append(r.url))
    tile.hover(position={"x": 20, "y": 20})
    expect(room.locator(".layers .preview .name")).to_contain_text("Convolution 1, map 4 of")
    expect(room.locator(".layers .preview")).to_be_visible()
    assert asked == []
    room.mouse.move(5, 5)
    expect(room.locator(".layers .preview")).to_be_hidden()
    tile.focus()
    room.keyboard.press("ArrowRight")
    expect(room.locator(".layers .preview .name")).to_contain_text("map 5 of")


def test_a_link_restores_network_and_brush(page, url):
    page.goto(url + "?room=classify&network=lenet&brush=12")
    expect(page.locator("#classify-drawer .label-wrap")).to_contain_text("LeNet, 12 %")
    expect(page.locator(".layers .layer")).to_have_count(9)
    assert 'load("lenet")' in page.locator("#classify-foot .code").text_content()


def test_uploads(room, tmp_path):
    from PIL import Image, ImageDraw

    one = Image.new("RGB", (300, 300), "white")
    ImageDraw.Draw(one).line([(150, 40), (150, 260)], fill="black", width=24)
    one.save(tmp_path / "one.png")
    (tmp_path / "bad.txt").write_text("no picture")
    room.click("#classify-drawer .label-wrap")
    room.set_input_files("#classify-files input[type=file] >> nth=0", tmp_path / "bad.txt")
    expect(room.get_by_text("This file is not a picture. PNG, JPEG or WebP, please.")).to_be_visible()
    expect(room.locator(".seen .recorded")).to_be_visible()
    room.set_input_files("#classify-files input[type=file] >> nth=0", tmp_path / "one.png")
    expect(room.locator(".seen .words")).to_have_text("Your picture, centred in 28 × 28 pixels.")
    expect(room.locator(".bars li.top .ask")).to_have_text("1")


def test_a_finger_draws_and_does_not_scroll(phone, url):
    page = phone
    page.goto(url + "?room=classify")
    page.wait_for_selector(".pad .samples button")
    for part in (".pad .box", ".bars .rows", ".pad .samples"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 844, f"{part} is not whole on the first screen"
    watch_readings(page)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *point: float) -> None:
        at = [dict(zip("xy", on_pad(page, *point), strict=True))] if point else []
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", .5, .85)
    for i in range(30):
        touch("touchMove", .5, .85 - .7 * i / 30)
        time.sleep(.01)
    touch("touchEnd")
    page.wait_for_function("readings.at(-1)?.final")
    assert page.evaluate("scrollY") == 0
    assert page.evaluate("document.documentElement.scrollWidth") == 390
