"""Digits as pictures to take away: numpy in, PIL out. White ink on black, as MNIST stores them."""

import numpy as np
from PIL import Image


def picture(digit: np.ndarray, scale: int = 1) -> Image.Image:
    """uint8 (H, W) -> a picture, each pixel a crisp square of `scale`."""
    return Image.fromarray(digit).resize((digit.shape[1] * scale, digit.shape[0] * scale), Image.Resampling.NEAREST)


def grid(digits: np.ndarray, columns: int, scale: int = 1, gap: int = 1) -> Image.Image:
    """uint8 (N, H, W) -> one picture with `columns` digits a row."""
    count, height, width = digits.shape
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap), np.uint8)
    for k, digit in enumerate(digits):
        y, x = k // columns * (height + gap), k % columns * (width + gap)
        sheet[y:y + height, x:x + width] = digit
    return picture(sheet, scale)
