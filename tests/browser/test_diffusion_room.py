"""The Diffusion room in a real browser: recorded film, streaming, Stop, scrubbing without the server, schedule, links."""

import json
import re
import time

import pytest
from PIL import Image
from playwright.sync_api import expect

from mnist_lab.diffusion import levels
from mnist_lab.labs import DiffusionLab


def open_room(page, url, query=""):
    page.goto(f"{url}?room=diffusion&still=1{query}")
    page.wait_for_selector("#denoising [data-ready], #denoising[data-ready]", state="attached")


QUIET = """() => { const n = performance.getEntriesByType('resource').length, now = performance.now();
  if (n !== window.labSeen) { window.labSeen = n; window.labSince = now; } return now - window.labSince > 1500; }"""


def requests_during(page, action) -> list[str]:
    page.wait_for_function(QUIET)  # other rooms fetch what they need at their own pace
    seen = []
    listener = lambda r: seen.append(r.url) if not r.url.startswith(("data:", "blob:")) and "heartbeat" not in r.url else None  # noqa: E731
    page.on("request", listener)
    action()
    page.remove_listener("request", listener)
    return seen


def strip(page):
    return page.locator("#denoising .strip")


def ink(page, selector: str) -> list[int]:
    """The red channel of a canvas."""
    return page.evaluate("""(s) => { const c = document.querySelector(s); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return Array.from({ length: d.length / 4 }, (_, i) => d[4 * i]); }""", selector)


def test_opens_on_a_recorded_film_that_scrubs(page, url):
    open_room(page, url)
    expect(page.locator("#denoising .recorded")).to_be_visible()

    def scrub():
        strip(page).focus()
        page.keyboard.press("Home")
        expect(page.locator("#denoising .step")).to_have_text("Pure noise")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#denoising .step")).to_have_text("Step 1 of 50")
        page.keyboard.press("End")
        expect(page.locator("#denoising .step")).to_have_text("Done")

    assert requests_during(page, scrub) == []


def test_frames_stream_in_and_every_step_can_be_scrubbed(page, url, store):
    open_room(page, url, "&steps=6&which=one&label=3&seed=4")  # the link presses Generate
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=30_000)
    expect(page.locator("#denoising .recorded")).to_be_hidden()
    strip(page).focus()
    steps = []
    page.keyboard.press("Home")
    for _ in range(7):
        steps.append(page.inner_text("#denoising .step"))
        page.keyboard.press("ArrowRight")
    assert steps == ["Pure noise", *(f"Step {k} of 6" for k in range(1, 6)), "Done"]


def test_stop_keeps_what_there_is_and_the_next_run_starts(page, url, store, monkeypatch):
    def slowly(x, alpha_bar):
        time.sleep(0.05)  # a thousand of them would hold the worker for close to a minute
        return (1 - alpha_bar).sqrt() * x

    monkeypatch.setattr(DiffusionLab, "denoiser", lambda lab, s: slowly)
    open_room(page, url, "&steps=1000&which=one&label=5")
    expect(page.locator("#denoising .step")).to_have_text(re.compile(r"Step \d+ of 1000"), timeout=30_000)
    page.focus("#stop")
    page.keyboard.press("Enter")
    expect(page.locator("#generate")).to_be_focused()  # the keyboard goes on where it was
    expect(page.locator("#denoising .left")).to_have_text(re.compile(r"Stopped at step \d+\. You can scrub what there is\."), timeout=5_000)
    stopped = re.search(r"\d+", page.inner_text("#denoising .left"))[0]
    page.wait_for_timeout(500)  # what was on its way
    strip(page).focus()
    page.keyboard.press("End")
    expect(page.locator("#denoising .step")).to_have_text(f"Step {stopped} of 1000")
    page.keyboard.press("Home")
    expect(page.locator("#denoising .step")).to_have_text("Pure noise")
    last = strip(page).get_attribute("aria-valuemax")
    page.click("#denoising .play")  # plays to where it was stopped, and rests there
    expect(strip(page)).to_have_attribute("aria-valuenow", last, timeout=10_000)
    expect(page.locator("#denoising .play")).to_have_attribute("aria-label", "Play")
    page.fill("#steps input[type=number]", "3")
    page.press("#steps input[type=number]", "Enter")
    page.click("#generate")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=10_000)


@pytest.mark.parametrize("query", ["&from=0.9&to=0.1&steps=6", "&schedule=freehand&curve=1,2,3&steps=6"])
def test_generate_is_there_again_after_a_refusal(page, url, store, query):
    open_room(page, url, query)
    expect(page.locator(".toast-body")).to_be_visible(timeout=20_000)
    expect(page.locator("#generate")).to_be_visible()
    expect(page.locator("#denoising .left")).to_have_text("")


@pytest.mark.parametrize("steps", ["", "0", "-5"])
def test_the_schedule_stands_while_the_number_of_steps_is_typed(page, url, steps):
    open_drawn(page, url)
    page.fill("#steps input[type=number]", steps)
    page.press("#steps input[type=number]", "Tab")
    page.wait_for_function("document.querySelectorAll('#schedule .signal .dot').length === 2")  # one step; a broken path would be in the console


def test_a_tile_that_is_not_of_the_film_says_so(page, url, store):
    open_room(page, url, "&steps=3&which=one&label=5")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=30_000)
    page.click("#denoising .ten button:nth-child(5)")
    expect(page.locator("#denoising .left")).to_have_text("This film is of a 5, not of a 3: Generate makes another.")
    page.click("#denoising .ten button:nth-child(7)")
    expect(page.locator("#denoising .left")).to_have_text("")


def test_the_noise_that_the_network_sees_stands_between(page, url):
    open_room(page, url)
    strip(page).focus()
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('#denoising [data-ready], #denoising[data-ready]')")
    start = ink(page, "#denoising .eps")
    assert len(set(start)) > 8
    page.keyboard.press("End")
    assert len(set(ink(page, "#denoising .eps"))) == 1, "the result has none left"


def test_the_film_goes_round(page, url):
    open_room(page, url)
    page.click("#denoising .loop")
    strip(page).focus()
    page.keyboard.press("End")
    page.click("#denoising .film .play")
    page.wait_for_function("document.querySelector('#denoising .step').textContent === 'Step 40 of 50'", polling="raf")
    page.wait_for_function("document.querySelector('#denoising .step').textContent === 'Step 10 of 50'", polling="raf")
    page.click("#denoising .film .play")


def test_all_labels_start_from_the_same_noise(page, url, store):
    open_room(page, url, "&steps=4")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=60_000)
    strip(page).focus()
    page.keyboard.press("Home")
    first, *others = (ink(page, f"#denoising .ten button:nth-child({k}) canvas") for k in range(1, 12))
    assert all(other == first for other in others)
    assert len(set(first)) > 20  # noise, not an empty canvas
    page.keyboard.press("End")
    ends = {tuple(ink(page, f"#denoising .ten button:nth-child({k}) canvas")) for k in range(1, 12)}
    assert len(ends) > 5


SHAPES = [
    ("cosine", 50, {}), ("cosine", 1, {}), ("cosine", 1000, {"offset": 0.1}), ("linear", 50, {}), ("linear", 7, {"beta_last": 0.05}),
    ("linear", 1000, {"beta_first": 1e-3}), ("scaled_linear", 50, {}), ("scaled_linear", 7, {"beta_first": 0.00085, "beta_last": 0.012}),
    ("sigmoid", 50, {}), ("sigmoid", 3, {"start": -1.0, "end": 4.0, "tau": 0.5}), ("karras", 50, {}), ("karras", 1, {}), ("karras", 1000, {"rho": 3.0}),
    ("freehand", 10, {}), ("freehand", 50, {"curve": [0.0, 0.2, 0.1, 0.9, 1.0]}),
]


@pytest.mark.parametrize("kind, n, shape", SHAPES, ids=str)
def test_the_page_draws_the_levels_the_sampler_takes(page, url, store, kind, n, shape):
    open_room(page, url)
    told = {**shape, "curve": ",".join(map(str, shape["curve"]))} if "curve" in shape else shape
    page.evaluate("(s) => Lab.tell('schedule', s)", {"n": n, "kind": kind, **told})
    assert drawn(page) == pytest.approx(levels(kind, n, *DiffusionLab(store).range, **shape).tolist(), abs=1e-5)


def drawn(page) -> list[float]:
    return json.loads(page.evaluate("document.querySelector('#schedule [data-levels], #schedule[data-levels]').dataset.levels"))


def choose(page, field: str, name: str) -> None:
    page.click(f"#{field} input")
    page.click(f'li[role="option"][aria-label="{name}"]')


def dot(page, k: int) -> tuple[float, float]:
    """Where the dot of one step is on the screen."""
    box = page.locator("#schedule .signal .dot").nth(k).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def open_drawn(page, url, n: int = 10) -> None:
    """The room with a schedule of n steps, nothing sampled yet."""
    open_room(page, url)
    page.fill("#steps input[type=number]", str(n))
    page.press("#steps input[type=number]", "Enter")
    page.wait_for_function("(n) => document.querySelectorAll('#schedule .signal .dot').length === n + 1", arg=n)


def lid(page):
    return page.locator("#diffusion-drawer .label-wrap")


def test_a_dragged_dot_makes_the_schedule_by_hand(page, url, store):
    open_drawn(page, url)
    before, (x, y) = drawn(page), dot(page, 4)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 30, steps=5)
    page.mouse.up()
    expect(lid(page)).to_contain_text("by hand")
    after = drawn(page)
    assert after[4] > before[4] + 0.1
    assert after[:4] == pytest.approx(before[:4], rel=1e-3)  # the address keeps four digits
    assert after == sorted(after)
    page.wait_for_url("**schedule=freehand**")
    page.wait_for_url("**curve=**")
    page.click("#diffusion-foot summary")
    expect(page.locator("#diffusion-foot .code")).to_contain_text('schedule="freehand"')
    curve = json.loads(re.search(r"curve=(\[.*?\])", page.inner_text("#diffusion-foot .code"))[1])
    assert levels("freehand", 10, *DiffusionLab(store).range, curve=curve).tolist() == pytest.approx(after, abs=1e-5)


def test_a_sweep_draws_the_curve(page, url):
    open_drawn(page, url)
    (x, y), (end, _) = dot(page, 2), dot(page, 8)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(end, y, steps=12)
    page.mouse.up()
    expect(lid(page)).to_contain_text("by hand")
    after = drawn(page)
    assert after[3:9] == pytest.approx([after[2]] * 6, abs=0.02)  # as level as the sweep
    assert after[9] > after[8] + 0.1


def test_a_curve_by_hand_is_restored_by_its_link_and_sampled(page, url, store):
    open_room(page, url, "&steps=4&which=one&label=3&schedule=freehand&curve=0,0.3,0.35,0.9,1")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=30_000)
    dots = page.evaluate("[...document.querySelectorAll('#schedule .signal .dot:not(.here)')].map((d) => +d.getAttribute('cy'))")
    height = dots[0] - dots[4]
    assert [round((dots[0] - y) / height, 2) for y in dots] == [0, 0.3, 0.35, 0.9, 1]


def test_a_link_brings_a_curve_and_no_code(page, url, store):
    open_room(page, url, "&steps=3&which=one&schedule=freehand&curve=0,1])%0A__import__('os').system('ls')%0A%23")
    expect(lid(page)).to_contain_text("by hand")
    expect(page.locator("#diffusion-foot .code")).to_contain_text('schedule="freehand"')
    expect(page.locator("#diffusion-foot .code")).not_to_contain_text("import__")


def test_the_schedule_is_shaped_by_keyboard(page, url):
    open_drawn(page, url)
    plot, before = page.locator("#schedule .signal"), drawn(page)
    plot.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("PageUp")
    expect(lid(page)).to_contain_text("by hand")
    expect(plot).to_have_attribute("aria-valuetext", re.compile(r"step 2 of 10: signal \d+ %"))
    assert drawn(page)[2] == pytest.approx(before[2] + 0.1, abs=0.001)


@pytest.mark.parametrize(("sampler", "own", "others"), [("DDPM", "#variance", "#eta"), ("DDIM", "#eta", "#variance"), ("Heun", None, "#eta, #variance")])
def test_a_sampler_brings_its_own_knob(page, url, sampler, own, others):
    open_room(page, url)
    lid(page).click()
    choose(page, "sampler", "iPNDM")
    choose(page, "sampler", sampler)
    expect(lid(page)).to_contain_text(sampler)
    for knob in others.split(", "):
        expect(page.locator(knob)).to_be_hidden()
    if own:
        expect(page.locator(own)).to_be_visible()


def test_a_schedule_brings_its_own_sliders_and_they_redraw_it(page, url, store):
    open_room(page, url)
    lid(page).click()
    choose(page, "noise-schedule", "Sigmoid")
    for knob in ("#start", "#end", "#tau"):
        expect(page.locator(knob)).to_be_visible()
    for knob in ("#offset", "#rho", "#beta-first", "#beta-last"):
        expect(page.locator(knob)).to_be_hidden()
    page.wait_for_function("document.querySelector('#schedule .share').textContent === ''")

    def slide():
        page.focus("#tau input[type=range]")
        page.keyboard.press("Home")
        page.wait_for_function("(old) => document.querySelector('#schedule .signal path.curve').getAttribute('d') !== old", arg=before)

    before = page.get_attribute("#schedule .signal path.curve", "d")
    assert requests_during(page, slide) == []
    assert drawn(page) == pytest.approx(levels("sigmoid", 50, *DiffusionLab(store).range, tau=0.1).tolist(), abs=1e-5)


def test_guidance_by_interval_and_a_negative_label_travel_and_show(page, url, store):
    open_room(page, url, "&steps=3&which=one&label=any&guidance=3&from=0.3&to=0.8&not=4&sampler=dpm")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=30_000)
    expect(page.locator("#schedule .guided")).to_have_count(1)
    page.click("#diffusion-foot summary")
    expect(page.locator("#diffusion-foot .code")).to_contain_text('digit=[None], steps=3, seed=9, sampler="dpm", schedule="cosine", guidance=3')
    expect(page.locator("#diffusion-foot .code")).to_contain_text("interval=(0.3, 0.8), negative=4")


def test_a_long_film_keeps_every_step_of_the_chosen_label(page, url, monkeypatch):
    monkeypatch.setattr(DiffusionLab, "denoiser", lambda lab, s: lambda x, alpha_bar: (1 - alpha_bar).sqrt() * x)  # fast, and never the same twice
    open_room(page, url, "&steps=240&label=3&sampler=ddpm")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=60_000)
    strip(page).focus()

    def walk() -> list[str]:
        page.keyboard.press("Home")
        says = [page.inner_text("#denoising .step")]
        for _ in range(4):
            page.keyboard.press("ArrowRight")
            says.append(page.inner_text("#denoising .step"))
        return says

    assert walk() == ["Pure noise", "Step 1 of 240", "Step 2 of 240", "Step 3 of 240", "Step 4 of 240"]
    page.click("#denoising .ten button:nth-child(6)")  # label 4: every sixth step
    strip(page).focus()
    assert walk() == ["Pure noise"] * 5
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#denoising .step")).to_have_text("Step 6 of 240")


def test_schedule_redraws_without_the_server(page, url):
    open_room(page, url)
    before = page.inner_html("#schedule .signal")
    asked = requests_during(page, lambda: (page.focus("#steps input[type=range]"), page.keyboard.press("PageUp"), page.wait_for_timeout(300)))
    assert page.inner_html("#schedule .signal") != before
    assert asked == []


def test_touch_scrubs_on_a_phone(phone, url):
    open_room(phone, url)
    box = strip(phone).bounding_box()
    phone.touchscreen.tap(box["x"] + 2, box["y"] + box["height"] / 2)
    expect(phone.locator("#denoising .step")).to_have_text("Pure noise")
    assert phone.evaluate("document.documentElement.scrollWidth") == 390


def test_a_finger_drags_the_curve_and_scrolls_beside_it(phone, url):
    open_drawn(phone, url, 6)
    phone.locator("#schedule").scroll_into_view_if_needed()
    before, (x, y) = drawn(phone), dot(phone, 3)
    touch(phone, x, y, x, y - 40)
    phone.wait_for_url("**schedule=freehand**")
    assert drawn(phone)[3] > before[3] + 0.1
    there, (left, _) = phone.evaluate("scrollY"), dot(phone, 1)
    touch(phone, left, y - 60, left, y - 200)  # static above the curve
    phone.wait_for_function("(y) => scrollY > y + 40", arg=there)


def touch(page, x: float, y: float, x_end: float, y_end: float) -> None:
    client, parts = page.context.new_cdp_session(page), 6
    point = lambda k: [{"x": x + (x_end - x) * k / parts, "y": y + (y_end - y) * k / parts}]  # noqa: E731
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": point(0)})
    for k in range(1, parts + 1):
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": point(k)})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_the_film_is_taken_away(page, url, store):
    open_room(page, url)
    for words, name, frames, size in (("Download as GIF", "digit-any.gif", 51, (456, 224)), ("as PNG strip", "digit-any.png", 1, (14 * 116 - 4, 228))):
        with page.expect_download(timeout=60_000) as taken:
            page.locator("#denoising").get_by_role("button", name=words).click()
        assert taken.value.suggested_filename == name
        picture = Image.open(taken.value.path())
        assert (getattr(picture, "n_frames", 1), picture.size) == (frames, size)


def test_a_link_names_the_network_and_a_choice_of_it_brings_its_own_guidance(page, url, store):
    open_room(page, url, "&steps=2&which=one&label=3&network=unet")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=30_000)
    assert page.evaluate("Lab.last('film').settings.network") == "unet"
    expect(lid(page)).to_contain_text("baseline U-Net")
    page.click("#diffusion-foot summary")
    expect(page.locator("#diffusion-foot .code")).to_contain_text('mnist_lab.load("unet")')
    lid(page).click()
    page.locator("#diffusion-network input[value=diffusion]").click()
    page.locator("#diffusion-network input[value=unet]").click()
    expect(page.locator("#guidance input[type=number]")).to_have_value(f"{DiffusionLab(store, 'unet').default_guidance:g}")
    page.locator("#diffusion-network input[value=student]").click()
    expect(page.locator("#steps input[type=number]")).to_have_value("4")
    expect(page.locator("#sampler input")).to_have_value("Consistency")
    page.locator("#diffusion-network input[value=diffusion]").click()
    expect(page.locator("#steps input[type=number]")).to_have_value("50")
    expect(page.locator("#sampler input")).to_have_value("DDIM")
