"""Why a network reads a digit as it does: how much each pixel argues for each of the ten digits, by four methods.

Every method takes the steps of `program` and one digit x (1, 1, 32, 32), paper -1, and returns float32 (10, 28, 28): row c is
the evidence for digit c, above zero for it, below zero against it. All are in logits, sums over the picture included, and
all are linear in the logit: the evidence for c rather than d is row c minus row d.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_lab.explain.program import SIDE, Op
from mnist_lab.explain.run import run, step

PAPER = -1.0
BORDER = 2  # pixels of paper around the 28 x 28 that are shown
PATCH = 5  # side of the patch that hides, in pixels: a little wider than a stroke
STRETCHES = 36  # of the way from the blank page to the digit, to begin with: finer near the page, where more ReLUs switch
FINER = 6  # stretches cut in three at a time, the worst ones
COMPLETE = 0.01  # what the sum may miss, as a share of the largest difference of logits
MOST = 160  # stretches


def saliency(ops: list[Op], x: Tensor) -> np.ndarray:
    """Gradient times ink: d logit / dx * (x - paper). Simonyan et al. 2013 for the gradient, Shrikumar et al. 2016 for the product."""
    _, slopes = _gradients(ops, x)
    return _shown(slopes[0] * (x - PAPER)[0])


def grad_cam(ops: list[Op], x: Tensor) -> np.ndarray:
    """The maps of the last convolution, each weighed by its mean gradient (Selvaraju et al. 2017, eq. 1), bilinear to the picture's size.

    The sum keeps its sign, where eq. 2 drops what is below zero: evidence against is evidence too. The maps are taken behind the
    sum and ReLU that follow the convolution.
    """
    place = last_maps(ops)
    values = run(ops[:place + 1], x)
    maps, slopes = _gradients(ops, x, values)
    seen = SIDE - 2 * sum(op.size for op in ops[:place] if op.kind == "crop")  # pixels across that the maps lie over
    small = (slopes[0].mean((2, 3), keepdim=True) * maps).sum(1)  # (10, h, w)
    large = F.interpolate(small[None], size=(seen, seen), mode="bilinear") * (small[0].numel() / seen ** 2)
    return _shown(F.pad(large[0], [(SIDE - seen) // 2] * 4)[:, None])


def last_maps(ops: list[Op]) -> int:
    """The place of the last convolution's maps: of all with more than one pixel, behind the sum and ReLU that only pass them on."""
    place = max(k for k, op in enumerate(ops) if op.kind == "conv" and op.shape[-1] > 1)
    while (after := [k for k, op in enumerate(ops) if place in op.inputs]) and len(after) == 1 and ops[after[0]].kind in ("add", "relu"):
        place = after[0]
    return place


def occlusion(ops: list[Op], x: Tensor) -> np.ndarray:
    """What each logit loses when a patch of paper hides a place (Zeiler and Fergus 2014).

    The patch slides pixel by pixel. A pixel's evidence is the mean loss over the patches that cover it, shared out among their
    PATCH^2 pixels, so that a sum over a place is about what hiding that place costs.
    """
    starts, pixels = torch.arange(1 - PATCH, SIDE)[:, None], torch.arange(SIDE)
    rows = (pixels >= starts) & (pixels < starts + PATCH)  # (36, 32): which rows a patch covers
    hidden = rows[:, None, :, None] & rows[None, :, None, :]  # (36, 36, 32, 32)
    touched = (hidden & (x[0, 0] > PAPER)).any(3).any(2)  # hiding paper with paper changes nothing
    lost = torch.zeros(10, *touched.shape)
    logits = run(ops, torch.cat([x, torch.where(hidden[touched], PAPER, x[0])[:, None]]))[-1]
    lost[:, touched] = (logits[0] - logits[1:]).T
    return _shown(F.avg_pool2d(lost[:, None], PATCH, stride=1) / PATCH ** 2)


def integrated_gradients(ops: list[Op], x: Tensor) -> np.ndarray:
    """(x - x0) times the mean gradient on the straight way from the blank page x0 to x (Sundararajan et al. 2017, eq. 1).

    Midpoint rule. Each row sums to logit(x) - logit(x0) (their proposition 1) up to COMPLETE: stretches whose own sum is farthest
    from the rise of the logits along them are cut in three until it does.
    """
    ends = (torch.arange(STRETCHES + 1) / STRETCHES) ** 1.5
    low, high = ends[:-1], ends[1:]
    parts, missed, rise = _stretches(ops, x, low, high)
    allowed = COMPLETE * rise.sum(0).abs().max()
    while missed.sum(0).abs().max() > allowed and len(low) < MOST:
        cut = torch.zeros(len(low), dtype=torch.bool)
        cut[missed.abs().amax(1).topk(FINER).indices] = True
        third = (high - low)[cut] / 3
        low = torch.cat([low[~cut], low[cut], low[cut] + third, low[cut] + 2 * third])
        high = torch.cat([high[~cut], low[-3 * FINER:] + third.repeat(3)])
        new = _stretches(ops, x, low[-3 * FINER:], high[-3 * FINER:])
        parts, missed = torch.cat([parts[~cut], new[0]]), torch.cat([missed[~cut], new[1]])
    return _shown(parts.sum(0))


def _stretches(ops: list[Op], x: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Evidence (S, 10, 1, 32, 32) of stretches of the way, what their sums miss (S, 10), and the rise of the logits along them (S, 10)."""
    def at(place: Tensor) -> Tensor:
        return PAPER + place.reshape(-1, 1, 1, 1) * (x - PAPER)

    _, slopes = _gradients(ops, at((low + high) / 2))
    parts = slopes * (x - PAPER) * (high - low).reshape(-1, 1, 1, 1, 1)
    ends, inverse = torch.cat([low, high]).unique(return_inverse=True)
    logits = run(ops, at(ends))[-1][inverse]
    rise = logits[len(low):] - logits[:len(low)]
    return parts, rise - parts.sum((2, 3, 4)), rise


def _gradients(ops: list[Op], x: Tensor, known: list[Tensor] | None = None) -> tuple[Tensor, Tensor]:
    """A batch of values (B, C, H, W) and the gradient of each logit there (B, 10, C, H, W).

    The values are x itself, or the last of the outputs `known` of the first steps.
    """
    values = [v.detach().clone() for v in ([x] if known is None else known)]  # clone: made without inference mode's mark
    start = values[-1].requires_grad_()
    for op in ops[len(values):]:
        values.append(step(op, [values[i] for i in op.inputs]))
    rows = [torch.autograd.grad(values[-1][:, c].sum(), start, retain_graph=c < 9)[0] for c in range(10)]
    return start.detach(), torch.stack(rows, 1)


def _shown(evidence: Tensor) -> np.ndarray:
    """(10, 1, 32, 32) -> (10, 28, 28), the pixels that are shown."""
    return evidence[:, 0, BORDER:-BORDER, BORDER:-BORDER].numpy()


METHODS = {"occlusion": occlusion, "gradient": saliency, "grad-cam": grad_cam, "integrated": integrated_gradients}
