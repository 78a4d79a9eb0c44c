"""Networks that visitors bring: a few at a time, each under a random name that only its owner knows."""

import inspect
import secrets
import threading
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from mnist_lab import checkpoint
from mnist_lab.checkpoint import CheckpointError, Metadata
from mnist_lab.explain import ProgramError, program
from mnist_lab.labs import Calibration
from mnist_lab.models import MODELS

PREFIX = "guest-"
MOST = 8
LARGEST = 2_000_000  # parameters: what a visitor's network may cost others
NO_FILE = "This is no .safetensors file. Take one that train.classifier wrote."
GONE = "The network you brought is no longer here. Bring its file again, or choose another network."


class Guests:
    """The latest networks by name; the one not used for longest leaves first. Safe to share between threads."""

    def __init__(self, most: int = MOST):
        self.most = most
        self._kept: OrderedDict[str, tuple[nn.Module, Metadata]] = OrderedDict()
        self._lock = threading.Lock()

    def welcome(self, path: str | Path) -> str:
        """The name under which the network of a file is kept from now on; ValueError says in a sentence what is wrong with the file."""
        found = opened(Path(path))
        name = PREFIX + secrets.token_urlsafe(9)
        with self._lock:
            self._kept[name] = found
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return name

    def load(self, name: str) -> tuple[nn.Module, Metadata]:
        """As Store.load; ValueError if it has left."""
        with self._lock:
            if name not in self._kept:
                raise ValueError(GONE)
            self._kept.move_to_end(name)
            return self._kept[name]


def opened(path: Path) -> tuple[nn.Module, Metadata]:
    """A classifier from a stranger's file: nothing large is built before its description has been checked."""
    if path.suffix != ".safetensors":
        raise ValueError(NO_FILE)
    try:
        metadata = checkpoint.read_metadata(path)
        _check_kind(path, metadata)
        model, metadata = checkpoint.load(path)
        program(model)
        Calibration.of(metadata.settings)
    except (CheckpointError, ProgramError) as error:
        raise ValueError(str(error)) from error
    except RuntimeError as error:  # layers of no width, for one
        raise ValueError(f"The network in {path.name} can't read a picture.") from error
    _check_answer(path, model)
    return model, metadata


def _check_kind(path: Path, metadata: Metadata) -> None:
    """A network that takes one picture, and is small: counted without memory for its weights."""
    model_class = MODELS.get(metadata.model)
    if model_class is None:
        return  # checkpoint.load names those it knows
    if len(inspect.signature(model_class.forward).parameters) != 2:  # self and the picture
        raise ValueError(f"{path.name} holds a {metadata.model}, which does not read digits. Take one that train.classifier wrote.")
    try:
        with torch.device("meta"):
            model = metadata.network()
        size = sum(p.numel() for p in model.parameters())
    except Exception as error:  # noqa: BLE001 - a stranger's numbers may raise anything
        raise ValueError(f"The configuration inside {path.name} does not fit {metadata.model}.") from error
    if size > LARGEST:
        raise ValueError(f"The network in {path.name} is too large. Up to {LARGEST:,} parameters, please.")


@torch.inference_mode()
def _check_answer(path: Path, model: nn.Module) -> None:
    logits = model(torch.zeros(1, 1, 32, 32))
    if logits.shape != (1, 10) or not logits.isfinite().all():
        raise ValueError(f"The network in {path.name} does not answer a picture with ten numbers.")
