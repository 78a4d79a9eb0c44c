"""The diffusion model's lab: digits out of noise, out of drawings, and from the middle of a run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from mnist_lab import drawing
from mnist_lab import latent as space
from mnist_lab.checkpoint import Store
from mnist_lab.data import one_hot
from mnist_lab.diffusion import SAMPLERS, SCHEDULES, SHAPES, VARIANCES, Frame, editing, guided, levels
from mnist_lab.diffusion.guidance import EVERYWHERE
from mnist_lab.diffusion.process import add_noise, x0_from_eps
from mnist_lab.diffusion.samplers import Noise, fresh_noise, look
from mnist_lab.diffusion.schedules import TRAIN_STEPS
from mnist_lab.labs.checks import MOST_PICTURES, Picture, choice, digit_input, listed, number, pictures, seed_number, whole

STUDENT = "student"
DENOISERS = ("diffusion", STUDENT, "unet")  # the one the lab shows, one taught by it to answer in one to four calls, the published baseline
BY_HEART = "history/by-heart"  # one that was taught with few digits and knows them by heart
USUAL = {"steps": 50, "sampler": "ddim", "schedule": "cosine"}  # a run, unless the checkpoint is made for another
QUICK = {"steps": 20, "sampler": "dpm", "schedule": "cosine"}  # a run that answers a hand, unless the checkpoint names a better one
SHAPE_BOUNDS = {"beta_first": (1e-6, 0.5), "beta_last": (1e-6, 0.5), "offset": (0, 0.5), "start": (-10, 10), "end": (-10, 10), "tau": (0.1, 10),
                "rho": (1, 30)}  # what shapes a noise schedule


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
    same_noise: bool  # all pictures share their noise, at the start and at every step: they differ by their labels alone
    network: str  # one of DENOISERS, or another checkpoint


def shape_of(schedule: str, curve: Sequence[float], given: dict[str, float]) -> dict[str, float | tuple[float, ...]]:
    """What shapes one schedule, from all that was given: each number is checked, also those of other schedules."""
    unknown = given.keys() - SHAPE_BOUNDS.keys()
    if unknown:
        raise ValueError(f"There is no setting {min(unknown)}. What shapes a schedule: {', '.join(SHAPE_BOUNDS)} or a curve.")
    curve = listed("A curve", curve)
    if len(curve) > TRAIN_STEPS + 1:
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
    interval = listed("The interval of guidance", interval)
    if len(interval) != 2:
        raise ValueError("The interval of guidance must be two numbers: from and to which share of the steps.")
    start, end = (number("Each end of the interval of guidance", v, 0, 1) for v in interval)
    if start > end:
        raise ValueError("The interval of guidance must start before it ends.")
    return start, end


class DiffusionLab:
    """Makes digits out of noise, and out of drawings, by one checkpoint of a store."""

    def __init__(self, store: Store, name: str = "diffusion"):
        self.name = name
        self.network, metadata = store.load(name)
        self.range = metadata.settings["lowest_alpha_bar"], metadata.settings["highest_alpha_bar"]
        self.default_guidance: float = metadata.settings["guidance"]
        self.usual: dict[str, int | str] = metadata.settings.get("usual", USUAL)
        self.quick: dict[str, int | str] = metadata.settings.get("quick", metadata.settings.get("usual", QUICK))

    def sampling(self, labels: Sequence[int | None], *, steps: int | None = None, seed: int = 0, sampler: str | None = None, schedule: str | None = None,
                 guidance: float | None = None, interval: tuple[float, float] = EVERYWHERE, negative: int | None = None, eta: float = 0.0,
                 variance: str = "small", curve: Sequence[float] = (), same_noise: bool = True, **shape: float) -> Sampling:
        """Settings checked one by one: ValueError says what is accepted. A label None means "any digit".

        Steps, sampler, schedule and guidance are the checkpoint's own unless they are given: 50 of DDIM, cosine, or the student's 4.
        `interval` limits guidance to a stretch of the run, from and to which share of the steps; `negative` is a digit to keep
        away from. `eta` is DDIM's and `variance` DDPM's own; `shape` is the schedule's: beta_first, beta_last, offset, start, end,
        tau, rho; `curve` holds the levels of the schedule "freehand". What the chosen sampler and schedule do not know is checked
        and left aside.
        """
        labels = listed("The labels", labels)
        if not 1 <= len(labels) <= MOST_PICTURES:
            raise ValueError(f"Ask for between 1 and {MOST_PICTURES:,} pictures.")
        steps, sampler, schedule = (self.usual[key] if given is None else given for key, given in
                                    (("steps", steps), ("sampler", sampler), ("schedule", schedule)))
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
            network=self.name,
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

    def start(self, s: Sampling) -> tuple[Tensor, Noise]:
        """The noise of a seed (len(labels), 1, 32, 32), and what draws all noise that follows."""
        draw = fresh_noise(torch.Generator().manual_seed(s.seed), s.same_noise)
        return draw(torch.empty(len(s.labels), 1, 32, 32)).contiguous(memory_format=torch.channels_last), draw

    @torch.inference_mode()
    def frames(self, s: Sampling, noise: Tensor | None = None) -> Iterator[Frame]:
        """Every step from noise to digits; x and x0 are (len(labels), 1, 32, 32). `noise` instead of the seed's: (B, 1, 32, 32)."""
        x, draw = self.start(s)
        if noise is not None and noise.shape not in (x.shape, (1, 1, 32, 32)):
            raise ValueError(f"The noise must be {tuple(x.shape)}, or (1, 1, 32, 32) for all.")
        x = x if noise is None else noise.expand_as(x)
        yield from SAMPLERS[s.sampler](self.denoiser(s), x, self.levels(s), noise=draw, **s.options)

    def generate(self, digit: int | None | Sequence[int | None] = None, n: int = 1, **settings) -> list[Image.Image]:
        """n pictures of one digit (None: any), each from its own noise; or n of each digit in a list (n = 1: from the same noise).

        28x28, white on black; the settings are those of `sampling`. Raises ValueError for a setting out of range.
        """
        labels = (list(digit) if isinstance(digit, Sequence) else [digit]) * whole("n", n, 1, MOST_PICTURES)
        for frame in self.frames(self.sampling(labels, **{"same_noise": isinstance(digit, Sequence) and n == 1, **settings})):
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
        if len(seeds := listed("The seeds", seeds)) != 2:
            raise ValueError("Give two seeds.")
        a, b = (torch.randn(1024, generator=torch.Generator().manual_seed(seed_number(seed))) for seed in seeds)
        return space.slerp(a, b, torch.linspace(0, 1, whole("n", n, 2, MOST_PICTURES))[:, None]).reshape(-1, 1, 32, 32)

    def level(self, alpha_bar: float | Sequence[float]) -> Tensor:
        values = listed("The noise levels", alpha_bar) if isinstance(alpha_bar, Sequence | np.ndarray | Tensor) else [alpha_bar]
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
        digits = listed("The digits", digits)
        level = self.level([alpha_bar] * len(digits)).clamp(*self.range)
        label = one_hot(torch.tensor([-1 if d is None else whole("A digit", d, 0, 9) for d in digits]))
        many = x.expand(len(digits), -1, -1, -1)
        return x0_from_eps(many, self.network(many, level.flatten(), label), level)

    @torch.inference_mode()
    def edit(self, picture: Picture, digit: int | None = None, strength: float = 0.6, **settings) -> Iterator[Frame]:
        """From a drawing noised to a level, instead of from noise (SDEdit): the last `strength` of the steps, 1 being all of them."""
        s = self.sampling([digit], **settings)
        left = round(number("The strength", strength, 0, 1) * s.steps)
        x, draw = self.start(s)
        x, rest = editing.start_from(digit_input(picture), x, self.levels(s), self.levels(s)[s.steps - left].item())
        for frame in SAMPLERS[s.sampler](self.denoiser(s), x, rest, noise=draw, **s.options):
            yield replace(frame, step=s.steps + 1 - len(rest) + frame.step)

    @torch.inference_mode()
    def finish(self, picture: Picture, mask: np.ndarray, digit: int | None = None, repeats: int = 5, n: int = 1, **settings) -> Iterator[Frame]:
        """Keep the pixels where mask (28, 28) is true and let the model draw the others (RePaint), n times; every step `repeats` times.

        RePaint has steps of its own: the sampler, eta and variance are left aside.
        """
        if not isinstance(mask, np.ndarray) or mask.shape != (drawing.SIDE, drawing.SIDE):
            raise ValueError("A mask must be an array of 28x28 numbers, true where the picture is kept.")
        s = self.sampling([digit] * whole("n", n, 1, MOST_PICTURES), **{"same_noise": False, **settings})
        x, draw = self.start(s)
        kept = torch.nn.functional.pad(torch.tensor(mask.astype(bool)), (2, 2, 2, 2))
        yield from editing.repaint(self.denoiser(s), x, self.levels(s), known=digit_input(picture), mask=kept, noise=draw,
                                   repeats=whole("Repeats", repeats, 1, 20))

    @torch.inference_mode()
    def invert(self, picture: Picture, digit: int | None = None, **settings) -> Iterator[Frame]:
        """Frames from the picture to its noise, the last one's x; `frames(s, noise)` by DDIM with the same settings brings it back.

        Read as `digit`, without guidance unless asked for: what is pushed does not come back the same way.
        """
        s = self.sampling([digit], **{"guidance": 1.0, **settings})
        x = add_noise(digit_input(picture), self.start(s)[0], self.levels(s)[-2].float())
        yield from editing.invert(self.denoiser(s), x, self.levels(s))

    @torch.inference_mode()
    def continue_from(self, frame: Frame, s: Sampling, past: Sequence[Frame] = ()) -> Iterator[Frame]:
        """Go on from any frame with other settings: s.labels, one a row of frame.x, or several from its only row.

        With the own settings of a run of `frames` and the frames before (`past`, the last three are enough) its rest comes again, to the
        last bit; leave them out after a change of label or guidance.
        """
        x, draw = self.start(s)
        if len(frame.x) not in (1, len(x)) or frame.alpha_bar >= 1:
            raise ValueError("A branch needs a label for each picture of the frame, and noise that is left in it.")
        for _ in range(frame.step):  # the noise that the steps before used up
            draw(x)
        rest = self.levels(s)[frame.step:]
        if len(rest) < 2 or rest[0] != frame.alpha_bar:  # another schedule
            rest = editing.tail(self.levels(s), frame.alpha_bar)
        branch = SAMPLERS[s.sampler](self.denoiser(s), frame.x.expand_as(x), rest, noise=draw, past=past, **s.options)
        for after in branch:
            yield replace(after, step=frame.step + after.step)
