"""Noise a digit: the forward process on a drawing, and what one look of the network makes of it at every level."""


import numpy as np

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion import levels
from mnist_lab.labs import seed_number
from mnist_lab.plots.digits import grid
from mnist_lab.ui import readings
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import SEED, drawn, lab_of, noisy_pixels, pixels
from mnist_lab.ui.readings import answering, pixels_from
from mnist_lab.ui.widgets import packed, png
from mnist_lab.ui.widgets.noising import Noising

KEY = "noise"
STEPS = 24  # from the clean digit to pure noise


def build(store: Store, recorded: dict) -> None:
    wing("Noise a digit, and ask once", "Drag from your digit to pure static. At every level the network takes a single look. Near the end it can only guess "
         "the average of all digits: that is why many small steps beat a big one.")
    Noising(recorded, noised=answering(store, noised, "noised", 10.0), elem_id="diffusion-noise")


def noised(store: Store, payload: dict) -> dict:
    """A digit at every level, with the noise of one seed, and the network's guess from one look at each.

    payload {"pixels", "seed"} -> {"alpha_bar": [n, from the clean digit to noise], "x": base64 of uint8 (n, 28, 28), "x0": the same}.
    """
    alpha_bar, x, x0 = noising(store, drawn(payload), payload.get("seed"))
    return {"alpha_bar": alpha_bar, "x": packed(x), "x0": packed(x0)}


def noising(store: Store, digit: np.ndarray, seed: object) -> tuple[list[float], np.ndarray, np.ndarray]:
    lab = lab_of(store)
    alpha_bar = levels("cosine", STEPS, *lab.range).flip(0).tolist()
    x = lab.noise(digit, alpha_bar, seed_number(seed))
    seen = np.concatenate([noisy_pixels(x[k:k + 1], level) for k, level in enumerate(alpha_bar)])
    return alpha_bar, seen, pixels(lab.denoise_once(x, alpha_bar))


def record(store: Store) -> dict:
    stored = readings.recorded()
    digit = stored["reading"]["seen"]
    alpha_bar, x, x0 = noising(store, pixels_from(digit), SEED)
    samples = [{"pixels": one["pixels"], "name": f"A real {one['label']}"} for one in stored["samples"] if not one["hard"]]
    return {"pixels": digit, "seed": SEED, "samples": samples, "alpha_bar": alpha_bar, "sheet": png(grid(np.concatenate([x, x0]), len(x), gap=0))}
