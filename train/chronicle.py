"""The whole war of a GAN, for `mnist_lab.war`: what the same latents give at some thirty moments, and the curves between.

A moment is the generator that fights, not the averaged one.
"""

import copy
import dataclasses
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mnist_lab import war
from mnist_lab.checkpoint import Metadata, Store
from mnist_lab.data import Digits, load_digits, one_hot, to_model, to_pictures
from mnist_lab.labs import JUDGE
from mnist_lab.models import Generator
from mnist_lab.training import Step, seeded
from mnist_lab.war import War
from train import common
from train.moments import Moments

COUNT = 32  # moments of one war
POINTS = 12  # of the curves, from one moment to the next
SLOW = 0.75  # of the moments: there some updates are kept in slow motion


class Chronicle(Moments):
    """Keeps the moments of one training: `watch` its steps and its task, `save` at the end."""

    name = "chronicles"

    def __init__(self, recipe: common.Recipe, folder: Path):
        super().__init__(recipe, folder, COUNT)
        self.slow = self.moments[round(SLOW * (len(self.moments) - 1))]
        self.classifier, self.curve = Store()[JUDGE], []

    def after(self, step: Step, task) -> None:
        self.curve.append([step.index, *(float(step.losses[name]) for name in war.CURVES[1:])])
        self.see(step.images, task)
        if step.images == self.slow and not self.recipe.spoil:
            self.keep("blow", blows(task, step.images))

    def see(self, images: int, task) -> None:
        if images not in self.moments:
            return
        generator = as_stored(task.accelerator.unwrap_model(task.networks["generator"]))
        every = -(-len(self.curve) // POINTS) if self.curve else 1
        part = {"images": torch.tensor(images), "fakes": war.followed(generator), "made": war.made(generator, self.classifier),
                "curve": torch.tensor(self.curve[::-every][::-1]).reshape(-1, len(war.CURVES))}
        self.curve = []
        self.keep(f"{images:012}", part | {war.PREFIX + name: w.contiguous() for name, w in generator.state_dict().items()})

    def save(self, path: Path, revision: str) -> None:
        """Write the chronicle of this training; `revision` of the code that ran."""
        parts = self.parts()
        weights = {name.removeprefix(war.PREFIX): w for name, w in parts[-1].items() if name.startswith(war.PREFIX)}
        settings = {"spoil": self.recipe.spoil, "runs": [self.run] * len(parts), "figures": {}}
        metadata = Metadata("generator", dataclasses.asdict(Generator.Config()), training=common.provenance(self.recipe, revision), settings=settings)
        stacked = [torch.stack([part[name] for part in parts]) for name in ("images", "fakes", "made")]
        blow = {} if self.recipe.spoil else self.part("blow")
        told = War(metadata, *stacked, torch.cat([part["curve"] for part in parts]), weights, blow)
        settings["figures"] = war.figures(told.generator, self.classifier, load_digits("validation"))
        war.save(path, told)
        print(f"Saved {path}: {settings['figures']}")


def blows(task, images: int) -> dict[str, Tensor]:
    """Some updates from here, as `war.blow_shapes` lists them: on copies, the war itself goes on as if nothing had been."""
    real, latents = load_digits("train"), torch.randn(war.FAKES, task.latent, generator=torch.Generator().manual_seed(64))[:war.WATCHED]
    found = {"images": torch.tensor(images), "noise": latents, "real": torch.stack([real.images[real.labels == d][0] for d in range(war.WATCHED)])}
    for who in war.TURNS:
        forger, judge, adams = copies(task)
        for side, network in (("forger", forger), ("judge", judge)):
            if who not in ("both", side):
                rest(network)
        if who == war.TURNS[0]:
            found |= first_look(task, forger, judge, found)
        seen = []
        for k in range(war.BLOWS + 1):
            seen.append(marked(forger, judge, found))
            batch = real[torch.arange(k * task.recipe.batch, (k + 1) * task.recipe.batch) % len(real)].to(task.accelerator.device)
            turn(task, who, forger, judge, adams, batch, seeded(task.accelerator.device, task.recipe.seed, k))
        found |= {f"{who}.marks": torch.stack([m for m, _ in seen]), f"{who}.fakes": torch.stack([f for _, f in seen])}
    return {name: t.cpu().contiguous() for name, t in found.items()}


def copies(task) -> tuple[nn.Module, nn.Module, list[torch.optim.Optimizer]]:
    """Generator, discriminator and their optimisers, to play with."""
    pair = [copy.deepcopy(task.accelerator.unwrap_model(task.networks[name])) for name in ("generator", "discriminator")]
    adams = [torch.optim.Adam(network.parameters()) for network in pair]
    for adam, own in zip(adams, task.optimizers, strict=True):
        adam.load_state_dict(copy.deepcopy(own.state_dict()))
    return *pair, adams


def rest(network: nn.Module) -> None:
    """Let it learn nothing, not even the statistics of its batch norms."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0


def watched(forger: nn.Module, found: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """(real digits, fakes, labels) that are watched: each (8, ...). The batch norm that has been learned is used, and nothing learned."""
    device = next(forger.parameters()).device
    label = one_hot(torch.arange(war.WATCHED, device=device))
    return to_model(found["real"].to(device)), forger.eval()(found["noise"].to(device), label), label


@torch.no_grad()
def marked(forger: nn.Module, judge: nn.Module, found: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The discriminator's marks (2, 8) of real digits and fakes, and the fakes uint8 (8, 28, 28)."""
    real, fake, label = watched(forger, found)
    judge.eval()
    return torch.stack([judge(real, label), judge(fake, label)]), to_pictures(fake)


def first_look(task, forger: nn.Module, judge: nn.Module, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """The losses of both on what is watched, and the wish: minus the slope of the generator's loss at every pixel of the fakes."""
    real, fake, label = watched(forger, found)
    fake, judge = fake.detach().requires_grad_(), judge.eval()
    scores = judge(real, label), judge(fake, label)
    loss = F.softplus(-scores[1]).mean()
    wish = -torch.autograd.grad(loss, fake, retain_graph=True)[0]
    return {"losses": torch.stack([task.loss_of_discriminator(*scores), loss]).detach(), "wish": wish[:, 0, 2:-2, 2:-2]}


def turn(task, who: str, forger: nn.Module, judge: nn.Module, adams: list, batch: Digits, generator: torch.Generator) -> None:
    """One update of both, or of one while the other rests."""
    forger.train(), judge.train()
    real, label = to_model(batch.images), one_hot(batch.labels)
    fake = forger(torch.randn(len(batch), task.latent, generator=generator, device=real.device), label)
    for k, side, loss in ((1, "judge", lambda: task.loss_of_discriminator(judge(real, label), judge(fake.detach(), label))),
                          (0, "forger", lambda: F.softplus(-judge(fake, label)).mean())):
        if who in ("both", side):
            adams[k].zero_grad()
            loss().backward()
            adams[k].step()


def as_stored(generator: Generator) -> Generator:
    """A copy on the CPU as it will be stored: in half precision, using the batch norm it has learned."""
    return copy.deepcopy(generator).cpu().half().float().eval()
