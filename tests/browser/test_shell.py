"""The bar and the address: rooms, links, light and dark, and what foreign programs may call."""

import re

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

ROOMS = {"classify": "Draw a digit", "gan": "Walk between digits nobody wrote", "diffusion": "Watch noise become a digit"}


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_every_room_opens_by_its_link(page, url, room, theme, width):
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{url}?room={room}&__theme={theme}&still=1")
    expect(page.get_by_role("heading", level=1, name=ROOMS[room])).to_be_visible()
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert f"room={room}" in page.url


def test_an_unknown_room_opens_the_first(page, url):
    page.goto(f"{url}?room=cellar")
    expect(page.get_by_role("heading", level=1, name=ROOMS["classify"])).to_be_visible()


def test_changing_rooms_changes_the_address(page, url):
    page.goto(url)
    page.get_by_role("tab", name="GAN").click()
    expect(page.get_by_role("heading", level=1, name=ROOMS["gan"])).to_be_visible()
    page.wait_for_url("**room=gan**")


@pytest.mark.parametrize("query", ["", "?room=classify"])
def test_after_a_reload_of_the_first_room_the_others_keep_their_address(page, url, query):
    page.goto(url + query)
    for _ in range(3):
        expect(page.get_by_role("heading", level=1, name=ROOMS["classify"])).to_be_visible()
        page.wait_for_function("window.Lab && Lab.last('reading')")
        page.reload()
    page.get_by_role("tab", name="GAN").click()
    page.wait_for_url("**room=gan**")
    page.reload()
    expect(page.get_by_role("heading", level=1, name=ROOMS["gan"])).to_be_visible()


def test_settings_travel_in_the_address(page, url):
    page.goto(f"{url}?room=diffusion&still=1")
    page.fill("#steps input[type=number]", "12")
    page.press("#steps input[type=number]", "Enter")
    page.wait_for_url("**steps=12**")


def test_a_look_into_another_room_keeps_this_one_s_settings_in_the_address(page, url):
    page.goto(f"{url}?room=diffusion&still=1")
    page.fill("#steps input[type=number]", "12")
    page.press("#steps input[type=number]", "Enter")
    page.wait_for_url("**steps=12**")
    page.get_by_role("tab", name="GAN").click()
    page.wait_for_url("**room=gan**")
    assert "steps" not in page.url
    page.get_by_role("tab", name="Diffusion").click()
    page.wait_for_url("**room=diffusion**")
    assert "steps=12" in page.url


def test_back_and_forward_go_from_room_to_room(page, url):
    page.goto(f"{url}?room=classify&still=1")
    expect(page.get_by_role("heading", level=1, name=ROOMS["classify"])).to_be_visible()
    page.wait_for_function("window.Lab?.last('reading')")
    for room in ("diffusion", "gan"):
        page.get_by_role("tab", name=room, exact=False).click()
        page.wait_for_url(f"**room={room}**")
        expect(page.get_by_role("heading", level=1, name=ROOMS[room])).to_be_visible()
        if room == "diffusion":
            page.fill("#steps input[type=number]", "12")
            page.press("#steps input[type=number]", "Enter")
            page.wait_for_url("**steps=12**")
    page.go_back()
    expect(page.get_by_role("heading", level=1, name=ROOMS["diffusion"])).to_be_visible()
    assert "room=diffusion" in page.url and "steps=12" in page.url
    page.fill("#steps input[type=number]", "13")
    page.press("#steps input[type=number]", "Enter")
    page.wait_for_url("**steps=13**")
    page.go_back()
    expect(page.get_by_role("heading", level=1, name=ROOMS["classify"])).to_be_visible()
    page.get_by_role("tab", name="Diffusion").click()
    page.wait_for_url("**steps=13**")  # what the room shows
    page.go_back()
    page.go_forward()
    expect(page.get_by_role("heading", level=1, name=ROOMS["diffusion"])).to_be_visible()
    assert "steps=13" in page.url


def test_nonsense_in_the_address_is_ignored(page, url, store):
    page.goto(f"{url}?room=diffusion&still=1&guidance=NaN&sampler=oracle&eta=")
    expect(page.locator("#guidance input[type=number]")).not_to_have_value("")
    expect(page.locator("#diffusion-drawer .label-wrap")).to_contain_text("DDIM, cosine, seed 9")


def test_light_or_dark_is_kept(page, url):
    page.goto(f"{url}?room=gan")
    page.get_by_role("button", name="Light or dark").click()
    page.reload()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    expect(page.get_by_role("heading", level=1, name=ROOMS["gan"])).to_be_visible()
    expect(page.locator("body")).to_have_class(re.compile(r"\bdark\b"))
    page.goto(f"{url}?room=gan&__theme=light")
    expect(page.get_by_role("heading", level=1, name=ROOMS["gan"])).to_be_visible()
    expect(page.locator("body")).not_to_have_class(re.compile(r"\bdark\b"))


def test_drawers_say_whether_they_are_open(page, url):
    page.goto(f"{url}?room=diffusion&still=1")
    drawer = page.locator("#diffusion-drawer .label-wrap")
    drawer.focus()
    expect(drawer).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(drawer).to_have_attribute("aria-expanded", "true")


def test_the_mode_switch(page, url):
    page.goto(f"{url}?__theme=light&still=1")
    page.click("[data-do=mode]")
    assert page.evaluate("document.body.classList.contains('dark')")


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def test_programs_may_generate_and_interpolate(client, store):
    digits = client.predict(8, 2, 4, 7, api_name="/generate")
    assert len(digits) == 2 and len(digits[0]) == 28 and len(digits[0][0]) == 28
    assert digits == client.predict(8, 2, 4, 7, api_name="/generate")
    walk = client.predict(2, 11, 7, 12, "linear", 5, api_name="/interpolate")
    assert len(walk) == 5


@pytest.mark.parametrize("arguments, sentence", [
    ((8, 1, 0, 7), "Steps must be a whole number between 1 and 1,000."),
    ((8, 1, 10_001, 7), "Steps must be a whole number between 1 and 1,000."),
    ((10, 1, 4, 7), "A digit must be a whole number between 0 and 9."),
    ((8, 1, 4, 7, "oracle"), "There is no sampler of that name. Choose ddim, ddpm, dpm, heun, ipndm or consistency."),
    ((8, 1, 4, 7, "ddim", "cosine", 99.0), "Guidance must be a number between 0 and 8."),
    ((8, 1000, 50, 7), "That would take 50,000 looks of the network, n times its calls, twice with guidance. Up to 20,000 at once, please."),
])
def test_bad_arguments_get_a_sentence_and_the_next_call_works(client, store, arguments, sentence):
    with pytest.raises(AppError, match=sentence.replace(".", r"\.")):
        client.predict(*arguments, api_name="/generate")
    assert len(client.predict(1, 1, 1, 0, api_name="/generate")) == 1


def test_what_scrolls_away_goes_under_the_bar(phone, url):
    phone.goto(f"{url}?room=diffusion&still=1")
    label = phone.locator("#guidance [data-testid=block-info]")
    expect(label).to_be_visible()
    phone.evaluate("(e) => scrollBy({ top: e.getBoundingClientRect().top - 60, behavior: 'instant' })", label.element_handle())
    box = label.bounding_box()
    assert 0 < box["y"] < 80
    assert phone.evaluate("([x, y]) => Boolean(document.elementFromPoint(x, y).closest('.tab-wrapper'))", [box["x"] + 5, box["y"] + 5])
