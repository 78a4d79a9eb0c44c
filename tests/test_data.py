"""Datasets: where they are found, how they are split, and how pictures become numbers and back."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision import datasets

from mnist_lab import data
from mnist_lab.data import DataError, Digits, data_folder, load_digits, one_hot, to_model, to_pictures


@pytest.fixture
def tiny(monkeypatch):
    """Every published set replaced by 50 pictures: image k is filled with k, except one pixel at row 0, column 1."""
    images = torch.arange(50, dtype=torch.uint8)[:, None, None].repeat(1, 28, 28)
    images[:, 0, 1] = 255
    for published in data.DATASETS.values():
        monkeypatch.setattr(datasets, published, lambda folder, train, download, **extra: SimpleNamespace(data=images, targets=torch.arange(50) % 10))
    return images


def test_the_folder_is_argument_then_variable_then_data(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_LAB_DATA", "from-variable")
    assert data_folder(tmp_path) == tmp_path
    assert data_folder() == Path("from-variable")
    monkeypatch.setenv("MNIST_LAB_DATA", "")
    assert data_folder() == Path("data")
    monkeypatch.delenv("MNIST_LAB_DATA")
    assert data_folder() == Path("data")


@pytest.mark.parametrize(("arguments", "known"), [
    ({"name": "cifar"}, "mnist, fashion, emnist"), ({"split": "dev"}, r"train, validation, train\+validation, test"),
])
def test_unknown_names_are_answered_with_the_known(arguments, known):
    with pytest.raises(ValueError, match=known):
        load_digits(**arguments)


def test_data_that_cannot_be_had_names_folder_and_variable(monkeypatch, tmp_path):
    def fail(self):
        raise OSError("no network")

    monkeypatch.setattr(datasets.MNIST, "download", fail)
    with pytest.raises(DataError) as caught:
        load_digits("train", folder=tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    assert "MNIST_LAB_DATA" in str(caught.value)
    assert "no network" in str(caught.value)


def test_data_on_disk_is_never_downloaded(monkeypatch, test_digits):
    monkeypatch.setattr(datasets.MNIST, "download", lambda self: pytest.fail("downloaded"))
    assert len(load_digits("test")) == len(test_digits) == 10_000


def test_mnist_is_split_by_writer(train_digits, validation_digits):
    assert (len(train_digits), len(validation_digits)) == (54_087, 5_913)
    index = np.load(Path(data.__file__).with_name("validation_indices.npy"))
    assert len(np.unique(index)) == 5_913  # so the two are disjoint and together the 60,000
    assert index.min() >= 0
    assert index.max() < 60_000


def test_splits_are_whole_and_disjoint(train_digits, validation_digits):
    whole = datasets.MNIST(str(data_folder()), train=True)
    both = torch.cat([train_digits.images, validation_digits.images])
    assert torch.equal(load_digits("train+validation").images, whole.data)
    assert torch.equal(both.flatten(1).long().sum(1).sort().values, whole.data.flatten(1).long().sum(1).sort().values)
    assert torch.equal(torch.cat([train_digits.labels, validation_digits.labels]).bincount(), whole.targets.bincount())


@pytest.mark.parametrize("name", ["fashion", "emnist"])
def test_other_sets_hold_out_every_tenth_picture(tiny, name):
    train, validation, test = (load_digits(split, name) for split in ("train", "validation", "test"))
    assert (len(train), len(validation), len(test)) == (45, 5, 50)
    assert validation.images[:, 9, 9].tolist() == [0, 10, 20, 30, 40]
    assert set(train.images[:, 9, 9].tolist()).isdisjoint(validation.images[:, 9, 9].tolist())


def test_emnist_stands_upright(tiny):
    assert load_digits("test", "emnist").images[0, 1, 0] == 255
    assert load_digits("test", "fashion").images[0, 0, 1] == 255


def test_digits_are_indexed_together():
    digits = Digits(torch.arange(5, dtype=torch.uint8)[:, None, None].expand(5, 28, 28), torch.arange(5))
    part = digits[torch.tensor([3, 1])]
    assert len(part) == 2
    assert part.labels.tolist() == part.images[:, 0, 0].tolist() == [3, 1]


def test_all_256_greys_come_back():
    images = torch.arange(256, dtype=torch.uint8)[:, None, None].repeat(1, 28, 28)
    x = to_model(images)
    assert x.shape == (256, 1, 32, 32)
    assert (x.min(), x.max()) == (-1, 1)
    assert torch.equal(to_pictures(x), images)


def test_the_margin_is_paper_and_the_picture_keeps_its_place():
    images = torch.zeros(1, 28, 28, dtype=torch.uint8)
    images[0, 0, 27] = 255
    x = to_model(images)
    assert (x[0, 0] == 1).nonzero().tolist() == [[2, 29]]
    assert (x == -1).sum() == 32 * 32 - 1


def test_what_a_model_overshoots_is_clipped():
    pictures = to_pictures(torch.full((1, 1, 32, 32), 1.7) * torch.tensor([1.0, -1.0])[:, None, None, None])
    assert pictures[0].unique().tolist() == [255]
    assert pictures[1].unique().tolist() == [0]


def test_one_hot_knows_no_label():
    assert torch.equal(one_hot(torch.tensor([3, -1, 0])), torch.stack([torch.eye(10)[3], torch.zeros(10), torch.eye(10)[0]]))
