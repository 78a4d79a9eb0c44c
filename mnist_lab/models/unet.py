"""The baseline denoiser: a U-Net that is told the noise level and the label, and says what the noise is."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class UNetConfig:
    widths: tuple[int, int, int] = (32, 64, 128)  # channels at 32, 16 and 8 pixels
    bottleneck: int = 256  # channels at 4 pixels
    embedding: int = 256  # length of the summed embedding of noise level and label
    predicts: str = "v"  # what the last layer means: "v", or "eps" as published


def noise_features(log_snr: Tensor, size: int) -> Tensor:
    """Sines and cosines of the log signal-to-noise ratio: (B,) -> (B, size).

    Waves from 2 pi / 0.05 down to 2 pi / 4 in units of log-SNR: the trained range is about 20 wide.
    """
    rates = torch.exp(torch.linspace(math.log(0.05), math.log(4.0), size // 2, device=log_snr.device))
    angles = log_snr[:, None] * rates  # (B, size / 2)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class ResidualBlock(nn.Module):
    """Norm, SiLU, 3x3 convolution, twice, with the embedding added between: (B, Cin, H, W) -> (B, Cout, H, W)."""

    def __init__(self, c_in: int, c_out: int, embedding: int):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, c_in), nn.Conv2d(c_in, c_out, 3, padding=1)
        self.embed = nn.Linear(embedding, c_out)
        self.norm2, self.conv2 = nn.GroupNorm(8, c_out), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x), inplace=True))
        return self.finished(h, embedding).add_(self.skip(x))

    def finished(self, h: Tensor, embedding: Tensor) -> Tensor:
        """From the first convolution's answer (B, Cout, H, W) to the second's; what is nobody else's is worked on in place."""
        h += self.embed(embedding)[:, :, None, None]
        return self.conv2(F.silu(self.norm2(h), inplace=True))


class RisingBlock(ResidualBlock):
    """The same block on a smaller map, enlarged, beside a skip: (B, Ch, H / 2, W / 2), (B, Cs, H, W) -> (B, Cout, H, W).

    It is block(cat(enlarged h, skip)) without ever enlarging h. What is nearest to nearest neighbours need be worked out once:
    norm, SiLU and the 1x1 convolution go before the enlarging, and a 3x3 convolution after it is a transposed one of 4x4 before it,
    with 4 products a pixel in place of 9.
    """

    def __init__(self, c_small: int, c_skip: int, c_out: int, embedding: int):
        super().__init__(c_small + c_skip, c_out, embedding)
        self.c_small = c_small
        self._kept = None, ()

    def forward(self, small: Tensor, skip: Tensor, embedding: Tensor) -> Tensor:
        spread, beside, point_small, point_skip = self.kernels()
        a, b = self.normed(small, skip)
        h = F.conv_transpose2d(a, spread, stride=2, padding=1).add_(F.conv2d(b, beside, self.conv1.bias, padding=1))
        passed = F.interpolate(F.conv2d(small, point_small, self.skip.bias), scale_factor=2.0)
        return self.finished(h, embedding).add_(passed).add_(F.conv2d(skip, point_skip))

    def normed(self, small: Tensor, skip: Tensor) -> tuple[Tensor, Tensor]:
        """Group norm of both together, and SiLU, each in its own shape.

        A group's moments are the means of its channels', which enlarging leaves as they are.
        """
        norm, both = self.norm1, (small.float(), skip.float())  # as nn.GroupNorm does in mixed precision
        channels = [torch.cat([moment(part).mean((2, 3)) for part in both], 1) for moment in (lambda x: x, torch.square)]  # (B, C) each
        grouped = (moment.unflatten(1, (norm.num_groups, -1)) for moment in channels)
        mean, square = (moment.mean(2, keepdim=True).expand_as(moment).flatten(1) for moment in grouped)  # (B, C), equal within a group
        scale = norm.weight * ((square - mean.square()).clamp(min=0) + norm.eps).rsqrt()
        shift = norm.bias - mean * scale
        scales, shifts = (x[:, :, None, None].tensor_split([self.c_small], 1) for x in (scale, shift))
        a, b = (F.silu(torch.addcmul(to, part, by), inplace=True) for part, by, to in zip(both, scales, shifts, strict=True))
        return a, b

    def kernels(self) -> tuple[Tensor, ...]:
        """For the 3x3 convolution (Ch, Cout, 4, 4) of the small map, spread, and (Cout, Cs, 3, 3) of the skip; for the 1x1 (Cout, Ch or Cs, 1, 1).

        A pixel is one of four equal ones of the enlarged map, so the kernel is summed over them. All are kept as long as the
        weights stay what they are, unless somebody learns from them.
        """
        learning, (state, kept) = torch.is_grad_enabled(), self._kept
        now = None if learning else [(w.data_ptr(), 0 if w.is_inference() else w._version) for w in (self.conv1.weight, self.skip.weight)]
        if now and state == now:
            return kept
        (small, beside), points = (conv.weight.tensor_split([self.c_small], 1) for conv in (self.conv1, self.skip))
        flipped = small.transpose(0, 1).flip(2, 3)
        spread = sum(F.pad(flipped, (x, 1 - x, y, 1 - y)) for x in (0, 1) for y in (0, 1))
        kernels = tuple(kernel.contiguous(memory_format=torch.channels_last) for kernel in (spread, beside, *points))
        if not learning:
            self._kept = now, kernels
        return kernels


class UNet(nn.Module):
    """Three levels and a bottleneck, one residual block each way: exactly 2,447,681 parameters as configured.

    forward(x, alpha_bar, label): x (B, 1, 32, 32), noise level alpha_bar (B,) in (0, 1), label (B, 10) one-hot or
    all-zero for "no label"; returns eps (B, 1, 32, 32). After Ronneberger et al. 2015 and Ho et al. 2020, appendix B.
    The network sees log(alpha_bar / (1 - alpha_bar)), never a step number, so any schedule may be used to sample.

    Where the last layer predicts v = a eps - s x_0 (Salimans and Ho 2022; a^2 = alpha_bar, s^2 = 1 - alpha_bar), the
    noise is s x + a v: in nearly pure noise eps is then right by construction and the layer is left with the digit.
    """

    Config = UNetConfig

    def __init__(self, config: UNetConfig = UNetConfig()):
        super().__init__()
        self.config = config
        (a, b, c), d, e = config.widths, config.bottleneck, config.embedding
        self.embed_noise = nn.Sequential(nn.Linear(e, e, bias=False), nn.SiLU(), nn.Linear(e, e, bias=False))
        self.embed_label = nn.Sequential(nn.Linear(10, e, bias=False), nn.SiLU(), nn.Linear(e, e))
        self.conv_in = nn.Conv2d(1, a, 3, padding=1)
        self.down1, self.down2, self.down3 = ResidualBlock(a, a, e), ResidualBlock(a, b, e), ResidualBlock(b, c, e)
        self.middle = ResidualBlock(c, d, e)
        self.up3, self.up2, self.up1 = RisingBlock(d, c, c, e), RisingBlock(c, b, b, e), RisingBlock(b, a, a, e)
        self.norm_out, self.conv_out = nn.GroupNorm(8, a), nn.Conv2d(a, 1, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, x: Tensor, alpha_bar: Tensor, label: Tensor) -> Tensor:
        out = self.last_layer(x, alpha_bar, label)
        if self.config.predicts == "eps":
            return out
        level = alpha_bar[:, None, None, None]
        return (1 - level).sqrt() * x + level.sqrt() * out

    def last_layer(self, x: Tensor, alpha_bar: Tensor, label: Tensor) -> Tensor:
        features = noise_features(torch.logit(alpha_bar), self.config.embedding)
        embedding = F.silu(self.embed_noise(features) + self.embed_label(label))  # (B, embedding)
        h1 = self.down1(self.conv_in(x), embedding)  # (B, 32, 32, 32)
        h2 = self.down2(F.avg_pool2d(h1, 2), embedding)  # (B, 64, 16, 16)
        h3 = self.down3(F.avg_pool2d(h2, 2), embedding)  # (B, 128, 8, 8)
        h = self.middle(F.avg_pool2d(h3, 2), embedding)  # (B, 256, 4, 4)
        h = self.up3(h, h3, embedding)
        h = self.up2(h, h2, embedding)
        h = self.up1(h, h1, embedding)  # (B, 32, 32, 32)
        return self.conv_out(F.silu(self.norm_out(h)))
