"""The mathematics of diffusion: schedules, conversions, guidance, and samplers against diffusers and against exact solutions."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler

from mnist_lab.diffusion import SAMPLERS, SCHEDULES, guided, levels, process
from mnist_lab.diffusion.schedules import BETA_FIRST, BETA_LAST, TRAIN_STEPS, cosine, linear, linear_alpha_bar

STEPS = (1, 2, 10, 50, 333, 1000)
ORDER = {"ddim": 1}  # of each deterministic sampler


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=seeded(seed), dtype=torch.float64)


def two_points(size: float):
    """The exact denoiser of data that is +size or -size in each pixel: E[x_0 | x] = size tanh(size a x / s^2)."""

    def denoise(x, alpha_bar):
        x0 = size * torch.tanh(size * alpha_bar.sqrt() * x / (1 - alpha_bar))
        return process.eps_from_x0(x, x0, alpha_bar)

    return denoise


def gaussian(deviation: float):
    """The exact denoiser of data N(0, deviation^2): eps = s x / (a^2 deviation^2 + s^2)."""
    return lambda x, alpha_bar: (1 - alpha_bar).sqrt() * x / (alpha_bar * deviation**2 + 1 - alpha_bar)


# Schedules


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n", STEPS)
def test_schedules_rise_from_noise_to_clean(name, n):
    alpha_bar = SCHEDULES[name](n)
    assert alpha_bar.shape == (n + 1,)
    assert alpha_bar.dtype == torch.float64
    assert (alpha_bar.diff() > 0).all()
    assert 0 <= alpha_bar[0] < 1e-4
    assert alpha_bar[-1] == 1


def test_linear_of_1000_is_the_training_chain():
    betas = np.linspace(1e-4, 0.02, 1000)
    chain = np.cumprod(1 - betas)
    np.testing.assert_allclose(linear(1000).numpy(), [*chain[::-1], 1.0], rtol=1e-12)


def test_linear_is_even_in_position_on_the_chain():
    chain = linear_alpha_bar()
    torch.testing.assert_close(linear(50)[:-1], chain[torch.arange(999, -1, -20)], rtol=1e-12, atol=0)
    middle = linear(2000)[1]  # half a step from the noisiest level: the geometric mean of two
    assert middle.item() == pytest.approx(math.sqrt(chain[-1] * chain[-2]), rel=1e-9)


def test_linear_follows_both_beta_ends():
    for first, last in [(1e-4, 0.05), (1e-3, 0.02)]:
        expected = np.cumprod(1 - np.linspace(first, last, 1000))
        np.testing.assert_allclose(linear(10, first, last)[:-1].numpy(), expected[999::-100], rtol=1e-9)


def test_cosine_is_the_published_formula():
    def f(t):
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    np.testing.assert_allclose(cosine(8).numpy(), [f(1 - k / 8) / f(0) for k in range(9)], atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 10, 50, 333])
def test_few_steps_start_at_the_noisiest_trained_level(n):
    assert linear(n)[0].item() == pytest.approx(linear_alpha_bar()[-1].item(), rel=1e-9)


def test_with_50_steps_the_network_is_told_that_pure_noise_is_noise():
    """Respacing. Fifty betas taken for a schedule of their own would say that pure noise is 78 % signal."""
    from mnist_lab.labs import DiffusionLab

    told = []

    def network(x, alpha_bar, label):
        told.append(alpha_bar)
        return x

    chain = linear_alpha_bar()
    settings = {"lowest_alpha_bar": chain.min().item(), "highest_alpha_bar": chain.max().item(), "guidance": 1.0}
    store = SimpleNamespace(load=lambda name: (network, SimpleNamespace(settings=settings)))
    lab = DiffusionLab(store)
    naive = np.cumprod(1 - np.linspace(BETA_FIRST, BETA_LAST, 50))[-1]
    assert math.sqrt(naive) == pytest.approx(0.777, abs=0.005)
    assert naive == pytest.approx(0.603, abs=0.005)
    for schedule in SCHEDULES:
        told.clear()
        list(lab.frames(lab.sampling([8], steps=50, schedule=schedule)))
        assert len(told) == 50
        assert told[0].sqrt().max() < 0.01


@pytest.mark.parametrize("name", SCHEDULES)
def test_levels_stay_within_what_the_network_knows(name):
    alpha_bar = levels(name, 100, 0.01, 0.99)
    assert alpha_bar[:-1].min() >= 0.01
    assert alpha_bar[:-1].max() <= 0.99
    assert alpha_bar[-1] == 1
    assert (alpha_bar.diff() >= 0).all()


@pytest.mark.parametrize("arguments", [("linear", 0), ("linear", TRAIN_STEPS + 1), ("stairs", 10)])
def test_levels_refuse_what_there_is_not(arguments):
    with pytest.raises(ValueError):
        levels(*arguments, 0.01, 0.99)


@pytest.mark.parametrize("betas", [(0.0, 0.02), (0.03, 0.02), (1e-4, 1.0), (math.nan, 0.02)])
def test_levels_refuse_betas_out_of_order(betas):
    with pytest.raises(ValueError, match="0 < first beta"):
        levels("linear", 10, 0.01, 0.99, beta_first=betas[0], beta_last=betas[1])


# Conversions


@pytest.mark.parametrize("alpha_bar", [1e-4, 0.3, 0.9999])
def test_eps_x0_and_v_are_one_another(alpha_bar):
    x0, eps, level = noise(4, 8, seed=1), noise(4, 8, seed=2), torch.tensor(alpha_bar, dtype=torch.float64)
    x = process.add_noise(x0, eps, level)
    torch.testing.assert_close(process.x0_from_eps(x, eps, level), x0, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(process.eps_from_x0(x, x0, level), eps, rtol=1e-9, atol=1e-9)
    back_x0, back_eps = process.from_velocity(x, process.velocity(x0, eps, level), level)
    torch.testing.assert_close(back_x0, x0, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(back_eps, eps, rtol=1e-9, atol=1e-9)


def test_noising_keeps_the_variance_of_unit_data():
    x = process.add_noise(noise(100_000, seed=1), noise(100_000, seed=2), torch.tensor(0.3, dtype=torch.float64))
    assert x.var().item() == pytest.approx(1.0, abs=0.02)


def test_log_snr():
    alpha_bar = torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    torch.testing.assert_close(process.log_snr(alpha_bar), (alpha_bar / (1 - alpha_bar)).log())


# Guidance


def label_reader(x, alpha_bar, label):
    """A network whose answer depends on the label, row by row."""
    return x * alpha_bar[:, None, None, None] + (label @ torch.arange(1.0, 11.0, dtype=x.dtype))[:, None, None, None]


def guided_eps(scale: float, label: torch.Tensor) -> torch.Tensor:
    x = noise(len(label), 1, 4, 4)
    return guided(label_reader, label.double(), scale)(x, torch.tensor(0.5, dtype=torch.float64))


def test_guidance_of_zero_and_one_is_exact():
    label = torch.eye(10)[[3, 8]]
    x, level = noise(2, 1, 4, 4), torch.full((2,), 0.5, dtype=torch.float64)
    assert torch.equal(guided_eps(0.0, label), label_reader(x, level, torch.zeros(2, 10, dtype=x.dtype)))
    assert torch.equal(guided_eps(1.0, label), label_reader(x, level, label.double()))


def test_guidance_is_linear_in_its_scale():
    label = torch.eye(10)[[3, 8]]
    null, full = guided_eps(0.0, label), guided_eps(1.0, label)
    for scale in (0.5, 2.0, 7.5):
        torch.testing.assert_close(guided_eps(scale, label), null + scale * (full - null), rtol=1e-12, atol=1e-12)


def test_guidance_leaves_rows_without_a_label_alone():
    label = torch.eye(10)[[3, 8]]
    label[1] = 0
    plain, pushed = guided_eps(1.0, label), guided_eps(5.0, label)
    assert torch.equal(plain[1], pushed[1])
    assert not torch.allclose(plain[0], pushed[0])


@pytest.mark.parametrize(("scale", "rows"), [(0.0, 2), (1.0, 2), (3.0, 4)])
def test_guidance_asks_the_network_once_a_step(scale, rows):
    sizes = []

    def network(x, alpha_bar, label):
        sizes.append(len(x))
        return x

    guided(network, torch.eye(10)[:2], scale)(torch.zeros(2, 1, 4, 4), torch.tensor(0.5))
    assert sizes == [rows]


# Samplers


def run(name: str, denoise, x, alpha_bar, seed: int = 0, **extra):
    return list(SAMPLERS[name](denoise, x, alpha_bar, generator=seeded(seed), **extra))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n", [1, 7])
def test_frames_tell_the_whole_story(name, n):
    x, alpha_bar = noise(2, 1, 4, 4), linear(n)
    frames = run(name, two_points(0.6), x, alpha_bar)
    assert [f.step for f in frames] == list(range(n + 1))
    assert [f.alpha_bar for f in frames] == alpha_bar.tolist()
    assert torch.equal(frames[0].x, x)
    assert torch.equal(frames[-1].x, frames[-1].x0)
    torch.testing.assert_close(frames[-1].x, frames[-2].x0)  # nothing but the last guess remains
    for f in frames[:-1]:
        torch.testing.assert_close(process.add_noise(f.x0, f.eps, alpha_bar[f.step]), f.x)


@pytest.mark.parametrize(("name", "extra"), [("ddim", {"eta": 0.7}), ("ddpm", {})])
def test_the_seed_decides(name, extra):
    x, alpha_bar = noise(2, 1, 4, 4), linear(10)
    first, again, other = (run(name, two_points(0.6), x, alpha_bar, seed, **extra)[-2].x for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_ddim_without_eta_needs_no_random_numbers():
    x, alpha_bar = noise(2, 1, 4, 4), linear(10)
    assert torch.equal(run("ddim", two_points(0.6), x, alpha_bar, 1)[-1].x, run("ddim", two_points(0.6), x, alpha_bar, 2)[-1].x)


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_guess_stays_within_ink_and_paper(name):
    frames = run(name, two_points(3.0), noise(2, 1, 4, 4), linear(10))
    assert max(f.x0.abs().max().item() for f in frames) == 1.0


def scheduler(kind, n: int, **extra):
    """diffusers' own, in float64, at n of its 1,000 timesteps."""
    theirs = kind(num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, clip_sample=True, timestep_spacing="trailing", **extra)
    theirs.alphas_cumprod = linear_alpha_bar()
    theirs.betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    theirs.alphas = 1 - theirs.betas
    theirs.set_timesteps(n)
    return theirs


def their_trajectory(theirs, denoise, x, **extra) -> list[torch.Tensor]:
    generator, xs = seeded(), [x]
    for t in theirs.timesteps:
        eps = denoise(x, theirs.alphas_cumprod[t])
        x = theirs.step(eps, t, x, generator=generator, **extra).prev_sample
        xs.append(x)
    return xs


def our_levels(theirs) -> torch.Tensor:
    return torch.cat([theirs.alphas_cumprod[theirs.timesteps], torch.ones(1, dtype=torch.float64)])


@pytest.mark.parametrize("size", [0.6, 1.5])  # the guess within [-1, 1], and clamped
@pytest.mark.parametrize("n", [1000, 50])
def test_ddpm_walks_as_diffusers_does(n, size):
    theirs, x = scheduler(DDPMScheduler, n, variance_type="fixed_small"), noise(2, 1, 4, 4)
    expected = their_trajectory(theirs, two_points(size), x)
    frames = run("ddpm", two_points(size), x, our_levels(theirs))
    torch.testing.assert_close(torch.stack([f.x for f in frames]), torch.stack(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [0.6, 1.5])
@pytest.mark.parametrize("n", [1000, 50])
def test_ddim_walks_as_diffusers_does(n, size, eta):
    theirs, x = scheduler(DDIMScheduler, n, set_alpha_to_one=True), noise(2, 1, 4, 4)
    expected = their_trajectory(theirs, two_points(size), x, eta=eta, use_clipped_model_output=True)
    frames = run("ddim", two_points(size), x, our_levels(theirs), eta=eta)
    torch.testing.assert_close(torch.stack([f.x for f in frames]), torch.stack(expected), rtol=1e-9, atol=1e-9)


def test_our_respaced_levels_are_diffusers_trailing_timesteps():
    torch.testing.assert_close(linear(50), our_levels(scheduler(DDIMScheduler, 50)), rtol=1e-12, atol=0)


def test_ddim_with_eta_one_is_ddpm():
    x, alpha_bar = noise(2, 1, 4, 4), linear(50)
    a, b = (torch.stack([f.x for f in frames]) for frames in (run("ddim", two_points(0.6), x, alpha_bar, eta=1.0), run("ddpm", two_points(0.6), x, alpha_bar)))
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ORDER)
def test_order_of_convergence(name):
    """Data N(0, d^2): the probability flow keeps x over its standard deviation. Ends above zero noise; no guess is clamped."""
    deviation, counts = 0.1, (40, 80, 160, 320)
    denoise, x = gaussian(deviation), noise(1, 1, 4, 4)

    def spread(alpha_bar: float) -> float:
        return math.sqrt(alpha_bar * deviation**2 + 1 - alpha_bar)

    def error(n: int) -> float:
        angle = torch.linspace(math.acos(0.1), math.acos(0.95), n + 1, dtype=torch.float64)
        alpha_bar = angle.cos().square()
        frames = run(name, denoise, x, alpha_bar)
        assert max(f.x0.abs().max() for f in frames[:-1]) < 1
        exact = x * spread(alpha_bar[-1].item()) / spread(alpha_bar[0].item())
        return (frames[-1].x - exact).abs().max().item()

    slope = np.polyfit(np.log([1 / n for n in counts]), np.log([error(n) for n in counts]), 1)[0]
    assert slope == pytest.approx(ORDER[name], abs=0.1)


def test_ancestral_sampling_keeps_the_variance_of_gaussian_data():
    deviation = 0.2
    result = run("ddpm", gaussian(deviation), noise(1, 1, 100, 100), linear(500))[-1].x
    assert result.std().item() == pytest.approx(deviation, rel=0.05)


def test_frames_are_frozen():
    frame = run("ddim", two_points(0.6), noise(1, 1, 2, 2), linear(1))[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.step = 3
