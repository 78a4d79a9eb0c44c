"""When it is decided: what LeNet reads in the network's guess at every step of the film. The page does it all."""

from mnist_lab.checkpoint import Store
from mnist_lab.ui.widgets.decided import Decided

KEY = "decided"


def build(store: Store, recorded: None) -> None:
    Decided(elem_id="diffusion-decided")


def record(store: Store) -> None:
    """Nothing of its own: it reads the room's recorded film."""
