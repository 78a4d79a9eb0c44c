"""Datasets as two tensors: images uint8 (N, 28, 28), ink high on paper 0, and labels (N,).

The folder is found by argument, then the environment variable MNIST_LAB_DATA, then `data/`. A missing set is
downloaded there by torchvision. "train" and "validation" share the published training set without sharing a writer (for MNIST;
every tenth picture for the others), "train+validation" is all of it; "test" is for `train.evaluate` only.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

DATASETS = {"mnist": "MNIST", "fashion": "FashionMNIST", "emnist": "EMNIST"}
SPLITS = ("train", "validation", "train+validation", "test")
FOLDER_VARIABLE = "MNIST_LAB_DATA"


class DataError(RuntimeError):
    """A dataset that is neither on disk nor can be downloaded; the message says where we looked."""


@dataclass(frozen=True)
class Digits:
    images: Tensor  # uint8 (N, 28, 28)
    labels: Tensor  # int64 (N,)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index) -> "Digits":
        return Digits(self.images[index], self.labels[index])

    def to(self, device: torch.device | str) -> "Digits":
        return Digits(self.images.to(device), self.labels.to(device))


def data_folder(folder: str | Path | None = None) -> Path:
    return Path(folder or os.environ.get(FOLDER_VARIABLE) or "data")


def load_digits(split: str = "train", name: str = "mnist", folder: str | Path | None = None) -> Digits:
    """One split of one dataset, by name; raises ValueError for an unknown name, DataError if it can't be had."""
    if name not in DATASETS:
        raise ValueError(f"There is no dataset {name!r}. Choose one of {', '.join(DATASETS)}.")
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}. Choose one of {', '.join(SPLITS)}.")
    whole = _published(name, split != "test", data_folder(folder))
    if split in ("test", "train+validation"):
        return whole
    held_out = torch.zeros(len(whole), dtype=torch.bool)
    held_out[_validation_indices(name, len(whole))] = True
    return whole[held_out if split == "validation" else ~held_out]


def _validation_indices(name: str, count: int) -> Tensor:
    if name == "mnist":  # all digits of 54 writers: the test split's writers are new too
        return torch.from_numpy(np.load(Path(__file__).with_name("validation_indices.npy")).astype(np.int64))
    return torch.arange(0, count, 10)


def _published(name: str, train: bool, folder: Path) -> Digits:
    from torchvision import datasets  # imported here: the app never needs it

    extra = {"split": "balanced"} if name == "emnist" else {}
    dataset_class = getattr(datasets, DATASETS[name])
    try:
        dataset = dataset_class(str(folder), train=train, download=False, **extra)
    except RuntimeError:
        try:
            dataset = dataset_class(str(folder), train=train, download=True, **extra)
        except Exception as error:
            raise DataError(
                f"{DATASETS[name]} is not in {folder.absolute()} and could not be downloaded ({error}). "
                f"Set {FOLDER_VARIABLE} to a folder that holds {DATASETS[name]}/raw."
            ) from error
    images = dataset.data.transpose(1, 2) if name == "emnist" else dataset.data  # EMNIST is stored lying down
    return Digits(images.contiguous(), dataset.targets.long())


def to_model(images: Tensor) -> Tensor:
    """uint8 (B, 28, 28) -> float (B, 1, 32, 32) in [-1, 1], two pixels of paper (-1) around."""
    return F.pad(images.unsqueeze(1).float() / 127.5 - 1, (2, 2, 2, 2), value=-1.0)


def to_pictures(x: Tensor) -> Tensor:
    """float (B, 1, 32, 32) in [-1, 1], clipped -> uint8 (B, 28, 28), the inner pixels: what a model made, as MNIST stores it."""
    inner = x[:, 0, 2:-2, 2:-2].float().clamp(-1, 1)
    return ((inner + 1) * 127.5).round().to(torch.uint8)


def one_hot(labels: Tensor) -> Tensor:
    """(B,) -> (B, 10) float; a label of -1 means "no label" and becomes the all-zero vector."""
    return F.one_hot(labels.clamp(min=0), 10).float() * (labels >= 0).float().unsqueeze(1)
