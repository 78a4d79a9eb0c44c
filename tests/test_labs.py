"""The plain Python calls, on the shipped checkpoints: what they return, and what they refuse."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

import mnist_lab
from mnist_lab import labs
from mnist_lab.labs import ClassifierLab, DiffusionLab, GanLab, open_lab, slerp


@pytest.fixture(scope="module")
def diffusion(store) -> DiffusionLab:
    return open_lab("diffusion", store)


@pytest.fixture(scope="module")
def gan(store) -> GanLab:
    return open_lab("gan", store)


@pytest.fixture(scope="module")
def classifier(store) -> ClassifierLab:
    return open_lab("classifier", store)


def same(a: list[Image.Image], b: list[Image.Image]) -> bool:
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def is_digit_picture(picture: Image.Image) -> bool:
    return (picture.size, picture.mode) == ((28, 28), "L")


# Opening


def test_labs_open_by_name(store):
    assert isinstance(open_lab("classifier", store), ClassifierLab)
    assert open_lab("lenet", store).network is store["lenet"]
    assert open_lab("classifier", store).network is store["resnet"]
    assert isinstance(open_lab("gan", store), GanLab)
    assert isinstance(open_lab("diffusion", store), DiffusionLab)


def test_an_unknown_lab_is_answered_with_the_known():
    with pytest.raises(ValueError, match="classifier, gan or diffusion"):
        mnist_lab.load("transformer")


# Diffusion


def test_generate_returns_pictures(diffusion):
    pictures = diffusion.generate(digit=8, n=3, steps=3, seed=7)
    assert len(pictures) == 3
    assert all(map(is_digit_picture, pictures))
    assert not np.array_equal(pictures[0], pictures[1])


def test_generate_is_decided_by_the_seed(diffusion):
    assert same(diffusion.generate(8, 2, steps=3, seed=7), diffusion.generate(8, 2, steps=3, seed=7))
    assert not same(diffusion.generate(8, 2, steps=3, seed=7), diffusion.generate(8, 2, steps=3, seed=8))


def test_generate_without_a_digit_and_with_several(diffusion):
    assert len(diffusion.generate(n=2, steps=2)) == 2
    assert len(diffusion.generate([1, 2, None], steps=2)) == 3
    rows = diffusion.generate([1, 2], n=2, steps=2)
    assert not np.array_equal(rows[0], rows[2])  # the same digit again is another one


def test_the_same_noise_for_different_labels(diffusion):
    first = next(iter(diffusion.frames(diffusion.sampling([1, 2, 3], steps=2))))
    assert torch.equal(first.x[0], first.x[1])
    assert torch.equal(first.x[0], first.x[2])
    other = next(iter(diffusion.frames(diffusion.sampling([1, 2, 3], steps=2, same_noise=False))))
    assert not torch.equal(other.x[0], other.x[1])


def test_the_noise_is_the_same_whatever_else_is_chosen(diffusion):
    def noise(**settings):
        return next(iter(diffusion.frames(diffusion.sampling([4], seed=5, **settings)))).x

    assert torch.equal(noise(steps=2), noise(steps=9, sampler="ddpm", schedule="linear", guidance=2.0))


def test_frames_stay_within_the_trained_levels(diffusion):
    low, high = diffusion.range
    for schedule in labs.SCHEDULES:
        alpha_bar = diffusion.levels(diffusion.sampling([0], steps=1000, schedule=schedule, beta_last=0.5 if schedule == "linear" else 0.02))
        assert low <= alpha_bar[:-1].min()
        assert alpha_bar[:-1].max() <= high


@pytest.mark.parametrize("settings", [
    {"steps": 0}, {"steps": 10_001}, {"steps": 1001}, {"steps": 2.5}, {"steps": True}, {"steps": "50"},
    {"steps": math.nan}, {"steps": math.inf}, {"steps": 10**400},
    {"guidance": math.nan}, {"guidance": -1}, {"guidance": 8.1}, {"guidance": "strong"}, {"guidance": True},
    {"eta": -0.1}, {"eta": 1.1}, {"eta": math.nan},
    {"sampler": "euler"}, {"sampler": None}, {"sampler": ["ddim"]}, {"schedule": "stairs"}, {"schedule": 3},
    {"seed": -1}, {"seed": 2**31}, {"seed": False}, {"seed": 0.5}, {"seed": None},
    {"digit": 10}, {"digit": -1}, {"digit": True}, {"digit": "8"}, {"digit": 1.5}, {"digit": []}, {"digit": [3, 11]},
    {"n": 0}, {"n": 1001}, {"n": True}, {"n": None},
    {"beta_first": 0.0}, {"beta_first": math.nan}, {"beta_first": 0.03}, {"beta_last": 0.9}, {"beta_last": math.nan},
], ids=str)
def test_bad_settings_are_one_sentence(diffusion, settings):
    with pytest.raises(ValueError) as caught:
        diffusion.generate(**{"digit": 8, "steps": 1, **settings})
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_whole_floats_are_taken_as_a_web_client_sends_them(diffusion):
    assert same(diffusion.generate(8.0, steps=2.0, seed=1.0), diffusion.generate(8, steps=2, seed=1))


# GAN


def test_gan_generates_by_seed(gan):
    pictures = gan.generate(digit=3, n=4, seed=1)
    assert len(pictures) == 4
    assert all(map(is_digit_picture, pictures))
    assert same(pictures, gan.generate(digit=3, n=4, seed=1))
    assert not same(pictures, gan.generate(digit=3, n=4, seed=2))


@pytest.mark.parametrize("path", labs.PATHS)
def test_a_morph_ends_where_its_seeds_are(gan, path):
    morph = gan.interpolate(digit=2, seeds=(11, 12), path=path, n=9)
    assert len(morph) == 9
    for end, seed in ((morph[0], 11), (morph[-1], 12)):
        difference = np.abs(np.asarray(end, int) - np.asarray(gan.generate(2, seed=seed)[0], int))
        assert difference.max() <= 1


def test_a_morph_between_two_digits_ends_at_each(gan):
    morph = gan.interpolate(digit=(2, 7), seeds=(11, 12), n=5)
    for end, digit, seed in ((morph[0], 2, 11), (morph[-1], 7, 12)):
        assert np.abs(np.asarray(end, int) - np.asarray(gan.generate(digit, seed=seed)[0], int)).max() <= 1


def test_the_spherical_path_keeps_the_norm_and_the_straight_one_cuts_through(gan):
    spherical, straight = (gan.walk(2, (11, 12), path, 21)[0].norm(dim=1) for path in ("spherical", "linear"))
    even = torch.lerp(spherical[0], spherical[-1], torch.linspace(0, 1, 21))
    torch.testing.assert_close(spherical, even, rtol=1e-5, atol=1e-5)
    assert straight[10] < 0.9 * even[10]


def test_slerp_turns_evenly():
    points = slerp(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0]), torch.tensor([[0.0], [0.5], [1.0]]))
    torch.testing.assert_close(points, torch.tensor([[2.0, 0.0], [2**0.5, 2**0.5], [0.0, 2.0]]))


def test_slerp_between_equal_ends_stays_there():
    a = torch.tensor([0.3, -1.0, 2.0])
    torch.testing.assert_close(slerp(a, a, torch.linspace(0, 1, 3)[:, None]), a.expand(3, 3))


@pytest.mark.parametrize("arguments", [
    {"path": "zigzag"}, {"path": None}, {"n": 1}, {"n": 1001}, {"seeds": (1,)}, {"seeds": (1, 2, 3)}, {"seeds": 5}, {"seeds": (1, -2)},
    {"digit": 10}, {"digit": (1, 2, 3)}, {"digit": "2"}, {"digit": True},
], ids=str)
def test_bad_morphs_are_one_sentence(gan, arguments):
    with pytest.raises(ValueError) as caught:
        gan.interpolate(**arguments)
    assert str(caught.value).endswith(".")


# The classifier, and what it thinks of the others


def test_the_verdict_adds_up(classifier, test_digits):
    verdict = classifier.classify(test_digits.images[0].numpy())
    assert verdict.probabilities.shape == (10,)
    assert verdict.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    assert verdict.digit == verdict.probabilities.argmax()
    assert verdict.seen.shape == (28, 28)
    assert str(verdict).startswith(f"{verdict.digit} (")


def test_path_picture_and_array_are_read_alike(classifier, test_digits, tmp_path):
    array = test_digits.images[0].numpy()
    picture, path = Image.fromarray(array), tmp_path / "digit.png"
    picture.save(path)
    verdicts = [classifier.classify(source) for source in (array, picture, path, str(path))]
    assert all(np.array_equal(v.probabilities, verdicts[0].probabilities) for v in verdicts)


@pytest.mark.parametrize("bad", [np.zeros((28, 28), np.uint8), np.full((4, 4), math.nan), "missing.png", 3, None, np.zeros((2, 2, 7), np.uint8)], ids=str)
def test_what_is_no_digit_is_one_sentence(classifier, bad):
    with pytest.raises(ValueError):
        classifier.classify(bad)


def test_the_best_classifier_reads_test_digits(classifier, test_digits):
    some = test_digits[:500]
    read = [classifier.classify(image).digit for image in some.images.numpy()]
    assert np.mean(np.array(read) == some.labels.numpy()) >= 0.99


@pytest.mark.slow
@pytest.mark.parametrize(("maker", "least"), [("diffusion", 0.95), ("gan", 0.9)])
def test_samples_are_read_as_asked(store, classifier, maker, least):
    lab = open_lab(maker, store)
    extra = {"steps": 25} if maker == "diffusion" else {}
    pictures = [(digit, p) for digit in range(10) for p in lab.generate(digit, 10, seed=digit, **extra)]
    assert np.mean([classifier.read(np.asarray(p)).digit == digit for digit, p in pictures]) >= least
