"""A conditional DCGAN: a generator that forges 32x32 digits and a discriminator that judges them."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class GeneratorConfig:
    latent: int = 64  # numbers in a latent vector, each N(0, 1)
    width: int = 32  # channels at 16 pixels; twice and four times that below


@dataclass(frozen=True)
class DiscriminatorConfig:
    width: int = 32  # channels at 16 pixels; twice and four times that below


def dcgan_init(module: nn.Module) -> None:
    """Convolutions N(0, 0.02), batch-norm scales N(1, 0.02), biases 0 (Radford et al. 2016, section 4)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, 0.0, 0.02)
    if isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
    if getattr(module, "bias", None) is not None:
        nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """Latents and label to a digit: z (B, latent), label (B, 10) shares that sum to one -> (B, 1, 32, 32) in [-1, 1]."""

    Config = GeneratorConfig

    def __init__(self, config: GeneratorConfig = GeneratorConfig()):
        super().__init__()
        self.config = config
        w = config.width
        self.dense = nn.Linear(config.latent + 10, 4 * w * 16, bias=False)
        self.norm1, self.up1 = nn.BatchNorm2d(4 * w), nn.ConvTranspose2d(4 * w, 2 * w, 4, 2, 1, bias=False)
        self.norm2, self.up2 = nn.BatchNorm2d(2 * w), nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False)
        self.norm3, self.up3 = nn.BatchNorm2d(w), nn.ConvTranspose2d(w, 1, 4, 2, 1)
        self.apply(dcgan_init)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        h = self.dense(torch.cat([z, label], dim=1)).unflatten(1, (-1, 4, 4))  # (B, 4 width, 4, 4)
        h = self.up1(self.norm1(h).relu())  # (B, 2 width, 8, 8)
        h = self.up2(self.norm2(h).relu())  # (B, width, 16, 16)
        return self.up3(self.norm3(h).relu()).tanh()  # (B, 1, 32, 32)


class Discriminator(nn.Module):
    """How real a digit of a label looks: x (B, 1, 32, 32), label (B, 10) one-hot -> score (B,), above zero for real.

    DCGAN's strided convolutions; the label enters as a projection (Miyato and Koyama 2018, eq. 3), which judges
    "is this the digit it claims to be" better than label planes beside the image.
    """

    Config = DiscriminatorConfig

    def __init__(self, config: DiscriminatorConfig = DiscriminatorConfig()):
        super().__init__()
        self.config = config
        w = config.width
        self.down1 = nn.Conv2d(1, w, 4, 2, 1)
        self.down2, self.norm2 = nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(2 * w)
        self.down3, self.norm3 = nn.Conv2d(2 * w, 4 * w, 4, 2, 1, bias=False), nn.BatchNorm2d(4 * w)
        self.score = nn.Linear(4 * w * 16, 1)
        self.project = nn.Linear(10, 4 * w * 16, bias=False)
        self.apply(dcgan_init)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        h = nn.functional.leaky_relu(self.down1(x), 0.2)  # (B, width, 16, 16)
        h = nn.functional.leaky_relu(self.norm2(self.down2(h)), 0.2)  # (B, 2 width, 8, 8)
        h = nn.functional.leaky_relu(self.norm3(self.down3(h)), 0.2).flatten(1)  # (B, 64 width)
        return self.score(h).squeeze(1) + (h * self.project(label)).sum(1)
