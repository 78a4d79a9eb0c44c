"""The forward process and what a network may predict: eps, x_0 or v, each computed from another.

Everywhere alpha_bar is a tensor that broadcasts against the picture; a = sqrt(alpha_bar), s = sqrt(1 - alpha_bar).
"""

import torch
from torch import Tensor


def add_noise(x0: Tensor, eps: Tensor, alpha_bar: Tensor) -> Tensor:
    """x_t = a x_0 + s eps (Ho et al. 2020, eq. 4)."""
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def x0_from_eps(x: Tensor, eps: Tensor, alpha_bar: Tensor) -> Tensor:
    """The clean picture the predicted noise implies (Ho et al. 2020, eq. 15)."""
    return (x - (1 - alpha_bar).sqrt() * eps) / alpha_bar.sqrt()


def eps_from_x0(x: Tensor, x0: Tensor, alpha_bar: Tensor) -> Tensor:
    """The noise that a clean picture implies; alpha_bar below 1."""
    return (x - alpha_bar.sqrt() * x0) / (1 - alpha_bar).sqrt()


def velocity(x0: Tensor, eps: Tensor, alpha_bar: Tensor) -> Tensor:
    """v = a eps - s x_0 (Salimans and Ho 2022, section 4)."""
    return alpha_bar.sqrt() * eps - (1 - alpha_bar).sqrt() * x0


def from_velocity(x: Tensor, v: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """(x_0, eps) from x_t and v: a rotation back."""
    a, s = alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
    return a * x - s * v, s * x + a * v


def log_snr(alpha_bar: Tensor) -> Tensor:
    """log(alpha_bar / (1 - alpha_bar))."""
    return torch.logit(alpha_bar)
