"""The three labs: plain calls on top of the checkpoints, with every argument checked. The app and the command line use them too.

Bad arguments raise ValueError with one sentence: what was wrong, then what is accepted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_lab import drawing
from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot, to_model, to_pictures
from mnist_lab.diffusion import SAMPLERS, SCHEDULES, Frame, guided, levels
from mnist_lab.diffusion.schedules import BETA_FIRST, BETA_LAST, TRAIN_STEPS

MOST_PICTURES = 1_000
PATHS = ("linear", "spherical")
CLASSIFIERS = ("resnet", "lenet")  # the first is the best


def whole(name: str, value: object, low: int, high: int) -> int:
    """`value` as an integer between low and high, or ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or not low <= value <= high or value != int(value):
        raise ValueError(f"{name} must be a whole number between {low:,} and {high:,}.")
    return int(value)


def number(name: str, value: object, low: float, high: float) -> float:
    """`value` as a float between low and high, or ValueError (NaN too)."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating) or not low <= value <= high:
        raise ValueError(f"{name} must be a number between {low:g} and {high:g}.")
    return float(value)


def choice(name: str, value: object, among: Sequence[str]) -> str:
    if not isinstance(value, str) or value not in among:
        raise ValueError(f"There is no {name} of that name. Choose {' or '.join(among)}.")
    return value


def seed_number(value: object) -> int:
    return whole("The seed", value, 0, 2**31 - 1)


def pictures(x: Tensor) -> list[Image.Image]:
    """(B, 1, 32, 32) in [-1, 1] -> 28x28 PIL pictures, white on black."""
    return [Image.fromarray(p) for p in to_pictures(x).numpy()]


@dataclass(frozen=True)
class Verdict:
    digit: int
    probabilities: np.ndarray  # float32 (10,), sum 1
    seen: np.ndarray  # uint8 (28, 28): the picture the network read

    def __str__(self) -> str:
        return f"{self.digit} ({100 * self.probabilities[self.digit]:.1f} %)"


class ClassifierLab:
    """Reads digits. `network` is a checkpoint's name."""

    def __init__(self, store: Store, network: str = CLASSIFIERS[0]):
        self.network = store[network]

    def classify(self, picture: str | Path | Image.Image | np.ndarray) -> Verdict:
        """A path, a PIL picture or an array, of any size, dark on light or light on dark, to a Verdict.

        Raises drawing.DrawingError (a ValueError) if it is no picture, too large or empty.
        """
        return self.read(drawing.from_picture(picture).pixels)

    @torch.inference_mode()
    def read(self, pixels: np.ndarray) -> Verdict:
        """A digit that is already uint8 (28, 28), centred, ink 255 on 0."""
        p = self.network(to_model(torch.tensor(pixels)[None])).softmax(1)[0].numpy()
        return Verdict(int(p.argmax()), p, pixels)


class GanLab:
    """Forges digits from latent vectors."""

    def __init__(self, store: Store):
        self.generator = store["gan"]
        self.latent_size: int = self.generator.config.latent

    def latent(self, seed: int, n: int = 1) -> Tensor:
        """The n latent vectors of a seed: (n, latent_size), each number N(0, 1)."""
        return torch.randn(n, self.latent_size, generator=torch.Generator().manual_seed(seed_number(seed)))

    @torch.inference_mode()
    def generate(self, digit: int = 0, n: int = 1, seed: int = 0) -> list[Image.Image]:
        """n pictures of one digit, 28x28, white on black."""
        digit, n = whole("The digit", digit, 0, 9), whole("n", n, 1, MOST_PICTURES)
        return pictures(self.generator(self.latent(seed, n), one_hot(torch.full((n,), digit))))

    def interpolate(self, digit: int | tuple[int, int] = 2, seeds: tuple[int, int] = (11, 12), path: str = "spherical", n: int = 61) -> list[Image.Image]:
        """n pictures on the way from one latent vector to another; two digits blend their labels on the way."""
        return pictures(self.walk(digit, seeds, path, n)[1])

    @torch.inference_mode()
    def walk(self, digit: int | tuple[int, int], seeds: tuple[int, int], path: str, n: int) -> tuple[Tensor, Tensor]:
        """The latents (n, latent_size) and digits (n, 1, 32, 32) of a morph."""
        ends = digit if isinstance(digit, tuple | list) else (digit, digit)
        if len(ends) != 2 or not isinstance(seeds, tuple | list) or len(seeds) != 2:
            raise ValueError("A walk has two ends: give one or two digits and two seeds.")
        first, last = (whole("The digit", d, 0, 9) for d in ends)
        n, path = whole("n", n, 2, MOST_PICTURES), choice("path", path, PATHS)
        a, b = (self.latent(s)[0] for s in seeds)
        t = torch.linspace(0, 1, n)[:, None]
        z = slerp(a, b, t) if path == "spherical" else torch.lerp(a, b, t)
        label = torch.lerp(one_hot(torch.tensor([first])), one_hot(torch.tensor([last])), t)
        return z, self.generator(z, label)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Spherical interpolation (Shoemake 1985) of directions, lengths changing evenly: a, b (D,), t (n, 1) -> (n, D).

    Random latents lie near a sphere; a straight line cuts through its inside, where the generator was seldom trained.
    """
    length_a, length_b = a.norm(), b.norm()
    u, v = a / length_a, b / length_b
    angle = torch.acos((u @ v).clamp(-1, 1))
    if angle < 1e-4:  # the ends coincide: every path is straight
        return torch.lerp(a, b, t)
    direction = (torch.sin((1 - t) * angle) * u + torch.sin(t * angle) * v) / torch.sin(angle)
    return direction * torch.lerp(length_a, length_b, t)


@dataclass(frozen=True)
class Sampling:
    """Checked settings of one run of the diffusion model."""

    labels: tuple[int, ...]  # one picture each; -1 is no label
    steps: int
    seed: int
    sampler: str
    schedule: str
    guidance: float
    eta: float
    beta_first: float
    beta_last: float
    same_noise: bool  # every picture starts from the same noise


class DiffusionLab:
    """Makes digits out of noise."""

    def __init__(self, store: Store):
        self.network, metadata = store.load("diffusion")
        self.range = metadata.settings["lowest_alpha_bar"], metadata.settings["highest_alpha_bar"]
        self.default_guidance: float = metadata.settings["guidance"]

    def sampling(self, labels: Sequence[int | None], *, steps: int = 50, seed: int = 0, sampler: str = "ddim", schedule: str = "cosine",
                 guidance: float | None = None, eta: float = 0.0, beta_first: float = BETA_FIRST, beta_last: float = BETA_LAST,
                 same_noise: bool = True) -> Sampling:
        """Settings checked one by one: ValueError says what is accepted. A label None means "any digit"."""
        if not 1 <= len(labels) <= MOST_PICTURES:
            raise ValueError(f"Ask for between 1 and {MOST_PICTURES:,} pictures.")
        return Sampling(
            tuple(-1 if d is None else whole("A digit", d, 0, 9) for d in labels),
            whole("Steps", steps, 1, TRAIN_STEPS),
            seed_number(seed),
            choice("sampler", sampler, tuple(SAMPLERS)),
            choice("noise schedule", schedule, tuple(SCHEDULES)),
            self.default_guidance if guidance is None else number("Guidance", guidance, 0, 8),
            number("eta", eta, 0, 1),
            number("The first beta", beta_first, 1e-6, number("The last beta", beta_last, 1e-6, 0.5)),
            beta_last,
            same_noise,
        )

    def levels(self, s: Sampling) -> Tensor:
        """alpha_bar (steps + 1,) of the steps to take, within the levels the network was trained on."""
        shape = {"beta_first": s.beta_first, "beta_last": s.beta_last} if s.schedule == "linear" else {}
        return levels(s.schedule, s.steps, *self.range, **shape)

    @torch.inference_mode()
    def frames(self, s: Sampling) -> Iterator[Frame]:
        """Every step from noise to digits; x and x0 are (len(labels), 1, 32, 32)."""
        count, generator = len(s.labels), torch.Generator().manual_seed(s.seed)
        shape = (1 if s.same_noise else count, 1, 32, 32)
        x = torch.randn(shape, generator=generator).expand(count, -1, -1, -1).contiguous(memory_format=torch.channels_last)
        denoise = guided(self.network, one_hot(torch.tensor(s.labels)), s.guidance)
        extra = {"eta": s.eta} if s.sampler == "ddim" else {}
        yield from SAMPLERS[s.sampler](denoise, x, self.levels(s), generator=generator, **extra)

    def generate(self, digit: int | None | Sequence[int | None] = None, n: int = 1, *, steps: int = 50, seed: int = 0, sampler: str = "ddim",
                 schedule: str = "cosine", guidance: float | None = None, eta: float = 0.0, beta_first: float = BETA_FIRST,
                 beta_last: float = BETA_LAST) -> list[Image.Image]:
        """n pictures of one digit (None: any), each from its own noise; or n of each digit in a list (n = 1: from the same noise).

        28x28, white on black. Raises ValueError for a setting out of range.
        """
        labels = (list(digit) if isinstance(digit, Sequence) else [digit]) * whole("n", n, 1, MOST_PICTURES)
        s = self.sampling(labels, steps=steps, seed=seed, sampler=sampler, schedule=schedule, guidance=guidance, eta=eta,
                          beta_first=beta_first, beta_last=beta_last, same_noise=isinstance(digit, Sequence) and n == 1)
        for frame in self.frames(s):
            last = frame.x
        return pictures(last)


def open_lab(name: str, store: Store | None = None) -> ClassifierLab | GanLab | DiffusionLab:
    store = store or Store()
    if name in ("classifier", *CLASSIFIERS):
        return ClassifierLab(store, CLASSIFIERS[0] if name == "classifier" else name)
    if name == "gan":
        return GanLab(store)
    if name == "diffusion":
        return DiffusionLab(store)
    raise ValueError(f"There is no lab {name!r}. Choose classifier, gan or diffusion.")
