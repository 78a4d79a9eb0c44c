"""What a network sees on its way to an answer: arrays of every layer, for any model made of the usual modules."""

import threading
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

NAMES = {nn.Conv2d: "Convolution", nn.MaxPool2d: "Pool", nn.AvgPool2d: "Average", nn.Linear: "Dense"}
KINDS = {nn.Conv2d: "conv", nn.MaxPool2d: "pool", nn.AvgPool2d: "pool", nn.Linear: "dense"}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(frozen=True)
class Layer:
    name: str  # "Convolution 1"; without a number if it is the only one of its sort
    kind: str  # "conv", "pool", "dense" or "answer"
    values: np.ndarray  # float32 (C, H, W) for conv and pool, (N,) for dense and answer


@dataclass(frozen=True)
class _Call:
    module: type
    output: Tensor


@torch.no_grad()
def layers(model: nn.Module, x: Tensor) -> list[Layer]:
    """Every convolution, pool and linear layer in the order they are called; the last linear layer is the answer.

    x (1, 1, 32, 32); model in evaluation mode. A layer followed by batch norm shows the value after it.
    """
    calls: list[_Call] = []
    thread = threading.get_ident()

    def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if threading.get_ident() != thread:  # the model is shared: another visitor's picture
            return
        if isinstance(module, NORMS):
            if calls and calls[-1].output is inputs[0]:
                calls[-1] = _Call(calls[-1].module, output)
            return
        calls.append(_Call(type(module), output))

    hooks = [m.register_forward_hook(record) for m in model.modules() if type(m) in KINDS or isinstance(m, NORMS)]
    try:
        model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return _named(calls)


def _named(calls: list[_Call]) -> list[Layer]:
    linear = [k for k, call in enumerate(calls) if call.module is nn.Linear]
    answer = linear[-1] if linear else None
    names = ["Answer" if k == answer else NAMES[call.module] for k, call in enumerate(calls)]
    result = []
    for k, (name, call) in enumerate(zip(names, calls, strict=True)):
        numbered = f"{name} {names[:k + 1].count(name)}" if names.count(name) > 1 else name
        kind = "answer" if k == answer else KINDS[call.module]
        result.append(Layer(numbered, kind, call.output[0].float().cpu().numpy().copy()))
    return result


def scale(values: np.ndarray) -> float:
    """A size to divide by for display: the 98.5th percentile of |values|, so that a few hot pixels don't wash out the rest.

    Where that is 0 the largest value, and 1 for all zeros: never 0.
    """
    size = np.abs(values)
    return float(np.percentile(size, 98.5)) or float(size.max()) or 1.0
