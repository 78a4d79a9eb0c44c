"""A part of a room is saved as a picture of what it shows."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.test_gan_room import wing

FINE, MARGIN = 2, 24  # as picture.js has them


def saved(page, part) -> tuple[str, np.ndarray]:
    """The name of the file, and its pixels (H, W, 3)."""
    heading = page.locator(".wing", has=page.get_by_role("heading", name=part)).first
    with page.expect_download() as download:
        heading.locator("[data-do=picture]").click()
    with open(download.value.path(), "rb") as file:
        return download.value.suggested_filename, np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))


def test_a_saved_part_shows_its_canvases_pixel_by_pixel(page, url, store):
    page.goto(f"{url}/?room=diffusion&still")
    part = wing(page, "guide", room="diffusion")
    expect(part.locator(".asked .reads")).to_contain_text("read as", timeout=60_000)
    name, pixels = saved(page, "What guidance does")
    assert name == "mnist-lab-what-guidance-does.png"
    wings = page.locator(".lab", has=page.get_by_role("heading", name="What guidance does"))
    heading = wings.first.evaluate("(e) => e.getBoundingClientRect().toJSON()")
    box, ink = part.locator(".asked canvas").evaluate(
        "(c) => [c.getBoundingClientRect().toJSON(), [...c.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)]")
    left, top = (FINE * (box[side] - heading[side] + MARGIN) for side in ("left", "top"))
    step = FINE * box["width"] / 28
    middle = [int((k + 0.5) * step) for k in range(1, 27)]  # the outermost pixels lie under rounded corners
    shown = pixels[np.ix_([round(top) + m for m in middle], [round(left) + m for m in middle])][..., 0]
    assert np.array_equal(shown, np.array(ink, np.uint8).reshape(28, 28)[1:-1, 1:-1])


@pytest.mark.parametrize(("room", "part"), [("classify", "Change its mind"), ("gan", "From safe to wild")])
def test_every_room_s_parts_can_be_saved(phone, url, store, room, part):
    phone.goto(f"{url}/?room={room}&still")
    expect(phone.get_by_role("heading", name=part)).to_be_visible(timeout=60_000)
    phone.get_by_role("heading", name=part).scroll_into_view_if_needed()
    name, pixels = saved(phone, part)
    assert name == f"mnist-lab-{part.lower().replace(' ', '-')}.png"
    assert pixels.shape[1] <= FINE * (phone.viewport_size["width"] + 2 * MARGIN) and pixels.std() > 10
