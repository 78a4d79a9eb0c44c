"""Branch here: go on from any frame of the film with another label, guidance, sampler or noise; or send out sixteen and count."""

import numpy as np
import torch

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion.samplers import FRESH, LOOKS
from mnist_lab.labs import seed_number, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import MOST_LOOKS, RUNNERS, SEED, WHOLE, film_of, lab_of, label_from, last_of, origin, sampling_from, settings_of
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.branch import Branch

KEY = "branch"
MANY, MOST_STEPS = 16, 50  # branches sent out, and the steps of their schedule at most
STEP, LABEL, EARLY, LATE = 9, 9, 6, 24


def build(store: Store, recorded: dict) -> None:
    wing("Branch here", "Stop the film above on any frame, and go on from there another way. Early on, a new label still turns the digit; "
         "later it can only bend it.")
    value = {**recorded, "samplers": {key: short for key, (_, short, _) in RUNNERS.items()}, "fresh": FRESH}
    Branch(value, branch=answering(store, branch, "branch", 10.0), sixteen=answering(store, sixteen, "sixteen", 10.0), elem_id="diffusion-branch")


def branch(store: Store, payload: dict) -> dict:
    """The way from one frame of a film with other settings.

    payload {"settings", "column", "step", "label": digit or None, "sampler", "guidance", "seed"} -> {"at": the steps shown, from that
    frame to the end, "labels": [of the film, of the branch], "old", "new": their frames, as `film_of`}. With nothing changed, the film's own.
    """
    lab, s, frames = origin(store, payload)
    step = whole("The step", payload.get("step"), 0, s.steps - 1)
    label, own = label_from(payload.get("label")), settings_of(s)
    new = sampling_from(lab, own, labels=[label], **{key: payload.get(key) for key in ("sampler", "guidance", "seed")})
    if (s.steps - step) * LOOKS[new.sampler] > MOST_LOOKS:
        raise ValueError(f"A branch may look at most {MOST_LOOKS:,} times. Choose another sampler, or a later step.")
    way = list(lab.continue_from(frames[step], new, past=frames[:step] if settings_of(new) == own else ()))
    left = s.steps - step
    shown = [round(share * left) for share in np.linspace(0, 1, min(left, WHOLE) + 1)]
    return {"at": [step + k for k in shown], "labels": [*own["labels"], label], "old": film_of([frames[step + k] for k in shown]),
            "new": film_of([way[k] for k in shown])}


def sixteen(store: Store, payload: dict) -> dict:
    """Sixteen ways on from one frame, each with fresh noise of its own (DDPM): payload {"settings", "column", "step", "label", "seed"}
    -> {"step", "ends": base64 of uint8 (16, 28, 28)}."""
    lab, s, frames = origin(store, payload)
    step = whole("The step", payload.get("step"), 0, s.steps - 1)
    many = sampling_from(lab, settings_of(s), labels=[label_from(payload.get("label"))] * MANY, sampler="ddpm", steps=min(s.steps, MOST_STEPS),
                         seed=seed_number(payload.get("seed")), same_noise=False)
    return {"step": step, "ends": packed(last_of(lab.continue_from(frames[step], many)))}


@torch.inference_mode()
def record(store: Store) -> dict:
    lab = lab_of(store)
    film = {"settings": settings_of(lab.sampling([None], steps=50, seed=SEED)), "column": 0}
    return {"branch": branch(store, {**film, "step": STEP, "label": LABEL, "sampler": "ddim", "guidance": lab.default_guidance, "seed": SEED}),
            "sixteen": [sixteen(store, {**film, "step": step, "label": None, "seed": 1}) for step in (EARLY, LATE)]}
