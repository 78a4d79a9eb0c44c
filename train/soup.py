"""Average the weights of runs that went on from the same checkpoint: `python -m train.soup --out FILE RUN RUN ...`.

Fine-tuned from one start, networks lie in one valley of the loss, and their mean lies deeper in it than each ("model soups",
Wortsman et al. 2022): one network, at the cost of one. The start itself may be one of them. All are taken, none is chosen.
"""

import argparse
import dataclasses
from pathlib import Path

import torch
from torch import Tensor, nn

from mnist_lab import checkpoint, metrics
from mnist_lab.data import load_digits
from train.classifier import accuracy_and_loss
from train.common import git_revision, held_out


def mean(models: list[nn.Module]) -> dict[str, Tensor]:
    """The mean of each weight and of each batch norm's statistics; counters are the first one's."""
    states = [model.state_dict() for model in models]
    return {k: torch.stack([s[k] for s in states]).mean(0) if v.is_floating_point() else v for k, v in states[0].items()}


def validation(model: nn.Module) -> dict[str, float]:
    digits = load_digits("validation")
    return accuracy_and_loss(metrics.read(model, digits.images).logits, digits.labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="checkpoints of one kind and shape")
    parser.add_argument("--out", type=Path, required=True, help="where the average is written")
    options = parser.parse_args()
    models, described = zip(*map(checkpoint.load, options.runs), strict=True)
    first = described[0]
    if any((d.model, d.config) != (first.model, first.config) for d in described):
        parser.error("these checkpoints are of different networks; give runs of one network")
    models[0].load_state_dict(mean(models))
    training = {"average_of": [d.training for d in described], "revision": git_revision(), "torch": torch.__version__}
    if held_out(training):
        training["validation"] = validation(models[0])
    checkpoint.save(options.out, models[0], dataclasses.replace(first, training=training, settings={}, scores={}), half=True)
    print(f"Saved {options.out}: {training.get('validation', 'has learned from the validation writers')}")


if __name__ == "__main__":
    main()
