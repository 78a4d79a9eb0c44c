"""The discriminator's view of one picture: how real it looks, and what ink it would like to see."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

LARGEST = 0.1  # of the 2 from paper to ink: what one step changes a pixel at most
HALVINGS = 8


def wish(discriminator: nn.Module, x: Tensor, label: Tensor) -> tuple[float, Tensor]:
    """x (1, 1, 32, 32) in [-1, 1], label (1, 10) -> the score, and its slope at each inner pixel (28, 28): above zero where ink would help.

    Zero where nothing can be done: more ink on ink, or less on paper.
    """
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        score = discriminator(x, label)
        slope = torch.autograd.grad(score.sum(), x)[0]
    possible = torch.where(slope > 0, x < 1, x > -1)
    return score.item(), (slope * possible).detach()[0, 0, 2:-2, 2:-2]


def obey(discriminator: nn.Module, x: Tensor, label: Tensor, steps: int) -> Iterator[tuple[float, Tensor]]:
    """Give it what it wants: (score, x) after each step uphill.

    A step changes the pixel it cares for most by LARGEST, the others in proportion, and half as much again and again while
    the score would not rise. It ends early where no step helps.
    """
    for _ in range(steps):
        score, slope = wish(discriminator, x, label)
        better = _uphill(discriminator, x, label, score, slope)
        if better is None:
            return
        yield better
        x = better[1]


@torch.no_grad()
def _uphill(discriminator: nn.Module, x: Tensor, label: Tensor, score: float, slope: Tensor) -> tuple[float, Tensor] | None:
    step = torch.nn.functional.pad(slope, (2, 2, 2, 2)) * (LARGEST / slope.abs().amax().clamp(min=1e-12))
    for k in range(HALVINGS):
        moved = (x + step / 2**k).clamp(-1, 1)
        higher = discriminator(moved, label).item()
        if higher > score:
            return higher, moved
    return None
