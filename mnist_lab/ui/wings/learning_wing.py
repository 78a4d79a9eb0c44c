"""Watch it learn: the snapshots of a training, and one training step in slow motion on the visitor's own digit."""

import functools
import logging
import time
from pathlib import Path

import numpy as np
from torch import Tensor

from mnist_lab import history
from mnist_lab.checkpoint import CheckpointError, Store
from mnist_lab.explain import Lesson, Op, Taught, rate_for, scale, teach
from mnist_lab.history import History
from mnist_lab.labs import whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.readings import answering, input_of, network_of, ops_of
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.learning import Learning
from mnist_lab.ui.widgets.lesson import Lesson as LessonFilm

NETWORK = "lenet"  # whose training is told
MISSING = "The snapshots of LeNet’s training are not here, or can’t be read. Train it with --snapshots to see them."
MOST_STEPS = 200  # of one lesson
PATIENCE = 3.0  # seconds a lesson may take: a larger network gets fewer steps
SHOWN_MAPS, SHOWN_KERNELS = 4, 8  # of one layer, those with most of the blame; of the first convolution


def build(store: Store) -> None:
    wing("Watch it learn", "LeNet at about sixty moments of its training. Scrub: its kernels, its mistakes and its verdict on your drawing follow. "
         "Its beliefs are as they were, uncalibrated.")
    Learning(snapshots(store), server_functions=[answering(store, verdicts, "verdicts")], elem_id="classify-learning")
    wing("One training step, in slow motion", "Tell the network what your digit is, right or wrong, and a copy of it learns from this one digit.")
    LessonFilm(server_functions=[answering(store, lesson, "lesson")], elem_id="classify-lesson")


# ---- snapshots ---------------------------------------------------------------------------------------------------------

def snapshots(store: Store) -> dict:
    """The value of the widget: figures, confusion and the first layer's kernels of every snapshot, or {"missing": sentence}."""
    try:
        past = _past(history.path_of(store.folder, NETWORK))
    except CheckpointError as error:
        logging.getLogger(__name__).warning("%s", error)
        return {"missing": MISSING}
    first = next(name for name, w in past.network(0).state_dict().items() if w.dim() == 4)
    kernels = past.weights[first][:, :, 0].numpy()  # (S, C, k, k): the first convolution sees one channel
    size = scale(kernels)
    small = np.clip(np.rint(kernels * (127 / size)), -127, 127).astype(np.int8)
    return {"images": past.images.tolist(), "loss": [round(v, 4) for v in past.loss.tolist()], "accuracy": [round(v, 4) for v in past.accuracy.tolist()],
            "kernels": packed(small), "scale": size, "bias": packed(past.weights[first.replace("weight", "bias")].numpy()),
            "channels": kernels.shape[1], "side": kernels.shape[-1], "confusion": packed(past.confusion.numpy().astype(np.uint16))}


def verdicts(store: Store, payload: dict) -> dict:
    """What every snapshot makes of the digit in the request: {"p": base64 of float32 (S, 10)}."""
    past = _past(history.path_of(store.folder, NETWORK))
    return {"p": packed(history.read(past, input_of(payload)).numpy())}


@functools.lru_cache(maxsize=2)
def _past(path: Path) -> History:
    return history.load(path)


# ---- one training step -------------------------------------------------------------------------------------------------

def lesson(store: Store, payload: dict) -> dict:
    """A copy of the network after `steps` training steps on one digit, and the last of them in slow motion.

    payload {"pixels" or "strokes", "network", "label", "steps"}. Nothing is kept: the steps are taken anew from the start.
    -> {"label", "steps": those taken, fewer if time ran out, "most": whether no more can be had, "rate", "loss", "trace": base64
    of float32 (steps + 1, 10), the probabilities before the first step and after each, "layers", "kernels", "weights": how many}.
    """
    x, (_, network) = input_of(payload), network_of(store, payload)
    label, steps = whole("A label", payload.get("label"), 0, 9), whole("The number of steps", payload.get("steps", 1), 1, MOST_STEPS)
    ops = ops_of(network)
    trace, last = taught(ops, x, label, steps)
    done = len(trace) - 1
    return {"label": label, "steps": done, "most": done < steps or done == MOST_STEPS, "rate": last.rate, "loss": last.loss,
            "trace": packed(np.stack(trace)), "layers": [_layer(one) for one in last.layers], "kernels": _kernels(last),
            "weights": sum(op.weight.size + op.bias.size for op in ops if op.weight is not None)}


def taught(ops: list[Op], x: Tensor, label: int, steps: int) -> tuple[list[np.ndarray], Lesson]:
    """Probabilities before the first step and after each, and the last lesson; fewer than `steps` once PATIENCE is over."""
    rate, began = rate_for(ops, x, label), time.monotonic()
    trace = []
    while len(trace) <= steps and (len(trace) < 2 or time.monotonic() - began < PATIENCE):
        one, ops = teach(ops, x, label, rate)
        trace = [*(trace or [one.p]), one.after]
    return trace, one


def _layer(one: Taught) -> dict:
    """A layer as signed bytes for the page, each part to its own scale; of maps only those with most of the blame."""
    channels = list(range(len(one.values)))
    if one.values.ndim == 3:
        channels = sorted(np.abs(one.blame).sum((1, 2)).argsort()[-SHOWN_MAPS:].tolist())
    return {"name": one.name, "kind": "map" if one.values.ndim == 3 else "row", "count": len(one.values), "size": one.values.shape[-1],
            "channels": channels, "values": _bytes(one.values[channels], scale(one.values)), "blame": _bytes(one.blame[channels], scale(one.blame)),
            "norm": float(np.linalg.norm(one.blame)), "moved": one.moved}


def _kernels(last: Lesson) -> dict:
    """The first convolution before the step and what it is nudged by: those kernels that move most."""
    first = next(one for one in last.layers if one.weight is not None and one.weight.ndim == 4)
    before, nudge = first.weight[:, 0], first.nudge[:, 0]  # (C, k, k)
    channels = sorted(np.abs(nudge).sum((1, 2)).argsort()[-SHOWN_KERNELS:].tolist())
    return {"channels": channels, "side": before.shape[-1], "before": packed(before[channels]), "nudge": packed(nudge[channels]),
            "name": first.name, "moved": first.moved}


def _bytes(values: np.ndarray, size: float) -> str:
    return packed(np.clip(np.rint(values * (127 / size)), -127, 127).astype(np.int8))
