"""How good: accuracy, confusion, and distances between sets of digits in a given classifier's features."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_lab.data import Digits, to_model


@dataclass(frozen=True)
class Reading:
    """A classifier's view of some digits."""

    features: Tensor  # float64 (N, D), before the last layer
    logits: Tensor  # (N, 10)

    @property
    def probabilities(self) -> Tensor:
        return self.logits.softmax(1)  # (N, 10)

    @property
    def digit(self) -> Tensor:
        return self.logits.argmax(1)  # (N,)

    @property
    def likeness(self) -> Tensor:
        """How much like a digit (N,): the logarithm of the sum of exp(logits), minus the energy of Liu et al. 2020."""
        return self.logits.logsumexp(1)


@torch.inference_mode()
def read(classifier: nn.Module, images: Tensor, batch: int = 500) -> Reading:
    """Features and probabilities of uint8 pictures (N, 28, 28): real and generated digits go the same way."""
    features, logits = [], []
    for part in images.split(batch):
        x = to_model(part)
        features.append(classifier.features(x).double())
        logits.append(classifier(x))
    return Reading(torch.cat(features), torch.cat(logits))


def confusion(labels: Tensor, digits: Tensor) -> Tensor:
    """How often label r was read as digit c: int64 (10, 10)."""
    return torch.bincount(labels * 10 + digits, minlength=100).view(10, 10)


def accuracy_per_class(matrix: Tensor) -> Tensor:
    """From a confusion matrix (10, 10): share of each label read right, (10,)."""
    return matrix.diagonal() / matrix.sum(1).clamp(min=1)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Distance of two Gaussians fitted to features (N, D) and (M, D) (Heusel et al. 2017, eq. 6), in float64.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^1/2); the trace of the root is taken from the symmetric A^1/2 B A^1/2.
    """
    a, b = a.double(), b.double()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    product = root @ cov_b @ root
    cross = torch.linalg.eigvalsh((product + product.T) / 2).clamp(min=0).sqrt().sum()
    mean = (a.mean(0) - b.mean(0)).square().sum()
    return float(mean + cov_a.trace() + cov_b.trace() - 2 * cross)


def coverage(real: Tensor, fake: Tensor, k: int = 5) -> Tensor:
    """Which real digits have a fake nearer than their k-th neighbour among real ones (Naeem et al. 2020, eq. 9): bool (N,)."""
    return torch.cat([torch.cdist(p, fake).min(1).values for p in real.split(1000)]) <= _radii(real, k)


def _radii(x: Tensor, k: int) -> Tensor:
    """How far each point (N, D) lies from its k-th neighbour in its own set: (N,)."""
    return torch.cat([torch.cdist(p, x).kthvalue(k + 1, dim=1).values for p in x.split(1000)])


def _inside(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    """Share of points within the radius of at least one centre."""
    return torch.cat([(torch.cdist(p, centres) <= radii).any(1) for p in points.split(1000)]).double().mean().item()


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkaanniemi et al. 2019): share of fakes among real digits, and the reverse.

    "Among" means inside the ball around some digit that reaches to its k-th nearest neighbour in its own set.
    """
    return _inside(fake, real, _radii(real, k)), _inside(real, fake, _radii(fake, k))


def nearest(images: Tensor, among: Tensor) -> tuple[Tensor, Tensor]:
    """Of each uint8 picture (N, 28, 28), the nearest of `among` (M, 28, 28): its distance (N,), the root of the summed squared
    differences of ink from 0 to 1, and its place (N,).
    """
    points, centres = (x.flatten(1).float() / 255 for x in (images, among))
    found = [torch.cdist(part, centres).min(1) for part in points.split(500)]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def labels_like(reference: Digits, count: int) -> Tensor:
    """`count` labels in the proportions of the reference split: otherwise part of every distance is class imbalance."""
    order = torch.argsort(reference.labels, stable=True)
    place = (torch.arange(count) + 0.5) / count * len(reference)
    return reference.labels[order][place.long()]


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3): |share right - mean confidence| over bins of equal width of confidence.

    probabilities (N, 10), labels (N,). 0 is perfect, at most 1.
    """
    confidence, digit = probabilities.double().max(1)
    place = (confidence * bins).long().clamp(max=bins - 1)
    gap = torch.zeros(bins, dtype=torch.float64).index_add(0, place, (digit == labels).double() - confidence)
    return float(gap.abs().sum() / len(labels))


def auroc(higher: Tensor, lower: Tensor) -> float:
    """The chance that a score drawn from `higher` (N,) beats one from `lower` (M,), ties counting half (Mann and Whitney 1947)."""
    ordered = lower.double().sort().values
    wins = torch.searchsorted(ordered, higher.double()) + torch.searchsorted(ordered, higher.double(), right=True)
    return float(wins.double().mean() / 2 / len(lower))


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The T in (0.2, 5) whose softmax(logits / T) has the least negative log-likelihood (Guo et al. 2017, section 4.2)."""
    low, high = -1.6, 1.6  # of log T; the loss has one minimum in between
    for _ in range(60):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        losses = [F.cross_entropy(logits.double() / math.exp(t), labels) for t in (a, b)]
        low, high = (low, b) if losses[0] < losses[1] else (a, high)
    return math.exp((low + high) / 2)
