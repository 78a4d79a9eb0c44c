"""Train the denoiser: `python -m train.diffusion`.

The published baseline's network: a U-Net of 2,447,681 parameters, the label dropped one time in ten so that one network
serves both sides of guidance. What is ours: it predicts v at angles spread evenly between clean and noise, with Muon on
the inner matrices, AdamW on the rest, a cosine learning rate and averaged weights. As published (`--predicts eps`, levels
of the 1,000-step linear chain, AdamW 5e-5) it needs tens of epochs; in our first 50,000 images eps left grey paper.
"""


import math
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn

from mnist_lab.data import Digits, one_hot, to_model, to_pictures
from mnist_lab.diffusion import SAMPLERS, guided, levels
from mnist_lab.diffusion.process import add_noise
from mnist_lab.diffusion.schedules import linear_alpha_bar
from mnist_lab.models import UNet
from mnist_lab.plots.digits import grid
from mnist_lab.training import seeded
from train import common
from train.muon import Muon


@dataclass(frozen=True)
class DiffusionRecipe(common.Recipe):
    batch: int = 64  # on a GPU: 512, with `rate` times 2
    images: int = 6_000_000
    rate: float = 0.02  # Muon's; AdamW takes a twentieth part
    predicts: str = "v"  # or eps, on the levels of the linear chain (Ho et al. 2020)
    drop_label: float = 0.1
    clip: float = 1.0  # norm of the gradient
    ema: float = 0.9985
    validate_every: int = 25_000


class DiffusionTask:
    def __init__(self, recipe: DiffusionRecipe, accelerator, validation: Digits):
        self.recipe, self.accelerator = recipe, accelerator
        model = UNet(UNet.Config(predicts=recipe.predicts))
        inner, outer = split_parameters(model)
        muon, adam = Muon(inner, lr=recipe.rate), torch.optim.AdamW(outer, lr=recipe.rate / 20, betas=(0.9, 0.99), weight_decay=0.0)
        model, muon, adam = accelerator.prepare(model.to(memory_format=torch.channels_last), muon, adam)
        self.networks, self.optimizers = {"unet": model}, [muon, adam]
        self.alpha_bar = linear_alpha_bar().float().to(accelerator.device)
        self.validation = validation.to(accelerator.device)

    def levels(self, place: Tensor) -> Tensor:
        """Noise levels to train on, for places spread over [0, 1): evenly on the linear chain, or by angle for v."""
        if self.recipe.predicts == "eps":
            return self.alpha_bar[(place * len(self.alpha_bar)).long()]
        first, last = (self.alpha_bar[k].sqrt().acos() for k in (0, -1))
        return torch.lerp(first, last, place).cos().square()

    def loss(self, network: nn.Module, batch: Digits, generator: torch.Generator, drop: float) -> Tensor:
        """Mean squared error of eps (Ho et al. 2020, eq. 14) or of v, which is the error of eps over a."""
        x0, count = to_model(batch.images), len(batch)
        device = x0.device
        place = (torch.rand((), generator=generator, device=device) + torch.arange(count, device=device) / count) % 1
        alpha_bar = self.levels(place)
        level = alpha_bar[:, None, None, None]
        eps = torch.randn(x0.shape, generator=generator, device=device)
        label = one_hot(batch.labels) * (torch.rand(count, 1, generator=generator, device=device) >= drop)
        x = add_noise(x0, eps, level)
        with self.accelerator.autocast():
            predicted = network(x.contiguous(memory_format=torch.channels_last), alpha_bar, label)
        error = (predicted.float() - eps).square()
        return error.mean() if self.recipe.predicts == "eps" else (error / level).mean()

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        network = self.networks["unet"]
        loss = self.loss(network, batch, generator, self.recipe.drop_label)
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(network.parameters(), self.recipe.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        return {"loss": loss.detach()}

    @torch.inference_mode()
    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        """The loss on 1,024 digits of validation writers, always with the same noise."""
        device = self.validation.labels.device
        parts = [self.validation[i:i + 128] for i in range(0, 1024, 128)]
        losses = [self.loss(averaged["unet"], part, seeded(device, k), 0.0) for k, part in enumerate(parts)]
        return {"loss": torch.stack(losses).mean().item()}

    @torch.inference_mode()
    def picture(self, averaged: dict[str, nn.Module]) -> Image.Image:
        device = self.alpha_bar.device
        label = one_hot(torch.arange(20, device=device) % 10)
        x = torch.randn(20, 1, 32, 32, generator=seeded(device, 1), device=device)
        lowest, highest = self.alpha_bar.min().item(), self.alpha_bar.max().item()
        for frame in SAMPLERS["ddim"](guided(averaged["unet"], label, 1.0), x, levels("linear", 20, lowest, highest), generator=seeded(device, 2)):
            x = frame.x
        return grid(to_pictures(x).cpu().numpy(), columns=10, scale=2)


def split_parameters(model: UNet) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(inner matrices for Muon, the first and last layer, embeddings and vectors for AdamW)."""
    outer = ("conv_in", "conv_out", "embed_noise", "embed_label")
    named = list(model.named_parameters())
    inner = [p for name, p in named if p.dim() > 1 and not name.startswith(outer)]
    return inner, [p for name, p in named if p.dim() <= 1 or name.startswith(outer)]


def schedule(progress: float) -> float:
    """Warm-up over 2 %, constant, then half a cosine to 0 over the last 60 %."""
    if progress < 0.02:
        return progress / 0.02
    return 0.5 + 0.5 * math.cos(math.pi * max(0.0, (progress - 0.4) / 0.6))


def main() -> None:
    recipe = common.read_recipe(DiffusionRecipe, __doc__)
    result = common.run(recipe, "diffusion", DiffusionTask, schedule)
    if result:
        chain = linear_alpha_bar()
        settings = {"lowest_alpha_bar": chain.min().item(), "highest_alpha_bar": chain.max().item(), "guidance": 1.0}
        common.save_result(recipe, "diffusion", result.networks["unet"], "unet", result, settings)


if __name__ == "__main__":
    main()
