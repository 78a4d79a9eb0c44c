"""Why: the ink that argues for a digit and against it."""

from mnist_lab.checkpoint import Store
from mnist_lab.ui.controls import wing


def build(store: Store) -> None:
    wing("Ask why, both ways", "Hover a digit and the ink that argues for it glows; hover a place in the drawing and the ten bars show its votes.")
