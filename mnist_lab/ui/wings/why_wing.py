"""Why: the ink that argues for a digit and against it, and the smallest change that would make it another."""

import numpy as np
from torch import Tensor, nn

from mnist_lab.checkpoint import Store
from mnist_lab.explain import METHODS, counterfactual, run
from mnist_lab.labs import choice, whole
from mnist_lab.ui.controls import wing
from mnist_lab.ui.readings import answering, input_of, network_of, ops_of, reader_of
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.counter import Counter
from mnist_lab.ui.widgets.why import Why


def build(store: Store) -> None:
    wing("Ask why, both ways", "Point at a digit and the ink that argues for it glows. Point at a place in the drawing and the ten bars show its votes.")
    Why(server_functions=[answering(store, evidence, "evidence")], elem_id="classify-why")
    wing("Change its mind", "The smallest change of ink found that makes the network read another digit. Drag the strip for more of it, or less.")
    Counter(server_functions=[answering(store, change, "change")], elem_id="classify-counter")


def evidence(store: Store, payload: dict) -> dict:
    """What argues for each digit, by one method: {"maps": base64 of int8 (10, 28, 28), "unit": logits a step of those bytes}.

    payload {"pixels" or "strokes", "network", "method"}. What all ten share is taken away, as a softmax does: votes for one digit
    are votes against the others, and the ten sum to zero everywhere.
    """
    x, (_, network) = input_of(payload), network_of(store, payload)
    method = choice("method", payload.get("method"), tuple(METHODS))
    maps = METHODS[method](ops_of(network), x)
    votes = maps - maps.mean(0)
    unit = float(np.abs(votes).max()) / 127 or 1.0
    return {"maps": packed(np.rint(votes / unit).astype(np.int8)), "unit": unit}


def change(store: Store, payload: dict) -> dict:
    """A small change that makes the network read "target", the runner-up if that is null.

    payload {"pixels" or "strokes", "network", "target"} -> {"target", "delta": base64 of float32 (28, 28), shares of ink, below zero taken away,
    "norm": its L2 norm, "strengths": [0 to 1.5], "p": [ten calibrated probabilities for each strength], "reached"}.
    """
    x, (_, network, calibration) = input_of(payload), reader_of(store, payload)
    target = payload.get("target")
    target = _runner_up(network, x) if target is None else whole("A target", target, 0, 9)
    found = counterfactual(ops_of(network), x, target)
    p = [calibration.probabilities(row) for row in np.log(np.maximum(found.probabilities, 1e-30))]
    return {"target": target, "delta": packed(found.delta / 2), "norm": found.norm / 2, "strengths": [round(float(s), 3) for s in found.strengths],
            "p": [[round(float(v), 5) for v in row] for row in p], "reached": found.reached}


def _runner_up(network: nn.Module, x: Tensor) -> int:
    return int(run(ops_of(network), x)[-1][0].topk(2).indices[1])
