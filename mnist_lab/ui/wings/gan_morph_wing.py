"""A morph through up to eight stops, by three paths side by side."""

import torch

from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot, to_pictures
from mnist_lab.labs import MOST_STOPS, GanLab, choice, whole
from mnist_lab.plots.digits import gif, grid, picture
from mnist_lab.ui.controls import wing
from mnist_lab.ui.forgery import floats, floats_from, lab_of
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import data_url, png
from mnist_lab.ui.widgets.morph import Morph

KEY = "morph"
OPENS_WITH = ((2, 11), (7, 12), (3, 5))  # digit and seed of each stop
A_LEG, STRIP_LEG = 24, 8  # frames from one stop to the next, of a GIF and of a strip
FRAME_MS, SCALE, STRIP_SCALE = 50, 8, 4


def build(store: Store, recorded: dict) -> None:
    wing("Three ways from hand to hand", "The same stops, joined straight, along the ring of likely latents, and through the centre. "
         "Only the ring keeps its length, and with it the character of each hand.")
    Morph(recorded, latents=answering(store, latents, "latents"), film=answering(store, film, "film", 5.0), elem_id="gan-morph")


def record(store: Store) -> dict:
    lab = GanLab(store)
    return {"stops": [{"digit": digit, "seed": seed, "z": floats(lab.latent(seed)[0])} for digit, seed in OPENS_WITH]}


def latents(store: Store, payload: dict) -> dict:
    """payload {"seeds": up to 64} -> {"latents": [base64 of float32 (D,) each]}."""
    seeds, lab = payload.get("seeds"), lab_of(store)
    if not isinstance(seeds, list) or len(seeds) > 64:
        raise ValueError("Seeds must be a list of up to 64.")
    return {"latents": [floats(lab.latent(seed)[0]) for seed in seeds]}


def film(store: Store, payload: dict) -> dict:
    """A file to take away: payload {"kind": "gif" | "png", "path", "loop": bool, "stops": [{"digit", "z"}]} -> {"file": data URL}."""
    lab, stops, kind = lab_of(store), payload.get("stops"), choice("kind of file", payload.get("kind"), ("gif", "png"))
    if not isinstance(stops, list) or not 2 <= len(stops) <= MOST_STOPS or not all(isinstance(s, dict) for s in stops):
        raise ValueError(f"A morph has between 2 and {MOST_STOPS} stops.")
    stops = stops + stops[:1] if payload.get("loop") is True else stops
    z = torch.stack([floats_from(s.get("z"), lab.latent_size) for s in stops])
    labels = one_hot(torch.tensor([whole("A digit", s.get("digit"), 0, 9) for s in stops]))
    n = (len(stops) - 1) * (A_LEG if kind == "gif" else STRIP_LEG) + 1
    digits = to_pictures(lab.through(z, labels, payload.get("path"), n)[1]).numpy()
    if kind == "png":
        return {"file": png(grid(digits, len(digits), STRIP_SCALE))}
    return {"file": data_url(gif((picture(digit, SCALE) for digit in digits), FRAME_MS), "image/gif")}
