"""The training loop, once for every network: `fit(task, ...)` yields a Step after each update.

It knows no model. A `Task` brings networks, optimisers and one `update`; `fit` brings data order, learning-rate
schedule, averaging (EMA), validation, early stopping, budgets, logs and exact resumption. The same script runs on a
CPU, one GPU, or many GPUs and machines through `accelerate launch` or `torchrun`.

All randomness of update k on process r comes from a generator seeded by (seed, r, k), and the order of the data by
(seed, epoch): so a resumed run continues as if it had never stopped, with no random state to keep.
"""

import copy
import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast
from PIL import Image
from torch import Tensor, nn

from mnist_lab.data import Digits


class Task(Protocol):
    """What is trained. Networks and optimisers have been through `accelerator.prepare`."""

    networks: dict[str, nn.Module]
    optimizers: list[torch.optim.Optimizer]

    def update(self, batch: Digits, generator: torch.Generator) -> dict[str, Tensor]:
        """One update of every network; returns losses to log."""

    def validate(self, averaged: dict[str, nn.Module]) -> dict[str, float]:
        """Figures on validation writers; "loss" (lower is better) decides which weights are kept."""

    def picture(self, averaged: dict[str, nn.Module]) -> Image.Image | None:
        """A grid of samples, if the task makes pictures."""


@dataclass(frozen=True)
class Budget:
    images: int  # images to see, all processes together; ignored if minutes are given
    minutes: float | None = None  # stop after this much training time instead, with the learning rate decayed


@dataclass(frozen=True)
class Plan:
    """How to run, apart from what is trained."""

    seed: int
    batch: int  # images an update, each process
    budget: Budget
    schedule: Callable[[float], float]  # progress in [0, 1] -> factor on the learning rate
    ema: float = 0.999  # decay an update of the averaged weights
    validate_every: int = 100_000  # images
    patience: int = 1_000  # validations without a new best before stopping early
    last: bool = False  # keep the last averaged weights, not those of the best validation
    save_minutes: float = 2.0  # between saved states


@dataclass(frozen=True)
class Step:
    index: int  # updates done
    images: int  # images seen, all processes together
    progress: float  # share of the budget used
    losses: dict[str, Tensor]
    validation: dict[str, float] | None  # after updates that were validated


@dataclass(frozen=True)
class Result:
    networks: dict[str, nn.Module]  # averaged weights of the best validation, or the last
    images: int
    minutes: float
    validation: dict[str, float]
    revision: str = ""  # of the code that trained it


def make_accelerator(bf16: bool = False) -> Accelerator:
    """bf16 on a GPU; on a CPU float32 unless bf16 is asked for, as its convolutions are slower on most."""
    torch.set_flush_denormal(True)  # averaged weights near zero would crawl on a CPU
    torch.backends.cudnn.benchmark = True  # on a GPU, find the fastest convolution once: every update has the same shapes
    precision = "bf16" if bf16 or torch.cuda.is_available() else "no"
    return Accelerator(mixed_precision=precision, kwargs_handlers=[DistributedDataParallelKwargs(broadcast_buffers=False)])


def cosine(progress: float, warmup: float = 0.02) -> float:
    """Linear from 0 over `warmup`, then half a cosine down to 0."""
    if progress < warmup:
        return progress / warmup
    return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup)))


def seeded(device: torch.device, *key: int) -> torch.Generator:
    """A generator whose stream is a function of the whole key."""
    value = 0
    for part in key:
        value = (value * 1_000_003 + part + 1) % (2**61 - 1)
    return torch.Generator(device).manual_seed(value)


def batch_indices(count: int, size: int, step: int, seed: int, rank: int, processes: int) -> Tensor:
    """Which images process `rank` sees in update `step`: every epoch its own permutation, no image twice in one."""
    per_epoch = max(1, count // (size * processes))
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(count, generator=seeded(torch.device("cpu"), seed, epoch))
    return order[(place * processes + rank) * size:][:size]


@torch.no_grad()
def average(averaged: nn.Module, current: nn.Module, decay: float) -> None:
    """averaged <- decay averaged + (1 - decay) current, for weights and buffers."""
    a, c = averaged.state_dict(), current.state_dict()
    floats = [k for k, v in a.items() if v.is_floating_point()]
    torch._foreach_lerp_([a[k] for k in floats], [c[k].to(a[k].dtype) for k in floats], 1 - decay)
    for k in a.keys() - set(floats):
        a[k].copy_(c[k])


class Run:
    """The folder of one training: state to resume from, losses.csv, curves.png and sample grids."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def state_file(self) -> Path:
        return self.folder / "state.pt"

    def save_state(self, state: dict[str, Any]) -> None:
        part = self.state_file.with_suffix(".part")
        torch.save(state, part)
        part.replace(self.state_file)

    def load_state(self, device: torch.device) -> dict[str, Any] | None:
        if not self.state_file.exists():
            return None
        return torch.load(self.state_file, map_location=device, weights_only=True)

    def truncate_log(self, name: str, step: int) -> None:
        """Forget lines after `step`: they will be written again."""
        path = self.folder / name
        if path.exists():
            lines = path.read_text().splitlines()
            kept = [line for line in lines[1:] if int(line.split(",")[0]) <= step]
            path.write_text("\n".join(lines[:1] + kept) + "\n")

    def log(self, name: str, row: dict[str, float]) -> None:
        path = self.folder / name
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, row.keys())
            if new:
                writer.writeheader()
            writer.writerow(row)

    def draw_curves(self) -> None:
        """losses.csv and validation.csv as curves.png."""
        from matplotlib.figure import Figure  # training only

        figure = Figure(figsize=(9, 4), layout="constrained")
        for axes, name in zip(figure.subplots(1, 2), ("losses.csv", "validation.csv"), strict=True):
            axes.set(title=name.removesuffix(".csv"), xlabel="images")
            path = self.folder / name
            rows = list(csv.DictReader(path.open())) if path.exists() else []
            for key in [k for k in (rows[0] if rows else {}) if k not in ("step", "images", "rate")]:
                axes.plot([int(r["images"]) for r in rows], [float(r[key]) for r in rows], label=key)
            if rows:
                axes.legend()
        figure.savefig(self.folder / "curves.png", dpi=100)


def fit(task: Task, data: Digits, plan: Plan, folder: Path, accelerator: Accelerator) -> Iterator[Step]:
    """Train until the budget is spent or validation stops improving; resumes from `folder` if a state lies there.

    Returns (as the generator's value) a Result with the averaged weights of the best validation, or the last ones.
    """
    run, device = Run(folder), accelerator.device
    data = data.to(device)
    bare = {k: accelerator.unwrap_model(m) for k, m in task.networks.items()}
    averaged = {k: copy.deepcopy(m).eval().requires_grad_(False) for k, m in bare.items()}
    progress = _Progress(plan, accelerator)
    best = _Best(averaged)
    rates = [[g["lr"] for g in o.param_groups] for o in task.optimizers]
    state = run.load_state(device)
    if state:
        _restore(state, bare, averaged, task.optimizers, best, progress)
        for name in ("losses.csv", "validation.csv"):
            run.truncate_log(name, progress.step)
    saved = time.monotonic()
    while progress.share < 1 and best.waited < plan.patience:
        for optimizer, base in zip(task.optimizers, rates, strict=True):
            for group, rate in zip(optimizer.param_groups, base, strict=True):
                group["lr"] = rate * plan.schedule(progress.share)
        index = batch_indices(len(data), plan.batch, progress.step, plan.seed, accelerator.process_index, accelerator.num_processes)
        generator = seeded(device, plan.seed, accelerator.process_index, progress.step)
        losses = task.update(data[index.to(device)], generator)
        progress.advance(min(plan.batch, len(data)))
        for k, network in bare.items():
            average(averaged[k], network, min(plan.ema, (1 + progress.step) / (10 + progress.step)))
        validation = None
        if progress.crossed(plan.validate_every) or progress.share >= 1:
            validation = _validate(task, averaged, best, run, progress, accelerator)
        if accelerator.is_main_process:
            if progress.step % 20 == 0 or progress.step == 1:
                run.log("losses.csv", {"step": progress.step, "images": progress.images, "rate": task.optimizers[0].param_groups[0]["lr"],
                                       **{k: float(v) for k, v in losses.items()}})
            if time.monotonic() - saved > 60 * plan.save_minutes:
                run.save_state(_state(bare, averaged, task.optimizers, best, progress))
                saved = time.monotonic()
        yield Step(progress.step, progress.images, progress.share, losses, validation)
    if accelerator.is_main_process:
        run.save_state(_state(bare, averaged, task.optimizers, best, progress))
        run.draw_curves()
    if plan.last:
        return Result(averaged, progress.images, progress.seconds / 60, best.latest)
    for k, network in averaged.items():
        network.load_state_dict(best.weights[k])
    return Result(averaged, progress.images, progress.seconds / 60, best.figures)


class _Progress:
    """Updates, images and seconds so far, and the share of the budget they are; alike on all processes."""

    def __init__(self, plan: Plan, accelerator: Accelerator):
        self.budget, self.accelerator = plan.budget, accelerator
        self.step = self.images = self.previous = 0
        self.seconds, self.share = 0.0, 0.0
        self._tick = time.monotonic()

    def advance(self, batch: int) -> None:
        self.step += 1
        self.previous, self.images = self.images, self.images + batch * self.accelerator.num_processes
        now = time.monotonic()
        self.seconds += now - self._tick
        self._tick = now
        if self.budget.minutes is None:
            self.share = min(1.0, self.images / self.budget.images)
            return
        share = torch.tensor(min(1.0, self.seconds / (60 * self.budget.minutes)), device=self.accelerator.device)
        self.share = float(broadcast(share)) if self.accelerator.num_processes > 1 else float(share)

    def crossed(self, every: int) -> bool:
        return self.images // every > self.previous // every


class _Best:
    """The averaged weights with the lowest validation loss, and how many validations ago that was."""

    def __init__(self, averaged: dict[str, nn.Module]):
        self.loss, self.waited, self.figures, self.latest = math.inf, 0, {}, {}
        self.weights = {k: copy.deepcopy(m.state_dict()) for k, m in averaged.items()}

    def offer(self, figures: dict[str, float], averaged: dict[str, nn.Module]) -> None:
        self.waited, self.latest = self.waited + 1, figures
        if figures["loss"] < self.loss:
            self.loss, self.waited, self.figures = figures["loss"], 0, figures
            self.weights = {k: copy.deepcopy(m.state_dict()) for k, m in averaged.items()}


def _validate(task, averaged, best, run, progress, accelerator) -> dict[str, float]:
    """Every process validates alike, so all stop together; the first one writes."""
    figures = task.validate(averaged)
    best.offer(figures, averaged)
    if accelerator.is_main_process:
        run.log("validation.csv", {"step": progress.step, "images": progress.images, **figures})
        picture = task.picture(averaged)
        if picture is not None:
            picture.save(run.folder / f"samples-{progress.images:09d}.png")
        run.draw_curves()
    return figures


def _state(bare, averaged, optimizers, best, progress) -> dict[str, Any]:
    return {
        "networks": {k: m.state_dict() for k, m in bare.items()},
        "averaged": {k: m.state_dict() for k, m in averaged.items()},
        "optimizers": [o.state_dict() for o in optimizers],
        "best": {"loss": best.loss, "waited": best.waited, "figures": best.figures, "latest": best.latest, "weights": best.weights},
        "progress": {k: getattr(progress, k) for k in ("step", "images", "previous", "seconds", "share")},
    }


def _restore(state, bare, averaged, optimizers, best, progress) -> None:
    for k in bare:
        bare[k].load_state_dict(state["networks"][k])
        averaged[k].load_state_dict(state["averaged"][k])
    for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
        optimizer.load_state_dict(saved)
    for k, v in state["best"].items():
        setattr(best, k, v)
    for k, v in state["progress"].items():
        setattr(progress, k, v)
