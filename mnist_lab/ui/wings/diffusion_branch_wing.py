"""Branch here: go on from any frame of the film with another label, guidance, sampler or noise; or send out sixteen and count."""

import torch

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion.samplers import FRESH
from mnist_lab.labs import seed_number, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import RUNNERS, SEED, film_of, lab_of, label_from, last_of, origin, row, sampling_from, settings_of
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

    payload {"settings", "column", "step", "label": digit or None, "sampler", "guidance", "seed"} -> {"step", "total",
    "labels": [of the film, of the branch], "old", "new": films from that frame on, as `film_of`}. With nothing changed, the film's own frames.
    """
    lab, s, frames, k = origin(store, payload)
    step = whole("The step", payload.get("step"), 0, s.steps - 1)
    wanted = {"sampler": payload.get("sampler"), "guidance": payload.get("guidance"), "seed": payload.get("seed")}
    labels = [label_from(payload.get("label")) if i == k else None if d < 0 else d for i, d in enumerate(s.labels)]
    own = settings_of(s)
    new = sampling_from(lab, own, labels=labels, **wanted)
    way = lab.continue_from(frames[step], new, past=frames[:step] if settings_of(new) == own else ())
    return {"step": step, "total": s.steps, "labels": [own["labels"][k], labels[k]], "old": film_of([row(f, k) for f in frames[step:]]),
            "new": film_of([row(f, k) for f in way])}


def sixteen(store: Store, payload: dict) -> dict:
    """Sixteen ways on from one frame, each with fresh noise of its own (DDPM): payload {"settings", "column", "step", "label", "seed"}
    -> {"step", "ends": base64 of uint8 (16, 28, 28)}."""
    lab, s, frames, k = origin(store, payload)
    step = whole("The step", payload.get("step"), 0, s.steps - 1)
    many = sampling_from(lab, settings_of(s), labels=[label_from(payload.get("label"))] * MANY, sampler="ddpm", steps=min(s.steps, MOST_STEPS),
                         seed=seed_number(payload.get("seed")))
    return {"step": step, "ends": packed(last_of(lab.continue_from(row(frames[step], k), many)))}


@torch.inference_mode()
def record(store: Store) -> dict:
    lab = lab_of(store)
    film = {"settings": settings_of(lab.sampling([None], steps=50, seed=SEED)), "column": 0}
    return {"branch": branch(store, {**film, "step": STEP, "label": LABEL, "sampler": "ddim", "guidance": lab.default_guidance, "seed": SEED}),
            "sixteen": [sixteen(store, {**film, "step": step, "label": None, "seed": 1}) for step in (EARLY, LATE)]}
