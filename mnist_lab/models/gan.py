"""Two conditional GANs, each a generator that forges 32x32 digits and a discriminator that judges them.

The DCGAN is the readable baseline. The residual pair follows R3GAN (Huang et al. 2024): no normalisation, residual blocks
that start as the identity, and whatever keeps the war in balance is in its loss (`train.gan`).
"""

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


def without_norm(network: nn.Module) -> nn.Module:
    """The same network with nothing in the place of its batch norms."""
    for name, module in network.named_children():
        if isinstance(module, nn.BatchNorm2d):
            setattr(network, name, nn.Identity())
    return network


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


@dataclass(frozen=True)
class ResidualGeneratorConfig:
    latent: int = 64  # numbers in a latent vector, each N(0, 1)
    widths: tuple[int, int, int] = (96, 48, 24)  # channels at 7, 14 and 28 pixels


@dataclass(frozen=True)
class ResidualDiscriminatorConfig:
    widths: tuple[int, int, int] = (32, 64, 128)  # channels at 28, 14 and 7 pixels


class GanBlock(nn.Module):
    """x + two 3x3 convolutions with leaky ReLU, the last one starting at 0: (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(nn.functional.leaky_relu(self.conv1(nn.functional.leaky_relu(x, 0.2)), 0.2))


class ResidualGenerator(nn.Module):
    """Latents and label to a digit: z (B, latent), label (B, 10) shares that sum to one -> (B, 1, 32, 32) in [-1, 1]."""

    Config = ResidualGeneratorConfig

    def __init__(self, config: ResidualGeneratorConfig = ResidualGeneratorConfig()):
        super().__init__()
        self.config = config
        a, b, c = config.widths
        self.dense = nn.Linear(config.latent + 10, a * 49)
        self.block1, self.narrow1 = GanBlock(a), nn.Conv2d(a, b, 1)
        self.block2, self.narrow2 = GanBlock(b), nn.Conv2d(b, c, 1)
        self.block3, self.last = GanBlock(c), nn.Conv2d(c, 1, 3, padding=1)

    def forward(self, z: Tensor, label: Tensor) -> Tensor:
        h = self.block1(self.dense(torch.cat([z, label], dim=1)).unflatten(1, (-1, 7, 7)))  # (B, widths[0], 7, 7)
        h = self.block2(self._grown(self.narrow1(h)))  # (B, widths[1], 14, 14)
        h = self.block3(self._grown(self.narrow2(h)))  # (B, widths[2], 28, 28)
        return nn.functional.pad(self.last(nn.functional.leaky_relu(h, 0.2)).tanh(), (2, 2, 2, 2), value=-1.0)

    @staticmethod
    def _grown(x: Tensor) -> Tensor:
        return nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")


class ResidualDiscriminator(nn.Module):
    """How real a digit of a label looks: x (B, 1, 32, 32), label (B, 10) one-hot -> score (B,). Only differences of scores mean anything."""

    Config = ResidualDiscriminatorConfig

    def __init__(self, config: ResidualDiscriminatorConfig = ResidualDiscriminatorConfig()):
        super().__init__()
        self.config = config
        a, b, c = config.widths
        self.first, self.block1 = nn.Conv2d(1, a, 3, padding=1), GanBlock(a)
        self.widen1, self.block2 = nn.Conv2d(a, b, 1), GanBlock(b)
        self.widen2, self.block3 = nn.Conv2d(b, c, 1), GanBlock(c)
        self.collect = nn.Linear(c * 9, c)
        self.score, self.project = nn.Linear(c, 1), nn.Linear(10, c, bias=False)

    def forward(self, x: Tensor, label: Tensor) -> Tensor:
        h = self.block1(self.first(x[..., 2:-2, 2:-2]))  # (B, widths[0], 28, 28)
        h = self.block2(self.widen1(nn.functional.avg_pool2d(h, 2)))  # (B, widths[1], 14, 14)
        h = self.block3(self.widen2(nn.functional.avg_pool2d(h, 2)))  # (B, widths[2], 7, 7)
        h = nn.functional.leaky_relu(self.collect(nn.functional.avg_pool2d(h, 2).flatten(1)), 0.2)  # (B, widths[2])
        return self.score(h).squeeze(1) + (h * self.project(label)).sum(1)
