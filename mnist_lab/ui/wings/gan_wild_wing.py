"""Truncation: from safe and dull to wild."""

import torch
from torch import Tensor

from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot
from mnist_lab.labs import CLASSIFIERS, GanLab
from mnist_lab.ui.controls import wing
from mnist_lab.ui.forgery import floats
from mnist_lab.ui.widgets.wild import Wild

KEY = "wild"
WILDNESS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
SHOWN, COUNTED = 40, 1_000  # digits


def build(store: Store, recorded: dict) -> None:
    wing("From safe to wild", "One slider makes every latent shorter or longer. Short ones meet near the centre, where all digits of a kind look alike; "
         "long ones leave what was trained.")
    Wild(recorded, elem_id="gan-wild")


@torch.inference_mode()
def record(store: Store) -> dict:
    """At each wildness: the share that the best classifier reads as asked, and how much digits of one label differ, of that at 1."""
    lab, reader = GanLab(store), store[CLASSIFIERS[0]]
    z, labels = lab.latent(4, COUNTED), torch.arange(COUNTED) % 10
    asked, spread = [], []
    for w in WILDNESS:
        x = torch.cat([lab.generator(w * a, one_hot(b)) for a, b in zip(z.split(250), labels.split(250), strict=True)])
        asked.append((torch.cat([reader(part) for part in x.split(250)]).argmax(1) == labels).float().mean().item())
        spread.append(variety(x, labels))
    return {"wildness": WILDNESS, "asked": [round(v, 4) for v in asked], "variety": [round(v / spread[WILDNESS.index(1.0)], 4) for v in spread],
            "z": floats(lab.latent(3, SHOWN))}


def variety(x: Tensor, labels: Tensor) -> float:
    """Root mean square distance of digits (B, 1, 32, 32) from the mean of their label."""
    return sum(float((x[labels == d] - x[labels == d].mean(0)).square().sum()) for d in range(10)) ** 0.5
