"""Does it only copy? Digits it made above the nearest ones it learned from; and a network that knows 500 by heart, where the answer is yes."""

import torch

from mnist_lab import metrics
from mnist_lab.checkpoint import Store
from mnist_lab.data import Digits, load_digits
from mnist_lab.labs import BY_HEART, DiffusionLab
from mnist_lab.ui.controls import wing
from mnist_lab.ui.denoisings import lab_of, last_of
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.copies import Copies

KEY = "copies"
SEED = 3


def build(store: Store, recorded: dict | None) -> None:
    if not recorded:  # its networks are not trained
        return
    wing("Does it only copy?", "A network that knew its training digits by heart would make fine pictures too. So each digit is laid on the most alike "
         "of those it learned from; and beside it works a network of the same kind that was shown only a few, over and over.")
    Copies(recorded, elem_id="diffusion-copies")


def held_against(lab: DiffusionLab, digits: Digits) -> dict:
    """Ten digits and their nearest: {"made", "nearest": base64 of uint8 (10, 28, 28), "distance": ten}."""
    made = torch.from_numpy(last_of(lab.frames(lab.sampling(list(range(10)), seed=SEED, same_noise=False, guidance=1.0))))
    distance, index = metrics.nearest(made, digits.images)
    return {"made": packed(made.numpy()), "nearest": packed(digits.images[index].numpy()), "distance": [round(v, 2) for v in distance.tolist()]}


@torch.inference_mode()
def record(store: Store) -> dict:
    """Ours against the training split, the other against the few it saw; and what the card says of a thousand digits and more of each."""
    train, scores = load_digits("train"), store.load("diffusion")[1].scores
    few = store.load(BY_HEART)[1].training["recipe"]["few"]
    return {"all": len(train), "few": few, "ours": held_against(lab_of(store), train), "heart": held_against(DiffusionLab(store, BY_HEART), train[:few]),
            "nearer": {"ours": scores["guidance 1"]["memory"]["nearer"], "heart": scores["by_heart"]["memory"]["nearer"]},
            "usual": round(scores["guidance 1"]["memory"]["distance_of_test_digits"], 2)}
