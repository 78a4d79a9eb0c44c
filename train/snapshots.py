"""Snapshots of LeNet while it trains, for `mnist_lab.history`: about sixty, evenly spaced on a logarithmic scale.

A snapshot is the network that could be used at that moment: the raw weights (not the averaged ones, which lag behind) with
batch norm folded in. Early in training the running statistics of batch norm lag too, by about a hundred updates; so they
are measured anew, on a thousand training digits as they are. Otherwise an early snapshot would look ignorant for the wrong reason.

Each snapshot is a file in the folder of the run, so that an interrupted training, resumed, still has its beginning.
"""

import copy
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from mnist_lab import history
from mnist_lab.checkpoint import Metadata
from mnist_lab.data import Digits, load_digits, to_model
from mnist_lab.history import History
from mnist_lab.metrics import confusion
from mnist_lab.models import LeNet, fold_batch_norm
from mnist_lab.training import Step
from train import common

COUNT = 60  # snapshots of one training
MEASURED = 1_000  # training digits for the statistics of batch norm
JUDGED = 2_000  # digits of validation writers for loss and confusion: always the same


class Snapshots:
    """Keeps snapshots of one training, of the main process only: `see` after each update, `save` at the end."""

    def __init__(self, recipe: common.Recipe, folder: Path, processes: int = 1):
        plan = recipe.plan()
        if plan.budget.minutes:
            raise ValueError("Snapshots need a training of known length: give images, not minutes.")
        self.recipe, self.folder = recipe, folder / "snapshots"
        self.run = history.run_id(dataclasses.asdict(recipe))
        self.moments = set(moments(plan.budget.images, plan.batch * processes))
        self.measured = to_model(spread(load_digits("train"), MEASURED).images)  # (N, 1, 32, 32)
        self.judged = spread(load_digits("validation"), JUDGED)

    def watch(self, steps: Iterator[Step], model: LeNet) -> Iterator[Step]:
        """The steps of `training.fit` with a look at `model`, the network that is trained, before the first and after each."""
        self.see(0, model)
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            self.see(step.images, model)
            yield step

    def see(self, images: int, model: LeNet) -> None:
        """Keep a snapshot if this is the moment for one; `model` stays as it is."""
        if images not in self.moments:
            return
        folded = folded_now(model, self.measured).half().float()  # the figures are those of what is stored
        figures = {"images": torch.tensor(images), **judge(folded, self.judged)}
        weights = {history.PREFIX + name: w.half() for name, w in folded.state_dict().items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        save_file(figures | weights, self.folder / f"{images:012}.safetensors", metadata={"run": self.run})

    def save(self, path: Path, revision: str) -> None:
        """Write the history of this training; `revision` of the code that ran."""
        parts = [part for file in sorted(self.folder.glob("*.safetensors")) if (part := self._part(file))]
        stacked = {name: torch.stack([part[name] for part in parts]) for name in parts[0]}
        figures = [stacked.pop(name) for name in ("images", "loss", "confusion")]
        weights = {name.removeprefix(history.PREFIX): w for name, w in stacked.items()}
        training = {"recipe": dataclasses.asdict(self.recipe), "revision": revision, "torch": torch.__version__,
                    "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"}
        metadata = Metadata("lenet", dataclasses.asdict(LeNet.Config()), training=training, settings={"runs": [self.run] * len(parts)})
        history.save(path, History(metadata, *figures, weights))
        print(f"Saved {path}")

    def _part(self, file: Path) -> dict[str, Tensor] | None:
        """One snapshot; None for what another training left in the folder."""
        with safe_open(file, "pt") as opened:
            return {k: opened.get_tensor(k) for k in opened.keys()} if (opened.metadata() or {}).get("run") == self.run else None


def moments(images: int, batch: int, count: int = COUNT) -> list[int]:
    """Numbers of images seen at which to look: 0, then whole batches up to the end, evenly on a logarithmic scale where they can be."""
    updates, found = math.ceil(images / batch), [0]
    for left in range(count - 1, 0, -1):
        if found[-1] < updates:
            last = max(1, found[-1])
            found.append(max(found[-1] + 1, round(last * (updates / last) ** (1 / left))))
    return [batch * step for step in found]


def spread(digits: Digits, count: int) -> Digits:
    """`count` digits evenly from the whole split, so from all its writers; fewer if there are not as many."""
    return digits[torch.linspace(0, len(digits) - 1, min(count, len(digits))).long()]


@torch.no_grad()
def folded_now(model: LeNet, x: Tensor) -> LeNet:
    """A copy of a network in training, on the CPU, with batch norm measured anew on x (N, 1, 32, 32) and folded in.

    In double precision: most of a digit is paper, so variances are small beside the squares of means.
    """
    measured = copy.deepcopy(model).cpu().double().train()
    for module in measured.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.reset_running_stats()
            module.momentum = None  # a plain average, here of the one batch
    measured(x.double())
    return fold_batch_norm(measured.eval())


@torch.inference_mode()
def judge(model: nn.Module, digits: Digits) -> dict[str, Tensor]:
    """Cross entropy and confusion matrix on some digits."""
    logits = torch.cat([model(to_model(part)) for part in digits.images.split(500)])
    return {"loss": F.cross_entropy(logits, digits.labels), "confusion": confusion(digits.labels, logits.argmax(1))}
