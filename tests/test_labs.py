"""The plain Python calls, on the shipped checkpoints: what they return, and what they refuse."""

import math

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

import mnist_lab
from mnist_lab import labs
from mnist_lab.data import to_pictures
from mnist_lab.diffusion import SCHEDULES
from mnist_lab.drawing import from_picture, from_strokes
from mnist_lab.labs import ClassifierLab, DiffusionLab, GanLab, digit_input, open_lab
from mnist_lab.latent import PATHS, slerp


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
    assert open_lab("unet", store).network is store["unet"]


def test_a_classifier_opens_by_its_file(store):
    digit = (np.indices((28, 28))[1] // 2 == 6).astype(np.uint8) * 255
    by_file, by_name = mnist_lab.load(str(store.path("lenet"))), open_lab("lenet", store)
    assert np.array_equal(by_file.classify(digit).probabilities, by_name.classify(digit).probabilities)
    with pytest.raises(ValueError, match="does not read digits"):
        mnist_lab.load(str(store.path("gan")))


def test_a_network_brings_the_run_it_is_made_for(store):
    usual = {name: open_lab(name, store).sampling([3]) for name in ("diffusion", "student", "unet")}
    assert {name: (s.sampler, s.steps) for name, s in usual.items()} == {"diffusion": ("ddim", 50), "student": ("consistency", 4), "unet": ("ddim", 50)}
    assert open_lab("student", store).sampling([3], steps=1, sampler="ddim").steps == 1


def test_a_lab_opens_by_a_path(store):
    by_path, by_text = (open_lab(name) for name in (store.path("lenet"), str(store.path("lenet"))))
    assert type(by_path) is type(by_text) is ClassifierLab


@pytest.mark.parametrize("name", [None, 3])
def test_what_is_no_name_is_one_sentence(name):
    with pytest.raises(ValueError, match="Choose classifier"):
        open_lab(name)


def test_an_unknown_lab_is_answered_with_the_known():
    with pytest.raises(ValueError, match="classifier, gan, diffusion, student or unet"):
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
    for schedule in SCHEDULES:
        alpha_bar = diffusion.levels(diffusion.sampling([0], steps=1000, schedule=schedule, beta_last=0.5 if schedule == "linear" else 0.02))
        assert low <= alpha_bar[:-1].min()
        assert alpha_bar[:-1].max() <= high


@pytest.mark.parametrize("settings", [
    {"steps": 0}, {"steps": 10_001}, {"steps": 1001}, {"steps": 2.5}, {"steps": True}, {"steps": "50"},
    {"steps": math.nan}, {"steps": math.inf}, {"steps": 10**400},
    {"guidance": math.nan}, {"guidance": -1}, {"guidance": 8.1}, {"guidance": "strong"}, {"guidance": True},
    {"eta": -0.1}, {"eta": 1.1}, {"eta": math.nan},
    {"sampler": "euler"}, {"sampler": ["ddim"]}, {"schedule": "stairs"}, {"schedule": 3},
    {"seed": -1}, {"seed": 2**31}, {"seed": False}, {"seed": 0.5}, {"seed": None},
    {"digit": 10}, {"digit": -1}, {"digit": True}, {"digit": "8"}, {"digit": 1.5}, {"digit": []}, {"digit": [3, 11]},
    {"n": 0}, {"n": 1001}, {"n": True}, {"n": None},
    {"beta_first": 0.0}, {"beta_first": math.nan}, {"beta_first": 0.03}, {"beta_last": 0.9}, {"beta_last": math.nan},
    {"variance": "middle"}, {"variance": None}, {"negative": 10}, {"negative": -1}, {"negative": "4"}, {"negative": True},
    {"interval": (0.6, 0.4)}, {"interval": (0.5,)}, {"interval": 0.5}, {"interval": "ab"}, {"interval": (0, 2)}, {"interval": (math.nan, 1)},
    {"offset": -1}, {"start": 4}, {"tau": 0}, {"rho": 0.5}, {"rho": "7"}, {"loops": 3},
    {"curve": [0.5]}, {"curve": "0.1"}, {"curve": 0.5}, {"curve": [0, 2]}, {"curve": [0, math.nan]}, {"curve": [0, "1"]}, {"curve": [0.5] * 1002},
], ids=str)
def test_bad_settings_are_one_sentence(diffusion, settings):
    with pytest.raises(ValueError) as caught:
        diffusion.generate(**{"digit": 8, "steps": 1, **settings})
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


def test_whole_floats_are_taken_as_a_web_client_sends_them(diffusion):
    assert same(diffusion.generate(8.0, steps=2.0, seed=1.0), diffusion.generate(8, steps=2, seed=1))


RUNS = [{}, {"eta": 0.5}, {"sampler": "ddpm"}, {"sampler": "ddpm", "variance": "large"}, {"sampler": "dpm"}, {"sampler": "heun"}, {"sampler": "ipndm"},
        {"sampler": "consistency"}, {"sampler": "consistency", "schedule": "freehand", "curve": [0.1, 0.3, 0.3, 0.3, 0.9, 1.0]}]


@pytest.mark.parametrize("settings", RUNS, ids=str)
def test_a_branch_with_nothing_changed_is_the_original_run(diffusion, settings):
    s = diffusion.sampling([3, None], steps=7, guidance=1, seed=5, **settings)
    film = list(diffusion.frames(s))
    branch = list(diffusion.continue_from(film[4], s, past=film[:4]))
    assert [f.step for f in branch] == [4, 5, 6, 7]
    assert all(torch.equal(a.x, b.x) and a.alpha_bar == b.alpha_bar for a, b in zip(film[4:], branch, strict=True))


def test_a_branch_goes_on_from_its_frame_with_other_settings(diffusion):
    film = list(diffusion.frames(diffusion.sampling([3], steps=4, guidance=1)))
    other = diffusion.sampling([3, 5, 8], steps=9, guidance=2, sampler="dpm", schedule="karras")
    branch = list(diffusion.continue_from(film[2], other))
    assert all(torch.equal(row, film[2].x[0]) for row in branch[0].x)
    assert branch[0].alpha_bar == film[2].alpha_bar
    assert branch[-1].alpha_bar == 1
    assert not torch.equal(branch[-1].x[0], branch[-1].x[1])


def test_sixteen_branches_differ_by_their_noise(diffusion):
    film = list(diffusion.frames(diffusion.sampling([3], steps=4, guidance=1)))
    branches = diffusion.sampling([3] * 16, steps=4, guidance=1, sampler="ddpm", same_noise=False)
    *_, last = diffusion.continue_from(film[1], branches)
    assert len({row.numpy().tobytes() for row in last.x}) == 16


@pytest.mark.parametrize("step", [3, 4])
def test_what_cannot_branch_is_one_sentence(diffusion, step):
    film = list(diffusion.frames(diffusion.sampling([1, 2, 3], steps=4, guidance=1)))
    labels = [1, 2] if step == 3 else [1, 2, 3]
    with pytest.raises(ValueError, match=r"\.$"):
        list(diffusion.continue_from(film[step], diffusion.sampling(labels, steps=4)))


def test_guidance_acts_in_its_interval_only(diffusion):
    def film(**settings):
        return [f.x for f in diffusion.frames(diffusion.sampling([4], steps=6, **settings))]

    plain, late, whole = film(guidance=1), film(guidance=4, interval=(0.5, 1)), film(guidance=4)
    assert all(torch.equal(a, b) for a, b in zip(plain[:4], late[:4], strict=True))
    assert not torch.equal(plain[4], late[4])
    assert not torch.equal(plain[1], whole[1])
    assert all(torch.equal(a, b) for a, b in zip(film(guidance=4, interval=(0.4, 0.4)), plain, strict=True))


def test_a_negative_label_keeps_away_from_its_digit(diffusion, classifier):
    settings = {"n": 4, "steps": 8, "guidance": 3.0, "sampler": "dpm"}
    towards = diffusion.generate(None, **{**settings, "guidance": 0.0}, negative=4)  # at 0 only the negative label is left
    away = diffusion.generate(None, **settings, negative=4)
    fours = [sum(classifier.read(np.asarray(p)).digit == 4 for p in made) for made in (towards, away)]
    assert fours[0] >= 3
    assert fours[1] == 0


def test_a_curve_by_hand_decides_the_levels(diffusion):
    low, high = diffusion.range
    s = diffusion.sampling([1], steps=4, schedule="freehand", curve=[0.3, 0.5, 0.6, 1.0, 1.0])
    assert diffusion.levels(s).tolist() == pytest.approx([low, 0.5, 0.6, high, 1.0])


def test_arrays_do_for_lists(diffusion):
    s = diffusion.sampling(np.array([3, 4]), steps=np.int64(2), interval=np.array([0, 0.5]), curve=diffusion.levels(diffusion.sampling([3], steps=4)))
    assert s == diffusion.sampling([3, 4], steps=2, interval=(0, 0.5), curve=diffusion.levels(diffusion.sampling([3], steps=4)).tolist())
    picture, levels = np.zeros((28, 28), np.uint8), diffusion.levels(s)
    assert torch.equal(diffusion.noise(picture, levels), diffusion.noise(picture, levels.tolist()))


def test_each_picture_may_have_its_own_noise(diffusion):
    shared, own = ([np.asarray(p) for p in diffusion.generate([8, 8], steps=2, same_noise=same)] for same in (True, False))
    assert np.array_equal(*shared)
    assert not np.array_equal(*own)


@pytest.mark.parametrize("call", [
    lambda d: d.sampling(3), lambda d: d.sampling("3"), lambda d: d.guesses(torch.zeros(1, 1, 32, 32), 0.5, 4), lambda d: d.noise_between((1, 2, 3)),
    lambda d: d.noise_between(1), lambda d: list(d.frames(d.sampling([3], steps=1), torch.zeros(5, 1, 32, 32))),
], ids=range(6))
def test_lists_that_are_none_are_one_sentence(diffusion, call):
    with pytest.raises(ValueError) as caught:
        call(diffusion)
    assert str(caught.value).endswith(".")


def test_pictures_of_the_labs_come_back_pixel_by_pixel(diffusion, gan):
    for picture in (diffusion.generate(8, steps=4)[0], gan.generate(3)[0]):
        for given in (picture, np.asarray(picture)):
            assert np.array_equal(to_pictures(digit_input(given))[0].numpy(), np.asarray(picture))


def test_dark_on_light_is_turned_round(gan):
    picture = gan.generate(3)[0]
    light = ImageOps.invert(picture)
    for given in (light, np.asarray(light), np.asarray(light) / 255):
        assert np.array_equal(to_pictures(digit_input(given))[0].numpy(), from_picture(light).pixels)


def test_noise_at_its_ends(diffusion, validation_digits):
    digit = validation_digits.images[0].numpy()
    clean, noise = diffusion.noise(digit, 1.0)[0], diffusion.noise(digit, 0.0, seed=3)[0]
    assert torch.equal(clean, labs.digit_input(digit)[0])
    first = next(iter(diffusion.frames(diffusion.sampling([0], steps=1, seed=3)))).x[0]
    assert torch.equal(noise, first)  # the noise of that seed
    assert torch.equal(diffusion.noise(digit, [0.0, 1.0], seed=3), torch.stack([noise, clean]))


def test_noises_between_two_seeds_are_as_long_as_noise(diffusion):
    way = diffusion.noise_between((1, 2), 5)
    ends = [next(iter(diffusion.frames(diffusion.sampling([0], steps=1, seed=seed)))).x[0] for seed in (1, 2)]
    torch.testing.assert_close(way[[0, -1]], torch.stack(ends), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(way.flatten(1).norm(dim=1), torch.lerp(*(e.norm() for e in ends), torch.linspace(0, 1, 5)), rtol=1e-4, atol=1e-4)


def test_one_look_is_sharper_the_less_noise_there_is(diffusion, validation_digits):
    digit, levels = validation_digits.images[0].numpy(), [0.0, 0.2, 0.9]
    guesses = diffusion.denoise_once(diffusion.noise(digit, levels), levels)
    error = (guesses - labs.digit_input(digit)).square().mean((1, 2, 3))
    assert error[0] > 2 * error[1] > 4 * error[2]


def test_an_edit_keeps_more_the_weaker_it_is(diffusion, validation_digits):
    digit = validation_digits.images[0].numpy()

    def distance(strength: float) -> tuple[int, float]:
        frames = list(diffusion.edit(digit, 5, strength, steps=10, guidance=1))
        assert [f.step for f in frames] == list(range(10 - round(10 * strength), 11))
        return (frames[-1].x - labs.digit_input(digit)).square().mean().item()

    untouched, weak, strong = map(distance, (0.0, 0.2, 0.9))
    assert untouched == 0
    assert 0 < weak < strong / 2


def test_a_drawing_is_finished_around_the_part_that_is_there(diffusion, validation_digits):
    digit, mask = validation_digits.images[0].numpy(), np.zeros((28, 28), bool)
    mask[:14] = True
    *_, last = diffusion.finish(digit, mask, int(validation_digits.labels[0]), repeats=2, steps=10, guidance=1)
    known = labs.digit_input(digit)
    assert torch.equal(last.x[..., 2:16, 2:30], known[..., 2:16, 2:30])
    assert last.x[..., 16:, :].max() > 0  # ink below as well


ROUND_TRIP = 0.005  # mean square error of pixels in [-1, 1]; a blank page is off by about 0.4


def test_inversion_finds_a_noise_that_brings_the_digit_back(diffusion, validation_digits):
    for image, label in zip(validation_digits.images[:3].numpy(), validation_digits.labels[:3].tolist(), strict=True):
        *_, noise = diffusion.invert(image, label, steps=20)
        assert noise.alpha_bar == diffusion.range[0]
        assert noise.x.std().item() == pytest.approx(1, abs=0.15)  # noise like any other
        *_, back = diffusion.frames(diffusion.sampling([label], steps=20, guidance=1), noise=noise.x)
        assert (back.x - labs.digit_input(image)).square().mean().item() < ROUND_TRIP


@pytest.mark.parametrize("call", [
    lambda lab, x: lab.noise(x, 1.5), lambda lab, x: lab.noise(x, []), lambda lab, x: lab.noise(x, 0.5, seed=-1),
    lambda lab, x: lab.denoise_once(torch.zeros(2, 1, 32, 32), 0.5), lambda lab, x: list(lab.edit(x, 3, 1.5)), lambda lab, x: list(lab.edit(x, 12)),
    lambda lab, x: list(lab.finish(x, np.ones((32, 32)), 3)), lambda lab, x: list(lab.finish(x, np.ones((28, 28)), 3, repeats=100)),
    lambda lab, x: list(lab.invert(np.zeros((28, 28)), 3)),
])
def test_bad_pictures_and_levels_are_one_sentence(diffusion, call):
    with pytest.raises(ValueError, match=r"\.$"):
        call(diffusion, np.eye(28, dtype=np.uint8) * 255)


# GAN


def test_gan_generates_by_seed(gan):
    pictures = gan.generate(digit=3, n=4, seed=1)
    assert len(pictures) == 4
    assert all(map(is_digit_picture, pictures))
    assert same(pictures, gan.generate(digit=3, n=4, seed=1))
    assert not same(pictures, gan.generate(digit=3, n=4, seed=2))


@pytest.mark.parametrize("path", PATHS)
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


@pytest.mark.parametrize("bad", [
    np.zeros((28, 28)), np.zeros((28, 28), bool), np.zeros((20, 20), np.uint8), np.zeros((32, 32), np.uint8), Image.new("L", (28, 28)),
], ids=range(5))
def test_read_takes_nothing_but_ready_digits(classifier, bad):
    with pytest.raises(ValueError, match="classify"):
        classifier.read(bad)


def test_verdicts_can_be_compared_and_kept(classifier, test_digits):
    one, other = (classifier.read(image) for image in test_digits.images[:2].numpy())
    assert one == one != other
    assert len({one, other}) == 2


@pytest.mark.parametrize("network", ["resnet", "lenet"])
@pytest.mark.parametrize("brush", [0.04, 0.08, 0.16, 0.3])
def test_a_dot_is_no_digit_to_either_network(store, network, brush):
    lab = ClassifierLab(store, network)
    assert all(lab.read(from_strokes([[[0.5, 0.5], [0.5 + far, 0.5 - far]]], brush).pixels).likeness < 0.5 for far in (0.0, 0.2 * brush, 0.4 * brush))


@pytest.mark.slow
@pytest.mark.parametrize(("maker", "least"), [("diffusion", 0.95), ("gan", 0.9)])
def test_samples_are_read_as_asked(store, classifier, maker, least):
    lab = open_lab(maker, store)
    extra = {"steps": 25} if maker == "diffusion" else {}
    pictures = [(digit, p) for digit in range(10) for p in lab.generate(digit, 10, seed=digit, **extra)]
    assert np.mean([classifier.read(np.asarray(p)).digit == digit for digit, p in pictures]) >= least
