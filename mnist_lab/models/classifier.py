"""Two classifiers of 32x32 digits: the small LeNet one can read weight by weight, and a residual network that reads best."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class LeNetConfig:
    batch_norm: bool = False  # True while training; `fold_batch_norm` turns it into the published 16,554 weights


class LeNet(nn.Module):
    """Three 3x3 convolutions and three linear layers: exactly 16,554 parameters without batch norm.

    (B, 1, 32, 32) in [-1, 1] -> logits (B, 10). After LeCun et al. 1998, with ReLU and max pooling.
    """

    Config = LeNetConfig

    def __init__(self, config: LeNetConfig = LeNetConfig()):
        super().__init__()
        self.config = config
        norm2d, norm1d = (nn.BatchNorm2d, nn.BatchNorm1d) if config.batch_norm else (nn.Identity, nn.Identity)
        self.conv1, self.norm1, self.pool1 = nn.Conv2d(1, 8, 3, padding=1), norm2d(8), nn.MaxPool2d(2)
        self.conv2, self.norm2, self.pool2 = nn.Conv2d(8, 16, 3, padding=1), norm2d(16), nn.MaxPool2d(2)
        self.conv3, self.norm3, self.pool3 = nn.Conv2d(16, 32, 3, padding=1), norm2d(32), nn.AvgPool2d(4)
        self.dense1, self.norm4 = nn.Linear(128, 64), norm1d(64)
        self.dense2, self.norm5 = nn.Linear(64, 32), norm1d(32)
        self.logits = nn.Linear(32, 10)

    def features(self, x: Tensor) -> Tensor:
        """The 32 numbers before the last ReLU and the logits: (B, 1, 32, 32) -> (B, 32)."""
        x = self.pool1(self.norm1(self.conv1(x)).relu())  # (B, 8, 16, 16)
        x = self.pool2(self.norm2(self.conv2(x)).relu())  # (B, 16, 8, 8)
        x = self.pool3(self.norm3(self.conv3(x)).relu())  # (B, 32, 2, 2)
        x = self.norm4(self.dense1(x.flatten(1))).relu()  # (B, 64)
        return self.norm5(self.dense2(x))  # (B, 32)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x).relu())  # (B, 10)


def fold_batch_norm(model: LeNet) -> LeNet:
    """The same function (in evaluation mode) as `model`, with every batch norm folded into the layer before it."""
    plain = LeNet(LeNetConfig(batch_norm=False)).eval()
    pairs = [("conv1", "norm1"), ("conv2", "norm2"), ("conv3", "norm3"), ("dense1", "norm4"), ("dense2", "norm5")]
    with torch.no_grad():
        for layer_name, norm_name in pairs:
            layer, norm = getattr(model, layer_name), getattr(model, norm_name)
            gain = norm.weight / (norm.running_var + norm.eps).sqrt()
            target = getattr(plain, layer_name)
            target.weight.copy_(layer.weight * gain.reshape(-1, *[1] * (layer.weight.dim() - 1)))
            target.bias.copy_((layer.bias - norm.running_mean) * gain + norm.bias)
        plain.logits.load_state_dict(model.logits.state_dict())
    return plain


@dataclass(frozen=True)
class ResNetConfig:
    widths: tuple[int, int, int] = (32, 64, 128)  # channels at 28, 14 and 7 pixels


class Residual(nn.Module):
    """x + two 3x3 convolutions with batch norm (He et al. 2016): (B, C, H, W) -> (B, C, H, W)."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        self.conv2, self.norm2 = nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        nn.init.zeros_(self.norm2.weight)  # each block starts as the identity, which lets the learning rate be high

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))).relu()


class ResNet(nn.Module):
    """A small residual network that looks at the inner 28x28 pixels: (B, 1, 32, 32) in [-1, 1] -> logits (B, 10)."""

    Config = ResNetConfig

    def __init__(self, config: ResNetConfig = ResNetConfig()):
        super().__init__()
        self.config = config
        a, b, c = config.widths
        self.conv1, self.norm1 = nn.Conv2d(1, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.conv2, self.norm2 = nn.Conv2d(a, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.pool1 = nn.MaxPool2d(2)
        self.conv3, self.norm3 = nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b)
        self.block1 = Residual(b)
        self.pool2 = nn.MaxPool2d(2)
        self.conv4, self.norm4 = nn.Conv2d(b, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.block2 = Residual(c)
        self.logits = nn.Linear(2 * c, 10)

    def features(self, x: Tensor) -> Tensor:
        """Average and maximum of each last map: (B, 1, 32, 32) -> (B, 2 * widths[-1])."""
        x = x[..., 2:-2, 2:-2]  # (B, 1, 28, 28)
        x = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu()
        x = self.block1(self.norm3(self.conv3(self.pool1(x))).relu())  # (B, widths[1], 14, 14)
        x = self.block2(self.norm4(self.conv4(self.pool2(x))).relu())  # (B, widths[2], 7, 7)
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))  # (B, 10)
