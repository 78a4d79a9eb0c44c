"""The steps of `program`, run in torch: the whole list, or only what follows a step whose output is known."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mnist_lab.explain.program import Op


@torch.inference_mode()
def run(ops: list[Op], x: Tensor, known: Sequence[Tensor] = ()) -> list[Tensor]:
    """The output of every step, (B, *shape) each; the last is the logits (B, 10). x (B, 1, 32, 32).

    `known`: outputs of the first steps, which are taken as they are. They may differ in batch, as long as all but one size are 1.
    """
    values = list(known)
    for op in ops[len(values):]:
        values.append(x if op.kind == "input" else step(op, [values[i] for i in op.inputs]))
    return values


def step(op: Op, inputs: list[Tensor]) -> Tensor:
    """One step of its inputs (B, *shape); gradients pass if its weights are tensors that want them."""
    x = inputs[0]
    match op.kind:
        case "conv":
            weight = torch.as_tensor(op.weight).to(memory_format=torch.channels_last)  # a third faster on CPUs
            return F.conv2d(x, weight, torch.as_tensor(op.bias), padding=op.size)
        case "dense":
            return F.linear(x, torch.as_tensor(op.weight), torch.as_tensor(op.bias))
        case "concat":
            batch = max(len(part) for part in inputs)
            return torch.cat([part.expand(batch, *part.shape[1:]) for part in inputs], dim=1)
        case "crop":
            return x[..., op.size:-op.size, op.size:-op.size]
        case "add":
            return inputs[0] + inputs[1]
        case "maxpool":
            return F.max_pool2d(x, op.size)
        case "avgpool":
            return F.avg_pool2d(x, op.size)
        case "relu":
            return x.relu()
        case "mean":
            return x.mean((2, 3))
        case "max":
            return x.amax((2, 3))
        case "flatten":
            return x.flatten(1)
    raise ValueError(f"There is no step {op.kind!r}.")
