"""Classifier-free guidance (Ho and Salimans 2022): push the prediction away from what it would be without a label."""

from collections.abc import Callable

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x (B, 1, H, W), alpha_bar ()) -> eps (B, 1, H, W)
EVERYWHERE = (0.0, 1.0)


def guided(network: Callable[[Tensor, Tensor, Tensor], Tensor], label: Tensor, scale: float = 1.0, *, negative: Tensor | None = None,
           interval: tuple[float, float] = EVERYWHERE) -> Denoiser:
    """denoise(x, alpha_bar) -> eps = eps_away + scale (eps_label - eps_away).

    network(x, alpha_bar (B,), label (B, 10)). What it is pushed away from is the prediction without a label (the all-zero
    vector), or that of `negative` (B, 10): "not a 4". scale 1 is the plain conditional model and scale 0 the other one,
    each in one call; further scales take both in one batch of twice the size. Guidance acts only at noise levels
    alpha_bar within `interval` (Kynkaanniemi et al. 2024); outside it the model is plain, in one call.
    """
    away = torch.zeros_like(label) if negative is None else negative
    pushed = (label != away).any(dim=1)[:, None, None, None]  # rows with nothing to push away from need no guidance

    def denoise(x: Tensor, alpha_bar: Tensor) -> Tensor:
        level = alpha_bar.to(x).flatten().expand(len(x))
        acts = interval[0] <= alpha_bar.min() and alpha_bar.max() <= interval[1] and scale != 1 and pushed.any()
        if not acts:
            return network(x, level, label)
        if scale == 0:
            return network(x, level, away)
        both = network(torch.cat([x, x]), torch.cat([level, level]), torch.cat([away, label]))
        eps_away, eps_label = both.chunk(2)
        return torch.where(pushed, torch.lerp(eps_away, eps_label, scale), eps_label)

    return denoise
