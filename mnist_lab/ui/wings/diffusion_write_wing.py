"""Write: a number typed comes out in handwriting, every digit new; as PNG, SVG, or a GIF of it coming out of noise."""

import numpy as np

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion import Frame
from mnist_lab.labs import choice, seed_number
from mnist_lab.plots.digits import gif, grid, svg
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import lab_of, noisy_pixels, pixels
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import data_url, packed, png
from mnist_lab.ui.widgets.write import Write

KEY = "write"
MOST_DIGITS = 16
SHOWN = 8  # moments the page plays
NUMBER, SEED = "31415926", 5
FRAME_MS, LAST_MS, SCALE, GIF_SCALE = 80, 2_000, 8, 4


def build(store: Store, recorded: dict) -> None:
    wing("Write a number", "Type digits, and the network writes them out. Each starts from its own static, so no two are the same hand.")
    Write(recorded, write=answering(store, write, "write", 10.0), file=answering(store, file, "file", 10.0), elem_id="diffusion-write")


def write(store: Store, payload: dict) -> dict:
    """payload {"number": "31415", "seed"} -> {"digits": base64 of uint8 (moments, n, 28, 28), from noise to the number}."""
    frames = writing(store, payload)
    shown = [frames[round(k)] for k in np.linspace(0, len(frames) - 1, SHOWN)]
    return {"digits": packed(np.stack([noisy_pixels(f.x, f.alpha_bar) for f in shown]))}


def file(store: Store, payload: dict) -> dict:
    """The number to take away: payload as above with "kind": "png" | "svg" | "gif" -> {"file": data URL}."""
    kind = choice("kind of file", payload.get("kind"), ("png", "svg", "gif"))
    frames = writing(store, payload)
    digits, count = pixels(frames[-1].x), len(frames[-1].x)
    if kind == "svg":
        return {"file": data_url(svg(digits).encode(), "image/svg+xml")}
    if kind == "png":
        return {"file": png(grid(digits, count, SCALE, gap=0))}
    return {"file": data_url(gif((grid(noisy_pixels(f.x, f.alpha_bar), count, GIF_SCALE, gap=0) for f in frames), FRAME_MS, LAST_MS), "image/gif")}


def writing(store: Store, payload: dict) -> list[Frame]:
    number = payload.get("number")
    if not isinstance(number, str) or not 1 <= len(number) <= MOST_DIGITS or not (number.isascii() and number.isdigit()):
        raise ValueError(f"Type between 1 and {MOST_DIGITS} digits, nothing else.")
    lab = lab_of(store)
    return list(lab.frames(lab.sampling([int(d) for d in number], seed=seed_number(payload.get("seed")), same_noise=False, **lab.quick)))


def record(store: Store) -> dict:
    frames = writing(store, {"number": NUMBER, "seed": SEED})
    return {"number": NUMBER, "seed": SEED, "most": MOST_DIGITS, "digits": packed(pixels(frames[-1].x))}
