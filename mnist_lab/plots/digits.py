"""Digits as pictures to take away: numpy in, PIL out. White ink on black, as MNIST stores them."""

import io
from collections.abc import Iterable

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


def gif(pictures: Iterable[Image.Image], ms: int, last_ms: int | None = None) -> bytes:
    """A film that starts over at its end: `ms` a picture, the last one `last_ms`."""
    file, (first, *others) = io.BytesIO(), pictures
    first.save(file, "GIF", save_all=True, append_images=others, duration=[ms] * len(others) + [last_ms or ms], loop=0)
    return file.getvalue()


def svg(digits: np.ndarray) -> str:
    """uint8 (N, H, W) in a row -> SVG text: ink on nothing, each run of equal pixels one rectangle."""
    count, height, width = digits.shape
    sheet = digits.transpose(1, 0, 2).reshape(height, count * width)
    parts = []
    for y, line in enumerate(sheet):
        starts = np.flatnonzero(np.diff(line, prepend=-1))
        for x, end in zip(starts, [*starts[1:], len(line)], strict=True):
            if line[x]:
                parts.append(f'<rect x="{x}" y="{y}" width="{end - x}" height="1" fill-opacity="{line[x] / 255:.3f}"/>')
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {count * width} {height}" shape-rendering="crispEdges">'
            f'{"".join(parts)}</svg>')
