"""What goes on inside a classifier: arrays only, for any model made of the usual modules."""

from mnist_lab.explain.activations import Layer, layers, scale
from mnist_lab.explain.lesson import Lesson, Taught, rate_for, teach
from mnist_lab.explain.program import Op, ProgramError, program, shown
from mnist_lab.explain.receptive import Field, receptive_fields
from mnist_lab.explain.run import run
from mnist_lab.explain.surgery import Losses, losses, switched

__all__ = [
    "Field", "Layer", "Lesson", "Losses", "Op", "ProgramError", "Taught", "layers", "losses", "program", "rate_for", "receptive_fields", "run", "scale",
    "shown", "switched", "teach",
]
