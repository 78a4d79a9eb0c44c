"""The population wing in a real browser: cells open, pictures become the drawing, the map turns and the drawing lands in it."""

import json

import pytest
from playwright.sync_api import Page, expect

from mnist_lab import population

ATLAS, POPULATION = "#classify-atlas", "#classify-population"


def arrive(page: Page, url: str, wing: str, network: str = "resnet") -> Page:
    page.goto(f"{url}?room=classify&network={network}")
    page.wait_for_selector(".pad .samples button")
    page.evaluate("""() => { window.taken = []; document.addEventListener('lab:take', (e) => taken.push(e.detail)); }""")
    page.locator(wing).scroll_into_view_if_needed()
    return page


@pytest.fixture
def people(page: Page, url: str) -> Page:
    arrive(page, url, POPULATION)
    page.wait_for_selector(".population .worst .card")
    return page


@pytest.fixture
def atlas(page: Page, url: str) -> Page:
    arrive(page, url, ATLAS)
    landed(page)
    return page


def landed(page: Page) -> None:
    page.wait_for_selector(f"{ATLAS} [data-landed]", state="attached")
    page.wait_for_selector(".atlas .near button")


def land(page: Page, sample: int) -> None:
    """Take one of the digits below the pad and wait until it lies on the map, at rest."""
    page.evaluate("() => document.querySelectorAll('[data-landed]').forEach((e) => delete e.dataset.landed)")
    page.locator(".pad .samples button").nth(sample).dispatch_event("click")
    landed(page)
    at_rest(page)


def at_rest(page: Page) -> None:
    """The drawing has arrived: the map is painted the same for ten frames."""
    page.evaluate("() => { window.still = 0; window.before = null; }")
    page.wait_for_function("""() => {
      const now = document.querySelector('.atlas .sky > canvas').toDataURL();
      still = now === before ? still + 1 : 0; before = now;
      return still > 10;
    }""")


def image(page: Page) -> str:
    return page.evaluate("document.querySelector('.atlas .sky > canvas').toDataURL()")


def requests(page: Page) -> list[str]:
    """What these two wings ask the server from now on; others may still be answering the reading."""
    asked, ours = [], ("people", "where", "pictures", "land", "take")

    def note(request) -> None:
        if "component_server" in request.url and (name := json.loads(request.post_data)["fn_name"]) in ours:
            asked.append(name)

    page.on("request", note)
    return asked


# ---- all digits at once

def test_the_heading_tells_the_number_of_mistakes(people, store):
    matrix = population.load(population.path_of(store.folder, "resnet")).confusion
    expect(people.locator(".population-title")).to_have_text(f"{matrix.sum() - matrix.trace()} of 10,000 test digits are misread")
    assert [c or "0" for c in people.locator(".population .cell").all_text_contents()] == [str(v) for v in matrix.flatten().tolist()]


def test_a_cell_opens_the_very_images_in_it_and_one_becomes_the_drawing(people, store):
    stored = population.load(population.path_of(store.folder, "resnet"))
    gallery, off = stored.gallery, stored.confusion.clone().fill_diagonal_(0)
    r, c = divmod(int(off.argmax()), 10)
    people.click(f".population .cell[data-row='{r}'][data-column='{c}']")
    expect(people.locator(".population .inside")).to_contain_text(f"{r} read as {c}: {off[r, c]} digit")
    expect(people.locator(".population .inmates .card")).to_have_count(min(12, int(off[r, c])))
    people.locator(".population .inmates .card").first.click()
    taken = people.evaluate("taken.at(-1)")
    inside = gallery.images[gallery.cells[r, c, 0]]
    assert taken["label"] == r
    assert people.evaluate("(text) => [...Lab.bytes(text)]", taken["pixels"]) == inside.flatten().tolist()


def test_the_worst_mistakes_can_be_taken(people, store):
    gallery = population.load(population.path_of(store.folder, "resnet")).gallery
    first = people.locator(".population .worst .card").first
    expect(first).to_contain_text(f"{gallery.labels[gallery.worst[0]]} read as {gallery.read[gallery.worst[0]]}")
    first.click()
    assert people.evaluate("taken.length") == 1


def test_the_matrix_is_walked_by_keys(people):
    people.click(".population .cell[data-row='4'][data-column='4']")
    expect(people.locator(".population .inside")).to_contain_text("typical")
    people.keyboard.press("ArrowDown")
    people.keyboard.press("ArrowLeft")
    expect(people.locator(".population .cell.open")).to_have_attribute("data-row", "5")
    expect(people.locator(".population .cell.open")).to_have_attribute("data-column", "3")
    assert people.evaluate("document.activeElement.classList.contains('open')")


def test_pointing_asks_nothing(people, store):
    asked = requests(people)
    field = people.locator(".population .grid canvas")
    box = field.bounding_box()
    maps = store["resnet"].config.widths[-1]
    for x in (.1, .5, .9):
        field.hover(position={"x": x * box["width"], "y": 40})
        expect(people.locator(".population .map")).to_contain_text(f"map {int(x * maps) + 1} of {maps}: strongest for")
    people.locator(".population .layers button").first.click()
    expect(people.locator(".population .map")).to_contain_text("Convolution 1")
    people.locator(".population .modes button").first.click()
    people.locator(".population .reliability").hover(position={"x": 200, "y": 100})
    expect(people.locator(".population .bin")).to_contain_text("% sure")
    people.focus(".population .reliability")
    people.keyboard.press("ArrowLeft")
    assert "people" not in asked, "the map below may begin to ask; this widget has all it shows"
    assert people.locator(".population .histograms li").count() == 16


def test_a_unit_that_never_fires_is_said_to(people, store):
    std = population.load(population.path_of(store.folder, "resnet")).histograms.std
    expect(people.locator(".population .histograms li", has_text="always 0.00")).to_have_count(int((std < .00005).sum()))
    expect(people.locator(".population .histograms .curve")).to_have_count(int((std >= .00005).sum()))


def test_both_wings_follow_the_network(page, url, store):
    arrive(page, url, POPULATION, "lenet")
    land_on = page.locator(".pad .samples button").nth(1)
    land_on.dispatch_event("click")
    matrix = population.load(population.path_of(store.folder, "lenet")).confusion
    expect(page.locator(".population-title")).to_have_text(f"{matrix.sum() - matrix.trace()} of 10,000 test digits are misread")
    expect(page.locator(".population .map")).to_contain_text("Convolution 3")
    page.locator(ATLAS).scroll_into_view_if_needed()
    page.wait_for_selector(f"{ATLAS} [data-network='lenet']", state="attached")
    landed(page)


def test_a_missing_population_is_said_and_the_room_lives(page, url):
    def refuse(route):
        if json.loads(route.request.post_data)["fn_name"] in ("people", "where"):
            route.fulfill(json={"error": "It is not here."})
        else:
            route.continue_()

    page.route("**/component_server/", refuse)
    arrive(page, url, POPULATION)
    expect(page.locator(".population .missing")).to_have_text("It is not here.")
    page.locator(ATLAS).scroll_into_view_if_needed()
    expect(page.locator(".atlas .missing")).to_have_text("It is not here.")
    page.locator(".pad .samples button").first.click()
    expect(page.locator(".seen .recorded")).to_be_hidden()


# ---- the map

def turn(page: Page, dx: float, dy: float) -> None:
    box = page.locator(".atlas .sky > canvas").bounding_box()
    x, y = box["x"] + 60, box["y"] + 60
    page.mouse.move(x, y)
    page.mouse.down()
    for k in range(1, 6):
        page.mouse.move(x + k * dx / 5, y + k * dy / 5)
    page.mouse.up()
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    at_rest(page)


def test_the_map_turns_and_a_landing_keeps_it_so(atlas):
    at_rest(atlas)
    land(atlas, 1)
    opening, asked = image(atlas), requests(atlas)
    turn(atlas, 120, 40)
    turned = image(atlas)
    assert turned != opening and asked == []
    land(atlas, 2)
    assert image(atlas) != turned
    land(atlas, 1)
    assert image(atlas) == turned
    atlas.click(".atlas .back")
    at_rest(atlas)
    assert image(atlas) == opening


def test_the_map_is_turned_by_keys(atlas):
    at_rest(atlas)
    atlas.focus(".atlas .sky > canvas")
    before = image(atlas)
    for key, way_back in (("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"), ("+", "-")):
        atlas.keyboard.press(key)
        at_rest(atlas)
        assert image(atlas) != before, key
        atlas.keyboard.press(way_back)
    atlas.keyboard.press("Home")
    at_rest(atlas)
    assert image(atlas) == before


def test_the_drawing_lands_among_its_like(atlas):
    expect(atlas.locator(".atlas .landed")).to_contain_text("among the 4s")
    expect(atlas.locator(".atlas .near button")).to_have_count(5)
    atlas.locator(".atlas .near button").first.click()
    assert atlas.evaluate("taken.at(-1).label") == 4


def test_a_cleared_pad_leaves_the_map_empty(atlas):
    atlas.locator(".pad .clear").dispatch_event("click")
    expect(atlas.locator(".atlas .landed")).to_have_text("Draw a digit to see where it lands")
    expect(atlas.locator(".atlas .near")).to_be_hidden()


def test_the_other_layout_needs_no_request(atlas):
    at_rest(atlas)
    before, asked = image(atlas), requests(atlas)
    atlas.click(".atlas [data-layout='tsne']")
    at_rest(atlas)
    assert image(atlas) != before
    expect(atlas.locator(".atlas .landed")).to_contain_text("among the 4s")
    atlas.keyboard.press("ArrowLeft")
    expect(atlas.locator(".atlas [data-layout='pca']")).to_be_focused()
    at_rest(atlas)
    assert image(atlas) == before and asked == []


def test_pointing_at_a_dot_shows_the_digit_and_pressing_takes_it(atlas):
    at_rest(atlas)
    canvas, glance = atlas.locator(".atlas .sky > canvas"), atlas.locator(".atlas .glance")
    box = canvas.bounding_box()
    atlas.mouse.move(box["x"] + box["width"] * .5, box["y"] + box["height"] * .5)
    expect(glance).to_be_visible()
    label = int(glance.locator("p").text_content().split(",")[0][-1])
    atlas.mouse.down()
    atlas.mouse.up()
    assert atlas.evaluate("taken.at(-1).label") == label


def test_the_wheel_scrolls_the_page_until_the_map_is_pressed(atlas):
    at_rest(atlas)
    box = atlas.locator(".atlas .sky > canvas").bounding_box()
    before = image(atlas)
    atlas.mouse.move(box["x"] + 3, box["y"] + 3)
    at = atlas.evaluate("scrollY")
    atlas.mouse.wheel(0, -60)
    atlas.wait_for_function("(at) => scrollY < at", arg=at)
    assert image(atlas) == before
    box = atlas.locator(".atlas .sky > canvas").bounding_box()
    atlas.mouse.move(box["x"] + 3, box["y"] + 3)
    atlas.mouse.down()
    atlas.mouse.up()
    atlas.mouse.wheel(0, -60)
    at_rest(atlas)
    assert image(atlas) != before


def test_night_repaints_the_map(atlas):
    at_rest(atlas)
    corner = "[...document.querySelector('.atlas .sky > canvas').getContext('2d').getImageData(2, 2, 1, 1).data].slice(0, 3)"
    surface = "Lab.rgb('surface')"
    light = atlas.evaluate(corner)
    assert light == atlas.evaluate(surface)
    atlas.evaluate("document.body.classList.toggle('dark')")
    at_rest(atlas)
    assert atlas.evaluate(corner) == atlas.evaluate(surface) != light


def test_the_map_can_be_kept(atlas, tmp_path):
    with atlas.expect_download() as download:
        atlas.click(".atlas .keep")
    download.value.save_as(tmp_path / "map.html")
    text = (tmp_path / "map.html").read_text()
    assert download.value.suggested_filename == "digit-map-pca.html" and "Plotly.newPlot" in text and '"text":["you"]' in text


def test_on_a_phone(phone, url):
    page = arrive(phone, url, POPULATION)
    page.wait_for_selector(".population .worst .card")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator(".population .cell[data-row='1'][data-column='1']").tap()
    expect(page.locator(".population .inside")).to_contain_text("1 read as 1")
    page.locator(ATLAS).scroll_into_view_if_needed()
    landed(page)
    at_rest(page)
    page.locator(".atlas .sky").scroll_into_view_if_needed()
    box, before = page.locator(".atlas .sky > canvas").bounding_box(), image(page)
    session = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": box["x"] + x, "y": box["y"] + y, "id": i} for i, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    touch("touchStart", (100, 200))
    for k in range(12):
        touch("touchMove", (100 + 10 * k, 200 + k))
    touch("touchEnd")
    at_rest(page)
    turned = image(page)
    assert turned != before
    touch("touchStart", (150, 200), (200, 200))
    for k in range(12):
        touch("touchMove", (150 - 4 * k, 200), (200 + 4 * k, 200))
    touch("touchEnd")
    at_rest(page)
    assert image(page) != turned
    assert page.evaluate("document.documentElement.scrollWidth") == 390 and page.evaluate("taken.length") == 0
