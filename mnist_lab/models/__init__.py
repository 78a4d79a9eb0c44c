"""The networks. `MODELS` names every network a checkpoint may hold; each class has its `Config` dataclass beside it."""

from mnist_lab.models.classifier import LeNet, ResNet, fold_batch_norm
from mnist_lab.models.denoiser import Denoiser
from mnist_lab.models.gan import Discriminator, Generator, ResidualDiscriminator, ResidualGenerator, without_norm
from mnist_lab.models.unet import UNet

MODELS = {
    "lenet": LeNet,
    "resnet": ResNet,
    "unet": UNet,
    "denoiser": Denoiser,
    "generator": Generator,
    "discriminator": Discriminator,
    "residual-generator": ResidualGenerator,
    "residual-discriminator": ResidualDiscriminator,
}

__all__ = ["MODELS", "Denoiser", "Discriminator", "Generator", "LeNet", "ResNet", "ResidualDiscriminator", "ResidualGenerator", "UNet",
           "fold_batch_norm", "without_norm"]
