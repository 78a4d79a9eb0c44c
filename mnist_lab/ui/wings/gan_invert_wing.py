"""Your own digit: find the latent vector that makes it."""

import numpy as np
import torch

from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot
from mnist_lab.labs import digit_input, whole
from mnist_lab.latent import Search, advance, begin
from mnist_lab.plots.digits import grid
from mnist_lab.ui import readings
from mnist_lab.ui.controls import wing
from mnist_lab.ui.forgery import floats, floats_from, lab_of
from mnist_lab.ui.readings import answering, pixels_from
from mnist_lab.ui.widgets import packed, png
from mnist_lab.ui.widgets.invert import Invert

KEY = "invert"
A_CALL, STEPS = 6, 60  # steps of one answer, and of a whole search


def build(store: Store, recorded: dict) -> None:
    wing("Your own digit, in its numbers", "Draw. From the best of 256 random latents, sixty small steps downhill find the numbers "
         "that make the generator write as you did.")
    Invert(recorded, search=answering(store, search, "search"), elem_id="gan-invert")


def search(store: Store, payload: dict) -> dict:
    """A few steps of a search, or its start.

    payload {"pixels", "label": digit or None for the classifier's, "state": None or the last answer's} -> {"z": the best so
    far, "digit": its label, "error": mean pixel error, "made": base64 of 784 bytes, "step", "state"}.
    """
    lab, pixels, label, state = lab_of(store), pixels_from(payload.get("pixels")), payload.get("label"), payload.get("state")
    if state is None:
        found = begin(lab.generator, *lab.search(pixels, None if label is None else whole("The label", label, 0, 9)))
    else:
        found = advance(lab.generator, digit_input(pixels), search_from(state, lab.latent_size), A_CALL)
    best = lab.found(found)
    return {"z": floats(best.z), "digit": best.digit, "error": round(best.error, 5), "made": packed(best.made), "step": found.step, "state": state_of(found)}


def state_of(found: Search) -> dict:
    return {"digits": found.label.argmax(1).tolist(), "numbers": floats(torch.stack([found.z, found.first, found.second])), "step": found.step}


def search_from(state: object, latent_size: int) -> Search:
    """A state that a page sent back; ValueError for anything that was never one."""
    if not isinstance(state, dict) or not isinstance(state.get("digits"), list) or not 1 <= len(state["digits"]) <= 8:
        raise ValueError("The state of a search must be the last answer's.")
    digits = torch.tensor([whole("A label", d, 0, 9) for d in state["digits"]])
    z, first, second = floats_from(state.get("numbers"), 3, len(digits), latent_size)
    step = whole("The step", state.get("step"), 0, 1_000)
    return Search(z, one_hot(digits), torch.zeros(len(digits)), first, second.clamp(min=0), step)


def record(store: Store) -> dict:
    """A whole search for the drawn 4 of the Classify room."""
    pixels = readings.recorded()["reading"]["seen"]
    answers, state = [], None
    while state is None or state["step"] < STEPS:
        answers.append(search(store, {"pixels": pixels, "state": state}))
        state = answers[-1]["state"]
    film = np.stack([pixels_from(a["made"]) for a in answers])
    return {"pixels": pixels, "found": {k: answers[-1][k] for k in ("z", "digit")}, "film": png(grid(film, len(film), gap=0)),
            "errors": [a["error"] for a in answers], "steps": [a["state"]["step"] for a in answers]}
