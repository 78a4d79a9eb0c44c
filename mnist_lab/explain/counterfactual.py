"""The smallest change of ink found that makes a network read another digit: a counterfactual (Wachter et al. 2017)."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_lab.explain.program import Op
from mnist_lab.explain.run import run, step

BORDER = 2  # pixels of paper around the 28 x 28 that may change
STEPS, RATE, KEPT = 60, 4.0, 0.8  # of gradient descent: each step that long, shrinking to a fifth; the share of its direction that is kept
WEIGHTS = (0.002, 0.01, 0.04, 0.15)  # of the change's size against the verdict, tried side by side: the smallest that works depends on the digit
SQUARES = 0.5  # of squares against absolute values in the size
MARGIN = 0.5  # log-odds of the target that count as reached: the network gives it 62 %
BLUR = 1.2  # pixels: changes are as wide as a pen, never single dots
FAINT = (0.2, 0.1, 0.05, 0.0)  # changes below this are left out where the target is reached without them
STRENGTHS = np.linspace(0, 1.5, 31, dtype=np.float32)  # 1 is the change itself


@dataclass(frozen=True)
class Counterfactual:
    target: int
    delta: np.ndarray  # float32 (28, 28): added to the digit in [-1, 1]; above zero is ink added
    norm: float  # L2 of delta
    strengths: np.ndarray  # float32 (31,), 0 to 1.5
    probabilities: np.ndarray  # float32 (31, 10): of the digit changed by strength * delta, clipped to [-1, 1]
    reached: bool  # the network reads the target at strength 1


def counterfactual(ops: list[Op], x: Tensor, target: int) -> Counterfactual:
    """A small change of one digit x (1, 1, 32, 32), paper -1, that makes the network say `target`.

    Minimises hinge(MARGIN - log-odds of target) + weight * (|delta|_1 + SQUARES |delta|_2^2) over delta = a blurred picture of
    numbers, clipped so that x + delta stays in [-1, 1]. The absolute values leave most pixels as they are, so that what changes
    can be seen (Chen et al. 2018); the blur keeps it smooth. Raises ValueError if the target is no digit, or what the network reads already.
    """
    if target not in range(10):
        raise ValueError("The target must be a digit, 0 to 9.")
    if int(run(ops, x)[-1].argmax()) == target:
        raise ValueError(f"The network reads this as {target} already.")
    delta = _shrunk(ops, x, _tidied(ops, x, _search(ops, x, target), target), target)
    strengths = torch.from_numpy(STRENGTHS)
    p = run(ops, _changed(x, strengths.reshape(-1, 1, 1, 1) * delta))[-1].softmax(1).numpy()
    found = delta[0, 0].numpy()
    return Counterfactual(target, found, float(np.linalg.norm(found)), STRENGTHS, p, int(p[np.abs(STRENGTHS - 1).argmin()].argmax()) == target)


def _search(ops: list[Op], x: Tensor, target: int) -> Tensor:
    """The smallest change on the way that reaches the target, or the one that comes nearest: (1, 1, 28, 28)."""
    weights, kernel, digit = torch.tensor(WEIGHTS), _gaussian(BLUR), _inner(x)
    free = torch.zeros(len(WEIGHTS), 1, *digit.shape[2:])
    direction, best, least = torch.zeros_like(free), torch.zeros_like(digit), float("inf")
    for k in range(STEPS):
        free.requires_grad_()
        delta = (digit + F.conv2d(free, kernel, padding=kernel.shape[-1] // 2)).clamp(-1, 1) - digit
        miss, size = _miss(_logits(ops, _changed(x, delta)), target), _size(delta)
        score = torch.where(miss <= 0, size, 1e6 + miss).detach()  # any that reaches it beats all that don't
        if score.min() < least:
            best, least = delta[score.argmin()][None].detach(), float(score.min())
        slope, = torch.autograd.grad((miss.relu() + weights * size).sum(), free)
        direction = KEPT * direction + (1 - KEPT) * F.normalize(slope.flatten(1)).view_as(slope)
        free = free.detach() - RATE * (1 - 0.8 * k / STEPS) * direction
    return best


def _tidied(ops: list[Op], x: Tensor, delta: Tensor, target: int) -> Tensor:
    """Without its faint parts, as far as the target is reached without them."""
    each = torch.cat([delta * (delta.abs() >= faint) for faint in FAINT])
    reached = _miss(run(ops, _changed(x, each))[-1], target) <= 0
    return each[int(reached.int().argmax())][None] if reached.any() else delta


def _shrunk(ops: list[Op], x: Tensor, delta: Tensor, target: int) -> Tensor:
    """The part of it, in hundredths, that is just enough."""
    shares = torch.arange(1, 101).reshape(-1, 1, 1, 1) / 100
    reached = _miss(run(ops, _changed(x, shares * delta))[-1], target) <= 0
    return shares[int(reached.int().argmax())] * delta if reached.any() else delta


def _miss(logits: Tensor, target: int) -> Tensor:
    """What the target's log-odds lack to MARGIN, (B,)."""
    others = [c for c in range(logits.shape[1]) if c != target]
    return logits[:, others].logsumexp(1) - logits[:, target] + MARGIN


def _size(delta: Tensor) -> Tensor:
    return delta.abs().sum((1, 2, 3)) + SQUARES * delta.square().sum((1, 2, 3))


def _logits(ops: list[Op], x: Tensor) -> Tensor:
    values: list[Tensor] = []
    for op in ops:
        values.append(x if op.kind == "input" else step(op, [values[i] for i in op.inputs]))
    return values[-1]


def _inner(x: Tensor) -> Tensor:
    return x[..., BORDER:-BORDER, BORDER:-BORDER]


def _changed(x: Tensor, delta: Tensor) -> Tensor:
    """x with its inner pixels changed by each delta (B, 1, 28, 28)."""
    return (x + F.pad(delta, [BORDER] * 4)).clamp(-1, 1)


def _gaussian(width: float) -> Tensor:
    """A 7 x 7 kernel (1, 1, 7, 7) that sums to 1."""
    line = torch.exp(-torch.arange(-3, 4).square() / (2 * width ** 2))
    return torch.outer(line, line)[None, None] / line.sum() ** 2
