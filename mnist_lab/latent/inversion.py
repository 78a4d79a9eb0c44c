"""From a picture back to the latent vector that makes it: the best of many random ones, then Adam's descent."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RANDOM = 256  # latents tried at first
RESTARTS = 8  # of them kept and improved, as one batch
RATE, BETAS, EPS = 0.1, (0.9, 0.999), 1e-8  # Adam (Kingma and Ba 2015)
LENGTH = 0.01 / 64  # weight of the mean square of z: keeps it where random latents lie


@dataclass(frozen=True)
class Search:
    """Where a search stands; the restarts are independent of each other."""

    z: Tensor  # (R, D)
    label: Tensor  # (R, 10) one-hot
    error: Tensor  # (R,) mean absolute difference a pixel, of 1 from paper to ink
    first: Tensor  # (R, D) Adam's running mean of the slope
    second: Tensor  # (R, D) and of its square
    step: int = 0

    @property
    def best(self) -> int:
        return int(self.error.argmin())


@torch.no_grad()
def begin(generator: nn.Module, picture: Tensor, labels: Tensor, z: Tensor, restarts: int = RESTARTS) -> Search:
    """The latents that come nearest to a picture (1, 1, 32, 32), of those tried: z (N, D) under their labels (N, 10)."""
    error = pixel_error(generator(z, labels), picture)
    best = error.argsort()[:restarts]
    none = torch.zeros(len(best), z.shape[1])
    return Search(z[best], labels[best], error[best], none, none)


def advance(generator: nn.Module, picture: Tensor, search: Search, steps: int, length: float = LENGTH, rate: float = RATE) -> Search:
    """`steps` of Adam on absolute + squared difference to the picture + length |z|^2, each restart for itself; their errors at the end."""
    z, first, second = search.z, search.first, search.second
    for k in range(search.step + 1, search.step + steps + 1):
        slope = _slope(generator, picture, z, search.label, length)
        first, second = torch.lerp(slope, first, BETAS[0]), torch.lerp(slope**2, second, BETAS[1])
        mean, square = first / (1 - BETAS[0] ** k), second / (1 - BETAS[1] ** k)
        z = z - rate * mean / (square.sqrt() + EPS)
    with torch.no_grad():
        error = pixel_error(generator(z, search.label), picture)
    return Search(z, search.label, error, first, second, search.step + steps)


def _slope(generator: nn.Module, picture: Tensor, z: Tensor, label: Tensor, length: float) -> Tensor:
    with torch.enable_grad():
        z = z.detach().clone().requires_grad_()
        off = (generator(z, label) - picture) / 2
        loss = off.abs().mean((1, 2, 3)) + off.square().mean((1, 2, 3)) + length * z.square().sum(1)
        return torch.autograd.grad(loss.sum(), z)[0]


def pixel_error(made: Tensor, picture: Tensor) -> Tensor:
    """Mean absolute difference a pixel of the inner 28x28, of 1 from paper to ink: (B, 1, 32, 32) and (1, 1, 32, 32) -> (B,)."""
    return (made - picture)[..., 2:-2, 2:-2].abs().mean((1, 2, 3)) / 2


def invert(generator: nn.Module, picture: Tensor, labels: Tensor, z: Tensor, steps: int, every: int = 10) -> Iterator[Search]:
    """The search at its start and after every few steps."""
    search = begin(generator, picture, labels, z)
    yield search
    while search.step < steps:
        search = advance(generator, picture, search, min(every, steps - search.step))
        yield search


def guess_labels(p: Tensor, count: int, sure: float = 0.9) -> Tensor:
    """A classifier's probabilities (10,) -> labels (count, 10) to try: all its first guess if it is sure, else half and half with its second."""
    first, second = p.topk(2).indices
    digits = torch.full((count,), int(first))
    if p[first] < sure:
        digits[1::2] = second
    return nn.functional.one_hot(digits, 10).float()
