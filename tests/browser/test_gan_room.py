"""The GAN room in a real browser: the plane that follows the finger without the server, morphs, directions, drawings, the judge."""

import base64
import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from mnist_lab.data import one_hot, to_pictures
from mnist_lab.labs import GanLab
from mnist_lab.models import ResidualGenerator
from mnist_lab.ui.forgery import _packed, generator_of
from tests.browser.test_diffusion_room import ink, requests_during

PLANE, DIGIT = "#gan-plane .square .sheet", "#gan-plane canvas.digit"


def open_room(page, url, query="", ready=True):
    page.goto(f"{url}?room=gan&still=1{query}")
    state = "ready" if ready else "drawn"
    page.wait_for_selector(f"#gan-plane [data-{state}], #gan-plane[data-{state}]", state="attached")


def wing(page, name, room="gan"):
    """Scroll to a wing and wait until it has drawn."""
    part = page.locator(f"#{room}-{name}")
    part.scroll_into_view_if_needed()
    page.wait_for_selector(f"#{room}-{name} [data-ready], #{room}-{name}[data-ready]", state="attached")
    return part


def slide(page, selector: str, value: float):
    page.eval_on_selector(selector, "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', { bubbles: true })); }", value)


def shown(page, selector: str) -> np.ndarray:
    """The ink (28, 28) that a canvas shows in light mode, 0 to 255."""
    paper, dark = 255, 22  # red channel of surface and ink
    red = np.array(ink(page, selector), float).reshape(28, 28)
    return (paper - red) * 255 / (paper - dark)


# ---- the generator in the page


@pytest.mark.parametrize("which", ["shipped", "residual"])
@pytest.mark.parametrize("simd", [True, False])
def test_the_page_makes_what_python_makes(page, url, store, which, simd):
    page.goto(f"{url}?room=classify")
    page.wait_for_function("Boolean(window.Lab?.makeGenerator)")
    generator = store["gan"]
    if which == "residual":
        generator = ResidualGenerator().eval()
        for k, parameter in enumerate(generator.parameters()):
            torch.nn.init.normal_(parameter, 0, 0.08, generator=torch.Generator().manual_seed(k))
    z, label = torch.randn(6, 64, generator=torch.Generator().manual_seed(1)), one_hot(torch.arange(6))
    label[0, 0], label[0, 8] = 0.5, 0.5
    found = page.evaluate("""([program, z, label, simd]) => {
      if (!simd) WebAssembly.Module = class { constructor() { throw new Error("none here"); } };
      const generator = Lab.makeGenerator(program); return z.map((v, i) => [...generator.make(v, label[i])]);
    }""", [_packed(generator), z.tolist(), label.tolist(), simd])
    with torch.inference_mode():
        expected = to_pictures(generator(z, label)).reshape(6, -1).numpy().astype(int)
    assert np.abs(np.array(found) - expected).max() <= 2
    assert expected.std() > 5


# ---- the first screen


@pytest.mark.parametrize("device", ["page", "phone"])
def test_plane_and_digit_are_whole_on_the_first_screen_before_any_answer(request, url, device):
    page = request.getfixturevalue(device)
    page.route("**/component_server/", lambda route: None)  # the lab never answers
    page.goto(f"{url}?room=gan&still=1&__theme=light")
    page.wait_for_selector("#gan-plane [data-drawn], #gan-plane[data-drawn]", state="attached")
    height = page.viewport_size["height"]
    for selector in (PLANE, DIGIT):
        box = page.locator(selector).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height
    assert shown(page, DIGIT).sum() > 20 * 255
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]


def test_the_plane_follows_the_finger_without_the_server(page, url, store):
    open_room(page, url)
    page.wait_for_function("document.querySelector('#gan-plane .read').textContent.startsWith('LeNet reads')")
    box = page.locator(PLANE).bounding_box()
    pictures, rates = [], []

    def drag():
        page.mouse.move(box["x"] + 30, box["y"] + 30)
        page.mouse.down()
        page.evaluate("""() => { window.drawn = 0; window.started = performance.now();
          const count = () => { window.drawn++; window.counting && requestAnimationFrame(count); }; window.counting = true; requestAnimationFrame(count); }""")
        for k in range(40):
            page.mouse.move(box["x"] + 30 + 9 * k, box["y"] + 30 + 8 * k)
            if k % 10 == 0:
                pictures.append(ink(page, DIGIT))
        rates.append(page.evaluate("() => { window.counting = false; return 1000 * window.drawn / (performance.now() - window.started); }"))
        page.mouse.up()

    assert requests_during(page, drag) == []
    assert len({tuple(p) for p in pictures}) == len(pictures)
    assert rates[0] > 12  # frames a second; 60 on an idle machine
    each = page.evaluate("""async () => { const g = await Lab.generator(), z = new Float32Array(g.latent).fill(.7), l = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0];
      for (let k = 0; k < 20; k++) g.make(z, l);
      const t = performance.now(); for (let k = 0; k < 100; k++) g.make(z, l); return (performance.now() - t) / 100; }""")
    print(f"{rates[0]:.0f} frames a second, {each:.2f} ms a digit")
    assert each < 33


def test_the_address_and_the_three_lines_say_what_is_shown(page, url, store):
    open_room(page, url, "&digit=5&share=30&at=0.2_0.7&seed_a=3&seed_b=4&wildness=0.8&__theme=light")
    expect(page.locator("#gan-share")).to_contain_text("Blend 5 with 8")
    handle = page.locator("#gan-plane .handle")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url(re.compile(r"at=0\.25_0\.7"))
    code = page.locator("#gan-foot .code")
    expect(code).to_contain_text("lab.at(0.25, 0.7, seeds=(3, 4), digit=5, blend=(8, 0.3), wildness=0.8)")
    made = np.asarray(GanLab(store).at(0.25, 0.7, seeds=(3, 4), digit=5, blend=(8, 0.3), wildness=0.8), float)
    assert np.abs(shown(page, DIGIT) - made).max() <= 4


def test_pins_draw_the_walk_and_travel_in_the_address(page, url, store):
    open_room(page, url)
    handle, strip = page.locator("#gan-plane .handle"), page.locator("#gan-plane .strip")
    handle.focus()
    for _ in range(6):
        page.keyboard.press("ArrowDown")
    page.click("#gan-plane .pin-here")
    expect(page.locator("#gan-plane .pin")).to_have_count(3)
    expect(page.locator("#gan-plane .last")).to_have_text("C")
    page.wait_for_url(re.compile(r"pins=[^&]*\*[^&]*\*"))
    strip.focus()
    page.keyboard.press("End")
    at_c = handle.evaluate("e => [e.style.left, e.style.top]")
    assert at_c == page.locator("#gan-plane .pin").nth(2).evaluate("e => [e.style.left, e.style.top]")
    page.reload()
    page.wait_for_selector("#gan-plane [data-ready], #gan-plane[data-ready]", state="attached")
    expect(page.locator("#gan-plane .pin")).to_have_count(3)
    page.locator("#gan-plane .pin").nth(1).focus()
    page.keyboard.press("Delete")
    expect(page.locator("#gan-plane .pin")).to_have_count(2)


@pytest.mark.parametrize("pins", ["0_0", "*".join(["0.1_0.2"] * 9), "0_0*2_2", "a_b*0_0"])
def test_a_link_with_other_pins_than_a_walk_has_counts_as_none(page, url, store, pins):
    open_room(page, url, f"&pins={pins}")
    expect(page.locator("#gan-plane .pin")).to_have_count(2)


def test_a_latent_can_be_placed_where_all_hands_are_one(page, url, store):
    open_room(page, url, "&wildness=0")
    page.evaluate("Lab.tell('place', { z: Array.from({ length: 64 }, (_, i) => Math.sin(i)), end: 0, name: 'mine', code: 'lab.mine' })")
    expect(page.locator("#gan-plane .pin").first).to_have_attribute("aria-label", re.compile("mine"))
    expect(page.locator("#gan-foot .code")).to_contain_text("lab.mine")


def test_the_three_paths_differ_halfway(page, url, store):
    open_room(page, url)
    lengths = {}
    for words in ("Straight", "Along the ring", "Through the centre"):
        page.click(f"#gan-path label:has-text('{words}')")
        expect(page.locator("#gan-note .note")).to_be_visible()
        page.locator("#gan-plane .strip").focus()
        page.keyboard.press("Home")
        for _ in range(3):
            page.keyboard.press("PageDown")
        lengths[words] = float(re.search(r"length ([\d.]+)", page.inner_text("#gan-plane .length"))[1])
    assert lengths["Through the centre"] < 0.1 < lengths["Straight"] < lengths["Along the ring"] - 1


def test_a_new_slice_and_a_third_latent(page, url, store):
    open_room(page, url)
    before = ink(page, "#gan-plane canvas.land")
    page.click("#gan-dice")
    page.wait_for_function("""(before) => { const c = document.querySelector('#gan-plane canvas.land');
      return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v, i) => i % 4 === 0 && v !== before[i / 4]); }""", arg=before)
    page.click("#gan-drawer button")
    page.click("#gan-third label:has-text('a third latent')")
    page.wait_for_url(re.compile("third=seed"))


def test_the_dice_throw_three_seeds_that_differ(page, url, store):
    open_room(page, url)
    page.evaluate("() => { let n = 0; Math.random = () => (n < 40 ? [0.013, 0.5, 0.5, 0.013][n++ % 4] : n++ / 1000); }")  # C is 13
    page.click("#gan-dice")
    page.wait_for_url(re.compile("seed_a="))
    a, b = (int(re.search(f"seed_{end}=(\\d+)", page.url)[1]) for end in "ab")
    assert len({a, b, 13}) == 3


# ---- the wings


def test_a_morph_of_three_stops_by_three_paths(page, url, store):
    open_room(page, url)
    part = wing(page, "morph")
    expect(part.locator(".stops button:not(.more)")).to_have_count(3)
    part.locator(".strip").focus()
    page.keyboard.press("Home")
    ends = [ink(page, f"#gan-morph [data-path={p}] .now canvas") for p in ("linear", "spherical", "centre")]
    assert ends[0] == ends[1] == ends[2]
    page.keyboard.press("PageDown")
    middles = [ink(page, f"#gan-morph [data-path={p}] .now canvas") for p in ("linear", "spherical", "centre")]
    assert len({tuple(m) for m in middles}) == 3
    part.locator(".more").click()
    expect(part.locator(".stops button:not(.more)")).to_have_count(4)
    part.locator(".choices button").nth(9).click()
    expect(part.locator(".stops .chosen")).to_have_attribute("aria-label", "Stop D, a 9")
    with page.expect_download() as caught:
        part.locator(".gif").click()
    assert caught.value.suggested_filename == "morph.gif"
    part.locator(".away").click()
    expect(part.locator(".stops button:not(.more)")).to_have_count(3)


def test_the_keyboard_goes_on_where_it_was(page, url, store):
    open_room(page, url)
    part = wing(page, "morph")
    part.locator(".stops button").nth(1).focus()
    page.keyboard.press("Enter")
    expect(part.locator(".stops button").nth(1)).to_be_focused()
    expect(part.locator(".stops button").nth(1)).to_have_class("chosen")
    page.locator("#gan-plane .pin-here").click()
    pins = page.locator("#gan-plane .pin")
    expect(pins).to_have_count(3)
    pins.nth(2).focus()
    page.keyboard.press("Delete")
    expect(pins).to_have_count(2)
    expect(pins.nth(1)).to_be_focused()
    save = page.get_by_role("button", name="Save as a picture: Three ways from hand to hand")
    save.focus()
    with page.expect_download():
        page.keyboard.press("Enter")
    expect(save).to_be_focused()


def test_a_stop_that_is_taken_away_while_another_is_on_its_way(page, url, store):
    open_room(page, url)
    part, held = wing(page, "morph"), []
    page.route("**/component_server/", lambda route: held.append(route) if '"latents"' in (route.request.post_data or "") else route.continue_())
    part.locator(".more").click()
    page.wait_for_timeout(200)
    part.locator(".away").click()
    expect(part.locator(".stops button:not(.more)")).to_have_count(2)
    assert len(held) == 1
    held[0].continue_()
    expect(part.locator(".stops button:not(.more)")).to_have_count(3)
    expect(part.locator(".stops .chosen")).to_have_attribute("aria-label", re.compile("Stop C"))


def test_one_noise_ten_labels_follow_the_plane(page, url, store):
    open_room(page, url)
    part = wing(page, "ten")
    expect(part.locator(".fakes figure")).to_have_count(10)
    expect(part.locator(".says")).to_contain_text("read as asked")
    before = ink(page, "#gan-ten .fakes figure:nth-child(4) canvas")
    part.locator(".noise").click()
    assert ink(page, "#gan-ten .fakes figure:nth-child(4) canvas") != before
    real = ink(page, "#gan-ten .reals figure:nth-child(4) canvas")
    part.locator(".more").click()
    assert ink(page, "#gan-ten .reals figure:nth-child(4) canvas") != real


def test_a_direction_changes_the_digit_and_can_be_kept(page, url, store):
    open_room(page, url, "&__theme=light")
    part = wing(page, "directions")
    page.wait_for_function("document.querySelector('#gan-directions .now canvas').width === 28")
    plain = shown(page, "#gan-directions .now canvas")
    moves = []
    assert requests_during(page, lambda: moves.append(slide(page, "#gan-directions [data-name=ink] input", 3))) == []
    assert shown(page, "#gan-directions .now canvas").sum() > 1.1 * plain.sum()
    expect(part.locator("[data-name=ink] .by")).to_contain_text("+")
    part.locator(".save").click()
    expect(part.locator(".own .way")).to_have_count(1)
    page.reload()
    page.wait_for_selector("#gan-plane [data-ready], #gan-plane[data-ready]", state="attached")
    wing(page, "directions")
    expect(part.locator(".own .way")).to_have_count(1)
    part.locator("[data-name=slant] .see").click()
    expect(page.locator("#gan-plane .pin").first).to_have_attribute("aria-label", re.compile("less slant"))


def draw_seven(page, selector: str):
    page.locator(selector).scroll_into_view_if_needed()
    box = page.locator(selector).bounding_box()
    points = [(0.25, 0.2), (0.75, 0.2), (0.6, 0.5), (0.45, 0.85)]
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for x, y in at[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def test_a_drawing_is_found_among_the_latents(page, url, store):
    open_room(page, url)
    part = wing(page, "invert")
    expect(part.locator(".verdict")).to_contain_text("Found")  # recorded
    part.locator(".sketch .clear").click()
    expect(part.locator(".verdict")).to_have_text("Waiting for your pen")
    draw_seven(page, "#gan-invert .sketch canvas + canvas")
    page.wait_for_function("document.querySelector('#gan-invert [data-found], #gan-invert[data-found]')", timeout=30_000)
    expect(part.locator(".choices [aria-pressed=true]")).to_have_text("7")
    error = float(part.locator(".error").inner_text().split()[0])
    part.locator(".strip").focus()
    page.keyboard.press("Home")
    expect(part.locator(".at")).to_have_text("best of 256 random ones")
    assert float(part.locator(".error").inner_text().split()[0]) > error
    part.locator(".as-a").click()
    expect(page.locator("#gan-plane .pin").first).to_have_attribute("aria-label", re.compile("your digit"))
    expect(page.locator("#gan-digit .selected")).to_have_text("7")
    part.locator(".use").click()
    expect(page.locator("#gan-directions .of")).to_have_text("Your digit")


def test_wildness_redraws_forty_digits_under_the_finger(page, url, store):
    open_room(page, url)
    part = wing(page, "wild")
    page.wait_for_function("document.querySelector('#gan-wild [data-drawn=\"1\"], #gan-wild[data-drawn=\"1\"]')")
    before = ink(page, "#gan-wild canvas")
    assert requests_during(page, lambda: slide(page, "#gan-wild input", 0)) == []
    page.wait_for_function("document.querySelector('#gan-wild [data-drawn=\"0\"], #gan-wild[data-drawn=\"0\"]')")
    after = np.array(ink(page, "#gan-wild canvas"))
    assert after.tolist() != before
    sheet = after.reshape(-1, 298)
    assert (sheet[:28] == sheet[30:58]).all()  # at zero all hands are one
    expect(part.locator(".verdict")).to_have_text("Every hand is the same hand")


def test_obeying_the_judge_moves_its_mark_up(page, url, store):
    open_room(page, url)
    part = wing(page, "judge")

    def score() -> float:
        return float(part.locator(".score").inner_text().split()[1].replace("−", "-").replace("+", ""))

    before = score()
    part.locator(".obey").click()
    page.wait_for_function("document.querySelector('#gan-judge [data-obeyed], #gan-judge[data-obeyed]')")
    assert score() > before + 0.5
    expect(part.locator(".steps")).to_have_text("after 5 steps")
    expect(part.locator(".reads")).to_contain_text("%")
    part.locator(".undo").click()
    expect(part.locator(".steps")).to_have_text("")
    part.locator(".fake").click()
    expect(part.locator(".undo")).to_be_disabled()
    part.locator(".choices button").nth(3).click()
    expect(part.locator(".verdict")).to_contain_text("3")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_whole_room_on_a_phone(phone, url, store, theme):
    open_room(phone, url, f"&__theme={theme}")
    for name in ("morph", "ten", "directions", "invert", "wild", "judge"):
        wing(phone, name)
        assert phone.evaluate("document.documentElement.scrollWidth") == 390
    surface = {"light": 255, "dark": 22}[theme]
    assert surface in ink(phone, DIGIT)


def test_the_plane_on_a_phone_by_touch(phone, url, store):
    open_room(phone, url)
    box = phone.locator(PLANE).bounding_box()
    before, top = ink(phone, DIGIT), phone.evaluate("scrollY")
    touch = phone.context.new_cdp_session(phone)
    for kind, x, y in (("touchStart", 40, 40), ("touchMove", 60, 200), ("touchMove", 80, 300)):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": box["x"] + x, "y": box["y"] + y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert ink(phone, DIGIT) != before
    assert phone.evaluate("scrollY") == top  # it dragged, and did not scroll


def test_a_generator_is_fetched_once(page, url, store):
    asked = []
    page.on("request", lambda r: asked.append(r.post_data or "") if "component_server" in r.url else None)
    open_room(page, url)
    for name in ("ten", "directions", "wild"):
        wing(page, name)
    assert sum('"generator"' in body for body in asked) == 1
    assert len(base64.b64decode(generator_of(store, {})["weights"])) < 1_000_000


# ---- the war


def test_the_war_is_scrubbed_without_the_server(page, url, store):
    open_room(page, url)
    part = wing(page, "war")
    page.wait_for_selector("#gan-war [data-told=sound], #gan-war[data-told=sound]", state="attached", timeout=30_000)
    walls = []

    def scrub():
        part.locator(".strip").focus()
        page.keyboard.press("Home")
        expect(part.locator(".verdict")).to_have_text("Nobody knows anything yet")
        walls.append(ink(page, "#gan-war .wall"))
        page.keyboard.press("End")
        expect(part.locator(".still")).to_have_text("10 of ten")
        walls.append(ink(page, "#gan-war .wall"))
        box = part.locator(".loss").bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 40)
        expect(part.locator(".tale")).not_to_contain_text("After 0 digits")

    assert requests_during(page, scrub) == []
    assert walls[0] != walls[1]


def test_a_war_that_went_wrong_names_it_by_a_figure(page, url, store):
    open_room(page, url)
    part = wing(page, "war")
    for kind in ("default-init", "wide-init", "no-norm", "strong-judge"):
        part.locator(f"[data-key={kind}]").click()
        page.wait_for_selector(f"#gan-war [data-told={kind}], #gan-war[data-told={kind}]", state="attached", timeout=30_000)
        expect(part.locator(".tale")).to_contain_text(re.compile(r"Read as asked: \d+\s%; it reaches \d+\s% of the variety"))


def test_one_side_moves_alone_in_slow_motion(page, url, store):
    open_room(page, url)
    part = wing(page, "blow")
    part.get_by_role("button", name="Discriminator only").click()
    part.locator(".strip").focus()
    page.keyboard.press("Home")
    before = ink(page, "#gan-blow .after figure:first-child canvas")
    page.keyboard.press("End")
    expect(part.locator(".told")).to_contain_text("Alone, the discriminator")
    assert ink(page, "#gan-blow .after figure:first-child canvas") == before  # the generator rests
    part.get_by_role("button", name="Generator only").click()
    expect(part.locator(".told")).to_contain_text("Alone, the generator")
    assert ink(page, "#gan-blow .after figure:first-child canvas") != before
