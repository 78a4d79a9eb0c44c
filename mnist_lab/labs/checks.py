"""What all labs check their arguments with, and how pictures go in and come out. Bad arguments raise ValueError with one sentence."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_lab import drawing
from mnist_lab.data import to_model, to_pictures

Picture = str | Path | Image.Image | np.ndarray  # a file, or pixels
MOST_PICTURES = 1_000


def whole(name: str, value: object, low: int, high: int) -> int:
    """`value` as an integer between low and high, or ValueError."""
    if not drawing.is_number(value) or not low <= value <= high or value != int(value):
        raise ValueError(f"{name} must be a whole number between {low:,} and {high:,}.")
    return int(value)


def number(name: str, value: object, low: float, high: float) -> float:
    """`value` as a float between low and high, or ValueError (NaN too)."""
    if not drawing.is_number(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a number between {low:g} and {high:g}.")
    return float(value)


def choice(name: str, value: object, among: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in among:
        raise ValueError(f"There is no {name} of that name. Choose {', '.join(among[:-1])} or {among[-1]}.")
    return value


def listed(name: str, value: object) -> list:
    """What stands in a row, also in an array or a tensor, as a list; ValueError for anything else."""
    if isinstance(value, np.ndarray | Tensor):
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{name} must be a list.")
    return list(value)


def seed_number(value: object) -> int:
    return whole("The seed", value, 0, 2**31 - 1)


def pictures(x: Tensor) -> list[Image.Image]:
    """(B, 1, 32, 32) in [-1, 1] -> 28x28 PIL pictures, white on black."""
    return [Image.fromarray(p) for p in to_pictures(x).numpy()]


def digit_input(picture: Picture) -> Tensor:
    """A picture as the networks' input (1, 1, 32, 32).

    28x28 pixels in grey on dark paper, as MNIST and the labs themselves make them, stay as they are; anything else is first made a
    digit by drawing.from_picture.
    """
    pixels = np.asarray(picture) if isinstance(picture, Image.Image) and picture.mode == "L" else picture
    ready = is_stored(pixels) and np.median(drawing.border_of(pixels)) <= 127
    return to_model(torch.tensor(pixels if ready else drawing.from_picture(picture).pixels)[None])


def is_stored(pixels: object) -> bool:
    """Whether a picture is an array as MNIST's are stored: uint8 (28, 28)."""
    return isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape == (drawing.SIDE, drawing.SIDE)
