"""Noise schedules: which noise levels a sampler visits, from noisy to clean.

A schedule is a function (n, **shape) -> alpha_bar (n + 1,), float64, rising; alpha_bar[0] is the noisiest level and
alpha_bar[n] = 1 the clean picture. x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps (Ho et al. 2020, eq. 4). A shape
that is none raises ValueError.

Few steps are *positions on noise levels*, never a new chain of few betas: with 50 steps the first level is as noisy as
with 1,000. A network knows the level itself, so any sampler may use any schedule.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

TRAIN_STEPS = 1000  # levels of the training chain
BETA_FIRST, BETA_LAST = 1e-4, 0.02  # Ho et al. 2020, section 4
LOWEST, HIGHEST = 4.0358e-5, 0.9999  # the ends of that chain


def linear_alpha_bar(beta_first: float = BETA_FIRST, beta_last: float = BETA_LAST, steps: int = TRAIN_STEPS) -> Tensor:
    """alpha_bar_1 ... alpha_bar_T of the linear chain, from clean to noisy: (steps,) float64."""
    return torch.cumprod(1 - torch.linspace(beta_first, beta_last, steps, dtype=torch.float64), dim=0)


def along(chain: Tensor, n: int) -> Tensor:
    """n levels evenly spaced by position on a chain of levels (T,), clean to noisy; in between log(alpha_bar) is interpolated."""
    if n == len(chain):
        return torch.cat([chain.flip(0), chain.new_ones(1)])
    log = torch.cat([chain.new_zeros(1), chain.log()])  # position 0 is clean, T the noisiest
    position = torch.linspace(len(chain), 0, n + 1, dtype=torch.float64)
    low = position.floor().long().clamp(max=len(chain) - 1)
    return torch.lerp(log[low], log[low + 1], position - low).exp()


def check_betas(first: float, last: float) -> None:
    if not 0 < first <= last <= 0.5:  # of larger ones a chain of 1,000 falls below the smallest float64
        raise ValueError("Betas must obey 0 < first beta <= last beta <= 0.5.")


def linear(n: int, beta_first: float = BETA_FIRST, beta_last: float = BETA_LAST) -> Tensor:
    """The 1,000-step chain of evenly growing betas (Ho et al. 2020); 0 < beta_first <= beta_last <= 0.5."""
    check_betas(beta_first, beta_last)
    return along(linear_alpha_bar(beta_first, beta_last), n)


def scaled_linear(n: int, beta_first: float = BETA_FIRST, beta_last: float = BETA_LAST) -> Tensor:
    """Betas whose square roots grow evenly (latent diffusion, Rombach et al. 2022, with betas from 0.00085 to 0.012)."""
    check_betas(beta_first, beta_last)
    betas = torch.linspace(math.sqrt(beta_first), math.sqrt(beta_last), TRAIN_STEPS, dtype=torch.float64).square()
    return along(torch.cumprod(1 - betas, dim=0), n)


def cosine(n: int, offset: float = 0.008) -> Tensor:
    """alpha_bar = cos^2 of a quarter turn; `offset` is s of Nichol and Dhariwal 2021, eq. 17: larger, and the end is less steep."""
    if not offset >= 0:
        raise ValueError("The cosine's offset must be 0 or more.")
    t = torch.linspace(1, 0, n + 1, dtype=torch.float64)
    angle = (t + offset) / (1 + offset) * math.pi / 2
    return (angle.cos() / math.cos(offset / (1 + offset) * math.pi / 2)).square()


def sigmoid(n: int, start: float = -3.0, end: float = 3.0, tau: float = 1.0) -> Tensor:
    """The stretch of a logistic curve from start / tau to end / tau, scaled to 0 ... 1 (Jabri et al. 2022, section 3).

    start < end; tau > 0: small is a steep flight in the middle, large is a straight line.
    """
    if not (start < end and tau > 0):
        raise ValueError("The sigmoid's start must lie before its end, and tau must be above 0.")
    side = -1 if start > 0 else 1  # far above 0 a logistic curve has no digits left between itself and 1; far below it has
    ends = side * torch.tensor([start, end], dtype=torch.float64) / tau
    curve = torch.linspace(ends[1], ends[0], n + 1, dtype=torch.float64).sigmoid()  # t from 1 to 0
    low, high = ends.sigmoid()
    return (high - curve) / (high - low)


def karras(n: int, rho: float = 7.0, lowest: float = LOWEST, highest: float = HIGHEST) -> Tensor:
    """sigma = s / a evenly spaced in its rho-th root between the two levels, then 0 (Karras et al. 2022, eq. 5).

    rho >= 1; the larger, the more steps lie near the clean end.
    """
    if not rho >= 1:
        raise ValueError("Rho must be 1 or more.")
    first, last = ((1 / level - 1) ** (0.5 / rho) for level in (lowest, highest))
    sigma = torch.linspace(first, last, n, dtype=torch.float64) ** rho
    return torch.cat([1 / (1 + sigma.square()), sigma.new_ones(1)])


def freehand(n: int, curve: Sequence[float] = (0.0, 1.0)) -> Tensor:
    """A curve drawn by hand: levels at evenly spaced places, noisy to clean, joined by straight lines; falls are levelled out.

    2 to 1,001 numbers between 0 and 1.
    """
    values = torch.tensor(curve, dtype=torch.float64)
    if not (2 <= len(values) <= TRAIN_STEPS + 1 and ((values >= 0) & (values <= 1)).all()):
        raise ValueError(f"A curve must be 2 to {TRAIN_STEPS + 1:,} numbers between 0 and 1.")
    values = values.cummax(0).values
    position = torch.linspace(0, len(values) - 1, n + 1, dtype=torch.float64)
    low = position.floor().long().clamp(max=len(values) - 2)
    alpha_bar = torch.lerp(values[low], values[low + 1], position - low)
    alpha_bar[-1] = 1.0
    return alpha_bar


SCHEDULES = {"linear": linear, "scaled_linear": scaled_linear, "cosine": cosine, "sigmoid": sigmoid, "karras": karras, "freehand": freehand}
SHAPES = {  # what shapes each schedule, and its value if nobody says otherwise
    "linear": {"beta_first": BETA_FIRST, "beta_last": BETA_LAST},
    "scaled_linear": {"beta_first": BETA_FIRST, "beta_last": BETA_LAST},
    "cosine": {"offset": 0.008},
    "sigmoid": {"start": -3.0, "end": 3.0, "tau": 1.0},
    "karras": {"rho": 7.0},
    "freehand": {"curve": (0.0, 1.0)},
}


def levels(name: str, n: int, lowest: float, highest: float, **shape: float | Sequence[float]) -> Tensor:
    """A schedule by name, kept inside the noise levels [lowest, highest] a network knows; the last one stays 1.

    The first is always `lowest`: sampling starts from pure noise, and a network told otherwise takes some of it for signal
    (Lin et al. 2024). Raises ValueError for an unknown name, n outside 1 to 1000, or a shape that is none.
    """
    if name not in SCHEDULES:
        raise ValueError(f"There is no noise schedule {name!r}. Choose one of {', '.join(SCHEDULES)}.")
    if not 1 <= n <= TRAIN_STEPS:
        raise ValueError(f"Steps must lie between 1 and {TRAIN_STEPS:,}.")
    ends = {"lowest": lowest, "highest": highest} if name == "karras" else {}
    alpha_bar = SCHEDULES[name](n, **shape, **ends).clamp(lowest, highest)
    alpha_bar[0], alpha_bar[-1] = lowest, 1.0
    return alpha_bar
