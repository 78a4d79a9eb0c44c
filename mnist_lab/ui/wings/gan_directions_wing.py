"""Directions that mean something."""

from mnist_lab.checkpoint import Store, fingerprint
from mnist_lab.labs import GanLab
from mnist_lab.latent import MEASURES
from mnist_lab.ui.controls import wing
from mnist_lab.ui.forgery import floats
from mnist_lab.ui.widgets.directions import Directions

KEY = "directions"


def build(store: Store, recorded: dict) -> None:
    wing("Directions that mean something", "Nobody told the generator what slant is. These directions were found in its first layers, "
         "walked on a hundred digits, and named by what they change most.")
    Directions(recorded, elem_id="gan-directions")


def record(store: Store) -> dict:
    """The directions of the shipped generator: a few seconds' work, so done once."""
    lab = GanLab(store)
    found = [{"name": d.name, "vector": floats(d.vector), "effects": {m: round(v, 2) for m, v in d.effects.items()}, "change": round(d.change, 4),
              "found": d.found} for d in lab.directions()]
    return {"directions": found, "units": MEASURES, "weights": fingerprint(lab.generator)}
