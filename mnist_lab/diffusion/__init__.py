"""Diffusion: schedules, the forward process, guidance, samplers and editing, none of which knows the others' insides."""

from mnist_lab.diffusion.guidance import guided
from mnist_lab.diffusion.samplers import SAMPLERS, VARIANCES, Frame, network_calls
from mnist_lab.diffusion.schedules import SCHEDULES, SHAPES, levels

__all__ = ["SAMPLERS", "SCHEDULES", "SHAPES", "VARIANCES", "Frame", "guided", "levels", "network_calls"]
