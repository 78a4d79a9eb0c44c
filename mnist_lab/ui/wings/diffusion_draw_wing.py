"""Start from your drawing: redraw it from a noise level, let the model finish it, or take its noise to another label."""

import numpy as np

from mnist_lab.checkpoint import Store
from mnist_lab.labs import seed_number
from mnist_lab.ui import readings
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import drawn, lab_of, label_from, last_of, noisy_pixels, pixels
from mnist_lab.ui.readings import answering, pixels_from
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.redraw import Redraw

KEY = "draw"
STRENGTHS = tuple(k / 10 for k in range(1, 11))  # shares of the way back to noise
HANDS, REPEATS = 4, 3  # ways to finish a drawing; how often each step of RePaint is taken
STEPS = 20  # of every run here: a strength is a share of them


def build(store: Store, recorded: dict) -> None:
    wing("Start from your drawing", "Send it part of the way back into noise and let the model take it from there; rub out a part and let the model fill "
         "the gap; or find the noise it comes from, and wake that noise as another digit.")
    Redraw(recorded, redraw=answering(store, redraw, "redraw", 10.0), finish=answering(store, finish, "finish", 10.0),
           relabel=answering(store, relabel, "relabel", 10.0), elem_id="diffusion-draw")


def redraw(store: Store, payload: dict) -> dict:
    """What comes back from each noise level (SDEdit): payload {"pixels", "label": digit or None, "seed"} ->
    {"strengths": [n], "start", "end": base64 of uint8 (n, 28, 28), the noised drawing and what became of it}."""
    lab, digit, label, seed = lab_of(store), drawn(payload), label_from(payload.get("label")), seed_number(payload.get("seed"))
    starts, ends = [], []
    for strength in STRENGTHS:
        first, *_, last = lab.edit(digit, label, strength, seed=seed, steps=STEPS, sampler="dpm")
        starts.append(noisy_pixels(first.x, first.alpha_bar))
        ends.append(pixels(last.x))
    return {"strengths": list(STRENGTHS), "start": packed(np.concatenate(starts)), "end": packed(np.concatenate(ends))}


def finish(store: Store, payload: dict) -> dict:
    """Four ways to fill what was rubbed out (RePaint): payload {"pixels", "rubbed": base64 of 784 bytes, above 0 where the model is to
    draw, "label", "seed"} -> {"ends": base64 of uint8 (4, 28, 28)}."""
    lab, digit, rubbed = lab_of(store), drawn(payload), pixels_from(payload.get("rubbed")) > 0
    if not rubbed.any():
        raise ValueError("Nothing is rubbed out. Wipe over a part of your digit first.")
    frames = lab.finish(digit, ~rubbed, label_from(payload.get("label")), repeats=REPEATS, n=HANDS, steps=STEPS, seed=seed_number(payload.get("seed")))
    return {"ends": packed(last_of(frames))}


def relabel(store: Store, payload: dict) -> dict:
    """The noise of a drawing (DDIM inversion), and what it becomes under no label and under each of ten: payload {"pixels", "label": what
    the drawing is read as, or None} -> {"noise": base64 of uint8 (28, 28), "ends": base64 of uint8 (11, 28, 28), no label first}."""
    lab, label = lab_of(store), label_from(payload.get("label"))
    *_, noise = lab.invert(drawn(payload), label, steps=STEPS)
    frames = lab.frames(lab.sampling([None, *range(10)], steps=STEPS, guidance=1.0), noise.x)
    return {"noise": packed(noisy_pixels(noise.x, noise.alpha_bar)), "ends": packed(last_of(frames))}


def record(store: Store) -> dict:
    reading = readings.recorded()["reading"]
    digit, rubbed = pixels_from(reading["seen"]), np.zeros((28, 28), np.uint8)
    rubbed[14:, :] = 255
    asked = {"pixels": packed(digit), "label": None, "seed": 0, "rubbed": packed(rubbed)}
    return {"pixels": asked["pixels"], "rubbed": asked["rubbed"], "redraw": redraw(store, asked), "finish": finish(store, asked),
            "relabel": relabel(store, {**asked, "label": reading["digit"]}), "label": reading["digit"]}
