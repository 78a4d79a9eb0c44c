"""A training looked back at: some sixty snapshots of one network's weights, and what each could do, in one .safetensors file.

The file is a checkpoint whose weights have one dimension more: "weights.NAME" (S, *shape) in half precision for S snapshots,
beside "images" int64 (S,), "loss" float32 (S,) and "confusion" int64 (S, 10, 10). It lies in a folder of its own, so
that nobody takes it for a model. `train.snapshots` writes it.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.func import functional_call, vmap

from mnist_lab import checkpoint
from mnist_lab.checkpoint import CheckpointError, Metadata

PREFIX = "weights."  # of a weight's name in the file


@dataclass(frozen=True)
class History:
    """S snapshots of one training, in its order."""

    metadata: Metadata  # of the network; settings["runs"]: the training each snapshot comes from, which is the same for all
    images: Tensor  # int64 (S,), rising: digits it had been trained on
    loss: Tensor  # float32 (S,): cross entropy on digits of writers it was never trained on
    confusion: Tensor  # int64 (S, 10, 10): how often label r of those digits was read as digit c
    weights: dict[str, Tensor]  # float32 (S, *shape), by their names in the network

    def __len__(self) -> int:
        return len(self.images)

    @property
    def accuracy(self) -> Tensor:
        """Share read right, (S,)."""
        return self.confusion.diagonal(dim1=1, dim2=2).sum(1) / self.confusion.sum((1, 2))

    def network(self, k: int) -> nn.Module:
        """The network as it was at snapshot k."""
        model = _model(self.metadata)
        model.load_state_dict({name: w[k] for name, w in self.weights.items()})
        return model


@torch.no_grad()
def read(history: History, x: Tensor) -> Tensor:
    """What the network made of one digit x (1, 1, 32, 32) at every snapshot: probabilities (S, 10), all in one pass."""
    model = _model(history.metadata)
    return vmap(lambda weights: functional_call(model, weights, (x,))[0])(history.weights).softmax(1)


def path_of(folder: Path, name: str) -> Path:
    """Where the history of the network NAME.safetensors of a checkpoint folder lies."""
    return folder / "history" / f"{name}.safetensors"


def run_id(recipe: dict) -> str:
    """A short name for the training a recipe (with its seed) describes."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]


def save(path: Path, history: History) -> None:
    """Write weights in half precision; the file appears whole or not at all."""
    figures = {"images": history.images, "loss": history.loss, "confusion": history.confusion}
    checkpoint.write(path, figures | {PREFIX + name: w.half().contiguous() for name, w in history.weights.items()}, history.metadata)


def load(path: Path) -> History:
    """Raises CheckpointError, in one sentence, for a file that is missing, damaged or of more than one training."""
    metadata = checkpoint.read_metadata(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {k: file.get_tensor(k) for k in file.keys()}
        figures = [tensors.pop(name) for name in ("images", "loss", "confusion")]
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is not a whole .safetensors file ({error}).") from error
    except KeyError as error:
        raise CheckpointError(f"{path.name} is not the history of a training: it has no {error}.") from error
    history = History(metadata, *figures, {name.removeprefix(PREFIX): w.float() for name, w in tensors.items()})
    wrong = _wrong(history)
    if wrong:
        raise CheckpointError(f"The history in {path.name} can't be used: {wrong}.")
    return history


def _wrong(history: History) -> str | None:
    """What is wrong with a history, if anything."""
    count, runs = len(history), history.metadata.settings.get("runs")
    if not count or history.loss.shape != (count,) or history.confusion.shape != (count, 10, 10):
        return "its figures are not one for each snapshot"
    if not (history.images.diff() > 0).all() or history.images[0] < 0:
        return "its snapshots are not in the order of training"
    if not isinstance(runs, list) or len(runs) != count or len(set(runs)) != 1:
        return "its snapshots are not all of one training"
    try:
        expected = {name: (count, *w.shape) for name, w in _model(history.metadata).state_dict().items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return f"its description does not fit a network ({error})"
    if {name: tuple(w.shape) for name, w in history.weights.items()} != expected:
        return f"its weights do not fit {history.metadata.model}"
    return None if all(w.isfinite().all() for w in history.weights.values()) else "some weights are no finite numbers"


def _model(metadata: Metadata) -> nn.Module:
    return metadata.network().eval().requires_grad_(False)
