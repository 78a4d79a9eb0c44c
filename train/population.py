"""What a classifier makes of the whole test split, for `mnist_lab.population`: `train.evaluate` calls `write` for each classifier."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_lab import metrics, population
from mnist_lab.checkpoint import Metadata, Store, fingerprint
from mnist_lab.data import Digits, to_model
from mnist_lab.explain import program, run, shown
from mnist_lab.metrics import Reading
from mnist_lab.population import NEIGHBOURS, Calibration, Gallery, Histograms, Map, Population

IN_A_CELL = 12  # pictures of one cell of the confusion matrix
WORST = 24
FEATURES, BARS = 16, 40  # histograms, and bars of each
BINS = 15  # of confidence, as in metrics.calibration_error
EACH = 200  # digits of each class on the map
SEED = 0  # which of them
PERPLEXITY = 30  # of t-SNE: about how many neighbours each digit keeps
MAPS = ("conv", "maxpool", "avgpool")


def write(store: Store, name: str, test: Digits) -> Path:
    """Compute the population of one classifier and put it beside its weights."""
    path = population.path_of(store.folder, name)
    found = survey(*store.load(name), test)
    population.save(path, found)
    print(f"{name}: population of {len(test):,} digits, {len(found.gallery.labels)} pictures, {path.stat().st_size / 1e6:.1f} MB", flush=True)
    return path


@torch.inference_mode()
def survey(model: nn.Module, metadata: Metadata, test: Digits) -> Population:
    """Everything, from the test split once through the network and once through its list of steps."""
    reading = metrics.read(model, test.images)
    temperature = metadata.settings.get("calibration", {}).get("temperature", 1.0)
    p = (reading.logits.double() / temperature).softmax(1)  # (N, 10)
    layers, last = mean_activations(model, test)
    where = lay_out(reading, test)
    settings = {"fingerprint": fingerprint(model), "temperature": temperature, "layers": list(layers), "far": far(where)}
    described = Metadata(metadata.model, metadata.config, metadata.dataset, settings=settings, scores=honesty(p, test.labels))
    return Population(described, metrics.confusion(test.labels, reading.digit), gallery(p, reading, test), histograms(reading.features),
                      calibration(p, test.labels), where, last, layers)


# ---- what each map answers to ------------------------------------------------------------------------------------------

@torch.inference_mode()
def mean_activations(model: nn.Module, digits: Digits, batch: int = 200) -> tuple[dict[str, Tensor], Tensor]:
    """Mean of each map over the digits of one label and all places, (10, C) a layer by name; and the last convolution's mean maps (10, C, h, w)."""
    ops = program(model)
    layers = [(k, name) for k, name in shown(ops) if ops[k].kind in MAPS]
    last = max(k for k, _ in layers if ops[k].kind == "conv")
    sums = {name: torch.zeros(10, ops[k].shape[0], dtype=torch.float64) for k, name in layers}
    maps, count = torch.zeros(10, *ops[last].shape, dtype=torch.float64), torch.bincount(digits.labels, minlength=10).clamp(min=1)
    for images, labels in zip(digits.images.split(batch), digits.labels.split(batch), strict=True):
        values = run(ops, to_model(images))
        for k, name in layers:
            sums[name].index_add_(0, labels, values[k].double().mean((2, 3)))
        maps.index_add_(0, labels, values[last].double())
    return {name: (total / count[:, None]).half() for name, total in sums.items()}, (maps / count[:, None, None, None]).half()


def histograms(features: Tensor) -> Histograms:
    """Of the first sixteen features of (N, D)."""
    first = features[:, :FEATURES].T.float()  # (F, N)
    ends = [torch.histogram(values, BARS) for values in first]
    return Histograms(torch.stack([h.hist for h in ends]).long(), torch.stack([h.bin_edges for h in ends]), first.mean(1), first.std(1))


# ---- how honest its confidence is --------------------------------------------------------------------------------------

def honesty(p: Tensor, labels: Tensor) -> dict:
    """Expected calibration error, negative log-likelihood in nats, and Brier's score (the squared error summed over the ten digits)."""
    return {
        "calibration_error": metrics.calibration_error(p, labels, BINS),
        "nll": -p.gather(1, labels[:, None]).log().mean().item(),
        "brier": (p - F.one_hot(labels, 10)).square().sum(1).mean().item(),
    }


def calibration(p: Tensor, labels: Tensor) -> Calibration:
    """p (N, 10), the bins of metrics.calibration_error."""
    confidence, digit = p.max(1)
    place = (confidence * BINS).long().clamp(max=BINS - 1)
    count = torch.bincount(place, minlength=BINS)
    mean = [torch.bincount(place, values, BINS) / count.clamp(min=1) for values in (confidence, (digit == labels).double())]
    return Calibration(count, mean[0].float(), mean[1].float())


# ---- pictures ----------------------------------------------------------------------------------------------------------

def gallery(p: Tensor, reading: Reading, test: Digits) -> Gallery:
    """The surest of each kind of mistake; of those read right, the ones nearest to the middle of their class."""
    confidence, read = p.max(1)
    middle = torch.stack([reading.features[test.labels == d].mean(0) for d in range(10)])  # (10, D)
    typical = -(reading.features - middle[test.labels]).norm(dim=1)
    order = torch.where(read == test.labels, typical, confidence)
    cells = [[_first(((test.labels == r) & (read == c)).nonzero()[:, 0], order, IN_A_CELL) for c in range(10)] for r in range(10)]
    worst = _first((read != test.labels).nonzero()[:, 0], confidence, WORST)
    index = torch.cat([worst, *(cell for row in cells for cell in row)]).unique()
    place = torch.full((len(test),), -1).scatter(0, index, torch.arange(len(index)))
    filled = torch.stack([torch.stack([F.pad(place[cell], (0, IN_A_CELL - len(cell)), value=-1) for cell in row]) for row in cells])
    return Gallery(test.images[index], index, test.labels[index], read[index], confidence[index].float(), filled, place[worst])


def _first(places: Tensor, order: Tensor, count: int) -> Tensor:
    """Those of `places` with the highest `order`."""
    return places[order[places].argsort(descending=True)][:count]


# ---- the map -----------------------------------------------------------------------------------------------------------

def lay_out(reading: Reading, test: Digits) -> Map:
    """The same digits for every network."""
    chosen = torch.randperm(len(test), generator=torch.Generator().manual_seed(SEED))
    index = torch.cat([chosen[test.labels[chosen] == d][:EACH] for d in range(10)])
    features = reading.features[index].half()
    mean, components = principal(features.float())
    pca = (features.float() - mean) @ components.T  # (N, 3)
    return Map(test.images[index], index, test.labels[index], reading.digit[index], features, mean, components, pca, tsne(features))


def principal(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (D,) and the three directions of greatest variance (3, D); the largest number of each is positive, so that it is the same every time."""
    mean = features.mean(0)
    *_, directions = torch.linalg.svd((features - mean).double(), full_matrices=False)
    first = directions[:3].float()
    largest = first.gather(1, first.abs().argmax(1, keepdim=True))
    return mean, first * largest.sign()


def tsne(features: Tensor) -> Tensor:
    """Three dimensions that keep who is next to whom (van der Maaten and Hinton 2008): (N, D) -> (N, 3)."""
    from sklearn.manifold import TSNE  # here: everything else in training does without

    layout = TSNE(3, perplexity=min(PERPLEXITY, (len(features) - 1) / 3), init="pca", random_state=SEED)
    return torch.from_numpy(layout.fit_transform(features.float().numpy()))


def far(where: Map) -> float:
    """The mean distance to its five nearest neighbours that 99 % of the digits do not exceed."""
    features = where.features.float()
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    nearest = distances.topk(NEIGHBOURS + 1, largest=False).values[:, 1:]  # the first is itself
    return nearest.mean(1).quantile(0.99).item()
