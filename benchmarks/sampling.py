"""Sampling against Hugging Face diffusers: `python -m benchmarks.sampling`.

Ten digits, 50 DDIM steps: the published U-Net with our sampler, and our denoiser, against diffusers' own DDIMPipeline with a
UNet2DModel of about the U-Net's parameter count, all in eager mode on the CPU with the same threads. Weights are random: they do not
change the time. Runs alternate, and the ratio is the median of those within a round, so that a machine that is busy for a while
slows all; theirs need not even look at a label.
"""

import statistics
import time
from collections.abc import Callable
from types import SimpleNamespace

import torch
from diffusers import DDIMPipeline, DDIMScheduler, UNet2DModel

from mnist_lab.diffusion.schedules import linear_alpha_bar
from mnist_lab.labs import DiffusionLab
from mnist_lab.models import Denoiser, UNet

DIGITS, STEPS, ROUNDS = 10, 50, 15


def our_run(network_class: type[torch.nn.Module]) -> tuple[Callable[[], object], int]:
    """What the app does for ten digits with one of our networks, and its parameter count."""
    chain = linear_alpha_bar()
    settings = {"lowest_alpha_bar": chain.min().item(), "highest_alpha_bar": chain.max().item(), "guidance": 1.0}
    network = network_class().to(memory_format=torch.channels_last).eval().requires_grad_(False)  # as a checkpoint is loaded
    lab = DiffusionLab(SimpleNamespace(load=lambda name: (network, SimpleNamespace(settings=settings))))
    return lambda: lab.generate(list(range(DIGITS)), steps=STEPS, schedule="linear"), size(network)


def their_run() -> tuple[Callable[[], object], int]:
    """Four levels, no attention, the fewest blocks it can be built with (one a level down, two up); widths to come nearest to our size."""
    network = UNet2DModel(
        sample_size=32, in_channels=1, out_channels=1, layers_per_block=1, norm_num_groups=8, block_out_channels=(32, 64, 64, 112),
        down_block_types=("DownBlock2D",) * 4, up_block_types=("UpBlock2D",) * 4, add_attention=False,
    ).eval()
    pipeline = DDIMPipeline(network, DDIMScheduler(num_train_timesteps=1000))
    pipeline.set_progress_bar_config(disable=True)
    return lambda: pipeline(batch_size=DIGITS, num_inference_steps=STEPS, generator=torch.Generator().manual_seed(0)), size(network)


def size(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    runs = {"our denoiser": our_run(Denoiser), "published U-Net": our_run(UNet), "diffusers": their_run()}
    times: dict[str, list[float]] = {name: [] for name in runs}
    for k in range(ROUNDS + 1):
        for name, (run, _) in runs.items():
            taken = seconds(run)
            if k:  # the first round warms up
                times[name].append(taken)
    print(f"{DIGITS} digits, {STEPS} DDIM steps, {torch.get_num_threads()} threads, medians of {ROUNDS} rounds")
    for name, (_, count) in runs.items():
        ratio = statistics.median(theirs / ours for ours, theirs in zip(times[name], times["diffusers"], strict=True))
        print(f"{name:<16} {count:>10,} parameters  {statistics.median(times[name]):6.2f} s  {ratio:5.2f} times as fast as diffusers")


if __name__ == "__main__":
    main()
