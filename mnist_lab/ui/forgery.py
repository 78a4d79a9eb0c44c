"""What the GAN room's handlers share: the generator for the page, latent vectors in a visitor's request, the way they travel."""

import base64
import binascii
import functools

import numpy as np
import torch
from torch import Tensor, nn

from mnist_lab.checkpoint import CheckpointError, Store
from mnist_lab.explain.forging import forging
from mnist_lab.labs import GanLab
from mnist_lab.ui.widgets import packed

NO_GAN = "The GAN’s weights are not here. Run make train-gan, or visit another room."
FARTHEST = 100.0  # no number of a latent vector is larger


def lab_of(store: Store) -> GanLab:
    try:
        return GanLab(store)
    except CheckpointError as error:
        raise ValueError(NO_GAN) from error


def generator_of(store: Store, payload: dict) -> dict:
    """The generator for Lab.makeGenerator: its steps, and all weights in their order as one run of float16."""
    return _packed(lab_of(store).generator)


@functools.lru_cache(maxsize=2)
def _packed(generator: nn.Module) -> dict:
    steps = forging(generator)
    counts = [{"kind": s.kind, "from": s.inputs, "shape": s.shape, "number": s.number, "weight": 0 if s.weight is None else s.weight.size,
               "bias": 0 if s.bias is None else s.bias.size} for s in steps]
    weights = [part.ravel() for s in steps if s.weight is not None for part in (s.weight, s.bias)]
    return {"latent": generator.config.latent, "steps": counts, "weights": packed(np.concatenate(weights).astype(np.float16))}


def floats_from(text: object, *shape: int) -> Tensor:
    """base64 of float32 in a request -> a tensor of that shape; ValueError for anything else, also for numbers beyond FARTHEST."""
    count = int(np.prod(shape))
    raw = b""
    if isinstance(text, str) and len(text) <= 6 * count + 4:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raw = b""
    values = np.frombuffer(raw, np.float32) if len(raw) == 4 * count else np.array([np.nan])
    if not np.all(np.abs(values) <= FARTHEST):  # NaN fails
        raise ValueError(f"Numbers must be base64 of {count} float32 between -{FARTHEST:g} and {FARTHEST:g}.")
    return torch.tensor(values).reshape(shape)


def floats(values: Tensor) -> str:
    """A tensor as base64 of float32."""
    return packed(values.detach().float().contiguous().numpy())
