"""Play with the noise itself: walk from one noise to another, or give a patch of it to another seed."""

import torch

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion.editing import swap_patch
from mnist_lab.labs import seed_number, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import lab_of, label_from, last_of, noisy_pixels
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.seeds import Seeds

KEY = "seeds"
STOPS = 13  # of a walk
SEEDS, LABEL, PATCH = (31, 47), 3, (8, 4, 10, 10)  # patch: top, left, height, width, of the 28 x 28 that are seen


def build(store: Store, recorded: dict) -> None:
    wing("Play with the static", "The noise decides the hand. Walk from one noise to another, each stop as noisy as the last; or give a patch to the other "
         "seed and see which strokes change.")
    Seeds(recorded, between=answering(store, between, "between", 10.0), patch=answering(store, patch, "patch", 10.0), elem_id="diffusion-seeds")


def between(store: Store, payload: dict) -> dict:
    """payload {"seeds": [two], "label"} -> {"noise", "ends": base64 of uint8 (n, 28, 28)}: noises on the way, and their digits."""
    lab = lab_of(store)
    noise = lab.noise_between(seeds_from(payload), STOPS)
    sampling = lab.sampling([label_from(payload.get("label"))] * STOPS, **lab.quick)
    return {"noise": packed(noisy_pixels(noise, 0.0)), "ends": packed(last_of(lab.frames(sampling, noise)))}


def patch(store: Store, payload: dict) -> dict:
    """payload as above with "patch": [top, left, height, width] -> {"noise", "ends": base64 of uint8 (2, 28, 28)}: the first seed's, and
    the same with a patch of the second's."""
    lab, place = lab_of(store), payload.get("patch")
    if not isinstance(place, list) or len(place) != 4:
        raise ValueError("A patch is four whole numbers: top, left, height, width.")
    top, left, height, width = (whole("A side of the patch", v, 0, 28) for v in place)
    if not height or not width or top + height > 28 or left + width > 28:
        raise ValueError("The patch must lie within the 28x28 pixels, and not be empty.")
    ends = lab.noise_between(seeds_from(payload), 2)
    noise = torch.cat([ends[:1], swap_patch(ends[:1], ends[1:], top + 2, left + 2, height, width)])  # 2: the border that is not seen
    sampling = lab.sampling([label_from(payload.get("label"))] * 2, **lab.quick)
    return {"noise": packed(noisy_pixels(noise, 0.0)), "ends": packed(last_of(lab.frames(sampling, noise)))}


def seeds_from(payload: dict) -> tuple[int, int]:
    seeds = payload.get("seeds")
    if not isinstance(seeds, list) or len(seeds) != 2:
        raise ValueError("A walk has two ends: give two seeds.")
    return seed_number(seeds[0]), seed_number(seeds[1])


def record(store: Store) -> dict:
    asked = {"seeds": list(SEEDS), "label": LABEL, "patch": list(PATCH)}
    return {**asked, "between": between(store, asked), "patched": patch(store, asked)}
