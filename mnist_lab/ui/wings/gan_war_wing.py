"""The war, replayed, and four that went wrong: fakes, curves and digits still made, from the chronicles beside the checkpoints."""

import functools
import logging
from pathlib import Path

import numpy as np

from mnist_lab import war
from mnist_lab.checkpoint import CheckpointError, Store
from mnist_lab.labs import choice
from mnist_lab.plots.digits import grid
from mnist_lab.ui.controls import wing
from mnist_lab.ui.forgery import floats
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import packed, png
from mnist_lab.ui.widgets.blow import Blow
from mnist_lab.ui.widgets.war import War

KEY = "war"
SOUND = "sound"
NAMES = {SOUND: "As it should go", "default-init": "PyTorch’s own start", "wide-init": "Weights ten times too wide", "no-norm": "No batch norm",
         "strong-judge": "Judge too strong"}
MISSING = "The chronicle of this war is not here, or can’t be read. Run make train-war to fight it."


def build(store: Store, recorded: None) -> None:
    wing("The war, replayed", "Two networks train against each other: the generator forges digits, the discriminator tells them from real ones. "
         "Scrub through it; then see how the same training goes wrong.")
    War(told(store), fakes=answering(store, fakes, "fakes", 10.0), elem_id="gan-war")
    if past(store, SOUND):
        wing("One blow, in slow motion", "One update of both networks in six stages, on eight fakes. Then let one of them move alone, "
             "and see what it does to the other.")
        Blow(blow=answering(store, blow, "blow", 10.0), elem_id="gan-blow")


def told(store: Store) -> dict:
    """The value of the widget: every war that is there, without its pictures, but for the last ones of the first."""
    wars = [{"key": key, "name": name, **outline(found)} for key, name in NAMES.items() if (found := past(store, key))]
    if not wars:
        return {"missing": MISSING}
    return {"wars": wars, "last": png(grid(past(store, wars[0]["key"]).fakes[-1].numpy(), war.FAKES, gap=0))}


def outline(found: war.War) -> dict:
    curve = {name: [round(v, 4) for v in found.curve[:, k].tolist()] for k, name in enumerate(war.CURVES)}
    recipe = found.metadata.training["recipe"]
    return {"images": found.images.tolist(), "batch": recipe["batch"], "made": [[round(v, 3) for v in row] for row in found.made.tolist()], "curve": curve,
            "figures": {name: round(v, 4) for name, v in found.metadata.settings["figures"].items()}}


def blow(store: Store, payload: dict) -> dict:
    """What the slow motion shows: some updates from one moment of the sound war."""
    found = past(store, SOUND)
    if found is None:
        raise ValueError(MISSING)
    told = found.blow
    turns = {who: {"marks": [[[round(v, 3) for v in side] for side in marks] for marks in told[f"{who}.marks"].tolist()],
                   "fakes": packed(told[f"{who}.fakes"].numpy())} for who in war.TURNS}
    images = int(told["images"])
    return {"images": images, "step": images // found.metadata.training["recipe"]["batch"], "noise": floats(told["noise"]), "wish": floats(told["wish"]),
            "real": packed(told["real"].numpy()), "losses": told["losses"].tolist(), "turns": turns}


def fakes(store: Store, payload: dict) -> dict:
    """payload {"key"} -> {"sheet": PNG data URL, a row for each moment, a column for each latent}."""
    found = past(store, choice("war", payload.get("key"), tuple(NAMES)))
    if found is None:
        raise ValueError(MISSING)
    return {"sheet": sheet(found)}


@functools.lru_cache(maxsize=len(NAMES))
def sheet(found: war.War) -> str:
    moments = found.fakes.numpy()
    return png(grid(np.concatenate(list(moments)), war.FAKES, gap=0))


def past(store: Store, key: str) -> war.War | None:
    try:
        return _load(war.path_of(store.folder, "" if key == SOUND else key))
    except CheckpointError as error:
        logging.getLogger(__name__).warning("%s", error)
        return None


@functools.lru_cache(maxsize=len(NAMES))
def _load(path: Path) -> war.War:
    return war.load(path)


def record(store: Store) -> None:
    """Nothing of its own: the chronicles lie beside the checkpoints."""
