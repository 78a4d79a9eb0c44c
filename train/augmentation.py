"""Other hands for the classifier: turned, sheared, stretched, shifted, wobbled, thicker and thinner digits.

One `affine_grid` and one `grid_sample` a batch, then a soft dilation or erosion, then Cutout (DeVries and Taylor
2017). A drawing on the canvas has a pen of any width: that is what the thickness is for.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def uniform(generator: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return low + (high - low) * torch.rand(*shape, generator=generator, device=generator.device)


def warp(x: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Affine map and a smooth random displacement: (B, 1, H, W) with paper -1 -> the same.

    At strength 1: rotation 15 degrees, shear 0.2, scale 0.8 to 1.2 an axis, shift 2.5 px, wobble 1.2 px.
    """
    count, size = len(x), x.shape[-1]
    angle = uniform(generator, -0.26, 0.26, count) * strength
    shear = uniform(generator, -0.2, 0.2, count) * strength
    sx, sy = (1 + uniform(generator, -0.2, 0.2, count) * strength for _ in range(2))
    dx, dy = (uniform(generator, -5.0, 5.0, count) / size * strength for _ in range(2))
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack([torch.stack([cos / sx, (shear - sin) / sy, dx], 1), torch.stack([sin / sx, cos / sy, dy], 1)], 1)
    grid = F.affine_grid(rows, x.shape, align_corners=False)  # (B, H, W, 2)
    wobble = uniform(generator, -2.4, 2.4, count, 2, 8, 8) / size * strength
    return _sampled(x, grid + F.interpolate(wobble, size=(size, size), mode="bicubic").permute(0, 2, 3, 1))


def move(x: Tensor, generator: torch.Generator) -> Tensor:
    """Shifted by up to 5.6 px each way, then turned by up to 20 degrees (An et al. 2020): (B, 1, H, W) with paper -1 -> the same."""
    angle = uniform(generator, -0.35, 0.35, len(x))
    shift = uniform(generator, -11.2, 11.2, len(x), 2, 1) / x.shape[-1]
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)  # (B, 2, 2)
    return _sampled(x, F.affine_grid(torch.cat([turn, shift], 2), x.shape, align_corners=False))


def _sampled(x: Tensor, grid: Tensor) -> Tensor:
    """x (B, 1, H, W) where the grid (B, H, W, 2) says; outside is paper, -1."""
    return F.grid_sample(x + 1, grid, align_corners=False) - 1


def thicken(x: Tensor, generator: torch.Generator, share: float) -> Tensor:
    """For a share of the batch, mix with the 3x3 maximum (thicker) or minimum (thinner) by a random amount."""
    amount = uniform(generator, 0.0, 1.0, len(x), 1, 1, 1) * (uniform(generator, 0.0, 1.0, len(x), 1, 1, 1) < share)
    thicker = uniform(generator, 0.0, 1.0, len(x), 1, 1, 1) < 0.6
    wide, thin = F.max_pool2d(x, 3, 1, 1), -F.max_pool2d(-x, 3, 1, 1)
    return torch.lerp(x, torch.where(thicker, wide, torch.lerp(x, thin, 0.6)), amount)


def cutout(x: Tensor, generator: torch.Generator, size: int = 8, share: float = 0.5) -> Tensor:
    """Paint a square of paper over a share of the batch."""
    place = torch.randint(0, x.shape[-1] - size, (len(x), 2, 1), generator=generator, device=x.device)
    line = torch.arange(x.shape[-1], device=x.device)
    rows, columns = ((line >= p) & (line < p + size) for p in place.unbind(1))  # (B, H), (B, W)
    hit = uniform(generator, 0.0, 1.0, len(x), 1, 1) < share
    hole = rows.unsqueeze(2) & columns.unsqueeze(1) & hit
    return x.masked_fill(hole.unsqueeze(1), -1.0)
