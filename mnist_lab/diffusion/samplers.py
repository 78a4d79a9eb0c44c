"""Samplers: generators that walk from noise to a picture and yield every step.

A sampler is (denoise, x, alpha_bar, *, noise, past, ...) -> Iterator[Frame]. Frame k holds x at level alpha_bar[k] and
what the network made of it; the last frame is the result. The network's guess of the clean picture is kept within
[-1, 1], where all digits live. The last step, to alpha_bar 1, is of first order everywhere: it takes the guess.

`past` are frames before x, if there were any: a sampler that remembers goes on as if it had never stopped. Two steps at
the same level are one step: nothing changes between them.

In sigma = s / a and y = x / a, where a = sqrt(alpha_bar) and s = sqrt(1 - alpha_bar), the deterministic samplers solve
dy / dsigma = eps (Karras et al. 2022, eq. 1).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mnist_lab.diffusion.guidance import Denoiser
from mnist_lab.diffusion.process import add_noise, eps_from_x0, log_snr, x0_from_eps


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


def steps(alpha_bar: Tensor, x: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """(step, level here, level there), on the device of x."""
    alpha_bar = alpha_bar.to(x.device)
    yield from zip(range(len(alpha_bar) - 1), alpha_bar[:-1], alpha_bar[1:], strict=True)


def result(x: Tensor, alpha_bar: Tensor) -> Frame:
    return Frame(len(alpha_bar) - 1, x, x, torch.zeros_like(x), float(alpha_bar[-1]))


def remembered(past: Sequence[Frame], alpha_bar: Tensor) -> list[Frame]:
    """The frames before the first of these levels; a frame at the level itself would count it twice."""
    return [frame for frame in past if frame.alpha_bar < alpha_bar[0]]


Noise = Callable[[Tensor], Tensor]  # what is drawn at every step: N(0, 1) in the shape of its argument


def fresh_noise(generator: torch.Generator, same: bool = False) -> Noise:
    """x (B, ...) -> N(0, 1) in its shape, from a generator on its device; `same` for all pictures of a batch, which then differ by their labels alone."""
    def draw(x: Tensor) -> Tensor:
        return torch.randn((1 if same else len(x), *x.shape[1:]), generator=generator, device=x.device, dtype=x.dtype).expand_as(x)

    return draw


def ddim(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, noise: Noise, past: Sequence[Frame] = (), eta: float = 0.0) -> Iterator[Frame]:
    """DDIM (Song et al. 2021, eq. 12); eta 0 is deterministic, eta 1 is DDPM's ancestral sampling on these levels.

    x (B, 1, H, W) ~ N(0, 1); alpha_bar (n + 1,) rising to 1; eta in [0, 1].
    """
    for step, here, there in steps(alpha_bar, x):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        sigma = eta * ((1 - there) / (1 - here) * (1 - here / there)).clamp(min=0).sqrt()  # eq. 16
        x = there.sqrt() * x0 + (1 - there - sigma**2).clamp(min=0).sqrt() * eps
        if eta and there < 1:
            x = x + sigma * noise(x)
    yield result(x, alpha_bar)


def ancestor(x: Tensor, x0: Tensor, here: Tensor, there: Tensor, noise: Noise, variance: str = "small") -> Tensor:
    """A draw from q(x_there | x_here, x_0) (Ho et al. 2020, eqs. 6 and 7); the step to a clean picture adds no noise.

    mean = sqrt(a_there) beta / (1 - a_here) x_0 + sqrt(alpha) (1 - a_there) / (1 - a_here) x_here, with
    alpha = a_here / a_there and beta = 1 - alpha. The variance is the posterior's, beta tilde ("small"), or beta ("large"):
    right for data that is one point, and for data that is N(0, 1) (section 3.2).
    """
    alpha = here / there
    mean = (there.sqrt() * (1 - alpha) * x0 + alpha.sqrt() * (1 - there) * x) / (1 - here)
    if there == 1:
        return mean
    share = 1 if variance == "large" else (1 - there) / (1 - here)
    return mean + ((1 - alpha) * share).clamp(min=0).sqrt() * noise(x)


def ddpm(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, noise: Noise, past: Sequence[Frame] = (),
         variance: str = "small") -> Iterator[Frame]:
    """DDPM's ancestral sampling (Ho et al. 2020, algorithm 2), on any levels; variance "small" or "large"."""
    for step, here, there in steps(alpha_bar, x):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        x = ancestor(x, x0, here, there, noise, variance)
    yield result(x, alpha_bar)


def dpm(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, noise: Noise, past: Sequence[Frame] = ()) -> Iterator[Frame]:
    """DPM-Solver++ (2M) (Lu et al. 2022b, algorithm 2): second order in lambda = log(a / s), by remembering the last guess."""
    told = remembered(past, alpha_bar)
    before = (torch.tensor(told[-1].alpha_bar, dtype=alpha_bar.dtype, device=x.device), told[-1].x0) if told else None
    for step, here, there in steps(alpha_bar, x):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        if there == 1:
            x = x0
        elif there > here:
            h, straight = (log_snr(there) - log_snr(here)) / 2, x0
            if before:
                straight = x0 + h / (log_snr(here) - log_snr(before[0])) * (x0 - before[1])  # 1 / 2r, r = (last h) / h
            x = ((1 - there) / (1 - here)).sqrt() * x - there.sqrt() * torch.expm1(-h) * straight
            before = here, x0
    yield result(x, alpha_bar)


def sigma_of(alpha_bar: Tensor) -> Tensor:
    return ((1 - alpha_bar) / alpha_bar).sqrt()


def along_noise(x: Tensor, eps: Tensor, here: Tensor, there: Tensor) -> Tensor:
    """y + (sigma_there - sigma_here) eps, told in x."""
    return there.sqrt() * (x / here.sqrt() + (sigma_of(there) - sigma_of(here)) * eps)


def heun(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, noise: Noise, past: Sequence[Frame] = ()) -> Iterator[Frame]:
    """Heun's method (Karras et al. 2022, algorithm 1): a step, a second look where it ends, and the step again with the mean."""
    for step, here, there in steps(alpha_bar, x):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        if there == 1:
            x = x0
        else:
            again = look(denoise, along_noise(x, eps, here, there), there)[1]
            x = along_noise(x, (eps + again) / 2, here, there)
    yield result(x, alpha_bar)


WEIGHTS = {1: (1,), 2: (-1 / 2, 3 / 2), 3: (5 / 12, -16 / 12, 23 / 12), 4: (-9 / 24, 37 / 24, -59 / 24, 55 / 24)}  # Adams and Bashforth's


def ipndm(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, noise: Noise, past: Sequence[Frame] = ()) -> Iterator[Frame]:
    """iPNDM (Zhang and Chen 2022, section 3.3): Adams and Bashforth's step in sigma, of order 1, 2, 3 and from then on 4.

    The weights are the paper's, those of even steps in sigma: there it is of fourth order, on any other smooth schedule of
    second. Weights for the true spacing are of fourth everywhere, and yet five times further off with ten steps.
    """
    told = {f.alpha_bar: f.eps for f in remembered(past, alpha_bar)[-3:]}
    for step, here, there in steps(alpha_bar, x):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        told = dict([*{**told, float(here): eps}.items()][-4:])
        if there == 1:
            x = x0
        elif there > here:
            x = along_noise(x, sum(w * e for w, e in zip(WEIGHTS[len(told)], told.values(), strict=True)), here, there)
    yield result(x, alpha_bar)


def consistency(denoise: Denoiser, x: Tensor, alpha_bar: Tensor, *, noise: Noise, past: Sequence[Frame] = ()) -> Iterator[Frame]:
    """Take the guess, and send it back to the next level with noise that is all new (Song et al. 2023, algorithm 1).

    Made for a network that guesses where its path ends (train.student), in one to four steps. Other networks guess the mean of
    all digits it could be.
    """
    for step, here, there in steps(alpha_bar, x):
        x0, eps = look(denoise, x, here)
        yield Frame(step, x, x0, eps, float(here))
        if there == 1:
            x = x0
        else:
            eps = noise(x)  # drawn at every step: a branch counts them
            x = add_noise(x0, eps, there) if there > here else x
    yield result(x, alpha_bar)


SAMPLERS = {"ddim": ddim, "ddpm": ddpm, "dpm": dpm, "heun": heun, "ipndm": ipndm, "consistency": consistency}
FRESH = ("ddpm", "consistency")  # draw noise at every step
ORDER = {"ddim": 1, "dpm": 2, "heun": 2, "ipndm": 4}  # of convergence where sigma is even, of those that add no noise
LOOKS = {"ddim": 1, "ddpm": 1, "dpm": 1, "heun": 2, "ipndm": 1, "consistency": 1}  # network calls a step
VARIANCES = ("small", "large")  # ddpm's


def network_calls(sampler: str, steps: int) -> int:
    """How often a run asks the network; the last step is always one call."""
    return LOOKS[sampler] * (steps - 1) + 1
