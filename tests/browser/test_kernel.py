"""One convolution, by hand, in a real browser: its response equals torch's conv2d, and the window goes where it is put."""

import base64

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from playwright.sync_api import Page, expect
from torch import Tensor

from mnist_lab.data import to_model
from mnist_lab.explain import Op, program, run

RESPONSE = "[...document.querySelector('.kernel .out canvas').response]"
NAMED = {
    "Identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]], "Blur": [[1 / 9] * 3] * 3, "Sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "Edges": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]], "Sobel across": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "Sobel down": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
}


def open_wing(page: Page, url: str, network: str = "resnet") -> Page:
    page.goto(f"{url}?room=classify&network={network}")
    page.wait_for_function("(name) => window.Lab?.last('reading')?.network === name", arg=network)
    page.locator(".kernel").scroll_into_view_if_needed()
    page.wait_for_selector(f'[data-shows="{network}"]')
    return page


def python(page: Page, store, network: str) -> tuple[list[Op], list[Tensor]]:
    """The steps of the network and their outputs on the drawing that stands in the page."""
    pixels = np.frombuffer(base64.b64decode(page.evaluate("Lab.last('reading').seen")), np.uint8).reshape(28, 28).copy()
    ops = program(store[network])
    return ops, run(ops, to_model(torch.from_numpy(pixels)[None]))


def first(ops: list[Op]) -> int:
    return next(k for k, op in enumerate(ops) if op.kind == "conv")


def response(page: Page) -> np.ndarray:
    return np.array(page.evaluate(RESPONSE))


def learned(page: Page, channel: int):
    return page.locator(".kernel .learned .choice").nth(channel)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def place(page: Page) -> tuple[int, int]:
    row, column = page.locator(".kernel .in .num").text_content().replace("row ", "").split(", column ")
    return int(row) - 1, int(column) - 1


def at(page: Page, picture: str, row: float, column: float, side: int) -> tuple[float, float]:
    box = page.locator(f".kernel .{picture} .touch").bounding_box()
    return box["x"] + (column + .5) / side * box["width"], box["y"] + (row + .5) / side * box["height"]


# ---- what comes out

@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_a_learned_kernel_gives_torch_s_response(page, url, store, network):
    open_wing(page, url, network)
    ops, values = python(page, store, network)
    k = first(ops)
    for channel in (0, 3, 7):
        learned(page, channel).click()
        expected = F.conv2d(values[ops[k].inputs[0]], torch.tensor(ops[k].weight[[channel]]), torch.tensor(ops[k].bias[[channel]]), padding=1)
        np.testing.assert_allclose(response(page), expected.flatten(), atol=1e-4)


@pytest.mark.parametrize("network", ["lenet", "resnet"])
def test_a_named_kernel_gives_torch_s_response(page, url, store, network):
    open_wing(page, url, network)
    ops, values = python(page, store, network)
    x = values[ops[first(ops)].inputs[0]]
    for name, weights in NAMED.items():
        page.locator(".kernel .named .choice", has_text=name).click()
        np.testing.assert_allclose(response(page), F.conv2d(x, torch.tensor([[weights]], dtype=torch.float32), padding=1).flatten(), atol=1e-4)
        expect(page.locator(".kernel .out .cap b")).to_have_text(f"Out: {name}")


def test_typed_numbers_take_the_place_of_the_kernel_s(page, url, store):
    open_wing(page, url)
    ops, values = python(page, store, "resnet")
    k, channel = first(ops), 5
    learned(page, channel).click()
    typed = {0: "-1.5", 4: "2", 8: ",25"}
    cells = page.locator(".kernel .weights input")
    for i, text in typed.items():
        cells.nth(i).fill(text)
    weights = torch.tensor(ops[k].weight[[channel]])
    weights.view(-1)[list(typed)] = torch.tensor([-1.5, 2, .25])
    expected = F.conv2d(values[ops[k].inputs[0]], weights, torch.tensor(ops[k].bias[[channel]]), padding=1)
    np.testing.assert_allclose(response(page), expected.flatten(), atol=1e-4)
    expect(page.locator(".kernel .named .choice", has_text="Your own")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".kernel .out .cap b")).to_have_text("Out: by your weights")


def test_arrow_keys_step_a_weight_and_bad_input_is_refused(page, url, store):
    open_wing(page, url)
    ops, values = python(page, store, "resnet")
    page.locator(".kernel .named .choice", has_text="Identity").click()
    middle = page.locator(".kernel .weights input").nth(4)
    middle.focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    expect(middle).to_have_value("1.20")
    x = values[ops[first(ops)].inputs[0]]
    np.testing.assert_allclose(response(page), 1.2 * x.flatten(), atol=1e-4)
    for bad in ("one", "1e9", "11", ""):
        middle.fill(bad)
        middle.blur()
        expect(page.locator(".kernel .refused")).to_contain_text("A number from −10 to 10, please")
        expect(middle).to_have_value("1.20")
    np.testing.assert_allclose(response(page), 1.2 * x.flatten(), atol=1e-4)
    page.locator(".kernel .named .choice", has_text="Blur").click()
    expect(page.locator(".kernel .refused")).to_be_hidden()


def test_a_map_chosen_in_the_river_is_made_by_hand(page, url, store):
    open_wing(page, url)
    page.mouse.move(3, 3)
    page.wait_for_selector('[data-knows="resnet"]', state="attached")
    tile = page.locator('.layers [data-layer="3"][data-map="6"]')  # of the third convolution
    tile.scroll_into_view_if_needed()
    tile.click()
    page.get_by_role("button", name="Slide this kernel by hand").click()
    expect(page.locator(".kernel .out .cap b")).to_contain_text("Convolution 3, map")
    ops, values = python(page, store, "resnet")
    channel = int(page.locator(".kernel .out .cap b").text_content().split("map ")[1]) - 1
    k = [i for i, op in enumerate(ops) if op.kind == "conv"][2]
    np.testing.assert_allclose(response(page), values[k][0, channel].flatten(), atol=1e-4)

    order = np.abs(ops[k].weight[channel]).sum((1, 2)).argsort()[::-1]
    page.locator(".kernel .deeper .choice").nth(4).click()  # another of its inputs
    expect(page.locator(".kernel .in .cap b")).to_have_text(f"In: Pool 1, map {order[4] + 1}")
    page.locator(".kernel .weights input").nth(4).fill("0.5")
    weights = torch.tensor(ops[k].weight[[channel]])
    weights[0, int(order[4]), 1, 1] = .5
    expected = F.conv2d(values[ops[k].inputs[0]], weights, torch.tensor(ops[k].bias[[channel]]), padding=1)
    np.testing.assert_allclose(response(page), expected.flatten(), atol=1e-4)


# ---- the window

def test_it_stands_mid_sweep_on_the_recorded_drawing(page, url):
    open_wing(page, url)
    size = int(page.locator(".kernel .film .strip").get_attribute("aria-valuemax"))
    assert size == 28 * 28 - 1
    assert .35 < int(page.locator(".kernel .film .strip").get_attribute("aria-valuenow")) / size < .8
    filled = page.locator(".kernel .out canvas").evaluate("""(c) => {
      const rgba = c.getContext('2d').getImageData(0, 0, 28, 28).data, empty = Lab.rgb('sunken');
      return [0, 783].map((i) => empty.every((v, k) => v === rgba[4 * i + k])); }""")
    assert filled == [False, True], "filled up to the window, not beyond"
    expect(page.locator(".kernel .learned .choice[aria-pressed=true]")).to_have_count(1)


def test_products_and_sum_are_those_of_the_window(page, url, store):
    open_wing(page, url)
    ops, values = python(page, store, "resnet")
    k = first(ops)
    learned(page, 2).click()
    padded = F.pad(values[ops[k].inputs[0]], (1, 1, 1, 1))[0, 0]
    for row, column in ((0, 0), (12, 9), (27, 20)):
        page.mouse.move(*at(page, "out", row, column, 28))
        assert place(page) == (row, column)
        window, weights = padded[row:row + 3, column:column + 3], torch.tensor(ops[k].weight[2, 0])
        cells = {name: [number(t) for t in page.locator(f".kernel .{name} td").all_text_contents()] for name in ("patch", "products")}
        np.testing.assert_allclose(cells["patch"], window.flatten(), atol=.00501)
        np.testing.assert_allclose(cells["products"], (window * weights).flatten(), atol=.00501)
        total = [number(t) for t in page.locator(".kernel .total dd").all_text_contents()]
        np.testing.assert_allclose(total, [(window * weights).sum(), ops[k].bias[2], values[k][0, 2, row, column]], atol=.00501)


def test_the_pointer_takes_the_window_over_on_either_picture(page, url):
    open_wing(page, url)
    page.mouse.move(*at(page, "in", 1 + 6, 1 + 20, 30))  # the picture with the ring of zeros around it
    assert place(page) == (6, 20)
    page.mouse.move(*at(page, "in", 0, 0, 30))
    assert place(page) == (0, 0)
    page.mouse.move(*at(page, "out", 15, 3, 28))
    assert place(page) == (15, 3)


def test_keys_steps_scrubbing_and_playing(page, url):
    open_wing(page, url)
    page.locator(".kernel .out .touch").focus()
    row, column = place(page)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    assert place(page) == (row - 1, column + 1)
    strip = page.locator(".kernel .film .strip")
    strip.focus()
    page.keyboard.press("Home")
    assert place(page) == (0, 0)
    page.click(".kernel .on")
    page.click(".kernel .on")
    page.click(".kernel .back")
    assert place(page) == (0, 1)
    box = strip.bounding_box()
    page.mouse.click(box["x"] + .5 * box["width"], box["y"] + box["height"] / 2)
    assert abs(28 * place(page)[0] + place(page)[1] - 392) < 8
    page.click(".kernel .play")
    page.wait_for_function("+document.querySelector('.kernel .strip').getAttribute('aria-valuenow') > 410")
    strip.press("ArrowLeft")  # a step stops it
    expect(page.locator(".kernel .play")).to_have_attribute("aria-label", "Play")


def test_it_follows_the_drawing_and_the_network(page, url, store):
    open_wing(page, url, "resnet")
    page.evaluate("document.querySelector('.pad .ink').focus({ preventScroll: true })")
    page.keyboard.press("7")
    page.wait_for_function("Lab.last('reading').digit === 7 && Lab.last('reading').final")
    ops, values = python(page, store, "resnet")
    channel = page.locator(".kernel .learned .choice").evaluate_all("(all) => all.findIndex((b) => b.ariaPressed === 'true')")
    page.wait_for_function(f"Math.abs({RESPONSE}[400] - {float(values[first(ops)][0, channel].flatten()[400])}) < 1e-4")
    np.testing.assert_allclose(response(page), values[first(ops)][0, channel].flatten(), atol=1e-4)
    page.evaluate("Lab.tell('pen', { network: 'lenet' })")
    page.wait_for_selector('[data-shows="lenet"]')
    expect(page.locator(".kernel .learned .choice")).to_have_count(8)
    assert len(response(page)) == 32 * 32


def test_on_a_phone_a_finger_moves_the_window(phone, url):
    page = open_wing(phone, url)
    page.locator(".kernel .out .touch").scroll_into_view_if_needed()
    boxes = [page.locator(f".kernel .{name} .touch").bounding_box() for name in ("in", "out")]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 30 and boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"], "side by side"
    page.touchscreen.tap(*at(page, "out", 20, 10, 28))
    assert place(page) == (20, 10)
    for button in page.locator(".kernel .play, .kernel .steps button, .kernel .choice, .kernel .weights input").all():
        box = button.bounding_box()
        assert box["width"] >= 44 and box["height"] >= 44
    assert page.evaluate("document.documentElement.scrollWidth") == 390
