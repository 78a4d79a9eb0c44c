"""The three labs: plain calls on top of the checkpoints, with every argument checked. The app and the command line use them too.

Bad arguments raise ValueError with one sentence: what was wrong, then what is accepted. A picture is a path, a PIL picture or an array.
The classifier reads any as a digit; the other two take 28x28 grey pixels on dark paper, as they make them, pixel by pixel.
"""

from pathlib import Path

from mnist_lab.checkpoint import Store
from mnist_lab.labs.checks import MOST_PICTURES, choice, digit_input, number, seed_number, whole
from mnist_lab.labs.classifier import CLASSIFIERS, JUDGE, Calibration, ClassifierLab, Verdict
from mnist_lab.labs.diffusion import BY_HEART, DENOISERS, SHAPE_BOUNDS, STUDENT, USUAL, DiffusionLab, Sampling
from mnist_lab.labs.gan import MOST_STOPS, GanLab, Inversion


def open_lab(name: str | Path, store: Store | None = None) -> ClassifierLab | GanLab | DiffusionLab:
    store = store or Store()
    if isinstance(name, Path) or str(name).endswith(".safetensors"):
        return ClassifierLab.of_file(Path(name))
    if name in ("classifier", *CLASSIFIERS):
        return ClassifierLab(store, CLASSIFIERS[0] if name == "classifier" else name)
    if name == "gan":
        return GanLab(store)
    if name in DENOISERS:
        return DiffusionLab(store, name)
    raise ValueError(f"There is no lab {name!r}. Choose classifier, gan, diffusion, student or unet, or a classifier's .safetensors.")


__all__ = ["BY_HEART", "CLASSIFIERS", "DENOISERS", "JUDGE", "MOST_PICTURES", "MOST_STOPS", "SHAPE_BOUNDS", "STUDENT", "USUAL", "Calibration", "ClassifierLab",
           "DiffusionLab", "GanLab", "Inversion", "Sampling", "Verdict", "choice", "digit_input", "number", "open_lab", "seed_number", "whole"]
