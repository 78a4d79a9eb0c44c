"""Teach a denoiser to answer in one look: `python -m train.student`, from the lab's own denoiser and with it as the teacher.

The student is the same network, and starts from the same weights. It learns to give, at a noisy place, the clean picture that it
gives a step further along the teacher's guided path (consistency distillation, Song et al. 2023, algorithm 2); as it is right where
little noise is left, it comes to be right from pure noise. A step takes an eighth of the noise away: some seventy from the first
to the last, as fine as the runs its teacher is judged by. How much each level counts is learned, as in train.diffusion.

With `--judged` a discriminator has a word too (as in consistency trajectory models, Kim et al. 2024): it is to tell training digits
from what the student gives at any noise level, and starts as the one of the lab's GAN. What consistency leaves soft, it sharpens.

The weights kept are those whose samples by 1, 2 and 4 calls lie nearest to the validation writers' digits in LeNet's features;
the judge, which measures the result, is not asked.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from mnist_lab import checkpoint, metrics
from mnist_lab.checkpoint import FOLDER, Store
from mnist_lab.data import Digits, one_hot, to_model, to_pictures
from mnist_lab.diffusion import SAMPLERS, guided, levels
from mnist_lab.diffusion.process import add_noise, x0_from_eps
from mnist_lab.diffusion.samplers import along_noise, fresh_noise, look
from mnist_lab.labs import STUDENT
from mnist_lab.models import Denoiser
from mnist_lab.models.denoiser import DEVIATION
from mnist_lab.plots.digits import grid
from mnist_lab.training import seeded
from train import common
from train.diffusion import NoiseWeight, descend, optimizers_for, schedule
from train.gan import told_apart

TEACHER, DISCRIMINATOR = FOLDER / "mnist" / "diffusion.safetensors", FOLDER / "mnist" / "discriminator.safetensors"
CALLS = (1, 2, 4)  # it is made for
SAMPLES = 1_000  # generated with each of them at a validation


@dataclass(frozen=True)
class StudentRecipe(common.Recipe):
    teacher: str = ""  # the denoiser to learn from, if not the lab's own
    start: str = ""  # a student to go on from
    judged: float = 0.0  # weight of the discriminator's word
    guidance: float = 1.0  # of the teacher, beyond what it has been taught
    step: float = 0.125  # along the teacher's path, as a share of the noise
    batch: int = 128
    images: int = 1_000_000
    rate: float = 0.005  # Muon's; AdamW takes a twentieth part
    compile: bool = False  # as in train.diffusion
    drop_label: float = 0.1
    clip: float = 1.0  # norm of the gradient
    ema: float = 0.999
    validate_every: int = 50_000


class StudentTask:
    def __init__(self, recipe: StudentRecipe, accelerator, validation: Digits):
        self.recipe, self.accelerator = recipe, accelerator
        self.teacher, metadata = checkpoint.load(Path(recipe.teacher or TEACHER))
        if not isinstance(self.teacher, Denoiser):
            raise ValueError("The teacher must be a denoiser of our own kind.")
        self.teacher = self.teacher.to(accelerator.device, memory_format=torch.channels_last).eval().requires_grad_(False)
        self.range = metadata.settings["lowest_alpha_bar"], metadata.settings["highest_alpha_bar"]
        model, weight = Denoiser(self.teacher.config), NoiseWeight()
        model.load_state_dict(self.teacher.state_dict())
        common.go_on_from(recipe.start, model)
        optimizers = optimizers_for(model, weight.parameters(), recipe.rate)
        for network in (model, self.teacher) if recipe.compile else ():
            network.compile(dynamic=False)
        self.networks = {"network": accelerator.prepare(model.to(memory_format=torch.channels_last)), "weight": accelerator.prepare(weight)}
        self.optimizers = [accelerator.prepare(o) for o in optimizers]
        self.bare = accelerator.unwrap_model(model)
        if recipe.judged:
            self.judge = checkpoint.load(DISCRIMINATOR)[0].requires_grad_(True).train()  # its own weights rest in the student's turn
            adam = torch.optim.Adam(self.judge.parameters(), lr=2e-4, betas=(0.5, 0.999))
            self.networks["judge"], adam = accelerator.prepare(self.judge, adam)
            self.optimizers.append(adam)
        self.reader = Store()["lenet"].to(accelerator.device)
        self.validation = validation.to(accelerator.device)
        self.real = metrics.read(self.reader, self.validation.images).features

    def places(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Noise levels alpha_bar (B,) to start from, and those a step further along."""
        place = (torch.rand((), generator=generator, device=generator.device) + torch.arange(count, device=generator.device) / count) % 1
        low, high = ((1 / alpha_bar - 1) ** 0.5 / DEVIATION for alpha_bar in reversed(self.range))
        sigma = (-0.4 + 2.0 * torch.special.ndtri(place.clamp(1e-4, 1 - 1e-4))).exp().clamp(low, high)  # of data with variance 1
        return tuple(1 / (1 + (DEVIATION * s).square()) for s in (sigma, sigma * (1 - self.recipe.step)))

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        network, weight = self.networks["network"], self.networks["weight"]
        x0 = to_model(batch.images)
        here, there = self.places(len(x0), generator)
        eps = torch.randn(x0.shape, generator=generator, device=x0.device)
        label = one_hot(batch.labels) * (torch.rand(len(x0), 1, generator=generator, device=x0.device) >= self.recipe.drop_label)
        level, nearer = here[:, None, None, None], there[:, None, None, None]
        x = add_noise(x0, eps, level).contiguous(memory_format=torch.channels_last)
        with self.accelerator.autocast():
            with torch.no_grad():
                slope = look(guided(self.teacher, label, self.recipe.guidance), x, level)[1]
                end = look(guided(self.bare, label), along_noise(x, slope, level, nearer), nearer)[0]
            guess = x0_from_eps(x, network(x, here, label).float(), level)
        apart = (guess - end).square().mean((1, 2, 3)).sqrt()
        usual = weight(here)
        loss, told = (apart * (-usual).exp() + usual).mean(), {"apart": apart.detach().mean()}
        if self.recipe.judged:
            told["judge"] = self.learn_to_judge(x0, guess.detach(), label)
            with self.accelerator.autocast():
                passing = F.softplus(-self.judge(guess, label).float()).mean()
            loss, told["passing"] = loss + self.recipe.judged * passing, passing.detach()
        descend(self.accelerator, loss, network, self.optimizers[:2], self.recipe.clip)
        return told

    def learn_to_judge(self, real: Tensor, made: Tensor, label: Tensor) -> Tensor:
        """One step of the discriminator: training digits above zero, the student's below."""
        with self.accelerator.autocast():
            loss = told_apart(*(self.networks["judge"](x, label).float() for x in (real, made)))
        self.optimizers[2].zero_grad()
        self.accelerator.backward(loss)
        self.optimizers[2].step()
        return loss.detach()

    @torch.inference_mode()
    def make(self, network: nn.Module, labels: Tensor, calls: int, seed: int) -> Tensor:
        """Pictures (N, 28, 28) by so many calls."""
        generator, parts = seeded(labels.device, seed), []
        for some in labels.split(500):
            x = torch.randn(len(some), 1, 32, 32, generator=generator, device=labels.device)
            *_, last = SAMPLERS["consistency"](guided(network, one_hot(some)), x, levels("cosine", calls, *self.range), noise=fresh_noise(generator))
            parts.append(to_pictures(last.x))
        return torch.cat(parts)

    @torch.inference_mode()
    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        """Frechet distances to validation digits in LeNet's features, and the share read as asked by one call."""
        labels = metrics.labels_like(self.validation, SAMPLES)
        readings = {n: metrics.read(self.reader, self.make(averaged["network"], labels, n, seed=1)) for n in CALLS}
        distances = {n: metrics.frechet_distance(reading.features, self.real) for n, reading in readings.items()}
        asked = (readings[1].digit == labels).float().mean().item()
        return {"loss": sum(distances.values()) / len(CALLS), **{f"by_{n}": d for n, d in distances.items()}, "read_as_asked": asked}

    def picture(self, averaged: dict[str, nn.Module]) -> Image.Image:
        labels = torch.arange(20, device=self.validation.labels.device) % 10
        return grid(torch.cat([self.make(averaged["network"], labels, n, seed=2) for n in CALLS]).cpu().numpy(), columns=10, scale=2)


def main() -> None:
    recipe = common.read_recipe(StudentRecipe, __doc__)
    known = checkpoint.read_metadata(Path(recipe.teacher or TEACHER))
    before = common.training_of(recipe.start) or known.training
    result = common.run(recipe, STUDENT, StudentTask, schedule)
    if result:
        settings = {**{key: known.settings[key] for key in ("lowest_alpha_bar", "highest_alpha_bar")}, "guidance": 1.0,
                    "usual": {"steps": max(CALLS), "sampler": "consistency", "schedule": "cosine"}}
        common.save_result(recipe, STUDENT, result.networks["network"], "denoiser", result, settings, before)


if __name__ == "__main__":
    main()
