"""A denoiser that is taught guidance: what it has to learn, and what it already knows."""

import pytest
import torch

pytest.importorskip("accelerate")

from mnist_lab.checkpoint import FOLDER, load  # noqa: E402
from mnist_lab.data import Digits, one_hot, to_model  # noqa: E402
from mnist_lab.diffusion.process import add_noise  # noqa: E402
from mnist_lab.training import make_accelerator, seeded  # noqa: E402
from train.diffusion import DiffusionRecipe, DiffusionTask  # noqa: E402

START = FOLDER / "mnist" / "diffusion.safetensors"
TAUGHT = 1.3


@pytest.fixture(scope="module")
def digits() -> Digits:
    generator = seeded(torch.device("cpu"), 5)
    return Digits(torch.randint(0, 256, (8, 28, 28), generator=generator, dtype=torch.uint8), torch.arange(8))


@pytest.fixture(scope="module")
def task(digits):
    if not START.exists():
        pytest.skip("the denoiser to start from is not there")
    return DiffusionTask(DiffusionRecipe(start=str(START), taught=TAUGHT), make_accelerator(), digits)


def asked(digits: Digits, task: DiffusionTask) -> tuple[torch.Tensor, torch.Tensor]:
    """The noise levels and noise that `loss` draws from a fresh generator of seed 1."""
    generator, count = seeded(torch.device("cpu"), 1), len(digits)
    place = (torch.rand((), generator=generator) + torch.arange(count) / count) % 1
    return task.levels(place), torch.randn(count, 1, 32, 32, generator=generator)


@torch.no_grad()
def test_without_a_label_there_is_nothing_to_learn(task, digits):
    errors, _ = task.loss(task.networks["network"], digits, seeded(torch.device("cpu"), 1), drop=1.0)
    assert errors.max() < 1e-9


@torch.no_grad()
def test_with_a_label_the_error_is_guidance_itself(task, digits):
    """At the start: (w - 1)^2 |eps_label - eps_none|^2, weighted as every error of a velocity is."""
    errors, alpha_bar = task.loss(task.networks["network"], digits, seeded(torch.device("cpu"), 1), drop=0.0)
    levels, eps = asked(digits, task)
    assert torch.equal(alpha_bar, levels)
    network, x = load(START)[0], add_noise(to_model(digits.images), eps, levels[:, None, None, None])
    apart = network(x, levels, one_hot(digits.labels)) - network(x, levels, torch.zeros(8, 10))
    weight = 1 + (1 - levels) / (levels * 0.6162**2)
    torch.testing.assert_close(errors, (TAUGHT - 1) ** 2 * apart.square().mean((1, 2, 3)) * weight, rtol=1e-3, atol=1e-7)
