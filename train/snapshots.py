"""Snapshots of LeNet while it trains, for `mnist_lab.history`: about sixty, evenly spaced on a logarithmic scale.

A snapshot is the network that could be used at that moment: the raw weights (not the averaged ones, which lag behind) with
batch norm folded in. Early in training the running statistics of batch norm lag too, by about a hundred updates; so they
are measured anew, on a thousand training digits as they are. Otherwise an early snapshot would look ignorant for the wrong reason.
"""

import copy
import dataclasses
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_lab import history
from mnist_lab.checkpoint import Metadata
from mnist_lab.data import Digits, load_digits, to_model
from mnist_lab.history import History
from mnist_lab.metrics import confusion
from mnist_lab.models import LeNet, fold_batch_norm
from train import common
from train.moments import Moments

COUNT = 60  # snapshots of one training
MEASURED = 1_000  # training digits for the statistics of batch norm
JUDGED = 2_000  # digits of validation writers for loss and confusion: always the same


class Snapshots(Moments):
    """Keeps snapshots of one training: `watch` its steps and the model, `save` at the end."""

    name = "snapshots"

    def __init__(self, recipe: common.Recipe, folder: Path):
        super().__init__(recipe, folder, COUNT)
        self.measured = to_model(spread(load_digits("train"), MEASURED).images)  # (N, 1, 32, 32)
        self.judged = spread(load_digits("validation"), JUDGED)

    def see(self, images: int, model: LeNet) -> None:
        """Keep a snapshot if this is the moment for one; `model` stays as it is."""
        if images not in self.moments:
            return
        folded = folded_now(model, self.measured).half().float()  # the figures are those of what is stored
        figures = {"images": torch.tensor(images), **judge(folded, self.judged)}
        weights = {history.PREFIX + name: w.half() for name, w in folded.state_dict().items()}
        self.keep(f"{images:012}", figures | weights)

    def save(self, path: Path, revision: str) -> None:
        """Write the history of this training; `revision` of the code that ran."""
        parts = self.parts()
        stacked = {name: torch.stack([part[name] for part in parts]) for name in parts[0]}
        figures = [stacked.pop(name) for name in ("images", "loss", "confusion")]
        weights = {name.removeprefix(history.PREFIX): w for name, w in stacked.items()}
        settings = {"runs": [self.run] * len(parts)}
        metadata = Metadata("lenet", dataclasses.asdict(LeNet.Config()), training=common.provenance(self.recipe, revision), settings=settings)
        history.save(path, History(metadata, *figures, weights))
        print(f"Saved {path}")


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
