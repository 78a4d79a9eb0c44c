"""The mathematics of diffusion: schedules, conversions, guidance, and samplers against diffusers and against exact solutions."""

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, HeunDiscreteScheduler

from mnist_lab.diffusion import SAMPLERS, SCHEDULES, SHAPES, VARIANCES, editing, guided, levels, network_calls, process
from mnist_lab.diffusion.samplers import ORDER, WEIGHTS, fresh_noise
from mnist_lab.diffusion.schedules import (
    BETA_FIRST,
    BETA_LAST,
    HIGHEST,
    LOWEST,
    TRAIN_STEPS,
    cosine,
    freehand,
    karras,
    linear,
    linear_alpha_bar,
    scaled_linear,
    sigmoid,
)

STEPS = (1, 2, 10, 50, 333, 1000)


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
    assert 0 <= alpha_bar[0] < (1e-3 if name == "scaled_linear" else 1e-4)  # its betas are smaller
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


def test_scaled_linear_is_the_chain_of_latent_diffusion():
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    np.testing.assert_allclose(scaled_linear(1000, 0.00085, 0.012).numpy(), [*np.cumprod(1 - betas)[::-1], 1.0], rtol=1e-12)


@pytest.mark.parametrize("shape", [(-3, 3, 1), (0, 3, 0.5), (-3, 1, 2)])
def test_sigmoid_is_the_published_formula(shape):
    start, end, tau = shape

    def f(t):
        return 1 / (1 + math.exp(-(start + t * (end - start)) / tau))

    np.testing.assert_allclose(sigmoid(8, *shape).numpy(), [(f(1) - f(1 - k / 8)) / (f(1) - f(0)) for k in range(9)], atol=1e-12)


@pytest.mark.parametrize("start, end", [(9, 10), (-10, -9), (-10, 10)])
def test_a_sigmoid_far_from_its_middle_is_still_a_curve(start, end):
    """Out there it is an exponential, steepest at the end that is nearer to the middle: differences to 1 must not be lost."""
    curve = sigmoid(50, start, end, 0.1)
    assert curve[0] == 0 and curve[-1] == 1 and (curve.diff() >= 0).all() and torch.isfinite(curve).all()
    if start > 0:
        np.testing.assert_allclose(curve.numpy(), [(math.exp(10 * k / 50) - 1) / (math.exp(10) - 1) for k in range(51)], rtol=1e-9)
    elif end < 0:
        np.testing.assert_allclose(curve.numpy(), [(1 - math.exp(-10 * k / 50)) / (1 - math.exp(-10)) for k in range(51)], rtol=1e-9)


@pytest.mark.parametrize("rho", [1.0, 7.0])
def test_karras_is_the_published_formula(rho):
    low, high, n = (1 / 0.99 - 1) ** 0.5, (1 / 0.001 - 1) ** 0.5, 6
    sigma = [(high ** (1 / rho) + k / (n - 1) * (low ** (1 / rho) - high ** (1 / rho))) ** rho for k in range(n)] + [0]
    np.testing.assert_allclose(levels("karras", n, 0.001, 0.99, rho=rho).numpy(), [1 / (1 + s * s) for s in sigma], rtol=1e-9)
    assert karras(1)[0].item() == pytest.approx(LOWEST)


def test_the_ends_of_karras_are_those_of_the_training_chain():
    chain = linear_alpha_bar()
    assert (LOWEST, HIGHEST) == pytest.approx((chain[-1].item(), chain[0].item()), rel=1e-4)


def test_freehand_goes_through_what_was_drawn():
    drawn = [0.0, 0.1, 0.5, 0.9, 1.0]
    assert freehand(4, drawn).tolist() == drawn
    assert freehand(8, drawn)[1::2].tolist() == pytest.approx([0.05, 0.3, 0.7, 0.95])
    assert freehand(2, drawn).tolist() == [0.0, 0.5, 1.0]


def test_freehand_levels_out_what_falls():
    assert freehand(4, [0.2, 0.6, 0.3, 0.7, 0.1]).tolist() == [0.2, 0.6, 0.6, 0.7, 1.0]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("n", [1, 2, 50, 1000])
def test_levels_start_from_pure_noise(name, n):
    assert levels(name, n, LOWEST, HIGHEST)[0] == LOWEST
    assert (levels(name, n, LOWEST, HIGHEST).diff() >= 0).all()


def test_levels_start_from_pure_noise_even_where_the_betas_do_not():
    assert linear(10, 1e-4, 0.005)[0] > 0.05
    assert levels("linear", 10, LOWEST, HIGHEST, beta_last=0.005)[0] == LOWEST


@pytest.mark.parametrize(("name", "shape"), [
    ("cosine", {"offset": -0.1}), ("cosine", {"offset": math.nan}), ("sigmoid", {"start": 3.0}), ("sigmoid", {"tau": 0.0}), ("sigmoid", {"end": math.nan}),
    ("karras", {"rho": 0.5}), ("karras", {"rho": math.nan}), ("freehand", {"curve": [0.5]}), ("freehand", {"curve": [0.0, 1.1]}),
    ("freehand", {"curve": [0.0, math.nan, 1.0]}), ("freehand", {"curve": [0.0] * 1002}), ("scaled_linear", {"beta_first": 0.03}),
], ids=str)
def test_levels_refuse_shapes_that_are_none(name, shape):
    with pytest.raises(ValueError, match=r"\.$"):
        levels(name, 10, 0.01, 0.99, **shape)


def test_every_schedule_says_what_shapes_it():
    for name, shape in SHAPES.items():
        torch.testing.assert_close(SCHEDULES[name](10, **shape), SCHEDULES[name](10))
    assert SHAPES.keys() == SCHEDULES.keys()


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


def away_from(negative: torch.Tensor, scale: float, label: torch.Tensor) -> torch.Tensor:
    x = noise(len(label), 1, 4, 4)
    return guided(label_reader, label.double(), scale, negative=negative.double())(x, torch.tensor(0.5, dtype=torch.float64))


def test_a_negative_label_is_exact_at_zero_and_one_and_linear_between():
    label, negative = torch.eye(10)[[3, 8]], torch.eye(10)[[4, 4]]
    x, level = noise(2, 1, 4, 4), torch.full((2,), 0.5, dtype=torch.float64)
    plain, other = label_reader(x, level, label.double()), label_reader(x, level, negative.double())
    assert torch.equal(away_from(negative, 1.0, label), plain)
    assert torch.equal(away_from(negative, 0.0, label), other)
    torch.testing.assert_close(away_from(negative, 3.0, label), other + 3 * (plain - other), rtol=1e-12, atol=1e-12)


def test_a_negative_label_pushes_rows_without_a_label_too():
    nothing, negative = torch.zeros(1, 10), torch.eye(10)[[4]]
    x, level = noise(1, 1, 4, 4), torch.full((1,), 0.5, dtype=torch.float64)
    free, four = label_reader(x, level, nothing.double()), label_reader(x, level, negative.double())
    torch.testing.assert_close(away_from(negative, 2.0, nothing), 2 * free - four, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("alpha_bar", "rows"), [(0.1, 2), (0.2, 4), (0.5, 4), (0.6, 4), (0.7, 2)])
def test_guidance_outside_its_interval_is_plain_and_costs_half(alpha_bar, rows):
    asked = []

    def network(x, level, label):
        asked.append(len(x))
        return label_reader(x, level, label)

    label, x, level = torch.eye(10)[[3, 8]].double(), noise(2, 1, 4, 4), torch.tensor(alpha_bar, dtype=torch.float64)
    eps = guided(network, label, 3.0, interval=(0.2, 0.6))(x, level)
    assert asked == [rows]
    assert torch.equal(eps, label_reader(x, level.expand(2), label)) == (rows == 2)


# Samplers


def run(name: str, denoise, x, alpha_bar, seed: int = 0, **extra):
    return list(SAMPLERS[name](denoise, x, alpha_bar, noise=fresh_noise(seeded(seed)), **extra))


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


@pytest.mark.parametrize(("name", "extra"), [("ddim", {"eta": 0.7}), ("ddpm", {}), ("consistency", {})])
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
@pytest.mark.parametrize("variance", VARIANCES)
def test_ddpm_walks_as_diffusers_does(variance, n, size):
    theirs, x = scheduler(DDPMScheduler, n, variance_type=f"fixed_{variance}"), noise(2, 1, 4, 4)
    expected = their_trajectory(theirs, two_points(size), x)
    frames = run("ddpm", two_points(size), x, our_levels(theirs), variance=variance)
    noisy = slice(None, -1) if variance == "large" else slice(None)  # their last step of fifty adds noise to the clean picture
    torch.testing.assert_close(torch.stack([f.x for f in frames[noisy]]), torch.stack(expected[noisy]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("size", [0.6, 1.5])
@pytest.mark.parametrize("n", [1000, 50])
def test_ddim_walks_as_diffusers_does(n, size, eta):
    theirs, x = scheduler(DDIMScheduler, n, set_alpha_to_one=True), noise(2, 1, 4, 4)
    expected = their_trajectory(theirs, two_points(size), x, eta=eta, use_clipped_model_output=True)
    frames = run("ddim", two_points(size), x, our_levels(theirs), eta=eta)
    torch.testing.assert_close(torch.stack([f.x for f in frames]), torch.stack(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n", [8, 20, 50])
def test_dpm_walks_as_diffusers_does(n):
    theirs = DPMSolverMultistepScheduler(beta_start=1e-4, beta_end=0.02, solver_order=2, final_sigmas_type="zero", timestep_spacing="trailing")
    theirs.set_timesteps(n)
    theirs.sigmas = theirs.sigmas.double()
    x, sigma = noise(2, 1, 4, 4), theirs.sigmas
    alpha_bar, xs = 1 / (1 + sigma**2), [x]
    for k, t in enumerate(theirs.timesteps):
        xs.append(theirs.step(two_points(0.6)(xs[-1], alpha_bar[k]), t, xs[-1]).prev_sample.double())
    frames = run("dpm", two_points(0.6), x, alpha_bar)
    torch.testing.assert_close(torch.stack([f.x for f in frames]), torch.stack(xs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n", [5, 20])
def test_heun_walks_as_diffusers_does(n):
    """Theirs walks y = x / a and counts each of its two looks as a step."""
    theirs = HeunDiscreteScheduler(num_train_timesteps=1000, beta_start=1e-4, beta_end=0.02, beta_schedule="linear", timestep_spacing="trailing")
    theirs.set_timesteps(n)
    x, sigma = noise(2, 1, 4, 4), theirs.sigmas.double()
    y, ys = x * (1 + sigma[0] ** 2).sqrt(), [x]
    for t in theirs.timesteps:
        level = 1 / (1 + sigma[theirs.step_index or 0] ** 2)
        y = theirs.step(two_points(0.6)(y * level.sqrt(), level), t, y).prev_sample.double()
        if theirs.state_in_first_order or theirs.step_index == len(sigma) - 1:
            ys.append(y * (1 / (1 + sigma[theirs.step_index] ** 2)).sqrt())
    frames = run("heun", two_points(0.6), x, 1 / (1 + torch.cat([sigma[::2], sigma[-1:]]) ** 2))
    torch.testing.assert_close(torch.stack([f.x for f in frames]), torch.stack(ys), rtol=1e-5, atol=1e-5)


def test_our_respaced_levels_are_diffusers_trailing_timesteps():
    torch.testing.assert_close(linear(50), our_levels(scheduler(DDIMScheduler, 50)), rtol=1e-12, atol=0)


def test_ddim_with_eta_one_is_ddpm():
    x, alpha_bar = noise(2, 1, 4, 4), linear(50)
    a, b = (torch.stack([f.x for f in frames]) for frames in (run("ddim", two_points(0.6), x, alpha_bar, eta=1.0), run("ddpm", two_points(0.6), x, alpha_bar)))
    torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


def even_sigma(n: int) -> torch.Tensor:
    """Levels with even steps of sigma, from alpha_bar 0.3 to 0.7: far above zero noise."""
    return 1 / (1 + torch.linspace((1 / 0.3 - 1) ** 0.5, (1 / 0.7 - 1) ** 0.5, n + 1, dtype=torch.float64).square())


def even_log_snr(n: int) -> torch.Tensor:
    return torch.linspace(*(math.log(a / (1 - a)) for a in (0.01, 0.9)), n + 1, dtype=torch.float64).sigmoid()


def exact(x: torch.Tensor, here: float, there: float) -> torch.Tensor:
    """Data N(0, 0.1^2): the probability flow keeps x over its standard deviation."""
    return x * math.sqrt((there * 0.01 + 1 - there) / (here * 0.01 + 1 - here))


def convergence(name: str, grid, counts: tuple[int, ...]) -> float:
    """The slope of log error over log step. No guess is clamped; what a sampler remembers at its start is exact, as from the fourth step on."""
    denoise, x = gaussian(0.1), noise(1, 1, 4, 4) / 4

    def error(n: int) -> float:
        alpha_bar = grid(n)
        before = [exact(x, alpha_bar[3].item(), a) for a in alpha_bar[:3].tolist()]
        past = [next(SAMPLERS[name](denoise, y, alpha_bar[k:], noise=fresh_noise(seeded()))) for k, y in enumerate(before)]
        frames = run(name, denoise, x, alpha_bar[3:], past=past)
        assert max(f.x0.abs().max() for f in frames[:-1]) < 1
        return (frames[-1].x - exact(x, alpha_bar[3].item(), alpha_bar[-1].item())).abs().max().item()

    return np.polyfit(np.log([1 / n for n in counts]), np.log([error(n) for n in counts]), 1)[0]


@pytest.mark.parametrize("name", ORDER)
def test_order_of_convergence(name):
    assert convergence(name, even_sigma, (80, 160, 320, 640)) == pytest.approx(ORDER[name], abs=0.1)


@pytest.mark.parametrize("name", ORDER)
def test_order_of_convergence_on_a_schedule_that_is_not_even(name):
    assert convergence(name, even_log_snr, (80, 160, 320, 640)) == pytest.approx(min(ORDER[name], 2), abs=0.1)


@pytest.mark.parametrize("order", WEIGHTS)
def test_adams_and_bashforth_weights_are_exact_for_polynomials(order):
    """Values at 0, -1, -2, ... give the mean over 0 ... 1 of every polynomial of a lower degree."""
    for degree in range(order):
        values = [float(-k) ** degree for k in range(order - 1, -1, -1)]
        assert np.dot(WEIGHTS[order], values) == pytest.approx(1 / (degree + 1))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("n", [1, 2, 7])
def test_network_calls_are_as_declared(name, n):
    asked = []

    def denoise(x, alpha_bar):
        asked.append(alpha_bar)
        return two_points(0.6)(x, alpha_bar)

    run(name, denoise, noise(2, 1, 4, 4), linear(n))
    assert len(asked) == network_calls(name, n)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", SAMPLERS)
def test_any_sampler_takes_any_schedule(name, schedule):
    """Two points 0.6 apart from zero: whatever the way, the end is near one of them."""
    frames = run(name, two_points(0.6), noise(1, 1, 32, 32), levels(schedule, 40, LOWEST, HIGHEST))
    assert frames[-1].x.abs().mean().item() == pytest.approx(0.6, abs=0.03)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_step_of_no_length_changes_nothing(name):
    x, alpha_bar = noise(2, 1, 4, 4), linear(10)
    twice = torch.cat([alpha_bar[:5], alpha_bar[4:5], alpha_bar[4:]])  # the fifth level three times
    frames = run(name, two_points(0.6), x, twice)
    assert all(torch.isfinite(f.x).all() for f in frames)
    torch.testing.assert_close(frames[4].x, frames[5].x)
    torch.testing.assert_close(frames[4].x, frames[6].x)
    if name in ORDER:
        torch.testing.assert_close(frames[-1].x, run(name, two_points(0.6), x, alpha_bar)[-1].x, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ORDER)
def test_a_sampler_goes_on_as_if_it_had_never_stopped(name):
    x, alpha_bar = noise(2, 1, 4, 4), linear(12)
    whole = run(name, two_points(0.6), x, alpha_bar)
    rest = run(name, two_points(0.6), whole[5].x, alpha_bar[5:], past=whole[:5])
    assert all(torch.equal(a.x, b.x) for a, b in zip(whole[5:], rest, strict=True))


@pytest.mark.parametrize("data", ["one point", "normal"])
def test_each_variance_is_right_for_the_data_it_is_made_for(data):
    """Section 3.2 of Ho et al.: small keeps one point's distribution at every level, large that of N(0, 1)."""
    point = torch.full((1, 1, 100, 100), 0.5, dtype=torch.float64)
    denoise = (lambda x, a: process.eps_from_x0(x, point, a)) if data == "one point" else (lambda x, a: (1 - a).sqrt() * x)
    x, alpha_bar = noise(1, 1, 100, 100), linear(20)[:-1]
    spread = {v: run("ddpm", denoise, x, alpha_bar, variance=v)[12].x.std().item() for v in VARIANCES}
    right = (1 - alpha_bar[12].item()) ** 0.5 if data == "one point" else 1.0
    assert spread["small" if data == "one point" else "large"] == pytest.approx(right, abs=0.02)
    assert spread["small"] < spread["large"] - 0.02


def test_ancestral_sampling_keeps_the_variance_of_gaussian_data():
    deviation = 0.2
    result = run("ddpm", gaussian(deviation), noise(1, 1, 100, 100), linear(500))[-1].x
    assert result.std().item() == pytest.approx(deviation, rel=0.05)


def test_consistency_starts_afresh_from_the_guess_at_every_level():
    """Where the guess is one point, x at every level is that point noised; and no noise is left of the level before."""
    point = torch.full((1, 1, 100, 100), 0.5, dtype=torch.float64)
    alpha_bar = linear(4)
    frames = run("consistency", lambda x, a: process.eps_from_x0(x, point, a), noise(1, 1, 100, 100), alpha_bar, seed=5)
    for before, frame in zip(frames[:-1], frames[1:-1], strict=False):
        rest = (frame.x - frame.alpha_bar**0.5 * point) / (1 - frame.alpha_bar) ** 0.5
        assert rest.std().item() == pytest.approx(1, abs=0.03)
        assert (rest * before.eps).mean().item() == pytest.approx(0, abs=0.03)
    torch.testing.assert_close(frames[-1].x, point)


def test_fresh_noise_is_every_picture_s_own_or_the_same_for_all():
    x = torch.zeros(3, 1, 8, 8)
    own, same = fresh_noise(seeded())(x), fresh_noise(seeded(), same=True)(x)
    assert own.shape == same.shape == x.shape
    assert not torch.equal(own[0], own[1])
    assert torch.equal(same[0], same[1]) and torch.equal(same[0], fresh_noise(seeded())(x[:1])[0])


def test_frames_are_frozen():
    frame = run("ddim", two_points(0.6), noise(1, 1, 2, 2), linear(1))[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame.step = 3


# Editing


def test_forward_noise_at_its_ends():
    x0, eps = noise(1, 1, 4, 4, seed=1), noise(1, 1, 4, 4, seed=2)
    assert torch.equal(process.add_noise(x0, eps, torch.tensor(1.0)), x0)
    assert torch.equal(process.add_noise(x0, eps, torch.tensor(0.0)), eps)


def test_a_tail_starts_where_it_is_told():
    alpha_bar = linear(10)
    assert torch.equal(editing.tail(alpha_bar, alpha_bar[4].item()), alpha_bar[4:])
    assert editing.tail(alpha_bar, 0.5).tolist() == [0.5, *(a for a in alpha_bar.tolist() if a > 0.5)]


def test_starting_from_a_drawing_is_the_forward_process_and_the_rest_of_the_schedule():
    x0, eps, alpha_bar = noise(1, 1, 4, 4, seed=1), noise(1, 1, 4, 4, seed=2), linear(10)
    x, rest = editing.start_from(x0, eps, alpha_bar, 0.3)
    torch.testing.assert_close(x, math.sqrt(0.3) * x0 + math.sqrt(0.7) * eps)
    assert rest[0] == 0.3 and rest[-1] == 1


@pytest.mark.parametrize("repeats", [1, 3])
def test_repaint_keeps_the_known_pixels_exactly_and_makes_the_others_fit(repeats):
    known = torch.full((2, 1, 4, 4), 0.6, dtype=torch.float64)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2, :] = 1
    asked = []

    def denoise(x, alpha_bar):
        """Data that is 0.6 everywhere or -0.6 everywhere: all pixels together tell which."""
        asked.append(alpha_bar)
        x0 = 0.6 * torch.tanh(0.6 * alpha_bar.sqrt() * x.sum((1, 2, 3), keepdim=True) / (1 - alpha_bar)).expand_as(x)
        return process.eps_from_x0(x, x0, alpha_bar)

    frames = list(editing.repaint(denoise, noise(2, 1, 4, 4), linear(20), known=known, mask=mask, noise=fresh_noise(seeded()), repeats=repeats))
    assert [f.step for f in frames] == list(range(21))
    assert torch.equal(frames[-1].x[..., :2, :], known[..., :2, :])
    torch.testing.assert_close(frames[-1].x, known)
    assert len(asked) == 19 * repeats + 1


def test_inversion_is_ddim_backwards():
    x, alpha_bar = noise(1, 1, 4, 4).clamp(-1, 1), levels("cosine", 50, LOWEST, HIGHEST)
    denoise = gaussian(0.5)
    walk = list(editing.invert(denoise, x, alpha_bar, rounds=40))
    assert [f.step for f in walk] == list(range(49, -1, -1))
    assert torch.equal(walk[0].x, x)
    back = run("ddim", denoise, walk[-1].x, alpha_bar)
    for there, here in zip(walk, back[-2::-1], strict=True):
        torch.testing.assert_close(there.x, here.x, rtol=1e-6, atol=1e-6)


def test_inversion_finds_the_noise_a_picture_was_made_from():
    """Data N(0, d^2) has one noise for each picture: x over its standard deviation. Even one round a step comes near."""
    x, alpha_bar = noise(1, 1, 4, 4).clamp(-1, 1) / 2, levels("cosine", 400, LOWEST, HIGHEST)
    *_, last = editing.invert(gaussian(0.5), x, alpha_bar, rounds=1)
    torch.testing.assert_close(last.x, x / 0.5, rtol=0.03, atol=0.01)


def test_a_patch_of_noise_changes_places():
    a, b = noise(1, 1, 6, 6, seed=1), noise(1, 1, 6, 6, seed=2)
    mixed = editing.swap_patch(a, b, 1, 2, 3, 2)
    assert torch.equal(mixed[..., 1:4, 2:4], b[..., 1:4, 2:4])
    assert (mixed != a).sum() == 6
