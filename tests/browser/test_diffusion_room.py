"""The Diffusion room in a real browser: recorded film, streaming, Stop, scrubbing without the server, schedule, links."""

import json
import re

import pytest
from playwright.sync_api import expect

from mnist_lab.diffusion import levels
from mnist_lab.labs import DiffusionLab


def open_room(page, url, query=""):
    page.goto(f"{url}?room=diffusion&still=1{query}")
    page.wait_for_selector("#denoising [data-ready], #denoising[data-ready]", state="attached")


def requests_during(page, action) -> list[str]:
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


def test_stop_keeps_what_there_is_and_the_next_run_starts(page, url, store):
    open_room(page, url, "&steps=1000&which=one&label=5")
    expect(page.locator("#denoising .step")).to_have_text(re.compile(r"Step \d+ of 1000"), timeout=30_000)
    page.click("#stop")
    expect(page.locator("#denoising .left")).to_have_text(re.compile(r"Stopped at step \d+\. You can scrub what there is\."), timeout=5_000)
    strip(page).focus()
    page.keyboard.press("Home")
    expect(page.locator("#denoising .step")).to_have_text("Pure noise")
    page.fill("#steps input[type=number]", "3")
    page.press("#steps input[type=number]", "Enter")
    page.click("#generate")
    expect(page.locator("#denoising .step")).to_have_text("Done", timeout=30_000)


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


SHAPES = [("cosine", 50, 1e-4, 0.02), ("linear", 50, 1e-4, 0.02), ("linear", 7, 1e-4, 0.05), ("linear", 1000, 1e-3, 0.02), ("cosine", 1, 1e-4, 0.02)]


@pytest.mark.parametrize("kind, n, first, last", SHAPES)
def test_the_page_draws_the_levels_the_sampler_takes(page, url, store, kind, n, first, last):
    open_room(page, url)
    page.evaluate("(s) => Lab.tell('schedule', s)", {"n": n, "kind": kind, "first": first, "last": last})
    drawn = json.loads(page.evaluate("document.querySelector('#schedule [data-levels], #schedule[data-levels]').dataset.levels"))
    shape = {"beta_first": first, "beta_last": last} if kind == "linear" else {}
    assert drawn == pytest.approx(levels(kind, n, *DiffusionLab(store).range, **shape).tolist(), abs=1e-5)


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
