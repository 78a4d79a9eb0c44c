"""A thousand labelled digits, a hundred of each class, for the views that need many: they work with no data set on disk.

They come from MNIST's test split where that is on disk, otherwise from a sheet that our own GAN wrote, stored with the package.
"""

import functools
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_lab.checkpoint import Store
from mnist_lab.data import DataError, data_folder, load_digits, one_hot, to_pictures
from mnist_lab.labs import CLASSIFIERS, GanLab
from mnist_lab.metrics import read
from mnist_lab.plots.digits import grid

RECORDED = Path(__file__).parent / "recorded" / "examples.png"
EACH = 100  # of one class
LEVELS = 16  # of grey, in the stored sheet: half the bytes, and no difference to the eye
TRIED = 400  # digits of a class the GAN may need until EACH of them are clear


@dataclass(frozen=True)
class Examples:
    images: Tensor  # uint8 (1000, 28, 28): EACH zeros, EACH ones ...
    labels: Tensor  # int64 (1000,)
    words: str  # what they are: "test digits"


@functools.cache
def load() -> Examples:
    labels = torch.arange(10).repeat_interleave(EACH)
    if (data_folder() / "MNIST" / "raw" / "t10k-images-idx3-ubyte").exists():  # asked before: a missing split would be downloaded
        try:
            test = load_digits("test")
            return Examples(torch.cat([test.images[test.labels == d][:EACH] for d in range(10)]), labels, "test digits")
        except DataError as error:
            logging.getLogger(__name__).warning("%s", error)
    return Examples(_stored(), labels, "digits our GAN wrote")


def _stored() -> Tensor:
    """The sheet, a row a class, cut into its digits."""
    sheet = np.asarray(Image.open(RECORDED).convert("L"))  # (280, 2800)
    return torch.from_numpy(sheet.reshape(10, 28, EACH, 28).swapaxes(1, 2).reshape(-1, 28, 28).copy())


@torch.inference_mode()
def record(store: Store) -> Image.Image:
    """The content of recorded/examples.png: digits of the GAN that the best classifier reads as they were asked for."""
    gan, best = GanLab(store), store[CLASSIFIERS[0]]
    chosen = []
    for digit in range(10):
        images = to_pictures(gan.generator(gan.latent(digit, TRIED), one_hot(torch.full((TRIED,), digit))))
        step = 255 / (LEVELS - 1)
        images = ((images / step).round() * step).round().to(torch.uint8)
        chosen.append(images[read(best, images).digit == digit][:EACH])
    return grid(torch.cat(chosen).numpy(), columns=EACH, gap=0)
