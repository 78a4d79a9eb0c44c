"""The receptive field of a unit is where its gradient with respect to the drawing is non-zero."""

import dataclasses

import pytest
import torch
from torch import nn

from mnist_lab.explain import Field, Op, program, receptive_fields, run, shown
from mnist_lab.explain.run import step
from mnist_lab.models.classifier import LeNet, ResNet


class Odd(nn.Module):
    """What neither network has: kernels of 1, 5 and 7, a convolution without padding, a sum whose branches see different sizes."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(1, 2, 5), nn.Conv2d(2, 2, 7, padding=3), nn.Conv2d(2, 2, 1)
        self.pool, self.d, self.answer = nn.AvgPool2d(4), nn.Conv2d(2, 2, 3, padding=1), nn.Linear(2, 10)

    def forward(self, x):
        x = self.a(x)  # (B, 2, 28, 28)
        x = self.pool(self.b(x).relu() + self.c(x))  # (B, 2, 7, 7)
        return self.answer(self.d(x).mean((2, 3)))


MODELS = [LeNet, ResNet, Odd]


def transparent(model: nn.Module) -> list[Op]:
    """The steps with random positive weights, so that no path cancels another and no ReLU is dead. A maximum passes its gradient to
    one of its values only, whichever is largest, so averages stand in its place: they look through the same windows."""
    generator = torch.Generator().manual_seed(0)
    average = {"maxpool": "avgpool", "max": "mean"}

    def positive(op: Op) -> Op:
        if op.weight is None:
            return dataclasses.replace(op, kind=average.get(op.kind, op.kind))
        weight = (torch.rand(op.weight.shape, generator=generator) + .5) / op.weight[0].size
        return dataclasses.replace(op, weight=weight.numpy(), bias=op.bias * 0 + 1)

    return [positive(op) for op in program(model.eval())]


def forward(ops: list[Op], digit: torch.Tensor) -> list[torch.Tensor]:
    """As `run`, but gradients pass. digit (28, 28)."""
    values: list[torch.Tensor] = []
    for op in ops:
        values.append(nn.functional.pad(digit, (2, 2, 2, 2))[None, None] if op.kind == "input" else step(op, [values[i] for i in op.inputs]))
    return values


def support(values: list[torch.Tensor], digit: torch.Tensor, k: int, *place: int) -> tuple[int, int, int, int]:
    """The rectangle where the gradient of one value is non-zero, which it must fill; all zeros if there is none."""
    rows, columns = torch.autograd.grad(values[k][(0, 0, *place)], digit, retain_graph=True)[0].nonzero(as_tuple=True)
    if not len(rows):
        return 0, 0, 0, 0
    left, top, right, bottom = (int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    assert len(rows) == (right - left) * (bottom - top)
    return left, top, right, bottom


def area(rectangle: tuple[int, int, int, int]) -> int:
    left, top, right, bottom = rectangle
    return (right - left) * (bottom - top)


@pytest.mark.parametrize("model_class", MODELS)
def test_a_unit_sees_where_its_gradient_is_not_zero(model_class):
    ops, digit = transparent(model_class()), torch.rand(28, 28, generator=torch.Generator().manual_seed(1)).requires_grad_()
    fields, values = receptive_fields(ops), forward(ops, digit)
    for k, op in enumerate(ops):
        if op.kind == "flatten":
            continue  # its values have places, but numbers no longer tell them
        corners = (0, 1, op.shape[-1] // 2, op.shape[-1] - 1)
        for place in [(y, x) for y in corners for x in corners] if len(op.shape) == 3 else [()]:
            found, expected = fields[k].rectangle(*place), support(values, digit, k, *place)
            assert found == expected or area(found) == area(expected) == 0, (k, op.kind, place)


@pytest.mark.parametrize("model_class", MODELS)
def test_what_lies_outside_the_field_changes_nothing(model_class):
    """With weights as they are: any ink outside, and the value stays the same."""
    ops = program(model_class().eval())
    generator = torch.Generator().manual_seed(2)
    a, b = (torch.rand(28, 28, generator=generator) for _ in range(2))
    for k, op in enumerate(ops):
        if len(op.shape) < 3:
            continue
        y, x = op.shape[-1] // 3, op.shape[-1] // 2
        left, top, right, bottom = receptive_fields(ops)[k].rectangle(y, x)
        mixed = b.clone()
        mixed[top:bottom, left:right] = a[top:bottom, left:right]
        seen = [run(ops[:k + 1], nn.functional.pad(digit, (2, 2, 2, 2), value=-1)[None, None])[-1][0, :, y, x] for digit in (a, mixed)]
        torch.testing.assert_close(*seen)


def test_lenet_s_windows_grow_as_published():
    ops = program(LeNet().eval())
    fields = receptive_fields(ops)
    assert {name: (fields[k].size, fields[k].stride) for k, name in shown(ops)} == {
        "Convolution 1": (3, 1), "Pool 1": (4, 2), "Convolution 2": (8, 2), "Pool 2": (10, 4), "Convolution 3": (18, 4), "Average": (30, 16),
        "Dense 1": (28, 0), "Dense 2": (28, 0), "Answer": (28, 0)}
    assert fields[3].rectangle(1, 2) == (1, 0, 5, 3)  # the input's border and the padding of zeros are outside the digit


def test_rectangles_are_clipped_to_the_digit():
    field = Field(3, 1, -3)  # LeNet's first convolution
    assert field.rectangle(15, 15) == (12, 12, 15, 15)
    assert field.rectangle(0, 31) == (28, 0, 28, 0)
    assert Field(28, 0, 0).rectangle(9, 9) == Field(28, 0, 0).rectangle() == (0, 0, 28, 28)
