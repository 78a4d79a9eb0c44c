"""The GAN's lab: walks, planes and directions in latent space, back from a picture, and the judge's wish."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_lab import latent as space
from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot, to_pictures
from mnist_lab.explain import judge
from mnist_lab.labs.checks import MOST_PICTURES, Picture, choice, digit_input, listed, number, pictures, seed_number, whole
from mnist_lab.labs.classifier import CLASSIFIERS
from mnist_lab.latent import PATHS

MOST_STOPS = 8  # of a ring


@dataclass(frozen=True)
class Inversion:
    """The latent vector found for a picture, and how well it does."""

    z: Tensor  # (D,)
    digit: int  # the label it needs
    error: float  # mean absolute difference a pixel, of 1 from paper to ink
    made: np.ndarray  # uint8 (28, 28): what the generator makes of it


class GanLab:
    """Forges digits from latent vectors, and finds its way about among them."""

    def __init__(self, store: Store):
        self.store, self.generator = store, store["gan"]
        self.latent_size: int = self.generator.config.latent

    def latent(self, seed: int, n: int = 1) -> Tensor:
        """The n latent vectors of a seed: (n, latent_size), each number N(0, 1)."""
        n = whole("n", n, 1, 1_000_000)
        return torch.randn(n, self.latent_size, generator=torch.Generator().manual_seed(seed_number(seed)))

    @torch.inference_mode()
    def generate(self, digit: int = 0, n: int = 1, seed: int = 0, wildness: float = 1.0) -> list[Image.Image]:
        """n pictures of one digit, 28x28, white on black. Wildness scales the latents: towards 0 all become the most average digit (truncation)."""
        digit, n = whole("The digit", digit, 0, 9), whole("n", n, 1, MOST_PICTURES)
        z = number("Wildness", wildness, 0, 3) * self.latent(seed, n)
        return pictures(self.generator(z, one_hot(torch.full((n,), digit))))

    # ---- walks

    def interpolate(self, digit: int | tuple[int, int] = 2, seeds: tuple[int, int] = (11, 12), path: str = "spherical", n: int = 61) -> list[Image.Image]:
        """n pictures on the way from one latent vector to another; two digits blend their labels on the way."""
        return pictures(self.walk(digit, seeds, path, n)[1])

    def walk(self, digit: int | tuple[int, int], seeds: tuple[int, int], path: str, n: int) -> tuple[Tensor, Tensor]:
        """The latents (n, latent_size) and digits (n, 1, 32, 32) of a morph."""
        ends = digit if isinstance(digit, tuple | list) else (digit, digit)
        if len(ends) != 2 or not isinstance(seeds, tuple | list) or len(seeds) != 2:
            raise ValueError("A walk has two ends: give one or two digits and two seeds.")
        labels = one_hot(torch.tensor([whole("The digit", d, 0, 9) for d in ends]))
        return self.through(torch.cat([self.latent(s) for s in seeds]), labels, path, n)

    def ring(self, digits: Sequence[int], seeds: Sequence[int], path: str = "spherical", n: int = 96) -> list[Image.Image]:
        """n pictures through two to eight stops and back to the first, which also comes last: a digit and a seed each."""
        digits, seeds = listed("The digits", digits), listed("The seeds", seeds)
        stops = [(whole("A digit", d, 0, 9), seed_number(s)) for d, s in zip(digits, seeds, strict=False)]
        if len(digits) != len(seeds) or not 2 <= len(stops) <= MOST_STOPS:
            raise ValueError(f"A ring has between 2 and {MOST_STOPS} stops: give as many digits as seeds.")
        z, labels = torch.cat([self.latent(s) for _, s in stops]), one_hot(torch.tensor([d for d, _ in stops]))
        return pictures(self.through(torch.cat([z, z[:1]]), torch.cat([labels, labels[:1]]), path, n)[1])

    @torch.inference_mode()
    def through(self, z: Tensor, labels: Tensor, path: str, n: int) -> tuple[Tensor, Tensor]:
        """Latents (n, latent_size) and digits (n, 1, 32, 32) through any points z (K, latent_size) with labels (K, 10), which are blended."""
        n, path = whole("n", n, 2, MOST_PICTURES), choice("path", path, PATHS)
        if len(z) < 2 or z.shape != (len(z), self.latent_size) or labels.shape != (len(z), 10):
            raise ValueError(f"A way needs two points or more, (K, {self.latent_size}), with as many labels, (K, 10).")
        t = torch.linspace(0, 1, n)
        way = space.walk(z, t, path)
        return way, self.generator(way, space.walk(labels, t, "linear"))

    # ---- the plane

    def plane(self, seeds: Sequence[int] = (11, 12)) -> space.Plane:
        """The flat slice through the latents of three seeds, or of two and the centre."""
        seeds = listed("The seeds", seeds)
        if len(seeds) not in (2, 3):
            raise ValueError("A slice is spanned by three seeds, or by two and the centre.")
        points = [self.latent(s)[0] for s in seeds] + [torch.zeros(self.latent_size)] * (3 - len(seeds))
        if len(set(seeds)) < len(seeds):
            raise ValueError("These latents have one seed: give each its own.")
        return space.plane(torch.stack(points))

    @torch.inference_mode()
    def at(self, x: float, y: float, seeds: Sequence[int] = (11, 12), digit: int = 2, blend: tuple[int, float] | None = None,
           wildness: float = 1.0) -> Image.Image:
        """The digit at a place of a slice, which random latents surround at a distance of about 1. `blend`: a second digit and its share."""
        place = torch.tensor([[number("x", x, -3, 3), number("y", y, -3, 3)]])
        z = number("Wildness", wildness, 0, 3) * self.plane(seeds).at(place)
        return pictures(self.generator(z, self.label(digit, blend)))[0]

    def label(self, digit: int, blend: tuple[int, float] | None = None) -> Tensor:
        """Shares of the ten labels (1, 10): one digit, or two of them."""
        first = one_hot(torch.tensor([whole("The digit", digit, 0, 9)]))
        if blend is None:
            return first
        if not isinstance(blend, tuple | list) or len(blend) != 2:
            raise ValueError("A blend is a second digit and its share.")
        return torch.lerp(first, one_hot(torch.tensor([whole("The second digit", blend[0], 0, 9)])), number("The share", blend[1], 0, 1))

    # ---- directions

    def directions(self) -> list[space.Direction]:
        """Directions that change slant, stroke width, aspect, roundness or ink more than anything else; a few seconds, once a generator."""
        return _directions(self.generator)

    @torch.inference_mode()
    def edit(self, z: Tensor, digit: int, **amounts: float) -> Image.Image:
        """The digit of a latent vector, (latent_size,) or (1, latent_size), moved along directions: slant=1.5, stroke=-2 and so on."""
        if z.numel() != self.latent_size:
            raise ValueError(f"Give one latent vector of {self.latent_size} numbers.")
        known = {d.name: d.vector for d in self.directions()}
        if amounts.keys() - known.keys():
            raise ValueError(f"There is no direction {min(amounts.keys() - known.keys())}. There are {', '.join(known)}.")
        moved = z.flatten() + sum((number(name, amount, -10, 10) * known[name] for name, amount in amounts.items()), torch.zeros(self.latent_size))
        return pictures(self.generator(moved[None], self.label(digit)))[0]

    # ---- back from a picture

    def invert(self, picture: Picture, digit: int | None = None, steps: int = 60) -> Inversion:
        """The latent vector that comes nearest to a picture. The label is the classifier's, unless a digit is given."""
        steps = whole("Steps", steps, 0, 1_000)
        for search in space.invert(self.generator, *self.search(picture, digit), steps):
            last = search
        return self.found(last)

    def search(self, picture: Picture, digit: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """What a search needs: the picture (1, 1, 32, 32), and the labels (N, 10) and latents (N, latent_size) to begin with."""
        x = digit_input(picture)
        if digit is None:
            with torch.inference_mode():
                labels = space.guess_labels(self.store[CLASSIFIERS[0]](x).softmax(1)[0], space.RANDOM)
        else:
            labels = self.label(digit).expand(space.RANDOM, -1)
        return x, labels, self.latent(0, space.RANDOM)

    @torch.no_grad()
    def found(self, search: space.Search) -> Inversion:
        """The best of a search so far."""
        k = search.best
        made = to_pictures(self.generator(search.z[k:k + 1], search.label[k:k + 1]))[0].numpy()
        return Inversion(search.z[k], int(search.label[k].argmax()), float(search.error[k]), made)

    # ---- the judge

    def judge(self, picture: Picture, digit: int) -> tuple[float, np.ndarray]:
        """How real the discriminator finds a picture as that digit, and its wish, float32 (28, 28): above zero where ink would help."""
        score, wish = judge.wish(self.store["discriminator"], digit_input(picture), self.label(digit))
        return score, wish.numpy()

    def obey(self, picture: Picture, digit: int, steps: int = 5) -> list[tuple[float, Image.Image]]:
        """Score and picture after each step towards what the discriminator wants; fewer steps where none helps any more."""
        steps = whole("Steps", steps, 1, 100)
        way = judge.obey(self.store["discriminator"], digit_input(picture), self.label(digit), steps)
        return [(score, pictures(x)[0]) for score, x in way]


@functools.lru_cache(maxsize=2)
def _directions(generator: torch.nn.Module) -> list[space.Direction]:
    z = torch.randn(500, generator.config.latent, generator=torch.Generator().manual_seed(0))
    return space.find(generator, z, one_hot(torch.arange(500) % 10))
