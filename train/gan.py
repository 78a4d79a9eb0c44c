"""Train the conditional DCGAN: `python -m train.gan`.

The non-saturating loss (Goodfellow et al. 2014, section 3) with DCGAN's Adam (2e-4, beta1 0.5; Radford et al. 2016),
a projection discriminator, and an averaged generator. The weights kept are those whose 2,000 samples lie nearest to
the validation writers' digits in LeNet's features; the best classifier, which judges the result, is not asked.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from mnist_lab import metrics
from mnist_lab.checkpoint import Store
from mnist_lab.data import Digits, one_hot, to_model, to_pictures
from mnist_lab.models import Discriminator, Generator
from mnist_lab.plots.digits import grid
from mnist_lab.training import seeded
from train import common

SAMPLES = 2_000  # generated at each validation


@dataclass(frozen=True)
class GanRecipe(common.Recipe):
    batch: int = 64
    images: int = 1_500_000
    rate: float = 2e-4
    ema: float = 0.999
    validate_every: int = 50_000


class GanTask:
    def __init__(self, recipe: GanRecipe, accelerator, validation: Digits):
        self.recipe, self.accelerator = recipe, accelerator
        pair = [m.to(memory_format=torch.channels_last) for m in (Generator(), Discriminator())]
        adams = [torch.optim.Adam(m.parameters(), lr=recipe.rate, betas=(0.5, 0.999)) for m in pair]
        generator, discriminator, *adams = accelerator.prepare(*pair, *adams)
        self.networks, self.optimizers = {"generator": generator, "discriminator": discriminator}, adams
        self.judge = accelerator.unwrap_model(discriminator)  # for the generator's turn: its own weights rest
        self.latent = accelerator.unwrap_model(generator).config.latent
        self.reader = Store()["lenet"].to(accelerator.device)
        self.validation = validation.to(accelerator.device)
        self.real = metrics.read(self.reader, self.validation.images).features

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        """The discriminator's turn, then the generator's, on the same fakes."""
        forger, discriminator = self.networks["generator"], self.networks["discriminator"]
        real, label = to_model(batch.images), one_hot(batch.labels)
        real = real.contiguous(memory_format=torch.channels_last)
        z = torch.randn(len(batch), self.latent, generator=generator, device=real.device)
        with self.accelerator.autocast():
            fake = forger(z, label)
            score_real, score_fake = discriminator(real, label), discriminator(fake.detach(), label)
        loss_d = F.softplus(-score_real.float()).mean() + F.softplus(score_fake.float()).mean()
        self._step(1, loss_d)
        with self.accelerator.autocast():
            passing = self.judge(fake, label)
        loss_g = F.softplus(-passing.float()).mean()
        self._step(0, loss_g)
        return {"discriminator": loss_d.detach(), "generator": loss_g.detach(),
                "right_on_real": (score_real > 0).float().mean(), "right_on_fake": (score_fake < 0).float().mean()}

    def _step(self, which: int, loss: Tensor) -> None:
        self.optimizers[which].zero_grad()
        self.accelerator.backward(loss)
        self.optimizers[which].step()

    @torch.inference_mode()
    def make(self, network: nn.Module, labels: Tensor, seed: int) -> Tensor:
        z = torch.randn(len(labels), self.latent, generator=seeded(labels.device, seed), device=labels.device)
        return torch.cat([to_pictures(network(a, one_hot(b))) for a, b in zip(z.split(500), labels.split(500), strict=True)])

    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        """Frechet distance to validation digits in LeNet's features, and the share read as asked."""
        labels = metrics.labels_like(self.validation, SAMPLES)
        reading = metrics.read(self.reader, self.make(averaged["generator"], labels, 1))
        asked = (reading.digit == labels).float().mean().item()
        return {"loss": metrics.frechet_distance(reading.features, self.real), "read_as_asked": asked}

    def picture(self, averaged: dict[str, nn.Module]) -> Image.Image:
        labels = torch.arange(60, device=self.validation.labels.device) % 10
        return grid(self.make(averaged["generator"], labels, 2).cpu().numpy(), columns=10, scale=2)


def schedule(progress: float) -> float:
    """Constant, then down to a tenth over the last half: a war ends better with smaller blows."""
    return 1.0 if progress < 0.5 else 1.0 - 0.9 * (progress - 0.5) / 0.5


def main() -> None:
    recipe = common.read_recipe(GanRecipe, __doc__)
    result = common.run(recipe, "gan", GanTask, schedule)
    if result:
        common.save_result(recipe, "gan", result.networks["generator"], "generator", result)
        out = recipe.out and str(Path(recipe.out).with_suffix(".discriminator.safetensors"))  # beside the generator
        common.save_result(dataclasses.replace(recipe, out=out), "discriminator", result.networks["discriminator"], "discriminator", result)


if __name__ == "__main__":
    main()
