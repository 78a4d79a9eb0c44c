"""What a digit looks like, in numbers: slant, stroke width, aspect, roundness, ink."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

MEASURES = {  # name -> unit
    "slant": "°",  # of the whole digit, to the right
    "stroke": "px",  # width of the pen
    "aspect": "",  # width over height
    "roundness": "",  # from a line, 0, to a disc, 1
    "ink": "%",  # of the picture
}


def measure(images: Tensor) -> Tensor:
    """images (B, 28, 28), ink 1 on paper 0 -> (B, 5) in the order and units of MEASURES.

    Slant, aspect and roundness come from the second moments of the ink; slant is the shear that would undo them, as in
    deskewing. Stroke width is twice the area over the perimeter, the total variation, so that grey counts.
    """
    ink = images.flatten(1).sum(1).clamp(min=1e-6)
    xx, yy, xy = _second_moments(images, ink)
    spread = torch.sqrt((xx - yy) ** 2 + 4 * xy**2)
    round_ = torch.sqrt(((xx + yy - spread) / (xx + yy + spread)).clamp(min=0))  # shorter over longer axis of the ellipse
    upright = xx - xy**2 / yy  # width without the slant
    columns = [torch.atan(-xy / yy) * (180 / math.pi), 2 * ink / _perimeter(images), torch.sqrt(upright / yy), round_, 100 * ink / images[0].numel()]
    return torch.stack(columns, dim=1)


def _second_moments(images: Tensor, ink: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Variances along x and y and their covariance, (B,) each, in pixels; y points down."""
    at = torch.arange(images.shape[-1], dtype=images.dtype, device=images.device)
    columns, rows = images.sum(1) / ink[:, None], images.sum(2) / ink[:, None]
    x, y = columns @ at, rows @ at
    xx, yy = columns @ at**2 - x**2, rows @ at**2 - y**2
    xy = torch.einsum("bij,i,j->b", images, at, at) / ink - x * y
    return xx.clamp(min=1e-3), yy.clamp(min=1e-3), xy


def _perimeter(images: Tensor) -> Tensor:
    padded = F.pad(images, (1, 1, 1, 1))
    down, across = padded.diff(dim=1)[:, :, :-1], padded.diff(dim=2)[:, :-1]
    return torch.hypot(down, across).sum((1, 2)).clamp(min=1e-6)
