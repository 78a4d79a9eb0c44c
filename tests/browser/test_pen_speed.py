"""The page reads a drawing by itself, as Python does, while the pen moves; the server confirms when the stroke ends."""

import base64
import json
import math
import shutil

import numpy as np
import pytest
import torch
from playwright.sync_api import Page, expect

from mnist_lab import checkpoint, drawing
from mnist_lab.checkpoint import Metadata, Store
from mnist_lab.data import to_model
from mnist_lab.models import LeNet
from mnist_lab.ui.readings import digit_of, steps_of
from tests.browser.conftest import free_port, watched_page

SEVEN = [(.28 + .014 * i, .22) for i in range(31)] + [(.70 - .0065 * i, .22 + .015 * i) for i in range(41)]
SCRIBBLE = [(.5 + .38 * math.sin(1.1 * i), .5 + .38 * math.cos(1.73 * i)) for i in range(40)]
FLY = "() => { window.readings = []; document.addEventListener('lab:reading', (e) => readings.push(e.detail)); return Lab.network('lenet').then(() => 1); }"


def open_room(page: Page, url: str, network: str = "resnet") -> Page:
    """With LeNet in the page, as after the first sign of a hand; every later reading is kept in `readings`."""
    page.goto(f"{url}?room=classify&network={network}")
    page.wait_for_selector(".layers .tile")
    page.wait_for_selector(".pad")
    page.mouse.move(3, 3)
    page.evaluate(FLY)
    return page


@pytest.fixture
def room(page: Page, url: str) -> Page:
    return open_room(page, url)


def on_pad(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator(".pad .ink").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def pen_down(page: Page, points: list[tuple[float, float]]) -> None:
    page.mouse.move(*on_pad(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*on_pad(page, *point))


def draw(page: Page, points: list[tuple[float, float]]) -> None:
    pen_down(page, points)
    page.mouse.up()


def calls(page: Page) -> list[str]:
    """The names of the server functions asked for from now on."""
    asked = []
    page.on("request", lambda r: asked.append(json.loads(r.post_data)["fn_name"]) if "component_server" in r.url else None)
    return asked


def answer_by(page: Page, name: str, answer: object) -> None:
    """The server's function answers this."""
    page.route("**/component_server/", lambda route: route.fulfill(json=answer) if f'"{name}"' in route.request.post_data else route.continue_())


# ---- the same sums


def drawings() -> list[tuple[list, float]]:
    """200 of all sorts: dots, one to four strokes, straight and trembling, any brush."""
    rng, found = np.random.default_rng(7), []
    for k in range(200):
        strokes = []
        for _ in range(rng.integers(1, 5)):
            n = 1 if rng.random() < 0.15 else int(rng.integers(2, 60))
            walk = rng.uniform(0.1, 0.9, 2) + rng.normal(0, 0.03, (n, 2)).cumsum(0)
            if k % 10 == 0:
                walk[:, k // 10 % 2] = walk[0, k // 10 % 2]  # upright or level
            strokes.append(walk.clip(0, 1).round(4).tolist())
        found.append((strokes, float(rng.uniform(*drawing.BRUSH))))
    return found


def test_digits_and_logits_of_200_drawings_equal_python_s(room, store):
    mine = drawings()
    run = """async ([program, drawings]) => { const net = Lab.makeNetwork(program); return drawings.map((d) => {
      const digit = Lab.toDigit(...d), { logits, score } = net.run(digit.pixels);
      return { ...digit, pixels: [...digit.pixels], logits: [...logits], score }; }); }"""
    found = room.evaluate(run, [steps_of(store, {"network": "lenet"}), mine])
    expected = [drawing.from_strokes(*d) for d in mine]
    pixels = np.stack([d.pixels for d in expected])
    assert np.abs(np.array([f["pixels"] for f in found]).reshape(-1, 28, 28) - pixels.astype(int)).max() <= 1
    np.testing.assert_allclose([f["box"] for f in found], [d.box for d in expected], atol=1e-9)
    np.testing.assert_allclose([f["placed"] for f in found], [d.placed for d in expected], atol=1e-9)
    with torch.inference_mode():
        logits = store["lenet"](to_model(torch.from_numpy(pixels)))
    np.testing.assert_allclose([f["logits"] for f in found], logits, atol=1e-4)
    np.testing.assert_allclose([f["score"] for f in found], logits.logsumexp(1), atol=1e-4)


def test_no_ink_is_no_digit(room):
    assert room.evaluate("[Lab.toDigit([], .1), Lab.toDigit([[]], .1)]") == [None, None]


# ---- while the pen moves, and at the end of a stroke


def test_bars_follow_the_pen_without_the_server_which_confirms_at_the_end(room):
    asked = calls(room)
    pen_down(room, SEVEN)
    expect(room.locator(".bars li.top .ask")).to_have_text("7")
    expect(room.locator(".bars .who")).to_have_text("LeNet")
    expect(room.locator(".seen .recorded")).to_be_hidden()
    moved = room.evaluate("readings.map((r) => ({ page: r.page.name, final: r.final, values: r.page.run.values.length, p: r.p, network: r.network }))")
    assert len(moved) > 10, "a reading a frame"
    assert all(r["page"] == "lenet" and not r["final"] and r["values"] > 9 and r["network"] == "resnet" for r in moved)
    assert len({tuple(r["p"]) for r in moved}) > 10, "the bars move"
    assert "read" not in asked
    room.mouse.up()
    room.wait_for_function("readings.at(-1).final")
    last = room.evaluate("(({ network, lifted, page, digit, layers }) => ({ network, lifted, page, digit, layers: layers.length }))(readings.at(-1))")
    assert last["network"] == "resnet" and last["lifted"] and last.get("page") is None and last["digit"] == 7 and last["layers"] > 5
    assert asked.count("read") == 1
    expect(room.locator(".bars .who")).to_have_text("Best")


def test_where_moves_come_with_the_frames_only_the_bars_follow_too(browser, url):
    """Safari, and pages that are not served securely, know no pointerrawupdate."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script("delete window.onpointerrawupdate; delete Window.prototype.onpointerrawupdate;")
    page.goto(url)
    page.wait_for_selector(".pad .samples button")
    assert page.evaluate("'onpointerrawupdate' in window") is False
    page.evaluate("() => { window.readings = []; document.addEventListener('lab:reading', (e) => readings.push(e.detail)); }")
    page.evaluate("Lab.network('lenet').then(() => 1)")
    draw(page, SEVEN)
    page.wait_for_function("readings.at(-1)?.final")
    assert page.evaluate("readings.filter((r) => r.page && !r.final).length") > 5
    assert page.evaluate("readings.at(-1).digit") == 7
    page.close()


def test_every_reading_of_the_page_is_of_the_drawing_on_the_pad(room, store):
    draw(room, SEVEN)
    room.wait_for_function("readings.at(-1).final")
    here, there = room.evaluate("[readings.filter((r) => r.page).at(-1).seen, readings.at(-1).seen]")
    difference = np.frombuffer(base64.b64decode(here), np.uint8).astype(int) - np.frombuffer(base64.b64decode(there), np.uint8)
    assert np.abs(difference).max() <= 1


def test_a_sample_is_read_at_once_and_then_confirmed(room):
    room.click(".pad .samples button >> nth=2")
    room.wait_for_function("readings.at(-1)?.final")
    assert room.evaluate("readings.map((r) => [r.by, Boolean(r.page)])") == [["sample", True], ["sample", False]]


def test_a_cleared_pad_waits_at_once(room):
    draw(room, SEVEN)
    room.click(".pad .clear")
    expect(room.locator(".bars .says")).to_have_text("Waiting for your pen")
    expect(room.locator(".bars .gauge")).to_have_class("gauge unknown")
    assert room.evaluate("readings.at(-1).empty && readings.at(-1).final")


def test_where_lenet_cannot_be_had_the_server_reads_while_the_pen_moves(page, url):
    answer_by(page, "steps", {"error": "This network’s weights are not here."})
    page.goto(url + "?room=classify")
    page.wait_for_selector(".layers .tile")
    page.evaluate("() => { window.readings = []; document.addEventListener('lab:reading', (e) => readings.push(e.detail)); }")
    pen_down(page, SEVEN)
    page.wait_for_function("readings.some((r) => r.digit === 7)")
    assert page.evaluate("readings.every((r) => !r.page && !r.final && r.network === 'resnet')")
    page.mouse.up()
    page.wait_for_function("readings.at(-1).final && readings.at(-1).lifted")


def test_with_the_connection_lost_the_page_s_own_reading_stands(room):
    answer_by(room, "read", None)
    draw(room, SEVEN)
    room.wait_for_function("readings.at(-1).final")
    assert room.evaluate("readings.at(-1).alone && readings.at(-1).digit") == 7
    expect(room.locator(".bars .why")).to_have_text("The connection is lost; LeNet reads on, in this page.")


def test_a_digit_from_elsewhere_becomes_the_drawing(room, validation_digits):
    pixels = base64.b64encode(validation_digits.images[4].numpy().tobytes()).decode()
    room.evaluate("scrollTo(0, 300)")
    room.evaluate("(pixels) => Lab.tell('take', { pixels, label: 3 })", pixels)
    room.wait_for_function("readings.at(-1)?.final")
    assert room.evaluate("[readings.at(-1).seen, readings.at(-1).by, scrollY]") == [pixels, "sample", 300]


# ---- what is no digit


def score(store: Store, name: str, points: list[tuple[float, float]]) -> float:
    digit = digit_of({"strokes": [[list(p) for p in points]]})
    with torch.inference_mode():
        return store[name](to_model(torch.from_numpy(digit.pixels)[None])).logsumexp(1).item()


@pytest.fixture(scope="module")
def calibrated(store, checkpoints, tmp_path_factory):
    """The address of an app whose networks take the 7 for a usual digit and the scribble for none."""
    from mnist_lab.ui.app import build, launch_settings

    folder = tmp_path_factory.mktemp("calibrated")
    (folder / "mnist").mkdir()
    for name in ("lenet", "resnet"):
        path = folder / "mnist" / f"{name}.safetensors"
        shutil.copy(checkpoints / "mnist" / path.name, path)
        usual, strange = score(store, name, SEVEN), score(store, name, SCRIBBLE)
        checkpoint.update(path, settings={"calibration": {"temperature": 1.5, "threshold": (usual + strange) / 2, "typical": usual}})
    demo = build(Store(folder))
    demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", server_port=free_port(), **launch_settings())
    yield demo.local_url.rstrip("/")
    demo.close()


@pytest.fixture
def judge(browser, calibrated):
    for page in watched_page(browser, calibrated, viewport={"width": 1440, "height": 900}):
        yield open_room(page, calibrated)


def test_a_scribble_does_not_look_like_a_digit(judge):
    draw(judge, SCRIBBLE)
    judge.wait_for_function("readings.at(-1)?.final")
    assert judge.evaluate("readings.filter((r) => r.page).at(-1).likeness") < .5, "the page says the same as the server"
    assert judge.evaluate("readings.at(-1).likeness") < .5
    expect(judge.locator(".bars .says")).to_have_text("This does not look like a digit to me")
    expect(judge.locator(".bars .why")).to_have_text("Of real digits, 99 in 100 get a stronger answer.")
    judge.wait_for_function("getComputedStyle(document.querySelector('.bars .rows')).opacity < .5")
    judge.click(".pad .clear")
    draw(judge, SEVEN)
    judge.wait_for_function("readings.at(-1)?.final && readings.at(-1).p")
    assert judge.evaluate("[readings.filter((r) => r.page).at(-1).likeness, readings.at(-1).likeness]") == pytest.approx([1, 1], abs=.05)
    expect(judge.locator(".bars .says")).to_contain_text("7")
    judge.wait_for_function("getComputedStyle(document.querySelector('.bars .rows')).opacity > .99")


def test_the_needle_s_words_tell_its_place(judge):
    draw(judge, SEVEN)
    judge.wait_for_function("readings.at(-1)?.final")
    expect(judge.locator(".bars .gauge")).to_have_attribute("aria-label", "How digit-like it is: 100 of 100, below 50 it is not a digit")
    rail, needle = (judge.locator(f".bars .rail{part}").bounding_box() for part in ("", " i"))
    assert needle["x"] + needle["width"] == pytest.approx(rail["x"] + rail["width"], abs=3)


# ---- two networks


def test_both_networks_stand_side_by_side(page, url):
    room = open_room(page, url, "both")
    expect(room.locator("#classify-drawer .label-wrap")).to_contain_text("Both")
    pen_down(room, SEVEN)
    expect(room.locator(".bars .why")).to_have_text("The best answers when you lift the pen.")
    assert room.evaluate("readings.at(-1).pair[0].network === 'lenet' && readings.at(-1).pair[1] === null")
    room.mouse.up()
    room.wait_for_function("readings.at(-1).final")
    assert room.evaluate("readings.at(-1).pair.map((v) => [v.network, v.digit])") == [["lenet", 7], ["resnet", 7]]
    assert room.evaluate("readings.at(-1).network") == "resnet", "the wings follow the best one"
    expect(room.locator(".bars .why")).to_contain_text("Both read 7")
    expect(room.locator(".bars .well:visible")).to_have_count(20)


def test_their_disagreement_is_a_sentence(room):
    says = """(a, b) => { const p = (d) => Array.from({ length: 10 }, (_, i) => (i === d ? .91 : .01));
      const one = (network, d) => ({ network, digit: d, p: p(d), likeness: null });
      Lab.tell('reading', { ...one('resnet', b), pair: [one('lenet', a), one('resnet', b)], final: true });
      return document.querySelector('.bars .why').textContent; }"""
    assert room.evaluate(f"({says})(9, 4)") == "They disagree: LeNet reads 9, the best reads 4."
    assert room.evaluate(f"({says})(4, 4)") == "Both read 4, and agree on every digit."


def test_both_on_a_phone(phone, url):
    phone.goto(url + "?room=classify&network=both")
    phone.wait_for_selector(".pad .samples button")
    phone.evaluate(FLY)
    phone.locator(".pad .samples button").nth(2).tap()
    phone.wait_for_function("readings.at(-1)?.pair?.[1]")
    expect(phone.locator(".bars .well:visible")).to_have_count(20)
    expect(phone.locator(".bars .sides")).to_contain_text("Left LeNet, right Best")
    for part in (".pad .box", ".bars .rows", ".pad .samples"):
        box = phone.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 844, f"{part} is not whole on the first screen"
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


# ---- a visitor's own network


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(3)
    checkpoint.save(tmp_path / "mine.safetensors", LeNet(), Metadata(model="lenet", config={"batch_norm": False}))
    return tmp_path / "mine.safetensors"


def test_an_uploaded_network_reads_at_pen_speed_and_on_the_server(room, weights):
    room.click("#classify-drawer .label-wrap")
    room.set_input_files("#classify-files input[type=file] >> nth=1", weights)
    expect(room.locator("#classify-drawer .label-wrap")).to_contain_text("Yours")
    expect(room.get_by_role("radio", name="Yours")).to_be_checked()
    room.wait_for_function("readings.at(-1)?.network.startsWith('guest-')")
    name = room.evaluate("readings.at(-1).network")
    assert "guest" not in room.url, "its name is the visitor's own"
    expect(room.locator("#classify-foot .code")).to_contain_text('mnist_lab.load("yours.safetensors")')
    room.evaluate("(name) => Lab.network(name).then(() => 1)", name)
    pen_down(room, SEVEN)
    room.wait_for_function("(name) => readings.at(-1).page?.name === name", arg=name)
    room.mouse.up()
    room.wait_for_function("readings.at(-1).final && readings.at(-1).lifted")
    assert room.evaluate("readings.at(-1).network") == name
    np.testing.assert_allclose(*room.evaluate("[readings.filter((r) => r.page).at(-1).p, readings.at(-1).p]"), atol=1e-4)
    expect(room.locator(".bars .who")).to_have_text("Yours")


DROP = """([name, data]) => { const files = new DataTransfer(); files.items.add(new File([Lab.bytes(data)], name));
  document.querySelector('.bars').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true })); }"""


def test_a_network_dropped_anywhere_in_the_room_is_taken(room, weights):
    room.evaluate(DROP, ["mine.safetensors", base64.b64encode(weights.read_bytes()).decode()])
    room.wait_for_function("readings.at(-1)?.network?.startsWith('guest-')")


@pytest.mark.parametrize(("name", "words"), [("mine.safetensors", "not a whole .safetensors file"), ("gan.safetensors", "does not read digits"),
                                             ("notes.txt", "no .safetensors file")])
def test_other_files_are_refused_in_a_sentence_and_nothing_changes(room, weights, checkpoints, tmp_path, name, words):
    if name == "gan.safetensors":
        shutil.copy(checkpoints / "mnist" / name, tmp_path)
    elif name == "notes.txt":
        (tmp_path / name).write_text("no weights")
    else:
        weights.write_bytes(weights.read_bytes()[:9000])
    room.click("#classify-drawer .label-wrap")
    room.set_input_files("#classify-files input[type=file] >> nth=1", tmp_path / name)
    expect(room.get_by_text(words)).to_be_visible()
    expect(room.get_by_label("Best", exact=True)).to_be_checked()
    assert room.evaluate("readings.length") == 0
