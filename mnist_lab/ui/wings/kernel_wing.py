"""One convolution, by hand."""

from mnist_lab.checkpoint import Store
from mnist_lab.ui.controls import wing
from mnist_lab.ui.widgets.kernel import Kernel


def build(store: Store) -> None:
    wing("One convolution, by hand", "Nine pixels times nine weights, added up, make one pixel of the map. Move over either picture.")
    Kernel(elem_id="classify-kernel")
