"""What the Classify room's handlers share: the digit and the network in a visitor's request, and answers that never crash.

Server functions get whatever JSON anyone sends, and have no queue of their own.
"""

import base64
import binascii
import functools
import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mnist_lab import drawing
from mnist_lab.checkpoint import CheckpointError, Store
from mnist_lab.data import to_model
from mnist_lab.explain import Op, program, shown
from mnist_lab.labs import CLASSIFIERS, Calibration, choice
from mnist_lab.ui.guests import PREFIX, Guests
from mnist_lab.ui.widgets import packed

RECORDED = Path(__file__).parent / "recorded" / "classify.json"
BEST = CLASSIFIERS[0]
BRUSH = 0.08  # share of the pad
READERS = 2  # visitors' requests worked on at the same time
EMPTY = "The pad is empty. Draw a digit, or take one below it."
NO_WEIGHTS = "This network’s weights are not here. Run make train-classifier, or choose the other network."

GUESTS = Guests()
_gate = threading.BoundedSemaphore(READERS)


def recorded() -> dict:
    """What the Classify room opens on: "pad", "reading" of the drawn 4 on it, and "samples", digits to take. Other rooms begin with it too."""
    return json.loads(RECORDED.read_text(encoding="utf-8"))


def answering(store: Store, handler: Callable[[Store, dict], dict], name: str, wait: float = 1.0) -> Callable[[object], dict]:
    """`handler(store, payload)` as a server function: the page calls it as `server.NAME(payload)`.

    {"busy": True} if other visitors hold the networks for longer than `wait` seconds: the page asks again.
    """

    def respond(payload: object = None) -> dict:
        if not _gate.acquire(timeout=wait):
            return {"busy": True}
        try:
            return answer(store, handler, payload)
        finally:
            _gate.release()

    respond.__name__ = name
    return respond


def answer(store: Store, handler: Callable[[Store, dict], dict], payload: object) -> dict:
    """The handler's answer; bad input comes back as {"error": sentence}."""
    try:
        if not isinstance(payload, dict):
            raise ValueError("A request must be an object.")
        return handler(store, payload)
    except CheckpointError:  # its message names a folder of this machine
        return {"error": NO_WEIGHTS}
    except ValueError as error:
        return {"error": str(error)}


def network_of(store: Store, payload: dict) -> tuple[str, nn.Module]:
    """The (name, network) a request asks for: a checkpoint's or a guest's, the best one if it names none."""
    name, network, _ = reader_of(store, payload)
    return name, network


def reader_of(store: Store, payload: dict) -> tuple[str, nn.Module, Calibration]:
    """The same with what turns the network's logits into a verdict."""
    name = payload.get("network", BEST)
    if isinstance(name, str) and name.startswith(PREFIX):
        network, metadata = GUESTS.load(name)
    else:
        network, metadata = store.load(choice("network", name, CLASSIFIERS))
    return name, network, Calibration.of(metadata.settings)


@functools.lru_cache(maxsize=8)
def ops_of(network: nn.Module) -> list[Op]:
    """A network as the list of its steps, for the parts that take it apart; kept, as they ask for the same one again and again."""
    return program(network)


def verdict(calibration: Calibration, logits: np.ndarray) -> dict:
    """Logits (10,) -> {"digit", "p": [ten calibrated probabilities], "score", "likeness": 0 to 1 or None}."""
    likeness = calibration.likeness(logits)
    return {"digit": int(logits.argmax()), "p": [round(float(v), 9) for v in calibration.probabilities(logits)],
            "score": round(calibration.score(logits), 4), "likeness": None if likeness is None else round(likeness, 4)}


def digit_of(payload: dict) -> drawing.Digit | None:
    """The digit in a request, borrowed ("pixels") or drawn ("strokes", "brush"); None for a blank pad."""
    pixels, strokes = payload.get("pixels"), payload.get("strokes")
    if pixels is not None:
        borrowed = pixels_from(pixels)
        return drawing.Digit(borrowed, (0, 0, 1, 1), (0, 0, drawing.SIDE, drawing.SIDE)) if borrowed.any() else None
    if strokes is None or strokes == []:
        return None
    return drawing.from_strokes(strokes, payload.get("brush", BRUSH))


def input_of(payload: dict) -> Tensor:
    """The digit in a request as the network's input (1, 1, 32, 32); ValueError for a blank pad."""
    digit = digit_of(payload)
    if digit is None:
        raise ValueError(EMPTY)
    return to_model(torch.from_numpy(digit.pixels)[None])


def pixels_from(text: object) -> np.ndarray:
    """base64 -> uint8 (28, 28)."""
    return pictures_from(text, 1)[0]


def pictures_from(text: object, most: int) -> np.ndarray:
    """base64 -> uint8 (n, 28, 28), 1 to `most` pictures one after the other."""
    count = drawing.SIDE ** 2
    if isinstance(text, str) and len(text) <= 2 * most * count:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        if raw and len(raw) % count == 0 and len(raw) <= most * count:
            return np.frombuffer(raw, np.uint8).reshape(-1, drawing.SIDE, drawing.SIDE).copy()
    raise ValueError(f"Pixels must be base64 of {count} bytes{'' if most == 1 else f' each, of up to {most} pictures'}.")


def steps_of(store: Store, payload: dict) -> dict:
    """A network for Lab.makeNetwork: its steps, all weights in their order as one run of float32, and its calibration."""
    name, network, calibration = reader_of(store, payload)
    ops = ops_of(network)
    names = dict(shown(ops))
    steps = [{"kind": op.kind, "from": op.inputs, "shape": op.shape, "size": op.size, "name": names.get(k),
              "weight": 0 if op.weight is None else op.weight.size, "bias": 0 if op.bias is None else op.bias.size} for k, op in enumerate(ops)]
    weights = [part.ravel() for op in ops if op.weight is not None for part in (op.weight, op.bias)]
    return {"network": name, "ops": steps, "weights": packed(np.concatenate(weights)), "calibration": asdict(calibration)}
