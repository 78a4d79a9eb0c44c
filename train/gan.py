"""Train a conditional GAN: `python -m train.gan` for the DCGAN, `--network residual` for the modern pair.

dcgan: the non-saturating loss (Goodfellow et al. 2014, section 3) with DCGAN's Adam (2e-4, beta1 0.5; Radford et al. 2016),
a projection discriminator, and an averaged generator.

residual: the relativistic loss, which only asks a real digit to look more real than a fake (Jolicoeur-Martineau 2019),
with a penalty on the discriminator's slope at real and at fake digits (R1 and R2, Mescheder et al. 2018), as R3GAN
(Huang et al. 2024) puts them together; the penalties every fourth update, four times as strong. Use `--batch 128
--rate 4e-4`; on a CPU the double backward makes it four times slower than the DCGAN.

The weights kept are those whose 2,000 samples lie nearest to the validation writers' digits in LeNet's features; the
judge, which measures the result, is not asked. With `--last` they are those that the falling rate ends on: in the lab's own
pair they have both more variety and fewer mistakes than the "nearest", which came early.

`--chronicle` keeps the whole war for the app's replay (`mnist_lab.war`) and no checkpoint; `--spoil` starts or fights it wrong on
purpose: PyTorch's own initialisation, weights ten times too wide, no batch norm, or a discriminator that takes five turns for each of the generator's.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from mnist_lab import metrics
from mnist_lab.checkpoint import FOLDER, Store
from mnist_lab.data import Digits, one_hot, to_model, to_pictures
from mnist_lab.models import Discriminator, Generator, ResidualDiscriminator, ResidualGenerator, without_norm
from mnist_lab.plots.digits import grid
from mnist_lab.training import seeded
from mnist_lab.war import SPOILS, path_of
from train import common
from train.chronicle import Chronicle

SAMPLES = 2_000  # generated at each validation
PENALTY_EVERY = 4  # updates, on average
STRONG = 5  # turns of a discriminator too strong


@dataclass(frozen=True)
class GanRecipe(common.Recipe):
    batch: int = 64
    images: int = 1_500_000
    network: str = "dcgan"  # or residual
    start: str = ""  # a folder with a pair to go on from: gan.safetensors and discriminator.safetensors
    rate: float = 2e-4
    gamma: float = 0.5  # of residual: strength of R1 and R2, falling to a tenth
    ema: float = 0.999
    validate_every: int = 50_000
    spoil: str = ""  # of dcgan: one of mnist_lab.war.SPOILS
    chronicle: bool = False  # keep the war for the replay


def told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """A discriminator's loss (Goodfellow et al. 2014): scores (B,) of real digits should be above zero, of fakes below."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def spoiled(network: nn.Module, how: str) -> nn.Module:
    """A new network, started wrong."""
    for module in network.modules():
        if how == "default-init" and hasattr(module, "reset_parameters"):
            module.reset_parameters()
        if how == "wide-init" and isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.2)
    return without_norm(network) if how == "no-norm" else network


class GanTask:
    def __init__(self, recipe: GanRecipe, accelerator, validation: Digits):
        self.recipe, self.accelerator = recipe, accelerator
        classes, betas = ((Generator, Discriminator), (0.5, 0.999)) if recipe.network == "dcgan" else ((ResidualGenerator, ResidualDiscriminator), (0.0, 0.99))
        if recipe.spoil and (recipe.spoil not in SPOILS or recipe.network != "dcgan"):
            raise ValueError(f"Only the DCGAN can be spoiled, by {', '.join(SPOILS)}.")
        pair = [spoiled(m(), recipe.spoil).to(memory_format=torch.channels_last) for m in classes]
        for network, path in zip(pair, started(recipe), strict=True):
            common.go_on_from(path, network)
        adams = [torch.optim.Adam(m.parameters(), lr=recipe.rate, betas=betas) for m in pair]
        generator, discriminator, *adams = accelerator.prepare(*pair, *adams)
        self.networks, self.optimizers = {"generator": generator, "discriminator": discriminator}, adams
        self.judge = accelerator.unwrap_model(discriminator)  # for the generator's turn: its own weights rest
        self.latent = accelerator.unwrap_model(generator).config.latent
        self.relative, self.turns = recipe.network == "residual", STRONG if recipe.spoil == "strong-judge" else 1
        self.reader = Store()["lenet"].to(accelerator.device)
        self.validation = validation.to(accelerator.device)
        self.real = metrics.read(self.reader, self.validation.images).features

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        """The discriminator's turn, then the generator's, on the same fakes."""
        forger, discriminator = self.networks["generator"], self.networks["discriminator"]
        real, label = to_model(batch.images), one_hot(batch.labels)
        real = real.contiguous(memory_format=torch.channels_last)
        for _ in range(self.turns - 1):
            with self.accelerator.autocast():
                fake = forger(self._noise(batch, generator), label).detach()
                loss = self.loss_of_discriminator(*(discriminator(x, label).float() for x in (real, fake)))
            self._step(1, loss)
        z = self._noise(batch, generator)
        sloping = self.relative and torch.rand((), generator=generator, device=real.device) < 1 / PENALTY_EVERY
        with self.accelerator.autocast():
            fake = forger(z, label)
            seen = [x.detach().requires_grad_(bool(sloping)) for x in (real, fake)]
            scores = [discriminator(x, label).float() for x in seen]
        loss_d = self.loss_of_discriminator(*scores) + (self.penalty(seen, scores) if sloping else 0.0)
        self._step(1, loss_d)
        with self.accelerator.autocast():
            passing = self.judge(fake, label).float()
            genuine = self.judge(real, label).float() if self.relative else torch.zeros_like(passing)
        loss_g = F.softplus(genuine - passing).mean()
        self._step(0, loss_g)
        limit = (scores[0].mean() + scores[1].mean()) / 2 if self.relative else 0.0  # relativistic scores have no zero
        return {"discriminator": loss_d.detach(), "generator": loss_g.detach(),
                "right_on_real": (scores[0] > limit).float().mean(), "right_on_fake": (scores[1] < limit).float().mean()}

    def _noise(self, batch: Digits, generator: torch.Generator) -> Tensor:
        return torch.randn(len(batch), self.latent, generator=generator, device=batch.labels.device)

    def loss_of_discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Scores (B,) each: a real digit should look more real than the fake beside it, or real above and fake below zero."""
        return F.softplus(fake - real).mean() if self.relative else told_apart(real, fake)

    def penalty(self, seen: list[Tensor], scores: list[Tensor]) -> Tensor:
        """gamma / 2 times the squared slope of the score, at real digits (R1) and at fakes (R2); it falls as the rate does."""
        slopes = torch.autograd.grad([s.sum() for s in scores], seen, create_graph=True)
        strength = self.recipe.gamma * self.optimizers[1].param_groups[0]["lr"] / self.recipe.rate
        return PENALTY_EVERY * strength / 2 * sum(slope.square().sum((1, 2, 3)).mean() for slope in slopes)

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


def started(recipe: GanRecipe) -> tuple[str, str]:
    """The checkpoints to go on from: generator, discriminator; empty if the pair is new."""
    ending = "" if recipe.network == "dcgan" else "-residual"
    return tuple(recipe.start and str(Path(recipe.start) / f"{name}{ending}.safetensors") for name in ("gan", "discriminator"))


def schedule(progress: float) -> float:
    """Constant, then down to a tenth over the last half: a war ends better with smaller blows."""
    return 1.0 if progress < 0.5 else 1.0 - 0.9 * (progress - 0.5) / 0.5


def main() -> None:
    recipe = common.read_recipe(GanRecipe, __doc__)
    if (recipe.spoil and not recipe.chronicle) or (recipe.chronicle and recipe.network != "dcgan"):
        raise SystemExit("--spoil is for a --chronicle, and a chronicle is of the DCGAN: what is spoiled is never the lab's own checkpoint.")
    name = "gan" if recipe.network == "dcgan" else "gan-residual"
    run = f"{name}-{recipe.spoil or 'chronicle'}" if recipe.chronicle else name
    try:
        chronicle = Chronicle(recipe, common.run_folder(recipe, run)) if recipe.chronicle else None
    except ValueError as error:
        raise SystemExit(str(error)) from error
    before = [common.training_of(path) for path in started(recipe)]
    result = common.run(recipe, run, GanTask, schedule, watch=chronicle.watch if chronicle else None)
    if not result:
        return
    if chronicle:
        folder = common.run_folder(recipe, run) if recipe.dry_run else FOLDER / "mnist"
        chronicle.save(Path(recipe.out or path_of(folder, recipe.spoil)), result.revision)
        return
    kinds = ("generator", "discriminator") if recipe.network == "dcgan" else ("residual-generator", "residual-discriminator")
    common.save_result(recipe, name, result.networks["generator"], kinds[0], result, before=before[0])
    out = recipe.out and str(Path(recipe.out).with_suffix(".discriminator.safetensors"))  # beside the generator
    judge = name.replace("gan", "discriminator")
    common.save_result(dataclasses.replace(recipe, out=out), judge, result.networks["discriminator"], kinds[1], result, before=before[1])


if __name__ == "__main__":
    main()
