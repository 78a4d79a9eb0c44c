"""The population: what a network makes of all test digits at once, and where the drawing lies among them."""

import functools
import io
import logging
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mnist_lab import population
from mnist_lab.checkpoint import CheckpointError, Store, fingerprint
from mnist_lab.explain import scale
from mnist_lab.labs import choice
from mnist_lab.plots import charts, digits
from mnist_lab.population import Population
from mnist_lab.ui.controls import wing
from mnist_lab.ui.guests import PREFIX
from mnist_lab.ui.readings import BEST, answering, digit_of, input_of, network_of
from mnist_lab.ui.widgets import data_url, packed
from mnist_lab.ui.widgets.atlas import Atlas
from mnist_lab.ui.widgets.population import Population as PopulationWidget

LAYOUTS = ("pca", "tsne")
COLUMNS = 50  # of a sheet of pictures
TOP = 127  # a signed byte's largest: a layer's scale, and whatever lies above it
MISSING = "What this network makes of the test digits is not here, or can’t be read. Run make evaluate to get it."
GUEST = "Only the lab’s own networks were taken through the test digits. Choose one of those to see what it makes of them."
STALE = "What is stored about the test digits was made with other weights of this network. Run make evaluate to get it anew."


def build(store: Store) -> None:
    wing(f'<span class="population-title">{title(store)}</span>', "The network read every digit of the test split, by people whose writing it had never "
         "seen. Press a cell to see the digits in it; press a digit, and it becomes your drawing.")
    PopulationWidget(server_functions=[answering(store, people, "people")], elem_id="classify-population")
    wing("Find yourself on the map", "Before it answers, the network turns a digit into a row of numbers. Here two thousand test digits lie where their "
         "numbers put them, squeezed into three dimensions. Turn the map; your drawing lands in it.")
    Atlas(server_functions=[answering(store, where, "where"), answering(store, pictures, "pictures"), answering(store, land, "land"),
                            answering(store, take, "take", 10.0)], elem_id="classify-atlas")


def title(store: Store) -> str:
    """What the heading says before the page has asked; the weights are not loaded for it."""
    try:
        matrix = _stored(population.path_of(store.folder, BEST)).confusion
    except CheckpointError:
        return "Ten thousand digits at once"
    return f"{int(matrix.sum() - matrix.trace()):,} of {int(matrix.sum()):,} test digits are misread"


def population_of(store: Store, payload: dict) -> tuple[Population, nn.Module]:
    """What is stored of the network a request asks for, and the network; ValueError if there is none or it is of other weights."""
    name, network = network_of(store, payload)
    if name.startswith(PREFIX):
        raise ValueError(GUEST)
    try:
        found = _stored(population.path_of(store.folder, name))
    except CheckpointError as error:
        logging.getLogger(__name__).warning("%s", error)
        raise ValueError(MISSING) from error
    if found.fingerprint != fingerprint(network):
        raise ValueError(STALE)
    return found, network


@functools.lru_cache(maxsize=4)
def _stored(path: Path) -> Population:
    return population.load(path)


# ---- all digits at once ------------------------------------------------------------------------------------------------

def people(store: Store, payload: dict) -> dict:
    """Everything the first widget shows of one network: {"network"} -> see widgets/population.py."""
    p, _ = population_of(store, payload)
    g, h, c = p.gallery, p.histograms, p.calibration
    return {
        "confusion": p.confusion.tolist(), "cells": g.cells.tolist(), "worst": g.worst.tolist(),
        "sheet": sheet(g.images), "columns": COLUMNS, "labels": g.labels.tolist(), "read": g.read.tolist(), "confidence": _rounded(g.confidence),
        "layers": [_layer(name, values.float().numpy()) for name, values in p.layers.items()],
        "last": _layer([name for name in p.layers if name.startswith("Convolution")][-1], p.last.float().numpy()),
        "histograms": {"counts": h.counts.tolist(), "low": _rounded(h.edges[:, 0]), "high": _rounded(h.edges[:, -1]), "mean": _rounded(h.mean),
                       "std": _rounded(h.std)},
        "calibration": {"count": c.count.tolist(), "confidence": _rounded(c.confidence), "accuracy": _rounded(c.accuracy)},
        "scores": p.metadata.scores,
    }


def _layer(name: str, values: np.ndarray) -> dict:
    """(10, C, ...) as signed bytes for the page."""
    size = scale(values)
    small = np.clip(np.rint(values * (TOP / size)), -TOP, TOP).astype(np.int8)
    return {"name": name, "count": values.shape[1], "side": values.shape[-1] if values.ndim == 4 else 1, "values": packed(small), "scale": size}


def _rounded(values: Tensor) -> list[float]:
    return [round(v, 4) for v in values.tolist()]


def sheet(images: Tensor) -> str:
    """uint8 (N, 28, 28) -> one grey PNG with COLUMNS digits a row, as an address the page can load."""
    file = io.BytesIO()
    digits.grid(images.numpy(), COLUMNS, gap=0).save(file, "PNG", compress_level=6)
    return data_url(file.getvalue(), "image/png")


# ---- the map -----------------------------------------------------------------------------------------------------------

def where(store: Store, payload: dict) -> dict:
    """{"network"} -> {"labels", "read": base64 of uint8 (N,), and for each layout base64 of float32 (N, 3), about 1 in size}."""
    m = population_of(store, payload)[0].map
    layouts = {name: packed(_placed(getattr(m, name), getattr(m, name))) for name in LAYOUTS}
    return {"labels": packed(m.labels.byte().numpy()), "read": packed(m.read.byte().numpy()), **layouts}


def pictures(store: Store, payload: dict) -> dict:
    """{"network"} -> the digits of its map: {"sheet": address of a PNG, "columns"}."""
    name, _ = network_of(store, payload)
    return {"sheet": _map_sheet(population.path_of(store.folder, name)), "columns": COLUMNS}


@functools.lru_cache(maxsize=4)
def _map_sheet(path: Path) -> str:
    return sheet(_stored(path).map.images)


def land(store: Store, payload: dict) -> dict:
    """Where a drawing lies: {"network", "pixels" or "strokes"} -> {"pca": [x, y, z], "tsne", "near": places of five digits,
    "far": whether it lies further from them than nearly every test digit from its own, "features": its first numbers}."""
    p, network = population_of(store, payload)
    features = _features(network, input_of(payload))
    found = population.land(p.map, features)
    at = {name: _placed(getattr(found, name), getattr(p.map, name)).tolist() for name in LAYOUTS}
    return {**at, "near": found.near.tolist(), "far": found.distance.mean().item() > p.metadata.settings["far"],
            "features": _rounded(features[:len(p.histograms.mean)])}


def take(store: Store, payload: dict) -> dict:
    """The map as a page to keep: {"network", "layout", "dark", and the digit, if any} -> {"html"}; it needs no other file and no network."""
    p, network = population_of(store, payload)
    layout, dark = choice("layout", payload.get("layout"), LAYOUTS), payload.get("dark") is True
    found = population.land(p.map, _features(network, input_of(payload))) if digit_of(payload) else None
    figure = charts.digit_map(getattr(p.map, layout).numpy(), p.map.labels.numpy(), f"{len(p.map.labels):,} test digits, by what the network makes of them",
                              found and getattr(found, layout).numpy(), found and found.near.numpy(), dark)
    return {"html": charts.page(figure)}


@torch.inference_mode()
def _features(network: nn.Module, x: Tensor) -> Tensor:
    return network.features(x)[0]


def _placed(points: Tensor, cloud: Tensor) -> np.ndarray:
    """Points of a layout (..., 3), moved and shrunk so that nearly all of its cloud (N, 3) lies in a ball of radius 1."""
    middle = cloud.mean(0)
    return ((points - middle) / (cloud - middle).norm(dim=1).quantile(.98)).numpy()
