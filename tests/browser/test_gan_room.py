"""The GAN room in a real browser: recorded walk, new walks, scrubbing without the server."""

import re

from playwright.sync_api import expect

from tests.browser.test_diffusion_room import ink, requests_during


def open_room(page, url, query=""):
    page.goto(f"{url}?room=gan&still=1{query}")
    page.wait_for_selector("#morph [data-ready], #morph[data-ready]", state="attached")


def test_opens_on_a_recorded_walk_that_scrubs(page, url):
    open_room(page, url)
    expect(page.locator("#morph .recorded")).to_be_visible()
    pictures = []

    def scrub():
        page.locator("#morph .strip").focus()
        for key, says in (("Home", "At A"), ("PageDown", "17 % of the way"), ("End", "At B")):
            page.keyboard.press(key)
            expect(page.locator("#morph .where")).to_have_text(says)
            pictures.append(ink(page, "#morph canvas.digit"))

    assert requests_during(page, scrub) == []
    assert pictures[0] == ink(page, "#morph canvas.a") and pictures[2] == ink(page, "#morph canvas.b")
    assert pictures[0] != pictures[1] != pictures[2]


def test_a_new_end_makes_a_new_walk(page, url, store):
    open_room(page, url)
    before = ink(page, "#morph canvas.b")
    page.click("#digit-b label:has-text('4')")
    expect(page.locator("#morph .end-b")).to_have_text(re.compile(r"^4, seed"))
    expect(page.locator("#morph .recorded")).to_be_hidden()
    assert ink(page, "#morph canvas.b") != before
    page.click("#dice-a")
    expect(page.locator("#morph .end-a")).not_to_have_text("2, seed 11")


def test_the_straight_path_is_shorter_inside(page, url, store):
    open_room(page, url)
    page.locator("#morph .strip").focus()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("PageDown")

    def length() -> float:
        return float(page.inner_text("#morph .length").split(",")[0])

    ring = length()
    page.click("#path label:has-text('Straight')")
    expect(page.locator("#gan-knobs .note")).to_contain_text("straight line")
    page.wait_for_function("(v) => parseFloat(document.querySelector('#morph .length').textContent) < v", arg=ring - 1)


def test_a_link_restores_the_walk(page, url, store):
    open_room(page, url, "&digit_a=9&seed_a=3&digit_b=0&seed_b=8&path=linear")
    expect(page.locator("#morph .end-a")).to_have_text("9, seed 3")
    expect(page.locator("#morph .end-b")).to_have_text("0, seed 8")
    assert "seed_a=3" in page.url and "path=linear" in page.url
