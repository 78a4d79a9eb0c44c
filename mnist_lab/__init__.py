"""MNIST Lab: see how neural networks recognise and generate handwriting.

    lab = mnist_lab.load("diffusion")
    pictures = lab.generate(digit=8, n=4, steps=50, seed=7)

Map of the package: `models` (networks), `diffusion` (schedules, samplers, guidance), `data`, `drawing` (a drawing ->
a digit), `checkpoint` (weights on disk), `history` (a training's snapshots), `training`, `metrics`, `explain`, `labs` (what
`load` returns), `plots`, `ui` (the web app) and `cli`. Importing this package imports none of the heavy ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnist_lab.labs import ClassifierLab, DiffusionLab, GanLab

__version__ = "0.1.0"
__all__ = ["load"]


def load(name: str) -> ClassifierLab | GanLab | DiffusionLab:
    """A lab by name: "classifier" (or "lenet", "resnet"), "gan", or "diffusion" (or "student", which needs one to
    four calls, or "unet", the baseline); or by the path of a .safetensors that train.classifier wrote.

    Raises ValueError for another name and `checkpoint.CheckpointError` if its weights are missing or broken.
    """
    from mnist_lab.labs import open_lab

    return open_lab(name)
