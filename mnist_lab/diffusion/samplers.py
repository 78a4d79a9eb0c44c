"""Samplers: generators that walk from noise to a picture and yield every step.

A sampler is (denoise, x, alpha_bar, *, generator, ...) -> Iterator[Frame]. Frame k holds x at level alpha_bar[k] and
what the network made of it; the last frame is the result. The network's guess of the clean picture is kept within
[-1, 1], where all digits live.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from mnist_lab.diffusion.guidance import Denoiser
from mnist_lab.diffusion.process import eps_from_x0, x0_from_eps


@dataclass(frozen=True)
class Frame:
    step: int  # 0 is pure noise, n the result
    x: Tensor  # (B, 1, H, W), the picture at this level
    x0: Tensor  # the network's guess of the clean picture
    eps: Tensor  # the noise that guess implies
    alpha_bar: float


def look(denoise: Denoiser, x: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor]:
    """The network's (x_0, eps) at one level, x_0 clamped to [-1, 1] and eps made to agree with it."""
    x0 = x0_from_eps(x, denoise(x, alpha_bar), alpha_bar).clamp(-1, 1)
    return x0, eps_from_x0(x, x0, alpha_bar)


def ddim(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, generator: torch.Generator, eta: float = 0.0) -> Iterator[Frame]:
    """DDIM (Song et al. 2021, eq. 12); eta 0 is deterministic, eta 1 is DDPM's ancestral sampling on these levels.

    x (B, 1, H, W) ~ N(0, 1); alpha_bar (n + 1,) rising to 1; eta in [0, 1].
    """
    alpha_bar = alpha_bar.to(x.device)
    for step, (here, there) in enumerate(zip(alpha_bar[:-1], alpha_bar[1:], strict=True)):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        sigma = eta * ((1 - there) / (1 - here) * (1 - here / there)).clamp(min=0).sqrt()  # eq. 16
        x = there.sqrt() * x0 + (1 - there - sigma**2).clamp(min=0).sqrt() * eps
        if eta and step < len(alpha_bar) - 2:
            x = x + sigma * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    yield Frame(len(alpha_bar) - 1, x, x, torch.zeros_like(x), 1.0)


def ddpm(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, generator: torch.Generator) -> Iterator[Frame]:
    """DDPM's ancestral sampling with the posterior variance (Ho et al. 2020, eqs. 6 and 7), on any levels.

    mean = sqrt(a_there) beta / (1 - a_here) x_0 + sqrt(alpha) (1 - a_there) / (1 - a_here) x_t, with
    alpha = a_here / a_there and beta = 1 - alpha; no noise is added in the last step.
    """
    alpha_bar = alpha_bar.to(x.device)
    for step, (here, there) in enumerate(zip(alpha_bar[:-1], alpha_bar[1:], strict=True)):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        alpha = here / there
        mean = (there.sqrt() * (1 - alpha) * x0 + alpha.sqrt() * (1 - there) * x) / (1 - here)
        deviation = ((1 - there) / (1 - here) * (1 - alpha)).clamp(min=0).sqrt()
        last = step == len(alpha_bar) - 2
        x = mean if last else mean + deviation * torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    yield Frame(len(alpha_bar) - 1, x, x, torch.zeros_like(x), 1.0)


SAMPLERS = {"ddim": ddim, "ddpm": ddpm}
