"""One noise, ten labels; and real digits beside the fakes."""

import torch

from mnist_lab.checkpoint import Store
from mnist_lab.data import load_digits
from mnist_lab.plots.digits import grid
from mnist_lab.ui.controls import wing
from mnist_lab.ui.widgets import png
from mnist_lab.ui.widgets.tenfold import Tenfold

KEY = "ten"
PEOPLE = 4  # rows of real digits
FIRST = 200  # of the validation split: those before it are shown elsewhere


def build(store: Store, recorded: dict) -> None:
    wing("One noise, ten labels", "The same numbers under every label: what they say of a hand, its slant and its weight, stays; "
         "the label says which digit it writes.")
    Tenfold(recorded, elem_id="gan-ten")


def record(store: Store) -> dict:
    """Real digits of the validation split: a column a label."""
    real = load_digits("validation")[FIRST:]
    columns = [real.images[real.labels == d][:PEOPLE] for d in range(10)]
    return {"real": png(grid(torch.stack(columns, dim=1).flatten(0, 1).numpy(), columns=10, gap=0))}
