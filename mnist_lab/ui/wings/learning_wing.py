"""Watch it learn: snapshots of a training."""

from mnist_lab.checkpoint import Store
from mnist_lab.ui.controls import wing


def build(store: Store) -> None:
    wing("Watch it learn", "The same network at sixty moments of its training, reading your digit.")
