"""Pictures and strokes become digits the way MNIST did: moved, resized, recoloured or drawn with another pen, the same digit."""

import math
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from mnist_lab import drawing
from mnist_lab.data import DataError, load_digits
from mnist_lab.drawing import Digit, DrawingError, from_picture, from_strokes, pen_share


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    try:
        return load_digits("test").images.numpy()  # (10000, 28, 28)
    except DataError as error:
        pytest.skip(f"needs MNIST: {error}")


def seven(left: float = 0.3, top: float = 0.2, size: float = 0.6) -> list:
    """A 7 of three points, `size` high."""
    return [[[left, top], [left + 0.6 * size, top], [left + 0.2 * size, top + size]]]


def picture(paper, ink, size=(300, 400), width=30) -> Image.Image:
    mode = "L" if isinstance(paper, int) else "RGBA" if len(paper) == 4 else "RGB"
    image = Image.new(mode, size, paper)
    ImageDraw.Draw(image).line([(100, 120), (200, 120), (130, 290)], fill=ink, width=width, joint="curve")
    return image


def difference(a: Digit, b: Digit) -> float:
    """Mean difference as a share of the ink."""
    return np.abs(a.pixels.astype(int) - b.pixels).sum() / a.pixels.sum(dtype=int)


def centre_of_mass(pixels: np.ndarray) -> np.ndarray:
    index = np.arange(28)
    return np.array([pixels.sum(0) @ index, pixels.sum(1) @ index]) / pixels.sum(dtype=float)


def assert_mnist_style(digit: Digit) -> None:
    assert digit.pixels.shape == (28, 28) and digit.pixels.dtype == np.uint8
    assert digit.pixels.max() >= 250
    left, top, right, bottom = digit.placed
    assert max(right - left, bottom - top) == pytest.approx(20)
    outside = digit.pixels.copy()
    outside[int(top):math.ceil(bottom), int(left):math.ceil(right)] = 0
    assert outside.max() < 8  # the resampling filter reaches a little over the edge
    assert (centre_of_mass(digit.pixels) >= 13.5).all() and (centre_of_mass(digit.pixels) < 14.5).all()


@pytest.mark.parametrize(("left", "top", "size"), [(0.05, 0.05, 0.6), (0.5, 0.35, 0.6), (0.8, 0.8, 0.15), (0.1, 0.04, 0.9)])
def test_strokes_moved_and_resized_are_the_same_digit(left, top, size):
    reference = from_strokes(seven(), 0.08)
    moved = from_strokes(seven(left, top, size), 0.08 * size / 0.6)
    assert_mnist_style(moved)
    assert difference(reference, moved) < 0.02


@pytest.mark.parametrize(("a", "b"), [(0.02, 0.05), (0.15, 0.3)])
def test_pens_beyond_the_usual_range_are_brought_to_it(a, b):
    assert difference(from_strokes(seven(), a), from_strokes(seven(), b)) < 0.02


@pytest.mark.parametrize("brush", [0.02, 0.08, 0.3])
def test_every_pen_ends_up_like_those_of_mnist(brush):
    digit = from_strokes(seven(), brush)
    x, y = map(int, digit.placed[:2])
    inside = np.pad(digit.pixels, 20)[20 + y:40 + y, 20 + x:40 + x]
    assert drawing.PEN_SEEN[0] <= pen_share(inside) <= drawing.PEN_SEEN[1]
    assert_mnist_style(digit)


def test_box_is_where_the_ink_was_drawn():
    box = from_strokes(seven(0.3, 0.2, 0.5), 0.1).box
    assert box == pytest.approx((0.25, 0.15, 0.65, 0.75))
    assert from_picture(picture(255, 0)).box == pytest.approx((100 / 300, 105 / 400, 215 / 300, 290 / 400), abs=0.06)


@pytest.mark.parametrize("tremble", [0.0, 0.03])
def test_a_dot_is_not_blown_up_to_a_digit(tremble):
    digit = from_strokes([[[0.9, 0.1], [0.9 - tremble, 0.1]]], 0.08)
    across = 28 * 0.08
    assert digit.pixels.sum() / 255 == pytest.approx(math.pi * across**2 / 4 + 28 * tremble * across, rel=0.03)
    left, top, right, bottom = digit.placed
    assert (right - left, bottom - top) == pytest.approx((across + 28 * tremble, across))
    assert digit.pixels[11:17, 11:17].sum() == digit.pixels.sum()


def test_arrays_do_for_lists():
    wanted = from_strokes(seven(), 0.125).pixels.tolist()
    assert from_strokes([np.array(stroke) for stroke in seven()], np.float32(0.125)).pixels.tolist() == wanted
    assert from_strokes([[tuple(np.array(point)) for point in stroke] for stroke in seven()], 0.125).pixels.tolist() == wanted


def test_lists_in_lists_without_end_are_no_strokes():
    deep = [0.5]
    for _ in range(5_000):
        deep = [deep]
    for strokes in (deep, [deep], [[deep]], np.array(0.5), [np.array(0.5)], [[np.array(0.5)]]):
        with pytest.raises(DrawingError, match="Strokes must be"):
            from_strokes(strokes)


def test_a_pen_may_leave_the_canvas():
    assert from_strokes([[[0.5, -0.1], [0.5, 1.2]]]).pixels.tolist() == from_strokes([[[0.5, 0.0], [0.5, 1.0]]]).pixels.tolist()


def test_points_between_points_change_nothing():
    line = [[0.5, 0.2 + 0.6 * k / 500] for k in range(501)]
    assert difference(from_strokes([[line[0], line[-1]]]), from_strokes([line])) < 0.02


def test_a_pixel_is_the_share_of_its_parts_that_the_pen_passed_over():
    """Against the distance from each of 320 x 320 centres to each segment."""
    rng, grid = np.random.default_rng(0), (np.arange(320) + 0.5)[None, :, None]
    for k in range(30):
        lines = [rng.uniform(-5, 325, (n, 2)).round(0 if k % 3 else 9) for n in rng.integers(1, 5, 2)]
        if k % 5 == 0:
            lines[0][:, k % 2] = lines[0][0, k % 2]  # upright or level
        radius, nearest = float(rng.uniform(3, 40)), np.full((320, 320), np.inf)
        for line in lines:
            for a, b in zip(line, line[1:] if len(line) > 1 else line, strict=False):
                to = np.concatenate([np.broadcast_to(grid, (320, 320, 1)), np.broadcast_to(grid.swapaxes(0, 1), (320, 320, 1))], 2) - a
                t = np.clip(to @ (b - a) / max((b - a) @ (b - a), 1e-12), 0, 1)
                nearest = np.minimum(nearest, np.hypot(*np.moveaxis(to - t[..., None] * (b - a), 2, 0)))
        share = (nearest <= radius).reshape(20, 16, 20, 16).mean((1, 3))
        assert np.abs(drawing._drawn(lines, radius) - 255 * share).max() < 1.5  # a centre on the very edge may fall either way


def test_a_long_drawing_is_drawn_in_parts():
    points = [[0.5 + 0.3 * math.cos(k / 300), 0.5 + 0.4 * math.sin(k / 300)] for k in range(2 * drawing.AT_ONCE)]
    assert difference(from_strokes([points]), from_strokes([points[::20]])) < 0.02


@pytest.mark.parametrize("strokes", [
    None, "7", 7, {"x": 1}, [1], ["ab"], [[1, 2]], [[["0.1", "0.2"]]], [[[0.1]]], [[[0.1, 0.2, 0.3]]], [[[True, False]]],
    [[[float("nan"), 0.5]]], [[[float("inf"), 0.5]]], [[[10**400, 0.5]]], [[[5, 0.5]]], [[[None, 0.5]]],
])
def test_strokes_that_are_none_are_refused(strokes):
    with pytest.raises(DrawingError, match="list of points"):
        from_strokes(strokes)


@pytest.mark.parametrize("brush", [0, 0.019, 0.31, -1, float("nan"), None, "0.1", True])
def test_brushes_out_of_range_are_refused(brush):
    with pytest.raises(DrawingError, match=r"between 0\.02 and 0\.3"):
        from_strokes(seven(), brush)


@pytest.mark.parametrize("strokes", [[[[0.5, 0.5]]] * 501, [[[0.5, 0.5]] * 20_001]])
def test_endless_drawings_are_refused(strokes):
    with pytest.raises(DrawingError, match="too long"):
        from_strokes(strokes)


@pytest.mark.parametrize("strokes", [[], [[]], [[], []]])
def test_no_strokes_are_no_ink(strokes):
    with pytest.raises(DrawingError, match="There is no ink in this picture"):
        from_strokes(strokes)


def test_real_digits_pass_unchanged(digits):
    same = [np.abs(from_picture(d).pixels.astype(int) - d).max() <= 1 for d in digits[:2000]]
    assert np.mean(same) >= 0.99  # the others have an unusual pen, or stray grey pixels at the edge of their box


def test_dark_on_light_is_light_on_dark(digits):
    for digit in digits[:200]:
        assert (from_picture(digit).pixels == from_picture(255 - digit).pixels).all()


def test_enlarged_digits_come_back(digits):
    enlarged = [from_picture(np.kron(digit, np.ones((10, 10), np.uint8))) for digit in digits[:200]]
    differences = [difference(Digit(digit, (), ()), large) for digit, large in zip(digits, enlarged, strict=False)]
    assert np.percentile(differences, 95) < 0.15  # the others lie on the border between two whole-pixel shifts


@pytest.mark.parametrize(("paper", "ink"), [
    (0, 255), (200, 120), ((255, 255, 255), (0, 0, 0)), ((20, 40, 90), (250, 220, 30)), ((128, 128, 128), (128, 200, 128)),
    ((0, 0, 0, 0), (0, 0, 0, 255)), ((255, 255, 255, 0), (255, 255, 255, 255)), ((0, 0, 0, 255), (255, 255, 255, 255)),
])
def test_colours_and_transparency_do_not_matter(paper, ink):
    assert difference(from_picture(picture(255, 0)), from_picture(picture(paper, ink))) < 0.02


def test_arrays_pictures_and_files_are_alike(tmp_path):
    image = picture((255, 255, 255), (0, 0, 0))
    image.save(tmp_path / "seven.png")
    array = np.asarray(image)
    path = tmp_path / "seven.png"
    sources = [path, str(path), array, array[..., 0], array[..., 0] / 255, (array / 255).astype(np.float32),
               image.convert("RGBA"), np.asarray(image.convert("RGBA")), image.convert("P"), image.convert("1"),
               Image.fromarray(array[..., 0].astype(np.uint16) * 257), image.convert("F")]
    for source in sources:
        assert (from_picture(source).pixels == from_picture(image).pixels).all()


def test_lossy_files_are_read(tmp_path):
    for name in ("seven.jpg", "seven.webp"):
        picture((255, 255, 255), (0, 0, 0)).save(tmp_path / name, quality=40)
        assert difference(from_picture(picture(255, 0)), from_picture(tmp_path / name)) < 0.15


def test_photographs_lie_as_they_were_taken(tmp_path):
    image = picture((255, 255, 255), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.png", exif=exif)
    assert (from_picture(tmp_path / "turned.png").pixels == from_picture(image).pixels).all()


def test_noise_and_shade_of_a_photograph_are_paper():
    clean = picture(200, 60, (900, 1200), 20)
    noise = np.random.default_rng(0).normal(0, 8, (1200, 900)) + np.linspace(-15, 15, 900)
    photograph = np.uint8((np.asarray(clean) + noise).clip(0, 255))
    assert difference(from_picture(clean), from_picture(photograph)) < 0.25


@pytest.mark.parametrize("width", [1, 3, 90])
def test_hairlines_and_fat_pens_get_a_usual_pen(width):
    image = Image.new("L", (1000, 1000), 255)
    ImageDraw.Draw(image).ellipse((100, 200, 500, 800), outline=0, width=width)
    digit = from_picture(image)
    assert_mnist_style(digit)
    x, y = map(int, digit.placed[:2])
    inside = np.pad(digit.pixels, 20)[20 + y:40 + y, 20 + x:40 + x]
    assert drawing.PEN_SEEN[0] <= pen_share(inside) <= drawing.PEN_SEEN[1]


@pytest.mark.parametrize("blank", [
    np.zeros((28, 28), np.uint8), np.full((50, 40, 3), 255, np.uint8), np.zeros((28, 28, 4), np.uint8), np.zeros((0, 5), np.uint8),
    np.full((30, 30), 0.5), Image.new("1", (9, 9)), Image.new("F", (9, 9)), Image.new("L", (1, 1)), Image.new("L", (0, 0)),
    Image.fromarray(np.random.default_rng(0).normal(60_000, 50, (90, 90)).astype(np.uint16)),  # a blank scan of 16 bits
])
def test_blank_pictures_have_no_ink(blank):
    with pytest.raises(DrawingError, match="There is no ink in this picture"):
        from_picture(blank)


def test_faint_noise_is_no_ink():
    with pytest.raises(DrawingError, match="no ink"):
        from_picture(np.random.default_rng(0).integers(240, 256, (100, 100, 3)).astype(np.uint8))


@pytest.mark.parametrize("array", [
    np.full((28, 28), np.nan), np.full((28, 28), 2.0), np.zeros((28, 28), np.int64), np.zeros(28), np.zeros((2, 28, 28, 3)),
    np.zeros((28, 28, 2), np.uint8), np.array("seven"), np.full((3, 3), None),
])
def test_arrays_that_are_no_pictures_are_refused(array):
    with pytest.raises(DrawingError, match="A picture as an array must be"):
        from_picture(array)


def test_other_sources_are_refused(tmp_path):
    for source in (None, 7, [[0, 1]], b"seven"):
        with pytest.raises(DrawingError, match="must be a path"):
            from_picture(source)
    with pytest.raises(DrawingError, match="There is no file"):
        from_picture(tmp_path / "nothing.png")


def test_files_that_are_no_pictures_are_refused(tmp_path):
    picture(255, 0).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:200])
    (tmp_path / "notes.png").write_text("not a picture")
    (tmp_path / "empty.png").touch()
    for name in ("half.png", "notes.png", "empty.png", "", "a\0b"):
        with pytest.raises(DrawingError, match="This file is not a picture"):
            from_picture(f"{tmp_path}/{name}")


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds no pixels: who decodes it fails."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) + chunk(b"IDAT", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(4097, 10), (10, 4097), (10_000, 10_000), (20_000, 20_000)])
def test_too_large_pictures_are_refused_before_they_are_decoded(tmp_path, size):
    (tmp_path / "large.png").write_bytes(png_header(*size))
    with pytest.raises(DrawingError, match="Up to 4,096 pixels a side"):
        from_picture(tmp_path / "large.png")


def test_too_large_arrays_and_images_are_refused():
    for source in (np.zeros((4097, 2), np.uint8), Image.new("L", (2, 4097))):
        with pytest.raises(DrawingError, match="Up to 4,096 pixels a side"):
            from_picture(source)


def test_the_largest_picture_is_read():
    image = picture(255, 0).resize((3072, 4096), Image.Resampling.NEAREST)
    assert difference(from_picture(picture(255, 0)), from_picture(image)) < 0.1
