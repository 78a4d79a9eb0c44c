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


CORNER = """([title, part]) => {
  const blocks = [...document.querySelectorAll('.lab')].filter((e) => e.getClientRects().length);
  const heading = blocks.find((e) => e.querySelector('.wing h2')?.textContent === title).getBoundingClientRect();
  return [Math.min(heading.left, document.querySelector(part + ' .lab').getBoundingClientRect().left), heading.top]; }"""


def place(page, title: str, part: str, box: dict) -> tuple[float, float]:
    """Where on the picture the upper left corner of a box on the page lies."""
    left, top = page.evaluate(CORNER, [title, part])
    return FINE * (box["left"] - left + MARGIN), FINE * (box["top"] - top + MARGIN)


@pytest.mark.parametrize(("device", "room", "part", "title", "canvas"), [
    ("page", "diffusion", "guide", "What guidance does", ".asked canvas"),
    ("phone", "diffusion", "noise", "Noise a digit, and ask once", ".guess canvas"),
    ("phone", "gan", "invert", "Your own digit, in its numbers", ".made .pixels"),
])
def test_a_saved_part_shows_its_canvases_pixel_by_pixel(request, url, store, device, room, part, title, canvas):
    page = request.getfixturevalue(device)
    page.goto(f"{url}/?room={room}&still")
    holder = wing(page, part, room=room)
    name, pixels = saved(page, title)
    assert name == f"mnist-lab-{title.lower().replace(',', '').replace(' ', '-')}.png"
    box, ink = holder.locator(canvas).evaluate(
        "(c) => [c.getBoundingClientRect().toJSON(), [...c.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)]")
    left, top = place(page, title, f"#{room}-{part}", box)
    step = FINE * box["width"] / 28
    middle = [int((k + 0.5) * step) for k in range(1, 27)]  # the outermost pixels lie under rounded corners
    shown = pixels[np.ix_([round(top) + m for m in middle], [round(left) + m for m in middle])][..., 0]
    assert np.array_equal(shown, np.array(ink, np.uint8).reshape(28, 28)[1:-1, 1:-1])


def test_bars_that_no_element_makes_are_in_the_picture_too(page, url, store):
    """The effects of a direction are bars before an element: where one is painted on the screen, the picture has its colour."""
    page.goto(f"{url}/?room=gan&still")
    part = wing(page, "directions")
    bar = part.locator(".effects .most i").first
    expect(bar).to_be_visible(timeout=60_000)
    _, pixels = saved(page, "Directions that mean something")
    box, left, width, colour = bar.evaluate("""(e) => { const { left, width, backgroundColor } = getComputedStyle(e, '::before');
      return [e.getBoundingClientRect().toJSON(), parseFloat(left), parseFloat(width), backgroundColor]; }""")
    x, y = place(page, "Directions that mean something", "#gan-directions", {"left": box["left"] + left + width / 2, "top": box["top"] + box["height"] / 2})
    assert f"rgb({', '.join(str(v) for v in pixels[round(y), round(x)])})" == colour
