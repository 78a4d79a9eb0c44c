"""What goes on inside a classifier: arrays only, for any model made of the usual modules."""

from mnist_lab.explain.activations import Layer, layers, scale
from mnist_lab.explain.counterfactual import Counterfactual, counterfactual
from mnist_lab.explain.lesson import Lesson, Taught, rate_for, teach
from mnist_lab.explain.program import Op, ProgramError, program, shown
from mnist_lab.explain.receptive import Field, receptive_fields
from mnist_lab.explain.run import run
from mnist_lab.explain.surgery import Losses, losses, switched
from mnist_lab.explain.why import METHODS, grad_cam, integrated_gradients, occlusion, saliency

__all__ = [
    "Counterfactual", "Field", "Layer", "Lesson", "Losses", "METHODS", "Op", "ProgramError", "Taught", "counterfactual", "grad_cam",
    "integrated_gradients", "layers", "losses", "occlusion", "program", "rate_for", "receptive_fields", "run", "saliency", "scale", "shown", "switched",
    "teach",
]
