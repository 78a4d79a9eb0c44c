"""Diffusion: schedules, the forward process, guidance and samplers, none of which knows the others' insides."""

from mnist_lab.diffusion.guidance import guided
from mnist_lab.diffusion.samplers import SAMPLERS, Frame
from mnist_lab.diffusion.schedules import SCHEDULES, levels

__all__ = ["SAMPLERS", "SCHEDULES", "Frame", "guided", "levels"]
