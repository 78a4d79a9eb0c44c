"""A generator as a short list of plain operations, which a page can run by itself: widgets/forge.js reads the same list.

Read off the model's own forward pass, like `mnist_lab.explain.program` for classifiers; batch norm is folded into the layer before it.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn.utils import fusion

from mnist_lab.explain.program import ProgramError, traced


@dataclass(frozen=True)
class Forging:
    """One step. `inputs` are places in the list of earlier steps; `shape` is the output's, without the batch.

    kind: "input" (latent and label side by side), "dense", "up" (transposed convolution, kernel 4, stride 2, padding 1),
    "conv" (odd kernel, padding that keeps the size), "relu", "leaky" (`number`: slope below zero), "add", "grow" (twice as
    large, bilinear), "pad" (`number` pixels of paper on every side), "tanh".
    """

    kind: str
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    number: float = 0.0
    weight: np.ndarray | None = None  # float32 (Cout, Cin) of a dense layer, else (Cout, Cin, k, k)
    bias: np.ndarray | None = None  # float32 (Cout,)


@torch.no_grad()
def forging(generator: nn.Module) -> list[Forging]:
    """The steps of a generator (in evaluation mode) in the order they run; the last is (1, 32, 32) in [-1, 1]. Raises ProgramError."""
    graph = traced(generator)
    ShapeProp(graph).propagate(torch.zeros(1, generator.config.latent), torch.zeros(1, 10))
    modules, place, steps = dict(graph.named_modules()), {}, []
    for node in graph.graph.nodes:
        module = modules.get(node.target) if node.op == "call_module" else None
        if node.op in ("output", "placeholder"):
            continue
        if isinstance(module, nn.BatchNorm2d):
            place[node] = place[node.args[0]]
            steps[place[node]] = _folded(steps[place[node]], module)
        elif _name(node) in ("unflatten", "flatten"):
            place[node] = place[node.args[0]]
            steps[place[node]] = Forging(**{**vars(steps[place[node]]), "shape": _shape(node)})
        else:
            place[node] = len(steps)
            steps.append(_step(node, module, place))
    return steps


def _name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else node.target.__name__


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["tensor_meta"].shape[1:])


def _step(node: fx.Node, module: nn.Module | None, place: dict[fx.Node, int]) -> Forging:
    inputs, shape = tuple(place[n] for n in node.all_input_nodes if n in place), _shape(node)
    if module is not None:
        return _layer(module, inputs, shape)
    name, args = _name(node), {**dict(enumerate(node.args)), **node.kwargs}
    if name == "leaky_relu":
        return Forging("leaky", inputs, shape, float(args.get("negative_slope", args.get(1, 0.01))))
    if name == "interpolate" and args.get("mode") == "bilinear" and args.get("scale_factor") == 2:
        return Forging("grow", inputs, shape)
    if name == "pad":
        return Forging("pad", inputs, shape, (shape[-1] - node.all_input_nodes[0].meta["tensor_meta"].shape[-1]) // 2)
    kinds = {"cat": "input", "relu": "relu", "tanh": "tanh", "add": "add"}
    if name not in kinds:
        raise ProgramError(f"This generator uses {name}, which a page can't run.")
    return Forging(kinds[name], inputs, shape)


def _layer(module: nn.Module, inputs: tuple[int, ...], shape: tuple[int, ...]) -> Forging:
    if isinstance(module, nn.Linear):
        return Forging("dense", inputs, shape, 0.0, _array(module.weight), _bias(module, len(module.weight)))
    if isinstance(module, nn.ConvTranspose2d) and (module.kernel_size, module.stride, module.padding) == ((4, 4), (2, 2), (1, 1)):
        return Forging("up", inputs, shape, 0.0, _array(module.weight.transpose(0, 1)), _bias(module, module.out_channels))
    if isinstance(module, nn.Conv2d) and module.stride == (1, 1) and module.groups == 1:
        return Forging("conv", inputs, shape, 0.0, _array(module.weight), _bias(module, module.out_channels))
    raise ProgramError(f"This generator uses {module}, which a page can't run.")


def _folded(step: Forging, norm: nn.BatchNorm2d) -> Forging:
    """The step with the batch norm that follows it. A dense layer's norm shares each gain among the pixels of a map."""
    if step.weight is None:
        raise ProgramError("This generator uses batch norm that doesn't follow a layer of weights, which a page can't run.")
    shares = len(step.bias) // norm.num_features
    statistics = [v.repeat_interleave(shares) for v in (norm.running_mean, norm.running_var)]
    gain, shift = (v.detach().repeat_interleave(shares) for v in (norm.weight, norm.bias))
    fuse = fusion.fuse_linear_bn_weights if step.kind == "dense" else fusion.fuse_conv_bn_weights
    weight, bias = fuse(torch.tensor(step.weight), torch.tensor(step.bias), *statistics, norm.eps, gain, shift)
    return Forging(**{**vars(step), "weight": _array(weight), "bias": _array(bias)})


def _bias(module: nn.Module, count: int) -> np.ndarray:
    return _array(torch.zeros(count) if module.bias is None else module.bias)


def _array(value: Tensor) -> np.ndarray:
    return value.detach().float().contiguous().numpy().copy()
