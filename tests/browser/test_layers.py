"""The river of layers in a real browser: what feeds a map, one map large, the sum behind a pixel and where in the drawing it looked."""

import base64

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from mnist_lab.data import to_model
from mnist_lab.explain import program, receptive_fields, run, shown

STRONGEST = 6  # inputs of a dense layer's value that are lit
WINDOW = "(node) => ['left', 'top', 'width', 'height'].map((key) => parseFloat(node.style[key]))"


def open_room(page: Page, url: str, network: str) -> Page:
    """The room with one network, whose weights the page already has."""
    page.goto(f"{url}?room=classify&network={network}")
    page.wait_for_function("(name) => window.Lab?.last('reading')?.network === name", arg=network)
    page.locator(".layers .river").scroll_into_view_if_needed()
    page.mouse.move(3, 3)
    page.wait_for_selector(f'[data-knows="{network}"]', state="attached")
    return page


class Network:
    """Python's own run on the drawing that stands in the page, and the river's layers by name."""

    def __init__(self, page: Page, store, name: str):
        pixels = np.frombuffer(base64.b64decode(page.evaluate("Lab.last('reading').seen")), np.uint8).reshape(28, 28).copy()
        self.ops = program(store[name])
        self.values = [v[0] for v in run(self.ops, to_model(torch.from_numpy(pixels)[None]))]
        self.places = {title: k for k, title in shown(self.ops) if self.ops[k].kind not in ("mean", "max")}
        self.names = {k: title for title, k in self.places.items()}

    def nearest(self, place: int, channel: int) -> set[tuple[str, int]]:
        """(layer, map) of the maps in the river that a map of any step consists of."""
        op = self.ops[place]
        if place in self.names:
            return {(self.names[place], channel)}
        if op.kind == "flatten":
            channel //= int(np.prod(self.ops[op.inputs[0]].shape[1:]))
        if op.kind == "concat":
            sizes = [self.ops[i].shape[0] for i in op.inputs]
            part = int(np.searchsorted(np.cumsum(sizes), channel, side="right"))
            return self.nearest(op.inputs[part], channel - sum(sizes[:part]))
        return set().union(*(self.nearest(i, channel) for i in op.inputs))

    def feeders(self, layer: str, channel: int) -> set[tuple[str, int]]:
        place = self.places[layer]
        op, before = self.ops[place], self.ops[place].inputs[0]
        channels = [channel]
        if op.kind == "conv":
            channels = range(self.ops[before].shape[0])
        if op.kind == "dense":
            channels = np.abs(op.weight[channel] * self.values[before].numpy()).argsort()[-STRONGEST:].tolist()
        return set().union(*(self.nearest(before, c) for c in channels))


def in_river(page: Page) -> list[tuple[str, list[int]]]:
    """The layers as they are shown: name, and the number of each map."""
    rows = page.locator(".layers .layer").evaluate_all(
        """(items) => items.map((item) => [item.querySelector('.cap b').textContent,
             [...item.querySelectorAll('[data-map]')].map((node) => +node.getAttribute('aria-label').match(/(?:map|number|Answer:) (\\d+)/)[1])])""")
    return [(name, [n - (name != "Answer") for n in numbers]) for name, numbers in rows]


def item(page: Page, layer: int, index: int):
    return page.locator(f'.layers [data-layer="{layer}"][data-map="{index}"]')


def number(text: str) -> float:
    return float(text.replace("−", "-"))


FITS = """() => [...document.querySelectorAll(".layers .tiles > canvas")].every((sheet) => { // each reaches from its box's corner to its last tile
  const last = [...sheet.parentElement.querySelectorAll(".tile")].map((t) => [t.offsetLeft + t.offsetWidth, t.offsetTop + t.offsetHeight]);
  return sheet.offsetWidth === Math.max(...last.map(([x]) => x)) && sheet.offsetHeight === Math.max(...last.map(([, y]) => y)); })"""
COLOURS = """(tiles) => tiles.map((tile) => { // how many lie behind each tile, on its layer's canvas
  const sheet = tile.parentElement.querySelector("canvas"), scale = sheet.width / sheet.offsetWidth;
  const place = [tile.offsetLeft, tile.offsetTop, tile.offsetWidth, tile.offsetHeight].map((v) => Math.round(v * scale));
  return new Set(new Uint32Array(sheet.getContext("2d").getImageData(...place).data.buffer)).size; })"""


def test_the_river_is_there_at_first_paint_and_asks_nobody(page, url):
    asked = []
    page.on("request", lambda r: asked.append(r.url) if "component_server" in r.url else None)
    page.goto(url + "?room=classify")
    page.wait_for_selector(".layers .tile")
    drawn = page.locator(".layers .tile").evaluate_all(COLOURS)
    assert len(drawn) > 100 and np.mean(np.array(drawn) > 2) > .8, "maps, not blank tiles"
    assert asked == []


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_the_canvas_behind_the_tiles_is_as_large_as_they_are_on_any_screen(page, url, network):
    """A canvas that reached past its tiles would make rows scroll that have nothing more to show."""
    page.set_viewport_size({"width": 390, "height": 844})
    open_room(page, url, network)
    for width in (390, 1440, 800, 390):
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_function(FITS)
        over = page.locator(".layers .flow, .layers .tiles").evaluate_all(
            "(all) => all.filter((box) => getComputedStyle(box).overflowY !== 'visible').map((box) => box.scrollHeight - box.clientHeight)")
        assert max(over) == 0, width


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_a_map_lights_exactly_what_feeds_it(page, url, store, network):
    open_room(page, url, network)
    python, river = Network(page, store, network), in_river(page)
    for k, (name, channels) in enumerate(river):
        i = len(channels) // 2
        item(page, k, i).scroll_into_view_if_needed()
        item(page, k, i).hover()
        expect(page.locator(".layers .to")).to_have_count(1)
        lit = page.locator(".layers .wires path").evaluate_all("(lines) => lines.map((line) => line.dataset.from.split(' ').map(Number))")
        found = {(river[a][0], river[a][1][b]) for a, b in lit}
        here = {(layer, c) for layer, maps in river for c in maps}
        assert found == python.feeders(name, channels[i]) & here, (name, channels[i])
        assert len(lit) == len(found) == page.locator(".layers .river .on").count()
    dimmed = page.locator(".layers .river [data-map]:not(.on, .to)").first
    assert float(dimmed.evaluate("(node) => getComputedStyle(node).opacity")) < 1
    page.mouse.move(3, 3)
    expect(page.locator(".layers .wires path")).to_have_count(0)
    expect(page.locator(".layers .lit")).to_have_count(0)


def test_strong_kernels_have_thick_lines(page, url, store):
    open_room(page, url, "lenet")
    python = Network(page, store, "lenet")
    item(page, 2, 5).hover()
    widths = page.locator(".layers .wires path").evaluate_all(
        "(lines) => lines.map((line) => [+line.dataset.from.split(' ')[1], parseFloat(line.style.strokeWidth)])")
    strength = np.abs(python.ops[python.places["Convolution 2"]].weight[5]).sum((1, 2))
    assert [c for c, _ in sorted(widths, key=lambda pair: pair[1])] == strength.argsort().tolist()


def test_keys_light_what_the_pointer_lights(page, url):
    open_room(page, url, "lenet")
    item(page, 2, 0).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".layers .preview .name")).to_have_text("Convolution 2, map 2 of 16")
    expect(page.locator(".layers .preview .fed")).to_contain_text("all 8 maps of Pool 1")
    expect(page.locator(".layers .wires path")).to_have_count(8)
    item(page, 8, 3).focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".layers .preview .fed")).to_contain_text("its strongest inputs here, of 32")


# ---- one map, large

@pytest.mark.parametrize(("network", "layer"), [("lenet", "Convolution 1"), ("lenet", "Convolution 3"), ("resnet", "Convolution 4")])
def test_a_map_opens_with_its_kernels_its_spot_and_where_it_looked(page, url, store, network, layer):
    open_room(page, url, network)
    python, river = Network(page, store, network), in_river(page)
    k, channel = [name for name, _ in river].index(layer), dict(river)[layer][3]
    item(page, k, 3).click()
    panel, place = page.locator(".layers .large"), python.places[layer]
    op, count = python.ops[place], python.ops[python.ops[place].inputs[0]].shape[0]
    expect(panel.locator(".what")).to_have_text(f"{layer}, map {channel + 1} of {op.shape[0]}")
    expect(panel.locator(".input")).to_have_count(min(8, count))
    expect(panel.locator(".more")).to_have_text(f"strongest first, and {count - 8} more" if count > 8 else "")
    strongest = np.abs(op.weight[channel]).sum((1, 2)).argsort()[::-1][:8]
    if count > 1:
        titles = panel.locator(".input").evaluate_all("(all) => all.map((node) => +node.title.match(/map (\\d+)/)[1] - 1)")
        assert titles == strongest.tolist()

    row, column = (int(v) - 1 for v in panel.locator(".spot").text_content().replace("row ", "").split(", column "))
    value, field = python.values[place][channel], receptive_fields(python.ops)[place]
    rectangles = [(float(value[y, x]), y, x) for y in range(op.shape[1]) for x in range(op.shape[2]) if inked(python, field.rectangle(y, x))]
    assert max(rectangles)[1:] == (row, column)
    left, top, right, bottom = field.rectangle(row, column)
    np.testing.assert_allclose(np.array(panel.locator(".field").evaluate(WINDOW)) * .28, [left, top, right - left, bottom - top], atol=1e-3)
    expect(panel.locator(".size")).to_have_text(f"{right - left} × {bottom - top} pixels")


def inked(python: Network, rectangle: tuple[int, int, int, int]) -> bool:
    left, top, right, bottom = rectangle
    return bool((python.values[0][0, 2:-2, 2:-2][top:bottom, left:right] > -1).any())


@pytest.mark.parametrize(("network", "layer"), [("lenet", "Convolution 1"), ("lenet", "Convolution 2"), ("resnet", "Convolution 6")])
def test_the_sum_of_any_pixel_is_the_network_s_value(page, url, store, network, layer):
    open_room(page, url, network)
    python, river = Network(page, store, network), in_river(page)
    channel, place = dict(river)[layer][2], python.places[layer]
    item(page, [name for name, _ in river].index(layer), 2).click()
    panel, side = page.locator(".layers .large"), python.ops[place].shape[-1]
    width = panel.locator(".touch").bounding_box()["width"]
    for row, column in ((0, 0), (side // 2, side // 3), (side - 1, side - 2)):
        panel.locator(".touch").hover(position={"x": (column + .5) / side * width, "y": (row + .5) / side * width})
        expect(panel.locator(".spot")).to_have_text(f"row {row + 1}, column {column + 1}")
        expected, bias = float(python.values[place][channel, row, column]), float(python.ops[place].bias[channel])
        total = panel.locator(".total")
        bold = [number(text) for text in total.locator("b").all_text_contents()]
        np.testing.assert_allclose(bold, [expected, max(0, expected)], atol=.00501)
        before = [number(text) for text in total.text_content().split("=")[0].replace("Sum", "").split("+ bias")[0].split()[-1:]]
        np.testing.assert_allclose(before, [expected - bias], atol=.00501)

        source = python.ops[place].inputs[0]
        strongest = int(np.abs(python.ops[place].weight[channel]).sum((1, 2)).argmax())
        weights = torch.tensor(python.ops[place].weight[[channel]][:, [strongest]])
        part = torch.nn.functional.conv2d(python.values[source][None, [strongest]], weights, padding=1)
        one = number(panel.locator(".one").text_content().split("= ")[1])
        assert abs(one - float(part[0, 0, row, column])) < .00501
        left, top, right, bottom = receptive_fields(python.ops)[place].rectangle(row, column)
        if right > left and bottom > top:
            expect(panel.locator(".size")).to_have_text(f"{right - left} × {bottom - top} pixels")
        else:
            expect(panel.locator(".field")).to_be_hidden()


def test_what_is_carried_past_a_convolution_is_added(page, url, store):
    open_room(page, url, "resnet")
    python = Network(page, store, "resnet")
    place = python.places["Convolution 5"]
    k = [name for name, _ in in_river(page)].index("Convolution 5")
    channel = in_river(page)[k][1][0]
    item(page, k, 0).scroll_into_view_if_needed()
    item(page, k, 0).click()
    panel = page.locator(".layers .large")
    row, column = (int(v) - 1 for v in panel.locator(".spot").text_content().replace("row ", "").split(", column "))
    add = next(i for i, op in enumerate(python.ops) if op.kind == "add" and place in op.inputs)
    expected = [float(python.values[i][channel, row, column]) for i in (place, add, add + 1)]
    assert "carried past it" in panel.locator(".total").text_content()
    np.testing.assert_allclose([number(text) for text in panel.locator(".total b").all_text_contents()], expected, atol=.00501)


def test_a_pooled_map_tells_what_passes_and_the_way_back(page, url):
    open_room(page, url, "lenet")
    item(page, 1, 4).click()
    panel = page.locator(".layers .large")
    expect(panel.locator(".one")).to_have_text("The largest of 4 values passes, the others are dropped")
    cells = [number(text) for text in panel.locator(".values td").all_text_contents()]
    assert number(panel.locator(".total b").text_content()) == max(cells) == number(panel.locator(".values .most").text_content())
    panel.get_by_role("button", name="Open Convolution 1, map 5").click()
    expect(panel.locator(".what")).to_have_text("Convolution 1, map 5 of 8")
    expect(item(page, 0, 4)).to_have_attribute("aria-expanded", "true")


def test_escape_a_second_press_and_the_cross_close_it(page, url):
    open_room(page, url, "lenet")
    panel = page.locator(".layers .large")
    item(page, 0, 1).click()
    expect(panel).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    item(page, 0, 1).click()
    item(page, 0, 1).click()
    expect(panel).to_be_hidden()
    item(page, 0, 1).focus()
    page.keyboard.press("Enter")
    panel.locator(".touch").focus()
    spot = panel.locator(".spot").text_content()
    page.keyboard.press("ArrowDown")
    expect(panel.locator(".spot")).not_to_have_text(spot)
    panel.locator(".close").click()
    expect(panel).to_be_hidden()
    expect(item(page, 0, 1)).to_be_focused()


def test_an_open_map_follows_the_drawing(page, url, store):
    open_room(page, url, "lenet")
    item(page, 2, 3).click()
    panel = page.locator(".layers .large")
    before = panel.locator(".total").text_content()
    page.focus(".pad .ink")
    page.keyboard.press("7")
    page.wait_for_function("Lab.last('reading').digit === 7 && Lab.last('reading').final")
    expect(panel.locator(".total")).not_to_have_text(before)
    python = Network(page, store, "lenet")
    row, column = (int(v) - 1 for v in panel.locator(".spot").text_content().replace("row ", "").split(", column "))
    value = float(python.values[python.places["Convolution 2"]][3, row, column])
    assert abs(number(panel.locator(".total b").first.text_content()) - value) < .00501


def test_the_river_follows_a_network_that_runs_in_the_page(page, url, store, validation_digits):
    open_room(page, url, "lenet")
    numbers = "() => [...document.querySelectorAll('.layers [data-layer=\"6\"]')].map((node) => node.getAttribute('aria-label').split(', ').at(-1))"
    before = page.evaluate(numbers)
    pixels = base64.b64encode(validation_digits.images[5].numpy().tobytes()).decode()
    page.evaluate("""(seen) => Lab.network('lenet').then((net) => {
      const run = net.run(Lab.bytes(seen));
      Lab.tell('reading', { seen, network: 'lenet', p: run.p, final: false, page: { name: 'lenet', run } }); })""", pixels)
    page.wait_for_function(f"(before) => ({numbers})().join() !== before.join()", arg=before)
    labels, python = page.evaluate(numbers), Network(page, store, "lenet")
    dense = python.values[python.places["Dense 1"]].numpy()
    top = np.percentile(np.abs(dense), 98.5)
    exact = [(number(text), v) for text, v in zip(labels, dense, strict=True) if "or" not in text]
    assert len(exact) > 55
    np.testing.assert_allclose([a for a, _ in exact], [b for _, b in exact], atol=top / 127 + .005)


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_receptive_fields_in_the_page_equal_python_s(page, url, store, network):
    open_room(page, url, network)
    places = [(y, x) for y in (0, 1, 5, 27) for x in (0, 3, 31)]
    found = page.evaluate("""([name, places]) => Lab.network(name).then((net) =>
      Lab.receptiveFields(net.ops).map((field) => places.map(([y, x]) => Lab.rectangle(field, y, x))))""", [network, places])
    expected = [[list(field.rectangle(y, x)) for y, x in places] for field in receptive_fields(program(store[network]))]
    assert found == expected


def test_on_a_phone_a_map_opens_below_its_row(phone, url):
    page = phone
    page.goto(f"{url}?room=classify&network=lenet")
    page.wait_for_function("window.Lab?.last('reading')?.network === 'lenet'")
    tile = item(page, 2, 1)
    tile.scroll_into_view_if_needed()
    tile.tap()
    panel = page.locator(".layers .layer:nth-child(3) .large")
    expect(panel.locator(".what")).to_have_text("Convolution 2, map 2 of 16")
    expect(page.locator(".layers .preview")).to_be_hidden()
    assert panel.bounding_box()["width"] >= 350
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    panel.locator(".touch").tap(position={"x": 20, "y": 20})
    expect(panel.locator(".spot")).to_have_text("row 2, column 2")
    panel.locator(".close").tap()
    expect(panel).to_have_count(0)
    expect(page.locator(".layers .large")).to_be_hidden()
