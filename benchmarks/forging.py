"""Sixty-four digits from a GAN: `python -m benchmarks.forging`.

The lab's own generator (the DCGAN) and the residual one, in one run on the CPU with the same threads; weights are random, they do not
change the time. Runs alternate, so that a busy machine slows both.
"""

import statistics

import torch

from benchmarks.pen import milliseconds
from mnist_lab.models import Generator, ResidualGenerator

DIGITS, ROUNDS = 64, 40


@torch.inference_mode()
def main() -> None:
    z, label = torch.randn(DIGITS, Generator.Config().latent), torch.eye(10)[torch.arange(DIGITS) % 10]
    runs = {"DCGAN": Generator().eval(), "residual": ResidualGenerator().eval()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for k in range(ROUNDS + 2):
        for name, network in runs.items():
            taken = milliseconds(lambda network=network: network(z, label), rounds=1)
            if k > 1:  # the first rounds warm up
                times[name] += taken
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    for name, network in runs.items():
        count = sum(p.numel() for p in network.parameters())
        ratio = medians["DCGAN"] / medians[name]
        print(f"{DIGITS} digits by the {name:<9} {count:>8,} parameters  {medians[name]:5.1f} ms   {ratio:4.2f} times as fast as the DCGAN")


if __name__ == "__main__":
    main()
