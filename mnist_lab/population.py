"""What one classifier makes of the whole test split, in one .safetensors file: pictures and figures that need no data set.

It lies in a folder of its own beside the weights, so that nobody takes it for a model, and knows the fingerprint of the weights
it was made with. `train.population` writes it, as part of `train.evaluate`.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from mnist_lab import checkpoint
from mnist_lab.checkpoint import CheckpointError, Metadata

NEIGHBOURS = 5  # that say where a drawing lands
LAYER = "layer."  # of a layer's name in the file


@dataclass(frozen=True)
class Gallery:
    """M test digits worth looking at: all that were misread, and a few of each class that are typical."""

    images: Tensor  # uint8 (M, 28, 28)
    index: Tensor  # int64 (M,): place in the test split
    labels: Tensor  # int64 (M,)
    read: Tensor  # int64 (M,): the digit they were read as
    confidence: Tensor  # float32 (M,): calibrated probability of that digit
    cells: Tensor  # int64 (10, 10, K): up to K places in this gallery of label r read as c, the surest first; -1 where there are no more
    worst: Tensor  # int64 (W,): places of the surest mistakes, the worst first


@dataclass(frozen=True)
class Histograms:
    """How the first F latent features are spread over the test split, each in B bins of equal width."""

    counts: Tensor  # int64 (F, B)
    edges: Tensor  # float32 (F, B + 1)
    mean: Tensor  # float32 (F,)
    std: Tensor  # float32 (F,)


@dataclass(frozen=True)
class Calibration:
    """Confidence in bins of equal width from 0 to 1, and how often it was right (Guo et al. 2017, figure 1)."""

    count: Tensor  # int64 (B,)
    confidence: Tensor  # float32 (B,): mean of the bin, 0 where it is empty
    accuracy: Tensor  # float32 (B,)


@dataclass(frozen=True)
class Map:
    """N test digits, as many of each class, by their D latent features, and two ways to lay these out in three dimensions."""

    images: Tensor  # uint8 (N, 28, 28)
    index: Tensor  # int64 (N,): place in the test split
    labels: Tensor  # int64 (N,)
    read: Tensor  # int64 (N,)
    features: Tensor  # float16 (N, D)
    mean: Tensor  # float32 (D,)
    components: Tensor  # float32 (3, D): the principal ones, of unit length
    pca: Tensor  # float32 (N, 3): (features - mean) @ components.T
    tsne: Tensor  # float32 (N, 3)


@dataclass(frozen=True)
class Population:
    metadata: Metadata  # of the network; settings: "fingerprint", "temperature", "layers", "far"; scores: calibration_error, nll, brier
    confusion: Tensor  # int64 (10, 10): how often label r was read as digit c
    gallery: Gallery
    histograms: Histograms
    calibration: Calibration
    map: Map
    last: Tensor  # float16 (10, C, h, w): each digit's mean maps of the last convolution
    layers: dict[str, Tensor]  # float16 (10, C) for every convolution and pool: mean activation of each map, rows are digits

    @property
    def fingerprint(self) -> str:
        return self.metadata.settings["fingerprint"]


PARTS = {"gallery": Gallery, "histograms": Histograms, "calibration": Calibration, "map": Map}


# ---- where a drawing lies ----------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Landing:
    """Where one drawing lies among the digits of a map."""

    pca: Tensor  # (3,)
    tsne: Tensor  # (3,): the mean of its neighbours, the nearer the weightier: t-SNE itself knows no new points
    near: Tensor  # int64 (5,): the nearest by their features, the nearest first
    distance: Tensor  # (5,)


def land(where: Map, features: Tensor) -> Landing:
    """One drawing's latent features (D,), as `model.features` gives them."""
    features = features.float()
    distance, near = (where.features.float() - features).norm(dim=1).topk(NEIGHBOURS, largest=False)
    weight = 1 / (distance + 1e-6)
    tsne = (weight[:, None] * where.tsne[near]).sum(0) / weight.sum()
    return Landing((features - where.mean) @ where.components.T, tsne, near, distance)


# ---- the file ----------------------------------------------------------------------------------------------------------

def path_of(folder: Path, name: str) -> Path:
    """Where the population of the network NAME.safetensors of a checkpoint folder lies."""
    return folder / "population" / f"{name}.safetensors"


def save(path: Path, population: Population) -> None:
    """The file appears whole or not at all."""
    tensors = {"confusion": population.confusion, "last": population.last}
    tensors |= {f"{part}.{f.name}": getattr(getattr(population, part), f.name) for part, kind in PARTS.items() for f in dataclasses.fields(kind)}
    tensors |= {LAYER + name: values for name, values in population.layers.items()}
    checkpoint.write(path, {name: t.contiguous() for name, t in tensors.items()}, population.metadata)


def load(path: Path) -> Population:
    """Raises CheckpointError, in one sentence, for a file that is missing, damaged or of another kind."""
    metadata = checkpoint.read_metadata(path)
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        parts = {part: kind(**{f.name: tensors[f"{part}.{f.name}"] for f in dataclasses.fields(kind)}) for part, kind in PARTS.items()}
        layers = {name: tensors[LAYER + name] for name in metadata.settings["layers"]}
        population = Population(metadata, tensors["confusion"], **parts, last=tensors["last"], layers=layers)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path.name} is not a whole .safetensors file ({error}).") from error
    except KeyError as error:
        raise CheckpointError(f"{path.name} is not the population of a classifier: it has no {error}.") from error
    wrong = _wrong(population)
    if wrong:
        raise CheckpointError(f"The population in {path.name} can't be used: {wrong}.")
    return population


def _wrong(p: Population) -> str | None:
    """What is wrong with a population, if anything."""
    gallery, where, pictures = p.gallery, p.map, (28, 28)
    if p.confusion.shape != (10, 10) or any(values.shape[:1] != (10,) for values in (*p.layers.values(), p.last)):
        return "its rows are not ten digits"
    if any(one.images.shape != (len(one.labels), *pictures) or one.read.shape != one.labels.shape for one in (gallery, where)):
        return "its pictures are not one for each label"
    count, size = where.features.shape
    if where.pca.shape != (count, 3) or where.tsne.shape != (count, 3) or where.components.shape != (3, size) or count < NEIGHBOURS:
        return "its map does not fit its features"
    if max(gallery.cells.max(), gallery.worst.max()) >= len(gallery.labels):
        return "it names pictures it does not have"
    missing = {"fingerprint", "far"} - p.metadata.settings.keys() | {"calibration_error", "nll", "brier"} - p.metadata.scores.keys()
    return f"it does not say its {', '.join(sorted(missing))}" if missing else None
