"""Distances and shares on sets whose answers are known."""

import math

import pytest
import torch
from torch import nn

from mnist_lab import metrics
from mnist_lab.data import Digits


def normal(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whitened(count: int, size: int) -> torch.Tensor:
    """Points whose sample mean is exactly 0 and sample covariance exactly 1."""
    x = normal(count, size)
    x = x - x.mean(0)
    return x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T


def test_frechet_distance_of_known_gaussians():
    """Diagonal covariances: |difference of means|^2 + the sum of (difference of deviations)^2."""
    x = whitened(500, 3)
    a, b = torch.tensor([1.0, 2.0, 3.0]).double(), torch.tensor([2.0, 2.0, 0.5]).double()
    shift = torch.tensor([0.5, -1.0, 0.0]).double()
    assert metrics.frechet_distance(x * a, x * b + shift) == pytest.approx(1.25 + 1.0 + 6.25, rel=1e-9)


def test_frechet_distance_of_covariances_that_do_not_commute():
    """Against the eigenvalues of A B, which need no symmetric root."""
    x, mix_a, mix_b = whitened(500, 4), normal(4, 4, 1), normal(4, 4, 2)
    a, b = mix_a @ mix_a.T, mix_b @ mix_b.T
    expected = (a.trace() + b.trace() - 2 * torch.linalg.eigvals(a @ b).real.sqrt().sum()).item()
    assert metrics.frechet_distance(x @ mix_a.T, x @ mix_b.T) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_is_zero_for_the_same_set_and_symmetric():
    a, b = normal(300, 5, 1), normal(200, 5, 2) * 1.5 + 0.3
    assert metrics.frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a), rel=1e-9)
    assert metrics.frechet_distance(a, b) > 0.5


def test_frechet_distance_bears_features_that_never_vary():
    flat = torch.cat([normal(100, 2), torch.zeros(100, 2, dtype=torch.float64)], dim=1)
    assert math.isfinite(metrics.frechet_distance(flat, flat + 1))


def test_precision_and_recall_at_their_ends():
    real = normal(200, 3)
    assert metrics.precision_recall(real, real.clone()) == (1.0, 1.0)
    assert metrics.precision_recall(real, real + 100) == (0.0, 0.0)


def test_precision_sees_quality_and_recall_variety():
    """Two far clusters: fakes in one of them are all real, but only half of the real ones are found."""
    cluster = normal(100, 2)
    real = torch.cat([cluster, cluster + 100])
    assert metrics.precision_recall(real, cluster) == (1.0, 0.5)
    assert metrics.precision_recall(cluster, real) == (0.5, 1.0)


def test_confusion_counts_rows_as_labels():
    matrix = metrics.confusion(torch.tensor([4, 4, 9, 0]), torch.tensor([4, 9, 9, 0]))
    assert matrix.shape == (10, 10)
    assert matrix.sum() == 4
    assert (matrix[4, 4], matrix[4, 9], matrix[9, 9], matrix[9, 4]) == (1, 1, 1, 0)
    share = metrics.accuracy_per_class(matrix)
    assert share[[0, 4, 9]].tolist() == [1.0, 0.5, 1.0]
    assert torch.isfinite(share).all()  # labels that never occur too


def test_labels_follow_the_proportions_of_the_reference():
    labels = torch.cat([torch.full((600,), 1), torch.full((300,), 7), torch.full((100,), 2)])[torch.randperm(1000, generator=torch.Generator().manual_seed(0))]
    drawn = metrics.labels_like(Digits(torch.zeros(1000, 28, 28, dtype=torch.uint8), labels), 50)
    assert drawn.bincount(minlength=10).tolist() == [0, 30, 5, 0, 0, 0, 0, 15, 0, 0]


class Brightness(nn.Module):
    """A classifier that reads the mean grey, to see what `read` gives it."""

    def features(self, x):
        return x.mean((1, 2, 3))[:, None].repeat(1, 2)

    def forward(self, x):
        return torch.eye(10)[((self.features(x)[:, 0] + 1) * 4.5).long()] * 20


def test_reading_keeps_the_order_over_batches():
    images = torch.tensor([0, 255, 0], dtype=torch.uint8)[:, None, None].repeat(1, 28, 28)
    reading = metrics.read(Brightness(), images, batch=2)
    assert reading.features.shape == (3, 2)
    assert reading.features.dtype == torch.float64
    assert reading.digit.tolist() == [0, 6, 0]
    torch.testing.assert_close(reading.probabilities.sum(1), torch.ones(3))


def test_calibration_error_is_the_gap_between_confidence_and_share_right():
    p = torch.full((100, 10), 0.2 / 9)
    p[:, 3] = 0.8
    labels = torch.where(torch.arange(100) < 60, 3, 5)  # sure by 80 %, right in 60 %
    assert metrics.calibration_error(p, labels) == pytest.approx(0.2, abs=1e-6)
    assert metrics.calibration_error(p, torch.where(torch.arange(100) < 80, 3, 5)) == pytest.approx(0, abs=1e-6)


def test_auroc_is_the_chance_of_a_higher_score():
    assert metrics.auroc(torch.tensor([2.0, 3.0]), torch.tensor([0.0, 1.0])) == 1
    assert metrics.auroc(torch.tensor([0.0]), torch.tensor([1.0])) == 0
    assert metrics.auroc(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0])) == 0.75


def test_coverage_counts_the_real_digits_that_are_reached():
    real = torch.arange(100).double()[:, None]  # the fifth neighbour of most lies 3 away, of an end 5
    assert metrics.coverage(real, real + 0.4).all()
    assert metrics.coverage(real, torch.tensor([[50.0]]).double()).nonzero().flatten().tolist() == list(range(47, 54))
    assert not metrics.coverage(real, torch.tensor([[200.0], [-6.0]]).double()).any()


def test_nearest_finds_the_copy_and_measures_in_ink():
    pictures = torch.randint(0, 256, (700, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    distance, place = metrics.nearest(pictures[300:900], pictures)
    assert place.tolist() == list(range(300, 700))
    assert distance.max() < 0.05  # a difference of squares of about 260, in single precision
    other = pictures[5:6].clone()
    other[0, 3, 4] = 255 if other[0, 3, 4] < 128 else 0
    distance, place = metrics.nearest(other, pictures)
    assert place.item() == 5
    assert distance.item() == pytest.approx(abs(float(other[0, 3, 4]) - float(pictures[5, 3, 4])) / 255, abs=0.01)


def test_temperature_undoes_a_scaling_of_the_logits():
    logits = torch.randn(20_000, 10, generator=torch.Generator().manual_seed(0)) * 2
    labels = torch.distributions.Categorical(logits=logits).sample()
    found = metrics.temperature(logits * 2, labels)
    assert found == pytest.approx(2, rel=0.05)
