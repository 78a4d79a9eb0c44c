"""Break it: switch filters off and see what is lost; and look at the drawing through the window one layer sees."""

import functools

import torch
from torch import nn

from mnist_lab.checkpoint import Store
from mnist_lab.data import to_model
from mnist_lab.explain import Op, losses, run, switched
from mnist_lab.labs import number, whole
from mnist_lab.ui import examples
from mnist_lab.ui.controls import wing
from mnist_lab.ui.readings import answering, input_of, network_of, ops_of, reader_of, verdict
from mnist_lab.ui.widgets.lamp import Lamp
from mnist_lab.ui.widgets.surgery import Surgery


def build(store: Store) -> None:
    wing("Break it", "Press a filter: once switches it off, twice inverts it, three times mends it. What can the network no longer tell apart?")
    Surgery(server_functions=[answering(store, accuracy, "accuracy"), answering(store, find, "find")], elem_id="classify-surgery")
    wing("Look through a keyhole", "One value in a layer sees only a small window of your drawing. Move the window: what can be known from it alone?")
    Lamp(elem_id="classify-lamp")


def accuracy(store: Store, payload: dict) -> dict:
    """How many examples of some digits are read right by the whole network and by the broken one.

    payload {"network", "scaled": {place: {map: factor}}, "digits": [...]} -> {"before": [a count a digit], "after": the same,
    "of": examples of each digit, "words": what the examples are}.
    """
    _, network = network_of(store, payload)
    digits = payload.get("digits")
    if not isinstance(digits, list) or len(digits) > 10:
        raise ValueError("Digits must be a list of at most ten.")
    digits, scaled = [whole("A digit", d, 0, 9) for d in digits], scaled_of(payload)
    ops = switched(ops_of(network), scaled)
    before = [_whole(network, d) for d in digits]
    after = [_right(ops, d) for d in digits] if scaled else before
    return {"before": before, "after": after, "of": examples.EACH, "words": examples.load().words}


def find(store: Store, payload: dict) -> dict:
    """What the network says without each filter in turn, on top of those that are off already.

    payload as above with the digit's "pixels" or "strokes" -> {"digit", "p": its probability, "maps": [{"place", "digits", "p"}]}.
    """
    x, (_, network, calibration) = input_of(payload), reader_of(store, payload)
    ops = switched(ops_of(network), scaled_of(payload))
    read = verdict(calibration, run(ops, x)[-1][0].numpy())
    maps = [{"place": one.place, "digits": one.digits.tolist(), "p": one.p.tolist()} for one in losses(ops, x, calibration.temperature)]
    return {"digit": read["digit"], "p": max(read["p"]), "maps": maps}


def scaled_of(payload: dict) -> dict[int, dict[int, float]]:
    """{place of a convolution: {map: factor}} of a request, whose keys are strings as JSON has them; ValueError."""
    given = payload.get("scaled", {})
    if not isinstance(given, dict) or not all(isinstance(maps, dict) for maps in given.values()):
        raise ValueError("Filters must be given as an object of objects: place, map, factor.")
    if not all(key.isdecimal() and len(key) < 6 for maps in given.values() for key in (*given, *maps)):
        raise ValueError("Places and maps are whole numbers from 0.")
    return {int(place): {int(c): number("A factor", f, -1, 1) for c, f in maps.items()} for place, maps in given.items() if maps}


@functools.lru_cache(maxsize=80)
def _whole(network: nn.Module, digit: int) -> int:
    return _right(ops_of(network), digit)


def _right(ops: list[Op], digit: int) -> int:
    """How many examples of a digit are read as that digit."""
    found = examples.load()
    logits = run(ops, to_model(found.images[found.labels == digit]))[-1]
    return int(torch.count_nonzero(logits.argmax(1) == digit))
