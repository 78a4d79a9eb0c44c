"""Digits as people draw them on a screen: skeletons of training digits, redrawn with a round pen of any width.

MNIST's digits were written with real pens on paper. A drawing on a canvas has a stroke of one width, full ink and round
ends. So each training digit is thinned to its skeleton once (Zhang and Suen 1984), and what is stored is the distance of
every point to it: any pen is then a threshold on the distance, after any warp, and no stroke is ever drawn. The result is
scaled and centred as `mnist_lab.drawing` does it. No drawing of a real visitor enters the training.
"""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_lab.data import Digits
from train.augmentation import uniform

FINE = 56  # points a side: two a pixel
BOX = 40  # of them make the longer side of a digit
PEN = (0.05, 0.22)  # width as a share of that side: a little wider than the app lets through
INK = 110  # a fine point above this is ink
DEPTH = 4  # stored distances are in quarters of a fine point


@dataclass(frozen=True)
class Skeletons:
    """A pool to draw from."""

    distance: Tensor  # uint8 (N, 56, 56): to the skeleton, in quarters of a fine point, at most 255
    labels: Tensor  # int64 (N,); -1 for scribbles

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> "Skeletons":
        return Skeletons(self.distance.to(device), self.labels.to(device))

    def pick(self, count: int, generator: torch.Generator) -> "Skeletons":
        index = torch.randint(len(self), (count,), generator=generator, device=generator.device)
        return Skeletons(self.distance[index], self.labels[index])


def skeletons(digits: Digits, count: int, kept: Path | None = None) -> Skeletons:
    """Of `count` digits, spread evenly over the set: 1 to 3 ms each. In the folder `kept` they are found again by the next training;
    empty it when the way they are made changes.
    """
    chosen = digits[torch.linspace(0, len(digits) - 1, min(count, len(digits))).long()]
    if not kept:
        return Skeletons(_thinned(chosen.images), chosen.labels)
    made_of = zlib.crc32(chosen.images.numpy().tobytes(), zlib.crc32(repr((FINE, DEPTH, INK)).encode()))
    path = kept / f"{made_of:08x}.npz"
    if not path.exists():
        kept.mkdir(parents=True, exist_ok=True)
        part = kept / f"{made_of:08x}-{os.getpid()}.part"  # several trainings may start at once
        with part.open("wb") as file:
            np.savez_compressed(file, distance=_thinned(chosen.images).numpy())
        part.replace(path)
    return Skeletons(torch.from_numpy(np.load(path)["distance"]), chosen.labels)


def _thinned(images: Tensor) -> Tensor:
    """uint8 (N, 28, 28) -> distances to the skeletons, uint8 (N, 56, 56)."""
    from skimage.morphology import skeletonize  # training only

    fine = F.interpolate(images[:, None].float(), size=(FINE, FINE), mode="bicubic")[:, 0].numpy()
    return _distances([skeletonize(picture > INK) for picture in fine])


def scribbles(count: int, seed: int = 0) -> Skeletons:
    """Random curves that are no digit: two to five loose strokes, or one long tangle, of cubic Bezier curves."""
    rng = np.random.default_rng(seed)
    return Skeletons(_distances([_scribble(rng) for _ in range(count)]), torch.full((count,), -1))


def _scribble(rng: np.random.Generator) -> np.ndarray:
    """bool (56, 56)."""
    lines = np.zeros((FINE, FINE), bool)
    tangle = rng.random() < 0.4
    pen = rng.uniform(6, 50, 2)
    for _ in range(rng.integers(4, 10) if tangle else rng.integers(2, 6)):
        points = np.stack([pen if tangle else rng.uniform(6, 50, 2), *rng.uniform(4, 52, (3, 2))])
        t = np.linspace(0, 1, 160)[:, None]
        curve = (1 - t) ** 3 * points[0] + 3 * t * (1 - t) ** 2 * points[1] + 3 * t**2 * (1 - t) * points[2] + t**3 * points[3]
        x, y = curve.round().astype(int).T
        lines[y, x] = True
        pen = points[3]
    return lines


def _distances(lines: list[np.ndarray]) -> Tensor:
    """To the nearest true point: bool (56, 56) each -> uint8 (N, 56, 56). A picture without any gives 255 everywhere."""
    from scipy.ndimage import distance_transform_edt  # training only

    found = [distance_transform_edt(~line) if line.any() else np.full(line.shape, 255.0) for line in lines]
    return torch.from_numpy(np.stack([np.clip(d * DEPTH, 0, 255).astype(np.uint8) for d in found]))


def redraw(pool: Skeletons, generator: torch.Generator, strength: float = 1.0) -> Tensor:
    """Each skeleton turned, sheared, stretched and wobbled, then drawn with a pen of random width: (B, 1, 32, 32) in [-1, 1].

    Twice through the same warp: once to find the box, then scaled so that skeleton and pen together fill 20 pixels.
    """
    count = len(pool)
    distance = pool.distance.float().unsqueeze(1) / DEPTH  # (B, 1, 56, 56)
    linear, wobble = _random_warp(count, generator, strength)
    place = _plane(count, distance.device) @ linear.mT + wobble  # (B, 3136, 2), in [-1, 1]
    first = _sampled(distance, place)
    side = _box(first < 1.0)  # (B, 1), where the whole picture is 1
    width = uniform(generator, *PEN, count, 1)
    zoom = side / (BOX / FINE * (1 - width))  # the skeleton's longer side is the box less one pen
    middle = _mass(first, (width * BOX / 2 * zoom)[:, :, None, None])
    shift = uniform(generator, -2.0, 2.0, count, 1, 2) / FINE
    plane = (_plane(count, distance.device) + shift) * zoom[:, :, None] + middle[:, None]
    moved = F.grid_sample(wobble.mT.reshape(count, 2, FINE, FINE), plane.view(count, FINE, FINE, 2), align_corners=False, padding_mode="border")
    sharp = _sampled(distance, plane @ linear.mT + moved.flatten(2).mT)
    ink = ((width * BOX / 2)[:, :, None, None] - sharp / zoom[:, :, None, None] + 0.5).clamp(0, 1)
    ink = F.avg_pool2d(ink, 2) * uniform(generator, 0.85, 1.0, count, 1, 1, 1)
    return F.pad(2 * ink - 1, (2, 2, 2, 2), value=-1.0)


def _random_warp(count: int, generator: torch.Generator, strength: float) -> tuple[Tensor, Tensor]:
    """Matrices (B, 2, 2) and smooth displacements (B, 3136, 2): rotation 15 degrees, shear 0.25, stretch 0.25, wobble 1.5 pixels at strength 1."""
    angle, shear, stretch = (uniform(generator, -s, s, count) * strength for s in (0.26, 0.25, 0.25))
    cos, sin, stretch = angle.cos(), angle.sin(), stretch.exp()
    linear = torch.stack([torch.stack([cos * stretch, (shear - sin) / stretch], 1), torch.stack([sin * stretch, cos / stretch], 1)], 1)
    wobble = uniform(generator, -0.107, 0.107, count, 2, 5, 5) * strength
    return linear, F.interpolate(wobble, size=(FINE, FINE), mode="bicubic").flatten(2).mT


def _plane(count: int, device: torch.device) -> Tensor:
    """The fine points' own places, x and y in [-1, 1]: (B, 3136, 2)."""
    return F.affine_grid(torch.eye(2, 3, device=device)[None], [1, 1, FINE, FINE], align_corners=False).flatten(1, 2).expand(count, -1, -1)


def _sampled(distance: Tensor, place: Tensor) -> Tensor:
    """(B, 1, 56, 56) at places (B, 3136, 2) -> (B, 1, 56, 56); beyond the edge nothing is near."""
    far = 255 / DEPTH
    return far - F.grid_sample(far - distance, place.view(len(place), FINE, FINE, 2), align_corners=False)


def _box(near: Tensor) -> Tensor:
    """The longer side of the box around what is true in (B, 1, 56, 56), as a share of the picture: (B, 1)."""
    sides = []
    for axis in (2, 3):
        line = near.any(axis).squeeze(1).float()  # (B, 56)
        sides.append(FINE - line.argmax(1) - line.flip(1).argmax(1))
    return torch.stack(sides).amax(0).clamp(min=6).unsqueeze(1) / FINE


def _mass(distance: Tensor, radius: Tensor) -> Tensor:
    """Centre of mass of the ink within `radius` of the skeleton: (B, 2) in [-1, 1]."""
    ink = (radius - distance + 0.5).clamp(0, 1).flatten(1)  # (B, 3136)
    return (ink.unsqueeze(2) * _plane(len(ink), ink.device)).sum(1) / ink.sum(1, keepdim=True).clamp(min=1)
