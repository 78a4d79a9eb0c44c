"""The population: all test digits at once, and where the drawing lies among them."""

from mnist_lab.checkpoint import Store
from mnist_lab.ui.controls import wing


def build(store: Store) -> None:
    wing("Ten thousand digits at once", "What the network makes of every digit it was tested on.")
