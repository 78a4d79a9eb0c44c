"""The three labs: plain calls on top of the checkpoints, with every argument checked. The app and the command line use them too.

Bad arguments raise ValueError with one sentence: what was wrong, then what is accepted.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_lab import drawing
from mnist_lab import latent as space
from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot, to_model, to_pictures
from mnist_lab.diffusion import SAMPLERS, SCHEDULES, SHAPES, VARIANCES, Frame, editing, guided, levels
from mnist_lab.diffusion.guidance import EVERYWHERE
from mnist_lab.diffusion.process import add_noise, x0_from_eps
from mnist_lab.diffusion.samplers import look
from mnist_lab.diffusion.schedules import TRAIN_STEPS
from mnist_lab.explain import judge
from mnist_lab.latent import PATHS

Picture = str | Path | Image.Image | np.ndarray  # a file, or pixels
MOST_PICTURES = 1_000
MOST_STOPS = 8  # of a ring
CLASSIFIERS = ("resnet", "lenet")  # the first is the best
SHAPE_BOUNDS = {"beta_first": (1e-6, 0.5), "beta_last": (1e-6, 0.5), "offset": (0, 0.5), "start": (-10, 10), "end": (-10, 10), "tau": (0.1, 10),
                "rho": (1, 30)}  # what shapes a noise schedule


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
        raise ValueError(f"There is no {name} of that name. Choose {', '.join(among[:-1])} or {among[-1]}.")
    return value


def seed_number(value: object) -> int:
    return whole("The seed", value, 0, 2**31 - 1)


def pictures(x: Tensor) -> list[Image.Image]:
    """(B, 1, 32, 32) in [-1, 1] -> 28x28 PIL pictures, white on black."""
    return [Image.fromarray(p) for p in to_pictures(x).numpy()]


@dataclass(frozen=True)
class Calibration:
    """How a classifier's logits are to be read: fitted on held-out writers by `train.evaluate`, kept in its checkpoint's settings."""

    temperature: float = 1.0  # of the softmax (Guo et al. 2017)
    threshold: float | None = None  # of `score`: nearly all digits lie above it
    typical: float | None = None  # the score of the usual digit

    @classmethod
    def of(cls, settings: dict) -> "Calibration":
        """From a checkpoint's settings; probabilities as they are, and no likeness, where nothing was fitted. ValueError for nonsense."""
        given = settings.get("calibration", {})
        found = cls(number("The temperature", given.get("temperature", 1.0), 0.01, 100))
        if "threshold" not in given:
            return found
        found = replace(found, **{key: number(f"The {key} score", given.get(key), -1e6, 1e6) for key in ("threshold", "typical")})
        if found.threshold >= found.typical:
            raise ValueError("The threshold score must lie below the typical score.")
        return found

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits (10,) -> float (10,), sum 1."""
        e = np.exp((logits - logits.max()) / self.temperature)
        return e / e.sum()

    def score(self, logits: np.ndarray) -> float:
        """log sum exp of the logits: the negative energy, low for pictures that are no digit (Liu et al. 2020, eq. 4 at T = 1)."""
        return float(np.logaddexp.reduce(logits))

    def likeness(self, logits: np.ndarray) -> float | None:
        """How digit-like, 0 to 1: the threshold is one half, the usual digit 1. None if it was never fitted."""
        if self.threshold is None:
            return None
        return min(1.0, max(0.0, 0.5 + (self.score(logits) - self.threshold) / (2 * (self.typical - self.threshold))))


@dataclass(frozen=True)
class Verdict:
    digit: int
    probabilities: np.ndarray  # float32 (10,), sum 1
    seen: np.ndarray  # uint8 (28, 28): the picture the network read
    likeness: float | None = None  # 0 to 1, below one half it is no digit; None if the network was never taught to tell

    def __str__(self) -> str:
        return f"{self.digit} ({100 * self.probabilities[self.digit]:.1f} %)"


class ClassifierLab:
    """Reads digits. `network` is a checkpoint's name."""

    def __init__(self, store: Store, network: str = CLASSIFIERS[0]):
        self.network, metadata = store.load(network)
        self.calibration = Calibration.of(metadata.settings)

    def classify(self, picture: str | Path | Image.Image | np.ndarray) -> Verdict:
        """A path, a PIL picture or an array, of any size, dark on light or light on dark, to a Verdict.

        Raises drawing.DrawingError (a ValueError) if it is no picture, too large or empty.
        """
        return self.read(drawing.from_picture(picture).pixels)

    @torch.inference_mode()
    def read(self, pixels: np.ndarray) -> Verdict:
        """A digit that is already uint8 (28, 28), centred, ink 255 on 0."""
        logits = self.network(to_model(torch.tensor(pixels)[None]))[0].numpy()
        return Verdict(int(logits.argmax()), self.calibration.probabilities(logits), pixels, self.calibration.likeness(logits))


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
        stops = [(whole("A digit", d, 0, 9), seed_number(s)) for d, s in zip(digits, seeds, strict=False)]
        if len(digits) != len(seeds) or not 2 <= len(stops) <= MOST_STOPS:
            raise ValueError(f"A ring has between 2 and {MOST_STOPS} stops: give as many digits as seeds.")
        z, labels = torch.cat([self.latent(s) for _, s in stops]), one_hot(torch.tensor([d for d, _ in stops]))
        return pictures(self.through(torch.cat([z, z[:1]]), torch.cat([labels, labels[:1]]), path, n)[1])

    @torch.inference_mode()
    def through(self, z: Tensor, labels: Tensor, path: str, n: int) -> tuple[Tensor, Tensor]:
        """Latents (n, latent_size) and digits (n, 1, 32, 32) through any points z (K, latent_size) with labels (K, 10), which are blended."""
        n, path = whole("n", n, 2, MOST_PICTURES), choice("path", path, PATHS)
        t = torch.linspace(0, 1, n)
        way = space.walk(z, t, path)
        return way, self.generator(way, space.walk(labels, t, "linear"))

    # ---- the plane

    def plane(self, seeds: Sequence[int] = (11, 12)) -> space.Plane:
        """The flat slice through the latents of three seeds, or of two and the centre."""
        if isinstance(seeds, str) or not isinstance(seeds, Sequence) or len(seeds) not in (2, 3):
            raise ValueError("A slice is spanned by three seeds, or by two and the centre.")
        points = [self.latent(s)[0] for s in seeds] + [torch.zeros(self.latent_size)] * (3 - len(seeds))
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
        """The digit of a latent vector (latent_size,), moved along directions: slant=1.5, stroke=-2 and so on."""
        known = {d.name: d.vector for d in self.directions()}
        if amounts.keys() - known.keys():
            raise ValueError(f"There is no direction {min(amounts.keys() - known.keys())}. There are {', '.join(known)}.")
        moved = z + sum((number(name, amount, -10, 10) * known[name] for name, amount in amounts.items()), torch.zeros(self.latent_size))
        return pictures(self.generator(moved[None], self.label(digit)))[0]

    # ---- back from a picture

    def invert(self, picture: str | Path | Image.Image | np.ndarray, digit: int | None = None, steps: int = 60) -> Inversion:
        """The latent vector that comes nearest to a picture. The label is the classifier's, unless a digit is given."""
        steps = whole("Steps", steps, 0, 1_000)
        for search in space.invert(self.generator, *self.search(picture, digit), steps):
            last = search
        return self.found(last)

    def search(self, picture: str | Path | Image.Image | np.ndarray, digit: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
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

    def judge(self, picture: str | Path | Image.Image | np.ndarray, digit: int) -> tuple[float, np.ndarray]:
        """How real the discriminator finds a picture as that digit, and its wish, float32 (28, 28): above zero where ink would help."""
        score, wish = judge.wish(self.store["discriminator"], digit_input(picture), self.label(digit))
        return score, wish.numpy()

    def obey(self, picture: str | Path | Image.Image | np.ndarray, digit: int, steps: int = 5) -> list[tuple[float, Image.Image]]:
        """Score and picture after each step towards what the discriminator wants; fewer steps where none helps any more."""
        steps = whole("Steps", steps, 1, 100)
        way = judge.obey(self.store["discriminator"], digit_input(picture), self.label(digit), steps)
        return [(score, pictures(x)[0]) for score, x in way]


@functools.lru_cache(maxsize=2)
def _directions(generator: torch.nn.Module) -> list[space.Direction]:
    z = torch.randn(500, generator.config.latent, generator=torch.Generator().manual_seed(0))
    return space.find(generator, z, one_hot(torch.arange(500) % 10))


@dataclass(frozen=True)
class Sampling:
    """Checked settings of one run of the diffusion model."""

    labels: tuple[int, ...]  # one picture each; -1 is no label
    steps: int
    seed: int
    sampler: str
    options: dict[str, float | str]  # the sampler's own: eta, variance
    schedule: str
    shape: dict[str, float | tuple[float, ...]]  # the schedule's own
    guidance: float
    interval: tuple[float, float]  # from and to which share of the steps guidance acts
    negative: int  # the label to keep away from; -1 is none
    same_noise: bool  # every picture starts from the same noise


def shape_of(schedule: str, curve: Sequence[float], given: dict[str, float]) -> dict[str, float | tuple[float, ...]]:
    """What shapes one schedule, from all that was given: each number is checked, also those of other schedules."""
    unknown = given.keys() - SHAPE_BOUNDS.keys()
    if unknown:
        raise ValueError(f"There is no setting {min(unknown)}. What shapes a schedule: {', '.join(SHAPE_BOUNDS)} or a curve.")
    if isinstance(curve, str) or not isinstance(curve, Sequence) or len(curve) > TRAIN_STEPS + 1:
        raise ValueError(f"A curve must be a list of up to {TRAIN_STEPS + 1:,} numbers between 0 and 1.")
    numbers = {name: number(name, value, *SHAPE_BOUNDS[name]) for name, value in given.items()}
    drawn = {"curve": tuple(number("Each level of a curve", v, 0, 1) for v in curve)} if curve else {}
    for name, own in SHAPES.items():
        shape = {**own, **{key: value for key, value in {**numbers, **drawn}.items() if key in own}}
        SCHEDULES[name](1, **shape)  # raises ValueError if the numbers do not fit each other
        if name == schedule:
            chosen = shape
    return chosen


def stretch(interval: object) -> tuple[float, float]:
    """From and to which share of the steps, as two numbers in order, or ValueError."""
    if isinstance(interval, str) or not isinstance(interval, Sequence) or len(interval) != 2:
        raise ValueError("The interval of guidance must be two numbers: from and to which share of the steps.")
    start, end = (number("Each end of the interval of guidance", v, 0, 1) for v in interval)
    if start > end:
        raise ValueError("The interval of guidance must start before it ends.")
    return start, end


def digit_input(picture: Picture) -> Tensor:
    """A picture as the networks' input (1, 1, 32, 32): uint8 (28, 28), ink 255, as it is; anything else is first made a digit."""
    ready = isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.shape == (drawing.SIDE, drawing.SIDE)
    return to_model(torch.tensor(picture if ready else drawing.from_picture(picture).pixels)[None])


class DiffusionLab:
    """Makes digits out of noise, and out of drawings."""

    def __init__(self, store: Store):
        self.network, metadata = store.load("diffusion")
        self.range = metadata.settings["lowest_alpha_bar"], metadata.settings["highest_alpha_bar"]
        self.default_guidance: float = metadata.settings["guidance"]

    def sampling(self, labels: Sequence[int | None], *, steps: int = 50, seed: int = 0, sampler: str = "ddim", schedule: str = "cosine",
                 guidance: float | None = None, interval: tuple[float, float] = EVERYWHERE, negative: int | None = None, eta: float = 0.0,
                 variance: str = "small", curve: Sequence[float] = (), same_noise: bool = True, **shape: float) -> Sampling:
        """Settings checked one by one: ValueError says what is accepted. A label None means "any digit".

        `interval` limits guidance to a stretch of the run, from and to which share of the steps; `negative` is a digit to keep
        away from. `eta` is DDIM's and `variance` DDPM's own; `shape` is the schedule's: beta_first, beta_last, offset, start, end,
        tau, rho; `curve` holds the levels of the schedule "freehand". What the chosen sampler and schedule do not know is checked
        and left aside.
        """
        if not 1 <= len(labels) <= MOST_PICTURES:
            raise ValueError(f"Ask for between 1 and {MOST_PICTURES:,} pictures.")
        options = {"ddim": {"eta": number("eta", eta, 0, 1)}, "ddpm": {"variance": choice("variance", variance, VARIANCES)}}
        return Sampling(
            labels=tuple(-1 if d is None else whole("A digit", d, 0, 9) for d in labels),
            steps=whole("Steps", steps, 1, TRAIN_STEPS),
            seed=seed_number(seed),
            sampler=choice("sampler", sampler, tuple(SAMPLERS)),
            options=options.get(sampler, {}),
            schedule=choice("noise schedule", schedule, tuple(SCHEDULES)),
            shape=shape_of(schedule, curve, shape),
            guidance=self.default_guidance if guidance is None else number("Guidance", guidance, 0, 8),
            interval=stretch(interval),
            negative=-1 if negative is None else whole("The digit to keep away from", negative, 0, 9),
            same_noise=same_noise,
        )

    def levels(self, s: Sampling) -> Tensor:
        """alpha_bar (steps + 1,) of the steps to take, within the levels the network was trained on."""
        return levels(s.schedule, s.steps, *self.range, **s.shape)

    def denoiser(self, s: Sampling):
        """The guided network of one run: denoise(x, alpha_bar) -> eps."""
        label, alpha_bar = one_hot(torch.tensor(s.labels)), self.levels(s)
        away = one_hot(torch.full((len(s.labels),), s.negative))
        first, end = (round(share * s.steps) for share in s.interval)
        interval = (alpha_bar[first].item(), alpha_bar[end - 1].item()) if first < end else (1.0, 0.0)  # the second is never
        return guided(self.network, label, s.guidance, negative=away, interval=interval)

    def start(self, s: Sampling) -> tuple[Tensor, torch.Generator]:
        """The noise of a seed (len(labels), 1, 32, 32), and the generator of all noise that follows."""
        count, generator = len(s.labels), torch.Generator().manual_seed(s.seed)
        x = torch.randn((1 if s.same_noise else count, 1, 32, 32), generator=generator)
        return x.expand(count, -1, -1, -1).contiguous(memory_format=torch.channels_last), generator

    @torch.inference_mode()
    def frames(self, s: Sampling, noise: Tensor | None = None) -> Iterator[Frame]:
        """Every step from noise to digits; x and x0 are (len(labels), 1, 32, 32). `noise` instead of the seed's: (B, 1, 32, 32)."""
        x, generator = self.start(s)
        x = x if noise is None else noise.expand_as(x)
        yield from SAMPLERS[s.sampler](self.denoiser(s), x, self.levels(s), generator=generator, **s.options)

    def generate(self, digit: int | None | Sequence[int | None] = None, n: int = 1, **settings) -> list[Image.Image]:
        """n pictures of one digit (None: any), each from its own noise; or n of each digit in a list (n = 1: from the same noise).

        28x28, white on black; the settings are those of `sampling`. Raises ValueError for a setting out of range.
        """
        labels = (list(digit) if isinstance(digit, Sequence) else [digit]) * whole("n", n, 1, MOST_PICTURES)
        for frame in self.frames(self.sampling(labels, same_noise=isinstance(digit, Sequence) and n == 1, **settings)):
            last = frame.x
        return pictures(last)

    # ---- starting from a picture, or from the middle of a run

    def noise(self, picture: Picture, alpha_bar: float | Sequence[float], seed: int = 0) -> Tensor:
        """A picture at one noise level or several, all with the noise of one seed: (levels, 1, 32, 32). 0 is noise, 1 the picture."""
        level = self.level(alpha_bar)
        eps = torch.randn((1, 1, 32, 32), generator=torch.Generator().manual_seed(seed_number(seed)))
        return add_noise(digit_input(picture), eps, level)

    def noise_between(self, seeds: tuple[int, int], n: int = 11) -> Tensor:
        """n noises on the way from one seed's to another's, each as long as noise is: (n, 1, 32, 32), for `frames(s, noise)`."""
        a, b = (torch.randn(1024, generator=torch.Generator().manual_seed(seed_number(seed))) for seed in seeds)
        return space.slerp(a, b, torch.linspace(0, 1, whole("n", n, 2, MOST_PICTURES))[:, None]).reshape(-1, 1, 32, 32)

    def level(self, alpha_bar: float | Sequence[float]) -> Tensor:
        values = alpha_bar if isinstance(alpha_bar, Sequence) else [alpha_bar]
        if not 1 <= len(values) <= MOST_PICTURES:
            raise ValueError(f"Give between 1 and {MOST_PICTURES:,} noise levels.")
        return torch.tensor([number("A noise level", v, 0, 1) for v in values])[:, None, None, None]

    @torch.inference_mode()
    def denoise_once(self, x: Tensor, alpha_bar: float | Sequence[float], digit: int | None = None) -> Tensor:
        """The network's guess of the clean picture from one look at each: x (levels, 1, 32, 32) -> the same shape."""
        level = self.level(alpha_bar).clamp(*self.range)
        if len(x) != len(level):
            raise ValueError("Each picture needs its noise level.")
        label = torch.full((len(x),), -1 if digit is None else whole("A digit", digit, 0, 9))
        return look(guided(self.network, one_hot(label)), x, level)[0]

    @torch.inference_mode()
    def guesses(self, x: Tensor, alpha_bar: float, digits: Sequence[int | None]) -> Tensor:
        """What the network sees in one noisy picture (1, 1, 32, 32) under each label, unclamped: (len(digits), 1, 32, 32).

        Guidance is a straight line through two of them: guess(None) + guidance (guess(digit) - guess(None)).
        """
        level = self.level([alpha_bar] * len(digits)).clamp(*self.range)
        label = one_hot(torch.tensor([-1 if d is None else whole("A digit", d, 0, 9) for d in digits]))
        many = x.expand(len(digits), -1, -1, -1)
        return x0_from_eps(many, self.network(many, level.flatten(), label), level)

    @torch.inference_mode()
    def edit(self, picture: Picture, digit: int | None = None, strength: float = 0.6, **settings) -> Iterator[Frame]:
        """From a drawing noised to a level, instead of from noise (SDEdit): the last `strength` of the steps, 1 being all of them."""
        s = self.sampling([digit], **settings)
        left = round(number("The strength", strength, 0, 1) * s.steps)
        x, generator = self.start(s)
        x, rest = editing.start_from(digit_input(picture), x, self.levels(s), self.levels(s)[s.steps - left].item())
        for frame in SAMPLERS[s.sampler](self.denoiser(s), x, rest, generator=generator, **s.options):
            yield replace(frame, step=s.steps + 1 - len(rest) + frame.step)

    @torch.inference_mode()
    def finish(self, picture: Picture, mask: np.ndarray, digit: int | None = None, repeats: int = 5, n: int = 1, **settings) -> Iterator[Frame]:
        """Keep the pixels where mask (28, 28) is true and let the model draw the others (RePaint), n times; every step `repeats` times."""
        if not isinstance(mask, np.ndarray) or mask.shape != (drawing.SIDE, drawing.SIDE):
            raise ValueError("A mask must be an array of 28x28 numbers, true where the picture is kept.")
        s = self.sampling([digit] * whole("n", n, 1, MOST_PICTURES), same_noise=False, **settings)
        x, generator = self.start(s)
        kept = torch.nn.functional.pad(torch.tensor(mask.astype(bool)), (2, 2, 2, 2))
        yield from editing.repaint(self.denoiser(s), x, self.levels(s), known=digit_input(picture), mask=kept, generator=generator,
                                   repeats=whole("Repeats", repeats, 1, 20))

    @torch.inference_mode()
    def invert(self, picture: Picture, digit: int | None = None, **settings) -> Iterator[Frame]:
        """Frames from the picture to its noise, the last one's x; `frames(s, noise)` with the same settings brings it back.

        Read as `digit`, without guidance unless asked for: what is pushed does not come back the same way.
        """
        s = self.sampling([digit], **{"guidance": 1.0, **settings})
        x = add_noise(digit_input(picture), self.start(s)[0], self.levels(s)[-2].float())
        yield from editing.invert(self.denoiser(s), x, self.levels(s))

    @torch.inference_mode()
    def continue_from(self, frame: Frame, s: Sampling, past: Sequence[Frame] = ()) -> Iterator[Frame]:
        """Go on from any frame with other settings: s.labels, one a row of frame.x, or several from its only row.

        With the run's own settings and the frames before (`past`, the last three are enough) the rest of the run comes
        again, to the last bit; leave them out after a change of label or guidance.
        """
        x, generator = self.start(s)
        if len(frame.x) not in (1, len(x)) or frame.alpha_bar >= 1:
            raise ValueError("A branch needs a label for each picture of the frame, and noise that is left in it.")
        for _ in range(frame.step):  # the noise that the steps before used up
            torch.randn(x.shape, generator=generator)
        rest = self.levels(s)[frame.step:]
        if len(rest) < 2 or rest[0] != frame.alpha_bar:  # another schedule
            rest = editing.tail(self.levels(s), frame.alpha_bar)
        branch = SAMPLERS[s.sampler](self.denoiser(s), frame.x.expand_as(x), rest, generator=generator, past=past, **s.options)
        for after in branch:
            yield replace(after, step=frame.step + after.step)


def open_lab(name: str, store: Store | None = None) -> ClassifierLab | GanLab | DiffusionLab:
    store = store or Store()
    if name in ("classifier", *CLASSIFIERS):
        return ClassifierLab(store, CLASSIFIERS[0] if name == "classifier" else name)
    if name == "gan":
        return GanLab(store)
    if name == "diffusion":
        return DiffusionLab(store)
    raise ValueError(f"There is no lab {name!r}. Choose classifier, gan or diffusion.")
