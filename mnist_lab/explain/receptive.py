"""Receptive fields: which pixels of the drawing one value of a layer can depend on, from kernel sizes, paddings and pools alone.

The arithmetic of Dumoulin & Visin 2016 ("A guide to convolution arithmetic"), along one side; maps and windows are square.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mnist_lab.explain.program import SIDE, Op

DIGIT = 28  # the digit's side, in the middle of the input
MARGIN = (SIDE - DIGIT) // 2
PLACED = ("input", "crop", "conv", "relu", "maxpool", "avgpool", "add")  # steps whose values still have a place in the picture


@dataclass(frozen=True)
class Field:
    """What the values of one step see, in pixels of the digit: number u along a side sees [start + u stride, start + u stride + size)."""

    size: int
    stride: int
    start: int

    def rectangle(self, row: int = 0, column: int = 0) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in the 28x28 digit, right and bottom excluded. Empty where only what surrounds the digit is seen."""
        (left, right), (top, bottom) = self._span(column), self._span(row)
        return left, top, right, bottom

    def _span(self, place: int) -> tuple[int, int]:
        low = self.start + place * self.stride
        return min(max(low, 0), DIGIT), min(max(low + self.size, 0), DIGIT)


WHOLE = Field(DIGIT, 0, 0)


def receptive_fields(ops: Sequence[Op]) -> list[Field]:
    """The field of every step; the whole digit for those whose values have no place in it (mean, max, flatten, dense, concat)."""
    found: list[Field] = []
    for op in ops:
        found.append(_field(op, [found[i] for i in op.inputs]) if op.kind in PLACED else WHOLE)
    return found


def _field(op: Op, inputs: list[Field]) -> Field:
    if op.kind == "input":
        return Field(1, 1, -MARGIN)
    seen = _joined(inputs)
    size, stride, start = seen.size, seen.stride, seen.start
    match op.kind:
        case "crop":
            return Field(size, stride, start + op.size * stride)
        case "conv":
            return Field(size + (op.weight.shape[-1] - 1) * stride, stride, start - op.size * stride)
        case "maxpool" | "avgpool":
            return Field(size + (op.size - 1) * stride, op.size * stride, start)
    return seen  # relu, add


def _joined(inputs: list[Field]) -> Field:
    """What a sum sees: everything that one of its parts sees. Maps of one size made from one input have one stride."""
    start = min(f.start for f in inputs)
    return Field(max(f.start + f.size for f in inputs) - start, inputs[0].stride, start)
