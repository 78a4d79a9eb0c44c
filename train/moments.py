"""What is kept of a training at some of its moments, each in a file in the folder of the run: an interrupted one, resumed, still has its beginning."""

import dataclasses
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from mnist_lab import history
from mnist_lab.training import Step
from train import common


class Moments:
    """Parts of one training, of the main process only. A subclass says in `see` what a part is."""

    name = ""  # of the folder

    def __init__(self, recipe: common.Recipe, folder: Path, count: int):
        plan, processes = recipe.plan(), int(os.environ.get("WORLD_SIZE", 1))  # as torchrun and accelerate launch say
        if plan.budget.minutes:
            raise ValueError(f"{self.name.capitalize()} need a training of known length: give images, not minutes.")
        self.recipe, self.folder = recipe, folder / self.name
        self.run = history.run_id(dataclasses.asdict(recipe))
        self.moments = moments(plan.budget.images, plan.batch * processes, count)

    def watch(self, steps: Iterator[Step], subject: Any) -> Iterator[Step]:
        """The steps of `training.fit` with a look at what is trained, before the first and after each."""
        self.see(0, subject)
        while True:
            try:
                step = next(steps)
            except StopIteration as stop:
                return stop.value
            self.after(step, subject)
            yield step

    def after(self, step: Step, subject: Any) -> None:
        self.see(step.images, subject)

    def see(self, images: int, subject: Any) -> None:
        """Keep a part if this is a moment for one; what is trained stays as it is."""
        raise NotImplementedError

    def keep(self, name: str, part: dict[str, Tensor]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        save_file(part, self.folder / f"{name}.safetensors", metadata={"run": self.run})

    def parts(self) -> list[dict[str, Tensor]]:
        """Those of this training, in order."""
        return [part for file in sorted(self.folder.glob("[0-9]*.safetensors")) if (part := self.part(file.stem))]

    def part(self, name: str) -> dict[str, Tensor] | None:
        """None for what another training left in the folder."""
        with safe_open(self.folder / f"{name}.safetensors", "pt") as opened:
            return {k: opened.get_tensor(k) for k in opened.keys()} if (opened.metadata() or {}).get("run") == self.run else None


def moments(images: int, batch: int, count: int) -> list[int]:
    """Numbers of images seen at which to look: 0, then whole batches up to the end, evenly on a logarithmic scale where they can be."""
    updates, found = math.ceil(images / batch), [0]
    for left in range(count - 1, 0, -1):
        if found[-1] < updates:
            last = max(1, found[-1])
            found.append(max(found[-1] + 1, round(last * (updates / last) ** (1 / left))))
    return [batch * step for step in found]
