"""Directions of latent space that mean something: found without labels, then named by what they measurably do."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from mnist_lab.latent.measures import MEASURES, measure

STEP = 2.0  # how far a direction is walked to each side when it is measured; a random latent's share along it is N(0, 1)
BATCH = 256
MIXED = 8  # of SeFa's strongest directions
RIDGE = 0.3  # less is purer, and weaker
LEAD = 1.1  # times its next effect: enough that other latents agree
LEAST = 0.5  # standard deviations: a direction that changes less has no name


@dataclass(frozen=True)
class Direction:
    name: str  # of MEASURES: what it changes most
    vector: Tensor  # (D,), length 1; forward raises `name`
    effects: dict[str, float]  # change over 2 STEP, in standard deviations of the measure among digits of the same label
    change: float  # of `name`, in its own unit, for one step of length 1
    found: str  # how: "SeFa 3", "principal component 7"


def closed_form(generator: nn.Module, latent: int) -> Tensor:
    """SeFa (Shen and Zhou 2021, eq. 5): eigenvectors of W^T W, W (C, latent) the first layer's weights. -> (latent, latent), rows, strongest first."""
    first = next(m for m in generator.modules() if isinstance(m, nn.Linear))
    weight = nn.functional.normalize(first.weight.detach()[:, :latent].float(), dim=1)
    return torch.linalg.eigh(weight.T @ weight).eigenvectors.T.flip(0)


@torch.no_grad()
def principal(generator: nn.Module, z: Tensor, label: Tensor, count: int) -> Tensor:
    """GANSpace (Harkonen et al. 2020): principal components of a hidden layer, and the latents that go with them. -> (count, D).

    The layer is the output of the first convolution, the same label's mean taken out: what differs with the label is no direction of z.
    """
    first = next(m for m in generator.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d))
    seen: list[Tensor] = []
    hook = first.register_forward_hook(lambda module, inputs, output: seen.append(output.flatten(1)))
    try:
        for a, b in zip(z.split(BATCH), label.split(BATCH), strict=True):
            generator(a, b)
    finally:
        hook.remove()
    features = _centred(torch.cat(seen), label)
    with torch.random.fork_rng(devices=[]):  # it draws from torch's own generator: a caller's numbers stay the same
        torch.manual_seed(0)
        left, values, _ = torch.svd_lowrank(features, q=count + 8, niter=4)
    return nn.functional.normalize((left[:, :count] * values[:count]).T @ z, dim=1)


def _centred(rows: Tensor, label: Tensor) -> Tensor:
    """rows (B, C) less the mean of the rows of the same label, label (B, 10) one-hot."""
    return rows - label @ ((label.T @ rows) / label.sum(0).clamp(min=1)[:, None])


@torch.no_grad()
def measured(generator: nn.Module, z: Tensor, label: Tensor) -> Tensor:
    """MEASURES of the digits made of z (B, D): (B, 5)."""
    parts = [generator(a, b)[:, 0, 2:-2, 2:-2] for a, b in zip(z.split(BATCH), label.split(BATCH), strict=True)]
    return measure((torch.cat(parts).float().clamp(-1, 1) + 1) / 2)


def effects(generator: nn.Module, vectors: Tensor, z: Tensor, label: Tensor) -> Tensor:
    """What walking each direction (K, D) from -STEP to STEP changes, mean over the latents z, in each measure's own unit: (K, 5).

    The latents' own shares along the direction are taken out first, so that all walks cross the same stretch.
    """
    rows = []
    for vector in vectors:
        base = z - (z @ vector)[:, None] * vector
        ends = [measured(generator, base + side * STEP * vector, label) for side in (-1, 1)]
        rows.append((ends[1] - ends[0]).mean(0))
    return torch.stack(rows)


def spread(generator: nn.Module, z: Tensor, label: Tensor) -> Tensor:
    """Standard deviation of each measure among digits of the same label: (5,)."""
    return _centred(measured(generator, z, label), label).std(0)


def find(generator: nn.Module, z: Tensor, label: Tensor, candidates: int = 12) -> list[Direction]:
    """For each measure a direction that changes it more than any other measure. Strongest first.

    z (B, D) random latents, label (B, 10) their one-hot labels, all ten if possible. Where neither SeFa nor the principal
    components hold a direction that leads, one is mixed of SeFa's strongest.
    """
    sefa = closed_form(generator, z.shape[1])[:candidates]
    deviation = spread(generator, z, label)
    some, some_label = z[:100], label[:100]
    found = Catalogue(torch.cat([sefa, principal(generator, z, label, candidates)]),
                      [f"SeFa {k + 1}" for k in range(candidates)] + [f"principal component {k + 1}" for k in range(candidates)])
    strength = effects(generator, found.vectors, some, some_label) / deviation  # (K, 5)
    mixes = Catalogue(mixed(sefa[:MIXED], strength[:MIXED]), [f"a mix of SeFa 1 to {MIXED}"] * len(MEASURES))
    mixes_strength = effects(generator, mixes.vectors, some, some_label) / deviation
    led = [found.leader(m, strength) or mixes.leader(m, mixes_strength) for m in range(len(MEASURES))]
    change = dict(zip(MEASURES, (deviation / (2 * STEP)).tolist(), strict=True))
    return sorted((replace(d, change=d.effects[d.name] * change[d.name]) for d in led if d), key=lambda d: -d.effects[d.name])


def mixed(vectors: Tensor, strength: Tensor) -> Tensor:
    """One mix of the directions (K, D) a measure, that changes it and little else: ridge regression on their effects (K, 5). -> (5, D)."""
    weights = torch.linalg.solve(strength @ strength.T + RIDGE * torch.eye(len(vectors)), strength)  # (K, 5)
    return nn.functional.normalize(weights.T @ vectors, dim=1)


@dataclass(frozen=True)
class Catalogue:
    vectors: Tensor  # (K, D), length 1
    names: list[str]  # how each was found

    def leader(self, m: int, strength: Tensor) -> Direction | None:
        """Of the directions whose largest effect, of all (K, 5), is on measure m: the strong one that does little else. None if there is none."""
        own, others = strength.abs()[:, m], strength.abs().scatter(1, torch.full((len(strength), 1), m), 0.0).amax(1)
        leads = (own > LEAD * others) & (own > LEAST)
        if not leads.any():
            return None
        k = int(torch.where(leads, own - others / 2, 0.0).argmax())
        sign = float(strength[k, m].sign())
        told = dict(zip(MEASURES, (sign * strength[k]).tolist(), strict=True))
        return Direction(list(MEASURES)[m], sign * self.vectors[k], told, 0.0, self.names[k])
