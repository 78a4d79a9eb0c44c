"""Surgery on a network: kernels switched off or inverted, and which of them a verdict hangs on.

It works on the list of steps, never on the model, which other visitors read with at the same time.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mnist_lab.explain.program import Op
from mnist_lab.explain.run import run

Scaled = Mapping[int, Mapping[int, float]]  # place of a convolution among the steps -> its map -> factor


@dataclass(frozen=True)
class Losses:
    """What a network says of one digit without map c of one convolution, for every c: each loss by itself."""

    place: int  # of the convolution among the steps
    digits: np.ndarray  # int64 (C,): the verdict
    p: np.ndarray  # float32 (C,): how strongly it still believes in the digit it saw with all maps


def switched(ops: list[Op], scaled: Scaled) -> list[Op]:
    """The steps with maps of convolutions multiplied by a factor, before any ReLU: 0 switches a kernel off, -1 inverts it.

    A map is W * x + b, so its kernel and its bias carry the factor. Raises ValueError for what is no map of a convolution.
    """
    result = list(ops)
    for place, channels in scaled.items():
        if not 0 <= place < len(ops) or ops[place].kind != "conv" or not all(0 <= c < ops[place].shape[0] for c in channels):
            raise ValueError("There is no such filter in this network.")
        factors = np.ones(ops[place].shape[0], np.float32)
        factors[list(channels)] = list(channels.values())
        op = ops[place]
        result[place] = dataclasses.replace(op, weight=op.weight * factors[:, None, None, None], bias=op.bias * factors)
    return result


@torch.inference_mode()
def losses(ops: list[Op], x: Tensor, temperature: float = 1.0) -> list[Losses]:
    """For every convolution, the verdict on one digit x (1, 1, 32, 32) with each of its maps off; `temperature` is the softmax's.

    Only the steps behind a convolution run again, all its maps as one batch.
    """
    whole = run(ops, x)
    digit = int(whole[-1].argmax())
    return [_without(ops, whole[:k + 1], digit, temperature) for k, op in enumerate(ops) if op.kind == "conv"]


def _without(ops: list[Op], known: list[Tensor], digit: int, temperature: float) -> Losses:
    """The losses of the convolution whose output comes last in `known`."""
    maps = known[-1]  # (1, C, H, W)
    each = maps * (1 - torch.eye(maps.shape[1]))[:, :, None, None]  # (C, C, H, W): row c lacks map c
    logits = run(ops, known[0], [*known[:-1], each])[-1]  # (C, 10)
    return Losses(len(known) - 1, logits.argmax(1).numpy(), (logits / temperature).softmax(1)[:, digit].numpy())
