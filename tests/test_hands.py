"""Digits redrawn with a pen, and pictures that are no digit."""

from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("skimage")

from mnist_lab.data import Digits, to_model, to_pictures  # noqa: E402
from train.classifier import ClassifierRecipe, ClassifierTask  # noqa: E402
from train.hands import PEN, redraw, scribbles, skeletons  # noqa: E402
from train.outliers import blobs, outliers  # noqa: E402


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def bars(count: int) -> Digits:
    """Upright bars 4 pixels wide and 20 tall, labelled 1."""
    images = torch.zeros(count, 28, 28, dtype=torch.uint8)
    images[:, 4:24, 12:16] = 255
    return Digits(images, torch.ones(count, dtype=torch.int64))


@pytest.fixture(scope="module")
def lines():
    return scribbles(40)


def extent(pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Height and width of the ink of uint8 (B, 28, 28)."""
    ink = pictures > 100
    return ink.any(2).sum(1), ink.any(1).sum(1)


def test_the_skeleton_of_a_bar_lies_on_its_middle():
    distance = skeletons(bars(1), 1).distance[0]
    rows, columns = (distance == 0).nonzero(as_tuple=True)
    assert (columns.float().mean() - 27.5).abs() < 1.5 and rows.max() - rows.min() > 28


def test_kept_skeletons_are_the_same_and_belong_to_their_digits(tmp_path):
    first, again = (skeletons(bars(3), 3, tmp_path) for _ in range(2))
    assert torch.equal(first.distance, skeletons(bars(3), 3).distance) and torch.equal(again.distance, first.distance)
    moved = Digits(bars(3).images.roll(4, 2), bars(3).labels)
    assert torch.equal(skeletons(moved, 3, tmp_path).distance, skeletons(moved, 3).distance)
    assert len(list(tmp_path.iterdir())) == 2, "one file for each set of digits"


def test_a_redrawn_digit_fills_twenty_pixels_with_a_pen_within_range():
    pictures = to_pictures(redraw(skeletons(bars(200), 200), generator(), strength=0.0))
    height, width = extent(pictures)
    assert ((height >= 18) & (height <= 21)).all()
    assert width.min() <= 20 * PEN[0] + 1 and 20 * PEN[1] - 2 <= width.max() <= 20 * PEN[1] + 2
    assert width.unique().numel() >= 4, "pens of many widths"


def test_a_redrawn_digit_has_its_mass_in_the_middle():
    pictures = to_pictures(redraw(skeletons(bars(50), 50), generator(), strength=0.0)).float()
    grid = torch.arange(28.0)
    for axis in (1, 2):
        mass = pictures.sum(axis)
        centre = (mass * grid).sum(1) / mass.sum(1)
        assert ((centre - 13.5).abs() < 2.2).all(), "within the random shift of up to 2 fine points"


def test_the_seed_decides_a_redrawing(lines):
    torch.testing.assert_close(redraw(lines, generator(3)), redraw(lines, generator(3)), rtol=0, atol=0)
    assert not torch.equal(redraw(lines, generator(3)), redraw(lines, generator(4)))


def test_scribbles_are_reproducible_and_carry_no_label(lines):
    assert torch.equal(lines.distance, scribbles(40).distance)
    assert (lines.labels == -1).all()


def test_outliers_are_pictures_with_ink(lines):
    digits = Digits(torch.randint(0, 256, (64, 28, 28), generator=generator(), dtype=torch.uint8), torch.arange(64) % 10)
    x = outliers(to_model(digits.images), digits.labels, lines, generator(1))
    assert x.shape == (64, 1, 32, 32) and x.min() >= -1 and x.max() <= 1 + 1e-6
    assert ((x > -0.9).sum((1, 2, 3)) > 5).float().mean() > 0.9, "pale blobs are ink too; few are warped off the page"
    assert (blobs(8, generator()) > -1).any((1, 2, 3)).all()


def test_a_share_of_the_digits_stays_sharp(train_digits):
    """A warp blurs; what is read later is not blurred, so some of what is learned must not be."""
    batch, task = train_digits[:400], SimpleNamespace(recipe=ClassifierRecipe(plain=0.25))
    x, labels, _ = ClassifierTask.digits(task, batch, generator(1))
    same = (x == to_model(batch.images)).all((1, 2, 3)).float().mean()
    assert 0.18 < same < 0.32 and torch.equal(labels, batch.labels)
