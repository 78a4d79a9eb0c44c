"""The judge's ink: what the discriminator thinks of a picture, and what it wants."""

import numpy as np
import torch
from torch import Tensor

from mnist_lab.checkpoint import CheckpointError, Store
from mnist_lab.data import load_digits, one_hot, to_model, to_pictures
from mnist_lab.explain import judge as eye
from mnist_lab.explain import scale
from mnist_lab.labs import GanLab, whole
from mnist_lab.ui import readings
from mnist_lab.ui.controls import wing
from mnist_lab.ui.readings import answering, pixels_from
from mnist_lab.ui.widgets import packed
from mnist_lab.ui.widgets.judge import Judge

KEY = "judge"
NO_JUDGE = "The discriminator’s weights are not here. Run make train-gan, or visit another room."
JUDGED, BINS = 2_000, 40  # digits behind each hill of the gauge
MOST_STEPS = 20


def build(store: Store, recorded: dict) -> None:
    wing("The judge’s ink", "The discriminator tells real digits from fakes. Its slope says at every pixel whether more ink, or less, would please it: "
         "this is all the generator ever learns from.")
    Judge(recorded, judge=answering(store, judge, "judge"), elem_id="gan-judge")


def judge(store: Store, payload: dict) -> dict:
    """payload {"pixels", "label", "steps": to take towards what it wants} -> {"score", "wish": base64 of int8 (28, 28)}, and after
    steps {"film": base64 of uint8 (n, 28, 28), "scores": [n]} of those that helped; score and wish are of the last picture."""
    try:
        discriminator = store["discriminator"]
    except CheckpointError as error:
        raise ValueError(NO_JUDGE) from error
    x = to_model(torch.from_numpy(pixels_from(payload.get("pixels")))[None])
    label = one_hot(torch.tensor([whole("The label", payload.get("label"), 0, 9)]))
    way = list(eye.obey(discriminator, x, label, whole("Steps", payload.get("steps", 0), 0, MOST_STEPS)))
    last = way[-1][1] if way else x
    score, wish = eye.wish(discriminator, last, label)
    small = np.clip(np.rint(wish.numpy() * (127 / scale(wish.numpy()))), -127, 127).astype(np.int8)
    answer = {"score": round(score, 4), "wish": packed(small)}
    if way:
        answer |= {"film": packed(to_pictures(torch.cat([x for _, x in way])).numpy()), "scores": [round(s, 4) for s, _ in way]}
    return answer


@torch.inference_mode()
def record(store: Store) -> dict:
    """How the discriminator scores validation digits and fakes, each under its own label: shares in bins, a tail of 1 in 200 cut off."""
    lab, discriminator, people = GanLab(store), store["discriminator"], load_digits("validation")
    labels = people.labels[:JUDGED]
    real = scores(discriminator, to_model(people.images[:JUDGED]), labels)
    fakes = [lab.generator(z, one_hot(d)) for z, d in zip(lab.latent(6, JUDGED).split(250), labels.split(250), strict=True)]
    fake = scores(discriminator, torch.cat(fakes), labels)
    ends = [float(v) for v in torch.quantile(torch.cat([real, fake]), torch.tensor([0.005, 0.995]))]
    shares = [(torch.histc(s, BINS, *ends) / len(s)).tolist() for s in (real, fake)]
    drawn = readings.recorded()["reading"]
    return {"range": [round(v, 2) for v in ends], "real": [round(v, 4) for v in shares[0]], "fake": [round(v, 4) for v in shares[1]],
            "first": drawn["seen"], "digit": drawn["digit"]}


def scores(discriminator: torch.nn.Module, x: Tensor, labels: Tensor) -> Tensor:
    return torch.cat([discriminator(a, one_hot(b)) for a, b in zip(x.split(250), labels.split(250), strict=True)])
