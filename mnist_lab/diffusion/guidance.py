"""Classifier-free guidance (Ho and Salimans 2022): push the prediction away from what it would be without a label."""

from collections.abc import Callable

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x (B, 1, H, W), alpha_bar ()) -> eps (B, 1, H, W)


def guided(network: Callable[[Tensor, Tensor, Tensor], Tensor], label: Tensor, scale: float = 1.0) -> Denoiser:
    """denoise(x, alpha_bar) -> eps = eps_null + scale (eps_label - eps_null).

    network(x, alpha_bar (B,), label (B, 10)); the null label is the all-zero vector. scale 1 is the plain conditional
    model and scale 0 the unconditional one, each in one call; others take both in one batch of twice the size.
    """
    null = torch.zeros_like(label)
    labelled = label.any(dim=1)[:, None, None, None]  # rows without a label need no guidance

    def denoise(x: Tensor, alpha_bar: Tensor) -> Tensor:
        level = alpha_bar.to(x).expand(len(x))
        if scale in (0.0, 1.0) or not labelled.any():
            return network(x, level, label if scale else null)
        both = network(torch.cat([x, x]), torch.cat([level, level]), torch.cat([null, label]))
        eps_null, eps_label = both.chunk(2)
        return torch.where(labelled, torch.lerp(eps_null, eps_label, scale), eps_label)

    return denoise
