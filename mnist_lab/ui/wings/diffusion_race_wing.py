"""A race: four samplers from the same noise, a lane as long as the number of times the network is asked."""

import time

import numpy as np

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion import SHAPES
from mnist_lab.diffusion.samplers import LOOKS, network_calls
from mnist_lab.labs import choice, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import RUNNERS, SEED, WHOLE, lab_of, noisy_pixels, one_label, pixels, settings_of
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.race import Race

KEY = "race"
SHOWN = 10  # pictures on the way
LABEL = 3  # of the race that the room opens with: what was measured was told labels too
LANES = (("ddpm", 50), ("ddim", 20), ("heun", 9), ("dpm", 10))


def build(store: Store, recorded: dict) -> None:
    wing("Four samplers, one noise", "A lane is as long as the number of times the network is asked. All start from the same static; change who runs, "
         "and how many steps each may take.")
    value = {**recorded, "samplers": {key: [name, how, short] for key, (name, short, how) in RUNNERS.items()}, "most": WHOLE,
             "shape": {key: usual for own in SHAPES.values() for key, usual in own.items()}}
    Race(value, lap=answering(store, lap, "lap", 20.0), elem_id="diffusion-race")


def lap(store: Store, payload: dict) -> dict:
    """One sampler's run of one label.

    payload {"settings", "column", "sampler", "steps"} -> {"sampler", "steps", "calls", "ms", "at": [calls made when each picture
    was], "x": base64 of uint8 (n, 28, 28), "end": base64 of uint8 (28, 28)}.
    """
    sampler, steps = choice("sampler", payload.get("sampler"), tuple(LOOKS)), whole("Steps", payload.get("steps"), 1, WHOLE)
    lab, run = one_label(store, payload, sampler=sampler, steps=steps, eta=0.0)  # DDIM races as itself
    start = time.perf_counter()
    frames = list(lab.frames(run))
    ms = 1000 * (time.perf_counter() - start)
    calls = network_calls(sampler, steps)
    shown = [frames[int(k)] for k in np.linspace(0, steps, SHOWN, endpoint=False)]
    return {"sampler": sampler, "steps": steps, "calls": calls, "ms": round(ms), "at": [LOOKS[sampler] * f.step for f in shown],
            "x": packed(np.concatenate([noisy_pixels(f.x, f.alpha_bar) for f in shown])), "end": packed(pixels(frames[-1].x))}


def record(store: Store) -> dict:
    lab = lab_of(store)
    film = {"settings": settings_of(lab.sampling([LABEL], steps=50, seed=SEED)), "column": 0}
    return {"measured": store.load(lab.name)[1].settings.get("race"), "film": film["settings"],
            "laps": [lap(store, {**film, "sampler": sampler, "steps": steps}) for sampler, steps in LANES]}
