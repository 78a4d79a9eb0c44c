"""The classifier's lab: a picture to a verdict."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from mnist_lab import checkpoint, drawing
from mnist_lab.checkpoint import Store
from mnist_lab.data import to_model
from mnist_lab.labs.checks import Picture, is_stored, number

CLASSIFIERS = ("resnet", "lenet")  # the first is the best
JUDGE = "judge"  # a residual network that stays as it is, so that what is measured of generators in its features can be compared


@dataclass(frozen=True)
class Calibration:
    """How a classifier's logits are to be read: fitted on held-out writers by `train.evaluate`, kept in its checkpoint's settings."""

    temperature: float = 1.0  # of the softmax (Guo et al. 2017)
    threshold: float | None = None  # of `score`: nearly all digits lie above it
    typical: float | None = None  # the score of the usual digit

    @classmethod
    def of(cls, settings: dict) -> "Calibration":
        """From a checkpoint's settings; probabilities as they are, and no likeness, where nothing was fitted. ValueError for nonsense."""
        given = settings.get("calibration", {})
        if not isinstance(given, dict):
            raise ValueError("The calibration must be a temperature, a threshold and a typical score.")
        found = cls(number("The temperature", given.get("temperature", 1.0), 0.01, 100))
        if "threshold" not in given:
            return found
        found = replace(found, **{key: number(f"The {key} score", given.get(key), -1e6, 1e6) for key in ("threshold", "typical")})
        if found.threshold >= found.typical:
            raise ValueError("The threshold score must lie below the typical score.")
        return found

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Logits (10,) -> float (10,), sum 1."""
        e = np.exp((logits - logits.max()) / self.temperature)
        return e / e.sum()

    def score(self, logits: np.ndarray) -> float:
        """log sum exp of the logits: the negative energy, low for pictures that are no digit (Liu et al. 2020, eq. 4 at T = 1)."""
        return float(np.logaddexp.reduce(logits))

    def likeness(self, logits: np.ndarray) -> float | None:
        """How digit-like, 0 to 1: the threshold is one half, the usual digit 1. None if it was never fitted."""
        if self.threshold is None:
            return None
        return min(1.0, max(0.0, 0.5 + (self.score(logits) - self.threshold) / (2 * (self.typical - self.threshold))))


@dataclass(frozen=True, eq=False)  # arrays have no one truth value to compare by
class Verdict:
    digit: int
    probabilities: np.ndarray  # float32 (10,), sum 1
    seen: np.ndarray  # uint8 (28, 28): the picture the network read
    likeness: float | None = None  # 0 to 1, below one half it is no digit; None if the network was never taught to tell

    def __str__(self) -> str:
        return f"{self.digit} ({100 * self.probabilities[self.digit]:.1f} %)"


class ClassifierLab:
    """Reads digits. `network` is a checkpoint's name."""

    def __init__(self, store: Store, network: str = CLASSIFIERS[0]):
        self.network, metadata = store.load(network)
        self.calibration = Calibration.of(metadata.settings)

    @classmethod
    def of_file(cls, path: Path) -> "ClassifierLab":
        """A network that train.classifier wrote; CheckpointError if the file is broken, ValueError if it is of another kind."""
        kind = checkpoint.read_metadata(path).model
        if kind not in CLASSIFIERS:
            raise ValueError(f"{path.name} holds a {kind}, which does not read digits. Take one that train.classifier wrote.")
        return cls(SimpleNamespace(load=lambda _: checkpoint.load(path)))

    def classify(self, picture: Picture) -> Verdict:
        """A path, a PIL picture or an array, of any size, dark on light or light on dark, to a Verdict.

        Raises drawing.DrawingError (a ValueError) if it is no picture, too large or empty.
        """
        return self.read(drawing.from_picture(picture).pixels)

    @torch.inference_mode()
    def read(self, pixels: np.ndarray) -> Verdict:
        """A digit that is already uint8 (28, 28), centred, ink 255 on 0; ValueError if it is not."""
        if not is_stored(pixels):
            raise ValueError("A digit must be an array (28, 28) of uint8, ink 255 on paper 0. Any other picture is read by classify().")
        logits = self.network(to_model(torch.tensor(pixels)[None]))[0].numpy()
        return Verdict(int(logits.argmax()), self.calibration.probabilities(logits), pixels, self.calibration.likeness(logits))
