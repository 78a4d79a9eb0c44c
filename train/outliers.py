"""Pictures that are no digit, made from training digits and random lines: what the classifier learns to be unsure of.

Outlier exposure (Hendrycks et al. 2019): beside the digits it sees these, and is asked for ten equal probabilities. Natural
pictures teach nothing about drawings, so these are drawn; Fashion-MNIST is kept for the test of it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from train.augmentation import uniform, warp
from train.hands import Skeletons, redraw

TURNABLE = (2, 3, 4, 5, 7)  # a quarter turn of these is no digit


def outliers(x: Tensor, labels: Tensor, lines: Skeletons, generator: torch.Generator) -> Tensor:
    """As many as digits x (B, 1, 32, 32) in [-1, 1], the same shape. Half of them scribbles, the rest overlays, wrecks, turns and blobs.

    x are the digits as they are learned, augmented: were outliers made of sharper ones, sharpness itself would tell them from digits, and
    real digits, which no augmentation has blurred, would look strange.
    """
    count, other = len(x), x.roll(1, 0)
    different = labels != labels.roll(1, 0)
    made = redraw(lines.pick(count, generator), generator)
    kind = torch.randint(8, (count,), generator=generator, device=x.device)
    turnable = torch.isin(labels, torch.tensor(TURNABLE, device=x.device))
    for k, picture, fits in [
        (0, torch.maximum(x, warp(other, generator, 0.5)), different), (1, warp(x, generator, 5.0), True),
        (2, x.rot90(1, (2, 3)), turnable), (3, blobs(count, generator), True),
    ]:
        made = torch.where(((kind == k) & fits)[:, None, None, None], picture, made)
    return made


def blobs(count: int, generator: torch.Generator) -> Tensor:
    """Filled shapes with soft grey inside: smooth noise, cut at a random height. (B, 1, 32, 32) in [-1, 1]."""
    cells = int(torch.randint(3, 8, (), generator=generator, device=generator.device))
    noise = torch.randn(count, 1, cells, cells, generator=generator, device=generator.device)
    smooth = F.interpolate(noise, size=(28, 28), mode="bicubic")
    ink = ((smooth - uniform(generator, -0.5, 0.7, count, 1, 1, 1)) * 8).sigmoid() * uniform(generator, 0.3, 1.0, count, 1, 1, 1)
    return F.pad(2 * ink - 1, (2, 2, 2, 2), value=-1.0)
