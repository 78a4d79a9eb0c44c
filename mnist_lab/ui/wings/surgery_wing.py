"""Break it: switch kernels off."""

from mnist_lab.checkpoint import Store
from mnist_lab.ui.controls import wing


def build(store: Store) -> None:
    wing("Break it", "Switch a filter off and see what the network can no longer tell apart.")
