"""As fast as your finger: the student draws ten digits anew while the noise is turned, in one to four looks."""

import math
import time

import torch
from torch import Tensor

from mnist_lab.checkpoint import Store
from mnist_lab.diffusion.samplers import network_calls
from mnist_lab.labs import STUDENT, DiffusionLab, number, seed_number, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import lab_of, label_from, last_of, noisy_pixels
from mnist_lab.ui.readings import answering
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.student import Student

KEY = "student"
TEN, MOST_CALLS = 10, 4
SEED, ANGLE = 12, 40


def build(store: Store, recorded: dict | None) -> None:
    if not recorded:  # its networks are not trained
        return
    wing("As fast as your finger", "A student of this network has learned to say at once where its paths end. Turn the noise, and ten digits are drawn anew at "
         "every move; when your hand rests, its teacher draws them too.")
    Student(recorded, student=answering(store, student, "student", 10.0), teacher=answering(store, teacher, "teacher", 10.0), elem_id="diffusion-student")


def student(store: Store, payload: dict) -> dict:
    """Ten digits by the student: payload {"seed", "angle": degrees, "label": digit, or None for one noise under ten labels, "calls": 1 to 4}
    -> {"noise": base64 of uint8 (28, 28), the first's, "ends": (10, 28, 28), "calls", "ms"}."""
    return drawn_by(lab_of(store, {"network": STUDENT}), payload, steps=whole("Calls", payload.get("calls"), 1, MOST_CALLS))


def teacher(store: Store, payload: dict) -> dict:
    """The same noise and labels by the network the student learned from, in its quick run."""
    lab = lab_of(store)
    return drawn_by(lab, payload, **lab.quick)


def drawn_by(lab: DiffusionLab, payload: dict, **how) -> dict:
    label = label_from(payload.get("label"))
    seed = seed_number(payload.get("seed"))
    noise = turned(seed, number("The angle", payload.get("angle"), 0, 360), 1 if label is None else TEN)
    s = lab.sampling(list(range(TEN)) if label is None else [label] * TEN, seed=seed, same_noise=label is None, **how)
    start = time.perf_counter()
    ends = last_of(lab.frames(s, noise))
    return {"noise": packed(noisy_pixels(noise[:1], 0.0)), "ends": packed(ends), "calls": network_calls(s.sampler, s.steps),
            "ms": round(1000 * (time.perf_counter() - start), 1)}


def turned(seed: int, angle: float, count: int) -> Tensor:
    """Noises (count, 1, 32, 32) on a circle through two draws: N(0, 1) at every angle, and the same again after 360 degrees."""
    first, second = torch.randn((2, count, 1, 32, 32), generator=torch.Generator().manual_seed(seed))
    return math.cos(math.radians(angle)) * first + math.sin(math.radians(angle)) * second


def record(store: Store) -> dict:
    asked = {"seed": SEED, "angle": ANGLE, "label": None, "calls": 1}
    return {**asked, "student": student(store, asked), "teacher": teacher(store, asked)}
