"""Starting from a picture instead of from noise: edit it, finish it, walk it back to its noise.

Levels alpha_bar (n + 1,) rise from noisy to clean as everywhere; known pictures x0 lie in [-1, 1].
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from mnist_lab.diffusion.guidance import Denoiser
from mnist_lab.diffusion.process import add_noise
from mnist_lab.diffusion.samplers import Frame, Noise, ancestor, look, result, steps


def tail(alpha_bar: Tensor, start: float) -> Tensor:
    """The rest of a schedule from level `start` on: start itself, then every cleaner level."""
    return torch.cat([alpha_bar.new_tensor([start]), alpha_bar[alpha_bar > start]])


def start_from(x0: Tensor, eps: Tensor, alpha_bar: Tensor, start: float) -> tuple[Tensor, Tensor]:
    """(x, levels) to sample from a drawing noised to level `start`, instead of from pure noise (SDEdit, Meng et al. 2022)."""
    rest = tail(alpha_bar, start)
    return add_noise(x0, eps, rest[0].to(x0)), rest


def repaint(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, known: Tensor, mask: Tensor, noise: Noise, repeats: int = 5) -> Iterator[Frame]:
    """RePaint (Lugmayr et al. 2022, algorithm 1, jumps of one step): the known pixels, noised, are put back after every step.

    known (B, 1, H, W); mask broadcasts against it, 1 where the picture is known. Each step is taken `repeats` times, jumping
    back to its noisier level in between, so that the new part and the known one come to fit each other. In the result the
    known pixels are exact.
    """
    for step, here, there in steps(alpha_bar, x):
        for again in reversed(range(1 if there == 1 else repeats)):
            x0, eps = look(denoise, x, here)
            before = x
            kept = add_noise(known, noise(x), there)
            x = torch.where(mask > 0, kept, ancestor(x, x0, here, there, noise))
            if again:
                x = (here / there).sqrt() * x + (1 - here / there).sqrt() * noise(x)
        yield Frame(step, before, x0, eps, float(here))
    yield result(x, alpha_bar)


def invert(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, rounds: int = 3) -> Iterator[Frame]:
    """DDIM inversion (Song et al. 2021, section 4.3; Dhariwal and Nichol 2021, appendix F): the noise that DDIM turns into x.

    x is at the cleanest level, alpha_bar[n - 1]: a picture with that little noise added, for paper that is perfectly flat
    would come from noise far weaker than N(0, 1). Frames go from clean to noisy: step n - 1 holds x, step 0 its noise. Each
    step solves x_here = a_here x_0(x_here) + s_here / s_there (x_there - a_there x_0(x_here)), DDIM backwards, by putting
    the last x_here in, `rounds` times; once is the papers' way.
    """
    yield Frame(len(alpha_bar) - 2, x, *look(denoise, x, alpha_bar[-2].to(x.device)), float(alpha_bar[-2]))
    for step in reversed(range(len(alpha_bar) - 2)):
        here, there = alpha_bar[step].to(x.device), alpha_bar[step + 1].to(x.device)
        cleaner, (x0, eps) = x, look(denoise, x, here)
        for _ in range(rounds):
            x = here.sqrt() * x0 + ((1 - here) / (1 - there)).sqrt() * (cleaner - there.sqrt() * x0)
            x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))


def swap_patch(a: Tensor, b: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """Noise a with one rectangle of it from noise b, (..., H, W): which strokes does a patch of noise decide?"""
    mixed = a.clone()
    mixed[..., top:top + height, left:left + width] = b[..., top:top + height, left:left + width]
    return mixed
