"""What goes on inside a classifier: arrays only, for any model made of the usual modules."""

from mnist_lab.explain.activations import Layer, layers, scale
from mnist_lab.explain.program import Op, ProgramError, program, shown

__all__ = ["Layer", "Op", "ProgramError", "layers", "program", "scale", "shown"]
