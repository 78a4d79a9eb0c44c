"""One training step in slow motion: a network is shown one digit with a label, and every weight takes its share of the blame.

It works on the list of steps, never on the model, which other visitors read with at the same time.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_lab.explain.program import Op, shown
from mnist_lab.explain.run import step

GAIN = 0.03  # of the belief in the label, that a first step should bring
TRIALS = 10  # rates tried, each a quarter larger than the one before
HIGHEST = 1.0


@dataclass(frozen=True)
class Taught:
    """One layer in a training step. Gradients are of the loss."""

    place: int  # among the steps
    name: str
    values: np.ndarray  # float32, the step's shape: what it said of the digit
    blame: np.ndarray  # the same shape: gradient with respect to those values
    weight: np.ndarray | None = None  # before the step; None for a layer without weights
    nudge: np.ndarray | None = None  # what is added to the weight: -rate * gradient

    @property
    def moved(self) -> float:
        """Length of the nudge as a share of the weight's own, 0 for a layer without weights."""
        return 0.0 if self.weight is None else float(np.linalg.norm(self.nudge) / max(float(np.linalg.norm(self.weight)), 1e-12))


@dataclass(frozen=True)
class Lesson:
    rate: float
    loss: float  # cross entropy, before the step
    p: np.ndarray  # float32 (10,): probabilities before the step
    after: np.ndarray  # float32 (10,)
    layers: list[Taught]  # those of `shown`, in their order


def teach(ops: list[Op], x: Tensor, label: int, rate: float) -> tuple[Lesson, list[Op]]:
    """One step of plain gradient descent on one digit x (1, 1, 32, 32): w <- w - rate dL/dw for every weight and bias.

    L = -log p[label]. Returns the lesson and the steps as they are after it; `ops` stay as they were. Raises ValueError if the label is no
    digit.
    """
    if label not in range(10):
        raise ValueError("The label must be a digit, 0 to 9.")
    x = x.clone()  # without inference mode's mark
    leaves = [_leaf(op) for op in ops]
    values = _forward(leaves, x)
    loss = F.cross_entropy(values[-1], torch.tensor([label]))
    places = [k for k, _ in shown(ops)]
    weights = [w for op in leaves if op.weight is not None for w in (op.weight, op.bias)]
    gradients = torch.autograd.grad(loss, [values[k] for k in places] + weights)
    blames, nudges = gradients[:len(places)], iter((-rate * g).numpy() for g in gradients[len(places):])
    nudge = {k: (next(nudges), next(nudges)) for k, op in enumerate(ops) if op.weight is not None}
    taught = [dataclasses.replace(op, weight=op.weight + nudge[k][0], bias=op.bias + nudge[k][1]) if k in nudge else op for k, op in enumerate(ops)]
    layers = [Taught(k, name, values[k][0].detach().numpy(), blame[0].numpy(), ops[k].weight, nudge[k][0] if k in nudge else None)
              for (k, name), blame in zip(shown(ops), blames, strict=True)]
    return Lesson(rate, loss.item(), _probabilities(values[-1]), _probabilities(_forward(taught, x)[-1]), layers), taught


def rate_for(ops: list[Op], x: Tensor, label: int) -> float:
    """A learning rate, of two digits, whose first step can be seen: the belief in the label rises by GAIN, or by a third of what it lacks.

    The search starts where half of the loss should go, as far as a straight line tells: it falls by rate |g|^2 to first order.
    Where no rate of the search does it, several small steps will: the first one is taken. At most HIGHEST.
    """
    one, after = teach(ops, x, label, 1.0)
    moves = [(b.weight - a.weight, b.bias - a.bias) if a.weight is not None else None for a, b in zip(ops, after, strict=True)]
    size = sum(float(np.square(part).sum()) for move in moves if move for part in move)  # |g|^2
    if not size:
        return HIGHEST
    rates = [min(HIGHEST, float(f"{one.loss / 2 / size * 1.25 ** k:.1e}")) for k in range(TRIALS)]
    wanted = one.p[label] + min(GAIN, (1 - one.p[label]) / 3)
    for rate in rates:
        moved = [dataclasses.replace(op, weight=op.weight + rate * m[0], bias=op.bias + rate * m[1]) if m else op for op, m in zip(ops, moves, strict=True)]
        if _probabilities(_forward(moved, x)[-1])[label] >= wanted:
            return rate
    return rates[0]


def _leaf(op: Op) -> Op:
    """The step with tensors that gather gradients."""
    if op.weight is None:
        return op
    return dataclasses.replace(op, weight=torch.tensor(op.weight, requires_grad=True), bias=torch.tensor(op.bias, requires_grad=True))


def _forward(ops: list[Op], x: Tensor) -> list[Tensor]:
    values: list[Tensor] = []
    for op in ops:
        values.append(x if op.kind == "input" else step(op, [values[i] for i in op.inputs]))
    return values


def _probabilities(logits: Tensor) -> np.ndarray:
    return logits.detach().softmax(1)[0].numpy()
