"""Weights on disk: one .safetensors file a model, its description as one JSON string in the file's header.

No pickle, no network. What can be wrong with a file is said in one sentence by `CheckpointError`.
"""

import dataclasses
import hashlib
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from mnist_lab.models import MODELS

FORMAT = 1  # raised when an older reader could no longer understand the file
FOLDER = Path(__file__).parent.parent / "checkpoints"


class CheckpointError(RuntimeError):
    """A checkpoint that can't be used; the message says which and why."""


@dataclass(frozen=True)
class Metadata:
    model: str  # key of MODELS
    config: dict  # fields of MODELS[model].Config; tuples are lists in the file
    dataset: str = "mnist"
    training: dict = field(default_factory=dict)  # recipe, seed, git revision, images seen, minutes
    settings: dict = field(default_factory=dict)  # what a user of the model needs: default guidance, trained range
    scores: dict = field(default_factory=dict)  # filled by train.evaluate
    format: int = FORMAT

    def network(self) -> nn.Module:
        """The network it describes, with new weights. Raises KeyError for an unknown model, and whatever a config that does not fit makes it raise."""
        model_class = MODELS[self.model]
        return model_class(model_class.Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in self.config.items()}))


def save(path: Path, model: nn.Module, metadata: Metadata, half: bool = False) -> None:
    """Write weights (in float16 if `half`) and metadata; the file appears whole or not at all."""
    dtype = torch.float16 if half else torch.float32
    tensors = {k: v.detach().cpu().to(dtype if v.is_floating_point() else v.dtype).contiguous()
               for k, v in model.state_dict().items()}
    write(path, tensors, metadata)


def write(path: Path, tensors: dict[str, torch.Tensor], metadata: Metadata) -> None:
    """Write tensors under their names, as they are, with metadata; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(tensors, part, metadata={"mnist_lab": json.dumps(dataclasses.asdict(metadata))})
    part.replace(path)


def read_metadata(path: Path) -> Metadata:
    """The description of a checkpoint, without its weights."""
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("mnist_lab")
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint {path}.") from error
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is not a whole .safetensors file ({error}).") from error
    if text is None:
        raise CheckpointError(f"{path.name} was not written by MNIST Lab: it has no description of its model.")
    return _parse(path, text)


def _parse(path: Path, text: str) -> Metadata:
    try:
        raw = json.loads(text)
        version = raw["format"]
        if version == FORMAT:
            found = Metadata(**raw)
            if not isinstance(found.model, str):
                raise TypeError("its model has no name")
            if not all(isinstance(part, dict) for part in (found.config, found.training, found.settings, found.scores)):
                raise TypeError("config, training, settings and scores are not all given by name")
            return found
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"The description inside {path.name} can't be read ({error}).") from error
    raise CheckpointError(f"{path.name} has format {version}; this version of MNIST Lab reads format {FORMAT}.")


def load(path: Path) -> tuple[nn.Module, Metadata]:
    """Rebuild the model in evaluation mode, on the CPU in float32."""
    metadata = read_metadata(path)
    if metadata.model not in MODELS:
        raise CheckpointError(f"{path.name} holds a model {metadata.model!r}; known are {', '.join(MODELS)}.")
    try:
        model = metadata.network()
        with safe_open(path, "pt") as file:
            model.load_state_dict({k: file.get_tensor(k) for k in file.keys()}, strict=True)
    except (TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"The configuration inside {path.name} does not fit {metadata.model} ({error}).") from error
    except RuntimeError as error:
        raise CheckpointError(f"The weights in {path.name} do not fit {metadata.model}: {str(error).splitlines()[-1].strip()}") from error
    if not all(value.isfinite().all() for value in model.state_dict().values()):
        raise CheckpointError(f"Some weights in {path.name} are no numbers (NaN or infinite): a training that failed wrote it.")
    return model.to(memory_format=torch.channels_last).eval().requires_grad_(False), metadata  # a third faster on CPUs


def update(path: Path, *, scores: dict | None = None, settings: dict | None = None) -> None:
    """Give a checkpoint's description new scores, all of them, or add settings; the weights stay bit for bit."""
    old = read_metadata(path)
    with safe_open(path, "pt") as file:
        tensors = {k: file.get_tensor(k) for k in file.keys()}
    new = dataclasses.replace(old, scores=old.scores if scores is None else scores, settings={**old.settings, **(settings or {})})
    write(path, tensors, new)


def fingerprint(model: nn.Module) -> str:
    """12 hex digits of the weights: what was made with other weights is never taken for these."""
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


class Store:
    """The checkpoints of one folder, each loaded when first asked for and kept: safe to share between threads."""

    def __init__(self, folder: Path | str = FOLDER, dataset: str = "mnist"):
        self.folder = Path(folder) / dataset
        self._loaded: dict[str, tuple[nn.Module, Metadata]] = {}
        self._lock = threading.Lock()

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"

    def names(self) -> list[str]:
        return sorted(p.stem for p in self.folder.glob("*.safetensors"))

    def load(self, name: str) -> tuple[nn.Module, Metadata]:
        """Model and metadata by file name without suffix; raises CheckpointError."""
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = load(self.path(name))
            return self._loaded[name]

    def __getitem__(self, name: str) -> nn.Module:
        return self.load(name)[0]
