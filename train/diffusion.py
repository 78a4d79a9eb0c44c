"""Train a denoiser: `python -m train.diffusion` for our own, `--network unet` for the baseline, the network as published.

The label is dropped one time in ten so that one network serves both sides of guidance. Muon on the inner matrices, AdamW
on the rest, averaged weights.

unet: 2,447,681 parameters. What is ours: it predicts v at angles spread evenly between clean and noise. As published
(`--predicts eps`, levels of the 1,000-step linear chain, AdamW 5e-5) it needs tens of epochs; in our first 50,000 images
eps left grey paper.

denoiser: velocity on data of variance 1, noise levels log-normal around the middle, where there is most to learn
(Karras et al. 2022, section 5), and a weight a noise level that is learned beside it (Karras et al. 2024, eq. 14).

`--taught 1.3 --start FILE` goes on from a denoiser and teaches it to answer at guidance 1 as it did at 1.3 (Meng et al. 2023, section
3.1): one look a step then does what took two.

`--few 500` trains on the first 500 digits alone, and keeps what knows those best: a network that has learned by heart, for
the test of memorising (`train.evaluate`) to find.
"""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from mnist_lab.data import Digits, load_digits, one_hot, to_model, to_pictures
from mnist_lab.diffusion import SAMPLERS, guided, levels
from mnist_lab.diffusion.process import add_noise
from mnist_lab.diffusion.samplers import fresh_noise
from mnist_lab.diffusion.schedules import linear_alpha_bar
from mnist_lab.labs import BY_HEART
from mnist_lab.models import Denoiser, UNet
from mnist_lab.models.denoiser import DEVIATION
from mnist_lab.models.unet import noise_features
from mnist_lab.plots.digits import grid
from mnist_lab.training import seeded
from train import common
from train.muon import Muon


@dataclass(frozen=True)
class DiffusionRecipe(common.Recipe):
    batch: int = 64  # on a GPU: 2,048 at the same rate
    images: int = 6_000_000
    network: str = "denoiser"  # or unet
    start: str = ""  # a checkpoint of the same network to go on from
    rate: float = 0.02  # Muon's; AdamW takes a twentieth part
    predicts: str = "v"  # of unet: or eps, on the levels of the linear chain (Ho et al. 2020)
    few: int = 0  # above 0: only so many digits
    compile: bool = False  # with torch.compile: needs a C++ compiler, saves a sixth of the time on two AVX-512 cores
    drop_label: float = 0.1
    taught: float = 1.0  # above 1: the guidance to answer with of itself, learned from the network it starts as
    clip: float = 1.0  # norm of the gradient
    ema: float = 0.9985
    validate_every: int = 25_000


class DiffusionTask:
    def __init__(self, recipe: DiffusionRecipe, accelerator, validation: Digits):
        self.recipe, self.accelerator = recipe, accelerator
        ours = recipe.network == "denoiser"
        model = Denoiser() if ours else UNet(UNet.Config(predicts=recipe.predicts))
        common.go_on_from(recipe.start, model)
        weight = NoiseWeight() if ours else None
        optimizers = optimizers_for(model, weight.parameters() if ours else [], recipe.rate)
        self.teacher = None
        if recipe.taught > 1:
            self.teacher = copy.deepcopy(model).to(accelerator.device, memory_format=torch.channels_last).eval().requires_grad_(False)
        if recipe.compile:
            for network in filter(None, (model, self.teacher)):
                network.compile(dynamic=False)
        self.networks = {"network": model.to(memory_format=torch.channels_last), **({"weight": weight} if ours else {})}
        self.networks = {key: accelerator.prepare(network) for key, network in self.networks.items()}
        self.optimizers = [accelerator.prepare(o) for o in optimizers]
        self.alpha_bar = linear_alpha_bar().float().to(accelerator.device)
        self.validation = validation.to(accelerator.device)

    def levels(self, place: Tensor) -> Tensor:
        """Noise levels to train on, for places spread over [0, 1)."""
        first, last = self.alpha_bar[0], self.alpha_bar[-1]
        if self.recipe.network == "denoiser":
            sigma = (-0.4 + 1.4 * torch.special.ndtri(place.clamp(1e-4, 1 - 1e-4))).exp()  # of data with variance 1
            return (1 / (1 + (DEVIATION * sigma).square())).clamp(last, first)
        if self.recipe.predicts == "eps":
            return self.alpha_bar[(place * len(self.alpha_bar)).long()]
        return torch.lerp(first.sqrt().acos(), last.sqrt().acos(), place).cos().square()

    def loss(self, network: nn.Module, batch: Digits, generator: torch.Generator, drop: float) -> tuple[Tensor, Tensor]:
        """Mean squared errors (B,) of eps (Ho et al. 2020, eq. 14), or of v, which is the error of eps over a; and alpha_bar (B,).

        What is taught guidance has the teacher's guided eps for a target, not the true one.
        """
        x0, count = to_model(batch.images), len(batch)
        device = x0.device
        place = (torch.rand((), generator=generator, device=device) + torch.arange(count, device=device) / count) % 1
        alpha_bar = self.levels(place)
        level = alpha_bar[:, None, None, None]
        eps = torch.randn(x0.shape, generator=generator, device=device)
        label = one_hot(batch.labels) * (torch.rand(count, 1, generator=generator, device=device) >= drop)
        x = add_noise(x0, eps, level).contiguous(memory_format=torch.channels_last)
        with self.accelerator.autocast():
            predicted = network(x, alpha_bar, label)
            if self.teacher:
                with torch.no_grad():
                    eps = guided(self.teacher, label, self.recipe.taught)(x, alpha_bar).float()
        error = (predicted.float() - eps).square().mean((1, 2, 3))
        if self.recipe.network == "denoiser":  # over cos squared, the share of signal once the data has variance 1
            return error * (1 + (1 - alpha_bar) / (alpha_bar * DEVIATION**2)), alpha_bar
        return (error if self.recipe.predicts == "eps" else error / alpha_bar), alpha_bar

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        network = self.networks["network"]
        errors, alpha_bar = self.loss(network, batch, generator, self.recipe.drop_label)
        loss = self.weighted(errors, alpha_bar)
        descend(self.accelerator, loss, network, self.optimizers, self.recipe.clip)
        return {"loss": errors.detach().mean()}

    def weighted(self, errors: Tensor, alpha_bar: Tensor) -> Tensor:
        """The mean error, each level's divided by how large it usually is if that is learned too."""
        if "weight" not in self.networks:
            return errors.mean()
        usual = self.networks["weight"](alpha_bar)
        return (errors * (-usual).exp() + usual).mean()

    @torch.inference_mode()
    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        """The loss on 1,024 digits of validation writers, always with the same noise."""
        device = self.validation.labels.device
        parts = [self.validation[i:i + 128] for i in range(0, min(1024, len(self.validation)), 128)]
        errors = [self.loss(averaged["network"], part, seeded(device, k), 0.0)[0] for k, part in enumerate(parts)]
        return {"loss": torch.cat(errors).mean().item()}

    @torch.inference_mode()
    def picture(self, averaged: dict[str, nn.Module]) -> Image.Image:
        device = self.alpha_bar.device
        label = one_hot(torch.arange(20, device=device) % 10)
        x = torch.randn(20, 1, 32, 32, generator=seeded(device, 1), device=device)
        lowest, highest = self.alpha_bar.min().item(), self.alpha_bar.max().item()
        for frame in SAMPLERS["ddim"](guided(averaged["network"], label, 1.0), x, levels("linear", 20, lowest, highest), noise=fresh_noise(seeded(device, 2))):
            x = frame.x
        return grid(to_pictures(x).cpu().numpy(), columns=10, scale=2)


class NoiseWeight(nn.Module):
    """The logarithm of the usual error at a noise level: (B,) -> (B,)."""

    def __init__(self, size: int = 32):
        super().__init__()
        self.size, self.layers = size, nn.Sequential(nn.Linear(size, 64), nn.SiLU(), nn.Linear(64, 1))
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, alpha_bar: Tensor) -> Tensor:
        return self.layers(noise_features(torch.logit(alpha_bar), self.size)).squeeze(1)


def split_parameters(model: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(inner matrices for Muon, the first and last layer, embeddings and vectors for AdamW)."""
    outer = ("conv_in", "conv_out", "embed_noise", "embed_label", "attention.place")
    named = list(model.named_parameters())
    inner = [p for name, p in named if p.dim() > 1 and not name.startswith(outer)]
    return inner, [p for name, p in named if p.dim() <= 1 or name.startswith(outer)]


def optimizers_for(model: nn.Module, others: Iterable[nn.Parameter], rate: float) -> list[torch.optim.Optimizer]:
    """Muon at `rate` for the inner matrices; AdamW at a twentieth of it for the rest, and for `others` that learn beside the model."""
    inner, outer = split_parameters(model)
    return [Muon(inner, lr=rate), torch.optim.AdamW([*outer, *others], lr=rate / 20, betas=(0.9, 0.99), weight_decay=0.0)]


def descend(accelerator, loss: Tensor, network: nn.Module, optimizers: list[torch.optim.Optimizer], clip: float) -> None:
    """One step of every optimiser down the loss, the network's gradient no longer than `clip`."""
    for optimizer in optimizers:
        optimizer.zero_grad()
    accelerator.backward(loss)
    accelerator.clip_grad_norm_(network.parameters(), clip)
    for optimizer in optimizers:
        optimizer.step()


def schedule(progress: float) -> float:
    """Warm-up over 2 %, constant, then half a cosine to 0 over the last 60 %."""
    if progress < 0.02:
        return progress / 0.02
    return 0.5 + 0.5 * math.cos(math.pi * max(0.0, (progress - 0.4) / 0.6))


def main() -> None:
    recipe = common.read_recipe(DiffusionRecipe, __doc__)
    if recipe.network not in ("denoiser", "unet") or recipe.predicts not in ("v", "eps"):
        raise SystemExit("--network is denoiser or unet, --predicts v or eps.")
    if recipe.predicts == "eps" and recipe.network == "denoiser":
        raise SystemExit("Only --network unet can predict eps; our denoiser predicts a velocity.")
    if recipe.taught < 1 or (recipe.taught > 1 and not recipe.start):
        raise SystemExit("--taught is a guidance of 1 or more, and needs the denoiser to --start from.")
    if recipe.few < 0:
        raise SystemExit("--few must be a number of digits, or 0 for all.")
    name = "diffusion" if recipe.network == "denoiser" else recipe.network
    run, few = (f"{name}-few", load_digits("train")[:recipe.few]) if recipe.few else (name, None)
    before = common.training_of(recipe.start)
    result = common.run(recipe, run, DiffusionTask, schedule, digits=few, validation=few)
    if result:
        chain = linear_alpha_bar()
        settings = {"lowest_alpha_bar": chain.min().item(), "highest_alpha_bar": chain.max().item(), "guidance": 1.0}
        if recipe.taught > 1:
            settings["taught"] = recipe.taught
        common.save_result(recipe, BY_HEART if recipe.few else name, result.networks["network"], recipe.network, result, settings, before)


if __name__ == "__main__":
    main()
