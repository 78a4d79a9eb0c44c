"""Latent space: paths and slices against closed forms; directions, inversion and the judge on the shipped generator."""

import copy
import math

import numpy as np
import pytest
import torch

from mnist_lab import latent
from mnist_lab.data import one_hot, to_model
from mnist_lab.explain import judge
from mnist_lab.labs import GanLab
from mnist_lab.latent import MEASURES, PATHS
from mnist_lab.latent.directions import closed_form, effects, mixed, principal, spread
from mnist_lab.latent.inversion import pixel_error

SIZE = 64


@pytest.fixture(scope="module")
def gan(store) -> GanLab:
    return GanLab(store)


def pixels(picture) -> torch.Tensor:
    return torch.tensor(np.asarray(picture, np.float32))


def normals(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, SIZE, generator=torch.Generator().manual_seed(seed))


# ---- paths


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stops", [2, 3, 8])
def test_a_path_meets_every_stop_exactly(path, stops):
    points = normals(stops)
    assert torch.equal(latent.walk(points, torch.linspace(0, 1, stops), path), points)


def test_a_spherical_path_keeps_the_norm_of_equal_ends():
    points = normals(4)
    points = points / points.norm(dim=1, keepdim=True) * 8
    way = latent.walk(points, torch.linspace(0, 1, 100), "spherical")
    torch.testing.assert_close(way.norm(dim=1), torch.full((100,), 8.0), rtol=1e-5, atol=1e-5)


def test_the_path_through_the_centre_passes_zero_between_all_stops():
    way = latent.walk(normals(3), torch.tensor([0.25, 0.75]), "centre")
    assert torch.equal(way, torch.zeros(2, SIZE))


def test_the_paths_differ_halfway():
    points = normals(2)
    lengths = [float(latent.walk(points, torch.tensor([0.5]), path).norm()) for path in PATHS]
    assert lengths[2] == 0 < lengths[0] < 0.85 * lengths[1]


@pytest.mark.parametrize("other", [lambda a: a, lambda a: -a, torch.zeros_like], ids=["equal", "opposite", "zero"])
def test_where_there_is_no_arc_the_path_is_straight(other):
    points = torch.stack([normals(1)[0], other(normals(1)[0])])
    t = torch.linspace(0, 1, 5)
    torch.testing.assert_close(latent.walk(points, t, "spherical"), latent.walk(points, t, "linear"))


# ---- the plane


@pytest.mark.parametrize("third", ["centre", "latent"])
def test_a_slice_holds_its_three_points(third):
    points = normals(3)
    if third == "centre":
        points[2] = 0
    flat = latent.plane(points)
    torch.testing.assert_close(flat.at(flat.find(points)), points, rtol=1e-4, atol=1e-4)
    a, b = flat.find(points[:2])
    assert a[0] < 0 < b[0]  # left and right
    assert a[1] > 0 and b[1] > 0  # above the centre
    torch.testing.assert_close(torch.stack([flat.right, flat.up]) @ torch.stack([flat.right, flat.up]).T, torch.eye(2), atol=1e-5, rtol=0)
    assert abs(float(flat.centre @ flat.right)) < 1e-4  # the centre is the point nearest to zero


def test_the_ring_of_a_slice_is_where_latents_have_the_usual_length():
    flat = latent.plane(normals(3))
    angle = torch.linspace(0, 2 * math.pi, 9)
    on_it = flat.at(flat.ring * torch.stack([angle.cos(), angle.sin()], dim=1))
    torch.testing.assert_close(on_it.norm(dim=1), torch.full((9,), math.sqrt(SIZE)), rtol=1e-4, atol=1e-4)
    assert latent.plane(torch.cat([normals(2), torch.zeros(1, SIZE)])).ring == 1


def test_points_on_a_line_span_no_slice():
    with pytest.raises(ValueError, match="one line"):
        latent.plane(normals(1) * torch.tensor([[0.0], [1.0], [2.0]]))


# ---- measures


def line(slope: float, width: int = 2, length: int = 20) -> torch.Tensor:
    """A stroke down the middle (28, 28) that moves `slope` pixels to the left a row."""
    image = torch.zeros(28, 28)
    for y in range(28 - length >> 1, 28 + length >> 1):
        x = round(14 - slope * (y - 14))
        image[y, x - width // 2:x + width - width // 2] = 1
    return image


def measures(image: torch.Tensor) -> dict[str, float]:
    return dict(zip(MEASURES, latent.measure(image[None])[0].tolist(), strict=True))


@pytest.mark.parametrize("degrees", [-30, 0, 20])
def test_slant_is_the_angle_of_a_stroke(degrees):
    assert measures(line(math.tan(math.radians(degrees))))["slant"] == pytest.approx(degrees, abs=2)


def test_the_width_of_a_long_stroke_and_its_ink():
    for width in (2, 4):
        told = measures(line(0, width))
        assert told["stroke"] == pytest.approx(2 * width * 20 / (2 * (width + 20)), rel=0.06)  # twice the area over the perimeter
        assert told["ink"] == pytest.approx(100 * width * 20 / 784)


def test_a_disc_is_round_and_a_stroke_is_not():
    y, x = torch.meshgrid(torch.arange(28) - 13.5, torch.arange(28) - 13.5, indexing="ij")
    disc, oval = ((x**2 + y**2) < 64).float(), ((x**2 / 4 + y**2) < 25).float()
    assert measures(disc)["roundness"] == pytest.approx(1, abs=0.01)
    assert measures(disc)["aspect"] == pytest.approx(1, abs=0.01)
    assert measures(oval)["aspect"] == pytest.approx(2, rel=0.1)
    assert measures(line(0))["roundness"] < 0.15


# ---- directions


def test_the_closed_form_gives_right_angled_directions_strongest_first(gan):
    vectors = closed_form(gan.generator, SIZE)
    torch.testing.assert_close(vectors @ vectors.T, torch.eye(SIZE), atol=1e-4, rtol=0)
    weight = torch.nn.functional.normalize(gan.generator.dense.weight.detach()[:, :SIZE], dim=1)
    moved = (weight @ vectors.T).norm(dim=0)
    assert (moved.diff() <= 1e-4).all()


def test_a_mix_undoes_what_its_parts_also_change():
    """Two directions whose effects are known: the mix for the first measure changes hardly anything else."""
    strength = torch.tensor([[10.0, 0, 0, 0, 0], [8.0, 10, 0, 0, 0]])
    slant, stroke = (mixed(torch.eye(2), strength) @ strength)[:2]
    assert abs(slant[1]) < 0.1 * slant[0]
    assert abs(stroke[0]) < 0.1 * stroke[1]


def test_each_named_direction_changes_its_measure_more_than_any_other(gan):
    """On latents that were not used to find it."""
    found = gan.directions()
    strongest = [d.effects[d.name] for d in found]
    assert strongest == sorted(strongest, reverse=True) and strongest[0] > 3
    assert {d.name for d in found} == set(MEASURES)
    z, label = normals(60, seed=99), one_hot(torch.arange(60) % 10)
    strength = effects(gan.generator, torch.stack([d.vector for d in found]), z, label) / spread(gan.generator, z, label)
    for row, d in zip(strength, found, strict=True):
        assert row[list(MEASURES).index(d.name)] == row.abs().max(), d.name
        assert float(d.vector.norm()) == pytest.approx(1, abs=1e-4)


def test_an_edit_does_what_its_direction_says(gan):
    z = normals(1)[0]
    slants = [measures(pixels(gan.edit(z, 7, slant=amount)) / 255)["slant"] for amount in (-2, 0, 2)]
    assert slants[0] + 8 < slants[1] < slants[2] - 8


# ---- back from a picture


def test_inversion_lowers_the_distance_on_ten_digits(gan, validation_digits):
    for digit in range(10):
        picture = to_model(validation_digits.images[validation_digits.labels == digit][3][None])
        x, labels, z = gan.search(picture_pixels(picture), None)
        begun = latent.begin(gan.generator, x, labels, z)
        done = latent.advance(gan.generator, x, begun, 20)
        assert (done.error < begun.error).all()
        assert done.error.min() < 0.7 * begun.error.min()


def picture_pixels(x: torch.Tensor):
    return ((x[0, 0, 2:-2, 2:-2] + 1) * 127.5).round().to(torch.uint8).numpy()


def test_a_search_in_pieces_is_the_search_in_one(gan):
    x = gan.generator(normals(1), one_hot(torch.tensor([3]))).detach()
    begun = latent.begin(gan.generator, x, one_hot(torch.full((16,), 3)), normals(16, seed=5), restarts=2)
    whole = latent.advance(gan.generator, x, begun, 6)
    pieces = latent.advance(gan.generator, x, latent.advance(gan.generator, x, begun, 2), 4)
    assert torch.equal(whole.z, pieces.z)
    assert whole.step == pieces.step == 6


def test_the_first_guesses_are_the_nearest_of_those_tried(gan):
    z, labels = normals(32), one_hot(torch.full((32,), 5))
    x = gan.generator(z[7:8], labels[:1]).detach()
    begun = latent.begin(gan.generator, x, labels, z, restarts=4)
    assert torch.equal(begun.z[0], z[7])
    assert begun.error[0] < 1e-5
    assert (begun.error.diff() >= 0).all()
    assert torch.equal(begun.error, pixel_error(gan.generator(begun.z, begun.label), x))


def test_an_unsure_guess_tries_two_labels():
    sure, torn = torch.full((10,), 0.01), torch.full((10,), 0.01)
    sure[3], torn[3], torn[8] = 0.91, 0.5, 0.42
    assert latent.guess_labels(sure, 4).argmax(1).tolist() == [3, 3, 3, 3]
    assert latent.guess_labels(torn, 4).argmax(1).tolist() == [3, 8, 3, 8]


def test_the_seed_decides_everything(gan):
    assert torch.equal(gan.latent(7, 3), gan.latent(7, 3))
    picture = gan.generate(digit=4, seed=1)[0]
    first, again = (gan.invert(picture, digit=4, steps=3) for _ in range(2))
    assert torch.equal(first.z, again.z)
    assert first.digit == 4


# ---- the judge


def test_obeying_raises_the_score_at_every_step(gan, validation_digits):
    for k in (0, 5, 9):
        picture, digit = validation_digits.images[k].numpy(), int(validation_digits.labels[k])
        scores = [gan.judge(picture, digit)[0], *(score for score, _ in gan.obey(picture, digit, 4))]
        assert len(scores) == 5
        assert scores == sorted(set(scores))


def test_the_wish_is_the_slope_of_the_score(store):
    """Against a difference quotient, at a pixel of middle grey; in double precision, for a step too small to cross a kink."""
    discriminator, label = copy.deepcopy(store["discriminator"]).double(), one_hot(torch.tensor([4])).double()
    x = torch.zeros(1, 1, 32, 32).double()
    score, wish = judge.wish(discriminator, x, label)
    moved = x.clone()
    moved[0, 0, 12, 15] += 1e-6
    with torch.no_grad():
        slope = (discriminator(moved, label).item() - score) / 1e-6
    assert float(wish[10, 13]) == pytest.approx(slope, rel=1e-3)


def test_nothing_impossible_is_wished_for(store):
    label = one_hot(torch.tensor([4]))
    assert judge.wish(store["discriminator"], torch.full((1, 1, 32, 32), -1.0), label)[1].min() >= 0  # paper can't lose ink
    assert judge.wish(store["discriminator"], torch.full((1, 1, 32, 32), 1.0), label)[1].max() <= 0


# ---- the lab's calls


def test_a_ring_comes_back_to_its_first_stop(gan):
    pictures = gan.ring((2, 7, 3), (11, 12, 5), n=13)
    assert len(pictures) == 13
    assert pictures[0].tobytes() == pictures[-1].tobytes()
    assert pictures[0].tobytes() == gan.generate(2, seed=11)[0].tobytes()


def test_a_place_of_a_slice_is_a_picture(gan):
    flat = gan.plane((11, 12))
    x, y = flat.find(gan.latent(11))[0].tolist()
    there = pixels(gan.at(x, y, seeds=(11, 12), digit=2))
    assert (there - pixels(gan.generate(2, seed=11)[0])).abs().max() <= 2
    assert gan.at(0, 0, digit=2, blend=(8, 0.5)).tobytes() != gan.at(0, 0, digit=2).tobytes()


def test_the_latent_of_a_seed_can_be_edited_as_it_comes(gan):
    z = gan.latent(5)
    assert gan.edit(z, 3, slant=1.5).tobytes() == gan.edit(z[0], 3, slant=1.5).tobytes()


def test_finding_directions_leaves_the_caller_s_random_numbers_alone(gan):
    torch.manual_seed(1)
    wanted = torch.randn(3)
    torch.manual_seed(1)
    principal(gan.generator, gan.latent(0, 40), gan.label(3).expand(40, -1), 4)
    assert torch.equal(torch.randn(3), wanted)


@pytest.mark.parametrize("seeds", [(1, 1), (1, 2, 1.0)])
def test_equal_seeds_span_no_slice(gan, seeds):
    with pytest.raises(ValueError, match="give each its own"):
        gan.plane(seeds)


@pytest.mark.parametrize("call", [
    lambda g: g.ring((1,), (2,)), lambda g: g.ring((1, 2), (3,)), lambda g: g.ring(range(9), range(9)), lambda g: g.ring((1, 2), (3, 4), path="zigzag"),
    lambda g: g.plane((1,)), lambda g: g.plane("12"), lambda g: g.plane((1, 1)), lambda g: g.at(math.nan, 0), lambda g: g.at(0, 0, wildness=-1),
    lambda g: g.label(2, (8,)), lambda g: g.label(2, (10, 0.5)), lambda g: g.label(2, (8, 2)), lambda g: g.edit(torch.zeros(64), 2, charm=1.0),
    lambda g: g.ring(3, 4), lambda g: g.latent(5, -1), lambda g: g.edit(torch.zeros(2, 64), 2),
    lambda g: g.through(g.latent(5), g.label(3), "linear", 4), lambda g: g.through(g.latent(5, 3), g.label(3), "linear", 4),
    lambda g: g.through(g.latent(5)[0], g.label(3), "linear", 4), lambda g: g.generate(2, wildness=9),
    lambda g: g.obey(torch.zeros(28, 28).byte().numpy(), 2, 0), lambda g: g.judge(torch.zeros(28, 28).byte().numpy(), 10),
], ids=range(22))
def test_bad_arguments_are_one_sentence(gan, call):
    with pytest.raises(ValueError) as caught:
        call(gan)
    assert str(caught.value).endswith(".")
