"""Any picture, or the strokes of a pen, to a digit as MNIST stores it: uint8 (28, 28), ink 255 on paper 0.

MNIST was made this way (LeCun et al. 1998, section III.A): the box around the ink is scaled, keeping its shape, until
its longer side is 20 pixels, with anti-aliasing; then it is moved by whole pixels until its centre of mass lies in the
middle of the 28x28 picture. A pen far thinner or thicker than MNIST's is first brought near it.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

SIDE, INNER = 28, 20  # pixels of the picture, and of the longer side of the box around the ink
# Pen width as a share of that longer side, by `pen_share` on every third training digit: the middle 90 % of MNIST lie
# within PEN, all but 1 in 1,000 within PEN_SEEN. Strokes are kept within PEN; a picture outside PEN_SEEN is brought to PEN.
PEN = (0.08, 0.18)
PEN_SEEN = (0.06, 0.27)

BRUSH = (0.02, 0.3)  # share of the canvas
MOST_STROKES, MOST_POINTS = 500, 20_000
FINE = 16  # strokes are drawn this many times finer than the digit
AT_ONCE = 1_000  # segments drawn by one array operation

LARGEST = 4096  # pixels a side
WORKING = 1024  # larger pictures are reduced to this before they are looked at
LEAST_CONTRAST = 24  # of 255, between paper and the strongest ink
PEN_VIEW = 160  # pixels of the longer side while the pen is made thicker or thinner
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # never EPS, which runs a program

NO_INK = "There is no ink in this picture. Dark on light or light on dark, both work."
NO_PICTURE = "This file is not a picture. PNG, JPEG or WebP, please."
TOO_LARGE = f"This picture is too large. Up to {LARGEST:,} pixels a side, please."
NO_STROKES = "Strokes must be a list of strokes, each a list of points [x, y] with numbers between 0 and 1."
NO_ARRAY = "A picture as an array must be (H, W), (H, W, 3) or (H, W, 4), of uint8 or of floats between 0 and 1."

Box = tuple[float, float, float, float]  # left, top, right, bottom


class DrawingError(ValueError):
    """A drawing that can't become a digit; the message says why, in a sentence for the visitor."""


@dataclass(frozen=True)
class Digit:
    pixels: np.ndarray  # uint8 (28, 28), ink 255 on paper 0
    box: Box  # around the ink, in fractions of the canvas
    placed: Box  # where that box lies in `pixels`, in pixels


def from_strokes(strokes: list[list[list[float]]], brush: float = 0.08) -> Digit:
    """Strokes of a round pen: lists or arrays of points [x, y] in [0, 1]; one point is a dot. `brush` is the pen's share of the canvas."""
    if not is_number(brush) or not BRUSH[0] <= brush <= BRUSH[1]:
        raise DrawingError(f"The brush must be a number between {BRUSH[0]:g} and {BRUSH[1]:g}.")
    lines = _checked(strokes)
    points = np.concatenate(lines)  # (N, 2)
    low, high = points.min(0), points.max(0)
    span = float((high - low).max())
    dot = span < brush / 2  # stays as small as it was drawn: blown up it would be a disc with the tremble of the hand, which is read as a 0
    pen = brush if dot else _within_range(brush, span)
    longer = INNER / SIDE if dot else span + pen  # what becomes 20 pixels
    scale = FINE * INNER / longer
    small = _drawn([(line - low + pen / 2) * scale for line in lines], pen * scale / 2)
    extent = (high - low + pen) / longer
    box = np.clip(np.concatenate([low - brush / 2, high + brush / 2]), 0, 1)
    return _centred(small, tuple(box.tolist()), extent)


def _checked(strokes: object) -> list[np.ndarray]:
    """Strokes that anyone may have sent -> arrays (N, 2) within [0, 1]."""
    if not _is_row(strokes) or not all(map(_is_row, strokes)):
        raise DrawingError(NO_STROKES)
    if len(strokes) > MOST_STROKES or sum(map(len, strokes)) > MOST_POINTS:
        raise DrawingError(f"This drawing is too long. Up to {MOST_STROKES:,} strokes and {MOST_POINTS:,} points, please.")
    if not all(_is_point(point) for stroke in strokes for point in stroke):
        raise DrawingError(NO_STROKES)
    lines = [np.array(stroke, np.float64).clip(0, 1) for stroke in strokes if len(stroke)]
    if not lines:
        raise DrawingError(NO_INK)
    return lines


def is_number(value: object) -> bool:
    """Of Python or of numpy; a truth value is none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _is_row(value: object) -> bool:
    return isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim > 0)


def _is_point(point: object) -> bool:
    """Two numbers near [0, 1]: a pen may leave the canvas a little. NaN fails the comparison."""
    return _is_row(point) and len(point) == 2 and all(is_number(v) and -1 <= v <= 2 for v in point)


def _within_range(pen: float, span: float) -> float:
    """The pen width nearest to `pen` whose share of the longer side, span + pen, lies in PEN."""
    thinnest, thickest = (span * share / (1 - share) for share in PEN)
    return min(max(pen, thinnest), thickest)


def _drawn(lines: list[np.ndarray], radius: float) -> np.ndarray:
    """Strokes of a round pen, in fine pixels -> uint8 (20, 20): the share of each pixel's FINE x FINE parts whose centre the pen passed over.

    `digit.js` does the same sums in the same order, so that the page and Python agree to the last bit.
    """
    starts = np.concatenate([line[:-1] if len(line) > 1 else line for line in lines])
    ends = np.concatenate([line[1:] if len(line) > 1 else line for line in lines])  # a dot starts where it ends
    side = FINE * INNER
    edges = np.zeros((side, side + 1), np.int32)  # +1 where a span begins, -1 where it has ended
    for k in range(0, len(starts), AT_ONCE):
        row, first, end = _spans(starts[k:k + AT_ONCE], ends[k:k + AT_ONCE], radius, side)
        np.add.at(edges, (row, first), 1)
        np.add.at(edges, (row, end), -1)
    ink = edges.cumsum(1, out=edges)[:, :-1] > 0
    count = ink.view(np.uint8).reshape(INNER, FINE, side).sum(1, dtype=np.int64).reshape(INNER, INNER, FINE).sum(2)  # (20, 20), to FINE ** 2
    return ((count * 255 + FINE**2 // 2) // FINE**2).astype(np.uint8)


def _spans(a: np.ndarray, b: np.ndarray, radius: float, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where a disc moved from a to b (N, 2) covers centres of a grid: rows, first and one past the last column, one a segment and row.

    In the row at height h above a the disc at a + t (b - a) reaches from x - w to x + w, w^2 = r^2 - (h - t dy)^2. Both ends are
    extreme where the moved disc's own edge is, h - t dy = +-r dx / |b - a|, or at an end of the segment.
    """
    a, b = np.where(a[:, 1:] <= b[:, 1:], [a, b], [b, a])  # downwards
    top = np.clip(np.ceil(a[:, 1] - radius - 0.5), 0, side).astype(int)
    count = np.clip(np.floor(b[:, 1] + radius - 0.5) + 1, top, side).astype(int) - top
    which = np.repeat(np.arange(len(a)), count)
    row = np.arange(count.sum()) - np.repeat(count.cumsum() - count, count) + top[which]
    dx, dy = (b - a).T
    lean = radius * dx / np.maximum(np.sqrt(dx * dx + dy * dy), 1e-9)
    x, dx, dy, lean, h = a[which, 0], dx[which], dy[which], lean[which], row + 0.5 - a[which, 1]
    left, right = (_reach(x, dx, dy, h, edge, sign, radius) for edge, sign in ((lean, -1), (-lean, 1)))
    first = np.clip(np.ceil(left - 0.5), 0, side).astype(int)
    return row, first, np.clip(np.floor(right - 0.5) + 1, first, side).astype(int)


def _reach(x: np.ndarray, dx: np.ndarray, dy: np.ndarray, h: np.ndarray, edge: np.ndarray, sign: int, radius: float) -> np.ndarray:
    t = np.clip((h - edge) / np.maximum(dy, 1e-9), 0, 1)
    off = h - t * dy
    return x + t * dx + sign * np.sqrt(np.maximum(radius * radius - off * off, 0))


def from_picture(source: str | Path | Image.Image | np.ndarray) -> Digit:
    """A picture of one digit, of any size and colours: a path, a PIL picture, or an array (H, W), (H, W, 3) or (H, W, 4)."""
    ink = _ink(_read(source))
    left, top, right, bottom = _box(ink)
    square = _with_usual_pen(_square(ink))
    side = len(square)
    small = _resized(square, INNER)
    right_small, bottom_small = _box(square)[2:]
    height, width = ink.shape
    box = (left / width, top / height, right / width, bottom / height)
    return _centred(small, box, np.array([right_small, bottom_small]) / side)


def _centred(small: np.ndarray, box: Box, extent: np.ndarray) -> Digit:
    """uint8 (20, 20), ink from its upper left corner over `extent` (x, y) of it -> Digit.

    Whole pixels, so that nothing blurs. Like MNIST's own, centres of mass end up in [13.5, 14.5).
    """
    mass = small.sum(dtype=np.float64)
    centre = np.array([small.sum(0) @ np.arange(INNER), small.sum(1) @ np.arange(INNER)]) / mass  # x, y
    room = SIDE - np.array(_box(small)[2:])
    x, y = np.clip(np.ceil(SIDE / 2 - 0.5 - centre), 0, room).astype(int).tolist()
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[:INNER, :INNER] = small
    width, height = (INNER * extent).tolist()
    return Digit(np.roll(pixels, (y, x), (0, 1)), box, (x, y, x + width, y + height))  # only paper rolls over the edge


def _read(source: object) -> Image.Image:
    """Any source -> RGB or RGBA, upright, at most WORKING pixels a side; its size is checked before it is decoded."""
    if isinstance(source, np.ndarray):
        return _reduced(_from_array(source))
    if isinstance(source, Image.Image):
        return _decoded(source)
    if not isinstance(source, str | Path):
        raise DrawingError("A picture must be a path, a PIL picture or a numpy array.")
    try:
        image = Image.open(source, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DrawingError(TOO_LARGE) from error
    except FileNotFoundError as error:
        raise DrawingError(f"There is no file {source}.") from error
    except Exception as error:  # noqa: BLE001 - a broken file may raise anything
        raise DrawingError(NO_PICTURE) from error
    with image:
        return _decoded(image)


def _decoded(image: Image.Image) -> Image.Image:
    if max(image.size) > LARGEST:
        raise DrawingError(TOO_LARGE)
    if 0 in image.size:
        raise DrawingError(NO_INK)
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode[0] in "IF":  # 16 and 32 bits, of which nothing says how bright white is
            image = _stretched(np.asarray(image, np.float64))
        return _reduced(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    except DrawingError:
        raise
    except Exception as error:  # noqa: BLE001 - a broken file may raise anything
        raise DrawingError(NO_PICTURE) from error


def _stretched(values: np.ndarray) -> Image.Image:
    low, high = values.min(), values.max()
    if not np.isfinite([low, high]).all() or (high - low) * 255 <= LEAST_CONTRAST * max(abs(low), abs(high)):  # noise on white is no ink either
        raise DrawingError(NO_INK)
    return Image.fromarray(np.uint8((values - low) * (255 / (high - low)) + 0.5))


def _from_array(array: np.ndarray) -> Image.Image:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise DrawingError(NO_ARRAY)
    if max(array.shape[:2]) > LARGEST:
        raise DrawingError(TOO_LARGE)
    if array.size == 0:
        raise DrawingError(NO_INK)
    if np.issubdtype(array.dtype, np.floating) and np.all((array >= 0) & (array <= 1)):  # NaN fails
        array = (array * 255 + 0.5).astype(np.uint8)
    if array.dtype != np.uint8:
        raise DrawingError(NO_ARRAY)
    image = Image.fromarray(array)
    return image if image.mode == "RGBA" else image.convert("RGB")


def _reduced(image: Image.Image) -> Image.Image:
    factor = math.ceil(max(image.size) / WORKING)
    return image.reduce(factor) if factor > 1 else image


def _ink(image: Image.Image) -> np.ndarray:
    """RGB or RGBA -> ink, uint8 (H, W), 255 where it is strongest and 0 on paper. Transparency counts as white paper."""
    if image.mode == "RGB":
        candidates = [image]
    else:  # white ink on nothing can be seen in the alpha channel only
        paper = Image.new("RGBA", image.size, "white")
        candidates = [Image.alpha_composite(paper, image).convert("RGB"), image.getchannel("A").convert("RGB")]
    for candidate in candidates:
        ink = _distance_from_paper(np.asarray(candidate, np.float32))
        if ink.any():
            return ink
    raise DrawingError(NO_INK)


def border_of(picture: np.ndarray) -> np.ndarray:
    """The outermost pixels, which are paper for the most part: (H, W, ...) -> (2 (H + W), ...)."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])


def _distance_from_paper(rgb: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> uint8 (H, W). Paper has the median colour of the border; what differs no more than it does is paper too."""
    border = border_of(rgb)
    paper = np.median(border, axis=0)
    distance = np.abs(rgb - paper).max(2)  # (H, W)
    peak = distance.max()
    if peak < LEAST_CONTRAST:
        return np.zeros(distance.shape, np.uint8)
    noise = 4 * np.median(np.abs(border - paper).max(1))
    sure = _without_specks(distance > np.clip(noise, 0.08 * peak, 0.5 * peak))
    near = np.asarray(Image.fromarray(sure).filter(ImageFilter.MaxFilter(3)))  # soft edges belong to the ink
    return np.uint8(np.where(near, distance * (255 / peak), 0) + 0.5)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    """bool (H, W) -> uint8, 255 where true; in a picture larger than a thumbnail, pixels with fewer than two others near go."""
    ink = np.uint8(255 * mask)
    if max(mask.shape) <= 64:
        return ink
    share = np.asarray(Image.fromarray(ink).filter(ImageFilter.BoxBlur(2)))  # 5x5: one pixel gives 255 / 25
    return np.where(share > 25, ink, 0)


def _box(ink: np.ndarray) -> tuple[int, int, int, int]:
    columns, rows = np.flatnonzero(ink.any(0)), np.flatnonzero(ink.any(1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _square(ink: np.ndarray) -> np.ndarray:
    """The box around the ink, in the upper left corner of a square with its longer side: (H, W) -> (L, L)."""
    left, top, right, bottom = _box(ink)
    square = np.zeros((max(right - left, bottom - top),) * 2, np.uint8)
    square[:bottom - top, :right - left] = ink[top:bottom, left:right]
    return square


def _resized(square: np.ndarray, side: int) -> np.ndarray:
    sharp = Image.Resampling.HAMMING if len(square) > side else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(square).resize((side, side), sharp))


def pen_share(square: np.ndarray) -> float:
    """Pen width as a share of the side: 2 area / perimeter, for uint8 (L, L). The perimeter is the total variation, so grey counts."""
    ink = np.pad(square, 1) / 255
    slope = np.hypot(np.diff(ink, axis=0)[:, :-1], np.diff(ink, axis=1)[:-1])
    return float(2 * ink.sum() / slope.sum() / len(square))


def _with_usual_pen(square: np.ndarray) -> np.ndarray:
    """The digit with its pen brought to PEN if it is outside PEN_SEEN; else untouched. uint8 (L, L) -> (L', L')."""
    view = _resized(square, PEN_VIEW)
    share = pen_share(view)
    if PEN_SEEN[0] <= share <= PEN_SEEN[1]:
        return square
    thin = share < PEN_SEEN[0]
    target = PEN[0] if thin else PEN[1]
    steps = round(PEN_VIEW * abs(target - share) / (1 - target) / 2)  # the longer side changes with the pen
    image = Image.fromarray(np.pad(view, steps + 1))
    for _ in range(steps):
        image = image.filter(ImageFilter.MaxFilter(3) if thin else ImageFilter.MinFilter(3))
    changed = np.asarray(image)
    if not changed.any():
        return square
    return _square(np.uint8(changed * (255 / changed.max()) + 0.5))  # a hairline was grey at this size
