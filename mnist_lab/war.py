"""A GAN's training looked back at, or one that went wrong: the same fakes at some thirty moments, the curves, and the last generator.

In one .safetensors file: "images" int64 (S,), "fakes" uint8 (S, 64, 28, 28), "made" float32 (S, 10), "curve" float32
(C, 5), and "weights.NAME", the generator's as it was at the end, in half precision; a sound war also keeps "blow.NAME", a
few updates from one moment, of both networks or of one alone. `train.gan --chronicle` writes it.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from mnist_lab import checkpoint, metrics
from mnist_lab.checkpoint import CheckpointError, Metadata
from mnist_lab.data import Digits, one_hot, to_pictures
from mnist_lab.models import Generator, without_norm

SPOILS = ("default-init", "wide-init", "no-norm", "strong-judge")  # how a war can be made to go wrong; "" is one as it should go
FAKES, SAMPLES = 64, 2_000  # latents followed through the war; fakes its figures are of
PREFIX, BLOW = "weights.", "blow."
TURNS = ("both", "judge", "forger")  # who moves in a blow: both, the discriminator alone, the generator alone
BLOWS, WATCHED = 24, 8  # updates from one moment; fakes and real digits watched
FIGURES = ("modes", "read_as_asked", "precision", "recall", "frechet_distance")  # see `figures`
CURVES = ("step", "generator", "discriminator", "right_on_real", "right_on_fake")  # columns of `curve`


@dataclass(frozen=True, eq=False)
class War:
    """S moments of one training, in its order."""

    metadata: Metadata  # of the generator; settings: "spoil", "runs" (the training each moment is of, all the same), "figures" of the end
    images: Tensor  # int64 (S,), rising: real digits the discriminator had seen
    fakes: Tensor  # uint8 (S, FAKES, 28, 28): what the same latents gave; the label of fake i is i % 10
    made: Tensor  # float32 (S, 10): share of fakes of each digit that the judge reads as asked
    curve: Tensor  # float32 (C, 5): see CURVES; losses, and shares of real and fake digits the discriminator was right about
    weights: dict[str, Tensor]  # of the last generator
    blow: dict[str, Tensor]  # of a sound war, else empty: see `blow_shapes`

    @property
    def generator(self) -> Generator:
        """The generator the war ended with."""
        model = Generator(Generator.Config(**self.metadata.config))
        model = without_norm(model) if self.metadata.settings["spoil"] == "no-norm" else model
        model.load_state_dict(self.weights)
        return model.eval().requires_grad_(False)


def path_of(folder: Path, spoil: str) -> Path:
    """Where the war of the checkpoint folder lies that was spoiled like this ("": not at all)."""
    return folder / "history" / f"war{'-' if spoil else ''}{spoil}.safetensors"


@torch.inference_mode()
def followed(generator: nn.Module) -> Tensor:
    """The fakes of the latents that are followed: uint8 (FAKES, 28, 28)."""
    device = next(generator.parameters()).device
    z = torch.randn(FAKES, generator.config.latent, generator=torch.Generator().manual_seed(64))
    return to_pictures(generator(z.to(device), one_hot(torch.arange(FAKES, device=device) % 10))).cpu()


@torch.inference_mode()
def forged(generator: nn.Module, labels: Tensor, seed: int = 65) -> Tensor:
    """A fake of each label: uint8 (N, 28, 28)."""
    z = torch.randn(len(labels), generator.config.latent, generator=torch.Generator().manual_seed(seed)).to(labels.device)
    return torch.cat([to_pictures(generator(a, one_hot(b))) for a, b in zip(z.split(500), labels.split(500), strict=True)])


def made(generator: nn.Module, classifier: nn.Module, each: int = 50) -> Tensor:
    """The share of `each` fakes of every digit that is read as asked: (10,)."""
    labels = torch.arange(10 * each, device=next(generator.parameters()).device) % 10
    right = metrics.read(classifier, forged(generator, labels)).digit == labels
    return torch.stack([right[labels == d].float().mean() for d in range(10)]).cpu()


def figures(generator: nn.Module, classifier: nn.Module, people: Digits) -> dict[str, float]:
    """What the generator can do, by `classifier`, beside digits that people wrote: {"modes": digits of which at least half are
    read as asked, "read_as_asked", "precision", "recall" (how much of people's variety it reaches), "frechet_distance"}."""
    labels = metrics.labels_like(people, SAMPLES)
    fake, real = metrics.read(classifier, forged(generator, labels)), metrics.read(classifier, people.images[:SAMPLES])
    precision, recall = metrics.precision_recall(real.features, fake.features)
    return {"modes": int((made(generator, classifier) >= 0.5).sum()), "read_as_asked": (fake.digit == labels).float().mean().item(),
            "precision": precision, "recall": recall, "frechet_distance": metrics.frechet_distance(fake.features, real.features)}


def blow_shapes() -> dict[str, tuple[int, ...]]:
    """What is kept of some updates from one moment: the latents and real digits, what the discriminator wishes of every fake's pixels
    (minus the slope of the generator's loss), both losses, and for each of TURNS the marks (real, fake) and fakes after every update."""
    turns = {f"{who}.{what}": (BLOWS + 1, *rest) for who in TURNS for what, rest in (("marks", (2, WATCHED)), ("fakes", (WATCHED, 28, 28)))}
    return {"images": (), "noise": (WATCHED, Generator.Config().latent), "real": (WATCHED, 28, 28), "wish": (WATCHED, 28, 28), "losses": (2,), **turns}


def save(path: Path, war: War) -> None:
    tensors = {"images": war.images, "fakes": war.fakes, "made": war.made, "curve": war.curve}
    weights = {PREFIX + name: w.half().contiguous() if w.is_floating_point() else w for name, w in war.weights.items()}
    checkpoint.write(path, tensors | weights | {BLOW + name: t.contiguous() for name, t in war.blow.items()}, war.metadata)


def load(path: Path) -> War:
    """Raises CheckpointError, in one sentence, for a file that is missing, damaged or of more than one training."""
    metadata = checkpoint.read_metadata(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}
        parts = [tensors.pop(name) for name in ("images", "fakes", "made", "curve")]
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is not a whole .safetensors file ({error}).") from error
    except KeyError as error:
        raise CheckpointError(f"{path.name} is not the chronicle of a GAN: it has no {error}.") from error
    blow = {name.removeprefix(BLOW): tensors.pop(name) for name in list(tensors) if name.startswith(BLOW)}
    weights = {name.removeprefix(PREFIX): w.float() if w.is_floating_point() else w for name, w in tensors.items()}
    war = War(metadata, *parts, weights, blow)
    wrong = _wrong(war)
    if wrong:
        raise CheckpointError(f"The chronicle in {path.name} can't be used: {wrong}.")
    return war


def _wrong(war: War) -> str | None:
    count, settings = len(war.images), war.metadata.settings
    if not count or war.fakes.shape != (count, FAKES, 28, 28) or war.made.shape != (count, 10) or war.curve.dim() != 2 or war.curve.shape[1] != len(CURVES):
        return "its figures are not one for each moment"
    if not (war.images.diff() > 0).all() or not (war.curve[:, 0].diff() > 0).all():
        return "its moments are not in the order of training"
    known, batch = settings.get("figures"), war.metadata.training.get("recipe", {}).get("batch")
    if settings.get("spoil") not in ("", *SPOILS) or not isinstance(batch, int) or batch < 1:
        return "it does not say what kind of war it was"
    if not isinstance(known, dict) or not all(isinstance(known.get(name), int | float) for name in FIGURES):
        return "the figures of its end are missing"
    if not isinstance(settings.get("runs"), list) or len(settings["runs"]) != count or len(set(settings["runs"])) != 1:
        return "its moments are not all of one training"
    if {name: tuple(t.shape) for name, t in war.blow.items()} != ({} if settings["spoil"] else blow_shapes()):
        return "its updates from one moment are not whole"
    try:
        generator = war.generator
    except (RuntimeError, TypeError, ValueError) as error:
        return f"its weights do not fit a generator ({str(error).splitlines()[0]})"
    return None if all(w.isfinite().all() for w in generator.state_dict().values()) else "some weights are no finite numbers"
