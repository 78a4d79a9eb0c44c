"""Ways from one latent vector to the next, and flat slices through latent space."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

PATHS = ("linear", "spherical", "centre")
PARALLEL = 1e-3  # radians: nearer to equal or opposite directions no shortest arc can be told, in float32
AT_A_STOP = 1e-5  # legs


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985) of directions, lengths changing evenly: a, b (D,), t (n, 1) -> (n, D), exact at both ends.

    Random latents lie near a sphere; a straight line cuts through its inside, where the generator was seldom trained.
    """
    length_a, length_b = a.norm(), b.norm()
    angle = torch.acos((a @ b / (length_a * length_b)).clamp(-1, 1))
    if not PARALLEL < angle < math.pi - PARALLEL:  # NaN, if an end is zero, is not in between either
        return torch.lerp(a, b, t)
    length = torch.lerp(length_a, length_b, t)
    return (torch.sin((1 - t) * angle) / torch.sin(angle)) * (length / length_a) * a + (torch.sin(t * angle) / torch.sin(angle)) * (length / length_b) * b


def through_centre(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Straight to the zero vector, then straight to the other end: a, b (D,), t (n, 1) -> (n, D)."""
    return torch.where(t < 0.5, (1 - 2 * t) * a, (2 * t - 1) * b)


def walk(points: Tensor, t: Tensor, path: str) -> Tensor:
    """Through all points (K, D) in turn, each leg the same share of t: t (n,) in [0, 1] -> (n, D). The points themselves are exact."""
    way = {"linear": torch.lerp, "spherical": slerp, "centre": through_centre}[path]
    legs = len(points) - 1
    at = t * legs
    at = torch.where((at - at.round()).abs() < AT_A_STOP, at.round(), at)
    leg = at.floor().clamp(max=legs - 1).long()
    out = torch.empty(len(t), points.shape[1])
    for k in range(legs):
        out[leg == k] = way(points[k], points[k + 1], (at[leg == k] - k)[:, None])
    return out


@dataclass(frozen=True)
class Plane:
    """A flat slice: the point (x, y) is centre + sqrt(D) (x right + y up), so that a random latent has a length of about 1."""

    centre: Tensor  # (D,), the point of the slice nearest to zero
    right: Tensor  # (D,), length 1
    up: Tensor  # (D,), length 1, at a right angle

    def at(self, xy: Tensor) -> Tensor:
        """(n, 2) -> latent vectors (n, D)."""
        return self.centre + math.sqrt(len(self.centre)) * xy @ torch.stack([self.right, self.up])

    def find(self, z: Tensor) -> Tensor:
        """The places (n, 2) of the points of the slice nearest to z (n, D)."""
        return (z - self.centre) @ torch.stack([self.right, self.up], dim=1) / math.sqrt(len(self.centre))

    @property
    def ring(self) -> float:
        """Radius of the circle of the slice where latents are as long as random ones are: sqrt(D); 0 if it lies outside."""
        return max(0.0, 1 - float(self.centre @ self.centre) / len(self.centre)) ** 0.5


def plane(points: Tensor) -> Plane:
    """The slice that three points (3, D) span, turned so that the first lies left and the second right, both above the centre.

    Raises ValueError if they lie on one line.
    """
    a, b, c = points
    u = (b - a) / (b - a).norm()
    v = (c - a) - (c - a) @ u * u
    if not v.norm() > 1e-3 * (c - a).norm():
        raise ValueError("The three points lie on one line. Move one of them.")
    v = v / v.norm()
    centre = torch.zeros_like(a) if not points.any(1).all() else a - a @ u * u - a @ v * v
    if (a - centre) @ v < 0:
        v = -v
    return _turned(Plane(centre, u, v), a, b)


def _turned(flat: Plane, a: Tensor, b: Tensor) -> Plane:
    """Upwards is halfway between the directions of a and b, seen from the centre."""
    p, q = torch.nn.functional.normalize(flat.find(torch.stack([a, b])))
    x, y = torch.nn.functional.normalize(p + q, dim=0).tolist() if (p + q).norm() > 1e-3 else (0.0, 1.0)
    return Plane(flat.centre, y * flat.right - x * flat.up, x * flat.right + y * flat.up)
