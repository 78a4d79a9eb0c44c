"""Latent space: paths and slices through it, directions in it that mean something, and the way back from a picture.

Networks are arguments: a generator takes z (B, D) and label (B, 10) and gives (B, 1, 32, 32) in [-1, 1].
"""

from mnist_lab.latent.directions import Direction, find
from mnist_lab.latent.inversion import RANDOM, Search, advance, begin, guess_labels, invert
from mnist_lab.latent.measures import MEASURES, measure
from mnist_lab.latent.paths import PATHS, Plane, plane, slerp, walk

__all__ = ["MEASURES", "PATHS", "RANDOM", "Direction", "Plane", "Search", "advance", "begin", "find", "guess_labels", "invert", "measure", "plane", "slerp",
           "walk"]
