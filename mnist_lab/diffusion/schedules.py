"""Noise schedules: which noise levels a sampler visits, from noisy to clean.

A schedule is a function (n, **shape) -> alpha_bar (n + 1,), float64, rising; alpha_bar[0] is the noisiest level and
alpha_bar[n] = 1 the clean picture. x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps (Ho et al. 2020, eq. 4).

Few steps are *positions on the levels the network was trained on*, never a new chain of few betas: with 50 steps the
first level is as noisy as with 1,000.
"""

import math

import torch
from torch import Tensor

TRAIN_STEPS = 1000  # levels of the training chain
BETA_FIRST, BETA_LAST = 1e-4, 0.02  # Ho et al. 2020, section 4


def linear_alpha_bar(beta_first: float = BETA_FIRST, beta_last: float = BETA_LAST, steps: int = TRAIN_STEPS) -> Tensor:
    """alpha_bar_1 ... alpha_bar_T of the linear chain, from clean to noisy: (steps,) float64."""
    betas = torch.linspace(beta_first, beta_last, steps, dtype=torch.float64)
    return torch.cumprod(1 - betas, dim=0)


def linear(n: int, beta_first: float = BETA_FIRST, beta_last: float = BETA_LAST) -> Tensor:
    """n levels evenly spaced by position on the 1,000-step chain of linearly growing betas.

    0 < beta_first <= beta_last < 1. Between two steps of the chain log(alpha_bar) is interpolated.
    """
    chain = linear_alpha_bar(beta_first, beta_last)
    if n == TRAIN_STEPS:
        return torch.cat([chain.flip(0), chain.new_ones(1)])
    log = torch.cat([chain.new_zeros(1), chain.log()])  # position 0 is clean, 1000 the noisiest
    position = torch.linspace(TRAIN_STEPS, 0, n + 1, dtype=torch.float64)
    low = position.floor().long().clamp(max=TRAIN_STEPS - 1)
    return torch.lerp(log[low], log[low + 1], position - low).exp()


def cosine(n: int, s: float = 0.008) -> Tensor:
    """alpha_bar = cos^2 of a quarter turn, with offset s (Nichol and Dhariwal 2021, eq. 17)."""
    t = torch.linspace(1, 0, n + 1, dtype=torch.float64)
    angle = (t + s) / (1 + s) * math.pi / 2
    return (angle.cos() / math.cos(s / (1 + s) * math.pi / 2)).square()


SCHEDULES = {"linear": linear, "cosine": cosine}


def levels(name: str, n: int, lowest: float, highest: float, **shape: float) -> Tensor:
    """A schedule by name, kept inside the noise levels [lowest, highest] a network knows; the last one stays 1.

    Raises ValueError for an unknown name, n outside 1 to 1000, or betas outside 0 < first <= last < 1.
    """
    if name not in SCHEDULES:
        raise ValueError(f"There is no noise schedule {name!r}. Choose one of {', '.join(SCHEDULES)}.")
    if not 1 <= n <= TRAIN_STEPS:
        raise ValueError(f"Steps must lie between 1 and {TRAIN_STEPS:,}.")
    if name == "linear" and not 0 < shape.get("beta_first", BETA_FIRST) <= shape.get("beta_last", BETA_LAST) < 1:
        raise ValueError("Betas must obey 0 < first beta <= last beta < 1.")
    alpha_bar = SCHEDULES[name](n, **shape).clamp(lowest, highest)
    alpha_bar[-1] = 1.0
    return alpha_bar
