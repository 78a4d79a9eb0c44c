"""How good: accuracy, confusion, and distances between sets of digits in a given classifier's features."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mnist_lab.data import Digits, to_model


@dataclass(frozen=True)
class Reading:
    """A classifier's view of some digits."""

    features: Tensor  # float64 (N, D), before the last layer
    probabilities: Tensor  # (N, 10)

    @property
    def digit(self) -> Tensor:
        return self.probabilities.argmax(1)  # (N,)


@torch.inference_mode()
def read(classifier: nn.Module, images: Tensor, batch: int = 500) -> Reading:
    """Features and probabilities of uint8 pictures (N, 28, 28): real and generated digits go the same way."""
    features, probabilities = [], []
    for part in images.split(batch):
        x = to_model(part)
        features.append(classifier.features(x).double())
        probabilities.append(classifier(x).softmax(1))
    return Reading(torch.cat(features), torch.cat(probabilities))


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


def _inside(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    """Share of points within the radius of at least one centre."""
    return torch.cat([(torch.cdist(p, centres) <= radii).any(1) for p in points.split(1000)]).double().mean().item()


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Improved precision and recall (Kynkaanniemi et al. 2019): share of fakes among real digits, and the reverse.

    "Among" means inside the ball around some digit that reaches to its k-th nearest neighbour in its own set.
    """
    def radii(x: Tensor) -> Tensor:
        return torch.cat([torch.cdist(p, x).kthvalue(k + 1, dim=1).values for p in x.split(1000)])

    return _inside(fake, real, radii(real)), _inside(real, fake, radii(fake))


def labels_like(reference: Digits, count: int) -> Tensor:
    """`count` labels in the proportions of the reference split: otherwise part of every distance is class imbalance."""
    order = torch.argsort(reference.labels, stable=True)
    place = (torch.arange(count) + 0.5) / count * len(reference)
    return reference.labels[order][place.long()]
